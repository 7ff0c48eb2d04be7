"""Inputs for tests/benchmark.py that are made, each to show how one kind of work grows; the same every time."""

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import NamedTuple

from tests.lkmm import families
from tests.mails import mail, mbox

FUNCTION = """\
static int walk_{number}(struct walk *walk, int count)
{{
	int ret = 0;

	if (count > {number})
		ret = walk_step(walk, count);
	return ret;
}}
"""
HEADER = ["#include <linux/walk.h>", ""]
MAKEFILE = "VERSION = 6\nPATCHLEVEL = 12\nSUBLEVEL = 0\nEXTRAVERSION =\nNAME = Made\n"
SIGNED = "Walk once more.\n\nSigned-off-by: A Person <a@example.org>\n---\n"


class Work(NamedTuple):
    """Arguments of ours, and the files that checkpatch is given for the same, none where it has no such work."""

    arguments: Sequence[str]
    checked: Sequence[str] = ()
    by_path: bool = False


def function(number: int) -> list[str]:
    """The lines of a small function, one of its kind."""
    return FUNCTION.format(number=number).splitlines()


def appended(path: str, lines: Sequence[str], number: int) -> str:
    """The diff that puts a function behind the lines of a file."""
    added = ["", *function(number)]
    before = lines[-3:]
    start = len(lines) - len(before) + 1
    hunk = f"@@ -{start},{len(before)} +{start},{len(before) + len(added)} @@"
    texts = [*(f" {line}" for line in before), *(f"+{line}" for line in added)]
    return "\n".join([f"diff --git a/{path} b/{path}", f"--- a/{path}", f"+++ b/{path}", hunk, *texts, ""])


def written(directory: Path, mails: Sequence[str]) -> list[str]:
    """A file for each mail, in order."""
    directory.mkdir()
    paths = [directory / f"{number:04}.patch" for number in range(1, len(mails) + 1)]
    for path, text in zip(paths, mails, strict=True):
        path.write_text(text)
    return [str(path) for path in paths]


def one_mail(directory: Path, diff: str) -> Work:
    """One patch without a tree."""
    paths = written(directory, [mail("[PATCH] walk: walk again", SIGNED + "\n" + diff)])
    return Work(["--no-tree", *paths], paths)


def many_files(directory: Path, count: int) -> Work:
    """A patch that adds a function to each of many files."""
    before = [*HEADER, *function(0)]
    return one_mail(
        directory,
        "".join(appended(f"drivers/walk/walk-{each:04}.c", before, each) for each in range(1, count + 1)),
    )


def renamed_files(directory: Path, count: int) -> Work:
    """A patch that moves many files to another directory."""
    return one_mail(
        directory,
        "".join(
            f"diff --git a/drivers/walk/walk-{each:04}.c b/drivers/go/walk-{each:04}.c\n"
            f"similarity index 100%\nrename from drivers/walk/walk-{each:04}.c\n"
            f"rename to drivers/go/walk-{each:04}.c\n"
            for each in range(1, count + 1)
        ),
    )


def many_patches(directory: Path, count: int) -> Work:
    """A series of many patches on one file of a thousand lines, over a tree that holds it."""
    path = "drivers/walk/walk.c"
    lines = [*HEADER, *function(0)]
    for number in range(1, 100):
        lines += ["", *function(number)]
    tree = directory / "tree"
    (tree / path).parent.mkdir(parents=True)
    (tree / "Makefile").write_text(MAKEFILE)
    (tree / path).write_text("\n".join([*lines, ""]))
    mails = []
    for each in range(1, count + 1):
        number = 1000 + each
        subject = f"[PATCH {each}/{count}] walk: add walk_{number}()"
        names = [f"{one}@example.org" for one in range(1, each)][:1]
        body = SIGNED + "\n" + appended(path, lines, number)
        mails.append(mail(subject, body, f"{each}@example.org", names))
        lines += ["", *function(number)]
    paths = written(directory / "patches", mails)
    return Work(["--tree", str(tree), *paths], paths)


def many_mails(directory: Path, count: int) -> Work:
    """An archive of many patches that have nothing to do with each other, in one process."""
    before = [*HEADER, *function(0)]
    mails = [
        mail(
            f"[PATCH] walk: step {each} times",
            SIGNED + "\n" + appended(f"drivers/walk/walk-{each % 50}.c", before, each),
            f"{each}@example.org",
        )
        for each in range(1, count + 1)
    ]
    paths = written(directory, mails)
    archive = directory / "archive.mbox"
    archive.write_bytes(mbox(*mails))
    return Work(["--no-tree", str(archive)], paths)


def whole_directory(directory: Path, count: int) -> Work:
    """A directory of whole files, every line read as new."""
    place = directory / "drivers" / "walk"
    place.mkdir(parents=True)
    (directory / "Makefile").write_text(MAKEFILE)
    (directory / "Kconfig").write_text("")
    for each in range(count):
        lines = [*HEADER, *(line for number in range(20) for line in ["", *function(100 * each + number)])]
        (place / f"walk-{each:03}.c").write_text("\n".join([*lines, ""]))
    return Work(["lint", str(place)], [str(path) for path in sorted(place.iterdir())], by_path=True)


def locks(directory: Path, count: int) -> Work:
    """A litmus test of sections under one lock, each counting up."""
    directory.mkdir()
    path = directory / "locks.litmus"
    path.write_text(families.locked_increments(count))
    return Work(["simulate", str(path)])


# What is made, how large, and how large where time is short.
MADE: Sequence[tuple[str, Callable[[Path, int], Work], int, int]] = (
    ("a patch of {} files", many_files, 1000, 100),
    ("{} patches on one file of a tree", many_patches, 160, 16),
    ("a rename of {} files", renamed_files, 1657, 165),
    ("an archive of {} mails", many_mails, 700, 70),
    ("a directory of {} files", whole_directory, 50, 5),
    ("{} sections under one lock", locks, 9, 5),
    ("{} sections under one lock", locks, 31, 9),
)
