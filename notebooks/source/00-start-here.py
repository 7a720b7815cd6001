# ---
# jupyter:
#   kernelspec: {display_name: Python 3, language: python, name: python3}
# ---

# %% [markdown]
# # 0 · Start here
#
# *About 30 minutes, all of it required.
# You need Python and basic statistics, nothing else.*
#
# Models are trained on data about people, and they give some of it away:
# through the files they were trained on, through the updates they exchange, through the answers they give.
# These labs show each leak on real data, build the technique that stops it,
# and let you drag a slider to see what that costs.
#
# **Afterwards you can** name the five steps at which data leaks, say which technique belongs to which,
# find the labs you need, and you have built and attacked a first private mechanism yourself.

# %%
import importlib.metadata
import math

import numpy as np
from ipywidgets import ToggleButtons

from labkit import datasets, lab
from labkit.dp import randomised_response
from labkit.exercises.lab_00 import check

rng = np.random.default_rng(0)
people = datasets.adult().table
len(people)

# %% [markdown]
# ## What goes wrong
#
# This table holds real people, from the United States Census Bureau's data of 1994:
# one row a person, without names.
# You know a colleague's age, education, occupation,
# working hours, sex, race, marital status and country of birth: nothing secret.
#
# Before a number comes, these labs ask for your guess.
# Move the slider, press the button, then run the next cell: guess and truth will stand side by side.
# (No guess is needed to go on.)

# %%
lab.predict("For how many of a hundred people does exactly one row fit?", low=0, high=100)

# %%
known = ["age", "education", "occupation", "hours_per_week", "sex", "race", "marital_status",
         "native_country"]
rows_that_fit = people.groupby(known, dropna=False)["age"].transform("size")
unique = (rows_that_fit == 1).mean()
lab.truth(round(100 * unique), "of a hundred")
lab.claim(f"{unique:.0%} of the people are alone in their row", unique > 0.5, share=unique)

# %% [markdown]
# Leaving out the names hid less than half of them.
# For the others, whoever knows these eight things also reads everything else in the row.
# Here is that attack: somebody holds a staff list with the eight columns,
# and looks each person up in the table.
# (The staff list is the same people in another order.)

# %%
staff_list = people[known].sample(frac=1, random_state=1)
looked_up = staff_list.reset_index().merge(people[[*known, "income"]], on=known, how="left")
sure = looked_up[~looked_up["index"].duplicated(keep=False)]  # exactly one row of the table fits
correct = (sure["income"].to_numpy() == people["income"].loc[sure["index"]].to_numpy()).mean()
lab.claim("the attacker learns the income of everybody who is unique, and is right every time",
          correct == 1.0, people=len(sure), correct=correct)

# %% [markdown]
# No password was broken.
# The eight columns *are* the name.
#
# %% [markdown]
# ## The idea
#
# Data about people passes through five steps.
# At each one somebody else can take it, so each has techniques of its own.
# *Pick a step, then say who you are: the bottom line lists the labs to read, in order.*
# (All labs together take some thirty hours; the header of each says how long it takes,
# what it builds on, and which parts are optional.)

# %% tags=["hide-input"] jupyter={"source_hidden": true}
# Draws: lab numbers with their names, four to a line.
LABS = {"00": "start here", "01": "anonymisation", "02": "data security", "03": "mechanisms", "04": "budget",
        "05": "private training", "05b": "digits", "06": "auditing", "07": "federated learning",
        "08": "gradient leakage",
        "09": "federated privacy", "10": "homomorphic encryption", "11": "encrypted models",
        "12": "private computing", "13": "language models", "13b": "retrieval and agents",
        "14": "private fine-tuning", "14b": "text with a budget",
        "15": "model protection", "15b": "forgetting", "16": "medicine", "17": "finance",
        "18": "smart home", "19": "transport", "20": "public safety", "21": "recommendation",
        "22": "capstone", "23": "the articles, tested", "24": "what comes next",
        "25": "your own data"}
