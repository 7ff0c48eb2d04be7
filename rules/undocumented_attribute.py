"""A new file in sysfs, or a new sysctl, that nothing below Documentation describes."""

import re
from collections.abc import Iterator, Sequence
from functools import lru_cache

from patchscan.rule import ChangedFile, Context, Finding, Rule, Silence, pattern
from patchscan.tree import Tree

ATTRIBUTE = pattern(
    r"\bstatic\s+(?:const\s+)?(?:struct\s+device_attribute\s+)?(?:DEVICE_ATTR(?:_ADMIN)?(?:_R[OW]|_WO)?|CLASS_ATTR_R[OW]|"
    r"BUS_ATTR_R[OW]|DRIVER_ATTR_R[OW])\s*\(\s*(?P<name>[a-z]\w+)\s*[,)]"
)
# Where attributes are described; a name may be written with a placeholder ("in_voltageY_raw").
PLACES = ("Documentation/ABI", "Documentation/hwmon")
SYSCTL = pattern(r"\.procname\s*=\s*\"(?P<name>[a-z][\w-]*)\"")
ADMIN, NETWORK = "Documentation/admin-guide/sysctl", "Documentation/networking"


def check(context: Context) -> Iterator[Finding | Silence]:
    """The attributes and sysctls of a patch that are described nowhere, one remark each."""
    yield from attributes(context)
    yield from sysctls(context)


def sysctls(context: Context) -> Iterator[Finding]:
    """The first sysctl that is described nowhere."""
    found = newly_named(context, ".procname", SYSCTL)
    if not found:
        return
    gone = removed_text(context)
    own = added_to_documents(context)
    known = sysctls_of(context.view.tree) if context.view.tree else frozenset()
    missing = [
        each for each in found if f'"{each[2]}"' not in gone and each[2] not in own and each[2] not in known
    ]
    if missing:
        file, number, name = missing[0]
        place = f"a file of {NETWORK}" if file.path.startswith("net/") else ADMIN
        yield file.finding(
            number,
            f"what does the sysctl {name} do{others_of(missing)}? It is described nowhere: {place} should",
        )


def newly_named(context: Context, word: str, naming: "re.Pattern[str]") -> list[tuple[ChangedFile, int, str]]:
    """The names that new lines of C give by a word of their code: file, line, name."""
    return [
        (file, number, match["name"])
        for file in context.c_files
        if file.adds(word)
        for number in sorted(file.added_numbers)
        if word in file.code_at(number)
        and (match := naming.search(file.text_at(number)))
        and not file.was_there(number)
    ]


def removed_text(context: Context) -> str:
    """The lines that a patch takes away."""
    return "\n".join(line.text for file in context.files for line in file.removed)


def added_to_documents(context: Context) -> str:
    """What the series adds below Documentation."""
    return "\n".join(
        line.text
        for other in context.all
        for file in other.files
        if file.path.startswith("Documentation/")
        for line in file.added
    )


def others_of(missing: Sequence[tuple[ChangedFile, int, str]]) -> str:
    """The names behind the first, in brackets."""
    others = sorted({each[2] for each in missing[1:]} - {missing[0][2]})
    return f" ({', '.join(others[:3])}{' and others' if len(others) > 3 else ''} neither)" if others else ""


def attributes(context: Context) -> Iterator[Finding]:
    """The first attribute of a patch that is described nowhere; one remark, for the others go the same way."""
    found = newly_named(context, "_ATTR", ATTRIBUTE)
    if not found:
        return
    gone = removed_text(context)
    own = added_to_documents(context)
    missing = [
        each for each in found if each[2] not in gone and not described(each[2], own, context.view.tree)
    ]
    if missing:
        file, number, name = missing[0]
        yield file.finding(
            number,
            f'what does "{name}" in sysfs hold? Documentation/ABI does not describe it{others_of(missing)}: '
            "user space relies on what is written there",
        )


def described(name: str, own: str, tree: Tree | None) -> bool:
    """Whether the series or the tree describes an attribute of this name."""
    return name in own or tree is None or plain(name) in documented(tree)


@lru_cache(maxsize=4)
def sysctls_of(tree: Tree) -> frozenset[str]:
    """The words of the documents on sysctls."""
    paths = [*tree.files(ADMIN), *(path for path in tree.files(NETWORK) if "sysctl" in path)]
    texts = ((tree.read(path) or b"").decode("utf-8", "replace") for path in paths)
    return frozenset(word for text in texts for word in NAME.findall(text))


