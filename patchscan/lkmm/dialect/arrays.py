"""Arrays as variables of their own, for herd7, which knows none."""

from __future__ import annotations

from collections.abc import Callable, Collection

from patchscan.basics.record import replace
from patchscan.lkmm.dialect.litmus_syntax import (
    And,
    Assign,
    Call,
    Condition,
    Dereference,
    Equals,
    Evaluate,
    Expression,
    If,
    Litmus,
    LitmusError,
    Loop,
    Name,
    Negation,
    Not,
    Number,
    Observed,
    Operation,
    Or,
    Statement,
    Store,
    Thread,
    Value,
)


def without_arrays(litmus: Litmus) -> Litmus:
    """Elements with constant indices become variables of their own."""
    if not litmus.arrays:
        return litmus

    def element(name: str) -> str:
        array, bracket, index = name.partition("[")
        return f"{array}_{index[:-1]}" if bracket else name

    def observed(one: Observed) -> Observed:
        return Observed(one.thread, element(one.name))

    def right_side(right: Value | Observed) -> Value | Observed:
        if isinstance(right, Observed):
            return observed(right)
        return element(right) if isinstance(right, str) else right

    def condition(one: Condition) -> Condition:
        match one:
            case Equals(left, right):
                new = (
                    observed(right)
                    if isinstance(right, Observed)
                    else element(right)
                    if isinstance(right, str)
                    else right
                )
                return Equals(observed(left), new)
            case Not(operand):
                return Not(condition(operand))
            case And(operands):
                return And(tuple(map(condition, operands)))
            case Or(operands):
                return Or(tuple(map(condition, operands)))

    initial = {
        element(name): element(value) if isinstance(value, str) else value
        for name, value in litmus.initial.items()
    }
    threads = tuple(_thread_without_arrays(thread, litmus.arrays) for thread in litmus.threads)
    return replace(
        litmus,
        arrays={},
        initial=initial,
        threads=threads,
        condition=condition(litmus.condition),
        filter=condition(litmus.filter),
        locations=tuple(map(observed, litmus.locations)),
    )


def _thread_without_arrays(thread: Thread, arrays: Collection[str]) -> Thread:
    used: set[str] = set()

    def name_of(expression: Expression) -> Expression:
        match expression:
            case Operation("+", Name(name), Number(index)) if name in arrays:
                used.add(f"{name}_{index}")
                return Name(f"{name}_{index}")
            case Operation("+" | "-", Name(name), _) if name in arrays:
                raise LitmusError(
                    f"cannot be exported: array {name} with an index known only at run time", thread.line
                )
            case Name(name) if name in arrays:
                used.add(f"{name}_0")
                return Name(f"{name}_0")
        return expression

    body = mapped(thread.body, name_of)
    kept = [
        (name, text)
        for name, text in zip(thread.parameters, thread.declarations, strict=True)
        if name not in arrays
    ]
    kept += [(name, f"int *{name}") for name in sorted(used)]
    return replace(
        thread, body=body, parameters=tuple(n for n, _ in kept), declarations=tuple(text for _, text in kept)
    )


def mapped(
    statements: tuple[Statement, ...], change: Callable[[Expression], Expression]
) -> tuple[Statement, ...]:
    """The statements with `change` applied to every expression, outermost first; where it changes one, that
    is it.
    """

    def new(expression: Expression) -> Expression:
        changed = change(expression)
        if changed is not expression:
            return changed
        match expression:
            case Negation(operand):
                return Negation(new(operand))
            case Operation(operator, left, right):
                return Operation(operator, new(left), new(right))
            case Dereference(address, line):
                return Dereference(new(address), line)
            case Call(function, arguments, line):
                return Call(function, tuple(map(new, arguments)), line)
        return expression

    result: list[Statement] = []
    for statement in statements:
        match statement:
            case Assign(register, value, line, text):
                result.append(Assign(register, new(value), line, text))
            case Store(address, value, line, text):
                result.append(Store(new(address), new(value), line, text))
            case Evaluate(expression, line, text):
                result.append(Evaluate(new(expression), line, text))
            case If(condition, then, otherwise, line, text):
                result.append(If(new(condition), mapped(then, change), mapped(otherwise, change), line, text))
            case Loop(condition, body, body_first, line, text):
                result.append(Loop(new(condition), mapped(body, change), body_first, line, text))
    return tuple(result)
