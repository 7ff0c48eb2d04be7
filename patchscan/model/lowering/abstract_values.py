"""Values and locations of a behavioural model: what an access reads, writes and where."""

import operator
from collections.abc import Callable, Iterator

from patchscan.basics.record import field, frozen


@frozen
class Const:
    """A known integer (NULL is 0; instances of a type declared single are numbered from 1)."""

    number: int


@frozen
class Register:
    """What one read returned; type is the C type of the location read, "" when not known."""

    name: str
    type: str = ""


@frozen
class Unknown:
    """A value the model does not follow; two unknowns are the same value when their serials are equal."""

    serial: str
    text: str = ""
    type: str = ""


@frozen
class Address:
    """The address of a location."""

    of: "Location"


@frozen
class FunctionName:
    """A function used as a value; path: the file that named it, for static functions."""

    name: str
    path: str


@frozen
class Operation:
    """A C operation on two values, with the C operator's text."""

    operator: str
    left: "Value"
    right: "Value"


Value = Const | Register | Unknown | Address | FunctionName | Operation


@frozen
class Named:
    """Memory with a name: a global, "var@cpu", "struct.field" or "<type>" for what a typed pointer points to.

    base: the registers that its address was computed from, where fields are named by type (an address dependency);
    whose: the object, or the number of the element, where the name stands for those of several.
    """

    name: str
    type: str = ""
    base: tuple[str, ...] = ()
    whose: "Value | None" = None


@frozen
class Through:
    """Memory whose address a read returned: an access to it carries an address dependency.

    member: which member it is, "structure.name", where that is known; the memory is the same.
    """

    register: Register
    member: str = field(default="", compare=False)


@frozen
class Local:
    """An automatic variable, or a field of one; never shared, so an access to it is no event."""

    frame: int
    name: str
    type: str = ""


@frozen
class Nowhere:
    """Memory the model cannot name; text is the C expression.

    copies: the per-CPU variable where it is the copy of a CPU that is not known.
    """

    text: str
    copies: str = ""


Location = Named | Through | Local | Nowhere

_OPERATORS: dict[str, Callable[[int, int], int | bool]] = {
    "==": operator.eq,
    "!=": operator.ne,
    "<": operator.lt,
    ">": operator.gt,
    "<=": operator.le,
    ">=": operator.ge,
    "+": operator.add,
    "-": operator.sub,
    "&": operator.and_,
    "|": operator.or_,
    "^": operator.xor,
    "*": operator.mul,
}
INVERSE = {"==": "!=", "!=": "==", "<": ">=", ">=": "<", ">": "<=", "<=": ">"}


def combine(symbol: str, left: Value, right: Value) -> Value:
    """The value of `left symbol right`, folded where both sides are known; a shift folds for small counts."""
    if isinstance(left, Const) and isinstance(right, Const):
        if symbol in _OPERATORS:
            return Const(int(_OPERATORS[symbol](left.number, right.number)))
        if symbol in ("<<", ">>") and 0 <= right.number < 64:
            return Const(left.number << right.number if symbol == "<<" else left.number >> right.number)
    if symbol in ("==", "!="):
        same = _same(left, right)
        if same is not None:
            return Const(int(same == (symbol == "==")))
    if cpu_number(left) is not None and isinstance(right, Const) and _below_every_cpu(symbol, right.number):
        return Const(int(symbol in (">=", ">", "!=")))
    if (
        symbol in ("<", ">=")
        and _is_a_cpu(left)
        and isinstance(right, Unknown)
        and right.text == "nr_cpu_ids"
    ):
        return Const(int(symbol == "<"))
    if symbol == "&" and Const(0) in (left, right):
        return Const(0)
    bits = _known_bits(left, right) if symbol == "&" else None
    if bits is not None:
        return bits
    if symbol in ("+", "-", "|", "^") and right == Const(0):
        return left
    return Operation(symbol, left, right)


def _known_bits(left: Value, right: Value) -> Const | None:
    """Bits of a value of which it is known that they are set, or that they are not; None for others."""
    if not isinstance(right, Const) or not isinstance(left, Operation) or not isinstance(left.right, Const):
        return None
    if left.operator == "|" and left.right.number & right.number == right.number:
        return right
    return Const(0) if left.operator == "&" and not left.right.number & right.number else None


