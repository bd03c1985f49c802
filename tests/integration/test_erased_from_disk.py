"""A person is forgotten by a whole instance: after the time that it names no file of it has their words."""

import json
import time
from pathlib import Path
from typing import Any, Final

import httpx
import pytest

from engine.policy.document import Account, Policy, Queue
from rejoinder import policy_file
from rejoinder.sweeping import POSTGRES
from tests.on_disk import configure, files_with, secret_word
from tests.whole import Running, running, until
from topics.catalogue import (
    DEAD_LETTERS,
    DELIVERY_COMMANDS,
    INTERACTION_COMMANDS,
    INTERACTION_CONTENT,
    INTERACTION_PROFILES,
    ROUTING_COMMANDS,
)

pytestmark = [pytest.mark.timeout(900), pytest.mark.slow]

NOT_OURS: Final = ("simulator.jsonl",)
"""What the simulated platform keeps is the platform's."""
HOURS: Final = 0.003
"""Ten seconds, instead of six hours."""
EXPIRING: Final = (INTERACTION_COMMANDS, DELIVERY_COMMANDS, ROUTING_COMMANDS, DEAD_LETTERS)
POLICY: Final = Policy(
    name="erasing",
    accounts=(Account(channel="x", id="42", handle="care", queue="care"),),
    queues=(Queue(name="care"),),
    accept_within=None,  # nothing that a report counts may change by itself meanwhile
)


def say(here: Running, person: str, name: str, text: str) -> None:
    said: dict[str, Any] = {
        "channel": "x", "kind": "mention", "account": "42", "text": text,
        "from": {"id": person, "screen_name": f"p{person}", "name": name},
    }  # fmt: skip
    answer = httpx.post(f"{here.address('simulator')}/_simulator/customers/say", json=said, timeout=30)
    assert answer.status_code == 200, answer.text


def lines(told: str) -> list[dict[str, Any]]:
    """What a command said with --json."""
    return [json.loads(line) for line in told.splitlines()]


def contacts(here: Running) -> dict[str, str]:
    """By what they are known as, the ids."""
    listed = lines(here.command("contacts", "--json"))
    return {each["known_as"]: each["contact_id"] for each in listed}


def erasure(here: Running) -> dict[str, Any]:
    """What is listed of the one person who was forgotten."""
    listed = lines(here.command("erasures", "--json"))
    (found,) = [each for each in listed if each["what"].startswith("contact")]
    return found


def answer_and_close(here: Running, contact: str, text: str) -> None:
    (interaction,) = lines(here.command("interactions", "--contact", contact, "--json"))
    here.command("desk", "take", interaction["interaction_id"], "--agent", "ann")
    here.command("desk", "reply", interaction["interaction_id"], text, "--agent", "ann")
    until(
        "it is posted",
        60,
        lambda: here.rows("SELECT 1 FROM contact_history.message WHERE direction = 'out' AND status = 'posted'"),
    )
    here.command("desk", "close", interaction["interaction_id"], "resolved", "--agent", "ann")
    until(
        "the report has it",
        60,
        lambda: here.rows("SELECT 1 FROM reporting.fct_interaction WHERE disposition = 'resolved'"),
    )


def test_no_file_has_the_words_of_a_person_who_was_forgotten(tmp_path: Path) -> None:
    data = tmp_path / "data"
    mine, reply, name = secret_word(), secret_word(), secret_word()
    others = secret_word()
    with running(data, {"erasure.hours": str(HOURS), "topics.partitions": "4"}) as here:
        file = tmp_path / "policy.yaml"
        file.write_text(policy_file.to_yaml(POLICY))
        here.command("policy", "publish", str(file))
        here.command("agents", "add", "ann", "--capacity", "3", "--ready")
        say(here, "7", name, f"@care {mine}")
        say(here, "8", "Bo", f"@care {others}")
        until("both are contacts", 60, lambda: {"@p7", "@p8"} <= contacts(here).keys())
        answer_and_close(here, contacts(here)["@p7"], reply)
        before = here.command("report", "interactions", "--format", "csv")
        assert ",1," in before
        for word in (mine, reply, name, others):
            assert files_with(word, data, but=NOT_OURS), word

        (erased,) = lines(here.command("contacts", "erase", contacts(here)["@p7"], "--yes", "--json"))
        assert len(erased["gone_by"]) == 4
        _hurry(here)
        # What names the time in the real world is held against the same rules with seconds for hours.
        words = (mine, reply, name)
        until("it is gone", 420, lambda: not any(files_with(word, data, but=NOT_OURS) for word in words))
        assert files_with(others, data, but=NOT_OURS)

        until("PostgreSQL's files are known to be clear", 200, lambda: POSTGRES not in erasure(here)["remains"])
        assert erasure(here)["contents"] >= 3
        here.command("audit", "verify")
        assert here.command("report", "interactions", "--format", "csv") == before
        assert name not in here.command("contacts", "--json")
        _explains_what_came_after(here)
    assert not any(files_with(word, data, but=NOT_OURS) for word in words)


def _explains_what_came_after(here: Running) -> None:
    """`verify` goes on from events whose commands, with the words in them, are gone."""
    configure(here.instance.bootstrap, EXPIRING, retention_ms=3_600_000, segment_ms=3_600_000)
    say(here, "8", "Bo", "@care once more")
    say(here, "9", "Cy", "@care hello")
    until("both were decided", 60, lambda: "@p9" in contacts(here) and _received(here) == 4)
    decided = lines(here.command("verify", "--json"))
    assert not [each for each in decided if each["difference"]]
    assert sum(each["before"] for each in decided) > 0
    assert sum(each["commands"] for each in decided) >= 2


def _received(here: Running) -> int:
    return len(here.rows("SELECT 1 FROM contact_history.message WHERE direction = 'in'"))


def _hurry(here: Running) -> None:
    """Kafka's part takes half a day and a month: here seconds, by the same settings."""
    bootstrap = here.instance.bootstrap
    configure(bootstrap, [], log_cleaner_backoff_ms=500)
    configure(
        bootstrap, [INTERACTION_CONTENT, INTERACTION_PROFILES], max_compaction_lag_ms=1000, file_delete_delay_ms=100
    )
    time.sleep(1)
    configure(bootstrap, EXPIRING, retention_ms=1000, segment_ms=1000, file_delete_delay_ms=100)
