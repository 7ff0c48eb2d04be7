"""`python -m patchscan`, and the `patchscan` command."""

import gc
import os
import sys


def start() -> int:
    """Run the command line of this process, and end it; returns its exit status only where somebody looks on.

    Nothing dies young here but what reference counts see to: of a million objects ten thousand are garbage. So the
    collector looks rarely, and not at all at exit, where it would walk every syntax table once more. Both together
    were a seventh of the scan of a small patch.
    """
    # Asked before anything else is loaded: who hands a command line over needs none of it.
    if os.path.lexists(os.path.join(os.environ.get("XDG_RUNTIME_DIR", ""), "patchscan.sock")):
        from patchscan.serve.client import answered

        status = answered(sys.argv[1:])
        if status is not None:
            # Nothing was written here, and nothing is to be taken apart.
            os._exit(status)
    from patchscan.basics.keptcode import keep_loaded, use_kept
    from patchscan.basics.keptpatterns import keep_compiled, use_kept_patterns

    package = os.path.dirname(os.path.abspath(__file__))
    use_kept("patchscan", package)
    use_kept_patterns(package)
    from patchscan.basics.streams import prepare_streams
    from patchscan.cli import main
    from patchscan.commands.ending import leave

    gc.set_threshold(1_000_000, 20, 20)
    prepare_streams()
    try:
        status = main()
    finally:
        keep_loaded()
        keep_compiled()
        gc.freeze()
    return leave(status)


if __name__ == "__main__":
    sys.exit(start())
