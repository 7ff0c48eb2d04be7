"""A statement-order walk through a function: which context every statement and call runs in.

Branches merge, loops run until nothing changes, goto and break carry their state to where they lead, guards end with
their scope. What is not known stays unknown: on entry, after a merge of different paths, after a call that
could change the context.
"""

from collections.abc import Callable
from typing import TYPE_CHECKING

from patchscan.basics.record import field, frozen
from patchscan.c.source import Function
from patchscan.flow.calleffects import Branches, Summaries, enter_guard, leave_guards, macro_arguments
from patchscan.flow.effects import guard_effect
from patchscan.flow.expressions import MAX_DEPTH, MAX_VISITS, Expressions, TooLarge
from patchscan.flow.state import UNKNOWN, State, forget_context, lock_name, merge, widen

if TYPE_CHECKING:
    from tree_sitter import Node

MAX_PASSES = 8


@frozen
class FlowStates:
    """The states of a function. complete: False when it could not be walked, why says so; all is unknown then."""

    complete: bool
    why: str
    exits: tuple[State, ...] = ()
    _states: dict[int, State | None] = field(default_factory=dict)

    def at(self, node: "Node") -> State:
        """What is known where the node is evaluated (of a call: after its arguments, before it is made)."""
        if not self.complete:
            return UNKNOWN
        found: Node | None = node
        while found is not None:
            if found.id in self._states:
                return self._states[found.id] or UNKNOWN
            found = found.parent
        return UNKNOWN

    def reached(self, node: "Node") -> bool:
        """False for code that no path leads to."""
        if not self.complete:
            return True
        found: Node | None = node
        while found is not None:
            if found.id in self._states:
                return self._states[found.id] is not None
            found = found.parent
        return True


def states(function: Function, entry: State = UNKNOWN, summaries: Summaries | None = None) -> FlowStates:
    """Walk a function; entry: what its callers guarantee; summaries: what is known of a callee by its name."""
    if function.partial:
        return FlowStates(False, "the function could not be parsed cleanly")
    walk = _Walk(function, summaries)
    if not walk.run(entry):
        return FlowStates(False, "the function nests too deeply or is too large")
    return FlowStates(True, "", tuple(walk.exits), walk.states)


