"""From paths of models to a running server, and to its end: which models, which socket, what a signal does."""

from __future__ import annotations

import os
import signal
import socket
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

import uvicorn

from mothernet_runtime.model import Model, load
from mothernet_runtime.serving.app import create_app
from mothernet_runtime.serving.requests import Limits
from mothernet_runtime.session import Providers
from mothernet_runtime.text import listed

__all__ = ["listening_socket", "load_models", "serve"]

_KEEP_ALIVE_SECONDS = 75  # longer than proxies keep a connection, so that none is closed while they use it
_BACKLOG = 2048  # connections that wait to be taken


def load_models(paths: Sequence[str], *, providers: Providers = None, threads: int = 1) -> dict[str, Model]:
    """Models by name: that of the file without its ending.

    Parameters
    ----------
    paths : sequence of str
        Files, or folders with files ``*.onnx`` or with a Triton model repository (``NAME/VERSION/model.onnx``).

    Raises
    ------
    ValueError, OSError
        A folder has no model, two have the same name, or a file cannot be loaded.
    """
    models: dict[str, Model] = {}
    for path in paths:
        for name, file in _named_files(Path(path)):
            if name in models:
                raise ValueError(f"names of models must be unique, however: {name!r} comes twice. Rename a file.")
            models[name] = load(file, providers=providers, threads=threads, on_unseen="ignore")
    return models


def _named_files(path: Path) -> Iterator[tuple[str, Path]]:
    if not path.is_dir():
        yield path.name.removesuffix(".onnx"), path
        return
    found = [(file.name.removesuffix(".onnx"), file) for file in sorted(path.glob("*.onnx"))]
    for folder in sorted(folder for folder in path.iterdir() if folder.is_dir()):
        versions = [file for file in folder.glob("*/model.onnx") if file.parent.name.isdecimal()]
        found += [(folder.name, max(versions, key=lambda file: int(file.parent.name)))] if versions else []
    if not found:
        raise ValueError(
            f"a folder must hold models (*.onnx or NAME/VERSION/model.onnx), however: {str(path)!r} has none"
        )
    yield from found


def serve(
    models: dict[str, Model],
    *,
    host: str,
    port: int,
    limits: Limits,
    grace_seconds: int,
    say: Callable[[str], None],
) -> None:
    """Serve until SIGINT or SIGTERM; then no connection is taken and what runs is finished.

    Parameters
    ----------
    models : dict
        By name.
    host, port
        Where to listen; port 0 takes a free one.
    limits : Limits
    grace_seconds : int
        For what runs, after the signal.
    say : callable
        Told where the server listens, once it does.

    Raises
    ------
    OSError
        The address cannot be had.
    """
    listener = listening_socket(host, port)
    config = uvicorn.Config(
        create_app(models, limits),
        lifespan="off",
        ws="none",
        log_level="warning",
        access_log=False,
        server_header=False,
        timeout_keep_alive=_KEEP_ALIVE_SECONDS,
        timeout_graceful_shutdown=grace_seconds,
    )
    server = uvicorn.Server(config)

    def end(number: int, frame: object) -> None:
        server.should_exit = True

    before = signal.signal(signal.SIGTERM, end)  # until uvicorn has its own, and after, when it raises the signal again
    with listener:
        name = f"[{host}]" if ":" in host else host
        say(f"serving {listed(list(models))} on http://{name}:{listener.getsockname()[1]} (process {os.getpid()})")
        try:
            server.run(sockets=[listener])
        finally:
            signal.signal(signal.SIGTERM, before)


def listening_socket(host: str, port: int) -> socket.socket:
    """A socket that listens at an address.

    Raises
    ------
    OSError
        The address cannot be had.
    """
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    # TCP by name: asyncio sets TCP_NODELAY on no other, and each answer would wait 40 ms for an acknowledgement
    listener = socket.socket(family, socket.SOCK_STREAM, socket.IPPROTO_TCP)
    try:
        if os.name == "posix":
            listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listener.bind((host, port))
        listener.listen(_BACKLOG)
    except (OSError, OverflowError) as error:
        listener.close()
        raise OSError(
            f"--host and --port must be an address to listen on, however: {host} port {port}: "
            f"{str(error).rstrip('.')}. Take another port, or 0 for any free one."
        ) from None
    return listener
