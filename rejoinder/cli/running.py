"""`up`, `demo`, and the programs that they start."""

import sys
from contextlib import nullcontext
from pathlib import Path
from shlex import quote
from typing import Annotated, Any, Final

import typer
from rich.text import Text

from engine.errors import RejoinderError
from rejoinder import demo as demos
from rejoinder.cli.instances import demo_folder, settings_for, webhooks_of
from rejoinder.cli.options import Config, DemoData, Json, NewData
from rejoinder.cli.terminal import clean, console, print_json, print_pairs, show
from rejoinder.deployment import deploy
from rejoinder.listening import listening
from rejoinder.services import Services
from rejoinder.simulated import is_wanted, with_simulator
from rejoinder.supervisor import Supervisor
from rejoinder.webhooks import platforms_of
from rejoinder.workers import counts_of, forget_state, programs_of

CHANNELS: Final = {"x": "  on X", "facebook": "  on Facebook", "messenger": "  in Messenger"}
COUNTED: Final = {
    "interactions": "interactions",
    "messages_in": "messages",
    "answers_posted": "answers",
    "answers_automatic": "automatic",
    "moved_to_private": "gone on in private",
    "handles_linked": "linked to a person known elsewhere",
    "suggestions": "suggestions",
}
"""What the summary says of each channel, and how."""


class BadOption(RejoinderError):
    """An option is wrong."""

    exit_code = 2


def up(
    data: NewData = None,
    config: Config = None,
    kafka_bootstrap: Annotated[str | None, typer.Option(help="An outside Kafka, host:port.")] = None,
    postgres_dsn: Annotated[str | None, typer.Option(help="An outside PostgreSQL.")] = None,
    web_port: Annotated[int | None, typer.Option(help="Where webhooks come in; 0: a free port.")] = None,
    workers: Annotated[
        str | None, typer.Option(help="How many processes of each program: 2, or engine=3,delivery=2.")
    ] = None,
) -> None:
    """Start an instance: Kafka, PostgreSQL and all programs, until Ctrl-C.

    Example: rejoinder up --data ./care --web-port 8080
    Example: rejoinder up --workers engine=3,projector=2
    """
    settings = settings_for(
        data,
        config,
        kafka__bootstrap=kafka_bootstrap,
        postgres__dsn=postgres_dsn,
        web__port=web_port,
        **({} if workers is None else {name.replace(".", "__"): count for name, count in counts_of(workers).items()}),
    )
    simulated = is_wanted(settings)
    more = []
    if simulated:
        settings, simulator = with_simulator(settings)
        more.append(simulator)
    platforms_of(settings)  # said at once, and not in a program's log

    def prepare(services: Services) -> None:
        _, differences = deploy(settings, services.bootstrap)
        for said in (*differences, *forget_state(settings)):
            print(f"rejoinder: {said}", file=sys.stderr)

    with (
        listening(settings.web.host, settings.web.port) if settings.workers.web else nullcontext() as listens,
        Supervisor(settings, [*programs_of(settings, listens), *more], prepare=prepare) as supervisor,
    ):
        if settings.workers.web:
            for address in webhooks_of({name: supervisor.fact("web", name) for name in ("host", "port", "webhooks")}):
                print(f"Webhooks: {address}", file=sys.stderr)
        if simulated:
            print("The simulator plays: no real platform is called for what it plays.", file=sys.stderr)
        try:
            supervisor.run()
        except KeyboardInterrupt:
            return


