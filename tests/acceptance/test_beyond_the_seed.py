"""What users of such systems ask for most, beyond the seed: who gets what, when, and who may change it.

Over HTTP on the running system. What else lies beyond the seed: test_automatic_answers.py, test_on_the_platforms.py.
"""

import time
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime, timedelta
from typing import Any

import pytest
from msgspec.structs import replace

from engine.policy.document import Account, Queue
from tests.acceptance.company import Company, Desk, Json, Person

pytestmark = pytest.mark.timeout(180)


def desk_on_x(company: Company, **changes: Any) -> tuple[Queue, Account, Desk]:
    """A queue with an account on X, in force, and an agent who is there."""
    queue = company.queue(**changes)
    x = company.account("x", queue.name)
    company.publish()
    return queue, x, company.agent(queue)


def held(company: Company, desk: Desk, account: Account, kind: str = "mention", who: Person | None = None) -> str:
    """An interaction that the agent has accepted."""
    company.say(account, kind, who or company.person())
    return desk.accept()


def waiting(company: Company, account: Account, who: Person, text: str, count: int) -> str:
    """Somebody writes, and is the last of `count` who wait."""
    item = company.say(account, "mention", who, text)

    def last() -> str | None:
        listed = company.interactions(account, state="queued")
        return str(listed[-1]["interaction_id"]) if len(listed) == count else None

    where = company.until(last, f"{count} that wait")
    assert company.detail(where)["messages"][0]["item_id"] == item
    return where


# --- offers ---


def test_an_offer_that_is_not_accepted_in_time_goes_to_somebody_else(company: Company) -> None:
    with company.setting(accept_within="1s"):
        queue, x, first = desk_on_x(company)
        company.say(x, "mention", company.person())
        where = company.interaction(x)["interaction_id"]
        back = company.event(where, "QueuedAgain")
    assert (back["facts"]["why"], back["facts"]["agent_id"]) == ("expired", first.name)
    company.until(lambda: company.detail(where)["state"] == "queued", "who let it pass gets it no second time")
    second = company.agent(queue)
    assert second.accept() == where
    assert first.tell(where, "accept").json()["code"] == "not_offered"


def test_a_declined_offer_goes_to_another_agent(company: Company) -> None:
    queue, x, first = desk_on_x(company)
    company.say(x, "mention", company.person())
    where = first.offer()
    second = company.agent(queue)
    first.ask(where, "decline")
    assert second.accept() == where


def test_a_queue_drains_by_priority_and_the_oldest_first(company: Company) -> None:
    queue = company.queue()
    x = company.account("x", queue.name)
    company.filter(x, any=("fire",), priority=5)
    company.publish()
    desk = company.agent(queue, ready=False, capacity=1)
    texts = ("the oldest", "the middle one", "there is a fire", "the youngest")
    oldest, middle, fire, youngest = (
        waiting(company, x, company.person(), text, count) for count, text in enumerate(texts, start=1)
    )
    desk.state("ready")
    served = []
    for _ in texts:
        served.append(desk.accept())
        desk.ask(served[-1], "disposition", code="resolved")
    assert served == [fire, oldest, middle, youngest]


def test_an_agents_capacity_is_taken_by_channel_weight(company: Company) -> None:
    queue = company.queue()
    x, chat = company.account("x", queue.name), company.account("messenger", queue.name)
    with company.setting(weights={"messenger": 2}):
        company.publish()
        desk = company.agent(queue, ready=False, capacity=3)
        company.say(chat, "message", company.person())
        heavy = company.interaction(chat, "queued")["interaction_id"]
        light, last = (waiting(company, x, company.person(), "Hello", count) for count in (1, 2))
        desk.state("ready")
        company.until(lambda: len(desk.offers()) == 2, "as much as there is room for")
        assert {one["interaction_id"] for one in desk.offers()} == {heavy, light}
        for where in (heavy, light):
            desk.ask(where, "accept")
        assert company.detail(last)["state"] == "queued"
        desk.ask(heavy, "disposition", code="resolved")
        assert desk.accept() == last


def test_after_a_wait_fewer_skills_are_enough(company: Company) -> None:
    queue = company.queue(skills=("dutch", "billing"), relax_after="1s", relaxed_skills=("dutch",))
    x = company.account("x", queue.name)
    company.publish()
    stranger, near = company.agent(queue, skills=[]), company.agent(queue, skills=["dutch"])
    company.say(x, "mention", company.person())
    where = near.accept()
    assert at(company.event(where, "Assigned")) >= company.event(where, "Queued")["facts"]["relax_at"]
    assert stranger.offers() == []


def at(step: Json) -> int:
    """When something happened, in milliseconds."""
    return round(datetime.fromisoformat(step["at"]).timestamp() * 1000)


