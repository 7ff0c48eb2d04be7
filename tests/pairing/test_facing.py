"""The other side of an access that loses its order, found by the order of another access to the same location, and the
words by which comments name it."""

from pathlib import Path

import pytest
from patchscan.pairing.barriers import prepare
from patchscan.pairing.sites import called_beside, site_at, speaking_of

from tests.pairing.test_answers import judged, said

# What is handed over is not seen: both sides work on it in functions that are not there.
HANDED = """\
struct slot { int state; int *extra; struct cell *cell; };
void fill(struct slot *slot);
void drain(struct slot *slot);
static void give(struct slot *slot)
{
	fill(slot);
	smp_store_release(&slot->state, 1);
}
static void take(struct slot *slot)
{
	if (smp_load_acquire(&slot->state))
		drain(slot);
}
"""


def weaker(text: str, old: str, new: str) -> str:
    assert old in text
    return text.replace(old, new)


@pytest.mark.parametrize(
    ("old", "new", "expected"),
    [
        ("smp_store_release(&slot->state", "WRITE_ONCE(slot->state", "smp_load_acquire() in take()"),
        ("smp_load_acquire(&slot->state)", "READ_ONCE(slot->state)", "smp_store_release() in give()"),
        ("smp_store_release(&slot->state, 1)", "slot->state = 1", "smp_load_acquire() in take()"),
    ],
)
def test_an_order_on_the_same_member_needs_its_other_side(
    tmp_path: Path, old: str, new: str, expected: str
) -> None:
    report = judged(tmp_path, HANDED, weaker(HANDED, old, new))
    ((severity, message),) = said(report)
    assert severity == "warning" and not report.models
    assert f"{expected} works on the same slot.state, is still there and orders nothing" in message


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("smp_load_acquire(&slot->state)", "READ_ONCE(slot->state)"),
        ("struct slot *slot)\n{\n\tif", "struct slat *slot)\n{\n\tif"),
        ("take(", "take_init("),
        ("give(struct slot *slot)\n{", "give(void)\n{\n\tstruct slot *slot = kmalloc(8, GFP_KERNEL);\n"),
        ("state, 1)", "state, jiffies)"),
        ("smp_load_acquire(&slot->state)", "smp_load_acquire(&slot->cell)"),
    ],
)
def test_no_other_side_no_word(tmp_path: Path, old: str, new: str) -> None:
    text = weaker(HANDED, old, new)
    assert not said(judged(tmp_path, text, text.replace("smp_store_release(&", "WRITE_ONCE(")))


def test_a_store_that_goes_altogether_is_no_weaker_one(tmp_path: Path) -> None:
    assert not said(judged(tmp_path, HANDED, weaker(HANDED, "\tsmp_store_release(&slot->state, 1);\n", "")))


def test_a_pointer_that_is_taken_back_hands_nothing_over(tmp_path: Path) -> None:
    text = HANDED.replace("slot->state, 1", "slot->cell, NULL").replace("slot->state", "slot->cell")
    assert not said(judged(tmp_path, text, text.replace("smp_store_release(&", "WRITE_ONCE(")))


def test_a_lock_made_by_hand_is_given_by_a_release(tmp_path: Path) -> None:
    text = """\
struct poll { int owner; };
void once(struct poll *poll);
static void poll_all(struct poll *poll, int me)
{
	if (cmpxchg(&poll->owner, -1, me) == -1) {
		once(poll);
		smp_store_release(&poll->owner, -1);
	}
}
"""
    ((_, message),) = said(judged(tmp_path, text, text.replace("smp_store_release(&", "WRITE_ONCE(")))
    assert "cmpxchg() in poll_all() works on the same poll.owner" in message


def test_a_variable_of_the_file_is_one_by_its_name(tmp_path: Path) -> None:
    text = """\
static struct ops *saved __read_mostly;
void rebuild(struct ops *ops);
static void check(struct ops *ops)
{
	if (smp_load_acquire(&saved) != ops) {
		rebuild(ops);
		smp_store_release(&saved, ops);
	}
}
"""
    after = text.replace("smp_store_release(&", "WRITE_ONCE(")
    ((_, message),) = said(judged(tmp_path, text, after))
    assert "smp_load_acquire() in check() works on the same saved" in message
    local = text.replace("static struct ops *saved __read_mostly;\n", "").replace(
        "\tif (smp_load", "\tstruct ops *saved = ops;\n\n\tif (smp_load"
    )
    assert not said(judged(tmp_path, local, local.replace("smp_store_release(&", "WRITE_ONCE(")))


def test_the_acquire_may_stand_in_another_file(tmp_path: Path) -> None:
    give, take = HANDED.partition("static void take")[::2]
    header, give = give.partition("static")[0], give.partition("static")[2]
    other = f"{header}static void take{take}"
    text = f"{header}void{give.removeprefix(' void')}".replace("void give", "void give")
    ((_, message),) = said(
        judged(tmp_path, text, text.replace("smp_store_release(&", "WRITE_ONCE("), lib__take=other)
    )
    assert "smp_load_acquire() in take() works on the same slot.state" in message


SAID = """\
static void give(struct slot *slot)
{{
	/* {comment} */
	smp_wmb();
	slot->state = 1;
	smp_wmb(); /* {other} */
}}
static void take(struct slot *slot)
{{
	/* give() has filled it by now. */
	smp_rmb();
}}
"""


