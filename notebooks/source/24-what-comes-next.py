# ---
# jupyter:
#   kernelspec: {display_name: Python 3, language: python, name: python3}
# ---

# %% [markdown]
# # 24 · What comes next
#
# *75 minutes.
# You need lab 02: encryption, TLS, the Merkle tree.
# Lab 10 helps.*
#
# **Afterwards you can** factor a number by finding a period,
# and say which of your locks that opens and which not;
# solve a small problem of the kind on which ML-KEM and CKKS rest, and read off why a large one stands;
# agree on a key that a quantum computer does not open, and say what it costs;
# decide what has to move first;
# choose between a log with witnesses and a blockchain;
# and tell what an experiment can show a regulator from what is left to a lawyer.

# %%
import hashlib
import math
import os
import ssl
import time

import matplotlib.pyplot as plt
import numpy as np
from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.asymmetric.mlkem import MLKEM768PrivateKey
from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from IPython.display import Markdown

from labkit import datasets, lab, lattice, quantum, security
from labkit.exercises.lab_24 import check, small_problem
from labkit.lattice.lwe import small_numbers
from labkit.standards import CHECKLIST, LABS, TEXTS

rng = np.random.default_rng(24)

# %% [markdown]
# ## What goes wrong
#
# A clinic sends a patient's row to a registry.
# The row is encrypted with AES (lab 02), the key of AES with the registry's RSA key.
# Nobody can read it today, and a listener records it all the same.
# **Harvest now, decrypt later**: storage is cheap, and a diagnosis stays true for a lifetime.
#
# Our RSA has a modulus of ten bits instead of two thousand, so that both sides fit into a notebook.

# %%
row = datasets.heart_disease().table.iloc[[3]].to_csv(index=False, header=False).encode()


def sealed_under(secret, message):
    """AES-GCM under a key that comes from a secret; used for one message, so the nonce may be fixed."""
    key = hashlib.sha256(secret).digest()
    return AESGCM(key).encrypt(bytes(12), message, None)


def opened_under(secret, sealed):
    """The message, or None where the secret is another one."""
    try:
        return AESGCM(hashlib.sha256(secret).digest()).decrypt(bytes(12), sealed, None)
    except InvalidTag:
        return None


N, e = 29 * 31, 17  # the registry's public key; it alone knows 29 and 31
session = int(rng.integers(2, N))
recorded = {"N": N, "e": e, "session key": pow(session, e, N),
            "row": sealed_under(str(session).encode(), row)}
print({name: value if name != "row" else f"{len(value)} bytes" for name, value in recorded.items()})

# %% [markdown]
# Years later somebody has a quantum computer.
# Its memory is made of *qubits*.
# $n$ of them hold up to $2^n$ numbers at once, the *amplitudes*;
# a measurement gives one of $2^n$ outcomes, with its amplitude squared as the chance.
# We keep those that are not zero in an array.
# Here is what it finds out about $N$:

# %%
found = quantum.factor(recorded["N"], rng=rng)
p, q = found.factors
private = pow(e, -1, (p - 1) * (q - 1))  # what the registry computed when it made its key
read = opened_under(str(pow(recorded["session key"], private, N)).encode(), recorded["row"])
print(f"{found.qubits} qubits: {N} = {p} x {q}, from the period {found.period} of the powers of {found.base}")

# %%
lab.claim("a recording of a toy RSA is opened by finding a period, years after it was made",
          read == row and p * q == N, qubits=found.qubits)

# %% [markdown]
# The machine was not faster at trying keys.
# It did something else, which works on RSA and on elliptic curves.
# AES, in the same message, was never attacked.
#
# ## The idea
#
# Take the powers $1, a, a^2, a^3, \dots$ modulo $N$.
# They come back to 1 after $r$ steps, the **period**.
# If $r$ is even, then
#
# $$\left(a^{r/2}-1\right)\left(a^{r/2}+1\right) \equiv 0 \pmod N,$$
#
# a product that $N$ divides; so each bracket shares a factor with $N$, unless one of them is 0 already.
# For a large $N$ the period is far too long to be found by walking.
# A quantum computer holds all powers at once.
# Measuring one of them leaves a **comb**: only those exponents with that power, $r$ apart.
# A Fourier transform turns the comb into **peaks**, at multiples of one over the period.

# %% tags=["hide-input"] jupyter={"source_hidden": true}
# Draws: the comb and its peaks, for the powers of 2 modulo 21.
exponents = np.arange(48)
fig, (left, right) = lab.plots.figure(8.2, 2.4, ncols=2)
comb = np.array([pow(2, int(each), 21) == 4 for each in exponents])
left.vlines(exponents[comb], 0, 1, color=lab.ATTACKER, lw=3)
left.plot(exponents[~comb], np.zeros(sum(~comb)), ".", color=lab.PLAIN, ms=3)
left.set(title="exponents whose power is 4", xlabel="exponent", yticks=[])
right.vlines(np.arange(512) / 512, 0, quantum.probabilities(21, 2, qubits=9, second=4), color=lab.ATTACKER)
right.set(title="what is measured after the transform", xlabel="outcome, as a share of the range",
          ylabel="chance", xticks=np.arange(7) / 6, xticklabels=["0", "1/6", "1/3", "1/2", "2/3", "5/6", "1"])
plt.show()

# %% [markdown]
# So what falls is what hides a *period*: RSA, Diffie and Hellman's key exchange, elliptic curves.
# AES and SHA-256 have none that anybody knows.
# For them there is only **Grover's** search, which asks as many questions as the square root
# of the number of keys.
# And a third family, **lattices**, has neither a period that anybody can use nor so few keys.
#
# ## Build it
#
# **The circuit.** The first register holds every exponent at once.
# The second becomes the power.
# What follows is that, with one array for the amplitudes.

