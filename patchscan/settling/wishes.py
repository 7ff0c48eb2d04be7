"""Whether a reviewer's words ask the author for something: praise, notices, reports of tests and asides do not."""

import re
from collections.abc import Iterable

from patchscan.basics.pattern import pattern
from patchscan.mail.plainmail import name_and_address

# Fewer words name what to write there: "PUD boundary".
_LEAST_OF_STATEMENT = 5
# An ellipsis within a sentence does not end it.
_SENTENCE = pattern(r"(?<=[!?:])\s+|(?<=(?<!\.)\.)\s+|\n\s*\n")
_SHORT = pattern(r"\b(esp|e\.g|i\.e|incl|approx|obv|vs|resp|cf)\.(?=\s)", re.I)
_CLOSING = pattern(
    r"\s*(?:(?:many |kind |best |warm )*(?:thanks|thank you|thx|ty|cheers|regards|br|best|sincerely|respectfully)"
    r"(?: again| a lot| in advance)?[,.!]*)(?:\s+[A-Z][a-z]+(?: [A-Z][a-z]+)?[.,]?)?\s*",
    re.I,
)
_GOOD = "good|okay|ok|fine|great|nice|sane|reasonable|correct|right|sensible|clean|an improvement"
_SUBJECTS = "the|this|all|it|that|these|rest|of|patch|patches|series|code|change|changes|others?"
_FEW = "just|a|one|two|some|few|couple|only|small|minor|more|other|of|tiny|quick"
_THINGS = "nits?|nitpicks?|points?|comments?|remarks?|questions?|suggestions?|things?"
_BETTER = (
    "clever|good|nice|great|neat|excellent|welcome|useful|better|much better|easier|clearer|simpler|cleaner"
)
_EMPTY = (
    r"(?:ok|okay|yes|yeah|yep|right|great|nice|cool|excellent|perfect|neat|good|awesome|fine|sure|lgtm|amazing|smart"
    r"|wonderful|lovely|sweet|(?:pretty |very )?straight-?for?ward|snip)"
    r"(?: (?:work|job|one|stuff|catch|idea|point|cleanup|find|patch|series|thing|to me|by me|with me))?",
    r"(?:many )?(?:thanks|thank you|thx)\b.*",
    rf"(?:(?:{_SUBJECTS}) )*(?:overall[ ,]+|in general[ ,]+)?(?:looks?|seems?|reads?|lgtm|is|are) (?:(?!not\b)\w+ )?"
    rf"(?:(?:pretty|totally|very|really|mostly) )?(?:{_GOOD})\b.{{0,60}}",
    r"(?:in general|overall)[ ,]+lgtm",
    rf"(?:i think )?(?:this|it|that|the above)(?: is|'s) (?:(?:an?|really|very|much) )*(?:{_BETTER})\b"
    r"(?! (?:to|not)\b(?! (?:follow|read|see|me)\b))(?!.*\b(?:if|when|with|as)\b).{0,60}",
    r"(?:i (?:also )?(?:think|agree)(?: too| that)* )?(?:this|it|that)(?: is|'s) (?:ok|okay|fine) to\b.*",
    r"(?:(?:the|this|patch|patches|series) )*(?:(?:is|are|now) )*"
    r"(?:applied|queued|merged|picked up|pushed|i(?:'ve| have) (?:applied|queued|picked))\b.*",
    rf"(?:(?:{_FEW}) )+(?:{_THINGS})\b.{{0,40}}",
    rf"(?:(?:{_FEW}|with|have|has|i have) )+\b[^?]{{0,60}}\b(?:below|inline)",
    r"(?:please )?(?:see|comments?|more)(?: \w+)? (?:below|inline)\b.{0,20}",
    r"(?:with|once|after|assuming) (?:this|that|these|those|it|the above)(?: (?:is|are|all|nits?|\w+ly))?"
    r" ?(?:fixed|addressed|changed|resolved|done|sorted|corrected|removed|in place|said|additions?|changes?|fix(?:es)?"
    r"|fixups?|tweaks?)\b[^?]{0,30}",
    r"with the (?:above|below) (?:additions?|changes?|fix(?:es)?|fixups?|tweaks?)\b[^?]{0,20}",
    r"(?:other than|apart from|except|outside of) (?:this|that|these|those|the above|it)\b[^?]{0,60}",
    r"(?:feel free|you can) .*\b(?:add|keep)\b.*(?:by|tag)\b.*",
    r"(?:re)?viewed and tested\b.*",
    r"(?:(?:gentle|friendly) )?ping\b.{0,40}",
    r"anyway|so|(?:feel free to|you can|please) add|(?:this |it |that )?makes sense(?: to me)?|for this one",
    r"(?:good|nice|great) (?:catch|work|job|comment|idea|point|find|cleanup)\b.{0,30}",
    # "Given the tests on x86 this looks good to me, so:"
    r"(?:after|given|esp|especially|from|and|for|to me|i think|overall)\b.{0,120}"
    r"\b(?:lgtm|(?:looks (?:all )?|it is |they are )(?:good|fine|ok|okay|great)(?: to me| now)*)(?:,? so)?",
    # What a maintainer is about to do asks nothing of the author.
    r"(?:i'll|i will|i'm going to) (?:\w+ )?(?:hoist|apply|queue|pick|take|merge|push|route|carry|send|rebase)\b.*",
    r"(?:yes, )?(?:see|as in) (?:also )?my (?:reply|comments?)\b.*",
)
_LEAD = "(?:but )?otherwise|ok|okay|so|smart|nice|great|cool|yep|yes|ack|agreed"
_PRAISE = pattern(rf"\W*(?:(?:{_LEAD})[ ,]+)*(?:{'|'.join(_EMPTY)})?\W*", re.I)
# What only points at other remarks: "Other than the nits below, LGTM".
_EXCEPT = "otherwise|other than|apart from|besides|except for|modulo|aside from"
_POINTER = pattern(
    rf"\W*(?:{_EXCEPT}) (?:the|that|this|a|some|few|these|those|my)\b[^?]*\b(?:{_THINGS}|issues?|above|below)\b[^?]*"
    rf"|\W*(?:(?:{_FEW}) )+[^?]{{0,60}}\bbelow, no need\b[^?]*",
    re.I,
)
_PARTS = pattern(r"[,;]\s+|\s+and\s+")
_OBJECTS = pattern(
    r"\?|\b(?:but|however|should|could|would|instead|except|although|though|please|nit:|missing|wrong|why|not sure)\b",
    re.I,
)
_MARK = pattern(r"[\W_]*")
# Beside approval only what has one of these words asks for something; a statement explains, or tells of a test.
_VERBS = (
    "use|drop|add|remove|rename|make|move|put|fix|try|check|keep|replace|split|squash|fold|mention|document|explain"
    "|describe|update|change|avoid|convert|switch|reorder|sort|align|wrap|resend|rebase|rephrase|reword|return|call|test"
)
_ASKS = pattern(
    r"\?|;\s*$|^\s*[+-]\s|^\W*(?:cc|fixes|closes|link)\s*:|\bs/\w"
    r"|\b(?:should|could|would|must|needs?|ought|might|may|can|cannot|have to|has to|let's|please|why|what about"
    r"|how about|worth|not|\w+n['’]t|no|never|nothing|nor|none|but|however|instead|although|though|otherwise|yet|unless"
    r"|only|also|too|if (?:you|we|this|it)|nits?|nitpick\w*|typos?|spell\w*|ditto|same here|comments?"
    r"|questions?|concerns?|minor|problems?|issues?|bugs?|buggy|leak\w*|rac(?:e|es|y)|deadlock\w*|crash\w*|broken"
    r"|breaks?|wrong\w*|incorrect\w*|missing|miss(?:es)?|fail\w*|errors?|warnings?|redundant|pointless|useless|stale|unclear"
    r"|confus\w*|odd|weird|strange|ugly|un(?:necessary|needed|used|related|safe)|hard to|i'd|prefer\w*|better"
    r"|suggest\w*|maybe|perhaps|wonder\w*|recommend\w*|consider\w*|im(?:h)?o)\b"
    rf"|(?:^\W*|[,;:]\s+)(?:(?:just|also|then|so|and|or|now) )*(?:{_VERBS})\b",
    re.I,
)
_TROUBLES = "issues?|problems?|regressions?|complaints?|objections?|concerns?|comments?|differences?|surprises?|errors?"
# What reviewers say of themselves: "but I've never used that interface, so not sure if it fits".
_SELF = r"\bi(?:['’]m| am|['’]ve| have| do| did) ?(?:n['’]t|not|no|never)? (?:an? |the |really )*"
_LIMITS = "expert|familiar|versed|added anything|used|worked|touched|tested|know (?:much|enough|this)"
_ASIDES = pattern(
    rf"\b(?:no|without|without any) (?:further |other |more |real |major |new )?(?:{_TROUBLES})\b|\b0 \w+"
    r"|\bi also\b|\bi (?:did not|didn['’]t) (?:expect|know|notice|spot)\b|\b(?:did not|didn['’]t) notice\b[^.?!]*"
    rf"|\bhopefully\b[^.?!]*|(?:,? ?\bbut )?{_SELF}(?:{_LIMITS})\b(?:(?!\bbut\b)[^.?!])*"
    r"|^\W*(?:before|without|prior to) (?:the|this|your) (?:fix|patch|change|series)\b.*",
    re.I,
)
_APPROVAL = pattern(
    r"\W*(?:lgtm|looks (?:good|fine|ok|okay|great|correct)|(?:ok|okay|fine) (?:with|for|to) "
    r"|i(?:'m| am)(?: still)? (?:fine|ok|okay)|(?:re-?)?tested (?:this|on|with|it)"
    r"|(?:[^.?!]{0,40}, )?i (?:have |also |re-?)*(?:tested|ran)\b)",
    re.I,
)
_DONE = "applied|queued|merged|pushed"
_APPLIED = pattern(
    r"\W*(?:(?:many )?(?:thanks|thank you)\b[^.\n]*[,.!]\s*)*(?:(?:the|this|patch|patches|series|all|both) )*"
    rf"(?:(?:is|are|was|now) )*(?:{_DONE}|i(?:'ve| have) (?:just )?(?:{_DONE}|added))\b[^.:!\n]*",
    re.I,
)
_LISTED = pattern(r"^\s*(?:\[[0-9]+/[0-9]+\] \S|commit: [0-9a-f]{7,})", re.M)
_ADDRESS = pattern(r"\bhttps?://\S+")
_PROMPT = pattern(
    r"\s*(?:\$ ?|# ?(?!(?:if|ifn?def|el\w+|endif|define|undef|include|pragma|error|warning)\b))[\w./]"
)
_OUTPUT = pattern(r"\s*\[\s*[0-9]+\.[0-9]+\].*|.*[:\s](?:PASS(?:ED)?|OK)\s*")
_AND = r"(?:\s*[,/&]\s*|\s+and\s+)"
_NAMES = pattern(rf"\s*(?:(?:hi|hello|hey|dear)\s+)?(\w[\w'-]+(?:{_AND}\w[\w'-]+)*)\s*[,:!-]?\s*", re.I)
_NAME_PARTS = pattern(_AND, re.I)
_BETWEEN_WORDS = pattern(r"\W+")
_BETWEEN_SPOKEN_WORDS = pattern(r"[^\w'-]+")


