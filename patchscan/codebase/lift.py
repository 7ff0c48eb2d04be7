"""Files as a series wants them where its hunks do not apply to the tree: what fits, and functions from the patch.

Each hunk is tried alone; one that fits nowhere is placed by its changed lines, if those stand in the file once;
what is left gives its complete functions, which replace those of the same name. All of it is said in the notes.
Where the tree holds a version of the patch, a hunk whose outcome stands there is left alone.
"""

import re
from collections.abc import Mapping, Sequence, Set

from patchscan.basics.pattern import pattern
from patchscan.basics.record import frozen
from patchscan.c.branches import OPENS, branches
from patchscan.c.lexical import comments_blank
from patchscan.codebase.standing import (
    adds_what_stands,
    belongs,
    changes_beside,
    functions_of,
    last_function,
    stands,
)
from patchscan.diff.apply import HunkFailure, apply_hunks
from patchscan.series import FileChange, Hunk, Line
from patchscan.tree.overlay import PatchState

_HEAD = rb"^(?:[A-Za-z_][^\n;={}()]*\n)?(?:[A-Za-z_][\w \t*]*[ \t*])?%s[ \t]*\([^;{}]*\)\s*\n\{"
_DEFINITION = pattern(_HEAD % rb"(\w+)", re.M)
_NAMED_END = pattern(rb"!?\s*\b(CONFIG_\w+)\b")
_PER_CPU = pattern(rb"^(?:DEFINE|DECLARE)_PER_CPU[^\n]*;[ \t]*$", re.M)


@frozen
class Lifted:
    """A file's content, and what in it does not come from applying the patch: one sentence each.

    lost: functions whose code it should have changed, by hunks that were left out; the file itself, where some of the
    patch could not be read.
    """

    content: bytes
    notes: tuple[str, ...]
    lost: frozenset[str] = frozenset()


@frozen
class LiftedFiles:
    """What a series changes, as its last patch leaves it, with the notes on it; lost: see Lifted."""

    contents: Mapping[str, bytes | None]
    notes: tuple[str, ...]
    lost: frozenset[str]


def lifted_files(states: Sequence[PatchState]) -> LiftedFiles:
    """The files that the patches so far change, as the last of them leaves them."""
    contents: dict[str, bytes | None] = {}
    notes: dict[str, None] = {}
    lost: frozenset[str] = frozenset()
    for state in states:
        for file in state.files:
            path = file.change.path
            lifted_before = path in contents and not _applied(states, path, state)
            if file.used == "tree" and not lifted_before:
                contents[path] = file.after
            elif file.used != "text":
                before = contents.get(path, state.view.read(path)) or b""
                result = lift(before, file.change, state.held)
                contents[path] = result.content
                notes.update(dict.fromkeys(result.notes))
                lost |= result.lost
    return LiftedFiles(contents, tuple(notes), lost)


def _applied(states: Sequence[PatchState], path: str, until: PatchState) -> bool:
    """Whether every earlier patch to the path applied."""
    for state in states:
        if state is until:
            return True
        if any(file.change.path == path and file.used != "tree" for file in state.files):
            return False
    return True


def lift(before: bytes, change: FileChange, held: bool = False) -> Lifted:
    """One file's content with each hunk applied, placed, or its functions taken over; held: see PatchState."""
    content, notes, left = _each_alone(before, change, held)
    lost: frozenset[str] = frozenset()
    taken: frozenset[str] = frozenset()
    for numbers, hunk, torn in _joined(left, before):
        where = f"{change.path}, hunk {numbers} of {len(change.hunks)}"
        content, names = _take_functions(content, hunk, taken)
        taken |= frozenset(names)
        missing = functions_of(hunk) - frozenset(names)
        lost |= missing | torn
        if (not names and changes_beside(hunk)) or any(not _mentions(before, name) for name in missing):
            lost |= {change.path}
        if names:
            notes.append(f"{where}: {', '.join(names)} taken from the patch text")
        else:
            inside = f" ({', '.join(sorted(missing))})" if missing else ""
            notes.append(f"{where}{inside}: left out, it fits nowhere")
    if change.damaged:
        lost |= {change.path}
        notes.append(f"{change.path}: {change.damaged}")
    return Lifted(content, tuple(notes), lost)