# %%
def run_circuit(N, a, qubits, rng):
    """One measurement of the first register, a whole number below 2**qubits."""
    exponents = np.arange(2**qubits)
    powers = np.array([pow(a, int(each), N) for each in exponents])
    seen = powers[rng.integers(len(powers))]            # the second register is measured
    amplitudes = (powers == seen) / np.sqrt(np.sum(powers == seen))
    amplitudes = np.fft.fft(amplitudes, norm="ortho")   # the quantum Fourier transform
    chances = np.abs(amplitudes) ** 2
    return rng.choice(len(chances), p=chances / chances.sum())


outcomes = [int(run_circuit(21, 2, 10, rng)) for _ in range(6)]
for outcome in outcomes:
    print(f"{outcome:4} of 1,024: the period that it tells is {quantum.period_from(outcome, 10, 21, 2)}")

# %% [markdown]
# Not every outcome helps: 0 says nothing.
# A fraction may have lost a factor (512 is 1/2, not 3/6), so small multiples of its denominator
# are tried, too.

# %%
lab.predict("Of a hundred runs for N = 21, how many tell the period?", low=0, high=100)

# %%
chances = quantum.probabilities(21, 2, qubits=10, second=1)
tells = [quantum.period_from(outcome, 10, 21, 2) == 6 for outcome in range(1024)]
lab.truth(round(100 * chances[tells].sum()), "of a hundred")
lab.claim("so often does a run tell the period that a few are enough", chances[tells].sum() > 0.5)
lab.claim("control: outcomes drawn at random tell it far more seldom",
          np.mean(tells) < chances[tells].sum() / 3, at_random=float(np.mean(tells)))

# %% [markdown]
# **A lock without a period.** Write down equations that are all slightly wrong:
#
# $$b = A\,s + e \pmod q,$$
#
# with a public table $A$ of random numbers, a secret $s$ and errors $e$ of small whole numbers.
# Without the errors, $s$ falls to school algebra.
# With them the problem is called **[learning with errors](00-start-here.ipynb#Glossary)** (LWE),
# and nobody knows a fast way, with or without a quantum computer.
# A bit is locked by adding up some of the equations and adding half of $q$, or nothing:

# %%
q = 3329  # ML-KEM's modulus. ML-KEM-768 has 768 unknowns, ours has 16


