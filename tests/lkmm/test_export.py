"""Exports: in the grammar that the kernel documents for herd7, read back strictly, and with the same
executions.
"""

import os
from pathlib import Path

import pytest
from patchscan.lkmm import Limits, LitmusError, run
from patchscan.lkmm.dialect.export import export_text, not_of_herd
from patchscan.lkmm.dialect.parser import parse

from tests.lkmm.programs import program

KERNEL = os.environ.get("PATCHSCAN_KERNEL_TREE", "")


def same(text: str, unroll: int = 4) -> str:
    plain = export_text(parse(text), unroll)
    ours = run(text, states=True, limits=Limits(unroll=unroll))
    exported = run(plain, states=True)
    assert (ours.states, ours.flags) == (exported.states, exported.flags)
    for thread in parse(plain).threads:
        assert not_of_herd(thread.body) == ""
    return plain


@pytest.mark.parametrize("seed", range(2000, 2040))
def test_random_programs_export(seed: int) -> None:
    same(program(seed))


@pytest.mark.skipif(not KERNEL, reason="PATCHSCAN_KERNEL_TREE")
def test_the_kernel_tests_export() -> None:
    files = sorted(Path(KERNEL, "tools/memory-model/litmus-tests").glob("*.litmus"))
    assert len(files) >= 35
    for file in files:
        same(file.read_text())


def body(statements: str, parameters: str = "int *x, int *y, int **p", initial: str = "{}") -> str:
    return (
        f"C t\n{initial}\nP0({parameters})\n{{\n\tint r0;\n\tint r1 = 0;\n\t{statements}\n}}\n"
        "P1(int *x, int *y) { WRITE_ONCE(*x, 1); WRITE_ONCE(*y, 2); }\nlocations [0:r0; 0:r1; x]\nexists (0:r1=1)\n"
    )


def test_logical_operators_are_written_otherwise() -> None:
    plain = same(body("r0 = READ_ONCE(*x); r2 = READ_ONCE(*y); if (r0 && !r2 || r2 == 2) r1 = 1;"))
    assert "&&" not in plain
    assert "!r2" not in plain


def test_a_pointer_is_not_compared_with_zero() -> None:
    plain = same(body("r0 = READ_ONCE(*p); if (r0 == 0) r1 = 1;", initial="{ p=x; }"))
    assert "== 0" not in plain
    plain = same(body("r0 = READ_ONCE(*p); r2 = READ_ONCE(*x); if (r0 && r2) r1 = 1;", initial="{ p=x; }"))
    assert "r0 != 0" not in plain


def test_no_block_is_empty() -> None:
    plain = same(body("r0 = READ_ONCE(*x); if (!r0) { r1 = 1; } if (r0) { }"))
    assert "{\n\t}" not in plain
    assert "{\n}" not in export_text(parse("C t\n{}\nP0(int *x)\n{\n}\nexists (x=0)\n"))


def test_loops_are_written_out_and_the_bound_is_kept() -> None:
    plain = same(body("for (r0 = 0; r0 < 3; r0++) WRITE_ONCE(*y, r0);"))
    assert plain.count("WRITE_ONCE(*y, r0)") == 3
    plain = same(body("do { r0 = READ_ONCE(*x); } while (r0 == 0); r1 = 1;"), unroll=3)
    assert "filter (0:cut_off=0)" in plain


def test_arrays_become_variables() -> None:
    thread = "P0(int *a)\n{\n\tint r0;\n\tr0 = READ_ONCE(a[1]);\n\tWRITE_ONCE(*a, r0);\n}\n"
    text = f"C t\n{{ int a[2] = {{3, 4}}; }}\n{thread}exists (a[0]=4)\n"
    plain = export_text(parse(text))
    assert "a_1" in plain
    assert "[" not in plain
    assert run(plain).outcome == run(text).outcome == "Always"


@pytest.mark.parametrize(
    ("statements", "says"),
    [
        ("r0 = READ_ONCE(*x); if (r0 && READ_ONCE(*y)) r1 = 1;", "on the right of &&"),
        ("r0 = atomic_fetch_or(1, x);", "atomic_fetch_or()"),
        ("r0 = READ_ONCE(*x); r1 = r0 % 2;", "operator %"),
    ],
)
def test_what_herd_does_not_know_is_refused(statements: str, says: str) -> None:
    run(body(statements))
    with pytest.raises(LitmusError) as caught:
        export_text(parse(body(statements)))
    assert says in str(caught.value)
