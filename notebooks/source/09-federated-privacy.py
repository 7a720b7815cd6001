# ---
# jupyter:
#   kernelspec: {display_name: Python 3, language: python, name: python3}
# ---

# %% [markdown]
# # 9 · One person, a thousand records
#
# *About 75 minutes: 60 for the required sections;
# "Flower's own strategies" and "What the article says" are optional.
# You need labs 05 and 07.
# Terms are also explained in the [glossary](00-start-here.ipynb#Glossary).*
#
# **Afterwards you can** say whom a privacy guarantee protects, a record or a person;
# train a federated model that hides whether a *user* took part; let the clipping norm find its own level;
# spread the noise over the clients so that nobody has to be trusted with it;
# and move the experiment to real processes that talk over TLS.

# %%
import inspect
import tempfile
from pathlib import Path

import matplotlib.pyplot as plt
import numpy as np
import torch
from IPython.display import Markdown, display

from labkit import datasets, dp, lab
from labkit.attacks.membership import roc
from labkit.dp.training.curve import stacked_accuracy, train_stacked, unit_rows
from labkit.exercises.lab_09 import check
from labkit.federated import FedAvg, partition, simulate, vector_of
from labkit.federated.privacy import AdaptiveUserLevelDP
from labkit.federated.privacy import DistributedDiscreteGaussian
from labkit.federated.pipeline import Step
from labkit.federated.privacy.user_level import RELATION, UserLevelDP
from labkit.federated.pipeline import Clip, Noise

train, test = datasets.mnist().split()

# %% [markdown]
# ## What goes wrong
#
# A thousand phones learn to read digits together, without handing out a picture.
# The pictures are real (MNIST, shrunk to 7 x 7 so that the page is fast).
# The *users* are made up: we deal eight pictures to each of a thousand,
# every user with a mix of digits of their own.
# No data set that ships with this course says who wrote what.

# %%
def shrink(images):
    """28 x 28 pixels to 7 x 7, by averaging."""
    return images.reshape(-1, 7, 4, 7, 4).mean((2, 4)).reshape(-1, 49)


X, y = shrink(train.take(range(9000)).X), train.y[:9000]
hands = partition.dirichlet(y[:8000], clients=1000, alpha=1.0, seed=9)
users = [(X[hand], y[hand]) for hand in hands]
new = shrink(test.take(range(4000)).X), test.y[:4000]
majority = np.bincount(new[1]).max() / len(new[1])
print(f"{len(users):,} users, {len(users[0][1])} pictures each; {len(new[1]):,} to test on")

# %% [markdown]
# Now one more user joins, who holds a thousand pictures, and holds his phone upside down.
# (To turn a picture around is to read its pixels backwards.)
# We train with him and without him, by federated averaging as in lab 07,
# where a client counts by its records.
# Can one tell from the two models which is which?

# %%
lab.predict("How many percent of upside-down digits does the model read that was trained with him?",
            low=0, high=100)

# %%
def upside_down(pair):
    return pair[0][:, ::-1].copy(), pair[1]


person = upside_down((X[8000:], y[8000:]))
turned = upside_down(new)                  # other pictures, which he never had


def blank():
    """Softmax regression, every weight at 0: 500 parameters."""
    model = torch.nn.Sequential(torch.nn.Linear(49, 10))
    for each in model.parameters():
        torch.nn.init.zeros_(each)
    return model

# %%
def learn(clients, strategy=FedAvg(weight="equal"), pipeline=(), **changes):
    """Twenty rounds; each user joins a round with probability one in ten."""
    work = {"rounds": 20, "cohort": 100, "sampling": "poisson", "batch_size": 20,
            "local_epochs": 2, "learning_rate": 2.0, "seed": 1, **changes}
    return simulate(blank(), clients, strategy, pipeline=pipeline, **work)


def reads(model, pictures):
    """The share of pictures that the model reads right."""
    with torch.no_grad():
        said = model(torch.from_numpy(pictures[0])).argmax(1).numpy()
    return float((said == pictures[1]).mean())

# %%
without, with_him = ([learn(clients, FedAvg(), seed=each).model for each in range(1, 21)]
                     for clients in (users, [*users, person]))
told = {name: np.mean([(reads(model, new), reads(model, turned)) for model in models], 0)
        for name, models in [("without him", without), ("with him", with_him)]}

fig, axes = lab.plots.figure(8.2, 1.9, ncols=8)
for ax, picture, digit in zip(axes, turned[0], turned[1]):
    said = [int(model(torch.from_numpy(picture)).argmax()) for model in (without[0], with_him[0])]
    ax.imshow(picture.reshape(7, 7), cmap="gray_r")
    ax.axis("off")
    ax.set_title(f"it is {digit}\nwithout: {said[0]}\nwith: {said[1]}", size=9, loc="center",
                 weight="normal", color=lab.ATTACKER if said[1] == digit != said[0] else "k")
plt.show()

# %%
lab.truth(round(100 * told["with him"][1]), "%")
lab.claim(f"trained with him, the model reads {told['with him'][1]:.0%} of all upside-down digits, "
          f"without him {told['without him'][1]:.0%}, on average over {len(without)} runs",
          told["with him"][1] > 0.5 and told["without him"][1] < 1 / 3,
          with_him=round(told["with him"][1], 2),
          without_him=round(told["without him"][1], 2))
lab.claim("and it pays for that with the digits of everybody else",
          told["with him"][0] < told["without him"][0] - 0.1)

# %% [markdown]
# (On average, because he takes part in one round of ten by chance.
# If the chance is late, the model still has him in mind; in one run of eight he never comes.)
#
# Nobody stole a picture.
# Who can *use* the model hands it a few upside-down digits, and knows whether that man took part.
# Call upside-down "in a rare language" or "with a rare disease".
#
# Lab 05 has a cure: DP-SGD, where every *record's* gradient is clipped and noise hides any single one.
# We apply it with a strict budget: epsilon 1 at delta $10^{-5}$ (neighbouring:
# one **record** added or removed; tight accounting by privacy-loss distributions).
# Does it hide *him*?
# Somebody gets one model trained with him and one without, and must say which is which.

# %%
lab.predict("In how many percent of such pairs is that somebody right? (A coin: 50)", low=50, high=100)

# %%
plan = dp.Plan.for_budget(epsilon=1, delta=1e-5, records=9000, batch_size=800, steps=40,
                          max_grad_norm=1.0, learning_rate=4.0)
