"""Messages to series and replies, and the choice of the series to scan."""

import email.utils
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace

from patchscan.body import Body, read_trailers, split_body
from patchscan.diff import read_diff
from patchscan.mail import Message
from patchscan.paths import TOP_DIRECTORIES
from patchscan.problem import Problem
from patchscan.replies import read_reply
from patchscan.series import LeftOut, Patch, Reply, Series, Thread
from patchscan.subject import Subject, parse_subject


@dataclass(frozen=True)
class _Posted:
    """A patch or cover letter as it was posted."""

    message: Message
    subject: Subject
    body: Body
    patch: Patch

    @property
    def signature(self) -> tuple[int, int]:
        """What the mails of one posting have in common."""
        return self.subject.revision, self.subject.total


def group(messages: Sequence[Message], problems: Iterable[Problem], revision: int | None) -> Thread:
    """The body of series.read_thread(), which see."""
    found = list(problems)
    posted: list[_Posted] = []
    replies: list[Reply] = []
    for message in _without_copies(messages, found):
        kind, subject, body = _classify(message)
        if kind == "reply":
            replies.append(read_reply(message))
        elif kind == "patch" and body:
            posted.append(_read_patch(message, subject, body, found))
        else:
            found.append(Problem(message.where, f'"{message.subject[:100]}" is no patch: {kind}; left out'))
    all_series = [_series(posting, found) for posting in _postings(posted, replies)]
    return _choose(all_series, tuple(replies), found, revision)


def _without_copies(messages: Sequence[Message], problems: list[Problem]) -> list[Message]:
    """Leave out what came a second time under the same Message-ID, as mails to several lists do."""
    kept: list[Message] = []
    first: dict[str, Message] = {}
    for message in messages:
        earlier = first.setdefault(message.message_id, message) if message.message_id else message
        if earlier is message:
            kept.append(message)
        elif _content(earlier) != _content(message):
            other = f"differs from {earlier.where}, which has the same Message-ID; left out"
            problems.append(Problem(message.where, other))
    return kept


def _content(message: Message) -> tuple[str, ...]:
    """What two copies of a mail have in common, list footers and white space apart."""
    body = split_body(message.body)
    changed = tuple(line for line in body.diff if line.startswith(("+", "-")) and not line.startswith("--"))
    return (message.subject, *(changed or body.changelog[:20]))


def _classify(message: Message) -> tuple[str, Subject, Body | None]:
    """ "patch", "reply", or why it is neither; the parsed subject; the body of a patch."""
    subject = parse_subject(message.subject)
    if subject.reply:
        return "reply", subject, None
    if subject.no_patch:
        return subject.no_patch, subject, None
    body = split_body(message.body, cover=subject.numbered and subject.index == 0)
    in_body = parse_subject(body.headers.get("subject", ""))
    if in_body.patch or (in_body.title and not subject.patch):
        subject = in_body
    is_cover = subject.numbered and subject.index == 0
    if body.diff or is_cover:
        return "patch", subject, body
    quotes = any(line.startswith(">") for line in message.body.split("\n"))
    if message.parent and (quotes or not subject.patch):
        return "reply", subject, None
    if subject.patch:
        return "patch", subject, body
    return "neither a diff nor [PATCH] in its subject", subject, None


def _read_patch(message: Message, subject: Subject, body: Body, problems: list[Problem]) -> _Posted:
    files, troubles = read_diff(body.diff, message.where)
    problems.extend(troubles)
    if not files and not troubles and not (subject.numbered and subject.index == 0):
        problems.append(
            Problem(message.where, f'no patch found in "{message.subject[:100]}": it holds no diff')
        )
    title = subject.title or (body.changelog[0] if body.changelog else message.where)
    patch = Patch(
        index=subject.index,
        total=subject.total,
        revision=subject.revision,
        subject=message.subject or title,
        title=title,
        author=body.headers.get("from", message.author),
        date=message.date,
        message_id=message.message_id,
        changelog=body.changelog,
        trailers=read_trailers(body.changelog),
        notes=body.notes,
        files=files,
    )
    return _Posted(message, subject, body, patch)


