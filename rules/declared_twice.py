"""A variable, member or type that is declared twice, and a member that an initialiser sets twice."""

from collections.abc import Iterator
from typing import TYPE_CHECKING

from patchscan.rule import ChangedFile, Context, Finding, Function, Rule, Silence, Source, pattern

if TYPE_CHECKING:
    from patchscan.c.filelevel import Statement
    from tree_sitter import Node

MARK = pattern(rb"[(){}\[\],.]")
DESIGNATOR = pattern(rb"\.\s*\w+(?:\s*\.\s*\w+)*\s*=(?!=)|\[\s*[\w +()-]+?\s*\]\s*=(?!=)")


def check(context: Context) -> Iterator[Finding | Silence]:
    """The declarations and initialisers in which a patch adds a line."""
    for file in context.c_files:
        if not file.added:
            continue
        for function in file.functions:
            if function.whole and not function.partial:
                yield from variables(file, function)
        for source in file.after:
            if not all(is_in_body(source, line) for line in file.added_numbers):
                yield from outside(file, source)


def is_in_body(source: Source, line: int) -> bool:
    """Whether a line stands between the braces of a function, where nothing is declared for the whole file."""
    function = source.function_at(line)
    return function is not None and source.line_at(function.brace) < line < function.last_line


def is_new(file: ChangedFile, *lines: int) -> bool:
    """Whether the patch writes one of the lines."""
    return any(line in file.added_numbers and not file.was_there(line) for line in lines)


def variables(file: ChangedFile, function: Function) -> Iterator[Finding | Silence]:
    """The variables that one block declares twice, and those of the outermost that are parameters."""
    known: dict[tuple[int, str], int] = {}
    if file.added_numbers.isdisjoint(range(function.first_line, function.last_line + 1)):
        return
    for each in function.parameters:
        known[function.body.id, each.name] = each.line
    for each in function.locals:
        declaration = function.parent_of(each.node)
        while declaration is not None and declaration.type != "declaration":
            declaration = function.parent_of(declaration)
        block = function.parent_of(declaration) if declaration is not None else None
        if block is None or block.type != "compound_statement" or is_extern(function, declaration):
            continue
        key = (block.id, each.name)
        if key in known and known[key] != each.line and is_new(file, each.line, known[key]):
            yield file.finding(
                each.line,
                f"{each.name} is declared in line {file.patch_line(known[key])} already: compilers refuse the second "
                "declaration",
                (file.evidence(known[key]),),
            )
        known.setdefault(key, each.line)


def is_extern(function: Function, declaration: "Node | None") -> bool:
    """Whether a declaration only speaks of a variable that stands elsewhere, or holds a directive."""
    text = function.source.text_of(declaration) if declaration is not None else "#"
    return "extern" in text.split() or "#" in text or "__PASTE" in text


def outside(file: ChangedFile, source: Source) -> Iterator[Finding | Silence]:
    """The structs, and the initialisers outside functions."""
    from patchscan.c.filelevel import outside_functions

    types: dict[str, int] = {}
    for each in outside_functions(source.text):
        span = range(source.line_at(each.start), source.line_at(each.end) + 1)
        if each.kind == "type" and each.name and not source.conditions_at(span[0]):
            keyword = (
                each.head(source.code).split()[0].decode("latin-1") if each.head(source.code).split() else ""
            )
            if (
                each.name in types
                and keyword in ("struct", "union")
                and is_new(file, span[0], types[each.name])
            ):
                yield file.finding(
                    span[0],
                    f"{keyword} {each.name} is defined in line {file.patch_line(types[each.name])} already: compilers "
                    "refuse the second definition",
                    (file.evidence(types[each.name]),),
                )
            if keyword in ("struct", "union"):
                types.setdefault(each.name, span[0])
        if file.added_numbers.isdisjoint(span):
            continue
        if each.kind == "type" and each.body >= 0:
            yield from members(file, source, each)
        elif each.kind == "variable" and each.body >= 0:
            yield from designators(file, source, each)


def members(file: ChangedFile, source: Source, statement: "Statement") -> Iterator[Finding | Silence]:
    """The members of a struct that stand in it twice, whatever the configuration."""
    from patchscan.c.members import type_at

    known: dict[str, int] = {}
    code = source.code[statement.body + 1 : statement.end]
    if (
        b"{" in code
        or b"#" in code
        or statement.head(source.code).split()[:1] not in ([b"struct"], [b"union"])
    ):
        return
    for each in type_at(source, statement).members:
        # What is written in capitals behind the name of a member is an attribute.
        if each.conditions or not each.name or each.name.isupper():
            continue
        if each.name in known and is_new(file, each.line, known[each.name]):
            yield file.finding(
                each.line,
                f"the member {each.name} stands in line {file.patch_line(known[each.name])} already: compilers refuse "
                "the second one",
                (file.evidence(known[each.name]),),
            )
        known.setdefault(each.name, each.line)


