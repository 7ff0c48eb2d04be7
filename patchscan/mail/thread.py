"""Messages to series and replies, and the choice of the series to scan."""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence, Set
from functools import lru_cache

from patchscan.basics.problem import Problem
from patchscan.basics.record import frozen, replace
from patchscan.diff.names import TOP_DIRECTORIES
from patchscan.diff.read import read_diff
from patchscan.mail import Message
from patchscan.mail.body import Body, read_trailers, split_body
from patchscan.mail.plainmail import seconds
from patchscan.mail.postings import Loose, Posted, is_answer, loose_of, postings_of, series_of, thinned
from patchscan.mail.replies import read_reply
from patchscan.mail.subject import Subject, parse_subject
from patchscan.mail.works import links_in, marks_of_mail, works_of
from patchscan.series import LeftOut, Patch, Reply, Series, Thread


@frozen
class _Kind:
    """What a message is: a reply, a patch (the body is there), both (a patch below scissors), or why neither."""

    subject: Subject
    reply: bool = False
    body: Body | None = None
    neither: str = ""


@frozen
class _Candidate:
    """A series that may be the one to scan.

    answer: it was sent within the discussion of another; posting: its mails.
    """

    series: Series
    answer: bool
    posting: tuple[Posted, ...]

    @property
    def places(self) -> frozenset[str]:
        """What its mails are called in problems."""
        return frozenset(one.message.where for one in self.posting)

    @property
    def complete(self) -> bool:
        return bool(self.series.patches) and not self.series.missing

    @property
    def other_project(self) -> bool:
        """Whether most files lie in a directory that the kernel does not have; those at the top tell nothing."""
        paths = [change.path for patch in self.series.patches for change in patch.files if "/" in change.path]
        outside = sum(path.split("/")[0] not in TOP_DIRECTORIES for path in paths)
        return outside * 2 > len(paths)

    @property
    def sent(self) -> float:
        return max((seconds(patch.date) for patch in self.series.patches), default=0.0)


@frozen
class _Read:
    """What messages hold before a series is chosen.

    replies: each with what its mail is called; copied: as _without_copies() tells.
    """

    messages: list[Message]
    candidates: list[_Candidate]
    replies: list[tuple[str, Reply]]
    problems: list[Problem]
    copied: dict[str, str]


def read_thread(
    messages: Sequence[Message], problems: Iterable[Problem] = (), revision: int | None = None
) -> Thread:
    """Group messages into series and replies and choose the series to scan.

    That is the highest complete revision, or the one asked for; problems are those met so far and come first
    in the result's. Raises nothing: what cannot be read becomes a Problem.
    """
    return _thread(_read(messages, problems), revision)


def read_threads(
    messages: Iterable[Message],
    problems: Iterable[Problem] = (),
    revision: int | None = None,
    again: Callable[[Set[str]], Iterable[Message]] | None = None,
) -> tuple[Thread, ...]:
    """The same for a mailbox that may be an archive: a thread a work, in the order of their first mails.

    Problems of no mail in particular are those of the first thread, and mails that belong to no series are as well.
    Where no work holds a series to scan, it is one thread that says so. again: reads once more the mails that are
    called so; where it is given only those of the series to scan are held with their diffs, and no reply.
    """
    read = _read(messages, problems, archive=True, hold=again is None)
    threads = tuple(_thread(part, revision, again) for part in _works(read))
    return tuple(thread for thread in threads if thread.series) or (_thread(read, revision, again),)


def _works(read: _Read) -> list[_Read]:
    """What an archive holds of each work in it; all of it where that is one."""
    works = works_of(read.messages, [(one.series, one.places) for one in read.candidates])
    order = {
        works[min(one.places)]: None
        for one in read.candidates
        if one.series.patches and not one.other_project
    }
    if len(order) < 2:
        return [read]
    first = next(iter(order))
    parts = {work: _Read([], [], [], [], read.copied) for work in order}

    def of(place: str) -> _Read:
        return parts.get(works.get(place), parts[first])

    for message in read.messages:
        of(message.where).messages.append(message)
    for one in read.candidates:
        of(min(one.places)).candidates.append(one)
    for place, reply in read.replies:
        of(place).replies.append((place, reply))
    for problem in read.problems:
        of(problem.where).problems.append(problem)
    return list(parts.values())


