"""What a message and a contact take up on disk: `python -m bench.footprint [MESSAGES]`, as JSON lines.

The figures are for the arithmetic of docs/scale.md. They are sizes, not speeds: a busy machine does not change them.
"""

import json
import sys
import tempfile
from pathlib import Path
from typing import Final

import psycopg

from bench.workload import ACCOUNT, AUTHORS, PARTITIONS, POLICY, messages
from rejoinder import lags
from rejoinder.cluster import connect
from rejoinder.deployment import deploy, ensure_policy
from rejoinder.services import Services
from rejoinder.settings import load
from rejoinder.supervisor import Program, Supervisor
from topics.catalogue import INTERACTION_COMMANDS
from topics.publisher import Outgoing

MESSAGES: Final = 20_000
PATIENCE: Final = 1_200.0
CHUNK: Final = 5_000
RELATIONS: Final = """
SELECT n.nspname, sum(pg_total_relation_size(c.oid)) FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
WHERE c.relkind = 'r' AND n.nspname ~ '_v[0-9]+$' GROUP BY 1 ORDER BY 1
"""


def main(count: int) -> None:
    """Runs the messages through an instance in a folder of its own, and measures what lies there afterwards."""
    with tempfile.TemporaryDirectory(prefix="rejoinder-footprint-") as above:
        Path(above).chmod(0o711)  # as root, PostgreSQL runs as another user, who must be able to go through
        settings = load({"data": Path(above) / "data", "topics.partitions": PARTITIONS}, environment={})

        def prepare(services: Services) -> None:
            ensure_policy(deploy(settings, services.bootstrap)[0], POLICY)

        with Supervisor(settings, [Program("engine"), Program("projector")], prepare=prepare) as supervisor:
            cluster = connect(settings, supervisor.services.bootstrap)
            with cluster.publisher("footprint") as publisher:
                made = messages(count)
                for start in range(0, count, CHUNK):
                    chunk = made[start : start + CHUNK]
                    publisher.publish(
                        Outgoing(cluster.catalogue.name(INTERACTION_COMMANDS), e.handle_id, e) for e in chunk
                    )
            if not lags.wait_for_processors(cluster, PATIENCE):
                sys.exit("the engine did not decide all in time")
            with psycopg.connect(supervisor.services.dsn) as connection:
                if not lags.wait_for_projections(cluster, connection, PATIENCE, lambda behind: None):
                    sys.exit("the projector did not write all in time")
                rows = connection.execute(RELATIONS).fetchall()
        contacts = round(count * AUTHORS)
        for topic in sorted(cluster.catalogue.topics):
            log = sum(each.stat().st_size for each in (settings.data / "kafka" / "data").glob(f"{topic}-[0-9]*/*.log"))
            _say(f"kafka:{topic}", log / count, "bytes/message")
        for state in sorted((settings.data / "state").iterdir()):
            size = sum(each.stat().st_size for each in state.rglob("*") if each.is_file())
            _say(f"state:{state.name}", size / contacts, "bytes/contact")
        for schema, size in rows:
            _say(f"postgres:{schema}", int(size) / count, "bytes/message")
        _say("workload", contacts, "contacts", f"{count} messages to {ACCOUNT}, one copy of each record, lz4")


def _say(name: str, value: float, unit: str, detail: str = "") -> None:
    print(json.dumps({"name": name, "value": round(value, 1), "unit": unit, "detail": detail}), flush=True)


if __name__ == "__main__":
    main(int(sys.argv[1]) if len(sys.argv) > 1 else MESSAGES)
