# ---
# jupyter:
#   kernelspec: {display_name: Python 3, language: python, name: python3}
# ---

# %% [markdown]
# # 14 · Borrow a model, keep the reviews
#
# *About 80 minutes: 70 for the required sections;
# "What the library really does", "Seconds and memory" and "What the article says" are optional.
# You need lab 05: clipping, noise, epsilon.
# The page runs with or without the pretrained model (`make models` installs it;
# where it is missing, the page says so).
# Terms are also explained in the [glossary](00-start-here.ipynb#Glossary).*
#
# **Afterwards you can** read a private sentence out of a published layer,
# fine-tune a pretrained model so that this fails, choose what to train and in which batches,
# keep the memory of it in bounds, and say what the epsilon on a model's card promises, and to whom.

# %%
import re
import warnings
import zlib

import matplotlib.pyplot as plt
import numpy as np
import torch
from torch import nn

from labkit import datasets, dp, lab
from labkit.attacks.membership import lira, roc
from labkit.dp.training.curve import unit_rows
from labkit.exercises.lab_14 import check
from labkit.models import blocks, encoder
from labkit.protection import adapters, finetuning, finetuning_table

torch.set_num_threads(1)
reviews, points = datasets.film_reviews(), datasets.review_embeddings().X
rng = np.random.default_rng(14)

# %% [markdown]
# ## What goes wrong
#
# A cinema asks its visitors for one sentence about the film, and whether they liked it.
# It wants a program that tells liking from the sentence,
# and has a few hundred answers: too few to learn a language from.
# So it **borrows** one.
# MiniLM is a small text encoder (22.7 million weights) that others trained on a billion pairs of sentences.
# It turns a sentence into a point with 384 coordinates; on top of it the cinema trains a **head**
# of 385 numbers, one for each coordinate and a constant, and publishes that head.
#
# Our sentences are from film reviews, and people scored each from -4 to 4.
# The points come with the lab.
# (Sentences that nobody felt strongly about are left out.)

# %%
liked = (reviews.y > 0).astype(int)
shuffled = rng.permutation(np.flatnonzero(abs(reviews.y) >= 1))
test, private = shuffled[:1173], shuffled[1173:]
rows = unit_rows(points).astype(float)  # the point and a constant, scaled to length 1

for row in private[:3]:
    print(f"{reviews.y[row]:+.1f}  {reviews.X[row][:86]}")


# %%
def fit(rows, labels, steps=200, rate=30.0):
    """Logistic regression by plain gradient descent, with momentum."""
    weights, speed = np.zeros(rows.shape[1]), 0.0
    for _ in range(steps):
        guess = 1 / (1 + np.exp(-rows @ weights))
        speed = 0.9 * speed + (guess - labels) @ rows / len(rows)
        weights = weights - rate * speed
    return weights


visitors = private[:300]
head = fit(rows[visitors], liked[visitors])
right = ((rows[test] @ head > 0) == liked[test]).mean()
majority = max(liked[test].mean(), 1 - liked[test].mean())
lab.claim("300 sentences and a borrowed model: the head beats always giving one answer by far",
          right > majority + 0.12, right=round(right, 2), one_answer=round(majority, 2))

# %% [markdown]
# 299 of the visitors have put their sentence on the web.
# One has not.
# An attacker knows the 299 and the published head,
# and has a list of ten thousand sentences that the last one might be.
# **Can 385 numbers, which 300 people pulled at, give away one person's sentence?**
#
# Look at `fit` again.
# What each sentence adds to the weights is always a multiple of its own point.
# So the head *is* a weighted sum of 300 points.
# Take out everything that 299 known points can explain, and what is left points at the one that is missing.

# %%
secret, known = visitors[0], visitors[1:]
basis = np.linalg.qr(rows[known].T)[0]  # the directions that the known points can make
beyond = rows - (rows @ basis) @ basis.T  # what each sentence of the list has besides
lengths = np.maximum(np.linalg.norm(beyond, axis=1), 1e-3)


def read_the_last(head):
    """How well each sentence of the list explains what the known ones do not: 1 is exactly."""
    left = head - basis @ (basis.T @ head)
    return np.abs(beyond @ left) / (lengths * np.linalg.norm(left))


match = read_the_last(head)
for row in np.argsort(-match)[:3]:
    print(f"{match[row]:.3f}  {reviews.X[row][:86]}")

# %%
best, second = np.sort(match)[:-3:-1]
lab.claim("of 10,605 sentences, the one that was not public fits exactly, and no other does",
          match.argmax() == secret and best > 0.999 and second < 0.9,
          best=round(best, 3), second=round(second, 2))

# %% [markdown]
# Nothing was overfitted here and nothing went wrong: a layer is made of what it was trained on.
# (It works while there are fewer sentences than weights.
# A head of 385 numbers is small; adapters and whole models are not.)
#
# A weaker attacker, who knows nobody's answer for sure, has lab 06's question: *was this sentence in?*
# Take 400 sentences, half of them in at random, and every tenth visitor pressed the wrong button.
# The attack trains heads of its own on other halves,
# and compares how sure each is of an answer, with and without it.
# (Pass over `max_grad_norm` and `noise` in this cell for now.)

# %%
def train_heads(rows, labels, members, steps, rate, max_grad_norm=None, noise=0.0, rng=None):
    """One head per row of `members` (which records it has); with clipping and noise, privately."""
    heads = np.zeros((len(members), rows.shape[1]))
    speed = np.zeros_like(heads)
    for _ in range(steps):
        pulls = 1 / (1 + np.exp(-rows @ heads.T)) - labels[:, None]  # (records, heads)
        if max_grad_norm is not None:  # rows have length 1: |pull| is the length of the gradient
            pulls *= np.minimum(1, max_grad_norm / np.maximum(np.abs(pulls), 1e-9))
        total = (pulls * members.T).T @ rows
        if noise:
            total += rng.normal(scale=noise * max_grad_norm, size=total.shape)
        speed = 0.9 * speed + total / (members.shape[1] / 2)  # a public number
        heads = heads - rate * speed
    return heads


# %%
crowd = private[:400]
answers = np.where(rng.random(400) < 0.1, 1 - liked[crowd], liked[crowd])
members = rng.random((64, 400)) < 0.5


def sureness(heads):
    margins = heads @ rows[crowd].T
    return np.where(answers == 1, margins, -margins)


def on_new(heads):
    return ((rows[test] @ heads.T > 0) == liked[test][:, None]).mean()


plain = train_heads(rows[crowd], answers, members, steps=200, rate=30)
attack = roc(lira(sureness(plain), members), members)
lab.claim("shown one who was in and one who was not, it names the right one four times in "
          "five",
          attack.auc > 0.8, right_about_pairs=round(attack.auc, 2),
          found_at_1_percent=f"{attack.true_positives_at(0.01):.0%}")

# %% [markdown]
# ## The idea
#
# Private training from nothing needs many records:
# all that the model knows about language must come through the noise.
# **Fine-tuning** asks the private records for much less.
# The language comes from public text, without any noise;
# the private records only say which side of it is called *liked*.
# Look at what comes for free, without a single label: the sentences nearest to one about a *tepid biopic*.

# %%
start = 2
near = np.argsort(-points @ points[start])[1:5]
print(reviews.X[start], "\n")
for row in near:
    print(f"{points[row] @ points[start]:.2f}  {reviews.X[row][:88]}")

