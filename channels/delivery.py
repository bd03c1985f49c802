"""One attempt to post an answer, so that it is posted once: what is called when, and what is made of the outcome.

    begin (durable) ──▶ call, within a set time ──▶ outcome
                                  └─ no answer ──▶ wait ──▶ look up ──▶ posted | retry | undecided

The record of a begun attempt is durable before the platform is called, and the call is made within `call_within` of
it or not at all. So whoever finds a begun attempt without an end, this worker or its successor, knows when no call of
it can be under way any more, and only then looks at the platform to see what came of it.

Nothing here knows Kafka: what is begun and looked up goes through ports.
"""

import asyncio
import logging
from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final, Protocol

from channels.outcomes import Duplicate, LookUpFailed, Outcome, Posted, Refused, Retry, Unknown
from engine.delivery import AttemptBegun, Deliver
from engine.envelope import derive
from engine.interaction.commands import RecordDelivery

_log = logging.getLogger(__name__)

BEGIN_TRIES: Final = 3
"""How often an attempt is begun again because its record took too long to become durable."""

RATE_LIMITED: Final = "rate_limited"
"""The reason of a Retry that concerns the whole account."""

_SLOW_JOURNAL: Final = Retry(
    "slow_journal", "It took too long to write down that the attempt begins; nothing was sent."
)
_SAME_TEXT: Final = Refused("duplicate_text", "The account has posted the same text before: change the wording.")
_LOOK_YOURSELF: Final = (
    "It is not known whether the answer was posted: look at the account, and post it if it is not there."
)

Unfinished = Mapping[str, AttemptBegun]
"""The attempts that were begun and have no end, by delivery id."""


