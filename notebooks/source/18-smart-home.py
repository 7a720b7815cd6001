# ---
# jupyter:
#   kernelspec: {display_name: Python 3, language: python, name: python3}
# ---

# %% [markdown]
# # 18 · Smart home: may the utility see the meter?
#
# *About 55 minutes, all of it required.
# You need lab 03: epsilon, sensitivity, Gaussian noise.
# Labs 09 and 12 help.
# Terms are also explained in the [glossary](00-start-here.ipynb#Glossary).*
#
# > **Memo.** The electricity company wants a reading from every smart meter, every hour, to plan its grid.
# > It offers to round the readings, to read only every six hours, or to add noise in the meter.
# > The residents' council must say yes or no, and to what.
#
# **Afterwards you can** tell whose day a curve is and when a home stood empty, say what "epsilon 1" protects
# in a stream of readings, compute how many homes a useful and private sum needs,
# spread its noise over the homes so that nobody has to be trusted, and sign a decision with numbers in it.

# %%
import matplotlib.pyplot as plt
import numpy as np
from sklearn.ensemble import ExtraTreesClassifier
from sklearn.metrics import roc_auc_score

from labkit import datasets, dp, lab
from labkit.encrypted.sharing import RoundLedger, shamir_sum
from labkit.exercises.lab_18 import check

homes = datasets.homes()
days = homes.table.to_numpy().reshape(364, 24, 15).transpose(2, 0, 1)  # home, day, hour; kWh
print("15 real homes" if homes.real else "15 MADE-UP homes (the real ones: python -m labkit.datasets.fetch)")

# %% [markdown]
# Fifteen homes in Fontana, California, for a year, hour by hour.
# Nobody told us who lives in them, and we will not try to find out.
#
# ## What goes wrong
#
# Here are three days of two of the homes.
# Which of the two does the third row belong to?

# %% tags=["hide-input"] jupyter={"source_hidden": true}
# Draws: electricity drawn, kWh an hour.
fig, axes = lab.plots.figure(8.2, 3.0, nrows=3, sharex=True, sharey=True)
for ax, (home, day), name in zip(axes, ((0, 10), (6, 10), (6, 17)), ("home A", "home B", "A or B?")):
    ax.fill_between(np.arange(24), days[home, day], step="mid", color=lab.ATTACKER, alpha=0.5)
    ax.set_ylabel(name, rotation=0, ha="right", va="center")
axes[-1].set(xlabel="hour of the day", xticks=range(0, 25, 6))
axes[0].set_title("Electricity drawn, kWh an hour")
plt.show()

# %% [markdown]
# A program does it for all fifteen: it learns the even weeks with their names,
# and then gets days of the odd weeks without names.
# **Predict:** a guess is right once in fifteen.
# How often is the program?

# %%
lab.predict("How many of a hundred days does the program give to the right home?", low=0, high=100)

# %%
def features(curves):
    """What the attacker looks at: the hours, the hours sorted, the largest, the mean."""
    high, mean = curves.max(-1, keepdims=True), curves.mean(-1, keepdims=True)
    return np.concatenate([curves, np.sort(curves, -1), high, mean], -1).reshape(-1, 50)


even = np.arange(364) // 7 % 2 == 0
owner = np.repeat(np.arange(15), 364).reshape(15, 364)


def whose_day(readings, seed=0):
    """The share of days in odd weeks that a forest gives to the right home."""
    forest = ExtraTreesClassifier(40, random_state=seed)
    forest.fit(features(readings[:, even]), owner[:, even].ravel())
    return np.mean(forest.predict(features(readings[:, ~even])) == owner[:, ~even].ravel())


recognised = whose_day(days)

# %%
lab.truth(round(100 * recognised), "of a hundred")
lab.claim("days under a pseudonym are given to the right home many times as often as by chance",
          recognised > 0.4, right=round(float(recognised), 2), guessing=1 / 15)

# %% [markdown]
# So pseudonyms are gone after one known week.
# Worse is *what* the curve tells.
# **Was anybody at home?**
# Nobody wrote that down for us, so we plant it:
# in half of the days we replace 8 to 24 o'clock by night hours of the same home.
# The attacker looks only at how much the curve moves in those hours.
#
# The company offers four remedies.
# (The score is an AUC, the chance that an empty day looks emptier than a lived-in one:
# 0.5 is guessing, 1 is always right.)

# %%
lab.predict("Which of the four hides an empty home?",
            choices=["none of them", "one reading in six hours", "one reading a day",
                     "noise of 1 kWh in the meter", "local DP, epsilon 1 a day"])

