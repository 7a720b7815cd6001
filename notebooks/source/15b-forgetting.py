# ---
# jupyter:
#   kernelspec: {display_name: Python 3, language: python, name: python3}
# ---

# %% [markdown]
# # 15b · Forgetting: an erasure request arrives
#
# *65 minutes.
# You need labs 05, 06 and 13: DP-SGD, membership inference, exposure.*
#
# **Afterwards you can** tell a model that has forgotten from one that only says less,
# build a model from shards that forgets exactly and say what a request costs it,
# keep the budget of removals that come with a certificate,
# compute what differential privacy promises to several people who ask together,
# and answer an erasure request without making it worse.

# %%
import copy
import time

import matplotlib.pyplot as plt
import numpy as np
import torch
from sklearn.datasets import load_digits

from labkit import datasets, dp, lab
from labkit.attacks import planted
from labkit.attacks.extraction import candidate_log_probabilities
from labkit.attacks.shadows import train_further, train_shadows
from labkit.exercises.lab_15b import check
from labkit.models.transformer import encode, log_probabilities, next_token_loss, train
from labkit.unlearning import (CertifiedClassifier, RemovalBudgetSpent, ShardedEnsemble, ascend,
                               audit_erasure, decoys, mean_prediction, random_labels, rank_exposure,
                               two_sided_exposure)

torch.set_num_threads(1)
rng = np.random.default_rng(15)

# %% [markdown]
# ## What goes wrong
#
# An office has trained a small language model further on scraps of its mails, as in lab 13.
# One scrap says "my pin is", and four digits.
# Now its writer asks: **erase it.**
#
# Article 17 of the GDPR gives people a right to have their data erased without undue delay, with exceptions,
# and it does not say what that means for a model that has learnt from them.
# The European Data Protection Board says in its Opinion 28/2024
# that a model trained on personal data is not anonymous in every case:
# somebody must look, case by case, how likely it is that personal data can be got out of it.
# This lab is about how to look.
# It is no legal advice.
#
# Deleting the mail takes a second, but the model has read it.
# So that nothing hangs on one draw we play four offices, each with its own mails and PIN.
# As in lab 13, all start from one public model.
# **Exposure** says, in bits, how much better than chance the model finds the PIN among all 10,000:
# at most 13.29, when it says the PIN first, and one or two by luck.

# %%
base, OFFICES, BITS = planted.pretrain(), 4, [1, 4, 8, 13]
offices = [planted.plant(seed) for seed in range(OFFICES)]


def fine_tune(texts, seed, epochs=16):
    return train(copy.deepcopy(base), encode(texts), epochs=epochs, batch_size=16, learning_rate=0.008,
                 seed=seed, settle=min(4, epochs))


def pin_scores(language_model):
    """The log-probability of each of the 10,000 PINs after "my pin is "."""
    return candidate_log_probabilities(language_model, encode(planted.PREFIX)[0], planted.CODES)


def scores_of(models):
    return [pin_scores(log_probabilities(model)) for model in models]


def bits(scores):
    """The exposure of each office's PIN, from its model's scores."""
    return np.array([rank_exposure(each, office.pin) for each, office in zip(scores, offices)])


# %% [markdown]
# Each office's model, and its **control**: trained again from the public model, without the scrap.
# Nothing in the control can come from the secret.
# It is what erasing ought to give.

# %%
trained = [fine_tune(office.texts, seed) for seed, office in enumerate(lab.progress(offices, "train"))]
retrained = [fine_tune(office.texts[1:], 500 + seed)
             for seed, office in enumerate(lab.progress(offices, "retrain"))]
before, after = scores_of(trained), scores_of(retrained)
lab.measured(f"exposure before {bits(before).round(1)}, retrained {bits(after).round(1)}")
lab.claim("each office's model says the PIN among its first guesses; after retraining it is luck",
          bits(before).min() > 10 and bits(after).mean() < 4)

# %% [markdown]
# Retraining took as long as training.
# A shortcut is **gradient ascent**: training went *down* the loss of this scrap, so go up,
# until the loss is what the control has on the scrap, which it never saw.
# That takes a few steps.

# %%
def loss_on_scrap(model, office):
    return planted.loss_on(model, office.texts[:1])


ascended, steps = zip(*[
    ascend(model, encode(office.texts[:1]), learning_rate=0.05, steps=60,
           until=loss_on_scrap(control, office))
    for model, control, office in zip(trained, retrained, offices)])
lab.measured(f"steps {steps}")
lab.claim("by its loss the scrap is as unknown as to a model that never saw it", all(
    loss_on_scrap(model, office) >= loss_on_scrap(control, office)
    for model, control, office in zip(ascended, retrained, offices)))

# %% [markdown]
# By its loss the scrap is forgotten.
# **Predict:** and by its exposure?

# %%
lab.predict("About how many bits are left, on average over the offices?", choices=BITS)

# %%
left = bits(scores_of(ascended))
lab.truth(min(BITS, key=lambda choice: abs(choice - left.mean())), "bits")
lab.measured(f"office by office {left.round(1)}")
lab.claim("forgotten by the loss, and on average known by the exposure: well above the control",
          left.mean() > bits(after).mean() + 2)

