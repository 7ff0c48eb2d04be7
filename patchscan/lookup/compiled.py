"""When a line, a file or a definition is compiled: a formula over CONFIG options, and what Kconfig makes sure of."""

import re
from collections.abc import Iterable, Iterator, Sequence
from typing import TYPE_CHECKING

from patchscan.basics.formula import Formula as Formula
from patchscan.basics.formula import (
    all_of,
    any_of,
    can_hold,
    config,
    follows,
    negation,
    read_condition,
)
from patchscan.basics.pattern import pattern
from patchscan.basics.record import frozen
from patchscan.c.branches import branches, when
from patchscan.c.lexical import without_comments
from patchscan.c.source import Function, Source, parse
from patchscan.context import ChangedFile, Context
from patchscan.kbuild.built import built_when
from patchscan.kconfig.implied import implied
from patchscan.series import Hunk
from patchscan.tree.overlay import View

if TYPE_CHECKING:
    from patchscan.lookup.uses import Use

_SHORTEST_PLACE = 12
_NESTED = pattern(r"\([^()]*\)")


@frozen
class AddedUse:
    """An added line that uses a symbol, and when it is compiled."""

    file: ChangedFile
    line: int
    when: Formula


def compiled_when(view: View, file: ChangedFile, line: int) -> Formula:
    """When an added line is compiled: the #if around it, the Makefiles and the architecture.

    Where the file does not apply to the tree, what stands around its hunk is looked for by the context lines; an
    atom that is not plain says that it was not found.
    """
    source = next((each for each in file.after if each.line_text(line)), None)
    conditions = list(source.conditions_at(line)) if source else []
    parts = [read_condition(each.expression, each.negated) for each in conditions]
    if file.used == "hunk" and file.state.after is None:
        hunk = next((each for each in file.change.hunks if 0 <= line - each.new_start < each.new_count), None)
        around = conditions_around(view, file.path, hunk) if hunk else None
        parts += [Formula("atom", "?around the hunk")] if around is None else around
    return all_of((*parts, built_when(view, file.path)))


def added_uses(
    context: Context, symbol: str, only: ChangedFile | None = None, at_compile: bool = False
) -> Iterator[AddedUse]:
    """Where the patch uses a symbol, in one file only or in all.

    A use in a new inline function of a header stands where that function is used, unless the symbol must be known
    when the header is read (at_compile).
    """
    for file in context.c_files if only is None else (only,):
        for line in file.added_words.get(symbol, ()):
            function = next(
                (each for each in file.functions if each.first_line <= line <= each.last_line), None
            )
            if function is None or function.name == symbol or _asks_itself(function):
                continue
            here = all_of((compiled_when(context.view, file, line), *dropped_otherwise(file, line, symbol)))
            if not file.path.endswith(".h") or at_compile:
                yield AddedUse(file, line, here)
            elif function.has_head and function.name_line in file.added_numbers:
                for each in added_uses(context, function.name, at_compile=True):
                    yield AddedUse(each.file, each.line, all_of((here, each.when)))


def dropped_otherwise(file: ChangedFile, line: int, symbol: str) -> Iterator[Formula]:
    """When a macro that is called with a symbol, and of which the file has several versions, passes it on."""
    yield from dropped_in(file.after, file.code_at(line), symbol)


def dropped_in(sources: Sequence[Source], code: str, symbol: str) -> Iterator[Formula]:
    """Like dropped_otherwise, of a line of code in some texts."""
    inner = re.search(rf"(\w+)\s*\(((?:[^()]|\([^()]*\))*)\b{re.escape(symbol)}\b", code)
    if inner is None:
        return
    position = _NESTED.sub("", inner[2]).count(",")
    for source in sources:
        versions = [macro for macro in source.macros() if macro.name == inner[1] and macro.parameters]
        passing = [
            conditions_of(source, macro.line)
            for macro in versions
            if macro.parameters
            and (position >= len(macro.parameters) or passes_on(macro.body, macro.parameters[position]))
        ]
        if versions and len(passing) < len(versions):
            yield any_of(passing)


