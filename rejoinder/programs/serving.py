"""A web server of ours: the web program's, and the simulator's."""

import socket
from collections.abc import Mapping

import uvicorn

from rejoinder.heads import BoundedHeads
from rejoinder.instance import OWN_PORT, report_ready
from rejoinder.listening import LOOPBACK, given, listening
from rejoinder.observing.health import Health
from rejoinder.observing.web import beating


async def serve(
    app: object,
    port: int,
    host: str = LOOPBACK,
    facts: Mapping[str, str | int] | None = None,
    health: Health | None = None,
) -> None:
    """Serves an ASGI application, and tells its port, and `facts`, once it listens; its loop's turns too.

    Where the supervisor opened the port, others take connections from it too: this process then has another of its
    own, under which it alone can be asked.
    """
    shared = given()
    sockets = [listening(host, port)] if shared is None else [shared, listening(LOOPBACK, 0)]
    config = uvicorn.Config(
        app,  # type: ignore[arg-type]
        http=BoundedHeads,
        log_level="warning",
        access_log=False,
        timeout_graceful_shutdown=5,
    )
    server = _Server(config)
    ports = [each.getsockname()[1] for each in sockets]
    server.facts = {"host": host, "port": ports[0], OWN_PORT: ports[-1], **(facts or {})}
    async with beating(health):
        await server.serve(sockets=sockets)


class _Server(uvicorn.Server):
    facts: Mapping[str, str | int] = {}

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        await super().startup(sockets)
        if not self.should_exit:
            report_ready(self.facts)
