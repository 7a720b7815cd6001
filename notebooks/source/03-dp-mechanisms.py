# ---
# jupyter:
#   kernelspec: {display_name: Python 3, language: python, name: python3}
# ---

# %% [markdown]
# # 3 · Noise that hides one person
#
# *40 minutes. You need lab 00 and a little probability. The whole page runs in under a minute: choose* Run ▸ Run All Cells *now, then read on.*
#
# **Afterwards you can** say in one sentence what epsilon promises, build the five mechanisms that keep the promise, pick an epsilon from the error you can
# live with, and recognise the mistakes that look private and are not: noise for the wrong sensitivity, clipping at the wrong end, and noise that a computer
# cannot draw.

# %%
import matplotlib.pyplot as plt
import numpy as np
import opendp.prelude as opendp
from scipy.optimize import brentq
from scipy.stats import norm

from labkit import datasets, dp, lab
from labkit.exercises.lab_03 import check

adult = datasets.adult()
people, rich = adult.table, adult.y  # rich: 1 for an income above 50,000 dollars a year
n = len(people)
rng = np.random.default_rng(3)

# %% [markdown]
# ## What goes wrong
#
# A census office holds the records of 48,842 adults. It never shows one. It only says *how many* people earn more than 50,000 dollars, and breaks that
# down by country of birth. Here are two of its answers. **Before you run the cell:** what will their difference tell you?

# %%
dutch = people["native_country"] == "Holand-Netherlands"
everyone = int(rich.sum())
born_elsewhere = int(rich[~dutch].sum())
print(f"earn more than 50,000 dollars: {everyone:,} of all, {born_elsewhere:,} of those born outside the Netherlands")

# %% [markdown]
# Two totals, both harmless. But one person in this file was born in the Netherlands, and subtracting reads that person's income.

# %%
lab.claim("two exact totals reveal the income of one person",
          int(dutch.sum()) == 1 and everyone - born_elsewhere == rich[dutch].item(),
          born_in_the_Netherlands=int(dutch.sum()), difference=everyone - born_elsewhere)

# %% [markdown]
# That was not a rare accident. Knowing somebody's age, sex and country of birth is enough to ask for a total without them, whenever nobody else fits.
# **Guess:** how many of these people can the attacker read, and how often is he right?

# %%
alone = ~people.duplicated(["age", "sex", "native_country"], keep=False)
victims = rich[alone]


def subtract(answer):
    """Ask for the total with each victim and without, and call them rich when it falls by more than a half."""
    return np.array([answer(everyone) - answer(everyone - income) > 0.5 for income in victims])


read = subtract(lambda total: total)
lab.claim("subtracting exact totals reads the income of every one of them", (read == victims).all(),
          victims=len(victims), right=(read == victims).mean(), always_guessing_poor=1 - victims.mean())

# %% [markdown]
# Nothing was hacked, and no record was shown. *Exact answers* are the leak, and no rule about which totals may be published can stop it for long: there is always
# another pair to subtract.
#
# ## The idea
#
# Blur each answer, just enough that one person cannot move it visibly. What is "enough"? Call two data sets $D$ and $D'$ **neighbouring** when one has one
# person more than the other. (Other relations are in use, such as replacing one person; a promise must say which. Here it is adding or removing, unless said otherwise.)
# A mechanism $M$ gives **$(\varepsilon, \delta)$-differential privacy** when for all neighbouring $D$, $D'$ and every set $S$ of answers
#
# $$\Pr[M(D) \in S] \;\le\; e^{\varepsilon}\, \Pr[M(D') \in S] + \delta .$$
#
# - $M(D)$ is the published answer, random because of the noise.
# - $\varepsilon$ (**epsilon**) bounds how much likelier any answer may be with you in the data than without you. It belongs to the mechanism, not to a record.
# - $\delta$ (**delta**) is a probability that the bound may miss. With the first mechanisms below it is 0.
#
# In plain words: somebody who thought "in or out of the data, fifty-fifty" is right, after seeing the answer, with probability at most
# $(e^{\varepsilon} + \delta) / (1 + e^{\varepsilon})$. That ceiling is the green line below, in every picture of this lab.
#
# For a count, one person changes the answer by at most 1: that is its **sensitivity**. Here is a count with noise, drawn 4,000 times with you and 4,000 times without you.
# *Drag epsilon. When do the two hills become one?*

# %%
NOISE = {"Laplace": "laplace", "whole numbers": "geometric", "Gaussian, delta 1e-5": "gaussian"}


def two_worlds(noise, epsilon):
    """Places, probabilities of each without you and with you, and delta."""
    if noise == "geometric":
        x = np.arange(-400, 402)
        masses = [np.tanh(epsilon / 2) * np.exp(-epsilon * abs(x - centre)) for centre in (0, 1)]
        return x, masses, 0.0
    x = np.linspace(-120, 121, 24_101)
    if noise == "laplace":
        return x, [epsilon / 200 * np.exp(-epsilon * abs(x - centre)) for centre in (0, 1)], 0.0
    sigma = dp.gaussian_sigma(epsilon=epsilon, delta=1e-5, sensitivity=1)
    return x, [norm.pdf(x, centre, sigma) / 100 for centre in (0, 1)], 1e-5


# %%
def in_or_out(fig, epsilon, noise):
    """Can you tell from the answer whether you are in the data?"""
    ax, loss, bar = fig.subplots(1, 3, width_ratios=[4, 2.6, 1])
    x, (without, with_you), delta = two_worlds(noise, epsilon)
    cells = np.arange(-12.5, 14, 1 if noise == "geometric" or epsilon < 0.3 else 0.25)
    for centre, colour, name in [(0, lab.PLAIN, "without you"), (1, lab.PRIVATE, "with you")]:
        draws = np.random.default_rng(centre).choice(x, 4000, p=(w := (without, with_you)[centre]) / w.sum())
        ax.stairs(np.histogram(draws, cells)[0], cells, fill=True, alpha=0.4, color=colour, label=name)
    ax.set(xlim=(-9, 10), yticks=[], xlabel="answer, less the true count without you", title="4,000 answers each")
    ax.legend(loc="upper right", handlelength=1)
    shown = (abs(x - 0.5) < 12) & (without > 0) & (with_you > 0)
    loss.axhspan(-epsilon, epsilon, color=lab.GUARANTEE, alpha=0.2, lw=0)
    loss.plot(x[shown], np.log(with_you[shown] / without[shown]), color=lab.PRIVATE,
              drawstyle="steps-mid" if noise == "geometric" else "default")
    loss.set(xlim=(-9, 10), ylim=(-1.6 * epsilon, 1.6 * epsilon), xlabel="answer", title="log of the ratio")
    best = 0.5 + abs(with_you - without).sum() / 4
    ceiling = (np.exp(epsilon) + delta) / (1 + np.exp(epsilon))
    attacker_bar(bar, best, ceiling)
    fig.subplots_adjust(bottom=0.17, top=0.9, left=0.02, right=0.97, wspace=0.28)
    return (f"At epsilon {epsilon:.2f} and delta {delta:g} (adding or removing one person) the best attacker, starting at "
            f"50:50, is right {best:.1%} of the time; the guarantee allows {ceiling:.1%}.")


