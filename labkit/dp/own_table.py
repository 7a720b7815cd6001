"""A table of your own: declared before it is read, released through OpenDP, with the program that does it without us.

    table = OwnTable(unit="person", columns={"age": (17, 90), "sex": ["Female", "Male"]},
                     questions=[("count", 0.1), ("mean", "age", 0.3), ("histogram", "sex", 0.1)])
    answers = table.release("people.csv", budget=Budget(epsilon=1))
    print(table.program())

Everything that noise must cover is declared: columns, bounds, categories, whose record is whose, how many of them count. The program is
made from the declaration alone, and `release` runs that program: what is shown is what was done. Of the file only answers come back.
"""

from dataclasses import dataclass
from pathlib import Path

from labkit import validate
from labkit.dp.accounting.account import SLACK
from labkit.dp.accounting.budget import BudgetExceeded
from labkit.dp.accounting.errors import error_of

TEMPLATE = Path(__file__).parent / "own_table_program.txt"
KINDS = {"count": 0, "mean": 1, "histogram": 1, "cross": 2}  # how many columns a question names
BINS = 10  # of a histogram of numbers, of equal width


@dataclass(frozen=True)
class OwnTable:
    """What is declared about a table, and what is asked of it.

    unit:           whose privacy, such as "person".
    columns:        {name: (low, high) or (low, high, step) for numbers, a list of texts for categories}. Numbers are rounded to whole steps
                    (1 if left out) and moved into the bounds; a number that cannot be read, or a text that was not declared, is left out.
    questions:      list of ("count", epsilon), ("mean", column of numbers, epsilon), ("histogram", column, epsilon) or
                    ("cross", column of texts, column of texts, epsilon).
    identifier:     the column that says whose record a line is, or None where everybody has one line.
    contributions:  lines of one unit that count: the first so many in the file. More than 1 needs an identifier.
    Raises ValueError for a declaration that does not fit together. Nothing is read before `release`.
    """

    unit: str
    columns: dict
    questions: list
    identifier: str | None = None
    contributions: int = 1

    def __post_init__(self):
        if not isinstance(self.unit, str) or not self.unit.strip():
            raise ValueError(f"unit must be a non-empty text such as 'person', got {self.unit!r}")
        if not isinstance(self.columns, dict) or not all(isinstance(name, str) and name for name in self.columns):
            raise ValueError(f"columns must be a dict with the columns' names, got {self.columns!r:.80}")
        object.__setattr__(self, "columns", {name: _column(name, each) for name, each in self.columns.items()})
        if not isinstance(self.questions, (list, tuple)) or not self.questions:
            raise ValueError(f"questions must be a non-empty list, got {self.questions!r}")
        object.__setattr__(self, "questions", [self._question(each) for each in self.questions])
        validate.integer(contributions=self.contributions, at_least=1)
        if self.identifier is None and self.contributions > 1:
            raise ValueError(f"identifier must name the column that says whose a line is, for contributions of {self.contributions}, got None")
        if self.identifier is not None and (not isinstance(self.identifier, str) or self.identifier in self.columns):
            raise ValueError(f"identifier must be a column that is not released, got {self.identifier!r}")

    def _question(self, given):
        kinds = ", ".join(KINDS)
        if not isinstance(given, (tuple, list)) or not given or given[0] not in KINDS or len(given) != KINDS[given[0]] + 2:
            raise ValueError(f"questions must be a kind ({kinds}), its columns and an epsilon each, got {given!r}")
        kind, *names, epsilon = given
        validate.positive(epsilon=epsilon)
        for name in names:
            if name not in self.columns:
                raise ValueError(f"questions must name declared columns ({', '.join(self.columns)}), got {name!r}")
            number = isinstance(self.columns[name], tuple)
            if number != (kind == "mean") and kind != "histogram":
                raise ValueError(f"questions of kind {kind!r} need a column of {'numbers' if kind == 'mean' else 'texts'}, got {name!r}")
        return tuple(given)

    @property
    def epsilon(self):
        """What all questions cost together."""
        return sum(each[-1] for each in self.questions)

    @property
    def relation(self):
        """The neighbouring relation, in words."""
        return f"add or remove one {self.unit}, with at most {self.contributions} line{'s' * (self.contributions > 1)}"

    def program(self):
        """The text of a Python program that makes this release of a CSV file; it needs OpenDP and nothing of ours."""
        text = TEMPLATE.read_text(encoding="utf-8")
        declared = {"COLUMNS": self.columns, "QUESTIONS": self.questions, "IDENTIFIER": self.identifier, "MOST": self.contributions, "BINS": BINS}
        for name, value in declared.items():
            text = text.replace(f"<{name}>", _written(value))
        return text

    def release(self, path, *, budget):
        """Charge the budget for all questions, then read the file and answer them.

        path:    a CSV file with a line of names, in UTF-8.
        budget:  a `labkit.dp.Budget`. Its delta buys nothing here: epsilons are added. Where they do not fit, nothing is read.
        Returns a list of dicts: question, epsilon and answer (a number, or {category: count}; for a mean also the count).
        Raises ValueError for a file that is not there or lacks a declared column; no message holds anything that the file does.
        """
        if not Path(path).is_file():
            raise ValueError(f"path must be a file, got {str(path)!r}")
        program = {"__name__": "release"}
        exec(compile(self.program(), "release.py", "exec"), program)
        absent = program["absent"](path)
        if absent:
            raise ValueError(f"columns must be in the file's first line, which lacks {', '.join(map(repr, absent))}")
        if budget.spent + self.epsilon > budget.epsilon * SLACK:  # all of it or nothing
            raise BudgetExceeded(f"the release costs epsilon {self.epsilon:.6g}, and {budget.spent:.6g} of {budget.epsilon:.6g} is spent: refused, "
                                 "nothing was read")
        for *words, epsilon in self.questions:
            budget.spend(" ".join(words), epsilon, relation=self.relation)
        return program["release"](path)

    def error_bars(self, answers, *, share=0.95):
        """For each answer of `release` the half width of its interval: the noise alone, each bin for itself. Costs nothing."""
        return [self._error(question, max(1, round(each.get("count", 1))), share) for question, each in zip(self.questions, answers)]

    def expected(self, n, *, share=0.95):
        """The same before anything is read, for about n lines."""
        return [self._error(question, n, share) for question in self.questions]

    def _error(self, question, n, share):
        kind, *names, epsilon = question
        if kind == "mean":
            return error_of(statistic="mean", epsilon=epsilon, n=n, bounds=self.columns[names[0]][:2], share=share,
                            contributions=self.contributions).within
        return error_of(statistic="histogram", epsilon=epsilon, n=n, share=share, contributions=self.contributions).within


def _column(name, given):
    if isinstance(given, tuple) and len(given) in (2, 3):
        low, high, step = (*given, 1)[:3]
        low, high = validate.finite(low=low), validate.finite(high=high)
        if low >= high or not 1 <= (high - low) / validate.positive(step=step) <= 1e9:
            raise ValueError(f"columns must have low below high, 1 to 1e9 steps apart, got {given!r} for {name!r}")
        return low, high, float(step)
    if isinstance(given, list) and given and all(isinstance(each, str) for each in given) and len(set(given)) == len(given):
        return list(given)
    raise ValueError(f"columns must be (low, high), (low, high, step) or a list of different texts, got {given!r:.80} for {name!r}")


def _written(value):
    """A literal, one entry a line."""
    if isinstance(value, dict) and value:
        return "{\n" + "".join(f"    {name!r}: {each!r},\n" for name, each in value.items()) + "}"
    if isinstance(value, list) and value:
        return "[\n" + "".join(f"    {each!r},\n" for each in value) + "]"
    return repr(value)