def _postings(posted: Sequence[_Posted], replies: Sequence[Reply]) -> list[list[_Posted]]:
    """Sort what was posted into postings: mails that were sent together, by thread, revision and total."""
    by_id = {one.message.message_id: one for one in posted if one.message.message_id}
    answered = {reply.parent for reply in replies} | {one.message.parent for one in posted}
    postings: dict[object, list[_Posted]] = {}
    for order, one in enumerate(posted):
        if one.message.references or one.message.message_id in answered:
            key: object = (_head(one, by_id) if one.subject.numbered else order, one.signature)
        elif one.subject.numbered:
            key = _unthreaded_key(one, postings)
        else:
            key = (
                "unnumbered",
                one.subject.revision,
                sum(_same_title(one, other) for other in posted[:order]),
            )
        postings.setdefault(key, []).append(one)
    return _with_adopted_covers(list(postings.values()))


def _head(one: _Posted, by_id: Mapping[str, _Posted]) -> str:
    """The Message-ID that the mails of one posting hang from: their cover letter's, or what it replies to."""
    seen: set[str] = set()
    while one.subject.index != 0 and one.message.message_id not in seen:
        seen.add(one.message.message_id)
        above = (by_id[name] for name in reversed(one.message.references) if name in by_id)
        parent = next((other for other in above if other.signature == one.signature), None)
        if parent is None or not parent.subject.numbered:
            return one.message.references[0] if one.message.references else one.message.message_id
        one = parent
    return one.message.message_id


def _unthreaded_key(one: _Posted, postings: Mapping[object, list[_Posted]]) -> object:
    """The posting of mails that name no other: files of git format-patch, a queue. A number begins a new one
    where it is there already; mails with Message-IDs must also be from one sender."""
    sender = one.message.author if one.message.message_id else ""
    for turn in range(len(postings) + 1):
        key = ("unthreaded", one.signature, sender, turn)
        if all(other.subject.index != one.subject.index for other in postings.get(key, ())):
            return key
    return one


def _same_title(one: _Posted, other: _Posted) -> bool:
    return one.subject.title == other.subject.title and one.subject.revision == other.subject.revision


def _with_adopted_covers(postings: list[list[_Posted]]) -> list[list[_Posted]]:
    """Give a cover letter that stands alone (its revision differs) to the patches that reply to it."""
    alone = {
        posting[0].message.message_id: posting
        for posting in postings
        if len(posting) == 1 and posting[0].subject.numbered and posting[0].subject.index == 0
    }
    for posting in postings:
        first = posting[0]
        if any(one.subject.index == 0 for one in posting) or not first.subject.numbered:
            continue
        parent = first.message.parent or ""
        if parent in alone:
            posting.insert(0, alone.pop(parent)[0])
            postings = [other for other in postings if other == posting or other[0] is not posting[0]]
    return postings


def _series(posting: Sequence[_Posted], problems: list[Problem]) -> Series:
    """One posting as a series, its patches in order."""
    numbered = posting[0].subject.numbered
    latest: dict[int, _Posted] = {}
    for order, one in enumerate(posting, 1):
        number = one.subject.index if numbered else order
        other = latest.get(number)
        if other is None:
            latest[number] = one
            continue
        older, newer = sorted((other, one), key=_sent)
        latest[number] = newer
        why = f"patch {number} was sent twice; {newer.message.where}, the later one, is used"
        problems.append(Problem(older.message.where, why))
    cover = latest.pop(0) if numbered and 0 in latest else None
    ordered = [latest[number] for number in sorted(latest)]
    patches = tuple(one.patch for one in ordered)
    if not numbered:
        patches = tuple(replace(one, index=at, total=len(patches)) for at, one in enumerate(patches, 1))
    first = cover or ordered[0]
    last = ordered[-1] if ordered else first
    if cover and cover.signature != last.signature:
        why = (
            f"the cover letter is of v{cover.signature[0]} 0/{cover.signature[1]}, its patches say otherwise"
        )
        problems.append(Problem(cover.message.where, why))
    total = last.subject.total if numbered else len(patches)
    bases = _bases([*([cover] if cover else []), *ordered], problems)
    return Series(
        title=first.patch.title,
        revision=last.subject.revision,
        message_id=first.message.message_id,
        cover=cover.patch if cover else None,
        patches=patches,
        missing=tuple(number for number in range(1, total + 1) if numbered and number not in latest),
        base_commit=bases.get("base-commit"),
        prerequisites=tuple(dict.fromkeys(line for one in posting for line in one.body.prerequisites)),
        change_id=bases.get("change-id"),
        base_tree=bases.get("base-tree"),
    )


