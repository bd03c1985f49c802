"""The contact history: contacts, handles, interactions, and the messages of both directions in the order sent."""

from collections.abc import Sequence
from typing import Any

from engine.envelope import home_of
from engine.interaction import contact_events as ce
from engine.interaction import events as e
from engine.record import Event
from projections.contact_history import rows as r
from projections.contact_history.fold import message_id, opened, recorded, settle, update
from projections.errors import InconsistentLog
from projections.records import INTERACTION_CONTENT, INTERACTION_EVENTS, Logged
from projections.tables import Store, Table
from projections.values import exact, moment, shown


class ContactHistory:
    """Facts from interaction.events, words and names from interaction.content; the views join them."""

    name = "contact_history"
    topics: tuple[str, ...] = (INTERACTION_EVENTS, INTERACTION_CONTENT)
    tables: tuple[Table[Any], ...] = (r.CONTACTS, r.HANDLES, r.INTERACTIONS, r.MESSAGES, r.WORDS, r.PROFILES)

    def fold(self, store: Store, batch: Sequence[Logged]) -> None:
        events = [(logged, logged.record) for logged in batch if isinstance(logged.record, Event)]
        content = [logged for logged in batch if logged.topic == INTERACTION_CONTENT]
        _fold_contacts(store, [event for _, event in events if isinstance(event, ce.ContactCreated)])
        _fold_interactions(store, events)
        _fold_messages(store, events)
        _fold_words(store, [logged for logged in content if not _is_profile(logged.key)])
        _fold_profiles(store, [logged for logged in content if _is_profile(logged.key)])


def _fold_contacts(store: Store, created: Sequence[ce.ContactCreated]) -> None:
    """Adds the contacts that were made, each with its first handle."""
    contacts, handles = [], []
    for event in created:
        contact_id, at = event.contact_id or "", moment(event.occurred_at)
        contacts.append(r.Contact(contact_id, at))
        handles.append(r.Handle(event.handle_id, contact_id, event.channel, event.profile_id, at))
    store.upsert(r.CONTACTS, contacts)
    store.upsert(r.HANDLES, handles)


def _fold_interactions(store: Store, events: Sequence[tuple[Logged, Event]]) -> None:
    rows = store.load(r.INTERACTIONS, {event.interaction_id for _, event in events if event.interaction_id})
    for logged, event in events:
        if not event.interaction_id:
            continue
        row = rows.get(event.interaction_id)
        if row is None:
            if isinstance(event, e.MessageReceived) and event.joined == "opened":
                row = rows[event.interaction_id] = opened(event)
            elif isinstance(event, e.CommandRefused):
                continue  # refused because there is no such interaction
            else:
                raise InconsistentLog(
                    f"{logged.position} is a {type(event).__name__} of interaction {event.interaction_id}, which no "
                    f"event before it opened. Check the chain of key {logged.key}."
                )
        update(row, event)
    store.upsert(r.INTERACTIONS, list(rows.values()))


def _fold_messages(store: Store, events: Sequence[tuple[Logged, Event]]) -> None:
    touched = [(logged, event, message_id(event)) for logged, event in events]
    rows = store.load(r.MESSAGES, {key for _, _, key in touched if key is not None})
    for logged, event, key in touched:
        if key is None:
            continue
        new = recorded(event)
        if new is not None:
            rows[key] = new
        elif key in rows:
            settle(event, rows[key])
        else:
            raise InconsistentLog(
                f"{logged.position} is a {type(event).__name__} of message {key}, which no event before it recorded. "
                f"Check the chain of key {logged.key}."
            )
    store.upsert(r.MESSAGES, list(rows.values()))


def _fold_words(store: Store, content: Sequence[Logged]) -> None:
    """Keeps the last words under each id; a tombstone erases them."""
    latest = {logged.key: logged.record for logged in content}
    kept = [
        r.Words(key, shown(words.text), exact(words.text), words.language, words.salt)
        for key, words in latest.items()
        if isinstance(words, e.Words)
    ]
    store.upsert(r.WORDS, kept)
    store.delete(r.WORDS, [key for key, words in latest.items() if words is None])


def _fold_profiles(store: Store, content: Sequence[Logged]) -> None:
    """Keeps the last names under each handle; a tombstone forgets them."""
    latest = {home_of(logged.key): logged.record for logged in content}
    kept = [
        r.Profile(handle_id, profile.channel, profile.platform_id, profile.screen_name, profile.name)
        for handle_id, profile in latest.items()
        if isinstance(profile, e.Profile)
    ]
    store.upsert(r.PROFILES, kept)
    store.delete(r.PROFILES, [handle_id for handle_id, profile in latest.items() if profile is None])


def _is_profile(content_id: str) -> bool:
    """Content ids of profiles are `home:p`."""
    return content_id.endswith(":p") and content_id.count(":") == 1
