"""Settings of a connector over NCIP: what all of them have, and those of the generic one."""

from __future__ import annotations

from dataclasses import replace
from typing import Any, Literal
from urllib.parse import urlsplit

from pydantic import BaseModel, ConfigDict, Field, SecretStr, field_validator

from bridge.connectors.ncip.dialects import DIALECTS, GENERIC, Deletes, Dialect, Renews, Sees
from bridge.connectors.ncip.envelope import Envelope, Version
from bridge.http import HttpRules
from bridge.values import ZoneName

BY_DIALECT = "None: as the dialect has it."


class NcipBase(BaseModel):
    """How to reach an NCIP responder."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    url: str = Field(
        description="Address of the responder: https:// (or http://), or tcp://host:port and tls://host:port for a bare connection.",
        examples=["https://ils.example.org/ncip"],
    )
    api_key: SecretStr | None = Field(
        default=None,
        description="Key that goes behind the address as its last part (edge-ncip, Koha); never logged.",
        examples=["a long random key"],
    )
    timezone: ZoneName = Field(
        description="Zone (IANA) in which a due date's day is meant.", examples=["America/Chicago"]
    )
    from_agency: str = Field(default="", description="FromAgencyId: who we are to the responder.", examples=["ILL"])
    to_agency: str = Field(default="", description="ToAgencyId: the library.", examples=["MYLIB"])
    item_agency: str = Field(default="", description="AgencyId of items; empty: to_agency.", examples=["MYLIB"])
    user_agency: str = Field(
        default="", description="AgencyId of patrons and ILL accounts; empty: to_agency.", examples=["MYLIB"]
    )
    request_agency: str = Field(default="", description="AgencyId of requests; empty: from_agency.", examples=["ILL"])
    password: SecretStr | None = Field(
        default=None, description="FromAgencyAuthentication, where the responder wants one.", examples=["a password"]
    )
    accept_user_prefix: str = Field(
        default="",
        description="What stands before a patron's barcode in AcceptItem (Innovative's index letter b).",
        examples=["b"],
    )
    looks: Literal["item", "user", "nothing"] | None = Field(
        default=None,
        description="How the bridge sees what became of a step: item (LookupItem answers), user (LookupUser lists loans and requests), "
        f"nothing. {BY_DIALECT}",
        examples=["user"],
    )
    cancels: bool | None = Field(
        default=None, description=f"CancelRequestItem works; else staff cancel holds. {BY_DIALECT}", examples=[True]
    )
    requests_items: bool | None = Field(
        default=None,
        description=f"RequestItem takes an item's barcode; else staff place later holds. {BY_DIALECT}",
        examples=[True],
    )
    renews: Literal["exact", "policy", "no"] | None = Field(
        default=None,
        description="RenewItem: exact (takes the date asked for), policy (gives its own), no (staff set due dates). "
        + BY_DIALECT,
        examples=["policy"],
    )
    deletes: Literal["message", "check_in", "staff"] | None = Field(
        default=None,
        description="How temporary items go: message (DeleteItem), check_in (the ILS is known to remove them by itself then), staff. "
        + BY_DIALECT,
        examples=["staff"],
    )
    mark_in_call_number: bool | None = Field(
        default=None,
        description="Our mark goes before the temporary item's call number, where LookupItem shows it again. "
        + BY_DIALECT,
        examples=[True],
    )
    charge_fees: bool = Field(
        default=False,
        description="Charge fees by CreateUserFiscalTransaction; off: a task for staff. A fee whose charging ended unclearly is for staff "
        "where LookupUser does not list fees.",
        examples=[False],
    )
    currency: str = Field(
        default="USD", pattern="^[A-Z]{3}$", description="Currency (ISO 4217) of fees that name none.", examples=["EUR"]
    )
    content_type: str = Field(
        default="", description="Content-Type of messages; empty: as the dialect has it.", examples=["text/xml"]
    )
    probe_user: str = Field(
        default="ill-bridge-probe",
        min_length=1,
        description="A user who is looked up to see whether the responder answers; need not exist.",
        examples=["ILL-TEST"],
    )
    connect_timeout: float = Field(default=5.0, gt=0, description="Seconds to wait for a connection.", examples=[5.0])
    read_timeout: float = Field(
        default=60.0, gt=0, description="Seconds to wait for an answer; AcceptItem may take long.", examples=[60.0]
    )
    first_wait: float = Field(
        default=0.5, ge=0, description="Seconds before the first repeat within one call.", examples=[0.5]
    )
    ca_file: str | None = Field(
        default=None, description="CA certificates to trust instead of the system's.", examples=["/etc/ssl/ils.pem"]
    )

    @field_validator("url")
    @classmethod
    def _an_address(cls, value: str) -> str:
        parts = urlsplit(value)
        bare = parts.scheme in {"tcp", "tls"}
        if parts.scheme not in {"http", "https", "tcp", "tls"} or not parts.hostname or parts.query:
            raise ValueError("must be an address that begins with https://, tcp:// or tls://")
        if bare and parts.port is None:
            raise ValueError("must name a port")
        return value.rstrip("/")

    @property
    def address(self) -> str:
        """Where messages go, the key behind it where there is one."""
        return f"{self.url}/{self.api_key.get_secret_value()}" if self.api_key else self.url

    @property
    def rules(self) -> HttpRules:
        """Time-outs and tries."""
        return HttpRules(
            connect_timeout=self.connect_timeout,
            read_timeout=self.read_timeout,
            whole_timeout=max(120.0, self.read_timeout * 2),
            first_wait=self.first_wait,
            ca_file=self.ca_file,
        )

    def basis(self) -> Dialect:
        """The dialect before what is set here."""
        return GENERIC

    def spoken(self) -> Dialect:
        """The dialect with what is set here in the place of its own."""
        basis = self.basis()
        changes: dict[str, Any] = {
            "sees": Sees(self.looks) if self.looks else None,
            "names_borrowers": {"user": True, "nothing": False}.get(self.looks or ""),
            "cancels": self.cancels,
            "requests_items": self.requests_items,
            "renews": Renews(self.renews) if self.renews else None,
            "deletes": Deletes(self.deletes) if self.deletes else None,
            "mark_in_call_number": self.mark_in_call_number,
            "content_type": self.content_type or None,
            "charges": self.charge_fees,
        }
        return replace(basis, **{name: value for name, value in changes.items() if value is not None})

    def envelope(self) -> Envelope:
        """What stands around every message."""
        dialect = self.spoken()
        return Envelope(
            version=dialect.version,
            from_agency=self.from_agency,
            to_agency=self.to_agency,
            to_system=dialect.to_system,
            profile=dialect.profile,
            password=self.password.get_secret_value() if self.password else "",
            prefix=dialect.prefix,
            schemes=dialect.schemes,
        )


class NcipSettings(NcipBase):
    """Any NCIP responder, by the table of a known ILS or the generic one, with everything it does otherwise set here."""

    dialect: Literal["generic", "koha", "sierra", "symphony", "alma", "polaris", "evergreen", "aleph", "voyager"] = (
        Field(
            default="generic",
            description="Whose NCIP it is; its table is the basis of what is not set here.",
            examples=["polaris"],
        )
    )
    version: Literal["1.0", "2.0", "2.01", "2.02"] | None = Field(
        default=None, description=f"Version of the protocol. {BY_DIALECT}", examples=["2.02"]
    )
    prefix: str | None = Field(
        default=None,
        description=f"Namespace prefix of elements; empty: none, the default namespace. {BY_DIALECT}",
        examples=["ns1"],
    )
    profile: str = Field(default="", description="ApplicationProfileType, where one was agreed.", examples=["EZBORROW"])
    from_system: str = Field(default="", description="FromSystemId, where the responder wants one.", examples=["ILLB"])
    agency_scheme: str = Field(
        default="",
        description="Scheme of agency ids, where the responder minds it.",
        examples=["http://www.tlcdelivers.com/ncip/schemes/uniqueagencyid.scm"],
    )
    request_type: str = Field(default="", description="RequestType; empty: as the dialect has it.", examples=["Page"])
    request_scope: str = Field(
        default="", description="RequestScopeType; empty: as the dialect has it.", examples=["Title"]
    )
    user_id_type: str | None = Field(
        default=None, description=f"UserIdentifierType. {BY_DIALECT}", examples=["Barcode Id"]
    )
    item_id_type: str | None = Field(
        default=None, description=f"ItemIdentifierType. {BY_DIALECT}", examples=["Barcode Id"]
    )
    pickup_in_to_agency: bool | None = Field(
        default=None, description=f"The pickup location goes into ToAgencyId. {BY_DIALECT}", examples=[True]
    )
    check_out_exact: bool | None = Field(
        default=None, description=f"A check-out takes the due date asked for. {BY_DIALECT}", examples=[True]
    )
    barcode_unique: bool | None = Field(
        default=None,
        description=f"The ILS is known to refuse a second item with a barcode, so that none is looked for first. {BY_DIALECT}",
        examples=[False],
    )

    def basis(self) -> Dialect:
        """The dialect named, with its words changed."""
        changes: dict[str, Any] = {
            "version": Version(self.version) if self.version else None,
            "prefix": self.prefix,
            "profile": self.profile or None,
            "request_type": self.request_type or None,
            "scope": self.request_scope or None,
            "user_kind": self.user_id_type,
            "account_kind": self.user_id_type,
            "item_kind": self.item_id_type,
            "pickup_in_to_agency": self.pickup_in_to_agency,
            "check_out_exact": self.check_out_exact,
            "barcode_unique": self.barcode_unique,
        }
        return replace(DIALECTS[self.dialect], **{name: value for name, value in changes.items() if value is not None})

    def envelope(self) -> Envelope:
        """What stands around every message."""
        return replace(super().envelope(), from_system=self.from_system, agency_scheme=self.agency_scheme)
