"""Patrons of WMS through OCLC's identity management, SCIM (koha-wms-spydus.md section B.4)."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from datetime import date

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from bridge.connectors.ncip.bearer import Bearer
from bridge.connectors.ncip.dates import day_of
from bridge.connectors.ncip.patrons import Person
from bridge.domain.expect import AccountStanding
from bridge.domain.masking import vendor_words
from bridge.errors import CredentialsRejected, IlsError, Rejected, Retry, Unavailable
from bridge.http import Answer, Http, Sending, words_of

SEARCH = "urn:ietf:params:scim:api:messages:2.0:SearchRequest"
UNSEEN = "WMS lends to an institution's symbol, which the bridge cannot look up"


class _Part(BaseModel):
    model_config = ConfigDict(extra="ignore", populate_by_name=True)


class _Circulation(_Part):
    category: str = Field(default="", alias="borrowerCategory")
    blocked: bool = Field(default=False, alias="isCircBlocked")


class _CirculationInfo(_Part):
    info: _Circulation = Field(default_factory=_Circulation, alias="circulationInfo")


class _Ill(_Part):
    blocked: bool = Field(default=False, alias="isBlocked")


class _IllInfo(_Part):
    info: _Ill = Field(default_factory=_Ill, alias="illInfo")


class _Persona(_Part):
    expires: str = Field(default="", alias="oclcExpirationDate")


class ScimUser(_Part):
    """A user, as far as circulation needs them."""

    circulation: _CirculationInfo = Field(
        default_factory=_CirculationInfo, alias="urn:mace:oclc.org:eidm:schema:persona:wmscircpatroninfo:20180101"
    )
    ill: _IllInfo = Field(default_factory=_IllInfo, alias="urn:mace:oclc.org:eidm:schema:persona:wsillinfo:20180101")
    persona: _Persona = Field(default_factory=_Persona, alias="urn:mace:oclc.org:eidm:schema:persona:persona:20180305")


class ScimList(_Part):
    """What a search found."""

    total: int = Field(alias="totalResults")
    users: tuple[ScimUser, ...] = Field(default=(), alias="Resources")


class ScimDirectory:
    """Patrons by barcode; ILL accounts are symbols of institutions, which no search knows."""

    door = "SCIM"

    def __init__(self, http: Http, tokens: Bearer, tokens_http: Http, zone: str, today: Callable[[], date]) -> None:
        self._http = http
        self._tokens = tokens
        self._tokens_http = tokens_http
        self._zone = zone
        self._today = today

    def person(self, identifier: str) -> Person | None:
        """See ``Directory``."""
        answer = self._asked(identifier)
        if answer.status == 401:
            self._tokens.forget()
            answer = self._asked(identifier)
        if answer.status >= 400:
            raise _by_status(answer)
        try:
            found = ScimList.model_validate_json(answer.body)
        except ValidationError as nonsense:
            raise Retry("The patron search's answer cannot be read.", cause="nonsense") from nonsense
        if not found.users:
            return None
        user = found.users[0]
        until = day_of(user.persona.expires, self._zone)
        return Person(tuple(self._against(user, until)), until, user.circulation.info.category)

    def _against(self, user: ScimUser, until: date | None) -> Iterator[str]:
        if user.circulation.info.blocked:
            yield "blocked in circulation"
        if user.ill.info.blocked:
            yield "blocked for interlibrary loan"
        if until is not None and until < self._today():
            yield f"expired on {until}"

    def _asked(self, identifier: str) -> Answer:
        quoted = json.dumps(identifier)
        body = json.dumps({"schemas": [SEARCH], "filter": f"External_ID eq {quoted}"}).encode()
        headers = {**self._tokens.headers(), "Content-Type": "application/scim+json", "Accept": "application/scim+json"}
        return self._http.send(Sending("POST", "", "Users/.search", body=body, headers=headers, repeatable=True))

    def account(self, identifier: str) -> AccountStanding:
        """See ``Directory``."""
        return AccountStanding(identifier, unseen=f"{UNSEEN}.")

    def close(self) -> None:
        """Close connections."""
        self._http.close()
        self._tokens_http.close()


def _by_status(answer: Answer) -> IlsError:
    """SCIM's Error objects have ``status`` and ``detail``."""
    words = vendor_words(_detail(answer.body) or words_of(answer.body))
    said = f"The patron search answered HTTP {answer.status}."
    said = f"{said} It says: {words}" if words else said
    if answer.status in {401, 403}:
        return CredentialsRejected(said, advice="See to the WSKey and whether it has the service SCIM:read_user.")
    if answer.status >= 500 or answer.status in {404, 405}:
        return Unavailable(said, advice="" if answer.status >= 500 else "Is scim_url right?")
    return Rejected(said, cause="refused", advice="Is scim_url right?")


def _detail(body: bytes) -> str:
    try:
        told = json.loads(body)
    except (ValueError, RecursionError):
        return ""
    return str(told.get("detail", "")) if isinstance(told, dict) else ""
