"""The pipeline: mail -> thread -> series -> tree states -> contexts -> rules -> report. Read this first."""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import suppress

from patchscan.basics.assuming import said_by
from patchscan.basics.foreign import FAILURES, in_words, kept_quiet, traceback_lines
from patchscan.basics.limits import Clock, OutOfTime, allow_depth
from patchscan.basics.problem import Problem
from patchscan.basics.record import replace
from patchscan.context import NO_SETTINGS, Context, Settings, contexts
from patchscan.finding import CHANGELOG, Evidence, Finding, Silence
from patchscan.model.scenarios.asked import asked, executed_models
from patchscan.portions import cover_letter, end_patch, turns
from patchscan.results import CostChange, Coverage, ModelResult, Report, few
from patchscan.rule import Rule
from patchscan.series import Thread
from patchscan.settling.fingerprint import told_apart
from patchscan.settling.once import told_once
from patchscan.settling.preexisting import mark_preexisting
from patchscan.settling.repaired import mark_repaired
from patchscan.settling.sound import fault_of_remark
from patchscan.tree import Tree
from patchscan.tree.fit import Fit, place
from patchscan.tree.overlay import PatchState, unread


def scan(
    thread: Thread, tree: Tree | None, rules: Sequence[Rule], settings: Settings = NO_SETTINGS
) -> Report:
    """Judge the first series of a thread, laid over a kernel tree where there is one."""
    if not thread.series:
        return Report(thread, problems=thread.problems)
    allow_depth()
    states, fit = place(thread.series[0], tree)
    return judge(thread, states, fit, tree, rules, settings)


def judge(
    thread: Thread,
    states: tuple[PatchState, ...],
    fit: Fit,
    tree: Tree | None,
    rules: Sequence[Rule],
    settings: Settings,
) -> Report:
    """Judge the first series of a thread on the states it leaves, however it was laid."""
    series = thread.series[0]
    judged = contexts(series, states, settings, fit)
    if tree is not None:
        # Imported here: without a tree nothing is searched.
        from patchscan.lookup.expected import expect_names

        expect_names(judged, tree)
    said = said_of(judged, rules)
    troubles: list[Problem] = []
    models, costs = with_models(judged, troubles)
    findings = in_reading_order((remark for remark in said if isinstance(remark, Finding)), judged)
    return Report(
        thread=thread,
        series=series,
        states=states,
        rules=tuple(rules),
        findings=told_apart(told_once(mark_repaired(findings, judged))),
        silences=tuple(remark for remark in said if isinstance(remark, Silence)),
        problems=(
            *thread.problems,
            *unread(states, tree),
            *(remark for remark in said if isinstance(remark, Problem)),
            *troubles,
        ),
        fit=fit,
        coverage=coverage(judged, rules, tree),
        models=models,
        costs=costs,
    )


def said_of(judged: tuple[Context, ...], rules: Sequence[Rule]) -> list[Finding | Silence | Problem]:
    """What the rules say of the cover letter and the patches; what they print is kept out of the report."""
    said: list[Finding | Silence | Problem] = []
    with kept_quiet() as printed:
        for context in (*cover_letter(judged), *judged):
            asked = rules if context.patch.index else [rule for rule in rules if rule.cover]
            wanted = [rule for rule in asked if not is_asleep(rule, context)]
            said += answers_of(wanted, context, printed)
            # What was made of one patch alone is asked for again at once, by its models.
            if len(judged) > 1:
                end_patch(context)
    return said


def answers_of(
    rules: Sequence[Rule], context: Context, printed: Callable[[], str]
) -> list[Finding | Silence | Problem]:
    """What rules say of one patch, rule after rule, and which of them the time limit left."""
    answers: dict[str, list[Finding | Silence | Problem]] = {rule.name: [] for rule in rules}
    left = dict.fromkeys(answers, len(context.files))
    # One clock for all: to set it takes longer than most rules.
    with suppress(OutOfTime), Clock(context.settings.time_limit) as clock:
        for turn in turns(rules, context):
            for rule in turn.rules:
                if clock.over:
                    raise OutOfTime
                # Kept at once: what a rule said is there as a whole, or the rule is told to be left.
                if turn.context is not None:
                    answers[rule.name] += answer_of(rule, turn.context, printed)
                left[rule.name] -= turn.files
                if not left[rule.name]:
                    del left[rule.name]
    # What is asked of the tree from here on is asked by no rule.
    context.asking = ""
    said = [remark for answer in answers.values() for remark in answer]
    return [*said, out_of_time(context, left)] if left else said


def is_asleep(rule: Rule, context: Context) -> bool:
    """Whether a rule has nothing to say of a patch, by what it tells beforehand; notes who asks, for the coverage."""
    context.asking = rule.name
    return rule.sleeps_on(context)


def answer_of(rule: Rule, context: Context, printed: Callable[[], str]) -> list[Finding | Silence | Problem]:
    """What one rule says of one patch; printed: gives what went to stdout meanwhile, which a rule is not to do."""
    said = list(judged_twice(rule, context))
    if text := printed():
        said.append(failure(rule, context, "printed", f"{text.strip()[:60]!r}"))
    return said


def out_of_time(context: Context, left: Mapping[str, int]) -> Problem:
    """The rules that the time limit did not let end, or begin; left: how many files each has not judged."""
    every = len(context.files)
    begun = [name for name, files in left.items() if files < every]
    told = (
        [f"not judged by {few([name for name in left if name not in begun])}"]
        if len(begun) < len(left)
        else []
    )
    told += (
        [f"of {every} files {max(left[name] for name in begun)} not judged by {few(begun)}"] if begun else []
    )
    why = f"the time limit of {context.settings.time_limit:g} s of CPU time ran out; {'; '.join(told)}"
    return Problem(f"patch {context.patch.index}", why, lost=True)


