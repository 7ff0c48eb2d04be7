"""What a comment says that a barrier pairs with: the functions, the operations in them, and where to look."""

import re
from collections.abc import Iterator

from patchscan.basics.pattern import pattern
from patchscan.basics.record import frozen
from patchscan.pairing.barriers import BARRIER, WAIT

PAIRS = pattern(
    r"\bpair(?:s|ed|ing)?\s+(?:\w+\s+){0,2}?(?:with\b|w/|by\b|up with\b)"
    r"|\b(?:its|read|write|the)\s+pair\s+(?:of\s+this\s+\S+\s+)?(?:is|of)\b|\bpair\s+of\s+(?=barrier)"
    r"|\bpair(?:ed|ing)\s+(?=(?:\w+\s+)?barrier|\w*_?[rw]?mb\b)",
    re.I,
)
_MATCHING = pattern(r"\bmatch(?:es|ing)?\s+(?:with\s+)?(?:the\s+)?(?=(?:\w+\s+)?barrier|\w*mb\b|smp_)", re.I)
_ABBREVIATION = pattern(r"\b(e\.g|i\.e|cf|vs|etc|resp)\.", re.I)
_CLAUSE_END = pattern(
    r"[.;](?:\s|$)|:\s|,\s+(?:we|it|this|they|as|since|because|otherwise|but)\b"
    r"|\bto (?:ensure|make sure|guarantee|prevent|avoid|order)\b|\b(?:so|such) that\b|\bsee\b|\bwhich\b"
    r"|\bensur(?:es?|ing)\b|\bmaking sure\b|\bguarantee\w*|\bin order to\b|\bwho\b|\bthat\b|\bso\b"
    r"|\bprovid\w+|\band (?:order|make|allow|prevent)s?\b",
    re.I,
)
_TOKEN = pattern(
    r"(?P<label>\b[A-Za-z_]\w+:(?-i:[A-Z])\b)"
    r"|(?P<file>\b[\w-]+\.[ch]\b)"
    r"|(?P<choice>\b\w*(?:\((?:_\w+|\w+(?:\|\w+)+)\)\w+)+(?:\(\))?)"
    r"|(?P<glob>\b\w+_\*(?:\(\))?)"
    r"|(?P<call>\b[A-Za-z_]\w+(?:\([\w&>., -]*\)|\s\(\)))"
    r"|(?P<name>\b[A-Za-z]?\w*_\w+\b|\b(?:cmp)?xchg\b)"
    r"|(?P<kind>\b(?:load|store)?[- ]?(?:acquires?|releases?)\b|\b[rw]?mb\b"
    r"|\b(?:(?:full|read|write|smp|memory)\s+)*(?:barriers?|mb|fence)\b|\baddress dependency\b)"
    r"|(?P<letter>(?-i:\b[A-Z]\b)(?=\)?(?:[.,)]|\s*$|\s+and\b)))"
    r"|(?P<place>\b(?:above|below|prior|preceding)\b|\b(?:later|earlier) in this function\b"
    r"|\bof th(?:e|is) function\b)"
    r"|(?P<within>\b(?:in|of|from|inside|within|during|at|on)\b|(?<=[\s)])->)"
    r"|(?P<aside>\b(?:after|before|via|between|when)\b|\bcalled (?:by|from|in|via)\b)"
    r"|(?P<foreign>\buser ?-?space\b|\buser\b|\bhardware\b|\bdevice\b|\bfirmware\b|\bhypervisor\b|\bassembly\b"
    r"|\b(?!there)[a-z]{4,}'s\b|\bcaller\b)"
    r"|(?P<link>,|/|\band\b|\bor\b|&)",
    re.I,
)
_PARENTHESES = pattern(r"\(([^()]*)\)")
_KINDS = (
    ("acquire", pattern(r"acquire", re.I)),
    ("release", pattern(r"release", re.I)),
    ("rmb", pattern(r"\brmb|read", re.I)),
    ("wmb", pattern(r"\bwmb|write", re.I)),
    ("mb", pattern(r"\bmb|full", re.I)),
)
_PLACES = (("below|later", "below"), ("above|earlier|prior|preceding", "above"), ("of", "here"))
_SPELLINGS = (
    "smp_mb",
    "smp_rmb",
    "smp_wmb",
    "smp_store_release",
    "smp_load_acquire",
    "READ_ONCE",
    "WRITE_ONCE",
)


@frozen
class Partner:
    """What a comment names as the other side.

    function: "" where none is named; a trailing "*" stands for any ending. label: of a statement ("desc_read:D");
    barrier: the first operation, "barrier" for any; operations: all of them, in the words of the comment, "acquire"
    or "rmb" for a kind; place: "above", "below", a file name, a letter that marks a barrier, or "outside" for what is
    not kernel code; called: the function is written as a call, not only as a word.
    """

    function: str
    label: str = ""
    barrier: str = ""
    called: bool = True
    operations: tuple[str, ...] = ()
    place: str = ""
    argument: str = ""


