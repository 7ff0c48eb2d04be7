"""Our own tables by what is kept of them."""

import os
import time
import tomllib
from pathlib import Path
from types import SimpleNamespace

import pytest
from patchscan.basics import marked
from patchscan.basics.ourtables import NAMES, read_kept, read_table, table_path


@pytest.mark.parametrize("name", NAMES)
def test_what_is_kept_is_what_the_table_says(name: str) -> None:
    read_table(name)
    assert read_table(name) == tomllib.loads(Path(table_path(name)).read_text())


def test_every_table_that_is_not_of_rows_is_kept() -> None:
    tables = Path(table_path("")).glob("*.toml")
    assert {path.name for path in tables if "[[row]]" not in path.read_text()} == set(NAMES)


def test_a_table_is_read_anew_where_it_changed(tmp_path: Path) -> None:
    table = tmp_path / "part.toml"
    table.write_text('a = "one"\n')
    assert read_kept(str(table)) == {"a": "one"} == read_kept(str(table))
    table.write_text('a = "two"\n')
    assert read_kept(str(table)) == {"a": "two"}
    assert {path.name for path in tmp_path.iterdir()} == {"part.toml", "compiled.part"}


def test_a_table_that_changes_within_a_tick_of_the_clock_is_read_anew(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    tick = time.time_ns()
    status = SimpleNamespace(st_size=6, st_mtime_ns=tick, st_ctime_ns=tick)
    slow = SimpleNamespace(path=os.path, replace=os.replace, getpid=os.getpid, stat=lambda path: status)
    monkeypatch.setattr(marked, "os", slow)
    table = tmp_path / "part.toml"
    for number in (1, 2):
        table.write_text(f"a = {number}\n")
        assert read_kept(str(table)) == {"a": number}


def test_of_a_table_that_stays_the_times_tell(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(marked, "_RACY_NANOSECONDS", -(10**12))
    table = tmp_path / "part.toml"
    table.write_text("a = 1\n")
    read_kept(str(table))
    monkeypatch.setattr(marked, "_mark_of", lambda paths: 1 / 0)
    assert read_kept(str(table)) == {"a": 1}
