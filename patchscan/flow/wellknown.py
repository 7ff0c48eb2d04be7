"""What well-known functions return when they fail: the names of rules/tables/conventions.toml."""

from collections.abc import Mapping
from functools import lru_cache

from patchscan.basics.ourtables import read_table
from patchscan.flow.signs import ANY, NOT_NEGATIVE, NOT_ZERO

# The conventions, and what the functions of each may return.
CONVENTIONS = {
    "null": NOT_NEGATIVE,
    "error": NOT_ZERO,
    "zero": NOT_NEGATIVE,
    "number": ANY,
    "remainder": NOT_NEGATIVE,
    "interrupted": ANY,
}
# Names of a user's table (see patchscan.flow.usertables).
_FURTHER: dict[str, str] = {}


@lru_cache(maxsize=1)
def _table() -> Mapping[str, str]:
    table = read_table("conventions.toml")
    found: dict[str, str] = {}
    for kind in CONVENTIONS:
        names = table[kind]
        assert isinstance(names, list)
        found.update((name, kind) for name in names)
    return found | _FURTHER


def use_names(further: Mapping[str, str] | None) -> None:
    """Use further names from now on, each with how it fails (see listed); None: ours only."""
    if further is None:
        _FURTHER.clear()
    else:
        _FURTHER.update(further)
    _table.cache_clear()


def has_further_names() -> bool:
    """Whether a user's names are in use."""
    return bool(_FURTHER)


def listed(name: str) -> str:
    """How a well-known function fails: a key of CONVENTIONS; "" where it is none."""
    return _table().get(name, "")


def signs_of(name: str) -> int:
    """What a call of this name may return, as far as the table tells."""
    return CONVENTIONS.get(listed(name), ANY)
