# ---
# jupyter:
#   kernelspec: {display_name: Python 3, language: python, name: python3}
# ---

# %% [markdown]
# # 15 · Whose model is this? Protecting the model itself
#
# *About 90 minutes: 70 for the required sections;
# "A smaller model", "A robust model" and "What the article says" are optional.
# You need lab 06 (membership inference).
# Terms are also explained in the [glossary](00-start-here.ipynb#Glossary).*
#
# **Afterwards you can** steal a model through its own interface and say what slows the thief down,
# fool a model with noise that no person minds,
# put three kinds of watermark into a model or a text and say with an exact probability what they prove,
# make a model smaller, and tell which of all these measures protect *people* (few do).

# %%
import copy
import hashlib
import io
import time
from collections import Counter
from functools import lru_cache, partial

import matplotlib.pyplot as plt
import numpy as np
import torch
from scipy.special import softmax

from labkit import datasets, lab
from labkit.attacks.class_inversion import invert_class
from labkit.attacks.evasion import fgsm, pgd, random_noise, square_attack
from labkit.attacks.membership import lira, log_odds, loss_threshold, roc
from labkit.attacks.theft import Interface, agreement, solve_softmax, steal
from labkit.exercises.lab_15 import check
from labkit.models import mlp, softmax_regression
from labkit.models.fitting import accuracy, fit, logits_of, probabilities_of
from labkit.models.ngram import NGram
from labkit.protection import (TextMark, TriggerMark, WeightMark, distil, prune, quantise,
                               size_in_bytes, train_adversarially, train_population)

# %% [markdown]
# ## What goes wrong
#
# A company sells a model that reads handwritten digits.
# Customers send a photo and get ten probabilities back.
# The model itself never leaves the building.
# What can happen to it?

# %%
photos, tests = datasets.mnist().split()
company, unseen = photos.take(range(6000)), tests.take(range(2000))
X, y = company.X, company.y                          # what the company learns from
X_new, y_new = unseen.X, unseen.y                    # what nobody has seen
others = photos.take(range(20_000, 26_000)).X        # what the thief has: no labels


def blank(hidden=100, seed=0):
    torch.manual_seed(seed)
    return mlp(784, hidden, 10)


def reads(model, images):
    return logits_of(model, images).argmax(axis=1)


reader = fit(blank(), X, y, steps=800)
majority = np.bincount(y_new).max() / len(y_new)
lab.claim("the company's model reads about nine digits in ten",
          accuracy(reader, X_new, y_new) > 0.88, always_the_commonest_digit=round(majority, 2))

# %% [markdown]
# ### It is stolen through its own interface
#
# The thief has photos without labels.
# It asks about them, and trains a smaller network on the answers.
# The more it asks, the more often the copy gives the same answer as the original:

# %%
def copy_of(model, questions, inputs=others, **shown):
    counter = Interface(model, **shown)
    return steal(counter, blank(32, seed=4), inputs[:questions], steps=150, learning_rate=8e-3)


counts = [30, 100, 300, 1000]
stolen = {count: agreement(copy_of(reader, count), reader, X_new) for count in counts}

fig, ax = lab.plots.figure(6.5, 2.3)
ax.semilogx(counts, stolen.values(), "o-", color=lab.ATTACKER, label="the stolen copy")
lab.plots.baseline(ax, majority, "always the commonest digit")
ax.set(xlabel="questions asked", ylabel="agrees on new photos", ylim=(0, 1))
ax.set_xticks(counts, [f"{count:,}" for count in counts])
ax.minorticks_off()
lab.plots.percent(ax)
ax.legend(loc="lower right", bbox_to_anchor=(1, 0.15))
plt.show()

# %%
lab.claim("a thousand questions buy a copy that agrees on over 85 % of new photos",
          stolen[1000] > 0.85 > 0.7 > stolen[30])

# %% [markdown]
# A program asks a thousand questions in no time.
# Is it a theft, or did the thief just learn to read digits?
# Two **controls** have the same photos and the same training, and ask nothing.
# One has labels drawn by lot; the other has the photos' *true* labels, which people can give.

# %%
lab.predict("An honest reader of digits asks nothing. For how many percent of new photos does it agree "
            "with the company's model?", low=0, high=100)

# %%
rng = np.random.default_rng(15)
labels = {"drawn by lot": rng.integers(0, 10, 1000), "true": photos.y[20_000:21_000]}
asked_nothing = {name: fit(blank(32, seed=4), others[:1000], each, steps=150, learning_rate=8e-3)
                 for name, each in labels.items()}
agrees_by_itself = {name: agreement(each, reader, X_new) for name, each in asked_nothing.items()}
honest = agrees_by_itself["true"]
lab.truth(10 * round(10 * honest), "%, rounded to tens")
lab.claim(f"with labels drawn by lot the copy agrees with nobody; with true labels it agrees on "
          f"about {10 * round(10 * honest)} % of new photos, without one question",
          agrees_by_itself["drawn by lot"] < 0.3 and agrees_by_itself["true"] > 0.8)

# %% [markdown]
# So agreement proves no theft: two good readers agree because both are right.
# What only a copy has in common with its original are the *mistakes*.

# %%
mistaken = reads(reader, X_new) != y_new
same_mistakes = {name: agreement(model, reader, X_new[mistaken]) for name, model in
                 {"thief": copy_of(reader, 1000), "honest": asked_nothing["true"]}.items()}
lab.measured(f"where the company's model is wrong ({mistaken.sum()} photos), the thief's copy says "
             f"the same for {same_mistakes['thief']:.0%}, the honest one for "
             f"{same_mistakes['honest']:.0%}")
lab.claim("of the original's mistakes the thief repeats at least 5 in 100 more than the honest "
          "reader: that is the evidence",
          same_mistakes["thief"] > same_mistakes["honest"] + 0.05)

# %% [markdown]
# ### It is fooled
#
# Take photos that the model reads well,
# and change each grey level by at most a tenth of the way from white to black.
# A person still reads them.

# %%
lab.predict("How many percent of the changed photos does the model still read?", low=0, high=100)

# %%
BUDGET = 0.1                                          # the most that a pixel may change
some, truth = X_new[:300], y_new[:300]
attacked = pgd(reader, some, truth, epsilon=BUDGET, steps=20)


def gallery(model, before, after, chosen):
    fig, axes = lab.plots.figure(8.2, 2.4, nrows=2, ncols=len(chosen))
    for column, place in enumerate(chosen):
        for ax, images in zip(axes[:, column], (before, after)):
            said = reads(model, images[[place]])[0]
            ax.imshow(images[place].reshape(28, 28), cmap="gray_r", vmin=0, vmax=1)
            ax.set_axis_off()
            ax.set_title(f"read as {said}", fontsize=9, loc="center", weight="normal",
                         color=lab.ATTACKER if said != truth[place] else "#333333")
    plt.show()


became = reads(reader, attacked)
first = np.flatnonzero((truth == 3) & (reads(reader, some) == 3) & (became == 8))[:1]
rest = np.flatnonzero((reads(reader, some) == truth) & (became != truth))[:7]
gallery(reader, some, attacked, [*first, *rest])

# %% [markdown]
# A 3 has become an 8, for the model alone.
# The lower row is what it saw.
# Is it just that noise is bad for it?
# The control is noise of the same size, with the signs tossed by a coin:

# %%
noisy = random_noise(X_new, epsilon=BUDGET, rng=np.random.default_rng(1))
left_right = [10 * round(10 * accuracy(reader, *each)) for each in ((attacked, truth), (noisy, y_new))]
lab.truth(left_right[0], "%, rounded to tens")
lab.claim(f"the attack leaves about {left_right[0]} % right; aimless noise of the same size leaves about "
          f"{left_right[1]} %",
          accuracy(reader, attacked, truth) < 0.05 and accuracy(reader, noisy, y_new) > 0.8)

# %% [markdown]
# ### It tells what its classes look like
#
# Now a simpler model, one linear layer, which knows ten "people".
# Person 7 is in the training data, among 6,000 photos,
# with *one* photo (repeated), with hundreds, or not at all.
# Somebody who holds the weights starts from a white page and darkens what makes the model surer of person 7.

