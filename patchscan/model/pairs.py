"""Barriers whose comment says what they pair with: an index from a function to those that count on it.

Memory-barriers.txt, "SMP BARRIER PAIRING": a barrier means nothing without its partner, and the kernel asks for a
comment that names it. What a comment says is taken only from the clause after "pairs with".
"""

import re
from collections.abc import Callable, Iterable, Iterator, Sequence

from patchscan.frozen import frozen
from patchscan.source.lexical import blank

_BARRIER_NAMES = (
    r"smp_mb__\w+|smp_mb|smp_rmb|smp_wmb|mb|rmb|wmb|virt_\w?mb|dma_\w?mb|smp_store_release|smp_load_acquire"
    r"|smp_store_mb|smp_cond_load_acquire|atomic_cond_read_acquire|smp_acquire__after_ctrl_dep|set_current_state"
    r"|rcu_assign_pointer|rcu_dereference\w*|(?:atomic\w*_)?(?:try_)?cmpxchg\w*|(?:atomic\w*_)?xchg\w*"
    r"|atomic\w*_(?:acquire|release)|atomic\w*_(?:inc|dec|add|sub|fetch)\w*|test_and_\w+_bit\w*|clear_bit_unlock"
    r"|READ_ONCE|WRITE_ONCE|wq_has_sleeper|waitqueue_active|wake_up\w*|refcount_\w+"
)
BARRIER = re.compile(rf"\b({_BARRIER_NAMES})\s*\(")
_COMMENT = re.compile(r"/\*.*?\*/|//[^\n]*(?:\n[ \t]*//[^\n]*)*", re.S)
_PAIRS = re.compile(r"\b(?:pair(?:s|ed|ing)?\s+(?:directly\s+|up\s+)?with|matching|paired\s+by)\b", re.I)
_CLAUSE_END = re.compile(
    r"[.;](?:\s|$)|\bto (?:ensure|make sure|guarantee|prevent|avoid)\b|\bso that\b|\bSee\b|\bwhich\b|\bensures?\b",
    re.I,
)
_LABEL = re.compile(r"\b([A-Za-z_]\w+):([A-Z])\b")
_CALL = re.compile(r"\b([A-Za-z_]\w+)\s*\(\)")
_WORD = re.compile(r"\b([a-z]\w*_\w+)\b")
_DECORATION = re.compile(r"^[ \t]*(?:/\*+|\*/|\*|//)[ \t]?|\*/\s*$", re.M)
_STATEMENT_END = re.compile(r"[;{}]")
_LETTER = re.compile(r"LMM\((\w+):([A-Z])\)")


@frozen
class Partner:
    """What a comment names: a function, a label of one ("desc_read:D"), or only a kind of barrier.

    called: the function is written as a call, not only as a word.
    """

    function: str
    label: str = ""
    barrier: str = ""
    called: bool = True


@frozen
class Site:
    """A barrier with a comment that says what it pairs with; line: of the barrier."""

    path: str
    line: int
    function: str
    barrier: str
    comment: str
    partners: tuple[Partner, ...]


@frozen
class Barrier:
    """Any barrier in a file; operand: the last name in its first argument, "" without one."""

    path: str
    line: int
    function: str
    name: str
    operand: str = ""


@frozen
class Text:
    """One C file, prepared for the questions here; function_of: line to the name of the function around it."""

    path: str
    text: str
    code: str
    function_of: Callable[[int], str]

    def line_at(self, offset: int) -> int:
        return self.text.count("\n", 0, offset) + 1


def prepare(path: str, data: bytes, spans: Sequence[tuple[int, int, str]]) -> Text:
    """A file; spans: (first line, last line, name) of its functions."""
    text = data.decode("latin-1")
    code = _COMMENT.sub(lambda found: blank(found.group().encode("latin-1")).decode("latin-1"), text)

    def function_of(line: int) -> str:
        return next((name for first, last, name in spans if first <= line <= last), "")

    return Text(path, text, code, function_of)


def sites(file: Text) -> Iterator[Site]:
    """The barriers of a file whose comment speaks of pairing, in the order of the file."""
    for comment in _COMMENT.finditer(file.text):
        said = plain(comment.group())
        if "pair" not in said.lower() or not _is_about_barriers(said, file, comment):
            continue
        found = _attached(file, comment)
        if found is None:
            continue
        line = file.line_at(found.start())
        function = file.function_of(line)
        partners = tuple(dict.fromkeys(named_partners(said, function)))
        yield Site(file.path, line, function, found.group(1), said, partners)


def plain(comment: str) -> str:
    """The words of a comment on one line, without its decoration."""
    return " ".join(_DECORATION.sub("", comment).split())


def _is_about_barriers(said: str, file: Text, comment: "re.Match[str]") -> bool:
    return _PAIRS.search(said) is not None or re.search(r"\bpair", said, re.I) is not None


def _attached(file: Text, comment: "re.Match[str]") -> "re.Match[str] | None":
    """The barrier that a comment stands at: before it on its line, or in the statement after it."""
    start = file.code.rfind("\n", 0, comment.start()) + 1
    before = list(BARRIER.finditer(file.code, start, comment.start()))
    if before:
        return before[-1]
    end, offset = comment.end(), comment.end()
    for _ in range(2):
        stop = _STATEMENT_END.search(file.code, offset)
        limit = stop.end() if stop else min(len(file.code), end + 400)
        if file.code.count("\n", end, limit) > 8:
            limit = min(limit, end + 400)
        candidates = list(BARRIER.finditer(file.code, end, limit))
        strong = [found for found in candidates if found.group(1) not in ("READ_ONCE", "WRITE_ONCE")]
        if strong or candidates:
            return (strong or candidates)[0]
        if file.code[end:limit].strip(" \t\n{};"):
            return None
        offset = limit
    return None


