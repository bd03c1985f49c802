"""On what was measured: the first line of a run, from which the report describes the machine."""

import os
import platform
from collections.abc import Iterator, Mapping
from importlib.metadata import version
from pathlib import Path

from bench.measure import Measure
from bench.run import Run
from rejoinder.embedded.jars import KAFKA_VERSION

PACKAGES = ("confluent-kafka", "rocksdict", "fastavro", "msgspec", "psycopg")


def measure(run: Run) -> Iterator[Measure]:
    """Its cores, and what runs on them."""
    yield described({name: getattr(run.sizes, name) for name in run.sizes.__dataclass_fields__})


def described(sizes: Mapping[str, int]) -> Measure:
    """The machine, and how much is measured on it."""
    detail = {
        "processor": _first("/proc/cpuinfo", "model name"),
        "memory": _first("/proc/meminfo", "MemTotal"),
        "system": f"{platform.system()} {platform.release()}",
        "python": platform.python_version(),
        "kafka": KAFKA_VERSION,
        "packages": {name: version(name) for name in PACKAGES},
        "load": round(os.getloadavg()[0], 1),
        "sizes": dict(sizes),
    }
    return Measure("machine", os.cpu_count() or 1, "cores", detail=detail)


def _first(file: str, name: str) -> str:
    """What a file of the system's says of something; empty where there is none."""
    try:
        lines = Path(file).read_text().splitlines()
    except OSError:
        return ""
    return next((line.partition(":")[2].strip() for line in lines if line.startswith(name)), "")
