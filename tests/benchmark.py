"""Times patchscan against its peers on the same inputs, in one run: ratios, not seconds, are what counts.

Run by `make bench`; tests/benchmark.txt holds the ratios of one run (`--write tests/benchmark.txt`). Patches come
from PATCHSCAN_SHARED/corpus where that is set, else from fixtures/series. The peers are scripts/checkpatch.pl of
PATCHSCAN_KERNEL_TREE, and rg, git grep, cscope and spatch where they are installed. What is compared is the CPU time
of the processes, user and system, for other work on the machine changes it little; commands of a pair run in turn,
and the median of the rounds counts.
"""

import argparse
import mailbox
import os
import re
import resource
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path

ROOT = Path(__file__).parent.parent
PATCHSCAN = [sys.executable, "-m", "patchscan"]
SYMBOLS = ("tlb_remove_table_sync_one", "tlb_flush_unshared_tables", "refill_stock", "smp_store_release")
CALLERS = """
import sys
from patchscan.tree.overlay import View
from patchscan.tree import open_tree
from patchscan.tree.uses import find_uses
print(len(find_uses(View(open_tree(sys.argv[1]), {}), sys.argv[2]).uses))
"""
# What the rule local-atomic-bitop begins with, said to coccinelle.
SEMANTIC_PATCH = "@@ expression cpu, mask; @@\n* cpumask_set_cpu(cpu, mask)\n"
Command = Sequence[str]


class Bench:
    """Runs commands and keeps the lines of the result; cache: where our index is, for all of them."""

    def __init__(self, rounds: int, cache: str) -> None:
        self.rounds = rounds
        self.lines: list[str] = []
        self.environment = {**os.environ, "PYTHONPATH": str(ROOT), "XDG_CACHE_HOME": cache}
        # With it every start would compile all modules, which no user's does.
        self.environment.pop("PYTHONDONTWRITEBYTECODE", None)

    def say(self, line: str) -> None:
        """Print a line and keep it."""
        print(line, flush=True)
        self.lines.append(line)

    def seconds(self, commands: Sequence[Command]) -> list[tuple[float, float]]:
        """(CPU seconds of a command and all that it starts, seconds elapsed) of commands run one after the other."""
        found = []
        for command in commands:
            start, before = time.perf_counter(), resource.getrusage(resource.RUSAGE_CHILDREN)
            subprocess.run(
                command,
                stdout=subprocess.DEVNULL,
                stderr=subprocess.DEVNULL,
                env=self.environment,
                check=False,
                cwd=ROOT,
            )
            after = resource.getrusage(resource.RUSAGE_CHILDREN)
            used = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
            found.append((used, time.perf_counter() - start))
        return found

    def compare(self, title: str, ours: Sequence[Command], theirs: Sequence[Command], peer: str) -> None:
        """Our commands against a peer's; of several, what is usual for one of ours, too."""
        rounds = [(self.seconds(ours), self.seconds(theirs)) for _ in range(self.rounds)]
        mine, other = (
            statistics.median(sum(used for used, _ in one) for one in column)
            for column in zip(*rounds, strict=True)
        )
        self.say(
            f"{title}: {mine:.3f} s against {other:.3f} s of {peer}, ratio {mine / max(other, 1e-6):.2f}"
        )
        if len(ours) > 1:
            each = [one for ours_alone, _ in rounds for one in ours_alone]
            used, elapsed = (statistics.median(column) for column in zip(*each, strict=True))
            self.say(
                f"  each: median {used:.3f} s CPU, {elapsed:.3f} s elapsed; most {max(each)[0]:.3f} s CPU"
            )


def main() -> int:
    """Print one line a comparison: ours, theirs, and the ratio of the medians."""
    options = argparse.ArgumentParser(description=__doc__)
    options.add_argument("--patches", type=int, default=30, help="how many patches")
    options.add_argument("--rounds", type=int, default=3, help="how often each command is timed")
    options.add_argument("--cache", metavar="DIR", help="where the index of the tree is or is to be made")
    options.add_argument(
        "--cscope", action="store_true", help="build a cscope database, too: minutes and gigabytes"
    )
    options.add_argument("--write", metavar="FILE", help="write the lines there, too")
    chosen = options.parse_args()
    subprocess.run([sys.executable, "-m", "compileall", "-q", "patchscan", "rules"], cwd=ROOT, check=True)
    with tempfile.TemporaryDirectory() as directory:
        bench = Bench(chosen.rounds, str(Path(directory, "empty")))
        patches = single_patches(Path(directory), chosen.patches)
        bench.say(
            f"{len(patches)} patches, {sum(path.stat().st_size for path in patches)} bytes; CPU seconds"
        )
        bench.compare(
            "--help", [[*PATCHSCAN, "--help"]] * 5, [[sys.executable, "-c", "pass"]] * 5, "python -c pass"
        )
        tree = os.environ.get("PATCHSCAN_KERNEL_TREE")
        if tree:
            against_checkpatch(bench, Path(tree), patches, chosen.cache or str(Path(directory, "cache")))
            against_searches(bench, tree, Path(directory), chosen.cscope)
            against_coccinelle(bench, tree, patches)
        else:
            bench.say("the rest: skipped, PATCHSCAN_KERNEL_TREE is not set")
    most = resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss // 1024
    bench.say(f"most memory of any process: {most} MB")
    if chosen.write:
        Path(chosen.write).write_text("\n".join(bench.lines) + "\n", encoding="utf-8")
    return 0


