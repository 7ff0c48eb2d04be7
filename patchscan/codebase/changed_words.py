"""The identifiers on the lines that a patch changes."""

from patchscan.basics.pattern import pattern
from patchscan.tree.overlay import PatchState

_WORD = pattern(r"[A-Za-z_]\w*")
_HEAD = pattern(r"[A-Za-z_][\w\s*]*\(")


def touched_words(state: PatchState) -> frozenset[str]:
    """The identifiers on the lines of code that a patch changes, and in what its hunks belong to: as git says, and
    where a hunk shows the head of a function."""
    words: set[str] = set()
    for file in state.files:
        if not file.change.path.endswith((".c", ".h", ".S")):
            continue
        for hunk in file.change.hunks:
            words.update(_WORD.findall(hunk.section))
            for line in hunk.lines:
                if line.kind != " " or _HEAD.match(line.text):
                    words.update(_WORD.findall(line.text))
    return frozenset(words)
