"""Values that decide whether somebody waits: as C computes and stores them. Each verdict was reasoned first."""

import pytest

from tests.model.test_attacks import BROADCAST, Attack, check

OPTION = "struct option { int wait; };"


def decided(expected: str, code: str, helpers: str = "") -> Attack:
    """Code that ends with a condition for the wait."""
    return Attack(expected, f"{code} {BROADCAST}", helpers=helpers)


NUMBERS = {
    "an unsigned difference is never below nothing": decided("unsafe", "unsigned int n = 0; if (n - 1 < 0)"),
    "an unsigned difference is above": decided("safe", "unsigned int n = 0; if (n - 1 > 0)"),
    "a signed difference is below": decided("safe", "int n = 0; if (n - 1 < 0)"),
    "a negative number beside an unsigned one": decided("unsafe", "unsigned int n = 1; if (-1 < n)"),
    "a wider signed type keeps its sign": decided("safe", "u32 n = 1; long m = -1; if (m < n)"),
    "narrow ones are computed as int": decided("safe", "u8 n = 0; if (n - 1 < 0)"),
    "a byte that wraps": decided("unsafe", "u8 n = 255; n++; if (n)"),
    "a byte that does not": decided("safe", "u8 n = 254; n++; if (n)"),
    "cut off by a cast": decided("unsafe", "if ((u8)256)"),
    "kept by a cast to bool": decided("safe", "if ((bool)256)"),
    "cut off by a cast to int": decided("unsafe", "if ((int)(1ULL << 32))"),
    "read and unsigned": Attack("unsure", f"unsigned int n = READ_ONCE(walkers); if (n - 1 < 7) {BROADCAST}"),
}
OBJECTS = {
    "all of a structure is set": decided(
        "unsafe", "struct option o = { .wait = 1 }, n = { .wait = 0 }; o = n; if (o.wait)", OPTION
    ),
    "all of a structure is made anew": decided(
        "unsafe", "struct option o = { .wait = 1 }; o = (struct option) { .wait = 0 }; if (o.wait)", OPTION
    ),
    "a member is set": decided("safe", "struct option o = { .wait = 0 }; o.wait = 1; if (o.wait)", OPTION),
    "another element": decided("unsafe", "int a[2]; a[0] = 0; a[1] = 1; if (a[0])"),
    "the same element": decided("safe", "int a[2]; a[1] = 1; a[0] = 0; if (a[1])"),
    "an element by another number": decided("unsure", "int a[2]; a[1] = 1; a[mm->users] = 0; if (a[1])"),
    "a part of another member of a union": decided(
        "unsure", "union both { int a; char b[4]; } u; u.a = 1; u.b[0] = 0; if (u.a)"
    ),
    "all of a union behind a part of it": decided(
        "unsure", "union both { int a; char b[4]; } u; u.b[0] = 1; u.a = 0; if (u.b[0])"
    ),
    "another member of a union": decided(
        "unsafe", "union both { int a; int b; } u; u.a = 1; u.b = 0; if (u.a)"
    ),
}

WALKERS = "static int walkers;"
HIDING = {
    "the outer one is as it was": decided("safe", "int n = 1; { int n = 0; n--; } if (n)"),
    "the outer one is set before": decided("unsafe", "int n = 0; { int n = 1; n++; } if (n)"),
    "set from the outer one": decided("unsafe", "int n = 0, m = 1; { int n = m; m = n - 1; } if (n + m)"),
    "in the head of a loop": decided("unsafe", "int n = 0; for (int n = 1; n < 9; n++) { } if (n)"),
    "in the third block": decided(
        "unsafe", "int n = 0; { int n = 0; { int n = 1; n++; } if (n) return 0; } if (n)"
    ),
    "a jump out of it": decided("unsafe", "int n = 0; { int n = 1; if (n) goto out; } out: if (n)"),
    "one of the kernel's": decided("unsure", "{ int walkers = 1; walkers++; } if (walkers)", WALKERS),
    "a parameter": Attack(
        "unsafe",
        "stop(0);",
        helpers=f"static void stop(int n) {{ {{ int n = 1; n++; }} if (n) {BROADCAST} }}",
    ),
    "one that is static": decided("unsafe", "int n = 0; { static int n; n = 1; } if (n)"),
    "a member of its name": decided(
        "safe",
        "int wait = 0; { struct option wait = { .wait = 1 }; if (wait.wait) wait.wait = 2; } if (!wait)",
        OPTION,
    ),
    "a macro that names it": Attack(
        "unsure", "int n = 1; { int n = 0; if (WANTED()) " + BROADCAST + " }", helpers="#define WANTED() (n)"
    ),
    "a variable of a macro": decided(
        "unsure", "int n = 1; if (WANTED(n))", "#define WANTED(m) ({ int n = 0; n += m - m; m; })"
    ),
}

