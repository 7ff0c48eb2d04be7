"""The code at each point of a series: read once from the tree, with what the patches make of it."""

from collections.abc import Callable, Mapping, Sequence
from functools import lru_cache

from patchscan.basics.record import frozen
from patchscan.codebase.changed_words import touched_words
from patchscan.codebase.lift import lifted_files
from patchscan.codebase.traced import Traced
from patchscan.codebase.treereader import NO_TREE, TreeReader, reader_of
from patchscan.kconfig.configured import read_defconfig, read_selects
from patchscan.tree import Tree
from patchscan.tree.overlay import PatchState, View

Read = Callable[[str], bytes | None]


@frozen
class Sources:
    """The code at one point of a series: how to read it, what the series changed, and how that was done.

    defining: (directory, function) to the C files of the tree that may define it; words: the identifiers on
    the lines that the series changed; declaring: (structure, path that asks) to the headers that may declare it;
    naming: a name to the files of the tree that hold it, None without a tree; tree: the one that lies below, read by
    these alone; lost: functions, and files, in which the series changes what could not be laid there.
    """

    read: Read
    changed: tuple[str, ...]
    defining: Callable[[str, str], Sequence[str]]
    notes: tuple[str, ...]
    words: frozenset[str] = frozenset()
    declaring: Callable[[str, str], Sequence[str]] = lambda structure, near: ()
    naming: Callable[[str], Sequence[str] | None] = lambda name: None
    tree: Tree | None = None
    lost: frozenset[str] = frozenset()


def sources(states: tuple[PatchState, ...], view: View) -> Sources:
    """The code after the patches of `states` (none: as `view` has it)."""
    lifted = lifted_files(states)
    start = states[0].start if states else view
    # What cannot be taken off stands with all else that the tree has.
    start = None if states and states[-1].held else start
    contents = {**(start.changed if start is not None else {}), **lifted.contents}
    below = _below(view.tree)

    def read(path: str) -> bytes | None:
        return contents[path] if path in contents else below.read(path)

    words = frozenset().union(*(touched_words(state) for state in states))
    return Sources(
        read,
        tuple(sorted(contents)),
        below.defining,
        lifted.notes,
        words,
        below.declaring,
        below.naming,
        view.tree.tree if isinstance(view.tree, Traced) else view.tree,
        lifted.lost,
    )


def _below(tree: Tree | None) -> TreeReader | Traced:
    if isinstance(tree, Traced):
        return tree
    return NO_TREE if tree is None else reader_of(tree)


_DEFCONFIG = {"arm64": "arch/arm64/configs/defconfig"}
_ROOTS = {"arm64": ("ARM64",)}


def base_config(read: Read, column: str) -> Mapping[str, int]:
    """The symbols of an architecture's defconfig, and those its Kconfig selects; x86's for the generic one."""
    defconfig = read(_DEFCONFIG.get(column, "arch/x86/configs/x86_64_defconfig"))
    kconfig = read("arch/arm64/Kconfig" if column == "arm64" else "arch/x86/Kconfig")
    return _base_config(defconfig or b"", kconfig or b"", column)


@lru_cache(maxsize=16)
def _base_config(defconfig: bytes, kconfig: bytes, column: str) -> Mapping[str, int]:
    values = read_defconfig(defconfig.decode("latin-1"))
    roots = _ROOTS.get(column, ("X86", "X86_64", "64BIT", "SMP", "PARAVIRT"))
    selected = read_selects(kconfig.decode("latin-1"), roots)
    always = {"CONFIG_SMP": 1, "CONFIG_MMU": 1, "CONFIG_PGTABLE_LEVELS": 5, "CONFIG_64BIT": 1}
    here = {} if column == "arm64" else {"CONFIG_X86": 1, "CONFIG_X86_64": 1}
    return {**selected, **values, **always, **here}
