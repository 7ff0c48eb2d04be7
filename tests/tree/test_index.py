"""The word index: whatever happens to it or to the tree, what it answers is what reading the tree answers."""

import json
import os
import resource
import shutil
import signal
import sqlite3
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pytest
from patchscan.lookup import uses
from patchscan.tree import Directory, open_tree
from patchscan.tree.index import wordsearch
from patchscan.tree.index.build import build_index
from patchscan.tree.index.location import SEAL, index_directory
from patchscan.tree.index.lookup import SHARDS, describe_shards, look_up, open_index
from patchscan.tree.index.search import holding
from patchscan.tree.overlay import View

WORDS = ["shared", "only_3", "added", "never"]


@pytest.fixture(autouse=True)
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    return tmp_path / "cache"


@pytest.fixture
def kernel(tmp_path: Path) -> Path:
    top = tmp_path / "linux"
    for number in range(60):
        directory = top / f"d{number % 7}"
        directory.mkdir(parents=True, exist_ok=True)
        (directory / f"f{number}.c").write_text(f"int only_{number};\n" + "shared();\n" * (number % 2))
    (top / "tools").mkdir()
    (top / "tools" / "t.c").write_text("shared();\n")
    settle()
    return top


def settle() -> None:
    """Let files grow old enough for their times to be trusted."""
    time.sleep(0.12)


def index_of(kernel: Path) -> Path:
    return Path(index_directory(Directory(str(kernel))))


def answers_rightly(kernel: Path) -> bool:
    """Whether the index is used; asserts that what it says is what reading the tree says."""
    tree = Directory(str(kernel))
    found = look_up(tree, WORDS)
    assert found is None or found == holding(tree, WORDS)
    return found is not None


def run(code: str, kernel: Path, **options: object) -> subprocess.Popen[bytes]:
    """A builder in a process (and session) of its own, after some preparation."""
    script = f"import os, signal, sys\nfrom patchscan.tree.index import build as indexer\n{code}\n"
    script += f"sys.exit(indexer.build_index({str(kernel)!r}))"
    builder: subprocess.Popen[bytes] = subprocess.Popen(
        [sys.executable, "-c", script],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        start_new_session=True,
        env={**os.environ, "PYTHONPATH": os.pathsep.join(path for path in sys.path if path)},
        **options,  # type: ignore[call-overload]
    )
    return builder


KILLED_AFTER_10_FILES = """
indexer._FILES_IN_A_TRANSACTION = 4
real, taken = indexer._take_in, []
def take_in(*arguments):
    taken.append(real(*arguments))
    if len(taken) == 10:
        os.killpg(0, signal.SIGKILL)
indexer._take_in = take_in
"""


