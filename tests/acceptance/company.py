"""A company with everything running, for the tests of the mission: platforms, engine, projections and API over HTTP.

Each test has accounts, a pool and customers of its own, all in one policy that grows while the company runs, so that
the tests share one system and don't meet in it.
"""

import itertools
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final, TypeVar

import httpx
from pydantic import SecretStr

from console import tokens
from engine.policy.document import Account, Filter, Notice, Policy, Queue
from rejoinder import policy_file
from rejoinder.cluster import Cluster, connect, wall_clock
from rejoinder.deployment import deploy
from rejoinder.services import Services
from rejoinder.settings import Settings, load
from rejoinder.simulated import all_simulated, with_simulator
from rejoinder.supervisor import Program, Supervisor
from topics import tokens as token_log

PATIENCE: Final = 30.0
"""Seconds until something that has to come is missed. Only a failure waits so long."""
PARTITIONS: Final = 4

T = TypeVar("T")
Json = dict[str, Any]

_numbers = itertools.count(1)


@dataclass
class Parts:
    """What the policy holds so far."""

    accounts: list[Account] = field(default_factory=list)
    queues: list[Queue] = field(default_factory=list)
    filters: list[Filter] = field(default_factory=list)
    notices: list[Notice] = field(default_factory=list)
    settings: Json = field(
        default_factory=lambda: {"dispositions": ("resolved", "no_answer_needed"), "retry_every": "1s"}
    )

    def policy(self) -> Policy:
        """The document."""
        return Policy(
            name="acceptance",
            accounts=tuple(self.accounts),
            queues=tuple(self.queues),
            filters=tuple(self.filters),
            notices=tuple(self.notices),
            **self.settings,
        )


@dataclass
class Person:
    """A customer."""

    id: str
    screen_name: str
    name: str

    def shown(self, channel: str) -> Json:
        """As the platform names them."""
        return {"id": self.id, "screen_name": self.screen_name if channel == "x" else None, "name": self.name}


