"""What the solver is told of counters, sections of locks and threads that are alike, where that nearly holds: its
answer against that of the plain search, which is told nothing.
"""

from itertools import combinations

import pytest
from patchscan.lkmm import run
from patchscan.lkmm.checking.exhaustive import search
from patchscan.lkmm.dialect.litmus_syntax import observed_in
from patchscan.lkmm.dialect.parser import parse
from patchscan.lkmm.memory.states import observed_order, state_text
from patchscan.lkmm.solving import counters, sums
from patchscan.lkmm.solving.encoding import Encoding
from patchscan.lkmm.solving.unfold import unfold

from tests.lkmm import families

ADD = "int r0; spin_lock(l); r0 = *x; *x = r0 + 1; spin_unlock(l);"
TRY = "int r0; int r1; r0 = spin_trylock(l); if (r0) { r1 = *x; *x = r1 + 1; spin_unlock(l); }"
# Threads and condition.
PROGRAMS = {
    "a write outside": ([ADD, ADD, "WRITE_ONCE(*x, 5);"], "exists (x=2)"),
    "another lock": ([ADD, ADD.replace("(l)", "(m)")], "exists (x=1)"),
    "read before the section": (
        [ADD, "int r0; r0 = READ_ONCE(*x); spin_lock(l); *x = r0 + 1; spin_unlock(l);"],
        "exists (x=1)",
    ),
    "written behind it": (
        [ADD, "int r0; spin_lock(l); r0 = *x; spin_unlock(l); *x = r0 + 1;"],
        "exists (x=1)",
    ),
    "two sums of one read": (
        [ADD, "int r0; spin_lock(l); r0 = *x; *x = r0 + 1; *x = r0 + 4; spin_unlock(l);"],
        "exists (x=4 \\/ x=5 \\/ x=6)",
    ),
    "left early on one way": (
        [
            ADD,
            "int r0; int r1; spin_lock(l); r0 = *x; r1 = READ_ONCE(*y); if (r1) { spin_unlock(l); } *x = r0 + 2; "
            "if (r1 == 0) { spin_unlock(l); }",
            "WRITE_ONCE(*y, 1);",
        ],
        "exists (x=1 \\/ x=2)",
    ),
    "handed from lock to lock": (
        [
            "int r0; spin_lock(l); r0 = *x; spin_lock(m); spin_unlock(l); *x = r0 + 1; spin_unlock(m);",
            ADD.replace("(l)", "(m)"),
        ],
        "exists (x=1)",
    ),
    "tried by three": ([TRY, TRY, TRY], "exists (x=1)"),
    "tried, and gone on in any case": (
        ["int r0; int r1; r0 = spin_trylock(l); r1 = *x; *x = r1 + 1; if (r0) { spin_unlock(l); }"] * 2,
        "exists (x=1)",
    ),
    "released by another thread": (
        ["int r0; spin_lock(l); r0 = *x; *x = r0 + 1;", "spin_unlock(l);", ADD],
        "exists (x=1)",
    ),
    "never released": (["int r0; spin_lock(l); r0 = *x; *x = r0 + 1;", ADD], "exists (x=2)"),
    "a sum that may not be made": (["int r0; r0 = atomic_add_unless(x, 1, 2);"] * 3, "exists (x=3)"),
    "a sum beside a comparison": (
        ["int r0; r0 = atomic_cmpxchg(x, 0, 5);", "atomic_inc(x);", "atomic_inc(x);"],
        "exists (x=5 \\/ x=6 \\/ x=7)",
    ),
    "a result that another thread adds": (
        [
            "int r0; r0 = atomic_fetch_add_relaxed(1, x); WRITE_ONCE(*y, r0);",
            "int r0; r0 = READ_ONCE(*y); atomic_add(r0, x);",
        ],
        "exists (x=2)",
    ),
    "results compared": (
        ["int r0; r0 = atomic_add_return_relaxed(1, x);", "int r0; r0 = atomic_fetch_add_relaxed(1, x);"],
        "exists (0:r0=1:r0)",
    ),
    "results compared with constants": (
        [
            "int r0; r0 = atomic_inc_return(x); if (r0 > 1) { WRITE_ONCE(*y, 1); }",
            "int r0; r0 = atomic_inc_return(x); if (2 > r0) { WRITE_ONCE(*y, 2); }",
            "int r0; r0 = atomic_read(x); if (1 <= r0 + 0) { WRITE_ONCE(*y, 3); }",
        ],
        "exists (y=0 \\/ y=1 \\/ y=2)",
    ),
    "a result that is looked at for its truth": (
        ["int r0; r0 = atomic_fetch_inc(x); if (r0 && r0 != 2) { WRITE_ONCE(*y, 1); }"] * 3,
        "exists (y=0)",
    ),
    "compared, and written elsewhere": (
        ["int r0; r0 = atomic_inc_return(x); if (r0 > 1) { WRITE_ONCE(*y, r0); }", "atomic_inc(x);"],
        "exists (y=2)",
    ),
    "compared with what another holds": (
        [
            "int r0; int r1; r0 = atomic_inc_return(x); r1 = cmpxchg(y, r0, 5);",
            "WRITE_ONCE(*y, 2);",
            "atomic_inc(x);",
        ],
        "exists (y=5)",
    ),
    "only added to on some ways": (
        [
            "int r0; int r1; spin_lock(l); r0 = *x; r1 = *y; if (r0 == 1) { *x = r0 + 5; } "
            "if (r0 == 2) { r1 = r1 + 10; } spin_unlock(l);",
            "int r0; spin_lock(l); r0 = *x; *x = r0 + 1; *y = 1; spin_unlock(l);",
            ADD,
        ],
        "exists (0:r1=10)",
    ),
    "compared with the end": (
        ["int r0; r0 = atomic_inc_return(x);", "int r0; r0 = atomic_add_unless(x, 2, 0);"],
        "exists (x=0:r0)",
    ),
    "alike, but one is asked about": (
        ["int r0; r0 = READ_ONCE(*x); WRITE_ONCE(*x, r0 + 1);"] * 2,
        "filter (1:r0=0)\nexists (x=2 /\\ 0:r0=0)",
    ),
    "alike, each on a way of its own": (
        ["int r0; r0 = READ_ONCE(*x); if (r0) { *y = 1; } else { WRITE_ONCE(*x, 1); r0 = *y; }"] * 2,
        "exists (y=1)",
    ),
}


