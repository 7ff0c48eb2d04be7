"""Whether anything around a function may declare a variable: its file, or a header that the file reaches."""

from patchscan.basics.keep import of_text
from patchscan.basics.pattern import pattern
from patchscan.c.filelevel import statements_around
from patchscan.c.source import parse
from patchscan.lookup.closure import Closure
from patchscan.lookup.headers import headers_among, text_of_header
from patchscan.lookup.pasted import forms_by, forms_in, is_of, is_telling
from patchscan.lookup.uses import files_holding
from patchscan.tree.index.search import is_shared
from patchscan.tree.overlay import View

_WORD = pattern(r"[A-Za-z_]\w*")
_BYTES = pattern(rb"[A-Za-z_]\w*")
_ENUM = pattern(rb"\benum\b")
_ENUMERATORS = pattern(rb"\benum\b[^;{}()]*\{([^{}]*)\}")
# At file level they may declare what they are given; static_assert() does not.
_MACRO_CALL = pattern(rb"\A\s*(?:[a-z_]\w*\s+)*(?!static_assert\b)[A-Za-z_]\w*\s*\(([^;{}]*)")
_OTHERS = frozenset(("function", "prototype", "type", "typedef"))
_INCLUDES_C = pattern(r'#[ \t]*include[ \t]+[<"][^>"\n]*\.c[>"]')
_EVERYWHERE = 100_000


def file_names(text: bytes, path: str) -> frozenset[str]:
    """The names that a text may declare outside functions, and all that macros there may make names of."""
    found = {macro.name for macro in parse(text, path).macros()}
    for declared, piece in statements_around(text):
        found.update(each.name for each in declared)
        kinds = {each.kind for each in declared if not each.name.isupper()}
        if not kinds & _OTHERS or ("function" not in kinds and _ENUM.search(piece)):
            found.update(_WORD.findall(piece.decode("latin-1")))
    return frozenset(found)


def may_be_built(name: str, words: frozenset[str]) -> bool:
    """Whether a macro may make a name of what it is given: DEVICE_ATTR_RO(speed) makes dev_attr_speed."""
    parts = name.split("_")
    return any("_".join(parts[at:]) in words or "_".join(parts[:at]) in words for at in range(1, len(parts)))


def may_be_declared(view: View, path: str, text: bytes, architecture: str, name: str) -> bool:
    """Whether a header that a file reaches, or a C file that includes it, may declare a variable of that name."""
    closure = Closure(view, path, text, architecture)
    if closure.unknown or _INCLUDES_C.search(text.decode("latin-1")):
        return True
    if any(is_of(name, form) for form in forms_in(text)):
        return True
    reached = closure.every()
    others = [header for header in reached if not is_shared(header)]
    headers = headers_among(view, name, others, reached)
    if any(_declares(text_of_header(view, header), name) for header in headers):
        return True
    if any(is_telling(form) and is_of(name, form) for form in forms_by(view, sorted(reached))):
        return True
    return _is_included(view, path)


def _is_included(view: View, path: str) -> bool:
    """Whether a C file includes another by its name."""
    file = path.rpartition("/")[2]
    stem = file.removesuffix(".c")
    word = next(iter(sorted(_WORD.findall(stem), key=len, reverse=True)), "")
    holding = files_holding(view, word, most=_EVERYWHERE)[0] if word else ()
    named = (f'"{file}"'.encode(), f'/{file}"'.encode())
    return any(any(one in (view.read(each) or b"") for one in named) for each in holding if each != path)


@of_text(4096)
def _declares(text: bytes, name: str) -> bool:
    """Whether a header may declare a variable of that name outside functions."""
    if any(macro.name == name for macro in parse(text, "x.h").macros()):
        return True
    word = name.encode()
    return any(
        any(each.name == name for each in declared)
        or any(word in _BYTES.findall(match[1]) for match in _ENUMERATORS.finditer(piece))
        or (
            not any(each.kind in _OTHERS for each in declared)
            and any(word in _BYTES.findall(match[1]) for match in _MACRO_CALL.finditer(piece))
        )
        for declared, piece in statements_around(text, name)
    )
