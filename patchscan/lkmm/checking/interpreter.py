"""One thread run step by step on given values: the plain counterpart of unfold.py.

The search and the replay use it, so that what they say does not rest on the symbolic execution.
"""

from __future__ import annotations

from collections.abc import Callable

from patchscan.basics.record import field, frozen, record
from patchscan.lkmm.dialect.litmus_syntax import (
    Assign,
    Call,
    Dereference,
    Evaluate,
    Expression,
    If,
    Litmus,
    Loop,
    Name,
    Negation,
    Number,
    Operation,
    Statement,
    Store,
    Thread,
    Value,
    makes_events,
)
from patchscan.lkmm.dialect.primitives import PRIMITIVES, Primitive
from patchscan.lkmm.memory.arithmetic import UNKNOWN, apply, truth
from patchscan.lkmm.memory.events import ALWAYS, Event, EventKind, ReadValue, Term, compute, constant


class Stuck(Exception):
    """This run is no execution: it waits for ever, or computes something that has no value."""


@frozen
class Held:
    """What a register holds.

    value, and term: how it was made from reads.
    data: the reads it was computed from.  control: those that decided whether it was assigned.
    """

    value: Value
    term: Term
    data: frozenset[int] = frozenset()
    control: frozenset[int] = frozenset()


def held(value: Value) -> Held:
    return Held(value, value)


@record
class Step:
    """An event of the run, with the values it has in it.

    event: with constant address and value; its number is its place in the thread.
    written: for a write, how its value was made.
    """

    event: Event
    variable: str | None = None
    value: Value | None = None
    written: Term = 0


