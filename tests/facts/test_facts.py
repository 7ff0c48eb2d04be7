"""Facts of a text, a kind at a time; where they are kept; and the commands that print them."""

import json
import os
import shutil
import signal
import sqlite3
import subprocess
import sys
import time
from collections.abc import Callable, Sequence
from pathlib import Path

import pytest
from patchscan.c.source import parse
from patchscan.cli import main
from patchscan.facts.fill import fill
from patchscan.facts.infile import facts_in
from patchscan.facts.kind import all_kinds
from patchscan.facts.of_accesses import KIND as ACCESSES
from patchscan.facts.of_calls import KIND as CALLS
from patchscan.facts.of_declarations import KIND as DECLARATIONS
from patchscan.facts.of_functions import KIND as FUNCTIONS
from patchscan.facts.of_functions import FunctionFact
from patchscan.facts.of_includes import KIND as INCLUDES
from patchscan.facts.of_macros import KIND as MACROS
from patchscan.facts.of_members import KIND as MEMBERS
from patchscan.facts.store import Store, store_of
from patchscan.lookup.known import accesses, callers, who
from patchscan.tree import Directory
from patchscan.tree.index.build import build_index
from patchscan.tree.index.location import index_directory
from patchscan.tree.index.lookup import open_index
from patchscan.tree.overlay import View

FIXTURE = Path(__file__).parents[2] / "fixtures" / "tree"
TEXT = b"""\
#include <linux/a.h>
#ifdef CONFIG_B
#include "b.h"
#endif
struct pool;
enum state { IDLE, BUSY = 3, DONE };
struct pool {
	struct page *head;
	int size, used;
#ifdef CONFIG_DEBUG
	atomic_t seen;
#endif
	struct pool *next;
};
#define first(p) ((p)->head)
#define LIMIT 10
#define say(fmt, ...) printk(fmt, ##__VA_ARGS__)
extern int outside(struct pool *p, int n);
static struct pool common = { .size = LIMIT, .next = &other };
static const struct file_operations fops[] = { { .open = grow, .release = shrink }, };
typedef unsigned long word_t;

static inline int __must_check grow(struct pool *p, int n /* pages */)
{
	struct pool *other = pick(&common, n), *third;
	if (outside(p, n) && p->size < READ_ONCE(other->size))
		p->size += n;
	WRITE_ONCE(p->head->flags, f(g(n, 2), (3)));
	spin_lock(&p->lock);
	p->ops->run(p);
	common.used++;
	third->used = sizeof(*p);	/* common.used = 1; call(it); */
	mask = n & p->used;
	return shrink();
}
EXPORT_SYMBOL_GPL(grow);
#ifdef CONFIG_SMP
int __weak shrink(void) { return 0; }
#else
int shrink(void)
{
	return say("%d call(it)", (int)first(get(1)->used));
}
#endif
"""
SOURCE = parse(TEXT, "mm/pool.c")


def test_functions() -> None:
    assert [
        (each.name, each.line, each.last_line, each.static, each.inline, each.weak, each.parameters)
        for each in FUNCTIONS.find(SOURCE)
    ] == [
        ("grow", 23, 35, True, True, False, "struct pool *p, int n"),
        ("shrink", 38, 38, False, False, True, "void"),
        ("shrink", 40, 43, False, False, False, "void"),
    ]
    assert [(each.condition, each.exported) for each in FUNCTIONS.find(SOURCE)] == [
        ("", "EXPORT_SYMBOL_GPL"),
        ("defined(CONFIG_SMP)", ""),
        ("!defined(CONFIG_SMP)", ""),
    ]


def test_macros() -> None:
    assert [(each.name, each.line, each.arity, each.variadic, each.body) for each in MACROS.find(SOURCE)] == [
        ("first", 15, 1, False, "((p)->head)"),
        ("LIMIT", 16, -1, False, "10"),
        ("say", 17, 2, True, "printk(fmt, ##__VA_ARGS__)"),
    ]


def test_declarations() -> None:
    assert [
        (each.kind, each.name, each.line, each.static, each.extern, each.text)
        for each in DECLARATIONS.find(SOURCE)
    ] == [
        ("enum", "state", 6, False, False, "enum state"),
        ("struct", "pool", 7, False, False, "struct pool"),
        ("prototype", "outside", 18, False, True, "extern int outside(struct pool *p, int n)"),
        ("variable", "common", 19, True, False, "static struct pool common"),
        ("variable", "fops", 20, True, False, "static const struct file_operations fops[]"),
        ("typedef", "word_t", 21, False, False, "typedef unsigned long word_t"),
    ]


