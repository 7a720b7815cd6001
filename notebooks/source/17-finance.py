# ---
# jupyter:
#   kernelspec: {display_name: Python 3, language: python, name: python3}
# ---

# %% [markdown]
# # 17 · Finance: may the bureau score, may bank and shop compare?
#
# *About 60 minutes, all of it required.
# You need labs 03 and 10.
# Labs 05, 11, 12 and 15 help.
# Terms are also explained in the [glossary](00-start-here.ipynb#Glossary).*
#
# > **Memo.** A small bank has loan applications.
# > A bureau has a good scoring model and does not give it away.
# > A shop offers to compare customer lists for a joint offer.
# > And the regulator asks whether training with privacy would hurt the applicants who are few.
# > The board wants one page: what may leave the house, in which form?
#
# **Afterwards you can** say why a loan book without names has names, score loans that the scorer never sees
# and tell what that does *not* protect, compare customers without handing over a list,
# separate what clipping does to a small group from what noise does, and sign a decision with numbers in it.

# %%
import time

import matplotlib.pyplot as plt
import numpy as np
import torch

from labkit import datasets, dp, lab
from labkit.datasets.encode import category, encode, number
from labkit.encrypted.ckks.planning import bytes_text, plan
from labkit.encrypted.intersection import dictionary_attack, hashed
from labkit.encrypted.learning import ScoringClient, ScoringServer, largest_score
from labkit.exercises.lab_17 import check

torch.set_num_threads(1)
loans = datasets.loans().table
risky = loans.grade.isin(list("DEFG")).to_numpy()
print(f"{len(loans):,} loans of early 2018; {risky.mean():.1%} were graded D to G, risky")

# %% [markdown]
# The loans are real, from a lending platform that published them.
# "Risky" is the platform's own grade: too few of these loans had failed yet to learn from failures.
#
# ## What goes wrong
#
# The platform removed names and addresses.
# Somebody knows a borrower's job title and state from a profile on the web.

# %%
lab.predict("How many percent of the borrowers are alone with their job title in their state?",
            low=0, high=100)

# %%
def alone(*columns):
    """The share of loans that no other loan shares these columns with."""
    known = loans.dropna(subset=list(columns))
    return (known.groupby(list(columns)).size() == 1).sum() / len(known)


by_job = alone("emp_title", "state")
by_income = alone("state", "annual_income")
control = alone("state", "homeownership")

# %%
lab.truth(round(100 * by_job), "%")
lab.claim("most borrowers are alone with their job title in their state", by_job > 0.6,
          job_and_state=by_job, income_and_state=by_income)
lab.claim("control: a state and whether the home is owned point at nobody", control < 0.01)

# %% [markdown]
# So rows do not leave the house.
# Hashes, then?
# The shop sends the *hashes* of its customers' telephone numbers, and the bank compares.
# (Invented numbers, six digits long.
# Real ones are a few digits longer.)

# %%
lab.predict("Of two thousand hashed numbers, how many does the bank read?", low=0, high=2000)

# %%
rng = np.random.default_rng(17)
numbers = [f"+00 555 {each:06d}" for each in rng.choice(10**6, 2000, replace=False)]
received = hashed(numbers)
began = time.process_time()
read = dictionary_attack(received, (f"+00 555 {each:06d}" for each in range(10**6)))
lab.measured(f"{time.process_time() - began:.1f} s for a million guesses")
lab.truth(len(read), "of two thousand")
lab.claim("a hash of few possible values is a code book",
          sorted(read.values()) == sorted(numbers), read=len(read))

