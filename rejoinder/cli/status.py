"""`status`."""

import os
import platform
import subprocess
import time
from collections import Counter
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any, Final

import httpx
import typer
from confluent_kafka import KafkaException

from engine.errors import RejoinderError
from projections.queries import measures
from projections.queries.explain import duration
from rejoinder import lags
from rejoinder.children import identity_of
from rejoinder.cli.instances import address_of, first_line, reading, running_instance, webhooks_of
from rejoinder.cli.kafka import cluster_of
from rejoinder.cli.options import Config, Data, Json
from rejoinder.cli.terminal import print_json, print_pairs, print_table, tell
from rejoinder.instance import HEALTH_KEY, OWN_PORT, Instance
from rejoinder.lags import Lag
from rejoinder.settings import Settings
from topics.letters import read

WEBHOOK_TIMEOUT: Final = 3.0
START_TIME: Final = 19
"""Which field after the name in /proc/PID/stat is the start, in clock ticks since boot (proc(5): field 22)."""


@dataclass(frozen=True)
class ProgramStatus:
    """One program of the instance."""

    program: str
    pid: int
    runs: bool
    restarts: int
    up_seconds: float | None
    facts: dict[str, str | int]
    log: str
    metrics: str
    """host:port of its metrics, health and readiness; empty if it has none."""


@dataclass(frozen=True)
class Attention:
    """What waits for somebody to look at it, by the reason."""

    dead_letters: dict[str, int] = field(default_factory=dict)
    deliveries: dict[str, int] = field(default_factory=dict)
    """Of open interactions, those of which nobody knows whether they were made, or that were given up."""


def status(json: Json = False, data: Data = None, config: Config = None) -> None:
    """Show what runs, how far everything is behind the log, and what needs a person.

    Where no instance runs here, and the settings name an outside Kafka and PostgreSQL, it tells of those.

    Ends with 1 if something can't be asked, and with 3 if no instance runs.

    Example: rejoinder status --json
    """
    settings, instance = running_instance(data, config)
    programs = [
        ProgramStatus(
            name,
            each.pid,
            identity_of(each.pid) is not None,
            each.restarts,
            uptime(each.pid),
            _shown(each.facts),
            each.log,
            each.metrics,
        )
        for name, each in instance.programs.items()
    ]
    found, attention, failures = _asked(settings, instance)
    webhook = _webhook(instance)
    if json:
        print_json([_whole(instance, programs, found, webhook, attention, failures)])
    else:
        _show(instance, programs, found, webhook, attention)
    for failure in failures:
        tell(f"rejoinder: {failure}")
    if failures:
        raise typer.Exit(1)


def _asked(settings: Settings, instance: Instance) -> tuple[list[Lag], Attention, list[str]]:
    """How far everything is behind, what needs a person, and what could not be asked."""
    attention = Attention()
    try:
        cluster = cluster_of(settings, instance)
        found = lags.processors(cluster)
        letters = read(cluster.broker, cluster.catalogue, cluster.codec)
        attention.dead_letters.update(Counter(each.letter.code for each in letters if each.is_open))
    except (RejoinderError, KafkaException) as error:
        return [], attention, [first_line(error)]
    try:
        with reading(instance, owner=True) as connection:
            found += lags.projections(cluster, connection)
            attention.deliveries.update({each.reason: each.deliveries for each in measures.unsettled(connection)})
    except (RejoinderError, KafkaException) as error:
        return found, attention, [first_line(error)]
    return found, attention, []


def _shown(facts: Mapping[str, str | int]) -> dict[str, str | int]:
    return {name: value for name, value in facts.items() if name != HEALTH_KEY}


def _webhook(instance: Instance) -> dict[str, Any] | None:
    """What the web programs counted, together; None: there is none, or not all of them answer."""
    webs = [each.facts for name, each in instance.programs.items() if name.partition("-")[0] == "web"]
    addresses = webhooks_of(webs[0]) if webs and "port" in webs[0] else []
    if not addresses:
        return None
    whole: dict[str, Any] = {"urls": addresses}
    for facts in webs:
        counts = _counted(facts)
        if counts is None:
            return None
        for name, count in counts.items():
            whole[name] = whole.get(name, 0) + count if isinstance(count, int) else count
    return whole


