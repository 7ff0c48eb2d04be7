"""The interleaving behind an unsafe verdict: the wait that is not made stands in it, with the section it misses."""

import pytest
from patchscan.model.lowering.lowered import Thread
from patchscan.model.verdicts.model_timeline import Interleaving, Moment, interleaving
from patchscan.model.verdicts.wording import told_in_c

THREADS = (Thread("reader", "walk", 0, ()), Thread("updater", "reuse", 1, ()))
HEAD = """C t

{
	int flag = 0;
	int table = 1;
}

P0(int *flag, int *table, struct srcu_struct *irq0)
{
	int r0;
	int i_irq0;
	i_irq0 = srcu_read_lock(irq0);  /* mm/walk.c:10 walk */
	WRITE_ONCE(*flag, 1);  /* mm/walk.c:11 walk */
	r0 = READ_ONCE(*table);  /* mm/walk.c:12 walk */
	srcu_read_unlock(irq0, i_irq0);  /* mm/walk.c:13 walk */
}

P1(int *flag, int *table, struct srcu_struct *irq0, int *go0, int *done0)
{
	int r1;
	int w0 = 1;
	r1 = READ_ONCE(*flag);  /* mm/reuse.c:20 reuse */
	if ((r1 == 1)) {  /* mm/reuse.c:21 reuse */
%s
	}
	WRITE_ONCE(*table, 9);  /* mm/reuse.c:23 reuse */
}
%s
exists (0:r0=9)
"""
ONE = ("\t\tsynchronize_srcu(irq0);  /* mm/reuse.c:22 reuse */", "")
SEVERAL = (
    "\t\tsmp_store_release(go0, 1);  /* mm/reuse.c:22 reuse */\n"
    "\t\tw0 = smp_load_acquire(done0);  /* mm/reuse.c:22 reuse */",
    "\nP2(int *go0, int *done0, struct srcu_struct *irq0)\n{\n\tint r0;\n\tr0 = smp_load_acquire(go0);\n"
    "\tif (r0 == 1) {\n\t\tsynchronize_srcu(irq0);\n\t\tsmp_store_release(done0, 1);\n\t}\n}\n",
)


def told(text: str) -> list[Moment]:
    return [step for step in interleaving(text, THREADS).moments if "IPI" in step.text]


@pytest.mark.parametrize("wait", [ONE, SEVERAL], ids=["one CPU", "several"])
def test_an_ipi_that_is_not_sent_misses_the_section(wait: tuple[str, str]) -> None:
    text = HEAD % wait
    (missing,) = told(text)
    steps = interleaving(text, THREADS).moments
    assert (missing.thread, missing.path, missing.line) == ("CPU 1: reuse()", "mm/reuse.c", 22)
    assert missing.text == "sends no IPI to CPU 0"
    assert missing.misses is not None
    assert steps[missing.misses - 1].text == "IRQs off"
    assert steps[steps.index(missing) - 1].line == 20
    written = {steps[step.sees - 1].text for step in steps if step.sees}
    assert written == {"table is freed, or used for something else"}


def test_an_ipi_that_would_change_nothing_is_not_drawn() -> None:
    """The reader is done with the table before it is written: nobody had to be waited for."""
    assert told((HEAD % ONE).replace("exists (0:r0=9)", "exists (0:r0=1 /\\ 1:r1=0)")) == []


def test_an_ipi_that_is_sent_is_told_as_a_wait() -> None:
    sent = (HEAD % ONE).replace("exists (0:r0=9)", "exists (1:r1=1)")
    assert [step.text for step in told(sent)] == ["waits for an IPI to CPU 0 to be served"]


ATOMIC = """C t

{
	atomic_t x = ATOMIC_INIT(0);
	int y = 0;
}

P0(atomic_t *x, int *y)
{
	atomic_inc(x);  /* mm/walk.c:10 walk */
	WRITE_ONCE(*y, 1);  /* mm/walk.c:11 walk */
}

P1(atomic_t *x, int *y)
{
	int r0;
	int r1;
	r0 = READ_ONCE(*y);  /* mm/reuse.c:20 reuse */
	r1 = atomic_read(x);  /* mm/reuse.c:22 reuse */
}

exists (1:r0=1 /\\ 1:r1=0)
"""
BUFFER = """C t

{
	int x = 0;
	int y = 0;
}

P0(int *x, int *y)
{
	int r0;
	r0 = READ_ONCE(*x);  /* mm/walk.c:10 walk */
	WRITE_ONCE(*y, 1);  /* mm/walk.c:11 walk */
}

P1(int *x, int *y)
{
	int r1;
	r1 = READ_ONCE(*y);  /* mm/reuse.c:20 reuse */
	WRITE_ONCE(*x, 1);  /* mm/reuse.c:21 reuse */
}

exists (0:r0=1 /\\ 1:r1=1)
"""


def test_an_atomic_operation_is_one_step() -> None:
    steps = interleaving(ATOMIC, THREADS).moments
    assert [step.text for step in steps if "atomic_inc" in step.text] == ["atomic_inc(x): 0"]
    (stale,) = (step for step in steps if "atomic_read" in step.text)
    assert stale.misses is not None and "atomic_inc" in steps[stale.misses - 1].text


def test_what_runs_ahead_of_the_code_says_so() -> None:
    steps = interleaving(BUFFER, THREADS).moments
    (ahead,) = (step for step in steps if "reordered" in step.text)
    passed = steps[int(ahead.text.rpartition("step ")[2].rstrip(")")) - 1]
    assert passed.thread == ahead.thread and passed.line < ahead.line


def test_a_step_is_told_in_the_names_of_the_c_code() -> None:
    steps = (
        ("CPU 0", "r1 = READ_ONCE(*pmd_t): table"),
        ("CPU 1", "r1 = READ_ONCE(*inode_i_state): 0"),
        ("CPU 0", "r2 = READ_ONCE(*r1): freed memory (reordered before step 4)"),
        ("CPU 0", "smp_store_release(walker_0, 1)"),
        ("CPU 1", "WRITE_ONCE(*flags, r1)"),
        ("CPU 1", "atomic_sub(1, pmd_t_of_the_other)"),
        ("CPU 1", "atomic_sub(1, flags)"),
        ("CPU 1", "flags is freed, or used for something else"),
    )
    told = Interleaving(
        tuple(Moment(*step, "mm/a.c", 1, None, None) for step in steps), ("the read of pmd_t",)
    )
    named = told_in_c(told, ("<pmd_t>", "<pmd_t> of the other", "inode.i_state", "walker@0", "flags"))
    assert [each.text for each in named.moments] == [
        "READ_ONCE(the pmd_t): table",
        "r1 = READ_ONCE(inode->i_state): 0",
        "READ_ONCE(*table): freed memory (reordered before step 4)",
        "smp_store_release(&per_cpu(walker, 0), 1)",
        "WRITE_ONCE(flags, r1)",
        "atomic_sub(1, the pmd_t of the other)",
        "atomic_sub(1, &flags)",
        "flags is freed, or used for something else",
    ]
    assert named.gaps == ("the read of the pmd_t",)
