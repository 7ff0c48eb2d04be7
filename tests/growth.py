"""Inputs that double, nest and repeat, over every reader: four times the input may cost five times the work.

`python -m tests.growth [NAME ...]` prints a table: reader, size, four times the size, and the ratio of the work, in CPU
seconds and in calls. A test may depend on calls only.
"""

import gc
import os
import sys
import tempfile
import time
from collections.abc import Callable
from functools import cache
from types import FrameType

from patchscan.context import Settings
from patchscan.devicetree.dts import read_source
from patchscan.devicetree.yaml_text import read_yaml
from patchscan.diff.read import read_diff
from patchscan.kconfig.demands import parse as parse_demands
from patchscan.kconfig.entries import ALWAYS, definitions_in, read_entries, statement_lines
from patchscan.lkmm.answers.running import Limits, run
from patchscan.lkmm.dialect.litmus_syntax import LitmusError
from patchscan.mail import read_messages
from patchscan.mail.archive import MailsOfMbox, threads_of
from patchscan.mail.thread import read_thread, read_threads
from patchscan.report.render import documents
from patchscan.rule import Rule
from patchscan.scan import scan
from patchscan.settling.baseline import read_baseline
from patchscan.settling.config import read_config
from patchscan.settling.registry import load_rules

from tests.fuzz import read_code, read_conditions, read_make
from tests.mails import DIFF, diff_for, mail, mbox

LETTER = "Count them.\n\nSigned-off-by: A Person <a@example.org>\n---\n"
Reader = Callable[[str], object]
RUNS = int(os.environ.get("GROWTH_RUNS", "3"))


@cache
def rules() -> tuple[Rule, ...]:
    return load_rules()[0]


def of_mail(text: str) -> object:
    return read_messages(text.encode("utf-8", "surrogateescape"), "growth")


def of_thread(text: str) -> object:
    return read_threads(*read_messages(text.encode(), "growth"))


def of_archive(text: str) -> object:
    with tempfile.TemporaryFile() as stream:
        stream.write(text.encode())
        stream.flush()
        return sum(1 for _ in threads_of(MailsOfMbox(stream, stream.tell(), "growth"), "growth"))


def of_scan(text: str) -> object:
    """All of a scan, with its report as text and as JSON."""
    report = scan(
        read_thread(*read_messages(text.encode(), "growth")), None, rules(), Settings({}, time_limit=0)
    )
    return [documents(report, form, 80, False, 1) for form in ("text", "json", "html")]


def of_kconfig(text: str) -> object:
    data = text.encode()
    return read_entries(statement_lines(data), ALWAYS), list(definitions_in(data)), parse_demands(data)


def of_diff(text: str) -> object:
    return read_diff(text.split("\n"), "growth")


def of_litmus(text: str) -> object:
    try:
        return run(text, "growth.litmus", limits=Limits(seconds=None))
    except LitmusError as error:
        return error


def of_file(read: Callable[[str], object]) -> Reader:
    """A reader of a file by its name."""

    def of_text(text: str) -> object:
        with tempfile.TemporaryDirectory() as directory:
            place = os.path.join(directory, "growth.toml")
            with open(place, "w", encoding="utf-8") as file:
                file.write(text)
            return read(place)

    return of_text


def of_bytes(read: Callable[[bytes], object]) -> Reader:
    return lambda text: read(text.encode())


def multipart(parts: int) -> str:
    part = "--x\nContent-Type: text/plain\n\nCount them.\n\n"
    head = 'MIME-Version: 1.0\nContent-Type: multipart/mixed; boundary="x"\n'
    return mail("[PATCH] mm: parts", part * parts + "--x--\n", headers=head)


def nested(depth: int) -> str:
    head = "".join(f'Content-Type: multipart/mixed; boundary="{n}"\n\n--{n}\n' for n in range(depth))
    return mail("[PATCH] mm: nested", head.partition("\n\n")[2], headers=head.partition("\n")[0] + "\n")


