"""`python -m patchscan`."""

import sys

from patchscan.cli import main

sys.exit(main())
