"""Conditions on where a match stands: in which function, in which initialiser, in which directory."""

import re

from patchscan.basics.pattern import pattern
from patchscan.c.source import Function
from patchscan.match.answer import YES, Answer, no, unknown, when
from patchscan.match.conditions.variables import type_named
from patchscan.match.fix import filled
from patchscan.match.place import Condition, Place
from patchscan.match.row import Wish
from patchscan.match.shape import is_tested
from patchscan.match.waking import is_made

_SHOW = pattern(r"\w*_show|show_\w+")
_PROBE = pattern(r"\w*_?probe\w*|__?probe")
_RETURNS_VOID = pattern(r"(?:\w+\s+)*void\s+(?:\w+\s+)*\w+\s*\(.*", re.S)
_DEVICES = pattern(
    r"struct (?:platform_device|i2c_client|spi_device|pci_dev|usb_interface|amba_device|serdev_device|sdio_func|"
    r"auxiliary_device|mipi_dsi_device|hid_device|virtio_device|rpmsg_device|mdio_device|sdw_slave|"
    r"slim_device|wmi_device|ishtp_cl_device|hv_device|parport|pcmcia_device|fsl_mc_device|device) \*"
)


def sysfs_show(place: Place, wish: Wish) -> Answer:
    """A show() callback of a sysfs attribute: (device or kobject, attribute, char *buffer)."""
    function = place.match.function
    if function is None:
        return no("it stands outside functions")
    if not function.has_head:
        known = _SHOW.fullmatch(function.name)
        return YES if known else unknown("the hunk does not show the parameters of the function")
    kinds = [each.type for each in function.parameters]
    shape = len(kinds) == 3 and kinds[2] == "char *" and kinds[1].endswith("attribute *")
    return when(shape, f"{function.name}() is no show() callback of sysfs")


def its_buffer(place: Place, wish: Wish) -> Answer:
    """The third parameter of the function, the page that a show() callback fills."""
    function, text = place.match.function, place.text(wish)
    if function is None or not function.has_head:
        return when(text in ("buf", "buffer", "page"), f"{text} may be the rest of the buffer")
    names = [each.name for each in function.parameters]
    return when(names[2:3] == [text], f"{text} is not the buffer of the callback")


def probe(place: Place, wish: Wish) -> Answer:
    """A driver's probe function: by its name, and by a device among its parameters."""
    function = place.match.function
    if function is None:
        return no("it stands outside functions")
    if not _PROBE.fullmatch(function.name):
        return no(f"{function.name}() is no probe function")
    if not function.has_head:
        return unknown("the hunk does not show the parameters of the function")
    first = function.parameters[:1]
    return when(bool(first) and _DEVICES.fullmatch(first[0].type) is not None, "it takes no device")


def end_of_void(place: Place, wish: Wish) -> Answer:
    """The last statement of a function that returns nothing."""
    function = place.match.function
    if function is None or not function.whole:
        return (
            unknown("the hunk does not show the whole function")
            if function
            else no("it stands outside functions")
        )
    statements = [each for each in function.body.named_children if each.type != "comment"]
    if not statements or statements[-1] != place.match.nodes[-1]:
        return no("it is not the last statement of the function")
    return when(returns_void(function), "the function returns a value")


def returns_void(function: Function) -> bool:
    """Whether the header of a function says void."""
    return _RETURNS_VOID.fullmatch(function.header) is not None


def returns(place: Place, wish: Wish) -> Answer:
    """The function's return type, as its header has it, matches a regular expression."""
    function = place.match.function
    if function is None:
        return no("it stands outside functions")
    if not function.has_head:
        return unknown("the hunk does not show what the function returns")
    kind = returned_type(function)
    return when(re.fullmatch(wish.argument, kind) is not None, f"{function.name}() returns {kind}")


def returned_type(function: Function) -> str:
    """The type that a function returns, as its header has it."""
    words = function.header.partition(function.name)[0].split()
    return " ".join(
        word for word in words if word not in ("static", "inline", "extern", "__init", "noinline")
    )


def own_type(place: Place, wish: Wish) -> Answer:
    """The type of the function is its own choice, or none that matches: no struct of operations holds it."""
    function = place.match.function
    if function is None:
        return no("it stands outside functions")
    if not function.has_head:
        return unknown("the hunk does not show what the function returns")
    if not re.fullmatch(wish.argument, returned_type(function)):
        return YES
    source = place.match.source
    stored = rb"=\s*&?%s\s*[,;}]" % re.escape(function.name).encode()
    if re.search(stored, source.code):
        return no(f"{function.name}() has the type of the operation that it is")
    return YES if source.fragment is None else unknown("the hunk does not show whether it is an operation")