# %% [markdown]
# ## The idea
#
# Three tools from earlier labs, for three requests:
#
# * **Score what you cannot see** (lab 10): the bank encrypts its applications under CKKS,
#   the bureau computes $w \cdot x + b$ on ciphertexts, the bank decrypts.
#   The bureau sees no loan, the bank no weight.
#   Or does it?
# * **Compare what you cannot see** (lab 12): private set intersection.
#   Both learn the common customers, or only how many.
# * **Learn without remembering** (lab 05): DP-SGD clips each applicant's gradient and adds noise.
#   Both steps change the model, and not for all groups alike.
#
# ## Build it
#
# First the bureau's model, trained on 8,000 loans with public bounds for every column.

# %%
columns = [
    number("annual_income", 0, 500_000, log=True), number("debt_to_income", 0, 100, missing=True),
    number("delinq_2y", 0, 10), number("inquiries_last_12m", 0, 20), number("total_credit_lines", 0, 80),
    number("open_credit_lines", 0, 50), number("total_credit_limit", 0, 1e6, log=True),
    number("total_credit_utilized", 0, 5e5, log=True), number("accounts_opened_24m", 0, 20),
    number("total_debit_limit", 0, 2e5, log=True), number("num_mort_accounts", 0, 10),
    number("account_never_delinq_percent", 0, 100), number("public_record_bankrupt", 0, 3),
    number("loan_amount", 0, 40_000), number("earliest_credit_line", 1960, 2018), number("term", 36, 60),
    category("homeownership", ("MORTGAGE", "OWN", "RENT")),
    category("verified_income", ("Not Verified", "Source Verified", "Verified")),
    category("application_type", ("individual", "joint")),
]
X, names = encode(loans, columns)
X = (2 * X - 1) * np.float32(2 / X.shape[1] ** 0.5)  # rows of length 2 at most
y = risky.astype(int)
few = np.isin(loans.loan_purpose, ["medical", "small_business"])  # a small group: see below
print(f"{X.shape[1]} columns; {few.sum()} loans for medical bills or a small business")

# %%
def trained(rows, epsilon=None, max_grad_norm=1.0, seed=0):
    """Logistic regression by DP-SGD; epsilon None: no noise to speak of; a large bound: no clipping."""
    delta, steps = 1e-6 if len(rows) > 5000 else 1e-5, 200
    noise = 1e-6
    if epsilon:
        noise = dp.noise_multiplier_for(epsilon=epsilon, delta=delta, sample_rate=0.1, steps=steps)
    recipe = dp.Plan(sample_rate=0.1, batch_size=0.1 * len(rows), steps=steps, noise_multiplier=noise,
                     max_grad_norm=max_grad_norm, learning_rate=4.0, momentum=0.0)
    model = torch.nn.Linear(X.shape[1], 2)
    torch.nn.init.zeros_(model.weight), torch.nn.init.zeros_(model.bias)
    model = dp.train_private(model, X[rows], y[rows], plan=recipe, delta=delta,
                             rng=np.random.default_rng(seed)).model
    weights, biases = (each.detach().numpy().astype(float) for each in (model.weight, model.bias))
    return weights[1] - weights[0], biases[1] - biases[0]


order = np.random.default_rng(0).permutation(len(y))
old, new = order[:8000], order[8000:]
weights, bias = trained(old, max_grad_norm=1e6)
scores = X[new] @ weights + bias


def ranked(scores, truth):
    """AUC: the chance that a risky loan scores above another one."""
    place = np.argsort(np.argsort(scores)) + 1
    risky = truth.sum()
    return (place[truth == 1].sum() - risky * (risky + 1) / 2) / risky / (len(truth) - risky)


lab.claim("the bureau's model ranks well", ranked(scores, y[new]) > 0.7, auc=ranked(scores, y[new]))

# %% [markdown]
# ## Use the real thing
#
# The bank encrypts (TenSEAL underneath, lab 10).
# One ciphertext holds *one column* of up to 4,096 loans.
# Here is what scoring one loan costs beside scoring two thousand:

