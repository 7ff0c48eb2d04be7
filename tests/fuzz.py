"""Mutated input for every reader, the same for a seed, and what must hold of the answers.

Run alone for the long run: `python -m tests.fuzz INPUTS SCANS [SEED]`.
"""

import json
import random
import re
import sys
from collections.abc import Callable
from functools import cache
from pathlib import Path

from patchscan.basics.orders import inert
from patchscan.basics.printable import printable
from patchscan.basics.usage import FORMATS
from patchscan.c.branches import branches
from patchscan.c.conditions import directives, exports, macros
from patchscan.c.kerneldoc import comments, declaration_after
from patchscan.c.source import parse, parse_fragment
from patchscan.codebase.conditionals import evaluate, plain_text
from patchscan.devicetree.dts import Unread, read_source
from patchscan.devicetree.yaml_text import Value, read_yaml
from patchscan.diff.apply import HunkFailure, apply_hunks
from patchscan.diff.read import read_diff
from patchscan.kbuild.makefile import read_makefile
from patchscan.kconfig.configured import read_defconfig
from patchscan.kconfig.demands import parse as parse_demands
from patchscan.kconfig.entries import ALWAYS, definitions_in, read_entries, statement_lines
from patchscan.lkmm.dialect.litmus_syntax import LitmusError
from patchscan.lkmm.dialect.parser import parse as parse_litmus
from patchscan.mail import read_messages
from patchscan.mail.mime import decode_header, unflow
from patchscan.mail.subject import parse_subject
from patchscan.mail.thread import read_thread
from patchscan.pairing.clauses import named_partners
from patchscan.report.markdown import escaped
from patchscan.report.render import documents
from patchscan.rule import Rule
from patchscan.scan import scan
from patchscan.settling.registry import load_rules
from patchscan.settling.remarks import answers
from patchscan.tree import Tree, open_tree
from patchscan.tree.maintainers import matches, section_patterns
from patchscan.tree.overlay import lay

ROOT = Path(__file__).parent.parent
TREE = ROOT / "fixtures" / "tree"
Reader = Callable[[bytes], object]
# What makes little sense without its beginning.
WHOLE = ("mail", "litmus", "settings")
TOKENS = [
    b"\n", b"\r\n", b"\r", b"\0", b"\xff\xfe", b"\xc2\x85", b"\xe2\x80\xa8", b"\xe2\x80\xae", b"\x1b[2J",
    b"\t", b" ", b"9" * 30, b"9" * 5000, b"-1", b"0x", b"1e9", b"(" * 40, b")" * 40, b"{" * 30, b"}" * 30,
    b"[" * 30, b"/*", b"*/", b"//", b'"', b"'", b"\\\n", b"\\", b"#if ", b"#if 0\n", b"#else\n",
    b"#endif\n", b"#define A(x, ...) x ## x\n", b"#elif defined(", b"&&", b"||", b"!", b"? :", b"; ;",
    b"else if (a) ", b"do {", b"} while (0)", b"switch (a) {", b"case 1 ... 5:", b"goto out;", b"out:",
    b"__attribute__((", b"asm volatile(", b"sizeof(", b"typeof(a) b = a;", b"struct a { struct b; };",
    b"EXPORT_SYMBOL_GPL(", b"static inline ", b"smp_mb();", b"/* pairs with */", b"/**\n * a - b\n",
    b"rcu_read_lock();", b"spin_lock(&a);", b"READ_ONCE(", b"on_each_cpu(f, NULL, 1);", b"mutex_lock(&m);",
    b"config A\n", b"\tselect B if C\n", b"\tdepends on ", b"if A\n", b"endif\n", b"\thelp\n",
    b"menu \"x\"\n", b"choice\n", b"source \"Kconfig\"\n", b"obj-$(CONFIG_A) += a.o b/\n", b"a-y := ",
    b"ifdef A\n", b"ifeq ($(A),y)\n", b"$(", b"%.o: %.c\n", b"exists ", b"forall (", b"P9(int *x) {",
    b"int *x;", b"1:r1=0", b"/\\", b"~", b"locations [x]", b"filter (", b"---\n", b"-- \n",
    b"--- a/x\n+++ b/x\n", b"diff --git a/x b/x\n", b"@@ -1,3 +1,4 @@", b"@@ -0,0 +1 @@\n",
    b"\\ No newline", b"rename from \"\\777\"\n", b"GIT binary patch\n", b"new file mode 120000\n",
    b"--- /dev/null\n", b"@@@ -1 -1 +1 @@@\n", b"[PATCH 0/3] ", b"Re: ", b"Subject: ",
    b"Fixes: 123456789abc (\"x\")\n", b"Signed-off-by: \n", b"=?utf-8?b?", b"?=", b"Date: \xff\n",
    b"In-Reply-To: <a>\n", b"References: <a> <b>\n", b"From ", b"From mboxrd@z Thu Jan  1 00:00:00 1970\n",
    b"\x1f\x8b\x08", b'Content-Type: multipart/mixed; boundary="x"\n', b"--x\n",
    b"Content-Type: message/rfc822\n\n", b"Content-Transfer-Encoding: base64\n",
    b"Content-Transfer-Encoding: quoted-printable\n",
    b'Content-Type: text/plain; charset="a\xffb"; format=flowed; delsp=yes\n', b"base-commit: 0\n",
    b"patchscan: ignore x: y\n", b"::error::x", b"##[error]", b"@a", b"https://x", b"F:\t*/**/[\n",
    b"&a *a", b"<<: *a\n", b"- |\n", b"!!python/object:a", b"? a\n: b\n", b"\n...\n---\n", b"};\n", b"= <", b">;",
    b"&{/a} {", b"/delete-node/ ", b"M:\t\n", b"<script>", b"[a](b)", b"commit 1234567\nAuthor: x\n",
]  # fmt: skip

