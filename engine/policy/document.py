"""The policy: everything that the business sets, as one document. Its shape; what it means is decided elsewhere."""

from typing import Annotated, Literal

import msgspec

Channel = Literal["x", "facebook", "messenger"]
Visibility = Literal["public", "private"]
Action = Literal["route", "attach", "ignore"]
ClosureKind = Literal["emergency", "special_day", "closed"]


class Part(msgspec.Struct, kw_only=True, forbid_unknown_fields=True, frozen=True):
    """A part of the document: unknown fields are refused, so that a misspelt one is not ignored."""


class SpecialDay(Part, kw_only=True, forbid_unknown_fields=True, frozen=True):
    """A day on which an account is closed, or open at other hours."""

    date: Annotated[str, "2026-12-24, in the account's time zone"]
    name: Annotated[str, "what day it is"]
    hours: Annotated[str | None, "opening hours of that day, 10:00-14:00; none: closed"] = None


class Account(Part, kw_only=True, forbid_unknown_fields=True, frozen=True):
    """One of the company's accounts."""

    channel: Annotated[Channel, "where it is"]
    id: Annotated[str, "the platform's id"]
    handle: Annotated[str, "the screen name, without @"]
    queue: Annotated[str, "the queue of what arrives there"]
    language: Annotated[str, "the language of its notices where the platform names none that we have"] = "en"
    hours: Annotated[str, "OpenStreetMap's opening_hours syntax"] = "24/7"
    time_zone: Annotated[str, "IANA name"] = "UTC"
    holidays: Annotated[str | None, "ISO country code: its public holidays are PH in the hours"] = None
    special_days: Annotated[tuple[SpecialDay, ...], "closed unless they give hours"] = ()
    notices: Annotated[dict[ClosureKind, str], "which notice each kind of closure sends"] = {}
    emergency_routing: Annotated[Literal["held", "continued"], "whether an emergency holds interactions back"] = "held"


class Queue(Part, kw_only=True, forbid_unknown_fields=True, frozen=True):
    """Where interactions wait, and for whom."""

    name: Annotated[str, "its name"]
    pool: Annotated[str, "the agents and queues that are routed together"] = "main"
    skills: Annotated[tuple[str, ...], "what an agent has to know, all of them"] = ()
    group: Annotated[str | None, "only agents of this group"] = None
    priority: Annotated[int, "a higher one is served first"] = 0


class Filter(Part, kw_only=True, forbid_unknown_fields=True, frozen=True):
    """What certain words in a message lead to. The first filter that matches decides."""

    name: Annotated[str, "its name, recorded with each message that it matched"]
    any: Annotated[tuple[str, ...], "at least one of these words or phrases stands in the text"] = ()
    all: Annotated[tuple[str, ...], "every one does"] = ()
    none: Annotated[tuple[str, ...], "none does"] = ()
    action: Annotated[Action, "route, attach (join the history, open nothing) or ignore"] = "route"
    queue: Annotated[str | None, "route: this queue and not the account's"] = None
    priority: Annotated[int | None, "route: this priority and not the queue's"] = None


class Notice(Part, kw_only=True, forbid_unknown_fields=True, frozen=True):
    """An automatic answer because of a closure."""

    name: Annotated[str, "its name"]
    text: Annotated[dict[str, str], "the text by language; {handle} stands for the customer's handle"]
    visibility: Annotated[Visibility, "where it is sent"] = "public"


class Policy(Part, kw_only=True, forbid_unknown_fields=True, frozen=True):
    """The document."""

    name: Annotated[str, "what it is called"]
    accounts: Annotated[tuple[Account, ...], "the company's accounts"]
    queues: Annotated[tuple[Queue, ...], "where interactions wait"]
    filters: Annotated[tuple[Filter, ...], "the first that matches decides"] = ()
    notices: Annotated[tuple[Notice, ...], "automatic answers"] = ()
    dispositions: Annotated[tuple[str, ...], "the codes with which an interaction may end"] = ("resolved",)
    join_recent: Annotated[str, "an answer to a post that we don't know joins what was active in this time"] = "72h"
    notice_max_age: Annotated[str, "no notice to a message older than this"] = "1h"
    accept_within: Annotated[str | None, "how long an agent has to accept an offer; none: any time"] = "60s"
    expire_after: Annotated[str | None, "an interaction that waits longer ends as expired; none: never"] = "30d"
    retry_for: Annotated[str, "how long a post is tried again"] = "1h"
    retry_every: Annotated[str, "the first pause between tries; it doubles"] = "30s"