def asks_something(text: str, tagged: bool = False) -> bool:
    """Whether words ask for a change or an answer: more than thanks, praise, notices and talk around other remarks.

    tagged: a Reviewed-by or the like is given with these words; then what only states things is no remark.
    """
    sentences = _sentences(text)
    left = [one for one in sentences if not is_empty(one)]
    if not left:
        return False
    applied = _APPLIED.match(text)
    if applied and not _OBJECTS.search(applied[0]):
        return not _LISTED.search(text) and any(_OBJECTS.search(one) for one in left)
    if not tagged and not _APPROVAL.match(sentences[0]):
        return True
    said = [one for one in _sentences(_without_output(text)) if not is_empty(one)]
    words = sum(len(one.split()) for one in said)
    return 0 < words < _LEAST_OF_STATEMENT or any(_ASKS.search(_ASIDES.sub(" ", one)) for one in said)


def _without_output(text: str) -> str:
    """A text without what programs printed."""
    lines: list[str] = []
    printed = False
    for line in text.split("\n"):
        printed = bool(line.strip()) and (printed or _PROMPT.match(line) is not None)
        if not printed and not _OUTPUT.fullmatch(line):
            lines.append(line)
    return "\n".join(lines)


def _sentences(text: str) -> list[str]:
    """The sentences, each on one line, with a word in place of each link."""
    whole = _SHORT.sub(r"\1", _ADDRESS.sub("link", text))
    return [" ".join(one.split()) for one in _SENTENCE.split(whole) if one.strip()]


