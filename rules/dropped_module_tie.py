"""A table or a struct of operations that stays, while what ties it to its module goes."""

import re
from collections.abc import Iterator

from patchscan.rule import ChangedFile, Context, Finding, Rule, Silence, Source, pattern

_PUBLISHES = pattern(r"^\s*MODULE_DEVICE_TABLE\s*\(\s*(\w+)\s*,\s*(\w+)\s*\)")
_OWNER = pattern(r"^\s*\.owner\s*=\s*THIS_MODULE\b")
# Whoever calls one of these takes a reference to its owner first; of drivers the core sets the owner itself.
_OPERATIONS = pattern(
    r"\bstruct\s+(?:file_operations|block_device_operations|proto_ops|net_proto_family|file_system_type|fb_ops"
    r"|v4l2_file_operations|watchdog_ops|tc_action_ops|tcf_proto_ops|Qdisc_ops|tcp_congestion_ops|nft_expr_type"
    r"|nf_sockopt_ops)\s+(\w+)(?:\[\])?\s*=\s*\{"
)
_BY_NAME = pattern(r"(?m)^\s*\.\w+")
_MOST_LINES = 60


def check(context: Context) -> Iterator[Finding | Silence]:
    """The files, known as a whole, of which a patch takes such a line away."""
    for file in context.c_files:
        if not {"MODULE_DEVICE_TABLE", "THIS_MODULE"} & file.removed_words:
            continue
        if file.state.before is None or file.state.after is None:
            yield file.unchecked(min(file.touched_numbers, default=1), "what stays needs the whole file")
        else:
            yield from check_file(context, file, file.before[0], file.after[0])


def check_file(context: Context, file: ChangedFile, before: Source, after: Source) -> Iterator[Finding]:
    """What one file unties."""
    code = after.code.decode("utf-8", "surrogateescape")
    untied = [*unpublished(file, before, code), *without_owner(file, before, code)]
    if not untied or context.linkage(file.path) == "built-in":
        return
    for number, message in untied:
        place = file.passage.after(number).start
        line = next((each for each in sorted(file.touched_numbers) if each >= place), None)
        if line is not None:
            yield file.finding(line, message)


def unpublished(file: ChangedFile, before: Source, code: str) -> Iterator[tuple[int, str]]:
    """(old line, message) of each table that stays, and by which the module is loaded no more."""
    for number in sorted(file.removed_numbers):
        table = _PUBLISHES.match(before.code_text(number))
        if table is not None and still_matches(code, table[2]):
            said = f"MODULE_DEVICE_TABLE({table[1]}, {table[2]}) goes, and {table[2]} stays"
            yield number, f"{said}: nothing loads the module for its devices any more"


def without_owner(file: ChangedFile, before: Source, code: str) -> Iterator[tuple[int, str]]:
    """(old line, message) of the first struct of operations that stays and has no owner any more."""
    owners = [each for each in sorted(file.removed_numbers) if _OWNER.match(before.code_text(each))]
    named = [(number, operations_of(before, number)) for number in owners]
    ownerless = [(number, name) for number, name in named if name and is_ownerless(code, name)]
    if ownerless:
        (number, name), more = ownerless[0], len(ownerless) - 1
        also = f", nor have {more} others here" if more else ""
        said = f"{name} has no .owner any more{also}"
        yield number, f"{said}: the module can go while somebody is in one of its functions"


def still_matches(code: str, name: str) -> bool:
    """Whether a table is defined and matched by, and published nowhere, in code that is a module."""
    return (
        re.search(rf"\b{name}\s*\[\s*\w*\s*\]\s*=", code) is not None
        and len(re.findall(rf"\b{name}\b", code)) > 1
        and re.search(rf"MODULE_DEVICE_TABLE\s*\(\s*\w+\s*,\s*{name}\s*\)", code) is None
        and "MODULE_LICENSE" in code
    )


