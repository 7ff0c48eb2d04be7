"""Which mails make which series, and which one is scanned (INPUT-TRAPS 14 and 15)."""

from patchscan.series import Thread

from tests.mails import DIFF, diff_for, mail, only_series, said, thread


def posting(
    name: str,
    prefix: str = "PATCH",
    total: int = 2,
    below: tuple[str, ...] = (),
    skip: tuple[int, ...] = (),
    day: int = 1,
) -> list[str]:
    """The mails of a posting: cover letter and patches, as git send-email threads them."""
    cover = f"{name}-0@x"
    mails = [mail(f"[{prefix} 0/{total}] all", "Hi.\n", cover, below, day=day)]
    for number in range(1, total + 1):
        text = f"Why.\n---\n{diff_for(f'mm/file{number}.c')}"
        mails.append(
            mail(
                f"[{prefix} {number}/{total}] part {number}",
                text,
                f"{name}-{number}@x",
                [*below, cover],
                day=day,
            )
        )
    return [one for number, one in enumerate(mails) if number not in skip]


def shape(found: Thread) -> list[tuple[str, int, list[int]]]:
    return [(one.message_id, one.revision, [patch.index for patch in one.patches]) for one in found.series]


def reasons(found: Thread) -> dict[str, str]:
    return {one.series.message_id: one.why for one in found.left_out}


def test_cover_and_patches_in_any_order() -> None:
    mails = posting("v1", total=3)
    for order in (mails, mails[::-1], [mails[2], mails[0], mails[3], mails[1]]):
        series = only_series(*order)
        assert series.cover is not None
        assert (series.title, series.message_id) == ("all", "v1-0@x")
        assert [patch.index for patch in series.patches] == [1, 2, 3]
        assert (series.missing, series.patches[2].total) == ((), 3)


def test_cover_missing() -> None:
    for mails in (posting("v1", skip=(0,)), posting("v1", skip=(0,))[::-1]):
        series = only_series(*mails)
        assert series.cover is None
        assert (series.title, series.message_id) == ("part 1", "v1-1@x")
        assert [patch.index for patch in series.patches] == [1, 2]


def test_patches_chained_each_to_the_one_before() -> None:
    chained = [
        mail("[PATCH 1/3] a", message_id="1@x"),
        mail("[PATCH 2/3] b", message_id="2@x", reply_to=["1@x"]),
        mail("[PATCH 3/3] c", message_id="3@x", reply_to=["1@x", "2@x"]),
    ]
    assert [patch.index for patch in only_series(*chained).patches] == [1, 2, 3]
    found = thread(chained[0], chained[2])
    assert found.series[0].missing == (2,)
    assert len(found.series) == 1


def test_gap_is_named() -> None:
    found = thread(*posting("v1", total=5, skip=(3, 5)))
    assert found.series[0].missing == (3, 5)
    assert found.left_out == ()


def test_highest_complete_revision_is_scanned() -> None:
    found = thread(*posting("v1"), *posting("v3", "PATCH v3", 5, skip=(3, 5)), *posting("v2", "PATCH v2"))
    assert shape(found) == [("v2-0@x", 2, [1, 2]), ("v1-0@x", 1, [1, 2]), ("v3-0@x", 3, [1, 2, 4])]
    assert reasons(found) == {
        "v3-0@x": "incomplete: patches 3, 5 missing",
        "v1-0@x": "lower revision than v2",
    }


def test_revision_asked_for() -> None:
    mails = [*posting("v1"), *posting("v2", "PATCH v2")]
    found = thread(*mails, revision=1)
    assert shape(found)[0] == ("v1-0@x", 1, [1, 2])
    assert reasons(found) == {"v2-0@x": "not the revision asked for (v1)"}
    found = thread(*mails, revision=7)
    assert found.series == ()
    assert "no series of this revision with patches; the input holds v1, v2" in said(found)
    assert len(found.left_out) == 2


def test_incomplete_series_is_scanned_where_there_is_no_other() -> None:
    found = thread(*posting("v2", "PATCH v2", 45, skip=(0, *range(1, 16), *range(17, 46))))
    assert shape(found) == [("v2-16@x", 2, [16])]
    assert len(found.series[0].missing) == 44
    assert found.problems == ()


def test_second_revision_threaded_under_the_first() -> None:
    found = thread(*posting("v1"), *posting("v2", "PATCH v2", below=("v1-0@x",)))
    assert shape(found) == [("v2-0@x", 2, [1, 2]), ("v1-0@x", 1, [1, 2])]
    coverless = posting("v2", "PATCH v2", below=("v1-0@x",), skip=(0,))
    assert shape(thread(*posting("v1"), *coverless))[0] == ("v2-1@x", 2, [1, 2])


