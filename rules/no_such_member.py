"""An initialiser or an access names a member that the struct lacks, at least in some configuration."""

import re
from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING

from patchscan.c.initialisers import designators
from patchscan.rule import (
    ChangedFile,
    Condition,
    Context,
    Evidence,
    Finding,
    Rule,
    Silence,
    Source,
    Variable,
    frozen,
    parse,
    pattern,
)

if TYPE_CHECKING:
    from patchscan.basics.formula import Formula
    from patchscan.c.members import Member, Type
    from patchscan.kconfig.solve import Configuration

DESIGNATOR = pattern(r"^\s*\.\s*[A-Za-z_]\w*\s*(?:=|\.|\[)|[{,]\s*\.\s*[A-Za-z_]\w*\s*=")
ACCESS = pattern(r"\b([A-Za-z_]\w*)\s*(?:->|\.)\s*([A-Za-z_]\w*)")
# What takes the name of a member behind its first argument.
TAKES_MEMBER = pattern(
    r"container_of\w*|offsetof\w*|\w*_entry\w*|\w*for_each\w*|sizeof_field|struct_size\w*|flex_array_size|k\w*free_rcu\w*|"
    r"[A-Z][A-Z0-9_]*"
)
CALLED = pattern(r"(\w+)\s*$")
LINES_OF_CALL = 4
STRUCT_TYPE = pattern(r"(?:const |volatile )*struct (\w+)(?: const)?(?: \*)?")
EVERYWHERE = 100_000
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
    from patchscan.lookup.unapplied import text_of

    for file in context.c_files if context.has_tree else ():
        lines = [line.text for line in file.added]
        if not file.path.endswith(".c") or not any(
            DESIGNATOR.search(text) or ACCESS.search(text) for text in lines
        ):
            continue
        text = text_of(context, file)
        if text:
            yield from judge(context, file, parse(text, file.path))


def judge(context: Context, file: ChangedFile, source: Source) -> Iterator[Finding | Silence]:
    """What is to be said of the members that one file names; the first place of each."""
    from patchscan.lookup.closure import Closure
    from patchscan.lookup.types import find_type
    from patchscan.lookup.unapplied import may_bring_member

    told: set[tuple[str, str]] = set()
    lacked: dict[str, list[Lacked]] = {}
    beside: tuple[str, ...] | None = None
    for each in (*in_initialisers(file, source), *in_functions(file)):
        if (each.struct, each.member) in told:
            continue
        told.add((each.struct, each.member))
        if used_before(file, each):
            continue
        if beside is None:
            beside = Closure(context.view, file.path, source.text, "x86").beside()
        found = find_type(context.view, file.path, source.text, each.struct, beside)
        if found is not None and not may_bring_member(context, each.struct, each.member):
            path, kind = found
            members = kind.named(each.member)
            if not members:
                yield from say(context, file, source, each, path, kind, beside)
            elif configuration := lacking(context, file, source, each, members):
                conditions = " && ".join(one.expression for one in members[0].conditions)
                place = Evidence(path, members[0].line, each.member)
                lacked.setdefault(f"{each.struct} {conditions}", []).append(
                    Lacked(each, conditions, place, configuration)
                )
    for of_one_cause in lacked.values():
        yield only_where(file, of_one_cause)


def in_initialisers(file: ChangedFile, source: Source) -> Iterator[Named]:
    """The members that initialisers outside functions name on added lines."""
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
                if match[1] in structs:
                    yield Named(structs[match[1]], match[2], line)


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
    path: str,
    kind: "Type",
    beside: Sequence[str],
) -> Iterator[Finding | Silence]:
    """The finding, where the struct lacks the member in every configuration."""
    if is_macro(context, source, (path, *beside), each.member):
        yield file.fine(each.line, f"{each.member} is a macro")
    elif stands_under_unknown(source, each.line):
        yield file.unchecked(each.line, "whether this line is compiled hangs on more than options")
    elif kind.complete:
        said = f"'struct {each.struct}' has no member named '{each.member}' ({path}:{kind.line})"
        evidence = Evidence(path, kind.line, f"struct {each.struct}")
        yield context.claimed(file.finding(each.line, said, (evidence,)))
    else:
        yield file.unchecked(each.line, f"a macro may make members of struct {each.struct}")


def only_where(file: ChangedFile, lacked: Sequence[Lacked]) -> Finding:
    """The finding on the members of one struct that are not there without one condition."""
    first = lacked[0]
    telling = sorted(first.configuration.telling)
    options = ", ".join(f"CONFIG_{option}" for option in telling[:MOST_SHOWN]) or "no further option"
    others = " and others" if len(telling) > MOST_SHOWN else ""
    names = [f"'{each.named.member}'" for each in lacked]
    more = f" and {len(names) - MOST_SHOWN} more" if len(names) > MOST_SHOWN else ""
    has = "a member" if len(names) == 1 else "members"
    return file.finding(
        first.named.line,
        f"'struct {first.named.struct}' has {has} named {', '.join(names[:MOST_SHOWN])}{more} only where "
        f"{first.conditions} ({first.place.path}:{first.place.line}), but this is built without, too "
        f"({first.configuration.architecture} with {options}{others}): put the use under the same condition, or let "
        "Kconfig ask for the option",
        tuple(file.evidence(each.named.line) for each in lacked[1:MOST_SHOWN]),
    )


def stands_under_unknown(source: Source, line: int) -> bool:
    """Whether a line stands under #if 0, or a macro that is no option and that perhaps nobody defines."""
    from patchscan.lookup.edges import condition

    around = condition(source.conditions_at(line))
    return around is not None and (around.kind == "constant" or not around.plain)


def is_macro(context: Context, source: Source, own: Sequence[str], name: str) -> bool:
    """Whether the file, a header of its own, or a common one gives a name another meaning: d_lock is d_lockref.lock."""
    from patchscan.lookup.uses import files_holding

    define = re.compile(rb"#[ \t]*define[ \t]+%s\b" % re.escape(name.encode()))
    headers = [each for each in files_holding(context.view, name, most=EVERYWHERE)[0] if each.endswith(".h")]
    texts = (context.view.read(each) or b"" for each in headers if each in own or each.startswith("include/"))
    return define.search(source.text) is not None or any(define.search(text) for text in texts)


def lacking(
    context: Context, file: ChangedFile, source: Source, each: Named, members: "tuple[Member, ...]"
) -> "Configuration | None":
    """A configuration that builds the line and has no such member."""
    from patchscan.basics.formula import all_of, any_of, follows
    from patchscan.kbuild.built import built_exactly_when
    from patchscan.kconfig.solve import find_configuration
    from patchscan.lookup.unapplied import as_built
    from patchscan.lookup.used import formula_of

    def when(conditions: "tuple[Condition, ...]") -> "Formula":
        return all_of(formula_of(one.expression, one.negated) for one in conditions)

    there = any_of(when(one.conditions) for one in members)
    if not there.atoms or not there.plain:
        return None
    view = as_built(context)
    built = built_exactly_when(view, file.path)
    here = when(source.conditions_at(each.line))
    if built is None or not (built.plain and here.plain) or follows(there, built, here) is not False:
        return None
    return find_configuration(view, all_of((built, here)), there)


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
