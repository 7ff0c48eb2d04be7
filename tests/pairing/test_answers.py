"""An answer to each barrier that a patch takes or weakens: a model of both sides, a comment, or nothing."""

from itertools import pairwise
from pathlib import Path

import pytest
from patchscan.finding import Finding, Silence
from patchscan.pairing import answers
from patchscan.pairing.steps import Walk, walk_of
from patchscan.results import Report
from patchscan.scan import scan
from patchscan.series import Thread
from patchscan.settling.registry import load_rules
from patchscan.tree import open_tree

from tests.diffs import change, patch, series

RULES = tuple(rule for rule in load_rules()[0] if rule.name == "barrier-pairing")
HEAD = """\
struct ring { int data; int ready; unsigned long flags; struct wait_queue_head wait; struct list_head list; };
"""
PUBLISH = """\
static void publish(struct ring *ring, int value)
{
	ring->data = value;
	smp_wmb();
	ring->ready = 1;
}
"""
CONSUME = """\
static int consume(struct ring *ring)
{
	if (!READ_ONCE(ring->ready))
		return 0;
	smp_rmb();
	return ring->data;
}
"""


def judged(tmp_path: Path, *states: str, **others: str) -> Report:
    """A series that makes lib/ring.c each of these texts in turn, scanned; others: further files of the tree."""
    files = {"lib/ring.c": states[0], "Makefile": "VERSION = 6\n", "Kbuild": "", "Kconfig": ""}
    for path, text in {
        **files,
        **{name.replace("__", "/") + ".c": text for name, text in others.items()},
    }.items():
        (tmp_path / path).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / path).write_text(text)
    patches = [
        patch(number, change("lib/ring.c", old, new)) for number, (old, new) in enumerate(pairwise(states), 1)
    ]
    return scan(Thread((series(*patches),), (), ()), open_tree(str(tmp_path)), RULES)


def said(report: Report) -> list[tuple[str, str]]:
    """(severity, message) of the findings that are news."""
    return [(each.severity, each.message) for each in report.findings if not each.preexisting]


def test_plain_accesses_around_a_fence_make_a_pair(tmp_path: Path) -> None:
    text = HEAD + PUBLISH + CONSUME
    report = judged(tmp_path, text, text.replace("\tsmp_wmb();\n", ""))
    ((severity, message),) = said(report)
    assert severity == "warning" and "publish() loses its smp_wmb()" in message
    assert "here consume() sees ring.ready and not ring.data" in message
    (model,) = report.models
    assert (model.verdict, model.before) == ("unsafe", "safe")
    assert {step.thread for step in model.timeline} == {"CPU 0: publish()", "CPU 1: consume()"}


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("\tsmp_wmb();\n", "\tsmp_mb();\n"),
        ("\tsmp_wmb();\n\tring->ready = 1;", "\tsmp_store_release(&ring->ready, 1);"),
        ("ring->data = value;\n\tsmp_wmb();", "ring->data = value;\n\n\tsmp_wmb(); /* Data first. */"),
    ],
)
def test_what_keeps_the_order_is_no_loss(tmp_path: Path, old: str, new: str) -> None:
    text = HEAD + PUBLISH + CONSUME
    assert old in text
    assert not said(judged(tmp_path, text, text.replace(old, new)))


def test_a_second_barrier_that_goes_again_is_no_loss(tmp_path: Path) -> None:
    text = HEAD + PUBLISH + CONSUME
    twice = text.replace("\tsmp_wmb();\n", "\tsmp_wmb();\n\tsmp_wmb();\n")
    assert not said(judged(tmp_path, text, twice, text))


def test_nothing_is_claimed_where_both_sides_hold_a_lock(tmp_path: Path) -> None:
    text = HEAD + PUBLISH.replace("\tring->data", "\tspin_lock(&ring->lock);\n\tring->data")
    text += CONSUME.replace("\tif", "\tspin_lock(&ring->lock);\n\tif")
    assert not said(judged(tmp_path, text, text.replace("\tsmp_wmb();\n", "")))


def test_nothing_is_claimed_of_a_reader_without_a_barrier(tmp_path: Path) -> None:
    text = HEAD + PUBLISH + CONSUME.replace("\tsmp_rmb();\n", "")
    assert not said(judged(tmp_path, text, text.replace("\tsmp_wmb();\n", "")))


def test_an_address_dependency_is_an_order_of_the_readers(tmp_path: Path) -> None:
    text = """\
struct table { int size; };
struct owner { struct table *table; };
static void install(struct owner *owner, struct table *table)
{
	table->size = 1;
	smp_store_release(&owner->table, table);
}
static int size(struct owner *owner)
{
	struct table *table = READ_ONCE(owner->table);

	return table ? table->size : 0;
}
"""
    weaker = text.replace("smp_store_release(&owner->table", "WRITE_ONCE(owner->table")
    ((_, message),) = said(judged(tmp_path, text, weaker))
    assert "who sees owner.table as install() writes it must see table.size as well" in message


