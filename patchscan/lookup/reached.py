"""Whether the compiler may drop a call where an option is off: by a test of it, or by a stub or constant on the way."""

import re
from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING

from patchscan.basics.formula import Formula, all_of
from patchscan.basics.pattern import pattern
from patchscan.basics.record import frozen
from patchscan.c.source import Function, Source
from patchscan.lookup.uses import look_ahead
from patchscan.tree.overlay import View

if TYPE_CHECKING:
    from tree_sitter import Node

# Code that asks for an option, or hands something over that is dropped without one.
_ASKS = pattern(
    r"\bIS_(?:ENABLED|REACHABLE|BUILTIN|MODULE)\b|\b(?:pm|pm_sleep|of_match)_ptr\b|"
    r"\b(?:ACPI_PTR|PTR_IF)\b|_PM_OPS\b|\b__maybe_unused\b"
)
_NAME = pattern(r"(?<![\w.>])[A-Za-z_]\w+")
_CALLED = pattern(r"(?<![\w.>])[A-Za-z_]\w+(?=\s*\()")
# What has versions, but no other value in one of them.
_HARMLESS = frozenset(
    (
        "NULL",
        "true",
        "false",
        "sizeof",
        "likely",
        "unlikely",
        "READ_ONCE",
        "WARN_ON",
        "WARN_ON_ONCE",
        "BUG_ON",
    )
)
_LEAVING = ("return_statement", "goto_statement", "continue_statement", "break_statement")
_VARIABLE = pattern(rb"(\w+)\s*(?:\[[^\]]*\]\s*)*=")
_DIRECTIVE = pattern(r"(?m)^[ \t]*#(?:[^\n]*\\\n)*[^\n]*$")
_MOST_USERS = 60


@frozen
class _Tests:
    """The text of the conditions that decide on a call, and of what their variables are set to; the names in it."""

    text: str
    names: frozenset[str]


def compiled_for_sure(
    view: View, source: Source, line: int, name: str, options: frozenset[str], headers: Sequence[str]
) -> Formula | None:
    """When no constant lets the compiler drop a call of a function; None where this is not plain to see.

    headers: those that know the function. Where some options decide on a stub in them that stands on the way to
    the call, or on another function that the caller calls, what it returns may be a constant, too.
    """
    from patchscan.lookup.versions import decided_by, names_decided_by, never_constant

    function = source.function_at(line)
    node = _called_at(function, line, name) if function is not None and not function.partial else None
    if function is None or node is None:
        return None
    way = _way_to(source, function)
    tests = [_tests(function, node), *(each for user, used, _ in way for each in _on_the_way(user, used))]
    deciding = sorted(frozenset[str]().union(*(each.names for each in tests)))
    here = list(_defined_here(source, deciding))
    asking = [function.header, *(each.text for each in tests), *here]
    asking += (_not_tested(user, used, text) for user, used, text in way[1:])
    texts = _DIRECTIVE.sub("", "\n".join([*(text for _, _, text in way), *here]))
    if _ASKS.search(_DIRECTIVE.sub("", "\n".join(asking))):
        return None
    if not names_decided_by(view, headers, options).isdisjoint(_NAME.findall(texts)):
        return None
    called = sorted({each.name for each in function.calls() if each.name} - {name})
    look_ahead(view, [*deciding, *called])
    if any(decided_by(view, each, options) for each in called):
        return None
    parts = [never_constant(view, each) for each in deciding]
    return (
        None if None in parts else all_of(part for each in parts if each is not None for part in each.parts)
    )


def _not_tested(user: Function | None, used: str, text: str) -> str:
    """What of the text of a user may ask for an option beside the conditions of its calls of what it uses."""
    if user is None:
        return text
    named = len(re.findall(rf"\b{re.escape(used)}\b", user.text)) if used else 0
    called = sum(each.name == used for each in user.calls())
    return text if named > called else user.header


def _defined_here(source: Source, names: Sequence[str]) -> Iterator[str]:
    """The texts of the functions and macros of a text that some names mean, and of what these name in turn."""
    texts = {each.name: each.text for each in source.functions()}
    texts |= {each.name: each.body for each in source.macros()}
    pending = [name for name in names if name in texts]
    for name in pending:
        yield texts[name]
        inner = dict.fromkeys(_NAME.findall(texts[name]))
        pending += [each for each in inner if each in texts and each not in pending][
            : _MOST_USERS - len(pending)
        ]


