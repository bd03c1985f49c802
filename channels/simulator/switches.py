"""What the simulated platforms can be told to do otherwise; the control API turns them."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Final, Literal

Tier = Literal["self_serve", "enterprise"]

SCOPES: Final = (
    "pages_manage_metadata",
    "pages_read_engagement",
    "pages_read_user_content",
    "pages_manage_engagement",
    "pages_messaging",
)
"""What a page's token may do on Meta."""


@dataclass(slots=True)
class Switches:
    """As they stand when nothing is told."""

    clock: Callable[[], int]
    shift: int = 0
    """Milliseconds by which the platforms' clock is ahead."""
    echoes: bool = True
    """Own posts come back by webhook."""
    rewrites: bool = True
    """X changes the texts that it takes."""
    tier: Tier = "enterprise"
    """What X has been paid for."""
    access_level: str = "read-write-directmessages"
    """What X's tokens may do."""
    silence: float = 120.0
    """Seconds for which a call that is never answered is held, unless the caller leaves before."""
    scopes: tuple[str, ...] = SCOPES

    def now(self) -> int:
        """The platforms' time, milliseconds."""
        return self.clock() + self.shift
