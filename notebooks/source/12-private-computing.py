# ---
# jupyter:
#   kernelspec: {display_name: Python 3, language: python, name: python3}
# ---

# %% [markdown]
# # 12 · Computing together, showing nothing
#
# *About 70 minutes, all of it required but "What the article says".
# You need lab 00; lab 10 helps.
# Terms are also explained in the [glossary](00-start-here.ipynb#Glossary).*
#
# **Afterwards you can** say why hashed telephone numbers are not protected,
# average salaries that nobody shows, multiply numbers that nobody knows,
# find common customers without exchanging lists, work out who must collude with whom to break each of these,
# and choose between five technologies for one task.

# %%
import hashlib
import secrets
import time
import warnings

import matplotlib.pyplot as plt
import numpy as np
from cryptography.hazmat.primitives.asymmetric import ec
from matplotlib.ticker import LogLocator, NullFormatter
from sklearn.linear_model import LogisticRegression

from labkit import datasets, lab
from labkit.encrypted import paillier
from labkit.encrypted.sharing import field, sums as sharing, triples
from labkit.encrypted.intersection.matching import (IntersectionClient, IntersectionServer,
                                           dictionary_attack, hashed, points_in)
from labkit.encrypted.ckks.planning import bytes_text, plan
from labkit.exercises.lab_12 import check

rng = np.random.default_rng(12)

# %% [markdown]
# ## What goes wrong
#
# A bank and a shop want to know which customers they have in common, for a joint offer.
# Neither may show the other its list.
# "We hash the telephone numbers", says somebody; "a hash cannot be undone".
# (A **hash** such as SHA-256 turns any text into 32 bytes
# that look random, always the same for the same text.)
#
# The numbers here are simulated: six random digits after a prefix that no country uses.
# The bank sends the hashes of its thousand customers.

# %%
lab.predict("How many of the thousand numbers can the shop read off their hashes?", low=0, high=1000)

# %%
def phone(digits):
    return f"+00 555 {digits:06d}"


drawn = [phone(each) for each in rng.choice(10**6, 2200, replace=False)]
bank, shop = drawn[:1000], drawn[800:]  # 200 customers in common
from_bank = hashed(bank)  # what the bank sends

# %%
common = set(hashed(shop)) & set(from_bank)
began = time.process_time()
named = dictionary_attack(from_bank, (phone(each) for each in range(10**6)))
seconds = time.process_time() - began
lab.measured(f"{seconds:.1f} s to hash every number there is; a billion would take "
             f"{seconds * 1000 / 60:.0f} minutes, on one core, in Python")
lab.truth(len(named), "of a thousand")
lab.claim("the join works", len(common) == len(set(bank) & set(shop)), common=len(common))
lab.claim("and the shop reads every number on the bank's list",
          sorted(named.values()) == sorted(bank), read=len(named))

# %% [markdown]
# All of them.
# Nobody undid the hash.
# The shop hashed *every possible* number and looked.
# That works whenever the secrets can be listed:
# telephone numbers, dates of birth, addresses that ever leaked.
# A salt (a random text hashed along with each number) does not help: to compare, both sides must know it.
#
# What we want is stranger than it sounds:
# **an answer computed from several people's secrets, where nobody learns more than the answer.**
# That is called *secure multi-party computation* (MPC).
#
# ## The idea
#
# Three colleagues want to know their average salary.
# Each cuts her salary into three pieces that sum to it, keeps one, and gives the others one each.
# The pieces are random numbers, so a piece says nothing.
# Everybody adds up the pieces that she holds and says the result aloud.
# The three results sum to the sum of the salaries.
#
# So that random pieces are equally likely to be *any* number,
# we count modulo a prime $p$: after $p - 1$ comes 0.
# A secret $s$ has the **additive shares**
#
# $$s \equiv s_1 + s_2 + s_3 \pmod p, \qquad s_1, s_2 \text{ uniformly random}, \qquad s_3 = s - s_1 - s_2 .$$
#
# Here is a round with a small prime, to see it.
# The salaries are real: monthly incomes from loan applications (in the unit of that file).
# The people A, B, C behind them are unknown, and stay so.

# %%
applications = datasets.credit().table.income.dropna().to_numpy()  # public bound: 1,000
incomes = rng.choice(applications, 5, replace=False).astype(int)
small = 997
pieces = np.array([sharing.share(each, 3, prime=small, rng=rng) for each in incomes[:3]])
subtotals = pieces.sum(axis=0) % small

# %% tags=["hide-input"] jupyter={"source_hidden": true}
# Draws: a table of who holds which share.
def cell(ax, x, y, text, colour, strength=0.15):
    ax.add_patch(plt.Rectangle((x, y), 0.92, 0.8, fc=colour, ec="none", alpha=strength))
    ax.text(x + 0.46, y + 0.4, text, ha="center", va="center", size=11)


fig, ax = lab.plots.figure(8.2, 2.6)
for row, name in enumerate("ABC"):
    cell(ax, 0, 3 - row, incomes[row], lab.ATTACKER, 0.25)
    ax.text(-0.15, 3.4 - row, f"{name} earns", ha="right", va="center")
    ax.text(1.2, 3.4 - row, "=", ha="center", va="center", size=13)
    ax.text(row + 2, 4.05, f"to {name}", ha="center", color="#333333")
    for column in range(3):
        cell(ax, column + 1.54, 3 - row, pieces[row, column], lab.PRIVATE)
    cell(ax, row + 1.54, -0.25, subtotals[row], lab.PRIVATE, 0.45)
