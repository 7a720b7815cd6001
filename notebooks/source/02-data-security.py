# ---
# jupyter:
#   kernelspec: {display_name: Python 3, language: python, name: python3}
# ---

# %% [markdown]
# # 2 · Locks, seals and witnesses
#
# *About 80 minutes, all of it required.
# You need lab 00.
# Every connection stays inside this machine.
# Terms are also explained in the [glossary](00-start-here.ipynb#Glossary).*
#
# **Afterwards you can** name the attacker that each piece of data security stops (encrypted storage,
# access control, secure transport, a tamper-evident log),
# call the library for it, and say what it does *not* stop.

# %%
import os
import re
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
from labkit.exercises.lab_02 import (check, directors_ciphertext, my_ciphertext, my_row,
                                     stored_order)

rng = np.random.default_rng(2)
workplace = tempfile.TemporaryDirectory()  # gone when this notebook closes
office = Path(workplace.name)

# %% [markdown]
# ## What goes wrong
#
# An office keeps a file about 200 people.
# It is real: Adult, answers given to the United States Census Bureau in 1994.
# The last column says whether somebody earns more than 50,000 dollars a year.
# **Four attackers** come by.
# The first takes the disk.

# %%
people = datasets.adult().table.head(200)
payroll = people.to_csv(index=False, lineterminator="\n").encode()
(office / "payroll.csv").write_bytes(payroll)
print((office / "payroll.csv").read_bytes().split(b"\n")[3].decode())

# %% [markdown]
# Passwords and file permissions belong to the operating system;
# a disk in another computer knows nothing of them.
# So the office **encrypts** the file, with AES-256 in counter mode and a key that the thief does not have.

# %%
key, start = os.urandom(32), os.urandom(16)


def encrypt_only(data):  # in counter mode, decrypting is the same operation
    return Cipher(AES(key), CTR(start)).encryptor().update(data)


stored = encrypt_only(payroll)
lab.claim("the thief finds no word of the file in the ciphertext",
          not any(word in stored for word in [b"Private", b"Male", b"50K"]))

# %% [markdown]
# The second attacker does not want to read,
# but knows the *format* of the file, and so the place where a row says `>50K`.
# Here is what can be done with one bit, without the key:

# %%
place = payroll.index(b">50K")
forged = bytearray(stored)
forged[place] ^= 0b00000010
after = encrypt_only(bytes(forged))
print("stored: ", payroll[place - 22:place + 4].decode())
print("read:   ", after[place - 22:place + 4].decode())

# %% [markdown]
# `>` and `<` differ in one bit,
# and in counter mode a flipped bit of the ciphertext flips the same bit of the text.
# Somebody's salary changed, the file decrypts without an error, and nothing tells anyone.

# %%
changed = sum(a != b for a, b in zip(after, payroll))
lab.claim("one flipped bit changes one salary silently, without the key",
          after[place:place + 4] == b"<50K" and changed == 1, characters_changed=changed)

# %% [markdown]
# The third attacker listens on the line while a desk asks the server for a row.
# A *recorder* between the two stands for the wireless network, the provider, the tapped cable.

# %%
row = payroll.split(b"\n")[3]
with security.serve(lambda question: row) as server:
    with security.Recorder(server.address) as listener:
        security.ask(listener.address, b"row 3, please")
print(security.hexdump(listener.answered, lines=4))

# %% [markdown]
# The fourth works inside, has read a row out of curiosity, and the access log says so.
# It is a text file:

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
# A ciphertext protects against reading.
# Everything else needs a second thing, a **tag**:
# a short value that nobody can compute without the key, over the ciphertext and its circumstances.
# *Authenticated encryption* makes both at once:
#
# $$\mathrm{open}_k(n, a, c) = m \quad\text{if}\quad c = \mathrm{seal}_k(n, a, m), \qquad\text{and otherwise an error.}$$
#
# $k$ is the key, $n$ a number used only once under it (the *nonce*), $m$ the message, $c$ what is stored,
# and $a$ what must be the same at opening without being stored, such as the place where it belongs.
# AES-GCM, used here, has a tag of 128 bits.
#
# One key for everything would be hard to change.
# So keys lie **in envelopes**: each key is encrypted under the one before it.

# %%
chain = [("passphrase", "scrypt:\nslow on\npurpose"), ("wrapping\nkey", "unwraps"),
         ("master\nkey", "opens"), ("index:\nnames,\nversion", "holds"),
         ("data key\nper file", "opens"), ("file,\nin chunks", "")]
below = [(0, "the only thing\nworth guessing"), (10, "written once"),
         (6, "one small file: a new passphrase\nrewrites this and nothing else")]
fig, ax = lab.plots.figure(8.2, 1.9)
for number, (name, does) in enumerate(chain):
    colour = lab.PRIVATE if number else lab.ATTACKER
    ax.text(2 * number, 0, name, ha="center", va="center", size=9.5, color="w", weight="bold",
            bbox={"boxstyle": "round,pad=0.45", "fc": colour, "ec": "none"})
    ax.text(2 * number + 1.05, 0.42, does, ha="center", size=8.5, color="#333333")
    if does:
        ends = (2 * number + 1.4, 0), (2 * number + 0.72, 0)
        ax.annotate("", *ends, arrowprops={"arrowstyle": "->"})
for x, text in below:
    ax.text(x, -0.85, text, ha="center", va="top", size=8.5,
            color="#333333" if x else lab.ATTACKER)
ax.plot([3.3, 3.3, 8.7, 8.7], [-0.55, -0.7, -0.7, -0.55], color="#888888", lw=1)
ax.set(xlim=(-0.8, 10.7), ylim=(-1.5, 1.3))
ax.axis("off")
plt.show()

# %% [markdown]
# ## Build it
#
# A large file is sealed in chunks, because nothing may be used before its tag was checked.
# The obvious way:

# %%
chunk_key = os.urandom(32)


def seal_chunks(data, size=1000):
    nonces = [os.urandom(12) for _ in range(0, len(data), size)]
    pieces = [data[at:at + size] for at in range(0, len(data), size)]
    return [nonce + AESGCM(chunk_key).encrypt(nonce, piece, None)
            for nonce, piece in zip(nonces, pieces)]