READERS = {"curious": "03 05 07 10", "a hospital": "01 02 03 05 07 08 10 16",
           "a bank": "02 03 05 10 11 12 17 24", "a city": "01 03 04 19 20 25",
           "an app maker": "03 05 07 09 18 21",
           "a trainer of models": "03 04 05 05b 06 13 13b 14 14b 15 15b",
           "an engineer": "01 02 03 04 05 10 17 22 24 25", "a teacher": "01 02 03 04 05 06 22 23",
           "a data-protection officer": "01 02 03 04 22 23 24 25"}


# Minutes, as the headers of the labs say.
MINUTES = {"00": 30, "01": 75, "02": 80, "03": 75, "04": 80, "05": 70, "05b": 60, "06": 85, "07": 85,
           "08": 80, "09": 75, "10": 85, "11": 75, "12": 70, "13": 90, "13b": 65, "14": 80,
           "14b": 65, "15": 90, "15b": 65, "16": 75, "17": 60, "18": 55, "19": 55, "20": 60, "21": 55,
           "22": 75, "23": 45, "24": 75, "25": 65}


def named(labs):
    """Lab numbers with their names, four to a line."""
    names = [f"{each} {LABS[each]}" for each in labs.split()]
    return ",\n".join(",  ".join(names[i:i + 4]) for i in range(0, len(names), 4))


# %% tags=["hide-input"] jupyter={"source_hidden": true}
# Draws: helpers of the pictures below.
STEPS = {  # step: who attacks, how, what stops it, in which labs
    "1 collect": ("anyone with a second data set\nabout the same people",
                  "links rows without names\nto rows with names",
                  "coarser rows; noise that each\nperson adds to the answer", "01 03"),
    "2 store": ("a thief of the disk, an insider,\na listener on the network",
                "reads, alters or replaces\nfiles and messages",
                "encryption that notices changes,\naccess control, TLS, signed logs", "02"),
    "3 train": ("whoever receives the model,\nits updates or its statistics",
                "asks who was in the data;\nturns gradients into images",
                "differential privacy, federated\nlearning with secure sums", "03 04 05 06 07 08 09 14 14b"),
    "4 deploy": ("the machine that runs the model,\nor a buyer of a copy",
                 "reads the inputs in the clear;\ncopies the model",
                 "homomorphic encryption,\nsecret sharing, watermarks", "10 11 12 15"),
    "5 use": ("a user who can only\nask questions", "extracts memorised text,\nsteals or fools the model",
              "budgets, scrubbed text,\naudits, hardened models", "04 06 13 15 15b"),
}


# %% tags=["hide-input"] jupyter={"source_hidden": true}
# Draws: where is the data, who wants it, and what stops them?
def life_cycle(fig, step, reader):
    """Where is the data, who wants it, and what stops them?"""
    ax = fig.subplots()
    for place, each in enumerate(STEPS):
        colour, ink = (lab.PRIVATE, "white") if each == step else ("#E3EAF0", "#333333")
        ax.text(.09 + place * .205, .93, f"{each:^10}", ha="center", va="center", color=ink, size=12,
                weight="bold", bbox=dict(boxstyle="round,pad=.6", fc=colour, ec="none"))
        if place:
            ax.annotate("", (.035 + place * .205 - .012, .93), (place * .205 - .05, .93),
                        arrowprops=dict(arrowstyle="->", color="#888888"))
    who, how, stop, labs = STEPS[step]
    for x, title, text, colour in [(.01, "Who attacks", who, lab.ATTACKER), (.37, "How", how, lab.ATTACKER),
                                   (.68, "What stops it", stop, lab.PRIVATE)]:
        ax.text(x, .68, title, color=colour, weight="bold", size=11)
        ax.text(x, .64, text, va="top", size=10.5, linespacing=1.5)
    hours = sum(MINUTES.get(each, 60) for each in READERS[reader].split()) / 60
    for y, title, text in [(.36, "Labs on this step", labs),
                           (.1, f"If you are {reader}: {hours:.0f} hours in all", READERS[reader])]:
        ax.text(.01, y, title, weight="bold", size=9.5, va="top")
        ax.text(.01, y - .075, named(text), size=9.5, va="top", linespacing=1.4)
    ax.set(xlim=(0, 1), ylim=(-.1, 1))
    ax.axis("off")
    fig.subplots_adjust(0, 0, 1, 1)
    return f"Step {step}: {stop.replace(chr(10), ' ')}."


