# ---
# jupyter:
#   kernelspec: {display_name: Python 3, language: python, name: python3}
# ---

# %% [markdown]
# # 2 · Locks, seals and witnesses
#
# *35 minutes. You need lab 00. The whole page runs in under a minute; every connection stays inside this machine.*
#
# **Afterwards you can** name the attacker that each piece of data security stops (encrypted storage, access control,
# secure transport, a tamper-evident log), call the library for it, and say what it does *not* stop.

# %%
import os
import shutil
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import matplotlib.pyplot as plt
import numpy as np
from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers import Cipher
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.ciphers.algorithms import AES
from cryptography.hazmat.primitives.ciphers.modes import CTR
from sklearn.linear_model import LogisticRegression

from labkit import datasets, lab, security
from labkit.exercises.lab_02 import check, directors_ciphertext, my_ciphertext, my_row, stored_order

rng = np.random.default_rng(2)
office = Path(tempfile.mkdtemp())

# %% [markdown]
# ## What goes wrong
#
# An office keeps a file about 200 people. It is real: Adult, answers to the United States census of 1994. The last column says
# whether somebody earns more than 50,000 dollars a year. **Four attackers** come by. The first takes the disk.

# %%
people = datasets.adult().table.head(200)
payroll = people.to_csv(index=False, lineterminator="\n").encode()
(office / "payroll.csv").write_bytes(payroll)
print((office / "payroll.csv").read_bytes().split(b"\n")[3].decode())

# %% [markdown]
# Passwords and file permissions belong to the operating system; a disk in another computer knows nothing of them. So the
# office **encrypts** the file, with AES-256 in counter mode and a key that the thief does not have.

# %%
key, start = os.urandom(32), os.urandom(16)


def encrypt_only(data):  # in counter mode, decrypting is the same operation
    return Cipher(AES(key), CTR(start)).encryptor().update(data)


stored = encrypt_only(payroll)
lab.claim("the thief finds no word of the file in the ciphertext",
          not any(word in stored for word in [b"Private", b"Male", b"50K"]))

# %% [markdown]
# The second attacker does not want to read. He knows the *format* of the file, and so the place where a row says `>50K`.
# **Before you run the cell:** he has no key. What can he do with one bit?

# %%
place = payroll.index(b">50K")
forged = bytearray(stored)
forged[place] ^= 0b00000010
after = encrypt_only(bytes(forged))
print("stored: ", payroll[place - 22:place + 4].decode())
print("read:   ", after[place - 22:place + 4].decode())

# %% [markdown]
# `>` and `<` differ in one bit, and in counter mode a flipped bit of the ciphertext flips the same bit of the text. Somebody's
# salary changed, the file decrypts without an error, and nothing tells anyone.

# %%
changed = sum(a != b for a, b in zip(after, payroll))
lab.claim("one flipped bit changes one salary silently, without the key",
          after[place:place + 4] == b"<50K" and changed == 1, characters_changed=changed)

# %% [markdown]
# The third attacker listens on the line while a desk asks the server for a row. A *recorder* between the two stands for
# the wireless network, the provider, the tapped cable.

# %%
row = payroll.split(b"\n")[3]
with security.serve(lambda question: row) as server:
    with security.Recorder(server.address) as listener:
        security.ask(listener.address, b"row 3, please")
print(security.hexdump(listener.answered, lines=4))

# %% [markdown]
# The fourth works inside. He read what he should not have read, and the access log says so. It is a text file:

# %%
log = office / "access.log"
log.write_text("clerk-1 read row 3 for payroll\nanalyst-2 read row 8 for curiosity\n")
log.write_text(log.read_text().replace("curiosity", "statistics"))
print(log.read_text())

# %% [markdown]
# Encryption alone stopped one of the four.
#
# ## The idea
#
# A ciphertext protects against reading. Everything else needs a second thing, a **tag**: a short value that nobody can compute
# without the key, over the ciphertext and its circumstances. *Authenticated encryption* makes both at once:
#
# $$\mathrm{open}_k(n, a, c) = m \quad\text{if}\quad c = \mathrm{seal}_k(n, a, m), \qquad\text{and otherwise an error.}$$
#
# $k$ is the key, $n$ a number used only once under it (the *nonce*), $m$ the message, $c$ what is stored, and $a$ what must be
# the same at opening without being stored, such as the place where it belongs. AES-GCM, used here, has a tag of 128 bits.
#
# One key for everything would be hard to change. So keys lie **in envelopes**: each key is encrypted under the one before it.

# %%
fig, ax = lab.plots.figure(8.2, 1.9)
boxes = ["passphrase", "wrapping\nkey", "master\nkey", "index:\nnames,\nversion", "data key\nper file", "file,\nin chunks"]
arrows = ["scrypt:\nslow on\npurpose", "unwraps", "opens", "holds", "opens"]
for number, text in enumerate(boxes):
    colour = lab.ATTACKER if number == 0 else lab.PRIVATE
    ax.text(2 * number, 0, text, ha="center", va="center", size=9.5, color="white", weight="bold",
            bbox={"boxstyle": "round,pad=0.45", "fc": colour, "ec": "none"})
for number, text in enumerate(arrows):
    ax.annotate("", (2 * number + 1.4, 0), (2 * number + 0.72, 0), arrowprops={"arrowstyle": "->"})
    ax.text(2 * number + 1.05, 0.42, text, ha="center", va="bottom", size=8.5, color="#333333")
ax.text(0, -0.85, "the only thing\nworth guessing", ha="center", size=8.5, color=lab.ATTACKER)
ax.text(5, -0.85, "one small file, `head`: a new passphrase rewrites this and nothing else",
        ha="center", size=8.5, color="#333333")
ax.text(9, -0.85, "never rewritten", ha="center", size=8.5, color="#333333")
ax.set(xlim=(-0.8, 10.7), ylim=(-1.1, 1.3))
ax.axis("off")
plt.show()

# %% [markdown]
# ## Build it
#
# A large file is sealed in chunks, because nothing may be used before its tag was checked. The obvious way, in four lines:

# %%
def seal_chunks(data, size=1000):
    nonces = [os.urandom(12) for _ in range(0, len(data), size)]
    return [nonce + AESGCM(key).encrypt(nonce, data[number * size:(number + 1) * size], None)
            for number, nonce in enumerate(nonces)]


def open_chunks(chunks):
    return b"".join(AESGCM(key).decrypt(each[:12], each[12:], None) for each in chunks)


chunks = seal_chunks(payroll)
lab.claim("it opens again", open_chunks(chunks) == payroll, chunks=len(chunks))

# %% [markdown]
# Every chunk has a tag; no bit of any can be flipped. **Before you run the cell:** what can the forger still do?

# %%
fewer = open_chunks(chunks[:3])
mixed = open_chunks([chunks[0], *chunks[:0:-1]])
lab.claim("chunks dropped or put in another order open without an error",
          len(fewer) < len(payroll) and mixed != payroll and sorted(mixed) == sorted(payroll),
          people_left=fewer.count(b"\n"), of=200)

# %% [markdown]
# Half of the payroll is gone or upside down, all of it "authentic". The cure is to make each chunk's **nonce say where it belongs
# and whether it is the last** (the STREAM construction of Hoang, Reyhanitabar, Rogaway and Vizár). A key then serves one file only,
# so that no nonce comes twice.

# %%
def nonce_of(number, last):
    return number.to_bytes(11, "big") + bytes([last])


def seal_stream(data, file_key, size=1000):
    pieces = [data[at:at + size] for at in range(0, len(data), size)]
    return [AESGCM(file_key).encrypt(nonce_of(number, number == len(pieces) - 1), piece, None)
            for number, piece in enumerate(pieces)]


def open_stream(sealed, file_key):
    return b"".join(AESGCM(file_key).decrypt(nonce_of(number, number == len(sealed) - 1), chunk, None)
                    for number, chunk in enumerate(sealed or [b""]))  # nothing at all has no last chunk


file_key = os.urandom(32)
sealed = seal_stream(payroll, file_key)

# %%
def opens(chunks):
    try:
        return open_stream(chunks, file_key) is not None
    except InvalidTag:
        return False


lab.claim("now dropped, moved and repeated chunks are refused, and the whole opens",
          opens(sealed) and not any(opens(each) for each in
                                    [sealed[:3], sealed[1:], sealed[::-1], [*sealed, sealed[-1]], []]))

# %% [markdown]
# The fourth attacker needs another idea: somebody who **remembers one number**. A *Merkle tree* turns a whole log into one hash, its
# root: hash each line, then hash the hashes in pairs, until one is left.

# %%
def merkle_root(lines):
    if len(lines) == 1:
        return security.leaf_hash(lines[0])        # SHA-256, with a mark: I am a leaf
    left = 1 << (len(lines) - 1).bit_length() - 1  # the largest power of two below the length
    return security.node_hash(merkle_root(lines[:left]), merkle_root(lines[left:]))


visits = [f"desk {number} read row {number * number}".encode() for number in range(6)]
edited = [*visits[:4], b"desk 4 read nothing at all", visits[5]]
print(merkle_root(visits).hex()[:24], "is what the witness wrote down")
print(merkle_root(edited).hex()[:24], "is the root of the edited log")
lab.claim("the seven lines give the root that the library gives", merkle_root(visits) == security.Tree(visits).root())

# %% [markdown]
# ## Use the real thing
#
# **The vault.** `security.Vault` puts the pieces together: envelopes, chunks, a version counter, and writes that a crash cannot tear.
# Its *anchor* is a small file kept elsewhere that remembers the newest version; you will see why.

# %%
ledger = security.Ledger(office / "ledger")
vault = security.Vault.create(office / "vault", "wander copper lantern unfold thirsty", anchor=office / "anchor",
                              log=ledger.append)
vault.put("payroll", payroll)
vault.put("notes", b"nothing yet")
lab.claim("the vault gives back what went in", vault.get("payroll") == payroll, version=vault.version)

# %% [markdown]
# **Before you run the cell:** what will a wrong passphrase tell the one who tries it?

# %%
try:
    security.Vault.open(office / "vault", "wander copper lantern unfold", log=ledger.append)
except security.VaultError as refusal:
    print(refusal)
lab.claim("the attempt is in the ledger, and the passphrase that was tried is not",
          "refused" in ledger[-1] and "lantern" not in " ".join(ledger))

# %% [markdown]
# The passphrase has become known, so it is changed, and with it the master key. How much of the data has to be encrypted again?

# %%
objects = list((office / "vault" / "objects").iterdir())
before = [each.read_bytes() for each in objects]
vault.change_passphrase("gravel sunset emblem walnut reply")
lab.claim("a new passphrase and master key rewrite one small file and none of the data",
          [each.read_bytes() for each in objects] == before and vault.get("payroll") == payroll,
          bytes_rewritten=(office / "vault" / "head").stat().st_size)

# %% [markdown]
# (Who copied the folder *before*, and knows the old passphrase, can still read that copy. Nothing done later changes a copy.)
#
# **Access control.** Who has the key sees everything; rules say who may *use* it, and **for what**. They are evaluated by pycasbin.
# What no rule allows is refused, and every decision goes to the ledger before it is given.

# %%
rules = [security.Rule("clerk", "read", "payroll", "pay salaries", "r.at.site == 'office'"),
         security.Rule("analyst", "train", "payroll", "statistics"),
         security.Rule("suspended", "*", "*", "*", effect="deny")]
roles = {"clerk-1": ["clerk"], "analyst-2": ["analyst"], "clerk-3": ["clerk", "suspended"]}
guard = security.AccessControl(rules, roles, attributes=["site"], log=ledger.append,
                               clock=lambda: "Monday")
