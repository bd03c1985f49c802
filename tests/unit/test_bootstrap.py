"""What the set-up says before it downloads anything, and what it hands on to uv."""

import importlib.util
import platform
import subprocess
import sys
from pathlib import Path
from types import ModuleType

import pytest

ROOT = Path(__file__).parent.parent.parent


@pytest.fixture
def bootstrap() -> ModuleType:
    spec = importlib.util.spec_from_file_location("bootstrap", ROOT / "bin" / "bootstrap.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_this_machine_will_do(bootstrap: ModuleType) -> None:
    assert bootstrap.why_not() is None


def test_musl_is_told_so(bootstrap: ModuleType, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(platform, "system", lambda: "Linux")
    monkeypatch.setattr(platform, "machine", lambda: "x86_64")
    monkeypatch.setattr(bootstrap, "glibc", lambda: (0, 0))
    assert bootstrap.why_not() == (
        "this Linux has no glibc, and the packages need glibc 2.28 or newer (Alpine's musl won't do)."
    )


def test_a_machine_without_packages_is_told_so(bootstrap: ModuleType, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(platform, "machine", lambda: "riscv64")
    assert "there are no packages for" in bootstrap.why_not()
    assert "riscv64" in bootstrap.why_not()


@pytest.mark.parametrize("version", [(3, 10, 4), (3, 15, 0)])
def test_a_python_too_old_or_too_new_is_told_so(
    bootstrap: ModuleType, monkeypatch: pytest.MonkeyPatch, version: tuple[int, ...]
) -> None:
    monkeypatch.setattr(sys, "version_info", version)
    assert bootstrap.why_not().startswith("it needs Python 3.11 to 3.14, and this is Python ")


def test_a_python_without_venv_names_debians_package(bootstrap: ModuleType, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(bootstrap, "exists", lambda module: module != "ensurepip")
    expected = "apt install python{}.{}-venv".format(*sys.version_info[:2])
    assert bootstrap.why_not().endswith(f"comes without ensurepip; on Debian or Ubuntu: {expected}")


def test_nothing_is_touched_where_it_can_not_work(
    bootstrap: ModuleType, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    for name, path in (("ROOT", ""), ("VENV", ".venv"), ("STAMP", ".venv/installed"), ("PYTHON", ".venv/bin/python")):
        monkeypatch.setattr(bootstrap, name, tmp_path / path)
    for lock in ("requirements.lock", "requirements-dev.lock"):
        (tmp_path / lock).touch()
    monkeypatch.setattr(bootstrap, "why_not", lambda: "no reason.")
    with pytest.raises(SystemExit, match=r"Rejoinder can't be set up here: no reason\."):
        bootstrap.main([])
    assert not (tmp_path / ".venv").exists()


def test_uv_is_told_what_pip_is_configured_to_do(
    bootstrap: ModuleType, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    for variable in ("UV_DEFAULT_INDEX", "UV_FIND_LINKS", "SSL_CERT_FILE", "UV_HTTP_TIMEOUT"):
        monkeypatch.delenv(variable, raising=False)
    (tmp_path / "pip.conf").write_text("[global]\nindex-url = https://file.invalid/simple\ncert = /c.pem\n")
    monkeypatch.setenv("PIP_CONFIG_FILE", str(tmp_path / "pip.conf"))
    monkeypatch.setenv("PIP_INDEX_URL", "https://environment.invalid/simple")
    monkeypatch.setenv("PIP_FIND_LINKS", "/a /b")
    monkeypatch.setenv("PIP_CERT", "/c.pem")
    monkeypatch.setenv("PIP_DEFAULT_TIMEOUT", "60")
    found = bootstrap.uv_variables([sys.executable, "-m", "pip"])
    assert found["UV_DEFAULT_INDEX"] == "https://environment.invalid/simple"
    assert found["UV_FIND_LINKS"] == "/a,/b"
    assert found["SSL_CERT_FILE"] == "/c.pem"
    assert found["UV_HTTP_TIMEOUT"] == "60"


def test_the_locks_name_no_host_and_agree(bootstrap: ModuleType) -> None:
    texts = [(ROOT / name).read_text() for name in ("requirements.lock", "requirements-dev.lock")]
    assert not any("://" in text or "--index-url" in text for text in texts)
    pins = [{line.split(" ")[0] for line in text.splitlines() if "==" in line} for text in texts]
    assert pins[0] <= pins[1]
    assert len(pins[0]) > 20
    uv = bootstrap.only(ROOT / "requirements-dev.lock", "uv")
    assert uv.startswith("uv==")
    assert "--hash=sha256:" in uv


def test_the_shell_entry_point_works_through_a_link_from_any_folder(tmp_path: Path) -> None:
    link = tmp_path / "rj"
    link.symlink_to(ROOT / "bin" / "rejoinder")
    if not (ROOT / ".venv" / "installed").exists():
        pytest.skip("not set up with make")
    answer = subprocess.run([link, "--version"], cwd=tmp_path, capture_output=True, text=True, check=True, timeout=60)
    assert answer.stdout.startswith("rejoinder ")
