"""Loops written out as nested ifs, for herd7, which knows none."""

from __future__ import annotations

from patchscan.basics.record import replace
from patchscan.lkmm.dialect.final_conditions import conjunction
from patchscan.lkmm.dialect.litmus_syntax import (
    Assign,
    Condition,
    Equals,
    Expression,
    If,
    Litmus,
    LitmusError,
    Loop,
    Name,
    Number,
    Observed,
    Operation,
    Statement,
    Thread,
)
from patchscan.lkmm.dialect.printing import assigned_in
from patchscan.lkmm.memory.arithmetic import apply

LONGEST = 200
CUT = "cut_off"  # the register that says that a loop would have gone on


def without_loops(litmus: Litmus, unroll: int) -> Litmus:
    """The same test without loops; the filter drops executions that would go round more than `unroll`
    times.
    """
    threads = []
    cut: list[Condition] = []
    for thread in litmus.threads:
        unrolling = _Unrolling(thread, unroll)
        body = unrolling.block(thread.body)
        if unrolling.cut:
            cut.append(Equals(Observed(thread.number, CUT), 0))
            body = [Assign(CUT, Number(0)), *body]
        locals_ = thread.locals | ({CUT} if unrolling.cut else set())
        threads.append(replace(thread, body=tuple(body), locals=frozenset(locals_)))
    return replace(litmus, threads=tuple(threads), filter=conjunction(litmus.filter, *cut))


class _Unrolling:
    """Unrolls one thread, following the registers whose values are constants: counted loops end by
    themselves.
    """

    def __init__(self, thread: Thread, unroll: int) -> None:
        self.thread = thread
        self.unroll = unroll
        self.constants: dict[str, int] = {}
        self.cut = False

    def block(self, statements: tuple[Statement, ...]) -> list[Statement]:
        return [written for statement in statements for written in self.statement(statement)]

    def statement(self, statement: Statement) -> list[Statement]:
        match statement:
            case Assign(register, value):
                known = self.constant(value)
                self.constants.pop(register, None)
                if known is not None:
                    self.constants[register] = known
                return [statement]
            case If():
                return [self.branch(statement)]
            case Loop():
                first = self.block(statement.body) if statement.body_first else []
                return first + self.again(statement, int(statement.body_first), 0)
        return [statement]

    def branch(self, statement: If) -> If:
        before = dict(self.constants)
        then = self.block(statement.then)
        self.constants = dict(before)
        otherwise = self.block(statement.otherwise)
        changed = assigned_in(statement.then) | assigned_in(statement.otherwise)
        self.constants = {name: value for name, value in before.items() if name not in changed}
        return replace(statement, then=tuple(then), otherwise=tuple(otherwise))

    def again(self, loop: Loop, entered: int, counted: int) -> list[Statement]:
        known = self.constant(loop.condition)
        if known == 0:
            return []
        if known is not None:
            if counted == LONGEST:
                raise LitmusError(f"a loop of more than {LONGEST} rounds is too long to write out", loop.line)
            return self.block(loop.body) + self.again(loop, entered, counted + 1)
        if entered >= self.unroll:
            self.cut = True
            return [If(loop.condition, (Assign(CUT, Number(1), loop.line),), (), loop.line, loop.text)]
        before = dict(self.constants)
        body = self.block(loop.body) + self.again(loop, entered + 1, counted)
        changed = assigned_in(tuple(body))
        self.constants = {name: value for name, value in before.items() if name not in changed}
        return [If(loop.condition, tuple(body), (), loop.line, loop.text)]

    def constant(self, expression: Expression) -> int | None:
        """The value, where it is known from the text."""
        match expression:
            case Number(value):
                return value
            case Name(name):
                return self.constants.get(name)
            case Operation(operator, left, right):
                one, other = self.constant(left), self.constant(right)
                if one is not None and other is not None:
                    result = apply(operator, one, other)
                    return result if isinstance(result, int) else None
        return None
