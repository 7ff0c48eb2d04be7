"""Compressed input: gzip, xz, bzip2 and zstd, unpacked up to a limit."""

from __future__ import annotations

from patchscan.basics.budget import BUDGET
from patchscan.basics.problem import Problem

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Protocol

    class Unpacker(Protocol):
        """One compressed stream: bytes in, bytes out, whether it has ended and what stood behind its end."""

        @property
        def eof(self) -> bool: ...

        @property
        def unused_data(self) -> bytes: ...

        def decompress(self, data: bytes, most: int, /) -> bytes: ...


# More than this out of one compressed file is not unpacked: it may be a few hundred KB large itself.
_MOST_UNPACKED = BUDGET.unpacked_bytes.most
_PIECE = 1 << 20
# No more than 32 MiB come of it: a block of zstd has 4 bytes or more, and gives 128 KiB or less.
_MORSEL = 1 << 10


class _Missing(Exception):
    """What unpacks a format is not installed."""


class Refused(Exception):
    """Compressed data of which nothing is read; the text says why."""


class _Gzip:
    """zlib's object in the shape of the others: what it did not take in yet is kept here."""

    def __init__(self) -> None:
        import zlib

        self.errors: tuple[type[Exception], ...] = (zlib.error,)
        self._stream = zlib.decompressobj(wbits=31)

    @property
    def eof(self) -> bool:
        return self._stream.eof

    @property
    def unused_data(self) -> bytes:
        return self._stream.unused_data

    def decompress(self, data: bytes, most: int, /) -> bytes:
        return self._stream.decompress(self._stream.unconsumed_tail + data, most)


class _Zstandard:
    """zstd's object in the shape of the others: it takes no limit, so it is fed with little at a time."""

    def __init__(self) -> None:
        try:
            import zstandard
        except ImportError:
            raise _Missing("the Python package zstandard is not installed") from None
        self.errors: tuple[type[Exception], ...] = (zstandard.ZstdError,)
        self._stream = zstandard.ZstdDecompressor(max_window_size=_MOST_UNPACKED).decompressobj()
        self._rest = memoryview(b"")
        self.unused_data = b""

    @property
    def eof(self) -> bool:
        return bool(self._stream.eof)

    def decompress(self, data: bytes, most: int, /) -> bytes:
        self._rest = memoryview(data) if data else self._rest
        piece = b""
        while not piece and self._rest and not self.eof:
            piece = self._stream.decompress(bytes(self._rest[:_MORSEL]))
            self._rest = self._rest[_MORSEL:]
        if self.eof:
            self.unused_data = bytes(self._stream.unused_data) + bytes(self._rest)
        return piece


def _bzip2() -> Unpacker:
    import bz2

    return bz2.BZ2Decompressor()


def _xz() -> Unpacker:
    import lzma

    # Memory for the dictionary of `xz -9` and a little more.
    return lzma.LZMADecompressor(memlimit=_MOST_UNPACKED)


_FORMATS: tuple[tuple[bytes, str, Callable[[], Unpacker]], ...] = (
    (b"\x1f\x8b", "gzip", _Gzip),
    (b"BZh", "bzip2", _bzip2),
    (b"\xfd7zXZ\x00", "xz", _xz),
    (b"\x28\xb5\x2f\xfd", "zstd", _Zstandard),
)


def is_packed(data: bytes) -> bool:
    """Whether data begins as a compressed file does."""
    return data.startswith(tuple(magic for magic, _, _ in _FORMATS))


def unpacked(data: bytes, where: str) -> tuple[bytes, list[Problem]]:
    """The data as it was before it was compressed, unchanged where it is not; and what went wrong. Raises nothing.

    where: what the data is called in a problem.
    """
    if not is_packed(data):
        return data, []
    pieces: list[bytes] = []
    try:
        why = unpack(data, pieces.append)
    except Refused as error:
        return b"", [Problem(where, str(error), lost=True)]
    return b"".join(pieces), [Problem(where, why, lost=True)] if why else []


def unpack(data: bytes, take: Callable[[bytes], object]) -> str:
    """Hand on what compressed data holds, piece by piece; why it ends early, "" where it does not. Raises Refused."""
    magic, name, unpacker = next(each for each in _FORMATS if data.startswith(each[0]))
    size, why = 0, ""
    while data.startswith(magic) and not why:
        try:
            stream = unpacker()
        except _Missing as error:
            raise Refused(f"{name} data cannot be unpacked: {error}") from None
        errors = getattr(stream, "errors", (OSError, ValueError, EOFError))
        try:
            piece = stream.decompress(data, _PIECE)
            while piece and size <= _MOST_UNPACKED:
                take(piece)
                size += len(piece)
                piece = b"" if stream.eof else stream.decompress(b"", _PIECE)
        except (*errors, *_lzma_errors(magic)) as error:
            why = f"cannot be unpacked: {error}"
        if size > _MOST_UNPACKED:
            raise Refused(f"{name} data unpacks to more than {_MOST_UNPACKED >> 20} MiB: not read")
        if not stream.eof:
            why = why or "is cut short: read up to there"
        data = stream.unused_data
    return f"{name} data {why}" if why else ""


def _lzma_errors(magic: bytes) -> tuple[type[Exception], ...]:
    if magic != _FORMATS[2][0]:
        return ()
    import lzma

    return (lzma.LZMAError,)
