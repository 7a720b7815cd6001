# ---
# jupyter:
#   kernelspec: {display_name: Python 3, language: python, name: python3}
# ---

# %% [markdown]
# # 7 · Federated learning
#
# *About 85 minutes: 70 for the required sections, 15 for "What the article says", which is optional.
# You need lab 00, and to know what a gradient is.
# Terms are also explained in the [glossary](00-start-here.ipynb#Glossary).*
#
# **Afterwards you can** build federated averaging in twenty lines, say when it falls behind training
# on pooled data and why, count what it costs, and explain why keeping the data at home is not yet privacy.

# %%
import time
from dataclasses import replace
from functools import lru_cache

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
import torch
from matplotlib.patches import Ellipse
from sklearn.metrics import roc_auc_score

from labkit import datasets, lab
from labkit.exercises.lab_07 import check
from labkit.federated import (FedAdam, FedAvg, FedAvgM, FedNova, FedProx, FedYogi, Krum,
                              Median, QFedAvg, Quantise, Scaffold, Step, Sum, TopK, Update,
                              by_client, partition, personalise, simulate, vector_of,
                              worst_share)

seed = 7
train, test = datasets.digits().split(seed=seed)
FEDAVG, FEDPROX, SCAFFOLD, ALONE = lab.plots.SERIES[:4]
print(f"{len(train):,} handwritten digits to learn from, {len(test)} to test on")

# %% [markdown]
# ## What goes wrong
#
# Ten clinics would like one common model, and none may hand out its records.
# **Federated learning** promises a way:
# the records stay where they are, and only *what a model learned from them* travels.
# Handwritten digits stand in for the records here, because everybody can see at once what has leaked.
#
# The smallest case first.
# A client holds a single record.
# It gets a blank model, takes one training step, and sends back the change: 650 numbers, "no data".

# %%
lab.predict("What can the receiver tell from them?",
            choices=["nothing", "the label", "the label and the picture"])

# %%
def blank(inputs=64, classes=10):
    """Softmax regression (one linear layer) with every weight at 0."""
    model = torch.nn.Sequential(torch.nn.Linear(inputs, classes))
    for each in model.parameters():
        torch.nn.init.zeros_(each)
    return model


def update_from(*clients):
    """What the server sees: how one step on each client changes a blank model, on average."""
    run = simulate(blank(), clients, FedAvg(), rounds=1, learning_rate=0.1)
    return vector_of(run.model).numpy()


one = slice(3, 4)
update = update_from((train.X[one], train.y[one]))
print(update.shape, update[:6])

# %%
rows, biases = update[:640].reshape(10, 64), update[640:]
digit = biases.argmax()              # the step raises the bias of one label: the true one
stolen = rows[digit] / biases[digit]
lab.truth("nothing" if digit != train.y[3] else
          "the label and the picture" if np.allclose(stolen, train.X[3], atol=1e-3) else "the label")

# %% tags=["hide-input"] jupyter={"source_hidden": true}
# Draws: what the client has, what it sends, and what can be read from it.
fig, axes = lab.plots.figure(8.2, 2.1, ncols=3, width_ratios=[1, 2.3, 1])
titles = ["on the client", "what is sent: a row per digit, a column per pixel", "read from it"]
images = [train.X[one].reshape(8, 8), rows, stolen.reshape(8, 8)]
for ax, image, title in zip(axes, images, titles):
    ax.imshow(image, cmap="gray_r", aspect="auto")
    ax.set_title(title, size=10)
    ax.axis("off")
axes[2].title.set_color(lab.ATTACKER)
plt.show()

# %% [markdown]
# The label and the picture, pixel for pixel, by one division.
# Row $k$ of the update is the record times one number, and entry $k$ of the biases *is* that number.

# %%
lab.claim("the update of a single record gives away its label", bool(digit == train.y[one][0]))
exact = np.abs(stolen - train.X[one]).max() < 1e-5
lab.claim("and the record itself, to single precision", exact)

# %% [markdown]
# So give the client more records.
# Here is one clinic with over a hundred records, one step on all of them together:

# %%
parts = partition.dirichlet(train.y, clients=10, alpha=0.3, seed=seed)
clinics = [(train.X[part], train.y[part]) for part in parts]

counts = np.bincount(clinics[0][1], minlength=10)
read = counts.sum() * (update_from(clinics[0])[640:] / 0.1 + 0.1)
pd.DataFrame([counts, read.round(2)], index=["records it has", "read from the update"])

# %% [markdown]
# The pixels are mixed now, but the ten biases spell out how many records of each label the clinic holds
# (to the last record, because the model began blank).
# Read "ill" for a digit, and the update of a hospital publishes its disease rate.

# %%
lab.claim("one step on a whole clinic gives away how many records of each label it holds",
          bool((read.round() == counts).all()))

# %% [markdown]
# Federating moved the data's *location*.
# It did not, by itself, make anything private.
# Both facts matter: this lab builds federated learning properly, and labs 08 and 09 add what protects it.
#
# ## The idea
#
# A server keeps a model.
# In each round it sends the model to the clients;
# each trains it on its own records for a few steps; the server averages what comes back.

# %% tags=["hide-input"] jupyter={"source_hidden": true}
# Draws: a round: server, clients, and what travels between them.
fig, ax = lab.plots.figure(8.2, 2.7)
box = {"boxstyle": "round,pad=.5", "fc": "#EEF4FA", "ec": "#999999"}
down, up = ({"arrowstyle": "->", "color": each} for each in (lab.PLAIN, lab.ATTACKER))
for x, top, name in zip((0, 2.6, 5.2), (2.1, 2.6, 3.1), ("1", "2", "3")):
    ax.annotate("", (x - .1, .9), (top - .1, 2.25), arrowprops=down)
    ax.annotate("", (top + .1, 2.25), (x + .1, .9), arrowprops=up)
    ax.text(x, .5, f"client {name}: own records\n$n_{name}$ of them, $K$ steps", ha="center",
            va="center", size=9, bbox=box)
ax.text(2.6, 2.5, "server: the model $\\theta$", ha="center", va="center", bbox=box)
steps = [(2.5, "1  send the model down", "#5F5F5F"), (2.0, "2  train at home", "k"),
         (1.4, "3  send the change up:\n    this is where it leaks", lab.ATTACKER),
         (.8, "4  average, weighted by $n$", "k")]
for y, text, colour in steps:
    ax.text(6.7, y, text, color=colour, va="center")
ax.set(xlim=(-1.1, 9.4), ylim=(0, 2.9))
ax.axis("off")
plt.show()

# %% [markdown]
# $$\theta_{t+1} = \sum_k \frac{n_k}{n}\,\theta_k,\qquad\text{where client } k \text{ repeats } K \text{ times}\quad
# \theta_k \leftarrow \theta_k - \eta\,\nabla F_k(\theta_k),\quad\text{starting at } \theta_k=\theta_t .$$
#
# $\theta_t$ is the model after round $t$, $F_k$ the mean loss over client $k$'s own $n_k$ records,
# $n$ the number of all records, $\eta$ the learning rate, $K$ the number of **local steps**.
# This is *federated averaging*, **FedAvg**.
#
# ## Build it
#
# The gradient of softmax regression takes a handful of lines of numpy, and so does federated averaging.

# %%
def gradient(theta, X, y):
    """Gradient of the mean cross-entropy; theta has 64 rows of weights and one of biases."""
    X = np.hstack([X, np.ones((len(X), 1))])
    scores = X @ theta
    wrong = np.exp(scores - scores.max(1, keepdims=True))
    wrong /= wrong.sum(1, keepdims=True)
    wrong[np.arange(len(y)), y] -= 1
    return X.T @ wrong / len(y)

# %%
def fedavg(clients, rounds, local_steps, learning_rate):
    theta = np.zeros((65, 10))
    records = sum(len(y) for _, y in clients)
    for _ in range(rounds):
        average = np.zeros_like(theta)
        for X, y in clients:                          # at every client, at the same time
            own = theta.copy()
            for _ in range(local_steps):
                own -= learning_rate * gradient(own, X, y)
            average += len(y) / records * own         # at the server
        theta = average
    return theta

