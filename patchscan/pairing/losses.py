"""Functions that lose a barrier, and the comments anywhere in the tree that say they pair with such a function."""

import re
from collections.abc import Iterator, Sequence

from patchscan.basics.keep import kept
from patchscan.basics.pattern import pattern
from patchscan.basics.record import frozen
from patchscan.c.source import Function, parse
from patchscan.changedfile import ChangedFile, encode
from patchscan.pairing.partners import BARRIER, Barrier, Site, Text, index, prepare, sites
from patchscan.pairing.sites import matching
from patchscan.series import Hunk
from patchscan.tree.overlay import View

_INCLUDE = pattern(rb"^[ \t]*#[ \t]*include[ \t]*[<\"]([^>\"\n]+)[>\"]", re.M)
_SPEAKS = pattern(rb"air|[Mm]atch|coupled|[Ss]ynchroni|orresponding|ounter|\bvs\b|gainst")
_MOST = 60
# Of bytes: longer comments are no comments at barriers.
_COMMENT = 2_000


@frozen
class Loss:
    """A line with a barrier that a patch takes from a function; line: the place after the patch, as it numbers it;
    old: the line in the code before the patch; instead: the barrier on the line that takes its place, "" for none."""

    function: Function
    line: int
    barrier: str
    old: int = 0
    instead: str = ""

    @property
    def sentence(self) -> str:
        """What the patch does, as a report says it."""
        instead = f", and {self.instead}() takes its place" if self.instead else ""
        return f"{self.function.name}() loses its {self.barrier}(){instead}"


def losses(file: ChangedFile, wanted: "re.Pattern[str]" = BARRIER) -> Iterator[Loss]:
    """The barriers that functions of a file lose, line by line; what only orders a dependency is none.

    wanted: finds them, group 1 is the name.
    """
    for hunk in file.change.hunks:
        shift = file.source_line(hunk.new_start) - hunk.new_start
        for place, line in enumerate(hunk.lines):
            found = wanted.search(line.text) if line.kind == "-" else None
            if found is None or line.old is None or Barrier("", 0, "", found[1]).is_weak:
                continue
            number = line.old + shift
            functions = (source.function_at(number) for source in file.before)
            function = next((each for each in functions if each is not None and each.name), None)
            if function is not None:
                yield Loss(function, _place(hunk, place), found[1], number, _instead(hunk, place, wanted))


def _instead(hunk: Hunk, place: int, wanted: "re.Pattern[str]") -> str:
    """The barrier on the lines that are added where one was removed: of several one that orders by itself."""
    found = []
    for line in hunk.lines[place + 1 :]:
        if line.kind == " ":
            break
        found += wanted.findall(line.text) if line.kind == "+" else []
    return next((name for name in found if not Barrier("", 0, "", name).is_weak), next(iter(found), ""))


def _place(hunk: Hunk, place: int) -> int:
    """The line that stands where a removed one stood: the next that stays or comes, else the last before."""
    after = [line.new for line in hunk.lines[place:] if line.new is not None]
    before = [line.new for line in hunk.lines[:place] if line.new is not None]
    return (after[:1] or before[-1:] or [hunk.new_start])[0]


def texts(file: ChangedFile) -> Iterator[Text]:
    """The code after the patch: the whole file, or each hunk in its place."""
    return iter(_prepared(file))


@kept
def _prepared(file: ChangedFile) -> tuple[Text, ...]:
    """Prepared once a file: every function that loses a barrier asks for all files of its patch."""
    return tuple(_texts(file))


def _texts(file: ChangedFile) -> Iterator[Text]:
    spans = [(f.first_line, f.last_line, f.name) for source in file.after for f in source.functions()]
    if file.state.after is not None:
        yield prepare(file.path, file.state.after, spans)
        return
    for hunk in file.change.hunks:
        lines = [encode(line.text) for line in hunk.lines if line.kind != "-"]
        yield prepare(file.path, b"\n" * (hunk.new_start - 1) + b"\n".join(lines), spans)


def text_before(file: ChangedFile) -> Text | None:
    """The whole file before the patch; None where it is not known."""
    return text_of(file.path, file.state.before) if file.state.before is not None else None


def text_of(path: str, data: bytes) -> Text:
    """A file that is whole."""
    spans = [(f.first_line, f.last_line, f.name) for f in parse(data, path).functions()]
    return prepare(path, data, spans)


def counting_on(view: View, file: ChangedFile, function: Function) -> tuple[tuple[Site, ...], str]:
    """The barriers whose comment says that they pair with a function of a file, and what was not searched.

    view: the tree as the whole series leaves it. A static function is named beside its file or in a header of
    it at most, and a file that defines another of its name speaks of that one.
    """
    known = _counted(file)
    if function.name not in known:
        known[function.name] = _counting_on(view, file, function)
    return known[function.name]


@kept
def _counted(file: ChangedFile) -> dict[str, tuple[tuple[Site, ...], str]]:
    """What was asked of a file so far: for each barrier that a function loses, and once more for what is left of it."""
    return {}


def _counting_on(view: View, file: ChangedFile, function: Function) -> tuple[tuple[Site, ...], str]:
    # Imported here: few patches take a barrier away.
    from patchscan.lookup.uses import files_holding

    paths, missed = files_holding(view, function.name, (file.path,), _MOST)
    if function.is_static and file.path.endswith(".c"):
        near = tuple(f"/{name.decode('latin-1')}" for name in _INCLUDE.findall(view.read(file.path) or b""))
        directory = file.path.rpartition("/")[0]
        paths = [path for path in paths if path.rpartition("/")[0] == directory or path.endswith(near)]
        missed = ""
    found = list(texts(file)) if view.read(file.path) is None else []
    for path in paths:
        data = view.read(path)
        if data is not None and _may_name(data, function.name.encode()):
            text = text_of(path, data)
            if path == file.path or not _defines(text, data, function.name):
                found.append(text)
    return _naming(found, function.name), missed if missed.startswith(("only", "no tree")) else ""


def _may_name(data: bytes, name: bytes) -> bool:
    """Whether a name stands near what may speak of pairing: a file is only read as a whole where it does."""
    at = data.find(name)
    while at >= 0:
        if _SPEAKS.search(data, max(0, at - _COMMENT), at + _COMMENT):
            return True
        at = data.find(name, at + len(name))
    return False


def _defines(text: Text, data: bytes, name: str) -> bool:
    """Whether a file defines a function of that name."""
    return any(function.name == name for function in parse(data, text.path).functions())


def _naming(texts: Sequence[Text], name: str) -> tuple[Site, ...]:
    told = index(site for text in texts for site in sites(text)).get(name, ())
    return (*told, *(site for text in texts for site in matching(text, name)))
