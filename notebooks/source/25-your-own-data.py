# ---
# jupyter:
#   kernelspec: {display_name: Python 3, language: python, name: python3}
# ---

# %% [markdown]
# # 25 · Your own data: what does epsilon do to my number?
#
# *About 65 minutes, all of it required.
# You need lab 03: epsilon, sensitivity, Laplace noise.
# Lab 04 helps: the budget.
# Terms are also explained in the [glossary](00-start-here.ipynb#Glossary).*
#
# You have a table of people and a number to publish.
# Every text about privacy says "choose epsilon".
# None says what that does to *your* number.
# Here you bring the table, or take ours.
# You leave with a release, the program that makes it, its error bars, and a statement that you may print.
#
# **Afterwards you can** say how wrong a private count, mean or histogram will be before you look at the data,
# find the epsilon for an error that you can bear, choose bounds *and see what they bias*,
# place your epsilon beside those of known releases, and tell a statement from a slogan.

# %%
import os
import tempfile
from pathlib import Path

import dp_accounting
import matplotlib.pyplot as plt
import numpy as np
import opendp.prelude as odp

from labkit import datasets, dp, lab
from labkit.exercises.lab_25 import check
from labkit.statement import NotStated

people = datasets.adult().table  # 48,842 people of a census: public, and used here as if it were not
print(f"{len(people):,} people: age, sex, hours of work a week, income above 50,000 dollars or not")

# %% [markdown]
# ## What goes wrong
#
# A firm publishes two harmless numbers each month: how many people work for it, and their mean age.
# Between two months one person left.

# %%
lab.predict("Of 200 people who leave, for how many can a reader work out the exact age?", low=0, high=200)

# %%
rng = np.random.default_rng(25)
staff = people.age.to_numpy()[rng.choice(len(people), 1000, replace=False)]


def age_of_leaver(before, after):
    """From (count, mean) of two months: the difference of the two sums."""
    return round(before[0] * before[1] - after[0] * after[1])


def published(ages):
    return len(ages), round(float(ages.mean()), 4)


hits = [age_of_leaver(published(staff), published(np.delete(staff, gone))) == staff[gone]
        for gone in range(200)]
lab.truth(sum(hits), "of 200")
lab.claim("two published means give away the age of nearly everybody who left", np.mean(hits) > 0.95,
          found=float(np.mean(hits)))

# %% [markdown]
# No name was published, and the means were rounded to four digits.
# The repair is noise, and the question is how much of it you can bear.
#
# ## The idea
#
# A private answer is wrong for two reasons.
#
# $$\text{error}^2 \approx \underbrace{2\,(\Delta/\varepsilon)^2}_{\text{noise}}
# + \underbrace{\text{bias}^2}_{\text{clamping}}$$
#
# * **Noise.** $\Delta$ is how far one person can move the answer
#   (the sensitivity), $\varepsilon$ is the promise.
#   Laplace noise of scale $\Delta/\varepsilon$ has that variance.
#   The noise does not depend on the data, so its size may be told.
# * **Bias.** For a mean, $\Delta$ is the width of the bounds over $n$.
#   Narrow bounds mean little noise, and values outside are moved to the nearer bound, which shifts the mean.
#   No error bar of the noise shows that.
#
# With four times the people a smaller epsilon gives the same error of the mean.
# You will see how much smaller.
#
# ## Build it
#
# For sums and means the formula is a line.
# Half the width of the interval that holds 95 % of the answers is scale times $\ln 20$.

# %%
def error_by_hand(epsilon, n, bounds):
    """(root mean square, 95 % half width) of a mean over a public number n, one record replaced."""
    scale = (bounds[1] - bounds[0]) / n / epsilon
    return 2**0.5 * scale, scale * np.log(20)


ours = error_by_hand(0.5, 1000, (17, 90))
theirs = dp.error_of(statistic="mean", epsilon=0.5, n=1000, bounds=(17, 90), relation="replace one record")
lab.claim("ten lines and the package agree", np.allclose(ours, (theirs.noise, theirs.within)),
          half_width=theirs.within)

# %% [markdown]
# `dp.error_of` does that for counts, sums, means, histograms and quantiles, and for a mean
# whose number of people is private, too (add or remove one record, half of epsilon on each part).
# Is it right?
# Ask the mechanism 20,000 times.

