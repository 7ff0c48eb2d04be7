"""Loops of which a model has one round: what more of them make of a value. Each verdict was reasoned first."""

import pytest

from tests.model.test_attacks import Attack, check
from tests.model.test_values import decided

TWICE = "int i; for (i = 0; i < 2; i++)"
OTHER = {
    "turned": decided("unsure", f"int w = 0; {TWICE} w ^= 1; if (w)"),
    "turned back": decided("unsure", f"int w = 1; {TWICE} w ^= 1; if (!w)"),
    "counted": decided("unsure", "int i = 0; while (i < 3) i++; if (i == 1)"),
    "counted to the end": decided("unsure", "int i = 0; do i++; while (i < 3); if (i == 1)"),
    "added": decided("unsure", f"int n = 0; {TWICE} n += 1; if (n == 1)"),
    "counted, and left": decided("unsure", "int i = 0; for (;;) { i++; if (mm->users) break; } if (i == 1)"),
    "a member is turned": decided(
        "unsure", f"{TWICE[:6]} mm->flag = 0; {TWICE[7:]} mm->flag = !mm->flag; if (mm->flag)"
    ),
    "a part is turned": decided("unsure", f"struct {{ int f; }} o; o.f = 0; {TWICE} o.f = !o.f; if (o.f)"),
    "an element is turned": decided("unsure", f"int a[2]; a[0] = 0; {TWICE} a[0] = !a[0]; if (a[0])"),
    "turned through a pointer": decided("unsure", f"int f = 0, *p = &f; {TWICE} *p = !*p; if (f)"),
    "turned by a helper": decided(
        "unsure", f"int f = 0; {TWICE} turn(&f); if (f)", "static void turn(int *p) { *p = !*p; }"
    ),
    "turned by a macro": decided(
        "unsure", f"int f = 0; {TWICE} TURN(f); if (f)", "#define TURN(f) ((f) = !(f))"
    ),
    "one of the kernel's is turned": decided("unsure", f"f = 0; {TWICE} f = !f; if (f)", "static int f;"),
    "a member of the round before": decided(
        "unsure", f"int w = 1; mm->seen = 0; {TWICE} {{ if (mm->seen) w = 0; mm->seen = 1; }} if (w)"
    ),
    "turned on each CPU": decided("unsure", "int cpu, w = 0; for_each_online_cpu(cpu) w = !w; if (w)"),
    "turned back on each CPU": decided("unsure", "int cpu, w = 0; for_each_online_cpu(cpu) w = !w; if (!w)"),
    "counted on each CPU": decided("unsure", "int cpu, w = 0; for_each_online_cpu(cpu) w++; if (w == 2)"),
}
SAME = {
    "set": decided("safe", f"int w = 0; {TWICE} w = 1; if (w)"),
    "set once more": decided("safe", f"int w = 1; {TWICE} w = 1; if (w)"),
    "counted at least once": decided("safe", "int n = 0; do n++; while (n < 3); if (n)"),
    "counted at least once on each CPU": decided(
        "safe", "int cpu, w = 0; for_each_online_cpu(cpu) w++; if (w)"
    ),
    "set by a helper": decided(
        "safe", f"int f = 0; {TWICE} set(&f); if (f)", "static void set(int *p) { *p = 1; }"
    ),
    "something else is turned": decided("safe", f"int w = 1, v = 0; {TWICE} v ^= 1; if (w)"),
    "a member is set": decided("safe", f"int i; mm->flag = 1; {TWICE[7:]} mm->flag = 1; if (mm->flag)"),
    "once only": decided("safe", "int w = 0; do { w = !w; } while (0); if (w)"),
    "looked for": Attack("safe", "int i = 0; while (i < 3) i++; if (i) mm->users = 1; synchronize_rcu();"),
}


@pytest.mark.parametrize("name", OTHER)
def test_what_later_rounds_change(name: str) -> None:
    check(OTHER[name])


@pytest.mark.parametrize("name", SAME)
def test_what_they_leave_alone(name: str) -> None:
    check(SAME[name])
