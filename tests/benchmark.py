"""Times patchscan against its peers on the same inputs, in one run: ratios, not seconds, are what counts.

Run by `make bench`; tests/benchmark.txt holds one run (`--write tests/benchmark.txt`). Patches come from
PATCHSCAN_SHARED/corpus where that is set, else from fixtures/series. The peers are scripts/checkpatch.pl of
PATCHSCAN_KERNEL_TREE, in the tree (its default: it looks into include/ and MAINTAINERS) and with --no-tree, and rg,
git grep, cscope and spatch where they are installed. What is compared is the CPU time of the processes, user and
system, for other work on the machine changes it little; commands of a pair run in turn, and the median of the
rounds counts. What shows how work grows (many files, patches or mails, a rename, locks, a directory) is made, see
tests/bench_inputs.py. All of it takes six CPU minutes; --quick one, with few patches and small inputs.
"""

import argparse
import json
import mailbox
import os
import re
import shutil
import sqlite3
import statistics
import subprocess
import sys
import tempfile
import time
from array import array
from collections.abc import Callable, Sequence
from contextlib import closing
from pathlib import Path
from typing import NamedTuple

from patchscan.facts.store import FILE as FACTS
from patchscan.tree.index.location import SEAL
from patchscan.tree.index.lookup import KINDS, describe_shards

from tests.bench_inputs import MADE

# So many are timed with each state of an index.
_FEW_PATCHES = 5
ROOT = Path(__file__).parent.parent
PATCHSCAN = [sys.executable, "-m", "patchscan"]
SYMBOLS = ("tlb_remove_table_sync_one", "tlb_flush_unshared_tables", "refill_stock", "smp_store_release")
CALLERS = """
import sys
from patchscan.tree.overlay import View
from patchscan.tree import open_tree
from patchscan.lookup.uses import find_uses
print(len(find_uses(View(open_tree(sys.argv[1]), {}), sys.argv[2]).uses))
"""
# The index is compared with the tree once; what is timed is each look-up of a symbol for the first time.
LOOK_UPS = """
import sys, time
from patchscan.tree import open_tree
from patchscan.tree.index.lookup import open_index
index = open_index(open_tree(sys.argv[1]))
index.holding(["warm"])
for symbol in sys.argv[2:]:
    elapsed, used = time.perf_counter(), time.process_time()
    found = len(index.holding([symbol])[symbol])
    elapsed, used = time.perf_counter() - elapsed, time.process_time() - used
    print(f"{symbol} in {found} files: {used * 1000:.1f} ms CPU, {elapsed * 1000:.1f} ms elapsed")
"""
# What the rule local-atomic-bitop begins with, said to coccinelle.
SEMANTIC_PATCH = "@@ expression cpu, mask; @@\n* cpumask_set_cpu(cpu, mask)\n"
Command = Sequence[str]


class Used(NamedTuple):
    """What a command took, with all that it started: CPU seconds, seconds elapsed, megabytes."""

    cpu: float
    elapsed: float
    memory: float


class Peer(NamedTuple):
    """Commands of another tool, and the directory they run in."""

    name: str
    commands: Sequence[Command]
    directory: Path = ROOT


