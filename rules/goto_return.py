"""A goto to a label behind which the function only returns."""

from collections.abc import Iterator

from patchscan.rule import ChangedFile, Context, Finding, Function, Rule, Silence, pattern

# Other names tell why one leaves.
PLAIN = pattern(
    r"_*(?:out|exit|end|done|err|error|fail|failed|ret|return|finish|unlock|cleanup|bail)\w*|\w+_(?:out|exit|end|err|error|ret)"
)
# Where more places lead to a label, one way out is the author's choice.
MOST = 2
RETURN = pattern(r"return(?:\s+(?P<value>-?\w+))?\s*;")


def check(context: Context) -> Iterator[Finding | Silence]:
    """Each new label of the kind, at the first goto that leads to it."""
    for file in context.c_files:
        if not file.adds("goto "):
            continue
        for function in file.functions:
            yield from of_function(file, function)


def of_function(file: ChangedFile, function: "Function") -> Iterator[Finding]:
    """The labels of one function; an old label is the function's way, which a patch may follow."""
    source = function.source
    ends: dict[str, tuple[int, str]] = {}
    for node in function.nodes("labeled_statement"):
        label = node.child_by_field_name("label")
        name, whole = source.text_of(label) if label else "", source.text_of(node)
        returns = RETURN.fullmatch(source.text_of(node.named_children[-1]).strip())
        line = source.line_of(node)
        if not returns or not PLAIN.fullmatch(name) or "#" in whole or "/*" in whole:
            continue
        if line in file.added_numbers and not file.was_there(line):
            ends[name] = (line, returns["value"] or "")
    if not ends:
        return
    ways: dict[str, list[int]] = {name: [] for name in ends}
    for node in function.nodes("goto_statement"):
        name = source.text_of(node.named_children[0])
        if name in ways:
            ways[name].append(source.line_of(node))
    for name, (place, value) in ends.items():
        line = min(ways[name], default=0)
        if line in file.added_numbers and len(ways[name]) <= MOST:
            back = f"return {value}" if value else "return"
            yield file.finding(
                line,
                f"nothing is undone behind {name}: {back} here",
                (file.evidence(place), file.evidence(place + 1)),
            )


RULE = Rule(
    name="goto-return",
    summary="A goto leads to a label that only returns",
    why="A goto makes the reader look for what is undone at its label; where that is nothing, return says so at once.",
    source="Documentation/process/coding-style.rst section 7 (centralized exiting of functions)",
    severity="info",
    confidence="low",
    check=check,
    by_file=True,
    by_effect=True,
    wakes=("goto ",),
    bad=(
        """
+static int walk(struct part *part)
+{
+	int ret;
+
+	ret = step(part);
+	if (ret)
+		goto out; // want "nothing is undone behind out: return ret here"
+	ret = step(part->next);
+	if (ret)
+		goto out;
+	ret = turn(part);
+out:
+	return ret;
+}
+
+static void turn(struct part *part)
+{
+	if (!part)
+		goto end; // want "return here"
+	step(part);
+end:
+	return;
+}
""",
    ),
    good=(
        """
+static int walk(struct part *part)
+{
+	int ret;
+
+	ret = step(part);
+	if (ret)
+		goto out;
+	ret = turn(part);
+out:
+	put_part(part);
+	return ret;
+}
""",
        """
 static int walk(struct part *part)
 {
 	int ret;
 
 	ret = step(part);
 	if (ret)
 		goto out;
+	ret = step(part->next);
+	if (ret)
+		goto out;
 	ret = turn(part);
 out:
 	return ret;
 }
""",
        """
+static int walk(struct part *part)
+{
+	int ret = step(part);
+
+	if (ret)
+		goto out;
+	ret = turn(part);
+out:
+#ifdef CONFIG_WALK
+	put_part(part);
+#endif
+	return ret;
+}
""",
        """
+static int walk(struct part *part)
+{
+	int ret = step(part);
+
+	if (ret)
+		goto out;
+	if (!part->next)
+		goto nomem;
+	return 0;
+nomem:
+	return -ENOMEM;
+out:
+	return ret ? ret : count(part);
+}
""",
    ),
)