def _same(left: Value, right: Value) -> bool | None:
    """Whether two values are equal for certain (True), different for certain (False), or None."""
    if left == right:
        return True
    for one, other in ((left, right), (right, left)):
        if isinstance(one, (Address, FunctionName)) and other == Const(0):
            return False
        if isinstance(one, (Operation, Unknown)) and other == Const(0) and _is_never_nothing(one):
            return False
    if isinstance(left, FunctionName) and isinstance(right, FunctionName):
        return left.name == right.name
    if isinstance(left, Unknown) and isinstance(right, Unknown) and is_symbol(left) and is_symbol(right):
        return False
    if cpu_number(left) is not None and cpu_number(right) is not None:
        return False
    return None


SIZE = "size of "
"""Begins the serial of a size, or of a number of rounds, that is not known: none is 0."""


def _is_never_nothing(value: Operation | Unknown) -> bool:
    """Whether a value is an error number with its sign, or a size, with something added."""
    if isinstance(value, Unknown):
        return value.serial.startswith(SIZE)
    if value.operator == "+" and isinstance(value.left, (Operation, Unknown)):
        return isinstance(value.right, Const) and value.right.number >= 0 and _is_never_nothing(value.left)
    error = value.operator == "-" and value.left == Const(0) and isinstance(value.right, Unknown)
    return error and isinstance(value.right, Unknown) and value.right.serial.startswith("name E")


_CPU = "cpu "


def _below_every_cpu(symbol: str, number: int) -> bool:
    """Whether a comparison with a number comes out alike for all CPUs, which count from 0."""
    return number < (1 if symbol in ("<", ">=") else 0) and symbol in INVERSE


ONE_CPU = "one cpu "
"""Begins the serial of a CPU's number of which only that is known: where there is none, it is that of no CPU."""
SOME_CPU = f"{ONE_CPU}of some "
"""The same where there is one."""


def _is_a_cpu(value: Value) -> bool:
    """Whether a value is the number of a CPU that exists."""
    return cpu_number(value) is not None or (isinstance(value, Unknown) and value.serial.startswith(SOME_CPU))


def cpu_value(number: int) -> Unknown:
    """The number of a CPU of the model, as code sees it: any thread may sit on any CPU, so it equals no constant."""
    return Unknown(f"{_CPU}{number}", f"CPU {number}")


def cpu_number(value: Value) -> int | None:
    """Which CPU of the model a value names for certain; None for any other value."""
    if isinstance(value, Unknown) and value.serial.startswith(_CPU):
        return int(value.serial.removeprefix(_CPU))
    return None


def truth(value: Value) -> Value:
    """The value as a C condition: Const(0) or Const(1) where it is known, a comparison otherwise."""
    if isinstance(value, Operation) and value.operator in INVERSE:
        return value
    return combine("!=", value, Const(0))


def negate(value: Value) -> Value:
    """The C condition `!value`."""
    value = truth(value)
    if isinstance(value, Operation):
        return Operation(INVERSE[value.operator], value.left, value.right)
    return combine("==", value, Const(0))


def leaves(value: Value) -> Iterator[Value]:
    """The values an expression is built of."""
    if isinstance(value, Operation):
        yield from leaves(value.left)
        yield from leaves(value.right)
    else:
        yield value


SYMBOL = "%symbol"


def is_symbol(value: Value) -> bool:
    """An enumerator or macro whose number is not known, or a register that holds one; only (un)equal counts."""
    if isinstance(value, Unknown):
        return value.serial.startswith("name ")
    return isinstance(value, Register) and value.type == SYMBOL


def is_unknown(value: Value) -> bool:
    """True where the model cannot compute the value from its registers."""
    compares = isinstance(value, Operation) and value.operator in ("==", "!=")
    if isinstance(value, Operation) and compares and is_symbol(value.left) and is_symbol(value.right):
        return False
    return any(not isinstance(leaf, (Const, Register)) or is_symbol(leaf) for leaf in leaves(value))