def passes_on(body: str, parameter: str) -> bool:
    """Whether a macro's body names one of its parameters."""
    return re.search(rf"\b{re.escape(parameter)}\b", body) is not None


def _asks_itself(function: Function) -> bool:
    """Whether the code asks for an option: the compiler then drops calls of what is not there."""
    return "IS_ENABLED(" in function.text or "IS_REACHABLE(" in function.text


def conditions_around(view: View, path: str, hunk: Hunk) -> list[Formula] | None:
    """The conditions around a hunk that does not apply, by its context lines that stand in the file once.

    None where they differ, where less than half are found, or where a block ends in the hunk that begins outside.
    """
    if ends_block(hunk):
        return None
    source = parse(view.read(path) or b"", path)
    context = [line.text for line in hunk.lines if line.kind == " " and len(line.text) >= _SHORTEST_PLACE]
    places = [found[0] for text in context if len(found := list(lines_of(source, text))) == 1]
    conditions = {source.conditions_at(place) for place in places}
    if len(conditions) != 1 or 2 * len(places) < len(context):
        return None
    return [read_condition(each.expression, each.negated) for each in conditions.pop()]


def ends_block(hunk: Hunk) -> bool:
    """Whether an #else or #endif of the hunk belongs to an #if above it."""
    shown = "\n".join(line.text for line in hunk.lines if line.kind != "-")
    return any(each.opener < 0 for each in branches(without_comments(shown.encode("utf-8", "replace"))).found)


def lines_of(source: Source, text: str) -> Iterator[int]:
    """The lines of a text that read so."""
    yield from (
        number
        for number, line in enumerate(source.text.decode("utf-8", "surrogateescape").split("\n"), 1)
        if line == text
    )


def exactly_when(view: View, source: Source, line: int) -> Formula | None:
    """When a line of a C file is compiled: the #if around it and every way through the Makefiles, None if not plain."""
    when = all_of((conditions_of(source, line), built_when(view, source.path)))
    return when if when.plain else None


def conditions_of(source: Source, line: int) -> Formula:
    """The #if conditions around a line of a text."""
    return when(source.conditions_at(line))


def defined_when(view: View, use: "Use") -> Formula:
    """When a definition that find_uses() found is compiled."""
    return all_of((*(read_condition(each) for each in use.conditions), built_when(view, use.path)))


def some_definition_when(view: View, found: "Sequence[Use]") -> Formula:
    """When one of the definitions among the uses of a symbol is there; of none, never.

    What is declared and defined in no C file comes from a macro, and is there with its declaration. A declaration
    where there is no definition is deliberate: the compiler drops the calls.
    """
    in_headers = all(use.path.endswith(".h") for use in found if use.kind == "definition")
    kinds = ("definition", "declaration") if in_headers else ("definition",)
    defined = any_of(defined_when(view, use) for use in found if use.kind in kinds)
    declared = [defined_when(view, use) for use in found if use.kind == "declaration"]
    return any_of((defined, *(each for each in declared if can_hold(each, defined) is False)))


def uncovered(view: View, when: Formula, defined: Formula) -> bool:
    """Whether a use can be compiled while no definition is, whatever Kconfig makes sure of; False where unknown."""
    if not when.plain or follows(defined, when):
        return False
    return follows(defined, when, *made_sure(view, when, defined.atoms)) is False


def made_sure(view: View, when: Formula, options: Iterable[str]) -> list[Formula]:
    """What Kconfig makes sure of among some options: those on wherever `when` holds, and which bring others."""
    names = frozenset(options)
    on = [name for name in sorted(when.atoms) if follows(config(name), when)]
    brought = implied(view, on) if on else frozenset()
    return [
        *(config(name) for name in sorted(names & brought)),
        *(
            any_of((negation(config(name)), config(other)))
            for name in sorted(names)
            for other in sorted(implied(view, (name,)) & names)
        ),
    ]


def not_brought(view: View, options: Iterable[str]) -> list[str]:
    """Those of some options that none of the others brings with it, the shortest name first."""
    left = sorted(options, key=lambda name: (len(name), name))
    for name in tuple(left):
        if any(name in implied(view, (other,)) for other in left if other != name):
            left.remove(name)
    return left