def _read(
    messages: Iterable[Message],
    problems: Iterable[Problem] = (),
    archive: bool = False,
    hold: bool = True,
) -> _Read:
    """hold: the mails, and what is in their diffs."""
    found = list(problems)
    met: list[Message] = []
    posted: list[Posted] = []
    replies: list[tuple[str, Reply]] = []
    copied: dict[str, str] = {}
    # A mail is asked for its content, to know a copy, and then for what it is.
    split = lru_cache(1)(split_body)
    for message in _without_copies(messages, found, copied, met, hold, split):
        kind = _kind(message, split)
        if kind.reply and hold:
            replies.append((message.where, read_reply(message)))
        if kind.body:
            one = _read_patch(message, kind.subject, kind.body, found, hold)
            posted.append(one if hold else thinned(one))
        if kind.neither:
            found.append(Problem(message.where, f'"{message.subject[:100]}": {kind.neither}; left out'))
    known = {message.message_id for message in met}
    answered = {name for message in met for name in message.references}
    candidates = [
        _Candidate(
            series_of(posting, found),
            is_answer(posting, known),
            tuple(posting),
        )
        for posting in postings_of(posted, answered, archive)
    ]
    return _Read(met, candidates, replies, found, copied)


def _thread(
    read: _Read, revision: int | None, again: Callable[[Set[str]], Iterable[Message]] | None = None
) -> Thread:
    """again: as in read_threads()."""
    found = list(read.problems)
    chosen, others = _choose(read.candidates, revision)
    if chosen is not None and again is not None:
        chosen = _read_again(chosen, again(chosen.places), found)
    if chosen is None:
        found.append(_nothing_to_scan(read.candidates, revision))
    left_out = tuple(LeftOut(one.series, _why_left_out(one, chosen, revision)) for one in others)
    series = (chosen.series, *(one.series for one in others)) if chosen else ()
    if chosen is not None:
        elsewhere = {message.where for message in read.messages} - chosen.places
        found = [_of_series(problem, elsewhere, read.copied) for problem in found]
    return Thread(series, tuple(reply for _, reply in read.replies), tuple(found), left_out)


def _read_again(one: _Candidate, messages: Iterable[Message], problems: list[Problem]) -> _Candidate:
    """The same with all that its mails hold; what was told of them is not told again."""
    anew = {message.where: message for message in messages}
    posting = []
    for each in one.posting:
        message = anew.get(each.message.where)
        kind = _kind(message) if message else None
        if message and kind and kind.body:
            posting.append(_read_patch(message, kind.subject, kind.body, []))
        else:
            posting.append(each)
            problems.append(Problem(each.message.where, "changed while it was read", lost=True))
    return replace(one, series=series_of(posting, []), posting=tuple(posting))


def _of_series(problem: Problem, elsewhere: Set[str], copied: Mapping[str, str]) -> Problem:
    """A problem; what was lost of mails that are not of the series to scan was not ours to judge."""
    place = copied.get(problem.where, problem.where)
    return replace(problem, lost=False) if problem.lost and place in elsewhere else problem


def _without_copies(
    messages: Iterable[Message],
    problems: list[Problem],
    copied: dict[str, str],
    met: list[Message],
    hold: bool,
    split: Callable[[str], Body],
) -> Iterator[Message]:
    """Leave out what came a second time under the same Message-ID, as mails to several lists do.

    copied: is told which mail was kept in place of one that differs, by what they are called; met: is given all mails,
    hold: with their bodies.
    """
    first: dict[str, tuple[str, object]] = {}
    for message in messages:
        met.append(message if hold else replace(message, body=""))
        name = message.message_id
        earlier, content = first.get(name, ("", None))
        if not earlier:
            if name:
                first[name] = message.where, message if hold else hash(_content(message, split))
            yield message
        elif (_content(content, split) if isinstance(content, Message) else content) != (
            _content(message, split) if hold else hash(_content(message, split))
        ):
            other = f"differs from {earlier}, which has the same Message-ID; left out"
            problems.append(Problem(message.where, other, lost=True))
            copied[message.where] = earlier


def _content(message: Message, split: Callable[[str], Body]) -> tuple[str, ...]:
    """What two copies of a mail have in common, list footers and white space apart."""
    body = split(message.body)
    changed = tuple(line for line in body.diff if line.startswith(("+", "-")) and not line.startswith("--"))
    return (parse_subject(message.subject).title, *(changed or body.changelog[:20]))


def _kind(message: Message, split: Callable[[str], Body] = split_body) -> _Kind:
    subject = parse_subject(message.subject)
    if subject.no_patch and not subject.reply:
        return _Kind(subject, neither=f"not a patch for the kernel ({subject.no_patch})")
    cover = subject.numbered and subject.index == 0
    body = split_body(message.body, cover=True) if cover else split(message.body)
    in_body = parse_subject(body.headers.get("subject", ""))
    if subject.reply:
        # The number in the subject is that of the patch replied to.
        own_subject = in_body if in_body.title else Subject(subject.title)
        return _Kind(own_subject, reply=True, body=body if body.scissors and body.diff else None)
    if in_body.patch or (in_body.title and not subject.patch):
        subject = in_body
    if body.diff or (subject.numbered and subject.index == 0):
        return _Kind(subject, body=body)
    quotes = any(line.startswith(">") for line in message.body.split("\n"))
    if message.parent and (quotes or not subject.patch):
        return _Kind(subject, reply=True)
    if subject.patch:
        return _Kind(subject, body=body)
    return _Kind(subject, neither="no patch found: neither a diff nor [PATCH] in its subject")


