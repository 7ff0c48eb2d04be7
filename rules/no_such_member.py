"""An initialiser or an access names a member that the struct lacks, at least in some configuration."""

import re
from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING

from patchscan.rule import (
    ChangedFile,
    Context,
    Evidence,
    Finding,
    Function,
    Rule,
    Silence,
    Source,
    Variable,
    frozen,
    parse,
    pattern,
)

if TYPE_CHECKING:
    from patchscan.lookup.lacking import Configuration
    from patchscan.lookup.meaning import Meaning

DESIGNATOR = pattern(r"^\s*\.\s*[A-Za-z_]\w*\s*(?:=|\.|\[)|[{,]\s*\.\s*[A-Za-z_]\w*\s*=")
ACCESS = pattern(r"\b([A-Za-z_]\w*)\s*(?:->|\.)\s*([A-Za-z_]\w*)(?!\w|\s*##)")
# What takes the name of a member behind its first argument.
TAKES_MEMBER = pattern(
    r"container_of\w*|offsetof\w*|\w*_entry\w*|\w*for_each\w*|sizeof_field|struct_size\w*|flex_array_size|k\w*free_rcu\w*|"
    r"[A-Z][A-Z0-9_]*"
)
CALLED = pattern(r"(\w+)\s*$")
LINES_OF_CALL = 4
STRUCT_TYPE = pattern(r"(?:const |volatile )*struct (\w+)(?: const)?(?: \*)?")
MOST_SHOWN = 4


@frozen
class Named:
    """A member that an added line names: the struct, the member, the line."""

    struct: str
    member: str
    line: int


@frozen
class Lacked:
    """A member that is there under a condition only: its place, and a configuration that lacks it."""

    named: Named
    conditions: str
    place: Evidence
    configuration: "Configuration"


def check(context: Context) -> Iterator[Finding | Silence]:
    """The members that added lines of C files name, in initialisers and by variables whose type is plain to see."""
    for file in context.c_files:
        lines = [line.text for line in file.added]
        if not file.path.endswith(".c") or not any(
            DESIGNATOR.search(text) or ACCESS.search(text) for text in lines
        ):
            continue
        from patchscan.lookup.meaning import meaning_in

        meaning = meaning_in(context, file)
        if meaning.text:
            yield from judge(context, file, meaning)


def judge(context: Context, file: ChangedFile, meaning: "Meaning") -> Iterator[Finding | Silence]:
    """What is to be said of the members that one file names; the first place of each."""
    from patchscan.lookup.lacking import is_dropped, lacking

    source = parse(meaning.text, file.path)
    told: set[tuple[str, str]] = set()
    lacked: dict[str, list[Lacked]] = {}
    for each in (*in_initialisers(file, source), *in_functions(file)):
        if (each.struct, each.member) in told:
            continue
        told.add((each.struct, each.member))
        if used_before(file, each):
            continue
        found = meaning.struct(each.struct)
        if found is not None and not meaning.may_bring_member(each.struct, each.member):
            path, kind = found
            members = kind.named(each.member)
            if not members and is_dropped(source, each.line, each.member):
                yield file.fine(each.line, f"a macro leaves {each.member} out")
            elif not members:
                place = Evidence(path, kind.line, f"struct {each.struct}")
                yield say(context, file, source, each, place, kind.complete, meaning.beside)
            elif stands_whole(file) and (configuration := lacking(context, source, each.line, members)):
                conditions = " && ".join(one.expression for one in members[0].conditions)
                place = Evidence(path, members[0].line, each.member)
                lacked.setdefault(f"{each.struct} {conditions}", []).append(
                    Lacked(each, conditions, place, configuration)
                )
    for of_one_cause in lacked.values():
        yield only_where(file, of_one_cause)


def stands_whole(file: ChangedFile) -> bool:
    """Whether the conditions around a line are known: those around a hunk that does not apply are not."""
    return file.state.after is not None or file.change.kind == "create"


