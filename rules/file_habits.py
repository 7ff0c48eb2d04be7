"""Layout that differs from what its file, or the files beside it, keep nearly everywhere."""

from collections.abc import Iterator, Sequence

from patchscan.basics.keep import kept as kept_on
from patchscan.c.habits import HABITS, Habit
from patchscan.c.samples import Sample, lines_near, lines_of
from patchscan.rule import ChangedFile, Context, Finding, Rule, Silence, Source, frozen, parse

# Files read beside a new one.
MOST_BESIDE = 5
LARGEST = 200_000


@frozen
class Breach:
    """A place where a habit is not kept; kept, all: how often it is elsewhere."""

    file: ChangedFile
    line: int
    habit: Habit
    kept: int
    all: int
    beside: bool


def check(context: Context) -> Iterator[Finding | Silence]:
    """One remark a patch: the habit that says most at all its places, told together, and what else there is."""
    found: list[Breach] = []
    for file in context.c_files:
        if file.added and file.change.kind in ("modify", "create"):
            found.extend(breaches(context, file))
    if not found:
        return
    found.sort(key=lambda each: HABITS.index(each.habit))
    first = found[0]
    others = list({each.habit.wish: each for each in found[1:] if each.habit != first.habit}.values())
    also = "".join(f"; also {each.habit.wish} ({place_of(each, first)})" for each in others[:3])
    evidence = tuple(each.file.evidence(each.line) for each in (first, *others[:3]))
    for line in broken(first.file, first.habit):
        yield first.file.finding(line, said_of(first) + (also if line == first.line else ""), evidence)


def said_of(breach: Breach) -> str:
    """The wish, and on what it rests."""
    if not breach.all:
        return f"in the kernel {breach.habit.wish}"
    where = "in the files beside this one" if breach.beside else "in this file"
    return f"{where} {breach.habit.wish} ({breach.kept} of {breach.all} places)"


def place_of(breach: Breach, first: Breach) -> str:
    """Where else."""
    line = breach.file.patch_line(breach.line)
    return f"line {line}" if breach.file is first.file else f"{breach.file.path}:{line}"


def breaches(context: Context, file: ChangedFile) -> Iterator[Breach]:
    """The first place in a file for each habit that is not kept on added lines."""
    learnt = file.state.before is not None or context.view.tree is not None
    for habit in HABITS:
        if not learnt and habit.everywhere > 1:
            continue
        if habit.sign is not None and not habit.sign.search(file.added_text):
            continue
        line = next(broken(file, habit), None)
        if line is None:
            continue
        texts, beside = models_for(context, file)
        kept, all_ = counted(texts, habit)
        # Files beside a new one are other people's: they count where there are many samples.
        enough = kept >= habit.fewest and (habit.beside and kept >= 2 * habit.fewest if beside else True)
        if enough and kept >= habit.share * all_:
            yield Breach(file, line, habit, kept, all_, beside)
        elif habit.everywhere <= 1 and kept >= habit.everywhere * all_:
            yield Breach(file, line, habit, 0, 0, beside)


def broken(file: ChangedFile, habit: Habit) -> Iterator[int]:
    """The added lines of a file that do not keep a habit; what only moved aside."""
    for source in file.after:
        for sample in habit.samples(lines_near(source, file.added_numbers)):
            if not sample.kept and is_new(file, sample):
                yield sample.line if sample.line in file.added_numbers else sample.with_line


def is_new(file: ChangedFile, sample: Sample) -> bool:
    """Whether the patch brought about what a sample shows."""
    lines = [line for line in {sample.line, sample.with_line} if line in file.added_numbers]
    return bool(lines) and not all(file.was_there(line) and file.text_at(line).strip() for line in lines)


def models_for(context: Context, file: ChangedFile) -> tuple[Sequence[Source], bool]:
    """The texts that habits are learnt from, and whether these are other files than the one changed."""
    if file.state.before is not None:
        return file.before, False
    tree = context.view.tree
    known = tree.read(file.path) if tree and file.change.kind == "modify" else None
    if known is not None:
        return (parse(known, file.path),), False
    if tree is None or file.change.kind != "create":
        return (), False
    directory, _, _ = file.path.rpartition("/")
    suffix = file.path[-2:]
    paths = [
        path for path in tree.files(directory, deep=False) if path.endswith(suffix) and path != file.path
    ]
    texts = [tree.read(path) for path in paths[: 4 * MOST_BESIDE]]
    return [parse(text) for text in texts if text and len(text) < LARGEST][:MOST_BESIDE], True


def counted(texts: Sequence[Source], habit: Habit) -> tuple[int, int]:
    """(kept, all) samples of a habit in some texts."""
    each = [counted_in(text, habit) for text in texts]
    return sum(kept for kept, _ in each), sum(number for _, number in each)


# The files of a directory ask the same files beside them.
@kept_on
def counted_in(text: Source, habit: Habit) -> tuple[int, int]:
    """(kept, all) samples of a habit in one text."""
    samples = [sample.kept for sample in habit.samples(lines_of(text))]
    return sum(samples), len(samples)


