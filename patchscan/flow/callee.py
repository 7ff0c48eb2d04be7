"""What a caller needs to know of a function that it calls: a value."""

from patchscan.basics.pattern import pattern
from patchscan.basics.record import frozen, replace
from patchscan.flow.depth import Depth, Fact
from patchscan.flow.state import State, forget_context, lock_name, merge, sleeping_point

_WORD = pattern(r"\w+")


@frozen
class CalleeSummary:
    """What a call of the function does to its caller's context. Three-valued: None is unknown.

    may_sleep: True when some path sleeps, at the line and in the function named by sleeps_at; always_sleeps: it
    does whenever it is called (see patchscan.flow.certain). acquires, releases: (kind, name) of the locks held, or
    dropped, on return, named by its parameters; certain: False when that, or the context below, differs from path
    to path. irqs_off: interrupts on return, None where they are as they were; preempt, bottom_halves, rcu: change
    of depth. frees: arguments, by index.
    """

    name: str
    parameters: tuple[str, ...]
    may_sleep: bool | None = None
    always_sleeps: bool = False
    sleeps_at: tuple[int, str] | None = None
    acquires: tuple[tuple[str, str], ...] = ()
    releases: tuple[tuple[str, str], ...] = ()
    certain: bool = True
    irqs_off: bool | None = None
    irqs_off_not_rt: bool | None = None
    preempt: int = 0
    bottom_halves: int = 0
    rcu: int = 0
    may_return_null: bool | None = None
    frees: tuple[int, ...] = ()

    @property
    def leaves_alone(self) -> bool:
        """Whether a call leaves its caller's state as it is."""
        return self.certain and not (
            self.always_sleeps
            or self.acquires
            or self.releases
            or self.irqs_off is not None
            or self.irqs_off_not_rt is not None
            or self.preempt
            or self.bottom_halves
            or self.rcu
        )

    def apply(self, state: State, arguments: tuple[str, ...], line: int) -> State:
        """The caller's state after a call with these arguments."""
        state = sleeping_point(state, line) if self.always_sleeps else state
        held = dict(state.held)
        for kind, name in self.releases:
            held = _drop(held, kind, rename(name, self.parameters, arguments))
        for kind, name in self.acquires:
            key = (kind, rename(name, self.parameters, arguments))
            held[key] = held.get(key, Depth()).enter(line)
        after = replace(
            state,
            irq=state.irq if self.irqs_off_not_rt is None else Fact(self.irqs_off_not_rt, line),
            irq_rt=state.irq_rt if self.irqs_off is None else Fact(self.irqs_off, line),
            preempt=state.preempt.change(self.preempt, line),
            bottom_halves=state.bottom_halves.change(self.bottom_halves, line),
            rcu=state.rcu.change(self.rcu, line),
            held=held,
        )
        return after if self.certain else _uncertain(state, after)


def _drop(held: dict[tuple[str, str], Depth], kind: str, name: str) -> dict[tuple[str, str], Depth]:
    """The locks held without one; when it is not among them, those of its kind are held no more for certain."""
    if (kind, name) in held:
        return {key: depth for key, depth in held.items() if key != (kind, name)}
    return {key: replace(depth, low=0) if key[0] == kind else depth for key, depth in held.items()}


def _uncertain(before: State, after: State) -> State:
    """The state after a callee whose paths differ, or do something unknown: nothing certain is left."""
    return forget_context(merge(before, after) or after)


def rename(name: str, parameters: tuple[str, ...], arguments: tuple[str, ...]) -> str:
    """A lock named by a callee's parameter, as the caller names it: p->lock of f(&pool) is pool.lock."""
    match = _WORD.match(name)
    if match is None or match.group() not in parameters:
        return name
    index = parameters.index(match.group())
    if index >= len(arguments):
        return name
    argument, rest = "".join(arguments[index].split()), name[match.end() :]
    if argument.startswith("&") and rest.startswith("->"):
        return f"{argument[1:]}.{rest[2:]}"
    return lock_name(argument) + rest