def path(place: Place, wish: Wish) -> Answer:
    """The file's path matches a regular expression from its beginning."""
    return when(
        re.match(wish.argument, place.file.path) is not None, f"{place.file.path} is another kind of code"
    )


def name_of_function(place: Place, wish: Wish) -> Answer:
    """The name of the function matches a regular expression."""
    function = place.match.function
    if function is None:
        return no("it stands outside functions")
    if not function.name:
        return unknown("the hunk does not name the function")
    return when(
        re.fullmatch(wish.argument, function.name) is not None, f"{function.name}() is another function"
    )


def function_lacks(place: Place, wish: Wish) -> Answer:
    """Nothing in the function matches a regular expression, in which $X is what stands in a hole."""
    function = place.match.function
    if function is None:
        return no("it stands outside functions")
    code = place.match.source.code[function.start : function.end].decode("utf-8", "surrogateescape")
    found = re.search(filled(wish.argument, place.match.holes), code)
    if found is not None:
        return no(f"the function holds {found[0]}")
    return YES if function.whole else unknown("the hunk does not show the whole function")


def first_parameter(place: Place, wish: Wish) -> Answer:
    """The type of the function's first parameter matches a regular expression."""
    function = place.match.function
    if function is None:
        return no("it stands outside functions")
    if not function.has_head:
        return unknown("the hunk does not show the parameters of the function")
    kinds = [each.type for each in function.parameters[:1]]
    fits = bool(kinds) and re.fullmatch(wish.argument, kinds[0]) is not None
    return when(fits, f"the function takes {kinds[0] if kinds else 'nothing'} first")


def not_after_if(place: Place, wish: Wish) -> Answer:
    """No other if stands directly before: one of a chain of checks looks like the others."""
    before = place.match.nodes[0].prev_named_sibling
    while before is not None and before.type == "comment":
        before = before.prev_named_sibling
    if (
        before is None
        and place.match.source.fragment is not None
        and not (place.match.function and place.match.function.has_head)
    ):
        return unknown("the hunk does not show what stands before")
    return when(before is None or before.type != "if_statement", "it is the last of several checks")


def not_in_else(place: Place, wish: Wish) -> Answer:
    """An if that is no else's, whose own else holds more than another if."""
    node = place.match.nodes[0]
    if node.parent is not None and node.parent.type == "else_clause":
        return no("it is one of several branches")
    other = node.child_by_field_name("alternative")
    inner = [each for each in other.named_children if each.type != "comment"] if other is not None else []
    if not inner or inner[0].type == "if_statement":
        return no("it is one of several branches")
    held = [each for each in inner[0].named_children if each.type != "comment"]
    long = inner[0].type == "compound_statement" and len(held) > 1
    return when(long, "the other branch is as short")


def after_block(place: Place, wish: Wish) -> Answer:
    """The statement before is an if, a loop or a switch that ends in a brace on the same line."""
    node = place.match.nodes[0]
    before = node.prev_sibling
    kinds = ("if_statement", "for_statement", "while_statement", "switch_statement")
    if before is None or before.type not in kinds or before.end_byte != node.start_byte:
        return no("it ends no block")
    word = place.match.source.text[before.end_byte - 1 : before.end_byte]
    return when(word == b"}" and len(node.children) == 1, "it ends no block")


def at_top_level(place: Place, wish: Wish) -> Answer:
    """A statement of the function's own block, and not of a branch."""
    function, node = place.match.function, place.match.nodes[0]
    if function is None:
        return no("it stands outside functions")
    if not function.has_head:
        return unknown("the hunk does not show which block it stands in")
    return when(node.parent == function.body, "it stands in a branch")


def standing_alone(place: Place, wish: Wish) -> Answer:
    """The only thing on its line but for the call that it is an argument of: no part of a larger expression."""
    node = place.match.nodes[0]
    parent = node.parent
    return when(parent is None or parent.type != "binary_expression", "it is part of a larger expression")


def given_back(place: Place, wish: Wish) -> Answer:
    """A value that is returned or assigned, and not compared or passed on."""
    parent = place.match.nodes[0].parent
    while parent is not None and parent.type in ("parenthesized_expression", "conditional_expression"):
        parent = parent.parent
    kinds = ("return_statement", "assignment_expression", "init_declarator")
    return when(parent is not None and parent.type in kinds, "it is neither returned nor kept")


def kept_as_flag(place: Place, wish: Wish) -> Answer:
    """A value of which only the truth is used: a condition, or what a bool is set to."""
    node = place.match.nodes[0]
    parent = node.parent
    while parent is not None and parent.type == "parenthesized_expression" and not is_tested(parent, node):
        node, parent = parent, parent.parent
    if parent is not None and is_tested(parent, node):
        return YES
    if parent is None or parent.type != "assignment_expression":
        return no("the property itself is used")
    left = parent.child_by_field_name("left")
    name = place.match.source.text_of(left) if left is not None else ""
    kind = type_named(place, name)
    if kind is None:
        return unknown(f"the type of {name} is not in sight")
    return when(kind == "bool", "the property itself is used")


