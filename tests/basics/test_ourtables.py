"""Our own tables by what is kept of them."""

import tomllib
from pathlib import Path

import pytest
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
