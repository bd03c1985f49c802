"""What the bench tells, without the services that it measures."""

import json
import random
from base64 import b64encode
from collections import Counter
from collections.abc import Iterator
from functools import partial
from pathlib import Path
from xml.etree import ElementTree

import pytest

from bench import __main__ as program
from bench import decide_only, keywords, report
from bench.__main__ import TABLE, main
from bench.measure import BenchFailed, Measure, Timing, beside, percentiles, typical
from bench.peer_run import FAUST, PEERS, QUIX, versions
from bench.peers.job import Job
from bench.rounds import in_rounds
from bench.routing import Hall
from bench.run import Run
from bench.stage import still_clock
from bench.workload import messages
from engine.interaction.events import MessageReceived, Words
from engine.routing.decider import RoutingDecider
from rejoinder.schema_files import record_types
from schemas import files
from schemas.codec import Codec
from topics.deciding import Deciding

WORDS = Words(text="help", salt=b"salt")
EVENT = MessageReceived(
    item_id="1",
    content_id="a:m:1",
    words=b"w",
    channel="x",
    account="1",
    visibility="public",
    handle_id="a",
    posted_at=1,
    joined="opened",
    action="route",
    event="mention",
)
FIELDS = {"name", "value", "unit", "ratio", "against", "detail"}


def test_a_line_has_every_field() -> None:
    line = json.loads(Measure("engine_events", 1000.0, "events/s").line())
    assert line == {
        "name": "engine_events",
        "value": 1000.0,
        "unit": "events/s",
        "ratio": None,
        "against": None,
        "detail": {},
    }


def test_standard_output_has_json_lines_and_nothing_else(capsys: pytest.CaptureFixture[str]) -> None:
    main(["--only", "decide_only", "--messages", "50", "--rounds", "1"])
    lines = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    assert [line["name"] for line in lines] == ["machine", "decide_only"]
    assert all(line.keys() == FIELDS for line in lines)