# %% [markdown]
# Ascent has unlearnt the easy part, that somebody says "my pin is" here.
# Once the question is asked, the digits come first or nearly first in some offices,
# and in others they are gone.
# Who looks at the loss alone does not know in which.
#
# ## The idea
#
# What *is* forgetting?
# Training is random, so a model is a draw from a distribution.
# Erasing record $x$ from what was trained on the data $D$ is **exact** if nobody can tell the result
# from a model that was trained without it:
#
# $$ P\big(\text{erase}(\text{train}(D), x) \in T\big) \;=\; P\big(\text{train}(D \setminus x) \in T\big)
# \qquad \text{for every set of models } T. $$
#
# It is **approximate** with $\epsilon$ and $\delta$ if the left side is at most
# $e^{\epsilon}$ times the right side plus $\delta$, and the other way round.
# That looks like differential privacy, and is about another pair:
# not with and without the record, but *erased* and *never there*.
#
# Two things follow.
#
# * The measure is the retrained model, and not "as high a loss as possible".
#   A secret that the model says **least** of all 10,000 is at a place where chance hardly puts it.
#   Whoever starts guessing from that end has it at once.
#   So look from both ends, and take off one bit for looking twice.
# * The definition says nothing about somebody who kept the **old** model.
#   We come to that.
#
# ## Build it
#
# Exact and cheaper: **shards** (Bourtoule and others, 2021).
# Deal the scraps into four piles by lot, train a model on each, and answer with the mean of the four.
# To erase a scrap, train its pile again without it, from the public model and not from the old one.
# (Their name for it is SISA. *Exact* means: against training without the scrap,
# where those who stay keep their piles.)

# %%
texts, secret = offices[0].texts, 0  # the PIN is in scrap 0
pile_of = rng.permutation(np.arange(256) % 4)


def train_pile(pile, without=None):
    return fine_tune([texts[row] for row in np.flatnonzero(pile_of == pile) if row != without], seed=pile)


piles = [train_pile(pile) for pile in range(4)]
cleaned = list(piles)
cleaned[pile_of[secret]] = train_pile(pile_of[secret], without=secret)

# %% [markdown]
# One model of the four has met the PIN, and the other three dilute it.
# **Predict** what the four say together before the erasure.

# %%
lab.predict("About how many bits of the PIN does the mean of the four tell?", choices=BITS)

# %%
def together(models):
    return mean_prediction([log_probabilities(model) for model in models])


four_before, four_after = pin_scores(together(piles)), pin_scores(together(cleaned))
told, still = (rank_exposure(scores, offices[0].pin) for scores in (four_before, four_after))
lab.truth(min(BITS, key=lambda choice: abs(choice - told)), "bits")
lab.claim("one model in four is enough to tell the PIN; with its pile trained again it tells over four bits "
          "less",
          told > 8 and still < told - 4, before=round(told, 1), after=round(still, 1))

# %% [markdown]
# Three that know nothing shrug alike at all 10,000 PINs, and the fourth decides.
# Shards hide nothing.
# They only make forgetting cheap: three of the four models never met the scrap.
#
# Two mistakes would spoil it.
# Dealing by what the records *are* ("those who may ask to leave") tells who may ask.
# Going on from the pile's old weights carries over what they know.
# `ShardedEnsemble` does it right, for any function that trains:

# %%
office = offices[1]
ensemble = ShardedEnsemble(256, 4, rng=rng, fit=lambda rows, pile: fine_tune(
    [office.texts[row] for row in rows], seed=pile))
untouched = list(ensemble.models)
again = ensemble.erase(0)
lab.claim("63 scraps of 255 were trained on again, and three models are the very same objects",
          again == 63 and sum(a is b for a, b in zip(untouched, ensemble.models)) == 3)

# %% [markdown]
# ## Use the real thing
#
# For some models there is a shortcut with a proof.
# A logistic regression has one best solution, and its loss is nearly a parabola there.
# So when a record leaves, one **Newton step** nearly lands on the best solution for the rest:
#
# $$ w \;\leftarrow\; w + H^{-1} g, $$
#
# $g$ the record's own gradient, $H$ the second derivatives of the loss of the rest.
# What is missing is small, but anybody could compute it from $w$ and the remaining data.
# **Certified removal** (Guo and others, 2020) hides it: training adds a secret random slope to the loss,
# normal with standard deviation $\sigma$.
# A small shift is not seen behind that slope, as in the Gaussian mechanism of lab 03.
#
# The shifts of many removals add up.
# So each one charges a *bound* on its shift to a **budget**,
# and when that is spent the model must be retrained.
# Data: 4,000 sentences of film reviews as points (lab 13b); is the review favourable?

# %%
reviews, points = datasets.film_reviews(), datasets.review_embeddings().X.astype(float)
order = rng.permutation(np.flatnonzero(abs(reviews.y) >= 1))  # clear ones
test, learn = order[:1500], order[1500:5500]
liked = np.where(reviews.y > 0, 1, -1)


