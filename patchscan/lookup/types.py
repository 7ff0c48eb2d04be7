"""The struct or union that a name means where a file is compiled."""

from collections.abc import Sequence

from patchscan.basics.assuming import assumed
from patchscan.basics.keep import of_text
from patchscan.c.members import Type, type_in
from patchscan.lookup.headers import headers_near, holding_beside, text_of_header
from patchscan.lookup.uses import seen_headers
from patchscan.tree.index.wordsearch import is_compared
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
    near = holding_beside(view, name, beside)
    found = _defining(view, near, name)
    if found or len(near) > _MOST_HEADERS:
        return _only(found)
    seen = _seen(view, name)
    if len(seen) > 1:
        return None
    only = assumed((view, name)) if seen else None
    if only is None:
        common = [each for each in headers_near(view, name, beside) if each.startswith("include/")]
        return _only(_defining(view, common, name))
    return seen[0] if only else None


def _seen(view: View, name: str) -> list[tuple[str, Type]]:
    """Common headers that define a type, found at once and read now; there may be more, which are not looked for."""
    if view.tree is None or is_compared(view.tree):
        return []
    return _defining(view, [each for each in seen_headers(view, name) if each.startswith("include/")], name)


def _defining(view: View, headers: Sequence[str], name: str) -> list[tuple[str, Type]]:
    """Those of some headers that define a type; none of too many."""
    return [
        (each, kind)
        for each in (headers if len(headers) <= _MOST_HEADERS else ())
        if (kind := _type_in(text_of_header(view, each), each, name)) is not None
    ]


def _only(found: Sequence[tuple[str, Type]]) -> tuple[str, Type] | None:
    return found[0] if len(found) == 1 else None


def defines_type(text: bytes, path: str, name: str) -> bool:
    """Whether a text defines a struct or union."""
    return _type_in(text, path, name) is not None


@of_text(2048)
def _type_in(text: bytes, path: str, name: str) -> Type | None:
    return type_in(text, path, name) if name.encode() in text else None
