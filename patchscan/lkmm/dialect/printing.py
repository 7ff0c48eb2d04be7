"""A test as text, in the kernel's dialect: one statement a line, every register declared, no block empty."""

from __future__ import annotations

from patchscan.lkmm.dialect.litmus_syntax import (
    TRUE,
    And,
    Assign,
    Call,
    Condition,
    Dereference,
    Equals,
    Evaluate,
    Expression,
    If,
    Litmus,
    Loop,
    Name,
    Negation,
    Not,
    Number,
    Operation,
    Or,
    Statement,
    Store,
    Thread,
    Value,
)


def litmus_text(litmus: Litmus, remark: str = "") -> str:
    """The text of a test; reading it back gives the same test. remark: a comment under the title."""
    lines = [f"C {litmus.name}", ""]
    if remark or litmus.expected:
        told = [f" * Result: {' '.join(litmus.expected)}"] if litmus.expected else []
        lines += ["(*", *told, *(f" * {line}" for line in remark.splitlines()), " *)", ""]
    lines += [*_initial_lines(litmus), ""]
    for thread in litmus.threads:
        lines += [*thread_lines(thread), ""]
    if litmus.locations:
        lines.append(f"locations [{'; '.join(_observed_text(str(one)) for one in litmus.locations)}]")
    if litmus.filter != TRUE:
        lines.append(f"filter ({condition_text(litmus.filter)})")
    lines.append(f"{litmus.quantifier} ({condition_text(litmus.condition)})")
    return "\n".join(lines) + "\n"


def _initial_lines(litmus: Litmus) -> list[str]:
    entries = []
    done: set[str] = set()
    for name, size in litmus.arrays.items():
        elements = [f"{name}[{index}]" for index in range(size)]
        done.update(elements)
        values = ", ".join(_value_text(litmus.initial[element]) for element in elements)
        entries.append(f"int {name}[{size}] = {{{values}}};")
    entries += [f"{name}={_value_text(v)};" for name, v in litmus.initial.items() if name not in done]
    entries += [f"{thread}:{name}={_value_text(v)};" for (thread, name), v in litmus.registers.items()]
    return ["{", *(f"\t{entry}" for entry in entries), "}"] if entries else ["{}"]


def _value_text(value: Value) -> str:
    return f"&{value}" if isinstance(value, str) and "[" in value else str(value)


def thread_lines(thread: Thread) -> list[str]:
    declared = thread.declarations or tuple(f"int *{name}" for name in thread.parameters)
    lines = [f"P{thread.number}({', '.join(declared)})", "{"]
    registers = sorted(thread.locals | assigned_in(thread.body))
    followed = dereferenced_in(thread.body)
    lines += [f"\tint {'*' if name in followed else ''}{name};" for name in registers]
    if registers:
        lines.append("")
    return [*lines, *_block_lines(thread.body, 1), "}"]


def assigned_in(statements: tuple[Statement, ...]) -> set[str]:
    """The registers that the statements assign."""
    found: set[str] = set()
    for statement in statements:
        match statement:
            case Assign(register, _):
                found.add(register)
            case If(_, then, otherwise):
                found |= assigned_in(then) | assigned_in(otherwise)
            case Loop(_, body):
                found |= assigned_in(body)
    return found


def dereferenced_in(node: object) -> set[str]:
    """The names that are followed as pointers in statements or an expression."""
    match node:
        case tuple():
            return set().union(*map(dereferenced_in, node))
        case Dereference(Name(name)):
            return {name}
        case Dereference(address):
            return dereferenced_in(address)
        case Store(Name(name), value):
            return {name} | dereferenced_in(value)
        case Assign(_, value) | Store(_, value):
            return dereferenced_in(value)
        case Evaluate(expression) | Negation(expression):
            return dereferenced_in(expression)
        case Call(_, arguments):
            return dereferenced_in(arguments)
        case Operation(_, left, right):
            return dereferenced_in((left, right))
        case If(condition, then, otherwise):
            return dereferenced_in((condition, then, otherwise))
        case Loop(condition, body):
            return dereferenced_in((condition, body))
    return set()


def _block_lines(statements: tuple[Statement, ...], depth: int) -> list[str]:
    lines: list[str] = []
    indent = "\t" * depth
    for statement in statements:
        match statement:
            case Assign(register, value):
                lines.append(f"{indent}{register} = {expression_text(value)};")
            case Store(address, value):
                lines.append(f"{indent}*{expression_text(address, 10)} = {expression_text(value)};")
            case Evaluate(expression):
                lines.append(f"{indent}{expression_text(expression)};")
            case If(condition, then, otherwise):
                lines += [f"{indent}if ({expression_text(condition)}) {{", *_block_lines(then, depth + 1)]
                if otherwise:
                    lines += [f"{indent}}} else {{", *_block_lines(otherwise, depth + 1)]
                lines.append(f"{indent}}}")
            case Loop(condition, body, body_first):
                inside = _block_lines(body, depth + 1)
                test = f"while ({expression_text(condition)})"
                if body_first:
                    lines += [f"{indent}do {{", *inside, f"{indent}}} {test};"]
                else:
                    lines += [f"{indent}{test} {{", *inside, f"{indent}}}"]
    return lines


_LEVELS = ("||", "&&", "|", "^", "&", "== !=", "< > <= >=", "+ -", "* / %")


def _level(operator: str) -> int:
    return next(level for level, signs in enumerate(_LEVELS, start=1) if operator in signs.split())


def expression_text(expression: Expression, level: int = 0) -> str:
    """The expression in C, in parentheses if it binds less than `level`."""
    match expression:
        case Number(value):
            return str(value) if value >= 0 else f"({value})"
        case Name(name):
            return name
        case Negation(operand):
            return f"!{expression_text(operand, 10)}"
        case Dereference(address):
            return f"*{expression_text(address, 10)}"
        case Call(function, arguments):
            return f"{function}({', '.join(expression_text(argument) for argument in arguments)})"
        case Operation(operator, left, right):
            own = _level(operator)
            text = f"{expression_text(left, own)} {operator} {expression_text(right, own + 1)}"
            return f"({text})" if own < level else text


def condition_text(condition: Condition, level: int = 0) -> str:
    """The condition in the litmus language."""
    match condition:
        case Equals(left, right):
            right_side = _observed_text(str(right)) if not isinstance(right, int | str) else str(right)
            return f"{_observed_text(str(left))}={right_side}"
        case Not(operand):
            return f"~{condition_text(operand, 3)}"
        case And(operands):
            return _joined(operands, " /\\ ", "true", 2, level)
        case Or(operands):
            return _joined(operands, " \\/ ", "false", 1, level)


def _joined(operands: tuple[Condition, ...], sign: str, empty: str, own: int, level: int) -> str:
    texts = [condition_text(operand, own + 1) for operand in operands if operand != TRUE or empty != "true"]
    if not texts:
        return empty
    text = sign.join(texts)
    return f"({text})" if own < level and len(texts) > 1 else text


def _observed_text(text: str) -> str:
    """A shared variable stands bare in conditions, an array's element in brackets."""
    return text[1:-1] if text.startswith("[") else text