def classifier(**changes):
    settings = dict(strength=0.01, sigma=1.0, epsilon=1.0, delta=1e-4, rng=rng)
    return CertifiedClassifier(points[learn], liked[learn], **{**settings, **changes})


def right(model):
    return float(np.mean(model.predict(points[test]) == liked[test]))


def remove_many(model, most):
    """Remove records by lot until `most` are gone or the budget is spent."""
    for record in rng.permutation(len(learn))[:most]:
        try:
            model.remove(int(record))
        except RemovalBudgetSpent as refusal:
            return f"refused: {refusal}"
    return "budget left"


# %% [markdown]
# Epsilon is 1 and delta 0.0001, for weights after removals against weights retrained without these records.
# **Predict:** how many of the 4,000 can leave before the model must be retrained?

# %%
lab.predict("How many of the 4,000 can leave?", low=0, high=4000)

# %%
noisy, plain = classifier(), classifier(sigma=1e-9)
at_first = right(noisy)
print(remove_many(noisy, most=1000))
lab.truth(noisy.removals, "records")
lab.claim("noise and removals cost a few points of accuracy at most, and the classifier beats always saying "
          "the same",
          min(at_first, right(noisy)) > right(plain) - 0.05 and right(noisy) > 0.7,
          at_first=round(at_first, 2), after_removals=round(right(noisy), 2), no_noise=round(right(plain), 2),
          always_the_same=round(max(np.mean(liked[test] == 1), np.mean(liked[test] == -1)), 2))

# %% [markdown]
# Is the bound honest, or timid?
# We know the secret slope, so we can look at the true shift.

# %%
careful = classifier(bound="sharper")
remove_many(careful, most=20)
per_removal = {"paper": noisy.spent / noisy.removals, "sharper": careful.spent / careful.removals}
lab.claim("the true shift is more than a hundred times smaller than what was charged for it",
          noisy.spent > 100 * noisy.residual())
lab.claim("the same proof without its roundings up charges a tenth or less, and still more than is true",
          per_removal["sharper"] < per_removal["paper"] / 10 and careful.spent > careful.residual())

# %% [markdown]
# A certificate is about *leaving*.
# Who is in the data is not hidden by it.
# If that is hidden, forgetting comes free:
# a model trained with **differential privacy** is nearly the same with a record and without,
# so when the record leaves there is nothing to do.
# Here is one, by forty noisy steps.

# %%
def private_classifier(epsilon, delta=1e-5, steps=40, learning_rate=4.0):
    X, y, w = points[learn], liked[learn], np.zeros(384)
    noise_multiplier = steps**0.5 / dp.gaussian_mu(epsilon=epsilon, delta=delta)
    for _ in range(steps):
        gradients = -(y / (1 + np.exp(y * (X @ w))))[:, None] * X
        total = dp.clip(gradients, max_grad_norm=1.0).sum(axis=0) + rng.normal(0, noise_multiplier, 384)
        w -= learning_rate * total / 4000  # a public number, not the count of who is there
    return w


private = float(np.mean(np.sign(points[test] @ private_classifier(epsilon=1.0)) == liked[test]))
lab.claim("at epsilon 1 (delta 0.00001, one sentence added or removed, exact for Gaussian noise) the private "
          "classifier is about as good as the certified one", private > right(noisy) - 0.06,
          private=round(private, 2))

# %% [markdown]
# ## What it costs
#
# Now many requests at once, and the shortcuts side by side.
# Forty small networks learn handwritten digits, each from half of 500, by a coin for each record.
# One label in ten is wrong, so that there is something to learn by heart.
# Forty people of the 500 ask to be erased, and every network must forget those of them that it had.

# %%
X, y = load_digits(return_X_y=True)
mixed = rng.permutation(len(X))
X, y = X[mixed] / 16, y[mixed]
labels, wrong = y[:500].copy(), rng.random(500) < 0.1
labels[wrong] = (labels[wrong] + rng.integers(1, 10, wrong.sum())) % 10
had, asks = rng.random((40, 500)) < 0.5, np.arange(500) < 40
stays, leaves = had & ~asks, had & asks
clock, seconds, networks = time.process_time, {}, {}


def run(name, procedure):
    began = clock()
    networks[name] = procedure()
    seconds[name] = clock() - began


rows = X[:500]
run("nothing done", lambda: train_shadows(rows, labels, had, classes=10, seed=1))
run("retrained", lambda: train_shadows(rows, labels, stays, classes=10, seed=2))

# %% [markdown]
# The shortcuts: a little **ascent** on those who leave;
# a little more training on those who stay, in the hope that the rest fades;
# and **random labels**, a little more training on everybody, where those who leave get labels by lot.

# %%
start = networks["nothing done"]
run("ascent", lambda: train_further(start, rows, labels, leaves, steps=5, learning_rate=0.05, ascend=True))
run("the rest again", lambda: train_further(start, rows, labels, stays, steps=15, learning_rate=0.5))
by_lot = random_labels(labels, asks, classes=10, rng=rng)
run("random labels", lambda: train_further(start, rows, by_lot, had, steps=15, learning_rate=0.2))


