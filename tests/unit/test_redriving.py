"""Which dead letters go back, what of each, and in which order."""

import json
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from channels.mapping import Mapped
from engine.delivery import DeadLetter, Deliver
from engine.interaction import commands as c
from engine.interaction import events as e
from engine.interaction.decider import InteractionDecider
from engine.interaction.letters import DeadLetterSettled, DecideDeadline, SettleDeadLetter
from engine.routing.commands import WithdrawRequest
from engine.testing import Scenario
from projections.queries.explain import Circumstances, explain
from rejoinder.redriving import (
    CannotSettle,
    Looking,
    NoSuchLetter,
    Today,
    Wanted,
    in_order,
    to_discard,
    to_redrive,
)
from rejoinder.remapping import mapper
from rejoinder.settings import load
from tests.unit.builders import ACCOUNT, HOME, MONDAY, account, codec, message
from topics.catalogue import catalogue
from topics.letters import Back, Letter

ACT = "this act"


def settlement(letter: Letter, outcome: str = "redriven", act: str = "another") -> SettleDeadLetter:
    return SettleDeadLetter(
        command_id="1", at=MONDAY, actor_kind="supervisor", actor_id="ann", correlation_id=act,
        letter_partition=letter.partition, letter_offset=letter.offset, outcome=outcome, code=letter.letter.code,
        source_topic=letter.letter.source_topic, source_partition=letter.letter.source_partition,
        source_offset=letter.letter.source_offset, put_back=["9"], why="it is mended",
    )  # fmt: skip


def letter(
    offset: int,
    source: int = -1,
    topic: str = "interaction.commands",
    key: str = HOME,
    outcome: str = "",
    **changes: Any,
) -> Letter:
    fields: dict[str, Any] = {"code": "undecidable", "reason": "", "at": MONDAY, "value": b""}
    held = DeadLetter(
        source_topic=topic, source_partition=0, source_offset=source, key=key.encode(), **(fields | changes)
    )
    found = Letter(0, offset, held)
    return Letter(0, offset, held, (settlement(found, outcome),)) if outcome else found


def anything(each: Letter) -> Today:
    """All go back, under their own key."""
    key = (each.letter.key or b"").decode()
    command = WithdrawRequest(command_id=each.name, at=0, request_id="")
    return Today((Back(each.letter.source_topic, key, b"", command),), frozenset({(each.letter.source_topic, key)}))


def names(letters: list[Letter], wanted: Wanted, today: Callable[[Letter], Today] = anything) -> list[str]:
    return [each.letter.name for each in to_redrive(letters, wanted, ACT, today).settlements]


def test_what_was_done_about_a_letter_is_an_event_that_says_who_and_which() -> None:
    scenario = Scenario(InteractionDecider(), "~3")
    found = letter(17, 5, value=b"hushhush")
    told = scenario.when(settlement(found))
    (event,) = told.events
    assert isinstance(event, DeadLetterSettled)
    assert (event.letter_partition, event.letter_offset, event.outcome, event.code) == (
        0,
        17,
        "redriven",
        "undecidable",
    )
    assert (event.source_topic, event.source_partition, event.source_offset) == ("interaction.commands", 0, 5)
    assert (event.put_back, event.why, event.state, event.interaction_id) == (["9"], "it is mended", None, None)
    assert (told.verdict, told.sent) == (None, [])
    assert explain(event, Circumstances()) == "dead letter 0@17 (undecidable) is put back, 1 records: it is mended"
    assert b"hushhush" not in codec().encode(event)


def test_all_means_what_is_open_of_that_code_since_then() -> None:
    letters = [
        letter(1, 1, key="a", code="no_policy"), letter(2, 2, key="b", outcome="redriven"),
        letter(3, 3, key="c", outcome="discarded"), letter(4, 4, key="d", at=MONDAY + 9),
    ]  # fmt: skip
    assert names(letters, Wanted()) == ["0@1", "0@4"]
    assert names(letters, Wanted(code="no_policy")) == ["0@1"]
    assert names(letters, Wanted(since=MONDAY + 1)) == ["0@4"]
    assert names(letters, Wanted(code="never")) == []


