"""What is given back twice, or by a function that is for something else."""

from collections.abc import Collection, Iterable, Iterator

from patchscan.basics.pattern import pattern
from patchscan.c.source import source_of
from patchscan.flow.actions import Assigned, Called, words_of
from patchscan.flow.behind import before
from patchscan.flow.freed import uses_after_free
from patchscan.flow.graph import Graph
from patchscan.flow.heeding import AfterCall, Token, Words
from patchscan.flow.knowing import Reading
from patchscan.flow.resources import by_call, freeing, releasing
from patchscan.flow.rounds import same_elements as same_elements
from patchscan.flow.signs import ANY
from patchscan.flow.taking import Resource, resources
from patchscan.flow.ways import ways_of

_MANAGED = pattern(r"devm_(k[zmc]alloc(_array)?|kcalloc|kmemdup|kstrdup|kasprintf)")


def freed_twice(graph: Graph, lines: Collection[int] | None = None) -> Iterator[tuple[str, str, int, int]]:
    """(what, by which call, first line, second line) of the memory that is freed twice; lines: as uses_after_free()."""
    for each in uses_after_free(graph, lines=lines):
        if each.again:
            yield each.key, each.by, each.origin, each.line


def given_twice(graph: Graph, lines: Collection[int] | None = None) -> Iterator[tuple[str, str, int, int]]:
    """(key, call, first line, second line) of the locks and references that are given back twice on one way.

    lines: one of which is to stand behind where it was taken, None: any.
    """
    is_before = before(graph, lines)
    calls = {call.offset: number for number, call in graph.calls}
    for resource in resources(graph):
        if resource.row.kind in ("lock", "reference") and not resource.named and not resource.loops:
            if not _may_be_given_twice(graph, resource):
                continue
            if not any(is_before(calls[offset]) for offset, _ in resource.sites):
                continue
            from patchscan.flow.holding import followed

            found = followed(graph, resource)
            if found.complete and not found.client.loose:
                for (first, second), name in found.client.twice.items():
                    if first != second:
                        yield resource.key, name, first, second


def _may_be_given_twice(graph: Graph, resource: Resource) -> bool:
    """Whether two calls give such a thing back, or say that it is not held."""
    row = resource.row
    gives = row.release | row.wrong | {"lockdep_assert_not_held"}
    return len(graph.calls_of(gives)) > 1


def given_wrongly(graph: Graph) -> Iterator[tuple[str, str, int, int, str]]:
    """(variable, what would give it back, line taken, line given, by which call) where something else does."""
    # How it is given back depends on what it is found to be.
    asked = {each for _, call in graph.calls if call.name == "is_vmalloc_addr" for each in call.arguments}
    for point in graph.points:
        for call in point.operations:
            if isinstance(call, Called) and call.sure and call.result:
                row = by_call().get(call.name)
                if call.result in asked:
                    continue
                managed = _MANAGED.fullmatch(call.name) is not None
                if not managed and call.result not in graph.locals:
                    continue
                if managed or (row is not None and row.kind == "memory" and call.name in row.calls):
                    client = _Wrongly(
                        graph, call, row.release if row is not None else frozenset(("devm_kfree",))
                    )
                    if ways_of(graph).walk(client).complete:
                        shown = row.shown if row is not None else "devm_kfree"
                        for line, name in client.found.items():
                            yield call.result, f"{shown}()", call.line, line, f"{name}()"


def given_to_device(graph: Graph) -> Iterator[tuple[str, str, int, int]]:
    """(key, call, line where it was handed over, line given) of what is given back although a device does so.

    devm_add_action_or_reset() runs its action itself where it fails, and when the device goes away.
    """
    for _, call in graph.calls:
        if call.name == "devm_add_action_or_reset" and len(call.arguments) == 3 and call.sure:
            client = _Handed(graph, call)
            if client.releases and ways_of(graph).walk(client).complete:
                yield from ((call.arguments[2], name, call.line, line) for line, name in client.found.items())


class _Handed(AfterCall):
    """Follows what an action of a device gives back to another call that does the same."""

    heeds = ()

    def __init__(self, graph: Graph, call: Called) -> None:
        super().__init__(call)
        self.key = call.arguments[2]
        self.releases = _releases_of(graph, call.arguments[1])
        self.found: dict[int, str] = {}

    def start(self) -> Token:
        return ""

    def called(self, call: Called, token: Token, facts: Reading) -> Iterable[tuple[Token, int]]:
        if call.offset == self.call.offset:
            return (("handed", ANY),)
        if (
            token
            and call.name in self.releases
            and self.key in call.arguments
            and call.sure
            and not facts.coarse
        ):
            self.found.setdefault(call.line, call.name)
            return ()
        return ((token, ANY),)

    def assigned(self, operation: Assigned, token: Token, signs: int, facts: Reading) -> Token:
        return None if token and operation.key == self.key else token


def _releases_of(graph: Graph, action: str) -> frozenset[str]:
    """What an action calls: itself, and what the one call of its definition in the same file gives back."""
    own = source_of(graph.function).function_named(action.lstrip("&"))
    calls = [call.name for call in own.calls()] if own is not None else []
    only = calls[0] if len(calls) == 1 and calls[0] in releasing() else ""
    return frozenset((action.lstrip("&"), only)) - {""}


class _Wrongly(AfterCall):
    """Follows what a call returned to a call that gives back something else."""

    heeds = ()
    outs = False

    def __init__(self, graph: Graph, call: Called, release: frozenset[str]) -> None:
        super().__init__(call)
        self.words = frozenset(words_of(call.result))
        self.function = graph.function
        self.release = release
        self.found: dict[int, str] = {}

    def start(self) -> Token:
        return ""

    def named(self, token: Token) -> Words | None:
        return ((self.words if token else self.awaited,),) if self.words else None

    def called(self, call: Called, token: Token, facts: Reading) -> Iterable[tuple[Token, int]]:
        if call.offset == self.call.offset:
            return (("taken", ANY),)
        at = freeing().get(call.name, 0)
        if not token or call.arguments[at : at + 1] != (self.call.result,):
            return ((token, ANY),)
        if call.name in self.release:
            return ()
        if source_of(self.function).function_named(call.name) is not None:
            # Who defines how something is given back may make it in other ways.
            return ()
        if call.name in releasing() and any(row.kind == "memory" for row in releasing()[call.name]):
            if call.sure and not facts.coarse:
                self.found.setdefault(call.line, call.name)
            return ()
        return ((token, ANY),)

    def assigned(self, operation: Assigned, token: Token, signs: int, facts: Reading) -> Token:
        again = token and operation.key == self.call.result and operation.value.copy != f"@{self.call.offset}"
        return None if again else token
