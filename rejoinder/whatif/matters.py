"""What each customer had to say: which messages belonged to one interaction, and when the last of them came.

An agent sees whether a matter is over. So in a world, who has answered waits as long as the customer has more to say:
else it would be ended in the middle, and what comes then would open another.
"""

from engine.interaction.events import MessageReceived


def goes_on_with(event: MessageReceived) -> bool:
    """Whether a message asks for something, and is no mere thanks, and nothing that goes to nobody."""
    return event.joined != "attached" and event.action != "ignore"


class Matters:
    """By the recorded interactions."""

    def __init__(self) -> None:
        self._of_item: dict[str, str] = {}
        self._last: dict[str, int] = {}

    def note(self, event: MessageReceived) -> None:
        """A message that was recorded."""
        if event.interaction_id is not None and goes_on_with(event):
            self._of_item[event.item_id] = event.interaction_id
            self._last[event.interaction_id] = max(event.occurred_at, self._last.get(event.interaction_id, 0))

    def is_over(self, interaction_id: str, item_id: str, now: int) -> bool:
        """Whether nothing more was said later.

        Args:
            interaction_id: where the message is in the world; where it came before the time, that is where it was.
            item_id: the customer's latest message.
        """
        matter = self._of_item.get(item_id, interaction_id)
        return self._last.get(matter, 0) <= now