def _each_alone(
    content: bytes, change: FileChange, held: bool
) -> tuple[bytes, list[str], list[tuple[int, Hunk]]]:
    """The content with each hunk that can be applied or placed, notes on that, and the other hunks by number."""
    notes, left, standing = list[str](), list[tuple[int, Hunk]](), 0
    for number, hunk in enumerate(change.hunks, 1):
        if held and stands(content, hunk):
            standing += 1
            continue
        if held and adds_what_stands(content, hunk):
            left.append((number, hunk))
            continue
        placed = _in_place(content, hunk)
        if placed is not None:
            content = placed
            continue
        placed = _place(content, hunk, held)
        if placed is None:
            left.append((number, hunk))
            continue
        content = placed
        notes.append(f"{change.path}, hunk {number} of {len(change.hunks)}: placed by its changed lines")
    if 0 < standing < len(change.hunks):
        notes.insert(0, f"{change.path}: {standing} of {len(change.hunks)} hunks are in the tree already")
    return content, notes, left


def _joined(left: Sequence[tuple[int, Hunk]], content: bytes) -> list[tuple[str, Hunk, frozenset[str]]]:
    """Hunks that fit nowhere; one that ends inside a function is joined with the next, by what lies between in the
    file if both ends stand there as far from each other; with the functions of which some code between is not known."""
    joined: list[tuple[str, Hunk, frozenset[str]]] = []
    last, end = 0, 0
    for number, hunk in left:
        if joined and number == last + 1 and _is_open(joined[-1][1]):
            numbers, earlier, torn = joined[-1]
            between = _between(content, earlier, hunk, hunk.new_start - end)
            lines = earlier.lines + (between + hunk.lines if between else _whole_statements(hunk))
            both = Hunk(
                earlier.old_start,
                earlier.old_count,
                earlier.new_start,
                earlier.new_count,
                earlier.section,
                lines,
            )
            if not between and hunk.new_start > end:
                torn |= {name for name in last_function(earlier) if not _of_other_option(content, hunk, name)}
            joined[-1] = (f"{numbers} and {number}", both, torn)
        else:
            joined.append((str(number), hunk, frozenset()))
        last, end = number, hunk.new_start + hunk.new_count
    return joined


def _of_other_option(content: bytes, hunk: Hunk, name: str) -> bool:
    """Whether a function that ends in a hunk is that of an option which the file does not know, and its #else, which
    is in force, has it whole."""
    _, _, after = b"".join(_bytes(hunk, " +")).partition(b"\n#else")
    other, _, ending = after.partition(b"\n#endif")
    option = _NAMED_END.search(ending.partition(b"\n")[0])
    whole = {
        each.group(1).decode("latin-1")
        for each in _DEFINITION.finditer(other)
        if other.find(b"\n}", each.end()) >= 0
    }
    return name in whole and option is not None and b"!" not in option[0] and option[1] not in content


def _between(content: bytes, first: Hunk, second: Hunk, count: int) -> tuple[Line, ...]:
    """The lines of a file between the context that ends one hunk and that which begins the next, () where no place, or
    more than one, has as many."""
    lines = content.decode("utf-8", "surrogateescape").split("\n")
    if first.lines[-1].kind != " " or second.lines[0].kind != " " or count <= 0:
        return ()
    above, below = first.lines[-1].text, second.lines[0].text
    found = [
        index
        for index, text in enumerate(lines[: -count - 1])
        if text == above and lines[index + count + 1] == below
    ]
    if len(found) != 1:
        return ()
    texts = lines[found[0] + 1 : found[0] + 1 + count]
    return tuple(Line(" ", text, None, None) for text in texts)


def _is_open(hunk: Hunk) -> bool:
    """Whether the text after the patch ends inside a function."""
    text = b"".join(_bytes(hunk, " +"))
    return text.rfind(b"\n{") > text.rfind(b"\n}")


def _whole_statements(hunk: Hunk) -> tuple[Line, ...]:
    """The lines of a hunk without the end of a statement that begins before it."""
    for index, line in enumerate(hunk.lines):
        if line.kind != " " or line.text.count(")") <= line.text.count("("):
            return hunk.lines
        if line.text.rstrip().endswith(";"):
            return hunk.lines[index + 1 :]
    return hunk.lines


def _bytes(hunk: Hunk, kinds: str) -> list[bytes]:
    return [line.text.encode("utf-8", "surrogateescape") + b"\n" for line in hunk.lines if line.kind in kinds]


def _mentions(content: bytes, name: str) -> bool:
    return re.search(rb"\b%s\b" % name.encode(), content) is not None


def _in_place(content: bytes, hunk: Hunk) -> bytes | None:
    """The content with the hunk laid over it, None where that fails, or hits another function than that it names."""
    try:
        applied = apply_hunks(content, [hunk])
    except HunkFailure:
        return None
    unchanged = next((index for index, line in enumerate(hunk.lines) if line.kind != " "), 0)
    line = hunk.new_start - (1 if hunk.new_count else 0) + applied.offsets[0] + unchanged
    return applied.content if belongs(applied.content, line, hunk) else None


