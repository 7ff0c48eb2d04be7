"""What became of real remarks: pairs of revisions whose remarks were judged by hand, and small ones of each kind."""

import csv
import json
import os
import re
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest
from patchscan.cli import main
from patchscan.mail import read_input
from patchscan.mail.gitrange import read_range
from patchscan.mail.thread import read_thread
from patchscan.results import Answered
from patchscan.series import Thread
from patchscan.settling.alignment import Alignment, patch_pairs
from patchscan.settling.changes import draft, patch_changes, trailer_changes
from patchscan.settling.remarks import answers
from patchscan.settling.revisions import older_in

from tests.commands.test_compare import CODE, ON_LEFT, became, posting, reply
from tests.commands.test_compare import thread as thread_of
from tests.mail.test_named import git, needs_git
from tests.mails import diff_for, mail, thread

SHARED = os.environ.get("PATCHSCAN_SHARED", "")
PAIRS = Path(SHARED) / "corpus" / "revisions"
needs_pairs = pytest.mark.skipif(not (SHARED and PAIRS.is_dir()), reason="PATCHSCAN_SHARED has no revisions")
LETTER = "Count.\n\nSigned-off-by: A Person <a@example.org>\n---\n"


def of(path: Path) -> Thread:
    return read_thread(*read_input([str(path)]))


def said_of(pair: str) -> tuple[Answered, ...]:
    return answers(of(PAIRS / f"{pair}-old.mbox"), of(PAIRS / f"{pair}-new.mbox").series[0])


def judged() -> Iterator[tuple[dict[str, str], Answered | None, list[Answered]]]:
    """Each row, the remark that is listed for it, and what is listed of the pair."""
    with (PAIRS / "judged.tsv").open(encoding="utf-8") as file:
        rows = list(csv.DictReader(file, delimiter="\t", quoting=csv.QUOTE_NONE))
    for pair in sorted({row["pair"] for row in rows}):
        said = list(said_of(pair))
        free = list(said)
        for row in (one for one in rows if one["pair"] == pair):
            place = (row["patch"], row["path"], row["line"])
            words = " ".join(row["remark"].strip('"').split())
            ranked = sorted(
                (one for one in free if words in one.text),
                key=lambda one: (str(one.patch), one.path, str(one.line)) != place,
            )
            free = [one for one in free if one is not next(iter(ranked), None)]
            yield row, next(iter(ranked), None), said


@needs_pairs
def test_the_judged_remarks() -> None:
    rows = list(judged())
    found = [(row, one) for row, one, _ in rows if one is not None]
    assert len(found) >= len(rows) - 2
    on_lines = [(row, one) for row, one in found if row["path"] != "-"]
    right = [one for row, one in on_lines if (one.path, str(one.line)) == (row["path"], row["line"])]
    assert len(right) * 100 >= len(on_lines) * 95
    same = {"unchanged": [], "other": []}  # type: dict[str, list[str]]
    for row, one in found:
        kind = "unchanged" if row["verdict"].startswith("unchanged") else "other"
        same[kind].append(one.state)
    assert set(same["unchanged"]) == {"unchanged"} and same["other"].count("unchanged") <= 2


@needs_pairs
def test_nothing_is_listed_that_nobody_asked() -> None:
    """Beside what was judged stand the reports of robots, one that was passed on, and a question."""
    taken = {id(one) for _, one, _ in judged()}
    rest: dict[str, Answered] = {}
    for _, _, said in judged():
        rest.update({one.text: one for one in said if id(one) not in taken})
    judged_texts = {one.text for _, one, _ in judged() if one}
    more = [one for text, one in rest.items() if text not in judged_texts]
    people = {one.text for one in more if "kernel test robot" not in one.author}
    assert people <= {"error: uninitialized symbol 'ret'.", "Why this patch change the dts?"}


@pytest.mark.parametrize(
    ("code", "state"),
    [
        (CODE.replace("int left = a;", "int  left = a;"), "changed"),
        (CODE.replace("+\tint left = a;\n", "+\tint left = a;\n+\tint right = 0;\n"), "near"),
        (CODE.replace("return left;", "return 0;"), "near"),
        (CODE.replace("+\tint left = a;\n", ""), "gone"),
        (CODE + "+\n+int more;\n", "unchanged"),
    ],
)
def test_a_line_by_order_and_exact_white_space(code: str, state: str) -> None:
    assert became(ON_LEFT, posting(2, code)).state == state