def single_patches(directory: Path, most: int) -> list[Path]:
    """Mails with a diff, one a file, in a fixed order, a few from every mbox in turn."""
    shared = os.environ.get("PATCHSCAN_SHARED")
    places = Path(shared, "corpus").glob("*/*.mbox") if shared else ROOT.glob("fixtures/series/*/series.mbox")
    boxes = [list(mailbox.mbox(str(place))) for place in sorted(places)]
    found: list[Path] = []
    for number in range(max(map(len, boxes), default=0)):
        for box in boxes:
            text = box[number].as_bytes() if number < len(box) else b""
            if b"\ndiff --git " in text and b"Subject: Re:" not in text and len(found) < most:
                path = directory / f"{len(found):04}.patch"
                path.write_bytes(text)
                found.append(path)
    return found


def against_checkpatch(bench: Bench, tree: Path, patches: Sequence[Path], cache: str) -> None:
    """One process a patch, and all patches in one process; without a tree, with it, and with its index."""
    checkpatch = ["perl", str(tree / "scripts" / "checkpatch.pl"), "--strict", "--no-tree", "--terse"]
    names = [str(path) for path in patches]
    theirs_each = [[*checkpatch, name] for name in names]
    theirs_all = [[*checkpatch, *names]]
    for title in ("without a tree", "with a tree", "with a tree and its index"):
        place = ["--no-tree"] if title == "without a tree" else ["--tree", str(tree)]
        if title.endswith("index"):
            bench.environment["XDG_CACHE_HOME"] = cache
            subprocess.run([*PATCHSCAN, "index", str(tree)], env=bench.environment, cwd=ROOT, check=True)
        each = [[*PATCHSCAN, *place, name] for name in names]
        bench.compare(f"one process a patch, {title}", each, theirs_each, "checkpatch --strict")
        bench.compare(
            f"one process for all, {title}",
            [[*PATCHSCAN, "--jobs", "1", *place, *names]],
            theirs_all,
            "checkpatch --strict",
        )
    ((used, elapsed),) = bench.seconds([[*PATCHSCAN, "--jobs", "2", "--tree", str(tree), *names]])
    bench.say(
        f"two jobs, with a tree and its index: {len(names) / elapsed:.0f} patches a second elapsed, "
        f"{len(names) / used:.0f} a CPU second"
    )


def against_searches(bench: Bench, tree: str, directory: Path, cscope: bool) -> None:
    """All uses of a symbol by our index, a process each, against searching for the word."""
    for symbol in SYMBOLS:
        ours = [[sys.executable, "-c", CALLERS, tree, symbol]]
        if shutil.which("rg"):
            bench.compare(f"uses of {symbol}", ours, [["rg", "-nw", "-g", "*.[chS]", symbol, tree]], "rg -nw")
        grep = ["git", "-C", tree, "grep", "--no-index", "-nw", symbol, "--", "*.[chS]"]
        bench.compare(f"uses of {symbol}", ours, [grep], "git grep -nw")
    if not cscope or not shutil.which("cscope"):
        bench.say("cscope: skipped, not asked for (--cscope) or not installed")
        return
    database = directory / "cscope"
    database.mkdir()
    files = [str(path) for path in sorted(Path(tree).rglob("*.[chS]"))]
    (database / "cscope.files").write_text("".join(f'"{name}"\n' for name in files))
    where = ["cscope", "-kq", "-P", str(database), "-f", str(database / "cscope.out")]
    ((built, _),) = bench.seconds([[*where, "-b", "-i", str(database / "cscope.files")]])
    bench.say(f"cscope's database: {built:.0f} s")
    for symbol in SYMBOLS:
        ours = [[sys.executable, "-c", CALLERS, tree, symbol]]
        bench.compare(f"uses of {symbol}", ours, [[*where, "-d", "-L0", symbol]], "cscope -L0")


def against_coccinelle(bench: Bench, tree: str, patches: Sequence[Path]) -> None:
    """One rule on the files that the patches touch."""
    if not shutil.which("spatch"):
        bench.say("coccinelle: skipped, spatch is not installed")
        return
    touched = {name for path in patches for name in re.findall(r"^\+\+\+ b/(\S+\.c)$", text_of(path), re.M)}
    files = [os.path.join(tree, name) for name in sorted(touched) if Path(tree, name).is_file()]
    with tempfile.NamedTemporaryFile("w", suffix=".cocci") as rule:
        rule.write(SEMANTIC_PATCH)
        rule.flush()
        names = [str(path) for path in patches]
        ours = [*PATCHSCAN, "--select", "local-atomic-bitop", "--jobs", "1", "--tree", tree, *names]
        theirs = ["spatch", "--very-quiet", "--sp-file", rule.name, *files]
        bench.compare(f"one rule on {len(files)} touched files", [ours], [theirs], "spatch")


def text_of(path: Path) -> str:
    """A patch as text, whatever its bytes."""
    return path.read_text(encoding="utf-8", errors="replace")


if __name__ == "__main__":
    sys.exit(main())