@dataclass
class Company:
    """The running system."""

    cluster: Cluster
    web: httpx.Client
    platform: httpx.Client
    supervisor: Supervisor
    parts: Parts = field(default_factory=Parts)
    open: ExitStack = field(default_factory=ExitStack)
    _clients: dict[tuple[str, str], httpx.Client] = field(default_factory=dict)

    # --- the business ---

    def account(self, channel: str, queue: str, account_id: str | None = None, **changes: Any) -> Account:
        """An account of the company's, and what it needs; in force with the next `publish`."""
        number = account_id or str(7_000_000_000_000 + next(_numbers))
        account = Account(channel=channel, id=number, handle=f"Care{number[-4:]}", queue=queue, **changes)  # type: ignore[arg-type]
        self.parts.accounts.append(account)
        return account

    def queue(self, **changes: Any) -> Queue:
        """A queue in a pool of its own."""
        number = next(_numbers)
        queue = Queue(**({"name": f"queue{number}", "pool": f"pool{number}"} | changes))
        self.parts.queues.append(queue)
        return queue

    def filter(self, account: Account, **changes: Any) -> Filter:
        """A filter for one account."""
        fields = {"name": f"filter{next(_numbers)}", "accounts": (f"{account.channel}:{account.id}",)}
        one = Filter(**(fields | changes))
        self.parts.filters.append(one)
        return one

    def notice(self, text: str, visibility: str = "public", **languages: str) -> str:
        """The name of a new notice."""
        name = f"notice{next(_numbers)}"
        texts = {"en": text, **languages}
        self.parts.notices.append(Notice(name=name, text=texts, visibility=visibility))  # type: ignore[arg-type]
        return name

    def publish(self) -> int:
        """Puts the policy in force, and waits until the web program knows its accounts."""
        text = policy_file.to_yaml(self.parts.policy())
        answer = self.as_role("engineer").post("/v1/policy", content=text.encode())
        assert answer.status_code == 200, answer.text
        last = self.parts.accounts[-1]
        path = f"/v1/accounts/{last.channel}:{last.id}/emergency"
        self.until(lambda: self.as_role("engineer").get(path).status_code == 200, "the accounts are known")
        version: int = answer.json()["version"]
        return version

    @contextmanager
    def setting(self, **changes: Any) -> Iterator[None]:
        """Settings of the whole policy for a while: in force with the next `publish`, and taken back at the end."""
        before = self.parts.settings
        self.parts.settings = before | changes
        try:
            yield
        finally:
            self.parts.settings = before
            self.publish()

    def emergency(self, account: Account, *, on: bool) -> None:
        """Begins or ends one."""
        client = self.as_role("supervisor")
        path = f"/v1/accounts/{account.channel}:{account.id}/emergency"
        answer = client.put(path) if on else client.delete(path)
        assert answer.status_code == 200, answer.text

    # --- customers ---

    @staticmethod
    def person() -> Person:
        """Somebody new."""
        number = next(_numbers)
        return Person(str(9_100_000_000_000_000_000 + number), f"kim{number}", f"Kim {number}")

    def say(self, account: Account, kind: str, who: Person | None, text: str = "My phone is dead", **more: Any) -> str:
        """A customer writes; the platform's id of what was written, once the webhook has it."""
        return str(self.simulate("customers/say", said(account, kind, who, text, **more)).get("item_id"))

    def simulate(self, path: str, body: Any, method: str = "POST", **query: str) -> Json:
        """What is told to the simulator's control API; its answer."""
        answer = self.platform.request(method, f"/_simulator/{path}", json=body, params=query)
        assert answer.status_code == 200, answer.text
        told: Json = answer.json()
        return told

    def calm(self) -> None:
        """From now on nothing goes wrong on the platforms."""
        assert self.platform.delete("/_simulator/faults").status_code == 200

    def journal(self, account: Account) -> list[Json]:
        """What was done on the platform as this account."""
        answer = self.platform.get("/_simulator/journal", params={"account": account.id})
        assert answer.status_code == 200, answer.text
        listed: list[Json] = answer.json()["actions"]
        return [one for one in listed if one["account"] == account.id]

    def done(self, account: Account, count: int = 1) -> list[Json]:
        """What was done there, once there is so much of it."""
        return self.until(lambda: _enough(self.journal(account), count), f"{count} actions as {account.id}")

    # --- people at work ---

    def as_role(self, role: str, subject: str | None = None) -> httpx.Client:
        """The API with a token of this role."""
        name = subject or f"a-{role}"
        known = self._clients.get((role, name))
        if known is not None:
            return known
        record, token = tokens.make(role, name, wall_clock(), "the tests")
        with self.cluster.publisher("tests") as publisher:
            token_log.write(publisher, self.cluster.catalogue, record)
        headers = {"Authorization": f"Bearer {token}"}
        client = self.open.enter_context(httpx.Client(base_url=self.web.base_url, headers=headers, timeout=20))
        self._clients[(role, name)] = client
        self.until(lambda: client.get("/v1/me").status_code == 200, "the token is known")
        return client

    def agent(self, queue: Queue, *, ready: bool = True, **changes: Any) -> "Desk":
        """A new agent of the queue's pool, who is there unless told otherwise."""
        name = f"agent{next(_numbers)}"
        fields: Json = {"skills": list(queue.skills), "groups": [queue.group] if queue.group else [], "capacity": 5}
        answer = self.as_role("supervisor").put(f"/v1/pools/{queue.pool}/agents/{name}", json=fields | changes)
        assert answer.status_code == 200, answer.text
        desk = Desk(self, name, queue.pool, self.as_role("agent", name))
        if ready:
            desk.state("ready")
        return desk

    def interactions(self, account: Account, **filters: str) -> list[Json]:
        """The interactions of an account, the oldest first."""
        query = {"account": account.id, "channel": account.channel, **filters}
        answer = self.as_role("supervisor").get("/v1/interactions", params=query)
        assert answer.status_code == 200, answer.text
        listed: list[Json] = answer.json()["interactions"]
        return listed[::-1]

    def interaction(self, account: Account, state: str | None = None) -> Json:
        """The one interaction of an account, once it is there and in this state."""

        def found() -> Json | None:
            listed = self.interactions(account)
            assert len(listed) < 2, listed
            return next((one for one in listed if state in (None, one["state"])), None)

        return self.until(found, f"the interaction of {account.id} in state {state}")

    def detail(self, interaction_id: str) -> Json:
        """One interaction with its messages."""
        answer = self.as_role("supervisor").get(f"/v1/interactions/{interaction_id}")
        assert answer.status_code == 200, answer.text
        found: Json = answer.json()
        return found

    def messages(self, interaction_id: str, count: int, **fields: Any) -> list[Json]:
        """The messages of an interaction that have these fields, once there are so many."""

        def found() -> list[Json] | None:
            listed = self.detail(interaction_id)["messages"]
            return _enough([one for one in listed if all(one[name] == value for name, value in fields.items())], count)

        return self.until(found, f"{count} messages of {interaction_id} with {fields}")

    def events(self, interaction_id: str) -> list[Json]:
        """Every event of an interaction, as the auditor sees it."""
        answer = self.as_role("auditor").get(f"/v1/trace/{interaction_id}")
        assert answer.status_code == 200, answer.text
        listed: list[Json] = answer.json()["steps"]
        return listed

    def event(self, interaction_id: str, name: str) -> Json:
        """The first event of this name, once it happened."""
        return self.until(
            lambda: next((one for one in self.events(interaction_id) if one["event"] == name), None),
            f"{name} of {interaction_id}",
        )

    @staticmethod
    def until(found: Callable[[], T | None], what: str, patience: float = PATIENCE) -> T:
        """What `found` finds at last."""
        deadline = time.monotonic() + patience
        while time.monotonic() < deadline:
            result = found()
            if result:
                return result
            time.sleep(0.05)
        raise AssertionError(f"it did not come in {patience:.0f} s: {what}")


