"""What a caller needs to know of a function: one level, computed from its definition."""

from functools import cache

from patchscan.basics.pattern import pattern
from patchscan.basics.record import replace
from patchscan.c.conditions import Macro
from patchscan.c.source import Call, Function, Source
from patchscan.flow.callee import CalleeSummary
from patchscan.flow.calleffects import Summaries
from patchscan.flow.certain import certain_call
from patchscan.flow.depth import Depth
from patchscan.flow.effects import effect_of, may_change_context
from patchscan.flow.flowstates import FlowStates, states
from patchscan.flow.sleeping import sleeps
from patchscan.flow.state import ATOMIC, PROCESS, State, merge

FREES = frozenset(
    {
        "consume_skb",
        "folio_put",
        "free_netdev",
        "free_page",
        "free_pages",
        "free_percpu",
        "kfree",
        "kfree_const",
        "kfree_rcu",
        "kfree_sensitive",
        "kfree_skb",
        "kmem_cache_free",
        "kvfree",
        "kvfree_rcu",
        "kvfree_sensitive",
        "put_page",
        "vfree",
    }
)
_ALLOCATES = pattern(r"kv?[mzc]alloc\w*|kmemdup\w*|kstrdup\w*|kmem_cache_z?alloc\w*|v[mz]alloc\w*|alloc_p\w+")
_WORD = pattern(r"\w+")


def local_summaries(source: Source) -> Summaries:
    """Summaries of the functions defined in a text, each made when it is first asked for.

    A name defined twice, as under #ifdef and #else, may do either: its summary is not certain. Nor is that of a macro
    that takes or drops a lock or switches interrupts.
    """

    @cache
    def look_up(name: str) -> CalleeSummary | None:
        found = [function for function in source.functions() if function.name == name]
        if len(found) > 1:
            return CalleeSummary(name, (), certain=False)
        if not found and any(each.name == name and _changes_context(each) for each in source.macros()):
            return CalleeSummary(name, (), certain=False)
        return summarise(found[0]) if found else None

    return look_up


def _changes_context(macro: Macro) -> bool:
    """Whether what a macro stands for calls something that changes the context, by the names in it."""
    words = _WORD.findall(macro.body)
    return any(effect_of(word) is not None or may_change_context(word) for word in words)


def summarise(function: Function, summaries: Summaries | None = None) -> CalleeSummary | None:
    """The summary of a whole function; None when it could not be walked.

    The function is walked from a context in which everything is off and from one in which all is on: what comes
    out the same either way is its own doing, what comes out as it went in was left alone.
    """
    if not function.whole:
        return None
    from_atomic, from_process = (states(function, entry, summaries) for entry in (ATOMIC, PROCESS))
    if not (from_atomic.complete and from_process.complete):
        return None
    off, on = _end(from_atomic), _end(from_process)
    parameters = tuple(parameter.name for parameter in function.parameters)
    sleeping = [call for call in function.calls() if sleeps(call.name, _texts(function, call))]
    certain = certain_call(function, (), sleeps, summaries)
    shown = certain or (sleeping[0] if sleeping else None)
    summary = CalleeSummary(
        function.name,
        parameters,
        True if sleeping else _surely_awake(function),
        certain is not None,
        (shown.line, shown.name) if shown else None,
        may_return_null=_may_return_null(function),
        frees=_frees(function, parameters),
    )
    return summary if off is None or on is None else _with_context(summary, off, on)


def _with_context(summary: CalleeSummary, off: State, on: State) -> CalleeSummary:
    """The summary with what the exit states tell of locks, interrupts and depths."""
    irq, irq_known = _change(on.irqs_off_not_rt, off.irqs_off_not_rt)
    irq_rt, irq_rt_known = _change(on.irq_rt.value, off.irq_rt.value)
    depths = [(on.preempt, off.preempt), (on.bottom_halves, off.bottom_halves), (on.rcu, off.rcu)]
    preempt, bottom_halves, rcu = (_depth_change(first, second) for first, second in depths)
    return replace(
        summary,
        acquires=tuple(
            (lock.kind, lock.name) for lock in on.locks if on.held[lock.kind, lock.name].base is None
        ),
        releases=tuple(key for key, certain in on.dropped.items() if certain),
        certain=irq_known
        and irq_rt_known
        and not on.maybe_locks
        and all(on.dropped.values())
        and all(first.low == first.high for first, _ in depths),
        irqs_off=irq_rt,
        irqs_off_not_rt=irq,
        preempt=preempt,
        bottom_halves=bottom_halves,
        rcu=rcu,
    )


def _end(flow: FlowStates) -> State | None:
    end: State | None = None
    for state in flow.exits:
        end = merge(end, state)
    return end


def _change(from_on: bool | None, from_off: bool | None) -> tuple[bool | None, bool]:
    """What a flag is on return, None when it was left alone; and whether that is known."""
    if from_on is False and from_off is True:
        return None, True
    if from_on is not None and from_on is from_off:
        return from_on, True
    return None, False


def _depth_change(from_on: Depth, from_off: Depth) -> int:
    """How much deeper it is on return; a callee that leaves what its caller entered leaves one level."""
    if from_on.low:
        return from_on.low
    return -1 if from_off.base is None else 0


def _texts(function: Function, call: Call) -> tuple[str, ...]:
    return tuple(function.source.text_of(argument) for argument in call.arguments)


def _surely_awake(function: Function) -> bool | None:
    """False when no call in it can sleep, None when some callee is unknown."""
    known = all(sleeps(call.name, _texts(function, call)) is False for call in function.calls())
    return False if known else None


def _may_return_null(function: Function) -> bool | None:
    """True when it returns NULL somewhere, or what an allocator gave; False when it returns no pointer."""
    type_and_stars = function.header.partition(function.name)[0]
    if "*" not in type_and_stars:
        return False
    for node in function.nodes("return_statement"):
        text = function.source.text_of(node).removeprefix("return").rstrip(";").strip()
        if text == "NULL" or (_ALLOCATES.match(text) and "(" in text):
            return True
    return None


def _frees(function: Function, parameters: tuple[str, ...]) -> tuple[int, ...]:
    """Which of its arguments it hands to a function that frees them."""
    freed = set()
    for call in function.calls():
        texts = _texts(function, call)
        index = 1 if call.name == "kmem_cache_free" else 0
        if call.name in FREES and index < len(texts) and texts[index] in parameters:
            freed.add(parameters.index(texts[index]))
    return tuple(sorted(freed))