def open_chunks(chunks):
    return b"".join(AESGCM(chunk_key).decrypt(each[:12], each[12:], None) for each in chunks)


chunks = seal_chunks(payroll)
lab.claim("it opens again", open_chunks(chunks) == payroll, chunks=len(chunks))

# %% [markdown]
# Every chunk has a tag, so no bit of it can be flipped.

# %%
lab.predict("What can a forger without the key still do unnoticed?",
            choices=["nothing", "drop chunks", "swap chunks", "drop and swap chunks"])

# %%
fewer = open_chunks(chunks[:3])
mixed = open_chunks([chunks[0], *chunks[:0:-1]])

# %%
lab.truth({(False, False): "nothing", (True, False): "drop chunks", (False, True): "swap chunks",
           (True, True): "drop and swap chunks"}[len(fewer) < len(payroll), mixed != payroll])
lab.claim("what comes out opens without an error, and is not the payroll",
          len(fewer) < len(payroll) and mixed != payroll and sorted(mixed) == sorted(payroll),
          people_left=fewer.count(b"\n"), of=200)

# %% [markdown]
# Half of the payroll is gone or upside down, all of it "authentic".
# The cure is to make each chunk's **nonce say where it belongs and whether it is the last**
# (the STREAM construction of Hoang, Reyhanitabar, Rogaway and Vizár).
# A key then serves one file only, so that no nonce comes twice.

# %%
def nonce_of(number, last):
    return number.to_bytes(11, "big") + bytes([last])


def seal_stream(data, file_key, size=1000):
    pieces = [data[at:at + size] for at in range(0, len(data), size)]
    return [AESGCM(file_key).encrypt(nonce_of(number, number == len(pieces) - 1), piece, None)
            for number, piece in enumerate(pieces)]


def open_stream(sealed, file_key):
    sealed = sealed or [b""]  # nothing at all has no last chunk either: refused
    nonces = [nonce_of(number, number == len(sealed) - 1) for number in range(len(sealed))]
    return b"".join(AESGCM(file_key).decrypt(nonce, chunk, None)
                    for nonce, chunk in zip(nonces, sealed))


file_key = os.urandom(32)
sealed = seal_stream(payroll, file_key)

# %%
def opens(chunks):
    try:
        return open_stream(chunks, file_key) is not None
    except InvalidTag:
        return False


forgeries = [sealed[:3], sealed[1:], sealed[::-1], [*sealed, sealed[-1]], []]
lab.claim("now dropped, moved and repeated chunks are refused, and the whole opens",
          opens(sealed) and not any(opens(each) for each in forgeries))

# %% [markdown]
# The fourth attacker needs another idea: somebody who **remembers one number**.
# A *Merkle tree* turns a whole log into one hash, its root:
# hash each line, then hash the hashes in pairs, until one is left.

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
lab.claim("five lines of code give the root that the library gives",
          merkle_root(visits) == security.MerkleTree(visits).root())

# %% [markdown]
# ## Use the real thing
#
# **The vault.** `security.Vault` puts the pieces together:
# envelopes, chunks, a version counter, and writes that a crash cannot tear.
# Its *anchor* is a small file kept elsewhere that remembers the newest version; you will see why.

# %%
ledger = security.Ledger(office / "ledger")
vault = security.Vault.create(office / "vault", "wander copper lantern unfold thirsty",
                              anchor=office / "anchor", log=ledger.append)
vault.put("payroll", payroll)
vault.put("notes", b"nothing yet")
lab.claim("the vault gives back what went in", vault.get("payroll") == payroll)

# %% [markdown]
# Here is what a wrong passphrase tells the one who tries it:

# %%
try:
    security.Vault.open(office / "vault", "wander copper lantern unfold", log=ledger.append)
except security.VaultError as refusal:
    print(refusal)
lab.claim("the attempt is in the ledger, and the passphrase that was tried is not",
          "refused" in ledger[-1] and "lantern" not in " ".join(ledger))

# %% [markdown]
# The passphrase has become known, so it is changed, and with it the master key.
# How much of the data has to be encrypted again?

# %%
objects = list((office / "vault" / "objects").iterdir())
before = [each.read_bytes() for each in objects]
vault.change_passphrase("gravel sunset emblem walnut reply")
lab.claim("a new passphrase and master key rewrite one small file and none of the data",
          before == [each.read_bytes() for each in objects],
          bytes_rewritten=(office / "vault" / "head").stat().st_size)

# %% [markdown]
# And who copied that one small file *before*, with no data at all, and knows the old passphrase?
# It holds the data key of every file of that day.

# %%
lab.predict("The passphrase has been changed since. Does the old copy still open today's folder?",
            choices=["yes", "no"])

# %%
def thief_reads(old_head):
    """What somebody with an old head and the old passphrase gets out of today's folder."""
    theirs = Path(tempfile.mkdtemp(dir=office)) / "copy"
    shutil.copytree(office / "passed on", theirs)
    (theirs / "head").write_bytes(old_head)
    try:
        return security.Vault.open(theirs, "old").get("payroll")
    except security.IntegrityError:
        return None


passed_on = security.Vault.create(office / "passed on", "old", work_factor=10)
passed_on.put("payroll", payroll)
old_head = (office / "passed on" / "head").read_bytes()
passed_on.change_passphrase("new", work_factor=10)
before = thief_reads(old_head)
passed_on.put("payroll", payroll)  # the same file again: it gets a new data key

# %%
lab.truth("yes" if before == payroll else "no")
lab.claim("a new passphrase does not lock out an old head; storing the file again does",
          before == payroll and thief_reads(old_head) is None)

# %% [markdown]
# So after a leak, store the files again.
# Nothing done later changes a copy of the *data*, which stays readable to whoever has both.
#
# **Access control.** Who has the key sees everything; rules say who may *use* it, and **for what**.
# They are evaluated by pycasbin.
# What no rule allows is refused, and every decision goes to the ledger before it is given.

# %%
rules = [security.Rule("clerk", "read", "payroll", "pay salaries", "r.at.site == 'office'"),
         security.Rule("analyst", "train", "payroll", "statistics"),
         security.Rule("suspended", "*", "*", "*", effect="deny")]
