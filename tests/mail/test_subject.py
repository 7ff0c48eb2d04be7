"""Subject lines as people write them (INPUT-TRAPS 13 and 14)."""

import pytest
from patchscan.mail.subject import Subject, parse_subject


def parts(subject: str) -> tuple[int, int, int, str]:
    found = parse_subject(subject)
    return found.index, found.total, found.revision, found.title


@pytest.mark.parametrize(
    ("subject", "expected", "tags"),
    [
        ("[PATCH] mm: count", (1, 1, 1, "mm: count"), ()),
        ("[PATCH 0/3] mm: count", (0, 3, 1, "mm: count"), ()),
        ("[PATCH net-next v3 02/17] net: count", (2, 17, 3, "net: count"), ("net-next",)),
        ("[RFC PATCH 1/3] mm: count", (1, 3, 1, "mm: count"), ("rfc",)),
        ("[PATCH RFC v2 2/3] mm: count", (2, 3, 2, "mm: count"), ("rfc",)),
        ("[PATCH RESEND 1/2] mm: count", (1, 2, 1, "mm: count"), ("resend",)),
        ("[RESEND PATCH v4] mm: count", (1, 1, 4, "mm: count"), ("resend",)),
        ("[PATCHv3 1/2] mm: count", (1, 2, 3, "mm: count"), ()),
        ("[PATCH-v3 1/2] mm: count", (1, 2, 3, "mm: count"), ()),
        ("[PATCH V2 1/2] mm: count", (1, 2, 2, "mm: count"), ()),
        ("[PATCH -v4 next 1/4] mm: count", (1, 4, 4, "mm: count"), ("next",)),
        ("[PATCH 1/2][v3] mm: count", (1, 2, 3, "mm: count"), ()),
        ("[PATCH 1/2] [v3] mm: count", (1, 2, 3, "mm: count"), ()),
        ("[PATCH 1/2 v2] mm: count", (1, 2, 2, "mm: count"), ()),
        ("[net-next] [PATCH 1/2] net: count", (1, 2, 1, "net: count"), ("net-next",)),
        ("[PATCH 6.12 101/350] mm: count", (101, 350, 1, "mm: count"), ("6.12",)),
        ("[PATCH 5.10/5.15 1/3] mm: count", (1, 3, 1, "mm: count"), ("5.10/5.15",)),
        ("[PATCH v6,19/24] mm: count", (19, 24, 6, "mm: count"), ()),
        ("[PATCH1/8] mm: count", (1, 8, 1, "mm: count"), ()),
        ("[PATCH v2.1 1/2] mm: count", (1, 2, 2, "mm: count"), ()),
        ("[PATCH 02 of 12] mm: count", (2, 12, 1, "mm: count"), ()),
        ("[PATCH 2/3v2] mm: count", (2, 3, 2, "mm: count"), ()),
        (
            "[PATCH RFC v2 for-6.8/block 01/18] block: count",
            (1, 18, 2, "block: count"),
            ("rfc", "for-6.8/block"),
        ),
        ("[RFC/PATCH 1/2] mm: count", (1, 2, 1, "mm: count"), ("rfc",)),
        ("[RFCv2 PATCH] mm: count", (1, 1, 2, "mm: count"), ("rfc",)),
        ("[patch V2 01/17] mm: count", (1, 17, 2, "mm: count"), ()),
        ("[PATCHSET v2 0/4] mm: count", (0, 4, 2, "mm: count"), ()),
        ("[PATCHSET] mm: count", (0, 0, 1, "mm: count"), ()),
        ("[PATCH]: mm: count", (1, 1, 1, "mm: count"), ()),
        ("[PATCH] [media] v4l: count [again]", (1, 1, 1, "v4l: count [again]"), ("media",)),
        ("[PATCH v12 3/4] [x] 1/2 of the time", (3, 4, 12, "1/2 of the time"), ("x",)),
    ],
)
def test_patches(subject: str, expected: tuple[int, int, int, str], tags: tuple[str, ...]) -> None:
    found = parse_subject(subject)
    assert parts(subject) == expected
    assert found.tags == tags
    assert (found.patch, found.reply, found.no_patch) == (True, False, "")


@pytest.mark.parametrize(
    "mark",
    ["Re: ", "RE: ", "Aw: ", "AW:", "Fwd: ", "FW: ", "Re: Re: ", "Re[2]: ", "[list] Re: ", "回复: ", "SV: "],
)
def test_replies(mark: str) -> None:
    found = parse_subject(mark + "[PATCH v2 3/4] mm: count")
    assert found.reply
    assert (found.index, found.total, found.revision, found.title) == (3, 4, 2, "mm: count")


def test_title_that_begins_like_a_reply_mark_is_none() -> None:
    assert not parse_subject("[PATCH] rewrite: count").reply
    assert not parse_subject("[PATCH] regmap: count").reply
    assert not parse_subject("[PATCH] fw_devlink: count").reply


@pytest.mark.parametrize(
    "subject",
    [
        "[GIT PULL] mm fixes",
        "[GIT PULL 2/5] mm fixes",
        "[PULL 00/10] queue",
        "[ANNOUNCE] v6.12-rt1",
        "[syzbot] [mm?] WARNING in count",
        "[tip: x86/mm] x86/mm: Count",
        "[tip:x86/mm 3/5] kernel/count.c:1: warning",
        "[linux-next:master 1234/5678] mm/count.c:1: error",
        "[REGRESSION] count is slow",
        "[PATCH xfstests] generic: count",
        "[PATCH fstests v2 1/2] generic: count",
        "[PATCH iproute2-next] ss: count",
        "[PATCH i-g-t] tests: count",
        'Patch "mm: count" has been added to the 6.1-stable tree',
        "+ mm-count.patch added to mm-unstable branch",
        "[merged mm-stable] mm-count.patch removed from -mm tree",
    ],
)
def test_what_is_no_patch_for_the_kernel(subject: str) -> None:
    found = parse_subject(subject)
    assert found.no_patch
    assert not found.patch


@pytest.mark.parametrize(
    "subject",
    [
        "",
        "[",
        "]",
        "[PATCH",
        "[PATCH]",
        "[[PATCH]] x",
        "[PATCH 1/] x",
        "[PATCH /2] x",
        "[PATCH 99999999999999999999/2] x",
        "[PATCH v99999999999999999999] x",
        "[PATCH ٣/٤] x",
        "[PATCH 3/2] x",
        "Re: Re: Re:",
        "[PATCH 1/2 2/3 v2 v3] x",
        "[\0] x",
        "[,,,] x",
    ],
)
def test_nonsense_does_not_raise(subject: str) -> None:
    assert isinstance(parse_subject(subject), Subject)


def test_huge_numbers_are_no_numbers() -> None:
    assert parts("[PATCH 12345678/99999999 v12345] x") == (1, 1, 1, "x")
