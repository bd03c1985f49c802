"""The file for containers agrees with the code, as far as can be told without a container engine."""

import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import yaml

from rejoinder.cli import COMMANDS
from rejoinder.embedded.jars import KAFKA_VERSION
from rejoinder.settings import PREFIX, Settings, load, setting_names, variable_of
from rejoinder.webhooks import platforms_of
from rejoinder.workers import OF_PARTITIONS, PROGRAMS

FOLDER = Path(__file__).parent.parent.parent / "compose"
REFERENCE = re.compile(r"\$\{(\w+):?\?[^}]+\}")
SECRET = re.compile(r"SECRET|PASSWORD|TOKEN|CONSUMER_KEY")
GIVEN = "7" * 32
"""What stands for every variable of .env."""


@pytest.fixture(scope="module")
def services() -> dict[str, Any]:
    text = (FOLDER / "compose.yaml").read_text()
    found: dict[str, Any] = yaml.safe_load(text)["services"]
    return found


@pytest.fixture(scope="module")
def rejoinders(services: dict[str, Any]) -> dict[str, Any]:
    """The services that run our own code."""
    return {name: service for name, service in services.items() if "build" in service}


def settings_of(service: dict[str, Any], given: str = GIVEN) -> Settings:
    """The settings with which a service starts; `given` stands for what may be left empty in .env."""

    def filled(reference: "re.Match[str]") -> str:
        return GIVEN if ":?" in reference[0] else given

    environment = {name: REFERENCE.sub(filled, str(value)) for name, value in service["environment"].items()}
    return load(environment=environment)


def test_it_is_what_the_compose_specification_allows(tmp_path: Path) -> None:
    def checked(file: Path) -> "subprocess.CompletedProcess[str]":
        command = [sys.executable, "-m", "check_jsonschema", "--builtin-schema", "vendor.compose-spec", str(file)]
        return subprocess.run(command, capture_output=True, text=True, check=False)

    answer = checked(FOLDER / "compose.yaml")
    assert answer.returncode == 0, answer.stdout
    wrong = tmp_path / "compose.yaml"
    wrong.write_text((FOLDER / "compose.yaml").read_text().replace("stop_grace_period", "stop_grace_perod"))
    assert "stop_grace_perod" in checked(wrong).stdout


def test_every_command_is_one_of_the_command_line(rejoinders: dict[str, Any]) -> None:
    for name, service in rejoinders.items():
        if "entrypoint" in service:
            assert (FOLDER.parent / service["entrypoint"][1]).is_file(), name
        else:
            assert service["command"][0] in COMMANDS, name
    readme = (FOLDER / "README.md").read_text()
    used = re.findall(r"run --rm (?:--no-deps )?[a-z0-9-]+ ([a-z-]+)", readme)
    assert {"accounts", "status", "topics"} <= set(used) <= set(COMMANDS)


def test_every_program_of_an_instance_is_there(rejoinders: dict[str, Any]) -> None:
    programs = {service["command"][1] for service in rejoinders.values() if service["command"][0] == "run"}
    assert programs == {"engine", "projector", "delivery", "web", "live"}


def test_every_variable_is_a_setting(rejoinders: dict[str, Any]) -> None:
    known = {variable_of(name) for name in setting_names()}
    for name, service in rejoinders.items():
        assert {variable for variable in service["environment"] if variable.startswith(PREFIX)} <= known, name


def test_settings_name_the_services_that_are_there(services: dict[str, Any], rejoinders: dict[str, Any]) -> None:
    for service in rejoinders.values():
        settings = settings_of(service)
        brokers = {server.partition(":")[0] for server in (settings.kafka.bootstrap or "").split(",")}
        assert brokers == {name for name in services if name.startswith("kafka-")}
        assert settings.topics.replication == len(brokers)
        assert settings.registry.url == "http://registry:8081"
        assert settings.postgres.dsn is not None
        assert settings.postgres.dsn.get_secret_value() == f"postgresql://rejoinder:{GIVEN}@postgres:5432/rejoinder"


def test_programs_that_speak_with_platforms_have_their_apps(rejoinders: dict[str, Any]) -> None:
    for name in ("delivery", "delivery-2", "web", "web-2"):
        found = settings_of(rejoinders[name])
        assert found.x.consumer_key and found.x.consumer_secret and found.x.client_id and found.x.client_secret
        assert found.meta.app_id and found.meta.app_secret and found.meta.verify_token
        assert platforms_of(found) == ["x", "meta"]
        without = settings_of(rejoinders[name], "")
        assert (without.x.consumer_secret, without.meta.app_id, without.meta.app_secret) == (None, None, None)


def test_the_tokens_of_accounts_outlive_a_container(rejoinders: dict[str, Any]) -> None:
    delivery = rejoinders["delivery"]
    (volume,) = delivery["volumes"]
    assert settings_of(delivery).accounts.file == Path(volume.partition(":")[2]) / "accounts.json"
    assert volume.partition(":")[2] in (FOLDER / "Dockerfile").read_text()