class Platform(Protocol):
    """A platform's API. An error of the platform or the network is a value, not an exception."""

    @property
    def call_timeout(self) -> int:
        """Milliseconds after which a call to post has surely ended."""

    @property
    def refuses_repeats(self) -> bool:
        """Whether the platform itself refuses the same answer a second time, so that repeating a call is safe."""

    async def post(self, account: str, in_reply_to: str, text: str) -> Outcome:
        """Posts an answer."""

    async def find_own_post(self, account: str, in_reply_to: str, text: str) -> str | None:
        """The id of that answer if the account has posted it; raises LookUpFailed if it can't be known."""


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
    """Makes attempts for the deliveries of any number of accounts of one platform."""

    platform: Platform
    journal: Journal
    clock: Clock
    settings: Settings = Settings()

    async def run_batch(self, delivers: Sequence[Deliver], unfinished: Unfinished) -> list[RecordDelivery]:
        """What came of each, in the order given. One account's attempts are made one after the other, in order.

        Raises what the journal raises; the attempts that were begun by then are settled by whoever comes next.
        """
        accounts: defaultdict[str, list[int]] = defaultdict(list)
        for position, deliver in enumerate(delivers):
            accounts[deliver.account].append(position)
        results: dict[int, RecordDelivery] = {}

        async def one_account(positions: list[int]) -> None:
            limited: Retry | None = None
            for position in positions:
                deliver = delivers[position]
                begun = unfinished.get(deliver.delivery_id)
                if limited is not None and begun is None:
                    results[position] = self._not_now(deliver, limited)  # the limit is the account's: don't ask again
                    continue
                result = results[position] = await self.run(deliver, begun)
                if result.reason == RATE_LIMITED:
                    limited = Retry(RATE_LIMITED, result.detail or "", result.retry_after)

        async with asyncio.TaskGroup() as group:
            for positions in accounts.values():
                group.create_task(one_account(positions))
        return [results[position] for position in range(len(delivers))]

    async def run(self, deliver: Deliver, unfinished: AttemptBegun | None = None) -> RecordDelivery:
        """One attempt. `unfinished` is an attempt of the same delivery that was begun by somebody and has no end."""
        if unfinished is not None:
            settled = await self.settle(deliver, unfinished)
            if settled is not None:
                return settled
        begun = await self._begin(deliver)
        if begun is None:
            return self._not_now(deliver, _SLOW_JOURNAL)
        outcome = await self.platform.post(deliver.account, deliver.in_reply_to, deliver.text)
        match outcome:
            case Posted(item_id):
                return self._posted(deliver, item_id, "outcome")
            case Retry():
                return self._not_now(deliver, outcome)
            case Refused():
                return self._refused(deliver, outcome)
            case Unknown(reason, detail):
                return await self.settle(deliver, begun) or self._not_now(deliver, Retry(reason, detail))
            case Duplicate():
                return await self._duplicate(deliver, was_unfinished=unfinished is not None)

    async def settle(self, deliver: Deliver, begun: AttemptBegun) -> RecordDelivery | None:
        """What came of an attempt whose end nobody saw; None if it is not to be found and may be made again.

        Waits until no call of that attempt can be under way, then looks at the platform. Where the platform refuses
        repeats, one look is enough: should its timeline lag behind, the repeat shows that the answer is there.
        """
        longest = self.settings.call_within + self.platform.call_timeout
        # No more than `longest`: a beginning in the future is a clock that was wrong.
        await self.clock.sleep(max(0, min(longest, begun.begun_at + longest - self.clock.now())))
        try:
            item_id = await self._look_up(deliver, until_found=not self.platform.refuses_repeats)
        except LookUpFailed as failure:
            _log.warning("delivery %s attempt %d: %s", deliver.delivery_id, deliver.attempt, failure)
            return self._undecided(deliver)
        if item_id is not None:
            return self._posted(deliver, item_id, "look_up")
        return None if self.platform.refuses_repeats else self._undecided(deliver)

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

    async def _duplicate(self, deliver: Deliver, *, was_unfinished: bool) -> RecordDelivery:
        """The platform has the text already: from an earlier attempt of this delivery, or from another answer.

        Where the post can't be found, an unfinished attempt made it; the first attempt of all did not; and of
        earlier attempts that ended without an id nobody can say, so a person has to look.
        """
        try:
            item_id = await self._look_up(deliver, until_found=True)
        except LookUpFailed as failure:
            _log.warning("delivery %s attempt %d: %s", deliver.delivery_id, deliver.attempt, failure)
            item_id = None
        if item_id is not None or was_unfinished:
            return self._posted(deliver, item_id, "duplicate_error")
        return self._undecided(deliver) if deliver.attempt > 1 else self._refused(deliver, _SAME_TEXT)

    async def _look_up(self, deliver: Deliver, *, until_found: bool) -> str | None:
        """The id of the posted answer, or None. Raises LookUpFailed if the last of several tries fails."""
        pause = self.settings.look_up_pause
        for remaining in reversed(range(self.settings.look_up_tries)):
            try:
                item_id = await self.platform.find_own_post(deliver.account, deliver.in_reply_to, deliver.text)
                if item_id is not None or not until_found:
                    return item_id
            except LookUpFailed:
                if not remaining:
                    raise
            if remaining:
                await self.clock.sleep(pause)
                pause *= 2
        return None

    def _posted(self, deliver: Deliver, item_id: str | None, settled_by: str) -> RecordDelivery:
        command = self._record(deliver, "posted")
        command.item_id, command.posted_at, command.settled_by = item_id, command.at, settled_by
        return command

    def _not_now(self, deliver: Deliver, retry: Retry) -> RecordDelivery:
        command = self._record(deliver, "retry")
        command.reason, command.detail, command.retry_after = retry.reason, retry.detail, retry.retry_after
        return command

    def _refused(self, deliver: Deliver, refused: Refused) -> RecordDelivery:
        command = self._record(deliver, "refused")
        command.reason, command.detail = refused.reason, refused.detail
        return command

    def _undecided(self, deliver: Deliver) -> RecordDelivery:
        command = self._record(deliver, "undecided")
        command.settled_by, command.reason, command.detail = "look_up", "undecided", _LOOK_YOURSELF
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
