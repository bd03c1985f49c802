"""The simulated Meta: tokens, subscriptions, and the form of its bodies."""

import json
from typing import Any

import httpx
from hypothesis import given
from hypothesis import strategies as st

from channels.meta import signature
from channels.simulator.meta_credentials import app_token, page_token
from channels.simulator.meta_payloads import merged, serialised
from channels.simulator.switches import SCOPES
from tests.meta_samples import OTHER_PAGE, PAGE, PSID, SECRET, VERIFY_TOKEN
from tests.simulating import World, play
from tests.x_samples import fuzzed

CUSTOMER = {"id": PSID}
GRAPH = "/graph/v26.0"


# --- setting up ---


def bearer(token: str) -> dict[str, str]:
    return {"Authorization": f"Bearer {token}"}


def test_tokens_say_whose_they_are_and_what_they_may() -> None:
    async def story(world: World) -> None:
        http, path, token = world.control, GRAPH, page_token(SECRET, PAGE)
        await world.put("accounts", [{"channel": "facebook", "id": PAGE, "name": "Acme"}])
        assert (await http.get(f"{path}/me", headers=bearer(token))).json() == {"id": PAGE, "name": "Acme"}
        assert (await http.get(f"{path}/me", params={"access_token": token})).status_code == 200
        nobody, forged = await http.get(f"{path}/me"), await http.get(f"{path}/me", headers=bearer(token + "x"))
        assert [each.json()["error"]["code"] for each in (nobody, forged)] == [104, 190]
        proof = signature.proof(SECRET, token)
        for proven, status in ((proof, 200), ("0" * 64, 400), ("ü", 400)):
            answer = await http.get(f"{path}/me", headers=bearer(token), params={"appsecret_proof": proven})
            assert answer.status_code == status
        await world.put("settings", {"scopes": ["pages_messaging"]})
        for input_token, expected in ((token, ["pages_messaging"]), ("x", [])):
            about = await http.get(
                f"{path}/debug_token", headers=bearer(app_token(SECRET)), params={"input_token": input_token}
            )
            assert about.json()["data"]["scopes"] == expected
            assert about.json()["data"]["is_valid"] is (input_token == token)
        assert set(SCOPES) > {"pages_messaging"}
        form = {"input_token": token, "method": "GET"}
        posted = await http.post(f"{path}/debug_token", headers=bearer(app_token(SECRET)), data=form)
        assert posted.json()["data"]["profile_id"] == PAGE
        asked = {"client_id": "1", "client_secret": SECRET}
        app = await http.post(f"{path}/oauth/access_token", data=asked | {"grant_type": "client_credentials"})
        assert app.json()["access_token"] == app_token(SECRET, "1")
        exchange = asked | {"grant_type": "fb_exchange_token", "fb_exchange_token": token}
        assert (await http.post(f"{path}/oauth/access_token", data=exchange)).json()["access_token"] == token
        shown = await http.get(f"{path}/{PAGE}", headers=bearer(token), params={"fields": "id,name,access_token"})
        assert shown.json() == {"id": PAGE, "name": "Acme", "access_token": token}
        wrong = await http.post(f"{path}/oauth/access_token", data=exchange | {"client_secret": "x"})
        assert (wrong.status_code, SECRET in wrong.text) == (400, False)

    play(story)


