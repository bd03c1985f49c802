"""Every command against a real small instance: Kafka, PostgreSQL, all programs and the simulated platform."""

import csv
import json
import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import psycopg
import pytest

from rejoinder.cli.kafka import person
from rejoinder.instance import find_instance
from rejoinder.policy_file import parse
from tests.commanded import ACCOUNT, Company, body, company_on

ROOT = Path(__file__).parent.parent.parent
pytestmark = pytest.mark.timeout(240)


@pytest.fixture(scope="module")
def company(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Company]:
    with company_on(tmp_path_factory.mktemp("instance")) as made:
        yield made


def test_status_tells_what_runs_and_how_far_everything_is(company: Company) -> None:
    (found,) = company.done("status", "--json").lines
    assert {program["program"] for program in found["programs"]} == {
        "simulator",
        "engine",
        "projector",
        "delivery",
        "web",
    }
    assert all(program["runs"] and program["restarts"] == 0 for program in found["programs"])
    assert all(0 < program["up_seconds"] <= found["up_seconds"] + 1 for program in found["programs"])
    assert {lag["kind"] for lag in found["lag"]} == {"processor", "projection"}
    assert found["webhook"]["unsigned"] == 0
    assert set(found["attention"]) == {"dead_letters", "deliveries"}
    assert "password" not in json.dumps(found)
    shown = company.done("status").out
    assert all(name in shown for name in ("engine", "interaction processor", "contact_history", "Needs a person"))


