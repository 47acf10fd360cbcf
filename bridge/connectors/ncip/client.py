"""One responder: messages out, answers in, our errors raised."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from bridge.connectors.base import Surroundings
from bridge.connectors.ncip import messages as say
from bridge.connectors.ncip.building import build
from bridge.connectors.ncip.dialects import Dialect
from bridge.connectors.ncip.envelope import Envelope
from bridge.connectors.ncip.errors import by_status, not_read, refusal
from bridge.connectors.ncip.problems import meaning_of
from bridge.connectors.ncip.reading import NoAnswer, Node, read
from bridge.connectors.ncip.settings import NcipBase
from bridge.connectors.ncip.transport import Transport, transport_to
from bridge.http import Answer, moment_of

LOOKS = (say.LookupUser, say.LookupItem)
"""What may be asked as often as one likes."""


@dataclass(frozen=True)
class Names:
    """How users, items and requests are named to a responder."""

    dialect: Dialect
    user_agency: str
    item_agency: str
    request_agency: str

    def user(self, value: str, prefix: str = "") -> say.Id:
        """A patron."""
        return say.Id(prefix + value, self.user_agency, self.dialect.user_kind)

    def account(self, value: str) -> say.Id:
        """The account of a library things are lent to."""
        agency = "" if self.dialect.account_kind != self.dialect.user_kind else self.user_agency
        return say.Id(value, agency, self.dialect.account_kind)

    def item(self, value: str) -> say.Id:
        """An item, as it is named wherever it is not made."""
        return say.Id(value, self.item_agency if self.dialect.item_agency else "", self.dialect.item_kind)

    def new_item(self, value: str) -> say.Id:
        """An item that is to be made."""
        return say.Id(value, self.item_agency, self.dialect.item_kind)

    def request(self, value: str) -> say.Id:
        """A request, ours or as the responder numbered it."""
        return say.Id(
            value,
            "" if self.dialect.request_kind == "ILL Request Id" else self.request_agency,
            self.dialect.request_kind,
        )


def names_of(settings: NcipBase) -> Names:
    """How these settings name things."""
    return Names(
        dialect=settings.spoken(),
        user_agency=settings.user_agency or settings.to_agency,
        item_agency=settings.item_agency or settings.to_agency,
        request_agency=settings.request_agency or settings.from_agency,
    )


class NcipClient:
    """Safe to use from several threads."""

    def __init__(
        self,
        settings: NcipBase,
        transport: Transport,
        now: Callable[[], datetime],
        refused: Callable[[], bool] = lambda: False,
    ) -> None:
        self.dialect = settings.spoken()
        self.names = names_of(settings)
        self.zone = settings.timezone
        self._envelope = settings.envelope()
        self._transport = transport
        self._now = now
        self._refused = refused

    def ask(self, message: say.Message, *, to_agency: str = "", transient: bool = False) -> Node:
        """The body of the answer. Raises ``Refused`` for a problem the verb knows about, and our errors as ``Connector`` has them."""
        answer = self._sent(message, to_agency, transient=transient)
        repeatable, name = isinstance(message, LOOKS), say.name_of(message)
        if answer.status >= 400:
            raise by_status(name, answer, repeatable=repeatable)
        try:
            found = read(answer.body, name)
        except NoAnswer as none:
            raise not_read(name, str(none), repeatable=repeatable) from none
        if found.problems:
            raise refusal(name, found.problems, meaning_of(found.problems, self.dialect.problems))
        return found.body

    def _sent(self, message: say.Message, to_agency: str, *, transient: bool = False) -> Answer:
        """A token that was not taken is renewed once: nothing was done then."""
        name, body = say.name_of(message), build(message, self._enveloped(to_agency))
        repeatable = isinstance(message, LOOKS)
        answer = self._transport.send(name, body, repeatable=repeatable, transient=transient)
        if answer.status == 401 and self._refused():
            answer = self._transport.send(name, body, repeatable=repeatable, transient=True)
        return answer

    def _enveloped(self, to_agency: str) -> Envelope:
        return replace(self._envelope, to_agency=to_agency) if to_agency else self._envelope

    def reach(self, message: say.Message) -> None:
        """Ask, whatever the answer says. Raises our error for a status above 399, and where there is no answer at all."""
        answer = self._sent(message, "")
        if answer.status >= 400:
            raise by_status(say.name_of(message), answer, repeatable=isinstance(message, LOOKS))

    def clock(self, message: say.Message) -> timedelta | None:
        """How far the responder's clock is ahead, asked by a message whose answer does not matter; ``None`` where it does not tell."""
        moment = moment_of(self._sent(message, ""))
        return moment - self._now() if moment is not None else None

    def now(self) -> datetime:
        """The present moment in UTC."""
        return self._now()

    def close(self) -> None:
        """Close connections."""
        self._transport.close()


Wait = Callable[[float], None]


def transport_of(
    settings: NcipBase,
    surroundings: Surroundings,
    sleep: Wait = time.sleep,
    headers: Callable[[], dict[str, str]] = dict,
) -> Transport:
    """The way to the responder of these settings."""
    dialect = settings.spoken()
    return transport_to(
        settings.address,
        name=surroundings.ils,
        pace=surroundings.pace,
        tell=surroundings.tell,
        rules=settings.rules,
        content_type=dialect.content_type,
        as_http=dialect.as_http,
        sleep=sleep,
        headers=headers,
    )
