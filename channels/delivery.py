"""One attempt to act on a platform, so that it is done once: what is called when, and what is made of the outcome.

    begin (durable) ──▶ call, within a set time ──▶ outcome
                                  └─ no answer ──▶ wait ──▶ look up ──▶ posted | retry | undecided

The record of a begun attempt is durable before the platform is called, and the call is made within `call_within` of
it or not at all. So whoever finds a begun attempt without an end, this worker or its successor, knows when no call of
it can be under way any more, and only then looks at the platform to see what came of it.

Nothing here knows Kafka: what is begun and looked up goes through ports.
"""

import logging
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Final, Literal, Protocol

from channels.outcomes import Duplicate, LookUpFailed, Outcome, Posted, Refused, Retry, Unknown
from engine.delivery import UNDECIDED, AttemptBegun, Deliver
from engine.envelope import derive
from engine.interaction.commands import RecordDelivery

_log = logging.getLogger(__name__)

BEGIN_TRIES: Final = 3
"""How often an attempt is begun again because its record took too long to become durable."""

_SLOW_JOURNAL: Final = Retry(
    "slow_journal", "It took too long to write down that the attempt begins; nothing was sent."
)
_SAME_TEXT: Final = Refused("duplicate_text", "The account has posted the same text before: change the wording.")
_ANSWERED: Final = Refused("already_answered", "The comment has had the one private answer that the platform allows.")
_NO_PLATFORM: Final = Refused("no_platform", "This worker does not know the channel: give it the platform's settings.")
_LOOK_YOURSELF: Final = (
    "It is not known whether the answer was posted: look at the account, and post it if it is not there."
)

Repeat = Literal["harmless", "refused", "doubled"]
"""What a second identical call does: nothing more than the first (a like); the platform refuses it, and says so (a
post of the same text); it is done twice (a private message)."""


class Platform(Protocol):
    """A platform's API. An error of the platform or the network is a value, not an exception."""

    @property
    def call_timeout(self) -> int:
        """Milliseconds after which a call of `perform` has surely ended."""

    def repeat(self, deliver: Deliver) -> Repeat:
        """What a second identical call would do."""

    async def perform(self, deliver: Deliver) -> Outcome:
        """Does what is asked. Where a repeat is doubled, Retry is only for what surely was not done."""

    async def find(self, deliver: Deliver) -> Posted | None:
        """What was posted, if the account has posted it; raises LookUpFailed if it can't be known."""


class Journal(Protocol):
    """Where begun attempts are kept."""

    async def begin(self, begun: AttemptBegun) -> None:
        """Returns after the record is durable, and raises if it is not."""


class Clock(Protocol):
    """The wall clock, which a test moves by hand."""

    def now(self) -> int:
        """Milliseconds since 1970."""

    async def sleep(self, millis: int) -> None:
        """Waits."""


@dataclass(frozen=True, slots=True)
class Settings:
    """The times of delivery. All in milliseconds."""

    call_within: int = 5_000
    """A call starts within this time of its durable beginning, or not at all."""
    look_up_tries: int = 5
    look_up_pause: int = 1_000
    """Between look-ups: it doubles. The platform's timeline may lag behind a post."""
    recorded_time: bool = False
    """Old traffic is played: an answer counts as posted at the time that the player set."""


