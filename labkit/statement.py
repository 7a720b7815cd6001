"""What may be said in public about a release: one statement, or a refusal.

An epsilon alone says nothing. A `Statement` holds what it must be told with: whose privacy, neighbouring relation, delta, accountant,
sampling, what was released and how often, what is not covered, what the best attacker can do, and how tuning was paid for. `state`
makes one, as `plan.statement(...)`, `run.statement(...)` and `budget.statement(...)` do. What the account assumes and only people
know is asked for; where it is not met there is no statement but `NotStated`, which says why.

What to report: Ponomareva et al., "How to DP-fy ML", JAIR 2023 (arXiv:2303.00654), section 5.3.
"""

import json
import math
from dataclasses import asdict, dataclass

from labkit import validate

TUNING = {"none": "Nothing was tuned on these data: every setting was fixed beforehand, or found on public data.",
          "paid": "Settings were tuned on these data; the releases that this took are in this epsilon.", "unpaid": None}
BATCHES = ("poisson", "all", "shuffled", "fixed size")
RARE = 1 / 1000  # the second suspicion that an attacker starts from
ACCUSED = 0.01  # of those in the data, an attacker who is counted accuses at least this share
ALWAYS_OPEN = ("what is true of everybody, whether or not one took part (a drug that works, a habit of a group)",
               "copies of the data elsewhere, whoever holds the data, and what is released from it later",
               "a fault in the code or in its random numbers")


class NotStated(ValueError):
    """No statement: an assumption of the account is not met, or nobody has said that it is."""


@dataclass(frozen=True)
class Statement:
    """One statement. Its fields are what `json` gives; `text` and `markdown` are for people.

    records is None where no number of them is public; then delta is 0. attacker_even: how often the best attacker is right at most, who
    starts at 50:50. attacker_rare: the most of the accusations that can be right when 1 in 1,000 candidates is in the data.
    """

    unit: str
    relation: str
    epsilon: float
    delta: float
    records: int | None
    delta_times_records: float
    accountant: str
    sampling: str
    released: tuple
    releases: int
    settings: dict
    tuning: str
    attacker_even: float
    attacker_rare: float
    not_covered: tuple

    def rows(self):
        """(name, words) of every field, in order."""
        delta = f"{self.delta:.3g}"
        if self.delta:
            delta += f"; times n = {self.records:,} that is {self.delta_times_records:.3g}"
            delta += " (customary: below 0.1)" if self.delta_times_records > 0.1 else ""
        what = "; ".join(self.released)
        settings = ", ".join(f"{name.replace('_', ' ')} {value:.4g}" for name, value in self.settings.items())
        return [("Whose privacy", f"one {self.unit}"), ("Neighbouring data", self.relation), ("Epsilon", f"{up(self.epsilon):.4g}"),
                ("Delta", delta), ("Accountant", self.accountant), ("Sampling", self.sampling),
                ("Released", f"{what} ({self.releases:,} in all)"), *([("Settings", settings)] if settings else []),
                ("Best attacker", self.attacker()), ("Tuning", self.tuning), ("Not covered", "; ".join(self.not_covered))]

    def attacker(self):
        """What the best attacker can do, in words."""
        return (f"whoever starts at 50:50 whether somebody is in the data is right at most {up(100 * self.attacker_even):.4g} % of the time; "
                f"whoever looks for the 1 in 1,000 who is in it, and accuses at least {100 * ACCUSED:.0f} % of those who are, is right in at most "
                f"{up(100 * self.attacker_rare):.4g} % of the accusations")

    def text(self):
        """The statement as plain lines."""
        return "\n".join(f"{name}: {words}" for name, words in self.rows()) + "\n"

    def markdown(self):
        """The statement as a Markdown table."""
        lines = [f"| {name} | {_cell(words)} |" for name, words in self.rows()]
        return "\n".join(["| Privacy statement | |", "|---|---|", *lines]) + "\n"

    def json(self):
        """The fields as JSON: numbers as numbers, unrounded."""
        return json.dumps(asdict(self), ensure_ascii=False, indent=2, allow_nan=False)

    __str__ = text
    _repr_markdown_ = markdown


