"""Everything that is written goes through `written`: a whole file or nothing, and never the wrong file.

Nothing about the content of a file belongs here. Only the standard library may be imported.
"""

from __future__ import annotations

import contextlib
import errno
import hashlib
import os
import re
import secrets
import shutil
import socket
import stat
import sys
import tempfile
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import IO

StrPath = str | os.PathLike[str]

_STANDARD_OUTPUT = 1
_DESCRIPTOR_PATHS = re.compile(r"/dev/fd/(\d+)|/proc/self/fd/(\d+)")
_FULL = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG)


@contextlib.contextmanager
def written(path: StrPath, *, inputs: Iterable[StrPath] = ()) -> Iterator[Path]:
    """Write a file whole or not at all.

    Parameters
    ----------
    path : path-like
        Where the content goes; ``"-"`` is standard output. A FIFO or device is written to, never replaced; a symbolic
        link is followed. An existing file keeps its permissions, a new one follows the umask.
    inputs : iterable of path-like
        Files that are read while this one is written; ``"-"`` among them is ignored.

    Yields
    ------
    pathlib.Path
        A temporary file, empty, for the block to write. Its content gets to `path` when the block succeeds;
        after an exception `path` is as it was, and the temporary file is gone. It lies in the folder of `path`, or in
        the system's folder for temporary files if `path` is a stream. If this process is killed, the next run for the
        same path on this host removes it.

    Raises
    ------
    ValueError
        If `path` is a folder, lies in a folder that is missing or cannot be written to, or is one of `inputs`.
    OSError
        If the content cannot be written: disk full, standard output closed (BrokenPipeError if its reader is gone).

    Examples
    --------
    >>> with written("-") as temporary:
    ...     _ = temporary.write_text("whole")
    """
    destination = _destination(path, inputs)
    temporary = _create_temporary(destination)
    try:
        try:
            yield temporary
            _finish(temporary, destination)
        except OSError as error:
            raise _clear(error, path) from error
    finally:
        with contextlib.suppress(OSError):
            temporary.unlink()


def check_output(path: StrPath, *, inputs: Iterable[StrPath] = ()) -> None:
    """Raise what `written` would refuse, before any work is done; same parameters and errors, nothing is written."""
    _destination(path, inputs)


@contextlib.contextmanager
def flushed_stdout() -> Iterator[None]:
    """Flush standard output at the end of the block, so that a full disk or a closed pipe is an error at that point.

    After such an error standard output leads nowhere, so that the interpreter does not complain again when it exits.

    Raises
    ------
    OSError
        If standard output cannot be written to: BrokenPipeError if its reader is gone.
    """
    try:
        try:
            yield
        except OSError as error:  # printing fails at once if standard output has no buffer
            raise _clear(error, "-") from error
    finally:
        try:
            if sys.stdout is not None:
                sys.stdout.flush()
        except OSError as error:
            _silence_stdout()
            raise _clear(error, "-") from error


@dataclass(frozen=True)
class _Destination:
    """Where content goes: to an open `descriptor`, into the special file `path`, or else to `path` by renaming."""

    path: str
    status: os.stat_result | None = None
    descriptor: int | None = None

    @property
    def is_stream(self) -> bool:
        return self.descriptor is not None or (self.status is not None and not stat.S_ISREG(self.status.st_mode))


def _destination(path: StrPath, inputs: Iterable[StrPath]) -> _Destination:
    text = os.fspath(path)
    descriptor = _descriptor(text)
    if descriptor is not None:
        destination = _Destination(text, _open_status(descriptor), descriptor)
    else:
        destination = _named_destination(text)
    status = destination.status
    if status is not None and stat.S_ISREG(status.st_mode):
        for name in inputs:
            if os.fspath(name) != "-" and _is_same(name, status):
                raise ValueError(
                    f"the output must be another file than the input, however: {_shown(path)} is {_shown(name)}. "
                    "Choose another name."
                )
    return destination


def _descriptor(path: str) -> int | None:
    """The open stream that `path` stands for: opening its name anew would begin at the start of a redirected file."""
    if path in ("-", "/dev/stdout"):
        return _STANDARD_OUTPUT
    match = _DESCRIPTOR_PATHS.fullmatch(path) if os.name == "posix" else None
    return int(match[1] or match[2]) if match else None


def _open_status(descriptor: int) -> os.stat_result | None:
    if descriptor == _STANDARD_OUTPUT:
        if sys.stdout is None:
            raise OSError("standard output is closed. Give the name of a file.")
        with contextlib.suppress(OSError, ValueError):  # in a notebook or a test, it may have no descriptor
            return os.fstat(sys.stdout.fileno())
        return None
    try:
        return os.fstat(descriptor)
    except OSError:
        raise ValueError(f"the output must be an open stream, however: descriptor {descriptor} is closed") from None