roles = {"clerk-1": ["clerk"], "analyst-2": ["analyst"], "clerk-3": ["clerk", "suspended"]}
guard = security.AccessControl(rules, roles, attributes=["site"], log=ledger.append,
                               clock=lambda: "Monday")

# %%
REQUESTS = """clerk-1    read   pay salaries  office
clerk-1    read   pay salaries  home
clerk-1    read   curiosity     office
analyst-2  train  statistics    home
analyst-2  read   statistics    office
clerk-3    read   pay salaries  office
visitor    read   pay salaries  office"""
for request in REQUESTS.split("\n"):
    person, action, purpose, site = re.split("  +", request)
    decision = guard.decide(person, action, "payroll", purpose=purpose, site=site)
    print(f"{request:40} {'yes' if decision else 'no':4} {decision.reason}")

# %% [markdown]
# So `analyst-2` may *train on* the rows that `analyst-2` may not *read*.
# The code in between hands out a model, and no row:

# %%
def trained(person, purpose):
    guard.require(person, "train", "payroll", purpose=purpose, site="office")
    rows = [each.split(",") for each in vault.get("payroll").decode().split("\n")[1:-1]]
    X = np.array([[each[0], each[4], each[12]] for each in rows], dtype=float) / 100
    return LogisticRegression(C=100).fit(X, [each[-1] == ">50K" for each in rows])


model = trained("analyst-2", "statistics")
test = datasets.adult().table.iloc[200:5200]
rich = (test.income == ">50K").to_numpy()
known = test[["age", "education_num", "hours_per_week"]].to_numpy() / 100
right, majority = float(np.mean(model.predict(known) == rich)), float(1 - np.mean(rich))
lab.claim("a model from three columns beats always saying no, if only just",
          right > majority, accuracy=round(right, 2), always_no=round(majority, 2))

# %% [markdown]
# **Transport.** Under *mutual TLS* each side shows a certificate:
# a public key and a name, signed by an authority that the other side trusts.
# The office makes its own authority, and tells it who may ask.

# %%
authority = security.CertificateAuthority("Office authority")
other = security.CertificateAuthority("Other authority")
NAME, DESK = "records.office.example", "desk-3.office.example"
me, desk = authority.issue(NAME, "server"), authority.issue(DESK, "client")
callers = {"the right desk": desk,
           "no certificate": None,
           "from another authority": other.issue(DESK, "client"),
           "expired": authority.issue(DESK, "client", valid_days=1, starts_in_days=-3),
           "another name": authority.issue("canteen.office.example", "client"),
           "a server's certificate": authority.issue(DESK, "server")}

# %%
server_side = {"identity": me, "trusted": authority.certificate, "clients": [DESK]}
client_side = {"trusted": authority.certificate, "server_name": NAME}
answers = {}
for caller, identity in callers.items():
    with security.serve(lambda question: row, **server_side) as server:
        try:
            security.ask(server.address, b"row 3", **client_side, identity=identity)
            answers[caller] = "got the row"
        except security.Refused:
            pass
    answers.setdefault(caller, *server.refused)
    print(f"{caller:24} {answers[caller]}")
lab.claim("one of six callers is let in", [*answers.values()].count("got the row") == 1)

# %% [markdown]
# It works in the other direction too.
# Somebody pretends to be the server, with a perfectly valid certificate for another name:

# %%
impostor = authority.issue("printer.office.example", "server")
pretended = server_side | {"identity": impostor}
with security.serve(lambda question: b"<50K", **pretended) as server:
    try:
        security.ask(server.address, b"row 3", **client_side, identity=desk)
        fooled = True
    except security.Refused as refusal:
        fooled = False
        print(refusal)
lab.claim("the desk does not talk to a server that has the wrong name", not fooled)

# %% [markdown]
# **The ledger** has been collecting all this.
# Its *head* (size, root, signature) is what a witness keeps:

# %%
head = ledger.head()
ledger.check(head)
print(len(ledger), "entries, for example:", ledger[0])
wanted = '"analyst-2", "action": "read"'
number = next(at for at, entry in enumerate(ledger) if wanted in entry)
proof = ledger.inclusion_proof(number)
security.check_entry(ledger[number], number, proof, head, ledger.public_key)  # or raises
lab.claim("a few hashes prove that one entry is in the log, without showing the others",
          len(proof) < len(ledger) - 1, hashes=len(proof))

# %% [markdown]
# ## What it costs
#
# Not accuracy this time: seconds and bytes.
# What makes it slow, the encryption or something else?

# %%
def seconds(action, rounds=5, clock=time.perf_counter):
    best = float("inf")
    for _ in range(rounds):
        began = clock()
        action()
        best = min(best, clock() - began)
    return best


large, cipher, there = rng.bytes(32 * 2**20), AESGCM(os.urandom(32)), office / "large"
write = security.write_atomically
store = {"no protection": seconds(lambda: write(there, large)),
         "library": seconds(lambda: write(there, cipher.encrypt(os.urandom(12), large, None))),
         "vault": seconds(lambda: vault.put("large", large))}
work = range(10, 18)
guess = [seconds(lambda: security.derive_key("guess", bytes(16), work_factor=each), 3,
                 time.process_time) for each in work]

# %%
asking = {}
sides = {"in the clear": ({}, {}),
         "mutual TLS": (server_side, client_side | {"identity": desk})}
for name, (ours, theirs) in sides.items():
    with security.serve(lambda question: row, **ours) as server:
        asking[name] = seconds(lambda: security.ask(server.address, b"row 3", **theirs), 10)
append = seconds(lambda: ledger.append("the price of an entry"), 20)
for what, values in [("store 32 MiB", store), ("one question", asking)]:
    told = [f"{name} {1000 * each:.1f} ms" for name, each in values.items()]
    lab.measured(f"{what}: {', '.join(told)}")
lab.measured(f"one entry in the ledger, forced to the disk: {1000 * append:.1f} ms")

# %% tags=["hide-input"] jupyter={"source_hidden": true}
# Draws: try one passphrase.
fig, axes = lab.plots.figure(8.2, 2.9, ncols=3)
titles = ["store 32 MiB", "ask one question"]
for ax, values, title in zip(axes, [store, asking], titles):
    colours = [lab.PLAIN, *[lab.PRIVATE] * (len(values) - 1)]
    bars = ax.barh([*values], [1000 * each for each in values.values()], color=colours)
    ax.bar_label(bars, fmt="%.3g", padding=3)
    ax.set(title=title, xlabel="milliseconds")
    ax.margins(x=0.2)
    ax.invert_yaxis()
