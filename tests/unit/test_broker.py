"""Calls of a transaction have an end, whatever the client does."""

import threading
from collections.abc import Callable

import pytest

from topics import broker
from topics.transactions import StartAgain, retrying


def call(work: Callable[[], None]) -> Callable[..., None]:
    def send(*given: object) -> None:
        work()

    return lambda *given: broker.within(send, given)


def test_one_that_ends_ends_as_it_does() -> None:
    made: list[int] = []
    call(lambda: made.append(1))(8.0)
    assert made == [1]
    with pytest.raises(LookupError, match="gone"):
        call(lambda: (_ for _ in ()).throw(LookupError("gone")))(8.0)


def test_one_that_stands_is_given_up_and_not_made_again(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(broker, "GRACE", 0.1)
    let_go, begun = threading.Event(), []

    def stand() -> None:
        begun.append(1)
        let_go.wait(60)

    with pytest.raises(broker.CallStands, match="send did not end"):
        call(stand)(0.1)
    with pytest.raises(StartAgain, match="send did not end"):
        retrying(call(stand), 0.1)
    assert len(begun) == 2
    let_go.set()
