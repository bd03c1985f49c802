"""What customers and colleagues do on the platforms themselves, beyond the seed: pictures, nameless comments, edits,
deletions, answers from the company's own inbox; and what agents do there beside answering.

Over HTTP on the running system.
"""

import pytest

from engine.policy.document import Account
from tests.acceptance.company import Company, Desk, Json, Person

pytestmark = pytest.mark.timeout(180)

ERASED = "[erased]"


def opened(company: Company, channel: str, *, ready: bool = True) -> tuple[Account, Desk]:
    """An account in force, and an agent."""
    queue = company.queue()
    account = company.account(channel, queue.name)
    company.publish()
    return account, company.agent(queue, ready=ready)


def everywhere(company: Company, where: str) -> str:
    """All that is told of an interaction: to its agent, of its contact, to an auditor."""
    detail = company.detail(where)
    contact = company.as_role("supervisor").get(f"/v1/contacts/{detail['contact_id']}")
    trace = company.as_role("auditor").get(f"/v1/trace/{where}")
    return str([detail, contact.json(), trace.json()])


# --- what arrives ---


@pytest.mark.parametrize(
    ("channel", "kind"),
    [("x", "direct_message"), ("facebook", "comment"), ("facebook", "post"), ("messenger", "message")],
)
def test_a_message_of_a_picture_alone_is_routed_and_the_picture_shown(
    company: Company, channel: str, kind: str
) -> None:
    account, desk = opened(company, channel)
    picture = {"kind": "image", "url": "https://cdn.test/broken.jpg"}
    company.say(account, kind, company.person(), "", attachments=[picture])
    (message,) = company.detail(desk.accept())["messages"]
    assert (message["text"], message["attachments"]) == ("", [picture])


def test_nameless_comments_of_a_thread_are_one_contacts_and_can_be_answered(company: Company) -> None:
    page, desk = opened(company, "facebook")
    first = company.say(page, "comment", None, "Nobody answers me")
    where = desk.accept()
    second = company.say(page, "comment", None, "Me neither", thread=first)
    listed = company.messages(where, 2, direction="in")
    assert [(one["item_id"], one["text"]) for one in listed] == [(first, "Nobody answers me"), (second, "Me neither")]
    desk.ask(where, "replies", text="We do now")
    assert company.done(page)[0]["target"] == second

    company.say(page, "comment", None, "In another thread")
    other = desk.accept()
    assert company.detail(other)["contact_id"] != company.detail(where)["contact_id"]


# --- what customers change and delete ---


@pytest.mark.parametrize(("channel", "kind"), [("facebook", "comment"), ("messenger", "message")])
def test_what_a_customer_edits_takes_the_place_of_the_words_before(company: Company, channel: str, kind: str) -> None:
    account, desk = opened(company, channel)
    item = company.say(account, kind, company.person(), "My password is secret1")
    where = desk.accept()
    company.simulate("customers/edit", {"channel": channel, "item_id": item, "text": "My password is lost"})
    (message,) = company.messages(where, 1, text="My password is lost")
    assert message["edited_at"] is not None
    assert "secret1" not in everywhere(company, where)
    assert company.detail(where)["state"] == "assigned"


DELETIONS: list[tuple[str, str, Json]] = [
    ("x", "mention", {}),
    ("facebook", "comment", {}),
    ("facebook", "post", {}),
    ("facebook", "comment", {"anonymous": True}),
    ("messenger", "message", {}),
]
"""The last of Facebook's is told without whose it was."""


@pytest.mark.parametrize(("channel", "kind", "how"), DELETIONS)
def test_what_a_customer_deletes_is_forgotten_and_waits_no_more(
    company: Company, channel: str, kind: str, how: Json
) -> None:
    account, desk = opened(company, channel)
    item = company.say(account, kind, company.person(), "My number is 0170 55")
    where = desk.offer()
    company.simulate("customers/delete", {"channel": channel, "item_id": item, **how})
    (message,) = company.messages(where, 1, status="deleted")
    assert message["text"] == ERASED
    company.until(lambda: company.detail(where)["disposition"] == "withdrawn", "nobody is asked to answer it")
    company.until(lambda: desk.offers() == [], "the offer is taken back")
    assert "0170 55" not in everywhere(company, where)


def test_a_message_deleted_while_an_agent_works_on_it_stays_theirs(company: Company) -> None:
    x, desk = opened(company, "x")
    item = company.say(x, "mention", company.person(), "Oops")
    where = desk.accept()
    company.simulate("customers/delete", {"channel": "x", "item_id": item})
    company.messages(where, 1, status="deleted")
    refused = desk.tell(where, "replies", text="What was it?")
    assert (refused.status_code, refused.json()["code"]) == (409, "deleted_item")
    desk.ask(where, "disposition", code="no_answer_needed")


# --- what the company does on the platform itself ---


