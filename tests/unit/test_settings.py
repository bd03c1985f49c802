from pathlib import Path

import pytest

from rejoinder.secrets import NEEDED, home_secret, kept_secret, needed_by
from rejoinder.sections import SettingsError
from rejoinder.settings import FILE_VARIABLE, READY_VARIABLE, load, setting_names, variable_of


def test_an_option_beats_the_environment_that_beats_the_file_that_beats_the_default(tmp_path: Path) -> None:
    file = tmp_path / "rejoinder.toml"
    file.write_text('[topics]\npartitions = 4\nreplication = 3\nprefix = "a."\n')
    environment = {"REJOINDER_TOPICS_PARTITIONS": "8", "REJOINDER_TOPICS_REPLICATION": "2"}

    settings = load({"topics.partitions": 12}, file=file, environment=environment)

    assert settings.topics.partitions == 12
    assert settings.topics.replication == 2
    assert settings.topics.prefix == "a."
    assert settings.web.port == 0


def test_an_option_that_was_not_given_hides_nothing() -> None:
    settings = load({"topics.partitions": None}, environment={"REJOINDER_TOPICS_PARTITIONS": "8"})
    assert settings.topics.partitions == 8


def test_each_setting_tells_where_it_came_from(tmp_path: Path) -> None:
    file = tmp_path / "r.toml"
    file.write_text("\n[web]\n\nport = 8080\n")
    settings = load({"data": tmp_path}, file=file, environment={"REJOINDER_KAFKA_BOOTSTRAP": "k:9092"})
    assert settings.origin_of("web.port") == f"{file}, line 4"
    assert settings.origin_of("kafka.bootstrap") == "environment variable REJOINDER_KAFKA_BOOTSTRAP"
    assert settings.origin_of("data") == "option --data"
    assert settings.origin_of("time.mode") == "the default"


@pytest.mark.parametrize(
    ("text", "line", "parts"),
    [
        ("[topics]\n\npartitions = 0\n", 3, ["topics.partitions", "greater than or equal to 1", "not 0"]),
        ('[web]\nport = "high"\n', 2, ["web.port", "valid integer", "'high'"]),
        ('[kafka]\nbootstap = "k:1"\n', 2, ["no setting kafka.bootstap", "Did you mean kafka.bootstrap?"]),
        ('kafka.bootstrap = "k"\n', 1, ["kafka.bootstrap", "must be host:port", "not 'k'"]),
        ('[time]\nmode = "wal"\n', 2, ["time.mode", "'wall' or 'recorded'"]),
        ('[topics]\nprefix = "no dot"\n', 2, ["topics.prefix"]),
        ("kafka = 3\n", 1, ["no setting kafka"]),
    ],
)
def test_a_wrong_file_is_named_with_line_and_field(tmp_path: Path, text: str, line: int, parts: list[str]) -> None:
    file = tmp_path / "rejoinder.toml"
    file.write_text(text)
    with pytest.raises(SettingsError) as caught:
        load(file=file, environment={})
    assert str(caught.value).startswith(f"{file}, line {line}: ")
    assert all(part in str(caught.value) for part in parts), str(caught.value)


def test_a_file_that_is_not_toml_is_named_with_line(tmp_path: Path) -> None:
    file = tmp_path / "rejoinder.toml"
    file.write_text("[web]\nport 80\n")
    with pytest.raises(SettingsError, match=r"rejoinder\.toml: not a TOML file .* line 2"):
        load(file=file, environment={})


def test_a_named_file_must_exist(tmp_path: Path) -> None:
    with pytest.raises(SettingsError, match=r"absent\.toml isn't there"):
        load(environment={"REJOINDER_CONFIG": str(tmp_path / "absent.toml")})


def test_a_misspelt_variable_is_an_error() -> None:
    with pytest.raises(SettingsError, match=r"REJOINDER_KAFKA_BOOSTRAP.*Did you mean REJOINDER_KAFKA_BOOTSTRAP"):
        load(environment={"REJOINDER_KAFKA_BOOSTRAP": "k:9092"})


def test_a_wrong_variable_is_named() -> None:
    with pytest.raises(SettingsError, match=r"^environment variable REJOINDER_WEB_PORT: web.port: .*'70000'"):
        load(environment={"REJOINDER_WEB_PORT": "70000"})


@pytest.mark.parametrize(
    ("variable", "value"),
    [("REJOINDER_POSTGRES_DSN", "host=h pass word=hunter2"), ("REJOINDER_HOME_SECRET", "hunter2")],
)
def test_an_error_never_shows_a_secret(variable: str, value: str) -> None:
    with pytest.raises(SettingsError) as caught:
        load(environment={variable: value})
    assert variable in str(caught.value)
    assert "hunter2" not in str(caught.value)
    assert caught.value.__cause__ is None


def test_settings_never_print_a_secret() -> None:
    environment = {
        variable_of("postgres.dsn"): "postgresql://u:hunter2@h/d",
        variable_of("home.secret"): "hunter2" * 9,
        variable_of("x.consumer_secret"): "hunter2",
        variable_of("x.client_secret"): "hunter2",
        variable_of("meta.app_secret"): "hunter2",
        variable_of("meta.verify_token"): "hunter2",
    }
    assert "hunter2" not in repr(load(environment=environment))


