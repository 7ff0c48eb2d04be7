"""A Devicetree node whose name has underscores or capitals."""

from collections.abc import Iterator

from patchscan.devicetree.changed import OUTER, Excerpt, Node, excerpts
from patchscan.devicetree.documented import is_given
from patchscan.devicetree.included import stands_elsewhere
from patchscan.rule import ChangedFile, Context, Finding, Rule, Silence, pattern

REFUSED = pattern(r"[_A-Z]")
# What dtc makes of an overlay.
MADE = "__"
# So many other names are told.
FEW = 3


def check(context: Context) -> Iterator[Finding | Silence]:
    """One finding for the nodes of an excerpt; a warning where no other node is written so: examples are copied."""
    for file, excerpt in excerpts(context):
        named = [node for node in excerpt.every() if is_refused(node)]
        usual = any(node.line not in file.added_numbers for node in named)
        new = [node for node in named if node.line in file.added_numbers and not file.was_there(node.line)]
        found = []
        for node in new:
            if has_given_name(context, excerpt, node):
                yield file.fine(node.line, "the binding gives this name")
            elif is_added_to(context, file, excerpt, node):
                yield file.unchecked(node.line, "a file that is included may hold this node")
            else:
                found.append(node)
        if found:
            first, *others = found
            names = list(dict.fromkeys(node.name for node in others if node.name != first.name))
            more = (
                f"; so are {', '.join(names[:FEW])}{' and others' if len(names) > FEW else ''}"
                if names
                else ""
            )
            yield file.finding(
                first.line,
                f"{first.name}: names of nodes have lower-case letters, digits and dashes only "
                f"({first.name.replace('_', '-').lower()}){more}",
                severity="info" if usual or not excerpt.example else "",
            )


def has_given_name(context: Context, excerpt: Excerpt, node: Node) -> bool:
    """Whether a binding gives a node its name: that of a regulator, one of the schema of an example, or of any."""
    if node.get("regulator-name") and not node.get("compatible"):
        return True
    if excerpt.example:
        return any(node.name.startswith(each) for each in excerpt.given)
    return is_given(context.final, node.name)


def is_refused(node: Node) -> bool:
    """Whether the name is one that the coding style refuses."""
    return (
        not node.refers
        and node.name not in ("/", OUTER)
        and not node.name.startswith(MADE)
        and REFUSED.search(node.name) is not None
    )


def is_added_to(context: Context, file: ChangedFile, excerpt: Excerpt, node: Node) -> bool:
    """Whether it may be a node of another file, whose name is not this patch's."""
    if excerpt.example or node.get("compatible") or not excerpt.whole:
        return False
    text = (file.state.after or b"").decode("utf-8", "replace")
    return stands_elsewhere(context.view, file.path, text, node.whole_name)


RULE = Rule(
    name="devicetree-name",
    summary="The name of a Devicetree node has underscores or capitals",
    why="dtc warns of them with W=2, and the coding style narrows names down so that they can be searched for.",
    source="Documentation/devicetree/bindings/dts-coding-style.rst (Naming and Valid Characters)",
    severity="warning",
    confidence="high",
    check=check,
    wakes=("documentation/devicetree/bindings/", ".dts"),
    bad=(
        """
>>> patch arm64: dts: acme: add a board
Add it.
>>> file arch/arm64/boot/dts/acme/board.dts
+/ {
+	leds {
+		compatible = "gpio-leds";
+
+		led_status: led_status { // want "led_status: .* .led-status.; so are B"
+			gpios = <&gpio 1 GPIO_ACTIVE_HIGH>;
+		};
+		B {
+			gpios = <&gpio 2 GPIO_ACTIVE_HIGH>;
+		};
+	};
+};
""",
        """
>>> patch dt-bindings: iio: add a part
Add it.
>>> file Documentation/devicetree/bindings/iio/acme,part.yaml
+title: Part
+examples:
+  - |
+    i2c {
+        Sensor@48 { // want "Sensor: "
+            reg = <0x48>;
+        };
+    };
""",
    ),
    good=(
        """
>>> patch arm64: dts: acme: add a board
Labels have underscores.
>>> file arch/arm64/boot/dts/acme/board.dts
+/ {
+	led_status: led-status {
+		color = <LED_COLOR_ID_RED>;
+	};
+};
+
+&sdhci_0 {
+	status = "okay";
+};
+
+&pmic {
+	buck_vcore: buck_vcore {
+		regulator-name = "vcore";
+	};
+};
""",
        """
>>> patch dt-bindings: hwmon: add a part
Its nodes have the names of keys.
>>> file Documentation/devicetree/bindings/hwmon/acme,part.yaml
+patternProperties:
+  "^fan-[A-Z0-9]{4}$":
+    type: object
>>> patch arm64: dts: acme: add fans
Add them.
>>> file arch/arm64/boot/dts/acme/board.dts
+/ {
+	fan-F0AC {
+		label = "Fan";
+	};
+};
""",
        """
>>> tree arch/arm64/boot/dts/acme/soc.dtsi
/ { thermal-zones { cpu_thermal { trips { }; }; }; };
>>> patch arm64: dts: acme: add a board
The node stands in the file that is included.
>>> file arch/arm64/boot/dts/acme/board.dts
+#include "soc.dtsi"
+/ {
+	thermal-zones {
+		cpu_thermal {
+			polling-delay = <100>;
+		};
+	};
+};
""",
        """
>>> tree arch/arm64/boot/dts/acme/soc.dtsi
/ {
	led_a {
		on;
	};
};
>>> patch arm64: dts: acme: indent a node
Only white space.
>>> file arch/arm64/boot/dts/acme/soc.dtsi
 / {
-	led_a {
+		led_a {
 		on;
 	};
 };
""",
    ),
)
