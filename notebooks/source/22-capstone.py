# ---
# jupyter:
#   kernelspec: {display_name: Python 3, language: python, name: python3}
# ---

# %% [markdown]
# # 22 · Capstone: one data set, five steps, one report
#
# *About 75 minutes, all of it required.
# You need labs 01, 02, 03 and 04.
# Labs 05, 09, 11, 15 and 17 help.
# Terms are also explained in the [glossary](00-start-here.ipynb#Glossary).*
#
# > **Memo.** An advice service for people in debt has four offices and two thousand clients.
# > It *collects* a form from each, *stores* the forms, *trains* a model on them that tells from a form
# > whether somebody earns more than 50,000 dollars a year (it decides which adviser is called),
# > *deploys* that model for partner services, and lets a newspaper *use* its figures.
# > The regulator asks for a report of a few pages: what is protected how, and what is not?
#
# Being a client is a secret already, and so is what a client earns.
#
# **Afterwards you can** follow one data set through five steps,
# say at each who attacks and what stops them,
# say which releases one epsilon must cover, find the step that a privacy statement does not speak of,
# and sign a setting with a report in which every number was measured.

# %%
import tempfile
import time
from functools import lru_cache, partial
from pathlib import Path

import matplotlib.pyplot as plt
import numpy as np
from IPython.display import Markdown
from scipy.special import expit
from sklearn.metrics import roc_auc_score

from labkit import anonymity, dp, lab, security
from labkit.anonymity.people import HIERARCHIES, simulated_people
from labkit.anonymity.recoding import generalise
from labkit.attacks import linkage
from labkit.datasets.encode import encode
from labkit.datasets.people import ADULT_PLAN
from labkit.encrypted.ckks.planning import bytes_text, plan
from labkit.encrypted.learning import ScoringClient, ScoringServer, largest_score
from labkit.exercises.lab_22 import LOOKS_SAFE, ON, check
from labkit.federated import noisy_gradient
from labkit.federated.secure_aggregation import Agreement, FixedPoint, make_identities, secure_sum
from labkit.protection import WeightMark
from labkit.statement import NotStated

# %%
rng = np.random.default_rng(22)
everybody = simulated_people().drop(columns="diagnosis")
order = rng.permutation(len(everybody))
clients, strangers = everybody.iloc[order[:2000]], everybody.iloc[order[2000:8000]]
rich, rich_strangers = ((each.income == ">50K").to_numpy() for each in (clients, strangers))
office = clients.post_code.str[0].to_numpy()  # the first digit is the region
print(f"{len(clients):,} clients in {len(set(office))} offices; {rich.mean():.0%} earn over 50,000 dollars")

# %% [markdown]
# The people are real: they answered a survey of the United States Census Bureau in 1994 (the data set Adult).
# Name, birth date and post code are simulated, as in lab 01, and the service is invented.
# The strangers are others of the same survey.
# They are our **control**: what an attack "finds" about somebody who is *not* in the file,
# it knows from the world and not from the file.
#
# ## What goes wrong
#
# Five attackers, one for each step.
#
# **Collect.** The form asks for everything; before it is filed, the name is torn off.
# A neighbour sees the file and knows six things about each client:
# age, sex, post code, marital status, education, race.
# He looks up who fits, and if all who fit earn the same, he knows it.

# %%
lab.predict("Of how many of a hundred clients does the neighbour know the income?", low=0, high=100)

# %%
def neighbour(filed, targets):
    """The share of the targets whose income the file tells, for certain and rightly, by six things."""
    fitting = linkage.possible_values(filed, HIERARCHIES, targets, "income")
    return linkage.success(linkage.read_off(fitting), targets.income)


filed = {"as it is": clients.drop(columns=["name", "birth_date"])}
seen = {"as it is": neighbour(filed["as it is"], clients)}
control = neighbour(filed["as it is"], strangers)

# %%
lab.truth(round(100 * seen["as it is"]), "of a hundred")
lab.claim("a file without names tells nearly every client's income, and hardly a stranger's",
          seen["as it is"] > 0.9 and control < 0.15, clients=round(seen["as it is"], 2),
          strangers=round(control, 2))

# %% [markdown]
# **Store.** Somebody takes the disk.
# How many of the rows are on it, in plain letters?

# %%
workplace = tempfile.TemporaryDirectory()  # gone when this notebook closes
place = Path(workplace.name)
(place / "plain").mkdir()
lines = clients.drop(columns=["name"]).to_csv(index=True, lineterminator="\n").split("\n")[1:-1]
(place / "plain" / "clients.csv").write_text("\n".join(lines))


def thief(folder):
    """The share of the clients' rows that stand somewhere on this disk."""
    disk = b"".join(each.read_bytes() for each in sorted(folder.rglob("*")) if each.is_file())
    return float(np.mean([line.encode() in disk for line in lines]))


stolen = {"plain": thief(place / "plain")}
lab.claim("whoever takes the disk has every row", stolen["plain"] == 1.0)

# %% [markdown]
# **Train.** The forms stay in the offices (federated learning, lab 07).
# Each day every office sends one sum: the gradient of a logistic regression over its clients.
# Overnight one person becomes a client.
# The server asks for both days' sums at the same weights, and subtracts yesterday's from today's.
# Here is what is left:

# %%
KEPT = ("age", "education_num", "sex", "marital_status", "race")
OTHERS = [each for each in ADULT_PLAN if each.column in ("hours_per_week", "workclass", "occupation")]


