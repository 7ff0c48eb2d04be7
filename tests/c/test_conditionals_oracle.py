"""Which lines are compiled against `gcc -E`, over the C files of a kernel tree, each in a configuration made at random.

PATCHSCAN_KERNEL_TREE: the tree. Only the file's own directives are asked: what it includes or defines is hidden from
both sides, and every word that a condition names is given to gcc as it is to us.
"""

import os
import random
import re
import shutil
import subprocess
from collections.abc import Iterator, Mapping
from pathlib import Path

import pytest
from patchscan.c.branches import Branches, branches
from patchscan.c.lexical import without_comments
from patchscan.codebase.assembly import has_macros
from patchscan.codebase.conditionals import evaluate, plain_text

TREE = os.environ.get("PATCHSCAN_KERNEL_TREE", "")
pytestmark = pytest.mark.skipif(not TREE or not shutil.which("gcc"), reason="needs a kernel tree and gcc")

# What gcc knows without being told, or says itself.
KNOWN = frozenset({"defined", "__has_attribute", "__has_include", "__has_builtin", "__has_feature"})
# An operator or a call that a condition may hold and that evaluate() does not read: it says true.
UNREAD = re.compile(
    r"[-+*/%?~^,']|(?<!&)&(?!&)|(?<!\|)\|(?!\|)|<<|>>"
    r"|\b(?!defined\b|IS_\w+\b)\w+\s*\(|\w+\s*\(\s*\w*\s*\)\s*\w"
)
MARKER = re.compile(rb'# (\d+) "([^"]*)"')
HELPERS = ("IS_ENABLED", "IS_BUILTIN", "IS_REACHABLE", "IS_MODULE")


def hidden(text: bytes) -> bytes:
    """The text without the directives that would bring other files, names or errors; lines and comments stay.

    What a macro's body makes a string, #x at the beginning of a line, would be a directive when its #define is hidden.
    """
    text = re.sub(rb"(\\\n[ \t]*)#", rb"\1 ", text)
    return re.sub(
        rb"(?m)^([ \t]*)#(?=[ \t]*(?:include|include_next|define|undef|error|warning|pragma|ident|line|import)\b)",
        rb"\1 ",
        text,
    )


def words_of(text: bytes) -> list[str]:
    found = re.findall(
        r"[A-Za-z_]\w*", "\n".join(each.text for each in branches(without_comments(text)).found)
    )
    return sorted(set(found) - KNOWN - set(HELPERS))


def live_in_gcc(text: bytes, values: Mapping[str, int], directory: Path) -> set[int]:
    """The numbers of the lines that gcc keeps and that are not blank."""
    path = directory / "file.c"
    path.write_bytes(text)
    helpers = [f"-D{name}(x)=(x)" for name in HELPERS]
    macros = [f"-D{name}={value}" for name, value in values.items() if value]
    command = [
        "gcc",
        "-E",
        "-undef",
        "-nostdinc",
        "-fdirectives-only",
        "-w",
        "-x",
        "c",
        *helpers,
        *macros,
        "file.c",
    ]
    run = subprocess.run(command, cwd=directory, capture_output=True, check=True)
    live, line, own = set(), 0, False
    for each in run.stdout.split(b"\n"):
        marker = MARKER.match(each)
        if marker:
            line, own = int(marker[1]) - 1, marker[2] == b"file.c"
            continue
        line += 1
        if own and each.strip() and not each.lstrip().startswith(b"#"):
            live.add(line)
    return live


def asked_only_what_is_read(found: Branches) -> bool:
    return not any(UNREAD.search(each.text) for each in found.found if each.name in ("if", "elif"))


def differences(path: str, directory: Path, chance: random.Random) -> Iterator[str] | None:
    """The lines on which gcc and our readers disagree; None where a file asks what we do not read, or is assembly."""
    text = hidden(Path(TREE, path).read_bytes())
    if has_macros(text):
        return None
    found = branches(without_comments(text))
    if not found.found or not asked_only_what_is_read(found):
        return None
    values = {word: chance.choice((0, 1, 1, 64)) for word in words_of(text)}
    return disagreeing(path, text, found, values, live_in_gcc(text, values, directory))


def disagreeing(
    path: str, text: bytes, found: Branches, values: Mapping[str, int], live: set[int]
) -> Iterator[str]:
    def value(name: str) -> int:
        return values.get(name, 0)

    shown = plain_text(text).seen_through(value).split(b"\n")
    code = without_comments(text).split(b"\n")
    lengths = ((each.line, text.count(b"\n", each.start, each.end) + 1) for each in found.found)
    directive = {line for first, length in lengths for line in range(first, first + length)}
    for number, line in enumerate(code, 1):
        if not line.strip() or number in directive:
            continue
        around = found.at_line(number)
        kept = all(evaluate(each.expression, value) != each.negated for each in around)
        # gcc shows the lines of a comment, too, so that only lines with code are asked.
        if kept != (number in live):
            yield f"{path}:{number}: gcc {'keeps' if number in live else 'drops'} it, at_line() does not"
        if bool(shown[number - 1].strip()) != (number in live):
            yield f"{path}:{number}: gcc {'keeps' if number in live else 'drops'} it, seen_through() does not"


def compare(number: int, directory: Path) -> tuple[int, list[str]]:
    """How many files with conditionals were compared, and what differed."""
    chance = random.Random(11)
    paths = sorted(str(path.relative_to(TREE)) for path in Path(TREE).glob("**/*.[ch]"))
    chance.shuffle(paths)
    compared, wrong = 0, list[str]()
    for path in paths:
        found = differences(path, directory, chance)
        if found is not None:
            compared += 1
            wrong.extend(found)
        if compared == number:
            break
    return compared, wrong


def test_conditionals_are_those_of_gcc_in_a_small_sample(tmp_path: Path) -> None:
    assert compare(20, tmp_path) == (20, [])


@pytest.mark.slow
def test_conditionals_are_those_of_gcc(tmp_path: Path) -> None:
    assert compare(300, tmp_path) == (300, [])