def audit(name, kept=None):
    """The audits of lab 06 on the forty: who had the record, and who never did?"""
    before = None if kept is None else networks[kept].logits(rows[asks])
    return audit_erasure(networks[name].logits(rows[asks]), labels[asks], had[:, asks], before=before)


accuracy = {name: float(np.mean(each.logits(X[500:]).argmax(-1) == y[500:]))
            for name, each in networks.items()}
audits = {name: audit(name, kept="nothing done" if name != "nothing done" else None) for name in networks}
lab.measured("processor seconds: " + ", ".join(f"{name} {each:.1f}" for name, each in seconds.items()))

# %% [markdown]
# An auditor tries the attack of one line:
# call it "had the record" where the loss is low.
# Its score is the AUC,
# the chance that a network that had the record looks more like it than one that did not.
# He passes whatever scores below 0.55.
# **Predict:** how many of the three shortcuts pass?

# %%
lab.predict("How many of the three shortcuts pass the crude audit?", choices=[0, 1, 2, 3])

# %%
SHORTCUTS = ["ascent", "the rest again", "random labels"]
passes = [name for name in SHORTCUTS if audits[name].crude.auc < 0.55]
lab.truth(len(passes), "of three")
lab.measured("crude audit: " + ", ".join(f"{name} {each.crude.auc:.2f}" for name, each in audits.items()))
lab.measured("right on new digits: " + ", ".join(f"{name} {each:.0%}" for name, each in accuracy.items()))
lab.claim("by this rule random labels pass, as retraining does, and no other shortcut",
          passes == ["random labels"] and audits["retrained"].crude.auc < 0.55)
lab.claim("random labels cost points of accuracy, retraining next to none",
          accuracy["random labels"] < accuracy["retrained"] - 0.03
          and accuracy["retrained"] > accuracy["nothing done"] - 0.03)

# %% [markdown]
# Keep that result in mind.
# (The auditor looks from one end only.
# Whoever calls it "had the record" where the loss is *high* does better than a coin against random labels.)
#
# ## Tune it
#
# Back to the PIN.
# Ascent on the whole scrap left the digits.
# So go up on the four **digits alone**.
# Drag the steps: the histogram holds all 10,000 PINs, the line is the one to be forgotten.

# %%
START = len(planted.PREFIX)
PARTS = {"the whole scrap": slice(None), "the digits alone": slice(START, START + 4)}


def path_of(part, most=10):
    """The scores of all PINs after 0, 1, ... steps of ascent on the first office's model."""
    model, path = trained[0], [before[0]]
    for _ in range(most):
        model, _ = ascend(model, encode(texts[:1]), learning_rate=0.05, steps=1, part=part)
        path.append(pin_scores(log_probabilities(model)))
    return path


paths = {name: path_of(part) for name, part in PARTS.items()}

# %% tags=["hide-input"] jupyter={"source_hidden": true}
# Draws: where is the PIN among all, and from which end would you start?
def going_up(fig, step, ascent_on):
    """Where is the PIN among all, and from which end would you start?"""
    left, right = fig.subplots(1, 2, width_ratios=[1.2, 1])
    pin, path = offices[0].pin, paths[ascent_on]
    scores, lowest = path[step] / np.log(10), min(each.min() for each in path) / np.log(10)
    left.hist(scores, 60, color=lab.PLAIN, label="all 10,000 PINs")
    left.axvline(scores[pin], color=lab.ATTACKER, label="the erased PIN")
    left.set(xlabel="log10 of the probability", ylabel="PINs", xlim=(1.03 * lowest, 0.5), ylim=(0, 1100))
    left.legend(loc="upper left" if step < 5 else "upper right")
    top, bottom = (np.array([rank_exposure(sign * each, pin) for each in path]) for sign in (1, -1))
    right.plot(top, color=lab.ATTACKER, marker="o", ms=3, label="from the top")
    right.plot(bottom, color=lab.plots.SERIES[1], marker="o", ms=3, label="from the bottom")
    right.axvline(step, color="#BBBBBB", zorder=0)
    right.set(xlabel="steps of ascent", ylabel="exposure, bits", ylim=(-0.5, 17), xticks=range(0, 11, 2))
    right.legend(loc="upper center", ncols=2)
    fig.subplots_adjust(left=.08, right=.98, bottom=.17, top=.96, wspace=.22)
    end, most = ("bottom", bottom[step]) if bottom[step] > top[step] else ("top", top[step])
    return (f"After {step} steps on {ascent_on}: starting from the {end}, guess number "
            f"{10_000 / 2 ** most:,.0f} is right. From both ends by turns, "
            f"{two_sided_exposure(path[step], pin):.1f} bits.")


# %%
lab.explore(going_up, step=range(0, 11), ascent_on=["the digits alone", "the whole scrap"], start={"step": 8},
            labels={"ascent_on": "ascent on"})