def _named_destination(path: str) -> _Destination:
    """A file that has a name of its own."""
    try:
        status = os.stat(path)
    except FileNotFoundError:
        status = None
    except (OSError, ValueError) as error:  # a loop of symbolic links, a name that is too long or holds NUL
        reason = (error.strerror if isinstance(error, OSError) else None) or str(error)
        raise ValueError(f"the output must be a file, however: {_shown(path)}: {reason}. Correct the path.") from None
    if not path or path.endswith(os.sep) or (status is not None and stat.S_ISDIR(status.st_mode)):
        what = "a folder" if path else "an empty path"
        raise ValueError(f"the output must be a file, however: {_shown(path)} is {what}. Add the name of a file.")
    if status is not None and not stat.S_ISREG(status.st_mode):
        if stat.S_ISSOCK(status.st_mode) or not os.access(path, os.W_OK):
            raise ValueError(f"the output must be a file or device to write to, however: {_shown(path)} is none")
        return _Destination(path, status)
    target = os.path.realpath(path)
    folder = os.path.dirname(target)
    if not os.path.isdir(folder):
        raise ValueError(
            f"the output must be a file in a folder that exists, however: {_shown(path)}. "
            f"Create {_shown(folder)} first."
        )
    if not os.access(folder, os.W_OK | os.X_OK):
        raise ValueError(
            f"the output must be a file in a folder that can be written to, however: {_shown(path)}. "
            f"Change the permissions of {_shown(folder)}, or choose another folder."
        )
    return _Destination(target, status)


def _is_same(name: StrPath, status: os.stat_result) -> bool:
    try:
        return os.path.samestat(os.stat(name), status)
    except (OSError, ValueError):  # whoever reads the input complains
        return False


def _create_temporary(destination: _Destination) -> Path:
    """A new, empty file whose name tells the next run for the same target whose it is."""
    folder, name = os.path.split(destination.path)
    if destination.is_stream:
        folder = tempfile.gettempdir()
    prefix = f".mothernet-{_digest(name)}-{_digest(_host())}-"
    _remove_abandoned(folder, prefix)
    temporary = Path(folder, f"{prefix}{os.getpid()}-{secrets.token_hex(4)}.tmp")
    private = destination.is_stream or destination.status is not None  # open to others only once that is settled
    os.close(os.open(temporary, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o600 if private else 0o666))
    return temporary


def _remove_abandoned(folder: str, prefix: str) -> None:
    if os.name != "posix":  # elsewhere, asking whether a process lives may end it
        return
    with contextlib.suppress(OSError):  # a folder that may be written to, but not listed
        for name in os.listdir(folder):
            pid = name.removeprefix(prefix).partition("-")[0]
            if name.startswith(prefix) and pid.isascii() and pid.isdecimal() and not _lives(int(pid)):
                with contextlib.suppress(OSError):
                    os.unlink(os.path.join(folder, name))


def _lives(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except (ProcessLookupError, OverflowError):
        return False
    except PermissionError:  # somebody else's
        return True
    return True


def _host() -> str:
    """What process numbers are unique in: the host or, in a container, its namespace."""
    with contextlib.suppress(OSError):
        return f"{socket.gethostname()} {os.readlink('/proc/self/ns/pid')}"
    return socket.gethostname()


def _digest(text: str) -> str:
    return hashlib.sha256(os.fsencode(text)).hexdigest()[:16]


def _finish(temporary: Path, destination: _Destination) -> None:
    if destination.is_stream:
        with open(temporary, "rb") as content, _opened(destination) as stream:
            shutil.copyfileobj(content, stream, 1 << 16)
            stream.flush()
        return
    with open(temporary, "rb+") as stream:
        os.fsync(stream.fileno())
    if destination.status is not None:
        os.chmod(temporary, stat.S_IMODE(destination.status.st_mode))
    os.replace(temporary, destination.path)


@contextlib.contextmanager
def _opened(destination: _Destination) -> Iterator[IO[bytes]]:
    if destination.descriptor == _STANDARD_OUTPUT:
        with flushed_stdout():
            sys.stdout.flush()  # what was printed before comes first
            yield sys.stdout.buffer
    else:
        opened = destination.path if destination.descriptor is None else os.dup(destination.descriptor)
        with open(opened, "wb") as stream:
            yield stream


def _silence_stdout() -> None:
    with contextlib.suppress(OSError, ValueError, AttributeError):
        nowhere = os.open(os.devnull, os.O_WRONLY)
        os.dup2(nowhere, sys.stdout.fileno())
        os.close(nowhere)


def _clear(error: OSError, path: StrPath) -> OSError:
    """The same error, with the name of the file if it is one that the system gives without (a full disk)."""
    if error.errno not in _FULL:
        return error
    return OSError(f"cannot write {_shown(path)}: {error.strerror}. Free some space or choose another folder.")


def _shown(path: StrPath) -> str:
    return "standard output" if os.fspath(path) == "-" else repr(os.fspath(path))
