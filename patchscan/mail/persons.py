"""People as mail names them: "Name <address>"."""

import re

from patchscan.mail.plainmail import name_and_address


def same_person(one: str, other: str) -> bool:
    """Whether two "Name <address>" share the address (up to a "+tag") or the name."""
    (name, address), (other_name, other_address) = name_and_address(one), name_and_address(other)
    plain, other_plain = (re.sub(r"\+[^@]*@", "@", each.lower()) for each in (address, other_address))
    return plain == other_plain or (bool(_words(name)) and _words(name) == _words(other_name))


def _words(name: str) -> list[str]:
    """The words of a name, without what is in brackets, in an order that does not matter."""
    return sorted(re.findall(r"\w+", re.sub(r"\(.*?\)|\[.*?\]", "", name).lower()))
