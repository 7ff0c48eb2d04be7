"""Verdicts as findings: what a rule says of the models that a patch changes, at a line the patch adds."""

from collections.abc import Iterator

from patchscan.basics.keep import kept
from patchscan.basics.pattern import pattern
from patchscan.codebase.sources import Read
from patchscan.context import ChangedFile, Context
from patchscan.finding import Evidence, Finding, Silence
from patchscan.model.scenarios.numbering import patch_numbers, renumbered
from patchscan.model.scenarios.series_models import SeriesModels
from patchscan.model.verdicts.repairs import NO_ORDER
from patchscan.model.verdicts.report import model_result
from patchscan.model.verdicts.verdict import Verdict, turned_unsafe
from patchscan.model.verdicts.wording import in_kernel_names
from patchscan.results import ModelResult
from patchscan.tree.overlay import PatchState, View

_PLACE = pattern(r"([\w./-]+):(\d+)")
_CALLED = pattern(r"\w+(?=\s*\()")
_WRITES = pattern(r"WRITE_ONCE|store_release|xchg")
_READS = pattern(r"(?:\w+ = )?READ_ONCE\(")
_NO_CODE = ("/*", "*", "//", "{", "}", "#if", "#el", "#endif", "#include")


def models_of(states: tuple[PatchState, ...]) -> SeriesModels:
    """The models of a laid series, one object for all who ask."""
    known = _known(states[0].view)
    if not known:
        known.append(SeriesModels(states))
    return known[0]


@kept
def _known(view: View) -> list[SeriesModels]:
    """The models of the series that begins with a view, once they were asked for."""
    return []


def check_models(context: Context, rule: str) -> Iterator[Finding | Silence]:
    """What one rule has to say of the models that a series changes, at the lines that this patch adds.

    A patch may make a model unsafe that only a later one's callers reach: what is wrong is said where it stands,
    and once for a scenario, for its models mostly share their fault.
    """
    models = models_of(context.states)
    here = context.states.index(context.state)
    if not any(models.concerns(index) for index in range(here, len(context.states))):
        return
    told: set[object] = set()
    for index in range(len(context.states)):
        for verdict in models.patch(index):
            first = models.first_unsafe(verdict.scenario)
            if index < here or rule_of(models, verdict) != rule or (first and first.name != verdict.name):
                continue
            anchor = _anchor(context, verdict, index)
            if anchor is None:
                continue
            number = patch_numbers(context.states, index, models.reader(index))
            said = _say(in_kernel_names(renumbered(verdict, number)), *anchor)
            # What is safe may hide neither what is not, nor what is not safe of other functions.
            key = (anchor, verdict.functions) if isinstance(said, Finding) else anchor
            if key not in told:
                told.add(key)
                yield said


def results_of(states: tuple[PatchState, ...]) -> tuple[ModelResult, ...]:
    """The models that rules have asked for so far, as a report shows them: with the patches' own line numbers."""
    return tuple(
        model_result(in_kernel_names(renumbered(verdict, patch_numbers(states, index, models.reader(index)))))
        for models in (_known(states[0].view) if states else ())
        for index, verdict in models.seen()
    )


def rule_of(models: SeriesModels, verdict: Verdict) -> str:
    """The rule that reports a verdict: the scenario's, or ipi-misses-reader where the updater does send IPIs."""
    rule = models.rule(verdict)
    targeted = verdict.interrupts > 0 or any("@" in key for key in verdict.kept)
    return "ipi-misses-reader" if rule == "table-free-without-sync" and targeted else rule


def _say(verdict: Verdict, path: str, line: int) -> Finding | Silence:
    """Unsafe and not so before: a finding; everything else is said when somebody asks."""
    names = dict.fromkeys(function for _, function in reversed(verdict.functions))
    roles = " against ".join(f"{name}()" for name in names)
    if turned_unsafe(verdict):
        return Finding(
            path,
            line,
            message(verdict, roles),
            tuple(_evidence(verdict)),
            model=verdict.name,
            severity="error" if verdict.before == "safe" else "warning",
        )
    if verdict.verdict == "safe":
        resting = f", assuming {', '.join(verdict.assumptions)}" if verdict.assumptions else ""
        return Silence(path, line, f"no execution of the model of {roles} does it{resting}", checked=True)
    if verdict.verdict == "unsafe":
        where = "in the version that the tree holds" if verdict.held else "before the patch"
        return Silence(path, line, f"the model of {roles} is unsafe {where}, too", checked=True)
    return Silence(path, line, f"the model of {roles} decides nothing: {verdict.reasons[0]}", checked=False)


