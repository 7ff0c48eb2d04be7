"""Lists that readers go through in RCU sections: what is put in without order, taken out and freed, or taken late."""

from pathlib import Path

import pytest

from tests.pairing.test_answers import judged, said

HEAD = """\
struct item { struct list_head node; int v; refcount_t ref; struct kref kref; struct rcu_head rcu; };
struct box { struct list_head items; struct list_head spare; struct mutex lock; };
static int box_sum(struct box *box)
{
	struct item *i;
	int sum = 0;

	rcu_read_lock();
	list_for_each_entry_rcu(i, &box->items, node)
		sum += i->v;
	rcu_read_unlock();
	return sum;
}
"""
ADD = """\
static void box_add(struct box *box, struct item *i, int v)
{
	i->v = v;
	mutex_lock(&box->lock);
	list_add_tail(&i->node, &box->items);
	mutex_unlock(&box->lock);
}
"""
DELETE = """\
static void box_del(struct box *box, struct item *i)
{
	mutex_lock(&box->lock);
	list_del(&i->node);
	mutex_unlock(&box->lock);
	kfree(i);
}
"""
FLUSH = """\
static void box_flush(struct box *box, struct list_head *dispose)
{
	struct item *i, *n;

	list_for_each_entry_safe(i, n, dispose, node) {
		list_del(&i->node);
		kfree(i);
	}
}
"""
FIND = """\
static struct item *box_find(struct box *box, int v)
{
	struct item *i;

	rcu_read_lock();
	list_for_each_entry_rcu(i, &box->items, node) {
		if (i->v == v) {
			refcount_inc(&i->ref);
			rcu_read_unlock();
			return i;
		}
	}
	rcu_read_unlock();
	return NULL;
}
"""
PUT = """\
static void box_put(struct box *box, struct item *i)
{
	mutex_lock(&box->lock);
	list_del_rcu(&i->node);
	mutex_unlock(&box->lock);
	if (refcount_dec_and_test(&i->ref))
		kfree_rcu(i, rcu);
}
"""


def new(tmp_path: Path, *parts: str) -> list[str]:
    """What is said of a patch that adds the last of these parts of a file."""
    found = said(judged(tmp_path, "".join(parts[:-1]), "".join(parts)))
    assert all(severity == "warning" for severity, _ in found)
    return [message for _, message in found]


def test_what_readers_walk_to_is_put_in_with_order(tmp_path: Path) -> None:
    (message,) = new(tmp_path, HEAD, ADD)
    assert "box_sum() goes through the list of box.items" in message
    assert "find the item there and not item.v" in message


def test_a_lighter_call_for_one_that_is_there_is_no_better(tmp_path: Path) -> None:
    text = HEAD + ADD
    report = judged(tmp_path, text.replace("list_add_tail(", "list_add_tail_rcu("), text)
    ((_, message),) = said(report)
    assert "box_sum() goes through the list of box.items" in message
    (model,) = report.models
    assert {step.thread for step in model.timeline} == {"CPU 0: box_add()", "CPU 1: box_sum()"}


@pytest.mark.parametrize(
    ("old", "new_text"),
    [
        ("list_add_tail(", "list_add_tail_rcu("),
        ("\tmutex_lock", "\tsmp_wmb();\n\tmutex_lock"),
        ("&box->items", "&box->spare"),
        ("box_add", "box_init"),
    ],
)
def test_what_no_reader_finds_too_early(tmp_path: Path, old: str, new_text: str) -> None:
    assert old in ADD
    assert not new(tmp_path, HEAD, ADD.replace(old, new_text, 1))


@pytest.mark.parametrize(
    ("old", "new_text"),
    [
        ("\trcu_read_lock();\n", "\tmutex_lock(&box->lock);\n\trcu_read_lock();\n"),
        ("struct item *i;", "struct other *i;"),
        ("_entry_rcu(", "_entry("),
        (", node)", ", other)"),
    ],
)
def test_who_walks_is_known_for_certain(tmp_path: Path, old: str, new_text: str) -> None:
    assert old in HEAD
    assert not new(tmp_path, HEAD.replace(old, new_text, 1), ADD)


@pytest.mark.parametrize(
    "part",
    [DELETE, DELETE.replace("list_del(", "list_del_rcu("), FLUSH.replace(", dispose,", ", &box->items,")],
)
def test_what_readers_may_still_use_is_not_freed(tmp_path: Path, part: str) -> None:
    (message,) = new(tmp_path, HEAD, part)
    assert "takes it out and frees it while box_sum() still uses item.v" in message


@pytest.mark.parametrize(
    "part",
    [
        FLUSH,
        DELETE.replace("kfree(i)", "kfree_rcu(i, rcu)"),
        DELETE.replace("box_del", "box_destroy"),
        DELETE
        + "static void drop(struct box *b, struct item *i)\n{\n\tsynchronize_rcu();\n\tbox_del(b, i);\n}\n",
    ],
)
def test_what_no_reader_finds_any_more_may_be_freed(tmp_path: Path, part: str) -> None:
    assert not new(tmp_path, HEAD, part)


def test_an_entry_may_have_lost_its_last_reference(tmp_path: Path) -> None:
    (message,) = new(tmp_path, HEAD, PUT, FIND)
    assert "box_find() finds the item in item.node without a reference" in message
    assert "box_put(), which takes it out there" in message


@pytest.mark.parametrize(
    ("where", "old", "new_text"),
    [
        (FIND, "refcount_inc(&i->ref);", "if (!refcount_inc_not_zero(&i->ref)) i = NULL;"),
        (PUT, "\tif (refcount_dec", "\tsynchronize_rcu();\n\tif (refcount_dec"),
        (FIND, "\trcu_read_lock();", "\tmutex_lock(&box->lock);\n\trcu_read_lock();"),
        (PUT, "&i->node", "&i->other"),
    ],
)
def test_an_entry_that_still_has_one(tmp_path: Path, where: str, old: str, new_text: str) -> None:
    assert old in where
    part = where.replace(old, new_text, 1)
    assert not new(tmp_path, HEAD, *((PUT, part) if where is FIND else (part, FIND)))
