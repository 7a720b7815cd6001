"""Differential privacy: mechanisms, accounting, training, auditing.

    from labkit.dp import laplace, epsilon_spent

Names load their module when first used, so that importing this package costs nothing.
"""

from importlib import import_module

_HOME = {
    "mechanisms": ["laplace", "geometric", "gaussian", "discrete_gaussian", "clip", "clamp"],
    "calibration": ["gaussian_sigma", "gaussian_delta", "discrete_gaussian_sigma"],
    "selection": ["randomised_response", "estimated_shares", "exponential", "report_noisy_max"],
    "exact": ["sample_discrete_laplace", "sample_discrete_gaussian"],
    "accounting": ["epsilon_spent", "noise_multiplier_for", "epsilon_of", "dp_sgd_event", "best_attack"],
    "budget": ["Budget", "BudgetExceeded"],
    "training": ["Plan", "train_private", "train_without_privacy"],
    "curve": ["privacy_accuracy_curve"],
    "auditing": ["audit", "Audit"],
    "auditing_gaussian": ["gaussian_bound", "gaussian_mu", "gaussian_epsilon", "most_true_positives"],
    "auditing_one_run": ["one_run_bound"],
    "replay": ["sensitivity_at_least"],
    "sparse_vector": ["SparseVector", "above_threshold"],
}
_WHERE = {name: module for module, names in _HOME.items() for name in names}
__all__ = sorted(_WHERE)


def __getattr__(name):
    if name not in _WHERE:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(f"{__name__}.{_WHERE[name]}"), name)


def __dir__():
    return __all__
