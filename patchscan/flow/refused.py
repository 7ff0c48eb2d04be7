"""The tests by which a function refused, or passed over a pointer that is NULL, and that a change takes away."""

import re
from collections.abc import Iterator, Mapping, Sequence
from typing import TYPE_CHECKING

from patchscan.basics.nameset import Names
from patchscan.basics.pattern import pattern
from patchscan.basics.record import frozen
from patchscan.c.source import Function
from patchscan.flow.dropped import dropped
from patchscan.flow.outlets import asked_in, atoms, leads_out, text_in

if TYPE_CHECKING:
    from tree_sitter import Node

    from patchscan.diff.lines import Passage, Run

_WORD = pattern(r"[A-Za-z_]\w*")
_CODE = pattern(
    r"-E[A-Z0-9]+\b|\bIRQ_NONE\b|\b[A-Z][A-Z0-9_]*(?:ERR|FAIL|INVAL|CORRUPT|DEFECTIVE)[A-Z0-9_]*\b"
)
_SETS_CODE = pattern(r"\w+ = -E[A-Z0-9]+;")
_GIVEN = pattern(r"= (-E[A-Z0-9]+);")
_PASSES = pattern(r"\{? ?(continue|return|return 0); ?\}?")
_NUMBER = pattern(r"(?:->|\.)(?:\w*_)?(?:len|length|size|sz|count|bytes|num|nr|index|idx|id)$")
_OUT = pattern(r"(goto \w+|return false|return NULL|return|continue|break); ?\}?$")
_LABEL = pattern(r"goto (\w*(?:err|fail|bad|drop|inval)\w*);")
# What is not supported yet, or not yet there, is no fault; what warns, or asks how the kernel was built, is no guard.
_LATER = frozenset(("-EOPNOTSUPP", "-ENOTSUPP", "-ENOSYS", "-EPROBE_DEFER"))
_NO_GUARD = pattern(r"WARN|IS_ENABLED|defined|debug|BUG")
_STATUS = pattern(r"(\w+_)?(ret|retval|ret_val|err|error|rc|rv|res|result|status|r)")
_FOLLOWED = pattern(r"(\w+)(?=->|\.)")
_NOTHING = Names("sizeof likely unlikely NULL true false u8 u16 u32 u64 size_t int unsigned long")
_POINTER = pattern(r"!([a-z_]\w*(?:(?:->|\.)\w+)*)")


@frozen
class Refusal:
    """A test that goes with the lines `old` to `last`.

    names: the members, functions and macros that it asked of; own: the variables; code: with what it left, or by
    which goto; place: the line that stands there now; use: where a pointer is followed that it found to be NULL, or 0;
    end: the line behind what is left of the test at place, or 0.
    """

    what: str
    names: frozenset[str]
    own: frozenset[str]
    code: str
    old: int
    last: int
    place: int
    use: int
    end: int = 0


def refusals(
    function: Function, before: Function, passage: "Passage", added: Mapping[str, Sequence[int]]
) -> Iterator[Refusal]:
    """The tests that a function loses, where a change puts no other test in their place; added: as for dropped()."""
    runs = [run for run in passage.runs if before.first_line < run.old_end and run.old <= before.last_line]
    if any(_asks_anew(function, run) for run in passage.runs):
        return
    asked = asked_in(function)
    found = [
        each
        for run in runs
        if not any(function.source.code_text(line).strip() for line in range(run.new, run.new_end))
        for test in _tests_alone(before, run)
        if (each := _refusal(function, before, run, test)) is not None and each.what not in asked
    ]
    told = {each.old for each in dropped(function, before, passage, added)} if found else ()
    yield from (each for each in found if each.old not in told)


def _asks_anew(function: Function, run: "Run") -> bool:
    """Whether a run of lines brings a test into a function that leads out."""
    return any(
        leads_out(each) and run.new <= function.source.line_of(each) < run.new_end
        for each in (function.nodes("if_statement") if run.new_end > run.new else ())
    )


