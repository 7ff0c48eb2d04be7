"""Threads -> guarded events, by symbolic execution that follows both sides of every branch at once.

No path is enumerated: after an `if` the two register files are merged into guarded cases. Dependencies are
those herd7 computes; the places where that needs thought are noted where they stand.
"""

from __future__ import annotations

from collections.abc import Callable

from patchscan.basics.budget import BUDGET
from patchscan.basics.record import frozen, once, replace
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
from patchscan.lkmm.dialect.primitives import PRIMITIVES, Primitive
from patchscan.lkmm.memory.events import (
    Branch,
    Cases,
    Event,
    Program,
    Requirement,
    combine,
    constant,
    possible,
)
from patchscan.lkmm.solving.recorder import ONE, ZERO, Control, Recorder

LONGEST_LOOP = BUDGET.rounds.most


@frozen
class _Unfolded:
    """What the unfolding of a thread has put into a program, and its registers at the end."""

    events: list[Event]
    branches: list[Branch]
    requirements: list[Requirement]
    cuts: list[int]
    loops: list[tuple[int, int]]
    registers: dict[str, Cases]


def unfold(litmus: Litmus, unroll: int = 4, deadline: float | None = None) -> Program:
    """The guarded events of every thread; loops are entered at most `unroll` times.

    Raises LitmusError for what the dialect does not know, LimitReached when the deadline has passed.
    """
    program = Program(litmus, deadline)
    for thread in litmus.threads:
        # Nothing else of a test has an influence on a thread but its arrays and what registers hold at first.
        known = {} if litmus.arrays or litmus.registers else _unfoldings(thread)
        key = (len(program.events), len(program.branches), unroll)
        if key in known:
            _put(known[key], program)
        else:
            known[key] = _unfolded(program, thread, unroll)
    return program


@once
def _unfoldings(thread: Thread) -> dict[tuple[int, int, int], _Unfolded]:
    """How a thread was unfolded: by the numbers of its first event and branch and how often loops are entered."""
    return {}


def _unfolded(program: Program, thread: Thread, unroll: int) -> _Unfolded:
    """A thread unfolded into the program."""
    events, branches, requirements = len(program.events), len(program.branches), len(program.requirements)
    cuts, loops = len(program.cuts), len(program.loops)
    unfolding = _Unfolding(program, thread, unroll)
    unfolding.run(thread.body)
    program.final.append(unfolding.registers)
    return _Unfolded(
        program.events[events:],
        program.branches[branches:],
        program.requirements[requirements:],
        program.cuts[cuts:],
        program.loops[loops:],
        unfolding.registers,
    )


def _put(thread: _Unfolded, program: Program) -> None:
    """The same put into another program."""
    program.events += thread.events
    program.branches += thread.branches
    program.requirements += thread.requirements
    program.cuts += thread.cuts
    program.loops += thread.loops
    program.final.append(thread.registers)