def message(verdict: Verdict, roles: str) -> str:
    """The sentences of a finding: what goes wrong, why, what would repair it, and what it rests on."""
    parts = [
        f"{roles}: {verdict.why}; an execution of this code under the kernel's memory model breaks that rule"
    ]
    if verdict.turned:
        way = [each for each in verdict.branches if each.startswith("arch/")]
        parts += [f"with {verdict.turned}", *(f"and {each}" for each in way[:2])]
    if any(one.startswith(NO_ORDER) for one in verdict.tried):
        parts.append("no barrier would prevent it")
    else:
        parts += verdict.interleaving.gaps[:1]
    if verdict.anchor == "flag":
        parts += _late_flag(verdict)
    if verdict.held == "safe":
        parts.append("the version of this series that the tree holds is safe")
    if verdict.before == "safe":
        parts.append("the code before this patch is safe")
    for tried in verdict.tried[:2]:
        parts.append(f"tried: {tried}")
    if verdict.repair:
        parts.append(f"with {verdict.repair} no execution breaks it")
    if verdict.assumptions:
        parts.append("assuming " + ", ".join(verdict.assumptions))
    return "; ".join(parts)


def _late_flag(verdict: Verdict) -> Iterator[str]:
    """Where a CPU announces itself in a variable of its own, once it has used what that is for."""
    flags = [f"per_cpu({key.partition('@')[0]}," for key in sorted(verdict.kept) if "@" in key]
    used: set[str] = set()
    for step in verdict.interleaving.moments:
        flag = next((each for each in flags if each in step.text and _WRITES.search(step.text)), None)
        if flag is not None and step.thread in used:
            name = flag.removeprefix("per_cpu(").rstrip(",")
            yield f"{name} is set at {step.path}:{step.line} only after what it announces has begun"
            return
        if _READS.match(step.text):
            used.add(step.thread)


def _evidence(verdict: Verdict) -> Iterator[Evidence]:
    """The steps of the interleaving as evidence, each at its line."""
    for number, step in enumerate(verdict.interleaving.moments, 1):
        if "/" in step.path:
            yield Evidence(step.path, step.line, f"{number}. {step.thread}: {step.text}")


def _anchor(context: Context, verdict: Verdict, index: int) -> tuple[str, int] | None:
    """The added line that a verdict stands on, None where that is a line of another patch.

    index: the patch that changed the model. The first of these that the series adds: an access that the repair
    names and that is not kept in order; a line that the repair names; where a barrier is the repair, one that is
    not ordered; where a CPU's own flag comes too late, the line that sets it; a call, in patch `index`, of what
    the model looked into; any line of the model.
    """
    for path, text in _telling_lines(context, verdict, index):
        for position in range(index, -1, -1):
            line = _added_line(context.all[position], path, text)
            if line is not None:
                return (path, line) if context.all[position] is context else None
    if context.states[index] is not context.state:
        return None
    visited = {path for path, _ in verdict.visited}
    for file in (*(f for f in context.c_files if f.path in visited), *context.c_files):
        number = _first_line(file)
        if number is not None:
            return file.path, number
    return None


def _telling_lines(context: Context, verdict: Verdict, index: int) -> Iterator[tuple[str, str]]:
    """(path, text) of the lines that tell most of a verdict, the most telling first."""
    read = models_of(context.states).reader(index)
    repair, gaps = verdict.repair or "", "\n".join(verdict.interleaving.gaps)
    both = [f"{path}:{line}" for path, line in _places(repair) if (path, line) in _places(gaps)]
    yield from _texts(read, verdict.turned)
    yield from _texts(read, " ".join(both))
    yield from _texts(read, repair)
    if "smp_" in repair:
        yield from _texts(read, gaps)
    flags = [key.partition("@")[0] for key in sorted(verdict.kept) if "@" in key]
    if verdict.anchor == "flag":
        stores = [line for line in verdict.litmus.splitlines() if _WRITES.search(line)]
        yield from _texts(read, "\n".join(line for line in stores if any(flag in line for flag in flags)))
    names = {name for _, name in verdict.visited}
    for file in context.all[index].c_files:
        for added in file.added:
            code = added.text.strip()
            calls = added.text[:1].isspace() or code.startswith("#define")
            if calls and not code.startswith(_NO_CODE) and names & set(_CALLED.findall(code)):
                yield file.path, code
    yield from _texts(read, verdict.litmus)


def _added_line(context: Context, path: str, text: str) -> int | None:
    """The line of a patch that adds this text to a file, ends of the line left out."""
    for file in context.c_files:
        if file.path == path and text:
            for added in file.added:
                if added.new is not None and added.text.strip() == text:
                    return added.new
    return None


def _places(text: str) -> list[tuple[str, int]]:
    return [(found.group(1), int(found.group(2))) for found in _PLACE.finditer(text)]


def _texts(read: Read, named: str) -> Iterator[tuple[str, str]]:
    """(path, text of the line) of each place that a text names."""
    for path, line in dict.fromkeys(_places(named)):
        content = read(path)
        lines = content.split(b"\n") if content is not None else []
        if 0 < line <= len(lines):
            yield path, lines[line - 1].decode("utf-8", "surrogateescape").strip()


def _first_line(file: ChangedFile) -> int | None:
    """The line after the first removal, or the first added line with code on it."""
    for hunk in file.change.hunks:
        for before, after in zip(hunk.lines, hunk.lines[1:], strict=False):
            if before.kind == "-" and after.new is not None:
                return after.new
    for line in file.added:
        if line.new is not None and not line.text.strip().startswith(_NO_CODE):
            return line.new
    return None