# %%
lab.predict("How many percent of the private counts are within the interval that is told beforehand?",
            low=0, high=100)

# %%
said = dp.error_of(statistic="count", epsilon=0.3, n=1000)
answers = dp.geometric(np.full(20_000, 1000), sensitivity=1, epsilon=0.3, rng=rng)
inside = np.mean(np.abs(answers - 1000) <= said.within)
lab.truth(round(100 * inside), "%")
lab.claim("that is no less than what was told", inside > 0.945,
          half_width=said.within, inside=round(float(inside), 2))

# %% [markdown]
# And the other way round: you can bear an error of half a year in a mean age.
# For 1,000 people that takes epsilon 0.6.

# %%
lab.predict("Which epsilon does it take for 4,000 people?", low=0.0, high=1.0)

# %%
needed = {n: dp.epsilon_for_error(error=0.5, statistic="mean", n=n, bounds=(17, 90)) for n in (1000, 4000)}
print("epsilon for half a year, 19 times out of 20:", needed)
lab.truth(round(needed[4000], 2))
lab.claim(f"{4000 / 1000:g} times the people, {needed[4000] / needed[1000]:.2f} times the epsilon",
          abs(4 * needed[4000] / needed[1000] - 1) < 0.05 and round(needed[1000], 1) == 0.6)

# %% [markdown]
# ## Use the real thing
#
# OpenDP has such functions for its noise: *accuracy* from scale, and back.
# They know the noise, and nothing of your bounds.

# %%
odp.enable_features("contrib")
sums = dp.error_of(statistic="sum", epsilon=0.5, n=1000, bounds=(0, 90)).within
theirs = odp.laplacian_scale_to_accuracy(90 / 0.5, 0.05)
lab.claim("OpenDP says the same of a sum", abs(sums / theirs - 1) < 1e-9, half_width=sums)

# %% [markdown]
# ### Your table
#
# First **declare**, then pay, then read.
# What you know beforehand is written down:
# the columns, their bounds or categories, whose privacy is meant, how many lines one person may have.
# None of it may come from the table: the largest age in it is somebody's.
#
# Set `path` to a CSV file of yours and change the declaration, or leave it: then ours is read.

# %%
folder = Path(tempfile.mkdtemp())
people[["age", "sex", "hours_per_week", "income"]].to_csv(folder / "people.csv", index=False)
path = os.environ.get("LABKIT_TABLE", folder / "people.csv")  # or: path = "my/table.csv"

table = dp.OwnTable(
    unit="person",
    contributions=1,  # lines of one person that count; more needs identifier="the column that says whose"
    columns={"age": (17, 90), "sex": ["Female", "Male"], "hours_per_week": (1, 99),
             "income": ["<=50K", ">50K"]},
    questions=[("count", 0.1), ("mean", "age", 0.2), ("histogram", "hours_per_week", 0.2),
               ("cross", "sex", "income", 0.2)],
)

# %% [markdown]
# Before anything is read you know the error, if you know roughly how many people there are.
# Here are the half widths for 50,000 people:

# %%
for question, half in zip(table.questions, table.expected(50_000)):
    print(f"{' '.join(question[:-1]):28} epsilon {question[-1]}: within {half:.3g}, 19 times out of 20")

# %% [markdown]
# Good enough?
# Then pay.
# The budget is asked first; where it says no, nothing is read.

# %%
budget = dp.Budget(epsilon=1)
answers = table.release(path, budget=budget)
for each, half in zip(answers, table.error_bars(answers)):
    told = each["answer"] if isinstance(each["answer"], dict) else {"": each["answer"]}
    for name, value in told.items():
        lab.measured(f"{' '.join(each['question']):24} {name:16} {value:10,.6g} ± {half:.3g}")
budget

# %% [markdown]
# The noise is fresh each time, from the operating system, so your numbers differ from the stored ones.
# The budget still has some left.
# Will it pay for the same release once more?

# %%
try:
    table.release(path, budget=budget)
    again = "answered"
except dp.BudgetExceeded as refusal:
    again = str(refusal)
lab.claim("a second release is refused, and nothing is read", "nothing was read" in again)
print(again)

# %% [markdown]
# ### Without us
#
# Here is the program that made the release.
# It holds your declaration and needs OpenDP only.
# Keep it beside the numbers: whoever doubts them can read what was done.

# %%
program = table.program()
(folder / "release.py").write_text(program)
print(program)

