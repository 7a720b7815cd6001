# ---
# jupyter:
#   kernelspec: {display_name: Python 3, language: python, name: python3}
# ---

# %% [markdown]
# # 4 · A budget for questions
#
# *About 80 minutes: 65 for the required sections;
# "A sample hides you" and "What the article says" are optional.
# You need lab 03: epsilon, sensitivity, noise.
# Terms are also explained in the [glossary](00-start-here.ipynb#Glossary).*
#
# Lab 03 protected one answer.
# Nobody asks one question.
# Here a statistics office answers two thousand, each with noise and each harmless by itself,
# and together they give everybody's income away.
# What stops that is a budget, and somebody who adds up.
#
# **Afterwards you can** reconstruct a secret column from noisy answers,
# add up the privacy loss of many releases in five ways and say what each assumes,
# read epsilon and delta off a privacy-loss distribution, and run a budget that says no.

# %%
import math

import matplotlib.pyplot as plt
import numpy as np
from dp_accounting import dp_event
from scipy.optimize import brentq
from scipy.stats import binom
from sklearn.linear_model import LogisticRegression

from labkit import datasets, lab
from labkit.attacks import reconstruction
from labkit.dp import Audit, Budget, BudgetExceeded, epsilon_spent, geometric
from labkit.dp.accounting import composition
from labkit.dp.accounting import dp_sgd_event, epsilon_of
from labkit.exercises.lab_04 import check

rng = np.random.default_rng(4)

# %% tags=["hide-input"] jupyter={"source_hidden": true}
# Draws: logarithmic axes with plain numbers at the powers of ten.
def log_axes(ax, which="xy"):
    """Logarithmic axes with plain numbers at the powers of ten."""
    for each in which:
        getattr(ax, f"set_{each}scale")("log")
        axis = getattr(ax, f"{each}axis")
        axis.set_minor_locator(plt.NullLocator())
        axis.set_major_formatter(plt.FuncFormatter(lambda value, _: f"{value:g}"))


def short(value):
    """A number to three digits, without powers of ten for large ones."""
    return f"{value:,.0f}" if abs(value) >= 100 else f"{value:.3g}"

# %% [markdown]
# ## What goes wrong
#
# Three hundred people of a survey by the United States Census Bureau, 1994.
# The office knows who earns more than 50,000 dollars a year (1) and who does not (0),
# and answers only questions about groups: *how many of these people do?*
# Whoever asks knows the people, and chooses the groups.

# %%
adult = datasets.adult()
members = rng.choice(len(adult), 300, replace=False)
secret = adult.y[members]
usual = adult.y.mean()  # how frequent a high income is in the country: public


def exact(group):
    if group.sum() < 100:
        raise ValueError("the office does not answer about fewer than 100 people")
    return int(secret[group].sum())


everybody = np.ones(300, dtype=bool)
lab.claim("“everybody earns less” is right about three people in four: the trivial guess",
          abs((secret == 0).mean() - 0.75) < 0.04, right=(secret == 0).mean())

# %% [markdown]
# As you see, the office refuses small groups.
# Does that protect one person?
# Ask about all 300, then about all but one, and subtract.
# Do it for each.

# %%
lab.predict("How many of the 300 incomes do exact answers about large groups give away?", low=0, high=300)

# %%
column = reconstruction.differencing(exact, people=300)
lab.truth(round(300 * reconstruction.accuracy(column, secret)), "of 300")
lab.claim("exact answers about large groups give every single income away",
          reconstruction.accuracy(column, secret) == 1.0)

# %% [markdown]
# This is the **differencing attack**, and refusing small groups does nothing against it.
# So the office adds noise: whole numbers, private at epsilon 0.5 for one answer (a person's income changed,
# or one high earner added or removed: either moves a count by one; delta 0).
# An answer is then off by about two.
# Here is how well subtracting works now:

# %%
def noisy(group):
    return geometric(exact(group), sensitivity=1, epsilon=0.5, rng=rng)


right = reconstruction.accuracy(reconstruction.differencing(noisy, people=300), secret)
trivial = (secret == 0).mean()
lab.claim("against noise, subtracting does worse than the trivial guess", right < trivial,
          right=right, trivial=trivial)

# %% [markdown]
# One answer hides one person.
# Now ask two thousand such questions, about random groups of half the people.
# Write the groups as a matrix $G$ of zeros and ones, the answers as $a$, the unknown column as $x$.
# Nobody subtracts anything; a linear program looks for the column that fits all answers best:
# $\min \sum_j |(Gx)_j - a_j|$ with $0 \le x \le 1$.

# %%
lab.predict("How many percent of the incomes does the linear program get right?", low=0, high=100)

# %%
questions = reconstruction.subset_questions(people=300, count=2000, rng=rng)
answers = np.array([noisy(group) for group in questions])
column = reconstruction.by_linear_programming(questions, answers)
right = reconstruction.accuracy(column, secret)
error = abs(answers - questions @ secret).mean()
lab.truth(round(100 * right), "%")
lab.claim(f"{len(questions):,} noisy answers give {right:.0%} of the incomes away",
          right > 1.25 * trivial and right >= 0.98 and 1.7 < error < 2.2, right=right, average_error=error)

# %% [markdown]
# No answer was exact, none was about a small group,
# and the attacker knew neither the noise nor a single income.
# This is what Dinur and Nissim proved in 2003, and differential privacy grew out of it.
# Watch the column come out of the noise:

# %% tags=["hide-input"] jupyter={"source_hidden": true}
# Draws: one tile a person, darker for a surer belief in a high income; a cross where wrong.
def tiles(ax, belief, truth, title, colour=lab.ATTACKER):
    """One tile a person, darker for a surer belief in a high income; a cross where wrong."""
    shades = plt.matplotlib.colors.LinearSegmentedColormap.from_list("", ["#F3F3F3", colour])
    ax.imshow(belief.reshape(15, 20), cmap=shades, vmin=0, vmax=1)
    row, place = np.nonzero(((belief > 0.5) != truth).reshape(15, 20))
    ax.scatter(place, row, marker="x", color="k", s=13, lw=1)
    ax.set(xticks=[], yticks=[])
    ax.set_title(title, fontsize=10)
    ax.spines[:].set_visible(False)


fig, axes = lab.plots.figure(8.6, 2.3, ncols=4)
for ax, count in zip(axes, [75, 300, 600, 2000]):
    belief = reconstruction.by_linear_programming(questions[:count], answers[:count])
    right = reconstruction.accuracy(belief, secret)
    tiles(ax, belief, secret, f"{count:,} answers: {right:.0%}")