def features(table):
    """Numbers from 0 to 1, by public rules; a range counts as its middle. The last one is always 1."""
    parts = [HIERARCHIES[name].encode(table[name].astype(str).to_numpy()) for name in KEPT]
    parts.append(encode(table.replace("missing", None), OTHERS)[0])
    return np.hstack([*parts, np.ones((len(table), 1))])


def summed(X, y, weights):
    """What the offices send on one day: each client's gradient, cut to length 1, added up."""
    errors, lengths = expit(X @ weights) - y, np.linalg.norm(X, axis=1)
    return (errors * np.minimum(1, 1 / np.maximum(np.abs(errors) * lengths, 1e-12))) @ X


X, X_new = {"as it is": features(clients)}, features(strangers)
start = np.zeros(X_new.shape[1])
yesterday = summed(X["as it is"], rich, start)
difference = np.array([yesterday + summed(x[None], [earns], start) - yesterday
                       for x, earns in zip(X_new[:200], rich_strangers[:200])])

# %%
rows, incomes = difference / difference[:, -1:], difference[:, -1] < 0
lab.claim("two days' sums give the newcomer's income and all that the model takes from the form, though no "
          "form ever left its office",
          np.abs(rows - X_new[:200]).max() < 1e-6 and (incomes == rich_strangers[:200]).all(), newcomers=200)

# %% [markdown]
# **Deploy.** A partner sends a form to be scored.
# The form arrives in the clear, so whoever runs the server reads it: there is nothing to attack.
#
# **Use.** The newspaper asks how many clients earn over 50,000 dollars,
# and then how many do *apart from* the woman whom its reporter follows.

# %%
def asked_twice(client):
    everyone = np.ones(len(clients), bool)
    without = everyone.copy()
    without[client] = False
    return rich[everyone].sum() - rich[without].sum()


lab.claim("two exact counts tell the income of any client", all(asked_twice(each) == rich[each]
                                                                for each in range(len(clients))))

# %% [markdown]
# Five attacks, and each got all that it was after.
#
# ## The idea
#
# Each step has its own attacker, and a measure of its own against it.

# %% tags=["hide-input"] jupyter={"source_hidden": true}
# Draws: the five steps, with who attacks and what stops them.
STEPS = {"collect": ("a neighbour", "ranges in place\nof exact values"),
         "store": ("a thief", "vault, rules,\nledger"), "train": ("an insider", "noise on\nsecure sums"),
         "deploy": ("the server", "encrypted forms,\na watermark"),
         "use": ("a reporter", "noisy counts,\none budget")}
fig, ax = lab.plots.figure(8.2, 2.0)
for number, (step, (who, what)) in enumerate(STEPS.items()):
    ax.text(number, 0.62, step, ha="center", va="center", color="white", weight="bold",
            bbox={"boxstyle": "round,pad=0.5", "fc": lab.PLAIN, "ec": "none"})
    ax.text(number, 1.25, who, ha="center", va="center", color=lab.ATTACKER)
    ax.text(number, -0.12, what, ha="center", va="center", color=lab.PRIVATE)
    if number < 4:
        ax.annotate("", (number + 0.62, 0.62), (number + 0.38, 0.62), arrowprops={"arrowstyle": "->"})
ax.set(xlim=(-0.5, 4.5), ylim=(-0.55, 1.5))
ax.axis("off")
plt.show()

# %% [markdown]
# Three of them are locks: they keep something *in*.
# Two steps let something *out* about the clients: the trained model, and the answers.
# A lock cannot help there; only noise can, and what the two let out adds up:
#
# $$ \varepsilon_{\text{all}} \;\le\; \varepsilon_{\text{train}} + \varepsilon_{\text{use}} , \qquad
# \delta_{\text{all}} \;\le\; \delta_{\text{train}} , $$
#
# where $\varepsilon$ and $\delta$ are the promise of differential privacy (labs 03 and 04) for one client,
# added or removed. Training has a delta of 1e-5, the counts have none.
# (How many clients there are counts as public.)
# So there is **one epsilon** for the whole service, and we give half of it to each of the two.
# If one of the two goes without noise, its epsilon is infinite, and so is the sum.
#
# ## Build it
#
# **Collect: ask for less.** Age in bands of twenty years, education in bands of four of its sixteen levels,
# three kinds of marital status, no post code, no race.
# The form itself asks in ranges, the same for everybody, so that no exact age or schooling
# is written down.
# Does that end the neighbour's certainty?

# %%
FORM = {"age": 3, "sex": 0, "post_code": 3, "marital_status": 1, "education_num": 2, "race": 1}
filed["in ranges"] = generalise(filed["as it is"], HIERARCHIES, FORM)
seen["in ranges"] = neighbour(filed["in ranges"], clients)
control = neighbour(filed["in ranges"], strangers)
sizes = anonymity.class_sizes(filed["in ranges"], list(HIERARCHIES))
alone = float(np.mean(sizes == 1))

# %%
lab.claim("with ranges the file tells about a client what it tells about a stranger, or little more",
          seen["in ranges"] < control + 0.1, clients=round(seen["in ranges"], 2), strangers=round(control, 2))
lab.claim("and hardly a client is alone with these answers", alone < 0.03, alone=round(alone, 3))

# %% [markdown]
# The rest is not the file's doing.
# Young people who never married rarely earn over 50,000 dollars, whether or not they ask for advice:

# %%
young = ((strangers.age < 40) & (strangers.marital_status == "Never-married")).to_numpy()
lab.claim("hardly a stranger below forty who never married earns over 50,000 dollars",
          rich_strangers[young].mean() < 0.12, share=round(float(rich_strangers[young].mean()), 2))

