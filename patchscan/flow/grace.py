"""The waits for readers under RCU that a change takes away."""

from collections.abc import Collection, Iterator
from typing import Literal

from patchscan.basics.nameset import Names
from patchscan.basics.pattern import pattern
from patchscan.basics.record import frozen
from patchscan.c.source import Function, source_of
from patchscan.flow.resources import freeing

# They put off what they free, or wait themselves, until no reader is left that may have found it.
_FREES_LATER = Names("k{,v}free_rcu{,_mightsleep}")
_CALLS_LATER = Names("call_{,s}rcu{,_hurry,_tasks,_tasks_trace}")
_WAITS = Names(
    "synchronize_{rcu,srcu}{,_expedited} synchronize_net synchronize_rcu_tasks{,_trace} {,s}rcu_barrier"
)
# A line that brings one of these may wait in another way, and one that loses one makes readers otherwise.
_BRINGS = pattern(r"\w*(?:rcu|RCU|synchronize_|percpu_ref|flush_|freeze)\w*")
_READS = pattern(r"rcu_read_\w+|srcu_read_\w+|rcu_dereference\w*|\w+_for_each_entry\w*_rcu\w*")
_GIVES = pattern(r"free|put|release|destroy|exit|drop")

Kind = Literal["frees", "calls", "waits"]


@frozen
class Hurried:
    """What a function did after a grace period, by a call on line `old`, and does at once on line `place`.

    what: what it frees, the callback, or the call that waited.
    """

    kind: Kind
    what: str
    by: str
    old: int
    place: int


def brings_another(added: Collection[str], removed: Collection[str]) -> bool:
    """Whether a patch may wait in another way, or takes its readers away, too."""
    return any(_BRINGS.fullmatch(word) for word in added) or any(_READS.fullmatch(word) for word in removed)


def hurried(
    function: Function, before: Function, gone: Collection[int], new: Collection[int]
) -> Iterator[Hurried]:
    """The waits of a function that go; gone: the lines that a change takes away; new: those that it brings."""
    for call in before.calls():
        if call.line not in gone or not call.name:
            continue
        if call.name in _FREES_LATER and call.arguments:
            what = before.source.text_of(call.arguments[0])
            place = _freed(function, what, new)
            if place:
                yield Hurried("frees", what, call.name, call.line, place)
        elif call.name in _CALLS_LATER and len(call.arguments) == 2:
            callback = before.source.text_of(call.arguments[1])
            place = _done(function, before, callback)
            if place:
                yield Hurried("calls", callback, call.name, call.line, place)
        elif call.name in _WAITS and call.name not in function.identifiers:
            yield Hurried("waits", call.name, call.name, call.line, 0)


def _freed(function: Function, what: str, new: Collection[int]) -> int:
    """The new line on which a function frees something at once, 0 for none."""
    return next(
        (
            call.line
            for call in function.calls()
            if call.line in new
            and call.name in freeing()
            and call.arguments
            and function.source.text_of(call.arguments[0]) == what
        ),
        0,
    )


def _done(function: Function, before: Function, callback: str) -> int:
    """The line on which a function now calls a callback, or what gives back in it, of a file that had it, or 0."""
    found = source_of(before).function_named(callback)
    known = {call.name for call in before.calls()}
    called = {callback} | {call.name for call in (found.calls() if found is not None else ())}
    return next(
        (
            call.line
            for call in function.calls()
            if call.name in called - known and (call.name == callback or _GIVES.search(call.name))
        ),
        0,
    )
