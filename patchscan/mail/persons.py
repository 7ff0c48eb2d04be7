"""People as mail names them: "Name <address>"."""

from collections.abc import Iterable

from patchscan.basics.keep import kept
from patchscan.basics.pattern import pattern
from patchscan.mail.plainmail import name_and_address
from patchscan.series import Patch, Trailer

_TAG_OF_ADDRESS = pattern(r"\+[^@]*@")
_WORD = pattern(r"\w+")
_BRACKETED = pattern(r"\(.*?\)|\[.*?\]")


def same_person(one: str, other: str) -> bool:
    """Whether two "Name <address>" share the address (up to a "+tag") or the name."""
    return one in People((other,))


class People:
    """Some "Name <address>", each told by the address (up to a "+tag") and by the name."""

    def __init__(self, people: Iterable[str]) -> None:
        self._first: dict[str | tuple[str, ...], int] = {}
        for at, each in enumerate(people):
            for told in _told_by(each):
                self._first.setdefault(told, at)

    def __contains__(self, person: object) -> bool:
        return isinstance(person, str) and self.first(person) is not None

    def first(self, person: str) -> int | None:
        """The place of the first who is the same person, None where nobody is."""
        return min((self._first[told] for told in _told_by(person) if told in self._first), default=None)


@kept
def signed_by(patch: Patch) -> tuple[tuple[Trailer, ...], People]:
    """Who signed a patch off."""
    signed = tuple(each for each in patch.trailers if each.key.lower() == "signed-off-by")
    return signed, People(each.value for each in signed)


@kept
def following(patch: Patch) -> dict[int, Trailer]:
    """The trailer behind that of each line."""
    behind = zip(patch.trailers, patch.trailers[1:], strict=False)
    return {one.line: other for one, other in behind}


def _told_by(person: str) -> tuple[str | tuple[str, ...], ...]:
    """The address, and the words of the name without what is in brackets, in an order that does not matter."""
    name, address = name_and_address(person)
    words = tuple(sorted(_WORD.findall(_BRACKETED.sub("", name).lower())))
    plain = _TAG_OF_ADDRESS.sub("@", address.lower())
    return (plain, words) if words else (plain,)
