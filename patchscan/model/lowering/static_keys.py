"""What is decided at boot, or by who turns a static key: one answer a subject."""

from tree_sitter import Node

from patchscan.model.lowering.abstract_values import Const, Unknown, Value
from patchscan.model.lowering.environment import ASKED, KEY, MEANWHILE, Environment
from patchscan.model.lowering.meanwhile import tell_changed
from patchscan.model.lowering.memory import Context, Frame, Out, place_of


def _subject(given: list[Node], frame: Frame) -> tuple[Node | None, str]:
    """What is asked for, and its name; the function that asks where there is none."""
    argument, text = given[0] if given else None, frame.definition.name
    while argument is not None and argument.type == "identifier" and frame.text(argument) in frame.bound:
        argument, frame = frame.bound[frame.text(argument)]
    return argument, frame.text(argument).lstrip("&") if argument is not None else text


def turned(
    context: Context, node: Node, given: list[Node], env: Environment, frame: Frame, out: Out
) -> Value:
    """A static key is turned on or off; one that is counted may be either then."""
    _, text = _subject(given, frame)
    state = context.evaluate(context, given[1], env, frame, out) if len(given) > 1 else context.unknown(text)
    env[0, f"{KEY}{text}"] = state
    env.pop((0, f"{MEANWHILE}{KEY}{text}"), None)
    return Const(0)


def choice(
    context: Context, node: Node, given: list[Node], env: Environment, frame: Frame, out: Out
) -> Value:
    """A value nobody here decides; one choice a subject, so that asking twice gives the same answer."""
    argument, text = _subject(given, frame)
    chosen = context.chosen(text)
    if chosen is not None:
        return Const(chosen)
    if argument is None:
        return Unknown(f"u{context.next()}", text)
    tell_changed(env, f"{KEY}{text}", text, out, place_of(frame, node))
    env[0, f"{ASKED}{text}"] = Const(1)
    state = env.get((0, f"{KEY}{text}"))
    return state if state is not None else Unknown(f"choice {text}", text)
