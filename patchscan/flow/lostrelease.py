"""Ways out of a function that a change leaves as they are, but for a call that gave something back."""

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from typing import TYPE_CHECKING

from patchscan.basics.pattern import pattern
from patchscan.basics.record import frozen
from patchscan.c.source import Call, Function
from patchscan.flow.laststop import takers_of
from patchscan.flow.resources import releasing, words_of_names

if TYPE_CHECKING:
    from tree_sitter import Node

    from patchscan.diff.lines import Passage

_WORD = pattern(r"[A-Za-z_]\w*")
_FAILED = pattern(r"\((?:ret|rc|err|error|r|rv|retval|status|result)(?: < 0| != 0)?\)")
_LEAVES = ("return_statement", "goto_statement")


@frozen
class LostRelease:
    """A call that one way out made on line `old`: where it leads out now, and the line where another way makes it."""

    call: str
    text: str
    old: int
    place: int
    other: int


@frozen
class Out:
    """A block that leads out: what tells it in another state of the function, its lines, and the calls before it."""

    identity: tuple[str, str, str]
    first: int
    line: int
    calls: Mapping[str, Call]


def lost_releases(
    function: Function, before: Function, added: Mapping[str, Sequence[int]]
) -> Iterator[LostRelease]:
    """What one way out of a function gave back before a change, and another still does.

    added: the words on new lines, with these lines. Where several ways lose the same call it may be made elsewhere now.
    """
    lost = [each for old, new in _same(before, function) for each in _lost(old, new)]
    counts = Counter(text for text, _, _ in lost)
    for text, old, new in lost:
        call = old.calls[text]
        words = {word for word in _WORD.findall(text) if not word.isupper()}
        if counts[text] > 1 or not _gives_back(call.name):
            continue
        if any(not new.first <= line <= new.line for word in words for line in added.get(word, ())):
            continue
        others = [each.line for each in function.calls() if _text(function, each.node) == text]
        target = _target(function, new)
        # Behind the label that it goes to it may still be made.
        if others and not (target and max(others) > target):
            other = others[0]
            yield LostRelease(call.name, text, call.line, new.line, other)


@frozen
class LostUndo:
    """A call by which a function that failed gave back what `taker` on line `taken` took, where `place` stands now."""

    call: str
    old: int
    place: int
    taker: str
    taken: int


def lost_undos(
    function: Function, before: Function, passage: "Passage", added: Mapping[str, Sequence[int]]
) -> Iterator[LostUndo]:
    """What a function gave back just before it returned its failure, and gives back nowhere now."""
    now = {_text(function, each.node) for each in function.calls()}
    for node in before.nodes("if_statement"):
        call = _only_call(before, node)
        line = before.source.line_of(node)
        if call is None or passage.kept(call.line) is not None or _text(before, call.node) in now:
            continue
        words = {word for word in _WORD.findall(_text(before, call.node)) if not word.isupper()}
        if not _gives_back(call.name) or not words.isdisjoint(added):
            continue
        takers, handed = takers_of(call.name), words - {call.name}
        for each in function.calls():
            shared = not handed or not handed.isdisjoint(_WORD.findall(_text(function, each.node)))
            if each.name in takers and shared and each.line < passage.after(line).start:
                yield LostUndo(call.name, call.line, passage.after(line).start, each.name, each.line)
                break


def _only_call(function: Function, node: "Node") -> Call | None:
    """The call that is all an if does that looks at a status and stands before a return; None for none."""
    inside, condition = (node.child_by_field_name(name) for name in ("consequence", "condition"))
    following = node.next_named_sibling
    if inside is None or condition is None or node.child_by_field_name("alternative") is not None:
        return None
    if following is None or following.type != "return_statement" or following.named_child_count != 1:
        return None
    statements = [each for each in inside.named_children if each.type != "comment"]
    statements = statements if inside.type == "compound_statement" else [inside]
    if len(statements) != 1 or statements[0].type != "expression_statement":
        return None
    if not _FAILED.fullmatch(_text(function, condition)):
        return None
    return next(
        (each for each in function.calls_in(statements[0]) if each.node.parent == statements[0]), None
    )


def _target(function: Function, out: Out) -> int:
    """The line of the label that a way out goes to, 0 for one that returns."""
    goes, _, label = out.identity[2].rstrip(";").partition(" ")
    labels = (
        each
        for each in function.nodes("labeled_statement")
        if (name := each.child_by_field_name("label")) is not None and _text(function, name) == label
    )
    return next((function.source.line_of(each) for each in labels), 0) if goes == "goto" else 0


def _lost(old: Out, new: Out) -> Iterator[tuple[str, Out, Out]]:
    if new.calls.keys() < old.calls.keys():
        yield from ((text, old, new) for text in sorted(old.calls.keys() - new.calls.keys()))


def _same(before: Function, function: Function) -> Iterator[tuple[Out, Out]]:
    """The ways out of a function beside what they are after a change."""
    now: dict[tuple[str, str, str], list[Out]] = {}
    for each in _outs(function):
        now.setdefault(each.identity, []).append(each)
    was: dict[tuple[str, str, str], list[Out]] = {}
    for each in _outs(before):
        was.setdefault(each.identity, []).append(each)
    for identity, olds in was.items():
        news = now.get(identity, [])
        if len(news) == len(olds):
            yield from zip(olds, news, strict=True)


def _gives_back(name: str) -> bool:
    rows = releasing().get(name, ())
    if any(row.kind == "lock" for row in rows):
        return False
    return bool(rows) or not words_of_names("ends").isdisjoint(name.split("_"))


def _outs(function: Function) -> Iterator[Out]:
    """The blocks of a function that an if leads into and that lead out of it."""
    for node in function.nodes("if_statement"):
        inside, condition = (node.child_by_field_name(name) for name in ("consequence", "condition"))
        if inside is None or condition is None:
            continue
        statements = [each for each in inside.named_children if each.type != "comment"]
        statements = statements if inside.type == "compound_statement" else [inside]
        if not statements or statements[-1].type not in _LEAVES:
            continue
        calls = {
            _text(function, each.node): each
            for statement in statements[:-1]
            if statement.type == "expression_statement"
            for each in function.calls_in(statement)
            if each.node.parent == statement
        }
        before = node.prev_named_sibling
        told = _text(function, before) if before is not None else ""
        identity = told, _text(function, condition), _text(function, statements[-1])
        first, last = function.source.line_of(node), function.source.line_of(statements[-1])
        yield Out(identity, first, last, calls)


def _text(function: Function, node: "Node") -> str:
    return " ".join(function.source.text_of(node).split())
