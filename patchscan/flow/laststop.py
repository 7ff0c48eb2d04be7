"""What a file gave back or stopped before a change, and nowhere after it, although it is still taken or started."""

from collections.abc import Collection, Iterator, Mapping, Sequence
from functools import lru_cache

from patchscan.basics.ourtables import read_table
from patchscan.basics.pattern import pattern
from patchscan.basics.record import frozen
from patchscan.c.source import Call, Function, Source
from patchscan.flow.resources import releasing, takes_named, words_of_names

_CALL = pattern(r"\b(\w+)\s*\(")
_WORD = pattern(r"[A-Za-z_]\w*")
_ENDS = pattern(
    r"(\w*_)?(remove|exit|destroy|release|teardown|free|disconnect|fini|detach|shutdown|cleanup|close|uninit|deinit|"
    r"unregister|unbind|stop|del|delete|dtor)(_\w*)?"
)

# What is told by the call alone.
DEVICE = "the device"


@frozen
class LastStop:
    """A call that gave back or stopped what `key` names, on line `old`; taken: the line that takes or starts it now."""

    name: str
    key: str
    old: int
    by: str
    taken: int
    taker: str
    left: str = ""


def last_stops(
    before: Source, after: Source, gone: Collection[int], words: Collection[str], others: Collection[str]
) -> Iterator[LastStop]:
    """What a file ceases to give back, or to wait for.

    gone: the lines of before that are taken away; words: those on new lines of the patch; others: those on lines that
    are taken away and give nothing back.
    """
    seen = set()
    for function in before.functions():
        if not any(function.first_line <= line <= function.last_line for line in gone):
            continue
        for call in function.calls():
            takers = takers_of(call.name) if call.line in gone else frozenset()
            key = key_of(function, call) if takers and _is_alone(function, call) else ""
            if not key or key in others or (call.name, key) in seen or is_given(after, call.name, key):
                continue
            seen.add((call.name, key))
            left = _stopped_without_wait(after, function.name, call.name, key)
            found = _taken(after, takers, key) if left or key not in words else None
            if found is not None and not _is_drained(after, function.name, call.name):
                yield LastStop(call.name, key, call.line, function.name, found.line, found.name, left)


@frozen
class Runner:
    """Calls that make something ready to run, those after which it runs no more, and those that do not wait for it."""

    started: frozenset[str]
    stopped: frozenset[str]
    asked: frozenset[str]
    whole_device: bool = False


@lru_cache(maxsize=1)
def _runners() -> Mapping[str, Runner]:
    """The runner of each call after which something runs no more, or that asks for it."""
    table = read_table("words.toml")["runs"]
    assert isinstance(table, dict)
    rows = [
        Runner(
            frozenset(each["started"]),
            frozenset(each["stopped"]),
            frozenset(each["asked"]),
            bool(each.get("whole_device")),
        )
        for each in table.values()
    ]
    return {name: row for row in rows for name in (*row.stopped, *row.asked)}


def runner_of(name: str) -> Runner | None:
    """What a call stops that runs by itself, None for other calls."""
    return _runners().get(name)


@lru_cache(maxsize=1024)
def takers_of(name: str) -> frozenset[str]:
    """The calls that take what a call gives back: by the tables, else by its name."""
    runner = _runners().get(name)
    if runner is not None:
        return runner.started if name in runner.stopped else frozenset()
    rows = [row for row in releasing().get(name, ()) if row.kind != "lock"]
    if rows:
        return frozenset(call for row in rows for call in row.calls)
    return frozenset() if name in releasing() else takes_named(name)


def gives(text: str) -> bool:
    """Whether a line calls something that gives back."""
    ends = words_of_names("ends")
    return any(takers_of(name) or not ends.isdisjoint(name.split("_")) for name in _CALL.findall(text))


def key_of(function: Function, call: Call) -> str:
    """The name that tells what a call gives back: the last member of its arguments, or a variable of the file."""
    if call.name in _runners() and _runners()[call.name].whole_device:
        return DEVICE
    local = {each.name for each in (*function.locals, *function.parameters)}
    found = ""
    for argument in call.arguments:
        words: Sequence[str] = _WORD.findall(function.source.text_of(argument))
        if argument.type == "call_expression" or not words or words[-1].isupper():
            continue
        if len(words) > 1 and words[-1] not in ("dev", "kobj"):
            found = words[-1]
        elif len(words) == 1 and words[0] not in local:
            found = words[0]
    return found


def _is_alone(function: Function, call: Call) -> bool:
    """Whether nobody uses what a call returns."""
    parent = function.parent_of(call.node)
    return parent is not None and parent.type == "expression_statement"


def is_given(source: Source, name: str, key: str) -> bool:
    """Whether a text gives something back by a call of that name, or of one that does the same."""
    same = {name} | (_runners()[name].stopped if name in _runners() else set())
    for row in releasing().get(name, ()):
        same |= row.release
    return any(
        call.name in same and _tells(key, _WORD.findall(function.source.text_of(call.node)))
        for function in source.functions()
        if _tells(key, function.identifiers)
        for call in function.calls()
    )


def _tells(key: str, words: Collection[str]) -> bool:
    return key == DEVICE or key in words


def _taken(source: Source, takers: Collection[str], key: str) -> Call | None:
    """A call that takes something and stands in one statement with its name."""
    for function in source.functions():
        for call in function.calls() if _tells(key, function.identifiers) else ():
            statement = function.statement_of(call.node) if call.name in takers else None
            if statement is not None and _tells(key, _WORD.findall(function.source.text_of(statement))):
                return call
    return None


def _stopped_without_wait(source: Source, function: str, name: str, key: str) -> str:
    """The call by which a function that ends something now stops it, without waiting for what runs; "" for none."""
    found = source.function_named(function)
    if found is None or not _ENDS.fullmatch(function):
        return ""
    return next(
        (
            call.name
            for call in found.calls()
            if name in _runners()
            and call.name in _runners()[name].asked
            and key in _WORD.findall(source.text_of(call.node))
        ),
        "",
    )


def _is_drained(source: Source, function: str, name: str) -> bool:
    """Whether a function destroys a queue, which waits for its work, though not for what is to begin later."""
    found = source.function_named(function)
    works = name in _runners() and "_work" in name and "delayed" not in name
    return works and found is not None and "destroy_workqueue" in found.identifiers
