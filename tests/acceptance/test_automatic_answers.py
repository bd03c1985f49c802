"""What bounds automatic answers, beyond the seed: one a message, so many a contact and day, none to whoever wants none.

Over HTTP on the running system.
"""

from typing import Any

import pytest

from engine.policy.document import Account, Queue
from tests.acceptance.company import Company, Json, Person, said

pytestmark = pytest.mark.timeout(180)

CAP = 3
"""automatic_per_day of the policy: its default."""
KINDS = {"x": "mention", "facebook": "comment", "messenger": "message"}


def answering(company: Company, channel: str, **changes: Any) -> tuple[Queue, Account]:
    """An account that answers everything automatically, which ends it; not yet in force."""
    queue = company.queue()
    account = company.account(channel, queue.name, **changes)
    hello = company.notice("{handle} Thank you, we read it.")
    company.filter(account, events=(KINDS[channel],), action="answer", template=hello, then="close")
    return queue, account


def withheld(company: Company, where: str) -> tuple[str, str]:
    """What was not sent automatically, and why."""
    facts = company.event(where, "AutomaticWithheld")["facts"]
    return facts["what"], facts["why"]


def contact_of(company: Company, who: Person) -> Json:
    """The contact of somebody with all that was said, once it is known."""
    agents = company.as_role("agent")

    def found() -> str | None:
        listed = agents.get("/v1/contacts", params={"q": who.id}).json()["contacts"]
        return listed[0]["contact_id"] if listed else None

    whole: Json = agents.get(f"/v1/contacts/{company.until(found, 'the contact')}").json()
    return whole


@pytest.mark.parametrize("channel", ["x", "facebook", "messenger"])
def test_a_message_gets_one_automatic_answer_and_the_notice_comes_first(company: Company, channel: str) -> None:
    closed = company.notice("{handle} We are closed.")
    _, account = answering(company, channel, hours="off", notices={"closed": closed})
    company.publish()
    company.say(account, KINDS[channel], company.person())
    where = company.interaction(account, "out_of_hours")["interaction_id"]
    (done,) = company.done(account)
    assert done["text"].endswith("We are closed.")
    assert withheld(company, where) == ("answer", "notice_sent")
    company.messages(where, 1, kind="notice", status="posted")
    assert len(company.journal(account)) == 1


def test_a_contact_gets_so_many_automatic_answers_a_day_over_all_kinds(company: Company) -> None:
    outage = company.notice("There is an outage.")
    queue, page = answering(company, "facebook", notices={"emergency": outage})
    company.publish()
    who, desk = company.person(), company.agent(queue)
    company.emergency(page, on=True)
    company.say(page, "comment", who, "The first")
    company.done(page, 1)
    company.emergency(page, on=False)
    desk.ask(desk.accept(), "disposition", code="resolved")
    for count in range(2, CAP + 1):
        company.say(page, "comment", who, f"Number {count}")
        company.done(page, count)
    company.say(page, "comment", who, "One too many")
    where = desk.accept()
    assert withheld(company, where) == ("answer", "daily_cap")
    assert [one["text"] for one in company.journal(page)] == ["There is an outage."] + ["Thank you, we read it."] * 2
    stranger = company.person()
    company.say(page, "comment", stranger)
    assert len(company.done(page, CAP + 1)) == CAP + 1, "another contact has a day of its own"


def test_on_x_an_interaction_gets_one_automatic_answer(company: Company) -> None:
    outage = company.notice("{handle} There is an outage.")
    queue = company.queue()
    x = company.account("x", queue.name, notices={"emergency": outage})
    hello = company.notice("{handle} Thank you, a person will answer.")
    company.filter(x, events=("mention",), action="answer", template=hello)
    company.publish()
    who, desk = company.person(), company.agent(queue)
    item = company.say(x, "mention", who)
    (done,) = company.done(x)
    where = desk.accept()
    desk.ask(where, "replies", text="Here I am")
    company.messages(where, 1, kind="reply", status="posted")
    company.emergency(x, on=True)
    company.say(x, "reply", who, "And now?", in_reply_to=item)
    assert company.event(where, "OutOfHours")["facts"]["notice"] == "once_per_interaction"
    assert [one["text"] for one in company.journal(x)] == [done["text"], "Here I am"]
    company.emergency(x, on=False)


