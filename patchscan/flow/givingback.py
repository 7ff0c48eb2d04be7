"""What is given back twice, or by a function that is for something else."""

from collections.abc import Iterable, Iterator

from patchscan.basics.pattern import pattern
from patchscan.flow.actions import Assigned, Called
from patchscan.flow.graph import Graph
from patchscan.flow.holding import Follower
from patchscan.flow.knowing import Reading
from patchscan.flow.resources import by_call, releasing
from patchscan.flow.signs import ANY
from patchscan.flow.taking import resources
from patchscan.flow.ways import AfterCall, Token, ways_of

_MANAGED = pattern(r"devm_(k[zmc]alloc(_array)?|kcalloc|kmemdup|kstrdup|kasprintf)")


def given_twice(graph: Graph) -> Iterator[tuple[str, str, int, int]]:
    """(key, call, first line, second line) of the locks and references that are given back twice on one way."""
    for resource in resources(graph):
        if resource.row.kind in ("lock", "reference") and not resource.named and not resource.loops:
            client = Follower(graph, resource)
            if ways_of(graph).walk(client).complete and not client.loose:
                for (first, second), name in client.twice.items():
                    yield resource.key, name, first, second


def given_wrongly(graph: Graph) -> Iterator[tuple[str, str, int, int, str]]:
    """(variable, what would give it back, line taken, line given, by which call) where something else does."""
    for point in graph.points:
        for call in point.operations:
            if isinstance(call, Called) and call.result in graph.locals and call.sure:
                row = by_call().get(call.name)
                managed = _MANAGED.fullmatch(call.name) is not None
                if managed or (row is not None and row.kind == "memory" and call.name in row.calls):
                    client = _Wrongly(call, row.release if row is not None else frozenset(("devm_kfree",)))
                    if ways_of(graph).walk(client).complete:
                        shown = row.shown if row is not None else "devm_kfree"
                        for line, name in client.found.items():
                            yield call.result, f"{shown}()", call.line, line, f"{name}()"


class _Wrongly(AfterCall):
    """Follows what a call returned to a call that gives back something else."""

    def __init__(self, call: Called, release: frozenset[str]) -> None:
        super().__init__(call)
        self.release = release
        self.found: dict[int, str] = {}

    def start(self) -> Token:
        return ""

    def called(self, call: Called, token: Token, facts: Reading) -> Iterable[tuple[Token, int]]:
        if call.offset == self.call.offset:
            return (("taken", ANY),)
        if not token or self.call.result not in call.arguments:
            return ((token, ANY),)
        if call.name in self.release:
            return ()
        if call.name in releasing() and any(row.kind == "memory" for row in releasing()[call.name]):
            if call.sure and not facts.coarse:
                self.found.setdefault(call.line, call.name)
            return ()
        return ((token, ANY),)

    def assigned(self, operation: Assigned, token: Token, signs: int, facts: Reading) -> Token:
        again = token and operation.key == self.call.result and operation.value.copy != f"@{self.call.offset}"
        return None if again else token