def new_file(place: Place, wish: Wish) -> Answer:
    """A file that the series makes: an old one may keep its own habits."""
    return when(is_made(place.context, place.file.path), "the file is an old one, which may keep its habits")


def begins_anew(place: Place, wish: Wish) -> Answer:
    """A construct whose first line the patch adds: one that stood there and grows is not the patch's."""
    return when(place.match.first_line in place.file.added_numbers, "it stood there before the patch")


def another_subsystem(place: Place, wish: Wish) -> Answer:
    """A relative path of a header that leads into another directory below the same top."""
    own = place.file.path.split("/")
    parts = place.text(wish).strip('"').split("/")
    up = next((at for at, part in enumerate(parts) if part != ".."), len(parts))
    led = [*own[: max(len(own) - 1 - up, 0)], *parts[up:]]
    return when(led[:2] != own[:2], f"{place.text(wish)} is of the same subsystem")


def file_holds(place: Place, wish: Wish) -> Answer:
    """The file holds what matches a regular expression, in which $X is what stands in a hole."""
    source = place.match.source
    form = filled(wish.argument, place.match.holes)
    if re.search(form.encode(), source.code):
        return YES
    if source.fragment is not None:
        return unknown("the hunk does not show the rest of the file")
    return no("the file has nothing of the kind")


def file_lacks(place: Place, wish: Wish) -> Answer:
    """Nothing in the file's text matches a regular expression, in which $X is what stands in a hole."""
    source = place.match.source
    form = filled(wish.argument, place.match.holes)
    found = re.search(form.encode(), source.text)
    if found is not None:
        return no(f"the file holds {found[0].decode('utf-8', 'surrogateescape')}")
    return YES if source.fragment is None else unknown("the hunk does not show the rest of the file")


def function_holds(place: Place, wish: Wish) -> Answer:
    """The function holds what matches a regular expression."""
    function = place.match.function
    if function is None:
        return no("it stands outside functions")
    code = place.match.source.code[function.start : function.end].decode("utf-8", "surrogateescape")
    if re.search(wish.argument, code):
        return YES
    return no("the function has nothing of the kind") if function.whole else unknown("the hunk ends before")


CONDITIONS = {
    "first-parameter": Condition(
        first_parameter,
        "the type of the function's first parameter matches a regular expression",
        takes_argument=True,
    ),
    "not-after-if": Condition(not_after_if, "no other if stands directly before"),
    "not-in-else": Condition(not_in_else, "an if that is no branch of another"),
    "after-block": Condition(after_block, "directly behind the brace of an if, a loop or a switch"),
    "at-top-level": Condition(at_top_level, "in the function's own block, and in no branch"),
    "standing-alone": Condition(standing_alone, "no part of a larger expression"),
    "given-back": Condition(given_back, "a value that is returned or assigned"),
    "tested-or-kept-as-flag": Condition(kept_as_flag, "a value of which only the truth is used"),
    "new-file": Condition(new_file, "in a file that the series makes"),
    "begins-anew": Condition(begins_anew, "a construct whose first line the patch adds"),
    "another-subsystem": Condition(another_subsystem, "the relative path of a header of another subsystem"),
    "file-holds": Condition(
        file_holds, "the file holds what matches a regular expression", takes_argument=True
    ),
    "file-lacks": Condition(
        file_lacks, "the file holds nothing that matches a regular expression", takes_argument=True
    ),
    "function-holds": Condition(
        function_holds, "in a function that holds what matches a regular expression", takes_argument=True
    ),
    "sysfs-show": Condition(sysfs_show, "in a show() callback of sysfs"),
    "its-buffer": Condition(its_buffer, "the page that the show() callback fills"),
    "probe": Condition(probe, "in a driver's probe function"),
    "end-of-void": Condition(end_of_void, "the last statement of a function that returns nothing"),
    "returns": Condition(
        returns, "in a function whose return type matches a regular expression", takes_argument=True
    ),
    "own-type": Condition(
        own_type,
        "in a function that is no operation of a struct, where its return type matches a regular expression",
        takes_argument=True,
    ),
    "path": Condition(path, "in a file whose path matches a regular expression", takes_argument=True),
    "function": Condition(
        name_of_function, "in a function whose name matches a regular expression", takes_argument=True
    ),
    "function-lacks": Condition(
        function_lacks,
        "in a function that holds nothing that matches a regular expression",
        takes_argument=True,
    ),
}