def named_partners(said: str, own: str) -> Iterator[Partner]:
    """What the clauses after "pairs with" name, in order; `own`: the function the comment stands in."""
    for found in _PAIRS.finditer(said):
        rest = said[found.end() :]
        end = _CLAUSE_END.search(rest)
        clause = rest[: end.start()] if end else rest[:200]
        labels = dict(_LABEL.findall(clause))
        for function, letter in labels.items():
            yield Partner(function, letter)
        barrier = ""
        calls = _CALL.findall(clause)
        for name in dict.fromkeys([*calls, *_WORD.findall(clause)]):
            if BARRIER.match(name + "("):
                barrier = barrier or name
            elif name not in labels and name != own:
                yield Partner(name, called=name in calls)
        if barrier or re.search(r"\b(?:memory |full |write |read |release |acquire )?barrier\b", clause):
            yield Partner("", barrier=barrier or "barrier")


def barriers(file: Text) -> Iterator[Barrier]:
    """Every barrier in a file."""
    for found in BARRIER.finditer(file.code):
        line = file.line_at(found.start())
        yield Barrier(
            file.path, line, file.function_of(line), found.group(1), operand_of(file.code, found.end())
        )


def operand_of(code: str, start: int) -> str:
    """The last name in the first argument of a call whose parenthesis opened before start."""
    argument = re.match(r"[^,;]*?(?=,|\)\s*[;,)&|<>=!]|;)", code[start : start + 200], re.S)
    names = re.findall(r"[A-Za-z_]\w*", argument.group()) if argument else []
    return names[-1] if names else ""


def labels(file: Text) -> dict[tuple[str, str], int]:
    """(function, letter) of the labels LMM(function:letter) to the line after their comment."""
    found: dict[tuple[str, str], int] = {}
    for label in _LETTER.finditer(file.text):
        found.setdefault((label.group(1), label.group(2)), file.line_at(label.start()))
    return found


def partners_of(site: Site, lookup: Callable[[str, str], Text | None]) -> list[Barrier]:
    """The barriers that a site's comment means, the likeliest first; line 0 for a function without one.

    lookup: (function name, path that names it) to the file that defines it, None where it is not found.
    """
    candidates: list[tuple[int, Barrier]] = []
    named = [partner for partner in site.partners if partner.function]
    kind = next((partner.barrier for partner in site.partners if partner.barrier), "")
    for partner in named:
        file = lookup(partner.function, site.path)
        if file is None:
            candidates += _renamed(site, partner, lookup)
            continue
        line = labels(file).get((partner.function, partner.label), 0) if partner.label else 0
        inside = [each for each in barriers(file) if each.function == partner.function]
        if line:
            inside = sorted(inside, key=lambda each: abs(each.line - line))[:1] or inside
        scored = [(_score(each, site, kind, file), each) for each in inside]
        scored = scored or [(9, Barrier(file.path, 0, partner.function, ""))]
        candidates += sorted(scored, key=lambda pair: pair[0])[:1]
    if not candidates and kind and not any(partner.called for partner in named):
        candidates = _by_kind(site, kind, lookup)
    return [barrier for _, barrier in sorted(candidates, key=lambda pair: pair[0])]


def _renamed(
    site: Site, partner: Partner, lookup: Callable[[str, str], Text | None]
) -> list[tuple[int, Barrier]]:
    """A barrier in a function of the same file whose name only begins as the comment says."""
    file = lookup("", site.path)
    if file is None or not partner.called:
        return []
    found = [each for each in barriers(file) if each.function.startswith(partner.function)]
    return [(4, each) for each in found if each.name not in ("READ_ONCE", "WRITE_ONCE")][:1]


def _score(barrier: Barrier, site: Site, kind: str, file: Text) -> int:
    """Lower is likelier: a comment that names us back, then the kind that was named, then any real barrier."""
    lines = file.text.split("\n")
    around = " ".join(lines[max(0, barrier.line - 12) : barrier.line + 1])
    if site.function and site.function in around and "pair" in around.lower():
        return 0
    if kind and barrier.name == kind:
        return 1
    return 3 if barrier.name in ("READ_ONCE", "WRITE_ONCE") else 2


def _by_kind(site: Site, kind: str, lookup: Callable[[str, str], Text | None]) -> list[tuple[int, Barrier]]:
    """Barriers of the kind that a comment names without a function: near by in the same file."""
    file = lookup("", site.path)
    if file is None:
        return []
    above = re.search(r"\babove\b", site.comment) is not None
    below = re.search(r"\bbelow\b", site.comment) is not None
    own = next(
        (each for each in barriers(file) if each.line == site.line and each.name == site.barrier), None
    )
    found = []
    for each in barriers(file):
        if each.name != kind or each.line == site.line or (above and each.line > site.line):
            continue
        if below and each.line < site.line:
            continue
        same = own is not None and own.operand != "" and own.operand == each.operand
        found.append((abs(each.line - site.line) - (10_000 if same else 0), each))
    return sorted(found, key=lambda pair: pair[0])[:1]


def index(all_sites: Iterable[Site]) -> dict[str, tuple[Site, ...]]:
    """Function to the sites elsewhere whose comment says that they pair with it."""
    found: dict[str, list[Site]] = {}
    for site in all_sites:
        for partner in site.partners:
            if partner.function and partner.function != site.function:
                found.setdefault(partner.function, []).append(site)
    return {name: tuple(dict.fromkeys(found[name])) for name in sorted(found)}
