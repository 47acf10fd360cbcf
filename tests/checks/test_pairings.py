"""Pairings that would do the work twice or cross requests."""

from __future__ import annotations

from typing import Any

import pytest

from bridge.checks.pairings import pairings, unheard
from bridge.connectors.base import ConnectorKind
from bridge.connectors.registry import connector_kind
from bridge.domain.finding import Finding
from bridge.settings import Configuration
from tests.checks.build import GOOD, SECRET, bad, feed, hook, known, library

CLASH = "Source hook and library main"


def found(**changes: Any) -> tuple[Finding, ...]:
    return pairings(known(**changes), connector_kind)


def test_a_good_configuration() -> None:
    (bridge,) = found()
    assert bridge.text == "Signs what it makes as 'test'."
    assert "another name" in found(bridge=...)[0].text


class TestALoanWebhookThatNeverComes:
    def said(self, **changes: Any) -> list[str]:
        waits = known(libraries__main__borrowing__align_due_date="webhook", **changes)
        return [finding.text for finding in unheard(waits, "main", connector_kind)]

    def test_one_without_a_secret(self) -> None:
        (text,) = self.said()
        assert "loan_webhook_secret is not set" in text
        assert self.said(ils__alma__settings__loan_webhook_secret=SECRET) == []
        assert self.said(libraries__main__borrowing__enabled=False) == []
        assert list(unheard(known(), "main", connector_kind)) == []

    def test_an_ils_that_has_none(self) -> None:
        sierra = {"base_url": "https://s.example/iii", "key": "k", "secret": "s", "timezone": "America/Chicago"}
        (text,) = self.said(ils__alma={"connector": "sierra", "settings": sierra})
        assert "this connector has none" in text


class TestWorkDoneTwice:
    def test_almas_own_resource_sharing_and_the_same_alma(self) -> None:
        twice = {"sources__hook__system": "alma", "sources__hook__circulation_by_service": ...}
        (finding,) = (each for each in found(**twice) if not each.ok)
        assert finding.subject == CLASH
        assert "Alma's own resource sharing" in finding.text
        assert "circulation_by_service = false" in finding.advice

    def test_a_source_that_is_almas_own_need_not_say_so(self) -> None:
        source = {"kind": "alma_sharing", "service": "svc", "library": "main", "lending_libraries": ["RS"]}
        findings = found(sources__hook={**source, "url": "https://alma.example/almaws/v1"})
        assert bad(findings) == [(CLASH, "failed")]

    def test_another_alma_may_be_its_source(self) -> None:
        assert bad(found(sources__hook__system="alma")) == []

    def test_alma_as_source_for_lending_alone_is_asked_about(self) -> None:
        """Only borrowing is made twice for certain."""
        changes = {"sources__hook__system": "alma", "sources__hook__circulation_by_service": ...}
        assert bad(found(**changes, libraries__main__borrowing__enabled=False)) == [("Source hook", "warning")]

    @pytest.mark.parametrize("system", ["crosslink", "reshare", "tipasa", "illiad", ""])
    @pytest.mark.parametrize(
        ("said", "expected"),
        [
            (True, [(CLASH, "failed")]),
            (["main"], [(CLASH, "failed")]),
            (False, []),
            ([], []),
            (..., [("Source hook", "warning")]),
        ],
    )
    def test_a_service_whose_own_circulation_is_on(self, system: str, said: Any, expected: list[Any]) -> None:
        changes = {"sources__hook__system": system, "sources__hook__circulation_by_service": said}
        assert bad(found(**changes)) == expected

    def test_what_is_not_said_names_the_system(self) -> None:
        (finding, _) = found(sources__hook__system="reshare", sources__hook__circulation_by_service=...)
        assert "reshare can do the circulation itself" in finding.text
        assert "[sources.hook]" in finding.advice

    def test_it_is_told_by_library(self) -> None:
        changes = {
            "libraries__branch": library(),
            "sources__hook__libraries": {"B": "branch"},
            "sources__hook__circulation_by_service": ["branch"],
        }
        assert bad(found(**changes)) == [("Source hook and library branch", "failed")]

    def test_a_library_that_does_nothing_clashes_with_nobody(self) -> None:
        off = {"libraries__main__borrowing__enabled": False, "libraries__main__lending__enabled": False}
        assert bad(found(sources__hook__circulation_by_service=True, **off)) == []