def prepared(comment: str, other: str = "") -> "object":
    text = SAID.format(comment=comment, other=other or "x")
    return prepare("lib/slot.c", text.encode(), [(1, 7, "give"), (8, 12, "take")])


@pytest.mark.parametrize(
    "comment",
    [
        "vs take()",
        "ordered against take()",
        "Synchronize with the smp_rmb() in take()",
        "coupled with smp_rmb() in take()",
        "The point is this. The corresponding read memory barrier is in take().",
        "The counter part is in take().",
        "matches implicit memory barrier in take()",
        "See smp_rmb() in take()",
    ],
)
def test_comments_have_many_words_for_a_pair(comment: str) -> None:
    site = site_at(prepared(comment), 4)  # type: ignore[arg-type]
    assert site is not None and [each.function for each in site.partners] == ["take"]


@pytest.mark.parametrize(
    "comment", ["See take() for why.", "take() must see it", "against all odds", "in order"]
)
def test_other_words_name_no_pair(comment: str) -> None:
    assert site_at(prepared(comment), 4) is None  # type: ignore[arg-type]


def test_who_is_spoken_of_is_known_on_both_sides() -> None:
    text = prepared("take() must see it before smp_rmb(), as give() says")
    assert called_beside(text, 4) == ("take",)  # type: ignore[arg-type]
    assert speaking_of(text, "give") == ("take",)  # type: ignore[arg-type]


def test_a_comment_holds_for_the_same_access_further_down() -> None:
    text = """\
static void put(struct ring *ring)
{
	/* Pairs with smp_load_acquire() in get(). */
	smp_store_release(&ring->head, 0);
	/* See above. */
	smp_store_release(&ring->head, 1);
	smp_store_release(&ring->tail, 1);
}
"""
    file = prepare("lib/ring.c", text.encode(), [(1, 8, "put")])
    site = site_at(file, 6)
    assert site is not None and site.line == 6 and [each.function for each in site.partners] == ["get"]
    assert site_at(file, 7) is None


@pytest.mark.parametrize(
    ("comment", "right"), [("Matches smp_wmb() in give().", True), ("As give() says.", False)]
)
def test_the_other_side_may_say_it_in_other_words(tmp_path: Path, comment: str, right: bool) -> None:
    text = f"""\
struct slot {{ int state; }};
static void give(struct slot *slot)
{{
	smp_wmb();
	slot->state = 1;
}}
static void take(struct slot *slot)
{{
	if (!slot->state)
		return;
	/* {comment} */
	smp_rmb();
	drain(slot);
}}
"""
    found = said(judged(tmp_path, text, text.replace("\tsmp_wmb();\n", "")))
    assert [severity for severity, _ in found] == (["warning"] if right else [])
    assert all("smp_rmb() in take() say" in message for _, message in found)


def test_a_fence_that_moves_to_a_caller_is_a_note(tmp_path: Path) -> None:
    text = """\
struct slot { int state; };
static void give(struct slot *slot)
{
	smp_wmb();
	slot->state = 1;
}
static void take(struct slot *slot)
{
	if (!slot->state)
		return;
	/* Pairs with smp_wmb() in give(). */
	smp_rmb();
	drain(slot);
}
static void fill(struct slot *slot)
{
	give(slot);
}
"""
    after = text.replace("\tsmp_wmb();\n", "").replace("\tgive(slot)", "\tsmp_wmb();\n\tgive(slot)")
    assert [severity for severity, _ in said(judged(tmp_path, text, after))] == ["info"]
    again = after.replace("\tslot->state = 1", "\tsmp_wmb();\n\tslot->state = 1")
    first = text.replace("\tsmp_wmb();\n", "")
    later = judged(tmp_path / "later", text, first, again)
    assert [severity for severity, _ in said(later)] in ([], ["info"])


@pytest.mark.parametrize("comment", ["", "\t/* Pairs with smp_load_acquire() in take(). */\n"])
@pytest.mark.parametrize(
    ("old", "new", "right"),
    [
        ("\tsmp_store_release(&slot->state, 1);", "\tWRITE_ONCE(slot->state, 1);", True),
        ("\tsmp_store_release(&slot->state, 1);", "\tsmp_mb();\n\tslot->state = 1;", False),
        ("\tsmp_store_release(&slot->state, 1);", "\tsmp_wmb();\n\tWRITE_ONCE(slot->state, 1);", False),
        ("\tsmp_store_release(&slot->state, 1);", "\txchg(&slot->state, 1);", False),
    ],
)
def test_a_fence_in_its_place_does_as_well(
    tmp_path: Path, comment: str, old: str, new: str, right: bool
) -> None:
    text = HANDED.replace(old, comment + old)
    assert bool(said(judged(tmp_path, text, text.replace(old, new)))) is right


def test_a_fence_that_was_there_before_does_as_well(tmp_path: Path) -> None:
    text = HANDED.replace("\tsmp_store", "\tsmp_mb();\n\tsmp_store")
    assert not said(judged(tmp_path, text, text.replace("smp_store_release(&", "WRITE_ONCE(")))
    behind = HANDED.replace(")\n\t\tdrain(slot);", ") {\n\t\tsmp_mb();\n\t\tdrain(slot);\n\t}")
    after = behind.replace("smp_load_acquire(&slot->state)", "READ_ONCE(slot->state)")
    assert not said(judged(tmp_path / "behind", behind, after))
