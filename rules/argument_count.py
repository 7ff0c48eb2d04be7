"""A call gives more or fewer arguments than every declaration of the function takes."""

import posixpath
from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING

from patchscan.rule import (
    Call,
    ChangedFile,
    Context,
    Evidence,
    Finding,
    Function,
    Rule,
    Silence,
    Source,
    parse,
    pattern,
)

if TYPE_CHECKING:
    from patchscan.lookup.meaning import Form, Meaning

NAME = pattern(r"[a-z_]\w+")
# A macro among the arguments may stand for several.
MACRO = pattern(r"[A-Z_][A-Z0-9_]*|\w*ARGS\w*")
MOST_SHOWN = 4
# In how many files the calls of a changed function are read.
MOST_FILES = 40


def check(context: Context) -> Iterator[Finding | Silence]:
    """The added calls, and the calls elsewhere of functions whose parameters the patch changes."""
    for file in context.c_files:
        if file.path.endswith(".c") and file.adds("(", ")", ","):
            yield from added_calls(context, file)
        if file.used == "tree" and file.adds("(", ",") and file.removed:
            yield from callers(context, file)


def added_calls(context: Context, file: ChangedFile) -> Iterator[Finding | Silence]:
    """The calls on added lines of one file; the first of each name and count."""
    from patchscan.lookup.meaning import meaning_in

    meaning = meaning_in(context, file)
    calls = list(first_calls(file)) if meaning.text else []
    if not calls:
        return
    context.look_ahead({call.name for call, _ in calls})
    stood = calls_of_base(file)
    for call, line in calls:
        if (call.name, len(call.arguments)) in stood:
            continue
        count = len(call.arguments)
        fits = takes(count)
        if meaning.is_taken(call.name, fits):
            continue
        found = meaning.forms(call.name)
        wrong = bool(found) and not any(map(fits, found))
        if wrong and not meaning.may_change_function(call.name) and stand_for_one(meaning, file, call):
            yield finding(context, file, call, line, found)


def takes(count: int) -> "Callable[[Form], bool]":
    """Whether a declaration takes so many arguments."""
    return lambda form: form.takes.takes(count)


def calls_of_base(file: ChangedFile) -> frozenset[tuple[str, int]]:
    """The calls, name and count of arguments, by which the hunks of a file that does not apply show its own base."""
    if file.used != "hunk":
        return frozenset()
    functions = (function for source in file.before for function in source.functions())
    return frozenset((call.name, len(call.arguments)) for function in functions for call in function.calls())


def first_calls(file: ChangedFile) -> Iterator[tuple[Call, int]]:
    """The plain calls that the patch writes, with the line to speak of; the first of each name and count."""
    told: set[tuple[str, int]] = set()
    for function in file.functions:
        for call in function.calls() if not function.partial else ():
            key = call.name, len(call.arguments)
            line = call.line if call.line in file.added_numbers else further_line(file, function, call)
            if line and key not in told and is_plain(function, call):
                told.add(key)
                yield call, line


def further_line(file: ChangedFile, function: Function, call: Call) -> int:
    """The line behind the first one of a call at which the patch changes how many arguments it gives, 0 for none."""
    last = function.source.line_at(call.node.end_byte)
    line = next((each for each in range(call.line + 1, last + 1) if each in file.touched_numbers), 0)
    if not line or not call.name:
        return 0
    same = (
        other
        for source in file.before
        for each in source.functions()
        if each.name == function.name
        for other in each.calls()
        if other.name == call.name and len(other.arguments) == len(call.arguments)
    )
    return 0 if next(same, None) is not None else line


def is_plain(function: Function, call: Call) -> bool:
    """Whether a call is one of a named function, and no variable."""
    if not NAME.fullmatch(call.name) or call.node.has_error:
        return False
    return all(each.name != call.name for each in (*function.parameters, *function.locals))


def stand_for_one(meaning: "Meaning", file: ChangedFile, call: Call) -> bool:
    """Whether no argument of a call is a macro that may stand for several."""
    source = next(each for each in file.after if each.line_text(call.line))
    names = [source.text_of(node) for node in call.arguments]
    macros = [name for name in names if MACRO.fullmatch(name) and not name.islower() and name != "NULL"]
    return all(is_one(meaning, source, name) for name in dict.fromkeys(macros))


