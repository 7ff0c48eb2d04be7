"""Functions that an initialiser gives to a member, and whether they are of the member's type."""

from collections.abc import Container, Iterator

from patchscan.basics.keep import of_text
from patchscan.basics.pattern import pattern
from patchscan.basics.record import frozen
from patchscan.c.filelevel import outside_functions, statements_naming
from patchscan.c.members import Member, type_in
from patchscan.c.parameters import Signature, parameters_text, signature
from patchscan.c.source import Source, parse
from patchscan.finding import Evidence
from patchscan.lookup.uses import files_holding
from patchscan.tree.overlay import View

_EVERYWHERE = 100_000
_MOST_FILES = 60

_LEADING = pattern(
    r"\b(?:static|extern|inline|__always_inline|noinline|asmlinkage|notrace|__init|__exit|__cold|__must_check|"
    r"__maybe_unused|__used|__ref)\b"
)
# A directive, or a macro that stands on a line of its own, is none of the words of a type.
_ALONE = pattern(r"(?m)^[ \t]*(#.*|[A-Z][A-Z0-9]*_\w+[ \t]*)$")
_STRUCT = pattern(r"(?:const )?(?:struct|union) \w+ \*+")
_SPACED_STARS = pattern(r"\* (?=\*)")
_ANY_POINTER = pattern(r"(?:const )?(?:void|char) \*")
# One spelling of each plain type.
_SAME = {
    "u8": "unsigned char",
    "s16": "short",
    "u16": "unsigned short",
    "s32": "int",
    "u32": "unsigned int",
    "unsigned": "unsigned int",
    "s64": "long long",
    "u64": "unsigned long long",
    "long int": "long",
    "unsigned long int": "unsigned long",
    "signed int": "int",
}
_PLAIN = frozenset((*_SAME.values(), *_SAME, "void", "bool", "unsigned char", "char"))


@frozen
class FunctionType:
    """A type of function: what it gives back, "?" where that is not plain, and what it takes; line: where it stands."""

    result: str
    takes: Signature
    line: int


@of_text(2048)
def function_in(text: bytes, path: str, name: str) -> FunctionType | None:
    """The only definition of a function in a text, None where there is none, or several, or it is not plain."""
    found = [each for each in statements_naming(text, name) if each.kind == "function"]
    if len(found) != 1 or not name.isidentifier():
        return None
    source = parse(text, path)
    head = _ALONE.sub("", source.code[found[0].start : found[0].name_start].decode("latin-1"))
    # BPF_CALL_2(name, type, argument, ...) makes a function of another type.
    takes = None if not head.strip() else signature(parameters_text(source, found[0]))
    if takes is None:
        return None
    return FunctionType(_result(head), takes, source.line_at(found[0].name_start))


def member_type(member: Member) -> FunctionType | None:
    """The type of function that a member points to, None where it is no such member, or not plain."""
    if not member.type.endswith("(*)()"):
        return None
    takes = signature(f"{member.parameters})")
    return (
        FunctionType(_result(member.type.removesuffix("(*)()")), takes, member.line)
        if takes is not None
        else None
    )


def _result(head: str) -> str:
    shown = " ".join(_LEADING.sub(" ", head).replace("*", " * ").split())
    shown = _SPACED_STARS.sub("*", shown)
    return shown if shown in _PLAIN or _STRUCT.fullmatch(shown) or _ANY_POINTER.fullmatch(shown) else "?"


def contradiction(given: FunctionType, wanted: FunctionType) -> str:
    """What differs between a function and the type that is wanted, "" where nothing does for sure."""
    counts = len(given.takes.parameters), len(wanted.takes.parameters)
    if counts[0] != counts[1] or given.takes.variadic != wanted.takes.variadic:
        return f"it takes {_many(counts[0])}, and the member {_many(counts[1])}"
    if _differ(given.result, wanted.result):
        return f"it gives back '{given.result}', and the member '{wanted.result}'"
    pairs = zip(given.takes.parameters, wanted.takes.parameters, strict=True)
    for place, (one, two) in enumerate(pairs, 1):
        if _differ(one, two):
            return f"its parameter {place} is '{one}', and that of the member '{two}'"
    return ""


def _many(count: int) -> str:
    return f"{count} parameter{'s' * (count != 1)}"


def _differ(one: str, two: str) -> bool:
    """Whether two types are plainly not the same."""
    if one == two or "?" in (one, two) or "[" in one + two:
        return False
    structs = [_STRUCT.fullmatch(each) is not None for each in (one, two)]
    plains = [each in _PLAIN or _ANY_POINTER.fullmatch(each) is not None for each in (one, two)]
    if not all(struct or plain for struct, plain in zip(structs, plains, strict=True)):
        return False
    return _SAME.get(one, one) != _SAME.get(two, two)


@frozen
class ChangedMember:
    """A member of a struct that takes functions of another type than before; line: where it stands now."""

    struct: str
    member: str
    line: int
    old: FunctionType
    new: FunctionType


def changed_members(before: bytes, after: Source, added: Container[int]) -> Iterator[ChangedMember]:
    """The members of one text on added lines whose type of function contradicts the one that they had."""
    for statement in outside_functions(after.text):
        span = range(after.line_at(statement.body), after.line_at(statement.end) + 1)
        if statement.kind == "type" and any(line in added for line in span):
            now = type_in(after.text, after.path, statement.name)
            then = type_in(before, after.path, statement.name)
            for member in now.members if now is not None and then is not None else ():
                if now is None or then is None or member.line not in added or member.conditions:
                    continue
                olds, news = then.named(member.name), now.named(member.name)
                old, new = (member_type(each[0]) if len(each) == 1 else None for each in (olds, news))
                if old is not None and new is not None and contradiction(old, new):
                    yield ChangedMember(statement.name, member.name, member.line, old, new)


def stale_functions(view: View, changed: ChangedMember, known: Container[str]) -> Iterator[Evidence]:
    """The functions in C files of a view, but those known, that are given to a member and fit its old type alone."""
    held = set(files_holding(view, changed.member, most=_EVERYWHERE)[0])
    held &= set(files_holding(view, changed.struct, most=_EVERYWHERE)[0])
    paths = sorted(path for path in held if path.endswith(".c") and path not in known)
    for path in paths[:_MOST_FILES]:
        text = view.read(path) or b""
        for name in given_in(parse(text, path), changed.struct, changed.member):
            given = function_in(text, path, name)
            if (
                given is not None
                and contradiction(given, changed.new)
                and not contradiction(given, changed.old)
            ):
                yield Evidence(path, given.line, "")


def given_in(source: Source, struct: str, member: str) -> list[str]:
    """The functions that the initialisers of a text give to a member of a struct."""
    from patchscan.c.initialisers import designators

    found = (each for each in designators(source) if (each.struct, each.member) == (struct, member))
    return [each.value for each in found if each.value]