# %% [markdown]
# Why not Mondrian (lab 01), which makes every class as large as one likes, and cuts finer where it can?
# Because it *looks at the clients* to choose its ranges.
# One client leaves.
# How many of the others are filed differently?

# %%
lab.predict("25 clients leave, one at a time. How many of the 1,999 other rows change at most?", low=0,
            high=1999)

# %%
def in_boxes(table):
    return anonymity.mondrian(table, HIERARCHIES, k=10).table.drop(columns="income")


whole = in_boxes(filed["as it is"])
moved = []
for gone in range(0, 100, 4):
    fewer = in_boxes(filed["as it is"].drop(index=clients.index[gone]))
    moved.append(int((whole.loc[fewer.index] != fewer).any(axis=1).sum()))
fixed = generalise(filed["as it is"].drop(index=clients.index[0]), HIERARCHIES, FORM)

# %%
lab.truth(max(moved), "rows")
lab.claim("under Mondrian one client's leaving can change what is filed about many others",
          max(moved) >= 3, others=max(moved))
lab.claim("under ranges that were fixed beforehand it changes nobody else's row",
          fixed.equals(filed["in ranges"].drop(index=clients.index[0])))

# %% [markdown]
# How many depends on who leaves: where a median moves, all that lies on both sides of it is cut anew.
# Noise that hides *one* row does not hide that.
# So an epsilon for a model that was trained on Mondrian's table would be false.
# This lab uses fixed ranges.
#
# **Train: cut, add up, add noise.** Forty rounds.
# Each client's gradient has length 1 at most, so one client moves a sum by at most 1;
# Gaussian noise of the right size (lab 05) makes all forty sums together private.

# %%
ROUNDS, RATE, DELTA = 40, 4.0, 1e-5


def noise_for(epsilon):
    """The noise on each of the forty sums; None: no noise. One client added or removed, delta 1e-5."""
    if epsilon is None:
        return 0.0
    return dp.gaussian_sigma(sensitivity=1, epsilon=epsilon, delta=DELTA) * ROUNDS**0.5


def train(X, y, epsilon, rng):
    """All that the server sees: (the noisy sums, and the weights before each of them and after the last)."""
    weights, sums, sigma = [np.zeros(X.shape[1])], [], noise_for(epsilon)
    for _ in range(ROUNDS):
        sums.append(summed(X, y, weights[-1]) + sigma * rng.normal(size=X.shape[1]))
        weights.append(weights[-1] - RATE * sums[-1] / len(clients))
    return np.array(sums), np.array(weights)


def auc(weights):
    """How often a rich stranger scores above a poor one: 0.5 is guessing."""
    return float(roc_auc_score(rich_strangers, X_new @ weights))


X["in ranges"] = features(filed["in ranges"])
plain = auc(train(X["as it is"], rich, None, rng)[1][-1])
ranged = auc(train(X["in ranges"], rich, None, rng)[1][-1])
private = np.mean([auc(train(X["in ranges"], rich, 0.5, rng)[1][-1]) for _ in range(10)])

# %%
lab.claim("with ranges and half of epsilon 1 (delta 1e-5, one client) the model is still of use",
          private > plain - 0.06, ranges_and_noise=round(float(private), 2), guessing=0.5)

# %% [markdown]
# ## Use the real thing
#
# **Store.** The vault, the rules and the ledger of lab 02.

# %%
ledger = security.Ledger(place / "ledger")
vault = security.Vault.create(place / "vault", "wander copper lantern unfold thirsty", log=ledger.append)
vault.put("clients", "\n".join(lines).encode())
rules = [security.Rule("adviser", "read", "clients", "give advice"),
         security.Rule("trainer", "train", "clients", "choose an adviser")]
guard = security.AccessControl(rules, {"adviser-1": ["adviser"], "trainer-1": ["trainer"]}, log=ledger.append,
                               clock=lambda: "Monday")
stolen["vault"] = thief(place / "vault")

# %%
curious = guard.decide("adviser-1", "read", "clients", purpose="curiosity")
sealed = max((place / "vault" / "objects").iterdir(), key=lambda each: each.stat().st_size)
content = bytearray(sealed.read_bytes())
sealed.write_bytes(content[:100] + bytes([content[100] ^ 1]) + content[101:])  # one bit of somebody's row
try:
    vault.get("clients")
    forged = True
except security.IntegrityError:
    forged = False
sealed.write_bytes(content)
whole = vault.get("clients").decode().split("\n") == lines

# %%
lab.claim("the thief finds no row, a flipped bit is refused, and with the passphrase all rows are there",
          stolen["vault"] == 0 and not forged and whole, rows_found=stolen["vault"])
lab.claim("reading for curiosity is refused, and the ledger says who tried",
          not curious and any("curiosity" in each and "adviser-1" in each for each in ledger))

# %% [markdown]
# **Train.** `labkit.federated.noisy_gradient` adds up over the offices,
# each of which brings its share of the noise.
# And the server need not see an office's sum: under secure aggregation (lab 08) it gets four masked vectors,
# from which only the total can be had.
# (The masks alone do not stop the insider of the first section: the total is exact,
# and two days' totals differ by the newcomer.)

