"""Who gives back what a way out of a function still holds: what it was handed to, or a callback of the same text."""

import re
from collections.abc import Callable, Iterable, Sequence

from patchscan.basics.pattern import pattern
from patchscan.c.source import Function, Source, source_of
from patchscan.flow.actions import Assigned, Called, root_of, words_of
from patchscan.flow.graph import Graph
from patchscan.flow.held import Holding, Way
from patchscan.flow.keeping import HARMLESS
from patchscan.flow.resources import by_call, releasing, words_of_names
from patchscan.flow.trails import steps_of

# What a call means that another text defines; empty where that is not known.
Defined = Callable[[str], Sequence[Function]]

_MEMBER = r"[\w.>-]*(?:->|\.)"
# What a callback gives back is given back when the object goes, not when its driver does.
_FIELDS = pattern(r"(?:->|\.)\s*(\w+)\s*=\s*&?(\w+)\s*[,;}]")
_OF_OBJECTS = frozenset(("release", "free", "destroy", "destructor", "dtor", "stop", "cleanup", "uninit"))


def is_owned(graph: Graph, holding: Holding, way: Way, defined: Defined) -> bool:
    """Whether memory or a reference on a way out is another's to give back, as the texts show."""
    if holding.resource.row.kind not in ("memory", "reference") and not holding.resource.named:
        return False
    calls = [
        each
        for number, _ in steps_of(way.exit.trail)
        for each in graph.points[number].operations
        if isinstance(each, Called) and each.name and each.line > way.token.line
    ]
    names = way.token.names | {holding.resource.key}
    if _goes_with_another(graph, names, calls):
        return True
    if holding.resource.row.kind not in ("memory", "reference"):
        return False
    return _is_ended(graph, holding, way, calls) or _is_adopted(holding, names, calls, defined)


def _goes_with_another(graph: Graph, names: frozenset[str], calls: Sequence[Called]) -> bool:
    """Whether a call was handed it with an object of the function's own that the way out ends: fill(owner, it)."""
    beside = {
        argument: call.offset
        for call in reversed(calls)
        if not names.isdisjoint(call.arguments) and not HARMLESS.fullmatch(call.name)
        for argument in call.arguments
        if argument not in names and argument in graph.locals
    }
    return any(
        call.arguments == (owner,) and call.offset > first and _ends_object(call, frozenset((owner,)))
        for owner, first in beside.items()
        for call in calls
    )


def _is_adopted(holding: Holding, names: frozenset[str], calls: Iterable[Called], defined: Defined) -> bool:
    """Whether a function that it was handed to stores it in a member that the text of that function gives back."""
    release = holding.resource.row.release
    handed = dict.fromkeys(
        (call.name, at)
        for call in calls
        for at, argument in enumerate(call.arguments)
        if argument in names and call.name not in releasing() and call.name not in by_call()
    )
    for name, at in handed:
        found = () if HARMLESS.fullmatch(name) else defined(name)
        if found and all(_adopts(function, at, release) for function in found):
            return True
    return False


def _adopts(function: Function, at: int, release: frozenset[str]) -> bool:
    if at >= len(function.parameters):
        return False
    parameter = re.escape(function.parameters[at].name)
    members = set(re.findall(rf"(?:->|\.)(\w+)\s*=\s*{parameter}\s*;", function.text))
    source = source_of(function)
    return any(
        _gives_member(each, member, release)
        for each in source.functions()
        if each.name != function.name
        for member in sorted(members & each.identifiers)
    )


def _gives_member(function: Function, member: str, release: frozenset[str]) -> bool:
    """Whether a function gives back what a member of an object holds, by its name or out of a variable."""
    calls = "|".join(map(re.escape, sorted(release)))
    given = re.findall(rf"\b(?:{calls})\s*\(\s*([\w.>-]+)\s*\)", function.text)
    held = re.findall(rf"\b(\w+)\s*=\s*{_MEMBER}{re.escape(member)}\s*;", function.text)
    return any(re.fullmatch(_MEMBER + re.escape(member), each) or each in held for each in given)


def _is_ended(graph: Graph, holding: Holding, way: Way, calls: Sequence[Called]) -> bool:
    """Whether it was stored in a member that a callback gives back for an object which the way out ends."""
    members = {
        part.partition("=")[0].rpartition("->")[2] for part in way.token.via.split(";") if "->" in part
    }
    source = source_of(holding.function)
    holders = _holders(graph, way)
    if not members or not any(_ends_object(call, holders) for call in calls):
        return False
    names = _callbacks(source)
    return any(
        _gives_member(each, member, holding.resource.row.release)
        for each in source.functions()
        if each.name in names
        for member in sorted(members & each.identifiers)
    )


def _holders(graph: Graph, way: Way) -> frozenset[str]:
    """The variables of the objects in which it was stored, and in which these were."""
    found = {root_of(part.partition("=")[0]) for part in way.token.via.split(";") if "->" in part}
    stored = [
        each
        for point in graph.points
        for each in point.operations
        if isinstance(each, Assigned) and "->" in each.key
    ]
    for each in (*stored, *stored):
        if each.source in found:
            found.add(root_of(each.key))
    return frozenset(found)


def _ends_object(call: Called, holders: frozenset[str]) -> bool:
    words = call.name.split("_")
    if not any(word in holders for argument in call.arguments for word in words_of(argument)):
        return False
    if HARMLESS.fullmatch(call.name) or call.name.startswith("pm_"):
        return False
    return "put" in words or (call.name not in releasing() and not words_of_names("ends").isdisjoint(words))


def _callbacks(source: Source) -> frozenset[str]:
    """The functions of a text that end an object, by the member in which they are registered."""
    return frozenset(
        function
        for field, function in _FIELDS.findall(source.code.decode("utf-8", "surrogateescape"))
        if not _OF_OBJECTS.isdisjoint(field.split("_"))
    )