def _tests_alone(before: Function, run: "Run") -> Sequence["Node"]:
    """The tests that lead out in a run of lines that holds nothing but them, and the codes that they leave with."""
    source = before.source
    tests = [
        each
        for each in before.nodes("if_statement")
        if leads_out(each) and run.old <= source.line_of(each) and source.last_line_of(each) < run.old_end
    ]
    covered = {line for each in tests for line in range(source.line_of(each), source.last_line_of(each) + 1)}
    others = [
        text
        for line in range(run.old, run.old_end)
        if line not in covered and (text := " ".join(source.code_text(line).split()))
    ]
    return tests if all(_SETS_CODE.fullmatch(text) for text in others) else ()


def _refusal(function: Function, before: Function, run: "Run", test: "Node") -> Refusal | None:
    """What one test that goes was good for, None where that is not known."""
    condition = test.child_by_field_name("condition")
    inside = test.child_by_field_name("consequence")
    if condition is None or inside is None:
        return None
    what = text_in(before, condition)
    what = what[1:-1] if what.startswith("(") else what
    names, own = _asked_of(before, what)
    does = text_in(before, inside)
    code = _code(before, run, does)
    use = 0 if code else _followed(function, before, condition, run.new)
    if not code and not use and not _may_be_pointers(before, condition):
        code = _passing(does)
    if (not names and all(_STATUS.fullmatch(word) for word in own)) or _NO_GUARD.search(what):
        return None
    if code in _LATER or (not code and not use):
        return None
    source = before.source
    return Refusal(what, names, own, code, source.line_of(test), source.last_line_of(test), run.new, use)


def _asked_of(before: Function, what: str) -> tuple[frozenset[str], frozenset[str]]:
    """(the members, functions and macros, the variables) in the text of a condition."""
    local = {each.name for each in (*before.locals, *before.parameters)}
    words = [(match[0], what[: match.start()].endswith(("->", "."))) for match in _WORD.finditer(what)]
    names = {word for word, member in words if (member or word not in local) and word not in _NOTHING}
    followed = {match[1] for match in _FOLLOWED.finditer(what)}
    return frozenset(names - followed), frozenset(
        word for word, member in words if not member and word in local and word not in followed
    )


def _code(before: Function, run: "Run", text: str) -> str:
    """With what a test left that goes with a run of lines; text: what it did."""
    last = text.rstrip("} ").rpartition(";")[0].rpartition(";")[2].strip(" {")
    last = last if last else text.strip("{} ")
    if last.startswith("return"):
        found = _CODE.search(last)
        return found[0] if found else ""
    if not last.startswith("goto"):
        return ""
    around = " ".join(before.source.code_text(line) for line in range(run.old, run.old_end))
    found = _GIVEN.search(f"{text} {around}")
    if found:
        return found[1]
    label = _LABEL.fullmatch(f"{last.rstrip(';')};")
    return last if label else ""


def _may_be_pointers(before: Function, condition: "Node") -> bool:
    """Whether a condition asks of nothing but whether pointers are NULL: who is handed one may take that."""
    numbers = {each.name for each in (*before.locals, *before.parameters) if "*" not in each.type}
    found = [_POINTER.fullmatch(text_in(before, atom)) for atom in atoms(condition)]
    return all(each is not None and each[1] not in numbers and not _NUMBER.search(each[1]) for each in found)


def _passing(text: str) -> str:
    """How a test that did nothing else passed over what follows, "" where it did more or did not."""
    left = _PASSES.fullmatch(text)
    return left[1] if left else ""


def _followed(function: Function, before: Function, condition: "Node", first: int) -> int:
    """The line on which a pointer is followed that a condition found to be NULL, 0 where there is none."""
    for atom in atoms(condition):
        line = _followed_by_name(function, text_in(before, atom), first)
        if line:
            return line
    return 0


def _followed_by_name(function: Function, text: str, first: int) -> int:
    """The first line from one on that follows the pointer of which a text asks whether it is NULL, 0 for none."""
    found = _POINTER.fullmatch(text)
    if found is None:
        return 0
    wanted = re.compile(rf"(?<![\w.>]){re.escape(found[1])}->")
    lines = range(first, function.last_line + 1)
    return next((line for line in lines if wanted.search(function.source.code_text(line))), 0)