def test_what_was_settled_is_redriven_only_where_it_is_named_once_more() -> None:
    letters = [letter(1, 1, outcome="redriven"), letter(2, 2, outcome="discarded")]
    with pytest.raises(CannotSettle, match=r"0@1 was redriven at 2026-03-02 09:00:00 UTC by ann: .*--again"):
        names(letters, Wanted(("0@1",)))
    assert names(letters, Wanted(("0@2", "0@1", "0@2"), again=True)) == ["0@1", "0@2"]
    with pytest.raises(CannotSettle, match=r"0@2 was discarded .*nothing is left"):
        to_discard(letters, Wanted(("0@2",)), ACT)


def test_what_was_done_in_the_same_act_is_done() -> None:
    first = letter(1, 1)
    letters = [Letter(0, 1, first.letter, (settlement(first, act=ACT),)), letter(2, 2)]
    assert names(letters, Wanted(("0@1", "0@2"))) == ["0@2"]
    assert names(letters, Wanted(("0@1", "0@2"), again=True)) == ["0@2"]


def test_a_letter_that_is_not_there_is_named() -> None:
    with pytest.raises(NoSuchLetter, match="no dead letter 0@7, 5@1:"):
        names([letter(1, 1)], Wanted(("0@7", "0@1", "5@1")))


def test_one_that_would_overtake_an_older_one_of_its_key_is_refused_unless_told() -> None:
    letters = [letter(1, 1), letter(2, 2), letter(3, 3, key="other"), letter(4, 4, topic="routing.commands")]
    with pytest.raises(CannotSettle, match=r"0@2 would overtake 0@1, .* --out-of-order$"):
        names(letters, Wanted(("0@2", "0@3", "0@4")))
    assert names(letters, Wanted(("0@3", "0@4"))) == ["0@3", "0@4"]
    assert names(letters, Wanted(("0@2",), out_of_order=True)) == ["0@2"]
    assert names([letter(1, 1, outcome="discarded"), *letters[1:]], Wanted(("0@2",))) == ["0@2"]


def test_an_older_one_that_cannot_go_back_is_in_the_way_too_and_says_why() -> None:
    def but_the_first(each: Letter) -> Today:
        return Today(places=anything(each).places, refused="it is torn") if each.offset == 1 else anything(each)

    letters = [letter(1, 1), letter(2, 2), letter(3, 3, key="other")]
    with pytest.raises(CannotSettle, match=r"0@2 would overtake 0@1, .*; 0@1 can't go back: it is torn$"):
        names(letters, Wanted(), but_the_first)
    plan = to_redrive([letters[0], letters[2]], Wanted(), ACT, but_the_first)
    assert [each.letter.name for each in plan.settlements] == ["0@3"]
    assert [(each.name, reason) for each, reason in plan.left] == [("0@1", "it is torn")]
    with pytest.raises(CannotSettle, match=r"^0@1 can't go back: it is torn$"):
        names(letters, Wanted(("0@1",)), but_the_first)


@dataclass(frozen=True)
class Drawn:
    """A letter as it was drawn."""

    source: tuple[str, int]
    at: int
    key: str
    is_open: bool
    is_named: bool


DRAWN = st.lists(
    st.builds(
        Drawn,
        st.sampled_from([("interaction.commands", 0), ("interaction.commands", 1), ("webhook", -1)]),
        st.integers(0, 5),
        st.sampled_from("abc"),
        st.booleans(),
        st.booleans(),
    ),
    max_size=12,
)


def dealt(drawn: list[Drawn], order: list[int]) -> list[Letter]:
    """Letters whose offsets in their sources, of those that have one, are in another order than they lie here."""
    found = []
    for at, each in enumerate(drawn):
        topic, partition = each.source
        held = DeadLetter(
            source_topic=topic, source_partition=partition, source_offset=-1 if partition < 0 else order[at],
            key=each.key.encode(), code="undecidable", reason="", at=each.at,
        )  # fmt: skip
        one = Letter(0, at, held)
        found.append(one if each.is_open else Letter(0, at, held, (settlement(one),)))
    return found


def stood(each: Letter) -> int:
    """Where a letter stood in its source."""
    held = each.letter
    return held.source_offset if held.source_offset >= 0 else each.offset


