"""The simulated Graph API as the client calls it: comments, likes, hiding, deleting, messages, private answers."""

import re
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Final

import msgspec
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from channels.simulator import meta_errors as errors
from channels.simulator import meta_payloads as payloads
from channels.simulator.hooks import Body
from channels.simulator.meta_calls import Done, MetaCalls, Parameters
from channels.simulator.meta_credentials import page_token, psid
from channels.simulator.meta_errors import GraphError
from channels.simulator.meta_platform import HUMAN_AGENT, MetaPlatform
from channels.simulator.meta_records import MetaItem

PAGE: Final = 25
"""Meta's default number of objects in one answer; 100 at most."""


class Recipient(msgspec.Struct):
    """Whom a message is for: a person, or who wrote a comment or post."""

    id: str | None = None
    comment_id: str | None = None
    post_id: str | None = None


class Content(msgspec.Struct):
    """What is sent."""

    text: str = ""
    metadata: str | None = None


class Send(msgspec.Struct):
    """The body of POST /{page}/messages."""

    recipient: Recipient
    message: Content
    messaging_type: str = "RESPONSE"
    tag: str | None = None


@dataclass(frozen=True, slots=True)
class MetaApi:
    """The endpoints."""

    calls: MetaCalls

    def routes(self) -> list[Route]:
        return [
            Route("/{node}/comments", self.comment, methods=["POST"]),
            Route("/{node}/comments", self.comments, methods=["GET"]),
            Route("/{node}/likes", self.like, methods=["POST"]),
            Route("/{node}/messages", self.send, methods=["POST"]),
            Route("/{node}/conversations", self.conversations, methods=["GET"]),
            Route("/{node}", self.change, methods=["POST"]),
            Route("/{node}", self.delete, methods=["DELETE"]),
            Route("/{node}", self.show, methods=["GET"]),
        ]

    async def comment(self, request: Request) -> Response:
        """POST /{post or comment}/comments."""

        def comment(page: str, parameters: Parameters) -> Done | GraphError:
            text = parameters.get("message", "")
            if not isinstance(text, str):
                return errors.BAD_PARAMETER
            made = self._platform.comment(page, _node(request), text)
            if isinstance(made, GraphError):
                return made
            return Done({"id": made.item_id}, payloads.change(self._platform, made, "add", made.at))

        return await self.calls.act(request, lambda _: "comment", comment)

    async def like(self, request: Request) -> Response:
        """POST /{post or comment}/likes."""

        def like(page: str, _: Parameters) -> Done | GraphError:
            is_new = self._platform.like(page, _node(request))
            if isinstance(is_new, GraphError):
                return is_new
            sender: Body = {"from": {"id": page, "name": self._platform.page_name(page)}}
            item = self._platform.items[_node(request)]
            echo = payloads.reaction(item, sender, self._platform.switches.now()) if is_new else None
            return Done({"success": True}, echo)

        return await self.calls.act(request, lambda _: "like", like)

    async def change(self, request: Request) -> Response:
        """POST /{comment} with is_hidden."""

        def hide(page: str, parameters: Parameters) -> Done | GraphError:
            wanted = {"true": True, "false": False}.get(str(parameters.get("is_hidden")).lower())
            if wanted is None:
                return errors.BAD_PARAMETER
            changed = self._platform.hide(page, _node(request), wanted)
            if isinstance(changed, GraphError):
                return changed
            item, now = self._platform.items[_node(request)], self._platform.switches.now()
            echo = payloads.change(self._platform, item, "hide" if wanted else "unhide", now) if changed else None
            return Done({"success": True}, echo)

        return await self.calls.act(request, lambda _: "hide", hide)

    async def delete(self, request: Request) -> Response:
        """DELETE /{comment}."""

        def delete(page: str, _: Parameters) -> Done | GraphError:
            item = self._platform.delete(page, _node(request))
            if isinstance(item, GraphError):
                return item
            echo = payloads.change(self._platform, item, "remove", self._platform.switches.now())
            return Done({"success": True}, echo)

        return await self.calls.act(request, lambda _: "delete", delete)

    async def send(self, request: Request) -> Response:
        """POST /{page}/messages: to a person, or privately to who wrote a comment."""

        def send(page: str, parameters: Parameters) -> Done | GraphError:
            wanted = _send(parameters)
            if wanted is None or _node(request) not in (page, "me"):
                return errors.BAD_PARAMETER if wanted is None else errors.NO_PERMISSION
            sent = self._send(page, wanted)
            if isinstance(sent, GraphError):
                return sent
            answer: Body = {"recipient_id": sent.person, "message_id": sent.item_id}
            return Done(answer, payloads.message(self._platform, sent))

        return await self.calls.act(request, _kind_of_send, send)

    async def comments(self, request: Request) -> Response:
        """GET /{post or comment}/comments."""

        def comments(page: str, parameters: Parameters) -> Body | GraphError:
            target = self._platform.items.get(_node(request))
            if target is None or target.page != page:
                return errors.NO_OBJECT
            found = list(self._platform.comments(_node(request), stream=parameters.get("filter") == "stream"))
            if parameters.get("order") == "reverse_chronological":
                found.reverse()
            return _paged([self._shown(item, parameters) for item in found], parameters)

        return await self.calls.look(request, comments)

    async def show(self, request: Request) -> Response:
        """GET /{post, comment or page}."""

        def show(page: str, parameters: Parameters) -> Body | GraphError:
            if _node(request) == page:
                token = page_token(self.calls.app_secret, page)
                whole: Body = {"id": page, "name": self._platform.page_name(page), "access_token": token}
                return _only(whole, str(parameters.get("fields", "name")))
            item = self._platform.items.get(_node(request))
            if item is None or item.page != page or item.deleted:
                return errors.NO_OBJECT
            return self._shown(item, parameters)

        return await self.calls.look(request, show)

    async def conversations(self, request: Request) -> Response:
        """GET /{page}/conversations: with one person, or with all."""

        def conversations(page: str, parameters: Parameters) -> Body | GraphError:
            if _node(request) not in (page, "me"):
                return errors.NO_PERMISSION
            wanted = parameters.get("user_id")
            people = [str(wanted)] if wanted is not None else self._platform.people(page)
            return _paged([each for person in people for each in self._conversation(page, person)], parameters)

        return await self.calls.look(request, conversations)

    def _send(self, page: str, wanted: Send) -> MetaItem | GraphError:
        recipient, content = wanted.recipient, wanted.message
        answered = recipient.comment_id or recipient.post_id
        if answered is not None:
            return self._platform.private_answer(page, answered, content.text, content.metadata)
        if recipient.id is None or (wanted.messaging_type == "MESSAGE_TAG") != (wanted.tag is not None):
            return errors.BAD_PARAMETER
        return self._platform.message(page, recipient.id, content.text, wanted.tag, content.metadata)

    def _conversation(self, page: str, person: str) -> list[Body]:
        messages = self._platform.conversation(page, person)
        if not messages:
            return []
        shown = [self._message(item) for item in messages[:PAGE]]
        whole: Body = {
            "id": f"t_{page}_{person}",
            "updated_time": _time(messages[0].at),
            "messages": {"data": shown},
            "participants": {"data": [{"id": person}, {"id": page}]},
        }
        return [whole]

    def _message(self, item: MetaItem) -> Body:
        page: Body = {"id": item.page, "name": self._platform.page_name(item.page)}
        customer: Body = {"id": item.person}
        sender, recipient = (page, customer) if item.own else (customer, page)
        return {
            "id": item.item_id,
            "created_time": _time(item.at),
            "from": sender,
            "to": {"data": [recipient]},
            "message": item.text,
        }

    def _shown(self, item: MetaItem, parameters: Parameters) -> Body:
        whole: Body = {
            "id": item.item_id,
            "created_time": _time(item.at),
            "message": item.text,
            "is_hidden": item.hidden,
            "can_reply_privately": not item.own and not item.answered_privately,
        }
        if item.in_reply_to is not None and item.in_reply_to != item.post_id:
            whole["parent"] = {"id": item.in_reply_to}
        if item.own:
            whole["from"] = {"id": item.page, "name": self._platform.page_name(item.page)}
        elif item.author is not None and not item.is_anonymous:
            whole["from"] = {"id": item.author.id, "name": item.author.name or ""}
        if item.answered_privately and item.kind == "comment":
            person = psid(self._platform.app_secret, item.page, item.person)
            whole["private_reply_conversation"] = next(iter(self._conversation(item.page, person)), None)
        return _only(whole, str(parameters.get("fields", "created_time,from,message")))

    @property
    def _platform(self) -> MetaPlatform:
        return self.calls.platform


