"""The capacity of an mmu_gather from a tree's own constants."""

import os
from pathlib import Path

import pytest
from patchscan.cost.gather import gather_capacity
from patchscan.cost.schemes import reader_of

TREE = os.environ.get("PATCHSCAN_KERNEL_TREE", "")
HEADER = b"""
#define BUNDLE_OF 4
#define MMU_GATHER_BUNDLE BUNDLE_OF
struct mmu_gather_batch {
	struct mmu_gather_batch	*next;
	unsigned int		nr;
	unsigned int		max;
	struct encoded_page	*encoded_pages[];
};
#define MAX_GATHER_BATCH	\\
	((PAGE_SIZE - sizeof(struct mmu_gather_batch)) / sizeof(void *))
#define MAX_GATHER_BATCH_COUNT	(100UL/MAX_GATHER_BATCH)
struct mmu_table_batch {
#ifdef CONFIG_MMU_GATHER_RCU_TABLE_FREE
	struct rcu_head		rcu;
#endif
	unsigned int		nr;
	void			*tables[];
};
#define MAX_TABLE_BATCH		\\
	((PAGE_SIZE - sizeof(struct mmu_table_batch)) / sizeof(void *))
"""
TYPES = b"""
struct callback_head {
	struct callback_head *next;
	void (*func)(struct callback_head *head);
};
#define rcu_head callback_head
"""


def read(path: str) -> bytes | None:
    return {"include/asm-generic/tlb.h": HEADER, "include/linux/types.h": TYPES}.get(path)


def test_capacity_of_small_pages() -> None:
    """Pages of 256 bytes: 30 slots behind 16 bytes, three batches, 29 tables behind 24 bytes."""
    found = gather_capacity(read, page_size=256)
    assert (found.batch, found.batches, found.bundle, found.tables) == (30, 3, 4, 29)
    assert found.entries == 4 + 3 * 30
    assert found.pages == 3 + 3 * 29
    assert found.fragments == 2 + 3 * 15


@pytest.mark.skipif(not TREE, reason="needs PATCHSCAN_KERNEL_TREE")
def test_capacity_of_the_kernel() -> None:
    """The limit is meant to be about 10000 pages, or 5000 folio fragments of two slots each."""
    found = gather_capacity(reader_of(Path(TREE)))
    assert 9_500 < found.pages <= found.entries < 10_000
    assert found.fragments == found.entries // 2 and 4_750 < found.fragments < 5_000
    assert found.tables == (4096 - 24) // 8


SLOTS = b"\tstruct encoded_page\t*encoded_pages[];"


@pytest.mark.skipif(not TREE, reason="needs PATCHSCAN_KERNEL_TREE")
@pytest.mark.parametrize(
    ("old", "new", "pages", "tables"),
    [
        (b"(10000UL/", b"(5000UL/", 7 + (5000 // 510) * 509, 509),
        (SLOTS, b"\tunsigned long\t\tmore;\n" + SLOTS, 7 + (10_000 // 509) * 508, 509),
        (b"\tstruct rcu_head\t\trcu;\n", b"", 7 + (10_000 // 510) * 509, 511),
    ],
    ids=["half the limit", "a longer head of a batch", "no head to free it later"],
)
def test_capacity_of_the_kernel_changed(old: bytes, new: bytes, pages: int, tables: int) -> None:
    """A batch has 510 slots behind two words; single pages leave the last one, for a folio may take two."""
    kernel = reader_of(Path(TREE))

    def changed(path: str) -> bytes | None:
        text = kernel(path)
        if path != "include/asm-generic/tlb.h" or text is None:
            return text
        assert text.count(old) == 1
        return text.replace(old, new)

    found = gather_capacity(changed)
    assert (found.pages, found.tables) == (pages, tables)


def test_a_tree_without_the_header() -> None:
    with pytest.raises(ValueError, match=r"no include/asm-generic/tlb\.h"):
        gather_capacity(lambda path: None)
