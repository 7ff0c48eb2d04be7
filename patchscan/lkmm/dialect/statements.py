"""The C part of a litmus test: one thread's body -> statements."""

from __future__ import annotations

from patchscan.basics.record import field, record
from patchscan.lkmm.dialect.lexer import Tokens
from patchscan.lkmm.dialect.litmus_syntax import (
    Assign,
    Call,
    Dereference,
    Evaluate,
    Expression,
    If,
    LitmusError,
    Loop,
    Name,
    Negation,
    Number,
    Operation,
    Statement,
    Store,
)

TYPE_WORDS = frozenset(
    (
        *("int", "char", "short", "long", "unsigned", "signed", "void", "bool"),
        *("volatile", "const", "struct", "static", "intptr_t", "uintptr_t", "size_t"),
        *("u8", "u16", "u32", "u64", "s8", "s16", "s32", "s64"),
        *("int8_t", "int16_t", "int32_t", "int64_t", "uint8_t", "uint16_t", "uint32_t", "uint64_t"),
        *("atomic_t", "atomic64_t", "atomic_long_t", "atomic_int"),
        *("spinlock_t", "raw_spinlock_t", "mtx_t"),
    )
)


_PRECEDENCE = {
    "||": 1,
    "&&": 2,
    "|": 3,
    "^": 4,
    "&": 5,
    "==": 6,
    "!=": 6,
    "<": 7,
    ">": 7,
    "<=": 7,
    ">=": 7,
    "+": 8,
    "-": 8,
    "*": 9,
    "/": 9,
    "%": 9,
}

_UNSUPPORTED = frozenset(("goto", "switch", "break", "continue", "return", "case", "default"))


