"""Names that are used without being written: macros paste them together, and files include one another."""

import re
from collections.abc import Iterable, Mapping, Sequence

from patchscan.basics.keep import kept, of_text
from patchscan.basics.pattern import pattern
from patchscan.context import ChangedFile, Context
from patchscan.tree.overlay import View

# A macro in capitals, or one called outside of functions, may build the name of a function from its arguments:
# DEVICE_ATTR_RO(speed) uses speed_show().
MACRO_CALL = pattern(r"(?:\b_*[A-Z][A-Z0-9_]{3,}|^[a-z_]\w*)\s*\(([^;{}]*)", re.MULTILINE)
# What such macros append; where the file is not known, there may be one.
PASTED = pattern(r"_(?:show|store|open|read|write|get|set|ops|fops|init|exit|probe|remove)$")
LOCAL_INCLUDE = pattern(r'^[ \t]*#[ \t]*include[ \t]+"([^"]+)"', re.MULTILINE)
_DEFINE = pattern(r"^[ \t]*#[ \t]*define[ \t]+\w+(?:\(([^)]*)\))?((?:\\\r?\n|.)*)", re.MULTILINE)
_GLUED = pattern(r"\w+(?:\s*##\s*\w+)+")
MACRO_AT_FILE_LEVEL = pattern(r"^[A-Za-z_]\w*\([^;{}]*\);?$", re.MULTILINE)
# So many characters that a macro gives itself tell its names from others.
_TELLING = 4
_WORD = pattern(r"\w{2,}")
# What a parameter may be, in the form of a pasted name.
_ANY = r"\w*"


def adding(context: Context, word: str) -> Sequence[tuple[int, ChangedFile]]:
    """The patches, by their number, and files of the series that have an identifier on a line they add."""
    return _added_by_series(context.all[0] if context.all else context).get(word, ())


@kept
def _added_by_series(first: Context) -> Mapping[str, Sequence[tuple[int, ChangedFile]]]:
    found: dict[str, list[tuple[int, ChangedFile]]] = {}
    for other in first.all:
        for file in other.files:
            for word in file.added_words:
                found.setdefault(word, []).append((other.patch.index, file))
    return found


def pasted_words(context: Context, file: ChangedFile) -> frozenset[str] | None:
    """Arguments of macros from which these may build names; None where a macro of the file pastes any."""
    own = _pasted_by_file(file)
    shown = _pasted_by_series(context.all[0] if context.all else context)
    return None if own is None or shown is None else own | shown


@kept
def _pasted_by_file(file: ChangedFile) -> frozenset[str] | None:
    """The same of what the file holds after its patch."""
    return _pasted_in((file.state.after or b"").decode("latin-1"))


@kept
def _pasted_by_series(first: Context) -> frozenset[str] | None:
    """The same of all lines that a series shows, whose first patch this is."""
    return _pasted_in(
        "\n".join(
            line.text
            for other in first.all
            for each in other.files
            for hunk in each.change.hunks
            for line in hunk.lines
        )
    )


def _pasted_in(text: str) -> frozenset[str] | None:
    if any(glued.search("") for glued in _glued(text)):
        return None
    return frozenset(word for match in MACRO_CALL.finditer(text) for word in _WORD.findall(match[1]))


def _glued(text: str) -> tuple["re.Pattern[str]", ...]:
    return tuple(map(re.compile, _forms(text)))


def _forms(text: str) -> tuple[str, ...]:
    """What the names look like that the macros of a text paste together: a parameter may be any word."""
    found = set()
    for match in _DEFINE.finditer(text):
        parameters = {name.strip().removesuffix("...") for name in (match[1] or "").split(",")} | {
            "__VA_ARGS__"
        }
        for run in _GLUED.findall(match[2].replace("\\\n", " ")):
            words = (word.strip() for word in run.split("##"))
            found.add("".join(_ANY if word in parameters else re.escape(word) for word in words))
    return tuple(sorted(found))


