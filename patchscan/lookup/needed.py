"""The names that a patch makes a file depend on: what it is the first to call, and what a lost #include had."""

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING

from patchscan.basics.pattern import pattern
from patchscan.basics.record import frozen
from patchscan.c.filelevel import outside_functions, statements, without_directives
from patchscan.c.source import parse
from patchscan.context import ChangedFile, Context, encode
from patchscan.facts.of_members import constants

if TYPE_CHECKING:
    from patchscan.c.source import Source

NO_CALL = frozenset(
    (
        "switch",
        "return",
        "sizeof",
        "while",
        "typeof",
        "defined",
        "__attribute__",
        "__typeof__",
        "asm",
        "__asm__",
        "offsetof",
        "alignof",
        "_Alignof",
        "typeof_unqual",
        "__aligned",
        "__section",
        "__packed",
        "container_of",
        "likely",
        "unlikely",
        "static_assert",
        "_Static_assert",
        "_Generic",
        "va_start",
        "va_end",
        "va_arg",
        "va_copy",
        "else",
        "case",
    )
)
BUILT_IN = pattern(r"__builtin_\w+|__sync_\w+|__atomic_\w+|trace_\w+|__c11_\w+")
NAMES = pattern(r"(?<![\w.>#])(?:([A-Za-z_]\w{3,})\s*\(|([A-Z][A-Z0-9_]{3,})\b(?!\s*\())")
# What only the build makes, or the compiler knows.
MADE = pattern(r"(?:CONFIG|KBUILD)_\w+|__\w+|\w+_MODULE|NR_\w+|MAX_NR_ZONES|UTS_\w+")
CALLED = pattern(r"(\w+)\s*$")
CONSTANT = pattern(rb"\b[A-Z][A-Z0-9_]{3,}\b")
INCLUDE = pattern(r"\s*#\s*include\b")
CALL = pattern(r"\b(\w+)\s*\(([^()]*)\)")
WORD = pattern(r"[A-Za-z_]\w*")


@frozen
class Named:
    """A name that an added line is the first to call; constant: or to take the value of."""

    name: str
    line: int
    constant: bool = False


def new_names(context: Context, file: ChangedFile, text: bytes) -> Iterator[Named]:
    """The names that the patch calls, and the constants, that the file did not hold before; the first line of each."""
    old = file.state.before or (b"" if file.change.kind == "create" else text if file.used == "hunk" else b"")
    seen = set(NO_CALL)
    own: set[str] | None = None
    for line in sorted(file.added_numbers):
        code = file.code_at(line)
        if not code[:1].isspace():
            continue
        for match in NAMES.finditer(code):
            name = match[1] or match[2]
            if name in seen or BUILT_IN.fullmatch(name):
                continue
            if match[2] and (MADE.fullmatch(name) or may_be_pasted(code[: match.start()])):
                continue
            seen.add(name)
            if name.encode() in old or in_directive(file, line) or is_variable(file, line, name):
                continue
            own = own_names(context, file, text) if own is None else own
            if name not in own:
                yield Named(name, line, bool(match[2]))


def may_be_pasted(before: str) -> bool:
    """Whether what follows on a line is an argument of a macro in capitals, which may make another name of it."""
    depth = 0
    for place in range(len(before) - 1, -1, -1):
        depth += (before[place] == ")") - (before[place] == "(")
        if depth < 0:
            called = CALLED.search(before, 0, place)
            return called is not None and called[1].isupper()
    return False


def names_left(
    context: Context, file: ChangedFile, text: bytes, lost: Sequence[str], place: int
) -> Iterator[Named]:
    """What a file calls that lost headers hold; place: the line where the #include stood."""
    from patchscan.lookup.headers import text_of_header

    if not lost:
        return
    texts = [text_of_header(context.view, path) for path in lost]
    source = parse(text, file.path)
    own = own_names(context, file, text)
    seen = set(NO_CALL)
    found = (each for each in named_in(source, text, own, seen) if any(each.encode() in one for one in texts))
    yield from (Named(name, place) for name in found)