# %%
parameters = plan(depth=1, precision_bits=16, largest=largest_score(weights, bias))
bank = ScoringClient(parameters)
bureau = ScoringServer(weights, bias, bank.public_bytes())
costs = {}
for number_of_loans in (1, 2000):
    rows, began = X[new[:number_of_loans]].astype(float), time.process_time()
    request = bank.request(rows)
    reply = bureau.answer(request)
    answer = bank.scores(reply)[:number_of_loans]
    costs[number_of_loans] = len(request), time.process_time() - began
    sent, seconds = costs[number_of_loans]
    lab.measured(f"{number_of_loans:,} loans: {bytes_text(sent)} up, {seconds:.1f} s")

# %%
wrong = np.abs(answer - scores[:2000]).max()
changed = int(((answer > 0) != (scores[:2000] > 0)).sum())
lab.claim("two thousand loans cost the bytes of one", costs[2000][0] < 1.1 * costs[1][0])
lab.claim("and no decision differs from the plain one", changed == 0 and wrong < 1e-3, loans=2000)

# %% [markdown]
# The bureau never saw a loan.
# And the bureau's secret, the model?
# It has a weight for each of the columns, and a constant.

# %%
lab.predict("How many scores must the bank ask for to have all of the model?", low=1, high=1000)

# %%
size = X.shape[1]
questions = np.vstack([np.zeros(size), np.eye(size)])
told = bank.scores(bureau.answer(bank.request(questions)))[:size + 1]
stolen_bias, stolen = told[0], told[1:] - told[0]
stolen_error = max(np.abs(stolen - weights).max(), abs(stolen_bias - bias))

# %%
lab.truth(size + 1, "scores")
lab.claim("one question more than there are columns gives the whole model away, encrypted or not",
          stolen_error < 1e-3, questions=size + 1)

# %% [markdown]
# Encryption protects the *loans* from the bureau.
# It does not protect the *model* from whoever may ask.
# A limit on questions, rounded scores,
# or yes and no in place of scores make it dearer, not impossible (lab 15).
#
# ## What it costs
#
# Now the regulator's question.
# Train with privacy: does it hurt the applicants who are few?
# Here they are the loans for medical bills or a small business.
# Four ways: without privacy; clipping only, which is **the control**; epsilon 8; epsilon 1.
# (Add or remove one applicant, delta a tenth of one over the number of applicants
# or less, privacy-loss distributions.)
# At the usual threshold, score above zero, each of the four finds a share of the risky loans:

# %%
ways = {"no privacy": (None, 1e6), "clipping only": (None, 1.0), "epsilon 8": (8.0, 1.0),
        "epsilon 1": (1.0, 1.0)}


def judged(rows, epsilon, bound, seed):
    """(risky loans found above zero, found if 18.5 % are flagged, right among the few, and the others)"""
    weights, bias = trained(rows, epsilon, bound, seed)
    scores = X[new] @ weights + bias
    flagged = scores > np.quantile(scores, 1 - 0.185)
    right, truth = flagged == (y[new] == 1), y[new] == 1
    return (scores > 0)[truth].mean(), flagged[truth].mean(), right[few[new]].mean(), right[~few[new]].mean()


def averaged(size, way, seeds=3):
    epsilon, bound = ways[way]
    return np.mean([judged(np.random.default_rng(seed).permutation(old)[:size], epsilon, bound, seed)
                    for seed in range(seeds)], axis=0)


many = {way: averaged(8000, way, seeds=2) for way in ways}
thousand = {way: averaged(1000, way) for way in ways}

# %% tags=["hide-input"] jupyter={"source_hidden": true}
# Draws: risky loans found by four ways of training, at two thresholds.
fig, axes = lab.plots.figure(8.2, 2.8, ncols=2, sharey=True)
colours = [lab.PLAIN, lab.plots.SERIES[1], lab.PRIVATE, lab.PRIVATE]
for ax, results, title in zip(axes, (many, thousand), ("8,000 loans", "1,000 loans")):
    for place, (way, colour) in enumerate(zip(ways, colours)):
        ax.bar(place - 0.2, results[way][0], 0.38, color=colour, alpha=0.35)
        ax.bar(place + 0.2, results[way][1], 0.38, color=colour)
    ax.axhline(0.185, color=lab.BASELINE, ls="--", lw=1)
    ax.set_xticks(range(4), [way.replace(" ", "\n") for way in ways], fontsize=9)
    ax.set_title(title)