def operations_of(source: Source, number: int) -> str:
    """The struct of operations in whose initialiser a line stands, "" for none."""
    for line in range(number - 1, max(0, number - _MOST_LINES), -1):
        text = source.code_text(line)
        if (found := _OPERATIONS.search(text)) is not None:
            return found[1]
        if text.startswith("}"):
            return ""
    return ""


def is_ownerless(code: str, name: str) -> bool:
    """Whether a struct is still initialised, member by member, and names no owner."""
    found = re.search(rf"\bstruct\s+\w+\s+{name}(?:\[\])?\s*=\s*\{{(.*?)^\}}", code, re.S | re.M)
    return found is not None and ".owner" not in found[1] and _BY_NAME.search(found[1]) is not None


RULE = Rule(
    name="dropped-module-tie",
    summary="A device table is published no more, or operations lose their owner, and both stay",
    why=(
        "User space loads a driver by the aliases that MODULE_DEVICE_TABLE() makes. The owner of operations is what "
        "keeps a module in memory while a file of it is open."
    ),
    source="include/linux/module.h; fs/char_dev.c and include/linux/fs.h (fops_get)",
    severity="warning",
    confidence="high",
    check=check,
    by_file=True,
    needs_tree=True,
    bad=(
        """
>>> tree mm/Makefile
obj-m += example.o
>>> patch mm: rework the port
Rework it.
>>> file mm/example.c
 static const struct of_device_id port_of_match[] = {
 	{ .compatible = "vendor,port" },
 	{ }
 };
-MODULE_DEVICE_TABLE(of, port_of_match);
 // want "MODULE_DEVICE_TABLE.of, port_of_match. goes, and port_of_match stays"
 static struct platform_driver port_driver = {
 	.probe = port_probe,
 	.driver = { .name = "port", .of_match_table = port_of_match },
 };
 module_platform_driver(port_driver);
 MODULE_LICENSE("GPL");
""",
        """
>>> tree mm/Makefile
obj-m += example.o
>>> patch mm: rework the port
Rework it.
>>> file mm/example.c
 static const struct file_operations port_fops = {
-	.owner = THIS_MODULE,
 	.open = port_open, // want "port_fops has no .owner any more"
 	.read = port_read,
 };
 MODULE_LICENSE("GPL");
""",
    ),
    good=(
        """
>>> tree mm/Makefile
obj-y += example.o
>>> patch mm: rework the port
Rework it.
>>> file mm/example.c
 static const struct file_operations port_fops = {
-	.owner = THIS_MODULE,
 	.open = port_open,
 };
-MODULE_DEVICE_TABLE(of, port_of_match);
 static const struct of_device_id port_of_match[] = { { .compatible = "vendor,port" }, { } };
 const void *used = port_of_match;
 MODULE_LICENSE("GPL");
""",
        """
>>> tree mm/Makefile
obj-m += example.o
>>> patch mm: rework the port
Rework it.
>>> file mm/example.c
 static const struct of_device_id port_of_match[] = {
 	{ .compatible = "vendor,port" },
 	{ }
 };
-MODULE_DEVICE_TABLE(of, port_of_match);
 
 static struct platform_driver port_driver = {
 	.probe = port_probe,
 	.driver = {
-		.owner = THIS_MODULE,
 		.name = "port",
 		.of_match_table = port_of_match,
 	},
 };
 module_platform_driver(port_driver);
+MODULE_DEVICE_TABLE(of, port_of_match);
 MODULE_LICENSE("GPL");
""",
        """
>>> tree mm/Makefile
obj-m += example.o
>>> patch mm: rework the port
Rework it.
>>> file mm/example.c
-static const struct file_operations port_fops = {
-	.owner = THIS_MODULE,
-	.open = port_open,
-};
+DEFINE_SHOW_ATTRIBUTE(port);
-static const struct of_device_id port_of_match[] = { { .compatible = "vendor,port" }, { } };
-MODULE_DEVICE_TABLE(of, port_of_match);
 MODULE_LICENSE("GPL");
""",
    ),
)