def encoded(lines: int) -> str:
    head = "MIME-Version: 1.0\nContent-Transfer-Encoding: quoted-printable\n"
    return mail("[PATCH] mm: quoted", "=C3=A4=3D a line that goes on=\n and on\n" * lines, headers=head)


def new_file(*lines: str, path: str = "mm/new.c") -> str:
    head = f"--- /dev/null\n+++ b/{path}\n@@ -0,0 +1,{len(lines)} @@\n"
    return mail("[PATCH] mm: add code", LETTER + head + "".join(f"+{line}\n" for line in lines))


def function(*body: str, name: str = "f") -> tuple[str, ...]:
    return (f"int {name}(int a)", "{", *(f"\t{line}" for line in body), "\treturn 0;", "}", "")


def each(count: int, *lines: str, backwards: bool = False) -> list[str]:
    """Lines again and again, with {k} the number of the time."""
    numbers = range(count)[:: -1 if backwards else 1]
    return [line.replace("{k}", str(number)) for number in numbers for line in lines]


def unwinding(count: int, *declared: str) -> tuple[str, ...]:
    """A function that gives back what it allocated where a later allocation fails."""
    return function(
        *declared,
        *each(count, "p{k} = kmalloc(a, GFP_KERNEL);", "if (!p{k})", "\tgoto out{k};"),
        "return 0;",
        *each(count, "\tkfree(p{k});", "out{k}:", backwards=True),
    )


def handlers(count: int) -> str:
    """Interrupt handlers of one file, and the function that registers them."""
    entry = "static irqreturn_t f{k}(int irq, void *data)"
    return new_file(
        *each(
            count, entry, "{", "\tspin_lock(&a{k});", "\tspin_unlock(&a{k});", "\treturn IRQ_HANDLED;", "}"
        ),
        *function(*each(count, "request_irq(a + {k}, f{k}, 0, NULL, b);")),
    )


def functions(count: int, *body: str) -> str:
    return new_file(*(line for n in range(count) for line in function(*body, name=f"f{n}")))


def hunks(count: int) -> str:
    hunk = "@@ -{0},3 +{0},4 @@ int f{0}(int a)\n \tint b;\n \tint c;\n+\tg(a);\n \tint d;\n"
    body = "".join(hunk.format(10 * n + 1) for n in range(count))
    return mail("[PATCH] mm: hunks", LETTER + "--- a/mm/a.c\n+++ b/mm/a.c\n" + body)


def tiny_hunks(count: int) -> str:
    """Hunks of one line that is replaced, each of which is a text of its own."""
    body = "".join(f"@@ -{3 * n + 1} +{3 * n + 1} @@\n-\tint a{n};\n+\tint b{n};\n" for n in range(count))
    return mail("[PATCH] mm: hunks", LETTER + "--- a/mm/a.c\n+++ b/mm/a.c\n" + body)


def renames(count: int) -> str:
    one = "diff --git a/mm/a{0}.c b/mm/b{0}.c\nsimilarity index 100%\nrename from mm/a{0}.c\nrename to mm/b{0}.c\n"
    return mail("[PATCH] mm: rename", LETTER + "".join(one.format(n) for n in range(count)))


def files(count: int) -> str:
    return mail("[PATCH] mm: files", LETTER + "".join(diff_for(f"mm/a{n}.c") for n in range(count)))


def series(count: int) -> str:
    mails = (
        mail(
            f"[PATCH {n}/{count}] mm: {n}",
            LETTER + diff_for(f"mm/a{n}.c"),
            f"{n}@x",
            ["1@x"] if n > 1 else (),
        )
        for n in range(1, count + 1)
    )
    return mbox(*mails).decode()