# %% [markdown]
# Two lines in it are easy to get wrong.
# *A line at a time*: a quotation mark
# that one person leaves open would otherwise swallow the next person's line, so that one person changes many.
# *`binary_search_param`*: OpenDP is asked for the least noise that it certifies, we do no arithmetic.
# We run the program alone, without our package, and compare its counts with those above.

# %%
import json
import subprocess
import sys

done = subprocess.run([sys.executable, folder / "release.py", path], capture_output=True, check=True)
alone = json.loads(done.stdout)
gap = abs(alone[0]["answer"] - answers[0]["answer"])
both = dp.Budget(epsilon=2, relation=table.relation)  # it is a second release, and costs as much again
both.spend("count, mean age, hours, sex by income", table.epsilon)
both.spend("the same again, by the program", table.epsilon)
lab.claim("both counts agree up to their noise; together they cost twice", gap < 300 and
          abs(both.spent - 2 * table.epsilon) < 1e-9, epsilon=both.spent)

# %% [markdown]
# ### What you may say
#
# An epsilon alone is a slogan.
# A **statement** says whose privacy, against which neighbouring data,
# at which delta, by which accountant and sampling,
# what was released, what an attacker can do at best, whether tuning was paid for, and what is not covered.
# The budget knows some of it.
# The rest only you know, and it asks.

# %%
both.statement(unit="person", reused=False, tuning="none")

# %% [markdown]
# *From 50:50* is the attacker of the textbooks.
# *From 1 in 1,000* is one who searches a town.
# Where an assumption is not met, there is no statement.
# Here are five trainings.
# (1,000 patients, noise for epsilon 2 at delta $10^{-5}$; each line changes one thing.)

# %%
plan = dp.Plan.for_budget(epsilon=2, delta=1e-5, records=1000, batch_size=50, steps=100, max_grad_norm=1,
                          learning_rate=1)
facts = dict(delta=1e-5, unit="patient", records_per_unit=1, batches="poisson", reused=False, tuning="none")
changes = {"shuffled batches": dict(batches="shuffled"), "delta above 1/n": dict(delta=2e-3),
           "data used elsewhere": dict(reused=True), "unknown unit": dict(records_per_unit=None),
           "tuning unpaid": dict(tuning="unpaid")}
refused = {}
for name, change in changes.items():
    try:
        plan.statement(**facts | change)
    except NotStated as reason:
        refused[name] = str(reason)
        print(f"{name}: {str(reason)[:87]} ...")
lab.claim("none of the five gets a statement; the plan as it stands gets one",
          len(refused) == 5 and plan.statement(**facts).epsilon <= 2)

# %% [markdown]
# TensorFlow Privacy has a statement too, `compute_dp_sgd_privacy_statement`,
# in place of the bare epsilon it gave before.
# Field by field, from its documentation and source:
#
# | Field | TensorFlow Privacy | `plan.statement` |
# |---|---|---|
# | records, batch, noise, length | yes | yes |
# | microbatches (they double the sensitivity) | asked for, accounted | not offered: each gradient is clipped alone |
# | the models on the way | covered, said so | covered, said so |
# | unit of privacy | example; user if a bound is given, with RDP only | named, or refused; several records with PLD |
# | neighbouring relation | add or remove one | named |
# | delta | as given, also above 1/n | with delta times n; refused from 1/n on |
# | accountant | RDP or PLD, named | PLD or RDP, named |
# | sampling | two epsilons, each example once a pass and Poisson; you choose | Poisson, or refused |
# | what else came out of the data | no | asked; refused if anything did |
# | tuning | no | asked; refused if unpaid |
# | the best attacker | no | from 50:50 and from 1 in 1,000 |
# | what is not covered | no | yes |
# | form | text | text, Markdown, JSON |
#
# Of shuffled data theirs says that the true epsilon is believed to be closer to the Poisson one.
# Since then Chua and others (2024) have shown batches for which it is far above.
# Their two numbers are quickly made.
# Here they are for this plan:

# %%
noise = dp_accounting.GaussianDpEvent(plan.noise_multiplier)
passes = round(plan.steps * plan.sample_rate)
poisson = dp.epsilon_of(plan.event, delta=1e-5, accountant="rdp")
once = dp.epsilon_of(dp_accounting.SelfComposedDpEvent(noise, passes), delta=1e-5, accountant="rdp")
lab.claim("their two epsilons for one training are far apart; ours with RDP is their Poisson one",
          once > 2 * poisson and abs(plan.statement(**facts, accountant="rdp").epsilon - poisson) < 1e-3,
          once_a_pass=once, poisson=poisson)

