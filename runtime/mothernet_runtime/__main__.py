"""``python -m mothernet_runtime``: the same as the command ``mothernet-runtime``."""

import sys

from mothernet_runtime.cli import main

sys.exit(main())
