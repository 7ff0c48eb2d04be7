"""Whether what a hunk wants stands in a file already, in a tree that holds a version of its patch, and in which
function a hunk and a line of a file are."""

from collections.abc import Iterable, Iterator, Sequence

from patchscan.basics.pattern import pattern
from patchscan.series import Hunk

_COMMENT = pattern(r"\*(?:\s|/|\*|$)|/\*|//")
_BESIDE = pattern(r"\s*(?:/\*.*?\*/|//.*)")
_HEAD = pattern(r"#\s*define\s+(\w+)|(?=[A-Za-z_])(?:[^(;={}]*\W)?(\w+)\s*\((?!.*;\s*$)")
_INERT = pattern(r"#\s*include\b|(?:EXPORT_SYMBOL|MODULE_)\w*\(|(?=[A-Za-z_])[^={}]*\)\s*;$")

_Coded = tuple[str, str, str | None]


def stands(content: bytes, hunk: Hunk) -> bool:
    """Whether the outcome of a hunk stands in the function it belongs to, between the next lines of its context that
    the file has, and what was before it does not stand there between as much of them.

    Comments, blank lines and white space are left out; a hunk of them alone stands everywhere.
    """
    raw = content.decode("utf-8", "surrogateescape").split("\n")
    have = [(code, owner) for line, owner in zip(raw, owners(raw, ""), strict=True) if (code := _code(line))]
    known = frozenset(code for code, _ in have)
    lines = [each for each in _coded(hunk) if each[1] and (each[0] != " " or each[1] in known)]
    changed = [index for index, (kind, _, _) in enumerate(lines) if kind != " "]
    if not changed:
        return True
    new, old = _agreement(have, lines, changed, "-"), _agreement(have, lines, changed, "+")
    if not any(kind == "+" for kind, _, _ in lines):
        # Two lines beside each other prove little: some code on either side must be as the hunk shows it.
        above, below = lines[: changed[0]], lines[changed[-1] + 1 :]
        least = [int(any(_tells(code) for _, code, _ in side)) for side in (above, below)]
        return any(all(map(int.__ge__, each, least)) and sum(each) for each in new) and not old
    adds_alone = all(kind != "-" for kind, _, _ in lines)
    return bool(new) and max(map(sum, new)) > max(map(sum, old), default=-1) - adds_alone


def _coded(hunk: Hunk) -> list[_Coded]:
    """Kind, code and function of each line, the lines that go with the function that stays around them."""
    found: list[_Coded] = []
    owner = _named(hunk.section) or None
    after = owners([line.text for line in hunk.lines if line.kind != "-"], owner)
    for line in hunk.lines:
        owner = owner if line.kind == "-" else next(after)
        found.append((line.kind, _code(line.text), owner))
    return found


def _agreement(
    have: Sequence[tuple[str, str | None]], lines: Sequence[_Coded], changed: Sequence[int], without: str
) -> list[tuple[int, int]]:
    """For each place where a hunk's lines but one kind stand in its function: how many lines with code agree on from
    there, above and below."""
    first, last = max(changed[0] - 1, 0), changed[-1] + 2
    core = [code for kind, code, _ in lines[first:last] if kind != without]
    owner = lines[changed[0]][2]
    above = [code for _, code, _ in reversed(lines[: changed[0]])]
    below = [code for _, code, _ in lines[changed[-1] + 1 :]]
    found = []
    for index, (code, inside) in enumerate(have):
        if not core or code != core[0] or (owner is not None and inside not in (owner, "")):
            continue
        if [each for each, _ in have[index : index + len(core)]] != core:
            continue
        start = index + (changed[0] - first)
        end = index + len(core) - len(lines[changed[-1] + 1 : last])
        found.append((_alike(have[:start][::-1], above), _alike(have[end:], below)))
    return found


def _alike(have: Sequence[tuple[str, str | None]], want: Sequence[str]) -> int:
    """How many lines that tell something agree before the first that does not."""
    count = 0
    for (code, _), wanted in zip(have, want, strict=False):
        if code != wanted:
            break
        count += _tells(code)
    return count


def adds_what_stands(content: bytes, hunk: Hunk) -> bool:
    """Whether a hunk only adds, and a file has half of that."""
    known = frozenset(map(_code, content.decode("utf-8", "surrogateescape").split("\n")))
    added = [
        _code(line.text) in known for line in hunk.lines if line.kind == "+" and _tells(_code(line.text))
    ]
    return not any(line.kind == "-" for line in hunk.lines) and 2 * sum(added) >= len(added) > 0


def functions_of(hunk: Hunk) -> frozenset[str]:
    """The functions and macros in which a hunk changes code, by the heads that it and its section show."""
    return frozenset(owner for _, owner in _changes(hunk) if owner)


def last_function(hunk: Hunk) -> frozenset[str]:
    """The function in which a hunk ends, none where that is not known."""
    *_, owner = owners([line.text for line in hunk.lines if line.kind != "-"], _named(hunk.section) or None)
    return frozenset({owner} if owner else ())


def changes_beside(hunk: Hunk) -> bool:
    """Whether a hunk changes code that is in no function, or in one that it does not name."""
    return any(not owner and not _INERT.match(text) for text, owner in _changes(hunk))


def _changes(hunk: Hunk) -> Iterator[tuple[str, str | None]]:
    """The changed lines that tell something, each with its function."""
    named = owners([line.text for line in hunk.lines], _named(hunk.section) or None)
    for line, owner in zip(hunk.lines, named, strict=True):
        if line.kind != " " and _tells(_code(line.text)):
            yield line.text, owner


def belongs(content: bytes, line: int, hunk: Hunk) -> bool:
    """Whether a line of a file, counted from 0, is in the function of a hunk's first change, or in none."""
    raw = content.decode("utf-8", "surrogateescape").split("\n")
    owner = next((owner for kind, _, owner in _coded(hunk) if kind != " "), None)
    inside = list(owners(raw[: line + 1], ""))[-1]
    return owner is None or inside in (owner, "")


def owners(lines: Iterable[str], first: str | None) -> Iterator[str | None]:
    """The function or macro that each line is in, "" outside; first: that before the first of them, None if unknown."""
    name, outer, in_macro = first, first, False
    for line in lines:
        if in_macro:
            yield name
        else:
            outer = name
            if line.startswith("}"):
                name = outer = ""
            head = _named(line)
            in_macro = bool(head) and line.startswith("#")
            name = head or name
            yield name
        if in_macro and not line.endswith("\\"):
            name, in_macro = outer, False


def _tells(code: str) -> bool:
    return bool(code.strip("{}; "))


def _code(line: str) -> str:
    """A line without white space and comments beside code, "" for one of a comment."""
    plain = " ".join(line.split())
    return "" if _COMMENT.match(plain) else _BESIDE.sub("", plain)


def _named(line: str) -> str:
    """The function or macro that begins on a line."""
    found = _HEAD.match(line)
    return next(filter(None, found.groups()), "") if found is not None else ""
