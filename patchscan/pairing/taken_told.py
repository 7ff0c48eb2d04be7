"""References that a patch takes on objects which may be about to be freed, as findings."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import islice

from patchscan.basics.pattern import pattern
from patchscan.changedfile import ChangedFile
from patchscan.finding import Finding
from patchscan.pairing.freed_told import SECTIONS, brought, codes_of

TYPE_CHECKING = False
if TYPE_CHECKING:
    from patchscan.c.source import Function
    from patchscan.context import Context
    from patchscan.pairing.pair_model import Outcome
    from patchscan.pairing.taken import Dropping, Taking

_TAKES = pattern(r"\b(?:refcount_inc|kref_get)\s*\(")
_STORES = frozenset(
    (
        "rcu_assign_pointer",
        "RCU_INIT_POINTER",
        "rcu_replace_pointer",
        "WRITE_ONCE",
        "xchg",
        "list_del_rcu",
        "hlist_del_rcu",
        "hlist_del_init_rcu",
    )
)
_MOST, _MOST_RUNS = 6, 6


def taken_late(context: Context, file: ChangedFile) -> Iterator[Finding]:
    """The references that added lines take, in a reader section, on what another function may just have dropped."""
    lines = {line.new for line in file.added if _TAKES.search(line.text)}
    if not lines or not (context.settings.simulate and context.has_tree) or file.state.after is None:
        return
    functions = [each for source in file.after for each in source.functions()]
    for function in functions:
        mine = any(n is not None and function.first_line <= n <= function.last_line for n in lines)
        if mine and function.identifiers & SECTIONS:
            yield from islice(_of_function(context, file, function), 1)


def _of_function(context: Context, file: ChangedFile, function: Function) -> Iterator[Finding]:
    from patchscan.pairing.taken import droppings, takings

    codes, name = codes_of(context), function.name
    walk = codes.walk("after", name, file.path)
    functions = [each for source in file.after for each in source.functions() if each.name != name]
    for taking in takings(walk, function.text) if walk is not None else ():
        member = taking.place.rpartition(".")[2]
        near = [each.name for each in functions if member in each.identifiers and each.identifiers & _STORES]
        for other in near[:_MOST]:
            dropper = codes.walk("after", other, file.path)
            found = droppings(dropper, taking) if dropper is not None and dropper.whole else ()
            for dropping in islice(found, _MOST_RUNS):
                after = _shown(taking, dropping)
                if after is not None:
                    yield _said(context, file, taking, dropping, after)


def _shown(taking: Taking, dropping: Dropping) -> Outcome | None:
    """A bad execution that a grace period would keep from coming about."""
    from patchscan.model.verdicts.gate import Grounds, gate
    from patchscan.pairing.taken import run_taking

    mended, after = run_taking(taking, dropping, waits=True), run_taking(taking, dropping)
    grounds = Grounds([mended.answer], [after.word])
    return after if mended.word == "Never" and after.answer.held and not gate(grounds) else None


def _said(context: Context, file: ChangedFile, taking: Taking, dropping: Dropping, after: Outcome) -> Finding:
    own, other, structure = taking.walk.function, dropping.walk.function, taking.count.partition(".")[0]
    text = (
        f"{own}() finds the {structure} in {taking.place} without a reference and takes one whatever the count is; "
        f"{other}(), which takes it out there, may have dropped the last by then, and frees it: a reference is to be "
        f"had with refcount_inc_not_zero() or kref_get_unless_zero()"
    )
    functions, line = (other, own), taking.step.event.place.line  # type: ignore[union-attr]
    return brought(context, file, line, functions, after, text, "a grace period before the drop")