everybody = X[:8000], y[:8000]
joined = [np.concatenate(pair) for pair in zip(everybody, person)]
noises = [np.random.default_rng(each) for each in range(50)]


def upside_down_score(records):
    """Fifty private models; how well each reads upside-down digits."""
    weights = train_stacked(unit_rows(records[0]), records[1], 10, [plan], noises)
    return stacked_accuracy(weights, unit_rows(turned[0]), turned[1])[0]


by_record = upside_down_score(joined), upside_down_score(everybody)

# %%
def separation(pair):
    """The attack: "in" if it reads more upside-down digits. Its AUC; 0.5 is a coin toss."""
    members = np.repeat([True, False], [len(each) for each in pair])
    return roc(np.concatenate(pair), members).auc


lab.truth(round(100 * separation(by_record)), "%")
lab.claim("at epsilon 1 for each record, one look at a model still tells whether he took "
          "part, nearly always",
          separation(by_record) > 0.95, right_about_a_pair=round(separation(by_record), 2))

# %% [markdown]
# The guarantee was kept, to the letter.
# It was given to *records*.
# Whoever holds many of them is many steps away from not being there, and each step costs epsilon 1.
# Lab 06 turns the scores into a lower bound on the epsilon that *he* got:

# %%
promised = 1 * len(person[1])            # epsilon a record, times his records
tested = dp.gaussian_bound(dp.Audit(*by_record), delta=1e-5)
lab.claim("epsilon 1 for each record promises him no more than epsilon 1000; "
          "a hundred models prove that the loss was more than 1",
          1 < tested.epsilon <= promised, at_least=round(tested.epsilon, 1), promised=promised)

# %% [markdown]
# (95 % confidence, delta $10^{-5}$, neighbouring:
# this user's thousand records removed; read as Gaussian hills.)
# A ratio of $e^{1000}$ between two probabilities is no promise at all.
#
# ## The idea
#
# Choose the neighbours differently.
# Two data sets are neighbours if they differ by one **user**, *with everything they hold*.
# The definition of lab 03 stays as it is:
# for neighbours $D, D'$ and every set of outputs $S$, $P(M(D)\in S)\le e^{\varepsilon}P(M(D')\in S)+\delta$.

# %% tags=["hide-input"] jupyter={"source_hidden": true}
# Draws: who is protected: one record, or one user with all of theirs.
fig, axes = lab.plots.figure(8.2, 2.2, ncols=2)
sizes, rng = [3, 2, 4, 12, 3], np.random.default_rng(0)
for ax, title in zip(axes, ("one record more or less", "one user more or less")):
    for user, size in enumerate(sizes):
        gone = [size - 1] if title.startswith("one record") else range(size)
        for record in range(size):
            hidden = user == 3 and record in gone
            look = {"ls": "--", "fc": "white", "ec": lab.GUARANTEE} if hidden else \
                {"ls": "-", "fc": lab.plots.SERIES[0], "ec": "white"}
            ax.add_patch(plt.Rectangle((record, -user), .8, .7, lw=1.2, **look))
        ax.text(-.4, -user + .35, f"user {user + 1}", ha="right", va="center", size=9)
    ax.set(xlim=(-3, 13), ylim=(-4.4, 1.1))
    ax.set_title(title, color=lab.GUARANTEE)
    ax.axis("off")
plt.show()

# %% [markdown]
# Federated learning makes this easy, because everything
# that a user does to the model passes through one door: the **change** $\Delta_k$ that they send.
# So clip that, and add the noise once per round, on the sum:
#
# $$\theta \leftarrow \theta + \frac{1}{m}\Big(\sum_{k\,\in\,\text{cohort}} \Delta_k\cdot\min\Big(1,\frac{C}{\lVert\Delta_k\rVert}\Big) \;+\; \mathcal N\big(0,\,(zC)^2\big)\Big)$$
#
# $C$ is the **clipping norm**, $z$ the **noise multiplier**, and $m$ the *expected* size of the cohort.
# Each user joins a round by a coin of their own, heads with probability $q$.
# No user, with one record or a thousand, moves the sum by more than $C$.
# This is **DP-FedAvg** (McMahan and others, 2018).
#
# ## Build it
#
# One round, in numpy.
# The rows of `changes` are what the users of this round send.

# %%
def private_average(changes, max_grad_norm, noise_multiplier, expected, rng):
    lengths = np.linalg.norm(changes, axis=1, keepdims=True)
    clipped = changes * np.minimum(1, max_grad_norm / np.maximum(lengths, 1e-12))
    total = clipped.sum(axis=0) + rng.normal(0, noise_multiplier * max_grad_norm, changes.shape[1])
    return total / expected          # never len(changes): that would tell who joined

# %% [markdown]
# Two checks from lab 06.
# Freeze the noise, add a user, and see how far the answer moves:

# %%
rng = np.random.default_rng(5)
others, giant = rng.normal(size=(30, 500)) / 50, 1000 * rng.normal(size=(1, 500))


def one_round(changes, rng):
    return 30 * private_average(changes, max_grad_norm=0.5, noise_multiplier=1.0, expected=30, rng=rng)


moved = dp.sensitivity_at_least(one_round, np.vstack([others, giant]), others, rng=rng)
lab.claim("a user whose change is over forty thousand times too long moves the sum by the "
          "clipping norm, 0.5",
          abs(moved - 0.5) < 1e-6, length=round(float(np.linalg.norm(giant)), -2))

# %% [markdown]
# And run it many times with the user and without, to see whether the noise hides what is left:

# %%
direction = giant[0] / np.linalg.norm(giant) / 0.5
seen = dp.audit(lambda changes: one_round(changes, rng) @ direction,
                np.vstack([others, giant]), others, runs=5000)
claimed = dp.gaussian_epsilon(mu=1.0, delta=1e-5)      # one round, everybody joins, z = 1
measured = dp.gaussian_bound(seen, delta=1e-5).epsilon
lab.claim("the audit finds most of the claimed epsilon, and no more",
          0.6 * claimed < measured <= claimed,
          claimed=round(claimed, 1), at_least=round(measured, 1))

# %% [markdown]
# (Delta $10^{-5}$, neighbouring: one user added or removed, analytic Gaussian account.)
# The clipping norm is still a guess.
# A good one can be *learnt*, with one more bit per user: "was my change within the norm?"
# (Andrew and others, 2021)

# %%
def next_norm(max_grad_norm, share_within, quantile=0.5, learning_rate=0.2):
    return max_grad_norm * np.exp(-learning_rate * (share_within - quantile))


