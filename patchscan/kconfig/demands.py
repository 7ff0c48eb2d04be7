"""What the entries of a Kconfig file demand: by `depends on`, `select`, defaults and the blocks around them.

Only what is certain: of `depends on A && (B || C)` it follows that A is on.
Language: Documentation/kbuild/kconfig-language.rst.
"""

from patchscan.basics.pattern import pattern
from patchscan.basics.record import frozen

_ATTRIBUTE = pattern(
    r"\s+(?:depends\s+on\s+(?P<depends>.*)|select\s+(?P<select>\w+)(?:\s+if\s+(?P<when>.*))?)"
)
_HELP = pattern(r"\s+(?:help|---help---)\s*$")
_BLOCK = pattern(r"(if|endif|menu|endmenu|choice|endchoice|config|menuconfig|source|comment)\b\s*(.*)")
_TERM = pattern(r"\(*\s*(\w+)\s*(?:=\s*[ym]|!=\s*n)?\s*\)*")
_DEFAULT = pattern(r"\s+(?:default|def_bool|def_tristate)\s+(\S.*?)(?:\s+if\s+(.*))?$")
_PROMPT = pattern(r"\s+(?:prompt\b|(?:bool|tristate)\s+[\"'])")
_CONSTANT = pattern(r"\s+def_bool\s+y\s*")
NOTHING: frozenset[str] = frozenset()


@frozen
class Demands:
    """What one option brings with it: those always on with it, and its `select OPTION if`.

    conditional: (option, what the condition asks for, whether that is all it asks for); default: what its only
    default value asks for, which is all that can turn on an option that nobody sets or selects.
    """

    always: frozenset[str] = NOTHING
    default: frozenset[str] = NOTHING
    conditional: frozenset[tuple[str, frozenset[str], bool]] = frozenset()


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
    text = content.decode("utf-8", "replace").expandtabs()
    parsed = FileDemands()
    stack: list[set[str]] = []
    always: set[str] = set()
    conditional: set[tuple[str, frozenset[str], bool]] = set()
    entry, in_head, in_help = 0, False, False
    name, constant = "", False
    defaults: list[frozenset[str]] = []
    joined = ""
    for number, line in enumerate([*text.split("\n"), "endmenu"], 1):
        joined += line.removesuffix("\\")
        if line.endswith("\\"):
            continue
        statement, joined = joined, ""
        block = _BLOCK.match(statement)
        if block is None:
            match = None if in_help else _ATTRIBUTE.match(statement)
            in_help = in_help or _HELP.match(statement) is not None
            default = None if in_help or not entry else _DEFAULT.match(statement)
            if default:
                defaults.append(frozenset([*certain(default[1]), *certain(default[2] or "")]))
            elif entry and not in_help and _PROMPT.match(statement):
                defaults += [NOTHING, NOTHING]
            constant = constant or (entry > 0 and _CONSTANT.fullmatch(statement) is not None)
            if match and match["depends"]:
                constant = False
                (always if entry else stack[-1] if in_head and stack else set()).update(
                    certain(match["depends"])
                )
            elif match and entry and match["select"]:
                if match["when"]:
                    whole = bool(certain(match["when"], whole=True))
                    conditional.add((match["select"], frozenset(certain(match["when"])), whole))
                else:
                    always.add(match["select"])
            continue
        if entry:
            parsed.entries[entry] = Demands(
                frozenset(always.union(*stack)),
                defaults[0] if len(defaults) == 1 else NOTHING,
                frozenset(conditional),
            )
            if constant and not any(stack):
                parsed.constant.add(name)
        word, rest = block[1], block[2]
        entry, in_help, in_head = 0, False, word in ("menu", "choice")
        if word in ("config", "menuconfig"):
            entry, always, conditional = number, set(), set()
            name, constant, defaults = rest.strip(), False, []
        elif word in ("if", "menu", "choice"):
            stack.append(set(certain(rest)) if word == "if" else set())
        elif word.startswith("end") and stack:
            stack.pop()
        elif word == "source":
            parsed.sources[rest.strip().strip('"')] = frozenset(set().union(*stack))
    return parsed


def certain(expression: str, whole: bool = False) -> list[str]:
    """The options that must be on for an expression to hold; with whole, none unless they are all it asks for."""
    terms = _split(expression.partition("#")[0])
    names = [match[1] for term in terms if (match := _TERM.fullmatch(term.strip())) and match[1] not in "ymn"]
    return names if not whole or len(names) == len(terms) else []


def _split(expression: str) -> list[str]:
    """The parts between top-level &&; an expression with || at the top is one part."""
    parts, depth, begin = [], 0, 0
    for at, character in enumerate(expression):
        depth += (character == "(") - (character == ")")
        if depth == 0 and expression.startswith("||", at):
            return [expression]
        if depth == 0 and expression.startswith("&&", at):
            parts.append(expression[begin:at])
            begin = at + 2
    return [*parts, expression[begin:]]
