"""The struct or union that a name means where a file is compiled."""

from collections.abc import Sequence

from patchscan.basics.keep import of_text
from patchscan.c.members import Type, type_in
from patchscan.lookup.headers import headers_near, holding_beside, text_of_header
from patchscan.tree.overlay import View

_MOST_HEADERS = 400


def find_type(
    view: View, path: str, text: bytes, name: str, beside: Sequence[str] = ()
) -> tuple[str, Type] | None:
    """(path, type) of a struct or union: of the file itself, of the headers beside it, or of the common ones.

    None where there is none, or several that the file may mean.
    """
    own = _type_in(text, path, name)
    if own is not None:
        return path, own
    # The headers beside a file are read, and all others asked for only where none of them tells.
    for ask in (holding_beside, headers_near):
        headers = ask(view, name, beside)
        places = [each for each in headers if ask is holding_beside or each.startswith("include/")]
        if len(places) > _MOST_HEADERS:
            return None
        found = [
            (each, kind)
            for each in places
            if (kind := _type_in(text_of_header(view, each), each, name)) is not None
        ]
        if found:
            return found[0] if len(found) == 1 else None
    return None


def defines_type(text: bytes, path: str, name: str) -> bool:
    """Whether a text defines a struct or union."""
    return _type_in(text, path, name) is not None


@of_text(2048)
def _type_in(text: bytes, path: str, name: str) -> Type | None:
    return type_in(text, path, name) if name.encode() in text else None