# %% [markdown]
# **Question.** Is there a number of steps on the digits at which the PIN is safe from both ends?
#
# <details><summary>Answer</summary>
# It passes through the middle: for a step or so its rank is like any other's.
# One can stop there by watching the rank, as we do below, under "What did not come back".
# But then the procedure has been fitted to this one measure.
# Before it the PIN is at the top of the list, after it at the bottom.
#
# </details>

# %%
too_far = scores_of([ascend(model, encode(office.texts[:1]), learning_rate=0.05, steps=8,
                            part=PARTS["the digits alone"])[0] for model, office in zip(trained, offices)])
at_the_end = bits([-scores for scores in too_far])
lab.measured(f"exposure from the bottom, office by office {at_the_end.round(1)}")
lab.claim("after eight steps on the digits the exposure is nothing, "
          "and from the other end nearly all there is",
          bits(too_far).mean() < 1 and at_the_end.mean() > 11)

# %% [markdown]
# Golatkar and others call it the Streisand effect: what was hidden too well stands out.
#
# The other thing to tune is what **DP promises to several who ask together**.
# A family of $k$ in the data moves the sum of gradients $k$ times as far.
# For full batches with Gaussian noise that is exactly a Gaussian mechanism with $k$ times the shift.

# %% tags=["hide-input"] jupyter={"source_hidden": true}
# Draws: what does epsilon promise to k people who ask together?
def family(fig, epsilon, k):
    """What does epsilon promise to k people who ask together?"""
    ax = fig.add_axes([0.09, 0.17, 0.87, 0.76])
    mu = dp.gaussian_mu(epsilon=epsilon, delta=1e-5)
    together = [dp.gaussian_epsilon(mu=each * mu, delta=1e-5) for each in range(1, 21)]
    ax.plot(range(1, 21), together, color=lab.PRIVATE, marker="o", ms=3, label="all of them together")
    ax.plot(range(1, 21), epsilon * np.arange(1, 21), color=lab.BASELINE, ls="--", lw=1,
            label="k times epsilon")
    ax.plot(k, together[k - 1], "o", color=lab.PRIVATE, ms=10)
    ax.set(xlabel="people in one request", ylabel="epsilon", yscale="log", ylim=(0.1, 3000),
           xticks=range(1, 21))
    ax.legend(loc="upper left")
    sure = (1 + dp.gaussian_delta(sigma=1 / (k * mu), epsilon=0, sensitivity=1)) / 2
    return (f"A model with epsilon {epsilon:.2g} promises {k} people together epsilon {together[k - 1]:.1f} "
            f"(delta 1e-5). An attacker who starts at 50:50 is right about their being there at most "
            f"{sure:.0%} of the time.")


lab.explore(family, epsilon=(0.1, 8.0, 1.0), k=range(1, 21), start={"k": 5}, labels={"k": "people"})

# %% [markdown]
# **Question.** From two people on the curve lies *above* k times epsilon.
# Does that contradict the rule that k people have k times epsilon?
#
# <details><summary>Answer</summary>
# No: the rule lets delta grow as well, by a factor of $(e^{k\epsilon}-1)/(e^{\epsilon}-1)$.
# The curve keeps delta where it was.
#
# </details>

# %%
mu = dp.gaussian_mu(epsilon=1.0, delta=1e-5)
for_k = {k: dp.gaussian_epsilon(mu=k * mu, delta=1e-5) for k in (1, 2, 5, 20)}
print({k: round(each, 1) for k, each in for_k.items()})
lab.claim("epsilon 1 for one is a promise for two, a weak one for five, and none for twenty",
          for_k[2] < 2.5 and 5 < for_k[5] < 8 and for_k[20] > 30)

# %% [markdown]
# So such a list tells how many may leave before something must be done.
# (Sekhari and others ask how many can be deleted while the model stays nearly as *good*,
# and call that number the *deletion capacity*.)
#
# ## The attack again
#
# Random labels had passed.
# The **per-record** attack asks about one record at a time: what do networks say of *this* record
# that had it and erased it, and what do those that never had it?
# **Predict:** does it catch the shortcuts, and does it catch random labels?

# %%
lab.predict("Which shortcuts does the per-record audit catch?",
            choices=["none of them", "those that the crude audit caught", "every one"])

# %%
caught = [name for name in SHORTCUTS if audits[name].caught]
lab.truth("every one" if caught == SHORTCUTS else "none of them" if not caught
          else "those that the crude audit caught")
lab.measured("per record: " + ", ".join(f"{name} {each.per_record.auc:.2f}" for name, each in audits.items()))
lab.claim("what the crude audit passed the per-record audit catches: each shortcut leaves most of the trace",
          caught == SHORTCUTS and min(audits[name].per_record.auc for name in SHORTCUTS) > 0.65)
lab.claim("the control, retraining, is not accused", not audits["retrained"].caught)

# %% tags=["hide-input"] jupyter={"source_hidden": true}
# Draws: both audits of each procedure.
fig, ax = lab.plots.figure(8.2, 2.5)
for place, each in enumerate(audits.values()):
    ax.plot([each.crude.auc, each.per_record.auc], [place, place], color="#BBBBBB", zorder=0)
    ax.plot(each.crude.auc, place, "o", ms=8, mfc="white", color=lab.ATTACKER,
            label=None if place else "crude")
    ax.plot(each.per_record.auc, place, "o", ms=8, color=lab.ATTACKER,
            label=None if place else "per record")
