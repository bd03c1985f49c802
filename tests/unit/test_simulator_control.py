"""The simulator's control API: webhooks, their registration, what customers do, mistaken instructions."""

from typing import Any

import httpx

from channels.outcomes import Posted, Refused
from channels.simulator.x_credentials import CONSUMER_KEY, app_token, user_context
from channels.x.client import auth_of
from engine.interaction.commands import DeleteMessage, ReceiveMessage, RecordOwnPost
from tests.meta_samples import PAGE
from tests.simulating import PERSON, World, answer, customer, play, x_deliver
from tests.x_samples import ACCOUNT, CUSTOMER, SECRET

# --- webhooks ---


def test_a_webhook_that_fails_is_tried_again_and_one_that_never_answers_is_reported() -> None:
    async def story(world: World) -> None:
        world.inbox.broken = True
        told = await customer(world)
        assert (told.status_code, told.json()["delivered"]) == (502, False)
        assert told.json()["reason"] == "the webhook answered with HTTP 503"
        assert (await world.state())["webhooks_failed"] == 1
        world.inbox.broken = False
        assert (await customer(world)).status_code == 200

    play(story)


def test_copies_are_sent_as_often_as_told() -> None:
    async def story(world: World) -> None:
        await world.put("settings", {"copies": 3, "echoes": False})
        await customer(world)
        await answer(world)
        await world.state()

    world = play(story)
    assert len(world.commands) == 3
    assert len({command.command_id for command in world.commands}) == 1


def test_a_webhook_is_registered_only_if_it_answers_the_challenge() -> None:
    async def story(world: World) -> None:
        good, bad = f"{world.hooks_url}/webhooks/x", f"{world.hooks_url}/webhooks/meta"
        assert (await world.control.put("/_simulator/webhook", json={"url": bad})).status_code == 400
        assert (await world.control.put("/_simulator/webhook", json={"url": good})).json() == {"url": good}

    play(story)


def test_webhooks_are_registered_and_accounts_subscribed_as_on_x() -> None:
    async def story(world: World) -> None:
        app = auth_of(app_token(SECRET))
        http, url = world.control, f"{world.hooks_url}/webhooks/x"
        stranger = await http.post("/2/webhooks", json={"url": url})
        by_account = await http.post("/2/webhooks", json={"url": url}, auth=_account())
        assert (stranger.status_code, by_account.status_code) == (401, 403)
        unproven = await http.post("/2/webhooks", json={"url": f"{world.hooks_url}/none"}, auth=app)
        assert (unproven.status_code, unproven.json()["reason"]) == (400, "CrcValidationFailed")
        made = (await http.post("/2/webhooks", json={"url": url}, auth=app)).json()
        assert (made["url"], made["valid"]) == (url, True)
        again = await http.post("/2/webhooks", json={"url": url}, auth=app)
        assert again.json()["reason"] == "DuplicateUrlFailed"
        assert (await http.get("/2/webhooks", auth=app)).json()["data"] == [made]
        told = await http.post("/_simulator/customers/say", json=_mention())
        assert told.status_code == 502, "nobody is subscribed"
        subscriptions = f"/2/account_activity/webhooks/{made['id']}/subscriptions"
        assert (await http.get(f"{subscriptions}/all", auth=_account())).json() == {"data": {"subscribed": False}}
        assert (await http.post(f"{subscriptions}/all", auth=_account())).json() == {"data": {"subscribed": True}}
        assert (await http.post(f"{subscriptions}/all", auth=app)).status_code == 403
        listed = (await http.get(f"{subscriptions}/all/list", auth=app)).json()["data"]["subscriptions"]
        assert listed == [{"user_id": ACCOUNT}]
        assert (await http.post("/_simulator/customers/say", json=_mention())).status_code == 200
        assert (await http.put(f"/2/webhooks/{made['id']}", auth=app)).json() == {"data": {"attempted": True}}
        assert (await http.get("/2/account_activity/subscriptions/count", auth=app)).status_code == 200
        await http.delete(f"{subscriptions}/{ACCOUNT}/all", auth=app)
        assert (await http.post("/_simulator/customers/say", json=_mention())).status_code == 502
        assert (await http.delete(f"/2/webhooks/{made['id']}", auth=app)).json() == {"data": {"deleted": True}}
        assert (await http.delete(f"/2/webhooks/{made['id']}", auth=app)).status_code == 400

    world = play(story, World(webhook=None))
    assert len(world.commands) == 1


