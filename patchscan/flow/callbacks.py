"""Functions that run in a context of their own because something registers them as a callback.

Sources: kernel-doc of the registering functions; kernel/irq/manage.c and kernel/time/hrtimer.c for what PREEMPT_RT
moves to threads.
"""

import re
from collections.abc import Mapping
from functools import lru_cache

from patchscan.flow.state import BOTTOM_HALF, IRQS_OFF, IRQS_OFF_NOT_RT, UNKNOWN, State
from patchscan.source import Function, Source

_REGISTRARS: dict[str, tuple[int, str]] = {
    "smp_call_function": (0, "ipi"),
    "smp_call_function_single": (1, "ipi"),
    "smp_call_function_many": (1, "ipi"),
    "smp_call_function_any": (1, "ipi"),
    "on_each_cpu": (0, "ipi"),
    "on_each_cpu_mask": (1, "ipi"),
    "on_each_cpu_cond": (1, "ipi"),
    "on_each_cpu_cond_mask": (1, "ipi"),
    "INIT_CSD": (1, "ipi"),
    "stop_machine": (0, "stopper"),
    "stop_machine_cpuslocked": (0, "stopper"),
    "request_irq": (1, "hard irq"),
    "request_percpu_irq": (1, "percpu irq"),
    "request_threaded_irq": (1, "hard irq"),
    "devm_request_irq": (2, "hard irq"),
    "devm_request_threaded_irq": (2, "hard irq"),
    "timer_setup": (1, "timer"),
    "timer_setup_on_stack": (1, "timer"),
    "DEFINE_TIMER": (1, "timer"),
    "hrtimer_setup": (1, "hrtimer"),
    "hrtimer_setup_on_stack": (1, "hrtimer"),
    "init_irq_work": (1, "irq work"),
    "call_rcu": (1, "rcu callback"),
    "call_rcu_hurry": (1, "rcu callback"),
    "call_srcu": (2, "srcu callback"),
    "tasklet_setup": (1, "tasklet"),
    "open_softirq": (1, "softirq"),
}
_ENTRY: dict[str, State] = {
    "ipi": IRQS_OFF,
    "stopper": IRQS_OFF,
    "percpu irq": IRQS_OFF,
    "hard irq": IRQS_OFF_NOT_RT,
    "hrtimer": IRQS_OFF_NOT_RT,
    "irq work": IRQS_OFF_NOT_RT,
    "timer": BOTTOM_HALF,
    "tasklet": BOTTOM_HALF,
    "softirq": BOTTOM_HALF,
    "rcu callback": BOTTOM_HALF,
}


def entry_state(kind: str) -> State:
    """What holds on entry of a callback of this kind; nothing is known of other kinds."""
    return _ENTRY.get(kind, UNKNOWN)


@lru_cache(maxsize=256)
def callbacks(source: Source) -> Mapping[str, str]:
    """Static functions that the text only registers, never calls -> the kind of callback they are.

    A function registered in two ways, or named anywhere else, is left out: its context is not known. A fragment
    does not show who else calls it, so it tells of none.
    """
    if source.fragment is not None:
        return {}
    kinds: dict[str, set[str]] = {}
    registered: dict[str, int] = {}
    for function in source.functions():
        for name, kind in _registrations(function):
            kinds.setdefault(name, set()).add(kind)
            registered[name] = registered.get(name, 0) + 1
    static = {function.name for function in source.functions() if function.is_static}
    return {
        name: min(kinds[name])
        for name in sorted(kinds)
        if len(kinds[name]) == 1 and name in static and _mentions(source, name) == registered[name] + 1
    }


def _registrations(function: Function) -> list[tuple[str, str]]:
    """(callback, kind) for every registration in a function."""
    if not any(name in function.text for name in _REGISTRARS):
        return []
    found = []
    for call in function.calls():
        index, kind = _REGISTRARS.get(call.name, (0, ""))
        if kind == "hrtimer" and "_SOFT" in function.source.text_of(call.node):
            kind = "softirq"
        if kind and index < len(call.arguments):
            found.append((function.source.text_of(call.arguments[index]).lstrip("&"), kind))
    return found


def _mentions(source: Source, name: str) -> int:
    """How often the name stands in the code: once where it is defined, once for each use."""
    return len(re.findall(rb"\b" + re.escape(name.encode()) + rb"\b", source.code))
