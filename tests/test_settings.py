"""The environment as one frozen value."""

from __future__ import annotations

from pathlib import Path

import pytest
from pydantic import ValidationError

from tmws_patterns import ExecutionMode, Settings
from tmws_patterns.errors import InvalidInput


def test_every_setting_has_a_working_default() -> None:
    settings = Settings.load({})
    assert (settings.database_url, settings.redis_url) == ("", "")
    assert (settings.db_max_connections, settings.db_pool_pre_ping) == (20, True)
    assert (settings.redis_max_connections, settings.redis_timeout) == (4, 0.02)
    assert (settings.cache_ttl, settings.cache_max_size, settings.cache_max_bytes) == (300, 1000, 64 * 2**20)
    assert (settings.cache_local_ttl, settings.cache_stale_on_error, settings.cache_enabled) == (3600, 0, True)
    assert settings.pattern_default_mode is ExecutionMode.BALANCED
    assert (settings.pattern_infra_timeout, settings.pattern_memory_timeout, settings.pattern_hybrid_timeout) == (
        30,
        5,
        30,
    )
    assert settings.principal.agent == "default"
    assert settings.principal.agents is None
    assert (settings.pattern_path / "core.yaml").is_file()
    assert settings.servers_path.is_file()


def test_variables_are_read_and_an_empty_one_counts_as_unset() -> None:
    environment = """TMWS_AGENT=ann TMWS_AGENTS=bob,cy TMWS_TEAMS=red TMWS_CACHE_TTL=5 TMWS_REDIS_URL=
        TMWS_PATTERN_DEFAULT_MODE=hybrid TMWS_LOG_LEVEL=info HOME=/home/ann"""
    settings = Settings.load(dict(pair.split("=") for pair in environment.split()))
    assert settings.principal.agents == {"bob", "cy"}
    assert settings.principal.teams == {"red"}
    assert (settings.cache_ttl, settings.redis_url, settings.log_level) == (5, "", "INFO")
    assert settings.pattern_default_mode is ExecutionMode.COMPREHENSIVE
    assert settings.environment["HOME"] == "/home/ann"


def test_the_environment_is_a_snapshot_and_the_settings_are_frozen() -> None:
    environment = {"TMWS_AGENT": "ann"}
    settings = Settings.load(environment)
    environment["TMWS_AGENT"] = "bob"
    assert settings.environment["TMWS_AGENT"] == "ann"
    with pytest.raises(ValidationError):
        settings.agent = "bob"  # type: ignore[misc]


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("TMWS_REDIS_TIMEOUT", "soon"),
        ("TMWS_REDIS_TIMEOUT", "0"),
        ("TMWS_CACHE_TTL", "-1"),
        ("TMWS_DB_MAX_CONNECTIONS", "0"),
        ("TMWS_PATTERN_DEFAULT_MODE", "turbo"),
        ("TMWS_LOG_LEVEL", "loud"),
        ("TMWS_CACHE_ENABLED", "perhaps"),
    ],
)
def test_a_value_that_cannot_be_used_names_its_variable(name: str, value: str) -> None:
    with pytest.raises(InvalidInput, match=name):
        Settings.load({name: value})


def test_servers_json_is_looked_for_beside_the_patterns(tmp_path: Path) -> None:
    assert Settings.load({"TMWS_PATTERN_CONFIG": str(tmp_path)}).servers_path.parent.name == "patterns"
    (tmp_path / "servers.json").write_text("{}")
    assert Settings.load({"TMWS_PATTERN_CONFIG": str(tmp_path)}).servers_path == tmp_path / "servers.json"
    named = Settings.load({"TMWS_PATTERN_CONFIG": str(tmp_path), "TMWS_SERVERS_CONFIG": "~/x.json"})
    assert named.servers_path == Path("~/x.json").expanduser()