def _place(content: bytes, hunk: Hunk, held: bool) -> bytes | None:
    """The content with the hunk's change made where its changed lines, or those next to them, stand once, in the
    function that it names.

    held: what the file has between lines that are next to each other in the patch may be another form of the change,
    which would stay beside it.
    """
    changed = [index for index, line in enumerate(hunk.lines) if line.kind != " "]
    if not changed:
        return None
    first, last = changed[0], changed[-1]
    most = max(first, len(hunk.lines) - 1 - last)
    adds_alone = all(line.kind != "-" for line in hunk.lines)
    for less in range(most + 1):
        if held and adds_alone and (less >= first > 0 or less >= len(hunk.lines) - 1 - last > 0):
            return None
        core = hunk.lines[min(less, first) : max(last + 1, len(hunk.lines) - less)]
        old = b"".join(
            line.text.encode("utf-8", "surrogateescape") + b"\n" for line in core if line.kind != "+"
        )
        new = b"".join(
            line.text.encode("utf-8", "surrogateescape") + b"\n" for line in core if line.kind != "-"
        )
        if len(old.strip()) > 8 and content.count(old) == 1:
            line = content[: content.index(old)].count(b"\n") + first - min(less, first)
            return content.replace(old, new) if belongs(content, line, hunk) else None
    for side in (hunk.lines[last + 1 :], hunk.lines[:first]):
        anchors = [line for line in side if len(line.text.strip()) > 8]
        if any(hunk.lines[index].kind == "-" for index in changed) or not anchors:
            continue
        anchor = b"\n" + anchors[0].text.encode("utf-8", "surrogateescape") + b"\n"
        if content.count(anchor) == 1:
            added = b"".join(_bytes(hunk, "+"))
            at = content.index(anchor) + 1
            if not belongs(content, content[:at].count(b"\n"), hunk):
                return None
            return content[:at] + added + content[at:]
    return None


def _take_functions(content: bytes, hunk: Hunk, taken: Set[str]) -> tuple[bytes, list[str]]:
    """The content with the hunk's complete functions in place of those of the same name, or beside them where an
    earlier hunk gave them: the other one stands under another condition."""
    text = _balanced(b"".join(_bytes(hunk, " +")))
    found = [match for match in _DEFINITION.finditer(text) if text.find(b"\n}", match.end()) >= 0]
    added = b"".join(_bytes(hunk, "+"))
    names = list(dict.fromkeys(match.group(1).decode("latin-1") for match in found))
    changed = [
        name for name in names if re.search(rb"\b%s\b" % name.encode(), added) or _body_changes(hunk, name)
    ]
    if not changed:
        return content, []
    start = found[0].start()
    conditions = [each for each in branches(comments_blank(text)).found if each.start < start]
    block = text[conditions[0].start if conditions else start :]
    end = max(block.rfind(b"\n}\n") + 3, block.rfind(b"#endif"))
    block = block[: block.find(b"\n", end) + 1] if end < len(block) else block
    for name in (each for each in names if each not in taken):
        content = _without(content, name.encode())
    extra = [line.group() for line in _PER_CPU.finditer(text) if line.group() not in content + block]
    return content.rstrip() + b"\n" + b"\n".join(extra) + b"\n" + block + b"\n", names


def _body_changes(hunk: Hunk, name: str) -> bool:
    """Whether a line changes below the line that names a function."""
    inside = False
    for line in hunk.lines:
        if re.match(rf"[A-Za-z_].*\b{re.escape(name)}\s*\(", line.text):
            inside = True
        elif line.text.startswith("}"):
            inside = False
        if inside and line.kind != " ":
            return True
    return False


def _balanced(text: bytes) -> bytes:
    """The text with the #if that its first #else or #endif belongs to put in front, its condition as the
    comment on the #endif names it, and with #endif for what is left open."""
    found = branches(comments_blank(text))
    above = [each for each in found.found if each.opener < 0]
    ends = [text[each.start :].partition(b"\n")[0] for each in above if each.name == "endif"]
    named = _NAMED_END.search(ends[0]) if ends else None
    missing = b"#ifdef %s\n" % named.group(1) if named else b"#if 1\n" if above else b""
    opened = sum(each.name in OPENS for each in found.found) - len(found.closed - {-1})
    return missing + text + b"#endif\n" * (opened + (bool(above) and not ends))


def _without(content: bytes, name: bytes) -> bytes:
    """The content without the definitions of one function; it stays in place of the first of them."""
    pattern = re.compile(_HEAD % name, re.M)
    while (found := pattern.search(content)) is not None:
        end = content.find(b"\n}", found.end())
        if end < 0:
            break
        content = content[: found.start()] + content[end + 2 :]
    return content
