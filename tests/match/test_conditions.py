"""Each condition of a row: where it holds, where it does not, and where it cannot know."""

from pathlib import Path

import pytest
from patchscan.context import Settings
from patchscan.match.asrule import rule_of
from patchscan.match.conditions import CONDITIONS
from patchscan.match.row import plain_of, row_of
from patchscan.scan import scan
from patchscan.series import Thread
from patchscan.testing import read_example


def answer(find: str, where: dict[str, str], text: str, frame: str = "", wake: str = "") -> str:
    """What a row makes of an example: "yes", "no", "unknown", or "nothing" where no pattern fits."""
    texts = dict.fromkeys(("name", "summary", "message", "why", "source"), "a-row")
    data = {
        **texts,
        "find": [find],
        "where": where,
        "frame": frame,
        "wake": wake,
        "bad": ["x"],
        "good": ["x"],
    }
    series = read_example(text)[0]
    report = scan(Thread((series,), (), ()), None, (rule_of(plain_of(row_of(data))),), Settings({}))
    assert report.problems == ()
    if report.findings:
        return "yes"
    if report.silences:
        return "no" if report.silences[0].checked else "unknown"
    return "nothing"


def body(*lines: str, head: str = "static int work(struct part *part)") -> str:
    """A new function."""
    return "\n".join([f"+{head}", "+{", *(f"+\t{line}" if line else "+" for line in lines), "+}"])


def in_file(path: str, text: str) -> str:
    return f">>> patch a: b\n>>> file {path}\n{text}"


USE = "use($X);"
TABLE = "+static const struct of_device_id ids[] = {\n+\t{ .name = 1 },\n+\t{ }%s\n+};"
DRIVER = "+static struct platform_driver d = {\n+\t.%s = {\n+\t\t.owner = THIS_MODULE,\n+\t},\n+};"
STRUCT = "+struct part {\n+\tunsigned int on:1;\n%s+};"
UNION = "+struct part {\n+\tunion {\n+\t\tvoid *a;\n+\t\t%s b;\n+\t};\n+};"
OF = "+static const struct of_device_id ids[] = {\n+\t{ }\n+};\n"
MATCH = "+static void *p = of_match_ptr(ids);\n+static int last;"
CALLBACK = "+static void release(struct rcu_head *head)\n+{\n+\t%s(part_of(head));\n+}\n+\n"
CALLBACK = CALLBACK.replace("part_of", "container_of")
LATE = body("call_rcu(&part->rcu, release);")
INIT = "+static int start(void)\n+{\n+\treturn register_it(&d);\n+}\n+\n%s"
EXIT = "+static void stop(void)\n+{\n+%s\tunregister_it(&d);\n+}\n+\n+module_exit(stop);"