def named_by_macro(view: View, file: ChangedFile, name: str) -> bool | None:
    """Whether a macro of the file, or of the headers beside it, names a variable that its callers have.

    None where such a header is not at hand.
    """
    from patchscan.lookup.closure import Closure

    text = file.state.after
    if text is None:
        return None
    word = re.compile(rf"\b{re.escape(name)}\b")
    if _names(text, word):
        return True
    closure = Closure(view, file.path, text, "x86")
    if any(include.quoted for include in closure.first.missing):
        return None
    return any(_names(view.read(path) or b"", word) for path in closure.beside())


def _names(text: bytes, word: "re.Pattern[str]") -> bool:
    """Whether the body of a macro holds a word that is none of its parameters."""
    if b"define" not in text:
        return False
    for match in _DEFINE.finditer(text.decode("latin-1")):
        if word.search(match[2]) and not word.search(match[1] or ""):
            return True
    return False


def is_telling(form: str) -> bool:
    """Whether the form of pasted names says enough of them: not `a ## b` alone."""
    return len(form.replace(_ANY, "")) >= _TELLING


def begins_plainly(form: str) -> bool:
    """Whether the form of pasted names begins with what the macro gives itself: folio_test_ ## name."""
    return len(form.partition(_ANY)[0]) >= _TELLING


def is_of(name: str, form: str) -> bool:
    """Whether a name has the form of pasted ones; of hundreds of forms, few share words with it."""
    return all(each in name for each in form.split(_ANY)) and re.fullmatch(form, name) is not None


def forms_by(view: View, paths: Iterable[str]) -> tuple[str, ...]:
    """The forms of the names that the macros of some headers paste together."""
    return tuple(form for path in paths for form in _forms_by(view, path))


def _forms_by(view: View, path: str) -> tuple[str, ...]:
    """Those of one header; of one that the series leaves alone they are kept for the next run."""
    from patchscan.facts.bymark import by_mark
    from patchscan.lookup.headers import text_of_header

    noted = by_mark(view.tree, "forms", __file__) if view.tree is not None else None
    if noted is None or path in view.changed:
        return forms_in(text_of_header(view, path))
    known: tuple[str, ...] | None = noted.get(path)
    if known is None:
        mark = noted.mark(path)
        known = forms_in(view.read(path) or b"")
        noted.keep(path, mark, known)
    return known


@of_text(1024)
def forms_in(text: bytes) -> tuple[str, ...]:
    """The forms of the names that the macros of a text paste together."""
    return _forms(text.decode("latin-1")) if b"##" in text else ()


@kept
def glued_names(file: ChangedFile) -> tuple["re.Pattern[str]", ...]:
    """Patterns of the names that macros of a file and of its hunks paste together."""
    hunks = "\n".join(line.text for hunk in file.change.hunks for line in hunk.lines if line.kind != "-")
    whole = file.state.after
    return _glued(hunks if whole is None else whole.decode("latin-1"))


def may_be_built(file: ChangedFile, name: str, words: frozenset[str] | None) -> bool:
    """Whether a macro may paste the name together."""
    if words is None or (file.state.after is None and PASTED.search(name)):
        return True
    if any(glued.fullmatch(name) for glued in glued_names(file)):
        return True
    parts = name.split("_")
    return any("_".join(parts[:at]) in words or "_".join(parts[at:]) in words for at in range(1, len(parts)))


def may_be_included(context: Context, file: ChangedFile) -> bool:
    """Whether a new file shares its static functions: it includes a header that is not here, which may hold code that
    calls them, or nothing in it is reached from outside, so that another C file has to include it.
    """
    if file.state.after is None:
        return False
    here = _names_of_files(context.all[0]) if context.all else frozenset()
    return _is_shared(file, here)


@kept
def _names_of_files(first: Context) -> frozenset[str]:
    return frozenset(other.path.rpartition("/")[2] for each in first.all for other in each.files)


@kept
def _is_shared(file: ChangedFile, here: frozenset[str]) -> bool:
    text = (file.state.after or b"").decode("latin-1")
    if any(name.rpartition("/")[2] not in here for name in LOCAL_INCLUDE.findall(text)):
        return True
    functions = [function for source in file.after for function in source.functions()]
    return all(each.is_static for each in functions) and not MACRO_AT_FILE_LEVEL.search(text)
