"""Completion in real shells, where they are installed: what Tab offers behind a line."""

import os
import pty
import re
import select
import shutil
import subprocess
import sys
import time
from pathlib import Path

import pytest
from patchscan.basics.usage import FORMATS
from patchscan.cli import COMMANDS, main

ROOT = Path(__file__).parents[2]
# A line, what must be offered at its end, and what must not be.
LINES = [
    ("patchscan comp", {"compare", "completion"}, {"scan"}),
    ("patchscan series.mbox --", {"--format", "--tree", "--previous", "--jobs"}, {"--timeline"}),
    ("patchscan series.mbox --form", {"--format"}, {"--tree"}),
    ("patchscan scan --format sar", {"sarif"}, {"json"}),
    ("patchscan x.mbox --format=sar", {"sarif"}, {"json"}),
    ("patchscan simulate --time", {"--time-limit", "--timeline"}, {"--format"}),
    ("patchscan explain missing-br", {"missing-braces"}, {"unneeded-braces"}),
    ("patchscan x.mbox --select unneeded-b", {"unneeded-braces"}, {"missing-braces"}),
    ("patchscan x.mbox --select missing-braces,unneeded-b", {"unneeded-braces"}, set()),
    ("patchscan compare a.mbox ser", {"series.mbox"}, {"scan"}),
]  # type: list[tuple[str, set[str], set[str]]]

ZSH = """\
PROMPT=
autoload -U compinit; compinit -u -D
source {script}
bindkey '^I' complete-word
zstyle ':completion:*' insert-tab false
compadd () {{
    if [[ ${{@[1,(i)(-|--)]}} == *-(O|A|D)\\ * ]]; then builtin compadd "$@"; return $?; fi
    local -a hits
    builtin compadd -A hits "$@"
    for hit in $hits; do echo -E - "HIT $hit"; done
    builtin compadd "$@"
}}
finished () {{ echo -E - END; exit }}
comppostfuncs=( finished )
"""


@pytest.fixture
def place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Path:
    """A directory with the scripts, a series, and patchscan on the path."""
    for shell in ("bash", "zsh", "fish"):
        assert main(["completion", shell]) == 0
        (tmp_path / f"patchscan.{shell}").write_text(capsys.readouterr().out)
    (tmp_path / "series.mbox").touch()
    (tmp_path / "bin").mkdir()
    (tmp_path / "bin" / "patchscan").write_text(f'#!/bin/sh\nexec {sys.executable} -m patchscan "$@"\n')
    (tmp_path / "bin" / "patchscan").chmod(0o755)
    monkeypatch.setenv("PATH", f"{tmp_path}/bin{os.pathsep}{os.environ['PATH']}")
    monkeypatch.setenv("PYTHONPATH", str(ROOT))
    for name in ("HOME", "XDG_CONFIG_HOME", "XDG_DATA_HOME"):
        monkeypatch.setenv(name, str(tmp_path))
    monkeypatch.chdir(tmp_path)
    return tmp_path


def with_bash(line: str, place: Path) -> set[str]:
    """What bash offers, its words broken at "=" as by default."""
    words = line.replace("=", " = ").split(" ")
    program = f"""
source {place}/patchscan.bash
COMP_LINE={line!r} COMP_POINT={len(line)} COMP_WORDS=({" ".join(words)}) COMP_CWORD={len(words) - 1}
_patchscan
printf '%s\\n' "${{COMPREPLY[@]}}"
"""
    run = subprocess.run(["bash", "-c", program], capture_output=True, text=True, check=True)
    assert run.stderr == ""
    return set(run.stdout.split())


def with_fish(line: str, place: Path) -> set[str]:
    program = f"source {place}/patchscan.fish; complete -C {line!r}"
    run = subprocess.run(["fish", "--no-config", "-c", program], capture_output=True, text=True, check=True)
    return {each.partition("\t")[0] for each in run.stdout.split("\n")}


def with_zsh(line: str, place: Path) -> set[str]:
    """What zsh hands to compadd, at a terminal of ours."""
    (place / "setup.zsh").write_text(ZSH.format(script=place / "patchscan.zsh"))
    ours, theirs = pty.openpty()
    with subprocess.Popen(["zsh", "-f", "-i"], stdin=theirs, stdout=theirs, stderr=theirs) as process:
        os.close(theirs)
        os.write(ours, b"source setup.zsh; echo READY\n")
        said = read_until(ours, b"\nREADY")
        os.write(ours, f"{line}\t".encode())
        said = read_until(ours, b"END\r\n")
        process.kill()
    os.close(ours)
    return set(re.findall(r"HIT (\S+)", said))


def read_until(terminal: int, mark: bytes) -> str:
    """What a terminal shows up to a mark; it fails where that does not come within two minutes."""
    said = b""
    end = time.monotonic() + 120
    while mark not in said and time.monotonic() < end:
        if select.select([terminal], [], [], 1)[0]:
            try:
                said += os.read(terminal, 65536)
            except OSError:
                break
    assert mark in said, said
    return said.decode("utf-8", "replace").replace("\r", "")


SHELLS = {"bash": with_bash, "fish": with_fish, "zsh": with_zsh}


def bare(offered: set[str]) -> set[str]:
    """What is offered without what stands before it: an option and "=", rules before a comma."""
    return {each.rpartition("=")[2].rpartition(",")[2].rstrip(" ") or each.rstrip("=") for each in offered}


@pytest.mark.parametrize("shell", SHELLS)
@pytest.mark.parametrize(("line", "wanted", "unwanted"), LINES, ids=[line for line, _, _ in LINES])
def test_a_shell_completes(shell: str, line: str, wanted: set[str], unwanted: set[str], place: Path) -> None:
    if not shutil.which(shell):
        pytest.skip(f"{shell} is not installed")
    offered = bare(SHELLS[shell](line, place))
    assert wanted <= offered and not unwanted & offered


def test_bash_keeps_what_stands_before_a_comma(place: Path) -> None:
    if not shutil.which("bash"):
        pytest.skip("bash is not installed")
    assert with_bash("patchscan x --select missing-braces,unneeded-b", place) == {
        "missing-braces,unneeded-braces"
    }
    assert with_bash("patchscan x --select missing-braces,missing-brac", place) == {""} or not bare(
        with_bash("patchscan x --select missing-braces,missing-brac", place)
    ) - {""}


def test_every_command_and_format_is_in_each_script(place: Path) -> None:
    for shell in SHELLS:
        text = (place / f"patchscan.{shell}").read_text()
        assert all(name in text for name in COMMANDS) and all(form in text for form in FORMATS)