def attacker_bar(bar, right, ceiling):
    """How often an attacker is right, under the most that the guarantee allows, over a coin toss."""
    bar.bar(["attacker\nis right"], [right], color=lab.ATTACKER)
    bar.axhline(ceiling, color=lab.GUARANTEE)
    bar.axhline(0.5, color=lab.BASELINE, ls="--", lw=1)
    bar.set(ylim=(0.45, 1.005), yticks=[0.5, 0.75, 1], yticklabels=["50 %", "75 %", "100 %"])


lab.explore(in_or_out, epsilon=(0.05, 8, 1.0), noise=NOISE)

# %% [markdown]
# **Question.** With Laplace noise the attacker stays below the green line; with whole numbers he is exactly on it. And with Gaussian noise the blue curve leaves the green band. Why?
#
# <details><summary>Answer</summary>
#
# The line is the most that *any* mechanism with this epsilon may give away. Whole-number noise gives all of it away: "the answer is at least one above the
# count without you" is exactly e^epsilon times likelier when you are in. Laplace noise has answers between the two counts that tell less. Gaussian noise tells little
# about you most of the time and a lot in the far tails, without limit: the curve has no upper bound, which is why Gaussian noise needs a delta, the probability
# of landing out there.
#
# </details>
#
# ## Build it
#
# ### Laplace: noise on a total
#
# Noise with the density $\frac{\varepsilon}{2} e^{-\varepsilon |x|}$ does it for a count: moving it by 1 changes the density by a factor of at most $e^{\varepsilon}$. For a sensitivity other than 1, stretch it.

# %%
def noisy(answer, sensitivity, epsilon):
    return answer + rng.laplace(scale=sensitivity / epsilon)


[round(noisy(everyone, sensitivity=1, epsilon=0.5), 1) for _ in range(4)]

# %% [markdown]
# The office now gives a different answer each time, and each one is still good. Asking again does not cost nothing, though: every answer spends its epsilon, and lab 04 does that book-keeping.

# %%
answers = dp.laplace(np.full(10_000, everyone), sensitivity=1, epsilon=0.5, rng=rng)
off = np.abs(answers - everyone) / everyone
lab.claim("999 of 1,000 private totals are right to better than two parts in a thousand (epsilon 0.5)",
          np.quantile(off, 0.999) < 2e-3, mean_error=np.mean(off), largest_of_999_in_1000=np.quantile(off, 0.999))

# %% [markdown]
# ### Clip first, then add noise
#
# Now the office wants the mean capital gain. **Predict:** how much can one person change the *sum*?

# %%
gains = people["capital_gain"].to_numpy()
lab.claim("one person moves the sum as much as a hundred average people do", gains.max() > 90 * gains.mean(),
          largest=int(gains.max()), mean=gains.mean())

# %% [markdown]
# As far as the data say, by 99,999. But a bound read from the data is itself a leak, and the next person may have gained a billion. So fix a bound *without looking*, and clip each person to it.
# Only then is the sensitivity known. (The number of people counts as public here.)

# %%
def private_mean(values, bound, epsilon):
    clipped = dp.clamp(values, low=0, high=bound)
    return dp.laplace(clipped.sum(), sensitivity=bound, epsilon=epsilon, rng=rng) / len(values)


estimates = np.array([private_mean(gains, bound=50_000, epsilon=0.5) for _ in range(200)])
lab.claim("clipping at 50,000 costs more than the noise does", gains.mean() - estimates.mean() > 5 * estimates.std(),
          true_mean=gains.mean(), private_mean=estimates.mean(), spread_of_the_noise=estimates.std())

# %% [markdown]
# A low bound cuts the rich short, a high one needs more noise. *Tune it* below puts that under a slider.
#
# ### Randomised response: the noise happens at your end
#
# What if nobody is to be trusted with the records? Then each person blurs their own answer. "Do you earn more than 50,000?" Tell the truth with probability
# $e^{\varepsilon} / (1 + e^{\varepsilon})$, else say the opposite. Whatever you report, either truth could be behind it. This is **local** privacy; noise that a trusted office adds is **central**.
# (Neighbouring here: one person gives the other answer.)

# %%
def report(truth, epsilon):
    honest = rng.random(len(truth)) < np.exp(epsilon) / (1 + np.exp(epsilon))
    return np.where(honest, truth, 1 - truth)


reports = report(rich, epsilon=1.0)
print(f"say yes: {reports.mean():.1%}; the truth: {rich.mean():.1%}; reports that are lies: {(reports != rich).mean():.1%}")

# %% [markdown]
# More than a quarter of the reports are lies, and the share of yes is far off. But we know *how often* people lie, so the crowd's lies can be taken back out. No single person's can.

# %%
p = np.exp(1.0) / (1 + np.exp(1.0))
estimate = (reports.mean() - (1 - p)) / (2 * p - 1)
lab.claim("the share estimated from the lies is within two points of the truth", abs(estimate - rich.mean()) < 0.02,
          estimate=estimate, truth=rich.mean())

# %% [markdown]
# The finished one, `dp.randomised_response`, also takes several categories; `dp.estimated_shares` takes the lies back out.

# %%
occupations, codes = np.unique(people["occupation"], return_inverse=True)
told = dp.randomised_response(codes, epsilon=3.0, categories=len(occupations), rng=rng)
shares = dp.estimated_shares(told, epsilon=3.0, categories=len(occupations))
error = np.abs(shares - np.bincount(codes) / n).max()
lab.claim("no occupation's share is off by more than two points, with 15 possible answers at epsilon 3", error < 0.02,
          largest_error=error, lies=(told != codes).mean())

# %% [markdown]
# ### Whole numbers: noise that a computer can draw
#
# A count is a whole number; its noise can be too. The difference of two coin-toss waiting times does it: $P(k)$ falls by a factor of $e^{-\varepsilon}$ with each step away from 0.
# It is called discrete Laplace or **geometric** noise, and it will save us at the end of this lab.

# %%
def whole_noise(epsilon, size):
    quit_early = 1 - np.exp(-epsilon)
    return rng.geometric(quit_early, size) - rng.geometric(quit_early, size)


ours = np.bincount(np.abs(whole_noise(0.5, 100_000)), minlength=20)[:20] / 100_000
exact = np.bincount(np.abs(dp.geometric(np.zeros(100_000, int), sensitivity=1, epsilon=0.5, rng=rng)), minlength=20)[:20] / 100_000
lab.claim("our two lines and the package's exact sampler draw the same noise", np.abs(ours - exact).max() < 0.01,
          largest_difference=np.abs(ours - exact).max())

