"""Functions that never return: by name, and those that a text declares so."""

from patchscan.basics.keep import kept
from patchscan.basics.pattern import pattern
from patchscan.c.source import Source

_DECLARED = pattern(rb"\b__noreturn\b[^;{}()]*?\b(\w+)\s*\(")
NEVER_RETURNS = frozenset(
    {
        "BUG",
        "BUILD_BUG",
        "panic",
        "do_exit",
        "make_task_dead",
        "unreachable",
        "kthread_exit",
        "nmi_panic",
        "machine_restart",
        "kunit_skip",
        "KUNIT_FAIL_AND_ABORT",
    }
)


# Macros of that name return from where they stand: of ACPICA, and of some drivers.
_RETURNS = pattern(r"RET|RETURN|return_[A-Z]\w*")


def ends_way(source: Source, name: str) -> bool:
    """Whether nothing runs behind a call of this name in the function that makes it."""
    return name in never_returning(source) or _RETURNS.fullmatch(name) is not None


@kept
def never_returning(source: Source) -> frozenset[str]:
    """The functions that a way ends in, in a text."""
    return NEVER_RETURNS.union(each.decode() for each in _DECLARED.findall(source.code))