def patches_of_a_file(count: int) -> str:
    mails = []
    for n in range(1, count + 1):
        head = f"--- a/mm/a.c\n+++ b/mm/a.c\n@@ -{10 * n},3 +{10 * n},4 @@ int f{n}(int a)\n"
        hunk = head + " \tint b;\n \tint c;\n+\tg(a);\n \tint d;\n"
        mails.append(mail(f"[PATCH {n}/{count}] mm: {n}", LETTER + hunk, f"{n}@x", ["1@x"] if n > 1 else ()))
    return mbox(*mails).decode()


def archive(count: int) -> str:
    to = "To: l@example.org\n"
    return mbox(
        *(mail(f"[PATCH] mm: {n}", LETTER + DIFF, f"{n}@x", headers=to) for n in range(count))
    ).decode()


def chain_of_replies(count: int) -> str:
    mails = [mail("[PATCH] mm: count", LETTER + DIFF, "0@x")]
    mails += [mail("Re: [PATCH] mm: count", "> a\n\nb\n", f"{n}@x", [f"{n - 1}@x"]) for n in range(1, count)]
    return mbox(*mails).decode()


def litmus(*threads: str, exists: str = "x=5") -> str:
    bodies = "".join(
        f"P{n}(int *x, int *y, spinlock_t *l)\n{{\n{body}\n}}\n\n" for n, body in enumerate(threads)
    )
    return f"C growth\n\n{{}}\n\n{bodies}exists ({exists})\n"


SCHEMA = "Documentation/devicetree/bindings/iio/acme,part.yaml"


def schema(count: int) -> list[str]:
    """A schema of so many properties, with as many nodes in its example."""
    return [
        *("%YAML 1.2", "---", "title: Part", "properties:"),
        *each(count, "  acme,a{k}:", "    description: |", "      It is a.", "    maxItems: 1"),
        *("examples:", "  - |", "    / {"),
        *each(count, "        a_{k}@{k} {", "            acme,a{k};", "        };"),
        "    };",
    ]


def examples(count: int) -> list[str]:
    """A schema of one property with so many examples."""
    return [
        *("%YAML 1.2", "---", "title: Part", "properties:", "  reg:", "    maxItems: 1", "examples:"),
        *each(count, "  - |", "    a@{k} {", '        compatible = "acme,a{k}";', "    };"),
    ]


def board(count: int) -> list[str]:
    """A source of so many nodes, each with a fault."""
    return ["/ {", *each(count, "\ta_{k}@{k} {", "\t\treg = <0xA{k}>;", "\t};"), "};"]


def kconfig(*lines: str) -> str:
    return "config A\n\tbool\n" + "".join(f"\t{line}\n" for line in lines)


