"""Sizes that herd7's enumeration cannot reach, in CPU seconds of this process; limits are far above what it
takes.
"""

import time

import pytest
from patchscan.lkmm import run

from tests.lkmm import families

LARGE = {
    "store buffering, 128 threads": (families.store_buffering_ring(128), "Never", 10),
    "the same without fences": (families.store_buffering_ring(128, fence=False), "Sometimes", 10),
    "load buffering, 128 threads": (families.load_buffering_ring(128), "Never", 10),
    "chain of 128 threads": (families.message_chain(128), "Never", 10),
    "rcu ring, enough grace periods": (families.rcu_ring(64, 32), "Never", 10),
    "rcu ring, one too few": (families.rcu_ring(64, 31), "Sometimes", 10),
    "64 writers": (families.writers(64), "Sometimes", 10),
    "300 writers": (families.writers(300), "Sometimes", 10),
    "800 writes of one thread": (families.reads_against_writes(1, 800), "Never", 10),
    "srcu ring of 64": (families.srcu_ring(64), "Never", 10),
    "64 writers, two readers": (families.writers_and_reader(64), "Never", 10),
    "31 locked increments": (families.locked_increments(31), "Never", 10),
    "31 sections in a ring": (families.locked_ring(31), "Never", 10),
    "62 sections in a ring": (families.locked_ring(62), "Never", 10),
    "16 sums of different amounts": (families.distinct_sums(16), "Never", 10),
    "16 sums of different amounts, their results": (families.distinct_results(16), "Never", 10),
    "16 sums of different amounts under a lock": (families.locked_sums(16), "Never", 10),
    "16 attempts at a lock": (families.attempts(16), "Never", 10),
    "8 users of a counted object": (families.references(8), "Never", 10),
    "16 sums that double, looked at": (families.doubling_sums(16), "Never", 10),
    "24 threads that leave": (families.last_to_leave(24), "Never", 10),
    "20 atomic increments": (families.atomic_increments(20), "Never", 10),
    "8 writers of a sequence count": (families.sequence_count(8), "Never", 10),
    "16 that compare and exchange": (families.exchanges(16), "Never", 10),
    "5 that do so until they have": (families.retries(5), "Never", 10),
    "32 sums that may get lost": (families.racy_sums(32), "Never", 10),
    "32 reads against 32 writes": (families.reads_against_writes(32, 32), "Never", 10),
    "64 branches": (families.branches(64), "Sometimes", 10),
}


@pytest.mark.parametrize("name", LARGE)
def test_large_tests(name: str) -> None:
    text, outcome, seconds = LARGE[name]
    start = time.process_time()
    assert run(text, name, witness=False).outcome == outcome
    assert time.process_time() - start < seconds
