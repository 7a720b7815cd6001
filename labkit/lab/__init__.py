"""What makes the notebooks interactive: sliders, figures in one house style, checks, claims.

This package knows nothing of privacy, and no other part of labkit imports it.
"""

import os

import numpy as np

# Small models on a busy machine run many times slower with two threads than with one. Set before
# torch loads, which reads it once; a value the user chose wins.
os.environ.setdefault("OMP_NUM_THREADS", "1")
np.set_printoptions(legacy="1.25")  # show a learner 11687, not np.int64(11687)

from labkit.lab import plots
from labkit.lab.checks import Checks
from labkit.lab.claims import ClaimFailed, claim, claims_made, measured
from labkit.lab.decision import DecisionRecord, decision
from labkit.lab.explore import Explore, explore, log_range
from labkit.lab.plots import ATTACKER, BASELINE, GUARANTEE, PLAIN, PRIVATE
from labkit.lab.predict import Prediction, predict, truth
from labkit.lab.progress import progress
from labkit.lab.report import PrivacyReport, privacy_report
from labkit.lab.score import Score, score

__all__ = ["explore", "Explore", "log_range", "Checks", "claim", "ClaimFailed", "claims_made", "measured", "decision",
           "DecisionRecord", "plots", "predict", "truth", "Prediction", "privacy_report", "PrivacyReport", "score", "Score", "progress",
           "ATTACKER", "PRIVATE", "PLAIN", "BASELINE", "GUARANTEE"]

plots.use_house_style()
