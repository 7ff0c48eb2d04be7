"""Symbols as facts: what a name is, who calls it, what is done with a member of a struct."""

from collections.abc import Callable, Iterator, Sequence
from typing import TypeVar

from patchscan.basics.pattern import pattern
from patchscan.basics.record import frozen
from patchscan.c.occurrences import occurrences
from patchscan.facts.infile import facts_in
from patchscan.facts.of_accesses import KIND as ACCESSES
from patchscan.facts.of_accesses import AccessFact
from patchscan.facts.of_calls import KIND as CALLS
from patchscan.facts.of_declarations import KIND as DECLARATIONS
from patchscan.facts.of_functions import KIND as FUNCTIONS
from patchscan.facts.of_functions import FunctionFact
from patchscan.facts.of_macros import KIND as MACROS
from patchscan.facts.of_macros import MacroFact
from patchscan.facts.of_members import KIND as MEMBERS
from patchscan.tree.index.search import is_kernel_source
from patchscan.tree.index.wordsearch import files_with
from patchscan.tree.overlay import View

Answer = TypeVar("Answer")
_STEP = pattern(r"(->|\.)(\w+)|\[\]")
_STRUCT = pattern(r"\b(?:struct|union) (\w+)")
_MOST_FILES = 400


@frozen
class Symbol:
    """What a name is somewhere.

    kind: "function", "macro", "prototype", "variable", "typedef", "struct", "union", "enum", "constant" or "member";
    text: how it is written, on one line; condition: the #if around it; exported: by which macro, in the same file.
    """

    kind: str
    path: str
    line: int
    text: str
    condition: str
    exported: str = ""


@frozen
class Caller:
    """A call: in which function (macro: in the body of which macro), "" in assembly; arguments: -1 there."""

    path: str
    line: int
    function: str
    arguments: int
    macro: bool


@frozen
class Access:
    """An access to a member: see patchscan.facts.of_accesses.

    sure: whether the struct is known to be the one that was asked for.
    """

    path: str
    line: int
    function: str
    expression: str
    how: str
    through: str
    sure: bool


def who(view: View, name: str) -> list[Symbol]:
    """What a name is in the tree, by path and line."""
    return _in_files(
        view,
        name,
        lambda path: iter(sorted(_symbols(view, name, path), key=lambda one: (one.line, one.kind))),
    )


def _symbols(view: View, name: str, path: str) -> Iterator[Symbol]:
    for function in facts_in(view, FUNCTIONS, path):
        if function.name == name:
            yield Symbol(
                "function", path, function.line, _head(function), function.condition, function.exported
            )
    for macro in facts_in(view, MACROS, path):
        if macro.name == name:
            yield Symbol("macro", path, macro.line, _define(macro), macro.condition)
    for one in facts_in(view, DECLARATIONS, path):
        if one.name == name:
            yield Symbol(one.kind, path, one.line, one.text, one.condition)
    for member in facts_in(view, MEMBERS, path):
        if member.name == name:
            kind = "constant" if member.type == "enum" else "member"
            owner = f"{'enum' if kind == 'constant' else 'struct'} {member.owner}".strip()
            text = owner if kind == "constant" else f"{member.type} {name} of {owner}"
            yield Symbol(kind, path, member.line, text, member.condition)


def _head(function: FunctionFact) -> str:
    marks = [("static", function.static), ("inline", function.inline), ("__weak", function.weak)]
    words = [word for word, is_so in marks if is_so]
    return " ".join([*words, f"{function.name}({function.parameters})"])


def _define(macro: MacroFact) -> str:
    if macro.arity < 0:
        return f"#define {macro.name}"
    return f"#define {macro.name}() of {macro.arity}{' or more' if macro.variadic else ''}"


def callers(view: View, name: str) -> list[Caller]:
    """Every call of a name in the tree, by path and line."""
    return _in_files(view, name, lambda path: _callers(view, name, path), assembly=True)


