"""``python -m mothernet`` is the command ``mothernet``."""

import sys

from mothernet.commands.cli import main

sys.exit(main())
