"""What is freed while others may use it: taken out of where RCU readers find it, or counted down to zero.

Every case says what must come out, by reasoning from the code, before it is run; each model that is executed on the
way is put to the plain search as well.
"""

from pathlib import Path

import pytest
from patchscan.basics.record import frozen
from patchscan.lkmm.answers.outcome import Answer
from patchscan.lkmm.checking.exhaustive import search
from patchscan.lkmm.dialect.litmus_syntax import observed_in
from patchscan.lkmm.dialect.parser import parse
from patchscan.lkmm.memory.states import observed_order
from patchscan.model.verdicts.gate import execute
from patchscan.pairing import pair_model, unpublished

from tests.pairing.test_answers import judged, said

HEAD = """\
struct cfg { int limit; struct list_head list; struct rcu_head rcu; };
struct dev { struct cfg __rcu *cfg; struct cfg __rcu *spare; struct mutex lock; struct srcu_struct srcu; };
static LIST_HEAD(all);
"""
LIMIT = """\
static int dev_limit(struct dev *dev)
{
	struct cfg *cfg;
	int limit = 0;

	rcu_read_lock();
	cfg = rcu_dereference(dev->cfg);
	if (cfg)
		limit = cfg->limit;
	rcu_read_unlock();
	return limit;
}
"""
DROP = """\
static void dev_drop(struct dev *dev, struct cfg *new, bool wait)
{
	struct cfg *old;

	mutex_lock(&dev->lock);
	old = rcu_dereference_protected(dev->cfg, lockdep_is_held(&dev->lock));
	rcu_assign_pointer(dev->cfg, new);
	mutex_unlock(&dev->lock);
	synchronize_rcu();
	kfree(old);
}
"""
WAIT = "\tsynchronize_rcu();\n"
SUM = """\
static int sum(void)
{
	struct cfg *cfg;
	int all_of_them = 0;

	rcu_read_lock();
	list_for_each_entry_rcu(cfg, &all, list)
		all_of_them += cfg->limit;
	rcu_read_unlock();
	return all_of_them;
}
"""
UNLINK = """\
static void unlink(struct cfg *cfg)
{
	list_del_rcu(&cfg->list);
	synchronize_rcu();
	kfree(cfg);
}
"""
CALLBACK = """\
static void cfg_free(struct rcu_head *head)
{
	kfree(container_of(head, struct cfg, rcu));
}
"""


@frozen
class Attack:
    """Code before and after a patch; unsafe: whether the patch lets something be used that was freed."""

    before: str
    after: str
    unsafe: bool


def edit(text: str, *changes: tuple[str, str]) -> str:
    for old, new in changes:
        assert old in text, old
        text = text.replace(old, new)
    return text


