"""Functions that run in a context of their own because something registers them as a callback.

Sources: kernel-doc of the registering functions; kernel/irq/manage.c, kernel/irq_work.c and kernel/time/hrtimer.c for
what PREEMPT_RT moves to threads; kernel/stop_machine.c, kernel/rcu/{tree,srcutree}.c and kernel/rcu/tasks.h for how
callbacks are run; patchscan.flow.atomicusers for structures of operations.
"""

import re
from collections import Counter
from collections.abc import Iterator, Mapping

from patchscan.basics.keep import kept
from patchscan.basics.pattern import pattern
from patchscan.basics.record import frozen
from patchscan.c.source import Function, Source
from patchscan.flow.atomicusers import operations
from patchscan.flow.state import (
    BOTTOM_HALF,
    IRQS_OFF,
    IRQS_OFF_NOT_RT,
    PREEMPT_OFF,
    RCU_READER,
    UNKNOWN,
    State,
)

# Which argument is registered as what, of calls and of macros that define an object.
_REGISTRARS: dict[str, tuple[tuple[int, str], ...]] = {
    "smp_call_function": ((0, "ipi"),),
    "smp_call_function_single": ((1, "ipi"),),
    "smp_call_function_many": ((1, "ipi"),),
    "smp_call_function_any": ((1, "ipi"),),
    "on_each_cpu": ((0, "ipi"),),
    "on_each_cpu_mask": ((1, "ipi"),),
    "on_each_cpu_cond": ((0, "ipi condition"), (1, "ipi")),
    "on_each_cpu_cond_mask": ((0, "ipi condition"), (1, "ipi")),
    "INIT_CSD": ((1, "ipi"),),
    "stop_machine": ((0, "stopper"),),
    "stop_machine_cpuslocked": ((0, "stopper"),),
    "stop_one_cpu": ((1, "stopper of one CPU"),),
    "stop_one_cpu_nowait": ((1, "stopper of one CPU"),),
    "request_irq": ((1, "hard irq"),),
    "request_percpu_irq": ((1, "percpu irq"),),
    "request_threaded_irq": ((1, "hard irq"), (2, "irq thread")),
    "devm_request_irq": ((2, "hard irq"),),
    "devm_request_threaded_irq": ((2, "hard irq"), (3, "irq thread")),
    "pci_request_irq": ((2, "hard irq"), (3, "irq thread")),
    "timer_setup": ((1, "timer"),),
    "timer_setup_on_stack": ((1, "timer"),),
    "DEFINE_TIMER": ((1, "timer"),),
    "hrtimer_setup": ((1, "hrtimer"),),
    "hrtimer_setup_on_stack": ((1, "hrtimer"),),
    "init_irq_work": ((1, "irq work"),),
    "DEFINE_IRQ_WORK": ((1, "irq work"),),
    "IRQ_WORK_INIT": ((0, "irq work"),),
    "IRQ_WORK_INIT_LAZY": ((0, "irq work"),),
    "IRQ_WORK_INIT_HARD": ((0, "hard irq work"),),
    "call_rcu": ((1, "rcu callback"),),
    "call_rcu_hurry": ((1, "rcu callback"),),
    "call_rcu_tasks": ((1, "rcu callback"),),
    "call_rcu_tasks_trace": ((1, "rcu callback"),),
    "call_srcu": ((2, "rcu callback"),),
    "tasklet_setup": ((1, "tasklet"),),
    "tasklet_init": ((1, "tasklet"),),
    "DECLARE_TASKLET": ((1, "tasklet"),),
    "DECLARE_TASKLET_DISABLED": ((1, "tasklet"),),
    "DECLARE_TASKLET_OLD": ((1, "tasklet"),),
    "DECLARE_TASKLET_DISABLED_OLD": ((1, "tasklet"),),
    "open_softirq": ((1, "softirq"),),
    "netif_napi_add": ((2, "napi poll"),),
    "netif_napi_add_tx": ((2, "napi poll"),),
    "netif_napi_add_weight": ((2, "napi poll"),),
}
_AT_FILE_LEVEL = pattern(
    rb"\b((?:DEFINE|DECLARE)_(?:TIMER|IRQ_WORK|TASKLET\w*)|IRQ_WORK_INIT\w*)\s*\(([^()]*)\)"
)
# Nothing but a timer calls a function of this type; where it is set up may be another file.
_TIMER = pattern(r"\bvoid\s+\w+\s*\(\s*struct\s+timer_list\s*\*\s*\w+\s*\)")
# Timers of the older interface, which have no registering call, tell themselves by their type.
_HRTIMER = pattern(r"\benum\s+hrtimer_restart\b")
_ASSIGNED = rb"\.\s*function\s*=\s*&?%s\b"
_NOT_THREADED = pattern(r"\bIRQF_(NO_THREAD|PERCPU|TIMER)\b")
_WORD = pattern(rb"\w+")
# What ends one is looked at only: what cannot be read as one may hold the next.
_PROTOTYPE = pattern(rb"(?m)^static\b(?=[^;{}=()]*\b(\w+)\s*\([^;{}]*\)[^;{}()]*;)")
_ENTRY: dict[str, State] = {
    "ipi": IRQS_OFF,
    "ipi condition": PREEMPT_OFF,
    "stopper": IRQS_OFF,
    "stopper of one CPU": PREEMPT_OFF,
    "percpu irq": IRQS_OFF,
    "hard irq work": IRQS_OFF,
    "hard irq": IRQS_OFF_NOT_RT,
    "hrtimer": IRQS_OFF_NOT_RT,
    "irq work": IRQS_OFF_NOT_RT,
    "timer": BOTTOM_HALF,
    "tasklet": BOTTOM_HALF,
    "softirq": BOTTOM_HALF,
    "napi poll": BOTTOM_HALF,
    "network device operation": BOTTOM_HALF,
    "rcu callback": BOTTOM_HALF,
    "atomic notifier": RCU_READER,
    "operation of a GPIO chip without can_sleep": PREEMPT_OFF,
}


