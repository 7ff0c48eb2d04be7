"""A kernel-doc comment does not fit what it documents, or an exported function has none."""

import re
from collections.abc import Iterator

from patchscan.c.kerneldoc import Comment, Declaration, comments, declaration_after
from patchscan.rule import ChangedFile, Context, Finding, Function, Rule, Silence, Source, pattern

REMOVED = pattern(r"\*\s*@|[,)]")
TYPE = pattern(r"^((?:struct|union)\s+\w+)\s*\{\n(.*?)\n\}", re.DOTALL | re.MULTILINE)
MEMBER_MARK = pattern(r"[.\[-]")
ENDS_HEADER = pattern(r"[{;]|\)\s*$")


def check(context: Context) -> Iterator[Finding | Silence]:
    """Every kernel-doc comment that the patch adds or whose function it changes, and every new export."""
    for file in context.c_files:
        if file.adds("/**"):
            yield from strangers(file)
        if file.adds("/**", "@", ",", ")") or any(REMOVED.search(line.text) for line in file.removed):
            for source in file.after:
                for comment in comments(source):
                    if comment.name and not comment.inline:
                        yield from judge(file, source, comment)
        if file.adds("EXPORT_SYMBOL"):
            yield from undocumented_exports(file)
        if file.path.endswith(".h") and file.adds("struct ", "union "):
            yield from plain_members(file)


def strangers(file: ChangedFile) -> Iterator[Finding | Silence]:
    """New comments with the marker of kernel-doc that are none; one finding for all of a file."""
    lines = [
        comment.first_line
        for source in file.after
        for comment in comments(source)
        if not (comment.name or comment.inline)
        and is_new(file, comment.first_line)
        and is_new(file, comment.last_line)
    ]
    if lines:
        yield file.finding(
            lines[0],
            "/** begins a kernel-doc comment, but this is none: make it one (name - short description), or begin "
            "it with /*",
            tuple(file.evidence(line) for line in lines[1:6]),
        )


def judge(file: ChangedFile, source: Source, comment: Comment) -> Iterator[Finding | Silence]:
    """What is to be said of one comment that documents something; only on added lines.

    A directive in between and a blank line before the parameters are against the guide, but scripts/kernel-doc reads
    both: hints, unlike what it warns of.
    """
    new = is_new(file, comment.first_line) and is_new(file, comment.last_line)
    declaration = declaration_after(source, comment)
    if declaration.kind in ("unknown", "other"):
        return
    if new and declaration.separated:
        yield file.finding(
            comment.heading,
            f"kernel-doc: {declaration.directive} stands between the comment and {comment.name}: put the comment "
            "directly above what it documents",
            (file.evidence(declaration.separated),),
            severity="info",
        )
    if comment.gap and comment.wraps and is_new(file, comment.gap):
        yield file.finding(
            comment.heading,
            "kernel-doc: the parameters follow the short description directly, without a blank line; one that takes "
            "several lines is better a short one, with a long one behind the parameters",
            (file.evidence(comment.gap),),
            severity="info",
        )
    if declaration.name.removesuffix("_noprof") not in ("", comment.name.removesuffix("_noprof")):
        if is_new(file, comment.heading):
            yield file.finding(
                comment.heading,
                f"kernel-doc: the comment documents {comment.name}, but {declaration.name} follows it",
                (file.evidence(declaration.line),),
            )
    elif declaration.parameters is not None:
        yield from parameters(file, source, comment, declaration)


