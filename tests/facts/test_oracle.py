"""Facts against other readers: members, enumerators and macros against Universal Ctags, callers against cscope.

PATCHSCAN_KERNEL_TREE: the tree; PATCHSCAN_ORACLE_FILES: how many of its files ctags is held against (default 400);
PATCHSCAN_ORACLE_SEED: which ones, and which names. A difference is right in the ways named here, and in no other.
"""

import json
import os
import random
import re
import shutil
import subprocess
from collections import Counter, defaultdict
from collections.abc import Iterator, Mapping
from pathlib import Path

import pytest
from patchscan.c.source import Source, parse
from patchscan.facts.infile import facts_in
from patchscan.facts.of_calls import KIND as CALLS
from patchscan.facts.of_macros import KIND as MACROS
from patchscan.facts.of_members import KIND as MEMBERS
from patchscan.lookup.known import callers
from patchscan.tree import Directory
from patchscan.tree.overlay import View

TREE = os.environ.get("PATCHSCAN_KERNEL_TREE", "")
CTAGS = shutil.which("ctags")
CSCOPE = shutil.which("cscope")
SEED = int(os.environ.get("PATCHSCAN_ORACLE_SEED", "1"))
FILES = int(os.environ.get("PATCHSCAN_ORACLE_FILES", "400"))
NAMES = 30
PLACES = ("mm", "kernel", "drivers/i2c", "include/linux", "fs/ext4", "net/core")
Place = tuple[str, int]
pytestmark = [pytest.mark.slow, pytest.mark.skipif(not TREE, reason="needs a kernel tree")]


def sources() -> list[str]:
    """Some C files of the tree."""
    found = [path for place in PLACES for path in Directory(TREE).files(place) if path.endswith((".c", ".h"))]
    return sorted(random.Random(SEED).sample(found, min(FILES, len(found))))


def tags(paths: list[str]) -> Mapping[str, Mapping[str, set[Place]]]:
    """What ctags finds, by file and kind."""
    assert CTAGS is not None
    options = ["--languages=C", "--langmap=C:.c.h", "--kinds-c=dme", "--fields=+nKs", "--output-format=json"]
    run = subprocess.run(
        [CTAGS, *options, "-f", "-", "-L", "-"],
        cwd=TREE,
        input="\n".join(paths).encode(),
        capture_output=True,
        check=True,
    )
    found: dict[str, dict[str, set[Place]]] = defaultdict(lambda: defaultdict(set))
    for line in run.stdout.decode("utf-8", "replace").splitlines():
        tag = json.loads(line)
        nameless = "__anon" in tag.get("scope", "")
        kind = "nameless" if tag["kind"] == "member" and nameless else tag["kind"]
        found[tag["path"]][kind].add((tag["name"], tag["line"]))
    return found


@pytest.mark.skipif(CTAGS is None, reason="needs Universal Ctags")
def test_what_ctags_finds_is_found() -> None:
    paths = sources()
    wrong, compared = [], 0
    for path, theirs in tags(paths).items():
        source = parse(Path(TREE, path).read_bytes(), path)
        members = list(MEMBERS.find(source))
        ours = {
            "macro": {(each.name, each.line) for each in MACROS.find(source)},
            "member": {(each.name, each.line) for each in members if each.type != "enum"},
            "enumerator": {(each.name, each.line) for each in members if each.type == "enum"},
        }
        for kind, places in ours.items():
            compared += len(places & theirs[kind])
            wrong += [
                f"{path}:{line}: {kind} {name} of ctags alone: {source.line_text(line)}"
                for name, line in sorted(theirs[kind] - places)
                if not ctags_alone_is_right(source, kind, name, line)
            ]
            # ctags knows no DECLARE_BITMAP() and struct_group(), and loses its way at attributes and assembly.
            wrong += [
                f"{path}:{line}: {kind} {name} of ours alone: {source.line_text(line)}"
                for name, line in sorted(places - theirs[kind] - theirs["nameless"])
                if not re.search(rf"\b{name}\b", source.code_text(line))
            ]
    assert wrong == [], "\n".join(wrong)
    assert compared > 10 * len(paths)


