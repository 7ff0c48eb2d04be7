"""What a text declares outside functions."""

from patchscan.c.filelevel import outside_functions, statements, statements_naming


def test_an_attribute_before_a_declaration_is_no_call() -> None:
    text = (
        b'__printf(1, 2) int say(const char *fmt, ...);\n__section(".x") int size = 3;\n__setup("x", set);\n'
    )
    found = [(each.kind, each.name) for each in statements(text)]
    assert found == [("prototype", "say"), ("variable", "size"), ("call", "__setup")]


TEXT = b"""\
#include <linux/list.h>
#define walk(x) walk_one(x)
struct walk { int count; struct { int walk; } in; };
typedef struct walk walk_t;
enum { FIRST, SECOND };
static int (*walk_fn)(struct walk *walk);
static const struct ops ops = { .walk = walk_one, };
static int value = ({ int walk = 3; walk; });
extern int walk_one(struct walk *walk);
MODULE_LICENSE("GPL");
struct walk *walk_all(struct list *walk)
{
	static struct ops walk_ops = { .walk = walk_one };

	return walk_one(walk);
}
SYSCALL_DEFINE1(walk, int, count)
{
	return count;
}
static int (*walk_of(int count))(struct walk *walk)
{
	return value;
}
int table[] = { 1, 2 }, last = 3;
"""


def test_what_stands_outside_functions_is_read_alike_alone() -> None:
    every = statements(TEXT)
    assert [each.name for each in every if each.kind == "function"] == ["walk_all", "walk", "walk_of"]
    outside = [each for each in every if each.kind != "function"]
    assert outside and list(outside_functions(TEXT)) == outside


def test_the_statements_of_a_name_are_those_of_all() -> None:
    names = {each.name for each in statements(TEXT)} | {"count", "walk_ops", "struct", "list"}
    assert {"walk", "walk_one", "ops", "walk_of", "table"} <= names
    for name in names:
        found = list(statements_naming(TEXT, name))
        assert found == [each for each in statements(TEXT) if each.name == name], name
