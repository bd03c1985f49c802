"""The seed's use case for Facebook Messenger, line by line, over HTTP on the running system."""

import json
import threading
from datetime import UTC, datetime
from typing import Any

import pytest

from engine.policy.document import Account, Queue, SpecialDay
from tests.acceptance.company import Company

pytestmark = pytest.mark.timeout(180)


def chat(company: Company, queue: Queue | None = None, **changes: Any) -> tuple[Queue, Account]:
    """A Messenger account and its queue, in force."""
    queue = queue or company.queue()
    account = company.account("messenger", queue.name, **changes)
    company.publish()
    return queue, account


def test_1_a_message_arrives_also_after_an_agents_invitation(company: Company) -> None:
    queue = company.queue()
    page = company.account("facebook", queue.name)
    messenger = company.account("messenger", queue.name, page.id)
    company.publish()
    company.say(messenger, "message", company.person(), "Hello, is anybody there?")
    desk, commenter = company.agent(queue), company.person()
    first = desk.accept()
    assert company.detail(first)["event"] == "message"
    desk.ask(first, "disposition", code="resolved")

    company.say(page, "comment", commenter, "My bill is wrong")
    where = desk.accept()
    desk.ask(where, "move-to-private", announcement="Please write to us: {link}")
    company.event(where, "MovedToPrivate")
    ref = company.done(page)[0]["text"].partition("?ref=")[2]
    psid = company.person()
    company.say(messenger, "referral", psid, "", ref=ref)
    company.event(where, "HandleLinked")
    company.say(messenger, "message", psid, "It is about May")
    company.messages(where, 1, direction="in", channel="messenger", text="It is about May")


def test_2_the_message_is_stored_with_the_customers_contact(company: Company) -> None:
    queue, account = chat(company)
    who, desk = company.person(), company.agent(queue)
    company.say(account, "message", who, "First")
    where = desk.accept()
    desk.ask(where, "disposition", code="resolved")
    company.say(account, "message", who, "", attachments=[{"kind": "image", "url": "https://cdn.test/1.jpg"}])
    again = desk.accept()
    assert again != where
    contact = company.detail(again)["contact_id"]
    assert company.detail(where)["contact_id"] == contact
    history = company.as_role("agent").get(f"/v1/contacts/{contact}").json()["messages"]
    assert [one["text"] for one in history if one["direction"] == "in"] == ["First", ""]
    assert history[-1]["attachments"][0]["kind"] == "image"


def test_3_a_special_day_message_is_sent_via_messenger(company: Company) -> None:
    name = company.notice("Today we celebrate. We answer tomorrow.")
    day = SpecialDay(date=datetime.now(UTC).date().isoformat(), name="Founders' day")
    _, account = chat(company, special_days=(day,), notices={"special_day": name})
    assert _notice(company, account) == ("message", "Today we celebrate. We answer tomorrow.")


def test_4_a_closed_hours_message_is_sent_via_messenger(company: Company) -> None:
    name = company.notice("We are closed.", de="Wir haben geschlossen.")
    _, account = chat(company, hours="off", language="de", notices={"closed": name})
    assert _notice(company, account) == ("message", "Wir haben geschlossen.")


def test_5_an_emergency_message_is_sent_via_messenger_once_activated(company: Company) -> None:
    name = company.notice("There is an outage.")
    _, account = chat(company, notices={"emergency": name})
    company.emergency(account, on=True)
    assert _notice(company, account) == ("message", "There is an outage.")
    company.emergency(account, on=False)
    company.interaction(account, "queued")


def _notice(company: Company, account: Account) -> tuple[str, str]:
    who = company.person()
    company.say(account, "message", who)
    (done,) = company.done(account)
    assert done["recipient"] == who.id
    company.interaction(account, "out_of_hours")
    return done["action"], done["text"]


def test_6_an_agent_with_the_right_skills_is_sought_and_it_is_queued_until_one_is_there(company: Company) -> None:
    queue, account = chat(company, company.queue(skills=("chat",)))
    company.agent(queue, skills=[])
    company.say(account, "message", company.person())
    company.interaction(account, "queued")
    desk = company.agent(queue)
    desk.accept()
    company.interaction(account, "assigned")


def test_7_a_chat_session_is_live_in_both_directions_and_closes_with_the_disposition(company: Company) -> None:
    queue, account = chat(company)
    who, desk = company.person(), company.agent(queue)
    company.say(account, "message", who, "Hello")
    where = desk.accept()
    company.event(where, "SessionOpened")
    seen: list[dict[str, Any]] = []
    ended = threading.Event()

    def listen() -> None:
        with desk.http.stream("GET", f"/v1/interactions/{where}/live", timeout=60) as stream:
            for line in stream.iter_lines():
                if line.startswith("data:"):
                    seen.append(json.loads(line.removeprefix("data:")))
        ended.set()

    listener = threading.Thread(target=listen, daemon=True)
    listener.start()
    desk.ask(where, "replies", text="Good day")
    company.done(account)
    company.say(account, "message", who, "My phone is dead")
    company.until(lambda: "Good day" in str(seen) and "My phone is dead" in str(seen), "both directions")
    desk.ask(where, "disposition", code="resolved")
    assert ended.wait(20), "the stream ends with the session"
    assert company.event(where, "SessionClosed")["facts"]["why"] == "dispositioned"


def test_7_a_session_closes_when_nobody_writes_any_more(company: Company) -> None:
    company.parts.settings["session_idle"] = "1s"
    try:
        queue, account = chat(company)
        desk = company.agent(queue)
        company.say(account, "message", company.person())
        where = desk.accept()
        assert company.event(where, "SessionClosed")["facts"]["why"] == "inactive"
    finally:
        del company.parts.settings["session_idle"]
        company.publish()


def test_8_the_agent_sets_a_disposition_code(company: Company) -> None:
    queue, account = chat(company)
    desk = company.agent(queue)
    company.say(account, "message", company.person())
    where = desk.accept()
    desk.ask(where, "disposition", code="no_answer_needed")
    assert company.interaction(account, "dispositioned")["disposition"] == "no_answer_needed"
