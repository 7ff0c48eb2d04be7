"""The resources that a function takes: by the table, by loop macros, and by pairs of names that it calls itself."""

from collections import Counter
from collections.abc import Collection, Iterator, Mapping, Sequence
from functools import cached_property
from itertools import chain

from patchscan.basics.keep import kept
from patchscan.basics.pattern import pattern
from patchscan.basics.record import frozen
from patchscan.c.source import Function, source_of
from patchscan.flow.actions import Called, Round, root_of, words_of
from patchscan.flow.graph import Graph
from patchscan.flow.resources import Row, by_call, may_take, opposites, releasing, words_of_names

_PARTS = frozenset(("inc", "add"))
_VOID = pattern(r"\bvoid\b")
_BOOL = pattern(r"\bbool\b")


@frozen
class Resource:
    """Something that a function takes: key tells it, sites are the calls (by offset) -> the key of OUTCOMES.

    local: whether key is a variable of the function; handed: whether key begins with a parameter.
    """

    row: Row
    key: str
    sites: tuple[tuple[int, str], ...]
    loops: tuple[str, ...] = ()
    local: bool = False
    named: bool = False
    handed: bool = False

    @cached_property
    def counted(self) -> bool:
        """Whether it is a reference that is told by an argument of what took it."""
        words = (word for call in self.row.calls for word in call.split("_"))
        return self.named and not frozenset(("get", "hold")).isdisjoint(words)

    def concerned_by(self, words: Collection[str]) -> bool:
        """Whether one of these words names it, or what takes it or gives it back."""
        if not self.key:
            return True
        own = {*words_of(self.key), *self.row.calls, *self.row.release, *self.loops}
        return not own.isdisjoint(words)

    @property
    def identity(self) -> tuple[str, str]:
        """What tells it in another state of the function."""
        return self.row.shown, self.key


@kept
def keeping_calls(graph: Graph) -> tuple[Called, ...]:
    """The calls of a function whose names say that they keep what they are given."""
    return tuple(each for _, each in graph.calls if says_it_keeps(each))


def says_it_keeps(call: Called) -> bool:
    """Whether the name of a call says that it keeps what it is given."""
    return not words_of_names("keeps").isdisjoint(call.name.split("_"))


def takes_by(function: Function, words: frozenset[str] | None) -> bool:
    """Whether a function takes something on lines that hold one of some words; None: on any line."""
    return may_take(function) and (words is None or not words.isdisjoint(words_of_taking(function)))


def words_of_taking(function: Function) -> frozenset[str]:
    """The words on the lines that take or give back something, from the first to the last of the statement."""
    names = function.identifiers
    pairs = {each for word in names for each in opposites(word) if each in names and each != word}
    own = names & (by_call().keys() | releasing().keys())
    found: set[str] = set()
    for call in function.calls():
        if call.name in own or call.name in pairs or not pairs.isdisjoint(opposites(call.name)):
            node = function.statement_of(call.node) or call.node
            found.update(words_of(function.source.text_of(node)))
    return frozenset(found)


def resources(
    graph: Graph, known_calls: Collection[str] = (), given: Mapping[str, str] = {}
) -> Iterator[Resource]:
    """The resources that a function takes.

    known_calls: of the function in its other state, for pairs of names; given: variable -> the call of the table that
    gives back what it holds in either state, whoever made that.
    """
    calls = [each for point in graph.points for each in point.operations if isinstance(each, Called)]
    names = {each.name for each in calls} | set(known_calls)
    found: dict[tuple[str, str], list[tuple[Row, Called, str, bool]]] = {}
    for call in calls:
        row = by_call().get(call.name)
        if row is not None:
            key = _key_of(row, call)
            if key is not None:
                found.setdefault((row.shown, key), []).append((row, call, row.calls[call.name], False))
        elif call.name and call.result in given and call.result in graph.locals & graph.pointers:
            made = _made(call, given[call.result])
            found.setdefault((made.shown, call.result), []).append((made, call, "null or error", False))
        else:
            for each in _named(graph, call, names, calls):
                found.setdefault((each[0].shown, each[1]), []).append((each[0], call, each[2], True))
    parameters = {each.name for each in graph.function.parameters}
    for (_, key), sites in found.items():
        if "[" in key:
            # Which element it is changes in a loop.
            continue
        row = next((each for each, *_ in sites if each.held_on_failure), sites[0][0])
        local = key in graph.locals
        if all(call.sure for _, call, *_ in sites) and not (local and key in graph.freed):
            # A loop macro names what a later call may take under the same name.
            by_result = row.at is None
            groups = [[each] for each in sites] if by_result and local else [sites]
            for group in groups:
                offsets = tuple((call.offset, kind) for _, call, kind, _ in group)
                yield Resource(row, key, offsets, (), local, group[0][3], root_of(key) in parameters)
    rounds = {
        (each.macro, each.arguments)
        for point in graph.points
        for each in point.operations
        if isinstance(each, Round) and not each.ended
    }
    for macro, arguments in sorted(rounds):
        row = by_call().get(macro)
        at = row.loops.get(macro, -1) if row is not None else -1
        if row is not None and 0 <= at < len(arguments) and arguments[at] in graph.locals:
            yield Resource(row, arguments[at], (), (macro,), True)