axes[2].plot(work, guess, "o-", color=lab.PRIVATE)
axes[2].set(yscale="log", title="try one passphrase", ylabel="seconds", xticks=[*work][::2],
            xlabel="work factor (log2 of scrypt's N)")
plt.show()

# %% [markdown]
# Encrypting costs time of the same order as writing to the disk;
# a handshake costs its milliseconds once a connection, however much is said afterwards.
# One bar is slow *on purpose*: every guess at the passphrase pays for scrypt.
# In bytes, the price is next to nothing, and a proof grows like a logarithm:

# %%
stored_bytes = security.sealed_size(len(large))
lab.claim("sealing adds less than a hundredth of a percent to a large file",
          stored_bytes / len(large) - 1 < 1e-4, extra_bytes=stored_bytes - len(large))
many = security.MerkleTree(str(number).encode() for number in range(20_000))
lab.claim("a proof in a log of 20,000 entries takes 15 hashes of 32 bytes at most",
          max(len(many.inclusion_proof(each)) for each in range(0, 20_000, 97)) == 15)

# %% [markdown]
# ## Tune it
#
# *The forger again.
# Choose a byte and a bit of the third row.
# When does the reader notice?*

# %%
line = payroll.split(b"\n")[3]
ctr_key, tag_key = bytes(32), bytes(range(32))  # fixed, so that the picture is


def counter_mode(data):
    return Cipher(AES(ctr_key), CTR(bytes(16))).encryptor().update(bytes(data))


only_encrypted, authenticated = counter_mode(line), b"".join(security.seal(line, tag_key))


# %%
def stored_row(byte, bit, protected):
    """The stored bytes with one bit flipped, and what opening them gives (None: refused)."""
    kept = bytearray(authenticated if protected else only_encrypted)
    kept[byte] ^= 1 << bit
    try:
        if protected:
            return kept, b"".join(security.unseal(kept, tag_key))
        return kept, counter_mode(kept)
    except security.IntegrityError:
        return kept, None

# %% tags=["hide-input"] jupyter={"source_hidden": true}
# Draws: the row twice, in lines of `width`: all but one byte in grey, and that one in colour.
def draw_row(ax, kept, read, byte, width=38):
    """The row twice, in lines of `width`: all but one byte in grey, and that one in colour."""
    hexes = [f"{each:02x}" for each in kept]
    shown = [chr(each) if 32 <= each < 127 else "·" for each in read or []]
    for top, size, cells in [(8.5, 8.2, hexes), (2.9, 12.3, shown)]:
        for first in range(0, len(cells), width):
            for wanted, colour, weight in [(0, "#555555", "normal"),
                                           (1, lab.ATTACKER, "bold")]:
                part = [cell if (at == byte) == wanted else " " * len(cell)
                        for at, cell in enumerate(cells[first:first + width], first)]
                if "".join(part).strip():
                    ax.text(0, top - first // width, " ".join(part), size=size,
                            va="center", family="monospace", color=colour, weight=weight)
    ax.set(xlim=(-0.3, width + 0.3), ylim=(-0.2, 10.2))
    ax.axis("off")

# %% tags=["hide-input"] jupyter={"source_hidden": true}
# Draws: flip one bit of the stored row: what does the reader get?
def flipped(fig, byte, bit, protected):
    """Flip one bit of the stored row: what does the reader get?"""
    ax, (kept, read) = fig.subplots(), stored_row(byte, bit, protected)
    draw_row(ax, kept, read, byte)
    ax.text(0, 9.7, "on the disk, as the forger sees it", weight="bold", va="center")
    ax.text(0, 4.1, "what the reader gets", weight="bold", va="center")
    ax.text(38, 9.7, f"byte {byte}: {kept[byte] ^ 1 << bit:08b} becomes {kept[byte]:08b}",
            ha="right", va="center", color=lab.ATTACKER, family="monospace")
    fig.subplots_adjust(0.01, 0.02, 0.99, 0.98)
    told = f"Bit {bit} of byte {byte} was flipped: "
    if read is None:
        ax.text(0, 2, "refused: the row was altered", size=16, color=lab.PRIVATE)
        return told + "the tag no longer fits, and the vault refuses to answer."
    got, was = chr(read[byte]), chr(line[byte])
    return told + f"the reader gets {got!r} instead of {was!r}, without an error."


lab.explore(flipped, byte=range(len(line)), bit=range(8), protected=False,
            start={"byte": len(line) - 4, "bit": 1},
            labels={"protected": "with a tag, as in the vault"})

# %% [markdown]
# **Question.** The row says `40` hours a week.
# Which single bit turns it into `60`, and which into `50`?
#
# <details><summary>Answer</summary>
#
# Find the byte that holds `4`.
# `4` is 0110100 in binary and `6` is 0110110: flip bit 1.
# `5` is 0110101: flip bit 0.
# The forger needs no key, only the place; with the tag ticked, no position and no bit goes through.
# </details>
#
# **The passphrase.** It is the one thing in the chain that a thief can guess.
# How fast?
# One guess costs one scrypt:

# %%
GRANTED = 2_000  # guesses a second and core that we grant the attacker at work factor 10
HASHES = 1e7     # and at a single SHA-256
rate = [1 / each for each in guess]
lab.measured(f"one core: {rate[0]:.0f} guesses a second at factor 10, {rate[-1]:.1f} at 17")
lab.claim("that is less than we grant the attacker", rate[0] < GRANTED)
lab.claim("seven steps of the work factor make a guess more than thirty times as dear",
          rate[0] > 30 * rate[-1])

# %%
KINDS = {"random words (of 7,776)": np.log2(7776), "random lower-case letters": np.log2(26),
         "random digits": np.log2(10), "random bytes (a key)": 8.0}
YEAR = 3.156e7
LANDMARKS = {"second": 1, "day": 86_400, "year": YEAR, "age of the universe": 4.35e17}
UNITS = [("seconds", 1, 60), ("minutes", 60, 3600), ("hours", 3600, 86_400),
         ("days", 86_400, YEAR)]


