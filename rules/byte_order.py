"""A value whose type states its byte order (__le32, __be16, __virtio32) is taken for a plain number, or the reverse."""

from collections.abc import Iterator
from typing import TYPE_CHECKING

from patchscan.rule import Call, ChangedFile, Context, Finding, Function, Rule, pattern

if TYPE_CHECKING:
    from patchscan.lookup.typeof import Types
    from tree_sitter import Node

# A file that never converts keeps such values as they are, or its author did not write for sparse.
CONVERTS = pattern(
    rb"\b(?:cpu_to_(?:le|be|virtio)|(?:le|be|virtio)(?:16|32|64)_to_cpu|hton[sl]\b|ntoh[sl]\b)"
)
ORDERED = pattern(r"__(?:le|be|virtio)(?:16|32|64)")
INTO = pattern(r"cpu_to_((?:le|be|virtio)(?:16|32|64))")
FROM = pattern(r"((?:le|be|virtio)(?:16|32|64))_to_cpu")
NETWORK = {"htons": "be16", "htonl": "be32", "ntohs": "be16", "ntohl": "be32"}
# These have the same bytes in every order.
NOTHING = pattern(r"(?:0x)?0+[uUlL]*|0x[fF]+[uUlL]*")
ARITHMETIC = frozenset(("+", "-", "*", "/", "%", "<<", ">>", "<", ">", "<=", ">="))
BITWISE = frozenset(("&", "|", "^", "==", "!="))


def check(context: Context) -> Iterator[Finding]:
    """The conversions, assignments and calculations on added lines."""
    for file in context.c_files:
        if file.adds("=", "(", "<", ">", "+", "-", "*") and any(
            CONVERTS.search(each.text) for each in file.after
        ):
            for function in file.functions:
                if not function.partial:
                    yield from judge(context, file, function)


def judge(context: Context, file: ChangedFile, function: Function) -> Iterator[Finding]:
    """What is to be said of one function: the first fault of each line."""
    from patchscan.lookup.typeof import types_in

    values: Values | None = None
    told: set[int] = set()
    # What is handed to a conversion says more than what becomes of its result.
    first = function.nodes("call_expression", "cast_expression")
    for node in (*first, *function.nodes("assignment_expression", "init_declarator", "binary_expression")):
        line = function.source.line_of(node)
        if line in told or line not in file.added_numbers or file.was_there(line) or node.has_error:
            continue
        values = values or Values(types_in(context, file, function))
        fault = values.fault(node)
        if fault:
            told.add(line)
            yield context.claimed(file.finding(line, fault))


