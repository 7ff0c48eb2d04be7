"""The manual page: it is what the parsers make, roff has nothing to say against it, and the wheel brings it along.

PATCHSCAN_UPDATE=1 writes docs/patchscan.1 anew.
"""

import os
import re
import shutil
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest
from patchscan import __version__
from patchscan.cli import COMMANDS, parser_of

ROOT = Path(__file__).parent.parent
PAGE = ROOT / "docs" / "patchscan.1"
SECTIONS = [
    "NAME",
    "SYNOPSIS",
    "DESCRIPTION",
    "SERIES",
    "COMMANDS",
    "EXIT STATUS",
    "ENVIRONMENT",
    "FILES",
    "EXAMPLES",
    "SEE ALSO",
]


def made(monkeypatch: pytest.MonkeyPatch) -> str:
    monkeypatch.syspath_prepend(str(ROOT / "docs"))
    from manpage import page  # type: ignore[import-not-found]

    text: str = page(__version__)
    return text


def test_the_page_is_what_the_parsers_make(monkeypatch: pytest.MonkeyPatch) -> None:
    text = made(monkeypatch)
    if os.environ.get("PATCHSCAN_UPDATE"):
        PAGE.write_text(text)
    assert PAGE.read_text() == text, "run with PATCHSCAN_UPDATE=1 and read the difference"


def test_its_sections_and_every_option() -> None:
    text = PAGE.read_text()
    assert re.findall(r"^\.SH (.+)$", text, re.M) == SECTIONS
    plain = text.replace("\\-", "-")
    for name in COMMANDS:
        assert f".SS patchscan {name}" in plain
        options = (word for action in parser_of(name)._actions for word in action.option_strings)
        assert all(word in plain for word in options if word not in ("-h", "--help"))


@pytest.mark.skipif(not shutil.which("man"), reason="man is not installed")
def test_roff_reads_it_without_a_warning() -> None:
    words = ["man", "--warnings", "-E", "UTF-8", "-l", "-Tutf8", "-Z", str(PAGE)]
    environment = {**os.environ, "LC_ALL": "C.UTF-8", "MANROFFSEQ": "", "MANWIDTH": "80"}
    run = subprocess.run(words, capture_output=True, text=True, env=environment, check=True)
    assert run.stderr == ""


@pytest.mark.slow
def test_the_wheel_brings_it(tmp_path: Path) -> None:
    source = tmp_path / "source"
    left_out = shutil.ignore_patterns(
        ".*", "_build", "build", "generated", "*.egg-info", "tests", "__pycache__"
    )
    shutil.copytree(ROOT, source, ignore=left_out)
    words = [
        "-m",
        "pip",
        "wheel",
        "-q",
        "--no-deps",
        "--no-build-isolation",
        "-w",
        str(tmp_path),
        str(source),
    ]
    run = subprocess.run([sys.executable, *words], capture_output=True, text=True, check=False)
    if "setuptools" in run.stderr and run.returncode:
        pytest.skip("setuptools is not installed")
    assert run.returncode == 0, run.stderr
    (wheel,) = tmp_path.glob("*.whl")
    names = zipfile.ZipFile(wheel).namelist()
    assert [name for name in names if name.endswith("/share/man/man1/patchscan.1")]
