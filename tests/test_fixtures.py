"""The fixtures are what they claim: the tree hangs together, series apply, expected places exist."""

import email
import os
import re
import shutil
import subprocess
import tomllib
from collections.abc import Iterator
from email.message import Message
from pathlib import Path
from typing import Any

import pytest
from patchscan.mail import read_input
from patchscan.mail.thread import read_thread
from patchscan.series import Thread
from patchscan.tree import open_tree
from patchscan.tree.overlay import lay

FIXTURES = Path(__file__).resolve().parent.parent / "fixtures"
TREE = FIXTURES / "tree"
SERIES = sorted(path.parent for path in FIXTURES.glob("series/*/series.mbox"))
ENTRIES = ("finding", "proof", "permitted", "silent")
KEYS = {"rule", "patch", "path", "quote", "why", "severity", "names", "also", "repaired_by"}
EMAIL = re.compile(r"[\w.+-]+@[\w-]+\.[\w.-]*\w")

BROKEN = dict(
    re.findall(r"(?m)^\| `(\S+)` \| (whole|said|nothing) \|", (FIXTURES / "broken/README.md").read_text())
)

each_series = pytest.mark.parametrize("series", SERIES, ids=lambda path: path.name)


def tree_files(pattern: str) -> list[Path]:
    return sorted(path for path in TREE.rglob(pattern) if path.is_file())


def mails(series: Path) -> list[Message]:
    """The mails of a series, split where git writes its separator."""
    text = (series / "series.mbox").read_text()
    parts = re.split(r"(?m)^From [0-9a-f]{40} Mon Sep 17 00:00:00 2001\n", text)
    assert parts[0] == ""
    return [email.message_from_string(part) for part in parts[1:]]


def patches(series: Path) -> dict[str, dict[int, str]]:
    """Revision prefix, e.g. "PATCH v2", to patch number to body; replies are left out."""
    found: dict[str, dict[int, str]] = {}
    for mail in mails(series):
        match = re.match(r"\[(.*?)(?: (\d+)/\d+)?\]", mail["Subject"])
        if match:
            found.setdefault(match[1], {})[int(match[2] or 1)] = str(mail.get_payload())
    return found


def scanned(series: Path) -> dict[int, str]:
    """The patches of the highest revision."""
    found = patches(series)
    return found[max(found, key=lambda prefix: int((re.findall(r"v(\d+)", prefix) or ["1"])[0]))]


def changelog(body: str) -> str:
    return re.split(r"(?m)^---$", body)[0]


def lines_of(body: str, path: str) -> Iterator[str]:
    """The lines of one file's hunks, with their first character."""
    here = False
    for line in body.split("\n"):
        if line.startswith("diff --git "):
            here = line.endswith(f" b/{path}")
        elif here:
            yield line


def expected(series: Path) -> dict[str, Any]:
    return tomllib.loads((series / "expected.toml").read_text())


def test_there_are_series() -> None:
    assert SERIES


@each_series
@pytest.mark.skipif(shutil.which("git") is None, reason="git is the oracle here")
def test_series_applies_in_order(series: Path, tmp_path: Path) -> None:
    environment = {**os.environ, "GIT_CEILING_DIRECTORIES": str(tmp_path)}
    for prefix, bodies in patches(series).items():
        copy = tmp_path / prefix
        shutil.copytree(TREE, copy)
        for number, body in sorted(bodies.items()):
            if number:
                command = ["git", "apply", "--whitespace=error-all", "-"]
                result = subprocess.run(
                    command, cwd=copy, input=body, text=True, capture_output=True, env=environment
                )
                assert not result.returncode, f"{prefix} {number}: {result.stderr}"


@each_series
def test_series_is_plain_and_invented(series: Path) -> None:
    raw = (series / "series.mbox").read_bytes()
    assert raw.isascii()
    assert b"\r" not in raw
    assert not [address for address in EMAIL.findall(raw.decode()) if not address.endswith("example.org")]
    ids = [mail["Message-ID"] for mail in mails(series)]
    assert None not in ids
    assert len(set(ids)) == len(ids)
    for mail in mails(series):
        assert mail["Date"]
        assert mail["In-Reply-To"] is None or mail["In-Reply-To"] in ids


