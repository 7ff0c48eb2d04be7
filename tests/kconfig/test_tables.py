"""What the index says of CONFIG symbols is what the Kconfig files say, whatever happens to either."""

import json
import os
import random
import shutil
import sqlite3
import subprocess
import time
from collections.abc import Callable, Iterable, Mapping
from contextlib import closing
from pathlib import Path

import pytest
from patchscan.basics.buildfiles import is_kconfig
from patchscan.kconfig import demands, implied
from patchscan.kconfig import symbols as kconfig
from patchscan.kconfig import tables as kconfig_tables
from patchscan.kconfig.symbols import config_symbols, whole_symbol
from patchscan.kconfig.tables import ask_for_file, ask_for_moved, ask_for_sources, ask_for_symbol
from patchscan.tree import Directory, Tree, open_tree
from patchscan.tree.index.build import build_index
from patchscan.tree.index.location import SEAL, index_directory
from patchscan.tree.index.lookup import KCONFIG_FILES, connect_to_read, describe_shards, open_index
from patchscan.tree.index.search import files_where
from patchscan.tree.overlay import View

KERNEL = os.environ.get("PATCHSCAN_KERNEL_TREE", "")
FILES = {
    "Kconfig": """
config MMU
	bool "Pages"
if NET
source "net/Kconfig"
config TUNNEL
	bool "Tunnels"
	depends on MMU && (INET || IPX) && !SLOW
	select CHECKSUM if MMU
	select BIG if HUGE && MMU
	help
	  config NOTHING
	  select NOTHING
endif
choice
config FIRST
	bool "First"
config SECOND
	bool "Second"
endchoice
config SOUTH
	def_bool y
	select HAVE_FAST
config NORTH
	def_bool y
	select HAVE_FAST if MMU
	select TUNNEL
config HAVE_FAST
	bool
config CHOSEN
	bool
	default y if MMU
config CHOOSER
	tristate "Choose"
	select CHOSEN
	select UNDEFINED
config TWICE
	bool "One"
	depends on MMU && NET
""",
    "net/Kconfig": "config INET\n\ttristate\n\tdepends on \\\n\t\tMMU\nconfig TWICE\n\ttristate\n\tdepends on MMU\n",
    "net/sub/Kconfig": "config DEEP\n\tint\n\tdepends on INET\n\tselect CHOSEN if TWICE\n",
    "arch/x86/Kconfig": "config X86\n\tdef_bool y\n\tselect WALK\nconfig SMP\n\tdef_bool y\nconfig UP\n\tbool\n"
    "config WALK\n\tbool\n",
    "arch/s390/Kconfig": "config S390\n\tdef_bool y\nconfig SMP\n\tdef_bool y\n",
    "tools/Kconfig": "config OUTSIDE\n\tbool\n",
}


@pytest.fixture(autouse=True)
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))


@pytest.fixture
def kernel(tmp_path: Path) -> Path:
    top = tmp_path / "linux"
    for path, text in FILES.items():
        (top / path).parent.mkdir(parents=True, exist_ok=True)
        (top / path).write_text(text)
    settle()
    return top


@pytest.fixture
def indexed(kernel: Path) -> Path:
    assert build_index(str(kernel)) == 0
    return kernel


def settle() -> None:
    """Let files grow old enough for their times to be trusted."""
    time.sleep(0.12)


def tables_of(top: Path) -> Path:
    return Path(index_directory(Directory(str(top))), *KCONFIG_FILES.shards)


