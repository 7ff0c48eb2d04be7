"""The gate: what a claim of safety needs, each thing taken away in turn."""

import pytest
from patchscan.basics.record import replace
from patchscan.lkmm import run
from patchscan.lkmm.answers.outcome import Answer
from patchscan.model.verdicts.gate import Grounds, execute, gate, outcome, unproven

PROVEN = Grounds([Answer(False)], ["Never", "Sometimes"])


def test_what_is_proven_passes() -> None:
    assert gate(PROVEN) == ()


@pytest.mark.parametrize(
    ("grounds", "reason"),
    [
        (replace(PROVEN, answers=[]), "never gets to"),
        (replace(PROVEN, answers=[Answer(False), Answer(True)]), "does the bad thing"),
        (replace(PROVEN, answers=[Answer(None, "too large")]), "not judged: too large"),
        (replace(PROVEN, answers=[Answer(False, faults=("it computes x + y",))]), "computes x + y"),
        (replace(PROVEN, weakened=["Never"]), "no wait or barrier"),
        (replace(PROVEN, complete=False), "more combinations"),
        (replace(PROVEN, doubts=["f() can free"]), "f() can free"),
    ],
)
def test_what_is_missing_is_said(grounds: Grounds, reason: str) -> None:
    assert any(reason in each for each in gate(grounds))


def test_chain_of_pointers_is_followed_to_its_end() -> None:
    """Nothing but the last link is ever written, so no write passes the addresses on."""
    links = "".join(f"int *link{n}=&link{n + 1};\n" for n in range(8))
    reads = "".join(f"\tr{n + 1} = READ_ONCE(*r{n});\n" for n in range(8))
    text = (
        f"C chain\n\n{{\n{links}}}\n\nP0(int **link0)\n{{\n\tr0 = READ_ONCE(*link0);\n{reads}}}\n\n"
        "P1(int *link8)\n{\n\tWRITE_ONCE(*link8, 2);\n}\n\nexists (0:r8=2)\n"
    )
    assert run(text).outcome == "Sometimes"


@pytest.mark.parametrize("order", ["", "_relaxed", "_acquire", "_release"])
def test_add_negative_is_read_in_every_order(order: str) -> None:
    text = f"C t\n\n{{\n}}\n\nP0(atomic_t *a)\n{{\n\tint r;\n\tr = atomic_add_negative{order}(-1, a);\n}}\n\n"
    assert run(text + "exists (0:r=1 /\\ a=-1);").outcome == "Always"


def test_never_without_an_execution_proves_nothing() -> None:
    """The sum of two addresses has no value, so the execution that comes to it is none."""
    text = (
        "C sum\n\n{\nint *p=&x;\n}\n\nP0(int **p)\n{\n\tr0 = READ_ONCE(*p);\n\tr1 = r0 + r0;\n}\n\n"
        "exists (0:r1=7)\n"
    )
    result = run(text)
    assert result.outcome == "Never"
    assert any("x + x" in reason for reason in unproven(result))
    assert outcome(execute(text)) == "Unknown"


def test_limit_of_a_verdict_is_a_count() -> None:
    """More accesses than a model may have: not judged, whatever the clock says."""
    many = "".join("\tWRITE_ONCE(*x, 1);\n" for _ in range(1100))
    answer = execute(f"C many\n\n{{\n}}\n\nP0(int *x)\n{{\n{many}}}\n\nexists (x=2)\n")
    assert answer.held is None and "1000" in answer.why


@pytest.mark.parametrize("condition", ["", "if (READ_ONCE(*x) == 0) "])
def test_sections_that_are_not_closed_prove_nothing(condition: str) -> None:
    body = f"\trcu_read_lock();\n\t{condition}rcu_read_unlock();\n\trcu_read_lock();\n"
    text = f"C t\n{{}}\nP0(int *x)\n{{\n{body}}}\nP1(int *x)\n{{\n\tWRITE_ONCE(*x, 1);\n}}\nexists (x=2)\n"
    answer = execute(text)
    assert answer.held is False
    assert any("sections do not match" in fault for fault in answer.faults)