def releases_of(taker: str) -> Collection[str]:
    """The calls that give back what a call takes: by the table, else by its name."""
    row = by_call().get(taker)
    return row.release if row is not None else opposites(taker)


def has_other_keys(graph: Graph, resource: Resource) -> bool:
    """Whether a function gives back what it takes under another name only, under which it takes nothing."""
    handed, others = _given_by(graph, frozenset(resource.row.calls), frozenset(resource.row.release))
    return others and resource.key != "" and resource.key not in handed


@kept
def _given_by(graph: Graph, take: frozenset[str], release: frozenset[str]) -> tuple[frozenset[str], bool]:
    """What is handed to calls that give back, and whether one is handed nothing that those are which take."""
    taken = {argument for each in graph.calls_of(take) for argument in each.arguments}
    given = [each.arguments for each in graph.calls_of(release)]
    return frozenset(chain.from_iterable(given)), any(taken.isdisjoint(each) for each in given)


def _made(call: Called, release: str) -> Row:
    """What any call returns whose result is given back by a call of the table."""
    row = releasing()[release][0]
    what = f"what {call.name}() returned"
    return Row(release, what, row.kind, None, {call.name: "null or error"}, row.release, shown=row.shown)


def given_back(before: Graph, after: Graph) -> Mapping[str, str]:
    """The variables of which a function gave back what the same calls still make, and does so less often.

    See resources().
    """
    counts = Counter(_given(before))
    counts.subtract(_given(after))
    return {
        variable: name
        for (variable, name), number in sorted(counts.items())
        if number > 0 and _makers(before, variable) >= _makers(after, variable)
    }


def _makers(graph: Graph, variable: str) -> frozenset[str]:
    return frozenset(call.name for _, call in graph.calls if call.result == variable)


def _given(graph: Graph) -> Iterator[tuple[str, str]]:
    for _, call in graph.calls:
        rows = releasing().get(call.name, ())
        if any(row.kind in ("memory", "reference") for row in rows):
            yield from ((each, call.name) for each in call.arguments[:1] if each in graph.locals)


def _key_of(row: Row, call: Called) -> str | None:
    if row.at is None:
        return call.result or None
    if row.at < 0:
        return ""
    if row.at >= len(call.arguments):
        return None
    key = call.arguments[row.at]
    return _pointed_to(key, row.member) if row.member else key


def _pointed_to(key: str, member: str) -> str | None:
    """What a call wrote where an argument points to: x of &x and member "*", args.np of &args and member "np"."""
    bare = key.removeprefix("&")
    if not bare.isidentifier():
        return None
    if member == "*":
        return bare if key != bare else f"*{bare}"
    return f"{bare}.{member}" if key != bare else f"{bare}->{member}"


def _named(
    graph: Graph, call: Called, names: Collection[str], calls: list[Called]
) -> Iterator[tuple[Row, str, str]]:
    """(row, key, outcome) of a call whose name has an opposite that the function calls, too."""
    if not call.name or not call.sure or call.name.startswith("trace_"):
        return
    give = next((each for each in opposites(call.name) if each in names and each != call.name), None)
    if give is None:
        return
    if call.result and call.result not in graph.locals:
        return
    given = [each.arguments for each in calls if each.name == give]
    kind = _returns(graph, call)
    if kind is None:
        return
    if (
        call.result in graph.pointers
        and kind == "null or error"
        and (not given or any(call.result in each for each in given))
    ):
        row = Row(give, "", "memory", None, {call.name: kind}, frozenset({give}), shown=give)
        yield row, call.result, kind
    elif call.arguments and (not given or any(_is_of_pair(call, each) for each in given)):
        if kind == "null or error":
            return
        row = Row(give, "", "state", 0, {call.name: kind}, frozenset({give}), shown=give)
        yield row, call.arguments[0], kind


def _is_of_pair(taker: Called, given: Sequence[str]) -> bool:
    """Whether one call gives back what another takes, by their arguments: all where parts are added or counted."""
    taken = taker.arguments
    parts = not _PARTS.isdisjoint(taker.name.split("_")) and len(taken) == len(given)
    return tuple(taken) == tuple(given) if parts else taken[:1] == given[:1]


def _returns(graph: Graph, call: Called) -> str | None:
    """How a call tells that it took nothing: by what the file defines, or by how its value is used."""
    own = source_of(graph.function).function_named(call.name)
    if own is not None:
        words = own.header.partition(call.name)[0]
        if "*" in words:
            return "null or error"
        if _VOID.search(words):
            return "acquire"
        return "try" if _BOOL.search(words) else "negative"
    if call.result:
        if call.result in graph.pointers:
            return "null or error"
        return "negative" if call.result.isidentifier() else None
    return None if f"@{call.offset}" in graph.tests else "acquire"