def state(*, unit, relation, epsilon, delta, records, accountant, sampling, released, releases, tuning, reused, settings=None,
          not_covered=(), records_per_unit=None, right_at_most=None):
    """A Statement of these facts.

    unit:              whom the promise is made to, such as "patient"; "record" where no person is meant.
    relation:          the neighbouring relation of epsilon. It names the unit, or records_per_unit must be 1.
    records:           public number of units, for delta; None only with delta 0.
    sampling:          in words.
    released:          list of texts; releases: how many releases that is in all.
    tuning:            "none", "paid" (inside this epsilon) or "unpaid".
    reused:            did anything else come out of these records that this account does not hold? False is the only answer
                       on which a statement is made.
    records_per_unit:  how many records one unit has at most, where the relation is about records.
    right_at_most:     of the best attacker from 50:50, if known better than from epsilon and delta (`labkit.dp.best_attack`).
    Raises NotStated where an assumption is not met, ValueError for an argument out of its range.
    """
    unit, per_record, records = check(unit, relation, delta, records, tuning, reused, records_per_unit)
    if epsilon == math.inf:
        raise NotStated("epsilon is infinite: this was made without privacy, and there is nothing to promise")
    epsilon = validate.positive(epsilon=epsilon)
    odds = math.exp(min(epsilon, 700.0))
    even = (odds + delta) / (1 + odds) if right_at_most is None else min(right_at_most, (odds + delta) / (1 + odds))
    rare = RARE * ACCUSED / (RARE * ACCUSED + (1 - RARE) * max(ACCUSED - delta, 0) / odds)
    open_ends = [*not_covered, *(["a person with more than one record"] if per_record and unit == "record" else []), *ALWAYS_OPEN]
    return Statement(unit, relation, epsilon, delta, records, delta * (records or 0), accountant, sampling, tuple(released), releases,
                     settings or {}, TUNING[tuning], even, rare, tuple(open_ends))


def check(unit, relation, delta, records, tuning, reused, records_per_unit):
    """(unit, whether the relation is about a record, records), or NotStated: all that can be refused before anything is computed."""
    if validate.non_negative(delta=delta) >= 1:
        raise ValueError(f"delta must be at least 0 and below 1, got {delta!r}")
    unit, per_record = known_unit(unit, relation, records_per_unit)
    once(reused), tuned(tuning)
    if records is not None:
        records = validate.integer(records=records, at_least=1)
    elif delta:
        raise NotStated("the number of records is unknown: nobody can say whether delta is far below 1 over it")
    if delta and delta * records >= 1:
        raise NotStated(f"delta is {delta:.3g}, not below 1/n = {1 / records:.3g}: with that, publishing one whole record would be allowed")
    return unit, per_record, records


def known_unit(unit, relation, records_per_unit):
    """(unit, whether the relation is about a record). NotStated where it is unknown whose privacy epsilon is about."""
    if not isinstance(unit, str) or not unit.strip() or unit.strip().lower() in ("unknown", "?", "none"):
        raise NotStated(f"the unit of privacy is unknown ({unit!r}): is it a record, a person with all of theirs, a household?")
    unit = unit.strip()
    if records_per_unit is not None:
        validate.integer(records_per_unit=records_per_unit, at_least=1)
    per_record = "record" in relation and "with" not in relation
    if unit in relation:
        return unit, per_record
    if records_per_unit is None:
        raise NotStated(f"the unit of privacy is unknown: the account is for {relation!r}, and nobody has said how many records a {unit} has "
                        "at most (records_per_unit)")
    if records_per_unit > 1:
        raise NotStated(f"the account is for {relation!r}, and a {unit} has up to {records_per_unit} of them: this epsilon is no promise to a "
                        f"{unit}. Account for all of them together")
    return unit, per_record


def once(reused):
    """NotStated unless somebody has said that nothing else came out of these records."""
    if reused is not False:
        said = "these records were used elsewhere too" if reused is True else f"whether these records were used elsewhere is open ({reused!r})"
        raise NotStated(f"{said}: epsilons add up over all that is released from them. Record every release in one Budget, and state that")


def tuned(tuning):
    """NotStated where settings were chosen on the private data and nobody paid for it, or nobody says."""
    if not isinstance(tuning, str) or tuning not in TUNING:
        raise NotStated(f"whether settings were tuned on these data is open ({tuning!r}): say 'none', 'paid' or 'unpaid'")
    if TUNING[tuning] is None:
        raise NotStated("settings were tuned on these data and that is not paid for: which run was best tells of the data, too. "
                        "Spend the tries from one Budget, and state that")


def up(value):
    """Rounded up at the fourth digit: what is promised is never less than what is true."""
    step = 10.0 ** (math.floor(math.log10(value)) - 3)
    return math.ceil(value / step * (1 - 1e-12)) * step


def _cell(words):
    return words.replace("|", "\\|").replace("\n", " ").replace("<", "&lt;")