@dataclass(frozen=True, slots=True)
class Worker:
    """Makes attempts. Which are made when is the lanes' affair: channels.lanes."""

    platforms: Mapping[str, Platform]
    """By channel."""
    home: Callable[[str, str], str]
    """The key of the person with this channel and platform id."""
    journal: Journal
    clock: Clock
    settings: Settings = Settings()

    async def run(self, deliver: Deliver, unfinished: AttemptBegun | None = None) -> RecordDelivery:
        """One attempt. `unfinished` is an attempt of the same delivery that was begun by somebody and has no end."""
        platform = self.platforms.get(deliver.channel)
        if platform is None:
            return self._refused(deliver, _NO_PLATFORM) if unfinished is None else self._unsettled(deliver)
        if unfinished is not None:
            settled = await self._settle(platform, deliver, unfinished)
            if settled is not None:
                return settled
        begun = await self._begin(deliver)
        if begun is None:
            return self._not_now(deliver, _SLOW_JOURNAL)
        outcome = await platform.perform(deliver)
        match outcome:
            case Posted():
                return self._posted(deliver, outcome, "outcome")
            case Retry():
                return self._not_now(deliver, outcome)
            case Refused():
                return self._refused(deliver, outcome)
            case Unknown(reason, detail):
                settled = await self._settle(platform, deliver, begun)
                return settled or self._not_now(deliver, Retry(reason, detail))
            case Duplicate():
                return await self._duplicate(platform, deliver, was_unfinished=unfinished is not None)

    async def _settle(self, platform: Platform, deliver: Deliver, begun: AttemptBegun) -> RecordDelivery | None:
        """What came of an attempt whose end nobody saw; None if it may be made again.

        Waits until no call of that attempt can be under way, then looks at the platform. Where the platform refuses
        repeats, one look is enough: should its timeline lag behind, the repeat shows that the answer is there. What
        would be done twice is never repeated, only looked for.
        """
        repeat = platform.repeat(deliver)
        if repeat == "harmless":
            return None
        longest = self.settings.call_within + platform.call_timeout
        # No more than `longest`: a beginning in the future is a clock that was wrong.
        await self.clock.sleep(max(0, min(longest, begun.begun_at + longest - self.clock.now())))
        try:
            posted = await self._look_up(platform, deliver, until_found=repeat == "doubled")
        except LookUpFailed as failure:
            _log.warning("delivery %s attempt %d: %s", deliver.delivery_id, deliver.attempt, failure)
            return self._unsettled(deliver)
        if posted is not None:
            return self._posted(deliver, posted, "look_up")
        return self._undecided(deliver) if repeat == "doubled" else None

    async def _begin(self, deliver: Deliver) -> AttemptBegun | None:
        """A beginning that is fresh enough for a call; None if the journal is too slow for that."""
        for _ in range(BEGIN_TRIES):
            begun = AttemptBegun(
                delivery_id=deliver.delivery_id,
                attempt=deliver.attempt,
                account=f"{deliver.channel}:{deliver.account}",
                begun_at=self.clock.now(),
            )
            await self.journal.begin(begun)
            if 0 <= self.clock.now() - begun.begun_at < self.settings.call_within:
                return begun
        return None

    async def _duplicate(self, platform: Platform, deliver: Deliver, *, was_unfinished: bool) -> RecordDelivery:
        """The platform has it already: from an earlier attempt of this delivery, or from another answer.

        Where the post can't be found, an unfinished attempt made it; the first attempt of all did not; and of
        earlier attempts that ended without an id nobody can say, so a person has to look.
        """
        try:
            posted = await self._look_up(platform, deliver, until_found=True)
        except LookUpFailed as failure:
            _log.warning("delivery %s attempt %d: %s", deliver.delivery_id, deliver.attempt, failure)
            posted = None
        if posted is not None or was_unfinished:
            return self._posted(deliver, posted or Posted(None), "duplicate_error")
        if deliver.attempt > 1:
            return self._undecided(deliver)
        return self._refused(deliver, _ANSWERED if deliver.action == "private_answer" else _SAME_TEXT)

    async def _look_up(self, platform: Platform, deliver: Deliver, *, until_found: bool) -> Posted | None:
        """What was posted, or None. Raises LookUpFailed if the last of several tries fails."""
        pause = self.settings.look_up_pause
        for remaining in reversed(range(self.settings.look_up_tries)):
            try:
                posted = await platform.find(deliver)
                if posted is not None or not until_found:
                    return posted
            except LookUpFailed:
                if not remaining:
                    raise
            if remaining:
                await self.clock.sleep(pause)
                pause *= 2
        return None

    def _posted(self, deliver: Deliver, posted: Posted, settled_by: str) -> RecordDelivery:
        command = self._record(deliver, "posted")
        command.item_id, command.posted_at, command.settled_by = posted.item_id, command.at, settled_by
        if posted.recipient_id is not None:
            # Only a private answer to a comment tells whom it reached: the commenter, in Messenger.
            command.recipient_id = posted.recipient_id
            command.recipient_handle = self.home("messenger", posted.recipient_id)
        return command

    def _not_now(self, deliver: Deliver, retry: Retry) -> RecordDelivery:
        command = self._record(deliver, "retry")
        command.reason, command.detail, command.retry_after = retry.reason, retry.detail, retry.retry_after
        return command

    def put_off(self, deliver: Deliver, begun: AttemptBegun | None, why: Retry) -> RecordDelivery:
        """Nothing was done. An attempt whose end nobody saw stays open, unless it may be repeated anyway."""
        platform = self.platforms.get(deliver.channel)
        if begun is None or (platform is not None and platform.repeat(deliver) == "harmless"):
            return self._not_now(deliver, why)
        return self._unsettled(deliver)

    def _refused(self, deliver: Deliver, refused: Refused) -> RecordDelivery:
        command = self._record(deliver, "refused")
        command.reason, command.detail = refused.reason, refused.detail
        return command

    def _undecided(self, deliver: Deliver) -> RecordDelivery:
        command = self._record(deliver, "undecided")
        command.settled_by, command.reason, command.detail = "look_up", UNDECIDED, _LOOK_YOURSELF
        return command

    def _unsettled(self, deliver: Deliver) -> RecordDelivery:
        """Nobody could look yet what came of a begun attempt: it stays open, and the next one begins with the look."""
        command = self._undecided(deliver)
        command.outcome = "retry"
        return command

    def _record(self, deliver: Deliver, outcome: str) -> RecordDelivery:
        return RecordDelivery(
            command_id=derive(deliver.delivery_id, deliver.attempt, "outcome"),
            at=deliver.at if self.settings.recorded_time else self.clock.now(),
            correlation_id=deliver.correlation_id,
            interaction_id=deliver.interaction_id,
            delivery_id=deliver.delivery_id,
            attempt=deliver.attempt,
            outcome=outcome,
        )