def test_a_wrongly_signed_file_is_refused_with_its_line(company: Company, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("REJOINDER_X_CONSUMER_SECRET", "another")
    ended = company.call("ingest", "-", given="\n" + json.dumps(body("9009", "509", "@AcmeCare hello")))
    assert ended.code == 1
    assert "standard input, line 2" in ended.err
    assert "x.consumer_secret" in ended.err


def test_interactions_are_listed_filtered_and_paged(company: Company) -> None:
    first, second = company.interaction_of("user501"), company.interaction_of("user502")
    ids = {first["interaction_id"], second["interaction_id"]}
    for options in (["--account", f"x:{ACCOUNT}"], ["--agent", "ann"], ["--channel", "x"], ["--queue", "care"]):
        assert ids <= {line["interaction_id"] for line in company.done("interactions", "--json", *options).lines}
    assert company.done("interactions", "--json", "--queue", "urgent").lines == []
    assert company.done("interactions", "--json", "--contact", first["contact_id"]).lines == [first]
    (top,) = company.done("interactions", "--json", "--limit", "1").lines
    rest = company.done("interactions", "--json", "--after", top["interaction_id"]).lines
    everything = company.done("interactions", "--json").lines
    assert [top, *rest] == everything
    assert company.call("interactions", "--after", "nothing.1").code == 3
    assert first["interaction_id"] in company.done("interactions").out


def test_contacts_are_found_by_a_part_of_their_name(company: Company) -> None:
    company.interaction_of("user501")
    (found,) = company.done("contacts", "--search", "SER501", "--json").lines
    assert (found["known_as"], found["interactions"]) == ("@user501", 1)
    assert company.done("contacts", "--search", "nobody", "--json").lines == []


def test_a_trace_tells_the_life_and_survives_hostile_words(company: Company) -> None:
    interaction = company.interaction_of("user502")
    (told,) = company.done("trace", "@user502", "--json").lines
    assert told["interaction_id"] == interaction["interaction_id"]
    assert told["steps"][0]["event"] == "MessageReceived"
    shown = company.done("trace", interaction["interaction_id"]).out
    assert "\x1b" not in shown and "\x00" not in shown and "\u202e" not in shown
    assert all(len(line) <= 100 for line in shown.splitlines())
    words = " ".join(shown.split())
    assert "<U+202E>evil<U+202C> ␛[31mred␀ [bold]two" in words and shown.count("x") >= 150
    assert "queued → assigned" in shown and "offered to ann" in shown
    assert company.call("trace", "@stranger").code == 3


def test_a_trace_tells_the_state_after_any_event(company: Company) -> None:
    interaction = company.interaction_of("user501")["interaction_id"]
    (told,) = company.done("trace", interaction, "--json").lines
    for step in told["steps"]:
        options = ("--state", "--at-sequence", str(step["sequence"]), "--json")
        (standing,) = company.done("trace", interaction, *options).lines
        assert (standing["event"], standing["position"]) == (step["event"], step["position"])
        (row,) = [row for row in standing["rows"] if row["row"] == "Interaction"]
        assert row["state"] == step["state"] or step["state"] is None
    shown = company.done("trace", interaction, "--state").out
    assert f"Interaction {interaction} after event" in shown and "agent_id" in shown and "parcel" not in shown
    ended = company.call("trace", interaction, "--state", "--at-sequence", "1000")
    assert (ended.code, "has no event 1000" in ended.err, ended.err.count("\n")) == (3, True, 0)
    assert company.call("trace", "nobody.1", "--state").code == 3
    assert company.call("trace", "@user501", "--state").code == 2
    both = company.call("trace", interaction, "--state", "--at-sequence", "1", "--as-of", "2026-01-01")
    assert (both.code, "exclude each other" in both.err) == (2, True)


def test_a_person_is_shown_and_words_are_found_hostile_ones_too(company: Company) -> None:
    interaction = company.interaction_of("user502")
    (found,) = company.done("contacts", "show", interaction["contact_id"], "--json").lines
    assert (found["known_as"], found["messages"][0]["direction"], found["next"]) == ("@user502", "in", None)
    assert found["interactions"][0]["interaction_id"] == interaction["interaction_id"]
    (stood,) = company.done("contacts", "show", interaction["contact_id"], "--as-of", "2100-01-01", "--json").lines
    assert {**stood, "as_of": None} == found
    assert company.call("contacts", "show", interaction["contact_id"], "--as-of", "2001-01-01").code == 3
    assert company.call("contacts", "show", "nobody").code == 3
    assert company.call("contacts", "show", interaction["contact_id"], "--after", "nothing").code == 3
    (hit,) = company.done("search", 'evil "two lines"', "--account", f"x:{ACCOUNT}", "--json").lines
    assert hit["interaction_id"] == interaction["interaction_id"]
    assert company.done("search", "evil", "--to", "2001-01-01", "--json").lines == []
    assert company.call("search", "-evil").code == 2
    assert company.call("search", "evil", "--after", "nothing").code == 3
    for shown in (
        company.done("contacts", "show", interaction["contact_id"]).out,
        company.done("search", "evil", "--ranked").out,
    ):
        assert "\x1b" not in shown and "\x00" not in shown and "\u202e" not in shown
        assert "<U+202E>evil<U+202C> ␛[31mred␀" in " ".join(shown.split())


def test_who_looked_at_whom_is_recorded_and_words_and_terms_are_not(company: Company) -> None:
    interaction = company.interaction_of("user501")
    company.done("trace", "@user501")
    company.done("search", "parcel")
    company.done("sql", "SELECT 1 AS parcel")
    lines = company.done("audit", "reads", "--contact", interaction["contact_id"], "--json").lines
    assert {"interactions", "trace", "search", "sql"} <= {line["what"] for line in lines}
    assert {(line["actor"], line["door"], line["fault"]) for line in lines} == {(person(), "cli", None)}
    assert all(line["signed"] for line in lines)
    (last,) = [line for line in lines if line["what"] == "search"][-1:]
    assert (last["contacts"], last["interactions"]) == ([interaction["contact_id"]], [interaction["interaction_id"]])
    everything = company.done("audit", "reads", "--from", "2020-01-01").out + json.dumps(lines)
    assert not any(word in everything for word in ("parcel", "user501", "AcmeCare"))
    assert company.done("audit", "reads", "--actor", "nobody", "--json").lines == []
    trusted = company.data / "keys.jsonl"
    trusted.write_text(company.done("audit", "keys", "--json").out)
    company.done("audit", "reads", "--keys", str(trusted))
    trusted.write_text(json.dumps({"writer": "reads", "key": "0" * 64}))
    wrong = company.call("audit", "reads", "--keys", str(trusted))
    assert (wrong.code, "audit.reads[0]@0: its signature is not" in wrong.err) == (1, True)
    assert company.done("audit", "reads", "--to", "2001-01-01", "--json").lines == []


def test_a_person_answers_a_customer_from_the_terminal(company: Company) -> None:
    company.post("9100", "600", "@AcmeCare it does not work")
    interaction = company.interaction_of("user600")["interaction_id"]
    refused = company.call("desk", "reply", interaction, "We are on it.", "--agent", "ann")
    assert (refused.code, "accept it first" in refused.err) == (1, True)
    offered = {line["interaction_id"]: line["accepted"] for line in company.done("desk", "offers", "--json").lines}
    assert offered[interaction] is False
    assert company.done("desk", "accept", interaction, "--agent", "ann", "--json").lines[0]["outcome"] == "accepted"
    assert company.done("desk", "accept", interaction, "--agent", "ann", "--json").lines[0]["outcome"] == "duplicate"
    company.done("desk", "reply", interaction, "-", "--agent", "ann", given="We are on it.\n")
    steps = company.until(lambda lines: lines[0]["state"] == "replied", "trace", interaction)[0]["steps"]
    assert [step["text"] for step in steps if step["event"] == "ReplyRequested"] == ["We are on it."]
    wrong = company.call("desk", "close", interaction, "whatever", "--agent", "ann")
    assert (wrong.code, "no_answer_needed, resolved" in wrong.err) == (1, True)
    company.done("desk", "close", interaction, "resolved", "--agent", "ann")
    (ended,) = company.until(lambda lines: lines[0]["state"] == "dispositioned", "trace", interaction)
    assert ended["disposition"] == "resolved"


def test_an_interaction_is_declined_taken_and_transferred(company: Company) -> None:
    company.post("9200", "700", "@AcmeCare hello")
    interaction = company.interaction_of("user700")["interaction_id"]
    company.done("desk", "decline", interaction, "--agent", "ann")
    company.until(lambda lines: lines[0]["state"] == "queued", "trace", interaction)
    company.done("desk", "take", interaction, "--agent", "ann")
    company.done("desk", "transfer", interaction, "--agent", "ann", "--queue", "urgent", "--note", "a hint")
    (told,) = company.until(lambda lines: lines[0]["queue"] == "urgent", "trace", interaction)
    assert "Transferred" in {step["event"] for step in told["steps"]}
    taken = company.call("desk", "take", interaction, "--agent", "sue", "--over")
    assert taken.code == 0, taken.err
    assert company.call("desk", "accept", "nothing.1", "--agent", "ann").code == 1


def test_reports_have_lines_and_a_total(company: Company) -> None:
    company.interaction_of("user501")
    for kind in ("interactions", "transitions", "agents"):
        lines = company.done("report", kind, "--interval", "quarter_hour", "--json").lines
        assert lines and all("interval_start" in line for line in lines)
        assert company.done("report", kind).out.splitlines()[-1].startswith("total")
    assert company.done("report", "interactions", "--until", "2001-01-01", "--json").lines == []


def test_a_reports_number_opens_into_interactions_and_events(company: Company) -> None:
    company.interaction_of("user501")
    (day,) = company.done("report", "interactions", "--by", "none", "--interval", "all", "--json").lines
    opened = company.done("report", "interactions", "--open", "offered", "--json").lines
    assert len(opened) == day["offered"]
    events = company.done("report", "interactions", "--open", "offered", "--events", "--json").lines
    assert {event["interaction_id"] for event in events} == {line["interaction_id"] for line in opened}
    assert {event["topic"] for event in events} == {"interaction.events", "routing.events"}
    assert company.done("report", "interactions", "--open", "offered").out.splitlines()[-1].startswith("total")


def test_a_report_and_a_trace_tell_of_a_time_and_say_when_it_was_before_all(company: Company) -> None:
    interaction = company.interaction_of("user501")["interaction_id"]
    (now,) = company.done("report", "interactions", "--by", "none", "--interval", "all", "--json").lines
    far = "2999-01-01"
    (then,) = company.done(
        "report", "interactions", "--by", "none", "--interval", "all", "--as-of", far, "--json"
    ).lines
    assert then["offered"] >= now["offered"] > 0
    ended = company.call("report", "interactions", "--as-of", "2001-01-01")
    assert (ended.code, "nothing had happened by then" in ended.err) == (3, True)
    ended = company.call("trace", interaction, "--as-of", "2001-01-01")
    assert (ended.code, "nothing had happened" in ended.err) == (3, True)


def test_a_report_is_written_as_csv_in_a_zone(company: Company, tmp_path: Path) -> None:
    company.interaction_of("user501")
    file = tmp_path / "report.csv"
    options = ("--by", "queue", "--zone", "Asia/Kathmandu", "--measure", "offered", "--format", "csv")
    out = company.done("report", "interactions", *options, "--output", str(file)).out
    assert out == ""
    head, *rows = csv.reader(file.read_text("utf-8").splitlines())
    assert head == ["interval_start", "queue", "offered"]
    assert rows and all(row[0].endswith("T00:00:00+05:45") for row in rows)
    assert file.read_text("utf-8").splitlines() == company.done("report", "interactions", *options).out.splitlines()


def test_sql_only_reads_and_tells_errors_in_a_line(company: Company) -> None:
    (told,) = company.done("sql", "--json").lines
    assert company.done("sql").out.strip() == told["dsn"]
    assert company.done("sql", "SELECT 1 AS a, 'x' AS a, NULL AS b, '\\x00ff'::bytea AS c", "--json").lines == [
        {"a": 1, "a_2": "x", "b": None, "c": "\\x00ff"}
    ]
    assert company.done("sql", "SELECT 1 AS one WHERE false", "--json").lines == []
    shown = company.done("sql", "SELECT generate_series(1, 9) AS n", "--limit", "2")
    assert shown.out.split() == ["n", "1", "2"]
    for query, reason in (
        ("SELEC 1", 'syntax error at or near "SELEC" (line 1, column 1)'),
        ("SELECT 1;\nSELECT 2", "multiple commands"),
        ("CREATE TABLE t ()", "read-only"),
        ("SELECT * FROM projector.offsets", "permission denied"),
        ("SET a.b = 1", "gives no rows"),
        ("SELECT pg_sleep(9)", "took longer than 0.2 s"),
        (" ; ", "empty"),
    ):
        ended = company.call("sql", query, "--timeout", "0.2")
        assert (ended.code, ended.out, ended.err.count("\n")) == (1, "", 0)
        assert reason in ended.err


def test_agents_are_listed_and_set(company: Company) -> None:
    company.done("agents", "add", "ben", "--group", "night", "--capacity", "2")
    assert company.done("agents", "set-state", "ben", "away").out == "ben is away.\n"
    assert company.done("agents", "set-state", "ben", "away").out == "ben is away already.\n"
    lines = company.until(lambda found: any(line["state"] == "away" for line in found), "agents", "list")
    (ben,) = (line for line in lines if line["agent"] == "ben")
    assert (ben["groups"], ben["capacity"], ben["pool"]) == (["night"], 2, "main")
    refused = company.call("agents", "set-state", "nobody", "ready")
    assert (refused.code, "register it first" in refused.err) == (1, True)


def test_an_emergency_holds_new_messages_until_it_ends(company: Company) -> None:
    assert company.done("emergency", "on", "@AcmeCare", "--json").lines[0]["changed"] is True
    assert company.done("emergency", "on", f"x:{ACCOUNT}", "--json").lines[0]["changed"] is False
    company.post("9300", "800", "@AcmeCare what is going on?")
    (held,) = company.until(bool, "interactions", "--state", "out_of_hours")
    assert held["customer"] == "@user800"
    company.done("emergency", "off", ACCOUNT)
    company.interaction_of("user800")
    unknown = company.call("emergency", "on", "x:1")
    assert (unknown.code, f"x:{ACCOUNT} (@AcmeCare)" in unknown.err) == (2, True)


def test_a_dead_letter_is_shown_without_words_unless_asked(company: Company) -> None:
    (letter,) = company.done("dead-letters", "list", "--json").lines
    assert letter["source"] == "webhook"
    (status,) = company.done("status", "--json").lines
    assert status["attention"]["dead_letters"] == {letter["code"]: 1}
    for options in ([], ["--json"]):
        assert "words of somebody" not in company.done("dead-letters", "show", letter["letter"], *options).out
    assert "words of somebody" in company.done("dead-letters", "show", letter["letter"], "--words").out
    assert company.call("dead-letters", "show", "0@999").code == 3


def test_a_dead_letter_is_discarded_and_the_audit_trail_says_by_whom(company: Company) -> None:
    (letter,) = company.done("dead-letters", "list", "--json").lines
    stays = company.call("dead-letters", "redrive", letter["letter"], "--yes")
    assert (stays.code, "still can't be mapped" in stays.err, "words of somebody" in stays.err) == (1, True, False)
    company.done("dead-letters", "discard", letter["letter"], "--why", "a test of ours", "--yes")
    (status,) = company.done("status", "--json").lines
    assert status["attention"]["dead_letters"] == {}
    facts = "facts ->> 'outcome' AS outcome, facts ->> 'why' AS why, facts ->> 'code' AS code"
    query = f"SELECT key, actor_id, {facts} FROM audit.event WHERE event_type = 'DeadLetterSettled'"
    (event,) = company.until(bool, "sql", query)
    assert (event["outcome"], event["why"], event["code"]) == ("discarded", "a test of ours", letter["code"])
    assert (event["key"], bool(event["actor_id"])) == (f"~{letter['letter'].partition('@')[0]}", True)


def test_topics_differ_only_where_the_settings_do(company: Company, monkeypatch: pytest.MonkeyPatch) -> None:
    ended = company.call("topics", "list", "--json")
    assert (ended.code, len(ended.lines)) == (1, 18)  # the settings of this process say 16 partitions
    monkeypatch.setenv("REJOINDER_TOPICS_PARTITIONS", "4")
    assert all(line["differences"] == [] for line in company.done("topics", "list", "--json").lines)
    assert company.done("topics", "apply", "--json").lines == []


def test_published_policies_are_kept_and_shown(company: Company) -> None:
    (version,) = company.done("policy", "versions", "--json").lines
    assert (version["version"], version["name"]) == (1, "care")
    again = parse(company.done("policy", "show", "1").out, "again")
    assert again == parse((company.data / "policy.yaml").read_text(), "policy.yaml")
    assert company.done("policy", "show", "--json").lines[0]["accounts"][0]["id"] == ACCOUNT
    assert company.call("policy", "show", "2").code == 3
    assert company.done("policy", "diff", "1", str(company.data / "policy.yaml"), "--json").lines == []
    assert company.call("policy", "diff", "1", "2").code == 3


HEEDS_CTRL_C = (
    # A shell starts what runs in the background with SIGINT ignored, and its children inherit that.
    "import runpy, signal; signal.signal(signal.SIGINT, signal.default_int_handler); "
    "runpy.run_module('rejoinder', run_name='__main__', alter_sys=True)"
)


def test_ctrl_c_ends_with_130_and_without_a_traceback(company: Company) -> None:
    command = [sys.executable, "-c", HEEDS_CTRL_C, "sql", "SELECT pg_sleep(60)", "--data", str(company.data)]
    process = subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.PIPE, env=dict(os.environ))
    count = "SELECT count(*) AS n FROM pg_stat_activity WHERE query LIKE '%pg_sleep(60)%' AND pid <> pg_backend_pid()"
    company.until(lambda lines: lines[0]["n"] == 1, "sql", count)
    process.send_signal(signal.SIGINT)
    out, err = process.communicate(timeout=30)
    assert (process.returncode, out, err) == (130, b"", b"")


