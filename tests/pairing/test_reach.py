"""What the models of lost barriers can run: data by address, callees, callers, atomics, hand-over; and whom they
leave alone."""

import json
from pathlib import Path

import pytest
from patchscan.cli import main
from patchscan.lkmm.answers.outcome import Answer
from patchscan.lkmm.checking.exhaustive import search
from patchscan.lkmm.dialect.litmus_syntax import observed_in
from patchscan.lkmm.dialect.parser import parse
from patchscan.lkmm.memory.states import observed_order
from patchscan.model.verdicts.gate import execute
from patchscan.pairing import pair_model

from tests.pairing.test_answers import CONSUME, HEAD, PUBLISH, judged, said


def lost(tmp_path: Path, text: str, barrier: str, instead: str = "") -> list[tuple[str, str]]:
    """What is said where a text loses its only line with a barrier, and has another in its place."""
    assert text.count(barrier) == 1
    return said(judged(tmp_path, text, text.replace(barrier, instead)))


# A callee that is too long to be looked into without a reason.
KEY = """\
struct key { unsigned long words[2]; };
static struct key the_key;
static int filled;
unsigned long hash(unsigned long value, const struct key *key);
unsigned long hash(unsigned long value, const struct key *key)
{
ROUNDS	return value;
}
""".replace("ROUNDS", "\tvalue = spread(value, key);\n" * 30)


def test_what_is_handed_on_by_its_address_is_read_or_written(tmp_path: Path) -> None:
    text = """\
static void fill(void)
{
	get_random_bytes(&the_key, sizeof(the_key));
	smp_wmb();
	WRITE_ONCE(filled, 1);
}
static unsigned long hashed(unsigned long value)
{
	if (!READ_ONCE(filled))
		return 0;
	smp_rmb();
	return hash(value, &the_key);
}
"""
    ((_, message),) = lost(tmp_path, KEY + text, "\tsmp_rmb();\n")
    assert "here hashed() sees filled and not the fields of key" in message


def test_a_small_callee_is_part_of_its_caller(tmp_path: Path) -> None:
    text = (
        HEAD
        + PUBLISH
        + """\
static int value_of(struct ring *ring)
{
	int value = ring->data;

	if (value < 0)
		value = 0;
	return value;
}
static int consume(struct ring *ring)
{
	if (!READ_ONCE(ring->ready))
		return 0;
	smp_rmb();
	return value_of(ring);
}
"""
    )
    ((_, message),) = lost(tmp_path, text, "\tsmp_wmb();\n")
    assert "here consume() sees ring.ready and not ring.data" in message


def test_an_atomic_that_finds_the_flag_reads_it(tmp_path: Path) -> None:
    text = """\
struct ring { int data; unsigned long flags; };
static void publish(struct ring *ring, int value)
{
	ring->data = value;
	smp_wmb();
	set_bit(READY, &ring->flags);
}
static int consume(struct ring *ring)
{
	if (!test_and_clear_bit(READY, &ring->flags))
		return 0;
	return ring->data;
}
"""
    ((_, message),) = lost(tmp_path, text, "\tsmp_wmb();\n")
    assert "here consume() sees bit READY of ring.flags and not ring.data" in message


HAND_OVER = """\
struct slot { int data; int free; };
static int drain(struct slot *slot)
{
	int data = slot->data;

	/* Pairs with smp_load_acquire() in refill(). */
	smp_store_release(&slot->free, 1);
	return data;
}
static void refill(struct slot *slot, int data)
{
	if (smp_load_acquire(&slot->free))
		slot->data = data;
}
"""


def test_memory_that_is_handed_over_may_be_written_anew(tmp_path: Path) -> None:
    ((_, message),) = lost(
        tmp_path, HAND_OVER, "smp_store_release(&slot->free, 1)", "WRITE_ONCE(slot->free, 1)"
    )
    assert "drain() is done with slot.data when it writes slot.free" in message
    assert "here drain() reads what refill() writes only then" in message