# A file of two dozen functions that are laid out alike, for the examples.
USUAL = "\n".join(
    f"""int walk_{number}(struct list *list)
{{
	struct list_head *entry;
	int count = {number};

	count = count_entries(list,
			      entry);
	return count;
}}
"""
    for number in range(24)
)
# The first of these functions, as a hunk has it above what it adds.
CONTEXT = "".join(f" {line}\n" for line in USUAL.split("\n")[:9]) + " "
WRAPPED = "\n".join(
    f"""int walk_{number}(struct list *list)
{{
	return count_the_entries_of_a_list(list->the_first_entry_of_the_list,
					   list->the_last_entry);
}}
"""
    for number in range(24)
)
RULE = Rule(
    name="file-habits",
    summary="Layout differs from what the file keeps nearly everywhere",
    why="A file that is laid out one way is read faster; reviewers of many subsystems ask for their way.",
    source=(
        "Documentation/process/coding-style.rst; Documentation/process/maintainer-netdev.rst and "
        'maintainer-tip.rst (order of locals, comments); reviews of "crypto: iaa" 2/4 (order of locals) and of '
        '"iio: adc" 1/8 (wrap this shorter), 2024 and 2025'
    ),
    severity="info",
    confidence="medium",
    check=check,
    bad=(
        f"""
>>> tree mm/example.c
{USUAL}
>>> patch mm: walk again
Walk again.
>>> file mm/example.c
{CONTEXT}
+int walk_again(struct list *list)
+{{
+	int count;
+	struct list_head *entry; // want "in this file locals go from the longest .* .24 of 24 places.; also the locals"
+	count = count_entries(list,
+		entry);
+	return count;
+}}
+
""",
        """
>>> patch mm: walk
Walk.
>>> file mm/new.c
+int walk(void)
+{
+	return 0;
+}
+
+ // want "^in the kernel one empty line is enough$"
+int walk_again(void)
+{
+	return 0;
+}
""",
        """
>>> tree mm/example.c
#include <linux/align.h>
#include <linux/bits.h>
#include <linux/cpu.h>
#include <linux/device.h>
#include <linux/err.h>
#include <linux/fs.h>
#include <linux/gfp.h>
#include <linux/of.h>
int x;
>>> patch mm: walk
Walk.
>>> file mm/example.c
 #include <linux/align.h>
 #include <linux/bits.h>
 #include <linux/cpu.h>
 #include <linux/device.h>
 #include <linux/err.h>
 #include <linux/fs.h>
 #include <linux/gfp.h>
 #include <linux/of.h>
+#include <linux/module.h> // want "headers stand in the order of their names .7 of 7"
 int x;
""",
        f"""
>>> tree mm/example.c
{WRAPPED}
>>> patch mm: walk again
Walk again.
>>> file mm/example.c
 int walk_0(struct list *list)
 {{
 	return count_the_entries_of_a_list(list->the_first_entry_of_the_list,
 					   list->the_last_entry);
 }}
 
+int walk_again(struct list *list)
+{{
+	return count_entries(list, // want "what fits on a line of 80 columns is not wrapped .24 of 24 places"
+			     NULL);
+}}
+
""",
        f"""
>>> tree mm/example.c
{USUAL}
>>> patch mm: walk again
Walk again.
>>> file mm/example.c
{CONTEXT}
+int walk_again(struct list* list) {{ // want "the brace of a function .*; also one blank stands .*; also the "
+	if(list) {{
+		count = 1;
+	}}
+	return count;
+}}
+
""",
        f"""
>>> tree mm/example.c
{USUAL}
>>> patch mm: walk again
Walk again.
>>> file mm/example.c
 int walk_0(struct list *list)
 {{
 	struct list_head *entry;
 	int count = 0;
 
+        if (list) return 0; // want "code is indented by tabs .*; also what is done under"
 	count = count_entries(list,
 			      entry);
 	return count;
 }}
 
""",
        """
>>> patch mm: walk
Walk.
>>> file mm/new.c
+int walk(int count)
+{
+	if (count)
+		count=0;
+
+	return step( count ,1) ; // want "behind a comma; also blanks .* .line 4.; also no blank stands inside"
+}
""",
    ),
    good=(
        f"""
>>> tree mm/example.c
{USUAL}
>>> patch mm: walk again
Walk again; the second local needs the first.
>>> file mm/example.c
{CONTEXT}
+int walk_again(struct list *list)
+{{
+	struct list *l = list;
+	struct list_head *entry = l->head;
+
+	return count_entries(l,
+			     entry);
+}}
+
""",
        """
>>> tree mm/example.c
int walk(void)
{
	int x;
	struct list_head *entry;
	return 0;
}
>>> patch mm: walk again
The file has no habit.
>>> file mm/example.c
 int walk(void)
 {
 	int x;
 	struct list_head *entry;
 	return 0;
 }
+
+int walk_again(void)
+{
+	int x;
+	struct list_head *entry;
+	return a_call_with_a_long_name(x, entry, and_another_argument, and_one_more_argument);
+}
""",
        """
>>> patch mm: walk
Walk.
>>> file mm/new.c
+#define walk_all(first,count) step((first),(count)<<1)
+static const struct walk *const walks[] = { [0] = {0,}, };
+static int walk(void * const *list, char a, const char *text /* or NULL */ )
+{
+	void *labels[] = { &&out, &&again };
+	int last = sizeof(int) * a;
+
+	for (;;) {
+		for ( ; a; )
+			a--;
+	}
+again:
+	asm volatile("mov %0,%1" : "=r" (a) : "r" (last));
+	/* if(a) b=c; */
+	if (a) {
+		last = 1;
+	}
+#ifdef CONFIG_WALK
+	else {
+		last = 2;
+	}
+#endif
+	pr_info("a,b if(x) c=d ( e ) ;\\n");
+	return a == '=' && last >= ',' || last <= (a = ~last);
+out:
+	return step(text , // the rest
+		    last);
+}
""",
        f"""
>>> tree mm/example.c
{USUAL}
>>> patch mm: walk again
Move what was there.
>>> file mm/example.c
-int old(void)
-{{
-	int x;
-	struct list_head *entry;
-}}
{CONTEXT}
+int old(void)
+{{
+	int x;
+	struct list_head *entry;
+}}
""",
    ),
)