lengths, norm = rng.lognormal(size=100_000), 0.01
for _ in range(100):
    cohort = rng.choice(lengths, 100)
    within = (cohort <= norm).sum() + rng.normal(0, 5)      # the count is noisy, too
    norm = next_norm(norm, within / 100)
lab.claim("the norm climbs from 0.01 to near the median of the lengths",
          0.6 < norm / np.median(lengths) < 1.5)

# %% [markdown]
# ## Use the real thing
#
# `UserLevelDP` is a step of the simulator's pipeline *and* its own account:
# the run and the epsilon come from the same fields.
# The accounting is Google's `dp-accounting`.

# %%
budget = {"epsilon": 2, "delta": 1e-4, "users": 1000, "cohort": 100, "rounds": 20}
private = UserLevelDP.for_budget(**budget, max_grad_norm=2.0)
print(f"noise multiplier {private.noise_multiplier:.3f}")
print(f"one round:  epsilon {private.epsilon(1e-4, rounds=1):.3f}")
print(f"20 rounds:  epsilon {private.epsilon(1e-4):.3f}")
print(f"(delta 1e-4; neighbouring: {RELATION}; tight accounting)")

# %%
by_user = learn([*users, person], pipeline=[private])
plain = learn([*users, person])
lab.claim("user-level privacy at epsilon 2 costs at most 5 points of accuracy here",
          reads(by_user.model, new) > reads(plain.model, new) - 0.05,
          private=round(reads(by_user.model, new), 2),
          not_private=round(reads(plain.model, new), 2),
          commonest_digit=round(majority, 2))
lab.claim("and it reads upside-down digits no better than a model that never met him",
          reads(by_user.model, turned) < told["without him"][1] + 0.04)

# %% [markdown]
# A run that the account does not cover is refused, and not repaired in silence:

# %%
for wrong in ({"sampling": "fixed"}, {"rounds": 21}, {"strategy": FedAvg(weight="examples")}):
    try:
        learn(users, pipeline=[private], **wrong)
    except ValueError as refusal:
        print("refused:", refusal)

# %% [markdown]
# ### Out of the notebook: the same experiment on Flower
#
# A simulator plays server and clients in one process.
# [Flower](https://flower.ai) runs them as separate programs: a **SuperLink** in the middle,
# a **SuperNode** beside each client's records, and your code as a `ServerApp` and a `ClientApp`.
# The same model, the same client update and the same strategy go there without being rewritten.
# What is to be learnt is one file:

# %%
from labkit.federated.flower.app import task, write_app

print(inspect.getsource(task).split("\n\n", 2)[2].strip())

# %%
for name in ("client_app.py", "server_app.py"):
    print(Path(task.__file__).with_name(name).read_text().strip(), "\n\n# ----------\n")

# %% [markdown]
# `labkit.federated.flower` holds what is Flower's: it unpacks a `Message`, trains, and packs the reply.
# First both apps run in *this* process,
# with Flower's own messages and its own loop over rounds, and function calls for a network.
# Then we compare the weights with those of the simulator.

# %%
try:
    from labkit.federated import flower
    from labkit.federated.flower.app import client_app, server_app
except ImportError:
    flower = None
    print("Flower is not installed, so its cells do nothing: pip install 'labkit[flower]'")


def app_in_process():
    """Run the app above in this process; the trained parameters, shape (2410,)."""
    with tempfile.TemporaryDirectory() as folder:
        saved = Path(folder) / "parameters.npy"
        flower.run_in_process(server_app.app, client_app.app, clients=3,
                              run_config={"num-rounds": 3, "save-to": str(saved)})
        return np.load(saved)

# %%
clinics = [task.records(each, 3) for each in range(3)]
simulated = simulate(task.model(), clinics, task.STRATEGY, rounds=3, **task.WORK).model
if flower:
    apart = np.abs(app_in_process() - vector_of(simulated).numpy()).max()
    lab.claim("Flower's apps and the simulator agree to six digits or better", apart < 1e-6)
lab.claim("and what they trained reads digits", task.evaluate(simulated)["accuracy"] > 0.8)

# %% [markdown]
# Then for real, with one command:
#
# ```bash
# make federation        # or: python -m labkit.federated.flower
# ```
#
# It makes certificates (a private authority signs them, lab 02), starts a SuperLink and three SuperNodes,
# each a process of its own, over TLS on this machine, runs the app between them,
# compares the weights with the simulator's, and stops everything.
# We do **not** start it in this lab: it takes a minute or two,
# mostly for starting Python again for every message.
# Between machines of your own, the same by hand. Once, at the coordinator:
#
# ```python
# from labkit.federated.flower.app import write_app
# from labkit.federated.flower.loopback import connection, write_certificates
#
# write_certificates("tls", host="coordinator.example")    # ca.pem is for all, server.key for the SuperLink
# write_app("clinics")                                     # yours to change
# print(connection("clinic-net", "coordinator.example:8000", "tls/ca.pem"))    # into ~/.flwr/config.toml
# ```
#
# ```bash
# flower-superlink --host coordinator.example --port 8000 --ssl-ca-certfile tls/ca.pem \
#     --ssl-certfile tls/server.pem --ssl-keyfile tls/server.key --disable-runtime-dependency-installation
#
# flower-supernode --superlink coordinator.example:8000 --root-certificates ca.pem \
#     --node-config "partition-id=0 num-partitions=3"              # and 1, and 2, at the other clinics
#
# flwr run clinics clinic-net --run-config 'num-rounds=2 save-to="parameters.npy"'
# flwr ls clinic-net --format json                                 # finished:completed ?
# ```
#
# Two traps we met.
# `flwr run --stream` ends with exit code 0 even if the run crashed: read the run's *status*.
# And a round in which every client fails leaves Flower's own strategies with the old model
# and a run that "completed": ours raises an error.
#
# What if a clinic is missing, or there is one too many?
# Flower's own strategies wait for the missing one for ever.
# Ours begins a round when just as many nodes are connected as the server app has `clients`.
# It waits `connect-timeout` seconds for that, and then `round-timeout` seconds for answers
# (both stand in the app's `pyproject.toml`).
# Whoever has not answered by then is left out of the round, and the log names them.
# `make federation KILL=2` kills a node to show it.
# In this process no node can come any more, so nobody waits.
# Here two clinics come, and then four, where three are expected:

