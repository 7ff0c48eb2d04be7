"""What functions of the tree do for their callers: the same whether it is kept or computed."""

from pathlib import Path

import pytest
from patchscan.c.source import Function, parse
from patchscan.facts import of_effects
from patchscan.facts.fill import fill
from patchscan.facts.of_effects import EffectFact, told_by
from patchscan.facts.of_summaries import KIND, SummaryFact
from patchscan.facts.store import store_of
from patchscan.finding import Finding
from patchscan.flow.callees import Callees
from patchscan.flow.returns import returns_of
from patchscan.flow.signs import NEGATIVE, NOT_NEGATIVE, NOT_ZERO, ZERO
from patchscan.flow.usertables import forget_tables, use_tables
from patchscan.lookup import summed
from patchscan.scan import scan
from patchscan.series import Thread
from patchscan.settling.registry import load_rules
from patchscan.testing import read_example
from patchscan.tree import Directory
from patchscan.tree.index.build import build_index
from patchscan.tree.index.lookup import open_index
from patchscan.tree.overlay import View

TABLES = """\
struct table *find_table(struct port *port)
{
	if (!port->tables)
		return NULL;
	return &port->tables[0];
}

struct table *new_table(struct port *port, int size)
{
	if (size > 8)
		return ERR_PTR(-EINVAL);
	return make_table(port, size);
}

static struct table *make_table(struct port *port, int size)
{
	struct table *table = kzalloc(size, GFP_KERNEL);

	if (!table)
		return ERR_PTR(-ENOMEM);
	return table;
}

void port_free_table(struct port *port, struct table *table)
{
	if (!table)
		return;
	kfree(table->name);
	kfree(table);
}

void port_put_table(struct port *port, struct table *table)
{
	if (--table->users == 0)
		kfree(table);
}

void drop_table(struct port *port, struct table *table)
{
	give_up(table);
}

int count_tables(struct port *port)
{
	return port->count;
}

void lock_table(struct table *table)
{
	spin_lock_irq(&table->lock);
}

void unlock_table(struct table *table)
{
	spin_unlock_irq(&table->lock);
}

int lock_table_if(struct table *table, int wait)
{
	if (wait)
		return enter_table(table);
	mutex_lock(&table->mutex);
	kfree(table->name);
	return 0;
}

static int enter_table(struct table *table)
{
	spin_lock(&table->lock);
	return 0;
}
"""
HEADER = (
    "struct table *find_table(struct port *port);\nstruct table *new_table(struct port *port, int size);\n"
)
HEADER += "void port_free_table(struct port *port, struct table *table);\n"
HEADER += "void lock_table(struct table *table);\nvoid unlock_table(struct table *table);\n"
HEADER += "int lock_table_if(struct table *table, int wait);\n"
LOCKING = ("lock_table", "unlock_table", "lock_table_if")
PATCH = """
 static int grow(struct port *port)
 {
+	struct table *table = new_table(port, 4);
+
+	if (!table)
+		return -ENOMEM;
+	port_free_table(port, table);
+	port->size = table->size;
+	lock_table(port->first);
+	msleep(10);
+	unlock_table(port->first);
 	return 0;
 }
"""


@pytest.fixture
def kernel(tmp_path: Path) -> Path:
    top = tmp_path / "linux"
    for path, text in {
        "Makefile": "VERSION = 6\nPATCHLEVEL = 12\nSUBLEVEL = 0\n",
        "drivers/table.c": TABLES,
        "include/linux/table.h": HEADER,
        "Kconfig": "",
    }.items():
        (top / path).parent.mkdir(parents=True, exist_ok=True)
        (top / path).write_text(text)
    return top


def named(name: str, behind: str = "") -> Function:
    functions = parse((TABLES + behind).encode(), "drivers/table.c").functions()
    return next(each for each in functions if each.name == name)


def told(view: View) -> dict[str, object]:
    """What is told of each function of the tree."""
    functions = parse(TABLES.encode(), "drivers/table.c").functions()
    return {
        each.name: (summed.returned(view, each), summed.freed(view, each), summed.effects(view, each))
        for each in functions
    }


