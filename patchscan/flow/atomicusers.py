"""Functions that run where nobody may sleep because a structure of operations or a notifier block holds them.

Sources: net/ipv6/addrconf_core.c, net/core/netevent.c, net/core/fib_notifier.c, net/switchdev/switchdev.c,
net/dcb/dcbevent.c, drivers/tty/vt/{vt,keyboard}.c for which chains are atomic; kernel/notifier.c; the kernel-doc of
can_sleep in include/linux/gpio/driver.h; Documentation/networking/netdevices.rst.
"""

from collections.abc import Iterator

from patchscan.basics.pattern import pattern
from patchscan.c.source import Source

# Which argument is the block that is put on a chain whose callers may not sleep.
_CHAINS = {
    b"atomic_notifier_chain_register": 1,
    b"atomic_notifier_chain_register_unique_prio": 1,
    b"register_inet6addr_notifier": 0,
    b"register_netevent_notifier": 0,
    b"register_switchdev_notifier": 0,
    b"register_dcbevent_notifier": 0,
    b"register_keyboard_notifier": 0,
    b"register_vt_notifier": 0,
    b"register_fib_notifier": 1,
}
_REGISTERED = pattern(rb"\b(\w*register_\w+)\s*\(([^();]*)\)")
_BLOCK = pattern(rb"\bstruct\s+notifier_block\s+(\w+)\s*=\s*\{([^{}]*)\}")
_CALLED = pattern(rb"\.\s*notifier_call\s*=\s*&?(\w+)")
_CALLED_OF = pattern(rb"([\w.>-]+)\.\s*notifier_call\s*=\s*&?(\w+)\s*;")
_NETWORK = pattern(rb"\.\s*(ndo_start_xmit|ndo_set_rx_mode|ndo_tx_timeout)\s*=\s*&?(\w+)")
_GPIO = pattern(
    rb"\b(?:\w*(?:chip|gc|gpio)\w*)\s*(?:\.|->)\s*(?:set|get|set_multiple|get_multiple)\s*=\s*&?(\w+)\s*;"
)
_GPIO_CHIP = pattern(rb"\bstruct\s+gpio_chip\s+\w+\s*=\s*\{([^{}]*)\}")
_GPIO_FIELD = pattern(rb"\.\s*(?:set|get|set_multiple|get_multiple)\s*=\s*&?(\w+)\s*,")
_SPACE_OR_ADDRESS = pattern(rb"[\s&]")


def operations(source: Source) -> Iterator[tuple[str, str, int]]:
    """(function, kind of callback, line) of what a text puts into structures whose users may not sleep."""
    for match in _NETWORK.finditer(source.code):
        yield match[2].decode(), "network device operation", source.line_at(match.start())
    if b"notifier_call" in source.code:
        yield from _notifiers(source)
    if b"gpiochip_add_data" in source.code and b"can_sleep" not in source.code:
        yield from _of_gpio_chips(source)


def _notifiers(source: Source) -> Iterator[tuple[str, str, int]]:
    blocks: dict[bytes, bytes] = {}
    for match in _BLOCK.finditer(source.code):
        called = _CALLED.search(match[2])
        if called:
            blocks[match[1]] = called[1]
    for match in _CALLED_OF.finditer(source.code):
        blocks[match[1]] = match[2]
    for match in _REGISTERED.finditer(source.code):
        at = _CHAINS.get(match[1])
        arguments = [_SPACE_OR_ADDRESS.sub(b"", each) for each in match[2].split(b",")]
        if at is not None and at < len(arguments) and arguments[at] in blocks:
            yield blocks[arguments[at]].decode(), "atomic notifier", source.line_at(match.start())


def _of_gpio_chips(source: Source) -> Iterator[tuple[str, str, int]]:
    """A GPIO whose chip does not say can_sleep may be set by who holds a spinlock, or by an interrupt's handler."""
    kind = "operation of a GPIO chip without can_sleep"
    for match in _GPIO.finditer(source.code):
        yield match[1].decode(), kind, source.line_at(match.start())
    for match in _GPIO_CHIP.finditer(source.code):
        for field in _GPIO_FIELD.finditer(match[1]):
            yield field[1].decode(), kind, source.line_at(match.start(1) + field.start())
