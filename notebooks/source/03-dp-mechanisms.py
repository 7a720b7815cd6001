# ---
# jupyter:
#   kernelspec: {display_name: Python 3, language: python, name: python3}
# ---

# %% [markdown]
# # 3 · Noise that hides one person
#
# *About 75 minutes: 60 for the required sections, 15 for "What the article says", which is optional.
# You need lab 00 and a little probability.
# Terms are also explained in the [glossary](00-start-here.ipynb#Glossary).*
#
# **Afterwards you can** say in one sentence what epsilon promises,
# build the five mechanisms that keep the promise, pick an epsilon from the error you can live with,
# and recognise the mistakes that look private and are not:
# noise for the wrong sensitivity, clipping at the wrong end, and noise that a computer cannot draw.

# %%
import time

import matplotlib.pyplot as plt
import numpy as np
from scipy.optimize import brentq
from scipy.stats import norm

from labkit import datasets, dp, lab
from labkit.attacks.floating_point import guess_count
from labkit.exercises.lab_03 import check

try:
    import opendp.prelude as opendp
except ImportError:
    opendp = None  # the three cells that compare with it say so

rng = np.random.default_rng(3)
adult = datasets.adult()
people, n = adult.table, len(adult)
rich = adult.y  # 1 for more than 50,000 dollars a year, else 0
adult

# %% [markdown]
# ## What goes wrong
#
# A census office holds these records.
# It never shows one.
# It only says *how many* people earn more than 50,000 dollars, and breaks that down by country of birth.
# Below are two of its answers, and you may subtract one from the other.

# %%
lab.predict("How many people does the difference of the two answers speak of?",
            choices=["nobody", "one person", "a few hundred people"])

# %%
dutch = people["native_country"] == "Holand-Netherlands"
everyone = int(rich.sum())
born_elsewhere = int(rich[~dutch].sum())
print(f"more than 50,000 dollars: {everyone:,} people")
print(f"and of those born outside the Netherlands: {born_elsewhere:,}")

# %% [markdown]
# Two totals, both harmless.

# %%
spoken_of = {0: "nobody", 1: "one person"}.get(int(dutch.sum()), "a few hundred people")
lab.truth(spoken_of)
lab.claim(f"two exact totals reveal the income of {spoken_of}",
          int(dutch.sum()) == 1 and everyone - born_elsewhere == rich[dutch].item(),
          born_in_the_Netherlands=int(dutch.sum()), difference=everyone - born_elsewhere)

# %% [markdown]
# Only one person in this file was born in the Netherlands, and subtracting reads that person's income.
# The difference is 0, so: not above 50,000.
# Nor was this a rare accident.
# Whoever knows somebody's age, sex and country of birth can ask for a total without
# that person, whenever nobody else fits.

# %%
lab.predict("How many of the 48,842 people can be read like this?", low=0, high=5000)

# %%
alone = ~people.duplicated(["age", "sex", "native_country"], keep=False)
victims = rich[alone]


def subtract(answer):
    """Ask for the total with each victim and without: rich, if it falls by over a half."""
    falls = [answer(everyone) - answer(everyone - income) for income in victims]
    return np.array(falls) > 0.5


right = (subtract(lambda total: total) == victims).mean()

# %%
lab.truth(len(victims), "people")
lab.claim(f"subtracting exact totals reads the income of {right:.0%} of them", right == 1,
          victims=len(victims), right=right, always_saying_poor=1 - victims.mean())

# %% [markdown]
# Nothing was hacked, and no record was shown.
# *Exact answers* are the leak, and no rule about which totals may be published stops it for long:
# there is always another pair to subtract.
#
# ## The idea
#
# Blur each answer, just enough that one person cannot move it visibly.
# What is "enough"?
# Call two data sets $D$ and $D'$ **neighbouring** when one has one person more than the other.
# (Other relations are in use, such as replacing one person, and a promise must say which.
# Here it is adding or removing one, unless said otherwise.)
# A mechanism $M$ gives **$(\varepsilon, \delta)$-differential privacy**
# when for all neighbouring $D$, $D'$ and every set $S$ of answers
#
# $$\Pr[M(D) \in S] \;\le\; e^{\varepsilon}\, \Pr[M(D') \in S] + \delta .$$
#
# - $M(D)$ is the published answer, random because of the noise.
# - $\varepsilon$ (**epsilon**) bounds how much likelier any answer may be
#   with you in the data than without you.
#   It belongs to the mechanism, not to a record.
# - $\delta$ (**delta**) is a probability by which the bound may be missed.
#   With the first mechanisms below it is 0.
#
# In plain words: somebody who gave you even odds of being in the data is right,
# after seeing the answer, with probability at most $(e^{\varepsilon} + \delta) / (1 + e^{\varepsilon})$.
# That ceiling is the green line in every picture of this lab.
#
# For a count, one person changes the answer by at most 1: that is its **sensitivity**.
# Below is a count with noise, drawn 4,000 times with you and 4,000 times without you.

# %%
def two_worlds(noise, epsilon):
    """Answers, and the probability of each without you (true count 0) and with you (1)."""
    reach = max(15, 22 / epsilon)
    if noise == "whole numbers":
        x, peak = np.arange(-int(reach), int(reach) + 2), np.tanh(epsilon / 2)
        return x, [peak * np.exp(-epsilon * abs(x - count)) for count in (0, 1)]
    x, step = np.linspace(0.5 - reach, 0.5 + reach, 8001, retstep=True)
    if noise == "Laplace":
        return x, [step * epsilon / 2 * np.exp(-epsilon * abs(x - count)) for count in (0, 1)]
    sigma = dp.gaussian_sigma(epsilon=epsilon, delta=1e-5, sensitivity=1)
    return x, [step * norm.pdf(x, count, sigma) for count in (0, 1)]


def hills(ax, x, worlds, width):
    """Histograms of 4,000 answers from each world."""
    cells = np.arange(-12.5, 14, width)
    for seed, (mass, name) in enumerate(zip(worlds, ["without you", "with you"])):
        draws = np.random.default_rng(seed).choice(x, 4000, p=mass / mass.sum())
        ax.stairs(np.histogram(draws, cells)[0], cells, fill=True, alpha=0.4, label=name,
                  color=lab.PRIVATE if seed else lab.PLAIN)
    ax.set(xlim=(-9, 10), ylim=(0, 1.25 * ax.get_ylim()[1]), yticks=[],
           title="4,000 answers each", xlabel="answer, less the true count without you")
    ax.legend(loc="upper right", handlelength=1)


# %%
def attacker_bar(bar, right, ceiling):
    """How often an attacker is right, under what the guarantee allows, over a coin toss."""
    bar.bar(["attacker\nis right"], [right], color=lab.ATTACKER)
    bar.axhline(ceiling, color=lab.GUARANTEE)
    bar.axhline(0.5, color=lab.BASELINE, ls="--", lw=1)
    bar.set(ylim=(0.45, 1.005), yticks=[0.5, 0.75, 1], yticklabels=["50 %", "75 %", "100 %"])


# %% [markdown]
# *Drag epsilon.
# When do the two hills become one?*

# %% tags=["hide-input"] jupyter={"source_hidden": true}
# Draws: can you tell from the answer whether you are in the data?
def in_or_out(fig, epsilon, noise):
    """Can you tell from the answer whether you are in the data?"""
    left, loss, bar = fig.subplots(1, 3, width_ratios=[4, 2.6, 1])
    x, (without, with_you) = two_worlds(noise, epsilon)
    coarse = noise == "whole numbers" or epsilon < (3 if noise.startswith("Gaussian") else 0.3)
    hills(left, x, (without, with_you), width=1 if coarse else 0.25)
    far = round(max(10, 20 / epsilon))
    shown = abs(x - 0.5) < far + 1
    loss.axhspan(-epsilon, epsilon, color=lab.GUARANTEE, alpha=0.2, lw=0)
    loss.plot(x[shown], np.log(with_you[shown] / without[shown]), color=lab.PRIVATE)
    loss.text(-0.9 * far, 1.1 * epsilon, "epsilon", color=lab.GUARANTEE)
    loss.set(xlim=(-far, far), ylim=(-1.6 * epsilon, 1.6 * epsilon), title="log of the ratio",
             xlabel="answer, seen from afar", xticks=[-far, 0, far])
    delta = 1e-5 if noise.startswith("Gaussian") else 0
    best = 0.5 + abs(with_you - without).sum() / 4
    ceiling = (np.exp(epsilon) + delta) / (1 + np.exp(epsilon))
    attacker_bar(bar, best, ceiling)
    fig.subplots_adjust(bottom=0.17, top=0.9, left=0.02, right=0.97, wspace=0.28)
    return (f"At epsilon {epsilon:.2f}, delta {delta:g} (adding or removing one person) the "
            f"best attacker, starting at 50:50, is right {best:.1%} of the time; "
            f"the guarantee allows {ceiling:.1%}.")


