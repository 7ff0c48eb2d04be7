"""A binding that comes behind the driver or source that uses it."""

from collections.abc import Iterator

from patchscan.devicetree.compatible import added_names, documents, matched, used
from patchscan.rule import Context, Finding, Rule, Silence


def check(context: Context) -> Iterator[Finding | Silence]:
    """One remark on a patch that documents a string which an earlier one brought into use."""
    names = added_names(context, bindings=True)
    if not names or not context.earlier:
        return
    names -= documents(context.earlier)
    for other in context.earlier:
        for file, line, name in (*matched(other), *used(other)):
            if name in names and not is_known(context, name):
                yield context.changelog_finding(
                    1,
                    f'a binding comes before its user: patch {other.patch.index} uses "{name}" already',
                    evidence=(file.evidence(line),),
                )
                return


def is_known(context: Context, name: str) -> bool:
    """Whether the bindings of the tree had a string before the series, so that this patch only writes it again."""
    return any(
        name in line.text
        for file in context.files
        for hunk in file.change.hunks
        for line in hunk.lines
        if line.kind != "+" and file.change.path.startswith("Documentation/")
    )


RULE = Rule(
    name="binding-after-user",
    summary="A binding comes behind the driver or Devicetree source that uses it",
    why="What a binding says decides what the driver may do: it is reviewed first, and a tree between the two patches "
    "has a string that nothing documents.",
    source="Documentation/devicetree/bindings/submitting-patches.rst (5)",
    severity="warning",
    confidence="high",
    check=check,
    wakes=("documentation/devicetree/bindings/",),
    bad=(
        """
>>> patch iio: match a part
Match it.
>>> file drivers/iio/part.c
+	{ .compatible = "acme,part" },
>>> patch dt-bindings: iio: add a part
Add it. // want "patch 1 uses .acme,part."
>>> file Documentation/devicetree/bindings/iio/acme,part.yaml
+    const: acme,part
""",
        """
>>> patch arm64: dts: acme: add a part
Add it.
>>> file arch/arm64/boot/dts/acme/board.dts
+&i2c {
+	sensor@48 {
+		compatible = "acme,part";
+	};
+};
>>> patch dt-bindings: trivial: add a part
Add it. // want "patch 1 uses .acme,part."
>>> file Documentation/devicetree/bindings/trivial-devices.yaml
           - acme,other
+            # A part
+          - acme,part
""",
    ),
    good=(
        """
>>> patch dt-bindings: iio: add a part
Add it.
>>> file Documentation/devicetree/bindings/iio/acme,part.yaml
+    const: acme,part
>>> patch iio: match a part
Match it.
>>> file drivers/iio/part.c
+	{ .compatible = "acme,part" },
""",
        """
>>> patch iio: match a part
Match it.
>>> file drivers/iio/part.c
+	{ .compatible = "acme,part" },
>>> patch dt-bindings: iio: convert to DT schema
It was documented before.
>>> file Documentation/devicetree/bindings/iio/part.txt
- * acme,part
>>> file Documentation/devicetree/bindings/iio/acme,part.yaml
+    const: acme,part
""",
        """
>>> patch iio: match a part
Match it, with its binding.
>>> file drivers/iio/part.c
+	{ .compatible = "acme,part" },
>>> file Documentation/devicetree/bindings/iio/acme,part.yaml
+    const: acme,part
>>> patch dt-bindings: iio: add another
Add it.
>>> file Documentation/devicetree/bindings/iio/acme,part.yaml
     const: acme,part
+    const: acme,other
""",
    ),
)
