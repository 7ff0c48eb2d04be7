"""C types by their names."""

from functools import lru_cache

from patchscan.model.lowering.abstract_values import Named


@lru_cache(maxsize=4096)
def plain_type(kind: str) -> str:
    """A C type without qualifiers, single spaces."""
    words = [word for word in kind.split() if word not in ("const", "volatile", "static", "inline", "__rcu")]
    return " ".join(words)


@lru_cache(maxsize=4096)
def structure_of(kind: str) -> str:
    """The name of the structure or typedef that a type is of, or points to; "" for others."""
    words = plain_type(kind).replace("*", " ").replace("[]", " ").split()
    if words[:1] in (["struct"], ["union"]) and len(words) > 1:
        return words[1]
    return words[0] if len(words) == 1 and words[0].endswith("_t") else ""


def pointee(kind: str) -> str:
    """The type that a pointer or array type leads to."""
    kind = plain_type(kind)
    if kind.endswith("[]"):
        return kind[:-2].rstrip()
    return kind[:-1].rstrip() if kind.endswith("*") else kind


def whole(where: Named) -> Named:
    """All of some memory: every field of a structure, or the memory itself."""
    structure = structure_of(where.type)
    is_structure = where.type.startswith(("struct ", "union ")) and not where.type.endswith(("*", "]"))
    return Named(f"{structure}.*", where.type, where.base) if is_structure else where
