"""Python loads this at start when its folder is on the path: it plants the bug asked for."""

import os
import sys

if (name := os.environ.get("RFM_PROVE_BUG")) and "-m" in sys.orig_argv:
    from seeded import plant

    plant(name, sys.orig_argv[sys.orig_argv.index("-m") + 1])
