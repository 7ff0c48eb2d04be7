"""The identifiers on the lines that a patch changes."""

from patchscan.basics.pattern import pattern
from patchscan.tree.overlay import PatchState

_WORD = pattern(r"[A-Za-z_]\w*")


def touched_words(state: PatchState) -> frozenset[str]:
    """The identifiers on the lines of code that a patch changes, and in what git says the hunks belong to."""
    words: set[str] = set()
    for file in state.files:
        if not file.change.path.endswith((".c", ".h", ".S")):
            continue
        for hunk in file.change.hunks:
            words.update(_WORD.findall(hunk.section))
            for line in hunk.lines:
                if line.kind != " ":
                    words.update(_WORD.findall(line.text))
    return frozenset(words)