# %%
for nodes in (2, 4) if flower else ():
    try:
        flower.run_in_process(server_app.app, client_app.app, clients=nodes,
                              run_config={"num-rounds": 1, "save-to": ""})
    except TimeoutError as refusal:
        print(refusal)

# %% [markdown]
# Nobody trains, and both messages say what to do.
# Two nodes that carry one `partition-id` are an error, too,
# before anything is averaged: one clinic would count twice, and another not at all.

# %%
with tempfile.TemporaryDirectory() as folder:
    app = write_app(Path(folder) / "clinics")
    files = [str(each.relative_to(app)) for each in app.rglob("*") if each.is_file()]
    print(*sorted(files), sep="\n")

# %% [markdown]
# Clipping and noise travel along.
# Here is the private step on Flower, with three clients:
# a proof that it is the same computation, and a warning that three are far too few to hide in.

# %%
step = UserLevelDP(max_grad_norm=0.5, noise_multiplier=1.0, sample_rate=1.0, rounds=2, divisor=3)
kept, equal = [], FedAvg(weight="equal")
noised = simulate(task.model(), clinics, equal, rounds=2, pipeline=[step], **task.WORK).model
if flower:
    server = flower.server_app(task.model, equal, clients=3, rounds=2, pipeline=[step],
                               seed=task.SEED, on_end=lambda model, _: kept.append(model))
    client = flower.client_app(task.model, task.records, equal, pipeline=[step], **task.WORK)
    flower.run_in_process(server, client, clients=3)
    apart = float((vector_of(kept[0]) - vector_of(noised)).abs().max())
    lab.claim("the private step gives the same weights on Flower and in the simulator",
              apart < 1e-6)
few = task.evaluate(noised)["accuracy"]
lab.claim("hiding one of three clinics leaves a model that reads under half of the digits",
          few < 0.5, epsilon=round(step.epsilon(1e-4), 1), delta=1e-4)

# %% [markdown]
# (Both agree because the noise comes from a common seed.
# Real parties must keep their seeds to themselves, or let the operating system draw.)
#
# ### Flower's own strategies, beside the papers
#
# *(Optional.)*
# So far Flower carried *our* strategy.
# It brings its own: `FedAvg`, `FedAdam`, `Krum`, wrappers that add privacy, a secure sum.
# Each cites a paper; does it do what the paper says?
# We ran them on examples small enough to compute by hand.
# Here five clients' changes have lengths 1 to 5, and adaptive clipping starts with a norm of 10.
# It is to bring the norm to their median.
# Here is where it is after fifty rounds:

# %%
rows = []
if flower:
    from labkit.federated.flower import differences as beside

    rows = [*beside.strategy_rows(), *beside.robust_rows(), *beside.privacy_rows(), *beside.secure_sum_rows()]
    norm = next(row for row in rows if "50 rounds" in row.example)
    lab.claim("the paper's rule brings the norm to the median, Flower's carries it away",
              2 < norm.paper < 4 and norm.flower > 100, paper=norm.paper, flower=norm.flower, ours=norm.ours)

# %% [markdown]
# The paper's rule asks how many changes were *within* the norm; Flower counts those that were *cut*,
# and keeps the sign.
# Then the noise. Ten clients are asked, and two answer.
# Each of the two should be as well hidden as among ten:

# %%
if flower:
    few_replies = next(row for row in rows if "2 answer" in row.example)
    lab.claim("Flower's noise is then a fifth of what hides a client, and ours is all of it",
              abs(few_replies.flower - 0.2) < 0.02 and abs(few_replies.ours - 1) < 0.05)

# %% [markdown]
# Flower divides the noise by the number asked, and the sum by the number that came.
# Here are all examples, the papers' numbers beside those of the Flower that is installed here.
# A cross marks a difference:

# %%
if flower:
    folded = "<details><summary>Flower's strategies and wrappers</summary>\n\n"
    display(Markdown(f"{folded}{beside.table(rows)}\n\n</details>"))
    lab.claim("ours do what the papers say in each of these examples", all(row.ours_same for row in rows),
              examples=len(rows), flower_differs=sum(not row.same for row in rows))

# %% [markdown]
# So, with Flower's own:
#
# - **As they are:** `FedAvg`, `FedMedian`, `FedTrimmedAvg`, `FedAvgM`.
# - **Knowing what they do:** `FedAdam`, `FedYogi` and `FedAdagrad`
#   (choose their rate by trying, not from the paper);
#   `QFedAvg` and `MultiKrum` (see who counts how much).
# - **Fixed clipping only with `accountant=`,** which refuses unequal weights,
#   and publishes nothing if one answer is missing.
#   Give every parameter a shape.
# - **Not:** adaptive clipping; `Krum` and `Bulyan` on whole models in 32 bits;
#   SecAgg+ against a server that lies (lab 08),
#   and never with its default `max_weight` if a client has more records.
#
# Where this says no, the strategies and steps of `labkit` run on Flower as above.
# The examples are run as tests (`tests/federated/flower/test_what_flower_does.py`),
# so that a new version of Flower which changes one of them is noticed.
#
# ## What it costs
#
# ### Accuracy, and why millions help
#
# The noise on the *average* change has standard deviation $zC/m$ per parameter.
# For accuracy that is the only number that counts, so we measure it once:
# accuracy against noise, everything else held still.

# %%
lab.predict("Ten times as many users take part, at the same epsilon. What happens to zC/m?",
            choices=["it grows", "it stays", "it falls, by less than the users grow",
                     "it falls as the users grow"])

# %%
levels = np.array([0.003, 0.015, 0.03, 0.06, 0.12, 0.5])        # z C / m


def at_level(deviation, seed):
    step = UserLevelDP(max_grad_norm=2.0, noise_multiplier=50 * deviation, sample_rate=0.1, rounds=20,
                       divisor=100)
    return reads(learn(users, pipeline=[step], seed=seed).model, new)


by_level = np.array([[at_level(level, seed) for seed in (1, 2)]
                     for level in lab.progress(levels, "training at each noise level")])
not_private = reads(learn(users).model, new)


def expected_accuracy(deviation):
    return np.interp(np.log(deviation), np.log(levels), by_level.mean(1))

# %% [markdown]
# The accountant tells $z$ for any epsilon, sampling rate and number of rounds.
# Together they give a map: accuracy by epsilon and by number of users,
# if a tenth of them is asked in each of 20 rounds (delta $10^{-8}$ throughout,
# below one over the largest population; neighbouring: one user; tight accounting).

