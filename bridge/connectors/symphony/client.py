"""Symphony's endpoints, one method each: the only place that speaks HTTP to Symphony (symphony.md, sections 1 to 5)."""

from __future__ import annotations

import json
import threading
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from typing import TypeVar
from urllib.parse import quote

from pydantic import ValidationError

from bridge.connectors.base import Surroundings
from bridge.connectors.symphony import models as symphony
from bridge.connectors.symphony.errors import (
    Asked,
    Busy,
    Missing,
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
from bridge.connectors.symphony.wire import MEDIA, Form, Resource, flat, policy, written
from bridge.errors import CredentialsRejected, Retry
from bridge.http import Answer, Http, HttpRules, Sending

CHARGE = "*,patron{barcode}"
LOOK = f"*,circRecord{{{CHARGE}}},transit{{destinationLibrary}},fillableHoldList{{pickupLibrary}}"
"""What a look at an item asks for; ``*`` leaves out lists and these links (symphony.md section 5.2)."""
WHOLE_LOOK = f"{LOOK},bib{{title,bib,shadowed,callList{{itemList{{barcode}}}}}}"
"""The same with what the item hangs on, and all else that hangs there."""
MADE = "callList{itemList{barcode}}"
WHOLE_BIB = f"title,bib,shadowed,{MADE}"
NOTES = "barcode,library,bib{title,bib},customInformation{*}"
PATRON = "barcode,profile,library,standing,privilegeExpiresDate,checkoutLocation,patronStatusInfo{*}"
MOST_PROMPTS = 5
"""Prompts answered within one call (symphony.md section 6)."""
GROUP = "GROUP_PROMPT"
"""A prompt that takes true or false, and no code (symphony.md section 6)."""
M = TypeVar("M", bound=symphony.Payload)


@dataclass(frozen=True)
class Wish:
    """A hold on one copy; patron by key, item by barcode."""

    barcode: str
    patron: str
    pickup: str
    comment: str
    fill_by: str = ""


@dataclass(frozen=True)
class Allowed:
    """Prompts that a call may override, and the setting that an operator would name another in."""

    prompts: frozenset[str]
    setting: str = "overrides"


class SymphonyClient:
    """One Symphony over its web services. ``station`` is the library that a write is made at (SD-Working-LibraryID)."""

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
        twice = frozenset(settings.second_charge_overrides)
        self._twice = Allowed(self._always.prompts | twice, "second_charge_overrides")
        self._at_once = threading.BoundedSemaphore(settings.parallel)
        self._session = Session(self._log_in, now)
        rules = HttpRules(
            connect_timeout=settings.connect_timeout,
            read_timeout=settings.read_timeout,
            first_wait=settings.first_wait,
            ca_file=settings.ca_file,
        )
        self._http = Http(
            settings.base_url,
            name=surroundings.ils,
            pace=surroundings.pace,
            tell=surroundings.tell,
            rules=rules,
            sleep=sleep,
        )

    def close(self) -> None:
        """Close connections."""
        self._http.close()

    def session(self) -> tuple[symphony.LogIn, Answer]:
        """The session, after a cheap look whether it lives."""
        name = self._session.current().staff
        sending = Sending("GET", f"/user/staff/key/{safe(name)}", "/user/staff/key/{key}", repeatable=True)
        answer = self._sent("look at the session", sending)
        return self._session.current(), answer

    def patron_by(self, lookup: str, identifier: str) -> tuple[symphony.Patron, ...]:
        """The patrons whom this look-up (a setting's word) finds."""
        if lookup.startswith("search:"):
            return self._patrons(lookup.removeprefix("search:"), identifier)
        path, template = f"/user/patron/{lookup}/{safe(identifier)}", f"/user/patron/{lookup}/{{id}}"
        try:
            return (self._read("find the patron", path, template, symphony.Patron, PATRON),)
        except Missing:
            return ()

    def _patrons(self, index: str, identifier: str) -> tuple[symphony.Patron, ...]:
        params = {"q": f"{index}:{identifier}", "rw": "1", "ct": "2"}
        doing, path = "find the patron", "/user/patron/search"
        return self._read(doing, path, path, symphony.Patrons, PATRON, params).found

    def patron_lists(self, key: str, lists: str) -> symphony.Patron:
        """A patron with these lists (``circRecordList``, ``holdRecordList``, ``blockList``). Raises ``Missing``."""
        path = f"/user/patron/key/{safe(key)}"
        return self._read("read the patron's list", path, "/user/patron/key/{key}", symphony.Patron, f"barcode,{lists}")

    def item_by_barcode(self, barcode: str, look: str = LOOK) -> symphony.Item:
        """An item. Raises ``Missing``."""
        path, template = f"/catalog/item/barcode/{safe(barcode)}", "/catalog/item/barcode/{barcode}"
        return self._read("find the item", path, template, symphony.Item, look)

    def item(self, key: str, look: str = LOOK) -> symphony.Item:
        """An item. Raises ``Missing``."""
        return self._read(
            "read the item", f"/catalog/item/key/{safe(key)}", "/catalog/item/key/{key}", symphony.Item, look
        )

    def bib(self, key: str) -> symphony.Bib:
        """A bib with all that hangs on it. Raises ``Missing``."""
        return self._read(
            "read the bib", f"/catalog/bib/key/{safe(key)}", "/catalog/bib/key/{key}", symphony.Bib, WHOLE_BIB
        )

    def search_bibs(self, index: str, words: str, row: int = 1, count: int = 10) -> symphony.Bibs:
        """Bibs by words; rows count from 1."""
        params = {"q": f"{index}:{words}", "rw": str(row), "ct": str(count)}
        doing, path, fields = "search the catalogue", "/catalog/bib/search", "title,bib,callList{itemList{barcode}}"
        return self._read(doing, path, path, symphony.Bibs, fields, params)

    def create_bib(self, body: Resource, station: str) -> symphony.Bib:
        """Bib, call number and item in one call; answers the bib with what hangs on it, as far as the answer tells."""
        params = {"includeFields": MADE}
        sending = Sending("POST", "/catalog/bib", "/catalog/bib", params=params)
        answer = self._write("create the bib", sending, body, station, form=self._settings.bib_form)
        made = self._parsed("create the bib", answer, symphony.Bib, repeatable=False)
        if not made.key:
            raise nonsense("create the bib", answer, repeatable=False)
        return made

    def change_item(self, key: str, fields: Mapping[str, object], station: str) -> None:
        """Change these fields of an item, and no others. Raises ``Missing``."""
        body = Resource("/catalog/item", key, fields)
        sending = Sending("PUT", f"/catalog/item/key/{safe(key)}", "/catalog/item/key/{key}", repeatable=True)
        self._write("change the item", sending, body, station)

    def shadow(self, kind: str, key: str, station: str) -> None:
        """Hide an item, call number or bib from the public. Raises ``Missing``."""
        body = Resource(f"/catalog/{kind}", key, {"shadowed": True})
        sending = Sending("PUT", f"/catalog/{kind}/key/{safe(key)}", f"/catalog/{kind}/key/{{key}}", repeatable=True)
        self._write(f"shadow the {kind}", sending, body, station)

    def delete(self, kind: str, key: str, station: str) -> None:
        """Delete an item, call number or bib (unverified: symphony.md section 5.11). Raises ``Missing``."""
        sending = Sending("DELETE", f"/catalog/{kind}/key/{safe(key)}", f"/catalog/{kind}/key/{{key}}", repeatable=True)
        self._write(f"delete the {kind}", sending, None, station)

    def place_hold(self, wish: Wish, station: str) -> symphony.Hold:
        """Place a hold on this copy. Raises ``AlreadyThere``, ``Missing``."""
        body: dict[str, object] = {
            "itemBarcode": wish.barcode,
            "patron": Resource("/user/patron", wish.patron),
            "holdType": "COPY",
            "holdRange": self._settings.hold_range,
            "recallStatus": "NO",
            "pickupLibrary": policy("library", wish.pickup),
            "comment": wish.comment,
        }
        if wish.fill_by:
            body["fillByDate"] = wish.fill_by
        path = "/circulation/holdRecord/placeHold"
        sending = Sending("POST", path, path, params={"includeFields": "holdRecord{*}"})
        answer = self._write("place the hold", sending, body, station, role=self._settings.hold_role)
        return self._parsed("place the hold", answer, symphony.Placed, repeatable=False).hold

    def hold(self, key: str) -> symphony.Hold:
        """A hold. Raises ``Missing``; filled ones are gone."""
        path, template = f"/circulation/holdRecord/key/{safe(key)}", "/circulation/holdRecord/key/{key}"
        return self._read("read the hold", path, template, symphony.Hold, "*")

    def cancel_hold(self, key: str, station: str) -> None:
        """Cancel a hold. Raises ``Missing``."""
        path, template = f"/circulation/holdRecord/key/{safe(key)}", "/circulation/holdRecord/key/{key}"
        self._write("cancel the hold", Sending("DELETE", path, template, repeatable=True), None, station)

    def charge(self, key: str) -> symphony.Charge:
        """A charge that stands. Raises ``Missing``."""
        path, template = f"/circulation/circRecord/key/{safe(key)}", "/circulation/circRecord/key/{key}"
        return self._read("read the loan", path, template, symphony.Charge, CHARGE)

    def check_out(self, barcode: str, patron: str, due: str, station: str) -> symphony.Charge:
        """Charge an item (by barcode) to a patron (by key: by barcode it is missing from the statistics, symphony.md section 5.5)."""
        return self._checked_out(barcode, patron, due, station, self._always)

    def check_out_over(self, barcode: str, patron: str, due: str, station: str) -> symphony.Charge:
        """The same while the ILL account's charge stands, which a site may ask about (``second_charge_overrides``)."""
        return self._checked_out(barcode, patron, due, station, self._twice)

    def _checked_out(self, barcode: str, patron: str, due: str, station: str, allowed: Allowed) -> symphony.Charge:
        body: dict[str, object] = {"itemBarcode": barcode, "patron": Resource("/user/patron", patron)}
        return self._charged("check out", "checkOut", {**body, "dueDate": due} if due else body, station, allowed)

    def renew(self, barcode: str, patron: str, due: str, station: str) -> symphony.Charge:
        """Renew a patron's loan of an item to a date; both by barcode. Raises ``NotRenewed``."""
        body: dict[str, object] = {"itemBarcode": barcode, "patronBarcode": patron, "dueDate": due}
        return self._charged("renew", "renew", body, station, self._always)

    def _charged(
        self, doing: str, action: str, body: Mapping[str, object], station: str, allowed: Allowed
    ) -> symphony.Charge:
        path = f"/circulation/circRecord/{action}"
        sending = Sending("POST", path, path, params={"includeFields": f"circRecord{{{CHARGE}}}"})
        answer = self._write(doing, sending, body, station, allowed=allowed)
        return self._parsed(doing, answer, symphony.Charged, repeatable=False).charge

    def check_in(self, barcode: str, station: str) -> None:
        """Discharge the charge that lies on top, and have Symphony say where the item goes; nobody has recorded its answer."""
        path = "/circulation/circRecord/checkIn"
        self._write("check in", Sending("POST", path, path), {"itemBarcode": barcode}, station)

    def set_due_date(self, key: str, due: str, station: str) -> symphony.Charge:
        """Write the due date of a charge; whether it uses a renewal is not told (symphony.md section 5.8). Raises ``Missing``."""
        path, template = f"/circulation/circRecord/key/{safe(key)}", "/circulation/circRecord/key/{key}"
        sending = Sending("PUT", path, template, params={"includeFields": CHARGE}, repeatable=True)
        answer = self._write(
            "set the due date", sending, Resource("/circulation/circRecord", key, {"dueDate": due}), station
        )
        return self._parsed("set the due date", answer, symphony.Charge, repeatable=True)

    def mark_lost(self, action: str, barcode: str, station: str) -> None:
        """A site's own action (unverified: symphony.md section 5.9)."""
        path = f"/circulation/circRecord/{action}"
        self._write("mark as lost", Sending("POST", path, path), {"itemBarcode": barcode}, station)

    def send(self, item: str, destination: str, station: str) -> None:
        """Put an item in transit to a library."""
        fields = {
            "destinationLibrary": policy("library", destination),
            "item": Resource("/catalog/item", item),
            "transitReason": "EXCHANGE",
        }
        path = "/circulation/transit"
        self._write("send the item", Sending("POST", path, path), Resource(path, "", fields), station)

    def receive(self, barcode: str, station: str) -> None:
        """An item in transit has come to where it was sent."""
        path = self._settings.untransit_path
        self._write("receive the item", Sending("POST", path, path), {"itemBarcode": barcode}, station)

    def bill(self, patron: str, fields: Mapping[str, object], station: str) -> symphony.Bill:
        """Bill a patron (unverified: symphony.md, table at the top)."""
        path = "/circulation/block"
        body = Resource(path, "", {"patron": Resource("/user/patron", patron), **fields})
        answer = self._write("charge the fee", Sending("POST", path, path), body, station)
        made = self._parsed("charge the fee", answer, symphony.Bill, repeatable=False)
        if not made.key:
            raise nonsense("charge the fee", answer, repeatable=False)
        return made

    def policy(self, kind: str, code: str) -> symphony.Policy:
        """A code of a policy. Raises ``Missing``."""
        path, template = f"/policy/{kind}/key/{safe(code)}", f"/policy/{kind}/key/{{code}}"
        return self._read(f"look up {kind} {code}", path, template, symphony.Policy, "*")

    def describe(self, of: str) -> symphony.Described:
        """What the site says of a resource or an action. Raises ``Missing``."""
        path = f"{of}/describe"
        return self._read(f"ask about {of}", path, path, symphony.Described, "")

    def _read(
        self,
        doing: str,
        path: str,
        template: str,
        model: type[M],
        fields: str,
        params: Mapping[str, str] | None = None,
    ) -> M:
        wanted = {**(params or {}), **({"includeFields": fields} if fields else {})}
        sending = Sending("GET", path, template, params=wanted, repeatable=True)
        return self._parsed(doing, self._sent(doing, sending), model, repeatable=True)

    def _write(
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
                return self._sent(doing, replace(sending, headers={**headers, **_answers(given)}))
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

    def _parsed(self, doing: str, answer: Answer, model: type[M], *, repeatable: bool) -> M:
        try:
            return model.model_validate(flat(json.loads(answer.body)))
        except (ValueError, RecursionError, ValidationError) as odd:
            raise nonsense(doing, answer, repeatable=repeatable) from odd

    def _sent(self, doing: str, sending: Sending) -> Answer:
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
        made = self._parsed("log in", answer, symphony.LogIn, repeatable=True)
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
