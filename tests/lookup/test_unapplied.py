"""Headers whose hunks do not apply: what they add stands under the #if that it has in the hunk."""

from pathlib import Path

from patchscan.context import NO_SETTINGS, contexts
from patchscan.lookup.unapplied import as_built
from patchscan.tree import open_tree
from patchscan.tree.fit import place

from tests.diffs import change, patch, series

HEADER = """\
enum resource {
#ifdef CONFIG_SEV
	RESOURCE_SEV,
	RESOURCE_ES,
#endif
	RESOURCES
};

#ifdef CONFIG_GROUP
int charge(enum resource one);
#else /* !CONFIG_GROUP */
static inline int charge(enum resource one)
{
	return 0;
}
#endif /* CONFIG_GROUP */
"""


def built(tmp_path: Path, before: str, after: str) -> str:
    """The header of a tree as a patch builds it that was made for another release."""
    (tmp_path / "Makefile").write_text("VERSION = 6\nPATCHLEVEL = 12\nSUBLEVEL = 0\n")
    (tmp_path / "include").mkdir()
    (tmp_path / "include" / "group.h").write_text(HEADER)
    made = series(patch(1, change("include/group.h", before, after)))
    states, fit = place(made, open_tree(str(tmp_path)))
    (context,) = contexts(made, states, NO_SETTINGS, fit)
    assert context.files[0].used == "hunk"
    return (as_built(context).read("include/group.h") or b"").decode()


def test_an_endif_is_added_though_another_is_there(tmp_path: Path) -> None:
    before = "/* another release */\n\tRESOURCE_OLD,\n\tRESOURCE_ES,\n#endif\n\tOTHERS\n"
    after = before.replace("#endif\n", "#endif\n#ifdef CONFIG_SGX\n\tRESOURCE_SGX,\n#endif\n")
    text = built(tmp_path, before, after)
    assert "\tRESOURCE_ES,\n#endif\n#ifdef CONFIG_SGX\n\tRESOURCE_SGX,\n#endif\n\tRESOURCES\n" in text


def test_what_is_there_comes_without_its_conditional(tmp_path: Path) -> None:
    before = "/* another release */\nenum resource {\n\tRESOURCE_ES,\n\tOTHERS\n"
    after = before.replace("\tRESOURCE_ES,\n", "#ifdef CONFIG_SEV\n\tRESOURCE_SEV,\n#endif\n\tRESOURCE_ES,\n")
    assert built(tmp_path, before, after).rstrip("\n") == HEADER.rstrip("\n")


def test_half_a_conditional_is_left_out(tmp_path: Path) -> None:
    before = "/* another release */\nint charge(enum resource one);\nint other;\n"
    after = before.replace("int charge", "#ifdef CONFIG_NEW\nint uncharge(enum resource one);\nint charge")
    text = built(tmp_path, before, after)
    assert "int uncharge(enum resource one);\n" in text and "CONFIG_NEW" not in text