def test_a_projection_is_built_again_taken_back_and_dropped(company: Company) -> None:
    def versions(name: str = "audit") -> dict[int, str]:
        lines = company.done("projections", "list", "--json").lines
        return {line["version"]: line["is"] for line in lines if line["projection"] == name}

    assert versions() == {1: "current"}
    lines = company.done("projections", "rebuild", "audit", "--json").lines
    assert lines[0] == {"projection": "audit", "version": 2, "begins": "new"}
    assert lines[-1] == {"projection": "audit", "version": 2, "switched": True}
    (compared,) = (line for line in lines if "tables" in line)
    assert (compared["agrees"], compared["first"], compared["second"]) == (True, 1, 2)
    told = [line for line in lines if "done" in line]
    assert told[-1]["done"] == told[-1]["of"] > 0
    assert [line["stage"] for line in lines if list(line) == ["stage"]] == [
        "filling",
        "indexing",
        "comparing",
        "switching",
    ]
    assert versions() == {1: "previous", 2: "current"}
    assert "agree" in company.done("projections", "compare", "audit").out
    assert "version 1" in company.done("projections", "rollback", "audit").out
    assert versions() == {1: "current", 2: "previous"}
    assert company.call("projections", "drop", "audit", "1").code == 1
    company.done("projections", "drop", "audit", "2")
    for arguments in (["drop", "audit", "2"], ["rollback", "audit"], ["switch", "audit"], ["compare", "audit"]):
        assert company.call("projections", *arguments).code == 3, arguments
    assert company.call("projections", "rebuild", "nothing").code == 2