# %%
def six_hours(readings, rng):
    return np.repeat(readings.reshape(*readings.shape[:-1], 4, 6).mean(-1), 6, axis=-1)


remedies = {
    "hourly, as it is": lambda readings, rng: readings,
    "one reading in six hours": six_hours,
    "one reading a day": lambda readings, rng: np.repeat(readings.mean(-1, keepdims=True), 24, axis=-1),
    "noise of 1 kWh in the meter": lambda readings, rng: readings + rng.normal(0, 1, readings.shape),
    "local DP, epsilon 1 a day":
        lambda readings, rng: np.clip(readings, 0, 5) + rng.laplace(0, 24 * 5 / 1.0, readings.shape),
}


def empty_home(remedy, seed=0):
    """AUC of "the curve hardly moves", or of a low total where it cannot move, averaged over the homes."""
    rng, scores = np.random.default_rng(seed), []
    for home in days:
        some = home[rng.choice(364, 120, replace=False)].copy()
        for day in some[:60]:
            day[8:] = np.resize(home[rng.integers(364), 1:5], 16)
        seen = remedy(some, rng)
        signal = -seen.mean(-1) if np.ptp(seen[0]) == 0 else -seen[:, 8:].std(-1)
        scores.append(roc_auc_score(np.r_[np.ones(60), np.zeros(60)], signal))
    return float(np.mean(scores))


# %%
empty = {name: np.mean([empty_home(remedy, seed) for seed in range(2)]) for name, remedy in remedies.items()}
for name, score in empty.items():
    print(f"{name:28} {score:.2f}")
lab.truth(next((name for name, score in empty.items() if score < 0.6), "none of them"))

# %%
lab.claim("coarser time does not hide an empty home: six hours are about as good as one",
          empty["one reading in six hours"] > empty["hourly, as it is"] - 0.08)
lab.claim("noise in each meter that does hide it is local differential privacy",
          abs(empty["local DP, epsilon 1 a day"] - 0.5) < 0.06)

# %% [markdown]
# And what does the company still learn with the last remedy?
# Each reading carries noise of scale 120 kWh on a load of about one.
#
# ## The idea
#
# The grid does not need *your* curve.
# It needs the **sum** over the homes of a street.
# A sum can be private with far less noise, since one draw of noise hides everybody:
#
# $$ y_h = \sum_{\text{homes}} x_h + \text{noise}, \qquad h = 0, \dots, 23. $$
#
# How much noise?
# Enough to hide *one* contribution.
# One what?
#
# * One **hour** of one home: 24 such releases a day, each with its epsilon.
# * One **home-day**: the whole curve of a home on one day, added or removed.
# * One **home-year**: everything that the home ever drew.
#
# Each is a possible *unit of privacy*.
# The epsilon may be 1 in all three.
# The noise is not the same.
# **Predict:** by what factor must the noise grow from a home-day to a home-year of 365 days,
# if Gaussian noise is used?

# %%
lab.predict("By what factor must the noise grow from a home-day to a home-year?", low=1, high=400)

# %% [markdown]
# ## Build it
#
# A home's curve is scaled down to a length (L2 norm) of at most 12 kWh.
# Nearly all are shorter.
# Then one home-day, added or removed, moves the 24 sums by at most 12 in length,
# and the Gaussian mechanism of lab 03 says how much noise epsilon 1 and delta $10^{-6}$ take.

# %%
curves = days.reshape(-1, 24)
bound, delta = 12.0, 1e-6
lengths = np.linalg.norm(curves, axis=1)
print(f"{np.mean(lengths <= bound):.1%} of the home-days are not longer than {bound:g} kWh")


def noise_for(unit, epsilon):
    """Standard deviation of the noise on each hour of the street's sum, in kWh."""
    times = {"home-day": 1, "home-year": 365}[unit]
    return dp.gaussian_sigma(sensitivity=bound * np.sqrt(times), epsilon=epsilon, delta=delta)


factor = noise_for("home-year", 1.0) / noise_for("home-day", 1.0)

# %%
lab.truth(round(factor), "times")
lab.claim("a year takes the square root of 365 times the noise of a day", abs(factor - 365**0.5) < 0.1,
          day_kWh=noise_for("home-day", 1.0), year_kWh=noise_for("home-year", 1.0))

# %% [markdown]
# (365 releases about one home, each with Gaussian noise,
# are one release of length $\sqrt{365} \cdot 12$: that is why it is the square root.)
#
# We have fifteen homes, and streets have more.
# A street of $N$ homes is played by $N$ home-days drawn from the real ones.

