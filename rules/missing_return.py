"""A return that does not fit the type of its function, or none where a value is due."""

from collections.abc import Iterator

from patchscan.rule import ChangedFile, Context, Finding, Function, Rule, Silence, pattern, source_of

VOID = pattern(r"(?:\b(?:static|inline|extern|asmlinkage|noinline|__\w+)\s+)*void\s+(?:__\w+\s+)*")
VALUE = pattern(
    r"(?:\b(?:static|inline|extern|asmlinkage|noinline|const|__\w+)\s+)*"
    r"(?:(?:unsigned |signed )?(?:int|long|short|char)|long long|unsigned(?: long)?(?: long)?|bool|u8|u16|u32|u64|"
    r"s8|s16|s32|s64|s?size_t|irqreturn_t|netdev_tx_t|umode_t|"
    r"(?:const )?(?:struct|enum) \w+|(?:const )?(?:void|char) \*+)\s*\**\s*(?:__\w+\s+)*"
)
# A branch that is not read, a jump by assembly, a block that a macro makes.
HIDES = pattern(rb"#|\basm\b|_scoped\(")


def check(context: Context) -> Iterator[Finding | Silence]:
    """The functions that a patch writes or changes."""
    for file in context.c_files:
        for function in file.functions:
            if function.whole and not function.partial:
                yield from judge(file, function)


def judge(file: ChangedFile, function: Function) -> Iterator[Finding | Silence]:
    """What one function returns against what it says it does."""
    head = function.source.code[function.start : function.name_start].decode("latin-1")
    kind = " ".join(head.split()) + " "
    if VOID.fullmatch(kind):
        for node in function.nodes("return_statement"):
            value = next((child for child in node.named_children if child.type != "comment"), None)
            line = function.source.line_of(node)
            if value is not None and not is_call(value) and is_touched(file, function, line):
                yield file.finding(
                    line,
                    f"{function.name}() returns nothing, but a value stands here: compilers refuse that; return; or "
                    "another type",
                    (file.evidence(function.name_line),),
                )
    elif VALUE.fullmatch(kind):
        yield from no_value(file, function)


def no_value(file: ChangedFile, function: Function) -> Iterator[Finding | Silence]:
    """A return without a value, and an end that is reached without one."""
    from patchscan.c.runoff import runs_off

    for node in function.nodes("return_statement"):
        line = function.source.line_of(node)
        if node.named_child_count == 0 and is_touched(file, function, line):
            yield file.finding(
                line,
                f"{function.name}() returns a value, but none stands here: clang refuses that (-Wreturn-mismatch)",
                (file.evidence(function.name_line),),
            )
    text = function.source.code[function.brace : function.end]
    if HIDES.search(text) or function.body.type != "compound_statement" or ends_in_macro(function):
        return
    changed = not file.touched_numbers.isdisjoint(range(function.first_line, function.last_line + 1))
    if changed and runs_off(function, function.body):
        yield file.finding(
            function.last_line,
            f"{function.name}() can reach its end without returning a value: the compiler warns (-Wreturn-type), and "
            "what the caller gets is left to chance",
            (file.evidence(function.name_line),),
        )


def ends_in_macro(function: Function) -> bool:
    """Whether the last call is one of a macro of the same file, which may return."""
    calls = function.calls()
    return bool(calls) and any(macro.name == calls[-1].name for macro in source_of(function).macros())


def is_touched(file: ChangedFile, function: Function, line: int) -> bool:
    """Whether the patch writes a line, or the head of its function."""
    lines = (line, *range(function.first_line, function.name_line + 1))
    return any(each in file.added_numbers and not file.was_there(each) for each in lines)


def is_call(value: object) -> bool:
    """Whether a value is a call, which may return nothing, too: compilers of the kernel take that."""
    return getattr(value, "type", "") in ("call_expression", "comma_expression", "conditional_expression")


RULE = Rule(
    name="missing-return",
    summary="A return does not fit the type of its function, or a function ends without one",
    why=(
        "What a caller reads then is whatever the register held. It happens where a function changes its type, and "
        "where the return in the last branch goes; gcc and clang tell it, a build robot with them."
    ),
    source="C11 6.8.6.4 and 6.9.1; gcc -Wreturn-type; clang -Wreturn-mismatch; Makefile (-Werror=return-type)",
    severity="warning",
    confidence="high",
    check=check,
    by_file=True,
    by_effect=True,
    bad=(
        """
+static void walk(struct page *page)
+{
+	if (!page)
+		return -EINVAL; // want "walk.. returns nothing, but a value stands here"
+	page->deep = 3;
+}
+static int run(struct page *page)
+{
+	if (!page)
+		return; // want "run.. returns a value, but none stands here"
+	return 3;
+}
""",
        """
 static struct page *walk(struct page *page)
 {
 	page->deep = 3;
-	return page;
+	page->last = 4;
 } // want "walk.. can reach its end without returning a value"
 static bool run(int mode)
 {
 	switch (mode) {
+	case 1:
+		return true;
+	case 2:
+		return false;
 	}
 } // want "run.. can reach its end without returning a value"
""",
    ),
    good=(
        """
+static void walk(struct page *page)
+{
+	if (!page)
+		return;
+	return walk_on(page);
+}
+static int run(struct page *page)
+{
+	if (!page)
+		return 2;
+	else
+		panic("no page");
+}
+static bool ready(int mode)
+{
+	switch (mode) {
+	case 1:
+		return true;
+	default:
+		return false;
+		break;
+	}
+}
+static int wait(int mode)
+{
+	for (;;) {
+		if (mode++ > 3)
+			return mode;
+	}
+}
+static int stop(int mode)
+{
+again:
+	mode++;
+	goto again;
+}
""",
        """
+static int walk(struct page *page)
+{
+	scoped_guard(mutex, &page->lock) {
+		return page->deep;
+	}
+}
+static int run(struct page *page)
+{
+	WALK_RETURN(page->deep);
+}
+WALK_TYPE(int) other(void)
+{
+	return;
+}
+#define walk_template(page) do { return (page)->deep; } while (0)
+static int by_template(struct page *page)
+{
+	walk_template(page);
+}
+static struct page *made(struct page *page)
+{
+	return_ptr(page);
+}
+static noinline int leave(struct page *page)
+{
+	do {
+		return page->deep;
+	} while (0);
+}
""",
        """
 static int walk(struct page *page)
 {
+	page->deep = 3;
+#ifdef CONFIG_WALK
+	return 3;
+#else
+	return 4;
+#endif
 }
""",
        """
+static void __noreturn walk_no_more(struct walk *walk);
+
+static int walk_on(struct walk *walk)
+{
+	if (walk->deep)
+		return 1;
+	walk_no_more(walk);
+}
""",
    ),
)
