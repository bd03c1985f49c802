"""From a request to a command, and from what became of it to the answer."""

import uuid
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Annotated, Any, Final

from fastapi import Depends, Header, Request, Response
from pydantic import BaseModel, Field

from console.access import AGENT, Caller
from console.ports import Api, Asked, Topic
from console.problems import Problem
from engine.delivery import CommandResult
from engine.envelope import derive, home_of, keyed_command
from engine.record import Command

CONFLICT: Final = 409
_STATUSES: Final = {"moved_on": 412, "key_reused": 422, "not_supervisor": 403}
"""Of refusals that are not a conflict with how things stand; `unknown_…` is a 404."""

Common = dict[str, Any]
"""What every command carries, by field."""


class Decided(BaseModel):
    """What became of a command."""

    outcome: Annotated[str, Field(description="accepted, or duplicate: it was so already, or this is a repeat")]
    command_id: Annotated[str, Field(description="the command, as the log has it")]
    interaction_id: Annotated[str | None, Field(description="the interaction that it opened or changed")]
    sequence: Annotated[
        int, Field(description="where the interaction stands after it; without one, where its key does")
    ]


def api_of(request: Request) -> Api:
    """The ports of the running application."""
    found: Api = request.app.state.api
    return found


def caller_of(request: Request) -> Caller:
    """Who calls; the gate has looked at the token."""
    found: Caller = request.state.caller
    return found


Ports = Annotated[Api, Depends(api_of)]
Calling = Annotated[Caller, Depends(caller_of)]


@dataclass(frozen=True, slots=True)
class Asking:
    """A request that asks for something: by whom, and under which key a repeat is known."""

    request: Request
    response: Response
    api: Api
    caller: Caller
    key: str
    fingerprint: str

    def agent(self, named: str | None) -> str:
        """As which agent it is asked. Raises Problem where the caller may not."""
        if named is None or named == self.caller.subject:
            return self.caller.subject
        if self.caller.role == AGENT:
            raise Problem(
                403, "not_yourself", f"{self.caller.subject} may act as {self.caller.subject} only.", field="agent"
            )
        return named

    def claim(self, topic: Topic, key: str) -> str:
        """What the request's key claims: something of one person, or one pool. For another it claims something else."""
        return derive("api", self.caller.subject, topic, key, self.key)

    def common(self, topic: Topic, key: str) -> Common:
        """What a command carries besides its own fields; that of a repeat has the same id."""
        return {
            "command_id": keyed_command(self.claim(topic, key), self.fingerprint),
            "at": self.api.clock(),
            "actor_kind": self.caller.actor_kind,
            "actor_id": self.caller.subject,
        }

    async def all(self, asked: Sequence[Asked]) -> list[CommandResult]:
        """Sends commands; what became of each."""
        self.request.state.command_id = asked[0].command.command_id
        self.response.headers["Idempotency-Key"] = self.key
        return await self.api.engine.ask(asked)

    async def one(self, topic: Topic, key: str, make: Callable[[Common], Command]) -> Decided:
        """Sends a command. Raises Problem if it is refused."""
        (result,) = await self.all([Asked(topic, key, make(self.common(topic, key)))])
        return decided(result)

    async def on_interaction(
        self, kind: Callable[..., Command], interaction: str, expected: int | None, named: str | None, **fields: Any
    ) -> Decided:
        """Sends an interaction a command of this kind, as the agent that is named. Raises Problem if it is refused.

        Args:
            expected: refused if more has happened to the interaction since this sequence.
        """
        agent = self.agent(named)

        def make(common: Common) -> Command:
            return kind(**common, expected_sequence=expected, interaction_id=interaction, agent_id=agent, **fields)

        told = await self.one("interaction.commands", home_of(interaction), make)
        self.response.headers["ETag"] = etag(told.sequence)
        return told


async def _asking(
    request: Request,
    response: Response,
    api: Ports,
    caller: Calling,
    idempotency_key: Annotated[
        str | None,
        Header(
            description="makes a repeat harmless for a day: the same key gives the first result again. Without one the "
            "answer names the key that was made",
            pattern=r"^[!-~]{1,200}$",
        ),
    ] = None,
) -> Asking:
    key = idempotency_key or uuid.uuid4().hex
    request.state.idempotency_key = key
    said = b"\x1f".join((request.method.encode(), request.url.path.encode(), await request.body()))
    return Asking(request, response, api, caller, key, api.fingerprint(said))


async def _expecting(
    if_match: Annotated[
        str | None,
        Header(
            description='the sequence that was looked at, as the ETag has it: "17". Refused if more has happened since',
            pattern=r'^"[0-9]{1,15}"$',
        ),
    ] = None,
) -> int | None:
    return None if if_match is None else int(if_match.strip('"'))


Command_ = Annotated[Asking, Depends(_asking)]
Expected = Annotated[int | None, Depends(_expecting)]


def etag(sequence: int) -> str:
    """A sequence as HTTP's validator."""
    return f'"{sequence}"'


def decided(result: CommandResult) -> Decided:
    """The answer of a command that was carried out, now or before. Raises Problem if it was refused."""
    if result.outcome == "refused":
        code, reason = result.code or "refused", result.reason or "It was refused."
        status = 404 if code.startswith("unknown_") else _STATUSES.get(code, CONFLICT)
        raise Problem(status, code, reason)
    return Decided(
        outcome=result.outcome,
        command_id=result.command_id,
        interaction_id=result.interaction_id,
        sequence=result.sequence,
    )
