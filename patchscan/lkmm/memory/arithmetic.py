"""Values and what C operators make of them.

A value is an integer, the address of a shared variable (its name), or UNKNOWN.
"""

from __future__ import annotations

import operator
from collections.abc import Callable, Mapping

from patchscan.lkmm.dialect.litmus_syntax import Value

# What a read returns that, through plain copies only, reads from itself: herd7 keeps such a value symbolic.
# It is equal to itself and to nothing else; no identifier is spelled like it.
UNKNOWN = "?"


def _divide(left: int, right: int) -> int:
    """C division truncates towards zero."""
    quotient = abs(left) // abs(right)
    return quotient if (left < 0) == (right < 0) else -quotient


_INTEGER: Mapping[str, Callable[[int, int], int]] = {
    "+": operator.add,
    "-": operator.sub,
    "*": operator.mul,
    "/": _divide,
    "%": lambda left, right: left - right * _divide(left, right),
    "&": operator.and_,
    "|": operator.or_,
    "^": operator.xor,
    "&~": lambda left, right: left & ~right,
    "==": lambda left, right: int(left == right),
    "!=": lambda left, right: int(left != right),
    "<": lambda left, right: int(left < right),
    ">": lambda left, right: int(left > right),
    "<=": lambda left, right: int(left <= right),
    ">=": lambda left, right: int(left >= right),
    "&&": lambda left, right: int(bool(left) and bool(right)),
    "||": lambda left, right: int(bool(left) or bool(right)),
}


def apply(sign: str, left: Value, right: Value) -> Value | None:
    """`left sign right`; None when the operation has no value (an address times 2, division by 0)."""
    if isinstance(left, int) and isinstance(right, int):
        if sign in "/%" and right == 0:
            return None
        return _INTEGER[sign](left, right)
    if sign in ("&&", "||"):
        return _INTEGER[sign](int(truth(left)), int(truth(right)))
    if sign == "==":
        return int(left == right)
    if sign == "!=":
        return int(left != right)
    if UNKNOWN in (left, right):
        return None
    return _on_address(sign, left, right)


def truth(value: Value) -> bool:
    """Whether C takes the value as true; every address is."""
    return value != 0


def _on_address(sign: str, left: Value, right: Value) -> Value | None:
    if left == right:
        return {"-": 0, "^": 0, "&": left, "|": left, "<=": 1, ">=": 1, "<": 0, ">": 0}.get(sign)
    if isinstance(left, int) and isinstance(right, str) and sign in ("+", "^", "|"):
        left, right = right, left
    if isinstance(left, str) and isinstance(right, int) and sign in ("+", "-", "^", "|", "&", "*"):
        if sign in ("&", "*"):
            return 0 if right == 0 else left if (sign, right) == ("*", 1) else None
        if right == 0:
            return left
        return element(left, right if sign == "+" else -right) if sign in "+-" else None
    return None


def element(address: str, distance: int) -> str:
    """The address `distance` elements further on: x, 2 -> x[2]; a[1], 2 -> a[3]."""
    name, bracket, index = address.partition("[")
    position = distance + (int(index[:-1]) if bracket else 0)
    return f"{name}[{position}]"