SCHEMA = b"""\
%YAML 1.2
---
$id: http://devicetree.org/schemas/iio/acme,part.yaml#
title: A part
properties:
  compatible:
    items:
      - enum: [ "acme,part", 'acme,other' ]
      - const: acme,common
  acme,mode: &anchor
    description: |
      The mode.
    $ref: /schemas/types.yaml#/definitions/uint32
  acme,other: *anchor
required: [compatible]
additionalProperties: false
examples:
  - |
    sensor@48 {
        compatible = "acme,part", "acme,common";
        reg = <0x48>;
    };
"""
BOARD = b"""\
/dts-v1/;
#include "soc.dtsi"
/ {
\tmodel = "A board";
\tleds: leds@0 {
\t\tcompatible = "gpio-leds";
\t\treg = <0x0 (1 + 2) &leds>, <MACRO(1)>;
\t\tbytes = [00 ff];
#ifdef WIDE
\t\t/delete-property/ reg;
#endif
\t};
};
&leds { status = "okay"; };
"""


def mutated(data: bytes, chance: random.Random, others: list[bytes]) -> bytes:
    """The data with some pieces put in, taken out, doubled, moved or taken from another input."""
    text = bytearray(data)
    for _ in range(chance.choice((1, 1, 2, 3, 5, 10, 30))):
        at = chance.randrange(len(text) + 1)
        what = chance.random()
        if what < 0.45:
            text[at:at] = chance.choice(TOKENS)
        elif what < 0.65:
            del text[at : at + chance.choice((1, 2, 10, 200))]
        elif what < 0.75 and text:
            text[chance.randrange(len(text))] = chance.randrange(256)
        elif what < 0.85:
            source = chance.choice(others)
            start = chance.randrange(len(source) + 1)
            text[at:at] = source[start : start + chance.randrange(400)]
        elif what < 0.93:
            start = chance.randrange(len(text) + 1)
            text[at:at] = text[start : start + chance.randrange(200)] * chance.choice((1, 2, 8))
        else:
            lines = text.split(b"\n")
            chance.shuffle(lines[:40])
            text = bytearray(b"\n".join(lines[at % len(lines) :] + lines[: at % len(lines)]))
    return bytes(text[:20000])


