"""One thread of the extended dialect -> plain statements; see domains.py.

IRQs are off in maximal intervals, computed from the flag: save and restore nest, disable and enable do not.
With IRQs on a CPU can be interrupted between any two accesses, so each access is a section of its own.
Where a handler with a body runs on the CPU, its sections also hold a lock against the handler. The IPIs of
one call go out together: each target has a helper thread of its own that is asked, waits, runs the handler
and answers.
"""

from __future__ import annotations

from collections.abc import Sequence

from patchscan.lkmm.dialect.litmus_syntax import (
    Assign,
    Call,
    Dereference,
    Evaluate,
    Expression,
    If,
    LitmusError,
    Loop,
    Name,
    Negation,
    Number,
    Operation,
    Statement,
    Store,
    Thread,
)
from patchscan.lkmm.dialect.printing import expression_text
from patchscan.lkmm.domains.domains import (
    CALLS,
    FLUSH_CALLS,
    IPI_CALLS,
    IRQ_CALLS,
    Lowered,
    Request,
    calls_in,
    device_domain,
    mask_variable,
    request_of,
)
from patchscan.lkmm.domains.requests import lower_request
from patchscan.lkmm.domains.waits import Waiting

_NO_ACCESS = ("fence", "wait")
Block = list[Statement]