def _called_at(function: Function, line: int, name: str) -> "Node | None":
    """The call of a function on a line, None where there is none or it is one of a variable of that name."""
    found = (each.node for each in function.calls() if each.name == name and each.line == line)
    return None if name in _own(function) else next(found, None)


def _own(function: Function) -> frozenset[str]:
    """The parameters and variables of a function."""
    return frozenset(each.name for each in (*function.parameters, *function.locals))


def _way_to(source: Source, function: Function) -> list[tuple[Function | None, str, str]]:
    """(user, what it uses, its text) of all functions and statements of the file through which a function is reached.

    It is itself the first, without a user, and it ends at what other files can name, or what a macro is given.
    """
    pending, seen = [function.name], {function.name}
    static = {each.name: each.is_static for each in source.functions()}
    way: list[tuple[Function | None, str, str]] = [(None, "", function.text)]
    while pending and len(seen) < _MOST_USERS:
        name = pending.pop()
        for user, inside, text in _users(source, name) if static.get(name) is not False else ():
            way.append((inside, name, text))
            if user and user not in seen:
                seen.add(user)
                pending.append(user)
    return way


def _users(source: Source, name: str) -> Iterator[tuple[str, Function | None, str]]:
    """(name, function or None for a variable, text) of all that name something; "" for what is neither."""
    for match in re.finditer(rb"\b%b\b" % re.escape(name.encode()), source.code):
        at = match.start()
        inside = next((each for each in source.functions() if each.start <= at < each.end), None)
        if inside is not None:
            if inside.name != name:
                yield inside.name, inside, inside.text
            continue
        begin = max(0, *(source.code.rfind(mark, 0, at) for mark in (b";\n", b"}\n", b"\n\n")))
        variable = _VARIABLE.search(source.code, begin, at)
        end = source.code.find(b"\n", at)
        if variable is None:
            yield "", None, source.slice(begin, end)
        else:
            # What another member of an initialiser is set to asks for an option of its own.
            own = max(variable.end(), *(source.code.rfind(mark, 0, at) for mark in (b"\t.", b"{")))
            text = f"{source.slice(begin, variable.end())}\n{source.slice(own, end)}"
            yield variable[1].decode(), None, text


def _on_the_way(user: Function | None, used: str) -> Iterator[_Tests]:
    """What decides on a function's calls of another."""
    if user is not None:
        yield from (_tests(user, each.node) for each in user.calls() if each.name == used)


def _tests(function: Function, node: "Node") -> _Tests:
    """The conditions that decide whether a call is reached; of a variable in one, what it is set to, too."""
    conditions = [each.condition for each in function.enclosing(node)]
    for each in function.nodes("if_statement"):
        if each.end_byte <= node.start_byte and any(function.nodes_in(each, *_LEAVING)):
            conditions.append(each.child_by_field_name("condition"))
    child, parent = node, node.parent
    while parent is not None and not parent.type.endswith("_statement"):
        if parent.type in ("binary_expression", "conditional_expression"):
            conditions += [other for other in parent.named_children if other != child]
        elif parent.type == "call_expression":
            # A macro may drop what it is given.
            conditions.append(parent.child_by_field_name("function"))
        child, parent = parent, parent.parent
    texts = [function.source.text_of(each) for each in conditions if each is not None]
    names = {name for text in texts for name in _NAME.findall(text)}
    own = _own(function)
    values = [value for name in sorted(names & own) for value in _values(function, name)]
    names.update(word for value in values for word in _CALLED.findall(value))
    return _Tests("\n".join((*texts, *values)), frozenset(names) - own - _HARMLESS)


def _values(function: Function, name: str) -> Iterator[str]:
    """What a variable of a function is set to, and under which conditions."""
    text = function.source.text_of
    yield from (text(each.value) for each in function.locals if each.name == name and each.value is not None)
    for node in function.nodes("assignment_expression"):
        left, right = node.child_by_field_name("left"), node.child_by_field_name("right")
        if left is not None and right is not None and text(left) == name:
            yield text(right)
            yield from (
                text(each.condition) for each in function.enclosing(node) if each.condition is not None
            )
