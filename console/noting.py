"""What the API shows of people is written down before it is shown."""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Annotated

from fastapi import Depends, Request

from console.access import Caller
from console.commanding import Calling, Ports
from console.ports import Api
from engine.reads import PersonalRead


@dataclass(frozen=True, slots=True)
class Noting:
    """A request that is about to be answered with people's words or names."""

    request: Request
    api: Api
    caller: Caller

    async def shows(self, lines: int, contacts: Iterable[str | None] = (), interactions: Iterable[str] = ()) -> None:
        """Writes down what the answer shows: one record for the whole of it, also where that is nothing.

        Raises:
            NotNoted: it can't be written down; then nothing is shown.
        """
        await self.api.note(
            PersonalRead(
                at=self.api.clock(),
                actor_id=self.caller.subject,
                role=self.caller.role,
                door="api",
                what=self.request.scope["endpoint"].__name__,
                contacts=sorted({each for each in contacts if each is not None}),
                interactions=sorted(set(interactions)),
                lines=lines,
            )
        )
        self.request.state.noted = True


def _noting(request: Request, api: Ports, caller: Calling) -> Noting:
    return Noting(request, api, caller)


Notes = Annotated[Noting, Depends(_noting)]
