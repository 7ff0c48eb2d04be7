"""The context a statement runs in: interrupts, preemption, RCU and locks, each True, False or None for unknown."""

from collections.abc import Iterator, Mapping

from patchscan.basics.record import field, frozen, replace
from patchscan.flow.depth import DEEP, UNKNOWN_FACT, Depth, Fact
from patchscan.flow.effects import (
    ATOMIC_LOCKS,
    RT_SLEEPING_LOCKS,
    Effect,
)


@frozen
class Lock:
    """A lock: kind ("mutex", "spin", "raw_spin", "rwlock", "local_lock", "rwsem", ...; "lock" when only asserted),
    name as the code spells it without "&" ("pool->lock"), and the line that took it."""

    kind: str
    name: str
    line: int


@frozen
class State:
    """What is known where a statement begins.

    irqs_off, preempt_off: on every kernel configuration, PREEMPT_RT included; irqs_off_not_rt, preempt_off_not_rt: on
    one without PREEMPT_RT, where a spinlock_t, too, disables preemption and its _irq variants interrupts.
    held, dropped: locks taken here, and those dropped that were not taken here (True: on every path).
    """

    irq: Fact = UNKNOWN_FACT
    irq_rt: Fact = UNKNOWN_FACT
    preempt: Depth = Depth()
    bottom_halves: Depth = Depth()
    rcu: Depth = Depth()
    srcu: Depth = Depth()
    migration: Depth = Depth()
    held: Mapping[tuple[str, str], Depth] = field(default_factory=dict)
    dropped: Mapping[tuple[str, str], bool] = field(default_factory=dict)
    saved: Mapping[str, tuple[Fact, Fact]] = field(default_factory=dict)
    guards: tuple["Guard", ...] = ()

    @property
    def irqs_off_not_rt(self) -> bool | None:
        return self.irq.value

    @property
    def irqs_off(self) -> bool | None:
        return self.irq.value if self.irq.value is self.irq_rt.value else None

    @property
    def preempt_off_not_rt(self) -> bool | None:
        """Whether the task cannot be preempted, whatever the reason."""
        return self._any(
            self.irq.value, self.preempt.value, self.bottom_halves.value, *self._held_values(ATOMIC_LOCKS)
        )

    @property
    def preempt_off(self) -> bool | None:
        raw = self._held_values(ATOMIC_LOCKS - RT_SLEEPING_LOCKS)
        on_rt = self._any(self.irq_rt.value, self.preempt.value, *raw)
        return on_rt if on_rt is self.preempt_off_not_rt else None

    @property
    def migration_off(self) -> bool | None:
        """Whether the task stays on this CPU; a spinlock_t sees to that on PREEMPT_RT, too."""
        return self._any(self.preempt_off_not_rt, self.migration.value)

    @property
    def bh_off(self) -> bool | None:
        """Whether bottom halves cannot run on this CPU."""
        return self._any(self.irqs_off, self.bottom_halves.value)

    @property
    def in_rcu(self) -> bool | None:
        """Inside rcu_read_lock(); a preempt-off region counts as a reader too, but is asked for apart."""
        return self.rcu.value

    @property
    def in_srcu(self) -> bool | None:
        return self.srcu.value

    @property
    def may_sleep(self) -> bool | None:
        """False under anything that forbids sleeping, on PREEMPT_RT or without; True where all is known absent."""
        atomic = self._any(self.preempt_off_not_rt, self.rcu.value)
        return None if atomic is None else not atomic

    @property
    def locks(self) -> tuple[Lock, ...]:
        """The locks held for certain, in the order of their lines."""
        held = (Lock(kind, name, depth.line) for (kind, name), depth in self.held.items() if depth.low > 0)
        return tuple(sorted(held, key=lambda lock: (lock.line, lock.name)))

    @property
    def maybe_locks(self) -> tuple[Lock, ...]:
        """The locks held on some of the paths that lead here."""
        held = (Lock(kind, name, depth.line) for (kind, name), depth in self.held.items() if depth.low == 0)
        return tuple(sorted(held, key=lambda lock: (lock.line, lock.name)))

    def evidence(self, what: str) -> int:
        """The line that makes irqs_off, preempt_off, bh_off, in_rcu, ... (or may_sleep not) hold; 0: the entry."""
        if what == "may_sleep":
            return (
                self.evidence("in_rcu")
                if self.preempt_off_not_rt is not True and self.rcu.value
                else self._atomic()
            )
        if what.startswith("preempt_off"):
            return self._atomic()
        return {
            "irqs_off": self.irq.line,
            "irqs_off_not_rt": self.irq.line,
            "bh_off": self.bottom_halves.line if self.bottom_halves.value else self.irq.line,
            "in_rcu": self.rcu.line,
            "in_srcu": self.srcu.line,
        }[what]

    def _atomic(self) -> int:
        """The line of what disables preemption here, the innermost reason last taken."""
        lines = [
            depth.line for (kind, _), depth in self.held.items() if kind in ATOMIC_LOCKS and depth.low > 0
        ]
        lines += [depth.line for depth in (self.preempt, self.bottom_halves) if depth.value]
        lines += [self.irq.line] if self.irq.value else []
        return max(lines, default=self.irq.line)

    def _held_values(self, kinds: frozenset[str]) -> Iterator[bool | None]:
        for (kind, _), depth in self.held.items():
            if kind in kinds:
                yield True if depth.low else None

    @staticmethod
    def _any(*values: bool | None) -> bool | None:
        if True in values:
            return True
        return None if None in values else False


