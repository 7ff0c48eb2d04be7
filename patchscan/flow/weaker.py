"""Lines of which a change leaves all but one thing: a call that becomes one that does less, or that goes."""

from collections.abc import Iterator, Mapping, Sequence
from functools import lru_cache

from patchscan.basics.ourtables import read_table
from patchscan.basics.pattern import pattern
from patchscan.basics.record import frozen

_TOKEN = pattern(r"\w+|->|\S")
# Blanks that stand between the tokens of a path or a call in no code.
_CLOSE = pattern(r" ?(?:->|\.|\(|\)|\[|\]|,) ?")
# Brackets that open and close, for the end of a call.
_DEEPER = {"(": 1, "[": 1, "{": 1, ")": -1, "]": -1, "}": -1}


@frozen
class Weakening:
    """What a kind of rules/tables/words.toml tells of calls that do less: see there."""

    calls: Mapping[str, tuple[str, ...]]
    bare: frozenset[str]
    word: str
    loses: str
    told: str
    waits: bool
    used: bool


@frozen
class Weaker:
    """A call that is another one now, or "" for none; place: which of the new lines holds what is left of it."""

    strong: str
    weak: str
    subject: str
    kind: Weakening
    place: int


@lru_cache(maxsize=1)
def _kinds() -> Sequence[Weakening]:
    table = read_table("words.toml")["weaker"]
    assert isinstance(table, dict)
    return [
        Weakening(
            {name: tuple(weak) for name, weak in each.get("calls", {}).items()},
            frozenset(each.get("bare", ())),
            each.get("word", ""),
            each["loses"],
            each["told"],
            bool(each.get("waits")),
            bool(each.get("used")),
        )
        for each in table.values()
    ]


@lru_cache(maxsize=1)
def _by_strong() -> Mapping[str, Weakening]:
    return {name: kind for kind in _kinds() for name in (*kind.calls, *kind.bare)}


def weakening_of(name: str) -> Weakening | None:
    """The kind of what a call does that others with the same arguments do not, None where none is known."""
    found = _by_strong().get(name)
    if found is None:
        words = name.split("_")
        found = next((kind for kind in _kinds() if kind.word and kind.word in words), None)
    return found


def weaker(old: Sequence[str], new: Sequence[str]) -> Iterator[Weaker]:
    """What lines that change together do less than those in whose place they come: each line beside its own, or all."""
    pairs = (
        [([before], [after], place) for place, (before, after) in enumerate(zip(old, new, strict=True))]
        if len(old) == len(new)
        else []
    )
    found = [
        each
        for before, after, place in pairs
        if (each := _one(_tokens(before), _tokens(after), place)) is not None
    ]
    if found or not old or not new:
        yield from found
    else:
        whole = _one(_tokens(old), _tokens(new), 0)
        if whole is not None:
            yield whole


def _tokens(lines: Sequence[str]) -> Sequence[str]:
    return _TOKEN.findall("\n".join(lines))


def _one(old: Sequence[str], new: Sequence[str], place: int) -> Weaker | None:
    """The one thing that differs between two rows of tokens, None where more does or it is not known."""
    if len(new) < len(old):
        return _bare(old, new, place)
    different = {(a, b) for a, b in zip(old, new, strict=False) if a != b}
    if len(old) != len(new) or len(different) != 1:
        return None
    strong, weak = different.pop()
    kind = weakening_of(strong)
    if kind is None or weak not in kind.calls.get(strong, ()) or (kind.used and "=" not in old):
        return None
    if strong[0].isdigit() and not _is_shifted_far(old[old.index(strong) + 1 :]):
        return None
    return Weaker(strong, weak, "", kind, place)


def _is_shifted_far(tokens: Sequence[str]) -> bool:
    """Whether what follows a number shifts it, by no number that an int has room for."""
    by = tokens[2] if tokens[:2] == ["<", "<"] and len(tokens) > 2 else "0"
    return not (by.isdigit() and int(by) < 31)


def _bare(old: Sequence[str], new: Sequence[str], place: int) -> Weaker | None:
    """The call around a value that is all that goes."""
    for position, name in enumerate(old[:-1]):
        kind = weakening_of(name) if old[position + 1] == "(" else None
        if kind is None or name in kind.calls:
            continue
        end = _end(old, position + 1)
        arguments = list(_arguments(old[position + 2 : end]))
        if list(old[position - 2 : position]) in ([*each, "="] for each in arguments):
            # A variable that is made no larger than something: another rule tells who uses it.
            continue
        for argument in arguments if name in kind.bare or len(arguments) == 1 else ():
            if (
                argument
                and not "".join(argument).isdigit()
                and [*old[:position], *argument, *old[end + 1 :]] == list(new)
            ):
                return Weaker(name, "", _text(argument), kind, place)
    return None


def _text(tokens: Sequence[str]) -> str:
    """Tokens as one writes them, near enough to be recognised."""
    return _CLOSE.sub(lambda found: found[0].strip(), " ".join(tokens)).replace(",", ", ")


def _end(tokens: Sequence[str], start: int) -> int:
    """The bracket that closes the one at start."""
    depth = 0
    for position in range(start, len(tokens)):
        depth += _DEEPER.get(tokens[position], 0)
        if not depth:
            return position
    return len(tokens)


def _arguments(tokens: Sequence[str]) -> Iterator[Sequence[str]]:
    depth, start = 0, 0
    for position, token in enumerate(tokens):
        depth += _DEEPER.get(token, 0)
        if token == "," and not depth:
            yield tokens[start:position]
            start = position + 1
    yield tokens[start:]