def designators(file: ChangedFile, source: Source, statement: "Statement") -> Iterator[Finding | Silence]:
    """The members and elements that an initialiser sets twice."""
    code = source.code
    if b"#" in code[statement.body : statement.end] or b"..." in code[statement.body : statement.end]:
        return
    stack: list[dict[bytes, int]] = []
    parentheses, last = 0, b""
    for mark in MARK.finditer(code, statement.body, statement.end):
        text = mark[0]
        if text in b"()":
            parentheses += 1 if text == b"(" else -1
        elif parentheses == 0 and text == b"{":
            stack.append({})
        elif parentheses == 0 and text == b"}" and stack:
            stack.pop()
        elif parentheses == 0 and text in b".[" and stack and last in (b"{", b","):
            found = DESIGNATOR.match(code, mark.start())
            name = b"".join(found[0].rstrip(b"= \t\n").split()) if found else b""
            line = source.line_at(mark.start())
            if name and name in stack[-1] and is_new(file, line, stack[-1][name]):
                first = stack[-1][name]
                yield file.finding(
                    line,
                    f"{name.decode('latin-1')} is set in line {file.patch_line(first)} already: the first value is "
                    "lost (-Woverride-init, -Winitializer-overrides)",
                    (file.evidence(first),),
                )
            if name:
                stack[-1].setdefault(name, line)
        if text != b"." or last in (b"{", b","):
            last = text if not (text == b"." or text == b"]") else b""


RULE = Rule(
    name="declared-twice",
    summary="A variable, member or struct is declared twice, or a member is initialised twice",
    why=(
        "Compilers refuse the second declaration. Of two values for one member the last counts, without a word where "
        "the warning is off. Both come of merges, and of patches that were taken apart."
    ),
    source="C11 6.7 and 6.7.9; gcc -Woverride-init (W=1); clang -Winitializer-overrides",
    severity="warning",
    confidence="high",
    check=check,
    by_file=True,
    bad=(
        """
+struct walk {
+	int rate;
+	u8 mode;
+	u32 rate; // want "the member rate stands in line"
+};
+static const struct walk_ops ops = {
+	.walk = walk,
+	.depth = 3,
+	.run = run,
+	.depth = 4, // want ".depth is set in line"
+};
+static const char * const names[] = {
+	[WALK_FAST] = "fast",
+	[WALK_SLOW] = "slow",
+	[WALK_FAST] = "other", // want ".WALK_FAST. is set in line"
+};
""",
        """
+struct walk { int a; };
+struct walk { int b; }; // want "struct walk is defined in line"
 static int walk(int mode)
 {
+	int rate = 1;
+	int rate = 2; // want "rate is declared in line"
+	int mode = 3; // want "mode is declared in line"
+
 	return mode;
 }
""",
    ),
    good=(
        """
+struct walk {
+	int rate;
+	struct {
+		int rate;
+	} inner;
+#ifdef CONFIG_WALK
+	u8 mode;
+#else
+	u16 mode;
+#endif
+};
+static const struct walk_ops ops[] = {
+	{ .depth = 3, .run = { .depth = 4 } },
+	{ .depth = 3 },
+	WALK(.depth = 4, .depth = 5),
+	[3] = { .depth = 3 },
+};
+struct walk;
+static const struct walk_ops whole = {
+	.a.x = 3,
+	.a.y = 4,
+	.walk = (struct one){ .depth = 3 }.depth,
+	.depth = 4,
+};
""",
        """
+static int walk(int mode)
+{
+	int rate = 1;
+
+	if (mode) {
+		int rate = 2;
+		int mode = 3;
+
+		return rate + mode;
+	}
+	for (int i = 0; i < 3; i++)
+		rate++;
+	for (int i = 0; i < 3; i++)
+		rate++;
+	switch (mode) {
+	case 1: {
+		int other;
+	}
+	case 2: {
+		int other;
+	}
+	}
+	return rate;
+}
""",
        """
 static int walk(int mode)
 {
+	mode++;
 	int rate = 1;
 	int rate = 2;
+#ifdef CONFIG_WALK
+	int depth;
+#else
+	u8 depth;
+#endif
 	return mode;
 }
""",
        """
 struct page_flags {
+	unsigned char : 5;
+	bool deep : 1;
+	unsigned char : 2;
+	unsigned int : 3;
+	unsigned int last : 1;
+	u16 first : 1,
+	: 6, more : 1,
+	: 6, most : 2;
+	u32 : 4;
+	u32 : 4;
+	u8 walk[4] WALK_ALIGNED;
+	u8 run[4] WALK_ALIGNED;
 };
""",
    ),
)
