"""Who turns a switch on, a static key or a member of a table of operations, and what else holds where they do."""

import re
from collections.abc import Iterator, Sequence

from tree_sitter import Node

from patchscan.basics.pattern import pattern
from patchscan.basics.record import field, frozen
from patchscan.c.nodes import arguments, children, nodes
from patchscan.codebase.code import Codebase
from patchscan.codebase.definition import Definition

_ON = pattern(r"static_(?:branch|key)_(?:slow_)?(?:enable|inc)(?:_cpuslocked)?")
_ASKS_FEATURE = frozenset({"cpu_feature_enabled", "boot_cpu_has", "static_cpu_has", "this_cpu_has"})
_NUMBERS = {"true": 1, "1": 1, "false": 0, "0": 0, "NULL": 0}
_INITIALISER = pattern(r"\.\s*(?:\w+\s*\.\s*)*(\w+)\s*=\s*&?(\w+)\s*,")
_ELSEWHERE = (
    r"\bDEFINE_STATIC_KEY_TRUE\w*\(\s*{switch}\b|\b{switch}\s*=\s*STATIC_KEY_TRUE_INIT"
    r"|(?<!\w)&\s*{switch}(?:\.key)?\s*[,;}}]|\breturn\s*&\s*{switch}\b"
    r"|\b(?!static_)\w+\s*\(\s*&\s*{switch}(?:\.key)?\s*\)"
)
_AT_BOOT = pattern(r"\b__init\b")

Function = tuple[str, str]
"""Name and path."""


@frozen
class Way:
    """One place where a switch gets its value.

    function, path: who does it ("" for an initialiser); number: the value; features: what was asked before, by name;
    members: members of the same table that hold a certain function there; at_boot: only then; line: in the file.
    """

    function: str
    path: str
    number: int
    features: dict[str, int] = field(default_factory=dict)
    members: dict[str, Function] = field(default_factory=dict)
    at_boot: bool = True
    line: int = field(default=0, compare=False)


def ways(code: Codebase, switch: str, paths: Sequence[str]) -> tuple[Way, ...]:
    """Every way in which a switch gets its value in some files; what an initialiser says is the last.

    None at all where one is on from the start, or where its address goes elsewhere: others may set it then.
    """
    found: list[Way] = []
    initial: list[Way] = []
    for path in paths:
        file = code.file(path)
        if file is None or switch.encode() not in file.text:
            continue
        text = file.text.decode("latin-1")
        if re.search(_ELSEWHERE.format(switch=re.escape(switch)), text):
            return ()
        for name in file.functions:
            definition = file.function(name)
            if definition is not None and switch in definition.identifiers:
                found += _in_function(definition, switch)
        initial += _initialised(text, path, switch)
    return (*found, *initial)


def assigned(code: Codebase, member: str, paths: Sequence[str]) -> tuple[Function, ...]:
    """The functions that a member of a table of operations is given, in the order of the files."""
    given = re.compile(rf"\.\s*{re.escape(member)}\s*=\s*&?(\w+)")
    found: dict[Function, None] = {}
    for path in paths:
        file = code.file(path)
        text = file.text.decode("latin-1") if file is not None and member.encode() in file.text else ""
        found |= dict.fromkeys((name, path) for name in given.findall(text) if code.function(name, path))
    return tuple(found)


def _in_function(definition: Definition, switch: str) -> Iterator[Way]:
    body = definition.body
    for node in nodes(body) if body is not None else ():
        number = _turned(definition, node, switch)
        if number is None:
            continue
        features: dict[str, int] = {}
        members: dict[str, Function] = {}
        for condition, holds in _before(node):
            _learn(definition, condition, holds, features, members)
        for given in _given_before(definition, node):
            members |= given
        boot = _AT_BOOT.search(definition.text.decode("latin-1").partition("{")[0]) is not None
        line = definition.line_of(node)
        yield Way(definition.name, definition.path, number, features, members, boot, line)


def _turned(definition: Definition, node: Node, switch: str) -> int | None:
    """The value that a call or an assignment gives the switch; None for any other node."""
    if node.type == "call_expression":
        callee, given = node.child_by_field_name("function"), arguments(node.child_by_field_name("arguments"))
        named = definition.text_of(callee) if callee is not None else ""
        key = definition.text_of(given[0]).lstrip("& ").removesuffix(".key") if given else ""
        return 1 if _ON.fullmatch(named) and key == switch else None
    if node.type == "assignment_expression":
        # What is computed may be anything.
        return (
            _NUMBERS.get(_right(definition, node), 1) if _member(definition, node, "left") == switch else None
        )
    return None


def _right(definition: Definition, node: Node) -> str:
    value = node.child_by_field_name("right")
    return definition.text_of(value).lstrip("& ") if value is not None else ""


