"""A macro whose argument or value binds otherwise where it is used, or that is several statements."""

import re
from collections.abc import Iterator

from patchscan.rule import ChangedFile, Context, Finding, Macro, Rule, Silence, pattern

# A body of more characters is none that somebody wrote.
LONGEST = 4000
DEFINE = pattern(r"^\s*#\s*define\s+\w+")
ENDED = pattern(r"\bwhile\s*\(\s*0\s*\)\s*;$")
# What stands beside a value and binds tighter than what the value may hold.
BEFORE = r"(?:<<|>>|[/%]|(?<=[\w)])\s?[+-]|(?:\b(?:0x[0-9a-fA-F]+|\d+)[UL]*|\))\s*\*)\s*"
BEHIND = r"\s*(?:<<|>>|[/%]|[+-](?![+>-])|\*\s*(?:0x[0-9a-fA-F]+|\d+|\())"
TOP = pattern(r"<<|>>|(?<=[\w)]) [+*/%|&^-] (?=[\w(])")
PLAIN = pattern(r"[\w\s()+*/%|&^<>~,.-]+")
CALLS_OR_SETS = pattern(
    r"\s*\(?\*?[a-z_]\w*(?:(?:->|\.)\w+|\[\w+\])*\)?\s*(?:[-+|&]?=[^=].*|\([^;{}]*\))\s*", re.DOTALL
)
BRACKET = pattern(r"[()\[\]{}]")
CAST = pattern(r"\((?:\w+\s*)+\**\)")
# The head of a loop has semicolons of its own, and its user gives it a body: no do { } while (0) holds it.
LOOPS = pattern(r"\b(?:for|while|\w*for_each\w*)\s*\(")
QUOTED = pattern(r"\"(?:[^\"\\]|\\.)*\"")


def check(context: Context) -> Iterator[Finding | Silence]:
    """The macros that the patch defines."""
    for file in context.c_files:
        if any(DEFINE.match(line.text) for line in file.added):
            for source in file.after:
                for macro in source.macros():
                    if macro.line in file.added_numbers and not file.was_there(macro.line):
                        yield from judge(file, macro)


def judge(file: ChangedFile, macro: Macro) -> Iterator[Finding]:
    """The first fault of one macro."""
    body = " ".join(QUOTED.sub('""', macro.body.replace("\\\n", " ")).split())
    if "#" in body or not 0 < len(body) <= LONGEST:
        return
    if ENDED.search(body):
        yield file.finding(
            macro.line,
            f"{macro.name}() ends in a semicolon, to which its user adds another: an else behind it does not compile",
        )
    elif (parts := statements(macro, body)) and len(parts) > 1:
        yield file.finding(
            macro.line,
            f"{macro.name}{'()' if macro.parameters is not None else ''} is {len(parts)} statements: below an if "
            "without braces only the first depends on it; do { } while (0) makes one of them",
        )
    elif (found := bare(macro, body)) is not None:
        yield file.finding(
            macro.line,
            f"{macro.name}() uses {found} without parentheses beside an operator, which of (a | b), or (a + b), takes "
            f"one part only; write ({found})",
            severity="info",
        )
    elif is_open(body):
        yield file.finding(
            macro.line,
            f"the value of {macro.name} has no parentheses around it: where it is used, an operator may bind tighter",
            severity="info",
        )


def statements(macro: Macro, body: str) -> list[str]:
    """The statements of a body that is nothing but calls and assignments; [] where it is something else.

    What calls its own argument again and again is a list, and what calls module_init() stands outside functions.
    """
    parts = [part.strip() for part in body.split(";") if part.strip()]
    if ";" not in body or any(mark in body for mark in "{}") or LOOPS.search(body):
        return []
    if not all(map(CALLS_OR_SETS.fullmatch, parts)):
        return []
    called = {part.partition("(")[0].strip() for part in parts}
    listed = not called.isdisjoint(macro.parameters or ()) or any(
        name.startswith("module_") for name in called
    )
    return [] if listed else parts


