"""Times patchscan against its peers on the same patches, in one run: ratios, not seconds, are what counts.

Run by `make bench`. Patches come from PATCHSCAN_SHARED/corpus where that is set, else from fixtures/series; the peer
is scripts/checkpatch.pl of PATCHSCAN_KERNEL_TREE. Each comparison runs A, B, A, B ... and takes the median.
"""

import argparse
import mailbox
import os
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path

ROOT = Path(__file__).parent.parent
PATCHSCAN = [sys.executable, "-m", "patchscan"]


def main() -> int:
    """Print one line a comparison: ours, theirs, and the ratio of the medians."""
    options = argparse.ArgumentParser(description=__doc__)
    options.add_argument("--patches", type=int, default=30, help="how many patches")
    options.add_argument("--rounds", type=int, default=3, help="how often each command is timed")
    chosen = options.parse_args()
    with tempfile.TemporaryDirectory() as directory:
        patches = single_patches(Path(directory), chosen.patches)
        print(f"{len(patches)} patches, {sum(path.stat().st_size for path in patches)} bytes")
        compare_start(chosen.rounds)
        tree = os.environ.get("PATCHSCAN_KERNEL_TREE")
        if tree:
            compare_checkpatch(Path(tree), patches, chosen.rounds)
        else:
            print("checkpatch: skipped, PATCHSCAN_KERNEL_TREE is not set")
    return 0


def single_patches(directory: Path, most: int) -> list[Path]:
    """Mails with a diff, one a file, from every mbox there is, in a fixed order."""
    shared = os.environ.get("PATCHSCAN_SHARED")
    places = Path(shared, "corpus").glob("*/*.mbox") if shared else ROOT.glob("fixtures/series/*/series.mbox")
    found: list[Path] = []
    for place in sorted(places):
        for message in mailbox.mbox(str(place)):
            text = message.as_bytes()
            if b"\ndiff --git " in text and b"Subject: Re:" not in text and len(found) < most:
                path = directory / f"{len(found):04}.patch"
                path.write_bytes(text)
                found.append(path)
    return found


def compare_start(rounds: int) -> None:
    """`--help` against an interpreter that does nothing."""
    report(
        "start-up, --help against python -c pass",
        [[*PATCHSCAN, "--help"]],
        [[sys.executable, "-c", "pass"]],
        rounds,
    )


def compare_checkpatch(tree: Path, patches: Sequence[Path], rounds: int) -> None:
    """One process a patch, and all patches in one process; without a tree, and with it."""
    checkpatch = ["perl", str(tree / "scripts" / "checkpatch.pl"), "--strict", "--no-tree", "--terse"]
    names = [str(path) for path in patches]
    theirs_each = [[*checkpatch, name] for name in names]
    theirs_all = [[*checkpatch, *names]]
    for title, option in (("without a tree", ["--no-tree"]), ("with a tree", ["--tree", str(tree)])):
        each = [[*PATCHSCAN, *option, name] for name in names]
        report(f"one process a patch, {title}, against checkpatch", each, theirs_each, rounds)
        report(
            f"one process for all, {title}, against checkpatch",
            [[*PATCHSCAN, *option, *names]],
            theirs_all,
            rounds,
        )


def report(title: str, ours: Sequence[Sequence[str]], theirs: Sequence[Sequence[str]], rounds: int) -> None:
    """Time two lists of commands in turn and print medians and their ratio."""
    pairs = [(seconds(ours), seconds(theirs)) for _ in range(rounds)]
    mine, other = (statistics.median(column) for column in zip(*pairs, strict=True))
    per = f", {1000 * mine / len(ours):.0f} ms a run" if len(ours) > 1 else ""
    print(f"{title}: {mine:.3f} s against {other:.3f} s, ratio {mine / other:.2f}{per}")


def seconds(commands: Sequence[Sequence[str]]) -> float:
    """Wall-clock seconds to run some commands one after the other, their output thrown away."""
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    start = time.perf_counter()
    for command in commands:
        subprocess.run(
            command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, env=environment, check=False
        )
    return time.perf_counter() - start


if __name__ == "__main__":
    sys.exit(main())
