"""guard() and scoped_guard() of include/linux/cleanup.h: what begins where it stands, and ends with its block."""

from tree_sitter import Node

from patchscan.c.nodes import arguments, children
from patchscan.model.lowering.environment import Environment
from patchscan.model.lowering.inlining import inline
from patchscan.model.lowering.later_rounds import Round, leave_behind
from patchscan.model.lowering.memory import Context, Frame, Out
from patchscan.model.lowering.switches import Rest

SCOPE = "end of a block"


class End(str):
    """The end of a guard among statements that are to be lowered.

    name: its class, node: where it stands, given: the class and what it is given as expressions.
    """

    __slots__ = ("given", "name", "node")

    def __new__(cls, name: str, node: Node, given: list[Node]) -> "End":
        """The text says which guard it is."""
        made = super().__new__(cls, f"end of {name}")
        made.name, made.node, made.given = name, node, given
        return made

    name: str
    node: Node
    given: list[Node]


def guarded(context: Context, node: Node, env: Environment, frame: Frame, out: Out, todo: Rest) -> bool:
    """Whether a statement is a guard of a class that is known; it is begun, and its end put where its block ends."""
    scoped = node.type == "if_statement"
    told = _scoped(node, frame) if scoped else _guard(node, frame)
    if told is None:
        return False
    kind, given = told
    name = frame.text(kind)
    begin = context.stub(f"__guard_{name}")
    if begin is None:
        return False
    frame.types.setdefault(name, "unsigned long")
    end = End(name, node, [*given[:1], kind] if given else [kind, kind])
    inline(context, begin, node, end.given, env, frame, out)
    if scoped:
        body = node.child_by_field_name("consequence")
        todo[:0] = [*([body] if body is not None else []), end]
    else:
        ends = (index for index, each in enumerate(todo) if each == SCOPE or isinstance(each, End))
        todo.insert(next(ends, len(todo)), end)
    return True


def unguard(context: Context, rest: Rest, env: Environment, frame: Frame, out: Out) -> None:
    """End the guards whose ends are among some statements, and the rounds of loops."""
    for end in rest:
        if isinstance(end, Round):
            leave_behind(context, end, env)
        stub = context.stub(f"__unguard_{end.name}") if isinstance(end, End) else None
        if isinstance(end, End) and stub is not None:
            inline(context, stub, end.node, end.given, env, frame, out)


def _guard(node: Node, frame: Frame) -> tuple[Node, list[Node]] | None:
    """The class of `guard(class)(given);`, and what it is given."""
    inner = children(node)
    call = inner[0] if node.type == "expression_statement" and inner else None
    callee = call.child_by_field_name("function") if call is not None else None
    if call is None or callee is None or callee.type != "call_expression":
        return None
    word, kind = callee.child_by_field_name("function"), arguments(callee.child_by_field_name("arguments"))
    if word is None or frame.text(word) != "guard" or len(kind) != 1:
        return None
    return kind[0], arguments(call.child_by_field_name("arguments"))


def _scoped(node: Node, frame: Frame) -> tuple[Node, list[Node]] | None:
    """The class of `scoped_guard(class, given) ...`, which the grammar takes for an if, and what it is given."""
    condition = node.child_by_field_name("condition")
    inner = children(condition) if condition is not None else []
    if not frame.text(node).startswith("scoped_guard") or not inner:
        return None
    told = children(inner[0]) if inner[0].type == "comma_expression" else inner
    return told[0], told[1:]