# %% [markdown]
# How much has to be learnt is a choice.
# You can train the head alone; or **adapters**, small additions inside the model; or the model's own weights.
# It matters because DP-SGD adds noise to *every* trained weight.
# A step is
#
# $$ \underbrace{\frac1B\sum_{i} \operatorname{clip}_C(g_i)}_{\text{signal, at most } C} \;+\; \underbrace{\frac{\sigma C}{B}\,\mathcal N(0, I_d)}_{\text{noise of length about } \sigma C\sqrt d\,/\,B} $$
#
# with $g_i$ the gradient of record $i$, $C$ the clip line, $B$ the batch size,
# $d$ the number of trained weights, and $\sigma$ the noise multiplier that epsilon asks for.
# The noise is at most as long as the signal while $\sigma\sqrt d \le B$.
# So there are two levers: **few weights, large batches**.

# %% tags=["hide-input"] jupyter={"source_hidden": true}
# Draws: what one step has to fight, at a noise multiplier of 5.
there = encoder.is_installed()  # otherwise random weights stand in for the pretrained ones
parts = (encoder.pretrained_parts() if there else
         [blocks.Embeddings(), *(blocks.EncoderBlock() for _ in range(6))])
sizes = {way: sum(each.numel() for each in adapters.trainable(
    finetuning.classifier(way, parts, seed=0)).values()) for way in finetuning.WAYS}

fig, ax = lab.plots.figure(8.2, 3.1)
weights = np.geomspace(300, 4e8, 50)
for batch, colour in zip((100, 1000, 10_000), ("#8FC3E8", lab.PRIVATE, "#00395C")):
    ax.loglog(weights, 5 * weights**0.5 / batch, color=colour, label=f"batches of {batch:,}")
ax.axhline(1, color=lab.BASELINE, ls="--", lw=1, label="as long as the signal can be")
for name, count in sizes.items():
    ax.axvline(count, color=lab.PLAIN, lw=1, ls=":")
    ax.text(count, 1500, f" {name}", fontsize=9, color="#333333")
ax.set(xlabel="weights that are trained", ylabel="length of noise / signal", ylim=(5e-3, 4e3),
       title="What one step has to fight, at a noise multiplier of 5")
ax.legend(loc="upper left", bbox_to_anchor=(1, 1), fontsize=9)
plt.show()

# %%
lab.claim("the whole model has 22.6 million weights to train, its last block 1.8 million, the "
          "adapters of rank 4 in it a few thousand, the head a few hundred",
          22.5e6 < sizes["whole model"] < 22.7e6 and 1.7e6 < sizes["last block"] < 1.8e6
          and 5000 < sizes["LoRA"] < 8000 and sizes["head"] < 1000, **sizes)

# %% [markdown]
# The picture is a warning and no law: noise in directions that no sentence uses does little harm,
# and fine-tuning a large model uses few (Li and others, 2022).
# What is left of the warning is measured below.
#
# ## Build it
#
# ### A private head
#
# You have seen it: look at `train_heads` again.
# Each pull is cut to `max_grad_norm`, so that one sentence moves the sum by `max_grad_norm` at most;
# then the sum gets noise in proportion; and what divides it is a public number.
# Above, both were switched off.
# The batch is everybody, at each step:
# then there is no luck of the draw, and all 40 steps together are one Gaussian mechanism.
# **What will privacy cost** for 8,000 sentences, at epsilon 1?

# %%
everyone, delta = private[:8000], 1e-5  # under a tenth of 1 / 8,000
noise = dp.noise_multiplier_for(epsilon=1, delta=delta, sample_rate=1.0, steps=40)


def head_for(chosen, noise=0.0, max_grad_norm=0.3, seed=0):
    """A head for the chosen sentences; `train_heads` divides by half their number."""
    return train_heads(rows[chosen], liked[chosen], np.ones((1, len(chosen)), bool), steps=40,
                       rate=8, max_grad_norm=max_grad_norm if noise else None, noise=noise,
                       rng=np.random.default_rng(seed))


without, with_noise = on_new(head_for(everyone)), on_new(head_for(everyone, noise))
lab.claim("at epsilon 1 (delta 1e-5, one sentence added or removed, PLD accountant) the head "
          "loses less than 4 points", without - with_noise < 0.04,
          without=round(without, 2), epsilon_1=round(with_noise, 2))

# %% [markdown]
# ### An adapter
#
# To change the model inside without touching its weights,
# leave a layer $W$ as it is and lay a narrow detour around it: down to a few numbers, up again.
# That is **LoRA** (low-rank adaptation; Hu and others, 2022):
#
# $$ x \;\mapsto\; W x + s\, U D x \qquad D: 384 \to 4, \quad U: 4 \to 384 $$
#
# $U$ starts at zero, so that at first nothing changes.
# Only $U$ and $D$ are trained.

# %%
class Adapter(nn.Module):
    def __init__(self, layer, rank=4, strength=2.0):
        super().__init__()
        self.layer = layer.requires_grad_(False)
        self.down = nn.Linear(layer.in_features, rank, bias=False)
        self.up = nn.Linear(rank, layer.out_features, bias=False)
        self.strength = strength
        nn.init.zeros_(self.up.weight)

    def forward(self, x):
        return self.layer(x) + self.strength * self.up(self.down(x))


# %% [markdown]
# `blocks.Block` is one of MiniLM's six layers in plain PyTorch (read it: `blocks.Block??`).
# Here it has random weights, and two adapters where the LoRA paper puts them:
# in the *query* and *value* of attention.
# **How much smaller** is what would have to be made private?

# %%
torch.manual_seed(14)
block = blocks.EncoderBlock()
sentence = torch.randn(1, 12, 384)  # twelve tokens
before = block(sentence)
block.requires_grad_(False)
block.query, block.value = Adapter(block.query), Adapter(block.value)
trained = sum(each.numel() for each in block.parameters() if each.requires_grad)
lab.claim("with fresh adapters the block answers as before, and under 1 % as many weights "
          "are trained",
          torch.equal(block(sentence), before) and trained < 0.01 * sizes["last block"],
          trained=trained, share=f"{trained / sizes['last block']:.2%}")

# %%
nn.init.normal_(block.query.up.weight, std=0.1)  # as if it had been trained
moved = block(sentence)
detour = block.query.strength * block.query.up.weight @ block.query.down.weight
block.query.layer.weight.data += detour.detach()
block.query = block.query.layer
lab.claim("a trained adapter folds into its layer: the same answers, and no cost when it is "
          "used",
          torch.allclose(block(sentence), moved, atol=1e-4)
          and not torch.allclose(moved, before))

# %% [markdown]
# ## Use the real thing
#
# `labkit.protection.adapters` does that to any model, and Opacus trains the result privately.
# Opacus first looks whether a model *can* be trained privately:
# nothing in it may mix the examples of a batch.

# %%
from opacus.validators import ModuleValidator

mixing = nn.Sequential(nn.Linear(384, 16), nn.BatchNorm1d(16), nn.Linear(16, 2))


def objections(model):
    """How many things Opacus has against training this model."""
    return len(ModuleValidator.validate(model.train(), strict=False))


refused = [objections(finetuning.classifier(way, parts, seed=0)) for way in finetuning.WAYS]
refused.append(objections(mixing))
parts = parts[-1:]  # from here on only the last block is trained: 85 MB less to hold
lab.claim("Opacus accepts the four ways of fine-tuning, and refuses batch normalisation",
          refused == [0, 0, 0, 0, 1])
