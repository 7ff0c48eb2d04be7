"""A label that nothing jumps to, a jump to none, and a case that stands twice."""

import re
from collections import Counter
from collections.abc import Iterator
from typing import TYPE_CHECKING

from patchscan.rule import ChangedFile, Context, Finding, Function, Rule, Silence, pattern, source_of

if TYPE_CHECKING:
    from tree_sitter import Node

WORD = pattern(r"\w+")
UNUSED = pattern(r"\b(\w+)\s*:\s*__\w*unused")
JUMPS = pattern(r"\bgoto\s+(\w+)\s*;")


def check(context: Context) -> Iterator[Finding | Silence]:
    """The functions in which a patch writes or takes away a jump, a label or a case."""
    for file in context.c_files:
        if not file.touches("goto", ":"):
            continue
        for function in file.functions:
            if function.whole and not function.partial:
                yield from labels(file, function)
                for switch in function.nodes("switch_statement"):
                    yield from cases(file, function, switch)


def labels(file: ChangedFile, function: Function) -> Iterator[Finding | Silence]:
    """The labels of a function against its jumps."""
    source = function.source
    text = source.code[function.brace : function.end].decode("latin-1")
    defined: dict[str, int] = {}
    for node in function.nodes("labeled_statement"):
        label = node.child_by_field_name("label")
        name, line = source.text_of(label) if label is not None else "", source.line_of(node)
        if name in defined and "#" not in text and is_new(file, line, defined[name]):
            yield file.finding(
                line,
                f"the label {name} stands in {function.name}() already: compilers refuse the second one",
                (file.evidence(defined[name]),),
            )
        defined.setdefault(name, line)
    unused = {found[1] for found in UNUSED.finditer(text)}
    words = Counter(WORD.findall(text))
    made = " ".join(macro.body for macro in source_of(function).macros()) if defined else ""
    spoken = frozenset(WORD.findall(made))
    gone = {found[1] for line in file.removed for found in JUMPS.finditer(line.text)}
    for name, line in defined.items():
        marked = name in unused
        if (
            (name in gone or is_new(file, line))
            and not marked
            and words[name] == 1
            and name not in spoken
            and "##" not in made
        ):
            yield file.finding(
                line,
                f"nothing jumps to {name} in {function.name}(): the compiler warns (-Wunused-label); leave it out",
            )
    for found in JUMPS.finditer(text):
        line = source.line_at(function.brace + found.start())
        before = file.before_of(function.name)
        had = before is not None and f"{found[1]}:" in before.text
        if found[1] not in defined and (is_new(file, line) or had) and not is_made(text, found[1]):
            yield file.finding(
                line, f"{function.name}() has no label {found[1]}: compilers refuse the jump to it"
            )


def is_new(file: ChangedFile, *lines: int) -> bool:
    """Whether the patch writes one of the lines."""
    return any(line in file.added_numbers and not file.was_there(line) for line in lines)


def is_made(text: str, name: str) -> bool:
    """Whether a label may be there all the same: in what a directive leaves out, or by a macro."""
    return re.search(rf"(?m)\b{name}\s*:(?!:)|__label__|^\s*#", text) is not None


def cases(file: ChangedFile, function: Function, switch: "Node") -> Iterator[Finding | Silence]:
    """Two cases of one switch with the same value."""
    body = switch.child_by_field_name("body")
    known: dict[str, int] = {}
    if body is None or any(child.type.startswith("preproc") for child in body.named_children):
        return
    for case in body.named_children:
        if case.type != "case_statement":
            continue
        value = case.child_by_field_name("value")
        text = " ".join(function.source.text_of(value).split()) if value is not None else "default"
        line = function.source.line_of(case)
        if text in known and is_new(file, line, known[text]):
            yield file.finding(
                line,
                f"{'case ' * (value is not None)}{text} stands in this switch already: compilers refuse the second one",
                (file.evidence(known[text]),),
            )
        known.setdefault(text, line)


RULE = Rule(
    name="jump-target",
    summary="A label has no jump, a jump no label, or a label or case stands twice",
    why=(
        "Labels are left behind when a way out changes to devm or to guard(), and are missed when code moves to "
        "another function. Compilers refuse it or warn, and a build robot with them."
    ),
    source="C11 6.8.1 and 6.8.4.2; gcc -Wunused-label",
    severity="warning",
    confidence="high",
    check=check,
    by_file=True,
    by_effect=True,
    bad=(
        """
 static int walk(struct page *page)
 {
-	if (!page)
-		goto out;
+	guard(mutex)(&page->lock);
 	page->deep = 3;
 out: // want "nothing jumps to out in walk"
 	return 0;
 }
+static int run(struct page *page)
+{
+	if (!page)
+		goto err; // want "run.. has no label err"
+	return 0;
+}
""",
        """
+static int walk(int mode)
+{
+	if (!mode)
+		goto out;
+	switch (mode) {
+	case WALK_FAST:
+		return 2;
+	case WALK_SLOW:
+		return 3;
+	case WALK_FAST: // want "case WALK_FAST stands in this switch already"
+		return 4;
+	}
+out:
+	mode = 3;
+out: // want "the label out stands in walk.. already"
+	return mode;
+}
""",
    ),
    good=(
        """
+#define WALK_CHECK(page) do { if (!(page)) goto fail; } while (0)
+static int walk(struct page *page)
+{
+	WALK_CHECK(page);
+	if (!page->deep)
+		goto out;
+	switch (page->deep) {
+	case 1:
+		switch (page->last) {
+		case 1:
+			return 3;
+		}
+		return 2;
+#ifdef CONFIG_WALK
+	case 2:
+		return 3;
+#else
+	case 2:
+		return 4;
+#endif
+	}
+out:
+	return 0;
+fail:
+	return 1;
+}
""",
        """
+static int walk(struct page *page)
+{
+	asm goto("nop" : : : : far);
+#ifdef CONFIG_WALK
+	goto out;
+#endif
+	jump_to(page, here);
+	return 0;
+here:
+far:
+out:
+	return 1;
+unused: __maybe_unused
+	return 2;
+}
""",
        """
 static int walk(struct page *page)
 {
+	page->deep = 3;
 	goto out;
 out:
 	return 0;
 old:
 	return 1;
 }
""",
    ),
)
