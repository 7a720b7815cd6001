"""Certified removal: one Newton step takes a record out of a logistic regression, and noise hides what the step leaves behind.

Training adds a random linear term b.w to the loss, b normal with standard deviation `sigma` (kept secret), and takes the minimum:

    w = argmin  sum_i ( log(1 + exp(-y_i w.x_i)) + strength / 2 |w|^2 )  +  b.w

To remove record j, step by H^-1 g: g is the record's own gradient, H the second derivatives of the loss of the rest. The loss is nearly
a parabola, so this nearly lands on the minimum of the rest. What is missing shows in the gradient there, the *residual* u: the new w is the
exact minimum of the rest for the random term b - u. Retraining would have drawn b. So the two differ as two normal distributions do whose
means are |u| apart, and as long as |u| <= mu sigma they are (epsilon, delta)-indistinguishable (mu from epsilon and delta, as for the Gaussian
mechanism).

Residuals add up over removals. So each removal charges a bound on its own to a budget, mu sigma, and when the budget is spent the
model must be trained again, with fresh noise. The removals must not be chosen by looking at the released weights.

The proof treats u as given, while it depends a little on b. Its length is bounded here, not how it turns with b; tests/unlearning audit the whole.

Source: Guo, Goldstein, Hannun, van der Maaten, "Certified Data Removal from Machine Learning Models", ICML 2020, arXiv:1911.03030:
theorem 3, and the bound of its corollary 1 with 1/4 for the slope of the loss's second derivative.
"""

import numpy as np
from scipy.special import expit

from labkit import validate
from labkit.dp.auditing.gaussian import gaussian_mu
from labkit.dp.mechanisms.objective import inverted, perturbed_minima

PAPERS_SLOPE = 1 / 4
SLOPE = 1 / (6 * 3**0.5)  # the most that the second derivative of log(1 + exp(-t)) can change per unit of t
BOUNDS = ("paper", "sharper")


class RemovalBudgetSpent(RuntimeError):
    """The next removal would exceed the budget: retrain."""


class CertifiedClassifier:
    """A logistic regression that can remove records, until its budget is spent.

    X:         records (n, d); rows longer than 1 are scaled down to length 1, each by itself. No intercept: append a constant for one.
    y:         the two classes as -1 and 1, array (n,).
    strength:  of the quadratic term, > 0: a larger one makes steps shorter, and the classifier blunter.
    sigma:     standard deviation of the random term, > 0: more allows more removals, and costs accuracy.
    epsilon, delta: of the certificate, > 0 and strictly between 0 and 1: for every set of weights T,
               P(weights after removal in T) <= exp(epsilon) P(weights retrained without the records in T) + delta, and the reverse.
               That is about *removal*. Who is in the data is not protected by it: that would be differential privacy.
    rng:       numpy Generator, or None for the operating system's randomness: whoever knows b sees the residual.
    bound:     "paper" charges corollary 1; "sharper" the same argument with the exact slope and without its two roundings up.

    weights: array (d,). present: bool (n,). budget, spent: lengths in the units of sigma. removals: how many so far.
    Raises ValueError for arguments out of range, before any work.
    """

    def __init__(self, X, y, *, strength, sigma, epsilon: float, delta: float, rng: np.random.Generator | None = None, bound="paper"):
        X, y = validate.array(X=X, ndim=2).astype(float), validate.array(y=y, ndim=1)
        if validate.same_length(X=X, y=y) < 2 or not np.isin(y, (-1, 1)).all():
            raise ValueError(f"y must hold -1 and 1 only, of two records or more, got {np.unique(y)[:5].tolist()}")
        self.strength, self.sigma = validate.positive(strength=strength), validate.positive(sigma=sigma)
        self.budget = self.sigma * gaussian_mu(epsilon=epsilon, delta=delta)
        self.bound = validate.one_of(bound=bound, options=BOUNDS)
        self._rng = validate.generator(rng=rng) or np.random.default_rng()
        self.epsilon, self.delta = epsilon, delta
        self.X, self.y = X / np.maximum(1, np.linalg.norm(X, axis=1, keepdims=True)), y.astype(float)
        self.present = np.ones(len(X), bool)
        self.retrain()

    def retrain(self):
        """Train on the records that are present, with a fresh random term and a whole budget."""
        self._term = self._rng.normal(scale=self.sigma, size=self.X.shape[1])
        self.weights = perturbed_minima(*self._rest(self.present), self._term[None], self.strength)[0]
        self._length = np.linalg.norm(self.X, 2)  # the largest singular value; removing rows only lowers it
        self.removals, self.spent = 0, self.residual()  # the minimum is found to rounding only: charge that, too

    def remove(self, record):
        """Take one record out by a Newton step, and charge its bound, which is returned.

        record:  its number, from 0; one that is gone already is refused by ValueError.
        Raises RemovalBudgetSpent, and leaves everything as it was, when the budget does not reach.
        """
        record = validate.integer(record=record, at_least=0, at_most=len(self.y) - 1)
        if not self.present[record]:
            raise ValueError(f"record must be one that is present, got {record}, which is removed already")
        left = self.present.copy()
        left[record] = False
        if not left.any():
            raise ValueError(f"record must not be the last one, got {record}")
        X, _ = self._rest(left)
        x, label = self.X[record], self.y[record]
        gradient = self.strength * self.weights - label * expit(-label * (x @ self.weights)) * x
        said = expit(X @ self.weights)
        hessian = (X.T * (said * (1 - said))) @ X + len(X) * self.strength * np.eye(len(gradient))
        step = np.linalg.solve(hessian, gradient)
        charge = self._charge(X @ step, step)
        if self.spent + charge > self.budget:
            raise RemovalBudgetSpent(f"removal {self.removals + 1} would bring the bound to {self.spent + charge:.3g}, over the budget of "
                                     f"{self.budget:.3g}: call retrain()")
        self.present, self.weights = left, self.weights + step
        self.spent, self.removals = self.spent + charge, self.removals + 1
        return charge

    def _charge(self, moved, step):
        """A bound on the residual that the step leaves: `moved` is by how much each record's score moves, array (n,).

        Taylor: the gradient is off by X'v with |v_i| <= slope / 2 * moved_i^2. The paper says slope for slope / 2, and |step| for
        each but one of the |moved_i|.
        """
        if self.bound == "paper":
            return float(PAPERS_SLOPE * self._length * np.linalg.norm(step) * np.linalg.norm(moved))
        return float(SLOPE / 2 * self._length * np.linalg.norm(moved**2))

    def residual(self):
        """The true length of the gradient that is left, in the units of sigma. It takes the secret term to know."""
        return float(np.linalg.norm(self._term - inverted(*self._rest(self.present), self.weights[None], self.strength)[0]))

    def predict(self, X):
        """-1 or 1 for each row of X (m, d); rows are used as they are, since the sign does not change with their length."""
        X = validate.array(X=X, ndim=2)
        if X.shape[1] != len(self.weights):
            raise ValueError(f"X must have {len(self.weights)} columns, got {X.shape[1]}")
        return np.where(X @ self.weights >= 0, 1, -1)

    def __str__(self):
        return (f"{self.removals} records removed by certificate; bound {self.spent:.3g} of {self.budget:.3g} spent "
                f"(epsilon {self.epsilon:g}, delta {self.delta:g}, against retraining without them)")

    def _rest(self, rows):
        return self.X[rows], self.y[rows]