def bare(macro: Macro, body: str) -> str | None:
    """A parameter that stands beside an operator as it is, None where there is none."""
    for name in macro.parameters or ():
        if not name.isidentifier() or re.search(
            rf"\(\s*(?:const |struct )?{name}[\s*]*\)\s*[\w(&]|sizeof\(\s*{name}|struct {name}\b|\b{name}\s+\**\w",
            body,
        ):
            # A type is none of what operators join.
            continue
        for text in (rf"{BEFORE}\b{name}\b(?!\s*[(\[.]|->)", rf"(?<![.>&*\w])\b{name}\b{BEHIND}"):
            if re.search(text, body):
                return name
    return None


def is_open(body: str) -> bool:
    """Whether a body is an expression with an operator outside all parentheses."""
    flat, depth = [], 0
    if not PLAIN.fullmatch(body):
        return False
    for char in body:
        depth += (char == "(") - (char == ")")
        flat.append(char if not depth or char in "()" else "x")
    text = "".join(flat)
    return depth == 0 and TOP.search(text) is not None and not CAST.match(body)


RULE = Rule(
    name="macro-form",
    summary="A macro binds otherwise where it is used, or is several statements",
    why=(
        "The text of a macro stands where it is used: what its argument holds, and what is around it, meet its "
        "operators without a sign. Of several statements only the first belongs to an if above."
    ),
    source=(
        "Documentation/process/coding-style.rst section 12 (macros, enums and RTL); checkpatch "
        "MACRO_ARG_PRECEDENCE, COMPLEX_MACRO, MULTISTATEMENT_MACRO_USE_DO_WHILE, DO_WHILE_MACRO_WITH_TRAILING_SEMICOLON"
    ),
    severity="warning",
    confidence="high",
    check=check,
    by_file=True,
    wakes=("define",),
    bad=(
        """
+#define WALK_SIZE(depth) (depth * 4) // want "WALK_SIZE.. uses depth without parentheses beside an operator"
+#define WALK_BIT(n) (1 << n) // want "WALK_BIT.. uses n without"
+#define WALK_ALL WALK_FAST | WALK_SLOW // want "the value of WALK_ALL has no parentheses around it"
+#define WALK_BOTH(a, b) walk_on(a); walk_on(b) // want "WALK_BOTH.. is 2 statements"
+#define WALK_ONE(a) do { walk_on(a); } while (0); // want "ends in a semicolon"
+#define WALK_SUM(a, b) ((a) + b - 1) // want "uses b without"
""",
    ),
    good=(
        """
+#define WALK_SIZE(depth) ((depth) * 4)
+#define WALK_BIT(n) BIT(n)
+#define WALK_ALL (WALK_FAST | WALK_SLOW)
+#define WALK_LOW -1
+#define WALK_MEMBER(page) ((page)->deep + 1)
+#define WALK_BOTH(a, b) do { walk_on(a); walk_on(b); } while (0)
+#define WALK_NAME(a) walk_##a
+#define WALK_TYPE(type, name) ((type *)(name) + sizeof(type))
+#define WALK_CAST (u32)(WALK_LOW)
+#define walk_each(page, walk) for (page = (walk)->first; page; page = page->next)
+#define walk_steps(walk, page) for (walk_begin((walk), (page)); walk_get((walk), (page)); walk_next((page)))
+#define walk_all(walk, n) (n) = 0; for_each_walk((walk), (n))
+#define WALK_CALL(a, b) walk_on(a, b, -1)
+#define WALK_FLAGS(func) func(fast); func(slow);
+#define walk_driver(name) module_init(name); module_exit(name)
+#define DEFINE_WALK(name) static struct walk name; static int name(void)
""",
        """
 #define WALK_SIZE(depth) (depth * 4)
+#define WALK_TEXT "a" "b - c"
+#define WALK_LIST 1, 2, 3
+#define TRACE_INCLUDE_FILE walk-trace
+#define WALK_WORD unsigned int
+#define WALK_PATH(x) __attribute__((section(".a")))
""",
        """
-#define WALK_SIZE(depth) (depth * 4)
+#define WALK_SIZE(depth)  (depth * 4)
+int walk(int depth)
+{
+	return depth * 4;
+}
""",
    ),
)
