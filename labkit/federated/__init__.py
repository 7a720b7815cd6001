"""Federated learning on one machine: split data over clients, choose a strategy, simulate.

    from labkit.federated import FedAvg, partition, simulate

Names load their module when first used, so that importing this package costs nothing.
"""

from labkit.lazy import lazy_names

_HOME = {
    "strategies": ["Strategy", "Update", "FedAvg", "FedProx", "Scaffold", "weighted_mean"],
    "simulation": ["simulate"],
    "history": ["Run", "Round"],
    "pipeline": ["Step", "Pipeline", "Setting", "Turn", "add_up"],
    "steps": ["Weight", "Clip", "Noise", "Sum"],
    "server_optimisers": ["FedAvgM", "FedAdam", "FedYogi"],
    "fednova": ["FedNova"],
    "fairness": ["QFedAvg", "personalise"],
    "compression": ["TopK", "Quantise"],
    "robust": ["Median", "TrimmedMean", "Krum", "coordinate_median", "trimmed_mean", "krum", "krum_scores"],
    "private": ["UserLevelDP"],
    "adaptive_clipping": ["AdaptiveUserLevelDP"],
    "distributed_noise": ["DistributedDiscreteGaussian"],
    "secure_aggregation": ["SecureSum"],
    "evaluation": ["by_client", "worst_share"],
    "lean": ["local_training"],
    "parameters": ["vector_of", "load_vector"],
}
__getattr__, __dir__, __all__ = lazy_names(__name__, _HOME, ["partition", "secure_aggregation"])
