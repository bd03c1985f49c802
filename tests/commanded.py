"""A real small instance on which each command of the command line can be run, with an agent and some customers."""

import json
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Final

import httpx
import pytest
from typer.testing import CliRunner

from engine.errors import RejoinderError
from rejoinder.cli import app
from rejoinder.deployment import deploy
from rejoinder.embedded.ports import free_ports
from rejoinder.policy_file import STARTER
from rejoinder.services import Services
from rejoinder.settings import load
from rejoinder.supervisor import Program, Supervisor
from tests.ended import Ended

SECRET: Final = "the consumer secret"
ACCOUNT: Final = "1000000000001"
HOSTILE: Final = "@AcmeCare \u202eevil\u202c \x1b[31mred\x00 [bold]two\nlines " + "x" * 150
PATIENCE: Final = 60.0


@dataclass
class Company:
    """A running instance with a policy, an agent, and some customers' messages."""

    data: Path
    simulator: str

    def call(self, *arguments: str, given: str | None = None) -> Ended:
        """Runs a command on the instance."""
        result = CliRunner().invoke(app, [*arguments, "--data", str(self.data)], input=given)
        if isinstance(result.exception, RejoinderError):
            return Ended(result.exception.exit_code, result.stdout, str(result.exception))
        if result.exception is not None and not isinstance(result.exception, SystemExit):
            raise result.exception
        return Ended(result.exit_code, result.stdout, result.stderr)

    def done(self, *arguments: str, given: str | None = None) -> Ended:
        """Runs a command that must succeed."""
        ended = self.call(*arguments, given=given)
        assert ended.code == 0, ended.err
        return ended

    def until(self, condition: Callable[[list[Any]], bool], *arguments: str) -> list[Any]:
        """Asks until the JSON lines are as wanted."""
        deadline = time.monotonic() + PATIENCE
        while not condition(lines := self.done(*arguments, "--json").lines):
            assert time.monotonic() < deadline, lines
            threading.Event().wait(0.1)
        return lines

    def post(self, item: str, author: str, text: str) -> None:
        """A customer posts on the simulated platform, which tells the webhook."""
        httpx.post(f"{self.simulator}/_simulator/posts", json=body(item, author, text), timeout=30).raise_for_status()

    def interaction_of(self, name: str) -> Any:
        """The only interaction of a customer, once it is with an agent."""

        def theirs(lines: list[Any]) -> list[Any]:
            return [line for line in lines if line["customer"] == f"@{name}" and line["state"] == "assigned"]

        (found,) = theirs(self.until(lambda lines: bool(theirs(lines)), "interactions"))
        return found


def body(item: str, author: str, text: str) -> dict[str, Any]:
    """A webhook's body with one post to the account."""
    user = {"id": int(author), "id_str": author, "screen_name": f"user{author}", "name": f"User {author}"}
    account = {"id": int(ACCOUNT), "id_str": ACCOUNT, "screen_name": "AcmeCare", "name": "Acme", "indices": [0, 9]}
    post = {
        "created_at": datetime.now(UTC).strftime("%a %b %d %H:%M:%S +0000 %Y"),
        "id": int(item),
        "id_str": item,
        "text": text,
        "user": user,
        "lang": "en",
        "entities": {"user_mentions": [account]},
    }
    return {"for_user_id": ACCOUNT, "tweet_create_events": [post]}


@contextmanager
def company_on(data: Path) -> Iterator[Company]:
    """The instance; everything in it is made with the commands themselves."""
    (port,) = free_ports(1)
    simulator = f"http://127.0.0.1:{port}"
    settings = load(
        {
            "data": data,
            "kafka.heap": 256,
            "topics.partitions": 4,
            "x.api": simulator,
            "x.simulated": True,
            "x.call_timeout": 5.0,
            "x.consumer_secret": SECRET,
        }
    )

    def prepare(services: Services) -> None:
        deploy(settings, services.bootstrap)

    programs = [
        Program("simulator", stage=0, arguments=[str(port)]),
        *(Program(name, stage=1) for name in ("engine", "projector", "delivery", "web")),
    ]
    with pytest.MonkeyPatch.context() as patch, Supervisor(settings, programs, prepare=prepare) as supervisor:
        patch.setenv("REJOINDER_X_CONSUMER_SECRET", SECRET)
        patch.setenv("COLUMNS", "100")
        webhook = f"http://127.0.0.1:{supervisor.fact('web', 'port')}/webhooks/x"
        httpx.put(f"{simulator}/_simulator/webhook", json={"url": webhook}, timeout=30).raise_for_status()
        made = Company(data, simulator)
        _furnish(made)
        yield made


def _furnish(company: Company) -> None:
    file = company.data / "policy.yaml"
    text = STARTER.replace("Mo-Fr 08:00-18:00; PH off", "24/7").replace("accept_within: 60s", "accept_within: null")
    file.write_text(text[: text.index("    special_days:")] + text[text.index("    notices:") :])
    assert company.done("policy", "publish", str(file), "--json").lines == [{"version": 1, "new": True}]
    assert company.done("policy", "publish", str(file), "--json").lines == [{"version": 1, "new": False}]
    company.done("agents", "add", "ann", "--skill", "care", "--capacity", "50", "--ready")
    webhooks = company.data / "webhooks.jsonl"
    lines: list[Any] = [
        body("9001", "501", "@AcmeCare where is my parcel?"),
        {"kind": "webhook", "channel": "x", "account": "AcmeCare", "body": body("9002", "502", HOSTILE)},
        {"kind": "agent_reply"},
        {"strange": "words of somebody"},
    ]  # fmt: skip
    webhooks.write_text("".join(f"{json.dumps(line)}\n" for line in lines))
    ended = company.done("ingest", str(webhooks), "--json")
    assert ended.lines == [{"webhooks": 3, "left_out": 1, "commands": 2, "dead_letters": 1, "ignored": 0}]
