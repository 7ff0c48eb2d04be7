"""A case sets the error that the function only returns behind the switch."""

from collections.abc import Iterator

from patchscan.rule import ChangedFile, Context, Finding, Function, Rule, Silence, pattern

SETTING = pattern(r"(?P<name>\w+)\s*=\s*(?P<value>-E[A-Z0-9]+)\s*;\s*break\s*;")
# A switch that is a table of values is left as one.
CHOICE = pattern(r":\s*\w+\s*=\s*-?[A-Z0-9]\w*\s*;\s*break\s*;\s*$")
RETURN = pattern(r"return\s+(?P<name>\w+)\s*;")


def check(context: Context) -> Iterator[Finding | Silence]:
    """The first such case of each switch that is new."""
    for file in context.c_files:
        if file.adds("switch") and file.adds("break;"):
            for function in file.functions:
                yield from of_function(file, function)


def of_function(file: ChangedFile, function: Function) -> Iterator[Finding]:
    """The switches of one function that its last return follows at once."""
    source = function.source
    for node in function.nodes("switch_statement"):
        after = node.next_named_sibling
        returned = RETURN.fullmatch(source.text_of(after)) if after is not None else None
        body = node.child_by_field_name("body")
        if returned is None or body is None or source.line_of(node) not in file.added_numbers:
            continue
        cases = [each for each in body.named_children if each.type == "case_statement"]
        if all(CHOICE.search(source.text_of(case)) for case in cases if len(case.named_children) > 1):
            continue
        for case in cases:
            steps = [
                each
                for each in case.named_children
                if each.type in ("expression_statement", "break_statement")
            ]
            text = " ".join(source.text_of(each) for each in steps[-2:])
            found = SETTING.fullmatch(text) if len(steps) == 2 and len(case.named_children) <= 3 else None
            line = source.line_of(steps[0]) if steps else 0
            if (
                found
                and found["name"] == returned["name"]
                and line in file.added_numbers
                and not file.was_there(line)
            ):
                yield file.finding(
                    line,
                    f"behind the switch {found['name']} is only returned: return {found['value']} here",
                    (file.evidence(source.line_of(after)),) if after is not None else (),
                )
                break


RULE = Rule(
    name="returned-behind-switch",
    summary="A case sets the error that the function only returns behind the switch",
    why="With return the reader knows that nothing else is done for the case, and need not look on.",
    source="A review of drm/xe hwmon asks for return -EOPNOTSUPP where it was only set",
    severity="info",
    confidence="medium",
    check=check,
    by_file=True,
    by_effect=True,
    wakes=("switch",),
    bad=(
        """
+static int work(struct part *part, int kind)
+{
+	int ret;
+
+	switch (kind) {
+	case 0:
+		ret = start(part);
+		break;
+	default:
+		ret = -EOPNOTSUPP; // want "return -EOPNOTSUPP here"
+		break;
+	}
+
+	return ret;
+}
""",
    ),
    good=(
        """
+static int work(struct part *part, int kind)
+{
+	int ret;
+
+	switch (kind) {
+	case 0:
+		ret = start(part);
+		break;
+	default:
+		ret = -EOPNOTSUPP;
+		break;
+	}
+	unlock(part);
+
+	return ret;
+}
""",
        """
+static int work(struct part *part, int kind)
+{
+	int level;
+
+	switch (kind) {
+	case 0:
+		level = 5;
+		break;
+	default:
+		level = 0;
+		break;
+	}
+	return level;
+}
+static int level(int kind)
+{
+	int level;
+
+	switch (kind) {
+	case 0:
+		level = 5;
+		break;
+	case 1:
+		level = LEVEL_FULL;
+		break;
+	default:
+		level = -EINVAL;
+		break;
+	}
+	return level;
+}
+static int run(struct part *part, int kind)
+{
+	switch (kind) {
+	case 0:
+		return start(part);
+	default:
+		return -EOPNOTSUPP;
+	}
+}
""",
        """
 static int work(struct part *part, int kind)
 {
 	int ret;
 
 	switch (kind) {
 	case 0:
 		ret = start(part);
 		break;
+	case 1:
+		ret = -EINVAL;
+		break;
 	default:
 		ret = -EOPNOTSUPP;
 		break;
 	}
 
 	return ret;
 }
""",
    ),
)