# --- the agent who knows the customer ---


def rivals(company: Company, **changes: Any) -> tuple[Account, Desk, Desk, Person]:
    """An account on X; who served somebody there last, busier by now than another agent; and that somebody."""
    queue, x, known = desk_on_x(company, **changes)
    who = company.person()
    where = held(company, known, x, who=who)
    known.ask(where, "replies", text=f"We look into it, {who.name}")
    company.messages(where, 1, kind="reply", status="posted")
    known.ask(where, "disposition", code="resolved")
    held(company, known, x)
    return x, known, company.agent(queue), who


def test_the_last_agent_is_asked_first_in_public_and_in_private_on_x(company: Company) -> None:
    x, known, other, who = rivals(company, prefer_last_agent_for="1h")
    company.say(x, "direct_message", who, "It is me again")
    where = known.accept()
    assert company.event(where, "Queued")["facts"]["preferred"] == known.name
    assert other.offers() == []


def test_the_last_agent_is_asked_first_on_facebook_and_in_messenger(company: Company) -> None:
    queue = company.queue(prefer_last_agent_for="1h")
    page = company.account("facebook", queue.name)
    chat = company.account("messenger", queue.name, page.id)
    company.publish()
    known, who = company.agent(queue), company.person()
    where = held(company, known, page, "comment", who)
    known.ask(where, "replies", text="Which bill is it?", visibility="private")
    psid = str(company.done(page)[0]["recipient"])
    company.event(where, "HandleLinked")
    known.ask(where, "disposition", code="resolved")
    held(company, known, page, "comment")
    other = company.agent(queue)
    company.say(chat, "message", Person(psid, "", ""), "The one of May")
    assert company.detail(known.accept())["channel"] == "messenger"
    assert other.offers() == []


def test_a_last_agent_who_is_offline_is_not_waited_for(company: Company) -> None:
    x, known, other, who = rivals(company, prefer_last_agent_for="1h", prefer_wait="1h")
    known.state("offline")
    company.say(x, "mention", who, "It is me again")
    where = other.accept()
    assert company.event(where, "Queued")["facts"]["preferred"] == known.name


def test_a_last_agent_without_room_is_waited_for_a_limited_time(company: Company) -> None:
    x, known, other, who = rivals(company, prefer_last_agent_for="1h", prefer_wait="1s")
    full = company.as_role("supervisor").put(f"/v1/pools/{known.pool}/agents/{known.name}", json={"capacity": 1})
    assert full.status_code == 200, full.text
    company.say(x, "mention", who, "It is me again")
    where = other.accept()
    queued = company.event(where, "Queued")["facts"]
    assert queued["preferred"] == known.name
    assert at(company.event(where, "Assigned")) >= queued["preferred_until"]


def test_who_served_the_contact_long_ago_is_not_asked_first(company: Company) -> None:
    x, _, other, who = rivals(company, prefer_last_agent_for="1s")
    later = time.time() + 1
    company.until(lambda: time.time() > later, "a second has gone by")
    company.say(x, "mention", who, "It is me again")
    assert company.event(other.accept(), "Queued")["facts"]["preferred"] is None


# --- targets ---


def test_a_queues_target_stands_at_the_interaction_and_in_the_reports(company: Company) -> None:
    queue, x, desk = desk_on_x(company, answer_within="1h")
    where = held(company, desk, x)
    found = company.detail(where)
    sent = datetime.fromisoformat(found["messages"][0]["sent_at"])
    assert datetime.fromisoformat(found["answer_by"]) == sent + timedelta(hours=1)
    desk.ask(where, "replies", text="Here we are")
    strict = company.queue(answer_within="1s")
    late = company.account("x", strict.name)
    company.publish()
    company.say(late, "mention", company.person())
    company.until(lambda: levels(company, queue) == (1, 0, 1.0), "answered in target")
    company.until(lambda: levels(company, strict) == (0, 1, 0.0), "not answered in target")


def levels(company: Company, queue: Queue) -> tuple[int, int, float] | None:
    """How many of a queue were answered in target, and how many not; the service level."""
    lines = company.as_role("analyst").get("/v1/reports/interactions").json()
    found = [(one["target_met"], one["target_missed"], one["service_level"]) for one in lines]
    return next((each for each, one in zip(found, lines, strict=True) if one["queue"] == queue.name), None)


# --- transfer ---


