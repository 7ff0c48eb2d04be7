"""C functions as syntax trees, for lowering: the kernel's macros that are no C are masked, offsets stay."""

import re
from collections.abc import Iterator
from functools import lru_cache

import tree_sitter_c
from tree_sitter import Language, Node, Parser

_LOOP = re.compile(rb"\b\w*for_?each\w*[ \t]*\(")
_GUARD = re.compile(rb"\b(?:scoped_\w*guard|if_not_guard)[ \t]*\(")
_NOISE = re.compile(
    rb"\b(?:__always_inline|noinline\w*|noinstr|notrace|asmlinkage|__weak|__init|__exit|__user|__iomem|__rcu"
    rb"|__percpu|__force|__must_check|__maybe_unused|__always_unused|__sched|__cpuidle|__ref|__visible|__cold"
    rb"|__kprobes|nokprobe_inline|__no_kcsan|__no_sanitize_\w+|__flatten|__init_memblock|__meminit)\b"
)
_NOISE_ARGUMENT = re.compile(
    rb"\b(?:__releases|__acquires|__must_hold|__cond_acquires|__aligned|__section|__attribute__|__printf|__free"
    rb"|__cleanup|__counted_by|__no_sanitize)[ \t]*\("
)
_TYPE_ARGUMENT = re.compile(
    rb"(?<=[,(])[ \t]*(?:const\s+)?(?:struct|union|enum)\s+(?P<name>\w+)\s*(?P<stars>\**)\s*(?=,)"
)
_TOKEN = re.compile(rb"[()]|\"(?:\\.|[^\"\\\n])*\"|'(?:\\.|[^'\\\n])*'|/\*.*?\*/", re.S)
_VISIBLE = re.compile(rb"\S")


@lru_cache(maxsize=1)
def _parser() -> Parser:
    return Parser(Language(tree_sitter_c.language()))


def closing(text: bytes, start: int) -> int:
    """Where the parenthesis that opened just before `start` closes; -1 when it does not."""
    depth = 1
    for found in _TOKEN.finditer(text, start):
        if found.group() == b"(":
            depth += 1
        elif found.group() == b")":
            depth -= 1
            if not depth:
                return found.start()
    return -1


def _blank(text: bytes) -> bytes:
    return _VISIBLE.sub(b" ", text)


def mask(text: bytes) -> bytes:
    """The text, same length, with kernel macros that stand for C syntax replaced by such syntax."""
    out = bytearray(text)
    for pattern, keyword in ((_LOOP, b"while"), (_GUARD, b"if")):
        for found in pattern.finditer(text):
            end = closing(text, found.end())
            follows = text[end + 1 :].lstrip()[:1] if end >= 0 else b""
            if follows and follows not in b";,)=&|?+-":
                width = found.end() - found.start()
                out[found.start() : found.end()] = keyword + b" " * (width - len(keyword) - 1) + b"("
    for found in _NOISE.finditer(text):
        out[found.start() : found.end()] = _blank(found.group())
    for found in _NOISE_ARGUMENT.finditer(text):
        end = closing(text, found.end())
        if end >= 0:
            out[found.start() : end + 1] = _blank(text[found.start() : end + 1])
    for found in _TYPE_ARGUMENT.finditer(text):
        blanked = _blank(found.group())
        start = found.start("name") - found.start()
        out[found.start() : found.end()] = (
            blanked[:start] + found.group("name") + blanked[start + len(found.group("name")) :]
        )
    return bytes(out)


def parse_function(text: bytes) -> Node | None:
    """The first function definition in a text, parsed with its macros masked; None when there is none.

    Node offsets index `text`.
    """
    root = _parser().parse(mask(text)).root_node
    return next((node for node in root.children if node.type == "function_definition"), None)


def has_error(node: Node) -> bool:
    """Whether some part of the tree could not be parsed."""
    return node.has_error


def children(node: Node) -> list[Node]:
    """The named children that are no comments."""
    return [child for child in node.named_children if child.type != "comment"]


def arguments(node: Node | None) -> list[Node]:
    """The expressions in an argument list, a parenthesis or a comma expression."""
    if node is None:
        return []
    if node.type == "argument_list":
        return children(node)
    if node.type == "parenthesized_expression":
        inner = children(node)
        return arguments(inner[0]) if inner else []
    if node.type == "comma_expression":
        parts = children(node)
        return [leaf for part in parts for leaf in (arguments(part) if part.type == node.type else [part])]
    return [node]


def nodes(root: Node) -> Iterator[Node]:
    """Every named node below and including root."""
    stack = [root]
    while stack:
        node = stack.pop()
        yield node
        stack.extend(reversed(node.named_children))