def _callers(view: View, name: str, path: str) -> Iterator[Caller]:
    if path.endswith(".S"):
        for use in occurrences(view.read(path) or b"", name, path):
            if use.kind == "call":
                yield Caller(path, use.line, "", -1, False)
        return
    for call in facts_in(view, CALLS, path):
        if call.name == name:
            yield Caller(path, call.line, call.function, call.arguments, call.macro)


def accesses(view: View, owner: str, member: str) -> list[Access]:
    """What is done with a member of a struct in the tree, by path and line.

    Where it is not plain of which struct the member is, the access is there unless it is another's, and not sure; where
    no other struct has a member of that name, it is.
    """
    owners = {
        one.owner
        for path in _files(view, member)
        if path.endswith((".c", ".h"))
        for one in facts_in(view, MEMBERS, path)
        if one.name == member
    }
    types = _MemberTypes(view)
    return _in_files(
        view, member, lambda path: _accesses(types, path, owner, member, alone=owners == {owner})
    )


def _accesses(types: "_MemberTypes", path: str, owner: str, member: str, alone: bool) -> Iterator[Access]:
    for fact in facts_in(types.view, ACCESSES, path):
        if member not in fact.chain:
            continue
        for how, kind in _steps(types, path, fact, member):
            if kind == owner or not kind:
                expression = f"{fact.root or '...'}{fact.chain}"
                sure = kind == owner or alone
                yield Access(path, fact.line, fact.function, expression, how, fact.through, sure)


def _steps(types: "_MemberTypes", path: str, fact: AccessFact, member: str) -> Iterator[tuple[str, str]]:
    """(what is done, struct or "") for each step of a chain that names a member."""
    steps = [match for match in _STEP.finditer(fact.chain) if match[2]]
    kind = fact.type
    for number, step in enumerate(steps):
        if step[2] == member:
            # What a further member is read through is read itself only where it is a pointer.
            last = number == len(steps) - 1
            yield (fact.how if last else "read" if steps[number + 1][1] == "->" else "part"), kind
        kind = types.of(path, kind, step[2]) if kind else ""


class _MemberTypes:
    """The structs that members are or point to."""

    def __init__(self, view: View) -> None:
        self.view = view
        self._known: dict[tuple[str, str, str], str] = {}

    def of(self, path: str, owner: str, member: str) -> str:
        """The struct of a member, "" where that is none or not known; one of the same file comes first."""
        if (path, owner, member) not in self._known:
            self._known[path, owner, member] = self._in([path], owner, member) or self._elsewhere(
                owner, member
            )
        return self._known[path, owner, member]

    def _elsewhere(self, owner: str, member: str) -> str:
        if ("", owner, member) not in self._known:
            headers = [path for path in _files(self.view, owner) if path.endswith(".h")]
            few = headers if len(headers) <= _MOST_FILES else []
            self._known["", owner, member] = self._in(few, owner, member)
        return self._known["", owner, member]

    def _in(self, paths: Sequence[str], owner: str, member: str) -> str:
        found = {
            tag[1]
            for path in paths
            for one in facts_in(self.view, MEMBERS, path)
            if one.owner == owner and one.name == member and (tag := _STRUCT.search(one.type))
        }
        return found.pop() if len(found) == 1 else ""


def _in_files(
    view: View, word: str, find: Callable[[str], Iterator[Answer]], assembly: bool = False
) -> list[Answer]:
    suffixes = (".c", ".h", ".S") if assembly else (".c", ".h")
    return [found for path in _files(view, word) if path.endswith(suffixes) for found in find(path)]


def _files(view: View, word: str) -> Sequence[str]:
    """Every source that holds a word, sorted."""
    changed = {
        path
        for path, content in view.changed.items()
        if content and word.encode() in content and is_kernel_source(path)
    }
    if view.tree is None:
        return sorted(changed)
    paths = files_with(view.tree, [word])[word]
    return sorted(changed.union(path for path in paths if path not in view.changed))