# %%
offices = [(X["in ranges"][office == each], rich[office == each]) for each in sorted(set(office))]
together = noisy_gradient(start, offices, max_grad_norm=1.0, noise_multiplier=0.0)
ours = summed(X["in ranges"], rich, start)
parts = np.array([summed(*each, start) for each in offices])
coding = FixedPoint(largest=1000.0, clients=4)
private_keys, public_keys = make_identities(4, rng)
agreement = Agreement(4, 3, len(start), coding.modulus_bits, None, rng.bytes(16))
outcome_of_sum = secure_sum(coding.encode(parts), agreement, identities=(private_keys, public_keys), rng=rng)
total = coding.decode(outcome_of_sum.total)
office_bytes = sum(map(len, outcome_of_sum.sent[0]))

# %%
lab.claim("the library's sum over four offices is ours, and so is the masked one, to its rounding",
          np.abs(together - ours).max() < 1e-9 and np.abs(total - ours).max() <= coding.error)

# %% [markdown]
# **Deploy.** The partner encrypts the form under CKKS (lab 10); the server computes on what it cannot read.
# And the service hides a mark of sixteen bits in its weights (lab 15) before partners may use the model:
# the weights are moved as little as it takes.
# That is done *after* the training and without looking at a client, so it costs no epsilon.

# %%
mark = WeightMark.random(bits=16, inputs=X_new.shape[1], rng=rng)


def marked(weights):
    """The weights, moved until the mark can be read in them."""
    weights, signs = weights.copy(), 2 * mark.bits - 1
    while (missing := (mark.key @ weights) * signs <= 0.05).any():
        weights += 0.005 * (signs * missing) @ mark.key
    return weights


weights = marked(train(X["in ranges"], rich, 0.5, rng)[1][-1])
partner = ScoringClient(plan(depth=1, precision_bits=16, largest=largest_score(weights[:-1], weights[-1])))
server = ScoringServer(weights[:-1], weights[-1], partner.public_bytes())
began = time.process_time()
request = partner.request(X_new[:2000, :-1])
scores = partner.scores(server.answer(request))[:2000]
seconds = time.process_time() - began
lab.measured(f"2,000 forms scored under encryption in {seconds:.1f} s")

# %%
wrong = np.abs(scores - X_new[:2000] @ weights).max()
lab.claim("encrypted scores are the plain ones, and two thousand forms take less than ten seconds",
          wrong < 1e-3 and seconds < 10,
          request_of_2000=bytes_text(len(request)))

# %% [markdown]
# **Use.** A `Budget` (lab 04) answers ten questions, each with geometric noise
# and a tenth of the newspaper's half of epsilon.
# See what happens at the eleventh.

# %%
QUESTIONS = 10
desk = dp.Budget(epsilon=0.5)
ask = partial(desk.ask, dp.geometric, sensitivity=1, epsilon=0.5 / QUESTIONS, rng=rng)
answers = [ask(int(rich[office == each].sum())) for each in "1234123412"]
try:
    ask(int(rich.sum()))
except dp.BudgetExceeded as refusal:
    print(refusal)
lab.claim("ten questions are answered and the eleventh is refused", len(desk.spends) == QUESTIONS)

# %% [markdown]
# ## What it costs
#
# Three of the measures touch the model.

# %%
lab.predict("Which costs the most accuracy?", choices=["ranges", "noise in training", "mark"])

# %%
def count_error(epsilon, draws=2000):
    """By how many clients a count is off on average, with a tenth of epsilon for it; None: exact."""
    if epsilon is None:
        return 0.0
    noise = dp.geometric(np.zeros(draws, int), sensitivity=1, epsilon=epsilon / QUESTIONS,
                         rng=np.random.default_rng(1))
    return float(np.abs(noise).mean())


unmarked = train(X["in ranges"], rich, 0.5, np.random.default_rng(2))[1][-1]
price = {"ranges": plain - ranged, "noise in training": ranged - private,
         "mark": auc(unmarked) - auc(marked(unmarked))}
for what, points in price.items():
    print(f"{what:18} {100 * points:4.1f} points of AUC")
form_bytes, shared_bytes = len(partner.request(X_new[:1, :-1])), len(request) / 2000
plain_bytes = 8 * len(start)

# %%
lab.truth(max(price, key=price.get))
lab.claim("no measure costs more than a few points of AUC; vault and encryption cost none",
          max(price.values()) < 0.1 and ranged > plain - 0.02, exact=round(plain, 2), ranges=round(ranged, 2))

# %%
lab.claim("a count is off by some twenty clients: 1 % of all, 4 % of those who earn much",
          10 < count_error(0.5) < 30, clients_off=round(count_error(0.5)))
lab.claim("an encrypted form alone is ten thousand times as long as its numbers, one of many ten times",
          form_bytes > 10_000 * plain_bytes and 5 * plain_bytes < shared_bytes < 50 * plain_bytes,
          alone=bytes_text(form_bytes), one_of_2000=bytes_text(shared_bytes, 2),
          plain=bytes_text(plain_bytes))
lab.claim("an office's masked sum is a few times as long as the plain one",
          plain_bytes < office_bytes < 10 * plain_bytes, masked_sum=bytes_text(office_bytes, 2))

# %% [markdown]
# ## Tune it
#
# First the attacks, with numbers that can be compared.
# Three of them are played as a game that a coin would win half of the time:
#
# * the insider sees all forty sums, knows everybody else, and says whether one person was among the clients.
#   We take the stranger whom the model gets most wrong: such people stand out most;
# * the server gets one of two forms that it knows, and says which;
# * the reporter knows everybody else, asks all ten questions about groups with one person in them,
#   and says whether that person earns over 50,000 dollars.

# %%
def most_wrong(weights):
    errors = np.abs(expit(X_new @ weights) - rich_strangers)
    return X_new[errors.argmax()][None], rich_strangers[errors.argmax()][None]


