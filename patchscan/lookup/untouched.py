"""The functions that a patch leaves alone, in files of the tree that it may not even change, as a rule reads them."""

from collections.abc import Iterator

from patchscan.c.source import Function, parse
from patchscan.context import ChangedFile, Context
from patchscan.lookup.uses import files_holding
from patchscan.series import FileChange
from patchscan.tree.overlay import FileState


def untouched_functions(
    context: Context, name: str, text: str, most: int
) -> Iterator[tuple[ChangedFile, Function]]:
    """The functions of C files that hold a text, each with its file; of so many files that hold a name at most."""
    changed = {file.path: file for file in context.whole.c_files}
    held = files_holding(context.view, name, most=most)[0]
    for path in [each for each in held if each.endswith(".c")][:most]:
        code = context.view.read(path) or b""
        if text.encode() not in code:
            continue
        file = changed.get(path) or _unchanged(path, code)
        touched = {each.first_line for each in file.functions}
        for function in parse(code, path).functions():
            if function.first_line not in touched and text in function.text:
                yield file, function


def _unchanged(path: str, code: bytes) -> ChangedFile:
    return ChangedFile(FileState(FileChange(path, path, "modify", ()), "tree", "", code, code, ()))
