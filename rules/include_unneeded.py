"""A header is included of which nothing is used."""

from collections.abc import Iterator

from patchscan.rule import ChangedFile, Context, Finding, Rule, Silence, pattern

LINE = pattern(r"\s*#\s*include\s*<((?:linux|asm)/[^>]+)>")
# Who puts one header in the place of another leaves the question whether it is needed as it was.
REMOVED = pattern(r"\s*#\s*include\b")
MOST = 3


def check(context: Context) -> Iterator[Finding | Silence]:
    """One finding a file: the #include lines that a patch adds to it for nothing, as the series leaves it."""
    for file in context.c_files:
        if not file.adds("#include") or file.state.after is None or file.change.damaged:
            continue
        if any(REMOVED.match(line.text) for line in file.removed):
            continue
        added = {
            found[1]: number
            for number in sorted(file.added_numbers)
            if (found := LINE.match(file.text_at(number))) is not None and not file.was_there(number)
        }
        if added and context.has_tree and not context.not_claimed:
            yield from judged(context, file, added)


def judged(context: Context, file: ChangedFile, added: dict[str, int]) -> Iterator[Finding]:
    """The claim on the headers that a patch adds to one file; added: the line of each."""
    from patchscan.lookup.unneeded import unneeded_includes

    text = context.final.read(file.path)
    if text is None:
        return
    needless = [name for name in unneeded_includes(context.final, file.path, text) if name in added]
    if needless:
        names = ", ".join(f"<{name}>" for name in needless[:MOST])
        more = f" and {len(needless) - MOST} more" if len(needless) > MOST else ""
        declare = "declares: leave it out" if len(needless) == 1 else "declare: leave them out"
        message = f"nothing here uses what {names}{more} {declare}"
        fix = file.edited([(added[name], added[name], ()) for name in needless])
        yield context.claimed(file.finding(added[needless[0]], message, fix=fix))


RULE = Rule(
    name="include-unneeded",
    summary="A header is included of which nothing is used",
    why=(
        "Each #include makes a file depend on a header, is compiled each time, and tells the reader what to expect: "
        "the list that was copied from another driver tells him wrong."
    ),
    source="Documentation/process/submit-checklist.rst (1); reviews of drivers/iio and arch/x86/kernel/cpu/sgx, 2024",
    severity="info",
    confidence="high",
    check=check,
    bad=(
        """
>>> tree include/linux/delay.h
void msleep(unsigned int msecs);
>>> tree include/linux/gpio.h
#include <linux/delay.h>
int gpio_get(int number);
>>> patch iio: add a driver
Add it.
>>> file drivers/iio/part.c
+#include <linux/delay.h> // want "nothing here uses what <linux/delay.h> declares"
+#include <linux/gpio.h>
+int part_read(int delay)
+{
+	return gpio_get(delay);
+}
""",
        """
>>> tree include/linux/gpio/consumer.h
struct gpio_desc {
	int number;
};
int gpiod_get(struct gpio_desc *desc);
>>> tree arch/x86/include/asm/part.h
#define PART_SIZE 3
>>> patch x86: add a part
Add it.
>>> file arch/x86/kernel/part.c
+#include <linux/gpio/consumer.h> // want "uses what <linux/gpio/consumer.h>, <asm/part.h> declare: leave them out"
+#include <asm/part.h>
+int part_read(int desc)
+{
+	return desc;
+}
""",
    ),
    good=(
        """
>>> tree include/linux/lock_types.h
struct lock {
	int held;
};
>>> tree include/linux/lock.h
#include <linux/lock_types.h>
void lock(struct lock *lock);
>>> tree include/linux/kind.h
enum kind { KIND_A, KIND_B };
>>> tree include/linux/make.h
#define MAKE(name) int name##_made
>>> patch iio: add a driver
Add it.
>>> file drivers/iio/part.c
+#include <linux/kind.h>
+#include <linux/lock.h>
+#include <linux/make.h>
+static struct lock held;
+static int kind = KIND_B;
+MAKE(part);
+int name;
""",
        """
>>> tree include/linux/part.h
struct part {
	int size;
};
struct part *part_find(void);
>>> tree include/linux/driver.h
#include <linux/part.h>
struct driver {
	struct part *part;
};
>>> patch iio: add a driver
Add it.
>>> file drivers/iio/part.c
+#include <linux/driver.h>
+int part_size(void *data)
+{
+	return container(data)->part->size;
+}
>>> patch iio: use delays
Use them.
>>> file drivers/iio/other.c
+#include <linux/delay.h>
+int x;
""",
        """
>>> tree include/linux/delay.h
void msleep(unsigned int msecs);
>>> tree drivers/iio/part.c
#include <linux/delay.h>
int x;
>>> patch iio: add a variable
Add it.
>>> file drivers/iio/part.c
@@ -1,2 +1,3 @@
 #include <linux/delay.h>
 int x;
+int y;
""",
        """
>>> tree include/linux/delay.h
void msleep(unsigned int msecs);
>>> patch iio: prepare for delays
Prepare.
>>> file drivers/iio/part.c
+#include <linux/delay.h>
+int x;
>>> patch iio: use delays
Use them.
>>> file drivers/iio/part.c
@@ -1,2 +1,6 @@
 #include <linux/delay.h>
 int x;
+void part_wait(void)
+{
+	msleep(3);
+}
""",
    ),
    wakes=("include",),
)
