"""Settings of alerts: what is refused, with the words an operator reads."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from bridge.configuring import check
from bridge.errors import ConfigurationError
from bridge.settings import Configuration
from bridge.wiring import channels_of, connector_settings, source_settings

MAIL: dict[str, Any] = {"host": "smtp", "sender": "a@b.example", "recipients": ["ops@b.example"]}


def checked(alerts: dict[str, Any]) -> Configuration:
    alma = {"connector": "alma", "settings": {"host": "http://127.0.0.1:1", "api_key": "k", "timezone": "UTC"}}
    raw = {"alerts": alerts, "ils": {"alma": alma}, "libraries": {"main": {"ils": "alma"}}}
    return check(raw, connector_settings=connector_settings, source_settings=source_settings)


def problems(alerts: dict[str, Any]) -> str:
    with pytest.raises(ConfigurationError) as wrong:
        checked(alerts)
    return "\n".join(wrong.value.problems)


def test_off_until_a_channel_is_configured() -> None:
    known = checked({})
    assert not known.settings.alerts.on
    assert channels_of(known) == ()


def test_with_both_channels() -> None:
    known = checked({"mail": MAIL, "webhook": {"url": "https://ops.example/x"}, "digest": {"at": "06:30"}})
    assert known.settings.alerts.on
    assert [channel.name for channel in channels_of(known)] == ["mail", "webhook"]


@pytest.mark.parametrize(("security", "port"), [("starttls", 587), ("tls", 465), ("none", 25)])
def test_the_usual_port(security: str, port: int) -> None:
    mail = checked({"mail": {**MAIL, "security": security}}).settings.alerts.mail
    assert mail is not None
    assert mail.at_port == port


def test_secrets_stand_in_files(tmp_path: Path) -> None:
    (tmp_path / "password").write_text("from-file\n")
    (tmp_path / "url").write_text("https://chat.example/hooks/secret\n")
    mail = {**MAIL, "user": "u", "password_file": str(tmp_path / "password")}
    known = checked({"mail": mail, "webhook": {"url_file": str(tmp_path / "url")}}).settings.alerts
    assert known.mail is not None
    assert known.mail.password is not None
    assert known.mail.password.get_secret_value() == "from-file"
    assert known.webhook is not None
    assert known.webhook.url.get_secret_value() == "https://chat.example/hooks/secret"
    assert "from-file" not in repr(known)
    assert "hooks/secret" not in repr(known)


def test_from_the_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ILL_BRIDGE_ALERTS__MAIL__PASSWORD", "from-environment")
    monkeypatch.setenv("ILL_BRIDGE_ALERTS__DIGEST__TIMEZONE", "Europe/Berlin")
    known = checked({"mail": {**MAIL, "user": "u"}}).settings.alerts
    assert known.mail is not None
    assert known.mail.password is not None
    assert known.mail.password.get_secret_value() == "from-environment"
    assert known.digest.timezone == "Europe/Berlin"


@pytest.mark.parametrize(
    ("alerts", "told"),
    [
        ({"mail": {}}, 'alerts.mail.host: missing; for example host = "smtp.example.org"'),
        ({"mail": {**MAIL, "recipients": []}}, "alerts.mail.recipients: tuple should have at least 1 item"),
        ({"mail": {**MAIL, "sender": "nobody"}}, "alerts.mail.sender: value error, 'nobody' is no e-mail address"),
        ({"mail": {**MAIL, "sender": "a@b.c\r\nBcc: d@e.f"}}, "an e-mail address is one line"),
        ({"mail": {**MAIL, "recipients": ["a@b.c, d@e.f"]}}, "is no e-mail address"),
        ({"mail": {**MAIL, "libraries": {"main": []}}}, "no address for main"),
        ({"mail": {**MAIL, "libraries": {"mian": ["a@b.c"]}}}, "there is no [libraries.mian]; did you mean 'main'?"),
        ({"mail": {**MAIL, "libraries": {"main": ["x"]}}}, "'x' is no e-mail address"),
        ({"mail": {**MAIL, "user": "u"}}, "user needs password or password_file"),
        ({"mail": {**MAIL, "user": "u", "password": "p", "security": "none"}}, "a password is never sent in the clear"),
        ({"mail": {**MAIL, "hots": "x"}}, "alerts.mail.hots: there is no such key; did you mean 'host'?"),
        ({"webhook": {"url": "ops.example"}}, "must be an address that begins with https://"),
        ({"webhook": {"url": "https://o.example", "secret": "short"}}, "alerts.webhook.secret"),
        ({"webhook": {"url": "https://o.example", "token_header": "a b"}}, "alerts.webhook.token_header"),
        ({"digest": {"timezone": "Berlin"}}, "'Berlin' is no time zone of the IANA list"),
        ({"digest": {"at": "07:00+01:00"}}, "is a time of day without a zone"),
        ({"digest": {"weekdays": ["monday"]}}, "alerts.digest.weekdays"),
        ({"immediate": ["lane_open"]}, "alerts.immediate"),
    ],
)
def test_what_is_wrong_is_told(alerts: dict[str, Any], told: str) -> None:
    assert told in problems(alerts)
