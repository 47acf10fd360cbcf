"""Koha's REST endpoints, one method each: the only place that speaks HTTP to Koha (koha-wms-spydus.md A.1, A.2; recorded/koha-rest)."""

from __future__ import annotations

import base64
import json
import threading
from collections.abc import Callable, Mapping
from dataclasses import replace
from datetime import datetime, timedelta
from typing import TypeVar
from urllib.parse import urlencode

from pydantic import TypeAdapter, ValidationError

from bridge.connectors.base import Surroundings, http_rules
from bridge.connectors.koha import models as koha
from bridge.connectors.koha.errors import error_of, nonsense, not_ours
from bridge.connectors.koha.settings import KohaSettings
from bridge.errors import CredentialsRejected
from bridge.http import Answer, Sending, lifetime

BASE = "/api/v1"
SOON = timedelta(seconds=60)
"""A token that ends within this is renewed before it is used."""
PAGE = 100
ALL = {"_per_page": "-1"}
"""A list is cut off after twenty rows unless all are asked for."""
M = TypeVar("M", bound=koha.Payload)


def number(name: str) -> str:
    """A record number for a path. Raises ``Rejected`` for what is none."""
    if not name.isascii() or not name.isdigit():
        raise not_ours(f"'{name}' is no record number of Koha's")
    return name


