"""A label that a number tells from others, and not what is done behind it."""

from collections.abc import Iterator

from patchscan.rule import Context, Finding, Rule, Silence, pattern

LABEL = pattern(
    r"\s?(?P<name>(?:e|err|error|out|fail|failed|exit|free|undo|clean|cleanup|bail|quit|done|end|label|l)_?\d{1,2})\s*:\s*"
)


def check(context: Context) -> Iterator[Finding | Silence]:
    """The first such label of each new file."""
    for file in context.c_files:
        if file.change.kind != "create" or not file.adds("goto "):
            continue
        for line in file.added:
            found = LABEL.fullmatch(line.text) if line.new is not None else None
            number = file.source_line(line.new or 0) if found else 0
            if found and file.code_at(number).strip():
                yield file.finding(
                    number, f"name a label after what is done behind it: {found['name']} says nothing"
                )


RULE = Rule(
    name="numbered-label",
    summary="A label has a number in place of a name that says what is done behind it",
    why="With a label more in between all must be renamed, and at the goto the reader cannot see what it leads to.",
    source="Documentation/process/coding-style.rst section 7 (centralized exiting of functions)",
    severity="info",
    confidence="high",
    check=check,
    by_file=True,
    wakes=("goto ",),
    bad=(
        """
>>> patch misc: add a driver
Add it.
>>> file drivers/misc/part.c
+static int work(struct part *part)
+{
+	if (start(part))
+		goto err1;
+	return 0;
+
+err1: // want "err1 says nothing"
+	stop(part);
+	return -EIO;
+}
""",
    ),
    good=(
        """
>>> patch misc: add a driver
Add it.
>>> file drivers/misc/part.c
+static int work(struct part *part)
+{
+	if (start(part))
+		goto err_stop;
+	return 0;
+
+err_stop:
+	stop(part);
+	return -EIO;
+}
""",
        """
 static int work(struct part *part)
 {
 	if (start(part))
 		goto err1;
+	if (level(part))
+		goto err2;
 	return 0;
 
+err2:
+	unlevel(part);
 err1:
 	stop(part);
 	return -EIO;
 }
""",
        """
>>> patch misc: add a driver
Add it.
>>> file drivers/misc/part.c
+static int work(struct part *part)
+{
+	if (start(part))
+		goto out_i2c1;
+	return 0;
+
+out_i2c1:
+	stop(part); /*
+err1:
+	*/
+	return -EIO;
+}
""",
    ),
)
