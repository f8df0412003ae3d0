"""The calculator tool: numbers, + - * / // ** and parentheses, read by hand and never evaluated as code."""

from __future__ import annotations

import re
from collections.abc import Callable

MAX_EXPRESSION = 500  # characters
MAX_DEPTH = 50
MAX_POWER = 64  # bits of a result of **, so that 9**9**9 is an error and not an hour
ALLOWED = frozenset("0123456789+-*/(). ")
INVALID = "invalid syntax (<string>, line 1)"
_TOKEN = re.compile(r" *(\d+\.\d*|\.\d+|\d+|\*\*|//|[-+*/()])")
Number = int | float


def calculate(expression: str) -> str:
    """The value, rounded to two digits as tau-bench's calculator says it, or what is wrong."""
    if not ALLOWED.issuperset(expression):
        return "Error: invalid characters in expression"
    try:
        return str(round(float(_Reader(expression).value()), 2))
    except (ArithmeticError, ValueError) as error:
        return f"Error: {error}"


class _Reader:
    """Recursive descent over the tokens of one expression; raises ValueError or ArithmeticError."""

    def __init__(self, expression: str) -> None:
        if len(expression) > MAX_EXPRESSION:
            raise ValueError(f"an expression of {len(expression)} characters, at most {MAX_EXPRESSION}")
        self._tokens = _TOKEN.findall(expression)
        if "".join(self._tokens) != expression.replace(" ", ""):
            raise ValueError(INVALID)
        self._at = 0
        self._depth = 0

    def value(self) -> Number:
        """The whole expression."""
        value = self._sum()
        if self._at < len(self._tokens):
            raise ValueError(INVALID)
        return value

    def _take(self, *wanted: str) -> str:
        token = self._tokens[self._at] if self._at < len(self._tokens) else ""
        if token and token in wanted:
            self._at += 1
            return token
        return ""

    def _sum(self) -> Number:
        return self._chain(self._product, "+", "-")

    def _product(self) -> Number:
        return self._chain(self._signed, "*", "/", "//")

    def _chain(self, operand: Callable[[], Number], *operators: str) -> Number:
        value = operand()
        while operator := self._take(*operators):
            value = _OPERATIONS[operator](value, operand())
        return value

    def _signed(self) -> Number:
        self._depth += 1
        if self._depth > MAX_DEPTH:
            raise ValueError("too many nested parentheses")
        sign = self._take("+", "-")
        value = self._signed() if sign else self._power()
        self._depth -= 1
        return -value if sign == "-" else value

    def _power(self) -> Number:
        base = self._atom()
        return _power(base, self._signed()) if self._take("**") else base

    def _atom(self) -> Number:
        if self._take("("):
            value = self._sum()
            if not self._take(")"):
                raise ValueError("'(' was never closed (<string>, line 1)")
            return value
        token = self._tokens[self._at] if self._at < len(self._tokens) else ""
        if not token or not (token[0].isdigit() or token[0] == "."):
            raise ValueError(INVALID)
        self._at += 1
        return float(token) if "." in token else int(token)


def _power(base: Number, exponent: Number) -> Number:
    if abs(exponent) > MAX_POWER or abs(base) > 2**MAX_POWER:
        raise ValueError("the power is too large")
    result = base**exponent
    if isinstance(result, complex):
        raise ValueError("the root of a negative number")
    return result


def _divide(one: Number, other: Number) -> Number:
    if other == 0:
        raise ZeroDivisionError(
            "float division by zero"
            if isinstance(one, float) or isinstance(other, float)
            else "division by zero"
        )
    return one / other


_OPERATIONS: dict[str, Callable[[Number, Number], Number]] = {
    "+": lambda one, other: one + other,
    "-": lambda one, other: one - other,
    "*": lambda one, other: one * other,
    "/": _divide,
    "//": lambda one, other: one // other,
}
