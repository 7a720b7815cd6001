# ---
# jupyter:
#   kernelspec: {display_name: Python 3, language: python, name: python3}
# ---

# %% [markdown]
# # 6 · Was this photo in the training set?
#
# *About 85 minutes: 70 for the required sections, 15 for "What the article says", which is optional.
# You need labs 03 and 05.
# Terms are also explained in the [glossary](00-start-here.ipynb#Glossary).*
#
# **Afterwards you can** find out who was in a model's training set,
# say what the best attacker can reach under a given epsilon,
# measure from outside how much privacy a mechanism loses at the least, and recognise sixteen mistakes
# that look private; and you know why an audit that finds nothing proves nothing.

# %%
import textwrap
import time
import warnings

import matplotlib.pyplot as plt
import numpy as np
from scipy.special import betaincinv, ndtri
from scipy.stats import beta, binom, norm

from labkit import datasets, dp, lab
from labkit.attacks.membership import lira, log_odds, loss_threshold, roc
from labkit.attacks.shadows import train_shadows
from labkit.dp.zoo import ZOO
from labkit.models import softmax_regression
from labkit.exercises.lab_06 import check

digits, rng = datasets.digits(), np.random.default_rng(0)

# %% [markdown]
# ## What goes wrong
#
# A sorting office trains a small neural network to read digits.
# It has 500 photos that somebody labelled in a hurry: every tenth label is wrong.
# To make sure that there is something to find out,
# each photo was left out of the training by the toss of a coin.

# %%
order = rng.permutation(len(digits))
photos, X = order[:500], digits.X[order[:500]] - 0.5
mislabelled = rng.random(500) < 0.1
labels = digits.y[photos].copy()
labels[mislabelled] = (labels[mislabelled] + rng.integers(1, 10, mislabelled.sum())) % 10

members = rng.random((64, 500)) < 0.5  # which photos each of 64 models is trained on
began = time.perf_counter()
overfit = train_shadows(X, labels, members, classes=10)
lab.measured(f"64 models trained in {time.perf_counter() - began:.1f} s")

# %% [markdown]
# That was not one model but 64, trained side by side; the reason comes later.
# Take the first.
# Here are eight photos with a wrong label, and how sure the model is of that label.
# Which of them were in its training set?

# %%
def show(models, chosen, reveal=False):
    sure = np.exp(loss_threshold(models.logits(X)[0], labels))
    fig, axes = lab.plots.figure(8.2, 1.9, ncols=len(chosen))
    for ax, photo in zip(axes, chosen):
        ax.imshow(X[photo].reshape(8, 8), cmap="gray_r")
        ax.set_axis_off()
        inside = ("\nwas in" if members[0, photo] else "\nwas not in") if reveal else ""
        colour = lab.ATTACKER if reveal and members[0, photo] else "#333333"
        ax.set_title(f"label: {labels[photo]}\nmodel: {sure[photo]:.0%} sure{inside}",
                     fontsize=8, color=colour, loc="center", weight="normal")
    plt.show()


eight = np.flatnonzero(mislabelled)[:8]
show(overfit, eight)

# %%
lab.predict("How many of the eight were in the training set?", low=0, high=8)

# %% [markdown]
# Hardly anybody would call these photos what their labels say.
# A model that does has nearly always seen the label, and learnt it by heart:

# %%
show(overfit, eight, reveal=True)
sure = np.exp(loss_threshold(overfit.logits(X)[0], labels))
right = ((sure > 0.5) == members[0])[mislabelled].mean()
lab.truth(members[0, eight].sum(), "of eight")
lab.claim(f"'in, if the model believes the wrong label' is right {right:.0%} of the time",
          right > 0.9, mislabelled=int(mislabelled.sum()), right=round(right, 2))

# %% [markdown]
# Replace "called a 7" by "diagnosed with HIV" and the question is no game.
# But most photos have the right label.
# Does the attack work for those too?
# It has a name, [**membership inference**](00-start-here.ipynb#Glossary), and its simplest form is one line:
# *the lower the loss, the likelier a member* (Yeom et al., 2018).
# To accuse an outsider is a **false alarm**; say that only one outsider in a hundred may be accused.
#
# Two numbers tell how good an attack is.
# The first is how many members it finds at so many false alarms.
# The second is the **AUC**: give it one member and one outsider, and count how often it tells which is which.
# A coin has an AUC of 50 %, a perfect attack 100 %.
# (The letters stand for the *area under the curve* of members found against others accused.)

# %%
lab.predict("How many percent of the members does it find, at one false alarm in a hundred outsiders?",
            low=0, high=100)

# %%
logits = overfit.logits(X)  # (64 models, 500 photos, 10 digits)
by_loss = roc(loss_threshold(logits, labels), members)
lab.truth(round(100 * by_loss.true_positives_at(0.01)), "%")
lab.claim("the loss beats a coin on average, and still cannot name anybody for sure",
          0.6 < by_loss.auc < 0.7 and by_loss.true_positives_at(0.01) < 0.03,
          right_about_a_pair=round(by_loss.auc, 2),
          members_found_at_1_percent_false_alarms=f"{by_loss.true_positives_at(0.01):.0%}")

# %% [markdown]
# Given a member and an outsider, it picks the right one about two times out of three.
# But some photos are easy for *every* model, member or not, and they crowd the top of its list.
# The next attack compares.
# For each photo it asks: how sure would a model be *with* this photo, and how sure *without*?
# The other 63 models answer that; they are the attacker's **shadow models**.

# %% tags=["hide-input"] jupyter={"source_hidden": true}
# Draws: members found against others accused.
attack = roc(lira(log_odds(logits, labels), members), members)


def roc_plot(ax, curves):
    """Members found against others accused, on log axes: trust the left end."""
    for label, curve, colour in curves:
        ax.loglog(curve.false_positives, curve.true_positives, color=colour, label=label)
    ax.loglog([1e-4, 1], [1e-4, 1], color=lab.BASELINE, ls="--", lw=1, label="coin toss")
    ax.set(xlim=(5e-4, 1), ylim=(5e-4, 1.1), xlabel="others accused", ylabel="members found")
    for axis in (ax.xaxis, ax.yaxis):
        axis.set_major_formatter(lambda value, _: f"{100 * value:g} %")


fig, ax = lab.plots.figure(7.2, 3.2)
roc_plot(ax, [("compared with shadow models", attack, lab.ATTACKER),
              ("loss alone", by_loss, lab.plots.SERIES[1])])
ax.legend(loc="upper left", bbox_to_anchor=(1, 1))
plt.show()

# %%
few, very_few = attack.true_positives_at(0.01), attack.true_positives_at(0.001)
lab.claim("compared with shadow models, a seventh of all members is found at 1 % false alarms",
          attack.auc >= 0.75 and few > 1 / 7, right_about_a_pair=round(attack.auc, 2),
          found_at_1_percent=f"{few:.0%}", found_at_one_in_a_thousand=f"{very_few:.0%}")

# %% [markdown]
# Look at the left end of the plot, not at the average.
# An attack that names a few people and is nearly always right does harm, whatever its AUC.
# That is why these curves are drawn on log axes.
#
# ## The idea
#
# To accuse is to decide between two worlds: with this person in the training set, or without.
# The attacker makes two kinds of mistakes, and **differential privacy bounds how small both can be**.
# If the training is $(\varepsilon, \delta)$-private, then for *every* attack
#
# $$ \text{members found} \;\le\; e^{\varepsilon} \cdot \text{others accused} + \delta, $$
#
# because "accused" is just a set of outputs,
# and its probability may grow by at most that when the person joins.
# Below, the region that no attacker can reach.
# (Neighbouring, here and in the whole lab unless said otherwise: one record added or removed.)

