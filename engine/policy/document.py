"""The policy: everything that the business sets, as one document. Its shape; what it means is decided elsewhere."""

from typing import Annotated, Literal

import msgspec

Channel = Literal["x", "facebook", "messenger"]
Visibility = Literal["public", "private"]
Action = Literal["route", "answer", "engage", "attach", "ignore"]
Happening = Literal["mention", "reply", "quote", "direct_message", "post", "comment", "message", "postback"]
"""What a platform may tell of: mention, reply, quote and direct_message on X; post (a visitor's) and comment on a
Facebook page; message and postback (a button) in Messenger."""
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
    private_queue: Annotated[str | None, "the queue of private messages; none: the account's"] = None
    monitor: Annotated[tuple[Happening, ...], "what is looked at; the rest is kept and goes to nobody; empty: all"] = ()
    platform_permission: Annotated[
        Literal["none", "granted"],
        "granted: the platform allowed in writing what its rules forbid to all, such as automatic likes",
    ] = "none"
    long_text: Annotated[
        Literal["refuse", "split"], "an agent's private answer that is too long for one message: refused, or in parts"
    ] = "refuse"
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
    prefer_last_agent_for: Annotated[
        str | None, "whoever served the contact within this time is asked first, unless offline; none: nobody is"
    ] = None
    prefer_wait: Annotated[str, "how long an interaction waits for that agent before anybody may have it"] = "60s"
    relax_after: Annotated[str | None, "after this wait fewer skills are enough; none: never"] = None
    relaxed_skills: Annotated[tuple[str, ...], "which are then"] = ()
    answer_within: Annotated[str | None, "the target for the first answer, for the service level"] = None


class Filter(Part, kw_only=True, forbid_unknown_fields=True, frozen=True):
    """What certain words in a message lead to. The first filter that matches decides.

    Its conditions hold all together; one that is not given holds for every message.
    """

    name: Annotated[str, "its name, recorded with each message that it matched"]
    any: Annotated[tuple[str, ...], "at least one of these words or phrases stands in the text"] = ()
    all: Annotated[tuple[str, ...], "every one does"] = ()
    none: Annotated[tuple[str, ...], "none does"] = ()
    sentiment: Annotated[Literal["positive", "negative"] | None, "how the text sounds; English only"] = None
    threshold: Annotated[int, "sentiment: how strongly at least, in hundredths from 0 to 100"] = 65
    events: Annotated[tuple[Happening, ...], "only what happened in one of these ways"] = ()
    accounts: Annotated[tuple[str, ...], "only at these accounts, written x:42"] = ()
    action: Annotated[
        Action,
        "route, answer (automatically), engage (retweet, like or favourite), attach (join the history, open nothing) "
        "or ignore",
    ] = "route"
    template: Annotated[str | None, "answer: the notice that holds its text"] = None
    engagement: Annotated[Literal["retweet", "like", "favourite"] | None, "engage: which"] = None
    mode: Annotated[
        Literal["suggest", "automatic"], "engage: propose it to the agent, or do it; irony fools every classifier"
    ] = "suggest"
    then: Annotated[
        Literal["route", "close"], "answer, engage: go to a person too, or end once it is done (and go to one if not)"
    ] = "route"
    disposition: Annotated[str | None, "close: the code; none: answered or engaged, the engine's own"] = None
    queue: Annotated[str | None, "route: this queue and not the account's"] = None
    priority: Annotated[int | None, "route: this priority and not the queue's"] = None


class Notice(Part, kw_only=True, forbid_unknown_fields=True, frozen=True):
    """The text of an automatic answer: of a notice because of a closure, or of a filter's answer."""

    name: Annotated[str, "its name"]
    text: Annotated[
        dict[str, str],
        "the text by language; {handle} stands for the customer's handle with @, {name} for the name, where known",
    ]
    visibility: Annotated[
        Visibility, "where it is sent in answer to something public; what was private is answered in private"
    ] = "public"


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
    opt_out: Annotated[
        tuple[str, ...], "a message that says just one of these ends all automatic answers to its author"
    ] = ("stop", "unsubscribe", "opt out")
    automatic_per_day: Annotated[
        int, "the most automatic answers of any kind to one contact in 24 hours, so that two machines never go on"
    ] = 3
    weights: Annotated[dict[Channel, int], "how much of an agent's capacity an interaction takes; else 1"] = {}
    invitation_for: Annotated[str, "how long a link into a private conversation tells who follows it"] = "7d"
    session_idle: Annotated[
        str | None, "a private conversation in which nobody writes for so long is over; none: never"
    ] = "30m"
    session_idle_disposition: Annotated[
        str | None, "and its interaction ends with this code; none: it stays with the agent"
    ] = None
    retry_for: Annotated[
        str, "how long a post is tried again; an answer that is older when it is decided (1h in any case) is refused"
    ] = "1h"
    retry_every: Annotated[str, "the first pause between tries; it doubles, up to 16 times as long"] = "30s"