step = ToggleButtons(options=list(STEPS), description="step:", style={"button_width": "92px"})
lab.explore(life_cycle, size=(8.6, 3.9), step=step, reader=list(READERS), labels={"reader": "I am"})

# %% [markdown]
# **Question.** Homomorphic encryption lets a server compute on data it cannot read.
# At which step does it help, and why does it not replace differential privacy?
#
# <details><summary>Answer</summary>
# It helps where somebody else's machine does the work: deploy (step 4), and storing and training in part.
# It hides the <em>inputs</em> from that machine.
# The <em>result</em> is decrypted in the end, and tells what it tells:
# limiting that is the work of differential privacy.
# </details>
#
# ## Build it
#
# Back to the colleague whose income was read off a row.
# Suppose that each person had answered *"do you earn more than 50,000?"* with the help of a coin
# that only they see: heads, tell the truth; tails, toss again and say yes for heads, no for tails.
# Nobody can be held to such an answer.
# The office asks all 48,842 people, and undoes what the coins did on average.

# %%
lab.predict("How far off is the office's share then, in percentage points?",
            choices=["under 2", "2 to 10", "over 10"])

# %%
def answer_with_a_coin(truth, rng):
    heads, second_toss = rng.random((2, len(truth))) < 0.5
    return np.where(heads, truth, second_toss)


rich = (people["income"] == ">50K").to_numpy()
answers = answer_with_a_coin(rich, rng)
rich.mean().round(3), answers.mean().round(3)

# %% [markdown]
# The answers as they came are wrong, but wrong in a known way:
# a half of them is the truth, a half is a fair coin.
# Undo that, and the share comes back.

# %%
share = 2 * answers.mean() - 0.5
off = 100 * abs(share - rich.mean())
lab.truth("under 2" if off < 2 else "2 to 10" if off <= 10 else "over 10")
lab.claim("the share comes back, though every single answer may be a lie",
          abs(share - rich.mean()) < 0.02, true=rich.mean(), estimated=share)

# %% [markdown]
# How private is that?
# A person who earns it says yes three times in four, one who does not says yes one time in four.
# The larger divided by the smaller is 3, and its logarithm is the number that all these labs turn on,
# **epsilon**: an answer can change an observer's odds by at most a factor $e^\varepsilon$.
# Here $\varepsilon = \ln 3$.
# Small epsilon, little to learn about you; large epsilon, much.
#
# ## Use the real thing
#
# The package has the mechanism with any epsilon, and exact:
# no rounding in its coin (lab 03 shows why that matters).
# Its neighbouring relation, that is, what may differ between two data sets that should look alike:
# *one person gives another answer*.
# Its delta, the chance allowed for the promise to fail, is 0.

# %%
reports = randomised_response(rich, epsilon=math.log(3), rng=rng)
lab.claim("the package's coin tells the truth three times in four, as ours does",
          abs((reports == rich).mean() - 0.75) < 0.01, truthful=(reports == rich).mean())

# %% [markdown]
# The other labs use the libraries below.
# **Can this machine run everything?**
# Each should get a tick.

# %%
for package, purpose in {"torch": "models", "opacus": "private training", "dp-accounting": "counting epsilon",
                         "tenseal": "computing on encrypted numbers", "cryptography": "encryption and TLS",
                         "scikit-learn": "classic models", "ipywidgets": "sliders"}.items():
    try:
        version = importlib.metadata.version(package)
        lab.claim(f"{package:15} is here, for {purpose}", bool(version))
        lab.measured(f"{package} {version}")
    except importlib.metadata.PackageNotFoundError:
        lab.measured(f"{package} is missing; the labs on {purpose} need it: pip install 'labkit[labs]'")

