"""The control-flow graph of a function, built from its statements."""

from functools import partial
from typing import TYPE_CHECKING

from patchscan.basics.keep import kept
from patchscan.basics.pattern import pattern
from patchscan.c.function import Function
from patchscan.c.source import source_of
from patchscan.flow.actions import (
    Declared,
    Guarded,
    Operation,
    Round,
    TooLarge,
    Unguarded,
    constant_sign,
)
from patchscan.flow.deciding import Deciding
from patchscan.flow.effects import ASSERTS_FALSE, ASSERTS_TRUE, KUNIT_ASSERTIONS
from patchscan.flow.endings import ends_way
from patchscan.flow.graph import Edge, Taken
from patchscan.flow.graph import Graph as Graph
from patchscan.flow.guards import guard, guards_around
from patchscan.flow.lowering import MAX_DEPTH, inner, operator_of
from patchscan.flow.signs import ANY, NOT_ZERO, ZERO
from patchscan.flow.unfollowed import leave

if TYPE_CHECKING:
    from tree_sitter import Node

_FREED = pattern(r"__free\s*\(\s*(\w+)\s*\)|\b__cleanup\s*\(|\b_cleanup_\w+")
ASSERTS = ASSERTS_FALSE | ASSERTS_TRUE


def graph_of(function: Function) -> Graph | None:
    """The graph of a function; None where it is not all there, could not be parsed or is too large."""
    return graph_of_part(function) if function.whole else None


@kept
def graph_of_part(function: Function) -> Graph | None:
    """Like graph_of, also of a function of which only a part is at hand: a jump out of it leads nowhere."""
    if function.partial:
        return None
    try:
        return _Builder(function).graph()
    except TooLarge:
        leave(function)
        return None


