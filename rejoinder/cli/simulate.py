"""`simulate`: what would have been under another policy."""

import logging
from collections.abc import Iterator
from dataclasses import asdict
from datetime import datetime
from pathlib import Path
from typing import Annotated, Any, Final

import structlog
import typer

from projections.reporting.reports import REPORTS
from rejoinder import policy_file
from rejoinder.cli.errors import BadInput
from rejoinder.cli.instances import reading, running_instance
from rejoinder.cli.kafka import cluster_of
from rejoinder.cli.options import Config, Data, Json, instant
from rejoinder.cli.terminal import clean, print_json, print_table, tell
from rejoinder.progress import step
from rejoinder.whatif.report import Compared, Line
from rejoinder.whatif.simulating import Report, Wanted
from rejoinder.whatif.simulating import simulate as play

SHOWN: Final = {
    "interactions": (
        "offered", "answered", "closed_automatically", "expired", "unanswered_open", "service_level",
        "first_response_seconds_p50", "first_response_seconds_p90",
    ),
    "waits": ("waits", "wait_seconds_p50", "wait_seconds_p90", "offers_expired"),
    "handling": ("handled", "handling_seconds_p50"),
    "occupancy": ("occupancy",),
    "deliveries": (
        "notices_emergency", "notices_special_day", "notices_closed", "automatic_answers", "engagements",
    ),
}  # fmt: skip
"""The measures that a table on a screen shows, beside the dispositions; --json has all."""


def simulate(
    policy: Annotated[Path, typer.Option(help="The candidate: a policy, YAML.")],
    since: Annotated[str, typer.Option("--from", help="The time begins, UTC: 2026-01-31 or 2026-01-31T10:15.")],
    until: Annotated[
        str | None, typer.Option("--to", help="It ends, this moment not included; without it: with the last event.")
    ] = None,
    runs: Annotated[
        int, typer.Option(min=1, max=1_000, help="How often it is played, each time with other chances.")
    ] = 5,
    seed: Annotated[int, typer.Option(help="What the chances begin with: the same seed gives the same report.")] = 1,
    emergencies: Annotated[
        bool, typer.Option("--emergencies/--no-emergencies", help="Whether that time's emergencies happen.")
    ] = True,
    json: Json = False,
    data: Data = None,
    config: Config = None,
) -> None:
    """Play what happened outside in a time under another policy, in memory, and compare.

    Messages, edits, deletions, emergencies and agents' hours are as recorded; agents behave as they were seen to. Each
    measure is shown as recorded, in a world under the policy of then, and in the same world under the candidate.
    Nothing is written anywhere.

    Example: rejoinder simulate --policy candidate.yaml --from 2026-01-01 --to 2026-01-31
    Example: rejoinder simulate --policy candidate.yaml --from 2026-01-26 --runs 20 --seed 7 --json
    """
    candidate = policy_file.read(policy)
    wanted = Wanted(
        candidate=candidate,
        since=_millis(instant("--from", since)) or 0,
        until=_millis(instant("--to", until)),
        runs=runs,
        seed=seed,
        emergencies=emergencies,
    )
    if wanted.until is not None and wanted.until <= wanted.since:
        raise BadInput("--to is not after --from: nothing lies between them")
    # What is decided in a world is no business of the log.
    structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(logging.CRITICAL))
    settings, instance = running_instance(data, config)
    cluster = cluster_of(settings, instance)
    with reading(instance) as connection, step("Playing what if") as progress:
        report = play(cluster, connection, wanted, progress.update)
    if json:
        print_json(_records(report))
    else:
        _show(report)


def _millis(at: datetime | None) -> int | None:
    return None if at is None else round(at.timestamp() * 1000)


def _records(report: Report) -> Iterator[dict[str, Any]]:
    """The head, then a line for each measure, each interaction that differs, and each change of way."""
    parts = asdict(report)
    lines, differ = parts.pop("lines"), parts.pop("differing")
    by_wait, by_way = differ.pop("by_wait"), differ.pop("by_way")
    yield {"what": "simulation", **parts, **differ}
    for kind, found in (("measure", lines), ("interaction", by_wait), ("way", by_way)):
        yield from ({"what": kind, **each} for each in found)


def _show(report: Report) -> None:
    print(
        f"{report.since} to {report.until} (UTC), {report.runs} runs from seed {report.seed}; baseline: version "
        f"{report.policy_version} of the policy"
        + (f" and the {report.published} published since" if report.published else "")
    )
    rows = [
        (line.measure, *(_told(each, _unit(line)) for each in (line.recorded, line.baseline.median,
         line.candidate.median, line.difference.median, line.difference.low, line.difference.high)))
        for line in report.lines
        if line.report not in SHOWN or line.measure in SHOWN[line.report]
    ]  # fmt: skip
    print_table(("measure", "recorded", "baseline", "candidate", "difference", "lowest", "highest"), rows)
    differ = report.differing
    print(
        f"\nIn the first run {differ.waited_longer} customers wait longer for the first answer, "
        f"{differ.waited_shorter} less long, and {differ.other_ways} interactions come through other states."
    )
    for way in differ.by_way:
        print(f"\n{way.interactions} × {_way(way.baseline)}, now {_way(way.candidate)}; one of them:")
        _show_parting(way.example)
    for each in differ.by_wait:
        print(f"\nthe first answer {each.added_wait_seconds:+.0f} s:")
        _show_parting(each)
    for line in _notes(report):
        tell(line)


def _show_parting(each: Compared) -> None:
    """Where the two lives of an interaction part."""
    same = 0
    for one, other in zip(each.baseline, each.candidate, strict=False):
        if one != other:
            break
        same += 1
    print(clean(f"  {each.interaction_id}"))
    for name, steps in (("baseline", each.baseline), ("candidate", each.candidate)):
        for told in steps[same : same + 3] or (None,):
            print(clean(f"    {name:<9}  {'nothing more' if told is None else f'{told.at[:19]}  {told.why}'}"))


def _notes(report: Report) -> Iterator[str]:
    for name, counted in report.nothing.items():
        for reason, times in counted.items():
            yield f"{name}: {times} × {reason}, in all runs"
    if report.erased:
        yield f"{report.erased} messages were judged by what the events recorded: their words are erased."
    if not report.learnt["offered"]:
        yield "No agent was seen to accept an offer in that time or 30 days before: in both worlds nobody does."


def _unit(line: Line) -> str:
    measure = REPORTS[line.report].measure(line.measure) if line.report in REPORTS else None
    return "interactions" if measure is None else measure.unit


def _told(value: float | int | None, unit: str) -> str | None:
    if value is None:
        return None
    if unit == "from 0 to 1":
        return f"{value:.1%}"
    return f"{value:.1f}" if unit == "seconds" else f"{value:g}"


def _way(states: tuple[str, ...]) -> str:
    return " → ".join(states) or "nothing"
