"""The parameters of a function as its declaration states them, without their names."""

from patchscan.basics.pattern import pattern
from patchscan.basics.record import frozen
from patchscan.c.filelevel import Statement
from patchscan.c.source import Source

_ATTRIBUTE = pattern(
    r"(?<!struct )(?<!union )(?<!enum )"
    r"\b__(?!be|le|[us]\d|kernel|poll|virtio|wsum|sum|iomem|user|rcu|percpu)\w+(?:\s*\([^()]*\))?"
)
_SPARSE = pattern(r"\b__(?:iomem|user|rcu|percpu|force|kernel)\b")
_MARK = pattern(r"[()\[\]{},]")
_TOKEN = pattern(r"\w+|\*|\[[^\]]*\]|\.\.\.|\S")
_COMMON_TYPE = pattern(r"(?:const )?(?:struct \w+|void|char|u8|int|unsigned int|u32|u64|bool) ?\**")
_KEYWORDS = frozenset(
    (
        "struct",
        "union",
        "enum",
        "unsigned",
        "signed",
        "long",
        "short",
        "int",
        "char",
        "void",
        "const",
        "volatile",
    )
)


@frozen
class Signature:
    """parameters: their types, "?" where one is not plain; variadic: whether "..." ends them."""

    parameters: tuple[str, ...]
    variadic: bool

    def takes(self, count: int) -> bool:
        """Whether a call may give that many arguments."""
        fixed = len(self.parameters)
        return count >= fixed if self.variadic else count == fixed

    def contradicts(self, other: "Signature") -> bool:
        """Whether the two cannot be declarations of one function, as far as is plain."""
        if len(self.parameters) != len(other.parameters) or self.variadic != other.variadic:
            return True
        pairs = zip(self.parameters, other.parameters, strict=True)
        return any(_differ(one, two) for one, two in pairs)


def _differ(one: str, two: str) -> bool:
    """Whether two types differ though no typedef can make them the same."""
    if one == two or "?" in (one, two):
        return False
    plain = [_COMMON_TYPE.fullmatch(each) is not None for each in (one, two)]
    return all(plain) and one.count("*") != two.count("*") and "[" not in one + two


def signature(text: str) -> Signature | None:
    """The parameters in a text that begins behind the opening parenthesis of a list; None where it is not plain."""
    parts, depth, begin = [], 0, 0
    for match in _MARK.finditer(text):
        at, byte = match.start(), match[0]
        if byte in "([{":
            depth += 1
        elif byte in ")]}":
            depth -= 1
        if depth < 0 or (depth == 0 and byte == ","):
            parts.append(" ".join(text[begin:at].split()))
            begin = at + 1
        if depth < 0:
            break
    else:
        return None
    variadic = parts[-1] == "..."
    parts = parts[:-1] if variadic else parts
    if parts == ["void"]:
        return Signature((), variadic)
    if not parts or any(not part for part in parts):
        return None
    return Signature(tuple(_type(part) for part in parts), variadic)


def _type(parameter: str) -> str:
    """The type of one parameter, its name taken off."""
    if "(" in _ATTRIBUTE.sub(" ", parameter):
        return "?"
    shown = _SPARSE.sub(" ", _ATTRIBUTE.sub(" ", parameter))
    tokens = _TOKEN.findall(shown)
    arrays = [token for token in tokens if token.startswith("[")]
    tokens = [token for token in tokens if not token.startswith("[")]
    words = [token for token in tokens if token not in ("const", "volatile", "*")]
    named = len(words) > 1 and tokens[-1] == words[-1] and words[-1] not in _KEYWORDS
    if named and words[-2] not in ("struct", "union", "enum"):
        tokens.pop()
    stars = tokens.count("*") + len(arrays)
    base = " ".join(token for token in tokens if token != "*")
    if not stars:
        base = " ".join(word for word in base.split() if word not in ("const", "volatile"))
    return f"{base} {'*' * stars}".strip()


def parameters_text(source: Source, statement: Statement) -> str:
    """What stands behind the parenthesis that follows the name of a function."""
    code = source.code
    opening = code.find(b"(", statement.name_start, statement.end)
    between = code[statement.name_start + len(statement.name) : opening]
    return code[opening + 1 : statement.end].decode("latin-1") if opening > 0 and not between.strip() else ""
