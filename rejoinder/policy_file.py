"""The policy as people write it: a YAML file, read with the place of everything in it, so that errors name it.

What a field may hold follows from the declaration (engine.policy.document); text may stand without quotes, also where
YAML would take it for a number, a date or a yes: `id: 42` and `language: no` are what they look like.
"""

import difflib
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

import msgspec
import yaml
from msgspec import inspect
from yaml.nodes import MappingNode, Node, ScalarNode, SequenceNode

from engine.errors import RejoinderError
from engine.policy.document import Policy
from engine.policy.validation import problems as meaning

Path_ = tuple[str | int, ...]
LARGEST_FILE: Final = 2_000_000
"""Letters. A policy travels as one record, and a large company's has some ten thousand."""
LARGEST_NUMBER: Final = 1_000_000_000
NULL: Final = "tag:yaml.org,2002:null"
INT: Final = "tag:yaml.org,2002:int"
_POLICY: Final = inspect.type_info(Policy)


@dataclass(frozen=True, order=True)
class Problem:
    """One thing that is wrong, and where; lines and columns count from 1."""

    line: int
    column: int
    field: str
    message: str


class BadPolicy(RejoinderError):
    """A policy that can't be used. `problems` has one entry for each thing that is wrong."""

    exit_code = 2

    def __init__(self, file: str, problems: list[Problem]) -> None:
        self.file = file
        self.problems = problems
        count = f"{len(problems)} problem{'s' * (len(problems) != 1)}"
        lines = [
            f"{file}:{each.line}:{each.column}: {each.field}{': ' * bool(each.field)}{each.message}"
            for each in problems
        ]
        super().__init__("\n".join([f"{file} is no policy that can be published; {count}:", *lines]))


def read(path: Path) -> Policy:
    """Reads a policy file.

    Raises:
        BadPolicy: names the file, and line, column and field of everything that is wrong.
    """
    try:
        text = path.read_bytes().decode()
    except OSError as error:
        raise BadPolicy(str(path), [Problem(1, 1, "", f"the file can't be read: {error.strerror}")]) from error
    except UnicodeDecodeError as error:
        line = error.object[: error.start].count(b"\n") + 1
        raise BadPolicy(str(path), [Problem(line, 1, "", "this line is not UTF-8")]) from error
    return parse(text, str(path))


def parse(text: str, file: str) -> Policy:
    """A policy from YAML (or JSON, which is YAML too). `file` is for errors; see `read`."""
    node = _compose(text, file)
    reading = _Reading()
    value = reading.take(_POLICY, node, ())
    if not reading.problems:
        policy = msgspec.convert(value, Policy)
        reading.problems += [
            reading.problem(each.path, each.message) for each in meaning(policy)
        ]  # fmt: skip
        if not reading.problems:
            return policy
    raise BadPolicy(file, sorted(reading.problems))


def to_yaml(policy: Policy) -> str:
    """The policy as YAML; `parse` reads it back."""
    return str(yaml.safe_dump(msgspec.to_builtins(policy), sort_keys=False, allow_unicode=True, width=100))


class _Loader(yaml.SafeLoader):
    """Reads what JSON writes as two escapes, \\ud83d\\ude00, as the one character that it is; YAML sees two halves."""

    def compose_scalar_node(self, anchor: Any) -> ScalarNode:
        node: ScalarNode = super().compose_scalar_node(anchor)
        if not node.value.isascii():
            node.value = node.value.encode("utf-16", "surrogatepass").decode("utf-16", "replace")
        return node


def _compose(text: str, file: str) -> Node:
    if len(text) > LARGEST_FILE:
        raise BadPolicy(file, [Problem(1, 1, "", f"{len(text)} letters are too many for a policy; {LARGEST_FILE} fit")])
    try:
        node = yaml.compose(text, Loader=_Loader)
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        line, column = (mark.line + 1, mark.column + 1) if mark else (1, 1)
        what = ", ".join(part for part in (error.context, error.problem) if part)
        raise BadPolicy(file, [Problem(line, column, "", f"not YAML: {what}")]) from error
    except yaml.reader.ReaderError as error:
        line = text.count("\n", 0, error.position) + 1
        character = error.character if isinstance(error.character, int) else ord(str(error.character))
        raise BadPolicy(file, [Problem(line, 1, "", f"the character U+{character:04X} is not allowed here")]) from error
    except RecursionError as error:
        raise BadPolicy(file, [Problem(1, 1, "", "it is nested too deeply")]) from error
    if node is None:
        raise BadPolicy(file, [Problem(1, 1, "", "it is empty; `rejoinder policy init` writes one to begin with")])
    return node