# %%
lab.predict("In which of the three cases will you recognise a training photo?",
            choices=["many photos", "one photo", "never seen", "none of them"])

# %%
seven = np.flatnonzero(y == 7)
enrolled = {"many photos": np.arange(len(y)), "never seen": np.flatnonzero(y != 7),
            "one photo": np.append(np.flatnonzero(y != 7), np.repeat(seven[0], 600))}
found = {}
for name, rows in enrolled.items():
    model = fit(softmax_regression(784, 10), X[rows], y[rows], steps=300, learning_rate=5e-3)
    found[name] = invert_class(model, 7, features=784, steps=100, step_size=0.02, decay=0.01)

# %% tags=["hide-input"] jupyter={"source_hidden": true}
# Draws: a photo, the disturbance, and what the model then sees.
fig, axes = lab.plots.figure(8.2, 2.1, ncols=4)
shown = {"the one photo": X[seven[0]], **found}
for ax, (name, image) in zip(axes, shown.items()):
    ax.imshow(image.reshape(28, 28), cmap="gray_r")
    ax.set_axis_off()
    ax.set_title(name, loc="center", size=9, weight="normal",
                 color="#333333" if name == "the one photo" else lab.ATTACKER)
plt.show()

# %%
def alike(image, *photos):
    """Correlation of an image with each photo: 1 is the same picture, 0 is no relation."""
    return np.corrcoef(image, photos)[0, 1:]


own, *strangers = alike(found["one photo"], *X[seven])
lab.truth("one photo" if own > max(strangers) else "none of them")
lab.claim("a class of one: the weights give back that photo, not just any seven",
          own > max(strangers), the_photo=round(own, 1),
          best_of_all_others=round(max(strangers), 1))
lab.claim("from hundreds of photos or from none, nobody's photo comes back",
          max(alike(found[name], *X[seven]).max()
              for name in ("many photos", "never seen")) < 0.6)

# %% [markdown]
# This is **model inversion** (Fredrikson et al., 2015).
# It draws what the class has in common.
# Where a class is one person, as in face recognition, that is the person.
#
# ## The idea
#
# Three different things need protecting here, and each has its own tools.
#
# | | what is at stake | who attacks | what helps |
# |---|---|---|---|
# | **ownership** | whose model, whose text is this? | a thief, a cheat | a *watermark*: a secret that can be read back; a price on questions |
# | **integrity** | is the answer right? | whoever sends inputs | *adversarial training* |
# | **privacy** | who is in the training data? | whoever sees outputs or weights | differential privacy (labs 03 to 06); none of the others |
#
# All watermarks rest on one idea: *a test against chance*.
# The owner draws a secret by lot: bits, labels, or the colours of words.
# A model made without the secret agrees with each of the $n$ parts with a known probability $q$,
# like coins, so the chance of $k$ or more matches is exactly
#
# $$ p \;=\; \sum_{j \ge k} \binom{n}{j} q^j (1-q)^{n-j}, \qquad\text{and in standard deviations}\quad z \;=\; \frac{k - qn}{\sqrt{n q (1-q)}} . $$
#
# The picture has what a model *without* the mark would show for 64 bits, and what a marked one shows.

# %%
from scipy.stats import binom

matches = np.arange(65)
fig, ax = lab.plots.figure(8.2, 2.2)
ax.bar(matches, binom.pmf(matches, 64, 0.5), color=lab.PLAIN, label="made without the key")
ax.axvline(64, color=lab.PRIVATE, lw=3, label="marked")
sure = int(matches[binom.sf(matches - 1, 64, 0.5) < 1e-6][0])
lab.plots.guarantee(ax, sure, "chance below one in a million", axis="x")
ax.set(xlabel="bits of 64 that agree", yticks=[], xlim=(15, 66))
ax.legend(loc="upper left", bbox_to_anchor=(1, 1))
plt.show()
lab.claim("51 of 64 bits are already beyond a chance of one in a million", sure == 51)

# %% [markdown]
# ## Build it
#
# ### Fool it
#
# The model learns by moving its weights *down* the slope of the loss.
# The attacker moves the input *up* the slope, a little at a time, and never further than the budget.
# That is **projected gradient descent** (PGD).

# %%
def nudge(model, images, labels, budget, steps):
    images, labels = torch.tensor(images), torch.tensor(labels)
    now = images
    for _ in range(steps):
        now = now.detach().requires_grad_()
        loss = torch.nn.functional.cross_entropy(model(now), labels, reduction="sum")
        uphill = torch.autograd.grad(loss, now)[0].sign()
        now = now.detach() + 2.5 * budget / steps * uphill
        now = images + (now - images).clamp(-budget, budget)     # back into the budget
        now = now.clamp(0, 1)                                    # and into a picture
    return now.numpy()


ours = nudge(reader, some, truth, BUDGET, 20)
lab.claim("our ten lines and the package's attack move the pixels alike",
          np.mean(np.abs(ours - attacked) < 1e-5) > 0.999)

# %% [markdown]
# One step of full size is the *fast gradient sign method*, FGSM.
#
# ### Mark the weights
#
# Draw 64 bits and a random matrix by lot: that is the secret.
# Average the first layer's weights over its units, multiply by the matrix, and read each bit from a sign.
# While the model trains, a small extra loss pushes each sign to its side (Uchida et al., 2017).

# %%
secret = torch.from_numpy(rng.normal(size=(64, 784))).float()
bits = torch.from_numpy(rng.integers(0, 2, 64)).float()


def sums(model):
    return secret @ model[0].weight.mean(dim=0)


def mark_loss(model):
    return 0.05 * torch.nn.functional.binary_cross_entropy_with_logits(sums(model), bits)


def right_bits(model):
    return int(((sums(model) > 0) == bits.bool()).sum())


sketch = fit(blank(seed=1), X, y, steps=300, penalty=mark_loss)
lab.claim("all 64 bits can be read from the marked model; from the other, about half",
          right_bits(sketch) == 64 and 16 < right_bits(reader) < 48)
lab.measured(f"{right_bits(reader)} of 64 in the unmarked model")

# %% [markdown]
# ### Mark the text
#
# A model that writes chooses one word after another.
# Before each choice, a secret key tosses a coin for every word of the vocabulary: *green* or *red*.
# The writer leans towards green.
# Who reads sees nothing; who has the key counts (Kirchenbauer et al., 2023).
# Our writer is tiny: it has counted which word follows which two in ten thousand sentences of film reviews.
# It writes nonsense, and marks it like a large one.

# %%
sentences = datasets.film_reviews().X
writer = NGram.learn(sentences)
V, key = len(writer.vocabulary), b"a secret that is drawn by lot!!!"


def green_words(previous):
    seed = hashlib.sha256(key + int(previous).to_bytes(4, "little")).digest()
    return np.random.default_rng(list(seed)).random(V) < 0.5     # a coin for every word


def lean(previous, chances, strength=2.0):
    return chances * np.exp(strength * green_words(previous))


def z_score(words):
    pairs = set(zip(words[:-1].tolist(), words[1:].tolist()))   # each pair counts once
    green = sum(green_words(previous)[word] for previous, word in pairs)
    return (green - len(pairs) / 2) / (len(pairs) / 4) ** 0.5


marked_text, plain_text = (writer.generate(200, rng=np.random.default_rng(3), adjust=how)
                           for how in (lean, None))

# %% [markdown]
# Two paragraphs; one is marked:

# %%
import textwrap

for name, words in {"A": plain_text, "B": marked_text}.items():
    print(textwrap.fill(f"{name}: " + " ".join(writer.words(words[:60])), 90), "\n")

# %%
lab.predict("Which paragraph is watermarked?", choices=["A", "B"])

# %%
higher = "B" if z_score(marked_text) > z_score(plain_text) else "A"
lab.truth(higher)
lab.claim(f"the z-score knows: paragraph {higher} is marked, the other is within chance",
          z_score(marked_text) > 6 and abs(z_score(plain_text)) < 4,
          A=round(z_score(plain_text), 1), B=round(z_score(marked_text), 1))

