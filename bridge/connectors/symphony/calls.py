"""Sends calls to Symphony: in the session, with answers to its prompts, again where a record is in use (symphony.md, sections 1, 2 and 6).

The only place that speaks HTTP to Symphony.
"""

from __future__ import annotations

import json
import threading
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from typing import TypeVar
from urllib.parse import quote

from pydantic import ValidationError

from bridge.connectors.base import Surroundings, http_rules
from bridge.connectors.symphony import models as symphony
from bridge.connectors.symphony.errors import (
    Asked,
    Busy,
    SessionTimedOut,
    asked_too_often,
    error_of,
    no_session,
    nonsense,
    not_let_in,
    not_overridden,
    problem_of,
)
from bridge.connectors.symphony.session import Session
from bridge.connectors.symphony.settings import SymphonySettings
from bridge.connectors.symphony.wire import MEDIA, Form, Resource, flat, written
from bridge.errors import CredentialsRejected, Retry
from bridge.http import Answer, Sending

MOST_PROMPTS = 5
"""Prompts answered within one call (symphony.md section 6)."""
GROUP = "GROUP_PROMPT"
"""A prompt that takes true or false, and no code (symphony.md section 6)."""
M = TypeVar("M", bound=symphony.Payload)


@dataclass(frozen=True)
class Allowed:
    """Prompts that a call may override, and the setting that an operator would name another in."""

    prompts: frozenset[str]
    setting: str = "overrides"


