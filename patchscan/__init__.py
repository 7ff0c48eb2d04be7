"""patchscan reads a Linux kernel patch series and says what a careful reviewer would say."""

import time

__version__ = "0.1.0"
# When our first module was loaded, in nanoseconds: a source that is younger may be another one than what runs.
BEGAN = time.time_ns()
