"""What the rules say of merged code: whole files of a kernel tree, judged as if every line were added.

Run by `make merged` on PATCHSCAN_KERNEL_TREE. Merged code is right nearly everywhere, so nearly every finding
at warning or above would be a false alarm on a patch. The counts stand in tests/merged.txt, so that a change of a rule
shows what it does to real code; PATCHSCAN_UPDATE=1 writes them anew. Each file is judged alone: rules that must ask
the tree for callers, Kconfig or Kbuild say nothing here.
"""

import difflib
import os
import sys
from collections import Counter
from collections.abc import Iterator
from multiprocessing import Pool
from pathlib import Path

from patchscan.context import NO_SETTINGS, contexts
from patchscan.registry import load_rules
from patchscan.rule import Finding
from patchscan.scan import apply
from patchscan.series import FileChange, Hunk, Line, Series
from patchscan.testing import example_patch
from patchscan.tree.overlay import FileState, PatchState, View

PLACES = ("mm", "kernel", "block", "net/core", "fs/ext4")
GOLDEN = Path(__file__).with_name("merged.txt")
CHANGELOG = ["It is merged.", "", "Signed-off-by: A Developer <developer@example.org>"]
RULES = load_rules()[0]


def main() -> int:
    """Compare the counts with the stored ones; 1 where they differ, 2 without a tree."""
    top = os.environ.get("PATCHSCAN_KERNEL_TREE")
    if not top:
        print("PATCHSCAN_KERNEL_TREE is not set", file=sys.stderr)
        return 2
    text = "".join(f"{row}\n" for row in rows(Path(top)))
    if os.environ.get("PATCHSCAN_UPDATE"):
        GOLDEN.write_text(text)
    stored = GOLDEN.read_text() if GOLDEN.exists() else ""
    sys.stdout.writelines(
        difflib.unified_diff(stored.splitlines(True), text.splitlines(True), "stored", "now")
    )
    print(text, end="")
    return int(stored != text)


def rows(top: Path) -> Iterator[str]:
    """A line a rule and severity: findings, and findings per 1000 functions."""
    files = sorted(path for place in PLACES for path in (top / place).rglob("*.c"))
    functions = 0
    counts: Counter[tuple[str, str]] = Counter()
    with Pool() as pool:
        for seen, found in pool.imap(judge, [(str(top), str(path.relative_to(top))) for path in files], 8):
            functions += seen
            counts.update(found)
    yield f"{functions} functions in {len(files)} files of {', '.join(PLACES)}"
    for (rule, severity), count in sorted(counts.items()):
        yield f"{rule:32} {severity:8} {count:6} {1000 * count / functions:8.2f}"


def judge(place: tuple[str, str]) -> tuple[int, Counter[tuple[str, str]]]:
    """(functions, findings by rule and severity) of one file."""
    data = Path(*place).read_bytes()
    lines = data.decode("utf-8", "surrogateescape").removesuffix("\n").split("\n")
    added = tuple(Line("+", text, None, number) for number, text in enumerate(lines, 1))
    change = FileChange(place[1], None, "create", (Hunk(0, 0, 1, len(lines), "", added),))
    patch = example_patch(1, 1, "merged: add a file", CHANGELOG, (change,))
    state = FileState(change, "tree", "", None, data, (0,))
    states = (PatchState(patch, (state,), View(None, {place[1]: data})),)
    (context,) = contexts(Series("merged", 1, "merged@example.org", None, (patch,)), states, NO_SETTINGS)
    said = (remark for rule in RULES for remark in apply(rule, context))
    found = Counter((each.rule, each.severity) for each in said if isinstance(each, Finding))
    return sum(len(file.functions) for file in context.c_files), found


if __name__ == "__main__":
    sys.exit(main())
