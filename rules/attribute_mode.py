"""Permissions of sysfs attributes that do not fit their functions, or let everybody write, or read addresses."""

from collections.abc import Iterator

from patchscan.rule import ChangedFile, Context, Finding, Function, Rule, Silence, pattern

ATTRIBUTE = pattern(
    r"\b(?P<macro>(?:[A-Z]+_)*DEVICE_ATTR(?:_2)?|(?:BUS|DRIVER|CLASS)_ATTR|__ATTR)\s*\(\s*(?P<name>\w+)\s*,\s*"
    r"(?P<mode>0[0-7]{3}|S_I\w+(?:\s*\|\s*S_I\w+)*)\s*,\s*(?P<show>\w+)\s*,\s*(?P<store>\w+)\s*[,)]"
)
READ_ONLY = pattern(r"\bDEVICE_ATTR_RO\s*\(\s*(?P<name>\w+)\s*\)")
PARAMETER = pattern(r"\bmodule_param(?:_named|_cb|_array|_string)?\s*\([^;]*,\s*(?P<mode>0[0-7]{3})\s*\)\s*;")
BITS = {
    "S_IRUSR": 0o400,
    "S_IRGRP": 0o040,
    "S_IROTH": 0o004,
    "S_IRUGO": 0o444,
    "S_IWUSR": 0o200,
    "S_IWGRP": 0o020,
    "S_IWOTH": 0o002,
    "S_IWUGO": 0o222,
    "S_IRWXU": 0o700,
    "S_IRWXUGO": 0o777,
    "S_IALLUGO": 0o7777,
}
READ, WRITE, ALL_READ, ALL_WRITE = 0o444, 0o222, 0o004, 0o002
# %p alone is hashed, and %pK hides itself.
ADDRESS = pattern(r"%(?:px|pa[pd]?|p[rR])(?![A-Za-z])")
RESOURCE = pattern(r"%p[rR]\b")
WRITES_TEXT = ("sysfs_emit", "sysfs_emit_at", "sprintf", "snprintf", "scnprintf")
WORDS = ("_ATTR", "module_param")


def check(context: Context) -> Iterator[Finding | Silence]:
    """Each attribute on added lines."""
    for file in context.c_files:
        if file.adds(*WORDS):
            yield from modes(file)
            yield from addresses(file)


def statements(file: ChangedFile) -> Iterator[tuple[int, str]]:
    """(line, code) of added lines that name an attribute or a parameter, with those below up to the semicolon."""
    for number in sorted(file.added_numbers):
        code = file.code_at(number)
        if any(word in code for word in WORDS):
            following = [file.code_at(number + more) for more in range(1, 4)]
            text = code
            while ";" not in text and following:
                text += " " + following.pop(0).strip()
            yield number, text


def modes(file: ChangedFile) -> Iterator[Finding]:
    """Modes that no function serves, and those that let everybody write."""
    for number, text in statements(file):
        found = ATTRIBUTE.search(text)
        parameter = PARAMETER.search(text)
        if parameter and int(parameter["mode"], 8) & ALL_WRITE:
            yield file.finding(number, f"{parameter['mode']} lets everybody write the parameter")
        if not found or "#define" in text:
            continue
        mode = bits_of(found["mode"])
        if mode is None:
            continue
        name = found["name"]
        if mode & ALL_WRITE:
            yield file.finding(number, f"{found['mode']} lets everybody write {name}")
        elif mode & WRITE and found["store"] == "NULL":
            yield file.finding(
                number, f"{name} may be written by its mode {found['mode']}, but has no store function"
            )
        elif mode & READ and found["show"] == "NULL":
            yield file.finding(
                number, f"{name} may be read by its mode {found['mode']}, but has no show function"
            )
        elif not mode & WRITE and found["store"] != "NULL":
            yield file.finding(
                number,
                f"nobody may write {name} by its mode {found['mode']}: {found['store']}() is never called",
            )