def test_a_name_that_was_changed_throughout_leaves_its_uses_as_they_are() -> None:
    code = CODE + "+\n+int twice(int a)\n+{\n+\treturn count_down(a) + count_down(a);\n+}\n"
    code = code.replace("static int count(", "static int count_down(")
    newer = posting(2, code.replace("count_down", "count_all"))
    on_use = "> +{\n> +\treturn count_down(a) + count_down(a);\n\nCan this overflow?"
    older = thread_of(posting(1, code), reply(1, on_use))
    assert [one.state for one in answers(older, thread_of(newer).series[0])] == ["unchanged"]
    on_name = "> +static int count_down(int a)\n\nPlease find a better name."
    older = thread_of(posting(1, code), reply(1, on_name))
    (found,) = answers(older, thread_of(newer).series[0])
    assert (found.state, found.after) == ("changed", "static int count_all(int a)")


@pytest.mark.parametrize(
    "text", ["ditto.", "Messed ordering.", "return -ENODEV;", "Why?", "Typo\n\nThanks,\nRita"]
)
def test_short_remarks_are_remarks(text: str) -> None:
    assert became(f"> +\tint left = a;\n\n{text}", posting(2)).text == text.partition("\n")[0]


def test_a_remark_that_ends_in_a_trailer_is_one() -> None:
    text = "> +\tint left = a;\n\nThis leaks, see above.\n\nReviewed-by: Rita <rita@example.org>"
    assert became(text, posting(2)).text == "This leaks, see above."


@pytest.mark.parametrize(
    ("answer", "stance"),
    [
        ("Will do.", "promised"),
        ("Sure.", "promised"),
        ("Good catch, fixed.", "promised"),
        ("No, the hardware needs it.", "declined"),
        ("I don't think that is needed.", "declined"),
        ("It is read in the other driver.", "answered"),
        ("The flush can wait, count_flush() will do it later.", "answered"),
        ("It stays because the other driver reads it.", "answered"),
    ],
)
def test_what_the_author_said(answer: str, stance: str) -> None:
    quoted = "> > +\tint left = a;\n>\n> Why a second variable here?\n\n" + answer
    mails = (posting(1), reply(1, ON_LEFT), reply(2, quoted, author="Eve <eve@example.org>", parent="r1"))
    (found,) = answers(thread_of(*mails), thread_of(posting(2)).series[0])
    assert (found.state, found.stance, found.answer) == ("unchanged", stance, answer)


def test_a_robot_is_tied_by_its_own_path_and_line() -> None:
    report = "All warnings (new ones prefixed by >>):\n\n"
    report += ">> mm/a.c:3:6: warning: unused variable 'left' [-Wunused]\n     3 | int left;\n"
    older = thread_of(posting(1), reply(1, report, author="kernel test robot <lkp@intel.com>"))
    (found,) = answers(older, thread_of(posting(2, CODE.replace("int left", "int rest"))).series[0])
    assert (found.path, found.line, found.state, found.after.strip()) == (
        "mm/a.c",
        3,
        "changed",
        "int rest = a;",
    )


def two_revisions() -> tuple[Thread, Thread]:
    given = "Reviewed-by: Rita <rita@example.org>"
    old = thread(
        mail("[PATCH 1/2] mm: one", LETTER + diff_for("mm/a.c"), "1@x"),
        mail(
            "[PATCH 2/2] mm: two",
            LETTER.replace("Signed", f"{given}\nSigned") + diff_for("mm/b.c"),
            "2@x",
            ["1@x"],
        ),
        mail("Re: [PATCH 1/2] mm: one", f"> Count.\n\n{given}\n", "3@x", ["1@x"], "Rita <rita@example.org>"),
    )
    new = thread(
        mail("[PATCH v2 1/2] mm: zero", LETTER + diff_for("mm/z.c").replace("count++", "other++"), "4@x"),
        mail("[PATCH v2 2/2] mm: two", LETTER + diff_for("mm/b.c"), "5@x", ["4@x"]),
    )
    return old, new


def test_patches_dropped_and_new_and_trailers_lost() -> None:
    old, new = two_revisions()
    alignment = Alignment(old.series[0], new.series[0])
    assert list(patch_changes(alignment)) == ["patch 1 is gone: mm: one", "patch 1 is new: mm: zero"]
    assert list(trailer_changes(old, alignment)) == ["patch 2 lost Reviewed-by: Rita <rita@example.org>"]
    assert draft(alignment, (), ["patch 1 is gone"]) == ["Changes since v1:", "- Patch 1 is gone"]


