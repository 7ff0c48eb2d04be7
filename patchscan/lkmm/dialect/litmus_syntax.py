"""What a litmus test says: its initial state, its threads and its question, as plain values."""

from __future__ import annotations

from collections.abc import Mapping

from patchscan.basics.record import field, frozen


class LitmusError(Exception):
    """A litmus test that cannot be run as written; `str()` is one line, "file:line: what is wrong"."""

    def __init__(self, message: str, line: int = 0, file: str = "") -> None:
        super().__init__(message)
        self.message = message
        self.line = line
        self.file = file

    def __str__(self) -> str:
        line = str(self.line) if self.line else ""
        place = (
            ":".join(part for part in (self.file, line) if part) if self.file else f"line {line}" * bool(line)
        )
        return f"{place}: {self.message}" if place else self.message


# Expressions of the C part. A pointer value is the name of the shared variable it points to.


@frozen
class Number:
    value: int


@frozen
class Name:
    """A register (local variable), or a parameter: the address of a shared variable."""

    name: str
    line: int = field(default=0, compare=False)


@frozen
class Negation:
    """`!operand`: 1 when the operand is 0, else 0."""

    operand: Expression


@frozen
class Operation:
    """`left operator right`; `&&` and `||` skip the right side as C does."""

    operator: str
    left: Expression
    right: Expression


@frozen
class Dereference:
    """`*address`: as a value a plain read; as the argument of READ_ONCE() and friends, a place."""

    address: Expression
    line: int = field(default=0, compare=False)


@frozen
class Call:
    """A call of a kernel primitive."""

    function: str
    arguments: tuple[Expression, ...]
    line: int = field(default=0, compare=False)


Expression = Number | Name | Negation | Operation | Dereference | Call


# Statements. `text` is the source text, for people who follow an execution.


@frozen
class Assign:
    """`register = value;`"""

    register: str
    value: Expression
    line: int = field(default=0, compare=False)
    text: str = field(default="", compare=False)


@frozen
class Store:
    """`*address = value;`, a plain write."""

    address: Expression
    value: Expression
    line: int = field(default=0, compare=False)
    text: str = field(default="", compare=False)


@frozen
class Evaluate:
    """An expression for its effect: a store, a fence, a lock, or a call whose result is dropped."""

    expression: Expression
    line: int = field(default=0, compare=False)
    text: str = field(default="", compare=False)


@frozen
class If:
    condition: Expression
    then: tuple[Statement, ...]
    otherwise: tuple[Statement, ...]
    line: int = field(default=0, compare=False)
    text: str = field(default="", compare=False)


@frozen
class Loop:
    """`while (condition) body`, or with `body_first` `do body while (condition);`"""

    condition: Expression
    body: tuple[Statement, ...]
    body_first: bool = False
    line: int = field(default=0, compare=False)
    text: str = field(default="", compare=False)


Statement = Assign | Store | Evaluate | If | Loop


@frozen
class Thread:
    """One `Pn(parameters) { body }`; parameters name shared variables, locals are the declared registers.

    declarations: the parameters as written, "int *x".
    """

    number: int
    parameters: tuple[str, ...]
    locals: frozenset[str]
    body: tuple[Statement, ...]
    line: int = field(default=0, compare=False)
    declarations: tuple[str, ...] = field(default=(), compare=False)


# The question about the final state.

Value = int | str  # an integer, or the name of the shared variable that is pointed to


@frozen
class Observed:
    """Something with a final value: register `name` of `thread`, or with thread None a shared variable."""

    thread: int | None
    name: str

    def __str__(self) -> str:
        return f"[{self.name}]" if self.thread is None else f"{self.thread}:{self.name}"


@frozen
class Equals:
    """`left = right`; the right side is a value or another observed register."""

    left: Observed
    right: Value | Observed


@frozen
class Not:
    operand: Condition


@frozen
class And:
    operands: tuple[Condition, ...]


@frozen
class Or:
    operands: tuple[Condition, ...]


Condition = Equals | Not | And | Or

TRUE = And(())


@frozen
class Litmus:
    """A whole test.

    initial: shared variable -> value; variables not named start as 0.
    registers: (thread, register) -> value at the start.
    arrays: array name -> number of elements; the elements are the variables `name[0]`, `name[1]`...
    quantifier: "exists", "~exists" or "forall".
    expected: words of the `Result:` line, if there is one ("Never", "DATARACE").
    handlers: functions that are no threads of their own but are called by IPIs or grace periods (domains.py).
    functions: the names of all functions called.
    """

    name: str
    initial: Mapping[str, Value]
    registers: Mapping[tuple[int, str], Value]
    arrays: Mapping[str, int]
    threads: tuple[Thread, ...]
    quantifier: str
    condition: Condition
    filter: Condition
    locations: tuple[Observed, ...]
    condition_text: str = ""
    expected: tuple[str, ...] = ()
    handlers: Mapping[str, Thread] = field(default_factory=dict)
    functions: frozenset[str] = field(default=frozenset(), compare=False)


def observed_in(condition: Condition) -> set[Observed]:
    """The registers and shared variables whose final values `condition` looks at."""
    match condition:
        case Equals(left, right):
            return {left, right} if isinstance(right, Observed) else {left}
        case Not(operand):
            return observed_in(operand)
        case And(operands) | Or(operands):
            return set().union(*map(observed_in, operands))


def equalities(condition: Condition) -> list[Equals]:
    """The comparisons that `condition` is made of."""
    match condition:
        case Equals():
            return [condition]
        case Not(operand):
            return equalities(operand)
        case And(operands) | Or(operands):
            return [each for operand in operands for each in equalities(operand)]


def makes_events(expression: Expression) -> bool:
    """Whether evaluating the expression makes an event."""
    match expression:
        case Call() | Dereference():
            return True
        case Negation(operand):
            return makes_events(operand)
        case Operation(_, left, right):
            return makes_events(left) or makes_events(right)
    return False