def test_a_version_that_differs_is_told_and_shown_only_where_that_is_wanted(company: Company) -> None:
    with psycopg.connect(find_instance(company.data).dsn, autocommit=True) as connection:
        connection.execute("INSERT INTO reporting_v1.dim_queue (queue) VALUES ('ghosts')")
    ended = company.call("projections", "rebuild", "reporting")
    assert (ended.code, "rejoinder projections switch reporting" in ended.err) == (1, True)
    assert "queue ghosts" in ended.out
    assert company.call("projections", "compare", "reporting").code == 1
    (queue,) = company.done(
        "sql", "SELECT count(*) AS n FROM reporting.dim_queue WHERE queue = 'ghosts'", "--json"
    ).lines
    assert queue["n"] == 1
    assert "version 2" in company.done("projections", "switch", "reporting").out
    (queue,) = company.done(
        "sql", "SELECT count(*) AS n FROM reporting.dim_queue WHERE queue = 'ghosts'", "--json"
    ).lines
    assert queue["n"] == 0


def test_a_rebuild_that_is_stopped_by_ctrl_c_goes_on_when_it_is_started_again(company: Company) -> None:
    arguments = ["projections", "rebuild", "audit", "--fresh", "--data", str(company.data)]
    with psycopg.connect(find_instance(company.data).dsn) as reader:
        reader.execute("SELECT count(*) FROM audit.event")  # so that the views can't be switched
        process = subprocess.Popen(
            [sys.executable, "-c", HEEDS_CTRL_C, *arguments], cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.PIPE
        )
        listed = "projections", "list"
        company.until(
            lambda lines: any((one["projection"], one["is"]) == ("audit", "candidate") for one in lines), *listed
        )
        process.send_signal(signal.SIGINT)
        _, err = process.communicate(timeout=60)
    assert (process.returncode, b"what is filled stays" in err, b"Traceback" in err) == (130, True, False)
    lines = company.done("projections", "rebuild", "audit", "--json").lines
    assert (lines[0]["begins"], lines[-1]["switched"]) == ("resumed", True)
