"""A goto or a case that leads past a variable which is cleaned up at the end of its block."""

from collections.abc import Iterator, Mapping, Sequence
from typing import TYPE_CHECKING

from patchscan.rule import ChangedFile, Context, Evidence, Finding, Function, Rule, Silence, pattern

if TYPE_CHECKING:
    from patchscan.c.cleanups import Cleanup

MAKERS = ("guard(", "__free(", "__cleanup(", "CLASS(", "ACQUIRE(")
JUMP = pattern(rb"\bgoto\s+(\w+)\s*;")
LABEL = pattern(rb"(?<=[;{}:])\s*((?!default\b|case\b)[A-Za-z_]\w*)\s*:(?!:)")


def check(context: Context) -> Iterator[Finding | Silence]:
    """The functions with a variable that is cleaned up."""
    for file in context.c_files:
        if file.adds(*MAKERS, "goto", "case") and file.shows(*MAKERS):
            for function in file.functions:
                if function.whole:
                    yield from judge(file, function)


def judge(file: ChangedFile, function: Function) -> Iterator[Finding]:
    """The jumps and cases of one function."""
    from patchscan.c.cleanups import cleanups_of

    made = cleanups_of(function)
    code, span = function.source.code, (function.brace, function.end)
    labels = {each[1].decode(): each.start(1) for each in LABEL.finditer(code, *span)} if made else {}
    jumping = [(each[1].decode(), each.start()) for each in JUMP.finditer(code, *span)] if labels else []
    for each in made:
        yield from jumps(file, function, each, labels, jumping)
        if not function.partial:
            yield from cases(file, function, each)


def jumps(
    file: ChangedFile,
    function: Function,
    made: "Cleanup",
    labels: Mapping[str, int],
    jumping: Sequence[tuple[str, int]],
) -> Iterator[Finding]:
    """The jumps of a function into the life of such a variable."""
    past = [
        (name, at)
        for name, at in jumping
        if name in labels and made.is_in_scope(labels[name]) and not made.is_in_scope(at)
    ]
    places = [function.source.line_at(at) for _, at in past]
    targets = {function.source.line_at(labels[name]) for name, _ in past}
    line = function.source.line_at(made.at)
    if past and any(is_new(file, number) for number in (line, *places, *targets)):
        more = f" (so do {len(past) - 1} more)" if len(past) > 1 else ""
        yield file.finding(
            places[0],
            f"this jump to {past[0][0]} leads past {made.maker} in line {file.patch_line(line)}{more}: at the end of "
            "the block what was never made is cleaned up, and clang refuses it; return instead, or give the "
            "variable a block of its own",
            evidence(file, line, *targets),
        )


def cases(file: ChangedFile, function: Function, made: "Cleanup") -> Iterator[Finding]:
    """The cases of a switch behind such a variable in its block."""
    for switch in function.nodes("switch_statement"):
        body = switch.child_by_field_name("body")
        if body is None or body.start_byte != made.block:
            continue
        starts = [node.start_byte for node in body.named_children if node.type == "case_statement"]
        line = function.source.line_at(made.at)
        later = [function.source.line_at(start) for start in starts if made.is_in_scope(start)]
        if later and any(is_new(file, number) for number in (line, *later)):
            yield file.finding(
                later[0],
                f"this case is reached past {made.maker} in line {file.patch_line(line)}, which lives to the end of "
                "the switch: what was never made is cleaned up there, and clang refuses it; put braces around "
                "the case that makes it",
                evidence(file, line),
            )


def evidence(file: ChangedFile, *lines: int) -> tuple[Evidence, ...]:
    """Lines that support a finding."""
    return tuple(file.evidence(line) for line in sorted(lines))


def is_new(file: ChangedFile, line: int) -> bool:
    """Whether the patch writes a line."""
    return line in file.added_numbers and not file.was_there(line)


RULE = Rule(
    name="jump-over-cleanup",
    summary="A goto or a case leads past a guard() or another variable that is cleaned up",
    why=(
        "The cleanup runs wherever the block of the variable is left, also where the jump left out what made it: it "
        "unlocks what was not locked, or frees what lay on the stack. gcc says nothing, clang refuses to compile it. "
        "Functions whose ways out are labels do not mix with guards."
    ),
    source=(
        "include/linux/cleanup.h (do not mix goto and cleanup in one function); clang: cannot jump from this goto "
        "statement to its label; reports of the kernel test robot"
    ),
    severity="warning",
    confidence="high",
    check=check,
    by_file=True,
    by_effect=True,
    wakes=("guard(", "__free(", "__cleanup(", "class(", "acquire(", "goto "),
    in_code=MAKERS,
    bad=(
        """
 static int walk(struct page *page)
 {
 	int ret = -EINVAL;
 
 	if (!page)
 		goto out; // want "this jump to out leads past guard.. in line 9 .so do 1 more.: at the end"
 	if (!page->deep)
 		goto out;
-	mutex_lock(&page->lock);
+	guard(mutex)(&page->lock);
 	ret = walk_on(page);
-	mutex_unlock(&page->lock);
 out:
 	return ret;
 }
""",
        """
+static int walk(struct page *page, int mode)
+{
+	int ret;
+
+	ret = walk_begin(page);
+	if (ret)
+		goto out_end; // want "this jump to out_end leads past the variable with a cleanup in line 9"
+
+	void *copy __free(kfree) = kmemdup(page, sizeof(*page), GFP_KERNEL);
+	if (!copy)
+		goto out_end;
+	switch (mode) {
+	case 1:
+		guard(mutex)(&page->lock);
+		ret = walk_on(page);
+		break;
+	case 2: // want "this case is reached past guard.. in line 14"
+		ret = walk_far(page);
+		break;
+	default:
+		break;
+	}
+out_end:
+	walk_end(page);
+	return ret;
+}
""",
    ),
    good=(
        """
+static int walk(struct page *page, int mode)
+{
+	int ret = 0;
+
+	if (!page)
+		goto out;
+	scoped_guard(mutex, &page->lock)
+		ret = walk_on(page);
+	switch (mode) {
+	case 1: {
+		guard(mutex)(&page->lock);
+		ret = walk_on(page);
+		if (ret)
+			goto out;
+		break;
+	}
+	default:
+		break;
+	case 2:
+		guard(mutex)(&page->lock);
+		ret = walk_far(page);
+	}
+	{
+		guard(mutex)(&page->lock);
+		ret = walk_end(page);
+	}
+out:
+	return ret;
+}
""",
        """
+static int walk(struct page *page)
+{
+	void *copy __free(kfree) = NULL;
+	int ret = 0;
+
+	guard(mutex)(&page->lock);
+again:
+	copy = walk_copy(page);
+	if (!copy)
+		goto out;
+	if (page->deep)
+		goto again;
+out:
+	return ret;
+}
""",
        """
 static int walk(struct page *page)
 {
+	page->deep = 3;
 	if (!page->deep)
 		goto out;
 	guard(mutex)(&page->lock);
 out:
 	return 0;
 }
+static int run(struct page *page, int mode)
+{
+	for (void *each __free(kfree) = first(page); each; each = next(page)) {
+		if (mode)
+			goto out;
+	}
+out:
+	return 1;
+}
""",
    ),
)
