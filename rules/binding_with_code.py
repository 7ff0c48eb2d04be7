"""A binding in one patch with the driver or Devicetree source that uses it."""

from collections.abc import Iterator

from patchscan.rule import Context, Finding, Rule, Silence, pattern

BINDINGS = ("Documentation/devicetree/bindings/", "include/dt-bindings/")
CODE = pattern(r"\.(?:[cSs]|dts[io]?)$")
# A change of a name all over the tree is one patch by custom.
MANY = 10


def check(context: Context) -> Iterator[Finding | Silence]:
    """One remark on a patch that adds to both."""
    files = [file for file in context.files if file.added and file.change.kind in ("create", "modify")]
    bindings = [file for file in files if file.path.startswith(BINDINGS) and not file.path.endswith(".txt")]
    code = [file for file in files if CODE.search(file.path) and not file.path.startswith(BINDINGS)]
    if not bindings or not code or len(files) > MANY:
        return
    first = bindings[0]
    yield first.finding(
        first.source_line(min(line.new or 1 for line in first.added)),
        f"a binding is a patch of its own, before the one of {code[0].path}",
    )


RULE = Rule(
    name="binding-with-code",
    summary="A binding is in one patch with what uses it",
    why="Bindings are reviewed by others than drivers, and taken into projects that have no drivers of the kernel.",
    source="Documentation/devicetree/bindings/submitting-patches.rst (1); checkpatch (DT_SPLIT_BINDING_PATCH)",
    severity="warning",
    confidence="high",
    check=check,
    wakes=("documentation/devicetree/bindings/", "include/dt-bindings/"),
    bad=(
        """
>>> patch iio: add a part
Add it.
>>> file Documentation/devicetree/bindings/iio/acme,part.yaml
+title: Part // want "a patch of its own, before the one of drivers/iio/part.c"
+description: A part
>>> file drivers/iio/part.c
+int part;
""",
        """
>>> patch clk: acme: add a clock
Add it.
>>> file include/dt-bindings/clock/acme.h
 #define ACME_A 1
+#define ACME_B 2 // want "a patch of its own"
>>> file arch/arm64/boot/dts/acme/soc.dtsi
+&clk { };
""",
    ),
    good=(
        """
>>> patch dt-bindings: iio: add a part
Add it.
>>> file Documentation/devicetree/bindings/iio/acme,part.yaml
+title: Part
>>> file include/dt-bindings/iio/part.h
+#define PART 1
>>> patch iio: add a part
Add it.
>>> file drivers/iio/part.c
+int part;
""",
        """
>>> patch iio: drop a part
It takes both away.
>>> file Documentation/devicetree/bindings/iio/acme,part.yaml
 title: Part
-description: A part
>>> file drivers/iio/part.c
 int part;
-int other;
""",
        """
>>> patch iio: add a part
A text tells of it.
>>> file Documentation/iio/part.rst
+Part
>>> file drivers/iio/part.c
+int part;
""",
    ),
)
