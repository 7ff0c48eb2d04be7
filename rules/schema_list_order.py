"""A compatible string at the wrong place of a list that is kept in order."""

from collections.abc import Iterator

from patchscan.devicetree.changed import Value, schemas
from patchscan.rule import Context, Finding, Rule, Silence, pattern

NUMBER = pattern(r"(\d+)")
# How many entries beside the new ones show that a list is in order.
FEWEST = 3


def check(context: Context) -> Iterator[Finding | Silence]:
    """The added entries of an enum which is in order without them."""
    for file, schema in schemas(context):
        for held in schema.below():
            entries = held.get("enum") if file.change.kind == "modify" and held.kind == "mapping" else None
            if entries is None or entries.flow or not all("," in each.text for each in entries.items):
                continue
            old = [each for each in entries.items if each.line not in file.added_numbers]
            if len(old) < FEWEST or not is_sorted(old):
                continue
            for entry in entries.items:
                if entry.line in file.added_numbers and not file.was_there(entry.line):
                    near = [*before(old, entry), entry, *behind(old, entry)]
                    if not is_sorted(near):
                        yield file.finding(
                            entry.line, f"this list is in order of the alphabet: {entry.text} is not"
                        )


def before(old: list[Value], entry: Value) -> list[Value]:
    """The last of the old entries before a new one."""
    return [each for each in old if each.line < entry.line][-1:]


def behind(old: list[Value], entry: Value) -> list[Value]:
    """The first of the old entries behind a new one."""
    return [each for each in old if each.line > entry.line][:1]


def is_sorted(values: list[Value]) -> bool:
    """Whether values are in order, by their letters or by the numbers in them."""
    texts = [each.text for each in values]
    return (
        texts == sorted(texts) or texts == sorted(texts, key=str.lower) or texts == sorted(texts, key=natural)
    )


def natural(text: str) -> list[tuple[int, str]]:
    """What sorts numbers in a text by their value."""
    return [(int(each), "") if each.isdigit() else (-1, each) for each in NUMBER.split(text)]


RULE = Rule(
    name="schema-list-order",
    summary="A compatible string is added at the wrong place of a list that is kept in order",
    why="In a list that is kept in order entries are found, and two patches that add some do not meet at its end.",
    source="review of bindings",
    severity="warning",
    confidence="medium",
    check=check,
    wakes=("documentation/devicetree/bindings/",),
    bad=(
        """
>>> tree Documentation/devicetree/bindings/iio/acme,part.yaml
properties:
  compatible:
    enum:
      - acme,a
      - acme,b
      - acme,d
>>> patch dt-bindings: iio: add a part
Add it.
>>> file Documentation/devicetree/bindings/iio/acme,part.yaml
       - acme,a
       - acme,b
       - acme,d
+      - acme,c // want "acme,c is not"
""",
    ),
    good=(
        """
>>> tree Documentation/devicetree/bindings/iio/acme,part.yaml
properties:
  compatible:
    enum:
      - acme,a1
      - acme,a2
      - acme,a10
>>> patch dt-bindings: iio: add parts
In order of numbers.
>>> file Documentation/devicetree/bindings/iio/acme,part.yaml
       - acme,a1
       - acme,a2
+      - acme,a3
+      - acme,a9
       - acme,a10
""",
        """
>>> tree Documentation/devicetree/bindings/iio/acme,part.yaml
properties:
  compatible:
    enum:
      - acme,a
      - acme,d
      - acme,b
>>> patch dt-bindings: iio: add a part
The list was in no order.
>>> file Documentation/devicetree/bindings/iio/acme,part.yaml
       - acme,a
       - acme,d
       - acme,b
+      - acme,c
""",
        """
>>> tree Documentation/devicetree/bindings/iio/acme,part.yaml
properties:
  compatible:
    enum:
      - acme,a
      - acme,d
>>> patch dt-bindings: iio: add a part
The list is too short to tell.
>>> file Documentation/devicetree/bindings/iio/acme,part.yaml
       - acme,a
       - acme,d
+      - acme,c
""",
    ),
)