lab.explore(in_or_out, epsilon=(0.05, 8, 1.0),
            noise=["Laplace", "whole numbers", "Gaussian, delta 1e-5"])

# %% [markdown]
# **Question.** With Laplace noise the attacker stays below the green line;
# with whole numbers exactly on it; and with Gaussian noise the blue line leaves the green band, far out.
# Why?
#
# <details><summary>Answer</summary>
#
# The line is the most that *any* mechanism with this epsilon may give away.
# Whole-number noise gives all of it away:
# every answer is exactly e^epsilon times likelier in one of the two worlds.
# Laplace noise also has answers between the two counts, and those tell less.
# Gaussian noise tells little about you most of the time and a lot in the far tails, without limit:
# the log of the ratio is a straight line that never stops.
# That is why Gaussian noise needs a delta, for the answers out there.
#
# </details>
#
# ## Build it
#
# ### Laplace: noise on a total
#
# Noise with the density $\frac{\varepsilon}{2} e^{-\varepsilon |x|}$ is enough for a count:
# moving it by 1 changes the density by a factor of at most $e^{\varepsilon}$.
# For another sensitivity, stretch it.

# %%
def noisy(answer, sensitivity, epsilon):
    return answer + rng.laplace(scale=sensitivity / epsilon)


[round(noisy(everyone, sensitivity=1, epsilon=0.5), 1) for _ in range(4)]

# %% [markdown]
# A different answer each time, and each one is still good.
# (Asking again is not free: every answer spends its epsilon.
# Lab 04 keeps those books.)

# %%
answers = dp.laplace(np.full(10_000, everyone), sensitivity=1, epsilon=0.5, rng=rng)
off = np.abs(answers - everyone) / everyone
lab.claim("999 of 1,000 answers are right to 2 parts in a thousand (epsilon 0.5, delta 0)",
          np.quantile(off, 0.999) < 2e-3, mean_error=off.mean())

# %% [markdown]
# ### Clip first, then add noise
#
# Now the office wants the mean capital gain.
# For that it needs the *sum*, and one person moves the sum by the whole of their gain.

# %%
lab.predict("As far as how many average people can a single person move the sum?", low=1, high=1000)

# %%
gains = people["capital_gain"].to_numpy()
lab.truth(round(gains.max() / gains.mean()), "average people")
lab.claim(f"one person moves the sum as far as {gains.max() / gains.mean():.0f} average people",
          gains.max() > 90 * gains.mean(), largest=int(gains.max()), mean=round(gains.mean()))

# %% [markdown]
# As far as these records say.
# But a bound read from the data is itself a leak, and the next person may have gained a billion.
# So fix a bound *without looking*, and clip each person to it.
# Only then is the sensitivity known.
# (The number of people counts as public here.)

# %%
def private_mean(values, bound, epsilon):
    total = dp.clamp(values, low=0, high=bound).sum()
    return dp.laplace(total, sensitivity=bound, epsilon=epsilon, rng=rng) / len(values)


estimates = np.array([private_mean(gains, bound=50_000, epsilon=0.5) for _ in range(200)])
too_low = gains.mean() - estimates.mean()
lab.claim("clipping at 50,000 costs more than the noise does (epsilon 0.5, delta 0)",
          too_low > 5 * estimates.std(), too_low_by=round(too_low),
          blurred_by=round(estimates.std()))

# %% [markdown]
# A low bound cuts the rich short, a high one needs more noise.
# *Tune it* puts that under a slider.
#
# ### Randomised response: the noise happens at your end
#
# What if nobody is to be trusted with the records?
# Then each person blurs their own answer.
# "Do you earn more than 50,000?"
# Tell the truth with probability $e^{\varepsilon} / (1 + e^{\varepsilon})$, else say the opposite.
# Whatever you report, either truth could be behind it.
# This is **local** privacy; noise that a trusted office adds is **central**.
# (Neighbouring here: one person has the other answer.)

# %%
def report(truth, epsilon):
    honest = rng.random(len(truth)) < np.exp(epsilon) / (1 + np.exp(epsilon))
    return np.where(honest, truth, 1 - truth)


reports = report(rich, epsilon=1.0)
print(f"say yes: {reports.mean():.1%}; lies among the reports: {(reports != rich).mean():.1%}")

# %% [markdown]
# More than a quarter of the reports are lies, so the share of yes is far off.
# But we know *how often* people lie.
# So the lies of the crowd can be taken back out, though no single person's can:

# %%
honest = np.exp(1.0) / (1 + np.exp(1.0))
estimate = (reports.mean() - (1 - honest)) / (2 * honest - 1)
lab.claim("the share estimated from the lies is right to two points (epsilon 1, delta 0)",
          abs(estimate - rich.mean()) < 0.02, estimate=estimate, truth=rich.mean())

# %% [markdown]
# The finished one, `dp.randomised_response`, takes any number of answers;
# `dp.estimated_shares` takes the lies back out.
# Here are 15 occupations:

# %%
jobs, job = np.unique(people["occupation"], return_inverse=True)
told = dp.randomised_response(job, epsilon=3.0, categories=len(jobs), rng=rng)
shares = dp.estimated_shares(told, epsilon=3.0, categories=len(jobs))
error = np.abs(shares - np.bincount(job) / n).max()
lab.claim("no occupation's share is off by more than two points (epsilon 3, delta 0)",
          error < 0.02, occupations=len(jobs), largest_error=error, lies=(told != job).mean())

# %% [markdown]
# ### Whole numbers: noise that a computer can draw
#
# A count is a whole number; its noise can be one too.
# The difference of two waiting times for a coin does it:
# $P(k)$ falls by a factor of $e^{-\varepsilon}$ with each step away from 0.
# It is called discrete Laplace or **geometric** noise, and it will save us at the end of this lab.

# %%
def whole_noise(epsilon, size):
    tails = 1 - np.exp(-epsilon)
    return rng.geometric(tails, size) - rng.geometric(tails, size)


ours = whole_noise(0.5, 100_000)
packaged = dp.geometric(np.zeros(100_000, int), sensitivity=1, epsilon=0.5, rng=rng)
gap = max(abs(np.mean(ours == k) - np.mean(packaged == k)) for k in range(-15, 16))
lab.claim("our two lines and the package's sampler draw the same noise", gap < 0.01,
          largest_gap=gap)

# %% [markdown]
# Ours uses `exp`, which a computer rounds.
# `dp.geometric` uses whole numbers and fractions only,
# from the random bits to the answer (Canonne, Kamath and Steinke, 2020), and so does `dp.discrete_gaussian`.
# Read `labkit/dp/mechanisms/exact.py`: it is short.
#
# ### Gaussian noise, and what delta is for
#
# When one person can move many answers at once, Gaussian noise wins:
# it has to cover only the straight-line (L2) distance by which the person moves them all.
# Its price is a delta.
# The **privacy loss** of an answer is the log of how much likelier it is with you than without you.
# Below are the losses of 200,000 answers for each kind of noise.

# %%
lab.predict("Whose privacy loss ever crosses epsilon?", choices=["neither", "Laplace", "Gaussian", "both"])

