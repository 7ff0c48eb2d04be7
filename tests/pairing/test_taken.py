"""References that readers take on what they find: on what others may have dropped by then only where none is left."""

from pathlib import Path

import pytest
from patchscan.basics.record import frozen
from patchscan.lkmm.answers.outcome import Answer
from patchscan.model.verdicts.gate import execute
from patchscan.pairing import taken

from tests.lkmm.executed import searched
from tests.pairing.test_answers import judged, said

HEAD = """\
struct item { refcount_t ref; struct kref kref; atomic_t users; int limit; struct rcu_head rcu; };
struct box { struct item __rcu *item; struct item __rcu *other; spinlock_t lock; };
"""
GET = """\
static struct item *box_get(struct box *box)
{
	struct item *item;

	rcu_read_lock();
	item = rcu_dereference(box->item);
	if (item)
		refcount_inc(&item->ref);
	rcu_read_unlock();
	return item;
}
"""
CLEAR = """\
static void item_put(struct item *item)
{
	if (refcount_dec_and_test(&item->ref))
		kfree_rcu(item, rcu);
}
static void box_clear(struct box *box)
{
	struct item *item = rcu_dereference_protected(box->item, 1);

	rcu_assign_pointer(box->item, NULL);
	item_put(item);
}
"""


@frozen
class Case:
    """changes: (what, by what) in the text above; unsafe: whether a count of zero may be met."""

    changes: tuple[tuple[str, str], ...]
    unsafe: bool


CASES = {
    "whatever the count is": Case((), True),
    "not from zero": Case((("refcount_inc(", "refcount_inc_not_zero("),), False),
    "after a grace period": Case(
        (("\titem_put(item);\n", "\tsynchronize_rcu();\n\titem_put(item);\n"),), False
    ),
    "after a grace period on a way": Case(
        (("\titem_put(item);\n", "\tif (box->other)\n\t\tsynchronize_rcu();\n\titem_put(item);\n"),), False
    ),
    "after what nobody knows": Case((("\titem_put(item);\n", "\tsettle(box);\n\titem_put(item);\n"),), False),
    "it stays where it is": Case((("\trcu_assign_pointer(box->item, NULL);\n", ""),), False),
    "another is taken out": Case(
        (("rcu_dereference_protected(box->item", "rcu_dereference_protected(box->other"),), False
    ),
    "another is found": Case((("rcu_dereference(box->item", "rcu_dereference(box->other"),), False),
    "nothing is freed": Case((("kfree_rcu(item, rcu)", "item->limit = 0"),), False),
    "freed whatever the count is": Case(
        (("\tif (refcount_dec_and_test(&item->ref))\n\t", "\trefcount_dec(&item->ref);\n"),), False
    ),
    "another count": Case((("refcount_inc(&item->ref", "kref_get(&item->kref"),), False),
    "a count of users": Case((("refcount_inc(&item->ref", "atomic_inc(&item->users"),), False),
    "a lock is held by both": Case(
        (
            ("\trcu_read_lock();\n", "\trcu_read_lock();\n\tspin_lock(&box->lock);\n"),
            ("\trcu_read_unlock();\n", "\tspin_unlock(&box->lock);\n\trcu_read_unlock();\n"),
            (
                "\titem_put(item);\n",
                "\tspin_lock(&box->lock);\n\titem_put(item);\n\tspin_unlock(&box->lock);\n",
            ),
        ),
        False,
    ),
}


@pytest.mark.parametrize("name", CASES)
def test_references(name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    tests: list[tuple[str, Answer]] = []

    def recorded(litmus: str) -> Answer:
        tests.append((litmus, execute(litmus)))
        return tests[-1][1]

    monkeypatch.setattr(taken, "execute", recorded)
    text = GET + CLEAR
    for old, new in CASES[name].changes:
        assert old in text
        text = text.replace(old, new)
    told = [message for _, message in said(judged(tmp_path, HEAD, HEAD + text))]
    assert ["takes one whatever the count is" in message for message in told] == [True] * CASES[name].unsafe
    assert not CASES[name].unsafe or {answer.held for _, answer in tests} == {False, True}
    for litmus, answer in tests:
        assert searched(litmus, 100_000) == answer.held


def test_a_count_that_may_be_at_zero_since_the_patch(tmp_path: Path) -> None:
    before = HEAD + GET.replace(
        "if (item)\n\t\trefcount_inc(", "if (item && !refcount_inc_not_zero("
    ).replace("(&item->ref);", "(&item->ref))\n\t\titem = NULL;")
    assert "!refcount_inc_not_zero(&item->ref))" in before
    ((severity, message),) = said(judged(tmp_path, before + CLEAR, HEAD + GET + CLEAR))
    assert severity == "warning" and "box_clear(), which takes it out there" in message
