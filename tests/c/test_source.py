"""patchscan.c: functions, calls and conditions of C texts, whole and cut out of hunks."""

from patchscan.c.source import Function, Source, parse, parse_fragment


def only(text: bytes) -> Function:
    (function,) = parse(text).functions()
    assert not function.partial
    return function


def shown_controls(source: Source, function: Function, name: str) -> list[tuple[str, str, int]]:
    (call,) = [call for call in function.calls() if call.name == name]
    return [(control.kind, control.macro, control.line) for control in function.enclosing(call.node)]


def test_functions_and_their_lines() -> None:
    source = parse(
        b"""#include <linux/mm.h>
struct pool { int size; };
static int table[] = { 1, 2 };
static inline bool pool_empty(struct pool *p) { return !p->size; }

/* not_a_function() { */
static struct pool *
pool_new(gfp_t flags)
__acquires(&pool_lock)
{
	return NULL;
}
EXPORT_SYMBOL_GPL(pool_new);
""",
        "mm/pool.c",
    )
    assert [(f.name, f.first_line, f.last_line) for f in source.functions()] == [
        ("pool_empty", 4, 4),
        ("pool_new", 7, 12),
    ]
    found = source.function_at(10)
    assert found is not None and found.name == "pool_new"
    assert source.function_at(13) is None
    assert found.is_static and not found.is_inline
    assert [(e.symbol, e.macro, e.line) for e in source.exports()] == [("pool_new", "EXPORT_SYMBOL_GPL", 13)]
    assert not source.partial


def test_names_of_functions_that_macros_define() -> None:
    source = parse(
        b"""SYSCALL_DEFINE2(pool_resize, int, id, size_t, size)
{
	return resize(id, size);
}

DEFINE_IDTENTRY(exc_pool)
{
	handle(regs);
}

BPF_CALL_1(bpf_pool_size, struct pool *, p)
{
	return p->size;
}
"""
    )
    assert [f.name for f in source.functions()] == ["pool_resize", "exc_pool", "bpf_pool_size"]
    assert not source.partial
    assert [v.name for v in source.functions()[0].parameters] == ["id", "size"]


def test_what_looks_like_a_function_and_is_none() -> None:
    source = parse(
        b"""define_machine(pool) {
	.name = "pool",
};
struct pool_ops ops = POOL_OPS(1) {
};
enum { A, B };
static int (*handlers[])(void) = {
	f,
};
"""
    )
    assert [f.name for f in source.functions()] == []


def test_headers_chosen_by_the_preprocessor() -> None:
    source = parse(
        b"""#ifdef CONFIG_NUMA
static int pool_node(struct pool *p)
#else
static int pool_node(void)
#endif
{
	return 0;
}
"""
    )
    assert [f.name for f in source.functions()] == ["pool_node"]
    assert not source.partial


def test_macro_loops_and_guards_control_what_they_enclose() -> None:
    source = parse(
        b"""void drain(void)
{
	for_each_online_cpu(cpu)
		drain_one(cpu);
	scoped_guard(rcu) {
		if (ready(x))
			look(x);
		else
			skip(x);
	}
}
"""
    )
    (function,) = source.functions()
    assert not function.partial
    assert shown_controls(source, function, "drain_one") == [("for", "for_each_online_cpu", 3)]
    assert shown_controls(source, function, "look") == [("if", "", 6), ("guard", "scoped_guard", 5)]
    assert shown_controls(source, function, "skip") == [("else", "", 8), ("guard", "scoped_guard", 5)]
    assert shown_controls(source, function, "ready") == [("guard", "scoped_guard", 5)]