axes[0].set_ylabel("risky loans found")
lab.plots.percent(axes[0])
plt.show()
print("pale: score above zero; full: the same share, 18.5 %, flagged by all; dashed: flagging at random")

# %%
lab.claim("at the usual threshold privacy seems to lose the risky loans, and clipping alone loses them too",
          many["epsilon 1"][0] < 0.5 * many["no privacy"][0]
          and many["clipping only"][0] < 0.5 * many["no privacy"][0])
lab.claim("with the same share flagged, 8,000 applicants pay next to nothing for epsilon 1",
          many["epsilon 1"][1] > many["no privacy"][1] - 0.06,
          no_privacy=many["no privacy"][1], epsilon_1=many["epsilon 1"][1])
lab.claim("1,000 applicants do pay", thousand["epsilon 1"][1] < thousand["clipping only"][1] - 0.02,
          clipping_only=thousand["clipping only"][1], epsilon_1=thousand["epsilon 1"][1])

# %% [markdown]
# The control saves us from a wrong conclusion.
# The fall at the usual threshold is *the clipping*:
# a clipped model is timid, its scores shrink towards the majority.
# Move the threshold, and it is gone.
# What noise costs shows with few applicants only.
# And the small group?
# Is it hurt more than the others?

# %%
loss = {name: (results["no privacy"][2:] - results["epsilon 1"][2:]) for name, results in
        (("8,000", many), ("1,000", thousand))}
for name, (of_few, of_others) in loss.items():
    print(f"{name} loans: right decisions lost at epsilon 1: {100 * of_few:+.0f} points for the few, "
          f"{100 * of_others:+.0f} for the others")
lab.claim("with 8,000 loans no group loses much; the few are too few here to tell a point or two",
          abs(loss["8,000"][0]) < 0.05 and abs(loss["8,000"][1]) < 0.03, few=int(few[new].sum()))

# %% [markdown]
# That small groups lose more under DP-SGD is known (Bagdasaryan and others,
# 2019), and on real lending groups of this size we do not find it.
# An honest report says both.
#
# ## Tune it
#
# *What does epsilon do to the bank's decisions, with this many applicants?*

# %% tags=["hide-input"] jupyter={"source_hidden": true}
# Draws: how many risky loans are found, and how many good ones are refused?
kept = {}


def decisions(fig, epsilon, applicants, threshold):
    """How many risky loans are found, and how many good ones are refused?"""
    key = round(epsilon, 3), applicants
    if key not in kept:
        kept[key] = trained(old[:applicants], epsilon, 1.0, 0)
    weights, bias = kept[key]
    scores = X[new] @ weights + bias
    cut = 0.0 if threshold == "score above zero" else np.quantile(scores, 1 - 0.185)
    ax = fig.add_axes([0.09, 0.18, 0.88, 0.76])
    bins = np.linspace(*np.quantile(scores, [0.002, 0.998]), 60)
    ax.hist(scores[y[new] == 0], bins, color=lab.PLAIN, alpha=0.6, density=True, label="good loans")
    ax.hist(scores[y[new] == 1], bins, color=lab.ATTACKER, alpha=0.6, density=True, label="risky loans")
    ax.axvline(cut, color=lab.BASELINE, ls="--")
    ax.set(xlabel="score", yticks=[])
    ax.legend()
    found, refused = (scores > cut)[y[new] == 1].mean(), (scores > cut)[y[new] == 0].mean()
    return (f"Epsilon {epsilon:.2g}, {applicants:,} applicants: {found:.0%} of the risky loans are found, "
            f"{refused:.0%} of the good ones refused; AUC {ranked(scores, y[new]):.2f} (guessing 0.50).")