@pytest.mark.parametrize(
    ("channel", "asked", "answered"), [("x", "mention", "reply"), ("facebook", "comment", "comment")]
)
def test_an_answer_written_on_the_platform_itself_takes_the_offer_back(
    company: Company, channel: str, asked: str, answered: str
) -> None:
    account, desk = opened(company, channel)
    item = company.say(account, asked, company.person())
    where = desk.offer()
    company.say(account, answered, Person(account.id, account.handle, "The page"), "Done!", in_reply_to=item)
    company.until(lambda: desk.offers() == [], "the offer is taken back")
    (own,) = company.messages(where, 1, kind="own_post")
    assert (own["text"], own["direction"], own["status"]) == ("Done!", "out", "posted")
    assert company.detail(where)["state"] == "replied"
    assert company.event(where, "RepliedElsewhere")["facts"]["first_response"]
    assert desk.tell(where, "accept").status_code == 409


@pytest.mark.parametrize(
    ("channel", "kind", "again"),
    [("x", "mention", "reply"), ("facebook", "comment", "comment"), ("messenger", "message", "message")],
)
def test_our_own_answer_that_comes_back_by_webhook_is_one_answer(
    company: Company, channel: str, kind: str, again: str
) -> None:
    account, desk = opened(company, channel)
    who = company.person()
    company.say(account, kind, who)
    where = desk.accept()
    text = "Tom & you: see https://example.com/a?b=1&c=2 <here> 👍"
    desk.ask(where, "replies", text=text)
    (posted,) = company.messages(where, 1, kind="reply", status="posted")
    company.until(lambda: _pending(company) == 0, "the webhooks are delivered")
    company.say(account, again, who, "I see it", in_reply_to=posted["item_id"])
    company.messages(where, 2, direction="in")
    texts = [one["text"] for one in company.detail(where)["messages"]]
    assert sorted(texts) == sorted(["My phone is dead", text, "I see it"])  # Facebook tells times in whole seconds
    assert posted["item_id"] == company.journal(account)[0]["item_id"]


def test_a_direct_message_written_in_xs_own_inbox_takes_the_offer_back(company: Company) -> None:
    account, desk = opened(company, "x")
    who = company.person()
    company.say(account, "direct_message", who)
    where = desk.offer()
    somebody = Person(account.id, account.handle, account.handle)
    item = company.say(account, "direct_message", somebody, "Done & <dusted>!", to=who.id)
    company.until(lambda: desk.offers() == [], "the offer is taken back")
    (own,) = company.messages(where, 1, kind="own_post")
    assert (own["text"], own["direction"], own["item_id"]) == ("Done & <dusted>!", "out", item)
    assert own["visibility"] == "private"
    assert company.detail(where)["state"] == "replied"
    assert company.event(where, "RepliedElsewhere")["facts"]["first_response"]
    assert desk.tell(where, "accept").status_code == 409
    assert company.journal(account) == [], "nothing of it went through the API"
    company.say(account, "direct_message", who, "Thank you")
    (first, second) = company.messages(where, 2, direction="in")
    assert (first["text"], second["text"]) == ("My phone is dead", "Thank you")


def _pending(company: Company) -> int:
    return int(company.simulate("state", None, "GET")["webhooks_pending"])


# --- what agents do there beside answering ---


def test_a_comment_is_hidden_and_shown_again(company: Company) -> None:
    page, desk = opened(company, "facebook")
    item = company.say(page, "comment", company.person(), "Buy followers at …")
    where = desk.accept()
    for action in ("hide", "unhide"):
        desk.ask(where, "moderations", action=action, item_id=item)
        acted(company, where, action, "done")
    assert [(one["action"], one["target"]) for one in company.journal(page)] == [("hide", item), ("unhide", item)]


def acted(company: Company, where: str, action: str, status: str) -> Json:
    """What became of something done beside answering."""

    def found() -> Json | None:
        listed = company.detail(where)["actions"]
        return next((one for one in listed if (one["action"], one["status"]) == (action, status)), None)

    return company.until(found, f"{action}: {status}")


@pytest.mark.parametrize(("channel", "kind"), [("x", "mention"), ("facebook", "comment")])
def test_an_answer_of_ours_is_deleted_with_its_words(company: Company, channel: str, kind: str) -> None:
    account, desk = opened(company, channel)
    customers = company.say(account, kind, company.person())
    where = desk.accept()
    desk.ask(where, "replies", text="Your PIN is 4711")
    (reply,) = company.messages(where, 1, kind="reply", status="posted")
    theirs = desk.tell(where, "moderations", action="delete", item_id=customers)
    assert (theirs.status_code, theirs.json()["code"]) == (404, "unknown_item")
    desk.ask(where, "moderations", action="delete", item_id=reply["item_id"])
    acted(company, where, "delete", "done")
    assert company.journal(account)[-1]["action"] == "delete"
    (gone,) = company.messages(where, 1, kind="reply", status="deleted")
    assert gone["text"] == ERASED
    assert "4711" not in everywhere(company, where)


def test_on_x_only_what_answers_our_own_posts_can_be_hidden_and_the_agent_is_told(company: Company) -> None:
    x, desk = opened(company, "x")
    item = company.say(x, "mention", company.person())
    where = desk.accept()
    desk.ask(where, "moderations", action="hide", item_id=item)
    failed = acted(company, where, "hide", "failed")
    assert (failed["reason"], failed["detail"]) == (
        "not_permitted", "X lets an account hide only the answers to posts of its own.",
    )  # fmt: skip
