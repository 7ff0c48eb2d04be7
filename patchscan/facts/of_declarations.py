"""What a text declares or defines outside functions: prototypes, variables, types, typedefs."""

from collections.abc import Iterator

from patchscan.basics.pattern import pattern
from patchscan.basics.record import frozen
from patchscan.c.filelevel import statements
from patchscan.c.source import Source
from patchscan.facts.conditions_around import around
from patchscan.facts.kind import Kind

_TAG = pattern(rb"\b(struct|union|enum)\b[^{]*\Z")
_KINDS = ("prototype", "variable", "type", "typedef")
_LONGEST = 300


@frozen
class DeclarationFact:
    """A declaration outside functions.

    kind: "prototype", "variable", "typedef", "struct", "union" or "enum"; extern: said so; text: on one line, up to
    what it is given or holds.
    """

    kind: str
    name: str
    line: int
    static: bool
    extern: bool
    text: str
    condition: str


def declarations(source: Source) -> Iterator[DeclarationFact]:
    """The declarations of a text, in order; functions with bodies are a kind of their own."""
    for each in statements(source.text):
        if each.kind not in _KINDS or not each.name:
            continue
        head = each.head(source.code)
        tag = _TAG.search(head) if each.kind == "type" else None
        line = source.line_at(each.name_start if each.name_start >= 0 else each.start)
        text = " ".join(head.decode("utf-8", "surrogateescape").split()).rstrip("= ;")
        kind = tag[1].decode() if tag else each.kind
        yield DeclarationFact(
            kind, each.name, line, each.static, each.extern, text[:_LONGEST], around(source, line)
        )


KIND = Kind("declarations", DeclarationFact, declarations)