@frozen
class Callback:
    """As what a function is registered, and the first line that does so."""

    kind: str
    line: int


def entry_state(kind: str) -> State:
    """What holds on entry of a callback of this kind; nothing is known of other kinds."""
    return _ENTRY.get(kind, UNKNOWN)


@kept
def callbacks(source: Source) -> Mapping[str, Callback]:
    """Static functions that the text only registers, never calls, or that take a timer -> the kind of callback.

    A function registered in two ways, or named anywhere else, is left out: its context is not known. A fragment
    does not show who else calls it, so it tells of none.
    """
    if source.fragment is not None:
        return {}
    found: dict[str, list[Callback]] = {}
    for name, callback in _registrations(source):
        found.setdefault(name, []).append(callback)
    static = {function.name for function in source.functions() if function.is_static}
    by_type = {name: callback for name, callback in _timers_by_type(source) if name not in found}
    return by_type | {
        name: min(ways, key=lambda each: each.line)
        for name, ways in sorted(found.items())
        if len({each.kind for each in ways}) == 1
        and name in static
        and _mentions(source, name) == len(ways) + 1
    }


def _timers_by_type(source: Source) -> Iterator[tuple[str, Callback]]:
    """Static functions that take a timer and nothing else, which the text never calls itself."""
    if b"struct timer_list" not in source.code:
        return
    for function in source.functions():
        if not function.is_static or not _TIMER.search(function.header):
            continue
        called = rb"\b" + re.escape(function.name.encode()) + rb"\s*\("
        if len(re.findall(called, source.code)) == 1 + _prototypes(source, function.name):
            yield function.name, Callback("timer", function.name_line)


def _registrations(source: Source) -> Iterator[tuple[str, Callback]]:
    """(function, what it is registered as) for every registration in a text."""
    present = {name for name in _REGISTRARS if name.encode() in source.code}
    timers = b"hrtimer_restart" in source.code
    for function in source.functions() if present or timers else ():
        if any(name in function.text for name in present):
            yield from _in_calls(function)
        if timers and _HRTIMER.search(function.header):
            kind = "softirq" if b"_SOFT" in source.code else "hrtimer"
            for match in re.finditer(_ASSIGNED % function.name.encode(), source.code):
                yield function.name, Callback(kind, source.line_at(match.start()))
    for match in _AT_FILE_LEVEL.finditer(source.code):
        arguments = [each.strip().lstrip(b"&").decode("utf-8", "replace") for each in match[2].split(b",")]
        for index, kind in _REGISTRARS.get(match[1].decode(), ()):
            if index < len(arguments):
                yield arguments[index], Callback(kind, source.line_at(match.start()))
    for name, kind, line in operations(source):
        yield name, Callback(kind, line)


def _in_calls(function: Function) -> Iterator[tuple[str, Callback]]:
    for call in function.calls():
        if call.name.startswith(("DEFINE_", "DECLARE_", "IRQ_WORK_INIT")):
            continue
        for index, kind in _REGISTRARS.get(call.name, ()):
            text = function.source.text_of(call.node)
            if kind == "hrtimer" and "_SOFT" in text:
                kind = "softirq"
            if kind == "hard irq" and _NOT_THREADED.search(text):
                kind = "percpu irq"
            if index < len(call.arguments):
                name = function.source.text_of(call.arguments[index]).lstrip("&")
                yield name, Callback(kind, call.line)


def _mentions(source: Source, name: str) -> int:
    """How often the name stands in the code: once where it is defined, once for each use; prototypes left out."""
    return _words_of(source)[name.encode()] - _prototypes(source, name)


def _prototypes(source: Source, name: str) -> int:
    """How often a static function is declared and not defined."""
    return _declared(source)[name.encode()]


@kept
def _words_of(source: Source) -> Counter[bytes]:
    return Counter(_WORD.findall(source.code))


@kept
def _declared(source: Source) -> Counter[bytes]:
    return Counter(_PROTOTYPE.findall(source.code))