# %%
ours = fedavg(clinics, rounds=10, local_steps=5, learning_rate=0.5)
accuracy = ((test.X @ ours[:64] + ours[64]).argmax(1) == test.y).mean()
majority = np.bincount(test.y).max() / len(test)
print(f"right on {accuracy:.0%} of new digits; the commonest digit alone: {majority:.0%}")

# %% [markdown]
# Ten clinics that never showed one another a record share a model that reads digits.

# %%
lab.claim("ten rounds of federated averaging learn digits", accuracy > 0.75 > 5 * majority)

# %% [markdown]
# ## Use the real thing
#
# `labkit.federated.simulate` does the same for any torch model, and keeps a history:
# loss, accuracy, bytes, who took part, who dropped out.
# Clients of a small model are stacked into one tensor and step together;
# those of a large one run one after the other, or side by side in several processes.
# The result is the same.

# %%
run = simulate(blank(), clinics, FedAvg(), rounds=10, local_steps=5, learning_rate=0.5,
               evaluate=(test.X, test.y))
print(f"engine: {run.engine}; accuracy by round:", (run.accuracy * 100).round().astype(int))

difference = vector_of(run.model).numpy() - np.concatenate([ours[:64].T.ravel(), ours[64]])
lab.claim("numpy from scratch and the simulator agree", np.abs(difference).max() < 1e-4)

# %% [markdown]
# Trying a different algorithm must not mean a different loop.
# In `labkit` a **strategy** answers four questions and holds no state.
# Here is one round written out, on two clients whose losses are bowls,
# $F_k(\theta) = \frac12 (\theta - b_k)^\top A_k\,(\theta - b_k)$.
# The comments give the names of the same places in [Flower](https://flower.ai),
# an engine for real clients on real computers.

# %%
BOWLS = torch.tensor([[[1.0, 0.0], [0.0, 0.2]], [[0.3, 0.2], [0.2, 0.9]]])   # A: how steep
BOTTOMS = torch.tensor([[-1.0, 1.2], [1.2, -0.6]])              # b: each client's best model
RATE = 0.2


def one_round(strategy, theta, server, memories, local_steps):
    received = strategy.configure(theta, server)            # Flower: configure_train
    updates, walks = [], []
    for k, memory in enumerate(memories):                   # Flower: @app.train(), at a client
        walk = [theta]
        for _ in range(local_steps):
            slope = BOWLS[k] @ (walk[-1] - BOTTOMS[k])
            slope = strategy.local_gradient(slope, walk[-1], received, memory)
            walk.append(walk[-1] - RATE * slope)
        reply, memories[k] = strategy.reply(                # Flower: the reply Message
            walk[-1], received, memory, steps=local_steps, learning_rate=RATE)
        updates.append(Update(client=k, examples=1, steps=local_steps, message=reply))
        walks.append(torch.stack(walk))
    theta, server = strategy.aggregate(theta, updates, server)  # Flower: aggregate_train
    return theta, server, walks

# %% [markdown]
# Three strategies to begin with.
# They differ in very little:
#
# - **FedAvg**: plain steps, then the average (McMahan and others 2017).
# - **FedProx**: a rubber band; every step is pulled back towards the model received,
#   with strength `mu` (Li and others 2020).
# - **SCAFFOLD**: a compass; a client remembers its usual gradient,
#   is told everybody's, and takes the difference out of every step (Karimireddy and others 2020).

# %%
def walk_rounds(strategy, local_steps, rounds=12):
    """The server's models over the rounds, and both clients' steps in round 2."""
    theta = torch.tensor([-1.2, -1.2])
    server, memories = strategy.start(theta, [1, 1]), [strategy.start_client(theta)] * 2
    models, walks = [theta], []
    for _ in range(rounds):
        theta, server, steps = one_round(strategy, theta, server, memories, local_steps)
        models.append(theta)
        walks.append(steps)
    return torch.stack(models), walks[1]

# %%
best = torch.linalg.solve(BOWLS.sum(0), (BOWLS @ BOTTOMS[:, :, None]).sum(0))[:, 0]


def miss(strategy, local_steps):
    return round(float((walk_rounds(strategy, local_steps, 200)[0][-1] - best).norm()), 3)


lab.claim("on two bowls FedAvg finds the best common model with 1 local step, not with 20",
          miss(FedAvg(), 1) < 0.002 and miss(FedAvg(), 20) > 0.3,
          miss_with_1=miss(FedAvg(), 1), miss_with_20=miss(FedAvg(), 20))
lab.claim("SCAFFOLD finds it with 20", miss(Scaffold(), 20) < 0.002)

# %% [markdown]
# Lab 09 runs the same strategy on Flower, on separate processes, over TLS.
# The whole client is then about this long (not run here: `flwr` is an optional extra):
#
# ```python
# app = ClientApp()
#
# @app.train()
# def train(message, context):
#     model.load_state_dict(message.content["arrays"].to_torch_state_dict())
#     train_on_own_records(model)
#     return Message(reply_to=message, content=RecordDict({
#         "arrays": ArrayRecord(model.state_dict()),
#         "metrics": MetricRecord({"num-examples": len(own_records)})}))
# ```
#
# | question | `labkit` strategy | Flower (message API) |
# |---|---|---|
# | what do clients get? | `configure` | `configure_train` of the server's strategy |
# | what do they minimise? | `local_gradient` | your code in the `ClientApp` |
# | what do they send? | `reply` | the reply `Message`: an `ArrayRecord` and `num-examples` |
# | how is it combined? | `aggregate` | `aggregate_train` |
# | who remembers what? | `start`, `start_client` | fields of the strategy; `context.state` of the client |
# | who runs it? | `simulate` | `ServerApp`, `SuperLink`, and a `SuperNode` at each client |
#
# Mind one seam.
# With Flower's FedProx the client adds the proximal term itself,
# and the example in that class's docstring (Flower 1.41) adds the norm of the difference where the paper
# (and the formula above that example) has its *square*.
#
# ## What it costs
#
# ### Accuracy
#
# Suppose that each clinic holds one digit only.
# Alone it learns to say that digit always.

# %%
lab.predict("Ten such clinics together, by federated averaging: how many percent of new digits do they read?",
            low=0, high=100)

# %%
def clinics_with(alpha, digits=train, seed=seed):
    """Ten clinics: alpha None is one digit each, a small alpha few, a large one all alike."""
    if alpha is None:
        parts = partition.by_label(digits.y, clients=10, seed=seed)
    else:
        parts = partition.dirichlet(digits.y, clients=10, alpha=alpha, seed=seed)
    return [(digits.X[part], digits.y[part]) for part in parts]


def pooled(clients):
    """All records in one place, as one client."""
    return [tuple(np.concatenate(each) for each in zip(*clients))]


def learn(clients, strategy=FedAvg(), **changes):
    work = {"rounds": 20, "local_steps": 20, "batch_size": 32, "learning_rate": 0.5,
            "evaluate": (test.X, test.y)}
    work.update(changes)
    return simulate(blank(), clients, strategy, **work)

# %%
def accuracies(clients):
    """Accuracy in the end: each clinic alone (mean), three strategies, all records pooled."""
    alone = [learn([each], rounds=4).accuracy[-1] for each in clients]
    runs = [learn(clients, each) for each in (FedAvg(), FedProx(mu=0.3), Scaffold())]
    runs.append(learn(pooled(clients)))
    return [np.mean(alone), *(each.accuracy[-1] for each in runs)]


splits = {"all alike": 1000, "few digits each": 0.1, "one digit each": None}
table = pd.DataFrame({name: accuracies(clinics_with(alpha)) for name, alpha in splits.items()},
                     index=["alone (mean)", "FedAvg", "FedProx, mu 0.3", "SCAFFOLD", "pooled"])
lab.truth(round(100 * table.loc["FedAvg", "one digit each"]), "%")
table.map("{:.0%}".format)