# %%
def noise_level(epsilon, population, rate=0.1, max_grad_norm=2.0):
    z = dp.noise_multiplier_for(epsilon=float(epsilon), delta=1e-8, sample_rate=rate, steps=20)
    return z * max_grad_norm / (rate * population)


epsilons, populations = np.array([0.25, 0.5, 1, 2, 4, 8]), np.geomspace(100, 1e6, 60)
surface = np.array([[expected_accuracy(noise_level(epsilon, each)) for each in populations]
                    for epsilon in epsilons])

# %% tags=["hide-input"] jupyter={"source_hidden": true}
# Draws: right on new digits against users (a tenth of them in each round).
fig, ax = lab.plots.figure(8.2, 3.1)
for epsilon, line, shade in zip(epsilons, surface, plt.cm.viridis(np.linspace(.85, .1, 6))):
    ax.plot(populations, line, color=shade, label=f"epsilon {epsilon:g}")
ax.axhline(not_private, color=lab.PLAIN, label="not private")
lab.plots.baseline(ax, majority, "commonest digit")
ax.axvline(1000, color="#999999", ls=":", lw=1)
ax.text(1050, .16, "measured here", color="#666666", size=9)
ax.set(xscale="log", xlabel="users (a tenth of them in each round)",
       ylabel="right on new digits", ylim=(0, .85), xlim=(100, 1e6))
lab.plots.percent(ax)
ax.legend(loc="center left", bbox_to_anchor=(1.01, .5), fontsize=9)
plt.show()

# %%
grown = noise_level(1, 10_000) / noise_level(1, 1000)
lab.truth("it grows" if grown > 1.01 else "it stays" if grown > 0.99 else "it falls as the users grow"
          if np.isclose(grown, 0.1) else "it falls, by less than the users grow")
lab.claim(f"ten times the users, {grown:.1f} times the noise, at the same epsilon", np.isclose(grown, 0.1))

# %%
few, many = (expected_accuracy(noise_level(0.25, each)) for each in (300, 100_000))
lab.claim("at epsilon 0.25 three hundred users get a poor model, a hundred thousand the "
          "non-private one",
          few < 0.45 and many > not_private - 0.05)

# %% [markdown]
# Be clear about what was measured: models of a thousand users, at six noise levels.
# The rest of the map is *accounting*: it assumes that a larger population looks like this one,
# and leaves out that a larger cohort is also a better sample.
# It says what the noise would do, no more.
# But the reason it shows is sound,
# and it is why user-level privacy is at home with millions of phones and not with four hospitals:
# the noise must hide one user, whatever their number, and is divided by all of them.
#
# ### Who must be trusted
#
# So far the server saw every change and was trusted to add the noise.
# Three places for it:
#
# - **central**: the server adds it.
#   Needs a trusted server.
# - **local**: each client hides its own change completely.
#   Needs nobody, and in the sum all those noises add up.
# - **distributed**: each client adds a *little* noise,
#   and a **secure sum** (lab 08) opens nothing but the total, in which the little noises have added up.
#   Needs a secure sum, and enough honest clients.
#
# Secure sums take whole numbers modulo a power of two.
# So a client clips, rotates its change at random (no coordinate sticks out),
# scales it, rounds it to whole numbers at random, and adds whole-number noise:
# the *discrete Gaussian* of lab 03 (Kairouz and others, 2021).
# Sampling does not help against a server that knows whom it asked,
# so nobody gets credit for it in this comparison: two hundred users, all of them in every round.
# (A cohort of exactly 200 out of a thousand would not do for "central":
# one user more pushes another out, and so moves the sum by two changes. `UserLevelDP` refuses it.)
# All three get the same epsilon.

# %%
lab.predict("How many times as much noise as in the central sum is in the sum of the 200 local reports?",
            low=1, high=200)

# %%
RACE = {"epsilon": 4, "delta": 1e-4, "rounds": 10, "max_grad_norm": 2.0}
shared = DistributedDiscreteGaussian.for_budget(**RACE, clients=200, parameters=500,
                                                bits=16, exact=False)
central = UserLevelDP.for_budget(**RACE, users=200, cohort=200)
own = Noise(central.noise_multiplier * central.max_grad_norm, at="client")   # as much as central, each

ways = {"no noise": [Clip(max_grad_norm=2.0)], "central": [central], "distributed": [shared],
        "local": [Clip(max_grad_norm=2.0), own]}
raced = {}
for name, steps in ways.items():
    run = learn(users[:200], pipeline=steps, sampling="fixed", cohort=200, rounds=10)
    raced[name] = reads(run.model, new)
print(f"sum, noise per parameter: central {central.noise_multiplier * central.max_grad_norm:.2f}, "
      f"distributed {shared.published_sigma:.2f}, local {own.sigma * np.sqrt(200):.2f}")

# %% tags=["hide-input"] jupyter={"source_hidden": true}
# Draws: right on new digits.
fig, ax = lab.plots.figure(8.2, 2.3)
colours = [lab.PLAIN, lab.PRIVATE, lab.PRIVATE, lab.PRIVATE]
trust = ["the server, with everything", "the server, with every change",
         "a secure sum, and that clients add their noise", "nobody"]
bars = ax.barh(range(4), list(raced.values()), color=colours, height=.6)
for row, (share, words) in enumerate(zip(raced.values(), trust)):
    ax.text(share + .01, row, f"{share:.0%}   trusts {words}", va="center", size=9)
ax.set_yticks(range(4), list(raced))
ax.invert_yaxis()
ax.axvline(majority, color=lab.BASELINE, ls="--", lw=1, label="commonest digit")
ax.set(xlim=(0, 1.3), xticks=[0, .25, .5, .75], xlabel="right on new digits")
lab.plots.percent(ax, "x")
ax.legend(loc="lower right")
plt.show()

# %%
times = own.sigma * np.sqrt(200) / (central.noise_multiplier * central.max_grad_norm)
lab.truth(round(times), "times")
lab.claim(f"local noises add up to {times:.0f} times what a trusted server would add, "
          "the root of the number of users", round(times) == round(np.sqrt(200)))

# %%
price = shared.published_sigma / (central.noise_multiplier * central.max_grad_norm)
lab.claim("distributed noise is within a quarter of what a trusted server would add",
          1 < price < 1.25, times=round(price, 2))
lab.claim("distributed: its model within 5 points; with local noise nothing worth having is left",
          raced["distributed"] > raced["central"] - 0.05
          and raced["local"] < raced["central"] - 0.2)

