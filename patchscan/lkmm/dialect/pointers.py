"""Which registers may hold an address, judged by the text alone and rather too many than too few."""

from __future__ import annotations

from patchscan.lkmm.dialect.litmus_syntax import (
    Assign,
    Call,
    Evaluate,
    Expression,
    If,
    Litmus,
    Name,
    Statement,
    Store,
    Thread,
    makes_events,
)


def pointer_registers(litmus: Litmus, thread: Thread) -> set[str | None]:
    """The registers that may hold an address; None among them when variables may hold one."""
    pointers: set[str | None] = set(thread.parameters)
    variables = {name for other in litmus.threads for name in other.parameters}
    written = [value for other in litmus.threads for value in _written(other.body)]
    stored = any(isinstance(value, str) for value in litmus.initial.values())
    stored = stored or any(isinstance(value, Name) and value.name in variables for value in written)
    if stored:
        pointers.add(None)
    assigned = dict(_assigned(thread.body))
    for _ in assigned:
        for register, value in assigned.items():
            from_memory = stored and makes_events(value)
            if from_memory or (isinstance(value, Name) and value.name in pointers):
                pointers.add(register)
    return pointers - set(thread.parameters)


def _assigned(statements: tuple[Statement, ...]) -> list[tuple[str, Expression]]:
    found: list[tuple[str, Expression]] = []
    for statement in statements:
        match statement:
            case Assign(register, value):
                found.append((register, value))
            case If(_, then, otherwise):
                found += _assigned(then) + _assigned(otherwise)
    return found


def _written(statements: tuple[Statement, ...]) -> list[Expression]:
    found: list[Expression] = []
    for statement in statements:
        match statement:
            case Store(_, value):
                found.append(value)
            case Evaluate(Call(_, arguments)):
                found += arguments[1:]
            case If(_, then, otherwise):
                found += _written(then) + _written(otherwise)
    return found
