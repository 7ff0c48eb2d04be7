"""Review remarks on an older revision, tied to the lines they speak of, and what a newer one made of these lines."""

from collections.abc import Iterator, Sequence

from patchscan.basics.pattern import pattern
from patchscan.basics.record import frozen
from patchscan.finding import CHANGELOG
from patchscan.mail.plainmail import name_and_address
from patchscan.results import Answered, AnsweredState
from patchscan.series import Patch, Remark, Reply, Series, Thread
from patchscan.settling.alignment import Alignment, FilePair, likest, region_of
from patchscan.settling.quotation import Said, Spoken, line_spoken_of, lines_of, without_wrapped
from patchscan.settling.reviewing import (
    gives_reason,
    gives_tag,
    own_words,
    quotes,
    speaks_of_changelog,
    speaks_of_name,
    speaks_of_subject,
    speaks_of_words,
    stance,
)
from patchscan.settling.revisions import standing
from patchscan.settling.robots import RobotReport, is_robot, reports_of
from patchscan.settling.wishes import asks_something, turns_to_others

# A remark that quotes many lines speaks of the last ones, and often of what should follow.
_LINES_ABOVE = 6
_LINES_BELOW = 2
_MOST_QUOTED_BACK = 300
# What stands where a line was is shown, unless it is a text of its own.
_MOST_INSTEAD = 12
_TAG = pattern(r"(?i)\b(fixes|closes|link|cc|reported-by|suggested-by|co-developed-by|stable)\b(?:[: ]+tag)?")
_WORD = pattern(r"[A-Za-z_]\w*")
_CALLED = pattern(r"\b([a-z_]\w{3,})\(\)")
_FILE = pattern(r"(?<![\w./-])[\w./-]{1,200}\.(?:[chS]|rst|yaml|dtsi?|rs)\b")
_IDENTIFIER = pattern(r"\b(?:[a-z]\w*_\w+|[A-Z][A-Z0-9_]{4,})\b")


@frozen
class Became:
    """What became of a line: a state of results.Answered, and the newer line where there is one to show."""

    state: AnsweredState
    after: str = ""


def answers(older: Thread, newer: Series) -> tuple[Answered, ...]:
    """What became of each review remark of a thread's first series, in the order of the replies.

    A remark is a reviewer's own text, most often below a quotation of a patch, or a report of a robot; what the author
    writes, answers in a discussion, thanks, praise and given trailers are none.
    """
    if not older.series:
        return ()
    # A revision that was sent twice is answered under either.
    same = [each for each in older.series if standing(each) == standing(older.series[0])]
    patches = {patch.message_id: patch for each in same for patch in each.mails if patch.message_id}
    alignment = Alignment(older.series[0], newer)
    found: dict[tuple[str, str, int, str], Answered] = {}
    for reply in older.replies:
        patch = patches.get(reply.parent or "")
        if patch is None or address(reply.author) == address(patch.author):
            continue
        if is_robot(reply):
            said = [_reported(each, reply, patch, alignment) for each in reports_of(reply)]
        else:
            said = list(_remarks_of(reply, patch, alignment, older))
        for one in said:
            found.setdefault((one.message_id, one.path, one.line, one.text), one)
    return tuple(found.values())


def address(author: str) -> str:
    """The address of "Name <address>"."""
    return name_and_address(author)[1].lower() or author.lower()


def _remarks_of(reply: Reply, patch: Patch, alignment: Alignment, older: Thread) -> Iterator[Answered]:
    others = (*patch.recipients, *(each.author for each in older.replies))
    for whole in reply.remarks:
        remark = without_wrapped(whole, patch)
        text = own_words(remark, reply)
        elsewhere = turns_to_others("\n".join(remark.text), patch.author, others)
        if asks_something(text, gives_tag(remark)) and not elsewhere:
            yield _answered(remark, text, reply, patch, alignment, older)


