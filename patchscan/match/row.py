"""A row of a table: a pattern, conditions, a message and a replacement, checked when it is read."""

import re
from collections.abc import Mapping, Sequence
from typing import Any

from patchscan.basics.fields import as_dict
from patchscan.basics.pattern import pattern
from patchscan.basics.record import frozen
from patchscan.finding import Confidence, Severity

_STRING = pattern(r"\"(?:[^\"\\]|\\.)*\"")
_WORD = pattern(r"(?<![\w$])[A-Za-z_]\w*")
_LANGUAGE = pattern(
    r"if|else|for|while|do|switch|case|default|include|return|goto|break|continue|sizeof|NULL|true|false|int|long|unsigned|char|"
    r"void|struct|static|const|bool|ret|dev"
)
# The fields of a row: whether it must be there, and whether it is a text or a list of texts.
FIELDS = {
    "name": (True, "text"),
    "summary": (True, "text"),
    "find": (True, "list"),
    "frame": (False, "text"),
    "where": (False, "table"),
    "wake": (False, "text"),
    "message": (True, "text"),
    "replace": (False, "text or list"),
    "since": (False, "text"),
    "include": (False, "text"),
    "why": (True, "text"),
    "source": (True, "text"),
    "severity": (False, "text"),
    "confidence": (False, "text"),
    "default": (False, "text"),
    "bad": (True, "list"),
    "good": (True, "list"),
}

CLOSED = {
    "severity": ("info", "warning", "error"),
    "confidence": ("medium", "high", "low"),
    "default": ("on", "off"),
}


class RowError(ValueError):
    """What is wrong with a row, the field it is wrong in, and the text there that is wrong."""

    def __init__(self, field: str, message: str, text: str = "") -> None:
        super().__init__(message)
        self.field = field
        self.text = text


@frozen
class Wish:
    """One condition: on what stands in a hole, or (hole "in") on the place of the whole match."""

    hole: str
    condition: str
    argument: str


@frozen(eq=False)
class Row:
    """A rule as data; see docs/writing-rules.rst for what each field means.

    find: patterns of which one must fit; wake: a regular expression that an added line must match, where the patterns
    hold no word to search by; replace: one for all patterns or one each ("" for none), None where there is no fix;
    names: the words that a hole may hold; words: one that an added line must hold, empty where that is not known;
    needs: of each pattern the names that every match of it holds.
    """

    name: str
    summary: str
    find: tuple[str, ...]
    frame: str
    wishes: tuple[Wish, ...]
    names: Mapping[str, tuple[str, ...]]
    wake: str
    message: str
    replace: tuple[str, ...] | None
    since: str
    include: str
    why: str
    source: str
    severity: Severity
    confidence: Confidence
    default: str
    bad: tuple[str, ...]
    good: tuple[str, ...]
    words: frozenset[str]
    needs: tuple[frozenset[str], ...]

    @property
    def of_new_files(self) -> bool:
        """Whether it is said of files only that the series makes."""
        return any((wish.hole, wish.condition) == ("in", "new-file") for wish in self.wishes)


def row_of(data: Mapping[str, Any]) -> Row:
    """A row of what TOML gives. Raises RowError for what its form shows to be wrong (see patchscan.match.rowfile)."""
    for field, value in data.items():
        if field not in FIELDS:
            raise RowError(field, f"there is no field {field}: it is one of {', '.join(FIELDS)}")
        check_kind(field, value, FIELDS[field][1])
    for field, (needed, _) in FIELDS.items():
        if needed and not data.get(field):
            raise RowError("name", f"the row has no {field}: give it one")
    for field, words in CLOSED.items():
        if data.get(field, words[0]) not in words:
            raise RowError(field, f"{data[field]!r} is none of {', '.join(words)}", str(data[field]))
    wishes, names = conditions_of(data.get("where", {}))
    return Row(
        name=data["name"],
        summary=data["summary"],
        find=tuple(data["find"]),
        frame=data.get("frame", ""),
        wishes=wishes,
        names=names,
        wake=data.get("wake", ""),
        message=data["message"],
        replace=replacements(data),
        since=data.get("since", ""),
        include=data.get("include", ""),
        why=data["why"],
        source=data["source"],
        severity=data.get("severity", "info"),
        confidence=data.get("confidence", "medium"),
        default=data.get("default", "on"),
        bad=tuple(data["bad"]),
        good=tuple(data["good"]),
        words=woken_by(data["find"], names, data.get("wake", "")),
        needs=tuple(frozenset(names_in(text)) for text in data["find"]),
    )