# %%
sigma = dp.gaussian_sigma(epsilon=1, delta=1e-3, sensitivity=1)
draws = 1 + rng.laplace(size=200_000)  # answers with you, less the count without you
laplace_loss = np.abs(draws) - np.abs(draws - 1)
draws = 1 + sigma * rng.normal(size=200_000)
gauss_loss = norm.logpdf(draws, 1, sigma) - norm.logpdf(draws, 0, sigma)

# %% tags=["hide-input"] jupyter={"source_hidden": true}
# Draws: answers (log scale) against privacy loss of an answer.
cells = np.arange(-1.475, 1.9, 0.05)
fig, axes = lab.plots.figure(8.2, 2.7, ncols=2, sharey=True)
for ax, loss, title in [(axes[0], laplace_loss, "Laplace, scale 1"),
                        (axes[1], gauss_loss, f"Gaussian, sigma {sigma:.2f}")]:
    ax.hist(loss, cells, color=lab.PRIVATE, log=True)
    ax.hist(loss[loss > 1 + 1e-9], cells, color=lab.ATTACKER, label="beyond epsilon")
    lab.plots.guarantee(ax, 1, "epsilon = 1", axis="x")
    ax.set(title=title, xlabel="privacy loss of an answer")
axes[0].set(ylabel="answers (log scale)", ylim=(1, 4e5))
axes[1].legend(loc="upper left")
plt.show()

# %%
crosses = [bool((loss > 1 + 1e-9).any()) for loss in (laplace_loss, gauss_loss)]
lab.truth({(False, False): "neither", (True, False): "Laplace",
           (False, True): "Gaussian", (True, True): "both"}[tuple(crosses)])

# %% [markdown]
# Laplace noise piles up at the two ends of what epsilon allows and never crosses.
# Gaussian noise crosses now and then.
# Delta is what lies beyond the line, each answer weighed by how far it is out:

# %%
delta = np.mean(np.maximum(0, 1 - np.exp(1 - gauss_loss)))
lab.claim("the mass beyond epsilon 1 is the delta of 0.001 that sigma was made for",
          abs(delta - 1e-3) < 3e-4 and not (laplace_loss > 1 + 1e-9).any(), measured=delta)

# %% [markdown]
# A delta of 0.001 keeps the picture visible;
# to publish, delta belongs far below one over the number of people.
# How wide must the noise be?
# Textbooks give $\sigma = \Delta \sqrt{2 \ln(1.25/\delta)} / \varepsilon$ for the sensitivity $\Delta$,
# proved for epsilon up to 1.
# `dp.gaussian_sigma` solves for the smallest $\sigma$ that works, at any epsilon (Balle and Wang, 2018).
# The textbook's formula wastes some noise where it is proved, and somewhere beyond it becomes wrong.

# %%
lab.predict("What is the first whole epsilon at which the textbook's noise is too little?", low=1, high=20)

# %%
def classic_sigma(epsilon, delta=1e-5):
    return np.sqrt(2 * np.log(1.25 / delta)) / epsilon


def true_delta(epsilon):
    return dp.gaussian_delta(sigma=classic_sigma(epsilon), epsilon=epsilon, sensitivity=1)


needed = dp.gaussian_sigma(epsilon=1, delta=1e-5, sensitivity=1)
first = next(each for each in range(1, 21) if true_delta(each) > 1e-5)

# %%
lab.truth(first)
lab.claim(f"at epsilon 1, delta 1e-5 the classic formula adds {classic_sigma(1) / needed - 1:.0%} more "
          "noise than needed", round(classic_sigma(1) / needed, 2) == 1.30,
          classic=f"{classic_sigma(1):.3f}", needed=f"{needed:.3f}")
lab.claim(f"far outside its proof it still holds at epsilon {first - 1}; at {first} its delta is above 1e-5",
          first > 5 and true_delta(first - 1) <= 1e-5 < true_delta(first),
          one_before=true_delta(first - 1), there=true_delta(first))

# %% [markdown]
# ### Exponential mechanism: a private choice
#
# Some answers are not numbers.
# *Which occupation is the most common in this town of 200 people?*
# Noise on a name makes no sense.
# Instead, make a candidate likelier the better it scores:
# $P(\text{candidate}) \propto \exp(\varepsilon \cdot \text{score} / 2\Delta)$,
# where $\Delta$ is how far one person can change any score.

# %%
town = job[np.random.default_rng(11).choice(n, 200, replace=False)]
scores = np.bincount(town, minlength=len(jobs))


def chances(scores, epsilon, sensitivity=1):
    weights = np.exp(epsilon * (scores - scores.max()) / (2 * sensitivity))
    return weights / weights.sum()


claimed = dict(sensitivity=1, epsilon=0.5, rng=rng)
picks = np.array([dp.exponential(scores, **claimed) for _ in range(1000)])
seen = np.bincount(picks, minlength=len(jobs)) / 1000
lab.claim("the package picks with the chances of the formula",
          np.abs(seen - chances(scores, 0.5)).max() < 0.08)
lab.claim("its pick is on average nearly as common as the winner (epsilon 0.5, delta 0)",
          scores[picks].mean() > 0.85 * scores.max(), pick=scores[picks].mean(),
          winner=int(scores.max()), blind_pick=scores.mean())

# %% [markdown]
# `dp.report_noisy_max` answers the same question with noise on each score, and is never worse on average.
# Its docstring says which noise, and why that is private.
#
# ## Use the real thing
#
# Our functions are short so that you can read them.
# For work, take a library that many people have tried to break.
# [OpenDP](https://opendp.org) (MIT licence) is one:
# its whole-number noise is exact, and a mechanism is an object that *knows* what it guarantees.
# You do not tell it epsilon; you ask.

# %%
if opendp:
    opendp.enable_features("contrib")
    counts = opendp.atom_domain(T=int), opendp.absolute_distance(T=int)
    count = opendp.m.make_laplace(*counts, scale=2.0)
    lab.claim("it knows: epsilon 0.5 for a sensitivity of 1, epsilon 1 for a sensitivity of 2",
              count.map(1) == 0.5 and count.map(2) == 1.0)
else:
    lab.measured("OpenDP is not installed (pip install opendp): the cells that use it are skipped")

# %%
if opendp:
    released = count(everyone)  # fresh noise from the operating system: another number at each run
    lab.claim("its answer is a whole number within 60 of the truth",
              type(released) is int and abs(released - everyone) < 60)

# %% [markdown]
# (Noise of scale 2 exceeds 60 about once in $e^{30}$ runs.)
# And it refuses what does not fit: a fraction given to a mechanism for counts, for instance.

# %%
if opendp:
    try:
        count(3.5)
        refused = False
    except TypeError:
        refused = True
    lab.claim("OpenDP refuses to add whole-number noise to 3.5", refused)

# %% [markdown]
# For how much Gaussian noise an epsilon and a delta need,
# and for many releases together, the library to use is Google's dp-accounting:

# %%
from dp_accounting.pld.common import DifferentialPrivacyParameters
from dp_accounting.pld.privacy_loss_mechanism import GaussianPrivacyLoss

target = DifferentialPrivacyParameters(epsilon=1, delta=1e-5)
theirs = GaussianPrivacyLoss.from_privacy_guarantee(target).standard_deviation
lab.claim("dp-accounting asks for the same sigma as we do", abs(theirs / needed - 1) < 1e-5,
          sigma=theirs)

# %% [markdown]
# | You want | Take |
# |---|---|
# | counts, sums, means, histograms, quantiles, choices on tables | OpenDP |
# | epsilon and delta of many releases together; how much noise for a budget | dp-accounting (lab 04) |
# | a trained model | Opacus (lab 05) |
# | to read how it works, to break it, to teach it | `labkit.dp` |
#
# ## What it costs
#
# Error, first.
# The question is the share of people above 50,000 dollars; one epsilon buys very different errors.
# The dashed line is the trivial competitor:
# the error that any survey of this size has anyway, because it asked these people and not others.
# Where a curve is below it, privacy costs less than chance did.

