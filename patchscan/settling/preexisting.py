"""Findings on what stood before the patch: a rule that says the same of the old code speaks of no change.

The old code of each touched place is judged as if the patch had just written it. What is then said in the same words
of the same construct, or of lines that the patch only moves, was there before.
"""

from collections.abc import Callable, Iterable, Iterator, Sequence
from functools import lru_cache

from patchscan.basics.keep import kept
from patchscan.basics.pattern import pattern
from patchscan.basics.record import replace
from patchscan.c.source import Source, parse
from patchscan.changedfile import ChangedFile
from patchscan.context import Context
from patchscan.diff.lines import Passage
from patchscan.finding import CHANGELOG, Finding
from patchscan.rule import Rule
from patchscan.series import FileChange, Hunk, Line
from patchscan.tree.overlay import FileState, PatchState, View

# How a rule is run: scan.apply, without what it says beside findings.
Judge = Callable[[Rule, Context], Iterable[object]]
_NUMBER = pattern(r"\d+")
_WORD = pattern(r"[A-Za-z_]\w{2,}")
_KEYWORD = pattern(r"break|case|continue|default|else|for|goto|return|sizeof|static|switch|while")


def mark_preexisting(found: Sequence[Finding], context: Context, rule: Rule, judge: Judge) -> list[Finding]:
    """The findings of one rule on one patch, with `preexisting` set where it says the same of the code before."""
    asked = [each for each in found if each.path != CHANGELOG and not each.model and not each.preexisting]
    if not asked:
        return list(found)
    # What one part of the patch has taken up is not there for the next.
    taken = [] if context is context.whole else _taken(context.whole).setdefault(rule.name, [])
    context = context.whole
    old = old_context(context, asked)
    said = [each for each in judge(rule, old) if isinstance(each, Finding)] if old is not None else []
    said = [each for each in said if each not in taken]
    marked: list[Finding] = []
    for finding in found:
        match = next((each for each in said if finding in asked and same(finding, each, context)), None)
        if match is not None:
            said.remove(match)
            taken.append(match)
            finding = replace(finding, preexisting=True)
        marked.append(finding)
    return marked


@kept
def _taken(context: Context) -> dict[str, list[Finding]]:
    """The findings on the code before a patch that stand for one after it, by rule."""
    return {}


def old_context(context: Context, asked: Sequence[Finding] | None = None) -> Context | None:
    """The tree before the patch, with the old code as if this patch had written it, None where there is none.

    asked: findings; of the files that the patch touches then those alone in which one of them may have been: their
    own, and those that lose a line like theirs.
    """
    if asked is None:
        return _old_context(context, frozenset(file.path for file in context.files))
    paths = {each.path for each in asked}
    texts = frozenset("".join(each.text.split()) for each in asked) - {""}
    paths.update(file.path for file in context.files if file.takes_away_any(texts))
    return _old_context(context, frozenset(paths))


# All rules that say something of a patch ask for its old code, one after the other.
@lru_cache(maxsize=1)
def _old_context(context: Context, paths: frozenset[str]) -> Context | None:
    files = tuple(
        state for file in context.files if file.path in paths if (state := old_state(file)) is not None
    )
    if not files:
        return None
    place = next(number for number, state in enumerate(context.states) if state is context.state)
    before = context.states[:place]
    view = before[-1].view if before else context.state.start or View(context.view.tree, {})
    patch = replace(context.patch, files=tuple(state.change for state in files))
    states = (*before, PatchState(patch, files, view, context.state.start))
    old = Context(context.series, states, place, replace(context.settings, simulate=False), context.fit)
    old.all = (*context.earlier, old)
    return old


def old_state(file: ChangedFile) -> FileState | None:
    """What a patch that writes the old code of a file would look like; None where there is no old code."""
    path = file.change.old_path
    if path is None or not file.change.hunks:
        return None
    if file.used == "tree" and file.state.before is not None:
        return old_state_in_tree(file, path, file.state.before)
    hunks = tuple(
        hunk_of([line.text for line in each.lines if line.kind != "+"], each.old_start, 0, each.section)
        for each in file.change.hunks
        if any(line.kind != "+" for line in each.lines)
    )
    change = FileChange(path, path, "modify", hunks)
    return FileState(change, file.used, file.state.why, None, None)