# %% [markdown]
# ## What it costs
#
# The lie has a price: the estimate of the share is blurred, more for a small epsilon and more for few people.
# The blur is the standard error of the estimate, $\sqrt{p(1-p)/n}\,/\,(2q-1)$
# with $q = e^\varepsilon/(1+e^\varepsilon)$ the chance of the truth and $p$ the chance of a yes.

# %%
def blur(epsilon, n, share=rich.mean()):
    q = np.exp(epsilon) / (1 + np.exp(epsilon))
    p = share * q + (1 - share) * (1 - q)
    return np.sqrt(p * (1 - p) / n) / (2 * q - 1)


fig, ax = lab.plots.figure(7.5, 3)
epsilons = np.geomspace(0.05, 8, 100)
for n, width in [(1_000, 1), (48_842, 2.5)]:
    ax.plot(epsilons, blur(epsilons, n), color=lab.PRIVATE, lw=width, label=f"coin, {n:,} people")
ax.axhline(np.sqrt(rich.var() / 48_842), color=lab.PLAIN, label="no coin, 48,842 people")
lab.plots.baseline(ax, rich.mean(), "answering “nobody”")
ax.set(yscale="log", ylabel="typical error of the share",
       title="Privacy costs accuracy, and more people pay for it")
lab.plots.percent(ax)
lab.plots.privacy_axis(ax)
ax.legend(fontsize=9)
fig.show()

# %% [markdown]
# Both the honest census and the trivial answer *nobody earns that much* are in the picture: no census of
# that size gets below the grey line, and above the dashed line the private answer is not worth asking for.

# %%
lab.claim("with 1,000 people and epsilon 0.05 the answer is worse than answering “nobody”",
          blur(0.05, 1_000) > rich.mean(), error=blur(0.05, 1_000), nobody=rich.mean())
lab.claim("with 48,842 people and epsilon 1 it is right to about half a point",
          0.004 < blur(1, 48_842) < 0.006, error=blur(1, 48_842))

# %% [markdown]
# ## Tune it
#
# *Drag epsilon.
# Find the smallest one at which you would still trust the number.*

# %% tags=["hide-input"] jupyter={"source_hidden": true}
# Draws: what does the office learn, and what does it learn about you?
def poll(fig, epsilon, people_asked):
    """What does the office learn, and what does it learn about you?"""
    ax, bar = fig.subplots(1, 2, width_ratios=[4, 1])
    centre, error = rich.mean(), blur(epsilon, people_asked)
    x = np.linspace(-0.2, 0.7, 600)
    ax.fill_between(x, np.exp(-((x - centre) / error) ** 2 / 2), color=lab.PRIVATE, alpha=.3,
                    label="where the estimate falls")
    ax.axvline(centre, ymax=.78, color=lab.PLAIN, label="true share")
    ax.axvline(0, ymax=.78, color=lab.BASELINE, ls="--", lw=1, label="“nobody”")
    ax.set(xlim=(-.2, .7), ylim=(0, 1.3), yticks=[], xlabel="share of people who earn more than 50,000")
    lab.plots.percent(ax, "x")
    ax.legend(loc="upper right", fontsize=8.5, ncols=3)
    right = np.exp(epsilon) / (1 + np.exp(epsilon))
    bar.bar(["observer\nis right"], [right], color=lab.ATTACKER)
    bar.axhline(right, color=lab.GUARANTEE)
    bar.axhline(.5, color=lab.BASELINE, ls="--", lw=1)
    bar.set(ylim=(.45, 1.02))
    lab.plots.percent(bar)
    fig.subplots_adjust(bottom=.2, top=.97, left=.03, right=.98, wspace=.22)
    return (f"At epsilon {epsilon:.2f} (delta 0; one person changes their answer) the share is known to "
            f"±{1.96 * error:.1%} with 95 % confidence, and an observer who starts at 50:50 about you is "
            f"right {right:.0%} of the time: exactly what the guarantee allows.")


lab.explore(poll, epsilon=(0.05, 8, math.log(3)), people_asked=lab.log_range(100, 1e6, 1000))