def text_of(data: bytes) -> str:
    return data.decode("utf-8", "surrogateescape")


def read_mail(data: bytes) -> None:
    thread = read_thread(*read_messages(data, "fuzz"))
    assert thread.series or thread.replies or thread.problems
    for series in thread.series[:1]:
        lay(series, None)
        answers(thread, series)


def read_patch(data: bytes) -> None:
    files, _ = read_diff(text_of(data).split("\n"), "fuzz")
    for change in files:
        assert not any(ord(each) < 32 for each in change.path)
        for hunk in change.hunks:
            kinds = [line.kind for line in hunk.lines]
            assert len(kinds) - kinds.count("+") == hunk.old_count
            assert len(kinds) - kinds.count("-") == hunk.new_count
        try:
            apply_hunks(data, change.hunks)
        except HunkFailure as failure:
            assert "\n" not in str(failure)


def read_code(data: bytes) -> None:
    source = parse(data, "a.c")
    for function in source.functions():
        assert function.first_line >= 1
        list(function.calls())
    for comment in comments(source):
        declaration_after(source, comment)


def read_fragment(data: bytes) -> None:
    lines = data.split(b"\n")
    source = parse_fragment(lines, 10, lines[0], "a.c")
    for function in source.functions():
        list(function.calls())


def read_conditions(data: bytes) -> None:
    found = branches(data)
    for directive in tuple(directives(data, 1))[:5]:
        found.at_line(directive.line)
    list(macros(data, data, 1))
    list(exports(data, 1))
    plain_text(data)
    for line in text_of(data).split("\n")[:20]:
        evaluate(line, lambda symbol: len(symbol) % 2)


def read_kconfig(data: bytes) -> None:
    read_entries(statement_lines(data), ALWAYS)
    list(definitions_in(data))
    parse_demands(data)
    read_defconfig(text_of(data))


def read_make(data: bytes) -> None:
    read_makefile(lambda path: data if path.endswith("Makefile") else None, "mm")


def read_maintainers(data: bytes) -> None:
    for title in ("MEMORY MANAGEMENT", "x", ""):
        patterns = section_patterns(data, title)
        matches("mm/gup.c", patterns or ())


def read_schema(data: bytes) -> None:
    found = read_yaml(data)
    if isinstance(found, Value):
        assert all(1 <= each.line <= each.last <= data.count(b"\n") + 2 for each in found.below())
    else:
        assert "\n" not in found.why and found.line >= 1


def read_devicetree(data: bytes) -> None:
    found = read_source(data)
    for node in () if isinstance(found, Unread) else found:
        assert all(1 <= each.line <= each.last <= data.count(b"\n") + 1 for each in node.below())


def read_litmus(data: bytes) -> None:
    try:
        parse_litmus(text_of(data), "fuzz.litmus")
    except LitmusError as error:
        assert "\n" not in str(error)


def read_words(data: bytes) -> None:
    for line in text_of(data).split("\n")[:30]:
        parse_subject(line)
        decode_header(line)
        list(named_partners(line, "f"))
        shown = printable(line)
        assert shown.isprintable() or "\n" not in shown
        assert not inert(shown).lstrip().startswith("::")
        assert not re.search(r"(?<!\\)<script", re.sub(r"`[^`]*`", "", escaped(line)))
    unflow(text_of(data))


def read_settings(data: bytes) -> None:
    """As read_toml() does, without a file."""
    import tomllib

    try:
        tomllib.loads(data.decode())
    except (ValueError, RecursionError):
        return


READERS: dict[str, Reader] = {
    "mail": read_mail,
    "patch": read_patch,
    "code": read_code,
    "fragment": read_fragment,
    "conditions": read_conditions,
    "kconfig": read_kconfig,
    "make": read_make,
    "maintainers": read_maintainers,
    "schema": read_schema,
    "devicetree": read_devicetree,
    "litmus": read_litmus,
    "words": read_words,
    "settings": read_settings,
}


