"""Dead letters on a real Kafka, by the command line: put back in order, discarded, and never twice."""

import json
import signal
import subprocess
import sys
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from engine.delivery import DeadLetter, Deliver
from engine.envelope import home, interaction_id
from engine.errors import RejoinderError
from engine.interaction import events as e
from engine.interaction.commands import ReceiveMessage, Reply, Take
from engine.interaction.decider import InteractionDecider
from engine.interaction.letters import DeadLetterSettled, SettleDeadLetter
from rejoinder.cli import app, settling
from rejoinder.cluster import Cluster, wall_clock
from rejoinder.redriving import Wanted
from tests.ended import Ended
from tests.log_checks import read_log, records_of
from tests.processing import ROOT, deployed, eventually, message, send, setup, working
from tests.settling import redrive
from tests.threads import in_threads
from topics.catalogue import DEAD_LETTERS, DELIVERY_COMMANDS, INTERACTION_COMMANDS
from topics.letters import Letter, read
from topics.processor import Processor
from topics.publisher import Outgoing
from topics.reading import high_watermarks

PARTITIONS = 2


class Broken(InteractionDecider):
    """Can't decide what author 1 writes."""

    def decide(self, rows: Any, command: Any, context: Any) -> Any:
        if isinstance(command, ReceiveMessage) and command.platform_id == "1":
            raise ValueError("hushhush")
        return super().decide(rows, command, context)


def call(*arguments: str, given: str | None = None) -> Ended:
    """Runs `dead-letters` on the test's own topics."""
    result = CliRunner().invoke(app, ["dead-letters", *arguments], input=given)
    if isinstance(result.exception, RejoinderError):
        return Ended(result.exception.exit_code, result.stdout, str(result.exception))
    if result.exception is not None and not isinstance(result.exception, SystemExit):
        raise result.exception
    return Ended(result.exit_code, result.stdout, result.stderr)