ax.text(1.4, 0.15, "said aloud: column sums", ha="right", va="center")
ax.text(4.62, 0.15, f"sum modulo {small}:", va="center")
cell(ax, 6.4, -0.25, subtotals.sum() % small, lab.GUARANTEE, 0.35)
legend = "secret: vermillion\nlooks random: blue\neverybody learns: green"
ax.text(4.75, 2.4, legend, va="center", linespacing=1.7, color="#333333")
ax.set(xlim=(-1.5, 7.5), ylim=(-0.35, 4.4))
ax.axis("off")
plt.show()

# %%
lab.claim("the column sums give the sum of the salaries, which nobody had to show",
          subtotals.sum() % small == incomes[:3].sum())

# %% [markdown]
# ## Build it
#
# Three short functions.
# First the shares, with a prime large enough for real sums:

# %%
p = 2**61 - 1


def share(secret, parties):
    random = [secrets.randbelow(p) for _ in range(parties - 1)]
    return [*random, (secret - sum(random)) % p]


def reconstruct(shares):
    return sum(shares) % p


# %%
dealt = [share(int(each), 3) for each in incomes[:3]]
said_aloud = [sum(column) for column in zip(*dealt)]
lab.claim("three lines average three salaries exactly",
          reconstruct(said_aloud) / 3 == incomes[:3].mean(), average=float(incomes[:3].mean()))

# %% [markdown]
# If one of the three falls ill, nothing can be computed.
# **Shamir's** sharing (1979) repairs that: put the secret at $x = 0$ of a random polynomial
# of degree $t - 1$, and hand out its values at $1, 2, \dots$ Any $t$ points fix the polynomial.
# With $t - 1$ points, *every* secret still has exactly one polynomial that fits.
# $t$ is the **threshold**.

# %%
def points(secret, parties, threshold):
    coefficients = [secret] + [secrets.randbelow(p) for _ in range(threshold - 1)]
    return {x: sum(c * x**power for power, c in enumerate(coefficients)) % p
            for x in range(1, parties + 1)}


def at_zero(points):
    total = 0
    for x, value in points.items():
        for other in points:
            if other != x:
                value = value * other * pow(other - x, -1, p) % p  # Lagrange's formula at 0
        total += value
    return total % p


# %%
five = points(123456, parties=5, threshold=3)
three_of_them = {x: five[x] for x in (1, 4, 5)}
two_of_them = {x: five[x] for x in (1, 4)}
# a wrong guess is right with probability 1 / p
lab.claim("any three of five give the secret, and two give something else",
          at_zero(three_of_them) == 123456 and at_zero(two_of_them) != 123456)

# %% [markdown]
# Sums are free: each party adds alone.
# Can two parties also *multiply* shared numbers $x$ and $y$ alone?
# They cannot: $(x_1 + x_2)(y_1 + y_2)$ contains $x_1 y_2$, which nobody can compute.
# Beaver's trick (1991): somebody, the **dealer**,
# shares out random $a$, $b$ and their product $c = ab$ beforehand.
# The parties open $d = x - a$ and $e = y - b$, which are uniformly random, so they say nothing.
# Then $xy = de + d\,b + e\,a + c$, where only $a, b, c$ are shared, and each is multiplied by a known number.

# %%
def deal_triple():
    a, b = secrets.randbelow(p), secrets.randbelow(p)
    return share(a, 2), share(b, 2), share(a * b % p, 2)


def multiply(x, y, triple):
    """Shares of the product; x, y and the triple's parts are lists of two shares."""
    a, b, c = triple
    d = reconstruct([mine - mask for mine, mask in zip(x, a)])  # opened
    e = reconstruct([mine - mask for mine, mask in zip(y, b)])  # opened
    product = [d * b[party] + e * a[party] + c[party] for party in (0, 1)]
    return [product[0] + d * e, product[1]]


# %%
product = multiply(share(6, 2), share(7, 2), deal_triple())
lab.claim("two parties multiplied 6 by 7, and neither saw 6 or 7", reconstruct(product) == 42)

# %% [markdown]
# Sums and products make every polynomial, hence, with patience, every computation.
#
# And the bank and the shop?
# Give each a padlock that fits on any box, and let the order of locking not matter.
# The bank locks its numbers and sends them; the shop adds its own lock and sends them back;
# with the lists exchanged, boxes with *both* locks look equal exactly when the numbers are.
# The padlock is **Diffie and Hellman's**:
# hash the number to a point of an elliptic curve and multiply by a secret.

# %%
curve, exchange = ec.SECP256R1(), ec.ECDH()


def lock(key, x):  # x: 32 bytes, the coordinate of a point; the result is another
    point = ec.EllipticCurvePublicKey.from_encoded_point(curve, b"\x02" + x)
    return key.exchange(exchange, point)


def first_lock(key, item):
    for attempt in range(256):
        try:
            return lock(key, hashlib.sha256(bytes([attempt]) + item.encode()).digest())
        except ValueError:  # half of all x belong to no point of the curve: try the next
            pass


# %%
bank_key, shop_key = ec.generate_private_key(curve), ec.generate_private_key(curve)
some_bank, some_shop = bank[700:900], shop[:200]  # a part of each, for speed
shop_then_bank = {lock(bank_key, first_lock(shop_key, each)) for each in some_shop}
bank_then_shop = [lock(shop_key, first_lock(bank_key, each)) for each in some_bank]
met = [item for item, box in zip(some_bank, bank_then_shop) if box in shop_then_bank]
lab.claim("the order of the locks does not matter: equal numbers meet, and no others",
          set(met) == set(some_bank) & set(some_shop), common=len(met))

