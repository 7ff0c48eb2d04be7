"""Conditions on what a variable is, and where else it is mentioned."""

import re
from typing import TYPE_CHECKING

from patchscan.basics.pattern import pattern
from patchscan.c.syntax import descendants
from patchscan.match.answer import YES, Answer, no, unknown, when
from patchscan.match.place import Condition, Place
from patchscan.match.row import Wish

if TYPE_CHECKING:
    from tree_sitter import Node

    from patchscan.c.source import Function, Variable

_NAME = pattern(r"[A-Za-z_]\w*")
_MEMBER = pattern(r".*(?:->|\.)\s*([A-Za-z_]\w*)", re.S)
_UNSIGNED = pattern(
    r"(?:const )?(?:unsigned\b.*|u8|u16|u32|u64|size_t|__u\d+|uint\d*_t|uint|ulong|dma_addr_t|phys_addr_t)"
)
_WIDE = pattern(r"(?:const )?(?:u64|s64|__u64|__s64|uint64_t|int64_t|unsigned long long|long long|ktime_t)")
_JUMPS = frozenset(
    {"goto_statement", "labeled_statement", "preproc_if", "preproc_ifdef", "gnu_asm_expression"}
)
_WRITE = rb"\s*(?:[-+*/%&|^]|<<|>>)?=(?!=)"
_NARROWER = (
    rb"\s*(?:>>|[&/%]|>=?\s*\w*MAX|=[^=;]*(?:>>|\bmin|\bclamp|[&/%]\s*\w)|=\s*(?:\(\w+\)\s*)?[\w.>-]+\s*;)"
)
_CLEANED = pattern(r"__free\s*\(|__cleanup\s*\(|CLASS\s*\(")


def variable(function: "Function | None", name: str) -> "Variable | None":
    """The local variable or parameter of a name, None where there is none or there are several."""
    if function is None:
        return None
    found = [each for each in (*function.parameters, *function.locals) if each.name == name]
    return found[0] if len(found) == 1 else None


def type_of(place: Place, wish: Wish) -> str | None:
    """The declared type of what a condition speaks of, None where it is not known."""
    node, function = place.node(wish), place.match.function
    outer = node.child_by_field_name("argument") if node.type == "field_expression" else None
    if outer is not None and function is not None:
        # Imported here: most rows ask for no member.
        from patchscan.lookup.typeof import types_in

        types = types_in(place.context, place.file, function)
        if types.of(outer):
            return types.of(node) or None
    return type_named(place, place.text(wish).strip())


def type_named(place: Place, name: str) -> str | None:
    """The declared type of a variable, or of a member that the file declares once; None where it is not known."""
    if _NAME.fullmatch(name):
        found = variable(place.match.function, name)
        return found.type if found else None
    member = _MEMBER.fullmatch(name)
    if member is None:
        return None
    form = re.compile(
        rb"^[ \t]+((?:const |unsigned |signed |struct |enum )*\w+(?: long| int)*)\s*(\**)\s*"
        + re.escape(member[1].encode())
        + rb"\s*((?:\[[^\]\n]*\])*)\s*[;,:]",
        re.M,
    )
    source = place.match.source
    kinds = {
        (each[1], each[2], bool(each[3]))
        for each in form.finditer(source.code)
        if each[1] != b"return" and source.function_at(source.line_at(each.start(1))) is None
    }
    if len(kinds) != 1:
        return None
    base, stars, array = kinds.pop()
    shape = stars.decode() + ("[]" if array else "")
    return f"{base.decode()} {shape}" if shape else base.decode()


def of_type(place: Place, wish: Wish) -> Answer:
    """Its declared type matches a regular expression."""
    kind = type_of(place, wish)
    if kind is None:
        return unknown(f"the type of {place.text(wish)} is not in sight")
    return when(re.fullmatch(wish.argument, kind) is not None, f"{place.text(wish)} is {kind}")


def unsigned(place: Place, wish: Wish) -> Answer:
    """Its declared type is unsigned for certain."""
    kind = type_of(place, wish)
    if kind is None:
        return unknown(f"the type of {place.text(wish)} is not in sight")
    return when(_UNSIGNED.fullmatch(kind) is not None, f"{place.text(wish)} is {kind}")


def wide(place: Place, wish: Wish) -> Answer:
    """It is a number of 64 bits on every machine: by its declared type, or by a cast in it."""
    node = place.node(wish)
    for each in descendants(node):
        if each.type == "cast_expression":
            kind = each.child_by_field_name("type")
            if kind is not None and _WIDE.fullmatch(place.match.source.text_of(kind)):
                return YES
    kind_of = type_of(place, wish)
    if kind_of is None:
        return unknown(f"the type of {place.text(wish)} is not in sight")
    return when(_WIDE.fullmatch(kind_of) is not None, f"{place.text(wish)} is {kind_of}")