class _Unfolding(Recorder):
    """The symbolic execution of one thread."""

    def __init__(self, program: Program, source: Thread, unroll: int) -> None:
        super().__init__(program, source.number)
        self.source = source
        self.unroll = unroll
        arrays = program.litmus.arrays
        for name in source.parameters:
            self.registers[name] = constant(f"{name}[0]" if name in arrays else name)
        for (thread, name), value in program.litmus.registers.items():
            if thread == source.number:
                self.registers[name] = constant(value)

    # Statements

    def run(self, statements: tuple[Statement, ...]) -> None:
        for statement in statements:
            self.line, self.text = statement.line, statement.text
            match statement:
                case Assign(register, value):
                    self._assign(register, self.value(value))
                case Store(address, value):
                    self.event("W", "plain", self.value(address), self.value(value))
                case Evaluate(expression):
                    self._effect(expression)
                case If():
                    self._if_statement(statement)
                case Loop():
                    self._loop(statement)

    def _assign(self, register: str, cases: Cases) -> None:
        """What is assigned under a branch carries the branch's control dependency, but no data dependency."""
        if self.control:
            cases = tuple(replace(case, control=case.control | self.control) for case in cases)
        self.registers[register] = cases

    def _effect(self, expression: Expression) -> None:
        if not isinstance(expression, Call):
            self.value(expression)
            return
        primitive = self._primitive(expression)
        if primitive.action in ("store", "fence", "wait", "lock", "unlock"):
            self._command(expression, primitive)
        else:
            self._operation(expression, primitive)

    def _if_statement(self, statement: If) -> None:
        then, otherwise = statement.then, statement.otherwise
        self._if(statement.condition, lambda: self.run(then), lambda: self.run(otherwise))

    def _if(self, condition: Expression, then: Callable[[], None], otherwise: Callable[[], None]) -> None:
        cases = self.value(condition)
        if len(cases) == 1 and isinstance(cases[0].term, int):
            (then if cases[0].term else otherwise)()
            return
        outside = self.control
        self.control |= _deciders(cases)
        self.branch(cases, then, otherwise)
        self.control = outside

    def _loop(self, loop: Loop) -> None:
        if loop.body_first:
            self.run(loop.body)
        self._again(loop, int(loop.body_first))

    def _again(self, loop: Loop, entered: int) -> None:
        """`while (c) b` is `if (c) { b; if (c) { b; ... } }` down to the bound; a constant c needs no
        bound.
        """
        for _ in range(LONGEST_LOOP):
            if not self._is_constant(loop.condition):
                break
            if self.value(loop.condition)[0].term == 0:
                return
            self.run(loop.body)
        else:
            raise LitmusError("this loop has no end", loop.line)
        self.line, self.text = loop.line, loop.text
        if entered >= self.unroll:
            self._cut(loop)
        else:
            self._if(loop.condition, lambda: self._enter(loop, entered + 1), lambda: None)

    def _enter(self, loop: Loop, entered: int) -> None:
        self.run(loop.body)
        self._again(loop, entered)

    def _is_constant(self, condition: Expression) -> bool:
        if makes_events(condition):
            return False
        cases = self.value(condition)
        return len(cases) == 1 and isinstance(cases[0].term, int)

    def _cut(self, loop: Loop) -> None:
        """Executions that would go round once more end here; nothing after the loop happens in them."""
        branch = self.new_branch(self.value(loop.condition))
        self.program.cuts.append(branch)
        self.program.loops.append((loop.line, self.unroll))
        self.running |= {-branch}

    # Expressions

    def value(self, expression: Expression) -> Cases:
        """The cases of an expression; the events of evaluating it are recorded, left to right."""
        match expression:
            case Number(value):
                return constant(value)
            case Name(name, line):
                return self._register(name, line)
            case Dereference(address):
                return self.read("plain", self.value(address))
            case Negation(operand):
                return combine("==", self.value(operand), ZERO)
            case Operation(operator, left, right):
                if operator in ("&&", "||") and makes_events(right):
                    return self._short_circuit(operator, left, right)
                return combine(operator, self.value(left), self.value(right))
            case Call():
                return self._operation(expression, self._primitive(expression))

    def _register(self, name: str, line: int) -> Cases:
        if name in self.registers:
            return possible(self.registers[name], self.guard)
        if name in self.source.locals:
            return ZERO
        raise LitmusError(f"P{self.source.number} uses {name}, which is no parameter and was never set", line)

    def _short_circuit(self, operator: str, left: Expression, right: Expression) -> Cases:
        """The right side is evaluated only if the left does not decide; its reads depend on the left."""
        decided = self.value(left)
        outside = self.control
        self.control |= _deciders(decided)

        def evaluate() -> Cases:
            return combine("!=", self.value(right), ZERO)

        if operator == "&&":
            result = self.choose(decided, evaluate, lambda: ZERO)
        else:
            result = self.choose(decided, lambda: ONE, evaluate)
        deciders = self.control
        self.control = outside
        return tuple(replace(case, control=case.control | deciders) for case in result)

    # Primitives

    def _primitive(self, call: Call) -> Primitive:
        primitive = PRIMITIVES.get(call.function)
        if primitive is None:
            raise LitmusError(f"{call.function}() is not a primitive of the litmus dialect", call.line)
        if len(call.arguments) != primitive.arguments:
            count = f"{primitive.arguments} argument{'s' * (primitive.arguments != 1)}"
            raise LitmusError(f"{call.function}() takes {count}, not {len(call.arguments)}", call.line)
        return primitive

    def _address(self, call: Call, primitive: Primitive, position: int = 0) -> Cases:
        argument = call.arguments[position]
        if primitive.place:
            if not isinstance(argument, Dereference):
                raise LitmusError(f"{call.function}() takes a place such as *x", call.line)
            argument = argument.address
        return self.value(argument)

    def _command(self, call: Call, primitive: Primitive) -> None:
        """A primitive that returns nothing."""
        if primitive.action == "fence":
            self.event("F", primitive.order)
            return
        address = self._address(call, primitive)
        if primitive.action == "store":
            self.event("W", primitive.order, address, self.value(call.arguments[1]))
            if primitive.then:
                self.event("F", primitive.then)
        elif primitive.action == "wait":
            self.event("F", primitive.order, address)
        elif primitive.action == "lock":
            self.lock(address)
        else:
            self.event("W", "UL", address, ZERO)

    def _operation(self, call: Call, primitive: Primitive) -> Cases:
        """A primitive that returns a value."""
        if primitive.action == "load":
            return self.read(primitive.order, self._address(call, primitive))
        if primitive.action == "arithmetic":
            return self._arithmetic(call, primitive)
        values = [self.value(argument) for argument in call.arguments]
        match primitive.action:
            case "exchange":
                return self.read_modify_write(values[0], primitive.order, lambda old: values[1])[0]
            case "compare-exchange":
                return self.compare_exchange(values[0], values[1], values[2], primitive.order)
            case "add-unless":
                return self.add_unless(values[0], values[1], values[2])
            case "trylock":
                return self.choose(None, lambda: self.lock(values[0]), lambda: self.lock_seen(values[0], ONE))
            case "is-locked":
                return self.choose(
                    None,
                    lambda: (self.lock_seen(values[0], ONE), ONE)[1],
                    lambda: self.lock_seen(values[0], ZERO),
                )
        raise LitmusError(f"{call.function}() returns nothing", call.line)

    def _arithmetic(self, call: Call, primitive: Primitive) -> Cases:
        """atomic_add(amount, address) and its kin."""
        amount = ONE if primitive.amount is not None else self.value(call.arguments[0])
        address = self._address(call, primitive, primitive.arguments - 1)
        old, new = self.read_modify_write(
            address, primitive.order, lambda read: combine(primitive.operator, read, amount), computed=True
        )
        match primitive.result:
            case "zero":
                return combine("==", new, ZERO)
            case "negative":
                return combine("<", new, ZERO)
            case "new":
                return new
        return old


def _deciders(cases: Cases) -> Control:
    """The reads that a branch on these cases depends on, each with when it does."""
    deciders = {(read, case.guard) for case in cases for read in case.data}
    deciders |= {(read, guard | case.guard) for case in cases for read, guard in case.control}
    return frozenset(deciders)
