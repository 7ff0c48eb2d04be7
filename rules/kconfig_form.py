"""Kconfig entries that say what holds anyway, are indented otherwise, explain nothing, or are on for all."""

from collections.abc import Iterator, Sequence

from patchscan.rule import ChangedFile, Context, Finding, Hunk, Line, Rule, Silence, pattern

FILE = pattern(r"(?:^|/)Kconfig(?:\.[\w-]+)?$")
ENTRY = pattern(r"(?:menu)?config\s+(?P<name>\w+)")
OTHER = pattern(r"(?:menu|endmenu|choice|endchoice|source|if|endif|comment|mainmenu)\b")
ATTRIBUTE = pattern(
    r"(?:bool|tristate|depends on|select|imply|default|def_bool|def_tristate|help|int|hex|string|range|prompt)\b"
)
PROMPT = pattern(r"\s*(?:(?:bool|tristate|int|hex|string)\s+[\"']|prompt\b)")
NEEDLESS = pattern(r"\s+default\s+n\s*$")
ALWAYS = pattern(r"\s+default\s+[ym]\s*$")
# What can be a module is a driver or the like: parts of one may well be on where it is.
DRIVER = pattern(r"\s*tristate\s+[\"']")
# What most machines have: who has it need not have the device. Below anything else an entry is part of a choice made.
DEPENDS = pattern(r"\s+depends on (?P<what>.*)")
NAME = pattern(r"\w+")
BUSES = frozenset({"I2C", "SPI", "SPI_MASTER", "PCI"})
COMMON = pattern(
    r"I2C|SPI|SPI_MASTER|PCI|USB|OF|ACPI|HAS_\w+|GPIOLIB|HWMON|INPUT|IIO|MMC|NET|SND_SOC|HID|COMMON_CLK|REGULATOR"
    r"|\w+_CLASS|POWER_SUPPLY|MFD_CORE|COMPILE_TEST"
)
HELP = pattern(r"\s*(?:---)?help(?:---)?\s*$")


def check(context: Context) -> Iterator[Finding | Silence]:
    """The entries that the patch adds or changes."""
    for file in context.files:
        if FILE.search(file.path) and file.added and file.change.kind in ("modify", "create"):
            for hunk in file.change.hunks:
                yield from of_hunk(file, hunk)


def of_hunk(file: ChangedFile, hunk: Hunk) -> Iterator[Finding]:
    """The entries of one hunk; an entry whose head is not in sight says nothing for certain."""
    lines = [line for line in hunk.lines if line.kind != "-"]
    starts = [at for at, line in enumerate(lines) if ENTRY.match(line.text) or OTHER.match(line.text)]
    for start, end in zip(starts, [*starts[1:], len(lines)], strict=False):
        head = ENTRY.match(lines[start].text)
        if head:
            yield from of_entry(file, lines[start:end], head["name"], end < len(lines))
    yield from indented(file, lines)


def of_entry(file: ChangedFile, entry: Sequence[Line], name: str, whole: bool) -> Iterator[Finding]:
    """What one entry says needlessly, or does not; whole: whether its end is in sight."""
    body = entry[: next((at for at, line in enumerate(entry) if HELP.match(line.text)), len(entry))]
    prompt = next((line for line in body if PROMPT.match(line.text)), None)
    if prompt is None:
        return
    defaults = [line for line in body if line.text.lstrip().startswith("default ")]
    if len(defaults) == 1 and defaults[0].kind == "+" and NEEDLESS.match(defaults[0].text):
        yield file.finding(defaults[0].new or 1, f"{name} is n by default: it need not be said")
    always = next((line for line in defaults if line.kind == "+" and ALWAYS.match(line.text)), None)
    driver = any(DRIVER.match(line.text) for line in body) and is_common(body)
    if always is not None and driver and len(defaults) == 1:
        wish = "who has no such device does not want it: leave the default out, or bind it to a platform"
        yield file.finding(always.new or 1, f"{name} is built by default: {wish}")
    new = all(line.kind == "+" for line in body if line.text.strip())
    ends = whole or file.change.kind == "create"
    if new and ends and len(body) == len(entry) and prompt.new is not None:
        yield file.finding(prompt.new, f"{name} can be chosen: a help text tells who should")


