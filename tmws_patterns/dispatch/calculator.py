"""Arithmetic from a string, bounded so that no expression can block or exhaust the process.

Only numbers, operators, a few functions and constants are understood; nothing is ever looked up or
run. `^` is a power, and words such as "plus" and "15% of 80" are understood.
"""

from __future__ import annotations

import ast
import math
import operator
import re
from collections.abc import Callable

from tmws_patterns.errors import InvalidInput

Number = int | float

LONGEST = 200  # characters
DEEPEST = 120  # levels of nesting; 1+1+... is nested once a term
LARGEST_EXPONENT = 10_000
LARGEST_BITS = 4_096  # of a whole number; about 1,230 digits
_EXACT_JSON = 2**63  # beyond this a JSON number is no longer exact for most readers

_SIGNS = str.maketrans({"\u00d7": "*", "\u00f7": "/", "\u2212": "-", "\t": " ", "\n": " "})
_ALLOWED = re.compile(r"[0-9A-Za-z_.+\-*/%(), ]")
_WORDS = {
    "plus": "+", "minus": "-", "times": "*", "multiplied by": "*", "divided by": "/", "mod": "%",
    "to the power of": "^", "percent of": "/100*", "% of": "/100*",
}  # fmt: skip
_SPOKEN = re.compile(rf"(?:\b(?:{'|'.join(w for w in _WORDS if w[0] != '%')})|%\s+of)\b", re.IGNORECASE)

_OPERATORS: dict[type[ast.operator], Callable[[Number, Number], Number]] = {
    ast.Add: operator.add,
    ast.Sub: operator.sub,
    ast.Mult: operator.mul,
    ast.Div: operator.truediv,
    ast.FloorDiv: operator.floordiv,
    ast.Mod: operator.mod,
}
_CONSTANTS = {"pi": math.pi, "e": math.e, "tau": math.tau}


def calculate(expression: str) -> Number:
    """The value of an arithmetic expression.

    Raises:
        InvalidInput: it is not understood, or too large; the message names the position, from 1.
    """
    source, origin = _normalised(expression)
    try:
        tree = ast.parse(source, mode="eval")
    except (SyntaxError, MemoryError, RecursionError, ValueError) as exc:
        offset = exc.offset if isinstance(exc, SyntaxError) and exc.offset else 1
        raise _fault("not an arithmetic expression", _original(origin, offset - 1)) from exc
    return _Evaluation(origin).value(tree.body, 0)


def as_json(value: Number) -> Number | str:
    """The value, or its digits where JSON readers would round them."""
    return str(value) if isinstance(value, int) and abs(value) >= _EXACT_JSON else value


def _normalised(expression: str) -> tuple[str, list[int]]:
    """The expression in Python's spelling, and for each of its characters where it stood."""
    text = expression.translate(_SIGNS)
    if len(text) > LONGEST:
        raise InvalidInput(f"the expression has {len(text)} characters; {LONGEST} are allowed", hint="split it up")
    if not text.strip():
        raise _fault("the expression is empty", 0)
    text = _SPOKEN.sub(lambda m: _WORDS[" ".join(m.group().lower().split())].ljust(len(m.group())), text)
    pieces: list[str] = []
    origin: list[int] = []
    lead = len(text) - len(text.lstrip())
    for place, character in enumerate(text.strip(), lead):
        piece = "**" if character == "^" else character
        if character != "^" and not _ALLOWED.match(character):
            raise _fault(f"{character!r} is not part of arithmetic", place)
        pieces.append(piece)
        origin += [place] * len(piece)
    return "".join(pieces), origin


def _original(origin: list[int], offset: int) -> int:
    return origin[min(offset, len(origin) - 1)]


def _fault(what: str, place: int) -> InvalidInput:
    return InvalidInput(
        f"{what} (at position {place + 1})",
        hint="use numbers, + - * / // % ** ( ), pi, e, tau, and " + ", ".join(sorted(_FUNCTIONS)),
    )


