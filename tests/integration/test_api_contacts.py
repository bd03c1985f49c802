"""Contacts through the HTTP API on a real Kafka and PostgreSQL: imported, found, linked, merged and apart again."""

from collections.abc import Iterator
from typing import Any

import pytest

from engine.envelope import home
from engine.policy.document import Account, Policy, Queue
from tests.processing import message, send
from tests.serving import SECRET, Served, person, serving
from topics.publisher import Outgoing

POLICY = Policy(
    name="contacts",
    accounts=(Account(channel="x", id="9", handle="acme", queue="care"),),
    queues=(Queue(name="care"),),
)
PEOPLE = (
    "channel,platform_id,screen_name,name,language\n"
    "x,1001,@annika,Annika Ö 📦,de\n"
    "messenger,2001,,Annika Other,\n"
    "facebook,3001,,50% _off_,\n"
    "fax,1,,,\n"
)
ANNIKA, OTHER = home(SECRET.encode(), "x", "1001"), home(SECRET.encode(), "messenger", "2001")
pytestmark = pytest.mark.timeout(240)


@pytest.fixture(scope="module")
def served(kafka: str, postgres: str) -> Iterator[Served]:
    with serving(kafka, postgres, "contacts", POLICY) as running:
        told = running.call("POST", "/contacts/import", running.texts["supervisor"], content=PEOPLE.encode())
        assert (told.json()["imported"], told.json()["known"]) == (3, 0)
        assert [each["line"] for each in told.json()["failed"]] == [5]
        for contact in (ANNIKA, OTHER):
            running.until(f"/contacts/{contact}", running.texts["agent"], lambda found: found["handles"])
        yield running


def ids(page: Any) -> set[str]:
    return {line["contact_id"] for line in page["contacts"]}


def test_a_file_that_is_imported_again_changes_nothing(served: Served) -> None:
    told = served.call("POST", "/contacts/import", served.texts["supervisor"], content=PEOPLE.encode())
    assert (told.json()["imported"], told.json()["known"]) == (0, 3)


@pytest.mark.parametrize(
    ("search", "found"),
    [("annika", {ANNIKA, OTHER}), ("@ANNIKA", {ANNIKA, OTHER}), ("Annika Ö 📦", {ANNIKA}), ("100", {ANNIKA}),
     ("other", {OTHER}), ("%", None), ("nobody", set()), ("1%", set())],
)  # fmt: skip
def test_people_are_found_by_name_handle_and_platform_id(served: Served, search: str, found: set[str] | None) -> None:
    wanted = {home(SECRET.encode(), "facebook", "3001")} if found is None else found
    answer = served.get("/contacts", served.texts["agent"], params={"q": search})
    assert ids(answer.json()) == wanted


def test_a_language_is_set_and_a_contact_blocked(served: Served) -> None:
    token, supervisor = served.texts["agent"], served.texts["supervisor"]
    path = f"/contacts/{ANNIKA}"
    assert served.call("PUT", f"{path}/language", token, json={"language": "fr"}).json()["outcome"] == "accepted"
    assert served.call("PUT", f"{path}/block", supervisor).json()["outcome"] == "accepted"
    assert served.call("PUT", f"{path}/block", supervisor).json()["outcome"] == "duplicate"
    found = served.until(path, token, lambda found: found["blocked"])
    assert found["language"] == "fr"
    assert served.call("DELETE", f"{path}/block", supervisor).json()["outcome"] == "accepted"
    served.until(path, token, lambda found: not found["blocked"])
    nobody = served.call("PUT", f"/contacts/{'0' * 32}/block", supervisor)
    assert (nobody.status_code, nobody.json()["code"]) == (404, "unknown_contact")


def test_two_contacts_are_merged_and_apart_again(served: Served) -> None:
    token = served.texts["agent"]
    path = f"/contacts/{ANNIKA}"
    assert served.call("POST", f"{path}/merge/{OTHER}", token).json()["outcome"] == "accepted"
    merged = served.until(path, token, lambda found: len(found["handles"]) == 2)
    assert {handle["channel"] for handle in merged["handles"]} == {"x", "messenger"}
    assert served.get(f"/contacts/{OTHER}", token).json()["contact_id"] == ANNIKA
    assert served.call("DELETE", f"{path}/handles/{OTHER}", token).json()["outcome"] == "accepted"
    served.until(path, token, lambda found: len(found["handles"]) == 1)
    again = served.call("DELETE", f"{path}/handles/{OTHER}", token)
    assert (again.status_code, again.json()["code"]) == (409, "not_linked")


def test_a_handle_is_linked_by_its_platform_id_and_the_history_is_one(served: Served) -> None:
    token = served.texts["agent"]
    key = person(77)
    for item, text in ((1, "hello"), (2, "are you there?")):
        told = message(77, item, handle_id=key, actor_id=key, text=text)
        send(served.cluster, [Outgoing(told.topic, key, told.record)])
    path = f"/contacts/{ANNIKA}"
    body = {"channel": "x", "platform_id": "77"}
    assert served.call("POST", f"{path}/handles", token, json=body).json()["outcome"] == "accepted"
    found = served.until(path, token, lambda found: len(found["messages"]) == 2)
    assert [each["text"] for each in found["messages"]] == ["hello", "are you there?"]
    assert [line["interaction_id"] for line in found["history"]] == [f"{key}.2", f"{key}.1"]
    listed = served.get("/interactions", token, params={"contact": ANNIKA}).json()["interactions"]
    assert [line["interaction_id"] for line in listed] == [f"{key}.2", f"{key}.1"]