@pytest.mark.parametrize("name", ["x.consumer_secret", "meta.app_secret", "meta.verify_token"])
def test_nothing_is_signed_with_an_empty_secret(tmp_path: Path, name: str) -> None:
    assert variable_of(name) not in load(environment={variable_of(name): ""}).environment()
    section, _, field = name.partition(".")
    file = tmp_path / "r.toml"
    file.write_text(f'[{section}]\n{field} = ""\n')
    with pytest.raises(SettingsError, match=f"line 2: {name}: "):
        load(file=file, environment={})


@pytest.mark.parametrize("host", ["localhost", "care.example", "", "1.2.3", "127.0.0.1:80"])
def test_what_is_listened_on_is_an_address(host: str) -> None:
    with pytest.raises(SettingsError, match=r"web\.host: .*address"):
        load({"web.host": host}, environment={})
    assert load(environment={"REJOINDER_WEB_HOST": "::1"}).web.host == "::1"


def test_a_simulated_platform_is_never_called_at_its_real_address() -> None:
    for section in ("x", "meta"):
        settings = load({f"{section}.simulated": True}, environment={})
        with pytest.raises(SettingsError, match=f"{section}.api does not say where the simulator is"):
            _ = getattr(settings, section).address
    assert load(environment={}).x.address == "https://api.x.com"
    assert load(environment={}).meta.address.startswith("https://graph.facebook.com/v")


def test_another_process_gets_the_same_settings(tmp_path: Path) -> None:
    environment = {"REJOINDER_POSTGRES_DSN": "postgresql://u:p@h/d", "REJOINDER_TIME_MODE": "recorded"}
    settings = load({"data": tmp_path, "topics.partitions": 2}, environment=environment)
    again = load(environment=settings.environment())
    assert {name: again.environment().get(variable_of(name)) for name in setting_names()} == {
        name: settings.environment().get(variable_of(name)) for name in setting_names()
    }
    assert again.postgres.dsn is not None
    assert again.postgres.dsn.get_secret_value() == "postgresql://u:p@h/d"


def test_another_process_gets_only_the_secrets_that_are_meant_for_it(tmp_path: Path) -> None:
    secrets = {"home.secret": "h" * 32, "audit.secret": "a" * 32, "x.consumer_secret": "x", "postgres.dsn": "dbname=d"}
    settings = load({"data": tmp_path, "kafka.heap": 512, **secrets}, environment={})
    some = settings.environment({"audit.secret", "x.client_secret"})
    assert some[variable_of("audit.secret")] == "a" * 32
    assert some.keys() == settings.environment().keys() - {
        variable_of(name) for name in secrets.keys() - {"audit.secret"}
    }


def test_a_program_needs_the_owner_of_the_database_only_where_there_is_no_reader() -> None:
    owned = load({"postgres.dsn": "dbname=d"}, environment={})
    read = load({"postgres.dsn": "dbname=d", "postgres.reader_dsn": "dbname=d user=r"}, environment={})
    assert "postgres.dsn" in needed_by("web", owned)
    assert "postgres.dsn" not in needed_by("web", read)
    assert needed_by("unheard of", read) == frozenset()
    assert {name for each in NEEDED.values() for name in each} <= set(setting_names())


def test_the_simulator_is_given_nothing_of_a_real_platform() -> None:
    settings = load({"x.simulated": True}, environment={})
    assert needed_by("simulator", settings) == {"x.consumer_secret"}


def test_a_program_of_a_supervisor_reads_no_file(tmp_path: Path) -> None:
    """Secrets that it was not given stand there too."""
    file = tmp_path / "rejoinder.toml"
    file.write_text("[topics]\npartitions = 4\n")
    environment = {FILE_VARIABLE: str(file)}
    assert load(environment=environment).topics.partitions == 4
    started = {**environment, READY_VARIABLE: str(tmp_path / "ready")}
    assert load(environment=started).topics.partitions == load(environment={}).topics.partitions
    assert load(environment=started, file=file).topics.partitions == 4


def test_the_home_secret_is_made_once_and_only_its_owner_can_read_it(tmp_path: Path) -> None:
    settings = load({"data": tmp_path / "data"}, environment={})
    first = home_secret(settings)
    assert len(first) >= 32
    assert home_secret(settings) == first
    assert (settings.data / "secrets" / "home").stat().st_mode & 0o777 == 0o600
    assert (settings.data / "secrets").stat().st_mode & 0o777 == 0o700
    assert kept_secret(settings, "other").encode() != first


def test_an_outside_kafka_needs_a_home_secret_that_is_given(tmp_path: Path) -> None:
    outside = {"data": tmp_path, "kafka.bootstrap": "k:9092"}
    with pytest.raises(SettingsError, match=r"home.secret must be set"):
        home_secret(load(outside, environment={}))
    given = load({**outside, "home.secret": "s" * 64}, environment={})
    assert home_secret(given) == b"s" * 64


def test_a_write_may_not_need_more_copies_than_there_are() -> None:
    assert load({"topics.replication": 3, "topics.min_insync": 2}, environment={}).topics.min_insync == 2
    with pytest.raises(SettingsError, match=r"topics\.min_insync: must not be more than topics\.replication"):
        load({"topics.min_insync": 2}, environment={})