# %% [markdown]
# Ours uses `exp`, which a computer rounds. `dp.geometric` uses whole numbers and fractions only, from the random bits to the answer (Canonne, Kamath and Steinke, 2020); so does
# `dp.discrete_gaussian`. Read `labkit/dp/exact.py`: it fits on two screens.
#
# ### Gaussian noise, and what delta is for
#
# Answer many questions at once and Gaussian noise wins, because it grows with the straight-line (L2) distance that one person moves the answers. Its price is a delta.
# The **privacy loss** of an answer is the log of how much likelier it is with you than without you. Here are the losses of 200,000 answers, at epsilon 1. **Predict** which noise ever crosses the line.

# %%
sigma = dp.gaussian_sigma(epsilon=1, delta=1e-3, sensitivity=1)
laplace_draws = 1 + rng.laplace(size=200_000)  # the answer with you, less the count without you
gauss_draws = 1 + sigma * rng.normal(size=200_000)
laplace_loss = np.abs(laplace_draws) - np.abs(laplace_draws - 1)
gauss_loss = norm.logpdf(gauss_draws, 1, sigma) - norm.logpdf(gauss_draws, 0, sigma)

fig, axes = lab.plots.figure(8.2, 2.6, ncols=2, sharex=True)
for ax, loss, title in [(axes[0], laplace_loss, "Laplace, scale 1"), (axes[1], gauss_loss, f"Gaussian, sigma {sigma:.2f}")]:
    ax.hist(loss, np.linspace(-1.45, 1.85, 67), color=lab.PRIVATE, log=True)
    lab.plots.guarantee(ax, 1, "epsilon = 1", axis="x")
    ax.set(title=title, xlabel="privacy loss of an answer", ylabel="answers (log scale)")
    ax.legend(loc="upper left")
plt.show()

# %% [markdown]
# Laplace noise piles up at the two ends of what epsilon allows and never crosses. Gaussian noise crosses now and then. Delta is what lies beyond the line, each answer counted by how far it is out:

# %%
beyond = np.mean(np.maximum(0, 1 - np.exp(1 - gauss_loss)))  # the definition of delta, as an average
lab.claim("the mass beyond epsilon 1 is the delta of 0.001 that sigma was made for", abs(beyond - 1e-3) < 3e-4,
          measured=beyond, ever_crossed_by_laplace=int((laplace_loss > 1 + 1e-9).sum()))

# %% [markdown]
# A delta of 0.001 keeps the picture visible; to publish, delta belongs far below one over the number of people. How wide must the noise be? Textbooks give
# $\sigma = \Delta \sqrt{2 \ln(1.25/\delta)} / \varepsilon$, for sensitivity $\Delta$, proved for epsilon up to 1. `dp.gaussian_sigma` solves for the smallest $\sigma$ that works, at any epsilon (Balle and Wang, 2018).

# %%
def classic_sigma(epsilon, delta=1e-5):
    return np.sqrt(2 * np.log(1.25 / delta)) / epsilon


def true_delta(epsilon):
    return dp.gaussian_delta(sigma=classic_sigma(epsilon), epsilon=epsilon, sensitivity=1)


needed = dp.gaussian_sigma(epsilon=1, delta=1e-5, sensitivity=1)
lab.claim("at epsilon 1, delta 1e-5 the classic formula adds 30 % more noise than needed",
          round(classic_sigma(1) / needed, 2) == 1.30, classic=round(classic_sigma(1), 3), needed=round(needed, 3))
lab.claim("far outside its proof it still holds at epsilon 8, and at 9 it no longer does",
          true_delta(8) <= 1e-5 < true_delta(9), delta_at_8=true_delta(8), delta_at_9=true_delta(9))

# %% [markdown]
# ### Exponential mechanism: a private choice
#
# Some answers are not numbers. *Which occupation is the most common in this town of 200 people?* Noise on a name makes no sense. Instead, make each candidate likelier the better it scores:
# $P(\text{candidate}) \propto \exp(\varepsilon \cdot \text{score} / 2\Delta)$, where $\Delta$ is how much one person can change any score.

# %%
town = codes[np.random.default_rng(11).choice(n, 200, replace=False)]
scores = np.bincount(town, minlength=len(occupations))


def chances(scores, epsilon):
    weights = np.exp(epsilon * (scores - scores.max()) / 2)
    return weights / weights.sum()


picked = [dp.exponential(scores, sensitivity=1, epsilon=0.5, rng=rng) for _ in range(1000)]
seen = np.bincount(picked, minlength=len(occupations)) / 1000
lab.claim("the package picks as the formula says", np.abs(seen - chances(scores, 0.5)).max() < 0.08,
          largest_gap=np.abs(seen - chances(scores, 0.5)).max())
lab.claim("and loses little: its pick is on average nearly as common as the winner", scores[picked].mean() > 0.85 * scores.max(),
          picked_has=scores[picked].mean(), winner_has=int(scores.max()), blind_pick_has=scores.mean())

# %% [markdown]
# `dp.report_noisy_max` answers the same question with noise on each score and is never worse on average. Its docstring says which noise, and why that is private.
#
# ## Use the real thing
#
# Our functions are short so that you can read them. For work, take a library that many people have tried to break. [OpenDP](https://opendp.org) (MIT licence) is one: its noise is exact, and a mechanism is an object
# that *knows* what it guarantees. You do not tell it epsilon; you ask.

# %%
opendp.enable_features("contrib")
count_space = opendp.atom_domain(T=int), opendp.absolute_distance(T=int)
count = opendp.m.make_laplace(*count_space, scale=2.0)

released = count(everyone)  # fresh noise from the operating system at each run: this number will differ for you
lab.claim("OpenDP says by itself that this is epsilon 0.5 for a sensitivity of 1, and 1 for a sensitivity of 2",
          count.map(1) == 0.5 and count.map(2) == 1.0)
lab.claim("its answer is a whole number within 60 of the truth", type(released) is int and abs(released - everyone) < 60)

# %% [markdown]
# (Noise of scale 2 exceeds 60 once in $e^{30}$ runs.) It also refuses what does not fit, such as a fraction given to a mechanism for counts:

# %%
try:
    count(3.5)
except Exception as refusal:
    print(type(refusal).__name__, "·", str(refusal).splitlines()[0][:80])

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
# Error, first. The question is the share of people above 50,000 dollars; the same epsilon buys very different errors. The dashed line is the trivial competitor: the error that any survey
# of this size has anyway, because it asked these people and not others. **Guess** where each curve crosses it.

# %%
epsilons = np.geomspace(0.01, 10, 13)
central = np.array([np.abs(dp.geometric(np.zeros(4000, int), sensitivity=1, epsilon=e, rng=rng)).mean() / n for e in epsilons])
gauss = np.array([np.abs(dp.gaussian(np.zeros(4000), sensitivity=1, epsilon=e, delta=1e-6, rng=rng)).mean() / n for e in epsilons])
local = np.array([np.mean([abs(dp.estimated_shares(dp.randomised_response(rich, epsilon=e, rng=rng), epsilon=e)[1]
                               - rich.mean()) for _ in range(6)]) for e in epsilons])