@dataclass
class Desk:
    """An agent at work, over HTTP."""

    company: Company
    name: str
    pool: str
    http: httpx.Client
    _shown: dict[str, str] = field(default_factory=dict)
    _taken: set[tuple[str, str | None]] = field(default_factory=set)

    def state(self, state: str) -> None:
        """ready, away or offline."""
        answer = self.http.put(f"/v1/pools/{self.pool}/agents/{self.name}/state", json={"state": state})
        assert answer.status_code == 200, answer.text

    def offers(self) -> list[Json]:
        """What is offered now."""
        answer = self.http.get(f"/v1/agents/{self.name}/offers")
        assert answer.status_code == 200, answer.text
        listed: list[Json] = answer.json()
        self._shown = {one["interaction_id"]: one["state_since"] for one in listed}
        return listed

    def offer(self) -> str:
        """The interaction that is offered, once one is.

        The list comes a moment after the log: what was accepted is passed by as long as it still stands there.
        """

        def found() -> str | None:
            self.offers()
            return next((where for where, since in self._shown.items() if (where, since) not in self._taken), None)

        return self.company.until(found, f"an offer for {self.name}")

    def accept(self) -> str:
        """Accepts what is offered; the interaction."""
        where = self.offer()
        self.ask(where, "accept")
        return where

    def ask(self, where: str, what: str, **body: Any) -> Json:
        """Asks for something, which has to be accepted."""
        answer = self.tell(where, what, **body)
        assert answer.status_code == 200, answer.text
        if what == "accept":
            self._taken.add((where, self._shown.get(where)))
        decided: Json = answer.json()
        return decided

    def tell(self, where: str, what: str, headers: dict[str, str] | None = None, **body: Any) -> httpx.Response:
        """Asks for something; the answer as it is."""
        return self.http.post(f"/v1/interactions/{where}/{what}", json=body, headers=headers)


def said(account: Account, kind: str, who: Person | None, text: str = "My phone is dead", **more: Any) -> Json:
    """Something that a customer says, as the simulator is told of it."""
    return {
        "channel": account.channel,
        "kind": kind,
        "account": account.id,
        "from": None if who is None else who.shown(account.channel),
        "text": text,
        **more,
    }


def _enough(found: list[Json], count: int) -> list[Json] | None:
    return found if len(found) >= count else None


@contextmanager
def running(data: Path, kafka: str, dsn: str, prefix: str) -> Iterator[Company]:
    """Everything that an instance runs, on a Kafka and a database that are there, with the simulated platforms."""
    settings, simulator = with_simulator(all_simulated(_settings(data, kafka, dsn, prefix)))

    def prepare(services: Services) -> None:
        deploy(settings, services.bootstrap)

    programs = [Program("engine"), Program("projector"), Program("delivery"), Program("web"), simulator]
    with Supervisor(settings, programs, prepare=prepare) as supervisor:
        web = f"http://127.0.0.1:{supervisor.fact('web', 'port')}"
        platform = str(settings.x.api)
        with httpx.Client(base_url=web, timeout=20) as api, httpx.Client(base_url=platform, timeout=20) as simulated:
            company = Company(connect(settings, kafka), api, simulated, supervisor)
            with company.open:
                yield company


def _settings(data: Path, kafka: str, dsn: str, prefix: str) -> Settings:
    settings = load(
        {
            "data": data,
            "kafka.bootstrap": kafka,
            "topics.prefix": prefix,
            "topics.partitions": PARTITIONS,
        }
    )
    postgres = settings.postgres.model_copy(update={"dsn": SecretStr(dsn), "reader_dsn": SecretStr(dsn)})
    home = settings.home.model_copy(update={"secret": SecretStr("h" * 32)})
    return settings.model_copy(update={"postgres": postgres, "home": home})