# %% [markdown]
# A clinic that has only ever seen sevens says seven to everything.
# Ten of them together read all ten digits.
# That is the case for federated learning in one column.
# The same column shows its price: the less alike the clients, the further FedAvg falls behind pooling.
# SCAFFOLD makes up much of it.
# FedProx does not: here its rubber band only slows learning down.
#
# A few points may be the luck of one split into digits to learn from and digits to test on.
# So what follows takes the mean of five splits wherever points are compared.

# %%
def on_five_splits(alpha, *strategies):
    """Accuracy in the end, mean of five splits: of each strategy, and of all records pooled."""
    found = []
    for number in range(seed, seed + 5):
        digits, others = datasets.digits().split(seed=number)
        clients = clinics_with(alpha, digits, number)
        runs = [learn(clients, each, evaluate=(others.X, others.y)) for each in strategies]
        runs.append(learn(pooled(clients), evaluate=(others.X, others.y)))
        found.append([each.accuracy[-1] for each in runs])
    return np.mean(found, 0)

# %%
alike, apart = table["all alike"], table["one digit each"]
lab.claim("alone with one digit a clinic is no better than chance",
          apart["alone (mean)"] < 0.12)
lab.claim("together they read ten digits", apart["FedAvg"] > 0.8)
lab.claim("alike clients lose next to nothing to pooling",
          alike["pooled"] - alike["FedAvg"] < 0.02)
averaged, corrected, together = on_five_splits(None, FedAvg(), Scaffold())
lab.claim("one-digit clients do lose, on average over five splits", together - averaged > 0.02)
lab.claim("and SCAFFOLD wins part of it back", corrected - averaged > 0.015)

help_of_prox = table.loc["FedProx, mu 0.3"] - table.loc["FedAvg"]
lab.claim("FedProx is nowhere better than FedAvg by more than 1.5 points",
          bool((help_of_prox < 0.015).all()))

# %% [markdown]
# A strategy's answers can be changed one at a time, and each change has a name:
#
# - *What does the server do with the mean change?*
#   **FedAvgM** gives the model momentum (Hsu and others 2019);
#   **FedAdam** and **FedYogi** give every parameter a step size of its own (Reddi and others 2021).
# - *How much does a client count?*
#   **FedNova** divides by the steps it took (Wang and others 2020);
#   **q-FedAvg** lets those with a large loss count more (T. Li and others 2020).
# - *What is the middle of many changes?*
#   The **median** of each parameter (Yin and others 2018) ignores whoever is far out.
#
# Here is each of them, where every clinic has few digits:

# %%
zoo = {"FedAvgM": FedAvgM(server_learning_rate=0.3),
       "FedAdam": FedAdam(server_learning_rate=0.1),
       "FedYogi": FedYogi(server_learning_rate=0.1), "FedNova": FedNova(),
       "q-FedAvg, q 1": QFedAvg(q=1), "median": Median()}
few = clinics_with(0.1)
reference = learn(few)
runs = {name: learn(few, strategy) for name, strategy in zoo.items()}

# %% tags=["hide-input"] jupyter={"source_hidden": true}
# Draws: round.
fig, axes = lab.plots.figure(8.2, 3.6, nrows=2, ncols=3, sharex=True, sharey=True)
for ax, (name, run) in zip(axes.flat, runs.items()):
    ax.plot(reference.accuracy, color=FEDAVG, label="FedAvg")
    ax.plot(run.accuracy, color=ALONE, label="the strategy named")
    lab.plots.baseline(ax, majority, "commonest digit")
    ax.set_title(f"{name}: {run.accuracy[-1]:.0%}", size=10)
    ax.set(ylim=(0, 1.02), xticks=[0, 10, 20])
    lab.plots.percent(ax)
axes[1, 1].set_xlabel("round")
fig.legend(*axes[0, 0].get_legend_handles_labels(), loc="outside lower center", ncols=3)
plt.show()

# %%
last = {name: run.accuracy[-1] for name, run in runs.items()}
averaged, adaptive, _ = on_five_splits(0.1, FedAvg(), FedAdam(server_learning_rate=0.1))
lab.claim("with few digits each, FedAdam ends over a point above FedAvg, on average over five splits",
          adaptive > averaged + 0.01)
lab.claim("the median ends over 10 points below: it takes the unusual clinic for a mistake",
          last["median"] < reference.accuracy[-1] - 0.1)
same = (vector_of(runs["FedNova"].model) - vector_of(reference.model)).abs().max() < 1e-4
lab.claim("FedNova is FedAvg as long as all clinics take the same number of steps", bool(same))

# %% [markdown]
# One learning rate each, one data set:
# read the six pictures as *what kind* of thing happens, not as a league table.
#
# ### Bytes and rounds
#
# The network is the slow part, so FedAvg's reason to exist is to talk less: more steps at home, fewer rounds.
# Here are the rounds that it takes to get to 90 %.