def test_without_a_comment_no_model_tells_of_a_hand_over(tmp_path: Path) -> None:
    text = HAND_OVER.replace("\t/* Pairs with smp_load_acquire() in refill(). */\n", "")
    text = text.replace("smp_load_acquire(&slot->free)", "READ_ONCE(slot->free)")
    assert not lost(tmp_path, text, "smp_store_release(&slot->free, 1)", "WRITE_ONCE(slot->free, 1)")


def test_a_caller_has_the_other_side_of_a_barrier(tmp_path: Path) -> None:
    text = """\
struct ring { int data; int ready; };
static void mark(struct ring *ring)
{
	/* Pairs with smp_rmb() in is_ready(). */
	smp_wmb();
	WRITE_ONCE(ring->ready, 1);
}
static void publish(struct ring *ring, int value)
{
	ring->data = value;
	mark(ring);
}
static int is_ready(struct ring *ring)
{
	int ready = READ_ONCE(ring->ready);

	smp_rmb();
	return ready;
}
static int consume(struct ring *ring)
{
	return is_ready(ring) ? ring->data : 0;
}
"""
    ((_, message),) = lost(tmp_path, text, "\tsmp_wmb();\n")
    assert "mark() loses its smp_wmb()" in message and "publish() calls mark()" in message
    assert "here consume() sees ring.ready and not ring.data" in message


def test_a_barrier_next_to_a_full_atomic_is_no_loss(tmp_path: Path) -> None:
    text = """\
struct ring { int data; unsigned long flags; };
static void publish(struct ring *ring, int value)
{
	ring->data = value;
	/* Pairs with smp_rmb() in consume(). */
	smp_mb();
	if (!test_and_set_bit(READY, &ring->flags))
		kick(ring);
}
static int consume(struct ring *ring)
{
	if (!test_bit(READY, &ring->flags))
		return 0;
	smp_rmb();
	return ring->data;
}
"""
    assert not lost(tmp_path, text, "\tsmp_mb();\n")
    again = text.replace(
        "if (!test_and_set_bit(READY, &ring->flags))", "set_bit(READY, &ring->flags);\n\tif (value)"
    )
    assert lost(tmp_path, again, "\tsmp_mb();\n")


@pytest.mark.parametrize("kept", ["ring", "summary"])
def test_what_a_function_has_on_its_stack_is_nobody_elses(tmp_path: Path, kept: str) -> None:
    text = f"""\
struct ring {{ int data; int ready; }};
struct summary {{ int data; }};
static void publish(struct ring *ring, struct summary *summary, int value)
{{
	{kept}->data = value;
	smp_wmb();
	WRITE_ONCE(ring->ready, 1);
}}
static int consume(struct ring *ring, struct summary *summary)
{{
	if (!READ_ONCE(ring->ready))
		return 0;
	smp_rmb();
	return {kept}->data;
}}
static void both(struct ring *ring)
{{
	struct summary summary = {{}};

	publish(ring, &summary, 1);
}}
"""
    assert bool(lost(tmp_path, text, "\tsmp_wmb();\n")) == (kept == "ring")


def test_only_what_is_right_next_to_a_barrier_finds_a_partner_without_a_comment(tmp_path: Path) -> None:
    text = """\
struct ring { int data; int ready; int shown; };
static void publish(struct ring *ring, int value)
{
	ring->data = value;
	smp_wmb();
	WRITE_ONCE(ring->ready, 1);
	WRITE_ONCE(ring->shown, 1);
}
static int show(struct ring *ring)
{
	if (!READ_ONCE(ring->shown))
		return 0;
	smp_rmb();
	return ring->data;
}
"""
    assert not lost(tmp_path, text, "\tsmp_wmb();\n")