@frozen
class Guard:
    """What the end of the scope undoes."""

    effect: Effect
    lock: str
    flags: str


UNKNOWN = State()
_NOT = Depth()
_ON, _OFF = Fact(False), Fact(True)
PROCESS = State(_ON, _ON, Depth(base=False), Depth(base=False), Depth(base=False))
ATOMIC = State(_OFF, _OFF, Depth(base=True), Depth(base=True), Depth(base=True))
IRQS_OFF = State(_OFF, _OFF, Depth(base=True))
IRQS_OFF_NOT_RT = State(irq=_OFF)
PREEMPT_OFF = State(preempt=Depth(base=True))
BOTTOM_HALF = State(bottom_halves=Depth(base=True))
RCU_READER = State(rcu=Depth(base=True))


def merge(first: State | None, second: State | None) -> State | None:
    """What holds where two paths meet; None is a path that cannot be."""
    if first is None or second is None or first == second:
        return second if first is None else first
    return State(
        first.irq.merge(second.irq),
        first.irq_rt.merge(second.irq_rt),
        first.preempt.merge(second.preempt),
        first.bottom_halves.merge(second.bottom_halves),
        first.rcu.merge(second.rcu),
        first.srcu.merge(second.srcu),
        first.migration.merge(second.migration),
        _merge_held(first.held, second.held),
        {
            key: first.dropped.get(key, False) and second.dropped.get(key, False)
            for key in sorted({*first.dropped, *second.dropped})
        },
        _merge_saved(first.saved, second.saved),
        first.guards if len(first.guards) <= len(second.guards) else second.guards,
    )


def widen(before: State | None, again: State | None) -> State | None:
    """What holds where a path leads back: like merge, but what grows with every round is unbounded at once."""
    merged = merge(before, again)
    if before is None or merged is None or merged == before:
        return merged
    return replace(
        merged,
        preempt=_unbounded(before.preempt, merged.preempt),
        bottom_halves=_unbounded(before.bottom_halves, merged.bottom_halves),
        rcu=_unbounded(before.rcu, merged.rcu),
        srcu=_unbounded(before.srcu, merged.srcu),
        migration=_unbounded(before.migration, merged.migration),
        held={key: _unbounded(before.held.get(key, Depth()), depth) for key, depth in merged.held.items()},
    )


def _unbounded(before: Depth, after: Depth) -> Depth:
    return replace(after, high=DEEP) if after.high > before.high > 0 else after


def _merge_held(
    first: Mapping[tuple[str, str], Depth], second: Mapping[tuple[str, str], Depth]
) -> dict[tuple[str, str], Depth]:
    return {key: first.get(key, _NOT).merge(second.get(key, _NOT)) for key in sorted({*first, *second})}


def _merge_saved(
    first: Mapping[str, tuple[Fact, Fact]], second: Mapping[str, tuple[Fact, Fact]]
) -> dict[str, tuple[Fact, Fact]]:
    return {
        name: (first[name][0].merge(second[name][0]), first[name][1].merge(second[name][1]))
        for name in sorted(first.keys() & second.keys())
    }


