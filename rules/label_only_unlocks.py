"""A label behind which only a lock is given back, where guard() would let each error be returned at once."""

from collections.abc import Iterator

from patchscan.rule import ChangedFile, Context, Finding, Function, Rule, Silence, pattern

UNLOCK = pattern(r"(?:mutex_unlock)\((?P<lock>[^()]+)\)\s*;")
RETURN = pattern(r"return(?:\s+\w+)?\s*;")
# Who releases at the end of a block says so by one of these.
GUARDS = pattern(rb"\b(?:scoped_)?guard\(|\b__free\(|<linux/cleanup\.h>")
# Files read beside a new one.
MOST_BESIDE = 60
FEWEST = 2


def check(context: Context) -> Iterator[Finding | Silence]:
    """The functions of new files with one such label, at the lock, where the tree has guard() for it."""
    if not context.has_tree:
        return
    known: bool | None = None
    for file in context.c_files:
        if file.change.kind != "create" or not file.adds("mutex_unlock("):
            continue
        if known is None:
            known = b"DEFINE_GUARD(mutex" in (context.view.read("include/linux/mutex.h") or b"")
        if known and is_habit(context, file):
            for function in file.functions:
                yield from of_function(file, function)


def is_habit(context: Context, file: ChangedFile) -> bool:
    """Whether the new file itself, or one of those beside it, has locks or memory given back at the end of a block."""
    if any(GUARDS.search(source.code) for source in file.after) or file.adds("<linux/cleanup.h>"):
        return True
    tree = context.view.tree
    beside = tree.files(file.path.rpartition("/")[0], deep=False) if tree is not None else ()
    paths = [path for path in beside if path.endswith(".c") and path != file.path]
    return tree is not None and any(GUARDS.search(tree.read(path) or b"") for path in paths[:MOST_BESIDE])


def of_function(file: ChangedFile, function: Function) -> Iterator[Finding]:
    """The one label of a function, if it gives back the lock that is taken once, and the function ends behind it."""
    source = function.source
    labels = list(function.nodes("labeled_statement"))
    if len(labels) != 1 or not function.whole:
        return
    (label,) = labels
    unlock = UNLOCK.fullmatch(source.text_of(label.named_children[-1]))
    after = label.next_named_sibling
    if unlock is None or after is None or not RETURN.fullmatch(source.text_of(after)):
        return
    code = source.text_of(function.node)
    taken = f"mutex_lock({unlock['lock']});"
    jumps = sum(1 for _ in function.nodes("goto_statement"))
    if code.count(taken) == 1 and code.count("mutex_unlock(") == 1 and jumps >= FEWEST:
        line = source.line_of(function.node) + code[: code.index(taken)].count("\n")
        yield file.finding(
            line,
            f"guard(mutex)({unlock['lock']}) gives it back at each return: {jumps} jumps and a label are not needed",
            (file.evidence(source.line_of(label)),),
        )


RULE = Rule(
    name="label-only-unlocks",
    summary="Errors jump to a label behind which only a lock is given back",
    why="With guard() no way out can forget the lock, and each error is returned where it is found.",
    source="include/linux/cleanup.h (guard() and scoped_guard())",
    severity="info",
    confidence="medium",
    check=check,
    by_file=True,
    needs_tree=True,
    wakes=("mutex_unlock(",),
    bad=(
        """
>>> tree include/linux/mutex.h
DEFINE_GUARD(mutex, struct mutex *, mutex_lock(_T), mutex_unlock(_T))
>>> tree drivers/misc/other.c
void other(struct part *part)
{
	guard(mutex)(&part->lock);
	run(part);
}
>>> patch misc: add a driver
Add it.
>>> file drivers/misc/part.c
+static int work(struct part *part)
+{
+	int ret;
+
+	mutex_lock(&part->lock); // want "guard.mutex..&part->lock. gives it back at each return: 2 jumps"
+	ret = one(part);
+	if (ret)
+		goto unlock;
+	ret = two(part);
+	if (ret)
+		goto unlock;
+	ret = three(part);
+unlock:
+	mutex_unlock(&part->lock);
+	return ret;
+}
""",
    ),
    good=(
        """
>>> tree include/linux/mutex.h
DEFINE_GUARD(mutex, struct mutex *, mutex_lock(_T), mutex_unlock(_T))
>>> tree drivers/misc/other.c
void other(struct part *part)
{
	guard(mutex)(&part->lock);
	run(part);
}
>>> patch misc: add a driver
Add it.
>>> file drivers/misc/part.c
+static int work(struct part *part)
+{
+	int ret;
+
+	mutex_lock(&part->lock);
+	ret = one(part);
+	if (ret)
+		goto unlock;
+	ret = two(part);
+	if (ret)
+		goto unlock;
+	ret = three(part);
+unlock:
+	mutex_unlock(&part->lock);
+	note(part);
+	return ret;
+}
""",
        """
>>> tree include/linux/mutex.h
void mutex_lock(struct mutex *lock);
>>> patch misc: add a driver
Add it.
>>> file drivers/misc/part.c
+static int work(struct part *part)
+{
+	int ret;
+
+	mutex_lock(&part->lock);
+	ret = one(part);
+	if (ret)
+		goto unlock;
+	ret = two(part);
+	if (ret)
+		goto unlock;
+unlock:
+	mutex_unlock(&part->lock);
+	return ret;
+}
""",
        """
>>> tree include/linux/mutex.h
DEFINE_GUARD(mutex, struct mutex *, mutex_lock(_T), mutex_unlock(_T))
>>> tree drivers/net/other.c
void other(struct part *part)
{
	mutex_lock(&part->lock);
	run(part);
	mutex_unlock(&part->lock);
}
>>> patch net: add a driver
Add it.
>>> file drivers/net/part.c
+static int work(struct part *part)
+{
+	int ret;
+
+	mutex_lock(&part->lock);
+	ret = one(part);
+	if (ret)
+		goto unlock;
+	ret = two(part);
+	if (ret)
+		goto unlock;
+unlock:
+	mutex_unlock(&part->lock);
+	return ret;
+}
""",
    ),
)
