# ---
# jupyter:
#   kernelspec: {display_name: Python 3, language: python, name: python3}
# ---

# %% [markdown]
# # 19 · Transport: may the city publish trips?
#
# *About 55 minutes, all of it required.
# You need lab 03: epsilon, sensitivity, Laplace noise.
# Lab 01 helps.
# Terms are also explained in the [glossary](00-start-here.ipynb#Glossary).*
#
# > **Memo.** The transport office wants to publish
# > who travels from where to where, for planners and start-ups.
# > Three drafts are on the table: the tracks under fresh pseudonyms,
# > a table of flows with small numbers left out, and a table with noise.
# > Which of them, if any, may go out?
#
# **Afterwards you can** measure how few sightings single a traveller out,
# undo a table with "small numbers left out", say what "epsilon 1" protects when a traveller makes hundreds
# of trips, bound what one traveller contributes, and sign a decision with numbers in it.

# %%
import matplotlib.pyplot as plt
import numpy as np

from labkit import datasets, dp, lab
from labkit.attacks.suppression import recovered
from labkit.attacks.trajectories import relinked, singled_out, visits
from labkit.exercises.lab_19 import check

ships = datasets.ships_coast().table
flights = datasets.flights().table
print(f"{len(ships):,} positions of {ships.ship.nunique():,} ships, one day on the coasts of the US")
print(f"{len(flights):,} trips of {flights.plane.nunique():,} planes, from three airports in 2013")

# %% [markdown]
# No data set of people's journeys may be handed around, and that is the point of this lab.
# So **ships** and **planes** play the travellers:
# they are real, they move like things with habits, and nobody minds being found.
# Numbers for people are as bad or worse:
# de Montjoye and others (2013) needed four sightings for 95 % of 1.5 million telephone users.
#
# ## What goes wrong
#
# Draft one: replace each name by a random number and publish the tracks.
# The attacker saw you now and then: a few places with their times.
# Round every position to a square of a hundredth of a degree (about a kilometre) and to the hour.
# **Predict:** of a hundred travellers, how many are the only one who fits *one* sighting?
# How many, of four?

# %%
lab.predict("How many of a hundred are the only one who fits one sighting?", low=0, high=100)

# %%
fine = visits(ships.ship, ships.longitude, ships.latitude, ships.minute, degrees=0.01, minutes=60)
rng = np.random.default_rng(19)
shares = {known: singled_out(fine, known=known, rng=rng)[0] for known in (1, 2, 4)}

# %%
lab.truth(round(100 * shares[1]), "of a hundred")
for known, share in shares.items():
    print(f"{known} sighting{'s' if known > 1 else ' '}: {share:4.0%} of the travellers are alone")
lab.claim("four sightings single out nearly everybody", shares[4] > 0.95)

# %% [markdown]
# A pseudonym hides the name and keeps the track, and the track is the name.
#
# "Then we change the pseudonyms every week."
# Take 140 ships in one harbour, with new numbers after four days.
# The attacker compares *where each one usually is*.
# A guess would be right once in 65.

# %%
lab.predict("How many percent of the ships does he find again under their new number?", low=0, high=100)

# %%
harbour = datasets.ships_harbour().table
late = harbour.minute >= 4 * 24 * 60
seen_in_both = np.intersect1d(harbour.ship[~late], harbour.ship[late])


