"""Where the object lies before it is waited for, keys that are turned, and macros whose arguments come apart.

Each verdict was reasoned first: who may find the object there may free it at once.
"""

import pytest

from tests.model.test_attacks import BROADCAST, Attack, check
from tests.model.test_values import decided

TABLE = "pmd_pgtable(old)"
BATCH = "struct batch { void *table; };"
STOP = f"static int stop(void) {{ {BROADCAST} return 0; }}\nstatic int nothing(void) {{ return 0; }}"


def first(expected: str, code: str, helpers: str = "", **parts: str) -> Attack:
    """Code that comes before the wait."""
    return Attack(expected, f"{code} {BROADCAST}", helpers=helpers, **parts)  # type: ignore[arg-type]


LIES = {
    "in a member": first("unsure", f"mm->table = {TABLE}; release(mm);"),
    "in a member, and work is begun": first("unsure", f"mm->table = {TABLE}; schedule_work(&mm->work);"),
    "in a member, and who is called gives nothing away": first("safe", f"mm->table = {TABLE}; count(mm);"),
    "in a variable": first("unsure", f"void *t = {TABLE}; retire(&t);"),
    "in a structure": first(
        "unsure", f"b.table = {TABLE}; retire_batch(&b);", BATCH, declarations="struct batch b;"
    ),
    "in a structure from the first": first(
        "unsure", f"struct batch b = {{ .table = {TABLE} }}; retire_batch(&b);", BATCH
    ),
    "in an array": first("unsure", f"void *t[1]; t[0] = {TABLE}; retire(t);"),
    "in another structure": first(
        "safe", f"b.table = {TABLE}; retire_batch(&c);", BATCH, declarations="struct batch b, c;"
    ),
    "written for others": first("unsure", f"WRITE_ONCE(mm->spare, {TABLE});"),
    "published": first("unsure", f"rcu_assign_pointer(mm->spare, {TABLE});"),
    "exchanged": first("unsure", f"cmpxchg(&mm->spare, NULL, {TABLE});"),
}
ASKED = "static_branch_likely(&k)"
TURNED = {
    "off in between": Attack(
        "unsafe",
        f"if ({ASKED}) {{ static_branch_disable(&k); if ({ASKED}) stop(); }} else stop();",
        helpers=STOP,
    ),
    "counted in between": Attack(
        "unsure",
        f"if ({ASKED}) {{ static_branch_dec(&k); if ({ASKED}) stop(); }} else stop();",
        helpers=STOP,
    ),
    "on before": decided("safe", "static_branch_enable(&k); if (static_branch_likely(&k))"),
    "on before, on one way": decided(
        "unsure", "if (mm->users) static_branch_enable(&k); if (static_branch_likely(&k))"
    ),
    "another one": decided("unsafe", "static_branch_enable(&other); if (static_branch_likely(&k))"),
}
APART = {
    "a product": decided("unsure", "if (SQUARE(1 + 1) == 4)", "#define SQUARE(x) x * x"),
    "a product in parentheses": decided("safe", "if (SQUARE(1 + 1) == 4)", "#define SQUARE(x) ((x) * (x))"),
    "a product of a number": decided("safe", "if (SQUARE(2) == 4)", "#define SQUARE(x) x * x"),
    "a difference": decided("unsure", "if (BELOW(1 - 1) == 0)", "#define BELOW(x) 0 - x"),
}
SLEEPS = {
    name: Attack(
        "unsure", "synchronize_rcu();", begin="rcu_read_lock();", middle=call, end="rcu_read_unlock();"
    )
    for name, call in {
        "a quiescent state": "rcu_softirq_qs();",
        "one for a moment": "rcu_momentary_eqs();",
        "pages of the user": "get_user_pages(addr, 1, 0, NULL);",
    }.items()
}


AGAIN = "if (current->mm->users) { local_irq_restore(flags); goto again; }"
JUMPS = {
    "in front of the section": Attack("safe", begin="again: local_irq_save(flags);", middle=AGAIN),
    "into the section that has ended": Attack("unsure", begin="local_irq_save(flags); again:", middle=AGAIN),
}


@pytest.mark.parametrize("name", JUMPS)
def test_where_a_jump_back_goes(name: str) -> None:
    check(JUMPS[name])


@pytest.mark.parametrize("name", LIES)
def test_where_it_lies(name: str) -> None:
    check(LIES[name])


@pytest.mark.parametrize("name", TURNED)
def test_keys_that_are_turned(name: str) -> None:
    check(TURNED[name])


@pytest.mark.parametrize("name", APART)
def test_arguments_that_come_apart(name: str) -> None:
    check(APART[name])


@pytest.mark.parametrize("name", SLEEPS)
def test_what_ends_a_section(name: str) -> None:
    check(SLEEPS[name])
