"""Text of a litmus test -> Litmus."""

from __future__ import annotations

import re

from patchscan.basics.limits import meets
from patchscan.basics.pattern import pattern
from patchscan.lkmm.dialect.final_conditions import parse_condition, parse_observed
from patchscan.lkmm.dialect.lexer import Tokens, without_comments
from patchscan.lkmm.dialect.litmus_syntax import TRUE, Condition, Litmus, LitmusError, Observed, Thread, Value
from patchscan.lkmm.dialect.statements import TYPE_WORDS, BodyParser

_HEADER = pattern(r"\s*C\b[ \t]*(\S*)[^\n]*\n")
_RESULT = pattern(r"^[( ]\* Result: (.*?)\s*$", re.MULTILINE)
_THREAD = pattern(r"P\d+")
_QUANTIFIERS = ("exists", "forall", "~", "not")
# Functions that were read: their text, number and line -> what they are, what they call, and how many tokens they have.
_FUNCTIONS: dict[tuple[str, int, int], tuple[Thread, frozenset[str], int]] = {}
_MOST_FUNCTIONS = 128


def parse(text: str, file: str = "") -> Litmus:
    """Read one test in the kernel's C dialect (tools/memory-model/Documentation/litmus-tests.txt).

    Raises LitmusError, which names file and line, for everything that is not that dialect.
    """
    try:
        return _parse(text)
    except LitmusError as error:
        error.file = error.file or file
        raise
    except RecursionError:
        meets("stack")
        raise LitmusError("nested too deeply", file=file) from None


def _parse(text: str) -> Litmus:
    header = _HEADER.match(text)
    if not header:
        raise LitmusError("not a C litmus test: the first line must be 'C name'", 1)
    after_header = "\n" * text.count("\n", 0, header.end()) + text[header.end() :]
    tokens = Tokens(_from_initial_state(without_comments(after_header)))
    state = _InitialState(tokens)
    state.read()
    called: set[str] = set()
    threads, handlers = _functions(tokens, called)
    question = _Question(tokens)
    question.read()
    result = _RESULT.search(text)
    return Litmus(
        name=header.group(1),
        initial=state.initial,
        registers=state.registers,
        arrays=state.arrays,
        threads=threads,
        quantifier=question.quantifier,
        condition=question.condition,
        filter=question.filter,
        locations=question.locations,
        condition_text=question.text,
        expected=tuple(result.group(1).removesuffix("*)").split()) if result else (),
        handlers=handlers,
        functions=frozenset(called),
    )


def _from_initial_state(text: str) -> str:
    """Lines such as `Orig=PodWW Rfe` may stand before the initial state; they say nothing to us."""
    start = text.find("{")
    if start < 0:
        raise LitmusError("there is no initial state, not even {}", text.rstrip().count("\n") + 1)
    return "\n" * text.count("\n", 0, start) + text[start:]


def _is_type(tokens: Tokens) -> bool:
    """Whether this word of an initial state belongs to a type, known or not: something still follows it."""
    return tokens.text in TYPE_WORDS or tokens.ahead() == "*" or tokens.ahead().isidentifier()


class _InitialState:
    """`{ x=1; int *p = &x; 0:r1=5; int a[2]; }`"""

    def __init__(self, tokens: Tokens) -> None:
        self.tokens = tokens
        self.initial: dict[str, Value] = {}
        self.registers: dict[tuple[int, str], Value] = {}
        self.arrays: dict[str, int] = {}

    def read(self) -> None:
        tokens = self.tokens
        tokens.expect("{")
        while not tokens.accept("}"):
            if not tokens.accept(";"):
                self._entry()
                if tokens.text != "}":
                    tokens.expect(";")
        self._resolve_arrays()

    def _entry(self) -> None:
        tokens = self.tokens
        while tokens.text == "*" or (tokens.kind == "name" and _is_type(tokens)):
            tokens.take()
        thread = None
        if tokens.kind == "number":
            thread = tokens.take_number()
            tokens.expect(":")
        bracketed = tokens.accept("[")
        line, name = tokens.line, tokens.take_name("the name of a variable")
        if bracketed:
            tokens.expect("]")
        size = self._array_size() if tokens.text == "[" else None
        values: list[Value] = self._values(size) if tokens.accept("=") else [0]
        if thread is not None:
            self.registers[thread, name] = values[0]
        elif size is None:
            self.initial[name] = values[0]
        else:
            self._array(name, size, values, line)

    def _array_size(self) -> int:
        tokens = self.tokens
        tokens.expect("[")
        if tokens.kind != "number":
            raise tokens.error("an array needs a constant number of elements")
        size = tokens.take_number()
        tokens.expect("]")
        return size

    def _array(self, name: str, size: int, values: list[Value], line: int) -> None:
        if not 0 < size <= 4096 or len(values) > size:
            raise LitmusError(f"array {name} has {size} elements and {len(values)} initial values", line)
        self.arrays[name] = size
        for index in range(size):
            self.initial[f"{name}[{index}]"] = values[index] if index < len(values) else 0

    def _values(self, size: int | None) -> list[Value]:
        tokens = self.tokens
        if size is None:
            return [self._value()]
        tokens.expect("{")
        values = [self._value()]
        while tokens.accept(","):
            values.append(self._value())
        tokens.expect("}")
        return values

    def _value(self) -> Value:
        tokens = self.tokens
        while tokens.text == "(" and tokens.ahead() in TYPE_WORDS:
            while tokens.take() != ")":
                pass
        if tokens.accept("("):
            value = self._value()
            tokens.expect(")")
            return value
        tokens.accept("&")
        if tokens.accept("-"):
            return -tokens.take_number()
        if tokens.kind == "number":
            return tokens.take_number()
        name = tokens.take_name("a value")
        if name == "ATOMIC_INIT" and tokens.accept("("):
            value = self._value()
            tokens.expect(")")
            return value
        if tokens.accept("["):
            index = tokens.take()
            tokens.expect("]")
            return f"{name}[{index}]"
        return name

    def _resolve_arrays(self) -> None:
        """The name of an array, as a value, points to its first element."""
        for name, value in self.initial.items():
            self.initial[name] = self._pointed_to(value)
        for register, value in self.registers.items():
            self.registers[register] = self._pointed_to(value)

    def _pointed_to(self, value: Value) -> Value:
        return f"{value}[0]" if value in self.arrays else value


