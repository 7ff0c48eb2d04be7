"""A tree that is watched is not compared again, unless anything happened to it: then it is, whatever happened."""

import mmap
import os
import shutil
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from patchscan.serve import watching
from patchscan.serve.recalled import Memory
from patchscan.serve.watching import Watch, Watched, Watcher, is_local
from patchscan.tree.index import quiet
from patchscan.tree.index.build import build_index
from patchscan.tree.index.comparison import Difference

from tests.serve.test_recalled import CHANGES, FILES, Counting, counting, memory, said, write

__all__ = ["counting", "memory"]
NOTHING = Difference(frozenset())


@pytest.fixture
def kernel(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    top = tmp_path / "linux"
    for path, text in FILES.items():
        write(path, text)(top)
    (top / "empty").mkdir()
    try:
        Watch(str(top)).close()
    except OSError as error:
        pytest.skip(f"nothing can be watched here: {error}")
    return top


class Comparing:
    """A tree under watch, and how often it was compared."""

    def __init__(self, top: Path) -> None:
        self.times = 0
        self.tree = Watched(str(top))
        self.ask()
        self.tree.rest()
        self.times = 0

    def compare(self) -> Difference:
        self.times += 1
        return NOTHING

    def ask(self) -> None:
        assert self.tree.settled("all", self.compare) is NOTHING


def test_what_rests_is_compared_once(kernel: Path) -> None:
    found = Comparing(kernel)
    for _ in range(3):
        found.ask()
    assert found.times == 0
    (kernel / "mm/other.c").read_text()
    write("mm/notes.txt", "")(kernel.parent)
    found.ask()
    assert found.times == 0


def linked(top: Path) -> None:
    os.link(top / "mm/other.c", top.parent / "elsewhere.c")
    with open(top.parent / "elsewhere.c", "a") as stream:
        stream.write("int more;\n")


def mapped(top: Path) -> None:
    with open(top / "mm/other.c", "r+b") as stream, mmap.mmap(stream.fileno(), 0) as held:
        held[:3] = b"INT"


def replaced(top: Path) -> None:
    (top / "new").write_text("int x;\n")
    os.replace(top / "new", top / "mm/other.c")


def swapped(top: Path) -> None:
    shutil.copytree(top, top.parent / "other")
    top.rename(top.parent / "old")
    (top.parent / "other").rename(top)


HAPPENING: dict[str, Callable[[Path], object]] = {
    "written": write("mm/other.c", "int x;\n"),
    "appended": lambda top: (top / "mm/other.c").open("a").write("int x;\n"),
    "truncated": lambda top: os.truncate(top / "mm/other.c", 1),
    "times": lambda top: os.utime(top / "mm/other.c", ns=(1, 1)),
    "mode": lambda top: (top / "mm/other.c").chmod(0o600),
    "by another name": linked,
    "mapped": mapped,
    "replaced": replaced,
    "gone": lambda top: (top / "mm/other.c").unlink(),
    "new": write("mm/new.c", ""),
    "in a directory without sources": write("empty/new.c", ""),
    "in a new directory": write("mm/deep/new.c", ""),
    "moved away": lambda top: (top / "mm").rename(top.parent / "mm"),
    "the whole moved": swapped,
}


@pytest.mark.parametrize("what", HAPPENING)
def test_whatever_happens_it_is_compared_again(what: str, kernel: Path) -> None:
    found = Comparing(kernel)
    HAPPENING[what](kernel)
    found.ask()
    assert found.times == 1


def test_a_file_in_a_directory_made_before_is_seen(kernel: Path) -> None:
    found = Comparing(kernel)
    (kernel / "mm/deep").mkdir()
    found.ask()
    found.tree.rest()
    write("mm/deep/new.c", "")(kernel)
    before = found.times
    found.ask()
    assert found.times == before + 1


def test_what_was_edited_in_place_is_watched_on(kernel: Path) -> None:
    found = Comparing(kernel)
    write("mm/other.c", "int x;\n")(kernel)
    found.ask()
    found.ask()
    assert found.times == 1
    write("mm/other.c", "int y;\n")(kernel)
    found.ask()
    assert found.times == 2


def test_where_files_come_and_go_it_is_seldom_watched(kernel: Path) -> None:
    found = Comparing(kernel)
    rests = 0
    for number in range(40):
        write(f"mm/{number}.c", "")(kernel)
        found.ask()
        found.tree.rest()
        rests += found.tree.watch is not None
    assert 0 < rests < 8


def test_what_happens_before_it_is_watched_is_seen(kernel: Path) -> None:
    tree, told = Watched(str(kernel)), [NOTHING]
    tree.settled("all", lambda: told[0])
    told[0] = Difference(frozenset({"mm/other.c"}))
    tree.rest()
    assert tree.settled("all", lambda: NOTHING) == told[0]


def test_lost_events_are_taken_for_any(kernel: Path) -> None:
    found = Comparing(kernel)
    most = int(Path("/proc/sys/fs/inotify/max_queued_events").read_text())
    for number in range(most + 8):
        os.utime(kernel / ("mm/other.c", "mm/walk.c")[number % 2])
    assert found.tree.watch is not None
    assert found.tree.watch.told() == (True, False)


def test_what_cannot_be_watched_is_compared(kernel: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(watching, "_LOCAL", frozenset())
    found = Comparing(kernel)
    found.ask()
    found.tree.rest()
    found.ask()
    assert (found.times, found.tree.refused) == (2, True)


@pytest.mark.parametrize(
    ("kind", "local"), [("ext4", True), ("nfs4", False), ("overlay", False), ("9p", False)]
)
def test_file_systems_that_tell_of_all_changes(kind: str, local: bool) -> None:
    mounts = f"27 1 254:0 / / rw - {kind} /dev/vda rw\n28 1 0:5 / /x rw - tmpfs tmpfs rw\n".encode()
    assert is_local(mounts, os.makedev(254, 0)) is local
    assert not is_local(mounts, os.makedev(254, 1))


@pytest.fixture
def watcher() -> Iterator[Watcher]:
    before, made = quiet.watcher[0], Watcher()
    quiet.watcher[0] = made
    yield made
    quiet.watcher[0] = before


@pytest.mark.parametrize(("name", "change"), [(name, change) for name, change in CHANGES if name != "commit"])
def test_what_is_remembered_under_watch_is_never_stale(
    name: str,
    change: Callable[[Path], object],
    memory: Memory,
    counting: Counting,
    kernel: Path,
    watcher: Watcher,
) -> None:
    time.sleep(0.12)
    assert build_index(str(kernel)) == 0
    before = said(memory, kernel, name)
    watcher.rest()
    assert said(memory, kernel, name) == before
    assert counting.times == 1
    change(kernel)
    assert said(memory, kernel, name) != before
    assert counting.times == 2
