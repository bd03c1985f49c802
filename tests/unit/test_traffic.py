"""Recorded traffic: what is read, what is refused, and the generated kind."""

import json
from datetime import date
from pathlib import Path
from typing import Any

import pytest

from rejoinder.play.generating import generate
from rejoinder.play.staging import for_generated, for_recorded
from rejoinder.play.traffic import BadTraffic, encode, read, understand


def post(**changes: Any) -> dict[str, Any]:
    tweet = {"id_str": "1", "user": {"id_str": "42"}, "text": "hi"}
    return {
        "at": "2017-10-31T22:03:34Z", "kind": "webhook", "channel": "x", "account": "acme",
        "body": {"for_user_id": "9", "tweet_create_events": [tweet]},
    } | changes  # fmt: skip


def reply(**changes: Any) -> dict[str, Any]:
    return {
        "at": "2017-10-31T22:04:00Z", "kind": "agent_reply", "channel": "x", "account": "acme", "in_reply_to": "1",
        "tweet_id": "2", "text": "hello",
    } | changes  # fmt: skip


def file_of(folder: Path, *lines: dict[str, Any] | str) -> Path:
    path = folder / "traffic.jsonl"
    path.write_text("".join((line if isinstance(line, str) else json.dumps(line)) + "\n" for line in lines))
    return path


def test_an_answer_belongs_to_the_person_whose_post_it_answers(tmp_path: Path) -> None:
    found = read(file_of(tmp_path, post(), reply()))
    assert [(answer.author, answer.line.tweet_id) for answer in found.answers] == [("42", "2")]
    assert found.accounts == {"acme": "9"}
    assert found.unmatched == ()


@pytest.mark.parametrize("changes", [{"in_reply_to": "7"}, {"in_reply_to": None}, {"account": "other"}])
def test_an_answer_to_no_known_post_of_the_account_is_unmatched(tmp_path: Path, changes: dict[str, Any]) -> None:
    found = read(file_of(tmp_path, post(), reply(**changes)))
    assert [line.tweet_id for line in found.unmatched] == ["2"]
    assert found.answers == []


@pytest.mark.parametrize(
    ("lines", "line", "what"),
    [
        ([post(), "no json"], 2, "malformed"),
        ([post(), {"kind": "webhook"}], 2, "`at`"),
        ([post(kind="telegram")], 1, "kind"),
        ([post(channel="fax")], 1, "channel"),
        ([post(at="yesterday")], 1, "`at` is 'yesterday'"),
        ([post(at="2017-10-31T22:03:34")], 1, "without a time zone"),
        ([post(), reply(at="2016-01-01T00:00:00Z")], 2, "time order"),
        ([post(body={"for_user_id": 9, "tweet_create_events": []})], 1, "`body.for_user_id`"),
        ([post(body={"for_user_id": "9", "tweet_create_events": []})], 1, "`body.tweet_create_events`"),
        ([post(body={"for_user_id": "9", "tweet_create_events": [{"user": {}}]})], 1, "id_str"),
        ([post(body={"for_user_id": "9", "tweet_create_events": [{"id_str": "1", "user": {}}]})], 1, "user.id_str"),
    ],
)
def test_a_bad_line_is_named_with_file_line_and_field(tmp_path: Path, lines: list[Any], line: int, what: str) -> None:
    path = file_of(tmp_path, *lines)
    with pytest.raises(BadTraffic) as caught:
        read(path)
    assert str(caught.value).startswith(f"{path}, line {line}: ")
    assert what in str(caught.value)


def test_a_file_without_posts_or_that_is_not_there_is_refused(tmp_path: Path) -> None:
    with pytest.raises(BadTraffic, match="nothing to play"):
        read(file_of(tmp_path, ""))
    with pytest.raises(BadTraffic, match=r"nowhere\.jsonl"):
        read(tmp_path / "nowhere.jsonl")


def test_for_recorded_traffic_there_is_an_agent_for_each_account_and_nothing_expires(tmp_path: Path) -> None:
    stage = for_recorded(read(file_of(tmp_path, post(), reply())))
    assert [agent.skills for agent in stage.agents] == [queue.skills for queue in stage.policy.queues] == [("acme",)]
    assert (stage.policy.accept_within, stage.policy.expire_after) == (None, None)
    assert stage.policy.accounts[0].hours == "24/7"


def test_generated_traffic_is_the_same_for_the_same_day_and_seed_and_can_be_read(tmp_path: Path) -> None:
    day = date(2026, 11, 18)
    lines = generate(day)
    assert lines == generate(day)
    assert lines != generate(day, seed=2)
    path = tmp_path / "generated.jsonl"
    path.write_text("".join(f"{encode(line)}\n" for line in lines))
    found = read(path)
    assert found.steps == understand(found.name, "g", enumerate(lines, 1)).steps
    assert found.unmatched == ()
    said = [(answer.line.account, answer.line.text) for answer in found.answers]
    assert len(set(said)) == len(said)  # X refuses the same text twice
    known = {account.handle: account.id for account in for_generated().policy.accounts}
    assert found.accounts.items() <= known.items()