def not_narrowed(place: Place, wish: Wish) -> Answer:
    """A number that the function makes no smaller before, so that it may need its width.

    Smaller is what is shifted down, masked, bounded, compared with a limit, or only another value in a wide variable.
    """
    function, name = place.match.function, place.text(wish)
    if function is None or not function.has_head:
        return unknown(f"what {name} holds is not in sight")
    found = re.search(
        rb"\b" + re.escape(name.encode()) + _NARROWER,
        place.match.source.code[function.start : place.match.start],
    )
    return when(found is None, f"{name} is made smaller before")


def local(place: Place, wish: Wish) -> Answer:
    """A variable of the function, and not a static one."""
    name = place.text(wish)
    function = place.match.function
    if function is None:
        return no("it stands outside functions")
    found = [each for each in function.locals if each.name == name]
    if not found:
        return no(f"{name} is no local variable") if function.has_head else unknown(f"{name} is not in sight")
    return when(len(found) == 1 and not found[0].static, f"{name} is static, or declared twice")


def on_stack(place: Place, wish: Wish) -> Answer:
    """What leads to memory of the function's own: &x of a variable that is not static, or an array."""
    text = place.text(wish)
    found = variable(place.match.function, text.lstrip("& "))
    if place.match.function is None or found is None or found in place.match.function.parameters:
        return unknown(f"{text} is not declared here")
    return when(
        not found.static and (text.startswith("&") or found.type.endswith("[]")), f"{text} is elsewhere"
    )


def mentioned_nowhere_else(place: Place, wish: Wish) -> Answer:
    """A local variable that only the match and its declaration mention."""
    answer = local(place, wish)
    if not answer.holds:
        return answer
    function, name = place.match.function, place.text(wish)
    assert function is not None
    if not function.whole:
        return unknown(f"what else uses {name} is not in sight")
    first, last = place.match.nodes[0].start_byte, place.match.nodes[-1].end_byte
    declared = next(each for each in function.locals if each.name == name)
    if declared.value is not None and not first <= declared.node.start_byte < last:
        return no(f"{name} has a value before")
    code, form = place.match.source.code, re.compile(rb"\b" + re.escape(name.encode()) + rb"\b")
    inside = len(form.findall(code, first, last))
    own = not first <= declared.node.start_byte < last
    everywhere = len(form.findall(code, function.start, function.end))
    return when(everywhere == inside + own, f"{name} is used elsewhere, too")


def written_before_read(place: Place, wish: Wish) -> Answer:
    """The next statement of the block that mentions it assigns it, and no way round leads to another mention."""
    function, source = place.match.function, place.match.source
    name = place.text(wish)
    node = place.match.nodes[0]
    if function is None:
        return no("it stands outside functions")
    declaration = node if node.type == "declaration" else node.parent
    if declaration is None or declaration.type != "declaration":
        return no("it is no declaration")
    text = source.text_of(declaration)
    if any(source.text_of(each) in ("static", "extern", "const") for each in declaration.children):
        return no(f"{name} keeps its value")
    if _CLEANED.search(text):
        return no(f"{name} is released when it goes out of sight: its first value counts")
    form = re.compile(rb"\b" + re.escape(name.encode()) + rb"\b")
    if _mentions(form, source.code, node.end_byte, declaration.end_byte):
        return no(f"the same declaration reads {name}")
    following = declaration.next_named_sibling
    while following is not None:
        if _mentions(form, source.code, following.start_byte, following.end_byte):
            return _assigns(following, name, form, source.code)
        if any(each.type in _JUMPS for each in descendants(following)):
            return no(f"a label or a jump stands between, and {name} may be read there")
        following = following.next_named_sibling
    if not function.has_tail:
        return unknown(f"the hunk does not show what uses {name}")
    return no(f"nothing uses {name}")


def _mentions(form: "re.Pattern[bytes]", code: bytes, start: int, end: int) -> int:
    return len(form.findall(code, start, end))


def _assigns(node: "Node", name: str, form: "re.Pattern[bytes]", code: bytes) -> Answer:
    """Whether a statement assigns a variable before all else that it does with it."""
    read = no(f"{name} may be read before it is written")
    expression = node
    if node.type == "expression_statement":
        expression = node.named_children[0] if node.named_children else node
    if expression.type != "assignment_expression":
        return read
    left, right = expression.child_by_field_name("left"), expression.child_by_field_name("right")
    operator = expression.children[1].type
    if left is None or right is None or operator != "=":
        return read
    target = code[left.start_byte : left.end_byte].decode("utf-8", "surrogateescape")
    if target != name or _mentions(form, code, right.start_byte, right.end_byte):
        return read
    return YES


