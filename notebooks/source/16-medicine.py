# ---
# jupyter:
#   kernelspec: {display_name: Python 3, language: python, name: python3}
# ---

# %% [markdown]
# # 16 · Medicine: may we train together, may we publish the curve?
#
# *About 75 minutes, all of it required.
# You need lab 03: epsilon, sensitivity, Laplace noise.
# Labs 07 and 08 help.
# Terms are also explained in the [glossary](00-start-here.ipynb#Glossary).*
#
# > **Memo.** Four hospitals are asked to train one model that says who needs an angiogram.
# > No record leaves a hospital, only gradients do.
# > One of them also wants to print the survival curve of a study, for all patients and for small groups.
# > The ethics board must say whether the hospitals may join, and which curve may go out.
#
# **Afterwards you can** read a hospital's share of ill patients off its first message,
# say for which hospitals joining pays, turn a printed survival curve back
# into a table of patients, publish one that cannot be turned back, and sign a decision with numbers in it.

# %%
import matplotlib.pyplot as plt
import numpy as np
from scipy.special import expit

from labkit import datasets, dp, lab
from labkit.attacks.survival_curve import read_curve
from labkit.exercises.lab_16 import check
from labkit.federated import noisy_gradient, train_logistic
from labkit.federated.secure_aggregation import Agreement, FixedPoint, secure_sum
from labkit.models.survival import kaplan_meier, life_table, survival_of

heart = datasets.heart_disease()
ill, names = heart.y, np.unique(heart.groups)
of = {name: np.flatnonzero(heart.groups == name) for name in names}
people = datasets.survival().table
print(f"{len(ill)} patients of {len(names)} hospitals; {len(people):,} people of a survival study")

# %% [markdown]
# The patients are real, and long known to science: both sets were published for research, without names.
#
# ## What goes wrong
#
# A hospital that trains with others sends a **gradient**: by how much each weight of the model should move.
# Here the model is a logistic regression with an intercept, and nothing has been learned yet.
# So each patient's predicted risk is one half.

# %%
lab.predict("What does the last number of that gradient say about the hospital?",
            choices=["nothing", "how many patients it has", "what share of them is ill"])

# %%
rows = np.c_[heart.X, np.ones(len(ill))]  # the last column is for the intercept


def first_gradient(some):
    """The gradient of the logistic loss at the start, summed over some patients."""
    return rows[some].T @ (0.5 - ill[some])


read = {name: 0.5 - first_gradient(of[name])[-1] / len(of[name]) for name in names}
true = {name: ill[of[name]].mean() for name in names}

# %%
for name in names:
    print(f"{name:12} read from the gradient {read[name]:6.1%}   true {true[name]:6.1%}   "
          f"guess, the mean of all {ill.mean():.1%}")
exactly = max(abs(read[name] - true[name]) for name in names) < 1e-6
lab.truth("what share of them is ill" if exactly else "nothing")
lab.claim("the first gradient is the hospital's share of ill patients, to the last digit",
          max(abs(read[name] - true[name]) for name in names) < 1e-6,
          a_guess_is_off_by_up_to=max(abs(ill.mean() - true[name]) for name in names))

# %% [markdown]
# (The last entry adds up one half for each patient, and takes away 1 for each ill one.)
# The number of ill patients may be a trade secret, and it is the first thing that was sent.
#
# "Then we add the gradients up in secret."
# With the **secure sum** of lab 08 the server learns the sum of the four and nothing else.
# On the second day the Swiss line is down, and three hospitals train.
# Here is what the server knows then:

# %%
code = FixedPoint(largest=400.0, clients=4)
coded = np.array([code.encode(first_gradient(of[name])) for name in names])


def add_up(drop_outs=None):
    """The sum of the gradients of those who stay, by messages that look random; and who stayed."""
    agreement = Agreement(clients=4, threshold=3, length=rows.shape[1])
    outcome = secure_sum(coded, agreement, drop_outs=drop_outs)
    return code.decode(outcome.total), outcome.included


monday, all_four = add_up()
tuesday, three = add_up(drop_outs={3: 3})
swiss = len(of["Switzerland"])
found = swiss / 2 - (monday - tuesday)[-1]

# %%
print(f"Monday: {len(all_four)} hospitals; Tuesday: {len(three)}")
lab.claim("the secure sum keeps its promise, and Monday less Tuesday is one hospital's gradient",
          abs(found - ill[of["Switzerland"]].sum()) < 0.01, ill_in_Switzerland=round(found), of=swiss)

# %% [markdown]
# Now the curve.
# A **survival curve** tells which share of the people is still alive after so many days.
# Kaplan and Meier (1958) have a way to draw it although some people leave the study alive: on each day
# with a death it falls by the factor $1 - d / n$, where $d$ people die of the $n$ who are still watched.
#
# Here is the curve of the 102 people who were 90 or older.
# It is printed with the number 102 beside it, as the journals ask.

# %%
oldest = people[people.age >= 90]
curve = kaplan_meier(oldest.days, oldest.death)