# %%
rates = np.geomspace(5e-4, 1, 300)
fig, axes = lab.plots.figure(8.2, 2.7, ncols=3, sharey=True)
for ax, epsilon in zip(axes, (0.5, 2, 8)):
    claimed = np.minimum(1, np.exp(epsilon) * rates + 1e-5)
    mixed = 1 - np.exp(-epsilon) * np.maximum(0, 1 - 1e-5 - rates)  # with the worlds exchanged
    limit = np.minimum(claimed, mixed)
    ax.fill_between(rates, limit, 2, color=lab.GUARANTEE, alpha=0.25, lw=0)
    ax.loglog(rates, limit, color=lab.GUARANTEE, label="no attack beyond")
    roc_plot(ax, [("the attack above", attack, lab.ATTACKER)])
    ax.set(title=f"epsilon {epsilon}, delta 1e-5", ylabel="members found" * (ax is axes[0]))
axes[2].legend(loc="lower right", fontsize=8)
plt.show()

# %% [markdown]
# At epsilon 0.5 and at epsilon 2 the attack above is impossible: part of its curve lies beyond the line.
# At epsilon 8 it is not: the definition permits it, and only the details of a mechanism can promise more.
#
# Now read the inequality backwards.
# An attack that finds many members and accuses few others *proves* that epsilon is at least
#
# $$ \hat{\varepsilon} \;=\; \ln \frac{\text{members found} - \delta}{\text{others accused}} . $$
#
# That is an **audit**: attack your own mechanism, count, and hold the result against the claim.
# The counts are luck to some degree,
# so one takes the low end of a confidence interval above the line and the high end below.
#
# ## Build it
#
# ### The attack
#
# The likelihood-ratio attack (LiRA; Carlini et al., 2022).
# How sure a model is of a label, on the log-odds scale, is roughly normally distributed over models.
# So fit one normal curve to the shadows that had the photo,
# another to those that had not, and see under which one the target fits better.

# %%
def likelihood_ratio(target, sureness, members):
    shadows = np.arange(len(members)) != target
    log_likelihood = []
    for has in (True, False):
        group = np.where((members == has) & shadows[:, None], sureness, np.nan)
        mean, spread = np.nanmean(group, axis=0), np.nanstd(group, axis=0)
        log_likelihood.append(norm.logpdf(sureness[target], mean, spread))
    return log_likelihood[0] - log_likelihood[1]


sureness = log_odds(logits, labels)
ours = np.array([likelihood_ratio(target, sureness, members) for target in range(64)])
lab.claim("our eight lines and the package's attack agree",
          abs(roc(ours, members).auc - attack.auc) < 1e-4)

# %% [markdown]
# ### The audit
#
# Run a mechanism thousands of times on two neighbouring data sets.
# Choose a threshold on one half of the runs,
# count on the other half (choosing and counting on the same runs would cheat).
# The ends of the intervals are Clopper and Pearson's, which are exact for counts:
# they come from the beta distribution.
# We try it on Laplace noise, whose epsilon is exactly 1.

# %%
lab.predict("What lower bound on epsilon does the audit show after 500 runs?", low=0.0, high=1.5)

# %%
def low(hits, runs, error):
    return beta.ppf(error, hits, runs - hits + 1) if hits else 0.0


def high(hits, runs, error):
    return beta.ppf(1 - error, hits + 1, runs - hits) if hits < runs else 1.0


def bound_at(threshold, with_person, without_person, delta, error=0.05):
    runs = len(with_person)
    found, accused = (with_person >= threshold).sum(), (without_person >= threshold).sum()
    at_least = max(low(found, runs, error / 2) - delta, 1e-12)
    return np.log(at_least / high(accused, runs, error / 2))


# %%
def epsilon_at_least(with_person, without_person, delta=0.0):
    half = len(with_person) // 2
    first = with_person[:half], without_person[:half]
    tried = np.quantile(first[1], np.linspace(0.01, 0.99, 99))
    chosen = max(tried, key=lambda threshold: bound_at(threshold, *first, delta))
    return max(0.0, bound_at(chosen, with_person[half:], without_person[half:], delta))


told = {}
for runs in (500, 10_000, 100_000):
    bound = told[runs] = epsilon_at_least(1 + rng.laplace(size=runs), rng.laplace(size=runs))
lab.truth(round(told[500], 1))
for runs, bound in told.items():
    print(f"{runs:7,} runs: epsilon is at least {bound:.2f}, with 95 % confidence")

# %%
too_little = rng.laplace(scale=0.5, size=(2, 20_000))
half_the_noise = epsilon_at_least(1 + too_little[0], too_little[1])
lab.claim("the audit comes within 10 % of a correct epsilon; half the noise is caught",
          0.9 < bound <= 1 < half_the_noise, correct=round(bound, 2),
          half_the_noise=round(half_the_noise, 2))

# %% [markdown]
# `dp.audit` does the same with more care:
# both directions, categories, and a verdict in words that says what a pass does not prove.
#
# ### Freeze the noise
#
# There is a cheaper test for one half of the mistakes.
# Run the mechanism twice *with the same random numbers*, once with the person and once without.
# The noise cancels, and what is left is what the person changed:
# the sensitivity, exactly, from one pair of runs.
# Here are two ways to sum three vectors, each with a declared sensitivity of 1:

# %%
vectors = np.array([[0.3, 0.1], [-0.2, 0.4], [30.0, 40.0]])  # the last one is the person's


def clip_each(rows, rng):
    return dp.clip(rows, max_grad_norm=1).sum(axis=0) + rng.normal(scale=4, size=2)


def clip_the_mean(rows, rng):
    mean = dp.clip(rows.mean(axis=0)[None], max_grad_norm=1)[0]
    return len(rows) * mean + rng.normal(scale=4, size=2)


each, mean = (dp.sensitivity_at_least(way, vectors, vectors[:2], rng=rng)
              for way in (clip_each, clip_the_mean))
lab.claim("clipping each row keeps the declared sensitivity of 1; clipping the mean does not",
          each < 1 + 1e-9 < 2 < mean, clip_each=round(each, 3), clip_the_mean=round(mean, 2))

# %% [markdown]
# Replay sees a wrong sensitivity and is blind to wrong noise;
# an audit of the outputs sees both and needs thousands of runs.
# Good tests use both.
#
# ### DP-SGD, with canaries
#
# Training a model thousands of times to audit it is out of the question for most models.
# Two ideas bring that down to *one* run.
# First, plant many **canaries**: records made to be noticed, each in or out by its own coin.
# Ours are very bright photos that light one pixel each, a pixel that no other record lights.
# Whoever sees the weights of that pixel sees how hard the canary pulled.

# %%
m = 3000
canary, canary_label = np.arange(m), np.arange(m) % 10
joined = rng.random(m) < 0.5
bright = 50 * np.eye(m, 64 + m, 64, np.float32)[joined]  # 64 dark pixels, then one that glares
plain = np.hstack([digits.X[:200], np.zeros((200, m), np.float32)])
rows = np.vstack([plain, bright])
targets = np.concatenate([digits.y[:200], canary_label[joined]])


def pull_of_each_canary(epsilon):
    plan = dp.Plan.for_budget(epsilon=epsilon, delta=1e-5, records=3200, batch_size=3200,
                              steps=5, max_grad_norm=1, learning_rate=0.5)
    trained = dp.train_private(softmax_regression(64 + m, 10), rows, targets, plan=plan,
                               delta=1e-5, rng=np.random.default_rng(1))
    weights = trained.model.weight.detach().numpy()[:, 64:]  # (10 digits, m pixels)
    return weights[canary_label, canary] - weights.mean(axis=0)


scores = {epsilon: pull_of_each_canary(epsilon) for epsilon in (1, 4, 8)}

