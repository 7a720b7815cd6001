# ---
# jupyter:
#   kernelspec: {display_name: Python 3, language: python, name: python3}
# ---

# %% [markdown]
# # 20 · Public safety: may we publish the map, may we blur the plate?
#
# *About 60 minutes, all of it required.
# You need lab 03: epsilon, sensitivity, Laplace noise.
# Lab 04 helps.
# Terms are also explained in the [glossary](00-start-here.ipynb#Glossary).*
#
# > **Memo.** The police want to publish where they stop people, as a map that is renewed every day,
# > with the search rate of each group, and some pictures of traffic with the number plates made unreadable.
# > The city's data officer must say what may go out, and how.
#
# **Afterwards you can** undo "numbers under five are hidden" by subtracting two days,
# publish a map whose hot spots are right and whose single cases are nobody's business,
# say who pays for equal privacy, read a plate through a mosaic, and sign a decision with numbers in it.

# %%
import matplotlib.pyplot as plt
import numpy as np
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure

from labkit import datasets, dp, lab
from labkit.attacks.mosaic import mosaic, read_mosaic
from labkit.exercises.lab_20 import check

stops = datasets.stops().table
stops["hour"], stops["day"] = stops.date.str[:13], stops.date.str[:10]
print(f"{len(stops):,} stops in Minneapolis in 2017, {stops.neighborhood.nunique()} neighbourhoods")

# %% [markdown]
# The city publishes these records itself.
# No names are in them, and we will not look for any.
#
# ## What goes wrong
#
# A neighbour sees a police car from the window, with somebody beside it.
# He knows the neighbourhood and the hour, and what the person looks like.
# **Predict:** for how many of a hundred stops is the record in the table the only one that fits?

# %%
lab.predict("For how many of a hundred stops is the record the only one that fits?", low=0, high=100)

# %%
known = ["neighborhood", "hour"]
fits = stops.groupby(known, dropna=False).size()
fits_looks = stops.groupby([*known, "gender", "race"], dropna=False).size()
alone, alone_looks = (fits == 1).sum() / len(stops), (fits_looks == 1).sum() / len(stops)

# %%
lab.truth(round(100 * alone), "of a hundred")
lab.claim("who saw the place and the hour finds the record, and reads the rest of it",
          alone > 0.6 and alone_looks > 0.85,
          place_and_hour=alone, with_gender_and_race=alone_looks)

# %% [markdown]
# So no records.
# Counts, then: how many stops this year, by neighbourhood, renewed every night.
# A count under five is hidden.
# A resident compares two days.

# %%
lab.predict("In how many percent of the cases with one stop on a day does he see that there was one?",
            low=0, high=100)

# %%
daily = stops.groupby(["neighborhood", "day"]).size().unstack(fill_value=0)
so_far = daily.cumsum(axis=1).to_numpy()
single = daily.to_numpy()[:, 1:] == 1
visible = single & (so_far[:, :-1] >= 5)

# %%
lab.truth(round(100 * visible.sum() / single.sum()), "%")
lab.claim("the threshold protects a count, and the difference of two counts is not protected",
          visible.sum() > 0.9 * single.sum(), single_stops=int(single.sum()), seen=int(visible.sum()))

# %% [markdown]
# And the pictures.
# The plates get a **mosaic**: squares of 24 pixels, each in its mean grey.
# A digit is 24 pixels wide and 48 high, so all that is left of a plate is fourteen grey squares.

# %%
def digit(number):
    """A picture of 48 x 24 grey levels, 255 is white."""
    figure = Figure(figsize=(0.24, 0.48), dpi=100)
    canvas = FigureCanvasAgg(figure)
    figure.text(0.5, 0.5, str(number), family="DejaVu Sans Mono", weight="bold", size=26,
                ha="center", va="center")
    canvas.draw()
    return np.asarray(canvas.buffer_rgba())[..., 0].astype(float)


glyphs = np.array([digit(number) for number in range(10)])
rng = np.random.default_rng(20)
plates = rng.integers(0, 10, (8, 7))
picture = np.concatenate(glyphs[plates[0]], axis=1)
squares = np.round(mosaic(picture, 24))

# %% tags=["hide-input"] jupyter={"source_hidden": true}
# Draws: a plate as the camera sees it, and in squares.
fig, axes = lab.plots.figure(8.2, 1.6, ncols=2)
for ax, shown, title in zip(axes, (picture, squares), ("the plate", "what is published")):
    ax.imshow(shown, cmap="gray", vmin=0, vmax=255, extent=(0, 168, 48, 0))
    ax.set_title(title)
    ax.axis("off")
