"""What the commands of all packages share: exit codes, and one line on stderr for whatever goes wrong."""

from __future__ import annotations

import contextlib
import sys
import warnings
from collections.abc import Callable

from mothernet_runtime.output import flushed_stdout
from mothernet_runtime.text import escaped


def exit_code(program: str, run: Callable[[], int | None], *, failures: tuple[type[Exception], ...] = ()) -> int:
    """Run a command; an error or a warning is one line on stderr that starts with the name of the program.

    Parameters
    ----------
    program : str
    run : callable
        Does the work, and may return an exit code.
    failures : tuple of exception types
        Errors that are results rather than bad input.

    Returns
    -------
    int
        What `run` returned, else 0; 1 after one of `failures`, or if the reader of the output left; 2 after bad input
        (ValueError, OSError, ImportError); 130 if the user interrupted it.
    """
    try:
        with warnings.catch_warnings(), flushed_stdout():
            warnings.showwarning = lambda message, *_, **__: say(program, f"warning: {message}")
            return run() or 0
    except BrokenPipeError:
        return 1
    except failures as error:
        say(program, f"error: {error}")
        return 1
    except (ValueError, OSError, ImportError) as error:
        say(program, f"error: {error}")
        return 2
    except KeyboardInterrupt:
        return 130


def say(program: str, text: str) -> None:
    """Print one line on stderr, control characters escaped; without stderr, print nothing."""
    if sys.stderr is not None:  # `print` would take standard output
        with contextlib.suppress(OSError):
            print(f"{program}: {escaped(' '.join(text.splitlines()))}", file=sys.stderr)
