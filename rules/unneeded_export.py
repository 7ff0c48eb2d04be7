"""A symbol is exported to modules, but no module uses it."""

from collections.abc import Iterator
from typing import TYPE_CHECKING, NamedTuple

from patchscan.rule import ChangedFile, Context, Evidence, Export, Finding, Rule, Silence

if TYPE_CHECKING:
    from patchscan.lookup.uses import Use

# Their users do not name the exported symbol itself, or are tests that are built as modules.
OTHER_NAMES = ("EXPORT_TRACEPOINT_SYMBOL", "EXPORT_SYMBOL_IF_KUNIT", "EXPORT_SYMBOL_FOR_KVM")
NO_USE = ("definition", "declaration", "export", "member", "local", "comment", "string")
MOST_NAMES = 12
MAY_COME = "the patches of the series that are missing may bring a module that does"


class User(NamedTuple):
    """A place that uses the symbol; function: the one it stands in, "" outside."""

    path: str
    line: int
    function: str
    text: str


def check(context: Context) -> Iterator[Finding | Silence]:
    """Every export that the patch adds."""
    exports = [
        (file, export)
        for file in context.c_files
        if file.adds("EXPORT_")
        for source in file.after
        for export in source.exports()
        if export.line in file.added_numbers
    ]
    answers = [(file, export, without_search(context, file, export)) for file, export in exports]
    context.look_ahead({export.symbol for _, export, answer in answers if answer is None})
    waiting: list[tuple[ChangedFile, Export]] = []
    for file, export, answer in answers:
        said = answer or judge(context, file, export)
        if said is None:
            waiting.append((file, export))
        else:
            yield said
    if waiting:
        yield in_vain_so_far(waiting)


def without_search(context: Context, file: ChangedFile, export: Export) -> Silence | None:
    """What the patch and the code near it settle; None where the whole tree must be searched."""
    from patchscan.lookup.runtime import compiler_calls

    symbol = export.symbol
    if any(
        f"({symbol})" in line.text and "EXPORT_" in line.text
        for each in context.files
        for line in each.removed
    ):
        return file.fine(export.line, f"the export of {symbol} was there before")
    if export.macro.startswith(OTHER_NAMES):
        return file.fine(export.line, f"{export.macro} is used by other names than {symbol}")
    if compiler_calls(symbol):
        return file.fine(export.line, f"the compiler may emit calls of {symbol}() into modules")
    if not context.has_tree:
        return file.unchecked(export.line, f"no kernel tree: the users of {symbol} are not known")
    if context.not_claimed:
        return file.unchecked(export.line, context.not_claimed)
    uses = context.uses(symbol, whole=False).uses
    near = next((use for use in uses if in_other_module(context, use, file.path)), None)
    return file.fine(export.line, f"{near.path} uses {symbol} and can be a module") if near else None


def judge(context: Context, file: ChangedFile, export: Export) -> Finding | Silence | None:
    """A finding where every user is known, and built in or part of the same module.

    None where nothing uses the symbol yet, and patches that are missing may.
    """
    symbol = export.symbol
    users: list[User] = []
    for found in users_of(context, symbol):
        if isinstance(found, str):
            return file.unchecked(export.line, found)
        kind = context.linkage(found.path)
        if kind == "modular" and not together(context, found.path, file.path):
            return file.fine(export.line, f"{found.path} uses {symbol} and can be a module")
        if kind == "unknown":
            return file.unchecked(
                export.line, f"whether {found.path}, a user of {symbol}, can be a module is not known"
            )
        users.append(found)
    return finding(context, file, export, [user for user in users if user.path != file.path])


def finding(context: Context, file: ChangedFile, export: Export, users: list[User]) -> Finding | None:
    """The finding; a hint where what was there is exported for patches that are not at hand, None for no user yet."""
    symbol = export.symbol
    if context.series.missing and not users:
        return None
    evidence = tuple(Evidence(user.path, user.line, user.text) for user in users[:5])
    inside = all(together(context, user.path, file.path) for user in users)
    where = "part of the same module" if inside else "built in"
    if context.series.missing and not introduced(context, file, export):
        text = f"{symbol} is exported, but all its users at hand are {where}; {MAY_COME}"
        return file.finding(export.line, text, evidence, severity="info", confidence="low")
    whose = "all its users at hand" if context.series.missing else "all its users"
    if not users:
        known = f"nothing in {context.the_tree} or the series uses it elsewhere"
    else:
        known = (
            f"{whose} are {where}"
            if context.the_tree == "the tree"
            else f"{whose} in {context.the_tree} or the series are {where}"
        )
    fix = file.replacement(export.line, export.line)
    return file.finding(export.line, f"{symbol} is exported, but {known}: drop the export", evidence, fix=fix)


