"""The other side of an access that loses its order: who accesses the same location with the order that pairs."""

import re
from collections.abc import Iterable, Iterator

from patchscan.basics.pattern import pattern
from patchscan.basics.record import frozen
from patchscan.changedfile import ChangedFile
from patchscan.facts.infile import facts_in
from patchscan.facts.of_accesses import KIND as ACCESSES
from patchscan.facts.of_accesses import AccessFact, accesses
from patchscan.pairing.barriers import Barrier
from patchscan.pairing.candidates import OWNED
from patchscan.pairing.elsewhere import files_near
from patchscan.pairing.losses import Loss, texts
from patchscan.tree.overlay import View

_RELEASE = pattern(r"(?:smp_store|atomic\w*_set)_release")
_ACQUIRE = pattern(r"(?:smp_load|smp_cond_load|atomic\w*_read|atomic\w*_cond_read)_acquire")
# What takes a lock that is made by hand; its release gives that.
_TAKES = pattern(r"(?:atomic\w*_)?(?:try_)?cmpxchg(?:_acquire)?")
_MEMBER = pattern(r"\w+")
_INDEX = pattern(r"\[[^\]]*\]")
_EMPTIES = pattern(r",\s*NULL\s*\)")
_MOST_FILES = 4


@frozen
class Facing:
    """An ordered access to the location that an access loses its order on; where: the location in words."""

    barrier: Barrier
    where: str


def facing(view: View, file: ChangedFile, loss: Loss) -> Facing | None:
    """Who acquires what a patch no longer releases, or releases what it no longer acquires; None where nobody is found,
    or where the store is to an object that nobody else knows, or takes a pointer back.

    view: the tree as the whole series leaves it.
    """
    releases = _RELEASE.fullmatch(loss.barrier) is not None
    if not releases and _ACQUIRE.fullmatch(loss.barrier) is None:
        return None
    own = next((each for each in _facts(file.before) if _is_at(each, loss)), None)
    if own is None:
        return _facing_variable(file, loss, releases)
    if not own.type or not own.chain or not _is_left(file, loss, own, releases):
        return None
    if releases and _is_own_object(loss, own):
        return None
    for path, facts in _places(view, file, own, releases):
        for each in facts:
            if _faces(each, own, releases) and not (path == file.path and _is_behind(each, own)):
                barrier = Barrier(path, each.line, each.function, each.through, _members(each)[-1])
                return Facing(barrier, f"{own.type}{own.chain.replace('->', '.')}")
    return None


def _facing_variable(file: ChangedFile, loss: Loss, releases: bool) -> Facing | None:
    """The same for a variable of the file, which has its name in all of it."""
    line = loss.function.text.split("\n")[loss.old - loss.function.first_line]
    given = re.search(rf"\b{loss.barrier}\s*\(\s*&(\w+)\s*[,)]", line)
    if given is None or (releases and _EMPTIES.search(line)):
        return None
    name = given[1]
    text = next(iter(texts(file)), None)
    once = re.compile(rf"\b(?:WRITE|READ)_ONCE\s*\(\s*{name}\s*[,)]|^\+?\s*{name}\s*=[^=]", re.M)
    if text is None or not any(once.search(each.text) for each in file.added):
        return None
    if not re.search(rf"^static\b[^;{{}}()]*\b{name}\b\s*(?:__\w+\s*)*[;=]", text.code, re.M):
        return None
    wanted = (_ACQUIRE, _TAKES) if releases else (_RELEASE,)
    for each in text.barriers:
        mine = each.function == loss.function.name and each.line >= loss.line
        fits = any(kind.fullmatch(each.name) for kind in wanted)
        if each.operand == name and each.function and fits and not mine:
            return Facing(each, name)
    return None


def _facts(sources: Iterable[object]) -> Iterator[AccessFact]:
    for source in sources:
        yield from accesses(source)  # type: ignore[arg-type]


def _is_at(fact: AccessFact, loss: Loss) -> bool:
    return fact.line == loss.old and fact.through == loss.barrier


def _members(fact: AccessFact) -> list[str]:
    return _MEMBER.findall(_INDEX.sub("", fact.chain))


def _is_left(file: ChangedFile, loss: Loss, own: AccessFact, releases: bool) -> bool:
    """Whether an access without order took the place of the one with it."""
    hows = ("write", "update") if releases else ("read",)
    return any(
        each.function == loss.function.name
        and each.line in file.added_numbers
        and each.how in hows
        and _members(each) == _members(own)
        for each in _facts(file.after)
    )


def _is_own_object(loss: Loss, own: AccessFact) -> bool:
    """Whether a function sets up the object, or stores no pointer any more."""
    text = loss.function.text
    line = text.split("\n")[loss.old - loss.function.first_line :][:2]
    allocates = re.search(rf"\b{re.escape(own.root)}\s*=[^;=]*alloc\w*\s*\(", text)
    return (
        OWNED.fullmatch(loss.function.name) is not None
        or allocates is not None
        or _EMPTIES.search("\n".join(line)) is not None
    )


def _faces(each: AccessFact, own: AccessFact, releases: bool) -> bool:
    """Whether an access has the order that pairs with a lost one, on the same member of the same structure."""
    wanted = (_ACQUIRE, _TAKES) if releases else (_RELEASE,)
    return (
        any(kind.fullmatch(each.through) for kind in wanted)
        and each.type == own.type
        and _members(each) == _members(own)
        and OWNED.fullmatch(each.function) is None
    )


def _is_behind(each: AccessFact, own: AccessFact) -> bool:
    """Whether another access of the same function comes later: no thread meets itself there."""
    return each.function == own.function and each.line >= own.line


def _places(
    view: View, file: ChangedFile, own: AccessFact, releases: bool
) -> Iterator[tuple[str, Iterable[AccessFact]]]:
    """The facts of the own file after the patch, then those of the files near it that may have the other side."""
    yield file.path, list(_facts(file.after))
    member = _members(own)[-1]
    word = rb"acquire|cmpxchg" if releases else rb"release"
    wanted = re.compile(rb"(?:%s)\w*\s*\([^;]*\b%s\b" % (word, member.encode("latin-1")))
    near = files_near(view, file.path, (member,))
    for path in [path for path in near if wanted.search(view.read(path) or b"")][:_MOST_FILES]:
        yield path, facts_in(view, ACCESSES, path)
