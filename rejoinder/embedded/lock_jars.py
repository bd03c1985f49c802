"""Writes kafka-jars.lock: which jars Kafka needs, with their digests. Run by hand when the version changes:

python -m rejoinder.embedded.lock_jars
"""

import hashlib
import tempfile
import tomllib
from pathlib import Path

from jgo.env import EnvironmentBuilder, LinkStrategy
from jgo.maven import MavenContext

from rejoinder.embedded.jars import KAFKA_VERSION, LOCK_FILE

KAFKA = f"org.apache.kafka:kafka_2.13:{KAFKA_VERSION}"
# Kafka logs through SLF4J and leaves it to others by what: without these there is no log at all.
LOG4J = "2.25.5"
LOGGING = [("org.apache.logging.log4j", each, LOG4J) for each in ("log4j-api", "log4j-core", "log4j-slf4j-impl")]


def lock() -> str:
    """The lock's text: one line a jar, `group:artifact:version sha256 bytes`, sorted."""
    with tempfile.TemporaryDirectory() as scratch:
        context = MavenContext(repo_cache=Path(scratch) / "repository")
        builder = EnvironmentBuilder(
            context=context, cache_dir=Path(scratch) / "cache", link_strategy=LinkStrategy.HARD
        )
        environment = builder.from_endpoint(KAFKA, main_class="kafka.Kafka")
        resolved = tomllib.loads((environment.path / "jgo.lock.toml").read_text())["dependencies"]
        coordinates = [(jar["groupId"], jar["artifactId"], jar["version"]) for jar in resolved] + LOGGING
        lines = []
        for group, artifact, version in sorted(coordinates):
            jar = context.project(group, artifact).at_version(version).artifact().resolve().read_bytes()
            lines.append(f"{group}:{artifact}:{version} {hashlib.sha256(jar).hexdigest()} {len(jar)}")
        return "\n".join(lines) + "\n"


if __name__ == "__main__":
    LOCK_FILE.write_text(lock())
    print(f"Wrote {LOCK_FILE}")
