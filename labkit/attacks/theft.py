"""Steal a model through the interface that answers questions: ask, then train a copy on the answers.

`Interface` is what the owner offers: how much of an answer it shows, and how often it may be asked. `steal` is the thief.
`solve_softmax` needs no training: probabilities of a linear model are equations for its weights.

Source: Tramer, Zhang, Juels, Reiter, Ristenpart, "Stealing Machine Learning Models via Prediction APIs", USENIX Security 2016.
"""

import numpy as np

from labkit import validate
from labkit.models.fitting import fit, logits_of, probabilities_of

ANSWERS = ("probabilities", "label")


class BudgetSpent(RuntimeError):
    """The interface has answered as many questions as it may."""


class Interface:
    """A model behind a counter: it answers questions about inputs, counts them, and may stop.

    model:     torch module to logits. The thief never touches it.
    answer:    "probabilities" of all classes, or "label", the likeliest one alone.
    decimals:  None, or a whole number >= 0: probabilities are rounded to so many digits.
    budget:    None, or a whole number >= 1: how many inputs are answered in all.
    Raises ValueError for arguments that do not fit.
    """

    def __init__(self, model, *, answer="probabilities", decimals=None, budget=None):
        self._model, self.answer = model, validate.one_of(answer=answer, options=ANSWERS)
        self.decimals = None if decimals is None else validate.integer(decimals=decimals, at_least=0)
        self.budget = None if budget is None else validate.integer(budget=budget, at_least=1)
        self.asked = 0

    def ask(self, X):
        """Answers to inputs X (n, d): probabilities (n, classes), or labels (n,).

        Raises BudgetSpent, and answers nothing, where the budget does not reach.
        """
        X = validate.array(X=X, ndim=2)
        if self.budget is not None and self.asked + len(X) > self.budget:
            raise BudgetSpent(f"{self.asked} of {self.budget} questions are used up; {len(X)} more are too many")
        self.asked += len(X)
        answers = probabilities_of(self._model, X)
        if self.answer == "label":
            return answers.argmax(axis=1)
        return answers if self.decimals is None else answers.round(self.decimals)


def steal(interface, copy, X, *, steps, **options):
    """Train `copy` in place on the interface's answers to inputs X (n, d), as far as the budget reaches; returns it.

    interface:  Interface, or anything with `ask`, `asked` and `budget`.
    copy:       untrained torch module to logits, of any architecture.
    steps, options: as for `labkit.models.fitting.fit`.
    Raises BudgetSpent if not even one question is left.
    """
    X = validate.array(X=X, ndim=2)
    if interface.budget is not None:
        left = interface.budget - interface.asked
        if left < 1:
            raise BudgetSpent(f"all {interface.budget} questions are used up")
        X = X[:left]
    answers = np.asarray(interface.ask(X))
    if answers.ndim == 2:  # rounded probabilities need not sum to 1; an answer of zeros says nothing
        sums = answers.sum(axis=1, keepdims=True)
        answers = np.where(sums > 0, answers / np.where(sums > 0, sums, 1), 1 / answers.shape[1])
    return fit(copy, X, answers, steps=steps, **options)


def agreement(one, other, X):
    """The share of inputs X (n, d) to which two models give the same label."""
    return float((logits_of(one, X).argmax(axis=1) == logits_of(other, X).argmax(axis=1)).mean())


def solve_softmax(interface, features):
    """The weights of a softmax regression from `features` + 1 answers: logs of ratios of probabilities are linear in the input.

    interface: one that answers with probabilities, for inputs in [0, 1]. features: whole number >= 1.
    Returns (weights (classes, features), biases (classes,)), both relative to class 0: differences are all that matters.
    Raises ValueError where the answers are labels, or a probability is 0: rounding to few digits does that.
    """
    features = validate.integer(features=features, at_least=1)
    if interface.answer != "probabilities":
        raise ValueError(f"interface must answer with probabilities, got answer={interface.answer!r}")
    answers = interface.ask(np.vstack([np.zeros(features), np.eye(features)]))
    if (answers <= 0).any():
        raise ValueError("interface must give each class a probability above 0: a rounded 0 leaves no equation to solve")
    ratios = np.log(answers / answers[:, :1])  # (features + 1, classes)
    return (ratios[1:] - ratios[0]).T, ratios[0]
