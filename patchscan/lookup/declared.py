"""Where the headers that a file reaches declare a name, and whether a smallest configuration leaves one of them."""

from collections.abc import Callable, Collection, Iterator, Sequence
from typing import Literal

from patchscan.basics.formula import Formula, any_of, follows
from patchscan.basics.pattern import pattern
from patchscan.basics.record import frozen
from patchscan.c.lexical import offsets
from patchscan.c.source import Condition, Source, parse
from patchscan.kconfig.solve import Configuration, holds_in
from patchscan.lookup.closure import Closure
from patchscan.lookup.edges import condition
from patchscan.lookup.headers import text_of_header
from patchscan.tree.overlay import View

_DEFINE = pattern(rb"[ \t]*#[ \t]*define[ \t]+$")
_ASKED = pattern(r"defined\((\w+)\)")
_MOST_ATOMS = 5
ALWAYS = Formula("constant", "1")


@frozen
class Declared:
    """A header that declares a name, the line and its text, and the condition around it (None: but its guard)."""

    path: str
    line: int
    text: str
    when: Formula | None


def declarations(source: Source, name: str, strict: bool = False) -> Iterator[tuple[int, Formula | None]]:
    """(line, condition) of every place of a header that may declare a name.

    That is a #define of it and whatever stands outside the bodies of functions and macros; strict: only a #define,
    a function or a prototype.
    """
    code = source.code
    for offset in offsets(code, name.encode()):
        begin = code.rfind(b"\n", 0, offset) + 1
        line = source.line_at(offset)
        before = code[begin:offset]
        if _DEFINE.match(before):
            yield line, _around(source, line, name)
        elif not (before.lstrip().startswith(b"#") or _continues(code, begin)):
            # What stands at the margin is in no body; to find all functions of a header costs much more.
            head = _is_head(code, before, offset + len(name))
            if head or not (strict or _in_body(code, offset) or _in_other_function(source, line, name)):
                yield line, _around(source, line, name)


def _in_body(code: bytes, offset: int) -> bool:
    """Whether of the braces at the margin the last one before an offset opens, which those of functions do."""
    return code.rfind(b"\n{", 0, offset) > code.rfind(b"\n}", 0, offset)


def _in_other_function(source: Source, line: int, name: str) -> bool:
    function = source.function_at(line)
    return function is not None and function.name != name


def _continues(code: bytes, begin: int) -> bool:
    """Whether a line goes on with a directive."""
    return begin > 1 and code[begin - 2 : begin - 1] == b"\\"


def _is_head(code: bytes, before: bytes, end: int) -> bool:
    """Whether a name at the margin, with a type before it or on the line above, has a parameter list."""
    return (
        code[end : end + 20].lstrip()[:1] == b"("
        and not before[:1].isspace()
        and b"(" not in before
        and b"=" not in before
        and b"}" not in before
    )


def _around(source: Source, line: int, name: str) -> Formula | None:
    return condition(each for each in source.conditions_at(line) if not _gives_way(each, name))


def _gives_way(condition: Condition, name: str) -> bool:
    """Whether a condition asks that an architecture has not declared the name itself."""
    asked = _ASKED.fullmatch(condition.expression) if condition.negated else None
    return asked is not None and (asked[1] == name or asked[1].startswith(("__HAVE_ARCH_", "ARCH_HAS_")))


AnswerKind = Literal["always", "sometimes", "conditional", "unreached", "nowhere", "unknown"]


@frozen
class Answer:
    """Whether a name is declared where a file is compiled.

    kind: "always", "sometimes" (in the configuration in question no header that declares it is reached), "conditional"
    (one is, but the declaration stands under a condition that does not hold), "unreached" (only headers that the
    file does not reach declare it), "nowhere" or "unknown". declared: a header that does, where one is known.
    gates: options each of which may bring the declaration.
    """

    kind: AnswerKind
    declared: Declared | None = None
    gates: tuple[str, ...] = ()