def _member(definition: Definition, node: Node, side: str) -> str:
    """The last member that one side of an assignment or comparison names, "" for anything else."""
    inner = node.child_by_field_name(side)
    if inner is None or inner.type != "field_expression":
        return ""
    name = inner.child_by_field_name("field")
    return definition.text_of(name) if name is not None else ""


def _before(node: Node) -> Iterator[tuple[Node, bool]]:
    """The conditions that hold, or do not, wherever a node is come to: of what it stands in, and of ways out before."""
    inner, outer = node, node.parent
    while outer is not None:
        if outer.type == "if_statement":
            condition = outer.child_by_field_name("condition")
            inside = outer.child_by_field_name("consequence")
            if condition is not None and inside is not None and inner != condition:
                yield condition, _same(inside, inner)
        elif outer.type == "compound_statement":
            for each in children(outer):
                if each.start_byte >= inner.start_byte:
                    break
                condition = each.child_by_field_name("condition") if each.type == "if_statement" else None
                if (
                    condition is not None
                    and _leaves(each)
                    and each.child_by_field_name("alternative") is None
                ):
                    yield condition, False
        inner, outer = outer, outer.parent


def _same(one: Node, other: Node) -> bool:
    return (one.start_byte, one.end_byte) == (other.start_byte, other.end_byte)


def _leaves(node: Node) -> bool:
    """Whether what an if leads to ends with a way out of the function."""
    inside = node.child_by_field_name("consequence")
    last = inside
    while last is not None and last.type == "compound_statement":
        inner = children(last)
        last = inner[-1] if inner else None
    return last is not None and last.type == "return_statement"


def _given_before(definition: Definition, node: Node) -> Iterator[dict[str, Function]]:
    """The members that got a function on the way to a node, the outermost first."""
    found: list[dict[str, Function]] = []
    inner, outer = node, node.parent
    while outer is not None:
        if outer.type == "compound_statement":
            for each in reversed([one for one in children(outer) if one.start_byte < inner.start_byte]):
                if each.type == "expression_statement" and children(each):
                    made = children(each)[0]
                    name = _member(definition, made, "left") if made.type == "assignment_expression" else ""
                    value = _right(definition, made) if name else ""
                    if name and value.isidentifier() and value not in _NUMBERS:
                        found.append({name: (value, definition.path)})
        inner, outer = outer, outer.parent
    return reversed(found)


def _learn(
    definition: Definition,
    node: Node,
    holds: bool,
    features: dict[str, int],
    members: dict[str, Function],
) -> None:
    """What a condition that holds, or does not, says of features of the CPU and of members."""
    if node.type == "parenthesized_expression" and children(node):
        _learn(definition, children(node)[-1], holds, features, members)
    elif node.type == "unary_expression" and definition.text_of(node).startswith("!"):
        argument = node.child_by_field_name("argument")
        if argument is not None:
            _learn(definition, argument, not holds, features, members)
    elif node.type == "binary_expression":
        symbol = node.child_by_field_name("operator")
        operation = definition.text_of(symbol) if symbol is not None else ""
        if operation == ("&&" if holds else "||"):
            for each in children(node):
                _learn(definition, each, holds, features, members)
        elif operation == ("==" if holds else "!="):
            name, value = _member(definition, node, "left"), _right(definition, node)
            if name and value.isidentifier():
                members[name] = (value, definition.path)
    elif node.type == "call_expression":
        callee, given = node.child_by_field_name("function"), arguments(node.child_by_field_name("arguments"))
        if callee is not None and definition.text_of(callee) in _ASKS_FEATURE and given:
            features[definition.text_of(given[0])] = int(holds)


def _initialised(text: str, path: str, switch: str) -> Iterator[Way]:
    """What the initialisers of a file say of a switch, with the functions that stand in the same braces."""
    for place in re.finditer(rf"\.\s*{re.escape(switch)}\s*=", text):
        given = dict(_INITIALISER.findall(_beside(text, place.start())))
        if given.get(switch) in _NUMBERS:
            members = {name: (value, path) for name, value in given.items() if value not in _NUMBERS}
            yield Way("", path, _NUMBERS[given[switch]], {}, members)


def _beside(text: str, place: int) -> str:
    """What stands in the same braces as a place, without what stands in braces inside."""
    found: list[str] = []
    for letters, opens, closes in ((reversed(text[:place]), "}", "{"), (iter(text[place:]), "{", "}")):
        depth, kept = 0, []
        for letter in letters:
            if letter == closes and not depth:
                break
            depth += (letter == opens) - (letter == closes)
            if not depth and letter not in "{}":
                kept.append(letter)
        found.append("".join(kept))
    return found[0][::-1] + found[1] + ","