def test_the_apps_token_is_given_for_its_key_and_secret() -> None:
    async def story(world: World) -> None:
        form = {"grant_type": "client_credentials"}
        given = await world.control.post("/oauth2/token", data=form, auth=httpx.BasicAuth(CONSUMER_KEY, SECRET))
        assert given.json() == {"token_type": "bearer", "access_token": app_token(SECRET).token}
        wrong = await world.control.post("/oauth2/token", data=form, auth=httpx.BasicAuth(CONSUMER_KEY, "other"))
        assert (wrong.status_code, SECRET in wrong.text) == (403, False)
        answer = await world.control.get("/2/users/me", auth=_account())
        assert answer.headers["x-access-level"] == "read-write-directmessages"
        assert answer.json()["data"] == {"id": ACCOUNT, "name": ACCOUNT, "username": ACCOUNT}

    play(story)


def _account() -> httpx.Auth:
    return auth_of(user_context(SECRET, ACCOUNT))


def _mention() -> dict[str, Any]:
    return {"channel": "x", "kind": "mention", "account": ACCOUNT, "from": {"id": CUSTOMER}, "text": "hi"}


# --- customers ---


def test_what_customers_say_arrives_as_x_tells_it() -> None:
    picture = [{"url": "https://pbs.example.com/1.jpg"}]

    async def story(world: World) -> None:
        await world.put("accounts", [{"channel": "x", "id": ACCOUNT, "name": "AcmeCare"}])
        mention = await world.say("x", "mention", "Is @AcmeCare there & well?", attachments=picture)
        posted = await answer(world, in_reply_to=mention["item_id"])
        assert isinstance(posted, Posted)
        await world.state()
        await world.say("x", "reply", "Thanks", in_reply_to=posted.item_id)
        await world.say("x", "quote", "They answered", in_reply_to=posted.item_id)
        await world.say("x", "like", in_reply_to=posted.item_id)
        await world.say("x", "retweet", in_reply_to=posted.item_id)
        await world.change("delete", channel="x", item_id=mention["item_id"])
        gone = await answer(world, "too late", in_reply_to=mention["item_id"])
        assert isinstance(gone, Refused)
        assert gone.reason == "message_gone"

    world = play(story)
    received = [command for command in world.commands if isinstance(command, ReceiveMessage)]
    assert [command.event for command in received] == ["mention", "reply", "quote"]
    assert [attachment.kind for attachment in received[0].attachments] == ["image"]
    assert (received[0].screen_name, received[0].name) == ("kim", "Kim")
    assert b"there &amp; well?" in received[0].raw, "as X writes it"
    assert received[1].text == "Thanks"
    assert isinstance(world.commands[-1], DeleteMessage)
    assert world.x_endpoint.counts.dead_letters == 0


def test_a_direct_message_from_xs_own_inbox_is_the_accounts_and_was_not_made_through_the_api() -> None:
    async def story(world: World) -> None:
        account = {"id": ACCOUNT, "screen_name": "acme"}
        await world.say("x", "direct_message", "Help")
        told = await world.say("x", "direct_message", "We <are> on it", account, to=PERSON["id"])
        assert await world.actions() == []
        found = await world.x.find(x_deliver("message", text="We <are> on it"))
        assert found == Posted(told["item_id"]), "a look-up finds it as any other"

    _, own = play(story).commands
    assert isinstance(own, RecordOwnPost)
    assert (own.account, own.visibility, own.text) == (ACCOUNT, "private", "We <are> on it")