def test_a_webhook_is_subscribed_to_by_the_app_and_by_each_page() -> None:
    async def story(world: World) -> None:
        http, path = world.control, GRAPH
        page, app = bearer(page_token(SECRET, PAGE)), bearer(app_token(SECRET, "42"))
        wanted = {
            "object": "page",
            "callback_url": f"{world.hooks_url}/webhooks/meta",
            "fields": "feed,messages",
            "verify_token": VERIFY_TOKEN,
        }
        unproven = await http.post(f"{path}/42/subscriptions", headers=app, json=wanted | {"verify_token": "x"})
        assert unproven.status_code == 400
        assert (await http.post(f"{path}/42/subscriptions", headers=page, json=wanted)).status_code == 403
        assert (await http.post(f"{path}/42/subscriptions", headers=app, json=wanted)).json() == {"success": True}
        listed = (await http.get(f"{path}/42/subscriptions", headers=app)).json()["data"]
        assert [field["name"] for field in listed[0]["fields"]] == ["feed", "messages"]
        assert not await told(world, "comment"), "the page has subscribed to nothing"
        apps = f"{path}/{PAGE}/subscribed_apps"
        assert (await http.get(apps, headers=page)).json() == {"data": []}
        assert (await http.post(apps, headers=page, data={"subscribed_fields": "sing"})).status_code == 400
        assert (await http.post(apps, headers=app, data={"subscribed_fields": "feed"})).status_code == 403
        given = await http.post(apps, headers=page, data={"subscribed_fields": "feed,messaging_postbacks"})
        assert given.json() == {"success": True}
        shown = (await http.get(apps, headers=page)).json()["data"][0]["subscribed_fields"]
        assert shown == ["feed", "messaging_postbacks"]
        assert await told(world, "comment")
        assert not await told(world, "message"), "only the app has subscribed to messages"
        await http.delete(apps, headers=page)
        assert not await told(world, "comment")

    world = play(story, World(meta_webhook=None))
    assert len(world.commands) == 1


async def told(world: World, kind: str) -> bool:
    channel = "facebook" if kind == "comment" else "messenger"
    said = {"channel": channel, "kind": kind, "account": PAGE, "from": CUSTOMER, "text": "hi"}
    answer: httpx.Response = await world.control.post("/_simulator/customers/say", json=said)
    return answer.status_code == 200


# --- bodies ---


def test_what_happens_at_once_comes_in_one_body() -> None:
    async def story(world: World) -> None:
        comment = {"channel": "facebook", "kind": "comment", "account": PAGE, "from": CUSTOMER, "text": "hi"}
        message = comment | {"channel": "messenger", "kind": "message"}
        said = [comment, message, comment, comment | {"account": OTHER_PAGE}, message]
        answer = await world.control.post("/_simulator/customers/say?batch=true", json=said)
        assert all(item["delivered"] for item in answer.json()["items"])

    world = play(story)
    assert world.meta_endpoint.counts.received == 1
    assert len(world.commands) == 5
    assert len({command.command_id for command in world.commands}) == 5


def test_bodies_are_escaped_as_meta_escapes_them() -> None:
    raw = serialised({"text": "Grüße 😀 a/b"})
    assert raw == b'{"text":"Gr\\u00fc\\u00dfe \\ud83d\\ude00 a\\/b"}'
    assert json.loads(raw) == {"text": "Grüße 😀 a/b"}


@fuzzed
@given(st.dictionaries(st.text(max_size=5), st.text(max_size=20), max_size=5))
def test_every_body_is_ascii_and_the_same_when_it_is_read(body: dict[str, str]) -> None:
    raw = serialised(dict(body))
    assert raw.isascii()
    assert json.loads(raw) == body


@fuzzed
@given(st.lists(st.tuples(st.sampled_from([PAGE, OTHER_PAGE]), st.booleans()), max_size=8))
def test_merging_loses_nothing_and_keeps_the_order_of_each_page(happened: list[tuple[str, bool]]) -> None:
    def body(n: int, page: str, is_feed: bool) -> dict[str, object]:
        return {"object": "page", "entry": [{"id": page, "time": 1, "changes" if is_feed else "messaging": [{"n": n}]}]}

    entries: Any = merged(body(n, *each) for n, each in enumerate(happened))["entry"]
    for page, is_feed in set(happened):
        (entry,) = [each for each in entries if each["id"] == page and ("changes" in each) is is_feed]
        numbers = [event["n"] for event in entry["changes" if is_feed else "messaging"]]
        assert numbers == [n for n, each in enumerate(happened) if each == (page, is_feed)]
