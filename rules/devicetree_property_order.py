"""A property of a Devicetree node that stands in another place than in all nodes."""

from collections.abc import Iterator

from patchscan.devicetree.changed import OUTER, Excerpt, excerpts
from patchscan.devicetree.dts import Node
from patchscan.rule import ChangedFile, Context, Finding, Rule, Silence

# Nodes of these have another first property by custom.
OTHERS = ("/", OUTER, "cpu", "cpus", "memory")
LAST = "status"


def check(context: Context) -> Iterator[Finding | Silence]:
    """A remark on each new node."""
    for file, excerpt in excerpts(context):
        for node in excerpt.every():
            if node.guarded or node.broken or node.name in OTHERS:
                continue
            yield from placed(file, excerpt, node)


def placed(file: ChangedFile, excerpt: Excerpt, node: Node) -> Iterator[Finding]:
    """compatible first and reg behind it, status last, as far as the patch wrote them."""
    names = [each.name for each in node.properties]
    new = node.line in file.added_numbers and not file.was_there(node.line)
    if new and not node.refers and "compatible" in names:
        if names[0] != "compatible":
            yield file.finding(
                node.properties[0].line, f"compatible stands first in a node, before {names[0]}"
            )
        elif "reg" in names and names.index("reg") > 1:
            reg = node.properties[names.index("reg")]
            yield file.finding(reg.line, f"reg stands directly behind compatible, before {names[1]}")
    if names.count(LAST) == 1 and names[-1] != LAST and (excerpt.whole or new):
        status = node.properties[names.index(LAST)]
        if status.line in file.added_numbers and not file.was_there(status.line):
            yield file.finding(status.line, f"status is the last property of a node, behind {names[-1]}")


RULE = Rule(
    name="devicetree-property-order",
    summary="A property of a Devicetree node stands out of its order",
    why="compatible and reg come first and status last in nearly all nodes: a reader finds there what the node is, "
    "where it is and whether it is enabled.",
    source="Documentation/devicetree/bindings/dts-coding-style.rst (Order of Properties in Device Node)",
    severity="info",
    confidence="high",
    check=check,
    wakes=("documentation/devicetree/bindings/", ".dts"),
    bad=(
        """
>>> patch arm64: dts: acme: add devices
Add them.
>>> file arch/arm64/boot/dts/acme/soc.dtsi
+/ {
+	uart@1000 {
+		clocks = <&cru 1>; // want "compatible stands first .* before clocks"
+		compatible = "acme,uart";
+	};
+	uart@2000 {
+		compatible = "acme,uart";
+		clocks = <&cru 2>;
+		reg = <0x2000 0x100>; // want "reg stands directly behind compatible, before clocks"
+	};
+	uart@3000 {
+		compatible = "acme,uart";
+		reg = <0x3000 0x100>;
+		status = "disabled"; // want "status is the last property .* behind clocks"
+		clocks = <&cru 3>;
+	};
+};
""",
        """
>>> patch arm64: dts: acme: enable a device
Enable it.
>>> file arch/arm64/boot/dts/acme/board.dts
+&uart {
+	status = "okay"; // want "behind bus-width"
+	bus-width = <4>;
+};
""",
    ),
    good=(
        """
>>> patch arm64: dts: acme: add a device
Add it.
>>> file arch/arm64/boot/dts/acme/soc.dtsi
+/ {
+	model = "A board";
+	compatible = "acme,board";
+
+	cpu@0 {
+		device_type = "cpu";
+		compatible = "arm,cortex-a53";
+	};
+
+	uart@1000 {
+		compatible = "acme,uart";
+		reg = <0x1000 0x100>;
+		clocks = <&cru 1>;
+		status = "disabled";
+
+		child {
+			bus-width = <4>;
+		};
+	};
+};
""",
        """
>>> patch arm64: dts: acme: add a clock
The order was there.
>>> file arch/arm64/boot/dts/acme/soc.dtsi
 	uart@1000 {
 		status = "disabled";
 		compatible = "acme,uart";
+		clocks = <&cru 1>;
 		reg = <0x1000 0x100>;
 	};
""",
        """
>>> patch arm64: dts: acme: add a node
What it holds depends.
>>> file arch/arm64/boot/dts/acme/board.dts
+&uart {
+	status = "okay";
+#ifdef WIDE
+	bus-width = <4>;
+#endif
+};
""",
    ),
)