class Bench:
    """Runs commands and keeps the lines of the result; cache: where our index is, for all of them."""

    def __init__(self, rounds: int, cache: str) -> None:
        self.rounds = rounds
        self.lines: list[str] = []
        self.memory = 0.0
        self.environment = {**os.environ, "PYTHONPATH": str(ROOT), "XDG_CACHE_HOME": cache}
        # With it every start would compile all modules, which no user's does.
        self.environment.pop("PYTHONDONTWRITEBYTECODE", None)

    def say(self, line: str) -> None:
        """Print a line and keep it."""
        print(line, flush=True)
        self.lines.append(line)

    def run(self, commands: Sequence[Command], directory: Path = ROOT) -> list[Used]:
        """What each of some commands took, run one after the other."""
        found = []
        for command in commands:
            start = time.perf_counter()
            process = subprocess.Popen(
                command,
                stdout=subprocess.DEVNULL,
                stderr=subprocess.DEVNULL,
                env=self.environment,
                cwd=directory,
            )
            _, process.returncode, usage = os.wait4(process.pid, 0)
            elapsed = time.perf_counter() - start
            found.append(Used(usage.ru_utime + usage.ru_stime, elapsed, usage.ru_maxrss / 1024))
        return found

    def alone(self, title: str, ours: Command) -> None:
        """What one of our commands takes that has no peer."""
        cpu, elapsed, memory = zip(*(self.run([ours])[0] for _ in range(self.rounds)), strict=True)
        cpus, seconds = statistics.median(cpu), statistics.median(elapsed)
        self.say(f"{title}: {cpus:.3f} s CPU, {seconds:.3f} s elapsed, {max(memory):.0f} MB")

    def compare(self, title: str, ours: Sequence[Command], *peers: Peer) -> None:
        """Our commands against those of peers; of several, what is usual for one of ours, too."""
        mine, theirs = [], []
        for _ in range(self.rounds):
            mine.append(self.run(ours))
            theirs.append([self.run(peer.commands, peer.directory) for peer in peers])
        own = statistics.median(sum(used.cpu for used in one) for one in mine)
        for number, peer in enumerate(peers):
            other = statistics.median(sum(used.cpu for used in one[number]) for one in theirs)
            times = other / max(own, 1e-6)
            self.say(f"{title}: {own:.3f} s against {other:.3f} s of {peer.name}, {times:.2f} times as fast")
        each = [used for one in mine for used in one]
        self.memory = max(self.memory, *(used.memory for used in each))
        if len(ours) > 1:
            cpu, elapsed = (statistics.median(column) for column in list(zip(*each, strict=True))[:2])
            most = max(used.cpu for used in each)
            self.say(f"  each: median {cpu:.3f} s CPU, {elapsed:.3f} s elapsed; most {most:.3f} s CPU")


def main() -> int:
    """Print one line a comparison: ours, theirs, and how the medians compare."""
    options = argparse.ArgumentParser(description=__doc__)
    options.add_argument("--patches", type=int, default=40, help="how many patches")
    options.add_argument("--quick", action="store_true", help="8 patches, and small made inputs")
    options.add_argument("--rounds", type=int, default=1, help="how often each command is timed")
    options.add_argument("--cache", metavar="DIR", help="where the index of the tree is or is to be made")
    options.add_argument(
        "--cscope", action="store_true", help="build a cscope database, too: minutes and gigabytes"
    )
    options.add_argument("--write", metavar="FILE", help="write the lines there, too")
    chosen = options.parse_args()
    subprocess.run([sys.executable, "-m", "compileall", "-q", "patchscan", "rules"], cwd=ROOT, check=True)
    with tempfile.TemporaryDirectory() as directory:
        bench = Bench(chosen.rounds, chosen.cache or str(Path(directory, "cache")))
        patches = single_patches(Path(directory), 8 if chosen.quick else chosen.patches)
        bench.say(
            f"{len(patches)} patches, {sum(path.stat().st_size for path in patches)} bytes; CPU seconds"
        )
        load = os.getloadavg()[0]
        nothing = Peer("python -c pass", [[sys.executable, "-c", "pass"]] * 5)
        bench.compare("--help", [[*PATCHSCAN, "--help"]] * 5, nothing)
        tree = os.environ.get("PATCHSCAN_KERNEL_TREE")
        of_made_inputs(bench, Path(directory), Path(tree) if tree else None, chosen.quick)
        if tree:
            make_index(bench, tree)
            against_checkpatch(bench, Path(tree), patches, Path(directory))
            states_of_the_index(bench, Path(tree), patches[:_FEW_PATCHES], Path(directory))
            bench.say(f"most memory of any process of ours: {bench.memory:.0f} MB")
            against_searches(bench, tree, Path(directory), chosen.cscope)
            against_coccinelle(bench, tree, patches)
        else:
            bench.say("the rest: skipped, PATCHSCAN_KERNEL_TREE is not set")
        # Other work makes what is elapsed meaningless, and CPU seconds longer.
        bench.say(f"load average before and after: {load:.1f} and {os.getloadavg()[0]:.1f}")
    if chosen.write:
        Path(chosen.write).write_text("\n".join(bench.lines) + "\n", encoding="utf-8")
    return 0


