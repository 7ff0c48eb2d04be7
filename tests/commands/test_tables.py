"""Tables of commands: drawn in colour on a terminal as wide as it is, plain and stable where output is piped."""

import re
from pathlib import Path

import pytest
from patchscan.basics.columns import drawn
from patchscan.cli import main
from patchscan.commands import output
from patchscan.cost.table import plain_grid

from tests.cost.schemes import FILE

ROOT = Path(__file__).parents[2]
LITMUS = str(ROOT / "fixtures" / "litmus")
SERIES = [str(ROOT / "fixtures" / "series" / name / "series.mbox") for name in ("housekeeping", "clean")]
ORDER = re.compile(r"\x1b\[[0-9;]*m|\x1b\]8;[^\x1b]*\x1b\\")
COMMANDS = {
    "rules": ["rules"],
    "cost": ["cost", str(FILE), "--cpus", "8", "--runs", "0", "--growth"],
    "simulate": ["simulate", LITMUS],
    "compare": ["compare", *SERIES, "--no-tree", "--old-revision", "1"],
}


def printed(words: list[str], capsys: pytest.CaptureFixture[str]) -> str:
    main(words)
    return capsys.readouterr().out


@pytest.mark.parametrize("name", COMMANDS)
def test_only_a_terminal_gets_a_drawn_table(name: str, capsys: pytest.CaptureFixture[str]) -> None:
    plain = printed(COMMANDS[name], capsys)
    assert plain and "\x1b" not in plain and "─" not in plain
    coloured = printed([*COMMANDS[name], "--color", "always"], capsys)
    assert "\x1b[1m" in coloured and "─" in coloured


@pytest.mark.parametrize("width", [60, 80, 200])
def test_a_table_fits_its_terminal(
    width: int, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(output, "output_width", lambda: width)
    for name in ("rules", "cost"):
        lines = ORDER.sub("", printed([*COMMANDS[name], "--color", "always"], capsys)).splitlines()
        assert max(map(len, lines)) <= width
        assert any("─" in line for line in lines)


def test_a_cell_is_no_markup_and_is_coloured_by_its_word() -> None:
    text = drawn(("a", "b"), [["[bold]x", "error"], ["y", "1"]], 40, numbers=(1,))
    assert "[bold]x" in text and "\x1b[1;31merror" in text
    assert ORDER.sub("", text).splitlines()[-1].endswith("    1")


def test_plain_columns_keep_their_places() -> None:
    assert list(plain_grid(["", "IPIs"], [["one", "7"], ["three", "12345"]])) == [
        "          IPIs",
        "  one        7",
        "  three  12345",
    ]