def apply(state: State, effect: Effect, lock: str, flags: str, line: int) -> State:
    """The state after a call with this effect; lock, flags: names of the lock and of the saved flags."""
    if effect.op == "assert":
        return _assert(state, effect, lock, line)
    state = _switch_irqs(state, effect, flags, line)
    if effect.lock:
        state = _take(state, effect, lock, line)
    return replace(
        state,
        preempt=state.preempt.change(effect.preempt, line),
        bottom_halves=state.bottom_halves.change(effect.bottom_halves, line),
        rcu=state.rcu.change(effect.rcu, line),
        srcu=state.srcu.change(effect.srcu, line),
        migration=state.migration.change(effect.migration, line),
    )


def _switch_irqs(state: State, effect: Effect, flags: str, line: int) -> State:
    if not effect.irq:
        return state
    if effect.irq == "restore":
        irq, irq_rt = state.saved.get(flags, (UNKNOWN_FACT, UNKNOWN_FACT))
        saved = {name: facts for name, facts in state.saved.items() if name != flags}
        return replace(state, irq=irq, irq_rt=irq_rt if effect.on_rt else state.irq_rt, saved=saved)
    if effect.irq == "save":
        state = replace(state, saved={**state.saved, flags: (state.irq, state.irq_rt)})
    fact = Fact(effect.irq != "on", line)
    if effect.irq == "save" and state.irq.value:
        fact = state.irq
    return replace(state, irq=fact, irq_rt=fact if effect.on_rt else state.irq_rt)


def _take(state: State, effect: Effect, lock: str, line: int) -> State:
    """The state after a lock is taken or dropped; one dropped that was not taken here is remembered."""
    key = (effect.lock, lock)
    held = dict(state.held)
    if effect.op == "acquire":
        held[key] = held.get(key, Depth()).enter(line)
        return replace(state, held=held)
    held.pop(("lock", lock), None)
    if key not in held:
        for other in [other for other in held if other[0] == effect.lock]:
            held[other] = replace(held[other], low=0)
        return replace(state, held=held, dropped={**state.dropped, key: True})
    depth = held[key].leave()
    if depth.high:
        held[key] = depth
    else:
        del held[key]
    return replace(state, held=held)


def _assert(state: State, effect: Effect, lock: str, line: int) -> State:
    """What holds after an assertion; one that contradicts what is known changes nothing."""
    if effect.irq:
        fact = Fact(effect.irq == "off", line)
        irq = fact if state.irq.value is None else state.irq
        irq_rt = fact if state.irq_rt.value is None else state.irq_rt
        state = replace(state, irq=irq, irq_rt=irq_rt)
    state = replace(
        state,
        preempt=state.preempt.asserted(_sign(effect.preempt), line),
        bottom_halves=state.bottom_halves.asserted(_sign(effect.bottom_halves), line),
        rcu=state.rcu.asserted(_sign(effect.rcu), line),
    )
    if effect.lock and not any(name == lock and depth.low for (_, name), depth in state.held.items()):
        # It was held on entry: a caller who hears of it must not take it for one taken here.
        state = replace(state, held={**state.held, (effect.lock, lock): Depth(1, 1, True, line)})
    return state


def _sign(change: int) -> bool | None:
    return None if change == 0 else change > 0


def sleeping_point(state: State, line: int) -> State:
    """What is known after a call that may sleep: nothing forbids it, unless something is known to."""
    if state.may_sleep is False or any(depth.low == 0 for depth in state.held.values()):
        return state
    irqs_on = Effect("assert", irq="on", preempt=-1, bottom_halves=-1, rcu=-1)
    return _assert(state, irqs_on, "", line)


def forget_context(state: State) -> State:
    """After a call that may take or drop locks or switch interrupts: what was certain is so no more."""
    return replace(
        state,
        irq=UNKNOWN_FACT,
        irq_rt=UNKNOWN_FACT,
        preempt=replace(state.preempt, low=0, base=None),
        bottom_halves=replace(state.bottom_halves, low=0, base=None),
        rcu=replace(state.rcu, low=0, base=None),
        held={key: replace(depth, low=0) for key, depth in state.held.items()},
    )


def lock_name(text: str) -> str:
    """An expression without white space, its parentheses and its first "&": `&pool->lock` -> pool->lock."""
    name = "".join(text.split())
    while name.startswith("(") and name.endswith(")") and name.count("(") == 1:
        name = name[1:-1]
    return name.lstrip("&*")
