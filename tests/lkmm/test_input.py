"""Tests that are malformed are refused with file and line; limits are kept and admitted."""

import itertools

import pytest
from patchscan.lkmm import Limits, LitmusError, run

THREAD = "P0(int *x)\n{\n\tint r0;\n\n\tr0 = READ_ONCE(*x);\n}\n"


def refused(text: str) -> str:
    with pytest.raises(LitmusError) as caught:
        run(text, "bad.litmus")
    return str(caught.value)


@pytest.mark.parametrize(
    ("text", "line", "says"),
    [
        ("not a test\n", 1, "first line must be"),
        ("C t\n{}\n" + THREAD.replace("P0", "P1") + "exists (1:r0=1)\n", 3, "threads count from P0"),
        ("C t\n{}\nP0(int *x)\n{\n\tfoo(x);\n}\nexists (x=1)\n", 5, "foo() is not a primitive"),
        ("C t\n{}\nP0(int *x)\n{\n\tWRITE_ONCE(*x);\n}\nexists (x=1)\n", 5, "takes 2 arguments, not 1"),
        ("C t\n{}\nP0(int *x)\n{\n\tWRITE_ONCE(x, 1);\n}\nexists (x=1)\n", 5, "takes a place"),
        ("C t\n{}\nP0(int *x)\n{\n\tWRITE_ONCE(*y, 1);\n}\nexists (x=1)\n", 5, "uses y"),
        ("C t\n{}\nP0(int *x)\n{\n\tgoto out;\n}\nexists (x=1)\n", 5, "'goto' is not part"),
        ("C t\n{}\nP0(int *x)\n{\n\tx->a = 1;\n}\nexists (x=1)\n", 5, "structures are not part"),
        ("C t\n{}\nP0(int *x)\n{\n\tWRITE_ONCE(*x, 1)\n}\nexists (x=1)\n", 6, "expected ';'"),
        ("C t\n{}\nP0(int *x)\n{\n\tWRITE_ONCE(*x, 1);\n", 5, "found 'end of file'"),
        ("C t\n{ x=1\nP0(int *x)\n{\n}\nexists (x=1)\n", 3, "expected ';'"),
        ("C t\n{}\n" + THREAD + "exists (0:r0 1)\n", 9, "expected '='"),
        ("C t\n{}\n" + THREAD + "exists (0:r0=1\n", 9, "expected ')'"),
        ("C t\n{}\n" + THREAD + "perhaps (0:r0=1)\n", 9, "expected locations"),
        ("C t\n{}\n/* open\n" + THREAD, 3, "comment /* has no end"),
        ("C t\n(* open\n{}\n" + THREAD, 2, "comment (* has no end"),
        ("C t\n{}\nP0(int *x)\n{\n\tr0 = @;\n}\nexists (x=1)\n", 5, "unexpected character '@'"),
        ("C t\n{}\nP0(int *x)\n{\n\tfor (;;) { WRITE_ONCE(*x, 1); }\n}\nexists (x=1)\n", 5, "no end"),
        ("C t\n{ int a[2] = {1,2,3}; }\n" + THREAD + "exists (0:r0=1)\n", 2, "3 initial values"),
    ],
)
def test_refused_with_file_and_line(text: str, line: int, says: str) -> None:
    message = refused(text)
    assert message.startswith(f"bad.litmus:{line}: "), message
    assert says in message
    assert "\n" not in message


def test_threads_that_read_and_write_nothing_leave_all_as_it_was() -> None:
    text = "C t\n{}\nP0(int *x)\n{\n\tint r0 = 1;\n}\n"
    assert [run(f"{text}exists ({each})\n", "t.litmus").outcome for each in ("x=1", "x=0", "0:r0=1")] == [
        "Never",
        "Always",
        "Always",
    ]


def test_too_deep_a_nest_is_refused() -> None:
    deep = "(" * 5000 + "1" + ")" * 5000
    assert "nested too deeply" in refused(
        f"C t\n{{}}\nP0(int *x)\n{{\n\tWRITE_ONCE(*x, {deep});\n}}\nexists (x=1)\n"
    )


SPIN = """C spin
{}
P0(int *x)
{
WRITE_ONCE(*x, 1);
}
P1(int *x)
{
int r0;
r0 = READ_ONCE(*x);
while (r0 == 0)
r0 = READ_ONCE(*x);
}
exists (1:r0=0)
"""


def test_a_loop_that_is_cut_off_is_reported_and_never_is_not_claimed() -> None:
    result = run(SPIN, "spin.litmus", limits=Limits(unroll=3))
    assert (result.outcome, result.complete) == ("Unknown", False)
    assert result.notes == ("the loop at line 11 was followed 3 times only",)


def test_a_loop_that_is_cut_off_may_still_show_sometimes() -> None:
    text = SPIN.replace("exists (1:r0=0)", "locations [1:r0]\nexists (x=1 /\\ 1:r0=1)")
    result = run(text, limits=Limits(unroll=2), states=True)
    assert result.states == ("1:r0=1; [x]=1;",)
    assert result.outcome == "Unknown", "whether it always holds depends on the rounds not followed"


@pytest.mark.parametrize("unroll", [200, 3000])
def test_a_loop_followed_very_far_is_no_crash(unroll: int) -> None:
    result = run(SPIN, limits=Limits(unroll=unroll, seconds=2))
    assert (result.outcome, result.complete) == ("Unknown", False)