# %%
epsilons, runs, zeros = np.geomspace(0.01, 4, 14), 4000, np.zeros(4000, int)
central, gauss, local = [], [], []
for e in epsilons:
    central.append(np.abs(dp.geometric(zeros, sensitivity=1, epsilon=e, rng=rng)).mean() / n)
    noise = dp.gaussian(zeros, sensitivity=1, epsilon=e, delta=1e-6, rng=rng)
    gauss.append(np.abs(noise).mean() / n)
    honest = np.exp(e) / (1 + np.exp(e))  # all reports of a run added up: two binomial draws
    yes = rng.binomial(everyone, honest, runs) + rng.binomial(n - everyone, 1 - honest, runs)
    local.append(np.abs((yes / n - (1 - honest)) / (2 * honest - 1) - rich.mean()).mean())
spread = np.sqrt(rich.mean() * (1 - rich.mean()) / n)
sampling = np.sqrt(2 / np.pi) * spread  # mean size of a normal error

# %% tags=["hide-input"] jupyter={"source_hidden": true}
# Draws: the share of people above $50,000.
fig, ax = lab.plots.figure(8.2, 3.4)
sky, orange = lab.plots.SERIES[:2]
ax.loglog(epsilons, local, color=orange, label="local: randomised response, delta 0")
ax.loglog(epsilons, gauss, color=sky, label="central: Gaussian, delta 1e-6")
ax.loglog(epsilons, central, color=lab.PRIVATE, label="central: whole numbers, delta 0")
lab.plots.baseline(ax, sampling, "sampling error of the survey itself")
lab.plots.privacy_axis(ax)
ax.set(ylabel="mean error of the share", title="The share of people above $50,000")
ax.legend(loc="lower left")
plt.show()

# %% [markdown]
# With a trusted office, epsilon 0.1 costs less than the accident of who was asked.
# Without one, even epsilon 1 costs more.

# %%
central_error, local_error = np.interp(0.1, epsilons, central), np.interp(1, epsilons, local)
lab.claim("central noise at epsilon 0.1 is below the sampling error, local noise at 1 above",
          central_error < sampling < local_error, central=float(central_error),
          sampling=sampling, local=float(local_error))
ratio = local_error / np.interp(1, epsilons, central)
lab.claim("at epsilon 1, doing without an office costs more than a hundred times the error",
          ratio > 100, times=int(round(ratio, -1)))

# %% [markdown]
# Then time.
# Exactness is not free, but cheap:

# %%
zeros = np.zeros(100_000, int)
claim = dict(sensitivity=1, epsilon=1, rng=rng)
ways = {"Laplace, floating point": lambda: dp.laplace(zeros, **claim),
        "whole numbers, exact": lambda: dp.geometric(zeros, **claim),
        "discrete Gaussian, exact": lambda: dp.discrete_gaussian(zeros, delta=1e-5, **claim)}
if opendp:
    vectors = opendp.vector_domain(opendp.atom_domain(T=int)), opendp.l1_distance(T=int)
    library = opendp.m.make_laplace(*vectors, scale=1.0)
    ways["OpenDP, exact"] = lambda: library(zeros.tolist())
for name, run in ways.items():
    began = time.perf_counter()
    run()
    lab.measured(f"{name}: {10 * (time.perf_counter() - began):.2f} microseconds an answer")

# %% [markdown]
# ## Tune it
#
# ### A game: in or out?
#
# Ten times, a coin decided whether you are in the data, and the office published its count with noise.
# All you see are the ten answers.
# Choose a *cut*: from there on you say "in".
# Then tick *reveal*, and compare your score with what is possible.
# New round, new luck.

# %%
def play(round, epsilon):
    """Who was in, and the ten published answers (less the true count without you)."""
    luck = np.random.default_rng(100 + round)
    inside = luck.random(10) < 0.5
    return inside, inside + luck.laplace(size=10) / epsilon


def right_in_the_long_run(cut, epsilon):
    """How often "in from the cut on" is right, for Laplace noise around 0 (out) and 1 (in)."""
    below = [np.exp(x * epsilon) / 2 if x < 0 else 1 - np.exp(-x * epsilon) / 2
             for x in (cut, cut - 1)]
    return 0.5 + (below[0] - below[1]) / 2


def board(ax, answers, cut):
    """Ten white dots, and the side on which you say "in"."""
    reach = max(4.2, 1.25 * abs(answers).max())
    ax.axvspan(cut, reach, color=lab.PRIVATE, alpha=0.12, lw=0)
    ax.axvline(cut, color=lab.BASELINE, lw=1)
    ax.text(reach * 0.98, -0.4, "you say: in", ha="right", color=lab.PRIVATE)
    ax.text(-reach * 0.98, -0.4, "you say: out", color=lab.PLAIN)
    ax.set(xlim=(-reach, reach), ylim=(-0.8, 10.8), yticks=[], title="Where would you cut?",
           xlabel="published answer, less the count without you")
    return ax.scatter(answers, range(10, 0, -1), c="white", s=70, edgecolor="black", zorder=3)


# %% tags=["hide-input"] jupyter={"source_hidden": true}
# Draws: ten published answers: in which of them are you counted?
def game(fig, epsilon, cut, round, reveal):
    """Ten published answers: in which of them are you counted?"""
    ax, bar = fig.subplots(1, 2, width_ratios=[4, 1])
    inside, answers = play(round, epsilon)
    correct = (answers >= cut) == inside
    dots = board(ax, answers, cut)
    ceiling = np.exp(epsilon) / (1 + np.exp(epsilon))
    longrun = right_in_the_long_run(cut, epsilon)
    reading = "Choose your cut, then tick reveal."
    if reveal:
        dots.set_facecolor(np.where(inside, lab.PRIVATE, lab.PLAIN))
        ax.set_title("blue: you were in.  grey: you were out.")
        for row in np.flatnonzero(~correct):
            ax.annotate("wrong", (answers[row], 10 - row), (9, -4), color=lab.ATTACKER,
                        textcoords="offset points")
        reading = (f"You were right in {correct.sum()} of 10; over many rounds this cut is "
                   f"right {longrun:.0%} of the time.")
    attacker_bar(bar, longrun if reveal else 0, ceiling)
    fig.subplots_adjust(bottom=0.17, top=0.9, left=0.02, right=0.97, wspace=0.15)
    return (f"{reading} At epsilon {epsilon:.2f}, delta 0 (adding or removing you) nobody can "
            f"do better than {ceiling:.0%} in the long run.")


lab.explore(game, epsilon=(0.1, 8, 1.0), cut=(-3.0, 4.0, 2.0), round=range(1, 31),
            reveal=False)

# %% [markdown]
# **Question.** Which cut is best, and why do you beat the ceiling in some rounds?
#
# <details><summary>Answer</summary>
#
# A half: there the two hills cross, so on either side you name the likelier world.
# The ceiling is about the long run.
# In ten tosses even a coin is now and then right eight times.
# That is also why an attacker who was lucky once has proved nothing,
# and why the audits below count thousands of runs.
#
# </details>
#
# ### Where to clip?
#
# The mean capital gain again, in a town of 1,000 people.
# *Find the bound with the least error; then change epsilon.*

# %%
bounds = np.geomspace(100, 1e6, 81)
town_gains = gains[np.random.default_rng(5).choice(n, 1000, replace=False)]
cut_off = np.array([np.mean(town_gains - np.minimum(town_gains, bound)) for bound in bounds])
sky, orange, pink, plum = lab.plots.SERIES[:4]


# %% tags=["hide-input"] jupyter={"source_hidden": true}
# Draws: where should capital gains be clipped, to publish their mean?
def where_to_clip(fig, epsilon, bound):
    """Where should capital gains be clipped, to publish their mean?"""
    ax = fig.subplots()
    noise = bounds / epsilon / len(town_gains)  # mean size of the Laplace noise
    ax.loglog(bounds, cut_off + noise, color=pink, lw=5, alpha=0.5, label="together")
    ax.loglog(bounds, np.maximum(cut_off, 1e-9), color=orange, label="lost by clipping")
    ax.loglog(bounds, noise, color=lab.PRIVATE, label="noise")
    lab.plots.baseline(ax, town_gains.mean(), "saying 0 without looking")
    low, blur = np.interp(bound, bounds, cut_off), bound / epsilon / len(town_gains)
    ax.axvline(bound, color=lab.PLAIN, lw=1)
    ax.plot(bound, low + blur, "o", color=plum, ms=9)
    ax.set(xlabel="clip each person at (dollars)", ylabel="error of the mean (dollars)",
           xlim=(100, 1e6), ylim=(10, 1e5))
    ax.minorticks_off()
    ax.legend(loc="upper left", bbox_to_anchor=(1, 1))
    fig.subplots_adjust(bottom=0.17, top=0.96, left=0.09, right=0.72)
    best = bounds[np.argmin(cut_off + noise)]
    return (f"Clipped at {bound:,.0f}, the mean of {town_gains.mean():,.0f} is too low by "
            f"{low:,.0f} and blurred by {blur:,.1f} dollars. At epsilon {epsilon:.2f}, "
            f"delta 0 (adding or removing one person) a bound near {best:,.0f} does best.")


