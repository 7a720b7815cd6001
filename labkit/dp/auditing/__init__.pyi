from .bounds import audit as audit
from .bounds import Audit as Audit
from .gaussian import gaussian_bound as gaussian_bound
from .gaussian import gaussian_mu as gaussian_mu
from .gaussian import gaussian_epsilon as gaussian_epsilon
from .gaussian import most_true_positives as most_true_positives
from .one_run import one_run_bound as one_run_bound
from .replay import sensitivity_at_least as sensitivity_at_least