# %% [markdown]
# ## What it costs
#
# Bounds first.
# Here is a made-up population of yearly incomes with a long tail;
# made up, because your own may not be looked at.
# 1,000 people, epsilon 0.5 (pure, delta 0; add or remove one person).
# Is the best upper bound for the mean near the largest income, or far below?

# %%
incomes = np.random.default_rng(7).lognormal(10.4, 0.9, 20_000)
tops = np.geomspace(20_000, 1_000_000, 25)
expected = [dp.error_of(statistic="mean", epsilon=0.5, n=1000, bounds=(0, top), population=incomes)
            for top in tops]
best = int(np.argmin([each.total for each in expected]))

# %% tags=["hide-input"] jupyter={"source_hidden": true}
# Draws: noise, bias and both against the upper bound.
fig, ax = lab.plots.figure(8.2, 3.0)
ax.loglog(tops, [each.noise for each in expected], color=lab.PRIVATE, ls=":", label="noise, epsilon 0.5")
ax.loglog(tops, [abs(each.bias) + 1 for each in expected], color=lab.PLAIN, label="bias of clamping")
ax.loglog(tops, [each.total for each in expected], color=lab.PRIVATE, label="both")
ax.axvline(tops[best], color=lab.GUARANTEE, label="best bound")
ax.set(xlabel="upper bound, dollars", ylabel="error of the mean, dollars", ylim=(50, None),
       title="Wide bounds cost noise, narrow ones hide a bias")
ax.legend(fontsize=9)
plt.show()

# %%
half = int(np.argmin(np.abs(tops - tops[best] / 2)))
lab.claim("the best bound is far below the largest income", tops[best] < incomes.max() / 2,
          bound=float(round(tops[best], -3)), largest=float(round(incomes.max(), -3)))
lab.claim("with half of that bound most of the error is bias, which no error bar shows",
          abs(expected[half].bias) > expected[half].noise,
          bias=round(expected[half].bias), noise=round(expected[half].noise))

# %% [markdown]
# ### Epsilons in the world
#
# What have others chosen?
# Each number holds for its own unit: an epsilon for *a day* of a person is no epsilon for the person.
#
# | Release | epsilon | delta | for one | Source |
# |---|---|---|---|---|
# | Apple, health types used (on the device) | 2 | 0 | person and day | Apple, *Differential Privacy Overview*, 2017 |
# | Apple, emoji (on the device) | 4 | 0 | person and day | the same |
# | Google, COVID-19 symptom searches | 1.68 | 0 | person and day | arXiv:2009.01265, 2020 |
# | Google, COVID-19 mobility reports | 2.64 | 0 | person and day | arXiv:2004.04145, 2020 |
# | Google, keyboard models | 0.994 to 13.69 | 1e-10 | device, a model | Google Research blog, February 2024 |
# | Israel, registry of live births 2014 | 9.98 | 0 | mother or newborn | arXiv:2405.00267, 2024 |
# | US Census 2020, redistricting: persons | 17.14 | 1e-10 | person | US Census Bureau, June 2021 |
# | LinkedIn, audience engagements | 34.9 | 7e-9 | member and month | arXiv:2002.05839, 2020 |
#

# %%
lab.predict("At how many of these is a 50:50 attacker held below 90 %?", low=0, high=9)

# %%
DEPLOYED = {"keyboard, best": (0.994, 1e-10), "symptom searches, a day": (1.68, 0),
            "health types, a day": (2, 0), "mobility, a day": (2.64, 0), "emoji, a day": (4, 0),
            "live births": (9.98, 0), "keyboard, largest": (13.69, 1e-10), "US Census": (17.14, 1e-10),
            "LinkedIn, a month": (34.9, 7e-9)}


def right_at_most(epsilon, delta=0.0):
    """How often the best attacker is right who starts at 50:50 (Kairouz, Oh, Viswanath 2015)."""
    return 1 - (1 - delta) / (1 + np.exp(epsilon))