@record
class Interpreter:
    """Runs one thread.

    read_value(variable) is asked for the value of each read, in program order.
    decide(value) is asked which way an `if` goes, by default as C does.
    unroll: how often a loop whose condition is read from memory is entered; runs that go on are Stuck.
    """

    litmus: Litmus
    thread: Thread
    read_value: Callable[[str], Value]
    decide: Callable[[Value], bool] = truth
    unroll: int = 4
    steps: list[Step] = field(default_factory=list)
    registers: dict[str, Held] = field(default_factory=dict)
    control: frozenset[int] = frozenset()
    line: int = 0
    text: str = ""

    def run(self) -> None:
        """Fill `steps` and `registers`. Raises Stuck."""
        for name in self.thread.parameters:
            self.registers[name] = held(f"{name}[0]" if name in self.litmus.arrays else name)
        for (thread, name), value in self.litmus.registers.items():
            if thread == self.thread.number:
                self.registers[name] = held(value)
        self._statements(self.thread.body)

    # Statements

    def _statements(self, statements: tuple[Statement, ...]) -> None:
        for statement in statements:
            self.line, self.text = statement.line, statement.text
            match statement:
                case Assign(register, value):
                    result = self._value(value)
                    control = result.control | self.control
                    self.registers[register] = Held(result.value, result.term, result.data, control)
                case Store(address, value):
                    place = self._value(address)
                    self._write("plain", place, self._value(value))
                case Evaluate(expression):
                    self._effect(expression)
                case If(condition, then, otherwise):
                    self._under(self._value(condition), then, otherwise)
                case Loop():
                    self._loop(statement)

    def _under(self, condition: Held, then: tuple[Statement, ...], otherwise: tuple[Statement, ...]) -> None:
        outside = self.control
        self.control |= condition.data | condition.control
        self._statements(then if self.decide(condition.value) else otherwise)
        self.control = outside

    def _loop(self, loop: Loop) -> None:
        outside = self.control
        if loop.body_first:
            self._statements(loop.body)
        rounds = int(loop.body_first)
        while True:
            self.line, self.text = loop.line, loop.text
            condition = self._value(loop.condition)
            if not truth(condition.value):
                break
            rounds += not isinstance(condition.term, int)
            if rounds > self.unroll:
                raise Stuck
            self.control |= condition.data | condition.control
            self._statements(loop.body)
        self.control = outside

    def _effect(self, expression: Expression) -> None:
        if not isinstance(expression, Call):
            self._value(expression)
            return
        primitive = PRIMITIVES[expression.function]
        match primitive.action:
            case "fence":
                self._fence(primitive.order)
            case "wait":
                self._event("F", primitive.order, self._address(expression, primitive))
            case "store":
                address = self._address(expression, primitive)
                self._write(primitive.order, address, self._value(expression.arguments[1]))
                if primitive.then:
                    self._fence(primitive.then)
            case "lock":
                self._lock(self._address(expression, primitive))
            case "unlock":
                self._write("UL", self._address(expression, primitive), held(0))
            case _:
                self._call(expression)

    # Expressions

    def _value(self, expression: Expression) -> Held:
        match expression:
            case Number(value):
                return held(value)
            case Name(name):
                return self.registers.get(name, held(0))
            case Dereference(address):
                return self._read("plain", self._value(address))
            case Negation(operand):
                return self._operation("==", self._value(operand), held(0))
            case Operation(operator, left, right):
                return self._binary(operator, left, right)
            case Call():
                return self._call(expression)

    def _binary(self, operator: str, left: Expression, right: Expression) -> Held:
        one = self._value(left)
        if operator in ("&&", "||") and makes_events(right):
            outside = self.control
            self.control |= one.data | one.control
            deciders = self.control
            if truth(one.value) == (operator == "&&"):
                result = self._operation("!=", self._value(right), held(0))
            else:
                result = held(int(operator == "||"))
            self.control = outside
            return Held(result.value, result.term, result.data, result.control | deciders)
        return self._operation(operator, one, self._value(right))

    def _operation(self, operator: str, one: Held, other: Held) -> Held:
        term = compute(operator, one.term, other.term)
        value = term if isinstance(term, int | str) else apply(operator, one.value, other.value)
        if value is None:
            raise Stuck
        return Held(value, term, one.data | other.data, one.control | other.control)

    def _address(self, call: Call, primitive: Primitive, position: int = 0) -> Held:
        argument = call.arguments[position]
        if primitive.place:
            assert isinstance(argument, Dereference)
            argument = argument.address
        return self._value(argument)

    def _call(self, call: Call) -> Held:
        primitive = PRIMITIVES[call.function]
        if primitive.action == "load":
            return self._read(primitive.order, self._address(call, primitive))
        if primitive.action == "arithmetic":
            return self._arithmetic(call, primitive)
        values = [self._value(argument) for argument in call.arguments]
        address = values[0]
        match primitive.action:
            case "exchange":
                return self._read_modify_write(address, primitive.order, lambda old: values[1])[0]
            case "compare-exchange":
                return self._compare_exchange(address, values[1], values[2], primitive.order)
            case "add-unless":
                return self._add_unless(address, values[1], values[2])
            case "trylock":
                return self._try_lock(address)
            case "is-locked":
                return held(self._look_at_lock(address, self._peek(address)))
        raise AssertionError(primitive.action)

    # Events

    def _event(
        self, kind: EventKind, tag: str, address: Held | None = None, value: Held | None = None
    ) -> Step:
        variable = self._variable(address) if address else None
        dependencies = [("addr", read, ALWAYS) for read in sorted(address.data)] if address else []
        dependencies += [("data", read, ALWAYS) for read in sorted(value.data)] if value else []
        dependencies += [("ctrl", read, ALWAYS) for read in sorted(self.control)]
        event = Event(
            number=len(self.steps),
            thread=self.thread.number,
            kind=kind,
            tag=tag,
            address=constant(variable) if variable else None,
            value=constant(value.value) if value else None,
            dependencies=tuple(dependencies),
            line=self.line,
            text=self.text,
        )
        written = value.term if value else 0
        self.steps.append(Step(event, variable, value.value if value else None, written))
        return self.steps[-1]

    def _variable(self, address: Held) -> str:
        """The variable an address points to; whatever is no address cannot be accessed."""
        if not isinstance(address.value, str) or address.value == UNKNOWN:
            raise Stuck
        name, bracket, index = address.value.partition("[")
        if bracket and not 0 <= int(index[:-1]) < self.litmus.arrays.get(name, 1):
            raise Stuck
        return address.value

    def _fence(self, tag: str) -> None:
        self._event("F", tag)

    def _peek(self, address: Held) -> Value:
        """The value that the next read of this variable returns."""
        return self.read_value(self._variable(address))

    def _read(self, tag: str, address: Held, value: Value | None = None) -> Held:
        found = self._peek(address) if value is None else value
        step = self._event("R", tag, address)
        step.value = found
        return Held(found, ReadValue(step.event.number), frozenset((step.event.number,)))

    def _write(self, tag: str, address: Held, value: Held) -> Step:
        return self._event("W", tag, address, value)

    # Read-modify-writes and locks

    def _read_modify_write(
        self,
        address: Held,
        order: str,
        new: Callable[[Held], Held],
        value: Value | None = None,
        computed: bool = False,
    ) -> tuple[Held, Held]:
        if order == "mb":
            self._fence("mb")
        old = self._read(order if order in ("acquire", "noreturn") else "once", address, value)
        read = self.steps[-1].event
        read.rmw = True
        result = new(old)
        target = Held(address.value, address.term) if computed else address
        write = self._write("release" if order == "release" else "once", target, result).event
        write.rmw = True
        write.partner = read.number
        if order == "mb":
            self._fence("mb")
        return old, result

    def _failed(self, address: Held, value: Value) -> Held:
        result = self._read("once", address, value)
        self.steps[-1].event.rmw = True
        return result

    def _arithmetic(self, call: Call, primitive: Primitive) -> Held:
        amount = held(1) if primitive.amount is not None else self._value(call.arguments[0])
        address = self._address(call, primitive, primitive.arguments - 1)
        old, new = self._read_modify_write(
            address,
            primitive.order,
            lambda read: self._operation(primitive.operator, read, amount),
            computed=True,
        )
        match primitive.result:
            case "zero":
                return self._operation("==", new, held(0))
            case "negative":
                return self._operation("<", new, held(0))
            case "new":
                return new
        return old

    def _compare_exchange(self, address: Held, old: Held, new: Held, order: str) -> Held:
        found = self._peek(address)
        if UNKNOWN in (found, old.value):
            raise Stuck
        if found == old.value:
            return self._read_modify_write(address, order, lambda read: new, found)[0]
        return self._failed(address, found)

    def _add_unless(self, address: Held, amount: Held, unless: Held) -> Held:
        found = self._peek(address)
        if UNKNOWN in (found, unless.value):
            raise Stuck
        if found == unless.value:
            read = self._failed(address, found)
            return Held(0, 0, read.data)
        read, _ = self._read_modify_write(
            address, "mb", lambda old: self._operation("+", old, amount), value=found
        )
        return Held(1, 1, read.data)

    def _lock(self, address: Held, found: Value | None = None) -> None:
        if (self._peek(address) if found is None else found) != 0:
            raise Stuck
        self._read("LKR", address, 0)
        read = self.steps[-1].event
        self._write("LKW", address, held(1)).event.partner = read.number

    def _try_lock(self, address: Held) -> Held:
        found = self._peek(address)
        if found == 0:
            self._lock(address, found)
            return held(1)
        self._look_at_lock(address, found)
        return held(0)

    def _look_at_lock(self, address: Held, found: Value) -> int:
        if found not in (0, 1):
            raise Stuck
        self._read("LF" if found == 1 else "RU", address, found)
        return int(found == 1)
