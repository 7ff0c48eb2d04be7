"""A status of a Devicetree node that is no status, or that is not needed."""

from collections.abc import Iterator

from patchscan.devicetree.changed import excerpts
from patchscan.devicetree.included import stands_elsewhere
from patchscan.rule import Context, Finding, Rule, Silence

KNOWN = ("okay", "disabled", "reserved", "fail")


def check(context: Context) -> Iterator[Finding | Silence]:
    """A remark on each status that the patch adds."""
    for file, excerpt in excerpts(context):
        text = (file.state.after or b"").decode("utf-8", "replace")
        for node in excerpt.every():
            status = node.get("status")
            if status is None or status.line not in file.added_numbers or file.was_there(status.line):
                continue
            value = status.strings[0] if status.strings else ""
            if value and value not in KNOWN and not value.startswith("fail-"):
                meant = "okay" if value in ("ok", "enabled", "enable", "on") else "disabled"
                yield file.finding(status.line, f'"{value}" is no status: "{meant}"')
            elif excerpt.example and value in KNOWN[:2] and node.get("compatible"):
                yield file.finding(status.line, "an example needs no status: a node is enabled without one")
            elif (
                value == "okay"
                and excerpt.whole
                and node.get("compatible")
                and not node.refers
                and not node.guarded
            ):
                if stands_elsewhere(context.view, file.path, text, node.whole_name):
                    yield file.unchecked(status.line, "a file that is included may hold this node")
                else:
                    yield file.finding(
                        status.line,
                        'status = "okay" is not needed where a node is defined: it is enabled without it',
                        severity="info",
                    )


RULE = Rule(
    name="devicetree-status",
    summary="A status of a Devicetree node is none, or is not needed",
    why='A node is enabled unless its status says otherwise: "okay" belongs to where a board enables what an included '
    'file disables. A value that is none disables the node. An example with "disabled" is not validated.',
    source="Devicetree Specification 2.3.4; Documentation/devicetree/bindings/dts-coding-style.rst",
    severity="warning",
    confidence="high",
    check=check,
    wakes=("documentation/devicetree/bindings/", ".dts"),
    bad=(
        """
>>> patch arm64: dts: acme: enable devices
Enable them.
>>> file arch/arm64/boot/dts/acme/board.dts
+/ {
+	leds {
+		compatible = "gpio-leds";
+		status = "okay"; // want "is not needed where a node is defined"
+	};
+};
+
+&uart0 {
+	status = "enabled"; // want "is no status: .okay."
+};
""",
        """
>>> patch dt-bindings: iio: add a part
Add it.
>>> file Documentation/devicetree/bindings/iio/acme,part.yaml
+title: Part
+examples:
+  - |
+    sensor {
+        compatible = "acme,part";
+        status = "disabled"; // want "an example needs no status"
+    };
""",
    ),
    good=(
        """
>>> patch arm64: dts: acme: enable devices
Enable them.
>>> file arch/arm64/boot/dts/acme/board.dts
+&uart0 {
+	status = "okay";
+};
""",
        """
>>> tree arch/arm64/boot/dts/acme/soc.dtsi
/ { leds { compatible = "gpio-leds"; status = "disabled"; }; };
>>> patch arm64: dts: acme: enable devices
The included file disables it.
>>> file arch/arm64/boot/dts/acme/board.dts
+#include "soc.dtsi"
+/ {
+	leds {
+		compatible = "gpio-leds";
+		status = "okay";
+	};
+};
""",
        """
>>> patch arm64: dts: acme: add devices
Boards enable them.
>>> file arch/arm64/boot/dts/acme/soc.dtsi
+/ {
+	uart@1000 {
+		compatible = "acme,uart";
+		status = "disabled";
+	};
+	memory@2000 {
+		status = "fail-hw";
+	};
+};
""",
    ),
)
