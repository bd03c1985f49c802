"""Odd texts, texts that are too long, and webhooks that are forged, too large, repeated or out of order.

Over HTTP on the running system. What goes wrong on the platforms' side: test_platform_faults.py.
"""

from collections.abc import Iterator

import pytest

from channels.meta.webhook import BODY_LIMIT as META_LIMIT
from channels.x.webhook import BODY_LIMIT as X_LIMIT
from engine.policy.document import Account
from tests.acceptance.company import Company, Desk, Json, Person, said

pytestmark = pytest.mark.timeout(180)

KINDS = [("x", "mention"), ("x", "direct_message"), ("facebook", "comment"), ("messenger", "message")]
TEXTS = {
    "emoji": "👩‍👩‍👧‍👦 🏳️‍🌈 🇩🇪 ❤️ 👍🏿",
    "right to left": "שלום \u202eabc\u202c مرحبا \u200f!",
    "NUL and other controls": "before\0after \x1b[31m \x7f \ufffe",
    "HTML": "&lt;b&gt; &amp;amp; <script>alert(1)</script> & \"quotes\" 'here'",
    "long words": "ü" * 10_000 + " " + "x" * 10_000,
    "white space": "  first\n\n\tsecond\r\nthird\u2028 ",
    "combining": "Z͑ͫ̓ͪ̂ͫ̽͏̴̙̤̞͉͚̯̞̠͍A̴̵̜̰͔ͫ͗͢L̠ͨͧͩ͘G̴̻͈͍͔̹̑͗̎̅͛́Ǫ̵̹̻̝̳͂̌̌͘ e\u0301 é",
}


@pytest.fixture(autouse=True)
def calm(company: Company) -> Iterator[None]:
    """Nothing goes wrong on the platforms for the tests after this one."""
    yield
    company.calm()
    company.simulate("settings", {"copies": 1}, "PUT")


@pytest.fixture(scope="module")
def accounts(company: Company) -> dict[str, Account]:
    """One account on each channel; nobody works there."""
    queue = company.queue()
    found = {channel: company.account(channel, queue.name) for channel in ("x", "facebook", "messenger")}
    company.publish()
    return found


def heard(company: Company, who: Person, count: int = 1) -> list[Json]:
    """All that somebody said, in the order sent, once it is so much; every count of it agrees."""
    clerk = company.as_role("agent")

    def found() -> Json | None:
        contacts = clerk.get("/v1/contacts", params={"q": who.id}).json()["contacts"]
        known: Json | None = clerk.get(f"/v1/contacts/{contacts[0]['contact_id']}").json() if contacts else None
        return known if known is not None and len(_said(known)) >= count and _counted(known) >= count else None

    contact = company.until(found, f"{count} messages of {who.id}")
    assert _counted(contact) == len(_said(contact))
    return _said(contact)


def _counted(contact: Json) -> int:
    return sum(one["messages_in"] for one in contact["history"])


def _said(contact: Json) -> list[Json]:
    return [one for one in contact["messages"] if one["direction"] == "in"]


# --- texts ---


@pytest.mark.parametrize("text", TEXTS.values(), ids=TEXTS)
@pytest.mark.parametrize(("channel", "kind"), KINDS)
def test_a_text_stands_in_the_history_as_it_was_sent(
    company: Company, accounts: dict[str, Account], channel: str, kind: str, text: str
) -> None:
    who = company.person()
    item = company.say(accounts[channel], kind, who, text)
    (message,) = heard(company, who)
    assert (message["text"], message["item_id"]) == (text, item)


@pytest.mark.parametrize(("channel", "kind"), KINDS)
def test_ids_beyond_what_a_double_can_hold_are_kept_to_the_last_digit(
    company: Company, accounts: dict[str, Account], channel: str, kind: str
) -> None:
    who = company.person()
    assert int(who.id) != int(float(who.id))
    given = str(2**63 - int(who.id) % 1_000_000 * 2 - 1)
    company.say(accounts[channel], kind, who, item_id=given)
    (message,) = heard(company, who)
    assert message["item_id"] == given
    clerk = company.as_role("agent")
    (contact,) = clerk.get("/v1/contacts", params={"q": who.id}).json()["contacts"]
    (handle,) = clerk.get(f"/v1/contacts/{contact['contact_id']}").json()["handles"]
    assert (handle["platform_id"], handle["channel"]) == (who.id, channel)


# --- too long ---


def at_work(company: Company, channel: str, kind: str, **account: str) -> tuple[Account, Desk, str]:
    """An interaction that an agent has accepted."""
    queue = company.queue()
    made = company.account(channel, queue.name, **account)
    company.publish()
    desk = company.agent(queue)
    company.say(made, kind, company.person())
    return made, desk, desk.accept()


FAMILY = "👩‍👩‍👧‍👦"
LENGTHS = {
    "X, letters": ("x", "mention", "public", "x" * 280, "x", "281 characters as X counts; 280 fit"),
    "X, emoji": ("x", "mention", "public", FAMILY * 140, FAMILY, "282 characters as X counts; 280 fit"),
    "X, URL": ("x", "mention", "public", "y" * 256 + " https://a.com", "y", "281 characters as X counts; 280 fit"),
    "direct message": ("x", "direct_message", "private", "x" * 10_000, "x", "10001 characters; 10000 fit"),
    "comment": ("facebook", "comment", "public", "x" * 8_000, "x", "8001 characters; 8000 fit"),
    "private answer": ("facebook", "comment", "private", "x" * 1_999, "x", "2000 characters; 1999 fit"),
    "Messenger": ("messenger", "message", "private", "x" + "😀" * 999, "x", "2000 characters; 1999 fit"),
}
"""The longest text that fits, what makes it too long, and what is said then."""


