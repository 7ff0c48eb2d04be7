"""Whether a header that is included before a macro defines it, too."""

import re

from patchscan.basics.formula import Formula, negation
from patchscan.basics.keep import kept
from patchscan.c.conditions import Macro
from patchscan.c.defining import defines
from patchscan.c.source import Source, parse
from patchscan.finding import Evidence
from patchscan.lookup.closure import Closure
from patchscan.lookup.edges import condition
from patchscan.lookup.headers import text_of_header
from patchscan.lookup.uses import knows_shared, shared_headers_among, shared_headers_holding
from patchscan.tree.overlay import View


def defined_before(view: View, source: Source, macro: Macro) -> Evidence | None:
    """Where a header that is included above a macro defines it as something else."""
    headers = shared_headers_holding(view, macro.name) if knows_shared(view) else None
    if headers is None:
        headers = shared_headers_among(view, macro.name, _reached(source, view))
    headers = [path for path in headers if path.startswith("include/")]
    if not headers:
        return None
    lines = source.text.split(b"\n")[: macro.line - 1]
    for path in Closure(view, source.path, b"\n".join(lines) + b"\n", "x86").nearest(headers):
        text = text_of_header(view, path)
        other = parse(text if defines(text, macro.name) else b"", path)
        for each in other.macros():
            if each.name == macro.name and _differs(each, macro) and _is_there(other, each):
                if _undone(other.text, macro.name):
                    continue
                return Evidence(path, each.line, other.line_text(each.line).strip())
    return None


@kept
def _reached(source: Source, view: View) -> frozenset[str]:
    """What a whole text reaches where every condition holds: no less than any part of it reaches for certain."""
    return Closure(view, source.path, source.text, "x86").every()


def _undone(text: bytes, name: str) -> bool:
    """Whether a header takes back what it defined: the last word on a macro is an #undef."""
    word = re.escape(name.encode())
    said = re.findall(rb"(?m)^[ \t]*#[ \t]*(define|undef)[ \t]+" + word + rb"\b", text)
    return said[-1:] == [b"undef"]


def _differs(one: Macro, other: Macro) -> bool:
    """Whether two definitions are not the same but for white space."""
    return (one.parameters, one.body.split()) != (other.parameters, other.body.split())


def _is_there(source: Source, macro: Macro) -> bool:
    """Whether a header defines a macro in every configuration, if only where nobody has before."""
    around = condition(source.conditions_at(macro.line))
    if around is None:
        return True
    name = Formula("atom", f"?defined ( {macro.name} )")
    return around in (negation(name), Formula("and", parts=(negation(name),)))