@record
class BodyParser:
    """Reads one thread's body; `locals` collects the registers it declares, `functions` what it calls."""

    tokens: Tokens
    functions: set[str]
    locals: set[str] = field(default_factory=set)

    def block(self) -> tuple[Statement, ...]:
        """`{ statement* }`; raises LitmusError with the line of what does not fit."""
        tokens = self.tokens
        tokens.expect("{")
        statements: list[Statement] = []
        while not tokens.accept("}"):
            statements += self.statement()
        return tuple(statements)

    def statement(self) -> tuple[Statement, ...]:
        tokens = self.tokens
        word = tokens.text
        if word == "{":
            return self.block()
        if tokens.accept(";"):
            return ()
        if word in _UNSUPPORTED:
            raise tokens.error(f"'{word}' is not part of the litmus dialect; write it with if/else or a loop")
        if word == "if":
            return (self._if(),)
        if word == "while":
            return (self._while(),)
        if word == "do":
            return (self._do(),)
        if word == "for":
            return self._for()
        if word in TYPE_WORDS or (tokens.kind == "name" and tokens.ahead().isidentifier()):
            return self._declaration()
        statement = self._simple()
        tokens.expect(";")
        return (statement,)

    def _if(self) -> If:
        tokens, start, line = self.tokens, self.tokens.start, self.tokens.line
        tokens.expect("if")
        condition = self._parenthesised()
        text = tokens.source_since(start)
        then = self.statement()
        otherwise = self.statement() if tokens.accept("else") else ()
        return If(condition, then, otherwise, line, text)

    def _while(self) -> Loop:
        tokens, start, line = self.tokens, self.tokens.start, self.tokens.line
        tokens.expect("while")
        condition = self._parenthesised()
        text = tokens.source_since(start)
        return Loop(condition, self.statement(), False, line, text)

    def _do(self) -> Loop:
        tokens, line = self.tokens, self.tokens.line
        tokens.expect("do")
        body = self.statement()
        start = tokens.start
        tokens.expect("while")
        condition = self._parenthesised()
        text = tokens.source_since(start)
        tokens.expect(";")
        return Loop(condition, body, True, line, text)

    def _for(self) -> tuple[Statement, ...]:
        tokens, start, line = self.tokens, self.tokens.start, self.tokens.line
        tokens.expect("for")
        tokens.expect("(")
        if tokens.text in TYPE_WORDS:
            first = self._declaration()
        else:
            first = () if tokens.text == ";" else (self._simple(),)
            tokens.expect(";")
        condition: Expression = Number(1) if tokens.text == ";" else self.expression()
        tokens.expect(";")
        step = () if tokens.text == ")" else (self._simple(),)
        tokens.expect(")")
        text = tokens.source_since(start)
        body = self.statement()
        return (*first, Loop(condition, (*body, *step), False, line, text))

    def _parenthesised(self) -> Expression:
        self.tokens.expect("(")
        condition = self.expression()
        self.tokens.expect(")")
        return condition

    def _declaration(self) -> tuple[Statement, ...]:
        tokens = self.tokens
        self._type()
        assignments: list[Statement] = []
        while True:
            while tokens.accept("*"):
                pass
            start, line = tokens.start, tokens.line
            name = tokens.take_name("the name of a register")
            if tokens.text == "[":
                raise tokens.error("a register cannot be an array")
            self.locals.add(name)
            if tokens.accept("="):
                value = self.expression()
                assignments.append(Assign(name, value, line, tokens.source_since(start)))
            if tokens.accept(";"):
                return tuple(assignments)
            tokens.expect(",")

    def _type(self) -> None:
        """A type, known or not: whatever stands before the last word."""
        tokens = self.tokens
        while (
            tokens.text in TYPE_WORDS
            or tokens.text == "*"
            or (tokens.kind == "name" and tokens.ahead().isidentifier())
        ):
            if tokens.take() == "struct":
                tokens.take_name("the name of a struct")

    def _simple(self) -> Statement:
        """An assignment, a plain store or a call, without its semicolon."""
        tokens, start, line = self.tokens, self.tokens.start, self.tokens.line
        target = self.expression()
        operator = tokens.text
        if operator in ("=", "+=", "-="):
            tokens.take()
            value = self.expression()
            if operator != "=":
                value = Operation(operator[0], target, value)
        elif operator in ("++", "--"):
            tokens.take()
            value = Operation(operator[0], target, Number(1))
        else:
            return Evaluate(target, line, tokens.source_since(start))
        text = tokens.source_since(start)
        if isinstance(target, Name):
            return Assign(target.name, value, line, text)
        if isinstance(target, Dereference):
            return Store(target.address, value, line, text)
        if isinstance(target, Call) and target.function == "ACCESS_ONCE":
            return Evaluate(Call("WRITE_ONCE", (*target.arguments, value), line), line, text)
        raise LitmusError(f"'{text}' assigns to something that is neither a register nor '*pointer'", line)

    def expression(self, level: int = 0) -> Expression:
        """An expression whose operators bind tighter than `level`."""
        tokens = self.tokens
        left = self._unary()
        while True:
            operator = tokens.text
            precedence = _PRECEDENCE.get(operator, 0)
            if precedence <= level:
                return left
            tokens.take()
            left = Operation(operator, left, self.expression(precedence))

    def _unary(self) -> Expression:
        tokens, line = self.tokens, self.tokens.line
        if tokens.accept("*"):
            return Dereference(self._unary(), line)
        if tokens.accept("!"):
            return Negation(self._unary())
        if tokens.accept("-"):
            return Operation("-", Number(0), self._unary())
        if tokens.accept("&"):
            return self._address_of()
        if tokens.text == "(" and tokens.ahead() in TYPE_WORDS:
            tokens.take()
            self._type()
            tokens.expect(")")
            return self._unary()
        return self._postfix()

    def _address_of(self) -> Expression:
        """`&x` of a shared variable x is the parameter itself; `&a[1]` and `&*p` are addresses as well."""
        operand = self._unary()
        return operand.address if isinstance(operand, Dereference) else operand

    def _postfix(self) -> Expression:
        tokens, line = self.tokens, self.tokens.line
        value: Expression
        if tokens.accept("("):
            value = self.expression()
            tokens.expect(")")
        elif tokens.kind == "number":
            value = Number(tokens.take_number())
        elif tokens.kind == "name" and tokens.ahead() == "(":
            value = self._call()
        else:
            value = Name(tokens.take_name("an expression"), line)
        while tokens.accept("["):
            value = Dereference(Operation("+", value, self.expression()), line)
            tokens.expect("]")
        if tokens.text in ("->", "."):
            raise tokens.error("structures are not part of the litmus dialect; use one variable per field")
        return value

    def _call(self) -> Call:
        tokens, line = self.tokens, self.tokens.line
        function = tokens.take()
        self.functions.add(function)
        tokens.expect("(")
        arguments: list[Expression] = []
        while not tokens.accept(")"):
            if arguments:
                tokens.expect(",")
            arguments.append(self.expression())
        return Call(function, tuple(arguments), line)
