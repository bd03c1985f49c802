"""Durations, the rules made of a document, and the texts of notices."""

import unicodedata
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.policy.document import Filter, Notice, Queue
from engine.policy.rules import NAME_LIMIT, QueueTimes, Rules, document_digest, duration, encode, load, notice_text
from engine.text import X_LIMIT, weighted_length
from tests.unit.builders import DAY, HOUR, MINUTE, MONDAY, SECOND, account, policy

UNITS = {"s": SECOND, "m": MINUTE, "h": HOUR, "d": DAY}


@given(st.integers(0, 10**9 - 1), st.sampled_from(sorted(UNITS)), st.sampled_from(["", " "]))
def test_a_duration_is_a_number_and_a_unit(number: int, unit: str, space: str) -> None:
    assert duration(f" {number}{space}{unit} ") == number * UNITS[unit]


@pytest.mark.parametrize("text", ["", "5", "h", "1.5h", "-1s", "1h30m", "5 min", "1H", "∞d"])
def test_what_is_no_duration_says_how_one_is_written(text: str) -> None:
    with pytest.raises(ValueError, match="write a whole number and s, m, h or d"):
        duration(text)


def test_a_document_survives_its_travel() -> None:
    document = encode(policy())
    rules = load(7, document)
    assert (rules.version, rules.policy) == (7, policy())
    assert document_digest(document) == document_digest(encode(rules.policy))
    assert rules.account("x", "100") == account()
    assert rules.account("facebook", "100") is None


def test_the_rules_have_the_times_in_milliseconds() -> None:
    rules = load(1, encode(policy(accept_within=None, expire_after=None)))
    assert (rules.accept_within, rules.expire_after) == (None, None)
    rules = load(1, encode(policy()))
    assert (rules.accept_within, rules.expire_after, rules.join_recent) == (MINUTE, 30 * DAY, 72 * HOUR)
    assert (rules.notice_max_age, rules.retry_for, rules.retry_every) == (HOUR, HOUR, 30 * SECOND)


def test_an_emergency_in_which_routing_continues_holds_nothing_back() -> None:
    emergencies = {"x:100": "e1"}
    for routing, held in (("held", "e1"), ("continued", None)):
        one = account(emergency_routing=routing)
        rules = load(1, encode(policy(one)))
        told, holding = (method(one, MONDAY, emergencies) for method in (rules.closure, rules.holding))
        assert told is not None
        assert told.closure_id == "e1"
        assert (None if holding is None else holding.closure_id) == held


def of(**changes: Any) -> Rules:
    return Rules(1, policy(**changes))


def test_the_rules_have_what_the_engine_asks() -> None:
    rules = of(weights={"messenger": 2}, automatic_per_day=5, session_idle_disposition="resolved")
    assert [rules.weight(channel) for channel in ("x", "facebook", "messenger")] == [1, 1, 2]
    assert (rules.automatic_per_day, rules.invitation_for) == (5, 7 * DAY)
    assert (rules.session_idle, rules.session_idle_disposition) == (30 * MINUTE, "resolved")
    assert of(session_idle=None).session_idle is None


def test_a_queue_has_its_times_in_milliseconds() -> None:
    queue = Queue(
        name="q", skills=("a", "b"), prefer_last_agent_for="7d", relax_after="5m", relaxed_skills=("a",),
        answer_within="1h",
    )  # fmt: skip
    rules = of(queues=(queue, Queue(name="plain")))
    assert rules.timing("q") == QueueTimes(7 * DAY, MINUTE, 5 * MINUTE, HOUR)
    assert rules.timing("plain") == QueueTimes(None, MINUTE, None, None)


def test_private_messages_have_a_queue_of_their_own_where_the_account_says_so() -> None:
    rules = of()
    queues = [
        rules.queue_of(account(private_queue=private), visibility)
        for private in (None, "billing")
        for visibility in ("public", "private")
    ]
    assert queues == ["care", "care", "care", "billing"]


def test_a_page_is_our_own_on_facebook_and_in_messenger() -> None:
    rules = Rules(1, policy(account("7", channel="facebook"), account("8")))
    asked = [("facebook", "7"), ("messenger", "7"), ("x", "7"), ("x", "8"), ("facebook", "8"), ("x", "9")]
    assert [rules.is_own(*each) for each in asked] == [True, True, False, True, False, False]


def test_a_message_is_held_against_the_filters() -> None:
    found = of().match("my refund", event="mention", account="x:100")
    assert (found.filter is not None and found.filter.name, found.sentiment) == ("money", None)
    assert of(filters=()).match("my refund", event="mention", account="x:100").filter is None
    positive = of(filters=(Filter(name="praise", sentiment="positive"),))
    assert positive.match("my refund", event="mention", account="x:100").sentiment == 0


OPT_OUT = ("stop", "Opt out", "❌", "halt’s")


