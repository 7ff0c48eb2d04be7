"""Said once, with all places; one fault by one rule; and where a line stands once the series is applied."""

from patchscan.basics.record import replace
from patchscan.finding import CHANGELOG, Evidence, Finding
from patchscan.report.folded import folded, places
from patchscan.report.tip import at_tip
from patchscan.results import Report
from patchscan.scan import scan
from patchscan.series import Thread
from patchscan.settling.once import told_once
from patchscan.testing import MemoryTree
from patchscan.tree.overlay import lay

from tests.diffs import change, patch, series


def finding(line: int, message: str = "the same words", path: str = "mm/a.c", **more: object) -> Finding:
    """A finding of one rule and patch."""
    filled = {"rule": "some-rule", "severity": "warning", "patch": 1, **more}
    return replace(Finding(path, line, message), **filled)


def test_the_same_words_in_one_patch_are_one() -> None:
    several = [
        finding(3),
        finding(9),
        finding(4, path="mm/b.c"),
        finding(5, patch=2),
        finding(7, "other words"),
    ]
    found = folded(several)
    assert [(each.finding.line, [other.line for other in each.others]) for each in found] == [
        *((3, [9, 4]), (5, []), (7, []))
    ]
    assert list(places(found[0])) == ["mm/a.c:9", "mm/b.c:4"]


def test_names_may_differ() -> None:
    found = folded(
        [finding(3, "only this file uses first_one()"), finding(8, "only this file uses second()")]
    )
    assert list(places(found[0])) == ["mm/a.c:8 (second)"]


def test_errors_changelogs_and_proofs_stand_alone() -> None:
    for more in ({"severity": "error"}, {"path": CHANGELOG}, {"model": "m"}):
        assert len(folded([finding(3, **more), finding(4, **more)])) == 2


def test_one_fault_is_told_by_one_rule() -> None:
    static = finding(
        3, "only this file uses my_walk(): make it static, without the export", rule="should-be-static"
    )
    export = finding(7, "my_walk is exported, but nothing uses it elsewhere", rule="unneeded-export")
    other = finding(9, "your_walk is exported, but nothing uses it elsewhere", rule="unneeded-export")
    found = told_once((static, export, other))
    assert [each.suppressed for each in found] == [None, "told by should-be-static", None]
    assert told_once((export, replace(static, patch=2)))[0].suppressed is None


LINES = [f"int line_{number};" for number in range(1, 41)]


def text(*new: tuple[int, str]) -> str:
    """The lines with others put in, from the last one on."""
    lines = list(LINES)
    for at, line in new:
        lines.insert(at, line)
    return "".join(f"{line}\n" for line in lines)


def test_lines_at_the_tip() -> None:
    """Two patches on a tree that has two lines more above: the patch's own numbers, and those of the last state."""
    first, second = text((20, "int one;")), text((20, "int one;"), (5, "int two;"))
    both = series(patch(1, change("mm/a.c", text(), first)), patch(2, change("mm/a.c", first, second)))
    tree = MemoryTree("tree", {"mm/a.c": ("int above;\nint below;\n" + text()).encode()})
    report = Report(Thread((both,), (), ()), both, lay(both, tree))
    tip = report.states[-1].view.read("mm/a.c")
    assert tip is not None
    assert at_tip(report, 1, "mm/a.c", 21) == ("mm/a.c", tip.decode().split("\n").index("int one;") + 1)
    assert at_tip(report, 2, "mm/a.c", 6) == ("mm/a.c", tip.decode().split("\n").index("int two;") + 1)
    assert at_tip(report, 1, "mm/other.c", 6) == ("mm/other.c", 6)


def test_a_line_that_goes_later_has_a_place_and_renames_are_followed() -> None:
    first = text((20, "int one;"))
    gone = change("mm/a.c", first, text())
    both = series(
        patch(1, change("mm/a.c", text(), first)), patch(2, replace(gone, path="mm/b.c", kind="rename"))
    )
    report = Report(Thread((both,), (), ()), both, lay(both, MemoryTree("tree", {"mm/a.c": text().encode()})))
    assert at_tip(report, 1, "mm/a.c", 21) == ("mm/b.c", 21)


def test_evidence_counts_as_the_patch_does() -> None:
    """The tree has a line more above; a rule that quotes the tree's number is set right."""
    from patchscan.context import Context
    from patchscan.rule import Rule

    def check(context: Context):  # type: ignore[no-untyped-def]
        yield context.files[0].finding(22, "said", (Evidence("mm/a.c", 22, "int one;"),))

    rule = Rule("a-rule", "s", "w", "s", "warning", "high", check, ("b",), ("g",))
    one = series(patch(1, change("mm/a.c", text(), text((20, "int one;")))))
    tree = MemoryTree("tree", {"mm/a.c": ("int above;\n" + text()).encode()})
    (found,) = scan(Thread((one,), (), ()), tree, (rule,)).findings
    assert found.line == 21 and found.evidence[0].line == 21
