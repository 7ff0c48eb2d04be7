"""What a called function does, from its definition in the tree: one level, three-valued, with the line that tells."""

from collections.abc import Iterable, Iterator, Sequence
from typing import TYPE_CHECKING, Literal

from patchscan.basics.budget import BUDGET
from patchscan.basics.record import frozen, replace
from patchscan.c.defining import defines
from patchscan.c.source import Function, Source, source_of
from patchscan.changedfile import ChangedFile
from patchscan.flow.callee import CalleeSummary
from patchscan.flow.calleffects import Summaries
from patchscan.flow.certain import Wanted, bound_texts, certain_call
from patchscan.flow.effects import may_change_context
from patchscan.flow.returns import Returns
from patchscan.flow.signs import ANY, NEGATIVE, ZERO
from patchscan.flow.summary import local_summaries
from patchscan.flow.wellknown import listed
from patchscan.tree.overlay import View

if TYPE_CHECKING:
    from patchscan.lookup.definitions import Definitions

# Look-ups for one text, the first asked for first; each reads up to MOST_FILES files.
MOST_LOOK_UPS = BUDGET.look_ups.most
_MOST_HANDED_ON = 2


@frozen
class Inside:
    """A call that a callee makes whenever it is called: what it calls and where; text: that line."""

    name: str
    path: str
    line: int
    text: str


def inside_of(
    source: Source, name: str, arguments: Sequence[str], wanted: Wanted, summaries: Summaries
) -> Inside | None:
    """The wanted call that the one function of that name in a text makes whenever it is called with these arguments."""
    defined = [each for each in source.functions() if each.name == name]
    call = certain_call(defined[0], arguments, wanted, summaries) if len(defined) == 1 else None
    if call is None:
        return None
    return Inside(call.name, source.path, call.line, source.line_text(call.line).strip())


def that_may_define(files: Iterable[ChangedFile], name: str) -> Iterator[ChangedFile]:
    """The files that add a name, and that seem to define it as far as they are at hand; nothing is parsed."""
    for file in files:
        if file.adds(name) and (file.state.after is None or defines(file.state.after, name)):
            yield file


