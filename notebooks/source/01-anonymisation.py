# ---
# jupyter:
#   kernelspec: {display_name: Python 3, language: python, name: python3}
# ---

# %% [markdown]
# # 1 · Without a name, and still you
#
# *About 75 minutes, all of it required but "Free text" (from the scrubber on).
# You need lab 00.
# Terms are also explained in the [glossary](00-start-here.ipynb#Glossary).*
#
# **Afterwards you can** find people again in a table without names,
# coarsen the table until that fails, name four ways in which it still fails,
# say what each protection costs a model, and measure what a scrubber of free text lets through.

# %%
import time

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
from matplotlib.patches import Rectangle
from sklearn.ensemble import HistGradientBoostingClassifier

from labkit import anonymity, datasets, lab
from labkit.anonymity import keyed_pseudonym, mondrian, new_key, plain_hash
from labkit.anonymity.people import HIERARCHIES, QUASI_IDENTIFIERS, simulated_people
from labkit.anonymity.synthetic import noisy_tables, synthetic_rows
from labkit.attacks import linkage
from labkit.exercises.lab_01 import BY_HAND, check, patients, ward
from labkit.scrub import measure, scrub
from labkit.scrub.foreign import foreign_score
from labkit.scrub.names import ModelMissing, person_names

rng = np.random.default_rng(1)
people = simulated_people()

# %% [markdown]
# These 48,842 people answered a survey of the United States Census Bureau in 1994
# (the data set is called Adult):
# age, sex, race, marital status, education, occupation, employer, hours and income are real.
# **Name, birth date, post code and diagnosis are simulated**,
# because real registers and patient files name real people.
# The diagnoses follow age and sex by an invented table.
#
# ## What goes wrong
#
# A hospital has treated 5,000 of them and gives its file to researchers.
# Of course it first removes the names.

# %%
order = rng.permutation(len(people))
hospital = people.iloc[order[:5000]]
published = hospital.drop(columns="name")
register = people[["name", "birth_date", "sex", "post_code"]]  # such as a list of voters
medical = published[["birth_date", "sex", "post_code", "diagnosis"]]
print(medical.head(3).to_string(index=False))

# %% [markdown]
# The **register** is public, lists all 48,842, and has names but nothing medical.

# %%
lab.predict("How many percent of the hospital's rows fit exactly one person in the register?",
            low=0, high=100)

# %%
pairs = linkage.link(published, register, on=["birth_date", "sex", "post_code"])
names = register.loc[pairs.register_row, "name"].to_numpy()
right = names == hospital.loc[pairs.release_row, "name"].to_numpy()
joined = len(pairs) / len(published)
print(names[0], "has:", published.loc[pairs.release_row[0], "diagnosis"])

# %%
lab.truth(round(100 * joined), "%")
lab.claim(f"removing the names left {joined:.0%} of the rows with one possible owner, the right one",
          joined > 0.9 and right.all(), share=joined)

# %% [markdown]
# Nothing was broken into.
# Two tables, each harmless, were joined.
# A column that an outsider can also know is called a **quasi-identifier**:
# alone it identifies hardly anybody, together they do.
#
# *Start with nothing, and add one column after another.
# Which one makes the crowd vanish?*

# %% tags=["hide-input"] jupyter={"source_hidden": true}
# Draws: how many people are the only one of their kind?
coded = people.apply(lambda column: pd.factorize(column)[0])  # numbers are quicker than words
CROWDS = [(1, "alone", lab.ATTACKER), (4, "2 to 4 alike", "#EDB596"),
          (19, "5 to 19 alike", "#D4D4D4"), (10**6, "20 or more", lab.PLAIN)]


