"""The operations of a function, lowered as the models are, before anything is sliced away.

CPUs in the same state are not told apart: CPU 0 of the lowered code is the one that executes it, each further one
stands for all CPUs whose per-CPU variables hold the same values. So a program has the same size for any number of
CPUs, and executes as code lowered for all of them would, as long as a loop over CPUs does the same for equal ones.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import cache

from patchscan.model.code import Codebase, Definition
from patchscan.model.events import (
    Body,
    Branch,
    Choice,
    Event,
    Fence,
    Hole,
    Read,
    Update,
    Wait,
    rewrite,
    walk,
)
from patchscan.model.expressions import evaluate, location
from patchscan.model.inlining import bind, run
from patchscan.model.lower import lower_block
from patchscan.model.memory import Context, Environment, Frame, Out
from patchscan.model.reach import Reach
from patchscan.model.stubs import Stubs
from patchscan.model.values import Named, Register

OWN_CPU = 0
SPACE = 1_000_003
"""What stands for the address space that a task works on; an execution puts the task's own in its place."""
RUNS_SPACE = "runs_space"
"""The per-CPU fact whether a CPU is in mm_cpumask() of that address space."""

_EFFECTS = frozenset({"wait", "free", "open", "fence"})
"""What makes a callee worth looking into, besides a stub that is given a typed pointer."""
_MOST_STATES = 9


@dataclass(frozen=True)
class Program:
    """One function's operations.

    states: how many states of other CPUs it can tell apart; looks_at: the per-CPU variables of other CPUs that it
    reads; assumptions: sentences; missing: calls that were not looked into, as "name() at path:line".
    """

    name: str
    body: Body
    states: int
    looks_at: tuple[str, ...]
    assumptions: tuple[str, ...]
    missing: tuple[str, ...]


def lower_program(
    name: str,
    path: str,
    code: Codebase,
    stubs: Stubs,
    choices: Mapping[str, int] | None = None,
    look_into: frozenset[str] = frozenset(),
) -> Program:
    """The program of a function; path "stubs/FILE" names one of a stub file.

    choices: conditions that are decided (see the stubs), by subject; look_into: functions whose code counts even
    where a stub of that name stands. Raises ValueError when the function is not found.
    """
    definition = stubs.get(name) if path.startswith("stubs/") else code.function(name, path)
    if definition is None:
        raise ValueError(f"{path} has no function {name}")
    seen = _looks_at(_lower(definition, 1, code, stubs, choices or {}, look_into)[0])
    states = min(_MOST_STATES, _combinations(seen))
    body, context = _lower(definition, states, code, stubs, choices or {}, look_into)
    settled, taken = _settle(body)
    holes = [event for event in walk(settled) if isinstance(event, Hole)]
    return Program(
        name,
        settled,
        states,
        seen,
        tuple(sorted(context.assumptions | set(taken))),
        tuple(dict.fromkeys(f"{hole.name}() at {hole.place.path}:{hole.place.line}" for hole in holes)),
    )


def _lower(
    definition: Definition,
    states: int,
    code: Codebase,
    stubs: Stubs,
    choices: Mapping[str, int],
    look_into: frozenset[str],
) -> tuple[Body, Context]:
    """As patchscan.model.lower.lower_function(), every access kept, with mm_cpumask() as a mask of this machine."""
    cpus = tuple(range(states + 1))
    typed = {effect for effects in stubs.effects.values() for effect in effects if effect.startswith("<")}
    reach = Reach(code, stubs, _EFFECTS | typed, frozenset())
    context = Context(
        code,
        stubs,
        reach,
        OWN_CPU,
        cpus,
        None,
        {"struct mm_struct *": SPACE},
        look_into,
        lower_block,
        evaluate,
        location,
        choices,
    )
    out, env = Out(), Environment()
    for cpu in cpus:
        env[0, f"{RUNS_SPACE}[cpu {cpu}]"] = Register(f"{RUNS_SPACE}@{cpu}")
    frame = Frame(context.next(), definition)
    bind(context, frame, [], env)
    run(context, frame, env, out)
    return tuple(out), context


def _combinations(seen: tuple[str, ...]) -> int:
    """States to tell apart: a variable is 0, this task's address space (or set), or another one."""
    number = 1
    for name in seen:
        number *= 2 if name == RUNS_SPACE else 3
    return number


def per_cpu(event: Event) -> tuple[str, int] | None:
    """(variable, CPU) of an access to a per-CPU variable."""
    where = getattr(event, "location", None)
    return _split(where.name) if isinstance(where, Named) else None


@cache
def _split(location: str) -> tuple[str, int] | None:
    name, _, cpu = location.partition("@")
    return (name, int(cpu)) if cpu else None


def _looks_at(body: Body) -> tuple[str, ...]:
    """Per-CPU variables of other CPUs that are read, and mm_cpumask() where a branch asks for it."""
    found: set[str] = set()
    for event in walk(body):
        where = per_cpu(event) if isinstance(event, (Read, Update)) else None
        if where is not None and where[1] != OWN_CPU:
            found.add(where[0])
        if isinstance(event, Branch) and RUNS_SPACE in repr(event.condition):
            found.add(RUNS_SPACE)
    return tuple(sorted(found))


def _settle(body: Body) -> tuple[Body, list[str]]:
    """The body with each condition that nothing decides resolved to its costlier side, and what was taken."""
    taken: list[str] = []

    def change(event: Event) -> Iterable[Event]:
        if not isinstance(event, Choice):
            return (event,)
        then, otherwise = _weight(event.then), _weight(event.otherwise)
        if then != otherwise:
            word = "true" if then > otherwise else "false"
            at = f"{event.place.path}:{event.place.line}"
            taken.append(f"{' '.join(event.text.split())} ({at}) is {word}: the costlier way")
        return event.then if then > otherwise else event.otherwise

    return rewrite(body, change), taken


def _weight(body: Body) -> tuple[int, int, int]:
    """How much a path costs, the dearest first: waits, fences and atomics, all events."""
    waits = fences = 0
    for event in walk(body):
        waits += isinstance(event, Wait)
        fences += isinstance(event, (Fence, Update))
    return waits, fences, len(body)