BASE = HEAD + LIMIT + DROP
XCHG = edit(
    BASE,
    ("\told = rcu_dereference_protected(dev->cfg, lockdep_is_held(&dev->lock));\n", ""),
    ("rcu_assign_pointer(dev->cfg, new);", "old = xchg(&dev->cfg, new);"),
)
LISTED = HEAD + SUM + UNLINK
LOCKED = (
    ("rcu_read_lock();", "mutex_lock(&dev->lock);"),
    ("rcu_read_unlock();", "mutex_unlock(&dev->lock);"),
)
SRCU = (
    ("rcu_read_lock();", "int idx = srcu_read_lock(&dev->srcu);"),
    ("rcu_read_unlock();", "srcu_read_unlock(&dev->srcu, idx);"),
)
UNPUBLISH = "\trcu_assign_pointer(dev->cfg, new);\n"
READERS = {
    "the wait goes": Attack(BASE, edit(BASE, (WAIT, "")), True),
    "the wait goes behind the free": Attack(
        BASE, edit(BASE, (WAIT, ""), ("kfree(old);\n", "kfree(old);\n" + WAIT)), True
    ),
    "the wait goes before the pointer is cleared": Attack(
        BASE, edit(BASE, (WAIT, ""), (UNPUBLISH, WAIT + UNPUBLISH)), True
    ),
    "an expedited wait takes its place": Attack(
        BASE, edit(BASE, ("synchronize_rcu()", "synchronize_rcu_expedited()")), False
    ),
    "a barrier takes its place": Attack(BASE, edit(BASE, ("synchronize_rcu()", "smp_mb()")), True),
    "a deferred free takes its place": Attack(
        BASE, edit(BASE, (WAIT, ""), ("kfree(old)", "kfree_rcu(old, rcu)")), False
    ),
    "a callback takes its place": Attack(
        HEAD + LIMIT + CALLBACK + DROP,
        HEAD + LIMIT + CALLBACK + edit(DROP, (WAIT, ""), ("kfree(old)", "call_rcu(&old->rcu, cfg_free)")),
        False,
    ),
    "a deferred free becomes one at once": Attack(
        edit(BASE, (WAIT, ""), ("kfree(old)", "kfree_rcu(old, rcu)")), edit(BASE, (WAIT, "")), True
    ),
    "the wait depends on an argument": Attack(
        BASE, edit(BASE, (WAIT, "\tif (wait)\n\t\tsynchronize_rcu();\n")), False
    ),
    "the pointer is exchanged": Attack(XCHG, edit(XCHG, (WAIT, "")), True),
    "readers hold the lock": Attack(edit(BASE, *LOCKED), edit(BASE, *LOCKED, (WAIT, "")), False),
    "readers are SRCU's, who were never waited for": Attack(
        edit(BASE, *SRCU), edit(BASE, *SRCU, (WAIT, "")), False
    ),
    "SRCU readers lose their wait": Attack(
        edit(BASE, *SRCU, ("synchronize_rcu()", "synchronize_srcu(&dev->srcu)")),
        edit(BASE, *SRCU, (WAIT, "")),
        True,
    ),
    "readers look elsewhere": Attack(
        edit(BASE, ("rcu_dereference(dev->cfg)", "rcu_dereference(dev->spare)")),
        edit(BASE, ("rcu_dereference(dev->cfg)", "rcu_dereference(dev->spare)"), (WAIT, "")),
        False,
    ),
    "readers use nothing of it": Attack(
        edit(BASE, ("limit = cfg->limit;", "limit = 1;")),
        edit(BASE, ("limit = cfg->limit;", "limit = 1;"), (WAIT, "")),
        False,
    ),
    "the use comes after the section": Attack(
        edit(
            BASE,
            (
                "\t\tlimit = cfg->limit;\n\trcu_read_unlock();\n",
                "\t\tlimit = 1;\n\trcu_read_unlock();\n\tlimit = cfg->limit;\n",
            ),
        ),
        edit(
            BASE,
            (
                "\t\tlimit = cfg->limit;\n\trcu_read_unlock();\n",
                "\t\tlimit = 1;\n\trcu_read_unlock();\n\tlimit = cfg->limit;\n",
            ),
            (WAIT, ""),
        ),
        False,
    ),
    "what is freed is another": Attack(BASE, edit(BASE, (WAIT, ""), ("kfree(old)", "kfree(new)")), False),
    "an entry leaves its list": Attack(LISTED, edit(LISTED, (WAIT, "")), True),
    "an entry leaves its list and is freed later": Attack(
        LISTED, edit(LISTED, (WAIT, ""), ("kfree(cfg)", "kfree_rcu(cfg, rcu)")), False
    ),
    "an entry leaves a list that nobody walks": Attack(
        edit(LISTED, ("&all, list)", "&all, other)")),
        edit(LISTED, ("&all, list)", "&all, other)"), (WAIT, "")),
        False,
    ),
    "new code that frees at once": Attack(HEAD + LIMIT, HEAD + LIMIT + edit(DROP, (WAIT, "")), True),
    "new code that waits": Attack(HEAD + LIMIT, BASE, False),
    "new code that waits on a way": Attack(
        HEAD + LIMIT, HEAD + LIMIT + edit(DROP, (WAIT, "\tif (wait)\n\t\tsynchronize_rcu();\n")), False
    ),
    "new code that calls what nobody knows": Attack(
        HEAD + LIMIT, HEAD + LIMIT + edit(DROP, (WAIT, "\tquiesce(dev);\n")), False
    ),
    "new code that frees what it was given": Attack(
        HEAD + LIMIT, HEAD + LIMIT + edit(DROP, (WAIT, ""), ("kfree(old)", "kfree(new)")), False
    ),
    "new code that unlinks and frees at once": Attack(
        HEAD + SUM, HEAD + SUM + edit(UNLINK, (WAIT, "")), True
    ),
    "new code that frees an entry by RCU": Attack(
        HEAD + SUM, HEAD + SUM + edit(UNLINK, (WAIT, ""), ("kfree(cfg)", "kfree_rcu(cfg, rcu)")), False
    ),
}

