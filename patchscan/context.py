"""What a rule may ask: one patch in its series, over the tree state that it leaves.

Everything is lazy and cached: a rule that asks nothing costs nothing.
"""

from collections.abc import Callable, Container, Hashable, Iterable, Iterator, Mapping
from functools import cached_property
from typing import TYPE_CHECKING, Any, TypeVar

from patchscan.basics.budget import BUDGET
from patchscan.basics.pattern import pattern
from patchscan.basics.record import frozen, replace
from patchscan.c.source import Call, Function, Source, let_go, source_of
from patchscan.changedfile import ChangedFile as ChangedFile
from patchscan.changedfile import encode as encode
from patchscan.finding import CHANGELOG, Evidence, Finding, GivenConfidence, GivenSeverity, Silence
from patchscan.series import Patch, Series
from patchscan.shelf import HELD_FILES, MANY_FILES, Shelf
from patchscan.tree.fit import ON_BASE, Fit
from patchscan.tree.overlay import PatchState, View

if TYPE_CHECKING:
    from patchscan.flow.callees import Callees, Inside
    from patchscan.flow.calleffects import Summaries
    from patchscan.flow.certain import Wanted
    from patchscan.flow.flowstates import FlowStates
    from patchscan.kconfig.symbols import ConfigSymbol
    from patchscan.lookup.uses import Uses

_CALLED = pattern(r"\b(\w+)\s*\(")


@frozen
class Settings:
    """What the user configured: options of rules by rule name, and whether models are executed.

    time_limit: seconds of CPU time for one patch, 0 for no limit.
    """

    options: Mapping[str, Mapping[str, Any]]
    simulate: bool = True
    time_limit: float = BUDGET.seconds.most


Fault = TypeVar("Fault")
NO_SETTINGS = Settings({})
# How many files callers are read in.
_MOST_FILES = 20