sampling = np.sqrt(2 / np.pi) * np.sqrt(rich.mean() * (1 - rich.mean()) / n)

# %%
fig, ax = lab.plots.figure(8.2, 3.2)
ax.loglog(epsilons, local, color=lab.plots.SERIES[1], label="local: randomised response, delta 0")
ax.loglog(epsilons, gauss, color=lab.plots.SERIES[0], label="central: Gaussian, delta 1e-6")
ax.loglog(epsilons, central, color=lab.PRIVATE, label="central: whole-number noise, delta 0")
lab.plots.baseline(ax, sampling, "sampling error of the survey itself")
lab.plots.privacy_axis(ax)
ax.set(ylabel="mean error of the share", title=f"The share of people above $50,000, from {n:,} records")
ax.legend(loc="upper left", bbox_to_anchor=(1, 1))
plt.show()

# %% [markdown]
# With a trusted office, epsilon 0.1 costs less than the accident of who was asked. Without one, even epsilon 1 costs more.

# %%
at = {e: int(np.argmin(abs(epsilons - e))) for e in (0.1, 1.0)}
lab.claim("central noise at epsilon 0.1 is smaller than the sampling error; local noise at epsilon 1 is larger",
          central[at[0.1]] < sampling < local[at[1.0]], central_at_01=central[at[0.1]], sampling=sampling, local_at_1=local[at[1.0]])
lab.claim("at epsilon 1, local privacy costs more than a hundred times the error", local[at[1.0]] > 100 * central[at[1.0]],
          ratio=round(local[at[1.0]] / central[at[1.0]], -1))

# %% [markdown]
# Then time, for 100,000 answers. Exactness is not free, and it is cheap.

# %%
import time

zeros = np.zeros(100_000, int)
many = opendp.m.make_laplace(opendp.vector_domain(opendp.atom_domain(T=int)), opendp.l1_distance(T=int), scale=1.0)
for name, run in [("Laplace, floating point", lambda: dp.laplace(zeros, sensitivity=1, epsilon=1, rng=rng)),
                  ("whole numbers, exact", lambda: dp.geometric(zeros, sensitivity=1, epsilon=1, rng=rng)),
                  ("discrete Gaussian, exact", lambda: dp.discrete_gaussian(zeros, sensitivity=1, epsilon=1, delta=1e-5, rng=rng)),
                  ("OpenDP, exact", lambda: many(zeros.tolist()))]:
    began = time.perf_counter()
    run()
    lab.measured(f"{name}: {1e6 * (time.perf_counter() - began) / len(zeros):.2f} microseconds an answer")

# %% [markdown]
# ## Tune it
#
# ### A game: in or out?
#
# Ten times, a coin decided whether you are in the data, and the office published the count with noise. All you see are the ten answers. Choose a *cut*: from there on you say "with you". Then tick
# *reveal*, and compare your score with what is possible. New round, new luck.

# %%
def game(fig, epsilon, cut, round, reveal):
    """Ten published answers: in which of them are you counted?"""
    dots, bar = fig.subplots(1, 2, width_ratios=[4, 1])
    luck = np.random.default_rng(100 + round)
    inside = luck.random(10) < 0.5
    answers = inside + luck.laplace(size=10) / epsilon
    said = answers >= cut
    reach = max(3, 1.1 * abs(answers).max())
    dots.axvspan(cut, reach, color=lab.PRIVATE, alpha=0.12, lw=0)
    dots.axvline(cut, color=lab.BASELINE, lw=1)
    colours = np.where(inside, lab.PRIVATE, lab.PLAIN) if reveal else [lab.BASELINE] * 10
    dots.scatter(answers, np.arange(10, 0, -1), c=colours, s=60, zorder=3)
    for row, (x, right) in enumerate(zip(answers, said == inside)):
        if reveal:
            dots.annotate("right" if right else "wrong", (x, 10 - row), (8, -4), textcoords="offset points", fontsize=9)
    dots.set(xlim=(-reach, reach), yticks=[], xlabel="published answer, less the true count without you",
             title="grey: you were out.  blue: you were in." if reveal else "Where would you cut?")
    dots.text(0.99, 0.02, "you say: in", transform=dots.transAxes, ha="right", color=lab.PRIVATE)
    dots.text(0.01, 0.02, "you say: out", transform=dots.transAxes, color=lab.PLAIN)
    below = [np.exp(-abs(x) * epsilon) / 2 if x < 0 else 1 - np.exp(-x * epsilon) / 2 for x in (cut, cut - 1)]
    longrun, ceiling = 0.5 + (below[0] - below[1]) / 2, np.exp(epsilon) / (1 + np.exp(epsilon))
    attacker_bar(bar, longrun, ceiling)
    fig.subplots_adjust(bottom=0.17, top=0.9, left=0.02, right=0.97, wspace=0.15)
    score = f"You were right in {np.sum(said == inside)} of 10" if reveal else "Your score of this round is hidden"
    return (f"{score}. Over many rounds this cut is right {longrun:.0%} of the time; at epsilon {epsilon:.2f}, delta 0 "
            f"(adding or removing you) nobody can do better than {ceiling:.0%}, whatever they try.")


lab.explore(game, epsilon=(0.1, 8, 1.0), cut=(-3.0, 4.0, 2.0), round=range(1, 31), reveal=False)

# %% [markdown]
# **Question.** Which cut is best, and why do you still beat the ceiling in some rounds?
#
# <details><summary>Answer</summary>
#
# A half: there the two hills cross, so on either side you name the likelier world. Any cut between 0 and 1 is equally good for Laplace noise. The ceiling is about the long run; in ten tosses even a coin is
# right eight times or more in one round of twenty. That is also why an attacker who was lucky once has proved nothing, and why the audits below count thousands of runs.
#
# </details>
#
# ### Where to clip?

# %%
bounds = np.geomspace(100, 1e6, 60)
town_gains = gains[np.random.default_rng(5).choice(n, 5000, replace=False)]
cut_off = np.array([town_gains.mean() - np.minimum(town_gains, bound).mean() for bound in bounds])


