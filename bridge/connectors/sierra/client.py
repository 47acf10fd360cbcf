"""Sierra's endpoints, one method each: the only place that speaks HTTP to Sierra (sierra.md, sections 2 to 8)."""

from __future__ import annotations

import base64
import json
import threading
from collections.abc import Callable, Mapping
from dataclasses import replace
from datetime import datetime, timedelta
from typing import TypeVar
from urllib.parse import quote

from pydantic import ValidationError

from bridge.connectors.base import Surroundings, http_rules
from bridge.connectors.sierra import models as sierra
from bridge.connectors.sierra.errors import Deleted, Missing, error_of, nonsense, not_ours
from bridge.connectors.sierra.settings import SierraSettings
from bridge.http import Answer, Sending, lifetime

SOON = timedelta(seconds=60)
"""A token that ends within this is renewed before it is used."""
JSON = {"Accept": "application/json", "Accept-Language": "en", "Content-Type": "application/json"}
"""Refusals are told apart by their words, so that they must be English (sierra.md section 2)."""
ITEM_FIELDS = "id,deleted,bibIds,location,status,barcode,holdCount,fixedFields,varFields"
BIB_FIELDS = "id,deleted,varFields"
PATRON_FIELDS = "id,deleted,suppressed,barcodes,patronType,expirationDate,blockInfo,autoBlockInfo,moneyOwed"
HOLD_FIELDS = "id,record,recordType,pickupLocation,status,note"
LOAN_FIELDS = "id,patron,item,barcode,dueDate,numberOfRenewals"
MANY = "1000"
M = TypeVar("M", bound=sierra.Payload)


def number(name: str) -> str:
    """A record number for a path. Raises ``Rejected`` for a virtual record's (``101339@illd``), which is never ours."""
    if not name.isascii() or not name.isdigit():
        raise not_ours(f"Record {name} belongs to another system")
    return name


