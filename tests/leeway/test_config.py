"""Settings are read from one place, and a wrong one is explained."""

from pathlib import Path

import pytest

from leeway import config
from store.errors import ConfigError


def written(tmp_path: Path, text: str) -> Path:
    path = tmp_path / "leeway.toml"
    path.write_text(text)
    return path


def test_what_is_not_set_has_its_default(tmp_path: Path):
    settings = config.load(written(tmp_path, ""), environ={})
    assert (settings.server.host, settings.server.port) == ("127.0.0.1", 8501)


def test_a_variable_wins_over_the_file_and_the_command_line_over_both(tmp_path: Path):
    file = written(tmp_path, "[server]\nport = 1000\notlp_port = 1001\ngrpc_port = 1002\n")
    environ = {"LEEWAY_SERVER__OTLP_PORT": "2001", "LEEWAY_GRPC_PORT": "2002"}
    server = config.load(file, environ=environ, server__grpc_port=3002, server__port=None).server
    assert (server.port, server.otlp_port, server.grpc_port) == (1000, 2001, 3002)


def test_an_unknown_setting_is_refused_with_the_nearest_known_one(tmp_path: Path):
    with pytest.raises(ConfigError, match=r"no setting is named 'server.prot'; did you mean 'port'\?"):
        config.load(written(tmp_path, "[server]\nprot = 1\n"), environ={})


def test_an_unknown_section_is_refused_with_what_there_is(tmp_path: Path):
    with pytest.raises(ConfigError, match="no setting is named 'xyzzy'; there are"):
        config.load(written(tmp_path, "[xyzzy]\na = 1\n"), environ={})


def test_a_wrong_value_names_file_and_key(tmp_path: Path):
    with pytest.raises(ConfigError, match=r"leeway.toml: server.port: Input should be"):
        config.load(written(tmp_path, "[server]\nport = 0\n"), environ={})


def test_a_file_that_is_not_toml_says_so(tmp_path: Path):
    with pytest.raises(ConfigError, match=r"leeway.toml: not TOML"):
        config.load(written(tmp_path, "port: 1"), environ={})


def test_a_file_that_is_not_there_says_so(tmp_path: Path):
    with pytest.raises(ConfigError, match="cannot be read"):
        config.load(tmp_path / "none.toml", environ={})


def test_the_file_can_be_named_by_a_variable(tmp_path: Path):
    file = written(tmp_path, "[server]\nport = 1234\n")
    assert config.load(environ={"LEEWAY_CONFIG": str(file)}).server.port == 1234


def test_secrets_are_masked_when_settings_are_shown(tmp_path: Path):
    settings = config.load(written(tmp_path, ""), environ={"LEEWAY_SERVER__INGEST_TOKEN": "very-secret"})
    assert "very-secret" not in repr(settings)
    assert "very-secret" not in settings.model_dump_json()