def in_words(log_seconds):
    """A time, given as log10 of its seconds, for reading."""
    if log_seconds < 0:
        return "less than a second"
    for name, size, upto in UNITS:
        if log_seconds < np.log10(upto):
            return f"{10**log_seconds / size:.0f} {name}"
    years = log_seconds - np.log10(YEAR)
    return f"{10**years:,.0f} years" if years < 6 else f"10^{years:.0f} years"

# %% tags=["hide-input"] jupyter={"source_hidden": true}
# Draws: how long until a stolen vault's secret is guessed?
def guessing(fig, kind, length, work_factor, cores):
    """How long until a stolen vault's secret is guessed?"""
    ax, bits = fig.subplots(), length * kind
    half = (bits - 1) * np.log10(2)  # on average the right one comes at half of all
    rates = {"bare SHA-256": HASHES * cores,
             "scrypt": GRANTED * 2.0**(10 - work_factor) * cores}
    found = {name: half - np.log10(rate) for name, rate in rates.items()}
    for y, (name, colour) in enumerate(zip(rates, [lab.PLAIN, lab.PRIVATE])):
        end = np.clip(found[name], -5.5, 33)
        ax.barh(y, end + 6, left=-6, color=colour, height=0.55)
        ax.text(end + 0.4, y, in_words(found[name]), va="center", color=colour, weight="bold",
                bbox={"fc": "white", "ec": "none", "pad": 1.5})
    for name, each in LANDMARKS.items():
        ax.axvline(np.log10(each), color="#888888", lw=1, ls=":", zorder=0)
        ax.text(np.log10(each), 1.5, name, ha="center", va="bottom", size=8.5)
    ax.set(yticks=[0, 1], yticklabels=[*rates], xlim=(-6, 42), ylim=(-0.5, 1.5),
           xticks=range(-6, 37, 6), xlabel="average time to guess, seconds (powers of ten)")
    fig.subplots_adjust(left=0.15, right=0.98, bottom=0.2, top=0.88)
    slow, fast = in_words(found["scrypt"]), in_words(found["bare SHA-256"])
    return (f"{bits:.0f} bits. With {cores:,.0f} core{'s' * (cores > 1)}: {slow} behind "
            f"scrypt, {fast} behind a bare hash.")


lab.explore(guessing, kind=KINDS, length=range(1, 33), work_factor=range(10, 21),
            cores=lab.log_range(1, 1e6, 1000), size=(8.2, 2.6),
            start={"length": 4, "work_factor": 17})

# %% [markdown]
# **Question.** Which helps more, one more random word or seven more steps of the work factor?
# And what do both do for eight letters that a *person* thought up?
#
# <details><summary>Answer</summary>
#
# One word multiplies the attacker's time by 7,776;
# seven steps by 128, and each opening of the vault pays for them too.
# For a passphrase that a person invented, the slider's lengths do not apply:
# in 70 million real passwords Bonneau
# (2012) found about 20 bits against an attacker who guesses the likeliest first.
# Let dice choose.
# </details>
#
# **The log.** Edit an entry, and follow the hashes up to the root.

# %%
ENTRIES = [f"desk {number} read row {number * number}".encode() for number in range(8)]


def nodes_of(entries, start=0):
    """Every node over the entries: {(start, end): hash}."""
    end = start + len(entries)
    if len(entries) == 1:
        return {(start, end): security.leaf_hash(entries[0])}
    cut = 1 << (len(entries) - 1).bit_length() - 1
    nodes = nodes_of(entries[:cut], start) | nodes_of(entries[cut:], start + cut)
    both = nodes[start, start + cut], nodes[start + cut, end]
    return nodes | {(start, end): security.node_hash(*both)}


def place_of(start, end):
    return (start + end - 1) / 2, (end - start - 1).bit_length()

# %% tags=["hide-input"] jupyter={"source_hidden": true}
# Draws: the tree of hashes: pale what stays, dark what is new, framed what a proof needs.
def draw_tree(ax, now, old, proof):
    for (start, end), value in now.items():
        x, y = place_of(start, end)
        cut = start + (1 << (end - start - 1).bit_length() - 1 if y else 0)
        for child in [(start, cut), (cut, end)] if y else []:
            ax.plot(*zip((x, y), place_of(*child)), color="#BBBBBB", lw=1, zorder=0)
        box = {"boxstyle": "round,pad=0.35", "lw": 4,
               "ec": lab.GUARANTEE if value in proof else "none",
               "fc": lab.PRIVATE if value == old[start, end] else lab.ATTACKER}
        ax.text(x, y, value.hex()[:6], ha="center", va="center", size=9, color="w",
                family="monospace", bbox=box)
    top = max(now, key=lambda span: span[1] - span[0])
    x, y = place_of(*top)
    sign, colour = ("=", lab.GUARANTEE) if now[top] == old[top] else ("≠", lab.ATTACKER)
    ax.text(x + 0.55, y, f"{sign} {old[top].hex()[:6]}, which the witness wrote down",
            va="center", size=9.5, weight="bold", color=colour)
    for at in range(top[1]):
        colour = "#333333" if now[at, at + 1] == old[at, at + 1] else lab.ATTACKER
        ax.text(at, -0.55, f"entry {at}", ha="center", size=9, color=colour)
    ax.set(xlim=(-0.6, max(top[1], 7) - 0.4), ylim=(-0.8, 3.5))
    ax.axis("off")

# %% tags=["hide-input"] jupyter={"source_hidden": true}
# Draws: which hashes does an edited line change, and which does a proof need?
def merkle(fig, entries, edited, proved):
    """Which hashes does an edited line change, and which does a proof need?"""
    lines = ENTRIES[:entries]
    after = [b"edited" if number == edited else each for number, each in enumerate(lines)]
    old, now = nodes_of(lines), nodes_of(after)
    proof = security.MerkleTree(after).inclusion_proof(proved)
    draw_tree(fig.subplots(), now, old, proof)
    fig.subplots_adjust(0.01, 0.01, 0.99, 0.99)
    holds = security.verify_inclusion(after[proved], proved, entries, proof, old[0, entries])
    changed = sum(now[each] != old[each] for each in now)
    return (f"{changed} of {len(now)} hashes changed (red). The proof that entry {proved} is "
            f"in the log takes {len(proof)} of them (green edge), and "
            f"{'convinces' if holds else 'no longer convinces'} the witness.")