# %% [markdown]
# ## Use the real thing
#
# `labkit.encrypted.sharing` has the same shares for whole arrays and refuses sums that could overflow.
# Its people exchange bytes only, and a ledger keeps them.
# A **round** is a set of messages that need not wait for each other.
# Five people now, of whom any three suffice:

# %%
ledger = sharing.RoundLedger()
total = sharing.shamir_sum(incomes.reshape(-1, 1), threshold=3, largest=1000, ledger=ledger)[0]
lab.claim("the average is exact, in two rounds and a third of a kilobyte",
          total == incomes.sum() and ledger.rounds == 2 and ledger.bytes_sent == 320,
          bytes=ledger.bytes_sent, average=float(total / 5))

# %% [markdown]
# ### A score, where neither side shows its numbers
#
# A clinic has patients (30 measurements of a tumour each), a company has a model, as in lab 10.
# With a triple of matrices, $C = A\,b$, all scores come out of one multiplication.
# Fractions are stored in **fixed point**: $x$ becomes the whole number nearest to $2^{20} x$.

# %%
biopsies = datasets.breast_cancer()
old, new = biopsies.split(test_size=0.2, seed=0)
model = LogisticRegression(max_iter=5000).fit(old.X, old.y)
weights, bias = model.coef_[0].astype(float), float(model.intercept_[0])
plain_scores = new.X.astype(float) @ weights + bias

# %%
score_ledger = sharing.RoundLedger()
scores = triples.secure_scores(new.X, weights, bias, score_bound=256, ledger=score_ledger)
print(score_ledger)

# %%
error, bound = np.abs(scores - plain_scores).max(), triples.error_bound(weights)
majority = max(new.y.mean(), 1 - new.y.mean())
lab.claim("every diagnosis is that of the plain model",
          ((scores > 0) == (plain_scores > 0)).all(), patients=len(new),
          right=float(np.mean((scores > 0) == new.y)), always_the_commoner=float(majority))
lab.claim("the scores differ by no more than the rounding to fixed point explains",
          error <= bound < 1e-4)
lab.claim("it took three rounds", score_ledger.rounds == 3)

# %% [markdown]
# Lab 10 did this by encryption, with the clinic as owner of a key.
# Here there is no key at all: given good randomness, whatever a side receives
# before the result is uniformly random, and no computer however fast gets anything out of it.
# The price is the dealer, who must not join either side.
#
# Real frameworks let the parties make triples without a dealer, and check each other: MP-SPDZ (Keller,
# *MP-SPDZ: a versatile framework for multi-party computation*, CCS 2020) is the one to start with.
# It is a compiler and a virtual machine, too large for this page.
#
# ### The bank and the shop again
#
# **Private set intersection** (PSI) from a library: `openmined-psi` uses the same curve as our padlocks.
# (Where it has no package, on Windows for example, `labkit` takes padlocks like ours.)
# The bank is the client, who learns the answer; the shop is the server.

# %%
try:
    import private_set_intersection.python
    matched_by = "openmined-psi"
except ImportError:
    matched_by = "padlocks of labkit, for openmined-psi is not installed: it has no package for every system"
    warnings.filterwarnings("ignore", message="openmined-psi is not installed")
lab.measured(f"lists are matched by {matched_by}")

# %%
ledger = sharing.RoundLedger()
client = IntersectionClient(bank)
server = IntersectionServer(shop, largest_request=1000)
there, back = ("bank", "shop"), ("shop", "bank")
request = ledger.exchange("locked numbers", {there: client.request()})[there]
setup = ledger.send(*back, "its own numbers, locked", server.setup(len(bank)))
answer = ledger.exchange("locked twice", {back: server.answer(request)})[back]
found = client.common(setup, answer)
print(ledger)
lab.claim("the bank learns the common customers, all and only those",
          found == sorted(set(bank) & set(shop)), common=len(found))

# %% [markdown]
# What else shows?
# The shop learns *how many* customers the bank has, and the bank how many the shop has.
# If only the count is wanted, say so: an honest bank then learns how many, and not which.

# %%
counter = IntersectionClient(bank, sizes_only=True)
counted = IntersectionServer(shop, largest_request=1000, sizes_only=True)
request_for_count = counter.request()
count = counter.common_count(counted.setup(len(bank)), counted.answer(request_for_count))
lab.claim("the count alone comes out right", count == 200)
one_more = IntersectionClient(bank[:1], sizes_only=True).request()
try:
    counted.answer(one_more)
except ValueError as refusal:
    print(refusal)
lab.claim("the sizes of both lists can be read off the messages",
          len(points_in(request)) == len(bank) and len(setup) > 32 * len(shop))

# %% [markdown]
# Why does the server refuse a second request?
# A count over a list of *one* is that entry's secret.
# So are two counts over lists that differ by one entry.
# A bank that may ask a thousand times reads its thousand entries one by one.
# One request remains a matter of trust: a bank that breaks the protocol and locks each entry with a secret
# of its own tells the answers apart, and so learns from one request *which* are common.
# Against that, a protocol needs proofs that everybody follows it.
#
# Names are harder than numbers: one name can be written with different characters.
# An ë is one character, or an e and two dots that combine with it; both look alike, and their hashes differ.
# So entries are brought into one form first (Unicode's NFC).

# %%
composed, combining = "Zo\u00eb Brandt", "Zoe\u0308 Brandt"
names, theirs = IntersectionClient([composed]), IntersectionServer([combining], largest_request=1)
met = names.common(theirs.setup(1), theirs.answer(names.request()))
lab.claim("a name meets itself, however it is composed",
          composed != combining and met == [composed])

