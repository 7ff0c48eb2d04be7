"""Which functions were not followed on all ways, for a bound was met: noted on the function, and told in the report."""

from patchscan.c.source import Function

_PLACE = "not followed on all ways"


def leave(function: Function) -> None:
    """Note that a walk of a function ended before its end, or that it is too large or too deep for one."""
    function.__dict__[_PLACE] = True


def is_left(function: Function) -> bool:
    """Whether that is so."""
    return _PLACE in function.__dict__