class Calls:
    """Calls to one Symphony. ``station`` is the library that a write is made at (SD-Working-LibraryID)."""

    def __init__(
        self,
        settings: SymphonySettings,
        surroundings: Surroundings,
        sleep: Callable[[float], None],
        now: Callable[[], datetime],
    ) -> None:
        self._settings = settings
        self._sleep = sleep
        self._always = Allowed(frozenset(settings.overrides))
        self._at_once = threading.BoundedSemaphore(settings.parallel)
        self._session = Session(self._log_in, now)
        self._http = surroundings.http(settings.base_url, http_rules(settings), sleep)

    def close(self) -> None:
        """Close connections."""
        self._http.close()

    def session(self) -> symphony.LogIn:
        """The session, begun where there is none."""
        return self._session.current()

    def read(
        self,
        doing: str,
        path: str,
        template: str,
        model: type[M],
        fields: str,
        params: Mapping[str, str] | None = None,
    ) -> M:
        """Look at something; ``fields`` is what is asked for (``includeFields``), empty for all. Raises ``Missing``."""
        wanted = {**(params or {}), **({"includeFields": fields} if fields else {})}
        sending = Sending("GET", path, template, params=wanted, repeatable=True)
        return self.parsed(doing, self.sent(doing, sending), model, repeatable=True)

    def write(
        self,
        doing: str,
        sending: Sending,
        body: Resource | Mapping[str, object] | None,
        station: str,
        *,
        form: Form | None = None,
        role: str = "STAFF",
        allowed: Allowed | None = None,
    ) -> Answer:
        """Send a write from a station library, with overrides where Symphony asks for those that are allowed."""
        told = form or self._settings.form
        headers = {"SD-Working-LibraryID": station or self._settings.library, "SD-Preferred-Role": role, **media(told)}
        content = None if body is None else json.dumps(written(body, told), ensure_ascii=False).encode()
        sending = replace(sending, headers=headers, body=content)
        given: dict[str, str] = {}
        while True:
            try:
                return self.sent(doing, replace(sending, headers={**headers, **_answers(given)}))
            except Asked as asked:
                given[asked.prompt] = self._override(asked, given, allowed or self._always)

    def _override(self, asked: Asked, given: Mapping[str, str], allowed: Allowed) -> str:
        """The value for a prompt. Raises ``Rejected`` for one that is not allowed, was answered before, or is one too many."""
        may = asked.prompt in allowed.prompts
        if not may or asked.prompt in given:
            raise not_overridden(asked, allowed=may, setting=allowed.setting) from asked
        if len(given) >= MOST_PROMPTS:
            raise asked_too_often(asked) from asked
        if not asked.wants_data:
            return ""
        if asked.prompt == GROUP:
            return "true"
        if self._settings.override_code is None:
            raise not_overridden(asked, allowed=True) from asked
        return self._settings.override_code.get_secret_value()

    def parsed(self, doing: str, answer: Answer, model: type[M], *, repeatable: bool) -> M:
        """An answer's body as its model. Raises ``OutcomeUnknown`` (``Unavailable`` where it may be repeated) for one that is none."""
        try:
            return model.model_validate(flat(json.loads(answer.body)))
        except (ValueError, RecursionError, ValidationError) as odd:
            raise nonsense(doing, answer, repeatable=repeatable) from odd

    def sent(self, doing: str, sending: Sending) -> Answer:
        """Send, and again for a while where the record is in use: that was refused, so that nothing was done."""
        for attempt in range(1, self._settings.busy_tries + 1):
            try:
                return self._in_session(doing, sending)
            except Busy as busy:
                found = busy
            if attempt < self._settings.busy_tries:
                self._sleep(min(self._settings.busy_wait * attempt, 4.0))
                sending = replace(sending, transient=True)
        advice = "If it stays so, see who has the record open in Symphony."
        raise Retry(found.reason, code=found.code, cause="record_in_use", advice=advice) from found

    def _in_session(self, doing: str, sending: Sending) -> Answer:
        """Send in the session; one that timed out is renewed once, and the call made again, since it was not carried out."""
        with self._at_once:
            session = self._session.current()
            try:
                return self._once(doing, sending, session.token)
            except SessionTimedOut:
                session = self._session.renewed(session)
            try:
                return self._once(doing, sending, session.token)
            except SessionTimedOut as again:
                raise CredentialsRejected(
                    f"Symphony ends each session at once. {again.reason}",
                    code=again.code,
                    advice="Is the same staff user logged in elsewhere, or the web services' session time set to nothing?",
                ) from again

    def _once(self, doing: str, sending: Sending, token: str) -> Answer:
        headers = {**self._headers(), **media(self._settings.form), "x-sirs-sessionToken": token, **sending.headers}
        answer = self._http.send(replace(sending, headers=headers))
        if not 200 <= answer.status < 300 or problem_of(answer) is not None:
            raise error_of(doing, answer, repeatable=sending.repeatable)
        if answer.body.strip() and not _is_json(answer.body):
            raise nonsense(doing, answer, repeatable=sending.repeatable)
        return answer

    def _headers(self) -> dict[str, str]:
        """What every call bears; messages are localised, and only shown (symphony.md section 1)."""
        settings = self._settings
        return {
            "x-sirs-clientID": settings.client_id,
            "SD-Originating-App-Id": settings.app_id,
            "User-Agent": settings.app_id,
            "x-sirs-locale": "en_US",
        }

    def _log_in(self) -> symphony.LogIn:
        body = {"login": self._settings.login, "password": self._settings.password.get_secret_value()}
        path = "/user/staff/login"
        headers = {**self._headers(), **media("v1")}
        content = json.dumps(body).encode()
        sending = Sending("POST", path, path, body=content, headers=headers, repeatable=True, transient=True)
        answer = self._http.send(sending)
        if not 200 <= answer.status < 300 or problem_of(answer) is not None:
            raise not_let_in(answer)
        made = self.parsed("log in", answer, symphony.LogIn, repeatable=True)
        if not made.token:
            raise no_session(answer)
        return made


def _answers(given: Mapping[str, str]) -> dict[str, str]:
    """Answers to prompts: type, or type and value, joined in one header (symphony.md section 6)."""
    told = [f"{prompt}/{value}" if value else prompt for prompt, value in given.items()]
    return {"SD-Prompt-Return": ";".join(told)} if told else {}


def _is_json(body: bytes) -> bool:
    try:
        json.loads(body)
    except (ValueError, RecursionError):
        return False
    return True


def media(form: Form) -> dict[str, str]:
    """Both headers that name a form."""
    return {"Accept": MEDIA[form], "Content-Type": MEDIA[form]}


def safe(part: str) -> str:
    """A value as one piece of a path; the colons of keys stay."""
    return quote(part, safe=":")