CASES: dict[str, tuple[Reader, Callable[[int], str], int]] = {
    "mail: headers": (of_mail, lambda n: mail("a", headers="".join(f"X-{k}: a\n" for k in range(n))), 2000),
    "mail: folded header": (of_mail, lambda n: mail("a" + "\n a" * n), 2000),
    "mail: encoded words": (of_mail, lambda n: mail("a" + "\n =?utf-8?q?=C3=A4?=" * n), 500),
    "mail: references": (of_mail, lambda n: mail("a", reply_to=[f"{k}@x" for k in range(n)]), 1000),
    "mail: recipients": (of_mail, lambda n: mail("a", headers="To: " + "a <a@x>, " * n + "\n"), 1000),
    "mail: parts": (of_mail, multipart, 200),
    "mail: nested parts": (of_mail, nested, 100),
    "mail: quoted-printable": (of_mail, encoded, 2000),
    "thread: series": (of_thread, series, 100),
    "thread: replies": (of_thread, chain_of_replies, 200),
    "thread: archive": (of_thread, archive, 100),
    "thread: large archive": (of_archive, archive, 100),
    "thread: one mail again": (
        of_thread,
        lambda n: mbox(mail("[PATCH] a", message_id="a@x")).decode() * n,
        100,
    ),
    "diff: hunks": (of_diff, hunks, 200),
    "diff: files": (of_diff, files, 100),
    "diff: renames": (of_diff, renames, 200),
    "scan: hunks": (of_scan, hunks, 60),
    "scan: tiny hunks": (of_scan, tiny_hunks, 250),
    "scan: files": (of_scan, files, 60),
    "scan: renames": (of_scan, renames, 250),
    "scan: patches": (of_scan, series, 25),
    "scan: patches of one file": (of_scan, patches_of_a_file, 150),
    "scan: functions": (of_scan, lambda n: functions(n, "g(a);"), 60),
    "scan: functions with locks": (
        of_scan,
        lambda n: functions(n, "spin_lock(&l);", "g(a);", "spin_unlock(&l);"),
        30,
    ),
    "scan: functions that allocate": (
        of_scan,
        lambda n: functions(n, "char *p = kmalloc(a, GFP_KERNEL);", "if (!p)", "\treturn 1;", "kfree(p);"),
        30,
    ),
    "code: else-if chain": (
        of_scan,
        lambda n: new_file(*function("if (a) {", *["} else if (a > 1) {", "\tg(a);"] * n, "}")),
        100,
    ),
    "code: else-if under a lock": (
        of_scan,
        lambda n: new_file(
            *function(
                "spin_lock(&l);", "if (a) {", *["} else if (a > 1) {", "\tg(a);"] * n, "}", "spin_unlock(&l);"
            )
        ),
        60,
    ),
    "code: nested calls": (of_scan, lambda n: new_file(*function("g(" * n + "a" + ")" * n + ";")), 100),
    "code: nested calls under a lock": (
        of_scan,
        lambda n: new_file(*function("spin_lock(&l);", "g(" * n + "a" + ")" * n + ";", "spin_unlock(&l);")),
        60,
    ),
    "code: parentheses": (
        of_scan,
        lambda n: new_file(*function("a = " + "(" * n + "a" + ")" * n + ";")),
        500,
    ),
    "code: condition": (
        of_scan,
        lambda n: new_file(*function("if (" + " && ".join(["g(a)"] * n) + ")", "\tg(a);")),
        125,
    ),
    "code: condition on values": (
        of_scan,
        lambda n: new_file(
            *function("if (" + " || ".join(f"a == {k}" for k in range(n)) + ")", "\treturn 1;")
        ),
        125,
    ),
    "code: blocks": (of_scan, lambda n: new_file(*function(*["{"] * n, "g(a);", *["}"] * n)), 100),
    "code: loops": (of_scan, lambda n: new_file(*function(*["while (a)"] * n, "\tg(a);")), 100),
    "code: ifs": (of_scan, lambda n: new_file(*function(*["if (a)", "\tg(a);"] * n)), 100),
    "code: labels": (
        of_scan,
        lambda n: new_file(*function(*[f"l{k}: if (a) goto l{k};" for k in range(n)])),
        60,
    ),
    "code: interrupt handlers": (of_scan, handlers, 100),
    "code: switch": (
        of_scan,
        lambda n: new_file(*function("switch (a) {", *(f"case {k}:\tg(a);\tbreak;" for k in range(n)), "}")),
        60,
    ),
    "code: switch with many names": (
        of_scan,
        lambda n: new_file(
            "enum e {",
            *(f"E{k}," for k in range(n)),
            "};",
            *function("switch (a) {", *(f"case E{k}:" for k in range(n)), "\tg(a);", "}"),
        ),
        600,
    ),
    "code: allocations given back in turn": (of_scan, lambda n: new_file(*unwinding(n)), 25),
    "code: steps undone by the opposites of their names": (
        of_scan,
        lambda n: new_file(
            *function(
                *each(n, "a{k}_start(a);", "if (g(a))", "\tgoto out{k};"),
                *each(n, "out{k}: a{k}_stop(a);", backwards=True),
            )
        ),
        25,
    ),
    "code: allocations of variables given back in turn": (
        of_scan,
        lambda n: new_file(*unwinding(n, *each(n, "char *p{k};"))),
        25,
    ),
    "code: allocations lost in turn": (
        of_scan,
        lambda n: new_file(
            *function(
                *each(n, "char *p{k};"),
                *each(n, "p{k} = kmalloc(a, GFP_KERNEL);", "if (!p{k})", "\treturn -ENOMEM;"),
            )
        ),
        25,
    ),
    "code: allocations of members": (
        of_scan,
        lambda n: new_file(
            *function(*each(n, "q->a{k} = kmalloc(a, GFP_KERNEL);", "if (!q->a{k})", "\treturn -ENOMEM;"))
        ),
        25,
    ),
    "code: masks": (
        of_scan,
        lambda n: new_file(
            *function(
                *each(
                    n,
                    *("if (!alloc_cpumask_var(&m{k}, GFP_KERNEL))", "\treturn -ENOMEM;"),
                    *("cpumask_set_cpu(a, m{k});", "free_cpumask_var(m{k});"),
                )
            )
        ),
        25,
    ),
    "code: copies from a user": (
        of_scan,
        lambda n: new_file(
            *function(
                *each(
                    n,
                    *("char *p{k} = memdup_user(a, b);", "if (IS_ERR(p{k}))", "\treturn PTR_ERR(p{k});"),
                    *('sscanf(p{k}, "a");', "kfree(p{k});"),
                )
            )
        ),
        25,
    ),
    "code: references in turn": (
        of_scan,
        lambda n: new_file(
            *function(
                *each(n, "struct device_node *n{k};"),
                *each(
                    n,
                    *('n{k} = of_find_node_by_name(NULL, "a");', "if (!n{k})", "\treturn -ENODEV;"),
                    *("g(n{k});", "of_node_put(n{k});"),
                ),
            )
        ),
        25,
    ),
    "code: loops with locks in turn": (
        of_scan,
        lambda n: new_file(
            *function(
                *each(
                    n,
                    *("for (i{k} = 0; i{k} < a; i{k}++) {", "mutex_lock(&l{k});"),
                    *("mutex_unlock(&l{k});", "}"),
                )
            )
        ),
        25,
    ),
    "code: locks one in the other": (
        of_scan,
        lambda n: new_file(
            *function(*each(n, "mutex_lock(&l{k});"), *each(n, "mutex_unlock(&l{k});", backwards=True))
        ),
        30,
    ),
    "code: locks in turn": (
        of_scan,
        lambda n: new_file(*function(*each(n, "mutex_lock(&l{k});", "g(a);", "mutex_unlock(&l{k});"))),
        30,
    ),
    "code: loops with locks": (
        of_scan,
        lambda n: new_file(
            *function(
                *each(n, "for (i{k} = 0; i{k} < a; i{k}++) {", "mutex_lock(&l{k});"),
                *each(n, "mutex_unlock(&l{k});", "}", backwards=True),
            )
        ),
        10,
    ),
    "code: cases that allocate": (
        of_scan,
        lambda n: new_file(
            *function(
                "switch (a) {",
                *each(n, "case {k}:", "p = kmalloc(a, GFP_KERNEL);", "if (!p)", "\treturn 1;", "break;"),
                "}",
                "kfree(p);",
            )
        ),
        20,
    ),
    "code: returns under a lock": (
        of_scan,
        lambda n: new_file(
            *function("mutex_lock(&l);", *each(n, "if (g({k}))", "\treturn -EINVAL;"), "mutex_unlock(&l);")
        ),
        40,
    ),
    "code: gotos to one label": (
        of_scan,
        lambda n: new_file(
            *function(
                "p = kmalloc(a, GFP_KERNEL);", *each(n, "if (g({k}))", "\tgoto out;"), "out:", "kfree(p);"
            )
        ),
        40,
    ),
    "code: bit fields": (
        of_scan,
        lambda n: new_file("struct s {", *each(n, "\tunsigned int b{k}:1;"), "};"),
        100,
    ),
    "code: statements": (of_scan, lambda n: new_file(*function(*["g(a);"] * n)), 100),
    "code: variables": (of_scan, lambda n: new_file(*function(*(f"int b{k} = a;" for k in range(n)))), 100),
    "code: initialiser": (of_scan, lambda n: new_file("int a[] = {", *["\t1,"] * n, "};"), 300),
    "code: members": (
        of_scan,
        lambda n: new_file("struct s {", *(f"\tint a{k};" for k in range(n)), "};"),
        200,
    ),
    "code: structs": (
        of_scan,
        lambda n: new_file(*(line for k in range(n) for line in (f"struct s{k} {{", f"\tvoid *a{k};", "};"))),
        60,
    ),
    "code: locks of structs": (
        of_scan,
        lambda n: new_file(
            *(
                line
                for k in range(n)
                for line in (
                    *(f"struct s{k} {{", f"\tstruct mutex a{k};", "};"),
                    *function(f"mutex_lock(&a->a{k});", name=f"f{k}"),
                )
            )
        ),
        30,
    ),
    "code: timestamps": (
        of_scan,
        lambda n: new_file(
            *("struct s {", "\tu16 b[8];", "};"),
            *(
                line
                for k in range(n)
                for line in function("iio_push_to_buffers_with_timestamp(a, s->b, t);", name=f"f{k}")
            ),
        ),
        30,
    ),
    "code: barriers with a comment": (
        of_scan,
        lambda n: new_file(*function(*["/* pairs with smp_rmb() in g() */ smp_wmb();"] * n)),
        40,
    ),
    "code: barriers without a comment": (
        of_scan,
        lambda n: new_file(*function(*(f"WRITE_ONCE(q->a{k}, 1); smp_wmb();" for k in range(n)))),
        40,
    ),
    "code: functions with barriers": (
        of_scan,
        lambda n: new_file(
            *each(
                n,
                *function("WRITE_ONCE(q->a{k}, 1);", "smp_wmb();", "WRITE_ONCE(q->b, 1);", name="f{k}"),
            )
        ),
        250,
    ),
    "code: variables of a file": (
        of_scan,
        lambda n: new_file(*(f"static int a{k} = {k};" for k in range(n))),
        600,
    ),
    "code: exports": (of_scan, lambda n: new_file(*(f"EXPORT_SYMBOL(a{k});" for k in range(n))), 100),
    "code: macros": (of_scan, lambda n: new_file(*(f"#define A{k}(x) A{k + 1}(x)" for k in range(n))), 200),
    "code: #if nesting": (
        of_scan,
        lambda n: new_file(*["#ifdef CONFIG_A"] * n, "int a;", *["#endif"] * n),
        100,
    ),
    "code: #elif chain": (
        of_scan,
        lambda n: new_file("#if A", *(f"#elif B{k}" for k in range(n)), "int a;", "#endif"),
        100,
    ),
    "code: comments": (of_scan, lambda n: new_file(*["/* a */"] * n), 300),
    "code: a long comment": (of_scan, lambda n: new_file("/*", *[" * a"] * n, " */"), 300),
    "code: kernel-doc": (
        of_scan,
        lambda n: new_file(
            "/**", " * f() - a", *(f" * @a{k}: a" for k in range(n)), " */", *function("g(a);")
        ),
        100,
    ),
    "code: unread": (of_bytes(read_code), lambda n: "{" * n + "f(" * n, 1000),
    "conditions": (of_bytes(read_conditions), lambda n: "#if A && (B || C)\n" * n + "#endif\n" * n, 200),
    "changelog": (of_scan, lambda n: mail("[PATCH] mm: a", "Count a b.\n" * n + LETTER + DIFF), 200),
    "trailers": (
        of_scan,
        lambda n: mail("[PATCH] mm: a", "A.\n\n" + "Cc: <a@x>\n" * n + LETTER[13:] + DIFF),
        200,
    ),
    "trailers of co-authors": (
        of_scan,
        lambda n: mail(
            "[PATCH] mm: a",
            "A.\n\n"
            + "".join(f"Co-developed-by: A{k} <a{k}@x>\nSigned-off-by: A{k} <a{k}@x>\n" for k in range(n))
            + LETTER[13:]
            + DIFF,
        ),
        100,
    ),
    "kconfig: formula": (
        of_kconfig,
        lambda n: kconfig("depends on " + " && ".join(f"B{k}" for k in range(n))),
        250,
    ),
    "kconfig: choice of many": (
        of_kconfig,
        lambda n: kconfig("depends on " + " || ".join(f"(B{k} && C{k})" for k in range(n))),
        100,
    ),
    "kconfig: continued": (of_kconfig, lambda n: kconfig("depends on A" + " && \\\n A" * n), 2000),
    "kconfig: selects": (of_kconfig, lambda n: kconfig(*(f"select A{k} if B{k}" for k in range(n))), 800),
    "kconfig: parentheses": (of_kconfig, lambda n: kconfig("depends on " + "(" * n + "B" + ")" * n), 100),
    "kconfig: entries": (
        of_kconfig,
        lambda n: "".join(f"config A{k}\n\tbool\n\tdepends on A{k + 1}\n\tselect B{k}\n\n" for k in range(n)),
        200,
    ),
    "kconfig: nested ifs": (of_kconfig, lambda n: "if A\n" * n + "config B\n\tbool\n" + "endif\n" * n, 100),
    "make: objects": (
        of_bytes(read_make),
        lambda n: "".join(f"obj-$(CONFIG_A{k}) += a{k}.o\n" for k in range(n)),
        200,
    ),
    "make: chain": (
        of_bytes(read_make),
        lambda n: "".join(f"a{k} := $(a{k + 1})\n" for k in range(n)) + "obj-y += $(a0)\n",
        100,
    ),
    "make: doubling": (
        of_bytes(read_make),
        lambda n: (
            "a0 := b.o\n"
            + "".join(f"a{k + 1} := $(a{k}) $(a{k})\n" for k in range(n))
            + f"obj-y += $(a{n})\n"
        ),
        20,
    ),
    "make: nested calls": (
        of_bytes(read_make),
        lambda n: "obj-y += " + "$(sort " * n + "a.o" + ")" * n + "\n",
        100,
    ),
    "yaml: properties": (
        of_bytes(read_yaml),
        lambda n: "a:\n" + "".join(f"  b{k}:\n    maxItems: 1\n" for k in range(n)),
        500,
    ),
    "yaml: flow": (of_bytes(read_yaml), lambda n: "a: [" + "b, " * n + "b]\n", 2000),
    "yaml: nested": (of_bytes(read_yaml), lambda n: "[" * n + "]" * n, 500),
    "yaml: anchors": (
        of_bytes(read_yaml),
        lambda n: "a0: &a0 b\n" + "".join(f"a{k + 1}: &a{k + 1} [*a{k}, *a{k}]\n" for k in range(n)),
        100,
    ),
    "devicetree: nodes": (
        of_bytes(read_source),
        lambda n: "/ {\n" + "".join(f"a@{k} {{ reg = <{k}>; }};\n" for k in range(n)) + "};\n",
        300,
    ),
    "devicetree: nested": (of_bytes(read_source), lambda n: "a {" * n + "};" * n, 15),
    "devicetree: unended": (of_bytes(read_source), lambda n: "a { b = <1" * n, 200),
    "devicetree: cells": (of_bytes(read_source), lambda n: "a { b = <" + "1 " * n + ">; };", 1000),
    "scan: schema": (of_scan, lambda n: new_file(*schema(n), path=SCHEMA), 60),
    "scan: examples of a schema": (of_scan, lambda n: new_file(*examples(n), path=SCHEMA), 60),
    "scan: devicetree": (of_scan, lambda n: new_file(*board(n), path="arch/arm/boot/dts/a.dts"), 60),
    "litmus: statements": (of_litmus, lambda n: litmus("\tWRITE_ONCE(*x, 1);\n" * n, exists="x=1"), 200),
    "litmus: sections of one thread": (
        of_litmus,
        lambda n: litmus("\tspin_lock(l);\n\tWRITE_ONCE(*x, 1);\n\tspin_unlock(l);\n" * n, exists="x=1"),
        30,
    ),
    "litmus: registers": (
        of_litmus,
        lambda n: litmus(
            "\tint r0 = READ_ONCE(*x);\n" + "".join(f"\tint r{k + 1} = r{k};\n" for k in range(n))
        ),
        50,
    ),
    "litmus: variables": (
        of_litmus,
        lambda n: (
            "C variables\n\n{}\n\nP0("
            + ", ".join(f"int *a{k}" for k in range(n))
            + ")\n{\n"
            + "".join(f"\tWRITE_ONCE(*a{k}, 1);\n" for k in range(n))
            + "}\n\nexists (a0=1)\n"
        ),
        200,
    ),
    "litmus: expression": (of_litmus, lambda n: litmus("\tWRITE_ONCE(*x, 1" + " + 1" * n + ");\n"), 100),
    "litmus: parentheses": (
        of_litmus,
        lambda n: litmus("\tWRITE_ONCE(*x, " + "(" * n + "1" + ")" * n + ");\n"),
        100,
    ),
    "litmus: nested ifs": (
        of_litmus,
        lambda n: litmus(
            "\tint r0 = READ_ONCE(*x);\n" + "\tif (r0) {\n" * n + "\tWRITE_ONCE(*y, 1);\n" + "\t}\n" * n
        ),
        25,
    ),
    "litmus: condition": (
        of_litmus,
        lambda n: litmus("\tWRITE_ONCE(*x, 1);\n", exists=" /\\ ".join(["x=1"] * n)),
        100,
    ),
    "config": (
        of_file(read_config),
        lambda n: "ignore = ['kernel-doc']\n" + "[[for]]\npaths = ['mm/']\nignore = ['kernel-doc']\n" * n,
        100,
    ),
    "baseline": (
        of_file(read_baseline),
        lambda n: "".join(f'[[known]]\nfingerprint = "{k:016x}"\nreason = "a"\n' for k in range(n)),
        250,
    ),
}


