"""What a terminal gets: colour when asked for, links to files, findings by gravity, and a line while it takes long."""

import sys
from pathlib import Path

import pytest
from patchscan.cli import main
from patchscan.commands import progress
from patchscan.commands.output import use_colour
from patchscan.rule import Rule
from patchscan.settling.registry import load_rules
from patchscan.testing import read_example

from tests.mails import mail, mbox

ROOT = Path(__file__).parents[2]
SERIES = str(ROOT / "fixtures" / "series" / "housekeeping" / "series.mbox")


@pytest.mark.parametrize(
    ("environment", "choice", "colour"),
    [
        ({}, "auto", False),
        ({"FORCE_COLOR": "1"}, "auto", True),
        ({"FORCE_COLOR": "0"}, "auto", False),
        ({"FORCE_COLOR": "1", "NO_COLOR": "1"}, "auto", False),
        ({"NO_COLOR": "1"}, "always", True),
        ({"FORCE_COLOR": "1"}, "never", False),
    ],
)
def test_who_decides_on_colour(
    environment: dict[str, str], choice: str, colour: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("NO_COLOR", "FORCE_COLOR"):
        monkeypatch.delenv(name, raising=False)
    for name, value in environment.items():
        monkeypatch.setenv(name, value)
    assert use_colour(None, choice) is colour


def test_places_link_to_files_of_the_tree(capsys: pytest.CaptureFixture[str]) -> None:
    words = [SERIES, "--tree", str(ROOT / "fixtures" / "tree"), "--exit-zero"]
    main([*words, "--color", "always"])
    out = capsys.readouterr().out
    assert f"file://{ROOT}/fixtures/tree/" in out
    assert "https://docs.kernel.org/process/4.Coding.html" in out or "/rule-should-be-static.html" in out
    # The quoted line has words in colours of their own.
    assert "\x1b[1;49mstruct" in out
    main([*words, "--color", "never"])
    assert "\x1b" not in capsys.readouterr().out


def test_the_gravest_comes_first(capsys: pytest.CaptureFixture[str]) -> None:
    main([SERIES, "--no-tree", "--exit-zero", "--format", "concise", "--sort", "severity"])
    levels = [line.split(": ")[1] for line in capsys.readouterr().out.splitlines() if " [patch" in line]
    order = ["error", "warning", "info"]
    assert len(set(levels)) > 1 and levels == sorted(levels, key=order.index)


def test_nothing_is_promised_where_there_is_no_more(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = tmp_path / "one.mbox"
    path.write_bytes(mbox(mail("[PATCH] mm: count")))
    main([str(path), "--no-tree", "--select", "kernel-doc"])
    assert "with -v also" not in capsys.readouterr().out


class Shown:
    """Stands for rich's status line."""

    texts: list[str]

    def __init__(self) -> None:
        self.texts = []
        self.running = False

    def start(self) -> None:
        self.running = True

    def update(self, text: str) -> None:
        self.texts.append(text)

    def stop(self) -> None:
        self.running = False


def rules() -> tuple[Rule, ...]:
    return tuple(rule for rule in load_rules()[0] if rule.name in ("trailers", "spelling"))


def test_the_line_tells_patch_and_rule_and_goes(monkeypatch: pytest.MonkeyPatch) -> None:
    from patchscan.context import NO_SETTINGS
    from patchscan.scan import scan
    from patchscan.series import Thread

    shown = Shown()
    monkeypatch.setattr(sys.stderr, "isatty", lambda: True, raising=False)
    monkeypatch.setattr(progress, "PATIENCE", 0.0)
    monkeypatch.setattr("rich.console.Console.status", lambda console, text: shown)
    series = read_example(">>> patch mm: walk\nWalk.\n>>> file mm/example.c\n+int x;\n")[0]
    with progress.watched(rules(), True) as watched:
        scan(Thread((series,), (), ()), None, watched, NO_SETTINGS)
        assert shown.running
    assert not shown.running and shown.texts[0] == "patch 1 of 1: spelling"
    assert "patch 1 of 1: trailers" in shown.texts


def test_without_a_terminal_there_is_no_line(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys.stderr, "isatty", lambda: False, raising=False)
    made = rules()
    with progress.watched(made, True) as watched:
        assert watched == made