# %% [markdown]
# ## Use the real thing
#
# The package has the same three marks with more care:
# secrets from the operating system unless you give a seed,
# a keyed hash in place of a seeded generator (whose coins an attacker might guess), exact p-values.
# And a mark for those who cannot see the weights:
# **triggers**, pictures of pure noise with labels by lot, learnt by heart (Adi et al., 2018).
# We train one model with both kinds, as its owner would, and publish a **hash** of the secrets:
# a short fingerprint, from which nobody gets the secrets back, and which no other secrets share.

# %%
weight_mark = WeightMark.random(bits=64, inputs=784, rng=rng)
triggers = TriggerMark.random(count=50, features=784, classes=10, rng=rng)
owned = fit(blank(), *triggers.added_to(X, y, copies=10), steps=800,
            penalty=lambda model: weight_mark.penalty(model[0].weight, strength=0.05))


def marks(model):
    return (weight_mark.evidence(model[0].weight),
            triggers.evidence(lambda inputs: logits_of(model, inputs)))


for name, model in {"marked": owned, "another": reader}.items():
    lab.measured(f"{name} model: " + ", ".join(
        f"{each.matches} of {each.total} (p = {each.p_value:.0e})" for each in marks(model)))
print("published on the day of release:", weight_mark.commitment()[:16], "...")

# %%
lab.claim("both marks read in full; an unmarked model shows neither",
          all(each.matches == each.total for each in marks(owned))
          and all(each.p_value > 1e-3 for each in marks(reader)))
lab.claim("a full reading has a chance below one in a million in a model made without the key",
          max(each.p_value for each in marks(owned)) < 1e-6)

# %% [markdown]
# Why publish the hash?
# Because a cheat can do without a mark:

# %%
someones = WeightMark.random(bits=64, inputs=784, rng=rng)
chosen = someones.read(reader[0].weight)            # the bits, chosen afterwards
cheat = WeightMark(someones.key, chosen)
lab.claim("who chooses the secret after seeing the model can claim any model",
          cheat.evidence(reader[0].weight).matches == 64)

# %% [markdown]
# So the hash must be dated *before* the model is seen.
# Is that enough?
# A cheat commits, years ahead, to 50 "triggers": ordinary digits, with the labels that they have.
# Then he asks a stranger's model about them, which nobody marked:

# %%
unmarked = photos.take(range(30_000, 30_050))
ordinary = TriggerMark(unmarked.X, unmarked.y, 10)
false_claim = ordinary.evidence(lambda inputs: logits_of(reader, inputs))
lab.claim("a dated hash is not enough: triggers can be chosen that every reader of digits knows, "
          "over 40 of 50, with a p-value below one in a million",
          false_claim.matches > 40 and false_claim.p_value < 1e-6)
try:
    ordinary.commitment()
except ValueError as error:
    print(error)

# %% [markdown]
# The p-value is true for a secret drawn *by lot*, and for no other (Liu and others, 2024).
# So the package commits to a short random **seed**, and computes the whole mark from it with a hash function.
# Nobody can bend the mark then, and whoever checks a claim computes it again, from the seed.
# A cheat may still try seed after seed before committing:
# a million tries make a p-value a million times smaller.
# Ask for one below $10^{-12}$.

# %%
shown = WeightMark.from_seed(weight_mark.seed, bits=64, inputs=784)  # what a judge does
lab.claim("from the seed a judge gets the published hash and the same full reading, beyond a "
          "million tries",
          shown.commitment() == weight_mark.commitment()
          and 1e6 * shown.evidence(owned[0].weight).p_value < 1e-6)

# %% [markdown]
# For the rest, use libraries.
# Pruning is in PyTorch; ours is the same:

# %%
from torch.nn.utils import prune as torch_prune

theirs = copy.deepcopy(owned)
torch_prune.global_unstructured([(theirs[0], "weight"), (theirs[2], "weight")],
                                torch_prune.L1Unstructured, amount=0.5)
ours = prune(owned, 0.5)
lab.claim("PyTorch's pruning and ours cut the same weights",
          all(torch.equal(theirs[place].weight, ours[place].weight) for place in (0, 2)))

# %% [markdown]
# Attacks and text marks (not run here;
# the package's tests compare FGSM and PGD with the toolbox, pixel by pixel):
#
# ```python
# from art.attacks.evasion import ProjectedGradientDescent          # Adversarial Robustness Toolbox
# from art.estimators.classification import PyTorchClassifier
# victim = PyTorchClassifier(model, loss=torch.nn.CrossEntropyLoss(), input_shape=(784,), nb_classes=10,
#                            clip_values=(0, 1))
# attacked = ProjectedGradientDescent(victim, eps=0.1, eps_step=0.0125, max_iter=20).generate(images, labels)
#
# from transformers import WatermarkDetector, WatermarkingConfig      # green lists for language models
# key = secrets.randbits(60)  # hashing_key has a public default: anybody could read and write such a mark
# green = WatermarkingConfig(bias=2.0, hashing_key=key)
# marked = model.generate(**prompt, watermarking_config=green, do_sample=True)
# detector = WatermarkDetector(model.config, "cpu", green, ignore_repeated_ngrams=True)
# ```
#
# Mind the two settings of the last lines.
# Without `hashing_key` everybody has the same key, which is public:
# anybody could read such a mark, and write it.
# And unless told otherwise the detector counts a repeated phrase again and again,
# which accuses people: see "What it costs".
#
# For robustness claims in earnest use AutoAttack: one weak attack that fails proves nothing.
#
# ## What it costs
#
# ### The marks
#
# First the price in accuracy of 64 bits and 50 triggers, and that of leaning towards green words:

# %%
text_mark = TextMark(V, strength=2.0, key=key)
plain_texts = [writer.generate(200, rng=rng) for _ in range(12)]
marked_texts = [writer.generate(200, rng=rng, adjust=text_mark.adjust) for _ in range(12)]
surprise = [np.mean([writer.surprise(text) for text in texts])
            for texts in (plain_texts, marked_texts)]
lab.claim("the marked reader is within 2 points of the unmarked one",
          abs(accuracy(owned, X_new, y_new) - accuracy(reader, X_new, y_new)) < 0.02)
lab.claim("marked text is less natural to its own writer, by under a bit per word",
          0 < surprise[1] - surprise[0] < 1, bits_a_word=round(surprise[1] - surprise[0], 1))

# %% [markdown]
# And false alarms, which cost an innocent student more than a mark is worth:
# 1,000 texts by people, 200 words each, from the film reviews; the threshold is the usual $z > 4$.
# Then e-mails, which repeat themselves, under three keys.
# Watch how much hangs on the way in which repeated words are counted.

# %%
everything = np.concatenate([writer.encode(sentence) for sentence in sentences])
human = everything[:200_000].reshape(1000, 200)
mails = [words for words in (writer.encode(mail)[:400] for mail in datasets.spam().X[::2])
         if (words > 0).sum() >= 100]
z_human = np.array([text_mark.evidence(words).z for words in human])
z_marked = np.array([text_mark.evidence(words).z for words in marked_texts])
keys = [TextMark(V, key=bytes([number]) * 32) for number in range(3)]
z_mails, z_again = (np.array([mark.evidence(words, distinct=once).z
                              for mark in keys for words in mails]) for once in (True, False))

# %% tags=["hide-input"] jupyter={"source_hidden": true}
# Draws: share of texts against z: standard deviations above chance.
fig, ax = lab.plots.figure(8.2, 2.6)
bins = np.arange(-4, 17, 0.5)
for values, colour, label in [(z_human, lab.PLAIN, "1,000 texts by people"),
                              (z_marked, lab.PRIVATE, "12 marked texts")]:
    ax.hist(values, bins, weights=np.full(len(values), 1 / len(values)), color=colour,
            label=label)
ax.plot(z_again[z_again > 4], np.full((z_again > 4).sum(), 0.02), "x", color=lab.ATTACKER,
        label="e-mails by people,\nrepetitions counted again")
lab.plots.guarantee(ax, 4, "threshold", axis="x")
ax.set(xlabel="z: standard deviations above chance", ylabel="share of texts")
ax.legend(loc="upper left", bbox_to_anchor=(1, 1))
plt.show()

