"""The published JSON Schema takes every policy that can be published, however YAML writes it."""

import json
import re
from collections.abc import Hashable
from pathlib import Path
from typing import Any

import jsonschema_rs
import msgspec
import pytest
import yaml
from hypothesis import event, given
from hypothesis import strategies as st

from rejoinder.policy_file import STARTER, BadPolicy, parse
from rejoinder.policy_schema import schema

ROOT = Path(__file__).resolve().parents[2]
READY = sorted((ROOT / "docs/policies").glob("*.yaml"))
DOCUMENTS = [STARTER, *(file.read_text("utf-8") for file in READY)]
VALIDATOR = jsonschema_rs.validator_for(schema())


EVERYTHING = """
name: all
accounts:
  - {channel: x, id: 42, handle: a, queue: q, private_queue: q, monitor: [mention], platform_permission: granted,
     long_text: split, language: no, hours: 24/7, time_zone: UTC, holidays: DE, emergency_routing: held,
     special_days: [{date: 2026-12-24, name: Eve, hours: "10:00-12:00"}], notices: {closed: n}}
queues:
  - {name: q, pool: 1, skills: [a, 2], group: 3, priority: 1, prefer_last_agent_for: 1d, prefer_wait: 1s,
     relax_after: 1m, relaxed_skills: [a], answer_within: 1h}
filters:
  - {name: 1, any: [a], all: [2], none: [no], sentiment: positive, threshold: 1, events: [mention], accounts: ["x:42"],
     action: engage, engagement: like, mode: automatic, then: close, disposition: 9, queue: q, priority: 2}
  - {name: f, any: [a], action: answer, template: n}
notices: [{name: n, text: {en: "{handle} Hi", no: "{handle} Hei"}, visibility: public}]
dispositions: [9, ok]
join_recent: 1h
notice_max_age: 1h
accept_within: 1h
expire_after: null
opt_out: [stop]
automatic_per_day: 1
weights: {x: 1}
invitation_for: 1d
session_idle: 1h
session_idle_disposition: 9
retry_for: 1h
retry_every: 1h
"""


class Loader(yaml.SafeLoader):
    """YAML as editors read it for JSON Schema: a date is text, and so is every key."""

    def construct_mapping(self, node: yaml.MappingNode, deep: bool = False) -> dict[Hashable, Any]:
        return {key.value: self.construct_object(value, deep=True) for key, value in node.value}


Loader.yaml_implicit_resolvers = {
    letter: [each for each in resolvers if each[0] != "tag:yaml.org,2002:timestamp"]
    for letter, resolvers in yaml.SafeLoader.yaml_implicit_resolvers.items()
}


def loaded(text: str) -> Any:
    return yaml.load(text, Loader)


@pytest.mark.parametrize("text", DOCUMENTS)
def test_the_policies_of_the_documentation_fit_as_they_are_written_and_as_they_are_kept(text: str) -> None:
    VALIDATOR.validate(loaded(text))
    VALIDATOR.validate(json.loads(msgspec.json.encode(parse(text, "policy.yaml"))))


@pytest.mark.parametrize(
    "wrong",
    [
        {"name": "p", "accounts": []},
        {"name": "p", "accounts": [], "queues": [], "colour": "red"},
        {"name": "p", "accounts": [], "queues": [{"name": "q", "priority": "high"}]},
        {"name": "p", "accounts": [], "queues": [], "weights": {"telex": 1}},
        {"name": "p", "accounts": [], "queues": [], "filters": [{"name": "f", "action": "shout"}]},
        {"name": "p", "accounts": [], "queues": [], "name ": None},
    ],
)
def test_what_has_not_the_shape_is_refused(wrong: dict[str, Any]) -> None:
    assert not VALIDATOR.is_valid(wrong)


def test_every_field_says_what_it_is() -> None:
    for part in schema()["$defs"].values():
        assert part["description"]
        assert all(field["description"] for field in part["properties"].values())


SCALAR = re.compile(r"(?<=[:\[,] )[^][{}\n,:]+(?=[],}\n])|(?<=\[)[^][{}\n,:]+(?=[],])")
VALUES = st.sampled_from(
    ["null", "0", "7", "-1", "4.5", "true", "yes", '""', "5m", "x", "en", "a", "public", "private", "0042", "0x1F", "~",
     "2026-12-24", "12:30", "[]", "{}", "[stop]", "[1, true]", "mention", "granted", "route", "refuse", "suggest"]
)  # fmt: skip


@given(st.data())
def test_what_can_be_published_always_fits(data: st.DataObject) -> None:
    written = EVERYTHING
    for _ in range(data.draw(st.integers(0, 1))):
        place = data.draw(st.sampled_from([found.span() for found in SCALAR.finditer(written)]))
        written = written[: place[0]] + data.draw(VALUES) + written[place[1] :]
    try:
        parse(written, "changed")
    except BadPolicy:
        return
    event("it can be published")
    VALIDATOR.validate(loaded(written))
