"""The client of a schema registry, against a small server that keeps to the registry's published REST API.

No registry can be installed here without containers; compose/ has a real one.
"""

import json
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import unquote

import pytest

from schemas.files import Schema
from topics.errors import Incompatible, RegistryUnreachable
from topics.schema_server import SchemaServer


class Server(ThreadingHTTPServer):
    """Subjects and their schemas; ids by text, as the registry gives them."""

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), Handler)
        self.subjects: dict[str, list[str]] = {}
        self.texts: list[str] = []
        self.levels: dict[str, str] = {}
        self.refuse = False


class Handler(BaseHTTPRequestHandler):
    server: Server

    def do_GET(self) -> None:
        match [unquote(part) for part in self.path.strip("/").split("/")]:
            case ["subjects"]:
                self._answer(200, list(self.server.subjects))
            case ["subjects", subject, "versions"]:
                self._answer(200, list(range(1, len(self.server.subjects[subject]) + 1)))
            case ["subjects", subject, "versions", version]:
                text = self.server.subjects[subject][int(version) - 1]
                number = self.server.texts.index(text) + 1
                self._answer(200, {"subject": subject, "version": int(version), "id": number, "schema": text})
            case _:
                self._answer(404, {"error_code": 404, "message": "HTTP 404 Not Found"})

    def do_PUT(self) -> None:
        subject = unquote(self.path.removeprefix("/config/"))
        self.server.levels[subject] = self._body()["compatibility"]
        self._answer(200, {"compatibility": "FULL_TRANSITIVE"})

    def do_POST(self) -> None:
        if self.server.refuse:
            self._answer(409, {"error_code": 409, "message": "Schema being registered is incompatible"})
            return
        subject, text = unquote(self.path.split("/")[2]), self._body()["schema"]
        if text not in self.server.texts:
            self.server.texts.append(text)
        self.server.subjects.setdefault(subject, []).append(text)
        self._answer(200, {"id": self.server.texts.index(text) + 1})

    def log_message(self, *_: object) -> None:
        pass

    def _body(self) -> dict[str, str]:
        body: dict[str, str] = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        return body

    def _answer(self, status: int, body: object) -> None:
        self.send_response(status)
        self.end_headers()
        self.wfile.write(json.dumps(body).encode())


@pytest.fixture
def server() -> Iterator[Server]:
    with Server() as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        yield server
        server.shutdown()
        thread.join()


@pytest.fixture
def registry(server: Server) -> Iterator[SchemaServer]:
    registry = SchemaServer(f"http://user:secret@127.0.0.1:{server.server_port}")
    yield registry
    registry.close()


def thing(*fields: Schema) -> dict[str, Schema]:
    return {"rejoinder.Thing": {"type": "record", "name": "Thing", "namespace": "rejoinder", "fields": list(fields)}}


ID: Schema = {"name": "id", "type": "string"}


def test_registering_twice_adds_nothing(server: Server, registry: SchemaServer) -> None:
    [added] = registry.register(thing(ID))
    assert registry.register(thing(ID)) == []
    assert registry.load() == [added]
    assert server.levels == {"rejoinder.Thing": "FULL_TRANSITIVE"}


def test_subjects_of_others_are_left_alone(server: Server, registry: SchemaServer) -> None:
    server.subjects["somebody.else-value"] = ['"string"']
    assert registry.load() == []


def test_an_incompatible_schema_is_refused_before_the_registry_is_asked(server: Server, registry: SchemaServer) -> None:
    registry.register(thing(ID))
    with pytest.raises(Incompatible, match=r"rejoinder\.Thing\.size"):
        registry.register(thing(ID, {"name": "size", "type": "long"}))
    assert len(server.subjects["rejoinder.Thing"]) == 1


def test_the_registrys_own_refusal_is_told_without_the_password(server: Server, registry: SchemaServer) -> None:
    server.refuse = True
    with pytest.raises(Incompatible, match="Schema being registered is incompatible") as caught:
        registry.register(thing(ID))
    assert "secret" not in str(caught.value)


def test_a_registry_that_is_not_there_is_named_with_its_setting(server: Server) -> None:
    absent = SchemaServer(f"http://user:secret@127.0.0.1:{server.server_port}/elsewhere")
    with pytest.raises(RegistryUnreachable, match=r"elsewhere.*404.*registry\.url") as caught:
        absent.load()
    assert "secret" not in str(caught.value)
    server.server_close()
    with pytest.raises(RegistryUnreachable, match=r"registry\.url"):
        SchemaServer("http://127.0.0.1:1").load()