class KohaClient:
    """One Koha over its REST API."""

    def __init__(
        self,
        settings: KohaSettings,
        surroundings: Surroundings,
        sleep: Callable[[float], None],
        now: Callable[[], datetime],
    ) -> None:
        self._settings = settings
        self._now = now
        self._guard = threading.Lock()
        self._token, self._token_until = "", now()
        self._http = surroundings.http(settings.base_url, http_rules(settings), sleep)

    def close(self) -> None:
        """Close connections."""
        self._http.close()

    def patrons(self, field: str, value: str) -> tuple[koha.Patron, ...]:
        """Patrons whose field is exactly this (a field alone matches by part)."""
        return self._list("find the patron", "/patrons", koha.Patron, {field: value, "_match": "exact"})

    def patron(self, patron_id: str) -> koha.Patron:
        """A patron by number. Raises ``Missing``."""
        return self._one("read the patron", f"/patrons/{number(patron_id)}", "/patrons/{id}", koha.Patron)

    def items_with_barcode(self, barcode: str) -> tuple[koha.Item, ...]:
        """The item with exactly this barcode, case ignored."""
        found = self._list("find the item", "/items", koha.Item, {"external_id": barcode, "_match": "exact"})
        return tuple(item for item in found if item.external_id.casefold() == barcode.casefold())

    def items_noted(self, text: str, page: int = 1) -> tuple[koha.Item, ...]:
        """A page of the items in whose non-public note this text stands."""
        asked = json.dumps({"internal_notes": {"-like": f"%{text}%"}})
        return self._list(
            "look for our mark", "/items", koha.Item, {"q": asked, "_page": str(page), "_per_page": str(PAGE)}
        )

    def bibs_noted(self, text: str) -> tuple[koha.Bib, ...]:
        """Biblios in whose note this text stands. Raises ``NoSuchCall`` where this Koha cannot list biblios."""
        asked = json.dumps({"notes": {"-like": f"%{text}%"}})
        return self._list("look for our biblio", "/biblios", koha.Bib, {"q": asked})

    def bib(self, bib_id: str) -> koha.Bib:
        """A biblio. Raises ``Missing``."""
        return self._one("read the biblio", f"/biblios/{number(bib_id)}", "/biblios/{id}", koha.Bib)

    def item(self, item_id: str) -> koha.Item:
        """An item by number. Raises ``Missing``."""
        return self._one("read the item", f"/items/{number(item_id)}", "/items/{id}", koha.Item)

    def create_bib(self, marcxml: bytes) -> str:
        """Make a biblio, however much it looks like another; its number."""
        headers = {"Content-Type": "application/marcxml+xml", "x-confirm-not-duplicate": "1"}
        sending = Sending("POST", f"{BASE}/biblios", "/biblios", body=marcxml, headers=headers)
        return self._parsed("make the biblio", sending, koha.Made).id

    def create_item(self, bib_id: str, body: Mapping[str, object]) -> koha.Item:
        """Make an item. Raises ``BarcodeTaken``, and ``Missing`` where the biblio is gone."""
        path = f"{BASE}/biblios/{number(bib_id)}/items"
        return self._parsed("make the item", _json("POST", path, "/biblios/{id}/items", body), koha.Item)

    def update_item(self, item: koha.Item, body: Mapping[str, object]) -> None:
        """Change these fields of an item; the others keep their value, and doing it twice is doing it once."""
        path = f"{BASE}/biblios/{number(item.biblio_id)}/items/{number(item.item_id)}"
        sending = _json("PUT", path, "/biblios/{id}/items/{id}", body)
        self._parsed("change the item", sending, koha.Item)

    def delete_item(self, item_id: str) -> None:
        """Delete an item. Raises ``Missing``."""
        self._gone("delete the item", f"/items/{number(item_id)}", "/items/{id}")

    def delete_bib(self, bib_id: str) -> None:
        """Delete a biblio that has no items. Raises ``Missing``."""
        self._gone("delete the biblio", f"/biblios/{number(bib_id)}", "/biblios/{id}")

    def place_hold(self, body: Mapping[str, object]) -> koha.Hold:
        """Place a hold. Raises ``AlreadyThere``."""
        return self._parsed("place the hold", _json("POST", f"{BASE}/holds", "/holds", body), koha.Hold)

    def holds_on(self, item_id: str) -> tuple[koha.Hold, ...]:
        """The holds on an item; there is no read of a single one."""
        found = self._list("list the holds", "/holds", koha.Hold, {"item_id": number(item_id), **ALL})
        return tuple(hold for hold in found if hold.item_id == item_id)

    def cancel_hold(self, hold_id: str) -> None:
        """Cancel a hold. Raises ``Missing``."""
        self._gone("cancel the hold", f"/holds/{number(hold_id)}", "/holds/{id}")

    def checkout_of(self, item_id: str) -> koha.Checkout | None:
        """The open loan of an item."""
        asked = json.dumps({"item_id": int(number(item_id))})
        found = self._list("read the loan", "/checkouts", koha.Checkout, {"q": asked})
        return next((loan for loan in found if loan.item_id == item_id and loan.checkin_date is None), None)

    def checkout(self, loan_id: str) -> koha.Checkout:
        """A loan by number, ended or not. Raises ``Missing``."""
        return self._one("read the loan", f"/checkouts/{number(loan_id)}", "/checkouts/{id}", koha.Checkout)

    def renew(self, loan_id: str) -> koha.Checkout:
        """Renew by Koha's rule; a repeat renews again. Raises ``Missing``."""
        path = f"{BASE}/checkouts/{number(loan_id)}/renewals"
        return self._parsed("renew the loan", Sending("POST", path, "/checkouts/{id}/renewals"), koha.Checkout)

    def debits(self, patron_id: str) -> tuple[koha.Debit, ...]:
        """What a patron was charged."""
        path = f"/patrons/{number(patron_id)}/account/debits"
        return self._list("list the charges", path, koha.Debit, ALL, template="/patrons/{id}/account/debits")

    def charge(self, patron_id: str, body: Mapping[str, object]) -> koha.Debit:
        """Charge a patron."""
        path = f"{BASE}/patrons/{number(patron_id)}/account/debits"
        return self._parsed("charge the fee", _json("POST", path, "/patrons/{id}/account/debits", body), koha.Debit)

    def libraries(self) -> tuple[tuple[koha.Library, ...], Answer]:
        """All libraries, with the answer for its clock."""
        sending = _get("/libraries", "/libraries", ALL)
        answer = self._sent("list the libraries", sending)
        return self._rows("list the libraries", answer, koha.Library), answer

    def item_types(self) -> tuple[koha.ItemType, ...]:
        """All item types. Raises ``NoSuchCall`` where this Koha does not list them."""
        return self._list("list the item types", "/item_types", koha.ItemType, ALL)

    def _one(self, doing: str, path: str, template: str, model: type[M]) -> M:
        return self._parsed(doing, _get(path, template, {}), model)

    def _list(
        self, doing: str, path: str, model: type[M], parameters: Mapping[str, str], *, template: str = ""
    ) -> tuple[M, ...]:
        return self._rows(doing, self._sent(doing, _get(path, template or path, parameters)), model)

    @staticmethod
    def _rows(doing: str, answer: Answer, model: type[M]) -> tuple[M, ...]:
        try:
            return tuple(TypeAdapter(list[model]).validate_json(answer.body))  # type: ignore[valid-type]
        except (ValidationError, ValueError) as odd:
            raise nonsense(doing, answer, repeatable=True) from odd

    def _parsed(self, doing: str, sending: Sending, model: type[M]) -> M:
        answer = self._sent(doing, sending)
        try:
            return model.model_validate_json(answer.body)
        except (ValidationError, ValueError) as odd:
            raise nonsense(doing, answer, repeatable=sending.repeatable) from odd

    def _gone(self, doing: str, path: str, template: str) -> None:
        answer = self._sent(doing, Sending("DELETE", BASE + path, template))
        if answer.body.strip() and answer.status == 200:
            raise nonsense(doing, answer, repeatable=False)

    def _sent(self, doing: str, sending: Sending) -> Answer:
        """Send with our log-in; a token that is refused is renewed once, and the call made again, since it was not carried out."""
        token = self._log_in()
        answer = self._http.send(self._let_in(sending, token))
        if answer.status == 401 and self._settings.auth == "oauth2":
            answer = self._http.send(self._let_in(sending, self._log_in(instead_of=token)))
        if not 200 <= answer.status < 300:
            raise error_of(doing, answer, repeatable=sending.repeatable)
        return answer

    def _let_in(self, sending: Sending, authorization: str) -> Sending:
        acting = {"x-koha-library": self._settings.library} if self._settings.library else {}
        headers = {"Accept": "application/json", "Authorization": authorization, **acting, **sending.headers}
        return replace(sending, headers=headers)

    def _log_in(self, instead_of: str = "") -> str:
        """The header that lets us in; a token is got anew where there is none, it ends soon, or it is the refused one."""
        secret = self._settings.secret.get_secret_value()
        if self._settings.auth == "basic":
            return f"Basic {base64.b64encode(f'{self._settings.user}:{secret}'.encode()).decode()}"
        with self._guard:
            held = f"Bearer {self._token}"
            if not self._token or held == instead_of or self._token_until - SOON <= self._now():
                found = self._new_token(secret)
                self._token, self._token_until = found.access_token, self._now() + lifetime(found.expires_in)
            return f"Bearer {self._token}"

    def _new_token(self, secret: str) -> koha.Token:
        """Client credentials for a token; a wrong secret is answered with 403 in a body of its own (recorded/koha-rest, 07)."""
        form = {"grant_type": "client_credentials", "client_id": self._settings.user, "client_secret": secret}
        headers = {"Accept": "application/json", "Content-Type": "application/x-www-form-urlencoded"}
        path = f"{BASE}/oauth/token"
        sending = Sending(
            "POST",
            path,
            "/oauth/token",
            body=urlencode(form).encode(),
            headers=headers,
            repeatable=True,
            transient=True,
        )
        answer = self._http.send(sending)
        if 400 <= answer.status < 500:
            advice = "See to the API key (Manage API keys) and to RESTOAuth2ClientCredentials in Koha."
            raise CredentialsRejected("Koha does not accept the API key.", advice=advice)
        if answer.status != 200:
            raise error_of("log in", answer, repeatable=True)
        try:
            return koha.Token.model_validate_json(answer.body)
        except ValidationError as odd:
            raise nonsense("log in", answer, repeatable=True) from odd


def _get(path: str, template: str, parameters: Mapping[str, str]) -> Sending:
    return Sending("GET", BASE + path, template, params=parameters, repeatable=True)


def _json(method: str, path: str, template: str, body: Mapping[str, object]) -> Sending:
    headers = {"Content-Type": "application/json"}
    octets = json.dumps(body, ensure_ascii=False).encode()
    return Sending(method, path, template, body=octets, headers=headers)
