"""When a line, a file or a definition is compiled: a formula over CONFIG options."""

import re
from collections.abc import Iterator

from patchscan.context import ChangedFile
from patchscan.series import Hunk
from patchscan.source import Source, parse
from patchscan.source.condition import Formula, all_of, config, read_condition
from patchscan.tree.implied import ARCHITECTURES
from patchscan.tree.kbuild import linkage_of
from patchscan.tree.overlay import View
from patchscan.tree.uses import Use

_SHORTEST_PLACE = 12


def compiled_when(view: View, file: ChangedFile, line: int) -> Formula:
    """When an added line is compiled: the #if around it, the Makefiles and the architecture.

    Where the file does not apply to the tree, what stands around its hunk is looked for by the context lines; an
    atom that is not plain says that it was not found.
    """
    source = next((each for each in file.after if each.line_text(line)), None)
    conditions = list(source.conditions_at(line)) if source else []
    parts = [read_condition(each.expression, each.negated) for each in conditions]
    if file.used == "hunk" and file.state.after is None:
        hunk = next((each for each in file.change.hunks if 0 <= line - each.new_start < each.new_count), None)
        around = conditions_around(view, file.path, hunk) if hunk else None
        parts += [Formula("atom", "?around the hunk")] if around is None else around
    return all_of((*parts, built_when(view, file.path)))


def conditions_around(view: View, path: str, hunk: Hunk) -> list[Formula] | None:
    """The conditions around a hunk that does not apply, by its context lines that stand in the file once.

    None where they differ, where less than half are found, or where a block ends in the hunk that begins outside.
    """
    if ends_block(hunk):
        return None
    source = parse(view.read(path) or b"", path)
    context = [line.text for line in hunk.lines if line.kind == " " and len(line.text) >= _SHORTEST_PLACE]
    places = [found[0] for text in context if len(found := list(lines_of(source, text))) == 1]
    conditions = {source.conditions_at(place) for place in places}
    if len(conditions) != 1 or 2 * len(places) < len(context):
        return None
    return [read_condition(each.expression, each.negated) for each in conditions.pop()]


def ends_block(hunk: Hunk) -> bool:
    """Whether an #else or #endif of the hunk belongs to an #if above it."""
    depth = 0
    for line in hunk.lines:
        word = "" if line.kind == "-" else line.text.lstrip("# \t") if line.text.startswith("#") else ""
        if word.startswith("if"):
            depth += 1
        elif word.startswith(("endif", "el")):
            if depth == 0:
                return True
            depth -= word.startswith("endif")
    return False


def lines_of(source: Source, text: str) -> Iterator[int]:
    """The lines of a text that read so."""
    yield from (
        number
        for number, line in enumerate(source.text.decode("utf-8", "surrogateescape").split("\n"), 1)
        if line == text
    )


def built_when(view: View, path: str) -> Formula:
    """When the Makefiles build a file: the options on the way to it, those of its directories included."""
    parts = path.split("/")[:-1]
    options = []
    if parts[:1] == ["arch"] and len(parts) > 1 and parts[1] in ARCHITECTURES:
        options.append(ARCHITECTURES[parts[1]])
    if path.endswith(".c"):
        options += linkage_of(view, path).config
        for depth in range(1, len(parts)):
            makefile = view.read("/".join([*parts[:depth], "Makefile"])) or b""
            directory = re.escape(parts[depth].encode())
            entry = re.search(rb"^obj-\$\(CONFIG_(\w+)\)[^\n]*\b%s/" % directory, makefile, re.M)
            options += [entry[1].decode()] if entry else []
    return all_of(config(option) for option in options)


def defined_when(view: View, use: Use) -> Formula:
    """When a definition that find_uses() found is compiled."""
    return all_of((*(read_condition(each) for each in use.conditions), built_when(view, use.path)))
