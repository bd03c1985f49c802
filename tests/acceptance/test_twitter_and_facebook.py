"""The seed's use case for Twitter and Facebook, line by line, over HTTP on the running system.

Each test is named after its line; docs/reference/acceptance.md lists them beside the lines.
"""

from datetime import UTC, datetime
from typing import Any

import pytest

from engine.policy.document import SpecialDay
from tests.acceptance.company import Company, Person

pytestmark = pytest.mark.timeout(180)

CLOSED = "off"
PRIVATE = {"platform_permission": "granted"}
"""What an account needs whose automatic answers to public posts are private."""


# --- accounts ---


def test_accounts_on_both_channels_stand_in_one_policy_that_can_be_read_back(company: Company) -> None:
    queue = company.queue()
    accounts = [company.account(channel, queue.name) for channel in ("x", "facebook", "messenger")]
    version = company.publish()
    answer = company.as_role("engineer").get("/v1/policy/latest")
    assert answer.json()["version"] == version
    known = {(one["channel"], one["id"]) for one in answer.json()["policy"]["accounts"]}
    assert {(one.channel, one.id) for one in accounts} <= known


# --- (1) to (4): a post arrives, is filtered, and belongs to somebody ---


def test_1_a_post_or_tweet_to_the_handle_arrives(company: Company) -> None:
    queue = company.queue()
    x = company.account("x", queue.name)
    page = company.account("facebook", queue.name)
    company.publish()
    company.say(x, "mention", company.person())
    company.say(page, "post", company.person())
    company.say(page, "comment", company.person())
    assert company.interaction(x, "queued")["messages_in"] == 1
    company.until(lambda: len(company.interactions(page)) == 2, "two interactions of the page")


def test_2_accounts_are_monitored_by_events_and_filters_decide_the_next_action(company: Company) -> None:
    queue, urgent = company.queue(), company.queue()
    x = company.account("x", queue.name, monitor=("mention",))
    company.filter(x, name="outage of x", any=("no signal",), none=("joke",), queue=urgent.name, priority=9)
    company.filter(x, any=("giveaway",), action="ignore")
    company.filter(x, any=("thank you",), action="attach")
    company.publish()
    known = company.person()
    company.say(x, "mention", known, "NO  SIGNAL since monday")
    first = company.interaction(x, "queued")
    assert (first["queue"], first["priority"]) == (urgent.name, 9)
    assert company.event(first["interaction_id"], "MessageReceived")["facts"]["filter"] == "outage of x"

    company.say(x, "mention", known, "Thank you!")
    company.messages(first["interaction_id"], 2, direction="in")
    company.say(x, "mention", company.person(), "Big giveaway here")
    company.say(x, "direct_message", company.person(), "Not a mention")
    ended = company.until(
        lambda: _with(company.interactions(x), 2, disposition="filtered_out"), "two that were filtered out"
    )
    filters = {company.event(one["interaction_id"], "MessageReceived")["facts"]["filter"] for one in ended}
    assert "~not_monitored" in filters
    assert all(one["contact_id"] is None for one in ended), "no contact is made of what was filtered out"


def _with(found: list[dict[str, Any]], count: int, **fields: Any) -> list[dict[str, Any]] | None:
    listed = [one for one in found if all(one[name] == value for name, value in fields.items())]
    return listed if len(listed) >= count else None


def test_3_the_contact_is_found_by_the_handle(company: Company) -> None:
    queue = company.queue()
    x = company.account("x", queue.name)
    company.publish()
    who = company.person()
    imported = company.as_role("supervisor").post(
        "/v1/contacts/import",
        content=f"channel,platform_id,screen_name,name,language\nx,{who.id},{who.screen_name},{who.name},de\n".encode(),
        headers={"Content-Type": "text/csv"},
    )
    assert imported.status_code == 200, imported.text
    company.say(x, "mention", who)
    where = company.interaction(x, "queued")["interaction_id"]
    assert company.event(where, "ContactResolved")["facts"]["how"] == "found"


