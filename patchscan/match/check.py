"""The matches of a row on added lines, asked whether they are new and whether its conditions hold."""

import re
from collections.abc import Iterable, Iterator

from patchscan.basics.keep import kept
from patchscan.basics.pattern import pattern
from patchscan.changedfile import ChangedFile
from patchscan.context import Context
from patchscan.finding import Finding, Silence
from patchscan.match.answer import YES, Answer, unknown
from patchscan.match.conditions import CONDITIONS
from patchscan.match.fix import filled, fix_of
from patchscan.match.matches import Match, new_matches, old_matches
from patchscan.match.place import Place
from patchscan.match.row import Row
from patchscan.match.waking import wakes

# What runs outside the kernel has none of its helpers, and other ways.
_PROGRAM = pattern(rb"^#\s*include\s*<stdio\.h>", re.M)


def check_files(row: Row, context: Context, files: Iterable[ChangedFile]) -> Iterator[Finding | Silence]:
    """Every new place in files that wake a row where it fits and its conditions hold."""
    for file in files:
        matches = list(new_matches(row, file))
        if not matches or _PROGRAM.search(matches[0].source.code):
            continue
        if not is_present(row, context):
            return
        old = old_places(row, file, context)
        for match in matches:
            yield judge(row, Place(match, file, context), is_old(match, old))


def is_present(row: Row, context: Context) -> bool:
    """Whether the tree has what the row says to use; without a tree it is taken to be there."""
    if not row.since or not context.has_tree:
        return True
    path, _, word = row.since.partition(":")
    text = context.view.read(path.strip())
    if text is None:
        return False
    plain = re.escape(word.strip())
    return re.search((rf"\b{plain}\b" if word.strip().isidentifier() else plain).encode(), text) is not None


def old_places(row: Row, file: ChangedFile, context: Context) -> list[tuple[str, str]]:
    """(what stands in the holes, function) of what fitted the row before the patch, on lines that it takes away.

    function: "-" for those in other files, from which it may have moved here.
    """
    known = _old_places(context.whole)
    if row.name not in known:
        known[row.name] = [
            (other, old.key, name_of(old))
            for other in context.whole.c_files
            if other.removed and wakes(row, other.removed_words)
            for old in old_matches(row, other, other.removed_numbers)
        ]
    return [(key, name if other is file else "-") for other, key, name in known[row.name]]


@kept
def _old_places(context: Context) -> dict[str, list[tuple[ChangedFile, str, str]]]:
    """(file, what stands in the holes, function) of what fitted before a patch, by row: asked once for each file."""
    return {}


def is_old(match: Match, old: list[tuple[str, str]]) -> bool:
    """Whether a match only moves, is indented anew or has a variable renamed; what it was is taken from `old`."""
    same = [each for each in old if each[0] == match.key]
    same = same or [each for each in old if each[1] == name_of(match)]
    if same:
        old.remove(same[0])
    return bool(same)


def name_of(match: Match) -> str:
    """The function that a match stands in, "" where it stands in none."""
    return match.function.name if match.function else ""


def judge(row: Row, place: Place, old: bool) -> Finding | Silence:
    """A finding where all conditions hold, else why not; old: the like stood there before the patch."""
    match, file = place.match, place.file
    line = next(
        number for number in range(match.first_line, match.last_line + 1) if number in file.added_numbers
    )
    answers = [cut_off(match)]
    for wish in row.wishes:
        if answers[-1].holds is False:
            break
        if wish.hole == "in" or wish.hole in match.holes:
            answers.append(CONDITIONS[wish.condition].ask(place, wish))
    for answer in answers:
        if answer.holds is False:
            return file.fine(line, answer.reason)
    for answer in answers:
        if answer.holds is None:
            return file.unchecked(line, answer.reason)
    whole = (match.first_line, match.last_line)
    message = filled(row.message, match.holes)
    return file.finding(line, message, construct=whole, fix=fix_of(row, place), preexisting=old)


def cut_off(match: Match) -> Answer:
    """Whether all of the match is sure to be in sight: behind the end of a hunk an else may follow."""
    fragment, last = match.source.fragment, match.nodes[-1]
    if fragment is None:
        return YES
    if match.nodes[0].start_byte < fragment.head or last.end_byte > fragment.tail:
        return unknown("the hunk does not show all of it")
    if last.type != "if_statement" or last.child_by_field_name("alternative") is not None:
        return YES
    if match.source.code[last.end_byte : fragment.tail].strip():
        return YES
    return unknown("an else may follow behind the end of the hunk")