class Context:
    """One patch under judgement: its lines, its code, its series and the tree."""

    def __init__(
        self,
        series: Series,
        states: tuple[PatchState, ...],
        index: int,
        settings: Settings,
        fit: Fit = ON_BASE,
        whole: "Context | None" = None,
        files: tuple[ChangedFile, ...] = (),
    ) -> None:
        self.series = series
        self.fit = fit
        self.states = states
        self.index = index
        self.state = states[index]
        self.patch: Patch = self.state.patch
        self.settings = settings
        self.whole: Context = whole or self
        self.large = sum(each.used == "tree" for each in self.state.files) > MANY_FILES
        shelf = Shelf(HELD_FILES, self._leave) if self.large and not whole else None
        self.files: tuple[ChangedFile, ...] = files or tuple(
            ChangedFile(state, shelf) for state in self.state.files
        )
        self.all: tuple[Context, ...] = whole.all if whole else ()
        # The rule that asks now, and those that asked for a tree where there is none.
        self.asking = ""
        self.blind: set[str] = whole.blind if whole else set()
        self._unfollowed: set[str] = whole._unfollowed if whole else set()
        self._flows: dict[Function, FlowStates] = {}
        self._summaries: dict[Source, Summaries] = {}
        self._held: dict[tuple[str, ...], bool] = {}
        self._defining: dict[str, tuple[ChangedFile, ...]] = {}

    @property
    def view(self) -> View:
        """The tree as this patch leaves it."""
        return self.state.view

    @property
    def final(self) -> View:
        """The tree as the whole series leaves it."""
        return self.states[-1].view

    @property
    def has_tree(self) -> bool:
        """Whether there is a kernel tree at hand; a rule that asks in vain is told of as blind."""
        if self.state.view.tree is not None:
            return True
        self.blind.add(self.asking)
        return False

    @property
    def the_tree(self) -> str:
        """What a claim that something is not there calls the tree: by its release where it is not quite the base."""
        return "the tree" if self.fit.sure or not self.fit.release else self.fit.release

    @property
    def not_claimed(self) -> str:
        """Why nothing is claimed on what the tree lacks, "" where that can be: the series was made for another tree."""
        if self.fit.verdict != "elsewhere":
            return ""
        return f"the series was made for another tree: what {self.fit.release} lacks says nothing of it"

    def claimed(self, finding: Finding) -> Finding:
        """A finding that rests on what the tree lacks or has otherwise: a question where it may not be the base."""
        if self.fit.sure:
            return finding
        asked = f"; is {self.the_tree} the base?"
        return replace(finding, message=finding.message + asked, severity="info", confidence="low")

    @cached_property
    def c_files(self) -> tuple[ChangedFile, ...]:
        """The kernel's C files among those changed."""
        return tuple(file for file in self.files if file.is_c)

    @cached_property
    def touched(self) -> tuple[tuple[str, str, bool], ...]:
        """(path, name, whether it is partial) of each C function that the patch touches."""
        return tuple(each for file in self.c_files for each in file.touched)

    @property
    def unfollowed(self) -> frozenset[str]:
        """The touched functions that were not followed on all ways, by path and name, before the patch or after it."""
        for file in self.c_files:
            self._note_unfollowed(file)
        return frozenset(self._unfollowed)

    def _note_unfollowed(self, file: ChangedFile) -> None:
        from patchscan.flow.unfollowed import is_left

        left = {each.name for each in file.functions_read() if is_left(each)}
        names = left.intersection(name for _, name, _ in file.touched) if left else ()
        self._unfollowed |= {f"{file.path}: {name or 'a function without a name'}" for name in names}

    def _leave(self, file: ChangedFile) -> None:
        self._note_unfollowed(file)
        file.forget(let_go)

    def forget(self, parting: Callable[[Source], None] | None = None) -> None:
        """Let go of what was made of the code, thirty times its size; it is made anew for a later patch that asks."""
        _ = self.touched, self.unfollowed
        for file in self.files:
            file.forget(parting)
        self._flows.clear()
        self._summaries.clear()

    @cached_property
    def raw_words(self) -> frozenset[str]:
        """The words on the added lines of C files, those of comments and strings included."""
        return frozenset().union(*(file.raw_words for file in self.c_files))

    @cached_property
    def changed_text(self) -> str:
        """What the patch says and changes, in lower case: title, changelog, and of each file how and which lines."""
        parts = [self.patch.title, *self.patch.changelog]
        for file in self.files:
            parts.append(f"{file.change.kind} {file.path} {file.change.mode}")
            parts += (line.text for line in (*file.added, *file.removed))
        return "\n".join(parts).casefold()

    def may_hold(self, texts: tuple[str, ...]) -> bool:
        """Whether one of some texts stands in the C code at hand: that of the series, or any of a tree."""
        first = self.all[0] if self.all else self
        if texts not in first._held:
            first._held[texts] = first.view.tree is not None or any(
                text in first._shown_code for text in texts
            )
        return first._held[texts]

    @cached_property
    def _shown_code(self) -> str:
        """All that the series shows of its C files: whole ones, and hunks."""
        parts = []
        for file in (file for context in self.all or (self,) for file in context.c_files):
            wholes = (file.state.before, file.state.after)
            parts += [whole.decode("utf-8", "surrogateescape") for whole in wholes if whole is not None]
            for hunk in file.change.hunks:
                parts += [hunk.section, *(line.text for line in hunk.lines)]
        return "\n".join(parts)

    @cached_property
    def new_functions(self) -> tuple[tuple[ChangedFile, Function], ...]:
        """The functions that the patch introduces: their name is on an added line, and no file loses it."""
        gone = set(
            _CALLED.findall("\n".join(line.text for file in self.whole.files for line in file.removed))
        )
        return tuple(
            (file, function)
            for file in self.c_files
            for function in (file.functions if file.may_define else ())
            if function.has_head
            and function.name
            and function.name_line in file.added_numbers
            and function.name not in gone
        )

    def brought(
        self, faults_of: Callable[[Function], Iterable[Fault]], key: Callable[[Fault], Hashable]
    ) -> Iterator[tuple[ChangedFile, Function, Fault]]:
        """The faults of the touched C functions that were not there before the patch, also where it only deletes.

        faults_of: what is wrong in one function, before or after; key: what makes two of them the same one, without
        line numbers. Code that moves to another function or file of the patch brings nothing.
        """
        from patchscan.brought import brought

        return brought(self.c_files, faults_of, key)

    @property
    def earlier(self) -> tuple["Context", ...]:
        """The patches of the series before this one."""
        return tuple(other for other in self.all if other.patch.index < self.patch.index)

    @property
    def later(self) -> tuple["Context", ...]:
        """The patches of the series after this one."""
        return tuple(other for other in self.all if other.patch.index > self.patch.index)

    def flow(self, function: Function) -> "FlowStates":
        """IRQ, preemption, RCU and lock state of every statement of a function.

        Its callees are known by what they do, and what it is registered as (an IPI's handler, a timer) by the
        context that gives it.
        """
        from patchscan.flow.callbacks import callbacks, entry_state
        from patchscan.flow.flowstates import states

        if function not in self._flows:
            callback = callbacks(source_of(function)).get(function.name)
            entry = entry_state(callback.kind if callback else "")
            self._flows[function] = states(function, entry, self.summaries(source_of(function)))
        return self._flows[function]

    def summaries(self, source: Source) -> "Summaries":
        """What is known of a function that a text calls, by its name (see patchscan.flow.callees)."""
        if source not in self._summaries:
            self._summaries[source] = self.callees.summaries(source)
        return self._summaries[source]

    def callers_elsewhere(self, name: str, known: Container[str]) -> "Iterator[tuple[str, Function]]":
        """(path, function) of some that call a function by name, in files of the tree that are not known."""
        from patchscan.c.source import parse
        from patchscan.lookup.uses import find_uses

        calls = find_uses(self.view, name, whole=False).of_kind("call")
        for path in sorted({use.path for use in calls if use.path not in known})[:_MOST_FILES]:
            names = {use.function for use in calls if use.path == path}
            functions = parse(self.view.read(path) or b"", path).functions()
            yield from ((path, each) for each in functions if each.name in names)

    @cached_property
    def not_applied(self) -> tuple[ChangedFile, ...]:
        """The files of the series whose hunks do not apply to the tree: in it they look as before the series."""
        return tuple(file for other in self.all for file in other.files if file.used == "hunk")

    @cached_property
    def callees(self) -> "Callees":
        """The functions that the changed files call and the tree defines, as the whole series leaves it."""
        from patchscan.flow.callees import Callees

        if self.all and self is not self.all[0]:
            return self.all[0].callees
        unapplied = frozenset(file.path for file in self.not_applied) if self.final.tree else frozenset()
        return Callees(self.final, unapplied)

    def inside(self, function: Function, call: Call, wanted: "Wanted") -> "Inside | str":
        """A wanted call that the function called here makes whenever it is called so, or why that is not known.

        "" where its definition was read and makes none for certain (see patchscan.flow.certain). It is looked for in
        the same text, in what the series changes, then in the tree. Lines are those of the patch that changes a file.
        """
        texts = tuple(function.source.text_of(node) for node in call.arguments)
        if call.name in {each.name for each in (*function.parameters, *function.locals)}:
            return "a pointer to a function is called"
        found = self._inside(source_of(function), call.name, texts, wanted)
        for file in self._files_so_far:
            if not isinstance(found, str) and file.path == found.path:
                return replace(found, line=file.patch_line(found.line))
        return found

    def _inside(self, asking: Source, name: str, texts: tuple[str, ...], wanted: "Wanted") -> "Inside | str":
        from patchscan.flow.callees import inside_of

        if asking.function_named(name) is not None:
            return inside_of(asking, name, texts, wanted, self.summaries(asking)) or ""
        for file in self.whole._that_may_define(name):
            for source in file.after:
                found = inside_of(source, name, texts, wanted, self.summaries(source))
                if found is not None:
                    return found
        return self.callees.certain_call(name, texts, asking, wanted)

    def _that_may_define(self, name: str) -> tuple[ChangedFile, ...]:
        from patchscan.flow.callees import that_may_define

        if name not in self._defining:
            self._defining[name] = tuple(that_may_define(self._files_so_far, name))
        return self._defining[name]

    @property
    def _files_so_far(self) -> "Iterator[ChangedFile]":
        """The C files that this patch and those before it change."""
        return (file for context in (self.whole, *self.earlier) for file in context.c_files)

    def uses(self, symbol: str, whole: bool = True) -> "Uses":
        """Every use of an identifier in the tree as the whole series leaves it (see patchscan.lookup.uses).

        whole=False costs less and may miss some: enough where one example decides.
        """
        from patchscan.lookup.uses import find_uses

        return find_uses(self.final, symbol, whole)

    def tree_file(self, path: str) -> bytes | None:
        """A file of the tree at hand as it is without the series, None where there is none."""
        return self.view.tree.read(path) if self.view.tree is not None else None

    def look_ahead(self, symbols: Iterable[str]) -> None:
        """Search the tree once for several identifiers whose uses will be asked for."""
        wanted = sorted(symbols)
        if wanted:
            from patchscan.lookup.uses import look_ahead

            look_ahead(self.final, wanted)

    def linkage(self, path: str) -> str:
        """Whether a C file becomes "built-in" or "modular" code, or "unknown"."""
        from patchscan.kbuild.linkage import linkage

        return linkage(self.final, path)

    def not_built_yet(self, path: str) -> bool:
        """Whether the series makes a file that no Makefile builds before a later patch."""
        if not self.later or not any(
            file.path == path and file.change.kind == "create"
            for other in (*self.earlier, self)
            for file in other.files
        ):
            return False
        from patchscan.kbuild.unbuilt import not_built_yet

        return not_built_yet(self.series.patches, self.patch.index, path)

    def modules_of(self, path: str) -> frozenset[str]:
        """The modules, or objects of vmlinux, that a C file becomes part of; empty where that is not known."""
        from patchscan.kbuild.linkage import modules_of

        return modules_of(self.final, path)

    def config_symbol(self, name: str, path: str = "") -> "ConfigSymbol | None":
        """A CONFIG symbol (without the prefix) of the tree as this patch leaves it; path: who asks."""
        from patchscan.kconfig.symbols import config_symbol

        return config_symbol(self.view, name, path.rpartition("/")[0])

    def option(self, rule: str, name: str, default: Any) -> Any:
        """A configured option of a rule."""
        return self.settings.options.get(rule, {}).get(name, default)

    def changelog_finding(
        self,
        line: int,
        message: str,
        evidence: tuple[Evidence, ...] = (),
        severity: GivenSeverity = "",
        confidence: GivenConfidence = "",
    ) -> Finding:
        """A finding in the changelog; line 1 is its first."""
        return Finding(CHANGELOG, line, message, evidence, severity=severity, confidence=confidence)

    def changelog_fine(self, line: int, reason: str) -> Silence:
        """A line of the changelog was looked at and nothing is wrong with it."""
        return Silence(CHANGELOG, line, reason, checked=True)

    def changelog_unchecked(self, line: int, reason: str) -> Silence:
        """The rule abstains on what a line of the changelog speaks of."""
        return Silence(CHANGELOG, line, reason, checked=False)


def contexts(
    series: Series, states: tuple[PatchState, ...], settings: Settings, fit: Fit = ON_BASE
) -> tuple[Context, ...]:
    """A context a patch, each knowing the others."""
    made = tuple(Context(series, states, index, settings, fit) for index in range(len(states)))
    for context in made:
        context.all = made
    return made