plt.show()

# %% [markdown]
# Can anybody read that?
# **Predict:** of eight plates, how many does a program read whole?
# (There are ten million numbers.)

# %%
lab.predict("How many of the eight plates are read whole?", low=0, high=8)

# %%
def plates_read(block, deviation=0.0, frames=1, seed=0):
    """How many plates are read whole, through squares of `block` pixels with noise, from some frames."""
    rng, right = np.random.default_rng(seed), 0
    for plate in plates:
        exact = mosaic(np.concatenate(glyphs[plate], axis=1), block)
        taken = [np.round(exact + rng.normal(0, deviation, exact.shape)) for _ in range(frames)]
        right += read_mosaic(np.mean(taken, axis=0), glyphs, block=block, length=7) == list(plate)
    return right


read = plates_read(24)

# %%
lab.truth(read)
lab.claim("fourteen grey squares are read like print", read == len(plates), read=read, of=len(plates))

# %% [markdown]
# The program does not sharpen anything.
# It draws the ten digits, puts the same mosaic over them, and looks which fits: seven times ten trials.
# The mosaic is a function, and a function of few possible inputs can be tabulated.
# It is the hashed telephone number of lab 12 once more.
#
# ## The idea
#
# For counts, the unit of privacy is **one stop**: neighbouring tables differ in one record, added or removed.
# (The records do not say who was stopped, so a promise about *persons* cannot be made with them.
# Somebody who was stopped three times is promised three times the epsilon.)
# One stop moves one cell of a map by one, so the sensitivity is 1, and Laplace noise
# of scale $1/\varepsilon$ on every cell gives $\varepsilon$-differential privacy, $\delta = 0$.
#
# A map has many empty cells, and noise on them would show stops where there were none.
# So a cell is shown only above a **threshold** that noise alone rarely crosses:
# with $m$ cells, noise passes $\ln(m / 0.1)/\varepsilon$ *anywhere* in at most one map of twenty
# (the noise of each cell must be above it: half the time noise is below zero).
# The threshold looks at noisy numbers only: post-processing, free of charge.
#
# ## Build it
#
# Does the map keep its twenty busiest cells at epsilon 1?
# And what becomes of the cells with one to four stops?

# %%
def grid(degrees):
    """The number of stops in each cell of a map of the whole city, empty cells included."""
    north, west = np.arange(44.89, 45.06, degrees), np.arange(-93.33, -93.19, degrees)
    counts, _, _ = np.histogram2d(stops.latitude, stops.longitude, bins=(north, west))
    return counts.astype(int)


def private_map(counts, epsilon, rng):
    """Noise on every cell, then only what stands out of the noise; add or remove one stop, delta 0."""
    noisy = dp.geometric(counts, sensitivity=1, epsilon=epsilon, rng=rng)
    return np.where(noisy > np.log(counts.size / 0.1) / epsilon, noisy, 0)


# %%
counts = grid(0.005)
shown = private_map(counts, 1.0, np.random.default_rng(0))


def top(table, number=20):
    return set(np.argsort(table, axis=None, kind="stable")[-number:])


kept = len(top(counts) & top(shown)) / 20
small = (counts > 0) & (counts < 5)
error = np.abs(shown - counts).sum() / counts.sum()

# %%
lab.claim("hot spots are cheap: the busiest cells are kept", kept >= 0.9,
          kept=kept, error_of_all_counts=error)
lab.claim("and no cell with one to four stops is shown: the threshold hides it",
          not shown[small].any() and not shown[counts == 0].any(), small_cells=int(small.sum()))

# %% [markdown]
# ## Use the real thing
#
# A map every night is 365 releases about the same stops: the counts run up, so a stop is in every later map.
# The library `dp-accounting` adds up.
# **Predict** what epsilon 0.1 a night is at the end of the year, for a stop of the first of January.

# %%
lab.predict("What epsilon does that stop have at the end of the year, with delta 1e-7?", low=0.0, high=40.0)

# %%
import dp_accounting

night = dp_accounting.LaplaceDpEvent(noise_multiplier=1 / 0.1)
year = dp.epsilon_of(dp_accounting.SelfComposedDpEvent(night, 365), delta=1e-7)
only_new = 0.1  # if each night's map counts that day's stops only, a stop is in one map

