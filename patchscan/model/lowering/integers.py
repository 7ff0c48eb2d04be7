"""Integers as wide as their types: what a constant becomes where it is stored or cast."""

from functools import lru_cache

from patchscan.model.lowering.abstract_values import Const, Value

Kind = tuple[int, bool]
"""How many bits a type has, and whether it is signed."""
_QUALIFIERS = frozenset({"const", "volatile", "static", "register", "__force"})
_NAMES: dict[Kind, str] = {
    (8, False): "u8 __u8 uint8_t unsigned.char",
    (8, True): "s8 __s8 int8_t signed.char",
    (16, False): "u16 __u16 uint16_t unsigned.short unsigned.short.int",
    (16, True): "s16 __s16 int16_t short short.int",
    (32, False): "u32 __u32 uint32_t unsigned unsigned.int",
    (32, True): "s32 __s32 int32_t int signed",
    (64, False): "u64 __u64 uint64_t unsigned.long unsigned.long.long unsigned.long.int size_t",
    (64, True): "s64 __s64 int64_t long long.long long.int ssize_t",
}
_KINDS = {name.replace(".", " "): kind for kind, names in _NAMES.items() for name in names.split()}
_BOOLEAN = frozenset({"bool", "_Bool"})


@lru_cache(maxsize=4096)
def kind_of(name: str) -> Kind | None:
    """What a C type holds, None for one that is no integer or is not known; that of char hangs on the architecture."""
    plain = " ".join(word for word in name.split() if word not in _QUALIFIERS)
    return (1, False) if plain in _BOOLEAN else _KINDS.get(plain)


def wrapped(value: Value, kind: Kind) -> Value:
    """A value as so many bits hold it; only constants are followed."""
    if not isinstance(value, Const):
        return value
    bits, signed = kind
    if bits == 1:
        return Const(int(value.number != 0))
    number = value.number & ((1 << bits) - 1)
    return Const(number - (1 << bits) if signed and number >> (bits - 1) else number)


def fit(value: Value, name: str) -> Value:
    """A value stored as a C type."""
    kind = kind_of(name) if isinstance(value, Const) else None
    return wrapped(value, kind) if kind is not None else value


def common(one: Kind | None, other: Kind | None) -> Kind | None:
    """The type in which two operands are computed, None where one is not known."""
    if one is None or other is None:
        return None
    first, second = (kind if kind[0] >= 32 else (32, True) for kind in (one, other))
    if first[0] == second[0]:
        return first[0], first[1] and second[1]
    return max(first, second)