# %%
def street(number, rng):
    return curves[rng.integers(0, len(curves), number)]


def error(number, sigma, rng):
    """Mean error of the 24 sums, relative to the mean sum."""
    some = street(number, rng)
    length = np.linalg.norm(some, axis=1, keepdims=True)
    private = (some * np.minimum(1, bound / length.clip(min=1e-9))).sum(0) + rng.normal(0, sigma, 24)
    return np.abs(private - some.sum(0)).mean() / some.sum(0).mean()


# %% [markdown]
# ## Use the real thing
#
# Is the square root right?
# Google's `dp-accounting` composes the 365 releases by itself.
# **Predict** the epsilon of a year in which each *day* was released with epsilon 1.

# %%
lab.predict("What epsilon has the year?", low=1, high=365)

# %%
import dp_accounting

daily = dp_accounting.GaussianDpEvent(noise_multiplier=noise_for("home-day", 1.0) / bound)
yearly = dp_accounting.GaussianDpEvent(noise_multiplier=noise_for("home-year", 1.0) / bound)
a_year_of_days = dp.epsilon_of(dp_accounting.SelfComposedDpEvent(daily, 365), delta=delta)
a_year = dp.epsilon_of(dp_accounting.SelfComposedDpEvent(yearly, 365), delta=delta)

# %%
lab.truth(round(a_year_of_days))
lab.claim("365 days at epsilon 1 a day are no epsilon 1 for the home that lives there", a_year_of_days > 20,
          epsilon=round(a_year_of_days), if_noise_is_for_a_year=round(a_year, 2))
lab.claim("the noise for a year is right by the library's books too", abs(a_year - 1) < 0.02)

# %% [markdown]
# (Add or remove one home, delta $10^{-6}$, privacy-loss distributions.)
#
# Who adds the noise?
# If the company does, it sees the exact sums first, and every curve on the way.
# Lab 12's shared sum hides the curves, and the homes can bring the noise themselves:
# each of $N$ homes adds a small part, of variance $\sigma^2 / N$, before it shares out its curve.
# Only the noisy sum is ever put together.

# %%
rng = np.random.default_rng(18)
twenty = street(20, rng)
part = noise_for("home-day", 1.0) / np.sqrt(20)
noise = np.round(1000 * rng.normal(0, part, twenty.shape)) / 1000  # whole watt-hours
ledger = RoundLedger()
total = shamir_sum(np.round(twenty + noise, 3), threshold=11, largest=5000.0, ledger=ledger)
lab.claim("the street's noisy sum comes out, and nobody showed a curve",
          np.abs(total - (twenty + noise).sum(0)).max() < 0.02)

# %% [markdown]
# (Eleven of twenty homes would have to collude to read a curve.
# Fewer colluding homes know their own part of the noise, so they face less of it.
# Real deployments add discrete noise and allow for that: lab 09.)
#
# ## What it costs
#
# How many homes does a street need for an error under 10 %, if a home-day is protected, or a home-year?

# %%
numbers = [17, 50, 100, 300, 1000, 3000, 10_000, 30_000]


def mean_error(number, sigma):
    return np.mean([error(number, sigma, np.random.default_rng(seed)) for seed in range(3)])


table = {unit: [mean_error(number, noise_for(unit, 1.0)) for number in numbers]
         for unit in ("home-day", "home-year")}
local = [mean_error(number, noise_for("home-day", 1.0) * np.sqrt(number)) for number in numbers]

# %%
fig, ax = lab.plots.figure(8.2, 3.2)
ax.loglog(numbers, table["home-day"], color=lab.PRIVATE, marker="o", label="a home-day")
ax.loglog(numbers, table["home-year"], color=lab.plots.SERIES[2], marker="o", label="a home-year")
ax.loglog(numbers, local, color=lab.plots.SERIES[1], marker="o", label="a home-day, noise in every meter")
lab.plots.baseline(ax, 1.0, "publish nothing")
ax.axhline(0.1, color="#999999", lw=1)
ax.set(xlabel="homes in the street", ylabel="error of the sum", ylim=(0.005, 60),
       title="Epsilon 1 in all three: one what?")
ax.legend(ncols=2)
plt.show()


def needed(errors):
    return next((number for number, each in zip(numbers, errors) if each < 0.17), None)