lab.explore(where_to_clip, epsilon=(0.01, 10, 0.1), bound=lab.log_range(100, 1e6, 1000))

# %% [markdown]
# **Question.** The best bound moves with epsilon.
# May the office look at this picture to choose its bound?
#
# <details><summary>Answer</summary>
#
# Not for free.
# The loss by clipping is computed from the private data, and so is the best bound.
# Choose it from public knowledge (last year's figures,
# the tax code), or spend part of the budget on a private quantile.
# In general: the smaller epsilon, the lower the best bound,
# because the noise that a high bound needs weighs more.
#
# </details>
#
# ### A thousand values at epsilon 0.1
#
# One of the two articles that these labs test takes 1,000 values between 0 and 1,
# adds noise to *every value* at epsilon 0.1, and calls the result a private data set.
# It is one: somebody may change their value from 0 to 1, so each gets Laplace noise of scale 10.
# *Drag epsilon and see what is left of the values.*

# %% tags=["hide-input"] jupyter={"source_hidden": true}
# Draws: error of the mean.
def three_errors(ax, records, epsilon, blind):
    """Root mean square errors of three ways to tell the mean of values in [0, 1]."""
    errors = [np.sqrt(2 / records) / epsilon, np.sqrt(2) / records / epsilon, blind]
    names = ["noise on\neach record", "noise on\nthe mean", "no data:\nsay one half"]
    bars = ax.barh(names, errors, color=[lab.plots.SERIES[1], lab.PRIVATE, "white"])
    bars[2].set(edgecolor=lab.BASELINE, linestyle="--")
    ax.bar_label(bars, [f"{error:.2g}" for error in errors], padding=4)
    ax.set(xscale="log", xlim=(1e-7, 1e3), xticks=[1e-6, 1e-4, 1e-2, 1],
           title="error of the mean")
    ax.minorticks_off()
    ax.invert_yaxis()
    return errors


values = np.random.default_rng(1000).random(1_000_000)


# %% tags=["hide-input"] jupyter={"source_hidden": true}
# Draws: noise on every record, or noise on the answer: what is left?
def thousand(fig, epsilon, records):
    """Noise on every record, or noise on the answer: what is left?"""
    dots, bars = fig.subplots(1, 2, width_ratios=[2, 1.4])
    data, luck = values[:records], np.random.default_rng(8)
    published = dp.laplace(data[:400], sensitivity=1, epsilon=epsilon, rng=luck)
    dots.axhspan(0, 1, color=lab.GUARANTEE, alpha=0.4, lw=0)
    dots.scatter(data[:400], published, s=9, color=lab.PRIVATE, alpha=0.7, lw=0)
    dots.set(xlabel="true value", ylabel="published value",
             title="400 of the records (green: 0 to 1)")
    local, central, _ = three_errors(bars, records, epsilon, blind=abs(data.mean() - 0.5))
    fig.subplots_adjust(bottom=0.17, top=0.9, left=0.1, right=0.98, wspace=0.42)
    outside = np.mean((published < 0) | (published > 1))
    return (f"{records:,} values at epsilon {epsilon:.2f}, delta 0 (one value replaced): "
            f"{outside:.0%} of the published records are not even between 0 and 1. Their mean "
            f"is off by about {local:.2g}; noise on the mean alone by {central:.2g}.")


lab.explore(thousand, epsilon=(0.01, 10, 0.1), records=[1_000, 10_000, 100_000, 1_000_000])

# %% [markdown]
# **Question.** How many more people does noise on every record need for the same error, and what does it buy?
#
# <details><summary>Answer</summary>
#
# (The blind guess of one half does well only because these values are spread evenly.)
# Noise on records averages out like $1/\sqrt{n}$, noise on the mean shrinks like $1/n$:
# what an office does with $n$ people takes about $n^2$ without one.
# It buys a world in which nobody ever holds the true records.
# Whoever counts words typed on millions of phones can pay that; a hospital with 1,000 patients cannot.
#
# </details>
#
# ## The attack again
#
# The office switches on its noise: whole numbers,
# epsilon 0.1 for each answer, so 0.2 for the pair that is subtracted.
# (Asking about all of them spends 0.2 each time; an office that keeps books would stop after a few.)
# Remember: *poor*, said of everybody without asking, is right for four victims in five.

# %%
lab.predict("How many percent of the victims does the attack get right now?", low=0, high=100)

# %%
called_rich = subtract(lambda total: dp.geometric(total, sensitivity=1, epsilon=0.1, rng=rng))
right = (called_rich == victims).mean()
lab.truth(round(100 * right), "%")
lab.claim("the same attack is now right less often than always saying poor",
          right < 1 - victims.mean(), right=right, always_saying_poor=1 - victims.mean())

# %%
told_apart = called_rich[victims == 1].mean() - called_rich[victims == 0].mean()
lab.claim("it calls the rich rich hardly more often than the poor", abs(told_apart) < 0.15,
          more_often_by=told_apart, epsilon_allows=np.tanh(0.2 / 2))

# %% [markdown]
# (For exact answers that difference was 1.)
# Subtracting is defeated.
# Now an attacker with a better eye.
#
# ### The secret in the last digits
#
# A village clinic publishes how many of its people carry a certain virus: 0 or 1.
# It uses the textbook recipe with a very careful epsilon of 0.01, and prints all digits of the answer.
# By the definition, whoever starts at 50:50 is then right at most 50.2 % of the time.
# Here comes an attacker who knows how computers draw Laplace noise.

# %%
lab.predict("In how many percent of the cases is this attacker right?", low=50, high=100)

# %%
truth = np.repeat([0, 1], 2000)
answers = dp.laplace(truth, sensitivity=1, epsilon=0.01, rng=rng)


def could_come_from(answers, count, scale):
    """Retrace the sampler: would some random number give this answer from this count?"""
    noise = answers - count
    tail = np.exp(-np.abs(noise) / scale) / 2
    u = np.where(noise < 0, tail, 1 - tail)  # the uniform number behind the noise, nearly
    possible = np.zeros(len(answers), bool)
    for step in range(-3, 4):  # it, and its neighbours on the grid of the 2^53 that exist
        near = np.clip(np.rint(u * 2.0**53) + step, 1, 2.0**53 - 1) / 2.0**53
        forward = np.where(near < 0.5, np.log(2 * near), -np.log(2 - near - near))
        possible |= count + scale * forward == answers
    return possible


# %%
zero, one = could_come_from(answers, 0, 100), could_come_from(answers, 1, 100)
coins = rng.random(len(truth)) < 0.5
guess = np.where(zero == one, coins, one)  # both or neither possible: toss a coin
right, allowed = (guess == truth).mean(), np.exp(0.01) / (1 + np.exp(0.01))
lab.truth(round(100 * right), "%")
lab.claim(f"the attacker is right {right:.0%} of the time, where epsilon 0.01 allows {allowed:.1%}",
          right > 0.85 and round(allowed, 3) == 0.502, right=round(right, 2), allowed=allowed)

# %% [markdown]
# A computer's random number is one of $2^{53}$.
# So only certain answers can be "0 plus noise", and they lie like the teeth of a comb.
# "1 plus noise" is another comb, and most answers fit one comb only.
# The noise has the right shape,
# and its last digits are a fingerprint of what was added to it (Mironov, 2012).
#
# *Drag the settings.
# When does the attack work, and what stops it?*

