#!/usr/bin/env bash
# Libraries: pycanon 1.3.5 and 1.3.6 (measures of anonymised tables), anjana 1.2.3 (makes such tables; it needs pycanon 1.3.5).
# Expected: the measures' definitions, here by hand; and a release that holds the release, no more.
# Seen (November 2026), the same in both versions of pycanon:
#   l and t of rows that were shuffled and not renumbered are wrong (l 2 instead of 1, t 0 instead of 1/3); k is right.
#   A gap in a quasi-identifier leaves its row out of every class: k 5 instead of 1.
#   Entropy l-diversity of m equally frequent values is m - 1 for ten of the m from 2 to 16.
#   Recursive (c, l): counts 6, 3, 1 are called (1, 3)-diverse, but 6 is not below 1 times 1.
#   Delta-disclosure leaves out values that a class does not have: .69 where the definition gives infinity.
#   anjana: a release with suppressed rows has a column "index" with the row numbers of the input.
# Fails if that changes.
set -euo pipefail
place=$(mktemp -d)
trap 'rm -rf "$place"' EXIT
python3 -m venv "$place/env"
for wanted in 'anjana==1.2.3' 'pycanon==1.3.6'; do
    "$place/env/bin/pip" --quiet --disable-pip-version-check install "$wanted" 2>/dev/null
    "$place/env/bin/python" -W ignore - "$wanted" <<'PY'
import math
import sys
from importlib.metadata import version

import numpy as np
import pandas as pd
from pycanon import anonymity

np.seterr(all="ignore")
shuffled = pd.DataFrame({"q": ["a"] * 3 + ["b"] * 3, "s": ["x", "x", "x", "x", "y", "y"]}).sample(frac=1, random_state=2)
numbered = shuffled.reset_index(drop=True)
gap = pd.DataFrame({"q": ["a"] * 5 + [None]})
short = [m for m in range(2, 17) if anonymity.entropy_l_diversity(
    pd.DataFrame({"q": "a", "s": [f"{each:02d}" for each in range(m)]}), ["q"], ["s"]) < m]
c, l = anonymity.recursive_c_l_diversity(pd.DataFrame({"q": "a", "s": ["x"] * 6 + ["y"] * 3 + ["z"]}), ["q"], ["s"])
absent = pd.DataFrame({"q": ["a"] * 4 + ["b"] * 4, "s": ["x", "x", "y", "y", "x", "x", "x", "x"]})
delta = anonymity.delta_disclosure(absent, ["q"], ["s"])
both = [(anonymity.k_anonymity(each, ["q"]), anonymity.l_diversity(each, ["q"], ["s"]), round(anonymity.t_closeness(each, ["q"], ["s"]), 3))
        for each in (shuffled, numbered)]
print(f"pycanon {version('pycanon')}: k, l, t shuffled {both[0]}, renumbered {both[1]}; k with a gap {anonymity.k_anonymity(gap, ['q'])}; "
      f"entropy l one short for {short}; recursive ({c}, {l}); delta {delta:.2f}")
assert both == [(3, 2, 0.0), (3, 1, 0.333)] and anonymity.k_anonymity(gap, ["q"]) == 5 and len(short) == 10
assert (c, l) == (1, 3) and math.isclose(delta, math.log(2))
if sys.argv[1].startswith("anjana"):
    from anjana.anonymity import k_anonymity

    people = pd.DataFrame({"age": [21, 22, 23, 24, 55, 91], "sex": list("FFFFMM"), "ill": list("abcdef")})
    bands = {"age": {0: people.age.values, 1: np.array(["young"] * 4 + ["old", "very old"])}}
    release = k_anonymity(people, [], ["age", "sex"], 3, 50, bands)
    print(f"anjana {version('anjana')}: columns {list(release.columns)}, index {release['index'].tolist()}")
    assert list(release.columns) == ["index", "age", "sex", "ill"] and release["index"].tolist() == [0, 1, 2, 3]
PY
done
