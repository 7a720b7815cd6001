"""The table of lab 14: four ways to fine-tune, four privacy levels, three seeds; with accuracy, time and memory.

    python -m labkit.protection.finetuning_table      computes it (about 50 minutes on one core), and writes the shipped record

A row is one training: `run` makes it, from the same film reviews. Only the learning rate is chosen, for each way once without
privacy and once with, on reviews that serve for nothing else (`CHOSEN_ON`). `recorded()` is the shipped record; `computed()` is the
reader's own, kept in the user's cache directory; what is interrupted goes on where it stopped.
"""

import datetime
import json
import math
import platform
from pathlib import Path

import numpy as np
import torch

from labkit import datasets, validate
from labkit.datasets import files
from labkit.dp.accounting.epsilon import RELATION
from labkit.dp.training.dp_sgd import Plan
from labkit.models.encoder import load_encoder
from labkit.protection.adapters import trainable
from labkit.protection.finetuning import (
    MODES,
    WAYS,
    accuracy,
    classifier,
    cost_of,
    fine_tune,
    fine_tune_without_privacy,
    records_for,
)

RECORD = "fine_tuning.json"
EPSILONS = (math.inf, 8.0, 3.0, 1.0)
SEEDS = (0, 1, 2)
DELTA = 1e-4
TOO_MUCH = 6e9  # bytes: what would take more memory is not measured
LONGEST = 20  # tokens of each review
SHORT = 80  # characters: longer reviews are left out, so that a pass takes seconds
CLEAR = 1.0  # reviews with a score nearer to zero are left out: the people who scored them did not agree
TRAINED_ON, TESTED_ON, CHOSEN_ON = slice(1000), slice(1000, 1700), slice(1700, None)  # reviews
CHOSEN_AT = {False: math.inf, True: 3.0}  # the epsilon at which learning rates are tried: without privacy, and with
# sample rate, steps, clip line, and the learning rates to try without and with privacy
SETTINGS = {
    "head": dict(rate=1.0, steps=40, clip=1.0, tried={False: (0.01, 0.02, 0.05), True: (0.05, 0.1, 0.2)}),
    "LoRA": dict(rate=1 / 4, steps=24, clip=1.0, tried={False: (0.05, 0.1, 0.2), True: (0.05, 0.1, 0.2)}),
    "last block": dict(rate=1 / 4, steps=16, clip=1.0, tried={False: (0.01, 0.02, 0.05), True: (0.02, 0.05, 0.1)}),
    "whole model": dict(rate=1 / 4, steps=16, clip=1.0, tried={False: (0.005, 0.01, 0.02), True: (0.005, 0.01, 0.02)}),
}


def reviews():
    """(texts, liked): the short and clear reviews, each once, shuffled; a tuple of str and an int64 array of 0 and 1."""
    found = datasets.film_reviews()
    chosen = (abs(found.y) >= CLEAR) & (np.array([len(text) for text in found.X]) <= SHORT)
    rows = np.random.default_rng(14).permutation(np.flatnonzero(chosen))
    rows = rows[np.sort(np.unique([found.X[row] for row in rows], return_index=True)[1])]  # two critics wrote the same three words
    return tuple(found.X[row] for row in rows), (found.y[rows] > 0).astype(np.int64)


def plan_for(way, epsilon, learning_rate):
    """The Plan of this way at this epsilon; for infinity, that of `fine_tune_without_privacy`, which reads no noise from it."""
    setting, records = SETTINGS[validate.one_of(way=way, options=WAYS)], TRAINED_ON.stop
    return Plan.for_budget(epsilon=8.0 if epsilon == math.inf else epsilon, delta=DELTA, records=records,
                           batch_size=setting["rate"] * records, steps=setting["steps"], max_grad_norm=setting["clip"],
                           learning_rate=learning_rate, momentum=0.9)


def run(way, epsilon, learning_rate, seed, X, liked, parts):
    """Train once, and measure: a row of the table.

    X: `records_for` this way of all `reviews`; liked: their labels; parts: of `Encoder.parts`.
    Returns a dict: way, asked (the epsilon; None without privacy), epsilon (as spent), learning_rate, seed, right (on the reviews of
    TESTED_ON), right_on_training, right_on_choice (on those of CHOSEN_ON), weights (how many are trained), seconds (of processor
    time).
    """
    plan, liked = plan_for(way, epsilon, learning_rate), torch.as_tensor(liked)
    model, private = classifier(way, parts, seed=seed), epsilon != math.inf
    own = X[TRAINED_ON], liked[TRAINED_ON]
    tuned, seconds, _ = cost_of(lambda: fine_tune(model, *own, plan=plan, delta=DELTA, seed=seed) if private else
                                fine_tune_without_privacy(model, *own, plan=plan, seed=seed))
    right, right_on_training, right_on_choice = (accuracy(tuned.model, X[part], liked[part])
                                                 for part in (TESTED_ON, TRAINED_ON, CHOSEN_ON))
    return {"way": way, "asked": epsilon if private else None, "epsilon": tuned.epsilon if private else None,
            "learning_rate": learning_rate, "seed": seed, "right": right, "right_on_training": right_on_training,
            "right_on_choice": right_on_choice, "weights": sum(each.numel() for each in trainable(model).values()),
            "seconds": round(seconds, 1)}


