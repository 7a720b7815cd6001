"""Make reference.json: what other libraries say about our tables, and what they lose where we lose less.

pycanon 1.3 and anjana pin old versions of numpy and pandas, and project-lighthouse-anonymize wants numpy 1, so they cannot
share the labs' environment. From the root of the repository, once, in throw-away environments:

    python3.11 -m venv /tmp/a && /tmp/a/bin/pip install pycanon==1.3.5 anjana==1.2.3 scikit-learn
    PYTHONPATH=. /tmp/a/bin/python tests/anonymity/reference.py
    python3.11 -m venv /tmp/b && /tmp/b/bin/pip install project-lighthouse-anonymize==1.0.0 tqdm
    PYTHONPATH=. /tmp/b/bin/python tests/anonymity/reference.py

Each run adds what it can and keeps the rest. Both sides of a comparison are computed in the same run and printed.
"""

import importlib.metadata
import json
import logging
import sys
import time
from pathlib import Path

import numpy as np
import pandas as pd

sys.path.insert(0, str(Path(__file__).parent))
from tables import fingerprint, tables

from labkit.anonymity import classes, discernibility, k_anonymity, mondrian
from labkit.anonymity.people import HIERARCHIES, simulated_people

STORE = Path(__file__).with_name("reference.json")
NAMES = list(HIERARCHIES)
ROWS, K = 10_000, 10


def pycanon_numbers():
    from pycanon import anonymity

    found = {}
    for name, (table, quasi, category, number) in tables().items():
        table = table.reset_index(drop=True)
        found[name] = {
            "sha256": fingerprint(table),
            "k": int(anonymity.k_anonymity(table, quasi)),
            "l": int(anonymity.l_diversity(table, quasi, [category])),
            "entropy l, rounded down": int(anonymity.entropy_l_diversity(table, quasi, [category])),
            "t, categories": float(anonymity.t_closeness(table, quasi, [category])),
            "t, numbers": float(anonymity.t_closeness(table, quasi, [number])),
        }
        print(name, found[name], flush=True)
    return {"version": importlib.metadata.version("pycanon"), "tables": found}


def tightest_penalty(original, release):
    """Normalised certainty penalty if every class were labelled as tightly as its rows allow (kind to coarse labels).

    Rows that the release dropped count as fully hidden.
    """
    which = classes(release, NAMES)
    lost = 0.0
    for name, hierarchy in HIERARCHIES.items():
        place = pd.Series(hierarchy.positions(original.loc[release.index, name].to_numpy())).groupby(which)
        first, last = place.transform("min").to_numpy(), place.transform("max").to_numpy()
        lost += float(np.sum(hierarchy.penalty(first, last)))
    dropped = len(original) - len(release)
    return (lost + dropped * len(NAMES)) / (len(original) * len(NAMES))


def loss(what, original, make):
    began = time.process_time()
    release = make()
    seconds = time.process_time() - began
    k, dropped = k_anonymity(release, NAMES), len(original) - len(release)
    row = {
        "k": k,
        "dropped": dropped,
        "certainty penalty": round(tightest_penalty(original, release), 4),
        "discernibility": round(discernibility(release, NAMES, suppressed=dropped), 1),
    }
    print(f"{what}: {row}, {seconds:.1f} s", flush=True)
    return row


def ours(original):
    return loss(f"labkit, {len(original)} rows", original, lambda: mondrian(original, HIERARCHIES, k=K).table)


def anjana_losses():
    from anjana.anonymity import k_anonymity as anjana_k

    original = simulated_people(0)[NAMES].astype({"age": int}).iloc[:ROWS]
    steps = {}
    for name, hierarchy in HIERARCHIES.items():
        values = np.array(sorted(original[name].unique()))
        steps[name] = {
            level: (values if level == 0 else hierarchy.at_level(values, level)) for level in range(hierarchy.levels + 1)
        }

    def run(percent):
        table = original.reset_index(drop=True).reset_index(names="row")
        release = anjana_k(table, [], NAMES, K, percent, {name: dict(levels) for name, levels in steps.items()})
        release = release.set_index("row")[NAMES].astype(str)
        release.index = original.index[release.index]
        return release

    found = {"version": importlib.metadata.version("anjana"), "rows": ROWS, "labkit": ours(original)}
    for percent in (0, 5, 20):
        found[f"suppressing up to {percent} %"] = loss(
            f"anjana, up to {percent} % suppressed", original, lambda: run(percent)
        )
    return found


def lighthouse_losses():
    from project_lighthouse_anonymize.gtrees import GTree
    from project_lighthouse_anonymize.wrappers.k_anonymize import k_anonymize

    original = simulated_people(0)[NAMES].iloc[:ROWS]
    table = original.reset_index(names="row").astype({"age": float, "education_num": float})
    trees = {}
    for name, hierarchy in HIERARCHIES.items():
        if not hasattr(hierarchy, "nodes"):
            continue
        tree = trees[name] = GTree()
        made = {}
        for path in hierarchy._paths:
            for depth, node in enumerate(path):
                if node not in made:
                    made[node] = tree.create_node(node, parent=made[path[depth - 1]] if depth else None)
        tree.update_highest_node_with_value_if()
        tree.update_descendant_leaf_values_if()
        tree.update_lowest_node_with_descendant_leaves_if()
        tree.add_default_geometric_sizes()

    def run():
        release, *_ = k_anonymize(
            logging.getLogger("quiet"), table, NAMES, K, trees, "row", parallelism=None, dq_metric_to_minimum_dq={}
        )
        return release.set_index("row")[NAMES].astype(str)

    return {
        "version": importlib.metadata.version("project-lighthouse-anonymize"),
        "rows": ROWS,
        "labkit": ours(original),
        "default": loss("project-lighthouse-anonymize", original, run),
    }


def main():
    stored = json.loads(STORE.read_text()) if STORE.exists() else {}
    for name, make in [
        ("anjana", anjana_losses),
        ("project-lighthouse-anonymize", lighthouse_losses),
        ("pycanon", pycanon_numbers),
    ]:
        try:
            importlib.metadata.version(name)
        except importlib.metadata.PackageNotFoundError:
            print(f"{name} is not installed here: kept as it was")
            continue
        stored[name] = make()
    STORE.write_text(json.dumps(stored, indent=1, sort_keys=True) + "\n")


if __name__ == "__main__":
    main()