held = [name for name, (epsilon, delta) in DEPLOYED.items() if right_at_most(epsilon, delta) < 0.9]
print("held below 90 %:", *held, sep="\n  ")
lab.truth(len(held), "of nine")
lab.claim("only epsilons of about 2 and less hold a 50:50 attacker below 90 %",
          max(DEPLOYED[name][0] for name in held) <= 2.2, of_nine=len(held))

# %% [markdown]
# These are worst cases over all attackers and all data, and real attacks do worse.
# But they are what is promised.
# A month of days at epsilon 4 is promised no better than epsilon 120.
#
# ## Tune it
#
# *What does epsilon do to your number?*

# %%
RANGES = {"0 to 1": 1.0, "0 to 100": 100.0, "0 to 10,000": 10_000.0}
CURVE = np.geomspace(0.05, 40, 25)


def half_width(statistic, epsilon, n, width):
    more = {} if statistic in ("count", "histogram") else {"bounds": (0, width)}
    return dp.error_of(statistic=statistic, epsilon=float(epsilon), n=int(n), **more).within


# %% tags=["hide-input"] jupyter={"source_hidden": true}
# Draws: what does epsilon do to my number?
def my_number(fig, statistic, epsilon, n, values):
    """What does epsilon do to my number?"""
    ax = fig.add_axes([0.11, 0.15, 0.86, 0.76])
    ax.loglog(CURVE, [half_width(statistic, each, n, values) + 1e-9 for each in CURVE], color=lab.PRIVATE)
    now = half_width(statistic, epsilon, n, values)
    ax.plot([epsilon], [max(now, 1e-9)], "o", color=lab.PRIVATE, markersize=9)
    for name, (each, _) in DEPLOYED.items():
        ax.axvline(each, color=lab.GUARANTEE, lw=0.8, alpha=0.6)
        ax.text(each, 0.97, name, transform=ax.get_xaxis_transform(), rotation=90, size=8,
                ha="right", va="top")
    lab.plots.privacy_axis(ax)
    ax.set(ylabel="off by at most, 19 of 20 times", xlim=(0.05, 45))
    low, high = half_width(statistic, 40, n, values), half_width(statistic, 0.05, n, values)
    low = max(low, high / 1e4)
    ax.set_ylim(low / 2, high * (high / low) ** 0.8)  # room for the names above
    return (f"A private {statistic} of {int(n):,} people at epsilon {epsilon:.2g} "
            f"(delta 0, add or remove one) is off by at most {now:.3g}, 19 times out of 20. "
            f"A 50:50 attacker is right at most {right_at_most(epsilon):.0%} of the time.")


lab.explore(my_number, statistic=["mean", "sum", "count", "histogram", "quantile"], epsilon=(0.05, 40.0, 1.0),
            n=lab.log_range(100, 1e6), values=RANGES, start={"values": 100.0, "n": 1000},
            labels={"n": "people", "values": "values from"})

# %% [markdown]
# **Question.** For counts, the number of people moves nothing, and for means it moves everything.
# Why does a count get no better with more people?
#
# <details><summary>Answer</summary>
#
# One person moves a count by 1, however many there are, so the noise stays.
# It is the *share* that gets better: an error of 3 in a thousand people is little, in ten people much.
# A mean divides by the number of people, and its noise with it.
#
# </details>
#
# ## The attack again
#
# The firm publishes private counts and means now,
# with fresh noise each month (epsilon 0.5 for each, delta 0, one person added or removed).
# Here is how far the reader's guess of the leaver's age is off, in years:

# %%
def private(ages, rng):
    count = dp.geometric(len(ages), sensitivity=1, epsilon=0.25, rng=rng)
    middle = 53.5
    above = dp.laplace((np.clip(ages, 17, 90) - middle).sum(), sensitivity=36.5, epsilon=0.25, rng=rng)
    return count, middle + above / max(count, 1)


off, guess_off = [], []
for gone in range(200):
    guess = age_of_leaver(private(staff, rng), private(np.delete(staff, gone), rng))
    off.append(abs(np.clip(guess, 17, 90) - staff[gone]))
    guess_off.append(abs(np.median(staff) - staff[gone]))  # trivial: everybody is of the median age

# %%
lab.claim("the reader does worse than whoever says the median for everybody",
          np.mean(off) > np.mean(guess_off), years_off=round(float(np.mean(off)), 1),
          median_for_all=round(float(np.mean(guess_off)), 1))