def insider(epsilon, path, games=2000):
    """How often the insider is right. path: the weights on the way, which everybody was sent."""
    person = most_wrong(path[-1])
    length = sum((summed(*person, weights) ** 2).sum() for weights in path[:-1]) ** 0.5
    rng = np.random.default_rng(3)
    there = rng.random(games) < 0.5
    seen = there * length + noise_for(epsilon) * rng.normal(size=games)  # along the person's gradients
    return float(np.mean((seen > length / 2) == there))


def reporter(epsilon, games=2000):
    rng = np.random.default_rng(4)
    earns = rng.random(games) < 0.5
    told = np.repeat(earns[:, None], QUESTIONS, axis=1).astype(int)
    if epsilon is not None:
        told = dp.geometric(told, sensitivity=1, epsilon=epsilon / QUESTIONS, rng=rng)
    return float(np.mean((told.mean(axis=1) > 0.5) == earns))


# %%
def scorer(encrypted, games=200):
    """The server knows two forms, encrypts both, compares with what came; else it tosses a coin."""
    rng, right = np.random.default_rng(5), 0
    differ = np.flatnonzero(X_new[0] != X_new[1])[:1]
    first, second = X_new[:2, differ]
    for _ in range(games):
        is_first = rng.random() < 0.5
        form = (first if is_first else second)[None]
        came = partner.request(form) if encrypted else form.tobytes()
        tried = partner.request(first[None]) if encrypted else first[None].tobytes()
        other = partner.request(second[None]) if encrypted else second[None].tobytes()
        guess = True if came == tried else False if came == other else rng.random() < 0.5
        right += guess == is_first
    return right / games


scored = {"plain": scorer(False), "encrypted": scorer(True)}
lab.claim("a server that sees ciphertexts guesses; one that sees forms knows",
          scored["plain"] == 1 and abs(scored["encrypted"] - 0.5) < 0.15)

# %% [markdown]
# Now all five switches and the one epsilon.
# `outcome` says what each attack finds,
# what it may find (its control, or the promise, with a little room for chance),
# and how good model and counts still are.
# Both the model and the counts get half of epsilon.

# %%
SEEN = {way: (neighbour(filed[way], clients), neighbour(filed[way], strangers)) for way in filed}
CONTROLS = {"collect": SEEN["in ranges"][1], "store": 0.0, "train": 0.5, "deploy": 0.5, "use": 0.5}


def promised(epsilon, delta=0.0):
    """The most that an attacker who starts at 50:50 can be right about who is in the data."""
    return (np.exp(epsilon) + delta) / (1 + np.exp(epsilon))


# %%
def outcome(*, collect, store, train, deploy, use, epsilon, seed=22):
    """What one setting of the switches gives: a dict."""
    way, half = ("in ranges" if collect else "as it is"), epsilon / 2
    path = run(way, half if train else None, seed)
    given = marked(path[-1]) if deploy else path[-1]
    found = {"collect": SEEN[way][0], "store": stolen["vault" if store else "plain"],
             "train": insider(half if train else None, path),
             "deploy": scored["encrypted" if deploy else "plain"], "use": reporter(half if use else None)}
    most = promised(half, DELTA) + 0.05
    allowed = {"collect": CONTROLS["collect"] + 0.1, "store": 0.0, "train": most if train else 0.55,
               "deploy": 0.65, "use": most if use else 0.55}
    return {"found": found, "allowed": allowed, "auc": auc(given), "evidence": mark.evidence(given[None]),
            "count_error": count_error(half if use else None),
            "ceiling": promised(epsilon, DELTA) if train and use else None}


@lru_cache(maxsize=512)
def run(way, epsilon, seed):
    """The weights on the way of one training, kept for when a switch comes back to it."""
    return train(X[way], rich, epsilon, np.random.default_rng(seed))[1]


everything = outcome(**ON, epsilon=1.0)

# %% tags=["hide-input"] jupyter={"source_hidden": true}
# Draws: what does each attacker still get, and what is left of model and counts?
def five(fig, collect, store, train, deploy, use, epsilon):
    """What does each attacker still get?"""
    on = dict(collect=collect, store=store, train=train, deploy=deploy, use=use)
    now = outcome(**on, epsilon=epsilon)
    left, right = fig.add_axes([0.2, 0.14, 0.5, 0.82]), fig.add_axes([0.84, 0.14, 0.14, 0.82])
    for place, (step, found) in enumerate(now["found"].items()):
        colour = lab.PRIVATE if on[step] else lab.ATTACKER
        left.barh(-place, found, 0.55, color=colour)
        left.plot([CONTROLS[step]] * 2, [-place - 0.4, -place + 0.4], color=lab.BASELINE, ls="--", lw=1.5)
        if on[step] and step in ("train", "use"):
            most = promised(epsilon / 2, DELTA)
            left.plot([most] * 2, [-place - 0.4, -place + 0.4], color=lab.GUARANTEE, lw=2)
    left.set(xlim=(0, 1.02), ylim=(-4.6, 0.6), xlabel="success; dashed: control; green: promise")
    left.set_yticks(-np.arange(5), [f"{step}: {STEPS[step][0]}" for step in on])
    lab.plots.percent(left, "x")
    right.bar([0], [now["auc"]], 0.6, color=lab.PRIVATE if train else lab.PLAIN)
    right.axhline(0.5, color=lab.BASELINE, ls="--", lw=1.5)
    right.set(ylim=(0.4, 1), xlim=(-0.6, 0.6), xticks=[], ylabel="AUC of the model")
    still = [step for step, found in now["found"].items() if found > now["allowed"][step]]
    says = f"open: {', '.join(still)}" if still else "no attack finds more than it may"
    stated = (f"whoever starts at 50:50 on whether somebody is a client is right at most "
              f"{now['ceiling']:.0%} of the time"
              if now["ceiling"] else "no epsilon can be stated")
    return (f"Epsilon {epsilon:.2g} in all (delta 1e-5, one client): {says}; {stated}. "
            f"AUC {now['auc']:.2f}; a count is off by {now['count_error']:.0f} clients.")


