"""Which files say what is built, by their names."""


def is_makefile(path: str) -> bool:
    """Whether make reads a file of this name: a Makefile, a Kbuild file or a part of one."""
    name = path.rpartition("/")[2]
    return name.startswith(("Makefile", "Kbuild")) or name.endswith(".mk")


def is_kconfig(path: str) -> bool:
    """Whether a file of this name holds CONFIG symbols."""
    return path.rpartition("/")[2].startswith("Kconfig")
