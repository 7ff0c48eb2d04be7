"""How much one mmu_gather holds, computed from a kernel tree's own constants."""

import re
from collections.abc import Callable

from patchscan.basics.pattern import pattern
from patchscan.basics.record import frozen
from patchscan.codebase.file import File, indexed
from patchscan.kconfig.configured import Config

_HEADER, _TYPES = "include/asm-generic/tlb.h", "include/linux/types.h"
_SIZEOF = pattern(r"sizeof\s*\(\s*([\w *]+?)\s*\)")
_TOKEN = pattern(r"\s*(\d+|[A-Za-z_]\w*|[-+*/()])(?:[uUlL]+\b)?")
_MACRO = pattern(rb"^[ \t]*#[ \t]*define[ \t]+(\w+)[ \t]+((?:\\\n|[^\n])+)", re.M)
_NAME_AT_END = pattern(r"\w+\s*(\[\s*\])?$")
_SIZES = {"unsigned int": 4, "int": 4, "unsigned long": 8, "long": 8, "char": 1, "unsigned char": 1}
_POINTER = 8
_SYMBOLS = ("CONFIG_MMU", "CONFIG_SMP", "CONFIG_MMU_GATHER_TABLE_FREE", "CONFIG_MMU_GATHER_RCU_TABLE_FREE")


@frozen
class Capacity:
    """Entries of one page-sized batch, the number of batches, and what all of them hold on a 64-bit machine.

    entries: slots for pages in all batches, the one inside the mmu_gather included; pages: single pages that fit;
    fragments: folio fragments that fit, each of which takes two slots; tables: page tables of one table batch.
    """

    batch: int
    batches: int
    bundle: int
    entries: int
    pages: int
    fragments: int
    tables: int


def gather_capacity(read: Callable[[str], bytes | None], page_size: int = 4096) -> Capacity:
    """The capacity in a tree; page_size: bytes, the architecture's. Raises ValueError when a constant is missing.

    A batch is left while two more slots are free, so that a fragment always fits: its last slot stays empty
    where only single pages come (mm/mmu_gather.c, __tlb_remove_folio_pages_size()).
    """
    config = Config(dict.fromkeys(_SYMBOLS, 1))
    header, types = read(_HEADER), read(_TYPES)
    if header is None or types is None:
        raise ValueError(f"the tree has no {_HEADER if header is None else _TYPES}")
    constants = _Constants([indexed(_HEADER, header, config), indexed(_TYPES, types, config)], page_size)
    batch, batches = constants.number("MAX_GATHER_BATCH"), constants.number("MAX_GATHER_BATCH_COUNT")
    bundle, tables = constants.number("MMU_GATHER_BUNDLE"), constants.number("MAX_TABLE_BATCH")
    return Capacity(
        batch,
        batches,
        bundle,
        bundle + batch * batches,
        bundle - 1 + (batch - 1) * batches,
        bundle // 2 + batch // 2 * batches,
        tables,
    )


class _Constants:
    """Macros and structures without unions or inner structures, of some files."""

    def __init__(self, files: list[File], page_size: int) -> None:
        self._texts = [file.text.decode("latin-1") for file in files]
        self._macros = {
            name.decode(): " ".join(text.replace(b"\\\n", b" ").decode("latin-1").split())
            for file in reversed(files)
            for name, text in _MACRO.findall(file.text)
        }
        self._macros["PAGE_SIZE"] = str(page_size)

    def number(self, name: str, depth: int = 0) -> int:
        """The number a macro stands for."""
        if name not in self._macros or depth > 8:
            raise ValueError(f"{_HEADER} defines no number {name}")
        text = _SIZEOF.sub(lambda found: str(self.size(found.group(1))), self._macros[name])
        tokens = [token for token in _TOKEN.findall(text) if token]
        return _Expression(tokens, lambda inner: self.number(inner, depth + 1)).value()

    def size(self, kind: str) -> int:
        """Bytes of a type on a 64-bit machine; a flexible array has none."""
        kind = " ".join(kind.replace("*", " *").split())
        if kind.endswith("[]"):
            return 0
        if kind.endswith("*"):
            return _POINTER
        if kind in _SIZES:
            return _SIZES[kind]
        name = self._macros.get(kind.removeprefix("struct "), kind.removeprefix("struct "))
        for text in self._texts:
            found = re.search(rf"struct\s+{re.escape(name)}\s*{{(.*?)}}", text, re.S)
            if found:
                return self._structure(
                    [_field_type(part) for part in found.group(1).split(";") if part.split()]
                )
        raise ValueError(f"the size of {kind} is not known")

    def _structure(self, kinds: list[str]) -> int:
        """Each field at a multiple of its alignment, the whole at that of its largest."""
        end, largest = 0, 1
        for kind in kinds:
            align = _POINTER if "*" in kind else min(_POINTER, self.size(kind) or 1)
            end = -(-end // align) * align + self.size(kind)
            largest = max(largest, align)
        return -(-end // largest) * largest


def _field_type(text: str) -> str:
    """The type in the declaration of one field, "[]" behind that of a flexible array."""
    words = " ".join(text.split())
    if "(*" in words:
        return "void *"
    kind = _NAME_AT_END.sub("", words).strip()
    return kind + (" []" if words.endswith("]") else "")


class _Expression:
    """Integer arithmetic as the preprocessor writes it: + - * / and parentheses."""

    def __init__(self, tokens: list[str], name: Callable[[str], int]) -> None:
        self._tokens, self._name = tokens, name

    def value(self) -> int:
        left = self._product()
        while self._tokens[:1] in (["+"], ["-"]):
            sign = self._tokens.pop(0)
            right = self._product()
            left = left + right if sign == "+" else left - right
        return left

    def _product(self) -> int:
        left = self._atom()
        while self._tokens[:1] in (["*"], ["/"]):
            sign = self._tokens.pop(0)
            right = self._atom()
            if sign == "/" and not right:
                raise ValueError("a constant divides by zero")
            left = left * right if sign == "*" else left // right
        return left

    def _atom(self) -> int:
        if not self._tokens:
            raise ValueError("a constant ends in the middle")
        token = self._tokens.pop(0)
        if token == "(":
            inner = self.value()
            if self._tokens[:1] == [")"]:
                self._tokens.pop(0)
            return inner
        if token.isdigit():
            return int(token)
        if not token[0].isalpha() and token[0] != "_":
            raise ValueError(f"a constant has {token} where a number should stand")
        return self._name(token)
