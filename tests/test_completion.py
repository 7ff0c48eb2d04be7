"""Completion in real shells, where they are installed."""

import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from patchscan.cli import main

ROOT = Path(__file__).parent.parent


def script(shell: str, capsys: pytest.CaptureFixture[str]) -> str:
    assert main(["completion", shell]) == 0
    return capsys.readouterr().out


@pytest.mark.parametrize(
    ("line", "expected"),
    [
        ("patchscan comp", {"compare", "completion"}),
        ("patchscan series.mbox --form", {"--format"}),
        ("patchscan scan --format sar", {"sarif"}),
        ("patchscan simulate --time", {"--time-limit", "--timeline"}),
        ("patchscan explain missing-br", {"missing-braces"}),
        ("patchscan x.mbox --select unneeded-b", {"unneeded-braces"}),
    ],
)
def test_bash_completes(
    line: str, expected: set[str], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    if not shutil.which("bash"):
        pytest.skip("bash is not installed")
    (tmp_path / "patchscan.bash").write_text(script("bash", capsys))
    words = line.split()
    program = f"""
patchscan() {{ {sys.executable} -m patchscan "$@"; }}
source {tmp_path}/patchscan.bash
COMP_WORDS=({line}) COMP_CWORD={len(words) - 1}
_patchscan
printf '%s\\n' "${{COMPREPLY[@]}}"
"""
    run = subprocess.run(["bash", "-c", program], cwd=ROOT, capture_output=True, text=True, check=True)
    assert set(run.stdout.split()) == expected and run.stderr == ""


def test_every_option_of_scan_is_there_in_fish(capsys: pytest.CaptureFixture[str]) -> None:
    text = script("fish", capsys)
    line = next(each for each in text.splitlines() if "from scan'" in each and "-l format" in each)
    assert "-x -a 'text concise mail fixups html" in line
    assert "-s o -l output -r" in text and "-l exit-zero -d" in text
    if shutil.which("fish"):
        subprocess.run(["fish", "--no-execute"], input=text, text=True, check=True)


def test_zsh_takes_bashs_way(capsys: pytest.CaptureFixture[str]) -> None:
    text = script("zsh", capsys)
    assert text.startswith("autoload -U +X bashcompinit") and "complete -o filenames" in text
    if shutil.which("zsh"):
        subprocess.run(["zsh", "-n"], input=text, text=True, check=True)
