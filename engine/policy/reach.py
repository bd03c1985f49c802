"""Which messages a part of a policy has to do with: of what kind, at which accounts, in public or in private."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

from engine.policy.document import Account, Channel, Filter, Happening, Policy

EVENTS: Final[dict[Channel, tuple[Happening, ...]]] = {
    "x": ("mention", "reply", "quote", "direct_message"),
    "facebook": ("post", "comment"),
    "messenger": ("message", "postback"),
}
"""What can happen on each channel."""

PRIVATE: Final[frozenset[Happening]] = frozenset({"direct_message", "message", "postback"})


@dataclass(frozen=True, slots=True)
class Reached:
    """One kind of message at one account."""

    account: Account
    event: Happening

    @property
    def private(self) -> bool:
        """Whether nobody else reads it."""
        return self.event in PRIVATE


def key(account: Account) -> str:
    """An account's name: x:42."""
    return f"{account.channel}:{account.id}"


def at(account: Account) -> Iterator[Reached]:
    """What is looked at of all that can happen at an account."""
    for event in EVENTS[account.channel]:
        if not account.monitor or event in account.monitor:
            yield Reached(account, event)


def of_filter(policy: Policy, one: Filter) -> list[Reached]:
    """The messages that a filter may be met by."""
    return [
        reached
        for account in policy.accounts
        if not one.accounts or key(account) in one.accounts
        for reached in at(account)
        if not one.events or reached.event in one.events
    ]


def of_notice(policy: Policy, name: str) -> list[Reached]:
    """The messages that a notice may answer, because of a closure or of a filter."""
    closing = [reached for account in policy.accounts if name in account.notices.values() for reached in at(account)]
    answering = [
        reached
        for one in policy.filters
        if one.action == "answer" and one.template == name
        for reached in of_filter(policy, one)
    ]
    return closing + [reached for reached in answering if reached not in closing]