CASES = [
    ("constant", USE, {"X": "constant"}, body("use(-EINVAL);"), body("use(level);")),
    ("text", USE, {"X": "text: a+"}, body("use(aa);"), body("use(ab);")),
    ("lacks", USE, {"X": "lacks: b"}, body("use(aa);"), body("use(ab);")),
    ("holds", USE, {"X": "holds: b"}, body("use(ab);"), body("use(aa);")),
    (
        "same-as",
        "use($X, $Y);",
        {"Y": "same-as: ${X}_show"},
        body("use(a, a_show);"),
        body("use(a, b_show);"),
    ),
    ("differs", "use($X, $Y);", {"Y": "differs: $X"}, body("use(a, b);"), body("use(a, a);")),
    ("below", USE, {"X": "below: 20"}, body("use(0x13);"), body("use(20);")),
    ("simple", USE, {"X": "simple"}, body("use(a->b[1]);"), body("use(next(a));")),
    ("one-line", USE, {"X": "one-line"}, body("use(a + b);"), body("use(a +", "    b);")),
    ("comparison", USE, {"X": "comparison"}, body("use((a < b) && !c);"), body("use(a & b);")),
    (
        "fits-a-test",
        "use($$$A);",
        {"A": "fits-a-test"},
        body("use(a, b);"),
        body(f"use({'a' * 40}, {'b' * 40});"),
    ),
    ("type", USE, {"X": "type: u\\d+"}, body("u32 a;", "", "use(a);"), body("int a;", "", "use(a);")),
    ("unsigned", USE, {"X": "unsigned"}, body("size_t a;", "", "use(a);"), body("ssize_t a;", "", "use(a);")),
    ("not-narrowed", USE, {"X": "not-narrowed"}, body("use(a);"), body("a >>= 12;", "use(a);")),
    (
        "not-narrowed",
        USE,
        {"X": "not-narrowed"},
        body("a = b * c;", "use(a);"),
        body("a = LEAST;", "use(a);"),
    ),
    (
        "not-narrowed",
        USE,
        {"X": "not-narrowed"},
        body("use(a);"),
        body("if (a > U32_MAX)", "\treturn 0;", "use(a);"),
    ),
    ("wide", USE, {"X": "wide"}, body("use((u64)a * 3);"), body("u32 a;", "", "use(a);")),
    ("local", USE, {"X": "local"}, body("int a;", "", "use(a);"), body("static int a;", "", "use(a);")),
    (
        "mentioned-nowhere-else",
        "$X = $Y; return $X;",
        {"X": "mentioned-nowhere-else"},
        body("int a;", "", "a = f();", "return a;"),
        body("int a;", "", "a = g();", "log(a);", "a = f();", "return a;"),
    ),
    (
        "written-before-read",
        "$X = $K",
        {"X": "written-before-read"},
        body("int a = 0;", "", "a = f();"),
        body("int a = 0;", "", "a += f();"),
    ),
    (
        "value",
        "set($X, 1);",
        {"X": "value: false"},
        body("bool a = false;", "", "set(a, 1);"),
        body("bool a = true;", "", "set(a, 1);"),
    ),
    (
        "first-mention",
        "if ($C) $X = true;",
        {"X": "first-mention"},
        body("bool a = false;", "", "if (c)", "\ta = true;"),
        body("bool a = false;", "", "log(a);", "if (c)", "\ta = true;"),
    ),
    (
        "untouched-before",
        "set(&$X, sizeof($X));",
        {"X": "untouched-before"},
        body("int a;", "", "set(&a, sizeof(a));"),
        body("int a;", "", "log(&a);", "set(&a, sizeof(a));"),
    ),
    (
        "written-once",
        "if ($C) $X = true;",
        {"X": "written-once"},
        body("bool a = false;", "", "if (c)", "\ta = true;", "log(a == b);"),
        body("bool a = false;", "", "if (c)", "\ta = true;", "a = b;"),
    ),
    (
        "tested-once",
        "if ($X) return $X; return 0;",
        {"X": "tested-once"},
        body("a = f();", "if (a)", "\treturn a;", "return 0;"),
        body("a = f();", "if (a)", "\treturn a;", "a = g();", "if (a)", "\treturn a;", "return 0;"),
    ),
    (
        "sysfs-show",
        USE,
        {"in": "sysfs-show"},
        body("use(1);", head="ssize_t a_show(struct device *d, struct device_attribute *a, char *b)"),
        body("use(1);"),
    ),
    (
        "its-buffer",
        USE,
        {"X": "its-buffer"},
        body("use(b);", head="ssize_t a_show(struct device *d, struct device_attribute *a, char *b)"),
        body("use(name);", head="ssize_t a_show(struct device *d, struct device_attribute *a, char *b)"),
    ),
    (
        "probe",
        USE,
        {"in": "probe"},
        body("use(1);", head="static int a_probe(struct i2c_client *client)"),
        body("use(1);", head="static int a_probe(struct part *part)"),
    ),
    (
        "end-of-void",
        "return;",
        {"in": "end-of-void"},
        body("use(1);", "return;", head="static void work(void)"),
        body("if (a)", "\treturn;", "use(1);", head="static void work(void)"),
    ),
    ("returns", USE, {"in": "returns: int"}, body("use(1);"), body("use(1);", head="static long work(void)")),
    (
        "own-type",
        USE,
        {"in": "own-type: int"},
        body("use(1);"),
        body("use(1);") + "\n+static const struct part_ops ops = { .work = work };",
    ),
    (
        "path",
        USE,
        {"in": "path: drivers/(?!gpio)"},
        in_file("drivers/a.c", body("use(1);")),
        in_file("drivers/gpio/a.c", body("use(1);")),
    ),
    ("function", USE, {"in": "function: w.*"}, body("use(1);"), body("use(1);", head="int other(void)")),
    ("function-lacks", USE, {"in": "function-lacks: lock"}, body("use(1);"), body("lock();", "use(1);")),
    (
        "first-parameter",
        USE,
        {"in": "first-parameter: struct part \\*"},
        body("use(1);"),
        body("use(1);", head="int work(int a, struct part *part)"),
    ),
    (
        "not-after-if",
        "if ($C) use(1);",
        {"in": "not-after-if"},
        body("if (a)", "\tuse(1);"),
        body("if (b)", "\ta();", "if (a)", "\tuse(1);"),
    ),
    (
        "not-in-else",
        "if ($C) { $$$A; return 1; } else { $$$B; }",
        {"in": "not-in-else"},
        body("if (a) {", "\tb();", "\treturn 1;", "} else {", "\tc();", "\td();", "}"),
        body("if (a) {", "\tb();", "\treturn 1;", "} else {", "\tc();", "}"),
    ),
    ("after-block", ";", {"in": "after-block"}, body("if (a) {", "\tb();", "};"), body("for (;;)", "\t;")),
    ("at-top-level", USE, {"in": "at-top-level"}, body("use(1);"), body("if (a)", "\tuse(1);")),
    ("standing-alone", "NAME", {"in": "standing-alone"}, body("use(NAME);"), body("use(NAME | OTHER);")),
    (
        "given-back",
        "-NAME",
        {"in": "given-back"},
        body("return a ? -NAME : 0;"),
        body("if (a == -NAME)", "\treturn 1;"),
    ),
    (
        "tested-or-kept-as-flag",
        "find($X)",
        {"in": "tested-or-kept-as-flag"},
        body("if (!(find(a)))", "\treturn 1;"),
        body("use(find(a));"),
    ),
    ("new-file", USE, {"in": "new-file"}, body("use(1);"), " int old;\n" + body("use(1);")),
    (
        "another-subsystem",
        "#include $H",
        {"H": "another-subsystem"},
        in_file("drivers/a/b.c", '+#include "../../sound/c.h"'),
        in_file("drivers/a/b/c.c", '+#include "../../a/c.h"'),
    ),
    (
        "file-holds",
        USE,
        {"X": "file-holds: \\bgo\\(${X}\\)"},
        "+go(a);\n" + body("use(a);"),
        "+go(b);\n" + body("use(a);"),
    ),
    (
        "begins-anew",
        "use($X, $Y);",
        {"in": "begins-anew"},
        body("use(a,", "\t    1);"),
        " static int work(struct part *part)\n {\n \tuse(a,\n+\t    use + 1);\n }",
    ),
    (
        "not-saved",
        USE,
        {"X": "not-saved"},
        body("b = c;", "use(a);"),
        body("b = a;", "use(a);"),
    ),
    (
        "file-lacks",
        USE,
        {"X": "file-lacks: \\bgo\\(${X}\\)"},
        "+go(b);\n" + body("use(a);"),
        "+go(a);\n" + body("use(a);"),
    ),
    (
        "function-holds",
        USE,
        {"in": "function-holds: \\bgo\\("},
        body("use(a);", "go(a);"),
        body("use(a);") + "\n" + body("go(a);"),
    ),
    (
        "initialiser-of",
        "{ }",
        {"in": "initialiser-of: .*of_device_id"},
        TABLE % "",
        "+static int a[] = { { } };\n+int b;",
    ),
    ("ends-list", "{ }", {"in": "ends-list"}, TABLE % ",", TABLE % ""),
    ("in-member", ".owner = THIS_MODULE", {"in": "in-member: driver"}, DRIVER % "driver", DRIVER % "other"),
    (
        "only-flag",
        "unsigned int $F:1;",
        {"in": "only-flag"},
        STRUCT % "",
        STRUCT % "+\tunsigned int off:1;\n",
    ),
    (
        "on-stack",
        "lend($B)",
        {"B": "on-stack"},
        "+static int work(void)\n+{\n+\tu8 a[2];\n+\n+\treturn lend(a);\n+}\n",
        "+static int work(void)\n+{\n+\tu8 *a = part->a;\n+\n+\treturn lend(a);\n+}\n",
    ),
    (
        "ends-struct",
        "u8 $N[0];",
        {"in": "ends-struct"},
        "+struct part {\n+\tint x;\n+\tu8 data[0];\n+};\n",
        "+struct part {\n+\tint x;\n+\tu8 data[0];\n+\tint y;\n+};\n",
    ),
    (
        "under-no-if",
        "of_match_ptr($T)",
        {"T": "under-no-if"},
        OF + MATCH,
        "+#ifdef A\n" + OF + "+#endif\n" + MATCH,
    ),
    (
        "declaration-lacks",
        "{ }",
        {"in": "declaration-lacks: = 2"},
        TABLE % "",
        (TABLE % "").replace("= 1", "= 2"),
    ),
    (
        "members-of-one-type",
        "union { $$$A; };",
        {"in": "members-of-one-type"},
        UNION % "void *",
        UNION % "long",
    ),
    (
        "body-only-frees",
        "call_rcu($R, $F)",
        {"F": "body-only-frees"},
        CALLBACK % "kfree" + LATE,
        CALLBACK % "put" + LATE,
    ),
    (
        "body-only-frees",
        "call_rcu($R, $F)",
        {"F": "body-only-frees"},
        CALLBACK % "kvfree" + LATE,
        (CALLBACK % "kvfree").replace("(head));", "(head)->block);") + LATE,
    ),
    (
        "exit-only-unregisters",
        "return register_it(&$D);",
        {"in": "exit-only-unregisters"},
        INIT % (EXIT % ""),
        INIT % (EXIT % "\tmore();\n+"),
    ),
]
FRAMES = {
    "written-before-read": "declarator",
    "after-block": "statements",
    "initialiser-of": "initialiser",
    "ends-list": "initialiser",
    "declaration-lacks": "initialiser",
    "in-member": "initialiser",
    "only-flag": "members",
    "ends-struct": "members",
    "members-of-one-type": "members",
    "another-subsystem": "file",
}


