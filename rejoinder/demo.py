"""The demo: everything in a folder of its own, traffic played through it, a summary at the end."""

import json
import shutil
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Final

from engine.errors import RejoinderError
from engine.policy.document import Policy
from rejoinder import policy_file
from rejoinder.deployment import deploy, ensure_policy
from rejoinder.instance import DataFolder
from rejoinder.play.generating import day_for, generate
from rejoinder.play.traffic import encode, read
from rejoinder.programs.player import RECORDED, stage_of
from rejoinder.progress import step
from rejoinder.services import Services
from rejoinder.settings import Settings
from rejoinder.simulated import all_simulated, with_simulator
from rejoinder.supervisor import Program, ProgramFailed, Supervisor

DEFAULT_POLICY: Final = Path(__file__).parent.parent / "docs" / "policies" / "all-channels.yaml"
OURS: Final = (
    "instance.json", "kafka", "lock", "logs", "metrics-targets.json", "policy.yaml", "postgres", "processes.json",
    "ready", "secrets", "simulator.jsonl", "state", "summary.json", "traffic.jsonl",
)  # fmt: skip
"""What an instance and a demo leave in a folder; `postgres.…` too."""


class NotOurs(RejoinderError):
    """The folder holds something else."""

    exit_code = 2


class OtherPolicy(RejoinderError):
    """The policy that was given is not the one by which the folder was played."""

    exit_code = 2


@dataclass(frozen=True)
class Options:
    """What was asked for."""

    traffic: Path | None = None
    policy: Path | None = None
    """For generated traffic; None: that of the folder, else the one for all channels."""
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
    given = None if options.policy is None else policy_file.read(options.policy)
    if options.fresh:
        empty(settings.data)
    # A bad file is told before anything is started.
    file, kind = (options.traffic, RECORDED) if options.traffic is not None else _generated(settings.data, given)
    traffic = read(file)
    stage = stage_of(traffic, kind)
    settings, simulator = with_simulator(all_simulated(settings))
    settings = settings.model_copy(update={"time": settings.time.model_copy(update={"mode": "recorded"})})
    web = f"http://127.0.0.1:{settings.web.port}"
    summary = settings.data / "summary.json"
    summary.unlink(missing_ok=True)

    def prepare(services: Services) -> None:
        cluster, _ = deploy(settings, services.bootstrap)
        ensure_policy(cluster, stage.policy, at=traffic.steps[0].at)

    arguments = [str(file), str(settings.x.api), web, options.speed, kind, str(summary)]
    programs = [
        simulator,
        Program("engine", stage=1),
        Program("projector", stage=1),
        Program("delivery", stage=1),
        Program("web", stage=1),
        *([Program("live", stage=1)] if settings.workers.live else []),
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


def _generated(data: Path, given: Policy | None) -> tuple[Path, str]:
    """The generated traffic of this folder, and its policy: made once, so that a second run plays the same.

    Raises:
        OtherPolicy: the folder was played by another one, whose accounts and hours its traffic has.
    """
    file, kept = data / "traffic.jsonl", data / "policy.yaml"
    before = policy_file.read(kept) if kept.exists() else None
    if file.exists() and (before is None or given not in (None, before)):
        name = "an older version" if before is None else f"the policy {before.name!r}"
        raise OtherPolicy(
            f"{data} was played with {name}, and this is another policy: begin anew with --fresh, or choose another "
            "folder with --data"
        )
    if not file.exists():
        policy = given or policy_file.read(DEFAULT_POLICY)
        lines = generate(policy, day_for(policy, datetime.now(UTC).date()))
        DataFolder(data).create()
        kept.write_text(policy_file.to_yaml(policy), "utf-8")
        file.write_text("".join(f"{encode(line)}\n" for line in lines), "utf-8")
    return file, str(kept)
