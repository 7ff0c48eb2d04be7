"""The question of a litmus test: `exists (0:r1=1 /\\ ~x=2)`, read, evaluated, written."""

from __future__ import annotations

from collections.abc import Mapping

from patchscan.lkmm.dialect.lexer import Tokens
from patchscan.lkmm.dialect.litmus_syntax import TRUE, And, Condition, Equals, Not, Observed, Or, Value


def parse_condition(tokens: Tokens) -> Condition:
    """Condition := implication; `=>` binds least, then `\\/`, `/\\`, `~`."""
    left = _disjunction(tokens)
    if tokens.accept("=>"):
        return Or((Not(left), parse_condition(tokens)))
    return left


def _disjunction(tokens: Tokens) -> Condition:
    operands = [_conjunction(tokens)]
    while tokens.accept("\\/") or tokens.accept("||"):
        operands.append(_conjunction(tokens))
    return operands[0] if len(operands) == 1 else Or(tuple(operands))


def _conjunction(tokens: Tokens) -> Condition:
    operands = [_atom(tokens)]
    while tokens.accept("/\\") or tokens.accept("&&"):
        operands.append(_atom(tokens))
    return operands[0] if len(operands) == 1 else And(tuple(operands))


def _atom(tokens: Tokens) -> Condition:
    if tokens.accept("~") or tokens.accept("not"):
        return Not(_atom(tokens))
    if tokens.accept("("):
        inside = parse_condition(tokens)
        tokens.expect(")")
        return inside
    if tokens.text == "true" and tokens.ahead() not in ("=", "=="):
        tokens.take()
        return TRUE
    if tokens.text == "false" and tokens.ahead() not in ("=", "=="):
        tokens.take()
        return Or(())
    left = parse_observed(tokens)
    if tokens.accept("!="):
        return Not(Equals(left, _right_side(tokens)))
    if not tokens.accept("=="):
        tokens.expect("=")
    return Equals(left, _right_side(tokens))


def parse_observed(tokens: Tokens) -> Observed:
    """`0:r1`, `x`, `[x]`, `*x` or `a[1]`."""
    if tokens.kind == "number":
        thread = tokens.take_number()
        tokens.expect(":")
        return Observed(thread, tokens.take_name("a register"))
    tokens.accept("*")
    if tokens.accept("["):
        name = _variable(tokens)
        tokens.expect("]")
        return Observed(None, name)
    return Observed(None, _variable(tokens))


def _variable(tokens: Tokens) -> str:
    name = tokens.take_name("a shared variable or thread:register")
    if tokens.text == "[" and tokens.ahead(2) == "]":
        tokens.take()
        name = f"{name}[{tokens.take_number()}]"
        tokens.expect("]")
    return name


def _right_side(tokens: Tokens) -> Value | Observed:
    if tokens.accept("-"):
        return -tokens.take_number()
    if tokens.kind == "number":
        if tokens.ahead() == ":":
            return parse_observed(tokens)
        return tokens.take_number()
    tokens.accept("&")
    return _variable(tokens)


def conjunction(*conditions: Condition) -> Condition:
    """All of them, without conjunctions inside conjunctions: as the parser would read it."""
    parts: list[Condition] = []
    for condition in conditions:
        parts += condition.operands if isinstance(condition, And) else [condition]
    return parts[0] if len(parts) == 1 else And(tuple(parts))


def holds(condition: Condition, state: Mapping[Observed, Value]) -> bool:
    """Whether a final state (every observed name -> value) satisfies the condition."""
    match condition:
        case Equals(left, right):
            return state[left] == (state[right] if isinstance(right, Observed) else right)
        case Not(operand):
            return not holds(operand, state)
        case And(operands):
            return all(holds(operand, state) for operand in operands)
        case Or(operands):
            return any(holds(operand, state) for operand in operands)