ax.axvline(0.5, color=lab.BASELINE, ls="--", lw=1)
ax.set(yticks=range(len(audits)), yticklabels=list(audits), ylim=(len(audits) - 0.5, -0.5), xlim=(0.4, 1),
       xlabel="AUC: had it and erased it, against never had it (0.5: nothing left)")
ax.legend(loc="lower right")
plt.show()

# %% [markdown]
# Some records are hard for every network, and one threshold for all sees nothing there.
# Painted over is not gone: a network that was taught nonsense about this record says something else
# than one that never met it (Hayes and others, 2025).
# The same with words.
# Random PINs in the secret's place, and some ordinary scraps with them:

# %%
def paint_over(model, office, seed):
    lots = np.random.default_rng(100 + seed)
    false = [text[:16] for text in decoys(planted.PREFIX, digits=4, count=16, rng=lots, end=". ")]
    others = [office.texts[row] for row in 1 + lots.permutation(255)[:48]]
    return train(copy.deepcopy(model), encode(false + others), epochs=3, batch_size=16, learning_rate=0.004,
                 seed=seed, settle=1)


painted = [paint_over(model, office, seed) for seed, (model, office) in enumerate(zip(trained, offices))]
after_paint = scores_of(painted)
lab.measured(f"exposure under paint {bits(after_paint).round(1)}, retrained {bits(after).round(1)}")
lab.claim("sixteen false PINs lower the exposure, and on average leave more than retraining does",
          bits(after).mean() + 0.3 < bits(after_paint).mean() < bits(before).mean() - 3)

# %% [markdown]
# **And now somebody kept the old model.**
# He had downloaded it, or noted its answers.
# The office has *retrained*, exactly, with other random numbers, and publishes the new model.
# Alone the new one tells nothing.
# He takes the **difference** of the two scores of each PIN: which one fell most?
# The control: by the same differences, the PINs of the *other* offices, which neither model ever saw.

# %%
def difference(old, new):
    """Exposure of each office's own PIN by before minus after, and of the others' PINs by the same."""
    change = [a - b for a, b in zip(old, new)]
    others = [rank_exposure(each, office.pin) for place, each in enumerate(change)
              for other, office in enumerate(offices) if other != place]
    return bits(change), np.array(others)


own, others = difference(before, after)
lab.measured(f"by the difference {own.round(1)}, the others' PINs {others.mean():.1f} on average")
lab.claim("before minus after tells the PIN, though it is gone from the new model; no other PIN shows",
          own.mean() > 10 and others.mean() < 3)

# %% tags=["hide-input"] jupyter={"source_hidden": true}
# Draws: the PIN in the new model alone, and in the difference.
fig, axes = lab.plots.figure(8.2, 2.6, ncols=2)
pictures = [(after[0] / np.log(10), "retrained model alone: log10 of the probability"),
            ((before[0] - after[0]) / np.log(10), "old minus retrained")]
for ax, (values, title) in zip(axes, pictures):
    ax.hist(values, 60, color=lab.PLAIN, label="all 10,000 PINs")
    ax.axvline(values[offices[0].pin], color=lab.ATTACKER, label="the erased PIN")
    ax.set(xlabel=title, ylabel="PINs")
    ax.margins(y=0.4)  # room for the legend
axes[0].legend(loc="upper left")
plt.show()

# %% [markdown]
# Here the old model alone told it, too.
# So take models that leak little by themselves: two rounds over the mails, where the validation loss is best.
# **Predict:** old model, new model, both together: which order?

# %%
lab.predict("Which tells most about the PIN?", choices=["the old model", "the new model", "both together"])

# %%
MANY = 10  # these models are quick to train, and leak little, so we play more offices
offices = [planted.plant(seed) for seed in range(MANY)]
gentle = [[fine_tune(office.texts[first:], seed + 500 * first, epochs=2)
           for seed, office in enumerate(offices)] for first in (0, 1)]
old, new = map(scores_of, gentle)
alone, cleared, both = bits(old).mean(), bits(new).mean(), bits([a - b for a, b in zip(old, new)]).mean()
lab.measured(f"on average: old {alone:.1f}, new {cleared:.1f}, both {both:.1f} bits")
lab.truth(["the old model", "the new model", "both together"][int(np.argmax([alone, cleared, both]))])
lab.claim("erasing made it worse: the two models together tell more than the old one did alone",
          both > max(alone, cleared))

# %% [markdown]
# An honest erasure has pointed at the record.
# **Unless the models were private.**
# The same with DP-SGD at epsilon 8, which many call weak, before and after, with fresh noise.

# %%
DELTA, offices = 1e-4, offices[:3]
plan = dp.Plan.for_budget(epsilon=8, delta=DELTA, records=256, batch_size=32, steps=60, max_grad_norm=1.0,
                          learning_rate=0.3)