lab.measured("the pretrained block is there" if there else "the pretrained block is not "
             "installed (make models installs it): random weights stand in for it")

# %% [markdown]
# The validator looks at the *types* of layers.
# Here is a model of one linear layer, whose `forward` first subtracts the mean of the batch.
# Each record then pulls through all the others' gradients too, and clipping its own bounds nothing.

# %%
lab.predict("How many objections does the validator raise?", low=0, high=3)

# %%
class Centred(nn.Linear):
    def forward(self, x):
        return super().forward(x - x.mean(0))


made_up = rng.normal(size=(60, 384)).astype(np.float32), np.arange(60) % 2
try:
    finetuning.fine_tune(Centred(384, 2), *made_up, delta=1e-4, plan=dp.Plan(
        sample_rate=1.0, batch_size=60, steps=1, noise_multiplier=1.0, max_grad_norm=1.0,
        learning_rate=1.0))
    noticed = False
except ValueError as error:
    noticed = True
    print(str(error)[:118], "...")
lab.truth(objections(Centred(384, 2)))
lab.claim("Opacus says just so much about it; a replay of one batch, with other records exchanged, "
          "refuses it before any training", objections(Centred(384, 2)) == 0 and noticed)

# %% [markdown]
# `finetuning.fine_tune` replays a batch before it trains:
# it changes some records and looks whether the gradients of the others stay as they were.
# It also compares what Opacus clips with the true gradient of each record.
# Both are needed, because libraries surprise.
#
# ### What the library really does
#
# *(Optional.)*
# Each row is run now, on the version that is installed, and says what one would expect, what happened,
# and what to do instead.

# %%
lab.predict("How many of these fourteen plain expectations hold?", low=0, high=14)

# %%
from labkit.dp.training.library_rows import opacus_rows

surprises = opacus_rows()
for row in surprises:
    print(f"{row.expected}\n    {row.library}: {row.found}\n    {row.instead}")
lab.truth(sum(not row.surprising for row in surprises))
lab.claim("that is how many of these expectations hold in the installed version",
          all(row.surprising for row in surprises), rows=len(surprises))

# %% [markdown]
# Most of these have a reason, and some are documented.
# But no run stops or warns.
#
# The training loop is the one you know; only *ghost* is new here, and explained below.
# This is private fine-tuning of adapters,
# all of it (on 256 texts of 12 random tokens, so that it runs everywhere):

# %%
from opacus import PrivacyEngine

warnings.filterwarnings("ignore", message="Secure RNG|Full backward hook|Optimal order")
torch.manual_seed(14)
states, labels = torch.randn(256, 12, 384), torch.arange(256) % 2
model = finetuning.classifier("LoRA", parts, seed=0)
before = adapters.snapshot(model)
optimiser = torch.optim.SGD(adapters.trainable(model).values(), lr=0.05)
records = torch.utils.data.TensorDataset(states, labels)
loader = torch.utils.data.DataLoader(records, batch_size=64)
engine = PrivacyEngine(accountant="prv")
wrapped, optimiser, criterion, loader = engine.make_private(
    module=model, optimizer=optimiser, criterion=nn.CrossEntropyLoss(), data_loader=loader,
    noise_multiplier=1.0, max_grad_norm=1.0, grad_sample_mode="ghost")
for x, target in loader:
    optimiser.zero_grad()
    criterion(wrapped(x), target).backward()
    optimiser.step()
adapters.assert_moved(before, model)
spent = engine.get_epsilon(delta=1e-4)
lab.claim("one pass over the records: every adapter has moved, and the account is charged",
          2 < spent < 5, epsilon=round(spent, 1), delta="1e-4")

# %% [markdown]
# `assert_moved` looks superfluous.
# It is there because of a mistake that costs days:
# here somebody makes the optimiser first, and puts the adapters in afterwards.

# %%
lab.predict("What does training do then?",
            choices=["stops with an error", "runs, and changes no adapter", "runs, and changes the adapters"])

# %%
def forgetful(block):
    model = blocks.Classifier([block])
    optimiser = torch.optim.SGD(model.parameters(), lr=0.05)  # holds what there is now
    adapters.add_lora(block, names=("query", "value"))        # ... and not what comes here
    return model, optimiser


model, optimiser = forgetful(blocks.EncoderBlock())
before = adapters.snapshot(model)
for x, target in torch.utils.data.DataLoader(records, batch_size=64):
    optimiser.zero_grad()
    nn.functional.cross_entropy(model(x), target).backward()
    optimiser.step()
try:
    adapters.assert_moved(before, model)
    noticed = False
except RuntimeError as error:
    noticed = True
    print(str(error)[:75], "...")
lab.truth("runs, and changes no adapter" if noticed else "runs, and changes the adapters")
lab.claim("training runs to the end, and only the check notices what is wrong with it",
          noticed)

# %% [markdown]
# In a private run the account would have been charged all the same.
# The check has a blind spot: under noise, *every* weight that the optimiser holds moves,
# whether it learnt anything or not.
# So `fine_tune` also refuses, beforehand, a model with trainable weights that no record's gradient reaches.
# Somebody lost 45 hours of GPU time to a relative of this (adapters moved to another device
# after the optimiser was made; [issue 820](https://github.com/meta-pytorch/opacus/issues/820) of Opacus).
# The loop above, with these checks, with batches worked off in parts, drawn at the rate that is accounted,
# and with a public divisor (lab 05), is `finetuning.fine_tune`.
#
# ## What it costs
#
# ### Accuracy
#
# First the head, against a private model that does **not** borrow: the same training on the same sentences,
# with words counted from scratch (each word counts in one of 512 columns,
# by a fixed rule, so that not even the vocabulary is read from the private texts).
# 8,000 sentences, then 1,000; three seeds.

# %%
def counted_words(texts, columns=512):
    counts = np.zeros((len(texts), columns), np.float32)
    for row, text in zip(counts, texts):
        for word in re.findall(r"[a-z']+", text.lower()):
            row[zlib.crc32(word.encode()) % columns] += 1
    return counts


EPSILONS = (1, 3, 8)
features = {"borrowed model": points, "own words": counted_words(reviews.X)}


def curve(kind, count, epsilons=EPSILONS, batch_size=None, steps=40):
    X, chosen = features[kind], private[:count]
    return dp.privacy_accuracy_curve(
        X[chosen], liked[chosen], X[test], liked[test], epsilons=epsilons, delta=delta,
        classes=2, records=count, seeds=3, batch_size=batch_size or count, steps=steps, max_grad_norm=0.3,
        learning_rate=8, momentum=0.9, rng=np.random.default_rng(0))


curves = {(kind, count): curve(kind, count) for kind in features for count in (8000, 1000)}

# %%
def without_privacy(kind, count):
    """The better of two: trained until it converges, or stopped as early as the private."""
    X = unit_rows(features[kind]).astype(float)
    chosen, in_all = private[:count], np.ones((1, count), bool)
    early = train_heads(X[chosen], liked[chosen], in_all, steps=40, rate=8)
    stopped = ((X[test] @ early[0] > 0) == liked[test]).mean()
    return max(stopped, curves[kind, count].non_private)


reference = {each: without_privacy(*each) for each in curves}
print(f"right on new sentences (always one answer: {majority:.0%}); delta {delta:g}, PLD")
print("                         epsilon 1   3     8     not private")
for (kind, count), found in curves.items():
    told = "  ".join(f"{each:4.0%}" for each in found.mean)
    print(f"{kind:15} {count:5,}     {told}      {reference[kind, count]:.0%}")

