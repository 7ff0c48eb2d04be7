"""From the words of a comment to the barrier that is meant, class by class, on code made for it."""

import json
from pathlib import Path

import pytest
from patchscan.c.source import parse
from patchscan.cli import main
from patchscan.pairing.partners import Text, named_partners, partners_of, prepare, sites

GATE_H = """
struct gate { int open; int data; int state; };

#define gate_wait(g, condition) \\
	do { \\
		set_current_state(1); \\
		if (condition) \\
			break; \\
	} while (1)

#define gate_read(g) __gate_read(g)

static inline int __gate_read(struct gate *g)
{
	int open = READ_ONCE(g->open);

	smp_rmb();
	return open ? g->data : 0;
}
"""


def found(code: str, function: str, header: str = GATE_H) -> list[str]:
    """The partners of the first site in a function, as "function barrier operand"."""
    files = {"lib/gate.c": text("lib/gate.c", code), "include/gate.h": text("include/gate.h", header)}

    def lookup(name: str, near: str) -> Text | None:
        if not name:
            return files.get(near)
        return next((file for file in files.values() if file.defines(name)), None)

    site = next(site for site in sites(files["lib/gate.c"]) if site.function == function)
    partners = [each for each in partners_of(site, lookup) if each.line]
    return [" ".join(filter(None, (each.function, each.name, each.operand))) for each in partners]


def text(path: str, code: str) -> Text:
    data = code.encode()
    return prepare(path, data, [(f.first_line, f.last_line, f.name) for f in parse(data, path).functions()])


def writer(comment: str, barrier: str = "smp_wmb();", more: str = "") -> str:
    """A function that writes with a barrier, and whatever else the file has."""
    return f"""
static void gate_write(struct gate *g)
{{
	g->data = 1;
	/* {comment} */
	{barrier}
	WRITE_ONCE(g->open, 1);
}}
{more}
"""


READER = """
static int gate_look(struct gate *g)
{
	WRITE_ONCE(g->state, 1);
	smp_mb();
	if (smp_load_acquire(&g->open))
		return READ_ONCE(g->data);
	smp_rmb();
	return READ_ONCE(g->state);
}
"""
WAITER = """
static void gate_sleep(struct gate *g)
{
	wait_event(g->queue, g->open);
}

static void other_sleep(struct gate *g)
{
	wait_event(g->other_queue, g->state);
}
"""
WAKER = """
static void gate_wake(struct gate *g)
{
	g->open = 1;
	/* Pairs with prepare_to_wait(). */
	smp_mb();
	if (waitqueue_active(&g->queue))
		wake_up(&g->queue);
}
"""


@pytest.mark.parametrize(
    ("comment", "expected"),
    [
        ("Pairs with smp_rmb() in gate_look().", ["gate_look smp_rmb"]),
        ("Pairs with the load-acquire in gate_look()", ["gate_look smp_load_acquire open"]),
        ("paired with rmb in gate_look, see there", ["gate_look smp_rmb"]),
        ("Paired with the full barrier in gate_look()", ["gate_look smp_mb"]),
        ("Paired with smp_rbm() in gate_look()", ["gate_look smp_rmb"]),
        ("The pair of this smp_wmb() is the smp_mb() in gate_look().", ["gate_look smp_mb"]),
        ("Pairs with the read barrier in look(), e.g. for a gate.", ["gate_look smp_rmb"]),
        ("Pairs with smp_rmb() called by gate_look() so that late() works", ["gate_look smp_rmb"]),
        ("Pairs with smp_rmb() in gate_(look|peek)()", ["gate_look smp_rmb"]),
        ("Pairs with smp_rmb() in gate_(look|peek)", ["gate_look smp_rmb"]),
        ("Pairs with the smp_load_*() in gate_look()", ["gate_look smp_load_acquire open"]),
        ("Pairs with the consumer's smp_rmb() in user space.", []),
        ("Pairing is up to the caller's design, this barrier only helps.", []),
        ("Pairs with smp_rmb() in nobody_wrote_this().", []),
    ],
)
def test_a_function_and_its_operation(comment: str, expected: list[str]) -> None:
    assert found(writer(comment, more=READER), "gate_write") == expected


@pytest.mark.parametrize(
    ("comment", "expected"),
    [
        ("Pairs with smp_rmb() in gate_read().", ["__gate_read smp_rmb"]),
        ("Pairs with set_current_state() in gate_wait().", ["gate_wait set_current_state"]),
    ],
)
def test_macros_and_wrappers_are_looked_through(comment: str, expected: list[str]) -> None:
    assert [name.rpartition(" 1")[0] or name for name in found(writer(comment), "gate_write")] == expected


