"""The names that a file calls and does not reach: of each why, by which header, and in which configuration."""

from collections.abc import Iterator, Sequence
from functools import cached_property

from patchscan.basics.formula import all_of, any_of
from patchscan.basics.pattern import pattern
from patchscan.basics.record import frozen
from patchscan.c.includes import includes
from patchscan.c.initialisers import designators
from patchscan.c.source import parse
from patchscan.changedfile import encode
from patchscan.context import ChangedFile, Context
from patchscan.kbuild.built import built_exactly_when
from patchscan.kconfig.solve import Configuration, find_configuration
from patchscan.lookup.closure import Closure, is_host_program
from patchscan.lookup.declared import (
    Answer,
    is_plainly_declared,
    look_up,
    on_every_way,
    only_elsewhere,
    strictly,
)
from patchscan.lookup.headers import headers_among, headers_near, seen_near, text_of_header
from patchscan.lookup.hunks import was_there
from patchscan.lookup.needed import Named as Named
from patchscan.lookup.needed import own_architecture
from patchscan.lookup.pasted import begins_plainly, forms_by, glued_names, is_of, is_telling
from patchscan.lookup.types import defines_type
from patchscan.lookup.unapplied import as_built
from patchscan.lookup.used import used_when
from patchscan.lookup.uses import files_holding, headers_holding, knows_shared, look_ahead
from patchscan.tree.index.search import is_shared
from patchscan.tree.overlay import View

_EVERYWHERE = 100_000
# A constant that more headers name is one of those that every file reaches.
_MOST_NAMING = 40
_TELLING = 8
_CONDITIONAL = pattern(r"\s*#\s*(?:if|el|endif)")


@frozen
class Missed:
    """A name that is missed, why, and a configuration that shows it, None where that is not known."""

    named: Named
    answer: Answer
    configuration: Configuration | None


@frozen
class Undeclared:
    """What one file misses. missed: (header as one includes it, the names that it declares); "" for no header.

    unknown: names of which it is not known, and why; missing: a header that is not at hand; in_part: whether the
    hunks do not apply, so that not all of the file is known.
    """

    missed: tuple[tuple[str, tuple[Missed, ...]], ...]
    unknown: tuple[str, ...] = ()
    why: str = ""
    missing: str = ""
    in_part: bool = False


def is_constant(name: str) -> bool:
    """Whether a name is that of a constant that few files share: several words in capitals."""
    return name.isupper() and "_" in name.strip("_") and len(name) >= _TELLING


class _Asking:
    """Asks for one name after the other what the file reaches; before: see undeclared()."""

    def __init__(self, context: Context, file: ChangedFile, text: bytes, before: bytes | None) -> None:
        self.context = context
        self.file = file
        self.text = text
        self.before = before
        self.view = as_built(context)
        self.source = parse(text, file.path)
        # Of a file that does not apply the tree has other #include lines than its author.
        self.in_part = file.used == "hunk" and file.change.kind != "create"
        added = "\n".join(line.text for line in file.added if "#" in line.text)
        self.more = includes(encode(added)) if self.in_part else ()
        self.closure = self.closure_in(own_architecture(file.path) or "x86")
        self.beside = self.closure.beside()
        self.glued = glued_names(file)
        self._configurations: dict[str, Configuration | None] = {}

    def closure_in(self, architecture: str) -> Closure:
        """What the file reaches in an architecture."""
        return Closure(self.view, self.file.path, self.text, architecture, self.more)

    def configuration(self, name: str) -> Configuration | None:
        """A configuration that builds a use of a name by the file, and has little else."""
        if name not in self._configurations:
            self._configurations[name] = self._smallest(name)
        return self._configurations[name]

    def _smallest(self, name: str) -> Configuration | None:
        built = built_exactly_when(self.view, self.source.path)
        used = used_when(self.view, self.source, name)
        if built is None or not built.plain or not used.plain:
            return None
        return find_configuration(self.view, all_of((built, used)) if used.atoms else built, any_of(()))

    def answer(self, named: Named) -> Answer | None:
        """What is known of a name; None where the file did not reach it before either, or too much names it."""
        view, name = self.view, named.name
        seen = seen_near(view, name, self.beside) - {self.file.path}
        if is_plainly_declared(view, self.closure, seen, name):
            return Answer("always")
        # More headers add nothing to what is declared on every way, and to ask for all of them costs much more.
        if on_every_way(view, self.closure, self.near(name), name):
            return Answer("always")
        holding = headers_holding(view, name)
        if named.constant and len(holding) > _MOST_NAMING:
            return None
        headers = [path for path in holding if path != self.file.path]

        def configuration() -> Configuration | None:
            return self.configuration(name)

        answer = look_up(view, self.closure, headers, name, configuration)
        any_architecture = answer.kind == "unknown" and not own_architecture(self.file.path)
        found = configuration() if any_architecture else None
        if found is not None and found.architecture != self.closure.architecture:
            self.closure = self.closure_in(found.architecture)
            answer = look_up(view, self.closure, headers, name, configuration)
        if self.in_part and answer.kind == "unreached" and (known := configuration()) is not None:
            answer = only_elsewhere(view, headers, name, known) or answer
        if self.before is not None and answer.kind != "always":
            architecture = self.closure.architecture
            old = Closure(view, self.file.path, self.before, architecture)
            if look_up(view, old, headers, name, configuration).kind != "always":
                return None
            known = configuration()
            if answer.kind == "unknown" and known is not None and known.architecture == architecture:
                answer = self.lost_for(old, headers, name) or answer
        return answer

    def near(self, name: str) -> list[str]:
        """The headers that hold a name: those near that are reached whatever the configuration, if not more."""
        if knows_shared(self.view):
            headers = headers_near(self.view, name, self.beside)
        else:
            headers = headers_among(self.view, name, self.beside, self.closure.certain())
        return [path for path in headers if path != self.file.path]

    def lost_for(self, old: Closure, headers: Sequence[str], name: str) -> Answer | None:
        """The answer for a name that the file has lost with all headers of one architecture that hold it."""
        if any(path in self.closure.every() for path in headers):
            return None
        certain = (path for path in headers if path in old.certain())
        found = [each for path in certain for each in strictly(self.view, path, name)]
        return Answer("unreached", found[0]) if found else None

    def is_nowhere(self, name: str) -> bool:
        """Whether nothing in the tree or the series speaks of a name that no header declares."""
        if self.closure.unknown or self.context.not_claimed or not (name.islower() or is_constant(name)):
            return False
        if was_there(self.context, name):
            return False
        paths = files_holding(self.view, name, most=_EVERYWHERE)[0]
        own = all(path == self.file.path for path in paths)
        return own and not self.beside_glues(name) and not self.reached_glues(name)

    def beside_glues(self, name: str) -> bool:
        """Whether a macro of the headers beside the file pastes such a name together."""
        return any(is_of(name, form) for form in forms_by(self.view, self.closure.beside()))

    def reached_glues(self, name: str) -> bool:
        """Whether a macro of any header that the file reaches pastes such a name: register_trace_walk()."""
        return any(is_telling(form) and is_of(name, form) for form in self._forms_everywhere)

    def is_glued(self, answer: Answer, name: str) -> bool:
        """Whether a name that a header declares under a condition is pasted by a macro elsewhere: folio_test_idle()."""
        if answer.declared is None or answer.kind == "unreached":
            return False
        return any(begins_plainly(form) and is_of(name, form) for form in self._forms_everywhere)

    @cached_property
    def _forms_everywhere(self) -> tuple[str, ...]:
        return forms_by(self.view, sorted(self.closure.every()))

    def is_unknown(self, answer: Answer, line: int) -> bool:
        """Whether an answer tells nothing: of a piece the #include and the #ifdef above its hunks are not seen."""
        if answer.kind == "unreached":
            return bool(self.closure.unknown) or self.in_part
        free = not self.in_part or self.stands_free(line)
        return answer.kind == "unknown" or (answer.kind == "conditional" and not free)

    def stands_free(self, line: int) -> bool:
        """Whether a line of a hunk that does not apply stands in a function that the tree has under no condition."""
        hunk = next(
            (each for each in self.file.change.hunks if any(of.new == line for of in each.lines)), None
        )
        if hunk is None or any(_CONDITIONAL.match(of.text) for of in hunk.lines):
            return False
        inside = next((each for source in self.file.after if (each := source.function_at(line))), None)
        heads = [each for each in self.source.functions() if inside is not None and each.name == inside.name]
        if len(heads) != 1 or self.source.conditions_at(heads[0].name_line):
            return False
        numbers = range(heads[0].name_line, heads[0].last_line + 1)
        return not any(_CONDITIONAL.match(self.source.line_text(number)) for number in numbers)


