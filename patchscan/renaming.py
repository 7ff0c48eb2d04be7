"""What a patch only renames: names that the tree did not know, each in the place of one that it takes away.

Code that is the same but for such names does the same. A rule that asks what code does would see no change in it, or
one that is none where our tables know the one name and not the other.
"""

import re
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence

from patchscan.basics.keep import kept
from patchscan.basics.pattern import pattern
from patchscan.basics.record import replace
from patchscan.changedfile import ChangedFile
from patchscan.context import Context
from patchscan.diff.renamings import Renaming, renamings, without
from patchscan.tree.overlay import FileState, View

# A patch that renames more is looked at as one that changes what it touches.
_MOST_NAMES = 50
_WORD = pattern(r"[A-Za-z_]\w*")


def changing(context: Context) -> Context | None:
    """A patch, or a part of one, without what it only renames, None where it does no more: for what code does.

    Of a file that changes otherwise, too, the old code has the new names.
    """
    known = renamed(context.whole)
    if not known:
        return context
    files = tuple(left for file in context.files if (left := _changing(file, known)) is not None)
    if files == context.files:
        return context
    settings, fit, whole = context.settings, context.fit, context.whole
    return (
        Context(context.series, context.states, context.index, settings, fit, whole, files) if files else None
    )


def _changing(file: ChangedFile, known: Mapping[str, str]) -> ChangedFile | None:
    """A file without what is only renamed, None where that is all."""
    renames = [run.is_by(known) for run in _runs(file)] if _is_laid(file) else []
    if not any(renames):
        return file
    return None if all(renames) else ChangedFile(_named_anew(file, renames), file.shelf)


def _named_anew(file: ChangedFile, renames: Sequence[bool]) -> FileState:
    """A file as if some runs of its lines had always been what they became."""
    state, change = file.state, file.change
    assert state.before is not None and state.after is not None
    before, after = state.before.split(b"\n"), state.after.split(b"\n")
    for run, is_name in reversed([*zip(file.passage.runs, renames, strict=True)]):
        if is_name:
            before[run.old - 1 : run.old_end - 1] = after[run.new - 1 : run.new_end - 1]
    hunks, offsets = without(change.hunks, state.offsets, renames)
    return replace(state, change=replace(change, hunks=hunks), before=b"\n".join(before), offsets=offsets)


def _is_laid(file: ChangedFile) -> bool:
    state = file.state
    return file.is_c and file.used == "tree" and state.before is not None and state.after is not None


@kept
def _runs(file: ChangedFile) -> tuple[Renaming, ...]:
    return renamings(file.change.hunks)


@kept
def renamed(context: Context) -> Mapping[str, str]:
    """The names that a patch brings in the place of others, of which nothing else was known -> these others."""
    if context.view.tree is None:
        return {}
    files = [file for file in context.c_files if _is_laid(file)]
    found = _pairs(files)
    if not 0 < len(found) <= _MOST_NAMES:
        return {}
    earlier = [file for other in (*context.earlier, context) for file in other.c_files]
    # Whether nobody knew a name is asked of the whole tree, which takes longer than all else here.
    if all(_is_made_beside(earlier, new, found) for new in found):
        return {}
    from patchscan.lookup.uses import look_ahead

    start = context.state.start or View(context.view.tree, {})
    look_ahead(start, sorted(found))
    found = {new: old for new, old in found.items() if not _is_known(start, new)}
    while made := {new for new in found if _is_made(earlier, new, found)}:
        # What is done with it is no mere renaming of another either.
        found = {new: old for new, old in found.items() if new not in made}
    return found


def _pairs(files: Collection[ChangedFile]) -> dict[str, str]:
    """The names that only come where another goes, and always that one."""
    found: dict[str, str] = {}
    several = set()
    for file in files:
        for run in _runs(file):
            for new, old in (run.names or {}).items():
                if found.setdefault(new, old) != old:
                    several.add(new)
    return {new: old for new, old in found.items() if new not in several}


def _is_known(start: View, name: str) -> bool:
    """Whether a name meant something before the series: to the tree, or to our tables."""
    from patchscan.flow.resources import by_call, releasing
    from patchscan.flow.wellknown import listed
    from patchscan.lookup.uses import files_holding, seen_files

    # What an option stands for is said in Kconfig.
    if name.startswith("CONFIG_") or listed(name) or name in by_call() or name in releasing():
        return True
    word = re.compile(rb"(?<!\w)%s(?!\w)" % re.escape(name.encode()))
    # Most names that come where another goes are known, and one file that holds them is soon found.
    return _holds(start, seen_files(start, name), word) or _holds(start, files_holding(start, name)[0], word)


def _holds(view: View, paths: Iterable[str], word: re.Pattern[bytes]) -> bool:
    return any(word.search(view.read(path) or b"") for path in paths)


def _is_made(files: Collection[ChangedFile], name: str, found: Mapping[str, str]) -> bool:
    """Whether the series says what a name is, elsewhere than where it only renames what was there."""
    return _is_made_beside(files, name, found) or any(
        run.is_by(found) and _may_define(run.added, name) and not _is_same(file, name, found)
        for file, run in _holding(files, name)
    )


def _is_made_beside(files: Collection[ChangedFile], name: str, found: Mapping[str, str]) -> bool:
    """The same of lines that do more than to rename: then it is so with fewer of these names, too."""
    return any(
        not run.is_by(found) and not all(_is_use(line, name) for line in lines)
        for _, run in _holding(files, name)
        if (lines := [line for line in run.added.split("\n") if _word_of(name).search(line)])
    )


def _holding(files: Collection[ChangedFile], name: str) -> Iterator[tuple[ChangedFile, Renaming]]:
    """The runs that add a name, with their files."""
    return (
        (file, run)
        for file in files
        if name in file.added_text
        for run in _runs(file)
        if _word_of(name).search(run.added)
    )


def _word_of(name: str) -> re.Pattern[str]:
    return re.compile(rf"(?<!\w){name}(?!\w)")


def _is_use(line: str, name: str) -> bool:
    """Whether a line calls a name in a function, or in a macro of another one, is a prototype of it, or exports it."""
    if line.lstrip().startswith("#"):
        return re.match(rf"\s*#\s*define\s+(?!{name}\b)\w", line) is not None
    if not line[:1].isspace():
        return re.search(rf"\b{name}\s*\([^{{}}]*\)[^{{}}]*;\s*$|^EXPORT_\w+\s*\(", line) is not None
    return re.search(rf"\b{name}\s*\((?!.*\{{\s*$)", line) is not None


def _may_define(added: str, name: str) -> bool:
    """Whether lines may begin the definition of a name: a prototype does not."""
    begins = rf"(?m)^(?:\S.*\b|){name}\s*(?:\(|(?:\[.*)?=?\s*\{{|$)|^\s*#\s*define\s+{name}\b"
    return re.search(begins, added) is not None and not re.search(
        rf"\b{name}\s*\([^{{}};]*\)[^{{}};]*;", added
    )


def _is_same(file: ChangedFile, name: str, found: Mapping[str, str]) -> bool:
    """Whether what a file defines by a name is what it defined by the old one, but for names."""
    if all(run.is_by(found) for run in _runs(file)):
        return True
    after = [_plain(each.text, found) for each in file.functions if each.name == name]
    old = (each for source in file.before for each in source.functions() if each.name == found[name])
    return bool(after) and after == [_plain(each.text, {}) for each in old]


def _plain(text: str, found: Mapping[str, str]) -> str:
    """A text without white space, with the old names."""
    return "".join(_WORD.sub(lambda match: found.get(match[0], match[0]), text).split())
