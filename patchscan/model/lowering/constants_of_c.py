"""Numbers, letters, words and sizes, which are known without looking at any memory."""

from tree_sitter import Node

from patchscan.basics.pattern import pattern
from patchscan.c.nodes import children
from patchscan.codebase.definition import number
from patchscan.model.lowering.abstract_values import SIZE, Const, Unknown, Value
from patchscan.model.lowering.environment import Environment
from patchscan.model.lowering.integers import kind_of
from patchscan.model.lowering.memory import FREED, Context, Frame, Out
from patchscan.model.lowering.type_names import plain_type
from patchscan.model.lowering.typing import type_of

_NUMBER = pattern(r"[uUlL]+$")
_CHARACTER, _POINTER = (8, True), (64, False)
# The errors that have one number on every architecture: include/uapi/asm-generic/errno-base.h.
_ERRORS = """
EPERM ENOENT ESRCH EINTR EIO ENXIO E2BIG ENOEXEC EBADF ECHILD EAGAIN ENOMEM EACCES EFAULT ENOTBLK EBUSY EEXIST EXDEV
ENODEV ENOTDIR EISDIR EINVAL ENFILE EMFILE ENOTTY ETXTBSY EFBIG ENOSPC ESPIPE EROFS EMLINK EPIPE EDOM ERANGE
"""
ERRORS = {name: Const(place + 1) for place, name in enumerate(_ERRORS.split())}
WORDS = {"true": Const(1), "false": Const(0), "NULL": Const(0), "FREED": FREED}


def literal(context: Context, node: Node, env: Environment, frame: Frame, out: Out) -> Value:
    if node.type == "char_literal" and len(frame.text(node)) == 3:
        return Const(ord(frame.text(node)[1]))
    try:
        return Const(number(_NUMBER.sub("", frame.text(node))))
    except ValueError:
        return context.unknown(frame.text(node))


def word(context: Context, node: Node, env: Environment, frame: Frame, out: Out) -> Value:
    return WORDS.get(frame.text(node), Const(0))


def size(context: Context, node: Node, env: Environment, frame: Frame, out: Out) -> Value:
    """How many bytes something has: of an integer as many as its type says, of others some number that is not 0."""
    kind, value = node.child_by_field_name("type"), node.child_by_field_name("value")
    name = plain_type(frame.text(kind)) if kind is not None else type_of(context, _plain(value), frame)
    found = _CHARACTER if name == "char" else _POINTER if name.endswith("*") else kind_of(name)
    if found is not None and ":" not in name:
        return Const(max(found[0] // 8, 1))
    return Unknown(f"{SIZE}{name or frame.text(node)}", frame.text(node))


def _plain(node: Node | None) -> Node | None:
    while node is not None and node.type == "parenthesized_expression" and children(node):
        node = children(node)[-1]
    return node
