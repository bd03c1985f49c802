"""`watch`: the wallboard on a terminal, or as JSON lines."""

import time
from collections.abc import Sequence
from contextlib import suppress
from typing import Annotated, Final

import typer
from rich.console import Group
from rich.live import Live
from rich.table import Table
from rich.text import Text

from projections.live.board import Board, QueueLine
from projections.queries.explain import duration
from projections.queries.wallboard import wallboard
from rejoinder.cli.errors import NotFound
from rejoinder.cli.instances import reading, running_instance
from rejoinder.cli.options import Config, Data, Json
from rejoinder.cli.terminal import cell, clean, console, moment, print_json, show
from rejoinder.instance import Instance

SOON: Final = 10.0
"""How long a board is awaited, where none hangs yet, seconds."""
LOOK_AGAIN: Final = 0.2
COLUMNS: Final = (
    "queue", "opened", "answered", "waiting", "oldest", "with agents", "in target", "beyond", "running",
    "service level",
)  # fmt: skip


def watch(
    queue: Annotated[str | None, typer.Option(help="Only this queue.")] = None,
    interval: Annotated[float, typer.Option(min=0.1, max=3600, help="Seconds between two looks.")] = 2,
    once: Annotated[
        bool, typer.Option("--once", help="Look once, when all that is in the log is counted, and end.")
    ] = (False),
    json: Json = False,
    data: Data = None,
    config: Config = None,
) -> None:
    """Show what happens now: what came in, what waits, and who is there.

    What comes in counts for 15 minutes. Ctrl-C ends it. With --json each look is one line. Ends with 3 if no program
    `live` counts.

    Example: rejoinder watch
    Example: rejoinder watch --queue care --once --json
    """
    _, instance = running_instance(data, config)
    with suppress(KeyboardInterrupt):  # that is how it is meant to end
        _watch(instance, queue, interval, once, json)


def _watch(instance: Instance, queue: str | None, interval: float, once: bool, json: bool) -> None:
    board = _settled(instance) if once else _awaited(instance)
    out = console()
    if json or once or not out.is_terminal:
        while True:
            if json:
                print_json([_part(board, queue)])
            else:
                show(shown(_part(board, queue)), out)
            if once:
                return
            time.sleep(interval)
            board = _awaited(instance)
    with Live(shown(_part(board, queue)), console=out, auto_refresh=False, screen=True) as screen:
        while True:
            screen.update(shown(_part(board, queue)), refresh=True)
            time.sleep(interval)
            board = _awaited(instance)


def _awaited(instance: Instance) -> Board:
    """The board that hangs, or will in a moment. Raises NotFound."""
    deadline = time.monotonic() + SOON
    while True:
        with reading(instance) as connection:
            board = wallboard(connection)
        if board is not None:
            return board
        if time.monotonic() > deadline:
            raise NotFound(
                "nothing is counted now: the program `live` does not run, or can't write to PostgreSQL. `rejoinder "
                "status` tells; the setting workers.live has to be 1"
            )
        time.sleep(LOOK_AGAIN)


def _settled(instance: Instance) -> Board:
    """A board with all that was in the log, or what there is after a while."""
    deadline = time.monotonic() + SOON
    board = _awaited(instance)
    while board.behind != 0 and time.monotonic() < deadline:
        time.sleep(LOOK_AGAIN)
        board = _awaited(instance)
    return board


def _part(board: Board, queue: str | None) -> Board:
    return board if queue is None else board.of_queue(queue)


def shown(board: Board) -> Group:
    """A board as a person reads it."""
    behind = "" if board.behind == 0 else f", {'reading' if board.behind is None else board.behind} behind the log"
    title = Text(f"{moment(board.at)} UTC, the last {duration((board.at - board.since).total_seconds())}{behind}")
    return Group(title, Text(), _queues(board), Text(), _accounts(board), Text(), _agents(board))


def _queues(board: Board) -> Table:
    table = _table(COLUMNS)
    for line in board.queues:
        table.add_row(*_line(line.queue or "–", line))
    if len(board.queues) != 1:
        table.add_section()
        table.add_row(*_line("all", board.total), style="bold")
    return table


def _line(name: str, line: QueueLine) -> list[Text]:
    oldest = "" if line.oldest_wait_seconds is None else duration(line.oldest_wait_seconds)
    level = "" if line.service_level is None else f"{line.service_level:.0%}"
    late = "red" if line.target_missed else ""
    return [
        Text(clean(name)),
        *(Text(cell(value)) for value in (line.opened, line.answered)),
        Text(cell(line.waiting), style="yellow" if line.waiting else ""),
        Text(oldest),
        *(Text(cell(value)) for value in (line.with_agents, line.target_met)),
        Text(cell(line.target_missed), style=late),
        Text(cell(line.target_running)),
        Text(level, style=late),
    ]


def _accounts(board: Board) -> Table:
    table = _table(("account", "queue", "opened", "filtered", "answered"), names=2)
    for line in board.accounts:
        numbers = (line.opened, line.filtered, line.answered)
        table.add_row(clean(line.account_key or "–"), clean(line.queue or "–"), *map(cell, numbers))
    return table


def _agents(board: Board) -> Table:
    table = _table(("pool", "ready", "away", "offline"))
    for line in board.agents:
        table.add_row(clean(line.pool), *map(cell, (line.ready, line.away, line.offline)))
    return table


def _table(columns: Sequence[str], names: int = 1) -> Table:
    table = Table(box=None, pad_edge=False, padding=(0, 2, 0, 0), header_style="bold")
    for index, name in enumerate(columns):
        table.add_column(name, justify="left" if index < names else "right", no_wrap=index < names)
    return table
