"""Reader domains: what IPIs, flushes and grace periods wait for, how it is exported, and who waits for
whom.
"""

from pathlib import Path

import pytest
from patchscan.lkmm import LitmusError, run
from patchscan.lkmm.answers.judging import judge
from patchscan.lkmm.checking.replay import replay
from patchscan.lkmm.dialect.export import export_text
from patchscan.lkmm.dialect.parser import parse

DOMAINS = Path(__file__).parents[2] / "fixtures/litmus/domains"
FILES = sorted(DOMAINS.glob("*.litmus"))


@pytest.mark.parametrize("file", FILES, ids=lambda file: file.stem)
def test_fixture_is_as_it_says(file: Path) -> None:
    result = run(file.read_text(), file.name)
    assert result.expected
    assert judge(result)[0] == "", result


@pytest.mark.parametrize("file", FILES, ids=lambda file: file.stem)
def test_export_is_plain_and_has_the_same_executions(file: Path) -> None:
    text = file.read_text()
    plain = export_text(parse(text, file.name))
    for word in ("local_irq", "smp_call", "flush_tlb", "tlb_fill", "cpumask", "call_rcu", "{\n}"):
        assert word not in plain
    ours, exported = run(text, states=True), run(plain, states=True)
    assert (ours.outcome, ours.states) == (exported.outcome, exported.states)


@pytest.mark.parametrize("file", FILES, ids=lambda file: file.stem)
def test_witness_replays(file: Path) -> None:
    result = run(file.read_text())
    if result.witness is not None and result.litmus is not None:
        assert replay(result.litmus, result.witness) == []


def test_each_target_has_a_helper_and_they_are_asked_before_any_is_waited_for() -> None:
    plain = export_text(parse((DOMAINS / "two-targets.litmus").read_text()))
    assert plain.count("synchronize_srcu") == 2
    assert plain.index("ask1, 1)") < plain.index("smp_load_acquire(done0)")
    assert "P4(" in plain
    assert "P5(" not in plain


def test_an_ipi_to_oneself_leaves_no_trace() -> None:
    plain = export_text(parse((DOMAINS / "walk-ipi-to-self.litmus").read_text()))
    assert "synchronize_srcu" not in plain


def test_an_access_with_irqs_on_is_a_section_of_its_own() -> None:
    plain = export_text(parse((DOMAINS / "walk-ipi-irqs-on.litmus").read_text()))
    assert plain.count("srcu_read_lock(irq0)") == 2


@pytest.mark.parametrize("name", ["crossed-ipis", "ipi-under-lock", "handler-takes-lock"])
def test_deadlocks_are_named(name: str) -> None:
    result = run((DOMAINS / f"{name}.litmus").read_text())
    assert "deadlock" in result.flags
    assert any(note.startswith("deadlock: P") for note in result.notes)


def test_an_ipi_with_irqs_on_in_both_directions_is_no_deadlock() -> None:
    text = (DOMAINS / "crossed-ipis.litmus").read_text()
    for call in ("local_irq_disable();", "local_irq_enable();"):
        text = text.replace(call, "")
    assert "deadlock" not in run(text).flags


def test_a_lock_held_by_both_sides_cannot_deadlock_there() -> None:
    text = """C nested
{}
P0(int *x, spinlock_t *outer, spinlock_t *a, spinlock_t *b)
{
spin_lock(outer);
spin_lock(a);
spin_lock(b);
spin_unlock(b);
spin_unlock(a);
spin_unlock(outer);
local_irq_disable();
local_irq_enable();
}
P1(int *x, spinlock_t *outer, spinlock_t *a, spinlock_t *b)
{
spin_lock(outer);
spin_lock(b);
spin_lock(a);
spin_unlock(a);
spin_unlock(b);
spin_unlock(outer);
}
exists (x=1)
"""
    assert "deadlock" not in run(text).flags
    assert "deadlock" in run(text.replace("spin_lock(outer);", "").replace("spin_unlock(outer);", "")).flags


@pytest.mark.parametrize(
    ("body", "says"),
    [
        ("local_irq_disable();", "ends with IRQs off"),
        ("local_irq_restore(flags);", "was never saved"),
        ("smp_call_function(nothing, 1);", "name of a function in this file"),
        ("smp_call_function_many(8, 0, 1);", "a CPU that no thread runs on"),
        ("smp_call_function(0);", "takes 2 arguments, not 1"),
        ("if (READ_ONCE(*x)) { local_irq_disable(); }", "left differently"),
        ("while (READ_ONCE(*x)) { smp_call_function(0, 1); }", "must be written out"),
    ],
)
def test_what_the_extension_does_not_know_is_refused(body: str, says: str) -> None:
    threads = f"P0(int *x)\n{{\n\tint flags;\n\t{body}\n}}\nP1(int *x)\n{{\n\tWRITE_ONCE(*x, 1);\n}}\n"
    text = f"C t\n{{}}\n{threads}exists (x=1)\n"
    with pytest.raises(LitmusError) as caught:
        run(text, "bad.litmus")
    assert says in str(caught.value)
    assert str(caught.value).startswith("bad.litmus:")
