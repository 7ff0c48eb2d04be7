"""People as mail names them: "Name <address>"."""

from patchscan.basics.pattern import pattern
from patchscan.mail.plainmail import name_and_address

_TAG_OF_ADDRESS = pattern(r"\+[^@]*@")
_WORD = pattern(r"\w+")
_BRACKETED = pattern(r"\(.*?\)|\[.*?\]")


def same_person(one: str, other: str) -> bool:
    """Whether two "Name <address>" share the address (up to a "+tag") or the name."""
    (name, address), (other_name, other_address) = name_and_address(one), name_and_address(other)
    plain, other_plain = (_TAG_OF_ADDRESS.sub("@", each.lower()) for each in (address, other_address))
    return plain == other_plain or (bool(_words(name)) and _words(name) == _words(other_name))


def _words(name: str) -> list[str]:
    """The words of a name, without what is in brackets, in an order that does not matter."""
    return sorted(_WORD.findall(_BRACKETED.sub("", name).lower()))
