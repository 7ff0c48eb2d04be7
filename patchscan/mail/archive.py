"""An archive too large to hold: which of its mails belong together, and the series of each such group in its turn."""

import os
from array import array
from collections.abc import Callable, Iterable, Iterator, Sequence, Set
from typing import BinaryIO, Protocol

from patchscan.basics.budget import BUDGET
from patchscan.basics.files import MOST_OF_INPUT, Unreadable, read_file
from patchscan.basics.problem import Problem
from patchscan.basics.record import replace
from patchscan.mail import MOST_OF_MAIL, Message, files_in, messages_in, read_messages, too_large
from patchscan.mail.gitlog import is_log
from patchscan.mail.mbox import Mbox
from patchscan.mail.postings import Loose, Turns
from patchscan.mail.thread import Ties, read_threads, ties_of
from patchscan.mail.unpack import Refused, is_packed, unpack
from patchscan.series import Thread

# What is read takes some ten times its size in memory: above this an archive is read in two passes, group by group.
LARGE = 16 << 20
MOST_OF_ARCHIVE = BUDGET.archive_bytes.most
# A group of mails is read whole up to so many bytes; of a larger one only the series that are judged are held.
_SMALL_GROUP = 1 << 20
_MOST_OF_GROUP = BUDGET.group_mails.most
_MOST_TOLD = 100
_START = 512
# By so many bits a compressed mailbox is shorter than what it holds, or less.
_PACKED = 5


class Mails(Protocol):
    """The mails of an archive by their numbers, from 0; problems: what went wrong before the first was read."""

    problems: Sequence[Problem]

    def __len__(self) -> int: ...

    def size(self, number: int) -> int:
        """Its bytes."""

    def read(self, number: int, problems: list[Problem]) -> Iterator[Message]:
        """A mail with those inside it; what is wrong with it goes to problems."""


class MailsOfMbox:
    """Those of a mailbox in a file that is open."""

    def __init__(self, stream: BinaryIO, size: int, where: str, problems: Sequence[Problem] = ()) -> None:
        self._stream, self._where, self.problems = stream, where, problems
        self._mbox = Mbox(lambda start, end: os.pread(stream.fileno(), end - start, start), size)

    def __len__(self) -> int:
        return len(self._mbox)

    def size(self, number: int) -> int:
        return self._mbox.size(number)

    def read(self, number: int, problems: list[Problem]) -> Iterator[Message]:
        place = f"{self._where}, message {number + 1}" if len(self) > 1 else self._where
        if self.size(number) > 2 * MOST_OF_MAIL:
            problems.append(too_large(self.size(number), place))
            return
        yield from messages_in(self._mbox.mail(number), place, problems)


class MailsOfFiles:
    """Those of a Maildir."""

    def __init__(self, files: Sequence[str], problems: Sequence[Problem]) -> None:
        self._files, self.problems = files, problems

    def __len__(self) -> int:
        return len(self._files)

    def size(self, number: int) -> int:
        try:
            return os.path.getsize(self._files[number])
        except OSError:
            return 0

    def read(self, number: int, problems: list[Problem]) -> Iterator[Message]:
        file = self._files[number]
        try:
            found, troubles = read_messages(read_file(file, MOST_OF_INPUT), file)
        except Unreadable as error:
            problems.append(Problem(file, str(error), lost=True))
            return
        problems.extend(troubles)
        yield from found


def large_archive(path: str) -> Mails | None:
    """The mails of a file or a Maildir too large to hold, None for what is not, or is no mailbox."""
    if os.path.isdir(path):
        problems: list[Problem] = []
        mails = MailsOfFiles(files_in(path, problems), problems)
        return mails if sum(map(mails.size, range(len(mails)))) > LARGE else None
    try:
        if not os.path.isfile(path) or not LARGE >> _PACKED < os.path.getsize(path) <= MOST_OF_ARCHIVE:
            return None
        stream = open(path, "rb")  # noqa: SIM115 (read as long as its mails are)
        size = os.fstat(stream.fileno()).st_size
        if is_packed(os.pread(stream.fileno(), _START, 0)) and size <= BUDGET.unpacked_bytes.most:
            return _unpacked(stream.read(), path)
    except OSError:
        return None
    return _mailbox(stream, path) if size > LARGE else None


