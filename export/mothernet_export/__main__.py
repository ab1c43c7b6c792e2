"""``python -m mothernet_export`` is the command ``mothernet-export``."""

import sys

from mothernet_export.cli import main

sys.exit(main())
