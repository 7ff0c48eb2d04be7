"""Calls below which a reader's section ends, by sleep or far down, and calls of the updater that may wait.

Each case was judged by reading the code: a section of RCU, or with IRQs off, ends where its CPU is given away.
"""

from typing import Any

import pytest

from tests.model.test_attacks import BROADCAST, Attack, check, judged
from tests.model.test_more_attacks import IRQS_ON, RCU_SECTION, calls

GRACE = "synchronize_rcu();"


def helper(body: str) -> str:
    """A function of several statements: none that is short is taken for its one statement."""
    return f"static void helper(void)\n{{\n\tint a = 0;\n\n\ta++;\n\t{body}\n\ta++;\n}}"


def inside(expected: str, body: str, **how: Any) -> Attack:
    """A walker that calls the helper between its reads, under RCU."""
    return Attack(expected, GRACE, middle="helper();", walker=helper(body), **RCU_SECTION, **how)


def directly(expected: str, code: str) -> Attack:
    return Attack(expected, GRACE, middle=code, **RCU_SECTION)


HELPERS = {
    "gives the CPU away": inside("unsure", "cond_resched();"),
    "schedules": inside("unsure", "schedule();"),
    "sleeps for a while": inside("unsure", "msleep(3);"),
    "may give it away": inside("unsure", "if (a > 3) cond_resched();"),
    "takes a mutex": inside("unsure", "mutex_lock(&m); mutex_unlock(&m);"),
    "allocates and may wait": inside("unsure", "kmalloc(3, GFP_KERNEL);"),
    "allocates at once": inside("safe", "kmalloc(3, GFP_ATOMIC);"),
    "does nothing": inside("safe", "a++;"),
    "schedules with IRQs off": Attack("unsure", middle="helper();", walker=helper("schedule();")),
    "waits for a mutex with IRQs off": Attack(
        "unsure", middle="helper();", walker=helper("mutex_lock(&m); mutex_unlock(&m);")
    ),
    "schedules before the section": Attack(
        "safe", begin="helper(); local_irq_save(flags);", walker=helper("schedule();")
    ),
}
DIRECT = {
    "a page's lock": directly("unsure", "lock_page(page);"),
    "a folio's lock": directly("unsure", "folio_lock(folio);"),
    "an allocation that says nothing": directly("unsure", "gfp_t gfp = GFP_KERNEL; kmalloc(3, gfp);"),
    "an allocation within a file system": directly("unsure", "kmalloc(3, GFP_NOFS);"),
    "an allocation that must not wait": directly("safe", "kmalloc(3, GFP_NOWAIT);"),
}
DEEP = {
    **{
        f"IRQs are on {n} below": Attack("unsure", middle="h0();", walker=calls(n, IRQS_ON)) for n in (25, 60)
    },
    **{
        f"it sleeps {n} below": Attack(
            "unsure", GRACE, middle="h0();", walker=calls(n, "cond_resched();"), **RCU_SECTION
        )
        for n in (3, 25, 60)
    },
    "nothing is done 60 below": Attack(
        "safe", GRACE, middle="h0();", walker=calls(60, "a++;"), **RCU_SECTION
    ),
    "a table is freed 60 below": Attack(
        "unsure",
        f"h0(mm, old); {BROADCAST}",
        helpers=calls(60, "pte_free(mm, old);")
        .replace("(void)", "(struct mm_struct *mm, pmd_t old)")
        .replace("();", "(mm, old);"),
    ),
}

# What is called between the entry that is cleared and the table that is freed, and nobody knows of: "unknown".
MAY_WAIT = {
    "through a table of operations": "mm->ops->wait_for_walkers(mm);",
    "through a variable": "wait_hook(mm);",
    "by a name that says so": "wait_for_walkers(mm);",
    "by a name that says so otherwise": "synchronize_walkers(mm);",
    "on every CPU": "schedule_on_each_cpu(sync);",
    "while all else stops": "stop_machine(sync, NULL, NULL);",
    "by one of two functions": "(mm->users ? smp_call_function : on_each_cpu)(sync, NULL, 1);",
}


@pytest.mark.parametrize("name", MAY_WAIT)
def test_what_may_wait_is_not_unsafe(name: str) -> None:
    helpers = "void (*wait_hook)(struct mm_struct *mm);" if "hook" in MAY_WAIT[name] else ""
    verdict = judged(Attack("unsure", MAY_WAIT[name], helpers=helpers))
    assert verdict.verdict == "unknown", verdict.litmus
    assert any("wait" in reason for reason in verdict.reasons), verdict.reasons


def test_what_does_not_sound_like_a_wait_is_unsafe() -> None:
    check(Attack("unsafe", "account_pages(mm);"))


@pytest.mark.parametrize("name", HELPERS)
def test_what_a_helper_does_in_a_section(name: str) -> None:
    check(HELPERS[name])


@pytest.mark.parametrize("name", DIRECT)
def test_what_sleeps_by_its_name(name: str) -> None:
    check(DIRECT[name])


@pytest.mark.parametrize("name", DEEP)
def test_what_is_far_below(name: str) -> None:
    check(DEEP[name])