def bits_of(mode: str) -> int | None:
    """The number of a mode, None where a part of it is not known."""
    if mode.startswith("0"):
        return int(mode, 8)
    names = [BITS.get(part.strip()) for part in mode.split("|")]
    return None if None in names else sum({each for each in names if each is not None})


def addresses(file: ChangedFile) -> Iterator[Finding]:
    """Attributes that show everybody a physical or kernel address."""
    for number, text in statements(file):
        plain, full = READ_ONLY.search(text), ATTRIBUTE.search(text)
        mode = bits_of(full["mode"]) if full else ALL_READ
        show = f"{plain['name']}_show" if plain else full["show"] if full else ""
        if not show or mode is None or not mode & ALL_READ:
            continue
        for source in file.after:
            function = source.function_named(show)
            call = line_of_address(function) if function else 0
            if call:
                yield file.finding(
                    number,
                    f"{show}() shows an address: should everybody read it? "
                    "DEVICE_ATTR_ADMIN_RO() keeps the layout of memory from those who need not know",
                    (file.evidence(call),),
                    severity="info",
                    confidence="medium",
                )


def line_of_address(function: Function) -> int:
    """The line on which a function writes an address as text, 0 where none does."""
    source = function.source
    for call in function.calls():
        if call.name in WRITES_TEXT:
            text = source.text_of(call.node)
            if ADDRESS.search(RESOURCE.sub("", text)):
                return call.line
    return 0


RULE = Rule(
    name="attribute-mode",
    summary="The permissions of an attribute do not fit its functions, or allow everybody too much",
    why=(
        "A file that may be written and has no store function, or the reverse, fails at run time with an error that "
        "says nothing. A file that everybody may write is a hole; one that shows addresses helps to use another one."
    ),
    source=(
        "Documentation/filesystems/sysfs.rst; include/linux/device.h (DEVICE_ATTR_ADMIN_RO); review of "
        '"cxl/region: Introduce concept of region configuration", 2022-07'
    ),
    severity="warning",
    confidence="high",
    check=check,
    wakes=("_attr", "module_param"),
    bad=(
        """
@@ -1,3 +1,12 @@
 int x;
+static ssize_t start_show(struct device *dev, struct device_attribute *attr, char *buf)
+{
+	return sysfs_emit(buf, "%pa\\n", &start);
+}
+static DEVICE_ATTR_RO(start); // want "should everybody read it"
+static DEVICE_ATTR(size, 0644, size_show, NULL); // want "may be written.*no store"
+static DEVICE_ATTR(count, S_IRUGO | S_IWUSR, // want "may be read.*no show"
+		   NULL, count_store);
+static DEVICE_ATTR(level, 0666, level_show, level_store); // want "0666 lets everybody write level"
+static DEVICE_ATTR(name, 0444, name_show, name_store); // want "nobody may write name"
+module_param(level, int, 0666); // want "everybody write the parameter"
 int y;
""",
    ),
    good=(
        """
@@ -1,3 +1,12 @@
 int x;
+static ssize_t start_show(struct device *dev, struct device_attribute *attr, char *buf)
+{
+	return sysfs_emit(buf, "%pa\\n", &start);
+}
+static DEVICE_ATTR_ADMIN_RO(start);
+static DEVICE_ATTR(first, 0400, start_show, NULL);
+static DEVICE_ATTR(size, 0444, size_show, NULL);
+static DEVICE_ATTR(count, S_IWUSR, NULL, count_store);
+static DEVICE_ATTR(level, MODE, level_show, NULL);
+module_param(level, int, 0644);
 int y;
""",
        """
@@ -1,3 +1,5 @@
 int x;
+static ssize_t id_show(struct device *dev, struct device_attribute *attr, char *buf)
+{
+	return sysfs_emit(buf, "%pUb of %p\\n", &id, dev);
+}
+static DEVICE_ATTR_RO(id);
+#define MY_ATTR(name) __ATTR(name, 0644, name##_show, NULL)
 int y;
""",
        """
@@ -1,3 +1,4 @@
 static DEVICE_ATTR(size, 0644, size_show, NULL);
+int z;
 int y;
""",
    ),
)
