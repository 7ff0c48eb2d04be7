"""What a change no longer asks: tests that led out of a function, limits to a number, and results of calls."""

import re
from collections.abc import Collection, Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Literal

from patchscan.basics.nameset import Names
from patchscan.basics.pattern import pattern
from patchscan.basics.record import frozen
from patchscan.c.source import Call, Function
from patchscan.flow.resources import returns_null
from patchscan.flow.wellknown import listed

if TYPE_CHECKING:
    from tree_sitter import Node

    from patchscan.diff.lines import Passage, Run

_LEAVES = ("return_statement", "goto_statement", "break_statement", "continue_statement")
_ORDERS = ("<", ">", "<=", ">=")
# They measure, or hand on what they are given, and ask nobody.
_MEASURES = Names(
    "sizeof likely unlikely WARN_ON* ARRAY_SIZE offsetof{,end} struct_size{,_t} min{,3,_t} max{,3,_t} BIT GENMASK "
    "{be,le}{16,32,64}_to_cpu{,p} ntoh{s,l} size_{add,mul,sub} flex_array_size *_CHECK* IS_ERR{,_OR_NULL}"
)
# They tell whether something fits, and what follows relies on it.
_GUARDS = Names(
    "check_{add,sub,mul,shl}_overflow access_ok pskb_{,network_,inet_}may_pull skb_ensure_writable "
    "skb_cow{,_head,_data}"
)
_LIMITS = Names("min min_t min3 umin clamp clamp_t clamp_val")
# What becomes of a thing that goes, or of a message, interests nobody.
_NOBODY_ASKS = pattern(
    r"debugfs|print|log|dbg|warn|trace|free|disable|stop|put|unregister|remove|destroy|del|reset|suspend|cancel|flush|"
    r"clear|unmap|unlock|close|exit|cleanup|notify|wake"
)
_WORD = pattern(r"[A-Za-z_]\w*")
_PATH = pattern(r"[a-z_]\w*((->|\.)\w+|\[\w+\])*")
_STATUS = pattern(r"ret|retval|err|error|rc|rv|res|result|status|r")

Kind = Literal["test", "limit", "result"]


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
        else:
            yield from _results(function, before, run)
            yield from _weakened(function, before, run, added)
            yield from _unlimited(function, before, run)


def _tests(
    function: Function, before: Function, run: "Run", added: Mapping[str, Sequence[int]]
) -> Iterator[Dropped]:
    """The tests that go with a run of lines that holds nothing else."""
    left = [each for each in before.nodes("if_statement") if _inside(before, each, run) and _leads_out(each)]
    covered = {
        line
        for each in left
        for line in range(before.source.line_of(each), before.source.last_line_of(each) + 1)
    }
    if any(
        before.source.code_text(line).strip() and line not in covered for line in range(run.old, run.old_end)
    ):
        return
    for each in left:
        condition = each.child_by_field_name("condition")
        if condition is None or not _words(before, condition).isdisjoint(added):
            continue
        call = _answered(before, each, condition)
        if call is not None and run.old > before.source.last_line_of(call.node):
            if _stands(function, _text(before, call.node)):
                yield Dropped("result", call.name, call.name, before.source.line_of(each), run.new, run.new)
            continue
        yield from _of_condition(function, before, run, condition)


def _of_condition(function: Function, before: Function, run: "Run", condition: "Node") -> Iterator[Dropped]:
    """The first part of a condition that is asked nowhere in the function any more, of what is still used."""
    if _asks(before, condition):
        return
    asked = _conditions(function)
    for atom in _atoms(condition):
        subject, text = _bounded(function, before, atom, run.new), _text(before, atom)
        use = _use(function, subject, run.new) if subject and text not in asked else 0
        if use:
            yield Dropped("test", text, subject, before.source.line_of(condition), run.new, use)
            return


def _answered(function: Function, test: "Node", condition: "Node") -> Call | None:
    """The call whose result a test looks at that leads out with return or goto, None where that may be another."""
    if not _fails(test):
        return None
    statement = test.prev_named_sibling
    value = statement.named_children[0] if statement is not None and statement.named_children else None
    if value is None or value.type != "assignment_expression":
        return None
    name, right = value.child_by_field_name("left"), value.child_by_field_name("right")
    if name is None or right is None or right.type != "call_expression":
        return None
    call, text, key = function.call(right), _text(function, condition).strip("()"), _text(function, name)
    if text in (key, f"{key} < 0", f"IS_ERR({key})", f"IS_ERR_OR_NULL({key})"):
        return call if not _NOBODY_ASKS.search(call.name) else None
    local = key in (each.name for each in function.locals)
    if text in (f"!{key}", f"{key} == NULL") and not local:
        return call if returns_null(call.name) or listed(call.name) == "null" else None
    return None