def large_stream(read: Callable[[int], bytes], where: str) -> Mails | bytes:
    """All that a stream gives, or its mails where that is too large to hold; they are put by in a file without a name.

    Raises Unreadable where there is more than a stated size.
    """
    pieces: list[bytes] = []
    size = 0
    while size <= LARGE and (piece := read(1 << 20)):
        pieces.append(piece)
        size += len(piece)
    if size <= LARGE:
        return b"".join(pieces)
    stream = _nameless()
    stream.writelines(pieces)
    del pieces
    while piece := read(1 << 20):
        size += stream.write(piece)
        if size > MOST_OF_ARCHIVE:
            raise Unreadable(f"not read: it holds more than {MOST_OF_ARCHIVE >> 20} MiB")
    stream.flush()
    found = _mailbox(stream, where)
    if found is None:
        if size > MOST_OF_INPUT:
            raise Unreadable(f"not read: it holds more than {MOST_OF_INPUT >> 20} MiB")
        return os.pread(stream.fileno(), size, 0)
    return found


def _nameless() -> BinaryIO:
    """A file to put mails by in, which is gone with its last reader."""
    # Imported here: few archives are so large.
    import tempfile

    return tempfile.TemporaryFile()


def _unpacked(data: bytes, where: str) -> Mails | None:
    """The mails of a compressed mailbox that is large when it is unpacked."""
    stream = _nameless()
    try:
        why = unpack(data, stream.write)
    except Refused:
        return None
    stream.flush()
    if os.fstat(stream.fileno()).st_size <= LARGE:
        return None
    return _mailbox(stream, where, [Problem(where, why, lost=True)] if why else [])


def _mailbox(stream: BinaryIO, where: str, problems: Sequence[Problem] = ()) -> Mails | None:
    start = os.pread(stream.fileno(), _START, 0)
    if is_packed(start) or is_log(start):
        return None
    return MailsOfMbox(stream, os.fstat(stream.fileno()).st_size, where, problems)


class Told(list[Problem]):
    """What is told of an archive as a whole: no more than a reader would read, and how much more there is."""

    def __init__(self, where: str) -> None:
        super().__init__()
        self._where, self._more, self._lost = where, 0, False

    def tell(self, problem: Problem) -> None:
        """Take one in, or count it."""
        if len(self) < _MOST_TOLD:
            self.append(problem)
        else:
            self._more += 1
            self._lost = self._lost or problem.lost

    def all(self) -> tuple[Problem, ...]:
        """Those taken in, and the count of the others."""
        more = Problem(self._where, f"{self._more} more mails of no series to scan", lost=self._lost)
        return (*self, more) if self._more else tuple(self)


def threads_of(mails: Mails, where: str, revision: int | None = None) -> Iterator[Thread]:
    """What read_threads() gives of an archive, one after the other, and one in memory at a time.

    Mails that belong to no series to scan are told of with the last thread; replies are not held. Mails that may be of
    one work are read together, so that works which could not be told apart before follow one another.
    """
    told = Told(where)
    for problem in mails.problems:
        told.tell(problem)
    held: Thread | None = None
    for group in _groups(mails, told):
        for thread in _threads_in(mails, group, revision, told):
            if not thread.series:
                told.tell(replace(thread.problems[-1], where=where, lost=False))
                continue
            if held is not None:
                yield held
            held = thread
    if held is not None:
        yield replace(held, problems=(*held.problems, *told.all()))
    else:
        yield read_threads((), told.all(), revision)[0]