# %% [markdown]
# Another attack reads not the release but what *leaks around it*:
# an error message with a line of the file in it, a cell's output that was stored.
# We plant a word in a copy of the table, in places where it does not belong, release that,
# and count how often the word comes out.

# %%
planted = folder / "planted.csv"
lines = (folder / "people.csv").read_text().splitlines()
bad = ["SECRET,SECRET,SECRET,SECRET", '"SECRET,30,Male', "40,Male,40,>50K,SECRET", "1e999,SECRET", ""]
planted.write_text("\n".join([lines[0] + ",SECRET", *bad, *lines[1:2000]]))
seen = json.dumps(table.release(planted, budget=dp.Budget(epsilon=1)))
try:
    dp.OwnTable(unit="person", columns={"wage": (0, 1)}, questions=[("mean", "wage", 1)]).release(
        planted, budget=dp.Budget(epsilon=1))
except ValueError as refusal:
    seen += str(refusal)
lab.claim("the planted word is in the file, and neither in the release nor in the refusal",
          "SECRET" in planted.read_text() and "SECRET" not in seen, found=seen.count("SECRET"))

# %% [markdown]
# ## Check yourself
#
# **1.** A clinic knows that it has 500 patients (that number is public).
# Its mean length of stay, of 0 to 100 days, is to be off by at most 0.3 days,
# 19 times out of 20 (one record replaced, Laplace noise).
# It takes epsilon 1.
# What is the half width really, in days?

# %%
half_width_in_days = ...
check("clinic", half_width_in_days)

# %% [markdown] tags=["solution"]
# <details><summary>Solution</summary>
#
# ```python
# import math
#
# half_width_in_days = (100 / 500 / 1) * math.log(20)
#
# check("clinic", half_width_in_days);
# ```
# Scale 0.2 days, times ln 20, is 0.6 days: epsilon must be twice as large.
#
# </details>

# %% [markdown]
# **2.** Write `noise(epsilon, low, high, most)`: the scale of Laplace noise
# for a *sum* of values clamped to [low, high], when a person who comes or goes has up to `most` lines.

# %%
noise = ...
check("noise of a sum", noise)

# %% [markdown] tags=["solution"]
# <details><summary>Solution</summary>
#
# ```python
# def noise(epsilon, low, high, most):
#     return most * max(abs(low), abs(high)) / epsilon
#
# check("noise of a sum", noise);
# ```
# The farther end counts, also a negative one, and each of the lines.
#
# </details>

# %% [markdown]
# **3.** A hospital trained a model with epsilon 1 (delta $10^{-7}$, 100,000 visits, Poisson samples, PLD).
# Which sentence may it publish?
#
# * A: "Each patient is protected with epsilon 1", where a patient has up to twelve visits.
# * B: "Each visit is protected with epsilon 1", where a second model of the same data came out in May.
# * C: "Each visit, added or removed, is protected with epsilon 1; a patient with several is not."
# * D: "Each visit is protected with epsilon 1", for the best of twenty trainings.

# %%
sentence = ...
check("which sentence", sentence)

# %% [markdown] tags=["solution"]
# <details><summary>Solution</summary>
#
# ```python
# sentence = "C"
#
# check("which sentence", sentence);
# ```
# It names the unit and who is left out.
# A has the wrong unit, B forgets a release, D did not pay for its tuning.
#
# </details>

# %% [markdown]
# ## Limits and further reading
#
# * The error bars are about the noise, each number for itself.
#   Of forty numbers two lie outside; clamping, and people who are missing, no error bar shows.
# * Bounds and categories that you take from the data are not covered.
#   Neither is the decision to publish only if the result looks good.
# * A line of the file is what one person has.
#   A cell with a line break in it is two lines: clean such files first.
# * The names of the columns are taken to be public.
# * The statement believes what you tell it about reuse and tuning.
#
# Ponomareva and others, *How to DP-fy ML*,
# Journal of Artificial Intelligence Research 77, 2023 (what to report).
#
# Chua and others, *How private are DP-SGD implementations?*, ICML 2024 (shuffled batches).
#
# Near and others, *Guidelines for Evaluating Differential Privacy Guarantees*, NIST SP 800-226, 2025.
#
# Desfontaines,
# [*A list of real-world uses of differential privacy*](https://desfontain.es/blog/real-world-differential-privacy.html).
