"""The struct or union that a name means where a file is compiled."""

from collections.abc import Sequence
from functools import lru_cache

from patchscan.c.members import Type, type_in
from patchscan.lookup.uses import files_holding
from patchscan.tree.overlay import View

_EVERYWHERE = 100_000
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
    headers = [each for each in files_holding(view, name, most=_EVERYWHERE)[0] if each.endswith(".h")]
    near = [each for each in headers if each in beside]
    for places in (near, [each for each in headers if each.startswith("include/")]):
        if len(places) > _MOST_HEADERS:
            return None
        found = [
            (each, kind)
            for each in places
            if (kind := _type_in(view.read(each) or b"", each, name)) is not None
        ]
        if found:
            return found[0] if len(found) == 1 else None
    return None


@lru_cache(maxsize=2048)
def _type_in(text: bytes, path: str, name: str) -> Type | None:
    return type_in(text, path, name) if name.encode() in text else None
