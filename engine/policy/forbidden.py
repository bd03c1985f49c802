"""What the platforms forbid, or allow once: a policy that would do it is refused, with the name of the rule.

A platform may allow a company what it forbids to all: then its account says `platform_permission: granted`.

Nothing here is about three more of their rules, because no policy can break them: the engine gives one automatic
answer to an interaction; only what a person wrote is sent with Messenger's HUMAN_AGENT tag; and every repost is
of a post to the account, which X's automation rules allow while it is no spam.
"""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Final

from engine.policy import reach
from engine.policy.document import Notice, Policy
from engine.policy.reach import Reached


@dataclass(frozen=True, slots=True)
class Rule:
    """A rule of a platform. `mend`: what a policy can do instead."""

    name: str
    words: str
    mend: str


X_AUTOMATIC_LIKE: Final = Rule(
    "x_automatic_like", "X allows no automatic likes, a person has to choose each", "write mode: suggest"
)
X_AUTOMATIC_DIRECT_MESSAGE: Final = Rule(
    "x_automatic_direct_message",
    "X allows no automatic direct message before the customer's own",
    "make the notice public, or use it for direct messages only",
)
X_OPT_OUT: Final = Rule(
    "x_opt_out",
    "X demands that whoever gets automatic answers can end them at once",
    "give opt_out a word",
)
FACEBOOK_PRIVATE_NOTICE: Final = Rule(
    "facebook_private_notice",
    "Facebook allows one private answer to a comment, which an automatic one would take from the agent",
    "make the notice public",
)


@dataclass(frozen=True, slots=True)
class Offence:
    """A rule that a policy breaks. `path` leads to the field."""

    path: tuple[str | int, ...]
    rule: Rule
    accounts: tuple[str, ...]

    @property
    def message(self) -> str:
        """It for a person."""
        return (
            f"{self.rule.name}: {self.rule.words} ({', '.join(self.accounts)}); {self.rule.mend}, or write "
            "platform_permission: granted at the account if the platform gave you leave in writing"
        )


def offences(policy: Policy) -> Iterator[Offence]:
    """All that the policy does against the platforms' rules, at accounts without leave."""
    for index, one in enumerate(policy.filters):
        if one.action == "engage" and one.mode == "automatic" and one.engagement in ("like", "favourite"):
            reached = reach.of_filter(policy, one)
            yield from _offence(("filters", index, "mode"), X_AUTOMATIC_LIKE, _public(reached, "x"))
    answering: list[Reached] = []
    for index, notice in enumerate(policy.notices):
        answered = reach.of_notice(policy, notice.name)
        answering += answered
        yield from _private(("notices", index, "visibility"), notice, answered)
    if not policy.opt_out:
        on_x = (each for each in answering if each.account.channel == "x")
        yield from _offence(("opt_out",), X_OPT_OUT, on_x)


def _private(path: tuple[str | int, ...], notice: Notice, answered: list[Reached]) -> Iterator[Offence]:
    """What an automatic private answer to something public breaks."""
    if notice.visibility == "private":
        yield from _offence(path, X_AUTOMATIC_DIRECT_MESSAGE, _public(answered, "x"))
        yield from _offence(path, FACEBOOK_PRIVATE_NOTICE, _public(answered, "facebook"))


def _public(reached: Iterable[Reached], channel: str) -> Iterator[Reached]:
    return (each for each in reached if each.account.channel == channel and not each.private)


def _offence(path: tuple[str | int, ...], rule: Rule, reached: Iterable[Reached]) -> Iterator[Offence]:
    """One offence for all the accounts without leave at which it would be done."""
    without = dict.fromkeys(
        reach.key(each.account) for each in reached if each.account.platform_permission != "granted"
    )
    if without:
        yield Offence(path, rule, tuple(without))