class Callees:
    """The functions that are defined outside the texts that call them, as one tree state has them.

    unapplied: files that the series changes in a way that is not known.
    """

    def __init__(self, view: View, unapplied: frozenset[str] = frozenset()) -> None:
        self.view = view
        self.unapplied = unapplied
        self._definitions: dict[tuple[str, str], Definitions] = {}
        self._look_ups: dict[str, int] = {}
        self._counted: set[tuple[str, str]] = set()

    def let_go(self, paths: frozenset[str]) -> None:
        """Let go of what was looked up for some texts; how often that was done is still counted."""
        for key in [each for each in self._definitions if each[1] in paths]:
            del self._definitions[key]
        self._counted = {each for each in self._counted if each[1] not in paths}

    def certain_call(
        self, name: str, arguments: Sequence[str], asking: Source, wanted: Wanted, depth: int = 0
    ) -> Inside | str:
        """The wanted call that every definition of a function makes whenever it is called with these arguments.

        See patchscan.flow.certain. Where that is not known it is told why, "" where the definitions were read and
        make no such call for certain. A macro or inline function of one call is seen through.
        """
        definitions = self.definitions(name, asking)
        if definitions.why:
            return definitions.why
        found: list[Inside] = []
        for function in definitions.functions:
            inside = self._inside(function, arguments, wanted, depth)
            if isinstance(inside, str):
                return inside
            found.append(inside)
        return found[0]

    def _inside(
        self, function: Function, arguments: Sequence[str], wanted: Wanted, depth: int
    ) -> Inside | str:
        source = source_of(function)
        call = certain_call(function, arguments, wanted, local_summaries(source))
        if call is not None:
            lines = (self.view.read(source.path) or b"").split(b"\n")
            text = lines[call.line - 1].decode("utf-8", "surrogateescape").strip()
            return Inside(call.name, source.path, call.line, text)
        only = function.calls()[0] if len(function.calls()) == 1 and function.is_inline else None
        if only is None or not only.name or depth >= _MOST_HANDED_ON:
            return ""
        if certain_call(function, arguments, lambda called, _: called == only.name) is None:
            return ""
        texts = bound_texts(function, only, arguments)
        if wanted(only.name, texts) is False:
            return ""
        return self.certain_call(only.name, texts, source, wanted, depth + 1)

    def look_ahead(self, names: Sequence[str], asking: Source) -> None:
        """Search the tree once for several functions that a text calls and that will be asked for."""
        from patchscan.lookup.uses import look_ahead

        missing = [name for name in dict.fromkeys(names) if (name, asking.path) not in self._definitions]
        look_ahead(self.view, missing[:MOST_LOOK_UPS])

    def definitions(self, name: str, asking: Source) -> "Definitions":
        """The definitions of a name that a text calls, but not those in files whose state is not known."""
        key = name, asking.path
        if key not in self._definitions:
            self._definitions[key] = self._look_up(name, asking)
        return self._definitions[key]

    def _look_up(self, name: str, asking: Source) -> "Definitions":
        # Imported here: most scans look nothing up.
        from patchscan.lookup.definitions import Definitions, find_definitions

        if self.view.tree is None:
            return Definitions(why="no tree at hand")
        if not self._may_look_up(name, asking):
            return Definitions(why=f"{MOST_LOOK_UPS} others were looked up before it")
        found = find_definitions(self.view, name, asking)
        if any(function.source.path in self.unapplied for function in found.functions):
            return Definitions(why="the series changes its file and does not apply to the tree")
        return found

    def _may_look_up(self, name: str, asking: Source) -> bool:
        """Whether one more name may be looked up for a text; each is counted once, whoever asks for it."""
        if (name, asking.path) not in self._counted:
            self._counted.add((name, asking.path))
            self._look_ups[asking.path] = self._look_ups.get(asking.path, 0) + 1
        return self._look_ups[asking.path] <= MOST_LOOK_UPS

    def _seen(self, name: str, asking: Source) -> Sequence[Function]:
        """Some of definitions(), unless that says why it has none: those that are found at once."""
        from patchscan.lookup.definitions import seen_definitions

        if self.view.tree is None or not self._may_look_up(name, asking):
            return ()
        return seen_definitions(self.view, name, asking)

    def may_return(self, name: str, asking: Source, what: Literal["null", "error"]) -> bool:
        """Whether a C file whose definition is found at once, if the name has any, returns a NULL or an ERR_PTR."""
        return self.seen_signs(name, asking) & (ZERO if what == "null" else NEGATIVE) != 0

    def seen_signs(self, name: str, asking: Source) -> int:
        """Signs that a call of this name may return, if it has definitions, by those in C files that are found at once.

        All of its definitions together return no fewer.
        """
        signs = 0
        for each in self._seen(name, asking):
            if signs != ANY and each.source.path.endswith(".c"):
                signs |= self._signs_in_text(each)
        return signs

    def _signs_in_text(self, function: Function, depth: int = 0) -> int:
        """The signs of what a function returns by its own text, and by what it hands on from others of its file."""
        told = self.returned(function)
        signs = told.signs
        for each in source_of(function).functions() if told.through and depth < _MOST_HANDED_ON else ():
            if each.name in told.through and not listed(each.name):
                signs |= self._signs_in_text(each, depth + 1)
        return signs

    def summary(self, name: str, asking: Source) -> CalleeSummary | None:
        """What all definitions of a function do: to their caller's context, a NULL returned, arguments freed.

        None where they are not known or do different things to the context; what else differs is unknown.
        """
        from patchscan.lookup.summed import effects

        found = [effects(self.view, each) for each in self.definitions(name, asking).functions]
        known = [each for each in found if each is not None]
        if not known or len(known) < len(found) or len({_of_context(each) for each in known}) > 1:
            return None
        nulls = {each.may_return_null for each in known}
        return replace(
            known[0],
            may_return_null=known[0].may_return_null if len(nulls) == 1 else None,
            frees=tuple(index for index in known[0].frees if all(index in each.frees for each in known)),
        )

    def returned(self, function: Function) -> Returns:
        """What a function returns by its own text; of a file of the tree it may be kept."""
        from patchscan.lookup.summed import returned

        return returned(self.view, function)

    def frees(self, name: str, asking: Source) -> tuple[int, ...]:
        """The numbers of the arguments that every definition of a function frees, whatever else it does."""
        from patchscan.lookup.summed import freed

        if any(not freed(self.view, each) for each in self._seen(name, asking)):
            # There may be more definitions, but then this is one of them.
            return ()
        found = [freed(self.view, each) for each in self.definitions(name, asking).functions]
        return tuple(at for at in found[0] if all(at in each for each in found)) if found else ()

    def summaries(self, source: Source) -> Summaries:
        """What is known of a function by its name: one of the text, or of the tree where the name speaks of locks."""
        local = local_summaries(source)

        def look_up(name: str) -> CalleeSummary | None:
            found = local(name)
            if found is None and may_change_context(name) and source.function_named(name) is None:
                return self.summary(name, source)
            return found

        return look_up


def _of_context(summary: CalleeSummary) -> CalleeSummary:
    """What a summary says of the caller's state."""
    return replace(summary, parameters=(), sleeps_at=None, frees=(), may_return_null=None, may_sleep=None)