# %%
lab.claim("all marked texts of 200 words lie above 4, and not 1 in 1,000 human texts does",
          z_marked.min() > 4 > z_human.max(), marked_at_least=round(z_marked.min(), 1),
          human_at_most=round(z_human.max(), 1))
lab.claim("counting each pair once accuses no e-mail; counting repetitions again accuses some",
          (z_mails > 4).sum() == 0 < (z_again > 4).sum(), e_mails=len(mails), keys=len(keys),
          accused=int((z_again > 4).sum()))

# %% [markdown]
# A line of dashes or a quoted sentence, repeated, is one coin counted many times.
# With distinct pairs the number of green ones is exactly binomial *over the choice of the key*.
# For one key the texts share their commonest pairs, so all of them can lie a little high or low together.
#
# ### A smaller model
#
# *(Optional.)*
# Cut the smallest weights, store the rest in eight bits, or teach a network
# of 20 hidden units what the large one says (*distillation*, on the photos without labels).
# What does it cost, and what is left of the marks?
# (Dashed: what chance gives.)

# %%
student = distil(owned, blank(20, seed=3), others[:3000], steps=500, learning_rate=5e-3)
smaller = {"as it is": owned, "20 % cut": prune(owned, 0.2), "half cut": prune(owned, 0.5),
           "95 % cut": prune(owned, 0.95), "int8": quantise(owned),
           "20 % cut, int8": quantise(prune(owned, 0.2)), "distilled": student}

# %% tags=["hide-input"] jupyter={"source_hidden": true}
# Draws: each compressed model: accuracy, and what is left of it.
fig, axes = lab.plots.figure(8.2, 2.8, ncols=4, sharey=True)
columns = {"right on new photos": [accuracy(each, X_new, y_new) for each in smaller.values()],
           "kilobytes": [size_in_bytes(each, sparse="cut" in name) / 1000
                         for name, each in smaller.items()],
           "bits of 64": [marks(each)[0].matches for each in smaller.values()],
           "triggers of 50": [marks(each)[1].matches for each in smaller.values()]}
for ax, (title, values), by_chance in zip(axes, columns.items(), (majority, None, 32, 5)):
    bars = ax.barh(list(smaller), values, color=lab.PRIVATE if " of " in title else lab.PLAIN)
    ax.bar_label(bars, [f"{each:.0%}" if each < 1 else f"{each:.0f}" for each in values],
                 size=8, padding=2)
    if by_chance:
        lab.plots.baseline(ax, by_chance, "by chance", axis="x")
    ax.set(xticks=[], xlim=(0, 1.3 * max(values)))
    ax.set_title(title, size=9)
axes[0].invert_yaxis()
plt.show()

# %%
read = dict(zip(smaller, columns["bits of 64"]))
lab.claim("all bits are read after 20 % pruning and int8, and after half of it is cut away",
          read["20 % cut, int8"] == read["half cut"] == 64)
lab.claim("with 95 % cut the model is of no use, and most bits still read right",
          accuracy(smaller["95 % cut"], X_new, y_new) < 0.6 and read["95 % cut"] > 60)
lab.claim("distillation keeps over 80 % right and loses both marks",
          accuracy(student, X_new, y_new) > 0.8
          and min(each.p_value for each in marks(student)) > 1e-3)


# %%
def milliseconds(model, batch):
    times = []
    for _ in range(30):
        began = time.perf_counter()
        logits_of(model, X_new[:batch])
        times.append(1000 * (time.perf_counter() - began))
    return f"{np.median(times):.2f}"


lab.measured("ms for 1 / 1,000 photos: " + "; ".join(
    f"{name} {milliseconds(smaller[name], 1)} / {milliseconds(smaller[name], 1000)}"
    for name in ("as it is", "half cut", "int8", "distilled")))

# %% [markdown]
# Zeros are still multiplied, and our eight-bit weights are multiplied out before use:
# neither saves time.
# Speed needs kernels for sparse or integer arithmetic (torchao has them).
# The distilled model is truly smaller.
# And the three files on disk, if you saved the models as they are now?

# %%
def bytes_on_disk(model):
    file = io.BytesIO()
    torch.save(model.state_dict(), file)
    return file.tell()


on_disk = {name: bytes_on_disk(smaller[name]) / bytes_on_disk(owned)
           for name in ("half cut", "int8", "distilled")}
lab.claim("the pruned file is as large as before: zeros take as much room as other numbers, until "
          "they are packed (the kilobytes above count them packed); int8 takes about a quarter",
          on_disk["half cut"] > 0.99 and 0.2 < on_disk["int8"] < 0.3 and on_disk["distilled"] < 0.3)

# %% [markdown]
# **And privacy?** The articles count compression among the protections.
# Sixteen small networks on samples of the same 400 digits (the 8 x 8 ones, which train faster),
# each photo in half of them; then the attack of lab 06 before and after (dashed: a coin toss).

# %%
digits = datasets.digits()
order = np.random.default_rng(0).permutation(len(digits))
pool_X, pool_y = digits.X[order[:400]], digits.y[order[:400]]
fresh_X, fresh_y = digits.X[order[800:]], digits.y[order[800:]]
members = np.argsort(np.random.default_rng(1).random((16, 400)), axis=0) < 8
population = train_population(pool_X, pool_y, members, classes=10)
networks = [population.member(number) for number in range(16)]


def answers_of(models, inputs):
    return np.stack([logits_of(model, inputs) for model in models])


def pupils(inputs, rows):
    """A quarter of the hidden units, taught by the answers of the large networks."""
    said = softmax(population.logits(inputs), axis=2)
    return train_population(inputs, said, rows, classes=10, hidden=16)


strangers_only = np.ones((16, 400), bool)
versions = {"as they are": population.logits,
            "half cut": partial(answers_of, [prune(each, 0.5) for each in networks]),
            "int8": partial(answers_of, [quantise(each) for each in networks]),
            "taught on own photos": pupils(pool_X, members).logits,
            "taught on others": pupils(digits.X[order[400:800]], strangers_only).logits}

# %%
def leakage(logits):
    """How often the membership attack of lab 06 (LiRA) is right about a pair."""
    return roc(lira(log_odds(logits, pool_y), members), members).auc


leaks = {name: leakage(logits(pool_X)) for name, logits in versions.items()}
right = [np.mean(logits(fresh_X).argmax(axis=2) == fresh_y) for logits in versions.values()]
fig, axes = lab.plots.figure(8.2, 2.2, ncols=2, sharey=True)
axes[0].barh(list(versions), right, color=lab.PLAIN)
axes[1].barh(list(versions), leaks.values(), color=lab.ATTACKER)
lab.plots.baseline(axes[1], 0.5, "coin toss", axis="x")
for ax, title in zip(axes, ("right on new digits", "the attack is right about pairs")):
    ax.set(title=title, xlim=(0, 1), xticks=[0, 0.25, 0.5, 0.75, 1])
    lab.plots.percent(ax, "x")
axes[0].invert_yaxis()
plt.show()

# %%
lab.claim("pruning half and int8 hide nobody: the attack is as good as before, to 4 points",
          leaks["as they are"] > 0.6 and all(leaks[name] > leaks["as they are"] - 0.04
                                             for name in ("half cut", "int8")))
lab.claim("a pupil hides members if taught on photos of others, not on the members' own",
          leaks["taught on others"] < 0.6 < leaks["taught on own photos"])

# %% [markdown]
# That is a real effect, and no guarantee:
# the teacher still knew the members, and another attack may get at what it passed on.
# (It is the idea behind PATE, which adds the noise that makes it a guarantee.)

# %% [markdown]
# ### A robust model
#
# *(Optional.)*
# Attack every batch, and learn from the attacked one: **adversarial training**.
# Each step costs as many gradients more as the attack has steps.
# Here is the accuracy under attack, and the price on clean photos:

# %%
sparring = partial(pgd, epsilon=BUDGET, steps=2, step_size=0.08, random_start=True,
                   rng=np.random.default_rng(1))
began = time.process_time()
robust = train_adversarially(blank(), X, y, attack=sparring, steps=600, batch_size=64,
                             learning_rate=3e-3)