def test_a_comment_alone_is_a_warning_and_no_proof(tmp_path: Path) -> None:
    publish = """\
static void publish(struct ring *ring, int value)
{
	fill(ring, value);
	/* Pairs with smp_rmb() in consume(). */
	smp_wmb();
	ring->ready = 1;
}
"""
    text = HEAD + publish + CONSUME
    report = judged(tmp_path, text, text.replace("\tsmp_wmb();\n", ""))
    ((severity, message),) = said(report)
    assert severity == "warning" and "its comment pairs it with smp_rmb() in consume()" in message
    assert not report.models


def test_a_comment_on_a_time_stamp_is_no_reason(tmp_path: Path) -> None:
    text = (
        HEAD
        + """\
static void stamp(struct ring *ring)
{
	/* Pairs with smp_load_acquire() in age(). */
	smp_store_release(&ring->ready, jiffies);
}
static int age(struct ring *ring)
{
	return jiffies - smp_load_acquire(&ring->ready);
}
"""
    )
    assert not said(judged(tmp_path, text, text.replace("smp_store_release(&", "WRITE_ONCE(")))


def test_a_waiter_and_a_waker_that_looks_for_waiters(tmp_path: Path) -> None:
    text = (
        HEAD
        + """\
static void post(struct ring *ring)
{
	WRITE_ONCE(ring->ready, 1);
	smp_mb();
	if (waitqueue_active(&ring->wait))
		wake_up(&ring->wait);
}
static void sleep_on(struct ring *ring)
{
	wait_event(ring->wait, READ_ONCE(ring->ready));
}
"""
    )
    report = judged(tmp_path, text, text.replace("smp_mb()", "smp_wmb()"))
    ((_, message),) = said(report)
    assert "at least one must see what the other wrote; here neither does" in message
    assert "ring.wait.head" in message and "ring.ready" in message


def test_two_bits_of_a_word_are_two_locations(tmp_path: Path) -> None:
    text = (
        HEAD
        + """\
#define READY 0
#define OTHER 1
static void publish(struct ring *ring)
{
	ring->data = 1;
	smp_wmb();
	set_bit(READY, &ring->flags);
}
static int consume(struct ring *ring)
{
	if (!test_bit(READY, &ring->flags))
		return 0;
	smp_rmb();
	return ring->data;
}
"""
    )
    without = text.replace("\tsmp_wmb();\n", "")
    assert len(said(judged(tmp_path, text, without))) == 1
    other = ("test_bit(READY", "test_bit(OTHER")
    assert not said(judged(tmp_path / "other", text.replace(*other), without.replace(*other)))


ONE_SIDED = (
    HEAD
    + """\
static void publish(struct ring *ring)
{
	WRITE_ONCE(ring->data, 1);
	/* Pairs with smp_rmb() in consume(). */
	smp_wmb();
	WRITE_ONCE(ring->ready, 1);
}
static int consume(struct ring *ring)
{
	if (!READ_ONCE(ring->ready))
		return 0;
	smp_rmb();
	return READ_ONCE(ring->data);
}
"""
)


@pytest.mark.parametrize("lost", ["\tsmp_wmb();\n", "\tsmp_rmb();\n"])
def test_of_a_pair_in_new_code_both_need_their_barrier(tmp_path: Path, lost: str) -> None:
    report = judged(tmp_path, HEAD, ONE_SIDED.replace(lost, ""))
    assert [severity for severity, _ in said(report)] == ["warning"]
    assert "a comment pairs" in said(report)[0][1]
    assert len(report.models) == 1


def test_a_bit_that_is_set_without_order_needs_a_barrier_before_it(tmp_path: Path) -> None:
    text = ONE_SIDED.replace("WRITE_ONCE(ring->ready, 1)", "set_bit(READY, &ring->flags)")
    text = text.replace("READ_ONCE(ring->ready)", "test_bit(READY, &ring->flags)")
    report = judged(tmp_path, HEAD, text.replace("\tsmp_wmb();\n", ""))
    assert [severity for severity, _ in said(report)] == ["warning"]
    assert "nothing in publish() keeps its write of ring.data" in said(report)[0][1]
    assert not said(judged(tmp_path / "whole", HEAD, text.replace("smp_wmb()", "smp_mb__before_atomic()")))


def test_a_pair_in_new_code_that_is_whole_is_not_spoken_of(tmp_path: Path) -> None:
    report = judged(tmp_path, HEAD, ONE_SIDED)
    assert not said(report) and not report.models