lab.explore(five, **ON, epsilon=(0.1, 10.0, 1.0), start=dict.fromkeys(ON, False))

# %% [markdown]
# **Question.** Switch everything on but *use*.
# The insider's bar is short, the model has its noise.
# Why does the sentence below still say that no epsilon can be stated?
#
# <details><summary>Answer</summary>
#
# An epsilon is a promise to a client about *everything* that comes out of the file.
# Exact counts come out of the same file, and two of them tell her income.
# The sum of the two epsilons is infinite, however small one of them is.
#
# </details>
#
# ## The attack again
#
# Can a measure at one step make up for one that is missing at another?
# We run all 32 settings of the switches.

# %%
settings = [dict(zip(ON, map(bool, map(int, f"{number:05b}")))) for number in range(32)]
results = [outcome(**each, epsilon=1.0) for each in settings]
stopped = [[each["found"][step] <= each["allowed"][step] for step in ON] for each in results]
agree = np.array(stopped) == np.array([list(each.values()) for each in settings])
lab.claim("an attack is stopped exactly where its own switch is on, whatever the other four are", agree.all(),
          settings=len(settings), attacks=agree.size)

# %% [markdown]
# The insider's game was shortened: the noise was drawn again and again along *one* training.
# So we check it with whole trainings: in half of them the person is among the clients.

# %%
lab.predict("With half of epsilon 1 (delta 1e-5): how many of a hundred times is the insider right?",
            low=0, high=100)

# %%
def insider_in_full(epsilon, games=400):
    """The same attack on trainings of their own, each with or without the person."""
    rng, right = np.random.default_rng(6), 0
    person = most_wrong(run("in ranges", None, 0)[-1])
    with_person = np.vstack([X["in ranges"], person[0]]), np.append(rich, person[1])
    for _ in range(games):
        there = rng.random() < 0.5
        sums, path = train(*(with_person if there else (X["in ranges"], rich)), epsilon, rng)
        own = np.array([summed(*person, weights) for weights in path[:-1]])
        known = np.array([summed(X["in ranges"], rich, weights) for weights in path[:-1]])
        right += (((sums - known) * own).sum() > (own**2).sum() / 2) == there
    return right / games


in_full = {"noise": insider_in_full(0.5), "no noise": insider_in_full(None, games=20)}

# %%
lab.truth(round(100 * in_full["noise"]), "of a hundred")
lab.claim("whole trainings agree: without noise the insider is always right, with it little more than a coin",
          in_full["no noise"] == 1 and in_full["noise"] < promised(0.5, DELTA)
          and abs(in_full["noise"] - everything["found"]["train"]) < 0.1,
          with_noise=round(in_full["noise"], 2), promise=round(float(promised(0.5, DELTA)), 2))

# %% [markdown]
# And the model itself?
# A partner who may ask for scores works out all the weights from as many scores as there are weights,
# encrypted or not (lab 17), and sells the model.
# Can the service show that it is its own?

# %%
questions = np.vstack([np.zeros(len(start) - 1), np.eye(len(start) - 1)])
told = partner.scores(server.answer(partner.request(questions)))[:len(start)]
copy = np.append(told[1:] - told[0], told[0])
others = [train(X["as it is"], rich, 0.5, rng)[1][-1] for _ in range(20)]  # made without the mark
without = float(np.mean([mark.evidence(each[None]).matches for each in others]))

# %%
lab.claim("the stolen copy scores as the model does and carries the whole mark; models without it carry half",
          np.abs(copy - weights).max() < 1e-3 and mark.evidence(copy[None]).matches == 16
          and 5 < without < 11, chance=mark.evidence(copy[None]).p_value)

# %% [markdown]
# The theft itself was not stopped.
# The report will say so.
#
# **The report.** Choose *your* setting here; the rest of this section follows it.

# %%
chosen = ON | {"epsilon": 1.0}

# %%
now, nothing = outcome(**chosen), outcome(**dict.fromkeys(ON, False), epsilon=1.0)
budget, half = dp.Budget(epsilon=chosen["epsilon"], delta=DELTA), chosen["epsilon"] / 2
if chosen["train"]:
    event = dp.dp_sgd_event(noise_multiplier=noise_for(half), sample_rate=1.0, steps=ROUNDS)
    budget.spend("the model and its forty sums", event)
if chosen["use"]:
    budget.spend("ten counts", half)
try:
    exact = [step for step in ("train", "use") if not chosen[step]]
    statement = budget.statement(unit="client", records=len(clients), records_per_unit=1, tuning="none",
                                 reused=bool(exact))
    spent = {"epsilon": statement.epsilon, "delta": statement.delta}
except NotStated as why:
    bare = f"what comes out at {' and '.join(exact)} has no noise"
    statement, spent = f"{bare}; {why}" if budget.spends else bare, {}

# %% [markdown]
# Every number that the report may use is the value of a claim; a number that no claim has would be refused.