def value(place: Place, wish: Wish) -> Answer:
    """A local variable whose initialiser matches a regular expression."""
    found = variable(place.match.function, place.text(wish))
    if found is None or found.value is None:
        text = place.text(wish)
        return when(
            re.fullmatch(wish.argument, "".join(text.split()).lstrip("&")) is not None, f"{text} is another"
        )
    text = place.match.source.text_of(found.value).lstrip("&")
    return when(re.fullmatch(wish.argument, text) is not None, f"{place.text(wish)} begins as {text}")


def untouched_before(place: Place, wish: Wish) -> Answer:
    """A local variable that nothing mentions between its declaration and the match, in the same block."""
    function, name = place.match.function, place.text(wish)
    found = variable(function, name)
    if function is None or found is None:
        return unknown(f"where {name} is declared is not in sight")
    declaration = found.node.parent
    node = place.match.nodes[0]
    if declaration is None or declaration.parent != node.parent:
        return no(f"{name} is declared in another block")
    form = re.compile(rb"\b" + re.escape(name.encode()) + rb"\b")
    code = place.match.source.code
    if form.search(code, declaration.end_byte, node.start_byte):
        return no(f"{name} is mentioned before")
    between = declaration.next_named_sibling
    while between is not None and between.start_byte < node.start_byte:
        if any(each.type in _JUMPS for each in descendants(between)):
            return no(f"a label or a jump stands between the declaration of {name} and here")
        between = between.next_named_sibling
    return YES


def first_mention(place: Place, wish: Wish) -> Answer:
    """One that is untouched before, and stands in the match once."""
    answer = untouched_before(place, wish)
    name, node = place.text(wish), place.match.nodes[0]
    if answer is not YES:
        return answer
    form = re.compile(rb"\b" + re.escape(name.encode()) + rb"\b")
    found = form.findall(place.match.source.code, node.start_byte, node.end_byte)
    return when(len(found) == 1, f"the condition reads {name}")


def written_once(place: Place, wish: Wish) -> Answer:
    """A variable that the function assigns nowhere but in the match, and whose address it does not take."""
    function, name = place.match.function, place.text(wish)
    if function is None or not function.whole:
        return unknown(f"what else writes {name} is not in sight")
    form = re.compile(
        rb"(?:&\s*" + re.escape(name.encode()) + rb"\b)|(?:\b" + re.escape(name.encode()) + _WRITE + rb")"
    )
    code, last = place.match.source.code, place.match.nodes[-1].end_byte
    found = form.search(code, last, function.end)
    return when(found is None, f"{name} is written later, too")


def tested_once(place: Place, wish: Wish) -> Answer:
    """A variable that the function tests as a whole condition only here."""
    function, name = place.match.function, place.text(wish)
    if function is None or not function.whole:
        return unknown(f"what else tests {name} is not in sight")
    form = re.compile(rb"\bif\s*\(\s*!?\s*" + re.escape(name.encode()) + rb"\b")
    count = len(form.findall(place.match.source.code, function.start, function.end))
    return when(
        count == 1, f"{name} is tested in the same way elsewhere: the last test looks like the others"
    )


def not_saved(place: Place, wish: Wish) -> Answer:
    """Nothing in the function keeps a copy of the value: no other variable is assigned it."""
    function, text = place.match.function, place.text(wish)
    if function is None or not function.has_head:
        return unknown(f"who else holds {text} is not in sight")
    form = re.compile(rb"(?<![=!<>])=\s*" + re.escape(text.encode()) + rb"\s*[;,)]")
    found = form.search(place.match.source.code, function.start, place.match.start)
    return when(found is None, f"a copy of {text} is kept")


CONDITIONS = {
    "not-saved": Condition(not_saved, "a value of which the function keeps no copy"),
    "value": Condition(
        value, "a local variable whose initialiser matches a regular expression", takes_argument=True
    ),
    "untouched-before": Condition(
        untouched_before, "nothing before mentions the variable since its declaration"
    ),
    "first-mention": Condition(first_mention, "nothing mentions the variable since its declaration"),
    "written-once": Condition(written_once, "the function writes the variable nowhere else"),
    "tested-once": Condition(tested_once, "the function tests the variable nowhere else"),
    "type": Condition(of_type, "its declared type matches a regular expression", takes_argument=True),
    "unsigned": Condition(unsigned, "its declared type is unsigned"),
    "wide": Condition(wide, "a number of 64 bits on every machine"),
    "not-narrowed": Condition(
        not_narrowed,
        "a number that the function makes no smaller before: by a shift, a mask, a bound or another value",
    ),
    "local": Condition(local, "a variable of the function that is not static"),
    "on-stack": Condition(on_stack, "it leads to a variable or array on the stack"),
    "mentioned-nowhere-else": Condition(
        mentioned_nowhere_else, "a local variable that only the match and its declaration mention"
    ),
    "written-before-read": Condition(
        written_before_read, "the next statement that mentions the variable assigns it"
    ),
}
