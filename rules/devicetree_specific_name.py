"""A Devicetree node that is named after the part, and not after what it is."""

from collections.abc import Iterator

from patchscan.devicetree.changed import Node, excerpts
from patchscan.rule import Context, Finding, Rule, Silence, pattern

# As products are called: letters and a number of some digits.
PRODUCT = pattern(r"(?=.*[a-z])(?=.*\d\d)[a-z0-9-]{4,}")


def check(context: Context) -> Iterator[Finding | Silence]:
    """The nodes that a patch brings; in sources of boards, where many are so, as an info."""
    for file, excerpt in excerpts(context):
        for node in excerpt.every():
            if node.line in file.added_numbers and is_specific(node) and not file.was_there(node.line):
                yield file.finding(
                    node.line,
                    f"{node.name} is the name of a part: nodes have generic names, as adc, imu, regulator (Devicetree "
                    "Specification, 2.2.2)",
                    severity="" if excerpt.example else "info",
                )


def is_specific(node: Node) -> bool:
    """Whether a node is called as its compatible string is, without the vendor."""
    held = node.get("compatible")
    if held is None or node.refers or not PRODUCT.fullmatch(node.name):
        return False
    parts = [text.partition(",")[2] for text in held.strings]
    return any(part == node.name or part.startswith(f"{node.name}-") for part in parts)


RULE = Rule(
    name="devicetree-specific-name",
    summary="A Devicetree node is named after the part",
    why="The compatible string says which part it is; its node is found, and read, by what it does.",
    source="Devicetree Specification 2.2.2 (Generic Names Recommendation); "
    "Documentation/devicetree/bindings/writing-bindings.rst",
    severity="warning",
    confidence="high",
    check=check,
    wakes=("documentation/devicetree/bindings/", ".dts"),
    bad=(
        """
>>> patch dt-bindings: iio: add a part
Add it.
>>> file Documentation/devicetree/bindings/iio/acme,icm45606.yaml
+title: Part
+examples:
+  - |
+    i2c {
+        icm45606@68 { // want "icm45606 is the name of a part"
+            compatible = "acme,icm45606";
+            reg = <0x68>;
+        };
+        rt4831@69 { // want "rt4831 is the name of a part"
+            compatible = "acme,rt4831-backlight";
+            reg = <0x69>;
+        };
+    };
""",
    ),
    good=(
        """
>>> patch dt-bindings: iio: add a part
Add it.
>>> file Documentation/devicetree/bindings/iio/acme,icm45606.yaml
+title: Part
+examples:
+  - |
+    i2c {
+        imu@68 {
+            compatible = "acme,icm45606";
+        };
+        ethernet0 {
+            compatible = "acme,ethernet";
+        };
+        i2c1 {
+            compatible = "acme,i2c1";
+        };
+    };
""",
        """
>>> tree arch/arm64/boot/dts/acme/board.dts
&i2c {
	icm45606@68 {
		compatible = "acme,icm45606";
	};
};
>>> patch arm64: dts: acme: name a supply
The node was there.
>>> file arch/arm64/boot/dts/acme/board.dts
 &i2c {
 	icm45606@68 {
 		compatible = "acme,icm45606";
+		vdd-supply = <&vdd>;
 	};
 };
""",
        """
>>> patch arm64: dts: acme: name a supply
It refers to a node.
>>> file arch/arm64/boot/dts/acme/board.dts
+&icm45606 {
+	compatible = "acme,icm45606";
+};
""",
    ),
)