@frozen
class Ties:
    """What ties a mail to others of an archive.

    marks: mails with one in common may be of one work; links: Message-IDs that it names; patch: a patch or a cover
    letter as it may be posted without a thread, None for another mail; why: it is nothing that belongs to a series, ""
    where it may.
    """

    marks: tuple[object, ...]
    links: tuple[str, ...] = ()
    patch: Loose | None = None
    why: str = ""


def ties_of(message: Message) -> Ties:
    """What ties a mail to others; mails that read_threads() puts into one work have a tie, or are of one posting."""
    kind = _kind(message)
    names = (message.message_id, *message.references) if message.message_id else ("",)
    marks = tuple(("name", name) for name in names)
    if kind.body is None:
        return Ties(marks, why=kind.neither)
    title = kind.subject.title or next(iter(kind.body.changelog), message.where)
    of_work = marks_of_mail(title, kind.body.bases.get("change-id"))
    texts = (*kind.body.notes, *(kind.body.changelog if kind.subject.index == 0 else ()))
    return Ties((*marks, *of_work), tuple(links_in(texts)), loose_of(message, kind.subject))


def _read_patch(
    message: Message, subject: Subject, body: Body, problems: list[Problem], whole: bool = True
) -> Posted:
    files, troubles = read_diff(body.diff, message.where, whole)
    problems.extend(troubles)
    if not files and not troubles and not (subject.numbered and subject.index == 0):
        why = f'no patch found in "{message.subject[:100]}": it holds no diff'
        problems.append(Problem(message.where, why, lost=True))
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
        references=message.references,
        recipients=message.recipients,
    )
    return Posted(message, subject, body, patch)


def _choose(
    candidates: Sequence[_Candidate], revision: int | None
) -> tuple[_Candidate | None, list[_Candidate]]:
    """The series to scan and the others: complete before incomplete, then by revision, then the one sent last.

    Mails that were announced as patches and hold no diff come behind all others.
    """

    def rank(one: _Candidate) -> tuple[bool, bool, bool, bool, bool, int, float]:
        series = one.series
        return (
            bool(series.patches),
            any(patch.files for patch in series.patches),
            not one.other_project,
            not one.answer,
            one.complete,
            series.revision,
            one.sent,
        )

    ordered = sorted(candidates, key=rank, reverse=True)
    fit = [
        one
        for one in ordered
        if one.series.patches and not one.other_project and revision in (None, one.series.revision)
    ]
    chosen = fit[0] if fit else None
    return chosen, [one for one in ordered if one is not chosen]


def _nothing_to_scan(candidates: Sequence[_Candidate], revision: int | None) -> Problem:
    there = ", ".join(f"v{number}" for number in sorted({one.series.revision for one in candidates}))
    if revision is not None and there:
        return Problem(
            f"revision {revision}", f"no series of this revision with patches; the input holds {there}"
        )
    other = next((one.series.title for one in candidates if one.other_project and one.series.patches), "")
    why = f'; "{other[:100]}" is of {_OTHER_PROJECT}' if other else ""
    return Problem("input", f"no patch found: nothing here is a patch for the kernel{why}")


_OTHER_PROJECT = "another project: most of its files lie in no directory of the kernel tree"


def _why_left_out(one: _Candidate, chosen: _Candidate | None, revision: int | None) -> str:
    series = one.series
    if one.other_project:
        return _OTHER_PROJECT
    if not series.patches:
        return "incomplete: only its cover letter is there"
    if revision is not None and series.revision != revision:
        return f"not the revision asked for (v{revision})"
    if not any(patch.files for patch in series.patches):
        return "incomplete: no patch of it holds a diff"
    if series.missing:
        return f"incomplete: {_patches(series.missing)} missing"
    if one.answer:
        return "sent as an answer within the discussion of another"
    if chosen and series.revision < chosen.series.revision:
        return f"lower revision than v{chosen.series.revision}"
    return "another series of the same revision was sent later"


def _patches(numbers: Sequence[int]) -> str:
    """ "patches 1-15, 17" for 1 to 15 and 17."""
    runs: list[list[int]] = []
    for number in numbers:
        if runs and runs[-1][1] == number - 1:
            runs[-1][1] = number
        else:
            runs.append([number, number])
    named = ", ".join(f"{low}-{high}" if low != high else str(low) for low, high in runs)
    return f"patch {named}" if len(numbers) == 1 else f"patches {named}"