def where_to_clip(fig, epsilon, bound):
    """Where should the capital gains of 5,000 people be clipped, to publish their mean?"""
    ax = fig.subplots()
    noise = bounds / epsilon / len(town_gains)  # mean size of Laplace noise of this scale
    ax.loglog(bounds, np.maximum(cut_off, 1e-3), color=lab.plots.SERIES[1], label="lost by clipping")
    ax.loglog(bounds, noise, color=lab.PRIVATE, label="noise")
    ax.loglog(bounds, cut_off + noise, color=lab.plots.SERIES[3], lw=3, alpha=0.5, label="both")
    lab.plots.baseline(ax, town_gains.mean(), "answering 0 without looking")
    mine = np.interp(np.log(bound), np.log(bounds), cut_off), bound / epsilon / len(town_gains)
    ax.axvline(bound, color=lab.PLAIN, lw=1)
    ax.plot(bound, sum(mine), "o", color=lab.plots.SERIES[3], ms=9)
    ax.set(xlabel="clip each person at (dollars)", ylabel="error of the mean (dollars)", ylim=(1, 1e5), xlim=(100, 1e6))
    ax.legend(loc="upper left", bbox_to_anchor=(1, 1))
    fig.subplots_adjust(bottom=0.17, top=0.95, left=0.09, right=0.72)
    best = bounds[np.argmin(cut_off + noise)]
    return (f"Clipped at {bound:,.0f}, the mean ({town_gains.mean():,.0f}) is too low by {mine[0]:,.0f} and blurred by {mine[1]:,.0f} dollars; "
            f"at epsilon {epsilon:.2f}, delta 0 (adding or removing one person) the error is least near {best:,.0f}.")


lab.explore(where_to_clip, epsilon=(0.01, 10, 0.5), bound=lab.log_range(100, 1e6, 1000))

# %% [markdown]
# **Question.** The best bound moves when you drag epsilon. May the office look at this picture to choose its bound?
#
# <details><summary>Answer</summary>
#
# Not for free. The orange curve is computed from the private data, and so is the best bound. Choose it from public knowledge (last year's figures, the tax code), or spend part of the budget on a private
# quantile. In general: the less epsilon, the lower the best bound, because noise counts for more.
#
# </details>
#
# ### A thousand values at epsilon 0.1
#
# One of the two articles that these labs test takes 1,000 values between 0 and 1, adds noise to *every value* at epsilon 0.1, and calls the result a private data set. Is it? It is. One person may change their value from 0 to 1,
# so each value needs Laplace noise of scale 10. What is left of it?

# %%
values = np.random.default_rng(1000).random(1_000_000)


def thousand(fig, epsilon, records):
    """Noise on every record, or noise on the answer: what is left?"""
    dots, means = fig.subplots(1, 2, width_ratios=[2, 1.3])
    mine, luck = values[:records], np.random.default_rng(8)
    published = dp.laplace(mine[:400], sensitivity=1, epsilon=epsilon, rng=luck)
    dots.axhspan(0, 1, color=lab.GUARANTEE, alpha=0.35, lw=0)
    dots.scatter(mine[:400], published, s=9, color=lab.PRIVATE, alpha=0.7, lw=0)
    dots.set(xlabel="true value", ylabel="published value", title="400 of the records (band: 0 to 1)")
    errors = [np.sqrt(2 / records) / epsilon, np.sqrt(2) / records / epsilon, abs(mine.mean() - 0.5)]
    means.barh(["each record", "only the mean", "always say ½"], errors,
               color=[lab.plots.SERIES[1], lab.PRIVATE, "white"], edgecolor=["none", "none", lab.BASELINE], ls="--")
    means.set(xscale="log", xlim=(1e-8, 1e2), xlabel="error of the mean", title="noise on")
    means.invert_yaxis()
    fig.subplots_adjust(bottom=0.17, top=0.9, left=0.08, right=0.98, wspace=0.42)
    outside = np.mean((published < 0) | (published > 1))
    return (f"{records:,} values, epsilon {epsilon:.2f}, delta 0 (one value replaced): {outside:.0%} of the published records are not even between 0 and 1. "
            f"Their mean is off by about {errors[0]:.2g}; noise on the mean alone would be off by {errors[1]:.2g}.")


lab.explore(thousand, epsilon=(0.01, 100, 0.1), records=[1_000, 10_000, 100_000, 1_000_000])

# %% [markdown]
# **Question.** How many more people does noise on every record need for the same error, and what does that buy?
#
# <details><summary>Answer</summary>
#
# Noise on records averages out like $1/\sqrt{n}$, noise on the mean shrinks like $1/n$: to do at home what an office does with $n$ people takes about $n^2$. It buys a world without a trusted office: nobody ever holds the true records.
# Companies that count words typed on millions of phones pay that price; a hospital with 1,000 patients cannot.
#
# </details>
#
# ## The attack again
#
# The office switches on its noise: whole numbers, epsilon 0.1 for each answer, so 0.2 for the pair that the attacker subtracts. **Predict** how many of the victims he reads now.

# %%
blurred = subtract(lambda total: dp.geometric(total, sensitivity=1, epsilon=0.1, rng=rng))
right = (blurred == victims).mean()
found = blurred[victims == 1].mean() - blurred[victims == 0].mean()  # 1 for exact answers, 0 for coin tosses
allowed = np.tanh(0.2 / 2)  # what epsilon 0.2 allows for that difference
lab.claim("the same attack is now worse than always guessing poor, and says rich of rich and poor alike",
          right < 1 - victims.mean() and abs(found) < allowed + 0.15, right=right,
          always_guessing_poor=1 - victims.mean(), rich_called_rich_more_often_by=found)

# %% [markdown]
# Subtracting is defeated. Now a different attacker, with a better eye.
#
# ### The secret in the last digits
#
# A village clinic publishes how many of its people carry a certain virus: 0 or 1. It uses the textbook recipe with a very careful epsilon of 0.01 and prints all digits.
# By the definition, nobody can be right more than 50.2 % of the time. **How often will an attacker be right who has read how computers draw Laplace noise?**

# %%
truth = np.repeat([0, 1], 2000)
answers = dp.laplace(truth, sensitivity=1, epsilon=0.01, rng=rng)
print(f"scale of the noise: {1 / 0.01:.0f}; mean of the answers for 0: {answers[:2000].mean():.0f}, for 1: {answers[2000:].mean():.0f}")


# %%
def could_come_from(answers, count, scale):
    """Retrace the sampler: is there a random number that would have given this answer from this count?"""
    noise = answers - count
    tail = np.exp(-np.abs(noise) / scale) / 2
    u = np.where(noise < 0, tail, 1 - tail)  # the uniform number behind the noise, nearly
    possible = np.zeros(len(answers), bool)
    for step in range(-3, 4):  # try it, and its neighbours on the grid of 2^53 numbers that exist
        near = np.clip(np.rint(u * 2.0**53) + step, 1, 2.0**53 - 1) / 2.0**53
        forward = np.where(near < 0.5, np.log(2 * near), -np.log(2 - near - near))
        possible |= count + scale * forward == answers
    return possible


zero, one = could_come_from(answers, 0, 100), could_come_from(answers, 1, 100)
guess = np.where(zero == one, rng.random(len(truth)) < 0.5, one)  # both possible, or neither: toss a coin
lab.claim("the attacker is right more than 85 % of the time, where epsilon 0.01 allows 50.2 %",
          (guess == truth).mean() > 0.85, right=round((guess == truth).mean(), 2), allowed=np.exp(0.01) / (1 + np.exp(0.01)))