def _power(base: Number, exponent: Number) -> Number:
    if abs(exponent) > LARGEST_EXPONENT:
        raise OverflowError
    if isinstance(base, int) and isinstance(exponent, int) and exponent * base.bit_length() > LARGEST_BITS:
        raise OverflowError
    return _real(base**exponent)


def _real(value: object) -> Number:
    if not isinstance(value, int | float):
        raise ValueError("has no real value")  # noqa: TRY004 - (-8) ** 0.5 is a matter of the value
    return value


def _round(value: Number, digits: Number = 0) -> Number:
    if not isinstance(digits, int) or abs(digits) > 20:  # noqa: PLR2004 - a double has 17 digits
        raise ValueError("rounds to -20 to 20 whole digits")
    return round(value, digits) if digits else round(value)


def _factorial(value: Number) -> Number:
    if value > 500:  # noqa: PLR2004 - 500! has 3,768 bits
        raise OverflowError
    if not isinstance(value, int):
        raise ValueError("takes a whole number")  # noqa: TRY004 - a fault of the user's value
    return math.factorial(value)


_FUNCTIONS: dict[str, Callable[..., Number]] = {
    "abs": abs,
    "acos": math.acos,
    "asin": math.asin,
    "atan": math.atan,
    "ceil": math.ceil,
    "cos": math.cos,
    "degrees": math.degrees,
    "exp": math.exp,
    "factorial": _factorial,
    "floor": math.floor,
    "ln": math.log,
    "log": math.log,
    "log10": math.log10,
    "log2": math.log2,
    "max": lambda *values: max(values),
    "min": lambda *values: min(values),
    "pow": _power,
    "radians": math.radians,
    "round": _round,
    "sin": math.sin,
    "sqrt": math.sqrt,
    "tan": math.tan,
}


class _Evaluation:
    """One walk through a parsed expression."""

    def __init__(self, origin: list[int]) -> None:
        self._origin = origin

    def value(self, node: ast.expr, depth: int) -> Number:
        """The value of one node; every intermediate value is within bounds."""
        if depth > DEEPEST:
            raise self._fault("nested too deeply", node)
        try:
            found = self._compute(node, depth)
        except ZeroDivisionError as exc:
            raise self._fault("division by zero", node) from exc
        except OverflowError as exc:
            raise self._fault("the result is too large", node) from exc
        except (ValueError, TypeError) as exc:
            raise self._fault(f"cannot be computed: {exc}", node) from exc
        is_large = found.bit_length() > LARGEST_BITS if isinstance(found, int) else not math.isfinite(found)
        if is_large:
            raise self._fault("the result is too large", node)
        return found

    def _compute(self, node: ast.expr, depth: int) -> Number:
        match node:
            case ast.Constant(value=int() | float() as number) if not isinstance(number, bool):
                return number
            case ast.UnaryOp(op=ast.USub() | ast.UAdd() as sign, operand=operand):
                operand_value = self.value(operand, depth + 1)
                return -operand_value if isinstance(sign, ast.USub) else operand_value
            case ast.BinOp(left=left, op=ast.Pow(), right=right):
                return _power(self.value(left, depth + 1), self.value(right, depth + 1))
            case ast.BinOp(left=left, op=sign, right=right) if type(sign) in _OPERATORS:
                return _OPERATORS[type(sign)](self.value(left, depth + 1), self.value(right, depth + 1))
            case ast.Call(func=ast.Name(id=name), args=arguments, keywords=[]) if name.lower() in _FUNCTIONS:
                return _FUNCTIONS[name.lower()](*(self.value(argument, depth + 1) for argument in arguments))
            case ast.Name(id=name) if name.lower() in _CONSTANTS:
                return _CONSTANTS[name.lower()]
            case ast.Name(id=name) | ast.Call(func=ast.Name(id=name)):
                raise self._fault(f"unknown name {name!r}", node)
            case _:
                raise self._fault("not an arithmetic expression", node)

    def _fault(self, what: str, node: ast.expr) -> InvalidInput:
        return _fault(what, _original(self._origin, node.col_offset))
