"""The simulated X's direct messages: sent, and looked up."""

from dataclasses import dataclass
from typing import Final

import msgspec
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from channels.simulator import x_payloads
from channels.simulator import x_records as x
from channels.simulator.hooks import Body
from channels.simulator.x_calls import Calls, Done, Nothing
from channels.simulator.x_platform import rfc3339
from channels.simulator.x_records import Message, Refusal
from channels.x.items import ID

PAGE: Final = 100
"""X's default and greatest number of events in one answer."""


class NewMessage(msgspec.Struct):
    """The body of a new direct message."""

    text: str = ""


@dataclass(frozen=True, slots=True)
class Messages:
    """The endpoints."""

    calls: Calls

    def routes(self) -> list[Route]:
        path = "/2/dm_conversations/with/{participant}"
        return [
            Route(f"{path}/messages", self.send, methods=["POST"]),
            Route(f"{path}/dm_events", self.events, methods=["GET"]),
            Route("/2/dm_events/{message_id}", self.delete, methods=["DELETE"]),
        ]

    async def send(self, request: Request) -> Response:
        """POST /2/dm_conversations/with/:participant_id/messages."""
        participant, platform = request.path_params["participant"], self.calls.platform

        def send(account: str, wanted: NewMessage) -> Done | Refusal:
            if ID.fullmatch(participant) is None or participant == account:
                return x.INVALID
            sent = platform.message(account, participant, wanted.text)
            if isinstance(sent, Refusal):
                return sent
            data = {"dm_conversation_id": conversation(account, participant), "dm_event_id": sent.message_id}
            return Done({"data": data}, x_payloads.message(platform, account, sent), status=201)

        return await self.calls.act(request, "message", NewMessage, send)

    async def events(self, request: Request) -> Response:
        """GET /2/dm_conversations/with/:participant_id/dm_events: the latest first."""
        participant, query = request.path_params["participant"], request.query_params

        def events(account: str) -> Body | Refusal:
            count, start = query.get("max_results", str(PAGE)), query.get("pagination_token", "0")
            if not (_is_number(count) and 1 <= int(count) <= PAGE and _is_number(start)):
                return x.INVALID
            whole = list(self.calls.platform.between(account, participant))
            first, last = int(start), int(start) + int(count)
            meta: Body = {"result_count": len(whole[first:last])}
            if last < len(whole):
                meta["next_token"] = str(last)
            listed = [self._shown(message) for message in whole[first:last]]
            return {"data": listed, "meta": meta} if listed else {"meta": meta}

        return await self.calls.look(request, events)

    async def delete(self, request: Request) -> Response:
        """DELETE /2/dm_events/:id: X tells no webhook of it."""

        def delete(account: str, _: Nothing) -> Done | Refusal:
            deleted = self.calls.platform.delete_message(account, request.path_params["message_id"])
            return Done({"data": {"deleted": True}}) if deleted else x.NO_MESSAGE

        return await self.calls.act(request, "delete", Nothing, delete)

    def _shown(self, message: Message) -> Body:
        return {
            "id": message.message_id,
            "event_type": "MessageCreate",
            "text": x_payloads.message_text(self.calls.platform, message),
            "sender_id": message.sender,
            "created_at": rfc3339(message.at),
            "dm_conversation_id": conversation(message.sender, message.recipient),
        }


def conversation(one: str, other: str) -> str:
    """The id of the conversation of two users: the smaller id first."""
    return "-".join(sorted((one, other), key=int))


def _is_number(text: str) -> bool:
    return text.isascii() and text.isdigit() and len(text) < 10