def test_resent_series_is_one_of_its_own_and_the_later_is_scanned() -> None:
    found = thread(*posting("first"), *posting("again", "PATCH RESEND", day=2))
    assert shape(found) == [("again-0@x", 1, [1, 2]), ("first-0@x", 1, [1, 2])]
    assert reasons(found) == {"first-0@x": "another series of the same revision was sent later"}
    assert shape(thread(*posting("again", "PATCH RESEND", day=2), *posting("first"))) == shape(found)


def test_one_patch_sent_again_takes_the_place_of_the_first() -> None:
    again = mail(
        "[PATCH RESEND 2/2] part 2", "---\n" + diff_for("mm/new.c"), "again@x", ["v1-0@x", "v1-2@x"], day=2
    )
    found = thread(*posting("v1"), again)
    assert shape(found) == [("v1-0@x", 1, [1, 2])]
    assert found.series[0].patches[1].files[0].path == "mm/new.c"
    assert "patch 2 was sent again" in said(found)


def test_one_patch_of_a_new_revision_does_not_hide_the_complete_one() -> None:
    again = mail("[PATCH v2 2/2] part 2", message_id="v2-2@x", reply_to=["v1-0@x", "v1-2@x"])
    found = thread(*posting("v1"), again)
    assert shape(found)[0] == ("v1-0@x", 1, [1, 2])
    assert reasons(found) == {"v2-2@x": "incomplete: patch 1 missing"}


def test_same_mail_from_two_lists_is_read_once() -> None:
    mails = posting("v1")
    copy = mails[1] + "\n_____\nlist footer\n"
    assert [patch.index for patch in only_series(*mails, copy, mails[2]).patches] == [1, 2]


def test_other_content_under_the_same_message_id_is_reported() -> None:
    found = thread(
        mail("[PATCH] one", message_id="1@x"), mail("[PATCH] other", "---\n" + diff_for("mm/y.c"), "1@x")
    )
    assert [patch.title for patch in found.series[0].patches] == ["one"]
    assert "same Message-ID" in said(found)


def test_two_series_with_the_same_subject() -> None:
    found = thread(*posting("a"), *posting("b", day=2))
    assert [name for name, _, _ in shape(found)] == ["b-0@x", "a-0@x"]


def test_cover_of_another_revision_is_adopted() -> None:
    mails = [posting("v2", "PATCH")[0], *posting("v2", "PATCH v2")[1:]]
    found = thread(*mails)
    assert shape(found) == [("v2-0@x", 2, [1, 2])]
    assert found.series[0].cover is not None
    assert "cover letter" in said(found)


def test_cover_that_does_not_count_its_patches() -> None:
    series = only_series(mail("[PATCHSET] all", "Hi.\n", "v1-0@x"), *posting("v1")[1:])
    assert series.cover is not None
    assert [patch.index for patch in series.patches] == [1, 2]


def test_cover_alone_is_left_out() -> None:
    found = thread(*posting("v1"), posting("v2", "PATCH v2")[0])
    assert shape(found)[0] == ("v1-0@x", 1, [1, 2])
    assert reasons(found) == {"v2-0@x": "incomplete: only its cover letter is there"}


def test_files_of_format_patch_make_one_series() -> None:
    series = only_series(
        *(mail(f"[PATCH {n:02}/12] part {n}", author=f"P{n} <p{n}@x.org>") for n in range(1, 13))
    )
    assert [patch.index for patch in series.patches] == list(range(1, 13))


def test_series_sent_without_threading_stays_one_though_it_was_answered() -> None:
    mails = [mail(f"[PATCH {n}/2] part {n}", message_id=f"{n}@x") for n in (1, 2)]
    answers = [
        mail("Re: [PATCH 1/2] part 1", "Hm.\n", "r@x", ["1@x"]),
        mail("[PATCH] fixup", "", "f@x", ["1@x", "r@x"]),
    ]
    assert shape(thread(*mails, *answers))[0] == ("1@x", 1, [1, 2])


def test_two_numbered_queues_one_after_the_other() -> None:
    found = thread(*(mail(f"[PATCH {n}/2] {name} {n}") for name in ("a", "b") for n in (1, 2)))
    assert [[patch.title for patch in series.patches] for series in found.series] == [
        ["a 1", "a 2"],
        ["b 1", "b 2"],
    ]


def test_unnumbered_patches_without_a_thread_are_a_queue() -> None:
    series = only_series(mail("[PATCH] b"), mail("[PATCH] a", author="B <b@x.org>"), mail("c: no prefix"))
    assert [(patch.index, patch.total, patch.title) for patch in series.patches] == [
        (1, 3, "b"),
        (2, 3, "a"),
        (3, 3, "c: no prefix"),
    ]
    assert series.missing == ()