def found(top: Path) -> list[Finding]:
    names = ("error-pointer-or-null", "use-after-free", "sleep-in-atomic")
    rules = tuple(each for each in load_rules()[0] if each.name in names)
    series, _, _ = read_example(PATCH)
    return list(scan(Thread((series,), (), ()), Directory(str(top)), rules).findings)


def test_what_a_text_tells() -> None:
    assert list(KIND.find(parse(TABLES.encode()))) == [
        SummaryFact("find_table", 1, True, NOT_NEGATIVE, 4, False, "", ""),
        SummaryFact("new_table", 8, True, NEGATIVE, 11, True, "make_table", ""),
        SummaryFact("make_table", 15, True, NOT_ZERO, 20, True, "", ""),
        SummaryFact("port_free_table", 24, False, 7, 0, False, "", "1"),
    ]
    assert returns_of(named("find_table")).signs & ZERO


def test_it_is_the_same_kept_or_computed(kernel: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    computed = told(View(None, {}))
    build_index(str(kernel))
    before = found(kernel)
    assert {each.rule for each in before} == {"error-pointer-or-null", "use-after-free", "sleep-in-atomic"}
    open_index.cache_clear()
    store_of.cache_clear()
    assert fill(Directory(str(kernel))) == 0
    store_of.cache_clear()
    tree = Directory(str(kernel))
    assert told(View(tree, {})) == computed
    assert found(kernel) == before
    monkeypatch.setattr(summed, "returns_of", None)
    monkeypatch.setattr(summed, "frees_in", None)
    monkeypatch.setattr(summed, "summarise", None)
    assert summed.returned(View(tree, {}), named("new_table")) == returns_of(named("new_table"))
    assert found(kernel) == before


def test_what_a_text_does_to_the_context() -> None:
    facts = list(of_effects.KIND.find(parse(TABLES.encode())))
    assert [each.name for each in facts] == list(LOCKING)
    taken, given, either = map(told_by, facts)
    assert taken is not None and given is not None and either is not None
    assert taken.acquires == given.releases == (("spin", "table->lock"),)
    assert (taken.irqs_off_not_rt, given.irqs_off_not_rt) == (True, False)
    assert taken.certain and not either.certain and either.sleeps_at is not None
    assert told_by(EffectFact("any", 1, "")) is None


def test_a_changed_file_and_further_tables_are_computed(kernel: Path, tmp_path: Path) -> None:
    build_index(str(kernel))
    assert fill(Directory(str(kernel))) == 0
    store_of.cache_clear()
    tree = Directory(str(kernel))
    changed = TABLES.replace("\tkfree(table);\n}\n\nvoid port_put", "\tkeep(table);\n}\n\nvoid port_put")
    assert changed != TABLES
    function = next(
        each for each in parse(changed.encode(), "drivers/table.c").functions() if "free" in each.name
    )
    assert summed.freed(View(tree, {"drivers/table.c": changed.encode()}), function) == ()
    assert summed.freed(View(tree, {}), named("port_free_table")) == (1,)
    row = '[port]\nwhat = "it"\nkind = "memory"\nat = "result"\nnull = ["x"]\nrelease = ["give_up"]\n'
    (tmp_path / "resources.toml").write_text(row + 'frees = { give_up = 0 }\nsource = "ours"\n')
    assert summed.freed(View(tree, {}), named("drop_table")) == ()
    try:
        assert list(use_tables(str(tmp_path))) == []
        # What is kept knows nothing of a user's rows.
        assert summed.freed(View(tree, {}), named("drop_table", "\n")) == (1,)
    finally:
        forget_tables()


def test_callees_agree(kernel: Path) -> None:
    build_index(str(kernel))
    open_index.cache_clear()
    asking = parse(b"#include <linux/table.h>\n", "drivers/user.c")
    callees = Callees(View(Directory(str(kernel)), {}))
    assert callees.frees("port_free_table", asking) == (1,)
    assert callees.frees("port_put_table", asking) == ()
    assert callees.frees("no_such_function", asking) == ()