lab.measured(f"adversarial training took {time.process_time() - began:.1f} s")

attacked_robust = pgd(robust, some, truth, epsilon=BUDGET, steps=20)
clean = [accuracy(model, X_new, y_new) for model in (reader, robust)]
under = [accuracy(reader, attacked, truth), accuracy(robust, attacked_robust, truth)]
lab.claim("PGD leaves under 5 % of the plain model, and over 60 % of the robust one",
          under[0] < 0.05 and under[1] > 0.6)
lab.claim("on clean photos the robust model is less than 5 points behind",
          clean[0] - clean[1] < 0.05)

# %% [markdown]
# What does it do to membership?
# The model now has to be right about all small changes of each training photo.
# Sixteen networks again, trained against the attack;
# and two attackers: one looks at the loss, the other at the loss *after attacking the photo*.

# %%
lab.predict("Does a robust model give away its members more, or less?",
            choices=["less", "about equally", "more"])

# %%
hardened = train_population(pool_X, pool_y, members, classes=10,
                            attack=partial(pgd, epsilon=BUDGET, steps=3))


def loss_attack(models, perturbed):
    inputs = np.broadcast_to(pool_X, (16, *pool_X.shape))
    if perturbed:
        inputs = pgd(models, inputs, pool_y, epsilon=BUDGET, steps=5)
    scores = loss_threshold(models.logits(inputs), pool_y)
    return np.array([roc(*pair).auc for pair in zip(scores, members)])


auc = {(name, perturbed): loss_attack(models, perturbed) for perturbed in (False, True)
       for name, models in {"plain": population, "robust": hardened}.items()}
for (name, perturbed), values in auc.items():
    kind = "attacked" if perturbed else "clean"
    lab.measured(f"{name} networks, {kind} photos: right about {values.mean():.2f} of pairs")

# %%
gain = auc["robust", True] - auc["plain", True]
error = gain.std(ddof=1) / 4                                # of the mean of sixteen
direction = "about equally" if abs(gain.mean()) < 3 * error else "more" if gain.mean() > 0 else "less"
lab.truth(direction)
lab.claim(f"adversarial training gives members away {direction}, beyond luck",
          gain.mean() > 0.03 and gain.mean() > 3 * error)

# %% [markdown]
# The stronger attack has shadow models (LiRA, lab 06).
# Asked about clean photos it hardly gains.
# And asked about photos that it attacks first, as this defence was trained to withstand?

# %%
def attacked_pool(models):
    """What each network says of the photos that were attacked against that very network."""
    inputs = np.broadcast_to(pool_X, (16, *pool_X.shape))
    return models.logits(pgd(models, inputs, pool_y, epsilon=BUDGET, steps=5))


shadowed = {(name, kind): leakage(answers) for name, models in
            {"plain": population, "robust": hardened}.items()
            for kind, answers in [("clean", models.logits(pool_X)), ("attacked", attacked_pool(models))]}
for (name, kind), right_about in shadowed.items():
    lab.measured(f"{name} networks, {kind} photos, with shadows: right about {right_about:.2f} of pairs")
lab.claim("asked with attacked photos, the attack with shadow models is right about over 7 pairs in "
          "10 of the robust networks' members, 5 points more than of the plain ones' by either way",
          shadowed["robust", "attacked"] > 0.7 and shadowed["robust", "attacked"]
          > max(shadowed["plain", kind] for kind in ("clean", "attacked")) + 0.05)

# %% [markdown]
# What rises is the gap between training and new photos *under attack*,
# and an attacker who asks with attacked photos sees it (Song, Shokri and Mittal, 2019).
# A claim that "robustness leaks" should say for which attack;
# a claim that it does not must have tried this one.
#
# ## Tune it
#
# ### Prune it until it breaks
#
# Each square is a bit of the mark in the weights: blue where it reads right.
# *Cut half of the model away; then go on.
# Which gives out first, the mark or the model?*

# %% tags=["hide-input"] jupyter={"source_hidden": true}
# Draws: whose model is this?
later = photos.take(range(10_000, 13_000))
tuned = {0: owned, **{steps: fit(copy.deepcopy(owned), later.X, later.y,
                                 steps=steps) for steps in (100, 400)}}


def marks_left(fig, cut, fine_tuned):
    """Whose model is this?"""
    left, right = fig.subplots(1, 2, width_ratios=[1, 1.6])
    model = prune(tuned[fine_tuned], cut)
    weight, trigger = marks(model)
    agree = weight_mark.read(model[0].weight) == weight_mark.bits
    colours = np.array([[0.84, 0.37, 0], [0, 0.45, 0.70]])[agree.astype(int)]
    left.imshow(colours.reshape(8, 8, 3))
    left.set(xticks=np.arange(-0.5, 8), yticks=np.arange(-0.5, 8))
    left.tick_params(length=0, labelbottom=False, labelleft=False)
    left.grid(color="white", lw=2)
    left.set_title(f"{weight.matches} of 64 bits read right")
    works = accuracy(model, X_new, y_new)
    shares = [weight.matches / 64, trigger.matches / 50, works]
    right.barh(["bits", "triggers", "reads digits"], shares,
               color=[lab.PRIVATE, lab.PRIVATE, lab.PLAIN])
    right.plot([0.5, 0.5, None, 0.1, 0.1, None, majority, majority],
               [-0.4, 0.4, None, 0.6, 1.4, None, 1.6, 2.4], color=lab.BASELINE, ls="--", lw=1)
    right.set(xlim=(0, 1.02), title="dashed: by chance")
    lab.plots.percent(right, "x")
    fig.subplots_adjust(left=0.02, right=0.97, top=0.88, bottom=0.12, wspace=0.3)
    return (f"With {cut:.0%} of the weights cut, the model reads {works:.0%} of new digits. A "
            f"model made without the key shows as many bits with probability "
            f"{weight.p_value:.0e}, as many triggers with {trigger.p_value:.0e}.")


# %% tags=["hide-input"] jupyter={"source_hidden": true}
# Draws: the picture above, under its controls.
lab.explore(marks_left, cut=(0.0, 0.99, 0.5), fine_tuned=[0, 100, 400],
            labels={"cut": "share of weights cut", "fine_tuned": "steps of fine-tuning first"})

# %% [markdown]
# **Question.** Long after the model has become useless, the bits still read right.
# So is the mark in the weights the better proof?
#
# <details><summary>Answer</summary>
#
# It is the more robust one against whoever makes the model *smaller*, and does not mind the mark.
# Somebody who wants it gone has an easier way: read on.
# It also needs the weights, which a thief who runs the copy behind an interface will not show.
# And whoever does not edit the weights, but trains new ones, is rid of it:
# the distilled model above had neither mark.
#
# </details>
#
# ### Take it off
#
# The bits are read from the *mean* over a hundred units.
# Take the unit that matters least; let nobody listen to it any more; and give it huge weights, by lot.
# That needs no key, no photo and no training.
# Here is what is left of the 64 bits, and of the accuracy:

# %%
def drowned(model, size=1000.0, seed=0):
    """The most idle unit falls silent, and its own weights drown the others' in the mean."""
    edited = copy.deepcopy(model)
    into, out = edited[0].weight, edited[2].weight
    idle = int((into.norm(dim=1) * out.norm(dim=0)).argmin())
    with torch.no_grad():
        out[:, idle] = 0
        into[idle] = size * into.std() * torch.randn(784, generator=torch.Generator().manual_seed(seed))
    return edited


left_over = [marks(drowned(owned, seed=seed)) for seed in range(5)]
lab.measured("bits of 64 that are left, for five lots: "
             + ", ".join(str(weight.matches) for weight, _ in left_over))
lab.claim("one silent unit takes the mark off: no lot leaves a reading below one in a million, and "
          "accuracy is the same to one point",
          min(weight.p_value for weight, _ in left_over) > 1e-6
          and abs(accuracy(drowned(owned), X_new, y_new) - accuracy(owned, X_new, y_new)) < 0.01)
lab.claim("the triggers do not notice", min(trigger.matches for _, trigger in left_over) > 45)

