"""What a function returns when it fails: NULL, an ERR_PTR, zero or a negative number."""

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Literal

from patchscan.basics.record import frozen
from patchscan.c.source import Function, Source, source_of
from patchscan.flow.returns import Returns as Returns
from patchscan.flow.returns import returns_of
from patchscan.flow.signs import ANY, NEGATIVE, NOT_NEGATIVE, NOT_POSITIVE, NOT_ZERO, ZERO
from patchscan.flow.wellknown import listed as listed
from patchscan.flow.wellknown import signs_of

if TYPE_CHECKING:
    from patchscan.flow.callees import Callees

# Return values are followed through so many functions.
_DEEPEST = 3
Definitions = Callable[[str, Function], Sequence[Function]]
Own = Callable[[Function], Returns]


@frozen
class Convention:
    """signs: what may be returned; path, line: where the value that tells a failure is returned, "" in the table."""

    signs: int
    path: str = ""
    line: int = 0

    @property
    def fails(self) -> Literal["error", "null", ""]:
        """How a pointer tells the failure: an ERR_PTR and never NULL, or NULL and never an ERR_PTR; "" for neither."""
        return "error" if self.signs == NOT_ZERO else "null" if self.signs == NOT_NEGATIVE else ""


UNKNOWN = Convention(ANY)


def convention(
    name: str, asking: Function, definitions: Definitions, own: Own = returns_of, depth: int = 0
) -> Convention:
    """What a call of this name may return, by the table or by its definitions in C files, else in headers.

    own: what a function returns by its own text.
    """
    if listed(name):
        return Convention(signs_of(name))
    if "_optional" in name or depth > _DEEPEST:
        return UNKNOWN
    found = definitions(name, asking)
    found = [each for each in found if each.source.path.endswith(".c")] or list(found)
    if not 0 < len(found) <= 2:
        return UNKNOWN
    all_of = [_returned(each, definitions, own, depth) for each in found]
    signs = 0
    for each in all_of:
        signs |= each.signs
    telling = next((each for each in all_of if each.line), all_of[0])
    return Convention(signs, telling.path, telling.line)


def fails_as(name: str, asking: Function, callees: "Callees | None") -> Literal["error", "null", ""]:
    """How a call of this name tells its failure, by the table, the text of the caller or the tree."""

    def definitions(called: str, at: Function) -> Sequence[Function]:
        source = source_of(at)
        own = [each for each in source.functions() if each.name == called]
        return own or (callees.definitions(called, source).functions if callees is not None else ())

    if callees is None:
        return convention(name, asking, definitions).fails
    if not listed(name) and _may_fail_both_ways(name, source_of(asking), callees):
        return ""
    return convention(name, asking, definitions, callees.returned).fails


def _may_fail_both_ways(name: str, asking: Source, callees: "Callees") -> bool:
    """Whether a function of another file may return NULL and an ERR_PTR by what is found of it at once."""
    if any(each.name == name for each in asking.functions()):
        return False
    # With all its definitions it may return more, but nothing less.
    return callees.seen_signs(name, asking) & NOT_POSITIVE == NOT_POSITIVE


def _returned(function: Function, definitions: Definitions, own: Own, depth: int) -> Convention:
    told = own(function)
    signs, fails = told.signs, told.negative
    for name in told.through:
        if signs == ANY:
            break
        known = convention(name, function, definitions, own, depth + 1)
        signs, fails = signs | known.signs, fails or known.signs == NOT_ZERO
    if not told.known or (signs & ZERO == 0 and signs & NEGATIVE and not fails):
        # It is not NULL, but nothing says that it may be an ERR_PTR.
        return UNKNOWN
    return Convention(signs, function.source.path, told.line)
