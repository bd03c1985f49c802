"""`python -m channels.simulator`: the simulated X on a port of this machine."""

import argparse
import asyncio
import os
import socket
import sys
from pathlib import Path

import uvicorn

from channels.simulator.x import create_app
from engine.errors import RejoinderError

HOST = "127.0.0.1"


class NoSecret(RejoinderError):
    """The file with the consumer secret can't be read."""


class PortTaken(RejoinderError):
    """The port is taken."""


class _Server(uvicorn.Server):
    """Writes its port to a file once it listens."""

    ready_file: Path | None = None
    port: int = 0

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        await super().startup(sockets)
        if self.ready_file is not None and not self.should_exit:
            unfinished = self.ready_file.with_suffix(".part")
            unfinished.write_text(f"{self.port}\n")
            os.replace(unfinished, self.ready_file)


def main(arguments: list[str] | None = None) -> int:
    """Runs until SIGTERM or SIGINT. The exit status is that of the command."""
    options = _parser().parse_args(arguments)
    try:
        return asyncio.run(_serve(options))
    except RejoinderError as error:
        print(f"simulator: {error}", file=sys.stderr)
        return error.exit_code


async def _serve(options: argparse.Namespace) -> int:
    app = create_app(
        consumer_secret=_secret(options.secret_file),
        webhook=options.webhook,
        journal=options.journal,
        rate_limit=options.rate_limit,
        echoes=options.echoes,
    )
    listening = _listen(options.port)
    server = _Server(uvicorn.Config(app, log_level="warning", access_log=False))
    server.ready_file, server.port = options.ready_file, listening.getsockname()[1]
    print(f"simulated X: http://{HOST}:{server.port}", flush=True)
    await server.serve(sockets=[listening])
    return 0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m channels.simulator", description="The simulated X.")
    parser.add_argument("--port", type=int, default=0, help="the port on 127.0.0.1; 0: a free one")
    parser.add_argument("--webhook", help="the URL that webhooks are delivered to")
    parser.add_argument("--secret-file", type=Path, required=True, help="the file with the app's consumer secret")
    parser.add_argument("--journal", type=Path, help="a file that keeps all posts over a restart")
    parser.add_argument("--ready-file", type=Path, help="written with the port once it listens")
    parser.add_argument("--rate-limit", type=int, help="posts of each account in 15 minutes; not set: no limit")
    parser.add_argument("--no-echo", dest="echoes", action="store_false", help="own posts don't come by webhook")
    return parser


def _secret(path: Path) -> str:
    try:
        return path.read_text().strip()
    except (OSError, UnicodeDecodeError) as error:
        raise NoSecret(f"{path}: the file with the consumer secret can't be read; --secret-file names it.") from error


def _listen(port: int) -> socket.socket:
    listening = socket.socket()
    listening.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        listening.bind((HOST, port))
    except OSError as error:
        raise PortTaken(f"{HOST}:{port} can't be listened on ({error.strerror}); --port names another.") from error
    return listening


if __name__ == "__main__":
    sys.exit(main())