def of_made_inputs(bench: Bench, directory: Path, tree: Path | None, quick: bool) -> None:
    """What each made input takes, with the most memory, beside checkpatch --no-tree where it has such work, too."""
    for number, (title, make, large, small) in enumerate(MADE):
        count = small if quick else large
        work = make(directory / f"made-{number}", count)
        ours = [*PATCHSCAN, *work.arguments]
        bench.alone(title.format(count), ours)
        if tree is not None and work.checked:
            strict = ["perl", str(tree / "scripts/checkpatch.pl"), "--no-tree", "--strict", "--terse"]
            theirs = [*strict, *(["-f"] if work.by_path else []), *work.checked]
            bench.alone("  checkpatch --no-tree", theirs)


def make_index(bench: Bench, tree: str) -> None:
    """Make or refresh the index of the tree, and say what that takes and how long a look-up then does."""
    ((used, elapsed, _),) = bench.run([[*PATCHSCAN, "index", tree]])
    bench.say(f"index of the tree made or refreshed: {used:.1f} s CPU, {elapsed:.1f} s elapsed")
    command = [sys.executable, "-c", LOOK_UPS, tree, "kfree", *SYMBOLS]
    found = subprocess.run(
        command, stdout=subprocess.PIPE, env=bench.environment, cwd=ROOT, text=True, check=True
    )
    for line in found.stdout.splitlines():
        bench.say(f"look-up of {line}")


def states_of_the_index(bench: Bench, tree: Path, patches: Sequence[Path], directory: Path) -> None:
    """A few patches with the index as it may be found, beside checkpatch."""
    fresh = bench.environment["XDG_CACHE_HOME"]
    ours = [[*PATCHSCAN, str(patch), "--tree", str(tree)] for patch in patches]
    strict = ["perl", "scripts/checkpatch.pl", "--no-tree", "--strict", "--terse"]
    peer = Peer("checkpatch --no-tree", [[*strict, str(patch)] for patch in patches], tree)
    bench.compare("with a fresh index and its facts", ours, peer)
    _without_facts(bench, directory, fresh, ours, peer)
    for title, change in (("every ctime another", _other_ctime), ("500 files of another size", _other_size)):
        copy = directory / change.__name__
        shutil.copytree(fresh, copy, copy_function=shutil.copy2)
        _change_marks(copy, tree, change)
        bench.environment["XDG_CACHE_HOME"] = str(copy)
        bench.compare(f"{title}, first use", ours[:1], peer._replace(commands=peer.commands[:1]))
        bench.compare(f"{title}, then", ours, peer)
    bench.environment["XDG_CACHE_HOME"] = str(directory / "nothing")
    bench.compare("without an index, first use", ours[:1], peer._replace(commands=peer.commands[:1]))
    bench.compare("without an index, then", ours, peer)
    bench.environment["XDG_CACHE_HOME"] = fresh


def _without_facts(bench: Bench, directory: Path, fresh: str, ours: Sequence[Command], peer: Peer) -> None:
    """The same with a fresh index for which no facts are kept yet."""
    copy = directory / "no-facts"
    shutil.copytree(fresh, copy, copy_function=shutil.copy2)
    for each in copy.glob(f"patchscan/index-*/{FACTS}*"):
        each.unlink()
    bench.environment["XDG_CACHE_HOME"] = str(copy)
    bench.compare("no facts kept, first use", ours[:1], peer._replace(commands=peer.commands[:1]))
    bench.compare("no facts kept, then", ours, peer)
    bench.environment["XDG_CACHE_HOME"] = fresh


def _other_ctime(number: int, mark: list[int]) -> list[int]:
    """The mark that a file had before its inode alone changed."""
    return [mark[0], mark[1], mark[2] - 1]


def _other_size(number: int, mark: list[int]) -> list[int]:
    """The mark of a file that was changed since, of every hundredth of the tree's."""
    return [mark[0] + 1, *mark[1:]] if number % 117 == 0 else mark


def _change_marks(cache: Path, tree: Path, change: Callable[[int, list[int]], list[int]]) -> None:
    """Let an index believe that files were other than they are."""
    (place,) = (
        each.parent
        for each in cache.glob(f"patchscan/index-*/{SEAL}")
        if json.loads(each.read_text())["identity"] == f"directory:{tree.resolve()}"
    )
    number = 0
    for kind in KINDS:
        with closing(sqlite3.connect(place / kind.shards[0])) as database:
            for path, marks in database.execute("SELECT path, marks FROM directories").fetchall():
                numbers = list(array("q", marks))
                # The first mark is the directory's.
                for at in range(3, len(numbers), 3):
                    number += 1
                    numbers[at : at + 3] = change(number, numbers[at : at + 3])
                database.execute(
                    "UPDATE directories SET marks = ? WHERE path = ?", (array("q", numbers).tobytes(), path)
                )
            database.commit()
    seal = json.loads((place / SEAL).read_text())
    (place / SEAL).write_text(json.dumps({**seal, "shards": describe_shards(str(place))}))


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


