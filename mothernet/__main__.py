"""``python -m mothernet`` is the command ``mothernet``."""

import sys

from mothernet.cli import main

sys.exit(main())
