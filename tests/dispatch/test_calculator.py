from __future__ import annotations

import math
import time

import pytest

from tmws_patterns.dispatch.calculator import as_json, calculate
from tmws_patterns.errors import InvalidInput


@pytest.mark.parametrize(
    ("expression", "value"),
    [
        ("1 + 2 * 3", 7),
        ("(1 + 2) * 3", 9),
        ("7 // 2 + 7 % 4", 6),
        ("2 ** 10", 1024),
        ("2^3 + 1", 9),
        ("-2 ^ 2", -4),
        ("--3 + +1", 4),
        ("10 / 4", 2.5),
        ("1.5e3", 1500.0),
        ("15% of 80", 12.0),
        ("2 + 15% of 80 * 2", 26.0),
        ("sqrt(16) + abs(-2)", 6.0),
        ("Round(2.567, 2)", 2.57),
        ("round(2.4)", 2),
        ("max(1, 2, min(5, 3))", 3),
        ("log(8, 2)", 3.0),
        ("sin(pi / 2) + cos(0)", 2.0),
        ("PI", math.pi),
        ("factorial(5)", 120),
        ("6 \u00d7 7 \u2212 2 \u00f7 1", 40.0),
        (" 1\n+\t1 ", 2),
        ("+".join("1" * 100), 100),
    ],
)
def test_arithmetic_is_computed(expression: str, value: float) -> None:
    assert calculate(expression) == pytest.approx(value)


@pytest.mark.parametrize(
    ("expression", "complaint"),
    [
        ("", "empty"),
        ("1 +", "not an arithmetic expression"),
        ("1 + x", r"unknown name 'x' \(at position 5\)"),
        ("2^2 + x", r"unknown name 'x' \(at position 7\)"),
        ("1 / (2 - 2)", "division by zero"),
        ("9 ** 9 ** 9", "too large"),
        ("2 ^ 5000", "too large"),
        ("1e308 * 10", "too large"),
        ("exp(1000)", "too large"),
        ("factorial(501)", "too large"),
        ("factorial(2.5)", "whole number"),
        ("10.0 ^ 400", "too large"),
        ("(-8) ^ 0.5", "no real value"),
        ("sqrt(-1)", "cannot be computed"),
        ("round(1, -10 ^ 9)", "-20 to 20"),
        ("max()", "cannot be computed"),
        ("sqrt(1, 2)", "cannot be computed"),
        ("__import__('os')", "is not part of arithmetic"),
        ("(1).real", "not an arithmetic expression"),
        ("[1]", r"'\[' is not part of arithmetic \(at position 1\)"),
        ("1 if 2 else 3", "not an arithmetic expression"),
        ("True", "unknown name|not an arithmetic expression"),
        ("1j", "not an arithmetic expression"),
        ("max(*(1, 2))", "not an arithmetic expression"),
        ("pow(x=1)", "is not part of arithmetic"),
        ("1" * 201, "201 characters"),
        ("-" * 199 + "1", "nested too deeply"),
        ("(" * 100 + "1", "not an arithmetic expression"),
        ("open(1)", "unknown name 'open'"),
    ],
)
def test_what_is_not_arithmetic_or_too_large_is_refused_at_once(expression: str, complaint: str) -> None:
    began = time.perf_counter()
    with pytest.raises(InvalidInput, match=complaint):
        calculate(expression)
    assert time.perf_counter() - began < 0.1


def test_whole_numbers_beyond_what_json_keeps_exact_are_digits() -> None:
    assert as_json(calculate("2^62")) == 2**62
    assert as_json(calculate("2^64")) == "18446744073709551616"
    assert as_json(0.5) == 0.5
