"""A function of a C file is marked inline although it is no three-liner."""

from collections.abc import Iterator

from patchscan.rule import ChangedFile, Context, Finding, Function, Rule, Silence

# coding-style.rst section 15: "a reasonable rule of thumb is to not put inline at functions that have
# more than 3 lines of code in them".
MOST_LINES = 3


def check(context: Context) -> Iterator[Finding | Silence]:
    """Every function of a C file whose header the patch adds with the word inline in it."""
    for file in context.c_files:
        if not file.path.endswith(".c") or not file.adds("inline"):
            continue
        for function in file.functions:
            line = inline_line(function)
            if line in file.added_numbers and not file.was_there(line):
                yield judge(file, function, line)


def inline_line(function: Function) -> int:
    """The line of the header that holds the word inline, 0 where none does."""
    if not function.has_head:
        return 0
    for line in range(function.first_line, function.last_line + 1):
        words = function.source.code_text(line).partition("(")[0].split()
        if "inline" in words:
            return line
        if f"{function.name}(" in function.source.code_text(line):
            break
    return 0


def judge(file: ChangedFile, function: Function, line: int) -> Finding | Silence:
    """A finding for a body of more than three lines that was not inline before."""
    if any("inline" in each.text and f"{function.name}(" in each.text for each in file.removed):
        return file.fine(line, f"{function.name}() was inline before")
    # A body that runs on behind the context lines of its hunk is longer than they are.
    if function.has_tail and code_lines(function) <= MOST_LINES:
        return file.fine(line, f"{function.name}() is {MOST_LINES} lines or less")
    return file.finding(
        line,
        f"{function.name}() need not be inline in a C file: the compiler knows better whether inlining it pays, "
        "and no longer warns when it loses its last caller; drop the word",
        fix=file.substitution(line, "inline ", ""),
    )


def code_lines(function: Function) -> int:
    """Lines of the body that hold code, its outer braces and preprocessor lines left out."""
    first = function.first_line + function.source.slice(function.start, function.brace).count("\n")
    lines = [function.source.code_text(line).strip() for line in range(first, function.last_line + 1)]
    return sum(1 for line in lines if line not in ("", "{", "}") and not line.startswith("#"))


RULE = Rule(
    name="inline-in-c-file",
    summary="A function of a C file is marked inline although it has more than three lines",
    why=(
        "In a C file the compiler sees all callers and inlines a static function where it pays. The word inline "
        "only overrides that judgement, and silences the warning about a static function that nobody calls."
    ),
    source=(
        "Documentation/process/coding-style.rst section 15 (the inline disease); Documentation/process/"
        "4.Coding.rst (inline functions); "
        '"x86/mm, mm/vmalloc: Defer kernel TLB flush IPIs" RFC v7 30/31, arch/x86/mm/tlb.c'
    ),
    severity="info",
    confidence="medium",
    check=check,
    wakes=("inline",),
    bad=(
        """
+static inline void flush(bool some, struct range *range) // want "flush.. need not be inline"
+{
+	if (some)
+		flush_some(range);
+	else
+		flush_all();
+}
""",
    ),
    good=(
        """
+static inline struct task *task_of(struct entity *entity)
+{
+#ifdef CONFIG_DEBUG_TASKS
+	WARN_ON_ONCE(!is_task(entity));
+#endif
+	return container_of(entity, struct task, entity);
+}
""",
        """
+static inline int first(struct list *list)
+{
+	return list->first;
+}
""",
        """
-static inline void flush(bool some)
-{
-	if (some)
-		flush_some();
-	else
-		flush_all();
-}
+static inline void flush(bool some)
+{
+	if (some)
+		flush_some();
+	else
+		flush_all();
+}
""",
        """
-static inline void flush(bool some)
+static inline void flush(bool some, struct range *range)
 {
 	if (some)
-		flush_some();
+		flush_some(range);
 	else
 		flush_all();
 }
""",
        """
+static __always_inline void flush(bool some, struct range *range)
+{
+	if (some)
+		flush_some(range);
+	else
+		flush_all();
+}
""",
        """
>>> patch mm: add a helper
>>> file include/linux/example.h
+static inline void flush(bool some, struct range *range)
+{
+	if (some)
+		flush_some(range);
+	else
+		flush_all();
+}
""",
    ),
)
