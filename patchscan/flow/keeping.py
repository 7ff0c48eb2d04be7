"""Whether a call may give back what it is handed, or keep it: by its name, and by what the text defines under it."""

import re
from collections.abc import Collection

from patchscan.basics.keep import kept
from patchscan.basics.pattern import pattern
from patchscan.c.source import Function, Source, source_of
from patchscan.flow.actions import Called, words_of
from patchscan.flow.resources import by_call, opposites, releasing, words_of_names

HARMLESS = pattern(
    r"(_?dev|netdev|pr|pci|net|drm)_(err|warn|info|notice|dbg|crit)\w*|printk\w*|mem(set|cpy|cmp|move)\w*|str\w+|sn?printf"
    r"|IS_ERR\w*|of_(property|device_is|match|node_name|irq|count|n_|alias|get_property|modalias)\w*|copy_(from|to)_user|dev_name|sg_init_one"
    r"|mutex_(un)?lock\w*|spin_(un)?lock\w*|of_address_to_resource|of_iomap|fwnode_property_\w+|nla_\w+|(genlmsg|nlmsg)_(i?put|end|cancel|trim|data|hdrlen|put_\w+)|skb_(put|push|pull|reserve|trim)\w*"
    r"|dev_err_probe|\w*get_drvdata|sscanf|kstrto\w+|simple_write_to_buffer"
)


# They are handed a lock, and leave it as it is.
LOOKS_AT_LOCK = pattern(
    r"_*(?:lockdep|assert|might|rcu|cond_resched|need_resched|trace)\w*|\w*(?:_is_(?:locked|held|contended)|init|wait_event)\w*"
)
_PLAIN_FREES = pattern(
    r"k\w*free\w*|vfree\w*|free_(?:pages?|percpu)|\w*unlock\w*|up_\w+|pm_\w+|(?:devm|dma|clk)_\w+"
)
_PARTS = pattern(r"&(\w+)->\w.*")
# They call what they are given, at once or later.
MAKES_LATER = ("devm_add_action", "call_rcu", "kfree_rcu", "kref_put")


def ends_whole(call: Called, wholes: Collection[str], inside: Collection[str]) -> bool:
    """Whether a call may give back one of some objects.

    It puts a part of it, as put_device(&port->dev): the last user of that frees the whole. Or it has a name that tells
    so and is handed one of those inside of which something stands, or a part of it.
    """
    if "put" in call.name.split("_") and not call.name.startswith("pm_"):
        parts = (_PARTS.fullmatch(each) for each in call.arguments[:1])
        if any(part is not None and part[1] in wholes for part in parts):
            return True
    if call.name in releasing() and not _PLAIN_FREES.fullmatch(call.name):
        return any(argument in inside for argument in call.arguments[:1])
    if call.name in releasing() or call.name in by_call() or HARMLESS.fullmatch(call.name):
        return False
    return not words_of_names("gives_back").isdisjoint(call.name.lower().split("_")) and any(
        word in inside for argument in call.arguments for word in words_of(argument)
    )


@kept
def releases_inside(source: Source, name: str, release: frozenset[str]) -> bool:
    """Whether the text defines a function or macro of that name in which something of this kind is given back."""
    return bool(_words_inside(source, name, 0) & release)


def ends_inside(source: Source, call: Called, names: Collection[str], release: frozenset[str]) -> bool:
    """Whether the text tells that a call gives back what has one of some names, or makes another call that does.

    It tells of the function that is called, whose name may be known for something else, or that is given to the call.
    """
    if call.name.startswith(MAKES_LATER):
        return any(releases_inside(source, each, release) for each in call.arguments if each.isidentifier())
    own = call.name in releasing() and not frozenset(names).isdisjoint(call.arguments)
    return own and releases_inside(source, call.name, release)


@kept
def takes_inside(source: Source, name: str, take: frozenset[str]) -> bool:
    """Whether the text defines a function or macro of that name in which something of this kind is taken."""
    return bool(_words_inside(source, name, 0) & take)


@kept
def has_counterpart(function: Function, release: frozenset[str], take: frozenset[str]) -> bool:
    """Whether the text defines what a function is ended by, which gives back and takes nothing.

    port_end_io() of port_start_io(): a caller holds between the two.
    """
    words = function.name.split("_")
    ends = (
        "_".join((*words[:at], end, *words[at + 1 :]))
        for at, word in enumerate(words)
        for end in ("end", "finish")
        if word in ("start", "begin", "enter")
    )
    source = source_of(function)
    inside = (_words_inside(source, name, 0) for name in (*ends, *opposites(function.name)))
    return any(each & release and not each & take for each in inside)


@kept
def cleaned_up_by_callers(function: Function, member: str, release: frozenset[str]) -> bool:
    """Whether a caller of the function in its text also calls what gives back such a member, so that it is not lost."""
    source = source_of(function)
    given = re.compile(
        rf"\b({'|'.join(map(re.escape, sorted(release)))})\s*\([^;]*(->|\.){re.escape(member)}\b"
    )
    others = [each for each in source.functions() if each.name != function.name]
    last = member.rpartition(".")[2]
    cleaners = {each.name for each in others if last in each.identifiers and given.search(each.text)}
    if not cleaners:
        return False
    callers = [each for each in others if function.name in each.identifiers and each.name not in cleaners]
    return any(_words_inside(source, each.name, 1) & cleaners for each in callers)


@kept
def _words_inside(source: Source, name: str, depth: int) -> frozenset[str]:
    """The identifiers in what the text defines under a name, and in what that calls."""
    own = source.function_named(name)
    if own is None:
        bodies = [each.body for each in source.macros() if each.name == name]
        return frozenset(word for body in bodies for word in words_of(body))
    words = own.identifiers
    if depth < 2:
        known = {each.name for each in source.functions()} - {name}
        words = words.union(*(_words_inside(source, each, depth + 1) for each in sorted(words & known)))
    return words


@kept
def calls_unknown(source: Source, name: str, depth: int = 0) -> bool:
    """Whether a function of the text calls something through a pointer, itself or in what it calls."""
    own = source.function_named(name)
    if own is None or depth > 2:
        return False
    if any(not call.name for call in own.calls()):
        return True
    known = {each.name for each in source.functions()} - {name}
    return any(calls_unknown(source, each, depth + 1) for each in sorted(own.identifiers & known))


def may_release(source: Source, name: str, release: frozenset[str], handed: bool) -> bool:
    """Whether what the text defines under a name may give back something; handed: whether that is handed to it."""
    return releases_inside(source, name, release) or (handed and calls_unknown(source, name))


@kept
def keeps_inside(source: Source, name: str, release: frozenset[str]) -> bool:
    """Whether a function of the text stores a parameter somewhere, or gives back something of this kind."""
    own = source.function_named(name)
    if own is None:
        return False
    if _words_inside(source, name, 0) & release:
        return True
    for each in own.parameters:
        if each.type.endswith("*") and re.search(
            rf"(?<![=!<>])=\s*(\([^()]*\)\s*)?&?{re.escape(each.name)}\s*[;,+]", own.text
        ):
            return True
    return False