def place_of_include(file: ChangedFile) -> int:
    """The line where an #include stood that the patch takes from a file, 0 where it takes none."""
    there = {"".join(line.text.split()) for line in file.added}
    gone = [line for line in file.removed if INCLUDE.match(line.text)]
    if file.used != "tree" or all("".join(line.text.split()) in there for line in gone):
        return 0
    place = min(file.touched_numbers)
    for line in gone:
        place = max((number for number in file.touched_numbers if number <= (line.old or 0)), default=place)
    return place


def lost_headers(context: Context, file: ChangedFile, text: bytes) -> list[str]:
    """The headers that a file reached in every configuration, or in some, before the patch took an #include from it."""
    from patchscan.lookup.closure import Closure

    if not place_of_include(file):
        return []
    architecture = own_architecture(file.path) or "x86"
    old = Closure(context.view, file.path, file.state.before or b"", architecture)
    new = Closure(context.view, file.path, text, architecture)
    return sorted((old.certain() - new.certain()) | (old.every() - new.every()))


def named_in(source: "Source", text: bytes, own: set[str], seen: set[str]) -> Iterator[str]:
    """What a file calls, and the constants that it names, but for what is its own."""
    for function in source.functions():
        variables = {each.name for each in (*function.parameters, *function.locals)}
        for call in function.calls():
            name = call.name
            if len(name) > 3 and name not in own | seen | variables and not BUILT_IN.fullmatch(name):
                seen.add(name)
                yield name
    code = without_directives(source.code)
    others = {each.name for each in outside_functions(text) if each.kind == "call"}
    others.update(word.decode() for word in CONSTANT.findall(code))
    yield from (name for name in sorted(others - own - seen) if len(name) > 3)


def in_directive(file: ChangedFile, line: int) -> bool:
    """Whether a line is part of a #define."""
    return any(each.line <= line <= each.last_line for source in file.after for each in source.directives)


def is_variable(file: ChangedFile, line: int, name: str) -> bool:
    """Whether a name is a parameter or variable of the function around, which may point to a function."""
    for source in file.after:
        function = source.function_at(line)
        if function is not None:
            return any(each.name == name for each in (*function.parameters, *function.locals))
    return False


def own_names(context: Context, file: ChangedFile, text: bytes) -> set[str]:
    """What the file itself defines, declares or lets macros define; also what hunks of the series may."""
    source = parse(text, file.path)
    found = {each.name for each in source.functions()} | {each.name for each in source.macros()}
    found.update(each.name for each in constants(source))
    found.update(handed_on(source))
    code = source.code.decode("latin-1")
    for each in statements(text):
        found.add(each.name)
        if each.kind == "call":
            found.update(WORD.findall(code[each.start : each.end]))
    for other in context.not_applied:
        found.update(word for text in declaring(context, file, other) for word in WORD.findall(text))
    for other_context in context.later:
        for other in other_context.c_files:
            found.update(
                word
                for line in other.added
                if not line.text[:1].isspace()
                for word in WORD.findall(line.text)
            )
    return found


def handed_on(source: "Source") -> Iterator[str]:
    """What macros hand to one that they are given, which makes constants of it: #define WALK(DO) DO(FIRST) DO(LAST)."""
    for macro in source.macros():
        given = set(macro.parameters or ())
        for call in CALL.finditer(macro.body) if given else ():
            if call[1] in given:
                yield from WORD.findall(call[2])


def declaring(context: Context, file: ChangedFile, other: ChangedFile) -> Iterator[str]:
    """The lines of hunks that do not apply that may declare something for a file, and whose place is not known."""
    from patchscan.lookup.unapplied import as_built

    header = other.path.endswith(".h")
    # A C file declares for itself, and for one that includes it.
    if not header and other.path.rpartition("/")[0] != file.path.rpartition("/")[0]:
        return
    placed = (as_built(context).read(other.path) or b"") if header else b""
    for line in other.added:
        if not line.text[:1].isspace() and encode(line.text) not in placed:
            yield line.text


def own_architecture(path: str) -> str:
    """The architecture of whose directory a file is, "" for none."""
    parts = path.split("/")
    return parts[1] if parts[0] == "arch" and len(parts) > 2 else ""
