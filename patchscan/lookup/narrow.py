"""Whether a file is built for machines of 32 bits, and of 64."""

from patchscan.basics.formula import all_of, any_of, config, negation
from patchscan.context import Context
from patchscan.kbuild.built import built_exactly_when
from patchscan.kconfig.solve import Configuration, find_configuration
from patchscan.lookup.unapplied import as_built


def built_narrow(context: Context, path: str) -> Configuration | None:
    """A configuration of a 32-bit machine that builds a file; None where none is found or it is not known."""
    view = as_built(context)
    built = built_exactly_when(view, path)
    if built is None or not built.plain:
        return None
    return find_configuration(view, all_of((built, negation(config("64BIT")))), any_of(()), narrow=True)


def built_wide(context: Context, path: str) -> Configuration | None:
    """A configuration of a 64-bit machine that builds a file; None where none is found or it is not known."""
    view = as_built(context)
    built = built_exactly_when(view, path)
    if built is None or not built.plain:
        return None
    return find_configuration(view, all_of((built, config("64BIT"))), any_of(()))