def test_a_title_may_change_and_the_patch_be_the_same() -> None:
    old = thread(mail("[PATCH] mm: one", LETTER + diff_for("mm/a.c"), "1@x"))
    new = thread(mail("[PATCH v2] mm: first", LETTER + diff_for("mm/a.c"), "2@x"))
    (line,) = patch_changes(Alignment(old.series[0], new.series[0]))
    assert line == 'patch 1, mm: first: was called "mm: one"'


def test_the_older_revision_is_found_in_the_same_mbox(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    whole = tmp_path / "all.mbox"
    whole.write_text(posting(1) + reply(1, ON_LEFT) + posting(2))
    main([str(whole), "--no-tree", "--format", "json", "--exit-zero", "--previous"])
    report = json.loads(capsys.readouterr().out)
    assert [each["text"] for each in report["remarks"]] == ["Why a second variable here?"]
    both = of(whole)
    assert older_in(both, both.series[0]).series[0].revision == 1
    whole.write_text(posting(2))
    assert main([str(whole), "--no-tree", "--previous"]) == 2
    assert "no older revision in the input" in capsys.readouterr().err


def test_of_two_revisions_in_a_subject_the_first_counts() -> None:
    found = thread(mail("[PATCH v2 1/2] [PATCH v1 1/2] mm: one", LETTER + diff_for("mm/a.c"), "1@x"))
    assert [(each.revision, each.missing) for each in found.series] == [(2, (2,))]


def commit(top: Path, name: str, lines: list[str], title: str) -> None:
    (top / "mm" / name).write_text("".join(f"{line}\n" for line in lines))
    git(top, "add", "-A")
    git(top, "commit", "-q", "-m", title)


def code(seed: str, count: int = 12) -> list[str]:
    return [
        f"int {seed}_{number}(struct {seed} *{seed}, int {'abcdefghijkl'[number]});"
        for number in range(count)
    ]


def paired_by_git(top: Path) -> set[tuple[int, int]]:
    """(old number, new number) of git range-diff, 0 where one side has none."""
    words = ["range-diff", "--no-color", "--no-patch", "base..old", "base..new"]
    run = subprocess.run(["git", "-C", str(top), *words], capture_output=True, text=True, check=True)
    rows = re.findall(r"^ *(\d+|-): +\S+ [=!<>] +(\d+|-): ", run.stdout, re.M)
    return {(int(one.replace("-", "0")), int(other.replace("-", "0"))) for one, other in rows}


@needs_git
@pytest.mark.parametrize(
    "newer",
    [
        ["one", "two", "three"],
        ["three", "one"],
        ["two", "other", "three", "one"],
        ["one changed", "three"],
        ["other"],
        ["two renamed", "one", "three changed"],
    ],
    ids=" ".join,
)
def test_patches_are_paired_as_git_range_diff_pairs_them(newer: list[str], tmp_path: Path) -> None:
    top = tmp_path / "linux"
    (top / "mm").mkdir(parents=True)
    git(top, "init", "-q", "-b", "base")
    commit(top, "zero.c", code("zero"), "base")
    for branch, names in (("old", ["one", "two", "three"]), ("new", newer)):
        git(top, "checkout", "-q", "-b", branch, "base")
        for name in names:
            word, _, what = name.partition(" ")
            lines = [*code(word)[2:], "int more;"] if what == "changed" else code(word)
            commit(top, f"{word}.c", lines, f"mm: rework {word}" if what == "renamed" else f"mm: add {word}")
    old, new = (read_thread(*read_range(f"base..{name}", str(top))).series[0] for name in ("old", "new"))
    pairs = {
        (pair.old.index if pair.old else 0, pair.new.index if pair.new else 0)
        for pair in patch_pairs(old.patches, new.patches)
    }
    assert pairs == paired_by_git(top)


def test_a_patch_may_be_split_and_two_be_merged() -> None:
    both = LETTER + diff_for("mm/a.c") + diff_for("mm/b.c").replace("count++", "other++")
    one = LETTER + diff_for("mm/a.c")
    two = LETTER + diff_for("mm/b.c").replace("count++", "other++")
    whole = thread(mail("[PATCH] mm: one", both, "1@x")).series[0]
    split = thread(
        mail("[PATCH v2 1/2] mm: one", one, "2@x"), mail("[PATCH v2 2/2] mm: two", two, "3@x", ["2@x"])
    ).series[0]
    assert list(patch_changes(Alignment(whole, split)))[-1] == "patch 2 was split off from patch 1: mm: two"
    assert "patch 2 went into patch 1: mm: two" in list(patch_changes(Alignment(split, whole)))
