"""What a change no longer asks: tests that led out of a function, limits to a number, and results of calls."""

from collections.abc import Collection, Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Literal

from patchscan.basics.nameset import Names
from patchscan.basics.pattern import pattern
from patchscan.basics.record import frozen
from patchscan.c.source import Call, Function
from patchscan.flow.outlets import (
    asked_in,
    asks_least,
    asks_others,
    atoms,
    bounded,
    leads_out,
    leads_to_failure,
    text_in,
    use_behind,
    words_asked,
)
from patchscan.flow.resources import returns_null
from patchscan.flow.wellknown import listed

if TYPE_CHECKING:
    from tree_sitter import Node

    from patchscan.diff.lines import Passage, Run

_LIMITS = Names("min min_t min3 umin clamp clamp_t clamp_val")
# What becomes of a thing that goes, or of a message, interests nobody.
_NOBODY_ASKS = pattern(
    r"debugfs|print|log|dbg|warn|trace|free|disable|stop|put|unregister|remove|destroy|del|reset|suspend|cancel|flush|"
    r"clear|unmap|unlock|close|exit|cleanup|notify|wake"
)
_RETURNS = pattern(r"return (\w+);")
_STATUS_NAME = pattern(r"(\w+_)?(ret|retval|ret_val|err|error|rc|rv|res|result|status|val)")

Kind = Literal["test", "limit", "result", "code"]


@frozen
class Dropped:
    """What was asked on line `old` and is not asked any more.

    what: the text that asked; subject: what it asked of, or the call; place: the line that stands there now; use: the
    line on which the subject is used now.
    """

    kind: Kind
    what: str
    subject: str
    old: int
    place: int
    use: int


def dropped(
    function: Function, before: Function, passage: "Passage", added: Mapping[str, Sequence[int]]
) -> Iterator[Dropped]:
    """What a function asked before a change and does not ask after it.

    added: the words on lines that are new, with these lines. What was asked of a word that is on a new line may be
    asked there.
    """
    for run in passage.runs:
        if run.old_end <= before.first_line or run.old > before.last_line:
            continue
        if not any(function.source.code_text(line).strip() for line in range(run.new, run.new_end)):
            yield from _tests(function, before, run, added)
            yield from _limits(function, before, run, added)
            yield from _capped(function, before, run, added)
        else:
            yield from _results(function, before, run)
            yield from _weakened(function, before, run, added)
            yield from _unlimited(function, before, run)
            yield from _uncoded(function, before, run)


def _tests(
    function: Function, before: Function, run: "Run", added: Mapping[str, Sequence[int]]
) -> Iterator[Dropped]:
    """The tests that go with a run of lines that holds nothing else but what is computed for them."""
    left = [each for each in before.nodes("if_statement") if _inside(before, each, run) and leads_out(each)]
    idle = [
        statement
        for each in before.nodes("assignment_expression")
        if _inside(before, each, run)
        and (name := each.child_by_field_name("left")) is not None
        and text_in(before, name) not in function.identifiers
        and name.type == "identifier"
        and (statement := before.statement_of(each)) is not None
    ]
    covered = {
        line
        for each in (*left, *idle)
        for line in range(before.source.line_of(each), before.source.last_line_of(each) + 1)
    }
    if any(
        before.source.code_text(line).strip() and line not in covered for line in range(run.old, run.old_end)
    ):
        return
    for each in left:
        condition = each.child_by_field_name("condition")
        if condition is None or not words_asked(before, condition).isdisjoint(added):
            continue
        call = _answered(before, each, condition)
        if call is not None and run.old > before.source.last_line_of(call.node):
            if _stands(function, text_in(before, call.node)):
                yield Dropped("result", call.name, call.name, before.source.line_of(each), run.new, run.new)
            continue
        yield from _of_condition(function, before, run, condition)


def _of_condition(function: Function, before: Function, run: "Run", condition: "Node") -> Iterator[Dropped]:
    """The first part of a condition that is asked nowhere in the function any more, of what is still used."""
    if asks_others(before, condition) and "&&" in text_in(before, condition):
        return
    asked = asked_in(function)
    for atom in atoms(condition):
        subject, text = bounded(function, before, atom, run.new), text_in(before, atom)
        use = use_behind(function, subject, run.new) if subject and text not in asked else 0
        if subject and not use and asks_least(before, atom, subject) and text not in asked:
            use = run.new
        if use:
            yield Dropped("test", text, subject, before.source.line_of(condition), run.new, use)
            return