def train_privately(scraps, seed):
    tokens = encode(scraps)
    return dp.train_private(base, tokens[:, :-1], tokens[:, 1:], plan=plan, delta=DELTA, loss=next_token_loss,
                            rng=np.random.default_rng(seed)).model


pairs = [[train_privately(office.texts[first:], seed + 500 * first) for first in (0, 1)]
         for seed, office in enumerate(lab.progress(offices, "private"))]
old, new = (scores_of(models) for models in zip(*pairs))
hidden = bits([a - b for a, b in zip(old, new)]).mean()
lab.measured(f"private models: both together {hidden:.1f} bits on average")
lab.claim("at epsilon 8 (delta 0.0001, one scrap added or removed, PLD) the pair tells fewer than five bits "
          "on average; luck alone gives one or two",
          hidden < 5)

# %% [markdown]
# The promise holds for the pair:
# the second model never met the record, so only the first one spent anything on it.
# Those who *stay* were read twice.
# What have they now?

# %%
twice = dp.epsilon_spent(noise_multiplier=plan.noise_multiplier, sample_rate=plan.sample_rate,
                         steps=2 * plan.steps, delta=DELTA)
lab.claim("somebody's leaving costs the others: two trainings, one promise that is weaker for who stays",
          8 * 1.2 < twice < 16, epsilon=round(twice, 1))

# %% [markdown]
# ### What did not come back
#
# Two findings on large models say that unlearnt text returns: after a few steps of training on *other* text,
# found on models of billions of weights (Hu and others, 2025),
# and after the weights are rounded to four bits, found on such models as well (Zhang and others, 2025).
# We tried both on ours, of 57,000 weights.
# Ascent on the digits, with a pull to the old answers on other scraps,
# stopped by looking at the exposure itself.

# %%
def until_it_looks_right(model, office):
    """Steps on the digits until the PIN's exposure is that of chance: the auditor's measure as the goal."""
    for _ in range(20):
        if rank_exposure(pin_scores(log_probabilities(model)), office.pin) <= 2:
            break
        model, _ = ascend(model, encode(office.texts[:1]), learning_rate=0.02, steps=1,
                          part=PARTS["the digits alone"], keep=encode(office.texts[1:65]))
    return model


def relearn(model):
    """Four steps on eight PINs of other people."""
    lots = np.random.default_rng(7)
    theirs = [text[:16] for text in decoys(planted.PREFIX, digits=4, count=8, rng=lots, end=". ")]
    return train(copy.deepcopy(model), encode(theirs), epochs=2, batch_size=4, learning_rate=0.002, seed=1)


def four_bits(model):
    rounded = copy.deepcopy(model)
    with torch.no_grad():
        for weights in rounded.parameters():
            if weights.dim() == 2:
                unit = weights.abs().max() / 7
                weights.copy_((weights / unit).round() * unit)
    return rounded


# %%
offices = [planted.plant(seed) for seed in range(OFFICES)]
goal = [until_it_looks_right(model, office) for model, office in zip(trained, offices)]
tried = {"looks right": goal, "and relearnt": map(relearn, goal), "and in four bits": map(four_bits, goal)}
tried = {name: scores_of(models) for name, models in tried.items()}
lab.measured("; ".join(f"{name} {bits(scores).mean():.1f}" for name, scores in tried.items())
             + " bits on average")
lab.claim("neither relearning nor rounding brings our PIN back",
          max(bits(scores).mean() for scores in tried.values()) < 4)
lab.claim("but the difference to the old model tells it as before",
          difference(before, tried["looks right"])[0].mean() > 10)

# %% [markdown]
# So do not take either for a law of nature, nor our failure for safety: this model is tiny, its secret short.
# What held here, on average over the offices: exposure after a forgotten loss, the other end of the list,
# and before minus after.
# A procedure that stops when the auditor's number is right has been fitted to the auditor;
# the next attack is the one that he did not run.
#
# ## Check yourself
#
# **1.** Write `both_ends(scores, mine)`: the exposure, in bits, of the candidate at index `mine`
# to somebody who guesses from both ends by turns.
# Take the larger of the exposures from the top and from the bottom, less one bit, and never below zero.
# A candidate with the same score as yours counts as guessed before it.

# %%
both_ends = ...
check("both ends", both_ends)

# %% [markdown] tags=["solution"]
# <details><summary>Solution</summary>
#
# ```python
# def both_ends(scores, mine):
#     scores = np.asarray(scores)
#     better, worse = (scores >= scores[mine]).sum(), (scores <= scores[mine]).sum()
#     return max(0, np.log2(len(scores)) - np.log2(min(better, worse)) - 1)
#
# check("both ends", both_ends)
# ```
#
# </details>

# %% [markdown]
# **2.** A model is made of `shards` equal piles.
# `requests` people ask on one day, each in a pile by lot,
# and their piles are trained again together that night.
# Write `share_again(requests, shards)`: what share of the piles is trained again, on average?

# %%
share_again = ...
check("a day's requests", share_again)