def lock(bit, public, rng):
    """A pair that only the owner of the secret reads (after Regev 2005, Lindner and Peikert 2011)."""
    some, slips, slip = (small_numbers(size, 2, rng) for size in (len(public.b), public.n, 1))
    return (some @ public.A + slips) % q, int(some @ public.b + slip[0] + bit * (q // 2)) % q


def unlock(locked, secret):
    row, total = locked
    return int(q / 4 < (total - row @ secret) % q < 3 * q / 4)  # nearer to q / 2 than to 0?


public, secret = lattice.problem(16, q, eta=2, rng=rng)
bits = rng.integers(0, 2, 200)
locked = [lock(bit, public, rng) for bit in bits]
lab.claim("200 bits come back as they went in", [unlock(each, secret) for each in locked] == list(bits))

# %% [markdown]
# CKKS (labs 10 and 11) rests on the same equations.
# It adds not a bit but scaled numbers, and lets the errors blur their last digits.
# To save room, its table $A$ is made of one row, moved on by a place each time (a *ring*).

# %%
q_ckks, scale = 2**30, 2**15
ring, ring_secret = lattice.ring_problem(32, q_ckks, eta=1, rng=rng)
heights = rng.normal(170, 10, 32).round(1)
ciphertext = (ring.b + np.rint(scale * heights).astype(int)) % q_ckks  # next to ring.A, which is public


def decrypt_ckks(ciphertext, secret):
    left = (ciphertext - ring.A @ secret) % q_ckks
    return (left - q_ckks * (left > q_ckks // 2)) / scale


error = np.abs(decrypt_ckks(ciphertext, ring_secret) - heights).max()
lab.claim("the toy CKKS gives its numbers back, blurred in the fifth decimal", 0 < error < 1e-4)

# %% [markdown]
# **The attack on both.** All whole combinations of some vectors form a **lattice**.
# Write $A$, $b$ and $q$ into a table of vectors in the right way,
# and $(s, e, 1)$ is one of the combinations, far shorter than nearly all others.
# Looking for short combinations is called *reduction*; the classic is **LLL** (1982).
# Here is what it does to two long vectors that stand for a lattice in the plane.

# %% tags=["hide-input"] jupyter={"source_hidden": true}
# Draws: a lattice in the plane, its long basis and the short one that LLL makes of it.
long_basis = np.array([[9, 5], [13, 8]])
short_basis = lattice.lll(long_basis)
points = np.array([[i, j] for i in range(-60, 61) for j in range(-60, 61)]) @ long_basis
points = points[(np.abs(points - [6, 4]) <= [9, 6]).all(axis=1)]
fig, axes = lab.plots.figure(8.2, 2.5, ncols=2)
for ax, basis, colour, title in zip(axes, (long_basis, short_basis), (lab.PLAIN, lab.ATTACKER),
                                    ("the vectors that were given", "after reduction: the same points")):
    ax.plot(*points.T, ".", color="#999999", ms=4)
    for x, y in basis:
        ax.annotate("", (x, y), (0, 0), arrowprops={"arrowstyle": "->", "color": colour, "lw": 2})
    ax.set(title=title, aspect="equal", xlim=(-3.5, 15.5), ylim=(-2.5, 10.5), xticks=[], yticks=[])
plt.show()

# %% [markdown]
# With two vectors one sees the short ones; with 33 or 65 one does not, and LLL does.
# We call it from the FLINT library.
# See whether one call opens ML-KEM's little brother, or that of CKKS.

# %%
stolen = lattice.solve(public, block_sizes=())             # LLL, and nothing else
readable = [unlock(each, stolen.secret) for each in locked] == list(bits)

# in CKKS the public key is such a table: the equations without the message
key, key_secret = lattice.ring_problem(32, q_ckks, eta=1, rng=rng)
taken = lattice.solve(key, block_sizes=())
lab.claim("one call opens both toys: they stand on one and the same problem",
          readable and np.array_equal(taken.secret, key_secret))

# %% [markdown]
# The attacker saw only what is public, and knows that he is right:
# his secret leaves small errors in every equation.
# So what protects the real ones is their size, and we must see what size costs.
#
# ## Use the real thing
#
# **ML-KEM** is the standard (FIPS 203, August 2024), and `cryptography` has it.
# A *key encapsulation* makes a fresh secret and locks it for the owner of a public key.

# %%
owner = MLKEM768PrivateKey.generate()
fresh, capsule = owner.public_key().encapsulate()
sizes = len(owner.public_key().public_bytes_raw()), len(capsule)
lab.claim("both sides have the same 32 bytes; 1,184 bytes went one way and 1,088 the other",
          owner.decapsulate(capsule) == fresh and sizes == (1184, 1088))

# %% [markdown]
# In TLS it comes as **X25519MLKEM768**: an elliptic curve *and* ML-KEM, and the key depends on both.
# Should lattices fall to somebody clever, the curve still stands, and the other way round.
#
# Which of them does *your* Python use?
# The first message of a connection is in the clear, so the recorder of lab 02 can tell.

# %%
authority = security.CertificateAuthority("Office authority")
NAME, DESK = "records.office.example", "desk-3.office.example"
server, desk = authority.issue(NAME, "server"), authority.issue(DESK, "client")
ours = {"identity": server, "trusted": authority.certificate, "clients": [DESK]}
with security.serve(lambda question: row, **ours) as serving:
    with security.Recorder(serving.address) as listener:
        security.ask(listener.address, b"row 3", trusted=authority.certificate, server_name=NAME,
                     identity=desk)
offered = security.groups_offered(listener.sent)
(chosen,) = security.groups_offered(listener.answered)
lab.measured(f"{' '.join(ssl.OPENSSL_VERSION.split()[:2])} inside this Python agreed by {chosen}")

# %%
hybrid = "X25519MLKEM768"
if hybrid in offered:
    lab.measured("this Python offers ML-KEM by itself")
else:
    lab.measured("this Python does not offer ML-KEM: its OpenSSL is older than 3.5")
lab.claim("what is agreed on is something that the client offered with a share", offered[chosen] >= 32)

# %% [markdown]
# Python's `ssl` module has no switch that adds ML-KEM to an older OpenSSL.
# What it offers is decided when Python is built: OpenSSL 3.5 (April 2025) and later offer it unasked.
# But the `cryptography` package brings an OpenSSL of its own, and `pyOpenSSL` speaks TLS with that.
# Same certificates, same rules, other library:

# %%
plain = security.handshake(server, desk, authority.certificate, library="ssl", only_x25519=True)
both = security.handshake(server, desk, authority.certificate, library="cryptography")
lab.claim("with the OpenSSL of cryptography the two sides agree by X25519MLKEM768",
          both.group == hybrid and plain.group == "X25519", share=both.offered[hybrid])

# %% [markdown]
# Certificates are still signed with an elliptic curve.
# That can wait: a signature is checked *now*, and forging it later opens no recording.
#
# ### Standards and law
#
# What comes next is not only machines.
# Below is what five texts on privacy ask for, and one on keys, with the lab that shows what it means.

# %%
lab.predict("How many of the lines leave nothing for somebody to decide?", low=0, high=len(CHECKLIST))

# %%
def link(number, heading):
    return f"[{number}]({LABS[number]}.ipynb#{heading.replace(' ', '-')})"


lines = ["| " + " | ".join([each.text, each.where, each.asks, ", ".join(link(*place) for place in each.shown),
                            each.left]) + " |" for each in CHECKLIST]
texts = [f"* **{name}**: [{each.title}]({each.source}); {each.dates}." for name, each in TEXTS.items()]
Markdown("| text | where | what is asked | shown in | what is left |\n|---|---|---|---|---|\n"
         + "\n".join(lines) + "\n\n" + "\n".join(texts))

# %%
settled = sum(each.left.startswith("none") for each in CHECKLIST)
lab.truth(settled)
lab.claim("nearly every line leaves something that no number decides", settled <= 2, lines=len(CHECKLIST))

# %% [markdown]
# Dates are as of November 2026, and the words are ours.
# Read the text itself before you rely on a line, or better, ask somebody who does so for a living.
#
# ## What it costs
#
# **The handshake.** Which takes longer, the elliptic curve or ML-KEM?
# And which is larger?

# %%
def milliseconds(action, rounds=200):
    began = time.process_time()
    for _ in range(rounds):
        action()
    return 1000 * (time.process_time() - began) / rounds


def curve_exchange():
    mine, theirs = X25519PrivateKey.generate(), X25519PrivateKey.generate()
    return mine.exchange(theirs.public_key()), theirs.exchange(mine.public_key())


def kem_exchange():
    mine = MLKEM768PrivateKey.generate()
    secret, sent = mine.public_key().encapsulate()
    return mine.decapsulate(sent), secret


# %%
for name, exchange in (("X25519", curve_exchange), ("ML-KEM-768", kem_exchange)):
    lab.measured(f"one exchange by {name}: {milliseconds(exchange):.2f} ms of processor time")
for name, each in (("X25519", plain), (hybrid, both)):
    lab.measured(f"a whole handshake with {name}: {each.client_bytes:,} bytes from the client, "
                 f"{each.server_bytes:,} from the server")
extra = both.client_bytes + both.server_bytes - plain.client_bytes - plain.server_bytes
lab.claim("ML-KEM adds about two kilobytes to a connection", 2100 < extra < 2600,
          share_of_the_curve=plain.offered["X25519"], share_of_both=both.offered[hybrid])

# %% [markdown]
# Both are over in less than the blink of an eye, so the price is bytes:
# two kilobytes a connection, however much is said afterwards.
#
# **The quantum computer.** For $N$ of $b$ bits we kept $2b$ qubits' worth of amplitudes.
# The circuit has $3b$ qubits and a few more to compute with; cleverer ones do with fewer,
# and none needs an array.
# Here is how our array grows:

# %%
amplitudes = {bits: len(quantum.probabilities(2**bits - 1, 2)) for bits in (4, 6, 8, 10)}
print(", ".join(f"{bits} bits: {count:,}" for bits, count in amplitudes.items()))
lab.claim("each bit of N quadruples the array: for RSA's 2,048 bits, 4 to the power of 2,048 entries",
          all(count == 4**bits for bits, count in amplitudes.items()))

# %% [markdown]
# So this machine will not do it.
# A real one has to fight errors instead.
# An estimate of 2025 asks for under a million noisy qubits, for less than a week, to factor 2,048 bits;
# the estimate of 2019 had asked for twenty million (both by Gidney; the sources are at the end).
# No machine of today is near either.
# Nobody knows when one will be, and this number fell twentyfold in six years without any machine.
#
# **The lattice.** LLL was one call.
# When it fails, one searches **blocks**: take some neighbouring vectors of the table,
# and find their shortest combination by trying all that could be.
# We solve problems of 24 to 40 unknowns modulo 31, with growing blocks,
# and count the combinations that were visited; no processor changes that count.

# %%
lab.predict("From 28 unknowns to 40, not half as many again, the count grows", choices=["less than twice",
            "two to five times", "more than five times"])

# %%
SIZES = [24, 28, 32, 36, 40]
visited, by_lll, solved = {}, {}, []
for n in SIZES:
    searches = []
    for _ in range(12 if n < 40 else 6):
        public_key, answer = lattice.problem(n, 31, samples=int(0.8 * n), rng=rng)
        searches.append(lattice.solve(public_key, block_sizes=range(8, 32, 2), tours=4))
        solved.append(np.array_equal(searches[-1].secret, answer))
    visited[n] = [each.nodes for each in searches]
    by_lll[n] = np.mean([each.block_size == 2 for each in searches])

# %%
growth = np.mean(visited[40]) / max(np.mean(visited[28]), 1)
lab.truth("more than five times" if growth > 5 else "two to five times" if growth > 2 else "less than twice")
lab.claim("nearly all are solved, each by what is public alone", np.mean(solved) > 0.85)
lab.claim("with 24 unknowns LLL alone may do; from 28 to 40 the search grows more than fivefold",
          by_lll[24] > by_lll[40] and growth > 5)

# %% tags=["hide-input"] jupyter={"source_hidden": true}
# Draws: the cost of solving LWE against the number of unknowns.
fig, (left, right) = lab.plots.figure(8.2, 2.7, ncols=2)
for n in SIZES:
    left.plot([n] * len(visited[n]), np.maximum(visited[n], 100), "o", ms=4, alpha=0.35, color=lab.ATTACKER)
left.plot(SIZES[1:], [np.mean(visited[n]) for n in SIZES[1:]], "-", color=lab.ATTACKER, label="on average")
left.set(yscale="log", xlabel="unknowns, modulo 31", title="combinations visited", xticks=SIZES)
left.set_yticks([100, 1e3, 1e4, 1e5, 1e6], ["none", "1,000", "10,000", "100,000", "1,000,000"])
left.legend(loc="lower right", fontsize=9)
wide = np.arange(40, 780, 20)
model = [lattice.estimate(int(n), 3329, secret_sigma=1.0, most_samples=int(n)).classical_bits for n in wide]
right.plot(wide, model, color=lab.GUARANTEE, label="the model, modulo 3,329")
right.axvline(768, color=lab.BASELINE, ls="--", lw=1)
right.text(755, 20, "ML-KEM-768", rotation=90, ha="right", size=9)
right.set(xlabel="unknowns", ylabel="log2 of the steps", title="beyond what can be tried")
right.legend(loc="upper left", fontsize=9)
plt.show()

# %% [markdown]
# The left curve is measured, on a log scale, a dot for each problem.
# Luck scatters them, and the average climbs by a *factor* for every few unknowns more: it is exponential.
# The right one is a **model**: it says how large the block must be,
# and counts $2^{0.292\,\beta}$ steps for a block of $\beta$ vectors, the best search known.
# Does the model deserve trust?
# It gives the strengths that the designers of ML-KEM published, and the limits that lab 10 used for CKKS.

# %%
kem = {n: lattice.estimate(n, 3329, secret_sigma=sigma, most_samples=n)
       for n, sigma in ((512, math.sqrt(1.5)), (768, 1.0), (1024, 1.0))}
ckks = {n: lattice.estimate(n, 2**bits, secret_sigma=math.sqrt(2 / 3), error_sigma=3.2)
        for n, bits in ((8192, 214), (16384, 430))}
for name, found in (("ML-KEM", kem), ("CKKS", ckks)):
    for n, each in found.items():
        print(f"{name:6} {n:6,} unknowns: block {each.block_size}, "
              f"2^{each.classical_bits:.1f} steps in one block, 2^{each.whole_bits:.1f} in all")
lab.claim("for ML-KEM-512 it says 118 bits, as its designers did (2021)",
          118 <= kem[512].classical_bits < 119)
lab.claim("for CKKS at the limits of the 2024 guideline it says 128 bits or a little more, once all that the "
          "count leaves out is added", all(127 < each.whole_bits < 135 for each in ckks.values()))
lab.claim("with over ten times its unknowns, CKKS is the easier problem, by eighty bits and more",
          8192 > 10 * 768 and kem[768].classical_bits - ckks[8192].classical_bits > 80)

# %% [markdown]
# CKKS has over ten times the unknowns of ML-KEM-768, and is the *easier* problem:
# its modulus has hundreds of bits, and its errors are as small as ever.
# That is why lab 10 was given a table of allowed bits for each $N$.
#
# **The ledgers.** Article B proposes a blockchain.
# Lab 02 had a log with one signature; what it lacked is somebody to notice when the log shows
# *two histories to two people*.
# **Witnesses** do: each signs a head only if it extends the one that it signed before.
# A **blockchain** with proof of work does without names: whoever computes most writes on.
# A thousand entries in eight batches, in both:

# %%
batches = [[f"desk {number} read row {batch * number}" for number in range(125)] for batch in range(8)]
log = security.Ledger()
witnesses = [security.Witness(log.public_key) for _ in range(5)]
began, before = time.process_time(), 0
for batch in batches:
    for entry in batch:
        log.append(entry)
    proof = log.consistency_proof(before) if before else ()
    head, before = log.head(), len(log)
    signatures = {place: each.cosign(head, proof) for place, each in enumerate(witnesses)}
signed = security.CosignedHead(head, signatures)
of_the_log = time.process_time() - began
signed.check(log.public_key, [each.public_key for each in witnesses], threshold=4)

# %%
began, chain = time.process_time(), security.WorkChain(difficulty=14)
for batch in batches:
    chain.mine([entry.encode() for entry in batch])
of_the_chain = time.process_time() - began
proof_in_log = 32 * len(log.inclusion_proof(7)) + signed.proof_bytes
proof_in_chain = 32 * len(chain.inclusion_proof(0, 7)) + sum(len(each.header) for each in chain.blocks)
lab.measured(f"seconds of processor time: log and witnesses {of_the_log:.2f}, chain {of_the_chain:.2f}")
hashes_of_the_log = 2 * len(log)  # a leaf and, on average, one inner node for each entry

# %% [markdown]
# How many hashes does each spend on an entry?
# (The chain is set to 16,000 tries a block, the work of a moment; Bitcoin's needs more than $2^{70}$.)

# %%
lab.claim("the chain spends over ten times as many hashes; they are its protection, fewer would protect less",
          chain.hashes > 10 * hashes_of_the_log, log_per_entry=2)
lab.claim("a proof about one entry takes under a kilobyte in the log; in the chain, every block's header",
          proof_in_log < 1000 and proof_in_chain > 80 * len(chain), log_bytes=proof_in_log,
          chain_bytes=proof_in_chain, chain_bytes_for_each_further_block=80)

# %% [markdown]
# ## Tune it
#
# **How many qubits until the peaks tell the period?**

# %% tags=["hide-input"] jupyter={"source_hidden": true}
# Draws: what does the first register show?
def peaks(fig, number, qubits):
    """How many qubits until the peaks tell the period?"""
    ax = fig.add_axes([0.09, 0.19, 0.88, 0.74])
    chances = quantum.probabilities(number, 2, qubits=qubits)
    period = next(r for r in range(1, number) if pow(2, r, number) == 1)
    tell = np.array([quantum.period_from(each, qubits, number, 2) == period for each in range(len(chances))])
    places = np.arange(len(chances)) / len(chances)
    for mask, colour, name in ((tell, lab.ATTACKER, "tells the period"), (~tell, lab.PLAIN, "does not")):
        ax.vlines(places[mask], 0, chances[mask], color=colour, lw=1.5, label=name)
    ax.set(xlabel="outcome, as a share of the range", ylabel="chance", xlim=(-0.01, 1.01))
    ax.legend(loc="upper right", fontsize=9)
    return (f"The powers of 2 modulo {number} have period {period}. With {qubits} qubits a run tells it with "
            f"a chance of {chances[tell].sum():.0%}.")


lab.explore(peaks, number=[15, 21, 33, 35, 55, 77], qubits=range(3, 13), start={"number": 21, "qubits": 6})

# %% [markdown]
# **Question.** Choose 77, and move the qubits up.
# Where does the chance settle, and what does twice the number of bits of 77 have to do with it?
#
# <details><summary>Answer</summary>
#
# 77 has seven bits.
# With few qubits the peaks are so wide that they touch,
# and a fraction with the right denominator cannot be told from its neighbours.
# The proof that it can asks for a range of more than $N^2$, twice the bits.
# In practice a few less do, because the period is much smaller than $N$.
# </details>
#
# **How large a block does an attacker need?**
# *Find CKKS's limit for 8,192 unknowns, then see what a hundred bits more of modulus do.*

# %% tags=["hide-input"] jupyter={"source_hidden": true}
# Draws: how many steps does a lattice attack take?
KINDS = {"as in ML-KEM": (1.0, 1.0), "as in CKKS": (math.sqrt(2 / 3), 3.2)}
KNOWN = [*((f"ML-KEM-{n}", each) for n, each in kem.items()), ("CKKS, N = 8192", ckks[8192])]


def strength(fig, unknowns, modulus_bits, errors):
    """How many steps does a lattice attack take?"""
    n, bits = round(unknowns), modulus_bits
    secret_sigma, error_sigma = KINDS[errors]
    yours = lattice.estimate(n, round(2.0**bits), secret_sigma=secret_sigma, error_sigma=error_sigma)
    ax = fig.add_axes([0.2, 0.18, 0.77, 0.8])
    for place, (name, each) in enumerate([*KNOWN, ("yours", yours)]):
        shown = min(each.whole_bits, 330)
        ax.barh(place, shown, color=lab.PRIVATE if name == "yours" else lab.PLAIN)
        ax.text(shown - 3, place, f"{each.whole_bits:.0f}", va="center", ha="right", size=9, color="white")
    ax.axvline(128, color=lab.GUARANTEE, ls=":", lw=2)
    ax.text(130, 4.5, "2^128 steps: out of anybody's reach", size=8.5, color=lab.GUARANTEE)
    ax.set_yticks(range(5), [name for name, _ in KNOWN] + ["yours"])
    ax.set(xlim=(0, 335), ylim=(-0.6, 4.9), xlabel="log2 of all steps")
    return (f"{n:,} unknowns, a modulus of {bits:.0f} bits, errors {errors}: "
            f"a block of {yours.block_size} vectors, about 2^{yours.whole_bits:.0f} steps in all; "
            f"a quantum search takes {yours.classical_bits - yours.quantum_bits:.0f} off the exponent.")


lab.explore(strength, unknowns=lab.log_range(64, 32768, 768), modulus_bits=lab.log_range(5, 880, 12),
            errors=list(KINDS), labels={"modulus_bits": "bits of the modulus"})

# %% [markdown]
# **Question.** Does a larger modulus make the problem harder or easier?
# And why does ML-KEM do with so small a one?
#
# <details><summary>Answer</summary>
#
# Easier: what counts is how small the errors are *beside* the modulus.
# CKKS needs a large one, because every multiplication uses some of it up (lab 10's level meter),
# and pays with thousands of unknowns.
# ML-KEM carries 256 bits once and multiplies nothing.
# And the quantum computer?
# Its search takes less than a tenth off every exponent.
# That is a different thing from a period: the bars remain.
# </details>
#
# **When must you move?** Three numbers decide (Mosca 2018): how long the data must stay secret,
# how long moving takes, and when the machine comes.
# Nobody knows the third.

# %% tags=["hide-input"] jupyter={"source_hidden": true}
# Draws: which recordings will be opened while they still matter?
def harvest(fig, secret_for, moving_takes, machine_in):
    """Which recordings will be opened while they still matter?"""
    ax = fig.add_axes([0.03, 0.22, 0.94, 0.72])
    late = max(0, moving_takes - max(0, machine_in - secret_for))
    ax.barh(1, moving_takes, color=lab.PLAIN)
    ax.barh(1, late, left=moving_takes - late, color=lab.ATTACKER)
    ax.text(moving_takes + 0.7, 1, "sent in the old way (orange: to be opened)", va="center", size=9.5)
    ax.barh(0, secret_for, left=moving_takes, color=lab.PRIVATE, alpha=0.5)
    ax.text(moving_takes + secret_for + 0.7, 0, "the last of it must stay secret", va="center", size=9.5)
    ax.axvline(machine_in, color=lab.ATTACKER, ls="--")
    ax.text(machine_in + 0.5, 1.62, "the machine", color=lab.ATTACKER, size=9.5)
    ax.set(xlim=(0, 90), ylim=(-0.6, 1.9), yticks=[], xlabel="years from now")
    if late:
        return (f"What is recorded in {late:.0f} of the {moving_takes:.0f} years until you have moved "
                "will be opened while it still matters (orange).")
    return "Whatever is recorded has lost its worth when the machine comes."


lab.explore(harvest, secret_for=range(0, 51), moving_takes=range(0, 16), machine_in=range(1, 41),
            size=(8.2, 2.3), start={"secret_for": 10, "moving_takes": 8, "machine_in": 15},
            labels={"secret_for": "years it must stay secret", "moving_takes": "years that moving takes",
                    "machine_in": "years until the machine"})

# %% [markdown]
# **Question.** A genome must stay secret for fifty years.
# Is there a setting of the third slider that gives you time?
#
# <details><summary>Answer</summary>
#
# None on this slider: up to forty years, what is sent today is opened in time.
# For such data the harvest has begun, and key exchange is what to change first; signatures can follow.
# For a password reset that is worthless in an hour, nearly every setting is harmless.
# </details>
#
# ## The attack again
#
# **The harvest.** The clinic sends the row once more, first under X25519, then under both.
# We give the listener a perfect quantum computer: it tells him the private key of the curve.
# Here is what he reads:

# %%
def recording(hybrid):
    """What is on the line, and (for the experiment) the curve's private key, which the machine will find."""
    clinic, registry = X25519PrivateKey.generate(), X25519PrivateKey.generate()
    secret = clinic.exchange(registry.public_key())
    line = {"clinic": clinic.public_key(), "registry": registry.public_key()}
    if hybrid:
        owner = MLKEM768PrivateKey.generate()
        fresh, line["capsule"] = owner.public_key().encapsulate()
        line["ml-kem key"] = owner.public_key().public_bytes_raw()
        secret = fresh + secret  # both go into the key, as TLS has it
    return line | {"row": sealed_under(secret, row)}, registry


def listener_reads(line, private=None):
    """All that he can do: try the curve's secret, if a machine has given him the private key, or a guess."""
    secret = private.exchange(line["clinic"]) if private else os.urandom(32)
    return opened_under(secret, line["row"]) == row


old, new = recording(hybrid=False), recording(hybrid=True)
lab.claim("with the machine he opens the old recording and not the new one; without it, neither",
          listener_reads(*old) and not listener_reads(*new)
          and not listener_reads(old[0]) and not listener_reads(new[0]))

# %% [markdown]
# **The keys and the tree.** AES and SHA-256 have no period.
# What remains is Grover's search.
# Here a forger looks for an entry that can take the place of a genuine one in a Merkle tree:
# its hash must be the same.
# We cut the hash to ten bits, and give him 4,096 candidates.
# The question "does this one have that hash?" is asked of all of them at once.

# %%
def cut_hash(entry):
    return int.from_bytes(security.leaf_hash(entry)[:2], "big") >> 6


wanted = cut_hash(b"desk 3 read row 9")
candidates = [b"desk 3 read nothing, %d" % number for number in range(4096)]
marks = np.array([cut_hash(each) == wanted for each in candidates])
print(f"{marks.sum()} of 4,096 candidates would do")

# %%
lab.predict("How often must the question be asked, to have one of them nearly for sure?", low=0, high=1000)

# %%
forged = quantum.search(marks, rng=rng)
lab.truth(forged.questions, "times")
guessed = quantum.search(marks, rounds=0, rng=rng)  # control: measured without a question
lab.claim("a few dozen questions find a forgery nearly for sure; without any it is a guess",
          forged.chance > 0.95 and forged.questions < 60 and guessed.chance < 0.01,
          chance=forged.chance, of_a_guess=guessed.chance)

# %%
questions = {bits: quantum.best_rounds(2**bits) for bits in (10, 20, 30, 128, 256)}
lab.claim("the questions grow with the square root: 32 times as many for ten bits more",
          abs(questions[30] / questions[20] - 32) < 0.1)

# %% [markdown]
# A square root is much, and not enough.
# Say that a machine asks a thousand million questions a second
# (each is a whole AES, in superposition, without error):

# %%
years = {bits: questions[bits] / 1e9 / 3.156e7 for bits in (128, 256)}
lab.claim("AES-256, and the search for a second entry with a given hash of 256 bits, would outlast it by "
          "over a thousand million times the age of the universe", years[256] > 1e9 * 1.38e10,
          AES_128_years=round(years[128]))

# %% [markdown]
# For AES-128 it is centuries on one machine, and machines share this work badly:
# a hundred of them are only ten times as fast.
# So symmetric keys and hash trees stand; take 256 bits, which costs AES 14 rounds instead of 10.
# (Who may choose *both* entries needs about $2^{128}$ tries already today.)
#
# **The two histories.** The operator of the log shows one reader the true list,
# and another one an edited list.
# Both are signed with the log's own key.

# %%
operator = Ed25519PrivateKey.generate()
true, edited = security.Ledger(key=operator), security.Ledger(key=operator)
for number in range(8):
    true.append(f"desk {number} read row {number}")
    edited.append("nobody read anything" if number == 5 else f"desk {number} read row {number}")
for shown in (true, edited):
    shown.check(shown.head())  # each reader, alone, finds nothing wrong

# %%
watch = [security.Witness(operator.public_key()) for _ in range(5)]


def signatures_for(shown, liars):
    """What the operator collects when so many witnesses sign whatever they are given."""
    out = {}
    for place, each in enumerate(watch):
        if place < liars:
            each.head = None  # a liar forgets what it signed
        try:
            out[place] = each.cosign(shown.head())
        except security.LedgerError:
            pass
    return out


first = signatures_for(true, liars=0)
second = {liars: len(signatures_for(edited, liars)) for liars in (0, 2, 5)}
lab.claim("five witnesses sign the first list; the second gets as many signatures as there are liars",
          len(first) == 5 and second == {0: 0, 2: 2, 5: 5})

# %% [markdown]
# And the chain?
# It has no names, so nobody counts liars; it counts computing.
# Somebody rewrites the last six blocks and outruns the others, with a chance that Nakamoto computed:

# %%
chances = {share: security.catch_up(share, 6) for share in (0.1, 0.3, 0.5)}
print({f"{share:.0%} of all computing": f"{chance:.3%}" for share, chance in chances.items()})
lab.claim("a tenth of the computing hardly ever rewrites six blocks; half of it always does",
          chances[0.1] < 0.001 and chances[0.5] == 1.0)

# %% [markdown]
# Such a chain is for parties who have *no list of members* and no authority.
# Hospitals, banks and their supervisors have both.
# (Other chains let those write who own coins, *proof of stake*, or who are on a list;
# the latter are logs with several writers.)
# And neither hides anything by itself.
# On a chain, whoever checks it holds the entries, and nobody can erase them,
# which is the opposite of what article 17 of the GDPR may ask for.
# A log can show heads only, and erase an entry's text; its hash stays, and a hash can be guessed (lab 02).
#
# ## Check yourself
#
# **1.** Write `factors_from(N, a, period)`: the two factors of N, from an even period of the powers of a.
# (Where it fails, one takes another a; here it does not.)

# %%
factors_from = ...

check("factors", factors_from);

# %% [markdown] tags=["solution"]
# <details><summary>Solution</summary>
#
# One bracket shares a factor with N; the other factor is what is left.
#
# ```python
# def factors_from(N, a, period):
#     part = math.gcd(pow(a, period // 2, N) - 1, N)
#     return part, N // part
#
# check("factors", factors_from);
# ```
#
# </details>

# %% [markdown]
# **2.** How many bits must a symmetric key have, so that Grover's search asks $2^{128}$ questions?

# %%
key_bits = ...

check("key bits", key_bits);

# %% [markdown] tags=["solution"]
# <details><summary>Solution</summary>
#
# The square root of $2^{256}$.
#
# ```python
# key_bits = 2 * 128
# check("key bits", key_bits);
# ```
#
# </details>

# %% [markdown]
# **3.** TLS makes one key out of two secrets of 32 bytes, so that a listener must know *both*.
# Write `one_key(curve_secret, kem_secret)`: 32 bytes.

# %%
one_key = ...

check("one key", one_key);

# %% [markdown] tags=["solution"]
# <details><summary>Solution</summary>
#
# A hash over both.
# (TLS puts them side by side into HKDF, its key derivation, which is made of hashes.)
#
# ```python
# def one_key(curve_secret, kem_secret):
#     return hashlib.sha256(kem_secret + curve_secret).digest()
#
# check("one key", one_key);
# ```
#
# </details>

# %% [markdown]
# **4.** `small_problem` has twelve unknowns modulo 3,329.
# Find its secret.

# %%
secret_found = ...

check("a small secret", secret_found);

# %% [markdown] tags=["solution"]
# <details><summary>Solution</summary>
#
# LLL alone does it.
#
# ```python
# secret_found = lattice.solve(small_problem, block_sizes=()).secret
# check("a small secret", secret_found);
# ```
#
# </details>

# %% [markdown]
# **5.** All four still use RSA or elliptic curves, or a hash. What must move first?
#
# * A: the signature on next month's software update.
# * B: genomes, sent over TLS every night to a laboratory.
# * C: the cookie of a session that lasts an hour.
# * D: the root of a Merkle tree.

# %%
first_to_move = ...

check("move first", first_to_move);

# %% [markdown] tags=["solution"]
# <details><summary>Solution</summary>
#
# Only there is a recording of today worth something in fifteen years.
#
# ```python
# first_to_move = "B"
# check("move first", first_to_move);
# ```
#
# </details>

# %% [markdown]
# **6.** Seven witnesses, of whom two sign whatever they are given.
# The honest five sign one of two histories each.
# What is the smallest number of signatures to require, so that never both histories have enough?

# %%
required = ...

check("enough witnesses", required);

# %% [markdown] tags=["solution"]
# <details><summary>Solution</summary>
#
# Both together collect $5 + 2 \cdot 2 = 9$ signatures: at 5 each they would need 10.
#
# ```python
# required = next(count for count in range(1, 8) if 2 * count > 7 + 2)
# check("enough witnesses", required);
# ```
#
# </details>

# %% [markdown]
# **7.** Eight hospitals and their supervisor want a record of who used which data,
# which none of them can change behind the others' backs.
# What do they take?
#
# * A: a log, with each of the nine as a witness.
# * B: a blockchain with proof of work.
# * C: a shared database with backups.
# * D: the hash of each entry, published.

# %%
they_take = ...

check("log or chain", they_take);

# %% [markdown] tags=["solution"]
# <details><summary>Solution</summary>
#
# They know each other, so they can count each other's signatures.
#
# ```python
# they_take = "A"
# check("log or chain", they_take);
# ```
#
# </details>

# %% [markdown]
# **8.** Which of these questions stays with a lawyer, whatever these labs measure?
#
# * A: how often a record is found again by the attack of lab 01.
# * B: which epsilon has been spent on a table so far.
# * C: whether the release is still personal data.
# * D: which key exchange a server uses.

# %%
stays = ...

check("left to a lawyer", stays);

# %% [markdown] tags=["solution"]
# <details><summary>Solution</summary>
#
# "Means reasonably likely to be used" to identify somebody (GDPR, recital 26):
# that needs the numbers of A, and a judgement on top.
#
# ```python
# stays = "C"
# check("left to a lawyer", stays);
# ```
#
# </details>

# %% [markdown]
# ## What the article says
#
# **Quantum computing, blockchains and federated learning are the future** (B18):
# quantum computing will challenge today's protection and may bring solutions of its own,
# and blockchains make data safer and more transparent.
# Federated learning has its verdict in labs 07 to 09.
# The challenge of the quantum computer is real.
# The solution does not come from it, and what the blockchain gives comes at less cost from a log:

# %%
opened_by_it = read == row and listener_reads(*old)
stands = not listener_reads(*new) and years[256] > 1e9
lab.claim("the quantum computer opened recordings and protected nothing; what stops it runs on this machine",
          opened_by_it and stands, article="B18", verdict="holds once repaired",
          bytes_of_the_share=both.offered[hybrid], before=plain.offered["X25519"])
lab.claim("a log with witnesses shows edits and forks as our chain with proof of work does, for under a "
          "tenth of the hashes",
          second[0] == 0 and chain.hashes > 10 * hashes_of_the_log,
          article="B18", verdict="holds once repaired")

# %% [markdown]
# Repaired: the future of *encryption* is mathematics without a period that anybody can use,
# the future of *evidence* is a log that several people watch,
# and neither makes anything private that is computed from the data afterwards.
# That is the subject of the other labs.
#
# ## Limits and further reading
#
# - **Our state vector has no noise.**
#   Real qubits do, and correcting them is most of the cost.
#   The estimates above assume machines that nobody has built.
# - **The lattice model is a model.**
#   Better attacks would lower it; that is why TLS keeps the curve beside ML-KEM.
#   Our block search is a plain one: pruning and sieving reach much larger dimensions.
# - **ML-KEM and real CKKS use rings.**
#   No attack is known that gains much from them, and there is no proof that none exists.
# - **The toys are toys.** Fixed nonces, ten bits, no padding.
#   For work take the libraries, and do not write your own.
# - **Certificates** in the handshakes here are still signed with elliptic curves.
#   ML-DSA and SLH-DSA (FIPS 204 and 205) are the standards that replace them, at several kilobytes each.
# - **Quantum key distribution** is not tried here. It needs lines of its own, and no quantum computer.
# - **Witnesses** see heads, not entries: they keep the log consistent, not true.
# - **A toy chain** has no network, no coins and no incentives, which is where real ones succeed or fail.
# - **The checklist** is a map by engineers. It leaves out most of each text, and other laws altogether.
#
# **Sources.** Shor, "Polynomial-time algorithms for prime factorization and discrete logarithms on a quantum
# computer", SIAM J. Computing 26, 1997.
# Gidney and Ekerå, "How to factor 2048 bit RSA integers in 8 hours using 20 million noisy qubits",
# Quantum 5, 2021 ([arXiv:1905.09749](https://arxiv.org/abs/1905.09749)).
# Gidney, "How to factor 2048 bit RSA integers with less than a million noisy qubits", 2025
# ([arXiv:2505.15917](https://arxiv.org/abs/2505.15917)).
# Grover, "A fast quantum mechanical algorithm for database search", STOC 1996.
# Regev, "On lattices, learning with errors, random linear codes, and cryptography", STOC 2005.
# Lenstra, Lenstra, Lovász, "Factoring polynomials with rational coefficients",
# Mathematische Annalen 261, 1982.
# Schnorr and Euchner, "Lattice basis reduction", Mathematical Programming 66, 1994.
# Alkim, Ducas, Pöppelmann, Schwabe, "Post-quantum key exchange: a new hope", USENIX Security 2016.
# Albrecht, Player, Scott, "On the concrete hardness of learning with errors",
# J. Mathematical Cryptology 9, 2015.
# Bossuat et al., "Security guidelines for implementing homomorphic encryption",
# [ePrint 2024/463](https://eprint.iacr.org/2024/463).
# Avanzi et al., "CRYSTALS-Kyber, algorithm specifications", round 3, 2021.
# NIST, [FIPS 203](https://doi.org/10.6028/NIST.FIPS.203), 2024;
# IR 8547, "Transition to post-quantum cryptography standards", draft of November 2024.
# Mosca, "Cybersecurity in an era with quantum computers: will we be ready?",
# IEEE Security & Privacy 16, 2018.
# Syta et al., "Keeping authorities honest or bust with decentralized witness cosigning", IEEE S&P 2016.
# Nakamoto, "Bitcoin: a peer-to-peer electronic cash system", 2008.
