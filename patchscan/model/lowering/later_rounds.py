"""Loops of which a model has one round: what a later one finds, and what they leave behind."""

import re
from collections.abc import Sequence
from functools import lru_cache

from tree_sitter import Node

from patchscan.c.nodes import nodes
from patchscan.codebase.definition import Definition
from patchscan.model.lowering.abstract_values import SIZE, Const, Unknown, Value
from patchscan.model.lowering.environment import Environment, Key, last_name
from patchscan.model.lowering.handed_on import tried
from patchscan.model.lowering.memory import Context, Frame, Out

_SETS = ("assignment_expression", "update_expression")


class Round(str):
    """Stands among statements where a round of a loop ends.

    before: the variables as they were where it began; text: of the loop; again: what a round lowers, in its frame.
    """

    __slots__ = ("again", "before", "frame", "text")

    def __new__(cls, before: Environment, text: str, again: Sequence["Node | str"], frame: Frame) -> "Round":
        made = super().__new__(cls, "end of a round")
        made.before, made.text, made.again, made.frame = before, text, again, frame
        return made

    before: Environment
    text: str
    again: Sequence["Node | str"]
    frame: Frame


def leave_behind(context: Context, end: Round, env: Environment) -> None:
    """What a round made of a number, later ones may make something else of, but where it is always the same."""
    before = end.before
    elsewhere: list[Key] = []
    made = sorted((key for key, value in env.items() if dict.get(before, key) is not value))
    for key in made:
        had, value = before.get(key), env[key]
        if not isinstance(value, Const) or had == value or key[1].startswith("%") or "[cpu " in key[1]:
            continue
        steps = _steps(end.text, last_name(key[1]))
        if steps == _GROWS and isinstance(had, Const) and 0 <= had.number < value.number:
            env[key] = Unknown(f"{SIZE}{context.next()} rounds", key[1])
        elif steps == _ELSEWHERE and not context.looks_on and context.keep is not None:
            elsewhere.append(key)
        elif steps != _ONE_NUMBER:
            env[key] = context.unknown(key[1], prefix="u" if key[0] else "m")
    after = _once_more(context, end, env) if elsewhere else env
    for key in elsewhere:
        if dict.get(after, key) != env[key]:
            env[key] = context.unknown(key[1], prefix="u" if key[0] else "m")


def _once_more(context: Context, end: Round, env: Environment) -> Environment:
    """The variables behind one more round."""
    with tried(context):
        return context.lower_block(context, list(end.again), env.copy(), end.frame, Out())


def any_round(context: Context, body: Node, env: Environment, frame: Frame) -> None:
    """Members, elements and variables of the kernel's that a round sets are not what they were before the loop."""
    names = _set_in(body, frame.definition)
    if not names:
        return
    text = frame.text(body)
    for key in env.numbers_called(names):
        if _steps(text, last_name(key[1])) != _ONE_NUMBER or f"= {_number(env[key])};" not in text:
            env[key] = context.unknown(key[1], prefix="u" if key[0] else "m")


def _number(value: Value) -> str:
    return str(value.number) if isinstance(value, Const) else ""


@lru_cache(maxsize=4096)
def _set_in(body: Node, definition: Definition) -> frozenset[str]:
    """The last names of what a body sets."""
    found = set()
    for node in nodes(body):
        left = (
            node.child_by_field_name("left") or node.child_by_field_name("argument")
            if node.type in _SETS
            else None
        )
        while left is not None and left.type == "subscript_expression":
            left = left.child_by_field_name("argument")
        if left is not None and left.type == "field_expression":
            left = left.child_by_field_name("field")
        if left is not None and left.type in ("identifier", "field_identifier"):
            found.add(definition.text_of(left))
    return frozenset(found)


_ONE_NUMBER, _GROWS, _ELSEWHERE = "one number", "grows", "elsewhere"


@lru_cache(maxsize=4096)
def _steps(text: str, name: str) -> str:
    """How a text sets what has a name: always to one number, by making it more, not at all, or in another way ("")."""
    word = rf"\b{re.escape(name)}\b(?:\[[^\]]*\])*" if name else r"(?!)"
    numbers = set(re.findall(rf"{word}\s*=\s*(-?\w+)\s*[;,)]", text))
    sets = len(re.findall(rf"{word}\s*=(?!=)", text))
    more = len(re.findall(rf"{word}\s*(?:\+\+|\+=\s*\d)|\+\+\s*[\w>.-]*?{word}", text))
    others = len(re.findall(rf"{word}\s*(?:--|(?:<<|>>|[-*/%&|^])=)|--\s*[\w>.-]*?{word}", text))
    elsewhere = re.search(rf"&\s*[\w>.-]*?{word}", text) is not None
    plain = all(number.lstrip("-").isdigit() or number in ("true", "false", "NULL") for number in numbers)
    if others or (sets and more) or (elsewhere and (sets or more)):
        return ""
    if sets:
        alone = len(numbers) == 1 and plain and sets == len(re.findall(rf"{word}\s*=\s*-?\w+\s*[;,)]", text))
        return _ONE_NUMBER if alone else ""
    return _GROWS if more else _ELSEWHERE