choices = {"nothing": -1, **{f"entry {each}": each for each in range(8)}}
lab.explore(merkle, entries=range(5, 9), edited=choices, proved=range(5), size=(8.2, 3.4),
            start={"entries": 8, "edited": 5, "proved": 2})

# %% [markdown]
# **Question.** The log's own operator edits entry 5 and recomputes everything above it,
# so that the new tree is perfectly consistent.
# Who notices?
#
# <details><summary>Answer</summary>
#
# Only somebody *outside* who kept the old root, or a head signed over it.
# A tree protects nothing by itself:
# it makes one short number stand for the whole log, so that many can keep it.
# That is why heads are published, or exchanged with witnesses.
# </details>
#
# ## The attack again
#
# All of it, mechanically: each attack against each protection.
# One attack is new, the **replay**: put back yesterday's version, which is perfectly genuine.
# The attacker tries five things: to read a file, to flip a bit, to cut off its end,
# to put back the old file, and to put back everything.

# %%
lab.predict("How many of the five get past encryption with a tag?", low=0, high=5)

# %%
OLD, NEW = b"row 3: earns <=50K\n" * 9, b"row 3: earns >50K \n" * 9


def attack_file(seal_it, open_it):
    """The five attacks on a single file: which succeed unnoticed?"""
    yesterday, today = seal_it(OLD), seal_it(NEW)
    forgeries = [today[:-1] + bytes([today[-1] ^ 1]), today[:-19], yesterday, yesterday]

    def accepted(stored):
        try:
            return open_it(stored) is not None
        except InvalidTag:
            return False

    return [b"earns" in today, *map(accepted, forgeries)]


# %%
def without_tag(data):
    nonce = os.urandom(16)
    return nonce + Cipher(AES(key), CTR(nonce)).encryptor().update(data)


def unchecked(data):
    return Cipher(AES(key), CTR(data[:16])).encryptor().update(data[16:])


def with_tag(data):
    nonce = os.urandom(12)
    return nonce + AESGCM(chunk_key).encrypt(nonce, data, None)


def checked(data):
    return AESGCM(chunk_key).decrypt(data[:12], data[12:], None)


outcome = {"nothing": attack_file(bytes, bytes),
           "encryption only": attack_file(without_tag, unchecked),
           "encryption\nand tag": attack_file(with_tag, checked)}

# %%
def accepts(folder, anchor):
    try:
        return security.Vault.open(folder, "x", anchor=anchor).get("payroll") is not None
    except (security.VaultError, security.IntegrityError):
        return False


def attack_vault(anchored):
    """The same five on a vault; the last puts the whole folder back."""
    place = Path(tempfile.mkdtemp(dir=office))
    folder, copy, anchor = place / "vault", place / "copy", place / "anchor"
    anchor = anchor if anchored else None
    vault = security.Vault.create(folder, "x", work_factor=10, anchor=anchor)
    vault.put("payroll", OLD)
    shutil.copytree(folder, copy)
    vault.put("payroll", NEW)
    (old,), (file,) = (copy / "objects").iterdir(), (folder / "objects").iterdir()
    today, results = file.read_bytes(), [b"earns" in file.read_bytes()]
    for forgery in (today[:-1] + bytes([today[-1] ^ 1]), today[:-19], old.read_bytes()):
        file.write_bytes(forgery)
        results.append(accepts(folder, anchor))
    shutil.rmtree(folder)
    shutil.copytree(copy, folder)
    return [*results, accepts(folder, anchor)]


outcome |= {"vault": attack_vault(False), "vault with\nan anchor": attack_vault(True)}

# %%
attacks = ["read it", "flip a bit", "cut the end off", "put back an old file",
           "put back everything"]
fig, ax = lab.plots.figure(8.2, 2.9)
for column, results in enumerate(outcome.values()):
    for number, succeeded in enumerate(results):
        colour, text = (lab.ATTACKER, "succeeds") if succeeded else (lab.PRIVATE, "stopped")
        ax.barh(number, 0.94, left=column - 0.47, height=0.88, color=colour)
        ax.text(column, number, text, ha="center", va="center", color="white", weight="bold")
ax.set_xticks(range(5), outcome)
ax.set_yticks(range(5), attacks)
ax.set_xlim(-0.5, 4.5)
ax.invert_yaxis()
ax.tick_params(length=0, labelsize=10)
ax.spines[:].set_visible(False)
ax.xaxis.tick_top()
plt.show()
lab.truth(sum(outcome["encryption\nand tag"]), "of five")
lab.claim("each step stops more, and only the anchor stops putting back the whole folder",
          [sum(each) for each in outcome.values()] == [5, 4, 2, 1, 0])

# %% [markdown]
# A counter *inside* the folder goes back together with the folder.
# The memory must be where the attacker cannot reach:
# another machine, a chip with a counter, or a witness's ledger.
# Now every bit, and not one:

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
# **Pull the plug.** Another process writes to a vault, and says each time what has been stored.
# We kill it without warning.

# %%
WRITER = """
import sys; from labkit.security import Vault
vault = Vault.open(sys.argv[1], "x")
for number in range(200):
    vault.put("counter", str(number).encode()); print(number, flush=True)
"""
security.Vault.create(office / "crash", "x", work_factor=10)
writer = subprocess.Popen([sys.executable, "-c", WRITER, office / "crash"],
                          stdout=subprocess.PIPE, text=True)
lines = [writer.stdout.readline() for _ in range(40)]
writer.kill()
lines += writer.stdout.read().split()
writer.wait()
acknowledged = int(lines[-1])
survived = int(security.Vault.open(office / "crash", "x").get("counter"))
lab.claim("after the kill the vault holds the last write acknowledged, or the one after it",
          39 <= acknowledged <= survived <= acknowledged + 1 and acknowledged < 199)

# %% [markdown]
# And a second writer?
# Two processes that open one vault would each overwrite the other's list of files.
# A lock lets one of them write, and tells the other.

# %%
first = security.Vault.open(office / "crash", "x")
second = security.Vault.open(office / "crash", "x")
first.put("from the first", b"acknowledged")
try:
    second.put("from the second", b"would have replaced the list")
    told = ""
