"""The TMWS_* environment as one frozen value. The only reader of the environment.

`Settings.environment` is a snapshot taken at the same moment: ${VAR} in servers.json and the
variables of child processes come from it, so that a run depends on nothing read later.
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any, Literal, Self

import platformdirs
from pydantic import Field, ValidationError, field_validator
from pydantic_settings import BaseSettings, NoDecode, PydanticBaseSettingsSource, SettingsConfigDict

from tmws_patterns.call import Principal
from tmws_patterns.errors import InvalidInput
from tmws_patterns.pattern import Compaction, ExecutionMode

PREFIX = "TMWS_"
_PACKAGED = Path(__file__).parent / "_patterns"  # in a wheel; a clone has them at its top
_SHIPPED = _PACKAGED if _PACKAGED.is_dir() else Path(__file__).parent.parent / "patterns"
Seconds = Annotated[float, Field(gt=0)]
Share = Annotated[float, Field(gt=0, le=1)]
Names = Annotated[frozenset[str], NoDecode]


def one_thread_for_products() -> None:
    """Let numpy's OpenBLAS multiply with one thread, unless the environment says otherwise.

    For a process of our own, before it loads numpy. A second thread makes learning a third quicker on an idle machine,
    and on a busy one several times slower: it waits for its turn by spinning.
    """
    os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")


class Settings(BaseSettings):
    """All settings, with working defaults. Times are seconds.

    Attributes:
        database_url: "" means SQLite files in `data_dir`; a `postgresql://` URL is taken as asyncpg's.
        redis_url: "" means no Redis.
        route_read, route_write, route_candidate: confidence (0 to 1) from which a sentence runs a read, runs
            a declared write, or shows a candidate.
        route_embeddings: whether the sentence model decides what the table leaves open, where it is installed.
        compaction: the form of pages over MCP, where a pattern does not say another.
        pattern_config, servers_config: "" means the files shipped with the package.
        agents: personas the principal may act as; None any.
    """

    model_config = SettingsConfigDict(env_prefix=PREFIX, frozen=True, extra="ignore")

    data_dir: Path = Field(default_factory=lambda: Path(platformdirs.user_data_dir("tmws_patterns")))
    database_url: str = ""
    db_max_connections: int = Field(default=20, ge=1)
    db_pool_pre_ping: bool = True
    redis_url: str = ""
    redis_max_connections: int = Field(default=4, ge=1)
    redis_timeout: Seconds = 0.02
    cache_enabled: bool = True
    cache_ttl: float = Field(default=300, ge=0)
    cache_max_size: int = Field(default=1000, ge=1)
    cache_max_bytes: int = Field(default=64 * 2**20, ge=1)
    cache_local_ttl: float = Field(default=3600, ge=0)
    cache_stale_on_error: float = Field(default=0, ge=0)
    pattern_config: str = ""
    pattern_default_mode: ExecutionMode = ExecutionMode.BALANCED
    pattern_infra_timeout: Seconds = 30
    pattern_memory_timeout: Seconds = 5
    pattern_hybrid_timeout: Seconds = 30
    route_read: Share = 0.5
    route_write: Share = 0.8
    route_candidate: Share = 0.3
    route_embeddings: bool = True
    servers_config: str = ""
    compaction: Compaction = Compaction.EXACT
    tenant: str = "default"
    agent: str = "default"
    agents: Names | None = None
    teams: Names = frozenset()
    log_level: Literal["DEBUG", "INFO", "WARNING", "ERROR", "CRITICAL"] = "WARNING"
    environment: Mapping[str, str] = Field(default_factory=dict, repr=False)

    @classmethod
    def settings_customise_sources(
        cls,
        settings_cls: type[BaseSettings],  # noqa: ARG003 - the base class names it
        init_settings: PydanticBaseSettingsSource,
        *_: Any,
        **__: Any,
    ) -> tuple[PydanticBaseSettingsSource, ...]:
        """Only what `load` passes in: the snapshot is the single source."""
        return (init_settings,)

    @field_validator("agents", "teams", mode="before")
    @classmethod
    def _split_names(cls, value: Any) -> Any:
        return frozenset(filter(None, (n.strip() for n in value.split(",")))) if isinstance(value, str) else value

    @field_validator("log_level", mode="before")
    @classmethod
    def _upper(cls, value: Any) -> Any:
        return value.upper() if isinstance(value, str) else value

    @field_validator("agent", "tenant")
    @classmethod
    def _trimmed(cls, value: str) -> str:
        return value.strip() or "default"

    @classmethod
    def load(cls, environment: Mapping[str, str] | None = None, **changes: Any) -> Self:
        """Settings from the process's environment, or from the given one; `changes` win over both.

        An empty variable counts as unset.

        Raises:
            InvalidInput: a variable has a value that cannot be used; the message names it.
        """
        snapshot = dict(os.environ if environment is None else environment)
        known = {f"{PREFIX}{name.upper()}": name for name in cls.model_fields if name != "environment"}
        values = {name: snapshot[variable] for variable, name in known.items() if snapshot.get(variable)}
        try:
            return cls(**{"environment": snapshot, **values, **changes})
        except ValidationError as exc:
            faults = "; ".join(f"{PREFIX}{'_'.join(map(str, e['loc'])).upper()}: {e['msg']}" for e in exc.errors())
            raise InvalidInput(f"settings cannot be used: {faults}", hint="correct or unset these variables") from exc

    @property
    def pattern_path(self) -> Path:
        """The pattern file or folder in force; the shipped one where the setting names none."""
        return Path(self.pattern_config).expanduser() if self.pattern_config else _SHIPPED

    @property
    def servers_path(self) -> Path:
        """The servers.json in force: the setting's, else the one beside the pattern files, else the shipped one."""
        if self.servers_config:
            return Path(self.servers_config).expanduser()
        beside = self.pattern_path / "servers.json"
        return beside if beside.is_file() else _SHIPPED / "servers.json"

    @property
    def principal(self) -> Principal:
        """Who calls where no token says otherwise: on stdio, the command line and embedded."""
        return Principal(self.tenant, self.agent, self.agents, self.teams)