def demo(
    data: DemoData = None,
    config: Config = None,
    traffic: Annotated[
        Path | None, typer.Option(help="Recorded traffic to play (docs/reference/traffic.md); else it is generated.")
    ] = None,
    policy: Annotated[
        Path | None,
        typer.Option(help="The policy to generate traffic for; else docs/policies/all-channels.yaml."),
    ] = None,
    speed: Annotated[str, typer.Option(help="As recorded × this number, or max.")] = "max",
    exit_: Annotated[bool, typer.Option("--exit", help="End after the summary; status 0 if all is accounted for.")] = (
        False
    ),
    fresh: Annotated[bool, typer.Option("--fresh", help="Empty the demo's folder first.")] = False,
    json: Json = False,
) -> None:
    """Start everything in a folder of its own, play traffic through it, and show what came of it.

    Example: rejoinder demo --fresh
    Example: rejoinder demo --fresh --policy docs/policies/messenger-chat.yaml
    Example: rejoinder demo --traffic traffic.jsonl --exit --json
    """
    if speed != "max":
        try:
            valid = float(speed) > 0
        except ValueError:
            valid = False
        if not valid:
            raise BadOption(f"--speed is {speed!r}: write max, or a number above zero")
    if policy is not None and traffic is not None:
        raise BadOption(
            "--policy is for generated traffic, and accounts and queues of recorded traffic come from its file: give "
            "one of --policy and --traffic"
        )
    settings = settings_for(data, config)
    if data is None:
        settings = settings.model_copy(update={"data": demo_folder(settings)})
    options = demos.Options(
        traffic=None if traffic is None else traffic.absolute(),
        policy=policy,
        speed=speed,
        exit=exit_,
        fresh=fresh,
    )

    def show(summary: dict[str, Any]) -> None:
        if json:
            print_json([summary])
        else:
            print_summary(summary, None if data is None else settings.data)

    raise typer.Exit(demos.run(settings, options, show))


def print_summary(found: dict[str, Any], data: Path | None) -> None:
    """The summary as a person reads it."""
    first = found["first_response_seconds"]
    states = ", ".join(f"{count} {state}" for state, count in sorted(found["interactions_by_state"].items()))
    rows = {
        "Contacts": found["contacts"],
        "Interactions": f"{found['interactions']} ({states})",
        "Customers' messages": f"{found['inbound_messages']} ({found['duplicates_ignored']} repeats ignored)",
        **{CHANNELS[channel]: _channel(counted) for channel, counted in found["by_channel"].items()},
        "Answers posted": found["replies_posted"],
        "Answers refused": _reasons(found),
        "Answers to no known post": found["replies_unmatched"],
        "Automatic answers": f"{found['answers_automatic']}, and {found['notices_posted']} notices of closures",
        "First response": f"{first['count']} answered, half within {_seconds(first['p50'])}, "
        f"nine in ten within {_seconds(first['p90'])}",
        "Dead letters": found["dead_letters"],
        "Events": f"{found['events']} in {found['seconds']} s",
        "Behind the log": sum(lag["behind"] for lag in found["lag"] if lag["kind"] == "projection"),
    }
    print_pairs(rows.items())
    for missing in found["unaccounted"]:
        show(Text(f"Not accounted for: {clean(missing)}", style="red"), console())
    if found["sample"] is not None:
        where = f" --data {data}" if data else ""
        print("\nTry next, in another terminal:")
        print(f"  bin/rejoinder trace {found['sample']['interaction_id']}{where}")
        print(f"  bin/rejoinder report interactions{where}")
        print(f"  bin/rejoinder contacts --search {quote(clean(found['sample']['customer']))}{where}")


def _channel(counted: dict[str, int]) -> str:
    """A channel on one line; what it has nothing of is left out."""
    always = ("interactions", "messages_in", "answers_posted")
    said = [f"{counted[name]} {what}" for name, what in COUNTED.items() if name in always or counted[name]]
    return ", ".join(said)


def _reasons(found: dict[str, Any]) -> str:
    reasons = ", ".join(f"{count} {code}" for code, count in found["replies_refused_by_reason"].items())
    return f"{found['replies_refused']}" + (f" ({reasons})" if reasons else "")


def _seconds(value: float | None) -> str:
    if value is None:
        return "–"
    minutes, seconds = divmod(round(value), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours} h {minutes} min" if hours else f"{minutes} min {seconds} s"
