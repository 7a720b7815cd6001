"""The conditions of access rules: a small language that is read before any rule is used, and evaluated here.

    r.at.site == 'office' and not (r.at.epsilon > 3 or r.at.site in ('home', 'train'))

A condition is True, or comparisons joined by and, or, not. A comparison has an attribute of the request, r.at.NAME, on at
least one side, and otherwise text, numbers or booleans. Anything else is refused when the rule is made. Such a list of what
is allowed can be read to its end; a list of what is forbidden is never finished.

No engine pastes these texts into another text. pycasbin's eval() does that, and rewrites what looks like a name of the
request also inside quotes, so that a rule that denies may silently stop denying. Literals of that look are refused all the
same: the rules then mean one thing in either.
"""

import ast
import math
import operator
import re
import unicodedata

COMPARE = {
    ast.Eq: operator.eq, ast.NotEq: operator.ne, ast.Lt: operator.lt, ast.LtE: operator.le, ast.Gt: operator.gt,
    ast.GtE: operator.ge, ast.In: lambda value, options: value in options, ast.NotIn: lambda value, options: value not in options,
}  # fmt: skip
REWRITTEN = re.compile(r"\b[rp]\d*\s*\.|\beval\b")


class Condition:
    """A condition that was read and found well formed.

    attributes: the names that it uses, a frozenset.
    Raises ValueError for a text that is no condition; the message says which part.
    """

    def __init__(self, text):
        self.text = text
        if any(mark in text.replace("!=", "") for mark in ("&&", "||", "!")):
            raise ValueError(f"condition must use and, or, not, got {text!r}")
        try:
            tree = ast.parse(text.strip(), mode="eval").body
        except (SyntaxError, ValueError, MemoryError, RecursionError):
            raise ValueError(f"condition must be an expression, got {text!r}") from None
        self._names = set()
        if not _is_true(tree):
            self._check(tree)
        self._tree, self.attributes = tree, frozenset(self._names)

    def holds(self, values):
        """Is it so, for these attributes ({name: value})?

        Raises LookupError for an attribute that was not given, and TypeError where text meets a number or a boolean: such a
        comparison has no answer, and False would let pass what a rule means to deny.
        """
        return True if _is_true(self._tree) else self._decide(self._tree, values)

    def _check(self, node):
        match node:
            case ast.BoolOp(values=parts):
                for part in parts:
                    self._check(part)
            case ast.UnaryOp(op=ast.Not(), operand=part):
                self._check(part)
            case ast.Compare(left=left, ops=ops, comparators=rights):
                sides = [left, *rights]
                for at, op in enumerate(ops):
                    self._check_pair(sides[at], op, sides[at + 1])
            case _:
                raise self._refused("comparisons such as r.at.NAME <= 3, joined by and, or, not")

    def _check_pair(self, left, op, right):
        if type(op) not in COMPARE:
            raise self._refused("the comparisons ==, !=, <, <=, >, >=, in, not in")
        sides = [self._operand(left), self._operand(right, several=isinstance(op, (ast.In, ast.NotIn)))]
        if None not in sides:  # None stands for an attribute
            raise self._refused("r.at.NAME on at least one side of each comparison")
        if isinstance(op, (ast.In, ast.NotIn)) and sides[0] is not None:
            raise self._refused("r.at.NAME in front of in, and a list of values after it")

    def _operand(self, node, several=False):
        """None for an attribute, else the value. Raises ValueError for anything else."""
        if several:
            if not isinstance(node, (ast.Tuple, ast.List)) or not node.elts:
                raise self._refused("a list of values after in, such as ('a', 'b')")
            values = [self._operand(each) for each in node.elts]
            if None in values or len({_kind(each) for each in values}) > 1:
                raise self._refused("a list of values of one kind after in")
            return values
        match node:
            case ast.Attribute(value=ast.Attribute(value=ast.Name(id="r"), attr="at"), attr=name) if name[0] != "_":
                self._names.add(name)
                return None
            case ast.Constant() | ast.UnaryOp(op=ast.USub(), operand=ast.Constant()):
                return self._literal(_value(node))
        raise self._refused("r.at.NAME, text, numbers, True and False")

    def _literal(self, value):
        if isinstance(value, str) and REWRITTEN.search(value):
            raise self._refused("text without eval and what looks like r.NAME or p.NAME")
        if not isinstance(value, (str, bool, int, float)) or (isinstance(value, float) and not math.isfinite(value)):
            raise self._refused("text, finite numbers, True and False as values")
        return value

    def _refused(self, allowed):
        return ValueError(f"condition must use only {allowed}, got {self.text!r}")

    def _decide(self, node, values):
        if isinstance(node, ast.BoolOp):
            each = (self._decide(part, values) for part in node.values)
            return all(each) if isinstance(node.op, ast.And) else any(each)
        if isinstance(node, ast.UnaryOp):
            return not self._decide(node.operand, values)
        sides = [_value(each, values) for each in (node.left, *node.comparators)]
        return all([_compare(op, left, right)  # noqa: C419 (every one is made: what cannot be compared is refused)
                    for op, left, right in zip(node.ops, sides, sides[1:])])


def _is_true(node):
    return isinstance(node, ast.Constant) and node.value is True


def _value(node, values=None):
    """What an operand stands for, text in Unicode's composed form: a name typed in two ways is one name."""
    match node:
        case ast.Constant(value=value):
            return unicodedata.normalize("NFC", value) if isinstance(value, str) else value
        case ast.UnaryOp(operand=ast.Constant(value=value)):
            return -value if isinstance(value, (int, float)) and not isinstance(value, bool) else None
        case ast.Tuple(elts=parts) | ast.List(elts=parts):
            return [_value(each) for each in parts]
    value = values[node.attr]
    return unicodedata.normalize("NFC", value) if isinstance(value, str) else value


def _compare(op, left, right):
    if len({_kind(each) for each in (left, *(right if isinstance(right, list) else [right]))}) > 1:
        raise TypeError("two kinds of value cannot be compared")
    return COMPARE[type(op)](left, right)


def _kind(value):
    return "text" if isinstance(value, str) else "boolean" if isinstance(value, bool) else "number"
