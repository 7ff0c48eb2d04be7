"""A scan always ends, says what it left, and costs no more than its work: budgets, limits, workers."""

import gc
import os
import signal
import subprocess
import sys
import time
import weakref
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import patchscan.c.source
import patchscan.context
import patchscan.portions
import patchscan.scan
import pytest
from patchscan.basics.limits import Clock, OutOfTime
from patchscan.basics.usage import FORMATS
from patchscan.c.outline import Span, function_spans
from patchscan.c.source import let_go_of_oldest, parse
from patchscan.cli import main
from patchscan.context import Context, Settings
from patchscan.finding import Finding
from patchscan.mail import read_messages
from patchscan.mail.thread import read_thread
from patchscan.rule import Rule
from patchscan.scan import scan
from patchscan.settling.registry import load_rules

from tests.bench_inputs import many_patches
from tests.mails import DIFF, mail, mbox, thread
from tests.test_nothing import DAMAGED, LETTER, Place

RULES = load_rules()[0]
ROOT = Path(__file__).parent.parent


def new_file(lines: list[str]) -> str:
    """A mail whose patch makes a file of these lines."""
    head = f"--- /dev/null\n+++ b/mm/new.c\n@@ -0,0 +1,{len(lines)} @@\n"
    return mail("[PATCH] mm: add code", LETTER + head + "".join(f"+{line}\n" for line in lines))


def function(*body: str) -> list[str]:
    return ["int f(int a)", "{", *(f"\t{line}" for line in body), "\treturn 0;", "}"]


SHAPES: dict[str, Callable[[int], list[str]]] = {
    "else-if chain": lambda size: function("if (a) {", *["} else if (a > 1) {", "\tg(a);"] * size, "}"),
    "nested calls": lambda size: function("g(" * size + "a" + ")" * size + ";"),
    "condition": lambda size: function("if (" + " && ".join(["g(a)"] * size) + ")", "\tg(a);"),
    "sum": lambda size: function("a = " + " + ".join(["a"] * size) + ";"),
    "blocks": lambda size: function(*["{"] * size, "g(a);", *["}"] * size),
    "loops": lambda size: function(*["while (a)"] * size, "\tg(a);"),
    "parentheses": lambda size: function("a = " + "(" * size + "a" + ")" * size + ";"),
    "conditionals": lambda size: [*["#ifdef CONFIG_A"] * size, "int a;", *["#endif"] * size],
    "statements": lambda size: function(*["g(a);"] * size),
    "locks": lambda size: function(*["spin_lock(&a);", "g(a);", "spin_unlock(&a);"] * size),
    "labels": lambda size: function(*[f"l{n}: if (a) goto l{n};" for n in range(size)]),
    "initialiser": lambda size: ["int a[] = {", *["\t1,"] * size, "};"],
    "strings": lambda size: function("g(" + '"a" ' * size + ");"),
    "macros": lambda size: [f"#define A{n}(x) A{n + 1}(x)" for n in range(size)],
    "ternaries": lambda size: function("a = " + "a ? 1 : " * size + "2;"),
    "switch": lambda size: function("switch (a) {", *[f"case {n}:" for n in range(size)], "\tg(a);", "}"),
    "dereferences": lambda size: function("a = a" + "->b" * size + ";"),
}  # fmt: skip


def judge(text: str, **settings: Any) -> tuple[float, list[str]]:
    """(CPU seconds, what was lost) of a scan of one mail without a tree."""
    start = time.process_time()
    report = scan(read_thread(*read_messages(text.encode(), "test")), None, RULES, Settings({}, **settings))
    return time.process_time() - start, [each.message for each in report.judged.lost]


@pytest.mark.parametrize("shape", SHAPES)
def test_deep_and_long_code_is_judged(shape: str) -> None:
    assert judge(new_file(SHAPES[shape](500)))[1] == []


def test_code_too_deep_for_us_is_told_and_the_rest_judged() -> None:
    _, lost = judge(new_file(SHAPES["sum"](20000)))
    assert all("depth" in why or "failed" in why for why in lost)


def busy(context: Context) -> Iterator[Finding]:
    yield Finding("mm/widget.c", 13, "Before.")
    while True:
        sum(range(1000))


