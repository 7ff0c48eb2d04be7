"""Functions that nothing in the source calls: the compiler emits the calls by itself, into modules as well."""

from patchscan.basics.pattern import pattern

# Runtimes of the sanitizers and of profiling (GCC's and LLVM's manuals: Instrumentation Options), of stack protection
# and retpolines, and what stands for operators and assignments (GCC internals: The GCC low-level runtime library;
# Run-time ABI for the Arm architecture).
_EMITTED = pattern(
    r"__(?:asan|hwasan|kasan|tsan|msan|ubsan|sanitizer|gcov|llvm|cfi|kcfi|profc|cyg_profile)_\w+|"
    r"__stack_chk_\w+|__(?:fentry|gnu_mcount_nc|mcount)__?|_?mcount|"
    r"__x86_(?:indirect_thunk|return_thunk|indirect_\w+_thunk)\w*|__indirect_\w*thunk\w*|"
    r"__(?:u?div|u?mod|u?divmod|mul|ashl|ashr|lshr|u?cmp|neg|bswap|clz|ctz|ffs|parity|popcount|add|sub|float\w*|fix\w*)"
    r"v?[qhsdtx]i[2-4]|__aeabi_\w+|mem(?:cpy|move|set|cmp)|str(?:len|cpy|cmp|cat)|stpcpy|bcmp"
)


def compiler_calls(name: str) -> bool:
    """Whether the compiler may call a function by this name where the source does not."""
    return _EMITTED.fullmatch(name) is not None
