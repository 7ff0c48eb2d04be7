"""How many arguments a function or macro takes, by every declaration of it that a file may mean."""

from collections.abc import Callable, Iterator, Sequence

from patchscan.basics.keep import kept, of_text
from patchscan.basics.record import frozen
from patchscan.c.filelevel import statements_naming
from patchscan.c.parameters import Signature, parameters_text, signature
from patchscan.c.source import parse
from patchscan.lookup.headers import headers_near, text_of_header, those_declaring
from patchscan.lookup.uses import seen_headers
from patchscan.tree.overlay import View

_MOST_HEADERS = 25
_MOST_READ = 600


@frozen
class Form:
    """A declaration of a function or macro: what it takes, where, and whether conditions stand around it."""

    path: str
    line: int
    takes: Signature
    conditional: bool
    static: bool = False
    definition: bool = False


@kept
def _known(view: View) -> dict[tuple[str, bytes, str], tuple[Form, ...]]:
    """What was asked in a view so far: what one rule has asked another asks again."""
    return {}


@of_text(4096)
def forms_in(text: bytes, path: str, name: str, alias_of_one: bool = False) -> tuple[Form, ...] | None:
    """The declarations of a name in a text, in order; None where one of them is not plain to read.

    alias_of_one: whether to pass over a #define that only gives a name to another function: of one that several
    headers declare, as architectures do, all take the same.
    """
    if name.encode() not in text:
        return ()
    source = parse(text, path)
    found: list[Form] = []
    for each in statements_naming(text, name):
        if each.kind in ("function", "prototype"):
            stated = signature(parameters_text(source, each))
            if stated is None:
                return None
            line = source.line_at(each.name_start)
            around = bool(source.conditions_at(line))
            found.append(Form(path, line, stated, around, each.static, each.kind == "function"))
        elif each.kind in ("variable", "typedef"):
            return None
    for macro in source.macros():
        if macro.name == name:
            if macro.parameters is None and alias_of_one and macro.body.isidentifier():
                continue
            if macro.parameters is None:
                return None
            variadic = bool(macro.parameters) and macro.parameters[-1].endswith("...")
            fixed = macro.parameters[:-1] if variadic else macro.parameters
            takes = Signature(tuple("?" for _ in fixed), variadic)
            found.append(Form(path, macro.line, takes, bool(source.conditions_at(macro.line))))
    return tuple(found)


def forms(view: View, path: str, text: bytes, name: str, beside: Sequence[str]) -> tuple[Form, ...]:
    """The declarations that a file may mean: its own, else those of headers beside it and of the common ones.

    None at all where one of them is not plain, or too many headers hold the name.
    """
    known = _known(view)
    key = path, text, name
    if key not in known:
        known[key] = _forms(view, path, text, name, beside)
    return known[key]


def _forms(view: View, path: str, text: bytes, name: str, beside: Sequence[str]) -> tuple[Form, ...]:
    own = forms_in(text, path, name)
    if own is None or own:
        return own or ()
    near = headers_near(view, name, beside)
    if len(near) > _MOST_READ:
        return ()
    wanted = those_declaring(view, name, near)
    if len(wanted) > _MOST_HEADERS:
        return ()
    found = tuple(_all(view, wanted, name))
    return () if None in found else tuple(each for each in found if each is not None)


def is_taken(view: View, path: str, text: bytes, name: str, fits: Callable[[Form], bool]) -> bool:
    """Whether one of the declarations that forms() gives fits, or it gives none: true where one is found at once, and
    false where all must be asked for.
    """
    own = forms_in(text, path, name)
    if own is None or own:
        return own is None or any(map(fits, own))
    seen = seen_headers(view, name)
    return len(seen) <= _MOST_READ and any(
        fits(each)
        for header in seen
        for declaring in those_declaring(view, name, [header])
        for each in forms_in(text_of_header(view, declaring), declaring, name, True) or ()
    )


def _all(view: View, headers: Sequence[str], name: str) -> Iterator[Form | None]:
    for path in headers:
        found = forms_in(text_of_header(view, path), path, name, True)
        if found is None:
            yield None
        else:
            yield from found
