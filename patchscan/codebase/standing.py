"""Whether what a hunk wants stands in a file already, in a tree that holds a version of its patch."""

from patchscan.basics.pattern import pattern
from patchscan.series import Hunk, Line

_COMMENT = pattern(r"\*(?:\s|/|\*|$)|/\*|//")
_BESIDE = pattern(r"\s*(?:/\*.*?\*/|//.*)")
_HEAD = pattern(r"#\s*define\s+(\w+)|(?=[A-Za-z_])(?:[^(;={}]*\W)?(\w+)\s*\((?!.*;\s*$)")


def stands(content: bytes, hunk: Hunk) -> bool:
    """Whether the outcome of a hunk stands in a file, between the next lines of its context that the file has.

    Comments, blank lines and white space are left out; a hunk of them alone stands everywhere.
    """
    have = [code for line in content.decode("utf-8", "surrogateescape").split("\n") if (code := _code(line))]
    known = frozenset(have)
    lines = [(line.kind, _code(line.text)) for line in hunk.lines]
    lines = [(kind, code) for kind, code in lines if code and (kind != " " or code in known)]
    changed = [index for index, (kind, _) in enumerate(lines) if kind != " "]
    if not changed:
        return True
    core = [code for kind, code in lines[max(changed[0] - 1, 0) : changed[-1] + 2] if kind != "-"]
    adds = any(kind == "+" for kind, _ in lines)
    return len(core) > (not adds) and any(
        have[index : index + len(core)] == core for index, code in enumerate(have) if code == core[0]
    )


def adds_what_stands(content: bytes, hunk: Hunk) -> bool:
    """Whether a hunk only adds, and a file has half of that."""
    known = frozenset(map(_code, content.decode("utf-8", "surrogateescape").split("\n")))
    added = [_code(line.text) in known for line in hunk.lines if line.kind == "+" and _tells(line)]
    return not any(line.kind == "-" for line in hunk.lines) and 2 * sum(added) >= len(added) > 0


def functions_of(hunk: Hunk) -> frozenset[str]:
    """The functions and macros in which a hunk changes code, by the heads that it and its section show."""
    found: set[str] = set()
    name = _named(hunk.section)
    for line in hunk.lines:
        if line.text.startswith("}"):
            name = ""
        name = _named(line.text) or name
        if line.kind != " " and name and _tells(line):
            found.add(name)
    return frozenset(found)


def _tells(line: Line) -> bool:
    return bool(_code(line.text).strip("{}; "))


def _code(line: str) -> str:
    """A line without white space and comments beside code, "" for one of a comment."""
    plain = " ".join(line.split())
    return "" if _COMMENT.match(plain) else _BESIDE.sub("", plain)


def _named(line: str) -> str:
    """The function or macro that begins on a line."""
    found = _HEAD.match(line)
    return next(filter(None, found.groups()), "") if found is not None else ""
