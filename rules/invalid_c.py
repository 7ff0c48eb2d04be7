"""What one of the kernel's compilers refuses or warns of, though another may take it."""

from collections.abc import Iterator

from patchscan.rule import ChangedFile, Context, Finding, Function, Rule, Silence, pattern

LABEL_AT_END = pattern(rb"(?<=[;{}:])\s*(default|case\b[^:;{}?\"']*|[A-Za-z_]\w*)\s*:(?!:)\s*\}")
MISPLACED = pattern(
    r"\b(struct|union|enum)\s+(__maybe_unused|__always_unused|__used|__(?:init|exit)(?:data|const)?|"
    r"__ro_after_init|__read_mostly)\s+(\w+)\s+\w"
)


def check(context: Context) -> Iterator[Finding | Silence]:
    """The functions with added lines, and attributes on added lines."""
    for file in context.c_files:
        if file.adds(":"):
            for function in file.functions:
                yield from label_at_end(file, function)
        if file.adds(":", "else"):
            for function in file.functions:
                if not function.partial:
                    yield from declaration_after_label(file, function)
                    yield from ambiguous_else(file, function)
        if file.adds("struct __", "union __", "enum __"):
            yield from misplaced_attribute(file)


def is_new(file: ChangedFile, line: int) -> bool:
    """Whether the patch adds a line, and not only moves or indents it."""
    return line in file.added_numbers and not file.was_there(line)


def label_at_end(file: ChangedFile, function: Function) -> Iterator[Finding | Silence]:
    """A label that a closing brace follows."""
    code = function.source.code
    for match in LABEL_AT_END.finditer(code, function.brace, min(function.end, len(code))):
        line = function.source.line_at(match.start(1))
        if is_new(file, line):
            label = " ".join(match[1].decode("latin-1").split())
            yield file.finding(
                line,
                f"'{label}:' is a label at the end of a compound statement, which C before C23 and clang before 18 "
                "refuse: write a statement behind it, as break; or the empty one",
            )


def declaration_after_label(file: ChangedFile, function: Function) -> Iterator[Finding | Silence]:
    """A declaration that directly follows a label."""
    for node in function.nodes("case_statement", "labeled_statement"):
        label = node.child_by_field_name("value") or node.child_by_field_name("label")
        after = [child for child in node.named_children if child != label and child.type != "comment"]
        line = function.source.line_of(after[0]) if after else 0
        if after and after[0].type == "declaration" and is_new(file, line):
            yield file.finding(
                line,
                "a declaration follows a label directly, which C before C23 refuses (expected expression): put "
                "braces around what belongs to the label, or declare it above",
                (file.evidence(function.source.line_of(node)),),
            )


def ambiguous_else(file: ChangedFile, function: Function) -> Iterator[Finding | Silence]:
    """An else that belongs to the inner of two ifs without braces."""
    for outer in function.nodes("if_statement"):
        inner = outer.child_by_field_name("consequence")
        if inner is None or inner.type != "if_statement" or outer.child_by_field_name("alternative"):
            continue
        other = inner.child_by_field_name("alternative")
        if other is None or function.macro_of(outer) or function.macro_of(inner):
            continue
        lines = [function.source.line_of(each) for each in (outer, inner, other)]
        if any(is_new(file, line) for line in lines):
            yield file.finding(
                lines[0],
                f"this 'if' has no braces, and the 'else' in line {file.patch_line(lines[2])} belongs to the inner "
                "one: the compiler warns (-Wdangling-else); put braces around what was meant",
                (file.evidence(lines[2]),),
            )


def misplaced_attribute(file: ChangedFile) -> Iterator[Finding | Silence]:
    """An attribute of a variable between `struct` and its tag."""
    for line in sorted(file.added_numbers):
        match = MISPLACED.search(file.code_at(line))
        if match and is_new(file, line):
            yield file.finding(
                line,
                f"'{match[2]}' stands between '{match[1]}' and '{match[3]}': there it says something of the type, and "
                "clang ignores it with a warning; put it behind the type",
            )


RULE = Rule(
    name="invalid-c",
    summary="A label, declaration, else or attribute stands where a compiler of the kernel refuses it",
    why=(
        "The kernel is built by several versions of gcc and clang. What one of them takes as an extension is an error "
        "or, with CONFIG_WERROR, as good as one for another, and a build robot has them all."
    ),
    source=(
        "C11 6.8.1 and 6.8.2 (a label belongs to a statement); gcc -Wdangling-else; clang -Wignored-attributes; "
        "Documentation/process/changes.rst (the oldest compilers)"
    ),
    severity="warning",
    confidence="high",
    check=check,
    by_file=True,
    bad=(
        """
 int walk(int mode)
 {
+	switch (mode) {
+	case 1:
+		return 2;
+	default: // want "'default:' is a label at the end of a compound statement"
+	}
+	if (mode > 3) // want "the 'else' in line 11 belongs to the inner one"
+		if (mode > 4)
+			return 3;
+	else
+		return 4;
 	return 0;
 }
""",
        """
 int walk(int mode)
 {
 	switch (mode) {
+	case 1:
+		/* depth is read */
+		u8 depth[3]; // want "a declaration follows a label directly"
+
+		return read_depth(depth);
 	}
 }
 int run(int mode)
 {
+	if (mode)
+		goto out;
+out: // want "'out:' is a label at the end"
 }
+static const struct __maybe_unused walk_ops ops = { // want "'__maybe_unused' stands between 'struct' and 'walk_ops'"
+	.walk = walk,
+};
""",
    ),
    good=(
        """
 int walk(int mode)
 {
+	switch (mode) {
+	case 1: {
+		u8 depth[3];
+
+		return read_depth(depth);
+	}
+	default:
+		break;
+	}
+	if (mode > 3) {
+		if (mode > 4)
+			return 3;
+	} else {
+		return 4;
+	}
+	mode = mode ? 1 : (int){ 2 };
+out:
 	return 0;
 }
""",
        """
 int walk(int mode)
 {
+	if (mode > 3)
+		return 1;
+	else if (mode > 4)
+		return 3;
+	else
+		return 4;
+	for_each_set_bit(bit, mask, 4)
+		if (bit)
+			return 1;
+		else
+			return 2;
 	return 0;
 }
+static const struct walk_ops __maybe_unused ops = {
+	.walk = walk,
+};
+struct __packed walk_head {
+	u8 depth:3;
+};
""",
        """
 int walk(int mode)
 {
 	switch (mode) {
 	default:
-		break;
 	}
+	mode++;
+	asm volatile("nop" : : : "memory");
 	return 0;
 }
""",
    ),
)