def test_no_two_workers_of_a_kind_have_the_same_name(rejoinders: dict[str, Any]) -> None:
    workers = [service["command"] for service in rejoinders.values()]
    named = [tuple(worker) for worker in workers if worker[0] == "run" and worker[1] in OF_PARTITIONS]
    assert len(named) == len(set(named))
    assert {
        program: sum(worker[:2] == ["run", program] for worker in workers) for program in PROGRAMS
    } == dict.fromkeys(PROGRAMS, 2)
    assert not any("deploy" in service or "scale" in service for service in rejoinders.values())


def test_each_engine_has_its_state_on_a_volume_of_its_own(rejoinders: dict[str, Any]) -> None:
    engines = [service for service in rejoinders.values() if service["command"][:2] == ["run", "engine"]]
    volumes = [volume.partition(":") for service in engines for volume in service["volumes"]]
    assert len({name for name, _, _ in volumes}) == len(engines)
    assert {Path(place) for _, _, place in volumes} == {settings_of(engines[0]).data}


def test_what_is_waited_for_tells_that_it_is_well(services: dict[str, Any]) -> None:
    for name, service in services.items():
        needed = service.get("depends_on", {})
        for other, how in needed.items():
            assert how["condition"] in ("service_healthy", "service_completed_successfully"), (name, other)
            if how["condition"] == "service_healthy":
                assert "test" in services[other]["healthcheck"], other


def test_the_proxy_knows_every_web_program_and_only_it_is_published(
    services: dict[str, Any], rejoinders: dict[str, Any]
) -> None:
    webs = {name for name, service in rejoinders.items() if service["command"] == ["run", "web"]}
    upstreams = re.search(r"reverse_proxy (.+) \{", (FOLDER / "Caddyfile").read_text())
    assert upstreams is not None
    assert set(upstreams[1].split()) == {f"{name}:{settings_of(services[name]).web.port}" for name in webs}
    for name in webs:
        assert settings_of(services[name]).web.host == "0.0.0.0"
        assert "ports" not in services[name]
        assert f":{settings_of(services[name]).web.port}/health" in " ".join(services[name]["healthcheck"]["test"])


def test_no_secret_stands_in_the_file(services: dict[str, Any]) -> None:
    for name, service in services.items():
        for variable, value in service.get("environment", {}).items():
            if SECRET.search(variable) or variable.endswith("DSN"):
                assert REFERENCE.search(str(value)), f"{name}: {variable}"


def test_the_example_names_every_variable_that_is_asked_for() -> None:
    asked = set(REFERENCE.findall((FOLDER / "compose.yaml").read_text()))
    lines = (FOLDER / "env.example").read_text().splitlines()
    assert {line.partition("=")[0] for line in lines if "=" in line} == asked
    assert all(line.endswith("=") for line in lines if "=" in line)


def test_what_a_service_waits_for_and_keeps_is_there(services: dict[str, Any]) -> None:
    volumes = yaml.safe_load((FOLDER / "compose.yaml").read_text())["volumes"]
    for service in services.values():
        for needed in service.get("depends_on", []):
            assert needed in services
        for kept in service.get("volumes", []):
            assert isinstance(kept, dict) or kept.partition(":")[0] in volumes


def test_brokers_differ_only_in_who_they_are(services: dict[str, Any]) -> None:
    brokers = {name: service["environment"] for name, service in services.items() if name.startswith("kafka-")}
    voters = ",".join(f"{environment['KAFKA_NODE_ID']}@{name}:9093" for name, environment in brokers.items())
    for name, environment in brokers.items():
        assert environment["KAFKA_ADVERTISED_LISTENERS"] == f"BROKER://{name}:9092"
        assert environment["KAFKA_CONTROLLER_QUORUM_VOTERS"] == voters
        own = ("KAFKA_NODE_ID", "KAFKA_ADVERTISED_LISTENERS")
        assert {key: value for key, value in environment.items() if key not in own} == {
            key: value for key, value in brokers["kafka-1"].items() if key not in own
        }


def test_kafka_is_the_version_that_is_embedded(services: dict[str, Any]) -> None:
    assert services["kafka-1"]["image"] == f"apache/kafka:{KAFKA_VERSION}"


def test_only_this_machine_reaches_a_published_port(services: dict[str, Any]) -> None:
    ports = [port for service in services.values() for port in service.get("ports", [])]
    assert ports
    assert all(port.startswith("127.0.0.1:") for port in ports)


def test_everything_that_is_copied_into_the_image_is_let_in() -> None:
    copied = [line.split()[1] for line in (FOLDER / "Dockerfile").read_text().splitlines() if line.startswith("COPY")]
    let_in = {line[1:] for line in (FOLDER / "Dockerfile.dockerignore").read_text().splitlines() if line[0] == "!"}
    assert set(copied) == let_in
    assert all((FOLDER.parent / each).exists() for each in copied)
