"""IPIs, flushes and call_rcu() -> plain statements and helper threads; see domains.py."""

from __future__ import annotations

from patchscan.lkmm.dialect.litmus_syntax import (
    Assign,
    Call,
    Dereference,
    Expression,
    If,
    LitmusError,
    Name,
    Number,
    Statement,
    Thread,
)
from patchscan.lkmm.dialect.printing import expression_text
from patchscan.lkmm.domains.caller import Caller
from patchscan.lkmm.domains.domains import CALLS, Request, calls_in, register_is
from patchscan.lkmm.domains.waits import Site

Block = list[Statement]
Targets = list[tuple[int, Expression | None]]


def lower_request(caller: Caller, request: Request) -> Block:
    """What the caller does, helper threads being added to the program; asks all targets, then waits for
    all.
    """
    body: Block = []
    targets: Targets = []
    for cpu, condition in request.targets:
        if cpu == caller.cpu:
            body += _to_self(caller, request, condition)
        else:
            before, test = _read_mask(caller, condition)
            body += before
            targets.append((cpu, test))
    if request.wait and "irq" in request.domains and targets:
        names = ", ".join(str(cpu) for cpu, _ in targets)
        caller.wait(f"waits for CPU {names} to take an IPI", {f"irq {cpu}" for cpu, _ in targets})
    if len(targets) == 1 and request.wait and request.handler is None:
        cpu, test = targets[0]
        waits = [caller.call("synchronize_srcu", caller.domain(f"{kind}{cpu}")) for kind in request.domains]
        return body + when(test, waits, caller.line)
    return body + _ask_together(caller, request, targets)


def _read_mask(caller: Caller, condition: Expression | None) -> tuple[Block, Expression | None]:
    """A mask in memory is read CPU by CPU."""
    if condition is None:
        return [], None
    if isinstance(condition, Call) and isinstance(condition.arguments[0], Dereference):
        place = condition.arguments[0].address
        if isinstance(place, Name):
            caller.variable(place.name)
    return caller.apart(condition)


def _to_self(caller: Caller, request: Request, condition: Expression | None) -> Block:
    """A request to oneself is a function call and orders nothing; a flush drops one's own translations."""
    own = f"tlb{caller.cpu}"
    if "tlb" in request.domains:
        return caller.close(own) if own in caller.open and condition is None else []
    if request.handler is None or not request.includes_self:
        return []
    before, test = _read_mask(caller, condition)
    was_off = caller.irqs_off
    body = caller.set_interrupts(True)
    body += inlined(caller, request.handler)
    body += caller.set_interrupts(was_off)
    return before + when(test, body, caller.line)


def inlined(caller: Caller, name: str) -> Block:
    """The statements of a handler, as a part of the caller."""
    handler = _handler(caller, name)
    for parameter, declaration in zip(handler.parameters, handler.declarations, strict=True):
        caller.parameters.setdefault(parameter, declaration)
    caller.locals |= handler.locals
    return list(handler.body)


def _handler(caller: Caller, name: str) -> Thread:
    handler = caller.lowered.litmus.handlers[name]
    if any(call.function in CALLS for call in calls_in(handler.body)):
        raise LitmusError(f"handler {name} may not use IRQs, IPIs or TLBs itself", handler.line)
    return handler


def _ask_together(caller: Caller, request: Request, targets: Targets) -> Block:
    asks: Block = []
    waits: Block = []
    for cpu, test in targets:
        number = caller.lowered.requests
        caller.lowered.requests += 1
        asked, done, answer = f"ask{number}", f"done{number}", f"answer{number}"
        ask = caller.call("smp_store_release", caller.variable(asked), Number(1))
        asks += when(test, [ask], caller.line)
        if request.wait:
            read = Call("smp_load_acquire", (caller.variable(done),), caller.line)
            waits += when(test, [caller.assign(answer, read)], caller.line)
            caller.start.append(Assign(answer, Number(1), caller.thread.line, f"{answer} = 1"))
            caller.lowered.filters.append(register_is(caller.cpu, answer, 1))
        caller.lowered.helpers.append(_Helper(caller, request, cpu).thread(asked, done))
    return asks + waits


class _Helper:
    """The thread that stands for what one request does on one CPU."""

    def __init__(self, caller: Caller, request: Request, cpu: int) -> None:
        self.caller, self.request, self.cpu = caller, request, cpu
        self.parameters: dict[str, str] = {}
        self.locals = {"asked"}

    def thread(self, asked: str, done: str) -> Thread:
        """Wait to be asked, wait for the sections, run the handler, answer."""
        line = self.caller.line
        ask = Call("smp_load_acquire", (self.shared(asked),), line)
        work: Block = [self._wait(kind) for kind in self.request.domains]
        if self.request.handler is not None:
            work += self._handler(self.request.handler)
        if self.request.wait:
            work.append(self.caller.call("smp_store_release", self.shared(done), Number(1)))
        body = (
            Assign("asked", ask, line, f"asked = smp_load_acquire({asked})"),
            If(Name("asked"), tuple(work), (), line, "if (asked)"),
        )
        names, declarations = tuple(self.parameters), tuple(self.parameters.values())
        return Thread(-1, names, frozenset(self.locals), body, line, declarations)

    def shared(self, name: str, kind: str = "int") -> Expression:
        self.parameters.setdefault(name, f"{kind} *{name}")
        return Name(name)

    def _wait(self, kind: str) -> Statement:
        if kind == "rcu":
            return self.caller.call("synchronize_rcu")
        return self.caller.call("synchronize_srcu", self.shared(f"{kind}{self.cpu}", "struct srcu_struct"))

    def _handler(self, name: str) -> Block:
        """The handler, kept out of the sections of its CPU by the lock that they hold."""
        handler = _handler(self.caller, name)
        for parameter, declaration in zip(handler.parameters, handler.declarations, strict=True):
            self.parameters.setdefault(parameter, declaration)
        self.locals |= handler.locals
        if self.cpu < 0:
            return list(handler.body)
        self._note_locks(handler)
        lock = self.shared(f"cpu{self.cpu}", "spinlock_t")
        return [self.caller.call("spin_lock", lock), *handler.body, self.caller.call("spin_unlock", lock)]

    def _note_locks(self, handler: Thread) -> None:
        for call in calls_in(handler.body):
            if call.function in ("spin_lock", "raw_spin_lock"):
                target = expression_text(call.arguments[0])
                doing, lock = f"spins on {target} in an IPI handler", frozenset((f"lock {target}",))
                holds = frozenset((f"irq {self.cpu}",))
                self.caller.lowered.sites.append(Site(self.cpu, call.line, doing, lock, holds, True, True))


def when(condition: Expression | None, body: Block, line: int) -> Block:
    """`if (condition) { body }`, or the body where there is no condition."""
    if condition is None or not body:
        return body
    return [If(condition, tuple(body), (), line, f"if ({expression_text(condition)})")]
