"""A Devicetree value that is written in another form than all others."""

from collections.abc import Iterator

from patchscan.devicetree.changed import added_values
from patchscan.devicetree.dts import Datum, Property
from patchscan.rule import Context, Finding, Rule, Silence, pattern

CAPITALS = pattern(r"(?<!\w)0(?:X[0-9a-fA-F]+|x[0-9a-f]*[A-F][0-9a-fA-F]*)\b")
# Properties that list entries of a phandle and its cells. interconnects has two phandles an entry.
LISTS = (
    *("clocks", "assigned-clocks", "resets", "power-domains", "phys", "dmas", "iommus", "pwms", "mboxes"),
    *("interrupts-extended", "io-channels", "thermal-sensors", "hwlocks"),
)


def check(context: Context) -> Iterator[Finding | Silence]:
    """The values on added lines."""
    for file, held, value in added_values(context):
        if fault := fault_of(held, value):
            yield file.finding(value.line, f"{held.name}: {fault}")


def fault_of(held: Property, value: Datum) -> str:
    """What is written otherwise, "" for nothing."""
    found = next((found[0] for each in value.parts if (found := CAPITALS.search(each))), "")
    if found:
        return f"hexadecimal numbers have lower-case digits: {found.lower()}"
    entries = [number for number, each in enumerate(value.parts) if each.startswith("&")]
    if (held.name in LISTS or held.name.endswith("-gpios")) and entries[:1] == [0] and len(entries) > 1:
        first, second = " ".join(value.parts[: entries[1]]), value.parts[entries[1]]
        return f"each entry has its own brackets: <{first}>, <{second} ...>"
    return ""


RULE = Rule(
    name="devicetree-value-form",
    summary="A Devicetree value has hexadecimal capitals, or several entries in one pair of brackets",
    why="Numbers are searched for in one form. Where each entry has its brackets, their count and that of the cells "
    "are seen by readers and by dtbs_check.",
    source="Documentation/devicetree/bindings/dts-coding-style.rst (Naming and Valid Characters, Indentation)",
    severity="info",
    confidence="high",
    check=check,
    wakes=("documentation/devicetree/bindings/", ".dts"),
    bad=(
        """
>>> patch arm64: dts: acme: add a device
Add it.
>>> file arch/arm64/boot/dts/acme/soc.dtsi
+/ {
+	uart@1f00 {
+		reg = <0x1F00 0x100>; // want "lower-case digits: 0x1f00"
+		clocks = <&cru 1 &cru 2>; // want "its own brackets: <&cru 1>, <&cru ...>"
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
+        reset-gpios = <&gpio 1 GPIO_ACTIVE_LOW &gpio 2 GPIO_ACTIVE_LOW>; // want "its own brackets"
+    };
""",
    ),
    good=(
        """
>>> patch arm64: dts: acme: add a device
Add it.
>>> file arch/arm64/boot/dts/acme/soc.dtsi
+/ {
+	uart@1f00 {
+		reg = <0x1f00 UART_A0XB>;
+		clocks = <&cru 1>, <&cru 2>;
+		interconnects = <&noc A &noc B>;
+		assigned-clock-parents = <&cru 3>;
+	};
+};
""",
        """
>>> patch arm64: dts: acme: indent a node
Only white space.
>>> file arch/arm64/boot/dts/acme/soc.dtsi
 / {
-	reg = <0xA0>;
+		reg = <0xA0>;
 };
""",
        """
>>> patch arm64: dts: acme: add a link
Graphs and maps have entries of their own.
>>> file arch/arm64/boot/dts/acme/soc.dtsi
+/ {
+	sound {
+		links = <&dai0 &dai1>;
+	};
+};
""",
    ),
)