@pytest.mark.parametrize(("channel", "kind", "visibility", "longest", "more", "reason"), LENGTHS.values(), ids=LENGTHS)
def test_an_answer_that_is_too_long_is_refused_at_once_with_the_count(
    company: Company, channel: str, kind: str, visibility: str, longest: str, more: str, reason: str
) -> None:
    account, desk, where = at_work(company, channel, kind)
    refused = desk.tell(where, "replies", text=more + longest, visibility=visibility)
    assert (refused.status_code, refused.json()["code"], refused.json()["reason"]) == (409, "too_long", reason)
    desk.ask(where, "replies", text=longest, visibility=visibility)
    assert [one["text"] for one in company.done(account)] == [longest]


def test_a_long_private_answer_is_split_where_the_policy_says_so(company: Company) -> None:
    account, desk, where = at_work(company, "messenger", "message", long_text="split")
    text = " ".join(f"Sentence number {number} is here 😀." for number in range(150))
    desk.ask(where, "replies", text=text)
    done = company.done(account, 3)
    assert " ".join(one["text"] for one in done) == text
    assert all(len(one["text"].encode("utf-16-le")) // 2 < 2_000 for one in done)
    assert len(company.messages(where, 3, kind="reply", status="posted")) == 3


# --- webhooks ---


@pytest.mark.parametrize(
    ("path", "header", "prefix"),
    [("/webhooks/x", "x-twitter-webhooks-signature", ""), ("/webhooks/meta", "X-Hub-Signature-256", "sha256=")],
)
def test_a_webhook_that_the_platform_did_not_sign_is_refused(
    company: Company, path: str, header: str, prefix: str
) -> None:
    body = b'{"for_user_id": "1", "tweet_create_events": [], "object": "page", "entry": []}'
    signatures = [{}, {header: ""}, {header: prefix + "0" * 64}, {header: "sha256=" + "A" * 43 + "="}]
    for headers in signatures:
        answer = company.web.post(path, content=body, headers=headers)
        assert (answer.status_code, answer.json()["code"]) == (403, "not_signed")


@pytest.mark.parametrize(("path", "limit"), [("/webhooks/x", X_LIMIT), ("/webhooks/meta", META_LIMIT)])
def test_a_webhook_that_is_too_large_is_refused(company: Company, path: str, limit: int) -> None:
    answer = company.web.post(path, content=b" " * (limit + 1))
    assert (answer.status_code, answer.json()["code"]) == (413, "too_large")
    assert company.web.post(path, content=b" " * limit).status_code == 403, "as large as may be, but not signed"


@pytest.mark.parametrize(("channel", "kind"), KINDS)
def test_a_webhook_that_comes_three_times_is_counted_once(
    company: Company, accounts: dict[str, Account], channel: str, kind: str
) -> None:
    who = company.person()
    company.simulate("settings", {"copies": 3}, "PUT")
    items = [company.say(accounts[channel], kind, who, text) for text in ("one", "two")]
    company.simulate("settings", {"copies": 1}, "PUT")
    items.append(company.say(accounts[channel], kind, who, "three"))  # it is decided after all copies of the others
    assert [one["item_id"] for one in heard(company, who, 3)] == items


@pytest.mark.parametrize(("channel", "kind"), KINDS)
def test_webhooks_that_come_twice_and_in_any_order_leave_each_message_once_in_the_order_sent(
    company: Company, accounts: dict[str, Account], channel: str, kind: str
) -> None:
    who, account = company.person(), accounts[channel]
    begin = int(who.id) % 1_000_000 + 1_700_000_000_000
    texts = [f"number {number}" for number in range(6)]
    told = [said(account, kind, who, text, at=begin + 1000 * place) for place, text in enumerate(texts)]
    company.simulate("faults", {"seed": 7, "duplicate": 1.0, "reorder": 0.7}, "PUT")
    company.simulate("customers/say", told)
    company.calm()
    company.until(
        lambda: company.simulate("state", None, "GET")["webhooks_pending"] == 0, "the last copies are delivered"
    )
    company.say(account, kind, who, "the last", at=begin + 1000 * len(texts))
    assert [one["text"] for one in heard(company, who, len(texts) + 1)] == [*texts, "the last"]


@pytest.mark.parametrize(
    ("channel", "kind", "how"),
    [
        ("x", "mention", {}),
        ("facebook", "comment", {}),
        ("facebook", "comment", {"anonymous": True}),
        ("messenger", "message", {}),
    ],
)
def test_a_message_whose_deletion_came_first_is_not_kept(
    company: Company, accounts: dict[str, Account], channel: str, kind: str, how: Json
) -> None:
    who, account = company.person(), accounts[channel]
    message = said(account, kind, who, "What I wish I had not said", at=1_700_000_000_000)
    item = company.simulate("customers/say", message, deliver="false")["item_id"]
    company.simulate("customers/delete", {"channel": channel, "item_id": item, **how})
    company.simulate("customers/say", {**message, "item_id": item})
    found = company.until(lambda: _with_item(company, account, item), "the interaction of what was deleted")
    company.until(lambda: company.detail(found)["disposition"] == "withdrawn", "nobody is asked to answer it")
    (kept,) = company.messages(found, 1, status="deleted")
    assert kept["text"] == "[erased]"


def _with_item(company: Company, account: Account, item: str) -> str | None:
    """The interaction that holds an item."""
    for one in company.interactions(account):
        where = str(one["interaction_id"])
        if any(message["item_id"] == item for message in company.detail(where)["messages"]):
            return where
    return None
