"""Integers as wide as their types: what a constant becomes where it is stored or cast."""

from functools import lru_cache

from patchscan.model.lowering.abstract_values import Const, Operation, Unknown, Value

Kind = tuple[int, bool]
"""How many bits a type has, and whether it is signed; 0 bits for one that holds a truth."""
_TRUTH: Kind = (0, False)
_QUALIFIERS = frozenset({"const", "volatile", "static", "register", "__force"})
_NAMES: dict[Kind, str] = {
    (8, False): "u8 __u8 uint8_t unsigned.char blk_status_t cc_t",
    (8, True): "s8 __s8 int8_t signed.char",
    (16, False): "u16 __u16 uint16_t unsigned.short unsigned.short.int umode_t sa_family_t",
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
    plain, colon, bits = (each.strip() for each in name.partition(":"))
    plain = " ".join(word for word in plain.split() if word not in _QUALIFIERS)
    kind = _TRUTH if plain in _BOOLEAN else _KINDS.get(plain)
    if not colon or kind is None or kind == _TRUTH:
        return kind
    return (int(bits), kind[1]) if bits.isdigit() else (1, False)


_FITS_ANY = range(128)


@lru_cache(maxsize=4096)
def _may_be_narrow(name: str) -> bool:
    """Whether a type that is not known may be an integer of few bits: by the kernel's habits, none that ends in _t."""
    return not name.endswith(("*", "]", "_t")) and not name.startswith(("struct ", "union ", "enum "))


def wrapped(value: Value, kind: Kind) -> Value:
    """A value as so many bits hold it; only constants are followed."""
    if not isinstance(value, Const):
        return value
    bits, signed = kind
    if not bits:
        return Const(int(value.number != 0))
    number = value.number & ((1 << bits) - 1)
    return Const(number - (1 << bits) if signed and number >> (bits - 1) else number)


def fit(value: Value, name: str) -> Value:
    """A value stored as a C type."""
    if not isinstance(value, Const):
        return value
    kind = kind_of(name)
    if kind is not None:
        return wrapped(value, kind)
    if value.number in _FITS_ANY or not _may_be_narrow(name):
        return value
    return Operation("&", value, Unknown(f"width of {name}", f"the width of {name or 'a type'}"))


def common(one: Kind | None, other: Kind | None) -> Kind | None:
    """The type in which two operands are computed, None where one is not known."""
    if one is None or other is None:
        return None
    first, second = (kind if kind[0] >= 32 else (32, True) for kind in (one, other))
    if first[0] == second[0]:
        return first[0], first[1] and second[1]
    return max(first, second)
