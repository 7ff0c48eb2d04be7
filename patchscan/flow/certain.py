"""Which call a function makes whenever it is called: what its callers must be ready for."""

from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING

from patchscan.basics.pattern import pattern
from patchscan.c.source import Call, Function, Variable
from patchscan.flow.calleffects import Summaries, operator, plain
from patchscan.flow.effects import TRANSPARENT
from patchscan.flow.flowstates import states
from patchscan.flow.sleeping import may_block, sleeps
from patchscan.flow.state import ATOMIC, State

if TYPE_CHECKING:
    from tree_sitter import Node

Wanted = Callable[[str, tuple[str, ...]], bool | None]

# A condition that may ask for the context, or for leave to sleep: who looks there may know what he does.
_ASKS_FOR_CONTEXT = pattern(
    r"\bin_[a-z]+\(|irqs_disabled|preempt|rcu_read_lock|\bcurrent\b|system_state|oops|panic|crash|emergency"
    r"|(?i:atomic|no_?wait|block|sleep|gfp|async|poll|trylock|irq)"
)
_TRIES_AGAIN = pattern(r"-E(AGAIN|WOULDBLOCK|BUSY|INPROGRESS)\b")
_REFUSES = pattern(r"return\s+(-E|NULL\b|ERR_PTR\(-E)")
_FALSE = frozenset({"false", "0", "NULL", "FALSE"})
_TRUE = pattern(r"true|TRUE|[1-9]\d*|&\w.*")
_WORD = pattern(r"\w+")
_NAME = pattern(r"[A-Za-z_]\w*")


def certain_call(
    function: Function, arguments: Sequence[str], wanted: Wanted, summaries: Summaries | None = None
) -> Call | None:
    """The first wanted call that a function makes, in its caller's context, when called with these arguments.

    arguments: their texts at the call, () where they are not known. wanted: given a callee's name and the texts of
    its arguments, in which constants of the caller stand for parameters. A return or goto before it for another
    reason than the arguments or the context does not count against it. None where no such call is certain: under a
    condition that these arguments do not decide, behind the drop of something that the caller may hold.
    """
    if function.partial or not function.whole:
        return None
    bound = _constants(function, arguments)
    calls = [
        call
        for call in function.calls()
        if call.name
        and wanted(call.name, _texts(function, call, bound))
        and _is_always_reached(function, call, bound)
    ]
    if not calls:
        return None
    flow = states(function, ATOMIC, summaries)
    return next(
        (call for call in calls if flow.reached(call.node) and _as_on_entry(flow.at(call.node))), None
    )


def _as_on_entry(state: State) -> bool:
    """Whether nothing that forbade sleeping on entry has been left: a callee may drop its caller's lock."""
    depths = (state.preempt, state.bottom_halves, state.rcu)
    return not state.dropped and state.irqs_off is True and all(depth.base for depth in depths)


def bound_texts(function: Function, call: Call, arguments: Sequence[str]) -> tuple[str, ...]:
    """The arguments of a call in a function, with what its caller passes in the place of parameters."""
    return _texts(function, call, _constants(function, arguments))


def _texts(function: Function, call: Call, bound: Mapping[str, str]) -> tuple[str, ...]:
    texts = (function.source.text_of(argument) for argument in call.arguments)
    return tuple(_NAME.sub(lambda match: bound.get(match[0], match[0]), text) for text in texts)


def _constants(function: Function, arguments: Sequence[str]) -> Mapping[str, str]:
    """Parameters that the function leaves as they are -> what the caller passes."""
    changed = {
        function.source.text_of(left).lstrip("&*")
        for node in function.nodes("assignment_expression", "update_expression", "pointer_expression")
        if (left := node.child_by_field_name("left") or node.child_by_field_name("argument")) is not None
        and (node.type != "pointer_expression" or operator(node) == "&")
    }
    pairs = zip((parameter.name for parameter in function.parameters), arguments, strict=False)
    return {name: text for name, text in pairs if name not in changed}


def _is_always_reached(function: Function, call: Call, bound: Mapping[str, str]) -> bool:
    """Whether nothing decides about a call but what these arguments decide."""
    if not _is_always_evaluated(call.node):
        return False
    conditions = function.source.conditions_at
    if len(conditions(call.line)) > len(conditions(function.first_line)):
        return False
    if not all(_decided(function, each, bound) for each in _conditions(function, call.node)):
        return False
    exits = function.nodes("return_statement", "goto_statement")
    return not any(
        each.end_byte <= call.node.start_byte and _matters(function, each, bound) for each in exits
    )


