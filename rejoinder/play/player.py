"""Plays traffic: each person's lines in order, people beside one another, nothing before what it depends on.

A customer's post goes to the simulated platform, which delivers it to the webhook. An agent accepts what is offered,
and answers through the same command that a desk would send. An answer waits until an agent has accepted the
interaction that holds the post; the next line of the same person waits until it is known what came of the answer.

In recorded time the player is the clock: whenever the earliest line that is not done moves on, it tells every
partition of commands, routing's too, that nothing earlier is to come (AdvanceTime).
"""

import asyncio
import os
import time
from collections import Counter
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from typing import Final

from engine.envelope import control_key, derive, home_of
from engine.interaction import commands as c
from engine.interaction.events import Assigned
from engine.record import Command
from rejoinder.cluster import Cluster
from rejoinder.play.platform import Platforms, Undeliverable, client
from rejoinder.play.traffic import Answer, CustomerSaid, End, Post, Traffic
from rejoinder.play.view import Seen, View
from topics.catalogue import INTERACTION_COMMANDS, ROUTING_COMMANDS, Catalogue
from topics.publisher import Outgoing, Publisher

PATIENCE: Final = 90.0
"""How long nothing at all may happen while a line waits, seconds: longer than any restart of a process."""
TICK: Final = 0.5
"""How often recorded time moves on, seconds: each time costs every partition a record."""
WINDOW_TICK: Final = 0.02
"""The same where lines wait for it."""
REPLY_PARTITION: Final = 0


class Stuck(Exception):
    """A line could not be played."""


@dataclass
class Played:
    """What came of the lines."""

    posts: int = 0
    duplicates: int = 0
    lost_posts: list[str] = field(default_factory=list)
    posted: int = 0
    refused: dict[str, str] = field(default_factory=dict)
    failed: list[str] = field(default_factory=list)
    ended: int = 0
    done: int = 0