class TestOneServiceUnderTwoNames:
    def test_at_one_host(self) -> None:
        two = {"sources__one": feed(), "sources__two": feed(service="other", url="https://ILL.example/more")}
        (finding,) = (each for each in found(**two) if not each.ok)
        assert finding.subject == "Sources one and two"
        assert "both ask ill.example for main" in finding.text
        assert "'svc', 'other'" in finding.text

    def test_of_one_system(self) -> None:
        hooks = {"sources__hook": hook(system="tipasa"), "sources__two": feed(service="other", system="tipasa")}
        (finding,) = (each for each in found(**hooks) if not each.ok)
        assert "both speak for tipasa" in finding.text
        hooks = {"sources__hook": hook(system="other"), "sources__two": feed(service="else", system="other")}
        assert bad(found(**hooks)) == []

    def test_one_name_is_right(self) -> None:
        assert bad(found(sources__one=feed(), sources__two=feed(url="https://ill.example/more"))) == []

    def test_different_libraries_may_be_different_tenants(self) -> None:
        two = {"sources__one": feed(), "sources__two": feed(service="other", library="branch")}
        assert bad(found(libraries__branch=library(borrowing={"enabled": False}), **two)) == []

    def test_a_source_that_names_no_library_may_speak_for_all(self) -> None:
        two = {"sources__one": feed(), "sources__two": feed(service="other", library="")}
        assert bad(found(**two)) == [("Sources one and two", "failed")]


@pytest.mark.parametrize(("service", "level"), [("svc", "warning"), ("other", "failed")])
def test_one_secret_for_two_webhooks(service: str, level: str) -> None:
    two = hook(service=service)
    assert bad(found(sources__two=two)) == [("Sources hook and two", level)]
    old = hook(service=service, secret="another secret altogether", previous_secret=SECRET)
    findings = found(sources__two=old)
    assert bad(findings) == [("Sources hook and two", level)]
    assert SECRET not in repr(findings)
    assert bad(found(sources__two=hook(service=service, secret="another secret altogether"))) == []


class TestOneInstitutionAsTwoLanes:
    def two(self, **more: Any) -> Configuration:
        alma = GOOD["ils"]["alma"]
        other = {**alma, "settings": {**alma["settings"], **more}}
        changes = {"libraries__branch": library(ils="other"), "sources__hook__libraries": {"B": "branch"}}
        return known(ils__other=other, **changes)

    def test_the_same_key_at_the_same_host(self) -> None:
        findings = pairings(self.two(timezone="Europe/London"), connector_kind)
        assert bad(findings) == [("ILS alma and other", "failed")]
        assert "key-1" not in repr(findings)

    def test_another_key_is_another_institution(self) -> None:
        assert bad(pairings(self.two(api_key="key-2"), connector_kind)) == []

    def test_a_connector_that_does_not_tell_is_known_by_all_its_settings(self) -> None:
        def mute(name: str) -> ConnectorKind:
            kind = connector_kind(name)
            return ConnectorKind(name, kind.settings, kind.build)

        assert bad(pairings(self.two(timezone="Europe/London"), mute)) == []
        assert bad(pairings(self.two(), mute)) == [("ILS alma and other", "failed")]

    def test_different_connectors_are_different_ilss(self) -> None:
        made = self.two()
        other = made.settings.ils["other"].model_copy(update={"connector": "sierra"})
        settings = made.settings.model_copy(update={"ils": {**made.settings.ils, "other": other}})
        assert bad(pairings(Configuration(settings, made.connectors, made.sources), connector_kind)) == []


class TestBarcodes:
    def branch(self, service: str, **borrowing: Any) -> tuple[Finding, ...]:
        made = library()
        made["borrowing"].update(borrowing)
        return found(libraries__branch=made, sources__two=feed(service=service, library="branch"))

    def test_numbers_of_two_services_can_be_equal(self) -> None:
        assert bad(self.branch("other")) == [("Libraries main and branch", "warning")]

    def test_with_prefixes_or_one_service_they_cannot(self) -> None:
        assert bad(self.branch("other", barcode_prefix="BR-")) == []
        assert bad(self.branch("svc")) == []
        assert bad(self.branch("other", existing_item=True)) == []


class TestWhatNothingLeadsTo:
    def test_a_library_without_a_source(self) -> None:
        assert bad(found(libraries__branch=library(borrowing={"enabled": False}))) == [("Library branch", "warning")]

    def test_an_ils_without_a_library(self) -> None:
        spare = {**GOOD["ils"]["alma"], "settings": {**GOOD["ils"]["alma"]["settings"], "api_key": "key-2"}}
        assert bad(found(ils__spare=spare)) == [("ILS spare", "warning")]

    def test_no_library_at_all(self) -> None:
        assert ("Libraries", "failed") in bad(found(libraries={}, sources={}))
