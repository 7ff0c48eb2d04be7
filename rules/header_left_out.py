"""A file that includes what it uses lacks a header or two, and has them by way of others."""

from collections.abc import Iterator

from patchscan.rule import ChangedFile, Context, Finding, Rule, Silence, pattern

# What shows that a header is used. Each is small, and what it holds comes along with most others.
USES = {
    "linux/array_size.h": pattern(r"\bARRAY_SIZE\("),
    "linux/bitfield.h": pattern(r"\b(?:FIELD_(?:GET|PREP|FIT)|u32_get_bits|u32_encode_bits)\("),
    "linux/bits.h": pattern(r"\b(?:BIT|GENMASK|BIT_ULL|GENMASK_ULL)\("),
    "linux/cleanup.h": pattern(r"\b(?:scoped_guard|guard|__free)\("),
    "linux/container_of.h": pattern(r"\bcontainer_of(?:_const)?\("),
    "linux/delay.h": pattern(r"\b(?:msleep|usleep_range|fsleep|udelay|mdelay)\("),
    "linux/dev_printk.h": pattern(r"\bdev_(?:err|warn|info|dbg|err_probe|notice)\("),
    "linux/err.h": pattern(r"\b(?:IS_ERR|PTR_ERR|ERR_PTR|ERR_CAST|PTR_ERR_OR_ZERO|IS_ERR_OR_NULL)\("),
    "linux/math64.h": pattern(r"\b(?:div_[us]64(?:_rem)?|div64_[us]64)\("),
    "linux/minmax.h": pattern(r"\b(?:min|max|clamp|clamp_val|min_t|max_t)\("),
    "linux/mod_devicetable.h": pattern(r"\bstruct (?:of|i2c|spi|acpi|platform)_device_id\b"),
    "linux/mutex.h": pattern(r"\bstruct mutex\b|\bmutex_(?:un)?lock\("),
    "linux/property.h": pattern(
        r"\b(?:device|fwnode)_(?:property_read|property_present|get_match_data)\w*\("
    ),
    "linux/string_choices.h": pattern(
        r"\bstr_(?:on_off|yes_no|enable_disable|enabled_disabled|true_false)\("
    ),
    "linux/sysfs.h": pattern(r"\bsysfs_emit(?:_at)?\("),
    "linux/types.h": pattern(r"\b(?:[us](?:8|16|32|64)|bool|size_t|__[lb]e(?:16|32|64))\b"),
}
# Headers that are there to bring others along: whoever writes a driver has dev_err() by <linux/device.h>.
BRINGS = {
    "linux/bits.h": frozenset({"linux/bitops.h", "linux/bitmap.h"}),
    "linux/dev_printk.h": frozenset({"linux/device.h"}),
}
NONE: frozenset[str] = frozenset()
INCLUDE = pattern(r"\s*#\s*include\s*(?P<kind>[<\"])(?P<path>[^>\"]+)[>\"]")
# So many of them are included on purpose; without more than so many, the file keeps another way.
FEWEST = 5
MOST_LEFT_OUT = 2


def check(context: Context) -> Iterator[Finding | Silence]:
    """The headers that new C files leave out although they include most that they use."""
    if not context.has_tree:
        return
    for file in context.c_files:
        if file.change.kind == "create" and file.path.endswith(".c") and file.adds(*SIGNS):
            yield from of_file(context, file)


SIGNS = (
    "<linux/bits.h>",
    "<linux/err.h>",
    "<linux/types.h>",
    "<linux/mod_devicetable.h>",
    "<linux/array_size.h>",
)


def of_file(context: Context, file: ChangedFile) -> Iterator[Finding]:
    """One finding at the include behind which the first missing header belongs."""
    included: dict[str, int] = {}
    for line in file.added:
        found = INCLUDE.match(line.text) if line.new is not None else None
        if found and (found["kind"] == '"' or found["path"] == "linux/kernel.h"):
            return
        if found:
            included[found["path"]] = file.source_line(line.new or 0)
    code = "\n".join(source.code.decode("utf-8", "replace") for source in file.after)
    used = [path for path, sign in USES.items() if context.view.exists(path_of(path)) and sign.search(code)]
    missing = [path for path in used if path not in included and not BRINGS.get(path, NONE) & included.keys()]
    if missing and len(missing) <= MOST_LEFT_OUT and len(used) - len(missing) >= FEWEST:
        before = [path for path in included if path.startswith("linux/") and path < missing[0]]
        place = included[max(before)] if before else min(included.values())
        said = " and ".join(f"<{path}>" for path in missing)
        uses = " and ".join(USES[path].search(code)[0].rstrip("(") for path in missing)  # type: ignore[index]
        yield file.finding(place, f"this file includes what it uses, but not {said}, for {uses}")


