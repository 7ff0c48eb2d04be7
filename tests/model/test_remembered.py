"""What is made once of code, and what is read of a file for it."""

import random

import pytest
from patchscan.c.lexical import closing
from patchscan.codebase.code import Codebase
from patchscan.codebase.conditionals import plain_text
from patchscan.codebase.file import File
from patchscan.codebase.remembered import Answers, Asked, Question, Remembered
from patchscan.kconfig.configured import Config


class Wanted(Asked):
    """Knows which names are wanted."""

    def __init__(self, *names: str) -> None:
        super().__init__()
        self.names = names

    def wants(self, name: str) -> bool:
        found = self._asked["wants", name] = name in self.names
        return found


def codebase(text: bytes) -> Codebase:
    return Codebase(lambda path: text if path == "a.c" else None, (), Config({}))


def test_what_is_asked_alike_is_made_once() -> None:
    made: list[str] = []
    remembered: Remembered[Wanted, int] = Remembered(10)

    def get(code: Codebase, *names: str) -> int:
        def make(wanted: Wanted) -> int:
            made.append("made")
            found = code.function("f", "a.c")
            assert found is not None
            return found.first_line if wanted.wants("x") else -1

        return remembered.get("key", code, lambda: Wanted(*names), make)

    code = codebase(b"int f(void)\n{\n}\n")
    assert [get(code), get(code, "y"), get(code, "y", "z")] == [-1, -1, -1] and len(made) == 1
    assert get(code, "x") == 1 and len(made) == 2
    # Other code that answers alike, code with the function elsewhere, and the first one again.
    assert get(codebase(b"int f(void)\n{\n}\nint g;\n"), "x") == 1 and len(made) == 2
    assert get(codebase(b"\nint f(void)\n{\n}\n"), "x") == 2 and len(made) == 3
    assert (get(code, "x"), get(code)) == (1, -1) and len(made) == 3


def test_what_is_taken_again_counts_as_asked() -> None:
    remembered: Remembered[Asked, bool] = Remembered(10)
    code = codebase(b"int f(void)\n{\n}\n")
    for other in (code, code, codebase(b"int f(void)\n{\n}\n")):
        with other.recording() as answers:
            remembered.get("key", other, Asked, lambda _, other=other: bool(other.function("f", "a.c")))  # type: ignore[misc]
        assert answers == {("function", "f", "a.c"): other.function("f", "a.c")}


def test_what_is_asked_aside_counts_unless_the_second_answers_for_it() -> None:
    """By default the code is the same only where all that it was asked is."""
    one, other = codebase(b"int f(void)\n{\n}\n"), codebase(b"\nint f(void)\n{\n}\n")

    def made(remembered: Remembered[Asked, int], code: Codebase) -> int:
        def make(_: Asked) -> int:
            found = code.aside(lambda: code.function("f", "a.c"))
            assert found is not None
            return found.first_line

        with code.recording(everything=True) as answers:
            line = remembered.get("key", code, Asked, make)
        assert answers == {("function", "f", "a.c"): code.function("f", "a.c")} or line == 1
        return line

    whole, part = Remembered[Asked, int](10), Remembered[Asked, int](10, everything=False)
    assert [made(whole, one), made(whole, other)] == [1, 2]
    assert [made(part, one), made(part, other)] == [1, 1]


@pytest.mark.parametrize(
    "text",
    [
        b"int f(void)\n{\n}\n",
        b"int g(void)\n{\n\tif (f(1)) {\n\t}\n}\nint f(int x)\n{\n}\n",
        b'int f(int x) __section("a;b")\n{\n}\n',
        b"#define f2 f;\nint\nf\n(int x\n#ifdef A\n, int y\n#define B ;\n#endif\n)\n{\n}\n",
        b"SYSCALL_DEFINE1(f, int, x)\n{\n}\n",
        b"static int (*f(int x))(int)\n{\n}\n",
        b"int f(int x) __attr((;))\n{\n}\n",
    ],
)
def test_a_function_is_found_where_one_is(text: bytes) -> None:
    assert File("a.c", text).has_function("f")


@pytest.mark.parametrize(
    "text",
    [
        b"int f(int x);\nint g(void)\n{\n\treturn f(1);\n}\n",
        b"int g(void)\n{\n\tif (f(1)) {\n\t} else if (a && f(2)) {\n\t}\n\twhile (f(3)) {\n\t}\n}\n",
        b"int g(void)\n{\n\tint f = 1;\n\tif (f) {\n\t\tff(1);\n\t}\n}\n",
        b"#define f(x) do { g(x); } while (0)\n",
    ],
)
def test_a_file_that_only_calls_one_is_not_read(text: bytes) -> None:
    file = File("a.c", text)
    assert not file.has_function("f") and "functions" not in vars(file)
    assert "f" not in file.functions


def test_a_bracket_closes_alike_near_and_far() -> None:
    chosen = random.Random(3)
    for size in (10, 300, 2000):
        for _ in range(20):
            code = bytes(chosen.choice(b"(){}[] a") for _ in range(size))
            opened: list[int] = []
            pairs: dict[int, int] = {}
            for offset, byte in enumerate(code):
                if byte in b"([{":
                    opened.append(offset)
                elif byte in b")]}" and opened:
                    pairs[opened.pop()] = offset
            assert [closing(code, place) for place in range(size + 1)] == [
                pairs.get(place - 1, -1) for place in range(size + 1)
            ]
    assert closing(b"(" + b"(a)" * 1000 + b")", 1) == 3001


def test_a_structure_is_found_where_its_word_begins() -> None:
    file = File(
        "a.c", b"mystruct b { int y; };\nunion\nc\n{ int u; };\nstruct a { int x; };\nstruct a { int z; };\n"
    )
    assert file.members("b") is None and file.members("c") == {"u": "int"}
    assert file.members("a") == {"x": "int"}


def test_what_a_file_includes_is_what_a_compiler_sees() -> None:
    text = b'/*\n#include <no.h>\n*/\n#define X \\\n#include <no.h>\n# include "a.h"\n#include MACRO\n#include <b.h>\n'
    assert plain_text(text).included == ("a.h", "b.h")
    assembly = b"#include <a.h>\n.macro M\n\tmfence\n.endm\n"
    assert plain_text(assembly).included == ("a.h",)


def test_of_many_answers_those_that_told_others_apart_are_asked_first() -> None:
    asked: list[str] = []

    class Counting(Wanted):
        def wants(self, name: str) -> bool:
            asked.append(name)
            return super().wants(name)

    answers: Answers = {("wants", str(number)): number == 7 for number in range(20)}
    telling: list[Question] = []
    assert not Counting("9").answers_as(answers, telling) and telling == [("wants", "7")]
    asked.clear()
    assert not Counting("8").answers_as(answers, telling) and asked == ["7"]
    assert Counting("7").answers_as(answers, telling)
    assert not Counting("7", "8").answers_as(answers, telling) and telling == [("wants", "8"), ("wants", "7")]


def test_what_is_asked_of_one_that_is_refused_is_not_noted() -> None:
    code = codebase(b"int f(void)\n{\n}\n")
    with code.recording() as noted:
        assert not code.answers_as({("own", "g", "a.c"): False, ("callee", "f", "a.c"): None}, [])
        assert code.answers_as({("own", "g", "a.c"): False}, [])
    assert not noted