SEVERAL = OPTION + "\nstatic struct option all[2]; static int numbers[2];"
TWO = "struct option *a = mm->first, *b = mm->last;"


def of_several(expected: str, code: str) -> Attack:
    """Code that sets a member of one structure, and asks for that of one of its type that may be another."""
    return decided(expected, code, SEVERAL)


def given(expected: str, code: str, call: str = "stop(mm->first, mm->last);") -> Attack:
    """The same with two parameters."""
    body = f"static void stop(struct option *a, struct option *b) {{ {code} {BROADCAST} }}"
    return Attack(expected, call, helpers=f"{SEVERAL}\n{body}")


ALIASES = {
    "the other one is set": of_several("unsure", f"{TWO} b->wait = 1; if (a->wait)"),
    "the other one is set last": of_several("unsure", f"{TWO} a->wait = 0; b->wait = 1; if (a->wait)"),
    "it is set last": of_several("safe", f"{TWO} b->wait = 0; a->wait = 1; if (a->wait)"),
    "two parameters": given("unsure", "b->wait = 1; if (a->wait)"),
    "two parameters that are one": given("safe", "b->wait = 1; if (a->wait)", "stop(mm->first, mm->first);"),
    "in a helper": Attack(
        "unsure",
        f"{TWO} set(a); if (b->wait) {BROADCAST}",
        helpers=f"{SEVERAL}\nstatic void set(struct option *a) {{ a->wait = 1; }}",
    ),
    "the next one": of_several("unsure", "struct option *a = mm->first; a->next->wait = 1; if (a->wait)"),
    "a pointer that moved on": of_several("unsure", f"{TWO} a->wait = 1; a = b; if (a->wait)"),
    "two names of one": of_several("safe", "struct option *a = mm->first, *b = a; a->wait = 1; if (b->wait)"),
    "found twice by one way": of_several(
        "safe", "struct option *a; a = mm->first; a->wait = 1; a = mm->first; if (a->wait)"
    ),
    "another member of the other": of_several("safe", f"{TWO} a->wait = 1; b->next = 0; if (a->wait)"),
    "another element": of_several("unsafe", "numbers[0] = 0; numbers[1] = 1; if (numbers[0])"),
    "the element itself": of_several("safe", "numbers[1] = 0; numbers[0] = 1; if (numbers[0])"),
    "a member of another element": of_several("unsafe", "all[0].wait = 0; all[1].wait = 1; if (all[0].wait)"),
}


