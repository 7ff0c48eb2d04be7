"""Our own tables read without tomllib are what tomllib reads."""

import tomllib
from pathlib import Path

import pytest
from patchscan.basics.plaintoml import read_plain

TABLES_DIRECTORY = Path(__file__).parents[2] / "rules" / "tables"
# Tables of rows are read by tomllib and kept compiled.
TABLES = sorted(path for path in TABLES_DIRECTORY.glob("*.toml") if "[[row]]" not in path.read_text())


@pytest.mark.parametrize("path", TABLES, ids=lambda path: path.stem)
def test_it_reads_what_tomllib_reads(path: Path) -> None:
    text = path.read_text()
    assert read_plain(text) == tomllib.loads(text)


@pytest.mark.parametrize("text", ["a", "a = 1.5", "a = [1]", 'a = "b', "a = [", '[a.b]\nc = "d"', "a = 'b'"])
def test_it_refuses_the_rest(text: str) -> None:
    with pytest.raises(ValueError, match=r"TOML|end"):
        read_plain(text)