def test_4_an_unknown_person_becomes_a_contact_and_all_that_is_said_is_stored_there(company: Company) -> None:
    queue = company.queue()
    x = company.account("x", queue.name)
    company.publish()
    desk, who = company.agent(queue), company.person()
    first = company.say(x, "mention", who, "My phone is dead")
    where = desk.accept()
    desk.ask(where, "replies", text="Which model is it?")
    answered = company.done(x)[0]["item_id"]
    company.say(x, "reply", who, "The blue one 📱 עברית", in_reply_to=answered)
    company.messages(where, 3)
    contact = company.detail(where)["contact_id"]
    found = company.as_role("agent").get("/v1/contacts", params={"q": who.screen_name}).json()["contacts"]
    assert [one["contact_id"] for one in found] == [contact]
    history = company.as_role("agent").get(f"/v1/contacts/{contact}").json()
    texts = [(one["direction"], one["text"]) for one in history["messages"]]
    assert texts == [("in", "My phone is dead"), ("out", "Which model is it?"), ("in", "The blue one 📱 עברית")]
    assert first != answered


# --- (5) to (7): closures ---


@pytest.mark.parametrize("channel", ["x", "facebook"])
@pytest.mark.parametrize("visibility", ["public", "private"])
def test_5_a_special_day_message_is_sent(company: Company, channel: str, visibility: str) -> None:
    queue = company.queue()
    name = company.notice("{handle} We celebrate today and answer tomorrow.", visibility)
    account = company.account(
        channel, queue.name, special_days=(_day(),), notices={"special_day": name}, **_permission(visibility)
    )
    company.publish()
    assert _noticed(company, account, visibility) == "special_day"


@pytest.mark.parametrize("channel", ["x", "facebook"])
@pytest.mark.parametrize("visibility", ["public", "private"])
def test_6_a_message_outside_of_the_operating_hours_is_sent(company: Company, channel: str, visibility: str) -> None:
    queue = company.queue()
    name = company.notice("{handle} We are closed and answer when we are back.", visibility)
    account = company.account(channel, queue.name, hours=CLOSED, notices={"closed": name}, **_permission(visibility))
    company.publish()
    assert _noticed(company, account, visibility) == "closed"


@pytest.mark.parametrize("channel", ["x", "facebook"])
@pytest.mark.parametrize("visibility", ["public", "private"])
def test_7_an_emergency_message_is_sent_once_the_emergency_is_activated(
    company: Company, channel: str, visibility: str
) -> None:
    queue = company.queue()
    name = company.notice("{handle} There is an outage; we work on it.", visibility)
    account = company.account(channel, queue.name, notices={"emergency": name}, **_permission(visibility))
    company.publish()
    before = company.person()
    _post(company, account, before)
    first = company.interaction(account, "queued")["interaction_id"]
    company.emergency(account, on=True)
    _post(company, account, company.person())
    (done,) = company.done(account)
    assert done["action"] in _actions(channel, visibility)
    held = company.until(
        lambda: next((one for one in company.interactions(account) if one["interaction_id"] != first), None),
        "the second interaction",
    )
    company.until(lambda: company.detail(held["interaction_id"])["state"] == "out_of_hours", "it is held back")
    assert company.detail(first)["state"] == "queued", "nobody who waited already is told"
    company.emergency(account, on=False)
    company.until(lambda: company.detail(held["interaction_id"])["state"] == "queued", "it goes on afterwards")


def _day() -> SpecialDay:
    return SpecialDay(date=datetime.now(UTC).date().isoformat(), name="Founders' day")


def _permission(visibility: str) -> dict[str, Any]:
    return PRIVATE if visibility == "private" else {}


def _post(company: Company, account: Any, who: Person) -> str:
    return company.say(account, "mention" if account.channel == "x" else "comment", who)


def _actions(channel: str, visibility: str) -> tuple[str, ...]:
    if visibility == "public":
        return ("reply",)
    return ("message",) if channel == "x" else ("private_answer",)


def _noticed(company: Company, account: Any, visibility: str) -> str:
    """The kind of closure whose notice a customer gets."""
    who = company.person()
    item = _post(company, account, who)
    (done,) = company.done(account)
    assert done["action"] in _actions(account.channel, visibility)
    if visibility == "public":
        assert done["target"] == item
    found = company.interaction(account, "out_of_hours")
    company.messages(found["interaction_id"], 1, kind="notice", status="posted", visibility=visibility)
    kind: str = company.event(found["interaction_id"], "OutOfHours")["facts"]["kind"]
    return kind


