"""A claim, and how it is told: one JSON line beside those of the measures."""

import json
from dataclasses import asdict, dataclass, field
from typing import Any


@dataclass(frozen=True)
class Claim:
    """Something that has to hold. `detail` says what was looked at, and what was found instead if it doesn't."""

    claim: str
    says: str
    holds: bool
    detail: dict[str, Any] = field(default_factory=dict)

    def line(self) -> str:
        """It as one line of JSON."""
        return json.dumps(asdict(self))


def equal(claim: str, says: str, found: object, wanted: object, **detail: Any) -> Claim:
    """That two figures are the same; both stand in the detail."""
    return Claim(claim, says, found == wanted, {"found": found, "wanted": wanted, **detail})