@pytest.mark.parametrize("to", ["to_queue", "to_group", "to_agent"])
def test_an_interaction_is_transferred_with_a_note(company: Company, to: str) -> None:
    queue, x, first = desk_on_x(company)
    second_line = company.queue(pool=queue.pool, skills=("billing",))
    company.publish()
    bystander = company.agent(queue)
    expert = company.agent(queue, skills=["billing"], groups=["experts"], ready=False)
    company.say(x, "mention", company.person())
    where = company.until(lambda: first.offers() or bystander.offers(), "an offer")[0]["interaction_id"]
    giver = first if first.offers() else bystander
    giver.ask(where, "accept")
    target = {"to_queue": second_line.name, "to_group": "experts", "to_agent": expert.name}[to]
    giver.ask(where, "transfer", **{to: target}, note="She called twice 🙏")
    assert giver.tell(where, "replies", text="One more thing").status_code == 409
    expert.state("ready")
    assert expert.accept() == where
    (note,) = company.messages(where, 1, kind="note")
    assert (note["text"], note["author"], note["direction"]) == ("She called twice 🙏", giver.name, "internal")
    assert (first.offers(), bystander.offers(), company.journal(x)) == ([], [], [])


def test_an_interaction_is_transferred_to_something_that_is_there_only(company: Company) -> None:
    _, x, desk = desk_on_x(company)
    where = held(company, desk, x)
    refused = desk.tell(where, "transfer", to_queue="no such queue")
    assert (refused.status_code, refused.json()["code"]) == (404, "unknown_queue")
    assert company.detail(where)["agent_id"] == desk.name


# --- two at once, and once again ---


def test_of_two_who_answer_at_once_the_second_is_caught(company: Company) -> None:
    _, x, desk = desk_on_x(company)
    where = held(company, desk, x)
    seen = company.until(lambda: etag(desk, where), "the interaction is accepted")

    def answer(client: int) -> int:
        colleague = (desk.http, company.as_role("supervisor"))[client]
        body = {"text": f"Answer {client}", "agent": desk.name}
        return colleague.post(f"/v1/interactions/{where}/replies", json=body, headers={"If-Match": seen}).status_code

    with ThreadPoolExecutor(2) as both:
        assert sorted(both.map(answer, range(2))) == [200, 412]
    company.messages(where, 1, kind="reply", status="posted")
    assert len(company.journal(x)) == 1


def test_an_answer_to_what_has_moved_on_is_refused(company: Company) -> None:
    _, x, desk = desk_on_x(company)
    who = company.person()
    where = held(company, desk, x, who=who)
    seen = company.until(lambda: etag(desk, where), "the interaction is accepted")
    item = company.detail(where)["messages"][0]["item_id"]
    company.say(x, "reply", who, "I have found it", in_reply_to=item)
    company.messages(where, 2)
    refused = desk.tell(where, "replies", headers={"If-Match": seen}, text="Have you looked under the table?")
    assert (refused.status_code, refused.json()["code"]) == (412, "moved_on")
    assert company.journal(x) == []


def etag(desk: Desk, where: str) -> str | None:
    """What an agent's screen knows of an interaction, once it shows that it is accepted."""
    answer = desk.http.get(f"/v1/interactions/{where}")
    return answer.headers["ETag"] if answer.json()["accepted"] else None


def test_a_repeat_under_the_same_idempotency_key_does_nothing_twice(company: Company) -> None:
    _, x, desk = desk_on_x(company)
    where = held(company, desk, x)
    key = {"Idempotency-Key": f"window-1-{where}"}
    answers = [desk.tell(where, "replies", headers=key, text="We are on it").json() for _ in range(3)]
    assert [one["outcome"] for one in answers] == ["accepted", "duplicate", "duplicate"]
    assert len({one["command_id"] for one in answers}) == 1
    other = desk.tell(where, "replies", headers=key, text="Something else")
    assert (other.status_code, other.json()["code"]) == (422, "key_reused")
    company.messages(where, 1, kind="reply", status="posted")
    assert [one["text"] for one in company.journal(x)] == ["We are on it"]


# --- a new policy ---


def test_a_new_policy_is_taken_without_a_restart_and_each_step_records_which_decided(company: Company) -> None:
    queue = company.queue()
    closed = company.account("x", queue.name, hours="off")
    before = company.publish()
    desk = company.agent(queue)
    company.say(closed, "mention", company.person())
    where = company.interaction(closed, "out_of_hours")["interaction_id"]
    assert {step["policy_version"] for step in company.events(where)} == {before}
    place = company.parts.accounts.index(closed)
    company.parts.accounts[place] = replace(closed, hours="24/7")
    with company.setting(dispositions=("sold", "resolved", "no_answer_needed")):
        after = company.publish()
        assert desk.accept() == where
        desk.ask(where, "disposition", code="sold")
        company.interaction(closed, "dispositioned")
    versions = [step["policy_version"] for step in company.events(where)]
    assert versions == sorted(versions)
    assert (versions[0], versions[-1]) == (before, after)
    assert after == before + 1
