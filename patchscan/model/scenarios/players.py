"""Which functions can play a role by what they call: those that a series touches, and those of the files it names."""

import re
from collections.abc import Container, Iterator, Mapping, Sequence
from fnmatch import fnmatchcase
from functools import lru_cache
from itertools import chain, islice

from patchscan.basics.keep import kept
from patchscan.basics.pattern import pattern
from patchscan.basics.record import replace
from patchscan.c.function import Function
from patchscan.c.source import Source, parse
from patchscan.changedfile import ChangedFile
from patchscan.codebase.sources import Read
from patchscan.model.scenarios.scenario import Role, Scenario
from patchscan.tree.overlay import PatchState

# What a pattern asks of a word beside letters: between these a word has letters as they are.
_WILD = pattern(r"\*|\?|\[.*\]")
_MOST = 3
# How deep calls within a file are followed.
_DEPTH = 3


def with_players(scenario: Scenario, states: Sequence[PatchState], read: Read) -> Scenario:
    """The scenario with the functions added to its roles that play them by what they call.

    read: the code after the series. Of each file that a role names the first such function, be it one that no longer
    calls all of it, then those that the series touches. Of roles with the same functions all get the same.
    """
    if not any(role.calls for role in scenario.roles):
        return scenario
    return replace(scenario, roles=tuple(_with_players(role, states, read) for role in scenario.roles))


def _with_players(role: Role, states: Sequence[PatchState], read: Read) -> Role:
    if not role.calls:
        return role
    found = dict.fromkeys((*role.functions, *_within(role, states, read)))
    touched = [each for each in dict.fromkeys(_touched(role, states, read)) if each not in found]
    return replace(role, functions=(*found, *touched[:_MOST]))


def _touched(role: Role, states: Sequence[PatchState], read: Read) -> Iterator[tuple[str, str]]:
    """The functions that the series touches and that call what the role asks for, as the series leaves them."""
    for state in states:
        for file in (ChangedFile(each) for each in state.files):
            names = {function.name for function in file.functions} if file.is_c else set()
            text = read(file.path) if names else None
            if text is not None:
                source = _parsed(text, file.path)
                yield from ((name, file.path) for name in players(role, source, names))


def plays(scenario: Scenario, state: PatchState) -> bool:
    """Whether a patch changes, in a file that a role names, a function that plays the role or is called by one."""
    for file in state.files:
        roles = [role for role in scenario.roles if role.calls and file.change.path in role.within]
        names = {function.name for function in ChangedFile(file).functions} if roles else set()
        for text in (file.before, file.after) if names else ():
            source = _parsed(text or b"", file.change.path)
            if any(names & _reached(source, player) for role in roles for player in players(role, source)):
                return True
    return False


def _within(role: Role, states: Sequence[PatchState], read: Read) -> Iterator[tuple[str, str]]:
    """The first player of each file that a role names: one stands for all, for what they call is the same.

    Who played it before the series comes first: what a series takes from it may be just what was asked for.
    """
    for path in role.within:
        text = read(path)
        if text is None:
            continue
        start = states[0].start if states else None
        before = start.read(path) if start is not None else None
        source = _parsed(text, path)
        changed = before is not None and before != text and not role.still
        earlier = players(role, _parsed(before or b"", path)) if changed else ()
        own = _functions(source)
        names = chain((name for name in earlier if name in own), players(role, source))
        yield from ((name, path) for name in islice(names, 1))


@lru_cache(maxsize=8)
def _parsed(text: bytes, path: str) -> Source:
    return parse(text, path)


def players(role: Role, source: Source, among: Container[str] | None = None) -> Iterator[str]:
    """The functions of a file that call a name of each set, themselves or through functions of the file none of which
    does so alone; in the order of the file. among: None for all of them, else those that are wanted."""
    wanted = [_meant(source, names) for names in role.calls]
    if not all(any(name.encode() in source.code for name in names) for names in wanted):
        return

    def fits(name: str) -> bool:
        words = _reached_words(source, name)
        return not any(each.isdisjoint(words) for each in wanted)

    for name in _functions(source) if among is None else filter(among.__contains__, _functions(source)):
        if fits(name) and not any(fits(other) for other in _reached(source, name) - {name}):
            yield name


@kept
def _functions(source: Source) -> Mapping[str, tuple[Function, ...]]:
    """The functions of a file by name, in the order of the file."""
    own: dict[str, tuple[Function, ...]] = {}
    for function in source.functions():
        # Under #if and #else one name stands twice.
        own[function.name] = (*own.get(function.name, ()), function)
    own.pop("", None)
    return own


@kept
def _words(source: Source, name: str) -> frozenset[str]:
    """The identifiers of a function of a file."""
    return frozenset().union(*(each.identifiers for each in _functions(source)[name]))


@kept
def _reached(source: Source, name: str) -> frozenset[str]:
    """A function of a file and those of the file that it calls, and so on."""
    own = _functions(source)
    found = last = {name}
    for _ in range(_DEPTH):
        last = {callee for each in last for callee in _words(source, each) & own.keys()} - found
        found = found | last
    return frozenset(found)


@kept
def _reached_words(source: Source, name: str) -> frozenset[str]:
    """The identifiers of a function of a file and of those that it reaches."""
    return frozenset().union(*(_words(source, each) for each in _reached(source, name)))


@kept
def _meant(source: Source, names: frozenset[str]) -> frozenset[str]:
    """Some names, with words of a file in place of those that are patterns."""
    plain = frozenset(name for name in names if "*" not in name)
    found = (word for name in names - plain for word in _words_like(source, name))
    return plain.union(found)


def _words_like(source: Source, wanted: str) -> Iterator[str]:
    """The words of a file that a pattern fits, those that are no identifiers among them."""
    piece = max(_WILD.split(wanted), key=len)
    words = {word.decode() for word in re.findall(rb"\w*%b\w*" % piece.encode(), source.code)}
    return (word for word in words if fnmatchcase(word, wanted))