def judged_twice(rule: Rule, context: Context) -> Iterator[Finding | Silence | Problem]:
    """What one rule says of one patch, before against after: what it says of the old code, too, is marked so."""
    said = list(apply(rule, context))
    findings = [each for each in said if isinstance(each, Finding)]
    yield from (each for each in said if not isinstance(each, Finding))
    if not findings:
        return
    try:
        yield from mark_preexisting(findings, context, rule, apply)
    except FAILURES as error:
        yield from findings
        yield failure(rule, context, "failed on the old code", in_words(error), traceback_lines(error))


def with_models(
    judged: Sequence[Context], troubles: list[Problem]
) -> tuple[tuple[ModelResult, ...], tuple[CostChange, ...]]:
    """(the models that were executed, what the patches change in cost); what fails goes to troubles."""
    try:
        with Clock(judged[0].settings.time_limit if judged else 0):
            return (models_of_series(judged[0]), costs_of(judged)) if judged else ((), ())
    except OutOfTime:
        troubles.append(Problem("models and costs", "the time limit ran out", lost=True))
        return (), ()
    except FAILURES as error:
        why = f"they failed: {in_words(error)}; please report it"
        troubles.append(Problem("models and costs", why, lost=True, details=traceback_lines(error)))
        return (), ()


def models_of_series(first: Context) -> tuple[ModelResult, ...]:
    """The models that rules have asked for, and those of pairs, which without a tree nobody makes."""
    models = executed_models(first)
    if first.view.tree is None:
        return models
    from patchscan.pairing.spoken import executed_pairs

    return (*models, *executed_pairs(first.states))


def costs_of(judged: Sequence[Context]) -> tuple[CostChange, ...]:
    """What the patches of the series change in the cost of a scheme that its models speak of."""
    if not asked(judged[0]):
        return ()
    from patchscan.cost.change import SeriesCosts
    from patchscan.model.scenarios.findings import models_of

    return SeriesCosts(models_of(judged[0].states)).all_changes()


def apply(rule: Rule, context: Context) -> Iterator[Finding | Silence | Problem]:
    """What one rule says of one patch; a rule that fails is a Problem and the others go on."""
    context.asking = rule.name
    try:
        for remark in said_by(lambda: rule.check(context), FAILURES):
            fault = fault_of_remark(remark)
            if fault:
                yield failure(rule, context, "said what cannot be", fault)
            else:
                yield complete(remark, rule, context)
    except FAILURES as error:
        yield failure(rule, context, "failed", in_words(error), traceback_lines(error))


def failure(rule: Rule, context: Context, did: str, what: str, details: tuple[str, ...] = ()) -> Problem:
    """A rule that did not do what rules do: what it had to say of the patch is lost, or may be."""
    where = f"rule {rule.name}, patch {context.patch.index}"
    return Problem(where, f"the rule {did}: {what}; please report it", lost=True, details=details)


def complete(remark: Finding | Silence, rule: Rule, context: Context) -> Finding | Silence:
    """Fill in what the runner knows and the rule need not say."""
    if isinstance(remark, Silence):
        return replace(remark, rule=rule.name, patch=context.patch.index)
    return replace(
        remark,
        rule=rule.name,
        patch=context.patch.index,
        severity=remark.severity or rule.severity,
        confidence=remark.confidence or rule.confidence,
        evidence=tuple(in_patch_lines(context, each) for each in remark.evidence),
        text=remark.text or line_text(context, remark.path, remark.line),
    )


def in_patch_lines(context: Context, evidence: Evidence) -> Evidence:
    """Evidence on a file of the patch by the line that the patch gives it, not that of the tree: they never mix."""
    for file in context.whole.files:
        if file.path == evidence.path and file.is_c and any(file.state.offsets):
            text = evidence.text.strip()
            here, there = (
                file.text_at(line).strip() for line in (file.source_line(evidence.line), evidence.line)
            )
            if text and text == there and text != here:
                return replace(evidence, line=file.patch_line(evidence.line))
    return evidence


def in_reading_order(findings: Iterable[Finding], judged: Sequence[Context]) -> list[Finding]:
    """By patch, then the changelog first and the files as the patch has them, then by line."""
    places = {
        (context.patch.index, file.path): number
        for context in judged
        for number, file in enumerate(context.files, 1)
    }

    def key(finding: Finding) -> tuple[int, int, str, int, str]:
        number = places.get((finding.patch, finding.path), 0 if finding.path == CHANGELOG else len(places))
        return finding.patch, number, finding.path, finding.line, finding.rule

    return sorted(findings, key=key)


def line_text(context: Context, path: str, line: int) -> str:
    """The line of a changed file or the changelog that a finding speaks of, "" where it is not known."""
    if path == CHANGELOG:
        lines = context.patch.changelog
        return lines[line - 1] if 0 < line <= len(lines) else ""
    for file in context.whole.files:
        if file.path == path:
            return file.shown.get(line) or (file.text_at(file.source_line(line)) if file.is_c else "")
    return ""


def coverage(judged: Sequence[Context], rules: Sequence[Rule], tree: Tree | None) -> Coverage:
    """What was looked at: touched functions, which of them did not parse cleanly, and what rules could not see."""
    functions = [each for context in judged for each in context.touched]
    partial = {
        f"{path}: {name or 'a function without a name'}" for path, name, partial in functions if partial
    }
    blind = {name for context in judged for name in context.blind if name}
    return Coverage(
        functions=len(functions),
        partial=tuple(sorted(partial)),
        rules_run=tuple(rule.name for rule in rules),
        tree=tree is not None,
        blind=tuple(sorted(blind)),
        unfollowed=tuple(sorted(set().union(*(context.unfollowed for context in judged)))),
    )
