"""A Devicetree node whose unit address and reg do not fit each other."""

from collections.abc import Iterator

from patchscan.devicetree.changed import Excerpt, excerpts
from patchscan.devicetree.dts import Node
from patchscan.rule import ChangedFile, Context, Finding, Rule, Silence, pattern

NUMBER = pattern(r"0[xX][0-9a-fA-F]+|\d+")
HEXADECIMAL = pattern(r"[0-9a-fA-F]+")
PADDED = pattern(r"0[xX]|0(?=[0-9a-fA-F])")
# A PCI address has five cells; its unit address is that of a slot.
OTHER_BUSES = ("pci", "axi-pci", "isa")
PCI_CELLS = 5
# Cells below 2 ** 32.
CELL = 32


def check(context: Context) -> Iterator[Finding | Silence]:
    """Nodes that the patch brings, or whose reg it changes."""
    for file, excerpt in excerpts(context):
        for parent, node in with_parents(excerpt):
            lines = {node.line, *(each.line for each in (node.get("reg"),) if each)}
            if node.refers or node.name == "/" or not lines & file.added_numbers:
                continue
            fault = fault_of(node, parent, excerpt)
            if fault and not (node.line in file.added_numbers and file.was_there(node.line)):
                yield file.finding(place_of(file, node), fault, construct=(node.line, max(lines)))


def with_parents(excerpt: Excerpt) -> Iterator[tuple[Node | None, Node]]:
    """Each node with the one that it stands in."""
    yield from ((None, node) for node in excerpt.nodes)
    yield from ((outer, inner) for outer in excerpt.every() for inner in outer.nodes)


def place_of(file: ChangedFile, node: Node) -> int:
    """The line of the node, or of its reg where only that is the patch's."""
    reg = node.get("reg")
    return reg.line if reg and node.line not in file.added_numbers else node.line


def fault_of(node: Node, parent: Node | None, excerpt: Excerpt) -> str:
    """What does not fit, "" where nothing can be said."""
    reg = node.get("reg")
    if (
        PADDED.match(node.unit)
        and "," not in node.unit
        and HEXADECIMAL.fullmatch(node.unit.replace("x", "0"))
    ):
        return f"{node.whole_name}: a unit address is written without 0x and without leading zeros"
    if node.broken or node.guarded:
        return ""
    if node.unit and not reg and not node.get("ranges") and excerpt.example:
        return (
            f"{node.whole_name} has a unit address, but no reg: dt_binding_check warns (unit_address_vs_reg)"
        )
    if reg and not node.unit and (excerpt.example or node.get("compatible")):
        return f"{node.name} has a reg, but no unit address: {node.name}@..., dtc warns (unit_address_vs_reg)"
    return mismatch(node, parent) if reg and node.unit else ""


def mismatch(node: Node, parent: Node | None) -> str:
    """A unit address that is not that of the first reg, "" where both are the same or cannot be compared."""
    reg = node.get("reg")
    if reg is None or not reg.values or not HEXADECIMAL.fullmatch(node.unit):
        return ""
    cells = reg.values[0].parts
    if len(cells) >= PCI_CELLS or (parent is not None and has_slots(parent)):
        return ""
    if not cells or not all(NUMBER.fullmatch(each) for each in cells[:2]):
        return ""
    first, *rest = [number(each) for each in cells[:2]]
    addresses = {first, *(first << CELL | second for second in rest)}
    # In decimal in both places: not what the specification says, and common for channels.
    unit = int(node.unit, 16)
    if unit in addresses or node.unit == cells[0] or is_translated(unit, addresses, (node, parent)):
        return ""
    return f"{node.whole_name}: the unit address is not that of its reg, <{' '.join(cells[:2])} ..."


def has_slots(bus: Node) -> bool:
    """Whether addresses below a node are those of slots or of ports, which begin with what they are."""
    device_type = bus.get("device_type")
    return bus.name.startswith(OTHER_BUSES) or (device_type is not None and "pci" in device_type.strings)