except security.VaultError as refusal:
    told = str(refusal)
    print(told)
lab.claim("the second writer meets an error, and nothing that was acknowledged is lost",
          told and security.Vault.open(office / "crash", "x").get("from the first") == b"acknowledged")

# %% [markdown]
# **The listener**, once more.
# *Tick TLS, and read along.*

# %%
overheard = {}
for protected, (ours, theirs) in enumerate(sides.values()):
    for asked in range(6):
        answer = payroll.split(b"\n")[asked + 1]
        with security.serve(lambda question: answer, **ours) as server:
            with security.Recorder(server.address) as listener:
                security.ask(listener.address, b"row", **theirs)
        overheard[bool(protected), asked] = listener.sent, listener.answered

# %% tags=["hide-input"] jupyter={"source_hidden": true}
# Draws: what does somebody on the line see?
def eavesdropper(fig, tls, row):
    """What does somebody on the line see?"""
    sent, answered = overheard[tls, row]
    readable = payroll.split(b"\n")[row + 1] in sent + answered
    bytes_seen = security.hexdump(answered[-128:], lines=8)
    around = ["server asked for:\n" + (NAME if NAME.encode() in sent else "only its address"),
              "when, and from where",
              f"about {round(len(sent) + len(answered), -2):,} bytes in all"]
    left, right = fig.subplots(1, 2, width_ratios=[2.6, 1])
    left.text(0, 1, bytes_seen, family="monospace", size=9.6, va="top",
              color=lab.ATTACKER if readable else lab.PRIVATE)
    right.text(0, 1, "\n\n".join(around), size=9.5, va="top")
    left.set_title("the answer on the line (its last 128 bytes)")
    right.set_title("also visible")
    for ax in (left, right):
        ax.axis("off")
    fig.subplots_adjust(left=0.01, right=0.99, top=0.87, bottom=0.02, wspace=0.05)
    if readable:
        return f"Row {row}: every word of it is readable on the line."
    return f"Row {row}: no word of it; but the server's name, the time and the amount of data."


lab.explore(eavesdropper, tls=False, row=range(6), labels={"tls": "mutual TLS"},
            size=(8.2, 2.2))

# %% [markdown]
# **Question.** Under TLS, what could somebody still learn who watches one desk for a week?
#
# <details><summary>Answer</summary>
#
# That it talks to the records server, when, how often, and roughly how much:
# enough to tell a quiet week from the week before dismissals.
# Encryption hides content, not traffic;
# the name of the server is in the first message in the clear unless Encrypted Client Hello is used.
# </details>
#
# **The insider** edits the ledger on the disk: the line that says that `analyst-2` was refused.
# The witness still has the head.

# %%
text = (office / "ledger").read_text()
(office / "ledger").write_text(text.replace("visitor", "clerk-1"))
try:
    security.Ledger(office / "ledger").check(head, ledger.public_key)  # what a witness does
    caught = False
except security.LedgerError as problem:
    caught = True
    print(problem)
lab.claim("an edited line in the ledger no longer fits the head that the witness kept",
          caught and "visitor" in text)

# %% [markdown]
# ## Check yourself
#
# **1.** `stored_order` is `b"pay to: desk 3, amount: 0100 dollars"`, encrypted in counter mode without a tag.
# Make the bank pay 9100.
# You have no key.

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
# **2.** Two rows were XORed with the same random bytes.
# One of them is yours: `my_row`.
# What does the director's row say?

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
# **3.** How many random words (out of 7,776) must a passphrase have,
# so that a million cores need 1,000 years on average?
# Work factor 17, and 2,000 guesses a second and core at work factor 10, as in the widget.
# A year has $3.16 \cdot 10^7$ seconds.

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
# **4.** Four attackers:
# `"a"` reads the line between two offices; `"b"` has stolen the disk;
# `"c"` is a clerk with a key, who looks up a neighbour;
# `"d"` is the administrator, who deletes a line of the log.
# Which piece is made for which?
# Give a dictionary from each letter to `"storage"`, `"access"`, `"transport"` or `"log"`.

# %%
made_for = ...

check("who is stopped by what", made_for);

# %% [markdown] tags=["solution"]
# <details><summary>Solution</summary>
#
# Encrypted storage does nothing against the clerk, who has the key; the rules do.
# And nothing but a log that shows edits is made for the one who may edit everything.
#
# ```python
# made_for = {"a": "transport", "b": "storage", "c": "access", "d": "log"}
# check("who is stopped by what", made_for);
# ```
# </details>

# %% [markdown]
# **5.** Write the `security.Rule` that lets an `analyst` do `train` with `payroll` for `statistics`,
# and only when the attribute `site` is `office`.

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
# **Article B (*privacy-protection mechanisms for applications of large models*) encrypts data
# as $x \oplus r$**
# and decrypts the result with the *same* $r$ (B13): one pad for all records.
# Lab 10 shows that its arithmetic fails; here we ask only whether it keeps a secret.
# One of the 200 people in the file knows one row, their own.

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
# And without knowing any row?
# XOR two ciphertexts, and the pad is gone: what is left is one row XOR another.
# Guess a word that may occur in one of them (a *crib*),
# slide it along, and wherever the guess is right, **the other row appears**.

