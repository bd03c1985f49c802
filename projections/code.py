"""Which code folds a projection: rows that other code began may not be gone on with."""

import hashlib
from functools import cache
from pathlib import Path
from typing import Final

import engine
import projections
from projections.projection import Projection
from projections.tables import shape

_PACKAGES: Final = (engine, projections)
"""The folds, and the events that they fold."""
_READS_ONLY: Final = "queries"


def code_of(projection: Projection) -> str:
    """A digest of the sources that fold it, and of its tables."""
    return hashlib.sha256(f"{_sources()} {shape(projection.tables)}".encode()).hexdigest()[:16]


@cache
def _sources() -> str:
    digest = hashlib.sha256()
    for package in _PACKAGES:
        folder = Path(package.__path__[0])
        for path in sorted(folder.rglob("*.py")):
            if _READS_ONLY not in path.relative_to(folder).parts:
                digest.update(f"{package.__name__}/{path.relative_to(folder).as_posix()}\n".encode())
                digest.update(path.read_bytes())
    return digest.hexdigest()