def test_nodes_speak_of_the_original_text() -> None:
    function = only(
        b"""int f(struct list_head *h)
{
	struct pool __rcu *p = container_of(h, struct pool, list), *q[2];
	DECLARE_BITMAP(seen, 64);
	static int count;

	return sum(p, 3);
}
"""
    )
    call = next(call for call in function.calls() if call.name == "container_of")
    assert [function.source.text_of(argument) for argument in call.arguments] == ["h", "struct pool", "list"]
    assert call.line == 3
    assert [(v.name, v.type, v.static) for v in function.locals] == [
        ("p", "struct pool *", False),
        ("q", "struct pool *[]", False),
        ("seen", "DECLARE_BITMAP []", False),
        ("count", "int", True),
    ]
    assert [(v.name, v.type) for v in function.parameters] == [("h", "struct list_head *")]


def test_offsets_of_a_function_cut_out_of_a_file_count_in_the_file() -> None:
    text = b"int a;\n\nvoid f(void)\n{\n\tg(1);\n}\n"
    source = parse(text, first_line=10)
    (call,) = source.functions()[0].calls()
    assert text[call.node.start_byte : call.node.end_byte] == b"g(1)"
    assert call.line == 14
    assert source.line_text(14) == "\tg(1);"


def test_branches_that_split_a_statement_are_read_by_the_first_one() -> None:
    function = only(
        b"""void f(void)
{
#ifdef CONFIG_SMP
	if (a) {
#else
	if (b) {
#endif
		g();
	}
}
"""
    )
    assert [call.name for call in function.calls()] == ["g"]


def test_text_that_is_no_c_is_partial_and_raises_nothing() -> None:
    source = parse(b"void f(void)\n{\n\tif ((x {\n}\n\xff\xfe(((\nint g(int a)\n{\n\treturn a;\n}\n")
    names = {f.name: f.partial for f in source.functions()}
    assert names["f"]


def test_macros() -> None:
    source = parse(
        b"""#define LIMIT 3 /* pages */
#define add(a, b) \\
	((a) + \\
	(b))
/* #define HIDDEN 1 */
#define NAME "a//b"
"""
    )
    assert [(m.name, m.parameters, m.body, m.line) for m in source.macros()] == [
        ("LIMIT", None, "3", 1),
        ("add", ("a", "b"), "((a) + (b))", 2),
        ("NAME", None, '"a//b"', 6),
    ]


def test_conditions() -> None:
    source = parse(
        b"""#ifndef _POOL_H
#define _POOL_H
#ifdef CONFIG_A
one
#elif defined(CONFIG_B)
two
#else
three
#ifndef CONFIG_C
four
#endif
#endif
five
#endif
"""
    )

    def shown(line: int) -> list[tuple[str, bool]]:
        return [(c.expression, c.negated) for c in source.conditions_at(line)]

    assert shown(4) == [("defined(CONFIG_A)", False)]
    assert shown(6) == [("defined(CONFIG_A)", True), ("defined(CONFIG_B)", False)]
    assert shown(8) == [("defined(CONFIG_A)", True), ("defined(CONFIG_B)", True)]
    assert shown(10) == [*shown(8), ("defined(CONFIG_C)", True)]
    assert shown(13) == []


def test_a_hunk_with_the_tail_of_one_function_and_the_head_of_another() -> None:
    lines = b"""		bar(x);
	} else {
		for_each_online_cpu(cpu)
			baz(cpu);
	}
	return 0;
}

static int next(void)
{
	if (x) {
		foo(a,""".split(b"\n")
    source = parse_fragment(lines, 100, b"static int first(int x)", "mm/a.c")
    assert not source.partial
    first, second = source.functions()
    assert (first.name, first.has_head, first.has_tail, first.first_line, first.last_line) == (
        "first",
        False,
        True,
        100,
        106,
    )
    assert (second.name, second.has_head, second.has_tail, second.first_line, second.last_line) == (
        "next",
        True,
        False,
        108,
        111,
    )
    assert [(c.name, c.line) for f in source.functions() for c in f.calls()] == [
        ("bar", 100),
        ("baz", 103),
        ("foo", 111),
    ]
    assert shown_controls(source, first, "baz")[0] == ("for", "for_each_online_cpu", 102)
