"""Where a switch decides that a flush is wait enough: what the flush does on each architecture and under each guest."""

from collections.abc import Iterator, Sequence
from pathlib import Path

from patchscan.basics.pattern import pattern
from patchscan.basics.record import replace
from patchscan.codebase.sources import Sources
from patchscan.model.extraction.extract import Extraction
from patchscan.model.scenarios.one_case import Functions, codebase, extract_case
from patchscan.model.scenarios.scenario import Follow, Scenario
from patchscan.model.scenarios.switched import Function, Way, assigned, ways
from patchscan.model.verdicts.kept_verdicts import judged
from patchscan.model.verdicts.verdict import Verdict

# A call through a table that is a variable: "pv_ops.mmu.flush_tlb_multi".
_TABLE = pattern(r"\w+(?:\.\w+)*\.(\w+)")


def followed(
    scenario: Scenario,
    functions: Functions,
    at: Sources,
    switches: Sequence[str],
    stub_directories: Sequence[Path] = (),
) -> Iterator[Verdict]:
    """A verdict for each way in which one of the switches gets its value, the flush followed as it is then."""
    for follow in scenario.follow:
        with_flush = replace(
            scenario,
            look_into=scenario.look_into | follow.look_into,
            files=(*scenario.files, *follow.files),
            config={**scenario.config, **follow.config},
            columns={follow.arch: {}},
            doubt={},
        )
        code = codebase(with_flush, follow.arch, at)
        for switch in switches:
            naming = at.naming(switch)
            if naming is None and switch not in at.words:
                continue
            paths = tuple(dict.fromkeys((*at.changed, *(naming or ()))))
            found = ways(code, switch, paths)
            if any(way.number and not way.path.startswith(f"arch/{follow.arch}/") for way in found):
                # Other architectures turn it on, too: what their flush does is not followed.
                continue
            for way in _different(found):
                yield from _of_way(with_flush, functions, at, follow, switch, way, stub_directories)


def _different(found: Sequence[Way]) -> Iterator[Way]:
    """Each way once. Of a table that is there before code runs counts what stands beside the same members as in code,
    and nothing where code sets the switch for the same functions."""
    made = [way for way in found if way.function]
    names = frozenset().union(*(way.members for way in made))
    told: list[Way] = []
    for way in found:
        if not way.function:
            members = {name: function for name, function in way.members.items() if name in names}
            way = replace(way, members=members)
            if not members or any(one.members.items() <= members.items() for one in told if one.members):
                continue
        if not any(_alike(way, one) for one in told):
            told.append(way)
            yield way


def _alike(one: Way, other: Way) -> bool:
    return (one.members, one.features, one.number) == (other.members, other.features, other.number)


def _of_way(
    scenario: Scenario,
    functions: Functions,
    at: Sources,
    follow: Follow,
    switch: str,
    way: Way,
    stub_directories: Sequence[Path],
) -> Iterator[Verdict]:
    """The verdict of one way; where the flush calls through a table that it says nothing of, one for each function."""
    choices = {**scenario.choices, **way.features, switch: way.number}
    case = replace(scenario, choices=choices, given=_whole(way, at, scenario, follow))
    extraction, code = extract_case(case, functions, follow.arch, at, stub_directories)
    if extraction is None:
        return
    member = next(iter(_through_tables(extraction)), None)
    naming = at.naming(member) if member is not None else None
    if member is None or naming is None:
        yield _judged(case, extraction, functions, at, follow, switch, way)
        return
    for other in assigned(code, member, tuple(dict.fromkeys((*at.changed, *naming)))):
        given = replace(case, given={**case.given, member: other})
        extraction, _ = extract_case(given, functions, follow.arch, at, stub_directories)
        if extraction is not None:
            yield _judged(given, extraction, functions, at, follow, switch, way)


def _whole(way: Way, at: Sources, scenario: Scenario, follow: Follow) -> dict[str, Function]:
    """The functions of a way with the files where they are defined, for it may only name them."""
    code = codebase(scenario, follow.arch, at)
    found = {}
    for member, (name, path) in way.members.items():
        definition = code.function(name, path) or code.elsewhere(name, path)
        found[member] = (name, definition.path if definition is not None else path)
    return found


def _through_tables(extraction: Extraction) -> Iterator[str]:
    """The members that are called through tables which are variables."""
    for hole in extraction.holes():
        found = _TABLE.fullmatch(hole.name) if hole.kind == "indirect call" else None
        if found is not None:
            yield found[1]


def _judged(
    case: Scenario,
    extraction: Extraction,
    functions: Functions,
    at: Sources,
    follow: Follow,
    switch: str,
    way: Way,
) -> Verdict:
    called = ", ".join(name for member, (name, _) in case.given.items() if member in extraction.tables)
    config = f"{follow.arch}: {called}" if called else follow.arch
    name = "-".join([case.name, *dict.fromkeys(function for function, _ in functions), config])
    verdict = judged(extraction, name, config, at.words, at.tree)
    verdict = replace(verdict, assumptions=(*verdict.assumptions, *_said(switch, way, at)))
    if way.number and way.function:
        place = f"{way.path}:{way.line}: {way.function}() turns {switch} on"
        verdict = replace(verdict, turned=f"{place}, and {called}() flushes" if called else place)
    unknown = list(_through_tables(extraction))
    if way.number and not way.at_boot:
        unknown.append(f"{way.function}() sets {switch} while CPUs run")
    reasons = tuple(one if " " in one else f"what is called through {one} is not known" for one in unknown)
    return replace(verdict, verdict="unknown", reasons=reasons) if reasons else verdict


def _said(switch: str, way: Way, at: Sources) -> Iterator[str]:
    """On what a way rests, for a reader."""
    state = "on" if way.number else "off"
    who = f"{way.function}() sets it at boot" if way.function else f"{way.path} says"
    with_these = [f"{name} {'on' if number else 'off'}" for name, number in sorted(way.features.items())]
    yield f"{switch} is {state}, as {who}" + (f", with {', '.join(with_these)}" if with_these else "")
    if at.naming(switch) is None:
        yield f"no file but those of the series sets {switch}: there is no tree at hand"