lab.claim("epsilon 1 means some hundred homes, or ten thousand, according to what is called one",
          needed(table["home-day"]) <= 300 and needed(table["home-year"]) >= 3000,
          home_day=needed(table["home-day"]), home_year=needed(table["home-year"]))
lab.claim("noise in every meter takes far more homes than noise on the sum",
          (needed(local) or 100_000) >= 30 * needed(table["home-day"]))

# %% [markdown]
# ## Tune it
#
# *What does the grid see of a street, and what is each home promised?*

# %% tags=["hide-input"] jupyter={"source_hidden": true}
# Draws: what does the grid see of the street?
def seen(fig, homes_in_street, epsilon, unit, noise_in):
    """What does the grid see of the street?"""
    rng = np.random.default_rng(4)
    homes_in_street = round(homes_in_street)
    some = street(homes_in_street, rng)
    sigma = noise_for(unit, epsilon) * (np.sqrt(homes_in_street) if noise_in == "every meter" else 1)
    noisy = some.sum(0) + rng.normal(0, sigma, 24)
    ax = fig.add_axes([0.1, 0.17, 0.86, 0.76])
    ax.plot(some.sum(0) / homes_in_street, color=lab.PLAIN, label="true mean of the street")
    ax.plot(noisy / homes_in_street, color=lab.PRIVATE, label="what is published")
    ax.set(xlabel="hour", ylabel="kWh a home", xlim=(0, 23), ylim=(-0.5, 3.5))
    ax.legend(loc="upper left", ncols=2)
    wrong = np.abs(noisy - some.sum(0)).mean() / some.sum(0).mean()
    right = np.exp(epsilon) / (1 + np.exp(epsilon))
    return (f"The sums are wrong by {wrong:.1%} on average. "
            f"About one {unit}, an attacker who starts at 50:50 is right at most {right:.0%} "
            "of the time (delta 1e-6).")


lab.explore(seen, homes_in_street=lab.log_range(10, 30_000, 300), epsilon=(0.1, 8.0, 1.0),
            unit=["home-day", "home-year"], noise_in=["the sum", "every meter"],
            labels={"homes_in_street": "homes", "noise_in": "noise in"})

# %% [markdown]
# **Question.** Find a setting with an error under 10 % that protects a home-year.
# What did you have to give?
#
# <details><summary>Answer</summary>
#
# Either many homes (about ten thousand at epsilon 1), or a larger epsilon.
# Coarser *places* are the remedy that works here: a district in place of a street.
# Coarser *time* was none.
#
# </details>
#
# ## The attack again
#
# The attacker knows all other homes of a street of 300, and a home's usual curve.
# Here is his score for "was this home empty on that day?", from the exact sum and from the private one.

# %%
def from_the_sum(sigma, seed=0):
    """AUC for "empty": he subtracts the homes that he knows and compares with lived-in and empty days."""
    rng, scores = np.random.default_rng(seed), []
    for home in days:
        lived_in = home[rng.integers(0, 364, 100)]
        away = lived_in.copy()
        away[:, 8:] = np.resize(home[:, 1:5].mean(0), 16)
        looks = home.mean(0) - away[0] if sigma else None
        seen = [each + rng.normal(0, sigma, each.shape) for each in (away, lived_in)]
        score = [-each[:, 8:].std(-1) if looks is None else -each @ looks for each in seen]
        scores.append(roc_auc_score(np.r_[np.ones(100), np.zeros(100)], np.concatenate(score)))
    return float(np.mean(scores))


exact, private = from_the_sum(0.0), from_the_sum(noise_for("home-day", 1.0))
control = from_the_sum(1e6)  # a sum that says nothing

# %%
lab.claim("an exact sum hides nothing from somebody who knows the rest", exact > 0.9, auc=round(exact, 2))
lab.claim("the private sum hides the day: its attacker is about where one is who sees nothing",
          private < 0.65 and abs(control - 0.5) < 0.1, auc=round(private, 2), sees_nothing=round(control, 2))

# %% [markdown]
# Now the record.
# These are this lab's numbers; change the choice and the reasons to yours.