def old_state_in_tree(file: ChangedFile, path: str, before: bytes) -> FileState:
    """The same where the whole file is known: the functions that the patch touches are then taken whole."""
    texts = before.decode("utf-8", "surrogateescape").removesuffix("\n").split("\n")
    source = parse(before, path) if file.is_c else None
    hunks, rest, done = [], [], 1
    for first, end in regions(file, source, len(texts)):
        rest += texts[done - 1 : first - 1]
        hunks.append(hunk_of(texts[first - 1 : end - 1], first, len(rest), ""))
        done = end
    rest += texts[done - 1 :]
    left = "".join(text + "\n" for text in rest).encode("utf-8", "surrogateescape")
    return FileState(FileChange(path, path, "modify", tuple(hunks)), "tree", "", left, before)


def regions(file: ChangedFile, source: Source | None, last: int) -> Iterator[tuple[int, int]]:
    """(first line, line behind the last) of the old code that the patch touches, in order and apart."""
    touched: list[tuple[int, int]] = []
    for run in file.passage.runs:
        first, end = run.old, run.old_end
        for line in {max(first - 1, 1), first, max(end - 1, 1), end} if source else ():
            function = source.function_at(line) if source else None
            if function is not None:
                first, end = min(first, function.first_line), max(end, function.last_line + 1)
        touched.append((first, min(end, last + 1)))
    current: tuple[int, int] | None = None
    for first, end in sorted(touched):
        if current and first <= current[1]:
            current = current[0], max(current[1], end)
            continue
        if current and current[0] < current[1]:
            yield current
        current = first, end
    if current and current[0] < current[1]:
        yield current


def hunk_of(texts: Sequence[str], first: int, above: int, section: str) -> Hunk:
    """A hunk that adds these lines as those from `first` on, behind a number of lines."""
    lines = tuple(Line("+", text, None, number) for number, text in enumerate(texts, first))
    return Hunk(above, 0, first, len(lines), section, lines)


def same(finding: Finding, old: Finding, context: Context) -> bool:
    """Whether two findings of one rule, on the new code and on the old, speak of the same."""
    if words(finding.message) != words(old.message):
        return False
    file = next((each for each in context.files if each.path == finding.path), None)
    before = next((each for each in context.files if old.path == each.change.old_path), None)
    if file is None or before is None:
        return False
    if file is before and overlap(file.passage, old, file, finding):
        return True
    return (
        "".join(finding.text.split()) == "".join(old.text.split())
        and before.passage.kept(old.line) is None
        and (telling(finding.text) or function_at(file.after, file, finding) == old_function(before, old))
    )


def words(message: str) -> str:
    """A message without the numbers of lines in it."""
    return _NUMBER.sub("0", message)


def overlap(way: Passage, old: Finding, file: ChangedFile, finding: Finding) -> bool:
    """Whether the construct of an old finding became that of the new one, or part of it."""
    first, last = finding.construct or (finding.line, finding.line)
    new = range(file.source_line(first), file.source_line(last) + 1)
    begin, end = old.construct or (old.line, old.line)
    became = (way.after(line) for line in range(begin, end + 1))
    return any(each.start < new.stop and new.start < each.stop for each in became)


def telling(text: str) -> bool:
    """Whether a line holds a name: a lone `else` or a brace stands everywhere."""
    return any(not _KEYWORD.fullmatch(word) for word in _WORD.findall(text))


def function_at(sources: Sequence[Source], file: ChangedFile, finding: Finding) -> str:
    """The name of the function that a finding stands in, "" outside."""
    found = (source.function_at(file.source_line(finding.line)) for source in sources)
    return next((each.name for each in found if each is not None), "")


def old_function(file: ChangedFile, old: Finding) -> str:
    """The name of the function that a finding on the old code stands in, "" outside."""
    found = (source.function_at(old.line) for source in file.before)
    return next((each.name for each in found if each is not None), "")