def parameters(
    file: ChangedFile, source: Source, comment: Comment, declaration: Declaration
) -> Iterator[Finding | Silence]:
    """Parameters that only the comment or only the declaration has, where the patch brought it about."""
    real = declaration.parameters or ()
    described = {MEMBER_MARK.split(each.name)[0] for each in comment.parameters}
    stale = [each for each in comment.parameters if MEMBER_MARK.split(each.name)[0] not in (*real, "")]
    stale = [each for each in stale if is_new(file, each.line) or was_taken_away(file, each.name)]
    absent = [name for name in real if name not in described]
    header = range(declaration.line, header_end(source, declaration) + 1)
    if not is_new(file, comment.heading):
        absent = [
            name for name in absent if is_added_name(file, name, header) or lost_description(file, name)
        ]
    if stale and len(stale) == len(absent):
        old = " and ".join(f"@{each.name}" for each in stale)
        verb = "is" if len(stale) == 1 else "are"
        yield file.finding(
            stale[0].line, f"kernel-doc: {old} {verb} called {' and '.join(absent)} in {comment.name}()"
        )
        return
    for each in stale:
        fault = f"{comment.name}() has no parameter {each.name}"
        if each.name.lower() in ("return", "returns"):
            fault = "Return: is a section and no parameter: take the @ off"
        yield file.finding(each.line, f"kernel-doc: {fault}")
    if absent:
        places = [
            line
            for line in header
            if is_new(file, line) and re.search(rf"\b{absent[0]}\b", file.text_at(line))
        ]
        line = comment.heading if is_new(file, comment.heading) or not places else places[0]
        yield file.finding(
            line,
            f"kernel-doc of {comment.name}() does not describe {', '.join('@' + name for name in absent)}",
            severity="" if described else "info",
        )


def header_end(source: Source, declaration: Declaration) -> int:
    """The line on which the parameter list of a declaration ends."""
    line = declaration.line
    while line < declaration.line + 30 and not ENDS_HEADER.search(source.code_text(line)):
        line += 1
    return line


def is_added_name(file: ChangedFile, name: str, lines: range) -> bool:
    """Whether a name comes new into these lines."""
    word = re.compile(rf"\b{re.escape(name)}\b")
    added = any(is_new(file, line) and word.search(file.code_at(line)) for line in lines)
    return added and not any(word.search(each.text) for each in file.removed)


def lost_description(file: ChangedFile, name: str) -> bool:
    """Whether the patch takes the description of a parameter away."""
    described = re.compile(rf"^\s*\*\s*@{re.escape(name)}\b")
    return any(described.match(each.text) for each in file.removed) and not any(
        described.match(each.text) for each in file.added
    )


def was_taken_away(file: ChangedFile, name: str) -> bool:
    """Whether a word is on a removed line and on no added one."""
    word = re.compile(rf"\b{re.escape(name)}\b")
    return any(word.search(each.text) for each in file.removed) and not any(
        word.search(each.text) for each in file.added
    )


def is_new(file: ChangedFile, line: int) -> bool:
    """Whether the patch adds a line, and not only moves or indents it."""
    return line in file.added_numbers and not file.was_there(line)


def undocumented_exports(file: ChangedFile) -> Iterator[Finding | Silence]:
    """New functions that the patch also exports and that have no comment; one finding for all of a file."""
    from patchscan.lookup.runtime import compiler_calls

    bare: list[Function] = []
    for source in file.after:
        exported = {each.symbol for each in source.exports() if is_new(file, each.line)}
        documented = {comment.name for comment in comments(source)}
        for function in file.functions:
            if function.source is not source or function.name not in exported - documented:
                continue
            if compiler_calls(function.name):
                yield file.fine(function.first_line, f"the compiler calls {function.name}(), no author does")
                continue
            if not is_new(file, function.first_line):
                continue
            if "*/" in source.line_text(function.first_line - 1):
                yield file.fine(function.first_line, f"{function.name}() has a comment of its own")
            else:
                bare.append(function)
    if bare:
        names = ", ".join(f"{each.name}()" for each in bare[:4]) + (" and others" if len(bare) > 4 else "")
        yield file.finding(
            bare[0].first_line,
            f"{names}: functions exported to modules should have a kernel-doc comment",
            tuple(file.evidence(each.first_line) for each in bare[1:6]),
            severity="info",
        )


def plain_members(file: ChangedFile) -> Iterator[Finding | Silence]:
    """New types of a header whose members are described, but in plain comments that no document shows."""
    for source in file.after:
        text = source.text.decode("latin-1")
        for match in TYPE.finditer(text):
            first = source.line_at(match.start())
            last = source.line_at(match.end() - 1)
            if not all(
                is_new(file, line) or not file.text_at(line).strip() for line in range(first, last + 1)
            ):
                continue
            code = [source.code_text(line) for line in range(first + 1, last)]
            members = sum(1 for line in code if line.rstrip().endswith(";"))
            if members < 2 or match[2].count("/*") < members or "/**" in match[2]:
                continue
            if "*/" in source.line_text(first - 1):
                yield file.fine(first, f"{match[1]} has a comment above it")
                continue
            yield file.finding(
                first,
                f"{match[1]} has a comment for each member: as kernel-doc above it, they would reach the documentation",
                severity="info",
            )