# %% tags=["hide-input"] jupyter={"source_hidden": true}
# Draws: the survival curve as a journal prints it.
fig, ax = lab.plots.figure(8.2, 2.6)
ax.step(np.r_[0, curve.day / 365.25], np.r_[1, curve.survival], where="post", color=lab.PLAIN)
ax.set(xlabel="years since the blood test", ylabel="alive", ylim=(0, 1.02), xlim=(0, 14),
       title="People of 90 and over, n = 102")
lab.plots.percent(ax)
plt.show()

# %% [markdown]
# A picture, no names, no table.
# The trivial attacker assumes that nobody ever leaves the study: then every number follows from 102.

# %%
lab.predict("At how many of the curve's 94 steps can a program work out how many died, and how many were "
            "still watched?", low=0, high=94)

# %%
def steps_read(digits):
    """Steps of which deaths and number at risk are read exactly, from the curve rounded to some digits."""
    printed = curve.survival if digits is None else np.round(curve.survival, digits)
    steps = read_curve(printed, at_start=len(oldest), digits=digits)
    return int(((steps.deaths == curve.deaths) & (steps.at_risk == curve.at_risk)).sum())


nobody_leaves = len(oldest) - np.r_[0, np.cumsum(curve.deaths)[:-1]]
trivial = int((nobody_leaves == curve.at_risk).sum())
right = {digits: steps_read(digits) for digits in (None, 4, 3, 2)}
alone = int((curve.deaths == 1).sum())

# %%
lab.truth(right[None], "of 94")
lab.claim("an exact curve is a table of patients: every step is read", right[None] == len(curve.day),
          read=right[None], of=len(curve.day), nobody_leaves=trivial)

# %%
lab.claim("four digits change nothing, and fewer digits hide only the later patients",
          right[4] == len(curve.day) and right[2] >= 10 and right[3] > 30,
          four_digits=right[4], three=right[3], two=right[2])
lab.claim("nearly every death is alone on its day", alone > 0.9 * curve.deaths.sum(),
          alone=alone, of=int(curve.deaths.sum()))

# %% [markdown]
# Each step is a fraction of two whole numbers, and only one pair fits.
# (Statisticians use this in good faith, to pool studies whose data they cannot get: Guyot and others, 2012.)
# Whoever knows the day of a death from a newspaper has found the patient's line.
#
# ## The idea
#
# The unit of privacy is **one patient**: neighbouring data sets differ in one patient, added or removed.
#
# * **The gradient.** Each patient's gradient is cut to a length (L2 norm) of at most $C$.
#   Then one patient moves the sum by at most $C$, and Gaussian noise on the *sum* covers her.
#   Each hospital adds its part of the noise before the secure sum.
# * **The curve.** Noise on the curve itself would be large: a death moves every later point.
#   But the curve is a function of a **life table**: how many died, and how many left alive, in each quarter.
#   A patient is in exactly one cell of that table.
#   So the sensitivity is 1.
#   Laplace noise of scale $1/\varepsilon$ on each cell is enough,
#   and the curve is drawn from the noisy table.
#
# **Predict:** does a curve with four times as many intervals cost four times the epsilon?
#
# <details><summary>Answer</summary>
#
# No. A patient is in one cell, however many there are: it costs the same epsilon.
# It costs accuracy, because more noisy numbers are added up on the way to each point.
#
# </details>
#
# ## Build it

# %%
WIDTH, INTERVALS = 90, 60  # quarters, for fifteen years: from the plan of the study, not from the data


