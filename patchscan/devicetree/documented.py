"""What the bindings of a tree document: all of them are read once, which takes a quarter of a second."""

from patchscan.basics.keep import kept
from patchscan.basics.pattern import pattern
from patchscan.changedfile import encode
from patchscan.devicetree.changed import BINDINGS
from patchscan.devicetree.expressions import matches
from patchscan.tree.overlay import View

# Of one vendor: what matches those of all is no documentation.
_PATTERN = pattern(rb"(?m)\bpattern:[ ]{1,8}(['\"]?)(\^?\(?[a-z][\w-]{0,30},.{0,200}?)\1[ ]{0,8}(?:#.*)?$")
# A name of a node that a schema gives: a plain one, or an expression that begins with letters, and so is not for all.
_GIVEN = pattern(rb"""(?m)^[ ]{1,40}['"]?([\w,.+-]{1,80}|\^\(?[A-Za-z]{2}[^\n'"]{0,200})['"]?:[ ]{0,8}$""")
_REFUSED = pattern(rb"[_A-Z]")
_OF_A_NAME = pattern(rb"[\w,.+#-]")


def is_documented(view: View, text: str) -> bool:
    """Whether a binding holds a compatible string or the name of a property, or an expression that matches it."""
    vendor = text.partition(",")[0] + ","
    return holds(bindings(view), encode(text)) or any(
        each.lstrip("^(").startswith(vendor) and matches(f"^(?:{each})$", text, unsure=True)
        for each in expressions(view)
    )


def mentions(view: View, name: str) -> int:
    """How many lines of all bindings begin with a name and a colon, as a property of a schema does."""
    where, word = bindings(view), name.encode()
    found, at = 0, where.find(word)
    while at >= 0:
        end = at + len(word)
        before = where[where.rfind(b"\n", 0, at) + 1 : at]
        found += not before.strip(b" \t'\"") and where[end : end + 2].lstrip(b"'\"").startswith(b":")
        at = where.find(word, end)
    return found


def is_given(view: View, name: str) -> bool:
    """Whether a schema gives a node this name, which has underscores or capitals."""
    plain, shapes = given(view)
    return name in plain or any(matches(each, name, unsure=False) for each in shapes)


@kept
def given(view: View) -> tuple[frozenset[str], tuple[str, ...]]:
    """The names with underscores or capitals that schemas give: plain ones, and expressions."""
    found = {
        each[1].decode("utf-8", "replace")
        for each in _GIVEN.finditer(bindings(view))
        if _REFUSED.search(each[1])
    }
    plain = frozenset(each for each in found if not each.startswith("^"))
    return plain, tuple(sorted(found - plain))


def holds(where: bytes, word: bytes) -> bool:
    """Whether a text holds a name as a whole."""
    at = where.find(word)
    while at >= 0:
        end = at + len(word)
        if not _OF_A_NAME.match(where[max(at - 1, 0) : at]) and not _OF_A_NAME.match(where[end : end + 1]):
            return True
        at = where.find(word, end)
    return False


@kept
def bindings(view: View) -> bytes:
    """The texts of all bindings as one."""
    return b"\n".join(view.read(path) or b"" for path in view.files(BINDINGS.rstrip("/")))


@kept
def expressions(view: View) -> tuple[str, ...]:
    """The expressions of compatible strings in them."""
    found = {each[2].decode("utf-8", "replace") for each in _PATTERN.finditer(bindings(view))}
    return tuple(sorted(found))
