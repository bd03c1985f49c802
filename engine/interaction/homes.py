"""What follows from events of contacts and their handles: names, and commands to the keys of others."""

from collections.abc import Callable, Iterator
from typing import Any, Final

from msgspec.structs import replace

from engine.decider import Send
from engine.interaction import commands as c
from engine.interaction import contact_commands as cc
from engine.interaction import contact_events as ce
from engine.interaction import early, erasing
from engine.interaction import events as e
from engine.interaction.forwarding import invited_by
from engine.interaction.state import Address
from engine.interaction.writing import INTERACTION, PROFILES, Case, meta
from engine.record import Command, Event
from engine.rows import Rows


def _keep_profile(case: Case, event: ce.ContactCreated | ce.ProfileRecorded) -> Iterator[Send]:
    profile = _profile(event.channel, case.command)
    if profile is None:
        return
    case.rows.put(event.handle_id, address_of(profile))
    yield Send(PROFILES, event.profile_id, profile)


def _link_home(case: Case, event: ce.HandleLinked) -> Iterator[Send]:
    link = cc.LinkHome(**meta(event, "link"), to=case.rows.key, version=event.version, how=event.how)
    yield Send(INTERACTION, event.handle_id, link)


def _unlink_home(case: Case, event: ce.HandleUnlinked) -> Iterator[Send]:
    if event.why == "asked":
        unlink = cc.UnlinkHome(**meta(event, "unlink"), to=case.rows.key, version=event.version)
        yield Send(INTERACTION, event.handle_id, unlink)


def _undo_circle(case: Case, event: ce.HomeUnlinked) -> Iterator[Send]:
    if event.why == "circle":
        key = case.rows.key
        undo = cc.UnlinkHandle(**meta(event, "undo"), handle_id=key, version=event.version, why="circle")
        yield Send(INTERACTION, event.to, undo)


def address_of(profile: e.Profile) -> Address:
    """The row by which a handle is reached."""
    return Address(
        channel=profile.channel,
        platform_id=profile.platform_id,
        screen_name=profile.screen_name,
        name=profile.name,
    )


def _profile(channel: str, command: Command | None) -> e.Profile | None:
    match command:
        case c.ReceiveMessage() | cc.ImportContact() | cc.RecordProfile():
            return e.Profile(
                channel=command.channel,
                platform_id=command.platform_id,
                screen_name=command.screen_name,
                name=command.name,
            )
        case cc.ClaimInvitation():
            return e.Profile(channel=command.channel, platform_id=command.platform_id)
        case c.RecordDelivery() if command.recipient_id is not None:
            return e.Profile(channel=channel, platform_id=command.recipient_id)
        case _:
            return None


def _introduce(case: Case, event: ce.HomeLinked) -> Iterator[Send]:
    """Tells the contact where the handle is reached, and the contact before that it is gone."""
    rows = case.rows
    address = rows.get(Address, rows.key)
    if address is not None:
        record = cc.RecordProfile(
            **meta(event, "profile"),
            handle_id=rows.key,
            channel=address.channel,
            platform_id=address.platform_id,
            screen_name=address.screen_name,
            name=address.name,
        )
        yield Send(INTERACTION, event.to, record)
    if event.instead_of is not None and event.instead_of != event.to:
        undo = cc.UnlinkHandle(**meta(event, "instead"), handle_id=rows.key, version=event.instead_version)
        yield Send(INTERACTION, event.instead_of, undo)


def _pass_on(case: Case, event: ce.Forwarded) -> Iterator[Send]:
    rows, command = case.rows, case.command
    match event.command, command:
        case "RecordReferral", c.ReceiveMessage() | c.RecordReferral():
            claim = cc.ClaimInvitation(
                **meta(event, "claim"),
                handle_id=command.handle_id,
                channel=command.channel,
                platform_id=command.platform_id,
                ref=command.ref or "",
            )
            yield Send(INTERACTION, event.to, claim)
        case "DeleteMessage" | "EditMessage", cc.NoteItem():
            yield from early.pass_on(rows, event, "facebook")  # no other platform's items are found by their id
        case "DeleteMessage" | "EditMessage", c.ReceiveMessage():
            yield from early.pass_on(rows, event, command.channel)
        case _, c.ReceiveMessage():
            # The reference goes on to whom it names, and nowhere else.
            ref = command.ref if invited_by(command.ref) == event.to else None
            yield Send(INTERACTION, event.to, _passed(rows, event, replace(command, ref=ref)))
        case _, c.RecordOwnPost():
            yield Send(INTERACTION, event.to, _passed(rows, event, replace(command, then=event.then)))
        case _, c.EditMessage() | c.DeleteMessage():
            yield Send(INTERACTION, event.to, _passed(rows, event, command))
        case _:
            return


def _passed(
    rows: Rows, event: ce.Forwarded, command: c.ReceiveMessage | c.EditMessage | c.DeleteMessage | c.RecordOwnPost
) -> Command:
    sent = meta(event, "forward")
    return replace(
        command,
        command_id=sent["command_id"],
        correlation_id=sent["correlation_id"],
        reply_partition=None,
        expected_sequence=None,
        via=[*command.via, rows.key],
    )


STEPS: Final[dict[type[Event], Callable[[Case, Any], Iterator[Send]]]] = {
    ce.ContactCreated: _keep_profile,
    ce.ProfileRecorded: _keep_profile,
    ce.HandleLinked: _link_home,
    ce.HandleUnlinked: _unlink_home,
    ce.HomeLinked: _introduce,
    ce.HomeUnlinked: _undo_circle,
    ce.Forwarded: _pass_on,
    ce.ContactErased: erasing.remove_all,
    ce.WordsErased: erasing.remove_one,
}
"""What each of these events leads to."""
