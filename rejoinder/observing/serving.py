"""A program's own small server: /metrics for Prometheus, /health and /ready for whoever starts it.

It runs in threads of its own, so that it answers when the program's loop hangs, and says so.
"""

import json
import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Final

from prometheus_client import CollectorRegistry
from prometheus_client.exposition import CONTENT_TYPE_LATEST, generate_latest

from rejoinder.observing.health import Health
from rejoinder.sections import SettingsError

PATIENCE: Final = 10.0
"""How long a request may take to come in, seconds."""


class _Handler(BaseHTTPRequestHandler):
    timeout = PATIENCE
    server: "_Server"

    def do_GET(self) -> None:
        match self.path.partition("?")[0]:
            case "/metrics":
                self._send(HTTPStatus.OK, CONTENT_TYPE_LATEST, generate_latest(self.server.registry))
            case "/health":
                self._tell(self.server.health.ailments())
            case "/ready":
                self._tell(self.server.health.missing())
            case _:
                self._send(HTTPStatus.NOT_FOUND, "text/plain", b"/metrics, /health, /ready\n")

    def log_message(self, format: str, *args: object) -> None:
        """Requests are not logged: they come every few seconds."""

    def _tell(self, why: dict[str, str]) -> None:
        status = HTTPStatus.SERVICE_UNAVAILABLE if why else HTTPStatus.OK
        body = {"status": "failing", "why": why} if why else {"status": "ok"}
        self._send(status, "application/json", json.dumps(body).encode())

    def _send(self, status: HTTPStatus, kind: str, body: bytes) -> None:
        self.send_response(status)
        self.send_header("Content-Type", kind)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)


class _Server(ThreadingHTTPServer):
    daemon_threads = True

    def __init__(self, host: str, port: int, health: Health, registry: CollectorRegistry) -> None:
        self.address_family = socket.AF_INET6 if ":" in host else socket.AF_INET
        self.health, self.registry = health, registry
        super().__init__((host, port), _Handler)


@contextmanager
def serving(host: str, port: int, health: Health, registry: CollectorRegistry) -> Iterator[int]:
    """Serves as long as the context lasts, on the port that it gives; 0: a free one.

    Raises:
        SettingsError: the port can't be listened on.
    """
    try:
        server = _Server(host, port, health, registry)
    except OSError as error:
        raise SettingsError(
            f"{host}:{port} can't be listened on for metrics ({error.strerror}): name another port with the setting "
            "metrics.port, or 0 for a free one"
        ) from error
    thread = threading.Thread(target=server.serve_forever, args=(0.1,), name="metrics", daemon=True)
    thread.start()
    try:
        yield server.server_address[1]
    finally:
        server.shutdown()
        thread.join()
        server.server_close()
