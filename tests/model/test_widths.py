"""Numbers as wide as what they are stored in, and what a list gives: each verdict was reasoned first."""

import pytest

from tests.model.test_attacks import BROADCAST, Attack, check
from tests.model.test_values import decided

OPTION = "struct option { int wait; int more; };"
NARROW = "struct narrow { unsigned wait : 1; int sign : 1; };"

STORED = {
    "a bit of a structure": decided("unsafe", "struct narrow o; o.wait = 2; if (o.wait)", NARROW),
    "a bit of a structure, from the first": decided(
        "unsafe", "struct narrow o = { .wait = 2 }; if (o.wait)", NARROW
    ),
    "a bit with a sign": decided("unsafe", "struct narrow o; o.sign = 1; if (o.sign > 0)", NARROW),
    "a bit that holds it": decided("safe", "struct narrow o; o.wait = 3; if (o.wait)", NARROW),
    "the value of an assignment": decided("unsafe", "u8 n; if ((n = 256))"),
    "the value of one of two assignments": decided("unsafe", "int a; u8 b; a = b = 256; if (a)"),
    "the value of a step": decided("unsafe", "u8 n = 255; if (++n)"),
    "the value before a step": decided("safe", "u8 n = 255; if (n++)"),
    "a parameter": Attack(
        "unsafe", "stop(65536);", helpers=f"static void stop(u16 n) {{ if (n) {BROADCAST} }}"
    ),
    "what a function gives": decided("unsafe", "if (get())", "static u8 get(void) { return 256; }"),
    "what a function gives as a truth": decided(
        "safe", "if (get() == 1)", "static bool get(void) { return 256; }"
    ),
    "a type of the file": decided("unsure", "byte n = 256; if (n)", "typedef u8 byte;"),
    "the type of another": decided("unsure", "u8 a; typeof(a) n = 256; if (n)"),
    "one of the kernel's": decided("unsure", "b = 256; if (b)", "static u8 b;"),
}
COMPUTED = {
    "shifted by all its bits": decided("unsure", "int n = 1; if (n << 32)"),
    "shifted to the sign": decided("safe", "if ((1 << 31) < 0)"),
    "shifted without one": decided("safe", "if ((1U << 31) > 0)"),
    "a long number below nothing": decided("unsafe", "if (-1L > 0u)"),
    "a letter": decided("safe", "if ('a' == 97)"),
    "another letter": decided("unsafe", "if ('a' == 98)"),
    "a bit that was set": decided("safe", "mm->flags |= 4; if (mm->flags & 4)"),
    "a bit that was cleared": decided("unsafe", "mm->flags &= 3; if (mm->flags & 4)"),
    "one of two bits that was set": decided("unsafe", "mm->flags |= 4; if ((mm->flags & 6) == 6)"),
    "an error": decided("safe", "int err = 0; if (mm->users) err = -ENOMEM; else err = -EBUSY; if (err)"),
    "an error that is handed up": Attack(
        "safe",
        "if (stop(mm)) return -1;",
        helpers="static int stop(struct mm_struct *m) { if (m->users) return -EBUSY; "
        + BROADCAST
        + " return 0; }",
    ),
    "an error that is not looked at": Attack(
        "unsafe",
        "stop(mm);",
        helpers="static int stop(struct mm_struct *m) { if (m->users) return -EBUSY; "
        + BROADCAST
        + " return 0; }",
    ),
}
SIZES = {
    "of a type": decided("safe", "if (sizeof(long))"),
    "of an int": decided("safe", "if (sizeof(int) == 4)"),
    "of an int, wrong": decided("unsafe", "if (sizeof(int) == 8)"),
    "of what a pointer leads to": decided("safe", "if (sizeof(*mm))"),
    "compared": decided("safe", "if (sizeof(long) > sizeof(char))"),
}
LISTS = {
    "by place": decided("safe", "struct option o = { 1 }; if (o.wait)", OPTION),
    "by place, nothing": decided("unsafe", "struct option o = { 0, 1 }; if (o.wait)", OPTION),
    "by place behind a name": decided("unsafe", "struct option o = { .wait = 1, 0 }; if (o.more)", OPTION),
    "by a place that is not known": decided(
        "unsure",
        "struct option o = { 1, 0 }; if (o.wait)",
        "struct option { struct { int a, b; }; int wait; };",
    ),
    "an element by place": decided("safe", "int a[2] = { 0, 1 }; if (a[1])"),
    "another element": decided("unsafe", "int a[2] = { 0, 1 }; if (a[0])"),
    "an element by number": decided("safe", "int a[4] = { [2] = 1 }; if (a[2])"),
    "an element behind one by number": decided("unsafe", "int a[3] = { [1] = 1, 0 }; if (a[2])"),
    "one of many": decided("unsafe", "int a[4] = { [0 ... 3] = 1, [2] = 0 }; if (a[2])"),
    "others of many": decided("safe", "int a[4] = { [0 ... 3] = 1, [2] = 0 }; if (a[3])"),
    "named twice": decided("unsafe", "struct option o = { .wait = 1, .wait = 0 }; if (o.wait)", OPTION),
    "inside": decided(
        "safe",
        "struct outer o = { .in = { .wait = 1 } }; if (o.in.wait)",
        f"{OPTION} struct outer {{ struct option in; }};",
    ),
    "inside, by a longer name": decided(
        "unsafe",
        "struct outer o = { .in.wait = 1, .in.wait = 0 }; if (o.in.wait)",
        f"{OPTION} struct outer {{ struct option in; }};",
    ),
}


@pytest.mark.parametrize("name", STORED)
def test_what_is_cut_off(name: str) -> None:
    check(STORED[name])


@pytest.mark.parametrize("name", COMPUTED)
def test_what_comes_of_numbers(name: str) -> None:
    check(COMPUTED[name])


@pytest.mark.parametrize("name", SIZES)
def test_how_large_something_is(name: str) -> None:
    check(SIZES[name])


@pytest.mark.parametrize("name", LISTS)
def test_what_a_list_gives(name: str) -> None:
    check(LISTS[name])