def test_an_operation_that_is_no_barrier_is_found_where_it_is_called() -> None:
    unlocker = "static void gate_init(struct gate *g)\n{\n\tg->data = 1;\n\tspin_unlock(&g->lock);\n}\n"
    comment = "Pairs with the spin_unlock() after gate_fill() in gate_init()."
    assert found(writer(comment, more=unlocker), "gate_write") == ["gate_init spin_unlock lock"]


def test_a_wait_is_the_one_on_the_queue_that_is_woken() -> None:
    assert found(WAKER + WAITER, "gate_wake") == ["gate_sleep wait_event queue"]


def test_without_a_function_the_operand_decides() -> None:
    code = """
static int gate_first(struct gate *g)
{
	/* Pairs with the store-release below. */
	return smp_load_acquire(&g->open);
}

static void gate_second(struct gate *g)
{
	smp_store_release(&g->state, 1);
	smp_store_release(&g->open, 1);
}
"""
    assert found(code, "gate_first") == ["gate_second smp_store_release open"]


def test_an_operation_may_be_a_bare_word() -> None:
    reader = """
static int gate_swap(struct gate *g)
{
	smp_mb__before_atomic();
	return atomic_cmpxchg(&g->state, 0, 1);
}
"""
    assert found(writer("pairs with cmpxchg in gate_swap", more=reader), "gate_write") == [
        "gate_swap atomic_cmpxchg state"
    ]


def test_prior_is_in_the_same_function() -> None:
    code = """
static int gate_other(struct gate *g)
{
	return READ_ONCE(g->state);
}

static void gate_count(struct gate *g)
{
	if (READ_ONCE(g->state))
		return;
	/* Paired with the prior READ_ONCE() */
	WRITE_ONCE(g->state, 1);
}
"""
    assert found(code, "gate_count") == ["gate_count READ_ONCE state"]


def test_letters_mark_barriers() -> None:
    code = """
static void gate_one(void)
{
	smp_mb(); /* B */
	smp_mb(); /* C */
}

static void gate_two(void)
{
	smp_mb(); /* A */ /* Pairs with C. */
}
"""
    file = text("lib/gate.c", code)
    site = next(iter(sites(file)))
    assert [each.line for each in partners_of(site, lambda name, path: file)] == [5]


def test_a_label_is_the_statement_that_it_stands_at() -> None:
    code = """
static void gate_store(struct gate *g)
{
	/* This pairs with gate_load:B and has a reason. */
	smp_wmb(); /* LMM(gate_store:A) */
}

static int gate_load(struct gate *g)
{
	int open = atomic_read(&g->state); /* LMM(gate_load:A) */

	smp_rmb(); /* LMM(gate_load:B) */
	return open;
}
"""
    assert found(code, "gate_store") == ["gate_load smp_rmb"]
    assert found(code.replace("load:B and", "load:A and"), "gate_store") == ["gate_load atomic_read state"]


def test_an_old_name_is_found_by_the_comment_that_names_us_back() -> None:
    code = """
static void gate_store(struct gate *g)
{
	/* Pairs with smp_load_acquire() in gate_old_name(). */
	smp_store_release(&g->open, 1);
}

static int gate_new_name(int *where)
{
	/* Pairs with smp_store_release() in gate_store(). */
	return smp_load_acquire(where);
}
"""
    assert found(code, "gate_store") == ["gate_new_name smp_load_acquire where"]


def test_an_old_name_is_found_by_operation_and_field() -> None:
    code = """
static void gate_set(struct gate *g)
{
	/* Pairs with the READ_ONCE in is_gate_open() */
	smp_store_release(&g->open, 1);
}

static int gate_get(struct gate *g)
{
	return READ_ONCE(g->open) + READ_ONCE(g->state);
}
"""
    assert found(code, "gate_set") == ["gate_get READ_ONCE open"]


def test_a_function_whose_name_says_barrier_is_looked_into() -> None:
    helper = """
static void gate_done_mb(struct gate *g)
{
	smp_mb();
}

static void gate_done(struct gate *g)
{
	gate_done_mb(g);
}
"""
    assert found(writer("Pairs with a barrier in gate_done().", more=helper), "gate_write") == [
        "gate_done_mb smp_mb"
    ]