def loosened(
    function: Function, before: Function, passage: "Passage", added: Mapping[str, Sequence[int]]
) -> Iterator[Refusal]:
    """What a test asks no more that still refuses by its other parts, where a change asks nothing else anew."""
    pairs = list(_still_asking(function, before, passage))
    if not pairs:
        return
    asked = asked_in(function)
    told = {each.old for each in dropped(function, before, passage, added)}
    lines = {
        line
        for _, _, new in pairs
        for line in range(function.source.line_of(new), function.source.last_line_of(new) + 1)
    }
    for run, old, new in pairs:
        left = _alternatives(function, new)
        gone = {text: part for text, part in _alternatives(before, old).items() if text not in left}
        for text in (each for each in gone if each not in asked):
            found = _part(function, before, run, (old, new), gone[text])
            words = (found.names | found.own) if found is not None else frozenset()
            anew = any(line not in lines for word in words for line in added.get(word, ()))
            if found is not None and not anew and found.old not in told:
                yield found


def _still_asking(
    function: Function, before: Function, passage: "Passage"
) -> "Sequence[tuple[Run, Node, Node]]":
    """The tests that a change touches, before and after; none where one asks something anew, or more changes."""
    pairs = []
    for run in passage.runs:
        if run.old_end <= before.first_line or before.last_line < run.old:
            continue
        olds = _leading_out(before, run.old, run.old_end)
        news = _leading_out(function, run.new, run.new_end)
        if len(olds) != len(news) or (not olds and _holds_code(before, function, run)):
            return ()
        pairs += [(run, old, new) for old, new in zip(olds, news, strict=True)]
    for _, old, new in pairs:
        left = _alternatives(function, new)
        if not left or not left.keys() <= _alternatives(before, old).keys():
            return ()
    return pairs


def _holds_code(before: Function, function: Function, run: "Run") -> bool:
    """Whether a run of lines is more than comments and blank lines, on one side or the other."""
    old = any(before.source.code_text(line).strip() for line in range(run.old, run.old_end))
    return old or any(function.source.code_text(line).strip() for line in range(run.new, run.new_end))


def _leading_out(function: Function, first: int, end: int) -> list["Node"]:
    source = function.source
    return [
        each
        for each in function.nodes("if_statement")
        if leads_out(each) and first <= source.line_of(each) < end
    ]


def _alternatives(function: Function, test: "Node") -> Mapping[str, "Node"]:
    """The parts of a test of which each alone makes it true, by their texts."""
    found: dict[str, Node] = {}
    ahead = [test.child_by_field_name("condition")]
    while ahead:
        node = ahead.pop()
        operator = node.child_by_field_name("operator") if node is not None else None
        if node is None:
            continue
        if node.type == "parenthesized_expression":
            ahead += node.named_children
        elif node.type == "binary_expression" and operator is not None and operator.type == "||":
            ahead += [node.child_by_field_name("left"), node.child_by_field_name("right")]
        else:
            found[text_in(function, node)] = node
    return found


def _part(
    function: Function, before: Function, run: "Run", tests: tuple["Node", "Node"], part: "Node"
) -> Refusal | None:
    """What one part of a test was good for, None where that is not known; tests: before and after."""
    test, left = tests
    inside = test.child_by_field_name("consequence")
    what = text_in(before, part)
    names, own = _asked_of(before, what)
    if (
        inside is None
        or _NO_GUARD.search(what)
        or (not names and all(_STATUS.fullmatch(word) for word in own))
    ):
        return None
    does = text_in(before, inside)
    code = _code(before, run, does)
    by_name = f"!{what.removesuffix(' == NULL')}" if what.endswith(" == NULL") else what
    use = _followed_by_name(function, by_name, run.new)
    if not code and not use and (by_name != what or _may_be_pointers(before, part)):
        return None
    code = code or _leaves(does)
    if code in _LATER or not code:
        return None
    first, end = function.source.line_of(left), function.source.last_line_of(left) + 1
    old, last = before.source.line_of(test), before.source.last_line_of(test)
    return Refusal(what, names, own, code, old, last, first, use, end)


def _leaves(text: str) -> str:
    """How a test left that did so without an error code."""
    found = _OUT.search(text)
    return found[1] if found else ""


def kept(found: Sequence[Refusal], removed: Sequence[tuple[int, str]]) -> Iterator[Refusal]:
    """The tests that go while what they asked of stays; removed: the lines that a change takes away."""
    gone = {line for each in found for line in range(each.old, each.last + 1)}
    words = {word for line, text in removed if line not in gone for word in _WORD.findall(text)}
    return (each for each in found if each.names.isdisjoint(words))