# %% [markdown]
# ## What it costs
#
# One task for all technologies: ten employers, a hundred real incomes each, one average.
# In *plain text* a centre collects all incomes.
# *Federated*, each employer sends the sum and the number of its own.
# With *secret sharing* it deals out these two;
# with *homomorphic* encryption (Paillier's, from lab 10) it encrypts the sum.

# %%
lab.predict("Which of the four sends most bytes?",
            choices=["plain text", "federated", "secret sharing", "homomorphic"])

# %%
staff = rng.choice(applications, 1000, replace=False).reshape(10, 100)
truth, costs = staff.mean(), {}


def run(name, task):
    """Do the task; note bytes, rounds, processor seconds and the average that came out."""
    ledger, began = sharing.RoundLedger(), time.process_time()
    average = task(ledger)
    costs[name] = (ledger.bytes_sent, ledger.rounds, time.process_time() - began, average)


def plain(ledger):
    sent = {(place, "centre"): each.tobytes() for place, each in enumerate(staff)}
    return np.mean([np.frombuffer(each) for each in ledger.exchange("incomes", sent).values()])


def federated(ledger):  # each sends the sum and the number of its records
    sent = {(place, "centre"): np.array([records.sum(), len(records)]).tobytes()
            for place, records in enumerate(staff)}
    arrived = ledger.exchange("sums", sent).values()
    total, count = np.sum([np.frombuffer(each) for each in arrived], axis=0)
    return total / count


# %%
def shared(ledger):
    sums = np.c_[staff.sum(axis=1), [len(records) for records in staff]]
    total, count = sharing.shamir_sum(sums, threshold=6, largest=100 * 1000, ledger=ledger)
    return total / count


def homomorphic(ledger):  # the owner of the key must be somebody else than the centre
    key, places = paillier.PublicKey(prime_1 * prime_2), range(len(staff))
    ledger.exchange("key", {("owner", place): key.n.to_bytes(256) for place in places})
    locked = [key.encrypt(int(records.sum())) for records in staff]
    ledger.exchange("encrypted sum", {(place, "centre"): each.value.to_bytes(512)
                                      for place, each in zip(places, locked)})
    total = sum(locked[1:], locked[0])
    ledger.exchange("encrypted total", {("centre", "owner"): total.value.to_bytes(512)})
    return paillier.decrypt(total, prime_1, prime_2) / staff.size


# %%
began = time.process_time()
prime_1, prime_2 = paillier.random_prime(1024), paillier.random_prime(1024)
lab.measured(f"{time.process_time() - began:.1f} s to make Paillier's key, once")
for name, task in {"plain text": plain, "federated": federated, "secret sharing": shared,
                   "homomorphic": homomorphic}.items():
    run(name, task)

# %%
lab.truth(max(costs, key=lambda name: costs[name][0]))
trust = {"plain text": "the centre sees every income",
         "federated": "the centre sees each employer's total",
         "secret sharing": "6 of 10 employers must collude",
         "homomorphic": "centre and key owner must collude",
         "enclave": "the chip's maker, and no side channel"}
print(f"{'':16}{'bytes':>8}{'rounds':>8}   to see more than the average")
for name, (size, rounds, _, average) in costs.items():
    print(f"{name:16}{size:8,}{rounds:8}   {trust[name]}")
print(f"{'enclave':16}{'not run':>8}{'':8}   {trust['enclave']}")
lab.measured("; ".join(f"{name} {1000 * each[2]:.3g} ms" for name, each in costs.items()))
lab.claim("all four give the same average, to a millionth",
          all(abs(average - truth) < 1e-6 for *_, average in costs.values()))

# %% [markdown]
# A **trusted enclave** is a part of a processor that runs a program
# which even the machine's owner cannot look into, and that proves to the senders which program it runs.
# It needs special hardware, so there is no number in its row:
# its bytes would be those of plain text plus encryption and the proof, its speed near that of plain text.

# %% tags=["hide-input"] jupyter={"source_hidden": true}
# Draws: time and bytes of each way to compute.
rows = [*costs, "enclave"]
fig, (left, right_ax) = lab.plots.figure(8.2, 2.9, ncols=2, sharey=True)
colours = [lab.PLAIN, lab.plots.SERIES[1], lab.PRIVATE, lab.plots.SERIES[2]]
sizes, seconds = [each[0] for each in costs.values()], [each[2] for each in costs.values()]
for ax, values, title in [(left, sizes, "Bytes on the wire"),
                          (right_ax, seconds, "Processor seconds")]:
    ax.barh(list(costs), values, color=colours, height=0.6)
    ax.text(0.02, 4, "not run: needs special hardware", va="center", color="#555555",
            transform=ax.get_yaxis_transform())
    ax.set(xscale="log", title=title, yticks=range(5), yticklabels=rows)
left.bar_label(left.containers[0], [bytes_text(each) for each in sizes], padding=4)
right_ax.bar_label(right_ax.containers[0], [f"{each:.1g} s" for each in seconds], padding=4)
left.set(xlim=(50, 2e5), ylim=(4.6, -0.6))
right_ax.set(xlim=(1e-5, 100))
plt.show()

# %%
lab.claim("federated averaging is cheapest, as it sends two numbers for each employer",
          min(costs, key=lambda name: costs[name][0]) == "federated")
lab.claim("homomorphic encryption is slowest by far: over ten times secret sharing",
          costs["homomorphic"][2] > 10 * costs["secret sharing"][2])