RULE = Rule(
    name="kernel-doc",
    summary="A kernel-doc comment does not fit what it documents, or an exported function has none",
    why=(
        "The documentation is built from these comments, and a build with W=1 warns of those that do not fit: a "
        "parameter that is called something else, a marker on a comment that is none, an #ifdef in between. "
        "Functions that are exported to modules should have one."
    ),
    source=(
        "Documentation/doc-guide/kernel-doc.rst; scripts/kernel-doc; reviews of "
        '"block: add some bdev apis" (kernel-doc for new helpers, please) and of "open: introduce openat2(2) '
        'syscall" (/** means the following is kernel-doc)'
    ),
    severity="warning",
    confidence="high",
    check=check,
    by_file=True,
    bad=(
        """
 /**
  * walk - walk the entries // want "does not describe @limit"
  * @node: the first
- * @limit: how many at most
  */
 int walk(struct list *node, int limit)
 {
 	return count(node, limit);
 }
""",
        """
+/**
+ * walk - walk the entries
+ * @node: the first // want "@node is called list in walk"
+ *
+ * Return: how many there are.
+ */
+int walk(struct list *list)
+{
+	return count(list);
+}
+
+/**
+ * join - make one list of two
+ * @first: the one to extend // want "@first and @second are called head and tail in join"
+ * @second: what is added
+ */
+void join(struct list *head, struct list *tail)
+{
+	head->next = tail;
+}
""",
        """
+/** // want "begins a kernel-doc comment, but this is none"
+ * How the walk is done. It is quick.
+ */
+#define QUICK 1
""",
        """
+/**
+ * walk - walk the entries of a list that // want "without a blank line"
+ * is not locked
+ *
+ * @list: the list
+ */
+int walk(struct list *list);
+
+/**
+ * run - run along // want "#ifndef run stands between"
+ */
+#ifndef run
+static inline int run(void)
+{
+	return 0;
+}
+#endif
""",
        """
 /**
  * walk - walk the entries
  * @list: the list
  */
-int walk(struct list *list)
+int walk(struct list *list, bool quick) // want "does not describe @quick"
 {
 	return count(list);
 }
""",
        """
+int walk(struct list *list) // want "walk.., run.*should have a kernel-doc"
+{
+	return count(list);
+}
+EXPORT_SYMBOL_GPL(walk);
+
+int run(void)
+{
+	return 0;
+}
+EXPORT_SYMBOL(run);
""",
        """
>>> patch walk: let user space say where
>>> file include/uapi/linux/walk.h
+struct walk_place { // want "struct walk_place has a comment for each member"
+	/* where the walk begins */
+	__u64 start;
+	/* and how far it goes */
+	__u64 size;
+};
""",
    ),
    good=(
        """
+/**
+ * walk() - walk the entries of a list that is locked
+ *	    by the caller
+ * @list: the list; @list->next may be NULL
+ * @done: called for each
+ * @...: more
+ */
+int __must_check walk(struct list *list, void (*done)(int nr),
+		      ...) __must_hold(lock)
+{
+	return count(list);
+}
+EXPORT_SYMBOL_GPL(walk);
""",
        """
 /**
  * walk - walk the entries
  * @node: the first
  */
 int walk(struct list *list)
 {
-	return 0;
+	return count(list, 0);
 }
""",
        """
+struct list {
+	/** @next: the next one */
+	struct list *next;
+};
+
+/* Not for modules. */
+int walk(struct list *list)
+{
+	return count(list);
+}
+
+/* Exported, with a comment of its own. */
+int run(void)
+{
+	return 0;
+}
+EXPORT_SYMBOL(run);
+/********** The end **********/
""",
        """
>>> patch walk: let user space say where
>>> file include/uapi/linux/walk.h
+/* Where a walk goes. */
+struct walk_place {
+	__u64 start; /* where the walk begins */
+	__u64 size; /* and how far it goes */
+};
+struct walk {
+	struct walk_place place;
+	int done;
+};
""",
        """
-/**
- * Just a remark that moves.
- */
 int x;
+/**
+ * Just a remark that moves.
+ */
""",
    ),
)
