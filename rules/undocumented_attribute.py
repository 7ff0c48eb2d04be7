"""A new file in sysfs that nothing below Documentation describes."""

from collections.abc import Iterator
from functools import lru_cache

from patchscan.rule import Context, Finding, Rule, Silence, pattern
from patchscan.tree import Tree

ATTRIBUTE = pattern(
    r"\bstatic\s+(?:const\s+)?(?:struct\s+device_attribute\s+)?(?:DEVICE_ATTR(?:_ADMIN)?(?:_R[OW]|_WO)?|CLASS_ATTR_R[OW]|"
    r"BUS_ATTR_R[OW]|DRIVER_ATTR_R[OW])\s*\(\s*(?P<name>[a-z]\w+)\s*[,)]"
)
# Where attributes are described; a name may be written with a placeholder ("in_voltageY_raw").
PLACES = ("Documentation/ABI", "Documentation/hwmon")


def check(context: Context) -> Iterator[Finding | Silence]:
    """The first attribute of a patch that is described nowhere; one remark, for the others go the same way."""
    if not context.has_tree:
        return
    found = [
        (file, number, match["name"])
        for file in context.c_files
        if file.adds("_ATTR")
        for number in sorted(file.added_numbers)
        if (match := ATTRIBUTE.search(file.code_at(number))) and not file.was_there(number)
    ]
    if not found:
        return
    own = "\n".join(
        line.text
        for other in context.all
        for file in other.files
        if file.path.startswith("Documentation/")
        for line in file.added
    )
    gone = "\n".join(line.text for file in context.files for line in file.removed)
    missing = [
        each for each in found if each[2] not in gone and not described(each[2], own, context.view.tree)
    ]
    if missing:
        file, number, name = missing[0]
        others = sorted({each[2] for each in missing[1:]} - {name})
        more = (
            f" ({', '.join(others[:3])}{' and others' if len(others) > 3 else ''} neither)" if others else ""
        )
        yield file.finding(
            number,
            f'what does "{name}" in sysfs hold? Documentation/ABI does not describe it{more}: '
            "user space relies on what is written there",
        )


def described(name: str, own: str, tree: Tree | None) -> bool:
    """Whether the series or the tree describes an attribute of this name."""
    return name in own or tree is None or plain(name) in documented(tree)


@lru_cache(maxsize=4)
def documented(tree: Tree) -> frozenset[str]:
    """The words of the documents that describe attributes, numbers and placeholders left out."""
    words: set[str] = set()
    for place in PLACES:
        for path in tree.files(place):
            text = (tree.read(path) or b"").decode("utf-8", "replace")
            words.update(plain(word) for word in WORD.findall(text))
    return frozenset(words)


WORD = pattern(r"[A-Za-z_<\[][\w<>\[\]*-]+")
PLACEHOLDER = pattern(r"<\w+>|\[[^\]]*\]|[XYZNxn](?=_|$)|\d+|\*")


def plain(name: str) -> str:
    """A name without its numbers and placeholders."""
    return PLACEHOLDER.sub("", name).strip("_-<>[]")


RULE = Rule(
    name="undocumented-attribute",
    summary="A new sysfs attribute is described nowhere",
    why="A file in sysfs is an interface that stays; what nobody wrote down, nobody can keep.",
    source="Documentation/ABI/README; Documentation/filesystems/sysfs.rst; Documentation/process/submit-checklist.rst",
    severity="info",
    confidence="medium",
    check=check,
    bad=(
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
