"""Settings: one file, the environment over it, secrets from files, and every error at once."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from pydantic import BaseModel, ConfigDict, Field, SecretStr

from bridge.configuring import check, load
from bridge.domain.change import Phase
from bridge.errors import ConfigurationError
from bridge.settings import Configuration


class Connection(BaseModel):
    model_config = ConfigDict(extra="forbid")
    host: str = Field(examples=["https://ils.example"])
    api_key: SecretStr | None = None
    password: SecretStr = Field(SecretStr("long enough"), min_length=8)


class Hook(BaseModel):
    model_config = ConfigDict(extra="forbid")
    service: str
    library: str = ""
    libraries: dict[str, str] = Field(default_factory=dict)
    secret: SecretStr = SecretStr("")


def model(kind: str) -> type[BaseModel]:
    if kind not in {"alma", "webhook"}:
        raise ConfigurationError((f"there is no '{kind}'",))
    return Connection if kind == "alma" else Hook


def checked(raw: dict[str, Any]) -> Configuration:
    return check(raw, connector_settings=model, source_settings=model)


def problems(raw: dict[str, Any]) -> str:
    with pytest.raises(ConfigurationError) as wrong:
        checked(raw)
    return "\n".join(wrong.value.problems)


def good() -> dict[str, Any]:
    return {
        "ils": {"alma": {"connector": "alma", "settings": {"host": "https://ils.example"}}},
        "libraries": {"main": {"ils": "alma"}},
        "sources": {"hook": {"kind": "webhook", "service": "tipasa", "library": "main"}},
    }


def test_a_good_configuration_has_every_part_as_its_model() -> None:
    known = checked(good())
    assert isinstance(known.connectors["alma"], Connection)
    assert isinstance(known.sources["hook"], Hook)
    assert known.settings.lane("main") == "alma"


def test_policies_are_read_with_their_places_and_words() -> None:
    raw = good()
    raw["bridge"] = "north"
    raw["libraries"]["main"]["borrowing"] = {"create_on": "shipped", "place": {"library": "RS", "location": "TEMP"}}
    raw["libraries"]["main"]["lending"] = {"accounts": {"XYZ": "ILL-XYZ"}}
    policy = checked(raw).settings.policy("main")
    assert policy.bridge == "north"
    assert policy.borrowing.create_on.phase is Phase.SHIPPED
    assert str(policy.borrowing.place) == "RS/TEMP"
    assert policy.lending.account("XYZ") == "ILL-XYZ"


def test_the_environment_goes_before_the_file(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ILL_BRIDGE_ILS__ALMA__SETTINGS__API_KEY", "from-environment")
    monkeypatch.setenv("ILL_BRIDGE_WEB__PORT", "9000")
    known = checked(good())
    connection = known.connectors["alma"]
    assert isinstance(connection, Connection)
    assert connection.api_key is not None
    assert connection.api_key.get_secret_value() == "from-environment"
    assert known.settings.web.port == 9000


def test_a_secret_may_stand_in_a_file(tmp_path: Path) -> None:
    secret = tmp_path / "key"
    secret.write_text("from-file\n")
    raw = good()
    raw["ils"]["alma"]["settings"]["api_key_file"] = str(secret)
    connection = checked(raw).connectors["alma"]
    assert isinstance(connection, Connection)
    assert connection.api_key is not None
    assert connection.api_key.get_secret_value() == "from-file"
    assert "from-file" not in repr(connection)


def test_a_missing_secret_file_is_named() -> None:
    raw = good()
    raw["sources"]["hook"]["secret_file"] = "/nowhere/secret"
    assert "sources.hook.secret_file: the secret's file /nowhere/secret cannot be read" in problems(raw)


def test_a_missing_secret_file_is_one_problem_not_two() -> None:
    raw = good()
    raw["ils"]["alma"]["settings"]["password_file"] = "/nowhere/secret"
    assert "\n" not in problems(raw)


def test_a_secret_that_is_too_short_is_told_in_words() -> None:
    raw = good()
    raw["ils"]["alma"]["settings"]["password"] = "short"
    assert "ils.alma.settings.password: should have at least 8 signs, not 5" in problems(raw)


def test_every_error_is_told_at_once_with_key_and_example() -> None:
    raw = good()
    raw["libraris"] = {}
    raw["web"] = {"port": 99999}
    raw["libraries"]["main"]["borrowing"] = {"create_onn": "received"}
    raw["libraries"]["branch"] = {"ils": "almma"}
    raw["ils"]["alma"]["settings"] = {"hots": "x"}
    raw["sources"]["hook"]["libraries"] = {"x": "mian"}
    told = problems(raw)
    assert "libraris: there is no such key; did you mean 'libraries'?" in told
    assert "web.port: input should be less than or equal to 65535; for example port = 8018" in told
    assert "libraries.main.borrowing.create_onn: there is no such key; did you mean 'create_on'?" in told
    assert 'ils.alma.settings.host: missing; for example host = "https://ils.example"' in told
    assert "ils.alma.settings.hots: there is no such key; did you mean 'host'?" in told


def test_names_that_point_nowhere_are_told_with_the_nearest() -> None:
    raw = good()
    raw["libraries"]["branch"] = {"ils": "almma"}
    raw["sources"]["hook"]["libraries"] = {"x": "mian", "y": "zzz"}
    told = problems(raw)
    assert "libraries.branch.ils: there is no [ils.almma]; did you mean 'alma'?" in told
    assert "sources.hook: there is no [libraries.mian]; did you mean 'main'?" in told
    assert "sources.hook: there is no [libraries.zzz]; known are: branch, main" in told


def test_an_ils_without_connector_and_a_source_without_kind_are_told() -> None:
    told = problems({"ils": {"a": {}}, "sources": {"s": {"service": "x"}, "t": {"kind": "pigeon"}}})
    assert 'ils.a.connector: missing; for example connector = "alma"' in told
    assert 'sources.s.kind: missing; for example kind = "webhook"' in told
    assert "sources.t: there is no 'pigeon'" in told


def test_tables_that_are_none_are_told() -> None:
    raw = good()
    raw["ils"]["alma"]["settings"] = "host"
    raw["libraries"]["main"] = 3
    assert "ils.alma.settings" in problems(raw)


def test_a_file_is_read(tmp_path: Path) -> None:
    path = tmp_path / "bridge.toml"
    path.write_text('[ils.alma]\nconnector = "alma"\n[ils.alma.settings]\nhost = "h"\n[libraries.main]\nils = "alma"\n')
    known = load(path, connector_settings=model, source_settings=model)
    assert list(known.settings.libraries) == ["main"]


@pytest.mark.parametrize(
    ("content", "said"),
    [(None, "there is no such file"), (b"x = ", "not a TOML file"), (b'x = "\xff"', "not a TOML file")],
)
def test_a_file_that_cannot_be_read_is_told(tmp_path: Path, content: bytes | None, said: str) -> None:
    path = tmp_path / "bridge.toml"
    if content is not None:
        path.write_bytes(content)
    with pytest.raises(ConfigurationError, match=said):
        load(path, connector_settings=model, source_settings=model)


def test_a_folder_is_no_configuration(tmp_path: Path) -> None:
    with pytest.raises(ConfigurationError, match="cannot be read"):
        load(tmp_path, connector_settings=model, source_settings=model)


class TestMapsInFiles:
    """Pickup locations and partner accounts may stand in a spreadsheet's CSV file beside the configuration."""

    def written(self, folder: Path, **files: str) -> Path:
        for name, text in files.items():
            (folder / f"{name}.csv").write_text(text, encoding="utf-8")
        path = folder / "bridge.toml"
        path.write_text(
            """
[ils.alma]
connector = "alma"
settings = { host = "https://ils.example" }
[libraries.main]
ils = "alma"
borrowing = { pickup_locations = { Main = "HERE" }, pickup_locations_file = "pickups.csv" }
lending = { accounts_file = "accounts.csv" }
""",
            encoding="utf-8",
        )
        return path

    def told(self, path: Path) -> str:
        with pytest.raises(ConfigurationError) as wrong:
            load(path, connector_settings=model, source_settings=model)
        return "\n".join(wrong.value.problems)

    def test_the_configuration_itself_goes_before_the_file(self, tmp_path: Path) -> None:
        path = self.written(
            tmp_path, pickups="service,ils\nMain,MAIN\nBranch,BR\n", accounts="Partner;Account\nXYZ;ILL-XYZ\n"
        )
        policy = load(path, connector_settings=model, source_settings=model).settings.policy("main")
        assert policy.borrowing.pickup_locations == {"Main": "HERE", "Branch": "BR"}
        assert policy.lending.account("XYZ") == "ILL-XYZ"

    def test_every_problem_of_every_file_is_told(self, tmp_path: Path) -> None:
        said = self.told(self.written(tmp_path, pickups="service,ils\nMain,MAIN\nMain,OTHER\nBranch,\n"))
        assert "libraries.main.borrowing.pickup_locations_file" in said
        assert "line 3: 'Main' stood before with another value" in said
        assert "line 4: a line needs both service and ils" in said
        assert "libraries.main.lending.accounts_file" in said
        assert "accounts.csv: cannot be read" in said

    def test_a_map_that_is_none_is_told_as_such(self) -> None:
        raw = good()
        raw["libraries"]["main"]["lending"] = {"accounts": "XYZ", "accounts_file": "none.csv"}
        assert "libraries.main.lending.accounts" in problems(raw)

    def test_the_nearest_key_is_named_for_the_file_too(self) -> None:
        raw = good()
        raw["libraries"]["main"]["lending"] = {"acounts_file": "accounts.csv"}
        assert "did you mean 'accounts_file'?" in problems(raw)


def test_the_nearest_key_is_named_inside_a_rule() -> None:
    raw = good()
    raw["libraries"]["main"]["borrowing"] = {"rules": [{"partners": ["XYZ"], "item_typ": "X"}]}
    assert "libraries.main.borrowing.rules.0.item_typ: there is no such key; did you mean 'item_type'?" in problems(raw)


def test_the_environment_may_name_a_secrets_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "password").write_text("hush\n", encoding="utf-8")
    monkeypatch.setenv("ILL_BRIDGE_LEDGER__PASSWORD_FILE", str(tmp_path / "password"))
    password = checked(good()).settings.ledger.password
    assert password is not None
    assert password.get_secret_value() == "hush"