def stubborn(context: Context) -> Iterator[Finding]:
    """Takes every exception for one of its own."""
    end = time.process_time() + 20
    while time.process_time() < end:
        try:
            sum(range(1000))
        except Exception:
            continue
    yield from ()


def rule(name: str, check: Callable[[Context], Iterator[Finding]]) -> Rule:
    return Rule(name, "s", "w", "s", "warning", "high", check, ("x",), ("y",))


@pytest.mark.parametrize("check", [busy, stubborn])
def test_the_time_limit_ends_a_rule_and_tells_what_is_left(
    check: Callable[[Context], Iterator[Finding]],
) -> None:
    rules = [
        rule("first", lambda context: iter([Finding("mm/widget.c", 13, "Found.")])),
        rule("slow", check),
        rule("last", lambda context: iter([Finding("mm/widget.c", 13, "Found.")])),
    ]
    start = time.process_time()
    report = scan(thread(mail("[PATCH] x", LETTER + DIFF)), None, rules, Settings({}, time_limit=0.2))
    assert time.process_time() - start < 5
    assert [each.rule for each in report.findings] == ["first"]
    assert [each.message for each in report.judged.lost] == [
        "the time limit of 0.2 s of CPU time ran out; not judged by slow, last"
    ]


def test_each_patch_has_its_own_time() -> None:
    def slow_once(context: Context) -> Iterator[Finding]:
        if context.patch.index == 1:
            yield from busy(context)
        yield Finding("mm/widget.c", 13, "Found.")

    mails = [mail(f"[PATCH {n}/2] x{n}", LETTER + DIFF, f"{n}@x") for n in (1, 2)]
    report = scan(thread(*mails), None, [rule("slow", slow_once)], Settings({}, time_limit=0.2))
    assert [each.patch for each in report.findings] == [2]
    assert [each.where for each in report.judged.lost] == ["patch 1"]


def test_a_clock_that_is_over_rings_at_once_and_leaves_nothing_behind() -> None:
    with pytest.raises(OutOfTime), Clock(1e-9):
        while True:
            sum(range(1000))
    assert signal.getitimer(signal.ITIMER_PROF) == (0.0, 0.0)
    with Clock(0):
        assert signal.getitimer(signal.ITIMER_PROF) == (0.0, 0.0)


@pytest.mark.parametrize("text", ["-1", "nan", "inf", "x", ""])
def test_a_time_limit_is_a_number_of_seconds(text: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["x.mbox", "--time-limit", text]) == 2
    assert "--time-limit" in capsys.readouterr().err


def test_a_mail_and_a_line_that_are_too_large_are_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("patchscan.mail._LONGEST_LINE", 10_000)
    monkeypatch.setattr("patchscan.mail.MOST_OF_MAIL", 100_000)
    sound = mail("[PATCH] x", LETTER + DIFF)
    for large in (mail("[PATCH] y", "x" * 20_000), mail("[PATCH] y", "x\n" * 60_000)):
        messages, problems = read_messages(mbox(large, sound), "test")
        assert [each.subject for each in messages] == ["[PATCH] x"]
        assert [each.lost and "not read" in each.message for each in problems] == [True]


def test_a_compressed_mailbox_is_not_unpacked_without_end() -> None:
    import gzip
    import tracemalloc

    data = gzip.compress(b"x" * (300 << 20), compresslevel=1)
    tracemalloc.start()
    messages, problems = read_messages(data, "test")
    most = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert messages == () and "more than 128 MiB" in problems[0].message and problems[0].lost
    assert most < 300 << 20


def inputs(place: Path, count: int) -> list[str]:
    return [
        Place(place).write(f"{n}.mbox", mbox(mail(f"[PATCH] mm: number {n}", LETTER + DIFF)))
        for n in range(count)
    ]


def bad_rule(place: Path, line: str) -> list[str]:
    """--rules with one that does something when it sees "number 1"."""
    Place(place).rule(
        "if context.patch.title.endswith('number 1'):", f"    {line}", "yield Finding('mm/a.c', 1, 'Found.')"
    )
    return ["--rules", str(place / "rules"), "--select", "odd-rule"]