def _answered(
    remark: Remark, text: str, reply: Reply, patch: Patch, alignment: Alignment, older: Thread
) -> Answered:
    """What the newer series made of the line that a remark speaks of, and what the author said to it."""
    spoken = line_spoken_of(remark, patch)
    answer = author_on(remark, reply, patch, older)
    kind = stance(answer) if answer else ""
    defended = kind == "declined" or gives_reason(answer)
    became = _state(spoken, text, defended, patch, alignment)
    line = spoken.line if spoken else None
    told = announced(text, line, alignment)
    if became.state == "unchanged" and not defended:
        became = _elsewhere(text, patch, alignment) or (Became("announced") if told else became)
    return Answered(
        author=reply.author,
        message_id=reply.message_id,
        patch=patch.index,
        path=line.path if line else "",
        line=line.number if line else 0,
        quoted=line.text if line else "",
        text=" ".join(text.split()),
        state=became.state,
        after=became.after,
        stance=kind,
        answer=" ".join(answer.split())[:_MOST_QUOTED_BACK],
        announced=told,
    )


def _reported(report: RobotReport, reply: Reply, patch: Patch, alignment: Alignment) -> Answered:
    """A report of a robot, tied by its own path and line: in the patch it answers, else in one of the series."""
    own = (patch, *(each for each in alignment.older.patches if each is not patch))
    places = ((one, at, line) for one in own for at, line in enumerate(lines_of(one)))
    place = next(
        (
            (one, Spoken(line, at, 1))
            for one, at, line in places
            if line.path == report.path and line.number == report.line and line.kind != "-"
        ),
        None,
    )
    became = _state(place[1], report.text, False, place[0], alignment) if place else Became("unclear")
    return Answered(
        author=reply.author,
        message_id=reply.message_id,
        patch=place[0].index if place else patch.index,
        path=report.path,
        line=report.line,
        quoted=place[1].line.text if place else "",
        text=report.text,
        state=became.state,
        after=became.after,
    )


def author_on(remark: Remark, reply: Reply, patch: Patch, older: Thread) -> str:
    """What the author wrote below a remark, in answer to the mail it stands in; "" where nothing."""
    for other in older.replies:
        if other.parent == reply.message_id and address(other.author) == address(patch.author):
            for one in other.remarks:
                if quotes(one.quoted[-40:], remark.text[-6:]):
                    return "\n".join(one.text)
    return ""


def _state(spoken: Spoken | None, text: str, defended: bool, patch: Patch, alignment: Alignment) -> Became:
    now = alignment.counterpart(patch)
    if speaks_of_subject(text) and (spoken is None or spoken.line.path == CHANGELOG):
        if now is None:
            return Became("gone")
        return Became("unchanged") if now.title == patch.title else Became("changed", now.title)
    if spoken is None:
        return Became("unclear")
    if spoken.line.path == CHANGELOG:
        return _in_changelog(spoken.line, text, patch, now)
    pair = alignment.file(patch, spoken.line.path)
    if pair is None:
        return Became("gone")
    at = next((number for number, line in enumerate(pair.old) if line == spoken.line), None)
    return Became("unclear") if at is None else _in_code(at, spoken, text, defended, pair)


def _in_code(at: int, spoken: Spoken, text: str, defended: bool, pair: FilePair) -> Became:
    """What became of a line of a file; one that the author defended is not looked for in what is farther away."""
    if at not in pair.same:
        start, end = pair.replaced[at]
        after = likest(pair.old[at].text, pair.new[start:end])
        if after:
            return Became("changed", after.text)
        instead = (line.text for line in pair.new[start:end] if line.text.strip())
        return Became("gone", next(instead, "") if end - start <= _MOST_INSTEAD else "")
    new = pair.new[pair.same[at]]
    if new.text != pair.old[at].text and (speaks_of_name(text) or _defines(pair.old[at].text)):
        return Became("changed", new.text)
    start, end = region_of(pair.old, at)
    near = _around(pair.old, at, min(spoken.company + 1, _LINES_ABOVE))
    changed = _change_in(pair, near)
    if changed is None and not defended:
        changed = _change_in(pair, range(start, end))
    return Became("unchanged") if changed is None else Became("near", changed)


def _around(lines: Sequence[Said], at: int, above: int) -> range:
    """The places next to a line in its hunk: so many above, and those below."""
    hunk = lines[at].hunk
    places = [
        n for n in range(max(0, at - above), min(len(lines), at + _LINES_BELOW + 1)) if lines[n].hunk == hunk
    ]
    return range(places[0], places[-1] + 1)