@lru_cache(maxsize=4)
def documented(tree: Tree) -> frozenset[str]:
    """The words of the documents that describe attributes, numbers and placeholders left out."""
    words: set[str] = set()
    for place in PLACES:
        for path in tree.files(place):
            text = (tree.read(path) or b"").decode("utf-8", "replace")
            words.update(plain(word) for word in WORD.findall(text))
    return frozenset(words)


NAME = pattern(r"[a-z][\w-]*")
WORD = pattern(r"[A-Za-z_<\[][\w<>\[\]*-]+")
PLACEHOLDER = pattern(r"<\w+>|\[[^\]]*\]|[XYZNxn](?=_|$)|\d+|\*")


def plain(name: str) -> str:
    """A name without its numbers and placeholders."""
    return PLACEHOLDER.sub("", name).strip("_-<>[]")


RULE = Rule(
    name="undocumented-attribute",
    summary="A new sysfs attribute or sysctl is described nowhere",
    why="What user space reads and writes is an interface that stays; what nobody wrote down, nobody can keep.",
    source=(
        "Documentation/ABI/README; Documentation/filesystems/sysfs.rst; Documentation/admin-guide/sysctl/index.rst; "
        "Documentation/process/submit-checklist.rst"
    ),
    severity="info",
    confidence="medium",
    check=check,
    wakes=("_attr", ".procname"),
    needs_tree=True,
    bad=(
        """
>>> tree Documentation/admin-guide/sysctl/vm.rst
walk_count
----------
>>> patch mm: limit walks
Limit them.
>>> file mm/example.c
+static struct ctl_table walk_table[] = {
+	{ .procname = "walk_count", },
+	{ .procname = "walk_limit", }, // want "the sysctl walk_limit do .walk_time neither.*admin-guide/sysctl should"
+	{ .procname = "walk_time", },
+};
""",
        """
>>> tree Documentation/networking/walk-sysctl.rst
walk_count - INTEGER
>>> patch net: limit walks
Limit them.
>>> file net/example.c
+static struct ctl_table walk_table[] = {
+	{ .procname = "walk_limit", }, // want "a file of Documentation/networking should"
+	{ .procname = "walk_count", },
+};
""",
        """
>>> tree Documentation/ABI/testing/sysfs-bus-example
What:		/sys/bus/example/devices/.../size
Description:	The size.
>>> patch mm: show the start
Show it.
>>> file mm/example.c
+static DEVICE_ATTR_RO(start); // want "Documentation/ABI does not describe it .limit neither"
+static DEVICE_ATTR_RW(limit);
+static DEVICE_ATTR_RO(size);
""",
    ),
    good=(
        """
>>> tree Documentation/admin-guide/sysctl/vm.rst
walk_count
----------
>>> patch mm: limit walks
Limit them.
>>> file mm/example.c
-	{ .procname = "walk_old", .mode = 0444, },
+	{ .procname = "walk_old", .mode = 0644, },
+	{ .procname = "walk_limit", },
+	/* .procname = "walk_time" */
>>> patch docs: describe walk_limit
Describe it.
>>> file Documentation/admin-guide/sysctl/vm.rst
 walk_count
 ----------
+walk_limit
+----------
""",
        """
>>> tree Documentation/ABI/testing/sysfs-bus-example
What:		/sys/bus/example/devices/.../slotX_size
Description:	The size.
>>> patch mm: show the size
Show it.
>>> file mm/example.c
+static DEVICE_ATTR_RO(slot3_size);
""",
        """
>>> tree Documentation/ABI/testing/sysfs-bus-example
What:		/sys/bus/example/devices/.../size
>>> patch mm: show the start
Show it.
>>> file mm/example.c
+static DEVICE_ATTR_RO(start);
>>> patch Documentation: describe the start
Describe it.
>>> file Documentation/ABI/testing/sysfs-bus-example
 What:		/sys/bus/example/devices/.../size
+What:		/sys/bus/example/devices/.../start
""",
        """
@@ -1,2 +1,3 @@
 int x;
+static DEVICE_ATTR_RO(start);
 int y;
""",
        """
>>> tree Documentation/ABI/README
Describe it.
>>> patch mm: use the macro
Use it.
>>> file mm/example.c
-static DEVICE_ATTR(start, 0444, start_show, NULL);
+static DEVICE_ATTR_RO(start);
""",
    ),
)