class ThreadLowering:
    """Lowers the statements of one thread, in their order, keeping the state of its CPU."""

    def __init__(self, lowered: Lowered, thread: Thread) -> None:
        self.lowered = lowered
        self.thread = thread
        self.cpu = thread.number
        self.parameters = dict(zip(thread.parameters, thread.declarations, strict=True))
        self.locals = set(thread.locals)
        self.irqs_off = False
        self.saved: dict[str, bool] = {}
        self.open: dict[str, str] = {}  # domain -> the register that holds its section's index
        self.waiting = Waiting(self.cpu, lowered.sites, lowered.interruptible)
        self.start: Block = []
        self.line = thread.line
        self.text = ""

    def run(self) -> Thread:
        """The thread in the plain dialect."""
        body = self.block(self.thread.body)
        if self.irqs_off:
            raise LitmusError(f"P{self.cpu} ends with IRQs off", self.thread.line)
        for domain in sorted(self.open):
            body += self.close(domain)
        return Thread(
            self.cpu,
            tuple(self.parameters),
            frozenset(self.locals),
            (*self.start, *body),
            self.thread.line,
            tuple(self.parameters.values()),
        )

    def wait(self, doing: str, waits_for: set[str]) -> None:
        """Note that the thread waits here, for the wait-for check."""
        self.waiting.wait(doing, waits_for, self.line, self.irqs_off)

    # Small pieces

    def call(self, function: str, *arguments: Expression) -> Statement:
        names = ", ".join(expression_text(argument) for argument in arguments)
        return Evaluate(Call(function, arguments, self.line), self.line, f"{function}({names})")

    def assign(self, register: str, value: Expression) -> Statement:
        self.locals.add(register)
        return Assign(register, value, self.line, f"{register} = {expression_text(value)}")

    def variable(self, name: str, kind: str = "int") -> Expression:
        """A shared variable of ours as an argument."""
        if name in self.locals or (name in self.parameters and not self.parameters[name].startswith(kind)):
            raise LitmusError(f"{name} is a name the lowering needs", self.line)
        self.parameters.setdefault(name, f"{kind} *{name}")
        return Name(name)

    def domain(self, name: str) -> Expression:
        return self.variable(name, "struct srcu_struct")

    def new_register(self, stem: str) -> str:
        number = 0
        while f"{stem}{number}" in self.locals:
            number += 1
        self.locals.add(f"{stem}{number}")
        return f"{stem}{number}"

    # Sections

    def open_section(self, domain: str) -> Block:
        register = self.open[domain] = self.new_register(f"{domain}_")
        return [self.assign(register, Call("srcu_read_lock", (self.domain(domain),), self.line))]

    def close(self, domain: str) -> Block:
        return [self.call("srcu_read_unlock", self.domain(domain), Name(self.open.pop(domain)))]

    def interrupts_off(self) -> Block:
        """What opens at the beginning of an interval in which this CPU takes no interrupt."""
        body: Block = []
        if f"irq{self.cpu}" in self.lowered.waited:
            body += self.open_section(f"irq{self.cpu}")
        if self.cpu in self.lowered.handled:
            body.append(self.call("spin_lock", self.variable(f"cpu{self.cpu}", "spinlock_t")))
        return body

    def interrupts_on(self) -> Block:
        body: Block = []
        if self.cpu in self.lowered.handled:
            body.append(self.call("spin_unlock", self.variable(f"cpu{self.cpu}", "spinlock_t")))
        if f"irq{self.cpu}" in self.open:
            body += self.close(f"irq{self.cpu}")
        return body

    def set_interrupts(self, off: bool) -> Block:
        if off == self.irqs_off:
            return []
        self.irqs_off = off
        grace = self.lowered.uses_rcu
        if off:
            return [*([self.call("rcu_read_lock")] if grace else []), *self.interrupts_off()]
        return [*self.interrupts_on(), *([self.call("rcu_read_unlock")] if grace else [])]

    def interruptible(self, statement: Statement) -> Block:
        """One access: with IRQs on it is a section of its own."""
        if self.irqs_off:
            return [statement]
        return [*self.interrupts_off(), statement, *self.interrupts_on()]

    # Statements

    def block(self, statements: Sequence[Statement]) -> Block:
        return [lowered for statement in statements for lowered in self.statement(statement)]

    def statement(self, statement: Statement) -> Block:
        self.line, self.text = statement.line, statement.text
        match statement:
            case If():
                return self.branch(statement)
            case Loop():
                return self.loop(statement)
            case Evaluate(Call(function)) if function in CALLS:
                return self.extension(statement.expression)  # type: ignore[arg-type]
            case Assign(register, value):
                before, value = self.apart(value, keep=True)
                self.locals.add(register)
                return before + self.access(Assign(register, value, statement.line, statement.text), value)
            case Store(address, value):
                before, address = self.apart(address)
                more, value = self.apart(value)
                return (
                    before + more + self.interruptible(Store(address, value, statement.line, statement.text))
                )
            case Evaluate(expression):
                before, expression = self.apart(expression, keep=True)
                return before + self.access(Evaluate(expression, statement.line, statement.text), expression)

    def access(self, statement: Statement, expression: Expression) -> Block:
        """A statement with at most one access, in a section of its own if it has one."""
        from patchscan.lkmm.dialect.primitives import PRIMITIVES

        calls = calls_in(expression)
        for call in calls:
            self.waiting.note(call, self.line, self.irqs_off)
        primitive = PRIMITIVES.get(calls[-1].function) if calls else None
        is_fence = primitive is not None and primitive.action in _NO_ACCESS
        if is_fence or (not calls and not _dereferences(expression)):
            return [statement]
        return self.interruptible(statement)

    def apart(self, expression: Expression, keep: bool = False) -> tuple[Block, Expression]:
        """The accesses inside the expression as assignments of their own; `keep` leaves the outermost one."""
        before: Block = []
        match expression:
            case Call(function, arguments, line):
                if function == "cpumask_test_cpu":
                    return self.apart(self.mask_test(expression), keep)
                plain = []
                for argument in arguments:
                    inner = argument.address if isinstance(argument, Dereference) else argument
                    more, value = self.apart(inner)
                    before += more
                    plain.append(Dereference(value, line) if isinstance(argument, Dereference) else value)
                result: Expression = Call(function, tuple(plain), line)
            case Dereference(address, line):
                before, value = self.apart(address)
                result = Dereference(value, line)
            case Negation(operand):
                before, value = self.apart(operand)
                return before, Negation(value)
            case Operation(operator, left, right):
                if operator in ("&&", "||") and (calls_in(right) or _dereferences(right)):
                    raise LitmusError(
                        f"read before the test: the right side of {operator} is an access", self.line
                    )
                before, one = self.apart(left)
                more, other = self.apart(right)
                return before + more, Operation(operator, one, other)
            case _:
                return [], expression
        if keep:
            return before, result
        register = self.new_register("value")
        return [*before, *self.access(self.assign(register, result), result)], Name(register)

    def mask_test(self, call: Call) -> Expression:
        cpu, mask = call.arguments
        if not isinstance(cpu, Number) or not isinstance(mask, Name):
            raise LitmusError("cpumask_test_cpu() takes a constant CPU and the name of a mask", call.line)
        self.variable(f"{mask.name}_{cpu.value}")
        return Call("READ_ONCE", (mask_variable(mask.name, cpu.value),), call.line)

    def branch(self, statement: If) -> Block:
        before, condition = self.apart(statement.condition)
        state = self.state()
        then = self.block(statement.then)
        after = self.state()
        self.restore(state)
        otherwise = self.block(statement.otherwise)
        if self.state() != after:
            raise LitmusError(
                "IRQs or sections are left differently by the two sides of this if", statement.line
            )
        return [*before, If(condition, tuple(then), tuple(otherwise), statement.line, statement.text)]

    def loop(self, statement: Loop) -> Block:
        if any(
            call.function in CALLS and call.function not in IRQ_CALLS for call in calls_in(statement.body)
        ):
            raise LitmusError("IPIs, flushes and TLB fills in a loop must be written out", statement.line)
        state = self.state()
        before, condition = self.apart(statement.condition)
        body = self.block(statement.body)
        again, _ = self.apart(statement.condition)
        if self.state() != state:
            raise LitmusError("IRQs are left differently by a round of this loop", statement.line)
        repeated = _repeat(before, again)
        lowered = Loop(condition, (*body, *repeated), statement.body_first, statement.line, statement.text)
        return [lowered] if statement.body_first else [*before, lowered]

    def state(self) -> tuple[bool, dict[str, bool], dict[str, str], list[str]]:
        return self.irqs_off, dict(self.saved), dict(self.open), list(self.waiting.locks)

    def restore(self, state: tuple[bool, dict[str, bool], dict[str, str], list[str]]) -> None:
        self.irqs_off, self.saved, self.open = state[0], dict(state[1]), dict(state[2])
        self.waiting.locks = list(state[3])

    # The extension

    def extension(self, call: Call) -> Block:
        name = call.function
        if name in IRQ_CALLS:
            return self.interrupt_call(call)
        if name in IPI_CALLS or name in FLUSH_CALLS:
            return lower_request(self, request_of(self.lowered.litmus, self.thread, call))
        if name == "call_rcu":
            handler = call.arguments[0]
            if not isinstance(handler, Name) or handler.name not in self.lowered.litmus.handlers:
                raise LitmusError("call_rcu() takes the name of a function in this file", call.line)
            return lower_request(self, Request(((-1, None),), handler.name, False, ("rcu",), False))
        if name in ("cpumask_set_cpu", "cpumask_clear_cpu"):
            return self.mask_write(call)
        return self.tlb_call(call)

    def interrupt_call(self, call: Call) -> Block:
        name = call.function
        if name in ("local_irq_disable", "local_irq_enable"):
            return self.set_interrupts(name == "local_irq_disable")
        flags = call.arguments[-1]
        if not isinstance(flags, Name):
            raise LitmusError(f"{name}() takes the name of the flags", call.line)
        lock = [self.call("spin_lock", call.arguments[0])] if len(call.arguments) == 2 else []
        unlock = [self.call("spin_unlock", call.arguments[0])] if len(call.arguments) == 2 else []
        if name in ("local_irq_save", "raw_spin_lock_irqsave"):
            self.saved[flags.name] = self.irqs_off
            return self.set_interrupts(True) + self.block(lock)
        if flags.name not in self.saved:
            raise LitmusError(f"{flags.name} was never saved", call.line)
        return self.block(unlock) + self.set_interrupts(self.saved.pop(flags.name))

    def mask_write(self, call: Call) -> Block:
        cpu, mask = call.arguments
        if not isinstance(cpu, Number) or not isinstance(mask, Name):
            raise LitmusError(f"{call.function}() takes a constant CPU and the name of a mask", call.line)
        self.variable(f"{mask.name}_{cpu.value}")
        value = Number(int(call.function == "cpumask_set_cpu"))
        return self.interruptible(self.call("WRITE_ONCE", mask_variable(mask.name, cpu.value), value))

    def tlb_call(self, call: Call) -> Block:
        name = call.function
        if name == "mmu_notifier_invalidate":
            return [self.call("synchronize_srcu", self.domain(device_domain(call.arguments[0], call.line)))]
        domain = f"tlb{self.cpu}"
        if name.startswith("device"):
            domain = device_domain(call.arguments[0], call.line)
        if domain not in self.lowered.waited:
            return []
        if name.endswith("fill"):
            return [] if domain in self.open else self.open_section(domain)
        return self.close(domain) if domain in self.open else []


def _repeat(before: Block, again: Block) -> Block:
    """The reads of a loop's condition, once more into the same registers."""
    registers = [statement.register for statement in before if isinstance(statement, Assign)]
    others = [statement.register for statement in again if isinstance(statement, Assign)]
    names = dict(zip(others, registers, strict=True))
    return [_renamed(statement, names) for statement in again]


def _renamed(statement: Statement, names: dict[str, str]) -> Statement:
    if isinstance(statement, Assign):
        return Assign(names[statement.register], statement.value, statement.line, statement.text)
    if isinstance(statement, Evaluate) and isinstance(statement.expression, Call):
        arguments = tuple(
            Name(names.get(a.name, a.name)) if isinstance(a, Name) else a
            for a in statement.expression.arguments
        )
        call = Call(statement.expression.function, arguments, statement.line)
        return Evaluate(call, statement.line, statement.text)
    return statement


def _dereferences(expression: Expression) -> bool:
    match expression:
        case Dereference():
            return True
        case Negation(operand):
            return _dereferences(operand)
        case Operation(_, left, right):
            return _dereferences(left) or _dereferences(right)
    return False
