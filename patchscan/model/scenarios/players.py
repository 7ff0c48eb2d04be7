"""Which functions can play a role by what they call: those that a series touches, and those of the files it names."""

import re
from collections.abc import Iterator, Sequence
from functools import lru_cache

from patchscan.basics.record import replace
from patchscan.c.source import Source, parse
from patchscan.changedfile import ChangedFile
from patchscan.codebase.sources import Read
from patchscan.model.scenarios.scenario import Role, Scenario
from patchscan.tree.overlay import PatchState

_MOST = 3


def with_players(scenario: Scenario, states: Sequence[PatchState], read: Read) -> Scenario:
    """The scenario with the functions added to its roles that play them by what they call.

    read: the code after the series. Of roles with the same functions all get the same.
    """
    if not any(role.calls for role in scenario.roles):
        return scenario
    return replace(scenario, roles=tuple(_with_players(role, states, read) for role in scenario.roles))


def _with_players(role: Role, states: Sequence[PatchState], read: Read) -> Role:
    if not role.calls:
        return role
    there = tuple(each for each in role.functions if _is_there(*each, read))
    found = dict.fromkeys(there)
    touched = [each for each in _touched(role, states, read) if each not in found][:_MOST]
    found.update(dict.fromkeys(touched))
    if not found:
        found.update(dict.fromkeys(list(_within(role, read))[:_MOST]))
    return replace(role, functions=tuple(found) or role.functions)


def _is_there(name: str, path: str, read: Read) -> bool:
    text = read(path)
    called = re.compile(rb"\b%s\s*\(" % name.encode())
    return path.startswith("stubs/") or (text is not None and called.search(text) is not None)


def _touched(role: Role, states: Sequence[PatchState], read: Read) -> Iterator[tuple[str, str]]:
    """The functions that the series touches and that call what the role asks for, as the series leaves them."""
    for state in states:
        for file in (ChangedFile(each) for each in state.files):
            names = {function.name for function in file.functions} if file.is_c else set()
            text = read(file.path) if names else None
            if text is not None:
                yield from (
                    (name, file.path) for name in _players(role, _parsed(text, file.path)) if name in names
                )


def _within(role: Role, read: Read) -> Iterator[tuple[str, str]]:
    for path in role.within:
        text = read(path)
        if text is not None:
            yield from ((name, path) for name in _players(role, _parsed(text, path)))


@lru_cache(maxsize=8)
def _parsed(text: bytes, path: str) -> Source:
    return parse(text, path)


def _players(role: Role, source: Source) -> Iterator[str]:
    """The functions of a file that call a name of each set, themselves or through a function of the file that does not
    do so alone."""
    own: dict[str, frozenset[str]] = {}
    for function in source.functions():
        # Under #if and #else one name stands twice.
        own[function.name] = own.get(function.name, frozenset()) | function.identifiers
    own.pop("", None)
    fit = {name for name, words in own.items() if _calls(role, words, own)}
    yield from sorted(name for name in fit if not (fit - {name}) & own[name])


def _calls(role: Role, words: frozenset[str], own: dict[str, frozenset[str]]) -> bool:
    reached = words.union(*(own[callee] for callee in words & own.keys()))
    return all(names & reached for names in role.calls)