# %%
def answer_with(noise, truth, epsilon, luck):
    if noise == "whole":
        return dp.geometric(truth, sensitivity=1, epsilon=epsilon, rng=luck)
    answers = dp.laplace(truth, sensitivity=1, epsilon=epsilon, rng=luck)
    return answers.round(3) if noise == "rounded" else answers


# %% tags=["hide-input"] jupyter={"source_hidden": true}
# Draws: how often do the last digits give the count away?
def last_digits(fig, epsilon, count, noise):
    """How often do the last digits give the count away?"""
    ax, bar = fig.subplots(1, 2, width_ratios=[4, 1])
    luck, truth = np.random.default_rng(9), np.repeat([count, count + 1], 1500)
    answers = answer_with(noise, truth, epsilon, luck)
    guess = guess_count(answers, first=count, second=count + 1, scale=1 / epsilon, rng=luck)
    heights = (guess > count) + luck.uniform(-0.3, 0.3, len(truth))
    for rows, colour in [(slice(0, 60), lab.PLAIN), (slice(1500, 1560), lab.PRIVATE)]:
        ax.scatter(answers[rows], heights[rows], s=20, color=colour, alpha=0.8, lw=0,
                   label=f"true count {truth[rows][0]}")
    ax.set(yticks=[0, 1], yticklabels=[f"attacker\nsays {count + more}" for more in (0, 1)],
           ylim=(-0.5, 1.9), xlabel="published answer", title="60 answers from each count")
    ax.legend(loc="upper right", ncols=2, handletextpad=0.2)
    right, ceiling = np.mean(guess == truth), np.exp(epsilon) / (1 + np.exp(epsilon))
    attacker_bar(bar, right, ceiling)
    fig.subplots_adjust(bottom=0.17, top=0.9, left=0.1, right=0.97, wspace=0.18)
    return (f"At epsilon {epsilon:.3f}, delta 0 (adding or removing one person) this attacker "
            f"is right {right:.0%} of the time; a promise kept would allow {ceiling:.1%}.")


lab.explore(last_digits, epsilon=(0.005, 2, 0.05), count=[0, 1, 5, 40, 1000],
            noise={"Laplace, all digits": "textbook",
                   "Laplace, rounded to 3 digits": "rounded", "whole numbers, exact": "whole"})

# %% [markdown]
# **Question.** Why does the attack fade for a count of 1,000 at epsilon 1, and is such a count safe then?
#
# <details><summary>Answer</summary>
#
# Near 1,000 a computer's numbers lie further apart than the teeth of either comb,
# so nearly every number fits both.
# But a small epsilon makes the noise wide and its teeth far apart, and the attack returns: try epsilon 0.005.
# And it is only *this* attack that fades; a guarantee is about all of them.
# Rounding stops it too, but to prove how private the rounded answer is takes care
# (Mironov's snapping mechanism does it).
# Whole-number noise needs no repair: it was exact from the start.
#
# </details>
#
# An **audit** turns such an attack into a number.
# Run a mechanism thousands of times on two neighbouring inputs, find an event
# that is likelier on one of them, and work out what epsilon must be *at least*, here with 95 % confidence.

# %%
def only_one(answers):
    """1 where the answer fits a count of 1 and not a count of 0."""
    fits_one, fits_zero = (could_come_from(answers, count, 100) for count in (1, 0))
    return (fits_one & ~fits_zero).astype(int)


def audited(mechanism):
    def run(count, runs):
        return mechanism(np.full(runs, count), sensitivity=1, epsilon=0.01, rng=rng)

    return dp.audit(run, 1, 0, runs=10_000, batched=True, score=only_one).epsilon_lower_bound()


textbook, whole = audited(dp.laplace), audited(dp.geometric)
lab.claim("audited, the textbook recipe loses over a hundred times its epsilon of 0.01",
          textbook > 1, at_least=round(textbook, 1))
lab.claim("the same audit finds nothing against exact whole numbers", whole <= 0.01,
          at_least=whole)

# %% [markdown]
# And the library?
# OpenDP's Laplace mechanism for real numbers draws on one fixed,
# fine grid, so that whatever one count can give, the next can give too.

# %%
if opendp:
    reals = opendp.vector_domain(opendp.atom_domain(T=float, nan=False))
    careful = opendp.m.make_laplace(reals, opendp.l1_distance(T=float), scale=100.0)
    careful = np.array(careful(truth.astype(float).tolist()))
    guess = guess_count(careful, first=0, second=1, scale=100, rng=rng)
    lab.claim("against OpenDP the same attacker is right half the time, within 5 points",
              abs((guess == truth).mean() - 0.5) < 0.05)

# %% [markdown]
# ## Check yourself
#
# **1.** A hospital publishes the number of patients with a rare disease.
# The true count is about 40, and an error of 4 is acceptable, if it is kept nineteen times out of twenty.
# What is the smallest epsilon that allows this?
# (Laplace noise of scale $1/\varepsilon$ exceeds $t$ in size with probability $e^{-\varepsilon t}$.)

# %%
epsilon_needed = ...

check("rare disease", epsilon_needed);

# %% [markdown] tags=["solution"]
# <details><summary>Solution</summary>
#
# Put $e^{-4\varepsilon} = 1/20$.
# A larger epsilon means less noise, so this is the smallest that will do.
#
# ```python
# epsilon_needed = np.log(20) / 4
# check("rare disease", epsilon_needed);
# ```
#
# </details>

# %% [markdown]
# **2.** A club publishes the mean age of its 500 members.
# Ages are clipped to 0 ... 100, and neighbouring data sets differ by *replacing* one member.
# What is the sensitivity of the mean?

# %%
sensitivity = ...

check("sensitivity of a mean", sensitivity);

# %% [markdown] tags=["solution"]
# <details><summary>Solution</summary>
#
# Replacing a member of age 0 by one of 100 moves the sum by 100, and the mean by a 500th of that.
#
# ```python
# sensitivity = 100 / 500
# check("sensitivity of a mean", sensitivity);
# ```
#
# </details>

# %% [markdown]
# **3.** Write a function that takes the share of *yes* among randomised responses
# (two possible answers) and epsilon, and returns the estimated true share.

# %%
undo = ...

check("undo the lies", undo);

# %% [markdown] tags=["solution"]
# <details><summary>Solution</summary>
#
# A true share $t$ shows up as $t p + (1 - t)(1 - p)$; solve for $t$.
#
# ```python
# def undo(reported, epsilon):
#     p = np.exp(epsilon) / (1 + np.exp(epsilon))
#     return (reported - (1 - p)) / (2 * p - 1)
#
#
# check("undo the lies", undo);
# ```
#
# </details>

# %% [markdown]
# **4.** A survey is published with epsilon 0.5 (delta 0, adding or removing one person).
# Which sentence may its authors print?
#
# - **A** Nobody can learn anything about a participant from it.
# - **B** Whatever is published would have been at most $e^{0.5}$, about 1.65, times as likely or unlikely
#   without you.
# - **C** Your answers are hidden with a probability of one half.
# - **D** The published numbers are wrong by at most 0.5.

# %%
sentence = ...

check("what epsilon promises", sentence);

# %% [markdown] tags=["solution"]
# <details><summary>Solution</summary>
#
# That is the definition, in words.
# It leaves room for learning something (A), has no case in which all is lost (C, where delta is 0),
# and does not speak of the error (D).
#
# ```python
# sentence = "B"
# check("what epsilon promises", sentence);
# ```
#
# </details>

# %% [markdown]
# **5.** Write the exponential mechanism for scores that one person can change by at most 1:
# a function of the scores (an array) and epsilon
# that returns the probability with which each candidate is picked.

# %%
picking = ...

check("a private choice", picking);

# %% [markdown] tags=["solution"]
# <details><summary>Solution</summary>
#
# Weights $e^{\varepsilon \cdot \text{score} / 2}$, divided by their sum.
#
# ```python
# def picking(scores, epsilon):
#     weights = np.exp(epsilon * (scores - np.max(scores)) / 2)
#     return weights / weights.sum()
#
#
# check("a private choice", picking);
# ```
#
# </details>