def test_counted_loops_are_followed_to_their_end() -> None:
    text = """C count
{}
P0(int *x)
{
int i;
for (i = 0; i < 20; i++)
WRITE_ONCE(*x, i);
}
exists (x=19)
"""
    result = run(text)
    assert (result.outcome, result.complete) == ("Always", True)


def test_the_time_limit_is_of_cpu_time(monkeypatch: pytest.MonkeyPatch) -> None:
    """A busy machine, on which an hour goes by between two looks at the clock, changes no answer."""
    monkeypatch.setattr("time.monotonic", itertools.count(0, 3600).__next__)
    text = "C x\n\n{}\n\nP0(int *x)\n{\n\tWRITE_ONCE(*x, 1);\n}\n\nexists (x=1)\n"
    assert run(text).outcome == "Always"


def test_time_limit() -> None:
    threads = "".join(f"P{n}(int *x)\n{{\n\tint r0;\n\tr0 = atomic_inc_return(x);\n}}\n" for n in range(7))
    shown = " ".join(f"{n}:r0;" for n in range(7))
    text = f"C big\n{{}}\n{threads}locations [{shown}]\nexists (x=99)\n"
    result = run(text, states=True, limits=Limits(seconds=0.0))
    assert (result.outcome, result.complete) == ("Unknown", False)
    assert "time limit" in result.notes[0]


def test_limits_of_states_and_events() -> None:
    text = """C writers
{}
P0(int *x) { WRITE_ONCE(*x, 1); }
P1(int *x) { WRITE_ONCE(*x, 2); }
P2(int *x) { WRITE_ONCE(*x, 3); }
exists (x=1)
"""
    result = run(text, states=True, limits=Limits(states=2))
    assert result.states is not None
    assert (len(result.states), result.complete, result.outcome) == (2, False, "Sometimes")
    result = run(text, limits=Limits(events=2))
    assert (result.outcome, result.complete) == ("Unknown", False)


def test_no_execution_is_never_and_flagged() -> None:
    waits = "C t\n{}\nP0(spinlock_t *l)\n{\n\tspin_lock(l);\n\tspin_lock(l);\n}\nexists (l=1)\n"
    assert (run(waits).outcome, run(waits).flags) == ("Never", ("deadlock",))
    vacuous = "C t\n{}\n" + THREAD + "filter (0:r0=7)\nexists (0:r0=1)\n"
    assert (run(vacuous).outcome, run(vacuous).flags) == ("Never", ("vacuous",))


@pytest.mark.parametrize(
    ("body", "flag"),
    [
        ("rcu_read_lock();", "unmatched-rcu-lock"),
        ("rcu_read_unlock();", "unmatched-rcu-unlock"),
        ("r0 = srcu_read_lock(s);", "unmatched-srcu-lock"),
        ("srcu_read_unlock(s, r0);", "unmatched-srcu-unlock"),
        (
            "r0 = srcu_read_lock(s); srcu_read_unlock(s, r0); srcu_read_unlock(s, r0);",
            "multiple-srcu-matches",
        ),
        ("rcu_read_lock(); synchronize_srcu(s); rcu_read_unlock();", "invalid-sleep"),
        ("spin_unlock(l);", "unmatched-unlock"),
        ("spin_lock(l); WRITE_ONCE(*l, 0);", "mixed-lock-accesses"),
        ("*x = 1; WRITE_ONCE(*x, 2);", "mixed-accesses"),
    ],
)
def test_flags(body: str, flag: str) -> None:
    text = f"C t\n{{}}\nP0(int *x, spinlock_t *l, struct srcu_struct *s)\n{{\n\tint r0;\n\t{body}\n}}\nexists (x=1)\n"
    assert flag in run(text).flags


def test_a_flag_that_needs_a_branch_is_found() -> None:
    text = """C t
{}
P0(int *x)
{
int r0;
rcu_read_lock();
r0 = READ_ONCE(*x);
if (r0 == 2)
rcu_read_unlock();
else
rcu_read_unlock();
if (r0 == 1)
rcu_read_lock();
}
P1(int *x) { WRITE_ONCE(*x, 1); }
P2(int *x) { WRITE_ONCE(*x, 2); }
exists (0:r0=1)
"""
    assert run(text).flags == ("unmatched-rcu-lock",)


def test_arrays_pointers_and_short_circuits() -> None:
    text = """C t
{ int a[2] = {3, 4}; int *p = &a[1]; }
P0(int **p, int *a, int *x)
{
int *r0;
int r1;
int r2 = 0;
r0 = READ_ONCE(*p);
r1 = READ_ONCE(*r0);
if (r1 == 4 && !(READ_ONCE(a[0]) != 3) || READ_ONCE(*x))
r2 = 1;
}
exists (0:r0=a[1] /\\ 0:r1=4 /\\ 0:r2=1)
"""
    assert run(text).outcome == "Always"


def test_a_value_that_doubles_with_each_line_is_too_large() -> None:
    lines = "\n".join("r0 = (r0 ^ (r0 + r0));" for _ in range(60))
    text = (
        f"C doubling\n\n{{}}\n\nP0(int *x)\n{{\n\tint r0 = READ_ONCE(*x);\n{lines}\n}}\n\nexists (0:r0=1)\n"
    )
    result = run(text)
    assert result.outcome == "Unknown" and "more than 1000 operators" in "; ".join(result.notes)