# %%
switched = [step for step in ON if chosen[step]]
lab.claim("each attack was run without and with the setting's measures, and none became better by them",
          all(now["found"][step] <= nothing["found"][step] for step in ON),
          **{f"{step}_before": nothing["found"][step] for step in ON},
          **{f"{step}_now": round(now["found"][step], 2) for step in ON},
          **{f"{step}_control": round(CONTROLS[step], 2) for step in ON}, clients=len(clients), games=2000)
lab.claim("where a measure is on, its attack finds no more than it may",
          all(now["found"][step] <= now["allowed"][step] for step in switched), measures=len(switched))
lab.claim("what was released spends no more than was allowed", budget.spent <= chosen["epsilon"],
          epsilon_allowed=chosen["epsilon"], **spent)
lab.claim("model and counts are better than guessing and than nothing", now["auc"] > 0.5,
          auc_before=round(nothing["auc"], 2), auc_now=round(now["auc"], 2), auc_guessing=0.5,
          count_off=round(now["count_error"]), counts=QUESTIONS)
lab.claim("bytes, seconds and bits are as measured above",
          form_bytes > shared_bytes > plain_bytes and seconds < 10 and now["evidence"].matches <= 16,
          form=bytes_text(form_bytes), shared_form=bytes_text(shared_bytes, 2),
          plain_form=bytes_text(plain_bytes), masked_sum=bytes_text(office_bytes, 2), seconds_at_most=10,
          bits=16, marks=now["evidence"].matches, marks_control=round(without))

# %%
said = {step: "yes" if chosen[step] else "no" for step in ON}
measures = [("collect", "the form asks in ranges that were fixed beforehand", said["collect"]),
            ("store", "vault (AES-GCM, scrypt), rules by purpose, signed ledger", said["store"]),
            ("train", "four offices, secure sums, gradients cut, Gaussian noise", said["train"]),
            ("deploy", "forms encrypted under CKKS; a mark of {bits} bits in the weights", said["deploy"]),
            ("use", "{counts} counts with geometric noise, then the budget refuses", said["use"])]
tried = {"collect": "a neighbour who knows six things reads the income off the file, for certain "
                    "(control: strangers)",
         "store": "a thief looks for the rows on the disk (control: nothing to find)",
         "train": "an insider who sees all sums says whether somebody is a client, {games:,} games "
                  "(control: a coin)",
         "deploy": "the server encrypts the two forms that it knows and compares them with what came, or "
                   "tosses a coin (control: a coin)",
         "use": "a reporter who knows all others asks {counts} counts about one income (control: a coin)"}
attacks = [(step, tried[step], f"{{{step}_before:.0%}}", f"{{{step}_now:.0%}}", f"{{{step}_control:.0%}}")
           for step in ON]
attacks.append(("deploy", "a partner rebuilds the model from its scores and sells it as its own",
                "all weights, no mark", "all weights; the copy has {marks} of {bits} bits of the mark",
                "models without the mark: {marks_control} of {bits}"))
kept = [("how often the form of one who earns much scores above another's (AUC; guessing {auc_guessing})",
         "{auc_before}", "{auc_now}"),
        ("error of a count of the {clients:,} clients", "none", "{count_off} clients")]
lengths = "{form} alone, {shared_form} among two thousand, {plain_form} plain"
costs = [("length of a form as it is sent to be scored", lengths if chosen["deploy"] else "{plain_form}"),
         ("seconds to score two thousand encrypted forms", "fewer than {seconds_at_most}"),
         ("length of an office's masked sum", "{masked_sum}, {plain_form} plain"),
         ("questions of the newspaper", "no more than {counts}" if chosen["use"] else "no limit")]

# %%
open_ends = [
    "Whoever works in an office and may read the forms still reads them; the ledger only says who did.",
    "A partner works out the whole model from as many scores as it has weights, encrypted or not. "
    "A mark can show whose it is; whoever knows of it can remove it, and it stops nobody.",
    "The statement covers the model and the counts, for one client. It does not cover file, disk or forms.",
    "Ranges are no promise: who knows more than six things finds more; occupation and hours stay exact.",
    "This report was itself measured on the clients, and its rates are exact: it is for the regulator. "
    "Published, it would be one more release, which the statement does not cover.",
    "The noise was drawn in one place and in floating point; offices that mask their sums must each bring a "
    "share of it. The masking was tried on one sum.",
    "Another model or other counts of the same clients cost again: epsilons add up."]
about = ("The service holds the forms of {clients:,} clients in four offices. That somebody is a client, "
         "and what they earn, are secrets. Below is what was measured for one setting of its five measures.")
parts = {"measures": measures, "attacks": attacks, "statement": statement, "kept": kept, "costs": costs,
         "remains_open": open_ends,
         "sources": ["Adult (Becker and Kohavi 1996); names, birth dates and post codes are simulated",
                     "labs 01 to 22 of this collection, in which each attack is explained"]}
report = lab.privacy_report("Privacy report of the advice service", about=about, **parts)
written = [report.save(place / f"privacy-report{ending}") for ending in (".html", ".pdf")]
print("written:", ", ".join(each.name for each in written))
Markdown(report.markdown())

# %% [markdown]
# Two files for somebody who was not here.
# They lie in a folder that goes away with this notebook; `report.save("privacy-report.pdf")` keeps one.
#
# **Question.** May the newspaper print this report?
#
# <details><summary>Answer</summary>
#
# Not as it stands.
# The rate at *collect* was counted on the clients, exactly, and the AUC without protection is that of
# a model without noise.
# A report from before and one from after somebody became a client differ by that person.
# The regulator may see the forms anyway.
# Nor may this rate simply be one of the ten counts:
# one new client who earns otherwise ends the certainty about everybody in a class,
# so the rate moves by far more than one client, and noise for one is too little.
#
# </details>
#
# And if somebody adds a number that was not measured?

