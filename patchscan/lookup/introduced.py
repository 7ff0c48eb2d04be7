"""A name that a patch introduces, or calls, against the configurations in which something stands behind it."""

from collections.abc import Sequence

from patchscan.basics.formula import Formula, can_hold, follows
from patchscan.basics.pattern import pattern
from patchscan.basics.record import frozen
from patchscan.c.occurrences import occurrences
from patchscan.c.source import parse
from patchscan.changedfile import ChangedFile
from patchscan.context import Context
from patchscan.kbuild.built import built_when
from patchscan.lookup.compiled import (
    AddedUse,
    compiled_when,
    defined_when,
    made_sure,
    some_definition_when,
    uncovered,
)
from patchscan.lookup.uses import Use, find_uses
from patchscan.tree.overlay import View

# What the body of a function that waits for others calls where it does wait.
_WAITS = pattern(r"\w*(?:sync|wait|quiesce|flush|smp_call_function|on_each_cpu|completion|smp_mb|lock)\w*")
_EMPTY_BODY = pattern(r"\)\s*\{\s*\}\s*$")


@frozen
class Symbol:
    """A function or variable that the patch introduces; at_compile: its users need the definition, not a prototype."""

    name: str
    file: ChangedFile
    line: int
    private: bool
    at_compile: bool


def is_conditional(view: View, symbol: Symbol) -> bool:
    """Whether some option decides that the symbol is there."""
    return bool(symbol.file.after[0].conditions_at(symbol.line)) or (
        not symbol.private and bool(built_when(view, symbol.file.path).atoms)
    )


def first_missing(
    context: Context, symbol: Symbol, places: Sequence[AddedUse]
) -> tuple[Formula, AddedUse | None]:
    """When the symbol is defined, and the first place that can be compiled without; None where none is sure to."""
    defined, missing = _first_uncovered(context.view, symbol, places, _in_series(context, symbol))
    if missing is not None and not symbol.private:
        # Only now is it worth the time to look for versions that the series does not touch.
        found = find_uses(context.view, symbol.name)
        defined, missing = _first_uncovered(context.view, symbol, places, list(found.uses))
    return defined, missing


def _in_series(context: Context, symbol: Symbol) -> list[Use]:
    """Where the files that the series changes define or declare a symbol, as the patch leaves them."""
    contents = (
        {symbol.file.path: context.view.read(symbol.file.path)} if symbol.private else context.view.changed
    )
    return [
        use
        for path, text in sorted(contents.items())
        if text and path.endswith((".c", ".h")) and symbol.name.encode() in text
        for use in occurrences(text, symbol.name, path)
    ]


def _first_uncovered(
    view: View, symbol: Symbol, places: Sequence[AddedUse], found: Sequence[Use]
) -> tuple[Formula, AddedUse | None]:
    """When the symbol is defined, and the first place that can be compiled without; None where none is sure to."""
    defined = some_definition_when(view, found)
    elsewhere = any(
        use.path.startswith("arch/") for use in found if use.kind in ("definition", "declaration")
    )
    if not defined.atoms or not defined.plain or (elsewhere and not symbol.file.path.startswith("arch/")):
        return defined, None
    return defined, next((place for place in places if uncovered(view, place.when, defined)), None)


def is_less(view: View, file: ChangedFile, line: int, defined: Formula) -> bool:
    """Whether a line is compiled where something is not defined."""
    return not follows(defined, compiled_when(view, file, line))


def empty_stub(
    context: Context, file: ChangedFile, line: int, name: str
) -> tuple[Use, frozenset[str]] | None:
    """An empty body of a called function that waits elsewhere, and the options that decide, where the call meets it."""
    for use in find_uses(context.view, name, whole=False).of_kind("definition"):
        empty = use.path.endswith(".h") and _EMPTY_BODY.search(use.text)
        stub, when = defined_when(context.view, use), compiled_when(context.view, file, line)
        if not empty or not stub.atoms or not (stub.plain and when.plain):
            continue
        if can_hold(stub, when, *made_sure(context.view, when, stub.atoms)) and _may_wait(context, name):
            return use, frozenset(stub.atoms)
    return None


def _may_wait(context: Context, name: str) -> bool:
    """Whether a version of a function in a C file calls what waits; what nobody finds may."""
    bodies = [
        function
        for use in context.uses(name).of_kind("definition")
        if use.path.endswith(".c")
        and (function := parse(context.view.read(use.path) or b"", use.path).function_named(name)) is not None
    ]
    return not bodies or any(_WAITS.fullmatch(call.name) for each in bodies for call in each.calls())