# %% [markdown]
# **Question.** Ten times more people:
# how much smaller can epsilon be for the same accuracy, when epsilon is small?
#
# <details><summary>Answer</summary>
# The error goes as one over epsilon times the square root of the number of people.
# Ten times more people allow an epsilon about three times smaller.
# This is why large collections can afford strong privacy, and small ones cannot.
# </details>
#
# ## The attack again
#
# The attacker still finds your row: it is as unique as it was.
# But the income in it is now the answer of a coin.
# Before, the attacker who believed the row was always right.

# %%
lab.predict("How many percent of the time is the attacker right now?", low=0, high=100)

# %%
found = sure["index"].to_numpy()
right = (reports[found] == rich[found]).mean()

# %%
lab.truth(round(100 * right), "%")
lab.claim(f"the attacker who believes the row is right {right:.0%} of the time",
          abs(right - 3 / 4) < 0.02, right=right)

# %% [markdown]
# That is no better than a guess that needs no data at all.
# Most people earn less, so *no* is right more often:

# %%
always_no = (~rich[found]).mean()
odds_after_a_yes = 3 * (1 - always_no) / always_no
lab.claim("always guessing “no” is right more often", always_no > right, always_no=always_no)
lab.claim("even an attacker who weighs both still bets on “no” after reading a yes",
          odds_after_a_yes < 1, odds=odds_after_a_yes)

# %% [markdown]
# Note what has *not* been stopped: the row is still found, and its other columns are still the truth.
# Each lab ends with such a list.
#
# ## Check yourself
#
# **1.** The coin above tells the truth three times in four.
# What is its epsilon?

# %%
epsilon_of_the_coin = ...

check("fair coin", epsilon_of_the_coin);

# %% [markdown] tags=["solution"]
# <details><summary>Solution</summary>
#
# A true yes is reported with probability 3/4, a false one with 1/4.
#
# ```python
# epsilon_of_the_coin = math.log(0.75 / 0.25)
# check("fair coin", epsilon_of_the_coin);
# ```
# </details>

# %% [markdown]
# **2.** Five accidents.
# At which step (1 to 5) did each happen?
# Replace the dots by
# `{"a stolen laptop": ..., "a model that recites a customer's address": ..., "a published table without names": ..., "a hospital's gradient turned back into an X-ray": ..., "a cloud service that reads the photos it classifies": ...}`
# with a number for each.

# %%
steps = ...

check("which step", steps);

# %% [markdown] tags=["solution"]
# <details><summary>Solution</summary>
#
# Ask who held the data, or the model, when it got out.
#
# ```python
# steps = {"a stolen laptop": 2, "a model that recites a customer's address": 5,
#          "a published table without names": 1,
#          "a hospital's gradient turned back into an X-ray": 3,
#          "a cloud service that reads the photos it classifies": 4}
# check("which step", steps);
# ```
# </details>

# %% [markdown]
# ## What the article says
#
# Two articles in Chinese, on privacy for large AI models, gave these labs their list of topics:
# **A**, *data privacy in deploying large models*,
# and **B**, *privacy-protection mechanisms for applications of large models*.
# They name the right techniques, and their mathematics and code are often wrong.
# The labs run what they say, claim by claim.
# A line such as `article A7 · does not hold` gives the number of the claim
# and our verdict on it: *holds*, *holds once repaired*, or *does not hold*.
# Lab 23 has all 31 in one table.
# Their list of techniques, and where each is worked:
#
# | Family | Techniques | Lab |
# |---|---|---|
# | data privacy | differential privacy · federated learning · homomorphic encryption | 03–06 · 07–09 · 10–11 |
# | data security | encrypted storage · access control · secure transport | 02 |
# | model security | watermarks · compression · fine-tuning | 15 · 15 · 14 |
# | user privacy | anonymisation · de-identification · private computing | 01 · 01 · 12 |
#
# One claim can be decided right here.
# **A7.** *A private output is the output plus noise; epsilon is the sensitivity of each sample.*
# What we built shows that epsilon is a promise of the *mechanism*, about everything it releases:
# the same people, asked twice with the same coin, give away more.