def test_our_accounts_and_retweets_get_no_automatic_answer_so_two_of_ours_never_loop(company: Company) -> None:
    _, one = answering(company, "x")
    _, other = answering(company, "x")
    company.publish()
    item = company.say(one, "mention", company.person())
    answer = company.done(one)[0]["item_id"]
    ours = [
        said(one, "mention", Person(other.id, other.handle, ""), f"@{one.handle} @{other.handle} hello"),
        said(other, "mention", Person(one.id, one.handle, ""), f"@{other.handle} hello"),
        said(other, "reply", Person(one.id, one.handle, ""), "And again", in_reply_to=item),
        said(one, "retweet", company.person(), in_reply_to=answer),
        said(one, "like", company.person(), in_reply_to=answer),
    ]
    for each in ours:
        told = company.simulate("customers/say", each)["answer"]
        assert told["dead_letters"] == 0
        assert told["ignored"] == 1 or told["commands"] == 1
    # The account's own answer to the customer is noted where the customer's are; the rest is nobody's matter.
    where = company.interaction(one)["interaction_id"]
    company.messages(where, 1, kind="own_post")
    assert (len(company.journal(one)), company.journal(other), company.interactions(other)) == (1, [], [])


@pytest.mark.parametrize("channel", ["facebook", "messenger"])
def test_a_machine_that_answers_every_automatic_answer_comes_to_an_end(company: Company, channel: str) -> None:
    queue, account = answering(company, channel)
    company.publish()
    machine, rounds = company.person(), CAP + 3
    company.say(account, KINDS[channel], machine, "I am a machine")
    for count in range(2, rounds + 1):
        answer = company.done(account, min(count - 1, CAP))[-1]["item_id"]
        company.say(account, KINDS[channel], machine, f"I answer everything, {count}", in_reply_to=answer)
    spoken = company.until(lambda: _whole(contact_of(company, machine), rounds), f"{rounds} messages of the machine")
    assert sum(one["direction"] == "out" for one in spoken) == CAP
    assert len(company.journal(account)) == CAP
    company.agent(queue).accept()  # from there on it is a person's matter


def _whole(contact: Json, count: int) -> list[Json] | None:
    """All messages, once so many came in and nothing is on its way out."""
    listed: list[Json] = contact["messages"]
    came = sum(one["direction"] == "in" for one in listed)
    return listed if came == count and all(one["status"] != "pending" for one in listed) else None


@pytest.mark.parametrize("word", ["STOP", "Unsubscribe!", "opt out"])
def test_who_opts_out_gets_no_automatic_answer_from_then_on(company: Company, word: str) -> None:
    queue, x = answering(company, "x")
    company.publish()
    who, desk = company.person(), company.agent(queue)
    company.say(x, "mention", who)
    company.interaction(x, "dispositioned")
    company.say(x, "mention", who, f"@{x.handle} {word}")
    company.until(lambda: contact_of(company, who)["opted_out"], "the wish is heard")
    company.say(x, "mention", who, "But where is my order?")
    assert withheld(company, desk.accept()) == ("answer", "opted_out")
    assert len(company.journal(x)) == 1


def test_what_a_blocked_contact_writes_is_kept_and_goes_to_nobody_until_unblocked(company: Company) -> None:
    queue = company.queue()
    x = company.account("x", queue.name)
    company.publish()
    who, desk = company.person(), company.agent(queue)
    company.say(x, "mention", who, "Rude")
    desk.ask(desk.accept(), "disposition", code="no_answer_needed")
    path = f"/v1/contacts/{contact_of(company, who)['contact_id']}/block"
    assert desk.http.put(path).status_code == 403, "an agent may not"
    assert company.as_role("supervisor").put(path).status_code == 200
    company.say(x, "mention", who, "Ruder still")
    blocked = company.until(
        lambda: company.interactions(x, state="dispositioned")[1:], "what was kept of the blocked contact"
    )[0]
    received = company.event(blocked["interaction_id"], "MessageReceived")
    assert (received["facts"]["filter"], received["text"]) == ("~blocked", "Ruder still")
    assert blocked["disposition"] == "filtered_out"
    assert desk.offers() == []
    assert company.as_role("supervisor").delete(path).status_code == 200
    company.say(x, "mention", who, "I am sorry")
    assert company.detail(desk.accept())["messages"][0]["text"] == "I am sorry"


@pytest.mark.parametrize("channel", ["x", "messenger"])
def test_a_notice_speaks_the_language_that_an_agent_set(company: Company, channel: str) -> None:
    queue = company.queue()
    outage = company.notice("{handle} There is an outage.", de="{handle} Es gibt eine Störung.")
    account = company.account(channel, queue.name, notices={"emergency": outage})
    company.publish()
    who, desk = company.person(), company.agent(queue)
    company.say(account, KINDS[channel], who)
    where = desk.accept()
    contact = contact_of(company, who)["contact_id"]
    answer = desk.http.put(f"/v1/contacts/{contact}/language", json={"language": "de"})
    assert answer.status_code == 200, answer.text
    desk.ask(where, "disposition", code="resolved")
    company.emergency(account, on=True)
    company.say(account, KINDS[channel], who, "Is something wrong?")
    (done,) = company.done(account)
    assert done["text"].endswith("Es gibt eine Störung.")
    company.emergency(account, on=False)
