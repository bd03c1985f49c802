"""Child processes: started so that they end with us, remembered so that a later start can find what was left."""

import json
import os
import platform
import signal
import subprocess
import sys
import time
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Final

from rejoinder.files import write_atomically
from rejoinder.settings import PREFIX

LAUNCHER: Final = Path(__file__).parent / "embedded" / "launch.py"
LEFTOVER_GRACE_SECONDS: Final = 6.0
KILLED_GRACE_SECONDS: Final = 10.0
POLL_SECONDS: Final = 0.02
LOG_BYTES: Final = 10_000_000  # a longer one is put aside when its program starts


def identity_of(pid: int) -> str | None:
    """What tells this process from a later one with the same pid: its start time. None if no such process lives.

    A zombie counts as dead: it holds nothing any more.
    """
    if platform.system() == "Linux":
        try:
            # The command's name in parentheses may hold anything; what follows it does not.
            fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
            boot = Path("/proc/sys/kernel/random/boot_id").read_text().strip()
        except OSError:
            return None
        return None if fields[0] in "ZX" else f"{boot}/{fields[19]}"
    answer = subprocess.run(["ps", "-o", "stat=,lstart=", "-p", str(pid)], capture_output=True, text=True, check=False)
    state, _, started = answer.stdout.strip().partition(" ")
    return None if not state or state.startswith("Z") else started.strip()


@dataclass(frozen=True)
class Known:
    """A process as it is written down: enough to find it again and never to take another for it."""

    name: str
    pid: int
    identity: str
    stop_signal: str

    @property
    def alive(self) -> bool:
        return identity_of(self.pid) == self.identity


@dataclass
class Child:
    """A process that we started."""

    name: str
    process: subprocess.Popen[bytes]
    identity: str
    log: Path
    stop_signal: signal.Signals

    @property
    def pid(self) -> int:
        return self.process.pid

    @property
    def exit_code(self) -> int | None:
        """Its status, None while it runs, negative for a signal."""
        return self.process.poll()

    def stop(self, grace_seconds: float) -> None:
        """Asks it to end, waits, and kills it if it does not. Returns when it is gone."""
        stop_all([self], grace_seconds)


def stop_all(children: Sequence[Child], grace_seconds: float) -> None:
    """Asks all to end at once, and kills those that are still there after the grace. Returns when all are gone."""
    for child in children:
        if child.exit_code is None:
            child.process.send_signal(child.stop_signal)
    deadline = time.monotonic() + grace_seconds
    for child in children:
        try:
            child.process.wait(max(0.0, deadline - time.monotonic()))
        except subprocess.TimeoutExpired:
            child.process.kill()
            child.process.wait(KILLED_GRACE_SECONDS)


class Registry:
    """The processes of one data folder, in a file: what a killed supervisor leaves can be found and stopped."""

    def __init__(self, file: Path) -> None:
        self._file = file
        self._known: list[Known] = []

    def add(self, child: Child) -> None:
        """Writes it down."""
        self._known = [known for known in self._known if known.name != child.name]
        self._known.append(Known(child.name, child.pid, child.identity, child.stop_signal.name))
        self._write()

    def remove(self, child: Child) -> None:
        """Forgets it, once it has ended."""
        self._known = [known for known in self._known if known.pid != child.pid]
        self._write()

    def stop_leftovers(self) -> list[str]:
        """Ends what an earlier run left, the last started first; gives the names of what it found alive.

        Only for the owner of the data folder's lock. Raises TimeoutError if one can't be ended.
        """
        found = []
        for known in reversed(self._read()):
            if known.alive:
                found.append(known.name)
                _end(known)
        self._known = []
        self._write()
        return found

    def _read(self) -> list[Known]:
        try:
            return [Known(**entry) for entry in json.loads(self._file.read_text())]
        except (FileNotFoundError, ValueError, TypeError):
            return []  # first start, or a machine that stopped amid the write: then no process is left either

    def _write(self) -> None:
        write_atomically(self._file, json.dumps([asdict(known) for known in self._known]))


def _end(known: Known) -> None:
    for stop_signal, seconds in (
        (signal.Signals[known.stop_signal], LEFTOVER_GRACE_SECONDS),
        (signal.SIGKILL, KILLED_GRACE_SECONDS),
    ):
        if known.alive:
            os.kill(known.pid, stop_signal)
        deadline = time.monotonic() + seconds
        while known.alive and time.monotonic() < deadline:
            time.sleep(POLL_SECONDS)
        if not known.alive:
            return
    raise TimeoutError(f"process {known.pid} ({known.name}) of an earlier run does not end")


def start(
    name: str,
    command: Sequence[str | Path],
    log: Path,
    *,
    environment: Mapping[str, str] | None = None,
    folder: Path | None = None,
    user: str | None = None,
    stop_signal: signal.Signals = signal.SIGTERM,
    inherited: Sequence[int] = (),
) -> Child:
    """Starts a program that gets `stop_signal` when the calling *thread* ends, killed or not (Linux).

    Its output is appended to `log`. It has a session of its own, so that a terminal's Ctrl-C reaches us only and
    we stop all in order. `environment` is added to the neutral one. `user`: run as this one, who must reach `folder`.
    `inherited`: descriptors of ours that it gets under the same numbers.
    """
    if log.exists() and log.stat().st_size > LOG_BYTES:
        log.replace(log.with_name(f"{log.name}.1"))
    with log.open("ab") as output:
        process = subprocess.Popen(
            launched(command, folder=folder, user=user, stop_signal=stop_signal),
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=subprocess.STDOUT,
            env={**neutral_environment(), **(environment or {})},
            start_new_session=True,
            pass_fds=inherited,
        )
    return Child(name, process, identity_of(process.pid) or "gone", log, stop_signal)


def neutral_environment() -> dict[str, str]:
    """Our environment without settings of ours, which may be secrets: each child is given what it needs of them."""
    return {name: value for name, value in os.environ.items() if not name.startswith(PREFIX)}


def launched(
    command: Sequence[str | Path],
    *,
    folder: Path | None = None,
    user: str | None = None,
    stop_signal: signal.Signals = signal.SIGTERM,
) -> list[str]:
    """The command line that runs `command` through the launcher."""
    return [
        *(sys.executable, "-I", "-S", str(LAUNCHER)),
        *(str(os.getpid()), stop_signal.name, user or "-", str(folder or "-")),
        *map(str, command),
    ]


def tail(log: Path, lines: int = 15) -> str:
    """The last lines of a log, for an error's sake."""
    try:
        with log.open("rb") as stream:
            stream.seek(max(0, log.stat().st_size - 20_000))
            return "\n".join(stream.read().decode(errors="replace").splitlines()[-lines:])
    except FileNotFoundError:
        return ""
