"""The index of pairing comments: which barrier a comment stands at, whom it names, and what a model says of them."""

import os
from collections import Counter
from pathlib import Path

import pytest
from patchscan.c.source import parse
from patchscan.codebase.code import Codebase
from patchscan.kconfig.configured import Config
from patchscan.model.lowering.stubs import load_stubs
from patchscan.pairing.answers import STUBS
from patchscan.pairing.pair_verdict import surroundings, verdicts_of
from patchscan.pairing.partners import Text, index, named_partners, partners_of, prepare, sites
from patchscan.pairing.table import survey
from patchscan.tree import Directory

RING = b"""
static void publish(struct ring *ring, int value)
{
	ring->data = value;
	/* Pairs with smp_load_acquire() in consume(). */
	smp_store_release(&ring->ready, 1);
}

static int consume(struct ring *ring)
{
	/* Pairs with smp_store_release() in publish(). */
	if (!smp_load_acquire(&ring->ready))
		return 0;
	return ring->data;
}

static void nothing_of_the_kind(void)
{
	/* This must be paired with a call of publish(). */
	smp_mb();
}
"""


def text(path: str, data: bytes) -> Text:
    return prepare(path, data, [(f.first_line, f.last_line, f.name) for f in parse(data, path).functions()])


def test_sites_and_partners() -> None:
    file = text("lib/ring.c", RING)
    found = list(sites(file))
    assert [(site.function, site.barrier) for site in found[:2]] == [
        ("publish", "smp_store_release"),
        ("consume", "smp_load_acquire"),
    ]
    partners = [partners_of(site, lambda name, path: file)[0] for site in found[:2]]
    assert [(each.function, each.name) for each in partners] == [
        ("consume", "smp_load_acquire"),
        ("publish", "smp_store_release"),
    ]
    assert {site.function for site in index(found)["publish"]} >= {"consume"}


@pytest.mark.parametrize(
    ("comment", "expected"),
    [
        ("Pairs with smp_rmb() in reader(). See schedule() for more.", {"reader"}),
        ("This pairs with desc_read:D and the wmb in other_function().", {"desc_read", "other_function"}),
        ("Ensure schedule() sees it. Paired with the barrier in writer() so that late() works", {"writer"}),
        ("The caller holds the lock", set()),
    ],
)
def test_only_the_clause_after_pairs_with_counts(comment: str, expected: set[str]) -> None:
    assert {each.function for each in named_partners(comment, "own") if each.function} == expected


def verdict_of(data: bytes) -> object:
    file = text("lib/ring.c", data)
    code = Codebase(lambda path: data if path == "lib/ring.c" else None, (), Config({}, default=1))
    stubs = load_stubs(STUBS, code.config)
    site = next(sites(file))
    own = surroundings(site.own, code, stubs)
    other = surroundings(partners_of(site, lambda name, path: file)[0], code, stubs)
    assert own is not None and other is not None
    return next(verdicts_of(own, other, site.comment), None)


def test_a_pair_that_orders_is_safe_and_rests_on_both_barriers() -> None:
    verdict = verdict_of(RING)
    assert verdict.safe and verdict.outcome.shape == "message passing"  # type: ignore[attr-defined]
    assert set(verdict.outcome.locations) == {"ring.data", "ring.ready"}  # type: ignore[attr-defined]
    assert verdict.weakened == ("Sometimes", "Sometimes")  # type: ignore[attr-defined]


def test_nothing_is_said_of_a_pair_that_shares_too_little() -> None:
    assert verdict_of(RING.replace(b"ring->data = value", b"ring->other = value")) is None


def test_a_read_barrier_does_not_answer_for_what_an_atomic_writes() -> None:
    data = b"""
static int claim(struct ring *ring)
{
	int old = atomic_xchg_relaxed(&ring->ready, 1);
	/* Pairs with smp_mb() in drop(). */
	smp_rmb();
	return old + READ_ONCE(ring->users);
}

static int drop(struct ring *ring)
{
	WRITE_ONCE(ring->users, 1);
	smp_mb();
	return atomic_read(&ring->ready);
}
"""
    assert verdict_of(data) is None
    assert verdict_of(data.replace(b"smp_rmb();", b"smp_mb();")) is not None


def test_a_lock_on_both_sides_is_no_proof_of_a_barrier() -> None:
    locked = RING.replace(b"ring->data = value", b"spin_lock(&ring->lock);\n\tring->data = value")
    locked = locked.replace(b"return ring->data", b"spin_lock(&ring->lock);\n\treturn ring->data")
    verdict = verdict_of(locked)
    assert verdict.locked and not verdict.safe and not verdict.unsafe  # type: ignore[attr-defined]


TREE = os.environ.get("PATCHSCAN_KERNEL_TREE", "/nonexistent")
JUDGED = Path(__file__).parents[1] / "pairs.tsv"


def judged() -> dict[tuple[str, str, str], set[str]]:
    """What was judged by reading: (path, function, barrier with its number) to the partners that are right."""
    found = {}
    for line in JUDGED.read_text().splitlines()[1:]:
        path, function, barrier, partners, judgement, why = line.split("\t")
        assert judgement in ("right", "implicit", "none") and why
        assert (partners == "-") == (judgement == "none")
        found[path, function, barrier] = set() if partners == "-" else set(partners.split(", "))
    return found


@pytest.mark.slow
@pytest.mark.skipif(not Path(TREE).is_dir(), reason="needs PATCHSCAN_KERNEL_TREE")
def test_real_comments() -> None:
    """Every barrier of kernel/ and mm/ whose comment speaks of pairing, against what reading the code gave."""
    rows = list(survey(Directory(TREE), ["kernel", "mm"]))
    numbers: Counter[tuple[str, str, str]] = Counter()
    found = {}
    for row in rows:
        name = (row.site.path, row.site.function, row.site.barrier)
        numbers[name] += 1
        number = f"#{numbers[name]}" if numbers[name] > 1 else ""
        found[(*name[:2], name[2] + number)] = {
            f"{each.path}:{each.function}:{each.name}" for each in row.partners if each.line
        }
    assert found == judged()
    counts = Counter(row.reason for row in rows)
    assert counts["unsafe"] == 0
    assert counts["safe"] >= 16
    assert all(row.verdict.named for row in rows if row.verdict is not None)