lab.explore(decisions, live=False, epsilon=(0.1, 10.0, 1.0), applicants=[500, 1000, 3000, 8000],
            threshold=["the same share flagged", "score above zero"], start={"applicants": 1000})

# %% [markdown]
# **Question.** At epsilon 0.3 with 1,000 applicants, what has become of the ranking?
# Would another threshold help?
#
# <details><summary>Answer</summary>
#
# The two hills lie on top of each other:
# the *order* of the loans is noise, and no threshold repairs an order.
# Clipping only moved the scores; noise shuffles them.
# More applicants help, by one over their number.
#
# </details>
#
# ## The attack again
#
# The bank and the shop compare by **private set intersection** in place of hashes, *sizes only*:
# they learn how many customers they share.
# The dictionary finds nothing to compare with.
# But they run it every week.
# Here is what two counts tell about the one customer who joined in between:

# %%
shop = set(numbers[:1000])
newcomer = numbers[1500]
before = len(shop & set(numbers[500:1200]))
after = len((shop | {newcomer}) & set(numbers[500:1200]))
after_shared = len((shop | {numbers[1100]}) & set(numbers[500:1200]))

# %%
lab.claim("the count stays for a newcomer whom the bank does not know, and grows by one for a shared one",
          after == before and after_shared == before + 1)

# %% [markdown]
# The protocol kept its promise: only the size.
# The size was the secret.
# So the size gets noise.
# One customer, added or removed, moves it by one.

# %%
lab.predict("How many percent of the time is the bank right about the newcomer, with epsilon 1 in each week?",
            low=50, high=100)

# %%
def right_about_her(epsilon, draws=40_000, seed=0):
    """Half of the newcomers are shared; the bank says "shared" where the noisy count grew."""
    rng = np.random.default_rng(seed)
    shared = rng.random(draws) < 0.5
    counts = dp.geometric(np.full(draws, before), sensitivity=1, epsilon=epsilon, rng=rng)
    later = dp.geometric(before + shared, sensitivity=1, epsilon=epsilon, rng=rng)
    return np.mean((later - counts >= 1) == shared)


guesses = {epsilon: right_about_her(epsilon) for epsilon in (0.1, 1.0)}
ceiling = np.exp(1) / (1 + np.exp(1))

# %%
lab.truth(round(100 * guesses[1.0]), "%")
lab.claim("with noise the bank guesses about one customer, and the promise holds",
          guesses[0.1] < 0.54 and guesses[1.0] < ceiling, epsilon_0_1=round(guesses[0.1], 2),
          epsilon_1=round(guesses[1.0], 2), ceiling=round(float(ceiling), 2))

# %% [markdown]
# Now the record.
# These are this lab's numbers; change the choice and the reasons to yours.

# %%
record = lab.decision(
    "What may leave the bank, and in which form?",
    options=["loans without names, hashed customer lists",
             "encrypted loans for scoring, noisy sizes of common customers",
             "nothing"],
    choice="encrypted loans for scoring, noisy sizes of common customers",
    because="The bureau needs no loan in the clear, the shop no list. Both can be served, at a known cost.",
    numbers=[("borrowers alone with job and state", f"{by_job:.0%}", "none"),
             ("hashed numbers read", f"{len(read):,} of {len(numbers):,}", "none"),
             ("decisions changed by encryption", f"{changed} of 2,000", "the bureau sees ciphertexts only"),
             ("questions that give away the model", f"{size + 1}", "not protected"),
             ("risky loans found, 8,000 applicants",
              f"{many['epsilon 1'][1]:.0%}, without {many['no privacy'][1]:.0%}",
              "epsilon 1, delta 1e-6, one applicant"),
             ("right about one customer, noisy sizes", f"{guesses[1.0]:.0%}",
              "epsilon 1 a week, delta 0, one customer")],
    would_change=["fewer than some thousand applicants: training with epsilon 1 costs decisions",
                  "a bureau that answers without limits loses its model"],
    risks=["weekly sizes add up", "groups smaller than ours were not tested",
           "the bank sees its own scores in full"],
    sources=["Lending Club loans, 2018"],
    shown=["uniqueness with control", "a dictionary", "encrypted scoring and its theft",
           "clipping against noise", "differencing of sizes"])
