"""Traffic: what is read, and what is refused."""

import json
from pathlib import Path
from typing import Any

import pytest

from engine.policy.validation import problems
from rejoinder.play.staging import for_recorded
from rejoinder.play.traffic import BadTraffic, read


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


def said(**changes: Any) -> dict[str, Any]:
    return {
        "at": "2017-10-31T22:03:34Z", "kind": "said", "channel": "facebook", "account": "acme",
        "said": {"kind": "comment", "account": "9", "from": {"id": "42"}, "text": "hi", "item_id": "7_1"},
    } | changes  # fmt: skip


def saying(**changes: Any) -> dict[str, Any]:
    """What is said, changed; a field that is to be None is left out."""
    whole = said()["said"] | {name.rstrip("_"): value for name, value in changes.items()}
    return {name: value for name, value in whole.items() if value is not None}


def file_of(folder: Path, *lines: dict[str, Any] | str) -> Path:
    path = folder / "traffic.jsonl"
    path.write_text("".join((line if isinstance(line, str) else json.dumps(line)) + "\n" for line in lines))
    return path


def test_an_answer_belongs_to_the_person_whose_post_it_answers(tmp_path: Path) -> None:
    found = read(file_of(tmp_path, post(), reply()))
    assert [(answer.author, answer.line.tweet_id) for answer in found.answers] == [("42", "2")]
    assert found.accounts == {("x", "acme"): "9"}
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
        ([post(), reply(tweet_id=None)], 2, "`tweet_id` is missing"),
        ([post(), reply(visibility="secret")], 2, "$.visibility"),
        ([post(channel="facebook")], 1, "$.channel"),
        ([said(said=saying(item_id=None))], 1, "`said.item_id` is missing"),
        ([said(said=saying(from_=None))], 1, "`said.from` is missing"),
        ([said(said=saying(from_={"name": "Jo"}))], 1, "$.from"),
        ([said(said=saying(from_={"id": "jo"}))], 1, "`said.from.id` is 'jo'"),
        ([said(said=saying(account="acme"))], 1, "`said.account` is 'acme'"),
        ([said(said=saying(item_id="a b"))], 1, "`said.item_id` is 'a b'"),
        ([said(said=saying(kind="reaction"))], 1, "of facebook there can be post, comment"),
        ([said(said=saying(kind="mention"))], 1, "`said.kind` is 'mention'"),
        ([said(said=saying(words="hi"))], 1, "`words`"),
        ([said(said=saying(at=1))], 1, "`said.at` is that of the line"),
        ([said(said=saying(channel="facebook"))], 1, "`said.channel` is that of the line"),
        ([said(commenter=True)], 1, "`commenter`"),
        ([said(channel="x", said=saying(kind="reply", item_id="5"))], 1, "`said.in_reply_to` is missing"),
        ([said(), said(said=saying(account="8", item_id="7_2"))], 2, "had the id 9 before"),
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


def test_what_is_said_gets_the_time_and_the_channel_of_its_line(tmp_path: Path) -> None:
    (post_,) = read(file_of(tmp_path, said())).posts
    assert post_.said is not None
    assert (post_.said.channel, post_.said.at, post_.at) == ("facebook", 1509487414000, 1509487414000)
    assert (post_.author, post_.platform_id, post_.item_id, post_.account_id) == ("42", "42", "7_1", "9")


def test_lines_of_a_person_belong_together_on_whatever_channel_and_answers_with_them(tmp_path: Path) -> None:
    comment = said(person="jo")
    chat = said(
        at="2017-10-31T22:09:00Z", channel="messenger", person="jo",
        said=saying(kind="message", item_id="m_1", from_={"id": "55"}),
    )  # fmt: skip
    answers = [
        reply(at="2017-10-31T22:05:00Z", channel="facebook", in_reply_to="7_1", tweet_id=None, visibility="private"),
        reply(at="2017-10-31T22:10:00Z", channel="messenger", in_reply_to="m_1", tweet_id=None),
    ]
    found = read(file_of(tmp_path, comment, answers[0], chat, answers[1]))
    assert [step.author for step in found.steps] == ["jo"] * 4
    assert [post.platform_id for post in found.posts] == ["42", "55"]
    assert found.accounts == {("facebook", "acme"): "9", ("messenger", "acme"): "9"}


def test_who_commented_may_write_in_messenger_by_the_same_id(tmp_path: Path) -> None:
    chat = said(channel="messenger", commenter=True, said=saying(kind="message", item_id="m_1"))
    found = read(file_of(tmp_path, said(), chat))
    assert [post.author for post in found.posts] == ["42", "42"]


@pytest.mark.parametrize(
    ("channel", "kind", "given", "visibility", "recorded"),
    [
        ("x", "mention", None, "public", True),
        ("x", "mention", "private", "private", False),
        ("x", "direct_message", None, "private", False),
        ("facebook", "comment", None, "public", False),
        ("facebook", "comment", "private", "private", False),
        ("messenger", "postback", None, "private", False),
    ],
)
def test_an_answer_is_as_public_as_what_it_answers_unless_it_says_otherwise(
    tmp_path: Path, channel: str, kind: str, given: str | None, visibility: str, recorded: bool
) -> None:
    message = said(channel=channel, said=saying(kind=kind, item_id="5"))
    answer = reply(channel=channel, in_reply_to="5") | ({} if given is None else {"visibility": given})
    (found,) = read(file_of(tmp_path, message, answer)).answers
    assert (found.visibility, found.has_recorded_id) == (visibility, recorded)


def test_answers_without_a_recorded_id_have_names_that_stay_and_say_nothing_of_their_words(tmp_path: Path) -> None:
    answers = [reply(channel="facebook", in_reply_to="7_1", tweet_id=None, text=text) for text in ("one", "two")]
    first = [answer.name for answer in read(file_of(tmp_path, said(), *answers)).answers]
    assert len(set(first)) == 2
    others = [answer | {"text": "other words"} for answer in answers]
    assert [answer.name for answer in read(file_of(tmp_path, said(), *others)).answers] == first


def test_an_answer_on_another_channel_with_the_same_id_is_unmatched(tmp_path: Path) -> None:
    found = read(file_of(tmp_path, post(), reply(channel="messenger", tweet_id=None)))
    assert (len(found.unmatched), found.answers) == (1, [])


def test_a_page_has_a_queue_for_each_of_its_channels(tmp_path: Path) -> None:
    chat = said(channel="messenger", said=saying(kind="message", item_id="m_1"))
    stage = for_recorded(read(file_of(tmp_path, said(), chat)))
    assert [queue.name for queue in stage.policy.queues] == ["acme facebook", "acme messenger"]
    assert problems(stage.policy) == []
