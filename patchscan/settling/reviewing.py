"""What a reviewer writes, told apart: what asks for something, and thanks, praise, greetings, trailers."""

import re
from collections.abc import Sequence

from patchscan.basics.pattern import pattern
from patchscan.mail.plainmail import name_and_address
from patchscan.results import Stance
from patchscan.series import Remark, Reply
from patchscan.settling.wishes import is_closing

_TRAILER = pattern(r"\s*[A-Z][A-Za-z-]*-by\s*[:;]\s*\S.*", re.I)
_ATTRIBUTION = pattern(r"\s*(?:On|Am|Le|At)\b.*\b(?:wrote|writes|schrieb|said)\s*:\s*")
_GREETING = pattern(r"\s*(?:hi|hello|hey|dear)\b[^.?]{0,60}", re.I)
_MARK = pattern(r"[\W_]*")
# Others are added to the recipients, or a quotation was cut short.
_COPIED = pattern(
    r"\s*\[?\s*(?:\+\s*cc\b.*|(?:cc['’]?ing|looping in)\b.*"
    r"|add(?:ed|ing)?\b.*\b(?:to (?:the )?cc|in cc|in the loop|folks)\b.*)\]?\s*",
    re.I,
)
_CUT = pattern(r"\W*(?:cut|snip(?:ped)?|skip(?:ped)?|trim(?:med)?)\W*", re.I)
_NICKNAME = pattern(r"\s*[A-Z][a-z]{2,11}\s*")
# What speaks of the words of a changelog and not of what the patch does.
_OF_WORDS = pattern(
    r"(?i)\bs[/#|][^/#|]+[/#|]|\b(?:typos?|spell\w*|re?wo?rd\w*|wording|rephrase\w*|gramma\w*|sentences?|paragraphs?"
    r"|change ?logs?|commit (?:message|log|msg|text|description)|descri\w+|explain\w*|mention\w*|expand|elaborate"
    r"|clari\w+|confus\w+|imperative|subject|titles?|fixes:? tag|fixes:|say\w*|what (?:is|does|do)\b|i\.e\."
    r"|unclear|not clear|redundant|drop this)\b|\$SUBJECT"
)
_OF_SUBJECT = pattern(
    r"(?i)\$subject|\b(?:patch |the |your )?(?:subject(?: line)?|patch title|subject prefix)\b"
)
_OF_CHANGELOG = pattern(
    r"(?i)\b(?:change ?log|commit (?:message|log|msg|text|description)|patch description)\b"
)
_OF_NAME = pattern(r"(?i)\b(?:re)?nam(?:e|es|ed|ing)\b|\bprefix|\bs/|\bcall (?:it|this)\b")
_BETWEEN_WORDS = pattern(r"\W+")


def own_words(remark: Remark, reply: Reply) -> str:
    """What a remark says, without the trailers given with it, greetings, and the reviewer's name below it."""
    around = (_TRAILER, _ATTRIBUTION, _MARK, _COPIED, _CUT)
    lines = [line if line.strip() else "" for line in remark.text]
    lines = [line for line in lines if not line or not any(each.fullmatch(line) for each in around)]
    while lines and (not lines[-1].strip() or _is_farewell(lines, reply.author)):
        lines.pop()
    while lines and (not lines[0].strip() or (_GREETING.fullmatch(lines[0]) and "?" not in lines[0])):
        del lines[0]
    return "\n".join(lines)


def gives_tag(remark: Remark) -> bool:
    """Whether a Reviewed-by or the like stands among the words of a remark."""
    return any(_TRAILER.fullmatch(line) for line in remark.text)


def _is_farewell(lines: Sequence[str], author: str) -> bool:
    """Whether the last line is a word of farewell, the reviewer's name, its initials, or a name set apart below."""
    line = lines[-1]
    name, address = name_and_address(author)
    known = [word.lower() for word in _BETWEEN_WORDS.split(f"{name} {address.partition('@')[0]}") if word]
    words = [word.lower() for word in _BETWEEN_WORDS.split(line) if word]
    initials = "".join(word[0] for word in name.lower().split())
    own = {*known, initials, *initials} if line.strip()[:1] == "-" or line.strip().isupper() else {*known}
    apart = len(lines) > 2 and not lines[-2].strip() and _NICKNAME.fullmatch(line) is not None
    return (
        is_closing(line)
        or (0 < len(words) < 4 and set(words) <= own)
        or _MARK.fullmatch(line) is not None
        or apart
    )


def speaks_of_words(text: str) -> bool:
    """Whether a remark below a changelog speaks of how that is written."""
    return bool(_OF_WORDS.search(text)) or len(text.split()) < 4


def speaks_of_subject(text: str) -> bool:
    """Whether a remark asks for another subject."""
    return bool(_OF_SUBJECT.search(text))


def speaks_of_changelog(text: str) -> bool:
    """Whether a remark names the changelog, wherever it stands."""
    return bool(_OF_CHANGELOG.search(text))


def speaks_of_name(text: str) -> bool:
    """Whether a remark asks for another name."""
    return bool(_OF_NAME.search(text))


_PROMISE = pattern(
    r"(?i)(?:\b(?:i|we)(?: will|['’]ll)|^\W*will|[.!,;] will|\band will) (?:\w+ )?(?:do|fix|change|update|add|remove"
    r"|drop|use|rename|move|address|correct|send|include|switch|convert|replace|split|rework|adjust|improve|make|try|take|put"
    r"|follow|clean|rephrase|reword)\b"
    r"|\b(?:done|fixed|changed|updated|removed|dropped|renamed|corrected|added)\b(?: in (?:v\d|the next)\w*)?[.!]?\s*$"
    r"|^\W*(?:sure|ok(?:ay)?|ack|agreed?|noted|got it|will do|good (?:catch|point|idea)|makes sense"
    r"|you(?:'re| are) right|oops|my bad)\b|\bin (?:the )?(?:next|v\d+)\b"
)
_AGREED = pattern(
    r"(?i)\W*(?:sure|ok(?:ay)?|ack|agreed?|will do|done|fixed|yes,|yeah,|good (?:catch|point|idea))\b"
)
_REFUSAL = pattern(
    r"(?i)^\W*(?:no|nope)\b"
    r"|\b(?:i|we) (?:don't|do not|didn't|can't|cannot|couldn't|would rather|prefer|disagree)\b"
    r"|\b(?:not (?:needed|necessary|possible|required)|no need|on purpose|intentional\w*|by design)\b"
)
_REASON = pattern(
    r"(?i)\b(?:hence|however|because|needed (?:to|for|because)|required (?:to|for|because)|found that|faulty)\b"
)


def stance(answer: str) -> Stance:
    """What the author's answer comes to: "promised", "declined", or "answered" where it is neither."""
    first = next((line for line in answer.split("\n") if line.strip()), "")
    if _AGREED.match(first) and "but" not in first.lower().split():
        return "promised"
    if _REFUSAL.search(answer):
        return "declined"
    promised = not gives_reason(answer) and any(_PROMISE.search(line) for line in answer.split("\n"))
    return "promised" if promised else "answered"


def gives_reason(answer: str) -> bool:
    """Whether an answer says why something is as it is."""
    return bool(_REASON.search(answer))


def quotes(quoted: Sequence[str], text: Sequence[str]) -> bool:
    """Whether a quotation holds what somebody wrote, one mark of quotation deeper; white space apart."""
    wanted = ["".join(line.split()) for line in text if line.strip()]
    there = {"".join(line.split()).lstrip(">") for line in quoted}
    held = sum(line in there for line in wanted)
    return bool(wanted) and held * 2 >= len(wanted)
