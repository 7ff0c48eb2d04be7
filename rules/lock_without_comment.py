"""A lock in a new struct of a driver of which nothing says what it protects."""

from collections.abc import Iterator

from patchscan.rule import ChangedFile, Context, Finding, Rule, Silence, pattern

LOCK = pattern(
    r"\s+(?:struct mutex|struct rw_semaphore|spinlock_t|raw_spinlock_t|rwlock_t)\s+(?P<name>\w+)\s*;(?P<rest>.*)"
)
# Most structs are told in fewer lines; what kernel-doc there is stands above.
ABOVE = 80
OPEN = pattern(r"\s*(?:typedef )?(?:static )?(?:struct|union)\b[^;()]*\{")


def check(context: Context) -> Iterator[Finding | Silence]:
    """One remark a file, at the first such lock of a struct that is new as a whole."""
    for file in context.c_files:
        if file.change.kind != "create" or not file.adds(
            "struct mutex", "spinlock_t", "rwlock_t", "struct rw_semaphore"
        ):
            continue
        for line in file.added:
            found = LOCK.match(line.text) if line.new is not None else None
            if (
                found
                and "/*" not in found["rest"]
                and "//" not in found["rest"]
                and not told(file, line.new or 0, found["name"])
            ):
                yield file.finding(
                    file.source_line(line.new or 0),
                    f"what does {found['name']} protect? Say so in a comment, or in the kernel-doc of the struct",
                )


def told(file: ChangedFile, number: int, name: str) -> bool:
    """Whether a comment stands above a member, among those before it since an empty line, or in the kernel-doc."""
    texts = {line.new: line.text for line in file.added}
    at, near = number - 1, True
    while at >= max(1, number - ABOVE):
        text = texts.get(at, "")
        if near and ("*/" in text or "//" in text):
            return True
        near = near and bool(text.strip())
        if OPEN.match(text):
            break
        at -= 1
    else:
        return True
    form = f"@{name}:"
    while at > 1 and (text := texts.get(at - 1, "")).strip():
        if form in text:
            return True
        at -= 1
    return False


RULE = Rule(
    name="lock-without-comment",
    summary="Nothing says what a lock protects",
    why=(
        "Who changes the driver has to know for what the lock must be taken; from the code alone it cannot be seen "
        "what was meant and what was forgotten."
    ),
    source="scripts/checkpatch.pl (UNCOMMENTED_DEFINITION)",
    severity="info",
    confidence="high",
    check=check,
    by_file=True,
    wakes=("struct mutex", "spinlock_t", "rwlock_t", "struct rw_semaphore"),
    bad=(
        """
>>> patch misc: add a driver
Add it.
>>> file drivers/misc/part.c
+struct part {
+	/* what is read */
+	int level;
+
+	int rate;
+	struct mutex lock; // want "what does lock protect"
+};
""",
    ),
    good=(
        """
>>> patch misc: add a driver
Add it.
>>> file drivers/misc/part.c
+struct part {
+	struct mutex lock; /* protects level */
+	int level;
+};
""",
        """
>>> patch misc: add a driver
Add it.
>>> file drivers/misc/part.c
+/**
+ * struct part - a part
+ * @level: what is read
+ * @lock: serialises access to the level
+ */
+struct part {
+	int level;
+	struct mutex lock;
+};
""",
        """
>>> patch misc: add a driver
Add it.
>>> file drivers/misc/part.c
+struct part {
+	/* protects level and rate */
+	spinlock_t lock;
+	int level;
+};
""",
        """
 struct part {
+	spinlock_t lock;
 	int level;
 };
""",
    ),
)