@pytest.mark.parametrize(
    ("text", "barrier", "instead"),
    [
        (HAND_OVER, "smp_store_release(&slot->free, 1)", "WRITE_ONCE(slot->free, 1)"),
        (HEAD + PUBLISH + CONSUME, "\tsmp_wmb();\n", ""),
        (HEAD + PUBLISH + CONSUME, "\tsmp_rmb();\n", ""),
    ],
)
def test_the_plain_search_agrees_on_each_model(
    text: str, barrier: str, instead: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    tests: list[tuple[str, bool]] = []

    def recorded(litmus: str) -> Answer:
        answer = execute(litmus)
        tests.append((litmus, bool(answer.held)))
        return answer

    monkeypatch.setattr(pair_model, "execute", recorded)
    assert lost(tmp_path, text, barrier, instead)
    assert {held for _, held in tests} == {False, True}
    for litmus, held in tests:
        parsed = parse(litmus, "")
        found = search(parsed, sorted(observed_in(parsed.condition), key=observed_order))
        assert held == (found.outcome != "Never")


def test_the_test_of_a_model_is_where_the_report_says(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    place = tmp_path / "models"
    fixtures = Path(__file__).parents[2] / "fixtures"
    words = ["--tree", str(fixtures / "tree"), str(fixtures / "series/collapse-without-sync/series.mbox")]
    assert (
        main([*words, "--select", "table-free-without-sync", "--format", "json", "--models", str(place)]) == 1
    )
    replays = [model["replay"] for model in json.loads(capsys.readouterr().out)["models"] if model["replay"]]
    paths = [Path(replay.rpartition(" ")[2]) for replay in replays]
    assert paths and sorted(paths) == sorted(place.iterdir())
    assert main(["simulate", *map(str, paths)]) in (0, 1)


def test_a_small_macro_of_a_header_beside_the_file_is_read(tmp_path: Path) -> None:
    (tmp_path / "lib").mkdir()
    (tmp_path / "lib/deep.h").write_text("#define RING_DATA(R) ((R)->data ? (R)->data : 0)\n")
    text = HEAD + PUBLISH + CONSUME.replace("ring->data", "RING_DATA(ring)")
    ((_, message),) = lost(tmp_path, text, "\tsmp_rmb();\n")
    assert "here consume() sees ring.ready and not ring.data" in message


def test_a_define_between_members_is_none_of_them(tmp_path: Path) -> None:
    inner = "struct slot { int data; int ready; };\n"
    text = (
        inner
        + "struct ring { int first;\n#define SLOTS 8\n\tstruct slot slots[SLOTS]; };\n"
        + PUBLISH.replace("ring->", "slot->").replace("struct ring *ring", "struct slot *slot")
        + CONSUME.replace("struct ring *ring", "struct ring *ring, int i").replace(
            "ring->", "ring->slots[i]."
        )
    )
    ((_, message),) = lost(tmp_path, text, "\tsmp_wmb();\n")
    assert "here consume() sees slot.ready and not slot.data" in message


def test_a_member_that_a_macro_is_given_has_its_own_name(tmp_path: Path) -> None:
    macro = "#define slot_set(PTR, MEMBER, VALUE) ((PTR)->MEMBER = (VALUE))\n"
    text = HEAD + macro + PUBLISH.replace("ring->data = value", "slot_set(ring, data, value)") + CONSUME
    ((_, message),) = lost(tmp_path, text, "\tsmp_wmb();\n")
    assert "here consume() sees ring.ready and not ring.data" in message


def test_a_partner_that_is_called_too_is_one_where_its_comment_says_so(tmp_path: Path) -> None:
    text = """\
struct pump { int need; int incomplete; };
void done(struct pump *pump);
static void finish(struct pump *pump)
{
	WRITE_ONCE(pump->incomplete, 0);
	smp_mb(); /* See start(). */
	if (READ_ONCE(pump->need))
		done(pump);
}
static int start(struct pump *pump, int failed)
{
	if (failed) {
		finish(pump);
		return 0;
	}
	WRITE_ONCE(pump->need, 1);
	smp_mb();
	return READ_ONCE(pump->incomplete);
}
"""
    after = text.replace("1);\n\tsmp_mb();", "1);\n\tsmp_wmb();")
    ((_, message),) = said(judged(tmp_path, text, after))
    assert "of start(), which writes pump.need" in message and "and finish()" in message
    assert not said(
        judged(tmp_path / "none", *(each.replace("See start()", "See") for each in (text, after)))
    )