# %% [markdown]
# How to choose, then:
#
# | | choose it when | you trust |
# |---|---|---|
# | plain text | there is one party that everybody may and does trust with the records | that party, and all who ever get into its machines |
# | federated | data must stay where it is, and totals or updates may be seen | the coordinator; add secure aggregation (lab 08) or noise (lab 09), since updates leak |
# | secret sharing | several parties are on line together, on a fast network; exact results; no trust in a hard problem | that fewer than the threshold collude |
# | homomorphic | one weak client asks one strong server, or parties are seldom on line | a hard problem on numbers; the owner of the key |
# | enclave | the computation is too large for the others | the chip's maker, and that no side channel (timing, power) is found |
#
# None of the five hides what the *answer* says.
# That takes noise: labs 03 to 06.
#
# ## Tune it
#
# Five people, their incomes, and a coalition: the first few people put everything they received together.
# *Press collude.
# Then find two different ways in which the last person is exposed.*

# %%
def threshold_leak(shares_seen, threshold, secret, prime=101):
    """How many polynomials modulo 101 through the shares seen have each secret at 0?"""
    if shares_seen < threshold:
        return np.full(prime, prime ** (threshold - 1 - shares_seen))
    return (np.arange(prime) == secret).astype(int)


# %% tags=["hide-input"] jupyter={"source_hidden": true}
# Draws: pale: its own. Full: read. ?: anywhere in the bar.
def income_bars(ax, joined, exposed):
    """What a coalition of the first `joined` people knows of each income."""
    rest = incomes[joined:].sum()
    for place, (name, income) in enumerate(zip("ABCDE", incomes)):
        if place < joined or exposed:
            ax.bar(name, income, color=lab.ATTACKER, alpha=0.35 if place < joined else 1)
            ax.text(place, income + 8, income, ha="center")
        else:
            ax.bar(name, rest, color=lab.PRIVATE, alpha=0.2)
            ax.text(place, rest / 2, "?", ha="center", va="center", size=18, color=lab.PRIVATE)
    ax.axhline(incomes.mean(), color=lab.GUARANTEE)
    ax.set(title="Pale: its own. Full: read. ?: anywhere in the bar", ylabel="income",
           ylim=(0, 1.2 * incomes[1:].sum()))
    ax.text(-0.4, 1.08 * incomes[1:].sum(), "the average, known to all", color=lab.GUARANTEE)


# %% tags=["hide-input"] jupyter={"source_hidden": true}
# Draws: which coalitions learn what?
def collusion(fig, collude, colluders, threshold):
    """Which coalitions learn what?"""
    joined = colluders if collude else 1
    by_shares, by_answer = joined >= threshold, joined == 4
    left, right = fig.subplots(1, 2, width_ratios=[3, 2])
    income_bars(left, joined, by_shares or by_answer)
    counts = threshold_leak(joined, threshold, secret=42)
    right.stairs(counts / counts.sum(), np.arange(102) - 0.5, fill=True,
                 color=lab.ATTACKER if by_shares else lab.PRIVATE)
    right.set(title="Candidates for a secret (42)", xlabel="candidate, modulo 101",
              ylabel="share of polynomials", ylim=(0, 1) if by_shares else (0, 0.03))
    fig.subplots_adjust(bottom=0.17, top=0.89, left=0.09, right=0.98, wspace=0.3)
    who = f"{joined} together hold" if joined > 1 else "Each person alone holds"
    have = f"{who} {joined} of the {threshold} shares needed"
    rest = incomes[joined:].sum()
    if joined == 5:
        return "All five together know everything; there is nobody left to protect."
    if by_shares:
        needed = f"{threshold} share" + "s" * (threshold > 1)
        return f"{who} the {needed} that it takes: every income is read."
    if by_answer:
        return f"{have}. But they subtract their own incomes from the sum: E earns {rest}."
    return (f"{have}: no word on any income. "
            f"The answer says that the other {5 - joined} earn {rest} in all.")


# %% tags=["hide-input"] jupyter={"source_hidden": true}
# Draws: the picture above, under its controls.
lab.explore(collusion, collude=False, colluders=range(1, 6), threshold=range(1, 6),
            start={"colluders": 2, "threshold": 4})

# %% [markdown]
# **Question.** With threshold 5, four people collude and read the fifth's income.
# Which step of the protocol should be repaired?
#
# <details><summary>Answer</summary>
#
# None.
# The four know the sum, because everybody was meant to, and they know their own numbers.
# What follows from the *answer* and one's own input no protocol can hide.
# Only a different answer can: a noisy average (lab 03), or one over more people.
# The threshold protects from the other danger, people who pool their *shares*.
# A high threshold is safe against coalitions,
# and fails when people are absent: threshold 5 of 5 needs all of them.
#
# </details>

# %% [markdown]
# Which is faster for the clinic's scores, triples or encryption (lab 10's CKKS)?
# Both are right; they load the network differently.
# We count time on the wire only: rounds times the delay of a message, plus bytes over the bandwidth.

# %%
ckks = plan(depth=1, precision_bits=20, largest=256)


def wire(patients, dealer_too):
    """(rounds, bytes) for the scores of so many patients with 30 features, each way."""
    ciphertexts = 30 * np.ceil(patients / ckks.slots)
    triple = 2 * 8 * (31 * patients + 30)
    mpc = 3 * 8 * (30 * patients + 30) + 8 * patients + dealer_too * triple
    return {"plain": (2, (4 * 30 + 8) * patients), "triples": (3, mpc),
            "CKKS": (2, ckks.public_bytes() + ckks.ciphertext_bytes() * ciphertexts * 31 / 30)}


def wire_seconds(patients, delay_ms, megabits, dealer_too=False):
    return {name: rounds * delay_ms / 1e3 + 8 * size / megabits / 1e6
            for name, (rounds, size) in wire(patients, dealer_too).items()}


