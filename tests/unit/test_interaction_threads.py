"""Own comments in a thread of several people on Facebook: to whom they count."""

from engine.envelope import derive
from engine.interaction import commands as c
from engine.interaction import contact_events as ce
from engine.interaction import events as e
from tests.unit.builders import HOME, MONDAY, SALT, by_agent, outcome
from tests.unit.page_world import OTHER_HOME, PAGE, comment, names, tell, world
from tests.unit.world import World

TOP, NESTED = derive("item", "T"), derive("item", "C")


def thread() -> World:
    """A's comment T under a post, and B's comment C under it."""
    at = world()
    tell(at, HOME, comment("T", index=[TOP], in_reply_to="P"))
    tell(at, OTHER_HOME, comment("C", OTHER_HOME, index=[NESTED, TOP], in_reply_to="T", thread="T"))
    return at


def own(item_id: str, in_reply_to: str, text: str = "Hello there") -> c.RecordOwnPost:
    return c.RecordOwnPost(
        command_id=f"own-{item_id}",
        at=MONDAY,
        channel="facebook",
        account=PAGE,
        item_id=item_id,
        in_reply_to=in_reply_to,
        posted_at=MONDAY,
        text=text,
        salt=SALT,
        raw=b"{}",
    )


def test_an_own_comment_counts_to_the_author_of_the_comment_that_facebook_names() -> None:
    for key, named, home in ((NESTED, "C", OTHER_HOME), (TOP, "T", HOME)):
        told = tell(thread(), key, own("O", named))
        assert names(told)[-1] == "RepliedElsewhere"
        elsewhere = told[-1]
        assert isinstance(elsewhere, e.RepliedElsewhere)
        assert elsewhere.interaction_id == f"{home}.1"


def test_the_echo_of_an_answer_to_a_nested_comment_that_names_the_top_one_counts_to_nobody_else() -> None:
    for before in (True, False):
        at = thread()
        where = f"{OTHER_HOME}.1"
        tell(at, OTHER_HOME, by_agent(c.Take, interaction_id=where))
        tell(at, OTHER_HOME, by_agent(c.Reply, interaction_id=where, text="Hello there"))
        (delivery,) = at.deliveries
        posted = outcome(delivery.delivery_id, interaction_id=where, item_id="O")
        steps = [(TOP, own("O", "T")), (OTHER_HOME, posted)]
        told = [event for key, command in (steps if before else steps[::-1]) for event in tell(at, key, command)]
        assert names(told).count("Replied") == 1, before
        assert "RepliedElsewhere" not in names(told), before


def test_the_echo_of_an_answer_to_a_later_comment_of_the_same_author_is_one_answer() -> None:
    at = thread()
    tell(at, HOME, comment("C2", index=[derive("item", "C2"), TOP], in_reply_to="T", thread="T"))
    where = f"{HOME}.1"
    tell(at, HOME, by_agent(c.Take, interaction_id=where))
    tell(at, HOME, by_agent(c.Reply, interaction_id=where, text="Hello there"))
    (delivery,) = at.deliveries
    assert delivery.in_reply_to == "C2"
    assert names(tell(at, TOP, own("O", "T")))[-1] == "Replied"


def test_what_nobody_in_the_thread_knows_as_an_echo_counts_to_who_began_it() -> None:
    at = thread()
    told = tell(at, TOP, own("O", "T"))
    assert names(told) == ["Forwarded", "Forwarded", "RepliedElsewhere"]
    assert [event.interaction_id for event in told] == [None, None, f"{HOME}.1"]
    assert tell(at, TOP, own("O", "T")) == [], "platforms repeat"


def test_in_a_long_thread_some_are_asked_and_it_comes_to_an_end() -> None:
    at = thread()
    homes = [f"{number:032x}" for number in range(20)]
    for number, home in enumerate(homes):
        item = f"R{number}"
        tell(at, home, comment(item, home, index=[derive("item", item), TOP], in_reply_to="T", thread="T"))
    told = tell(at, TOP, own("O", "T"))
    assert names(told) == ["Forwarded"] * 7 + ["RepliedElsewhere"]
    assert told[-1].interaction_id == f"{HOME}.1"
    asked = [event.to for event in told if isinstance(event, ce.Forwarded)]
    assert asked == [*homes[:-7:-1], HOME], "the latest first"
