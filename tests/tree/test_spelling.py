"""The lists of misspelt words: the tree's, and codespell's where it is installed."""

import sys
from collections.abc import Iterator
from importlib.util import find_spec
from pathlib import Path

import pytest
from patchscan.testing import MemoryTree
from patchscan.tree.spelling import Dictionary, corrections, installed

# Looked for here, where the path is still the real one.
CODESPELL = find_spec("codespell_lib")


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
        "Acient->Ancient",
        "clos->close",
        "lenght->length",
        "losse->loose, why",
        "stroe->store, stroke,",
        "uptodate->up-to-date",
    ]
    (data / "dictionary.txt").write_text("\n".join(lines))
    words = corrections(MemoryTree("tree", {}))
    assert words.meant("lenght") == ("length",) and words.meant("stroe") == ("store", "stroke")
    assert words.meant("losse") == ("loose",) and words.meant("Acient") == ("Ancient",)
    assert words.meant("length") == () and words.meant("aaaaa") == () and words.meant("zzzzz") == ()
    assert words.meant("clos") == (), "too short to be no name"
    assert words.meant("uptodate") == (), "a word of the kernel"


def test_nothing_at_hand() -> None:
    assert corrections(None).meant("lenght") == ()


@pytest.mark.skipif(CODESPELL is None, reason="codespell is not installed")
def test_every_word_of_codespell_is_found() -> None:
    """Its list must be sorted as we search it."""
    assert CODESPELL and CODESPELL.origin
    data = (Path(CODESPELL.origin).parent / "data" / "dictionary.txt").read_bytes()
    words = Dictionary(data)
    lines = [line.partition("->") for line in data.decode().splitlines()]
    long = [(mistake.lower(), rest) for mistake, _, rest in lines if len(mistake) > 4]
    lost = {mistake for mistake, rest in long if words.rest_of(mistake) != rest}
    assert lost and all(words.rest_of(mistake) is None for mistake in lost), "the kernel's own words"
    assert len(lost) < 40 < len(long)