def _is_always_evaluated(node: "Node") -> bool:
    """False on one side of ?:, behind && or ||, and in an operand that is not evaluated."""
    child, parent = node, node.parent
    while parent is not None and not child.type.endswith("_statement"):
        if parent.type == "conditional_expression" and child != parent.child_by_field_name("condition"):
            return False
        if parent.type == "binary_expression" and operator(parent) in ("&&", "||"):
            if child != parent.child_by_field_name("left"):
                return False
        elif parent.type == "sizeof_expression" or parent.type.startswith("preproc"):
            return False
        child, parent = parent, parent.parent
    return True


def _conditions(function: Function, node: "Node") -> list[tuple["Node | None", bool]]:
    """The conditions under which a node runs, each with the value it must have; (None, _) where none tells."""
    found: list[tuple[Node | None, bool]] = []
    for control in function.enclosing(node):
        if control.kind in ("if", "else"):
            found.append((control.condition, control.kind == "if"))
        elif control.macro != "scoped_guard" and (
            control.kind != "do" or _is_left(function, control.node, node)
        ):
            found.append((None, True))
    return found


def _is_left(function: Function, loop: "Node", node: "Node") -> bool:
    """Whether a break or continue in the body of a do loop stands before a node."""
    leaves = function.nodes_in(loop, "break_statement", "continue_statement")
    return any(each.start_byte < node.start_byte for each in leaves)


def _decided(function: Function, condition: tuple["Node | None", bool], bound: Mapping[str, str]) -> bool:
    node, value = condition
    return node is not None and decide(function, node, bound) is value


def _matters(function: Function, leave: "Node", bound: Mapping[str, str]) -> bool:
    """Whether a return or goto may keep this call of the function from what stands behind it.

    One that gives up, or that finds nothing to do, does not: the caller cannot count on that. One behind other work
    leaves another way of doing it.
    """
    text = function.source.text_of(leave)
    refuses = _REFUSES.match(text) is not None
    undecided = []
    for node, value in _conditions(function, leave):
        known = decide(function, node, bound) if node is not None else None
        if known is not None and known is not value:
            return False
        if node is not None and known is None:
            undecided.append(node)
    if not undecided or not (refuses or _finds_nothing_to_do(function, leave)):
        return True
    texts = [function.source.text_of(node) for node in undecided]
    words = set(_WORD.findall(" ".join(texts)))
    told = {
        each.name for each in function.parameters if "*" not in each.type and not (refuses and _is_size(each))
    }
    return not words.isdisjoint(told) or any(
        _ASKS_FOR_CONTEXT.search(each) or _TRIES_AGAIN.search(each) for each in (text, *texts)
    )


def _finds_nothing_to_do(function: Function, leave: "Node") -> bool:
    """Whether only messages stand in the block that a return or goto ends."""
    block = leave.parent
    if block is None or block.type != "compound_statement":
        return True
    before = (call for call in function.calls_in(block) if call.node.end_byte <= leave.start_byte)
    return all(sleeps(call.name, ()) is False for call in before)


def _is_size(parameter: Variable) -> bool:
    """Whether a parameter is a number that may be wrong, rather than one that tells what to do."""
    return not (parameter.type in ("bool", "gfp_t") or "flag" in parameter.name or "mode" in parameter.name)


def decide(function: Function, condition: "Node", bound: Mapping[str, str]) -> bool | None:
    """The value of a condition where constant arguments tell it; bound: parameter -> text of the argument."""
    node = plain(condition)
    if node.type in ("identifier", "number_literal", "true", "false", "null"):
        text = function.source.text_of(node)
        return _truth(bound.get(text, text))
    if node.type == "unary_expression" and operator(node) == "!":
        argument = node.child_by_field_name("argument")
        value = decide(function, argument, bound) if argument is not None else None
        return None if value is None else not value
    if node.type == "binary_expression":
        return _decide_operands(function, node, bound)
    if node.type == "call_expression":
        call = function.call(node)
        if call.name in TRANSPARENT and call.arguments:
            return decide(function, call.arguments[0], bound)
        if call.name == "gfpflags_allow_blocking":
            return may_block(" ".join(_texts(function, call, bound)))
    return None


def _decide_operands(function: Function, node: "Node", bound: Mapping[str, str]) -> bool | None:
    """&& and || of what is known, and a comparison with a constant that tells true from false."""
    left, right = node.child_by_field_name("left"), node.child_by_field_name("right")
    if left is None or right is None:
        return None
    values = decide(function, left, bound), decide(function, right, bound)
    symbol = operator(node)
    if symbol == "&&":
        return False if False in values else None if None in values else True
    if symbol == "||":
        return True if True in values else None if None in values else False
    if symbol in ("==", "!=") and values[1] is False and values[0] is not None:
        return values[0] is (symbol == "!=")
    return None


def _truth(text: str) -> bool | None:
    text = text.strip()
    if text in _FALSE:
        return False
    return True if _TRUE.fullmatch(text) else None