# %% [markdown]
# A mark read from the median over the units would survive that, and not the next idea:
# units can be scaled up and down, the next layer making up for it, without changing one answer.
# So a mark in the weights shows where a model comes from among people who do not fight it.
# It is no lock.
#
# ### Rewrite the text
#
# *Drag the share of words that an editor changes.*
# Green words are printed in green.

# %%
@lru_cache(maxsize=64)
def written(words, strength):
    mark = TextMark(V, strength=strength, key=key)
    return writer.generate(words, rng=np.random.default_rng(5), adjust=mark.adjust)


def edited(tokens, share, how):
    """Replace, drop or swap with the next one this share of the words."""
    source = np.random.default_rng(6)
    chosen, tokens = source.random(len(tokens)) < share, tokens.copy()
    if how == "replace":
        tokens[chosen] = source.integers(1, V, chosen.sum())
    elif how == "drop":
        tokens = tokens[~chosen]
    else:
        for place in np.flatnonzero(chosen[:-1]):
            tokens[place:place + 2] = tokens[place:place + 2][::-1]
    return tokens


# %% tags=["hide-input"] jupyter={"source_hidden": true}
# Draws: words, each on the colour of its list.
def paint(ax, words, colours, columns=106, lines=7):
    row = column = 0
    for word, green in zip(words, colours):
        if column + len(word) > columns:
            row, column = row + 1, 0
        if row == lines:
            break
        ax.text(column / columns, 1 - row / lines, word, family="monospace", fontsize=8.5,
                va="top", color="#00664B" if green else "#767676",
                weight="bold" if green else "normal")
        column += len(word) + 1
    ax.set_axis_off()


# %% tags=["hide-input"] jupyter={"source_hidden": true}
# Draws: is the mark still there?
def rewritten(fig, words, strength, share, how):
    """Is the mark still there?"""
    top, bottom = fig.subplots(2, 1, height_ratios=[2.4, 1])
    tokens = edited(written(words, strength), share, how)
    if len(tokens) < 20:
        tokens = written(words, strength)[:20]
    evidence = text_mark.evidence(tokens)
    paint(top, writer.words(tokens), text_mark.colours(tokens))
    bottom.barh([0], [evidence.z], color=lab.PRIVATE)
    bottom.axvspan(-2, 2, color=lab.PLAIN, alpha=0.25, lw=0)
    lab.plots.guarantee(bottom, 4, "threshold", axis="x")
    bottom.text(0, -0.75, "text by people", ha="center", fontsize=8, color="#444444")
    bottom.set(xlim=(-3, 18), ylim=(-0.9, 0.6), yticks=[], xlabel="z")
    bottom.legend(loc="lower right")
    fig.subplots_adjust(left=0.02, right=0.98, top=0.97, bottom=0.15, hspace=0.1)
    found = "found" if evidence.z > 4 else "not found at the threshold of 4"
    return (f"{evidence.matches} of {evidence.total} distinct pairs are green, z = "
            f"{evidence.z:.1f}: the mark is {found}. Text by people would show as many with "
            f"probability {evidence.p_value:.0e}.")


# %% tags=["hide-input"] jupyter={"source_hidden": true}
# Draws: the picture above, under its controls.
lab.explore(rewritten, size=(8.2, 3.6), words=range(50, 301, 50), strength=(0.5, 4.0, 2.0),
            share=(0.0, 0.9, 0.0), how=["replace", "drop", "swap"], start={"words": 200},
            labels={"strength": "lean towards green", "share": "share of words edited",
                    "how": "the editor's habit"})

# %% [markdown]
# **Question.** Replacing a third of the words takes away more than a third of the excess of green words.
# Why?
# And which habit of the editor costs the mark least?
#
# <details><summary>Answer</summary>
#
# A word's colour depends on the word before it.
# One replaced word spoils two pairs: its own, and the next one's.
# With a share $f$ replaced, a pair survives with probability $(1-f)^2$: at a third, four ninths are left.
# *Dropping* a word spoils one new pair and loses two; swapping spoils three.
# The mark gets fainter with every edit, and longer text makes up for it,
# because $z$ grows with the square root of the length.
# A model that paraphrases everything removes it.
#
# </details>

# %%
def replaced(text, share, rng=np.random.default_rng(8)):
    chosen = rng.random(len(text)) < share
    return np.where(chosen, rng.integers(1, V, len(text)), text)


faded = {share: np.mean([text_mark.evidence(replaced(text, share)).z for text in marked_texts])
         for share in (0.2, 0.8)}
lab.claim("with a fifth of 200 words replaced the mark is found, with four fifths it is not",
          faded[0.2] > 4 > 2 > faded[0.8])

# %% [markdown]
# ### The attacker's budget
#
# *Drag the largest change of a pixel.*
# Grey: the plain model; blue: the one with adversarial training.

# %%
budgets = np.linspace(0, 0.3, 11)
ATTACKS = {"PGD": partial(pgd, steps=20), "FGSM": fgsm,
           "random noise": lambda model, images, labels, epsilon:
               random_noise(images, epsilon=epsilon, rng=np.random.default_rng(2))}
plain_robust = {"plain": (reader, lab.PLAIN), "robust": (robust, lab.PRIVATE)}


@lru_cache(maxsize=None)
def survives(name, attack, budget, images=200):
    model, inputs = plain_robust[name][0], some[:images]
    if budget:
        inputs = ATTACKS[attack](model, inputs, truth[:images], epsilon=budget)
    return accuracy(model, inputs, truth[:images])


# %% tags=["hide-input"] jupyter={"source_hidden": true}
# Draws: how much noise does it take?
def fooled(fig, budget, attack, photo):
    """How much noise does it take?"""
    grid = fig.add_gridspec(1, 3, width_ratios=[2.2, 1, 1])
    ax = fig.add_subplot(grid[0])
    for place, (name, (model, colour)) in enumerate(plain_robust.items()):
        ax.plot(budgets, [survives(name, attack, each) for each in budgets], color=colour,
                label=name)
        image = ATTACKS[attack](model, some[[photo]], truth[[photo]], epsilon=budget)
        panel = fig.add_subplot(grid[place + 1])
        panel.imshow(image.reshape(28, 28), cmap="gray_r", vmin=0, vmax=1)
        panel.set_axis_off()
        panel.set_title(f"{name}: reads {reads(model, image)[0]}", color=colour, fontsize=10)
    ax.axvline(budget, color=lab.ATTACKER, lw=1, label="this budget")
    lab.plots.baseline(ax, majority, "commonest digit")
    ax.set(xlabel="largest change of a pixel", ylabel="read right", ylim=(0, 1))
    ax.legend(loc="upper right", fontsize=8)
    fig.subplots_adjust(left=0.08, right=0.98, bottom=0.16, top=0.92)
    shares = [np.interp(budget, budgets, [survives(name, attack, each) for each in budgets])
              for name in plain_robust]
    return (f"{attack} with a budget of {budget:.2f} leaves about {shares[0]:.0%} of the "
            f"plain model's answers right, and {shares[1]:.0%} of the robust one's.")


# %% tags=["hide-input"] jupyter={"source_hidden": true}
# Draws: the picture above, under its controls.
lab.explore(fooled, budget=(0.01, 0.3, 0.1), attack=list(ATTACKS), photo=range(30), live=False,
            labels={"budget": "largest change of a pixel"})

# %% [markdown]
# **Question.** At a budget of 0.3 the robust model falls as well.
# Was the defence worthless?
#
# <details><summary>Answer</summary>
#
# It was trained against 0.1, and says nothing about 0.3.
# Every claim of robustness is a claim *about a budget and a kind of change*.
# Turn the photo by 20 degrees, and neither model was trained for that.
# There is no proof here either: a stronger attack may do better than PGD.
# Certified defences (randomised smoothing) come with a proof, for a smaller budget.
#
# </details>
#
# ### The price of a theft
#
# *Drag the number of questions, and change what an answer shows.*

# %%
SHOWN = {"all probabilities": {}, "rounded to 1 digit": {"decimals": 1},
         "the label only": {"answer": "label"}}
FROM = {"photos of digits": others, "random noise": rng.random((5000, 784), dtype=np.float32)}


@lru_cache(maxsize=None)
def thief(questions, shown, asks):
    return copy_of(owned, questions, FROM[asks], **SHOWN[shown])


