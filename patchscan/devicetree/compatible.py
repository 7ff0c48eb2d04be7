"""Compatible strings that a series brings: where drivers and sources use them, and where bindings document them."""

from collections.abc import Iterator, Sequence

from patchscan.basics.keep import kept
from patchscan.basics.pattern import pattern
from patchscan.changedfile import ChangedFile
from patchscan.context import Context
from patchscan.devicetree.changed import BINDINGS, excerpts

MATCHED = pattern(r'\.compatible\s*=\s*"([a-z0-9-]+,[\w,.+-]+)"')
_QUOTED = pattern(r'"([a-z0-9-]+,[\w,.+-]+)"')
_WORD = pattern(r"[\w,.+-]+")
# Programs and tests with devices of their own.
_NO_DRIVERS = ("drivers/of/unittest", "lib/", "tools/")


def matched(context: Context) -> Iterator[tuple[ChangedFile, int, str]]:
    """(file, line, string) of those that drivers of a patch begin to match."""
    for file in context.c_files:
        if file.adds(".compatible") and not file.path.startswith(_NO_DRIVERS):
            for number in sorted(file.added_numbers):
                for found in MATCHED.finditer(file.text_at(number)):
                    yield file, number, found[1]


def used(context: Context) -> Iterator[tuple[ChangedFile, int, str]]:
    """(file, line, string) of those that Devicetree sources of a patch begin to use."""
    for file, excerpt in excerpts(context):
        for node in () if excerpt.example else excerpt.every():
            held = node.get("compatible")
            for value in held.values if held is not None else ():
                if value.kind == "string" and "," in value.text and value.line in file.added_numbers:
                    yield file, value.line, value.text


@kept
def added_names(context: Context, bindings: bool) -> frozenset[str]:
    """The names with a comma on lines that a patch adds to bindings, or takes away from anything else."""
    lines = (
        line.text
        for file in context.whole.files
        if file.path.startswith(BINDINGS) == bindings
        for line in (file.added if bindings else file.removed)
    )
    if bindings:
        words = (word.strip(",.+-") for text in lines for word in _WORD.findall(text))
        return frozenset(word for word in words if "," in word)
    return frozenset(found for text in lines for found in _QUOTED.findall(text))


def documents(contexts: Sequence[Context]) -> frozenset[str]:
    """The names on lines that patches add to bindings."""
    return frozenset().union(*(added_names(each, bindings=True) for each in contexts))


def gone(contexts: Sequence[Context]) -> frozenset[str]:
    """The strings on lines that patches take away: what they bring anew only moves."""
    return frozenset().union(*(added_names(each, bindings=False) for each in contexts))
