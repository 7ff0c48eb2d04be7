"""Findings that do not count: by a note in the mail, by the configuration, by the baseline; each with its reason."""

import re
from collections.abc import Iterator, Mapping, Sequence, Set

from patchscan.basics.pattern import pattern
from patchscan.basics.problem import Problem
from patchscan.basics.record import frozen, replace
from patchscan.finding import CHANGELOG, Finding
from patchscan.results import Report
from patchscan.series import Patch
from patchscan.settling.config import Config, Part
from patchscan.settling.together import told_together
from patchscan.tree import Tree

# A line under the "---" of a patch; in a cover letter it is for the whole series.
NOTE = pattern(r"\s*patchscan:\s*ignore\s+([\w-]+)\s*(?::\s*(.*))?", re.I)


@frozen
class _Place:
    """A part of the configuration with the patterns of its files; name: what to call it."""

    part: Part
    patterns: tuple[str, ...]
    name: str


def settle(
    report: Report, config: Config, known: Mapping[str, str], rules: Set[str], tree: Tree | None
) -> Report:
    """The report with severities as configured and with `suppressed` set where a finding is not to count.

    known: fingerprint -> reason, from the baseline; rules: the names of all rules there are.
    """
    notes, problems = read_notes(report, rules)
    places, troubles = read_places(config, tree)
    unknown = sorted(config.rules_named() - rules)
    troubles += [
        Problem(
            config.name,
            f"no rule named {name}: `patchscan rules` lists them",
            lost=name in config.rules_wanted(),
        )
        for name in unknown
    ]
    findings = []
    for finding in report.findings:
        near = near_of(places, paths_of(report, finding)) if places else []
        finding = with_severity(finding, config, near)
        reason = finding.suppressed or why_not(finding, notes, near, known, config)
        findings.append(replace(finding, suppressed=reason))
    return replace(
        report, findings=told_together(findings), problems=(*report.problems, *problems, *troubles)
    )


def why_not(
    finding: Finding,
    notes: Mapping[tuple[int, str], str],
    near: Sequence[_Place],
    known: Mapping[str, str],
    config: Config,
) -> str | None:
    """Why a finding is not to count, None where it is."""
    note = notes.get((finding.patch, finding.rule)) or notes.get((0, finding.rule))
    if note:
        return f"note in the mail: {note}"
    for place in near:
        chosen = place.part.select
        if finding.rule in place.part.ignore or (chosen and finding.rule not in chosen):
            return f"{config.name} ignores it for {place.name}"
    reason = known.get(finding.fingerprint) if known else None
    return f"known: {reason}" if reason else None


def with_severity(finding: Finding, config: Config, near: Sequence[_Place]) -> Finding:
    """The finding with the severity configured; what is said of a part of the tree goes before the rest."""
    for table in (*(place.part.severity for place in reversed(near)), config.severity):
        if finding.rule in table:
            return replace(finding, severity=table[finding.rule])
    return finding


def paths_of(report: Report, finding: Finding) -> list[str]:
    """The file of a finding; for one on a changelog all files of its patch, for one on a cover letter of the series."""
    if finding.path != CHANGELOG:
        return [finding.path]
    states = [state for state in report.states if finding.patch in (0, state.patch.index)]
    return [file.change.path for state in states for file in state.files] or [CHANGELOG]


def near_of(places: Sequence[_Place], paths: Sequence[str]) -> list[_Place]:
    """The parts of the configuration that all of some paths belong to."""
    from patchscan.tree.maintainers import matches

    return [place for place in places if all(matches(path, place.patterns) for path in paths)]


def read_places(config: Config, tree: Tree | None) -> tuple[list[_Place], list[Problem]]:
    """The parts of the configuration; a subsystem that MAINTAINERS does not have is a problem."""
    places: list[_Place] = []
    problems: list[Problem] = []
    if not config.parts:
        return places, problems
    from patchscan.tree.maintainers import section_patterns

    maintainers = tree.read("MAINTAINERS") if tree and any(part.subsystem for part in config.parts) else None
    for part in config.parts:
        if not part.subsystem:
            places.append(_Place(part, part.paths, ", ".join(part.paths)))
            continue
        patterns = section_patterns(maintainers, part.subsystem) if maintainers is not None else None
        if patterns is None:
            why = "has no such section" if maintainers is not None else "is not at hand: it takes a tree"
            problems.append(Problem(config.name, f"subsystem {part.subsystem}: MAINTAINERS {why}"))
        else:
            places.append(_Place(part, patterns, part.subsystem))
    return places, problems


def read_notes(report: Report, rules: Set[str]) -> tuple[dict[tuple[int, str], str], list[Problem]]:
    """(patch number and rule -> reason; notes that cannot be followed) of a series."""
    notes: dict[tuple[int, str], str] = {}
    problems: list[Problem] = []
    for patch in report.series.mails if report.series else ():
        for rule, reason in notes_of(patch):
            where = f"patch {patch.index}, note on {rule}"
            if rule not in rules:
                problems.append(Problem(where, "there is no rule of this name; the note is not followed"))
            elif not reason:
                problems.append(Problem(where, "it gives no reason; write `patchscan: ignore RULE: reason`"))
            else:
                notes[patch.index, rule] = reason
    return notes, problems


def notes_of(patch: Patch) -> Iterator[tuple[str, str]]:
    """(rule, reason or "") of each note of a patch."""
    lines = patch.notes if patch.index else (*patch.changelog, *patch.notes)
    for line in lines:
        found = NOTE.fullmatch(line)
        if found:
            yield found[1], (found[2] or "").strip()
