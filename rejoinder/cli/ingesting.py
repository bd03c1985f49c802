"""`ingest`: recorded webhooks, sent to the running instance as X would send them."""

import json as jsons
import sys
import time
from collections import Counter
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any, Final

import httpx
import typer

from channels.x.signature import HEADER, sign
from engine.errors import RejoinderError
from rejoinder.cli.errors import BadInput, NotFound
from rejoinder.cli.instances import running_instance, webhooks_of
from rejoinder.cli.options import Config, Data, Json
from rejoinder.cli.terminal import print_json
from rejoinder.instance import Instance
from rejoinder.progress import step
from rejoinder.settings import Settings

KINDS: Final = ("webhook", "said", "agent_reply", "agent_disposition")
"""The kinds of lines of recorded traffic; only the first was sent by a platform."""
TIMEOUT: Final = 30.0
TRIES: Final = 5
PAUSE: Final = 1.0
"""Where the instance can't keep a webhook for now, it is sent again, as X would: so often, after so many seconds."""


class NotTaken(RejoinderError):
    """The instance did not take a webhook."""


@dataclass(frozen=True)
class Webhook:
    """One body as it is sent, and where it stands."""

    line: int
    body: bytes


def ingest(
    file: Annotated[
        Path, typer.Argument(help="Recorded traffic, or webhook bodies, one a line; - for standard input.")
    ],
    json: Json = False,
    data: Data = None,
    config: Config = None,
) -> None:
    """Send recorded webhooks to the running instance, signed, as X would.

    Each line is a webhook's body as X sends it, or a line of recorded traffic of kind webhook; other kinds are left
    out. The whole file is checked first: if a line can't be read, nothing is sent.

    Example: rejoinder ingest webhooks.jsonl
    """
    settings, instance = running_instance(data, config)
    name = "standard input" if str(file) == "-" else str(file)
    webhooks, left_out = read(name, _text(file, name))
    url, secret = _webhook_of(instance), _secret_of(settings)
    counts: Counter[str] = Counter(webhooks=len(webhooks), left_out=left_out)
    with httpx.Client(timeout=TIMEOUT, trust_env=False) as http, step(f"Sending {len(webhooks)} webhooks") as progress:
        for number, webhook in enumerate(webhooks, start=1):
            counts.update(_send(http, url, secret, webhook, f"{name}, line {webhook.line}"))
            progress.update(f"{number} of {len(webhooks)}")
    if json:
        print_json([{name: counts[name] for name in ("webhooks", "left_out", "commands", "dead_letters", "ignored")}])
    else:
        print(
            f"{counts['webhooks']} webhooks sent: {counts['commands']} commands, {counts['ignored']} events passed "
            f"over, {counts['dead_letters']} kept as dead letters; {left_out} lines of other kinds left out"
        )


def read(name: str, text: str) -> tuple[list[Webhook], int]:
    """The bodies of a file, and how many lines of other kinds it has.

    Raises:
        BadInput: names the file, the line and the field.
    """
    webhooks, left_out = [], 0
    for number, line in enumerate(text.split("\n"), start=1):
        if not line.strip():
            continue
        where = f"{name}, line {number}"
        try:
            value = jsons.loads(line)
        except (ValueError, RecursionError) as error:
            raise BadInput(f"{where}: not JSON ({error})") from error
        if not isinstance(value, dict):
            raise BadInput(f"{where}: has to be an object: a webhook's body, or a line of recorded traffic")
        if "kind" not in value:
            webhooks.append(Webhook(number, line.strip().encode()))
        elif value["kind"] == "webhook":
            webhooks.append(Webhook(number, jsons.dumps(_body(value, where)).encode()))
        elif value["kind"] in KINDS:
            left_out += 1
        else:
            raise BadInput(f"{where}: `kind` is {value['kind']!r}: there are {', '.join(KINDS)}")
    if not webhooks:
        raise BadInput(f"{name}: there is no webhook in it")
    return webhooks, left_out


def _body(line: dict[str, Any], where: str) -> dict[str, Any]:
    if line.get("channel", "x") != "x":
        raise BadInput(f"{where}: `channel` is {line['channel']!r}; only webhooks of x can be sent")
    body = line.get("body")
    if not isinstance(body, dict):
        raise BadInput(f"{where}: `body` has to be the webhook's body, an object")
    return body


def _text(file: Path, name: str) -> str:
    try:
        return sys.stdin.buffer.read().decode() if str(file) == "-" else file.read_bytes().decode()
    except UnicodeDecodeError as error:
        line = error.object[: error.start].count(b"\n") + 1
        raise BadInput(f"{name}, line {line}: not UTF-8 ({error.reason})") from error
    except OSError as error:
        raise BadInput(f"{name} can't be read: {error.strerror}") from error


def _webhook_of(instance: Instance) -> str:
    program = instance.programs.get("web")
    addresses = [] if program is None or "port" not in program.facts else webhooks_of(program.facts)
    found = next((each for each in addresses if each.endswith("/x")), None)
    if found is None:
        raise NotFound("the instance serves no webhook of X yet: see `rejoinder status`")
    return found


def _secret_of(settings: Settings) -> str:
    """With which X, and so we, sign: the setting, else what the demo keeps in its folder."""
    if settings.x.consumer_secret is not None:
        return settings.x.consumer_secret.get_secret_value()
    kept = settings.data / "secrets" / "x-consumer"
    if kept.is_file():
        return kept.read_text()
    raise BadInput("x.consumer_secret is not set: webhooks are signed with it, and the instance was started with it")


def _send(http: httpx.Client, url: str, secret: str, webhook: Webhook, where: str) -> dict[str, int]:
    """Posts one body. Gives what the instance made of it.

    Raises:
        NotTaken: names the line.
    """
    headers = {HEADER: sign(secret, webhook.body), "content-type": "application/json"}
    reason = ""
    for attempt in range(TRIES):
        if attempt:
            time.sleep(PAUSE)
        try:
            answer = http.post(url, content=webhook.body, headers=headers)
        except httpx.HTTPError as error:
            reason = f"{url} does not answer ({type(error).__name__})"
            continue
        told = _told(answer)
        if answer.status_code == httpx.codes.OK:
            return {name: int(told.get(name, 0)) for name in ("commands", "dead_letters", "ignored")}
        reason = str(told.get("reason", f"status {answer.status_code}"))
        if answer.status_code == httpx.codes.FORBIDDEN:
            reason += " Is x.consumer_secret the one that the instance was started with?"
        if answer.status_code != httpx.codes.SERVICE_UNAVAILABLE:
            break
    raise NotTaken(f"{where}: the instance did not take it, and nothing after it was sent: {reason}")


def _told(answer: httpx.Response) -> dict[str, Any]:
    try:
        told = answer.json()
    except ValueError:
        return {}
    return told if isinstance(told, dict) else {}