def against_checkpatch(bench: Bench, tree: Path, patches: Sequence[Path], directory: Path) -> None:
    """One process a patch, and all patches in one process, with the tree and without one."""
    beside = directory / "beside"
    beside.mkdir()
    # checkpatch keeps files in the directory it runs in: not in a tree that is ours to read only.
    for entry in tree.iterdir():
        if not entry.name.startswith(".checkpatch"):
            (beside / entry.name).symlink_to(entry)
    names = [str(path) for path in patches]
    strict = ["perl", "scripts/checkpatch.pl", "--strict", "--terse"]
    for title, place in (("with the tree", ["--tree", str(tree)]), ("without a tree", ["--no-tree"])):
        each, every = [], []
        for name, options in (("checkpatch in the tree", []), ("checkpatch --no-tree", ["--no-tree"])):
            if place == ["--no-tree"] != options:
                continue
            each.append(Peer(name, [[*strict, *options, patch] for patch in names], beside))
            every.append(Peer(name, [[*strict, *options, *names]], beside))
        alone = [[*PATCHSCAN, *place, patch] for patch in names]
        bench.compare(f"one process a patch, {title}", alone, *each)
        together = [*PATCHSCAN, *place, *names]
        bench.compare(f"one process for all, {title}", [[*together, "--jobs", "1"]], *every)
        ((used, elapsed, _),) = bench.run([[*together, "--jobs", "2"]])
        bench.say(
            f"two jobs, {title}: {len(names) / elapsed:.1f} patches a second elapsed, "
            f"{len(names) / used:.1f} a CPU second"
        )


def against_searches(bench: Bench, tree: str, directory: Path, cscope: bool) -> None:
    """All uses of a symbol by our index, a process each, against searching for the word."""
    for symbol in SYMBOLS:
        peers = [
            Peer("git grep -nw", [["git", "grep", "--no-index", "-nw", symbol, "--", "*.[chS]"]], Path(tree))
        ]
        if shutil.which("rg"):
            peers.append(Peer("rg -nw", [["rg", "-nw", "-g", "*.[chS]", symbol, tree]]))
        bench.compare(f"uses of {symbol}", [[sys.executable, "-c", CALLERS, tree, symbol]], *peers)
    if not cscope or not shutil.which("cscope"):
        bench.say("cscope: skipped, not asked for (--cscope) or not installed")
        return
    database = directory / "cscope"
    database.mkdir()
    files = [str(path) for path in sorted(Path(tree).rglob("*.[chS]"))]
    (database / "cscope.files").write_text("".join(f'"{name}"\n' for name in files))
    where = ["cscope", "-kq", "-f", str(database / "cscope.out")]
    ((used, elapsed, _),) = bench.run([[*where, "-b", "-i", str(database / "cscope.files")]], database)
    size = sum(path.stat().st_size for path in database.iterdir())
    bench.say(f"cscope's database: {used:.0f} s CPU, {elapsed:.0f} s elapsed, {size / 1e6:.0f} MB")
    for symbol in SYMBOLS:
        peers = [Peer(f"cscope {kind}", [[*where, "-d", kind, symbol]], database) for kind in ("-L0", "-L3")]
        bench.compare(f"uses of {symbol}", [[sys.executable, "-c", CALLERS, tree, symbol]], *peers)


def against_coccinelle(bench: Bench, tree: str, patches: Sequence[Path]) -> None:
    """One rule on the patches, against a semantic patch for the same on the files that they touch."""
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
        theirs = ["spatch", "--very-quiet", "--no-includes", "--sp-file", rule.name, *files]
        bench.compare(f"one rule on {len(files)} touched files", [ours], Peer("spatch", [theirs]))


def text_of(path: Path) -> str:
    """A patch as text, whatever its bytes."""
    return path.read_text(encoding="utf-8", errors="replace")


if __name__ == "__main__":
    sys.exit(main())