# %% [markdown]
# (Epsilon 4 at delta $10^{-4}$ for each of the three, without sampling.
# Central and local: one user added or removed, tight accounting;
# what a *single* client publishes under local noise has this epsilon too (its change against none).
# Distributed: one user's change replaced by nothing while their noise stays,
# accounting by Rényi divergences (lab 04), with the two prices of whole numbers included:
# rounding lengthens a change, and a sum of discrete Gaussians is not quite one.)
#
# What the server gets to see of one client is a row of whole numbers.
# The real protocol of lab 08 adds them up without showing any row:

# %%
from labkit.federated.secure_aggregation import Agreement, secure_sum

changes = np.random.default_rng(3).normal(size=(12, 500)) / 30
small = DistributedDiscreteGaussian.for_budget(**RACE, clients=12, parameters=500, exact=False)
signs, rng = small.signs(1), np.random.default_rng(4)
sent = np.array([small.encode(change, signs, rng) for change in changes])
outcome = secure_sum(sent, Agreement(12, 9, 512, small.bits, None, rng.bytes(16)), rng=rng)

opened = (np.asarray(outcome.total, dtype=np.int64) - sent.sum(axis=0)) % 2**small.bits
lab.claim("the secure sum is exact, modulo 2 to the 16", not opened.any())
off = np.std(small.decode(sent.sum(axis=0), signs) - changes.sum(axis=0))
lab.claim("what it opens to is the true sum, plus the planned noise",
          0.85 < off / small.published_sigma < 1.15)

# %% [markdown]
# ## Tune it
#
# First the clipping norm that looks for its own level.
# To draw the lengths of the changes we peek at them, which no real server may.

# %%
class Peek(Step):
    """Notes how long each change is before it is clipped."""

    def __init__(self):
        self.lengths = []

    def on_client(self, update, received, memory, turn):
        self.lengths.append((turn.number, float(update.message["change"].norm())))
        return update, memory


def adapt(start, quantile, epsilon):
    plan = AdaptiveUserLevelDP.for_budget(**{**budget, "epsilon": epsilon}, max_grad_norm=start,
                                          quantile=quantile, learning_rate=0.5)
    peek = Peek()
    return learn(users, pipeline=[peek, plan]), np.array(peek.lengths)

# %% tags=["hide-input"] jupyter={"source_hidden": true}
# Draws: does the clipping norm find its level?
def level(fig, start_norm, quantile, epsilon):
    """Does the clipping norm find its level?"""
    run, lengths = adapt(start_norm, quantile, epsilon)
    ax = fig.subplots()
    jitter = np.random.default_rng(0).uniform(-.3, .3, len(lengths))
    ax.plot(lengths[:, 0] + jitter, lengths[:, 1], ".", ms=3, color=lab.PLAIN, alpha=.35,
            label="a user's change\n(secret)")
    rounds = np.arange(1, 21)
    aim = [np.quantile(lengths[lengths[:, 0] == each, 1], quantile) for each in rounds]
    ax.step(rounds, aim, where="mid", color=lab.BASELINE, lw=1,
            label="the true quantile\n(secret)")
    norms = run.metric("max_grad_norm")[1:]
    ax.plot(rounds, norms, "o-", ms=4, color=lab.PRIVATE, label="the norm\n(public)")
    ax.set(yscale="log", ylim=(5e-3, 50), xlabel="round", ylabel="length", xlim=(.5, 20.5),
           xticks=[1, 5, 10, 15, 20])
    ax.legend(loc="center left", bbox_to_anchor=(1.01, .5), fontsize=9)
    fig.subplots_adjust(left=.09, right=.78, bottom=.17, top=.96)
    return (f"Started at {start_norm:.2g}, the norm ends at {norms[-1]:.2g}; the true "
            f"quantile is {aim[-1]:.2g}. The model reads {reads(run.model, new):.0%} of new digits. "
            f"Epsilon {epsilon:.2g} at delta 1e-4 in all, count included (one user added or "
            "removed; tight accounting).")


lab.explore(level, live=False, start_norm=lab.log_range(0.01, 30, 0.05),
            quantile=(0.1, 0.9, 0.5), epsilon=(0.5, 8, 2.0),
            labels={"start_norm": "norm to start from"})

# %% [markdown]
# **Question.** Start far too low, then far too high.
# Which of the two mistakes hurts the model more, and why does the norm wobble more at a small epsilon?
#
# <details><summary>Answer</summary>
#
# Here, at epsilon 2, too low: the first of only twenty rounds are spent on steps too small to learn from.
# Too high, the noise is made for a norm that nobody reaches,
# and the model is shaken until the norm has come down;
# at a small epsilon that is the worse of the two, and with hundreds of rounds a low start costs little.
# At a small epsilon the noise on the changes is large,
# the model jumps about, and so do the changes of the users who pull it back.
# (The noise on the <em>count</em> is the same at every epsilon: a twentieth of the cohort.)
# </details>

# %%
low, high = adapt(0.05, 0.5, 2.0), adapt(10.0, 0.5, 2.0)
ends = [run.metric("max_grad_norm")[-1] for run, _ in (low, high)]
lab.claim("started 200 times apart, the two norms end within a factor of 4 of one another",
          max(ends) / min(ends) < 4)
lab.claim("with only twenty rounds to go, starting too low costs more than starting too high",
          reads(low[0].model, new) < reads(high[0].model, new))

# %% [markdown]
# Next, the map under two sliders.
# How many users does a private model need?

# %%
GRID = np.array([0.01, 0.03, 0.1, 1.0])                        # sampling rates
Z = np.array([[noise_level(e, 1, rate=float(q), max_grad_norm=1.0) * q for q in GRID]
              for e in epsilons])


def multiplier(epsilon, rate):
    """The noise multiplier between the points of a grid that the accountant has computed."""
    rows = [np.interp(np.log(rate), np.log(GRID), np.log(row)) for row in Z]
    return np.exp(np.interp(np.log(epsilon), np.log(epsilons), rows))

