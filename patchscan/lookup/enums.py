"""The enum that a name means where a file is compiled, and its constants."""

import re
from collections.abc import Iterator, Mapping

from patchscan.basics.keep import of_text
from patchscan.basics.pattern import pattern
from patchscan.basics.record import frozen
from patchscan.c.filelevel import statements_naming, without_directives
from patchscan.c.lexical import without_comments
from patchscan.lookup.headers import headers_near, text_of_header
from patchscan.lookup.meaning import Meaning

_HEAD = pattern(rb"\benum\s+(?:__\w+\s+)*\w+\s*\Z")
_CONSTANT = pattern(r"([A-Za-z_]\w*)\s*(?:=\s*(.+))?", re.DOTALL)
_MARK = pattern(rb"[(){},]")
_NAME = pattern(r"[A-Za-z_]\w*")
_MOST_HEADERS = 100
_MOST_CONSTANTS = 2000


@frozen
class Enum:
    """An enum; given: the value that is written for each of its constants, "" where none is."""

    name: str
    path: str
    line: int
    given: Mapping[str, str]

    def same_as(self, name: str) -> frozenset[str]:
        """The other constants that the value of one names, which may have the same value."""
        return frozenset(_NAME.findall(self.given.get(name, ""))) & self.given.keys()


def find_enum(meaning: Meaning, name: str) -> Enum | None:
    """The enum of a name: of the file itself, else of the headers that may be meant; None where they are several."""
    own = enum_in(meaning.text, meaning.path, name)
    if own is not None:
        return own
    beside = meaning.beside if meaning.text and meaning.context.has_tree else ()
    headers = headers_near(meaning.view, name, beside)
    if len(headers) > _MOST_HEADERS:
        return None
    texts = ((path, text_of_header(meaning.view, path)) for path in headers)
    found = [each for path, text in texts if (each := enum_in(text, path, name)) is not None]
    return found[0] if len(found) == 1 else None


@of_text(1024)
def enum_in(text: bytes, path: str, name: str) -> Enum | None:
    """The enum of that name that a text defines; None where it has none, or one that is not plain."""
    if name.encode() not in text:
        return None
    found = [each for each in statements_naming(text, name) if each.kind == "type"]
    code = without_comments(text)
    if len(found) != 1 or not _HEAD.search(code, found[0].start, found[0].body):
        return None
    end = code.find(b"}", found[0].body)
    body = code[found[0].body + 1 : end]
    given: dict[str, str] = {}
    for part in _parts(without_directives(body).decode("latin-1")):
        constant = _CONSTANT.fullmatch(part)
        if b"#" in body or constant is None or len(given) == _MOST_CONSTANTS:
            return None
        given[constant[1]] = constant[2] or ""
    return Enum(name, path, text.count(b"\n", 0, found[0].start) + 1, given)


def _parts(body: str) -> Iterator[str]:
    """What the commas outside brackets separate, empty parts left out."""
    begin = depth = 0
    for mark in _MARK.finditer(body.encode("latin-1")):
        depth += (mark[0] in b"({") - (mark[0] in b")}")
        if mark[0] == b"," and not depth:
            yield from filter(None, [body[begin : mark.start()].strip()])
            begin = mark.end()
    yield from filter(None, [body[begin:].strip()])
