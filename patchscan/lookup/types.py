"""The struct or union that a name means where a file is compiled."""

from collections.abc import Sequence

from patchscan.basics.keep import of_text
from patchscan.c.members import Type, type_in
from patchscan.lookup.headers import headers_near, text_of_header
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
    headers = headers_near(view, name, beside)
    near = [each for each in headers if each in beside]
    for places in (near, [each for each in headers if each.startswith("include/")]):
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