# --- mistakes ---

SAY = {"channel": "x", "kind": "mention", "account": "1", "from": {"id": "2"}}
FACEBOOK = {"channel": "facebook", "kind": "comment", "account": PAGE, "from": {"id": "2"}, "text": "x"}
MESSENGER = {"channel": "messenger", "kind": "message", "account": PAGE, "from": {"id": "2"}, "text": "x"}
MISTAKES: list[tuple[str, str, object]] = [
    ("POST", "posts", []),
    ("POST", "recorded", [{"account": "1"}]),
    ("POST", "faults", {"kind": "fire"}),
    ("POST", "faults", {"kind": "503", "call": "sing"}),
    ("POST", "faults", {"kind": "551"}),
    ("POST", "faults", {"kind": "503", "channel": "facebook"}),
    ("PUT", "faults", {"fail": 1.1}),
    ("PUT", "faults", {"fail": 0.9, "lose_answer": 0.2}),
    ("PUT", "faults", {"fails": 0.1}),
    ("PUT", "faults", {"kinds": ["fire"]}),
    ("PUT", "faults", {"kinds": ["551"], "channel": "x"}),
    ("PUT", "settings", {"limit": 3}),
    ("PUT", "settings", {"limits": {"sing": 3}}),
    ("PUT", "settings", {"tier": "free"}),
    ("PUT", "webhook", {}),
    ("PUT", "webhook", {"url": "http://127.0.0.1:1/", "channel": "meta"}),
    ("PUT", "accounts", {}),
    ("GET", "journal?after=x", None),
    ("POST", "customers/say", {}),
    ("POST", "customers/say", SAY | {"from": None}),
    ("POST", "customers/say", SAY | {"kind": "sing"}),
    ("POST", "customers/say", SAY | {"kind": "reply"}),
    ("POST", "customers/say", SAY | {"from": {"id": "b"}}),
    ("POST", "customers/say", SAY | {"item_id": "b"}),
    ("POST", "customers/say", SAY | {"kind": "direct_message", "to": "3"}),
    ("POST", "customers/say", SAY | {"kind": "direct_message", "from": {"id": "1"}}),
    ("POST", "customers/say", SAY | {"kind": "direct_message", "from": {"id": "1"}, "to": "b"}),
    ("POST", "customers/say", FACEBOOK | {"kind": "message"}),
    ("POST", "customers/say", FACEBOOK | {"kind": "reaction"}),
    ("POST", "customers/say", FACEBOOK | {"from": None, "text": ""}),
    ("POST", "customers/say", FACEBOOK | {"item_id": "a b"}),
    ("POST", "customers/say", FACEBOOK | {"account": "acme"}),
    ("POST", "customers/say", MESSENGER | {"from": None}),
    ("POST", "customers/say", MESSENGER | {"from": {"id": "kim"}}),
    ("POST", "customers/say", MESSENGER | {"item_id": "a b"}),
    ("POST", "customers/say", [SAY, SAY | {"kind": "sing"}]),
    ("POST", "customers/edit", {"channel": "x", "item_id": "1"}),
    ("POST", "customers/delete", {"channel": "x", "item_id": "1"}),
    ("POST", "customers/edit", {"channel": "facebook", "item_id": "1"}),
    ("POST", "customers/delete", {"channel": "messenger", "item_id": "1"}),
]


def test_a_mistaken_instruction_is_refused_with_a_reason() -> None:
    async def story(world: World) -> None:
        for method, path, content in MISTAKES:
            refused = await world.control.request(method, f"/_simulator/{path}", json=content)
            assert (refused.status_code, bool(refused.json()["reason"])) == (400, True), (path, content)
        for path in ("posts", "recorded", "faults", "customers/say", "customers/edit"):
            assert (await world.control.post(f"/_simulator/{path}", content=b"x")).status_code == 400

    world = play(story)
    assert world.commands == []
