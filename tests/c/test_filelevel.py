"""What a text declares outside functions."""

from patchscan.c.filelevel import statements


def test_an_attribute_before_a_declaration_is_no_call() -> None:
    text = (
        b'__printf(1, 2) int say(const char *fmt, ...);\n__section(".x") int size = 3;\n__setup("x", set);\n'
    )
    found = [(each.kind, each.name) for each in statements(text)]
    assert found == [("prototype", "say"), ("variable", "size"), ("call", "__setup")]