class Player:
    """Plays one traffic.

    home: the key of a person, by channel and platform id.
    speed: times as fast as recorded; None: as fast as it goes.
    window: how far, in recorded milliseconds, a line may run ahead of the earliest one that is not done; None: as far
    as its own person's lines allow.
    """

    def __init__(
        self,
        traffic: Traffic,
        cluster: Cluster,
        publisher: Publisher,
        simulator: str,
        home: Callable[[str, str], str],
        speed: float | None,
        window: int | None,
        progress: Callable[[int, int], None],
    ) -> None:
        self._traffic = traffic
        self._cluster = cluster
        self._publisher = publisher
        self._simulator = simulator
        self._home = home
        self._speed = speed
        self._window = window
        self._progress = progress
        self._undone = {index: step.at for index, step in enumerate(traffic.steps)}
        self._told = 0
        self._moved = asyncio.Event()
        self._times = sorted((step.at, index) for index, step in enumerate(traffic.steps))
        self._front = 0
        self._under_way = 0
        self._seeking = Counter[str]()
        self._tasks: set[asyncio.Task[None]] = set()
        self._reached: set[tuple[str, str]] = set()
        """Whose comment was answered in private, by page and their id on Facebook: Messenger's id is theirs now."""
        self.played = Played()

    @property
    def buried(self) -> int:
        """Dead letters since the play began."""
        return self._view.seen.buried

    async def play(self) -> Played:
        """Plays it all.

        Raises:
            Stuck: a line could not be played; the message names it.
        """
        self._view = View(self._cluster, self._accept)
        async with client(self._simulator) as http:
            self._platforms = Platforms(http, self._traffic)
            try:
                await self._view.caught_up.wait()
                await self._platforms.prepare()
                await self._play_all()
            finally:
                await self._view.close()
        return self.played

    async def _play_all(self) -> None:
        people: dict[str, list[tuple[int, Post | Answer | End]]] = {}
        for index, step in enumerate(self._traffic.steps):
            people.setdefault(step.author, []).append((index, step))
        began = time.monotonic()
        try:
            async with asyncio.TaskGroup() as group:
                group.create_task(self._advance())
                for steps in people.values():
                    group.create_task(self._person(steps, began))
        except ExceptionGroup as failures:
            first = failures.exceptions[0]
            raise Stuck(str(first)) from first

    async def _person(self, steps: Iterable[tuple[int, Post | Answer | End]], began: float) -> None:
        for index, step in steps:
            await self._its_time(step.at, began)
            self._under_way += 1
            match step:
                case Post():
                    await self._post(step)
                case Answer():
                    await self._answer(step)
                case End():
                    await self._end(step)
            self._under_way -= 1
            self._done(index)

    async def _its_time(self, at: int, began: float) -> None:
        """Waits until a line may be played."""
        if self._speed is not None:
            due = began + (at - self._times[0][0]) / 1000 / self._speed
            await asyncio.sleep(max(0.0, due - time.monotonic()))
        while self._window is not None and at > self._told + self._window:
            await self._moved.wait()

    def _front_time(self) -> int:
        """The earliest line's time; later where it waits for what only time brings.

        That is an answer that is to be tried again or, where every line under way waits for an agent, the deadline
        after which routing asks more agents.
        """
        front = self._times[min(self._front, len(self._times) - 1)][0]
        seen = self._view.seen
        waits = list(seen.retries.values())
        if self._seeking.total() == self._under_way:
            waits += seen.owed.deadlines_of(self._seeking)
        return max(front, min(waits, default=front))

    def _done(self, index: int) -> None:
        self._undone.pop(index)
        while self._front < len(self._times) and self._times[self._front][1] not in self._undone:
            self._front += 1
        self.played.done += 1
        self._progress(self.played.done, len(self._times))

    async def _post(self, post: Post) -> None:
        item = (post.channel, post.item_id)
        if item in self._view.seen.interactions:
            self.played.duplicates += 1  # it was played before: it goes out again all the same, and is ignored
        await self._know(post)
        try:
            await self._platforms.deliver(post)
        except Undeliverable as error:
            raise Stuck(str(error)) from error
        await self._view.until(
            lambda seen: seen.is_placed(item) or self._turned_away(seen, post),
            PATIENCE,
            f"post {post.item_id} was delivered but did not become part of an interaction",
        )
        self.played.posts += 1
        if item not in self._view.seen.interactions:
            self.played.lost_posts.append(post.item_id)

    async def _know(self, post: Post) -> None:
        """Waits until somebody who writes in Messenger after a private answer is known there as who commented."""
        commenter = isinstance(post.line, CustomerSaid) and post.line.commenter
        if not commenter or (post.account_id, post.platform_id) not in self._reached:
            return
        handle = self._home("messenger", await self._platforms.psid(post))
        await self._view.until(
            lambda seen: handle in seen.linked, PATIENCE, f"who writes {post.item_id} is not linked to their comment"
        )

    def _turned_away(self, seen: Seen, post: Post) -> bool:
        result = seen.results.get(derive(post.channel, post.account_id, post.item_id, "message"))
        return result is not None and result.outcome == "refused"

    async def _answer(self, answer: Answer) -> None:
        line = answer.line
        command_id = derive("player", line.account, answer.name)
        seen = self._view.seen
        if command_id not in seen.refused and command_id not in seen.requested:
            interaction_id, agent_id = await self._agent_of(answer.answered)
            command = c.Reply(
                command_id=command_id,
                at=answer.at,
                actor_kind="agent",
                actor_id=agent_id,
                reply_partition=REPLY_PARTITION,
                interaction_id=interaction_id,
                agent_id=agent_id,
                in_reply_to=line.in_reply_to,
                visibility=line.visibility,
                text=line.text,
                salt=os.urandom(16),
            )
            await self._send(interaction_id, command)
        await self._view.until(
            lambda seen: command_id in seen.refused or seen.requested.get(command_id) in seen.settled,
            PATIENCE,
            f"it is not known what came of answer {answer.name}",
        )
        if command_id in seen.refused:
            self.played.refused[answer.name] = seen.refused[command_id]
        elif seen.settled[seen.requested[command_id]] == "posted":
            self.played.posted += 1
            if line.channel == "facebook" and answer.visibility == "private":
                self._reached.add((answer.answered.account_id, answer.answered.platform_id))
        else:
            self.played.failed.append(answer.name)

    async def _end(self, end: End) -> None:
        command_id = derive("player", end.line.account, end.line.in_reply_to, "end")
        seen = self._view.seen
        held = seen.interactions.get((end.answered.channel, end.answered.item_id), "")
        if held not in seen.ended:
            interaction_id, agent_id = await self._agent_of(end.answered)
            command = c.Disposition(
                command_id=command_id,
                at=end.at,
                actor_kind="agent",
                actor_id=agent_id,
                reply_partition=REPLY_PARTITION,
                interaction_id=interaction_id,
                agent_id=agent_id,
                code=end.line.code,
            )
            await self._send(interaction_id, command)
            await self._view.until(
                lambda seen: interaction_id in seen.ended or command_id in seen.refused,
                PATIENCE,
                f"interaction {interaction_id} does not end",
            )
        self.played.ended += 1

    async def _agent_of(self, post: Post) -> tuple[str, str]:
        """The interaction that holds a post, and the agent who accepted it, once there is one."""
        interaction_id = self._view.seen.interactions[post.channel, post.item_id]
        self._seeking[interaction_id] += 1
        await self._view.until(
            lambda seen: interaction_id in seen.agents,
            PATIENCE,
            f"no agent accepted interaction {interaction_id}",
        )
        self._seeking -= Counter([interaction_id])
        return interaction_id, self._view.seen.agents[interaction_id]

    def _accept(self, offer: Assigned) -> None:
        """The agent accepts what is offered, at the time of the offer."""
        command = c.Accept(
            command_id=derive("player", offer.reservation_id or "", "accept"),
            at=offer.decided_at,
            actor_kind="agent",
            actor_id=offer.agent_id,
            interaction_id=offer.interaction_id or "",
            agent_id=offer.agent_id,
        )
        task = asyncio.create_task(self._send(command.interaction_id, command))
        self._tasks.add(task)
        task.add_done_callback(self._accepted)

    def _accepted(self, task: "asyncio.Task[None]") -> None:
        self._tasks.discard(task)
        if not task.cancelled() and task.exception() is not None:
            self._view.fail(f"an agent's acceptance could not be sent: {task.exception()}")

    async def _send(self, interaction_id: str, command: Command) -> None:
        topic = self._cluster.catalogue.name(INTERACTION_COMMANDS)
        await self._publisher.publish_async([Outgoing(topic, home_of(interaction_id), command)])

    async def _advance(self) -> None:
        """Moves recorded time on to the earliest line that is not done, once nothing earlier must still follow."""
        pause = TICK if self._window is None else WINDOW_TICK
        while True:
            seen = self._view.seen
            # What goes out by itself, after the last line too, has to be settled before anything is counted.
            over = not self._undone and not seen.under_way
            # Set after that time was told.
            late = seen.owed.is_late(self._told) or any(due <= self._told for due in seen.retries.values())
            if self._front_time() > self._told or late:
                await self._view.until(
                    lambda seen: not seen.owed.open, PATIENCE, "offers wait for what must follow from them"
                )
                now = max(self._front_time(), self._told)
                seen.owed.advance(now)
                await self._tell_time(now)
                self._told = now
                moved, self._moved = self._moved, asyncio.Event()
                moved.set()
            if over:
                return
            if not self._undone and not seen.retries:
                await self._view.until(
                    lambda seen: not seen.under_way or bool(seen.retries),
                    PATIENCE,
                    "it is not known what came of the automatic answers",
                )
            else:
                await asyncio.sleep(pause)

    async def _tell_time(self, at: int) -> None:
        await self._platforms.set_clock(at)
        # The interactions first: no offer that follows from routing's deadlines may come before that time.
        for topic in (INTERACTION_COMMANDS, ROUTING_COMMANDS):
            await self._publisher.publish_async(time_records(self._cluster.catalogue, topic, at))


def time_records(catalogue: Catalogue, topic: str, at: int) -> list[Outgoing]:
    """What tells every partition of a topic of commands that nothing from before `at` is to come."""
    place = catalogue.topic(topic)
    return [
        Outgoing(place.name, control_key(each), c.AdvanceTime(command_id=derive("time", topic, at, each), at=at))
        for each in range(place.partitions)
    ]