# Members that the reader gives up on, and says so (Type.complete): a width that is calculated with parentheses, a
# pointer to an array, an attribute by another name.
GIVEN_UP = re.compile(r":[^;]*\(|\(\s*\*\s*\w+\s*\)\s*\[|[\w\]]\s+[A-Z]\w*_ATTR\b")


def ctags_alone_is_right(source: Source, kind: str, name: str, line: int) -> bool:
    """Whether a difference is known: an attribute, a macro that makes constants, an array of an enum's constants."""
    code = source.code_text(line)
    if kind == "member":
        attribute = (
            name.startswith("____")
            or name == "__packed"
            or (name.startswith("__") and code.lstrip().startswith("}"))
        )
        return attribute or GIVEN_UP.search(code) is not None
    if kind != "enumerator":
        return False
    above = "\n".join(source.code_text(each) for each in range(max(1, line - 30), line))
    in_array = re.search(r"\benum\s+\w+\s+\w+\s*\[[^\]]*\]\s*=\s*\{[^{}]*\Z", above) is not None
    return in_array or "," not in code or re.search(rf"\b{name}\s*\(", code) is not None


@pytest.fixture
def small(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A part of the tree, as a tree."""
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    top = tmp_path / "part"
    for place in ("mm", "drivers/i2c", "include/linux"):
        shutil.copytree(Path(TREE, place), top / place)
    return top


def cscope_calls(top: Path, names: list[str]) -> Iterator[set[Place]]:
    """The places where cscope sees calls of each name."""
    assert CSCOPE is not None
    paths = sorted(str(path.relative_to(top)) for path in top.rglob("*") if path.suffix in (".c", ".h", ".S"))
    (top / "cscope.files").write_text("\n".join(paths) + "\n")
    subprocess.run([CSCOPE, "-bck"], cwd=top, check=True)
    for name in names:
        run = subprocess.run([CSCOPE, "-d", "-L", "-3", name], cwd=top, capture_output=True, check=True)
        lines = (line.split() for line in run.stdout.decode("utf-8", "replace").splitlines())
        yield {(words[0], int(words[2])) for words in lines}


@pytest.mark.skipif(CSCOPE is None, reason="needs cscope")
def test_callers_are_those_of_cscope(small: Path) -> None:
    view = View(Directory(str(small)), {})
    texts = {path: parse((small / path).read_bytes(), path) for path in Directory(str(small)).files()}
    called = Counter(
        call.name
        for path in texts
        if path.startswith(("mm/", "drivers/")) and path.endswith(".c")
        for call in facts_in(view, CALLS, path)
    )
    usual = sorted(name for name, count in called.items() if 3 <= count <= 150)
    names = random.Random(SEED).sample(usual, NAMES)
    wrong, compared = [], 0
    for name, theirs in zip(names, cscope_calls(small, names), strict=True):
        ours = {(each.path, each.line) for each in callers(view, name)}
        compared += len(ours & theirs)
        for path, line in sorted(ours ^ theirs):
            text = texts[path].code_text(line)
            if not cscope_is_wrong(name, text, (path, line) in theirs):
                wrong.append(
                    f"{path}:{line}: {name}, {'cscope' if (path, line) in theirs else 'ours'}: {text}"
                )
    assert wrong == [], "\n".join(wrong)
    assert compared > 4 * NAMES


def cscope_is_wrong(name: str, text: str, theirs: bool) -> bool:
    """Whether a difference is cscope's: it takes members and prototypes for calls, and gives up on some macros."""
    member = re.search(rf"(->|\.)\s*{name}\s*\(", text)
    prototype = re.search(rf"^(?:static |extern |inline )*[\w ]+[ *]{name}\s*\(", text)
    called = re.search(rf"\b{name}\s*\(", text)
    return bool(member or prototype) if theirs else bool(called and not member)