# %%
try:
    lab.privacy_report("A better report", about="No attack succeeds in more than 1 % of the cases.", **parts)
    refused = False
except ValueError as problem:
    print(str(problem)[:75], "...")
    refused = True
lab.claim("a number without a claim is refused, and both files of the report are there",
          refused and all(each.stat().st_size > 3000 for each in written))

# %% [markdown]
# ## Check yourself
#
# Three settings were proposed to the board.
# Each looks safe, and none is.

# %%
for name, setting in LOOKS_SAFE.items():
    print(f"{name}: epsilon {setting['epsilon']}, switched off:", *[step for step in ON if not setting[step]])

# %% [markdown]
# **1.** Setting A, "everything is encrypted, and the forms never leave the offices".
# Look at `outcome(**LOOKS_SAFE["A"])`.
# At which steps does the attack still succeed?
# A list of names, such as `["store"]`.

# %%
open_in_a = ...
check("setting A", open_in_a)

# %% [markdown] tags=["solution"]
# <details><summary>Solution</summary>
#
# ```python
# found = outcome(**LOOKS_SAFE["A"])["found"]
# open_in_a = [step for step in found if found[step] > CONTROLS[step] + 0.25]
#
# check("setting A", open_in_a);
# ```
# Encryption and federated learning hide what goes *in*.
# Sums and counts come *out*, exact, and differences of exact sums are people.
#
# </details>

# %% [markdown]
# **2.** Setting B, "the model was trained with epsilon 0.05, far below 1".
# The counts are exact.
# Which epsilon may the service state for what it releases about a client?

# %%
epsilon_of_b = ...
check("setting B", epsilon_of_b)

# %% [markdown] tags=["solution"]
# <details><summary>Solution</summary>
#
# ```python
# epsilon_of_b = float("inf") if outcome(**LOOKS_SAFE["B"])["ceiling"] is None else 0.05
#
# check("setting B", epsilon_of_b);
# ```
# The attack at *use* is always right, and no finite epsilon allows that.
# A small epsilon for one release says nothing of the next one.
#
# </details>

# %% [markdown]
# **3.** Setting C, "the statement says epsilon 0.1, and an auditor has checked it".
# One attack finds everything nonetheless.
# Which sentence is true?
#
# * A: epsilon is too large; with 0.01 the attack would fail.
# * B: the statement is wrong; the auditor overlooked a release.
# * C: the statement is right, and does not speak of this attack at all.

# %%
true_of_c = ...
check("setting C", true_of_c)

# %% [markdown] tags=["solution"]
# <details><summary>Solution</summary>
#
# ```python
# true_of_c = "C"
#
# check("setting C", true_of_c);
# ```
# The disk is not encrypted.
# Differential privacy is about what is *released*; a thief needs no release.
#
# </details>

# %% [markdown]
# **4.** Find a setting that you would sign: no attack finds more than it may,
# whoever starts at 50:50 on whether somebody is a client is right at most 75 % of the time,
# the AUC is at least 0.80, and a count is off by at most 25 clients on average.
# Hand in what `outcome` returns.

# %%
my_outcome = ...
check("a setting to sign", my_outcome)

# %% [markdown] tags=["solution"]
# <details><summary>Solution</summary>
#
# ```python
# my_outcome = outcome(**ON, epsilon=1.0)
#
# check("a setting to sign", my_outcome);
# ```
# The promise asks for an epsilon just below 1.1 at most, the counts for somewhat over 0.8.
#
# </details>

# %% [markdown]
# ## What the article says
#
# One article draws the five steps and gives each its technique.
# It does not say what each of them stops, or what happens where one is missing.
# The other adds that protection makes systems more complex and dearer.

# %%
lab.claim("each of the five steps has a technique that stops its attack, and only all five leave none open",
          agree.all(), article="A4", verdict="holds once repaired", steps=len(ON))
lab.claim("the techniques belong to stages of one life cycle, and none does the work of another",
          agree.all(), article="A2", verdict="holds", settings=len(settings))
lab.claim("protection makes the system dearer: a worse model and worse counts, longer requests, more to run",
          everything["auc"] < nothing["auc"] and everything["count_error"] > nothing["count_error"]
          and form_bytes > 1000 * plain_bytes, article="B19", verdict="holds")

# %% [markdown]
# ## Limits and further reading
#
# * Five attacks are not all attacks.
#   A new one needs a new row, with its control.
#   Only the guarantee of epsilon holds against those that nobody has thought of.
# * The insider and the reporter know everybody else.
#   That is the attacker whom differential privacy is made for; most real ones know less.
# * The noise in training is floating-point noise (lab 03 shows why a release should use the discrete kind),
#   and each office would have to bring its share of it.
# * The learning rate and the number of rounds were chosen on other people of the same survey.
#   Had they been chosen on the clients, the statement would have to say "paid" or not be made.
# * The mark is short, as the model is small: one model in 65,536 carries it by chance.
# * The offices, the server and the partners follow the protocols.
#
# National Institute of Standards and Technology, *Guidelines for evaluating differential privacy guarantees*,
# SP 800-226, 2025.
#
# Ponomareva and others, *How to DP-fy ML*, JAIR 77, 2023: what to report with an epsilon.
#
# Cummings and others, *Advancing differential privacy: where we are now and future directions for real-world
# deployment*, Harvard Data Science Review 6(1), 2024.
