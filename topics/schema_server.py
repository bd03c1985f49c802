"""Schemas and their ids in a schema registry, over its REST API (Confluent's, which others speak too)."""

from collections.abc import Mapping
from typing import Any, Final
from urllib.parse import quote

import httpx

from schemas.files import Schema
from topics import clients
from topics.errors import Incompatible, RegistryUnreachable
from topics.registry import Registered, text_of, unregistered

_PREFIX: Final = "rejoinder."
_MEDIA_TYPE: Final = "application/vnd.schemaregistry.v1+json"

_CONFLICT: Final = 409


class SchemaServer:
    """A registry behind a URL; user and password may stand in it."""

    def __init__(self, url: str) -> None:
        self._shown = httpx.URL(url).copy_with(username=None, password=None).__str__()
        self._client = httpx.Client(
            base_url=url,
            timeout=clients.ASK_TIMEOUT,
            headers={"Accept": _MEDIA_TYPE, "Content-Type": _MEDIA_TYPE},
        )

    def load(self) -> list[Registered]:
        """Every version of every subject of ours, in the order of the ids. Raises RegistryUnreachable."""
        subjects = [name for name in self._ask("GET", "/subjects") if name.startswith(_PREFIX)]
        found = [version for subject in subjects for version in self._versions(subject)]
        return sorted(found, key=lambda each: (each.id, each.subject))

    def register(self, schemas: Mapping[str, Schema]) -> list[Registered]:
        """See topics.registry.Registry. The registry itself is told to keep the rule, too."""
        new = unregistered(schemas, self.load())
        added = []
        for name, schema in sorted(new.items()):
            self._ask("PUT", f"/config/{_quoted(name)}", {"compatibility": "FULL_TRANSITIVE"})
            self._ask("POST", f"/subjects/{_quoted(name)}/versions", {"schema": text_of(schema)})
            added.append(max(self._versions(name), key=lambda each: each.version))
        return added

    def close(self) -> None:
        """Closes the connections."""
        self._client.close()

    def _versions(self, subject: str) -> list[Registered]:
        path = f"/subjects/{_quoted(subject)}/versions"
        return [_registered(self._ask("GET", f"{path}/{version}")) for version in self._ask("GET", path)]

    def _ask(self, method: str, path: str, body: Mapping[str, Any] | None = None) -> Any:
        try:
            answer = self._client.request(method, path, json=body)
            if answer.status_code == _CONFLICT:
                raise Incompatible(f"the schema registry at {self._shown} refused {path}: {_message(answer)}")
            if answer.is_error:
                raise RegistryUnreachable(self._shown, f"{method} {path}: {answer.status_code} {_message(answer)}")
            return answer.json()
        except (httpx.HTTPError, ValueError) as error:
            raise RegistryUnreachable(self._shown, str(error) or type(error).__name__) from error


def _registered(answer: Mapping[str, Any]) -> Registered:
    return Registered(str(answer["subject"]), int(answer["version"]), int(answer["id"]), str(answer["schema"]))


def _message(answer: httpx.Response) -> str:
    try:
        return str(answer.json()["message"])
    except (ValueError, KeyError, TypeError):
        return answer.reason_phrase


def _quoted(subject: str) -> str:
    return quote(subject, safe="")