for person, action, purpose, site in [("clerk-1", "read", "pay salaries", "office"), ("clerk-1", "read", "pay salaries", "home"),
                                      ("clerk-1", "read", "curiosity", "office"), ("analyst-2", "train", "statistics", "home"),
                                      ("analyst-2", "read", "statistics", "office"), ("clerk-3", "read", "pay salaries", "office"),
                                      ("visitor", "read", "pay salaries", "office")]:
    decision = guard.decide(person, action, "payroll", purpose=purpose, site=site)
    print(f"{'yes' if decision else 'no ':4} {person} wants to {action} for {purpose}, {site}: {decision.reason}")

# %% [markdown]
# So `analyst-2` may *train on* the rows that `analyst-2` may not *read*. The code in between hands out a model, and no row:

# %%
def trained(person, purpose):
    guard.require(person, "train", "payroll", purpose=purpose, site="office")
    file = vault.get("payroll").decode().split("\n")[1:-1]
    X = np.array([[float(line.split(",")[column]) / 100 for column in (0, 4, 12)] for line in file])
    y = np.array([line.endswith(">50K") for line in file])
    return LogisticRegression(C=100).fit(X, y)


model = trained("analyst-2", "statistics")
test = datasets.adult().table.iloc[200:5200]
rich = (test.income == ">50K").to_numpy()
right = (model.predict(test[["age", "education_num", "hours_per_week"]].to_numpy() / 100) == rich).mean()
majority = max(rich.mean(), 1 - rich.mean())
lab.claim("a model from three columns does as well as always saying no, or better",
          right > majority - 0.01, accuracy=round(float(right), 2), always_no=round(float(majority), 2))

# %% [markdown]
# **Transport.** Under *mutual TLS* each side shows a certificate: a public key and a name, signed by an authority that the other side
# trusts. The office makes its own authority, and tells it who may ask.

# %%
authority, other = security.CertificateAuthority("Office authority"), security.CertificateAuthority("Other authority")
NAME, DESK = "records.office.example", "desk-3.office.example"
me, desk = authority.issue(NAME, "server"), authority.issue(DESK, "client")
callers = {"the right desk": desk, "no certificate": None, "from another authority": other.issue(DESK, "client"),
           "expired": authority.issue(DESK, "client", valid_days=1, starts_in_days=-3),
           "another name": authority.issue("canteen.office.example", "client"),
           "a server's certificate": authority.issue(DESK, "server")}

# %%
answers = {}
for caller, identity in callers.items():
    with security.serve(lambda question: row, identity=me, trusted=authority.certificate, clients=[DESK]) as server:
        try:
            security.ask(server.address, b"row 3", trusted=authority.certificate, server_name=NAME, identity=identity)
            answers[caller] = "got the row"
        except security.Refused:
            pass
    answers.setdefault(caller, *server.refused)
    print(f"{caller:24} {answers[caller]}")
lab.claim("one of six callers is let in", sum(each == "got the row" for each in answers.values()) == 1)

# %% [markdown]
# It works in the other direction too. Somebody pretends to be the server, with a perfectly valid certificate for another name:

# %%
impostor = authority.issue("printer.office.example", "server")
with security.serve(lambda question: b"<50K", identity=impostor, trusted=authority.certificate) as server:
    try:
        security.ask(server.address, b"row 3", trusted=authority.certificate, server_name=NAME, identity=desk)
        fooled = True
    except security.Refused as refusal:
        fooled = False
        print(refusal)
lab.claim("the desk does not talk to a server that has the wrong name", not fooled)

# %% [markdown]
# **The ledger** has been collecting all this. Its *head* (size, root, signature) is what a witness keeps:

# %%
head = ledger.head()
ledger.check(head)
print(len(ledger), "entries, for example:", ledger[4][:42], "...")
number = len(ledger) - 2
proof = ledger.inclusion_proof(number)
lab.claim("one entry is proved to be in the log with a handful of hashes, without showing the others",
          security.verify_inclusion(ledger[number].encode(), number, head.size, proof, head.root), hashes=len(proof))

# %% [markdown]
# ## What it costs
#
# Not accuracy this time: seconds and bytes. **Guess first:** what makes it slow, the encryption or something else?

# %%
def seconds(action, rounds=5):
    best = float("inf")
    for _ in range(rounds):
        began = time.perf_counter()
        action()
        best = min(best, time.perf_counter() - began)
    return best


large = rng.bytes(32 * 2**20)
cipher, plain_file = AESGCM(key), office / "large"
store = {"no protection": seconds(lambda: security.write_atomically(plain_file, large)),
         "library, one call": seconds(lambda: security.write_atomically(plain_file, cipher.encrypt(bytes(12), large, None))),
         "vault": seconds(lambda: vault.put("large", large))}
work = range(10, 18)
guess = [seconds(lambda: security.derive_key("guess", bytes(16), work_factor=each), 2) for each in work]

# %%
asking = {}
tls = {"identity": me, "trusted": authority.certificate}, {"identity": desk, "trusted": authority.certificate, "server_name": NAME}
for name, (ours, theirs) in {"in the clear": ({}, {}), "mutual TLS": tls}.items():
    with security.serve(lambda question: row, **ours) as server:
        asking[name] = seconds(lambda: security.ask(server.address, b"row 3", **theirs), 10)
append = seconds(lambda: ledger.append("the price of an entry"), 20)
lab.measured(f"32 MiB: {', '.join(f'{name} {1000 * each:.0f} ms' for name, each in store.items())}")
lab.measured(f"one question: {', '.join(f'{name} {1000 * each:.1f} ms' for name, each in asking.items())}")
lab.measured(f"one entry in the ledger, forced to the disk: {1e6 * append:.0f} microseconds")

# %%
fig, axes = lab.plots.figure(8.2, 2.9, ncols=3)
for ax, values, title in [(axes[0], store, "store 32 MiB"), (axes[1], asking, "ask one question")]:
    colours = [lab.PLAIN, *[lab.PRIVATE] * (len(values) - 1)]
    bars = ax.barh([*values], [1000 * each for each in values.values()], color=colours)
    ax.bar_label(bars, fmt="%.3g", padding=3)
    ax.set(title=title, xlabel="milliseconds")
    ax.margins(x=0.2)
    ax.invert_yaxis()