# %% [markdown]
# A computer's random number is one of $2^{53}$, so there are only so many answers that "0 plus noise" can give, and they lie like the teeth of a comb. "1 plus noise" is another comb. Most answers fit one comb only. The noise has the right shape, and
# its last digits are a fingerprint of what was added to it (Mironov, 2012).
#
# *Drag the settings: when does the attack work, and what stops it?*

# %%
from labkit.attacks.floating_point import guess_count

CURES = {"Laplace, all digits": lambda c, e, r: dp.laplace(c, sensitivity=1, epsilon=e, rng=r),
         "Laplace, rounded to 3 digits": lambda c, e, r: np.round(dp.laplace(c, sensitivity=1, epsilon=e, rng=r), 3),
         "whole numbers (exact)": lambda c, e, r: dp.geometric(c, sensitivity=1, epsilon=e, rng=r)}


def last_digits(fig, epsilon, count, noise):
    """How often do the last digits give the count away?"""
    ax, bar = fig.subplots(1, 2, width_ratios=[4, 1])
    luck, truth = np.random.default_rng(9), np.repeat([count, count + 1], 1500)
    answers = noise(truth, epsilon, luck)
    guessed = guess_count(answers, first=count, second=count + 1, scale=1 / epsilon, rng=luck)
    for centre, colour, name in [(count, lab.PLAIN, f"true count {count}"), (count + 1, lab.PRIVATE, f"true count {count + 1}")]:
        rows = np.flatnonzero(truth == centre)[:60]
        heights = np.where(guessed[rows] == count, 0, 1) + luck.uniform(-0.3, 0.3, len(rows))
        ax.scatter(answers[rows], heights, s=18, color=colour, alpha=0.8, lw=0, label=name)
    ax.set(yticks=[0, 1], yticklabels=[f"attacker\nsays {count}", f"attacker\nsays {count + 1}"], ylim=(-0.6, 2), xlabel="published answer",
           title="60 answers from each count")
    ax.legend(loc="upper right", ncols=2)
    right, ceiling = np.mean(guessed == truth), np.exp(epsilon) / (1 + np.exp(epsilon))
    attacker_bar(bar, right, ceiling)
    fig.subplots_adjust(bottom=0.17, top=0.9, left=0.1, right=0.97, wspace=0.18)
    return (f"At epsilon {epsilon:.3f}, delta 0 (adding or removing one person) this attacker is right {right:.0%} of the time; "
            f"the guarantee, were it kept, allows {ceiling:.1%}.")


lab.explore(last_digits, epsilon=(0.005, 2, 0.05), count=[0, 1, 5, 40, 1000], noise=CURES)

# %% [markdown]
# **Question.** Why does the attack fade for a count of 1,000 at epsilon 1, and does that make such a count safe?
#
# <details><summary>Answer</summary>
#
# Near 1,000 a computer's numbers lie further apart than the teeth of either comb, so nearly every number fits both. The noise of a small epsilon is wide, its teeth are far apart, and the attack returns: try epsilon 0.01. And it is only *this* attack that
# fades; a guarantee is about all of them. Rounding afterwards stops it too, but proving how much that leaves takes care (Mironov's snapping mechanism does it). Whole-number noise needs no such repair: it was exact from the start.
#
# </details>
#
# An **audit** turns such an attack into a number: run a mechanism thousands of times on two neighbouring data sets, find an event that is likelier on one, and compute what epsilon must be *at least*, with 95 % confidence.

# %%
def only_one(answers):
    """1 where the answer fits a count of 1 and not a count of 0."""
    return (could_come_from(answers, 1, 100) & ~could_come_from(answers, 0, 100)).astype(int)


textbook = dp.audit(lambda count, runs: dp.laplace(np.full(runs, count), sensitivity=1, epsilon=0.01, rng=rng),
                    1, 0, runs=10_000, batched=True, score=only_one)
whole = dp.audit(lambda count, runs: dp.geometric(np.full(runs, count), sensitivity=1, epsilon=0.01, rng=rng),
                 1, 0, runs=10_000, batched=True, score=only_one)
lab.claim("audited, the textbook recipe loses at least a hundred times its epsilon of 0.01",
          textbook.epsilon_lower_bound() > 1, at_least=round(textbook.epsilon_lower_bound(), 1))
lab.claim("the same audit finds nothing against exact whole numbers", whole.epsilon_lower_bound() <= 0.01)

# %% [markdown]
# And the library? OpenDP's Laplace mechanism for real numbers draws on a fixed, fine grid, so that every answer is possible from every count.

# %%
real_numbers = opendp.vector_domain(opendp.atom_domain(T=float, nan=False)), opendp.l1_distance(T=float)
careful = np.array(opendp.m.make_laplace(*real_numbers, scale=100.0)(truth.astype(float).tolist()))
guess = guess_count(careful, first=0, second=1, scale=100, rng=rng)
lab.claim("against OpenDP the same attacker does no better than a coin, to within chance", abs((guess == truth).mean() - 0.5) < 0.05)

# %% [markdown]
# ## Check yourself
#
# **1.** A hospital publishes the number of patients with a rare disease. The true count is about 40, and it can live with an error of 4, nineteen times out of twenty. What is the smallest epsilon that allows this?
# (Laplace noise of scale $1/\varepsilon$ exceeds $t$ in size with probability $e^{-\varepsilon t}$.)

# %%
epsilon_needed = ...

check("rare disease", epsilon_needed);

# %% [markdown] tags=["solution"]
# <details><summary>Solution</summary>
#
# Put $e^{-4\varepsilon} = 1/20$. A larger epsilon means less noise, so this is the smallest that will do.
#
# ```python
# epsilon_needed = np.log(20) / 4
# check("rare disease", epsilon_needed);
# ```
#
# </details>

# %% [markdown]
# **2.** The mean age of exactly 500 members is published. Ages are clipped to 0 ... 100, and neighbouring data sets differ by *replacing* one member. What is the sensitivity of the mean?

# %%
sensitivity = ...

check("sensitivity of a mean", sensitivity);

# %% [markdown] tags=["solution"]
# <details><summary>Solution</summary>
#
# Replacing somebody of 0 by somebody of 100 moves the sum by 100, and the mean by a 500th of that.
#
# ```python
# sensitivity = 100 / 500
# check("sensitivity of a mean", sensitivity);
# ```
#
# </details>

# %% [markdown]
# **3.** Write a function that takes the share of *yes* among randomised responses (two answers) and epsilon, and returns the estimated true share.

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
# **4.** Four teams publish the mean income of 1,000 customers, each claiming epsilon 1 (delta 0, replacing one customer). Which one keeps it?
#
# - **A** adds Laplace noise of scale `max(incomes) / 1000`.
# - **B** adds Laplace noise of scale 100 and clips the result to 0 ... 100,000.
# - **C** clips every income to 0 ... 100,000, takes the mean, and adds Laplace noise of scale 100.
# - **D** does as C, with `np.random.default_rng(42)`, and publishes its code.

