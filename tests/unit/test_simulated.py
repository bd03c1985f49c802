"""Which platforms are simulated in an instance, and that nothing of the real ones reaches the simulator."""

import asyncio
from collections.abc import Mapping
from contextlib import AsyncExitStack
from pathlib import Path

import pytest

from channels.delivery import Platform
from channels.outcomes import Outcome
from engine.delivery import Deliver
from rejoinder.instance import Instance, RunningProgram
from rejoinder.programs.delivery import Platforms
from rejoinder.sections import SettingsError
from rejoinder.settings import Settings, load
from rejoinder.simulated import all_simulated, as_it_runs, is_wanted, with_simulator
from rejoinder.webhooks import platforms_of

REAL = {
    "x.consumer_key": "real-key", "x.consumer_secret": "real-secret", "meta.app_id": "1", "meta.app_secret": "real-app",
    "meta.verify_token": "real-token", "web.port": 8080,
}  # fmt: skip


def opened(platforms: Platforms) -> Mapping[str, Platform]:
    async def open_them() -> Mapping[str, Platform]:
        async with AsyncExitStack() as stack:
            return await platforms.opened(stack)

    return asyncio.run(open_them())


def run(platforms: Platforms, deliver: Deliver) -> Outcome:
    async def perform() -> Outcome:
        async with AsyncExitStack() as stack:
            return await (await platforms.opened(stack))[deliver.channel].perform(deliver)

    return asyncio.run(perform())


def settings(folder: Path, **given: object) -> Settings:
    return load({"data": folder, **{name.replace("__", "."): value for name, value in given.items()}}, environment={})


def test_the_simulator_is_started_if_a_platform_is_simulated_and_nobody_says_where(tmp_path: Path) -> None:
    assert not is_wanted(settings(tmp_path))
    assert not is_wanted(settings(tmp_path, x__simulated=True, x__api="http://127.0.0.1:9"))
    assert is_wanted(settings(tmp_path, x__simulated=True))
    assert is_wanted(settings(tmp_path, meta__simulated=True, x__simulated=True, x__api="http://127.0.0.1:9"))


def test_the_simulator_s_program_and_all_others_are_told_the_same(tmp_path: Path) -> None:
    made, program = with_simulator(settings(tmp_path, x__simulated=True, meta__simulated=True))
    port, web = program.arguments
    assert web == f"http://127.0.0.1:{made.web.port}"
    assert made.x.address == f"http://127.0.0.1:{port}"
    assert made.meta.address.startswith(f"http://127.0.0.1:{port}/graph/v")
    assert platforms_of(made) == ["x", "meta"]
    again, _ = with_simulator(settings(tmp_path, x__simulated=True, meta__simulated=True))
    assert again.x.consumer_secret == made.x.consumer_secret
    assert again.meta.app_secret == made.meta.app_secret
    assert again.meta.verify_token == made.meta.verify_token


def test_a_platform_that_is_not_simulated_stays_as_it_is(tmp_path: Path) -> None:
    given = settings(tmp_path, **REAL, x__simulated=True)
    made, _ = with_simulator(given)
    assert made.meta == given.meta
    assert made.web.port == 8080


def test_the_demo_has_nothing_of_the_real_platforms(tmp_path: Path) -> None:
    made, _ = with_simulator(all_simulated(settings(tmp_path, **REAL)))
    told = " ".join(made.environment().values())
    assert "real-" not in told
    assert made.web.port != 8080


def test_a_command_finds_the_simulator_that_runs(tmp_path: Path) -> None:
    given = settings(tmp_path)
    made, _ = with_simulator(all_simulated(given))
    program = RunningProgram(pid=1, log="", facts={"port": 4711})
    instance = Instance(
        pid=1, identity="", data="", started_at=0, bootstrap="", dsn="", embedded_kafka=True, embedded_postgres=True,
        programs={"simulator": program},
    )  # fmt: skip
    found = as_it_runs(given, instance)
    assert found.x.address == "http://127.0.0.1:4711"
    assert (found.x.consumer_secret, found.meta.app_secret) == (made.x.consumer_secret, made.meta.app_secret)
    instance.programs.clear()
    assert as_it_runs(given, instance) == given


@pytest.mark.parametrize(
    ("given", "expected"),
    [
        ({"x.consumer_secret": "s"}, ["x"]),
        ({"meta.app_secret": "s", "meta.verify_token": "t"}, ["meta"]),
        ({"x.consumer_secret": "s", "meta.app_secret": "s", "meta.verify_token": "t"}, ["x", "meta"]),
    ],
)
def test_webhooks_are_taken_from_the_platforms_whose_secrets_are_set(
    given: dict[str, str], expected: list[str]
) -> None:
    assert platforms_of(load(given, environment={})) == expected


@pytest.mark.parametrize(
    ("given", "named"), [({}, "REJOINDER_X_CONSUMER_SECRET"), ({"meta.app_secret": "s"}, "meta.verify_token")]
)
def test_a_secret_that_is_missing_is_named(given: dict[str, str], named: str) -> None:
    with pytest.raises(SettingsError, match=named):
        platforms_of(load(given, environment={}))


@pytest.mark.parametrize(
    ("channel", "action", "item"),
    [("x", "reply", "7"), ("x", "message", "7"), ("facebook", "reply", "7_8"), ("messenger", "message", "m_7")],
)
def test_an_account_without_a_token_is_refused_and_nothing_is_called(
    tmp_path: Path, channel: str, action: str, item: str
) -> None:
    platforms = Platforms(settings(tmp_path, x__api="http://127.0.0.1:9", meta__api="http://127.0.0.1:9/v1", **REAL))
    deliver = Deliver(
        delivery_id="d", attempt=1, interaction_id="i.1", channel=channel, account="42", kind="reply",
        action=action, visibility="public", in_reply_to=item, recipient="9", text="hi", at=0, correlation_id="c",
    )  # fmt: skip
    outcome = run(platforms, deliver)
    assert getattr(outcome, "reason", outcome) == "no_credentials"


def test_without_meta_s_secret_there_is_no_client_for_its_channels(tmp_path: Path) -> None:
    assert set(opened(Platforms(settings(tmp_path)))) == {"x"}
    assert set(opened(Platforms(settings(tmp_path, **REAL)))) == {"x", "facebook", "messenger"}