def undeclared(
    context: Context, file: ChangedFile, text: bytes, named: Sequence[Named], before: bytes | None = None
) -> Undeclared:
    """What a file misses of the names that it calls; before: the file as it was, where only what it lost counts."""
    if is_host_program(text):
        return Undeclared(())
    asking = _Asking(context, file, text, before)
    missed: dict[str, list[Missed]] = {}
    unknown: list[str] = []
    for each in named:
        if any(pasted.fullmatch(each.name) for pasted in asking.glued):
            continue
        answer = asking.answer(each)
        if answer is None:
            continue
        if answer.kind == "nowhere":
            if asking.is_nowhere(each.name):
                missed.setdefault("", []).append(Missed(each, answer, None))
        elif asking.is_unknown(answer, each.line) or asking.is_glued(answer, each.name):
            unknown.append(each.name)
        elif answer.declared is not None:
            found = Missed(each, answer, asking.configuration(each.name))
            missed.setdefault(answer.declared.path, []).append(found)
    reached = asking.closure.unknown
    return Undeclared(
        tuple((included_as(asking.view, path), tuple(missed[path])) for path in sorted(missed)),
        tuple(unknown),
        reached or f"when {file.path} is built is not known",
        reached or "an #include outside its hunks" * asking.in_part,
        asking.in_part,
    )


def included_as(view: View, path: str) -> str:
    """The name by which a header is included; that of an architecture by way of the common one, where there is one."""
    name = path.rpartition("/include/")[2] if path.startswith("arch/") else path.removeprefix("include/")
    name = name.removeprefix("uapi/").replace("asm-generic/", "asm/")
    common = name.replace("asm/", "linux/", 1)
    return common if view.exists(f"include/{common}") else name


def structs_lost(context: Context, file: ChangedFile, text: bytes) -> Iterator[tuple[str, str]]:
    """(struct, header) of what a file initialises and no longer reaches now that an #include is gone."""
    source = parse(text, file.path)
    architecture = own_architecture(file.path) or "x86"
    closure = Closure(context.view, file.path, text, architecture)
    old = Closure(context.view, file.path, file.state.before or b"", architecture)
    if closure.unknown:
        return
    structs = dict.fromkeys(each.struct for each in designators(source))
    asked = [struct for struct in structs if not defines_type(text, file.path, struct)]
    look_ahead(context.view, asked)
    others = [path for path in old.every() if not is_shared(path)] if asked else []
    for struct in asked:
        headers = [
            path
            for path in headers_among(context.view, struct, others, old.every())
            if defines_type(text_of_header(context.view, path), path, struct)
        ]
        if headers and not any(path in closure.every() for path in headers):
            yield struct, headers[0]
