"""Which functions can play a role by what they call: those that a series touches, and those of the files it names."""

from collections.abc import Iterator, Mapping, Sequence
from fnmatch import fnmatchcase
from functools import lru_cache

from patchscan.basics.keep import kept
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
            reached = _reached(source)
            if any(names & reached[player] for role in roles for player in players(role, source)):
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
        names = (*(name for name in earlier if name in _words(source)), *players(role, source))
        yield from ((name, path) for name in names[:1])


@lru_cache(maxsize=8)
def _parsed(text: bytes, path: str) -> Source:
    return parse(text, path)


def players(role: Role, source: Source) -> tuple[str, ...]:
    """The functions of a file that call a name of each set, themselves or through functions of the file none of which
    does so alone; in the order of the file."""
    reached, words = _reached(source), _reached_words(source)
    every = frozenset().union(*words.values())
    wanted = [_among(names, every) for names in role.calls]
    fit = {name for name, own in words.items() if not any(each.isdisjoint(own) for each in wanted)}
    return tuple(name for name in words if name in fit and not (fit - {name}) & reached[name])


@kept
def _words(source: Source) -> Words:
    """The identifiers of each function of a file."""
    own: dict[str, frozenset[str]] = {}
    for function in source.functions():
        # Under #if and #else one name stands twice.
        own[function.name] = own.get(function.name, frozenset()) | function.identifiers
    own.pop("", None)
    return own


@kept
def _reached(source: Source) -> Words:
    """Of each function of a file those of the file that it calls, and so on, itself among them."""
    own = _words(source)
    return {name: _reached_from(name, own) for name in own}


def _reached_from(name: str, own: Words) -> frozenset[str]:
    found = last = {name}
    for _ in range(_DEPTH):
        last = {callee for each in last for callee in own[each] & own.keys()} - found
        found = found | last
    return frozenset(found)


@kept
def _reached_words(source: Source) -> Words:
    """The identifiers of each function of a file and of those that it reaches."""
    own = _words(source)
    return {name: frozenset().union(*map(own.__getitem__, names)) for name, names in _reached(source).items()}


def _among(names: frozenset[str], words: frozenset[str]) -> frozenset[str]:
    """The words that are one of the names, which may be patterns."""
    plain = {name for name in names if "*" not in name}
    matched = (word for name in names - plain for word in words if fnmatchcase(word, name))
    return words & plain | frozenset(matched)