ONE_WAY = {
    "a member": of_several("unsure", "if (mm->count) mm->users = 1; if (mm->users)"),
    "a member of another object": of_several(
        "unsure", "if (mm->count) mm->first->wait = 1; if (mm->first->wait)"
    ),
    "a variable": of_several("unsafe", "if (mm->count) wanted = 1; if (wanted)"),
    "on the other way": of_several("unsafe", "if (mm->count) ; else wanted = 1; if (wanted)"),
    "in a helper": Attack(
        "unsafe",
        f"maybe(mm); if (wanted) {BROADCAST}",
        helpers=f"{SEVERAL}\nstatic void maybe(struct mm_struct *mm) {{ if (mm->count) wanted = 1; }}",
    ),
    "to nothing": of_several("unsafe", "if (mm->count) wanted = 0; if (!wanted)"),
    "on both ways": of_several("safe", "if (mm->count) wanted = 1; else wanted = 2; if (wanted)"),
    "and before": of_several("safe", "wanted = 1; if (mm->count) wanted = 2; if (wanted)"),
    "a pointer": of_several("unsure", "if (mm->count) mm->last = vma; if (mm->last == vma)"),
    "an address": decided("unsure", "if (mm->count) mm->first = &all; if (mm->first)", "static int all;"),
    "a pointer of the kernel's": decided(
        "unsure", "if (mm->count) last = vma; if (last == vma)", "static void *last;"
    ),
    "a function": Attack(
        "unsure",
        "if (mm->count) mm->hook = stop; mm->hook();",
        helpers="static int stop(void) { " + BROADCAST + " return 0; }",
    ),
    "a bit": decided("unsafe", "mm->flags = 0; if (mm->count) mm->flags |= 1; if (mm->flags & 1)"),
    "a bit away": decided("unsafe", "mm->flags |= 1; if (mm->count) mm->flags &= ~1; if (mm->flags & 1)"),
    "a bit of one that was read": decided("unsafe", "if (mm->count) mm->flags |= 1; if (mm->flags & 1)"),
    "and a third number is asked for": of_several("unsure", "if (mm->count) wanted = 1; if (wanted != 2)"),
    "a part of what was given as a whole": decided(
        "unsafe", "struct option o = given(); if (mm->count) o.wait = 1; if (o.wait)", OPTION
    ),
    "because it was not set": of_several("safe", "if (!wanted) wanted = 1; if (wanted)"),
    "because it was not set, and a third number": of_several(
        "unsure", "if (!wanted) wanted = 1; if (wanted != 2)"
    ),
    "because it was set": of_several("unsafe", "if (wanted) wanted = 0; if (wanted)"),
    "because a member was not set": of_several("safe", "if (mm->n == 0) mm->n = 1; if (mm->n != 0)"),
    "and asked on that way": of_several(
        "safe", "if (mm->count) { wanted = 1; if (wanted) smp_call_function(nothing, NULL, 1); } else"
    ),
}


ELSE = f"{{ {BROADCAST} }} else if"
READ = {
    "one object": given("safe", f"if (a->wait) {ELSE} (!a->wait)"),
    "two objects": given("unsure", f"if (a->wait) {ELSE} (!b->wait)"),
    "two that are one": given("safe", f"if (a->wait) {ELSE} (!b->wait)", "stop(mm->first, mm->first);"),
    "one by its way": of_several("safe", f"if (mm->first->wait) {ELSE} (!mm->first->wait)"),
    "the next one": given("unsure", f"if (a->wait) {ELSE} (!a->next->wait)"),
    "a pointer that moved on": given("unsure", f"int was = a->wait; a = a->next; if (was) {ELSE} (!a->wait)"),
    "two elements": of_several("unsure", f"if (all[0].wait) {ELSE} (!all[1].wait)"),
    "one element": of_several("safe", f"if (all[0].wait) {ELSE} (!all[0].wait)"),
    "one that was written, and another": given("unsure", f"a->wait = mm->n; if (mm->n) {ELSE} (!b->wait)"),
    "two, where that does not matter": given("safe", "if (a->wait == b->wait) mm->n = 1;"),
}


@pytest.mark.parametrize("name", READ)
def test_whose_member_is_read(name: str) -> None:
    check(READ[name])


@pytest.mark.parametrize("name", ONE_WAY)
def test_what_one_way_alone_sets(name: str) -> None:
    check(ONE_WAY[name])


@pytest.mark.parametrize("name", ALIASES)
def test_whose_member_is_asked_for(name: str) -> None:
    check(ALIASES[name])


@pytest.mark.parametrize("name", NUMBERS)
def test_how_numbers_are_computed(name: str) -> None:
    check(NUMBERS[name])


@pytest.mark.parametrize("name", OBJECTS)
def test_what_is_stored(name: str) -> None:
    check(OBJECTS[name])


@pytest.mark.parametrize("name", HIDING)
def test_which_variable_a_name_means(name: str) -> None:
    check(HIDING[name])