# %%
lab.truth(round(year, 1))
lab.claim("running totals charge a stop again every night", year > 5, epsilon_after_a_year=round(year, 1))

# %% [markdown]
# (Delta $10^{-7}$, PLD accountant, add or remove one stop.
# Simply added up, without a delta, it would be 36.5.)
# A map of *each day's* stops costs one stop 0.1 in the whole year, because it is in one map only.
# What is asked matters more than the noise.
#
# ## What it costs
#
# The other request: search rates by group.
# How many of the people stopped were searched?
# Two counts for a group, each with Laplace noise; exercise 2 asks for its scale.
# All groups get the same epsilon.

# %%
lab.predict("By what factor is the smallest group's error larger than the largest group's?", low=1, high=100)

# %%
searched = stops.dropna(subset=["person_search", "race"])
searched = searched[searched.race != "Unknown"]
groups = searched.groupby("race").person_search.agg(["size", lambda each: (each == "YES").sum()]).to_numpy()
names = sorted(searched.race.unique())


def rate_errors(epsilon, draws=2000, seed=0):
    """95 % of the private rates of each group are off by no more than this, in points."""
    rng = np.random.default_rng(seed)
    noisy = groups + rng.laplace(0, 2 / epsilon, (draws, *groups.shape))
    rates = np.clip(noisy[..., 1] / noisy[..., 0].clip(min=1), 0, 1)
    return 100 * np.quantile(np.abs(rates - groups[:, 1] / groups[:, 0]), 0.95, axis=0)


errors = rate_errors(0.1)
order = np.argsort(-groups[:, 0])

# %%
lab.claim("stops without a race or a search written down are left out, and they are not few",
          0.3 < 1 - len(searched) / len(stops) < 0.4, left_out=1 - len(searched) / len(stops))
fig, ax = lab.plots.figure(8.2, 2.6)
ax.bar([f"{names[each]}\n{groups[each, 0]:,}" for each in order], errors[order], color=lab.PRIVATE)
ax.set(ylabel="error, points (95 %)", title="The same epsilon (0.1) for all, the error of the search rate")
plt.show()
lab.truth(round(errors[order[-1]] / errors[order[0]]), "times")
lab.claim("equal privacy is unequal accuracy: the smallest group's error is many times the largest's",
          errors[order[-1]] > 8 * errors[order[0]], smallest=errors[order[-1]], largest=errors[order[0]])

# %% [markdown]
# Noise of the same size weighs more on a small number.
# Whoever decides about the smallest group with these rates must see that error beside them.
#
# ## Tune it
#
# *What is left of the map?*

# %% tags=["hide-input"] jupyter={"source_hidden": true}
# Draws: what is left of the map?
maps = {degrees: grid(degrees) for degrees in (0.0025, 0.005, 0.01)}


def city(fig, epsilon, cell, renewed):
    """What is left of the map?"""
    counts = maps[cell]
    each = epsilon / {"once": 1, "monthly, running totals": 12, "daily, running totals": 365}[renewed]
    shown = private_map(counts, each, np.random.default_rng(7))
    axes = fig.subplots(1, 2)
    fig.subplots_adjust(0.02, 0.02, 0.98, 0.88, wspace=0.05)
    for ax, table, title in zip(axes, (counts, shown), ("exact", "private")):
        ax.imshow(np.log1p(table), cmap="Blues", origin="lower", vmin=0, vmax=np.log1p(counts.max()))
        ax.set_title(title)
        ax.axis("off")
    kept = len(top(counts) & top(shown)) if shown.any() else 0
    return (f"Epsilon {each:.3g} a map ({renewed}): {kept} of the 20 busiest cells are kept, and "
            f"{np.count_nonzero(shown[(counts > 0) & (counts < 5)])} cells with one to four stops are shown.")


lab.explore(city, size=(8.2, 3.6), epsilon=(0.1, 10.0, 1.0),
            cell={"280 m": 0.0025, "560 m": 0.005, "1.1 km": 0.01},
            renewed=["once", "monthly, running totals", "daily, running totals"], start={"cell": 0.005})

# %% [markdown]
# **Question.** Set epsilon 1 and "daily".
# What would you offer the newspaper that wants fresh numbers?
#
# <details><summary>Answer</summary>
#
# Not running totals.
# Each day's stops in larger cells, or by neighbourhood: a stop is then in one release, and pays once.
#
# </details>
#
# Now the plate.
# *Which hiding survives a program that tries all digits?*