# %% tags=["hide-input"] jupyter={"source_hidden": true}
# Draws: on your network, which way of scoring is faster?
def network(fig, patients, delay_ms, megabits, dealer_too):
    """On your network, which way of scoring is faster?"""
    ax, counts = fig.subplots(), np.unique(np.geomspace(1, 10_000, 150).astype(int))
    colours = {"plain": lab.PLAIN, "triples": lab.PRIVATE, "CKKS": lab.plots.SERIES[2]}

    waits = wire_seconds(counts, delay_ms, megabits, dealer_too)
    for name, seconds in waits.items():
        ax.plot(counts, seconds, color=colours[name], label=name)
    chosen = wire_seconds(round(patients), delay_ms, megabits, dealer_too)
    ax.plot([patients] * 3, list(chosen.values()), "o", color="#333333")
    all_seconds = np.concatenate(list(waits.values()))
    ax.set(xscale="log", yscale="log", xlabel="patients", ylabel="seconds on the wire",
           ylim=(all_seconds.min() / 2, all_seconds.max() * 4))
    ax.xaxis.set_major_formatter("{x:,.0f}")
    ax.yaxis.set_major_locator(LogLocator(subs=(1, 2, 5)))
    ax.yaxis.set_major_formatter("{x:g}")
    ax.yaxis.set_minor_formatter(NullFormatter())
    ax.legend(ncols=3, loc="upper left")
    fig.subplots_adjust(bottom=0.17, top=0.96, left=0.11, right=0.98)
    quick, slow = sorted(["triples", "CKKS"], key=chosen.get)
    told = ", ".join(f"{name} {float(f'{value:.2g}'):g} s" for name, value in chosen.items())
    shorter = chosen[slow] / chosen[quick]
    return f"{patients:.0f} at once: {told}. With {quick} it is {shorter:.2g} times faster."


# %% tags=["hide-input"] jupyter={"source_hidden": true}
# Draws: the picture above, under its controls.
lab.explore(network, patients=lab.log_range(1, 10_000, 100), dealer_too=False,
            delay_ms=lab.log_range(0.1, 300, 30), megabits=lab.log_range(1, 10_000, 100),
            labels={"delay_ms": "delay of a message, ms", "megabits": "megabits a second",
                    "dealer_too": "count the dealer's triples too"})

# %% [markdown]
# **Question.** On which network does CKKS win for one patient?
#
# <details><summary>Answer</summary>
#
# On a fast one with long delays: a round is then dearer than a few megabytes.
# Drag the bandwidth to 10,000 and the delay to 100 ms.
# For a deep computation the difference grows, since each further multiplication is one more round for triples
# and none for CKKS (it costs a level instead).
#
# </details>

# %%
far_and_fast, ordinary = wire_seconds(1, 100, 10_000), wire_seconds(1, 30, 100)
lab.claim("one patient: CKKS wins on a fast line with long delays, triples on an ordinary one",
          bool(far_and_fast["CKKS"] < far_and_fast["triples"]
               and ordinary["triples"] < ordinary["CKKS"]))
online = sum(len(each) for sender, *_, each in score_ledger.entries if sender != "dealer")
lab.claim("the formula agrees with the ledger of the real run, to a hundred bytes of framing",
          0 <= online - wire(len(new), False)["triples"][1] < 100)

# %% [markdown]
# ## The attack again
#
# The shop's analyst is back, with the dictionary of a million numbers.
# This time he holds what the bank really sent: its locked numbers.
# And for comparison, hashes with a salt that both sides know.

# %%
def analyst_reads(messages, salt=b""):
    dictionary = (phone(each) for each in range(10**6))
    return len(dictionary_attack(messages, dictionary, salt=salt))


seen = [point[1:] for point in points_in(request)]  # without the byte that says which half
reads = {"locked (PSI)": analyst_reads(seen), "hashed": len(named),
         "hashed, shared salt": analyst_reads(hashed(bank, salt=b"ours"), b"ours")}

fig, ax = lab.plots.figure(8.2, 1.7)
bars = ax.barh(list(reads), list(reads.values()), color=lab.ATTACKER, height=0.6)
ax.bar_label(bars, padding=4)
ax.set(xlim=(0, 1100), title="How many of the bank's 1,000 customers the analyst can name")
plt.show()

# %%
lab.claim("the dictionary explains none of the bank's locked numbers; the salt was no help",
          reads["locked (PSI)"] == 0 and reads["hashed, shared salt"] == len(bank))

# %% [markdown]
# A failed attack proves little; perhaps he was clumsy,
# since the locks start from points of a curve and not from bare hashes.
# So give him our own padlocks, of which he knows every step.
# If the box holds one of fifty numbers, which one?
# With the bank's key it is the dictionary attack again.
# Without it, he may guess a key:

# %%
def guess_key(box, candidates):
    """Does any candidate, locked with a guessed key, give this box?"""
    guessed = ec.generate_private_key(curve)
    return [each for each in candidates if first_lock(guessed, each) == box]


unknown = first_lock(bank_key, bank[0])
with_right_key = [each for each in bank[:50] if first_lock(bank_key, each) == unknown]
# a guessed key is right once in 2^256 times
lab.claim("with the bank's key the dictionary works again, with a guessed one it does not",
          with_right_key == [bank[0]] and guess_key(unknown, bank[:50]) == [])

# %% [markdown]
# The secret key is the whole difference.
# To tell from two boxes what is in them without it is the *decisional Diffie-Hellman problem*,
# assumed to be hard on this curve.
# Now for attacks that PSI does **not** stop.
# The bank is curious.
# It puts into its own list not its customers, but 3,000 telephone numbers in a row.

