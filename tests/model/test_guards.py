"""guard() and scoped_guard() of a walker: a section that ends with its block. Each verdict was reasoned first."""

import pytest

from tests.model.test_attacks import Attack, check

GRACE = "synchronize_rcu();"


def begun(expected: str, begin: str, wait: str = "", **how: str) -> Attack:
    """A walker that begins with a guard, and ends no section itself."""
    return Attack(expected, wait or Attack("").wait, begin=begin, end=how.pop("end", ""), **how)  # type: ignore[arg-type]


def helped(expected: str, body: str) -> Attack:
    """A walker with IRQs off that calls a helper between its reads."""
    helper = f"static int helper(void)\n{{\n\tint a = 0;\n\n\t{body}\n\ta++;\n\treturn a;\n}}"
    return Attack(expected, middle="helper();", walker=helper)


RT = ("CONFIG_PREEMPT_RT",)
WHOLE = {
    "IRQs, restored": begun("safe", "guard(irqsave)();"),
    "IRQs": begun("safe", "guard(irq)();"),
    "RCU": begun("safe", "guard(rcu)();", GRACE),
    "preemption": begun("safe", "guard(preempt)();", GRACE),
    "RCU, but no grace period is waited for": begun("unsafe", "guard(rcu)();"),
    "a lock with IRQs off": begun("safe", "guard(spinlock_irqsave)(&walk_lock);"),
    "a lock with IRQs on, on RT": Attack(
        "unsafe", begin="guard(spinlock_irqsave)(&walk_lock);", end="", config=RT
    ),
    "a raw lock with IRQs off, on RT": Attack(
        "safe", begin="guard(raw_spinlock_irqsave)(&walk_lock);", end="", config=RT
    ),
    "two": begun("safe", "guard(rcu)(); guard(irqsave)();"),
    "a way out behind it": begun("safe", "guard(irqsave)(); if (addr) return 0;"),
    "a block of its own": begun("safe", "scoped_guard(irqsave) {", end="}"),
    "a block under a lock": begun("safe", "scoped_guard(spinlock_irq, &walk_lock) {", end="}"),
    "a block in a block": begun("safe", "scoped_guard(irqsave) { scoped_guard(rcu) {", end="} }"),
}
ENDED = {
    "its block ends": begun("unsure", "scoped_guard(irqsave) {", middle="}"),
    "the block around it ends": begun("unsure", "{ guard(irqsave)();", middle="}"),
    "it guards one statement": begun("unsure", "scoped_guard(irqsave)"),
    "it is all of an if": begun("unsure", "if (addr) guard(irqsave)();"),
    "its loop is left": begun("unsure", "do { guard(irqsave)(); break; } while (0);"),
    "it is jumped out of": begun("unsure", "{ guard(irqsave)(); goto next; } next:"),
    "nobody knows the class": begun("unsure", "guard(walking)();"),
    "IRQs are on behind a helper": helped("unsure", "guard(irq)();"),
    "IRQs are on behind a helper that returns early": helped("unsure", "guard(irq)(); if (a) return 1;"),
    "IRQs are as they were behind a helper": helped("safe", "guard(irqsave)();"),
    "IRQs are on behind a block": Attack("unsure", middle="{ guard(irq)(); }"),
    "IRQs are as they were behind a block": Attack("safe", middle="{ guard(irqsave)(); }"),
}


@pytest.mark.parametrize("name", WHOLE)
def test_a_guard_is_a_section(name: str) -> None:
    check(WHOLE[name])


@pytest.mark.parametrize("name", ENDED)
def test_where_a_guard_ends(name: str) -> None:
    check(ENDED[name])