@each_series
def test_expected_places_exist(series: Path) -> None:
    wanted = expected(series)
    bodies = scanned(series)
    assert set(wanted) <= {*ENTRIES, "clean"}
    assert wanted.get("clean", False) != bool({"finding", "proof"} & set(wanted))
    for kind in ENTRIES:
        for entry in wanted.get(kind, []):
            check_entry(entry, bodies, added_only=kind != "silent")


def check_entry(entry: dict[str, Any], bodies: dict[int, str], added_only: bool) -> None:
    assert set(entry) <= KEYS
    assert re.fullmatch(r"[a-z]+(-[a-z]+)*", entry["rule"])
    assert entry.get("severity", "warning") in ("error", "warning", "info")
    assert entry["patch"] < entry.get("repaired_by", max(bodies) + 1)
    for path in entry.get("names", []):
        assert (TREE / path).is_file()
    if "path" not in entry:
        assert entry["names"]
        return
    for place in [entry, *entry.get("also", [])]:
        check_place(place, bodies[entry["patch"]], "+" if added_only else "+ ")


def check_place(place: dict[str, Any], body: str, kinds: str) -> None:
    if place["path"] == "(changelog)":
        assert place.get("quote", "") in changelog(body).split("\n")
    else:
        found = [line[1:].strip() for line in lines_of(body, place["path"]) if line[:1] in kinds]
        assert place["quote"] in found, place


def test_tree_is_plain_text() -> None:
    for path in tree_files("*"):
        raw = path.read_bytes()
        assert raw.isascii(), path
        assert raw.endswith(b"\n"), path
        assert not re.search(rb"\r|[ \t]\n|^ {8}|.{101}", raw, re.M), path


def test_every_object_has_a_source() -> None:
    for makefile in [*tree_files("Makefile"), *tree_files("Kbuild")]:
        lines = re.sub(r"\\\n", " ", makefile.read_text()).split("\n")
        composite = set()
        wanted = set()
        for line in lines:
            match = re.match(r"([\w-]+)-(?:y|\$\(CONFIG_\w+\))\s*[:+]?=\s*(.*)", line)
            if match:
                wanted |= set(match[2].replace("$(SRCARCH)", "x86").split())
                composite |= {match[1] + ".o"} if match[1] != "obj" else set()
        for name in wanted - composite:
            stem = makefile.parent / name.removesuffix(".o")
            assert stem.is_dir() or stem.with_suffix(".c").is_file() or stem.with_suffix(".S").is_file(), name


def test_every_config_symbol_is_defined() -> None:
    kconfigs = "\n".join(path.read_text() for path in tree_files("Kconfig*"))
    defined = set(re.findall(r"(?m)^config (\w+)", kconfigs))
    selected = set(re.findall(r"(?m)^\s+select (\w+)", kconfigs))
    used = {symbol for path in tree_files("*") for symbol in re.findall(r"\bCONFIG_(\w+)", path.read_text())}
    assert used | selected <= defined
    for source in re.findall(r'(?m)^source "(.*)"', kconfigs):
        assert (TREE / source.replace("$(SRCARCH)", "x86")).is_file()


def test_every_local_include_exists() -> None:
    for path in tree_files("*.c"):
        for name in re.findall(r'#include "(.*)"', path.read_text()):
            assert (path.parent / name).is_file(), (path, name)


def test_every_broken_file_has_its_note() -> None:
    names = {path.name for path in FIXTURES.glob("broken/[!.]*")}
    assert names == {*BROKEN, "README.md"}


@pytest.mark.parametrize("name", sorted(BROKEN))
def test_broken_mail_is_read_as_its_note_says(name: str) -> None:
    messages, problems = read_input([str(FIXTURES / "broken" / name)], None)
    thread = read_thread(messages, problems)
    assert outcome(thread) == BROKEN[name]


def outcome(thread: Thread) -> str:
    """How a thread was read, in the words of fixtures/broken/README.md."""
    if not thread.series:
        assert thread.problems
        return "nothing"
    series = thread.series[0]
    files = [file for state in lay(series, open_tree(str(TREE))) for file in state.files]
    if thread.problems or series.missing or any(file.why for file in files):
        return "said"
    assert files and all(file.used == "tree" for file in files)
    return "whole"
