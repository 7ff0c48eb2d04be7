"""What rows say of the kernel is held against a tree: functions that take NULL, helpers, headers and sources."""

import os
import re
from pathlib import Path

import pytest
from patchscan.c.source import parse
from patchscan.match.row import Row
from patchscan.match.rowfile import read_rows
from patchscan.match.tablefiles import with_rows

TABLES = Path(__file__).parents[2] / "rules" / "tables"
FILES = with_rows(str(TABLES))
ROWS = {row.name: row for path in FILES for row in read_rows(path) if isinstance(row, Row)}
KERNEL = Path(os.environ.get("PATCHSCAN_KERNEL_TREE", "/nowhere"))
with_kernel = pytest.mark.skipif(not KERNEL.is_dir(), reason="PATCHSCAN_KERNEL_TREE is not set")
# Where the parameter of each is tested: its own definition, or the one that it hands its parameter to.
TESTED_IN = {
    "kfree": "mm/slub.c kfree",
    "vfree": "mm/vmalloc.c vfree",
    "kvfree": "mm/slub.c kfree",
    "kfree_sensitive": "mm/slab_common.c ksize",
    "kfree_const": "mm/slub.c kfree",
    "of_node_put": "drivers/of/dynamic.c of_node_put",
    "put_device": "drivers/base/core.c put_device",
    "kmem_cache_destroy": "mm/slab_common.c kmem_cache_destroy",
    "mempool_destroy": "mm/mempool.c mempool_destroy",
    "dma_pool_destroy": "mm/dmapool.c dma_pool_destroy",
    "debugfs_remove": "fs/debugfs/inode.c debugfs_remove",
    "debugfs_remove_recursive": "fs/debugfs/inode.c debugfs_remove",
    "usb_free_urb": "drivers/usb/core/urb.c usb_free_urb",
    "usb_kill_urb": "drivers/usb/core/urb.c usb_kill_urb",
    "clk_put": "drivers/clk/clk.c __clk_put",
    "clk_disable": "drivers/clk/clk.c clk_disable",
    "clk_unprepare": "drivers/clk/clk.c clk_unprepare",
    "clk_disable_unprepare": "drivers/clk/clk.c clk_unprepare",
    "fwnode_handle_put": "include/linux/fwnode.h fwnode_call_void_op",
    "platform_device_unregister": "drivers/base/platform.c platform_device_del",
    "free_percpu": "mm/percpu.c free_percpu",
    "pci_dev_put": "drivers/pci/pci-driver.c pci_dev_put",
    "gpiod_put": "drivers/gpio/gpiolib.c gpiod_put",
    "i2c_unregister_device": "drivers/i2c/i2c-core-base.c i2c_unregister_device",
    "usb_put_dev": "drivers/usb/core/usb.c usb_put_dev",
    "usb_put_intf": "drivers/usb/core/usb.c usb_put_intf",
}


def asks_first(path: str, name: str) -> bool:
    """Whether a function asks whether its parameter is NULL before it follows it."""
    text = (KERNEL / path).read_bytes()
    if path.endswith(".h"):
        body = re.search(rf"#define {name}\((\w+)(?:[^\n]*\\\n)*[^\n]*", text.decode())
        return body is not None and re.search(rf"fwnode_has_op\({body[1]}\b", body[0]) is not None
    function = parse(text, path).function_named(name)
    assert function is not None and function.parameters, f"{name} is not defined in {path}"
    parameter = function.parameters[0].name
    for node in function.nodes("if_statement", "field_expression"):
        code = "".join(function.source.text_of(node).split())
        if node.type == "field_expression" and code.startswith(f"{parameter}->"):
            return False
        condition = node.child_by_field_name("condition")
        if condition is not None:
            asked = "".join(function.source.text_of(condition).split())
            if re.match(
                rf"\(*(?:unlikely\(|!|ZERO_OR_NULL_PTR\(|IS_ERR_OR_NULL\(|\()*{parameter}\b(?!->)", asked
            ):
                return True
    return False


@with_kernel
@pytest.mark.parametrize("name", ROWS["null-check-before-free"].names["F"])
def test_what_is_said_to_take_null_does(name: str) -> None:
    assert asks_first(*TESTED_IN[name].split())


@with_kernel
@pytest.mark.parametrize(
    "place", ["drivers/clk/clkdev.c clkdev_drop", "drivers/net/phy/mdio_bus.c mdiobus_free"]
)
def test_one_that_does_not_take_null_is_told_apart(place: str) -> None:
    assert not asks_first(*place.split())


@with_kernel
@pytest.mark.parametrize("name", [name for name, row in ROWS.items() if row.since])
def test_the_helper_is_where_the_row_says(name: str) -> None:
    path, _, word = ROWS[name].since.partition(":")
    assert word.strip() in (KERNEL / path).read_text()


@with_kernel
def test_the_sources_of_rows_are_there() -> None:
    checkpatch = (KERNEL / "scripts/checkpatch.pl").read_text()
    missing = []
    for row in ROWS.values():
        for former, path in re.findall(
            r"(former )?\b((?:Documentation|scripts|include|drivers|kernel|fs|lib)/[\w./+-]*\w)", row.source
        ):
            if not former and not (KERNEL / path).exists():
                missing.append(f"{row.name}: {path}")
        for part in row.source.split(";"):
            kinds = re.findall(r"\b[A-Z]{2,}(?:_[A-Z0-9]+)*\b", part) if "checkpatch.pl" in part else []
            missing += [f"{row.name}: {kind}" for kind in kinds if f'"{kind}' not in checkpatch]
    assert missing == []


@with_kernel
@pytest.mark.parametrize("name", [name for name, row in ROWS.items() if row.include])
def test_the_header_of_a_fix_is_there(name: str) -> None:
    assert (KERNEL / "include" / ROWS[name].include).exists()


@with_kernel
def test_what_is_said_to_be_constant_is_so_elsewhere() -> None:
    known = (KERNEL / "scripts/const_structs.checkpatch").read_text().split()
    assert set(ROWS["operations-not-constant"].names["T"]) <= set(known)
