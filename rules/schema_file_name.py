"""A new schema whose file is not called as what it describes."""

from collections.abc import Iterator

from patchscan.devicetree.changed import schemas
from patchscan.devicetree.schema import compatible_patterns, compatibles
from patchscan.rule import Context, Finding, Rule, Silence


def check(context: Context) -> Iterator[Finding | Silence]:
    """One remark a new file."""
    for file, schema in schemas(context):
        if file.change.kind != "create" or compatible_patterns(schema):
            continue
        names = sorted({each.text for each in compatibles(schema)})
        stem = file.path.rpartition("/")[2].removesuffix(".yaml")
        vendors = {name.partition(",")[0] for name in names}
        if not names or len(vendors) > 1 or stem in names or not all("," in name for name in names):
            continue
        if len(names) == 1:
            yield file.finding(1, f"a schema is called as its compatible string: {names[0]}.yaml")
        elif "," not in stem:
            yield file.finding(
                1, f"the name of a schema begins with the vendor: {names[0].partition(',')[0]},....yaml"
            )


START = """
>>> patch dt-bindings: iio: add a part
Add it.
>>> file Documentation/devicetree/bindings/iio/{}.yaml
+title: Part{}
+properties:
+  compatible:
"""

RULE = Rule(
    name="schema-file-name",
    summary="A new schema is not called as what it describes",
    why="The schema of a compatible string is looked for by its name; one without its vendor may be that of others.",
    source="review of bindings; Documentation/devicetree/bindings/writing-bindings.rst",
    severity="info",
    confidence="high",
    check=check,
    wakes=("documentation/devicetree/bindings/",),
    bad=(
        START.format("part", ' // want "called as its compatible string: acme,part.yaml"')
        + "+    const: acme,part\n",
        START.format("part", ' // want "begins with the vendor: acme,"')
        + '+    enum: [ "acme,part", "acme,other" ]\n',
    ),
    good=(
        START.format("acme,part", "") + "+    const: acme,part\n",
        START.format("acme,family", "") + '+    enum: [ "acme,part", "acme,other" ]\n',
        START.format("family", "") + '+    enum: [ "acme,part", "other,part" ]\n',
        START.format("family", "") + '+    pattern: "^acme,part[0-9]$"\n',
    ),
)
