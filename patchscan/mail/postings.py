"""Patches to postings (what was sent together), and a posting to a series."""

from collections.abc import Mapping, Sequence, Set

from patchscan.basics.problem import Problem
from patchscan.basics.record import frozen, replace
from patchscan.mail import Message
from patchscan.mail.body import Body
from patchscan.mail.plainmail import seconds
from patchscan.mail.subject import Subject
from patchscan.series import Patch, Series


@frozen
class Posted:
    """A patch or cover letter as it was posted."""

    message: Message
    subject: Subject
    body: Body
    patch: Patch

    @property
    def signature(self) -> tuple[int, int]:
        """What the mails of one posting have in common: revision and total."""
        return self.subject.revision, self.subject.total


def postings_of(posted: Sequence[Posted], answered: Set[str], archive: bool = False) -> list[list[Posted]]:
    """Sort patches into postings, by thread, revision and total; in the order of their first mails.

    Patches that belong to no thread form one posting where their numbers, or for lack of numbers their
    titles, allow it: files of git format-patch, a queue. answered: Message-IDs that some mail refers to.
    """
    by_id = {one.message.message_id: one for one in posted if one.message.message_id}
    heads = {(name, one.signature) for one in posted for name in one.message.references}
    known_heads: dict[str, str] = {}
    turns = Turns()
    postings: dict[object, list[Posted]] = {}
    for order, one in enumerate(posted):
        key: object
        name = one.message.message_id
        if one.subject.numbered:
            in_thread = one.message.references or (name, one.signature) in heads
            key = (_head(one, by_id, known_heads), one.signature) if in_thread else turns.of(loose(one))
        elif one.message.references or name in answered or (archive and name and one.message.recipients):
            key = order
        else:
            key = turns.of(loose(one))
        postings.setdefault(key, []).append(one)
    return _with_adopted_covers(list(postings.values()))


@frozen
class Loose:
    """What is asked of a patch that belongs to no thread; index: None where it has no number."""

    name: str
    signature: tuple[int, int]
    index: int | None
    title: str
    sender: str


def loose(one: Posted) -> Loose:
    """A patch as one that belongs to no thread."""
    return loose_of(one.message, one.subject)


def loose_of(message: Message, subject: Subject) -> Loose:
    """The same of a mail and what its subject says. With Message-IDs the mails of one posting must have one sender."""
    return Loose(
        message.message_id,
        (subject.revision, subject.total),
        subject.index if subject.numbered else None,
        subject.title,
        message.author if message.message_id else "",
    )


class Turns:
    """The postings of patches that belong to no thread, as they come: a new one begins where one repeats itself."""

    def __init__(self) -> None:
        self._titles: dict[object, int] = {}
        self._numbers: dict[object, list[set[int]]] = {}

    def of(self, patch: Loose) -> tuple[object, ...]:
        """The posting of a patch: by its number, or for lack of one by its title."""
        if patch.index is None:
            title = patch.title, patch.signature[0]
            self._titles[title] = self._titles.get(title, 0) + 1
            return "unnumbered", patch.signature[0], self._titles[title]
        key = patch.signature, patch.sender
        turns = self._numbers.setdefault(key, [set()])
        if patch.index in turns[-1]:
            turns.append(set())
        turns[-1].add(patch.index)
        return "unthreaded", key, len(turns)


def thinned(one: Posted) -> Posted:
    """A posted mail without what its series needs only when it is judged: the hunks, and the text of a patch."""
    keep = one.subject.numbered and one.subject.index == 0
    body = replace(one.body, diff=(), changelog=one.body.changelog if keep else (), notes=())
    files = tuple(replace(change, hunks=()) for change in one.patch.files)
    patch = one.patch if keep else replace(one.patch, changelog=(), trailers=(), files=files)
    return replace(one, message=replace(one.message, body=""), body=body, patch=patch)


def _head(one: Posted, by_id: Mapping[str, Posted], known: dict[str, str]) -> str:
    """The Message-ID from which the mails of one posting hang: their cover letter's, or what it replies to.

    known: what was found for others; a chain of replies may be as long as the input.
    """
    way: list[str] = []
    while one.message.message_id not in known and one.subject.index != 0 and (parent := _above(one, by_id)):
        way.append(one.message.message_id)
        known.update((name, name) for name in way[-1:] if name)  # so that a loop ends here
        one = parent
    name = one.message.message_id
    if name in known:
        head = known[name]
    elif one.subject.index == 0 or not one.message.references:
        head = name
    else:
        head = one.message.references[0]
    known.update((each, head) for each in [*way, name] if each)
    return head