@pytest.mark.parametrize("form", FORMATS)
@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGSEGV])
def test_a_worker_that_dies_loses_its_own_input(
    number: int, form: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    if number == signal.SIGSEGV and form != "text":
        pytest.skip("one format will do")
    rules = bad_rule(tmp_path, f"import os; os.kill(os.getpid(), {int(number)})")
    words = [*inputs(tmp_path, 4), "--no-tree", *rules, "--jobs", "2", "--format", form]
    assert main([*words, "--exit-zero"]) == 3
    told = capsys.readouterr()
    assert f"1.mbox: its process ended before it was judged (exit code -{int(number)})" in told.err
    if form in ("text", "concise"):
        assert told.out.count("Found.") == 3
        assert main(words) == 1


def test_a_worker_that_hangs_loses_its_own_input(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr("patchscan.commands.workers.MOST_LIMITS", 4)
    rules = bad_rule(tmp_path, "import time; time.sleep(600)")
    words = [*inputs(tmp_path, 4), "--no-tree", *rules, "--jobs", "2", "--time-limit", "1", "--exit-zero"]
    assert main(words) == 3
    told = capsys.readouterr()
    assert "1.mbox: not judged within 4 s" in told.err and told.out.count("Found.") == 3


def test_a_fault_of_ours_loses_one_input(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    from patchscan.commands.loading import Tools

    judge_one = Tools.judge

    def fail(self: Tools, found: Any, *more: Any) -> Any:
        if found.series[0].title.endswith("number 1"):
            raise ValueError("odd")
        return judge_one(self, found, *more)

    monkeypatch.setattr(Tools, "judge", fail)
    for jobs in ("1", "2"):
        words = [*inputs(tmp_path, 3), "--no-tree", "--select", "kernel-doc", "--jobs", jobs]
        assert main(words) == 70
        told = capsys.readouterr()
        assert "this is a fault of patchscan: ValueError: odd" in told.err
        assert told.out.count("nothing found") == 2


def test_workers_say_the_same_as_one_process(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    names = inputs(tmp_path, 6)
    Path(names[3]).write_bytes(mbox(mail("[PATCH] mm: damaged", LETTER + DAMAGED)))
    told = []
    for jobs in ("1", "3"):
        assert main([*names, "--no-tree", "--jobs", jobs]) == 3
        told.append(capsys.readouterr())
    assert told[0] == told[1]


def test_workers_nest_as_deep_as_we_do(tmp_path: Path) -> None:
    deep = new_file(SHAPES["condition"](1500))
    names = [Place(tmp_path).write(f"{n}.mbox", mbox(deep)) for n in (1, 2)]
    words = [*names, "--no-tree", "--exit-zero", "--format", "patchwork"]
    assert {main([*words, "--jobs", jobs]) for jobs in ("1", "2")} == {0}


@pytest.mark.slow
def test_a_scan_under_load_says_the_same(tmp_path: Path) -> None:
    """By the clock of the wall the rule below would be cut short beside so many others."""
    rules = bad_rule(tmp_path, "for _ in range(8): sum(range(10**7))")[:2]
    words = [*inputs(tmp_path, 3), "--no-tree", *rules, "--time-limit", "4", "--format", "json"]
    told = []
    for others in (0, 6 * (os.cpu_count() or 1)):
        load = [subprocess.Popen([sys.executable, "-c", "while True: pass"]) for _ in range(others)]
        try:
            done = subprocess.run(
                [sys.executable, "-m", "patchscan", *words], cwd=ROOT, capture_output=True, check=False
            )
        finally:
            for each in load:
                each.kill()
                each.wait()
        told.append((done.returncode, done.stdout, done.stderr))
    assert told[0] == told[1]
    assert b"Found." in told[0][1]


def test_no_child_is_left(tmp_path: Path) -> None:
    words = [*inputs(tmp_path, 3), "--no-tree", "--select", "kernel-doc", "--jobs", "2"]
    asks = (
        "import os\nfrom patchscan.cli import main\n"
        f"main({words})\n"
        "try:\n    os.waitpid(-1, os.WNOHANG)\n"
        "except ChildProcessError:\n    raise SystemExit(7) from None\n"
    )
    done = subprocess.run([sys.executable, "-c", asks], cwd=ROOT, capture_output=True, check=False)
    assert done.returncode == 7, done.stderr


def test_a_process_lets_go_of_the_series_before(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """A series refers to itself: without the collector, which looks once a million objects, all would stay."""
    held: list[weakref.ref[Any]] = []
    alive: list[int] = []

    def contexts(*words: Any) -> Any:
        alive.append(sum(each() is not None for each in held))
        found = patchscan.context.contexts(*words)
        held.extend(map(weakref.ref, found))
        return found

    monkeypatch.setattr(patchscan.scan, "contexts", contexts)
    several = [
        mail(f"[PATCH] mm: {n}", LETTER + DIFF, f"{n}@x", headers="To: l@example.org\n") for n in range(4)
    ]
    (tmp_path / "archive.mbox").write_bytes(mbox(*several))
    gc.disable()
    try:
        words = [str(tmp_path / "archive.mbox"), *inputs(tmp_path, 3), "--no-tree"]
        assert main([*words, "--select", "sign-off-order"]) == 0
    finally:
        gc.enable()
    assert len(held) == 7 and alive == [0] * 7


def test_a_series_lets_go_of_the_code_that_it_has_judged() -> None:
    """What is made of a patch's code is some thirty times its size: of many patches one is held."""
    held: dict[int, weakref.ref[Any]] = {}
    alive: list[int] = []

    def look(context: Context) -> Iterator[Finding]:
        if context.patch.index not in held:
            alive.append(sum(each() is not None for each in held.values()))
            held[context.patch.index] = weakref.ref(context.files[0].after[0])
        yield Finding("mm/widget.c", context.files[0].functions[0].first_line, "Found.")

    mails = [mail(f"[PATCH {n}/5] x{n}", LETTER + DIFF, f"{n}@x") for n in range(1, 6)]
    gc.disable()
    try:
        report = scan(thread(*mails), None, [rule("look", look)])
    finally:
        gc.enable()
    assert alive == [0, 0, 0, 0, 0]
    assert [each.patch for each in report.findings] == [1, 2, 3, 4, 5]
    assert report.coverage.functions == 5


def test_a_series_lets_go_of_texts_that_it_read_long_ago(monkeypatch: pytest.MonkeyPatch) -> None:
    """A text that one patch asks for is kept for the next ones, but not all of hundreds of them."""
    held: list[weakref.ref[Any]] = []
    alive: list[int] = []

    def look(context: Context) -> Iterator[Finding]:
        alive.append(sum(each() is not None for each in held))
        header = parse(b"int a;\n" * 100, f"mm/h{context.patch.index}.h")
        # As what is made of a text does, it holds it.
        header.__dict__["answers"] = [header]
        held.append(weakref.ref(header))
        yield from ()

    monkeypatch.setattr(patchscan.portions, "SERIES_BYTES", 1500)
    mails = [mail(f"[PATCH {n}/20] x{n}", LETTER + DIFF, f"{n}@x") for n in range(1, 21)]
    let_go_of_oldest(0)
    gc.disable()
    try:
        scan(thread(*mails), None, [rule("look", look)])
    finally:
        gc.enable()
    assert len(alive) == 20 and max(alive) <= 5, alive


def test_a_file_that_every_patch_changes_is_divided_twice_a_patch(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """Once to know what later patches bring, once to judge; what one patch leaves is what the next begins with."""
    divided: list[bytes] = []

    def spans(code: bytes) -> Iterator[Span]:
        divided.append(code)
        return function_spans(code)

    monkeypatch.setattr(patchscan.c.source, "function_spans", spans)
    monkeypatch.setattr(patchscan.portions, "SERIES_BYTES", 50_000)
    tmp_path.joinpath("w").mkdir()
    assert main(list(many_patches(tmp_path / "w", 20).arguments)) == 1
    assert "walk_1020" in capsys.readouterr().out
    assert 20 <= len(divided) <= 2 * 20 + 1 and len(set(divided)) == 21, len(divided)