axes[2].plot(work, guess, "o-", color=lab.PRIVATE)
axes[2].set(yscale="log", title="try one passphrase", xlabel="work factor (log2 of scrypt's N)", ylabel="seconds",
            xticks=[*work][::2])
plt.show()

# %% [markdown]
# The cipher is not what costs: forcing bytes to the disk, and the handshake before a connection, are. The slow one is slow on purpose:
# every guess at the passphrase pays for scrypt. In bytes, the price is nearly nothing, and a proof grows like a logarithm:

# %%
stored_bytes = security.sealed_size(len(large))
lab.claim("sealing adds less than a hundredth of a percent to a large file",
          stored_bytes / len(large) - 1 < 1e-4, extra_bytes=stored_bytes - len(large))
many = security.Tree(str(number).encode() for number in range(20_000))
lab.claim("a proof in a log of 20,000 entries takes 15 hashes of 32 bytes at most",
          max(len(many.inclusion_proof(each)) for each in range(0, 20_000, 97)) == 15)

# %% [markdown]
# ## Tune it
#
# *The forger again. Choose a byte and a bit of the third row. When does the reader notice?*

# %%
line = payroll.split(b"\n")[3]
line_key, line_start = bytes(range(32)), bytes(16)
only_encrypted = Cipher(AES(line_key), CTR(line_start)).encryptor().update(line)
authenticated = b"".join(security.seal(line, line_key))


def flipped(fig, byte, bit, protected):
    """Flip one bit of the stored row: what does the reader get?"""
    ax = fig.subplots()
    kept = bytearray(authenticated if protected else only_encrypted)
    kept[byte] ^= 1 << bit
    try:
        read = (b"".join(security.unseal(kept, line_key)) if protected
                else Cipher(AES(line_key), CTR(line_start)).encryptor().update(bytes(kept)))
    except security.IntegrityError:
        read = None
    draw_row(ax, kept, byte, read)
    fig.subplots_adjust(0.01, 0.02, 0.99, 0.98)
    if read is None:
        return f"Bit {bit} of byte {byte} was flipped: the tag no longer fits, and the vault refuses to answer."
    return (f"Bit {bit} of byte {byte} was flipped: the reader gets {chr(read[byte])!r} instead of {chr(line[byte])!r}, "
            "without an error.")


def draw_row(ax, kept, byte, read):
    width = 56
    for top, name in [(8.4, "on the disk, as the forger sees it"), (3.6, "what the reader gets")]:
        ax.text(0, top, name, size=10, weight="bold", va="center")
    for at in range(len(line)):
        x, y = at % width, at // width
        colour = lab.ATTACKER if at == byte else "#555555"
        ax.text(x, 7.2 - 1.15 * y, f"{kept[at]:02x}", family="monospace", size=6.8, color=colour, va="center",
                weight="bold" if at == byte else "normal")
        if read is not None:
            shown = chr(read[at]) if 32 <= read[at] < 127 else "·"
            ax.text(x, 2.4 - 1.15 * y, shown, family="monospace", size=11, va="center", color=colour,
                    weight="bold" if at == byte else "normal")
    if read is None:
        ax.text(0, 1.8, "refused: the row was altered", size=15, weight="bold", color=lab.PRIVATE, va="center")
    ax.set(xlim=(-0.5, width + 0.5), ylim=(-0.5, 9.2))
    ax.axis("off")


lab.explore(flipped, byte=range(len(line)), bit=range(8), protected=False, start={"byte": len(line) - 4, "bit": 1},
            labels={"protected": "with a tag, as in the vault"})

# %% [markdown]
# **Question.** The row says `40` hours a week. Which single bit turns it into `60`, and which into `50`?
#
# <details><summary>Answer</summary>
#
# Find the byte that holds `4`. `4` is 0110100 in binary and `6` is 0110110: flip bit 1. `5` is 0110101: flip bit 0. The forger needs no key, only the place;
# with the tag ticked, no position and no bit goes through.
# </details>
#
# **The passphrase.** It is the one thing in the chain that a thief can guess. How fast? One guess costs one scrypt:

# %%
GRANTED, HASHES = 2_000, 1e7  # guesses a second and core that we grant the attacker: scrypt at work factor 10; plain SHA-256
lab.measured(f"one core here: {1 / guess[0]:.0f} guesses a second at work factor 10, {1 / guess[-1]:.1f} at 17")
lab.claim("that is less than we grant the attacker", 1 / guess[0] < GRANTED)
lab.claim("a step of the work factor about doubles a guess's price: seven steps, more than thirtyfold", guess[-1] > 30 * guess[0])

# %%
KINDS = {"random words (of 7,776)": np.log2(7776), "random lower-case letters": np.log2(26), "random digits": np.log2(10),
         "random bytes (a key)": 8.0}
TIMES = {"a second": 1, "a day": 86_400, "a year": 3.156e7, "a century": 3.156e9, "age of the\nuniverse": 4.35e17}


def in_words(log_seconds):
    if log_seconds < 0:
        return "less than a second"
    for name, size, upto in [("seconds", 1, 60), ("minutes", 60, 3600), ("hours", 3600, 86_400), ("days", 86_400, 3.156e7)]:
        if log_seconds < np.log10(upto):
            return f"{10**log_seconds / size:.0f} {name}"
    years = log_seconds - np.log10(3.156e7)
    return f"{10**years:,.0f} years" if years < 6 else f"10^{years:.0f} years"


