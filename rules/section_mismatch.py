"""Code that stays uses a function or data that is gone after the boot."""

from collections.abc import Iterator
from typing import TYPE_CHECKING

from patchscan.rule import ChangedFile, Context, Finding, Function, Rule, Silence, Source, pattern

if TYPE_CHECKING:
    from tree_sitter import Node

BOOT = pattern(
    r"\b__(?:init|initdata|initconst)\b|\b(?:core|device|late|subsys|module|arch|fs|postcore)_initcall\b"
)
ENDS = pattern(r"\b__exit(?:data|const)?\b")
EXEMPT = pattern(r"\b__(?:init|exit|ref|initdata|refdata|meminit|head)\b|\binit\b")
DATA = pattern(rb"\b__(?:initdata|initconst)\b")
WORD = pattern(rb"[A-Za-z_]\w*")
SIZE = pattern(r"(?:sizeof|ARRAY_SIZE|typeof|__alignof__)\s*\(?\s*\(?\s*\Z")


def check(context: Context) -> Iterator[Finding | Silence]:
    """The functions of files that are known as a whole, where a patch adds a call or a mark."""
    for file in context.c_files:
        if file.state.after is None or not file.path.endswith(".c") or not file.added:
            continue
        source = file.after[0]
        gone = {**functions_gone(source), **data_gone(source)}
        if gone and any(
            not each.identifiers.isdisjoint(gone) for each in concerned(file, source, frozenset(gone))
        ):
            yield from judge(file, source, gone)


def concerned(file: ChangedFile, source: Source, gone: frozenset[str]) -> Iterator[Function]:
    """The functions of which something can be told: those to which lines are added, or all where a head changes.

    The head is that of a function that goes: the mark may be new there.
    """
    functions = source.functions()
    heads = (
        range(each.first_line, source.line_at(each.brace) + 1) for each in functions if each.name in gone
    )
    every = any(line in head for head in heads for line in file.added_numbers)
    return (
        each
        for each in functions
        if every or not file.added_numbers.isdisjoint(range(each.first_line, each.last_line + 1))
    )


def functions_gone(source: Source) -> dict[str, str]:
    """The functions that are thrown away after the boot, and how they are marked."""
    functions = source.functions()
    # One of two with the same name is there in some configurations only, and often a stub.
    kept = {each.name for each in functions if "__init" not in each.header.split()}
    return {each.name: "__init" for each in functions if each.name not in kept}


def data_gone(source: Source) -> dict[str, str]:
    """The variables that are thrown away after the boot."""
    from patchscan.c.filelevel import statements

    if not DATA.search(source.code):
        return {}
    found = {}
    for each in statements(source.text):
        mark = DATA.search(each.head(source.code)) if each.kind == "variable" and each.name else None
        if mark is not None:
            found[each.name] = mark[0].decode()
    return found


def judge(file: ChangedFile, source: Source, gone: dict[str, str]) -> Iterator[Finding | Silence]:
    """The functions that stay, and what they use of what does not."""
    functions = [each for each in source.functions() if not each.partial]
    boot = {each.name for each in functions if EXEMPT.search(each.header)}
    names = names_of(functions)
    places = places_of(source, names)
    for function in functions:
        if function.name in boot or function.identifiers.isdisjoint(gone):
            continue
        if not stays(source, places, boot, function):
            continue
        hidden = {each.name for each in (*function.parameters, *function.locals)}
        for node in function.nodes("identifier"):
            name, line = source.text_of(node), source.line_of(node)
            if (
                name in gone
                and name not in hidden
                and not is_measured(source, node)
                and is_brought(file, source, function, line, name)
            ):
                yield file.finding(
                    line,
                    f"{function.name}() stays after the boot, but {name}{'()' * (name in names)} is "
                    f"{gone[name]}: modpost warns of a section mismatch; mark both, or neither",
                    (file.evidence(function.name_line),),
                )
                break


def is_measured(source: Source, node: "Node") -> bool:
    """Whether only the size of something is asked for."""
    before = source.code[max(0, node.start_byte - 40) : node.start_byte].decode("latin-1")
    return SIZE.search(before) is not None


def places_of(source: Source, names: set[str]) -> dict[str, list[int]]:
    """Where a text speaks of its functions."""
    found: dict[str, list[int]] = {}
    for word in WORD.finditer(source.code):
        name = word[0].decode()
        if name in names:
            found.setdefault(name, []).append(word.start())
    return found


