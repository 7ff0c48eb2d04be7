"""The parts of a patch mail's body (INPUT-TRAPS 12, 17, 18 and 19)."""

from patchscan.mail.body import read_trailers, split_body
from patchscan.series import Trailer

from tests.mails import DIFF, diff_for, mail, only_patch, only_series, said, thread

INDENTED = "".join(f"  {line}\n" for line in DIFF.split("\n"))


def paths(body: str) -> list[str]:
    return [change.path for change in only_patch(mail("[PATCH] one", body)).files]


def test_changelog_ends_at_three_dashes() -> None:
    patch = only_patch(mail("[PATCH] one", "\nWhy.\n\nMore.\n---\nv2: less\n\n mm/widget.c | 1 +\n\n" + DIFF))
    assert patch.changelog == ("Why.", "", "More.")
    assert patch.notes == ("v2: less", "", " mm/widget.c | 1 +")
    assert [change.path for change in patch.files] == ["mm/widget.c"]


def test_second_three_dashes_belong_to_the_notes() -> None:
    patch = only_patch(
        mail("[PATCH] one", "Why.\n---\nChanges in v2:\n- less\n---\n mm/widget.c | 1 +\n" + DIFF)
    )
    assert patch.changelog == ("Why.",)
    assert patch.notes == ("Changes in v2:", "- less", "---", " mm/widget.c | 1 +")


def test_dashes_with_more_on_their_line_do_not_end_the_changelog() -> None:
    assert only_patch(mail("[PATCH] one", "Why.\n--- old\n----\n ---\n---\n" + DIFF)).changelog == (
        "Why.",
        "--- old",
        "----",
        " ---",
    )


def test_patch_without_three_dashes() -> None:
    patch = only_patch(mail("[PATCH] one", "Why.\n\n" + DIFF))
    assert patch.changelog == ("Why.",)
    assert len(patch.files) == 1


def test_removed_line_of_two_dashes_in_a_patch_without_three_dashes_is_no_separator() -> None:
    diff = "--- a/mm/x.c\n+++ b/mm/x.c\n@@ -1,2 +1,1 @@\n one\n---\n"
    patch = only_patch(mail("[PATCH] one", "Why.\n\n" + diff + diff_for("mm/y.c")))
    assert patch.changelog == ("Why.",)
    assert [change.path for change in patch.files] == ["mm/x.c", "mm/y.c"]


def test_diff_in_the_changelog_is_not_the_patch() -> None:
    real = "---\n mm/real.c | 1 +\n\n" + diff_for("mm/real.c")
    assert paths("As in\n\n" + DIFF + "\nwe count.\n" + real) == ["mm/real.c"]
    assert paths("As in\n\n" + INDENTED + "\nwe count.\n" + real) == ["mm/real.c"]
    assert paths("As in\n\n--- a/mm/old.c\n+++ b/mm/old.c\n\nwe count.\n" + real) == ["mm/real.c"]


def test_indented_diff_is_no_diff() -> None:
    found = thread(mail("[PATCH] one", "As in\n\n" + INDENTED))
    assert found.series[0].patches[0].files == ()
    assert "no patch found" in said(found)


def test_interdiff_and_range_diff_in_the_notes_are_passed_over() -> None:
    notes = (
        "---\nInterdiff against v1:\n" + INDENTED + "\nRange-diff:\n1:  abc ! 1:  def count\n    @@ mm/x.c\n"
    )
    assert paths("Why.\n" + notes + DIFF) == ["mm/widget.c"]


def test_dep3_and_index_lines_are_no_notes() -> None:
    body = (
        "Why.\n\nIndex: linux/mm/x.c\n=====\n--- linux.orig/mm/x.c\n+++ linux/mm/x.c\n@@ -1 +1 @@\n-a\n+b\n"
    )
    patch = only_patch(mail("[PATCH] one", body))
    assert (patch.changelog, patch.notes) == (("Why.",), ())
    assert [change.path for change in patch.files] == ["mm/x.c"]


def test_in_body_headers() -> None:
    body = (
        "From: Jürgen <j@example.org>\nSubject: [PATCH v2 3/4] mm: the\n real one\nDate: yesterday\n\nWhy.\n---\n"
        + DIFF
    )
    patch = only_patch(mail("[PATCH 1/1] wrong", body))
    assert (patch.author, patch.title, patch.index, patch.total) == (
        "Jürgen <j@example.org>",
        "mm: the real one",
        3,
        4,
    )
    assert patch.changelog == ("Why.",)


def test_in_body_from_may_be_followed_by_the_changelog_at_once() -> None:
    patch = only_patch(mail("[PATCH] one", "\nFrom: J <j@example.org>\nWhy.\n---\n" + DIFF))
    assert (patch.author, patch.changelog) == ("J <j@example.org>", ("Why.",))


