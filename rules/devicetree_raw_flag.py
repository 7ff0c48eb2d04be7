"""A flag of an interrupt or a GPIO that is a number."""

from collections.abc import Iterator

from patchscan.devicetree.changed import added_values
from patchscan.devicetree.dts import Datum, Property
from patchscan.rule import Context, Finding, Rule, Silence, pattern

GPIO = pattern(r"(?:^|-)gpios?$")
CONTROLLERS = ("GIC_SPI", "GIC_PPI")
LEVELS = {
    "0": "IRQ_TYPE_NONE",
    "1": "IRQ_TYPE_EDGE_RISING",
    "2": "IRQ_TYPE_EDGE_FALLING",
    "3": "IRQ_TYPE_EDGE_BOTH",
    "4": "IRQ_TYPE_LEVEL_HIGH",
    "8": "IRQ_TYPE_LEVEL_LOW",
}
ACTIVE = {"0": "GPIO_ACTIVE_HIGH", "1": "GPIO_ACTIVE_LOW"}


def check(context: Context) -> Iterator[Finding | Silence]:
    """The values on added lines whose last cell is a flag by the form of the value."""
    for file, held, value in added_values(context):
        if name := flag_of(held, value):
            yield file.finding(value.line, f"{held.name}: {name} instead of the number {value.parts[-1]}")


def flag_of(held: Property, value: Datum) -> str:
    """The name of the flag that the last of three cells gives as a number, "" where it is none."""
    if held.broken or value.kind != "cells" or len(value.parts) != 3:
        return ""
    first, second, last = value.parts
    if held.name == "interrupts" and first in CONTROLLERS:
        return LEVELS.get(last.removeprefix("0x"), "")
    if GPIO.search(held.name) and first.startswith("&") and not second.startswith("&"):
        return ACTIVE.get(last.removeprefix("0x"), "")
    return ""


RULE = Rule(
    name="devicetree-raw-flag",
    summary="A flag of an interrupt or a GPIO in a Devicetree is a number",
    why="Beside GIC_SPI a 4 is IRQ_TYPE_LEVEL_HIGH, and a reader does not know that; a wrong one is not seen.",
    source="include/dt-bindings/interrupt-controller/irq.h, include/dt-bindings/gpio/gpio.h; review of bindings",
    severity="warning",
    confidence="high",
    check=check,
    wakes=("documentation/devicetree/bindings/", ".dts"),
    bad=(
        """
>>> patch arm64: dts: acme: add a device
Add it.
>>> file arch/arm64/boot/dts/acme/soc.dtsi
+/ {
+	uart@1000 {
+		reg = <0x1000 0x100>;
+		interrupts = <GIC_SPI 5 4>; // want "IRQ_TYPE_LEVEL_HIGH instead of the number 4"
+		reset-gpios = <&gpio1 5 1>; // want "GPIO_ACTIVE_LOW"
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
+    sensor {
+        compatible = "acme,part";
+        interrupts = <GIC_SPI 5 IRQ_TYPE_EDGE_RISING>,
+                     <GIC_SPI 6 0x8>; // want "IRQ_TYPE_LEVEL_LOW"
+    };
""",
    ),
    good=(
        """
>>> patch arm64: dts: acme: add a device
Add it.
>>> file arch/arm64/boot/dts/acme/soc.dtsi
+/ {
+	uart@1000 {
+		reg = <0x1000 0x100>;
+		interrupts = <GIC_SPI 5 IRQ_TYPE_LEVEL_HIGH>;
+		reset-gpios = <&gpio1 5 GPIO_ACTIVE_LOW>;
+	};
+};
""",
        """
>>> patch arm64: dts: acme: add a device
Other controllers have other cells.
>>> file arch/arm64/boot/dts/acme/soc.dtsi
+/ {
+	uart@1000 {
+		reg = <0x1000 0x100>;
+		interrupts = <5 4>, <GIC_SPI 5 IRQ_TYPE_LEVEL_HIGH 0>;
+		reset-gpios = <&expander 3>, <&pio 1 2 0>;
+		gpio-ranges = <&gpio1 0 1>;
+	};
+};
""",
        """
@@ -1,2 +1,3 @@
 int x;
+int gpios; /* <GIC_SPI 5 4> */
 int y;
""",
    ),
)
