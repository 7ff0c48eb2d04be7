"""Variables that are set by somebody who has their address, or by name: calls, pointers, macros, instructions.

Each is a condition for the wait. The verdict was reasoned first: "unsure" where nobody can tell what it holds.
"""

import pytest

from tests.model.test_attacks import BROADCAST, Attack, check
from tests.model.test_values import decided

OPTION = "struct option { int wait; struct option *next; int *self; };"
MASK = "smp_call_function_many(&m, sync, NULL, 1);"
LONG = " other(a); other(a + 1); if (a) other(a - 1);" * 12

POINTERS = {
    "set": decided("safe", "int n = 0; int *p = &n; *p = 1; if (n)"),
    "one of two": decided("unsure", "int a = 1, b = 1; int *p = mm->users ? &a : &b; *p = 0; if (a)"),
    "one of two by a branch": decided(
        "unsure", "int a = 1, b = 1; int *p = &a; if (mm->users) p = &b; *p = 0; if (b)"
    ),
    "a member of one of two": decided(
        "unsure",
        "struct option o = { .wait = 1 }, p = { .wait = 1 }, *q = mm->users ? &o : &p; q->wait = 0; if (o.wait)",
        OPTION,
    ),
    "set by its name": decided(
        "unsure",
        "struct option o = { .wait = 1 }, z, *q = mm->users ? &o : &z; q->wait = 1; o.wait = 0; if (q->wait)",
        OPTION,
    ),
    "an element": decided("unsure", "int a[2]; a[0] = 1; int *p = a; *p = 0; if (a[0])"),
    "an element by number": decided("unsure", "int a[2]; a[1] = 1; int *p = a; p[1] = 0; if (a[1])"),
    "the next element": decided("unsure", "int a[2]; a[1] = 1; *(a + 1) = 0; if (a[1])"),
    "a pointer that moved": decided(
        "unsure", "int a[2]; a[1] = 1; a[0] = 1; int *p = &a[0]; p++; *p = 0; if (a[1])"
    ),
    "an element of the kernel's": decided(
        "unsure", "int *p = &numbers[0]; p++; *p = 1; if (numbers[0])", "static int numbers[2];"
    ),
    "around a member": decided(
        "unsure",
        "struct option o = { .wait = 1 }; int *p = &o.wait;"
        " container_of(p, struct option, wait)->wait = 0; if (o.wait)",
        OPTION,
    ),
    "a structure of the kernel's as a whole": decided(
        "unsure",
        "g.wait = 1; g = (struct option) { .wait = 0 }; if (g.wait)",
        f"{OPTION}\nstatic struct option g;",
    ),
    "a structure behind a pointer as a whole": decided(
        "unsure", "struct option *q = mm->first; q->wait = 1; *q = *mm->last; if (q->wait)", OPTION
    ),
    "exchanged": decided("unsure", "mm->n = 1; xchg(&mm->n, 0); if (mm->n)"),
}
CALLS = {
    "its address lies in another variable": decided(
        "unsure", "int n = 1; struct option o = { .self = &n }; fill(&o); if (n)", OPTION
    ),
    "its address lies in a member": decided("unsure", "int n = 1; mm->p = &n; change(mm); if (n)"),
    "its address lies in the kernel's": decided(
        "unsure", "int n = 1; where = &n; change(); if (n)", "static int *where;"
    ),
    "its address lies in an array": decided("unsure", "int n = 1; int *a[1] = { &n }; fill(a); if (n)"),
    "an array": decided("unsure", "int a[2]; a[0] = 1; fill(a); if (a[0])"),
    "through a pointer": decided("unsure", "int n = 1; mm->fn(&n); if (n)"),
    "one of the kernel's, by its address": decided("unsure", "g = 1; fill(&g); if (g)", "static int g;"),
    "one of the kernel's, not found": decided("unsure", "flag = 1; elsewhere(); if (flag)", "int flag;"),
    "one of the kernel's, through a pointer": decided(
        "unsure", "flag = 1; mm->fn(mm); if (flag)", "int flag;"
    ),
    "a member, by its address": decided("unsure", "mm->flag = 1; fill(&mm->flag); if (mm->flag)"),
    "a member, through a pointer": decided("unsure", "mm->flag = 1; mm->fn(mm); if (mm->flag)"),
    "a member of what was found somewhere": decided(
        "unsure", "struct option *q = mm->first; q->wait = 1; memset(q, 0, sizeof(*q)); if (q->wait)", OPTION
    ),
    "a mask": Attack("unsure", f"cpumask_setall(&m); trim(&m); {MASK}", declarations="struct cpumask m;"),
    "a mask that is only read": Attack(
        "safe",
        f"cpumask_setall(&m); look(&m); {MASK}",
        declarations="struct cpumask m;",
        helpers="static void look(const struct cpumask *m)\n{\n\tint a = 0;\n\n\tother(a);\n\tother(a);\n}",
    ),
    "a mask in a structure": Attack(
        "unsure",
        "cpumask_setall(&c.m); trim(&c); smp_call_function_many(&c.m, sync, NULL, 1);",
        declarations="struct ctl c;",
        helpers="struct ctl { struct cpumask m; };",
    ),
}
NAMES = {
    "a macro that is not found": decided("unsure", "int n = 1; get_user(n, mm); if (n)"),
    "a macro that is not looked into": decided(
        "unsure", "int n = 1; CLEAR(n, 3); if (n)", f"#define CLEAR(x, a) do {{{LONG} (x) = 0; }} while (0)"
    ),
    "a member that such a macro sets": decided(
        "unsure",
        "struct option o = { .wait = 1 }; CLEAR(o, 3); if (o.wait)",
        f"{OPTION}\n#define CLEAR(x, a) do {{{LONG} (x).wait = 0; }} while (0)",
    ),
    "one that it does not set": decided(
        "safe", "int n = 1; LOOK(n, 3); if (n)", f"#define LOOK(x, a) do {{{LONG} other(x); }} while (0)"
    ),
    "an instruction": decided("unsure", 'int n = 1; asm volatile("mov %%cr0, %0" : "=r" (n)); if (n)'),
    "no instruction": decided("unsure", 'int n = 1; asm volatile("" : "+r" (n)); if (n)'),
    "an instruction that only reads it": decided("safe", 'int n = 1; asm volatile("" : : "r" (n)); if (n)'),
    "hidden from the compiler": decided(
        "unsure", "int n = 0; HIDE(n); if (!n)", '#define HIDE(v) asm("" : "=r" (v) : "0" (v))'
    ),
}


@pytest.mark.parametrize("name", POINTERS)
def test_what_a_pointer_sets(name: str) -> None:
    check(POINTERS[name])


@pytest.mark.parametrize("name", CALLS)
def test_what_a_call_sets(name: str) -> None:
    check(CALLS[name])


@pytest.mark.parametrize("name", NAMES)
def test_what_is_set_by_its_name(name: str) -> None:
    check(NAMES[name])


def test_a_wait_is_what_all_of_this_is_about() -> None:
    check(Attack("safe", BROADCAST))
