"""What the functions of a text do with members of structs and with the variables of their own file."""

from collections.abc import Iterator, Mapping

from patchscan.basics.pattern import pattern
from patchscan.basics.record import frozen
from patchscan.c.filelevel import Statement, statements
from patchscan.c.lexical import without_defines
from patchscan.c.source import Function, Source
from patchscan.facts.kind import Kind

_STEP = rb"\s*(?:->|\.)\s*[A-Za-z_]\w*(?:\[[^\[\]]*\])*"
_CHAIN = pattern(rb"(?:\b([A-Za-z_]\w*)|([)\]]))((?:\[[^\[\]]*\])*)((?:" + _STEP + rb")+)")
_MEMBER = pattern(rb"(->|\.)\s*([A-Za-z_]\w*)|(\[)")
_VARIABLE = pattern(
    rb"\b(?:struct|union)\s+([A-Za-z_]\w*)\s+((?:const\s+|__\w+\s+)*)([*\s]*)([A-Za-z_]\w*)\s*(?=[;,=)\[])"
)
_NEXT = pattern(rb",\s*([*\s]*)([A-Za-z_]\w*)\s*(?=[;,=\[])")
_BREAK = pattern(rb"[()\[\]{},;]")
_ASSIGNED = pattern(rb"\s*(=(?!=)|(?:[-+*/%&|^]|<<|>>)=|\+\+|--)")
_GIVEN = pattern(rb"\b([A-Za-z_]\w*)\s*\(\s*(&?)\s*\Z")
_DESIGNATED = pattern(rb"[{}]|(?<=[{,\s])\.([A-Za-z_]\w*)\s*(?:\[[^\]]*\]\s*)?(=|\.)")
_STRUCT_HEAD = pattern(rb"\b(?:struct|union)\s+([A-Za-z_]\w*)\b")
_MARKED = {
    b"READ_ONCE": "read",
    b"WRITE_ONCE": "write",
    b"smp_load_acquire": "read",
    b"smp_store_release": "write",
}


@frozen
class AccessFact:
    """An access. chain: the members from the variable on, as "->a.b"; "" where the variable itself is accessed.

    root: the variable, "" where an expression stands there; type: the struct that the variable is or points to, as
    declared in the function or the file, "" where that is not known; how: "read", "write", "update" (it is read and
    written), "address" or "initialise"; through: the function that it is directly given to as first argument.
    """

    function: str
    line: int
    root: str
    type: str
    chain: str
    how: str
    through: str


def accesses(source: Source) -> Iterator[AccessFact]:
    """The accesses to members in functions, then what initialisers of the file give to members, in order."""
    code = without_defines(source.code)
    known = statements(source.text)
    of_file = dict(_file_variables(source.code, known))
    for function in source.functions():
        yield from _in_function(source, code, function, of_file)
    for each in known:
        if each.kind == "variable" and each.body >= 0:
            yield from _initialised(source, each)


def _in_function(
    source: Source, code: bytes, function: Function, of_file: Mapping[bytes, bytes]
) -> Iterator[AccessFact]:
    types = {**of_file, **_variables(code, function.name_start, function.end)}
    for match in _CHAIN.finditer(code, function.brace, function.end):
        root = match[1] or b""
        chain = "".join(
            f"{step[1].decode()}{step[2].decode()}" if step[1] else "[]"
            for step in _MEMBER.finditer(match[4])
        )
        if match[3] and chain:
            chain = "[]" + chain
        how, through = _how(code, match.start(), match.end())
        yield AccessFact(
            function.name,
            source.line_at(match.start(4)),
            root.decode(),
            types.get(root, b"").decode(),
            chain,
            how,
            through,
        )


def _how(code: bytes, start: int, end: int) -> tuple[str, str]:
    """What is done with the expression between two offsets, and the function that it is given to."""
    before = code[max(0, start - 60) : start]
    given = _GIVEN.search(before)
    through = (
        given[1].decode() if given and given[1] not in (b"if", b"while", b"for", b"switch", b"return") else ""
    )
    if given and given[1] in _MARKED and not given[2]:
        return _MARKED[given[1]], through
    assigned = _ASSIGNED.match(code, end)
    if assigned:
        return ("write" if assigned[1] == b"=" else "update"), through
    stripped = before.rstrip()
    if stripped.endswith((b"++", b"--")):
        return "update", through
    if stripped.endswith(b"&") and not stripped.endswith(b"&&"):
        operand = stripped[:-1].rstrip()[-1:]
        if not (operand.isalnum() or operand in (b"_", b")", b"]")):
            return "address", through
    return "read", through


def _variables(code: bytes, start: int, end: int) -> dict[bytes, bytes]:
    """The struct that each parameter and variable of a function is or points to; none that is declared twice."""
    found: dict[bytes, bytes] = {}
    twice: set[bytes] = set()
    for match in _VARIABLE.finditer(code, start, end):
        names = [match[4], *_further(code, match.end(), end)]
        for name in names:
            if found.setdefault(name, match[1]) != match[1]:
                twice.add(name)
    return {name: tag for name, tag in found.items() if name not in twice}


def _further(code: bytes, position: int, end: int) -> Iterator[bytes]:
    """The variables that a declaration names behind its first; none of a list of parameters."""
    depth = 0
    for match in _BREAK.finditer(code, position, end):
        depth += (match[0] in b"([{") - (match[0] in b")]}")
        if depth < 0 or match[0] == b";":
            return
        if depth == 0 and match[0] == b",":
            name = _NEXT.match(code, match.start())
            if name is None:
                return
            yield name[2]


def _file_variables(code: bytes, known: tuple[Statement, ...]) -> Iterator[tuple[bytes, bytes]]:
    for each in known:
        tag = _STRUCT_HEAD.search(each.head(code)) if each.kind == "variable" else None
        if tag:
            yield each.name.encode(), tag[1]


def _initialised(source: Source, statement: Statement) -> Iterator[AccessFact]:
    """What the initialiser of a struct, or of an array of them, gives to members directly in it."""
    code = source.code
    tag = _STRUCT_HEAD.search(statement.head(code))
    if tag is None:
        return
    wanted, depth = 1 + statement.array, 0
    for match in _DESIGNATED.finditer(code, statement.body, statement.end):
        if match[0] in b"{}":
            depth += 1 if match[0] == b"{" else -1
        elif depth == wanted:
            line = source.line_at(match.start(1))
            chain = f".{match[1].decode()}"
            yield AccessFact("", line, statement.name, tag[1].decode(), chain, "initialise", "")


KIND = Kind("accesses", AccessFact, accesses)