class _Walk(Expressions):
    """One walk through one function; states and exits are its result.

    Every method for a statement takes the state before it and returns the one behind it, None where control
    does not get there.
    """

    def __init__(self, function: Function, summaries: Summaries | None) -> None:
        super().__init__(function, summaries)
        self.exits: list[State] = []
        self.labels: dict[str, State] = {}
        self.breaks: list[tuple[int, list[State]]] = []
        self.continues: list[tuple[int, list[State]]] = []

    def run(self, entry: State) -> bool:
        """Walk until the states at labels no longer change; False when that takes too long."""
        try:
            for _ in range(MAX_PASSES):
                before = dict(self.labels)
                self.exits = []
                end = self.statement(self.function.body, entry)
                if end is not None:
                    self.exits.append(end)
                if self.labels == before:
                    return True
        except TooLarge:
            return False
        return False

    def statement(self, node: "Node", state: State | None) -> State | None:
        self.visits += 1
        self.depth += 1
        if self.visits > MAX_VISITS or self.depth > MAX_DEPTH:
            raise TooLarge
        self.states[node.id] = state
        handler = _STATEMENTS.get(node.type)
        after = handler(self, node, state) if handler else self.parts(node, state)
        self.depth -= 1
        return after

    def parts(self, node: "Node", state: State | None) -> State | None:
        """The parts of a statement in their order."""
        for child in node.named_children:
            state = self.part(child, state)
        return state

    def part(self, node: "Node", state: State | None) -> State | None:
        if node.type in _STATEMENTS or node.type.endswith("_statement"):
            return self.statement(node, state)
        return self.expression(node, state)

    def block(self, node: "Node", state: State | None) -> State | None:
        mark = len(state.guards) if state else 0
        for child in node.named_children:
            state = self.part(child, state)
        return leave_guards(state, mark)

    def if_statement(self, node: "Node", state: State | None) -> State | None:
        condition = node.child_by_field_name("condition")
        consequence = node.child_by_field_name("consequence")
        alternative = node.child_by_field_name("alternative")
        macro = self.function.macro_of(node)
        if macro and condition is not None and consequence is not None:
            return self.guarded(node, macro, condition, consequence, state)
        taken, skipped = self.condition(condition, state) if condition is not None else (state, state)
        after = self.statement(consequence, taken) if consequence is not None else taken
        other = self.statement(alternative, skipped) if alternative is not None else skipped
        return merge(after, other)

    def guarded(
        self, node: "Node", macro: str, condition: "Node", body: "Node", state: State | None
    ) -> State | None:
        """scoped_guard(class, lock) statement; an unknown macro may run its body or not."""
        arguments = [self.text(child) for child in macro_arguments(condition)]
        effect = guard_effect(arguments[0]) if arguments and "guard" in macro else None
        inside = self.expression(condition, state)
        if effect is not None and inside is not None:
            lock = lock_name(arguments[-1]) if len(arguments) > 1 else ""
            inside = enter_guard(inside, effect, lock, str(node.start_byte), self.line(node))
        elif "guard" in macro and inside is not None:
            inside = forget_context(inside)
        after = self.statement(body, inside)
        after = leave_guards(after, len(state.guards) if state else 0)
        return after if effect is not None and macro == "scoped_guard" else merge(after, state)

    def loop(self, node: "Node", state: State | None) -> State | None:
        """while, for and the kernel's loop macros: no round, one, or many."""
        if node.type == "for_statement":
            initializer = node.child_by_field_name("initializer")
            state = self.part(initializer, state) if initializer is not None else state
        condition = node.child_by_field_name("condition")
        update = node.child_by_field_name("update")
        body = node.child_by_field_name("body")
        mark = len(state.guards) if state else 0
        entry = state
        out: State | None = None
        for _ in range(MAX_PASSES):
            taken, out = self.loop_condition(node, condition, entry)
            self.breaks.append((mark, []))
            self.continues.append((mark, []))
            after = self.statement(body, taken) if body is not None else taken
            for other in self.continues.pop()[1]:
                after = merge(after, other)
            after = self.expression(update, after) if update is not None else after
            for other in self.breaks.pop()[1]:
                out = merge(out, other)
            again = widen(entry, after)
            if again == entry:
                return out
            entry = again
        raise TooLarge

    def loop_condition(self, node: "Node", condition: "Node | None", state: State | None) -> Branches:
        if condition is None:
            return state, None
        if self.function.macro_of(node):
            after = self.expression(condition, state)
            return after, after
        return self.condition(condition, state)

    def do_statement(self, node: "Node", state: State | None) -> State | None:
        body, condition = node.child_by_field_name("body"), node.child_by_field_name("condition")
        mark = len(state.guards) if state else 0
        entry = state
        out: State | None = None
        for _ in range(MAX_PASSES):
            self.breaks.append((mark, []))
            self.continues.append((mark, []))
            after = self.statement(body, entry) if body is not None else entry
            for other in self.continues.pop()[1]:
                after = merge(after, other)
            back, out = self.condition(condition, after) if condition is not None else (None, after)
            for other in self.breaks.pop()[1]:
                out = merge(out, other)
            again = widen(entry, back)
            if again == entry:
                return out
            entry = again
        raise TooLarge

    def switch_statement(self, node: "Node", state: State | None) -> State | None:
        condition, body = node.child_by_field_name("condition"), node.child_by_field_name("body")
        state = self.expression(condition, state) if condition is not None else state
        self.breaks.append((len(state.guards) if state else 0, []))
        current: State | None = None
        has_default = False
        for child in body.named_children if body is not None else []:
            if child.type == "case_statement":
                has_default = has_default or child.child_by_field_name("value") is None
                current = merge(current, state)
            current = self.part(child, current)
        for other in self.breaks.pop()[1]:
            current = merge(current, other)
        return current if has_default else merge(current, state)

    def labeled_statement(self, node: "Node", state: State | None) -> State | None:
        label = node.child_by_field_name("label")
        if label is not None:
            state = merge(state, self.labels.get(self.text(label)))
        self.states[node.id] = state
        for child in node.named_children[1:]:
            state = self.part(child, state)
        return state

    def goto_statement(self, node: "Node", state: State | None) -> State | None:
        label = node.child_by_field_name("label")
        if label is not None and state is not None:
            name = self.text(label)
            merged = widen(self.labels.get(name), leave_guards(state, 0))
            if merged is not None:
                self.labels[name] = merged
        return None

    def break_statement(self, node: "Node", state: State | None) -> State | None:
        self.jump(self.breaks, state)
        return None

    def continue_statement(self, node: "Node", state: State | None) -> State | None:
        self.jump(self.continues, state)
        return None

    def jump(self, targets: list[tuple[int, list[State]]], state: State | None) -> None:
        if targets and state is not None:
            mark, waiting = targets[-1]
            unwound = leave_guards(state, mark)
            if unwound is not None:
                waiting.append(unwound)

    def return_statement(self, node: "Node", state: State | None) -> State | None:
        state = leave_guards(self.parts(node, state), 0)
        if state is not None:
            self.exits.append(state)
        return None

    def preprocessor(self, node: "Node", state: State | None) -> State | None:
        """#if in a body: either branch may be compiled."""
        taken = state
        alternative = node.child_by_field_name("alternative")
        condition = node.child_by_field_name("condition") or node.child_by_field_name("name")
        for child in node.named_children:
            if child not in (alternative, condition):
                taken = self.part(child, taken)
        other = self.preprocessor(alternative, state) if alternative is not None else state
        if node.type == "preproc_else":
            return taken
        return merge(taken, other)


Handler = Callable[[_Walk, "Node", State | None], State | None]
_STATEMENTS: dict[str, Handler] = {
    "compound_statement": _Walk.block,
    "if_statement": _Walk.if_statement,
    "while_statement": _Walk.loop,
    "for_statement": _Walk.loop,
    "do_statement": _Walk.do_statement,
    "switch_statement": _Walk.switch_statement,
    "labeled_statement": _Walk.labeled_statement,
    "goto_statement": _Walk.goto_statement,
    "break_statement": _Walk.break_statement,
    "continue_statement": _Walk.continue_statement,
    "return_statement": _Walk.return_statement,
    "preproc_if": _Walk.preprocessor,
    "preproc_ifdef": _Walk.preprocessor,
    "preproc_else": _Walk.preprocessor,
    "preproc_elif": _Walk.preprocessor,
    "preproc_elifdef": _Walk.preprocessor,
    "declaration": _Walk.parts,
    "expression_statement": _Walk.parts,
    "else_clause": _Walk.parts,
    "case_statement": _Walk.parts,
}