@pytest.fixture
def cluster(kafka: str, topic_prefix: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Cluster:
    """Topics of the test's own, on which the command line works as on an instance that runs elsewhere."""
    monkeypatch.setenv("XDG_DATA_HOME", str(tmp_path))
    monkeypatch.setenv("REJOINDER_KAFKA_BOOTSTRAP", kafka)
    monkeypatch.setenv("REJOINDER_POSTGRES_DSN", "host=127.0.0.1 port=1")  # dead letters ask nothing of it
    monkeypatch.setenv("REJOINDER_TOPICS_PREFIX", topic_prefix)
    monkeypatch.setenv("REJOINDER_HOME_SECRET", "test" * 8)
    return deployed(kafka, topic_prefix, PARTITIONS)


@contextmanager
def broken(cluster: Cluster) -> Iterator[None]:
    """A worker with the fault."""
    with in_threads(Processor(setup(cluster, Broken(), "1")).run):
        yield


def three_of_one_key(cluster: Cluster) -> list[str]:
    """Three messages of author 1 that the code can't decide, and one of another that it can. Gives their letters."""
    send(cluster, [message(2, 1), *(message(1, number) for number in (1, 2, 3))])
    with broken(cluster):
        eventually("three are kept", lambda: len(letters(cluster)) == 3)
    assert received(cluster) == ["2-1"]
    return [each.name for each in letters(cluster)]


def letters(cluster: Cluster) -> list[Letter]:
    """All letters; those of one partition in their order."""
    return read(cluster.broker, cluster.catalogue, cluster.codec)


def received(cluster: Cluster) -> list[str]:
    """The messages in the log; those of a key in their order."""
    return [event.item_id for event in read_log(cluster).events if isinstance(event, e.MessageReceived)]


def settled(cluster: Cluster) -> list[DeadLetterSettled]:
    return [event for event in read_log(cluster).events if isinstance(event, DeadLetterSettled)]


def asked(cluster: Cluster) -> Counter[str]:
    """How often each command of author 1 stands on the topic."""
    commands = records_of(cluster, INTERACTION_COMMANDS)
    return Counter(each.item_id for each in commands if isinstance(each, ReceiveMessage) and each.platform_id == "1")


def ends(cluster: Cluster) -> list[dict[int, int]]:
    topics = (cluster.catalogue.topic(name) for name in (INTERACTION_COMMANDS, DEAD_LETTERS))
    return [high_watermarks(cluster.broker, topic.name, range(topic.partitions)) for topic in topics]


def test_letters_go_back_in_the_order_of_their_key_once(cluster: Cluster, monkeypatch: pytest.MonkeyPatch) -> None:
    first, second, third = three_of_one_key(cluster)
    before = ends(cluster)
    (counted,) = call("redrive", "--all", "--code", "undecidable", "--dry-run", "--json").lines
    assert (counted["code"], counted["letters"], counted["records"]) == ("undecidable", 3, 3)
    assert counted["source"] == cluster.catalogue.name(INTERACTION_COMMANDS)
    refused = {
        "would overtake": call("redrive", third, "--yes"),
        "no terminal": call("redrive", "--all"),
        "no dead letter": call("redrive", "0@999", "--yes"),
    }
    assert {what: ended.code for what, ended in refused.items() if what in ended.err} == {
        "would overtake": 1, "no terminal": 2, "no dead letter": 3
    }  # fmt: skip
    monkeypatch.setattr(settling, "is_terminal", lambda: True)
    declined = call("redrive", "--all", given="n\n")
    assert (declined.code, "not confirmed" in declined.err) == (1, True)
    assert ends(cluster) == before

    ended = call("redrive", "--all", "--why", "it is mended", given="y\n")
    assert ended.code == 0, ended.err
    with working(cluster):
        eventually("all are decided", lambda: len(received(cluster)) == 4)
        eventually("it is recorded", lambda: len(settled(cluster)) == 3)
    assert [item for item in received(cluster) if item.startswith("1-")] == ["1-1", "1-2", "1-3"]
    assert read_log(cluster).faults == []
    by_letter = {f"{each.letter_partition}@{each.letter_offset}": each for each in settled(cluster)}
    assert sorted(by_letter) == sorted([first, second, third])
    one = by_letter[first]
    assert (one.outcome, one.code, one.why, one.actor_kind) == ("redriven", "undecidable", "it is mended", "supervisor")
    assert one.actor_id
    causes = {event.causation_id for event in read_log(cluster).events if isinstance(event, e.MessageReceived)}
    assert causes >= {each for letter in by_letter.values() for each in letter.put_back}

    assert call("list", "--json").lines == []
    assert {line["state"] for line in call("list", "--settled", "--json").lines} == {"redriven"}
    assert call("redrive", "--all", "--yes", "--json").lines == []
    twice = call("redrive", first, "--yes")
    assert (twice.code, "--again" in twice.err) == (1, True)
    assert asked(cluster) == {"1-1": 2, "1-2": 2, "1-3": 2}
    assert call("redrive", first, "--again", "--yes").code == 0
    assert asked(cluster) == {"1-1": 3, "1-2": 2, "1-3": 2}


def test_what_fails_again_is_a_new_letter(cluster: Cluster) -> None:
    three_of_one_key(cluster)
    redrive(cluster)
    with broken(cluster):
        eventually("they are kept again", lambda: len(letters(cluster)) == 6)
    assert len(call("list", "--json").lines) == 3
    assert len(call("list", "--settled", "--json").lines) == 6
    redrive(cluster)
    with working(cluster):
        eventually("all are decided", lambda: len(received(cluster)) == 4)
    assert [item for item in received(cluster) if item.startswith("1-")] == ["1-1", "1-2", "1-3"]


def test_a_letter_that_was_discarded_waits_for_nobody(cluster: Cluster) -> None:
    send(cluster, [message(1, 1, accounts=["4711"], text="hushhush")])
    with working(cluster):
        eventually("it is kept", lambda: len(letters(cluster)) == 1)
    (line,) = call("list", "--json").lines
    assert call("discard", line["letter"], "--yes").code == 2
    (ended,) = call("discard", line["letter"], "--why", "a test of ours", "--yes", "--json").lines
    assert (ended["letter"], ended["outcome"], ended["put_back"]) == (line["letter"], "discarded", [])
    assert call("list", "--json").lines == []
    (shown,) = call("show", line["letter"], "--json").lines
    assert (shown["state"], shown["why"], bool(shown["settled_by"])) == ("discarded", "a test of ours", True)
    assert call("discard", "--all", "--why", "x", "--yes", "--json").lines == []
    assert call("discard", line["letter"], "--why", "x", "--yes").code == 1
    assert call("redrive", line["letter"], "--yes").code == 1
    assert asked(cluster) == {"1-1": 1}


def test_nothing_goes_back_twice_wherever_the_command_line_dies(cluster: Cluster) -> None:
    three_of_one_key(cluster)
    before, after = (dict.fromkeys(("1-1", "1-2", "1-3"), times) for times in (1, 2))
    arguments = [cluster.bootstrap, cluster.catalogue.prefix, str(PARTITIONS), "produced"]
    died = subprocess.run([sys.executable, "-m", "tests.settling", *arguments], cwd=ROOT, check=False)
    assert died.returncode == -signal.SIGKILL
    assert asked(cluster) == before

    def die(point: str) -> None:
        if point == "committed":
            raise KeyboardInterrupt  # it stands, and nobody was told

    with pytest.raises(KeyboardInterrupt):
        redrive(cluster, point=die)
    assert asked(cluster) == after
    assert redrive(cluster) == []
    assert asked(cluster) == after
    commands = records_of(cluster, INTERACTION_COMMANDS)
    assert sum(isinstance(each, SettleDeadLetter) for each in commands) == 3


def test_of_two_who_redrive_at_once_one_does(cluster: Cluster) -> None:
    first, *_ = three_of_one_key(cluster)
    others: list[Any] = []

    def between(name: str) -> None:
        if name == "chosen" and not others:  # it has read what is open, and wrote nothing yet
            others.extend(redrive(cluster, Wanted((first,))))

    done = redrive(cluster, point=between)
    assert [each.letter_offset for each in others] == [int(first.partition("@")[2])]
    assert len(done) == 2
    assert asked(cluster) == {"1-1": 2, "1-2": 2, "1-3": 2}


def test_a_webhook_goes_through_the_mapping_of_today(cluster: Cluster) -> None:
    user = {"id": 42, "id_str": "42", "screen_name": "ann", "name": "Ann"}
    post = {
        "created_at": "Mon Mar 02 09:00:00 +0000 2026", "id": 1, "id_str": "1", "text": "@acme hello", "user": user,
        "entities": {"user_mentions": [{"id": 9, "id_str": "9", "screen_name": "acme"}]},
    }  # fmt: skip
    bodies: list[Any] = [{"for_user_id": "9", "tweet_create_events": [post]}, {"strange": "hushhush"}]
    topic = cluster.catalogue.name(DEAD_LETTERS)
    kept = [
        DeadLetter(
            source_topic="webhook", source_partition=-1, source_offset=-1, value=json.dumps(body).encode(),
            code="unknown_shape", reason="a field is missing", at=1,
        )
        for body in bodies
    ]  # fmt: skip
    with cluster.publisher("test") as publisher:
        publisher.publish(Outgoing(topic, "webhook", each) for each in kept)
    one, other = call("redrive", "--all", "--yes", "--json").lines
    assert (one["outcome"], one["records"], other["outcome"]) == ("redriven", 1, "left")
    assert "still can't be mapped" in other["why_not"]
    assert "hush" not in other["why_not"]
    named = call("redrive", other["letter"], "--yes")
    assert (named.code, "still can't be mapped" in named.err) == (1, True)
    with working(cluster):
        eventually("it is decided", lambda: received(cluster) == ["1"])
    assert [line["letter"] for line in call("list", "--json").lines] == [other["letter"]]
    (command,) = (each for each in records_of(cluster, INTERACTION_COMMANDS) if isinstance(each, ReceiveMessage))
    assert (one["put_back"], command.accounts) == ([command.command_id], ["9"])


def test_an_answer_that_is_too_old_is_refused_and_a_younger_one_is_posted(cluster: Cluster) -> None:
    key = home(b"test", "x", "1")
    who: dict[str, Any] = {
        "actor_kind": "agent",
        "actor_id": "ann",
        "interaction_id": interaction_id(key, 1),
        "agent_id": "ann",
    }
    take = Take(command_id="take", at=wall_clock(), **who)
    send(cluster, [message(1, 1), Outgoing(INTERACTION_COMMANDS, key, take)])
    ages = {"old": 3 * 3_600_000, "young": 60_000}
    replies = [
        Reply(command_id=name, at=wall_clock() - age, text="hushhush", salt=b"0" * 16, **who)
        for name, age in ages.items()
    ]
    kept = [
        DeadLetter(
            source_topic=cluster.catalogue.name(INTERACTION_COMMANDS), source_partition=0, source_offset=900 + number,
            key=key.encode(), value=cluster.codec.encode(each), code="undecidable", reason="", at=wall_clock(),
        )
        for number, each in enumerate(replies)
    ]  # fmt: skip
    with cluster.publisher("test") as publisher:
        publisher.publish(Outgoing(cluster.catalogue.name(DEAD_LETTERS), key, each) for each in kept)
    assert call("redrive", "--all", "--yes").code == 0
    with working(cluster):
        eventually("both are decided", lambda: set(ages) <= {each.causation_id for each in read_log(cluster).events})
    came = {each.causation_id: each for each in read_log(cluster).events if each.causation_id in ages}
    refused, asked_for = came["old"], came["young"]
    assert isinstance(refused, e.CommandRefused)
    assert (refused.code, refused.actor_id, isinstance(asked_for, e.ReplyRequested)) == ("too_old", "ann", True)
    orders = [each for each in records_of(cluster, DELIVERY_COMMANDS) if isinstance(each, Deliver)]
    assert [each.delivery_id for each in orders] == [getattr(asked_for, "delivery_id", None)]
    assert call("list", "--json").lines == []