@pytest.mark.parametrize(("name", "find", "where", "yes", "no"), CASES, ids=[case[0] for case in CASES])
def test_where_it_holds_and_where_not(name: str, find: str, where: dict[str, str], yes: str, no: str) -> None:
    frame, wake = (
        FRAMES.get(name, ""),
        "." if name in ("initialiser-of", "ends-list", "declaration-lacks") else "",
    )
    wake = wake or ("." if find in (";", "$X = $K", "$X = $Y; return $X;") else "")
    found = [answer(find, where, text, frame, wake) for text in (yes, no)]
    # Old files are not even searched.
    assert found == ["yes", "nothing" if name == "new-file" else "no"]


UNKNOWN = [
    (USE, {"X": "type: int"}, " \tint b;\n+\tuse(part->level);\n \treturn 0;"),
    (USE, {"X": "unsigned"}, " \tint b;\n+\tuse(part->level);\n \treturn 0;"),
    (USE, {"X": "local"}, "@@ static int work(void)\n \tstep();\n+\tuse(a);\n \treturn 0;"),
    (USE, {"in": "function-lacks: lock"}, "@@ static int work(void)\n \tstep();\n+\tuse(1);\n \treturn 0;"),
    (USE, {"in": "probe"}, "@@ static int a_probe(void)\n \tstep();\n+\tuse(1);\n \treturn 0;"),
    (USE, {"in": "sysfs-show"}, "@@ static int work(void)\n \tstep();\n+\tuse(1);\n \treturn 0;"),
    ("call_rcu($R, $F)", {"F": "body-only-frees"}, LATE),
    ("if ($X) put($X);", {"X": "simple"}, "@@ static int work(void)\n \tstep();\n+\tif (a)\n+\t\tput(a);"),
]


@pytest.mark.parametrize(("find", "where", "text"), UNKNOWN)
def test_what_a_hunk_does_not_show_is_unknown(find: str, where: dict[str, str], text: str) -> None:
    assert answer(find, where, text) == "unknown"


def test_every_condition_is_tested() -> None:
    assert {case[0] for case in CASES} == set(CONDITIONS)


def test_a_program_that_runs_outside_the_kernel_is_no_matter_of_rows() -> None:
    assert answer(USE, {}, body("use(level);")) == "yes"
    assert answer(USE, {}, "+#include <stdio.h>\n" + body("use(level);")) == "nothing"


def test_the_manual_tells_every_condition() -> None:
    manual = (Path(__file__).parents[2] / "docs" / "writing-rules.rst").read_text()
    for name, condition in CONDITIONS.items():
        argument = ": ..." if condition.takes_argument else ""
        assert f"``{name}{argument}``\n   {condition.about}\n" in manual
