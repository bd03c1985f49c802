"""The demo: everything in a folder of its own, traffic played through it, a summary at the end."""

import json
import shutil
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, Final

from engine.errors import RejoinderError
from rejoinder.deployment import deploy, ensure_policy
from rejoinder.instance import DataFolder
from rejoinder.play.generating import generate
from rejoinder.play.traffic import encode, read
from rejoinder.programs.player import stage_of
from rejoinder.progress import step
from rejoinder.services import Services
from rejoinder.settings import Settings
from rejoinder.simulated import all_simulated, with_simulator
from rejoinder.supervisor import Program, ProgramFailed, Supervisor

WEDNESDAY: Final = 2
OURS: Final = (
    "instance.json", "kafka", "lock", "logs", "postgres", "processes.json", "ready", "secrets", "simulator.jsonl",
    "state", "summary.json", "traffic.jsonl",
)  # fmt: skip
"""What an instance and a demo leave in a folder; `postgres.…` too."""


class NotOurs(RejoinderError):
    """The folder holds something else."""

    exit_code = 2


@dataclass(frozen=True)
class Options:
    """What was asked for."""

    traffic: Path | None = None
    speed: str = "max"
    exit: bool = False
    fresh: bool = False


def empty(data: Path) -> None:
    """Removes what a demo left in its folder, and nothing else.

    Raises:
        NotOurs: there is something that no instance made.
        DataFolderError: an instance runs there.
    """
    if not data.exists():
        return
    strange = sorted(
        path.name
        for path in data.iterdir()
        if path.name not in OURS and not path.name.startswith(("postgres.", "kafka."))
    )
    if strange:
        raise NotOurs(f"{data} holds {strange[0]}, which is not an instance's: choose another folder with --data")
    with DataFolder(data).owned():
        pass
    for path in data.iterdir():
        if path.is_dir():
            shutil.rmtree(path)
        else:
            path.unlink()


def run(settings: Settings, options: Options, show: Callable[[dict[str, Any]], None]) -> int:
    """Starts everything, plays, shows the summary; stays until Ctrl-C unless told to exit. Gives the exit status."""
    if options.fresh:
        empty(settings.data)
    generated = options.traffic is None
    file = _generated(settings.data) if options.traffic is None else options.traffic
    traffic = read(file)  # a bad file is told before anything is started
    stage = stage_of(traffic, generated)
    settings, simulator = with_simulator(all_simulated(settings))
    settings = settings.model_copy(update={"time": settings.time.model_copy(update={"mode": "recorded"})})
    webhook = f"http://127.0.0.1:{settings.web.port}/webhooks/x"
    summary = settings.data / "summary.json"
    summary.unlink(missing_ok=True)

    def prepare(services: Services) -> None:
        cluster, _ = deploy(settings, services.bootstrap)
        ensure_policy(cluster, stage.policy, at=traffic.steps[0].at)

    kind = "generated" if generated else "recorded"
    arguments = [str(file), str(settings.x.api), webhook, options.speed, kind, str(summary)]
    programs = [
        simulator,
        Program("engine", stage=1),
        Program("projector", stage=1),
        Program("delivery", stage=1),
        Program("web", stage=1),
        Program("player", stage=2, once=True, arguments=arguments),
    ]
    with Supervisor(settings, programs, prepare=prepare) as supervisor:
        with step("Playing the traffic"):
            status = supervisor.run_until_ended("player")
        if not summary.exists():
            log = settings.data / "logs" / "player.log"
            last = log.read_text("utf-8", "replace").strip().splitlines()[-1:] if log.exists() else []
            raise ProgramFailed(f"the player ended with status {status}: {''.join(last)} (its log is {log})")
        show(json.loads(summary.read_text()))
        if not options.exit:
            try:
                supervisor.run()
            except KeyboardInterrupt:
                return status
    return status


def _generated(data: Path) -> Path:
    """The generated traffic of this folder: made once, so that a second run plays the same."""
    file = data / "traffic.jsonl"
    if not file.exists():
        DataFolder(data).create()
        today = datetime.now(UTC).date()
        day = today - timedelta(days=(today.weekday() - WEDNESDAY) % 7 or 7)  # a day with an open one after it
        file.write_text("".join(f"{encode(line)}\n" for line in generate(day)), "utf-8")
    return file