def test_an_index_answers_as_reading_does(kernel: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert build_index(str(kernel)) == 0
    out = capsys.readouterr().out
    assert "indexing 60 files" in out and str(index_of(kernel)) in out
    assert "index is ready: 60 files" in out
    assert answers_rightly(kernel)
    index = open_index(Directory(str(kernel)))
    assert index and not index.stale()
    assert index.holding(["shared"])["shared"][0] == "d0/f21.c"
    assert build_index(str(kernel)) == 0
    assert "up to date" in capsys.readouterr().out


def test_what_changed_since_is_read_directly_and_taken_in_by_a_refresh(
    kernel: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    build_index(str(kernel))
    with open(kernel / "d1" / "f1.c", "a") as stream:
        stream.write("added();\n")
    (kernel / "d2" / "f2.c").unlink()
    (kernel / "d3" / "new.c").write_text("added(); shared();\n")
    (kernel / "d4" / "deep" / "er").mkdir(parents=True)
    (kernel / "d4" / "deep" / "er" / "new.h").write_text("added();\n")
    (kernel / "tools" / "new.c").write_text("added();\n")
    shutil.rmtree(kernel / "d5")
    assert answers_rightly(kernel)
    found = look_up(Directory(str(kernel)), ["added"])
    assert found == {"added": ("d1/f1.c", "d3/new.c", "d4/deep/er/new.h")}
    settle()
    capsys.readouterr()
    assert build_index(str(kernel)) == 0
    assert "indexing 3 files" in capsys.readouterr().out
    index = open_index(Directory(str(kernel)))
    assert index and not index.stale()
    assert answers_rightly(kernel)


def test_a_file_that_has_just_changed_is_not_trusted(kernel: Path) -> None:
    (kernel / "d1" / "f1.c").write_text("added();\n")
    build_index(str(kernel))
    index = open_index(Directory(str(kernel)))
    assert index and "d1/f1.c" in index.stale()
    assert answers_rightly(kernel)


def test_killed_while_building(kernel: Path) -> None:
    builder = run(KILLED_AFTER_10_FILES, kernel)
    assert builder.wait(60) == -signal.SIGKILL
    assert not answers_rightly(kernel)
    resumed = run("", kernel)
    out = resumed.communicate(timeout=60)[0].decode()
    assert resumed.returncode == 0
    # What was taken in before stays: 60 files, less two transactions of 4.
    assert any(f"indexing {number} files" in out for number in range(44, 57)), out
    assert answers_rightly(kernel)


def test_killed_while_refreshing(kernel: Path) -> None:
    build_index(str(kernel))
    for number in range(0, 60, 2):
        (kernel / f"d{number % 7}" / f"f{number}.c").write_text("added(); shared();\n")
    settle()
    assert run(KILLED_AFTER_10_FILES, kernel).wait(60) == -signal.SIGKILL
    assert not answers_rightly(kernel)
    assert build_index(str(kernel)) == 0
    assert answers_rightly(kernel)


def test_a_builder_whose_parent_is_killed_ends(kernel: Path) -> None:
    """The lock stays with the process that still writes, so the next builder comes after it."""
    code = "indexer._FILES_IN_A_TRANSACTION = 1\nreal = indexer._take_in\n"
    code += "def take_in(*arguments):\n    os.kill(os.getppid(), signal.SIGKILL); real(*arguments)\n"
    assert run(code + "indexer._take_in = take_in", kernel).wait(60) == -signal.SIGKILL
    assert build_index(str(kernel)) == 0
    assert answers_rightly(kernel)


def test_two_builders_at_once(kernel: Path) -> None:
    slowly = "import time\nreal = indexer._take_in\n"
    slowly += "indexer._take_in = lambda *arguments: (time.sleep(0.01), real(*arguments))"
    builders = [run(slowly, kernel), run(slowly, kernel)]
    outputs = [builder.communicate(timeout=60) for builder in builders]
    assert [builder.returncode for builder in builders] == [0, 0]
    assert sum(b"index is ready" in out for out, _ in outputs) == 1
    assert sum(b"up to date" in out for out, _ in outputs) == 1
    assert answers_rightly(kernel)


def test_no_room(kernel: Path) -> None:
    def small_files() -> None:
        resource.setrlimit(resource.RLIMIT_FSIZE, (16384, 16384))

    builder = run("", kernel, preexec_fn=small_files)
    _, errors = builder.communicate(timeout=60)
    assert builder.returncode == 2
    assert errors.startswith(b"patchscan: ") and errors.count(b"\n") == 1, errors
    assert not answers_rightly(kernel)
    assert build_index(str(kernel)) == 0
    assert answers_rightly(kernel)


def test_no_room_for_the_last_rows(
    kernel: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def fail(*_: object) -> None:
        raise sqlite3.OperationalError("database or disk is full")

    with monkeypatch.context() as patch:
        patch.setattr("patchscan.tree.index.build._write_rows", fail)
        assert build_index(str(kernel)) == 2
    errors = capsys.readouterr().err
    assert "disk is full; run again" in errors and errors.count("\n") == 1
    assert not answers_rightly(kernel)
    assert build_index(str(kernel)) == 0
    assert answers_rightly(kernel)


def test_too_little_room_is_told_before(kernel: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    builder = run("indexer._INDEX_SHARE = 1e15", kernel)
    _, errors = builder.communicate(timeout=60)
    assert builder.returncode == 2
    assert b"MB are free" in errors and b"XDG_CACHE_HOME" in errors


@pytest.mark.parametrize("cache_home", ["/proc", "/dev/null"])
def test_a_cache_that_cannot_be_written(
    kernel: Path, cache_home: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", cache_home)
    assert build_index(str(kernel)) == 2
    assert "cannot be written" in capsys.readouterr().err
    assert not answers_rightly(kernel)


def change_seal(directory: Path, **values: object) -> None:
    seal = json.loads((directory / SEAL).read_text())
    (directory / SEAL).write_text(json.dumps({**seal, **values}))


def other_version(directory: Path) -> None:
    with sqlite3.connect(directory / SHARDS[0]) as database:
        database.execute("PRAGMA user_version = 99")
    change_seal(directory, format=99)


def unsealed_other_version(directory: Path) -> None:
    other_version(directory)
    (directory / SEAL).unlink()


def other_tree(directory: Path) -> None:
    change_seal(directory, identity="directory:/elsewhere")


def truncated(directory: Path) -> None:
    os.truncate(directory / SHARDS[1], 5000)


def overwritten(directory: Path) -> None:
    with open(directory / SHARDS[0], "r+b") as stream:
        stream.seek(4096)
        stream.write(b"\xa5" * 8192)


def overwritten_unsealed(directory: Path) -> None:
    overwritten(directory)
    (directory / SEAL).unlink()


def overwritten_without_trace(directory: Path) -> None:
    path = directory / SHARDS[0]
    before = path.stat()
    with open(path, "r+b") as stream:
        stream.write(b"\xa5" * before.st_size)
    os.utime(path, ns=(before.st_atime_ns, before.st_mtime_ns))


def half_missing(directory: Path) -> None:
    (directory / SHARDS[0]).unlink()


def no_json(directory: Path) -> None:
    (directory / SEAL).write_text("[1")


@pytest.mark.parametrize(
    "harm",
    [
        other_version,
        unsealed_other_version,
        truncated,
        overwritten,
        overwritten_unsealed,
        half_missing,
        no_json,
        other_tree,
    ],
)
def test_a_damaged_index_is_not_used_and_is_made_anew(kernel: Path, harm: Callable[[Path], None]) -> None:
    build_index(str(kernel))
    harm(index_of(kernel))
    assert not answers_rightly(kernel)
    assert build_index(str(kernel)) == 0
    assert answers_rightly(kernel)


def test_damage_that_the_seal_does_not_show(kernel: Path) -> None:
    build_index(str(kernel))
    overwritten_without_trace(index_of(kernel))
    assert not answers_rightly(kernel)
    assert build_index(str(kernel)) == 0
    assert answers_rightly(kernel)


def test_paths_that_are_none(kernel: Path) -> None:
    build_index(str(kernel))
    with sqlite3.connect(index_of(kernel) / SHARDS[0]) as database:
        database.execute("UPDATE files SET path = id")
    change_seal(index_of(kernel), shards=describe_shards(str(index_of(kernel))))
    assert open_index(Directory(str(kernel)))
    assert not answers_rightly(kernel)


def test_an_index_rebuilt_under_a_reader(kernel: Path) -> None:
    build_index(str(kernel))
    tree = Directory(str(kernel))
    assert look_up(tree, WORDS)
    (kernel / "d1" / "f1.c").write_text("added();\n")
    settle()
    build_index(str(kernel))
    assert look_up(tree, WORDS) is None
    assert answers_rightly(kernel)


def test_dead_rows_are_swept_away(kernel: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("patchscan.tree.index.shard._MOST_DEAD_ROWS", 0.01)
    for generation in range(3):
        for number in range(60):
            (kernel / f"d{number % 7}" / f"f{number}.c").write_text(f"int only_{number}, g{generation};\n")
        settle()
        build_index(str(kernel))
    with sqlite3.connect(index_of(kernel) / SHARDS[0]) as database:
        ever, live = database.execute("SELECT max(id), count(*) FROM files").fetchone()
    assert ever < 3 * live
    assert answers_rightly(kernel)


def git(directory: Path, *arguments: str) -> None:
    identity = ("-c", "user.name=A", "-c", "user.email=a@example.org")
    subprocess.run(["git", *identity, *arguments], cwd=directory, check=True, capture_output=True)


def test_an_index_of_one_revision_serves_another(kernel: Path) -> None:
    git(kernel, "init", "-q")
    git(kernel, "add", ".")
    git(kernel, "commit", "-q", "-m", "first")
    assert build_index(str(kernel), "HEAD") == 0
    (kernel / "d1" / "f1.c").write_text("added();\n")
    (kernel / "d2" / "f2.c").unlink()
    git(kernel, "add", "-A")
    git(kernel, "commit", "-q", "-m", "second")
    for revision, stale in (("HEAD~", 0), ("HEAD", 2)):
        tree = open_tree(str(kernel), revision)
        index = open_index(tree)
        assert index and len(index.stale()) == stale
        assert index.holding(WORDS) == holding(tree, WORDS)
    assert build_index(str(kernel), "HEAD") == 0
    index = open_index(open_tree(str(kernel), "HEAD"))
    assert index and not index.stale()


def test_uses_come_from_the_index(kernel: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    view = View(Directory(str(kernel)), {})
    by_reading = uses.find_uses(view, "shared")
    build_index(str(kernel))
    monkeypatch.setattr(wordsearch, "holding", None)
    view = View(Directory(str(kernel)), {})
    assert uses.find_uses(view, "shared") == by_reading
    assert by_reading.complete and len({use.path for use in by_reading.uses}) == 30


def test_no_progress_where_there_is_no_terminal(kernel: Path, capsys: pytest.CaptureFixture[str]) -> None:
    build_index(str(kernel))
    assert capsys.readouterr().err == ""