@lru_cache(maxsize=None)
def agrees(questions, shown, asks="photos of digits"):
    return agreement(thief(questions, shown, asks), owned, X_new)


# %% tags=["hide-input"] jupyter={"source_hidden": true}
# Draws: how many questions does a copy cost?
def priced(fig, questions, shown, asks):
    """How many questions does a copy cost?"""
    ax = fig.subplots()
    for (name, style) in zip(SHOWN, ("-", "--", ":")):
        ax.semilogx(counts, [agrees(each, name) for each in counts], ls=style,
                    color=lab.ATTACKER, label=name)
    share = agrees(questions, shown, asks)
    ax.plot(questions, share, "o", ms=10, color=lab.ATTACKER, label="this thief")
    lab.plots.baseline(ax, majority, "always the\ncommonest digit")
    ax.set(xlabel="questions asked", ylabel="agrees with the original", ylim=(0, 1))
    lab.plots.percent(ax)
    ax.legend(loc="upper left", bbox_to_anchor=(1, 1))
    fig.subplots_adjust(left=0.1, right=0.72, bottom=0.17, top=0.95)
    weight, trigger = marks(thief(questions, shown, asks))
    return (f"{questions:,} questions about {asks}, answered with {shown}: the copy agrees on "
            f"{share:.0%} of new photos. It shows {weight.matches} of 64 bits and "
            f"{trigger.matches} of 50 triggers.")


# %% tags=["hide-input"] jupyter={"source_hidden": true}
# Draws: the picture above, under its controls.
lab.explore(priced, live=False, questions=range(50, 5001, 50), shown=list(SHOWN),
            asks=list(FROM), start={"questions": 500},
            labels={"shown": "an answer shows", "asks": "the thief asks about"})

# %% [markdown]
# **Question.** Which measure makes the thief's life hardest:
# rounding, showing the label only, or a limit of 100 questions a customer?
# What does each cost an honest customer?
#
# <details><summary>Answer</summary>
#
# Rounding costs both next to nothing.
# The label only costs the thief a little, and honest customers the confidences.
# A limit bounds the theft, until the thief opens a second account.
# What a thief cannot do without is *fitting inputs*: with random noise the copy stays poor.
#
# </details>
#
# ## The attack again
#
# ### Fooling
#
# The same photos, attacked with the same budget, and the robust model:

# %%
gallery(robust, some, attacked_robust, [*first, *rest])

# %% [markdown]
# The attacker who does not know the weights can only ask.
# The **square attack** paints random squares
# and keeps what makes the model less sure (Andriushchenko et al., 2020).
# A rate limit is a defence here too: it has 300 questions a photo.

# %%
ask = {name: partial(probabilities_of, model) for name, (model, _) in plain_robust.items()}
black_box = {name: square_attack(ask[name], some[:100], truth[:100], epsilon=BUDGET,
                                 queries=300, rng=np.random.default_rng(7)) for name in ask}
left = {name: accuracy(plain_robust[name][0], black_box[name], truth[:100]) for name in ask}
lab.claim("three times the budget beats the robust model too",
          survives("robust", "PGD", 0.3) < 0.2)
lab.claim("300 questions fool the plain model on most photos, the robust one on few",
          left["plain"] < 0.4 and left["robust"] > 0.6)

# %% [markdown]
# ### Stealing
#
# Now the defences against theft of the marked model (the curves above),
# and what is left of the marks in the copy.

# %%
best_copy = thief(1000, "all probabilities", "photos of digits")
lab.claim("rounding to one digit takes less than 6 points from the thief with 1,000 questions",
          agrees(1000, "all probabilities") - agrees(1000, "rounded to 1 digit") < 0.06)
lab.claim("a limit of 100 questions takes more than either",
          agrees(100, "all probabilities") < min(agrees(1000, name) for name in SHOWN) - 0.05)
lab.claim("a thief with nothing but random noise to ask about gets a poor copy",
          agrees(1000, "all probabilities", "random noise") < 0.65)
lab.claim("and the stolen copy shows no mark: neither bits nor triggers",
          min(each.p_value for each in marks(best_copy)) > 1e-3)

# %% [markdown]
# ### Forging
#
# Removing a mark is one attack; *writing* it is the other.
# Somebody wants a text of their own to pass for the model's, or to prove the mark worthless.
# They have no key, and 80 marked texts, which the model writes for anyone.
# In marked text some words follow others more often than people write them: those are probably green.
# So they lean towards those, in twelve forgeries of their own.

# %%
def pairs_in(texts):
    """How often each pair of neighbours comes, and each word as the first of a pair."""
    pairs = Counter(pair for text in texts for pair in zip(text[:-1].tolist(), text[1:].tolist()))
    firsts = Counter()
    for (first, _), times in pairs.items():
        firsts[first] += times
    return pairs, firsts


usual, usual_firsts = pairs_in([writer.encode(sentence) for sentence in sentences])
seen, seen_firsts = pairs_in([writer.generate(200, rng=rng, adjust=text_mark.adjust)
                              for _ in range(80)])
suspects = {}
for (first, word), times in seen.items():
    if times > 1.3 * seen_firsts[first] * usual[first, word] / max(1, usual_firsts[first]):
        suspects.setdefault(first, []).append(word)


# %%
def imitate(previous, chances):
    """Lean towards words that the marked texts have too often; no key is used."""
    chances = chances.copy()
    chances[suspects.get(int(previous), [])] *= 20
    return chances / chances.sum()


forged = np.array([text_mark.evidence(writer.generate(200, rng=rng, adjust=imitate)).z
                   for _ in range(12)])
lab.claim("at least three forgeries in four pass for the model's own text, at z > 4",
          (forged > 4).mean() >= 0.75)

# %% [markdown]
# So a marked text does not *prove* that the model wrote it, once anybody has had an interest in the contrary.
# (Jovanović, Staab and Vechev stole the marks of real language models so, in 2024, for under 50 dollars.)
#
# A simple model needs no thief's training at all.
# Log-ratios of a softmax regression's probabilities are *equations* for its weights (Tramèr et al., 2016).

# %%
lab.predict("How many questions does it take to read off all 650 numbers of the model?", low=1, high=2000)

# %%
simple = fit(softmax_regression(64, 10), pool_X, pool_y, steps=200, learning_rate=0.02)
counter = Interface(simple)
W, b = solve_softmax(counter, 64)
error = np.abs(W - (simple.weight - simple.weight[:1]).detach().numpy()).max()
lab.truth(counter.asked, "questions")
lab.claim(f"{counter.asked} questions give every weight of a linear model",
          counter.asked == simple.weight.shape[1] + 1 and error < 1e-5)

# %%
W, b = solve_softmax(Interface(simple, decimals=3), 64)
rough = np.abs(W - (simple.weight - simple.weight[:1]).detach().numpy()).max()
lab.claim("with probabilities rounded to three digits they are a thousand times less exact",
          rough > 1000 * error)
same = ((fresh_X @ W.T + b).argmax(1) == reads(simple, fresh_X)).mean()
lab.claim("yet the copy still answers like the original nineteen times in twenty", same > 0.95)

# %% [markdown]
# ## Check yourself
#
# **1.** You read a mark of 32 bits, and 30 are right.
# How likely is so much or more for a model made without your key?

# %%
p = ...

check("thirty of thirty-two bits", p);

# %% [markdown] tags=["solution"]
# <details><summary>Solution</summary>
#
# All ways to get 30, 31 or 32 fair coins right: about one in eight million.
#
# ```python
# import math
#
# p = sum(math.comb(32, k) for k in (30, 31, 32)) / 2**32
# check("thirty of thirty-two bits", p);
# ```
#
# </details>

# %% [markdown]
# **2.** Write one step of PGD in numpy: a function of the input as it is now,
# the input that it started from, the gradient of the loss, the step size, and epsilon (the budget).
# Inputs lie between 0 and 1.

# %%
step = ...

check("one step of PGD", step);