# %%
big, small = curves["borrowed model", 8000], curves["borrowed model", 1000]
lost = {count: reference["borrowed model", count] - curves["borrowed model", count].mean[2]
        for count in (8000, 1000)}
lab.claim("at epsilon 8 the head is within 4 points of one trained without privacy, "
          "with 8,000 sentences and with 1,000", max(lost.values()) < 0.04)
lab.measured("lost " + ", ".join(f"{each:.1%} with {count:,}" for count, each in lost.items()))
lab.claim("at every epsilon, for every seed, it beats the private model from scratch, and "
          "even at epsilon 1 the one from scratch without privacy",
          all((curves["borrowed model", count].accuracies.min(axis=1)
               > curves["own words", count].accuracies.max(axis=1)).all()
              for count in (8000, 1000))
          and big.accuracies[0].min() > reference["own words", 8000],
          epsilon_1=round(big.mean[0], 2), from_scratch=round(reference["own words", 8000], 2))
lab.claim("an eighth of the sentences, borrowed and private at epsilon 1, beats eight times "
          "as many with own words at epsilon 1",
          small.mean[0] > curves["own words", 8000].mean[0] + 0.01)

# %% [markdown]
# (Where the private head comes out level with the other:
# few steps and clipping keep it from learning single sentences by heart, which helps on new ones too.)
#
# ### Four ways
#
# Is more training better?
# The head, adapters in the last block, the whole last block, or the whole model:
# on 1,000 short sentences, tested on 700 others.
# (Learning rates were chosen on 992 sentences that serve for nothing else.)
# That needs the pretrained model and the better part of an hour;
# so this table was **recorded** once, by `labkit.protection.finetuning_table`, and comes with the lab.
# To compute it on your own machine, set `RUN_LONG = True`:
# it shows its progress, keeps the result in your cache directory, and goes on where it was interrupted.
# (The tests of the lab train two of its rows anew.)
# Remember the square root of $d$.

# %%
lab.predict("Which way reads new reviews best at epsilon 1?",
            choices=["head", "LoRA", "last block", "whole model"])

# %%
RUN_LONG = False
if RUN_LONG:  # needs `make models`
    table = finetuning_table.computed(lab.progress)
else:
    table = finetuning_table.recorded()
lab.measured(f"{len(table['rows'])} trainings of {table['date']}, {table['machine']}; "
             f"learning rates chosen on {table['chosen_on']} other reviews")

print(f"delta {table['delta']:g}, {table['accountant'].upper()}, {table['relation']}; "
      f"always one answer: {table['majority']:.0%}; inf is not private;\n"
      "MB: memory that a step on 128 reviews takes, with ghost clipping where it is private\n")
print("way         epsilon   right on new reviews   on its own   seconds      MB")
for way in finetuning.WAYS:
    for epsilon in finetuning_table.EPSILONS:
        mean, low, high = finetuning_table.summary(table, way, epsilon)
        own, cost = (finetuning_table.summary(table, way, epsilon, key)[0]
                     for key in ("right_on_training", "seconds"))
        memory = table["memory"][way]["not private" if epsilon == np.inf else "ghost"]
        print(f"{way:11} {epsilon:7.0f}     {mean:.1%} ({low:.0%} to {high:.0%}) {own:13.0%} "
              f"{cost:9.1f} {memory!s:>7}")

# %%
short, liked_short = finetuning_table.reviews()  # the same sentences, in own words
train, new = finetuning_table.TRAINED_ON, finetuning_table.TESTED_ON
words_short = counted_words(short)
scratch = dp.privacy_accuracy_curve(
    words_short[train], liked_short[train], words_short[new], liked_short[new],
    epsilons=EPSILONS, delta=table["delta"], classes=2, records=train.stop, seeds=3, batch_size=1000,
    steps=40, max_grad_norm=0.3, learning_rate=8, momentum=0.9, rng=np.random.default_rng(0))


def counted(weights):
    return f"{weights:,}" if weights < 1e6 else f"{weights / 1e6:.1f} million"


# %% tags=["hide-input"] jupyter={"source_hidden": true}
# Draws: right on new sentences, after 1,000 private ones.
places = np.arange(len(finetuning.WAYS))
fig, ax = lab.plots.figure(8.2, 3.0)
shades = {np.inf: lab.PLAIN, 8: "#8FC3E8", 3: lab.PRIVATE, 1: "#00395C"}
for number, epsilon in enumerate(finetuning_table.EPSILONS):
    mean, low, high = np.array([finetuning_table.summary(table, way, epsilon)
                                for way in finetuning.WAYS]).T
    ax.bar(places + 0.2 * number, mean, 0.18, color=shades[epsilon], ecolor="#E69F00",
           yerr=np.maximum([mean - low, high - mean], 0),
           label="not private" if epsilon == np.inf else f"epsilon {epsilon:.0f}")
for epsilon, low in zip((1, 8), scratch.mean[[0, 2]]):
    ax.axhline(low, color=shades[epsilon], lw=1.5, ls=":",
               label=f"own words, epsilon {epsilon}")
lab.plots.baseline(ax, table["majority"], "always one answer")
ax.set(xticks=places + 0.3, ylim=(0.45, 0.95),
       xticklabels=[f"{way}\n{counted(sizes[way])} weights" for way in finetuning.WAYS],
       title="Right on new sentences, after 1,000 private ones")
lab.plots.percent(ax)
ax.legend(loc="upper left", bbox_to_anchor=(1, 1), fontsize=9)
plt.show()

# %%
right = {(way, epsilon): finetuning_table.summary(table, way, epsilon)
         for way in finetuning.WAYS for epsilon in finetuning_table.EPSILONS}
lab.truth(max(finetuning.WAYS, key=lambda way: right[way, 1][0]))

# %%
lab.claim("every way, at every epsilon and seed, is over 10 points above the private model "
          "from scratch on the same sentences", all(
              right[way, epsilon][1] > scratch.accuracies[place].max() + 0.1
              for way in finetuning.WAYS for place, epsilon in enumerate(EPSILONS)))
more = finetuning.WAYS[1:]  # more than the head
chance = 2 * (0.25 / table["tested_on"]) ** 0.5  # two standard errors of one accuracy, at most
lab.claim("the head at epsilon 8 is within 4 points of the head without privacy; at epsilon 1 "
          "no other way beats it by more than chance",
          right["head", np.inf][0] - right["head", 8][0] < 0.04
          and all(right[way, 1][0] - right["head", 1][0] < chance for way in more),
          chance_in_points=round(100 * chance, 1))
cost = {way: finetuning_table.summary(table, way, 1, "seconds")[0] for way in finetuning.WAYS}
lab.claim("and it takes less than a fifth of their time",
          all(5 * cost["head"] < cost[way] for way in more))
lab.claim("but the square root of d exaggerates: 29,000 times the head's weights, at epsilon "
          "1, cost under 8 points", right["head", 1][0] - right["whole model", 1][0] < 0.08
          and 29_000 < sizes["whole model"] / sizes["head"] < 30_000)

# %% [markdown]
# How much does the table bear?
# Look at the settings before you quote it:
# which learning rates lie at the *edge* of what was tried, so that a better one may lie beyond?

