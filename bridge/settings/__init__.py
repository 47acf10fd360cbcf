"""What can be configured: every table of the file, its keys, their defaults and meaning."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any
from zoneinfo import ZoneInfo

from pydantic import BaseModel, Field
from pydantic_settings import BaseSettings, PydanticBaseSettingsSource, SettingsConfigDict

from bridge.alerts.settings import AlertSettings
from bridge.domain.parking import Nights
from bridge.domain.policy import Policy
from bridge.settings.auditing import AuditSettings
from bridge.settings.daemon import (
    EngineSettings,
    HealthSettings,
    LedgerSettings,
    LogSettings,
    MetricsSettings,
    PrivacySettings,
    WatchSettings,
    WebSettings,
)
from bridge.settings.institutions import IlsSettings, LibrarySettings, MaintenanceSettings

__all__ = [
    "AuditSettings",
    "Configuration",
    "EngineSettings",
    "HealthSettings",
    "IlsSettings",
    "KindOf",
    "LedgerSettings",
    "LibrarySettings",
    "LogSettings",
    "MaintenanceSettings",
    "MetricsSettings",
    "PrivacySettings",
    "Settings",
    "WatchSettings",
    "WebSettings",
]


class Settings(BaseSettings):
    """The whole configuration. ``ils`` and ``sources`` hold tables that connectors and sources check themselves."""

    model_config = SettingsConfigDict(
        extra="forbid", frozen=True, env_prefix="ILL_BRIDGE_", env_nested_delimiter="__", env_ignore_empty=True
    )

    bridge: str = Field(
        default="ill-bridge",
        pattern=r"^[A-Za-z0-9._-]{1,40}$",
        description="Name of this bridge inside the marks it leaves in the ILS; never change it while loans are open.",
        examples=["ill-bridge"],
    )
    ledger: LedgerSettings = Field(default_factory=LedgerSettings)
    web: WebSettings = Field(default_factory=WebSettings)
    log: LogSettings = Field(default_factory=LogSettings)
    engine: EngineSettings = Field(default_factory=EngineSettings)
    alerts: AlertSettings = Field(default_factory=AlertSettings)
    privacy: PrivacySettings = Field(default_factory=PrivacySettings)
    audit: AuditSettings = Field(default_factory=AuditSettings)
    ils: dict[str, IlsSettings] = Field(default_factory=dict, description="The ILS institutions, by name.")
    libraries: dict[str, LibrarySettings] = Field(default_factory=dict, description="The libraries, by name.")
    sources: dict[str, dict[str, Any]] = Field(default_factory=dict, description="The resource-sharing side, by name.")

    @classmethod
    def settings_customise_sources(
        cls,
        settings_cls: type[BaseSettings],  # noqa: ARG003 - the signature is the library's
        init_settings: PydanticBaseSettingsSource,
        env_settings: PydanticBaseSettingsSource,  # noqa: ARG003
        dotenv_settings: PydanticBaseSettingsSource,  # noqa: ARG003
        file_secret_settings: PydanticBaseSettingsSource,  # noqa: ARG003
    ) -> tuple[PydanticBaseSettingsSource, ...]:
        """Only what ``check`` hands in: it laid the environment over the file and read the secrets' files already."""
        return (init_settings,)

    def policy(self, library: str) -> Policy:
        """The policy of a library, with the name of this bridge."""
        found = self.libraries[library]
        return Policy(
            self.bridge,
            found.borrowing,
            found.lending,
            mode=found.mode,
            live_from=found.live_from,
            deletes_per_hour=found.deletes_per_hour,
        )

    def audit_of(self, library: str) -> AuditSettings:
        """The rules of the audit with the night of this library."""
        found = self.libraries[library]
        own = {"at": found.audit_at, "timezone": found.audit_timezone}
        return self.audit.model_copy(update={name: value for name, value in own.items() if value is not None})

    @property
    def nights(self) -> Nights:
        """When parked requests are tried again by themselves."""
        days = {name: library.parked_retry_days for name, library in self.libraries.items()}
        return Nights(self.engine.parked_retry_at, ZoneInfo(self.engine.parked_retry_timezone), days)

    def lane(self, library: str) -> str:
        """The lane of a library: its ILS."""
        return self.libraries[library].ils


KindOf = Callable[[str], type[BaseModel]]
"""The settings model of a connector or of a kind of source, by name. Raises ``ConfigurationError`` for an unknown name."""


@dataclass(frozen=True)
class Configuration:
    """Settings with every part checked: the connectors' and the sources' own settings as their models."""

    settings: Settings
    connectors: Mapping[str, BaseModel]
    sources: Mapping[str, BaseModel]