def _bases(posting: Sequence[_Posted], problems: list[Problem]) -> dict[str, str]:
    """base-commit, base-tree and change-id of a posting: the first of each; others are a problem."""
    bases: dict[str, str] = {}
    for one in posting:
        for key, value in one.body.bases.items():
            known = bases.setdefault(key, value)
            if not (known.startswith(value) or value.startswith(known)):
                problems.append(
                    Problem(one.message.where, f"{key} {value} differs from {known} of the series")
                )
    return bases


def _sent(one: _Posted) -> float:
    return _seconds(one.message.date)


def _seconds(date: str) -> float:
    """A mail's date in seconds since 1970, 0 where it cannot be read."""
    try:
        parsed = email.utils.parsedate_tz(date)
        return float(email.utils.mktime_tz(parsed)) if parsed else 0.0
    except (ValueError, OverflowError, TypeError, IndexError):
        return 0.0


def _choose(
    all_series: list[Series], replies: tuple[Reply, ...], problems: list[Problem], revision: int | None
) -> Thread:
    """Put the series to scan first: complete before incomplete, then by revision, then the one sent last."""

    def rank(series: Series) -> tuple[bool, bool, bool, int, float]:
        sent = _seconds(series.patches[0].date) if series.patches else 0.0
        wanted = revision is None or series.revision == revision
        return wanted, not _other_project(series), _complete(series), series.revision, sent

    ordered = sorted(all_series, key=rank, reverse=True)
    ordered.sort(key=lambda series: not series.patches)
    chosen = ordered[0] if ordered and ordered[0].patches and not _other_project(ordered[0]) else None
    if chosen and revision is not None and chosen.revision != revision:
        there = ", ".join(f"v{number}" for number in sorted({series.revision for series in all_series}))
        problems.append(Problem(f"v{revision}", f"no series of this revision; the input holds {there}"))
        chosen = None
    if not chosen and not problems:
        problems.append(Problem("input", "no patch found: no message holds a diff or [PATCH] in its subject"))
    left_out = tuple(
        LeftOut(one, _why_left_out(one, chosen, revision)) for one in ordered if one is not chosen
    )
    series = (chosen, *(one.series for one in left_out)) if chosen else ()
    return Thread(series, replies, tuple(problems), left_out)


def _complete(series: Series) -> bool:
    return bool(series.patches) and not series.missing


def _why_left_out(series: Series, chosen: Series | None, revision: int | None) -> str:
    if _other_project(series):
        return "another project: none of its files lies in a directory of the kernel tree"
    if not series.patches:
        return "incomplete: only its cover letter is there"
    if revision is not None and series.revision != revision:
        return f"not the revision asked for (v{revision})"
    if series.missing:
        return f"incomplete: patches {_ranges(series.missing)} missing"
    if chosen and series.revision < chosen.revision:
        return f"lower revision than v{chosen.revision}"
    return "another series of the same revision was sent later"


def _ranges(numbers: Sequence[int]) -> str:
    """ "1-15, 17" for 1 to 15 and 17."""
    runs: list[list[int]] = []
    for number in numbers:
        if runs and runs[-1][1] == number - 1:
            runs[-1][1] = number
        else:
            runs.append([number, number])
    return ", ".join(f"{low}-{high}" if low != high else str(low) for low, high in runs)


def _other_project(series: Series) -> bool:
    """Whether every file of a series lies in a directory that the kernel does not have."""
    paths = [change.path for patch in series.patches for change in patch.files]
    return bool(paths) and all("/" in path and path.split("/")[0] not in TOP_DIRECTORIES for path in paths)
