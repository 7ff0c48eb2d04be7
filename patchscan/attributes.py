"""Words that the kernel puts before and behind declarations, and that say nothing of the control flow."""

import re

_PLAIN = frozenset(
    b"__user __kernel __iomem __rcu __percpu __force __private __nocast __bitwise __must_check __used "
    b"__unused __always_unused __maybe_unused __always_inline __inline __inline__ noinline "
    b"noinline_for_stack noinline_for_tracing noinstr notrace asmlinkage __visible __weak __sched "
    b"__lockfunc __cold __hot __pure __const __attribute_const__ __noreturn __packed __deprecated "
    b"__malloc __latent_entropy __randomize_layout __no_randomize_layout __designated_init __read_mostly "
    b"__ro_after_init __bpf_kfunc __ref __refdata __refconst __head __kprobes nokprobe_inline __cpuidle "
    b"__irq_entry __softirq_entry __exception_irq_entry __no_profile __noclone __noendbr "
    b"__nostackprotector __no_stack_protector __gnu_inline __flatten __noscs __nocfi __noretpoline "
    b"__noinitretpoline __net_init __net_exit __net_initdata __fix_address __efiapi __hyp_text "
    b"__extension__ __page_aligned_data __page_aligned_bss __nonstring __fortify_size __FORTIFY_INLINE "
    b"__jited __no_context_analysis __signed_char_check randomized_struct_fields_start "
    b"randomized_struct_fields_end __cficanonical __section_text STATIC_IF_KUNIT VISIBLE_IF_KUNIT "
    b"INIT_OR_MODULE __rust_helper __private_extern".split()
)
_PATTERN = re.compile(
    rb"__(?:sched_|mem|net_|cpu|dev|platform_)?(?:init|exit)"
    rb"(?:data|const|rodata|text|call|_or_module|data_or_module|const_or_module|_refok|_or_suspend|_memblock)?"
    rb"|__init(?:data)?_memblock|_*\w*cacheline_aligned\w*|__no_(?:k?[acm]san|kcsan|kmsan|sanitize)\w*"
    rb"|__xdp_\w+_attr|__meminit\w*"
)
WITH_ARGUMENTS = frozenset(
    b"__releases __acquires __must_hold __cond_acquires __cond_releases __releases_shared "
    b"__acquires_shared __must_hold_shared __guarded_by __pt_guarded_by __printf __scanf __aligned "
    b"__section __free __cleanup __attribute__ __attribute __counted_by __counted_by_le __counted_by_be "
    b"__counted_by_ptr __alloc_size __alloc_align __realloc_size __assume_aligned __malloc __no_sanitize "
    b"__diagnose_as __alias __copy __compiletime_error __compiletime_warning __nonnull __initcall_attr "
    b"__weakref _Alignas alignas __context_unsafe __strub __access".split()
)


def is_attribute(word: bytes) -> bool:
    """Whether the word is a compiler or section attribute, with or without arguments."""
    return word in WITH_ARGUMENTS or is_plain_attribute(word)


def is_plain_attribute(word: bytes) -> bool:
    """Whether the word is an attribute that stands without arguments."""
    return word in _PLAIN or _PATTERN.fullmatch(word) is not None