# %% tags=["hide-input"] jupyter={"source_hidden": true}
# Draws: how many of eight plates are read?
def hidden(fig, block, noise, frames):
    """How many of eight plates are read?"""
    right = plates_read(block, noise, frames)
    rng = np.random.default_rng(0)
    exact = mosaic(picture, block)
    ax = fig.add_axes([0.02, 0.05, 0.96, 0.9])
    noisy = exact + rng.normal(0, noise, (frames, *exact.shape)).mean(axis=0)
    ax.imshow(noisy, cmap="gray", vmin=0, vmax=255, extent=(0, 168, 48, 0))
    ax.axis("off")
    return (f"{exact.size} squares of {block} pixels, noise of {noise} grey levels, {frames} "
            f"frame{'s' if frames > 1 else ''}: {right} of {len(plates)} plates are read whole.")


lab.explore(hidden, live=False, size=(8.2, 2.4), block=[8, 12, 16, 24, 48], noise=[0, 10, 40, 80],
            frames=[1, 10, 30], start={"block": 12, "noise": 10})

# %% [markdown]
# **Question.** Find a setting with noise that hides all plates in a still picture.
# What does a film do to it?
#
# <details><summary>Answer</summary>
#
# Squares of 8 pixels with noise of 80 grey levels hide them in one frame.
# From thirty frames with fresh noise the mean is taken, and the noise shrinks by the square root of thirty,
# which is enough to read them.
# Each fresh draw of noise over the same secret tells a little more, as each release spends budget.
# Draw it once for each plate, or better: paint the plate over.
#
# </details>
#
# ## The attack again
#
# *Was there a stop in this neighbourhood today?*
# The attacker has last night's map and today's.
# With exact numbers he is always right.
# With noise we give him two such differences, one with a stop today and one without:
# how often does he pick the right one?

# %%
lab.predict("How many percent of such pairs does he get right, with noise of epsilon 1 in each map?",
            low=50, high=100)

# %%
def difference_attack(scale, draws=20_000, seed=0):
    """AUC of "one stop more", from the difference of two counts with Laplace noise (scale 0: none)."""
    rng = np.random.default_rng(seed)
    noise = rng.laplace(0, scale, (4, draws)) if scale else np.zeros((4, draws))
    without, with_one = np.sort(noise[0] - noise[1]), 1 + noise[2] - noise[3]
    below, upto = (np.searchsorted(without, with_one, side=side) for side in ("left", "right"))
    return float((below + upto).mean() / 2 / draws)


exact_auc, private_auc, careful_auc = (difference_attack(scale) for scale in (0, 1, 10))
ceiling = np.exp(1) / (1 + np.exp(1))

# %%
lab.truth(round(100 * private_auc), "%")
lab.claim("exact running totals tell each stop", exact_auc == 1.0)

# %%
lab.claim("noise of epsilon 1 a map leaves a guess, noise of 0.1 next to nothing",
          careful_auc < private_auc < ceiling, epsilon_1=round(private_auc, 2),
          epsilon_0_1=round(careful_auc, 2), ceiling=round(float(ceiling), 2))

# %% [markdown]
# (The ceiling is $e / (1 + e)$: no attacker on one map of epsilon 1 picks rightly more often.)

# %% [markdown]
# The plate behind noise, and behind a mask of one colour:

# %%
one_frame, ten_frames = plates_read(8, 40.0), plates_read(8, 40.0, frames=10)
mask = np.zeros((1, 1))  # one square of one colour, whatever the plate
blank = [list(plate) == read_mosaic(mask, glyphs, block=200, length=7) for plate in plates]

# %%
lab.claim("noise hides the plates in a picture, and ten frames of a film bring them back",
          one_frame <= 4 and ten_frames >= 7, one_frame=one_frame, ten_frames=ten_frames)
lab.claim("behind a solid mask there is nothing to fit", sum(blank) == 0, read=sum(blank))

# %% [markdown]
# Now the record.
# These are this lab's numbers; change the choice and the reasons to yours.

