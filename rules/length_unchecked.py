"""Memory from user space is copied into an array, and nothing bounds how much."""

import re
from collections.abc import Iterator

from patchscan.rule import Call, ChangedFile, Context, Finding, Function, Rule, Silence, pattern

COPIES = frozenset(("copy_from_user", "__copy_from_user"))
ARRAY = pattern(r"[\w ]+\[\]")
# How a write() reaches a driver: what calls it bounds no length.
WRITE = pattern(r"__user\b[^()]*\bloff_t\b")
ADDRESS = pattern(r"&?(\w+)(?:\[0\])?")


def check(context: Context) -> Iterator[Finding | Silence]:
    """The copies on added lines, and those before which a patch takes a line away."""
    for file in context.c_files:
        if file.shows("copy_from_user("):
            for function in file.functions:
                if function.whole and not function.partial and WRITE.search(function.header):
                    for call in function.calls():
                        if call.name in COPIES and len(call.arguments) == 3:
                            yield from judge(file, function, call)


def judge(file: ChangedFile, function: Function, call: Call) -> Iterator[Finding]:
    """One copy: of as many bytes as a parameter says, of which nothing was asked before."""
    text = [" ".join(function.source.text_of(each).split()) for each in call.arguments]
    target, size = ADDRESS.fullmatch(text[0]), text[2]
    arrays = {each.name: each for each in function.locals if ARRAY.fullmatch(each.type) and not each.static}
    if target is None or target[1] not in arrays or size not in {each.name for each in function.parameters}:
        return
    before = function.source.code[function.brace : call.node.start_byte].decode("latin-1")
    if re.search(rf"\b{re.escape(size)}\b", before):
        return
    old = file.before_of(function.name)
    new = call.line in file.added_numbers and not file.was_there(call.line)
    if new or (old is not None and is_bounded(old, text, size)):
        yield file.finding(
            call.line,
            f"{size} comes from user space, and nothing has compared it with the size of {target[1]}: {call.name}() "
            "writes behind it; refuse what is longer, or take min()",
            (file.evidence(arrays[target[1]].line),),
        )


def is_bounded(old: Function, text: list[str], size: str) -> bool:
    """Whether the function before the patch asked for the size before the same copy."""
    for call in old.calls():
        if (
            call.name in COPIES
            and [" ".join(old.source.text_of(each).split()) for each in call.arguments] == text
        ):
            before = old.source.code[old.brace : call.node.start_byte].decode("latin-1")
            return re.search(rf"\b{re.escape(size)}\b", before) is not None
    return False


RULE = Rule(
    name="length-unchecked",
    summary="As much as user space says is copied into an array on the stack",
    why=(
        "The length of a write() is whatever the caller likes. The copy runs over the end of the array and over "
        "the return address of the function; with CONFIG_HARDENED_USERCOPY the kernel stops, without it is taken over."
    ),
    source="Documentation/process/deprecated.rst; smatch: copy_from_user() overflow; fs/debugfs users in review",
    severity="warning",
    confidence="high",
    check=check,
    by_file=True,
    by_effect=True,
    in_code=("copy_from_user(",),
    bad=(
        """
+static ssize_t walk_write(struct file *file, const char __user *from, size_t count, loff_t *at)
+{
+	char text[16];
+
+	if (copy_from_user(text, from, count)) // want "nothing has compared it with the size of text"
+		return -EFAULT;
+	return walk_on(text);
+}
""",
        """
 static ssize_t walk_write(struct file *file, const char __user *from, size_t count, loff_t *at)
 {
 	char text[16];
 
-	if (count > sizeof(text))
-		return -EINVAL;
 	if (copy_from_user(text, from, count)) // want "count comes from user space"
 		return -EFAULT;
 	return walk_on(text);
 }
""",
    ),
    good=(
        """
+static ssize_t walk_write(struct file *file, const char __user *from, size_t count, loff_t *at)
+{
+	char text[16], *copy = kmalloc(16, GFP_KERNEL);
+	size_t size = min(count, sizeof(text));
+
+	if (copy_from_user(text, from, size))
+		return -EFAULT;
+	if (count > sizeof(text))
+		return -EINVAL;
+	if (copy_from_user(text, from, count) || copy_from_user(copy, from, 16))
+		return -EFAULT;
+	return walk_on(text);
+}
""",
        """
+static int walk_set(char __user *from, size_t count)
+{
+	char text[16];
+
+	return copy_from_user(text, from, count) ? -EFAULT : walk_on(text);
+}
+static int walk_read(void *to, const char __user *from, size_t count)
+{
+	if (copy_from_user(to, from, count))
+		return -EFAULT;
+	return 0;
+}
""",
        """
 static ssize_t walk_write(struct file *file, const char __user *from, size_t count, loff_t *at)
 {
 	char text[16];
 
+	walk_begin();
 	if (copy_from_user(text, from, count))
 		return -EFAULT;
 	return walk_on(text);
 }
""",
    ),
)