def test_who_pairs_is_named_where_no_model_tells(tmp_path: Path) -> None:
    text = HEAD + PUBLISH + CONSUME.replace("\tsmp_rmb();\n", "")
    report = judged(tmp_path, text, text.replace("\tsmp_wmb();\n", ""))
    silences = [each for each in report.silences if isinstance(each, Silence) and not each.checked]
    assert any("smp_wmb" in each.reason for each in silences)
    assert not any(isinstance(each, Finding) and each.severity == "error" for each in report.findings)


def test_a_patch_without_barriers_lowers_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    lowered: list[str] = []

    def counted(name: str, *rest: object) -> Walk | None:
        lowered.append(name)
        return walk_of(name, *rest)  # type: ignore[arg-type]

    monkeypatch.setattr(answers, "walk_of", counted)
    text = HEAD + PUBLISH + CONSUME
    judged(tmp_path / "plain", text, text.replace("ring->data = value", "ring->data = value + 1"))
    assert not lowered
    judged(tmp_path / "lost", text, text.replace("\tsmp_wmb();\n", ""))
    # What loses it before and after, and who may pair with it.
    assert sorted(lowered) == ["consume", "publish", "publish"]


BACK = """\
struct ring;
int ring_is_open(struct ring *ring);
int seen(struct ring *ring)
{
	int value = ring_value(ring);

	/* Pairs with the barrier in %s(). */
	smp_rmb();
	return ring_is_open(ring) ? value : 0;
}
"""


def test_a_comment_at_the_other_side_names_the_pair(tmp_path: Path) -> None:
    after = PUBLISH.replace("\tsmp_wmb();\n", "")
    findings = said(judged(tmp_path, HEAD + PUBLISH, HEAD + after, lib__seen=BACK % "publish"))
    assert [severity for severity, _ in findings] == ["warning"]
    assert "the comment at smp_rmb() in seen(), which is still there" in findings[0][1]


def test_a_barrier_that_is_left_may_be_the_one_that_such_a_comment_means(tmp_path: Path) -> None:
    twice = PUBLISH.replace("\tring->ready = 1;\n", "\tring->ready = 1;\n\tsmp_wmb();\n\tring->flags = 1;\n")
    after = twice.replace("\tsmp_wmb();\n", "", 1)
    assert said(judged(tmp_path, HEAD + twice, HEAD + after, lib__seen=BACK % "publish")) == []
    weaker = PUBLISH.replace("smp_wmb", "smp_mb")
    assert said(judged(tmp_path, HEAD + weaker, HEAD + PUBLISH, lib__seen=BACK % "publish")) == []


def test_what_a_scenario_tells_is_told_once(tmp_path: Path) -> None:
    released = PUBLISH.replace("\tsmp_wmb();\n\tring->ready = 1;", "\tsmp_store_release(&ring->ready, 1);")
    acquired = CONSUME.replace("!READ_ONCE(", "!smp_load_acquire(&").replace("\tsmp_rmb();\n", "")
    before, after = (
        HEAD + released + acquired,
        HEAD + released.replace("smp_store_release(&ring->ready", "WRITE_ONCE(ring->ready") + acquired,
    )
    assert len(said(judged(tmp_path, before, after))) == 1


LOCKED = """\
static void %s(struct ring *ring)
{
	if (test_and_set_bit_lock(0, &ring->flags))
		return;
	%s
	/* Pairs with test_and_set_bit_lock() in %s(). */
	clear_bit_unlock(0, &ring->flags);
}
"""


def test_who_takes_by_an_acquire_must_give_by_a_release(tmp_path: Path) -> None:
    give = LOCKED % ("publish", "ring->data = 1;", "consume")
    take = LOCKED % ("consume", "ring->ready = ring->data;", "publish")
    assert not said(judged(tmp_path / "whole", HEAD, HEAD + give + take))
    findings = said(judged(tmp_path, HEAD, HEAD + give.replace("clear_bit_unlock", "clear_bit") + take))
    assert ["nothing in publish() keeps" in message for _, message in findings] == [True]


PUBLISHED = """\
struct owner { struct ring *ring; };
static void publish(struct owner *owner, struct ring *ring)
{
	ring->data = 1;
	/* Pairs with rcu_dereference() in consume(). */
	rcu_assign_pointer(owner->ring, ring);
}
static int consume(struct owner *owner)
{
	struct ring *ring = rcu_dereference(owner->ring);

	return ring ? ring->data : 0;
}
"""


def test_a_pointer_that_leads_readers_on_must_be_published(tmp_path: Path) -> None:
    assert not said(judged(tmp_path / "whole", HEAD, HEAD + PUBLISHED))
    bare = PUBLISHED.replace("rcu_assign_pointer(owner->ring, ring)", "WRITE_ONCE(owner->ring, ring)")
    ((severity, message),) = said(judged(tmp_path, HEAD, HEAD + bare))
    assert severity == "warning" and "here consume() sees owner.ring and not ring.data" in message