def is_common(body: Sequence[Line]) -> bool:
    """Whether an entry depends on a bus and on nothing but what most machines have: no merged entry does, and is on."""
    found = [match["what"] for line in body if (match := DEPENDS.match(line.text)) is not None]
    names = {name for what in found for name in NAME.findall(what)}
    return bool(names & BUSES) and all(COMMON.fullmatch(name) for name in names)


def indented(file: ChangedFile, lines: Sequence[Line]) -> Iterator[Finding]:
    """The first attribute or help text that is not indented as Kconfig files are, where this one is."""
    old = [line.text for line in lines if line.kind == " "]
    if any(text.startswith("  ") and ATTRIBUTE.match(text.lstrip()) for text in old):
        return
    helping = False
    for line in lines:
        text = line.text
        if ENTRY.match(text) or OTHER.match(text):
            helping = False
        if line.kind == "+" and line.new is not None:
            if not helping and text.startswith("  ") and ATTRIBUTE.match(text.lstrip()):
                yield file.finding(line.new, "the lines of an entry are indented by a tab")
                return
            if helping and text.strip():
                if not text.startswith("\t  ") and not text.startswith(" "):
                    yield file.finding(line.new, "a help text is indented by a tab and two blanks")
                    return
                helping = False
        if HELP.match(text):
            helping = True


RULE = Rule(
    name="kconfig-form",
    summary="A Kconfig entry says what holds anyway, is indented otherwise, has no help or is on for all",
    why="Who configures a kernel has the prompt and the help text only; n is the default of every option.",
    source=(
        "Documentation/process/coding-style.rst section 10; Documentation/kbuild/kconfig-language.rst (default); "
        "of 1344 drivers that depend on a bus and what most machines have none is on (6.12)"
    ),
    severity="info",
    confidence="high",
    check=check,
    wakes=("kconfig",),
    bad=(
        """
>>> patch mm: walk
Walk.
>>> file mm/Kconfig
 config OTHER
 	bool "Other"
 	help
 	  Other.
 
+config WALK
+	bool "Walk"
+	default n // want "WALK is n by default"
+	help
+	Walk all entries. // want "a tab and two blanks"
+
+config WALK_TWICE
+	bool "Walk twice" // want "a help text tells who should"
+	depends on WALK
+
 config THIRD
 	bool "Third"
""",
        """
>>> patch mm: walk
Walk.
>>> file mm/Kconfig
+config PART
+	tristate "Driver for a part"
+	depends on I2C
+	default y // want "PART is built by default"
+	help
+	  A part.
+
+config WALK
+        bool "Walk" // want "indented by a tab"
+        help
+          Walk all entries.
""",
    ),
    good=(
        """
>>> patch mm: walk
Walk.
>>> file mm/Kconfig
+config WALK
+	bool "Walk"
+	default y if OTHER
+	default n
+	help
+	  Walk all entries.
+
+	  default n
+	  bool "no"
+
+config WALK_TWICE
+	bool
+	default n
+
+config PART
+	tristate "Driver for a part"
+	default y if ARCH_WALK
+	help
+	  A part.
+
+config PART_USB
+	tristate "Part by USB"
+	depends on USB && PART
+	default y
+	help
+	  A part.
+
+config PART_LOG
+	bool "Log"
+	default y
+	help
+	  Log what the part does.
+
 config THIRD
 	bool "Third"
""",
        """
>>> patch mm: walk
Walk.
>>> file mm/Kconfig
 config OTHER
   bool "Other"
+  select WALK
   help
     Other.
+
+config WALK
+	bool "Walk"
+	depends on OTHER
""",
        """
>>> patch mm: walk
Walk.
>>> file mm/Kconfig
 	depends on OTHER
 	default n
+	select WALK
 	help
 	  Other.
""",
    ),
)
