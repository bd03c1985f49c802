"""What the demo refuses before it starts anything, and what it says of each channel."""

from pathlib import Path
from typing import Any, Final

import pytest

from rejoinder import demo, policy_file
from rejoinder.cli.running import BadOption, print_summary
from rejoinder.cli.running import demo as command
from rejoinder.policy_file import BadPolicy
from rejoinder.settings import Settings, load

POLICIES: Final = Path(__file__).parents[2] / "docs" / "policies"
CHAT: Final = POLICIES / "messenger-chat.yaml"


class Started(Exception):
    """Everything that is looked at before was fine."""


@pytest.fixture
def settings(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Settings:
    def start(*_: object) -> None:
        raise Started

    monkeypatch.setattr(demo, "with_simulator", start)
    return load({"data": tmp_path / "data"}, environment={})


def run(settings: Settings, **options: Any) -> None:
    demo.run(settings, demo.Options(**options), lambda summary: None)


def test_the_policy_of_a_folder_is_that_of_its_first_play(settings: Settings) -> None:
    with pytest.raises(Started):
        run(settings, policy=CHAT)
    traffic = (settings.data / "traffic.jsonl").read_bytes()
    assert policy_file.read(settings.data / "policy.yaml") == policy_file.read(CHAT)
    for options in ({}, {"policy": CHAT}):
        with pytest.raises(Started):
            run(settings, **options)
        assert (settings.data / "traffic.jsonl").read_bytes() == traffic


def test_without_a_policy_it_is_the_one_for_all_channels(settings: Settings) -> None:
    with pytest.raises(Started):
        run(settings)
    assert policy_file.read(settings.data / "policy.yaml") == policy_file.read(POLICIES / "all-channels.yaml")


def test_another_policy_in_the_same_folder_is_refused_until_it_is_begun_anew(settings: Settings) -> None:
    with pytest.raises(Started):
        run(settings)
    with pytest.raises(demo.OtherPolicy, match=r"'all channels'.*--fresh"):
        run(settings, policy=CHAT)
    with pytest.raises(Started):
        run(settings, policy=CHAT, fresh=True)
    (settings.data / "policy.yaml").unlink()
    with pytest.raises(demo.OtherPolicy, match="an older version"):
        run(settings)


def test_a_policy_that_can_t_be_used_empties_no_folder(settings: Settings, tmp_path: Path) -> None:
    with pytest.raises(Started):
        run(settings)
    bad = tmp_path / "bad.yaml"
    bad.write_text("name: bad\n")
    for file, what in ((bad, "accounts"), (tmp_path / "nowhere.yaml", "can't be read")):
        with pytest.raises(BadPolicy, match=what) as caught:
            run(settings, policy=file, fresh=True)
        assert caught.value.exit_code == 2
    assert (settings.data / "traffic.jsonl").exists()


def test_a_policy_is_not_for_recorded_traffic(tmp_path: Path) -> None:
    with pytest.raises(BadOption, match="one of --policy and --traffic"):
        command(data=tmp_path, traffic=tmp_path / "traffic.jsonl", policy=CHAT)


def test_the_summary_has_a_line_for_each_channel_without_what_is_not_there(capsys: pytest.CaptureFixture[str]) -> None:
    nothing = dict.fromkeys(
        ("answers_automatic", "moved_to_private", "handles_linked", "suggestions"), 0
    )  # fmt: skip
    counted = {"interactions": 2, "messages_in": 3, "answers_posted": 0} | nothing
    found: dict[str, Any] = {
        "first_response_seconds": {"count": 0, "p50": None, "p90": None, "sum": 0}, "interactions_by_state": {},
        "contacts": 1, "interactions": 4, "inbound_messages": 6, "duplicates_ignored": 0, "replies_posted": 0,
        "by_channel": {"x": counted, "messenger": counted | {"handles_linked": 1}}, "replies_refused": 0,
        "replies_refused_by_reason": {}, "replies_unmatched": 0, "answers_automatic": 5, "notices_posted": 2,
        "dead_letters": 0, "events": 9, "seconds": 1.0, "lag": [], "unaccounted": [], "sample": None,
    }  # fmt: skip
    print_summary(found, None)
    told = " ".join(capsys.readouterr().out.split())  # a narrow terminal breaks the longer lines
    assert "on X 2 interactions, 3 messages, 0 answers in Messenger" in told
    assert "in Messenger 2 interactions, 3 messages, 0 answers, 1 linked to a person known elsewhere" in told
    assert "Automatic answers 5, and 2 notices of closures" in told