OBJECT = "struct obj { atomic_t refs; refcount_t count; struct kref kref; int state; int other; };\n"
PUT = """\
static void obj_put(struct obj *obj)
{
	WRITE_ONCE(obj->state, 0);
	if (atomic_dec_and_test(&obj->refs))
		kfree(obj);
}
"""
TEST = "atomic_dec_and_test(&obj->refs)"
RELAXED = "atomic_dec_return_relaxed(&obj->refs) == 0"
FENCED = edit(PUT, ("\tif", "\tsmp_mb__before_atomic();\n\tif"), (TEST, RELAXED))
COUNTS = {
    "the drop gets relaxed": Attack(OBJECT + PUT, OBJECT + edit(PUT, (TEST, RELAXED)), True),
    "the drop keeps a release, and the branch the free": Attack(
        OBJECT + PUT, OBJECT + edit(PUT, (TEST, "atomic_dec_return_release(&obj->refs) == 0")), False
    ),
    "the drop is a reference count's": Attack(
        OBJECT + PUT, OBJECT + edit(PUT, (TEST, "refcount_dec_and_test(&obj->count)")), False
    ),
    "the drop is split in two": Attack(
        OBJECT + PUT,
        OBJECT + edit(PUT, (f"\tif ({TEST})", "\tatomic_dec(&obj->refs);\n\tif (!atomic_read(&obj->refs))")),
        True,
    ),
    "the barrier before the drop goes": Attack(
        OBJECT + FENCED, OBJECT + edit(FENCED, ("\tsmp_mb__before_atomic();\n", "")), True
    ),
    "another lock is dropped first": Attack(
        OBJECT + PUT, OBJECT + edit(PUT, ("\tif", "\tsmp_mb();\n\tif"), (TEST, RELAXED)), False
    ),
    "nothing is used before": Attack(
        OBJECT + edit(PUT, ("\tWRITE_ONCE(obj->state, 0);\n", "")),
        OBJECT + edit(PUT, ("\tWRITE_ONCE(obj->state, 0);\n", ""), (TEST, RELAXED)),
        False,
    ),
    "nothing is freed": Attack(
        OBJECT + edit(PUT, ("kfree(obj)", "WRITE_ONCE(obj->other, 1)")),
        OBJECT + edit(PUT, ("kfree(obj)", "WRITE_ONCE(obj->other, 1)"), (TEST, RELAXED)),
        False,
    ),
    "new code with a relaxed drop": Attack(OBJECT, OBJECT + edit(PUT, (TEST, RELAXED)), True),
    "new code with an ordered drop": Attack(OBJECT, OBJECT + PUT, False),
    "new code with a fence": Attack(OBJECT, OBJECT + FENCED, False),
}


def check(attack: Attack, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, words: str) -> None:
    tests: list[tuple[str, bool]] = []

    def recorded(litmus: str) -> Answer:
        answer = execute(litmus)
        tests.append((litmus, bool(answer.held)))
        return answer

    monkeypatch.setattr(unpublished, "execute", recorded)
    monkeypatch.setattr(pair_model, "execute", recorded)
    report = judged(tmp_path, attack.before, attack.after)
    told = [message for _, message in said(report) if words in message]
    assert len(told) == attack.unsafe, said(report)
    assert all(message in told for _, message in said(report))
    if attack.unsafe:
        assert {held for _, held in tests} == {False, True}
        assert [model.verdict for model in report.models] == ["unsafe"]
    for litmus, held in tests:
        parsed = parse(litmus, "")
        found = search(parsed, sorted(observed_in(parsed.condition), key=observed_order))
        assert held == (found.outcome != "Never"), litmus


@pytest.mark.parametrize("name", READERS)
def test_readers(name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    check(READERS[name], tmp_path, monkeypatch, "until its reader section ends")


@pytest.mark.parametrize("name", COUNTS)
def test_counts(name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    check(COUNTS[name], tmp_path, monkeypatch, "at zero in obj_put()")
