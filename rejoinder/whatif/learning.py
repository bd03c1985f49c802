"""The model of agents and platforms, from what was recorded."""

from dataclasses import dataclass, field
from typing import Final

from engine.interaction import events as e
from engine.record import Event
from engine.routing import events as r
from rejoinder.whatif.behaviour import (
    ANSWERED,
    AWAY,
    OFFERED,
    POSTED,
    action_of,
    ends_offer,
    ends_turn,
    prompt_of,
)
from rejoinder.whatif.matters import goes_on_with
from rejoinder.whatif.presence import Presences
from rejoinder.whatif.samples import Action, Model, Sample, scopes_of

DONE: Final = Action("post")
READY: Final = Action("ready")


@dataclass
class _Prompt:
    """What an agent was last asked in an interaction, and has not responded to."""

    kind: str
    agent: str
    at: int
    cause: str
    """The command that asked: what else it leads to is no response."""
    is_posting: bool = False
    """Whether the answer that it follows is on its way still."""


@dataclass
class Learning:
    """Takes the events, each key's in their order, and makes the model of those from a time on."""

    since: int
    model: Model = field(default_factory=Model)
    presences: Presences = field(default_factory=Presences)
    unaccepted: dict[str, tuple[str, int]] = field(default_factory=dict)
    """Agents who are away because they did not accept in time: their pool, and since when."""
    _prompts: dict[str, _Prompt] = field(default_factory=dict)
    _queues: dict[str, str] = field(default_factory=dict)
    """Where each open interaction waits or waited last."""
    _sent: dict[str, int] = field(default_factory=dict)
    """When each delivery was sent that has not arrived."""

    def take(self, key: str, event: Event) -> None:
        """One more event; `key` is the pool of one of routing."""
        if isinstance(event, r.AgentStateChanged):
            self._change_state(key, event)
            return
        if event.interaction_id is None:
            return
        self._post(event)
        where = event.interaction_id
        if isinstance(event, e.MessageReceived) and goes_on_with(event):
            self._forget_answer(where)
        if isinstance(event, e.Queued):
            self._queues[where] = event.queue
        done, prompt = action_of(event), self._prompts.get(where)
        if prompt is not None and done is not None and _is_by(prompt, done[0], event):
            self._note(where, prompt, event.occurred_at, done[1])
            prompt = None
            if done[1].kind in ("reply", "private"):
                prompt = _Prompt(ANSWERED, done[0], event.occurred_at, event.causation_id, is_posting=True)
        prompt = self._go_on(where, prompt, event)
        if prompt is None:
            self._prompts.pop(where, None)
        else:
            self._prompts[where] = prompt
        if isinstance(event, e.Dispositioned):
            self._queues.pop(where, None)

    def end(self, at: int) -> Model:
        """The model, once all events were taken: what goes on still was seen up to here."""
        for where, prompt in self._prompts.items():
            self._note(where, prompt, at, None)
        for agent, (_, since) in self.unaccepted.items():
            self._return(agent, since, at, None)
        return self.model

    def _go_on(self, where: str, prompt: _Prompt | None, event: Event) -> _Prompt | None:
        """What is asked after an event, which was not what it asked for."""
        kind = prompt_of(event)
        agent = getattr(event, "agent_id", None)
        is_over = ends_turn(event) or (prompt is not None and prompt.kind == OFFERED and ends_offer(event))
        if prompt is not None and kind == ANSWERED and prompt.is_posting:
            return _Prompt(ANSWERED, prompt.agent, event.occurred_at, event.causation_id)
        if prompt is not None and (kind is not None or is_over):
            self._note(where, prompt, event.occurred_at, None)
        if kind is not None and agent is not None:
            return _Prompt(kind, agent, event.occurred_at, event.causation_id)
        return None if is_over else prompt

    def _forget_answer(self, where: str) -> None:
        """The customer had more to say: how long the agent would have waited for the end says nothing of agents."""
        prompt = self._prompts.get(where)
        if prompt is not None and prompt.kind == ANSWERED and not prompt.is_posting:
            del self._prompts[where]

    def _note(self, where: str, prompt: _Prompt, at: int, action: Action | None) -> None:
        if prompt.at < self.since or (prompt.is_posting and action is None):
            return
        elapsed = self.presences.of(prompt.agent).elapsed(prompt.at, at)
        self.model.note(prompt.kind, scopes_of(prompt.agent, self._queues.get(where)), Sample(elapsed, action))

    def _change_state(self, pool: str, event: r.AgentStateChanged) -> None:
        self.presences.note(event.agent_id, event.occurred_at, event.agent_state)
        before = self.unaccepted.pop(event.agent_id, None)
        if event.why != "asked":
            self.unaccepted[event.agent_id] = pool, event.occurred_at
        elif before is not None:
            action = READY if event.agent_state == "ready" else None
            self._return(event.agent_id, before[1], event.occurred_at, action)

    def _return(self, agent: str, since: int, at: int, action: Action | None) -> None:
        if since >= self.since:
            self.model.note(AWAY, scopes_of(agent, None), Sample(at - since, action))

    def _post(self, event: Event) -> None:
        """How long the platforms took."""
        match event:
            case e.ReplyRequested(after=str()):
                return  # it waits for another; ReplyReleased sends it
            case e.Posting() | e.EngagementRequested() | e.ModerationRequested() | e.ReplyReleased():
                self._sent[event.delivery_id] = event.occurred_at
            case e.NoticePosted() | e.AutoReplied() | e.Replied() | e.Engaged() | e.Moderated():
                sent = self._sent.pop(event.delivery_id, None)
                if sent is not None and sent >= self.since:
                    self.model.note(POSTED, [], Sample(max(0, event.occurred_at - sent), DONE))
            case e.ReplyFailed() | e.ReplyAbandoned():
                self._sent.pop(event.delivery_id, None)
            case _:
                return


def _is_by(prompt: _Prompt, agent: str, event: Event) -> bool:
    return agent == prompt.agent and event.causation_id != prompt.cause