def replacements(data: Mapping[str, Any]) -> tuple[str, ...] | None:
    """The replacements of a row. Raises RowError where there are neither one nor as many as patterns."""
    value = data.get("replace")
    if value is None:
        return None
    found = (value,) if isinstance(value, str) else tuple(value)
    if len(found) not in (1, len(data["find"])):
        raise RowError(
            "replace", f"give one text, or one for each of the {len(data['find'])} patterns of find"
        )
    return found


def woken_by(find: Sequence[str], names: Mapping[str, Sequence[str]], wake: str) -> frozenset[str]:
    """One word of the beginning of each pattern, or the names that its hole may hold; none where `wake` decides."""
    if wake:
        return frozenset()
    found: set[str] = set()
    for text in find:
        first = text.partition(";")[0]
        named = [word for hole, words in names.items() if re.search(rf"\${hole}\b", first) for word in words]
        found.update(named or [word_of(first)])
    return frozenset(found - {""})


def word_of(text: str) -> str:
    """The longest word of a pattern, one of a string or of the language only where there is no other."""
    names = names_in(text) or [word for quoted in _STRING.findall(text) for word in _WORD.findall(quoted)]
    return max(names or _WORD.findall(text), key=lambda name: (len(name), name), default="")


def names_in(text: str) -> list[str]:
    """The words of a pattern that are neither of a string nor of the language."""
    return [word for word in _WORD.findall(_STRING.sub('""', text)) if not _LANGUAGE.fullmatch(word)]


def plain_of(row: Row) -> tuple[Any, ...]:
    """A row as what marshal can keep: its fields in their order."""
    wishes = tuple((wish.hole, wish.condition, wish.argument) for wish in row.wishes)
    return tuple({**as_dict(row), "wishes": wishes}.values())


def row_from(kept: tuple[Any, ...]) -> Row:
    """A row of what plain_of() gave."""
    before, wishes, behind = kept[:_WISHES], kept[_WISHES], kept[_WISHES + 1 :]
    values: tuple[Any, ...] = (*before, tuple([Wish(*each) for each in wishes]), *behind)
    return Row(*values)


# Where each field stands among those that are kept.
PLACES = {name: place for place, name in enumerate(Row.__match_args__)}
_WISHES = PLACES["wishes"]


def check_kind(field: str, value: object, kind: str) -> None:
    """Raise RowError where a field is not of its kind."""
    texts = (
        isinstance(value, Sequence) and not isinstance(value, str) and all(isinstance(x, str) for x in value)
    )
    text = isinstance(value, str)
    fits = {"text": text, "list": texts, "text or list": text or texts, "table": isinstance(value, Mapping)}
    if not fits[kind]:
        wanted = {"list": "a list of texts", "table": "a table, { HOLE = condition }"}.get(kind, f"a {kind}")
        raise RowError(field, f"{field} must be {wanted}")


def conditions_of(where: Mapping[str, Any]) -> tuple[tuple[Wish, ...], dict[str, tuple[str, ...]]]:
    """The conditions of a row, and the names that a hole may hold."""
    wishes: list[Wish] = []
    names: dict[str, tuple[str, ...]] = {}
    for hole, value in where.items():
        if isinstance(value, str):
            for part in value.split(";"):
                condition, _, argument = part.strip().partition(":")
                wishes.append(Wish(hole, condition.strip(), argument.strip()))
        elif isinstance(value, Sequence) and value and all(isinstance(each, str) for each in value):
            names[hole] = tuple(value)
        else:
            raise RowError("where", f"what {hole} must be is a condition or a list of names", hole)
    return tuple(wishes), names