@dataclass
class _Reading:
    """Takes values out of YAML, each as its declared type, and notes what is wrong and where everything stands."""

    problems: list[Problem] = field(default_factory=list)
    places: dict[Path_, tuple[int, int]] = field(default_factory=dict)

    def problem(self, path: Path_, message: str) -> Problem:
        """A problem with a field that was taken, or that isn't there: then it is with what should hold it."""
        place = path
        while place not in self.places:
            place = place[:-1]
        return Problem(*self.places[place], _shown(path), message)

    def take(self, kind: inspect.Type, node: Node, path: Path_) -> Any:
        """The value of a node. What can't be taken is None, and noted."""
        self.places[path] = (node.start_mark.line + 1, node.start_mark.column + 1)
        match kind:
            case inspect.UnionType():
                if isinstance(node, ScalarNode) and node.tag == NULL:
                    return None
                (other,) = (each for each in kind.types if not isinstance(each, inspect.NoneType))
                return self.take(other, node, path)
            case inspect.StructType():
                return self._struct(kind, node, path)
            case inspect.VarTupleType():
                return self._list(kind, node, path)
            case inspect.DictType():
                return self._dict(kind, node, path)
            case inspect.LiteralType():
                return self._choice(kind, node, path)
            case inspect.IntType():
                return self._number(node, path)
        return self._text(node, path)

    def _struct(self, kind: inspect.StructType, node: Node, path: Path_) -> Any:
        known = {each.name: each for each in kind.fields}
        value = {}
        for name, key, item in self._entries(node, path, "fields and their values"):
            if name in known:
                value[name] = self.take(known[name].type, item, (*path, name))
            else:
                close = difflib.get_close_matches(name, known, 1)
                mend = f"did you mean {close[0]}?" if close else f"there are {', '.join(known)}"
                self._note(key, (*path, name), f"there is no such field; {mend}")
        if isinstance(node, MappingNode):
            for each in kind.fields:
                if each.required and each.name not in value:
                    self._note(node, (*path, each.name), "this field has to be there")
        return value

    def _list(self, kind: inspect.VarTupleType, node: Node, path: Path_) -> Any:
        if not isinstance(node, SequenceNode):
            return self._note(node, path, "has to be a list: each entry on a line of its own, after a dash")
        return [self.take(kind.item_type, item, (*path, index)) for index, item in enumerate(node.value)]

    def _dict(self, kind: inspect.DictType, node: Node, path: Path_) -> Any:
        value = {}
        for name, key, item in self._entries(node, path, "names and their values"):
            if isinstance(kind.key_type, inspect.LiteralType) and name not in kind.key_type.values:
                self._note(key, (*path, name), f"can only be one of {_choices(kind.key_type)}")
            else:
                value[name] = self.take(kind.value_type, item, (*path, name))
        return value

    def _entries(self, node: Node, path: Path_, what: str) -> Iterator[tuple[str, Node, Node]]:
        """Each key of a mapping, once, with its node and its value's."""
        if not isinstance(node, MappingNode):
            self._note(node, path, f"has to hold {what}")
            return
        seen: dict[str, int] = {}
        for key, item in node.value:
            if not isinstance(key, ScalarNode):
                self._note(key, path, "a field's name has to be a word")
            elif key.value in seen:
                self._note(
                    key, (*path, key.value), f"stands here twice; it was there in line {seen[key.value]} already"
                )
            else:
                seen[key.value] = key.start_mark.line + 1
                yield key.value, key, item

    def _choice(self, kind: inspect.LiteralType, node: Node, path: Path_) -> Any:
        text = self._text(node, path)
        if text is None or text in kind.values:
            return text
        close = difflib.get_close_matches(text, map(str, kind.values), 1)
        mend = f"; did you mean {close[0]}?" if close else ""
        return self._note(node, path, f"{text!r} can't stand here; write one of {_choices(kind)}{mend}")

    def _number(self, node: Node, path: Path_) -> Any:
        text = node.value if isinstance(node, ScalarNode) and node.tag == INT else ""
        try:
            number = int(text)
        except ValueError:
            return self._note(node, path, "has to be a whole number")
        if abs(number) > LARGEST_NUMBER:
            return self._note(node, path, f"has to be a number from -{LARGEST_NUMBER} to {LARGEST_NUMBER}")
        return number

    def _text(self, node: Node, path: Path_) -> Any:
        if not isinstance(node, ScalarNode):
            return self._note(node, path, "has to be a text")
        if node.tag == NULL:
            return self._note(node, path, "has no value; write one, or remove the field")
        return node.value

    def _note(self, node: Node, path: Path_, message: str) -> None:
        self.problems.append(Problem(node.start_mark.line + 1, node.start_mark.column + 1, _shown(path), message))