# %% [markdown]
# Second, count guesses in place of runs.
# Call the strongest pulls *in*, the weakest *out*, and skip the doubtful.
# Under pure $\varepsilon$-privacy each guess is right
# with probability at most $e^\varepsilon / (1 + e^\varepsilon)$,
# *as if* each canary's coin had been passed through randomised response (Steinke,
# Nasr and Jagielski, 2023; with a small extra term for delta).
# More right guesses than that refute epsilon.
# **All from a single training run:**

# %%
def from_one_run(scores, joined, guesses, error=0.05):
    order = np.argsort(-scores)
    said_in, said_out = order[:guesses // 2], order[-guesses // 2:]
    right = joined[said_in].sum() + (~joined[said_out]).sum()
    epsilons = np.linspace(0, 10, 1001)
    luck = binom.sf(right - 1, guesses, 1 / (1 + np.exp(-epsilons)))  # the chance of so many
    return epsilons[luck < error].max(initial=0), right


for epsilon, pull in scores.items():
    bound, right = from_one_run(pull, joined, guesses=600)
    print(f"claimed {epsilon}: {right} of 600 right: at least {bound:.1f} (delta aside)")

# %% [markdown]
# Third, use what is known about the noise.
# Without sampling, all steps of DP-SGD together are a single Gaussian mechanism: each canary's pull comes
# from one of two Gaussian hills, **mu** standard deviations apart, and mu gives epsilon at every delta.
# One threshold suffices to bound mu (Nasr et al., 2023).
# Our canaries share no weight that matters here, so that each of them counts as a run of its own.

# %%
found = {}
for epsilon, pull in scores.items():
    tested = dp.Audit(pull[joined], pull[~joined])
    found[epsilon] = (dp.one_run_bound(pull, joined, delta=1e-5).epsilon,
                      tested.epsilon_lower_bound(delta=1e-5),
                      dp.gaussian_bound(tested, delta=1e-5).epsilon)
print("lower bounds on epsilon at delta 1e-5, 95 % confidence")
print("claimed    one run   counting   Gaussian hills")
for epsilon, bounds in found.items():
    print(f"{epsilon:5}   " + "  ".join(f"{bound:9.1f}" for bound in bounds))

# %%
lab.claim("none exceeds the claim; at epsilon 4 and 8 the Gaussian one sees half of it",
          all(max(bounds) <= epsilon for epsilon, bounds in found.items())
          and all(found[epsilon][2] > epsilon / 2 for epsilon in (4, 8)))

# %% [markdown]
# Counting alone can never show more than about the log of the number of runs, less the price of confidence.
# The Gaussian reading has no such limit, but as a bound on epsilon it *assumes* hills.
# Use it where the theory promises them.
#
# ## Use the real thing
#
# Most of this lab is available off the shelf.
# The exact intervals: `scipy.stats.binomtest(...).proportion_ci(method="exact")`.
# The curves: scikit-learn.
# Membership attacks and audits at scale: PrivacyGuard,
# LeakPro, ML Privacy Meter, and the auditing module of JAX Privacy, whose shape `dp.Audit` follows.

# %%
from scipy.stats import binomtest
from sklearn.metrics import roc_auc_score

interval = binomtest(37, 1000).proportion_ci(0.95, method="exact")
ends = low(37, 1000, 0.025), high(37, 1000, 0.025)
same_interval = np.allclose(ends, [interval.low, interval.high])
same_auc = abs(roc_auc_score(members.ravel(), ours.ravel()) - roc(ours, members).auc) < 1e-9
lab.claim("our interval is SciPy's and our AUC is scikit-learn's", same_interval and same_auc)

# %% [markdown]
# And what is worth auditing is not our toys but the libraries that people use.
# First OpenDP's Laplace mechanism for counts, claimed epsilon 1:

# %%
import opendp.prelude as opendp

opendp.enable_features("contrib")
counts = opendp.vector_domain(opendp.atom_domain(T="i32")), opendp.l1_distance(T="i32")
laplace = opendp.m.make_laplace(*counts, scale=1.0)


def answers_of_opendp(count, runs):
    return np.array(laplace(np.full(runs, count, np.int32)))


tested = dp.audit(answers_of_opendp, 41, 40, runs=50_000, batched=True)
lab.claim("OpenDP keeps its epsilon of 1, as far as 50,000 runs can see (99.99 % confidence)",
          0.8 < tested.epsilon_lower_bound(confidence=0.9999) <= 1)

# %% [markdown]
# (Its randomness is the operating system's, so this cell differs a little at each run;
# it would fail by chance less than once in 10,000.)
# Then Opacus.
# It divides the noisy sum of gradients by the *expected batch size*,
# which its engine computes from the number of records.
# So adding one record may change that divisor, and with it every update.
# We let 300 models take one step on 400 blank records,
# and 300 on 399, and look at nothing but how long the step is.

# %%
import torch
from opacus import PrivacyEngine
from torch.utils.data import DataLoader, TensorDataset

warnings.simplefilter("ignore")


# %%
def length_of_one_step(records, seed, weights=2000, batch=40):
    torch.manual_seed(seed)
    model = torch.nn.Linear(weights, 1, bias=False)
    start = model.weight.detach().clone()
    blank = TensorDataset(torch.zeros(records, weights))
    model, optimiser, loader = PrivacyEngine().make_private(
        module=model, optimizer=torch.optim.SGD(model.parameters(), 1.0),
        data_loader=DataLoader(blank, batch), noise_multiplier=2.0, max_grad_norm=1.0)
    (rows_drawn,) = next(iter(loader))
    (model(rows_drawn) ** 2).mean().backward()
    optimiser.step()
    step = model._module.weight.detach() - start
    return float(step.norm()), optimiser.expected_batch_size


with_one = [length_of_one_step(400, seed) for seed in range(300)]
without_one = [length_of_one_step(399, 1000 + seed) for seed in range(300)]
tested = dp.Audit([length for length, _ in with_one], [length for length, _ in without_one])

# %%
claimed = dp.epsilon_spent(noise_multiplier=2.0, sample_rate=0.1, steps=1, delta=1e-5)
divisors = with_one[0][1], without_one[0][1]
measured = tested.epsilon_lower_bound(delta=1e-5)
lab.claim("where a record changes the divisor, the audit finds far more than is claimed",
          divisors[0] != divisors[1] and measured > 2 * claimed, divisors=divisors,
          claimed=round(claimed, 2), at_least=round(measured, 1))

# %% [markdown]
# The gradients were all zero: nothing about any *content* leaked, only *how many records there are*.
# Where that number is public (or neighbours differ by replacing a record) all is well.
# Where being in the data at all is the secret, fix the divisor yourself:
# `dp.Plan` asks you for a public `batch_size` for this reason.
#
# ### Two answers that nobody thinks of as leaks
#
# A table of counts, with correct noise on each count.
# And a median, with correct noise.
# Both are audited below, in the version that everybody writes first: the table has a line
# for each value *that occurs*, the median's range runs to the largest value *that occurs*.
# One person joins: the only one over 90 in the first, the only one with a large income in the second.
# Both claim epsilon 1.

# %%
lab.predict("Which of the two does the audit refute?", choices=["neither", "the table", "the median", "both"])

# %%
from labkit.dp.mechanisms import private_histogram, thresholded_histogram

decades = [20] * 60 + [30] * 80 + [40] * 50
incomes = [21, 24, 30, 33, 41]  # thousands a year


def lines_of_the_table(values):
    bins = sorted(set(values))
    counts = private_histogram(values, bins=bins, epsilon=1, rng=rng)
    return dict(zip(bins, counts))


def median_in(values, high):
    return dp.private_quantile(values, quantile=0.5, low=0, high=high, points=1001,
                               epsilon=1, rng=rng)


# %%
games = {
    "lines that occur": (lambda v: 90 in lines_of_the_table(v), decades, 90),
    "lines above a threshold": (lambda v: 90 in thresholded_histogram(
        v, epsilon=1, delta=1e-5, rng=rng), decades, 90),
    "median up to the largest": (lambda v: median_in(v, max(v)), incomes, 900),
    "median up to 1,000": (lambda v: median_in(v, 1000), incomes, 900)}
seen = {name: dp.audit(run, [*values, person], values, runs=200)
        .epsilon_lower_bound(delta=1e-5) for name, (run, values, person) in games.items()}
print("\n".join(f"{name:25} epsilon at least {bound:.1f}" for name, bound in seen.items()))
leaky, kept, from_data, public = seen.values()
refuted = {(False, False): "neither", (True, False): "the table",
           (False, True): "the median", (True, True): "both"}[leaky > 1, from_data > 1]

# %%
lab.truth(refuted)
lab.claim(f"as everybody writes them first, {refuted} is refuted at epsilon 1 (delta 1e-5); "
          "with a threshold and with public bounds they pass",
          min(leaky, from_data) > 2 > 1 >= max(kept, public))

# %% [markdown]
# The noise was right in all four.
# What leaked was *which* lines there are, and *how far* the median can go.
# So bins and bounds come from whoever asks, not from the data.
# Where nobody can list the bins in advance, show a bin only when its noisy count is high enough
# that a single person hardly ever gets there (Korolova and others, 2009): that costs a delta.
# Under "one record replaced" a histogram needs twice the noise,
# since one bin loses a person and another gains one.
#
# ## What it costs
#
# First the defender.
# We train the same 64 models in five more ways: stopped early; with clipped gradients and no noise;
# and with DP-SGD at epsilon 8, 2 and 0.5 (delta 1e-5, far below one over the 500 photos;
# every record at every step; tight accounting by privacy-loss distributions, as in lab 04).

# %%
lab.predict("How many percent of new photos does the model trained at epsilon 2 read?", low=0, high=100)

# %%
STEPS, DELTA = 40, 1e-5
gentle = dict(classes=10, steps=STEPS, learning_rate=1.0, momentum=0.5)
noise = {each: dp.noise_multiplier_for(epsilon=each, delta=DELTA, sample_rate=1.0, steps=STEPS)
         for each in (8, 2, 0.5)}
ways = {"overfit": overfit, "stop early": train_shadows(X, labels, members, **gentle),
        "clip only": train_shadows(X, labels, members, max_grad_norm=1.0, **gentle)}
for epsilon, multiplier in noise.items():
    ways[f"epsilon {epsilon}"] = train_shadows(X, labels, members, max_grad_norm=1.0,
                                               noise_multiplier=multiplier, **gentle)

# %%
new, answers = digits.X[order[500:]] - 0.5, digits.y[order[500:]]
majority = np.bincount(answers).max() / len(answers)
accuracy, guess, attacks = {}, {}, {}
for name, models in ways.items():
    accuracy[name] = (models.logits(new).argmax(axis=2) == answers).mean()
    guess[name] = lira(log_odds(models.logits(X), labels), members)
    attacks[name] = roc(guess[name], members)

sky, orange, pink = lab.plots.SERIES[:3]
colours = {"overfit": lab.PLAIN, "stop early": orange, "clip only": pink,
           "epsilon 8": sky, "epsilon 2": lab.PRIVATE, "epsilon 0.5": "#00395C"}

# %% tags=["hide-input"] jupyter={"source_hidden": true}
# Draws: right on new photos against members found at 1 % false alarms.
fig, ax = lab.plots.figure(8.2, 3.0)
for name in ways:
    place = attacks[name].true_positives_at(0.01), accuracy[name]
    ax.plot(*place, "o", ms=9, color=colours[name])
    aside = (0, -16) if name in ("epsilon 8", "overfit") else (0, 9)
    ax.annotate(name, place, aside, textcoords="offset points", fontsize=9, ha="center")
lab.plots.baseline(ax, majority, "always the commonest digit")
ax.axvline(0.01, color=lab.BASELINE, lw=1, ls=":", label="an attack by coin toss")
ax.set(xscale="log", xlim=(0.006, 0.4), xticks=[0.01, 0.03, 0.1, 0.3], ylim=(0, 1.05),
       xlabel="members found at 1 % false alarms", ylabel="right on new photos")
ax.minorticks_off()
lab.plots.percent(ax, "x")
lab.plots.percent(ax, "y")
ax.legend(loc="upper left", bbox_to_anchor=(1, 1))
plt.show()

# %%
lab.truth(round(100 * accuracy["epsilon 2"]), "%")
lab.claim("with these labels, epsilon 8 reads new photos better than the overfitted model",
          accuracy["epsilon 8"] > accuracy["overfit"], overfit=round(accuracy["overfit"], 2),
          epsilon_8=round(accuracy["epsilon 8"], 2), commonest_digit=round(majority, 2))
ratio = accuracy["epsilon 0.5"] / accuracy["epsilon 2"]
lab.claim(f"the price grows fast: epsilon 0.5 reads {round(ratio, 1):.0%} of what epsilon 2 reads",
          accuracy["epsilon 0.5"] < 0.75 * accuracy["epsilon 2"],
          **{f"epsilon_{key}": round(accuracy[f"epsilon {key}"], 2) for key in (2, 0.5)})

# %% [markdown]
# Stopping early and clipping help here: both keep the model from learning wrong labels by heart.
# And some 250 records per model are few: the noise hides one record,
# whatever their number, so with ten times the records it would weigh a tenth (lab 05 has the curves).
#
# Then the auditor's price, in runs.
# For a Gaussian mechanism at delta 1e-5,
# the bound to be expected from counting and from the Gaussian reading:

# %%
def expected_bounds(epsilon, runs, confidence):
    """What the two readings find when each count is as expected: the best of 40 thresholds."""
    mu = dp.gaussian_mu(epsilon=epsilon, delta=1e-5)
    error, half = (1 - confidence) / 2, runs[:, None] / 2
    cuts = np.linspace(-3, mu + 6, 40)
    found = betaincinv(half * norm.sf(cuts - mu) + 1e-9, half * norm.cdf(cuts - mu) + 1, error)
    accused = betaincinv(half * norm.sf(cuts) + 1, half * norm.cdf(cuts) + 1e-9, 1 - error)
    counting = np.log(np.maximum(found - 1e-5, 1e-12) / accused).max(axis=1)
    hills = (ndtri(found) - ndtri(accused)).max(axis=1)
    read_off = [dp.gaussian_epsilon(mu=max(0, each), delta=1e-5) for each in hills]
    return np.maximum(0, counting), read_off


# %% tags=["hide-input"] jupyter={"source_hidden": true}
# Draws: how many runs does an audit need?
def runs_needed(fig, epsilon, confidence):
    """How many runs does an audit need?"""
    ax = fig.subplots()
    runs = np.geomspace(40, 2e6, 15)
    counting, hills = expected_bounds(epsilon, runs, confidence)
    lab.plots.guarantee(ax, epsilon, "epsilon of the mechanism")
    ax.semilogx(runs, hills, color=lab.ATTACKER, label="read as Gaussian hills")
    ax.semilogx(runs, counting, color=lab.ATTACKER, ls="--", label="counting")
    ax.set(xlabel="runs on each data set", ylabel="bound to be expected",
           ylim=(0, 1.15 * epsilon), xlim=(40, 2e6))
    ax.legend(loc="upper left", bbox_to_anchor=(1, 1))
    fig.subplots_adjust(bottom=0.17, top=0.95, left=0.08, right=0.7)
    enough = 10 ** np.interp(0.8 * epsilon, hills, np.log10(runs))
    rounded = float(f"{enough:.1g}")
    told = f"about {rounded:,.0f}" if hills[-1] > 0.8 * epsilon else "over two million"
    return (f"Gaussian mechanism, epsilon {epsilon:.2f} at delta 1e-5 (adding or removing one "
            f"person), {100 * confidence:g} % confidence: the hills show four fifths of it "
            f"with {told} runs; counting shows {counting[-1]:.1f} with two million.")


lab.explore(runs_needed, epsilon=(0.1, 20, 4.0), confidence=[0.95, 0.99, 0.9999])

# %% [markdown]
# **Question.** Why does counting stop rising long before it reaches the line,
# and why do the hills not help at epsilon 0.1?
#
# <details><summary>Answer</summary>
#
# To see a large epsilon by counting, one must see an event that happens often in one world and at most once
# in $e^{\varepsilon}$ runs in the other, so the bound cannot exceed the log of the number of runs by much.
# And the event that shows a Gaussian mechanism's worst is out in its tail, where hardly any run lands.
# At a *small* epsilon both readings suffer from the same thing: the two worlds hardly differ,
# and the runs that it takes to tell a difference from chance grow with the square of how small it is.
#
# </details>
#
# ## Tune it
#
# ### Epsilon against the attacker
#
# The same photos, with 32 models trained anew for each setting, and the same attack.
# The green line is the ceiling: what *no* attack on this training can exceed.
# *Drag epsilon; then switch the noise off and watch the ceiling.*

# %% tags=["hide-input"] jupyter={"source_hidden": true}
# Draws: how much of the training set gives itself away?
def retrained(fig, epsilon, max_grad_norm, steps, noise):
    """How much of the training set gives itself away?"""
    ax, bars = fig.subplots(1, 2, width_ratios=[2, 1])
    budget = dict(epsilon=epsilon, delta=DELTA, sample_rate=1.0, steps=steps)
    z = dp.noise_multiplier_for(**budget) if noise else 0.0
    models = train_shadows(X, labels, members[:32], **{**gentle, "steps": steps},
                           max_grad_norm=max_grad_norm, noise_multiplier=z)
    attack = roc(lira(log_odds(models.logits(X), labels), members[:32]), members[:32])
    if noise:
        ceiling = dp.most_true_positives(rates, mu=steps**0.5 / z)
        ax.loglog(rates, ceiling, color=lab.GUARANTEE, label="ceiling")
    roc_plot(ax, [("the attack", attack, lab.ATTACKER)])
    ax.set_title("a ceiling for every attack" if noise else "no noise, no ceiling")
    ax.legend(loc="lower right")
    found = attack.true_positives_at(0.01)
    right = (models.logits(new).argmax(axis=2) == answers).mean()
    bars.bar(["members found\nat 1 %", "right on\nnew photos"], [found, right],
             color=[lab.ATTACKER, lab.PRIVATE])
    bars.axhline(majority, color=lab.BASELINE, ls="--", lw=1)
    bars.set(ylim=(0, 1), yticks=[0, 0.5, 1], yticklabels=["0 %", "50 %", "100 %"])
    fig.subplots_adjust(bottom=0.17, top=0.9, left=0.1, right=0.98, wspace=0.25)
    told = f"Epsilon {epsilon:.2f}, delta 1e-5 (adding or removing one photo)"
    return (f"{told if noise else 'Clipped, no noise, no epsilon'}: the attack is right about "
            f"{attack.auc:.0%} of pairs and finds {found:.0%} of members at 1 % false alarms; "
            f"{right:.0%} of new photos are read (always the commonest: {majority:.0%}).")


# %% tags=["hide-input"] jupyter={"source_hidden": true}
# Draws: the picture above, under its controls.
lab.explore(retrained, live=False, epsilon=(0.2, 50, 2.0), max_grad_norm=lab.log_range(0.1, 10, 1.0),
            steps=[40, 20, 80], noise=True)

# %% [markdown]
# **Question.** Without noise and with a clip of 0.1 the attack finds almost nobody.
# Is that model private?
#
# <details><summary>Answer</summary>
#
# Against this attacker, on these photos, it leaks little: it has learnt little.
# But there is no ceiling.
# A cleverer attacker, one who sees the gradients,
# or a record that stands out more, may find what this one missed.
# Measured leakage is evidence of harm when it is high; when it is low it is evidence of little.
# Only the noise comes with a bound that holds for attacks nobody has thought of.
#
# </details>
#
# ### The broken zoo
#
# Eighteen mechanisms: slips that are easy to make,
# the six published versions of one algorithm, two recipes from an article.
# Each claims an epsilon.
# *Choose one, read its code, say whether the needle will cross the claim, then tick* audit.
# Untick it before you choose the next.
# Then look at the line that repairs it; and at *beside it*:
# the same mechanism, audited by somebody who looked in a slightly different place.

# %% tags=["hide-input"] jupyter={"source_hidden": true}
# Draws: A half-circle from 0 to four times the claim: green up to it, vermillion beyond.
def dial(ax, claimed, found):
    """A half-circle from 0 to four times the claim: green up to it, vermillion beyond."""
    for start, end, colour in [(180, 135, lab.GUARANTEE), (135, 0, lab.ATTACKER)]:
        angle = np.radians(np.linspace(start, end, 40))
        arc = np.array([np.cos(angle), np.sin(angle)])
        ax.fill(*np.hstack([arc, 0.8 * arc[:, ::-1]]), color=colour, alpha=0.6, lw=0)
    for part, side in enumerate(("right", "right", "center", "left", "left")):
        angle = np.pi * (1 - part / 4)
        label = f"{part * claimed:g}" + (" claimed" if part == 1 else "")
        ax.text(1.08 * np.cos(angle), 1.08 * np.sin(angle), label, ha=side, fontsize=9,
                weight="bold" if part == 1 else "normal")
    if found is not None:
        angle = np.pi * (1 - min(found / claimed, 4.05) / 4)
        ax.plot([0, 0.95 * np.cos(angle)], [0, 0.95 * np.sin(angle)], color=lab.BASELINE, lw=3)
    ax.plot(0, 0, "o", color=lab.BASELINE, ms=9)
    ax.text(0, -0.24, "?" if found is None else f"at least {found:.2f}", fontsize=13,
            weight="bold", ha="center", va="center")
    ax.set(xlim=(-1.6, 1.6), ylim=(-0.4, 1.2), aspect="equal")
    ax.set_axis_off()


# %% tags=["hide-input"] jupyter={"source_hidden": true}
# Draws: source code on a grey panel across the top; returns where the panel ends.
def show_code(fig, lines, marked, colour):
    """Source code on a grey panel across the top; returns where the panel ends."""
    height = 0.064 * len(lines) + 0.03
    panel = fig.add_axes([0.01, 0.99 - height, 0.98, height], facecolor="#F2F2F2")
    panel.set(xticks=[], yticks=[])
    panel.spines[:].set_visible(False)
    for number, line in enumerate(lines):
        mark = number in marked
        panel.text(0.015, 1 - (number + 0.75) / (len(lines) + 0.5), line, family="monospace",
                   fontsize=9, va="center", weight="bold" if mark else "normal",
                   color=colour if mark else "#222222")
    return 0.99 - height


# %% tags=["hide-input"] jupyter={"source_hidden": true}
# Draws: does the needle cross the claim?
def zoo(fig, mechanism, version, look, audit):
    """Does the needle cross the claim?"""
    cage = ZOO[mechanism]
    repaired = version == "repaired" and not cage.private
    beside = look == "beside it" and not cage.private
    setting, (code, changed) = cage.setting(beside), cage.code(repaired)
    found = cage.measure(repaired=repaired, overlook=beside).epsilon if audit else None
    end = show_code(fig, code, changed if audit or repaired else (),
                    lab.PRIVATE if repaired else lab.ATTACKER)
    dial(fig.add_axes([0.0, 0.0, 0.44, end - 0.03]), setting.epsilon, found)
    words = [f"Claims epsilon {setting.epsilon:g}, delta {setting.delta:g}; {cage.relation}.",
             f"The audit. {setting.told}"]
    if audit and not cage.private:
        words.append(f"The repair. {cage.repair}" if repaired else f"The flaw. {cage.flaw}")
    text = "\n\n".join(textwrap.fill(each, 65) for each in words)
    fig.text(0.47, end - 0.07, text, fontsize=9, va="top")
    told = (f"{cage.name}{', repaired,' if repaired else ''} claims epsilon "
            f"{setting.epsilon:g} (delta {setting.delta:g}; {cage.relation})")
    if found is None:
        return told + ". What will the audit find?"
    outcome = "refuted" if found > setting.epsilon else "not refuted, which proves nothing"
    return f"{told}; measured at least {found:.2f}, with 99.99 % confidence: {outcome}."


# %% tags=["hide-input"] jupyter={"source_hidden": true}
# Draws: the picture above, under its controls.
lab.explore(zoo, size=(8.2, 3.7), live=False, start={"mechanism": "Laplace, scale inverted"},
            mechanism=list(ZOO), version=["as written", "repaired"],
            look=["where it shows", "beside it"], audit=True)

# %% [markdown]
# **Question.** *Laplace, scale inverted* passes at epsilon 1, with the same code that fails at 0.5.
# Which of the mistakes in the zoo would your own tests have missed?
#
# <details><summary>Answer</summary>
#
# All sixteen have such a blind spot, and none is far-fetched.
# Testing at epsilon 1, where dividing and multiplying agree.
# Looking at one bin of a histogram.
# Restarting nothing between runs.
# Canaries that happen to be small, so that clipping never acts.
# A batch of one.
# Adding up gradients whose noise only shows in their differences.
# Comparing how large answers are and not their last digits.
# Asking a single question of a mechanism meant for hundreds.
# Whoever chooses the test chooses what it can see.
#
# </details>
#
# The whole zoo at once, each at the setting where its flaw shows:

# %% tags=["hide-input"] jupyter={"source_hidden": true}
# Draws: measured, as a multiple of the claim.
broken = {name: cage for name, cage in ZOO.items() if not cage.private}
cages = list(broken.values())
as_written = [cage.measure().epsilon / cage.look.epsilon for cage in cages]
repaired = [cage.measure(repaired=True).epsilon / cage.look.epsilon for cage in cages]
beside = [cage.measure(overlook=True).epsilon / cage.overlook.epsilon for cage in cages]

fig, ax = lab.plots.figure(8.2, 4.6)
lines = np.arange(len(broken))
ax.hlines(lines, 1, as_written, color=lab.ATTACKER, lw=1)
for found, colour, marker, label in [(as_written, lab.ATTACKER, "o", "as written"),
                                     (repaired, lab.PRIVATE, "s", "repaired"),
                                     (beside, lab.PLAIN, "x", "audited\nbeside it")]:
    ax.plot(np.maximum(found, 0.03), lines, marker, color=colour, ms=7, label=label)
lab.plots.guarantee(ax, 1, "the claim", axis="x")
ax.set(xscale="log", xlim=(0.022, 14), xlabel="measured, as a multiple of the claim",
       xticks=[0.03, 0.1, 1, 10], xticklabels=["nothing\nfound", "0.1", "1", "10"],
       yticks=lines, yticklabels=list(broken))
ax.minorticks_off()
ax.invert_yaxis()
ax.legend(loc="upper left", bbox_to_anchor=(1, 1))
plt.show()

# %%
lab.claim("all sixteen are caught where the lab looks, pass if repaired, are missed beside it",
          len(cages) == 16 and min(as_written) > 1 and max(repaired) <= 1 and max(beside) <= 1)
private = [cage.measure().epsilon / cage.look.epsilon for cage in ZOO.values() if cage.private]
lab.claim("two of the six sparse vectors keep their claim, as far as these audits see",
          len(private) == 2 and max(private) <= 1)

# %% [markdown]
# The **sparse vector** family deserves a word, because four of its six published versions fail.
# The idea is sound: watch a stream of counts,
# say only *above* or *below* a threshold, and pay for *above* alone.
# It needs noise on the threshold, noise on each answer that grows with how often it may say *above*,
# an end after that, and silence about everything else.
# Each failing version lacks at least one of these.
# `dp.SparseVector` has all four; version 4 is private as well, but with a larger epsilon than it claims.
#
# ## The attack again
#
# Back to the photos, now with all six ways of training in one picture,
# and with the ceilings of the private three.

# %% tags=["hide-input"] jupyter={"source_hidden": true}
# Draws: what an audit of private training measures, against the claim.
fig, axes = lab.plots.figure(8.2, 3.6, ncols=2, sharey=True)
for (epsilon, multiplier), style in zip(noise.items(), ("-", "--", ":")):
    ceiling = dp.most_true_positives(rates, mu=STEPS**0.5 / multiplier)
    axes[1].loglog(rates, ceiling, color=lab.GUARANTEE, ls=style,
                   label=f"ceiling, epsilon {epsilon}")
parts = zip(axes, (list(ways)[:3], list(ways)[3:]), ("no guarantee", "DP-SGD, delta 1e-5"))
for ax, names, title in parts:
    roc_plot(ax, [(f"attack, {name}", attacks[name], colours[name]) for name in names])
    ax.set(title=title, ylabel="members found" * (ax is axes[0]))
    ax.legend(loc="lower right", fontsize=8)
plt.show()


# %%
def share(value):
    return f"{value:.0%}" if value >= 0.01 else f"{value:.1%}"


print("             right about   members found           right on")
print("             pairs         at 1 %     at 0.1 %     new photos")
for name, each in attacks.items():
    at_1, at_01 = (share(each.true_positives_at(rate)) for rate in (0.01, 0.001))
    print(f"{name:12} {each.auc:6.0%} {at_1:>13} {at_01:>11} {accuracy[name]:14.0%}")

# %%
lab.claim("at epsilon 2 the attack is right about under 57 % of pairs, where it was over 75 %",
          attacks["epsilon 2"].auc < 0.57 and attacks["overfit"].auc >= 0.75)
under = []
for epsilon, multiplier in noise.items():
    for rate in (0.001, 0.01, 0.1):
        by_chance = 4 * np.sqrt(rate / (~members).sum())  # that the rate is off
        ceiling = dp.most_true_positives(rate + by_chance, mu=STEPS**0.5 / multiplier)
        under.append(attacks[f"epsilon {epsilon}"].true_positives_at(rate) <= ceiling)
lab.claim("and under DP-SGD it stays below the ceiling at 0.1 %, 1 % and 10 % false alarms",
          all(under))
before, control, after = (attacks[name].auc for name in ("overfit", "clip only", "epsilon 2"))
lab.claim("but more of the fall came from stopping early and clipping than from the noise",
          before - control > control - after, overfit=round(before, 2),
          clip_only=round(control, 2), epsilon_2=round(after, 2))

# %% [markdown]
# That last line is the honest reading of many papers' figures:
# a defence that beats an attack may owe it to anything.
# Ask for the control.
#
# And the eight photos?
# Here is a model trained at epsilon 2.
# The same ones were in its training set; see whether you could tell:

# %%
show(ways["epsilon 2"], eight)
flipped = {name: roc(guess[name][:, mislabelled], members[:, mislabelled]).auc
           for name in ("overfit", "epsilon 2")}
lab.claim("mislabelled photos, which the overfitted model gives away, are hidden at epsilon 2",
          flipped["overfit"] > 0.98 and flipped["epsilon 2"] < 0.65,
          overfit=round(flipped["overfit"], 2), epsilon_2=round(flipped["epsilon 2"], 1))

# %% [markdown]
# ## Check yourself
#
# **1.** Write the attack for one photo:
# a function of how sure the model in question is (log-odds, one number),
# how sure the shadow models are that had the photo (an array), and those that had not (an array).
# It returns the log of the ratio of the two normal densities: above 0 says *in*.
# `norm` is at hand.

# %%
evidence = ...

check("one photo", evidence);

# %% [markdown] tags=["solution"]
# <details><summary>Solution</summary>
#
# Fit one normal curve to each group of shadows, and compare how well the number fits either.
#
# ```python
# def evidence(sure, with_photo, without_photo):
#     inside = norm.logpdf(sure, np.mean(with_photo), np.std(with_photo))
#     return inside - norm.logpdf(sure, np.mean(without_photo), np.std(without_photo))
#
#
# check("one photo", evidence);
# ```
#
# </details>

# %% [markdown]
# **2.** A model is trained with pure epsilon 1 (delta 0).
# An attacker may accuse one outsider in a hundred.
# At most which share of the members can any attack find?

# %%
share = ...

check("ceiling at one percent", share);

# %% [markdown] tags=["solution"]
# <details><summary>Solution</summary>
#
# At most $e^{1}$ times the share of others accused.
#
# ```python
# share = np.exp(1) * 0.01
# check("ceiling at one percent", share);
# ```
#
# </details>

# %% [markdown]
# **3.** Write your own audit: a function of how often an event was seen with the person and without,
# the number of runs on each side, and delta,
# that returns a lower bound on epsilon with 95 % confidence (2.5 % for each of the two intervals).
# `low` and `high` from above are at hand.

# %%
bound_from_counts = ...

check("your own audit", bound_from_counts);

# %% [markdown] tags=["solution"]
# <details><summary>Solution</summary>
#
# The low end with the person, less delta, over the high end without.
#
# ```python
# def bound_from_counts(hits_with, hits_without, runs, delta):
#     found = low(hits_with, runs, 0.025) - delta
#     return max(0.0, np.log(found / high(hits_without, runs, 0.025))) if found > 0 else 0.0
#
#
# check("your own audit", bound_from_counts);
# ```
#
# </details>

# %% [markdown]
# **4.** Which of the six sparse-vector algorithms keep the epsilon that they claim?
# Give their numbers as a set, such as `{3, 4}`.

# %%
keep = ...

check("sparse vectors that keep their claim", keep);

# %% [markdown] tags=["solution"]
# <details><summary>Solution</summary>
#
# Number 4 is private too, but with a larger epsilon than it claims.
#
# ```python
# keep = {1, 2}
# check("sparse vectors that keep their claim", keep);
# ```
#
# </details>

# %% [markdown]
# **5.** Four programs publish the mean of 1,000 salaries, each between 0 and 100,000, and claim epsilon 1
# (replacing one person).
# Which of them does *not* make a mistake?
#
# - **A** clips the salaries to the range from their smallest to their largest,
#   and adds Laplace noise made for that range.
# - **B** clips each salary to 0 ... 100,000, and adds Laplace noise of scale 100 to the mean.
# - **C** clips the mean to 0 ... 100,000, and adds Laplace noise of scale 100.
# - **D** does as B, but draws its noise anew until the result lies between 20,000 and 60,000.

# %%
program = ...

check("three mistakes", program);

# %% [markdown] tags=["solution"]
# <details><summary>Solution</summary>
#
# A reads its bounds off the data.
# C clips at the wrong end: nothing bounds what one salary does to the mean.
# D's chance of being accepted depends on the data:
# cut off like that, an answer may cost up to twice the epsilon.
# In B one salary moves the mean by at most 100,000 / 1,000 = 100, and the noise has that scale.
#
# ```python
# program = "B"
# check("three mistakes", program);
# ```
#
# </details>

# %% [markdown]
# **6.** A vendor claims epsilon 1.
# Your audit with 100,000 runs finds at least 0.4, with 99.99 % confidence.
# What may you write?
#
# - **A** The mechanism is private with epsilon 1.
# - **B** Its epsilon is about 0.4.
# - **C** Its epsilon is at least 0.4; whether it is at most 1 the audit cannot say.
# - **D** The audit failed: it should have found 1.

# %%
letter = ...

check("what a pass means", letter);

# %% [markdown] tags=["solution"]
# <details><summary>Solution</summary>
#
# A lower bound says nothing about how large epsilon may be.
# Only a proof bounds it from above.
#
# ```python
# letter = "C"
# check("what a pass means", letter);
# ```
#
# </details>

# %% [markdown]
# ## What the article says
#
# *(Optional. 15 minutes.)*
# What article B (*privacy-protection mechanisms for applications of large models*) says, run.
#
# **B12.** *A classifier answers with the sign of its margin plus Laplace noise,
# epsilon 1, clamped to $[-1, 1]$; that is differential privacy.*
# Here it tells benign tumours from malignant ones.
# First, what does clamping do to a sign?

# %%
cancer = datasets.breast_cancer()
tumours = np.column_stack([cancer.X, np.ones(len(cancer))])
tumours /= np.linalg.norm(tumours, axis=1, keepdims=True)

from sklearn.linear_model import LogisticRegression

classifier = LogisticRegression(C=1000, fit_intercept=False, solver="newton-cholesky")
theta = classifier.fit(tumours, cancer.y).coef_[0]
margin = tumours @ theta


def private_answer(times=1):
    return np.sign(margin + rng.laplace(scale=1.0, size=(times, len(margin))))


once = private_answer()
lab.claim("the clamp changes nothing: every answer was -1 or 1 before it",
          np.array_equal(np.clip(once, -1, 1), once))

# %%
asked_again = np.sign(private_answer(times=101).sum(axis=0))
differ, differ_still = (np.mean(each != np.sign(margin)) for each in (once[0], asked_again))
lab.claim("one answer is nearly always the model's own decision; the majority of 101 more so",
          differ_still < differ < 0.05, differ_after_1=f"{differ:.1%}",
          differ_after_101=f"{differ_still:.1%}")

# %% [markdown]
# And even a single answer: nothing bounds how far one patient moves the margin.
# One patient's diagnosis is mistyped;
# the model is trained with that patient or without, and asked once about them.

# %%
cage = ZOO["B12: the sign of a noisy margin"]
lab.claim("a single answer about a mistyped patient refutes epsilon 1; repaired, it does not",
          cage.measure().epsilon > 2 > 1 >= cage.measure(repaired=True).epsilon,
          article="B12", verdict="does not hold", claimed=1,
          at_least=round(cage.measure().epsilon, 1))

# %% [markdown]
# The weights themselves were never protected: whoever holds them needs no question at all.
# The repair in the zoo clips the patients' records, regularises,
# and adds Gaussian noise to the weights (output perturbation; Chaudhuri, Monteleoni and Sarwate, 2011).
# Answers are then free, however many.
#
# **B15.** *A training loop that adds normal noise to the predictions after the optimiser's step,
# and clips them to $[-1, 1]$, is training with differential privacy.*
# Lab 05 runs it beside training without the two lines.
# Here is the audit.
# First: do the lines do anything?

# %%
from labkit.dp.zoo import models as recipes

data, joined = recipes.digits_with_canaries(np.random.default_rng(15))
recipe = recipes.train_and_blur_the_predictions
with_lines, without_lines = (recipe(*data, np.random.default_rng(1), blur=blur)
                             for blur in (True, False))
pairs = zip(with_lines.parameters(), without_lines.parameters())
lab.claim("bit for bit, the weights are those of training without protection",
          all(torch.equal(a, b) for a, b in pairs))

# %% [markdown]
# So whoever reads the weights sees all of it: a thousand canaries, each in by a coin, audited from one run.
# But perhaps the weights stay secret, and people only get noisy answers?
# Then it depends on how often one may ask.
# (Epsilon at delta 1e-8, from one run, 95 % confidence.)

# %%
asked = recipes.WHICH, recipes.LABELS
source = np.random.default_rng(2)
bounds = {}
for times in (1, 10, 100, 1000):
    answers_seen = [recipes.noisy_answers(with_lines, source)[asked] for _ in range(times)]
    mean = np.mean(answers_seen, axis=0)
    bounds[times] = dp.one_run_bound(mean, joined, delta=1e-8).epsilon
print("\n".join(f"{times:4} noisy answers about each record: epsilon at least {bound:.1f}"
                for times, bound in bounds.items()))

# %%
cage = ZOO["B15: noise on the predictions while training"]
lab.claim("the weights refute epsilon 1; so do noisy answers, once asked for a hundred times",
          cage.measure().epsilon > 3 and bounds[1] < 1 < bounds[100] < bounds[1000],
          article="B15", verdict="does not hold",
          weights_at_least=round(cage.measure().epsilon, 1))

# %% [markdown]
# Noise in the wrong place is no noise.
# The repair is one line of the zoo again: clip each gradient and add the noise to their sum, which is DP-SGD.
#
# There is another repair, which keeps the article's idea: noise on *predictions*.
# It asks what one person can change in a prediction, and counts the answers.
# Cut the private photos into 100 shards, so that each photo is in one, and train 100 **teachers**.
# Ask them about photos that are *public*.
# Each teacher has one vote, so one person moves one vote:
# the counts of two digits change by 1, which is a length of $\sqrt 2$.
# Add Gaussian noise to the counts, tell only the winner,
# charge the budget, and train a **student** on the answers.
# This is PATE (Papernot and others, 2017 and 2018).
# With 12 photos to learn from, a teacher reads every second photo.

# %%
lab.predict("How many percent of new photos does the student of a hundred such teachers read, at epsilon 3?",
            low=0, high=100)

# %%
secret, public = order[:1200], order[1200:]
shards = secret.reshape(100, 12)


def means_of(photos, labels):
    """The mean of each digit; one that is not among the photos is never the nearest."""
    return np.array([digits.X[photos[labels == digit]].mean(axis=0) if digit in labels
                     else np.full(64, 99.0) for digit in range(10)])


def nearest(means, photos):
    return (digits.X[photos] @ means.T - (means**2).sum(axis=1) / 2).argmax(axis=1)


teachers = [means_of(shard, digits.y[shard]) for shard in shards]
asked, unseen = public[:100], public[100:]
votes = np.column_stack([nearest(teacher, asked) for teacher in teachers])

# %%
budget = dp.Budget(epsilon=3, delta=1e-5)
spread = dp.vote_sigma(epsilon=3, delta=1e-5, questions=100)
price = dp.vote_event(sigma=spread, questions=100)
told = budget.ask(dp.noisy_vote, votes, candidates=10, sigma=spread, price=price, rng=rng)
student = means_of(asked, told)
budget

# %%
def reads(means):
    return np.mean(nearest(means, unseen) == digits.y[unseen])


alone, everything = np.mean([reads(each) for each in teachers]), means_of(secret, digits.y[secret])
lab.truth(round(100 * reads(student)), "%")
lab.claim(f"the student reads {reads(student):.0%} of new photos at epsilon 3 (delta 1e-5, PLD, one "
          "photo added, removed or replaced), and more than its teachers do one by one",
          reads(student) > 2 / 3 and reads(student) > alone, article="B15",
          verdict="holds once repaired", noise_in_votes=round(spread),
          student=round(reads(student), 2), one_teacher=round(alone, 2),
          without_privacy=round(reads(everything), 2))
try:
    budget.ask(dp.noisy_vote, votes[:1], candidates=10, sigma=spread,
               price=dp.vote_event(sigma=spread, questions=1))
except dp.BudgetExceeded as refusal:
    print(refusal)

# %% [markdown]
# One more question is refused, and the student may be asked for ever: it has never seen a private photo.
# Where most teachers agree, so much noise changes nothing: what many know is not a secret of anybody.
# What the article lacked were the three things that this takes:
# a bound on what one person can change, an account, and something public to learn from.
# (It takes many people, too: with 1,200 photos a teacher has a dozen.)
#
# ## Limits and further reading
#
# - **An audit never proves privacy.**
#   It bounds epsilon from below, for the inputs, canaries and questions that somebody chose.
#   The zoo shows sixteen ways to choose badly.
# - **Our attacker is strong.**
#   It knows which other photos may be in the data and trains shadows on the same 500.
#   A real one has less.
#   Privacy is promised against the strong one, so that nobody needs to guess how weak the real one is.
# - **These models are small, and overfitted on purpose.**
#   How much a large model leaks about typical records has to be measured on
#   that model; lab 13 does it for text.
# - **The Gaussian reading assumes Gaussian hills** when it is turned into an epsilon,
#   and one-run audits are looser than many runs.
# - **Membership is one question.**
#   Attributes, and whole records, can leak too (labs 08 and 13);
#   epsilon bounds those as well, an AUC of membership does not.
# - **Choosing the defence by looking at this attack
#   on the private data** is itself a computation on the private data.
#
# Primary sources:
#
# - Yeom, Giacomelli, Fredrikson, Jha,
#   [*Privacy Risk in Machine Learning*](https://arxiv.org/abs/1709.01604), CSF 2018.
# - Carlini, Chien, Nasr, Song, Terzis, Tramèr,
#   [*Membership Inference Attacks From First Principles*](https://arxiv.org/abs/2112.03570), IEEE S&P 2022.
# - Jagielski, Ullman, Oprea,
#   [*Auditing Differentially Private Machine Learning*](https://arxiv.org/abs/2006.07709), NeurIPS 2020.
# - Nasr, Hayes, Steinke, Balle, Tramèr, Jagielski, Carlini,
#   Terzis, [*Tight Auditing of Differentially Private Machine Learning*](https://arxiv.org/abs/2302.07956),
#   USENIX Security 2023.
# - Steinke, Nasr, Jagielski,
#   [*Privacy Auditing with One (1) Training Run*](https://arxiv.org/abs/2305.08846), NeurIPS 2023.
# - Cebere, Erb, Desfontaines, Bellet, Fitzsimons,
#   [*Privacy in Theory, Bugs in Practice*](https://arxiv.org/abs/2602.17454), PoPETs 2026:
#   thirteen violations in twelve libraries.
# - Ding, Wang, Wang, Zhang, Kifer,
#   [*Detecting Violations of Differential Privacy*](https://arxiv.org/abs/1805.10277), CCS 2018.
# - Papernot, Song, Mironov, Raghunathan, Talwar, Erlingsson,
#   [*Scalable Private Learning with PATE*](https://arxiv.org/abs/1802.08908), ICLR 2018.
# - Korolova, Kenthapadi, Mishra, Ntoulas,
#   *Releasing Search Queries and Clicks Privately*, WWW 2009: the threshold on a table.
# - Lyu, Su, Li,
#   [*Understanding the Sparse Vector Technique for Differential Privacy*](https://arxiv.org/abs/1603.01699),
#   PVLDB 2017.
# - Chua, Ghazi, Kamath, Kumar, Manurangsi, Sinha, Zhang,
#   [*How Private are DP-SGD Implementations?*](https://arxiv.org/abs/2403.17673),
#   ICML 2024: shuffled is not Poisson.
# - Dong, Roth, Su, [*Gaussian Differential Privacy*](https://arxiv.org/abs/1905.02383), JRSS B 2022.
# - Chaudhuri, Monteleoni, Sarwate,
#   [*Differentially Private Empirical Risk Minimization*](https://arxiv.org/abs/0912.0071), JMLR 2011.