def guessing(fig, kind, length, work_factor, cores):
    """How long until a stolen vault's secret is guessed?"""
    ax = fig.subplots()
    bits = length * kind
    half = (bits - 1) * np.log10(2)  # on average the right one comes at half of all
    rates = {"scrypt": GRANTED * 2.0**(10 - work_factor) * cores, "bare SHA-256": HASHES * cores}
    found = {name: half - np.log10(rate) for name, rate in rates.items()}
    for y, (name, colour) in enumerate([("bare SHA-256", lab.PLAIN), ("scrypt", lab.PRIVATE)]):
        ax.barh(y, np.clip(found[name], -6, 40) + 6, left=-6, color=colour, height=0.55)
    for name, each in TIMES.items():
        ax.axvline(np.log10(each), color=lab.BASELINE, lw=0.7, ls="--", zorder=0)
        ax.text(np.log10(each), 1.5, name, ha="center", va="bottom", size=8.5)
    ax.set(yticks=[0, 1], yticklabels=["bare SHA-256", "scrypt"], xlim=(-6, 40), ylim=(-0.5, 1.5),
           xticks=range(-6, 41, 6), xlabel="average time to guess, seconds (powers of ten)")
    fig.subplots_adjust(left=0.13, right=0.98, bottom=0.2, top=0.82)
    return (f"{bits:.0f} bits. With {cores:,.0f} cores: {in_words(found['scrypt'])} behind scrypt, "
            f"{in_words(found['bare SHA-256'])} behind a bare hash.")


lab.explore(guessing, kind=KINDS, length=range(1, 33), work_factor=range(10, 21), cores=lab.log_range(1, 1e6, 1000),
            start={"length": 4, "work_factor": 17}, size=(8.2, 2.6))

# %% [markdown]
# **Question.** Which helps more, one more random word or seven more steps of the work factor? And what do both do for eight letters that
# a *person* thought up?
#
# <details><summary>Answer</summary>
#
# One word multiplies the attacker's time by 7,776; seven steps by 128, and each opening of the vault pays for them too. For a passphrase that a person invented, the
# slider's lengths do not apply: in 70 million real passwords Bonneau (2012) found about 20 bits against an attacker who guesses the likeliest first. Let dice choose.
# </details>
#
# **The log.** Edit an entry, and follow the hashes up to the root.

# %%
ENTRIES = [f"desk {number} read row {number * number}".encode() for number in range(8)]


def nodes_of(entries, start=0):
    """Every node over the entries: {(start, end): hash}."""
    if len(entries) == 1:
        return {(start, start + 1): security.leaf_hash(entries[0])}
    left = 1 << (len(entries) - 1).bit_length() - 1
    low, high = nodes_of(entries[:left], start), nodes_of(entries[left:], start + left)
    whole = security.node_hash(low[start, start + left], high[start + left, start + len(entries)])
    return {**low, **high, (start, start + len(entries)): whole}


def place_of(span):
    return (span[0] + span[1] - 1) / 2, (span[1] - span[0] - 1).bit_length()

# %%
def merkle(fig, entries, edited, proved):
    """Which hashes does an edited line change, and which does a proof need?"""
    ax, size = fig.subplots(), entries
    lines = ENTRIES[:size]
    old, target = nodes_of(lines), min(proved, size - 1)
    now = nodes_of([*lines[:edited], b"edited", *lines[edited + 1:]]) if 0 <= edited < size else old
    proof = security.Tree(lines).inclusion_proof(target)
    for span, value in now.items():
        x, y = place_of(span)
        inside = [each for each in now if span[0] <= each[0] and each[1] <= span[1] and each != span]
        for child in inside:
            if not any(child != each and each[0] <= child[0] and child[1] <= each[1] for each in inside):
                ax.plot([x, place_of(child)[0]], [y, place_of(child)[1]], color="#BBBBBB", lw=1, zorder=0)
        broken, needed = value != old[span], old[span] in proof
        colour = lab.ATTACKER if broken else lab.PRIVATE
        ax.text(x, y, value.hex()[:6], ha="center", va="center", size=9, color="white", family="monospace",
                bbox={"boxstyle": "round,pad=0.35", "fc": colour, "ec": lab.GUARANTEE if needed else "none", "lw": 4})
    for number in range(size):
        ax.text(number, -0.55, f"entry {number}", ha="center", size=9, color=lab.ATTACKER if number == edited else "#333333")
    ax.set(xlim=(-0.6, max(size, 4) - 0.4), ylim=(-0.8, 3.5))
    ax.axis("off")
    fig.subplots_adjust(0.01, 0.01, 0.99, 0.99)
    changed = sum(now[each] != old[each] for each in now)
    seen = (f"Entry {edited} was edited: {changed} hashes changed (red), up to the root, and the witness notices. " if changed
            else "Nothing was edited: the root is the witness's. ")
    return seen + f"A proof that entry {target} is in takes {len(proof)} of {len(now)} hashes (green edge)."


lab.explore(merkle, entries=range(2, 9), edited={"nothing": -1, **{f"entry {each}": each for each in range(8)}}, proved=range(8),
            start={"entries": 8, "edited": 5, "proved": 2}, size=(8.2, 3.4))

# %% [markdown]
# **Question.** The log's own operator edits entry 5 and recomputes everything above it, so that the new tree is perfectly consistent. Who notices?
#
# <details><summary>Answer</summary>
#
# Only somebody *outside* who kept the old root, or a head signed over it. A tree protects nothing by itself: it makes one short number stand for the whole log, so
# that many can keep it. That is why heads are published, or exchanged with witnesses.
# </details>
#
# ## The attack again
#
# All of it, mechanically: each attack against each protection. One attack is new, the **replay**: put back yesterday's version, which is
# perfectly genuine. **Before you run the cells:** which protection can notice that?

# %%
def attack_file(seal_it, open_it):
    """The five attacks on a single file: which succeed unnoticed?"""
    yesterday, today = (seal_it(each) for each in (b"row 3: earns <=50K\n" * 9, b"row 3: earns >50K \n" * 9))
    flip = bytes([today[0] ^ 1]) + today[1:]

    def accepted(stored):
        try:
            return open_it(stored) is not None
        except (InvalidTag, security.IntegrityError):
            return False

    return [b"earns" in today, accepted(flip), accepted(today[:-19]), accepted(yesterday), accepted(yesterday)]