# %%
team = ...

check("which one is private", team);

# %% [markdown] tags=["solution"]
# <details><summary>Solution</summary>
#
# A's noise tells the largest income, and nothing bounds the next customer's. B clips at the wrong end: one income of ten million moves its mean by far more than the noise. D's noise is known to whoever reads the code, and comes off.
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
# Two Chinese articles on privacy for large models started these labs: **A**, on data privacy in deploying large models, and **B**, on privacy-protection mechanisms for large-model applications. Here is what they say about noise, each statement run.
#
# **A7.** *A private output is the model's output plus noise, and epsilon is how sensitive each sample is.* Take the same noise, scale 1, sold as epsilon 1, for two questions: how many people, and how many hours do they work.

# %%
def plus_noise(answer, runs):
    return answer + rng.laplace(scale=1.0, size=runs)


hours = int(people["hours_per_week"].sum())
busiest = int(people["hours_per_week"].max())
of_count = dp.audit(plus_noise, everyone, everyone - 1, batched=True).epsilon_lower_bound(confidence=0.999)
of_hours = dp.audit(plus_noise, hours, hours - busiest, batched=True).epsilon_lower_bound(confidence=0.999)
lab.claim("the same noise keeps epsilon 1 for a count and breaks it for a sum: noise must be scaled to the sensitivity of the question",
          of_count <= 1 < 5 < of_hours, article="A7", verdict="holds once repaired",
          count_loses_at_least=round(of_count, 1), hours_lose_at_least=round(of_hours, 1))

# %% [markdown]
# Epsilon is a promise of the mechanism, the same for all; *sensitivity* is a property of the question. The article has the two change places.
#
# **A8.** *The budget is given by a formula with epsilon on both sides:* half the log of one over delta times a sum, over all inputs, of $e^{-2\varepsilon m}$, where $m$ is the largest change that the noise made to any output. Solve it for four ways to publish 1,000 values, and hold it against the truth.

# %%
def article_budget(largest_change, inputs=1000, delta=0.05):
    def gap(epsilon):
        return epsilon - 0.5 * np.log(inputs / delta * np.exp(-2 * epsilon * largest_change))

    return brentq(gap, 0, 100)


small, wide = (abs(rng.laplace(scale=scale, size=1000)).max() for scale in (0.01, 10))
for recipe, change, true in [("publish everything as it is", 0.0, "infinite"), ("add 100 to every value", 100.0, "infinite"),
                             ("Laplace noise of scale 0.01", small, "100"), ("Laplace noise of scale 10", wide, "0.1")]:
    print(f"{recipe:30}the formula says {article_budget(change):.2f}; true epsilon {true}")

# %% [markdown]
# It calls publishing everything a finite loss, and adding 100 to every value, which anybody can subtract again, the most private of the four.

# %%
def shifted(value, runs):
    return np.full(runs, value + 100.0)


loses = dp.audit(shifted, 0.3, 0.7, batched=True).epsilon_lower_bound()
lab.claim("the formula gives a constant shift a better budget than real noise, and an audit finds the shift hides nothing",
          article_budget(100) < article_budget(wide) and loses > 5, article="A8", verdict="does not hold",
          formula=article_budget(100.0), audited_at_least=round(loses, 1))

# %% [markdown]
# The real budget is the definition at the top: a bound on a ratio of probabilities over neighbouring data. Delta is not a "difference threshold" in it but a probability, the mass beyond the line in the picture of losses above.
#
# **A9.** *1,000 values in [0, 1], epsilon 0.1: add noise to each, and publish the private data set.*

# %%
thousand_values = np.random.default_rng(10).random(1000)
published = dp.laplace(thousand_values, sensitivity=1, epsilon=0.1, rng=rng)
outside = np.mean((published < 0) | (published > 1))
means = [dp.laplace(thousand_values, sensitivity=1, epsilon=0.1, rng=rng).mean() for _ in range(400)]
central = dp.laplace(np.full(400, thousand_values.mean()), sensitivity=1 / 1000, epsilon=0.1, rng=rng)
record_way, answer_way = np.std(means), np.std(central)
lab.claim("19 of 20 published values are not even in [0, 1], and the mean of 1,000 of them is off by nearly half the range",
          outside > 0.9 and 0.35 < record_way < 0.55, outside=outside, error_of_the_mean=round(record_way, 2))
lab.claim("the records are protected and useless; noise on the mean, at the same epsilon, is about 30 times more accurate (the root of 1,000)",
          25 < record_way / answer_way < 40, article="A9", verdict="holds once repaired", ratio=round(record_way / answer_way))

# %% [markdown]
# The noise on every record is *local* privacy, and real protection. But the published set serves nobody: not even its mean is usable at this size. It takes 10,000 people before the gap is a hundredfold, and the local error is then still 0.14.
#
# **A10.** *Delta is 0.05, and the program's output is shown.* What does that delta allow? Here is a mechanism with epsilon **zero** and delta 0.05. (Neighbouring: one record replaced.)

# %%
def publish_some(records, delta):
    """Print each record in full with probability delta, else nothing at all."""
    return records[rng.random(len(records)) < delta]


one_record = dp.audit(lambda record, runs: np.where(rng.random(runs) < 0.05, record, -1.0), 0.3, 0.7, runs=20_000, batched=True)
exposed = len(publish_some(thousand_values, delta=0.05))
lab.claim("a mechanism that prints some 50 of 1,000 records in full satisfies epsilon 0, delta 0.05, and the audit agrees",
          25 < exposed < 80 and one_record.epsilon_lower_bound(delta=0.05, confidence=0.9999) == 0,
          printed_in_full=exposed, pure_epsilon_at_least=round(one_record.epsilon_lower_bound(), 1))

# %% [markdown]
# So delta belongs far below one over the number of people: below 0.001 here, and better 0.000001. And the output? Its first 576 complete numbers hold only 70 different ones: a block of 16 is repeated from the 55th number on. **Guess** how often `np.random.rand` repeats itself in 576 draws.

# %%
draws = np.round(np.random.default_rng(12).random((2000, 576)), 8)
repeated = np.mean([len(np.unique(row)) < 576 for row in draws])
lab.claim("in 2,000 runs the article's code hardly ever repeats one number in 576; the printed output repeats 506 of them, so that code did not print it",
          repeated < 0.01 and 576 - 70 == 506, article="A10", verdict="does not hold", runs_with_any_repeat=repeated)

# %% [markdown]
# **B2.** *Choose Laplace or Gaussian noise, add it, then clip the output to remove the influence of the noise.* Two teams publish the total capital gain of three people, with noise for gains up to 10,000. One clips the people, the other clips the answer. Then somebody with 99,999 joins.