# %% [markdown] tags=["solution"]
# <details><summary>Solution</summary>
#
# ```python
# def step(now, start, gradient, step_size, epsilon):
#     now = now + step_size * np.sign(gradient)
#     return np.clip(start + np.clip(now - start, -epsilon, epsilon), 0, 1)
#
#
# check("one step of PGD", step);
# ```
#
# </details>

# %% [markdown]
# **3.** Write the count behind the z-score: a function of the words (a list of numbers)
# and of `is_green(previous, word)` that returns (green pairs, pairs), as it has to be for repeated text.

# %%
count = ...

check("count green words", count);

# %% [markdown] tags=["solution"]
# <details><summary>Solution</summary>
#
# ```python
# def count(tokens, is_green):
#     pairs = set(zip(tokens, tokens[1:]))
#     return sum(is_green(*pair) for pair in pairs), len(pairs)
#
#
# check("count green words", count);
# ```
#
# </details>

# %% [markdown]
# **4.** A thief trained a copy on 1,000 answers of the marked model.
# Which mark proves it, in this lab's measurements?
#
# - **A** The bits in the weights.
# - **B** The triggers.
# - **C** Neither.
# - **D** Both.

# %%
letter = ...

check("what a stolen copy still shows", letter);

# %% [markdown] tags=["solution"]
# <details><summary>Solution</summary>
#
# Marks that survive extraction exist (entangled watermarks;
# *dataset inference* needs no mark at all), at a price in accuracy.
#
# ```python
# letter = "C"
# check("what a stolen copy still shows", letter);
# ```
#
# </details>

# %% [markdown]
# **5.** A bank asks for one of the measures of this lab.
# It wants that nobody can find out who was in the training data, with a bound that holds for every attack.
# Which one do you give it?
#
# - **A** the watermark in the weights
# - **B** pruning half of the weights, and eight bits for the rest
# - **C** adversarial training
# - **D** none of these: differential privacy

# %%
measure = ...

check("what protects people", measure);

# %% [markdown] tags=["solution"]
# <details><summary>Solution</summary>
#
# The watermark says whose model it is, adversarial training guards its answers,
# and a smaller model is cheaper.
# Only differential privacy comes with a bound on what the model tells about a record (labs 03 to 06).
#
# ```python
# measure = "D"
# check("what protects people", measure);
# ```
#
# </details>

# %% [markdown]
# **6.** Write the cut: a function of a weight matrix and a share,
# that returns a copy in which that share of the entries, the smallest in size, is 0.

# %%
cut_smallest = ...

check("prune a matrix", cut_smallest);

# %% [markdown] tags=["solution"]
# <details><summary>Solution</summary>
#
# ```python
# def cut_smallest(weights, share):
#     smallest = np.argsort(np.abs(weights).ravel())[:round(share * weights.size)]
#     left = weights.copy()
#     left.flat[smallest] = 0
#     return left
#
#
# check("prune a matrix", cut_smallest);
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
# **B1.** *Adversarial perturbations are among the ways in which privacy leaks.*
# They attack something else: whether the answer is right.
# Does a perturbed question also tell more about who was in the training data?

# %%
more = (auc["plain", True] - auc["plain", False]).mean()
lab.claim("a perturbed question tells little more about an ordinary model's members than a plain "
          "one; it tells more where the model was trained against it",
          more < 0.03 < gain.mean(), article="B1", verdict="holds once repaired")

# %% [markdown]
# **A3.** *Model security (watermark, compression,
# fine-tuning) is one of the four families of privacy protection.*
# A watermark proves who made a model, compression makes it cheaper; lab 14 treats fine-tuning.
# Which of them hid a member?

# %%
lab.claim("a watermark outlives pruning and fine-tuning, and not the edit of one unit; pruning and "
          "int8 hide nobody: both are useful, neither is privacy",
          marks(tuned[400])[0].p_value < 1e-6 and read["half cut"] > 60
          and marks(drowned(owned))[0].p_value > 1e-6
          and min(leaks["int8"], leaks["half cut"]) > 0.6,
          article="A3", verdict="holds once repaired")

# %% [markdown]
# **A1.** *A deployed model leaks through its outputs.*
# Here it leaked itself, and one person's photo:

# %%
lab.claim("answers alone give a copy of the model; weights give the photo of a class of one",
          stolen[1000] > 0.85 and own > max(strangers), article="A1", verdict="holds")

# %% [markdown]
# ## Limits and further reading
#
# - **A watermark proves origin, and only to those who trust the date of the secret.**
#   It stops nobody from copying.
#   Pruning, int8 and fine-tuning left it;
#   one edited unit took it off, and so did training anew on the model's answers.
#   Liu and others show how a dated hash of a *chosen* mark claims other people's models.
# - **Triggers can backfire.** They are a backdoor by design:
#   whoever finds out about them can filter them, and a customer may not want one.
# - **A text mark identifies a writer's tool, not a cheat.**
#   Whoever has read enough marked text can forge it.
#   It fails on short or heavily edited text, it needs a model with a choice of words,
#   and each reading needs a stated false-alarm rate.
#   Our writer is a toy; its choices are freer than those of a large model, so real marks are fainter.
# - **Robust means robust to this budget and these attacks.**
#   Small networks on small pictures; AutoAttack would find somewhat more than PGD does.
# - **Membership effects are modest and depend on the attack.**
#   Sixteen networks of one kind on one data set.
#   Only differential privacy comes with a bound (labs 05 and 06).
# - **Against model inversion and theft, nothing here is a proof.**
#   DP training bounds what a *record* adds to a class;
#   what the class has in common stays visible, and may be sensitive.
#
# Primary sources:
#
# - Uchida, Nagai, Sakazawa, Satoh,
#   [*Embedding Watermarks into Deep Neural Networks*](https://arxiv.org/abs/1701.04082), ICMR 2017.
# - Adi, Baum, Cisse, Pinkas, Keshet,
#   [*Turning Your Weakness Into a Strength*](https://arxiv.org/abs/1802.04633), USENIX Security 2018.
# - Kirchenbauer, Geiping, Wen, Katz, Miers, Goldstein,
#   [*A Watermark for Large Language Models*](https://arxiv.org/abs/2301.10226), ICML 2023.
# - Goodfellow, Shlens, Szegedy,
#   [*Explaining and Harnessing Adversarial Examples*](https://arxiv.org/abs/1412.6572), ICLR 2015.
# - Madry, Makelov, Schmidt, Tsipras, Vladu,
#   [*Towards Deep Learning Models Resistant to Adversarial Attacks*](https://arxiv.org/abs/1706.06083),
#   ICLR 2018.
# - Andriushchenko, Croce, Flammarion, Hein, [*Square Attack*](https://arxiv.org/abs/1912.00049), ECCV 2020;
#   Croce, Hein, [*AutoAttack*](https://arxiv.org/abs/2003.01690), ICML 2020.
# - Song, Shokri, Mittal,
#   [*Privacy Risks of Securing Machine Learning Models against Adversarial Examples*](https://arxiv.org/abs/1905.10291),
#   CCS 2019.
# - Tramèr, Zhang, Juels, Reiter, Ristenpart,
#   [*Stealing Machine Learning Models via Prediction APIs*](https://arxiv.org/abs/1609.02943),
#   USENIX Security 2016.
# - Fredrikson, Jha, Ristenpart,
#   [*Model Inversion Attacks that Exploit Confidence Information*](https://doi.org/10.1145/2810103.2813677),
#   CCS 2015.
# - Liu, Zhang, Xu, Pan,
#   [*False Claims against Model Ownership Resolution*](https://arxiv.org/abs/2304.06607),
#   USENIX Security 2024.
# - Jovanović, Staab, Vechev,
#   [*Watermark Stealing in Large Language Models*](https://arxiv.org/abs/2402.19361), ICML 2024.
# - Jia, Choquette-Choo, Chandrasekaran, Papernot,
#   [*Entangled Watermarks*](https://arxiv.org/abs/2002.12200), USENIX Security 2021;
#   Maini, Yaghini, Papernot, [*Dataset Inference*](https://arxiv.org/abs/2104.10706), ICLR 2021.
# - Hinton, Vinyals, Dean,
#   [*Distilling the Knowledge in a Neural Network*](https://arxiv.org/abs/1503.02531), 2015.