def look_up(
    view: View,
    closure: Closure,
    headers: Sequence[str],
    name: str,
    ask: Callable[[], Configuration | None],
) -> Answer:
    """The answer for one name; headers: those of the view that hold it as a word.

    ask: gives the configuration in question; it is called only where the answer hangs on it.
    """
    if not headers:
        return Answer("nowhere")
    if on_every_way(view, closure, headers, name):
        return Answer("always")
    found: dict[str, list[Declared]] = {}
    configuration = ask()
    if configuration is None or configuration.architecture != closure.architecture:
        return Answer("unknown")
    every = closure.every()
    reached = [path for path in headers if path in every]
    for path in reached:
        found.setdefault(path, list(_declared(view, path, name)))
    possible = [each for path in reached for each in found[path]]
    if not possible:
        return _elsewhere(view, headers, name)

    def may_hold(when: Formula | None) -> bool:
        return when is None or holds_in(view, configuration, when) is not False

    if closure.reaches(frozenset(each.path for each in possible if may_hold(each.when)), may_hold):
        return Answer("always")
    strict = [each for each in possible if any(strictly(view, each.path, name))]
    if not strict:
        return Answer("unknown")
    under = closure.under(may_hold, configuration)
    best = min(strict, key=lambda each: _rank(each.path))
    kind: AnswerKind = "conditional" if best.path in under else "sometimes"
    return Answer(kind, best, _gates(view, closure, under, best, configuration))


def only_elsewhere(
    view: View, headers: Sequence[str], name: str, configuration: Configuration
) -> Answer | None:
    """The answer for a file whose #include lines are not known, where no header declares a name in a configuration."""
    strict = [each for path in headers for each in strictly(view, path, name)]
    if not strict:
        return None
    for each in strict:
        if each.when is None or holds_in(view, configuration, each.when) is not False:
            return None
    best = min(strict, key=lambda each: _rank(each.path))
    return Answer("conditional", best, _off(view, best.when, configuration))


def on_every_way(view: View, closure: Closure, headers: Sequence[str], name: str) -> bool:
    """Whether a header that is reached in every configuration declares a name, in some branch whatever holds.

    What is plainly a declaration is looked for first: to tell the others from uses takes a parse of the header.
    """
    if not headers:
        return False
    reached = sorted(closure.certain().intersection(headers), key=_rank)
    under: list[Formula] = []
    for path in reached:
        for each in strictly(view, path, name):
            if each.when is None:
                return True
            under.append(each.when)
        if _is_certain(under):
            return True
    return any(each.when is None for path in reached for each in _declared(view, path, name))


def is_plainly_declared(view: View, closure: Closure, headers: Collection[str], name: str) -> bool:
    """Whether one of some headers that is reached in every configuration declares a name plainly, under no condition.

    Then on_every_way() is true of all headers; the nearest is looked for, and little read.
    """
    return bool(headers) and any(
        path in headers and any(each.when is None for each in strictly(view, path, name))
        for path in closure.by_distance()
    )


def _rank(path: str) -> tuple[bool, str]:
    return not path.startswith("include/linux/"), path


def _is_certain(conditions: Sequence[Formula]) -> bool:
    """Whether one of some conditions holds whatever the configuration, as those of #if and its #else."""
    one = any_of(conditions)
    return len(conditions) > 1 and len(one.atoms) <= _MOST_ATOMS and follows(one) is True


def _declared(view: View, path: str, name: str) -> Iterator[Declared]:
    source = parse(text_of_header(view, path), path)
    return (
        Declared(path, line, source.line_text(line).strip(), when)
        for line, when in declarations(source, name)
    )


def strictly(view: View, path: str, name: str) -> Iterator[Declared]:
    """Where a header plainly declares a name: by a #define, a function or a prototype."""
    source = parse(text_of_header(view, path), path)
    return (
        Declared(path, line, source.line_text(line).strip(), when)
        for line, when in declarations(source, name, strict=True)
    )


def _elsewhere(view: View, headers: Sequence[str], name: str) -> Answer:
    """A common header that plainly declares a name, though the file does not reach it."""
    common = [path for path in headers if path.startswith("include/") and "/uapi/" not in path]
    common.sort(key=lambda path: (not path.startswith("include/linux/"), path.count("/"), path))
    for path in common:
        for each in strictly(view, path, name):
            if not path.startswith("include/asm-generic/"):
                return Answer("unreached", each)
    return Answer("unknown")


def _gates(
    view: View, closure: Closure, under: dict[str, None], declared: Declared, configuration: Configuration
) -> tuple[str, ...]:
    """Options that are off and would let the header be reached, or its declaration be there."""
    if declared.path in under:
        return _off(view, declared.when, configuration)
    leading = closure.leading_to(frozenset((declared.path,)))
    found = {
        option: None
        for path in (closure.path, *under)
        for edge in (closure.first if path == closure.path else closure.edges(path)).found
        if edge.when is not None and edge.path not in under and edge.path in leading
        for option in _off(view, edge.when, configuration)
    }
    return tuple(sorted(found))


def _off(view: View, when: Formula | None, configuration: Configuration) -> tuple[str, ...]:
    atoms = sorted(when.atoms) if when is not None else []
    return tuple(
        name
        for name in atoms
        if not name.startswith("?") and holds_in(view, configuration, Formula("atom", name)) is False
    )
