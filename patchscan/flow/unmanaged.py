"""What went with a device, and is taken by a plain call after a change, while nothing gives it back."""

from collections.abc import Collection, Iterator

from patchscan.basics.nameset import Names
from patchscan.basics.pattern import pattern
from patchscan.basics.record import frozen
from patchscan.c.source import Function, Source
from patchscan.flow.laststop import is_given, runner_of
from patchscan.flow.resources import by_call
from patchscan.flow.taking import releases_of

_WORD = pattern(r"[A-Za-z_]\w*")
# Calls that start what the device stops, by what would stop it.
_STOPPED = {
    "devm_work_autocancel": "cancel_work_sync",
    "devm_delayed_work_autocancel": "cancel_delayed_work_sync",
}
_VERBS = Names("unregister put free release remove disable del delete destroy exit cleanup unmap")


@frozen
class Unmanaged:
    """What `managed` took or started on line `old`, and `plain` does on line `taken`.

    release: what would undo it, "" where only its name tells that something would.
    """

    managed: str
    plain: str
    old: int
    taken: int
    release: str


def unmanaged(
    before: Source, after: Source, gone: Collection[int], new: Collection[int]
) -> Iterator[Unmanaged]:
    """What a file takes no longer for as long as its device; gone: the lines that go; new: those that come."""
    words = None
    for function in before.functions():
        lost = [each for each in function.calls() if each.line in gone and each.name.startswith("devm_")]
        now = after.function_named(function.name) if lost else None
        if now is None:
            continue
        words = words or frozenset(_WORD.findall(after.code.decode("utf-8", "replace")))
        for call in lost:
            found = _started(now, after, call.name, new) or _taken(now, words, call.name, new)
            if found is not None:
                yield Unmanaged(call.name, found[0], call.line, found[1], found[2])


def _started(now: Function, after: Source, name: str, new: Collection[int]) -> tuple[str, int, str] | None:
    """(call, line, what would stop it) of what a function starts by itself where the device stopped it."""
    stop = _STOPPED.get(name, "")
    runner = runner_of(stop)
    for call in now.calls() if runner is not None else ():
        if runner is not None and call.name in runner.started and call.line in new and call.arguments:
            key = _WORD.findall(now.source.text_of(call.arguments[0]))[-1]
            return None if is_given(after, stop, key) else (call.name, call.line, stop)
    return None


def _taken(
    now: Function, words: Collection[str], name: str, new: Collection[int]
) -> tuple[str, int, str] | None:
    """(call, line, what would give it back) of a plain call where the managed one stood."""
    plain = name.removeprefix("devm_")
    wanted = frozenset(releases_of(plain))
    for call in now.calls():
        if call.line not in new or call.name.startswith("devm_"):
            continue
        own = frozenset(releases_of(call.name))
        if not own or (call.name != plain and own != wanted):
            continue
        if own.isdisjoint(words) and (
            call.name in by_call() or not any(_undoes(own, word) for word in words)
        ):
            return call.name, call.line, min(own) if call.name in by_call() else ""
    return None


def _undoes(releases: Collection[str], word: str) -> bool:
    """Whether a word may undo what one of some calls would: it has a verb of theirs, and the first of their words."""
    parts = word.split("_")
    return any(
        each.split("_")[0] in parts and any(verb in _VERBS and verb in parts for verb in each.split("_"))
        for each in releases
    )
