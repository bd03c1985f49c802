"""The contact history: contacts, handles, interactions, and the messages of both directions in the order sent."""

from collections.abc import Sequence
from typing import Any

from engine.interaction import contact_events as ce
from engine.interaction import events as e
from engine.record import Event
from projections.contact_history import actions, messages, people
from projections.contact_history import rows as r
from projections.contact_history.fold import opened, update
from projections.projection import views_of
from projections.records import (
    ERASABLE,
    INTERACTION_CONTENT,
    INTERACTION_EVENTS,
    INTERACTION_PROFILES,
    Logged,
    nothing_before,
)
from projections.tables import Json, Store, Table, json_of
from projections.values import exact, shown
from projections.wording import searchable

Decided = Sequence[tuple[Logged, Event]]


class ContactHistory:
    """Facts from interaction.events, words from interaction.content, names from interaction.profiles; the views
    join them."""

    name = "contact_history"
    topics: tuple[str, ...] = (INTERACTION_EVENTS, INTERACTION_CONTENT, INTERACTION_PROFILES)
    tables: tuple[Table[Any], ...] = (
        r.CONTACTS,
        r.HANDLES,
        r.LINKS,
        r.INTERACTIONS,
        r.MESSAGES,
        r.ACTIONS,
        r.WORDS,
        r.PROFILES,
    )
    views = views_of("contact_history")

    def fold(self, store: Store, batch: Sequence[Logged]) -> None:
        events = [(logged, logged.record) for logged in batch if isinstance(logged.record, Event)]
        _fold_people(store, [(logged, event) for logged, event in events if type(event) in people.PEOPLE])
        _fold_interactions(store, events)
        acted = _fold_actions(store, events)
        _fold_messages(store, events, acted)
        _fold_content(store, {logged.key: logged.record for logged in batch if logged.topic in ERASABLE})


def profile_of(content_id: str) -> str | None:
    """The handle whose names lie under a content id: `home:p`, or `contact:h:home` of one that is linked; else None."""
    home, _, rest = content_id.partition(":")
    kind, _, handle = rest.partition(":")
    if kind == "h":
        return handle
    return home if rest == "p" else None


def _fold_people(store: Store, events: Decided) -> None:
    """The contact and the handle whose key each event stands on."""
    keys = {logged.key for logged, _ in events}
    contacts, handles = store.load(r.CONTACTS, keys), store.load(r.HANDLES, keys)
    links: dict[str, r.Link] = {}
    for logged, event in events:
        key = logged.key
        if isinstance(event, ce.ContactCreated):
            contacts[key] = people.created(event)
            if event.handle_id != key:
                continue  # the row of another key's handle is for that key to write
        elif key in contacts:
            people.alter(event, contacts[key])
        if isinstance(event, ce.ContactCreated | ce.HomeLinked):
            handles.setdefault(key, people.unknown(key))
        if key in handles:
            links |= {link.link_id: link for link in people.move(event, handles[key])}
    store.save(r.CONTACTS, contacts)
    store.save(r.HANDLES, handles)
    store.upsert(r.LINKS, list(links.values()))


def _fold_interactions(store: Store, events: Decided) -> None:
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
                raise nothing_before(logged, "interaction", event.interaction_id)
        update(row, event)
    store.save(r.INTERACTIONS, rows)


def _fold_actions(store: Store, events: Decided) -> set[str]:
    """Engagements and moderations; gives the ids of those that the batch touches."""
    touched = [(event, key) for _, event in events if (key := actions.action_id(event)) is not None]
    rows = store.load(r.ACTIONS, {key for _, key in touched})
    for event, key in touched:
        new = actions.requested(event)
        if new is not None:
            rows[key] = new
        elif key in rows:  # else what failed is an answer
            actions.settle(event, rows[key])
    store.save(r.ACTIONS, rows)
    return set(rows)


def _fold_messages(store: Store, events: Decided, acted: set[str]) -> None:
    touched = [(logged, event, key) for logged, event in events if (key := messages.message_id(event)) is not None]
    rows = store.load(r.MESSAGES, {key for _, _, key in touched})
    for logged, event, key in touched:
        new = messages.recorded(event)
        if new is not None:
            rows[key] = new
        elif key in rows:
            messages.settle(event, rows[key])
        elif key not in acted:
            raise nothing_before(logged, "message", key)
    store.save(r.MESSAGES, rows)


def _fold_content(store: Store, content: dict[str, Any]) -> None:
    """Keeps the last words and names under each id; a tombstone erases them."""
    words = {key: _words(key, record) for key, record in content.items() if isinstance(record, e.Words)}
    store.probe(r.WORDS, words)
    store.save(r.WORDS, words)
    profiles = {key: _profile(key, record) for key, record in content.items() if isinstance(record, e.Profile)}
    store.probe(r.PROFILES, profiles)
    store.save(r.PROFILES, profiles)
    gone = [key for key, record in content.items() if record is None]
    store.delete(r.WORDS, [key for key in gone if profile_of(key) is None])
    store.delete(r.PROFILES, [key for key in gone if profile_of(key) is not None])


def _words(content_id: str, words: e.Words) -> r.Words:
    return r.Words(
        content_id=content_id,
        text=shown(words.text),
        searched=searchable(words.text),
        exact=exact(words.text),
        language=words.language,
        attachments=_attached(words),
        salt=words.salt,
    )


def _attached(words: e.Words) -> Json | None:
    if not words.attachments:
        return None
    return json_of([{"kind": one.kind, "url": one.url} for one in words.attachments])


def _profile(profile_id: str, names: e.Profile) -> r.Profile:
    return r.Profile(
        profile_id=profile_id,
        handle_id=profile_of(profile_id) or "",
        channel=names.channel,
        platform_id=names.platform_id,
        screen_name=names.screen_name,
        name=names.name,
        called=f"@{names.screen_name}" if names.screen_name else names.name or names.platform_id,
    )