def in_initialisers(file: ChangedFile, source: Source) -> Iterator[Named]:
    """The members that initialisers outside functions name on added lines."""
    from patchscan.c.initialisers import designators

    for each in designators(source, file.added_numbers):
        if each.line in file.added_numbers:
            yield Named(each.struct, each.member, each.line)


def in_functions(file: ChangedFile) -> Iterator[Named]:
    """The members that added lines name by a parameter or variable of a function."""
    for function in file.functions:
        if function.partial:
            continue
        structs: dict[str, str] | None = None
        for line in range(function.first_line, function.last_line + 1):
            if line not in file.added_numbers:
                continue
            code = file.code_at(line)
            for match in ACCESS.finditer(code) if "->" in code or "." in code else ():
                before = code[: match.start()]
                if before.rstrip().endswith((".", "->")) or stands_for_member(file, line, before):
                    continue
                structs = types_of(function.parameters + function.locals) if structs is None else structs
                if match[1] in structs and not is_parameter(function, line, match[2]):
                    yield Named(structs[match[1]], match[2], line)


def is_parameter(function: Function, line: int, member: str) -> bool:
    """Whether a line is part of a #define inside a function, and what it names as a member is a parameter of that."""
    return any(
        each.name == "define"
        and each.line <= line <= each.last_line
        and re.search(rf"\A[^(]*\([^)]*\b{member}\b", each.text)
        for each in function.source.directives
    )


def stands_for_member(file: ChangedFile, line: int, before: str) -> bool:
    """Whether what follows on a line names a member of another struct: container_of(vb, struct buffer, vb.queue)."""
    text = "".join((*(file.code_at(number) for number in range(max(1, line - LINES_OF_CALL), line)), before))
    depth = commas = 0
    for place in range(len(text) - 1, -1, -1):
        mark = text[place]
        depth += (mark == ")") - (mark == "(")
        commas += mark == "," and depth == 0
        if depth < 0:
            called = CALLED.search(text, 0, place)
            return called is not None and commas > 0 and TAKES_MEMBER.fullmatch(called[1]) is not None
        if mark in ";{}":
            return False
    return False


def types_of(variables: "tuple[Variable, ...]") -> dict[str, str]:
    """The struct of each variable that is one, or points to one; what is declared twice is left out."""
    found: dict[str, str] = {}
    twice = set()
    for each in variables:
        struct = STRUCT_TYPE.fullmatch(each.type)
        if each.name in found or each.name in twice:
            twice.add(each.name)
            found.pop(each.name, None)
        elif struct is not None:
            found[each.name] = struct[1]
    return found


def used_before(file: ChangedFile, each: Named) -> bool:
    """Whether the file named such a member before the patch."""
    old = file.state.before
    return (
        old is not None and re.search(rb"(?:\.|->)\s*%s\b" % re.escape(each.member.encode()), old) is not None
    )


def say(
    context: Context,
    file: ChangedFile,
    source: Source,
    each: Named,
    place: Evidence,
    complete: bool,
    beside: Sequence[str],
) -> Finding | Silence:
    """The finding, where the struct lacks the member in every configuration; place: of the struct."""
    from patchscan.lookup.lacking import is_macro, stands_under_unknown

    if is_macro(context.view, source, (place.path, *beside), each.member):
        return file.fine(each.line, f"{each.member} is a macro")
    if stands_under_unknown(source, each.line):
        return file.unchecked(each.line, "whether this line is compiled hangs on more than options")
    if not complete:
        return file.unchecked(each.line, f"a macro may make members of struct {each.struct}")
    said = f"'struct {each.struct}' has no member named '{each.member}' ({place.path}:{place.line})"
    return context.claimed(file.finding(each.line, said, (place,)))


def only_where(file: ChangedFile, lacked: Sequence[Lacked]) -> Finding:
    """The finding on the members of one struct that are not there without one condition."""
    first = lacked[0]
    names = [f"'{each.named.member}'" for each in lacked]
    more = f" and {len(names) - MOST_SHOWN} more" if len(names) > MOST_SHOWN else ""
    has = "a member" if len(names) == 1 else "members"
    return file.finding(
        first.named.line,
        f"'struct {first.named.struct}' has {has} named {', '.join(names[:MOST_SHOWN])}{more} only where "
        f"{first.conditions} ({first.place.path}:{first.place.line}), but this is built without, too "
        f"({first.configuration.shown(MOST_SHOWN)}): put the use under the same condition, or let "
        "Kconfig ask for the option",
        tuple(file.evidence(each.named.line) for each in lacked[1:MOST_SHOWN]),
    )


