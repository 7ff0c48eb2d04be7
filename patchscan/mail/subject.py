"""Subject lines of patches: prefix, number, total, revision and title."""

import re
from functools import lru_cache

from patchscan.basics.pattern import pattern
from patchscan.basics.record import frozen

_REPLY = pattern(r"(?:re|aw|sv|vs|wg|antw|odp|res|fwd?|回复|答复|转发)(?:\[[0-9]{1,3}\])?\s?[:：]\s*", re.I)
_BRACKET = pattern(r"\[([^\[\]]*)\]\s*")
_NUMBER = pattern(r"(?:patch)?([0-9]{1,4})/([0-9]{1,4})(?:v([0-9]{1,3})(?:\.[0-9]+)?)?", re.I)
_NUMBER_OF = pattern(r"(?<![\w.])([0-9]{1,4}) of ([0-9]{1,4})(?![\w.])", re.I)
_REVISION = pattern(r"(?:(patch|rfc)[-_]?|-)?v([0-9]{1,3})(?:\.[0-9]+)?", re.I)
_NO_PATCH_WORDS = """
pull announce announcement ann syzbot bug regression report bisected merged folded-merged nacked
obsolete failures applied
"""
_NO_PATCH = frozenset(_NO_PATCH_WORDS.split())
_NOTICE = pattern(
    r"^(?:patch \".*\" (?:has been )?added to |\+ \S+\.patch added to |\S+\.patch removed from )"
    r"|removed from -mm tree$",
    re.I,
)
_BETWEEN_WORDS = pattern(r"[\s,]+")
# Projects whose patches go to the kernel's lists without being the kernel's.
_PROJECTS = """
xfstests fstests blktests xfsprogs btrfs-progs e2fsprogs f2fs-tools ltp iproute2 iproute2-next
ethtool ethtool-next bluez i-g-t igt igt-gpu-tools libdrm libgpiod kvm-unit-tests qemu dwarves
pahole mdadm ndctl trace-cmd libtraceevent util-linux rt-tests liburing lvm2 u-boot opensbi b4 man-
pages nvme-cli wireless-regdb linux-firmware crash-utility multipath-tools sparse
"""
OTHER_PROJECTS = frozenset(_PROJECTS.split())


@frozen
class Subject:
    """What a subject says. numbered: it has an n/m; patch: it is of a patch or cover letter, not a reply.

    tags: the other words of its brackets in lower case ("net-next", "rfc", "resend"); title: without
    brackets and reply marks; no_patch: why it cannot be one ("[git pull]"), or "".
    """

    title: str
    index: int = 1
    total: int = 1
    revision: int = 1
    numbered: bool = False
    versioned: bool = False
    patch: bool = False
    reply: bool = False
    tags: tuple[str, ...] = ()
    no_patch: str = ""


@lru_cache(256)
def parse_subject(subject: str) -> Subject:
    """Parse a subject on one line, e.g. "[PATCH net-next v3 02/17] net: drop the lock". Raises nothing."""
    rest = subject.strip()
    brackets: list[str] = []
    reply = False
    end = 0
    while True:
        if found := _REPLY.match(rest, end):
            reply = True
        elif found := _BRACKET.match(rest, end):
            brackets.append(found[1])
        else:
            break
        end = found.end()
    rest = rest[end:]
    index, total, revision, tags = 1, 1, 0, []
    numbered = is_patch = False
    for bracket in brackets:
        if of := _NUMBER_OF.search(bracket):
            bracket = f"{bracket[: of.start()]} {of[1]}/{of[2]} {bracket[of.end() :]}"
        for word in _BETWEEN_WORDS.split(bracket):
            if number := _NUMBER.fullmatch(word):
                if not numbered:  # of "[PATCH v2 1/2] [PATCH v1 1/2]" the first is today's
                    index, total, numbered = int(number[1]), int(number[2]), True
                revision = revision or int(number[3] or 0)
                is_patch = is_patch or word[:1] in "pP"
            elif version := _REVISION.fullmatch(word):
                revision = revision or int(version[2])
                tags += [version[1].lower()] if version[1] else []
            elif word:
                tags += (
                    word.lower().split("/") if word.lower() in ("patch/rfc", "rfc/patch") else [word.lower()]
                )
    if "patchset" in tags and not numbered:
        index, total, numbered = 0, 0, True  # a cover letter that does not count its patches
    is_patch = is_patch or "patch" in tags or "patchset" in tags
    rest = rest.removeprefix(":").strip()
    no_patch = _no_patch(rest, brackets, tags)
    return Subject(
        title=rest,
        index=index,
        total=total,
        revision=revision or 1,
        numbered=numbered,
        versioned=revision > 0,
        patch=is_patch and not no_patch,
        reply=reply,
        tags=tuple(tag for tag in tags if tag not in ("patch", "patchset")),
        no_patch=no_patch,
    )


def _no_patch(title: str, brackets: list[str], tags: list[str]) -> str:
    """Why a subject is not one of a kernel patch, or ""."""
    other = next((tag for tag in tags if tag in OTHER_PROJECTS), "")
    if other:
        return f"a patch for {other}"
    if "patch" not in tags or "pull" in tags:
        for bracket in brackets:
            words = bracket.lower().split()
            if _NO_PATCH.intersection(words) or bracket.lower().startswith(("tip:", "linux-next:")):
                return f"[{bracket}]"
    return "a notice about a patch" if _NOTICE.search(title) else ""