def _defines(text: str) -> bool:
    """Whether a line begins a definition, so that another name in it is a change of its own."""
    return text[:1].isalpha() or text.startswith(("#define", "_"))


def _change_in(pair: FilePair, places: Sequence[int]) -> str | None:
    """The first line that differs, is gone or came in between places of the older file; None where none does."""
    last: int | None = None
    for at in places:
        now = pair.same.get(at)
        if now is None:
            if not pair.old[at].text.strip():
                continue
            start, end = pair.replaced[at]
            after = likest(pair.old[at].text, pair.new[start:end])
            return after.text if after else ""
        between = pair.new[last + 1 : now] if last is not None else ()
        added = [line.text for line in between if line.text.strip()]
        if added:
            return added[0]
        if now is not None and pair.new[now].text != pair.old[at].text and _defines(pair.old[at].text):
            return pair.new[now].text
        last = now
    return None


def _in_changelog(line: Said, text: str, patch: Patch, now: Patch | None) -> Became:
    """What became of a line of a changelog; a remark below it that is not on its words may be on the whole patch."""
    if now is None:
        return Became("gone")
    if (tag := _TAG.search(text)) and _given(tag[1], now) > _given(tag[1], patch):
        return Became("changed")
    paragraphs = _paragraphs(now.changelog)
    plain = " ".join(line.text.split())
    own = next((one for one in _paragraphs(patch.changelog) if plain in one), plain)
    if not any(plain in one for one in paragraphs):
        # The cover letter is spoken of as a whole, unless it is for its words.
        whole = patch.index == 0 and not speaks_of_words(text)
        return Became("unclear") if whole else Became("changed", _likest_line(line.text, now.changelog))
    if not speaks_of_words(text):
        return Became("unclear")
    old = _paragraphs(patch.changelog)
    if own not in paragraphs or own not in old:
        return Became("near")
    beside = [[*(["", *each])[each.index(own) : each.index(own) + 3]] for each in (old, paragraphs)]
    return Became("unchanged") if beside[0] == beside[1] else Became("near")


def _given(key: str, patch: Patch) -> int:
    """How many trailers of a key a patch has; "stable" is a Cc to that list."""
    word = key.lower()
    return sum(
        each.key.lower() == word or (word == "stable" and "stable@" in each.value) for each in patch.trailers
    )


def _paragraphs(changelog: Sequence[str]) -> list[str]:
    """The paragraphs, each on one line, so that other line ends do not matter."""
    return [" ".join(one.split()) for one in "\n".join(changelog).split("\n\n") if one.strip()]


def _likest_line(text: str, lines: Sequence[str]) -> str:
    found = likest(text, (Said(CHANGELOG, number, "", line) for number, line in enumerate(lines, 1)))
    return found.text if found else ""


def announced(text: str, line: Said | None, alignment: Alignment) -> str:
    """What the newer cover letter or notes newly say of what a remark is about, "" where nothing."""
    wanted = set(_IDENTIFIER.findall(text)) | set(_IDENTIFIER.findall(line.text if line else ""))
    items = (one.strip() for one in alignment.told if one.strip()[:1] in ("-", "*", "+", "o"))
    return next((one for one in items if wanted.intersection(_IDENTIFIER.findall(one))), "") if wanted else ""


def _elsewhere(text: str, patch: Patch, alignment: Alignment) -> Became | None:
    """What the newer revision changes elsewhere, by a name or a file that the remark brings up; None for nothing."""
    now = alignment.counterpart(patch)
    if speaks_of_changelog(text) and now is not None and now.changelog != patch.changelog:
        return Became("near")
    names = set(_IDENTIFIER.findall(text)) | {found[1] for found in _CALLED.finditer(text)}
    names -= alignment.new_names()
    files = {found[0].rpartition("/")[2] for found in _FILE.finditer(text)}
    before = {change.path for patch in alignment.older.patches for change in patch.files}
    for line in alignment.fresh:
        named = line.path not in before and line.path.rpartition("/")[2] in files
        if named or names.intersection(_WORD.findall(line.text)):
            return Became("near", line.text)
    return None