# %%
for way, setting in finetuning_table.SETTINGS.items():
    edges = [kind for kind, private_rows in (("without privacy", False), ("with", True))
             if finetuning_table.chosen(table["tried"], way, private_rows)
             in (min(setting["tried"][private_rows]), max(setting["tried"][private_rows]))]
    print(f"{way:11} {setting['steps']:3} steps of {setting['rate']:.0%} of the records;   "
          f"rate at the edge: {', '.join(edges) or 'no'}")
apart = max(abs(right["head", 1][0] - right[way, 1][0]) for way in ("LoRA", "last block"))
lab.claim("at epsilon 1 the head and the next two ways are within 4 points of each other, which is about "
          "what 700 test sentences can tell apart", apart < 0.04 < 1.2 * chance)

# %% [markdown]
# So the table does *not* rank the ways within a few points of each other:
# one training set, 700 test sentences, unequal steps, and a short list of learning rates.
# The seeds move the noise and the start, not the sentences.
# What it does show is robust to all that: each of them is far above training from scratch,
# and the smallest costs least.
#
# So start with the head.
# On these sentences MiniLM already knows what matters, and a thousand labels teach it little more.
# (With far more private records, or a task that is far from what the encoder knows,
# adapters pull ahead: Yu and others, 2022.)

# %% [markdown]
# ### Seconds and memory
#
# *(Optional.)*
# To clip each record's gradient, one needs its length.
# The plain way keeps a whole gradient per record until the batch is done (Opacus calls that *hooks*).
# **Ghost clipping** notices that for a linear layer the length follows from two small tables
# that training has at hand anyway, what went into the layer ($x_t$, for each token $t$) and what came back
# ($b_t$): $\lVert g\rVert^2 = \sum_{t,u} (x_t\cdot x_u)(b_t\cdot b_u)$.
# A second pass then computes the clipped sum directly, with each record weighted by its factor.
# Here is what either takes, in seconds and in memory.
# One step, 50 texts of 12 tokens:

# %%
few = states[:50], labels[:50]
one_step = dp.Plan(sample_rate=1.0, batch_size=50, steps=1, noise_multiplier=1e-6,
                   max_grad_norm=1.0, learning_rate=10.0)


def stepped(way, mode):
    """How one private step moves a block's weights; prints what the step cost."""
    model = finetuning.classifier(way, parts, seed=0)
    torch.manual_seed(0)
    nn.init.normal_(model.head.weight, std=0.05)  # behind a head of zeros nothing else would move
    tuned, seconds, megabytes = finetuning.cost_of(lambda: finetuning.fine_tune(
        model, *few, plan=one_step, delta=1e-4, seed=0, mode=mode, together=50))
    lab.measured(f"{way}, {mode}: {seconds:.1f} s, {megabytes or float('nan'):.0f} MB on top")
    return torch.cat([(new - old).detach().flatten() for new, old in zip(
        tuned.model.blocks.parameters(), model.blocks.parameters())])


pairs = [(way, mode) for way in ("last block", "LoRA") for mode in ("hooks", "ghost")]
after = {pair: stepped(*pair) for pair in pairs}

# %%
apart = {way: ((after[way, "hooks"] - after[way, "ghost"]).norm() / after[way, "hooks"].norm()).item()
         for way in ("last block", "LoRA")}
kept = {way: 50 * 4 * sizes[way] / 1e6 for way in finetuning.WAYS}  # 4 bytes a number
lab.claim("both make the same step; for 50 texts, hooks keep over 350 MB of gradients of the "
          "last block, under 2 MB of the adapters', and would keep over 4 GB of the whole "
          "model's", max(apart.values()) < 0.01 and min(each.norm() for each in after.values()) > 1e-3
          and kept["last block"] > 350 and kept["LoRA"] < 2
          and kept["whole model"] > 4000,
          last_block=f"{kept['last block']:.0f} MB", LoRA=f"{kept['LoRA']:.1f} MB")

# %% [markdown]
# So ghost clipping pays where whole layers are trained:
# it frees memory for larger batches, for the time of one more backward pass.
# For the whole model it is the difference between possible and not:
# the table's last row has what a batch of 128 texts took.
# For adapters it saves nothing worth having.
# And where texts are long, the pairs of tokens cost more than the gradient would.
#
# ## Tune it
#
# ### How large a batch?
#
# 8,000 sentences, and a fixed number of steps.
# In larger batches each sentence joins more often, so that each step must be noisier for the same epsilon.
# *Choose a batch size, and watch the ratio.*

# %%
BATCHES = [64, 250, 1000, 4000, 8000]


def noise_to_signal(batch, epsilon, steps):
    """Length of a head's noise over the longest that the signal can be."""
    z = dp.noise_multiplier_for(epsilon=epsilon, delta=delta, sample_rate=batch / 8000,
                                steps=steps)
    return z * sizes["head"] ** 0.5 / batch


# %% tags=["hide-input"] jupyter={"source_hidden": true}
# Draws: what do large batches buy?
def batches(fig, batch, epsilon, steps):
    """What do large batches buy?"""
    ax, bar = fig.subplots(1, 2, width_ratios=[2.2, 1])
    ratios = [noise_to_signal(each, epsilon, steps) for each in BATCHES]
    here = ratios[BATCHES.index(batch)]
    ax.loglog(BATCHES, ratios, color=lab.PRIVATE)
    ax.plot(batch, here, "o", ms=9, color=lab.PRIVATE)
    ax.axhline(1, color=lab.BASELINE, ls="--", lw=1, label="as long as the signal can be")
    ax.set(xlabel="batch size", ylabel="noise / signal in one step", ylim=(0.01, 10),
           xticks=BATCHES, xticklabels=[f"{each:,}" for each in BATCHES])
    ax.minorticks_off()
    ax.legend(loc="upper right")
    found = curve("borrowed model", 8000, [epsilon], batch, steps)
    bar.bar(["right on\nnew sentences"], found.mean, color=lab.PRIVATE, width=0.5)
    bar.axhline(reference["borrowed model", 8000], color=lab.PLAIN, label="not private")
    lab.plots.baseline(bar, found.majority, "one answer")
    bar.set(ylim=(0.4, 1.05), xlim=(-0.6, 0.6), yticks=[0.4, 0.6, 0.8, 1])
    bar.legend(loc="upper center", fontsize=8)
    lab.plots.percent(bar)
    fig.subplots_adjust(left=0.1, right=0.98, bottom=0.17, top=0.95, wspace=0.25)
    return (f"Batches of {batch:,} for {steps} steps at epsilon {epsilon:g} (delta 1e-5, one "
            f"sentence added or removed, PLD): the noise is {here:.2g} times as long as the "
            f"signal can be, "
            f"and {found.mean[0]:.0%} of new sentences are judged rightly.")


# %% tags=["hide-input"] jupyter={"source_hidden": true}
# Draws: the picture above, under its controls.
lab.explore(batches, live=False, batch=BATCHES, epsilon=[0.3, 1, 3, 8], steps=[20, 40, 100],
            start={"batch": 64, "epsilon": 1, "steps": 40}, labels={"batch": "batch size"})

# %% [markdown]
# **Question.** From 64 to 1,000 the ratio falls steeply, from 4,000 to 8,000 hardly at all.
# Why does it level off, and why do those
# who train large models privately still take batches of hundreds of thousands?
#
# <details><summary>Answer</summary>
#
# Noise is divided by the batch size, and the noise multiplier
# that epsilon asks for grows with the sampling rate.
# At small rates it hardly grows: a batch that is a hundred times as large asks for about twice the noise
# (the next cell), so dividing by more wins.
# At large rates it grows in proportion, and the two cancel.
# Where the bend lies depends on the *rate*: with a billion records,
# a batch of half a million is still a tiny share, and a larger one is all profit, paid for in computing time.
#
# </details>

