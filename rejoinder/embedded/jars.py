"""Kafka's jars: fetched once for each user from a Maven repository, checked against the lock beside this file."""

import hashlib
import shutil
import tempfile
from concurrent.futures import ThreadPoolExecutor, as_completed
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import requests
from jgo.maven import MavenContext

from engine.errors import RejoinderError
from rejoinder.progress import step

KAFKA_VERSION: Final = "4.0.2"
"""Not 4.1 to 4.4: where the only broker dies, these leave transactions open for ever (docs/adr/0043-kafka-4-0.md)."""
LOCK_FILE: Final = Path(__file__).with_name("kafka-jars.lock")
MEGABYTE: Final = 1_000_000
ATTEMPTS: Final = 3
PARALLEL: Final = 6
TIMEOUT_SECONDS: Final = 30


class KafkaDownloadError(RejoinderError):
    """Kafka's jars could not be downloaded."""


@dataclass(frozen=True)
class Jar:
    """One line of the lock."""

    group: str
    artifact: str
    version: str
    sha256: str
    size: int

    @property
    def file_name(self) -> str:
        return f"{self.artifact}-{self.version}.jar"


def read_lock() -> list[Jar]:
    """The jars that Kafka needs, as the checked-in lock names them."""
    jars = []
    for line in LOCK_FILE.read_text().splitlines():
        coordinate, sha256, size = line.split()
        group, artifact, version = coordinate.split(":")
        jars.append(Jar(group, artifact, version, sha256, int(size)))
    return jars


def ensure_jars(cache: Path, mirror: str | None = None) -> Path:
    """The folder with Kafka's jars, downloaded first if it isn't there. Raises KafkaDownloadError.

    `mirror` is the address of a Maven repository to ask instead of Maven Central.
    The folder's name holds the lock's digest, and it appears by one rename: what is there is whole.
    """
    jars = read_lock()
    lock_digest = hashlib.sha256(LOCK_FILE.read_bytes()).hexdigest()[:12]
    folder = cache / f"kafka-{KAFKA_VERSION}-{lock_digest}"
    if all(_has_size(folder / jar.file_name, jar.size) for jar in jars):
        return folder
    cache.mkdir(parents=True, exist_ok=True)
    if folder.exists():  # somebody removed or changed a jar: fetch all anew
        shutil.rmtree(folder)
    with tempfile.TemporaryDirectory(dir=cache, prefix="download-") as scratch:
        complete = Path(scratch) / "jars"
        complete.mkdir()
        _download(jars, Path(scratch) / "repository", complete, mirror)
        try:
            complete.rename(folder)
        except OSError:
            if not folder.exists():  # another process was quicker, and its folder is as good
                raise
    return folder


def _has_size(file: Path, size: int) -> bool:
    return file.is_file() and file.stat().st_size == size


def _download(jars: list[Jar], repository: Path, into: Path, mirror: str | None) -> None:
    total = sum(jar.size for jar in jars)
    done = 0
    title = f"Downloading Apache Kafka {KAFKA_VERSION} ({len(jars)} jars, {total / MEGABYTE:.0f} MB, once)"
    context = MavenContext(
        repo_cache=repository,
        local_repos=[],
        remote_repos={"mirror": mirror.rstrip("/")} if mirror else None,
        timeout=TIMEOUT_SECONDS,
    )
    with step(title) as progress, ThreadPoolExecutor(PARALLEL) as pool:
        fetched = {pool.submit(_fetch, context, jar, into): jar for jar in jars}
        try:
            for future in as_completed(fetched):
                future.result()
                done += fetched[future].size
                progress.update(f"{done / MEGABYTE:.0f} MB")
        except BaseException:
            pool.shutdown(wait=False, cancel_futures=True)
            raise


def _fetch(context: MavenContext, jar: Jar, into: Path) -> None:
    artifact = context.project(jar.group, jar.artifact).at_version(jar.version).artifact()
    reason = ""
    for _ in range(ATTEMPTS):
        try:
            downloaded = artifact.resolve()
        except (requests.RequestException, RuntimeError, OSError) as error:
            reason = str(error)
        else:
            if hashlib.sha256(downloaded.read_bytes()).hexdigest() == jar.sha256:
                shutil.move(downloaded, into / jar.file_name)
                return
            reason = "what came does not have the locked SHA-256"
        if artifact.cached_path is not None:
            artifact.cached_path.unlink(missing_ok=True)
    raise KafkaDownloadError(
        f"Could not download {jar.file_name} for the embedded Kafka ({ATTEMPTS} attempts): {reason}. Check the "
        f"network, name a mirror in maven.repository, or use a Kafka of your own with kafka.bootstrap."
    )
