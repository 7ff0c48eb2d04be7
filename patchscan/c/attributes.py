"""Words that the kernel puts before and behind declarations, and that say nothing of the control flow.

Sources: include/linux/compiler_types.h, compiler_attributes.h, compiler-context-analysis.h, init.h, linkage.h, cache.h.
A word of one tree alone need not stand here: mask_header() tells it from a type by its place.
"""

from patchscan.basics.pattern import pattern

_POINTERS = "__user __kernel __iomem __rcu __percpu __force __private __nocast __bitwise __nonstring"
_INLINING = (
    "__always_inline __inline __inline__ noinline noinline_for_stack noinline_for_tracing nokprobe_inline __flatten "
    "__gnu_inline __noclone __FORTIFY_INLINE"
)
_TRACING = (
    "noinstr notrace __kprobes __cpuidle __irq_entry __softirq_entry __exception_irq_entry __no_profile __noendbr "
    "__no_stack_protector __noscs __nocfi __noretpoline __noinitretpoline __latent_entropy __no_context_analysis"
)
_LINKAGE = (
    "asmlinkage __visible __weak __sched __lockfunc __cold __hot __used __efiapi __head __ref __refdata __refconst "
    "__fix_address __bpf_kfunc __rust_helper __net_init __net_exit __net_initdata __read_mostly __ro_after_init "
    "__page_aligned_data __page_aligned_bss STATIC_IF_KUNIT VISIBLE_IF_KUNIT"
)
_PROMISES = (
    "__must_check __unused __always_unused __maybe_unused __pure __const __attribute_const__ __noreturn __packed "
    "__deprecated __malloc __extension__ __randomize_layout __no_randomize_layout __designated_init "
    "randomized_struct_fields_start randomized_struct_fields_end"
)
_PLAIN = frozenset(" ".join((_POINTERS, _INLINING, _TRACING, _LINKAGE, _PROMISES)).encode().split())
_PATTERN = pattern(
    rb"__(?:sched_|mem|net_|cpu|dev|platform_)?(?:init|exit)"
    rb"(?:data|const|rodata|text|call|_or_module|data_or_module|const_or_module|_refok|_or_suspend|_memblock)?"
    rb"|__init(?:data)?_memblock|_*\w*cacheline_aligned\w*|__no_(?:k?[acm]san|kcsan|kmsan|sanitize)\w*"
    rb"|__xdp_\w+_attr|__meminit\w*"
)
_CONTEXTS = (
    "__releases __acquires __must_hold __cond_acquires __cond_releases __releases_shared __acquires_shared "
    "__must_hold_shared __guarded_by __pt_guarded_by __context_unsafe"
)
_VALUES = (
    "__printf __scanf __aligned __section __free __cleanup __attribute__ __attribute __counted_by __counted_by_le "
    "__counted_by_be __counted_by_ptr __alloc_size __realloc_size __assume_aligned __malloc __no_sanitize "
    "__diagnose_as __alias __copy __compiletime_error __compiletime_warning _Alignas alignas"
)
WITH_ARGUMENTS = frozenset(f"{_CONTEXTS} {_VALUES}".encode().split())


def is_attribute(word: bytes) -> bool:
    """Whether the word is a compiler or section attribute, with or without arguments."""
    return word in WITH_ARGUMENTS or is_plain_attribute(word)


def is_plain_attribute(word: bytes) -> bool:
    """Whether the word is an attribute that stands without arguments."""
    if word in _PLAIN:
        return True
    # Few words begin so: the pattern takes long to compile.
    return (word.startswith(b"__") or b"cacheline" in word) and _PATTERN.fullmatch(word) is not None
