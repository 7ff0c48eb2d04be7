"""x86 entry assembly as C, line for line: the few instructions that matter to a model, everything else is blank.

A store on x86 is not reordered with earlier accesses (TSO), so it is a store-release; writing CR3 or CR4 flushes
and serialises; INVPCID flushes. Sources: Intel SDM vol. 3, 9.2 "Memory ordering" and 4.10 "Caching translation
information"; arch/x86/entry/calling.h.
"""

from patchscan.basics.pattern import pattern

_MACRO = pattern(rb"\s*\.macro\s+(\w+)")
_END = pattern(rb"\s*\.endm\b")
_STORE = pattern(rb"\s*mov[bwlq]?\s+\$(\w+)\s*,\s*PER_CPU_VAR\((\w+)\)")
_EXCHANGE = pattern(rb"\s*xchg[bwlq]?\s+[^,]+,\s*PER_CPU_VAR\((\w+)\)")
_CONTROL = pattern(rb"\s*mov[lq]?\s+[^,]+,\s*%(cr[34])\b")
_FLUSH = pattern(rb"\s*(?:invpcid|invlpg)\b")
_FENCE = pattern(rb"\s*(?:mfence|lock\s)")
_CALL = pattern(
    rb"\s*(?!ALTERNATIVE|STATIC_|UNWIND_|ANNOTATE_|ENDBR|VALIDATE_)([A-Z][A-Z0-9_]{3,})\b(?!\s*[:=(])"
)
_DIRECTIVE = pattern(rb"\s*#\s*(?:if|ifdef|ifndef|elif|else|endif)\b")


def has_macros(text: bytes) -> bool:
    """Whether a file has assembly macros."""
    return b".macro" in text


def as_c(text: bytes) -> bytes:
    """The assembly macros of a file as C functions without parameters, with the same number of lines."""
    lines, inside = [], False
    for line in text.split(b"\n"):
        begins = _MACRO.match(line)
        if begins is not None:
            inside = True
            lines.append(b"void %s(void) {" % begins.group(1))
        elif _END.match(line):
            lines.append(b"}" if inside else b"")
            inside = False
        elif _DIRECTIVE.match(line):
            lines.append(line)
        else:
            lines.append(_statement(line) if inside else b"")
    return b"\n".join(lines)


def _statement(line: bytes) -> bytes:
    """One instruction as C, b"" for one that does nothing to a model."""
    store = _STORE.match(line)
    if store is not None:
        return b"smp_store_release(this_cpu_ptr(&%s), %s);" % (store.group(2), store.group(1))
    exchange = _EXCHANGE.match(line)
    if exchange is not None:
        return b"xchg(this_cpu_ptr(&%s), 1);" % exchange.group(1)
    control = _CONTROL.match(line)
    if control is not None:
        return b"native_write_%s(0);" % control.group(1)
    if _FLUSH.match(line):
        return b"__flush_tlb_all();"
    if _FENCE.match(line):
        return b"smp_mb();"
    call = _CALL.match(line)
    return b"%s();" % call.group(1) if call is not None else b""
