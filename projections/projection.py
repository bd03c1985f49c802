"""What a projection is: tables, views, and a fold of batches into them."""

from collections.abc import Sequence
from importlib import resources
from typing import Any, Protocol

from projections.records import Logged
from projections.tables import Store, Table


class Projection(Protocol):
    """A read model. Its rows follow from the records alone: no clock, no serial numbers, so that it can be rebuilt."""

    @property
    def name(self) -> str:
        """The name, and that of the schema of its views."""

    @property
    def topics(self) -> tuple[str, ...]:
        """What it reads."""

    @property
    def tables(self) -> tuple[Table[Any], ...]:
        """Its tables, which belong to the schema of one version."""

    @property
    def views(self) -> str:
        """The statements that make its views, where {rows} stands for the schema of the tables."""

    def fold(self, store: Store, batch: Sequence[Logged]) -> None:
        """Folds records into rows. The batch may hold several partitions, each in the order of its offsets."""


def views_of(name: str) -> str:
    """The text of projections/NAME/views.sql."""
    return resources.files(f"projections.{name}").joinpath("views.sql").read_text(encoding="utf-8")
