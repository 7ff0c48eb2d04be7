"""Which of its arguments a function frees on every way on which they are there."""

from collections.abc import Callable, Iterable

from patchscan.basics.keep import kept
from patchscan.basics.pattern import pattern
from patchscan.c.source import Function, Source, source_of
from patchscan.flow.actions import Assigned, Called, words_of
from patchscan.flow.building import graph_of
from patchscan.flow.heeding import Client, Token
from patchscan.flow.knowing import Reading
from patchscan.flow.resources import freeing, releasing
from patchscan.flow.signs import ANY, POSITIVE
from patchscan.flow.ways import ways_of

# Which arguments a call of this name frees, by their numbers.
Frees = Callable[[str], tuple[int, ...]]
FreesOfTree = Callable[[str, Source], tuple[int, ...]]
_DEEPEST = 2
_WORD = pattern(r"[A-Za-z_]\w*")
_FREES = pattern(r"\w*_(free|destroy|release|dealloc|delete|dispose|remove|kill)(_\w+)?")


class _Handed(Client):
    """Ends each way at the call that frees a parameter."""

    heeds = ()

    def __init__(self, name: str, frees: Frees) -> None:
        self.name = name
        self.frees = frees

    def called(self, call: Called, token: Token, facts: Reading) -> Iterable[tuple[Token, int]]:
        freed = call.sure and any(call.arguments[at : at + 1] == (self.name,) for at in self.frees(call.name))
        return () if freed else ((token, ANY),)


def freed_arguments(function: Function, frees: Frees) -> tuple[int, ...]:
    """The numbers of the parameters that a function frees whatever else it does; frees: what its callees do."""
    graph = graph_of(function) if any(frees(call.name) for call in function.calls()) else None
    if graph is None:
        return ()
    handed = {
        argument for _, call in graph.calls if call.sure and frees(call.name) for argument in call.arguments
    }
    changed = {each.key for point in graph.points for each in point.operations if isinstance(each, Assigned)}
    found = []
    for number, parameter in enumerate(function.parameters):
        if parameter.name in handed - changed and parameter.type.endswith("*"):
            walk = ways_of(graph).walk(_Handed(parameter.name, frees), ((parameter.name, POSITIVE),))
            if walk.complete and not walk.exits:
                found.append(number)
    return tuple(found)


def by_table(name: str) -> tuple[int, ...]:
    """What a call frees by the tables alone."""
    at = freeing().get(name)
    return () if at is None else (at,)


@kept
def frees_in(source: Source, name: str, depth: int = 0) -> tuple[int, ...]:
    """Which arguments a call in a text frees: by the tables, or by the one function that the text defines."""
    if name in freeing() or depth > _DEEPEST:
        return by_table(name)
    own = [each for each in source.functions() if each.name == name]

    def frees(called: str) -> tuple[int, ...]:
        return frees_in(source, called, depth + 1) if called else ()

    # Its words are cheap, and its calls are among them.
    if len(own) != 1 or not any(map(frees, _known_words(source, own[0]))):
        return ()
    return freed_arguments(own[0], frees)


def _known_words(source: Source, function: Function) -> list[str]:
    """The words in a function, but its own name, that the tables know or that name functions of its file."""
    words = set(_WORD.findall(function.text)) - {function.name}
    return sorted(word for word in words if word in freeing() or word in _names(source))


@kept
def _names(source: Source) -> frozenset[str]:
    return frozenset(each.name for each in source.functions())


def in_tree(function: Function, tree: FreesOfTree, words: frozenset[str] | None) -> Frees:
    """What the calls of a function free, as its text or the tree tells.

    tree: what it tells of a call that a text makes; words: it is only asked of calls that are given one of these.
    """
    local = in_text(function)
    source = source_of(function)
    known = {each.name for each in source.functions()}
    asked = {
        call.name
        for call in function.calls()
        if _FREES.fullmatch(call.name)
        and call.name not in known
        and call.name not in releasing()
        and (words is None or not words.isdisjoint(words_of(function.source.text_of(call.node))))
    }
    return lambda name: local(name) or (tree(name, source) if name in asked else ())


def in_text(function: Function) -> Frees:
    """What the calls of a function free, as its text tells."""
    source = source_of(function)
    return lambda name: frees_in(source, name) if name and name != function.name else ()
