"""Who lives in a world: agents who do what they were seen to do, and platforms that take what is posted."""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from random import Random
from typing import Any, Final

from msgspec.structs import replace

from engine.delivery import Deliver
from engine.envelope import derive, home_of
from engine.interaction import commands as c
from engine.interaction import events as e
from engine.interaction.invitations import reference
from engine.interaction.replying import LINK
from engine.interaction.state import Interaction
from engine.policy.rules import Rules
from engine.record import Command, Event
from engine.routing import commands as rc
from engine.routing import events as r
from rejoinder.whatif.behaviour import ANSWERED, ASKED, AWAY, OFFERED, POSTED, ends_turn, prompt_of
from rejoinder.whatif.history import History
from rejoinder.whatif.samples import Action, chance_of, scopes_of
from rejoinder.whatif.world import World
from topics.catalogue import INTERACTION_COMMANDS, ROUTING_COMMANDS

TEXT: Final = "(simulated)"
SALT: Final = bytes(16)
REPLY: Final = Action("reply")


@dataclass(frozen=True)
class _Asked:
    """What an agent was last asked in an interaction. Something else that is asked takes its place."""

    interaction_id: str
    agent: str
    prompt: str


class Agents:
    """They do nothing but what they are asked, after the time that it takes them, while they are there."""

    def __init__(self, world: World, history: History, policies: Mapping[int, Rules], seed: int) -> None:
        self.failed: Counter[str] = Counter()
        """What agents were seen to do and could not do here, by kind and reason."""
        self._world = world
        self._model, self._presences, self._matters = history.model, history.presences, history.matters
        self._start, self._recipients = history.start, history.answers.recipients
        self._policies = policies
        self._rules = policies[history.start.policy]
        self._seed = seed
        self._asked: dict[str, _Asked] = {}
        self._acts: dict[str, tuple[_Asked, Action]] = {}
        """What was tried, by the command's id."""
        self._counts: Counter[tuple[str, str]] = Counter()
        self._invitations: dict[str, str] = {}
        """The reference of each interaction's invitation."""

    def as_here(self, command: Command) -> Command:
        """Who followed an invitation follows the one that was made here for the same interaction, if one was."""
        if not isinstance(command, c.ReceiveMessage | c.RecordReferral) or command.ref is None:
            return command
        here = self._invitations.get(command.ref.rpartition(".")[0])
        return command if here is None else replace(command, ref=here)

    def begin(self) -> None:
        """What they had before their eyes when the time began."""
        for interaction_id, row in self._start.with_agents:
            prompt = OFFERED if not row.accepted else ANSWERED if row.state == "replied" else ASKED
            self._ask(interaction_id, row.agent_id or "", prompt)
        for agent, (pool, _) in self._start.unaccepted.items():
            self._let_return(pool, agent)

    def notice(self, key: str, event: Event) -> None:
        if isinstance(event, r.AgentStateChanged) and event.why != "asked":
            self._let_return(key, event.agent_id)
        elif isinstance(event, e.PolicyAdopted):
            self._rules = self._policies[event.version]
        if event.interaction_id is None:
            return
        if isinstance(event, e.CommandRefused):
            self._refused(event)
            return
        prompt, agent = prompt_of(event), getattr(event, "agent_id", None)
        if prompt is not None and agent is not None:
            self._ask(event.interaction_id, agent, prompt)
        elif ends_turn(event):
            self._asked.pop(event.interaction_id, None)

    def deliver(self, order: Deliver) -> None:
        """That is for the platform."""

    def _ask(self, interaction_id: str, agent: str, prompt: str) -> None:
        row = self._world.interaction(interaction_id)
        if row is None or row.agent_id != agent:
            return  # the answer came after it was given on
        asked = self._asked[interaction_id] = _Asked(interaction_id, agent, prompt)
        if prompt == ANSWERED and not self._matters.is_over(interaction_id, row.latest_item, self._world.now):
            return  # the customer has more to say
        found = self._model.draw(prompt, scopes_of(agent, row.queue), self._chance(prompt, row.latest_item))
        when = None if found is None else self._presences.of(agent).after(self._world.now, found.elapsed)
        if found is not None and found.action is not None and when is not None:
            action = found.action
            self._world.at(when, lambda: self._act(asked, action))

    def _chance(self, prompt: str, item_id: str) -> Random:
        """That of the n-th time that this is asked about a message: the same in every world."""
        self._counts[prompt, item_id] += 1
        return chance_of(self._seed, prompt, item_id, self._counts[prompt, item_id])

    def _act(self, asked: _Asked, action: Action) -> None:
        row = self._world.interaction(asked.interaction_id)
        if self._asked.get(asked.interaction_id) is not asked or row is None or row.agent_id != asked.agent:
            return  # something else came of it meanwhile
        del self._asked[asked.interaction_id]
        self._give(asked, action, row)

    def _give(self, asked: _Asked, action: Action, row: Interaction) -> None:
        key = f"act {action.kind}", row.latest_item
        self._counts[key] += 1
        command_id = derive("simulated", asked.interaction_id, *key, self._counts[key])
        command = self._command(action, command_id, asked, row)
        self._acts[command_id] = asked, action
        self._world.ask(INTERACTION_COMMANDS, home_of(asked.interaction_id), command)

    def _command(self, action: Action, command_id: str, asked: _Asked, row: Interaction) -> Command:
        common: dict[str, Any] = {
            "command_id": command_id,
            "at": self._world.now,
            "actor_kind": "agent",
            "actor_id": asked.agent,
            "interaction_id": asked.interaction_id,
            "agent_id": asked.agent,
        }
        match action:
            case Action("accept"):
                return c.Accept(**common)
            case Action("decline"):
                return c.Decline(**common)
            case Action("engage", engagement):
                return c.Engage(**common, engagement=engagement)
            case Action("private", "link"):
                move = c.MoveToPrivate(**common, announcement=LINK, salt=SALT)
                self._invitations[asked.interaction_id] = reference(asked.interaction_id, move)
                return move
            case Action("private"):
                return c.MoveToPrivate(**common, announcement=TEXT, text=TEXT, salt=SALT)
            case Action("transfer", to):
                kind, _, name = to.partition(":")
                common[f"to_{kind}"] = name
                return c.Transfer(**common)
            case Action("end", code):
                return c.Disposition(**common, code=self._code(code))
            case _:
                return c.Reply(**common, visibility=self._visibility(row, asked.interaction_id), text=TEXT, salt=SALT)

    def _visibility(self, row: Interaction, interaction_id: str) -> str | None:
        """A comment that was answered in private is again, because its customer went on there; else as it was asked."""
        is_first = row.channel == "facebook" and row.private_handle is None
        return "private" if is_first and interaction_id in self._recipients else None

    def _code(self, code: str) -> str:
        """A code that the policy has: where it has that one no more, its first."""
        if code in self._rules.dispositions:
            return code
        self.failed[f"end as {code}: unknown_code"] += 1
        return self._rules.policy.dispositions[0]

    def _refused(self, event: e.CommandRefused) -> None:
        """What can't be done here as it was: an answer instead, and where there can't be one, the end."""
        tried = self._acts.get(event.causation_id)
        if tried is None:
            return
        asked, action = tried
        self.failed[f"{action.kind}: {event.code}"] += 1
        row = self._world.interaction(asked.interaction_id)
        if row is None or row.agent_id != asked.agent or not row.accepted or action.kind in ("accept", "end"):
            return
        instead = Action("end", self._rules.policy.dispositions[0]) if action.kind == "reply" else REPLY
        self._give(asked, instead, row)

    def _let_return(self, pool: str, agent: str) -> None:
        """Somebody who did not accept in time is away; after a while they see it."""
        self._counts[AWAY, agent] += 1
        chance = chance_of(self._seed, AWAY, agent, self._counts[AWAY, agent])
        found = self._model.draw(AWAY, scopes_of(agent, None), chance)
        if found is not None:
            self._world.at(self._world.now + found.elapsed, lambda: self._return(pool, agent))

    def _return(self, pool: str, agent: str) -> None:
        row = self._world.agent(pool, agent)
        now = self._world.now
        if row is not None and row.state == "away" and self._presences.of(agent).elapsed(now, now + 1):
            command_id = derive("simulated", "return", agent, now)
            ready = rc.SetAgentState(command_id=command_id, at=now, agent_id=agent, state="ready")
            self._world.ask(ROUTING_COMMANDS, pool, ready)