def is_one(meaning: "Meaning", source: Source, name: str) -> bool:
    """Whether a name in capitals stands for one argument: its #defines, here or in headers, hold no comma."""
    if "ARGS" in name:
        return False
    own = [macro for macro in source.macros() if macro.name == name]
    found = own or meaning.macros(name)
    return found is not None and all("," not in macro.body for macro in found)


def finding(context: Context, file: ChangedFile, call: Call, line: int, found: "tuple[Form, ...]") -> Finding:
    """What to say of one call at a line of it."""
    given, wanted = len(call.arguments), found[0].takes
    many = "few" if given < len(wanted.parameters) else "many"
    least = "at least " if wanted.variadic else ""
    said = file.finding(
        line,
        f"too {many} arguments to function '{call.name}': {given} given, but it takes {least}{len(wanted.parameters)} "
        f"({found[0].path}:{found[0].line})",
        tuple(Evidence(each.path, each.line, "") for each in found[:2]),
    )
    return context.claimed(said)


def callers(context: Context, file: ChangedFile) -> Iterator[Finding | Silence]:
    """The calls in other files that do not fit what the patch makes of a function."""
    from patchscan.lookup.forms import forms_in

    after, before = file.state.after or b"", file.state.before or b""
    removed = " ".join(line.text for line in file.removed)
    for function in file.functions:
        name = function.name
        if not NAME.fullmatch(name) or function.is_static or name not in removed:
            continue
        new, old = forms_in(after, file.path, name), forms_in(before, file.path, name)
        if not new or not old or len(new) != 1 or len(old) != 1 or new[0].conditional:
            continue
        if len(new[0].takes.parameters) != len(old[0].takes.parameters):
            stale = list(stale_calls(context, file, name, new[0], old[0]))
            if stale:
                paths = list(dict.fromkeys(each.path for each in stale))
                more = f" and {len(paths) - MOST_SHOWN} more" if len(paths) > MOST_SHOWN else ""
                yield file.finding(
                    function.name_line,
                    f"'{name}' takes {len(new[0].takes.parameters)} arguments now, but "
                    f"{', '.join(paths[:MOST_SHOWN])}{more} still gives it {len(old[0].takes.parameters)}",
                    tuple(stale[:MOST_SHOWN]),
                    severity="" if not context.not_claimed else "info",
                )


def is_nearest(path: str, definition: str, others: set[str]) -> bool:
    """Whether of the definitions of one name, as architectures have their own, a file calls this one."""
    together = shared_directories(path, definition)
    return all(shared_directories(path, other) < together for other in others)


def shared_directories(one: str, other: str) -> int:
    """How many directories from the top two files have in common."""
    return len(posixpath.commonpath((f"/{one}", f"/{other}")).split("/"))


def stale_calls(
    context: Context, file: ChangedFile, name: str, new: "Form", old: "Form"
) -> Iterator[Evidence]:
    """The calls in other files, as the patch leaves them, with as many arguments as before."""
    from patchscan.lookup.uses import find_uses

    unapplied = {other.path for other in context.not_applied}
    uses = find_uses(context.view, name, whole=False)
    apart = {use.path for use in uses.of_kind("definition") if use.path != file.path}
    calling = {use.path for use in uses.of_kind("call") if not use.via} - {file.path} - unapplied - apart
    paths = sorted(path for path in calling if is_nearest(path, file.path, apart))
    for path in paths[:MOST_FILES]:
        source = parse(context.view.read(path) or b"", path)
        lines = {use.line for use in uses.of_kind("call") if use.path == path}
        for function in source.functions():
            if (
                any(function.first_line <= line <= function.last_line for line in lines)
                and not function.partial
            ):
                for call in function.calls():
                    count = len(call.arguments)
                    fits = call.name != name or new.takes.takes(count) or not old.takes.takes(count)
                    if not fits and is_plain(function, call):
                        yield Evidence(path, call.line, source.line_text(call.line).strip())


