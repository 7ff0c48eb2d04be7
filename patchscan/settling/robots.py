"""Reports of robots on a patch: each is tied by the path and line that it names itself."""

from collections.abc import Iterator

from patchscan.basics.pattern import pattern
from patchscan.basics.record import frozen
from patchscan.series import Reply

_NAME = pattern(r"(?i)\b(?:robot|bot|syzbot|lkp|0-?day|patchwork|ci)\b")
_REPORT = pattern(
    r"(?P<new>>*)\s*(?P<path>(?!include/linux/(?:compiler|build_bug|stddef)\b)[\w.+-]+(?:/[\w.+-]+)+)"
    r":(?P<line>[0-9]{1,7})(?::[0-9]{1,5})?:?\s*(?:\w+\(\)\s+)?"
    r"(?P<text>(?:fatal )?(?:error|warning|warn|sparse|smatch|note)\b.*)"
)


@frozen
class RobotReport:
    """One thing that a robot says: where, and what."""

    path: str
    line: int
    text: str


def is_robot(reply: Reply) -> bool:
    """Whether a sender is a program, by name or address, or passes on what one noticed."""
    if _NAME.search(reply.author.replace(".", " ").replace("@", " ").replace("_", " ")):
        return True
    return any("kernel test robot noticed" in line for remark in reply.remarks for line in remark.text)


def reports_of(reply: Reply) -> Iterator[RobotReport]:
    """What a robot reports, each place and message once; those it marks as new where it marks any."""
    lines = [
        line for remark in reply.remarks for line in (*(f">{one}" for one in remark.quoted), *remark.text)
    ]
    found = [match for line in lines if (match := _REPORT.match(line.strip()))]
    marked = [match for match in found if match["new"]]
    seen: dict[tuple[str, int], RobotReport] = {}
    for match in marked or found:
        if match["text"].startswith("note"):
            continue
        key = match["path"], int(match["line"])
        seen.setdefault(key, RobotReport(*key, match["text"].strip()))
    yield from seen.values()