def calls(read: Reader, text: str) -> int:
    """The calls, of our functions and of others, that reading a text makes."""
    count = 0

    def note(frame: FrameType, event: str, argument: object) -> None:
        nonlocal count
        count += event in ("call", "c_call")

    before = sys.getprofile()
    sys.setprofile(note)
    try:
        read(text)
    finally:
        sys.setprofile(before)
    return count


def seconds(read: Reader, text: str) -> float:
    """CPU seconds, the least of some runs."""
    least = float("inf")
    for _ in range(RUNS):
        gc.collect()
        start = time.process_time()
        read(text)
        least = min(least, time.process_time() - start)
    return least


def main(names: list[str]) -> None:
    print(f"{'reader':32} {'n':>5} {'s':>7} {'4n':>5} {'s':>7} {'ratio':>6} {'calls':>6}")
    for name, (read, make, size) in CASES.items():
        if names and not any(each in name for each in names):
            continue
        read(make(3))
        small, large = (seconds(read, make(n)) for n in (size, 4 * size))
        few, many = (calls(read, make(n)) for n in (size, 4 * size))
        ratio, of_calls = large / small, many / few
        mark = " <-" if max(ratio, of_calls) > 5 and large > 0.05 else ""
        row = f"{name:32} {size:5} {small:7.3f} {4 * size:5} {large:7.3f} {ratio:6.1f} {of_calls:6.1f}{mark}"
        print(row, flush=True)


if __name__ == "__main__":
    main(sys.argv[1:])
