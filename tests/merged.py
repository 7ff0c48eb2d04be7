"""What the rules say of merged code: `patchscan lint` on directories of a kernel tree, as counts that are kept.

Run by `make merged` on PATCHSCAN_KERNEL_TREE. Merged code is right nearly everywhere, so nearly every finding
at warning or above would be a false alarm on a patch. The counts stand in tests/merged.txt, so that a change of a rule
shows what it does to real code; PATCHSCAN_UPDATE=1 writes them anew. Each file is judged alone: rules that must ask
the tree for callers, Kconfig or Kbuild say nothing here. What was found right and wrong by reading the findings is told
in docs/merged.rst; `python tests/merged.py RULE` shows the same findings again.
"""

import difflib
import json
import os
import sys
import tempfile
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from patchscan.cli import main as patchscan
from patchscan.commands.lint import files_below

# The rules were tuned on the findings in the first group, and not on those in the second.
GROUPS = (
    ("mm", "kernel", "block", "net/core", "fs/ext4"),
    ("drivers/net/ethernet/intel", "sound/core", "fs/xfs", "lib", "security"),
)
GOLDEN = Path(__file__).with_name("merged.txt")
SHOWN = 30
Places = tuple[str, ...]
Said = dict[str, Any]


def main() -> int:
    """Compare the counts with the stored ones; 1 where they differ, 2 without a tree.

    With the name of a rule, show findings of it to be judged by eye instead.
    """
    top = os.environ.get("PATCHSCAN_KERNEL_TREE")
    if not top:
        print("PATCHSCAN_KERNEL_TREE is not set", file=sys.stderr)
        return 2
    if len(sys.argv) > 1:
        for places in GROUPS:
            found = linted(Path(top), places, "--select", sys.argv[1])["findings"]
            print("\n\n".join(shown(Path(top), each) for each in spread(found)))
        return 0
    text = "\n".join("".join(f"{row}\n" for row in rows(Path(top), places)) for places in GROUPS)
    if os.environ.get("PATCHSCAN_UPDATE"):
        GOLDEN.write_text(text)
    stored = GOLDEN.read_text() if GOLDEN.exists() else ""
    sys.stdout.writelines(
        difflib.unified_diff(stored.splitlines(True), text.splitlines(True), "stored", "now")
    )
    print(text, end="")
    return int(stored != text)


def rows(top: Path, places: Places) -> Iterator[str]:
    """A line a rule and severity: findings, and findings per 1000 functions."""
    report = linted(top, places)
    functions = report["coverage"]["functions"]
    files = len(files_below((str(top / place) for place in places), str(top.resolve()))[0])
    yield f"{functions} functions in {files} files of {', '.join(places)}"
    counts = Counter((each["rule"], each["severity"]) for each in report["findings"])
    for (rule, severity), count in sorted(counts.items()):
        yield f"{rule:32} {severity:8} {count:6} {1000 * count / functions:8.2f}"


def linted(top: Path, places: Places, *more: str) -> Said:
    """What `patchscan lint` says of some directories. Raises SystemExit where not all of it was judged."""
    directories = [str(top / place) for place in places]
    with tempfile.NamedTemporaryFile("r", suffix=".json") as output:
        words = ("--format", "json", "--output", output.name, "--jobs", str(os.cpu_count() or 1), *more)
        patchscan(["lint", *directories, *words, "--exit-zero"])
        report: Said = json.load(output)
    if report["judged"] != "fully":
        raise SystemExit(f"{', '.join(places)}: judged {report['judged']}")
    return report


def spread(found: list[Said]) -> list[Said]:
    """At most SHOWN findings, at equal distances in the order of paths and lines."""
    ordered = sorted(found, key=lambda each: (each["severity"], each["path"], each["line"]))
    count = min(SHOWN, len(ordered))
    return [ordered[index * len(ordered) // count] for index in range(count)]


def shown(top: Path, finding: Said) -> str:
    """A finding with the code around it."""
    lines = (top / finding["path"]).read_text("utf-8", "replace").split("\n")
    line = finding["line"]
    first = max(line - 8, 1)
    code = (f"{number:6} {lines[number - 1]}" for number in range(first, min(line + 8, len(lines)) + 1))
    head = f"{finding['path']}:{line}: {finding['severity']}: {finding['message']}"
    return "\n".join((head, *code))


if __name__ == "__main__":
    sys.exit(main())
