"""Settings of the Sierra connector."""

from __future__ import annotations

from typing import Literal

from pydantic import BaseModel, ConfigDict, Field, SecretStr

from bridge.values import Address, ZoneName


class SierraSettings(BaseModel):
    """How to reach a Sierra, and its codes."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    base_url: Address = Field(
        description="Address of the REST API without the version.",
        examples=["https://sierra.example.org/iii/sierra-api"],
    )
    key: str = Field(min_length=1, description="Key of the API client (Sierra Admin, Sierra API Keys).", examples=["…"])
    secret: SecretStr = Field(min_length=1, description="Secret of that key.", examples=["a long random secret"])
    timezone: ZoneName = Field(
        description="Zone (IANA) in which a due date's day is read.", examples=["America/Chicago"]
    )
    api_version: Literal[5, 6] = Field(
        default=6, description="Version in the path; with 5 nothing can be checked out or in by API.", examples=[6]
    )
    patron_tags: tuple[str, ...] = Field(
        default=("b", "u"),
        min_length=1,
        description="Field tags in which a patron's identifier is looked for, in this order.",
        examples=[["b", "u"]],
    )
    account_pin: SecretStr | None = Field(
        default=None,
        description="PIN of the ILL accounts (patron records of partner libraries), where check-out asks for one.",
        examples=["a PIN"],
    )
    suppress_code: str = Field(
        default="n",
        min_length=1,
        max_length=1,
        description="BCODE3 that hides a bib from the public catalogue here; a site's own choice.",
        examples=["n"],
    )
    mark_tag: str = Field(
        default="x",
        min_length=1,
        max_length=1,
        description="Field tag of items that carries our mark (internal note).",
        examples=["x"],
    )
    note_tag: str = Field(
        default="m",
        min_length=1,
        max_length=1,
        description="Field tag of items that carries notes for the desk (message).",
        examples=["m"],
    )
    bib_mark_tag: str = Field(
        default="y",
        min_length=1,
        max_length=1,
        description="Field tag of bibs that carries our mark; it must be indexed, since bibs are found by it.",
        examples=["y"],
    )
    bib_mark_marc: str = Field(
        default="910", pattern="^[0-9]{3}$", description="MARC tag of that field.", examples=["910"]
    )
    audit_locations: tuple[str, ...] = Field(
        default=(),
        description="Location codes of borrowed items, in which the audit looks for what bears our mark; empty: it cannot look.",
        examples=[["illtm"]],
    )
    temporary_status: str = Field(
        default="-", min_length=1, max_length=1, description="Status code of a new temporary item.", examples=["-"]
    )
    lend_from_statuses: tuple[str, ...] = Field(
        default=("t",),
        description="Status codes of own items that are set to available (`-`) before they are checked out, and set back when they "
        "come home.",
        examples=[["t"]],
    )
    move_first: bool = Field(
        default=False,
        description="Move an own item to its ILL location before it is checked out, and not after: where loan rules go by location. One "
        "call more a loan. Statuses in `lend_from_statuses` that circulation does not set itself move it first in any case.",
        examples=[False],
    )
    status_names: dict[str, str] = Field(
        default_factory=dict,
        description="What this site's own status codes mean, for the history; the usual codes are known.",
        examples=[{"q": "being repaired"}],
    )
    lost_status: str = Field(
        default="",
        max_length=1,
        description="Status code that declares an item lost; empty: a task for staff.",
        examples=["$"],
    )
    due_dates: Literal["advisory", "staff"] = Field(
        default="advisory",
        description="No call of Sierra's changes a due date. advisory: the history says which date the loan rule gave; staff: staff are "
        "asked to change it.",
        examples=["advisory"],
    )
    write_due_date_field: bool = Field(
        default=False,
        description="Write fixed field 65 (due date) of the item. Unverified: no source says that Sierra obeys, and fines may go out of "
        "step; try it on a test item first.",
        examples=[False],
    )
    charge_fees: bool = Field(
        default=False,
        description="Charge fees by API (`fines/charge`); the body of that call is unverified. Off: fees are a task for staff.",
        examples=[False],
    )
    fee_location: str = Field(
        default="", max_length=5, description="Location code under which fees are charged.", examples=["main"]
    )
    statgroup: int | None = Field(
        default=None,
        ge=0,
        description="Statistics group of holds and check-outs (Sierra 6.0 or later).",
        examples=[501],
    )
    parallel: int = Field(default=2, ge=1, le=8, description="Calls at once; more only make time-outs.", examples=[2])
    visibility_tries: int = Field(
        default=5, ge=1, le=10, description="Tries while Sierra does not yet see what it has just made.", examples=[5]
    )
    visibility_wait: float = Field(default=2.0, ge=0, le=4, description="Seconds between these tries.", examples=[2.0])
    connect_timeout: float = Field(default=5.0, gt=0, description="Seconds to wait for a connection.", examples=[5.0])
    read_timeout: float = Field(default=10.0, gt=0, description="Seconds to wait for an answer.", examples=[10.0])
    first_wait: float = Field(
        default=0.5, ge=0, description="Seconds before the first repeat within one call.", examples=[0.5]
    )
    ca_file: str | None = Field(
        default=None, description="CA certificates to trust instead of the system's.", examples=["/etc/ssl/proxy.pem"]
    )
