"""The lists of misspelt words: the tree's, and codespell's where it is installed."""

import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from patchscan.testing import MemoryTree
from patchscan.tree.spelling import corrections, installed


@pytest.fixture(autouse=True)
def no_codespell(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Iterator[None]:
    """Only what a test puts there is installed."""
    monkeypatch.setattr(sys, "path", [str(tmp_path)])
    monkeypatch.setattr("patchscan.tree.spelling._SYSTEM", ())
    installed.cache_clear()
    yield
    installed.cache_clear()


def test_the_list_of_the_tree() -> None:
    tree = MemoryTree("tree", {"scripts/spelling.txt": b"# teh||no\nteh||the\nabov||above, about\n"})
    words = corrections(tree)
    assert words.meant("Teh") == ("the",) and words.meant("abov") == ("above",)
    assert words.meant("the") == () and words.meant("# teh") == ()


def test_codespell_beside_us(tmp_path: Path) -> None:
    data = tmp_path / "codespell_lib" / "data"
    data.mkdir(parents=True)
    lines = [
        "lenght->length",
        "stroe->store, stroke,",
        "clos->close",
        "uptodate->up-to-date",
        "losse->loose, why",
    ]
    (data / "dictionary.txt").write_text("\n".join(lines))
    words = corrections(MemoryTree("tree", {}))
    assert words.meant("lenght") == ("length",) and words.meant("stroe") == ("store", "stroke")
    assert words.meant("losse") == ("loose",)
    assert words.meant("clos") == (), "too short to be no name"
    assert words.meant("uptodate") == (), "a word of the kernel"


def test_nothing_at_hand() -> None:
    assert not corrections(None) and corrections(None).meant("lenght") == ()
