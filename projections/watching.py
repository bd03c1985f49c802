"""What a rebuild tells of its work while it does it."""

from typing import Final, Literal, Protocol

Stage = Literal["filling", "indexing", "comparing", "switching"]
Beginning = Literal["new", "resumed", "anew"]
"""A version begins as a new one, goes on where an earlier rebuild stopped, or is new because that was other code's."""


class Watcher(Protocol):
    """Is told in the thread that rebuilds: so it has to be quick, and must not fail."""

    def begins(self, projection: str, version: int, how: Beginning) -> None:
        """Which version is built."""

    def enters(self, stage: Stage) -> None:
        """What is done from now on."""

    def filled(self, done: int, of: int) -> None:
        """How many records are folded, over all processes; marks of transactions count too."""


class Unwatched:
    """Nobody looks."""

    def begins(self, projection: str, version: int, how: Beginning) -> None:
        pass

    def enters(self, stage: Stage) -> None:
        pass

    def filled(self, done: int, of: int) -> None:
        pass


UNWATCHED: Final = Unwatched()