# %%
needed = {rate: dp.noise_multiplier_for(epsilon=1, delta=delta, sample_rate=rate, steps=40)
          for rate in (1e-5, 1e-3, 0.5, 1.0)}
lab.claim("a hundred times the rate, from one record in 100,000 to one in 1,000, asks for 1.5 to 3 "
          "times the noise; twice the rate, from half of them to all, for over 1.8 times",
          1.5 < needed[1e-3] / needed[1e-5] < 3 and needed[1.0] / needed[0.5] > 1.8)

# %% [markdown]
# ### How many sentences, which epsilon?

# %% tags=["hide-input"] jupyter={"source_hidden": true}
# Draws: what does borrowing buy?
def borrowed_or_not(fig, epsilon, sentences):
    """What does borrowing buy?"""
    ax = fig.subplots()
    grid = sorted({0.3, 1.0, 3.0, 8.0, epsilon})
    told = {}
    for kind, colour in [("borrowed model", lab.PRIVATE), ("own words", lab.plots.SERIES[1])]:
        found = curve(kind, sentences, grid)
        ax.fill_between(grid, found.accuracies.min(axis=1), found.accuracies.max(axis=1),
                        color=colour, alpha=0.2, lw=0)
        ax.plot(grid, found.mean, color=colour, label=f"{kind}, private")
        told[kind] = found.mean[grid.index(epsilon)]
        ax.plot(epsilon, told[kind], "o", ms=9, color=colour)
    lab.plots.baseline(ax, found.majority, "always one answer")
    lab.plots.privacy_axis(ax)
    ax.set(ylim=(0.4, 0.95), ylabel="right on new sentences", xticks=[0.3, 1, 3, 8])
    ax.minorticks_off()
    lab.plots.percent(ax)
    ax.legend(loc="upper left", bbox_to_anchor=(1, 1))
    fig.subplots_adjust(left=0.09, right=0.7, bottom=0.17, top=0.95)
    return (f"{sentences:,} private sentences, epsilon {epsilon:g} (delta 1e-5, one sentence "
            f"added or removed, PLD): {told['borrowed model']:.0%} right with the borrowed "
            f"model, {told['own words']:.0%} with own words.")


lab.explore(borrowed_or_not, live=False, epsilon=[0.3, 0.5, 1.0, 3.0, 8.0],
            sentences=[250, 1000, 3000, 8000], start={"epsilon": 1.0, "sentences": 1000})

# %% [markdown]
# **Question.** With 250 sentences even the borrowed model does little better than guess at epsilon 1.
# More steps, a better clip line, adapters: would any of these help?
#
# <details><summary>Answer</summary>
#
# Not much.
# The batch is 250 records, each of which may pull by C,
# and epsilon 1 asks for noise of over 20 times C in each of several hundred directions.
# The number of records sets that ratio; tuning moves it a little
# (and each look at the private records costs budget, lab 05), and adapters give the noise more directions.
# What helps is more people, fewer weights (a smaller encoder,
# a projection fixed beforehand), or a larger epsilon.
#
# </details>
#
# ## The attack again
#
# First the sentence that was read off the head.
# The same 300 visitors, trained privately at epsilon 8 and at epsilon 1; and the control that only clips.
# Here is where in the list of 10,605 the secret sentence comes now.
# (The middle of the list is pure chance.)

# %%
def place_of_secret(noise, seed, max_grad_norm=0.3):
    everybody = np.ones((1, 300), bool)
    head = train_heads(rows[visitors], liked[visitors], everybody, steps=40, rate=8,
                       max_grad_norm=max_grad_norm,
                       noise=noise, rng=np.random.default_rng(seed))[0]
    match = read_the_last(head)
    return (match >= match[secret]).sum()


z = {epsilon: dp.noise_multiplier_for(epsilon=epsilon, delta=1e-4, sample_rate=1.0, steps=40)
     for epsilon in (8, 2, 1)}  # under a tenth of 1 / 300
places = {epsilon: [place_of_secret(z[epsilon], seed) for seed in range(40)]
          for epsilon in (8, 1)}
for epsilon, found in places.items():
    print(f"epsilon {epsilon}: in the middle one of 40 heads, place {np.median(found):,.0f}")

# %%
lab.claim("clipped, without noise, the secret still comes first; with noise for epsilon 1 "
          "(delta 1e-4, one sentence added or removed, PLD) its place is chance",
          place_of_secret(0.0, seed=0) == 1 and 2600 < np.median(places[1]) < 8000)

# %% [markdown]
# Then membership, with the same attack, for heads trained in five ways.
# The green lines are the ceiling: what no attack on such training can exceed.

# %%
ways = {"not private": plain}
for name, multiplier in [("clip only", 0.0), *((f"epsilon {each}", z[each]) for each in z)]:
    ways[name] = train_heads(rows[crowd], answers, members, steps=40, rate=8, max_grad_norm=0.3,
                             noise=multiplier, rng=np.random.default_rng(7))
attacks = {name: roc(lira(sureness(heads), members), members) for name, heads in ways.items()}
rates = np.geomspace(1e-3, 1, 200)


def ceiling(rates, epsilon):
    return dp.most_true_positives(rates, mu=40**0.5 / z[epsilon])


fig, ax = lab.plots.figure(8.2, 3.2)
blues = ["#8FC3E8", lab.PRIVATE, "#00395C"]
for (name, found), colour in zip(attacks.items(), [lab.PLAIN, lab.plots.SERIES[2], *blues]):
    ax.loglog(found.false_positives, found.true_positives, color=colour, label=name)
for epsilon, style in ((8, "-"), (1, "--")):
    ax.loglog(rates, ceiling(rates, epsilon), color=lab.GUARANTEE, ls=style,
              label=f"ceiling, epsilon {epsilon}")
ax.loglog([1e-4, 1], [1e-4, 1], color=lab.BASELINE, ls="--", lw=1, label="coin toss")
ax.set(xlim=(1e-3, 1), ylim=(1e-3, 1.1), xlabel="others accused", ylabel="members found")
for axis in (ax.xaxis, ax.yaxis):
    axis.set_major_formatter(lambda value, _: f"{100 * value:g} %")
ax.legend(loc="upper left", bbox_to_anchor=(1, 1))
plt.show()

# %%
for name, heads in ways.items():
    print(f"{name:12} right about {attacks[name].auc:.0%} of pairs; "
          f"{on_new(heads):.0%} right on new sentences")
by_chance = 4 / (~members).sum() ** 0.5
under = all(attacks[f"epsilon {epsilon}"].true_positives_at(rate)
            <= ceiling(rate + by_chance * rate**0.5, epsilon)
            for epsilon in z for rate in (0.001, 0.01, 0.1))
lab.claim("clipping alone hides hardly anybody here; at epsilon 2 (delta 1e-4) the attack is "
          "right about fewer than three pairs in five, at epsilon 1 it tosses a coin; "
          "ceilings hold",
          attacks["clip only"].auc > 0.75 and attacks["epsilon 2"].auc < 0.6
          and attacks["epsilon 1"].auc < 0.54 and under)

