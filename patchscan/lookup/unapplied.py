"""What a series says of how it is built that its tree does not hold: unapplied hunks, and options of another series."""

import itertools
import re
from collections.abc import Iterator, Sequence

from patchscan.basics.buildfiles import is_kconfig, is_makefile
from patchscan.basics.keep import kept
from patchscan.basics.pattern import pattern
from patchscan.context import ChangedFile, Context
from patchscan.tree.overlay import View

_DEPENDS = pattern(r"\s*depends\s+on\b(.*)")
_OPTION = pattern(r"\b[A-Z][A-Z0-9_]{2,}\b")
# A line of fewer characters, such as a brace or a comment's end, tells no place.
_SHORT = 4
_BRANCH = pattern(r"\s*#\s*(if|ifdef|ifndef|el\w+|endif)\b")
_STRANGERS = "Kconfig.strangers"


@kept
def as_built(context: Context) -> View:
    """The tree as a patch leaves it, with what unapplied hunks add to Kconfig files and Makefiles at their end.

    An entry means the same wherever it stands in its file, but for what an `if` or `menu` around it asks for. What a
    hunk adds to a header stands beside the line that is beside it there, and so under the same #if. An option that an
    added `depends on` names and nothing defines comes from a series that the tree lacks: it is taken as one that a
    user can turn on.
    """
    if context is not context.whole:
        return as_built(context.whole)
    view = context.view
    changed = dict(view.changed)
    for other in (*context.earlier, context):
        for file in other.files:
            if file.used == "hunk" and _is_of_interest(file.path):
                old = changed.get(file.path) or view.read(file.path) or b""
                changed[file.path] = _with_added(old, file)
    strangers = sorted(set(_strangers(context)))
    if strangers and view.exists("Kconfig"):
        changed["Kconfig"] = (view.read("Kconfig") or b"") + f'\nsource "{_STRANGERS}"\n'.encode()
        changed[_STRANGERS] = "".join(f'config {each}\n\tbool "{each}"\n' for each in strangers).encode()
    return view if changed == view.changed else View(view.tree, changed)


def _is_of_interest(path: str) -> bool:
    return path.endswith(".h") or is_kconfig(path) or is_makefile(path)


def _with_added(text: bytes, file: ChangedFile) -> bytes:
    """A file with the lines that the hunks of a change add, as far as their place is known; none is taken away."""
    if not file.path.endswith(".h"):
        added = "\n".join(line.text for line in file.added)
        return text + b"\n" + added.encode("utf-8", "surrogateescape") + b"\n"
    lines = text.decode("utf-8", "surrogateescape").split("\n")
    laid = _laid(lines, file, directives=True)
    if not _balanced(laid):
        laid = _laid(lines, file, directives=False)
    return "\n".join([*laid, ""]).encode("utf-8", "surrogateescape")


def _laid(lines: list[str], file: ChangedFile, directives: bool) -> list[str]:
    """The lines of a header with those that a change adds, each beside the line that is beside it in its hunk."""
    laid, rest = list(lines), []
    for hunk in file.change.hunks:
        place: int | None = None
        for added, group in itertools.groupby(
            enumerate(hunk.lines), lambda numbered: numbered[1].kind == "+"
        ):
            numbers, texts = zip(*((number, line.text) for number, line in group), strict=True)
            if not added:
                found = [row for each in texts if (row := _only_place(laid, each)) is not None]
                place = found[-1] + 1 if found else place
                continue
            new = _new_of(laid, texts, directives)
            if place is None:
                below = (
                    _only_place(laid, line.text) for line in hunk.lines[numbers[0] :] if line.kind != "+"
                )
                place = next((row for row in below if row is not None), None)
            if place is not None:
                laid[place:place] = new
                place += len(new)
            else:
                rest += [each for each in new if "#include" in each]
    return laid + rest


def _new_of(lines: list[str], texts: Sequence[str], directives: bool) -> list[str]:
    """Those of some lines added together that are not there yet.

    A conditional tells by itself nothing of that, for there are many like it: it comes along with what it holds.
    """
    branches = [bool(_BRANCH.match(each)) for each in texts]
    new = [
        bool(each.strip()) and not branch and _only_place(lines, each) is None
        for each, branch in zip(texts, branches, strict=True)
    ]
    come_along = directives and (any(new) or all(branches))
    return [
        each
        for each, branch, is_new in zip(texts, branches, new, strict=True)
        if is_new or (branch and come_along)
    ]


def _balanced(lines: list[str]) -> bool:
    """Whether each #endif closes an #if, and each #if is closed."""
    depth = 0
    for match in filter(None, map(_BRANCH.match, lines)):
        depth += {"if": 1, "en": -1}.get(match[1][:2], 0)
        if depth < 0:
            return False
    return depth == 0


def _only_place(lines: list[str], text: str) -> int | None:
    """The index of the only line of that text, None where there is none, or several."""
    return lines.index(text) if len(text.strip()) > _SHORT and lines.count(text) == 1 else None


def _strangers(context: Context) -> Iterator[str]:
    """The options that the series depends on and that neither it nor the tree defines."""
    lines = [
        line.text
        for other in context.all
        for file in other.files
        if is_kconfig(file.path)
        for line in file.added
    ]
    defined = {words[1] for line in lines if len(words := line.split()) == 2 and words[0].endswith("config")}
    for line in lines:
        depends = _DEPENDS.match(line)
        for name in _OPTION.findall(depends[1]) if depends else ():
            if name not in defined and context.config_symbol(name) is None:
                yield name


def may_change_function(context: Context, name: str) -> bool:
    """Whether hunks that do not apply speak of a function, other than by a call."""
    word = re.compile(rf"\b{re.escape(name)}\b")
    lines = (line for other in context.not_applied for line in (*other.added, *other.removed))
    return any(word.search(line.text) and not line.text[:1].isspace() for line in lines)


def may_bring_member(context: Context, struct: str, member: str) -> bool:
    """Whether hunks that do not apply add a member or its struct: headers name one, other files declare it."""
    name = re.escape(member)
    word = re.compile(rf"\b(?:{name}|struct {re.escape(struct)})\b")
    declares = re.compile(rf"\s+(?:\w+[\s*]+)+{name}(?:\[[^\]]*\])*;")
    return any(
        word.search(line.text) if other.path.endswith(".h") else declares.match(line.text)
        for other in context.not_applied
        for line in other.added
    )


def text_of(context: Context, file: ChangedFile) -> bytes:
    """The file as it is compiled: after the patch, or where its hunks do not apply, as the tree has it."""
    if file.state.after is not None:
        return file.state.after
    if file.used != "hunk":
        return b""
    lines = [line for hunk in file.change.hunks for line in hunk.lines]
    if file.change.kind == "create":
        return "\n".join(line.text for line in lines if line.kind == "+").encode("utf-8", "surrogateescape")
    return context.view.read(file.path) or b""