def _answered(function: Function, test: "Node", condition: "Node") -> Call | None:
    """The call whose result a test looks at that leads out, of a number with return or goto; None for none."""
    statement = test.prev_named_sibling
    value = statement.named_children[0] if statement is not None and statement.named_children else None
    if value is None or value.type != "assignment_expression":
        return None
    name, right = value.child_by_field_name("left"), value.child_by_field_name("right")
    if name is None or right is None or right.type != "call_expression":
        return None
    call, text, key = function.call(right), text_in(function, condition).strip("()"), text_in(function, name)
    if text in (key, f"{key} < 0", f"IS_ERR({key})", f"IS_ERR_OR_NULL({key})"):
        return call if leads_to_failure(test) and not _NOBODY_ASKS.search(call.name) else None
    local = key in (each.name for each in function.locals)
    if text in (f"!{key}", f"{key} == NULL") and not local:
        return call if returns_null(call.name) or listed(call.name) == "null" else None
    return None


def _stands(function: Function, text: str) -> bool:
    """Whether a call is still assigned to something, in a function that has one of that text."""
    return [text_in(function, call.node) for call in function.calls()].count(text) == 1


def _weakened(
    function: Function, before: Function, run: "Run", added: Mapping[str, Sequence[int]]
) -> Iterator[Dropped]:
    """Parts of a test of which the others stay."""
    tests = [each for each in function.nodes("if_statement") if leads_out(each)]
    news = _lines_of_more(function, tests, asked_in(before))
    new = [each for each in tests if run.new <= function.source.line_of(each) < run.new_end]
    for each in before.nodes("if_statement"):
        condition = each.child_by_field_name("condition")
        if (
            not run.old <= before.source.line_of(each) < run.old_end
            or condition is None
            or not leads_out(each)
        ):
            continue
        parts = {text_in(before, atom): atom for atom in atoms(condition)}
        if "&&" in text_in(before, condition) or asks_others(before, condition) or len(parts) < 2:
            continue
        for other in new:
            left = {
                text_in(function, atom) for atom in atoms(other.child_by_field_name("condition") or other)
            }
            if not left or not left < parts.keys():
                continue
            for text in (one for one in parts if one not in left):
                words = words_asked(before, parts[text])
                if any(line in news for word in words for line in added.get(word, ())):
                    continue
                subject = bounded(function, before, parts[text], run.new)
                use = use_behind(function, subject, function.source.last_line_of(other) + 1) if subject else 0
                if use and text not in asked_in(function):
                    yield Dropped("test", text, subject, before.source.line_of(each), run.new, use)


def _limits(
    function: Function, before: Function, run: "Run", added: Mapping[str, Sequence[int]]
) -> Iterator[Dropped]:
    """The assignments that go with a run of lines by which a variable was made no larger than something."""
    for each in before.nodes("assignment_expression"):
        if not _inside(before, each, run):
            continue
        name, value = each.child_by_field_name("left"), each.child_by_field_name("right")
        if name is None or value is None or value.type != "call_expression":
            continue
        call, subject = before.call(value), text_in(before, name)
        if call.name not in _LIMITS or subject not in [text_in(before, one) for one in call.arguments]:
            continue
        use = use_behind(function, subject, run.new)
        if use and words_asked(before, value).isdisjoint(added):
            yield Dropped("limit", text_in(before, value), subject, before.source.line_of(each), run.new, use)


def _lines_of_more(function: Function, tests: Sequence["Node"], known: Collection[str]) -> set[int]:
    """The lines of a function but those of conditions that ask nothing but what is known."""
    lines = set(range(function.first_line, function.last_line + 1))
    for each in tests:
        condition = each.child_by_field_name("condition")
        if condition is not None and all(text_in(function, atom) in known for atom in atoms(condition)):
            lines -= set(
                range(function.source.line_of(condition), function.source.last_line_of(condition) + 1)
            )
    return lines


def _capped(
    function: Function, before: Function, run: "Run", added: Mapping[str, Sequence[int]]
) -> Iterator[Dropped]:
    """The tests that go with a run of lines and that set what is too large to what it may be at most."""
    for each in before.nodes("if_statement"):
        inside, condition = (each.child_by_field_name(name) for name in ("consequence", "condition"))
        if not _inside(before, each, run) or inside is None or condition is None:
            continue
        statements = inside.named_children if inside.type == "compound_statement" else [inside]
        value = (
            statements[0].named_children[0] if len(statements) == 1 and statements[0].named_children else None
        )
        if value is None or value.type != "assignment_expression" or asks_others(before, condition):
            continue
        name, most = value.child_by_field_name("left"), value.child_by_field_name("right")
        if name is None or most is None:
            continue
        subject, text = text_in(before, name), text_in(before, condition).strip("()")
        if not text.startswith((f"{subject} > ", f"{subject} >= ")) or not words_asked(
            before, condition
        ).isdisjoint(added):
            continue
        use = use_behind(function, subject, run.new)
        if use and text not in asked_in(function):
            yield Dropped(
                "limit",
                f"{text_in(before, most)} at most",
                subject,
                before.source.line_of(each),
                run.new,
                use,
            )


