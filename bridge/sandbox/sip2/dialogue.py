"""One SIP2 conversation: log-in first, then question and answer (observed-on-running-systems.md, Koha 23.05 SIP2)."""

from datetime import datetime
from typing import TYPE_CHECKING

from bridge.sandbox.sip2.desk import Desk, LoanMade
from bridge.sandbox.sip2.wire import Asked, Garbage, fields, read, when, written

if TYPE_CHECKING:
    from bridge.sandbox.sip2.server import Habits

NOT_UNDERSTOOD = "96"


class Hung(Exception):
    """The server hangs up without an answer."""


class Dialogue:
    """What a server remembers of one connection."""

    def __init__(self, desk: Desk, habits: "Habits") -> None:
        self._desk = desk
        self._habits = habits
        self._in = not habits.login
        self._refused = False
        self._last = ""

    def answer(self, line: bytes) -> bytes:
        """The answer to one line, without its end. Raises Hung."""
        try:
            asked = read(line, self._habits.charset)
        except Garbage as garbage:
            if not self._in:
                raise Hung from garbage
            return written(NOT_UNDERSTOOD, "", self._habits.charset, checked=garbage.checked)
        if self._refused or (not self._in and asked.code != "93"):
            raise Hung
        if asked.code == "97":
            return written(self._last, "0", self._habits.charset, checked=True)
        self._last = self._body(asked)
        return written(self._last, asked.sequence, self._habits.charset, checked=asked.checked)

    def _body(self, asked: Asked) -> str:
        answers = {
            "93": self._log_in,
            "99": self._status,
            "63": self._patron,
            "17": self._item,
            "11": self._check_out,
            "09": self._check_in,
            "29": self._renew,
            "15": self._hold,
            "37": self._pay,
        }
        if asked.code not in answers:
            return NOT_UNDERSTOOD
        return answers[asked.code](asked)

    @property
    def _now(self) -> str:
        return when(self._desk.now())

    def _log_in(self, asked: Asked) -> str:
        own = self._habits
        self._in = (asked.fields.get("CN"), asked.fields.get("CO")) == (own.login, own.password)
        self._refused = not self._in
        return f"94{int(self._in)}"

    def _status(self, _asked: Asked) -> str:
        own = self._habits
        named = fields(("AO", own.institution), ("AM", "Sandbox"), ("BX", own.supports))
        return f"98YYYNYN030003{self._now}2.00{named}"

    def _patron(self, asked: Asked) -> str:
        number = asked.fields.get("AA", "")
        found = self._desk.patron(number)
        if found is None:
            named = fields(
                ("AO", self._habits.institution),
                ("AA", number),
                ("AE", ""),
                ("BL", "N" if self._habits.tells_unknown else "Y"),
            )
            return f"64{'YYYY':14}001{self._now}{'0' * 24}{named}AFInvalid cardnumber|"
        marks = ("YYYY" if found.denied else "    ").ljust(10) + ("YY  " if found.fines else "    ")
        counts = f"{len(found.held):04}0000{len(found.charged):04}000000000000"
        listed = found.charged[: self._habits.lists_at_most]
        lists = "".join(f"AU{each}|" for each in listed) if asked.fixed[23:24] == "Y" else ""
        lists += "".join(f"AS{each}|" for each in found.held) if asked.fixed[21:22] == "Y" else ""
        named = fields(
            ("AO", self._habits.institution),
            ("AA", found.patron_id),
            ("AE", found.name),
            ("BL", "Y"),
            ("PA", found.expires or None),
            ("AF", found.words or None),
        )
        return f"64{marks}001{self._now}{counts}{lists}{named}"

    def _item(self, asked: Asked) -> str:
        barcode = asked.fields.get("AB", "")
        found = self._desk.item(barcode)
        if found is None:
            return f"18010101{self._now}{fields(('AB', barcode), ('AJ', ''))}"
        named = fields(
            ("AB", found.barcode),
            ("AJ", found.title),
            ("AQ", found.home),
            ("BG", found.home),
            ("CF", str(found.queue) if found.queue else None),
            ("AH", when(found.due) if found.due else None),
        )
        return f"18{found.circulation}0201{self._now}{named}"

    def _check_out(self, asked: Asked) -> str:
        patron, barcode = asked.fields.get("AA", ""), asked.fields.get("AB", "")
        item = self._desk.item(barcode)
        if self._desk.patron(patron) is None:
            made = LoanMade(ok=False, words="Invalid patron")
        elif item is None:
            made = LoanMade(ok=False, words="Invalid Item")
        else:
            wanted = _moment(asked.fixed[20:38])
            made = self._desk.check_out(patron, barcode, wanted, no_block=asked.fixed[1:2] == "Y")
        return self._loan("12", asked, made)

    def _renew(self, asked: Asked) -> str:
        patron, barcode = asked.fields.get("AA", ""), asked.fields.get("AB", "")
        if self._desk.patron(patron) is None or self._desk.item(barcode) is None:
            made = LoanMade(ok=False, words="Item not checked out to this user")
        else:
            made = self._desk.renew(patron, barcode)
        return f"{self._loan('30', asked, made)}CK|"

    def _loan(self, code: str, asked: Asked, made: LoanMade) -> str:
        item = self._desk.item(asked.fields.get("AB", ""))
        named = fields(
            ("AO", self._habits.institution),
            ("AA", asked.fields.get("AA", "")),
            ("AB", asked.fields.get("AB", "")),
            ("AJ", item.title if item else ""),
            ("AH", when(made.due) if made.due else ""),
            ("AF", made.words or None),
        )
        flags = f"{int(made.ok)}{'Y' if made.renewed else 'N'}{'N' if made.ok else 'U'}{'Y' if made.ok else 'N'}"
        return f"{code}{flags}{self._now}{named}"

    def _check_in(self, asked: Asked) -> str:
        barcode = asked.fields.get("AB", "")
        item = self._desk.item(barcode)
        own = ("AO", self._habits.institution), ("AB", barcode)
        if item is None:
            return f"100NUY{self._now}{fields(*own, ('AQ', ''), ('CV', '99'), ('AF', 'Invalid Item'))}"
        taken = self._desk.check_in(barcode, asked.fields.get("AP", ""))
        ok = taken.ok or self._habits.checked_in_ok
        alert = bool(taken.alert) or not ok
        named = fields(
            *own,
            ("AQ", item.home),
            ("AJ", item.title),
            ("AA", taken.had or None),
            ("CY", taken.held_for or None),
            ("CT", taken.destination or None),
            ("DA", taken.held_for_name or None),
            ("CV", taken.alert or None),
            ("AF", None if ok else taken.words or "Item not checked out"),
        )
        return f"10{int(ok)}YN{'Y' if alert else 'N'}{self._now}{named}"

    def _hold(self, asked: Asked) -> str:
        patron, barcode = asked.fields.get("AA", ""), asked.fields.get("AB", "")
        if asked.fixed[:1] not in {"+", "-"}:
            raise Hung
        if self._desk.patron(patron) is None or self._desk.item(barcode) is None:
            why = "No such item or patron"
        else:
            why = self._desk.hold(patron, barcode, asked.fields.get("BS", ""), add=asked.fixed[:1] == "+")
        named = fields(("AO", self._habits.institution), ("AA", patron), ("AB", barcode), ("AF", why or None))
        return f"16{int(not why)}N{self._now}{named}"

    def _pay(self, asked: Asked) -> str:
        patron = asked.fields.get("AA", "")
        if self._desk.patron(patron) is None:
            if self._habits.kills_on_unknown_payer:
                raise Hung
            return f"38N{self._now}{fields(('AA', patron))}"
        self._desk.pay(patron, asked.fields.get("BV", ""))
        return f"38Y{self._now}{fields(('AA', patron))}"


def _moment(text: str) -> datetime | None:
    """A due date that was sent; none where it is blank."""
    digits = text[:8] + text[12:18]
    return datetime.strptime(digits, "%Y%m%d%H%M%S") if digits.strip() else None  # noqa: DTZ007 - local time, as the protocol has it
