"""What the entries of a Kconfig file demand: by `depends on`, `select`, defaults and the blocks around them.

Only what is certain: of `depends on A && (B || C)` it follows that A is on.
Language: Documentation/kbuild/kconfig-language.rst.
"""

from itertools import chain

from patchscan.basics.pattern import pattern
from patchscan.basics.record import frozen
from patchscan.kconfig.logical_lines import Statement, statements

_ATTRIBUTE = pattern(r"(?:depends\s+on\s+(?P<depends>.*)|select\s+(?P<select>\w+)(?:\s+if\s+(?P<when>.*))?)")
_BLOCK = pattern(r"(if|endif|menu|endmenu|choice|endchoice|config|menuconfig|source|comment)\b\s*(.*)")
_TERM = pattern(r"\(*\s*(\w+)\s*(?:=\s*[ym]|!=\s*n)?\s*\)*")
_DEFAULT = pattern(r"(?:default|def_bool|def_tristate)\s+(\S.*?)(?:\s+if\s+(.*))?$")
_PROMPT = pattern(r"(?:prompt\b|(?:bool|tristate)\s+[\"'])")
_CONSTANT = pattern(r"def_bool\s+y\s*")
NOTHING: frozenset[str] = frozenset()


@frozen
class Demands:
    """What one option brings with it: those always on with it, and what it selects.

    selects: (option, what the condition asks for, whether that is all it asks for), without condition nothing;
    default: what its only default value asks for, which is all that can turn on an option that nobody sets or selects;
    of several parts with || between one text, with what each asks for between |: "A B|C" of (A && B) || C;
    by_default: whether it has a default value that may turn it on.
    """

    always: frozenset[str] = NOTHING
    default: frozenset[str] = NOTHING
    selects: frozenset[tuple[str, frozenset[str], bool]] = frozenset()
    by_default: bool = False


class FileDemands:
    """A Kconfig file: by line the demands of its entries, by path what stands around the files it sources.

    constant: the options that are on whenever the file is read ("def_bool y" without a prompt or a condition).
    """

    def __init__(self) -> None:
        self.entries: dict[int, Demands] = {}
        self.constant: set[str] = set()
        self.sources: dict[str, frozenset[str]] = {}


def parse(content: bytes) -> FileDemands:
    """What a Kconfig file demands, by its content."""
    parsed = FileDemands()
    stack: list[set[str]] = []
    always: set[str] = set()
    selects: set[tuple[str, frozenset[str], bool]] = set()
    entry, in_head = 0, False
    name, constant = "", False
    defaults: list[frozenset[str]] = []
    by_default = asked = False
    read = chain(statements(content.decode("utf-8", "replace")), [Statement(0, "endmenu")])
    for number, statement in ((each.line, each.text) for each in read):
        block = _BLOCK.match(statement)
        if block is None:
            match = _ATTRIBUTE.match(statement)
            default = _DEFAULT.match(statement) if entry else None
            if default:
                by_default = by_default or default[1] != "n"
                asked_for = (*certain(default[1]), *either(default[1]), *certain(default[2] or ""))
                defaults.append(frozenset(asked_for))
            elif entry and _PROMPT.match(statement):
                defaults += [NOTHING, NOTHING]
            constant = constant or (entry > 0 and _CONSTANT.fullmatch(statement) is not None)
            asked = asked or _PROMPT.match(statement) is not None or bool(match and match["depends"])
            if match and match["depends"]:
                (always if entry else stack[-1] if in_head and stack else set()).update(
                    certain(match["depends"])
                )
            elif match and entry and match["select"]:
                when = match["when"] or ""
                whole = not when or bool(certain(when, whole=True))
                selects.add((match["select"], frozenset(certain(when)), whole))
            continue
        if entry:
            parsed.entries[entry] = Demands(
                frozenset(always.union(*stack)),
                defaults[0] if len(defaults) == 1 else NOTHING,
                frozenset(selects),
                by_default,
            )
            if constant and not asked and not any(stack):
                parsed.constant.add(name)
        word, rest = block[1], block[2]
        entry, in_head = 0, word in ("menu", "choice")
        if word in ("config", "menuconfig"):
            entry, always, selects = number, set(), set()
            name, constant, defaults = rest.strip(), False, []
            by_default = asked = False
        elif word in ("if", "menu", "choice"):
            stack.append(set(certain(rest)) if word == "if" else set())
        elif word.startswith("end") and stack:
            stack.pop()
        elif word == "source":
            parsed.sources[rest.strip().strip('"')] = frozenset(set().union(*stack))
    return parsed


def certain(expression: str, whole: bool = False) -> list[str]:
    """The options that must be on for an expression to hold; with whole, none unless they are all it asks for."""
    terms = [expression] if len(_split(expression, "||")) > 1 else _split(expression, "&&")
    names = [match[1] for term in terms if (match := _TERM.fullmatch(term.strip())) and match[1] not in "ymn"]
    return names if not whole or len(names) == len(terms) else []


def either(expression: str) -> list[str]:
    """What each part of an expression with || at the top asks for, as one text; none where one asks for nothing."""
    parts = [certain(_bare(part)) for part in _split(expression, "||")]
    return ["|".join(" ".join(part) for part in parts)] if len(parts) > 1 and all(parts) else []


def _split(expression: str, sign: str) -> list[str]:
    """The parts of an expression between a sign at the top."""
    parts, depth, begin = [], 0, 0
    for at, character in enumerate(expression):
        depth += (character == "(") - (character == ")")
        if depth == 0 and expression.startswith(sign, at):
            parts.append(expression[begin:at])
            begin = at + 2
    return [*parts, expression[begin:]]


def _bare(part: str) -> str:
    """A part without the parentheses around it, where they hold no others."""
    part = part.strip()
    return part[1:-1] if part[:1] == "(" and part.find(")") == len(part) - 1 else part