# %%
record = lab.decision(
    "May we publish the map of stops, the search rates, and pictures with hidden plates?",
    options=["records without names", "running counts, under five hidden; mosaic on plates",
             "a yearly private map, rates with their error; plates painted over", "nothing"],
    choice="a yearly private map, rates with their error; plates painted over",
    because="The public asks for hot spots and rates, and they survive the noise. Single cases do not.",
    numbers=[("records found by place and hour", f"{alone:.0%}", "none"),
             ("single stops seen in running counts", f"{visible.sum():,} of {single.sum():,}", "none"),
             ("busiest cells kept", f"{kept:.0%} of 20", "epsilon 1, delta 0, one stop"),
             ("error of the smallest group's rate", f"{errors[order[-1]]:.0f} points",
              "epsilon 0.1, delta 0, one stop"),
             ("plates read through a mosaic", f"{read} of {len(plates)}", "none"),
             ("plates read behind a mask", f"{sum(blank)} of {len(plates)}", "nothing of it is published")],
    would_change=["a need for daily numbers: then each day's stops only", "records that tell persons apart"],
    risks=["a person stopped several times has several times the epsilon",
           "a stop is in the map and in the rates: epsilon 1.1 in all",
           "rates of small groups mislead without their error",
           "a car is known by more than its plate"],
    sources=["City of Minneapolis, police stops 2017"],
    shown=["records found again", "differencing", "a private map", "unequal errors",
           "plates through a mosaic"])
record

# %% [markdown]
# ## Check yourself
#
# **1.** A map has 4,000 cells.
# What is the threshold at epsilon 0.5, by the rule above?

# %%
threshold = ...
check("threshold", threshold)

# %% [markdown] tags=["solution"]
# <details><summary>Solution</summary>
#
# ```python
# threshold = np.log(4000 / 0.1) / 0.5
#
# check("threshold", threshold);
# ```
# About 21: half the epsilon, twice the threshold.
#
# </details>

# %% [markdown]
# **2.** Write `rate_scale(epsilon)`:
# the Laplace scale for each of the *two* counts of one group, if a rate may cost `epsilon` in all.
# (One stop moves both counts.)

# %%
rate_scale = ...
check("two counts", rate_scale)

# %% [markdown] tags=["solution"]
# <details><summary>Solution</summary>
#
# ```python
# def rate_scale(epsilon):
#     return 2 / epsilon
#
# check("two counts", rate_scale);
# ```
# A stop that was searched moves both counts by one: together by two.
#
# </details>

# %% [markdown]
# **3.** A decision under a constraint.
# A news site shows a film of a road and must hide the plates of parked cars, and keep the film.
# Which one do you allow? (One letter.)
#
# * A: mosaic of 16 pixels, in every frame.
# * B: strong noise, drawn anew in every frame, so that nobody can subtract it.
# * C: a blur so strong that no person can read it.
# * D: a rectangle of one colour over the plate in every frame.

# %%
allow = ...
check("the film", allow)

# %% [markdown] tags=["solution"]
# <details><summary>Solution</summary>
#
# ```python
# allow = "D"
#
# check("the film", allow);
# ```
# A and C are functions of the plate that a program tabulates; what *people* can read does not matter.
# B is averaged away over the frames.
#
# </details>

# %% [markdown]
# ## What the article says
#
# Both articles of lab 00 name public safety among the fields where personal data must be protected,
# and do not say how.

# %%
lab.claim("safety data can be published with privacy for a stop: hot spots survive, single cases vanish",
          bool(kept >= 0.9 and not shown[small].any()), article="B17", verdict="holds once repaired")

# %% [markdown]
# ## Limits and further reading
#
# * One stop is protected, not one person: the records do not tell persons apart.
# * Nothing here says whether stops or searches are *fair*.
#   Noise adds error to that question, and most of it to the small groups.
# * The plates are printed in one typeface, straight, with the mosaic's place known.
#   A photograph is harder, and people have done it (Hill and others, below).
#   The lesson is not how hard: what depends on the secret can be searched for.
# * The edges of the map were chosen from a public map, not from the data.
#   So they must be.
#
# Hill, Zhou, Saul and Shacham, *On the (in)effectiveness of mosaicing
# and blurring as tools for document redaction*, PoPETs 2016.
#
# McPherson, Shokri and Shmatikov, *Defeating image obfuscation with deep learning*, arXiv 1609.00408, 2016.
#
# Dwork, Naor, Pitassi and Rothblum, *Differential privacy under continual observation*, STOC 2010.
#
# Kuppam and others, *Fair decision making using privacy-protected data*, FAT* 2020.