def test_members() -> None:
    assert [
        (each.owner, each.name, each.type, each.line, each.condition) for each in MEMBERS.find(SOURCE)
    ] == [
        ("pool", "head", "struct page *", 8, ""),
        ("pool", "size", "int", 9, ""),
        ("pool", "used", "int", 9, ""),
        ("pool", "seen", "atomic_t", 11, "defined(CONFIG_DEBUG)"),
        ("pool", "next", "struct pool *", 13, ""),
        ("state", "IDLE", "enum", 6, ""),
        ("state", "BUSY", "enum", 6, ""),
        ("state", "DONE", "enum", 6, ""),
    ]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        (b"struct a { struct b { int x; } y; };", [("a", "y"), ("b", "x")]),
        (b"struct a { struct { int x; }; union { int y; }; };", [("a", "x"), ("a", "y")]),
        (b"void f(void) { struct a { int x; } y; }", [("a", "x")]),
        (b"struct __packed a { u8 x[F(1) + 2]; } __aligned(8);", [("a", "x")]),
        (b"struct __key { int x, *y; };", [("__key", "x"), ("__key", "y")]),
        (b"enum { A = F(1, 2), B, LIST(C) };", [("", "A"), ("", "B")]),
        (b"void f(enum a b) { struct c d = { .e = 1 }; }", []),
    ],
)
def test_where_members_stand(text: bytes, expected: list[tuple[str, str]]) -> None:
    assert [(each.owner, each.name) for each in MEMBERS.find(parse(text))] == expected


def test_includes() -> None:
    assert [(each.name, each.quoted, each.line, each.condition) for each in INCLUDES.find(SOURCE)] == [
        ("linux/a.h", False, 1, ""),
        ("b.h", True, 3, "defined(CONFIG_B)"),
    ]


def test_calls() -> None:
    assert [
        (each.name, each.function, each.line, each.arguments, each.macro) for each in CALLS.find(SOURCE)
    ] == [
        ("pick", "grow", 25, 2, False),
        ("outside", "grow", 26, 2, False),
        ("READ_ONCE", "grow", 26, 1, False),
        ("g", "grow", 28, 2, False),
        ("f", "grow", 28, 2, False),
        ("WRITE_ONCE", "grow", 28, 2, False),
        ("spin_lock", "grow", 29, 1, False),
        ("shrink", "grow", 34, 0, False),
        ("get", "shrink", 42, 1, False),
        ("first", "shrink", 42, 1, False),
        ("say", "shrink", 42, 2, False),
        ("printk", "say", 17, 2, True),
    ]


@pytest.mark.parametrize(
    ("statement", "called"),
    [
        (b"int f(int a);", []),
        (b"return f(a);", ["f"]),
        (b"a = b * f(c);", ["f"]),
        (b"else f(a);", ["f"]),
        (b"a->f(b);", []),
        (b"a.f(b);", []),
        (b"(*f)(a);", []),
        (b"if (f(a)) g();", ["f", "g"]),
        (b"for_each(a, b) f(a);", ["for_each", "f"]),
        (b"x = sizeof(a);", []),
        (b"WARN_ON(1);\n\tf(a);", ["WARN_ON", "f"]),
        (b"f((int (*)(void))g(a));", ["g", "f"]),
    ],
)
def test_what_is_a_call(statement: bytes, called: list[str]) -> None:
    text = b"int all(void)\n{\n\t" + statement + b"\n}\n"
    assert [each.name for each in CALLS.find(parse(text))] == called


def test_accesses() -> None:
    assert [
        (each.function, each.line, each.root, each.type, each.chain, each.how, each.through)
        for each in ACCESSES.find(SOURCE)
    ] == [
        ("grow", 26, "p", "pool", "->size", "read", ""),
        ("grow", 26, "other", "pool", "->size", "read", "READ_ONCE"),
        ("grow", 27, "p", "pool", "->size", "update", ""),
        ("grow", 28, "p", "pool", "->head->flags", "write", "WRITE_ONCE"),
        ("grow", 29, "p", "pool", "->lock", "address", "spin_lock"),
        ("grow", 30, "p", "pool", "->ops->run", "read", ""),
        ("grow", 31, "common", "pool", ".used", "update", ""),
        ("grow", 32, "third", "pool", "->used", "write", ""),
        ("grow", 33, "p", "pool", "->used", "read", ""),
        ("shrink", 42, "", "", "->used", "read", ""),
        ("", 19, "common", "pool", ".size", "initialise", ""),
        ("", 19, "common", "pool", ".next", "initialise", ""),
        ("", 20, "fops", "file_operations", ".open", "initialise", ""),
        ("", 20, "fops", "file_operations", ".release", "initialise", ""),
    ]


