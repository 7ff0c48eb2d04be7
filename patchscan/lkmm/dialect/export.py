"""Tests written in the dialect that herd7 reads, as the kernel documents it.

herd7 7.58 knows no loops, arrays, `&&`, `||` or `!`, no empty block, no comparison of a pointer with 0, and
of the primitives only those of linux-kernel.def. What can be said otherwise is, with the same events and
dependencies; the rest is refused. Every export is read back and must be the test that was written.
"""

from __future__ import annotations

import os

from patchscan.basics.record import replace
from patchscan.lkmm.dialect.arrays import without_arrays
from patchscan.lkmm.dialect.litmus_syntax import (
    Assign,
    Call,
    Dereference,
    Evaluate,
    Expression,
    If,
    Litmus,
    LitmusError,
    Loop,
    Name,
    Negation,
    Number,
    Operation,
    Statement,
    Store,
    Thread,
    makes_events,
)
from patchscan.lkmm.dialect.parser import parse
from patchscan.lkmm.dialect.pointers import pointer_registers
from patchscan.lkmm.dialect.printing import assigned_in, litmus_text
from patchscan.lkmm.dialect.unrolling import without_loops
from patchscan.lkmm.domains.domains import uses_domains
from patchscan.lkmm.domains.lower import lower

_LOGICAL = ("&&", "||")
_COMPARISONS = ("==", "!=", "<", ">", "<=", ">=")


def export_text(litmus: Litmus, unroll: int = 4) -> str:
    """The test in herd7's dialect. Raises LitmusError for what cannot be said in it."""
    plain = lower(litmus)[0] if uses_domains(litmus) else litmus
    if plain is not litmus and "DEADLOCK" in litmus.expected:
        # That threads wait for each other outside the memory model is lost in the plain form.
        plain = replace(plain, expected=())
    plain = without_loops(plain, unroll)
    plain = without_arrays(plain)
    threads = tuple(_Thread(plain, thread).plain() for thread in plain.threads)
    plain = replace(plain, threads=threads)
    text = litmus_text(plain)
    _check(plain, text)
    return text


def _check(plain: Litmus, text: str) -> None:
    """Read the text back: it must be the same test, and keep to the grammar."""
    again = parse(text)
    for thread in again.threads:
        wrong = not_of_herd(thread.body)
        if wrong:
            raise LitmusError(f"cannot be exported: {wrong}", thread.line)
    fields = ("threads", "initial", "registers", "filter", "condition", "locations", "quantifier")
    different = [name for name in fields if getattr(again, name) != getattr(plain, name)]
    if different:
        raise LitmusError(f"the export does not read back as it was written: {', '.join(different)}")


def not_of_herd(node: object) -> str:
    """What in statements or an expression is not of herd7's grammar, "" when all of it is."""
    match node:
        case tuple():
            return next((wrong for part in node if (wrong := not_of_herd(part))), "")
        case If(condition, then, otherwise):
            return "an empty block" if not then else not_of_herd((condition, then, otherwise))
        case Loop():
            return "a loop"
        case Assign(_, value):
            return not_of_herd(value)
        case Store(address, value):
            return not_of_herd((address, value))
        case Evaluate(expression):
            return not_of_herd(expression)
        case Negation():
            return "the operator !"
        case Operation(operator, left, right):
            return f"the operator {operator}" if operator in (*_LOGICAL, "%") else not_of_herd((left, right))
        case Dereference(address):
            return not_of_herd(address)
        case Call(function, arguments):
            return not_of_herd(arguments) if in_herd(function) else f"{function}()"
    return ""


def in_herd(function: str) -> bool:
    """Whether linux-kernel.def of 6.12 has the primitive, or herd7 itself (atomic_add_unless)."""
    from patchscan.lkmm.dialect.primitives import PRIMITIVES

    if function not in PRIMITIVES or function.startswith(("atomic64_", "atomic_long_", "raw_", "ACCESS")):
        return False
    operation = function.removeprefix("atomic_").removeprefix("fetch_")
    return not operation.startswith(("and", "or", "xor"))


_SAME = {"raw_spin_": "spin_", "atomic64_": "atomic_", "atomic_long_": "atomic_", "ACCESS_ONCE": "READ_ONCE"}