tag_only = [lambda data: AESGCM(key).encrypt(start[:12], data, None), lambda data: AESGCM(key).decrypt(start[:12], data, None)]
outcome = {"nothing": attack_file(bytes, bytes), "encryption only": attack_file(encrypt_only, encrypt_only),
           "encryption\nand tag": attack_file(*tag_only)}

# %%
def attack_vault(anchored):
    """The same five on a vault; the last puts the whole folder back."""
    place, anchor = Path(tempfile.mkdtemp()), None
    if anchored:
        anchor = place / "anchor"
    small = security.Vault.create(place / "vault", "x", work_factor=10, anchor=anchor)  # cheap: it is opened often
    small.put("payroll", b"row 3: earns <=50K\n" * 9)
    shutil.copytree(place / "vault", place / "copy")
    old, = (place / "copy" / "objects").iterdir()
    small.put("payroll", b"row 3: earns >50K \n" * 9)
    file, = (place / "vault" / "objects").iterdir()
    genuine, results = file.read_bytes(), [b"earns" in file.read_bytes()]
    for forged in (bytes([genuine[0] ^ 1]) + genuine[1:], genuine[:-19], old.read_bytes()):
        file.write_bytes(forged)
        results.append(reads(place / "vault", anchor))
    shutil.rmtree(place / "vault")
    shutil.copytree(place / "copy", place / "vault")
    return [*results, reads(place / "vault", anchor)]


def reads(folder, anchor):
    try:
        return security.Vault.open(folder, "x", anchor=anchor).get("payroll") is not None
    except (security.VaultError, security.IntegrityError):
        return False


outcome |= {"vault": attack_vault(False), "vault with\nan anchor": attack_vault(True)}

# %%
attacks = ["read it", "flip a bit", "cut the end off", "put back an old file", "put back everything"]
fig, ax = lab.plots.figure(8.2, 2.9)
for column, results in enumerate(outcome.values()):
    for line_number, succeeded in enumerate(results):
        colour, text = (lab.ATTACKER, "succeeds") if succeeded else (lab.PRIVATE, "stopped")
        ax.barh(line_number, 0.94, left=column - 0.47, height=0.88, color=colour)
        ax.text(column, line_number, text, ha="center", va="center", color="white", weight="bold")
ax.set(xticks=range(5), xticklabels=outcome, yticks=range(5), yticklabels=attacks, xlim=(-0.5, 4.5))
ax.invert_yaxis()
ax.tick_params(length=0, labelsize=10)
ax.spines[:].set_visible(False)
ax.xaxis.tick_top()
plt.show()
lab.claim("each protection stops what the one before it let through, and only the anchor stops the whole-folder replay",
          [sum(each) for each in outcome.values()] == [5, 4, 2, 1, 0])

# %% [markdown]
# A counter *inside* the folder goes back together with the folder. The memory must be where the attacker cannot reach: another machine, a chip with
# a counter, or a witness's ledger. Now every bit, and not one:

