"""The interaction decider: one contact's interactions, and (on a control key) what holds for a partition."""

from collections.abc import Callable, Iterable
from typing import Any, Final

from engine.bookkeeping import Emergency, PolicyInForce, Timer
from engine.decider import Context, Decision, Duplicate, Refusal, Send
from engine.interaction import commands as c
from engine.interaction import (
    consequences,
    contacts,
    early,
    echoes,
    engaging,
    erasing,
    forwarding,
    invitations,
    placing,
    posting,
    receiving,
    removing,
    replying,
    sessions,
    working,
)
from engine.interaction import contact_commands as cc
from engine.interaction import events as e
from engine.interaction.evolve import evolve
from engine.interaction.letters import DeadLetterSettled, SettleDeadLetter
from engine.interaction.state import Interaction
from engine.lifecycle import INITIAL, after
from engine.policy.rules import document_digest
from engine.record import Command, Event
from engine.rows import Rows

RECHECK: Final = (e.PolicyAdopted, e.EmergencyActivated, e.EmergencyEnded)
"""After these, every closure's deadline on the partition has come."""


class InteractionDecider:
    """Runs the functions of this package; keeps nothing itself."""

    name = "interaction"

    def decide(self, rows: Rows, command: Command, context: Context) -> Decision:
        return _DECIDE[type(command)](rows, command, context)

    def fire(self, rows: Rows, timer: Timer, context: Context) -> Decision:
        return _FIRE[timer.name](rows, timer, context)

    def evolve(self, rows: Rows, event: Event) -> None:
        evolve(rows, event)

    def apply(self, rows: Rows, event: Event, command: Command | None, context: Context) -> Iterable[Send]:
        """Evolves an event that was just decided, and gives what follows from it."""
        before = rows.get(Interaction, event.interaction_id or "")
        evolve(rows, event)
        return list(consequences.follow(rows, before, event, command, context))

    def state_after(self, rows: Rows, event: Event) -> str | None:
        """The state of the event's interaction after it, by the lifecycle."""
        before = rows.get(Interaction, event.interaction_id or "")
        if before is None:
            return INITIAL if isinstance(event, e.MessageReceived) else None
        if isinstance(event, e.Replied) and not (before.accepted and before.agent_id == event.agent_id):
            return before.state  # it was given on or ended since the answer was written
        return after(before.state, type(event).__name__)

    def refused(self, command: Command, refusal: Refusal) -> Event:
        interaction_id = getattr(command, "interaction_id", None)
        return e.CommandRefused(
            interaction_id=interaction_id, command=type(command).__name__, code=refusal.code, reason=refusal.reason
        )


def _publish_policy(rows: Rows, command: c.PublishPolicy, context: Context) -> Decision:
    in_force = rows.get(PolicyInForce, "")
    if in_force is not None and in_force.version >= command.version:
        return Duplicate()
    yield e.PolicyAdopted(version=command.version, policy_digest=document_digest(command.document))
    return None


def _activate_emergency(rows: Rows, command: c.ActivateEmergency, context: Context) -> Decision:
    if rows.get(Emergency, command.account) is not None:
        return Duplicate()
    closure = f"emergency:{command.account}:{command.correlation_id or command.command_id}"
    yield e.EmergencyActivated(closure=closure, account=command.account)
    return None


def _end_emergency(rows: Rows, command: c.EndEmergency, context: Context) -> Decision:
    emergency = rows.get(Emergency, command.account)
    if emergency is None:
        return Duplicate()
    yield e.EmergencyEnded(closure=emergency.closure, account=command.account)
    return None


def _settle_dead_letter(rows: Rows, command: SettleDeadLetter, context: Context) -> Decision:
    """It stands in one transaction with what went back: it has happened, and is only recorded."""
    yield DeadLetterSettled(
        letter_partition=command.letter_partition,
        letter_offset=command.letter_offset,
        outcome=command.outcome,
        code=command.code,
        source_topic=command.source_topic,
        source_partition=command.source_partition,
        source_offset=command.source_offset,
        put_back=command.put_back,
        why=command.why,
    )
    return None


_DECIDE: Final[dict[type[Command], Callable[[Rows, Any, Context], Decision]]] = {
    c.ReceiveMessage: receiving.receive_message,
    c.EditMessage: removing.edit_message,
    c.DeleteMessage: removing.delete_message,
    c.RecordOwnPost: echoes.record_own_post,
    c.RecordReferral: forwarding.record_referral,
    c.RecordDelivery: posting.record_delivery,
    c.Reserve: working.reserve,
    c.LoseAgent: working.lose_agent,
    c.Accept: working.accept,
    c.Decline: working.decline,
    c.Take: working.take,
    c.TakeOver: working.take,
    c.Reply: replying.reply,
    c.MoveToPrivate: replying.move_to_private,
    c.Engage: engaging.engage,
    c.Moderate: engaging.moderate,
    c.Transfer: working.transfer,
    c.Disposition: working.disposition,
    c.PublishPolicy: _publish_policy,
    c.ActivateEmergency: _activate_emergency,
    c.EndEmergency: _end_emergency,
    SettleDeadLetter: _settle_dead_letter,
    cc.NoteItem: forwarding.note_item,
    cc.LinkHandle: contacts.link_handle,
    cc.UnlinkHandle: contacts.unlink_handle,
    cc.LinkHome: contacts.link_home,
    cc.UnlinkHome: contacts.unlink_home,
    cc.RecordProfile: contacts.record_profile,
    cc.ClaimInvitation: invitations.claim_invitation,
    cc.ImportContact: contacts.import_contact,
    cc.SetLanguage: contacts.set_language,
    cc.BlockContact: contacts.block_contact,
    cc.UnblockContact: contacts.unblock_contact,
    cc.EraseContact: erasing.erase_contact,
    cc.EraseWords: erasing.erase_words,
}
_FIRE: Final[dict[str, Callable[[Rows, Timer, Context], Decision]]] = {
    "accept": working.not_accepted,
    "closure": placing.look_again,
    "expire": placing.expire,
    "retry": posting.retry,
    "idle": sessions.idle,
    "edit": early.forget_edit,
}