# %% [markdown]
# The price stands beside it: with some 200 sentences to a head, epsilon 1 leaves little to learn.
# What 200 people say is then hidden together with what one says.
# With 8,000 the same promise cost next to nothing.
#
# And the other three ways?
# A membership attack lives on what a model does better on its own training sentences than on new ones.
# The recorded table has that gap:

# %%
gap = {(way, epsilon): finetuning_table.summary(table, way, epsilon, "right_on_training")[0]
       - right[way, epsilon][0] for way, epsilon in right}
for way in finetuning.WAYS:
    told = "   ".join(f"epsilon {epsilon:.0f}: {100 * gap[way, epsilon]:+3.0f}"
                      for epsilon in finetuning_table.EPSILONS)
    print(f"{way:11} points better on its own:   {told}")
lab.claim("after so few steps none is over 5 points better on its own sentences, private or "
          "not",
          max(gap.values()) < 0.05)

# %% [markdown]
# (Below zero: the 700 new sentences happen to be a little easier.)
# Here is the trap that lab 06 warned of.
# Such a gap says that a *crude* attack would find little, in the models without privacy too.
# And yet one sentence could be read off a head to the last word, above.
# Only the private rows come with a bound.
#
# ### Points are texts
#
# The lab ships its reviews as points, 384 numbers each, without the words.
# Many products keep such points (in a *vector store*) and treat them as harmless.
# An attacker has other reviews, with their points, and learns for each rarer word the direction
# in which it moves a point.

# %%
lab.predict("How many percent of the rarer words of a stranger's sentence are among ten guesses, made from "
            "its point?", low=0, high=100)

# %%
from labkit.attacks.embedding_inversion import WordReader

own, strangers = private[1000:6000], test[:500]
spy = WordReader(points[own], [reviews.X[row] for row in own])
said = [reviews.X[row] for row in strangers]
guesses = spy.guess(points[strangers])
for text, words in list(zip(said, guesses))[:3]:
    print(f"{text[:90]}\n    -> {', '.join(words[:7])}")
read_back = spy.found(guesses, said)
by_habit = spy.found([spy.commonest()] * len(said), said)
lab.truth(10 * round(10 * read_back), "%, rounded to tens")
lab.claim(f"about {10 * round(10 * read_back)} % of the rarer words come back; "
          f"ten guesses that are the same for every sentence find {by_habit:.0%}",
          read_back > 0.25 and by_habit < 0.05)

# %% [markdown]
# That is a ridge regression; trained decoders recover whole sentences (Morris and others, 2023).
# Store points as you would store the texts:
# with the same access rules, the same encryption, and the same deletion.
# A *private* head protects the sentences in the head, not the points in a drawer.
#
# ### Read a model card
#
# In 2025 Google published VaultGemma, a language model of a billion weights,
# trained with DP-SGD from the first step on.
# Its card says: **epsilon at most 2.0, delta at most 1.1e-10, per sequence of 1,024 tokens.**
# What does that promise, and to whom?
#
# * Whoever knows the weights, and all other data,
#   can hardly tell whether **one particular sequence** was in the training data.
# * A sequence is no person.
#   Who wrote a hundred pages stands in dozens of sequences.
#   And a fact that stands in many sequences is not hidden: the model is *meant* to learn what many say.
# * For a person's sequences, take them out one after the other.
#   Epsilon adds up, and the delta of each step is seen through the $e^\varepsilon$ of those before it:
#
# $$ \text{for } k \text{ sequences:}\qquad k\,\varepsilon \quad\text{and}\quad \delta\,\big(1 + e^{\varepsilon} + \dots + e^{(k-1)\varepsilon}\big) $$

# %%
def group_promise(epsilon, delta, count):
    """What (epsilon, delta) for one record promises for `count` records together."""
    return count * epsilon, delta * np.exp(epsilon * np.arange(count)).sum()


def sure_at_most(epsilon, delta):
    """How often an attacker who starts at 50:50 is right at most."""
    return min(1.0, (np.exp(epsilon) + delta) / (1 + np.exp(epsilon)))


def in_hundred(share):
    return f"{100 * share:.3g} %" if share < 0.999 or share == 1 else "nearly 100 %"


# %% tags=["hide-input"] jupyter={"source_hidden": true}
# Draws: how many sequences of one person does the promise bear?
def what_the_card_promises(fig, epsilon, sequences):
    """How many sequences of one person does the promise bear?"""
    ax, bar = fig.subplots(1, 2, width_ratios=[2.2, 1])
    counts = np.arange(1, 31)
    ax.semilogy(counts, [group_promise(epsilon, 1.1e-10, each)[1] for each in counts],
                color=lab.GUARANTEE)
    total, delta_here = group_promise(epsilon, 1.1e-10, sequences)
    ax.plot(sequences, delta_here, "o", ms=9, color=lab.GUARANTEE)
    ax.axhline(1, color=lab.BASELINE, ls="--", lw=1, label="from here on: no promise")
    ax.set(xlabel="sequences of one person", ylabel="delta for the person", ylim=(1e-11, 100))
    ax.legend(loc="lower right")
    sure = sure_at_most(total, delta_here)
    bar.bar(["no attacker is\nright more often"], [sure], color=lab.GUARANTEE, width=0.5)
    bar.axhline(0.5, color=lab.BASELINE, ls="--", lw=1)
    bar.text(0, sure + 0.02, in_hundred(sure), ha="center")
    bar.set(ylim=(0, 1.15), xlim=(-0.6, 0.6), yticks=[0, 0.5, 1])
    lab.plots.percent(bar)
    fig.subplots_adjust(left=0.1, right=0.98, bottom=0.17, top=0.95, wspace=0.25)
    told = f"delta {delta_here:.2g}" if delta_here < 1 else "delta above 1: no promise at all"
    return (f"Epsilon {epsilon:.3g} and delta 1.1e-10 for a sequence (one added or removed) "
            f"mean, for a person with {sequences}, epsilon {total:.3g} and {told}. An "
            f"attacker who starts at "
            f"50:50 is right at most {in_hundred(sure)} of the time.")


# %% tags=["hide-input"] jupyter={"source_hidden": true}
# Draws: the picture above, under its controls.
lab.explore(what_the_card_promises, epsilon=(0.1, 4, 2.0), sequences=range(1, 31),
            start={"sequences": 3}, labels={"sequences": "sequences of one person"})

# %% [markdown]
# **Question.** At the card's epsilon of 2,
# for how many sequences of one person does it promise anything at all?
# Has a person with more than that no privacy?
#
# <details><summary>Answer</summary>
#
# For twelve; with thirteen, delta passes 1.
# And with two or three the attacker may already be right nearly always.
# That means that *the card* promises no more, not that the person is exposed:
# it is what can be said from two numbers alone.
# Whoever knows noise and sampling can compute a better bound, and whoever wants
# to promise something to persons must cap what each contributes, and clip per person (lab 09).
#
# </details>

# %%
said = {count: group_promise(2.0, 1.1e-10, count) for count in (1, 2, 12, 13)}
lab.claim("one sequence: an attacker who starts at 50:50 is right at most 88.1 % of the "
          "time; two of one person: 98.2 %; from thirteen on the card promises the person "
          "nothing",
          round(sure_at_most(*said[1]), 3) == 0.881
          and round(sure_at_most(*said[2]), 3) == 0.982 and said[12][1] < 1 < said[13][1])
