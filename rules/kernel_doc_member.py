"""The kernel-doc of a struct or enum and its members differ: one is not described, or one described is not there."""

import re
from collections.abc import Iterator
from typing import TYPE_CHECKING

from patchscan.c.kerneldoc import Comment, Parameter, comments
from patchscan.rule import ChangedFile, Context, Finding, Rule, Silence, Source, pattern

if TYPE_CHECKING:
    from patchscan.c.members import Type

PART = pattern(r"[.\[-]")
SECRET = pattern(r"/\*\s*(private|public)\s*:", re.IGNORECASE)
CONCERNS = pattern(r"/\*\*|@|;")
MOST_SHOWN = 6


def check(context: Context) -> Iterator[Finding | Silence]:
    """Every documented struct, union and enum with a line that the patch adds, or takes from it."""
    for file in context.c_files:
        if not any(CONCERNS.search(line.text) for line in (*file.added, *file.removed)):
            continue
        for source in file.after:
            if b"/**" in source.text:
                yield from judge(file, source)


def judge(file: ChangedFile, source: Source) -> Iterator[Finding | Silence]:
    """What is to be said of the documented types of one text."""
    found = list(comments(source))
    touched = file.touched_numbers
    types = [each for each in found if each.type in ("struct", "union", "enum") and not each.inline]
    if not types:
        return
    from patchscan.c.filelevel import statements
    from patchscan.c.members import enum_at, type_at

    for comment in types:
        statement = next((each for each in statements(source.text) if each.start >= comment.end), None)
        if statement is None or statement.kind != "type" or statement.name != comment.name:
            continue
        last = source.line_at(statement.end)
        if not any(comment.first_line <= line <= last for line in touched):
            continue
        members = (enum_at if comment.type == "enum" else type_at)(source, statement)
        inside = [each for each in found if each.inline and comment.last_line < each.first_line < last]
        yield from compare(file, source, comment, members, inside)


def compare(
    file: ChangedFile, source: Source, comment: Comment, members: "Type", inside: list[Comment]
) -> Iterator[Finding | Silence]:
    """The members that nothing describes, and the descriptions of no member, that the patch brought about."""
    if not members.complete:
        yield file.unchecked(comment.heading, f"a macro may make members of {comment.name}")
        return
    written: list[Parameter] = [*comment.parameters, *(each for one in inside for each in one.parameters)]
    described = {PART.split(each.name)[0] for each in written}
    hidden = private_lines(source, members)
    real = {each.name for each in members.members}
    absent = [
        each
        for each in members.members
        if each.name not in described
        and each.type != "struct"
        and each.line not in hidden
        and (brought(file, comment, each.line) or lost_description(file, each.name))
    ]
    stale = [
        each
        for each in written
        if PART.split(each.name)[0] not in real and (is_new(file, each.line) or lost_member(file, each.name))
    ]
    if absent:
        names = ", ".join(f"'{each.name}'" for each in absent[:MOST_SHOWN])
        more = f" and {len(absent) - MOST_SHOWN} more" if len(absent) > MOST_SHOWN else ""
        yield file.finding(
            absent[0].line,
            f"kernel-doc of {comment.type} '{comment.name}' does not describe {names}{more}",
            (file.evidence(comment.heading),),
            severity="" if described else "info",
        )
    member = "value" if comment.type == "enum" else "member"
    for each in stale:
        yield file.finding(
            each.line,
            f"kernel-doc describes '{each.name}', but {comment.type} '{comment.name}' has no such {member}",
        )


def is_new(file: ChangedFile, line: int) -> bool:
    """Whether the patch adds a line, and not only moves or indents it."""
    return line in file.added_numbers and not file.was_there(line)


def brought(file: ChangedFile, comment: Comment, line: int) -> bool:
    """Whether the patch brings a member, or the documentation that should speak of it."""
    return is_new(file, line) or is_new(file, comment.heading)


def lost_description(file: ChangedFile, name: str) -> bool:
    """Whether the patch takes the description of a member away."""
    described = re.compile(rf"^\s*/?\*+\s*@{re.escape(name)}\b")
    return any(described.match(each.text) for each in file.removed) and not any(
        described.match(each.text) for each in file.added
    )