def memory(ids, liked, parts, together=128):
    """{way: {"not private", "hooks", "ghost"}}: megabytes that one step on `together` reviews takes above what was held before.

    Values are None where the system does not tell, and where every example's gradient would take over 6 GB.
    """
    found = {}
    for way in (WAYS[0], *WAYS):  # the first time libraries load, which counts as memory: measured once more
        X, y = records_for(way, ids[:together], parts), torch.as_tensor(liked[:together])
        plan = Plan(sample_rate=1.0, batch_size=together, steps=1, noise_multiplier=1.0, max_grad_norm=1.0, learning_rate=1.0)
        model, private = classifier(way, parts, seed=0), dict(plan=plan, delta=DELTA, seed=0, together=together)
        kept = 4 * together * sum(each.numel() for each in trainable(model).values())  # bytes of every example's gradient
        found[way] = {mode: cost_of(lambda: fine_tune(model, X, y, mode=mode, **private))[2] for mode in MODES
                      if mode == "ghost" or kept < TOO_MUCH}
        found[way]["not private"] = cost_of(lambda: model(X).sum().backward())[2]
    return {way: {mode: each.get(mode) and round(each[mode]) for mode in ("not private", *MODES)} for way, each in found.items()}


def compute(progress=None, rows=(), keep=None):
    """The whole table, as it is recorded: what it is, and its rows. Needs the pretrained encoder (ModelMissing without it).

    progress: wraps an iterable of the trainings to come, such as `labkit.lab.progress`; there are two series of them.
    rows:     what an interrupted computation had made.
    keep:     called with all rows so far after each training.
    """
    encoder, (texts, liked) = load_encoder(), reviews()
    parts, ids = encoder.parts(), encoder.token_ids(texts, longest=LONGEST)
    X = {way: records_for(way, ids, parts) for way in WAYS}
    made = {_key(row): row for row in rows}

    def train(wanted):
        for key in wanted if progress is None else progress(wanted):
            if key not in made:
                made[key] = run(*key, X[key[0]], liked, parts)
                if keep is not None:
                    keep(list(made.values()))
        return [made[key] for key in wanted]

    tried = train([(way, CHOSEN_AT[private], rate, SEEDS[0]) for way in WAYS for private, rates in SETTINGS[way]["tried"].items()
                   for rate in rates])
    best = {(way, private): chosen(tried, way, private) for way in WAYS for private in CHOSEN_AT}
    rows = train([(way, epsilon, best[way, epsilon != math.inf], seed) for way in WAYS for epsilon in EPSILONS for seed in SEEDS])
    rows = [{name: value for name, value in row.items() if name != "right_on_choice"} for row in rows]
    mostly = np.bincount(liked[TRAINED_ON]).argmax()
    return {"memory": memory(ids, liked, parts), "longest": LONGEST, "delta": DELTA, "accountant": "pld", "relation": RELATION,
            "trained_on": len(liked[TRAINED_ON]), "tested_on": len(liked[TESTED_ON]), "chosen_on": len(liked[CHOSEN_ON]),
            "majority": float((liked[TESTED_ON] == mostly).mean()), "date": datetime.date.today().isoformat(),
            "machine": f"one thread of a {platform.machine()} processor", "torch": torch.__version__, "rows": rows, "tried": tried}


def _key(row):
    return row["way"], row["asked"] or math.inf, row["learning_rate"], row["seed"]


def chosen(tried, way, private):
    """The learning rate of the row that does best on the reviews kept for this choice; the first of equals."""
    rows = [row for row in tried if row["way"] == way and (row["asked"] is not None) == private]
    return max(rows, key=lambda row: row["right_on_choice"])["learning_rate"]


def recorded():
    """The table that ships with the labs: what `compute` returned when it was recorded. Raises DatasetError when it is damaged."""
    return json.loads(files.read(RECORD))


def cache():
    """Where `computed` keeps its table, in the user's cache directory."""
    from platformdirs import user_cache_path

    return Path(user_cache_path("privacy-labs")) / RECORD


def computed(progress=None, place=None):
    """The table computed on this machine: read from the cache when it is there, else computed and kept there.

    place: the file to keep it in; None for `cache()`. Beside it lie, while it is computed, the rows so far.
    """
    place = cache() if place is None else Path(place)
    if not place.exists():
        place.parent.mkdir(parents=True, exist_ok=True)
        begun = place.with_suffix(".begun")
        rows = json.loads(begun.read_text(encoding="utf-8")) if begun.exists() else ()
        _write(place, compute(progress, rows, lambda rows: _write(begun, rows)))
        begun.unlink(missing_ok=True)
    return json.loads(place.read_text(encoding="utf-8"))


def _write(place, value):
    """The value as JSON: the file is there whole, or not at all."""
    unfinished = place.with_suffix(".tmp")
    unfinished.write_text(json.dumps(value, indent=1) + "\n", encoding="utf-8")
    unfinished.replace(place)


def summary(table, way, epsilon, key="right"):
    """(mean, lowest, highest) over the seeds of one number of the rows with this way and epsilon (asked; infinity: not private)."""
    validate.one_of(way=way, options=WAYS)
    asked = None if epsilon == math.inf else epsilon
    found = [row[key] for row in table["rows"] if row["way"] == way and row["asked"] == asked]
    if not found:
        raise ValueError(f"epsilon must be one in the table, got {epsilon!r}")
    return float(np.mean(found)), min(found), max(found)


if __name__ == "__main__":
    from tqdm import tqdm

    cache().unlink(missing_ok=True)
    _write(Path(datasets.__file__).parent / "data" / RECORD, computed(tqdm))
