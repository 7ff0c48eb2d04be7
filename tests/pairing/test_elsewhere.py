"""The other side of a barrier in another file, as the facts of the tree tell."""

from pathlib import Path

import pytest

from tests.pairing.test_answers import judged, said

HEADER = "struct ring { int data; int ready; };\n"
OWN = """\
#include "ring.h"
void publish(struct ring *ring, int value)
{
	ring->data = value;
	smp_wmb();
	WRITE_ONCE(ring->ready, 1);
}
"""
OTHER = """\
#include "ring.h"
int consume(struct ring *ring)
{
	if (!READ_ONCE(ring->ready))
		return 0;
	smp_rmb();
	return ring->data;
}
"""


@pytest.fixture(autouse=True)
def _own_cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))


def lost(tmp_path: Path, other: str, own: str = OWN, header: str = HEADER) -> list[tuple[str, str]]:
    (tmp_path / "lib").mkdir(parents=True)
    (tmp_path / "lib/ring.h").write_text(header)
    return said(judged(tmp_path, own, own.replace("\tsmp_wmb();\n", ""), lib__other=other))


def test_a_reader_in_another_file_is_found_by_what_it_accesses(tmp_path: Path) -> None:
    ((severity, message),) = lost(tmp_path, OTHER)
    assert severity == "warning"
    assert "here consume() sees ring.ready and not ring.data" in message


@pytest.mark.parametrize(
    ("old", "new"),
    [
        # Nothing there orders the reads, so the barrier was for somebody else.
        ("\tsmp_rmb();\n", ""),
        # Another structure has members of these names.
        ("struct ring *ring", "struct other *ring"),
        # One of the two is not read.
        ("ring->data", "0"),
    ],
)
def test_what_is_no_other_side_is_left_alone(tmp_path: Path, old: str, new: str) -> None:
    assert old in OTHER
    assert not lost(tmp_path, OTHER.replace(old, new))


def test_a_structure_of_the_own_file_is_nobody_elses(tmp_path: Path) -> None:
    own = OWN.replace('#include "ring.h"\n', HEADER)
    other = OTHER.replace('#include "ring.h"\n', HEADER)
    assert not lost(tmp_path, other, own, "")


def test_two_that_hold_one_lock_are_left_alone(tmp_path: Path) -> None:
    header = "struct ring { int data; int ready; spinlock_t lock; };\n"
    own = OWN.replace("\tring->data", "\tspin_lock(&ring->lock);\n\tring->data").replace(
        "1);\n}", "1);\n\tspin_unlock(&ring->lock);\n}"
    )
    other = OTHER.replace("\tif", "\tspin_lock(&ring->lock);\n\tif")
    assert not lost(tmp_path, other, own, header)


STOPPED = """\
#include "ring.h"
void stop(struct ring *ring)
{
	netif_tx_stop_queue(ring->queue);
	smp_mb();
	if (ring->data)
		netif_tx_start_queue(ring->queue);
}
"""
CLEANED = """\
#include "ring.h"
void clean(struct ring *ring)
{
	ring->data = 1;
	smp_mb();
	if (netif_tx_queue_stopped(ring->queue))
		netif_tx_wake_queue(ring->queue);
}
"""


@pytest.mark.parametrize(
    ("old", "new", "right"), [("", "", True), ("netif_tx_queue_stopped", "is_stopped", False)]
)
def test_a_queue_is_known_by_its_helpers(tmp_path: Path, old: str, new: str, right: bool) -> None:
    (tmp_path / "lib").mkdir(parents=True)
    (tmp_path / "lib/ring.h").write_text("struct ring { int data; struct netdev_queue *queue; };\n")
    other = (
        CLEANED.replace(old, new).replace("netif_tx_wake_queue(ring->queue)", "return") if old else CLEANED
    )
    report = judged(tmp_path, STOPPED, STOPPED.replace("smp_mb", "smp_wmb"), lib__other=other)
    assert bool(said(report)) is right
    assert bool(report.models) is right