def introduced(context: Context, file: ChangedFile, export: Export) -> bool:
    """Whether the patch brings the symbol, with its users, and does not open what was there to somebody."""
    if any(function.name == export.symbol for _, function in context.new_functions):
        return True
    inside = [range(each.first_line, each.last_line + 1) for each in file.functions]
    return any(
        line != export.line and not file.was_there(line) and not any(line in lines for lines in inside)
        for line in file.added_words.get(export.symbol, ())
    )


def in_vain_so_far(exports: list[tuple[ChangedFile, Export]]) -> Finding:
    """One hint for all exports that nothing at hand uses."""
    names = [export.symbol for _, export in exports]
    some = ", ".join(names[:4]) + (" and others" if len(names) > 4 else "")
    file, export = exports[0]
    text = f"nothing at hand uses what is exported here ({some}); {MAY_COME}"
    return file.finding(export.line, text, severity="info", confidence="low")


def users_of(context: Context, symbol: str) -> Iterator[User | str]:
    """The uses of a symbol in objects, through inline functions of headers; a str says what is not known."""
    from patchscan.lookup.hunks import users_in_hunks

    names, done = [symbol], set()
    while names:
        name = names.pop(0)
        done.add(name)
        if len(done) > MOST_NAMES:
            yield f"{symbol} is used through too many headers to follow"
            return
        found = context.uses(name)
        users = [User(use.path, use.line, use.function, use.text) for use in found.uses if counts(use)]
        shown = [User(use.path, use.line, use.function, use.text) for use in users_in_hunks(context, name)]
        for user in (*shown, *users):
            if not user.path.endswith(".h"):
                yield user
            elif not user.function:
                yield f"{user.path}:{user.line} uses {name} outside a function"
            elif user.function not in done and user.function not in names:
                names.append(user.function)
        if not found.complete:
            yield f"the tree was not searched whole for {name}: {found.why}"
            return


def in_other_module(context: Context, use: "Use", path: str) -> bool:
    """Whether a use decides the question at once, before the whole tree is searched."""
    return (
        counts(use)
        and use.path.endswith(".c")
        and context.linkage(use.path) == "modular"
        and not together(context, use.path, path)
    )


def together(context: Context, path: str, other: str) -> bool:
    """Whether two files are surely linked into one module, and into no second."""
    modules = context.modules_of(path)
    return path == other or (len(modules) == 1 and modules == context.modules_of(other))


def counts(use: "Use") -> bool:
    """Whether a use makes code need the symbol; a macro of a header does where it is expanded."""
    return use.kind not in NO_USE and not (use.kind == "macro" and use.path.endswith(".h"))


