"""A variable is introduced that nothing uses, or that is only ever set, or the patch removes its last use."""

from collections.abc import Iterator
from typing import TYPE_CHECKING

from patchscan.rule import ChangedFile, Context, Finding, Function, Rule, Silence, Source, Variable, pattern

if TYPE_CHECKING:
    from patchscan.c.filelevel import Statement

# What has an attribute is used in ways of its own: by the linker, by a destructor, on purpose by nobody.
ATTRIBUTE = pattern(
    r"\b__(?!init|ro_after_init|read_mostly|iomem|user|percpu|rcu|force|aligned|be|le|[us]\d|packed)\w+"
)
OWN_WAYS = pattern(r"\b(?:register|asm|volatile|extern|typeof|DECLARE_\w+|DEFINE_\w+|CLASS)\b")
MEMBER = pattern(rb"(?:\.|->)\s*\Z")
STATEMENT_BEGINS = pattern(rb"(?:[;{}:]|\)|\belse|\bdo)\s*\Z")
WORD = pattern(r"[A-Za-z_]\w*")
SET = pattern(rb"\s*=(?!=)")
LOOKS_BACK = 60
ONLY_SET = "set but never used: leave it out, or was its value meant to be looked at?"


def check(context: Context) -> Iterator[Finding | Silence]:
    """The variables of touched functions, and those of files, that the patch brings or no longer uses."""
    for file in context.c_files:
        if file.added or file.removed:
            words = set(file.added_words).union(*(WORD.findall(line.text) for line in file.removed))
            for function in file.functions:
                if function.whole and not function.partial:
                    yield from locals_of(context, file, function, words)
            if file.path.endswith(".c") and file.state.after is not None:
                yield from statics(context, file, words)


def locals_of(
    context: Context, file: ChangedFile, function: Function, words: set[str]
) -> Iterator[Finding | Silence]:
    """What is to be said of those variables of one function that the lines of the patch name."""
    from patchscan.lookup.pasted import named_by_macro

    before: Function | None = None
    for variable in function.locals:
        fault = fault_of(function, variable) if variable.name in words else ""
        if not fault or is_special(function, variable):
            continue
        new = variable.line in file.added_numbers and not file.was_there(variable.line)
        before = before or file.before_of(function.name)
        if before is not None and not (before.whole and not before.partial):
            continue
        if before is not None and (not new or fault_in(before, variable.name)):
            if fault_in(before, variable.name) != "":
                continue
        elif not new:
            continue
        named = named_by_macro(context.view, file, variable.name)
        user = later_user(context, file, variable.name)
        # Of what is only set the compiler speaks with W=1 alone.
        if user and fault == ONLY_SET:
            yield file.fine(variable.line, f"patch {user} uses {variable.name}")
        elif named is None:
            yield file.unchecked(variable.line, f"a macro that is not at hand may use {variable.name}")
        elif named:
            yield file.fine(variable.line, f"a macro names {variable.name}")
        else:
            yield file.finding(variable.line, f"'{variable.name}' in {function.name}() is {fault}")


def later_user(context: Context, file: ChangedFile, name: str) -> int:
    """The next patch that names a variable on a line it adds to the file, 0 where none does."""
    for other in context.later:
        if any(name in each.added_words for each in other.c_files if each.path == file.path):
            return other.patch.index
    return 0


def fault_in(function: Function, name: str) -> str | None:
    """The fault of the variable of that name, "" for none, None where there is no such variable."""
    found = next((each for each in function.locals if each.name == name), None)
    return None if found is None else fault_of(function, found)


def is_special(function: Function, variable: Variable) -> bool:
    """Whether a variable is used in other ways than by its name, or is no plain one."""
    declaration = variable.node.parent
    text = function.source.text_of(declaration) if declaration is not None else ""
    return ATTRIBUTE.search(text) is not None or OWN_WAYS.search(text) is not None or "(*)" in variable.type


def fault_of(function: Function, variable: Variable) -> str:
    """Why a variable is of no use, "" where something reads it."""
    from patchscan.c.lexical import offsets

    code, name = function.source.code, variable.name.encode()
    declared = [each for each in function.locals if each.name == variable.name]
    own = {start_of(each, code) for each in declared}
    body = code[function.brace : function.end]
    uses = [at for each in offsets(body, name) if (at := function.brace + each) not in own]
    uses = [at for at in uses if not MEMBER.search(code, max(0, at - LOOKS_BACK), at)]
    if not uses:
        return "declared and never used: leave it out"
    scalar = "[]" not in variable.type and len(declared) == 1
    if scalar and all(only_sets(code, at, at + len(name)) for at in uses):
        return ONLY_SET
    return ""


def start_of(variable: Variable, code: bytes) -> int:
    """Where the name of a variable stands in its declarator."""
    from patchscan.c.lexical import offsets

    name = variable.name.encode()
    found = offsets(code[variable.node.start_byte : variable.node.end_byte], name)
    return variable.node.start_byte + (found[0] if found else 0)


def only_sets(code: bytes, start: int, end: int) -> bool:
    """Whether a use is an assignment to the variable as a statement of its own."""
    begins = STATEMENT_BEGINS.search(code, max(0, start - LOOKS_BACK), start)
    if begins is None or not SET.match(code, end):
        return False
    # A #define or a macro's argument may hold statements, too.
    line = code[code.rfind(b"\n", 0, start) + 1 : start].lstrip()
    return not line.startswith(b"#")