# %% tags=["hide-input"] jupyter={"source_hidden": true}
# Draws: how many users does a private model need?
def how_many(fig, epsilon, rate):
    """How many users does a private model need?"""
    ax, noise = fig.subplots(1, 2)
    population = np.geomspace(100, 1e7, 60)
    deviation = multiplier(epsilon, rate) * 2.0 / (rate * population)     # clipped at 2
    ax.plot(population, expected_accuracy(deviation), color=lab.PRIVATE, label="private")
    ax.axhline(not_private, color=lab.PLAIN, label="not private")
    lab.plots.baseline(ax, majority, "commonest digit")
    ax.set(xscale="log", ylim=(0, .85), xlabel="users", ylabel="right on new digits")
    lab.plots.percent(ax)
    ax.legend(loc="center right", fontsize=9)
    noise.loglog(population, deviation, color=lab.PRIVATE)
    noise.axhspan(levels[0], levels[-1], color=lab.PLAIN, alpha=.15, lw=0)
    noise.text(1.2e7, levels[0] * 1.2, "measured", ha="right", size=9, color="#555555")
    noise.set(xlabel="users", ylabel="noise on the average change", ylim=(1e-8, 10))
    fig.subplots_adjust(left=.08, right=.98, bottom=.17, top=.95, wspace=.25)
    enough = population[expected_accuracy(deviation) > not_private - .05]
    told = f"about {float(f'{enough[0]:.1g}'):,.0f}" if len(enough) else "over ten million"
    return (f"Epsilon {epsilon:.2g} at delta 1e-8 for each user, 20 rounds, {rate:.0%} of the "
            f"users per round: to come within 5 points of the non-private model takes {told} users. "
            "(Tight accounting; accuracy as 1,000 users gave it at that noise.)")


lab.explore(how_many, epsilon=(0.25, 8, 1.0), rate=lab.log_range(0.01, 1, 0.1),
            labels={"rate": "share of users in a round"})

# %% [markdown]
# **Question.** Ask a hundredth of the users per round in place of all of them: $z$ falls a lot.
# Why does the curve still get worse?
#
# <details><summary>Answer</summary>
#
# Sampling makes z smaller, but the sum is divided by a smaller cohort.
# For a fixed number of rounds and a z that is not tiny, z falls at best in proportion to the rate,
# and then the two cancel; below that z stops falling so fast, and the division wins.
# Asking few saves the clients work, not noise.
# </details>

# %%
asked = [multiplier(1.0, rate) / rate for rate in (1.0, 0.1, 0.01)]
lab.claim("at epsilon 1 and 20 rounds, asking fewer users gives more noise on the average, "
          "not less",
          asked[0] < asked[1] < asked[2],
          relative_to_all=[round(each / asked[0], 1) for each in asked])

# %% [markdown]
# ## The attack again
#
# The man with the upside-down phone, before and after.
# Before: epsilon 1 for every record.
# After: epsilon 2 for every *user*.
# Eight trainings with him, eight without.
# Between the two a control: clipping per user and *no* noise.

# %%
silent = [Clip(max_grad_norm=2.0)]


def many_runs(clients, steps, count=8):
    return np.array([reads(learn(clients, pipeline=steps, seed=100 + each).model, turned)
                     for each in range(count)])


after, control = ([many_runs(clients, steps) for clients in ([*users, person], users)]
                  for steps in ([private], silent))

# %% tags=["hide-input"] jupyter={"source_hidden": true}
# Draws: upside-down digits read.
fig, axes = lab.plots.figure(8.2, 2.4, ncols=3, sharey=True)
titles = "epsilon 1 for a record", "clipped per user, no noise", "epsilon 2 for a user"
for ax, pair, title in zip(axes, (by_record, control, after), titles):
    for scores, height, colour in [(pair[0], 1, lab.ATTACKER), (pair[1], 0, lab.PLAIN)]:
        ax.plot(scores, np.full(len(scores), height), "|", ms=18, color=colour)
    ax.set(xlim=(.15, .33), yticks=[0, 1], yticklabels=["without him", "with him"],
           ylim=(-.6, 1.6), xlabel="upside-down digits read")
    ax.set_title(f"{title}\nAUC {separation(pair):.2f}", size=10)
    lab.plots.percent(ax, "x")
plt.show()

# %%
most = dp.best_attack(private.event)
lab.claim("user-level privacy at epsilon 2: no attacker is right more often than this, "
          "whatever they look at",
          most < 0.75, right_at_most=round(most, 2), coin_toss=0.5)
lab.claim("this attack has become about a coin toss; it was nearly always right",
          separation(by_record) > 0.95 and separation(after) < 0.75)
paired = np.abs(control[0] - control[1])
lab.claim("clipping alone already takes most of what could be *measured* by this attack",
          separation(control) < 0.8)
lab.claim("but with the same seed, its models differ whenever he joined: no noise, no "
          "guarantee",
          (paired > 0).mean() > 0.5)

# %% [markdown]
# As in lab 06: the clip does most of the visible work, the noise alone gives the guarantee.
# An attacker who knows everything but his part can subtract,
# and against that a clip without noise is nothing.
#
# ## Check yourself
#
# **1.** A service promises epsilon 0.01 (delta 0) for every *record*.
# What does that promise to a user with 1,000 records?

# %%
epsilon_for_the_user = ...

check("a thousand records", epsilon_for_the_user);

# %% [markdown] tags=["solution"]
# <details><summary>Solution</summary>
#
# A thousand steps of 0.01 each.
# (With delta above 0 it grows, too, and faster than a thousandfold.)
#
# ```python
# epsilon_for_the_user = 1000 * 0.01
# check("a thousand records", epsilon_for_the_user);
# ```
#
# </details>
#

# %% [markdown]
# **2.** Write the private average yourself.
# Watch where the noise goes: the checker looks for noise that was divided twice.

# %%
def average_of_users(changes, max_grad_norm, noise_multiplier, divisor, rng):
    ...


average = ...   # when your function is ready, write: average = average_of_users

check("average of users", average);

# %% [markdown] tags=["solution"]
# <details><summary>Solution</summary>
#
# Clip each row; noise for the sum; divide once.
#
# ```python
# def average_of_users(changes, max_grad_norm, noise_multiplier, divisor, rng):
#     lengths = np.linalg.norm(changes, axis=1, keepdims=True)
#     total = (changes * np.minimum(1, max_grad_norm / lengths)).sum(axis=0)
#     return (total + rng.normal(0, noise_multiplier * max_grad_norm, changes.shape[1])) / divisor
#
# average = average_of_users
# check("average of users", average);
# ```
#
# </details>
#

# %% [markdown]
# **3.** A keyboard maker asks 10,000 of a million users per round,
# clips at 0.5 and has a noise multiplier of 1.2.
# What is the standard deviation of the noise on each parameter of the average change?

