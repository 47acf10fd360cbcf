"""Amounts on the wire, where an ILS takes them in the smallest unit of a currency: NCIP (ncip-sip2.md section 1.4), Sierra (sierra.md)."""

from __future__ import annotations

from decimal import Decimal

from bridge.errors import Rejected

PLACES = {
    **dict.fromkeys(
        "BIF CLP DJF GNF ISK JPY KMF KRW PYG RWF UGX UYI VND VUV XAF XOF XPF".split(),  # noqa: SIM905 - shorter to read
        0,
    ),
    **dict.fromkeys(("BHD", "IQD", "JOD", "KWD", "LYD", "OMR", "TND"), 3),
    **dict.fromkeys(("CLF", "UYW"), 4),
}
"""Decimal places of the currencies that have not two (ISO 4217)."""


def minor(amount: Decimal, currency: str = "") -> int:
    """An amount in the smallest unit of its currency, hundredths where none is named.

    Raises ``Rejected`` for a part of one: nothing is charged less or more than asked.
    """
    units = amount.scaleb(PLACES.get(currency.upper(), 2))
    if units != units.to_integral_value():
        told = f"{amount} {currency}".strip()
        said = f"The fee of {told} cannot be charged: it is no whole number of the currency's smallest unit."
        raise Rejected(
            said, cause="refused", advice="Correct the fee at the service or in the policy, or charge it by hand."
        )
    return int(units)