def unindexed(tree: Tree) -> Tree:
    """A tree for which no index is looked for."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("XDG_CACHE_HOME", "/dev/null")
        assert open_index(tree) is None
    return tree


def answers(tree: Tree, names: Iterable[str], changed: Mapping[str, bytes | None]) -> dict[str, object]:
    view = View(tree, changed)
    return {name: (whole_symbol(view, name), implied.implied(view, (name,))) for name in names}


def answers_rightly(top: Path, changed: Mapping[str, bytes | None] | None = None) -> bool:
    """Whether the index is used; asserts that what it says is what reading the tree says, of every symbol."""
    changed = changed or {}
    tree, plain = Directory(str(top)), unindexed(Directory(str(top)))
    everything = config_symbols(View(plain, changed))
    names = [*everything, "UNDEFINED", "NOTHING", "NEVER"]
    random.Random(len(names)).shuffle(names)
    assert {name: whole_symbol(View(tree, changed), name) for name in names} == {
        name: everything.get(name) for name in names
    }
    assert answers(tree, names, changed) == answers(plain, names, changed)
    assert ask_for_moved(tree) == ask_for_moved(plain) and ask_for_sources(tree) == ask_for_sources(plain)
    return not in_memory(tree)


def in_memory(tree: Tree) -> bool:
    """Whether the tables of a tree are none of its index."""
    (tables,) = kconfig_tables._usable(tree, os.getpid())
    (file,) = (row[2] for row in tables.database.execute("PRAGMA database_list"))
    return not file


def refuse(*_: object) -> None:
    raise AssertionError("read")


def test_nothing_is_read_where_there_is_an_index(indexed: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert answers_rightly(indexed)
    names = [*config_symbols(unindexed(Directory(str(indexed)))), "NEVER"]
    monkeypatch.setattr(kconfig, "definitions_in", refuse)
    monkeypatch.setattr(kconfig, "config_symbols", refuse)
    monkeypatch.setattr(implied, "parse", lambda content: refuse() if content else demands.parse(content))
    found = answers(Directory(str(indexed)), names, {})
    assert found["UP"][1] == {"UP", "X86", "SMP", "WALK"}  # type: ignore[index]
    assert found["DEEP"][1] == {"DEEP", "INET", "NET", "MMU"}  # type: ignore[index]
    symbol = whole_symbol(Directory(str(indexed)), "TWICE")
    assert symbol and (symbol.kind, symbol.places) == ("tristate", (("Kconfig", 37), ("net/Kconfig", 5)))


def edited(top: Path) -> None:
    with open(top / "net/Kconfig", "a") as stream:
        stream.write("config ADDED\n\tbool\n\tselect CHOSEN\nconfig MMU\n\ttristate\n")


def shifted(top: Path) -> None:
    (top / "Kconfig").write_text("\n\nconfig SECOND\n\tbool\n\tselect MMU\n" + FILES["Kconfig"])


def created(top: Path) -> None:
    (top / "new/deep").mkdir(parents=True)
    (top / "new/deep/Kconfig.x").write_text("config ADDED\n\tbool\n\tdepends on UP\n\tselect CHOSEN\n")


def removed(top: Path) -> None:
    (top / "net/Kconfig").unlink()


def linked(top: Path) -> None:
    (top / "net/sub/Kconfig").unlink()
    os.symlink("../Kconfig", top / "net/sub/Kconfig")


def link_made(top: Path) -> None:
    os.symlink("../Kconfig", top / "net/Kconfig.link")


def directory_linked(top: Path) -> None:
    os.rename(top / "net", top / "moved")
    os.symlink("moved", top / "net")


def directories_swapped(top: Path) -> None:
    os.rename(top / "arch/x86", top / "arch/old")
    os.rename(top / "arch/s390", top / "arch/x86")
    os.rename(top / "arch/old", top / "arch/s390")


def many_edited(top: Path) -> None:
    linked(top)
    for number in range(12):
        (top / f"new{number}").mkdir()
        (top / f"new{number}/Kconfig").write_text(f"config NEW{number}\n\tbool\n\tselect CHOSEN\n")


CHANGES = [
    edited,
    shifted,
    created,
    removed,
    linked,
    link_made,
    directory_linked,
    directories_swapped,
    many_edited,
]


@pytest.mark.parametrize("change", CHANGES)
def test_what_changed_since_is_read(indexed: Path, change: Callable[[Path], None]) -> None:
    change(indexed)
    answers_rightly(indexed)
    settle()
    assert build_index(str(indexed)) == 0
    open_index.cache_clear()
    assert answers_rightly(indexed)
    with closing(sqlite3.connect(tables_of(indexed))) as database:
        for table in ("definitions", "selects", "demands"):
            query = f"SELECT count(*) FROM {table} WHERE file NOT IN (SELECT id FROM files)"
            assert database.execute(query).fetchone() == (0,)


@pytest.mark.parametrize("change", [None, *CHANGES])
def test_what_a_series_changes_is_read(indexed: Path, change: Callable[[Path], None] | None) -> None:
    if change is not None:
        change(indexed)
    changed = {
        "net/Kconfig": None,
        "Kconfig": FILES["Kconfig"].replace("select HAVE_FAST\n", "select FIRST\n").encode(),
        "lib/Kconfig": b"config MMU\n\tint\nconfig ADDED\n\tbool\n\tselect TWICE\n",
        "mm/slub.c": b"config NEVER\n",
    }
    answers_rightly(indexed, changed)


def test_an_index_of_another_revision(kernel: Path) -> None:
    def git(*arguments: str) -> None:
        identity = ("-c", "user.name=A", "-c", "user.email=a@example.org")
        subprocess.run(["git", *identity, *arguments], cwd=kernel, check=True, capture_output=True)

    git("init", "-q")
    git("add", ".")
    git("commit", "-q", "-m", "first")
    assert build_index(str(kernel), "HEAD") == 0
    edited(kernel)
    linked(kernel)
    created(kernel)
    (kernel / "arch/s390/Kconfig").unlink()
    git("add", "-A")
    git("commit", "-q", "-m", "second")
    for revision, differing in (("HEAD~", 0), ("HEAD", 4)):
        tree, plain = open_tree(str(kernel), revision), unindexed(open_tree(str(kernel), revision))
        index = open_index(tree)
        assert index and len(index.stale(KCONFIG_FILES)) == differing
        names = [*config_symbols(plain), "UNDEFINED", "NEVER"]
        assert answers(tree, names, {}) == answers(plain, names, {})


def change_unseen(top: Path, *statements: str) -> None:
    """Change the tables so that the seal still fits."""
    directory = index_directory(Directory(str(top)))
    with closing(sqlite3.connect(tables_of(top))) as database:
        for statement in statements:
            database.execute(statement)
        database.commit()
    path = Path(directory, SEAL)
    seal = json.loads(path.read_text())
    path.write_text(json.dumps({**seal, "shards": describe_shards(directory)}))


DAMAGE = [
    *(
        f"UPDATE demands SET demands = '{text}'"
        for text in (
            "",
            "[",
            "{}",
            "0",
            "[[], []]",
            '[[["1", [], [], []]], [], []]',
            "[[[1, [2], [], []]], [], []]",
            '[[[1, "AB", [], []]], [], []]',
            '[[[1, {"A": 1}, [], []]], [], []]',
            '[[[1, [], [], [[1, ["A"], true]]]], [], []]',
            '[[], "AB", []]',
            '[[], [], [[1, ["A"]]]]',
            "[" * 100_000,
        )
    ),
    "UPDATE demands SET demands = x'ff00'",
    "UPDATE demands SET demands = 7",
    "DELETE FROM demands",
    "DROP TABLE demands",
    "UPDATE definitions SET kind = 'quadstate'",
    "UPDATE definitions SET kind = NULL",
    "UPDATE definitions SET line = 'x'",
    "DROP TABLE definitions",
    "UPDATE selects SET name = CAST(name AS BLOB)",
    "DROP TABLE selects",
    "DROP TABLE files",
    "UPDATE files SET path = 7",
    "UPDATE directories SET names = 7",
    "DELETE FROM directories",
]


@pytest.mark.parametrize("damage", DAMAGE)
def test_damage_that_the_seal_does_not_show(indexed: Path, damage: str) -> None:
    change_unseen(indexed, damage)
    assert open_index(Directory(str(indexed))) is not None
    tree, plain = Directory(str(indexed)), unindexed(Directory(str(indexed)))
    names = [*config_symbols(plain), "NEVER"]
    assert answers(tree, names, {}) == answers(plain, names, {})
    ask_for_moved(tree)
    assert in_memory(tree)


def test_damaged_pages(indexed: Path) -> None:
    path = tables_of(indexed)
    before = path.stat()
    whole = path.read_bytes()
    for offset in range(0, len(whole), 4096):
        path.write_bytes(whole[:offset] + b"\xa5" * 4096 + whole[offset + 4096 :])
        os.utime(path, ns=(before.st_atime_ns, before.st_mtime_ns))
        assert open_index(Directory(str(indexed))) is not None
        answers_rightly(indexed)


def test_an_index_refreshed_under_a_reader(indexed: Path) -> None:
    tree = Directory(str(indexed))
    assert whole_symbol(tree, "INET") and ask_for_file(tree, "net/Kconfig")
    edited(indexed)
    settle()
    assert build_index(str(indexed)) == 0
    symbol = whole_symbol(tree, "MMU")
    assert symbol and symbol.kind == "tristate"
    assert in_memory(tree)
    assert answers_rightly(indexed)


def test_an_index_refreshed_while_it_is_opened(indexed: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """What is stale was found out with the old one."""
    tree = Directory(str(indexed))
    index = open_index(tree)
    assert index and not index.stale(KCONFIG_FILES)
    edited(indexed)
    settle()
    assert build_index(str(indexed)) == 0
    assert len(ask_for_symbol(tree, "MMU").definitions) == 2
    assert in_memory(tree)


def test_an_index_refreshed_just_after_it_was_opened(indexed: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def connect(path: str) -> sqlite3.Connection:
        database = connect_to_read(path)
        edited(indexed)
        settle()
        assert build_index(str(indexed)) == 0
        return database

    tree = Directory(str(indexed))
    index = open_index(tree)
    assert index and not index.stale(KCONFIG_FILES)
    monkeypatch.setattr(kconfig_tables, "connect_to_read", connect)
    assert len(ask_for_symbol(tree, "MMU").definitions) == 2
    assert in_memory(tree)


def test_a_reader_holds_no_lock_and_waits_for_none(indexed: Path) -> None:
    tree = Directory(str(indexed))
    assert whole_symbol(tree, "MMU")
    with closing(sqlite3.connect(tables_of(indexed), timeout=0, isolation_level=None)) as writer:
        writer.execute("BEGIN EXCLUSIVE")
        symbol = whole_symbol(tree, "TUNNEL")
        assert symbol and symbol.selected_by == ("NORTH",)
        assert ask_for_symbol(tree, "MMU").definitions and in_memory(tree)


def test_a_process_has_its_own_connection(indexed: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    opened: list[str] = []

    def connect(path: str) -> sqlite3.Connection:
        opened.append(path)
        return connect_to_read(path)

    monkeypatch.setattr(kconfig_tables, "connect_to_read", connect)
    tree = Directory(str(indexed))
    assert ask_for_symbol(tree, "MMU") and ask_for_symbol(tree, "UP") and len(opened) == 1
    child = os.fork()
    if child == 0:
        status = 1
        try:
            status = 0 if ask_for_symbol(tree, "MMU") and len(opened) == 2 else 2
        finally:
            os._exit(status)
    assert os.waitpid(child, 0)[1] == 0


@pytest.mark.skipif(not KERNEL, reason="PATCHSCAN_KERNEL_TREE is not set")
def test_symbols_of_a_real_tree(tmp_path: Path) -> None:
    for path in files_where(Directory(KERNEL), is_kconfig):
        (tmp_path / "linux" / path).parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(os.path.join(KERNEL, path), tmp_path / "linux" / path)
    settle()
    top = str(tmp_path / "linux")
    assert build_index(top) == 0
    tree, plain = Directory(top), unindexed(Directory(top))
    everything = config_symbols(plain)
    assert {name: whole_symbol(tree, name) for name in everything} == dict(everything)
    names = random.Random(612).sample(sorted(everything), 300)
    assert answers(tree, names, {}) == answers(plain, names, {})
    assert not in_memory(tree)