sequences = 13e12 / 1024  # the card names 13 trillion tokens
lab.claim("its delta is about one over the number of sequences: by itself, that would permit "
          "to publish one of them", 0.5 < 1.1e-10 * sequences < 2,
          delta_times_sequences=round(1.1e-10 * sequences, 1))
ours = [delta * len(everyone), 1e-4 * len(crowd), table["delta"] * table["trained_on"]]
lab.claim("on this page delta times the number of records is a tenth at most", max(ours) < 0.101)

# %% [markdown]
# And the model that *we* borrowed?
# MiniLM's weights come without any epsilon.
# Our guarantees cover the cinema's sentences, and nobody whose text it was pretrained on.
#
# ## Check yourself
#
# **1.** Put adapters of rank 8 into query and value of all six blocks of MiniLM.
# How many weights are trained, without the head?

# %%
weights_trained = ...

check("adapters in all six blocks", weights_trained);

# %% [markdown] tags=["solution"]
# <details><summary>Solution</summary>
#
# Down and up, 384 times 8 each; two layers; six blocks.
#
# ```python
# weights_trained = 6 * 2 * 2 * 384 * 8
# check("adapters in all six blocks", weights_trained);
# ```
#
# </details>

# %% [markdown]
# **2.** Write `for_a_person(epsilon, delta, count)`:
# the epsilon and the delta of a person with `count` records, from those of one record.
# (Without looking at `group_promise`.)

# %%
for_a_person = ...

check("a person with many records", for_a_person);

# %% [markdown] tags=["solution"]
# <details><summary>Solution</summary>
#
# Epsilon adds up; each delta is seen through the epsilons before it.
#
# ```python
# def for_a_person(epsilon, delta, count):
#     return count * epsilon, sum(delta * np.exp(step * epsilon) for step in range(count))
#
#
# check("a person with many records", for_a_person);
# ```
#
# </details>

# %% [markdown]
# **3.** The cinema publishes a head trained at epsilon 2,
# delta 1e-5, one sentence added or removed, on sentences of its visitors.
# Which of these follow?
# Answer with a set of letters, such as `{"a", "c"}`.
#
# * **a** A visitor who left forty sentences is protected at epsilon 2.
# * **b** Whoever holds the head, MiniLM,
#   and all other sentences is right about your one sentence at most 89 times in 100, starting from 50:50.
# * **c** People whose text MiniLM was pretrained on are protected at epsilon 2.
# * **d** It may still be learnt from the head that most visitors like animated films.

# %%
follows = ...

check("what the card promises", follows);

# %% [markdown] tags=["solution"]
# <details><summary>Solution</summary>
#
# The promise is for one sentence of the private data (b), and says nothing of what many say (d).
# Forty sentences of one person have epsilon 80.
#
# ```python
# follows = {"b", "d"}
# check("what the card promises", follows);
# ```
#
# </details>

# %% [markdown]
# **4.** The plain way of clipping (hooks) keeps a gradient for each text of a batch, with 4 bytes a number.
# How many megabytes does it keep for a batch of 100 texts and a layer of one million weights?

# %%
megabytes = ...

check("memory of the plain way", megabytes);

# %% [markdown] tags=["solution"]
# <details><summary>Solution</summary>
#
# One gradient as large as the layer for each text.
#
# ```python
# megabytes = 100 * 1_000_000 * 4 / 1e6
# check("memory of the plain way", megabytes);
# ```
#
# </details>

# %% [markdown]
# ## What the article says
#
# *(Optional. 2 minutes.)*
# **"Model security, by watermarks, compression and fine-tuning"** (A3):
# article A (*data privacy in deploying large models*) lists fine-tuning among the techniques
# that protect a model.
# Fine-tuning moves a model towards new data.
# Does it protect that data by itself?

# %%
lab.claim("fine-tuning alone gives away who was in it; made private, it does not",
          attacks["not private"].auc > 0.8 and attacks["epsilon 1"].auc < 0.54,
          article="A3", verdict="holds once repaired",
          not_private=round(attacks["not private"].auc, 2),
          epsilon_1=round(attacks["epsilon 1"].auc, 2))

# %% [markdown]
# **"More privacy costs accuracy"** (A5, B5).
# With a borrowed model and enough people, hardly:

# %%
price = {count: found.mean[2] - found.mean[0] for (kind, count), found in curves.items()
         if kind == "borrowed model"}
lab.claim("from epsilon 8 to epsilon 1 the head loses under 2 points with 8,000 sentences, "
          "and over 2 with 1,000", price[8000] < 0.02 < price[1000],
          article="A5", verdict="holds")

# %% [markdown]
# ## Limits and further reading
#
# - **The pretrained model is not private.**
#   Whatever it memorised of its own training data stays in it (lab 13).
#   "Public" text was often not written to be used so (Tramèr, Kamath and Carlini, 2024).
# - **It may have seen the test.**
#   These reviews have been on the web since 2004.
#   Part of what borrowing gains may be memory, and then our figures flatter it;
#   private data of one's own would not have that help.
# - **Near or far.** Film reviews are close to the text that MiniLM knows.
#   For the notes of a clinic the gain is smaller.
# - **One task, a thousand short sentences**, and few passes over them.
#   On a GPU, with more data, adapters in all layers beat the head (Yu and others, 2022).
# - **The settings were tuned** on these public reviews.
#   Tuning on private ones costs budget (lab 05).
# - **One sentence is the unit.**
#   Somebody with several needs a unit of persons (lab 09).
# - The noise is an ordinary generator's, in floating point (lab 03).
#
# Primary sources:
#
# - Hu, Shen, Wallis, Allen-Zhu, Li, Wang, Wang, Chen,
#   [*LoRA: Low-Rank Adaptation of Large Language Models*](https://arxiv.org/abs/2106.09685), ICLR 2022.
# - Yu and others,
#   [*Differentially Private Fine-tuning of Language Models*](https://arxiv.org/abs/2110.06500), ICLR 2022.
# - Li, Tramèr, Liang, Hashimoto,
#   [*Large Language Models Can Be Strong Differentially Private Learners*](https://arxiv.org/abs/2110.05679),
#   ICLR 2022: ghost clipping for transformers.
# - Li and others,
#   [*When Does Differentially Private Learning Not Suffer in High Dimensions?*](https://arxiv.org/abs/2207.00160),
#   NeurIPS 2022.
# - Tramèr and Boneh,
#   [*Differentially Private Learning Needs Better Features (or Much More Data)*](https://arxiv.org/abs/2011.11660),
#   ICLR 2021.
# - Tramèr, Kamath, Carlini,
#   [*Considerations for Differentially Private Learning with Large-Scale Public Pretraining*](https://arxiv.org/abs/2212.06470),
#   ICML 2024.
# - Morris, Kuleshov, Shmatikov, Rush,
#   [*Text Embeddings Reveal (Almost) As Much As Text*](https://arxiv.org/abs/2310.06816), EMNLP 2023.
# - Balle, Cherubin, Hayes,
#   [*Reconstructing Training Data with Informed Adversaries*](https://arxiv.org/abs/2201.04845),
#   IEEE S&P 2022: the attack of the first section, for any model.
# - VaultGemma Team, [*VaultGemma: A Differentially Private Gemma Model*](https://arxiv.org/abs/2510.15001),
#   2025, and its [model card](https://huggingface.co/google/vaultgemma-1b).
# - Ponomareva and others, [*How to DP-fy ML*](https://arxiv.org/abs/2303.00654),
#   JAIR 2023: what to say beside an epsilon.
