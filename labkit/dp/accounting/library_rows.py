"""What the accountants of dp-accounting and Opacus really do, measured on the installed versions: places where a good guess is wrong.

    for row in accountant_rows():
        row.expected, row.found, row.instead

`labkit.dp.training.library_rows` has the rows of Opacus' training.
"""

import logging
import math
import warnings
from dataclasses import dataclass
from importlib.metadata import version


@dataclass(frozen=True)
class Row:
    """What one expects of a library, what it did just now, whether that is the surprise on record, and what to do about it."""

    library: str
    expected: str
    found: str
    surprising: bool
    instead: str


def accountant_rows():
    """A list of Rows, each measured while you wait (a second or two in all)."""
    theirs, opacus = f"dp-accounting {version('dp-accounting')}", f"Opacus {version('opacus')}"
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return [Row(theirs, *_laplace()), Row(theirs, *_two_functions()), Row(theirs, *_pessimistic()),
                Row(opacus, *_gaussian_accountant()), Row(opacus, *_few_orders())]


def _laplace():
    from dp_accounting.pld import privacy_loss_distribution as pld

    found = {scale: pld.from_laplace_mechanism(scale).get_epsilon_for_delta(0.0) for scale in (1, 2, 3, 4, 5)}
    infinite = [str(scale) for scale, epsilon in found.items() if math.isinf(epsilon)]
    return ("The Laplace mechanism at delta 0 has epsilon 1 / scale.", f"infinity for the scales {', '.join(infinite) or 'none'} of 1 to 5",
            0 < len(infinite) < 5, "Ask at a tiny delta, or compute 1 / scale.")


def _two_functions():
    """P = (.9, .1) against Q = (.8, .2) at delta .01: by hand log(.19/.1) = .642 one way, log(.89/.8) = .107 the other."""
    from dp_accounting.pld import privacy_loss_distribution as pld

    lower, upper = ({0: math.log(a), 1: math.log(1 - a)} for a in (0.8, 0.9))
    found = pld.from_two_probability_mass_functions(lower, upper).get_epsilon_for_delta(0.01)
    true = math.log(0.19 / 0.1)
    return ("from_two_probability_mass_functions covers both directions.", f"epsilon {found:.3f} where {true:.3f} is true", found < true - 0.01,
            "Say symmetric=False unless the two are mirror images.")


def _pessimistic():
    from dp_accounting.pld import privacy_loss_distribution as pld

    logging.disable(logging.WARNING)  # it logs one line
    try:
        low = pld.from_gaussian_mechanism(1.0, pessimistic_estimate=False, value_discretization_interval=0.1).get_epsilon_for_delta(1e-5)
    finally:
        logging.disable(logging.NOTSET)
    true = pld.from_gaussian_mechanism(1.0).get_epsilon_for_delta(1e-5)
    return ("pessimistic_estimate=False, which the default algorithm does not support, is refused.",
            f"a log line, another algorithm, and {low:.2f} where {true:.2f} is true", low < true - 0.01, "Leave it at True.")


def _gaussian_accountant():
    from opacus.accountants import GaussianAccountant

    from labkit.dp.accounting.epsilon import epsilon_spent

    ledger = GaussianAccountant()
    for _ in range(1000):
        ledger.step(noise_multiplier=1.0, sample_rate=0.01)
    found = ledger.get_epsilon(1e-5)
    true = epsilon_spent(noise_multiplier=1.0, sample_rate=0.01, steps=1000, delta=1e-5)
    return ('accountant="gdp" gives an upper bound.', f"epsilon {found:.2f} where {true:.2f} is true (PLD)", found < true - 0.05,
            'It is an approximation: use "prv", or "rdp".')


def _few_orders():
    from opacus.accountants import RDPAccountant

    from labkit.dp.accounting.epsilon import epsilon_spent

    ledger = RDPAccountant()
    ledger.step(noise_multiplier=50.0, sample_rate=1.0)
    found = ledger.get_epsilon(1e-5)
    true = epsilon_spent(noise_multiplier=50.0, sample_rate=1.0, steps=1, delta=1e-5)
    return ("One step with noise multiplier 50 costs what it should.", f'"rdp" says {found:.3f}, {true:.3f} is true (PLD)', found > 1.5 * true,
            "Safe, but twice too much: its orders end at 63.")
