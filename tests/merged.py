"""What the rules say of merged code: whole files of a kernel tree, judged as if every line were added.

Run by `make merged` on PATCHSCAN_KERNEL_TREE. Merged code is right nearly everywhere, so nearly every finding
at warning or above would be a false alarm on a patch. The counts stand in tests/merged.txt, so that a change of a rule
shows what it does to real code; PATCHSCAN_UPDATE=1 writes them anew. Each file is judged alone: rules that must ask
the tree for callers, Kconfig or Kbuild say nothing here. What was found right and wrong by reading the findings is told
in docs/merged.rst; `python tests/merged.py RULE` shows the same findings again.
"""

import difflib
import os
import sys
from collections import Counter
from collections.abc import Iterator
from functools import partial
from pathlib import Path

from patchscan.commands.workers import side_by_side
from patchscan.finding import Finding
from patchscan.settling.registry import load_rules
from patchscan.wholefile import judge_file

# The rules were tuned on the findings in the first group, and not on those in the second.
GROUPS = (
    ("mm", "kernel", "block", "net/core", "fs/ext4"),
    ("drivers/net/ethernet/intel", "sound/core", "fs/xfs", "lib", "security"),
)
GOLDEN = Path(__file__).with_name("merged.txt")
SHOWN = 30
RULES = tuple(rule for rule in load_rules()[0] if rule.default)
Places = tuple[str, ...]


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
            found = [each for each in judged(Path(top), places)[2] if each.rule == sys.argv[1]]
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
    files, functions, found = judged(top, places)
    yield f"{functions} functions in {files} files of {', '.join(places)}"
    counts = Counter((each.rule, each.severity) for each in found)
    for (rule, severity), count in sorted(counts.items()):
        yield f"{rule:32} {severity:8} {count:6} {1000 * count / functions:8.2f}"


def spread(found: list[Finding]) -> list[Finding]:
    """At most SHOWN findings, at equal distances in the order of paths and lines."""
    ordered = sorted(found, key=lambda each: (each.severity, each.path, each.line))
    count = min(SHOWN, len(ordered))
    return [ordered[index * len(ordered) // count] for index in range(count)]


def shown(top: Path, finding: Finding) -> str:
    """A finding with the code around it."""
    lines = (top / finding.path).read_text("utf-8", "replace").split("\n")
    first = max(finding.line - 8, 1)
    code = (
        f"{number:6} {lines[number - 1]}" for number in range(first, min(finding.line + 8, len(lines)) + 1)
    )
    head = f"{finding.path}:{finding.line}: {finding.severity}: {finding.message}"
    return "\n".join((head, *code))


def judged(top: Path, places: Places) -> tuple[int, int, list[Finding]]:
    """(files, functions, findings) of all C files below the places, each judged alone as `patchscan lint` does."""
    files = sorted(str(path.relative_to(top)) for place in places for path in (top / place).rglob("*.c"))
    reports = side_by_side(partial(judge, top), files, os.cpu_count() or 1, 0)
    results = []
    for path, (found, why) in zip(files, reports, strict=True):
        if found is None:
            raise SystemExit(f"{path}: {why}")
        results.append(found)
    return len(files), sum(seen for seen, _ in results), [each for _, found in results for each in found]


def judge(top: Path, path: str) -> tuple[int, list[Finding]]:
    """(functions, findings) of one file."""
    report = judge_file(path, (top / path).read_bytes(), None, RULES)
    return report.coverage.functions, list(report.findings)


if __name__ == "__main__":
    sys.exit(main())
