"""What decides whether somebody waits, and what may have changed it meanwhile; each verdict was reasoned first."""

import pytest

from tests.model.test_attacks import BROADCAST, Attack, check

CHANGES = "static int wanted;\nstatic void change(void) { int a = 0; a++; wanted = 0; a++; }"
BY_MEMBER = "static void change(struct mm_struct *m) { int a = 0; a++; m->users = 0; a++; }"

CHANGED = {
    "by a helper of several statements": Attack(
        "unsure", f"wanted = 1; change(); if (wanted) {BROADCAST}", helpers=CHANGES
    ),
    "by one that changes something else": Attack(
        "safe", f"wanted = 1; change(); if (wanted) {BROADCAST}", helpers=CHANGES.replace("wanted = 0;", "")
    ),
    "by one that only looks": Attack(
        "safe",
        f"wanted = 1; change(); if (wanted) {BROADCAST}",
        helpers=CHANGES.replace("wanted = 0;", "if (wanted == 0) a++;"),
    ),
    "before it was set": Attack("safe", f"change(); wanted = 1; if (wanted) {BROADCAST}", helpers=CHANGES),
    "far below": Attack(
        "unsure",
        f"wanted = 1; far(); if (wanted) {BROADCAST}",
        helpers=CHANGES + "\nstatic void far(void) { int b = 0; b++; change(); b++; }",
    ),
    "a member, by a helper": Attack(
        "unsure", f"mm->users = 1; change(mm); if (mm->users) {BROADCAST}", helpers=BY_MEMBER
    ),
    "a member, by what was not found": Attack(
        "unsure", f"if (mm->users) {BROADCAST} else change(mm); if (!mm->users) {BROADCAST}"
    ),
    "a member, by nobody": Attack("safe", f"if (mm->users) {BROADCAST} if (!mm->users) {BROADCAST}"),
    "a member whose object nobody got": Attack(
        "safe", f"if (mm->users) {BROADCAST} else change(vma); if (!mm->users) {BROADCAST}"
    ),
}


@pytest.mark.parametrize("name", CHANGED)
def test_what_was_changed_meanwhile(name: str) -> None:
    check(CHANGED[name])