def _counted(facts: Mapping[str, str | int]) -> dict[str, Any] | None:
    """What one web program counted, under the port at which it alone answers."""
    (address,) = webhooks_of({"port": facts.get(OWN_PORT, 0), "webhooks": "/health"})
    try:
        headers = {"Authorization": f"Bearer {facts.get(HEALTH_KEY)}"}
        answer = httpx.get(address, headers=headers, timeout=WEBHOOK_TIMEOUT, trust_env=False)
        counts: dict[str, Any] = answer.json()
    except (httpx.HTTPError, ValueError):
        return None
    return counts


def _whole(
    instance: Instance,
    programs: list[ProgramStatus],
    found: list[Lag],
    webhook: dict[str, Any] | None,
    attention: Attention,
    failures: list[str],
) -> dict[str, Any]:
    return {
        "pid": None if instance.elsewhere else instance.pid,
        "data": None if instance.elsewhere else instance.data,
        "started_at": None if instance.elsewhere else instance.started_at,
        "up_seconds": None if instance.elsewhere else round(_since(instance.started_at)),
        "kafka": instance.bootstrap,
        "postgres": address_of(instance.dsn),
        "programs": [asdict(program) for program in programs],
        "webhook": webhook,
        "lag": [asdict(lag) for lag in found],
        "attention": asdict(attention),
        "failures": failures,
    }


def _show(
    instance: Instance,
    programs: list[ProgramStatus],
    found: list[Lag],
    webhook: dict[str, Any] | None,
    attention: Attention,
) -> None:
    kinds = {True: "embedded", False: "outside"}
    print_pairs(
        [
            ("Instance", _instance(instance)),
            ("Kafka", f"{instance.bootstrap} ({kinds[instance.embedded_kafka]})"),
            ("PostgreSQL", f"{address_of(instance.dsn)} ({kinds[instance.embedded_postgres]})"),
            *([] if instance.elsewhere else [("Webhook", "no answer" if webhook is None else _told(webhook))]),
            ("Needs a person", _needs(attention)),
        ]
    )
    print()
    print_table(
        ("program", "pid", "for", "restarts", "metrics", "log"),
        [
            (
                each.program,
                each.pid if each.runs else "ended",
                None if each.up_seconds is None else duration(each.up_seconds),
                each.restarts,
                each.metrics or None,
                each.log,
            )
            for each in programs
        ],
    )
    print()
    print_table(("reads the log", "kind", "records behind"), [(lag.name, lag.kind, lag.behind) for lag in found])


def _instance(instance: Instance) -> str:
    if instance.elsewhere:
        return "none of this machine; its programs run elsewhere, on these services"
    return f"runs for {duration(_since(instance.started_at))} on {instance.data}, process {instance.pid}"


def _told(webhook: dict[str, Any]) -> str:
    counts = ", ".join(
        f"{webhook.get(name, 0)} {text}"
        for name, text in (
            ("received", "received"),
            ("unsigned", "without a right signature"),
            ("dead_letters", "kept as dead letters"),
            ("unavailable", "not taken"),
        )
    )
    return f"{', '.join(webhook['urls'])}: {counts}"


def _needs(attention: Attention) -> str:
    parts = [
        f"{sum(counts.values())} {what} ({', '.join(f'{count} {reason}' for reason, count in sorted(counts.items()))})"
        for what, counts in (
            ("dead letters", attention.dead_letters),
            ("answers of open interactions that may not be there", attention.deliveries),
        )
        if counts
    ]
    return "; ".join(parts) or "nothing"


def _since(at: int) -> float:
    return max(0.0, time.time() - at / 1000)


def uptime(pid: int) -> float | None:
    """Since how many seconds a process runs; None: it does not."""
    if identity_of(pid) is None:
        return None
    if platform.system() != "Linux":
        return _elapsed(pid)
    try:
        fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
        since_boot = float(Path("/proc/uptime").read_text().split()[0])
    except OSError:  # it ended meanwhile
        return None
    return max(0.0, since_boot - int(fields[START_TIME]) / os.sysconf("SC_CLK_TCK"))


def _elapsed(pid: int) -> float | None:
    """As `ps` tells it: [[dd-]hh:]mm:ss."""
    told = subprocess.run(["ps", "-o", "etime=", "-p", str(pid)], capture_output=True, text=True, check=False).stdout
    days, _, rest = told.strip().rpartition("-")
    if not rest:
        return None
    seconds = 0
    for part in rest.split(":"):
        seconds = seconds * 60 + int(part)
    return seconds + 86_400.0 * int(days or 0)
