"""Differential privacy: mechanisms, accounting, training, auditing.

    from labkit.dp import laplace, epsilon_spent

Names load their module when first used, so that importing this package costs nothing.
"""

from labkit.lazy import lazy_names

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
    "histogram": ["private_histogram", "thresholded_histogram", "release_threshold"],
    "quantile": ["private_quantile"],
    "voting": ["noisy_vote", "vote_counts", "vote_event", "vote_deviation"],
    "objective": ["objective_perturbation"],
}
__getattr__, __dir__, __all__ = lazy_names(__name__, _HOME)