def is_behind(one: Letter, other: Letter) -> bool:
    """Whether both are of one source and key, and the first stood behind the other."""
    same = [(each.letter.source_topic, each.letter.source_partition, each.letter.key) for each in (one, other)]
    return same[0] == same[1] and stood(one) > stood(other)


@given(DRAWN.flatmap(lambda drawn: st.tuples(st.just(drawn), st.permutations(range(len(drawn))))))
def test_order_is_kept_within_a_key(hand: tuple[list[Drawn], list[int]]) -> None:
    letters = dealt(*hand)
    named = [each for each, drawn in zip(letters, hand[0], strict=True) if drawn.is_named]
    wanted = Wanted(tuple(each.name for each in named), again=True, out_of_order=True)
    plan = [each.letter for each in to_redrive(letters, wanted, ACT, anything).settlements]
    assert sorted(each.name for each in plan) == sorted(each.name for each in named)
    for at, each in enumerate(plan):
        assert not any(is_behind(each, later) for later in plan[at + 1 :])
    overtaken = [one for one in letters for each in named if one.is_open and one not in named and is_behind(each, one)]
    everything = in_order(each for each in letters if each.is_open or each in named)
    try:
        to_redrive(letters, Wanted(wanted.names, again=True), ACT, anything)
    except CannotSettle:
        assert any(
            one.is_open and one not in named and anything(one).places == anything(each).places
            for at, each in enumerate(everything)
            if each in named
            for one in everything[:at]
        )
    else:
        assert overtaken == []


def looking(read_webhook: Callable[[bytes], Mapped] = lambda body: Mapped()) -> Looking:
    return Looking(catalogue(prefix="t."), codec(), read_webhook, MONDAY)


def test_a_command_goes_back_as_it_is_under_its_key() -> None:
    command = message("m1")
    found = looking()(letter(1, 1, "t.interaction.commands", value=codec().encode(command)))
    assert found.back == (Back("interaction.commands", HOME, codec().encode(command), command),)
    assert (set(found.places), found.refused) == ({("interaction.commands", HOME)}, None)


@pytest.mark.parametrize(
    ("topic", "record", "goes"),
    [
        ("t.routing.commands", WithdrawRequest(command_id="1", at=0, request_id="r"), True),
        ("t.routing.commands", message("m1"), False),
        ("t.interaction.commands", WithdrawRequest(command_id="1", at=0, request_id="r"), False),
        ("t.interaction.commands", e.Words(text="", salt=b""), False),
        ("t.delivery.commands", message("m1"), False),
        ("interaction.commands", message("m1"), False),
        ("t.command.results", message("m1"), False),
    ],
)
def test_only_what_can_be_asked_for_on_a_topic_goes_back_to_it(topic: str, record: Any, goes: bool) -> None:
    found = looking()(letter(1, 1, topic, value=codec().encode(record)))
    assert (bool(found.back), found.refused is None) == (goes, goes)


def test_an_order_to_post_goes_back() -> None:
    order = Deliver(
        delivery_id="d", attempt=1, interaction_id=f"{HOME}.1", channel="x", account=ACCOUNT, kind="reply",
        visibility="public", in_reply_to="m1", text="", at=0, correlation_id="",
    )  # fmt: skip
    found = looking()(letter(1, 1, "t.delivery.commands", f"x-{ACCOUNT}", value=codec().encode(order)))
    assert [(back.topic, back.key) for back in found.back] == [("delivery.commands", f"x-{ACCOUNT}")]


@pytest.mark.parametrize(
    ("changes", "why"),
    [
        ({"value": b"hushhush"}, "not_wire_format"),
        ({"value": b""}, "not_wire_format"),
        ({"value": b"\x00\x00\x00\xff\xff rest"}, "unknown_schema"),
        ({"key": "\udcff"}, "not UTF-8"),
        ({"topic": "timer", "value": b"hushhush"}, "older version"),
    ],
)
def test_what_cannot_go_back_says_why_and_nobodys_words(changes: dict[str, Any], why: str) -> None:
    key = changes.pop("key", HOME)
    one = letter(1, 1, **({"topic": "t.interaction.commands", "value": codec().encode(message("m1"))} | changes))
    one.letter.key = key.encode("utf-8", "surrogateescape")
    found = looking()(one)
    assert why in (found.refused or "")
    assert "hush" not in (found.refused or "")
    assert found.back == ()