# %%
exact = security.Vault.create(office / "exact", "x", work_factor=10)
exact.put("row", line)
file, = (office / "exact" / "objects").iterdir()
genuine, noticed = file.read_bytes(), 0
for position in range(8 * len(genuine)):
    forged = bytearray(genuine)
    forged[position // 8] ^= 1 << position % 8
    file.write_bytes(forged)
    try:
        exact.get("row")
    except security.IntegrityError:
        noticed += 1
file.write_bytes(genuine)
lab.claim("every single-bit flip is noticed", noticed == 8 * len(genuine), flips=noticed)

# %% [markdown]
# **Pull the plug.** Another process writes to a vault, and says each time what has been stored. We kill it without warning.

# %%
WRITER = """
import sys; from labkit.security import Vault
vault = Vault.open(sys.argv[1], "x")
for number in range(200):
    vault.put("counter", str(number).encode()); print(number, flush=True)
"""
security.Vault.create(office / "crash", "x", work_factor=10)
writer = subprocess.Popen([sys.executable, "-c", WRITER, office / "crash"], stdout=subprocess.PIPE, text=True)
lines = [writer.stdout.readline() for _ in range(40)]
writer.kill()
lines += writer.stdout.read().split()
writer.wait()
acknowledged = int(lines[-1])
survived = int(security.Vault.open(office / "crash", "x").get("counter"))
lab.claim("after a kill the vault opens and holds the last acknowledged write, or the one begun after it",
          39 <= acknowledged <= survived <= acknowledged + 1 and acknowledged < 199)

# %% [markdown]
# **The listener**, once more. *Tick TLS, and read along.*

# %%
overheard = {}
for protected, (ours, theirs) in {False: ({}, {}), True: tls}.items():
    for asked in range(6):
        answer = payroll.split(b"\n")[asked + 1]
        with security.serve(lambda question: answer, **ours) as server, security.Recorder(server.address) as listener:
            security.ask(listener.address, b"row", **theirs)
        overheard[protected, asked] = listener.sent, listener.answered


def eavesdropper(fig, tls, row):
    """What does somebody on the line see?"""
    axes = fig.subplots(1, 2, width_ratios=[2.2, 1])
    sent, answered = overheard[tls, row]
    answer = payroll.split(b"\n")[row + 1]
    readable = answer in sent + answered
    axes[0].text(0, 1, security.hexdump(answered[-128:], lines=8), family="monospace", size=8.2, va="top",
                 color=lab.ATTACKER if readable else lab.PRIVATE)
    notes = ["Still visible:", f"server asked for: {'not said' if not tls else NAME if NAME.encode() in sent else 'hidden'}",
             "when, and from which address", f"about {round(len(sent) + len(answered), -2):,} bytes in all"]
    axes[1].text(0, 1, "\n\n".join(notes), size=9.5, va="top")
    for ax, title in zip(axes, ["the last 128 bytes of the answer", "around it"]):
        ax.set_title(title)
        ax.axis("off")
    fig.subplots_adjust(left=0.01, right=0.99, top=0.87, bottom=0.02, wspace=0.05)
    return (f"Row {row}: " + ("all of it is readable on the line." if readable else
            "no part of the row can be read; the server's name, the time and the amount of data can."))


lab.explore(eavesdropper, tls=False, row=range(6), labels={"tls": "mutual TLS"}, size=(8.2, 2.5))

# %% [markdown]
# **Question.** Under TLS, what could somebody still learn who watches one desk for a week?
#
# <details><summary>Answer</summary>
#
# That it talks to the records server, when, how often, and roughly how much: enough to tell a quiet week from the week before dismissals. Encryption hides content, not
# traffic; the name of the server is in the first message in the clear unless Encrypted Client Hello is used.
# </details>
#
# **The insider** edits the ledger on the disk: the line that says that `analyst-2` was refused. The witness still has the head.

# %%
text = (office / "ledger").read_text()
(office / "ledger").write_text(text.replace("visitor", "clerk-1"))
try:
    security.Ledger(office / "ledger", key=ledger._key).check(head)
    caught = False
except security.LedgerError as problem:
    caught = True
    print(problem)
lab.claim("an edited line in the ledger no longer fits the head that the witness kept", caught and "visitor" in text)

# %% [markdown]
# ## Check yourself
#
# **1.** `stored_order` is `b"pay to: desk 3, amount: 0100 dollars"`, encrypted in counter mode without a tag. Make the bank pay 9100. You have no key.

# %%
forged_order = ...

check("forge", forged_order);

# %% [markdown] tags=["solution"]
# <details><summary>Solution</summary>
#
# XOR of old and new text, put onto the ciphertext at the same place.
#
# ```python
# known = b"pay to: desk 3, amount: 0100 dollars"
# wanted = known.replace(b"0100", b"9100")
# forged_order = bytes(c ^ a ^ b for c, a, b in zip(stored_order, known, wanted))
# check("forge", forged_order);
# ```
#
# </details>

# %% [markdown]
# **2.** Two rows were XORed with the same random bytes. One of them is yours: `my_row`. What does the director's row say?

# %%
directors_row = ...

check("two-time pad", directors_row);

# %% [markdown] tags=["solution"]
# <details><summary>Solution</summary>
#
# The pad cancels: the XOR of the two ciphertexts is the XOR of the two rows.
#
# ```python
# directors_row = bytes(a ^ b ^ c for a, b, c in zip(my_ciphertext, directors_ciphertext, my_row))
# check("two-time pad", directors_row);
# ```
#
# </details>

# %% [markdown]
# **3.** How many random words (out of 7,776) must a passphrase have, so that a million cores need 1,000 years on average? Work factor 17, and 2,000
# guesses a second and core at work factor 10, as in the widget. A year has $3.16 \cdot 10^7$ seconds.

# %%
words = ...

check("passphrase words", words);

# %% [markdown] tags=["solution"]
# <details><summary>Solution</summary>
#
# Count up until half of all phrases outlasts the attacker.
#
# ```python
# guesses = 1e6 * 2000 / 2**7 * 1000 * 3.16e7
# words = next(count for count in range(1, 20) if 7776**count / 2 >= guesses)
# check("passphrase words", words);
# ```
#
# </details>

# %% [markdown]
# **4.** Write the `security.Rule` that lets an `analyst` do `train` with `payroll` for `statistics`, and only when the attribute `site` is `office`.

# %%
rule = ...

check("purpose rule", rule);

# %% [markdown] tags=["solution"]
# <details><summary>Solution</summary>
#
# Four names and a condition; whatever the rule does not say stays refused.
#
# ```python
# rule = security.Rule("analyst", "train", "payroll", "statistics", "r.at.site == 'office'")
# check("purpose rule", rule);
# ```
#
# </details>

# %% [markdown]
# ## What the article says
#
# **The article encrypts data as $x \oplus r$** and decrypts the result with the *same* $r$ (B13): one pad for all records. Lab 10 shows
# that its arithmetic fails; here we ask only whether it keeps a secret. One of the 200 people in the file knows one row, their own.

# %%
texts = [each for each in payroll.split(b"\n")[1:] if each]
pad = rng.bytes(max(map(len, texts)))
ciphertexts = [bytes(a ^ b for a, b in zip(each, pad)) for each in texts]
mine = max(range(200), key=lambda each: len(texts[each]))
found = bytes(a ^ b for a, b in zip(ciphertexts[mine], texts[mine]))
read = [bytes(a ^ b for a, b in zip(each, found)) for each in ciphertexts]
lab.claim("x XOR r with one r for all records: whoever knows the longest row reads all 200",
          read == texts, article="B13", verdict="does not hold")

# %% [markdown]
# And without knowing any row? XOR two ciphertexts, and the pad is gone: what is left is one row XOR another. Guess a word that may occur
# in one of them (a *crib*), slide it along, and wherever the guess is right, **the other row appears**.

# %%
allowed = set(b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789,-<>=")
both = bytes(a ^ b for a, b in zip(ciphertexts[0], ciphertexts[3]))


def crib_drag(fig, crib, position):
    """Two rows under one pad: slide a guessed word along. Where does the other row appear?"""
    ax, word = fig.subplots(), crib.encode()
    places = range(len(both) - len(word) + 1)
    pieces = [bytes(a ^ b for a, b in zip(both[at:], word)) for at in places]
    score = [np.mean([each in allowed for each in piece]) for piece in pieces]
    at = min(position, len(pieces) - 1)
    ax.bar(places, score, color=[lab.ATTACKER if each == 1 else lab.PLAIN for each in score], width=0.9)
    ax.axvline(at, color=lab.BASELINE, lw=1.2, ls="--")
    piece = "".join(chr(each) if 32 <= each < 127 else "·" for each in pieces[at])
    ax.text(0.5, 1.13, f"the other row here: {piece}", transform=ax.transAxes, ha="center", size=12, family="monospace",
            color=lab.ATTACKER if score[at] == 1 else lab.PLAIN, weight="bold")
    ax.set(xlabel="position of the guess in the row", ylabel="plausible\ncharacters", ylim=(0, 1.05), xlim=(-1, len(both)))
    lab.plots.percent(ax)
    fig.subplots_adjust(left=0.1, right=0.98, bottom=0.2, top=0.83)
    hits = sum(each == 1 for each in score)
    return (f"With {crib!r} at position {at} the other row would read {piece!r}: {score[at]:.0%} plausible characters. "
            f"{hits} of {len(pieces)} positions are plausible throughout (red).")


lab.explore(crib_drag, crib=["Machine-op-inspct", "Married-civ-spouse", "Never-married", "United-States", "Private"],
            position=range(100), start={"crib": "Married-civ-spouse", "position": 29}, size=(8.2, 2.7))

# %% [markdown]
# **Question.** Why does a long crib give one clear answer, and a short one several?
#
# <details><summary>Answer</summary>
#
# A wrong guess yields arbitrary bytes, and each looks plausible with some probability; seventeen in a row hardly ever do, seven sometimes. A right guess yields text that runs on, so the attacker
# extends it word by word, in one row and then in the other.
# </details>
#
# With 200 rows not even a crib is needed. For each position, take the pad byte under which the column of characters looks most like
# other files of this kind (here: 2,000 *other* people).

# %%
others = datasets.adult().table.iloc[1000:3000].to_csv(index=False, header=False, lineterminator="\n").encode().split(b"\n")
solved = bytearray()
for at in range(len(pad)):
    usual = np.bincount([each[at] for each in others if len(each) > at], minlength=256) + 0.01
    column = np.array([each[at] for each in ciphertexts if len(each) > at], dtype=np.uint8)
    solved.append(max(range(256), key=lambda guess: np.log(usual)[column ^ guess].sum()))
correct = sum(solved[at] == pad[at] for each in texts for at in range(len(each))) / sum(map(len, texts))
lab.claim("without knowing a single row, more than nine in ten characters of all rows come out",
          correct > 0.9, article="B13", verdict="does not hold", share=round(correct, 2))

# %% [markdown]
# A pad is perfect when it is random, as long as the data, and used **once** (Shannon 1949). Used twice it is nothing.
#
# **The other article names three techniques that keep data secure**: access control, encrypted storage, secure transport (A3). Each was run above.
# Named is not enough: encryption without a tag let salaries be changed, certificates without the check of the name let an impostor in.

# %%
lab.claim("encrypted storage alone lets data be altered and put back; with tag, counter and anchor neither works",
          outcome["encryption only"][1:] == [True] * 4 and not any(outcome["vault with\nan anchor"]),
          article="A3", verdict="holds once repaired")
denied = [each for each in ledger if '"allowed": false' in each]
lab.claim("access control refuses what no rule allows, and the refusals are on record",
          len(denied) == 5, article="A3", verdict="holds", refusals=len(denied))
lab.claim("transport under mutual TLS hides the content and refuses the wrong partners",
          not any(payroll.split(b"\n")[each + 1] in overheard[True, each][1] for each in range(6)) and not fooled,
          article="A3", verdict="holds")

# %% [markdown]
# **Blockchains are to make data private and safe** (B18). What they add to a log is the Merkle tree above, and agreement among writers
# who do not trust each other. The tree needs no chain, and neither of them makes anything *private*: a hash of a person's entry is found by trying
# all possible entries.

# %%
on_the_chain = security.leaf_hash(texts[7].rsplit(b",", 1)[-1])
guessed = [each for each in (b"<=50K", b">50K") if security.leaf_hash(each) == on_the_chain]
lab.claim("a public hash of a salary class gives the class away; a log makes tampering evident, it does not hide",
          guessed == [texts[7].rsplit(b",", 1)[-1]] and caught, article="B18", verdict="holds once repaired")

# %% [markdown]
# ## Limits and further reading
#
# - **A running machine that is broken into.** Keys are in memory while the vault is open, and Python cannot reliably erase them. The same goes for the rules: they bind those
#   who go through them. In production, keys live in a separate service or a hardware module.
# - **The declared purpose is what somebody *says*.** The ledger makes a lie provable later, not impossible. And a model trained on rows can give rows away: lab 06.
# - **What leaks around the encryption**: how many files there are, their sizes, when they change; who talks to whom, when, how much.
# - **A lost passphrase is lost data.** A *weak* one is no protection, and neither is scrypt for `123456`.
# - **Revoking.** The authority here cannot call back a certificate before it expires; short lifetimes stand in for that.
# - **A log proves that nothing was changed after a head was kept**, not that an entry was true, and not what was left out. Two witnesses who were shown different logs notice only when they compare.
# - `kill` tests the order of the steps. A power cut also tests the disk, which may lie about what it has written.
# - AES-GCM does not *commit* to its key: one ciphertext can be made to open under two keys. That matters where strangers send you ciphertexts under passwords
#   (Len, Grubbs, Ristenpart, "Partitioning oracle attacks", USENIX Security 2021).
#
# **Sources.** Hoang, Reyhanitabar, Rogaway, Vizár, "Online authenticated-encryption and its nonce-reuse misuse-resistance", CRYPTO 2015 ([ePrint 2015/189](https://eprint.iacr.org/2015/189)).
# Percival and Josefsson, "The scrypt password-based key derivation function", [RFC 7914](https://www.rfc-editor.org/rfc/rfc7914), 2016.
# Bonneau, "The science of guessing: analyzing an anonymized corpus of 70 million passwords", IEEE S&P 2012.
# Rescorla, "The Transport Layer Security (TLS) protocol version 1.3", [RFC 8446](https://www.rfc-editor.org/rfc/rfc8446), 2018.
# Laurie, Messeri, Stradling, "Certificate Transparency version 2.0", [RFC 9162](https://www.rfc-editor.org/rfc/rfc9162), 2021.
# Byun and Li, "Purpose based access control for privacy protection in relational database systems", VLDB Journal 17, 2008.
# Pillai et al., "All file systems are not created equal", OSDI 2014. Shannon, "Communication theory of secrecy systems", Bell System Technical Journal 28, 1949.