class Values:
    """Judges the expressions of a function by what their types say of byte order."""

    def __init__(self, types: "Types") -> None:
        self.types = types

    def order(self, node: "Node | None") -> str:
        """The type with a byte order that a value has, "plain" of a number in the machine's, "" where none is sure."""
        while node is not None and node.type == "parenthesized_expression" and node.named_child_count == 1:
            node = node.named_children[0]
        if node is None:
            return ""
        if node.type == "number_literal":
            return "" if NOTHING.fullmatch(self.types.written(node)) else "plain"
        if node.type == "call_expression":
            return gives(self.types.function.call(node).name)
        if node.type == "binary_expression":
            return self.calculated(node)
        if node.type == "cast_expression" and forced(self.types.written(node)):
            kind = self.types.written(node).partition(")")[0].replace("__force", "").strip("( ")
        else:
            kind = self.types.of(node)
        return kind if ORDERED.fullmatch(kind) else "plain" if is_number(kind) else ""

    def calculated(self, node: "Node") -> str:
        """What a calculation gives: an order that both sides have lives through &, | and ^."""
        sides = {self.order(node.child_by_field_name(each)) for each in ("left", "right")}
        operator = node.child_by_field_name("operator")
        bitwise = operator is not None and self.types.written(operator) in ("&", "|", "^")
        return sides.pop() if len(sides) == 1 and (bitwise or sides == {"plain"}) else ""

    def fault(self, node: "Node") -> str:
        """What is wrong with one expression, "" where nothing is."""
        if node.type == "call_expression":
            return self.conversion(node)
        if node.type == "cast_expression":
            return self.cast(node)
        if node.type == "binary_expression":
            return self.operands(node)
        return self.assignment(node)

    def conversion(self, node: "Node") -> str:
        """A conversion that is given what it makes."""
        call = self.types.function.call(node)
        makes, takes = converts(call.name)
        if not call.arguments:
            return ""
        if not makes and not takes:
            return self.arguments(call)
        value = call.arguments[-1]
        found = self.order(value)
        shown = self.types.written(value)
        if makes and ORDERED.fullmatch(found):
            return f"{call.name}() takes a number in the machine's byte order, but '{shown}' is '{found}' already"
        if takes and found and found != takes and (found != "plain" or value.type != "number_literal"):
            what = "a plain number" if found == "plain" else f"'{found}'"
            return f"{call.name}() takes '{takes}', but '{shown}' is {what}"
        return ""

    def arguments(self, call: Call) -> str:
        """A function that is given a value in another byte order than every declaration of it takes."""
        orders = [self.order(each) for each in call.arguments]
        if not any(ORDERED.fullmatch(each) for each in orders):
            return ""
        takes = [each.takes.parameters for each in self.types.meaning.forms(call.name)]
        for place, (found, value) in enumerate(zip(orders, call.arguments, strict=True)):
            wanted = {each[place] if place < len(each) else "" for each in takes}
            kind = wanted.pop() if len(wanted) == 1 else ""
            if not ORDERED.fullmatch(kind) and (not ORDERED.fullmatch(found) or not is_number(kind)):
                continue
            if found and found != kind and value.type != "number_literal":
                what = "a plain number" if found == "plain" else f"'{found}'"
                return f"{call.name}() takes '{kind}', but '{self.types.written(value)}' is {what}"
        return ""

    def cast(self, node: "Node") -> str:
        """A cast that takes the byte order off without saying that it is meant."""
        kind, value = node.child_by_field_name("type"), node.child_by_field_name("value")
        if kind is None or value is None or forced(self.types.written(node)):
            return ""
        found, wanted = self.order(value), self.types.written(kind)
        if ORDERED.fullmatch(found) and wanted != found and (is_number(wanted) or ORDERED.fullmatch(wanted)):
            return (
                f"the cast to '{wanted}' takes '{self.types.written(value)}' as it stands in memory, but it is "
                f"'{found}': convert it, or write __force"
            )
        if ORDERED.fullmatch(wanted) and found == "plain" and value.type != "number_literal":
            shown = self.types.written(value)
            return f"the cast to '{wanted}' converts nothing: '{shown}' is in the machine's byte order"
        return ""

    def operands(self, node: "Node") -> str:
        """A calculation with what is in another byte order than the machine's."""
        left, right = node.child_by_field_name("left"), node.child_by_field_name("right")
        sign = node.child_by_field_name("operator")
        if left is None or right is None or sign is None:
            return ""
        return self.calculation(left, right, self.types.written(sign))

    def calculation(self, left: "Node", right: "Node", operator: str) -> str:
        """What is wrong where two values meet at an operator."""
        orders = self.order(left), self.order(right)
        for one, other, node in ((orders[0], orders[1], left), (orders[1], orders[0], right)):
            if not ORDERED.fullmatch(one):
                continue
            if operator in ARITHMETIC or (operator in BITWISE and other and other != one):
                return f"'{self.types.written(node)}' is '{one}', but '{operator}' computes in the machine's byte order"
        return ""

    def assignment(self, node: "Node") -> str:
        """A variable or member that is given a value in another byte order."""
        left, right = node.child_by_field_name("left"), node.child_by_field_name("right")
        sign = node.child_by_field_name("operator")
        if node.type == "init_declarator":
            left, right = node.child_by_field_name("declarator"), node.child_by_field_name("value")
            if left is None or left.type != "identifier":
                return ""
        if left is None or right is None:
            return ""
        operator = self.types.written(sign) if sign is not None else "="
        if operator != "=":
            return self.calculation(left, right, operator.removesuffix("="))
        wanted, found = self.order(left), self.order(right)
        if not wanted or not found or wanted == found:
            return ""
        name, shown = self.types.written(left), self.types.written(right)
        if found == "plain":
            return f"'{name}' is '{wanted}', but '{shown}' is in the machine's order: cpu_to_{wanted[2:]}() converts it"
        if wanted == "plain" and right.type == "call_expression":
            return (
                f"'{shown}' is '{found}', but '{name}' is declared in the machine's order, not as '{found}'"
            )
        if wanted == "plain":
            return f"'{shown}' is '{found}', but '{name}' is in the machine's order: {found[2:]}_to_cpu() converts it"
        return f"'{name}' is '{wanted}', but '{shown}' is '{found}'"


def is_number(kind: str) -> bool:
    """Whether a type is an integer in the machine's byte order."""
    from patchscan.lookup.typeof import is_integer

    return is_integer(kind)


def forced(cast: str) -> bool:
    """Whether a cast says that it is meant as it stands."""
    return "__force" in cast.partition(")")[0]


def converts(name: str) -> tuple[str, str]:
    """(the type that a conversion makes, the type that it takes), "" where it is the machine's own."""
    into, from_ = INTO.fullmatch(name), FROM.fullmatch(name)
    if into:
        return f"__{into[1]}", ""
    if from_:
        return "", f"__{from_[1]}"
    order = NETWORK.get(name, "")
    return (f"__{order}", "") if name.startswith("h") and order else ("", f"__{order}" if order else "")