def named_partners(said: str, own: str) -> Iterator[Partner]:
    """What the clauses after "pairs with" name, in order; `own`: the function the comment stands in."""
    said = _ABBREVIATION.sub(lambda found: found.group(1).replace(".", ""), said)
    clauses = list(PAIRS.finditer(said)) or list(_MATCHING.finditer(said))
    for found in clauses:
        rest = said[found.end() :].lstrip(" :")
        end = _CLAUSE_END.search(rest)
        yield from _Clause(rest[: end.start()] if end else rest[:200]).partners(own)


class _Clause:
    """One clause, read from left to right: each name is an operation, or the function that holds the operations."""

    def __init__(self, clause: str) -> None:
        self.functions: list[tuple[str, bool]] = []
        self.free: list[tuple[str, bool]] = []
        self.operations: list[str] = []
        self.labels: list[str] = []
        self.places: list[str] = []
        self.argument = ""
        role = before = ""
        for token in _TOKEN.finditer(clause):
            group, word = str(token.lastgroup), token.group()
            if group in ("within", "aside", "link"):
                before = self._connected(group, word)
                continue
            role = _role(group, word.partition("(")[0].strip(), before, role)
            self._take(group, word, role)
            before = ""

    def _connected(self, group: str, word: str) -> str:
        """What a connecting word says of the next name; an arrow leads from one function to the next."""
        if word == "->" and self.functions:
            self.functions.pop()
        return "within" if group == "aside" and "call" in word.lower() and not self.functions else group

    def _take(self, group: str, word: str, role: str) -> None:
        name = word.partition("(")[0].strip()
        called = group in ("call", "choice", "glob")
        if role == "operation":
            self.operations.append(_close_spelling(name) or name)
            self.argument = self.argument or word[len(name) :].strip("() ")
        elif role == "kind":
            self.operations.append(next((kind for kind, words in _KINDS if words.search(word)), "barrier"))
        elif role == "label":
            self.labels.append(word)
        elif role in ("file", "letter"):
            self.places.append(word)
        elif role == "place":
            self.places.append(next(place for words, place in _PLACES if re.match(words, word, re.I)))
        elif role == "foreign":
            self.places.append("outside")
        elif role in ("function", "free") and (called or not name.isupper()):
            names = [name] if group not in ("choice", "glob") else _expanded(word.removesuffix("()"))
            (self.functions if role == "function" else self.free).extend((each, called) for each in names)

    def partners(self, own: str) -> Iterator[Partner]:
        """The partners that the clause names."""
        for label in dict.fromkeys(self.labels):
            function, _, letter = label.partition(":")
            yield Partner(function, letter)
        functions = self.functions
        if functions:
            self.operations += [name for name, called in self.free if called]
        else:
            functions = self.free
        functions = [(name, called) for name, called in dict.fromkeys(functions) if name != own]
        operations = tuple(dict.fromkeys(self.operations))
        first = operations[0] if operations else ""
        for name, called in functions:
            yield Partner(name, barrier=first, called=called, operations=operations, place=self._place())
        if not functions and not self.labels and (operations or self.places):
            for place in self.places or [""]:
                yield Partner("", barrier=first, operations=operations, place=place, argument=self.argument)

    def _place(self) -> str:
        return next((place for place in self.places if place != "outside"), "")


def _role(group: str, name: str, before: str, last: str) -> str:
    """What a word is; `before`: the connecting word in front of it, `last`: what the word before was."""
    if group in ("label", "file", "letter", "place", "foreign", "kind"):
        return group
    if BARRIER.match(name.rstrip("_*") + "(") or _close_spelling(name):
        return "operation"
    if before == "link" and last in ("function", "free", "aside"):
        return last
    return {"aside": "aside", "within": "function"}.get(before, "free")


def _expanded(word: str) -> list[str]:
    """Every name that `a_(b|c)_d` stands for; `a(_b)_d` is with and without."""
    found = _PARENTHESES.search(word)
    if found is None:
        return [word]
    parts = found.group(1).split("|")
    parts = parts if len(parts) > 1 else ["", parts[0]]
    return [each for part in parts for each in _expanded(word[: found.start()] + part + word[found.end() :])]


def _close_spelling(name: str) -> str:
    """The barrier that a name is a slip of the pen for, "" for none."""
    if "_" not in name or name.endswith("*") or BARRIER.match(name + "(") or WAIT.match(name + "("):
        return ""
    from difflib import get_close_matches

    return next(iter(get_close_matches(name, _SPELLINGS, 1, 0.85)), "")
