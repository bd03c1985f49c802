"""Where an event arrived, and what its mapping needs to know."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

FACEBOOK: Final = "facebook"
MESSENGER: Final = "messenger"


@dataclass(frozen=True, slots=True)
class Receiver:
    """What the mapping needs to know of this installation and this moment."""

    own_accounts: frozenset[str]
    """The ids of the company's pages; the page whose webhook it is always counts as one."""
    home: Callable[[str, str], str]
    """The key of the person with this channel and platform id."""
    salt: Callable[[], bytes]
    """16 random bytes, new at each call."""
    at: Callable[[int], int]
    """The time of a command, from the item's own time: that time in recorded time, else the time of receipt."""


@dataclass(frozen=True, slots=True)
class Arrival:
    """Where and when an event arrived."""

    receiver: Receiver
    page: str
    time: int
    """The entry's, in milliseconds."""

    def is_own(self, platform_id: str | None) -> bool:
        """Whether it is one of the company's pages."""
        return platform_id is not None and (platform_id == self.page or platform_id in self.receiver.own_accounts)

    def at(self, own_time: int) -> int:
        """The time of a command, from the item's own."""
        return self.receiver.at(own_time)

    def item_key(self, item_id: str) -> str:
        """The key under which those ask who don't know whose the item is."""
        return self.receiver.home(FACEBOOK, f"item:{item_id}")
