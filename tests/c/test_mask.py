"""patchscan.c.mask: kernel macros become C of the same length that parses to what they mean."""

import random

import pytest
from patchscan.c.branches import first_branches
from patchscan.c.lexical import without_comments
from patchscan.c.mask import mask
from patchscan.c.source import parse, parse_fragment
from patchscan.flow.flowstates import states

BODIES = [
    b"\tfor_each_possible_cpu(cpu)\n\t\tx += per_cpu(y, cpu);\n",
    b"\tlist_for_each_entry_safe(a, b, &head, list) {\n\t\tlist_del(&a->list);\n\t}\n",
    b"\tfor_class_range(c, 1) // counted\n\t\tx += c;\n",
    b"\tscoped_guard(rcu) x();\n",
    b"\tscoped_cond_guard (mutex_intr, return -EINTR, &lock) {\n\t\tx();\n\t}\n",
    b"\tguard(raw_spinlock_irqsave)(&lock);\n",
    b"\tx = kmalloc_array(3, sizeof(struct page *), GFP_KERNEL);\n",
    b"\tx = container_of(p,\n\t\t\t struct page,\n\t\t\t lru);\n",
    b"\tx = va_arg(ap, unsigned long);\n",
    b"\tx = alloc_percpu(struct pool);\n",
    b"\tx = check_op(a, <=, b) && same(bool, int);\n",
    b"\tx = offsetof(struct pool, list.next) + __alignof__(*p);\n",
    b"\ttypeof(*p) y = (typeof(*p))(z);\n",
    b'\tasm volatile goto("1: jmp %l[out]" ALTERNATIVE("a", "b", F(x)) : : : : out);\nout:\n\tx();\n',
    b"\tswitch (c) {\n\tcase 'a' ... 'f':\n\t\tx();\n\t\tfallthrough;\n\tdefault:\n\t\tbreak;\n\t}\n",
    b"\tstatic DEFINE_RATELIMIT_STATE(rs, 5 * HZ, 10);\n",
    b"\tstruct pool *p __free(kfree) = NULL;\n",
    b'\tprintk(KERN_WARNING pr_fmt("x: %d\\n"), 1);\n\tprintk(KERN_INFO BANNER);\n',
    b'\tx = sscanf(b, "%" __stringify(LEN) "s", n);\n',
    b"\tdo {\n\t\tx();\n\t} while_each_thread(leader, task);\n",
    b"\tDECLARE_BITMAP(seen, 8) = { 0 };\n",
    b"\tx = pick(a, /* nop */, b);\n",
    b"\tscoped_with_credentials()\n\t\tx();\n",
    b'\tregister unsigned long sp asm("r5") = x;\n',
    b"\tx = y /* for_each_cpu(a, b) { */ + 1;\n\tx = 'a' + \"guard(x) {\"[0];\n",
]


@pytest.mark.parametrize("body", BODIES)
def test_a_body_parses_cleanly_and_keeps_its_shape(body: bytes) -> None:
    text = b"int f(int cpu)\n{\n" + body + b"}\n"
    masked = mask(text)
    assert len(masked) == len(text)
    assert [len(line) for line in masked.split(b"\n")] == [len(line) for line in text.split(b"\n")]
    assert not parse(text).partial


@pytest.mark.parametrize(
    "header",
    [
        b"static __always_inline __printf(1, 2) void *f(const char *format, ...)",
        b"static __fastpath_inline\nstruct pool *f(struct pool __rcu **p)",
        b"STATIC_NOPV void f(void)",
        b"void __sched notrace f(void) __acquires(&lock)\n__releases(&other)",
        b"asmlinkage __visible unsigned long long __init f(void)",
        b"DEFINE_IDTENTRY_ERRORCODE(f)",
        b"SYSCALL_DEFINE0(f)",
        b"COMPAT_SYSCALL_DEFINE3(f, int, fd, compat_ulong_t __user *, mask, unsigned int, n)",
        b"static pgprot_t\nf(pgprot_t x)",
        b"__holds_disk(x)\nint f(struct pool *p)\n\t__holds_disk(x)",
        b"static int f(int a)\n#define LIMIT 3",
    ],
)
def test_a_header_parses_cleanly_and_names_its_function(header: bytes) -> None:
    text = header + b"\n{\n\tg();\n}\n"
    source = parse(text)
    assert [function.name for function in source.functions()] == ["f"]
    assert not source.partial
    assert len(mask(text)) == len(text)


def test_a_scoped_guard_keeps_its_call() -> None:
    (function,) = parse(b"void f(void)\n{\n\tscoped_guard(rcu) x();\n}\n").functions()
    assert [call.name for call in function.calls()] == ["x"]


def test_a_loop_macro_in_an_expression_is_left_alone() -> None:
    text = b"void f(void)\n{\n\tx = walk_for_each_page(p, q) + 1;\n\tnext_for_each(p);\n}\n"
    assert mask(text) == text


def test_comments_and_strings_become_blank_in_place() -> None:
    text = b'a = "x\\"/*" + \'"\'; /* b\n" */ c // d\ne'
    code = without_comments(text)
    assert code == b"a = \"     \" + ' ';     \n     c     \ne"


@pytest.mark.parametrize(
    ("text", "kept"),
    [
        (b"#if A\n1\n#else\n2\n#endif\n3", [b"1", b"3"]),
        (b"#if 0\n1\n#else\n2\n#endif\n3", [b"2", b"3"]),
        (b"#ifdef A\n1\n#elif B\n2\n#else\n4\n#endif", [b"1"]),
        (b"#ifdef A\n#if 0\n1\n#endif\n2\n#else\n#if 1\n3\n#endif\n#endif", [b"2"]),
        (b"#ifdef A\n1\n", [b"1"]),
    ],
)
def test_first_branches(text: bytes, kept: list[bytes]) -> None:
    shown = first_branches(text)
    assert shown.split() == kept
    assert len(shown) == len(text) and shown.count(b"\n") == text.count(b"\n")


def test_unbalanced_text_costs_no_more_than_its_length() -> None:
    text = b"void f(void)\n{\n" + b"\tcall(\n" * 20000
    assert len(mask(text)) == len(text)


def test_mutilated_text_keeps_its_shape_and_raises_nothing() -> None:
    chosen = random.Random(3)
    whole = b"".join(b"int f(int cpu)\n{\n" + body + b"}\n" for body in BODIES)
    pieces = [
        b"{",
        b"}",
        b"(",
        b")",
        b'"',
        b"'",
        b"/*",
        b"*/",
        b"\\\n",
        b"#if A\n",
        b"#endif\n",
        b"asm(\n",
        b"do ",
    ]
    for _ in range(300):
        start = chosen.randrange(len(whole))
        text = bytearray(whole[start : start + chosen.randrange(400)])
        for _ in range(chosen.randrange(8)):
            place = chosen.randrange(len(text) + 1)
            text[place : place + chosen.randrange(3)] = chosen.choice(pieces)
        masked = mask(bytes(text))
        assert [len(line) for line in masked.split(b"\n")] == [len(line) for line in bytes(text).split(b"\n")]
        for source in (parse(bytes(text)), parse_fragment(bytes(text).split(b"\n"), 7, b"int f(int a)")):
            for function in source.functions():
                assert function.first_line <= function.last_line
                states(function)
