"""Settings of the Symphony connector."""

from __future__ import annotations

import re
from typing import Literal, Self

from pydantic import BaseModel, ConfigDict, Field, SecretStr, field_validator, model_validator

from bridge.values import Address, ZoneName

LOOKUP = re.compile(r"barcode|alternateID|search:[A-Za-z0-9_|]+")


class SymphonySettings(BaseModel):
    """How to reach a Symphony, and its codes."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    base_url: Address = Field(
        description="Address of Symphony Web Services as the vendor gave it, with /v1 behind it where this site wants that.",
        examples=["https://symphony.example.org/symws"],
    )
    client_id: str = Field(
        min_length=1, description="Client id, one that is defined as a staff interface.", examples=["ILLBRIDGE"]
    )
    app_id: str = Field(
        default="ill-bridge",
        min_length=1,
        description="How the bridge names itself to Symphony.",
        examples=["ill-bridge"],
    )
    login: str = Field(min_length=1, description="Staff user that the bridge logs in as.", examples=["ILLBRIDGE"])
    password: SecretStr = Field(min_length=1, description="Password of that user.", examples=["a long random password"])
    library: str = Field(
        min_length=1,
        description="Library (code) at which the bridge works where neither item nor place says which.",
        examples=["MAIN"],
    )
    timezone: ZoneName = Field(
        description="Zone (IANA) in which a due date's day is read.", examples=["America/New_York"]
    )
    form: Literal["v1", "v2"] = Field(
        default="v1", description="JSON form of all calls but the one that makes a bib; both are read.", examples=["v1"]
    )
    bib_form: Literal["v1", "v2"] = Field(
        default="v2", description="JSON form of the call that makes a bib; only v2 has been seen.", examples=["v2"]
    )
    patron_lookups: tuple[str, ...] = Field(
        default=("barcode", "alternateID"),
        min_length=1,
        description="How a patron's identifier is looked up, in this order: barcode, alternateID, or search:INDEX.",
        examples=[["barcode", "search:webAuthID"]],
    )
    refused_standings: tuple[str, ...] = Field(
        default=("BLOCKED", "BARRED", "COLLECTION", "REVIEW", "EXCLUDED"),
        description="Standings of patrons who may not borrow; DELINQUENT may, unless it is named here.",
        examples=[["BLOCKED", "BARRED"]],
    )
    overrides: tuple[str, ...] = Field(
        default=(),
        description="Rules that the bridge overrides, by prompt type; what is not named here is never overridden.",
        examples=[["HOLD_NO_HOLDS_OVRCD"]],
    )
    second_charge_overrides: tuple[str, ...] = Field(
        default=(),
        description="Rules that the bridge overrides besides, only where it charges an item to a patron while the ILL account's charge "
        "stands (in-system loans).",
        examples=[["CKOBLOCKS"]],
    )
    override_code: SecretStr | None = Field(
        default=None, description="The operator's override code, which most overrides want.", examples=["a code"]
    )
    suppress_by: Literal["location", "record"] = Field(
        default="location",
        description="How borrowed items are hidden from the public: location: theirs is shadowed by policy; record: each bib is shadowed, "
        "which may keep holds off it.",
        examples=["location"],
    )
    catalog_format: str = Field(
        default="MARC", min_length=1, description="Format of temporary bibs.", examples=["MARC"]
    )
    classification: str = Field(
        default="LC", min_length=1, description="Classification of temporary call numbers.", examples=["LC"]
    )
    mark_tag: str = Field(
        default="910",
        pattern="^[0-9]{3}$",
        description="MARC tag of temporary bibs that carries our mark.",
        examples=["910"],
    )
    search_index: str = Field(
        default="GENERAL",
        description="Index by which bibs are found by our mark; empty: the audit cannot look for what bears marks.",
        examples=["GENERAL"],
    )
    note_code: str = Field(
        default="CIRCNOTE",
        description="Code of the items' custom information for notes to the desk; empty: this site has none.",
        examples=["CIRCNOTE"],
    )
    public_note_code: str = Field(
        default="PUBLIC", description="The same for notes that everybody may read.", examples=["PUBLIC"]
    )
    hold_range: str = Field(default="SYSTEM", min_length=1, description="Range of holds.", examples=["SYSTEM"])
    hold_role: Literal["STAFF", "PATRON"] = Field(
        default="STAFF", description="Whose rules apply to holds that the bridge places.", examples=["STAFF"]
    )
    hold_days: int = Field(
        default=90,
        ge=0,
        le=3650,
        description="Days until a hold is not needed any more (fillByDate); 0: never.",
        examples=[90],
    )
    trap_holds: bool = Field(
        default=False,
        description="Check the borrowed item in at the pickup library once its hold is placed, so that Symphony tells the patron at once. "
        "Off: the desk does so when the item lies there.",
        examples=[False],
    )
    renew_loans: bool = Field(
        default=True,
        description="A renewal of a lent item renews Symphony's loan, with the date asked for. Off: only the date is written, which uses "
        "no renewal and one call more.",
        examples=[True],
    )
    deleting: Literal["delete", "discard", "staff"] = Field(
        default="delete",
        description="How borrowed items go. delete: item, call number and bib are deleted (no public source shows that call); discard: "
        "they are charged to `discard_account`, whose items a report of Symphony's purges; staff: a task for staff.",
        examples=["delete"],
    )
    discard_account: str = Field(
        default="",
        description='Barcode of the pseudo-user of discarded items, for `deleting = "discard"`.',
        examples=["DISCARD"],
    )
    lost_action: str = Field(
        default="",
        pattern="^[A-Za-z]*$",
        description="Action of circRecord that marks a loan as lost, where this site has one (none is known); empty: a task for staff.",
        examples=[""],
    )
    charged_locations: tuple[str, ...] = Field(
        default=("CHECKEDOUT",),
        description="Locations that say that somebody has an item. Where one is in such a place and no charge of it is shown, nobody is "
        "taken to have brought it back; name the checkout locations of ILL accounts, too, where items are nowhere else without a charge.",
        examples=[["CHECKEDOUT"]],
    )
    lost_locations: tuple[str, ...] = Field(
        default=("LOST-CLAIM", "LOST-ASSUM"),
        description="Locations that say that an item is lost.",
        examples=[["LOST-CLAIM"]],
    )
    charge_fees: bool = Field(
        default=False,
        description="Bill fees by API; no public source shows that call. Off: fees are a task for staff.",
        examples=[False],
    )
    fee_reason: str = Field(
        default="", description="Reason of bills where the library's policy names none.", examples=["ILLFEE"]
    )
    currency: str = Field(
        default="USD",
        pattern="^[A-Z]{3}$",
        description="Currency of bills where the request names none.",
        examples=["USD"],
    )
    untransit_path: Literal["/circulation/transit/untransit", "/circulation/untransit"] = Field(
        default="/circulation/transit/untransit",
        description="Where items in transit are received; it differs by version.",
        examples=["/circulation/transit/untransit"],
    )
    parallel: int = Field(default=4, ge=1, le=16, description="Calls at once.", examples=[4])
    busy_tries: int = Field(default=5, ge=1, le=10, description="Tries while a record is in use (116).", examples=[5])
    busy_wait: float = Field(
        default=0.5,
        ge=0,
        le=4,
        description="Seconds before the second of these tries; each later wait is longer.",
        examples=[0.5],
    )
    index_tries: int = Field(
        default=3,
        ge=1,
        le=10,
        description="Searches for a bib that was made a moment ago, which the index may not know yet.",
        examples=[3],
    )
    index_wait: float = Field(default=2.0, ge=0, le=4, description="Seconds between them.", examples=[2.0])
    connect_timeout: float = Field(default=5.0, gt=0, description="Seconds to wait for a connection.", examples=[5.0])
    read_timeout: float = Field(default=30.0, gt=0, description="Seconds to wait for an answer.", examples=[30.0])
    first_wait: float = Field(
        default=0.5, ge=0, description="Seconds before the first repeat within one call.", examples=[0.5]
    )
    ca_file: str | None = Field(
        default=None,
        description="CA certificates to trust instead of the system's.",
        examples=["/etc/ssl/symphony.pem"],
    )

    @field_validator("patron_lookups")
    @classmethod
    def _known_lookups(cls, value: tuple[str, ...]) -> tuple[str, ...]:
        for each in value:
            if not LOOKUP.fullmatch(each):
                raise ValueError(f"'{each}' must be barcode, alternateID, or search:INDEX")
        return value

    @model_validator(mode="after")
    def _somebody_to_discard_to(self) -> Self:
        if self.deleting == "discard" and not self.discard_account:
            raise ValueError('deleting = "discard" needs discard_account')
        return self
