"""`python -m channels.simulator`: the simulated X and Meta on a port of this machine."""

import argparse
import asyncio
import os
import socket
import sys
from pathlib import Path

import uvicorn

from channels.simulator.app import create_app
from engine.errors import RejoinderError

HOST = "127.0.0.1"


class NoSecret(RejoinderError):
    """A file with a secret can't be read."""


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
        consumer_secret=_secret(options.secret_file, "the consumer secret", "--secret-file"),
        app_secret=_optional(options.meta_secret_file, "Meta's app secret", "--meta-secret-file"),
        verify_token=_optional(options.meta_verify_token_file, "Meta's verify token", "--meta-verify-token-file"),
        webhook=options.webhook,
        meta_webhook=options.meta_webhook,
        journal=options.journal,
        rate_limit=options.rate_limit,
        echoes=options.echoes,
    )
    listening = _listen(options.port)
    server = _Server(uvicorn.Config(app, log_level="warning", access_log=False))
    server.ready_file, server.port = options.ready_file, listening.getsockname()[1]
    print(f"simulated X: http://{HOST}:{server.port}", flush=True)
    print(f"simulated Meta: http://{HOST}:{server.port}/graph/v26.0", flush=True)
    await server.serve(sockets=[listening])
    return 0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m channels.simulator", description="The simulated X and Meta.")
    parser.add_argument("--port", type=int, default=0, help="the port on 127.0.0.1; 0: a free one")
    parser.add_argument("--webhook", help="the URL that X's webhooks are delivered to")
    parser.add_argument("--meta-webhook", help="the URL that Meta's webhooks are delivered to")
    parser.add_argument("--secret-file", type=Path, required=True, help="the file with the app's consumer secret")
    parser.add_argument("--meta-secret-file", type=Path, help="the file with the Meta app's secret")
    parser.add_argument("--meta-verify-token-file", type=Path, help="the file with Meta's verify token")
    parser.add_argument("--journal", type=Path, help="a file that keeps what happened on X over a restart")
    parser.add_argument("--ready-file", type=Path, help="written with the port once it listens")
    parser.add_argument("--rate-limit", type=int, help="X: posts of each account in 15 minutes; not set: no limit")
    parser.add_argument("--no-echo", dest="echoes", action="store_false", help="own posts don't come by webhook")
    return parser


def _secret(path: Path, what: str, option: str) -> str:
    try:
        return path.read_text().strip()
    except (OSError, UnicodeDecodeError) as error:
        raise NoSecret(f"{path}: the file with {what} can't be read; {option} names it.") from error


def _optional(path: Path | None, what: str, option: str) -> str | None:
    return None if path is None else _secret(path, what, option)


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
