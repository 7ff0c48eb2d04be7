"""The words that are asked for before anything is loaded stand in each barrier."""

import pytest
from patchscan.pairing.barriers import BARRIER
from patchscan.pairing.said import HINTS


@pytest.mark.parametrize(
    "name",
    [
        *(
            "smp_mb",
            "smp_mb__after_atomic",
            "smp_rmb",
            "smp_wmb",
            "mb",
            "rmb",
            "wmb",
            "virt_mb",
            "virt_wmb",
            "dma_rmb",
        ),
        *(
            "smp_store_release",
            "smp_load_acquire",
            "smp_store_mb",
            "smp_cond_load_acquire",
            "atomic_cond_read_acquire",
        ),
        *("smp_acquire__after_ctrl_dep", "set_current_state", "rcu_assign_pointer", "rcu_dereference_check"),
        *(
            "cmpxchg",
            "try_cmpxchg64",
            "atomic_try_cmpxchg",
            "xchg_relaxed",
            "atomic_long_xchg",
            "atomic_read_acquire",
        ),
        *("atomic_dec_and_test", "atomic64_fetch_add", "test_and_set_bit", "clear_bit_unlock", "READ_ONCE"),
        *("WRITE_ONCE", "wq_has_sleeper", "waitqueue_active", "wake_up_all", "refcount_dec_and_test"),
    ],
)
@pytest.mark.parametrize("blank", ["", " ", "\t"])
def test_a_barrier_holds_a_hint(name: str, blank: str) -> None:
    line = f"\t{name}{blank}(&part->state);"
    assert BARRIER.search(line)
    assert any(hint in line for hint in HINTS)
