"""A comment that is a statement of C: code that somebody switched off."""

from collections.abc import Iterator

from patchscan.rule import Context, Finding, Rule, Silence, pattern

COMMENT = pattern(r"\s*(?://+\s*(?P<line>.*\S)|/\*+\s*(?P<block>.*\S)\s*\*/)\s*$")
# A call, an assignment without arithmetic, a jump: nothing that a sentence or a formula looks like.
STATEMENT = pattern(
    r"(?:"
    r"[a-z_]\w*\((?:[^;.?!]|->|\.\w)*\)"
    r"|(?:[a-z_]\w*(?:->|\.))*[a-z_]\w*(?:\[\w+\])?\s(?:=|\+=|-=|\|=|&=)\s"
    r"[&*!~-]*(?:\w+(?:->|\.))*\w+(?:\[\w+\])?(?:\((?:[^;]|->)*\))?"
    r"|return(?: -?[\w>.-]+(?:\([^;]*\))?)?"
    r"|goto \w+"
    r")\s*;"
)
# What stands for something that the reader should put there.
FORM = pattern(r"\.\.\.|…|<\w+>|\be\.g\.|==>|=>")

# What makes code of another kind says in a comment what it means.
MADE = pattern(r"\bBPF_|(?i:emit)|insn|\basm\b|\bset_reg|opcode|\.(?:long|byte|word)\b")


def check(context: Context) -> Iterator[Finding | Silence]:
    """The added lines that are nothing but such a comment; what only moves, or was code before, aside."""
    for file in context.c_files:
        if "/uapi/" in file.path or not (file.adds("//") or file.adds("/*")):
            continue
        for line in file.added:
            found = COMMENT.match(line.text) if line.new is not None else None
            inside = (found["line"] or found["block"]) if found else ""
            if not STATEMENT.fullmatch(inside) or FORM.search(inside):
                continue
            number = file.source_line(line.new or 0)
            if file.was_there(number):
                yield file.fine(number, "it only moves")
            elif MADE.search(file.code_at(number + 1)) or MADE.search(file.code_at(number + 2)):
                yield file.fine(number, "it says what the code made here does")
            elif not file.code_at(number).strip():
                yield file.finding(
                    number, "a statement stands in a comment: leave it out, or say why it is kept"
                )


RULE = Rule(
    name="commented-out-code",
    summary="A statement is kept in a comment",
    why=(
        "Nobody compiles or tests it, and the reader cannot know whether it was forgotten, is wanted or is wrong; "
        "git keeps what was."
    ),
    source="Common practice: 20 of 4355 files of 24 directories of drivers have such a comment (6.12)",
    severity="info",
    confidence="high",
    check=check,
    by_file=True,
    wakes=("//", "/*"),
    bad=(
        """
 static int work(struct part *part)
 {
+	// part_dump(part); // want "a statement stands in a comment"
 	return start(part);
 }
""",
        """
+static int work(struct part *part)
+{
+	/* part->level = 5; */ // want "a statement stands in a comment"
+	return start(part);
+}
""",
    ),
    good=(
        """
+static int work(struct part *part)
+{
+	/* start it; */
+	// the level is read; see below
+	return start(part); // stop(part) is the caller's
+}
""",
        """
+/* use: part_dump(<part>); */
+// part_set(part, ...);
+static int work(struct part *part)
+{
+	/* rate = clock / (2 * (divider + 1)); */
+	/* x = (val - (1 << y)) >> (y - 2); */
+	return start(part);
+}
""",
        """
+static int work(struct bpf_insn *insn)
+{
+	/* ret = pull(skb, 0); */
+	*insn++ = BPF_MOV64_REG(BPF_REG_6, BPF_REG_1);
+	return 0;
+}
""",
        """
 static int work(struct part *part)
 {
-	// part_dump(part);
 	level(part);
+	// part_dump(part);
 	return start(part);
 }
""",
    ),
)
