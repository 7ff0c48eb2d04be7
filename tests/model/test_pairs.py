"""The index of pairing comments: which barrier a comment stands at, whom it names, and what a model says of them."""

import os
from collections import Counter, defaultdict
from collections.abc import Callable
from functools import cache
from pathlib import Path

import pytest
from patchscan.model.code import Codebase
from patchscan.model.config import Config
from patchscan.model.pairmodel import judge_pair, side
from patchscan.model.pairs import (
    Site,
    Text,
    index,
    named_partners,
    partners_of,
    prepare,
    sites,
)
from patchscan.model.sources import base_config
from patchscan.model.stubs import load_stubs
from patchscan.source import parse

STUBS = ("generic.c", "cpu.c", "wait.c", "quiet.c")
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
    own = side(site.own, code, stubs)
    other = side(partners_of(site, lambda name, path: file)[0], code, stubs)
    assert own is not None and other is not None
    return judge_pair(own, other, site.comment)


def test_a_pair_that_orders_is_safe_and_rests_on_both_barriers() -> None:
    verdict = verdict_of(RING)
    assert verdict.safe and verdict.shape == "message passing"  # type: ignore[attr-defined]
    assert set(verdict.locations) == {"ring.data", "ring.ready"}  # type: ignore[attr-defined]
    assert verdict.weakened == ("Sometimes", "Sometimes")  # type: ignore[attr-defined]


def test_nothing_is_said_of_a_pair_that_shares_too_little() -> None:
    assert verdict_of(RING.replace(b"ring->data = value", b"ring->other = value")) is None


TREE = Path(os.environ.get("PATCHSCAN_KERNEL_TREE", "/nonexistent"))


@cache
def real_text(path: str) -> Text:
    return text(path, (TREE / path).read_bytes())


def real_sites() -> list[Site]:
    paths = sorted([*TREE.glob("kernel/**/*.c"), *TREE.glob("mm/**/*.c")])
    return [
        site
        for path in paths
        if b"pair" in path.read_bytes().lower()
        for site in sites(real_text(str(path.relative_to(TREE))))
    ]


def real_lookup() -> Callable[[str, str], Text | None]:
    where: dict[str, list[str]] = defaultdict(list)
    patterns = ("kernel/**/*.c", "mm/**/*.c", "include/linux/*.h", "fs/*.c", "lib/*.c")
    for path in sorted(path for pattern in patterns for path in TREE.glob(pattern)):
        relative = str(path.relative_to(TREE))
        code = Codebase(lambda name: (TREE / name).read_bytes(), (), Config({}, default=1)).file(relative)
        for name in code.functions if code is not None else ():
            where[name].append(relative)

    def lookup(name: str, near: str) -> Text | None:
        if not name:
            return real_text(near)
        paths = where.get(name, [])
        return real_text(near) if near in paths else real_text(paths[0]) if paths else None

    return lookup


@pytest.mark.slow
@pytest.mark.skipif(not TREE.is_dir(), reason="needs PATCHSCAN_KERNEL_TREE")
def test_real_comments() -> None:
    """Of the comments in kernel/ and mm/: partners found, models through the gate, and none called unsafe."""
    found, lookup = real_sites(), real_lookup()

    def read(path: str) -> bytes | None:
        return (TREE / path).read_bytes() if (TREE / path).is_file() else None

    config = Config(base_config(read, "generic"), default=1)
    code, stubs = Codebase(read, (), config), load_stubs(STUBS, config)
    counts: Counter[str] = Counter()
    for site in found:
        partners = [each for each in partners_of(site, lookup) if each.line]
        counts["located"] += bool(partners)
        own = side(site.own, code, stubs)
        others = [other for other in (side(each, code, stubs) for each in partners) if other is not None]
        verdicts = [judge_pair(own, other, site.comment) for other in others] if own is not None else []
        counts["safe"] += any(verdict is not None and verdict.safe for verdict in verdicts)
    assert len(found) >= 100
    assert counts["located"] >= 75
    assert counts["safe"] >= 10
