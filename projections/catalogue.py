"""The projections that there are."""

from typing import Final

from projections.audit import Audit
from projections.contact_history import ContactHistory
from projections.projection import Projection
from projections.reporting import Reporting

PROJECTIONS: Final[tuple[Projection, ...]] = (ContactHistory(), Reporting(), Audit())
BY_NAME: Final[dict[str, Projection]] = {projection.name: projection for projection in PROJECTIONS}