# %%
three, four = np.array([0, 2500, 4000]), np.array([0, 2500, 4000, gains.max()])


def clip_before(values, runs):
    total = dp.clamp(values, low=0, high=10_000).sum()
    return dp.laplace(np.full(runs, total), sensitivity=10_000, epsilon=1, rng=rng)


def clip_after(values, runs):
    return np.clip(dp.laplace(np.full(runs, values.sum()), sensitivity=10_000, epsilon=1, rng=rng), 0, 40_000)


before, after = (dp.audit(way, four, three, batched=True) for way in (clip_before, clip_after))
print(after.verdict(epsilon=1))

# %%
both = np.clip(clip_before(three, 10_000), 0, 40_000)  # right, and then clipped as the article says
lab.claim("clipping the answer bounds nothing: the audit breaks the claim; clipping the people first keeps it",
          before.epsilon_lower_bound(confidence=0.999) <= 1 < 2 < after.epsilon_lower_bound(confidence=0.999),
          article="B2", verdict="holds once repaired", before=round(before.epsilon_lower_bound(), 1),
          after=round(after.epsilon_lower_bound(), 1))
lab.claim("on top of the right order, clipping the answer costs no privacy but pushes it up by over 20 %",
          both.mean() > 1.2 * three.sum(), true_total=int(three.sum()), mean_after_clipping=round(both.mean(), -2))

# %% [markdown]
# **B9.** *The Laplace distribution says that the parameters given the data have probability proportional to* $\exp(-\frac{\varepsilon}{2} \sum \theta^2)$. Draw it, beside a Laplace density and beside the mechanism that this formula resembles.

# %%
theta, ages = np.linspace(-4, 4, 401), np.arange(0, 101)
two_towns = [people["age"].to_numpy()[people["occupation"] == job][:60] for job in ("Handlers-cleaners", "Exec-managerial")]
score = [-np.abs([(town < age).sum() - (town > age).sum() for age in ages]) / 2 for town in two_towns]

fig, axes = lab.plots.figure(8.2, 2.8, ncols=3)
axes[0].plot(theta, np.exp(-theta**2 / 2), color=lab.ATTACKER, label="the article's")
axes[0].plot(theta, np.exp(-np.abs(theta)), color=lab.PRIVATE, label="Laplace")
axes[0].set(title="It is a Gaussian", xlabel="theta", yticks=[])
for ax, title in [(axes[1], "It knows no data"), (axes[2], "Exponential mechanism")]:
    for label, colour, utility in zip(("town of labourers", "town of managers"), lab.plots.SERIES, score):
        weight = np.exp(-0.01 * ages**2 / 2) if ax is axes[1] else chances(utility, 0.5)
        ax.plot(ages, weight / weight.sum(), color=colour, ls="-" if label.endswith("ers") and colour == lab.plots.SERIES[0] else "--",
                label=label)
    ax.set(title=title, xlabel="median age", yticks=[])
axes[0].legend(fontsize=8)
axes[2].legend(fontsize=8)
plt.show()

# %% [markdown]
# The square makes it a Gaussian, not a Laplace distribution. And the data appear nowhere in it: it says the same of every town. The right relative is the exponential mechanism, whose weights hold the *score on the data*.

# %%
log_density = -theta**2 / 2
curved = np.ptp(np.diff(log_density, 2)) < 1e-9 and abs(np.diff(-np.abs(theta), 2)).max() > 1e-3
picks = [np.median([dp.exponential(utility, sensitivity=0.5, epsilon=0.5, rng=rng) for _ in range(60)]) for utility in score]
truth_median = [np.median(town) for town in two_towns]
lab.claim("the formula's log is a parabola (a Gaussian) and the same for all data; the exponential mechanism finds each town's median age",
          bool(curved) and max(abs(p - t) for p, t in zip(picks, truth_median)) <= 5, article="B9", verdict="does not hold",
          true_medians=truth_median, typical_picks=picks)

# %% [markdown]
# ## Limits and further reading
#
# - **One answer.** Every answer spends epsilon, and the same question asked again averages the noise away. Counting that up, and stopping in time, is lab 04.
# - **One person.** The promise is for one person at a time. A family of five shares $5\varepsilon$; a person with a thousand records needs the noise of a thousand (lab 09).
# - **What is true of everybody.** If the study shows that smokers fall ill, your insurer learns something about you, whether you took part or not. Differential privacy hides your taking part.
# - **Whoever holds the data.** Central privacy trusts the office: it protects the answers, not the file. For the file there are encryption (lab 10) and local noise, at the price you saw.
# - **The clock.** The exact samplers take longer for larger noise, and the time can tell it (Jin et al.). Answer after a fixed delay where that matters.
# - **A passed audit proves nothing.** It tests the data sets, events and runs that somebody thought of. Lab 06 shows a broken mechanism that passes.
# - **The right epsilon.** Nothing in the mathematics says which is acceptable. NIST's guideline below is a start.
#
# Primary sources:
#
# - Warner, *Randomized Response*, Journal of the American Statistical Association, 1965.
# - Dwork, McSherry, Nissim, Smith, *Calibrating Noise to Sensitivity in Private Data Analysis*, TCC 2006.
# - McSherry, Talwar, *Mechanism Design via Differential Privacy*, FOCS 2007. McKenna, Sheldon, [*Permute-and-Flip*](https://arxiv.org/abs/2010.12603), NeurIPS 2020.
# - Ghosh, Roughgarden, Sundararajan, *Universally Utility-Maximizing Privacy Mechanisms*, STOC 2009.
# - Dwork, Roth, [*The Algorithmic Foundations of Differential Privacy*](https://doi.org/10.1561/0400000042), 2014: the textbook.
# - Balle, Wang, [*Improving the Gaussian Mechanism for Differential Privacy*](https://arxiv.org/abs/1805.06530), ICML 2018.
# - Canonne, Kamath, Steinke, [*The Discrete Gaussian for Differential Privacy*](https://arxiv.org/abs/2004.00010), NeurIPS 2020.
# - Mironov, [*On Significance of the Least Significant Bits for Differential Privacy*](https://doi.org/10.1145/2382196.2382264), CCS 2012.
# - Jin, McMurtry, Rubinstein, Ohrimenko, [*Are We There Yet? Timing and Floating-Point Attacks on Differential Privacy Systems*](https://arxiv.org/abs/2112.05307), IEEE S&P 2022.
# - Haney, Desfontaines, Hartman, Shrestha, Hay, [*Precision-based Attacks and Interval Refining*](https://arxiv.org/abs/2207.13793), 2022.
# - Near, Darais, Lefkovitz, Howarth, [*Guidelines for Evaluating Differential Privacy Guarantees*](https://doi.org/10.6028/NIST.SP.800-226), NIST SP 800-226, 2025.