def test_a_variable_of_two_structs_has_none() -> None:
    text = b"void f(void)\n{\n\t{ struct a *p; p->x = 1; }\n\t{ struct b *p; p->x = 1; }\n}\n"
    assert [each.type for each in ACCESSES.find(parse(text))] == ["", ""]


@pytest.fixture
def kernel(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    top = tmp_path / "linux"
    (top / "mm").mkdir(parents=True)
    (top / "mm/pool.c").write_bytes(TEXT)
    for number in range(30):
        (top / f"mm/user{number}.c").write_text(f"int user{number}(void)\n{{\n\treturn shrink();\n}}\n")
    (top / "mm/low.S").write_text("SYM_FUNC_START(low)\n\tcall shrink\nSYM_FUNC_END(low)\n")
    time.sleep(0.12)
    return top


def path_of_store(kernel: Path) -> Path:
    return Path(index_directory(Directory(str(kernel)))) / "facts.sqlite"


def answers(kernel: Path) -> list[object]:
    """What the three questions answer, asked by a process that has nothing in memory."""
    store_of.cache_clear()
    open_index.cache_clear()
    view = View(Directory(str(kernel)), {})
    found: list[Sequence[object]] = [
        who(view, "shrink"),
        who(view, "BUSY"),
        callers(view, "shrink"),
        accesses(view, "pool", "used"),
    ]
    assert view.tree is not None
    store_of(view.tree).flush()
    return [each for one in found for each in one]


def harmless(store: Path) -> None:
    """Nothing happens."""


def removed(store: Path) -> None:
    store.unlink()


def truncated(store: Path) -> None:
    os.truncate(store, 5000)


def overwritten(store: Path) -> None:
    store.write_bytes(b"\xa5" * store.stat().st_size)


def rows_swapped(store: Path) -> None:
    """Facts of other contents under each key."""
    with sqlite3.connect(store) as database:
        rows = database.execute("SELECT blob, rows FROM facts_calls").fetchall()
        for (blob, _), (_, other) in zip(rows, rows[1:] + rows[:1], strict=True):
            database.execute("UPDATE facts_calls SET rows = ? WHERE blob = ?", (other, blob))


def rows_cut(store: Path) -> None:
    with sqlite3.connect(store) as database:
        for kind in all_kinds():
            database.execute(f"UPDATE facts_{kind.name} SET rows = substr(rows, 1, 12)")


def of_other_readers(store: Path) -> None:
    """The rows are whole, but what found them may have found other things."""
    with sqlite3.connect(store) as database:
        database.execute("UPDATE readers SET version = 'other'")


def half_missing(store: Path) -> None:
    with sqlite3.connect(store) as database:
        for kind in all_kinds():
            database.execute(f"DELETE FROM facts_{kind.name} WHERE rowid % 2")


def a_table_missing(store: Path) -> None:
    with sqlite3.connect(store) as database:
        database.execute("DROP TABLE facts_calls")


def unwritable(store: Path) -> None:
    store.unlink()
    store.mkdir()


HARM = (
    harmless,
    removed,
    truncated,
    overwritten,
    rows_swapped,
    rows_cut,
    of_other_readers,
    half_missing,
    a_table_missing,
    unwritable,
)


@pytest.mark.parametrize("harm", HARM)
def test_answers_do_not_depend_on_the_store(kernel: Path, harm: Callable[[Path], None]) -> None:
    alone = answers(kernel)
    # 3 definitions and an enum; 32 calls (one from assembly); 4 accesses.
    assert len(alone) == 2 + 1 + 32 + 4
    assert build_index(str(kernel)) == 0
    assert answers(kernel) == alone
    assert fill(Directory(str(kernel))) == 0
    harm(path_of_store(kernel))
    assert answers(kernel) == alone
    assert answers(kernel) == alone


def test_what_was_computed_is_kept(kernel: Path) -> None:
    answers(kernel)
    answers(kernel)
    assert store_of(Directory(str(kernel))).computed == 0
    store = store_of(Directory(str(kernel)))
    content = (kernel / "mm/pool.c").read_bytes()
    store.facts(FUNCTIONS, content, "elsewhere.c")
    assert store.computed == 0
    store.facts(FUNCTIONS, content + b"\n", "mm/pool.c")
    assert store.computed == 1


def test_a_changed_file_and_a_series_are_seen_as_they_are(kernel: Path) -> None:
    answers(kernel)
    path = kernel / "mm/pool.c"
    before = path.stat()
    path.write_bytes(TEXT.replace(b"grow", b"gr0w"))
    os.utime(path, ns=(before.st_atime_ns, before.st_mtime_ns))
    tree = Directory(str(kernel))
    assert facts_in(View(tree, {}), FUNCTIONS, "mm/pool.c")[0].name == "gr0w"
    changed = View(tree, {"mm/pool.c": b"int other(void)\n{\n}\n", "mm/new.c": b"int new(void) { }\n"})
    assert facts_in(changed, FUNCTIONS, "mm/pool.c") == (
        FunctionFact("other", 1, 3, False, False, False, "void", "", ""),
    )
    assert [each.path for each in who(changed, "new")] == ["mm/new.c"]
    assert who(changed, "gr0w") == []


def filled(kernel: Path) -> int:
    """How many rows the store has."""
    with sqlite3.connect(path_of_store(kernel)) as database:
        return sum(
            database.execute(f"SELECT count(*) FROM facts_{kind.name}").fetchone()[0] for kind in all_kinds()
        )


def test_a_full_store_does_not_grow(kernel: Path, capsys: pytest.CaptureFixture[str]) -> None:
    kinds = len(all_kinds())
    build_index(str(kernel))
    assert fill(Directory(str(kernel))) == 0
    out = capsys.readouterr().out
    assert "reading facts of 31 files" in out and "facts are ready: 31 contents" in out
    assert filled(kernel) == 31 * kinds
    size = path_of_store(kernel).stat().st_size
    for generation in range(4):
        for number in range(10):
            (kernel / f"mm/user{number}.c").write_text(
                f"int user{number}(void)\n{{\n\treturn {generation};\n}}\n"
            )
        time.sleep(0.12)
        build_index(str(kernel))
        open_index.cache_clear()
        assert fill(Directory(str(kernel))) == 0
        assert "reading facts of 10 files" in capsys.readouterr().out
        assert filled(kernel) == 31 * kinds
    # What a page can hold more or less.
    assert path_of_store(kernel).stat().st_size <= 1.3 * size


def builder(kernel: Path, preparation: str = "") -> "subprocess.Popen[bytes]":
    """A full build in a process and session of its own."""
    script = (
        f"import os, signal, sys, time\nfrom patchscan.facts import fill, store\n"
        f"from patchscan.tree import Directory\n{preparation}\nsys.exit(fill.fill(Directory({str(kernel)!r})))"
    )
    return subprocess.Popen(
        [sys.executable, "-c", script],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        start_new_session=True,
        env={**os.environ, "PYTHONPATH": os.pathsep.join(path for path in sys.path if path)},
    )


def test_a_full_build_goes_on_where_it_was_killed(kernel: Path) -> None:
    build_index(str(kernel))
    code = "fill._FILES_IN_A_TRANSACTION = 2\nos.cpu_count = lambda: 1\nreal = store.write_rows\ntimes = []\n"
    code += "def write(*arguments):\n    real(*arguments)\n    times.append(1)\n"
    code += "    if len(times) == 5: os.killpg(0, signal.SIGKILL)\nstore.write_rows = write"
    assert builder(kernel, code).wait(60) == -signal.SIGKILL
    assert filled(kernel) == 10 * len(all_kinds())
    out, errors = builder(kernel).communicate(timeout=60)
    assert b"reading facts of 21 files" in out and not errors
    assert filled(kernel) == 31 * len(all_kinds())


def test_two_full_builds_at_once(kernel: Path) -> None:
    build_index(str(kernel))
    builders = [builder(kernel), builder(kernel)]
    outputs = [each.communicate(timeout=60) for each in builders]
    assert [each.returncode for each in builders] == [0, 0]
    assert sum(b"reading facts" in out for out, _ in outputs) == 1
    assert filled(kernel) == 31 * len(all_kinds())


def test_no_room(kernel: Path) -> None:
    build_index(str(kernel))
    limit = "import resource\nresource.setrlimit(resource.RLIMIT_FSIZE, (8192, 8192))"
    process = builder(kernel, limit)
    _, errors = process.communicate(timeout=60)
    assert process.returncode == 2
    last = errors.splitlines()[-1]
    assert last.startswith(b"patchscan: ") and b"run again" in last
    assert answers(kernel) == answers(kernel)
    assert builder(kernel).wait(60) == 0


def test_no_index_no_full_build(kernel: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert fill(Directory(str(kernel))) == 2
    assert "patchscan: " in capsys.readouterr().err


def test_a_store_that_has_grown_too_large_begins_anew(kernel: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("patchscan.facts.store._MOST_BYTES", 30000)
    store = Store(str(path_of_store(kernel).parent), pending=1)
    for number in range(600):
        store.facts(FUNCTIONS, b"int f%d(void)\n{\n}\n" % number, "a.c")
    store.close()
    assert path_of_store(kernel).stat().st_size < 60000


def run(capsys: pytest.CaptureFixture[str], *words: str) -> tuple[int, str]:
    status = main([*words, "--tree", str(FIXTURE)])
    return status, capsys.readouterr().out


def test_the_commands_on_the_fixture(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    status, out = run(capsys, "who", "tlb_remove_table_sync_one")
    assert status == 0 and out.splitlines() == [
        "include/asm-generic/tlb.h:60: prototype: void tlb_remove_table_sync_one(void) "
        "[if defined(CONFIG_MMU_GATHER_RCU_TABLE_FREE)]",
        "include/asm-generic/tlb.h:63: function: static inline tlb_remove_table_sync_one(void) "
        "[if !defined(CONFIG_MMU_GATHER_RCU_TABLE_FREE)]",
        "mm/mmu_gather.c:63: function: tlb_remove_table_sync_one(void) "
        "[if defined(CONFIG_MMU_GATHER_TABLE_FREE) && defined(CONFIG_MMU_GATHER_RCU_TABLE_FREE)]",
    ]
    assert run(capsys, "callers", "pte_free_defer") == (
        0,
        "mm/khugepaged.c:95: retract_page_table()\n1 call in 1 function\n",
    )
    status, out = run(capsys, "field", "mm_struct.mmap_lock")
    assert status == 0 and out.splitlines()[0] == (
        "include/linux/mm.h:37: mmap_read_lock(): address through down_read(): mm->mmap_lock"
    )
    assert out.splitlines()[-1] == "address 4"
    status, out = run(capsys, "callers", "pte_free_defer", "--format", "json")
    assert json.loads(out) == {
        "name": "pte_free_defer",
        "calls": [
            {
                "path": "mm/khugepaged.c",
                "line": 95,
                "function": "retract_page_table",
                "arguments": 2,
                "macro": False,
            }
        ],
    }
    assert run(capsys, "who", "no_such_name") == (1, "nothing defines it\n")


@pytest.mark.parametrize("name", ["a b", "", "-", "a.b.c", "a;b", "\x1b[31m", "x" * 10 + "é"])
def test_what_is_no_name(name: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["who", "--tree", str(FIXTURE), "--", name]) == 2
    errors = capsys.readouterr().err
    assert errors.startswith("patchscan: ") and errors.count("\n") == 1 and "\x1b" not in errors


def test_a_member_that_one_struct_alone_has(kernel: Path) -> None:
    """What get(1) gives is not known, but no other struct has a member of that name."""
    view = View(Directory(str(kernel)), {})
    assert [(each.line, each.sure) for each in accesses(view, "pool", "used")] == [
        (31, True),
        (32, True),
        (33, True),
        (42, True),
    ]
    (kernel / "mm/other.c").write_text("struct lake {\n\tint used;\n};\n")
    view = View(Directory(str(kernel)), {})
    assert [each.line for each in accesses(view, "pool", "used") if not each.sure] == [42]


def test_the_way_through_members(kernel: Path) -> None:
    (kernel / "mm/way.c").write_text(
        "#include <linux/pool.h>\nstruct outer {\n\tstruct pool *pool;\n\tint used;\n};\n"
        "void f(struct outer *o)\n{\n\to->pool->used = o->used;\n\to->pool->next->used++;\n}\n"
    )
    shutil.copy(kernel / "mm/pool.c", kernel / "mm/pool.h")
    view = View(Directory(str(kernel)), {})
    found = [each for each in accesses(view, "pool", "used") if each.path == "mm/way.c"]
    assert [(each.line, each.how, each.sure) for each in found] == [(8, "write", True), (9, "update", True)]
    found = [each for each in accesses(view, "outer", "used") if each.path == "mm/way.c"]
    assert [(each.line, each.how, each.sure) for each in found] == [(8, "read", True)]