class _Thread:
    """Rewrites one thread into herd7's grammar."""

    def __init__(self, litmus: Litmus, thread: Thread) -> None:
        self.thread = thread
        self.taken = set(thread.locals) | set(thread.parameters) | assigned_in(thread.body)
        self.added: list[str] = []
        self.pointers = pointer_registers(litmus, thread)

    def plain(self) -> Thread:
        body = self.block(self.thread.body) or [self.nothing()]
        locals_ = self.thread.locals | assigned_in(tuple(body))
        return replace(self.thread, body=tuple(body), locals=frozenset(locals_))

    def register(self, stem: str) -> str:
        number = 0
        while f"{stem}{number}" in self.taken:
            number += 1
        self.taken.add(f"{stem}{number}")
        return f"{stem}{number}"

    def nothing(self) -> Statement:
        """A statement without any event, for a block that would be empty."""
        return Assign(self.register("unused"), Number(0))

    def block(self, statements: tuple[Statement, ...]) -> list[Statement]:
        return [plain for statement in statements for plain in self.statement(statement)]

    def statement(self, statement: Statement) -> list[Statement]:
        match statement:
            case If(condition, then, otherwise):
                return self.branch(condition, then, otherwise)
            case Assign(register, value):
                before, plain = self.value(value)
                return [*before, Assign(register, plain)]
            case Store(address, value):
                first, place = self.value(address)
                before, plain = self.value(value)
                return [*first, *before, Store(place, plain)]
            case Evaluate(expression):
                before, plain = self.value(expression)
                return [*before, Evaluate(plain)]
        return [statement]

    def branch(
        self, condition: Expression, then: tuple[Statement, ...], otherwise: tuple[Statement, ...]
    ) -> list[Statement]:
        """`if (!c) A else B` is `if (c) B else A`; comparing a pointer with 0 is testing it."""
        match condition:
            case Negation(operand):
                return self.branch(operand, otherwise, then)
            case Operation("==", tested, Number(0)) | Operation("==", Number(0), tested) if self.is_pointer(
                tested
            ):
                return self.branch(tested, otherwise, then)
            case Operation("!=", tested, Number(0)) | Operation("!=", Number(0), tested) if self.is_pointer(
                tested
            ):
                return self.branch(tested, then, otherwise)
        before, plain = self.value(condition)
        taken = tuple(self.block(then)) or (self.nothing(),)
        return [*before, If(plain, taken, tuple(self.block(otherwise)))]

    def value(self, expression: Expression) -> tuple[list[Statement], Expression]:
        """The expression in herd7's grammar, and the statements that must come before it."""
        match expression:
            case Negation(operand):
                before, truth = self.truth(operand)
                return before, Operation("==", truth, Number(0))
            case Operation(operator, left, right) if operator in _LOGICAL:
                if makes_events(right):
                    raise LitmusError(f"cannot be exported: an access on the right of {operator}")
                first, one = self.truth(left)
                second, other = self.truth(right)
                return first + second, Operation("&" if operator == "&&" else "|", one, other)
            case Operation(operator, left, right):
                first, one = self.value(left)
                second, other = self.value(right)
                return first + second, Operation(operator, one, other)
            case Dereference(address):
                before, plain = self.value(address)
                return before, Dereference(plain)
            case Call(function, arguments):
                parts = [self.value(argument) for argument in arguments]
                before = [statement for more, _ in parts for statement in more]
                return before, Call(renamed(function), tuple(plain for _, plain in parts))
        return [], expression

    def truth(self, expression: Expression) -> tuple[list[Statement], Expression]:
        """0 or 1. A value that may be a pointer is tested by an if, which passes the dependency on as
        control.
        """
        match expression:
            case Operation(operator, _, _) if operator in (*_COMPARISONS, *_LOGICAL):
                return self.value(expression)
            case Negation():
                return self.value(expression)
        before, plain = self.value(expression)
        if not self.is_pointer(expression):
            return before, Operation("!=", plain, Number(0))
        register = self.register("truth")
        test = If(plain, (Assign(register, Number(1)),), (Assign(register, Number(0)),))
        return [*before, test], Name(register)

    def is_pointer(self, expression: Expression) -> bool:
        match expression:
            case Name(name):
                return name in self.pointers or name in self.thread.parameters
            case Operation("+" | "-", left, _):
                return self.is_pointer(left)
            case Dereference() | Call():
                return None in self.pointers
        return False


def renamed(function: str) -> str:
    """The name under which herd7 knows a primitive."""
    for prefix, plain in _SAME.items():
        if function.startswith(prefix):
            return plain + function.removeprefix(prefix)
    return function


class Exporter:
    """Writes tests into a directory, each under the name of its file."""

    def __init__(self, directory: str, unroll: int = 4) -> None:
        self.directory = directory
        self.unroll = unroll
        self.written: set[str] = set()

    def write(self, text: str, file: str) -> None:
        """Export one test. Raises LitmusError, OSError."""
        try:
            plain = export_text(parse(text, file), self.unroll)
        except LitmusError as error:
            error.file = error.file or file
            raise
        stem = os.path.basename(file).removesuffix(".litmus")
        name, number = stem, 1
        while name in self.written:
            number += 1
            name = f"{stem}-{number}"
        self.written.add(name)
        os.makedirs(self.directory, exist_ok=True)
        with open(os.path.join(self.directory, f"{name}.litmus"), "w", encoding="utf-8") as stream:
            stream.write(plain)