def _choices(kind: inspect.LiteralType) -> str:
    return ", ".join(map(str, kind.values))


def _shown(path: Path_) -> str:
    """A field's path as people write it: accounts[0].hours."""
    return "".join(f"[{part}]" if isinstance(part, int) else f".{part}" for part in path).removeprefix(".")


STARTER: Final = """\
# What your business sets, as one document. Every version that is published is kept, and every event names the version
# that decided it.
#
#   rejoinder policy validate policy.yaml     says what is wrong, with line and column
#   rejoinder policy publish policy.yaml      puts it in force in the running instance
#
# docs/reference/policy.md describes every field; docs/policies/ has more, for Facebook and Messenger too. Times are
# written as 90s, 5m, 72h or 30d.

name: care

# The company's accounts. A message to an account that is not here is kept aside, and nobody answers it.
accounts:
  - channel: x                            # x, facebook or messenger
    id: 1000000000001                     # the platform's id, not the handle
    handle: AcmeCare                      # without @
    queue: care                           # where what arrives waits for an agent
    private_queue: messages               # where direct messages do
    language: en                          # of notices, where the platform names no language that we have
    hours: Mo-Fr 08:00-18:00; PH off      # OpenStreetMap's opening hours; 24/7 is round the clock
    time_zone: Europe/Berlin
    holidays: DE                          # whose public holidays `PH` means
    special_days:                         # before the hours: closed, or open at hours of their own
      - date: 2026-12-24
        name: Christmas Eve
        hours: 08:00-12:00
    notices:                              # what is said while nobody answers: closed, special_day, emergency
      closed: closed
      special_day: closed
      emergency: emergency
    emergency_routing: held               # held: nothing goes to agents in an emergency; continued: it does

# Where interactions wait, and for whom.
queues:
  - name: care
    pool: main                            # agents and queues of one pool are routed together
    skills: [care]                        # an agent needs all of them
    prefer_last_agent_for: 7d             # whoever served the customer in this time is asked first
    answer_within: 1h                     # the target of the service level
  - name: urgent
    skills: [care]
    priority: 10                          # a higher one is served first
  - name: messages
    group: confidential                   # only agents of this group

# What certain messages lead to. The first filter whose conditions all hold decides; without one a message goes to its
# account's queue.
filters:
  - name: spam
    any: [free crypto, giveaway]          # one of these stands in the text; `all`: every one; `none`: none
    action: ignore                        # it ends at once, and no contact is made
  - name: thanks
    any: [thanks, thank you]
    none: [but]
    action: attach                        # it joins the history, and opens nothing
  - name: outage
    any: [outage, no signal]
    events: [mention, reply, quote]       # only what happened in one of these ways
    action: answer                        # automatically, and then a person too (`then: close`: no person)
    template: outage
    queue: urgent
  - name: praise
    sentiment: positive                   # English only; docs/why/automatic-answers.md says how often it is wrong
    none: ["?", but, please, help, not]
    action: engage
    engagement: like                      # retweet, like or favourite
    mode: suggest                         # the agent decides; X allows no automatic likes

# Automatic answers, by language. On X public ones have to fit into a post, and name the customer with {handle}, because
# X refuses the same text twice within hours.
notices:
  - name: closed
    text:
      en: "{handle} Thanks for writing. We're closed right now and will answer as soon as we're back."
      de: "{handle} Danke für die Nachricht. Gerade ist geschlossen; wir antworten, sobald wir zurück sind."
  - name: emergency
    text:
      en: "{handle} Many of you write to us right now. We know of the problem and work on it."
  - name: outage
    text:
      en: "{handle} Sorry about that! We know of the outage and are working on it; one of us will be with you."

# With which codes an agent may end an interaction.
dispositions: [resolved, no_answer_needed]

join_recent: 72h        # an answer to a post that we don't know joins what was active in this time
notice_max_age: 1h      # no automatic answer to a message that is older
accept_within: 60s      # how long an agent has to accept an offer; null: any time
expire_after: 30d       # what waits longer ends as expired; null: never
opt_out: [stop, unsubscribe, opt out]   # a message that says just this ends automatic answers to its author
automatic_per_day: 3    # the most automatic answers to one customer in 24 hours
weights: {x: 1}         # how much of an agent's capacity an interaction takes, by channel; else 1
session_idle: 30m       # a private conversation in which nobody writes for so long is over; null: never
retry_for: 1h           # how long a post is tried again
retry_every: 30s        # the first pause between tries; it doubles, up to 16 times as long
"""