# %%
twice = np.stack([randomised_response(rich, epsilon=math.log(3), rng=rng) for _ in range(2)])
agree = twice[0] == twice[1]
right_twice = (twice[0][agree] == rich[agree]).mean()
lab.claim("two answers that agree are right nine times in ten: epsilon adds up over answers, "
          "so it belongs to what is released, not to a sample",
          abs(right_twice - 0.9) < 0.01, article="A7", verdict="does not hold", right=right_twice)

# %% [markdown]
# ## Limits and further reading
#
# - A coin protects one answer.
#   It does not protect the rest of the row (lab 01),
#   the laptop that the row lies on (lab 02), or a person who is asked every day (lab 04).
# - Local noise is dear.
#   A trusted office that adds noise once, to the total, gets by with far less (lab 03).
# - No technique here makes a use of data right or lawful.
#   They limit what is learnt, given that it is collected.
#
# Warner, *Randomized response*, Journal of the American Statistical Association, 1965.
# Sweeney, *Simple demographics often identify people uniquely*, Carnegie Mellon University, 2000.
# Dwork and Roth, *The algorithmic foundations of differential privacy*,
# 2014, [doi:10.1561/0400000042](https://doi.org/10.1561/0400000042).
# Data: Becker and Kohavi, *Adult*, UCI Machine Learning Repository, 1996.
#
# ### The labs
#
# | | Lab | What is in it |
# |---|---|---|
# | 00 | [Start here](00-start-here.ipynb) | the map of attacks and defences, a first mechanism, a glossary (English / 中文) |
# | | **Before training: the data** | |
# | 01 | [Anonymisation](01-anonymisation.ipynb) | linkage, k-anonymity, l-diversity, t-closeness, pseudonyms, scrubbing text; and where they break |
# | 02 | [Data security](02-data-security.ipynb) | encrypted storage, access control, secure transport, a log that shows edits |
# | | **Differential privacy** | |
# | 03 | [Noise that hides one person](03-dp-mechanisms.ipynb) | randomised response, Laplace, Gaussian, discrete noise, exponential; the floating-point attack |
# | 04 | [The privacy budget](04-dp-budget.ipynb) | reconstruction from many answers, composition, accountants, a budget that says no |
# | 05 | [Private training](05-dp-training.ipynb) | DP-SGD from scratch, then Opacus; live privacy-accuracy curves |
# | 05b | [MNIST at epsilon 3](05b-dp-mnist.ipynb) | 99 % of the digits in seconds: handmade features, a linear model, the price of tuning |
# | 06 | [Auditing](06-dp-auditing.ipynb) | membership inference, measured epsilon, the zoo of broken mechanisms |
# | | **Federated learning** | |
# | 07 | [Federated learning](07-federated-learning.ipynb) | ten clients and four real hospitals; FedAvg to SCAFFOLD; drift, fairness, cost |
# | 08 | [Gradient leakage](08-gradient-leakage.ipynb) | pictures read out of updates and sums; secure aggregation with drop-outs; clipping, noise, liars |
# | 09 | [Federated privacy](09-federated-privacy.ipynb) | user-level privacy, adaptive clipping, noise inside a secure sum; the same run on Flower |
# | | **Computing on encrypted data** | |
# | 10 | [Homomorphic encryption](10-homomorphic-encryption.ipynb) | Paillier from scratch, CKKS; scale, depth, silent mistakes, a stolen key |
# | 11 | [Encrypted models](11-encrypted-ml.ipynb) | diagnosis, networks and regression on ciphertexts; packing, refreshing, and what the client still learns |
# | 12 | [Private computing](12-private-computing.ipynb) | secret sharing, triples, private set intersection, and when to choose which |
# | | **Large models** | |
# | 13 | [Language-model leakage](13-language-model-leakage.ipynb) | a planted PIN, exposure, extraction; private training, scrubbing, prompts without names; an audit before release |
# | 13b | [Retrieval and agents](13b-retrieval-and-agents.ipynb) | one store of many owners, texts out of vectors, an agent that obeys a stranger's mail, digits from a shared cache |
# | 14 | [Private fine-tuning](14-private-fine-tuning.ipynb) | a pretrained encoder; head, LoRA or all of it; reading a model card's epsilon |
# | 14b | [Text with a budget](14b-text-with-a-budget.ipynb) | the user as the unit, synthetic reviews by a private vote, a release to take away, and when to train directly |
# | 15 | [Model protection](15-model-protection.ipynb) | watermarks, compression, adversarial examples, theft, inversion |
# | 15b | [Forgetting](15b-forgetting.ipynb) | an erasure request: forgotten by the loss and not by exposure, shards, removal with a certificate, audits, before minus after |
# | | **Fields: six decisions** | |
# | 16 | [Medicine](16-medicine.ipynb) | may we train together, may we publish the curve? a share read from a gradient, patients read off a curve, who gains by joining |
# | 17 | [Finance](17-finance.ipynb) | may the bureau score, may bank and shop compare? encrypted scoring and its theft, customer lists, what clipping does to the few |
# | 18 | [Smart home](18-smart-home.ipynb) | may the utility see the meter? whose day it is, empty homes, one epsilon for an hour, a day or a year |
# | 19 | [Transport](19-transport.ipynb) | may the city publish trips? four sightings, small numbers recovered, a unit of privacy for travellers |
# | 20 | [Public safety](20-public-safety.ipynb) | may we publish the map, may we blur the plate? differencing, hot spots, unequal errors, a plate through a mosaic |
# | 21 | [Recommendation](21-recommendation.ipynb) | may we share ratings? eight ratings find a person, averages of one, a promise for a user and what it can afford |
# | | **The whole** | |
# | 22 | [Capstone](22-capstone.ipynb) | one data set through collect, store, train, deploy, use: five attacks, five switches, one epsilon, and a privacy report as web page and PDF in which every number is a claim |
# | 23 | [The articles, tested](23-the-articles-tested.ipynb) | 31 claims of two articles, each with its verdict, the number that decides it and a link to the experiment |
# | 24 | [What comes next](24-what-comes-next.ipynb) | RSA opened by a period, the lattices under ML-KEM and CKKS and what they cost to break, harvest now and decrypt later, log against blockchain, a checklist of standards and law |
# | 25 | [Your own data](25-your-own-data.ipynb) | what epsilon does to your number, epsilons of known releases, a table of yours in, a private release with its program and a statement out |
#
# ### Glossary
#
# | English | 中文 | In one sentence |
# |---|---|---|
# | differential privacy | 差分隐私 | A promise about a mechanism: its outputs are almost equally likely with and without any one person. |
# | epsilon (privacy loss) | 隐私预算 ε | The largest change, as a logarithm, that one person can make to the odds of any output. |
# | delta | δ | The probability mass on which the epsilon promise may fail; far below one over the number of people. |
# | neighbouring data sets | 相邻数据集 | Two data sets that differ in one person: added, removed or replaced. |
# | sensitivity | 敏感度 | How much one person can change the exact answer. |
# | clipping | 裁剪 | Cutting a contribution to a fixed size *before* noise is added, so that its sensitivity is known. |
# | privacy loss | 隐私损失 | The logarithm of how much likelier an answer is with a person than without. |
# | composition | 组合 | What several releases about the same people lose together. |
# | privacy accountant | 隐私会计 | Adds up the privacy loss of many releases. |
# | privacy-loss distribution (PLD) | 隐私损失分布 | How probable each size of the privacy loss is; the tightest accountants carry all of it along. |
# | Rényi divergence | 瑞丽散度 | How far two distributions are apart; a high order gives rare large losses more weight. |
# | Rényi differential privacy (RDP) | 瑞丽差分隐私 | An accountant that keeps one bound on the Rényi divergence for each order. |
# | concentrated differential privacy (zCDP) | 集中差分隐私 | An accountant that keeps one number, rho: the loss spreads no wider than a bell of that size. |
# | positive part, $(x)_+$ | 正部 | $x$ where it is above 0, and 0 elsewhere. |
# | Poisson sampling | 泊松抽样 | A coin of its own decides for each record whether it joins a batch. |
# | noise multiplier | 噪声乘数 | The standard deviation of the noise, divided by the largest contribution of one person. |
# | membership inference | 成员推断攻击 | Finding out whether a person's record was used in training. |
# | AUC | 曲线下面积 | Given one member and one outsider, how often an attack tells which is which: 0.5 is a coin, 1 is always. |
# | false alarm | 误报 | An outsider who is accused of being a member. |
# | anonymisation, de-identification | 匿名化、去标识化 | Removing or coarsening what points to a person. |
# | quasi-identifier | 准标识符 | A column that identifies nobody alone, and many together: age, sex, post code. |
# | federated learning | 联邦学习 | Clients keep their data and train; a server combines their updates. |
# | secure aggregation | 安全聚合 | The server learns the sum of the updates and no single one. |
# | gradient inversion | 梯度反演 | Reconstructing training data from an update. |
# | homomorphic encryption | 同态加密 | Encryption under which a third party can compute without reading. |
# | ciphertext, plaintext | 密文、明文 | The encrypted and the readable form of a message. |
# | public key, secret key | 公钥、私钥 | The first encrypts and may be known to all; the second decrypts. |
# | Paillier | Paillier 加密 | An encryption of whole numbers under which one can add. |
# | CKKS | CKKS 方案 | An encryption of vectors of real numbers under which one can add and multiply, with a small error. |
# | BFV | BFV 方案 | The same for whole numbers, without an error. |
# | ring | 多项式环 | The polynomials that a ciphertext consists of; a larger ring has more slots, is slower, and is safer. |
# | slot | 槽位 | A place for one number in a ciphertext; all slots are computed on at once. |
# | scale | 缩放因子 | By what a real number is multiplied before it is rounded and encrypted. |
# | level | 层级 | A multiplication that a ciphertext can still afford. |
# | rotation (Galois) keys | 旋转密钥（伽罗瓦密钥） | Let a server move the numbers from slot to slot without reading them. |
# | X25519 | X25519 密钥交换 | Two parties who exchange public keys get a common secret. |
# | HKDF | 密钥派生函数 | Makes keys and masks out of a secret that both sides know. |
# | hash | 哈希 | A short fingerprint, computed from data and not back. |
# | secret sharing | 秘密共享 | Splitting a number so that no part tells anything, and enough parts give it back. |
# | private computing | 隐私计算 | Computing jointly on data that the parties do not show one another. |
# | access control | 访问控制 | Who may do what with which data, decided and logged. |
# | authenticated encryption | 认证加密 | Encryption that also detects any change of the ciphertext. |
# | watermark | 水印 | A hidden mark that shows whose model or text it is. |
# | adversarial example | 对抗样本 | An input changed by little so that the model is wrong. |
# | exposure | 暴露度 | How far up a planted secret stands among all candidates, in bits. |
# | machine unlearning | 机器遗忘 | Taking a record out of a trained model; exact, if the result might as well have been trained without it. |
# | certified removal | 可证明的移除 | Unlearning with a proof: erased and retrained differ by at most a stated epsilon and delta. |
# | adapter (LoRA) | 适配器（低秩适配） | A narrow trainable detour beside a frozen layer. |
# | client drift | 客户端漂移 | Clients with different data pull the shared model apart while they train alone. |
# | user-level privacy | 用户级隐私 | The promise covers all records of one person together, not one record. |
# | period finding | 求周期（Shor 算法） | What a quantum computer does well: it finds how soon a sequence of powers repeats, and so breaks RSA and elliptic curves. |
# | learning with errors (LWE) | 带误差学习（LWE） | Equations that are all slightly wrong; nobody knows how to solve large ones quickly. Under ML-KEM and CKKS. |
# | ML-KEM | 基于格的密钥封装（ML-KEM） | The standard way to agree on a key that a quantum computer is not known to open. |
# | witness | 见证者 | Somebody who signs the head of a log only if it extends the one signed before. |
