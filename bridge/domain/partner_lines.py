"""Which lines of a history another library may read: what became of the loan in our ILS, nothing of patrons, accounts or troubles."""

from __future__ import annotations

import re
from collections.abc import Mapping

from bridge.domain import commands as do
from bridge.domain.identity import Role
from bridge.domain.sentences import DONE

TOLD: Mapping[Role, tuple[type[do.Command], ...]] = {
    Role.LENDER: (do.CheckOut, do.SetDueDate, do.CheckIn, do.MarkLost, do.MarkFound),
    Role.BORROWER: (do.CheckIn,),
}
"""What of our side is the other library's business. A borrower's due date is the patron's, and its items are of no use elsewhere."""
_ACCOUNT = " to {account}"


def for_partner(line: str, role: Role) -> str:
    """The line as the other library may read it, without the account; empty for what is not its business.

    Only sentences that tell of a step that was done: whatever an ILS says of a failure stands in others.
    """
    for command in TOLD[role]:
        found = _pattern(DONE[command]).fullmatch(line)
        if found:
            return DONE[command].replace(_ACCOUNT, "").format(**found.groupdict())
    return ""


def _pattern(template: str) -> re.Pattern[str]:
    parts = re.split(r"\{(\w+)\}", template)
    said = (f"(?P<{part}>.+?)" if place % 2 else re.escape(part) for place, part in enumerate(parts))
    return re.compile("".join(said))