@pytest.mark.parametrize("decider", ["interaction", "routing"])
def test_a_deadline_is_asked_for_on_the_topic_of_its_decider(decider: str) -> None:
    asked = DecideDeadline(command_id="1", at=0, decider=decider, name="expire", ref=f"{HOME}.1")
    found = looking()(letter(1, -1, "timer", value=codec().encode(asked)))
    assert [(back.topic, back.key, back.record) for back in found.back] == [(f"{decider}.commands", HOME, asked)]


def by_endpoints(tmp_path: Any, recorded: bool = False) -> Callable[[bytes], Mapped]:
    settings = load({"data": tmp_path, "home.secret": "hidden" * 6, "time.mode": "recorded" if recorded else "wall"})
    page = account("700", channel="facebook")
    return mapper(settings, [account(), page], MONDAY)


X_POST = {
    "for_user_id": ACCOUNT,
    "tweet_create_events": [
        {
            "created_at": "Mon Mar 02 09:00:00 +0000 2020", "id": 1, "id_str": "1", "text": "@care hello",
            "user": {"id": 42, "id_str": "42", "screen_name": "ann", "name": "Ann"},
            "entities": {"user_mentions": [{"id": int(ACCOUNT), "id_str": ACCOUNT, "screen_name": "care"}]},
        }
    ],
}  # fmt: skip
MESSENGER = {
    "object": "page",
    "entry": [
        {
            "id": "700", "time": 1583139600000,
            "messaging": [
                {"sender": {"id": "8"}, "recipient": {"id": "700"}, "timestamp": 1583139600000,
                 "message": {"mid": "m_1", "text": "hello"}}
            ],
        }
    ],
}  # fmt: skip


@pytest.mark.parametrize(("body", "channel"), [(X_POST, "x"), (MESSENGER, "messenger")])
def test_a_webhook_is_mapped_by_the_code_and_policy_of_today(body: Any, channel: str, tmp_path: Any) -> None:
    one = letter(1, -1, "webhook", value=json.dumps(body).encode())
    found = looking(by_endpoints(tmp_path))(one)
    (back,) = found.back
    assert isinstance(back.record, c.ReceiveMessage)
    assert (back.topic, back.key, back.record.channel) == ("interaction.commands", back.record.handle_id, channel)
    assert back.record.at == MONDAY
    assert found.places == {("interaction.commands", back.key)}
    (again,) = looking(by_endpoints(tmp_path, recorded=True))(one).back
    assert isinstance(again.record, c.ReceiveMessage)
    assert (again.record.at, again.record.command_id) == (1583139600000, back.record.command_id)


@pytest.mark.parametrize("body", [b"no json", b'{"strange": "hushhush"}', b'{"object": "cat", "entry": []}', b"[1]"])
def test_a_webhook_that_still_cannot_be_mapped_stays(body: bytes, tmp_path: Any) -> None:
    found = looking(by_endpoints(tmp_path))(letter(1, -1, "webhook", value=body))
    assert (found.refused or "").startswith("it still can't be mapped: ")
    assert "hush" not in (found.refused or "")
    assert found.back == ()


def test_of_a_webhook_the_part_that_cannot_be_mapped_is_a_dead_letter_of_its_own(tmp_path: Any) -> None:
    body = {**X_POST, "tweet_create_events": [*X_POST["tweet_create_events"], {"id_str": "hushhush"}]}
    found = looking(by_endpoints(tmp_path))(letter(1, -1, "webhook", value=json.dumps(body).encode()))
    command, left = found.back
    assert isinstance(command.record, c.ReceiveMessage)
    assert isinstance(left.record, DeadLetter)
    assert (left.topic, left.key, left.record.source_topic) == ("dead.letters", "webhook", "webhook")
    assert found.places == {("interaction.commands", command.key)}


def test_what_a_webhook_only_tells_by_the_way_is_done_without_a_command(tmp_path: Any) -> None:
    body = {"for_user_id": ACCOUNT, "follow_events": [{}]}
    found = looking(by_endpoints(tmp_path))(letter(1, -1, "webhook", value=json.dumps(body).encode()))
    assert (found.back, found.refused) == ((), None)
