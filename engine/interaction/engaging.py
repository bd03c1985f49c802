"""What an agent does with a message beside an answer: share it, like it, hide it; and take an answer back."""

from typing import Final

from engine.decider import Context, Decision, Duplicate, Refusal
from engine.envelope import derive
from engine.interaction import commands as c
from engine.interaction import events as e
from engine.interaction.state import Delivery, Item
from engine.interaction.working import of_agent
from engine.rows import Rows

ENGAGEMENTS: Final = ("retweet", "like", "favourite")
MODERATIONS: Final = ("hide", "unhide", "delete")


def engage(rows: Rows, command: c.Engage, context: Context) -> Decision:
    """The agent retweets or likes a message of the customer."""
    delivery_id = derive(command.command_id, "engagement")
    if rows.get(Delivery, delivery_id) is not None:
        return Duplicate(command.interaction_id)
    interaction = of_agent(rows, command)
    if isinstance(interaction, Refusal):
        return interaction
    if command.engagement not in ENGAGEMENTS:
        return Refusal("unknown_engagement", f"there are {', '.join(ENGAGEMENTS)}")
    if command.engagement != "like" and interaction.channel != "x":
        return Refusal("not_available", f"a {command.engagement} is X's; on {interaction.channel} there is like")
    item_id = command.item_id or interaction.latest_public
    item = _of_customer(rows, command.interaction_id, item_id)
    if isinstance(item, Refusal):
        return item
    if item.visibility != "public":
        return Refusal("not_available", "a private message can't be shared or liked")
    yield e.EngagementRequested(
        interaction_id=command.interaction_id,
        contact_id=interaction.contact_id,
        delivery_id=delivery_id,
        engagement=command.engagement,
        item_id=item_id or "",
        agent_id=command.agent_id,
    )
    return None


def moderate(rows: Rows, command: c.Moderate, context: Context) -> Decision:
    """The agent hides the customer's comment or shows it again, or deletes an answer of ours."""
    delivery_id = derive(command.command_id, "moderation")
    if rows.get(Delivery, delivery_id) is not None:
        return Duplicate(command.interaction_id)
    interaction = of_agent(rows, command)
    if isinstance(interaction, Refusal):
        return interaction
    if command.action not in MODERATIONS:
        return Refusal("unknown_action", f"there are {', '.join(MODERATIONS)}")
    refusal = _untouchable(rows, command)
    if refusal is not None:
        return refusal
    yield e.ModerationRequested(
        interaction_id=command.interaction_id,
        contact_id=interaction.contact_id,
        delivery_id=delivery_id,
        action=command.action,
        item_id=command.item_id,
        agent_id=command.agent_id,
    )
    return None


def _untouchable(rows: Rows, command: c.Moderate) -> Refusal | None:
    """Why the item can't be hidden or deleted."""
    if command.action == "delete":
        item = rows.get(Item, command.item_id)
        if item is None or item.interaction_id != command.interaction_id or item.author != "account":
            return Refusal("unknown_item", f"no answer {command.item_id} of ours is part of this interaction")
        if item.deleted:
            return Refusal("deleted_item", f"answer {command.item_id} is deleted already")
        return None if item.visibility == "public" else Refusal("not_available", "a sent message can't be taken back")
    found = _of_customer(rows, command.interaction_id, command.item_id)
    if isinstance(found, Refusal):
        return found
    return None if found.visibility == "public" else Refusal("not_available", "a private message can't be hidden")


def _of_customer(rows: Rows, where: str, item_id: str | None) -> Item | Refusal:
    item = None if item_id is None else rows.get(Item, item_id)
    if item is None or item.interaction_id != where or item.author != "customer":
        return Refusal("unknown_item", f"no message {item_id} of the customer is part of this interaction")
    if item.deleted:
        return Refusal("deleted_item", f"the customer deleted message {item_id}")
    return item