def _stands(function: Function, text: str) -> bool:
    """Whether a call is still assigned to something, in a function that has one of that text."""
    return [_text(function, call.node) for call in function.calls()].count(text) == 1


def _weakened(
    function: Function, before: Function, run: "Run", added: Mapping[str, Sequence[int]]
) -> Iterator[Dropped]:
    """Parts of a test of which the others stay."""
    tests = [each for each in function.nodes("if_statement") if _leads_out(each)]
    news = _lines_of_more(function, tests, _conditions(before))
    new = [each for each in tests if run.new <= function.source.line_of(each) < run.new_end]
    for each in before.nodes("if_statement"):
        condition = each.child_by_field_name("condition")
        if (
            not run.old <= before.source.line_of(each) < run.old_end
            or condition is None
            or not _leads_out(each)
        ):
            continue
        parts = {_text(before, atom): atom for atom in _atoms(condition)}
        if "&&" in _text(before, condition) or _asks(before, condition) or len(parts) < 2:
            continue
        for other in new:
            left = {_text(function, atom) for atom in _atoms(other.child_by_field_name("condition") or other)}
            if not left or not left < parts.keys():
                continue
            for text in parts.keys() - left:
                words = _words(before, parts[text])
                if any(line in news for word in words for line in added.get(word, ())):
                    continue
                subject = _bounded(function, before, parts[text], run.new)
                use = _use(function, subject, function.source.last_line_of(other) + 1) if subject else 0
                if use and text not in _conditions(function):
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
        call, subject = before.call(value), _text(before, name)
        if call.name not in _LIMITS or subject not in [_text(before, one) for one in call.arguments]:
            continue
        use = _use(function, subject, run.new)
        if use and _words(before, value).isdisjoint(added):
            yield Dropped("limit", _text(before, value), subject, before.source.line_of(each), run.new, use)


def _lines_of_more(function: Function, tests: Sequence["Node"], known: Collection[str]) -> set[int]:
    """The lines of a function but those of conditions that ask nothing but what is known."""
    lines = set(range(function.first_line, function.last_line + 1))
    for each in tests:
        condition = each.child_by_field_name("condition")
        if condition is not None and all(_text(function, atom) in known for atom in _atoms(condition)):
            lines -= set(
                range(function.source.line_of(condition), function.source.last_line_of(condition) + 1)
            )
    return lines


def _unlimited(function: Function, before: Function, run: "Run") -> Iterator[Dropped]:
    """The values that were the lesser of two before, and are one of them now."""
    new = {
        (_text(function, name), _text(function, value)): function.source.line_of(each)
        for each in function.nodes("assignment_expression")
        if run.new <= function.source.line_of(each) < run.new_end
        and (name := each.child_by_field_name("left")) is not None
        and (value := each.child_by_field_name("right")) is not None
    }
    for each in before.nodes("assignment_expression"):
        name, value = each.child_by_field_name("left"), each.child_by_field_name("right")
        if not _inside(before, each, run) or name is None or value is None or value.type != "call_expression":
            continue
        call, subject = before.call(value), _text(before, name)
        for argument in call.arguments if call.name in _LIMITS else ():
            line = new.get((subject, _text(before, argument)), 0)
            use = _use(function, subject, line + 1) if line else 0
            if use:
                yield Dropped("limit", _text(before, value), subject, before.source.line_of(each), line, use)


def _results(function: Function, before: Function, run: "Run") -> Iterator[Dropped]:
    """The calls whose results were tested, and that now stand alone."""
    asked = {
        _text(before, call.node): call
        for call in before.calls()
        if call.name and run.old <= call.line < run.old_end and _is_asked(before, call)
    }
    for call in function.calls():
        text = _text(function, call.node)
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
        if around is None or around.type != "if_statement" or not _leads_out(around):
            return False
        condition = around.child_by_field_name("condition")
        inside = condition is not None and condition.start_byte <= call.node.start_byte < condition.end_byte
        return inside and _fails(around)
    name, statement = parent.child_by_field_name("left"), function.parent_of(parent)
    if name is None or statement is None or statement.type != "expression_statement":
        return False
    following = statement.next_named_sibling
    condition = following.child_by_field_name("condition") if following is not None else None
    return (
        following is not None
        and following.type == "if_statement"
        and condition is not None
        and _text(function, name) in _text(function, condition)
        and _fails(following)
    )


def _inside(function: Function, node: "Node", run: "Run") -> bool:
    source = function.source
    return run.old <= source.line_of(node) and source.last_line_of(node) < run.old_end