RULE = Rule(
    name="no-such-member",
    summary="A member is named that the struct lacks, at least in some configuration",
    why=(
        "The file does not compile. A member that stands under an #if is missing without that option, and the author "
        "had it on; one that went or was renamed is still in the patch's memory of an older kernel."
    ),
    source="C11 6.5.2.3 and 6.7.9; reports of the kernel test robot (has no member named)",
    severity="warning",
    confidence="high",
    check=check,
    by_file=True,
    needs_tree=True,
    bad=(
        """
>>> tree drivers/Makefile
obj-$(CONFIG_CLOCK) += clock.o
>>> tree drivers/Kconfig
config FAST
	bool "Fast"
config CLOCK
	tristate "Clock"
>>> tree include/linux/tick.h
struct tick_ops {
	int (*begin)(struct device *dev);
#if IS_ENABLED(CONFIG_FAST)
	int (*begin_fast)(struct device *dev);
#endif
	union {
		u32 word;
		struct { u16 low, high; };
	};
};
>>> patch clock: ticks
>>> file drivers/clock.c
 #include <linux/tick.h>
+static const struct tick_ops clock_ops = {
+	.begin = clock_begin,
+	.begin_fast = clock_begin, // want "has a member named 'begin_fast' only where .*with CONFIG_CLOCK"
+	.beginning = clock_begin, // want "'struct tick_ops' has no member named 'beginning'"
+	.high = 1,
+};
 static int clock_probe(struct tick_ops *ops)
 {
+	ops->low = 2;
+	if (ops->middle) // want "'struct tick_ops' has no member named 'middle'"
+		return 1;
 	return 0;
 }
""",
    ),
    good=(
        """
>>> tree drivers/Makefile
obj-$(CONFIG_CLOCK) += clock.o
>>> tree drivers/Kconfig
config FAST
	bool "Fast"
config CLOCK
	tristate "Clock"
>>> tree include/linux/tick.h
struct tick_ops {
#if IS_ENABLED(CONFIG_FAST)
	int fast;
#endif
	int slow;
};
>>> tree drivers/clock.c
#include <linux/tick.h>
static int clock_of_another_time(void)
{
	return 0;
}
>>> patch clock: ticks
>>> file drivers/clock.c
 static int clock_rate;
 
+#ifdef CONFIG_FAST
+static int clock_show(struct tick_ops *ops)
+{
+	return ops->fast;
+}
+#endif
 static int clock_probe(struct tick_ops *ops)
 {
 	return 0;
 }
""",
        """
>>> tree include/linux/walk.h
struct walk {
	int flags;
};
>>> patch net: walk
>>> file net/walk.c
 #include <linux/walk.h>
 static void walk_begin(struct walk *walk)
 {
+#ifdef WALK_FRAMES
+	walk->frame = 1;
+#endif
+#if 0
+	walk->old = 1;
+#endif
 }
""",
        """
>>> tree net/walk/walk.h
struct walk {
	struct step { int flags; } path[2];
};
>>> tree net/walk/single.h
#define w_flags path[0].flags
>>> patch net: walk
>>> file net/walk/walk.c
 #include "walk.h"
 #include "single.h"
 static void walk_begin(struct walk *walk)
 {
+	walk->w_flags = 1;
 }
""",
        """
>>> tree include/linux/queue.h
struct entry {
	int number;
};
>>> patch drivers: clock
>>> file drivers/clock.c
 #include <linux/queue.h>
+struct clock_entry {
+	struct outer { struct entry inner; } entry;
+};
 static struct clock_entry *to_clock(struct entry *entry)
 {
-	return (void *)entry;
+	return container_of(entry, struct clock_entry,
+			    entry.inner);
 }
""",
    ),
)
