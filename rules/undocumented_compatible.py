"""A compatible string that no binding documents."""

from collections.abc import Iterator

from patchscan.devicetree.compatible import documents, gone, matched, used
from patchscan.devicetree.documented import is_documented
from patchscan.rule import ChangedFile, Context, Finding, Rule, Silence, pattern

# Devices of buses that tell vendor and product by number.
NUMBERED = pattern(r"(?:usb|pci)[0-9a-f]{1,4},[0-9a-f]{1,4}")


def check(context: Context) -> Iterator[Finding | Silence]:
    """The strings that drivers match and sources use from this patch on, each once."""
    found: dict[str, tuple[ChangedFile, int]] = {}
    for file, line, name in (*matched(context), *used(context)):
        if not NUMBERED.fullmatch(name):
            found.setdefault(name, (file, line))
    known = documents(context.all) | gone(context.all) if found else frozenset()
    for name, (file, line) in found.items():
        if name in known:
            yield file.fine(line, "a binding of the series documents it")
        elif context.not_claimed:
            yield file.unchecked(line, context.not_claimed)
        elif not is_documented(context.final, name):
            yield context.claimed(
                file.finding(
                    line,
                    f'"{name}": no binding of {context.the_tree} or of the series documents this compatible string',
                    # Old boards have many, and bindings of boards come by other ways.
                    severity="" if file.is_c else "info",
                )
            )


RULE = Rule(
    name="undocumented-compatible",
    summary="A compatible string is used that no binding documents",
    why="A binding is what firmware, other systems and dtbs_check go by; a string that none has is an interface that "
    "nobody has reviewed.",
    source="Documentation/devicetree/bindings/submitting-patches.rst (6); checkpatch (UNDOCUMENTED_DT_STRING)",
    severity="warning",
    confidence="high",
    check=check,
    wakes=("compatible",),
    needs_tree=True,
    bad=(
        """
>>> tree Documentation/devicetree/bindings/iio/acme,part.yaml
      - acme,part
      - acme,part-2
>>> patch iio: match another part
Match it.
>>> file drivers/iio/part.c
 static const struct of_device_id part_of_match[] = {
 	{ .compatible = "acme,part" },
+	{ .compatible = "acme,part-3" }, // want "acme,part-3"
 	{ }
 };
""",
        """
>>> tree Documentation/devicetree/bindings/iio/acme,part.yaml
      - acme,part
>>> patch arm64: dts: acme: add a device
Add it.
>>> file arch/arm64/boot/dts/acme/board.dts
+/ {
+	sensor {
+		compatible = "acme,part-x", "acme,part"; // want "acme,part-x"
+	};
+};
""",
    ),
    good=(
        """
>>> tree Documentation/devicetree/bindings/iio/acme,part.yaml
      - acme,part
      - pattern: "^acme,part[0-9]+$"
>>> patch iio: match parts
Match them.
>>> file drivers/iio/part.c
+static const struct of_device_id part_of_match[] = {
+	{ .compatible = "acme,part" },
+	{ .compatible = "acme,part42" },
+	{ }
+};
""",
        """
>>> tree Documentation/devicetree/bindings/iio/acme,part.yaml
      - acme,part
>>> patch dt-bindings: iio: add a part
Add it.
>>> file Documentation/devicetree/bindings/iio/acme,part.yaml
       - acme,part
+      - acme,part-2
>>> patch iio: match a part
Match it.
>>> file drivers/iio/part.c
+static const struct of_device_id part_of_match[] = {
+	{ .compatible = "acme,part-2" },
+	{ }
+};
""",
        """
>>> tree Documentation/devicetree/bindings/iio/acme,part.yaml
      - acme,part
>>> patch iio: split a driver
Move the table.
>>> file drivers/iio/part.c
-	{ .compatible = "acme,old" },
>>> file drivers/iio/part-of.c
+	{ .compatible = "acme,old" },
""",
    ),
)