def _leads_out(node: "Node") -> bool:
    """Whether an if without an else ends by leaving what it stands in."""
    inside = node.child_by_field_name("consequence")
    if inside is None or node.child_by_field_name("alternative") is not None:
        return False
    statements = [each for each in inside.named_children if each.type != "comment"]
    last = inside if inside.type != "compound_statement" else statements[-1] if statements else None
    return last is not None and last.type in _LEAVES


def _fails(node: "Node") -> bool:
    """Whether an if leads out of the function, or to where it cleans up."""
    return _leads_out(node) and (
        (inside := node.child_by_field_name("consequence")) is not None
        and [each for each in (inside, *inside.named_children) if each.type in _LEAVES][-1].type
        in _LEAVES[:2]
    )


def _atoms(node: "Node") -> Iterator["Node"]:
    """The parts of a condition between && and ||."""
    if node.type == "parenthesized_expression":
        for each in node.named_children:
            yield from _atoms(each)
    elif node.type == "binary_expression" and _operator(node) in ("&&", "||"):
        for name in ("left", "right"):
            part = node.child_by_field_name(name)
            if part is not None:
                yield from _atoms(part)
    elif node.type == "call_expression" and not _is_guard(node):
        for each in node.named_children:
            if each.type == "argument_list":
                for inner in each.named_children:
                    yield from _atoms(inner)
    else:
        yield node


def _is_guard(node: "Node") -> bool:
    callee = node.child_by_field_name("function")
    return callee is not None and callee.text is not None and callee.text.decode(errors="replace") in _GUARDS


def _operator(node: "Node") -> str:
    operator = node.child_by_field_name("operator")
    return operator.type if operator is not None else ""


def _asks(function: Function, condition: "Node") -> bool:
    """Whether a condition calls something that may tell more than a number does."""
    return any(
        call.name not in _MEASURES and call.name not in _GUARDS for call in function.calls_in(condition)
    )


def _bounded(function: Function, before: Function, atom: "Node", place: int) -> str:
    """The variable or member that a part of a condition keeps within bounds, "" where it does not.

    place: from where on it is used in the function after the change.
    """
    text = _text(before, atom)
    guard = atom.child_by_field_name("argument") if atom.type == "unary_expression" else atom
    if guard is not None and guard.type == "call_expression" and before.call(guard).name in _GUARDS:
        return next(
            iter(_paths(_text(before, before.call(guard).arguments[-1 if "overflow" in text else 0]))), ""
        )
    if atom.type == "unary_expression" or text.endswith(" == 0"):
        found = _PATH.fullmatch(text.removeprefix("!").removesuffix(" == 0"))
        return found.group() if found and _divides(function, found.group(), place) else ""
    if atom.type != "binary_expression" or _operator(atom) not in _ORDERS:
        return ""
    function = before
    sides = [atom.child_by_field_name(name) for name in ("left", "right")]
    texts = [found for side in sides if side is not None for found in _paths(_text(function, side))]
    return next((each for each in texts if not _STATUS.fullmatch(each)), "")


def _divides(function: Function, subject: str, place: int) -> bool:
    """Whether a function divides by something, or takes 1 from it, behind a line."""
    wanted = re.compile(rf"[/%] ?{re.escape(subject)}(?!\w|->|\.|\[)|(?<![\w.>]){re.escape(subject)} ?- ?1\b")
    lines = range(place, function.last_line + 1)
    return any(wanted.search(" ".join(function.source.code_text(line).split())) for line in lines)


def _paths(text: str) -> list[str]:
    """The variables and members in an expression; what is called is none."""
    return [
        match.group() for match in _PATH.finditer(text) if not text[match.end() :].startswith(("(", " ("))
    ]


def _conditions(function: Function) -> frozenset[str]:
    """The texts of all parts of the conditions of a function."""
    found: set[str] = set()
    for node in function.nodes("if_statement", "while_statement", "for_statement", "conditional_expression"):
        condition = node.child_by_field_name("condition")
        if condition is not None:
            found.update(_text(function, atom) for atom in _atoms(condition))
    return frozenset(found)


def _use(function: Function, subject: str, first: int) -> int:
    """The first line from one on that uses a variable or member, 0 where none does."""
    wanted = re.compile(rf"(?<![\w.>]){re.escape(subject)}(?!\w)")
    for line in range(first, function.last_line + 1):
        text = function.source.code_text(line)
        if wanted.search(" ".join(text.split())):
            return line
    return 0


def _words(function: Function, node: "Node") -> frozenset[str]:
    called = {call.name for call in function.calls_in(node)}
    words: Sequence[str] = _WORD.findall(_text(function, node))
    return frozenset(each for each in words if not each.isupper() and each not in called)


def _text(function: Function, node: "Node") -> str:
    return " ".join(function.source.text_of(node).split())
