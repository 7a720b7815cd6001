"""What DP-SGD promises to several records together: somebody who has k of them in the data, or a secret that stands in k.

The general rule for groups, k times epsilon with a delta that grows like e^(k epsilon), is what two numbers alone allow, and is of little
use. Here the mechanism is known: a step draws each of the k records by its own coin, so that the group moves the sum by a binomial
number of clip bounds, and a mixture of Gaussians describes what is seen. Its privacy loss is composed numerically.

Source: the mixture-of-Gaussians mechanism of dp_accounting; Ganesh, "Tight Group-Level DP Guarantees for DP-SGD with Sampling via
Mixture of Gaussians Mechanisms", 2024, arXiv:2401.10294.
"""

from functools import lru_cache

from dp_accounting import dp_event
from dp_accounting.pld.pld_privacy_accountant import PLDAccountant
from scipy.stats import binom

from labkit import validate
from labkit.dp.accounting.epsilon import quiet


def epsilon_of_group(*, noise_multiplier, sample_rate, steps, delta, count, spacing=1e-2):
    """The epsilon of `count` records together, all added or all removed, under DP-SGD with Poisson sampling.

    noise_multiplier:  standard deviation of the noise over the clip bound, > 0.
    sample_rate:       probability that a record joins a batch, in (0, 1].
    steps:             noisy gradients released, a whole number >= 1.
    delta:             strictly between 0 and 1; the same delta for the group as it would be for one.
    count:             records in the group, a whole number >= 1.
    spacing:           distance of the grid points that hold the privacy loss; rounding is upwards, so a wider grid is never too low.
    Returns epsilon, a float. Raises ValueError for an argument out of its range.
    """
    return _epsilon_of_group(validate.positive(noise_multiplier=noise_multiplier), validate.fraction(sample_rate=sample_rate),
                             validate.integer(steps=steps, at_least=1), validate.probability(delta=delta),
                             validate.integer(count=count, at_least=1), validate.positive(spacing=spacing))


@lru_cache(maxsize=256)
def _epsilon_of_group(noise_multiplier, sample_rate, steps, delta, count, spacing):
    shares = binom.pmf(range(count + 1), count, sample_rate).tolist()
    drawn = [(moved, share) for moved, share in enumerate(shares) if share > 0]
    one = dp_event.MixtureOfGaussiansDpEvent(noise_multiplier, *map(list, zip(*drawn)))
    ledger = PLDAccountant(value_discretization_interval=spacing)
    with quiet():
        return float(ledger.compose(dp_event.SelfComposedDpEvent(one, steps)).get_epsilon(delta))