@pytest.mark.parametrize("name", PROGRAMS)
def test_what_nearly_holds_is_not_told(name: str) -> None:
    agrees(name)


@pytest.mark.parametrize("name", PROGRAMS)
def test_so_it_is_where_the_sums_are_too_many(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    for module in (counters, sums):
        monkeypatch.setattr(module, "MOST_SUMS", 1)
    agrees(name)


def agrees(name: str) -> None:
    bodies, condition = PROGRAMS[name]
    kind = "atomic_t" if "atomic_" in bodies[0] else "int"
    parameters = f"{kind} *x, int *y, spinlock_t *l, spinlock_t *m"
    threads = [f"P{index}({parameters}) {{ {body} }}" for index, body in enumerate(bodies)]
    text = "\n".join(["C nearly", "{ }", *threads, condition])
    litmus = parse(text)
    observed = sorted(observed_in(litmus.condition), key=observed_order)
    found = search(litmus, observed, 60_000)
    states = {state_text(dict(zip(observed, state, strict=True))) for state in found.states}
    for result in (run(text), run(text, states=True)):
        assert (result.outcome, "data-race" in result.flags) == (found.outcome, found.race)
    assert set(result.states or ()) == states


def test_a_lock_is_no_counter() -> None:
    """Its two values are constants: it need not be known what they go back to."""
    assert not counters.counters_of(unfold(parse(families.locked_ring(3))), asked=True)
    sum_of_three = counters.counters_of(unfold(parse(families.racy_sums(3))), asked=True)["x"]
    assert sum_of_three.loose and sum_of_three.hidden


def test_sections_have_one_order() -> None:
    """One literal says which of two sections is the first, of whatever writes to the lock it is asked."""
    encoding = Encoding(unfold(parse(families.locked_ring(6))))
    co, writes = encoding.communication.co, encoding.communication.writes_to["l"]
    sections = {thread: [write.number for write in writes if write.thread == thread] for thread in range(6)}
    literals = {
        (one, other): {abs(co[first, second]) for first in sections[one] for second in sections[other]}
        for one, other in combinations(sections, 2)
    }
    assert [len(of_two) for of_two in literals.values()] == [1] * 15
    assert len(set().union(*literals.values())) == 15