def private_curve(days, died, epsilon, rng):
    """The share alive at the end of each quarter; add or remove one patient, delta 0."""
    quarter = np.minimum((days - 1) // WIDTH, INTERVALS - 1)
    table = [np.bincount(quarter[died == each], minlength=INTERVALS) for each in (1, 0)]
    deaths, left = dp.geometric(np.array(table), sensitivity=1, epsilon=epsilon, rng=rng)
    watched = np.cumsum((deaths + left)[::-1])[::-1] - np.maximum(left, 0) / 2
    share = np.divide(deaths, watched, out=np.zeros(INTERVALS), where=watched > 0)
    return np.minimum.accumulate(np.cumprod(1 - np.clip(share, -0.5, 1)).clip(0, 1))


mine = private_curve(people.days.to_numpy(), people.death.to_numpy(), 1.0, np.random.default_rng(16))

# %% [markdown]
# The last three lines see nothing but noisy numbers: post-processing, free of charge.
# (`dp.geometric` is Laplace noise in whole numbers, lab 03.)
# Who leaves within a quarter is counted as watched for half of it.
# The package has the same in two functions:

# %%
table = dp.private_life_table(people.days, people.death, width=WIDTH, intervals=INTERVALS, epsilon=1.0,
                              rng=np.random.default_rng(16))
lab.claim("the package draws the same curve from the same noise", np.allclose(mine, survival_of(table)))

# %% [markdown]
# And one round of private training.
# All rows are scaled to length 1, so that a patient's gradient is at most 1 long; it is cut to 0.5.

# %%
CLIP, ROUNDS, DELTA = 0.5, 60, 1e-4  # delta is far below one over the number of patients
unit = rows / np.linalg.norm(rows, axis=1, keepdims=True)


def noisy_sum(weights, some, noise_multiplier, rng):
    """The sum of the patients' cut gradients, with noise for one patient."""
    gradients = (expit(unit[some] @ weights) - ill[some])[:, None] * unit[some]
    noise = rng.normal(0, noise_multiplier * CLIP, len(weights))
    return dp.clip(gradients, max_grad_norm=CLIP).sum(axis=0) + noise


hospitals = [(unit[of[name]], ill[of[name]]) for name in names]
weights = np.random.default_rng(1).normal(size=rows.shape[1])
apart = noisy_gradient(weights, hospitals, max_grad_norm=CLIP, noise_multiplier=0.0)
lab.claim("four sums added up are the sum over all patients",
          np.allclose(apart, noisy_sum(weights, np.arange(len(ill)), 0.0, np.random.default_rng(0))))

# %% [markdown]
# So training together on gradients, one step a round, *is* training on the pooled records.
# How much noise do 60 rounds take?
# Every patient is in every round: no sampling helps.

# %%
NOISE = {epsilon: dp.noise_multiplier_for(epsilon=epsilon, delta=DELTA, sample_rate=1.0, steps=ROUNDS)
         for epsilon in (0.5, 1.0, 3.0, 8.0)} | {np.inf: 0.0}
print("noise in units of the cut:", {epsilon: round(each, 1) for epsilon, each in NOISE.items()})

# %% [markdown]
# (Add or remove one patient, delta $10^{-4}$ for all rounds together, PLD accountant,
# see the [glossary](00-start-here.ipynb#Glossary).)
#
# ## Use the real thing
#
# [OpenDP](https://opendp.org) has the noise for the table,
# and says what epsilon a patient has who is in several cells.
# Suppose that a patient was admitted twice, and is in the table twice.

# %%
lab.predict("What epsilon does the library promise such a patient, if it is 1 for a patient in one cell?",
            low=0.0, high=4.0)

# %%
import opendp.prelude as opendp

opendp.enable_features("contrib")
cells = opendp.vector_domain(opendp.atom_domain(T=int)), opendp.l1_distance(T=int)
theirs = opendp.m.make_laplace(*cells, scale=1.0)
exact_table = life_table(people.days, people.death, width=WIDTH, intervals=INTERVALS)
noisy = np.array(theirs(exact_table.ravel().tolist())).reshape(2, -1)
twice = theirs.map(2)

# %%
lab.truth(twice)
lab.claim(f"for a patient in one cell the library confirms epsilon 1, for one in two cells it says {twice:g}",
          theirs.map(1) == 1.0 and twice == 2.0)
lab.claim("its curve is as good as ours",
          np.abs(survival_of(noisy) - survival_of(exact_table))[:50].max() < 0.02)

# %% [markdown]
# So keep one line for a patient, and not for a stay.
#
# For the hospitals there is Flower, as in lab 09.
#
# ## What it costs
#
# First the training: does it pay to join?
# Each hospital holds back 30 % of its patients to test on.
# The score is the **AUC**, the chance that an ill patient is ranked above a healthy one: 0.5 is guessing.
# We ask what joining *adds* to what a hospital can do alone.
# Who gains when each hospital has ten patients to learn from?
# And when each uses all it has?

# %%
def split(number, most):
    """For each hospital: at most so many patients to train on, and those to test on."""
    rng, training, testing = np.random.default_rng(number), [], []
    for name in names:
        piles = [rng.permutation(of[name][ill[of[name]] == each]) for each in (0, 1)]
        cuts = [round(0.7 * len(pile)) for pile in piles]
        training.append(rng.permutation(np.concatenate([p[:cut] for p, cut in zip(piles, cuts)]))[:most])
        testing.append(np.concatenate([p[cut:] for p, cut in zip(piles, cuts)]))
    return training, testing


def auc(weights, some):
    """The chance that an ill patient is ranked above a healthy one."""
    risk = unit[some] @ weights
    above = risk[ill[some] == 1][:, None] - risk[ill[some] == 0]
    return np.mean((above > 0) + 0.5 * (above == 0))


# %%
def train(parts, epsilon, seed):
    """Weights of a model that the owners of these patients train together; epsilon infinite: no privacy."""
    clients = [(unit[part], ill[part]) for part in parts]
    return train_logistic(clients, patients=sum(map(len, parts)), rounds=ROUNDS, learning_rate=10.0,
                          max_grad_norm=CLIP, noise_multiplier=NOISE[epsilon],
                          rng=np.random.default_rng(seed))


SIZES = {"10": 10, "20": 20, "40": 40, "80": 80, "all": 1000}


def gains(most, epsilon, splits=24):
    """AUC together less AUC alone: one row a split, one column a hospital."""
    out = []
    for number in range(splits):
        training, testing = split(number, most)
        together = train(training, epsilon, number)
        out.append([auc(together, test) - auc(train([own], np.inf, 0), test)
                    for own, test in zip(training, testing)])
    return np.array(out)


gain = {(size, epsilon): gains(most, epsilon).mean(axis=0)
        for size, most in lab.progress(SIZES.items(), "training") for epsilon in (np.inf, 8.0, 1.0)}

# %% tags=["hide-input"] jupyter={"source_hidden": true}
# Draws: what joining adds, by size and by epsilon.
fig, axes = lab.plots.figure(8.2, 3.2, ncols=2, sharey=True)
for place, name in enumerate(names):
    axes[0].plot(list(SIZES), [gain[size, np.inf][place] for size in SIZES], marker="o", label=name,
                 color=lab.plots.SERIES[place])
for epsilon, colour, style in ((np.inf, lab.PLAIN, "-"), (8.0, lab.PRIVATE, ":"), (1.0, lab.PRIVATE, "-")):
    axes[1].plot(list(SIZES), [gain[size, epsilon].mean() for size in SIZES], marker="o", color=colour,
                 ls=style, label="no noise" if epsilon == np.inf else f"epsilon {epsilon:g}")
for ax, title in zip(axes, ("Without noise, by hospital", "Mean of the four, with privacy")):
    lab.plots.baseline(ax, 0, "stay alone")
    ax.set(title=title, xlabel="patients to learn from in each hospital")
    ax.legend(fontsize=8, ncols=2)
axes[0].set_ylabel("AUC together less alone")
plt.show()

# %%
beach = list(names).index("Long Beach")
few, many = gain["10", np.inf], gain["all", np.inf]
swiss_place = list(names).index("Switzerland")
large = np.delete(many, [beach, swiss_place])  # Cleveland and Hungary
lab.claim("with ten patients each joining pays, for the four on average and for three or all of them",
          few.mean() > 0.025 and (few > 0).sum() >= 3, mean=few.mean(), least=few.min())
lab.claim("with all they have Long Beach gains, and the two largest do not",
          many[beach] > 0.01 and large.max() < 0.01, Long_Beach=many[beach], best_of_the_two=large.max())
lab.claim("who needs the others most can afford privacy least: with ten patients each, epsilon 1 loses more "
          "than joining brings, and epsilon 8 takes most of it or all",
          gain["10", 1.0].mean() < 0 and gain["10", 8.0].mean() < 0.6 * few.mean(),
          epsilon_1=gain["10", 1.0].mean(), epsilon_8=gain["10", 8.0].mean())
lab.claim("with all patients Long Beach gains even at epsilon 1", gain["all", 1.0][beach] > 0,
          gain=gain["all", 1.0][beach])
lab.claim("with all patients epsilon 1 costs a point or two",
          0 < many.mean() - gain["all", 1.0].mean() < 0.03, price=many.mean() - gain["all", 1.0].mean())

# %% [markdown]
# (Switzerland has eight healthy patients, two of them to test on: its AUC is luck.)
#
# Noise has one size, whatever it is added to.
# A sum over 40 patients drowns in it, a sum over 640 does not.
# So "may we join?" has no answer before somebody says *how many patients*.
#
# Then the curve.
# A curve from few people is uncertain by itself:
# its **standard error** (Greenwood's formula) says by how much.
# Noise that is smaller than that changes no conclusion.
# There are three groups: all 7,871 people, the 225 men of 80 and over, the 102 people of 90 and over.

# %%
lab.predict("For how many of the three groups is the noise at epsilon 1 smaller than the standard error?",
            low=0, high=3)

# %%
groups = {"all": people, "men of 80 and over": people[(people.sex == "M") & (people.age >= 80)],
          "90 and over": oldest}
EPSILONS = (0.1, 0.3, 1.0, 3.0)


def against_truth(group, width):
    """Exact curve at the ends of intervals, its standard error, and where 2 % (and five people) remain."""
    exact = kaplan_meier(group.days, group.death)
    ends = np.arange(width, 5400 + 1, width)
    watched = len(group) - np.searchsorted(np.sort(group.days), ends - width, "right")
    place, kept = np.searchsorted(exact.day, ends, "right"), watched >= max(5, 0.02 * len(group))
    return np.r_[1, exact.survival][place], np.r_[0, exact.standard_error][place], kept


def errors(group, epsilon, width=90, draws=20):
    """Largest error of the private curve, averaged over draws of the noise."""
    exact, _, kept = against_truth(group, width)
    table = life_table(group.days, group.death, width=width, intervals=5400 // width)
    rng = np.random.default_rng(3)
    return np.mean([np.abs(survival_of(dp.geometric(table, sensitivity=1, epsilon=epsilon, rng=rng))
                           - exact)[kept].max() for _ in range(draws)])


off = {name: [errors(group, epsilon) for epsilon in EPSILONS] for name, group in groups.items()}
own = {}
for name, group in groups.items():
    _, error, kept = against_truth(group, 90)
    own[name] = error[kept].max()

# %% tags=["hide-input"] jupyter={"source_hidden": true}
# Draws: error of the private curve beside the curve's own standard error.
fig, axes = lab.plots.figure(8.2, 2.8, ncols=3, sharey=True)
for ax, name in zip(axes, groups):
    ax.plot(EPSILONS, off[name], color=lab.PRIVATE, marker="o", label="private curve: largest error")
    ax.axhline(own[name], color=lab.PLAIN, label="exact curve: its own standard error")
    lab.plots.baseline(ax, 0.5, "no curve: 50 % everywhere")
    ax.set(yscale="log", title=f"{name}: {len(groups[name]):,}")
    lab.plots.privacy_axis(ax, label="epsilon")
    ax.set_xlabel("⟵ private  epsilon", size=9)
axes[0].set_ylabel("error of the curve")
fig.legend(*axes[0].get_legend_handles_labels(), loc="outside lower center", ncols=3, fontsize=9)
plt.show()

# %%
lab.truth(sum(off[name][2] < own[name] for name in groups), "of three")

# %%
lab.claim("for all people, the noise of a private curve at epsilon 1 is smaller than the exact curve's own "
          "standard error",
          off["all"][2] < own["all"], noise=off["all"][2], standard_error=own["all"])
lab.claim("for 102 people it is not: the noise is larger than the curve's own standard error",
          off["90 and over"][2] > 1.3 * own["90 and over"],
          noise=off["90 and over"][2], standard_error=own["90 and over"])
lab.claim("at epsilon 0.1 a curve of 102 people is no better than none", off["90 and over"][0] > 0.35,
          error=off["90 and over"][0])

# %% [markdown]
# For a small group, ask for less.
# Who needs the *curve*?
# Often one number is wanted: the share alive after a year.
# That is a life table of two intervals.

# %%
one_year = kaplan_meier(oldest.days, oldest.death)
exact_year = one_year.survival[one_year.day <= 365][-1]
rng = np.random.default_rng(5)
private_year = [survival_of(dp.private_life_table(oldest.days, oldest.death, width=365, intervals=2,
                                                  epsilon=1.0, rng=rng))[0] for _ in range(200)]
year_error = float(np.mean(np.abs(np.array(private_year) - exact_year)))

# %%
lab.claim("one number of the 102 survives epsilon 1", year_error < 0.6 * own["90 and over"],
          error=year_error, standard_error=own["90 and over"])

# %% [markdown]
# ## Tune it
#
# *Move the sliders: who gains by training together?*

# %% tags=["hide-input"] jupyter={"source_hidden": true}
# Draws: who gains by training together?
def joining(fig, patients, epsilon):
    """Who gains by training together?"""
    each = gains(SIZES[patients], epsilon, splits=10)
    mean, ax = each.mean(axis=0), fig.add_axes([0.1, 0.12, 0.87, 0.84])
    ax.bar(names, mean, color=lab.PLAIN if epsilon == np.inf else lab.PRIVATE, width=0.55)
    for place, column in enumerate(each.T):
        ax.plot(place + np.linspace(-0.2, 0.2, len(column)), column, "o", ms=3, color="#333333")
    lab.plots.baseline(ax, 0, "stay alone")
    ax.set(ylabel="AUC together less alone", ylim=(-0.5, 0.5))
    ax.legend(loc="upper right")
    noise = "without noise" if epsilon == np.inf else f"at epsilon {epsilon:g} (a patient, delta 1e-4)"
    told = ", ".join(f"{name} {value:+.2f}" for name, value in zip(names, mean))
    return (f"{patients} patients to learn from in each hospital, {noise}. Joining adds: {told}. "
            "Dots: ten ways to split the patients.")


lab.explore(joining, live=False, size=(8.2, 3.0), patients=list(SIZES),
            epsilon={"no noise": np.inf, "8": 8.0, "3": 3.0, "1": 1.0, "0.5": 0.5},
            labels={"patients": "patients each"})

# %% [markdown]
# **Question.** Try to find an epsilon at which joining pays for all four.
# Then look at the dots: would you see it in *one* split?
#
# <details><summary>Answer</summary>
#
# Hardly: with ten patients each the noise takes most of what joining brings or all of it,
# at epsilon 8 already.
# With all patients Long Beach gains even at epsilon 1, and the others have little to gain without any noise.
# One split proves nothing: with a few dozen test patients the dots lie far apart,
# and one of them would have told any story.
#
# </details>
#
# *Move the sliders: is this curve good enough to print?*

# %% tags=["hide-input"] jupyter={"source_hidden": true}
# Draws: is this curve good enough to print?
def printed(fig, group, epsilon, width):
    """Is this curve good enough to print?"""
    some, ends = groups[group], np.arange(width, 5400 + 1, width) / 365.25
    exact, error, kept = against_truth(some, width)
    table = life_table(some.days, some.death, width=width, intervals=5400 // width)
    noisy = survival_of(dp.geometric(table, sensitivity=1, epsilon=epsilon, rng=np.random.default_rng(8)))
    ax = fig.add_axes([0.09, 0.16, 0.88, 0.8])
    ax.fill_between(ends, exact - 1.96 * error, exact + 1.96 * error, color=lab.PLAIN, alpha=0.25,
                    label="what the exact curve is sure of (95 %)")
    ax.plot(ends, exact, color=lab.PLAIN, label="exact")
    ax.plot(np.r_[0, ends], np.r_[1, noisy], color=lab.PRIVATE, marker="o", ms=3, label="private")
    ax.set(xlabel="years", ylabel="alive", xlim=(0, 14.5), ylim=(-0.02, 1.05))
    lab.plots.percent(ax)
    ax.legend(loc="lower left" if exact[-1] > 0.5 else "upper right", fontsize=9)
    off, limit = np.abs(noisy - exact)[kept].max(), (error * kept).max()
    return (f"{len(some):,} people: the noise moves the curve by up to {off:.1%}, its own standard error is "
            f"{limit:.1%}. " + ("Print it, with the band." if off < limit else "Ask for less."))


lab.explore(printed, group=list(groups), epsilon=(0.1, 8.0, 1.0),
            width={"30 days": 30, "90 days": 90, "360 days": 360}, start={"width": 90},
            labels={"width": "one point every"})

# %% [markdown]
# **Question.** The 102 people, epsilon 1.
# Which width of the intervals helps, and why?
#
# <details><summary>Answer</summary>
#
# 360 days, the widest.
# The number still watched is a sum of noisy cells: with fewer cells there is less noise in it.
# At epsilon 1 the curve by years comes near its own standard error,
# the curve by months is off by twenty points.
# The privacy is the same.
#
# </details>
#
# ## The attack again
#
# The private curve goes through the same program.
# To make it easy, it is published day by day, with the number 102 beside it.

# %%
lab.predict("At how many of the 94 steps are both numbers right now?", low=0, high=94)

# %%
by_day = dp.private_life_table(oldest.days, oldest.death, width=1, intervals=5400, epsilon=1.0,
                               rng=np.random.default_rng(6))
steps = read_curve(survival_of(by_day)[curve.day - 1], at_start=len(oldest), digits=6)
right_private = int(((steps.deaths == curve.deaths) & (steps.at_risk == curve.at_risk)).sum())

# %%
lab.truth(right_private, "of 94")
lab.claim("no more of the private curve is read than by assuming that nobody leaves",
          right_private <= trivial, private=right_private, nobody_leaves=trivial)

# %% [markdown]
# The second attack is subtraction.
# The curve is published twice, and in between **one patient** of 90 or over is added to the study.
# The attacker wants her quarter, and whether she died.
# From exact curves he reads both tables.
# From private ones he does the best that can be done:
# he knows how common each cell is, knows the noise, and names the likeliest cell.
# Naming the commonest cell would be right about once in five.

# %%
ages = oldest.days.to_numpy(), oldest.death.to_numpy()
cells = life_table(*ages, width=WIDTH, intervals=INTERVALS).ravel()
common = cells / cells.sum()


def found_exactly(patient):
    """Does the difference of two exact curves, read as tables, show the patient's day of death?"""
    with_her, without = (kaplan_meier(*each) for each in (ages, [np.delete(a, patient) for a in ages]))
    both = []
    for exact, number in ((with_her, len(oldest)), (without, len(oldest) - 1)):
        steps = read_curve(exact.survival, at_start=number)
        both.append(dict(zip(exact.day.tolist(), steps.deaths.tolist())))
    more = [day for day in both[0] if both[0][day] > both[1].get(day, 0)]
    return more == ([ages[0][patient]] if ages[1][patient] else [])


some = np.random.default_rng(7).choice(len(oldest), 60, replace=False)
exact_found = np.mean([found_exactly(patient) for patient in some])

# %%
def found_privately(epsilon, draws=4000):
    """How often the likeliest cell is hers, from two noisy tables that differ by her."""
    rng, shrink = np.random.default_rng(9), np.exp(-epsilon)
    reach = np.arange(-300, 301)
    one = (1 - shrink) / (1 + shrink) * shrink ** np.abs(reach)
    log_two = np.log(np.convolve(one, one).clip(min=1e-300))  # of the difference of two noises, -600 to 600
    hers = rng.choice(len(common), draws, p=common)
    noise = rng.geometric(1 - shrink, (4, draws, len(common)))
    seen = noise[0] - noise[1] - noise[2] + noise[3]
    seen[np.arange(draws), hers] += 1
    seen = seen.clip(-599, 599) + 600
    score = np.log(common.clip(min=1e-300)) + log_two[seen - 1] - log_two[seen]
    return np.mean(score.argmax(axis=1) == hers)


ladder = (0.1, 0.3, 1.0, 3.0, 8.0)
found_at = [found_privately(epsilon) for epsilon in ladder]
ceiling = np.minimum(1, np.exp(ladder) * common.max())

# %% tags=["hide-input"] jupyter={"source_hidden": true}
# Draws: both attacks, on exact and on private curves, each beside its trivial answer.
fig, axes = lab.plots.figure(8.2, 3.1, ncols=2)
bars = {"exact": right[None], "4 digits": right[4], "3 digits": right[3], "2 digits": right[2],
        "private": right_private}
axes[0].bar(list(bars), list(bars.values()), color=[lab.ATTACKER] * 4 + [lab.PRIVATE])
axes[0].bar_label(axes[0].containers[0], size=9)
lab.plots.baseline(axes[0], trivial, "assume that nobody leaves")
axes[0].set(title="Steps of the curve read, of 94", ylim=(0, 125))
axes[0].legend(loc="upper right")
axes[1].axhline(exact_found, color=lab.ATTACKER, label="two exact curves")
axes[1].plot(ladder, found_at, color=lab.PRIVATE, marker="o", label="two private curves")
axes[1].plot(ladder, ceiling, color=lab.GUARANTEE, label="ceiling")
lab.plots.baseline(axes[1], common.max(), "name the commonest cell")
axes[1].set(title="One patient more: is she found?", ylim=(0, 1.45), yticks=np.arange(0, 1.1, 0.25))
lab.plots.privacy_axis(axes[1], label="epsilon a curve")
axes[1].set_xlabel("⟵ private   epsilon of each curve")
axes[1].legend(loc="upper left", fontsize=9, ncols=2)
lab.plots.percent(axes[1])
plt.show()

# %%
lab.claim("two exact curves show the patient between them", exact_found > 0.9, found=float(exact_found))
lab.claim("two private curves at epsilon 1 leave the best attacker at his first guess",
          found_at[2] < common.max() + 0.06, found=float(found_at[2]), guess=float(common.max()))
lab.claim("no attacker is above the ceiling, and at epsilon 8 there is nothing left of the promise",
          bool(np.all(found_at <= ceiling + 0.03)) and found_at[-1] > 0.9, epsilon_8=float(found_at[-1]))

# %% [markdown]
# (The ceiling: only one of the two curves has her in it, so no answer is more than $e^\varepsilon$ times
# as likely as it would be without her, and without her the best guess is the commonest cell.)
#
# And the hospital whose line was down?
# Now each sum carries noise for a patient, at epsilon 1 for all 60 rounds.
# The attacker subtracts the sums with and without Switzerland, in one round, and in all 60.
# Is the hospital's share of ill patients hidden?

# %%
def share_read(times, seed):
    """Switzerland's share of ill patients, from so many pairs of noisy sums with and without it."""
    rng, start = np.random.default_rng(seed), np.zeros(rows.shape[1])
    size = unit[of["Switzerland"], -1].mean()  # the intercept's part of a row; about the same for all

    def mean_of(some):
        return np.mean([noisy_gradient(start, some, max_grad_norm=CLIP, noise_multiplier=NOISE[1.0],
                                       rng=rng)[-1] for _ in range(times)])

    with_them, without = mean_of(hospitals), mean_of(hospitals[:3])
    return 0.5 - (with_them - without) / size / swiss


def off_by(times):
    return float(np.mean([abs(share_read(times, seed) - true["Switzerland"]) for seed in range(150)]))


off_once, off_always = off_by(1), off_by(ROUNDS)
off_guess = abs(ill.mean() - true["Switzerland"])

# %%
lab.claim("in one round the noise hides the hospital: a guess is about as good", off_once > 0.65 * off_guess,
          off_by=off_once, guessing=off_guess)
lab.claim("over sixty rounds it does not: the promise is for a patient, not for a hospital",
          off_always < 0.4 * off_guess, off_by=off_always)

# %% [markdown]
# That is no failure of the mechanism.
# A hospital is 123 patients, and nobody promised anything about 123 patients at once.
# If the *share* is the secret, say so before the training: fix who takes part, give up a round
# when one drops out, or make the noise for a hospital, and see that four hospitals cannot afford it.
#
# Now the record.
# These are this lab's numbers; change the choice and the reasons to yours.

# %%
record = lab.decision(
    "May the hospitals train together, and may the survival curve be published?",
    options=["train on plain gradients; publish all curves", "secure sum; curves rounded", "neither",
             "secure sum with noise for a patient; private curve for all, one number for small groups"],
    choice="secure sum with noise for a patient; private curve for all, one number for small groups",
    because="With all patients Long Beach gains even with noise, and who does not gain keeps its own model. "
            "The large curve is as good as the exact one. For 102 people one honest number says more.",
    numbers=[("share of ill patients read from a first gradient", "exactly, 4 of 4", "none"),
             ("mean gain of joining, ten patients each", f"{few.mean():+.3f} AUC", "none"),
             ("the same with noise", f"{gain['10', 1.0].mean():+.3f} AUC",
              "epsilon 1, delta 1e-4, a patient"),
             ("mean gain of joining, all patients, with noise", f"{gain['all', 1.0].mean():+.3f} AUC",
              "epsilon 1, delta 1e-4, a patient"),
             ("gain of Long Beach, all patients", f"{gain['all', 1.0][beach]:+.3f} AUC",
              "epsilon 1, delta 1e-4, a patient"),
             ("steps read from an exact curve", f"{right[None]} of {len(curve.day)}", "none"),
             ("error of the curve of 7,871", f"{off['all'][2]:.1%} (its own: {own['all']:.1%})",
              "epsilon 1, delta 0, a patient"),
             ("error of the share alive after a year, of 102", f"{year_error:.1%}",
              "epsilon 1, delta 0, a patient")],
    would_change=["hospitals with a few dozen patients: then epsilon 1 costs more than joining brings",
                  "a hospital whose share of ill patients is a secret: then no round with drop-outs"],
    risks=["a patient of two hospitals, or with two lines in the table, has twice the epsilon or more",
           "at full size Long Beach gains and the two largest do not: they join for its sake",
           "a patient of 90 or over is in the large curve and in the small number: epsilon 2 in all",
           "a curve renewed every year spends its epsilon every year"],
    sources=["Janosi and others 1989, heart disease (UCI)", "Dispenzieri and others 2012, flchain"],
    shown=["a share read from a gradient", "a drop-out undoes a secure sum", "patients read off a curve",
           "a private curve", "who gains by joining"])
record

# %% [markdown]
# ## Check yourself
#
# **1.** A hospital has 200 patients.
# The intercept's entry of its first gradient, summed over the patients, is $-37$.
# How many of the 200 are ill?

# %%
number_ill = ...
check("the first gradient", number_ill)

# %% [markdown] tags=["solution"]
# <details><summary>Solution</summary>
#
# ```python
# number_ill = 200 / 2 + 37
# check("the first gradient", number_ill)
# ```
# Each patient adds one half, and each ill one takes away 1.
#
# </details>

# %% [markdown]
# **2.** Write `at_risk(before, after, deaths)`:
# a curve falls from `before` to `after` on a day with so many deaths.
# How many people were still watched?

# %%
at_risk = ...
check("one step", at_risk)

# %% [markdown] tags=["solution"]
# <details><summary>Solution</summary>
#
# ```python
# def at_risk(before, after, deaths):
#     return deaths / (1 - after / before)
#
#
# check("one step", at_risk)
# ```
#
# </details>

# %% [markdown]
# **3.** A decision under a constraint.
# A clinic has followed 60 patients with a rare disease.
# Epsilon is at most 1 for each patient in all,
# and the patients' association wants to know how long people live.
# Which one do you allow? (One letter.)
#
# * A: the exact curve, rounded to three digits.
# * B: a private curve in steps of 30 days, at epsilon 1.
# * C: the share alive after two years, at epsilon 1, with its error.
# * D: a private curve every month at epsilon 1, so that it is never out of date.

# %%
allow = ...
check("the small clinic", allow)

# %% [markdown] tags=["solution"]
# <details><summary>Solution</summary>
#
# ```python
# allow = "C"
# check("the small clinic", allow)
# ```
# A is a table of patients.
# B drowns: 180 monthly intervals, sixty patients.
# D spends epsilon 12 in a year.
#
# </details>

# %% [markdown]
# ## What the article says
#
# Both articles of lab 00 name medicine among the fields where personal data must be protected,
# and do not say how.

# %%
lab.claim("hospitals can train together in private: gradients alone leak, a secure sum with noise for a "
          "patient costs little once there are enough patients",
          bool(abs(read["Cleveland"] - true["Cleveland"]) < 1e-6
               and many.mean() - gain["all", 1.0].mean() < 0.03),
          article="A6", verdict="holds once repaired")

# %% [markdown]
# ## Limits and further reading
#
# * One patient is protected, in one study.
#   Her family, her hospital and her disease are not.
# * 920 patients are few: what a hospital gains by joining changes with the split,
#   and Switzerland has eight healthy patients in all.
#   Read the direction, not the third digit.
# * The number of patients of a hospital is taken as public.
#   So are the limits of the intervals: they come from the plan of the study.
# * The noise of a hospital that drops out is missing from the sum.
#   Real deployments let each add a little more (lab 09), and use discrete noise.
# * A curve drawn from noisy counts is slightly biased where few people are left.
#   Do not draw it there.
#
# Guyot, Ades, Ouwens and Welton, *Enhanced secondary analysis of survival data*,
# BMC Medical Research Methodology 12, 2012.
#
# Gondara and Wang, *Differentially private survival function estimation*, MLHC 2020.
#
# Bonomi, Jiang and Ohno-Machado, *Protecting patient privacy in survival analyses*, JAMIA 27, 2020.
#
# Rieke and others, *The future of digital health with federated learning*, npj Digital Medicine 3, 2020.
#
# Detrano and others, *International application of a new probability algorithm
# for the diagnosis of coronary artery disease*, American Journal of Cardiology 64, 1989.
