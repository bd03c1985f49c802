"""The command line. A command's module is loaded only when it is asked for, so that every command starts quickly."""

import importlib
from collections.abc import Iterator, MutableMapping
from dataclasses import dataclass
from typing import Annotated, Any, Final

import typer
from typer.core import TyperGroup
from typer.main import get_command

from engine.release import RELEASE


@dataclass(frozen=True)
class Entry:
    """Where a command is: a function, or a Typer with commands of its own, called `name` in `module`."""

    module: str
    name: str
    summary: str
    hidden: bool = False


COMMANDS: Final = {
    "up": Entry("running", "up", "Start an instance: Kafka, PostgreSQL and all programs, until Ctrl-C."),
    "demo": Entry(
        "running", "demo", "Start everything in a folder of its own, play traffic through it, and show what came of it."
    ),
    "status": Entry(
        "status", "status", "Show what runs, how far everything is behind the log, and what needs a person."
    ),
    "ingest": Entry("ingesting", "ingest", "Send recorded webhooks to the running instance, signed, as X would."),
    "interactions": Entry("lists", "interactions", "List interactions, the last opened first."),
    "contacts": Entry("person", "contacts", "List contacts, the last made first, or do something with one."),
    "search": Entry("searching", "search", "Search what people and agents wrote, the latest first."),
    "messages": Entry("erasing", "messages", "Erase single texts."),
    "erasures": Entry("erasures", "erasures", "List what was erased, and when it is gone from all files."),
    "trace": Entry("tracing", "trace", "Tell the life of an interaction, or of all of a person's, step by step."),
    "report": Entry(
        "reports", "report", "Count interactions, waits, agents' work and time, dispositions or deliveries by interval."
    ),
    "watch": Entry("watch", "watch", "Show what happens now: what came in, what waits, and who is there."),
    "sql": Entry("database", "sql", "Query the projections with a role that may only read."),
    "desk": Entry("desk", "app", "Work as an agent: accept what is offered, answer, transfer, close."),
    "accounts": Entry(
        "accounts", "app", "Add the accounts' tokens, register their webhooks, and check what is missing."
    ),
    "agents": Entry("agents", "app", "List agents, register them, and set their state."),
    "token": Entry("tokens", "app", "Make, list and revoke the tokens of the HTTP API."),
    "policy": Entry("policy", "app", "Write, check, publish and show the policy."),
    "emergency": Entry("emergency", "app", "Begin and end the emergency of an account."),
    "dead-letters": Entry("dead_letters", "app", "See what could not be read or decided; put it back or discard it."),
    "replay": Entry(
        "replay",
        "replay",
        "Read any part of the log again: each key's events in their order, over all keys in the order of time.",
    ),
    "verify": Entry(
        "verify",
        "verify",
        "Decide the commands that are still kept again, and hold what comes of it against the log, event for event.",
    ),
    "simulate": Entry(
        "simulate", "simulate", "Play what happened outside in a time under another policy, in memory, and compare."
    ),
    "audit": Entry(
        "audit", "app", "Prove from the log alone that nothing in it was changed, removed, reordered or put in."
    ),
    "projections": Entry(
        "projections", "app", "List the versions of the projections; build one again from the log, or take it back."
    ),
    "topics": Entry("topics", "app", "Hold Kafka's topics against what they should be."),
    "schemas": Entry("schemas", "app", "Generate and check the Avro schemas."),
    "lifecycle": Entry(
        "lifecycle", "lifecycle", "Print the states and transitions of an interaction as a Mermaid diagram."
    ),
    "run": Entry("programs", "run", "Run one program of an instance; the supervisor does.", hidden=True),
}

EXIT_CODES: Final = """\
Exit codes: 0 done; 1 refused or failed; 2 wrong usage or bad input; 3 no instance runs, or what was asked for
isn't there; 130 ended by Ctrl-C."""


class Commands(MutableMapping[str, Any]):
    """The commands by name, each loaded when it is looked up."""

    def __getitem__(self, name: str) -> Any:
        entry = COMMANDS[name]
        found = getattr(importlib.import_module(f"{__name__}.{entry.module}"), entry.name)
        if not isinstance(found, typer.Typer):
            single = typer.Typer(rich_markup_mode=None, add_completion=False)
            single.command(name, hidden=entry.hidden)(found)
            found = single
        command = get_command(found)
        command.name = name
        _keep_examples(command)
        return command

    def __iter__(self) -> Iterator[str]:
        return iter(COMMANDS)

    def __len__(self) -> int:
        return len(COMMANDS)

    def __setitem__(self, name: str, command: Any) -> None:
        raise TypeError("commands are declared in COMMANDS")

    __delitem__ = __setitem__  # type: ignore[assignment]


def _keep_examples(command: Any) -> None:
    """Keeps the lines of examples as they are: broken ones can't be copied."""
    command.help = (command.help or "").replace("\n\nExample:", "\n\n\b\nExample:")
    for inner in getattr(command, "commands", {}).values():
        _keep_examples(inner)


class Group(TyperGroup):
    """Lists the commands without loading them."""

    def __init__(self, **attributes: Any) -> None:
        super().__init__(**attributes)
        self.commands = Commands()

    def format_commands(self, ctx: Any, formatter: Any) -> None:
        with formatter.section("Commands"):
            formatter.write_dl([(name, entry.summary) for name, entry in COMMANDS.items() if not entry.hidden])


app = typer.Typer(
    name="rejoinder",
    cls=Group,
    no_args_is_help=True,
    rich_markup_mode=None,
    pretty_exceptions_enable=False,
    help="Customer care on social media, event-sourced: every post, decision and answer, on Kafka and PostgreSQL.\n\n"
    "To look around: rejoinder demo\n\n" + EXIT_CODES,
)


def _print_version(wanted: bool) -> None:
    if wanted:
        typer.echo(f"rejoinder {RELEASE}")
        raise typer.Exit


@app.callback()
def main(
    version: Annotated[
        bool, typer.Option("--version", callback=_print_version, is_eager=True, help="Print the version and end.")
    ] = False,
) -> None:
    """Options of every command."""