def habits(degrees):
    """How often each ship was in each square, before and after the change of pseudonyms."""
    squares = np.column_stack([harbour.longitude // degrees, harbour.latitude // degrees])
    square = np.unique(squares, axis=0, return_inverse=True)[1].ravel()
    counts = np.zeros((2, harbour.ship.max() + 1, square.max() + 1))
    np.add.at(counts, (late.astype(int), harbour.ship, square), 1)
    return counts[:, seen_in_both]


right = relinked(*habits(0.01))
lab.truth(round(100 * right), "%")
lab.claim("most travellers are found again under their new pseudonym", right > 0.45,
          ships=len(seen_in_both), right=right, guessing=1 / len(seen_in_both))

# %% [markdown]
# Draft two: no tracks, only a **table of flows**: trips from each origin to each destination, month by month.
# Numbers under 10 are left out, because they might be about one person.
# The totals of rows and columns stay, since planners need them.
# **Predict:** 140 numbers of a year were left out.
# How many of them can be worked out again?

# %%
lab.predict("How many of the 140 numbers can be worked out again?", low=0, high=140)

# %%
hidden_cells = found = 0
for month, trips in flights.groupby("month"):
    table = trips.groupby(["origin", "destination"]).size().unstack(fill_value=0).to_numpy()
    hidden = (table > 0) & (table < 10)
    back = recovered(table, hidden)
    hidden_cells += hidden.sum()
    found += (back == table)[hidden].sum()

# %%
lab.truth(found)
lab.claim("numbers left out are found again by subtracting from the totals", found == hidden_cells,
          left_out=int(hidden_cells), found=int(found))

# %% [markdown]
# With only three origins, a hidden number is usually the only one in its column.
# Agencies know this, and hide further cells to protect the first ones (*complementary suppression*).
# It helps against subtraction.
# It does not help against somebody who knows some of the trips, and nothing says how much is left.
#
# ## The idea
#
# Draft three: add noise to each number of the table, as in lab 03.
# The noise must cover the **sensitivity**: how much the table moves when *one* is added or removed.
# One *what*?
#
# * One **trip** moves one cell by 1.
# * One **traveller** moves the table by all of her trips.
#
# The definition of differential privacy protects the thing that neighbouring tables differ in,
# the **unit of privacy**, and nothing larger.
# A promise about trips is a weak promise to somebody with many.
# **Predict:** "epsilon 1 for each trip": what is it for the plane that flew most?

# %%
lab.predict("What epsilon does the plane have that flew most?", low=1, high=1000)

# %%
trips_of = flights.groupby("plane").size().to_numpy()
epsilon_trip = 1.0
epsilon_busiest = epsilon_trip * trips_of.max()
lab.truth(epsilon_busiest)

# %%
fig, ax = lab.plots.figure(8.2, 2.6)
ax.hist(trips_of, bins=np.geomspace(1, 600, 40), color=lab.PLAIN)
ax.axvline(trips_of.max(), color=lab.ATTACKER)
ax.text(trips_of.max() / 1.06, ax.get_ylim()[1] * 0.85, "the busiest plane", ha="right", color=lab.ATTACKER)
ax.set(xscale="log", xlabel="trips a year = the epsilon that an epsilon of 1 for each trip leaves that plane",
       ylabel="planes", title="One epsilon, many promises")
plt.show()
lab.claim("an epsilon of 1 for each trip is far more for the busiest traveller", epsilon_busiest > 300,
          epsilon=epsilon_busiest, median_traveller=float(np.median(trips_of)))

# %% [markdown]
# ## Build it
#
# To protect a traveller, first bound what she contributes: keep at most $c$ of her trips, chosen at random.
# Then one traveller, added or removed, moves the whole table by at most $c$ (in the sum over all cells),
# and Laplace noise of scale $c / \varepsilon$
# on every cell is $\varepsilon$-differentially private *for travellers*.
# Cells that nobody travelled get noise as well; otherwise the list of cells would leak.

# %%
pairs = flights.groupby(["origin", "destination"]).ngroup().to_numpy()
cells = 3 * flights.destination.nunique()  # all origins with all destinations: known beforehand
exact = np.bincount(pairs, minlength=cells)


def private_table(epsilon, cap, rng):
    """Flows with at most `cap` trips of a traveller; add or remove one traveller, delta 0."""
    kept = dp.bounded(flights.plane, contributions=cap, rng=rng)
    counts = np.bincount(pairs[kept], minlength=cells)
    return dp.geometric(counts, sensitivity=cap, epsilon=epsilon, rng=rng), kept.mean()


def error(table):
    """The sum of all errors, as a share of all trips."""
    return np.abs(np.maximum(table, 0) - exact).sum() / exact.sum()


# %% [markdown]
# The cut makes every flow smaller.
# Planners want the full numbers, so we scale the table up again.
# (By the exact share that was kept, for simplicity.
# A real release would spend a little epsilon on it.)
# Take epsilon 1 for travellers, and at most 100 trips each.

# %%
lab.predict("What percentage of all trips do the errors add up to?", low=0, high=100)

# %%
noisy, kept = private_table(1.0, 100, np.random.default_rng(0))
by_traveller = error(noisy / kept)
by_trip = error(dp.geometric(exact, sensitivity=1, epsilon=1.0, rng=np.random.default_rng(0)))

# %%
print(f"epsilon 1 for a trip: {by_trip:.1%} of all trips; for a traveller: {by_traveller:.0%}")
lab.truth(round(100 * by_traveller), "%")
lab.claim("the honest unit costs far more error", by_traveller > 100 * by_trip)

# %% [markdown]
# ## Use the real thing
#
# [OpenDP](https://docs.opendp.org) keeps the books: a *measurement* knows its input distance.
# Ours is the number of trips that a traveller may move.
# We ask it what it costs to move the table by 1 and by 100, at one noise scale.

# %%
import opendp.prelude as odp

odp.enable_features("contrib")
space = odp.vector_domain(odp.atom_domain(T=int)), odp.l1_distance(T=int)
laplace = odp.m.make_laplace(*space, scale=100.0)
spent = {moved: laplace.map(moved) for moved in (1, 100)}

# %%
table = laplace(np.bincount(pairs[dp.bounded(flights.plane, contributions=100)], minlength=cells).tolist())
lab.claim("OpenDP agrees: noise of scale 100 is epsilon 1 for 100 trips, and 0.01 for one",
          abs(spent[100] - 1) < 1e-9 and abs(spent[1] - 0.01) < 1e-9 and len(table) == cells)

# %% [markdown]
# ## What it costs
#
# A small cap cuts off trips: that error is **bias**, and no error bar of the noise shows it.
# A large cap needs much noise.
# The best cap lies somewhere between 1 and 600.

# %%
caps = [1, 3, 10, 30, 60, 100, 150, 200, 300, 600]
total, bias = [], []
for cap in caps:
    drawn = [private_table(1.0, cap, np.random.default_rng(seed)) for seed in range(3)]
    total.append(np.mean([error(table / share) for table, share in drawn]))
    kept = dp.bounded(flights.plane, contributions=cap, rng=np.random.default_rng(0))
    bias.append(error(np.bincount(pairs[kept], minlength=cells) / kept.mean()))

# %%
fig, ax = lab.plots.figure(8.2, 3.0)
ax.plot(caps, total, color=lab.PRIVATE, marker="o", label="cap and noise, epsilon 1 for a traveller")
ax.plot(caps, bias, color=lab.PLAIN, marker="o", label="cap alone: no privacy, only the bias")
lab.plots.baseline(ax, 1.0, "publish nothing (all zeros)")
ax.set(xscale="log", xlabel="trips kept of each traveller, at most", ylabel="errors / trips", ylim=(0, 1.05))
lab.plots.percent(ax)
ax.legend()
plt.show()
best = int(np.argmin(total))
lab.claim("the best cap is neither small nor large", 30 <= caps[best] <= 300,
          cap=caps[best], error=total[best])

# %% [markdown]
# The grey line is the control.
# Up to a cap of 100 or so most of the error is *the cut*, not the noise.
# It falls on those who travel most, and on the routes that they use.
#
# Gaussian noise asks less:
# it needs the *length* of a traveller's row of the table (the L2 norm), not the sum.
# Her row is scaled down to length 60 at most.
# (Epsilon 1, delta $10^{-6}$, add or remove one traveller, one release of the analytic Gaussian mechanism.)
# Is that better than the best cap above?

# %%
rows = np.zeros((flights.plane.max() + 1, cells))
np.add.at(rows, (flights.plane.to_numpy(), pairs), 1)
shrink = np.minimum(1, 60 / np.linalg.norm(rows, axis=1, keepdims=True).clip(min=1e-9))
clipped = (rows * shrink).sum(axis=0)
noisy = dp.gaussian(clipped, sensitivity=60, epsilon=1.0, delta=1e-6, rng=np.random.default_rng(0))
by_length = error(noisy * exact.sum() / clipped.sum())
lab.claim("clipping by length comes out about even with the best cap", abs(by_length - total[best]) < 0.1,
          by_length=by_length, by_cap=total[best])

# %% [markdown]
# ## Tune it
#
# First the tracks.
# "We publish coarser places and times."
# *How coarse must a track be before four sightings no longer point at one traveller?*

# %% tags=["hide-input"] jupyter={"source_hidden": true}
# Draws: how many travellers are the only one who fits?
def alone(fig, square, hours, sightings):
    """How many travellers are the only one who fits?"""
    spots = visits(ships.ship, ships.longitude, ships.latitude, ships.minute,
                   degrees=square, minutes=hours * 60)
    share, looked_at = singled_out(spots, known=sightings, rng=np.random.default_rng(0))
    ax = fig.add_axes([0.02, 0.1, 0.96, 0.8])
    side = 40
    cell = np.arange(side * 10)
    red = cell < share * len(cell)
    ax.scatter(cell % side, cell // side, s=60, c=np.where(red, lab.ATTACKER, "#D0D0D0"), marker="s")
    ax.axis("off")
    return (f"Squares of {square:g} degrees ({square * 111:.0f} km), {hours} h: {sightings} sightings point "
            f"at exactly one of the travellers in {share:.0%} of the cases ({looked_at:,} looked at).")


lab.explore(alone, live=False, size=(8.2, 2.2),
            square={"1 km": 0.01, "5 km": 0.05, "11 km": 0.1, "55 km": 0.5},
            hours=[1, 6, 24], sightings=range(1, 7), start={"sightings": 4})

# %% [markdown]
# **Question.** You coarsen until one in ten is still found by four sightings.
# What is such a track good for?
#
# <details><summary>Answer</summary>
#
# For very little.
# Squares of 55 km and whole days still single out most travellers with four sightings.
# Coarsening loses the use of the data faster than it loses the travellers:
# uniqueness falls only slowly with the resolution.
# That is the finding of de Montjoye and others, for people.
#
# </details>
#
# Now the table.
# *How much error does which promise cost, for a traveller or for a trip?*

# %% tags=["hide-input"] jupyter={"source_hidden": true}
# Draws: what does the promise cost, and what is left of the large and the small flows?
order = np.random.default_rng(1).permutation(len(flights))
counted = flights.plane.to_numpy()[order]
order = order[np.argsort(counted, kind="stable")]
place = np.arange(len(flights)) - np.repeat(np.cumsum(trips_of) - trips_of, trips_of)


def flows(fig, epsilon, cap, unit):
    """What does the promise cost, and what is left of the large and the small flows?"""
    counts = np.bincount(pairs[order[place < cap]], minlength=cells) if unit == "traveller" else exact
    share = counts.sum() / exact.sum()
    noise = np.random.default_rng(2).laplace(0, (cap if unit == "traveller" else 1) / epsilon, cells)
    table = np.maximum(counts + noise, 0) / share
    ax = fig.add_axes([0.1, 0.17, 0.85, 0.78])
    ax.loglog(exact.clip(min=1), table.clip(min=0.7), ".", color=lab.PRIVATE)
    ax.loglog([1, 2e4], [1, 2e4], color=lab.BASELINE, ls="--", lw=1)
    ax.set(xlabel="true trips on a route", ylabel="published", xlim=(0.8, 3e4), ylim=(0.6, 3e4))
    real = epsilon if unit == "traveller" else epsilon * trips_of.max()
    return (f"Errors add up to {np.abs(table - exact).sum() / exact.sum():.1%} of all trips. "
            f"The busiest traveller is promised an epsilon of {real:.3g}.")


lab.explore(flows, epsilon=(0.1, 10.0, 1.0), cap=lab.log_range(1, 600, 100), unit=["traveller", "trip"])

# %% [markdown]
# **Question.** With the unit "trip" the points lie on the line at epsilon 1, and the cap does nothing.
# Why not publish that?
#
# <details><summary>Answer</summary>
#
# Because the promise is about one trip.
# Somebody who travels every day is promised an epsilon of hundreds,
# which is no promise: see the next section.
# The choice of the unit is the decision; the epsilon only says how strongly that unit is protected.
#
# </details>
#
# ## The attack again
#
# The attacker knows the busiest plane's trips and those of everybody else, and asks: *is she in the table?*
# That is the strongest attacker there is, and the one that the definition promises to stop.
# He compares how well the published table fits with her and without her (a likelihood ratio, lab 06).
# Here is his score, for noise by the trip and by the traveller.
# (AUC: 0.5 is guessing, 1 is always right.)

# %%
hers = np.bincount(pairs[flights.plane == trips_of.argmax()], minlength=cells)


def attack(scale, trips, draws=4000, seed=0):
    """AUC of the likelihood ratio against Laplace noise of this scale, if these are her trips."""
    rng = np.random.default_rng(seed)
    where = trips > 0
    without = rng.laplace(0, scale, (draws, where.sum()))
    with_her = rng.laplace(0, scale, (draws, where.sum())) + trips[where]
    score = [(np.abs(each) - np.abs(each - trips[where])).sum(axis=1) for each in (without, with_her)]
    return (np.searchsorted(np.sort(score[0]), score[1]) / draws).mean()


capped = hers * min(1, 100 / hers.sum())
found_by_trip, found_by_traveller = attack(1, hers), attack(100, capped)
control = attack(1, hers * 0 + (np.arange(cells) == 0))  # somebody with one trip only, noise by the trip

# %%
ceiling = np.exp(1) / (1 + np.exp(1))  # right guesses from 50:50 at epsilon 1
lab.claim("with noise by the trip the busiest traveller is always found", found_by_trip > 0.99,
          auc=found_by_trip)
lab.claim("with noise by the traveller she is not: the attacker stays below the ceiling of epsilon 1",
          0.5 < found_by_traveller < ceiling, auc=found_by_traveller, ceiling=ceiling)
lab.claim("control: noise by the trip does protect somebody with one trip", control < ceiling, auc=control)

# %% [markdown]
# And the two tricks from the beginning: the private table has no pseudonyms to re-link, and no hidden cells.
# Totals added up from noisy cells are noisy too; subtraction gives back noise.
#
# Now the record.
# These are this lab's numbers; change the choice and the reasons to yours.

# %%
record = lab.decision(
    "May the city publish who travels from where to where?",
    options=["tracks under fresh pseudonyms", "a table with small numbers left out",
             "a table with noise by the trip", "a table with noise by the traveller, 100 trips each"],
    choice="a table with noise by the traveller, 100 trips each",
    because="Only this draft's promise covers a person, and planners need the large flows, which survive.",
    numbers=[("singled out by four sightings", f"{shares[4]:.0%} of the travellers", "none"),
             ("small numbers recovered", f"{found} of {hidden_cells}", "none"),
             ("busiest traveller found, noise by the trip", f"AUC {found_by_trip:.2f}",
              f"epsilon 1 a trip is {epsilon_busiest:.0f} for her"),
             ("busiest traveller found, noise by the traveller", f"AUC {found_by_traveller:.2f}",
              "epsilon 1, delta 0, add or remove one traveller"),
             ("errors of the table", f"{by_traveller:.0%} of all trips", "same")],
    would_change=["monthly tables: twelve releases cost twelve times",
                  "if small routes matter, publish fewer cells"],
    risks=["the cap of 100 was chosen by looking at the data", "the share that the cap kept was used exactly",
           "groups who travel together are protected less"],
    sources=["US Bureau of Transportation Statistics, flights from New York 2013", "AIS broadcasts, 2020"],
    shown=["uniqueness of tracks", "re-linking of pseudonyms", "recovery of small numbers",
           "membership attack, both units"])
record

# %% [markdown]
# `record.save("record.html")` writes a page for the printer.
#
# ## Check yourself
#
# **1.** The office wants twelve monthly tables, each with epsilon 0.25 for a traveller.
# What epsilon does a traveller get who was there all year?
# (Basic composition.)

# %%
year_epsilon = ...
check("twelve months", year_epsilon)

# %% [markdown] tags=["solution"]
# <details><summary>Solution</summary>
#
# ```python
# year_epsilon = 12 * 0.25
#
# check("twelve months", year_epsilon);
# ```
# Each month's table is a release about the same traveller: 3.
#
# </details>

# %% [markdown]
# **2.** Write `scale(cap, epsilon)`:
# the Laplace scale for each cell when a traveller may add at most `cap` trips to *one or several* cells.

# %%
scale = ...
check("scale", scale)

# %% [markdown] tags=["solution"]
# <details><summary>Solution</summary>
#
# ```python
# def scale(cap, epsilon):
#     return cap / epsilon
#
# check("scale", scale);
# ```
# In the worst case all of her trips are on one route, or spread over many:
# the sum of all changes is `cap` either way.
#
# </details>

# %% [markdown]
# **3.** A decision under a constraint.
# The office must publish *something* about 500 commuters who each make 400 trips a year on 300 routes.
# Which would you defend, and why?
# Answer with one letter, `"A"` to `"D"`:
#
# * A: the 300 flows with Laplace noise, epsilon 1 for a trip.
# * B: the 300 flows with at most 400 trips each, epsilon 1 for a traveller.
# * C: only the five busiest routes, with at most 40 trips each, epsilon 1 for a traveller.
# * D: the 300 flows, those under 10 left out.

# %%
defend = ...
check("five hundred commuters", defend)

# %% [markdown] tags=["solution"]
# <details><summary>Solution</summary>
#
# ```python
# defend = "C"
#
# check("five hundred commuters", defend);
# ```
# A promises each commuter an epsilon of 400, D is undone by subtraction.
# B is honest and useless: noise of scale 400 on 300 cells with 667 trips each on average.
# C asks less of the data: noise of scale 40 on five large numbers.
# To ask for less is the strongest tool that there is.
#
# </details>

# %% [markdown]
# ## What the article says
#
# Both articles of lab 00 name intelligent transport among the fields
# where privacy protection is used, and show nothing of it.

# %%
lab.claim("trips can be published with privacy for travellers: large flows survive, small ones do not",
          bool(found_by_traveller < ceiling and by_traveller < 0.5),
          article="B17", verdict="holds once repaired", error=by_traveller)

# %% [markdown]
# ## Limits and further reading
#
# * Ships and planes are not people.
#   They show the method; the numbers for a city's riders must be measured on its own data.
# * The cap of 100 and the length of 60 were chosen by looking at the result.
#   On private data that costs budget (lab 05b),
#   or they must come from elsewhere, such as last year's public table.
# * Nothing here protects a *route*: that a line exists and is busy is what the table is for.
# * Tracks themselves, in order, with times, cannot be released this way;
#   synthetic tracks with privacy for a traveller exist, and lose most of the detail.
#
# de Montjoye, Hidalgo, Verleysen and Blondel, *Unique in the crowd*, Scientific Reports 3, 2013.
#
# Cox, *Suppression methodology and statistical disclosure control*,
# Journal of the American Statistical Association 75, 1980.
#
# Dwork, McSherry, Nissim and Smith, *Calibrating noise to sensitivity in private data analysis*, TCC 2006.
#
# Amin, Kulesza, Munoz Medina and Vassilvitskii, *Bounding user contributions:
# a bias-variance trade-off in differential privacy*, ICML 2019.