def test_two_revisions_of_an_unnumbered_patch() -> None:
    found = thread(mail("[PATCH] a", message_id="1@x"), mail("[PATCH v2] a", message_id="2@x"))
    assert shape(found) == [("2@x", 2, [1]), ("1@x", 1, [1])]
    found = thread(mail("[PATCH] a", message_id="1@x", day=2), mail("[PATCH] a", message_id="2@x"))
    assert shape(found) == [("1@x", 1, [1]), ("2@x", 1, [1])]


def test_patch_within_a_discussion_is_not_the_series() -> None:
    fixup = mail("[PATCH] fixup", message_id="f@x", reply_to=["v1-0@x", "v1-1@x"], day=9)
    found = thread(*posting("v1", skip=(2,)), fixup)
    assert shape(found)[0] == ("v1-0@x", 1, [1])
    assert reasons(found) == {"f@x": "sent as an answer within the discussion of another"}


def test_patch_below_scissors_in_a_reply_is_an_answer() -> None:
    reply = mail(
        "Re: [PATCH 2/2] part 2", "How about\n\n---- >8 ----\n" + DIFF, "r@x", ["v1-0@x", "v1-2@x"], day=9
    )
    found = thread(*posting("v1"), reply)
    assert shape(found)[0] == ("v1-0@x", 1, [1, 2])
    assert found.series[0].patches[1].files[0].path == "mm/file2.c"
    assert reasons(found) == {"r@x": "sent as an answer within the discussion of another"}
    assert [one.message_id for one in found.replies] == ["r@x"]


def test_what_is_no_patch_is_left_out_and_said() -> None:
    found = thread(
        mail("[GIT PULL] mm"),
        mail("[tip: x86/mm] x86/mm: Count"),
        mail("[PATCH xfstests] generic: count"),
        mail("Hello", "no diff\n"),
        *posting("v1"),
    )
    assert len(found.series) == 1
    assert len(found.problems) == 4
    assert '[tip: x86/mm] x86/mm: Count": not a patch for the kernel' in said(found)
    assert 'Hello": no patch found' in said(found)


def test_series_for_another_project_is_left_out() -> None:
    foreign = mail("[PATCH 1/1] generic: count", "---\n" + diff_for("tests/generic/001"), "f@x", day=9)
    found = thread(foreign, *posting("v1"))
    assert shape(found)[0] == ("v1-0@x", 1, [1, 2])
    assert reasons(found)["f@x"].startswith("another project")
    assert thread(foreign).series == ()
    assert "no patch found" in said(thread(foreign))
    assert len(only_series(mail("[PATCH] release", "---\n" + diff_for("localversion-rt"))).patches) == 1


def test_patch_without_a_diff_is_kept_and_reported() -> None:
    found = thread(mail("[PATCH v2 1/1] one", "Why.\n\nSigned-off-by: A <a@x.org>\n"))
    (patch,) = found.series[0].patches
    assert (patch.changelog[0], patch.files) == ("Why.", ())
    assert "no patch found" in said(found)


def test_mails_without_a_diff_do_not_hide_those_that_hold_it() -> None:
    found = thread(
        mail("[PATCH] one", f"Why.\n---\n{DIFF}", "1@x", day=1),
        mail("[PATCH] one", "See below.\n", "2@x", day=2),
    )
    assert len(found.series[0].patches[0].files) == 1
    assert reasons(found) == {"2@x": "incomplete: no patch of it holds a diff"}


def test_reply_without_its_mark_is_a_reply() -> None:
    found = thread(
        *posting("v1"), mail("[PATCH 1/2] part 1", "> Why.\n\nIndeed.\n", "r@x", ["v1-0@x", "v1-1@x"])
    )
    assert len(found.series) == 1
    assert [one.message_id for one in found.replies] == ["r@x"]


def test_numbered_patch_with_other_brackets_is_a_patch() -> None:
    assert only_series(mail("[net-next v2 1/1] net: count")).revision == 2
    assert only_series(mail("[RFC 1/1] mm: count")).patches[0].title == "mm: count"


def test_loops_and_self_replies_do_not_hang() -> None:
    found = thread(
        mail("[PATCH 1/2] a", message_id="1@x", reply_to=["2@x"]),
        mail("[PATCH 2/2] b", message_id="2@x", reply_to=["1@x"]),
        mail("[PATCH 1/1] c", message_id="3@x", reply_to=["3@x"]),
    )
    assert sum(len(series.patches) for series in found.series) == 3


def test_dates_that_cannot_be_read() -> None:
    mails = [
        one.replace("Thu, 1 Jan 2026 10:00:00 +0000", "99 Foo 99999999999 99:99 -9999")
        for one in posting("v1")
    ]
    assert only_series(*mails).patches[0].date == "99 Foo 99999999999 99:99 -9999"


def test_nothing_at_all() -> None:
    found = thread()
    assert (found.series, found.replies) == ((), ())
    assert "no mail found" in said(found)