fig.suptitle("300 people, and what the attacker believes of each (x: wrong)", fontsize=11)
plt.show()

# %% [markdown]
# *Now the question of this lab.
# Drag the noise up until the tiles go blank.
# Then ask more questions.*
# (The green line is the best that any attacker could do, even one who knows the other 299 incomes.
# Where it comes from is the subject of the next sections.)

# %%
uniform = rng.random((2, 2000))


def geometric_noise(scale):
    """The office's noise at any scale, always from the same random numbers."""
    first, second = np.floor(-scale * np.log(uniform))
    return first - second


def spread(scale):
    """The standard deviation of that noise."""
    return math.sqrt(2 * math.exp(-1 / scale)) / -math.expm1(-1 / scale)


def best_possible(count, scale):
    """The ceiling for all attackers, from the loss of the answers that one person is in."""
    loss = composition.pure_loss(1 / scale).composed(int(questions[:count].sum(axis=0).max()))
    return reconstruction.ceiling(loss, secret.mean())

# %% tags=["hide-input"] jupyter={"source_hidden": true}
# Draws: what do noisy answers give away?
def watch(fig, answers, noise):
    """What do noisy answers give away?"""
    left, right, bar = fig.subplots(1, 3, width_ratios=[3, 3, 1.1])
    asked = questions[:answers]
    told = asked @ secret + geometric_noise(noise)[:answers]
    belief = reconstruction.by_least_squares(asked, told, noise=spread(noise), share=usual)
    found, best = reconstruction.accuracy(belief, secret), best_possible(answers, noise)
    tiles(left, secret.astype(float), secret, "the secret column", lab.PLAIN)
    tiles(right, belief, secret, "the attacker's belief (x: wrong)")
    bar.bar(["attacker\nis right"], [found], color=lab.ATTACKER, width=.6)
    bar.axhline(best, color=lab.GUARANTEE)
    bar.axhline(trivial, color=lab.BASELINE, ls="--", lw=1)
    bar.set(ylim=(.5, 1.02), xlim=(-.6, .6))
    lab.plots.percent(bar)
    fig.subplots_adjust(left=.01, right=.99, top=.9, bottom=.13, wspace=.22)
    return (f"{answers:,} answers, each off by about {noise:.3g}: the attacker names {found:.0%} "
            f"of 300 incomes rightly. Nobody can expect more than {best:.0%} (green line); "
            f"“everybody earns less” gets {trivial:.0%}.")


noise_label = {"noise": "noise (typical error of an answer, in people)"}
lab.explore(watch, answers=range(50, 2001, 50), noise=lab.log_range(0.5, 200, 2),
            start={"answers": 600}, labels=noise_label)

# %% [markdown]
# **Question.** Find the noise
# that takes the green line down to the dashed one with 2,000 answers, then with 200.
# Which law might that be?
#
# <details><summary>Answer</summary>
# A tenth of the answers, about a third of the noise:
# the average of <em>m</em> noisy answers is about the square root of <em>m</em> times better than one,
# so the noise must grow like the square root of the number of answers.
# The bar gives up earlier than the green line, because this attacker is quick rather than the strongest.
# </details>
#
# Dinur and Nissim's line is drawn in the number of *people*: with a few answers a person,
# noise well below $\sqrt n$ gives nearly everything away, and noise of about $\sqrt n$ stops the attack.
# Here are three curves, for 100, 200 and 400 people, with the noise counted in units of $\sqrt n$.
# If the law is right, they lie on one another.

# %%
def advantage(people, relative_noise, seed, per_person=5):
    """What the attack gains over the trivial guess, as a share of all there is to gain."""
    rng = np.random.default_rng(seed)
    truth = adult.y[rng.choice(len(adult), people, replace=False)]
    asked = reconstruction.subset_questions(people, per_person * people, rng=rng)
    noise = relative_noise * math.sqrt(people)
    told = asked @ truth + np.rint(rng.normal(0, noise, len(asked)))
    belief = reconstruction.by_least_squares(asked, told, noise=noise, share=usual)
    guess = max(truth.mean(), 1 - truth.mean())
    return (reconstruction.accuracy(belief, truth) - guess) / (1 - guess)


