"""The kernel primitives of the litmus dialect, and which events each of them stands for.

The same knowledge as tools/memory-model/linux-kernel.def, written as a table. An `order` is the annotation
that the memory model (lkmm.py) knows: "once", "acquire", "release", "mb", "noreturn"...
"""

from __future__ import annotations

from patchscan.basics.record import frozen


@frozen
class Primitive:
    """What a call does.

    action: "load", "store", "fence", "wait" (a grace period of the named srcu_struct), "exchange",
        "compare-exchange", "arithmetic" (read, compute, write back), "add-unless", "lock", "unlock",
        "trylock", "is-locked".
    order: the annotation of the accesses; "mb" on a read-modify-write is a full barrier on both sides.
    place: the first argument is a place, `*x`; otherwise it is an address, `x`. arguments: how many the
    call takes. operator, amount: for "arithmetic": `old operator amount`; amount None is the first
    argument. result: for "arithmetic": "" (nothing is returned), "old", "new", "zero" (new == 0) or
    "negative" (new < 0). then: a fence after it, "" for none.
    """

    action: str
    order: str = ""
    arguments: int = 0
    place: bool = False
    operator: str = ""
    amount: int | None = None
    result: str = ""
    then: str = ""


_FENCES = {
    "smp_mb": "mb",
    "smp_rmb": "rmb",
    "smp_wmb": "wmb",
    "smp_mb__before_atomic": "before-atomic",
    "smp_mb__after_atomic": "after-atomic",
    "smp_mb__after_spinlock": "after-spinlock",
    "smp_mb__after_unlock_lock": "after-unlock-lock",
    "smp_mb__after_srcu_read_unlock": "after-srcu-read-unlock",
    "barrier": "barrier",
    "rcu_read_lock": "rcu-lock",
    "rcu_read_unlock": "rcu-unlock",
    "synchronize_rcu": "sync-rcu",
    "synchronize_rcu_expedited": "sync-rcu",
}

_ACCESSES = {
    "READ_ONCE": Primitive("load", "once", 1, place=True),
    "ACCESS_ONCE": Primitive("load", "once", 1, place=True),
    "rcu_dereference": Primitive("load", "once", 1, place=True),
    "smp_load_acquire": Primitive("load", "acquire", 1),
    "WRITE_ONCE": Primitive("store", "once", 2, place=True),
    "rcu_assign_pointer": Primitive("store", "release", 2, place=True),
    "smp_store_release": Primitive("store", "release", 2),
    "smp_store_mb": Primitive("store", "once", 2, place=True, then="mb"),
    "srcu_read_lock": Primitive("load", "srcu-lock", 1),
    "srcu_down_read": Primitive("load", "srcu-lock", 1),
    "srcu_read_unlock": Primitive("store", "srcu-unlock", 2),
    "srcu_up_read": Primitive("store", "srcu-unlock", 2),
    "synchronize_srcu": Primitive("wait", "sync-srcu", 1),
    "synchronize_srcu_expedited": Primitive("wait", "sync-srcu", 1),
}

_LOCKS = {"_lock": "lock", "_unlock": "unlock", "_trylock": "trylock", "_is_locked": "is-locked"}

_ORDERS = {"": "mb", "_relaxed": "once", "_acquire": "acquire", "_release": "release"}

_OPERATORS = {"add": "+", "sub": "-", "and": "&", "or": "|", "xor": "^", "andnot": "&~"}


def _atomics(prefix: str) -> dict[str, Primitive]:
    """The operations on atomic_t (prefix "atomic"), atomic64_t and atomic_long_t."""
    table = {
        f"{prefix}_read": Primitive("load", "once", 1),
        f"{prefix}_read_acquire": Primitive("load", "acquire", 1),
        f"{prefix}_set": Primitive("store", "once", 2),
        f"{prefix}_set_release": Primitive("store", "release", 2),
        f"{prefix}_add_unless": Primitive("add-unless", "mb", 3),
        f"{prefix}_sub_and_test": Primitive("arithmetic", "mb", 2, operator="-", result="zero"),
        f"{prefix}_dec_and_test": Primitive("arithmetic", "mb", 1, operator="-", amount=1, result="zero"),
        f"{prefix}_inc_and_test": Primitive("arithmetic", "mb", 1, operator="+", amount=1, result="zero"),
    }
    for suffix, order in _ORDERS.items():
        table[f"{prefix}_add_negative{suffix}"] = Primitive(
            "arithmetic", order, 2, operator="+", result="negative"
        )
    steps = [(name, sign, None) for name, sign in _OPERATORS.items()]
    for name, sign, amount in [*steps, ("inc", "+", 1), ("dec", "-", 1)]:
        count = 2 if amount is None else 1
        table[f"{prefix}_{name}"] = Primitive("arithmetic", "noreturn", count, operator=sign, amount=amount)
        for suffix, order in _ORDERS.items():
            forms = [(f"{prefix}_fetch_{name}{suffix}", "old")]
            if name in ("add", "sub", "inc", "dec"):
                forms.append((f"{prefix}_{name}_return{suffix}", "new"))
            for full, result in forms:
                table[full] = Primitive(
                    "arithmetic", order, count, operator=sign, amount=amount, result=result
                )
    return table


def _table() -> dict[str, Primitive]:
    table = dict(_ACCESSES)
    for name, order in _FENCES.items():
        table[name] = Primitive("fence", order)
    for prefix in ("spin", "raw_spin"):
        for suffix, action in _LOCKS.items():
            table[prefix + suffix] = Primitive(action, "", 1)
    for prefix in ("atomic", "atomic64", "atomic_long"):
        table |= _atomics(prefix)
    for prefix in ("", "atomic_", "atomic64_", "atomic_long_"):
        for suffix, order in _ORDERS.items():
            table[f"{prefix}xchg{suffix}"] = Primitive("exchange", order, 2)
            table[f"{prefix}cmpxchg{suffix}"] = Primitive("compare-exchange", order, 3)
    return table


PRIMITIVES = _table()