# %%
deviation = ...

check("noise per parameter", deviation);

# %% [markdown] tags=["solution"]
# <details><summary>Solution</summary>
#
# ```python
# deviation = 1.2 * 0.5 / 10_000
# check("noise per parameter", deviation);
# ```
#
# </details>
#

# %% [markdown]
# **4.** Write the rule by which the clipping norm moves.

# %%
def move(max_grad_norm, share, quantile, learning_rate):
    ...


rule = ...   # when your function is ready, write: rule = move

check("next norm", rule);

# %% [markdown] tags=["solution"]
# <details><summary>Solution</summary>
#
# Too many within: smaller.
# A step on the logarithm, so that the norm stays positive.
#
# ```python
# def move(max_grad_norm, share, quantile, learning_rate):
#     return max_grad_norm * np.exp(-learning_rate * (share - quantile))
#
# rule = move
# check("next norm", rule);
# ```
#
# </details>
#

# %% [markdown]
# **5.** Two hundred clients spread Gaussian noise of standard deviation 6 over themselves:
# each adds a part, and the parts add up to it in the secure sum.
# What is the standard deviation of a part?

# %%
part = ...

check("a part of the noise", part);

# %% [markdown] tags=["solution"]
# <details><summary>Solution</summary>
#
# Variances add up, so a part has a two-hundredth of the variance.
#
# ```python
# part = 6 / 200 ** 0.5
# check("a part of the noise", part);
# ```
#
# </details>

# %% [markdown]
# **6.** `flwr run clinics clinic-net --stream` has ended with exit code 0.
# What do you know?
#
# - **A** All rounds were trained.
# - **B** At least one client has trained.
# - **C** Nothing yet: read the status of the run.
# - **D** The weights are those of the simulator.

# %%
known = ...

check("a run that ended", known);

# %% [markdown] tags=["solution"]
# <details><summary>Solution</summary>
#
# The exit code is 0 even if the run crashed.
#
# ```python
# known = "C"
# check("a run that ended", known);
# ```
#
# </details>

# %% [markdown]
# ## What the article says
#
# *(Optional. 5 minutes.)*
# **"Tuning the noise and the clipping range finds the best protection"** (B16,
# of article B, *privacy-protection mechanisms for applications of large models*).
# Tuning finds the best *accuracy* for a given protection; and tuning on the private data costs some of it.
# The adaptive norm shows the honest form: it looks at the data, and the look is in the account.

# %%
paid = AdaptiveUserLevelDP.for_budget(**budget, max_grad_norm=0.05)
extra = paid.published_sigma / 0.05 * 100 / paid.noise_multiplier
lab.claim("the norm can be tuned on private data inside the budget: the changes get a little "
          "more noise",
          paid.epsilon(1e-4) <= 2 and 1 < extra < 1.05, article="B16",
          verdict="holds once repaired", times_the_noise=round(extra, 3))

# %% [markdown]
# **"The future is federated learning"** (in B18).
# On an engine for real clients the same experiment runs today: the parity above.
# What the sentence leaves out is that federating alone protects nobody:
# the first cells of this lab were federated.

# %%
if flower:
    lab.claim("the experiment leaves the notebook unchanged, and federating alone hid nobody",
              apart < 1e-6 and told["with him"][1] > 0.5, article="B18",
              verdict="holds once repaired")

# %% [markdown]
# **"More privacy costs accuracy"** (A5, B5).
# For a given number of users, yes.
# The map says how to buy it back: with users.

# %%
lab.claim("with a thousand users, epsilon 0.25 costs accuracy; with a million it costs next "
          "to none",
          surface[0][np.argmin(abs(populations - 1000))] < not_private - 0.1
          and surface[0][-1] > not_private - 0.05, article="B5", verdict="holds")

# %% [markdown]
# ## Limits and further reading
#
# What this does **not** protect, or show:
#
# - **Users are what you say they are.**
#   Somebody with two phones is two users here, a family that shares one is one.
# - **That somebody took part** can leak elsewhere: in who was asked, in traffic, in a crash.
#   The account covers the published models only.
# - **One user among a thousand, not a group.**
#   For a household of four, epsilon counts four times.
# - The central kind trusts the server with every change.
#   The distributed kind trusts the secure sum, and that enough clients add their noise;
#   a client that drops out takes its noise with it, so the plan counts on fewer than are asked.
# - Our noise comes from a statistical generator,
#   and in the central kind from floating-point numbers (lab 03 shows what can be read off them).
#   A deployment uses the exact sampler and the operating system's randomness.
#   The simulator's distributed noise came from a table here
#   (`exact=False`), which is tested against the exact law.
# - **Poisson sampling** needs users who really toss their own coin.
#   A server that picks who is awake does something else,
#   and the amplification is then not proved; DP-FTRL does without it.
# - The users of this lab are synthetic.
#   Real ones differ more, and the ones who differ most pay most: clipping and noise hurt small groups first.
#
# Sources: H. B. McMahan, D. Ramage, K. Talwar, L. Zhang,
# *Learning differentially private recurrent language models*,
# ICLR 2018, [arXiv:1710.06963](https://arxiv.org/abs/1710.06963).
# G. Andrew, O. Thakkar, H. B. McMahan, S. Ramaswamy, *Differentially private learning
# with adaptive clipping*, NeurIPS 2021, [arXiv:1905.03871](https://arxiv.org/abs/1905.03871).
# P. Kairouz, Z. Liu, T. Steinke, *The distributed discrete Gaussian mechanism for federated learning
# with secure aggregation*, ICML 2021, [arXiv:2102.06387](https://arxiv.org/abs/2102.06387).
# N. Agarwal, P. Kairouz, Z. Liu, *The Skellam mechanism for differentially private federated learning*,
# NeurIPS 2021, [arXiv:2110.04995](https://arxiv.org/abs/2110.04995).
# P. Kairouz and others, *Practical and private (deep) learning without sampling or shuffling* (DP-FTRL),
# ICML 2021, [arXiv:2103.00039](https://arxiv.org/abs/2103.00039).
# D. J. Beutel and others, *Flower: a friendly federated learning research framework*,
# 2020, [arXiv:2007.14390](https://arxiv.org/abs/2007.14390).
# E. Bagdasaryan, O. Poursaeed, V. Shmatikov, *Differential privacy has disparate impact on model accuracy*,
# NeurIPS 2019, [arXiv:1905.12101](https://arxiv.org/abs/1905.12101).