# %% [markdown]
# **6.** Five teams publish the mean income of the same 1,000 customers,
# each claiming epsilon 1 (delta 0, replacing one customer).
# Which one keeps it?
#
# - **A** rounds the sum, adds whole-number noise (`geometric`) of scale `max(incomes)`, and divides by 1,000.
# - **B** does so with scale 100,000, and clips the result to 0 ... 100,000.
# - **C** clips every income to 0 ... 100,000 and rounds it, adds them up,
#   adds whole-number noise of scale 100,000 to the sum, and divides by 1,000.
# - **D** does as C, drawing the noise from `np.random.default_rng(42)`, and publishes its code.
# - **E** does as C, with Laplace noise in floating point instead of whole numbers.

# %%
team = ...

check("which one is private", team);

# %% [markdown] tags=["solution"]
# <details><summary>Solution</summary>
#
# A's noise tells the largest income, and the next customer's may be larger.
# B clips at the wrong end: one income of ten million moves its mean by far more than the noise.
# D's noise is known to whoever reads the code.
# E's last bits can tell what is under the noise, as you saw above:
# on paper it is private, in a computer it is not.
#
# ```python
# team = "C"
# check("which one is private", team);
# ```
#
# </details>

# %% [markdown]
# ## What the article says
#
# *(Optional. 15 minutes.)*
# Two articles in Chinese started these labs, and lab 00 introduces them:
# **A**, *data privacy in deploying large models*,
# and **B**, *privacy-protection mechanisms for applications of large models*.
# Here is what they say about noise, each statement run.
# A line such as `article A7 · does not hold` is our verdict on the statement as they wrote it.
#
# **A7.** *A private output is the output plus noise; epsilon is the sensitivity of each sample.*
# Take the same noise, scale 1, sold as epsilon 1, for two questions:
# how many people, and how many hours a week do they work together?
# An audit says what either loses at the least.

# %%
def plus_noise(answer, runs):
    return answer + rng.laplace(scale=1.0, size=runs)


hours = people["hours_per_week"]
of_count = dp.audit(plus_noise, everyone, everyone - 1, batched=True)
of_hours = dp.audit(plus_noise, int(hours.sum()), int(hours.sum() - hours.max()), batched=True)
count_loss = of_count.epsilon_lower_bound(confidence=0.999)
hours_loss = of_hours.epsilon_lower_bound(confidence=0.999)
lab.claim("the same noise keeps epsilon 1 for a count and breaks it for a sum: noise must be "
          "scaled to the sensitivity of the question", count_loss <= 1 < 5 < hours_loss,
          article="A7", verdict="does not hold", count_at_least=round(count_loss, 1),
          hours_at_least=round(hours_loss, 1))

# %% [markdown]
# Epsilon is a promise of the mechanism, one for all records; *sensitivity* is a property of the question.
# The article has the two change places.
#
# **A8.** *The budget follows from a formula with epsilon on both sides:*
# half the log of one over delta times a sum, over all inputs,
# of $e^{-2\varepsilon m}$, where $m$ is the largest change that the noise makes to any output.
# Solve it for five ways to publish 1,000 values, and hold it against the truth.

# %%
def article_budget(largest_change, inputs=1000, delta=0.05):
    def gap(epsilon):  # left side less right side, the sum over inputs taken out of the log
        return epsilon - 0.5 * (np.log(inputs / delta) - 2 * epsilon * largest_change)

    return brentq(gap, 0, 100)


drawn = {scale: abs(rng.laplace(scale=scale, size=1000)).max() for scale in (0.01, 1, 10)}
for recipe, change, true in [("publish every value as it is", 0, "infinite"),
                             ("add 300 to every value", 300, "infinite"),
                             ("Laplace noise of scale 0.01", drawn[0.01], 100),
                             ("Laplace noise of scale 1", drawn[1], 1),
                             ("Laplace noise of scale 10", drawn[10], 0.1)]:
    print(f"{recipe:30} the formula says {article_budget(change):.2f}; true epsilon: {true}")

# %% [markdown]
# Where the noise is wide it lands in the right region, because both fall as the noise grows.
# But it calls publishing everything a finite loss,
# and adding 300 to every value, which anybody can subtract again, the most private way of all.

# %%
def shifted(value, runs):
    return np.full(runs, value + 300.0)


loses = dp.audit(shifted, 0.3, 0.7, batched=True).epsilon_lower_bound()
lab.claim("the formula prefers a constant shift to real noise; audited, it hides nothing",
          article_budget(300) < article_budget(drawn[10]) and loses > 5,
          article="A8", verdict="does not hold", formula=article_budget(300),
          audited_at_least=round(loses, 1))

# %% [markdown]
# The real budget is the definition at the top: a bound on a ratio of probabilities over neighbouring data.
# And delta is not a "difference threshold" but a probability:
# the vermillion mass in the picture of privacy losses above.
#
# **A9.** *1,000 values in [0, 1], epsilon 0.1: add noise to each, and that is the private data set.*

# %%
a_thousand = np.random.default_rng(10).random(1000)
published = dp.laplace(a_thousand, sensitivity=1, epsilon=0.1, rng=rng)
outside = np.mean((published < 0) | (published > 1))
sigma = dp.gaussian_sigma(epsilon=0.1, delta=0.05, sensitivity=1)
lab.claim("nine of ten published values are not even in [0, 1]; Gaussian noise, at the "
          "article's delta of 0.05, would still be four times as wide as the data",
          outside > 0.9 and sigma > 4, outside=outside, sigma=sigma)

# %%
claim = dict(epsilon=0.1, rng=rng)
means = [dp.laplace(a_thousand, sensitivity=1, **claim).mean() for _ in range(400)]
central = dp.laplace(np.full(400, a_thousand.mean()), sensitivity=1 / 1000, **claim)
local_error, central_error = np.std(means), np.std(central)
lab.claim("the records are protected and useless, down to their mean; noise on the mean "
          "itself, at the same epsilon, errs about 30 times less",
          local_error > 0.35 and 25 < local_error / central_error < 40, article="A9",
          verdict="holds once repaired", noise_on_records=round(local_error, 2),
          noise_on_the_mean=round(central_error, 3))

# %% [markdown]
# The noise on every record is *local* privacy, and real protection.
# But it serves nobody at this size: an error near half the range says less than the blind guess of one half.
# The gap is the square root of the number of people, so it takes 10,000 of them to make it a hundredfold.

# %%
local_error, central_error = np.sqrt(2 / 10_000) / 0.1, np.sqrt(2) / 10_000 / 0.1
lab.claim("with 10,000 people noise on the mean errs a hundred times less, on records by 0.14",
          round(local_error / central_error) == 100 and round(local_error, 2) == 0.14)

# %% [markdown]
# **A10.** *Delta is 0.05, and the program's output is shown.*
# What does that delta allow?
# Here is a mechanism with epsilon **zero** and delta 0.05.
# (Neighbouring: one record replaced.)

# %%
def publish_some(records, delta):
    """Print each record in full with probability delta, else nothing of it."""
    return records[rng.random(len(records)) < delta]


exposed = len(publish_some(a_thousand, delta=0.05))
one_record = dp.audit(lambda record, runs: np.where(rng.random(runs) < 0.05, record, -1.0),
                      0.3, 0.7, runs=20_000, batched=True)
pure, with_delta = (one_record.epsilon_lower_bound(delta=delta, confidence=0.9999)
                    for delta in (0, 0.05))
lab.claim("printing some 50 of 1,000 records in full keeps epsilon 0, delta 0.05, by an audit",
          25 < exposed < 80 and with_delta == 0 and pure > 3, printed_in_full=exposed,
          pure_epsilon_at_least=round(pure, 1))

# %% [markdown]
# So delta belongs far below one over the number of people: far below 0.001 here.
# And the output?
# Of its first 576 numbers only 70 are different: from the 55th on, one block of 16 is repeated to the end.
# Here is how often `np.random.rand` repeats itself in 576 draws.