# %%
lab.predict("What does the bank learn?",
            choices=["nothing: the answer is encrypted", "which common customers are in the range",
                     "all customers of the shop in the range"])

# %%
some = sorted(shop)[0]
start = int(some.split()[-1]) // 1000 * 1000
in_a_row = [phone(each) for each in range(start, start + 3000)]
greedy = IntersectionClient(in_a_row)
careless = IntersectionServer(shop, largest_request=10**6)
loot = greedy.common(careless.setup(3000), careless.answer(greedy.request()))
everything = loot == sorted(set(in_a_row) & set(shop))
lab.truth("all customers of the shop in the range" if everything else
          "which common customers are in the range" if loot else "nothing: the answer is encrypted")
lab.claim("it learns of every customer of the shop in that range, its own or not",
          everything and len(loot) > 0, read=len(loot))

try:
    server.answer(greedy.request())  # the server of before, which had agreed to 1,000 entries
except ValueError as refusal:
    print(refusal)

# %% [markdown]
# The protocol hides what is *not* asked.
# It cannot know what was rightly on the bank's list.
# The server's limit is a remedy, not a cure:
# agree on sizes and on the number of requests beforehand, and count.
# (Better, and costlier: entries that a third party has signed.)
#
# And the triples?
# They must be used **once**.
# Suppose the dealer's disk is full and it hands out yesterday's triple again.
# The company's own medical officer was in yesterday's request:

# %%
def openings(X, triple):
    """What crosses the wire when these patients are scored with this triple: D = X - A."""
    clinic, company = (triples.Multiplier(number, *X.shape, mine, score_bound=256)
                       for number, mine in enumerate(triple))
    company.take_matrix(clinic.give_matrix(X))
    clinic.take_model(company.give_model(weights, bias))
    parts = [field.from_bytes(triples.split(each.opening())[0], X.shape)
             for each in (clinic, company)]
    return sharing.reconstruct(parts)


# %%
yesterday, today = new.X[:1], new.X[1:2]  # the officer, and a stranger
once = triples.deal_triple(1, 30)
change = field.decode((openings(today, once) - openings(yesterday, once)) % field.PRIME)
stranger = yesterday + change  # what the company computes
lab.claim("with a triple used twice the company reads the new patient, all 30 numbers",
          np.abs(stranger - today).max() < 2e-6)

other = field.decode((openings(today, triples.deal_triple(1, 30))
                      - openings(yesterday, once)) % field.PRIME)
# a uniform difference is below 1 in size with probability 2^-39 at most, for each of the 30 numbers
lab.claim("with fresh triples the same sum is noise",
          (np.abs(yesterday + other - today) > 1).all())

# %% [markdown]
# It is the mistake of the one-time pad, in new clothes.
# `Multiplier` refuses a second opening:

# %%
one, two = (triples.Multiplier(number, 1, 30, mine, score_bound=256)
            for number, mine in enumerate(triples.deal_triple(1, 30)))
two.take_matrix(one.give_matrix(today))
one.take_model(two.give_model(weights, bias))
one.opening()
try:
    one.opening()
except ValueError as refusal:
    print(refusal)

# %% [markdown]
# Last, a colleague who *lies*: she adds 5,000 to her subtotal before she says it aloud.
# With additive shares nobody notices.
# With Shamir's, the subtotals must lie on one polynomial, and those beyond the threshold are a check:

# %%
people = {place: sharing.ShareAdder(place, 5, 3, largest=1000) for place in range(1, 6)}
for place, person in people.items():
    for to, message in person.deal([incomes[place - 1]]).items():
        people[to].receive(place, message)
aloud = {place: person.subtotal() for place, person in people.items()}
honest = people[1].total(aloud)[0]

lie = (field.from_bytes(aloud[2], (1,)) + field.encode([5000])) % field.PRIME
try:
    people[1].total({**aloud, 2: field.to_bytes(lie)})
except ValueError as refusal:
    print(refusal)

# %%
only_three = {place: aloud[place] for place in (1, 3)} | {2: field.to_bytes(lie)}
lab.claim("five subtotals expose the lie; three, as many as the threshold, hide it",
          honest == incomes.sum() and people[1].total(only_three)[0] != honest)

# %% [markdown]
# ## Check yourself
#
# **1.** Shamir by hand.
# Modulo 97, with threshold 2, the person at $x = 1$ holds 40 and the person at $x = 3$ holds 5.
# What is the secret at $x = 0$?

# %%
secret = ...

check("shamir by hand", secret);

# %% [markdown] tags=["solution"]
# <details><summary>Solution</summary>
#
# Threshold 2 is a straight line, but one that counts modulo 97.
#
# ```python
# slope = (5 - 40) * pow(2, -1, 97) % 97
# secret = (40 - slope) % 97
#
# check("shamir by hand", secret);
# ```
#
# </details>

# %% [markdown]
# **2.** A salary is held in additive shares modulo $p = 2^{61} - 1$.
# Next year it doubles and a bonus of 100 comes on top.
# Write the function from the list of old shares to the list of new ones.
# Each party may use her own share only (and her place in the list).

# %%
raised = ...

check("raise", raised);

# %% [markdown] tags=["solution"]
# <details><summary>Solution</summary>
#
# Everybody doubles; exactly one adds the bonus.
#
# ```python
# def raised(shares):
#     doubled = [2 * each % p for each in shares]
#     return [(doubled[0] + 100) % p, *doubled[1:]]
#
# check("raise", raised);
# ```
#
# </details>

# %% [markdown]
# **3.** A team of `n` computes its average income each month, perfectly securely.
# Then somebody leaves.
# Write the function of the average before, `n`,
# and the average after (of one person fewer) that gives the leaver's income.

