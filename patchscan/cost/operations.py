"""The operations of a function, lowered as the models are, before anything is sliced away.

CPUs in the same state are not told apart: CPU 0 of the lowered code is the one that executes it, each further one
stands for all CPUs whose per-CPU variables hold the same values. So a program has the same size for any number of
CPUs, and executes as code lowered for all of them would, as long as a loop over CPUs does the same for equal ones.
"""

from collections.abc import Iterable, Mapping
from functools import cache

from patchscan.basics.record import field, frozen
from patchscan.codebase.code import Codebase
from patchscan.codebase.definition import Definition
from patchscan.model.lowering.abstract_values import Named, Register
from patchscan.model.lowering.environment import Environment
from patchscan.model.lowering.hiding import with_own_names
from patchscan.model.lowering.inlining import bind, run
from patchscan.model.lowering.lower_expressions import evaluate, location
from patchscan.model.lowering.lower_statements import lower_block
from patchscan.model.lowering.lowered import (
    Assign,
    Body,
    Branch,
    Choice,
    Deferred,
    Event,
    Fence,
    Hole,
    Read,
    Update,
    Wait,
    rewrite,
    walk,
)
from patchscan.model.lowering.memory import Context, Frame, Out
from patchscan.model.lowering.reach import Reach
from patchscan.model.lowering.stubs import Stubs

OWN_CPU = 0
SPACE = 1_000_003
"""What stands for the address space that a task works on; an execution puts the task's own in its place."""
RUNS_SPACE = "runs_space"
"""The per-CPU fact whether a CPU is in mm_cpumask() of that address space."""

_EFFECTS = frozenset({"wait", "free", "open", "fence"})
"""What makes a callee worth looking into."""
_ORDERED = frozenset({"smp_load_acquire", "smp_store_release"})
_MOST_STATES = 9
Weight = tuple[int, int, int, int]


@frozen
class Program:
    """One function's operations.

    states: how many states of other CPUs it can tell apart; looks_at: the per-CPU variables of other CPUs that it
    reads; assumptions: sentences; missing: calls that were not looked into, as "name() at path:line"; weights: which
    way costs more, where a run has to choose.
    """

    name: str
    body: Body
    states: int
    looks_at: tuple[str, ...]
    assumptions: tuple[str, ...]
    missing: tuple[str, ...]
    weights: "Weights" = field(default_factory=lambda: Weights(), compare=False)


def lower_program(
    name: str,
    path: str,
    code: Codebase,
    stubs: Stubs,
    choices: Mapping[str, int] | None = None,
    look_into: frozenset[str] = frozenset(),
    names: frozenset[str] = frozenset(),
) -> Program:
    """The program of a function; path "stubs/FILE" names one of a stub file.

    choices: conditions that are decided (see the stubs), by subject; look_into: functions whose code counts even
    where a stub of that name stands; names: variables that make a callee worth looking into, because another
    program looks at them. Raises ValueError when the function is not found.
    """
    definition = stubs.get(name) if path.startswith("stubs/") else code.function(name, path)
    if definition is None:
        raise ValueError(f"{path} has no function {name}")
    body, context = _lower(definition, 1, code, stubs, choices or {}, look_into, names)
    seen = _looks_at(body)
    states = min(_MOST_STATES, _combinations(seen))
    if states != 1:
        body, context = _lower(definition, states, code, stubs, choices or {}, look_into, names)
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
    names: frozenset[str],
) -> tuple[Body, Context]:
    """As lower_function() of lower_statements, every access kept, with mm_cpumask() as a mask of this machine."""
    cpus = tuple(range(states + 1))
    reach = Reach(code, stubs, _EFFECTS, names | _ORDERED)
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
    frame = Frame(context.next(), with_own_names(definition))
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
    weights = Weights()

    def change(event: Event) -> Iterable[Event]:
        if not isinstance(event, Choice):
            return (event,)
        if weights.of(event.then) != weights.of(event.otherwise):
            word = "true" if weights.costlier(event) else "false"
            at = f"{event.place.path}:{event.place.line}"
            taken.append(f"{' '.join(event.text.split())} ({at}) is {word}: the costlier way")
        return weights.chosen(event)

    return rewrite(body, change), taken


class Weights:
    """How much the costliest way through a body costs: waits, callbacks, fences and atomics, all events.

    One wait for several CPUs counts as one, so that the number of states does not tip the scale.
    """

    def __init__(self) -> None:
        self._known: dict[int, tuple[Body, Weight]] = {}
        self._chosen: dict[int, tuple[Branch | Choice, Body]] = {}

    def of(self, body: Body) -> Weight:
        """The weight; bodies are kept, so that an identity stays that of one body."""
        if id(body) not in self._known:
            self._known[id(body)] = body, self._weigh(body)
        return self._known[id(body)][1]

    def costlier(self, event: Branch | Choice) -> bool:
        """Whether the first arm costs more than the second."""
        return self.of(event.then) > self.of(event.otherwise)

    def chosen(self, event: Branch | Choice) -> Body:
        """The costlier arm, to execute where nothing decides.

        What the arms leave different is not known after it: a later question about it is open as well, so that
        an error that costs more on the spot does not end the function early.
        """
        if id(event) not in self._chosen:
            arms = (event.then, event.otherwise)
            arm, other = arms if self.costlier(event) else arms[::-1]
            same = {each for each in other if isinstance(each, Assign)}
            kept = tuple(each for each in arm if not isinstance(each, Assign) or each in same)
            self._chosen[id(event)] = event, kept
        return self._chosen[id(event)][1]

    def _weigh(self, body: Body) -> Weight:
        waits = deferred = fences = events = 0
        for event in body:
            if isinstance(event, (Branch, Choice)):
                more = max(self.of(event.then), self.of(event.otherwise))
                waits, deferred, fences, events = (
                    own + inner for own, inner in zip((waits, deferred, fences, events), more, strict=True)
                )
            waits += isinstance(event, Wait) and event.domain != "tlb" and event.cpu in (None, 1)
            deferred += isinstance(event, Deferred)
            fences += isinstance(event, (Fence, Update))
            events += 1
        return waits, deferred, fences, events
