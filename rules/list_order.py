"""An entry at the wrong place of a list that is kept in order: MAINTAINERS, and Makefiles that are."""

from collections.abc import Callable, Iterator, Sequence
from itertools import pairwise

from patchscan.rule import ChangedFile, Context, Evidence, Finding, Rule, Silence, pattern

MAKEFILE = pattern(r"(?:^|/)(?:Makefile|Kbuild)$")
OBJECT = pattern(r"obj-\$\(CONFIG_(?P<name>\w+)\)\s*\+?=\s*[\w.-]+\.o\s*$")
FIELD = pattern(r"[A-Z]:\s")
TITLE = pattern(r"[A-Z0-9\"(].*[^\s:]$")
# How many neighbours show that a list is in order, and how many may not be.
FEWEST = 12
SHARE = 0.97

# (line, what it is sorted by, as it is written)
Entry = tuple[int, str, str]
Reader = Callable[[Sequence[str], int], Iterator[Entry]]


def check(context: Context) -> Iterator[Finding | Silence]:
    """The added entries that stand between the wrong two."""
    for file in context.files:
        if not file.added or file.change.kind != "modify":
            continue
        if file.path == "MAINTAINERS":
            yield from misplaced(file, titles, 0)
        elif MAKEFILE.search(file.path) and file.adds("obj-$(CONFIG_"):
            yield from misplaced(file, objects, FEWEST)


def titles(lines: Sequence[str], first: int) -> Iterator[Entry]:
    """The sections of MAINTAINERS: lines above a field, below an empty line."""
    for at in range(1, len(lines) - 1):
        if not lines[at - 1].strip() and FIELD.match(lines[at + 1]) and TITLE.match(lines[at]):
            yield first + at, lines[at].upper(), lines[at]


def objects(lines: Sequence[str], first: int) -> Iterator[Entry]:
    """The objects of a Makefile that have an option of their own."""
    for at, line in enumerate(lines):
        found = OBJECT.match(line)
        if found:
            yield first + at, found["name"], found["name"]


def misplaced(file: ChangedFile, entries_of: Reader, fewest: int) -> Iterator[Finding]:
    """One finding an added entry; fewest: how many pairs must show that the list is in order, 0 where it always is."""
    added = {line.new for line in file.added}
    gone = {line.text.strip() for line in file.removed}
    after = file.state.after
    if after is not None:
        text = after.decode("utf-8", "surrogateescape").split("\n")
        lists = [list(entries_of(text, 1))]
    elif fewest:
        return
    else:
        lists = [
            list(entries_of([line.text for line in hunk.lines if line.kind != "-"], hunk.new_start))
            for hunk in file.change.hunks
        ]
    for entries in lists:
        new = {line for line, _, _ in entries if file.patch_line(line) in added}
        old = [entry for entry in entries if entry[0] not in new]
        pairs = [one[1] <= two[1] for one, two in pairwise(old)]
        if len(pairs) < fewest or sum(pairs) < SHARE * len(pairs):
            continue
        for before, entry, behind in zip(entries, entries[1:], [*entries[2:], None], strict=False):
            line, key, shown = entry
            late = key < before[1] and before[0] not in new
            early = behind is not None and key > behind[1] and behind[0] not in new
            sure = behind is None or before[1] <= behind[1]
            if line in new and sure and (late or early) and shown not in gone:
                other = before if late else behind
                word = "before" if late else "behind"
                yield Finding(
                    file.path,
                    file.patch_line(line),
                    f"the list is in order of names: {shown} belongs {word} {other[2] if other else ''}",
                    (Evidence(file.path, file.patch_line(other[0]), other[2]),) if other else (),
                )


SORTED = "\n".join(f"obj-$(CONFIG_WALK_{one}) += walk_{one.lower()}.o" for one in "ABCDEFGHIJKLMNOP")
RULE = Rule(
    name="list-order",
    summary="An entry stands at the wrong place of a list that is kept in order",
    why="In a list that is in order the reader finds an entry, and two patches that add one seldom conflict.",
    source="MAINTAINERS (its head: sections in alphabetic order); review of a driver for the NXP xSPI, 2025",
    severity="info",
    confidence="high",
    check=check,
    wakes=("maintainers", "obj-$(config_"),
    bad=(
        """
>>> tree MAINTAINERS
List

ALPHA DRIVER
M:	A Developer <developer@example.org>

BETA DRIVER
M:	A Developer <developer@example.org>

GAMMA DRIVER
M:	A Developer <developer@example.org>

>>> patch mm: walk
Walk.
>>> file MAINTAINERS
 BETA DRIVER
 M:	A Developer <developer@example.org>
 
+AWALK DRIVER // want "AWALK DRIVER belongs before BETA DRIVER"
+M:	A Developer <developer@example.org>
+
 GAMMA DRIVER
 M:	A Developer <developer@example.org>
 
""",
        f"""
>>> tree drivers/walk/Makefile
{SORTED}
>>> patch mm: walk
Walk.
>>> file drivers/walk/Makefile
 obj-$(CONFIG_WALK_C) += walk_c.o
+obj-$(CONFIG_WALK_AB) += walk_ab.o // want "WALK_AB belongs before WALK_C"
 obj-$(CONFIG_WALK_D) += walk_d.o
""",
    ),
    good=(
        f"""
>>> tree drivers/walk/Makefile
{SORTED}
>>> patch mm: walk
Walk.
>>> file drivers/walk/Makefile
 obj-$(CONFIG_WALK_C) += walk_c.o
+obj-$(CONFIG_WALK_CA) += walk_ca.o
 obj-$(CONFIG_WALK_D) += walk_d.o
""",
        """
>>> tree MAINTAINERS
List

ALPHA DRIVER
M:	A Developer <developer@example.org>

GAMMA DRIVER
M:	A Developer <developer@example.org>

>>> patch mm: walk
Walk.
>>> file MAINTAINERS
 ALPHA DRIVER
 M:	A Developer <developer@example.org>
 
+BETA DRIVER
+M:	A Developer <developer@example.org>
+
 GAMMA DRIVER
 M:	A Developer <developer@example.org>
 
""",
        """
>>> tree drivers/walk/Makefile
obj-$(CONFIG_C) += c.o
obj-$(CONFIG_B) += b.o
>>> patch mm: walk
Walk.
>>> file drivers/walk/Makefile
 obj-$(CONFIG_C) += c.o
+obj-$(CONFIG_A) += a.o
 obj-$(CONFIG_B) += b.o
""",
    ),
)
