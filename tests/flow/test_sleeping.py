"""What may sleep, and whether a hunk says anything of the context its code runs in."""

import pytest
from patchscan.c.source import parse, parse_fragment
from patchscan.flow.sleeping import sleeps, tells_no_context


@pytest.mark.parametrize(
    "line",
    [
        "spin_lock(&part->lock);",
        "raw_spin_unlock_irqrestore(&part->lock, flags);",
        "local_irq_save(flags);",
        "preempt_disable();",
        "rcu_read_lock();",
        "guard(rcu)();",
        "scoped_guard(spinlock, &part->lock)",
        "if (in_atomic())",
        "lockdep_assert_irqs_disabled();",
        "#define part_lock(part) spin_lock(&(part)->lock)",
        "read_unlock_bh(&part->lock);",
    ],
)
def test_a_hunk_tells_of_its_context_by_one_name(line: str) -> None:
    assert not tells_no_context(parse_fragment([b"\tint ret;", line.encode(), b"\tstop(part);"], 1, b""))


def test_locks_that_sleep_and_comments_say_nothing_of_the_context() -> None:
    lines = [b"\tdown_write(&part->sem);", b"\t/* no spin_lock() here */", b"\tmutex_lock(&part->lock);"]
    assert tells_no_context(parse_fragment(lines, 1, b""))


def test_a_whole_file_may_tell_of_it_by_what_it_registers() -> None:
    assert not tells_no_context(parse(b"int part(void)\n{\n\treturn 0;\n}\n"))


@pytest.mark.parametrize(
    ("name", "known"),
    [
        ("wait_event", True),
        ("wait_event_interruptible_timeout", True),
        ("wait_event_lock_irq", None),
        ("copy_from_user", True),
        ("copy_from_user_nofault", None),
        ("synchronize_rcu_expedited", True),
        ("vmalloc_32_user", True),
        ("plist_add", False),
        ("raw_atomic_long_inc", False),
        ("cpu_to_le32s", False),
        ("dev_err_probe", False),
        ("ERR_CAST", False),
        ("test_and_set_bit_lock", False),
        ("part_read", None),
        ("down_write", True),
        ("spin_lock", False),
    ],
)
def test_a_call_is_known_by_its_name(name: str, known: bool | None) -> None:
    assert sleeps(name, ()) is known


@pytest.mark.parametrize(
    "name", ["kmalloc", "kmem_cache_alloc_node", "alloc_pages_noprof", "devm_kcalloc", "kmalloc_array_node"]
)
def test_an_allocation_sleeps_by_its_flags(name: str) -> None:
    assert sleeps(name, ("size", "GFP_KERNEL")) is True
    assert sleeps(name, ("size", "GFP_ATOMIC")) is False
    assert sleeps(name, ("size", "flags")) is None