def statics(context: Context, file: ChangedFile, words: set[str]) -> Iterator[Finding | Silence]:
    """What is to be said of the static variables of a file that the patch brings, or takes the last use of."""
    from patchscan.c.filelevel import statements

    if not (file.adds("static") or any("static" not in line.text for line in file.removed)):
        return
    source = file.after[0]
    for each in statements(source.text):
        if each.kind != "variable" or not each.static or each.name not in words:
            continue
        line = source.line_at(each.name_start)
        head = each.head(source.code).decode("latin-1")
        if ATTRIBUTE.search(head) or OWN_WAYS.search(head) or is_used(source, each):
            continue
        new = line in file.added_numbers and not file.was_there(line)
        if not new and not was_used(file, each.name):
            continue
        yield judge(context, file, each, line, new)


def is_used(source: Source, variable: "Statement") -> bool:
    """Whether anything but its declarations names a variable of a file."""
    from patchscan.c.filelevel import declared_at
    from patchscan.c.lexical import offsets

    own = declared_at(source.text).get(variable.name, frozenset())
    return any(at not in own for at in offsets(source.code, variable.name.encode()))


def was_used(file: ChangedFile, name: str) -> bool:
    """Whether a static variable was there before the patch, and used."""
    from patchscan.c.filelevel import statements

    for source in file.before:
        found = [each for each in statements(source.text) if each.name == name and each.kind == "variable"]
        if found:
            return is_used(source, found[0])
    return False


def judge(
    context: Context, file: ChangedFile, variable: "Statement", line: int, new: bool
) -> Finding | Silence:
    """A finding where nothing else can use the variable either."""
    from patchscan.lookup.pasted import may_be_built, may_be_included, pasted_words

    name = variable.name
    if may_be_built(file, name, pasted_words(context, file)):
        return file.fine(line, f"a macro may build the name {name}")
    if context.series.missing:
        return file.fine(line, f"the patch that uses {name} may be missing here")
    if any(each.expression.strip() == "0" for each in file.after[0].conditions_at(line)):
        return file.fine(line, f"{name} is under #if 0")
    if context.has_tree:
        near = context.uses(name, whole=False).uses
        if any(use.path != file.path and use.kind in ("address", "reference", "macro") for use in near):
            return file.fine(line, f"another file may include this one and use {name}")
    elif may_be_included(context, file):
        return file.unchecked(line, f"without a tree, a file that is not here may use {name}")
    user = later_user(context, file, name)
    if user:
        return file.finding(
            line,
            f"'{name}' is static and used only from patch {user} on: until then the compiler warns; introduce it "
            "with its first user",
        )
    if new:
        return file.finding(line, f"nothing uses '{name}': leave it out until something does")
    return file.finding(line, f"the patch removes the last use of '{name}': remove the variable, too")


RULE = Rule(
    name="unused-variable",
    summary="A variable is introduced that nothing uses or only sets, or the patch removes its last use",
    why=(
        "The compiler warns of it, and with CONFIG_WERROR the kernel does not build. What is set and never looked at "
        "is often more than litter: a status that somebody forgot to check."
    ),
    source="gcc -Wunused-variable, -Wunused-const-variable and -Wunused-but-set-variable (the latter two with W=1)",
    severity="warning",
    confidence="high",
    check=check,
    by_file=True,
    bad=(
        """
>>> tree drivers/clock/Makefile
obj-y += tick.o
>>> patch clock: add a driver
>>> file drivers/clock/tick.c
+static const char * const tick_names[] = { "bus", "core" }; // want "nothing uses 'tick_names'"
+static int tick_count, tick_limit; // want "nothing uses 'tick_limit'"
+
+static int tick_probe(struct device *dev)
+{
+	int status; // want "'status' in tick_probe.. is set but never used"
+	int left; // want "'left' in tick_probe.. is declared and never used"
+
+	status = tick_start(dev, tick_count);
+	return 0;
+}
+module_init(tick_probe);
""",
        """
>>> tree mm/other.c
int other;
>>> patch mm: drop the count
>>> file mm/example.c
 static int walks; // want "the patch removes the last use of 'walks'"
 int walk(struct list *list)
 {
 	int done; // want "'done' in walk.. is declared and never used"
 	struct entry *entry;
-	done = 0;
-	walks++;
-	count(&done);
 	list_for_each_entry(entry, list, node)
 		visit(entry);
 	return 0;
 }
""",
    ),
    good=(
        """
>>> tree drivers/clock/Makefile
obj-y += tick.o
>>> patch clock: add a driver
>>> file drivers/clock/tick.c
+static const char * const tick_names[] = { "bus", "core" };
+static int tick_count __maybe_unused;
+static int tick_mode_fast, tick_mode_slow;
+#define TICK(mode) { .value = &tick_mode_##mode }
+static struct tick_mode modes[] = { TICK(fast), TICK(slow) };
+
+static int tick_probe(struct device *dev)
+{
+	int status, *where = &dev->count;
+	int other __free(kfree) = 0;
+
+	*where = 1;
+	if ((status = tick_start(dev, tick_names, modes)))
+		return status;
+	return 0;
+}
+module_init(tick_probe);
""",
        """
>>> tree mm/other.c
int other;
>>> patch mm: count
>>> file mm/example.c
 int walk(struct list *list)
 {
 	int unread;
+	int count = 0, last = 0;
 
+#ifdef CONFIG_COUNT
+	note(last);
+#endif
+	count += 1;
+	for (last = 1; step(list); last = 2)
+		;
 	unread = 1;
 	return 0;
 }
""",
        """
>>> tree mm/third.c
#include "example.c"
int third(void)
{
	return walks + depth(walk_modes);
}
>>> patch mm: count
>>> file mm/example.c
+static int walks;
+#if 0
+static int never;
+#endif
+static const int walk_modes[] = { 1, 2 };
 int other;
""",
    ),
)