# %% tags=["hide-input"] jupyter={"source_hidden": true}
# Draws: two rows under one pad: slide a guessed word along. Where does the other row appear?
allowed = set(b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789,-<>=")
both = bytes(a ^ b for a, b in zip(ciphertexts[0], ciphertexts[3]))


def crib_drag(fig, crib, position):
    """Two rows under one pad: slide a guessed word along. Where does the other row appear?"""
    ax, word = fig.subplots(), crib.encode()
    places = range(len(both) - len(word) + 1)
    pieces = [bytes(a ^ b for a, b in zip(both[at:], word)) for at in places]
    score = [np.mean([each in allowed for each in piece]) for piece in pieces]
    at, colours = min(position, len(pieces) - 1), {True: lab.ATTACKER, False: lab.PLAIN}
    ax.vlines(places, 0, score, lw=4.5, colors=[colours[each == 1] for each in score])
    ax.axvline(at, color="#333333", lw=1.2, ls=":", zorder=0)
    piece = "".join(chr(each) if 32 <= each < 127 else "·" for each in pieces[at])
    ax.text(0.5, 1.13, f"the other row here: {piece}", transform=ax.transAxes, ha="center",
            size=12, family="monospace", weight="bold", color=colours[score[at] == 1])
    ax.set(xlabel="position of the guess in the row", ylabel="plausible\ncharacters",
           ylim=(0, 1.05), xlim=(-1, len(both)))
    lab.plots.percent(ax)
    fig.subplots_adjust(left=0.13, right=0.98, bottom=0.2, top=0.83)
    return (f"With {crib!r} at position {at} the other row would read {piece!r}: "
            f"{score[at]:.0%} plausible characters. "
            f"{score.count(1)} of {len(score)} positions fit (red).")


CRIBS = ["Machine-op-inspct", "Married-civ-spouse", "Never-married", "United-States",
         "Private"]
lab.explore(crib_drag, crib=CRIBS, position=range(90), size=(8.2, 2.7),
            start={"crib": "Married-civ-spouse", "position": 34})

# %% [markdown]
# **Question.** Why does a long crib give one clear answer, and a short one several?
#
# <details><summary>Answer</summary>
#
# A wrong guess yields arbitrary bytes, and each looks plausible with some probability;
# seventeen in a row hardly ever do, seven sometimes.
# A right guess yields text that runs on,
# so the attacker extends it word by word, in one row and then in the other.
# </details>
#
# With 200 rows not even a crib is needed.
# For each position, take the pad byte under
# which the column of characters looks most like other files of this kind (here: 2,000 *other* people).

# %%
strangers = datasets.adult().table.iloc[1000:3000].to_csv(index=False, header=False)
strangers = strangers.encode().split()
solved = bytearray()
for at in range(len(pad)):
    usual = [each[at] for each in strangers if len(each) > at]
    usual = np.bincount(usual, minlength=256) + 0.01
    column = np.array([each[at] for each in ciphertexts if len(each) > at], dtype=np.uint8)
    solved.append(max(range(256), key=lambda guess: np.log(usual)[column ^ guess].sum()))
right = np.mean([solved[at] == pad[at] for each in texts for at in range(len(each))])
lab.claim("without knowing a single row, more than nine in ten of all characters come out",
          right > 0.9, article="B13", verdict="does not hold", share=round(float(right), 2))

# %% [markdown]
# A pad is perfect when it is random, as long as the data, and used **once** (Shannon 1949).
# Used twice it is nothing.
#
# **Article A (*data privacy in deploying large models*) names three techniques
# that keep data secure**:
# access control, encrypted storage, secure transport (A3).
# Each was run above.
# Named is not enough: encryption without a tag let salaries be changed,
# certificates without the check of the name let an impostor in.

# %%
denied = [each for each in ledger if '"allowed": false' in each]
hidden = not any(payroll.split(b"\n")[at + 1] in overheard[True, at][1] for at in range(6))
weak, strong = outcome["encryption only"], outcome["vault with\nan anchor"]
lab.claim("the attacks fail once tags, an anchor, default refusal and name checks are added",
          all(weak[1:]) and not any(strong) and len(denied) == 5 and hidden and not fooled,
          article="A3", verdict="holds once repaired")

# %% [markdown]
# **Blockchains are to make data private and safe** (B18).
# What they add to a log is the Merkle tree above, and agreement among writers who do not trust each other.
# The tree needs no chain, and neither of them makes anything *private*:
# a hash of a person's entry is found by trying all possible entries.

# %%
salary = texts[7].split(b",")[-1]
on_the_chain = security.leaf_hash(salary)  # all that was published
guessed = [each for each in (b"<=50K", b">50K") if security.leaf_hash(each) == on_the_chain]
lab.claim("a log without a chain makes edits evident, and hides nothing: a hash told a salary",
          caught and guessed == [salary], article="B18", verdict="holds once repaired")

# %% [markdown]
# ## Limits and further reading
#
# - **A running machine that is broken into.**
#   Keys are in memory while the vault is open, and Python cannot reliably erase them.
#   The same goes for the rules: they bind those who go through them.
#   In production, keys live in a separate service or a hardware module.
# - **The declared purpose is what somebody *says*.**
#   The ledger makes a lie provable later, not impossible.
#   And a model trained on rows can give rows away: lab 06.
# - **What leaks around the encryption**:
#   how many files there are, their sizes, when they change; who talks to whom, when, how much.
# - **A lost passphrase is lost data.**
#   A *weak* one is no protection, and neither is scrypt for `123456`.
# - **Revoking.** The authority here cannot call back a certificate before it expires;
#   short lifetimes stand in for that.
# - **A log proves that nothing was changed after a head was kept**,
#   not that an entry was true, and not what was left out.
#   Two witnesses who were shown different logs notice only when they compare.
# - `kill` tests the order of the steps.
#   A power cut also tests the disk, which may lie about what it has written.
# - AES-GCM does not *commit* to its key: one ciphertext can be made to open under two keys.
#   That matters where strangers send you ciphertexts under passwords (Len,
#   Grubbs, Ristenpart, "Partitioning oracle attacks", USENIX Security 2021).
#
# **Sources.** Hoang, Reyhanitabar, Rogaway, Vizár, "Online authenticated-encryption
# and its nonce-reuse misuse-resistance", CRYPTO 2015 ([ePrint 2015/189](https://eprint.iacr.org/2015/189)).
# Percival and Josefsson, "The scrypt password-based key derivation function",
# [RFC 7914](https://www.rfc-editor.org/rfc/rfc7914), 2016.
# Bonneau, "The science of guessing: analyzing an anonymized corpus of 70 million passwords", IEEE S&P 2012.
# Rescorla, "The Transport Layer Security (TLS) protocol version 1.3",
# [RFC 8446](https://www.rfc-editor.org/rfc/rfc8446), 2018.
# Laurie, Messeri, Stradling, "Certificate Transparency version 2.0",
# [RFC 9162](https://www.rfc-editor.org/rfc/rfc9162), 2021.
# Byun and Li, "Purpose based access control for privacy protection in relational database systems",
# VLDB Journal 17, 2008.
# Pillai et al., "All file systems are not created equal", OSDI 2014.
# Shannon, "Communication theory of secrecy systems", Bell System Technical Journal 28, 1949.