record

# %% [markdown]
# ## Check yourself
#
# **1.** A bureau's linear model has 60 columns and answers with exact scores.
# How many questions give it away completely?

# %%
questions_needed = ...
check("sixty columns", questions_needed)

# %% [markdown] tags=["solution"]
# <details><summary>Solution</summary>
#
# ```python
# questions_needed = 61
#
# check("sixty columns", questions_needed);
# ```
# One for the bias (all zeros), one for each weight.
#
# </details>

# %% [markdown]
# **2.** A report says: "DP-SGD at epsilon 2 finds 10 % of the risky loans,
# the plain model 50 %; privacy costs 40 points."
# Which *one* further run shows whether privacy is to blame?
#
# * A: epsilon 8 in place of 2.
# * B: the same clipping and steps, without noise, at the same threshold.
# * C: the plain model on fewer loans.

# %%
further_run = ...
check("the control", further_run)

# %% [markdown] tags=["solution"]
# <details><summary>Solution</summary>
#
# ```python
# further_run = "B"
#
# check("the control", further_run);
# ```
# If clipping alone finds 10 % as well, the noise cost nothing:
# the scores have shrunk, and the threshold wants moving.
#
# </details>

# %% [markdown]
# **3.** A decision under a constraint.
# The shop insists on knowing *which* customers are shared, once, to write to them.
# What do you ask for?
#
# * A: hashed lists, with a secret salt that both know.
# * B: private set intersection, once, with the customers' consent to that use,
#   and a limit on the length of the lists.
# * C: private set intersection every week, so that the letters are up to date.

# %%
ask_for = ...
check("letters", ask_for)

# %% [markdown] tags=["solution"]
# <details><summary>Solution</summary>
#
# ```python
# ask_for = "B"
#
# check("letters", ask_for);
# ```
# With A each side can try all numbers, since it knows the salt.
# C tells who joined when.
# Even B tells each side who is the other's customer; that is its purpose, so it needs a legal ground.
#
# </details>

# %% [markdown]
# ## What the article says
#
# Both articles of lab 00 name finance as a field of application and recommend encryption for it.

# %%
lab.claim("encrypted scoring works in finance and protects the loans, not the model",
          bool(changed == 0 and stolen_error < 1e-3), article="A6", verdict="holds once repaired")

# %% [markdown]
# ## Limits and further reading
#
# * The target is the platform's grade, which its own staff made from these columns.
#   It stands for a credit decision; it is not one.
# * Thresholds, bounds and learning rate were chosen on these loans without paying for it.
# * The parties follow the protocols here.
#   A bank that sends wrong ciphertexts, or invents customers, is lab 12's subject.
# * The decryption of a CKKS score must not be published: it carries the error of the ciphertext (lab 10).
#
# Bagdasaryan, Poursaeed and Shmatikov,
# *Differential privacy has disparate impact on model accuracy*, NeurIPS 2019.
#
# Tramèr, Zhang, Juels, Reiter and Ristenpart,
# *Stealing machine learning models via prediction APIs*, USENIX Security 2016.
#
# Cheon, Kim, Kim and Song, *Homomorphic encryption for arithmetic of approximate numbers*, ASIACRYPT 2017.
#
# Pinkas, Schneider and Zohner, *Scalable private set intersection based on OT extension*, ACM TOPS 21, 2018.
