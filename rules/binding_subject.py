"""The subject of a patch of bindings: without its prefix, or saying twice that it is one."""

from collections.abc import Iterator

from patchscan.rule import Context, Finding, Rule, Silence, pattern

BINDINGS = ("Documentation/devicetree/bindings/", "include/dt-bindings/")
BESIDE = (*BINDINGS, "MAINTAINERS")
PREFIX = pattern(r"\bdt-bindings\b[^:]{0,80}:")
NEARLY = pattern(r"\b(?:dt-?bindings?|devicetree|dt|bindings?)\b[^:]{0,80}:", 2)
TWICE = pattern(r"(?<![\w-])(?:(?:yaml |dt |device ?tree )?bindings?|documentation|docs?)(?![\w-])", 2)
# Names of files that one may speak of.
MADE = pattern(r"(?:Revert|Reapply|Merge)\b|\[")


def check(context: Context) -> Iterator[Finding | Silence]:
    """One remark on a subject, where the patch changes bindings and nothing else."""
    title, paths = context.patch.title.strip(), [file.path for file in context.files]
    if not title or MADE.match(title) or not all(path.startswith(BESIDE) for path in paths):
        return
    if not any(path.startswith(BINDINGS) for path in paths):
        return
    prefix = PREFIX.search(title)
    if prefix is None:
        nearly = NEARLY.search(title)
        shown = f', and not "{nearly[0]}"' if nearly else ""
        yield context.changelog_finding(1, f'a patch of bindings has "dt-bindings: " in its subject{shown}')
        return
    rest = title[prefix.end() :]
    found = TWICE.search(rest)
    # Behind another colon it may be the name of a file, as in "dt-bindings: writing-bindings: ...".
    if found and ".yaml" not in rest:
        said = found[0]
        yield context.changelog_finding(
            1,
            f'the prefix says already that these are bindings: the subject needs no "{said}"',
            severity="info",
        )


RULE = Rule(
    name="binding-subject",
    summary="The subject of a patch of bindings lacks its prefix, or says twice what it is",
    why="Maintainers of bindings find their patches by the prefix, and the eighty characters of a subject are all "
    "that a log shows.",
    source="Documentation/devicetree/bindings/submitting-patches.rst (1)",
    severity="warning",
    confidence="high",
    check=check,
    wakes=("documentation/devicetree/bindings/", "include/dt-bindings/"),
    bad=(
        """
>>> patch spi: dt-binding: document a controller
Document it. // want "has .dt-bindings: . in its subject, and not .dt-binding:."
>>> file Documentation/devicetree/bindings/spi/acme,spi.yaml
+title: Controller
""",
        """
>>> patch dt-bindings: spi: Add bindings for a controller
Document it. // want "needs no .bindings."
>>> file Documentation/devicetree/bindings/spi/acme,spi.yaml
+title: Controller
>>> file MAINTAINERS
+F:	Documentation/devicetree/bindings/spi/acme,spi.yaml
""",
        """
>>> patch hwmon: Add a part
Document it. // want "has .dt-bindings: . in its subject$"
>>> file Documentation/devicetree/bindings/hwmon/acme,part.yaml
+title: Part
""",
    ),
    good=(
        """
>>> patch dt-bindings: spi: Document a controller
Document it.
>>> file Documentation/devicetree/bindings/spi/acme,spi.yaml
+title: Controller
""",
        """
>>> patch ASoC: dt-bindings: acme: Convert to DT schema
Convert it.
>>> file Documentation/devicetree/bindings/sound/acme,part.yaml
+title: Part
""",
        """
>>> patch spi: acme: Add a driver with its bindings
Another remark is made on that.
>>> file Documentation/devicetree/bindings/spi/acme,spi.yaml
+title: Controller
>>> file drivers/spi/acme.c
+int acme;
""",
    ),
)