RULE = Rule(
    name="argument-count",
    summary="A call has more or fewer arguments than the function takes",
    why=(
        "The file does not compile. It happens where a function gets a parameter and a caller in another directory is "
        "forgotten, or where the patch was written for another version of it."
    ),
    source="C11 6.5.2.2 paragraph 2; kernel test robot: too few arguments to function",
    severity="warning",
    confidence="high",
    check=check,
    by_file=True,
    by_effect=True,
    needs_tree=True,
    bad=(
        """
>>> tree include/linux/walk.h
int walk_begin(int from, int length, int by);
>>> patch mm: walk by one
>>> file mm/walk.c
 #include <linux/walk.h>
 int walk(int from)
 {
 	return walk_begin(from,
-			  from,
-			  1);
+			  from); // want "too few arguments to function 'walk_begin': 2 given, but it takes 3"
 }
""",
        """
>>> tree include/linux/walk.h
int walk_begin(int from, int length);
#define walk_twice(from, length) (walk_begin(from, length) + walk_begin(from, length))
int walk_print(const char *format, ...);
>>> patch mm: walk
>>> file mm/example.c
 #include <linux/walk.h>
 int example(int from)
 {
+	walk_print(); // want "too few arguments to function 'walk_print': 0 given, but it takes at least 1"
+	walk_twice(from, 2, 3); // want "too many arguments to function 'walk_twice': 3 given, but it takes 2"
-	return 0;
+	return walk_begin(from); // want "too few arguments to function 'walk_begin': 1 given"
 }
""",
        """
>>> tree net/other.c
int other(void)
{
	return walk_begin(1);
}
>>> tree include/linux/walk.h
int walk_begin(int from, int length);
>>> patch mm: walk so far
>>> file net/walk.c
-int walk_begin(int from)
+int walk_begin(int from, int length) // want "'walk_begin' takes 2 arguments now, but net/other.c still gives it 1"
 {
 	return from;
 }
""",
    ),
    good=(
        """
>>> tree include/linux/walk.h
int walk_begin(int from, int length, int by);
>>> patch mm: walk by one
>>> file mm/walk.c
 #include <linux/walk.h>
 int walk(int from)
 {
 	return walk_begin(from,
-			  from, from + 1,
-			  1);
+			  from, 1);
 }
 int walk_old(int from)
 {
 	return walk_begin(from,
-			  0);
+			  1);
 }
""",
        """
>>> tree arch/riscv/kernel/walk.c
int walk_begin(int from)
{
	return from;
}
>>> tree arch/riscv/kernel/other.c
int other(void)
{
	return walk_begin(1);
}
>>> patch mm: walk so far
>>> file arch/x86/kernel/walk.c
-int walk_begin(int from)
+int walk_begin(int from, int length)
 {
 	return from;
 }
""",
        """
>>> tree include/linux/walk.h
int walk_begin(int from, int length);
#ifdef CONFIG_FAST
#define walk_fast(from) 0
#else
int walk_fast(int from, int length);
#endif
void walk_print(const char *format, ...);
>>> patch mm: walk
>>> file mm/example.c
 #include <linux/walk.h>
 int example(int from, int (*walk_end)(int from))
 {
+	walk_fast(from);
+	walk_end(from);
+	walk_print("%d", from);
+	walk_begin(RANGE_ARGS);
 	return 0;
 }
""",
        """
>>> tree net/other.c
static int walk_begin(int from)
{
	return from;
}
int other(void)
{
	return walk_begin(1);
}
>>> patch mm: walk so far
>>> file net/walk.c
-int walk_begin(int from)
+int walk_begin(int from, int length)
 {
 	return from;
 }
""",
        """
>>> tree net/other.c
int other;
>>> patch mm: walk so far
>>> file net/walk.c
-int walk_begin(int from)
+int walk_begin(int from, int length)
 {
 	return from;
 }
 int walk(void)
 {
-	return walk_begin(1);
+	return walk_begin(1, 2);
 }
""",
        """
>>> tree include/linux/walk.h
int walk_begin(int from, int length);
>>> tree mm/example.c
#include <linux/walk.h>
int example(int from)
{
	return walk_begin(from, 1);
}
>>> patch mm: walk twice, of another base
>>> file mm/example.c
 int of_another_base(int from)
 {
 	walk_begin(from);
+	walk_begin(from + 1);
 	return 0;
 }
""",
    ),
)