class Platforms:
    """They take all that is posted, after the time that it took them, and call it what they called it."""

    def __init__(self, world: World, history: History, seed: int) -> None:
        self._world = world
        self._model, self._answers = history.model, history.answers
        self._pending = history.start.pending
        self._seed = seed
        self._taken: Counter[tuple[str, str]] = Counter()

    def begin(self) -> None:
        """What was on its way when the time began."""
        for delivery_id, row in self._pending:
            self._await(delivery_id, row.interaction_id, row.kind, row.action, row.in_reply_to, row.attempt)

    def notice(self, key: str, event: Event) -> None:
        """Nothing that happens concerns them."""

    def deliver(self, order: Deliver) -> None:
        self._await(order.delivery_id, order.interaction_id, order.kind, order.action, order.in_reply_to, order.attempt)

    def _await(
        self, delivery_id: str, interaction_id: str, kind: str, action: str, in_reply_to: str, attempt: int
    ) -> None:
        found = self._model.draw(POSTED, (), chance_of(self._seed, POSTED, kind, action, in_reply_to, attempt))
        delay = 0 if found is None else found.elapsed

        def take() -> None:
            to = self._answers.recipients.get(interaction_id) if action == "private_answer" else None
            outcome = c.RecordDelivery(
                command_id=derive(delivery_id, "posted", attempt),
                at=self._world.now,
                interaction_id=interaction_id,
                delivery_id=delivery_id,
                attempt=attempt,
                outcome="posted",
                item_id=self._item(delivery_id, interaction_id, kind),
                posted_at=self._world.now,
                recipient_handle=None if to is None else to[0],
                recipient_id=None if to is None else to[1],
            )
            self._world.ask(INTERACTION_COMMANDS, home_of(interaction_id), outcome)

        self._world.at(self._world.now + delay, take)

    def _item(self, delivery_id: str, interaction_id: str, kind: str) -> str | None:
        """What the platform calls it: as then, as far as then as much was posted, so that who answers it joins."""
        if kind not in ("reply", "notice", "answer"):
            return None
        known: Sequence[str] = self._answers.items.get((interaction_id, kind), ())
        number = self._taken[interaction_id, kind]
        self._taken[interaction_id, kind] += 1
        return known[number] if number < len(known) else f"simulated-{delivery_id}"
