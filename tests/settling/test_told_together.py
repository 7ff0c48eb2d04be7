"""One cause is told once a series, with the places that it is also said of; its fixes are all made."""

from patchscan.basics.record import replace
from patchscan.finding import CHANGELOG, Finding
from patchscan.settling.together import told_together


def finding(patch: int, line: int, message: str = "the same words", **more: object) -> Finding:
    """An info of one rule."""
    filled = {"rule": "some-rule", "severity": "info", "patch": patch, **more}
    path = str(filled.pop("path", "mm/a.c"))
    return replace(Finding(path, line, message), **filled)


def test_a_changelog_is_spoken_of_once_a_series() -> None:
    said = told_together(
        finding(patch, 9, "the sender has not signed off", path=CHANGELOG, severity="warning")
        for patch in (1, 2, 5)
    )
    assert [each.suppressed for each in said] == [None, "told with patch 1", "told with patch 1"]
    assert said[0].message == "the sender has not signed off; the same in patch 2, 5"
    assert [each.counts for each in said] == [True, False, False]
    assert all(each.stands for each in said)
    assert {each.own for each in said} == {"the sender has not signed off"}


def test_infos_name_the_other_places() -> None:
    said = told_together(
        [
            finding(1, 3, "one_name need not be there"),
            finding(1, 9, "other_name need not be there"),
            finding(2, 4, "one_name need not be there", path="mm/b.c"),
        ]
    )
    assert said[0].message == "one_name need not be there; the same: line 9 (other_name), mm/b.c:4"
    assert said[2].suppressed == "told with patch 1, mm/a.c:3"


def test_many_places_are_counted() -> None:
    said = told_together(finding(1, line) for line in range(1, 8))
    assert said[0].message.endswith("; the same: line 2, line 3, line 4, line 5 and 2 more")


def test_what_is_not_of_one_cause_stands_alone() -> None:
    apart = [
        finding(1, 1),
        finding(1, 2, rule="another-rule"),
        finding(1, 3, "other words"),
        *(finding(1, line, severity="warning") for line in (4, 5)),
        *(finding(1, line, severity="error") for line in (6, 7)),
        *(finding(1, line, "with a model", model="m") for line in (8, 9)),
        *(finding(1, line, "of old code", preexisting=True) for line in (10, 11)),
        finding(1, 12, "set aside", suppressed="known: a reason"),
        finding(1, 13, "set aside"),
    ]
    assert list(told_together(apart)) == apart


def test_small_things_are_one_remark_of_a_series() -> None:
    found = [
        finding(1, 3, "s/teh/the/", rule="spelling", path=CHANGELOG),
        finding(1, 9, "one empty line is enough", rule="file-habits"),
        finding(2, 4, "s/nad/and/", rule="spelling"),
        finding(2, 5, "check for NULL", rule="another-rule"),
        finding(2, 6, "no prefix", rule="subject-form", severity="warning"),
    ]
    said = told_together(found)
    assert said[0].message == (
        "s/teh/the/; also one empty line is enough (mm/a.c:9); also s/nad/and/ (patch 2, mm/a.c:4)"
    )
    assert [each.suppressed for each in said] == [None, *["told with patch 1"] * 2, None, None]
    assert list(said[3:]) == found[3:]


def test_of_very_many_small_things_the_first_are_said() -> None:
    words = "abcdefghijklmnopqrs"
    said = told_together(finding(1, at, f"s/{one}x/{one}y/", rule="spelling") for at, one in enumerate(words))
    assert said[0].message.count("; also ") == 12
    assert said[0].message.endswith("; and 6 more like these")