def lost_member(file: ChangedFile, name: str) -> bool:
    """Whether the patch takes a member away, which no added line declares."""
    declared = re.compile(rf"^(?!\s*/?\*).*\b{re.escape(PART.split(name)[0])}\b[^(]*;")
    return any(declared.match(each.text) for each in file.removed) and not any(
        declared.match(each.text) for each in file.added
    )


def private_lines(source: Source, members: "Type") -> frozenset[int]:
    """The lines of a struct behind a comment that says that what follows is private."""
    lines: set[int] = set()
    secret = False
    for line in range(members.line, max((each.line for each in members.members), default=members.line) + 1):
        mark = SECRET.search(source.line_text(line))
        if mark:
            secret = mark[1].lower() == "private"
        if secret:
            lines.add(line)
    return frozenset(lines)


RULE = Rule(
    name="kernel-doc-member",
    summary="The kernel-doc of a struct or enum lacks a member, or describes one that is not there",
    why="scripts/kernel-doc warns of both, and the documentation that is made of the comment is wrong.",
    source=(
        "Documentation/doc-guide/kernel-doc.rst (members; private: and public:; in-line member documentation); "
        "scripts/kernel-doc -none, which W=1 runs over every C file"
    ),
    severity="warning",
    confidence="high",
    check=check,
    by_file=True,
    bad=(
        """
+/**
+ * enum walk_mode - how to walk
+ * @WALK_SLOW: step by step
+ * @WALK_NEVER: not at all // want "kernel-doc describes 'WALK_NEVER', but enum 'walk_mode' has no such value"
+ */
+enum walk_mode {
+	WALK_SLOW = WALK(1, 2),
+	WALK_FAST, // want "kernel-doc of enum 'walk_mode' does not describe 'WALK_FAST'"
+};
""",
        """
+/**
+ * struct walk - a walk
+ * @list: where it goes
+ * @depth: how deep it is // want "kernel-doc describes 'depth', but struct 'walk' has no such member"
+ */
+struct walk {
+	struct list *list;
+	u8 reserved[2]; // want "kernel-doc of struct 'walk' does not describe 'reserved', 'done'"
+	void (*done)(struct walk *walk);
+};
""",
        """
 /**
  * struct walk - a walk
  * @list: where it goes
- * @depth: how deep it is
  * @old: what it was // want "kernel-doc describes 'old'"
  */
 struct walk {
 	struct list *list;
-	int old;
 	int depth; // want "does not describe 'depth'"
 };
""",
    ),
    good=(
        """
+/**
+ * enum walk_mode - how to walk
+ * @WALK_SLOW: step by step
+ * @WALK_FAST: in one go
+ */
+enum walk_mode {
+	WALK_SLOW,
+	/** @WALK_LAST: at last */
+	WALK_LAST,
+	WALK_FAST = 3,
+	/* private: */
+	WALK_COUNT,
+};
+enum walk_plain { WALK_ONE, WALK_TWO };
""",
        """
+/**
+ * struct walk - a walk
+ * @list: where it goes
+ * @word: as a whole
+ * @low: one half
+ * @high: the other
+ * @state: how it stands
+ * @state.depth: how deep
+ */
+struct walk {
+	struct list *list;
+	union {
+		u32 word;
+		struct { u16 low, high; };
+	};
+	struct {
+		int depth;
+	} state;
+	/** @inner: documented in place */
+	int inner;
+	/* private: */
+	int secret;
+};
""",
        """
 /**
  * struct walk - a walk
  * @list: where it goes
  */
 struct walk {
 	struct list *list;
 	int never_described;
+	/** @other: as it should be */
+	int other;
 };
""",
        """
+/**
+ * struct walk - a walk
+ * @list: where it goes
+ */
+struct walk {
+	struct list *list;
+	MORE_OF_A_WALK(deep)
+};
+/**
+ * struct other - nothing like it follows
+ */
+int walk(void);
""",
    ),
)
