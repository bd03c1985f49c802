"""To which interaction a message belongs."""

from engine.interaction import commands as c
from engine.interaction.state import Interaction, Item, Latest, Talks, Thread, talk_id
from engine.policy.document import Account
from engine.rows import Rows

Joined = tuple[str, str | None]
"""How the message comes to its interaction (see MessageReceived.joined), and to which; None for a new one."""


def join(rows: Rows, command: c.ReceiveMessage, account: Account, action: str, join_recent: int) -> Joined:
    """A post joins what it answers, a private message what goes on in private; else it opens a new interaction."""
    if action == "attach":
        return _attach(rows, command, account)
    if command.visibility == "private":
        return _join_talk(rows, account)
    if command.thread is not None:
        return _join_thread(rows, command, account)
    return _join_post(rows, command, account, join_recent)


def latest_of(rows: Rows, account: Account) -> str | None:
    """The author's latest interaction with an account."""
    latest = rows.get(Latest, f"{account.channel}:{account.id}")
    return None if latest is None else latest.interaction_id


def _is_open(rows: Rows, interaction_id: str | None, account: Account) -> bool:
    interaction = None if interaction_id is None else rows.get(Interaction, interaction_id)
    return interaction is not None and interaction.account == account.id and interaction.state != "dispositioned"


def _holder(rows: Rows, item_id: str | None) -> str | None:
    item = None if item_id is None else rows.get(Item, item_id)
    return None if item is None else item.interaction_id


def _attach(rows: Rows, command: c.ReceiveMessage, account: Account) -> Joined:
    """A mere thank-you joins what it answers, ended or not, and opens nothing."""
    holder = _holder(rows, command.in_reply_to)
    interaction = None if holder is None else rows.get(Interaction, holder)
    if holder is not None and interaction is not None and interaction.account == account.id:
        return "attached", holder
    talks = rows.get(Talks, talk_id(account.channel, account.id))
    if command.visibility == "private" and talks is not None and talks.interactions:
        return "attached", talks.interactions[-1]
    latest = latest_of(rows, account)
    return ("opened", None) if latest is None else ("attached", latest)


def _join_talk(rows: Rows, account: Account) -> Joined:
    """Private: the latest open interaction that goes on in private with that account, or was invited to."""
    talks = rows.get(Talks, talk_id(account.channel, account.id))
    return ("private", talks.interactions[-1]) if talks is not None and talks.interactions else ("opened", None)


def _join_thread(rows: Rows, command: c.ReceiveMessage, account: Account) -> Joined:
    """Facebook: one interaction for each author and visitor's post or top-level comment."""
    thread = rows.get(Thread, command.thread or "")
    for candidate in (_holder(rows, command.in_reply_to), None if thread is None else thread.interaction_id):
        if candidate is not None and _is_open(rows, candidate, account):
            return "thread", candidate
    return "opened", None


def _join_post(rows: Rows, command: c.ReceiveMessage, account: Account, join_recent: int) -> Joined:
    """X: what holds the post answered; else, if it answers something, what was active lately with that account."""
    holder = _holder(rows, command.in_reply_to)
    if holder is not None and _is_open(rows, holder, account):
        return "thread", holder
    latest = rows.get(Latest, f"{account.channel}:{account.id}:public")
    row = None if latest is None else rows.get(Interaction, latest.interaction_id)
    if latest is None or row is None or command.in_reply_to is None or row.state == "dispositioned":
        return "opened", None
    lately = command.posted_at - row.active_at <= join_recent
    return ("recent", latest.interaction_id) if lately else ("opened", None)