# --- (8): within hours ---


def test_8_1_an_interaction_is_routed_to_an_available_agent_with_the_right_skills(company: Company) -> None:
    queue = company.queue(skills=("networks",))
    x = company.account("x", queue.name)
    company.publish()
    company.agent(queue, skills=["billing"])
    right = company.agent(queue)
    company.say(x, "mention", company.person())
    where = right.accept()
    assert company.interaction(x, "assigned")["interaction_id"] == where


def test_8_2_without_an_agent_it_is_queued_until_one_is_available_oldest_first(company: Company) -> None:
    queue = company.queue()
    page = company.account("facebook", queue.name)
    company.publish()
    desk = company.agent(queue, ready=False, capacity=1)
    company.say(page, "post", company.person(), "the older one")
    older = company.interaction(page, "queued")["interaction_id"]
    company.say(page, "post", company.person(), "the younger one")
    company.until(lambda: len(company.interactions(page, state="queued")) == 2, "both wait")
    desk.state("ready")
    assert desk.accept() == older
    desk.ask(older, "disposition", code="resolved")
    company.until(lambda: desk.offers() and desk.offer() != older, "then the younger one")


def test_8_3_the_interaction_is_sent_to_the_agent_who_answers_it(company: Company) -> None:
    queue = company.queue()
    x = company.account("x", queue.name)
    company.publish()
    desk = company.agent(queue)
    item = company.say(x, "mention", company.person(), "Where is my order?")
    where = desk.accept()
    (message,) = company.detail(where)["messages"]
    assert (message["text"], message["item_id"]) == ("Where is my order?", item)
    desk.ask(where, "replies", text="On its way")
    company.messages(where, 1, kind="reply", status="posted")
    assert company.detail(where)["state"] == "replied"


# --- (9): public or private ---


@pytest.mark.parametrize("channel", ["x", "facebook"])
def test_9_1_the_agent_replies_via_the_companys_page_or_handle(company: Company, channel: str) -> None:
    queue = company.queue()
    account = company.account(channel, queue.name)
    company.publish()
    desk = company.agent(queue)
    item = _post(company, account, company.person())
    where = desk.accept()
    desk.ask(where, "replies", text="We look into it", visibility="public")
    (done,) = company.done(account)
    assert (done["action"], done["target"], done["text"]) == ("reply", item, "We look into it")


def test_9_2_a_tweet_is_moved_to_direct_messages_and_the_customers_answers_join_it(company: Company) -> None:
    queue = company.queue()
    x = company.account("x", queue.name)
    company.publish()
    desk, who = company.agent(queue), company.person()
    company.say(x, "mention", who)
    where = desk.accept()
    desk.ask(where, "replies", text="What is your number?", visibility="private")
    (sent,) = company.done(x)
    assert (sent["action"], sent["recipient"]) == ("message", who.id)
    desk.ask(where, "move-to-private", text="Let us go on here.", announcement="We wrote you a message.")
    done = company.done(x, 3)
    assert [one["action"] for one in done] == ["message", "message", "reply"], "announced after the private send"
    company.event(where, "MovedToPrivate")
    company.say(x, "direct_message", who, "It is 0170 & mine")
    company.messages(where, 1, direction="in", visibility="private", text="It is 0170 & mine")
    assert len(company.interactions(x)) == 1


def test_9_2_a_comment_is_moved_to_messenger_and_the_commenter_is_known_there(company: Company) -> None:
    queue = company.queue()
    page = company.account("facebook", queue.name)
    chat = company.account("messenger", queue.name, page.id)
    company.publish()
    desk, who = company.agent(queue), company.person()
    company.say(page, "comment", who, "My invoice is wrong")
    where = desk.accept()
    desk.ask(where, "move-to-private", text="Which invoice?", announcement="We wrote to you in Messenger.")
    done = company.done(page, 2)
    assert [one["action"] for one in done] == ["private_answer", "reply"]
    psid = str(done[0]["recipient"])
    company.event(where, "HandleLinked")
    company.say(chat, "message", Person(psid, "", "Whoever"), "The one of May")
    company.messages(where, 1, direction="in", channel="messenger", text="The one of May")
    desk.ask(where, "replies", text="Thank you, it is corrected")
    company.until(lambda: _with(company.journal(page), 1, action="message"), "the answer in Messenger")
    assert company.interactions(chat) == []