def is_empty(sentence: str) -> bool:
    """Whether a sentence is thanks, praise or talk around remarks."""
    if _MARK.fullmatch(sentence) or is_closing(sentence) or _POINTER.fullmatch(sentence):
        return True
    if _OBJECTS.search(sentence):
        return False
    parts = (part for part in _PARTS.split(sentence) if part.strip())
    return bool(_PRAISE.fullmatch(sentence)) or all(_PRAISE.fullmatch(part) for part in parts)


def is_closing(line: str) -> bool:
    """Whether a line is a word of farewell, with or without a name."""
    return bool(_CLOSING.fullmatch(line))


def turns_to_others(text: str, author: str, others: Iterable[str]) -> bool:
    """Whether words begin with the names of people other than the author of a patch, and do not name the author.

    author, others: "Name <address>"; a word is taken for a name if others have it, or one that stands beside it.
    """
    found = _NAMES.fullmatch(text.lstrip().partition("\n")[0])
    if found is None:
        return False
    own = _names_of(author)
    known = {name for each in others for name in _names_of(each)} - own
    called = {name.lower() for name in _NAME_PARTS.split(found[1])}
    words = {word.lower() for word in _BETWEEN_WORDS.split(text)}
    return (called <= known or (len(called) > 1 and bool(called & known))) and not own & words


def _names_of(person: str) -> set[str]:
    name, address = name_and_address(person)
    plain = name or address.partition("@")[0]
    return {word.lower() for word in _BETWEEN_SPOKEN_WORDS.split(plain) if len(word) > 1}
