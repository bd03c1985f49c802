"""Messages whose words were erased: a policy judges them by what the events recorded when the words were there.

Such a message gets a mark for a text. A filter of the name that was recorded matches again; others can't be known to,
and don't.
"""

from collections.abc import Mapping
from typing import Final

from engine.interaction.events import MessageReceived
from engine.interaction.receiving import OPT_OUT
from engine.policy.document import Policy
from engine.policy.filters import Matched
from engine.policy.rules import Rules

MARK: Final = "\x00erased\x00"


def mark(channel: str, item_id: str) -> str:
    """What stands for the words of a message."""
    return f"{MARK}{channel}:{item_id}"


def mark_of(event: MessageReceived) -> str:
    return mark(event.channel, event.item_id)


class Recalling(Rules):
    """A policy that also judges messages by what was recorded of them.

    judged: for each mark the event of the message.
    """

    def __init__(self, version: int, policy: Policy, judged: Mapping[str, MessageReceived]) -> None:
        super().__init__(version, policy)
        self._judged = judged

    def match(self, text: str, *, event: str, account: str) -> Matched:
        if not text.startswith(MARK):
            return super().match(text, event=event, account=account)
        recorded = self._judged.get(text)
        if recorded is None:
            return Matched(None)
        found = next((each for each in self.policy.filters if each.name == recorded.filter), None)
        return Matched(found, recorded.sentiment)

    def opts_out(self, text: str) -> bool:
        if not text.startswith(MARK):
            return super().opts_out(text)
        recorded = self._judged.get(text)
        return recorded is not None and recorded.filter == OPT_OUT
