"""One file that a patch changes: its lines, and its C code before and after the patch."""

import re
import sys
from bisect import bisect_left
from collections.abc import Callable, Container, Iterator, Mapping, Sequence
from functools import cached_property

from patchscan.basics.pattern import pattern
from patchscan.c.source import Call, Function, Source, parse, parse_fragment
from patchscan.diff.lines import Passage, passage
from patchscan.finding import Evidence, Finding, Fix, GivenConfidence, GivenSeverity, Silence
from patchscan.series import FileChange, Hunk, Line
from patchscan.shelf import Shelf
from patchscan.tree.overlay import FileState, Used

_IDENTIFIER = pattern(r"[A-Za-z_]\w*")
_TOKENS = pattern(r"[A-Za-z_]\w*|&&|\|\||\?")
_LABEL = pattern(r"\s*\w+\s*:(?!:)")
# What decides which way a function takes.
_STEERS = pattern(
    r"if|else|return|goto|break|continue|for|while|do|switch|case|default|&&|\|\||\?|\w*(for_each|guard|scoped|BUG|panic)\w*"
)
NOT_KERNEL = ("tools/", "samples/", "scripts/", "Documentation/")


def encode(text: str) -> bytes:
    """The bytes that a line of mail stood for (surrogateescape, as patchscan.mail decodes)."""
    return text.encode("utf-8", "surrogateescape")