@cache
def seeds() -> dict[str, list[bytes]]:
    """What is mutated for each reader: the project's own fixtures."""

    def of(*patterns: str) -> list[bytes]:
        return [path.read_bytes() for each in patterns for path in sorted((ROOT / "fixtures").glob(each))]

    mails, code = of("series/*/*.mbox"), of("tree/mm/*.c", "tree/kernel/*.c", "tree/include/linux/*.h")
    return {
        "mail": mails,
        "patch": mails,
        "code": code,
        "fragment": [one[len(one) // 3 :] for one in code],
        "conditions": code,
        "kconfig": of("tree/**/Kconfig*"),
        "make": of("tree/**/Makefile", "tree/**/Kbuild"),
        "maintainers": of("tree/MAINTAINERS"),
        "schema": [SCHEMA],
        "devicetree": [BOARD],
        "litmus": of("litmus/**/*.litmus"),
        "words": mails,
        "settings": [
            b'ignore = ["a"]\nseverity = { a = "info" }\n\n[[for]]\npaths = ["mm/"]\nignore = ["b"]\n'
        ],
    }


@cache
def rules() -> tuple[Rule, ...]:
    return load_rules()[0]


@cache
def tree() -> Tree:
    return open_tree(str(TREE))


def read_one(number: int, seed: int) -> None:
    """One mutated input through one reader. Raises what the reader raises, with the way to see it again."""
    name = list(READERS)[number % len(READERS)]
    chance = random.Random(f"{seed} {number}")
    kept = seeds()
    whole = chance.choice(kept[name])
    start = 0 if name in WHOLE else chance.randrange(max(1, len(whole) - 1500))
    data = mutated(whole[start : start + 2500], chance, kept[chance.choice(list(kept))])
    try:
        READERS[name](data)
    except Exception as error:
        raise AssertionError(f"read_one({number}, {seed}): {name}: {data[:2000]!r}") from error


def scan_one(number: int, seed: int) -> None:
    """One mutated series through all rules and formats: no rule fails, nothing is said that is no text."""
    chance = random.Random(f"scan {seed} {number}")
    kept = seeds()
    data = mutated(chance.choice(kept["mail"]), chance, kept[chance.choice(("mail", "code"))])
    try:
        report = scan(read_thread(*read_messages(data, "fuzz")), tree() if number % 2 else None, rules())
        failed = [each for each in report.judged.lost if each.details]
        assert not failed, failed[0]
        for form in FORMATS:
            for _, text in documents(report, form, detail=1):
                if form == "fixups":
                    # A patch holds what it takes away, byte for byte.
                    text = "\n".join(line for line in text.split("\n") if line[:1] not in ("+", "-", " "))
                assert not any(each in text for each in "\x1b\u202e\0")
                if form in ("json", "sarif"):
                    json.loads(text)
    except Exception as error:
        raise AssertionError(f"scan_one({number}, {seed})") from error


def main(inputs: int, scans: int, seed: int) -> None:
    """The long run: every failure is printed and counted, none ends it."""
    import time
    import traceback

    failures, slowest = 0, (0.0, "")
    for what, count in ((read_one, inputs), (scan_one, scans)):
        for number in range(count):
            start = time.process_time()
            try:
                what(number, seed)
            except AssertionError as error:
                failures += 1
                traceback.print_exception(error.__cause__ or error, limit=-4)
                print(str(error)[:300], flush=True)
            slowest = max(slowest, (time.process_time() - start, f"{what.__name__}({number}, {seed})"))
            if number % 10000 == 9999:
                print(f"{what.__name__}: {number + 1}, {failures} failures", flush=True)
    print(f"{inputs} inputs, {scans} scans: {failures} failures; slowest {slowest[0]:.1f} s {slowest[1]}")


if __name__ == "__main__":
    main(int(sys.argv[1]), int(sys.argv[2]), int(sys.argv[3]) if len(sys.argv) > 3 else 0)