class SierraClient:
    """One Sierra over its REST API."""

    def __init__(
        self,
        settings: SierraSettings,
        surroundings: Surroundings,
        sleep: Callable[[float], None],
        now: Callable[[], datetime],
    ) -> None:
        self._settings = settings
        self._now = now
        self._v = f"/v{settings.api_version}"
        self._at_once = threading.BoundedSemaphore(settings.parallel)
        self._token_guard = threading.Lock()
        self._token = ""
        self._token_until = now()
        self._http = surroundings.http(settings.base_url, http_rules(settings), sleep)

    def close(self) -> None:
        """Close connections."""
        self._http.close()

    def token_info(self) -> tuple[sierra.TokenInfo, Answer]:
        """What the key may do; also whether Sierra is there."""
        sending = Sending("GET", "/info/token", "/info/token", repeatable=True)
        answer = self._sent("look at the key", sending)
        return self._parsed("look at the key", answer, sierra.TokenInfo, repeatable=True), answer

    def find_patron(self, tag: str, content: str) -> sierra.Patron:
        """The patron whose field holds this content. Raises ``Missing``."""
        parameters = {"varFieldTag": tag, "varFieldContent": content, "fields": PATRON_FIELDS}
        return self._read("find the patron", "/patrons/find", "/patrons/find", sierra.Patron, parameters)

    def patron(self, patron_id: str) -> sierra.Patron:
        """A patron by record number. Raises ``Missing``."""
        path = f"/patrons/{number(patron_id)}"
        return self._read("read the patron", path, "/patrons/{id}", sierra.Patron, {"fields": PATRON_FIELDS})

    def items_by_barcode(self, barcode: str) -> tuple[str, ...]:
        """Record numbers of the items that bear this barcode; there may be several, since it need not be unique."""
        return self._query("/items/query", "item", "b", barcode)

    def bibs_by_mark(self, code: str) -> tuple[str, ...]:
        """Record numbers of the bibs that bear this mark."""
        return self._query("/bibs/query", "bib", self._settings.bib_mark_tag, code)

    def bib(self, bib_id: str) -> sierra.Bib:
        """A bib by its number. Raises ``Missing`` where it is not there, or deleted."""
        path, parameters = f"/bibs/{number(bib_id)}", {"fields": BIB_FIELDS}
        found = self._read("read the bib", path, "/bibs/{id}", sierra.Bib, parameters)
        if found.deleted:
            raise Deleted(f"Bib {bib_id} is deleted.")
        return found

    def item(self, item_id: str, *, transient: bool = False) -> sierra.Item:
        """An item. Raises ``Missing`` where it is not there, or deleted."""
        path, parameters = f"/items/{number(item_id)}", {"fields": ITEM_FIELDS}
        found = self._read("read the item", path, "/items/{id}", sierra.Item, parameters, transient=transient)
        if found.deleted:
            raise Deleted(f"Item {item_id} is deleted.")
        return found

    def items_of(self, bib_id: str) -> tuple[sierra.Item, ...]:
        """The items of a bib that are not deleted."""
        parameters = {"bibIds": number(bib_id), "deleted": "false", "fields": ITEM_FIELDS, "limit": MANY}
        found = self._listed("list the items", "/items", "/items", sierra.Items, parameters)
        return tuple(item for item in found.entries if not item.deleted)

    def items_at(self, locations: tuple[str, ...], offset: int, limit: int) -> tuple[sierra.Item, ...]:
        """Items of these locations, deleted ones left out by Sierra; a page shorter than ``limit`` is the last (sierra.md section 4)."""
        parameters = {"locations": ",".join(locations), "deleted": "false", "fields": ITEM_FIELDS}
        page = {"offset": str(offset), "limit": str(limit)}
        return self._listed("list the items", "/items", "/items", sierra.Items, {**parameters, **page}).entries

    def create_bib(self, body: Mapping[str, object]) -> str:
        """Create a bib; answers its record number."""
        return self._made("create the bib", "/bibs", body)

    def create_item(self, body: Mapping[str, object]) -> str:
        """Create an item; answers its record number."""
        return self._made("create the item", "/items", body)

    def update_item(self, item_id: str, body: Mapping[str, object]) -> None:
        """Change what is named; a tag's group of variable fields is replaced as a whole."""
        path = f"{self._v}/items/{number(item_id)}"
        self._done("change the item", Sending("PUT", path, "/items/{id}", body=_json(body), repeatable=True))

    def delete_item(self, item_id: str) -> None:
        """Delete an item. Raises ``Missing``."""
        path = f"{self._v}/items/{number(item_id)}"
        self._done("delete the item", Sending("DELETE", path, "/items/{id}", repeatable=True))

    def delete_bib(self, bib_id: str) -> None:
        """Delete a bib without items. Raises ``Missing``."""
        path = f"{self._v}/bibs/{number(bib_id)}"
        self._done("delete the bib", Sending("DELETE", path, "/bibs/{id}", repeatable=True))

    def place_hold(self, patron_id: str, body: Mapping[str, object], *, transient: bool = False) -> None:
        """Place a hold; Sierra does not say its id (204)."""
        path, template = f"{self._v}/patrons/{number(patron_id)}/holds/requests", "/patrons/{id}/holds/requests"
        self._done("place the hold", Sending("POST", path, template, body=_json(body), transient=transient))

    def holds(self, patron_id: str) -> tuple[sierra.Hold, ...]:
        """A patron's holds, with their notes."""
        path, parameters = f"/patrons/{number(patron_id)}/holds", {"fields": HOLD_FIELDS, "limit": MANY}
        return self._listed("list the holds", path, "/patrons/{id}/holds", sierra.Holds, parameters).entries

    def cancel_hold(self, hold_id: str) -> None:
        """Cancel this one hold. Raises ``Missing``. (The call that cancels all of a patron's holds does not exist here.)"""
        path = f"{self._v}/patrons/holds/{number(hold_id)}"
        self._done("cancel the hold", Sending("DELETE", path, "/patrons/holds/{holdId}", repeatable=True))

    def check_out(self, item_barcode: str, account: str) -> sierra.CheckedOut:
        """Check an item out to a patron, both by barcode, on the terms of the site's loan rules."""
        body: dict[str, object] = {"itemBarcode": item_barcode, "patronBarcode": account}
        if self._settings.account_pin is not None:
            body["patronPin"] = self._settings.account_pin.get_secret_value()
        if self._settings.statgroup is not None:
            body["statgroup"] = self._settings.statgroup
        sending = Sending("POST", f"{self._v}/patrons/checkout", "/patrons/checkout", body=_json(body))
        answer = self._sent("check out", sending)
        lent = self._parsed("check out", answer, sierra.CheckedOut, repeatable=False)
        if not lent.number.isascii() or not lent.number.isdigit():
            raise nonsense("check out", answer, repeatable=False)
        return lent

    def checkout(self, loan_id: str) -> sierra.Checkout:
        """A loan by its id. Raises ``Missing`` once the item came back."""
        path, template = f"/patrons/checkouts/{number(loan_id)}", "/patrons/checkouts/{checkoutId}"
        return self._read("read the loan", path, template, sierra.Checkout, {"fields": LOAN_FIELDS})

    def item_checkouts(self, item_id: str) -> tuple[sierra.Checkout, ...]:
        """The open loans of an item."""
        path, parameters = f"/items/{number(item_id)}/checkouts", {"fields": LOAN_FIELDS}
        return self._listed("list the loans", path, "/items/{id}/checkouts", sierra.Checkouts, parameters).entries

    def renew(self, loan_id: str) -> sierra.Checkout:
        """Renew a loan by its loan rule."""
        path, template = (
            f"{self._v}/patrons/checkouts/{number(loan_id)}/renewal",
            "/patrons/checkouts/{checkoutId}/renewal",
        )
        parameters = {} if self._settings.statgroup is None else {"statgroup": str(self._settings.statgroup)}
        answer = self._sent("renew", Sending("POST", path, template, params=parameters, body=b""))
        return self._parsed("renew", answer, sierra.Checkout, repeatable=False)

    def check_in(self, barcode: str) -> None:
        """Check an item in by barcode. Raises ``Missing`` where nothing is checked out."""
        path = f"{self._v}/items/checkouts/{safe(barcode)}"
        self._done("check in", Sending("DELETE", path, "/items/checkouts/{barcode}"))

    def fines(self, patron_id: str) -> tuple[sierra.Fine, ...]:
        """A patron's charges."""
        path = f"/patrons/{number(patron_id)}/fines"
        return self._listed("list the fines", path, "/patrons/{id}/fines", sierra.Fines, {"limit": MANY}).entries

    def charge(self, patron_id: str, cents: int, reason: str) -> None:
        """Charge a patron by hand, in cents."""
        body = {"amount": cents, "reason": reason, "location": self._settings.fee_location}
        path, template = f"{self._v}/patrons/{number(patron_id)}/fines/charge", "/patrons/{id}/fines/charge"
        self._done("charge the fee", Sending("POST", path, template, body=_json(body)))

    def pickup_locations(self) -> dict[str, str]:
        """Code → name of the places where holds are picked up."""
        path, doing = "/branches/pickupLocations", "list the pickup locations"
        answer = self._sent(doing, Sending("GET", path, path, repeatable=True))
        try:
            entries = [sierra.Code.model_validate(each) for each in json.loads(answer.body)]
        except (ValueError, TypeError, RecursionError) as odd:
            raise nonsense(doing, answer, repeatable=True) from odd
        return {entry.code: entry.name for entry in entries}

    def _query(self, path: str, kind: str, tag: str, content: str) -> tuple[str, ...]:
        """The query language of Create Lists, by POST; it only reads, so that it may be repeated."""
        expression = {"op": "equals", "operands": [content]}
        body = {"target": {"record": {"type": kind}, "field": {"tag": tag}}, "expr": expression}
        sending = Sending(
            "POST", self._v + path, path, params={"offset": "0", "limit": "10"}, body=_json(body), repeatable=True
        )
        doing = f"look for the {kind}"
        try:
            found = self._parsed(doing, self._sent(doing, sending), sierra.Links, repeatable=True)
        except Missing:
            return ()
        return tuple(entry.link for entry in found.entries if "@" not in entry.link)

    def _made(self, doing: str, path: str, body: Mapping[str, object]) -> str:
        answer = self._sent(doing, Sending("POST", self._v + path, path, body=_json(body)))
        made = self._parsed(doing, answer, sierra.Made, repeatable=False)
        if not made.link.isascii() or not made.link.isdigit():
            raise nonsense(doing, answer, repeatable=False)
        return made.link

    def _read(
        self,
        doing: str,
        path: str,
        template: str,
        model: type[M],
        parameters: Mapping[str, str],
        *,
        transient: bool = False,
    ) -> M:
        sending = Sending("GET", self._v + path, template, params=parameters, repeatable=True, transient=transient)
        return self._parsed(doing, self._sent(doing, sending), model, repeatable=True)

    def _listed(self, doing: str, path: str, template: str, model: type[M], parameters: Mapping[str, str]) -> M:
        """A list; an empty one may be told as 404/107 (sierra.md section 1)."""
        try:
            return self._read(doing, path, template, model, parameters)
        except Missing:
            return model.model_validate({"entries": []})

    def _parsed(self, doing: str, answer: Answer, model: type[M], *, repeatable: bool) -> M:
        try:
            return model.model_validate(json.loads(answer.body))
        except (ValueError, RecursionError, ValidationError) as odd:
            raise nonsense(doing, answer, repeatable=repeatable) from odd

    def _done(self, doing: str, sending: Sending) -> None:
        """Something that succeeds without a word (204); an answer with a body is not Sierra's."""
        answer = self._sent(doing, sending)
        if answer.body.strip():
            raise nonsense(doing, answer, repeatable=sending.repeatable)

    def _sent(self, doing: str, sending: Sending) -> Answer:
        """Send with a token; one that is refused is renewed once, and the call made again, since it was not carried out."""
        path = sending.path if sending.path.startswith(self._v) else self._v + sending.path
        with self._at_once:
            token = self._good_token()
            answer = self._with_token(sending, path, token)
            if answer.status == 401:
                answer = self._with_token(sending, path, self._renewed(token))
        if not 200 <= answer.status < 300:
            raise error_of(doing, answer, repeatable=sending.repeatable)
        return answer

    def _with_token(self, sending: Sending, path: str, token: str) -> Answer:
        headers = {**JSON, "Authorization": f"Bearer {token}"}
        return self._http.send(replace(sending, path=path, headers=headers))

    def _good_token(self) -> str:
        with self._token_guard:
            if not self._token or self._token_until - SOON <= self._now():
                self._log_in()
            return self._token

    def _renewed(self, refused: str) -> str:
        """A new token, unless another thread got one since this one was refused."""
        with self._token_guard:
            if self._token == refused:
                self._log_in()
            return self._token

    def _log_in(self) -> None:
        """Client credentials for a token; there are no refresh tokens (sierra.md section 2)."""
        pair = f"{self._settings.key}:{self._settings.secret.get_secret_value()}".encode()
        headers = {
            "Authorization": f"Basic {base64.b64encode(pair).decode()}",
            "Accept": "application/json",
            "Content-Type": "application/x-www-form-urlencoded",
        }
        sending = Sending(
            "POST",
            f"{self._v}/token",
            "/token",
            body=b"grant_type=client_credentials",
            headers=headers,
            repeatable=True,
            transient=True,
        )
        answer = self._http.send(sending)
        if not 200 <= answer.status < 300:
            raise error_of("log in", answer, repeatable=True)
        token = self._parsed("log in", answer, sierra.Token, repeatable=True)
        self._token = token.access_token
        self._token_until = self._now() + lifetime(token.expires_in)


def safe(part: str) -> str:
    """A value as one piece of a path."""
    return quote(part, safe="")


def _json(body: Mapping[str, object]) -> bytes:
    return json.dumps(body, ensure_ascii=False).encode()