class ChangedFile:
    """One file of the patch: its lines, and its C code before and after the patch.

    In `tree` mode there is one Source a side, the whole file; in `hunk` mode one fragment a hunk. Rules use
    the line numbers of the sources; findings carry those of the patch as its author wrote it (see patch_line),
    which differ where a hunk applies to our tree with an offset. shelf: where it is put when its sources are read.
    """

    def __init__(self, state: FileState, shelf: "Shelf[ChangedFile] | None" = None) -> None:
        self.state = state
        self.shelf = shelf
        self.change: FileChange = state.change
        self.path: str = state.change.path
        self.used: Used = state.used

    @cached_property
    def is_c(self) -> bool:
        """C source or header of the kernel itself, not of its tools, samples and scripts."""
        return self.path.endswith((".c", ".h")) and not self.path.startswith(NOT_KERNEL)

    @cached_property
    def added(self) -> tuple[Line, ...]:
        """The lines that the patch adds; their `new` numbers are the patch's own."""
        return tuple(line for hunk in self.change.hunks for line in hunk.lines if line.kind == "+")

    @cached_property
    def removed(self) -> tuple[Line, ...]:
        """The lines that the patch takes away."""
        return tuple(line for hunk in self.change.hunks for line in hunk.lines if line.kind == "-")

    @cached_property
    def raw_words(self) -> frozenset[str]:
        """The words on added lines, those of comments and strings included: the cheap question of many rules."""
        return frozenset(word for line in self.added for word in _IDENTIFIER.findall(line.text))

    @cached_property
    def added_text(self) -> str:
        """The added lines as one text."""
        return "\n".join(line.text for line in self.added)

    @cached_property
    def removed_words(self) -> frozenset[str]:
        """The words on removed lines, those of comments and strings included."""
        return frozenset(word for line in self.removed for word in _IDENTIFIER.findall(line.text))

    def adds(self, *words: str) -> bool:
        """Whether an added line holds one of these strings: the cheap question to ask first."""
        return any(word in self.added_text for word in words)

    def touches(self, *words: str) -> bool:
        """Whether an added or a removed line holds one of these strings: to ask first where a deletion matters."""
        return self.adds(*words) or any(word in self._removed_text for word in words)

    def shows(self, *texts: str) -> bool:
        """Whether the code after the patch, as far as it is at hand, holds one of these strings; nothing is parsed."""
        if self.state.after is not None:
            return any(encode(text) in self.state.after for text in texts)
        lines = (line.text for hunk in self.change.hunks for line in hunk.lines if line.kind != "-")
        return any(text in line for line in lines for text in texts)

    @cached_property
    def _removed_text(self) -> str:
        return "\n".join(line.text for line in self.removed)

    @cached_property
    def _placed_hunks(self) -> tuple[tuple[Hunk, int], ...]:
        """Each hunk with its offset: the line in our tree minus the line in its header."""
        offsets = self.state.offsets or (0,) * len(self.change.hunks)
        return tuple(zip(self.change.hunks, offsets, strict=True))

    @cached_property
    def _stretches(self) -> tuple[tuple[int, int, int], ...]:
        """(first line, last line, offset) of the sources here: each hunk with the lines nearer to it than to another.

        Where between two hunks the offset changes is not known; the middle keeps a function beside its hunk whole.
        """
        ends, middles = [(0, 0, 0)], [0]
        for hunk, offset in self._placed_hunks:
            _, end, before = ends[-1]
            start = hunk.new_start + offset
            middle = min((end + start) // 2, hunk.new_start + before)
            # No line of the one stretch has a number that one of the other has, or one below 1.
            middles.append(max(middle, end - before + offset, end))
            ends.append((start, start + hunk.new_count, offset))
        return tuple(
            (first + 1, last, offset)
            for first, last, (_, _, offset) in zip(middles, (*middles[1:], sys.maxsize), ends, strict=True)
        )

    def patch_line(self, line: int) -> int:
        """A line of the sources here -> the number that line has in the patch."""
        return next((line - offset for first, _, offset in reversed(self._stretches) if line >= first), line)

    def source_line(self, line: int) -> int:
        """A line of the patch -> the number that line has in the sources here."""
        for first, last, offset in self._stretches:
            if first <= line + offset <= last:
                return line + offset
        return next(
            (line + offset for first, _, offset in reversed(self._stretches) if line + offset >= first), line
        )

    @cached_property
    def added_numbers(self) -> frozenset[int]:
        """The added lines, as the sources of `after` number them."""
        return frozenset(
            line.new + offset
            for hunk, offset in self._placed_hunks
            for line in hunk.lines
            if line.kind == "+" and line.new is not None
        )

    @cached_property
    def removed_numbers(self) -> frozenset[int]:
        """The lines that the patch takes away or rewrites, as the sources of `before` number them."""
        return frozenset(line for run in self.passage.runs for line in range(run.old, run.old_end))

    @cached_property
    def touched_numbers(self) -> frozenset[int]:
        """The added lines, and for removed ones the line that now stands in their place."""
        places = set(self.added_numbers)
        for hunk, offset in self._placed_hunks:
            number = hunk.new_start
            for line in hunk.lines:
                if line.kind == "-":
                    places.add(number + offset)
                elif line.new is not None:
                    number = line.new + 1
        return frozenset(places)

    @cached_property
    def passage(self) -> Passage:
        """Where the lines of `before` stand in `after`."""
        return passage(self.change.hunks, self.state.offsets)

    @cached_property
    def after(self) -> tuple[Source, ...]:
        """The C code after the patch."""
        if self.shelf is not None:
            self.shelf.put(self)
        if self.state.after is not None:
            return (parse(self.state.after, self.path),)
        return tuple(self._fragments("+"))

    @cached_property
    def before(self) -> tuple[Source, ...]:
        """The C code before the patch."""
        if self.shelf is not None:
            self.shelf.put(self)
        if self.state.before is not None:
            return (parse(self.state.before, self.change.old_path or self.path),)
        return tuple(self._fragments("-"))

    def _fragments(self, side: str) -> Iterator[Source]:
        for hunk in self.change.hunks:
            lines = [encode(line.text) for line in hunk.lines if line.kind in (side, " ")]
            start = hunk.new_start if side == "+" else hunk.old_start
            if lines:
                yield parse_fragment(lines, start, encode(hunk.section), self.path)

    def functions_read(self) -> Iterator[Function]:
        """The functions, before the patch and after it, of the code that somebody has read so far."""
        for side in ("before", "after"):
            for source in self.__dict__.get(side, ()):
                yield from source.__dict__.get("_functions", ())

    def forget(self, parting: Callable[[Source], None] | None = None) -> None:
        """Let go of the sources and of what was made of them; parting: what is then done with each source."""
        for name in ("before", "after", "functions", "_by_line", "_known"):
            gone = self.__dict__.pop(name, None)
            if parting is not None and name in ("before", "after"):
                for source in gone or ():
                    parting(source)

    @cached_property
    def touched(self) -> tuple[tuple[str, str, bool], ...]:
        """(path, name, whether it is partial) of each function that the patch touches."""
        return tuple((self.path, each.name, each.partial) for each in self.functions)

    @cached_property
    def functions(self) -> tuple[Function, ...]:
        """The functions, after the patch, that hold an added line or the place of a removed one."""
        touched = sorted(self.touched_numbers)
        found: dict[int, Function] = {}
        for source in self.after:
            for function in source.functions():
                next_one = bisect_left(touched, function.first_line)
                if next_one < len(touched) and touched[next_one] <= function.last_line:
                    found[function.first_line] = function
        return tuple(found[key] for key in sorted(found))

    @cached_property
    def may_define(self) -> bool:
        """Whether an added line may be the head of a function or macro, which no statement is."""
        return any(
            not line.text.rstrip().endswith(";") or "{" in line.text or "#" in line.text
            for line in self.added
        )

    def before_of(self, name: str) -> Function | None:
        """The function of that name before the patch, None where it was not there or is not visible."""
        return self._named_before.get(name)

    @cached_property
    def _named_before(self) -> Mapping[str, Function]:
        functions = [function for source in self.before for function in source.functions()]
        return {function.name: function for function in reversed(functions)}

    def changed_words(self, function: Function) -> frozenset[str] | None:
        """The identifiers on the lines of a function that the patch adds, changes or takes away.

        None where the function is new, or where these lines steer: then every way through it may be another one.
        """
        before = self.before_of(function.name)
        if before is None:
            return None
        found: set[str] = set()
        for side, numbers in ((function, self.added_numbers), (before, self.removed_numbers)):
            for number in side.lines_among(numbers):
                text = side.source.code_text(number) or ""
                found.update(_TOKENS.findall(text))
                if _LABEL.match(text):
                    return None
        return None if any(map(_STEERS.fullmatch, found)) else frozenset(found)

    def added_calls(self, names: Container[str] | Callable[[str], bool]) -> Iterator[tuple[Function, Call]]:
        """Calls of these functions on added lines, each with the function it stands in."""
        wanted = names if callable(names) else names.__contains__
        for function in self.functions:
            for call in function.calls():
                if call.line in self.added_numbers and wanted(call.name):
                    yield function, call

    def text_at(self, line: int) -> str:
        """The text of a line after the patch (numbers of the sources); "" where it is not known."""
        return next((text for source in self._sources_of(line) if (text := source.line_text(line))), "")

    def _sources_of(self, line: int) -> Sequence[Source]:
        """Those of `after` that show a line, in order."""
        return self.after if len(self.after) == 1 else self._by_line.get(line, ())

    @cached_property
    def _by_line(self) -> Mapping[int, Sequence[Source]]:
        found: dict[int, list[Source]] = {}
        for source in self.after:
            for line in source.lines:
                found.setdefault(line, []).append(source)
        return found

    @cached_property
    def added_words(self) -> Mapping[str, tuple[int, ...]]:
        """The identifiers on added lines, outside comments and strings where it is C, with their lines."""
        found: dict[str, list[int]] = {}
        texts = {line.new: line.text for line in self.added}
        is_code = bool(self.after) and self.path.endswith((".c", ".h"))
        for number in sorted(self.added_numbers):
            text = self.code_at(number) if is_code else texts[self.patch_line(number)]
            for word in set(_IDENTIFIER.findall(text)):
                found.setdefault(word, []).append(number)
        return {word: tuple(lines) for word, lines in found.items()}

    @cached_property
    def _removed_texts(self) -> frozenset[str]:
        return frozenset("".join(line.text.split()) for line in self.removed)

    def was_there(self, line: int) -> bool:
        """Whether an added line only moves or indents a line that this patch takes away from the file."""
        if line not in self._were_there:
            self._were_there[line] = self.takes_away(self.text_at(line))
        return self._were_there[line]

    @cached_property
    def _were_there(self) -> dict[int, bool]:
        """What was_there() found so far: a long line is asked for once a call on it."""
        return {}

    def takes_away_any(self, texts: frozenset[str]) -> bool:
        """Whether it removes one of some lines, given without white space."""
        return not self._removed_texts.isdisjoint(texts)

    def takes_away(self, text: str) -> bool:
        """Whether the patch removes a line of this text from the file, white space aside."""
        return "".join(text.split()) in self._removed_texts

    def code_at(self, line: int) -> str:
        """Like text_at, with comments and the contents of strings blank."""
        return next((text for source in self._sources_of(line) if (text := source.code_text(line))), "")

    def finding(
        self,
        line: int,
        message: str,
        evidence: tuple[Evidence, ...] = (),
        construct: tuple[int, int] | None = None,
        severity: GivenSeverity = "",
        confidence: GivenConfidence = "",
        fix: Fix | None = None,
        preexisting: bool = False,
        model: str | None = None,
    ) -> Finding:
        """A finding at a line of the sources here; construct: the first and last line of what is judged, where that
        is more than the line; the other words are fields of Finding.
        """
        judged = (self.patch_line(construct[0]), self.patch_line(construct[1])) if construct else None
        return Finding(
            self.path,
            self.patch_line(line),
            message,
            evidence,
            fix,
            model,
            severity=severity,
            confidence=confidence,
            preexisting=preexisting,
            construct=judged,
        )

    def evidence(self, line: int, text: str = "") -> Evidence:
        """A line of this file that supports a finding."""
        return Evidence(self.path, self.patch_line(line), text or self.text_at(line))

    @cached_property
    def _known(self) -> dict[int, str]:
        """The lines after the patch by their number in the sources: the whole file, or those of its hunks."""
        if self.state.after is not None:
            text = self.state.after.decode("utf-8", "surrogateescape").removesuffix("\n")
            return dict(enumerate(text.split("\n"), 1))
        return dict(self.shown)

    @cached_property
    def shown(self) -> Mapping[int, str]:
        """The lines after the patch that its hunks show, by the patch's own numbers."""
        lines = (line for hunk in self.change.hunks for line in hunk.lines)
        return {line.new: line.text for line in lines if line.new is not None}

    def replacement(self, first: int, last: int, *lines: str) -> Fix | None:
        """A fix: an edit on top of the patch that puts `lines` in the place of lines first to last of the sources.

        None where one of these lines is not known.
        """
        from patchscan.diff.write import edit_of

        if not all(number in self._known for number in range(first, last + 1)):
            return None
        return (edit_of(self.path, self._known, first, last, lines, self.patch_line(first) - first),)

    def edited(self, edits: Sequence[tuple[int, int, Sequence[str]]]) -> Fix | None:
        """A fix of several places: (first line, last line, new lines) each, of the sources; None as replacement()."""
        from patchscan.diff.write import edits_of

        if not all(line in self._known for first, last, _ in edits for line in range(first, last + 1)):
            return None
        return edits_of(self.path, self._known, edits, lambda line: self.patch_line(line) - line)

    def substitution(self, line: int, old: str, new: str) -> Fix | None:
        """A fix: one piece of a line in place of another; None where the line does not hold it exactly once."""
        text = self._known.get(line, "")
        found = list(re.finditer(rf"(?<!\w){re.escape(old)}", text))
        if len(found) != 1:
            return None
        return self.replacement(line, line, text[: found[0].start()] + new + text[found[0].end() :])

    def fine(self, line: int, reason: str) -> Silence:
        """The line was looked at and nothing is wrong with it."""
        return Silence(self.path, self.patch_line(line), reason, checked=True)

    def unchecked(self, line: int, reason: str) -> Silence:
        """The rule abstains: it cannot know."""
        return Silence(self.path, self.patch_line(line), reason, checked=False)