def gives(name: str) -> str:
    """The order of what a conversion returns, "" of any other function."""
    makes, takes = converts(name)
    return makes or ("plain" if takes else "")


RULE = Rule(
    name="byte-order",
    summary="A value of stated byte order is used as a plain number, or the reverse",
    why=(
        "The types __le32, __be16, __virtio32 and their like say in which order the bytes stand, for the device or "
        "the wire. What computes with such a value without converting it, or converts it the wrong way, works on half "
        "of the machines; sparse warns of it, and the kernel test robot runs sparse."
    ),
    source="Documentation/dev-tools/sparse.rst; include/linux/byteorder/generic.h; include/uapi/linux/types.h",
    severity="warning",
    confidence="high",
    check=check,
    by_file=True,
    by_effect=True,
    needs_tree=True,
    bad=(
        """
>>> tree include/linux/packet.h
struct packet {
	__le32 magic;
	__le16 length;
	__be16 port;
	u32 seen;
};
>>> patch net: packet
>>> file net/example.c
 #include <linux/packet.h>
 static void packet_seen(u32 magic, __be16 port);
 int packet_read(struct packet *packet, u32 wanted)
 {
 	u32 magic = le32_to_cpu(packet->magic);
+	if (cpu_to_le32(packet->magic) != wanted) // want "cpu_to_le32\\(\\) takes a number in the machine's byte order"
+		return -EINVAL;
+	if (packet->length > 64) // want "'packet->length' is '__le16', but '>' computes in the machine's byte order"
+		return -EINVAL;
+	if (packet->magic == wanted) // want "'packet->magic' is '__le32', but '==' computes in the machine's"
+		return -EINVAL;
+	packet->seen = packet->magic; // want "'packet->magic' is '__le32', but 'packet->seen' is in the machine's"
+	packet->magic = wanted; // want "cpu_to_le32.. converts it"
+	u32 raw = cpu_to_le32(wanted); // want "'raw' is declared in the machine's order, not as '__le32'"
+	packet->port = cpu_to_le16(magic); // want "'packet->port' is '__be16', but 'cpu_to_le16.magic.' is '__le16'"
+	packet->magic += 4; // want "'packet->magic' is '__le32', but '.' computes in the machine's byte order"
+	packet->seen = le32_to_cpu(magic); // want "le32_to_cpu\\(\\) takes '__le32', but 'magic' is a plain number"
+	u16 length = (u16)packet->length; // want "the cast to 'u16' takes 'packet->length' as it stands in memory"
+	packet_seen(packet->magic, packet->port); // want "packet_seen.. takes 'u32', but 'packet->magic' is '__le32'"
+	packet_seen(magic, packet->length); // want "packet_seen.. takes '__be16', but 'packet->length' is '__le16'"
 	return 0;
 }
""",
    ),
    good=(
        """
>>> tree include/linux/packet.h
struct packet {
	__le32 magic;
	__le16 length;
	__be16 port;
	__virtio32 flags;
	u32 seen;
};
>>> patch net: packet
>>> file net/example.c
 #include <linux/packet.h>
 #define PACKET_MAGIC cpu_to_le32(0x12345678)
 int packet_read(struct virtio_device *vdev, struct packet *packet, struct packet *other, u32 wanted)
 {
+	if (packet->magic != PACKET_MAGIC || packet->magic != other->magic || !packet->length)
+		return -EINVAL;
+	if (le16_to_cpu(packet->length) > 64 || packet->magic == 0 || packet->port == htons(80))
+		return -EINVAL;
+	packet->seen = le32_to_cpu(packet->magic);
+	packet->magic = cpu_to_le32(wanted);
+	packet->magic |= cpu_to_le32(1 << 3) | other->magic;
+	packet->magic &= ~cpu_to_le32(4);
+	packet->length = 0;
+	packet->flags = cpu_to_virtio32(vdev, wanted + 1);
+	packet->seen = (__force u32)packet->magic + ntohs(packet->port);
+	__be32 address = htonl(wanted), mask = packet->unknown;
+
+	memcpy(&packet->magic, &wanted, sizeof(packet->magic));
 	return 0;
 }
""",
        """
>>> tree include/linux/packet.h
struct packet {
	__le32 magic;
};
>>> patch net: packet
>>> file net/example.c
 #include <linux/packet.h>
 int packet_read(struct packet *packet, u32 wanted)
 {
+	return packet->magic == wanted;
 }
""",
        """
>>> tree include/linux/packet.h
struct packet {
	__le32 magic;
};
>>> patch net: packet
>>> file net/example.c
 #include <linux/packet.h>
 int packet_read(struct packet *packet, u32 wanted)
 {
-	if (packet->magic != cpu_to_le32(7)) {
-		packet->magic = wanted;
-	}
+	if (packet->magic != cpu_to_le32(8))
+		packet->magic = wanted;
 	return 0;
 }
""",
    ),
)
