"""What a reviewer writes, told apart: what asks for something, and thanks, praise, greetings, trailers."""

import re
from collections.abc import Sequence

from patchscan.basics.pattern import pattern
from patchscan.mail.plainmail import name_and_address
from patchscan.series import Remark, Reply

_SENTENCE = pattern(r"(?<=[.!?:])\s+|\n\s*\n")
_TRAILER = pattern(r"\s*[A-Z][A-Za-z-]*-by\s*:\s*\S.*", re.I)
_ATTRIBUTION = pattern(r"\s*(?:On|Am|Le|At)\b.*\b(?:wrote|writes|schrieb|said)\s*:\s*")
_CLOSING = pattern(
    r"\s*(?:(?:many |kind |best |warm )*(?:thanks|thank you|thx|ty|cheers|regards|br|best|sincerely|respectfully)"
    r"(?: again| a lot| in advance)?[,.!]*)(?:\s+[A-Z][a-z]+(?: [A-Z][a-z]+)?[.,]?)?\s*",
    re.I,
)
_GREETING = pattern(r"\s*(?:hi|hello|hey|dear)\b[^.?]{0,60}", re.I)
_GOOD = "good|okay|ok|fine|great|nice|sane|reasonable|correct|right|sensible|clean|an improvement"
_SUBJECTS = "the|this|all|it|that|these|rest|of|patch|patches|series|code|change|changes"
_FEW = "just|a|one|two|some|few|couple|only|small|minor|more|other|of|tiny|quick"
_THINGS = "nits?|nitpicks?|points?|comments?|remarks?|questions?|suggestions?|things?"
_EMPTY = (
    r"(?:ok|okay|yes|yeah|yep|right|great|nice|cool|excellent|perfect|neat|good|awesome|fine|sure|lgtm|amazing)"
    r"(?: (?:work|job|one|stuff|catch|idea|point|cleanup|find|patch|series|thing|to me|by me|with me))?",
    r"(?:many )?(?:thanks|thank you|thx)\b.*",
    rf"(?:(?:{_SUBJECTS}) )*(?:overall[ ,]+)?(?:looks?|seems?|reads?|lgtm|is|are) (?:(?!not\b)\w+ )?"
    rf"(?:(?:pretty|totally|very|really|mostly) )?(?:{_GOOD})\b.{{0,60}}",
    r"(?:i think )?(?:this|it|that) is (?:(?:an?|really|very) )*"
    r"(?:clever|good|nice|great|neat|excellent|welcome|useful|better|much better)\b.{0,60}",
    r"(?:(?:the|this|patch|patches|series) )*(?:(?:is|are|now) )*"
    r"(?:applied|queued|merged|picked up|pushed|i(?:'ve| have) (?:applied|queued|picked))\b.*",
    rf"(?:(?:{_FEW}) )+(?:{_THINGS})\b.{{0,40}}",
    r"(?:please )?(?:see|comments?|more)(?: \w+)? (?:below|inline)\b.{0,20}",
    r"(?:with|once|after|assuming) (?:this|that|these|those|it|the above)(?: (?:is|are|all|nits?|\w+ly))?"
    r" ?(?:fixed|addressed|changed|resolved|done|sorted|corrected|removed|in place|said)\b[^?]{0,30}",
    r"(?:other than|apart from) (?:this|that|these|those|the above|it)\b[^?]{0,60}",
    r"(?:feel free|you can) .*\b(?:add|keep)\b.*(?:by|tag)\b.*",
    r"(?:re)?viewed and tested\b.*",
    r"(?:(?:gentle|friendly) )?ping\b.{0,40}",
    r"anyway|so|feel free to add|(?:this |it |that )?makes sense(?: to me)?|smart|snip",
    r"(?:good|nice|great) (?:catch|work|job|comment|idea|point|find|cleanup)\b.{0,30}",
    # "Given the tests on x86 this looks good to me, so:"
    r"(?:after|given|esp|especially|from|and|for|to me|i think|overall)\b.{0,120}"
    r"\b(?:lgtm|looks (?:all )?(?:good|fine|ok|okay|great)(?: to me| now)*)(?:,? so)?",
)
_PRAISE = pattern(rf"\W*(?:(?:but )?otherwise\b[ ,]*|so[ ,]+)?(?:{'|'.join(_EMPTY)})?\W*", re.I)
_PARTS = pattern(r"[,;]\s+|\s+and\s+")
_OBJECTS = pattern(
    r"\?|\b(?:but|however|should|could|would|instead|except|although|though|please|nit:|missing|wrong|why|not sure)\b",
    re.I,
)
_MARK = pattern(r"[\W_]*")
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