def _groups(mails: Mails, told: Told) -> Iterator[Sequence[int]]:
    """The numbers of the mails that may be of one work, in order; the groups that hold a patch, by their first ones."""
    tied = Tied(len(mails))
    patches, silent = bytearray(len(mails)), bytearray(len(mails))
    for number in range(len(mails)):
        problems: list[Problem] = []
        met = False
        for message in mails.read(number, problems):
            met = True
            ties = ties_of(message)
            tied.take(number, message, ties)
            patches[number] |= ties.patch is not None
            silent[number] |= bool(ties.why)
        for problem in () if met else problems:
            told.tell(problem)
    tied.join_all()
    groups: dict[int, array[int]] = {}
    for number, patch in enumerate(patches):
        if patch:
            groups.setdefault(tied.top(number), array("L"))
    for number, why in enumerate(silent):
        group = groups.get(tied.top(number))
        if group is not None:
            group.append(number)
        elif why:
            for message in mails.read(number, []):
                told.tell(
                    Problem(message.where, f'"{message.subject[:100]}": {ties_of(message).why}; left out')
                )
    del tied
    yield from groups.values()


class Tied:
    """Which mails may be of one work, by their numbers; what ties them is kept as its hash, for there is much of it."""

    def __init__(self, count: int) -> None:
        self._above = array("Q", range(count))
        self._holders: dict[int, int] = {}
        self._links: list[tuple[int, int]] = []
        self._loose: list[tuple[int, Loose]] = []
        self._own: set[int] = set()
        self._heads: set[int] = set()
        self._answered: set[int] = set()

    def top(self, number: int) -> int:
        """The mail that stands for all of a work."""
        above = self._above
        while above[number] != number:
            above[number] = number = above[above[number]]
        return number

    def take(self, number: int, message: Message, ties: Ties) -> None:
        """Take in a mail; one that came before under its Message-ID makes no posting."""
        for mark in ties.marks:
            self._join(number, hash(mark))
        self._answered.update(map(hash, message.references))
        self._links += ((number, hash(("name", name))) for name in ties.links)
        patch = ties.patch
        if patch is None:
            return
        if patch.index is not None:
            self._heads.update(hash((name, patch.signature)) for name in message.references)
        elif message.message_id and message.recipients:
            return
        name = hash(patch.name) if patch.name else number
        if not message.references and name not in self._own:
            self._own.add(name)
            self._loose.append((number, patch))

    def join_all(self) -> None:
        """Join what can be joined only when all are known: what is linked to, and what was posted without a thread."""
        for number, name in self._links:
            if name in self._holders:
                self._join(number, name)
        turns = Turns()
        for number, patch in self._loose:
            threaded = hash((patch.name, patch.signature)) in self._heads
            if not (threaded if patch.index is not None else hash(patch.name) in self._answered):
                self._join(number, hash(turns.of(patch)))

    def _join(self, number: int, mark: int) -> None:
        self._above[self.top(self._holders.setdefault(mark, number))] = self.top(number)


def _threads_in(mails: Mails, group: Sequence[int], revision: int | None, told: Told) -> Iterable[Thread]:
    """The threads of some mails; of many mails no more is held than of the series to scan."""
    if len(group) > _MOST_OF_GROUP:
        why = f"these {len(group)} mails may be of one work: only the last {_MOST_OF_GROUP} are read"
        told.tell(Problem(next(iter(mails.read(group[0], []))).where, why, lost=True))
        group = group[-_MOST_OF_GROUP:]
    problems: list[Problem] = []
    numbers: dict[str, int] = {}

    def read() -> Iterator[Message]:
        for number in group:
            for message in mails.read(number, problems):
                numbers[message.where] = number
                yield message

    def again(places: Set[str]) -> Iterator[Message]:
        for number in sorted({numbers[place] for place in places}):
            yield from mails.read(number, [])

    if sum(map(mails.size, group)) <= _SMALL_GROUP:
        messages = tuple(read())
        return read_threads(messages, problems, revision)
    threads = read_threads(read(), (), revision, again)
    if problems:
        first, *others = threads
        threads = (replace(first, problems=(*problems, *first.problems)), *others)
    return threads
