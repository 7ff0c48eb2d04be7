"""What others may do between two looks at the same memory: each verdict was reasoned first.

Where it is not known what they did, no "safe" may be said; where nobody can have done anything, it must stay.
"""

import pytest

from tests.model.test_attacks import BROADCAST, Attack, check
from tests.model.test_more_attacks import calls

LOCK = "static DEFINE_SPINLOCK(lk); static int wanted;"
BOX = f"struct box {{ int wanted; void (*stop)(void); }};\nstatic void stop(void) {{ {BROADCAST} }}"
OF_BOX = "struct box *p = find_box(mm);"
TABLE = "pmd_pgtable(old)"
ASKED = f"if (static_branch_likely(&k)) {BROADCAST}"


def again(expected: str, before: str, between: str, after: str = "mm->users", helpers: str = "") -> Attack:
    """Code that decides by what it saw before something happened."""
    wait = f"spin_lock(&lk); {before} {between} if ({after}) {BROADCAST} spin_unlock(&lk);"
    return Attack(expected, wait, helpers=LOCK + helpers)


RELOCK = "spin_unlock(&lk); spin_lock(&lk);"
DROPPED = {
    "a member": again("unsure", "mm->users = 1;", RELOCK),
    "a member, and it is told": Attack(
        "unsure",
        f"mm->users = 1; {RELOCK} if (mm->users) {BROADCAST}",
        helpers=LOCK,
        says="changed by others meanwhile: mm_struct.users",
    ),
    "a variable": again("unsure", "wanted = 1;", RELOCK, "wanted"),
    "for one round of others": again("unsure", "mm->users = 1;", "cond_resched_lock(&lk);"),
    "by a helper": again(
        "unsure",
        "mm->users = 1;",
        "relock();",
        helpers="\nstatic void relock(void) { spin_unlock(&lk); cpu_relax(); spin_lock(&lk); }",
    ),
    "by somebody who is given the lock": again("unsure", "mm->users = 1;", "let_go(&lk);"),
    "looked at before the lock is taken": Attack(
        "unsure",
        f"if (!mm->users) {BROADCAST} spin_lock(&lk); if (mm->users) {BROADCAST} spin_unlock(&lk);",
        helpers=LOCK,
    ),
    "in a mutex": Attack(
        "unsure",
        f"mutex_lock(&m); mm->users = 1; mutex_unlock(&m); mutex_lock(&m); if (mm->users) {BROADCAST}",
    ),
    "set once more": again("safe", "mm->users = 0;", RELOCK + " mm->users = 1;"),
    "kept": again("safe", "mm->users = 1;", "cpu_relax();"),
    "a copy of one's own": Attack(
        "safe",
        f"n = 1; {RELOCK} if (n) {BROADCAST}",
        helpers=LOCK,
        declarations="int n;",
    ),
    "a pointer that nobody sets": Attack(
        "safe",
        f"if (!p->next) {BROADCAST} {RELOCK} if (p->next) {BROADCAST}",
        helpers=f"{LOCK} struct one {{ struct one *next; }};\n"
        "int other(struct one *p) { return p->next != p && p->next == p; }",
        declarations="struct one *p = find_one(mm);",
    ),
    "a pointer that somebody sets": Attack(
        "unsure",
        f"if (!p->next) {BROADCAST} {RELOCK} if (p->next) {BROADCAST}",
        helpers=f"{LOCK} struct one {{ struct one *next; }};\nvoid other(struct one *p) {{ p->next = p; }}",
        declarations="struct one *p = find_one(mm);",
    ),
    "a structure of one's own": Attack(
        "safe",
        f"p->wanted = 1; {RELOCK} if (p->wanted) {BROADCAST}",
        helpers=f"{LOCK} {BOX}\nint other(void) {{\n\tstruct box b;\n\n\treturn fill(&b);\n}}",
        declarations=OF_BOX,
    ),
}
POINTERS = {
    "in a member": Attack(
        "unsure", "p->stop = stop; prepare(p); p->stop();", helpers=BOX, declarations=OF_BOX
    ),
    "in a member, somebody else is called": Attack(
        "unsure", "p->stop = stop; prepare(mm); p->stop();", helpers=BOX, declarations=OF_BOX
    ),
    "in an object": Attack(
        "unsure", "b.stop = stop; prepare(); b.stop();", helpers=f"{BOX}\nstatic struct box b;"
    ),
    "by a pointer": Attack(
        "unsure", "p->stop = stop; mm->ops->prepare(); p->stop();", helpers=BOX, declarations=OF_BOX
    ),
    "nobody is called": Attack("safe", "p->stop = stop; p->stop();", helpers=BOX, declarations=OF_BOX),
    "one's own": Attack("safe", "f = stop; prepare(mm); f();", helpers=BOX, declarations="void (*f)(void);"),
}
LIES = {
    "in a member": Attack("unsure", f"mm->table = {TABLE}; release_all(); {BROADCAST}"),
    "in an object": Attack(
        "unsure", f"b.wanted = {TABLE}; release_all(); {BROADCAST}", helpers=f"{BOX}\nstatic struct box b;"
    ),
    "on this CPU": Attack("unsure", f"this_cpu_write(batch.table, {TABLE}); release_all(); {BROADCAST}"),
    "behind an address that lies about": Attack(
        "unsure", f"t = {TABLE}; mm->spare = &t; release_all(); {BROADCAST}", declarations="void *t;"
    ),
    "and a pointer is called": Attack("unsure", f"mm->table = {TABLE}; mm->ops->go(); {BROADCAST}"),
    "in one's own": Attack("safe", f"t = {TABLE}; release_all(); {BROADCAST}", declarations="void *t;"),
    "and nothing is given away": Attack("safe", f"mm->table = {TABLE}; count_all(); {BROADCAST}"),
}
OFF, OTHER = "static_branch_disable(&k);", "static_branch_disable(&other);"
TURNED = {
    f"{how}, {depth} calls below": Attack(
        "unsure", f"{code} {ASKED}{' } else ' + BROADCAST if '{' in code else ''}", helpers=calls(depth, OFF)
    )
    for depth in (8, 30)
    for how, code in {
        "on before": "static_branch_enable(&k); h0();",
        "asked before": "if (static_branch_likely(&k)) { h0();",
    }.items()
} | {
    "by its other interface": Attack(
        "unsure", f"static_branch_enable(&k); h0(); {ASKED}", helpers=calls(8, "static_key_slow_dec(&k.key);")
    ),
    "another one": Attack("safe", f"static_branch_enable(&k); h0(); {ASKED}", helpers=calls(8, OTHER)),
    "none": Attack("safe", f"static_branch_enable(&k); h0(); {ASKED}", helpers=calls(8, "a++;")),
    "before it is turned on": Attack(
        "safe", f"h0(); static_branch_enable(&k); {ASKED}", helpers=calls(8, OFF)
    ),
}


@pytest.mark.parametrize("name", DROPPED)
def test_what_others_change_while_the_lock_is_given_up(name: str) -> None:
    check(DROPPED[name])


@pytest.mark.parametrize("name", POINTERS)
def test_functions_that_others_put_in_place(name: str) -> None:
    check(POINTERS[name])


@pytest.mark.parametrize("name", LIES)
def test_objects_that_anybody_finds(name: str) -> None:
    check(LIES[name])


@pytest.mark.parametrize("name", TURNED)
def test_keys_that_are_turned_far_below(name: str) -> None:
    check(TURNED[name])
