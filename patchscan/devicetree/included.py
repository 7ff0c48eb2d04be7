"""What the files that a Devicetree source includes say of a node: one that stands there is only added to."""

import posixpath
import re

from patchscan.basics.keep import kept
from patchscan.basics.pattern import pattern
from patchscan.tree.overlay import View

_INCLUDE = pattern(r'(?m)^[ \t]*(?:#[ \t]*include|/include/)[ \t]+["<]([^">\n]+\.dts[io]?)[">]')
_MOST = 40


def stands_elsewhere(view: View, path: str, text: str, name: str) -> bool:
    """Whether a node of that name (with its unit address) may stand in a file that a source includes.

    So it may where one of these files is not known.
    """
    found, known = included(view, path, tuple(_INCLUDE.findall(text)))
    node = re.compile(rf"(?<![\w,.+@-]){re.escape(name)}\s*{{")
    return not known or any(node.search(each) for each in found)


@kept
def included(view: View, path: str, names: tuple[str, ...]) -> tuple[tuple[str, ...], bool]:
    """(the texts of the files that a source includes, itself or by others; whether all of them are known)."""
    found: dict[str, str] = {}
    wanted = [(path, name) for name in names]
    while wanted:
        asking, name = wanted.pop()
        place = next((each for each in places(asking, name) if each in found or view.exists(each)), "")
        if not place or len(found) > _MOST:
            return tuple(found.values()), False
        if place not in found:
            found[place] = (view.read(place) or b"").decode("utf-8", "replace")
            wanted += [(place, each) for each in _INCLUDE.findall(found[place])]
    return tuple(found.values()), True


def places(asking: str, name: str) -> tuple[str, ...]:
    """Where an included file may be: beside the one that includes it, or below the sources of an architecture."""
    beside = posixpath.normpath(posixpath.join(posixpath.dirname(asking), name))
    top = asking.partition("/boot/dts/")[0]
    arch, _, rest = name.partition("/")
    return (
        beside,
        f"{top}/boot/dts/{name}",
        f"arch/{arch}/boot/dts/{rest}",
        f"scripts/dtc/include-prefixes/{name}",
    )
