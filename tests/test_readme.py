"""README shows what the tool really prints; PATCHSCAN_UPDATE=1 writes it anew, to be judged by reading the diff."""

import os
import re
from pathlib import Path

import pytest
from patchscan.cli import main

ROOT = Path(__file__).parent.parent
README = ROOT / "README.md"
SCREEN = "--tree fixtures/tree fixtures/series/collapse-without-sync/series.mbox"
UPDATE = bool(os.environ.get("PATCHSCAN_UPDATE"))


def section(name: str) -> re.Pattern[str]:
    return re.compile(rf"(<!-- {name} -->\n)(.*?)(<!-- end of {name} -->\n)", re.S)


def compare(name: str, text: str) -> None:
    """Hold a marked section of README against what it should be."""
    readme = README.read_text()
    found = section(name).search(readme)
    assert found, f"README has no section {name}"
    if UPDATE:
        README.write_text(section(name).sub(lambda each: each[1] + text + each[3], readme))
    else:
        assert found[2] == text, "run with PATCHSCAN_UPDATE=1 and read the difference"


def test_the_screen_is_real(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(ROOT)
    main(SCREEN.split())
    compare("screen", f"```\n$ patchscan {SCREEN}\n{capsys.readouterr().out}```\n")


def test_the_screen_is_what_make_demo_prints() -> None:
    assert f"patchscan --exit-zero {SCREEN}" in (ROOT / "Makefile").read_text()


def test_every_command_has_its_line() -> None:
    from patchscan.cli import COMMANDS

    assert all(f"patchscan {name}" in README.read_text() for name in COMMANDS)