def test_9_2_nothing_is_announced_unless_the_private_message_arrived(company: Company) -> None:
    queue = company.queue()
    page = company.account("facebook", queue.name)
    company.publish()
    desk = company.agent(queue)
    company.say(page, "comment", company.person())
    where = desk.accept()
    fault = {"kind": "551", "channel": "meta", "call": "private_answer"}
    answer = company.platform.post("/_simulator/faults", json=fault)
    assert answer.status_code == 200, answer.text
    desk.ask(where, "move-to-private", text="Which invoice?", announcement="We wrote to you in Messenger.")
    failed = company.messages(where, 2, direction="out", status="failed")
    assert {one["reason"] for one in failed} >= {"not_sent"}
    assert company.journal(page) == []


@pytest.mark.parametrize("channel", ["x", "facebook"])
def test_9_tip_announce_and_move_as_one_action_with_a_link(company: Company, channel: str) -> None:
    queue = company.queue()
    account = company.account(channel, queue.name)
    chat = account if channel == "x" else company.account("messenger", queue.name, account.id)
    company.publish()
    desk, who = company.agent(queue), company.person()
    _post(company, account, who)
    where = desk.accept()
    desk.ask(where, "move-to-private", announcement="Please write to us: {link}")
    (done,) = company.done(account)
    company.event(where, "MovedToPrivate")
    if channel == "x":
        assert f"https://x.com/messages/compose?recipient_id={account.id}" in done["text"]
        company.say(chat, "direct_message", who, "Here I am")
    else:
        address, _, ref = done["text"].removeprefix("Please write to us: ").partition("?ref=")
        assert address == f"https://m.me/{account.id}"
        company.say(chat, "message", Person(company.person().id, "", "Kim"), "Here I am", ref=ref)
    company.messages(where, 1, direction="in", visibility="private", text="Here I am")


# --- (10), (11): feedback, disposition ---


@pytest.mark.parametrize(
    ("channel", "engagement", "action"),
    [("x", "retweet", "retweet"), ("x", "like", "like"), ("x", "favourite", "like"), ("facebook", "like", "like")],
)
def test_10_the_agent_simply_retweets_likes_or_favourites(
    company: Company, channel: str, engagement: str, action: str
) -> None:
    queue = company.queue()
    account = company.account(channel, queue.name)
    company.publish()
    desk = company.agent(queue)
    item = _post(company, account, company.person())
    where = desk.accept()
    desk.ask(where, "engagements", engagement=engagement)
    (done,) = company.done(account)
    assert (done["action"], done["target"]) == (action, item)
    company.event(where, "Engaged")
    desk.ask(where, "disposition", code="no_answer_needed")
    assert company.interaction(account, "dispositioned")["messages_out"] == 0


def test_11_a_disposition_code_is_required_at_completion_and_stands_in_the_reports(company: Company) -> None:
    queue = company.queue()
    x = company.account("x", queue.name)
    company.publish()
    desk = company.agent(queue)
    company.say(x, "mention", company.person())
    where = desk.accept()
    refused = desk.tell(where, "disposition", code="whatever")
    assert (refused.status_code, refused.json()["code"]) == (404, "unknown_code")
    assert desk.tell(where, "disposition").status_code == 422
    desk.ask(where, "disposition", code="resolved")
    company.interaction(x, "dispositioned")
    reports = company.as_role("analyst")
    company.until(
        lambda: any(
            line.get("queue") == queue.name and line.get("disposition") == "resolved"
            for line in reports.get("/v1/reports/dispositions").json()
        ),
        "the code in the report",
    )


# --- (12) to (14): strategies ---