def alone(fig, birth, sex, post_code, marital_status):
    """How many people are the only one of their kind?"""
    ticked = {"sex": sex, "post_code": post_code, "marital_status": marital_status}
    columns = [birth] * bool(birth) + [name for name, on in ticked.items() if on]
    everybody = np.full(len(coded), len(coded))
    sizes = anonymity.class_sizes(coded, columns) if columns else everybody
    group = np.searchsorted([most for most, *_ in CROWDS], np.sort(sizes)[61::122])
    colours = [CROWDS[each][2] for each in group]
    ax, place = fig.subplots(), np.arange(len(group))
    ax.scatter(place // 10, -(place % 10), c=colours, s=95, marker="s")
    for number, (_, name, colour) in enumerate(CROWDS):
        ax.scatter(10 * number, 1.7, c=colour, s=95, marker="s")
        ax.text(10 * number + 0.8, 1.7, f"{name}: {np.mean(group == number):.0%}", va="center")
    ax.set(xlim=(-0.8, 40), ylim=(-9.8, 2.4))
    ax.axis("off")
    fig.subplots_adjust(left=0.01, right=0.99, bottom=0.01, top=0.99)
    told = " + ".join(name.replace("_", " ") for name in columns) or "nothing"
    return (f"Who knows {told} can single out {np.mean(sizes == 1):.1%} of the 48,842 people. "
            "Each square stands for 122 of them.")

# %%
BIRTH = {"unknown": None, "age in years": "age", "full date": "birth_date"}
lab.explore(alone, birth=BIRTH, sex=True, post_code=True, marital_status=False,
            start={"birth": "age"})

# %% [markdown]
# **Question.** Age, sex and post code make hardly anybody unique by themselves.
# Why do they in company?
#
# <details><summary>Answer</summary>
# Each column divides every group that the others have made.
# The number of possible combinations is the <em>product</em> of the numbers of values;
# once that passes the number of people, most groups hold one.
# </details>
#
# Now be a neighbour.
# You know somebody's age, sex and post code, and that they were in that hospital.

# %%
def fits(table, **known):
    """Which rows of a release may be this person: a bool per row."""
    possible = np.ones(len(table), dtype=bool)
    for name, value in known.items():
        place, _ = HIERARCHIES[name].span(str(value))
        ends = {label: HIERARCHIES[name].span(label) for label in table[name].unique()}
        possible &= table[name].map({label: a <= place <= b for label, (a, b) in ends.items()})
    return possible


def show_rows(ax, rows, columns, shade=None):
    """A small table. columns: (name, width); shade(name, value): a cell's colour."""
    edges = np.cumsum([0, *(width for _, width in columns)])
    for x, (name, width) in zip(edges, columns):
        ax.text(x + 0.1, 0.5, name.replace("_", " "), weight="bold", va="center", size=9)
        for y, value in enumerate(rows[name]):
            if shade:
                colour = shade(name, value)
                ax.add_patch(Rectangle((x, -y - 0.96), width - 0.1, 0.92, fc=colour))
            room, text = int(4.3 * width), str(value)
            text = text if len(text) <= room else text[:room - 1] + "…"
            ax.text(x + 0.1, -y - 0.5, text, va="center", size=9)
    ax.set(xlim=(0, edges[-1]), ylim=(-max(len(rows), 8), 1))
    ax.axis("off")

# %% tags=["hide-input"] jupyter={"source_hidden": true}
# Draws: what does the file say about your neighbour?
files = {"without names": published.astype({"age": str})}


def neighbour(fig, age, sex, post_code, file="without names"):
    """What does the file say about your neighbour?"""
    rows = files[file][fits(files[file], age=age, sex=sex, post_code=post_code)]
    ax, bars = fig.subplots(1, 2, width_ratios=[3, 2])
    widths = [("age", 2.6), ("sex", 1.8), ("post_code", 4.6), ("diagnosis", 4.8)]
    tint = "#F6D5C2" if len(rows) == 1 else "#EEEEEE"
    show_rows(ax, rows.head(8), widths, shade=lambda name, value: tint)
    share = rows.diagnosis.value_counts(normalize=True).head(7)
    colour = lab.ATTACKER if len(share) == 1 else lab.PLAIN
    bars.barh(-np.arange(len(share)), share, color=colour)
    bars.set(xlim=(0, 1), ylim=(-6.6, 0.6), title="diagnoses that fit")
    bars.set(yticks=-np.arange(len(share)), yticklabels=share.index)
    lab.plots.percent(bars, "x")
    fig.subplots_adjust(left=0.02, right=0.96, bottom=0.1, top=0.88, wspace=0.62)
    if len(rows) == 1:
        return f"One row fits, so your neighbour has: {rows.diagnosis.iloc[0]}."
    if not len(rows):
        return "No row fits: nobody like that was there."
    return f"{len(rows)} rows fit, with {rows.diagnosis.nunique()} different diagnoses."

# %%
CODES = sorted(people.post_code.unique())
somebody = published[~published.duplicated(["age", "sex", "post_code"], keep=False)].iloc[0]
start = {"age": int(somebody.age), "sex": somebody.sex, "post_code": somebody.post_code}
lab.explore(neighbour, age=range(17, 91), sex=["Female", "Male"], post_code=CODES, start=start)

# %% [markdown]
# **Question.** Move the age by a year or two.
# Sometimes no row fits.
# Is that harmless?
#
# <details><summary>Answer</summary>
# Not always.
# It says that nobody like that was in the hospital.
# <em>Absence</em> can be a secret, too,
# and a person who is known to have been there is then known not to be of that age.
# </details>
#
# ## The idea
#
# Publish less exact values, until every row has company.
# A table is **k-anonymous** if each combination of quasi-identifiers
# that occurs in it occurs in at least $k$ rows; rows that share one form a **class**.
# Whoever joins it with a register then finds at least $k$ rows for a patient,
# and without knowing more picks the right one with a chance of at most
#
# $$P(\text{right row}) \;\le\; \frac{1}{k} .$$
#
# Here are six patients, made 3-anonymous.
# A colour is a class.

# %% tags=["hide-input"] jupyter={"source_hidden": true}
# Draws: six patients of the hospital, as published at three depths.
six = hospital.iloc[[3, 8, 11, 21, 30, 40]]
three = {name: HIERARCHIES[name] for name in ("age", "sex", "post_code")}
after = mondrian(six, three, k=3)
fig, axes = lab.plots.figure(8.2, 2.2, ncols=2, width_ratios=[1, 1.3])
tints = np.array(["#CFE6F5", "#E4E4E4"])[after.classes]
for ax, table, wide in [(axes[0], six, 3.2), (axes[1], after.table, 6.0)]:
    for y, colour in enumerate(tints):
        ax.add_patch(Rectangle((0, -y - 0.97), 20, 0.94, fc=colour))
    show_rows(ax, table, [("age", 2.8), ("sex", 2.2), ("post_code", wide), ("diagnosis", 5)])
    ax.set(ylim=(-6.1, 1))
plt.show()

# %% [markdown]
# The cells were **generalised**: an age became a range, a post code lost digits
# (`2****` is everything that begins with 2), and `*` is a value that is not told at all.
# Dropping whole rows is called **suppression**.
# What stays exact, here the diagnosis, is the **sensitive** column.
#
# ## Build it
#
# Which values to coarsen, and how much?
# **Mondrian** treats people as points and cuts the crowd in two at the median of the widest column,
# then each half again, as long as both sides keep $k$ people.
# It is seven lines:

# %%
def boxes(points, k):
    widths = np.ptp(points, axis=0) / [73, 15]  # as shares of the columns' whole ranges
    for column in np.argsort(-widths):
        left = points[:, column] <= np.median(points[:, column])
        if left.sum() >= k and (~left).sum() >= k:
            return boxes(points[left], k) + boxes(points[~left], k)
    return [points]


points = hospital[["age", "education_num"]].to_numpy()[:400]
lab.claim("every box holds at least k people",
          min(len(each) for each in boxes(points, 10)) >= 10)

# %% [markdown]
# *Drag k.
# Where are the small boxes: where many people are, or where few are?*

# %% tags=["hide-input"] jupyter={"source_hidden": true}
# Draws: how fine may the boxes be?
spread = points + np.random.default_rng(0).uniform(-0.3, 0.3, points.shape)


def cuts(fig, k):
    """How fine may the boxes be?"""
    ax = fig.subplots()
    ax.scatter(*spread.T, s=7, color=lab.PLAIN)
    made = boxes(points, k)
    for each in made:
        low, high = each.min(axis=0) - 0.45, each.max(axis=0) + 0.45
        ax.add_patch(Rectangle(low, *(high - low), fc=lab.PRIVATE, alpha=0.12))
        ax.add_patch(Rectangle(low, *(high - low), fill=False, ec=lab.PRIVATE, lw=1.2))
    ax.set(xlabel="age", ylabel="education (1 to 16)", xlim=(15, 91), ylim=(0, 17))
    fig.subplots_adjust(left=0.07, right=0.99, bottom=0.15, top=0.97)
    sizes = [len(each) for each in made]
    years = np.average([np.ptp(each[:, 0]) for each in made], weights=sizes)
    return (f"At k = {k} the 400 people fall into {len(made)} boxes, and an average person's "
            f"published age spans {years:.0f} years.")


lab.explore(cuts, k=range(2, 101), start={"k": 10})

# %% [markdown]
# **Question.** The oldest people get wide boxes.
# What does that mean for them, and for a study of the old?
#
# <details><summary>Answer</summary>
# Rare people are the hard ones to hide: to keep them in, the release says little about them.
# A model learns least about exactly those groups.
# With suppression in place of wide boxes they are missing altogether.
# </details>
#
# And the names?
# The researchers want to know which rows belong to one patient.
# So the hospital replaces each name by its SHA-256 **hash**, a number that cannot be computed backwards.
# It can be computed forwards, by anybody who has a list of names:

# %%
hashed = [plain_hash(name) for name in hospital.name]
back = linkage.dictionary_attack(hashed, register.name, plain_hash)
print(hashed[0], "is", back[hashed[0]])
lab.claim("hashing a list of all names turns every plain hash back",
          len(back) == len(hospital))

# %% [markdown]
# The register is the dictionary: hash everybody in it and compare.
# A **keyed** hash (HMAC) ends that, as long as the key stays in the hospital.
# Another *purpose* gives other pseudonyms, so that two releases cannot be joined by them.

# %%
key = new_key()
keyed = [keyed_pseudonym(name, key, purpose="study 7") for name in hospital.name]
found = linkage.dictionary_attack(keyed, register.name, plain_hash)
lab.claim("without the key the same attack finds nobody", len(found) == 0)

# %% [markdown]
# A pseudonym hides one column only.
# Birth date, sex and post code beside it *together* still find nearly everybody.

# %%
lab.predict("How many percent of the rows does the birth date find alone?", low=0, high=100)

# %%
alone_share = len(linkage.link(published, register, on=["birth_date"])) / len(published)
lab.truth(round(100 * alone_share), "%")
lab.claim(f"by the birth date alone {alone_share:.0%} are found, with the others {joined:.0%}",
          0.05 < alone_share < 0.2 and joined > 0.9, alone=round(alone_share, 3))

# %% [markdown]
# The crowd does not vanish by one column, but by the company that it keeps.
#
# ## Use the real thing
#
# `labkit.anonymity.mondrian` does what `boxes` does for any number of columns,
# and cuts categories along a **hierarchy**:

# %%
for name in ("age", "post_code", "marital_status"):
    hierarchy, value = HIERARCHIES[name], people[name].iloc[:1].to_numpy()
    steps = [hierarchy.at_level(value, level)[0] for level in range(hierarchy.levels + 1)]
    print(f"{name:15}", "  →  ".join(steps))

# %%
began = time.process_time()
everybody = mondrian(people.drop(columns=["name", "birth_date"]), HIERARCHIES, k=10)
lab.measured(f"48,842 rows, 6 quasi-identifiers: {time.process_time() - began:.1f} s")
quasi = list(QUASI_IDENTIFIERS)
smallest = anonymity.k_anonymity(everybody.table, quasi)
lab.claim("the whole of Adult comes out 10-anonymous", smallest >= 10,
          smallest_class=smallest, classes=int(everybody.classes.max()) + 1)

# %%
print(everybody.published(rng)[[*quasi, "diagnosis"]].head(4).to_string(index=False))

# %% [markdown]
# Two more conditions speak of the sensitive column. **l-diversity:**
# each class holds at least $l$ different sensitive values. **t-closeness:**
# in each class they are distributed almost as in the whole table,
# at most a distance $t$ away (from 0, the same, to 1).

# %%
private = hospital.drop(columns=["name", "birth_date"])
WAYS = {"k = 10": {}, "k = 10, l = 2": {"l": 2}, "k = 10, t = 0.2": {"t": 0.2}}
releases = {name: mondrian(private, HIERARCHIES, k=10, sensitive="income", **asked).table
            for name, asked in WAYS.items()}
print("                      k   l     t  loss")
for name, table in releases.items():
    k = anonymity.k_anonymity(table, quasi)
    l = anonymity.l_diversity(table, quasi, "income")
    t = anonymity.t_closeness(table, quasi, "income")
    loss = anonymity.certainty_penalty(table, HIERARCHIES)
    print(f"{name:17} {k:5} {l:3}  {t:.2f}  {loss:.2f}")
lab.claim("k = 10 by itself allows a class in which everybody has the same income",
          anonymity.l_diversity(releases["k = 10"], quasi, "income") == 1)

# %% [markdown]
# *Loss* is the share of its domain that a published cell leaves open, on average.
# Remember the $l = 1$ in the first row.
#
# To *check* a release there is **pycanon**;
# to *make* one in earnest **ARX**, a Java program that searches for the best generalisation, or **anjana**.
# The newest pycanon and anjana pin older versions of numpy and pandas,
# and cannot be installed together: give each an environment of its own.
# What to know before you trust a number (pycanon 1.0 and 1.3, anjana 1.2.3):
#
# - pycanon's l and t go by row numbers.
#   On rows that were shuffled or filtered they are silently wrong: `reset_index(drop=True)` first.
# - pycanon leaves a row with a gap in a quasi-identifier out of every class: fill gaps first.
# - Its *entropy l-diversity* is one short for some classes of equally frequent values,
#   its *recursive (c, l)* compares with the rarest value in place of the commonest,
#   and its *delta-disclosure* leaves out the values that a class does not have at all.
# - A release that anjana made by suppressing rows carries a column `index` with the input's row numbers,
#   by which every row can be traced back: drop it.
#
# ```python
# from pycanon import anonymity as pycanon           # pip install pycanon
# release = release.reset_index(drop=True)           # or l and t may be wrong
# pycanon.k_anonymity(release, quasi), pycanon.t_closeness(release, quasi, ["income"])
# ```
#
# The first is quickly shown: pycanon's t of the same rows in two orders.

# %%
try:
    from pycanon import anonymity as pycanon
    release = releases["k = 10"].reset_index(drop=True)  # pycanon wants rows numbered from 0
    ours = anonymity.t_closeness(release, quasi, "income")
    theirs = pycanon.t_closeness(release, quasi, ["income"])
    lab.measured(f"t of the first release: {ours:.6f}; pycanon says {theirs:.6f}")
    theirs = pycanon.t_closeness(release.sample(frac=1, random_state=1), quasi, ["income"])
    lab.measured(f"the same rows in another order: pycanon says {theirs:.6f}")
except ImportError:
    lab.measured("pycanon is not installed here; labkit's tests compare k, l and t with it")

# %% [markdown]
# **Free text** holds people, too.
# `scrub` masks personal data by patterns, each with its check where there is one:
# a card number must satisfy Luhn's sum, an IBAN its two check digits, a date must exist.

# %%
note = ("Card 4111 1111 1111 1111 (not 4111 1111 1111 1112) was used from 192.0.2.7 on\n"
        "3 May 2002. Write to elizabeth@longbourn.example. Regards, Elizabeth Bennet")
print(scrub(note).text)

# %% [markdown]
# The second number fails Luhn's sum, so it is no card.
# The *name* got through: no pattern tells a name from another word.
# A trained **named-entity model** does, more or less.
# It is optional (`pip install "labkit[names]"`).

# %%
try:
    name_model = person_names()
    lab.measured(scrub(note, names=name_model).text.splitlines()[-1])
except ModelMissing as missing:
    name_model = None
    lab.measured(str(missing))

# %% [markdown]
# ## What it costs
#
# A researcher wants to predict from the six quasi-identifiers who earns over 50,000 dollars.
# One kind of model (gradient boosting) learns from the raw file, from releases with growing $k$,
# and for comparison from a **differentially private** release of the same file:
# noisy counts of each column by income, and made-up rows that follow these counts.
# All are tested on 20,000 other people's raw rows.

# %%
def features(table):
    return np.hstack([HIERARCHIES[name].encode(table[name]) for name in quasi])


def is_rich(table):
    return (table.income == ">50K").to_numpy()


test = people.iloc[order[20_000:40_000]]
test_X, test_rich = features(test), is_rich(test)
majority = 1 - test_rich.mean()


def accuracy(X, rich):
    model = HistGradientBoostingClassifier(max_iter=25, learning_rate=0.2, max_leaf_nodes=8)
    return model.fit(X, rich).score(test_X, test_rich)

# %% [markdown]
# There is a second hospital.
# It has 5,000 patients, of whom 500 were in the first one too.
# They matter later; here it doubles the measurement.

# %%
second = people.iloc[order[4500:9500]].drop(columns=["name", "birth_date"])
both = [private, second]
plain = np.mean([accuracy(features(file), is_rich(file)) for file in both])
STEPS = [2**doublings for doublings in range(1, 11)]
anonymous = {k: [mondrian(file, HIERARCHIES, k=k).table for file in both] for k in STEPS}
runs_k = {k: [accuracy(features(table), is_rich(table)) for table in anonymous[k]]
          for k in lab.progress(STEPS, "training on releases")}
by_k = {k: np.mean(runs) for k, runs in runs_k.items()}

# %% [markdown]
# For the private release the ages are first put into bands of five years,
# a rule that does not look at the data.
# A person is in one cell of each of the six tables "column by income",
# so **adding or removing one person** changes six counts by one.
# The noise covers that change: $\varepsilon$-differential privacy with $\delta = 0$,
# the six tables together (lab 03 explains it; smaller is more private).
# How many people are in the file is private, too, when one more or less must not be told:
# so the number of made-up rows is chosen beforehand, and is not the file's.

# %%
SIZES = [15, *(HIERARCHIES[name].size for name in quasi[1:])]
PUBLISHED = 4000  # made-up rows: a round number that says nothing about how many patients there were


def made_up(file, epsilon, rng):
    columns = [HIERARCHIES[name].positions(file[name].to_numpy()) for name in quasi]
    columns[0] //= 5
    places, income = np.column_stack(columns), is_rich(file).astype(int)
    counts = noisy_tables(places, income, SIZES, 2, epsilon=epsilon, rng=rng)
    rows, rich = synthetic_rows(counts, PUBLISHED, rng)
    rows[:, 0] = np.minimum(5 * rows[:, 0] + 2, 73)  # the middle of the band
    labels = {name: [HIERARCHIES[name].label(each, each) for each in column]
              for name, column in zip(quasi, rows.T)}
    return pd.DataFrame(labels).assign(income=np.where(rich == 1, ">50K", "<=50K"))


EPSILONS = [0.03, 0.1, 0.3, 1, 3, 10]
noise = np.random.default_rng(7)
runs_epsilon = {}
for epsilon in lab.progress(EPSILONS, "private releases"):
    tables = [made_up(file, epsilon, noise) for file in both * 3]
    runs_epsilon[epsilon] = [accuracy(features(table), is_rich(table)) for table in tables]
by_epsilon = {epsilon: np.mean(runs) for epsilon, runs in runs_epsilon.items()}

# %% tags=["hide-input"] jupyter={"source_hidden": true}
# Draws: k-anonymity; differential privacy, δ = 0.
fig, axes = lab.plots.figure(8.2, 3.2, ncols=2, sharey=True)
for ax, mean, runs in [(axes[0], by_k, runs_k), (axes[1], by_epsilon, runs_epsilon)]:
    for level, each in runs.items():
        ax.plot([level] * len(each), each, ".", color=lab.PRIVATE, alpha=0.35, ms=5)
    ax.plot(*zip(*mean.items()), "o-", color=lab.PRIVATE, label="release (mean of dots)")
    ax.axhline(plain, color=lab.PLAIN, label="raw file")
    lab.plots.baseline(ax, majority, "always the same answer")
    lab.plots.percent(ax)
    ax.set(yticks=np.arange(0.6, 0.84, 0.04))
axes[0].set(xscale="log", title="k-anonymity", ylabel="right about other people")
axes[0].set(xlabel="better hidden  ⟵  k  ⟶  more exact")
axes[0].set_xticks(STEPS[::3], STEPS[::3])
axes[0].minorticks_off()
axes[0].invert_xaxis()
axes[1].set(title="differential privacy, δ = 0")
lab.plots.privacy_axis(axes[1])
axes[1].legend(loc="lower right")
plt.show()

# %%
lab.claim("at k = 8 the model is as good as from the raw file, within a point",
          abs(by_k[8] - plain) < 0.01)
lab.claim("at k = 1024 it is no better than always giving the same answer",
          by_k[1024] < majority + 0.01)
lab.claim("at epsilon 1 it beats that answer by two points, and loses one to the raw file",
          majority + 0.02 < by_epsilon[1] < plain - 0.01)

# %% [markdown]
# On this picture k-anonymity is the better bargain: nearly free up to eight people in a class.
# Whether both sell the same thing is the question of the section after next.
#
# The price of a scrubber is **what it misses** and what it takes along.
# Values that we made up ourselves would tell nothing: whoever wrote the patterns writes what they find.
# So the values come from others: the **Faker** library makes up people of ten countries,
# and Unicode's **CLDR** says how dates are written there.
# They stand between sentences of Faker's.

# %%
lab.predict("Which kind gets through most often?",
            choices=["e-mail", "phone", "date", "post code", "IBAN", "card", "IP address"])

# %%
COUNTRIES = ["US", "GB", "AU", "DE", "FR", "IT", "ES", "NL", "PL", "CA"]
scored = {each: foreign_score(each, 25, seed=1) for each in lab.progress(COUNTRIES, "countries")}
recall = pd.DataFrame({each: table.recall for each, table in scored.items()})
print((100 * recall).round(0).astype(int).to_string())

# %%
told = {each: foreign_score(each, 25, seed=1, known=True).recall["post code"] for each in COUNTRIES}
lab.truth(recall.mean(axis=1).idxmin())

# %%
lab.claim("at least 95 % of the phones and 99 % of the dates are masked whole, over all ten countries",
          recall.loc["phone"].mean() >= 0.95 and recall.loc["date"].mean() >= 0.99,
          phones=round(float(recall.loc["phone"].mean()), 3))
lab.claim("post codes that are plain numbers get through, unless the scrubber is told the country",
          recall.loc["post code", "DE"] < 0.2 and min(told.values()) > 0.9)

# %% [markdown]
# *Recall* is the share of values that was masked whole.
# Five digits may be a post code in Germany and anything elsewhere: `scrub(text, country="DE")` takes them.
# The other side is *precision*: of what was taken for a kind, the share that was of that kind.
# Beside the values stand bar codes, ISBN, prices, coordinates and numbers of 15 digits, which are nobody's.

# %%
precision = pd.DataFrame({each: table.precision for each, table in scored.items()}).mean(axis=1)
print((100 * precision).round(0).astype(int).to_string())
lab.claim("hardly any of the harmless numbers was taken for a card, an account or a phone",
          precision[["card", "IBAN"]].min() > 0.97 and precision["phone"] > 0.9)

# %% [markdown]
# A pattern sees characters, and a reader sees shapes.
# Word processors put spaces that do not break, and typographic hyphens.
# Three values written like that, and three that no pattern knows:

# %%
SEEN = "020\u00a07946\u00a00958 | 212\u2011555\u20110100 | 4111\u20091111\u20091111\u20091111"
UNSEEN = "twelve Acacia Avenue | zero two zero, seven nine four six | passport A14620168"
print(scrub(SEEN).text, scrub(UNSEEN).text, sep="\n")
lab.claim("no-break spaces and typographic hyphens hide nothing; streets, words, passports get through",
          scrub(SEEN).text == "‹phone› | ‹phone› | ‹card›" and scrub(UNSEEN).text == UNSEEN)

# %% [markdown]
# And names, where the model is installed:

# %%
mails = datasets.spam().table.query("label == 'ham'").body
if name_model:
    novels = measure.labelled_mails(mails, 40, rng=np.random.default_rng(1), names=True)
    row = measure.score(novels, names=name_model).loc["name"]
    told = f"{row.masked:.0f} of {row.inserts:.0f} masked"
    lab.measured(f"names of characters from novels: {told}")
else:
    lab.measured("names: not measured, because the model is not installed")

# %% [markdown]
# ## Tune it
#
# Two more hospitals publish.
# 500 people were in all four.
# Each file has the same $k$, and leaves exact what no outsider knows:
# occupation, employer, hours, income, diagnosis.
# An attacker knows a person's six quasi-identifiers, and collects the files.

# %%
shared = people.iloc[order[4500:5000]]
more = [np.append(order[4500:5000], order[start:start + 4500]) for start in (9500, 14_000)]
four = both + [people.iloc[each].drop(columns=["name", "birth_date"]) for each in more]
EXACT = ["occupation", "workclass", "hours_per_week", "income", "diagnosis"]


def rest(table):
    return table[EXACT].astype(str).agg(" | ".join, axis=1)


truth, rests = rest(shared), [rest(file) for file in four]

# %%
given = {}  # the share of the shared patients that one, two, three, four files give away
for k in lab.progress(STEPS, "attacking"):
    released = anonymous[k] + [mondrian(file, HIERARCHIES, k=k).table for file in four[2:]]
    possible, given[k] = None, []
    for table, known in zip(released, rests):
        seen = linkage.possible_values(table.assign(rest=known), HIERARCHIES, shared, "rest")
        possible = seen if possible is None else linkage.intersect(possible, seen)
        given[k].append(linkage.success(linkage.read_off(possible), truth))

# %% [markdown]
# *Drag k until the attacker has nothing.
# Then add a file.*

# %%
rows = shared.index[[1, 4, 9, 16, 25, 36, 49, 64]]
CELLS = [("age", 2.4), ("sex", 1.9), ("post_code", 5.6), ("marital_status", 6.5)]


def hidden(name, label):
    share = float(HIERARCHIES[name].penalty(*HIERARCHIES[name].span(label)))
    return (0, 0.447, 0.698, 0.6 * share**0.5)  # the deeper the blue, the less it says

# %% tags=["hide-input"] jupyter={"source_hidden": true}
# Draws: what is left for the researcher, and what for the attacker?
def coarsen(fig, doublings, files):
    """What is left for the researcher, and what for the attacker?"""
    k = 2**doublings
    ax, curve = fig.subplots(1, 2, width_ratios=[5, 3])
    show_rows(ax, anonymous[k][0].loc[rows], CELLS, hidden)
    curve.plot(STEPS, by_k.values(), color=lab.PRIVATE, label="model is right")
    lab.plots.baseline(curve, majority, "always the same answer")
    curve.plot(STEPS, [given[each][files - 1] for each in STEPS], color=lab.ATTACKER,
               label=f"given away by {files} file" + "s" * (files > 1))
    curve.axvline(k, color="#AAAAAA", lw=5, alpha=0.4)
    curve.set(xscale="log", ylim=(-0.03, 1.03), xlabel="k")
    curve.set_xticks(STEPS[::3], STEPS[::3])
    curve.minorticks_off()
    lab.plots.percent(curve)
    curve.legend(fontsize=8, loc=(0.36, 0.4))
    fig.subplots_adjust(left=0.005, right=0.99, bottom=0.14, top=0.97, wspace=0.14)
    return (f"At k = {k} the model is right {by_k[k]:.0%} of the time (always one answer: "
            f"{majority:.0%}). From {files} of the files the attacker reads the whole row of "
            f"{given[k][files - 1]:.0%} of the shared patients.")

# %% tags=["hide-input"] jupyter={"source_hidden": true}
# Draws: the picture above, under its controls.
lab.explore(coarsen, size=(9.6, 3.4), doublings=range(1, 11), files=range(1, 5),
            start={"doublings": 3, "files": 2},
            labels={"doublings": "doublings of k (3 is k = 8)"})

# %% [markdown]
# **Question.** Each file is k-anonymous.
# Why do two together say more?
# And is there a $k$ that is safe?
#
# <details><summary>Answer</summary>
# Your class in the one file holds you and k - 1 others,
# your class in the other file you and k - 1 <em>other</em> others.
# The row that all have is yours.
# A larger k needs more files, and nobody knows which will be published later:
# k-anonymity promises nothing about a second table.
# </details>
#
# ## The attack again
#
# The first attack has lost its hold.
# In the 10-anonymous file the neighbour finds a crowd:

# %%
fitting = linkage.possible_values(releases["k = 10"], HIERARCHIES, hospital, "diagnosis")
fewest = int(fitting.sum(axis=1).min())
lab.claim("nobody has fewer than ten fitting rows, where nine in ten had one", fewest >= 10,
          fewest=fewest)

# %%
files |= {"k = 10": releases["k = 10"], "k = 128": anonymous[128][0]}
lab.explore(neighbour, age=range(17, 91), sex=["Female", "Male"], post_code=CODES,
            file=list(files), start=start | {"file": "k = 10"})

# %% [markdown]
# **Question.** Go back and forth between the files.
# Does a crowd of rows always hide the diagnosis?
#
# <details><summary>Answer</summary>
# It hides which <em>row</em> is yours.
# If most rows of the crowd say the same, you need not know which row it is.
# </details>
#
# That is the **homogeneity attack**: where a whole class agrees, the answer is read off.
# An attacker who knows the six quasi-identifiers of a patient tries it on a real column, income.

# %%
def read_income(release):
    counts = linkage.possible_values(release, HIERARCHIES, hospital, "income")
    return linkage.success(linkage.read_off(counts), hospital.income)


agreed = {name: read_income(release) for name, release in releases.items()}
lab.claim("k = 10 gives away the incomes of a quarter of the patients, with certainty",
          agreed["k = 10"] > 0.25, share=agreed["k = 10"])
lab.claim("with l = 2 it gives away none", agreed["k = 10, l = 2"] == 0)

# %% [markdown]
# **Background knowledge** does the same to classes that nearly agree.
# Your neighbour knows three things that you do *not* have:

# %%
NOT = ["injury", "asthma", "depression"]
healthy = hospital[~hospital.diagnosis.isin(NOT)]


def read_diagnosis(release):
    counts = linkage.possible_values(release, HIERARCHIES, healthy, "diagnosis")
    return linkage.success(linkage.read_off(linkage.rule_out(counts, NOT)), healthy.diagnosis)


known = read_diagnosis(anonymous[4][0])
diverse = mondrian(private, HIERARCHIES, k=4, sensitive="diagnosis", l=5).table
withstood = read_diagnosis(diverse)
lab.claim("in the 4-anonymous file three such facts leave one diagnosis for a few patients",
          0.005 < known < 0.2, share=known)
lab.claim("with l = 5 three facts leave two diagnoses or more: nobody is read", withstood == 0)

# %% [markdown]
# **Several releases** get round any condition on one of them.
# The control is the same file twice, which must not help:

# %%
table = anonymous[8][0].assign(rest=rests[0])
seen = linkage.possible_values(table, HIERARCHIES, shared, "rest")
again = linkage.success(linkage.read_off(linkage.intersect(seen, seen)), truth)
lab.claim("two 8-anonymous files give away a third of the shared patients, one hardly any",
          given[8][1] > 0.33 and given[8][0] < 0.01 and again == given[8][0],
          two_files=given[8][1], one_file=given[8][0])
lab.claim("at k = 32 two files give away few, and four give away one in eight or more",
          given[32][1] < 0.06 and given[32][3] > 1 / 8, two=given[32][1], four=given[32][3])

# %% [markdown]
# **Down-coding** undoes the generalisation itself.
# Mondrian never says more vaguely than it must,
# so a class "23 to 41" *must* hold somebody of 23 and somebody of 41.

# %%
lab.predict("How many percent of such conclusions are right?", low=0, high=100)

# %%
release = anonymous[8][0]
said = linkage.down_code(release, HIERARCHIES)
correct = linkage.confirmed(said, release, private, HIERARCHIES)
touched = 2 * said["class"].nunique() / len(release)

# %%
lab.truth(round(100 * correct.mean()), "%")
lab.claim(f"{correct.mean():.0%} of the conclusions are right, and {touched:.0%} of the patients get a "
          "narrower value back",
          correct.all() and touched > 1 / 6, conclusions=len(said), patients=touched)

# %% [markdown]
# Bands that were fixed before anyone looked at the data say nothing of the kind.
# The same conclusions about those:

# %%
LEVELS = {"age": 2, "post_code": 2, "marital_status": 1, "education_num": 2, "race": 1}
bands = anonymity.generalise(private, HIERARCHIES, LEVELS)
fixed = anonymity.suppress_rare(bands, quasi, 8)
ages = linkage.down_code(fixed, HIERARCHIES).query("column == 'age'")
guessed = linkage.confirmed(ages, fixed, private, HIERARCHIES).mean()
lab.claim("about ages in bands of ten, one conclusion in ten or more is wrong", guessed < 0.9,
          right=float(guessed), suppressed=1 - len(fixed) / len(private))

# %% [markdown]
# And the differentially private release?
# It has no rows of patients: nothing to join, read off or intersect.
# What is left is to learn from it and guess.

# %%
lab.predict("Are the guesses better for patients than for people who never were there?",
            choices=["better for patients", "equally good", "better for strangers"])

# %%
table = made_up(private, 1, noise)
guesser = HistGradientBoostingClassifier(max_iter=25, learning_rate=0.2, max_leaf_nodes=8)
guesser.fit(features(table), is_rich(table))
inside = guesser.score(features(private), is_rich(private))
outside = guesser.score(test_X, test_rich)
gap = inside - outside
lab.truth("equally good" if abs(gap) < 0.02 else
          "better for patients" if gap > 0 else "better for strangers")
lab.claim("at epsilon 1 the guesses differ by less than what the choice of patients does anyway",
          abs(gap) < 0.02)

# %% tags=["hide-input"] jupyter={"source_hidden": true}
# Draws: patients given away.
ATTACKS = [("join with the register", joined, "k = 10", 0),
           ("the class agrees", agreed["k = 10"], "l = 2", agreed["k = 10, l = 2"]),
           ("three facts known", known, "l = 5", withstood),
           ("two files", given[8][1], "one file only", given[8][0])]
fig, ax = lab.plots.figure(8.2, 2.4)
for y, (name, works, against, left) in enumerate(ATTACKS):
    ax.barh(-y, works, color=lab.ATTACKER, height=0.55)
    ax.text(works + 0.01, -y, f"{works:.0%}", va="center")
    ax.text(1.16, -y, f"{against}: {left:.0%} left", va="center", color=lab.PRIVATE)
ax.set_yticks([-y for y in range(4)], [name for name, *_ in ATTACKS])
ax.set(title="patients given away", xlim=(0, 1.1), xticks=[0, 0.25, 0.5, 0.75, 1])
ax.text(1.16, 0.72, "stopped by", weight="bold", color=lab.PRIVATE)
lab.plots.percent(ax, "x")
plt.show()

# %% [markdown]
# ## Check yourself
#
# **1.** `ward` is a small release with the columns `age`, `sex` and `diagnosis`.
# Write the function that tells for which $k$ a table is $k$-anonymous.
# (`table.groupby(columns)` is a good start.)

# %%
smallest_class = ...

check("smallest class", smallest_class);

# %% [markdown] tags=["solution"]
# <details><summary>Solution</summary>
#
# The largest $k$ that a table satisfies is the size of its smallest class.
#
# ```python
# def smallest_class(table, columns):
#     return int(table.groupby(columns).size().min())
#
# check("smallest class", smallest_class);
# ```
# </details>

# %% [markdown]
# **2.** In `ward`, your neighbour is in the class "40 to 59", and you happen to know that it is not the flu.
# With what probability is it cancer?

# %%
probability = ...

check("background", probability);

# %% [markdown] tags=["solution"]
# <details><summary>Solution</summary>
#
# The class has six rows, four of them flu.
# Of the two that are left, one says cancer: in a class of six the odds are even.
#
# ```python
# rest_of_class = ward[(ward.age == "40 to 59") & (ward.diagnosis != "flu")]
# probability = (rest_of_class.diagnosis == "cancer").mean()
# check("background", probability);
# ```
# </details>

# %% [markdown]
# **3.** Generalise `patients` by hand: choose a level for each column (0 is exact,
# and each level is one step further, as printed in "Use the real thing"),
# so that after suppression with $k = 5$ at most 5 % of the rows are missing and the loss is at most 0.22.

# %%
levels = ...  # such as {"age": 0, "sex": 0, "post_code": 0, "marital_status": 0}

check("by hand", levels);

# %% [markdown] tags=["solution"]
# <details><summary>Solution</summary>
#
# Post codes of one digit, ages in bands of ten, marital status one step up.
# Mondrian need not treat all rows alike, and loses less:
#
# ```python
# levels = {"age": 2, "sex": 0, "post_code": 2, "marital_status": 1}
# by_mondrian = mondrian(patients, BY_HAND, k=5).table
# print(f"Mondrian's loss: {anonymity.certainty_penalty(by_mondrian, BY_HAND):.2f}")
# check("by hand", levels);
# ```
# </details>

# %% [markdown]
# **4.** Score a scrubber.
# Write a function of two lists of (start, end) places in a text, where personal data stand (`hidden`)
# and what was masked (`masked`), that returns (recall, precision).
# Here a place counts only if it was masked from its start to its end, exactly.

# %%
score_scrubber = ...

check("score a scrubber", score_scrubber);

# %% [markdown] tags=["solution"]
# <details><summary>Solution</summary>
#
# Recall: of what was to be hidden, the share that was.
# Precision: of what was masked, the share that was to be.
#
# ```python
# def score_scrubber(hidden, masked):
#     both = len(set(hidden) & set(masked))
#     return both / len(set(hidden)), both / len(set(masked))
#
# check("score a scrubber", score_scrubber);
# ```
# </details>

# %% [markdown]
# **5.** A clinic replaces patients' numbers, which have nine digits, by their SHA-256.
# An attacker computes a million hashes a second.
# After how many seconds at most is every number known?

# %%
seconds = ...

check("dictionary", seconds);

# %% [markdown] tags=["solution"]
# <details><summary>Solution</summary>
#
# $10^9$ numbers at $10^6$ a second, which is about a quarter of an hour.
# The hash function is as good as they come; the numbers are too few.
#
# ```python
# seconds = 10**9 / 10**6
# check("dictionary", seconds);
# ```
# </details>

# %% [markdown]
# ## What the article says
#
# Article A (*data privacy in deploying large models*)
# names anonymisation and de-identification as techniques that protect users' privacy,
# where data is collected and where a model is used, and says no more about them.
# What the experiments say:

# %%
stopped, read = fewest >= 10, agreed["k = 10"] > 0.25 and given[8][1] > 0.33
lab.claim("removing names left nine in ten patients identifiable; coarser values stopped the "
          "register, but not all of the other attacks", joined > 0.9 and stopped and read,
          article="A3", verdict="holds once repaired", identifiable_without_names=joined)

# %% [markdown]
# It also warns that more privacy costs accuracy.
# Here that is a curve, and its first part is flat:

# %%
cheap, useless = by_k[8] > plain - 0.01, by_k[1024] < majority + 0.01
lab.claim("larger crowds cost accuracy: less than a point at k = 8, all that was won at 1024",
          cheap and useless, article="A5", verdict="holds")

# %% [markdown]
# ## Limits and further reading
#
# - **k, l and t describe one table, and one attacker:** one who knows just the columns that you thought of,
#   has no second release, and does not draw conclusions from how the table was made.
#   Somebody has to guess the quasi-identifiers, and such guesses age badly.
# - **Differential privacy limits what a release adds about one person, whatever else is known.**
#   It does not stop what is true of a whole group:
#   if people like you mostly earn little, a guess about you is good whether or not you are in the file.
#   Every further release adds to epsilon (lab 04).
#   Ours keeps each column's relation to income only; releases that keep more exist.
# - **Pseudonymised data is personal data** (GDPR, article 4(5) and recital 26).
#   Anonymous is what singles out nobody by any means reasonably likely to be used.
# - **Our people are partly simulated.**
#   The shares on this page belong to this page; real areas, registers and diagnoses differ.
#   Who is alone in a sample need not be alone in the country: here the register holds everybody.
# - **The scrubber knows ten kinds,** and recall was measured on values
#   that a program made up, as a program writes them.
#   Street addresses, identity papers, numbers in words and whatever is misspelt get through.
#   "The mayor's second wife" is no pattern, and a masked text still has a style, a time and a place.
#   Measure it on *your* texts.
#
# Sweeney, *Simple demographics often identify people uniquely*, 2000 ·
# Samarati, *Protecting respondents' identities in microdata release*, TKDE 2001 ·
# Sweeney, *k-anonymity: a model for protecting privacy*, IJUFKS 2002 · LeFevre,
# DeWitt, Ramakrishnan, *Mondrian multidimensional k-anonymity*, ICDE 2006 · Machanavajjhala, Kifer, Gehrke,
# Venkitasubramaniam, *l-diversity*, TKDD 2007 · Li, Li, Venkatasubramanian, *t-closeness*, ICDE 2007 ·
# Ganta, Kasiviswanathan, Smith, *Composition attacks and auxiliary information in data privacy*, KDD 2008 ·
# Narayanan, Shmatikov, *Robust de-anonymization of large sparse datasets*, S&P 2008 · Rocher, Hendrickx,
# de Montjoye, *Estimating the success of re-identifications in incomplete datasets using generative models*,
# Nature Communications 2019 · Cohen, *Attacks on deidentification's defenses*, USENIX Security 2022 ·
# Sáinz-Pardo Díaz, López García, *A Python library to check the level of anonymity of a dataset*,
# Scientific Data 2022 · Article 29 Working Party, *Opinion 05/2014 on anonymisation techniques*.