# %%
record = lab.decision(
    "May the utility read every meter every hour?",
    options=["yes, under pseudonyms", "yes, one reading in six hours", "yes, with noise in every meter",
             "only noisy sums of at least 300 homes"],
    choice="only noisy sums of at least 300 homes",
    because="Planning needs sums. Curves name the home and show when it is empty, in steps of six hours too.",
    numbers=[("days given to the right home", f"{recognised:.0%}, guessing 7 %", "none"),
             ("empty day found, hourly / six-hourly",
              f"AUC {empty['hourly, as it is']:.2f} / {empty['one reading in six hours']:.2f}", "none"),
             ("empty day found, from the noisy sum", f"AUC {private:.2f}",
              "epsilon 1, delta 1e-6, one home-day"),
             ("error of the sum of 300 homes", f"{table['home-day'][3]:.0%}", "the same"),
             ("a year of such sums", f"epsilon {a_year_of_days:.0f}", "delta 1e-6, one home-year")],
    would_change=["streets of under 100 homes: no useful sum is left",
                  "a promise for a year takes 10,000 homes"],
    risks=["365 days at epsilon 1 a day add up for a home", "bills still need each home's monthly total",
           "colluding homes see less noise"],
    sources=["Nweye, Sankaranarayanan and Nagy 2023, fifteen homes" if homes.real else "made-up homes"],
    shown=["whose day it is", "empty days through four remedies", "noise for two units",
           "a shared sum with shared noise"])
record

# %% [markdown]
# ## Check yourself
#
# **1.** A street of 300 homes releases one private sum of 24 hours for each of the seven days of a week,
# with noise for a *home-day* at standard deviation $\sigma$.
# By what factor must $\sigma$ grow to protect a *home-week* equally?

# %%
week_factor = ...
check("a week", week_factor)

# %% [markdown] tags=["solution"]
# <details><summary>Solution</summary>
#
# ```python
# week_factor = 7 ** 0.5
#
# check("a week", week_factor);
# ```
# The seven curves together have a length of at most the square root of 7 times the bound.
#
# </details>

# %% [markdown]
# **2.** Each of $N$ homes adds Gaussian noise;
# the sum must carry noise of standard deviation `sigma` even if `c` homes collude and subtract theirs.
# Write `part(sigma, homes, colluding)`: the standard deviation for one home.

# %%
part_of = ...
check("my part of the noise", part_of)

# %% [markdown] tags=["solution"]
# <details><summary>Solution</summary>
#
# ```python
# def part_of(sigma, homes, colluding):
#     return sigma / (homes - colluding) ** 0.5
#
# check("my part of the noise", part_of);
# ```
# Variances add up; those of the honest homes alone must make `sigma` squared.
#
# </details>

# %% [markdown]
# **3.** A decision under a constraint.
# A village of 40 homes wants to know *when* its peak is, once a year, to size one cable.
# Which request would you grant?
# `"A"` to `"C"`:
#
# * A: every day's private sum, epsilon 1 for a home-day, for a year.
# * B: one private histogram, once: in which of 24 hours does each home draw most on average?
#   Epsilon 1 for a home.
# * C: hourly readings of all homes for one week, pseudonymous, deleted afterwards.

# %%
grant = ...
check("the village", grant)

# %% [markdown] tags=["solution"]
# <details><summary>Solution</summary>
#
# ```python
# grant = "B"
#
# check("the village", grant);
# ```
# With 40 homes A's sums are drowned in noise and still add up to a large epsilon.
# C hands over curves.
# B asks each home for one number, once:
# it moves one cell by one, and noise of scale 1 leaves the peak visible.
#
# </details>

# %% [markdown]
# ## What the article says
#
# Both articles of lab 00 name the smart home among the fields of application, and leave it at the name.

# %%
lab.claim("a grid can be planned with private sums, if there are enough homes and the unit is said",
          bool(table["home-day"][3] < 0.2 and private < 0.65), article="A6", verdict="holds once repaired",
          homes=300, error=round(float(table["home-day"][3]), 2))

# %% [markdown]
# ## Limits and further reading
#
# * Fifteen homes of one neighbourhood; streets were played by drawing from them.
#   Real streets share weather and holidays.
# * The empty days were planted.
#   A real absence may look different, and a refrigerator hides less than our night hours.
# * The bound of 12 kWh was read off the data; it must be public, such as the size of the fuse.
# * The Gaussian noise here is floating-point noise for teaching;
#   lab 03 shows why a release should use the discrete kind.
#
# Dwork, Naor, Pitassi and Rothblum, *Differential privacy under continual observation*, STOC 2010.
#
# Ács and Castelluccia, *I have a DREAM!
# Differentially private smart metering*, Information Hiding 2011.
#
# Kairouz, Liu and Steinke, *The distributed discrete Gaussian mechanism for federated learning*, ICML 2021.
#
# Data: Nweye, Sankaranarayanan and Nagy, Texas Data Repository, doi 10.18738/T8/0YLJ6Q, 2023.