# %%
draws = np.round(np.random.default_rng(12).random((2000, 576)), 8)  # 8 digits are printed
with_repeat = np.mean([len(np.unique(row)) < 576 for row in draws])
lab.claim("the code shown hardly ever repeats one number in 576; it did not print an output "
          "in which 506 repeat", with_repeat < 0.01, article="A10", verdict="does not hold",
          runs_with_any_repeat=with_repeat)

# %% [markdown]
# **B2.** *Choose Laplace or Gaussian noise, add it,
# then clip the output to remove the influence of the noise.*
# Two teams publish the total capital gain of three people, with noise made for gains up to 10,000.
# One clips each person, the other clips the answer.
# Then somebody with the largest gain of the file joins.

# %%
three = np.array([0, 2500, 4000])
four = np.append(three, gains.max())


def clip_before(values, runs):
    total = dp.clamp(values, low=0, high=10_000).sum()
    return dp.laplace(np.full(runs, total), sensitivity=10_000, epsilon=1, rng=rng)


def clip_after(values, runs):
    noisy = dp.laplace(np.full(runs, values.sum()), sensitivity=10_000, epsilon=1, rng=rng)
    return dp.clamp(noisy, low=0, high=40_000)


before, after = (dp.audit(way, four, three, batched=True) for way in (clip_before, clip_after))
print(after.verdict(epsilon=1))

# %%
losses = [way.epsilon_lower_bound(confidence=0.999) for way in (before, after)]
lab.claim("clipping the answer bounds nothing: epsilon 1 is refuted; clipping people keeps it",
          losses[0] <= 1 < 2 < losses[1], article="B2", verdict="holds once repaired",
          before=round(losses[0], 1), after=round(losses[1], 1))

# %% [markdown]
# Clipping an answer that is already private costs no privacy (nothing done to a published answer can),
# but it does not "remove the noise" either: it cuts off one side of it.

# %%
clipped = dp.clamp(clip_before(three, 10_000), low=0, high=40_000)
lab.claim("clipping the noisy answer at 0 pushes it up by more than 20 % on average",
          clipped.mean() > 1.2 * three.sum(), truth=int(three.sum()),
          mean=int(round(clipped.mean(), -2)))

# %% [markdown]
# **B9.** *It follows from the Laplace distribution that the parameters,
# given the data, have probability proportional to* $\exp(-\frac{\varepsilon}{2} \sum \theta^2)$.
# Draw it, beside a Laplace density and beside the mechanism that it resembles,
# asked for the median age of two groups.

# %%
ages = np.arange(101)
groups = [people["age"][people["occupation"] == name][:60]
          for name in ("Handlers-cleaners", "Exec-managerial")]
utility = [np.array([-abs((group < age).sum() - (group > age).sum()) / 2 for age in ages])
           for group in groups]


def article_weights(theta, epsilon):  # the data are no argument: they do not appear in it
    weights = np.exp(-epsilon / 2 * theta**2)
    return weights / weights.sum()


# %% tags=["hide-input"] jupyter={"source_hidden": true}
# Draws: it is a Gaussian; It knows no data.
theta = np.linspace(-4, 4, 401)
fig, (shape, blind, right_way) = lab.plots.figure(8.2, 2.8, ncols=3)
shape.plot(theta, np.exp(-theta**2 / 2), color=lab.ATTACKER, label="the article's")
shape.plot(theta, np.exp(-np.abs(theta)), color=lab.PRIVATE, label="Laplace")
shape.set(title="It is a Gaussian", xlabel="theta")
for name, score, colour, line in [("labourers", utility[0], sky, "-"),
                                  ("managers", utility[1], orange, "--")]:
    style = dict(color=colour, ls=line, label=name)
    blind.plot(ages, article_weights(ages, 0.01), **style)
    right_way.plot(ages, chances(score, 0.5, sensitivity=0.5), **style)
blind.set(title="It knows no data", xlabel="median age")
right_way.set(title="Exponential mechanism", xlabel="median age")
for ax in (shape, blind, right_way):
    ax.set(yticks=[])
    ax.legend(fontsize=9, handlelength=1.5)
plt.show()

# %% [markdown]
# The square makes it a Gaussian, not a Laplace distribution.
# And the data appear nowhere in it, so it says the same of every group.
# The right relative is the exponential mechanism, whose weights hold the *score on the data*.

# %%
bend = np.diff(np.log(article_weights(theta, 1.0)), 2)  # the same everywhere: a Gaussian
claim = dict(sensitivity=0.5, epsilon=0.5, rng=rng)
picked = [np.median([dp.exponential(score, **claim) for _ in range(60)]) for score in utility]
medians = [float(group.median()) for group in groups]
found = np.abs(np.subtract(picked, medians)).max() <= 5
lab.claim("the formula is a Gaussian that no data can change; the exponential mechanism finds "
          "both medians to within 5 years (epsilon 0.5, delta 0)",
          bool(np.ptp(bend) < 1e-9 and found), article="B9", verdict="does not hold",
          medians=medians, typical_picks=[float(each) for each in picked])

# %% [markdown]
# ## Limits and further reading
#
# - **One answer.** Every answer spends epsilon, and the same question asked again averages the noise away.
#   Counting that up, and stopping in time, is lab 04.
# - **One person.** The promise is for one person at a time.
#   A family of five together has $5\varepsilon$;
#   a person with a thousand records needs the noise of a thousand (lab 09).
# - **What is true of everybody.**
#   If a study shows that smokers fall ill,
#   your insurer learns something about you whether you took part or not.
#   Differential privacy hides your taking part.
# - **Whoever holds the data.**
#   Central privacy trusts the office: it protects the answers, not the file.
#   For the file there are encryption (lab 10) and local noise, at the price you saw.
# - **The clock.** How long an exact sampler of noise takes depends on the noise that it draws,
#   and whoever can time it learns something (Jin et al.).
#   `exponential` and `report_noisy_max` do the same steps whatever the scores are,
#   but for one choice in some 100,000 that needs a closer look.
#   Answer after a fixed delay where that matters.
# - **A passed audit proves nothing.**
#   It tests the inputs, events and runs that somebody thought of.
#   Lab 06 shows a broken mechanism that passes.
# - **The right epsilon.** Nothing in the mathematics says which one is acceptable.
#   NIST's guideline below helps to judge a claim.
#
# Primary sources:
#
# - Warner, *Randomized Response*, Journal of the American Statistical Association, 1965.
# - Dwork, McSherry, Nissim, Smith, *Calibrating Noise to Sensitivity in Private Data Analysis*, TCC 2006.
# - McSherry, Talwar, *Mechanism Design via Differential Privacy*, FOCS 2007.
#   McKenna, Sheldon, [*Permute-and-Flip*](https://arxiv.org/abs/2010.12603), NeurIPS 2020.
# - Ghosh, Roughgarden, Sundararajan, *Universally Utility-Maximizing Privacy Mechanisms*, STOC 2009.
# - Dwork, Roth, [*The Algorithmic Foundations of Differential Privacy*](https://doi.org/10.1561/0400000042),
#   2014: the textbook.
# - Balle, Wang,
#   [*Improving the Gaussian Mechanism for Differential Privacy*](https://arxiv.org/abs/1805.06530),
#   ICML 2018.
# - Canonne, Kamath, Steinke,
#   [*The Discrete Gaussian for Differential Privacy*](https://arxiv.org/abs/2004.00010), NeurIPS 2020.
# - Mironov,
#   [*On Significance of the Least Significant Bits for Differential Privacy*](https://doi.org/10.1145/2382196.2382264),
#   CCS 2012.
# - Jin, McMurtry, Rubinstein, Ohrimenko,
#   [*Are We There Yet? Timing and Floating-Point Attacks on Differential Privacy Systems*](https://arxiv.org/abs/2112.05307),
#   IEEE S&P 2022.
# - Haney, Desfontaines, Hartman, Shrestha, Hay,
#   [*Precision-based Attacks and Interval Refining*](https://arxiv.org/abs/2207.13793), 2022.
# - [*Guidelines for Evaluating Differential Privacy Guarantees*](https://doi.org/10.6028/NIST.SP.800-226),
#   NIST SP 800-226, 2025.