@given(
    st.sampled_from(["stop", "STOP", "opt  out", "Opt Out", "halt's"]),
    st.lists(st.sampled_from(["@AcmeCare", "@other"]), max_size=2),
    st.text(".!? “”🙏\n", max_size=4),
)
def test_who_says_just_a_word_of_opting_out_always_opts_out(word: str, handles: list[str], around: str) -> None:
    assert of(opt_out=OPT_OUT).opts_out(" ".join([*handles, f"{around}{word}{around}"]))


@given(st.text(max_size=20), st.sampled_from(["stop", "opt out"]))
def test_who_says_more_or_nothing_never_does(more: str, word: str) -> None:
    rules = of(opt_out=OPT_OUT)
    assert not rules.opts_out(f"please {word} {more}")
    assert not rules.opts_out("@AcmeCare 🙏")
    assert not rules.opts_out("")
    assert not of(opt_out=()).opts_out(word)


def worded(*languages: str) -> Notice:
    return Notice(name="n", text={language: language for language in languages})


@pytest.mark.parametrize(
    ("languages", "spoken", "used"),
    [
        (("en", "de"), ("de",), "de"),
        (("en", "de"), (None, "fr", "de"), "de"),
        (("en", "de"), ("DE-at",), "de"),
        (("en", "de"), ("de_DE",), "de"),
        (("en", "de", "de-AT"), ("de-AT",), "de-AT"),
        (("en", "pt-BR"), ("pt",), "pt-BR"),
        (("en", "pt-BR", "pt-PT"), ("pt-AO",), "pt-BR"),
        (("en", "De"), ("de",), "De"),
        (("en", "id"), ("in",), "id"),
        (("en", "he"), ("iw",), "he"),
        (("en", "de"), ("fr", None), "en"),
        (("en", "de"), (), "en"),
        (("en", "de"), ("", "und", "d"), "en"),
    ],
)
def test_a_notice_is_said_in_the_first_language_spoken_that_it_has(
    languages: tuple[str, ...], spoken: tuple[str | None, ...], used: str
) -> None:
    assert of().wording(worded(*languages), spoken) == used


LANGUAGES = st.sampled_from(["en", "de", "de-AT", "DE", "pt-BR", "zh-Hant", "xx", ""])


@given(st.lists(LANGUAGES.filter(bool), min_size=1, unique=True), st.lists(st.none() | LANGUAGES, max_size=3))
def test_the_wording_is_always_one_that_the_notice_has_and_one_spoken_where_it_has_it(
    languages: list[str], spoken: list[str | None]
) -> None:
    used = of().wording(worded(*languages), spoken)
    assert used in languages
    if spoken and spoken[0] in languages:
        assert used.lower() == spoken[0].lower()


@pytest.mark.parametrize(
    ("text", "handle", "name", "said"),
    [
        ("{handle} Thanks, {name}!", "jo", "Jo Doe", "@jo Thanks, Jo Doe!"),
        ("{handle} Thanks, {name}!", None, None, "Thanks,!"),
        ("Hello {name}, thanks", None, None, "Hello, thanks"),
        ("{handle} {name} Thanks", None, None, "Thanks"),
        ("Hello {name}", None, " Jo\r\n  Doe ", "Hello Jo Doe"),
        ("Hello {name}", None, "{handle}", "Hello {handle}"),
        ("{x} {{name}} {Name} {}", None, "Jo", "{x} {Jo} {Name} {}"),
        ("Hello {name}", None, "J\u202eo\u0000\u200f", "Hello Jo"),
        ("Hello {name}", None, "👩\u200d🚀", "Hello 👩\u200d🚀"),
        ("Hello {name}", None, "win at evil.example", "Hello"),
        ("Hello {name}", None, "@victim", "Hello"),
        ("Hello {name}", None, "see//it", "Hello"),
        ("Hello {name}", None, "St. John", "Hello St. John"),
        ("Hello {name}", None, "J. R. R. Tolkien", "Hello J. R. R. Tolkien"),
    ],
)
def test_a_notice_names_its_reader(text: str, handle: str | None, name: str | None, said: str) -> None:
    assert notice_text(Notice(name="n", text={"en": text}), "en", handle, name) == said


@given(st.text(max_size=200) | st.text("aé名 ", min_size=NAME_LIMIT, max_size=400))
def test_a_name_never_steers_speaks_to_others_or_fills_the_text(name: str) -> None:
    said = notice_text(Notice(name="n", text={"en": "<{name}>"}), "en", None, name)
    assert said.startswith("<")
    assert said.endswith(">")
    inner = said[1:-1]
    assert len(inner) <= NAME_LIMIT
    assert not any(unicodedata.category(each) in ("Cc", "Cs", "Zl", "Zp") for each in inner)
    assert not set(inner) & set("@＠#＃/\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069\u200e\u200f")


@given(st.text("w_9", min_size=1, max_size=15), st.text(max_size=50))
def test_a_text_that_validation_takes_always_fits_into_a_post(handle: str, name: str) -> None:
    longest = "{handle} " + "a" * (X_LIMIT - 16 - 1 - 2 - 100) + " {name}!"  # as validation counts, exactly full
    assert weighted_length(notice_text(Notice(name="n", text={"en": longest}), "en", handle, name)) <= X_LIMIT