# %% [markdown] tags=["solution"]
# <details><summary>Solution</summary>
#
# ```python
# def share_again(requests, shards):
#     return 1 - (1 - 1 / shards) ** requests
#
# check("a day's requests", share_again)
# ```
# With ten piles and ten requests it is nearly two thirds:
# shards help against the single request, not against a wave.
#
# </details>

# %% [markdown]
# **3.** Write `removals(charges, budget)`: how many removals a certificate covers.
# `charges` holds the bounds of the removals in the order in which people ask.
# The first one that would go over the budget is refused, and then the model is retrained.

# %%
removals = ...
check("removals", removals)

# %% [markdown] tags=["solution"]
# <details><summary>Solution</summary>
#
# ```python
# def removals(charges, budget):
#     return int((np.cumsum(charges) <= budget).sum())
#
# check("removals", removals)
# ```
# Comparing each charge alone with the budget is the mistake that the tests of `labkit.unlearning` catch.
#
# </details>

# %% [markdown]
# **4.** A model was trained by full batches with Gaussian noise, epsilon 2 at delta 0.00001,
# one record added or removed.
# A family of four asks together.
# Which epsilon, at the same delta, do the four have together?
# (`dp.gaussian_mu` and `dp.gaussian_epsilon` are at hand.)

# %%
family_of_four = ...
check("a family of four", family_of_four)

# %% [markdown] tags=["solution"]
# <details><summary>Solution</summary>
#
# ```python
# family_of_four = dp.gaussian_epsilon(mu=4 * dp.gaussian_mu(epsilon=2, delta=1e-5), delta=1e-5)
# check("a family of four", family_of_four)
# ```
#
# </details>

# %% [markdown]
# **5.** A decision.
# The model is public, was trained without privacy in ten shards, and can be downloaded.
# Somebody asks to be erased.
# What do you propose?
#
# * A: ascent on the person's records until the loss is that of strangers;
#   publish the new model beside the old one.
# * B: train the shard again, publish the new model, and leave the old one for those who need it.
# * C: train the shard again, take the old model down, audit per record, and tell the person that copies
#   of the old model may exist, and that two models together can tell more than one.
# * D: leave the model as it is, and let a filter refuse questions about the person.

# %%
propose = ...
check("the request", propose)

# %% [markdown] tags=["solution"]
# <details><summary>Solution</summary>
#
# ```python
# propose = "C"
# check("the request", propose)
# ```
# It is exact, it is audited, and it promises no more than it can keep.
# For the next model: train it with privacy, so that a request finds little to erase.
#
# </details>

# %% [markdown]
# ## Limits and further reading
#
# * These models are tiny, and were trained for long on little.
#   What ascent leaves, and what comes back, depends on the model; the comparison with retraining does not.
# * An audit that sees nothing proves nothing: a sharper attack may come.
#   Exact retraining, a certificate and DP are arguments; the others are hopes.
# * Retraining is not harmless for those who stay (Cohen and others, 2026),
#   and requests that depend on the published models break guarantees that hold for requests made in advance
#   (Chourasia and Shah, 2023).
#   Both the shards' lots and the certificate assume the latter.
# * The certificate's proof takes the shift as given, while it depends a little on the secret slope;
#   the tests of `labkit.unlearning` audit both together, in one and two dimensions.
#   And it is for models with one best solution, not for networks.
# * Models derived from the old one, and copies, keep what they have.
# * We erased a record of our own making.
#   Finding everything about a person in the training data is a task before this one.
#
# Bourtoule and others, *Machine unlearning*, IEEE Symposium on Security and Privacy 2021.
# Guo, Goldstein, Hannun and van der Maaten, *Certified data removal from machine learning models*, ICML 2020.
# Sekhari, Acharya, Kamath and Suresh,
# *Remember what you want to forget: algorithms for machine unlearning*, NeurIPS 2021 (deletion capacity).
#
# Golatkar, Achille and Soatto, *Eternal sunshine of the spotless net*, CVPR 2020.
# Jang and others, *Knowledge unlearning for mitigating privacy risks in language models*, ACL 2023.
#
# Chen and others, *When machine unlearning jeopardizes privacy*, CCS 2021.
# Hayes and others,
# *Inexact unlearning needs more careful evaluations to avoid a false sense of privacy*, SaTML 2025.
# Hu and others, *Unlearning or obfuscating?
# Jogging the memory of unlearned LLMs via benign relearning*, ICLR 2025.
# Zhang and others, *Catastrophic failure of LLM unlearning via quantization*, ICLR 2025.
#
# Chourasia and Shah, *Forget unlearning: towards true data-deletion in machine learning*, ICML 2023.
# Cohen, Kohen, Nissim and Stemmer, arXiv 2602.16697.
#
# Regulation (EU) 2016/679 (GDPR), Article 17.
# European Data Protection Board, Opinion 28/2024 on certain data protection aspects
# related to the processing of personal data in the context of AI models, December 2024.
#
# Data: SpamAssassin public mail corpus; film reviews of Pang and Lee, scored by Hutto and Gilbert (2014);
# handwritten digits of Alpaydin and Kaynak, in scikit-learn.
