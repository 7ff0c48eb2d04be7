"""What a barrier orders by its name alone, and which two of them cannot pair whatever the accesses are."""

from patchscan.basics.pattern import pattern

_CLASSES = (
    (pattern(r"_acquire$|^smp_load_acquire$|^rcu_dereference"), "acquire"),
    (pattern(r"_release$|^smp_store_release$|^rcu_assign_pointer$"), "release"),
    (pattern(r"(?:^|_)rmb$"), "read"),
    (pattern(r"(?:^|_)wmb$"), "write"),
)
ORDERS = {
    "acquire": "orders only what comes after a load",
    "release": "orders only what comes before a store",
    "read": "orders loads only",
    "write": "orders stores only",
}
_CANNOT = {
    frozenset({"read"}),
    frozenset({"write"}),
    frozenset({"acquire"}),
    frozenset({"release"}),
    frozenset({"read", "acquire"}),
    frozenset({"write", "release"}),
}


def class_of(name: str) -> str:
    """What a barrier orders: "acquire", "release", "read", "write", or "full" for all else."""
    return next((kind for pattern, kind in _CLASSES if pattern.search(name)), "full")


def cannot_pair(one: str, other: str) -> bool:
    """Whether two barriers order nothing against each other, whatever the accesses are."""
    return frozenset({class_of(one), class_of(other)}) in _CANNOT