def own_words(remark: Remark, reply: Reply) -> str:
    """What a remark says, without the trailers given with it, greetings, and the reviewer's name below it."""
    around = (_TRAILER, _ATTRIBUTION, _MARK)
    lines = [line if line.strip() else "" for line in remark.text]
    lines = [line for line in lines if not line or not any(each.fullmatch(line) for each in around)]
    while lines and (not lines[-1].strip() or _is_closing(lines[-1], reply.author)):
        lines.pop()
    while lines and (not lines[0].strip() or (_GREETING.fullmatch(lines[0]) and "?" not in lines[0])):
        del lines[0]
    return "\n".join(lines)


def _is_closing(line: str, author: str) -> bool:
    name, address = name_and_address(author)
    known = {word.lower() for word in re.split(r"\W+", f"{name} {address.partition('@')[0]}") if word}
    words = [word.lower() for word in re.split(r"\W+", line) if word]
    return (
        bool(_CLOSING.fullmatch(line))
        or (0 < len(words) < 4 and set(words) <= known)
        or _MARK.fullmatch(line) is not None
    )


def asks_something(text: str) -> bool:
    """Whether words ask for a change or an answer: more than thanks, praise, and what leads to other remarks."""
    sentences = [" ".join(one.split()) for one in _SENTENCE.split(text) if one.strip()]
    return any(not is_empty(one) for one in sentences)


def is_empty(sentence: str) -> bool:
    """Whether a sentence is thanks, praise or talk around remarks."""
    if _MARK.fullmatch(sentence) or _CLOSING.fullmatch(sentence):
        return True
    if _OBJECTS.search(sentence):
        return False
    parts = (part for part in _PARTS.split(sentence) if part.strip())
    return bool(_PRAISE.fullmatch(sentence)) or all(_PRAISE.fullmatch(part) for part in parts)


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
    r"(?i)\b(?:will|i'll|we'll|'ll) (?:\w+ )?(?:do|fix|change|update|add|remove|drop|use|rename|move|address|correct"
    r"|send|include|switch|convert|replace|split|rework|adjust|improve|make|try|take|put|follow|clean|rephrase|reword)\b"
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
    r"|\b(?:not (?:needed|necessary|possible|required)|no need|on purpose|intentional\w*|by design|hence|however)\b"
    r"|\b(?:because|needed (?:to|for|because)|required (?:to|for|because))\b|\bfound that\b|\bfaulty\b"
)


def stance(answer: str) -> str:
    """What the author's answer comes to: "promised", "declined", or "answered" where it is neither."""
    first = next((line for line in answer.split("\n") if line.strip()), "")
    if _AGREED.match(first) and "but" not in first.lower().split():
        return "promised"
    if _REFUSAL.search(answer):
        return "declined"
    return "promised" if any(_PROMISE.search(line) for line in answer.split("\n")) else "answered"


def quotes(quoted: Sequence[str], text: Sequence[str]) -> bool:
    """Whether a quotation holds what somebody wrote, one mark of quotation deeper; white space apart."""
    wanted = ["".join(line.split()) for line in text if line.strip()]
    there = {"".join(line.split()).lstrip(">") for line in quoted}
    held = sum(line in there for line in wanted)
    return bool(wanted) and held * 2 >= len(wanted)