def test_prose_that_begins_like_a_header_is_prose() -> None:
    patch = only_patch(mail("[PATCH] one", "From: the start of time, we count.\n---\n" + DIFF))
    assert patch.author == "A Person <a@example.org>"
    assert patch.changelog == ("From: the start of time, we count.",)


def test_scissors() -> None:
    body = "Hi all,\n\nhere it is.\n\n-- >8 --\nSubject: [PATCH] mm: the real one\n\nWhy.\n---\n" + DIFF
    patch = only_patch(mail("count widgets", body))
    assert (patch.title, patch.changelog) == ("mm: the real one", ("Why.",))


def test_what_only_looks_like_scissors() -> None:
    for line in ("if (a >8 && b)", "> -- >8 --", "a >8 b", ">8", "shift -- by 8<"):
        assert only_patch(mail("[PATCH] one", f"Why.\n{line}\nMore.\n---\n{DIFF}")).changelog == (
            "Why.",
            line,
            "More.",
        )
    in_hunk = DIFF.replace("count++;", "/* ---- >8 ---- */")
    assert only_patch(mail("[PATCH] one", "Why.\n---\n" + in_hunk)).changelog == ("Why.",)


def test_trailers_with_their_lines() -> None:
    changelog = (
        "Why: because.",
        "",
        "Note: this is prose.",
        "    Indented-by: nobody <n@example.org>",
        "> Quoted-by: nobody <n@example.org>",
        "",
        'Fixes: 123456789abc ("mm: count',
        ' widgets")',
        "reviewed-by: B <b@example.org>",
        "[b: fixed it]",
        "X-Any: thing",
        "Signed-off-by: A <a@example.org>",
    )
    assert read_trailers(changelog) == (
        Trailer("Fixes", '123456789abc ("mm: count widgets")', 7),
        Trailer("reviewed-by", "B <b@example.org>", 9),
        Trailer("X-Any", "thing", 11),
        Trailer("Signed-off-by", "A <a@example.org>", 12),
    )


def test_trailers_above_the_last_paragraph_and_not_below_the_dashes() -> None:
    patch = only_patch(
        mail(
            "[PATCH] one",
            "Why.\n\nCc: c@example.org\n\nAcked-by: B <b@x.org>\n---\nTested-by: D <d@x.org>\n" + DIFF,
        )
    )
    assert [(one.key, one.line) for one in patch.trailers] == [("Cc", 3), ("Acked-by", 5)]


def test_bases_and_links_are_no_trailers() -> None:
    lines = ("Why.", "", "base-commit: 123", "change-id: x", "https: //example.org", "Acked-by: B <b@x.org>")
    assert [one.key for one in read_trailers(lines)] == ["Acked-by"]


def test_one_line_changelog_is_no_trailer() -> None:
    assert read_trailers(("Note: this is all there is.",)) == ()


def test_bases_wherever_they_stand() -> None:
    after_diff = "-- \n2.49.0\n\nbase-commit: 0123456789ab\nprerequisite-patch-id: fedcba\n"
    under_dashes = "---\nbase-commit: 0123456789ab\nchange-id: 20260101-count-1\n"
    series = only_series(
        mail(
            "[PATCH 0/2] all",
            "Hi.\n\nbase-commit: 0123456789abcdef0123456789abcdef01234567\nbase-tree: 77\n",
            "c@x",
        ),
        mail("[PATCH 1/2] one", "Why.\n" + under_dashes + DIFF, "1@x", ["c@x"]),
        mail(
            "[PATCH 2/2] two",
            "Why.\n---\n" + DIFF + after_diff + "prerequisite-message-id: <a@b>\n",
            "2@x",
            ["c@x"],
        ),
    )
    assert series.base_commit == "0123456789abcdef0123456789abcdef01234567"
    assert series.base_tree == "77"
    assert series.change_id == "20260101-count-1"
    assert series.prerequisites == ("prerequisite-patch-id: fedcba", "prerequisite-message-id: <a@b>")


def test_bases_that_contradict_are_reported() -> None:
    found = thread(
        mail("[PATCH 1/2] one", "---\n" + DIFF + "\nbase-commit: 1111111\n", "1@x"),
        mail("[PATCH 2/2] two", "---\n" + DIFF + "\nbase-commit: 2222222\n", "2@x", ["1@x"]),
    )
    assert found.series[0].base_commit == "1111111"
    assert "base-commit 2222222 differs" in said(found)


def test_cover_letter_keeps_its_text_without_signature() -> None:
    body = split_body("Hi.\n\ndiff --git a/x b/x\n---\nChanges.\n-- \n2.49.0\n", cover=True)
    assert body.changelog == ("Hi.", "", "diff --git a/x b/x")
    assert body.notes == ("Changes.",)
    assert body.diff == ()
