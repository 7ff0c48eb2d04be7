"""What prototypes and definitions state of a function: its parameters, in a text and in the tree."""

from collections.abc import Iterator

from patchscan.basics.record import frozen
from patchscan.c.filelevel import Statement, statements, statements_naming
from patchscan.c.parameters import Signature, parameters_text, signature
from patchscan.c.source import Source, parse
from patchscan.finding import Evidence
from patchscan.tree.overlay import View

_EVERYWHERE = 100_000
_MOST_HEADERS = 20


@frozen
class Stated:
    """A declaration of a function: kind "prototype" or "function" (with its body), what it states, and where."""

    name: str
    kind: str
    signature: Signature
    line: int
    static: bool


def stated(source: Source, name: str = "") -> Iterator[Stated]:
    """The functions that a text declares and defines outside functions; name: only those of that name."""
    text = source.repaired or source.text
    for each in statements_naming(text, name) if name else statements(text):
        if found := read(source, each):
            yield found


def read(source: Source, each: Statement) -> Stated | None:
    """What a statement states of a function, None where it is none or not plain."""
    if each.kind not in ("prototype", "function") or each.name_start < 0 or each.name.isupper():
        return None
    if source.fragment is not None and each.name_start < source.fragment.head:
        return None
    found = signature(parameters_text(source, each))
    if found is None:
        return None
    return Stated(each.name, each.kind, found, source.line_at(each.name_start), each.static)


def stated_in_tree(view: View, own: str, each: Stated) -> tuple[Evidence, Stated] | None:
    """The one declaration of the other kind in the files of a tree but one, where it contradicts."""
    from patchscan.lookup.uses import files_holding

    paths = [path for path in files_holding(view, each.name, most=_EVERYWHERE)[0] if path != own]
    ending = ".h" if each.kind == "function" else ".c"
    wanted = [path for path in paths if path.endswith(ending) and not path.startswith("tools/")]
    # Each architecture has its own.
    if any(path.startswith("arch/") for path in (own, *wanted)):
        return None
    if len(wanted) > _MOST_HEADERS:
        return None
    found = []
    for path in wanted:
        source = parse(view.read(path) or b"", path)
        for other in stated(source, each.name):
            if not other.static:
                found.append((Evidence(path, other.line, source.line_text(other.line)), other))
                if source.conditions_at(other.line):
                    return None
    kinds = {other.kind for _, other in found}
    if len(found) != 1 or kinds != {"prototype" if each.kind == "function" else "function"}:
        return None
    return found[0] if found[0][1].signature.contradicts(each.signature) else None