@pytest.mark.parametrize("channel", ["x", "facebook"])
def test_12_a_mention_is_answered_automatically(company: Company, channel: str) -> None:
    queue = company.queue()
    account = company.account(channel, queue.name)
    hello = company.notice("{handle} Thank you, we read it.", de="{handle} Danke, wir lesen es.")
    kind = "mention" if channel == "x" else "comment"
    company.filter(account, events=(kind,), action="answer", template=hello, then="close")
    company.publish()
    item = _post(company, account, company.person())
    (done,) = company.done(account)
    assert (done["action"], done["target"]) == ("reply", item)
    assert company.interaction(account, "dispositioned")["disposition"] == "answered"


def test_12_the_automatic_answer_is_retried_on_errors_and_then_handed_to_a_person(company: Company) -> None:
    queue = company.queue()
    x = company.account("x", queue.name)
    hello = company.notice("{handle} Thank you, we read it.")
    company.filter(x, events=("mention",), action="answer", template=hello, then="close")
    company.publish()
    _fail(company, "503", 2)
    company.say(x, "mention", company.person())
    where = company.interaction(x, "dispositioned")["interaction_id"]
    names = [one["event"] for one in company.events(where)]
    assert names.count("DeliveryRetried") == 2
    assert len(company.journal(x)) == 1

    desk = company.agent(queue)
    _fail(company, "403", 1)
    company.say(x, "mention", company.person())
    given = desk.accept()
    assert company.event(given, "Queued")["facts"]["why"] == "not_answered"
    assert len(company.journal(x)) == 1


def _fail(company: Company, kind: str, times: int) -> None:
    answer = company.platform.post("/_simulator/faults", json={"kind": kind, "times": times, "channel": "x"})
    assert answer.status_code == 200, answer.text


def test_13_a_direct_message_is_routed_to_its_agent_group(company: Company) -> None:
    public = company.queue()
    private = company.queue(pool=public.pool, group="confidential")
    x = company.account("x", public.name, private_queue=private.name)
    company.publish()
    company.agent(public, groups=[])
    member = company.agent(private)
    company.say(x, "direct_message", company.person(), "Between us")
    where = member.accept()
    assert company.detail(where)["agent_group"] == "confidential"
    member.ask(where, "replies", text="Of course")
    assert [one["action"] for one in company.done(x)] == ["message"]


def test_14_a_positive_tweet_is_retweeted_automatically_and_closed(company: Company) -> None:
    queue = company.queue()
    x = company.account("x", queue.name)
    company.filter(
        x, sentiment="positive", threshold=60, action="engage", engagement="retweet", mode="automatic", then="close"
    )
    company.publish()
    item = company.say(x, "mention", company.person(), "Best service ever, I love you all, thank you so much!")
    (done,) = company.done(x)
    assert (done["action"], done["target"]) == ("retweet", item)
    found = company.interaction(x, "dispositioned")
    assert found["disposition"] == "engaged"
    assert company.event(found["interaction_id"], "MessageReceived")["facts"]["sentiment"] >= 0.6
    company.say(x, "mention", company.person(), "This is terrible")
    company.until(lambda: len(company.interactions(x, state="queued")) == 1, "what is not positive goes to a person")


def test_14_a_positive_post_is_liked_automatically_and_routed(company: Company) -> None:
    queue = company.queue()
    page = company.account("facebook", queue.name)
    company.filter(
        page, sentiment="positive", threshold=60, action="engage", engagement="like", mode="automatic", then="route"
    )
    company.publish()
    desk = company.agent(queue)
    item = company.say(page, "comment", company.person(), "I love it, wonderful, thank you!")
    (done,) = company.done(page)
    assert (done["action"], done["target"]) == ("like", item)
    desk.accept()


def test_14_by_default_a_like_is_suggested_to_the_agent(company: Company) -> None:
    queue = company.queue()
    x = company.account("x", queue.name)
    company.filter(x, sentiment="positive", threshold=60, action="engage", engagement="like")
    company.publish()
    desk = company.agent(queue)
    company.say(x, "mention", company.person(), "I love it, wonderful, thank you!")
    where = desk.accept()
    assert company.detail(where)["suggested"] == "like"
    assert company.journal(x) == []
