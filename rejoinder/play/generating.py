"""Generated traffic: a day of the accounts of a policy, the same for the same policy, day and seed."""

import random
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Final

from engine.policy.document import Policy
from engine.policy.rules import Rules
from rejoinder.play import scenes
from rejoinder.play.desk import STEP, Desk
from rejoinder.play.scenes import IntoPrivate, Scene
from rejoinder.play.script import Numbers, Script
from rejoinder.play.traffic import Line
from rejoinder.play.voices import PAGE_POSTS, Mention, OnPage, Voice, button, direct_message, message

CONVERSATIONS: Final = 100
WEDNESDAY: Final = 2
WEEKS: Final = 8
"""So far back a day is looked for."""


@dataclass(frozen=True)
class Wish:
    """A scene, when it is to be (while the account is open, or closed), and how it begins; None: in any way."""

    scene: Scene
    is_open: bool = True
    opens: str | None = None


def day_for(policy: Policy, today: date) -> date:
    """The latest Wednesday before a day on which every account opens, and on the day after it too; where there is none
    in the last weeks, the latest."""
    rules = Rules(1, policy)
    desks = [Desk(account, rules) for account in policy.accounts]
    latest = today - timedelta(days=(today.weekday() - WEDNESDAY) % 7 or 7)
    for back in range(WEEKS):
        day = latest - timedelta(weeks=back)
        if all(desk.times(each, is_open=True) for desk in desks for each in (day, day + timedelta(days=1))):
            return day
    return latest


def generate(policy: Policy, day: date, seed: int = 1) -> list[Line]:
    """The lines of one day and the morning after, in time order."""
    chance = random.Random(seed)  # invented traffic needs no secrecy
    rules, numbers = Rules(1, policy), Numbers(day)
    desks = [Desk(account, rules) for account in policy.accounts]
    lines: list[tuple[datetime, int, Line]] = []
    conversations = 0
    for number, desk in enumerate(desks):
        share = CONVERSATIONS * (number + 1) // len(desks) - CONVERSATIONS * number // len(desks)
        page_posts = [f"{desk.account.id}_{numbers.next()}" for _ in range(PAGE_POSTS)]
        for wish in _wishes(desk, desks, max(1, share)):
            script = _played(desk, wish, page_posts, numbers, chance, day)
            if script is None:
                script = _played(desk, Wish(scenes.plain), page_posts, numbers, chance, day)
            conversations += 1
            lines += [(at, conversations, line) for at, line in (script.lines if script is not None else ())]
    return [line for _, _, line in sorted(lines, key=lambda entry: (entry[0].replace(microsecond=0), entry[1]))]


def _wishes(desk: Desk, desks: list[Desk], count: int) -> Iterator[Wish]:
    """What is to happen at an account: first what is rare, then what is usual."""
    wishes = [
        Wish(scenes.plain, is_open=False),
        Wish(scenes.opening_hours),
        Wish(scenes.outage),
        Wish(scenes.praise),
        Wish(scenes.spam),
        Wish(scenes.silence),
        Wish(scenes.contract),
        Wish(scenes.insult),
        Wish(scenes.parcel),
        Wish(scenes.human),
    ]
    if desk.account.channel == "facebook":
        there = next((each for each in desks if _is_messenger_of(each, desk)), None)
        wishes[1:1] = [] if there is None else [Wish(IntoPrivate(there), opens="comment")] * 4
    if desk.account.channel == "messenger":
        wishes[1:1] = [Wish(scenes.button, opens="postback")] * 2
    wishes += [Wish(scenes.plain, is_open=False), Wish(scenes.outage), Wish(scenes.praise), Wish(scenes.spam)]
    yield from wishes[:count]
    for _ in range(count - len(wishes)):
        yield Wish(scenes.plain)


def _is_messenger_of(one: Desk, page: Desk) -> bool:
    return one.account.channel == "messenger" and one.account.id == page.account.id


def _played(
    desk: Desk, wish: Wish, page_posts: list[str], numbers: Numbers, chance: random.Random, day: date
) -> Script | None:
    """A conversation as wished; None: the policy has no such thing."""
    voices = [each for each in _voices(desk, page_posts, chance) if desk.looks_at(each.opens)]
    if wish.opens is None:
        voices = [each for each in voices if each.opens != "postback"]
    else:
        voices = [each for each in voices if each.opens == wish.opens]
    chance.shuffle(voices)
    times = desk.times(day, is_open=wish.is_open) or (desk.times(day, is_open=False) if wish.is_open else [])
    if not times:
        return None
    for voice in voices:
        person, quarter = numbers.person(chance), chance.choice(times)
        at = quarter + timedelta(seconds=chance.randrange(round(STEP.total_seconds())))
        # A quarter in which it opens or closes is of both sorts.
        script = Script(desk, person, numbers, chance, at if desk.is_open(at) == desk.is_open(quarter) else quarter)
        if wish.scene(script, voice):
            return script
    return None


def _voices(desk: Desk, page_posts: list[str], chance: random.Random) -> list[Voice]:
    """The ways of a channel, as often as people take them."""
    match desk.account.channel:
        case "x":
            return [Mention(), Mention(), Mention(), direct_message()]
        case "facebook":
            return [OnPage(chance.choice(page_posts)), OnPage(chance.choice(page_posts)), OnPage(None)]
        case _:
            return [message(), button()]