# %%
leaver = ...

check("leaver", leaver);

# %% [markdown] tags=["solution"]
# <details><summary>Solution</summary>
#
# Two sums differ by one person.
# No share was broken: the *answers* told.
#
# ```python
# def leaver(before, n, after):
#     return before * n - after * (n - 1)
#
# check("leaver", leaver);
# ```
#
# </details>

# %% [markdown]
# **4.** Which technology for which task?
# Give a dictionary from `"a"` to `"c"` to `"secret sharing"`, `"intersection"` or `"homomorphic"`.
#
# * **a** Ten employers want their average income; all ten are online at the same time.
# * **b** Two shops want to know which customers they have in common, and nothing else.
# * **c** A clinic wants a score from a company's server;
#   the server may work alone, the clinic sends one message.

# %%
choice = ...

check("which technology", choice);

# %% [markdown] tags=["solution"]
# <details><summary>Solution</summary>
#
# Sharing is cheap and needs everybody there.
# Common entries of two lists are what private set intersection is for.
# Under encryption one message is enough, and the server does the work.
#
# ```python
# choice = {"a": "secret sharing", "b": "intersection", "c": "homomorphic"}
# check("which technology", choice);
# ```
#
# </details>

# %% [markdown]
# **5.** A club sends SHA-256 hashes of its members' birth dates "so that nobody can read them".
# How many dates must somebody hash at the most to read them all,
# if the members were born in the 36,525 days of a century?

# %%
hashes = ...

check("hashed birth dates", hashes);

# %% [markdown] tags=["solution"]
# <details><summary>Solution</summary>
#
# One for each date, however many members there are: a blink of an eye.
#
# ```python
# hashes = 36_525
# check("hashed birth dates", hashes);
# ```
#
# </details>

# %% [markdown]
# ## What the article says
#
# *(Optional. 5 minutes.)*
# Article A (*data privacy in deploying large models*)
# counts *private computing* among the techniques that protect users,
# and has it used when a model is in use.
# It does not say what it is.
# Here it is, three times:

# %%
lab.claim("private computing answers three questions rightly (a sum, a model's scores, an "
          "intersection) and the dictionary finds nothing in its messages",
          total == incomes.sum() and ((scores > 0) == (plain_scores > 0)).all()
          and found == sorted(set(bank) & set(shop)) and reads["locked (PSI)"] == 0,
          article="A3", verdict="holds")

# %% [markdown]
# It also lists the price: such techniques are complex, may lower the model's performance, and are expensive.
# Which of these have we seen?

# %%
online_plain = wire(len(new), False)["plain"][1]
shared_cost, plain_cost = costs["secret sharing"], costs["plain text"]
lab.claim("here privacy cost bytes, rounds and processor time, and no accuracy: every "
          "diagnosis is the plain model's",
          online > 5 * online_plain and shared_cost[1] > plain_cost[1]
          and shared_cost[2] > plain_cost[2] and ((scores > 0) == (plain_scores > 0)).all(),
          article="A5", verdict="holds once repaired", times_the_bytes=online / online_plain)

# %% [markdown]
# Accuracy is what differential privacy pays with (lab 05), not these.
# And the list leaves out a price, *trust*: each technique here is safe only against certain coalitions.
# That column belongs into every comparison.
#
# ## Limits and further reading
#
# **The answer leaks.** Exercise 3 and the widget show it.
# Private computing hides the way to the answer; differential privacy (labs 03 to 06) blurs the answer.
# Serious systems use both.
#
# **Inputs may be lies.**
# Nobody checks that a salary is true, or that a telephone number belongs to a customer.
#
# **Our parties follow the protocol.**
# They are *semi-honest*: curious, but they send what they should.
# A company that sends a wrong opening makes the scores wrong, and nobody notices.
# Protocols against cheaters add a check to every share (Damgård,
# Pastro, Smart, Zakarias, *Multiparty computation from somewhat homomorphic encryption*,
# CRYPTO 2012, [ePrint 2011/535](https://eprint.iacr.org/2011/535)).
#
# **The dealer knows the masks.**
# Whoever gets the dealer's triples and the openings reads everything.
# Without a dealer, triples are made by oblivious transfer
# or homomorphic encryption, and cost far more than their use.
#
# **Channels.** Shares must travel encrypted and authenticated (lab 02):
# an eavesdropper who collects enough of them reads the secret,
# and a share changed on the way is another number.
#
# **Only sums and products.**
# A comparison ($x > y$) is many multiplications on shared bits, hence many rounds.
# That is why our model gives a score and the clinic compares by itself.
# As in lab 10, from enough scores the clinic can work out the company's weights.
#
# **PSI shows both sizes,** and repeated runs show who came and went, even when each run gives a count only.
# Its safety rests on elliptic curves, which a large quantum computer would break (lab 24);
# that of secret sharing rests on no such problem.
#
# Further reading: Shamir, *How to share a secret*, Communications of the ACM 1979.
# Ben-Or, Goldwasser, Wigderson,
# *Completeness theorems for non-cryptographic fault-tolerant distributed computation*, STOC 1988.
# Beaver, *Efficient multiparty protocols using circuit randomization*, CRYPTO 1991.
# Huberman, Franklin, Hogg, *Enhancing privacy and trust in electronic communities*, EC 1999: the padlocks.
# Evans, Kolesnikov, Rosulek, *A pragmatic introduction to secure multi-party computation*,
# 2018: the book to read next.
# Costan and Devadas, *Intel SGX explained*, [ePrint 2016/086](https://eprint.iacr.org/2016/086):
# what an enclave is, and what it is not.