# %%
steps, needed = [1, 2, 5, 10, 20, 50], []
for local_steps in steps:
    rounds = max(150 // local_steps, 10)
    run = learn(clinics_with(1000), rounds=rounds, local_steps=local_steps)
    needed.append(int(np.argmax(run.accuracy >= 0.9)))
    assert needed[-1] > 0                       # it did get there
per_round = run.rounds[1].bytes_down + run.rounds[1].bytes_up

fig, ax = lab.plots.figure(8.2, 2.6)
bars = ax.bar([str(each) for each in steps], np.array(needed) * per_round / 1000, color=FEDAVG)
ax.bar_label(bars, [f"{each} round{'s' * (each != 1)}" for each in needed], size=9)
ax.set(xlabel="local steps per round", ylabel="kilobytes to 90 %")
ax.set_title("Work at home saves traffic (clients alike)")
ax.margins(y=.15)
plt.show()

# %%
lab.claim("20 local steps need at most a third of the rounds, so of the bytes, of 1 step",
          needed[4] <= needed[0] / 3)
double = learn(clinics_with(1000), Scaffold(), rounds=1).bytes_up
lab.claim("SCAFFOLD sends twice the bytes of FedAvg", double == 2 * run.rounds[1].bytes_up)

# %% [markdown]
# The other lever is to send less each time.
# `simulate` sends every update through a **pipeline** of steps before it leaves its client,
# and the server unpacks it in reverse.
# **Top-k** sends the largest changes only and keeps the rest for the next round.
# **Quantising** rounds each number, at random, to one of a few levels, so that it is right on average.
# A number takes 32 bits.

# %%
lab.predict("How few bits a number are enough, if accuracy may fall by 3 points?", choices=[16, 4, 1])

# %%
pipelines = {"all, 32 bits": [], "largest 10 %": [TopK(0.1)], "largest 1 %": [TopK(0.01)],
             "largest 1 %, rest forgotten": [TopK(0.01, remember=False)],
             "all, 4 bits": [Quantise(4)], "all, 1 bit": [Quantise(1)]}
sent = {name: learn(clinics_with(1000), pipeline=steps) for name, steps in pipelines.items()}

fig, ax = lab.plots.figure(8.2, 2.8)
for name, run in sent.items():
    spot = (run.bytes_up / 1000, run.accuracy[-1])
    ax.plot(*spot, "o", color=FEDAVG)
    ax.annotate(name, spot, (7, 5 if "bit" in name else -10),
                textcoords="offset points", size=9)
ax.set(xscale="log", xlim=(7, 1500), ylim=(.7, 1), ylabel="right on new digits",
       xlabel="kilobytes sent by all clinics in 20 rounds (fewer is cheaper)")
lab.plots.percent(ax)
plt.show()

# %%
reached = {name: run.accuracy[-1] for name, run in sent.items()}
enough = {"all, 1 bit": 1, "all, 4 bits": 4}
lab.truth(min([bits for name, bits in enough.items() if reached[name] > reached["all, 32 bits"] - 0.03],
              default=16))

# %%
lab.claim("one bit per number, a 25th of the bytes or less, costs under 3 points",
          reached["all, 1 bit"] > reached["all, 32 bits"] - 0.03
          and sent["all, 1 bit"].bytes_up < sent["all, 32 bits"].bytes_up / 25)
lab.claim("the largest 1 % work only because the rest is kept for later",
          reached["largest 1 %"] > reached["largest 1 %, rest forgotten"] + 0.05)

# %% [markdown]
# Do not sell federated learning as thrift, though.
# The records of this lab are small, and the model travels again and again:

# %%
began = time.process_time()
full = learn(clinics_with(1000))
seconds = time.process_time() - began
lab.measured(f"20 rounds of 10 clients and 20 steps: {seconds:.2f} s on one thread")

traffic = full.bytes_down + full.bytes_up
records = train.X.size + len(train)                # a byte per pixel and per label
print(f"20 rounds: {traffic:,} bytes. Sending the records, once: {records:,} bytes.")
lab.claim("federating moves over ten times the bytes of pooling here", traffic > 10 * records)

# %% [markdown]
# ### Who does not answer is not learned
#
# Phones run out of battery, hospitals close at night.
# Say the clinic that holds the sevens never answers.

# %%
answering = [each for each in clinics_with(None) if each[1][0] != 7]
partial = learn(answering)
own_tests = [(test.X[test.y == digit], test.y[test.y == digit]) for digit in range(10)]
each = by_client(partial.model, own_tests)["accuracy"]        # one clinic, one digit
print("right on each digit, 0 to 9:", each.round(1))

lab.claim("a model that never heard from the sevens' clinic recognises no seven",
          each[7] == 0 == worst_share(each), sevens_tested=len(own_tests[7][1]))
lab.claim("and its overall accuracy falls by less than 15 points: an average hides it",
          apart["FedAvg"] - partial.accuracy[-1] < 0.15)

# %% [markdown]
# Look at accuracy *per client* before you trust a run:
# the spread, and the **worst decile**, the mean of the worst tenth.
#
# ### Four real hospitals: who gains, who loses
#
# Now data that nobody split: 920 patients of four hospitals,
# and the question whether an angiogram shows heart disease.

# %%
heart = datasets.heart_disease()
hospitals = np.unique(heart.groups)
rate = np.array([heart.y[heart.groups == each].mean() for each in hospitals])
patients = np.array([(heart.groups == each).sum() for each in hospitals])
trivial = np.maximum(rate, 1 - rate)            # always giving the commoner answer
pd.DataFrame({"patients": patients, "ill": [f"{each:.0%}" for each in rate],
              "trivial answer is right": [f"{each:.0%}" for each in trivial]}, index=hospitals)

# %% [markdown]
# They differ a lot: in Switzerland nearly every patient in the file is ill, in Hungary about a third.
# Each hospital can train *alone*, *join* the federation (FedAvg), or join and keep a *personal* model:
# the common one, trained on for a few steps at home and held near it by FedProx's rubber band
# (this is the idea of **Ditto**, T. Li and others 2021).
# The federation could also choose *q-FedAvg*, which listens more to those with a large loss.
# Or the four could *pool* their records, which is what federating is meant to spare them.
#
# Few patients means much luck,
# so we repeat it on twenty random splits into 70 % for training and 30 % for testing.
# Two scores: accuracy, and how well patients are *ranked* by risk (AUC:
# the chance that an ill patient is placed above a healthy one; 50 % is a coin toss).

# %%
def split_patients(seed):
    """Rows to train on and rows to test on, per hospital, each with its share of ill."""
    rng, training, testing = np.random.default_rng(seed), [], []
    for hospital in hospitals:
        piles = [rng.permutation(np.flatnonzero((heart.groups == hospital) & (heart.y == ill)))
                 for ill in (0, 1)]
        training.append(np.concatenate([pile[:round(.7 * len(pile))] for pile in piles]))
        testing.append(np.concatenate([pile[round(.7 * len(pile)):] for pile in piles]))
    return training, testing


def pairs_of(clients):
    return [(heart.X[rows], heart.y[rows]) for rows in clients]


def fit(*clients, strategy=FedAvg()):
    return simulate(blank(35, 2), pairs_of(clients), strategy, rounds=20, local_steps=10,
                    learning_rate=0.5).model


def score(model, rows):
    with torch.no_grad():
        risk = model(torch.from_numpy(heart.X[rows])).softmax(1)[:, 1].numpy()
    return np.mean((risk > 0.5) == heart.y[rows]), roc_auc_score(heart.y[rows], risk)

# %%
found = []
for number in lab.progress(range(20), "splitting and training"):
    training, testing = split_patients(100 * seed + number)
    joined, merged = fit(*training), fit(np.concatenate(training))
    fair = fit(*training, strategy=QFedAvg(q=3))
    own = personalise(joined, pairs_of(training), strength=0.1, local_steps=10,
                      learning_rate=0.5)
    found.append([[score(model, new) for model in (fit(mine), joined, personal, fair, merged)]
                  for mine, personal, new in zip(training, own, testing)])
found = np.array(found)           # split, hospital, way of training, (accuracy, AUC)

# %% tags=["hide-input"] jupyter={"source_hidden": true}
# Draws: each hospital alone, joined, and with models of its own.
ways = {"alone": ALONE, "joined": FEDAVG, "joined, personal": SCAFFOLD,
        "q-FedAvg": lab.plots.SERIES[4], "pooled": lab.PLAIN}
fig, axes = lab.plots.figure(8.2, 3.4, ncols=2)
for metric, (ax, title, chance) in enumerate(zip(axes, ("Accuracy", "Ranking (AUC)"),
                                                 (trivial, np.full(4, .5)))):
    mean, spread = found[..., metric].mean(0), found[..., metric].std(0)
    for way, (name, colour) in enumerate(ways.items()):
        ax.errorbar(np.arange(4) + .16 * (way - 2), mean[:, way], spread[:, way], fmt="o",
                    color=colour, label=name, lw=1.2)
    ax.hlines(chance, np.arange(4) - .4, np.arange(4) + .4, color=lab.BASELINE, ls="--", lw=1,
              label="trivial answer")
    ax.set_xticks(range(4), hospitals, size=9)
    ax.set_title(title)
    lab.plots.percent(ax)
fig.legend(*axes[0].get_legend_handles_labels(), loc="outside lower center", ncols=6)
plt.show()

# %% [markdown]
# Bars show the spread over splits.
# The splits share patients, so a plain standard error would be far too sure of itself;
# Nadeau and Bengio (2003) give a correction.
# Gains by joining, in points, with a 95 % interval:

# %%
gain = 100 * (found[:, :, 1:3] - found[:, :, :1])   # joined, and personal, less alone
student = 2.093                                      # of 19 degrees of freedom, for 95 %
width = student * gain.std(0, ddof=1) * np.sqrt(1 / 20 + .3 / .7)
gain = gain.mean(0)                          # hospital, (joined, personal), (accuracy, AUC)

told = np.vectorize("{:+.1f} ± {:.1f}".format)(gain, width).reshape(4, 4)
columns = pd.MultiIndex.from_product([["joined", "joined, personal"], ["accuracy", "AUC"]])
pd.DataFrame(told, index=hospitals, columns=columns)

# %%
cleveland, hungary, beach, swiss = range(4)
level = found[..., 0].mean(0)                        # accuracy by hospital and way of training
lab.claim("Switzerland loses accuracy by joining, on average: it ends below 'everybody is ill'",
          gain[swiss, 0, 0] < -2 and level[swiss, 1] < trivial[swiss] - 0.02)
lab.claim("a personal model gives Switzerland most of it back",
          gain[swiss, 1, 0] > gain[swiss, 0, 0] / 2)
lab.claim("Long Beach ranks its patients better by joining, on average over the splits",
          gain[beach, 0, 1] > 1)
lab.claim("but the interval of that gain reaches down to 2 points or less: a hint, no proof",
          gain[beach, 0, 1] - width[beach, 0, 1] < 2)
lab.claim("for Cleveland and Hungary no gain or loss exceeds its interval",
          bool((np.abs(gain) < width)[[cleveland, hungary]].all()))
lab.claim("in Long Beach and Switzerland nothing beats the trivial answer by 2 points",
          bool((level.max(1) < trivial + 0.02)[[beach, swiss]].all()))

# %% [markdown]
# Is that *fair*?
# One measure is how far the hospitals lie apart, another how the worst-off fares.
# In AUC, averaged over the splits:

# %%
ranking = found[..., 1].mean(0)                  # hospital, way
table = pd.DataFrame({"mean": ranking.mean(0), "spread": ranking.std(0),
                      "worst hospital": ranking.min(0)}, index=list(ways))
change = 100 * (ranking[:, 3] - ranking[:, 1])                 # q-FedAvg less FedAvg
print("q-FedAvg against FedAvg, points of AUC:",
      ", ".join(f"{name} {value:+.0f}" for name, value in zip(hospitals, change)))
lab.claim("q-FedAvg brings the hospitals nearer together and lifts the worst",
          table["spread"]["q-FedAvg"] < table["spread"]["joined"]
          and table["worst hospital"]["q-FedAvg"] > table["worst hospital"]["joined"])
lab.claim("and Cleveland, the largest, pays for it", change[cleveland] < 0)
table.map("{:.1%}".format)

# %% [markdown]
# So joining is not a gift to all, and with a few hundred patients one often cannot tell:
# even Switzerland's loss has a wide interval, because hardly any of its patients are healthy.
# Its reason is plain, though: the common model learns how common the disease is among *all* patients,
# and in Switzerland it is far commoner; a personal model may unlearn that.
# And mind the dashed lines.
# A report that gives only the federated accuracy for Switzerland,
# high as it looks, hides that the trivial answer is better.
#
# ## Tune it
#
# First the picture behind the numbers.
# Each client walks towards the bottom of its own bowl; the server averages where they got to.

# %% tags=["hide-input"] jupyter={"source_hidden": true}
# Draws: each client's loss as contour lines, and its own best model as a cross.
CLIENTS = (lab.plots.SERIES[4], lab.plots.SERIES[3])
STRATEGIES = {"FedAvg": FedAvg(), "FedProx, mu 0.5": FedProx(mu=0.5), "SCAFFOLD": Scaffold()}


def draw_bowls(ax):
    """Each client's loss as contour lines, and its own best model as a cross."""
    for bowl, bottom, colour in zip(BOWLS.numpy(), BOTTOMS.numpy(), CLIENTS):
        size, axes = np.linalg.eigh(bowl)
        turn = np.degrees(np.arctan2(axes[1, 0], axes[0, 0]))
        for level in (.1, .4, .9, 1.6):
            width, height = 2 * np.sqrt(2 * level / size)
            ax.add_patch(Ellipse(bottom, width, height, angle=turn, fill=False, lw=.8,
                                 alpha=.5, color=colour))
        ax.plot(*bottom, "x", color=colour, ms=9)

# %% tags=["hide-input"] jupyter={"source_hidden": true}
# Draws: where does averaging two clients' walks lead?
def bowls(fig, strategy, local_steps):
    """Where does averaging two clients' walks lead?"""
    ax, distance = fig.subplots(1, 2, width_ratios=[1.7, 1])
    draw_bowls(ax)
    models, walks = walk_rounds(STRATEGIES[strategy], local_steps)
    for walk, colour in zip(walks, CLIENTS):
        ax.plot(*walk.T, ".-", ms=3, lw=1, color=colour)
    ax.plot(*models.T, "o-", ms=4, color="k", lw=1, label="the server, round by round")
    ax.plot(*best, "*", ms=16, color=lab.GUARANTEE, label="best for both together")
    ax.set(xlim=(-3, 3.2), ylim=(-1.6, 2.6), xticks=[], yticks=[])
    ax.set_xlabel("crosses: each client's own best model; dots: its steps in round 2", size=9)
    ax.legend(loc="upper right", fontsize=9)
    away = (models - best).norm(dim=1)
    distance.plot(away, "o-", ms=4, color="k")
    distance.set(ylim=(0, 1.6), xticks=range(0, 13, 3), xlabel="round")
    distance.set_title("distance from the best")
    fig.subplots_adjust(left=.02, right=.98, bottom=.15, top=.9, wspace=.14)
    return (f"{strategy}: after 12 rounds with {local_steps} local step(s) each, the server "
            f"is {away[-1]:.2f} away from the best common model ({away[0]:.2f} at the start).")


lab.explore(bowls, size=(8.2, 3.6), strategy=list(STRATEGIES), local_steps=range(1, 51),
            start={"local_steps": 20})

# %% [markdown]
# **Question.** With FedAvg and 50 local steps, where does the server end up,
# and why does talking more often (fewer local steps) help?
#
# <details><summary>Answer</summary>
#
# Each client walks nearly to its own cross and forgets the shared model, so the server ends near the midpoint
# of the crosses, which is nobody's optimum: the bowls differ in steepness, and a plain midpoint ignores that.
# With one step the average of the walks <em>is</em> a step down the summed bowl.
# This pull apart is called <b>client drift</b>.
# FedProx shortens the walks, SCAFFOLD bends them to run side by side.
# </details>
#
# Now with ten clinics and digits.
# Each square is a clinic, each dot in it a record, each shade a digit;
# above it stands its commonest digit with its share.
# Every move trains three federations anew.

# %%
@lru_cache
def pooled_curve(local_steps):
    return learn([(train.X, train.y)], rounds=12, local_steps=local_steps).accuracy


def mosaic(ax, clients):
    """Ten tiles, a dot per record, sorted by label; above: commonest digit and its share."""
    tiles = []
    for number, (_, y) in enumerate(clients):
        dots = np.full(144, np.nan)
        dots[:len(y)] = np.sort(y)
        tiles.append(np.pad(dots.reshape(12, 12), ((0, 0), (1, 1)), constant_values=np.nan))
        counts = np.bincount(y)
        ax.text(14 * number + 6.5, -1.2, f"{counts.argmax()}: {counts.max() / len(y):.0%}",
                ha="center", size=9)
    ax.imshow(np.hstack(tiles), cmap="viridis", vmin=0, vmax=9, interpolation="nearest")
    ax.axis("off")

# %% tags=["hide-input"] jupyter={"source_hidden": true}
# Draws: how unlike may the clinics be before the curves part?
def parting(fig, alpha, local_steps, mu, drop_out):
    """How unlike may the clinics be before the curves part?"""
    clients, ends = clinics_with(alpha), []
    mosaic(fig.add_axes([.01, .75, .98, .2]), clients)
    ax = fig.add_axes([.1, .12, .68, .56])
    shown = [("FedAvg", FedAvg(), FEDAVG), ("FedProx", FedProx(mu=mu), FEDPROX),
             ("SCAFFOLD", Scaffold(), SCAFFOLD)]
    for name, strategy, colour in shown:
        curve = learn(clients, strategy, rounds=12, local_steps=local_steps,
                      drop_out=drop_out, seed=seed).accuracy
        ax.plot(curve, color=colour, label=name)
        ends.append(f"{name} {curve[-1]:.0%}")
    ax.plot(pooled_curve(local_steps), color=lab.PLAIN, label="records pooled")
    lab.plots.baseline(ax, majority, "commonest digit")
    ax.set(xlabel="round", xlim=(0, 12), ylim=(0, 1.02), ylabel="right on new digits")
    lab.plots.percent(ax)
    ax.legend(loc="center left", bbox_to_anchor=(1.01, .5))
    own = np.mean([np.bincount(y).max() / len(y) for _, y in clients])
    return (f"A clinic's commonest digit makes up {own:.0%} of its records. "
            f"After 12 rounds: {', '.join(ends)}.")

# %% tags=["hide-input"] jupyter={"source_hidden": true}
# Draws: the picture above, under its controls.
lab.explore(parting, size=(8.2, 4.2), live=False, alpha=lab.log_range(0.005, 100, 0.1),
            local_steps=[1, 5, 10, 20], mu=(0.0, 1.0, 0.3), drop_out=(0.0, 0.9, 0.0),
            start={"local_steps": 10},
            labels={"alpha": "alpha: one digit each ⟵ ⟶ all alike", "mu": "mu of FedProx",
                    "drop_out": "drop-out probability of a clinic"})

# %% [markdown]
# **Question.** Set the local steps to 1.
# Whatever alpha and mu are, the three curves become one (with no drop-outs).
# Why?
#
# <details><summary>Answer</summary>
#
# At the first step every client still stands at the received model.
# The rubber band of FedProx has length 0, and SCAFFOLD's corrections add up to 0 over all clients.
# What differs between the three is only what happens from the second step on.
# With drop-outs SCAFFOLD differs again: the corrections of those who answer need not add up to 0.
# </details>

# %%
def gap(local_steps):
    """Largest difference between the strategies' models after five full-batch rounds."""
    models = [vector_of(learn(clinics, each, rounds=5, local_steps=local_steps,
                              batch_size=None).model)
              for each in (FedAvg(), FedProx(mu=0.3), Scaffold())]
    return max(float((each - models[0]).abs().max()) for each in models)


lab.claim("with 1 local step the three strategies give one model; with 10 they do not",
          gap(1) < 1e-5 and gap(10) > 0.01)

# %% [markdown]
# Last, which *average*?
# Let the model be a single number: a hospital's share of ill patients.
# Tick who takes part.

# %% tags=["hide-input"] jupyter={"source_hidden": true}
# Draws: which average is the model that the hospitals would have trained together?
def averages(fig, Cleveland, Hungary, Long_Beach, Switzerland):
    """Which average is the model that the hospitals would have trained together?"""
    part = np.array([Cleveland, Hungary, Long_Beach, Switzerland])
    if not part.any():
        return "Nobody takes part: there is nothing to average."
    ax = fig.subplots()
    for x, size, name, on in zip(rate, patients, hospitals, part):
        ax.scatter(x, 0, s=4 * size, color=FEDAVG if on else "#DDDDDD", alpha=.6, lw=0)
        ax.text(x, -.55, f"{name}\n{size} patients", ha="center", va="top", size=9,
                color="k" if on else "#888888")
    together = heart.y[np.isin(heart.groups, hospitals[part])].mean()
    plain, weighted = rate[part].mean(), np.average(rate[part], weights=patients[part])
    ax.axvline(together, ymax=.8, color=lab.PLAIN, lw=5, alpha=.4, label="pooled records")
    ax.axvline(weighted, ymax=.8, color=lab.GUARANTEE, lw=1.5, label="weighted by patients")
    ax.axvline(plain, ymax=.8, color=lab.ATTACKER, ls=":", label="plain average")
    ax.set(xlim=(.2, 1.05), ylim=(-1.3, 1.9), yticks=[])
    ax.set_xlabel("share of patients who are ill")
    ax.spines["left"].set_visible(False)
    ax.legend(loc="upper left", ncols=3, fontsize=9)
    lab.plots.percent(ax, "x")
    fig.subplots_adjust(left=.04, right=.97, bottom=.18, top=.98)
    return (f"Pooled {together:.1%}, weighted by patients {weighted:.1%}, plain average "
            f"{plain:.1%}, which is off by {100 * (plain - together):+.1f} points.")

# %% tags=["hide-input"] jupyter={"source_hidden": true}
# Draws: the picture above, under its controls.
lab.explore(averages, size=(8.2, 2.8), Cleveland=True, Hungary=True, Long_Beach=True,
            Switzerland=True)

# %% [markdown]
# **Question.** Which two hospitals can use the plain average almost without harm,
# and is the weighted one always the *right* one?
#
# <details><summary>Answer</summary>
#
# Cleveland and Hungary: nearly equal in size.
# In general the weighted average answers "best for a random patient",
# the plain one "best for a random hospital".
# A federation may prefer the second so that small members are not outvoted
# (<code>FedAvg(weight="equal")</code>).
# It is a choice of goal, to be made openly; it is not the same as training on the pooled records.
# </details>
#
# ## The attack again
#
# A single update was an open book.
# What if the server only ever saw the *sum* of ten?
# Ten clients with one record each; the attacker tries the same division,
# row by row, and keeps the best picture for each victim.

# %%
def decibels(guess, truth):
    """Peak signal-to-noise ratio: 10 is a blur, 30 looks the same to the eye, 100 is exact."""
    error = np.mean((np.clip(guess, 0, 1) - truth) ** 2)
    return 10 * np.log10(1 / max(error, 1e-12))


def best_row(update, truth):
    """The simple attack on softmax regression: divide each row by its bias, keep the best."""
    rows, biases = update[:640].reshape(10, 64), update[640:]
    return max(decibels(row, truth) for row in rows / biases[:, None])


victims = np.random.default_rng(seed).choice(len(train), 10, replace=False)
singles = [(train.X[[each]], train.y[[each]]) for each in victims]
summed = 10 * update_from(*singles)

# %%
one_by_one = np.mean([best_row(update_from(each), each[0][0]) for each in singles])
from_sum = np.mean([best_row(summed, X[0]) for X, _ in singles])
mean_image = np.mean([decibels(train.X.mean(0), X[0]) for X, _ in singles])
lab.claim("the division read every single update exactly; from the sum of ten it gets a blur",
          one_by_one > 100 and from_sum < 18, single_dB=round(one_by_one),
          sum_dB=round(from_sum), guessing_the_mean_image_dB=round(mean_image))

# %% [markdown]
# The simple attack fails.
# Is that privacy?
# Two cells say no. First, the labels of all ten are still there:

# %%
counted = (1 + summed[640:] / 0.1).round()
lab.claim("the sum still tells how many of each label the ten have",
          bool((counted == np.bincount(train.y[victims], minlength=10)).all()))

# %% [markdown]
# Second, give the model a hidden layer, as real models have.
# Each hidden neuron wakes up for some records only,
# and a neuron that woke up for *one* of the ten holds that record, clean, inside the sum.
# The attacker divides every neuron's row by its bias:

# %%
torch.manual_seed(seed)
network = torch.nn.Sequential(torch.nn.Linear(64, 500), torch.nn.ReLU(),
                              torch.nn.Linear(500, 10))
run = simulate(network, singles, FedAvg(), rounds=1, learning_rate=0.1)
change = (vector_of(run.model) - vector_of(network)).numpy()
rows, biases = change[:32_000].reshape(500, 64), change[32_000:32_500]
woken = np.abs(biases) > 1e-7
readings = rows[woken] / biases[woken, None]
read = [max(readings, key=lambda each: decibels(each, X[0])) for X, _ in singles]
clear = np.mean([decibels(each, X[0]) > 30 for each, (X, _) in zip(read, singles)])
lab.claim("from the sum of ten updates of a network, half the records or more can be read",
          clear >= 0.5)

# %% tags=["hide-input"] jupyter={"source_hidden": true}
# Draws: on ten clients.
fig, axes = lab.plots.figure(8.2, 1.8, nrows=2, ncols=10)
for line, images in zip(axes, ([X[0] for X, _ in singles], read)):
    for ax, image in zip(line, images):
        ax.imshow(np.clip(image, 0, 1).reshape(8, 8), cmap="gray_r", vmin=0, vmax=1)
        ax.set(xticks=[], yticks=[])
        ax.spines[:].set_visible(False)
beside = {"rotation": 0, "ha": "right", "va": "center"}
axes[0, 0].set_ylabel("on ten\nclients", **beside)
axes[1, 0].set_ylabel("from their\nsum", color=lab.ATTACKER, **beside)
plt.show()

# %% [markdown]
# (We picked each victim's best row knowing the picture; an attacker without it keeps all readings and looks.)
# So a sum is better than single updates, and not enough.
# Lab 08 takes the rest step by step: **secure aggregation**,
# so that the server cannot see single updates even if it wants to;
# a server that cheats; and clipping with **noise**, which is what turns "blurred" into a guarantee.
# Lab 09 states that guarantee, for whole users.
#
# Leaking is not the only thing an update can do.
# What if three of the ten clinics send the *opposite* of what they learned, ten times as large?
# Three rules: the mean, the median, and **Krum**,
# which keeps the one update that lies nearest to its neighbours (Blanchard and others 2017).

# %%
lab.predict("How many of the three rules still learn to read most digits?", low=0, high=3)

# %%
class Liars(Step):
    """Clients 0, 1 and 2 send the opposite of what they learned, ten times as large."""

    def on_client(self, update, received, memory, turn):
        if update.client in (0, 1, 2):
            update = replace(update, message={"change": -10 * update.message["change"]})
        return update, memory


under_attack = {}
for rule in (FedAvg(weight="equal"), Median(), Krum(malicious=3)):
    with_liars = learn(clinics_with(1000), rule, pipeline=[Liars()])
    under_attack[type(rule).__name__] = with_liars.accuracy[-1]

# %%
lab.truth(sum(each > 0.5 for each in under_attack.values()), "of three")

# %%
lab.claim("three liars of ten ruin the mean, not the median and not Krum",
          under_attack["FedAvg"] < 0.5 and under_attack["Median"] > 0.85
          and under_attack["Krum"] > 0.85, median=round(under_attack["Median"], 1),
          Krum=round(under_attack["Krum"], 1))
try:
    learn(clinics_with(1000), Median(), pipeline=[Liars(), Sum()])
except ValueError as refusal:
    print(refusal)

# %% [markdown]
# There is the dilemma of lab 08:
# a server that sees only the sum cannot read anybody's update, and cannot compare updates either.
#
# ## Check yourself
#
# **1.** A hospital with 300 patients arrives at the model 0.2, one with 100 patients at 0.6.
# What does FedAvg make of them?

# %%
average_model = ...

check("two hospitals", average_model);

# %% [markdown] tags=["solution"]
# <details><summary>Solution</summary>
#
# Three quarters of the patients stand behind 0.2 and one quarter behind 0.6.
#
# ```python
# average_model = 0.2 * 300 / 400 + 0.6 * 100 / 400
# check("two hospitals", average_model);
# ```
#
# </details>
#

# %% [markdown]
# **2.** Softmax regression on digits has 650 parameters of 4 bytes.
# How many bytes, down and up together, do 20 rounds of SCAFFOLD with 10 clients take?

# %%
bytes_sent = ...

check("traffic", bytes_sent);

# %% [markdown] tags=["solution"]
# <details><summary>Solution</summary>
#
# A model and a control vector travel to each client and back, in every round.
#
# ```python
# bytes_sent = 20 * 10 * 650 * 4 * 2 * 2
# check("traffic", bytes_sent);
# ```
#
# </details>
#

# %% [markdown]
# **3.** The article's local update adds the gradient (you meet it below).
# Write the one that learns.

# %%
def step(theta, gradient, learning_rate):
    ...


local_step = ...   # when your function is ready, write: local_step = step

check("local step", local_step);

# %% [markdown] tags=["solution"]
# <details><summary>Solution</summary>
#
# Downhill is against the gradient.
#
# ```python
# def step(theta, gradient, learning_rate):
#     return theta - learning_rate * gradient
#
# local_step = step
# check("local step", local_step);
# ```
#
# </details>
#

# %% [markdown]
# **4.** Be the attacker.
# You are given the gradient of a linear layer for *one* record:
# `weights` with a row per output and `biases` with an entry per output.
# Return the record.
# (Some outputs may have learned nothing from it.)

# %%
def read_record(weights, biases):
    ...


attack = ...   # when your function is ready, write: attack = read_record

check("read the record", attack);

# %% [markdown] tags=["solution"]
# <details><summary>Solution</summary>
#
# Every row is the record times that output's error; take the row with the largest error.
#
# ```python
# def read_record(weights, biases):
#     row = np.abs(biases).argmax()
#     return weights[row] / biases[row]
#
# attack = read_record
# check("read the record", attack);
# ```
#
# </details>
#

# %% [markdown]
# **5.** Federated averaging fell far behind pooling in one of the splits above.
# Which change brings the two closest together?
#
# - **A** more local steps in each round
# - **B** clients whose records are alike
# - **C** fewer clients, with the same few labels each
# - **D** a larger learning rate

# %%
closest = ...

check("when it falls behind", closest);

# %% [markdown] tags=["solution"]
# <details><summary>Solution</summary>
#
# Clients that are alike pull the shared model the same way.
# More local steps let those that differ drift further apart.
#
# ```python
# closest = "B"
# check("when it falls behind", closest);
# ```
#
# </details>

# %% [markdown]
# ## What the article says
#
# *(Optional. 15 minutes.)*
# Article B (*privacy-protection mechanisms for applications of large models*)
# describes federated learning with three formulas and an example with ten clients.
# We run them.
#
# **The server scatters the data, and federating reduces leakage.**
# Two claims.
# If a server hands the records out, it had them all:
# whoever breaks into it has everything, before any training.
# Real federated data is *born* at the clients.
# And the updates leak, as the first cells showed.

# %%
lab.claim("without further protection, federated updates hand over records", exact,
          article="B4", verdict="does not hold")

# %% [markdown]
# **The new global model is the plain average of the clients' models.**
# True for clients of equal size only.
# On the four hospitals, with the simplest model, a single number trained by least squares:

# %%
def least_squares(strategy, *rows, **changes):
    """Train a single number towards 0 (healthy) and 1 (ill)."""
    number = torch.nn.Sequential(torch.nn.Linear(1, 1, bias=False))
    pairs = [(np.ones((len(each), 1), "float32"), heart.y[each, None].astype("float32"))
             for each in rows]
    work = {"rounds": 30, "local_steps": 5, "learning_rate": 0.2} | changes
    run = simulate(number, pairs, strategy, loss=torch.nn.functional.mse_loss, **work)
    return round(float(vector_of(run.model)[0]), 4)


homes = partition.by_group(heart.groups)
everybody = least_squares(FedAvg(), np.arange(len(heart)))
weighted = least_squares(FedAvg(), *homes)
plain = least_squares(FedAvg(weight="equal"), *homes)

# %%
lab.claim("weighted by patients, the average is the pooled model; the plain one is far off",
          abs(weighted - everybody) < 0.001 and abs(plain - everybody) > 0.05,
          article="B8", verdict="holds once repaired",
          pooled=everybody, weighted=weighted, plain=plain)

# %% [markdown]
# Weighing by size has a condition of its own: that all take the same number of steps.
# Let every hospital go once through its patients, eight at a time, as people do.
# Cleveland then takes over twice as many steps as Switzerland, and counts twice over.
# FedNova averages the change *per step* instead:

# %%
one_pass = {"rounds": 60, "local_steps": None, "local_epochs": 1, "batch_size": 8,
            "learning_rate": 0.002}
misses = {type(each).__name__: round(least_squares(each, *homes, **one_pass) - everybody, 4)
          for each in (FedAvg(), FedNova())}
lab.claim("with unequal work FedAvg misses the pooled model by over 1 point; FedNova by less",
          abs(misses["FedAvg"]) > 0.01 > 2 * abs(misses["FedNova"]), **misses)

# %% [markdown]
# **The global gradient is the average of the local gradients.**
# True for one step from the same model, weighted by size.
# After several local steps the clients have drifted,
# and the average of their changes is no longer the change that pooled training would make.
# How far off?

# %%
def drift(clients, local_steps):
    """Distance between federated and pooled change after one round, relative to the pooled."""
    apart, central = (vector_of(learn(each, rounds=1, local_steps=local_steps,
                                      batch_size=None).model)
                      for each in (clients, pooled(clients)))
    return float((apart - central).norm() / central.norm())


steps = [1, 2, 5, 10, 20, 50, 100]
drifts = {name: [drift(clinics_with(alpha), each) for each in steps] for name, alpha in
          {"one digit each": None, "alpha 0.1": 0.1, "alpha 1": 1, "all alike": 1000}.items()}

# %% tags=["hide-input"] jupyter={"source_hidden": true}
# Draws: how wrong is the averaged update?
fig, ax = lab.plots.figure(8.2, 3)
for (name, line), shade in zip(drifts.items(), plt.cm.viridis([.05, .35, .6, .85])):
    ax.plot(steps, line, "o-", color=shade, ms=4)
    ax.annotate(name, (100, line[-1]), (6, 0), textcoords="offset points", va="center",
                color=shade)
ax.set(xscale="log", xticks=steps, xticklabels=steps, xlim=(.9, 260), ylim=(0, 1.05),
       xlabel="local steps", ylabel="drift, relative")
ax.set_title("How wrong is the averaged update?")
ax.minorticks_off()
lab.plots.percent(ax)
plt.show()

# %%
lab.claim("with one step the average is the pooled gradient, however unlike the clients",
          max(line[0] for line in drifts.values()) < 1e-4)
far, near = drifts["one digit each"][4], drifts["all alike"][4]
lab.claim("after 20 steps it is over 80 % off for one-digit clients, under 15 % if alike",
          far > 0.8 and near < 0.15, article="B11", verdict="holds once repaired",
          one_digit=round(far, 2), all_alike=round(near, 2))

# %% [markdown]
# Drift is not defeat: the averaged update of one-digit clients is far off in length and direction,
# and yet, as the table above showed, it still leads to a model that reads digits.
# It costs rounds, and the last points of accuracy.
#
# **Ten clients; each adds its gradient; client $i$ starts from client $i-1$.**
# The rule as written, with each of its two slips repaired, and with both.

# %%
lab.predict("In how many of these four does the loss go down?", low=0, high=4)

# %%
def article_round(theta, sign, chained):
    models, start = [], theta
    for X, y in clinics:
        models.append(start + sign * 0.5 * gradient(start, X, y))
        start = models[-1] if chained else theta
    return np.mean(models, 0)


def training_loss(theta):
    scores = train.X @ theta[:64] + theta[64]
    top = scores.max(1)
    right = scores[np.arange(len(train)), train.y]
    return np.mean(np.log(np.exp(scores - top[:, None]).sum(1)) + top - right)

# %%
rules = {"as printed": (1, True), "only the index repaired": (1, False),
         "only the sign repaired": (-1, True), "both repaired": (-1, False)}
losses = {}
for name, (sign, chained) in rules.items():
    thetas = [np.zeros((65, 10))]
    for _ in range(8):
        thetas.append(article_round(thetas[-1], sign, chained))
    losses[name] = [training_loss(each) for each in thetas]

fig, ax = lab.plots.figure(8.2, 3)
for (name, line), colour in zip(losses.items(),
                                [lab.ATTACKER, FEDPROX, FEDAVG, lab.plots.SERIES[4]]):
    ax.plot(line, color=colour)
    ax.annotate(name, (8, line[-1]), (6, 0), textcoords="offset points", va="center",
                color=colour)
lab.plots.baseline(ax, np.log(10), "knowing nothing")
ax.set(yscale="log", xlabel="round", ylabel="training loss", xlim=(0, 10.8), xticks=range(9))
ax.set_title("The article's update rule")
ax.legend(loc="upper left")
plt.show()

# %%
printed, repaired = losses["as printed"], losses["both repaired"]
lab.truth(sum(line[-1] < line[0] for line in losses.values()), "of four")

# %%
lab.claim("as printed, the loss goes up in every round", bool((np.diff(printed) > 0).all()),
          article="B14", verdict="does not hold", before=round(printed[0], 2),
          after_8_rounds=round(printed[-1]))
lab.claim("with sign and index repaired it goes down in every round",
          bool((np.diff(repaired) < 0).all()))
lab.claim("with only the sign repaired it goes down faster, one client after the other",
          losses["only the sign repaired"][-1] < repaired[-1])

# %% [markdown]
# The sign makes it climb.
# The index makes it *sequential*: client 2 cannot start before client 1 has finished,
# so ten clients take ten times as long.
# With the sign repaired that chain does learn, and per round even faster, since it takes ten steps
# where federated averaging with one local step takes one; but nothing is trained side by side any more.
# And each client is handed its neighbour's bare model: clients $i-1$ and $i+1$,
# comparing notes, hold the exact step of client $i$, and you have seen what a step gives away.
#
# ## Limits and further reading
#
# What this lab does **not** protect, or show:
#
# - **Updates leak.** Nothing here hides them.
#   Labs 08 and 09 do; without them,
#   "the data never leaves the device" is a statement about files, not about information.
# - **The final model leaks too**, through its answers or weights
#   (lab 06 audits it), whoever trained it and however.
# - **Nearly everybody is honest here.**
#   Three crude liars are the easy case; lab 08 has cleverer ones, and a server that sets traps.
# - A handful of clients that always answer is a *cross-silo* toy.
#   Millions of phones (*cross-device*) drop out, differ in speed and are never seen twice;
#   SCAFFOLD, whose clients must remember, does not suit them.
# - One small convex model, one learning rate, few rounds.
#   SCAFFOLD's lead here is no law: on deep networks it can vanish.
#   FedProx was made for clients that do unequal amounts of work; the clinics here do equal amounts.
#   FedNova is exact for small steps only.
# - Twenty splits of the same 920 patients, from around 1988,
#   say how uncertain we are about *these* patients, not about yours.
#
# Sources: B. McMahan, E. Moore, D. Ramage, S. Hampson,
# B. Agüera y Arcas, *Communication-efficient learning of deep networks from decentralized data*,
# AISTATS 2017, [arXiv:1602.05629](https://arxiv.org/abs/1602.05629).
# T. Li, A. K. Sahu, M. Zaheer, M. Sanjabi, A. Talwalkar, V. Smith, *Federated optimization
# in heterogeneous networks*, MLSys 2020, [arXiv:1812.06127](https://arxiv.org/abs/1812.06127).
# S. P. Karimireddy, S. Kale, M. Mohri, S. Reddi, S. Stich, A. T. Suresh, *SCAFFOLD:
# stochastic controlled averaging for federated learning*,
# ICML 2020, [arXiv:1910.06378](https://arxiv.org/abs/1910.06378).
# S. Reddi and others, *Adaptive federated optimization*,
# ICLR 2021, [arXiv:2003.00295](https://arxiv.org/abs/2003.00295).
# J. Wang, Q. Liu, H. Liang, G. Joshi, H. V. Poor,
# *Tackling the objective inconsistency problem in heterogeneous federated optimization*,
# NeurIPS 2020, [arXiv:2007.07481](https://arxiv.org/abs/2007.07481).
# T. Li, M. Sanjabi, A. Beirami, V. Smith, *Fair resource allocation in federated learning*,
# ICLR 2020, [arXiv:1905.10497](https://arxiv.org/abs/1905.10497).
# T. Li, S. Hu, A. Beirami, V. Smith, *Ditto: fair and robust federated learning through personalization*,
# ICML 2021, [arXiv:2012.04221](https://arxiv.org/abs/2012.04221).
# D. Yin, Y. Chen, K. Ramchandran, P. Bartlett, *Byzantine-robust distributed learning*,
# ICML 2018, [arXiv:1803.01498](https://arxiv.org/abs/1803.01498).
# P. Blanchard and others, *Machine learning with adversaries:
# Byzantine tolerant gradient descent*, NeurIPS 2017, [arXiv:1703.02757](https://arxiv.org/abs/1703.02757).
# S. U. Stich, J.-B. Cordonnier, M. Jaggi, *Sparsified SGD with memory*,
# NeurIPS 2018, [arXiv:1809.07599](https://arxiv.org/abs/1809.07599).
# A. T. Suresh, F. X. Yu, S. Kumar, H. B. McMahan, *Distributed mean estimation with limited communication*,
# ICML 2017, [arXiv:1611.00429](https://arxiv.org/abs/1611.00429).
# T.-M. H. Hsu, H. Qi, M. Brown, *Measuring the effects of non-identical data distribution
# for federated visual classification*, 2019, [arXiv:1909.06335](https://arxiv.org/abs/1909.06335).
# L. Zhu, Z. Liu, S. Han, *Deep leakage from gradients*,
# NeurIPS 2019, [arXiv:1906.08935](https://arxiv.org/abs/1906.08935).
# F. Boenisch and others, *When the curious abandon honesty:
# federated learning is not private*, EuroS&P 2023, [arXiv:2112.02918](https://arxiv.org/abs/2112.02918).
# P. Kairouz and others, *Advances and open problems in federated learning*,
# 2021, [arXiv:1912.04977](https://arxiv.org/abs/1912.04977).
# C. Nadeau, Y. Bengio, *Inference for the generalization error*, Machine Learning 52, 2003.
# The hospitals: R. Detrano and others, *International application of a new probability algorithm
# for the diagnosis of coronary artery disease*, American Journal of Cardiology 64, 1989.