def path_of(header: str) -> str:
    """Where a header stands in the tree."""
    return f"include/{header}"


RULE = Rule(
    name="header-left-out",
    summary="A file that includes what it uses lacks a header",
    why=(
        "What comes along with another header is gone when that one is tidied up; a file that names nearly all it uses "
        "is meant to name all."
    ),
    source="Documentation/process/submit-checklist.rst (include the file that declares what is used)",
    severity="info",
    confidence="high",
    check=check,
    by_file=True,
    needs_tree=True,
    wakes=SIGNS,
    bad=(
        """
>>> tree include/linux/bits.h
>>> tree include/linux/dev_printk.h
>>> tree include/linux/err.h
>>> tree include/linux/mutex.h
>>> tree include/linux/sysfs.h
>>> tree include/linux/types.h
>>> patch misc: add a driver
Add it.
>>> file drivers/misc/part.c
+#include <linux/bits.h>
+#include <linux/dev_printk.h> // want "but not <linux/err.h>, for IS_ERR"
+#include <linux/mutex.h>
+#include <linux/sysfs.h>
+#include <linux/types.h>
+static struct mutex lock;
+static ssize_t level_show(struct device *dev, struct device_attribute *attr, char *buf)
+{
+	u8 level = read_level(dev) & BIT(3);
+
+	if (IS_ERR(dev))
+		dev_err(dev, "no device\\n");
+	return sysfs_emit(buf, "%u\\n", level);
+}
""",
    ),
    good=(
        """
>>> tree include/linux/bits.h
>>> tree include/linux/dev_printk.h
>>> tree include/linux/err.h
>>> tree include/linux/mutex.h
>>> tree include/linux/sysfs.h
>>> tree include/linux/types.h
>>> patch misc: add a driver
Add it.
>>> file drivers/misc/part.c
+#include <linux/bitmap.h>
+#include <linux/device.h>
+#include <linux/err.h>
+#include <linux/mutex.h>
+#include <linux/sysfs.h>
+#include <linux/types.h>
+static struct mutex lock;
+static ssize_t level_show(struct device *dev, struct device_attribute *attr, char *buf)
+{
+	u8 level = read_level(dev) & BIT(3);
+
+	if (IS_ERR(dev))
+		dev_err(dev, "no device\\n");
+	return sysfs_emit(buf, "%u\\n", level);
+}
""",
        """
>>> tree include/linux/bits.h
>>> tree include/linux/err.h
>>> tree include/linux/types.h
>>> patch misc: add a driver
Add it.
>>> file drivers/misc/part.c
+#include <linux/bits.h>
+#include <linux/types.h>
+static u8 level(struct device *dev)
+{
+	return IS_ERR(dev) ? BIT(3) : 0;
+}
""",
        """
>>> tree include/linux/bits.h
>>> tree include/linux/dev_printk.h
>>> tree include/linux/err.h
>>> tree include/linux/mutex.h
>>> tree include/linux/sysfs.h
>>> tree include/linux/types.h
>>> patch misc: add a driver
Add it.
>>> file drivers/misc/part.c
+#include <linux/bits.h>
+#include <linux/dev_printk.h>
+#include <linux/mutex.h>
+#include <linux/sysfs.h>
+#include <linux/types.h>
+#include "part.h"
+static struct mutex lock;
+static ssize_t level_show(struct device *dev, struct device_attribute *attr, char *buf)
+{
+	u8 level = read_level(dev) & BIT(3);
+
+	if (IS_ERR(dev))
+		dev_err(dev, "no device\\n");
+	return sysfs_emit(buf, "%u\\n", level);
+}
""",
        """
>>> tree include/linux/bits.h
>>> tree include/linux/dev_printk.h
>>> tree include/linux/mutex.h
>>> tree include/linux/sysfs.h
>>> tree include/linux/types.h
>>> patch misc: add a driver
Add it.
>>> file drivers/misc/part.c
+#include <linux/bits.h>
+#include <linux/dev_printk.h>
+#include <linux/mutex.h>
+#include <linux/sysfs.h>
+#include <linux/types.h>
+static struct mutex lock;
+static ssize_t level_show(struct device *dev, struct device_attribute *attr, char *buf)
+{
+	u8 level = read_level(dev) & BIT(3);
+
+	if (IS_ERR(dev))
+		dev_err(dev, "no device\\n");
+	return sysfs_emit(buf, "%u\\n", level);
+}
""",
    ),
)