def _above(one: Posted, by_id: Mapping[str, Posted]) -> Posted | None:
    """The nearest mail above in the thread that belongs to the same posting."""
    above = (by_id[name] for name in reversed(one.message.references) if name in by_id)
    return next(
        (other for other in above if other.signature == one.signature and other.subject.numbered), None
    )


def _with_adopted_covers(postings: list[list[Posted]]) -> list[list[Posted]]:
    """Give a cover letter that stands alone (its revision differs) to the patches that reply to it."""
    alone = {
        posting[0].message.message_id: at
        for at, posting in enumerate(postings)
        if len(posting) == 1 and posting[0].subject.numbered and posting[0].subject.index == 0
    }
    adopted: set[int] = set()
    for posting in postings:
        has_cover = any(one.subject.index == 0 for one in posting)
        parent = posting[0].message.parent or ""
        if posting[0].subject.numbered and not has_cover and parent in alone:
            at = alone.pop(parent)
            adopted.add(at)
            posting.insert(0, postings[at][0])
    return [posting for at, posting in enumerate(postings) if at not in adopted]


def is_answer(posting: Sequence[Posted], known: Set[str]) -> bool:
    """Whether a posting is somebody's answer in a discussion: it replies to a mail in known and names no revision."""
    own = {one.message.message_id for one in posting}
    subject = posting[0].subject
    replies = any(name in known and name not in own for name in posting[0].message.references)
    return replies and not subject.versioned and not {"resend", "repost"}.intersection(subject.tags)


def series_of(posting: Sequence[Posted], problems: list[Problem]) -> Series:
    """One posting as a series, its patches in order; what does not fit goes to problems."""
    numbered = posting[0].subject.numbered
    by_number = _by_number(posting, problems) if numbered else dict(enumerate(posting, 1))
    cover = by_number.pop(0, None)
    ordered = [by_number[number] for number in sorted(by_number)]
    patches = tuple(one.patch for one in ordered)
    if not numbered:
        patches = tuple(replace(one, index=at, total=len(patches)) for at, one in enumerate(patches, 1))
    first = cover or ordered[0]
    last = ordered[-1] if ordered else first
    if cover and cover.signature != last.signature and cover.subject.total:
        of_cover, of_patches = (f"v{one.signature[0]} of {one.signature[1]}" for one in (cover, last))
        why = f"the cover letter is that of {of_cover}, its patches are {of_patches}"
        problems.append(Problem(cover.message.where, why))
    bases = _bases([*([cover] if cover else []), *ordered], problems)
    numbers = range(1, last.subject.total + 1) if numbered else ()
    return Series(
        title=first.patch.title,
        revision=last.subject.revision,
        message_id=first.message.message_id,
        cover=cover.patch if cover else None,
        patches=patches,
        missing=tuple(number for number in numbers if number not in by_number),
        base_commit=bases.get("base-commit"),
        prerequisites=tuple(dict.fromkeys(line for one in posting for line in one.body.prerequisites)),
        change_id=bases.get("change-id"),
        base_tree=bases.get("base-tree"),
    )


def _by_number(posting: Sequence[Posted], problems: list[Problem]) -> dict[int, Posted]:
    """The mails of a posting by their numbers; of two with one number the one sent later."""
    found: dict[int, Posted] = {}
    for one in posting:
        number = one.subject.index
        if number in found:
            older, one = sorted((found[number], one), key=lambda posted: seconds(posted.message.date))
            why = f"patch {number} was sent again: {one.message.where} is used in its place"
            problems.append(Problem(older.message.where, why))
        found[number] = one
    return found


def _bases(posting: Sequence[Posted], problems: list[Problem]) -> dict[str, str]:
    """base-commit, base-tree and change-id of a posting: the first of each; another one is a problem."""
    bases: dict[str, str] = {}
    for one in posting:
        for key, value in one.body.bases.items():
            known = bases.setdefault(key, value)
            if not (known.startswith(value) or value.startswith(known)):
                why = f"{key} {value} differs from {known} earlier in the series"
                problems.append(Problem(one.message.where, why))
    return bases
