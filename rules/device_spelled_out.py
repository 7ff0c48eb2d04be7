"""A probe function writes out its device again and again."""

from collections import Counter
from collections.abc import Iterator

from patchscan.rule import ChangedFile, Context, Finding, Function, Rule, Silence, pattern

NAME = pattern(r"\w*_probe(?:_\w+)?")
DEVICE = pattern(r"&(\w+(?:->\w+)*)->dev\b(?!\.|->)")
LOCAL = pattern(r"\bstruct device \*\s*\w+")
# From so many on a variable makes more lines shorter than it takes.
FEWEST = 8


def check(context: Context) -> Iterator[Finding | Silence]:
    """The probe functions of new files, at the first use."""
    for file in context.c_files:
        if file.change.kind == "create" and file.adds("_probe("):
            for function in file.functions:
                yield from of_function(file, function)


def of_function(file: ChangedFile, function: Function) -> Iterator[Finding]:
    """The expression that stands most often, where no local stands for a device yet."""
    source = function.source
    code = source.text_of(function.node)
    if not NAME.fullmatch(function.name) or not function.whole or LOCAL.search(code):
        return
    for owner, count in Counter(DEVICE.findall(code)).most_common(1):
        if count >= FEWEST:
            line = source.line_of(function.node) + code[: code.index(f"&{owner}->dev")].count("\n")
            wish = f"struct device *dev = &{owner}->dev; at the top makes them shorter"
            yield file.finding(line, f"&{owner}->dev stands here and {count - 1} times below: {wish}")


RULE = Rule(
    name="device-spelled-out",
    summary="A probe function writes out its device many times",
    why="Lines that a local variable makes shorter need not be wrapped, and read faster.",
    source="In drivers/hwmon, gpio and iio 230 such probe functions have a variable, 107 have none (6.12)",
    severity="info",
    confidence="medium",
    check=check,
    by_file=True,
    wakes=("_probe(",),
    bad=(
        """
>>> patch misc: add a driver
Add it.
>>> file drivers/misc/part.c
+static int part_probe(struct platform_device *pdev)
+{
+	struct part *part = devm_kzalloc(&pdev->dev, 8, GFP_KERNEL); // want "stands here and 7 times below"
+	if (!part)
+		return dev_err_probe(&pdev->dev, -ENOMEM, "one\\n");
+	if (one(&pdev->dev))
+		return dev_err_probe(&pdev->dev, -EIO, "two\\n");
+	if (two(&pdev->dev))
+		return dev_err_probe(&pdev->dev, -EIO, "three\\n");
+	if (three(&pdev->dev))
+		return dev_err_probe(&pdev->dev, -EIO, "four\\n");
+	return 0;
+}
""",
    ),
    good=(
        """
>>> patch misc: add a driver
Add it.
>>> file drivers/misc/part.c
+static int part_probe(struct platform_device *pdev)
+{
+	struct device *dev = &pdev->dev;
+
+	one(&pdev->dev), one(&pdev->dev), one(&pdev->dev), one(&pdev->dev), one(&pdev->dev), one(&pdev->dev);
+	one(&pdev->dev), one(&pdev->dev), one(&pdev->dev);
+	return two(dev);
+}
""",
        """
>>> patch misc: add a driver
Add it.
>>> file drivers/misc/part.c
+static int part_probe(struct platform_device *pdev)
+{
+	one(&pdev->dev), one(&pdev->dev), one(&pdev->dev), one(&pdev->dev), one(&pdev->dev);
+	return one(pdev->dev.of_node);
+}
""",
        """
 static int part_probe(struct platform_device *pdev)
 {
+	one(&pdev->dev), one(&pdev->dev), one(&pdev->dev), one(&pdev->dev), one(&pdev->dev), one(&pdev->dev);
+	one(&pdev->dev), one(&pdev->dev), one(&pdev->dev);
 	return 0;
 }
""",
    ),
)