def test_a_constant_is_no_function() -> None:
    code = """
static int gate_try(struct gate *g)
{
	smp_mb();
	if (g->open)
		return GATE_IS_OPEN;
	/* It pairs with the barrier in the GATE_IS_OPEN case above. */
	smp_mb();
	return 0;
}
"""
    file = text("lib/gate.c", code)
    site = next(iter(sites(file)))
    assert [each.line for each in partners_of(site, lambda name, path: file if not name else None)] == [4]


def test_marked_accesses_pair_on_one_field() -> None:
    code = """
static void gate_set(struct gate *g)
{
	/* Pairs with READ_ONCE() in gate_get(). */
	WRITE_ONCE(g->state, 1);
}

static int gate_get(struct gate *g)
{
	return READ_ONCE(g->open) ? READ_ONCE(g->state) : 0;
}
"""
    assert found(code, "gate_set") == ["gate_get READ_ONCE state"]
    assert found(code.replace("READ_ONCE(g->state)", "g->state"), "gate_set") == []


def test_lines_on_how_a_proof_goes_name_no_partner() -> None:
    said = "This pairs with put:B. Relies on: MB from set:A to put:B matching RMB from own:A to own:C"
    assert [(each.function, each.label) for each in named_partners(said, "own")] == [("put", "B")]


@pytest.mark.parametrize(
    "comment",
    [
        "The first cache and state pair where both differ is reported.",
        "Must be called in pairs.",
        "Look for a source and destination pair.",
    ],
)
def test_other_pairs_are_no_business_of_barriers(comment: str) -> None:
    assert list(sites(text("lib/gate.c", writer(comment)))) == []


def test_a_comment_belongs_to_the_barrier_that_it_speaks_of() -> None:
    code = """
static void gate_swap(struct gate *g)
{
	/* The smp_mb() pairs with smp_rmb() in gate_look(). */
	spin_lock(&g->lock);
	g->data = 1;
	if (g->state)
		return;

	smp_mb();
	WRITE_ONCE(g->open, 1);
}

static void gate_tick(struct gate *g)
{
	/* Pairs with smp_rmb() in gate_look(). Use a full memory barrier. */
	WRITE_ONCE(g->open, 1);
	smp_mb();
}
"""
    assert [(site.function, site.barrier) for site in sites(text("lib/gate.c", code))] == [
        ("gate_swap", "smp_mb"),
        ("gate_tick", "smp_mb"),
    ]


def test_a_comment_may_stand_below_the_barrier_that_it_names() -> None:
    code = """
static int gate_take(struct gate *g)
{
	int old = atomic_xchg(&g->data, 0);
	/*
	 * The barrier that atomic_xchg() implies is paired with the smp_rmb() in gate_look().
	 */
	atomic_inc(&g->state);
	return old;
}
"""
    assert [site.barrier for site in sites(text("lib/gate.c", code))] == ["atomic_xchg"]


def test_of_several_the_barrier_with_a_comment_on_pairing_is_meant() -> None:
    reader = """
static int gate_look(struct gate *g)
{
	smp_rmb();
	if (READ_ONCE(g->open))
		return 1;
	/* Pairs with whoever opens a gate. */
	smp_rmb();
	return g->data;
}
"""
    code = writer("Pairs with smp_rmb() in gate_look().", more=reader)
    site = next(iter(sites(text("lib/gate.c", code))))
    file = text("lib/gate.c", code)
    assert [each.line for each in partners_of(site, lambda name, path: file)] == [16]


def test_the_command_counts_by_reason(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    code = writer("Pairs with smp_load_acquire() in gate_look().", "smp_store_release(&g->open, 1);", READER)
    for path, content in (
        ("Makefile", ""),
        ("Kconfig", ""),
        ("lib/gate.c", code),
        ("include/gate.h", GATE_H),
    ):
        (tmp_path / path).parent.mkdir(exist_ok=True)
        (tmp_path / path).write_text(content)
    arguments = ["model", "--tree", str(tmp_path), "--pairs", "lib"]
    assert main(arguments) == 0
    printed = capsys.readouterr().out
    assert "lib/gate.c:6 gate_write(): smp_store_release: " in printed
    assert "  with lib/gate.c:14 gate_look(): smp_load_acquire" in printed
    assert "1 barriers, 1 partners found" in printed
    assert main([*arguments, "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["partners"][0]["function"] == "gate_look"


def test_the_command_wants_a_series(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.chdir(tmp_path)
    assert main(["model"]) == 2
    assert "name a series" in capsys.readouterr().err