def names_of(functions: "list[Function]") -> set[str]:
    """The names of functions."""
    return {each.name for each in functions}


def stays(source: Source, places: dict[str, list[int]], boot: set[str], function: Function) -> bool:
    """Whether a function is called, or its address taken, elsewhere than at boot: else the compiler may inline it."""
    if function.is_inline:
        return False
    if not function.is_static:
        # A header may mark what is not exported.
        return any(each.symbol == function.name for each in source.exports())
    own = range(function.start, function.end)
    for offset in places.get(function.name, ()):
        if offset in own:
            continue
        around = source.function_at(source.line_at(offset))
        # Of a function and its stub neither calls the other.
        if around is not None and (around.name in boot or around.name == function.name):
            continue
        line = source.line_text(source.line_at(offset))
        if around is None and (BOOT.search(line) or ENDS.search(line) or (";" in line and "=" not in line)):
            continue
        return True
    return False


def is_brought(file: ChangedFile, source: Source, function: Function, line: int, name: str) -> bool:
    """Whether the patch writes the use, or the heads of the function or of what it uses."""
    lines = {line, *range(function.first_line, source.line_at(function.brace) + 1)}
    used = source.function_named(name)
    if used is not None:
        lines.update(range(used.first_line, source.line_at(used.brace) + 1))
    return any(each in file.added_numbers and not file.was_there(each) for each in lines)


RULE = Rule(
    name="section-mismatch",
    summary="Code that stays uses a function or data that is gone after the boot",
    why=(
        "What is __init is freed when the boot is over. A probe function that calls it later, on a hot plug or a "
        "deferred probe, runs into whatever the memory holds by then."
    ),
    source="include/linux/init.h; scripts/mod/modpost.c (section mismatch); reports of the kernel test robot",
    severity="warning",
    confidence="high",
    check=check,
    by_file=True,
    by_effect=True,
    in_code=("__init",),
    bad=(
        """
+static int __init part_setup(int mode)
+{
+	return mode;
+}
+static const int part_gains[] __initconst = { 1, 2 };
+static int part_probe(struct platform_device *pdev)
+{
+	return part_setup(pdev->id); // want "part_probe.. stays after the boot, but part_setup.. is __init"
+}
+int part_gain(int mode)
+{
+	return part_gains[mode]; // want "part_gain.. stays after the boot, but part_gains is __initconst"
+}
+EXPORT_SYMBOL_GPL(part_gain);
+static struct platform_driver part_driver = {
+	.probe = part_probe,
+};
""",
    ),
    good=(
        """
+static int __init part_setup(int mode)
+{
+	return mode;
+}
+static int part_once(int mode)
+{
+	return part_setup(mode);
+}
+static int __init part_start(void)
+{
+	return part_once(3) + part_setup(4);
+}
+module_init(part_start);
""",
        """
+static int __init part_setup(int mode)
+{
+	return mode;
+}
+static int __ref part_probe(struct platform_device *pdev)
+{
+	return part_setup(pdev->id);
+}
+static inline int part_short(int part_setup)
+{
+	return part_setup;
+}
+static const int part_gains[] __initconst = { 1, 2 };
+int part_in_header(int mode)
+{
+	return part_gains[mode];
+}
+int part_count(void)
+{
+	return ARRAY_SIZE(part_gains);
+}
+EXPORT_SYMBOL_GPL(part_count);
+int part_named(struct part *part)
+{
+	return part->part_setup;
+}
""",
        """
 static int __init part_setup(int mode)
 {
 	return mode;
 }
 int part_probe(struct platform_device *pdev)
 {
+	pdev->id++;
 	return part_setup(pdev->id);
 }
""",
        """
+#ifdef CONFIG_WALK_DEBUG
+static void walk_debug(struct walk *walk)
+{
+	walk_show(walk);
+}
+#else
+static void __init walk_debug(struct walk *walk) { }
+#endif
+static int walk_probe(struct walk *walk)
+{
+	walk_debug(walk);
+	return 0;
+}
+static struct walk_driver walk_driver = {
+	.probe = walk_probe,
+};
""",
        """
+static int walk_start __initdata;
+#ifdef CONFIG_WALK_EARLY
+static void walk_early(struct walk *walk)
+{
+	walk->start = walk_start;
+}
+#else
+static inline void walk_early(struct walk *walk) { }
+#endif
+static int __init walk_init(void)
+{
+	walk_early(&first);
+	return 0;
+}
""",
    ),
)
