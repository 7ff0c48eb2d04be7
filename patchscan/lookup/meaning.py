"""What names mean where a file of a patch is compiled: structs, functions and macros, by its text and its headers."""

from collections.abc import Callable
from functools import cached_property

from patchscan.basics.keep import kept
from patchscan.c.conditions import Macro
from patchscan.c.members import Type
from patchscan.c.source import parse
from patchscan.context import ChangedFile, Context
from patchscan.lookup.forms import Form as Form
from patchscan.lookup.forms import forms, is_taken
from patchscan.lookup.headers import declaring_headers, named_plainly, text_of_header
from patchscan.lookup.types import find_type
from patchscan.lookup.unapplied import may_bring_member, may_change_function, text_of

# Of a name that more headers hold nothing is known.
_MOST_FILES = 40


class Meaning:
    """Asks what names mean in one file, as the patch leaves it and the tree; text: the file as it is compiled."""

    def __init__(self, context: Context, file: ChangedFile) -> None:
        self.context = context
        self.view = context.view
        self.path = file.path
        self.text = text_of(context, file)

    @cached_property
    def beside(self) -> tuple[str, ...]:
        """The headers that stand beside the file: those it includes that are not common ones."""
        from patchscan.lookup.closure import Closure

        return Closure(self.view, self.path, self.text, "x86").beside()

    def struct(self, name: str, piece: bytes = b"") -> tuple[str, Type] | None:
        """(path, type) of a struct or union: see find_type(); piece: what to read where the file is not at hand."""
        beside = self.beside if self.text and self.context.has_tree else ()
        return find_type(self.view, self.path, self.text or piece, name, beside)

    def may_bring_member(self, struct: str, member: str) -> bool:
        """Whether hunks of headers that do not apply add a member or its struct."""
        return may_bring_member(self.context, struct, member)

    def forms(self, name: str) -> tuple[Form, ...]:
        """The declarations of a function or macro that the file may mean: see forms()."""
        return forms(self.view, self.path, self.text, name, self.beside)

    def is_taken(self, name: str, fits: Callable[[Form], bool]) -> bool:
        """Whether a declaration that is found at once fits, so that no other is asked for: see is_taken()."""
        return is_taken(self.view, self.path, self.text, name, fits)

    def may_change_function(self, name: str) -> bool:
        """Whether hunks that do not apply speak of a function, other than by a call."""
        return may_change_function(self.context, name)

    def macros(self, name: str) -> tuple[Macro, ...] | None:
        """The #defines of a name: those of the file, else those of headers; None where too many may define it."""
        own = tuple(each for each in parse(self.text, self.path).macros() if each.name == name)
        if own:
            return own
        paths = declaring_headers(self.view, name)
        if len(paths) > _MOST_FILES:
            return None
        headers = (parse(text_of_header(self.view, path), path) for path in paths)
        return tuple(each for header in headers for each in header.macros() if each.name == name)

    def versions_of_macro(self, name: str) -> tuple[Macro, ...]:
        """The definitions of a macro in the file itself, else in common headers."""
        from patchscan.lookup.used import macro_versions

        return tuple(each for each, _ in macro_versions(self.view, parse(self.text, self.path), name))

    def named_plainly(self, *types: str) -> bool:
        """Whether each struct or union in some types is known, and its name is none that a #define changes."""
        return named_plainly(self.view, self.text, *types)


@kept
def meaning_in(context: Context, file: ChangedFile) -> Meaning:
    """What names mean in a file of the patch."""
    return Meaning(context, file)