relative = np.geomspace(0.05, 2, 14)
curves = {people: [np.mean([advantage(people, each, seed) for seed in range(1200 // people)])
                   for each in relative] for people in (100, 200, 400)}

# %% tags=["hide-input"] jupyter={"source_hidden": true}
# Draws: secrets won over the trivial guess.
fig, axes = lab.plots.figure(8.6, 3, ncols=2, sharey=True)
for (people, gained), colour in zip(curves.items(), lab.plots.SERIES):
    axes[0].plot(relative * math.sqrt(people), gained, color=colour, marker="o", ms=3)
    axes[1].plot(relative, gained, color=colour, marker="o", ms=3, label=f"{people} people")
for ax, title, label in zip(axes, ["Three populations ...", "... one line"],
                            ["noise (standard deviation, in people)", "noise / √people"]):
    log_axes(ax, "x")
    ax.set(title=title, xlabel=label)
    lab.plots.baseline(ax, 0, "trivial guess")
    lab.plots.percent(ax)
axes[0].set_ylabel("secrets won over\nthe trivial guess")
axes[1].legend(fontsize=9)
plt.show()

# %%
tenth = min(np.interp(0.1, relative, gained) for gained in curves.values())
whole = max(np.interp(1.0, relative, gained) for gained in curves.values())
lab.claim("five answers a person: noise of √n/10 gives nearly all away, noise of √n little",
          tenth > 0.95 and whole < 0.25, at_a_tenth_at_least=tenth, at_one_at_most=whole)

# %% [markdown]
# So noise helps when it is large *compared with how many answers are given*.
# How large, for which promise?
# For that the loss of many answers has to be added up.
#
# ## The idea
#
# Take two **neighbouring** data sets: in one, a certain person earns more than 50,000, in the other not.
# The true count is $c+1$ in the first and $c$ in the second.
# Call $P$ and $Q$ the probabilities of an answer in the two.
# Having read an answer $o$, the attacker's odds change by the factor $P(o)/Q(o)$.
# Its logarithm is the **privacy loss**:
#
# $$L = \ln \frac{P(o)}{Q(o)}, \qquad o \text{ drawn from } P.$$
#
# For the office's counts $L$ takes two values only:
# every answer above $c$ is $e^{\varepsilon}$ times likelier from the first,
# every other answer $e^{\varepsilon}$ times less likely.
# So **one answer tosses a bent coin: $+\varepsilon$ or $-\varepsilon$.**
# Probabilities of independent noises multiply, so **losses add**:
# $k$ answers are a random walk of $k$ such steps.
# It drifts slowly upwards and spreads like $\sqrt k$.
# It *could* reach $k\varepsilon$, and hardly ever does.
# (A question about a group without the person loses nothing; to be safe, all are counted.)
#
# Draw the distribution of the walk's end, and epsilon and delta can be read off it.
# A promise of $\varepsilon$ covers losses up to $\varepsilon$.
# What lies beyond is not covered, and its uncovered part is **delta**:
#
# $$\delta(\varepsilon) = \mathbb{E}\big[(1 - e^{\varepsilon - L})_+\big].$$
#
# $\mathbb{E}$ is the average over the answers.
# $(x)_+$ is $x$ where $x$ is above 0, and 0 elsewhere: losses up to $\varepsilon$ add nothing.
# The distribution of $L$ is called the **privacy-loss distribution**, PLD for short,
# and adding up the losses of several releases is called **composition**.
#
# *Drag the number of answers from 1 upwards and watch the coin become a bell.
# Then move delta.*

# %% tags=["hide-input"] jupyter={"source_hidden": true}
# Draws: where the walk ends.
def draw_walk(ax, loss, epsilon):
    """The loss distribution as stems, orange beyond epsilon; returns how far it reaches."""
    seen = loss.mass > 1e-12
    place, mass = loss.losses[seen], loss.mass[seen]
    width = min(8, max(1.7, 200 / len(place)))
    beyond = place > epsilon * (1 + 1e-3)  # a bar at the line itself is covered, but for delta
    for part, colour in [(~beyond, lab.PRIVATE), (beyond, lab.ATTACKER)]:
        ax.vlines(place[part], 1e-12, mass[part], color=colour, lw=width)
    reach = abs(place).max() * 1.1
    ax.set(ylim=(1e-12, 1), xlim=(-reach, reach), xlabel="privacy loss of all answers",
           ylabel="probability", title="Where the walk ends")
    return reach

# %% tags=["hide-input"] jupyter={"source_hidden": true}
# Draws: how much do many answers lose, and where is epsilon?
def losses(fig, answers, noise, delta):
    """How much do many answers lose, and where is epsilon?"""
    left, right = fig.subplots(1, 2, width_ratios=[1.25, 1])
    loss = composition.pure_loss(1 / noise).composed(answers)
    epsilon = loss.epsilon(delta)
    axis = np.linspace(0, draw_walk(left, loss, epsilon), 60)
    right.plot(axis, np.maximum([loss.delta(each) for each in axis], 1e-13), color=lab.PRIVATE)
    right.axhline(delta, color=lab.ATTACKER)
    right.set(ylim=(1e-12, 1.5), xlim=(0, axis[-1]), xlabel="epsilon", ylabel="delta",
              title="What is not covered")
    for ax in (left, right):
        ax.axvline(epsilon, color=lab.GUARANTEE)
        log_axes(ax, "y")
        ax.set_yticks([1e-12, 1e-9, 1e-6, 1e-3, 1])
    fig.subplots_adjust(left=.09, right=.98, top=.89, bottom=.18, wspace=.27)
    one, most = short(1 / noise), short(answers / noise)
    return (f"{answers:,} × epsilon {one}: the loss can reach {most}; all but delta = {delta:.1g} "
            f"of it is covered by epsilon = {short(epsilon)} (one income changed; exact).")


delta_range = lab.log_range(1e-9, 1e-2, 1e-6)
lab.explore(losses, answers=range(1, 2001), noise=lab.log_range(1, 500, 20), delta=delta_range,
            start={"answers": 100}, labels=noise_label)

# %% [markdown]
# **Question.** A ten times smaller delta (1e-7 for 1e-6) costs little epsilon.
# Ten times more answers cost much less than ten times the epsilon, while the noise is large.
# Why both?
#
# <details><summary>Answer</summary>
# The tail of a bell falls off faster than exponentially,
# so moving the line a little to the right leaves ten times less beyond it.
# And the bell's width grows like the square root of the number of answers.
# When the noise is small or the answers are many, the drift,
# which is proportional to the number of answers, takes over.
# </details>
#
# ## Build it
#
# A **privacy accountant** adds up what many releases lose.
# Five have been invented for this sum, each knowing more about the walk than the one before:
#
# * **basic** composition adds the epsilons;
# * **advanced** composition uses that the walk seldom goes far, and pays a delta for it;
# * **zCDP** ([*zero-concentrated*](00-start-here.ipynb#Glossary) differential privacy) keeps one number, rho,
#   that says how wide the loss spreads;
# * **RDP** ([*Rényi*](00-start-here.ipynb#Glossary) differential privacy)
#   keeps one number for each order $\alpha > 1$:
#   the Rényi divergence, a distance between the answers with the person and without
#   in which a high order gives the rare large losses more weight;
# * **PLD** keeps the whole [privacy-loss distribution](00-start-here.ipynb#Glossary).
#
# Each fits in a few lines.
# All take $k$ answers of $\varepsilon_0$ each.

# %%
def basic(epsilon, k, delta):
    return k * epsilon


def advanced(epsilon, k, delta):
    walk = epsilon * np.sqrt(2 * k * np.log(1 / delta)) + k * epsilon * np.expm1(epsilon)
    return min(walk, basic(epsilon, k, delta))  # for few answers the formula is the worse one


def zcdp(epsilon, k, delta):
    rho = k * epsilon**2 / 2
    return rho + 2 * np.sqrt(rho * np.log(1 / delta))


def rdp(epsilon, k, delta, a=1 + np.geomspace(1e-3, 1e4, 200)):  # a: the orders
    up, down = -np.log1p(np.exp(-epsilon)), -np.log1p(np.exp(epsilon))
    one = np.logaddexp(a * up + (1 - a) * down, a * down + (1 - a) * up) / (a - 1)
    return max(0, (k * one + np.log1p(-1 / a) - np.log(delta * a) / (a - 1)).min())

# %% [markdown]
# The fifth keeps the whole distribution.
# How many of $k$ bent coins show $+\varepsilon_0$ is binomial,
# so for these counts the exact answer takes four lines:

# %%
def pld(epsilon, k, delta):
    up = np.arange(k + 1)
    loss, mass = (2 * up - k) * epsilon, binom.pmf(up, k, 1 / (1 + np.exp(-epsilon)))
    return brentq(lambda e: -mass @ np.expm1(np.minimum(e - loss, 0)) - delta, 0, k * epsilon)


FIVE = {"basic": basic, "advanced": advanced, "zCDP": zcdp, "RDP": rdp, "PLD": pld}

# %% [markdown]
# Let them account for the same thing:
# 200 answers at epsilon 0.05 each, with delta one in a million.
# Adding the epsilons gives 10.

# %%
lab.predict("What epsilon does the last of them, PLD, charge?", low=0.0, high=10.0)

# %%
spent = {name: float(accountant(0.05, 200, 1e-6)) for name, accountant in FIVE.items()}
print("\n".join(f"{name:10}{epsilon:6.2f}" for name, epsilon in spent.items()))
charged = list(spent.values())
lab.truth(round(spent["PLD"], 1))
lab.claim("the more an accountant knows, the less it charges for the same answers",
          charged == sorted(charged, reverse=True) and spent["PLD"] < spent["basic"] / 2)

# %% [markdown]
# All five are *right*: each is an upper bound on the same true loss,
# at delta $10^{-6}$ (basic even at 0), for one changed income.
# The last is the true loss itself.
# What each needs to know:
#
# | Accountant | Carries | Needs to know of each answer | Then |
# |---|---|---|---|
# | basic | one number, epsilon | $(\varepsilon_0, \delta_0)$ | adds both |
# | advanced | two numbers | $(\varepsilon_0, \delta_0)$; the number of answers beforehand | $\varepsilon_0\sqrt{2k\ln(1/\delta')} + k\varepsilon_0(e^{\varepsilon_0}-1)$, at $k\delta_0+\delta'$ |
# | zCDP | one number, rho | that its Rényi divergence of each order $\alpha$ is at most $\rho\alpha$: $\rho=\varepsilon_0^2/2$ for any $\varepsilon_0$, $1/2\sigma^2$ for Gaussian noise | adds rho, then converts |
# | RDP | one number for each order | the Rényi divergences of the mechanism | adds each, converts at the best order |
# | PLD | a whole distribution | the loss distribution of the worst neighbours, that is, the exact noise | *convolves*: computes the distribution of the sum |
#
# The package has the five with checked arguments, and the fifth for any noise:
# `loss_from_deltas` puts a loss on a grid, rounded up, and convolves by fast Fourier transform.

# %%
walk = composition.pure_loss(0.05).composed(200)
order = 1 + np.geomspace(1e-3, 1e4, 200)
renyi = 200 * composition.pure_divergences(order, epsilon=0.05)
packaged = [composition.basic(0.05, times=200)[0],
            composition.advanced(0.05, times=200, slack=1e-6)[0],
            composition.zcdp_epsilon(200 * 0.05**2 / 2, delta=1e-6),
            composition.rdp_epsilon(order, renyi, delta=1e-6), walk.epsilon(1e-6)]
lab.claim("the package's accountants agree with those built here",
          np.allclose(packaged, charged, rtol=1e-6))

# %% [markdown]
# ## Use the real thing
#
# Home-made accountants are for understanding.
# For real releases use a library that many eyes have read: Google's **dp-accounting**.
# There a release is an *event*, events are composed, and an accountant is asked at the end.
# (Neighbouring here: one record added or removed.)

# %%
one_count = dp_event.DiscreteLaplaceDpEvent(noise_parameter=0.05, sensitivity=1)
counts = dp_event.SelfComposedDpEvent(one_count, 200)
bells = dp_event.SelfComposedDpEvent(dp_event.GaussianDpEvent(noise_multiplier=28), 200)
theirs = epsilon_of(counts, delta=1e-6), epsilon_of(bells, delta=1e-6)
home = walk.epsilon(1e-6), composition.gaussian_loss(28).composed(200).epsilon(1e-6)
lab.claim("200 counts, or 200 answers with Gaussian noise of the same spread: home-made and "
          "library agree to a thousandth", np.allclose(home, theirs, rtol=1e-3),
          counts=theirs[0], gaussian=theirs[1])

# %% [markdown]
# An accountant only adds up.
# A **budget** also refuses.
# It is asked *before* the answer is computed, charges the price, and composes all prices with dp-accounting.
# Below it has epsilon 1, and is asked four times.

# %%
lab.predict("How many of the four releases does it refuse?", low=0, high=4)

# %%
budget = Budget(epsilon=1, delta=1e-6)
budget.spend("training a model", dp_sgd_event(noise_multiplier=4, sample_rate=0.02, steps=200))
older = adult.table["age"].iloc[members].to_numpy() > 40
for label, group, epsilon in [("high earners", everybody, 0.3), ("over 40", older, 0.5),
                              ("over 40, coarser", older, 0.2)]:
    try:
        budget.ask(geometric, exact(group), sensitivity=1, epsilon=epsilon, rng=rng,
                   label=label)
    except BudgetExceeded as refusal:
        print("REFUSED:", refusal)
print(budget)

# %%
lab.truth(4 - len(budget.spends))
lab.claim("the budget refused a release, gave a cheaper one after it, and was never overdrawn",
          len(budget.spends) == 3 and budget.spent <= 1, spent=budget.spent)

# %% [markdown]
# Now the attacker of the first section comes back, and the counter has a budget of epsilon 1.
# Each answer costs 0.02.
# With plain adding the office can afford fifty.
# Now the budget composes loss distributions, and a delta of one in a million is allowed.

# %%
lab.predict("How many answers can the office afford now?", low=50, high=1000)

# %%
def answered_until_refused(budget, epsilon=0.02):
    told = []
    for group in questions:
        try:
            told.append(budget.ask(geometric, exact(group), sensitivity=1, epsilon=epsilon,
                                   rng=rng))
        except BudgetExceeded:
            break
    return np.array(told)


adding = len(answered_until_refused(Budget(epsilon=1, delta=0)))
told = answered_until_refused(Budget(epsilon=1, delta=1e-6))
composing = len(told)

# %%
lab.truth(composing, "answers")
lab.claim(f"the same budget buys {composing / adding:.1f} times the answers when losses are composed",
          adding == 1 / 0.02 and 2 < composing / adding < 4, adding=adding, composing=composing)

# %% [markdown]
# The budget object says no, before the answer is computed.
# What has the attacker got?
# A hundred-odd answers, each off by about 50 people of 300:

# %%
asked = questions[:composing]
belief = reconstruction.by_least_squares(asked, told, noise=spread(50), share=usual)
right = reconstruction.accuracy(belief, secret)
lab.claim("the answers that the budget allowed are worth no more than the trivial guess",
          right <= trivial + 0.01, right=right, trivial=trivial)

# %% [markdown]
# ### A sample hides you, if it is drawn the right way
#
# *(Optional; lab 05 needs its first half.)*
# Training a model answers thousands of questions (each gradient is one),
# and affords it by asking a *random sample* each time.
# Who is probably not even in the sample has less to lose: **subsampling amplifies privacy.**
# With every record in the sample with probability $q$, independently (a *Poisson* sample),
# an $\varepsilon_0$-private answer costs $\ln(1+q(e^{\varepsilon_0}-1))$, roughly $q\varepsilon_0$.
#
# Compare: noise of one standard deviation (of the largest contribution), added once to a sum over everybody;
# or 100 times, each time to the sum over a Poisson sample of 1 %.
# Either way a record is used once, on average.

# %%
once = epsilon_spent(noise_multiplier=1, sample_rate=1, steps=1, delta=1e-5)
sampled = epsilon_spent(noise_multiplier=1, sample_rate=0.01, steps=100, delta=1e-5)
lab.claim("a hundred noisy sums over hidden samples cost about a sixth of one over everybody",
          5 < once / sampled < 7, once=once, sampled=sampled)

# %% [markdown]
# Now the most common mistake in private training.
# Poisson samples are awkward (their size varies), so programs *shuffle* the data
# and cut it into 100 batches of equal size, and report the Poisson number all the same.
# But shuffled batches are not independent:
# **every record is in exactly one of them**, and what the others look like tells something.
#
# That can be attacked with pencil and paper (Chua et al., 2024).
# Let the person contribute $+1$ and everybody else $-1$, and let the attacker know that.
# Then 99 batch sums look alike, and the one with the person in it stands out by 2,
# or by 1 if the person contributes nothing.
# Look at the highest batch.
# First by experiment, then exactly:

# %%
def highest_batch(stands_out, runs=50_000, batches=100, noise=1.0):
    sums = rng.standard_normal((runs, batches)) * noise
    sums[:, 0] += stands_out  # which of them it is makes no difference to the highest
    return sums.max(axis=1)


game = Audit(highest_batch(2), highest_batch(1))
audited = game.epsilon_lower_bound(delta=1e-5, confidence=0.999)
at_least = composition.shuffled_epsilon_at_least(noise_multiplier=1, batches=100, delta=1e-5)
lab.claim("an audit of shuffled batches measures more loss than the Poisson account admits",
          audited > sampled, measured_at_least=round(audited, 1), Poisson_account=sampled)
lab.claim("the exact probabilities show at least five times more, nearly that of no sampling",
          at_least > 5 * sampled and at_least > 0.9 * once, at_least=at_least, unsampled=once)

# %% tags=["hide-input"] jupyter={"source_hidden": true}
# Draws: one pass over the data in 100 batches.
noises = np.geomspace(0.5, 3, 12)
poisson = [epsilon_spent(noise_multiplier=each, sample_rate=0.01, steps=100, delta=1e-5)
           for each in noises]
low = [composition.shuffled_epsilon_at_least(noise_multiplier=each, batches=100, delta=1e-5)
       for each in noises]
high = [composition.gaussian_loss(each).epsilon(1e-5) for each in noises]

fig, ax = lab.plots.figure(7.6, 3.2)
ax.fill_between(noises, low, high, color=lab.ATTACKER, alpha=.25,
                label="shuffled batches: somewhere in this band")
ax.plot(noises, low, color=lab.ATTACKER, label="this attack, exactly")
ax.plot(noises, poisson, color=lab.GUARANTEE,
        label="Poisson samples (often reported for shuffled ones)")
log_axes(ax)
ax.set(xlabel="noise multiplier", ylabel="epsilon at delta 1e-5",
       title="One pass over the data in 100 batches")
ax.set_xticks([0.5, 1, 2, 3])
ax.set_yticks([0.1, 0.3, 1, 3, 10])
ax.legend(fontsize=9)
plt.show()

# %% [markdown]
# The band's lower edge is this attack;
# its upper edge is batches in a fixed order, which shuffling cannot make worse.
# (Neighbouring: a record replaced by one that contributes nothing, in all three.)
# Sample by Poisson where the accountant assumes Poisson; lab 05 does.

# %%
common = (noises >= 0.6) & (noises <= 1.5)
factor = (np.array(low) / poisson)[common]
lab.claim("for noise multipliers from 0.6 to 1.5 the Poisson account of shuffled batches is "
          "too low by more than a factor of two", factor.min() > 2,
          least=factor.min(), most=factor.max())

# %% [markdown]
# ## What it costs
#
# A budget is paid in error.
# Fix the promise: epsilon 1, delta one in a million, for all answers together.
# The more answers there are, the larger must the noise on each of them be.
# Against it stand the answers that need no data: for a random group of half the people,
# *the usual share of them* is wrong by $\sqrt{p(1-p)\,n/2}$ on average.

# %%
def noise_needed(accountant, k, epsilon=1.0, delta=1e-6):
    """Typical error of an answer (the noise scale) when k answers together cost epsilon."""
    def excess(one):
        return accountant(one, k, delta) - epsilon

    return 1 / brentq(excess, epsilon / k / 2, 3 * epsilon)


def without_data(people):
    return math.sqrt(usual * (1 - usual) * people / 2)

# %% tags=["hide-input"] jupyter={"source_hidden": true}
# Draws: the same promise for more answers needs more noise (without noise: error 0); accountant.
how_many = np.unique(np.geomspace(1, 2000, 25).astype(int))
fig, ax = lab.plots.figure(8, 3.4)
for name, style in [("basic", ":"), ("advanced", "--"), ("PLD", "-")]:
    needed = [noise_needed(FIVE[name], k) for k in how_many]
    ax.plot(how_many, needed, style, color=lab.PRIVATE, label=name)
for people, start, shift in [(300, 40, .55), (48_842, 1, 1.15)]:
    error = without_data(people)
    lab.plots.baseline(ax, error, None)
    ax.text(start, error * shift, f"answering “the usual share” for {people:,} people", size=9)
log_axes(ax)
ax.set(xlabel="answers that share epsilon 1", ylabel="typical error (people)",
       title="The same promise for more answers needs more noise (without noise: error 0)")
ax.legend(title="accountant", fontsize=9)
plt.show()

# %%
def worth_asking(people, name="PLD"):
    """How many answers, at epsilon 1 together, each beat the one that needs no data."""
    return max(k for k in range(1, 500) if noise_needed(FIVE[name], k) < without_data(people))


few, many = worth_asking(300), worth_asking(len(adult))
lab.claim("at epsilon 1, 300 people support a handful of useful answers, all 48,842 hundreds",
          few < 10 < 150 < many, with_300=few, with_all=many)

# %% [markdown]
# The noise does not depend on how many people there are, the worth of an answer does.
# A better accountant buys more answers, more people buy many more.
#
# ## Tune it
#
# Five accountants race as questions are added.
# *Find where "advanced" begins to charge less than adding.
# Then set the error to about 3: where the answers are many the drift outweighs the spread,
# and even the best curve, flatter than adding's at first, gets nearly as steep.
# Then switch to Gaussian noise of the same spread: which accountants fall behind?*

# %%
def geometric_account(noise, k, delta):
    """Epsilon of k geometric counts by the five accountants, in the order of FIVE."""
    loss = composition.pure_loss(1 / noise).composed(k)
    others = (each(1 / noise, k, delta) for each in (basic, advanced, zcdp, rdp))
    return [*others, loss.epsilon(delta)]


def gaussian_account(noise, k, delta):
    """The same for Gaussian noise of the same standard deviation."""
    sigma = spread(noise)
    one, rho = composition.gaussian_loss(sigma), k / 2 / sigma**2
    adding = k * one.epsilon(delta / k)  # every answer takes its share of delta
    half = max(one.epsilon(delta / 2 / k), 1e-9)
    walk, _ = composition.advanced(half, times=k, slack=delta / 2)
    return [adding, min(walk, adding), composition.zcdp_epsilon(rho, delta=delta),
            composition.rdp_epsilon(order, rho * order, delta=delta),
            one.composed(k).epsilon(delta)]

# %% tags=["hide-input"] jupyter={"source_hidden": true}
# Draws: the race (dashed: epsilon 1).
COLOURS = dict(zip(FIVE, ["#999933", "#E69F00", "#CC79A7", "#56B4E9", "#882255"]))
race_at = np.unique(np.geomspace(1, 3000, 16).astype(int))


def draw_race(ax, table, answers):
    """Five curves, the loss distribution's thick and behind."""
    for (name, colour), curve in zip(COLOURS.items(), table.T):
        ax.plot(race_at, curve, color=colour, lw=4 if name == "PLD" else 1.8,
                zorder=1 if name == "PLD" else 2)
    ax.axvline(answers, color="#999999", lw=1)
    lab.plots.baseline(ax, 1, None)
    log_axes(ax)
    ax.set(ylim=(max(table.min(), 1e-3) * .8, min(table.max(), 3e3) * 1.2), xlim=(1, 3000),
           xlabel="answers", ylabel="epsilon", title="The race (dashed: epsilon 1)")

# %% tags=["hide-input"] jupyter={"source_hidden": true}
# Draws: what does each accountant charge for so many answers?
def race(fig, answers, noise, delta, mechanism):
    """What does each accountant charge for so many answers?"""
    ax, finish = fig.subplots(1, 2, width_ratios=[1.6, 1])
    account = {"geometric": geometric_account, "Gaussian": gaussian_account}[mechanism]
    draw_race(ax, np.array([account(noise, int(k), delta) for k in race_at]), answers)
    now = account(noise, answers, delta)
    shown = np.maximum(now, 1e-4)
    finish.scatter(shown, list(FIVE), color=list(COLOURS.values()), s=90, zorder=2)
    for place, each in enumerate(now):
        finish.text(shown[place], place + .4, short(each), ha="center", va="center", size=9.5)
    log_axes(finish, "x")
    finish.set(xlim=(shown.min() / 1.7, shown.max() * 1.7), ylim=(4.7, -.5), xticks=[],
               xlabel="epsilon", title=f"answers: {answers:,}")
    finish.grid(axis="y", color="#DDDDDD")
    fig.subplots_adjust(left=.09, right=.99, top=.9, bottom=.17, wspace=.3)
    return (f"{answers:,} × a typical error of {noise:.3g}: epsilon {short(now[0])} by adding, "
            f"{short(now[4])} by the loss distribution; delta {delta:.1g}, one income changed.")


lab.explore(race, size=(8.4, 3.3), answers=range(1, 3001), noise=lab.log_range(1, 500, 50),
            delta=delta_range, mechanism=["geometric", "Gaussian"], start={"answers": 500},
            labels=noise_label)

# %% [markdown]
# **Question.** For geometric counts zCDP starts out *above* adding.
# Is it wrong there?
# And why do the first two accountants fall so far behind for Gaussian noise?
#
# <details><summary>Answer</summary>
# zCDP is right and loose: each of the five is an upper bound, so take the least of those you have.
# Basic and advanced know an answer only as a pair of epsilon and delta.
# Gaussian noise has no epsilon at delta 0,
# so they must set a share of delta aside for every single answer, and pay for it in epsilon each time.
# The other three convert once, at the end. (zCDP and RDP know the same about Gaussian noise;
# what parts them is that the older formula for the conversion, used here for zCDP, is looser.)
# </details>
#
# ## The attack again
#
# The attacker asks the same 2,000 questions.
# The office has learnt: it fixes a total epsilon for all of them,
# finds the noise with the loss distribution (delta one in a million), and answers.
# Below some epsilon the attack ends.
#
# Two lines show what to compare with.
# Dashed, the trivial guess.
# Green, the **ceiling for every attacker**, however clever, and even one who knows the other 299 incomes.
# It is read off the loss distribution: guessing "more" on a set of answers pays only
# where the answers' odds outweigh the prior odds $(1-p)/p$, so nobody can expect to be right more often than
#
# $$(1-p) + p\,\delta\!\left(\ln\tfrac{1-p}{p}\right), \qquad p: \text{ the share of high earners, a person's odds before any answer.}$$

# %%
scales = np.geomspace(600, 1, 40)
totals = np.array([composition.pure_loss(1 / each).composed(2000).epsilon(1e-6)
                   for each in scales])
caps = np.array([best_possible(2000, each) for each in scales])


def attacked(scale):
    told = geometric(questions @ secret, sensitivity=1, epsilon=1 / scale, rng=rng)
    belief = reconstruction.by_least_squares(questions, told, noise=spread(scale), share=usual)
    return reconstruction.accuracy(belief, secret)


found = np.array([np.mean([attacked(scale) for _ in range(3)]) for scale in scales[::2]])

# %% tags=["hide-input"] jupyter={"source_hidden": true}
# Draws: 2,000 answers about 300 people.
fig, ax = lab.plots.figure(7.8, 3.3)
ax.plot(totals, caps, color=lab.GUARANTEE, label="ceiling for any attacker")
ax.plot(totals[::2], found, color=lab.ATTACKER, marker="o", ms=4,
        label="reconstruction (least squares)")
lab.plots.baseline(ax, trivial, "“everybody earns less”")
ax.axhline(1, color=lab.PLAIN, label="exact answers", zorder=0)
at_first = pld(0.5, 2000, 1e-6)
ax.axvline(at_first, color=lab.PRIVATE, lw=1, ls=":")
ax.text(at_first * .9, .82, "the office's first noise", ha="right", fontsize=9,
        color=lab.PRIVATE)
ax.set(ylabel="incomes named rightly", ylim=(.72, 1.01),
       title="2,000 answers about 300 people")
lab.plots.percent(ax)
lab.plots.privacy_axis(ax, label="epsilon of all 2,000 answers (delta 1e-6)")
ax.legend(fontsize=9)
plt.show()

# %%
small = totals <= 1
attack, ceiling = found[small[::2]].max(), caps[small].max()
lab.claim("at a total epsilon of 1 or less the attack is worth no more than the trivial guess",
          attack <= trivial + 0.005, attack=attack, trivial=trivial)
lab.claim("and no other attack can expect more: the ceiling is within half a point of it",
          ceiling < trivial + 0.005, ceiling=ceiling)
lab.claim("the office's first noise, epsilon 0.5 an answer, adds up to an epsilon of hundreds",
          at_first > 300, together=at_first)
off_by, earners = noise_needed(pld, 2000), int(secret.sum())
lab.claim("the price: at epsilon 1 each answer is off by more people than earn so much",
          off_by > earners, off_by=off_by, earn_so_much=earners)

# %% [markdown]
# The office can answer a few questions well, or many badly; a budget makes it choose.
# One thing it cannot prevent: somebody may do without the office.
# Train a model on *other* people's records,
# and let it guess the 300 incomes from age, education and the rest:

# %%
others = rng.choice(np.setdiff1d(np.arange(len(adult)), members), 10_000, replace=False)
model = LogisticRegression(max_iter=300).fit(adult.X[others], adult.y[others])
guessed = model.score(adult.X[members], secret)
lab.claim("a model that never saw these people beats the trivial guess about them",
          guessed > trivial + 0.01, model=round(guessed, 2), trivial=round(trivial, 2))

# %% [markdown]
# That is knowledge about the world, not a leak about a person:
# it works equally well on people who are in nobody's table.
# Differential privacy promises that *taking part* changes little, and no more.
#
# ## Check yourself
#
# **1.** The office now answers only about groups of 100 to 200 of the 300 people.
# Find two groups it must answer whose exact answers differ by just the income of person 7
# (index 7: people are counted from 0).

# %%
two_groups = ...  # two bool arrays of length 300

check("two groups", two_groups);

# %% [markdown] tags=["solution"]
# <details><summary>Solution</summary>
#
# Any group of legal size, with and without person 7.
#
# ```python
# first = np.arange(300) < 150
# second = first.copy()
# second[7] = False
# two_groups = first, second
# check("two groups", two_groups);
# ```
# </details>

# %% [markdown]
# **2.** Each answer costs epsilon 0.1, and a delta of $10^{-6}$ is allowed in all.
# From how many answers on does the advanced formula give less than adding?

# %%
first_worth_it = ...

check("advanced pays off", first_worth_it);

# %% [markdown] tags=["solution"]
# <details><summary>Solution</summary>
#
# Compare the two for each $k$; below that number take the sum.
#
# ```python
# def formula(k):
#     return composition.advanced(0.1, times=k, slack=1e-6)[0]
#
#
# first_worth_it = next(k for k in range(1, 10_000) if formula(k) < 0.1 * k)
# check("advanced pays off", first_worth_it);
# ```
# </details>

# %% [markdown]
# **3.** Write `delta_at(losses, mass, epsilon)`:
# the delta of a mechanism whose privacy loss is `losses[i]` with probability `mass[i]`.
# A loss may be infinite.

# %%
delta_at = ...

check("delta from losses", delta_at);

# %% [markdown] tags=["solution"]
# <details><summary>Solution</summary>
#
# Only losses above epsilon count, each with the part of it that $e^{\varepsilon}$ does not cover.
# An infinite loss counts fully, because $e^{-\infty} = 0$.
#
# ```python
# def delta_at(losses, mass, epsilon):
#     return np.sum(mass * (1 - np.exp(np.minimum(epsilon - losses, 0))))
#
#
# check("delta from losses", delta_at);
# ```
# </details>

# %% [markdown]
# **4.** A town may spend epsilon 1 at delta $10^{-6}$ (one person added or removed).
# It adds geometric noise that is off by about 100 ($\varepsilon_0 = 0.01$) to each count.
# How many counts may it publish?

# %%
counts_allowed = ...

check("counts allowed", counts_allowed);

# %% [markdown] tags=["solution"]
# <details><summary>Solution</summary>
#
# Ask the loss distribution, and keep the last number that fits.
# Adding would have allowed 100.
#
# ```python
# def cost(k):
#     return composition.pure_loss(0.01).composed(k).epsilon(1e-6)
#
#
# counts_allowed = max(k for k in range(1, 1000) if cost(k) <= 1)
# check("counts allowed", counts_allowed);
# ```
# </details>

# %% [markdown]
# **5.** Which accountant may account for each of these?
# Answer with a dictionary from `"i"`, `"ii"`, `"iii"` to the *best* of the five that has what it needs:
# `"basic"`, `"advanced"`, `"zCDP"`, `"RDP"` or `"PLD"`.
#
# * **i** Three vendors each state an epsilon and a delta, no more; you release once from each.
# * **ii** Two hundred answers; of each you know only that it is $(0.05, 10^{-9})$-private,
#   and you want one epsilon at delta $10^{-6}$.
# * **iii** Two hundred answers with exact geometric noise, whose program you have.

# %%
which_accountant = ...

check("what each accountant assumes", which_accountant);

# %% [markdown] tags=["solution"]
# <details><summary>Solution</summary>
#
# zCDP, RDP and PLD need more than an epsilon with a delta.
# So the first two are for adding and for the advanced formula:
# three releases are too few for it to gain anything, with two hundred it charges less than half.
# Exact noise is what PLD was made for.
#
# ```python
# which_accountant = {"i": "basic", "ii": "advanced", "iii": "PLD"}
# check("what each accountant assumes", which_accountant);
# ```
# </details>

# %% [markdown]
# ## What the article says
#
# *(Optional. 5 minutes.)*
# **A8.** Article A (*data privacy in deploying large models*) gives a formula for the budget:
# epsilon is half the logarithm of one over delta times a sum over all inputs of $e^{-2\varepsilon m}$.
# Here $m$ is the largest difference between the noisy and the exact output,
# and delta a *threshold for the difference from the data*.
# Lab 03 solves it.
# Here is what it cannot see.
# Three ways to disturb a count, **all with the same largest difference, 20**:
# always add 20; add any whole number from −20 to 20, equally likely; add geometric noise, cut off at 20.

# %%
largest, k = 20, np.arange(-20, 21)
recipes = {"always add 20": (k == largest).astype(float),
           "any of −20 ... 20": np.ones(41),
           "geometric, cut off": np.exp(-0.2 * abs(k))}
recipes = {name: weight / weight.sum() for name, weight in recipes.items()}
article = math.log(300 / 0.05) / (2 * (1 + largest))  # solved for 300 inputs, delta 0.05


def real_losses(weight):
    """Losses and their probabilities: the count is c + 1 with the person, c without."""
    with_person, without = np.append(0, weight), np.append(weight, 0)
    possible = with_person > 0
    with np.errstate(divide="ignore"):
        return np.log(with_person[possible] / without[possible]), with_person[possible]

# %% tags=["hide-input"] jupyter={"source_hidden": true}
# Draws: probability against privacy loss.
fig, axes = lab.plots.figure(8.6, 2.5, ncols=3, sharey=True)
deltas = {}
for ax, (name, weight) in zip(axes, recipes.items()):
    loss, mass = real_losses(weight)
    deltas[name] = float(np.sum(mass * -np.expm1(np.minimum(article - loss, 0))))
    for value in np.unique(loss.round(9)):
        here, lost = mass[loss.round(9) == value].sum(), np.isinf(value)
        ax.bar(min(value, 0.6), here, width=.08, color=lab.ATTACKER if lost else lab.PRIVATE)
        ax.text(min(value, 0.6), here * 1.5, f"{here:.2g}", ha="center", fontsize=9,
                bbox=dict(fc="white", ec="none", pad=.6))
    ax.axvline(article, color=lab.GUARANTEE, lw=1.2, zorder=0)
    log_axes(ax, "y")
    ax.set(title=name, xlim=(-.45, .75), ylim=(3e-4, 8), xticks=[-.2, 0, .2, .6],
           xlabel="privacy loss")
    ax.set_xticklabels(["−0.2", "0", "0.2", "∞"])
axes[0].set_ylabel("probability")
axes[0].text(article - .02, .02, "the formula's\nepsilon", ha="right", fontsize=9,
             color=lab.GUARANTEE)
plt.show()
print("\n".join(f"{name:20} formula: epsilon {article:.2f}   real delta there: {delta:.2g}"
                for name, delta in deltas.items()))

# %%
always, uniformly, cut_off = deltas.values()
lab.claim("to three disturbances the formula gives the same epsilon; the first always gives "
          "the person away, the others once in about 40 and in 500: delta is that probability, "
          "and no difference of outputs",
          always == 1 and 35 < 1 / uniformly < 45 and 400 < 1 / cut_off < 600,
          article="A8", verdict="does not hold",
          real_deltas=f"{always:.2g}, {uniformly:.2g}, {cut_off:.2g}")

# %% [markdown]
# What is infinite (orange) is lost for certain, with that probability, whatever epsilon one names.
# The formula, which looks only at the size of the disturbance (green line), sees none of it.
#
# ## Limits and further reading
#
# - A budget counts what passes through it.
#   A second office with the same people, a copy of the table,
#   an answer given by telephone: none of them is in the ledger.
# - The prices must not depend on the answers.
#   Choosing the *questions* by earlier answers is allowed everywhere here;
#   choosing the next *epsilon* by them needs a privacy filter (Rogers,
#   Roth, Ullman, Vadhan, *Privacy odometers and filters*, NeurIPS 2016).
# - The ceiling is about what the *answers* add, for an attacker whose odds before were the usual ones.
#   Whoever knows more about you starts higher, as the model above did.
# - One person, one row.
#   Whoever is in the table ten times is protected ten times less; see user-level privacy in lab 09.
# - The attack here chose random groups.
#   Real tables of counts reconstruct too (Garfinkel,
#   Abowd, Martindale 2019), and so did a commercial system that answered with noise (Cohen, Nissim 2020).
# - The bound for shuffled batches is for one pass and one worst data set;
#   for several passes see Chua et al., *Scalable DP-SGD:
#   shuffling vs. Poisson subsampling*, NeurIPS 2024, [arXiv:2411.04205](https://arxiv.org/abs/2411.04205).
#
# **Reconstruction.** Dinur, Nissim, *Revealing information while preserving privacy*,
# PODS 2003, [doi:10.1145/773153.773173](https://doi.org/10.1145/773153.773173).
# Denning, Denning, Schwartz, *The tracker:
# a threat to statistical database security*, ACM Transactions on Database Systems, 1979.
# Dwork, McSherry, Talwar, *The price of privacy and the limits of LP decoding*, STOC 2007.
# Garfinkel, Abowd, Martindale, *Understanding database reconstruction attacks on public data*,
# Communications of the ACM, 2019.
# Cohen, Nissim, *Linear program reconstruction in practice*,
# Journal of Privacy and Confidentiality, 2020, [arXiv:1810.05692](https://arxiv.org/abs/1810.05692).
#
# **Composition.** Dwork, Rothblum, Vadhan, *Boosting and differential privacy*, FOCS 2010.
# Kairouz, Oh, Viswanath, *The composition theorem for differential privacy*,
# ICML 2015, [arXiv:1311.0776](https://arxiv.org/abs/1311.0776).
# Bun, Steinke, *Concentrated differential privacy*,
# TCC 2016, [arXiv:1605.02065](https://arxiv.org/abs/1605.02065).
# Mironov, *Rényi differential privacy*, CSF 2017, [arXiv:1702.07476](https://arxiv.org/abs/1702.07476).
# Canonne, Kamath, Steinke, *The discrete Gaussian for differential privacy*,
# NeurIPS 2020, [arXiv:2004.00010](https://arxiv.org/abs/2004.00010).
# Sommer, Meiser, Mohammadi, *Privacy loss classes*, PoPETs 2019.
# Doroshenko, Ghazi, Kamath, Kumar, Manurangsi, *Connect the dots*,
# PoPETs 2022, [arXiv:2207.04380](https://arxiv.org/abs/2207.04380).
#
# **Sampling.** Balle, Barthe, Gaboardi, *Privacy amplification by subsampling*,
# NeurIPS 2018, [arXiv:1807.01647](https://arxiv.org/abs/1807.01647).
# Chua et al., *How private are DP-SGD implementations?*,
# ICML 2024, [arXiv:2403.17673](https://arxiv.org/abs/2403.17673).
# Data: Becker and Kohavi, *Adult*, UCI Machine Learning Repository, 1996, CC BY 4.0.