def _functions(tokens: Tokens, called: set[str]) -> tuple[tuple[Thread, ...], dict[str, Thread]]:
    """The threads P0, P1... and, by their names, the other functions."""
    threads: list[Thread] = []
    handlers: dict[str, Thread] = {}
    while tokens.text in ("static", "void", "int") or _is_function(tokens):
        while tokens.text in ("static", "void", "int"):
            tokens.take()
        line, name = tokens.line, tokens.take_name("the name of a thread")
        is_thread = _THREAD.fullmatch(name) is not None
        if is_thread and name != f"P{len(threads)}":
            raise LitmusError(f"expected thread P{len(threads)}, found {name}: threads count from P0", line)
        if name in handlers:
            raise LitmusError(f"function {name} is defined twice", line)
        function = _function(tokens, len(threads) if is_thread else -1, line, called)
        if is_thread:
            threads.append(function)
        else:
            handlers[name] = function
    if not threads:
        raise tokens.error(f"expected thread P0, found '{tokens.text}'")
    return tuple(threads), handlers


def _is_function(tokens: Tokens) -> bool:
    """Whether `name(...) {` comes next."""
    distance = 1
    if tokens.kind == "name" and tokens.ahead() == "(":
        while tokens.ahead(distance) not in (")", ""):
            distance += 1
    return tokens.ahead(distance) == ")" and tokens.ahead(distance + 1) == "{"


def _function(tokens: Tokens, number: int, line: int, called: set[str]) -> Thread:
    """A function behind its name. Those of one text on the same lines are one: a test is much like another."""
    text = tokens.source_up_to("\n}")
    known = _FUNCTIONS.get((text, number, line))
    if known is None:
        first, start, own = tokens.index, tokens.start, set[str]()
        known = _read_function(tokens, number, line, own), frozenset(own), tokens.index - first
        if len(tokens.source_since(start, squeezed=False)) == len(text):
            _remember((text, number, line), known)
    else:
        tokens.index += known[2]
    called |= known[1]
    return known[0]


def _remember(key: tuple[str, int, int], known: tuple[Thread, frozenset[str], int]) -> None:
    if len(_FUNCTIONS) >= _MOST_FUNCTIONS:
        _FUNCTIONS.clear()
    _FUNCTIONS[key] = known


def _read_function(tokens: Tokens, number: int, line: int, called: set[str]) -> Thread:
    declarations = _parameters(tokens)
    body = BodyParser(tokens, called)
    statements = body.block()
    return Thread(
        number, tuple(declarations), frozenset(body.locals), statements, line, tuple(declarations.values())
    )


def _parameters(tokens: Tokens) -> dict[str, str]:
    """`(int *x, struct srcu_struct *ss)` -> name: declaration; the last word of each is its name."""
    tokens.expect("(")
    found: dict[str, str] = {}
    while not tokens.accept(")"):
        if found:
            tokens.expect(",")
        start = tokens.start
        words: list[str] = []
        while tokens.text not in (",", ")"):
            words.append(tokens.take())
        declaration = tokens.source_since(start)
        while (words and words[-1] in ("[", "]")) or (len(words) > 1 and words[-1].isdigit()):
            words.pop()
        if not words or not words[-1].isidentifier():
            raise tokens.error("a parameter needs a name")
        if words == ["void"]:
            continue
        if words[-1] in found:
            raise tokens.error(f"parameter {words[-1]} is named twice")
        found[words[-1]] = declaration
    return found


class _Question:
    """`locations [x; 0:r1]`, `filter (...)` and the condition, in any order."""

    def __init__(self, tokens: Tokens) -> None:
        self.tokens = tokens
        self.locations: tuple[Observed, ...] = ()
        self.filter: Condition = TRUE
        self.quantifier = "exists"
        self.condition: Condition = TRUE
        self.text = "true"

    def read(self) -> None:
        tokens = self.tokens
        while tokens.kind != "end":
            if tokens.accept("locations"):
                self.locations += self._locations()
            elif tokens.accept("filter"):
                self.filter = parse_condition(tokens)
            elif tokens.text in _QUANTIFIERS:
                start = tokens.start
                self.quantifier = self._quantifier()
                self.condition = parse_condition(tokens)
                self.text = tokens.source_since(start)
            elif not tokens.accept(";"):
                raise tokens.error(f"expected locations, filter, exists or forall, found '{tokens.text}'")

    def _quantifier(self) -> str:
        word = self.tokens.take()
        if word in ("~", "not"):
            self.tokens.expect("exists")
            return "~exists"
        return word

    def _locations(self) -> tuple[Observed, ...]:
        tokens = self.tokens
        tokens.expect("[")
        found: list[Observed] = []
        while not tokens.accept("]"):
            if not tokens.accept(";"):
                found.append(parse_observed(tokens))
        return tuple(found)
