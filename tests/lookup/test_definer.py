"""Which header declares a function for all configurations."""

import pytest
from patchscan.lookup.definer import Definer, declaring_header
from patchscan.tree.overlay import View


@pytest.mark.parametrize(
    ("text", "declares"),
    [
        (b"int gather_flush(int start);\n", True),
        (b"int gather_flush(int start);\nGATHER_OR_NOT(int gather_begin(int start))\n", True),
        (
            b"#ifdef CONFIG_A\nint gather_flush(int start);\n#else\n"
            b"STUB(int gather_flush(int start))\n#endif\nint other;\n",
            False,
        ),
        (b"#define GATHER_LATER gather_flush\n", False),
    ],
)
def test_a_macro_may_make_a_stub_of_what_it_is_given(text: bytes, declares: bool) -> None:
    view = View(None, {"include/gather.h": text})
    found = declaring_header(view, "gather_flush", Definer("mm/gather.c", ("include/gather.h",)))
    assert found == ("include/gather.h" if declares else "")
