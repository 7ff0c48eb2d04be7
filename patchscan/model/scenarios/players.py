"""Which functions can play a role by what they call: those that a series touches, and those of the files it names."""

from collections.abc import Iterator, Mapping, Sequence
from fnmatch import fnmatchcase
from functools import lru_cache

from patchscan.basics.record import replace
from patchscan.c.source import Source, parse
from patchscan.changedfile import ChangedFile
from patchscan.codebase.sources import Read
from patchscan.model.scenarios.scenario import Role, Scenario
from patchscan.tree.overlay import PatchState

_MOST = 3
# How deep calls within a file are followed.
_DEPTH = 3
Words = Mapping[str, frozenset[str]]


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
                yield from (
                    (name, file.path) for name in players(role, _parsed(text, file.path)) if name in names
                )


def plays(scenario: Scenario, state: PatchState) -> bool:
    """Whether a patch changes, in a file that a role names, a function that plays the role or is called by one."""
    for file in state.files:
        roles = [role for role in scenario.roles if role.calls and file.change.path in role.within]
        names = {function.name for function in ChangedFile(file).functions} if roles else set()
        for text in (file.before, file.after) if names else ():
            source = _parsed(text or b"", file.change.path)
            own = _words(source)
            if any(names & _reached(player, own) for role in roles for player in players(role, source)):
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
        own = _words(source)
        changed = before is not None and before != text and not role.still
        earlier = players(role, _parsed(before or b"", path)) if changed else ()
        names = (*(name for name in earlier if name in own), *players(role, source))
        yield from ((name, path) for name in names[:1])


@lru_cache(maxsize=8)
def _parsed(text: bytes, path: str) -> Source:
    return parse(text, path)


def players(role: Role, source: Source) -> tuple[str, ...]:
    """The functions of a file that call a name of each set, themselves or through functions of the file none of which
    does so alone; in the order of the file."""
    own = _words(source)
    reached = {name: _reached(name, own) for name in own}
    words = {name: frozenset().union(*(own[each] for each in names)) for name, names in reached.items()}
    fit = {name for name in own if all(_calls(names, words[name]) for names in role.calls)}
    return tuple(name for name in own if name in fit and not (fit - {name}) & reached[name])


def _words(source: Source) -> Words:
    """The identifiers of each function of a file."""
    own: dict[str, frozenset[str]] = {}
    for function in source.functions():
        # Under #if and #else one name stands twice.
        own[function.name] = own.get(function.name, frozenset()) | function.identifiers
    own.pop("", None)
    return own


def _reached(name: str, own: Words) -> frozenset[str]:
    """A function and those of its file that it calls, and so on."""
    found = last = {name}
    for _ in range(_DEPTH):
        last = {callee for each in last for callee in own[each] & own.keys()} - found
        found = found | last
    return frozenset(found)


def _calls(names: frozenset[str], words: frozenset[str]) -> bool:
    """Whether one of the names, which may be patterns, is among the words."""
    plain = {name for name in names if "*" not in name}
    return bool(plain & words) or any(fnmatchcase(word, name) for name in names - plain for word in words)
