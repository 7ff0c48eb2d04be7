"""A patch of many files is judged some files at a time, and says the same as if it were judged whole."""

from collections.abc import Iterator
from functools import cache

import patchscan.c.source
import patchscan.context
import patchscan.portions
import patchscan.scan
import pytest
from patchscan.basics.record import replace
from patchscan.c.outline import Span, function_spans
from patchscan.context import Context, Settings
from patchscan.finding import Finding, Silence
from patchscan.results import Report
from patchscan.rule import Rule
from patchscan.scan import scan
from patchscan.series import FileChange, Series, Thread
from patchscan.settling.registry import load_rules
from patchscan.shelf import HELD_FILES, MANY_FILES
from patchscan.testing import MemoryTree, example_patch, file_change, pre_image, read_example

MANY = 3 * MANY_FILES


def series_of(changes: list[FileChange]) -> Thread:
    patch = example_patch(1, 1, "mm: use the new name", [], tuple(changes))
    return Thread((Series("many", 1, "many@example.org", None, (patch,), ()),), (), ())


@cache
def rules_by_file() -> tuple[Rule, ...]:
    return tuple(rule for rule in load_rules()[0] if rule.by_file)


def examples_of(rules: tuple[Rule, ...]) -> Iterator[FileChange]:
    """The one file of each example that stands without a tree, each at a path of its own."""
    for rule in rules:
        for number, text in enumerate((*rule.bad, *rule.good)):
            series, tree, _ = read_example(text)
            if tree is None and len(series.patches) == 1 and len(series.patches[0].files) == 1:
                change = series.patches[0].files[0]
                directory, _, name = change.path.rpartition("/")
                path = f"{directory}/{rule.name}-{number}/{name}"
                yield replace(change, path=path, old_path=path if change.old_path else None)


def said(report: Report) -> dict[str, list[Finding | Silence]]:
    """What each rule says, by its name."""
    found: dict[str, list[Finding | Silence]] = {}
    every: tuple[Finding | Silence, ...] = (*report.findings, *report.silences)
    for each in every:
        found.setdefault(each.rule, []).append(each)
    return found


def test_rules_by_file_say_the_same_of_a_patch_in_parts(monkeypatch: pytest.MonkeyPatch) -> None:
    rules = rules_by_file()
    changes = list(examples_of(rules))
    assert len(changes) > MANY
    thread = series_of(changes)
    contents = {change.path: pre_image(change) for change in changes if change.old_path}
    tree = MemoryTree("examples", contents)
    parts = said(scan(thread, tree, rules, Settings({}, time_limit=0)))
    monkeypatch.setattr(patchscan.context, "MANY_FILES", len(changes))
    whole = said(scan(thread, tree, rules, Settings({}, time_limit=0)))
    assert len(whole) > 100
    assert {name: each for name, each in parts.items() if each != whole.get(name)} == {}
    assert parts.keys() == whole.keys()


def renamed(count: int) -> tuple[Thread, MemoryTree]:
    """A function that gets another name where it is called, in one line of each of many files."""
    contents, changes = {}, []
    for number in range(count):
        text = [f"static int fill_{number}(struct port *port)", "{", "\tstruct entry *entry;", ""]
        text += ["\tentry = take_entry(port);", "\tif (!entry)", "\t\treturn -ENOMEM;"]
        text += ["\tadd_entry(port, entry);", "\treturn 0;", "}"]
        path = f"drivers/port/port{number}.c"
        contents[path] = "".join(line + "\n" for line in text).encode()
        lines = [f" {line}" for line in text]
        lines[4:5] = ["-\tentry = take_entry(port);", "+\tentry = port_take_entry(port);"]
        changes.append(file_change(path, lines))
    return series_of(changes), MemoryTree("many files", contents)


def test_few_files_are_held_at_once() -> None:
    held = []

    def counting(context: Context) -> Iterator[Finding | Silence]:
        for file in context.files:
            assert file.before and file.functions
            held.append(sum("after" in each.__dict__ for each in context.whole.files))
        yield from ()

    whole = Rule("whole", "s", "w", "s", "warning", "high", counting, ("x",), ("y",))
    thread, tree = renamed(MANY)
    report = scan(thread, tree, (whole, replace(whole, name="by-file", by_file=True)), Settings({}))
    assert not report.problems
    assert len(held) == 2 * MANY
    assert max(held) == HELD_FILES
    assert report.coverage.functions == MANY


def outlines(count: int, monkeypatch: pytest.MonkeyPatch) -> int:
    """How often a text was divided into functions for a renaming in so many files."""
    asked = 0

    def counted(code: bytes) -> Iterator[Span]:
        nonlocal asked
        asked += 1
        return function_spans(code)

    monkeypatch.setattr(patchscan.c.source, "function_spans", counted)
    thread, tree = renamed(count)
    rules = tuple(rule for rule in load_rules()[0] if rule.default)
    assert not scan(thread, tree, rules, Settings({}, time_limit=0)).problems
    monkeypatch.undo()
    return asked


def test_a_file_is_read_as_often_in_a_large_patch(monkeypatch: pytest.MonkeyPatch) -> None:
    small = outlines(MANY_FILES, monkeypatch)
    large = outlines(MANY, monkeypatch)
    assert small <= 2 * MANY_FILES + 10
    # The files that are likely to tell names are looked at beforehand.
    assert large <= 2 * MANY + small


def test_the_time_limit_tells_how_many_files_are_left() -> None:
    def busy(context: Context) -> Iterator[Finding]:
        while context.files[0].path.endswith(f"port{HELD_FILES}.c"):
            pass
        yield Finding(context.files[0].path, 5, "Found.")

    slow = Rule("slow", "s", "w", "s", "warning", "high", busy, ("x",), ("y",), by_file=True)
    thread, tree = renamed(MANY)
    report = scan(thread, tree, (slow, replace(slow, name="last")), Settings({}, time_limit=0.3))
    assert [each.path for each in report.findings if each.rule == "slow"] == [
        "drivers/port/port0.c",
        f"drivers/port/port{HELD_FILES // 2}.c",
    ]
    left = f"of {MANY} files {MANY - HELD_FILES} not judged by slow, last"
    assert [each.message for each in report.judged.lost] == [
        f"the time limit of 0.3 s of CPU time ran out; {left}"
    ]