def test_a_measure_that_fails_says_so_and_the_others_go_on(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def fails(run: Run) -> Iterator[Measure]:
        yield Measure("half", 1, "s")
        raise BenchFailed("the disk is full")

    def works(run: Run) -> Iterator[Measure]:
        yield Measure("whole", run.found["half"] + 1, "s")

    monkeypatch.setattr(program, "TABLE", {"scale": fails, "routing": works})
    assert main([]) == 1
    said = capsys.readouterr()
    assert [json.loads(line)["name"] for line in said.out.splitlines()] == ["machine", "half", "whole"]
    assert "scale FAILED: the disk is full" in said.err
    monkeypatch.setattr(program, "TABLE", {"routing": lambda run: iter(())})
    assert main([]) == 0


def test_every_measure_of_the_table_says_what_it_is_in_one_function() -> None:
    assert all(measure.__name__ == "measure" and measure.__doc__ for measure in TABLE.values())


def test_sides_take_turns_and_one_that_fails_is_given_up() -> None:
    order: list[str] = []

    def side(name: str) -> Timing:
        order.append(name)
        if name == "b" and len(order) > 3:
            raise BenchFailed("it stopped")
        return Timing(1, 1, 1, 1)

    result = in_rounds({name: partial(side, name) for name in "abc"}, 3)
    assert "".join(order) == "abccbaac"
    assert result.found.keys() == {"a", "c"}
    with pytest.raises(BenchFailed, match="b: it stopped"):
        result.raise_failures()


def test_two_sides_are_told_round_by_round_too() -> None:
    one, other = [Timing(1, 1, 1, 10), Timing(1, 2, 1, 30)], [Timing(1, 1, 1, 20), Timing(1, 1, 1, 20)]
    told = beside("a", one, "b", other)
    assert (told.value, told.ratio, told.against) == (20, 1.0, "b")
    assert told.detail["ratios"] == [0.5, 1.5]
    assert told.detail["cpu_ratios"] == [0.5, 0.75]


def test_percentiles_are_of_the_ordered_values() -> None:
    assert percentiles([float(each) for each in range(200, 0, -1)]) == {"p50": 101.0, "p99": 199.0, "max": 200.0}


def test_each_match_takes_the_head_of_a_line_and_fills_the_slot_again() -> None:
    codec = Codec.local(record_types(), files.current())
    hall = Hall(Deciding(RoutingDecider(), codec, 0, {}, still_clock), codec, random.Random(1))
    hall.fill(500)
    assert len(hall.busy) == 1_000
    before = hall.deciding.counts.events
    assert len(hall.match()) == 1
    assert hall.deciding.counts.events - before == 3
    assert len(hall.busy) == 1_000


def lines_of_a_run() -> list[Measure]:
    machine = {
        "processor": "A processor",
        "memory": "4194304 kB",
        "system": "Linux",
        "python": "3.11",
        "kafka": "4.4.0",
        "packages": {"a": "1"},
        "load": 0.1,
        "sizes": {"long_contacts": 1000},
    }
    return [
        Measure("machine", 2, "cores", detail=machine),
        Measure("engine_events", 50_000, "events/s", 0.7, "floor", {"rounds": [1, 50_000]}),
        Measure("floor", 71_000, "events/s"),
        Measure("memory", 700, "MB"),
        Measure("growth_10", 20.0, "µs", detail={"contacts": 10, "clock": 22.0}),
        Measure("growth_1000", 30.0, "µs", 1.5, "growth_10", {"contacts": 1000, "clock": 32.0}),
    ]


def test_the_report_holds_the_figures_against_what_they_must_show(tmp_path: Path) -> None:
    run = tmp_path / "run.jsonl"
    run.write_text("".join(each.line() + "\n" for each in lines_of_a_run()))
    report.main([str(run), str(tmp_path)])
    written = (tmp_path / "RESULTS.md").read_text()
    assert "| `engine_events` | 50,000 events/s | 0.7 | `floor` | ratio at least 0.6 | yes |" in written
    assert "| `memory` | 700 MB |  |  | at most 600 | **no** |" in written
    assert "| `floor` | 71,000 events/s |  |  |  |  |" in written
    assert "2 cores of A processor, 4 GB" in written
    picture = ElementTree.fromstring((tmp_path / "plot.svg").read_text())
    texts = [element.text for element in picture.iter("{http://www.w3.org/2000/svg}text")]
    assert "0.7 (must be ≥ 0.6)" in texts and "700 (must be ≤ 600)" in texts
    assert "1,000" in texts  # the contacts at the end of the curve


def test_whatever_has_to_be_shown_is_measured_by_someone() -> None:
    sources = "".join(path.read_text() for path in Path(report.__file__).parent.glob("*.py") if path.stem != "report")
    stems = {name.removesuffix("_p50").removesuffix("_p99").removeprefix("engine_over_") for name in report.WANTED}
    unmeasured = {
        stem for stem in stems if f'"{stem}"' not in sources and f'f"{stem.rstrip("0123456789")}{{' not in sources
    }
    assert not unmeasured


def test_the_median_counts_and_not_the_mean() -> None:
    assert typical([Timing(1, 1, 1, events) for events in (100, 300, 2_000)]) == 300


def test_a_ratio_is_told_with_what_it_is_against() -> None:
    alone = decide_only.compared(50, 1)
    known = decide_only.compared(50, 1, engine=10.0)
    assert (alone.ratio, alone.against) == (None, None)
    assert known.against == "engine_events"
    assert known.ratio == pytest.approx(known.value / 10.0, rel=0.01)


def test_the_messages_are_the_same_each_time() -> None:
    assert messages(100) == messages(100)


def test_authors_write_new_posts_and_answer_their_own() -> None:
    made = messages(1_000)
    author_of = {message.item_id: message.handle_id for message in made}
    answers = [message for message in made if message.in_reply_to is not None]
    assert all(author_of[message.in_reply_to or ""] == message.handle_id for message in answers)
    assert 0.4 < len(answers) / len(made) < 0.8
    assert 100 < len(set(author_of.values())) <= 150
    assert len(author_of) == 1_000


def test_every_message_is_decided_into_at_least_one_event() -> None:
    measure = decide_only.compared(200, 1)
    assert measure.detail["events"] > measure.detail["commands"] == 200


def test_keywords_are_told_against_none_in_the_same_run() -> None:
    found, without = keywords.compared(1, ["my phone is dead", "the phone is fine"])
    assert (found.name, found.against, without.name) == ("keywords", "no_keywords", "no_keywords")
    assert found.ratio == pytest.approx(found.value / without.value, rel=0.1, abs=0.02)
    assert found.detail["keywords"] == 11  # six words and five pairs
    assert found.detail["met"] == 2


def test_without_the_tweets_keywords_are_left_out_with_a_word(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(keywords, "CONVERSATIONS", tmp_path / "none.csv")
    assert keywords.compared(1) == []
    assert "keywords left out" in capsys.readouterr().err


def test_a_peer_writes_as_many_records_as_the_engine(tmp_path: Path) -> None:
    codec = Codec.local(record_types(), files.current())
    asked = messages(30)
    values = {type(each): codec.encode(each) for each in (EVENT, WORDS)}
    schemas = {}
    for each in (EVENT, WORDS, asked[0]):
        number = int.from_bytes(codec.encode(each)[1:5], "big")
        schemas[number] = files.current()[codec.name_of(each)]
    job = {
        "messages": len(asked),
        "events": 58,
        "others": 47,
        "schemas": schemas,
        "event": b64encode(values[MessageReceived]).decode(),
        "words": b64encode(values[Words]).decode(),
        "began": str(tmp_path / "began.json"),
    }
    file = tmp_path / "job.json"
    file.write_text(json.dumps(job))
    peer = Job(file)
    made = [
        (each, name, codec.decode(value))
        for each in asked
        for name, value in peer.outputs(peer.decode(codec.encode(each)), each.handle_id, 1)
    ]
    assert Counter(name for _, name, _ in made) == {"event": 58, "words": 47}
    for each, name, record in made:
        assert (record.item_id if name == "event" else record.text) == (each.item_id if name == "event" else each.text)
    assert len({record.event_id for _, name, record in made if name == "event"}) == 58
    assert json.loads((tmp_path / "began.json").read_text()).keys() == {"at", "cpu"}


def test_the_locks_of_the_peers_name_what_is_told_of_them() -> None:
    for peer in (QUIX, FAUST):
        assert versions(peer).keys() == set(peer.packages)
        assert "--hash=sha256:" in (PEERS / peer.lock).read_text()
