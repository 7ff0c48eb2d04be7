"""The part of TOML that our own tables are written in, read in a tenth of the time that importing tomllib takes.

Tables with one name, strings in double quotes without escapes, whole numbers, true and false, lists of strings over
any number of lines, and inline tables of numbers. Whatever else stands there is a ValueError.
"""

from patchscan.basics.pattern import pattern

_HEAD = pattern(r"\[([\w-]+)\]$")
_ENTRY = pattern(r"([\w-]+)\s*=\s*(.*)$")
_STRING = pattern(r'"([^"\\]*)"')
_NUMBERS = pattern(r"\{\s*(?:[\w-]+\s*=\s*-?\d+\s*,?\s*)*\}")
_NUMBER = pattern(r"([\w-]+)\s*=\s*(-?\d+)")
_LIST = pattern(r'\[\s*(?:"[^"\\]*"\s*,?\s*)*\]')
Entry = str | int | bool | list[str] | dict[str, int]


def read_plain(text: str) -> dict[str, Entry | dict[str, Entry]]:
    """The tables and entries of a text. Raises ValueError for what is not of this part of TOML."""
    found: dict[str, Entry | dict[str, Entry]] = {}
    current: dict[str, Entry] | None = None
    pending = ""
    for line in text.split("\n"):
        line = f"{pending} {line.strip()}".strip() if pending else line.strip()
        pending = ""
        if not line or line.startswith("#"):
            continue
        head, entry = _HEAD.match(line), _ENTRY.match(line)
        if head:
            current = {}
            found[head[1]] = current
        elif entry is None:
            raise ValueError(f"not of the part of TOML that is read: {line[:60]!r}")
        elif entry[2].startswith("[") and not entry[2].endswith("]"):
            pending = line
        elif current is None:
            found[entry[1]] = _value(entry[2])
        else:
            current[entry[1]] = _value(entry[2])
    if pending:
        raise ValueError(f"a list without an end: {pending[:60]!r}")
    return found


def _value(text: str) -> Entry:
    if _STRING.fullmatch(text):
        return text[1:-1]
    if text in ("true", "false"):
        return text == "true"
    if _LIST.fullmatch(text):
        return _STRING.findall(text)
    if _NUMBERS.fullmatch(text):
        return {name: int(number) for name, number in _NUMBER.findall(text)}
    try:
        return int(text)
    except ValueError:
        raise ValueError(f"not of the part of TOML that is read: {text[:60]!r}") from None