def is_translated(unit: int, addresses: set[int], nodes: tuple[Node, Node | None]) -> bool:
    """Whether ranges lead from an address of reg to the unit's: those of a bus, or of the node as a bus itself."""
    held = [each for node in nodes if node is not None and (each := node.get("ranges")) is not None]
    cells = {
        number(cell)
        for each in held
        for value in each.values
        for cell in value.parts
        if NUMBER.fullmatch(cell)
    }
    return unit in cells or any(unit - each in cells for each in addresses)


def number(cell: str) -> int:
    """The value of a cell that is a number."""
    return int(cell, 16 if cell[:2] in ("0x", "0X") else 10)


RULE = Rule(
    name="devicetree-unit-address",
    summary="The unit address of a Devicetree node does not fit its reg",
    why="The unit address tells nodes of one bus apart and is the first address of reg; where both differ, one of them "
    "was copied from another node.",
    source="Devicetree Specification 2.2.1; checks of dtc (unit_address_vs_reg, unit_address_format); "
    "Documentation/devicetree/bindings/dts-coding-style.rst",
    severity="warning",
    confidence="high",
    check=check,
    wakes=("documentation/devicetree/bindings/", ".dts"),
    bad=(
        """
>>> patch arm64: dts: acme: add two devices
Add them.
>>> file arch/arm64/boot/dts/acme/soc.dtsi
+/ {
+	soc@0 {
+		reg = <0x0 0x0 0x0 0x1000>;
+		serial@1000 { // want "serial@1000: .* not that of its reg, <0x2000 "
+			compatible = "acme,serial";
+			reg = <0x2000 0x100>;
+		};
+		spi@0x3000 { // want "without 0x"
+			compatible = "acme,spi";
+			reg = <0x3000 0x100>;
+		};
+		timer { // want "timer has a reg, but no unit address"
+			compatible = "acme,timer";
+			reg = <0x4000 0x100>;
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
+        sensor@48 { // want "sensor@48 has a unit address, but no reg"
+            compatible = "acme,part";
+        };
+    };
+    timer@7000 { // want "timer@7000: "
+        reg = <0x8000 0x100>;
+    };
""",
        """
>>> patch arm64: dts: acme: move a device
It stands elsewhere.
>>> file arch/arm64/boot/dts/acme/soc.dtsi
 	soc@0 {
 		serial@1000 {
 			compatible = "acme,serial";
-			reg = <0x1000 0x100>;
+			reg = <0x5000 0x100>; // want "not that of its reg, <0x5000 "
 		};
 	};
""",
    ),
    good=(
        """
>>> patch arm64: dts: acme: add devices
One cell, two, a macro, a PCI device, a chip select.
>>> file arch/arm64/boot/dts/acme/soc.dtsi
+/ {
+	serial@1000 {
+		reg = <0x1000 0x100>;
+	};
+	serial@100002000 {
+		reg = <0x1 0x2000 0x0 0x100>;
+	};
+	serial@3000 {
+		reg = <SERIAL_BASE 0x100>;
+	};
+	pcie@4000 {
+		reg = <0x4000 0x100>;
+		device_type = "pci";
+		wifi@0 {
+			reg = <0x10000 0x0 0x0 0x0 0x0>;
+		};
+	};
+	flash@0,0 {
+		reg = <0 0 0x1000>;
+	};
+};
""",
        """
>>> patch arm64: dts: acme: enable a device
The node stands in another file.
>>> file arch/arm64/boot/dts/acme/board.dts
+&soc {
+	serial@1000 {
+		status = "okay";
+	};
+};
""",
        """
>>> patch arm64: dts: acme: number channels
In decimal; and a bus that translates.
>>> file arch/arm64/boot/dts/acme/board.dts
+&adc {
+	channel@15 {
+		reg = <15>;
+	};
+};
+&pinctrl {
+	ranges = <0x0 0x40020000 0x3000>;
+	gpio@40021000 {
+		reg = <0x1000 0x400>;
+	};
+};
""",
    ),
)