RULE = Rule(
    name="unneeded-export",
    summary="A symbol is exported to modules, but no module uses it",
    why=(
        "An export is a promise to modules, in the tree and out of it, and costs space in every "
        "kernel. The kernel does "
        "not export what none of its own modules uses; users that are built in, or inline functions "
        "of headers that only "
        "built-in code calls, need none."
    ),
    source=(
        "Documentation/process/stable-api-nonsense.rst; Documentation/kernel-hacking/hacking.rst "
        "(EXPORT_SYMBOL); review of "
        '"mm: use targeted IPIs for TLB sync with lockless page table walkers" v4 1/3, 2026-02-02'
    ),
    severity="warning",
    confidence="medium",
    check=check,
    wakes=("export_",),
    bad=(
        """
>>> tree mm/Makefile
obj-y += example.o user.o
>>> tree mm/user.c
void user(void)
{
	walk_begin();
}
>>> tree Makefile
obj-y += mm/
>>> patch mm: let drivers walk
>>> file mm/example.c
 void walk_begin(void)
 {
 }
+EXPORT_SYMBOL_GPL(walk_begin); // want "all its users at hand are built in; .* missing"
+void walk_quickly(void)
+{
+}
+EXPORT_SYMBOL_GPL(walk_quickly); // want "nothing at hand uses what is exported here .walk_quickly, walk_slowly."
+void walk_slowly(void)
+{
+}
+EXPORT_SYMBOL_GPL(walk_slowly);
+void walk_length(void)
+{
+}
+EXPORT_SYMBOL_GPL(walk_length); // want "all its users at hand are built in: drop"
>>> file mm/user.c
 void user(void)
 {
 	walk_begin();
+	walk_length();
 }
>>> missing
""",
        """
>>> tree mm/Makefile
obj-y += example.o user.o
>>> tree mm/user.c
void user(void)
{
	walk_begin();
}
>>> tree Makefile
obj-y += mm/
>>> patch mm: export the walk
>>> file mm/example.c
 void walk_begin(void)
 {
 }
+EXPORT_SYMBOL_GPL(walk_begin); // want "walk_begin is exported, but all its users are built in"
""",
        """
>>> tree drivers/Makefile
obj-$(CONFIG_PROBE) += probe.o
probe-y := main.o
probe-$(CONFIG_PROBE_LOG) += log.o
>>> tree drivers/Kconfig
config PROBE
	tristate "A driver of two files"
config PROBE_LOG
	bool "The second file"
>>> tree drivers/main.c
void probe_start(void)
{
	probe_log(0);
}
>>> tree Makefile
obj-y += drivers/
>>> patch drivers: let the log be used
>>> file drivers/log.c
 void probe_log(int level)
 {
 }
+EXPORT_SYMBOL_GPL(probe_log); // want "part of the same module"
""",
        """
>>> tree mm/Makefile
obj-y += example.o
>>> tree Makefile
obj-y += mm/
>>> patch mm: export what nobody wants
>>> file mm/example.c
 int depth;
+EXPORT_SYMBOL(depth); // want "nothing in the tree"
""",
    ),
    good=(
        """
>>> tree drivers/Makefile
obj-$(CONFIG_PROBE) += probe.o other.o
probe-y := main.o log.o
other-y := second.o log.o
>>> tree drivers/Kconfig
config PROBE
	tristate "A file that two modules are linked with, and one that only one is"
>>> tree drivers/second.c
void second_start(void)
{
	probe_start();
	probe_log(0);
}
>>> tree Makefile
obj-y += drivers/
>>> patch drivers: let the log be used
>>> file drivers/main.c
 void probe_start(void)
 {
 }
+EXPORT_SYMBOL_GPL(probe_start);
>>> file drivers/log.c
 void probe_log(int level)
 {
 }
+EXPORT_SYMBOL_GPL(probe_log);
""",
        """
>>> tree mm/Makefile
obj-y += example.o
>>> tree drivers/Makefile
obj-$(CONFIG_USER) += user.o
>>> tree drivers/Kconfig
config USER
	tristate "A user"
>>> tree drivers/user.c
void user(void)
{
	walk_begin();
}
>>> tree Makefile
obj-y += mm/ drivers/
>>> patch mm: export the walk
>>> file mm/example.c
 void walk_begin(void)
 {
 }
+EXPORT_SYMBOL_GPL(walk_begin);
""",
        """
>>> tree mm/Makefile
obj-y += example.o
>>> tree Makefile
obj-y += mm/ drivers/
>>> tree drivers/Makefile
>>> patch mm: export the walk
>>> file mm/example.c
 void walk_begin(void)
 {
 }
+EXPORT_SYMBOL_GPL(walk_begin);
>>> patch drivers: use it
>>> file drivers/Makefile
+obj-$(CONFIG_USER) += user.o
>>> file drivers/Kconfig
+config USER
+	tristate "A user"
>>> file drivers/user.c
+void user(void)
+{
+	walk_begin();
+}
""",
        """
 void walk_begin(void)
 {
 }
+EXPORT_SYMBOL_GPL(walk_begin);
""",
        """
>>> tree mm/Makefile
obj-y += example.o
>>> patch mm: give the compiler what it calls
>>> file mm/example.c
 int depth;
+unsigned char __hwasan_generate_tag(void)
+{
+	return 7;
+}
+EXPORT_SYMBOL(__hwasan_generate_tag);
""",
        """
>>> tree mm/Makefile
obj-y += example.o
>>> patch mm: put the export where it belongs
>>> file mm/example.c
-EXPORT_SYMBOL_GPL(walk_begin);
 void walk_begin(void)
 {
 }
+EXPORT_SYMBOL_GPL(walk_begin);
""",
    ),
)