def _uncoded(function: Function, before: Function, run: "Run") -> Iterator[Dropped]:
    """The ways out that returned a code, and return 0 now, although the code is still computed."""
    if run.old_end - run.old != 1 or run.new_end - run.new != 1:
        return
    was = _RETURNS.fullmatch(before.source.code_text(run.old).strip())
    now = function.source.code_text(run.new).strip()
    if was is None or now != "return 0;" or not _STATUS_NAME.fullmatch(was[1]):
        return
    computed = [
        value
        for each in function.nodes("assignment_expression")
        if (name := each.child_by_field_name("left")) is not None
        and text_in(function, name) == was[1]
        and (value := each.child_by_field_name("right")) is not None
        and function.source.line_of(each) < run.new
    ]
    if any(
        run.new - 3 <= function.source.last_line_of(each) < run.new
        and leads_to_failure(each)
        and (condition := each.child_by_field_name("condition")) is not None
        and text_in(function, condition).strip("()") in (was[1], f"{was[1]} < 0")
        for each in function.nodes("if_statement")
    ):
        # Who comes here has looked at the code.
        return
    if any(text_in(function, value).startswith("-E") for value in computed):
        line = function.source.line_of(next(v for v in computed if text_in(function, v).startswith("-E")))
        yield Dropped("code", was[1], was[1], run.old, run.new, line)


def _unlimited(function: Function, before: Function, run: "Run") -> Iterator[Dropped]:
    """The values that were the lesser of two before, and are one of them now."""
    new = {
        (text_in(function, name), text_in(function, value)): function.source.line_of(each)
        for each in function.nodes("assignment_expression")
        if run.new <= function.source.line_of(each) < run.new_end
        and (name := each.child_by_field_name("left")) is not None
        and (value := each.child_by_field_name("right")) is not None
    }
    for each in before.nodes("assignment_expression"):
        name, value = each.child_by_field_name("left"), each.child_by_field_name("right")
        if not _inside(before, each, run) or name is None or value is None or value.type != "call_expression":
            continue
        call, subject = before.call(value), text_in(before, name)
        for argument in call.arguments if call.name in _LIMITS else ():
            line = new.get((subject, text_in(before, argument)), 0)
            use = use_behind(function, subject, line + 1) if line else 0
            if use:
                yield Dropped(
                    "limit", text_in(before, value), subject, before.source.line_of(each), line, use
                )


def _results(function: Function, before: Function, run: "Run") -> Iterator[Dropped]:
    """The calls whose results were tested, and that now stand alone."""
    asked = {
        text_in(before, call.node): call
        for call in before.calls()
        if call.name and run.old <= call.line < run.old_end and _is_asked(before, call)
    }
    for call in function.calls():
        text = text_in(function, call.node)
        if text not in asked or not run.new <= call.line < run.new_end:
            continue
        parent = function.parent_of(call.node)
        if parent is None or parent.type != "expression_statement" or _NOBODY_ASKS.search(call.name):
            continue
        yield Dropped("result", call.name, call.name, asked[text].line, call.line, call.line)


def _is_asked(function: Function, call: Call) -> bool:
    """Whether a test that leads out looks at what a call returns, at once or in the next statement."""
    parent = function.parent_of(call.node)
    if parent is None:
        return False
    if parent.type != "assignment_expression":
        around = function.statement_of(call.node)
        if around is None or around.type != "if_statement" or not leads_out(around):
            return False
        condition = around.child_by_field_name("condition")
        inside = condition is not None and condition.start_byte <= call.node.start_byte < condition.end_byte
        return inside and leads_to_failure(around)
    name, statement = parent.child_by_field_name("left"), function.parent_of(parent)
    if name is None or statement is None or statement.type != "expression_statement":
        return False
    following = statement.next_named_sibling
    condition = following.child_by_field_name("condition") if following is not None else None
    return (
        following is not None
        and following.type == "if_statement"
        and condition is not None
        and text_in(function, name) in text_in(function, condition)
        and leads_to_failure(following)
    )


def _inside(function: Function, node: "Node", run: "Run") -> bool:
    source = function.source
    return run.old <= source.line_of(node) and source.last_line_of(node) < run.old_end
