"""A new binding that other projects cannot take, being under the GPL alone."""

from collections.abc import Iterator

from patchscan.rule import Context, Finding, Rule, Silence, pattern

BINDINGS = "Documentation/devicetree/bindings/"
HEADERS = "include/dt-bindings/"
IDENTIFIER = pattern(r"SPDX-License-Identifier:\s{0,9}(.{0,200}?)\s{0,9}(?:\*/)?$")
DUAL = pattern(r"\bGPL-2\.0(?:-only|-or-later|\+)?\s+(?:OR|or)\s+BSD-2-Clause\b")
ANY = pattern(r"\b(?:OR|or)\b|^\(?(?:BSD|MIT)")


def check(context: Context) -> Iterator[Finding | Silence]:
    """The licence of new bindings; what is converted keeps its own."""
    if any(file.change.kind == "delete" and file.path.startswith(BINDINGS) for file in context.files):
        return
    for file in context.files:
        schema = file.path.startswith(BINDINGS) and file.path.endswith(".yaml")
        if file.change.kind != "create" or not (schema or file.path.startswith(HEADERS)):
            continue
        line = next((line for line in file.added[:3] if IDENTIFIER.search(line.text)), None)
        found = IDENTIFIER.search(line.text) if line is not None else None
        if line is None or line.new is None or found is None or (DUAL if schema else ANY).search(found[1]):
            continue
        yield file.finding(
            line.new,
            f"bindings are for other projects, too: (GPL-2.0-only OR BSD-2-Clause) instead of {found[1]}",
        )


RULE = Rule(
    name="binding-licence",
    summary="A new binding is under a licence that other projects cannot take",
    why="Bindings are used by boot loaders and other systems whose licences are not the kernel's.",
    source="Documentation/devicetree/bindings/submitting-patches.rst (3); checkpatch (SPDX_LICENSE_TAG)",
    severity="info",
    confidence="high",
    check=check,
    wakes=("documentation/devicetree/bindings/", "include/dt-bindings/"),
    bad=(
        """
>>> patch dt-bindings: iio: add a part
Add it.
>>> file Documentation/devicetree/bindings/iio/acme,part.yaml
+# SPDX-License-Identifier: GPL-2.0 // want "instead of GPL-2.0"
+%YAML 1.2
>>> file include/dt-bindings/iio/acme,part.h
+/* SPDX-License-Identifier: GPL-2.0-only */ // want "instead of GPL-2.0-only"
+#define PART 1
""",
    ),
    good=(
        """
>>> patch dt-bindings: iio: add a part
Add it.
>>> file Documentation/devicetree/bindings/iio/acme,part.yaml
+# SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause)
+%YAML 1.2
>>> file include/dt-bindings/iio/acme,part.h
+/* SPDX-License-Identifier: (GPL-2.0+ OR MIT) */
+#define PART 1
""",
        """
>>> patch dt-bindings: iio: add a part
Another rule speaks of a licence that is missing.
>>> file Documentation/devicetree/bindings/iio/acme,part.yaml
+%YAML 1.2
""",
        """
>>> tree Documentation/devicetree/bindings/iio/acme,part.yaml
# SPDX-License-Identifier: GPL-2.0
title: Part
>>> patch dt-bindings: iio: change a part
It was so before.
>>> file Documentation/devicetree/bindings/iio/acme,part.yaml
 # SPDX-License-Identifier: GPL-2.0
-title: Part
+title: A part
""",
    ),
)
