"""The routes: which request gets which answer, and the limits that hold for all of them.

What stands in a body is read elsewhere: `inference_protocol.py`, `json_rows.py`.
"""

from __future__ import annotations

import asyncio
import logging
import os
import time
from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import anyio
from prometheus_client import CONTENT_TYPE_LATEST
from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.requests import ClientDisconnect, Request
from starlette.responses import Response
from starlette.routing import Route

from mothernet_runtime import __version__
from mothernet_runtime.graph_rules import ModelFileError
from mothernet_runtime.model import Model
from mothernet_runtime.serving import json_rows
from mothernet_runtime.serving.inference_protocol import VERSION, infer, model_metadata
from mothernet_runtime.serving.metrics import Metrics
from mothernet_runtime.serving.requests import JSON, Limits, Reply, RequestError, compact_json
from mothernet_runtime.text import listed

__all__ = ["create_app"]

_log = logging.getLogger(__name__)
_SMALL_BODY = 16_384  # bytes: answered at once, sooner than a thread would be asked
_DISCONNECTED = 499  # in metrics only; a client that has gone reads no status

Answer = Callable[[str, Model, bytes, Mapping[str, str], int], Reply]


def create_app(models: Mapping[str, Model], limits: Limits | None = None) -> Starlette:
    """An ASGI application that serves models by name.

    Examples
    --------
    >>> import mothernet_runtime
    >>> app = create_app({"titanic": mothernet_runtime.load("titanic.onnx")})  # doctest: +SKIP
    """
    server = _Server(models, limits or Limits())
    app = Starlette(
        routes=[
            Route("/v2", server.about),
            Route("/v2/health/live", server.live),
            Route("/v2/health/ready", server.ready),
            Route("/metrics", server.metrics_text),
            Route("/predict", server.predict, methods=["POST"]),
            Route("/predict/{model}", server.predict, methods=["POST"]),
            *(
                route
                for path in ("/v2/models/{model}", "/v2/models/{model}/versions/{version}")
                for route in (
                    Route(path, server.metadata),
                    Route(f"{path}/ready", server.model_ready),
                    Route(f"{path}/infer", server.infer, methods=["POST"]),
                )
            ),
        ],
        exception_handlers={HTTPException: _http_error, RequestError: _refused, Exception: _failed},
    )
    app.router.redirect_slashes = False
    return app


class _Server:
    def __init__(self, models: Mapping[str, Model], limits: Limits) -> None:
        self._models, self._limits = dict(models), limits
        self._metrics, self._n_requests = Metrics(), 0
        self._threads = ThreadPoolExecutor(os.cpu_count() or 1, "mothernet-predict")

    async def about(self, request: Request) -> Response:
        about = {"name": "mothernet-runtime", "version": __version__, "extensions": ["binary_tensor_data"]}
        return _json({**about, "models": list(self._models)})

    async def live(self, request: Request) -> Response:
        return _json({"live": True})

    async def ready(self, request: Request) -> Response:
        return _json({"ready": True})

    async def metrics_text(self, request: Request) -> Response:
        return Response(self._metrics.text(), headers={"Content-Type": CONTENT_TYPE_LATEST})

    async def metadata(self, request: Request) -> Response:
        return _json(model_metadata(*self._model(request)))

    async def model_ready(self, request: Request) -> Response:
        return _json({"name": self._model(request)[0], "ready": True})

    async def infer(self, request: Request) -> Response:
        return await self._counted(request, "infer", infer)

    async def predict(self, request: Request) -> Response:
        return await self._counted(request, "predict", json_rows.predict)

    def _model(self, request: Request) -> tuple[str, Model]:
        """Name and model of a request's path; without a name the only one there is."""
        name, version = request.path_params.get("model"), request.path_params.get("version", VERSION)
        if name is None and len(self._models) == 1:
            (name,) = self._models
        if name not in self._models or version != VERSION:
            cure = "" if name else " Use /predict/NAME."
            given = f"{name!r}, version {version!r}" if name else "no name"
            raise RequestError(
                f"the model must be of {listed(list(self._models))}, version {VERSION!r}, however: {given}.{cure}",
                status=404,
            )
        return name, self._models[name]

    async def _counted(self, request: Request, route: str, answer: Answer) -> Response:
        """Answer a request for predictions, and count it whatever becomes of it."""
        start, name, status, n_rows = time.perf_counter(), "", 500, 0
        self._n_requests += 1
        self._metrics.in_progress.inc()
        try:
            name, model = self._model(request)
            body = await self._body(request)
            arguments = name, model, body, request.headers, self._limits.rows
            if len(body) <= _SMALL_BODY:
                reply = answer(*arguments)
            else:
                reply = await asyncio.get_running_loop().run_in_executor(self._threads, answer, *arguments)
            status, n_rows = 200, reply.n_rows
            return Response(reply.body, headers=dict(reply.headers), media_type=reply.media_type)
        except ClientDisconnect:
            status = _DISCONNECTED
            return Response(status_code=status)
        except ModelFileError as error:
            _log.error("%s cannot predict: %s", name, error)
            return _error(str(error), status)
        except (ValueError, TypeError) as error:
            status = error.status if isinstance(error, RequestError) else 400
            return _error(str(error), status)
        finally:
            self._n_requests -= 1
            self._metrics.in_progress.dec()
            self._metrics.count(name, route, status, n_rows, time.perf_counter() - start)

    async def _body(self, request: Request) -> bytes:
        limits, length = self._limits, request.headers.get("content-length", "0")
        if self._n_requests > limits.requests:
            raise RequestError(
                f"at most {limits.requests:,} requests may be in work at a time, and so many are. Try again.", 503
            )
        if "content-encoding" in request.headers:
            raise RequestError("the body must not be compressed. Send it without Content-Encoding.", 415)
        if length.isdecimal() and int(length) > limits.bytes:
            raise _too_large(limits.bytes)
        try:
            with anyio.fail_after(limits.body_seconds):
                return await _read_body(request, limits.bytes)
        except TimeoutError:
            raise RequestError(f"the body must arrive within {limits.body_seconds:g} s. Send it again.", 408) from None


async def _read_body(request: Request, max_bytes: int) -> bytes:
    parts, n_bytes = [], 0
    async for part in request.stream():
        n_bytes += len(part)
        if n_bytes > max_bytes:
            raise _too_large(max_bytes)
        parts.append(part)
    return b"".join(parts)


def _too_large(max_bytes: int) -> RequestError:
    return RequestError(f"a body must have at most {max_bytes:,} bytes. Send the rows in parts.", status=413)


def _json(value: Any, status: int = 200) -> Response:
    headers = {"Retry-After": "1"} if status == 503 else None
    return Response(compact_json(value), status, headers, media_type=JSON)


def _error(message: str, status: int) -> Response:
    """An error in the form of the Open Inference Protocol."""
    return _json({"error": message}, status)


async def _http_error(request: Request, error: Exception) -> Response:
    assert isinstance(error, HTTPException)
    response = _error(f"{request.method} {request.url.path}: {error.detail}", error.status_code)
    response.headers.update(error.headers or {})
    return response


async def _refused(request: Request, error: Exception) -> Response:
    assert isinstance(error, RequestError)
    return _error(str(error), error.status)


async def _failed(request: Request, error: Exception) -> Response:
    return _error("the server failed; see its log", 500)  # where uvicorn writes the error