class _Builder(Deciding):
    """Builds from the end: each statement is given the point that follows it, and tells where it begins."""

    def __init__(self, function: Function) -> None:
        super().__init__(function)
        self.labels: dict[str, tuple[int, Node]] = {}
        self.breaks: list[tuple[int, int]] = []
        self.continues: list[tuple[int, int]] = []
        self.guards = 0
        self.cases: list[list[Edge]] = []
        self.switched: list[str] = []
        self.freed: set[str] = set()

    def graph(self) -> Graph:
        body = self.function.body
        end = self.point(self.source.last_line_of(body))
        self.points[end].leaves = True
        # From the last to the first: points that come later have lower numbers.
        for node in reversed(self.function.nodes("labeled_statement")):
            label = node.child_by_field_name("label")
            if label is not None:
                self.labels[self.text(label)] = self.point(self.line(node)), node
        entry = self.statement(body, end)
        variables = (*self.locals.values(), *self.parameters.values())
        return Graph(
            self.function,
            tuple(self.points),
            entry,
            frozenset(self.freed),
            frozenset(name for name, each in self.locals.items() if not each.static),
            frozenset(each.name for each in variables if each.type.endswith("*")),
            self.starts,
        )

    def before(self, line: int, operations: list[Operation], to: int) -> int:
        """A point that does something before another."""
        return self.point(line, operations, Edge(to)) if operations else to

    def statement(self, node: "Node", to: int) -> int:
        """Where a statement begins that goes on to a point."""
        self.depth += 1
        if self.depth > MAX_DEPTH:
            raise TooLarge
        handler = getattr(self, f"on_{node.type}", None)
        found: int = to if handler is None else handler(node, to)
        self.depth -= 1
        self.starts[node.id] = found
        return found

    def statements(self, nodes: "list[Node]", to: int) -> int:
        for node in reversed(nodes):
            to = self.statement(node, to)
        return to

    def on_compound_statement(self, node: "Node", to: int) -> int:
        children = node.named_children
        if not any(guard(self, child) for child in children):
            return self.statements(children, to)
        outer = self.guards
        before = [outer]
        for child in children:
            before.append(before[-1] + (guard(self, child) is not None))
        to = self.point(self.source.last_line_of(node), [Unguarded(outer, self.line(node))], Edge(to))
        for child, self.guards in reversed(list(zip(children, before, strict=False))):
            to = self.statement(child, to)
        self.guards = outer
        return to

    def jump(self, node: "Node", to: int, guards: int, taken: Taken = "") -> int:
        """A point that leads elsewhere, where fewer guards have been entered."""
        line = self.line(node)
        ended: list[Operation] | None = [Unguarded(guards, line)] if self.guards > guards else None
        return self.point(line, ended, Edge(to, taken=taken, line=line if taken else 0))

    def stray(self, node: "Node") -> int:
        """A jump to where the part of the function that is at hand does not show."""
        if self.function.whole:
            raise TooLarge
        return self.point(self.line(node))

    def on_attributed_statement(self, node: "Node", to: int) -> int:
        return self.statements([each for each in node.named_children if each.type.endswith("statement")], to)

    def on_else_clause(self, node: "Node", to: int) -> int:
        return self.statements(node.named_children, to)

    def on_expression_statement(self, node: "Node", to: int) -> int:
        children = [each for each in node.named_children if each.type != "comment"]
        entered = guard(self, node)
        if entered is not None:
            return self.point(entered.line, [entered], Edge(to))
        return self.effect(children[0], to) if children else to

    def effect(self, node: "Node", to: int) -> int:
        """Where an expression begins whose value is not used."""
        node = inner(node)
        if node.type == "binary_expression" and operator_of(node) in ("&&", "||"):
            return self.condition(node, to, to)
        if node.type == "comma_expression":
            for child in reversed(node.named_children):
                to = self.effect(child, to)
            return to
        if node.type == "conditional_expression":
            return self.choice(node, lambda branch: self.effect(branch, to))
        if node.type == "assignment_expression" and operator_of(node) == "=":
            left, right = node.child_by_field_name("left"), node.child_by_field_name("right")
            if left is not None and right is not None and inner(right).type == "conditional_expression":
                return self.choice(inner(right), lambda branch: self.set(left, branch, to))
        if node.type == "call_expression":
            call = self.function.call(node)
            if call.name in ASSERTS and call.arguments:
                return self.assertion(call, to)
            if ends_way(source_of(self.function), call.name):
                return self.point(self.line(node))
            if call.name.removesuffix("_MSG") in KUNIT_ASSERTIONS and len(call.arguments) > 1:
                return self.kunit_assertion(call, to)
        operations: list[Operation] = []
        self.expression(node, operations)
        return self.before(self.line(node), operations, to)

    def set(self, left: "Node", right: "Node", to: int) -> int:
        operations: list[Operation] = []
        value = self.expression(right, operations)
        self.store(left, right, value, operations)
        return self.before(self.line(left), operations, to)

    def on_declaration(self, node: "Node", to: int) -> int:
        if any(self.source.text_of(child) in ("static", "extern") for child in node.children[:3]):
            return to
        freed = _FREED.search(self.source.text_of(node))
        for declarator in reversed(node.children_by_field_name("declarator")):
            named = declarator
            shape = ""
            while named.type not in ("identifier", "function_declarator"):
                shape += named.type[:1]
                found = named.child_by_field_name("declarator") or next(
                    (
                        each
                        for each in named.named_children
                        if each.type.endswith(("declarator", "identifier"))
                    ),
                    None,
                )
                if found is None:
                    break
                named = found
            name = self.text(named)
            if freed:
                self.freed.add(name)
            value = declarator.child_by_field_name("value")
            line = self.line(named)
            if named.type != "identifier":
                continue
            if value is None:
                plain = "a" not in shape
                to = self.before(line, [Declared(name, line)] if plain else [], to)
            elif inner(value).type == "conditional_expression":
                to = self.choice(inner(value), partial(self.set_to, named, to))
            else:
                operations: list[Operation] = []
                known = self.expression(value, operations)
                self.store(named, value, known, operations)
                to = self.before(line, operations, to)
        return to

    def set_to(self, left: "Node", to: int, right: "Node") -> int:
        """set() with the value last."""
        return self.set(left, right, to)

    def on_if_statement(self, node: "Node", to: int) -> int:
        condition, yes = node.child_by_field_name("condition"), node.child_by_field_name("consequence")
        no = node.child_by_field_name("alternative")
        if condition is None or yes is None:
            raise TooLarge
        macro = self.function.macro_of(node)
        if macro:
            operations: list[Operation] = []
            self.expression(condition, operations, False)
            inside = self.guarded(node, condition, yes, to) if "guard" in macro else self.block(yes, to)
            return self.point(self.line(node), operations, Edge(inside), *self._around(macro, to))
        body = self.statement(yes, to)
        return self.condition(condition, body, self.statement(no, to) if no is not None else to)

    def block(self, node: "Node", to: int) -> int:
        """What stands in the braces of a macro that is not known: where no loop is around it, it is one."""
        return self.statement(node, to) if self.breaks else self.body(node, to, to)

    def guarded(self, node: "Node", condition: "Node", body: "Node", to: int) -> int:
        """scoped_guard(class, key) body"""
        arguments = self.macro_arguments(condition)
        line = self.line(node)
        to = self.point(self.source.last_line_of(body), [Unguarded(self.guards, line)], Edge(to))
        self.guards += 1
        to = self.statement(body, to)
        self.guards -= 1
        key = arguments[-1] if len(arguments) > 1 else ""
        return self.point(line, [Guarded(arguments[0], key, line, str(node.start_byte))], Edge(to))

    def _around(self, macro: str, to: int) -> tuple[Edge, ...]:
        return () if "scoped" in macro and "cond" not in macro else (Edge(to),)

    def on_while_statement(self, node: "Node", to: int) -> int:
        condition, body = node.child_by_field_name("condition"), node.child_by_field_name("body")
        if condition is None or body is None:
            raise TooLarge
        head = self.point(self.line(node))
        macro = self.function.macro_of(node)
        inside = self.body(body, to, head)
        if not macro:
            self.points[head].edges = (Edge(self.condition(condition, inside, to)),)
            return head
        arguments = self.macro_arguments(condition)
        line = self.line(node)
        again = self.point(line, [Round(macro, arguments, line)], Edge(inside))
        ended = self.point(line, [Round(macro, arguments, line, True)], Edge(to))
        self.points[head].edges = (Edge(again, line=line), Edge(ended, taken="none", line=line))
        return head

    def body(self, node: "Node", leave: int, again: int) -> int:
        self.breaks.append((leave, self.guards))
        self.continues.append((again, self.guards))
        found = self.statement(node, again)
        self.breaks.pop()
        self.continues.pop()
        return found

    def on_do_statement(self, node: "Node", to: int) -> int:
        condition, body = node.child_by_field_name("condition"), node.child_by_field_name("body")
        if condition is None or body is None:
            raise TooLarge
        head, test = self.point(self.line(node)), self.point(self.line(condition))
        word = self.source.slice(body.end_byte, condition.start_byte).split()[-1:]
        again = (
            # while_each_thread(leader, task) asks what it likes.
            (Edge(head), Edge(to))
            if word and word[0] != "while"
            else (Edge(self.condition(condition, head, to)),)
        )
        self.points[test].edges = again
        self.points[head].edges = (Edge(self.body(body, to, test)),)
        return head

    def on_for_statement(self, node: "Node", to: int) -> int:
        body, condition = node.child_by_field_name("body"), node.child_by_field_name("condition")
        if body is None:
            raise TooLarge
        head, step = self.point(self.line(node)), self.point(self.line(node))
        update = node.child_by_field_name("update")
        self.points[step].edges = (Edge(self.effect(update, head) if update is not None else head),)
        inside = self.body(body, to, step)
        first = self.condition(condition, inside, to) if condition is not None else inside
        self.points[head].edges = (Edge(first),)
        start = node.child_by_field_name("initializer")
        if start is None:
            return head
        return self.statement(start, head) if start.type == "declaration" else self.effect(start, head)

    def on_switch_statement(self, node: "Node", to: int) -> int:
        condition, body = node.child_by_field_name("condition"), node.child_by_field_name("body")
        if condition is None or body is None:
            raise TooLarge
        self.cases.append([])
        self.switched.append(self.key(condition))
        self.breaks.append((to, self.guards))
        self.statements(body.named_children, to)
        self.breaks.pop()
        self.switched.pop()
        cases = self.cases.pop()
        if not any(edge.taken == "default" for edge in cases):
            cases.insert(0, Edge(to, taken="no case", line=self.line(node)))
        operations: list[Operation] = []
        self.expression(condition, operations)
        return self.point(self.line(node), operations, *reversed(cases))

    def on_case_statement(self, node: "Node", to: int) -> int:
        value = node.child_by_field_name("value")
        entry = self.statements([each for each in node.named_children if each != value], to)
        if not self.cases:
            # What is switched stands before the part that is at hand.
            return self.stray(node) if self.function.whole else entry
        text = self.text(inner(value)) if value is not None else ""
        sign = constant_sign(text)
        key = self.switched[-1] if sign else f"{self.switched[-1]}=={text}" if text.isidentifier() else ""
        taken: Taken = "case" if value is not None else "default"
        self.cases[-1].append(Edge(entry, key, sign or (NOT_ZERO if key else ANY), taken, self.line(node)))
        return entry

    def on_labeled_statement(self, node: "Node", to: int) -> int:
        label = node.child_by_field_name("label")
        if label is None:
            raise TooLarge
        entry = self.statements([each for each in node.named_children if each != label], to)
        at = self.labels[self.text(label)][0]
        self.points[at].edges = (Edge(entry),)
        return at

    def on_goto_statement(self, node: "Node", to: int) -> int:
        label = node.child_by_field_name("label")
        target = self.labels.get(self.text(label)) if label is not None else None
        if target is None:
            return self.stray(node)
        guards = guards_around(self, target[1]) if self.guards else 0
        return self.jump(node, target[0], guards, "goto")

    def on_break_statement(self, node: "Node", to: int) -> int:
        return self.jump(node, *self.breaks[-1], "break") if self.breaks else self.stray(node)

    def on_continue_statement(self, node: "Node", to: int) -> int:
        return self.jump(node, *self.continues[-1]) if self.continues else self.stray(node)

    def on_return_statement(self, node: "Node", to: int) -> int:
        values = [each for each in node.named_children if each.type != "comment"]
        return self.leave(values[0] if values else None, self.line(node))

    def leave(self, node: "Node | None", line: int) -> int:
        """A point that leaves the function."""
        if node is not None and inner(node).type == "conditional_expression":
            return self.choice(inner(node), lambda branch: self.leave(branch, line))
        operations: list[Operation] = []
        value = self.expression(node, operations) if node is not None else None
        if self.guards:
            operations.append(Unguarded(0, line))
        at = self.point(line, operations)
        self.points[at].leaves = True
        self.points[at].value = value
        self.points[at].returned = self.text(inner(node)) if node is not None else ""
        return at

    def on_preproc_if(self, node: "Node", to: int) -> int:
        """#if inside of a function: what stands under it is one way, what stands under #else another."""
        condition = node.child_by_field_name("condition") or node.child_by_field_name("name")
        other = node.child_by_field_name("alternative")
        inside = [each for each in node.named_children if each not in (condition, other)]
        yes = self.statements(inside, to)
        no = self.statement(other, to) if other is not None else to
        key = "#" + (self.text(condition) if condition is not None else "else")
        line = self.line(node)
        return self.point(line, None, Edge(yes, key, NOT_ZERO), Edge(no, key, ZERO))

    on_preproc_ifdef = on_preproc_if
    on_preproc_elif = on_preproc_if
    on_preproc_elifdef = on_preproc_if

    def on_preproc_else(self, node: "Node", to: int) -> int:
        return self.statements(node.named_children, to)