def _node(request: Request) -> str:
    return str(request.path_params["node"])


def _send_to(parameters: Parameters) -> Recipient | None:
    wanted = _send(parameters)
    return None if wanted is None else wanted.recipient


def _send(parameters: Parameters) -> Send | None:
    try:
        wanted = msgspec.convert(parameters, Send)
    except msgspec.ValidationError:
        return None
    known = wanted.messaging_type in ("RESPONSE", "UPDATE", "MESSAGE_TAG") and wanted.tag in (None, HUMAN_AGENT)
    return wanted if known else None


def _kind_of_send(parameters: Parameters) -> str:
    recipient = _send_to(parameters)
    to_person = recipient is None or (recipient.comment_id is None and recipient.post_id is None)
    return "message" if to_person else "private_answer"


def _paged(listed: list[Body], parameters: Parameters) -> Body:
    """A page of a list, and the cursor that leads on."""
    limit, after = str(parameters.get("limit", PAGE)), str(parameters.get("after", "0"))
    count = min(int(limit), 100) if limit.isdigit() else PAGE
    start = int(after) if after.isdigit() else 0
    whole: Body = {"data": listed[start : start + count]}
    if start + count < len(listed):
        whole["paging"] = {"cursors": {"before": str(start), "after": str(start + count)}, "next": "more"}
    return whole


def _only(whole: Body, fields: str) -> Body:
    """What was asked for; the id always."""
    return {name: value for name, value in whole.items() if name in _fields(fields) | {"id"}}


def _fields(text: str) -> set[str]:
    """The names of fields that are asked for, without what is asked of them: messages.limit(5){id} is messages."""
    names, depth = [""], 0
    for sign in text:
        depth += {"{": 1, "(": 1, "}": -1, ")": -1}.get(sign, 0)
        if sign == "," and depth == 0:
            names.append("")
        elif depth == 0:
            names[-1] += sign
    return {re.split(r"[.})]", name.strip())[0] for name in names}


def _time(at: int) -> str:
    return datetime.fromtimestamp(at / 1000, UTC).strftime("%Y-%m-%dT%H:%M:%S+0000")
