"""How the player waits for what it has to see."""

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any

import pytest

from engine.delivery import CommandResult
from rejoinder.play.view import Seen, View


def result(command_id: str) -> tuple[object, str]:
    return CommandResult(command_id=command_id, command="Reply", outcome="accepted", key="k", sequence=1), "k"


def told(*names: str) -> Callable[[Seen], bool]:
    return lambda seen: set(names) <= seen.results.keys()


def on_a_view(monkeypatch: pytest.MonkeyPatch, work: Callable[[View], Awaitable[None]]) -> None:
    """A view that reads nothing by itself."""
    monkeypatch.setattr(View, "_follow", lambda self: None)

    async def run() -> None:
        await work(View(None, lambda offer: None))  # type: ignore[arg-type]

    asyncio.run(run())


async def a_few_turns() -> None:
    for _ in range(5):
        await asyncio.sleep(0)


def test_each_goes_on_when_what_it_waits_for_is_there(monkeypatch: pytest.MonkeyPatch) -> None:
    async def work(view: View) -> None:
        one, both = (asyncio.create_task(view.until(told(*names), 60, "it")) for names in ("a", "ab"))
        await a_few_turns()
        view._take([result("x")], True)
        await a_few_turns()
        assert (one.done(), both.done()) == (False, False)
        view._take([result("a")], True)
        await a_few_turns()
        assert (one.done(), both.done()) == (True, False)
        view._take([result("b")], True)
        await asyncio.gather(one, both)
        await view.until(told("a"), 60, "what is there already")

    on_a_view(monkeypatch, work)


def test_what_holds_no_more_when_it_is_its_turn_is_waited_for_again(monkeypatch: pytest.MonkeyPatch) -> None:
    async def work(view: View) -> None:
        task = asyncio.create_task(view.until(told("a"), 60, "it"))
        await a_few_turns()
        view._take([result("a")], True)
        del view.seen.results["a"]  # before the task is woken
        await a_few_turns()
        assert not task.done()
        view._take([result("a")], True)
        await task

    on_a_view(monkeypatch, work)


def test_only_where_nothing_at_all_happens_it_is_given_up(monkeypatch: pytest.MonkeyPatch) -> None:
    async def work(view: View) -> None:
        with pytest.raises(TimeoutError, match="what is missing, and nothing happened for 0 s"):
            await view.until(told("a"), 0.05, "what is missing")
        task: asyncio.Task[Any] = asyncio.create_task(view.until(told("z"), 60, "it"))
        await a_few_turns()
        view.fail("the log is gone")
        with pytest.raises(RuntimeError, match="the log is gone"):
            await task
        with pytest.raises(RuntimeError, match="the log is gone"):
            await view.until(told("z"), 60, "it")

    on_a_view(monkeypatch, work)
