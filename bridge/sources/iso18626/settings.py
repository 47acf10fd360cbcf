"""Settings of an ISO 18626 door: who may speak, for whom, and where a relay forwards to."""

from __future__ import annotations

from functools import cached_property
from ipaddress import IPv4Network, IPv6Network, ip_address, ip_network
from typing import Annotated, Literal, Self
from urllib.parse import urlsplit

from pydantic import BaseModel, ConfigDict, Field, SecretStr, field_validator, model_validator

from bridge.domain.notes import NoteKind
from bridge.domain.words import WordTable
from bridge.sources.base import SourceSettings, System
from bridge.sources.iso18626.message import Agency
from bridge.sources.iso18626.words import WORDS
from bridge.sources.notes import NoteSettings

Networks = tuple[IPv4Network | IPv6Network, ...]
HEADER = "X-ILL-Bridge-Secret"


class IsoNotes(NoteSettings):
    """Settings of notes as ISO 18626 notifications. The other library reads them: only what was done with the item is told, see
    docs/reference/notes.md.
    """

    kinds: tuple[Literal[NoteKind.STEP], ...] = Field(
        default=(NoteKind.STEP,),
        min_length=1,
        description="step: what was done with the item in the ILS; all else is not the other library's business.",
        examples=[["step"]],
    )
    version: Literal["1.2", "2021"] = Field(
        default="1.2", description="The schema that is spoken to peers.", examples=["2021"]
    )
    agency_type: str = Field(
        default="ISIL",
        min_length=1,
        description="agencyIdType of symbols that are known without one.",
        examples=["ISIL"],
    )
    repeat_unclear: bool = Field(
        default=False,
        description="Send a notification again (the very same message) whose try ended unclearly, say by a time-out; true only where peers "
        "know a repeat. Otherwise it is given up and shown, since the standard cannot ask whether it arrived.",
        examples=[True],
    )

    @property
    def for_partner(self) -> bool:
        """Whether the other library reads them, and not our own staff."""
        return True


class Peer(BaseModel):
    """Somebody who posts ISO 18626 messages to us; whatever is set of secret, log-in, account and addresses must all fit."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    ours: bool = Field(
        default=False,
        description="Our own ISO 18626 system, or a gateway that copies its traffic: it tells both sides of our conversations.",
        examples=[True],
    )
    broker: bool = Field(
        default=False,
        description="It speaks for many libraries, and chooses suppliers by itself: any symbol is taken from it.",
        examples=[True],
    )
    symbols: tuple[str, ...] = Field(
        default=(),
        description="The symbols it may speak for (VALUE, or TYPE:VALUE); needed where it is neither `ours` nor a `broker`.",
        examples=[["OCLC-XYZ"]],
    )
    secret: SecretStr | None = Field(
        default=None, min_length=8, description="A secret it sends in a header.", examples=["a long random text"]
    )
    previous_secret: SecretStr | None = Field(
        default=None, description="The secret before, while the peer still sends it.", examples=["the old one"]
    )
    secret_header: str = Field(
        default=HEADER, min_length=1, description="The header that the secret stands in.", examples=[HEADER]
    )
    user: str = Field(default="", description="Its user name (HTTP Basic).", examples=["crosslink"])
    password: SecretStr | None = Field(
        default=None, min_length=8, description="Its password (HTTP Basic).", examples=["a long random text"]
    )
    account: str = Field(default="", description="`accountId` in the header of its messages.")
    security_code: SecretStr | None = Field(
        default=None, min_length=4, description="`securityCode` beside it.", examples=["a long random text"]
    )
    addresses: tuple[str, ...] = Field(
        default=(),
        description="Addresses or networks it calls from; behind a proxy see `trusted_proxies`.",
        examples=[["192.0.2.7", "198.51.100.0/24"]],
    )
    url: str = Field(
        default="",
        description="Where a relay forwards messages that are meant for it, and where notes go (`own_notes`).",
        examples=["https://broker.example.org/iso18626"],
    )
    send_secret: SecretStr | None = Field(
        default=None, description="A secret that is sent to it in `secret_header`.", examples=["its secret"]
    )
    send_user: str = Field(
        default="", description="User name with which the bridge logs in at it (HTTP Basic).", examples=["our-library"]
    )
    send_password: SecretStr | None = Field(
        default=None, description="Password for that.", examples=["a long random text"]
    )
    ca_file: str | None = Field(
        default=None,
        description="CA certificates its address is verified against; the system's by default.",
        examples=["/etc/ssl/ca.pem"],
    )

    @field_validator("addresses")
    @classmethod
    def _networks(cls, value: tuple[str, ...]) -> tuple[str, ...]:
        for each in value:
            network_of(each)
        return value

    @field_validator("url")
    @classmethod
    def _address(cls, value: str) -> str:
        parts = urlsplit(value)
        if value and (parts.scheme not in {"http", "https"} or not parts.hostname):
            raise ValueError("must be an address that begins with https:// (or http://)")
        return value

    @model_validator(mode="after")
    def _known_by_something(self) -> Self:
        if bool(self.user) != (self.password is not None):
            raise ValueError("user and password go together")
        if bool(self.account) != (self.security_code is not None):
            raise ValueError("account and security_code go together")
        if not self.knows_headers and not self.account:
            raise ValueError("needs something to know it by: secret, user and password, account, or addresses")
        if not self.ours and not self.broker and not self.symbols:
            raise ValueError("needs its symbols, unless it is ours or a broker")
        return self

    @property
    def knows_headers(self) -> bool:
        """Whether it can be told from strangers before its message is read."""
        return self.secret is not None or bool(self.user or self.addresses)

    @cached_property
    def networks(self) -> Networks:
        """The addresses as networks."""
        return tuple(network_of(each) for each in self.addresses)

    def speaks_for(self, agency: Agency | None) -> bool:
        """Whether it may speak for this agency."""
        if self.ours or self.broker:
            return True
        named = {agency.value, f"{agency.type}:{agency.value}"} if agency else set()
        return bool(named & set(self.symbols))


class Iso18626Settings(SourceSettings):
    """Settings of an ISO 18626 door; `libraries` are our symbols = our libraries."""

    deployment: Literal["copy", "relay"] = Field(
        default="copy",
        description="copy: the traffic is copied to us, or peers speak to us alone, and we answer; relay: we stand between our ISO 18626 "
        "system and its peers, forward each message, and answer with the peer's confirmation unchanged.",
        examples=["relay"],
    )
    peers: dict[Annotated[str, Field(max_length=100)], Peer] = Field(
        min_length=1, description="Who may post, a table each.", examples=[{}]
    )
    max_bytes: int = Field(default=262_144, ge=1024, description="The largest message taken.", examples=[262144])
    peers_open_requests: bool = Field(
        default=False,
        description="Take the other side's messages about a request that we never heard of; otherwise they are answered with ERROR, kept, "
        "and taken as soon as our own side, or a request, is heard. Set it where only the other side's messages reach us.",
        examples=[True],
    )
    symbols_with_type: bool = Field(
        default=False,
        description="Name agencies TYPE:VALUE (ISIL:XYZ) and not VALUE alone, where another source of the same service does so.",
        examples=[True],
    )
    pickup_location_from_address: bool | None = Field(
        default=None,
        description="Whether the first line of the delivery address names the pickup location, as ReShare writes it; left out: where "
        "`system` is reshare or crosslink.",
        examples=[True],
    )
    trusted_proxies: tuple[str, ...] = Field(
        default=(),
        description="Addresses or networks of proxies whose X-Forwarded-For is believed.",
        examples=[["127.0.0.1"]],
    )
    relay_timeout: float = Field(
        default=55,
        gt=0,
        description="Seconds a peer has to answer what the relay forwards; below the patience of who waits.",
        examples=[55],
    )

    own_notes: IsoNotes | None = Field(
        default=None,
        description="Lines of the history told as notifications, a table of its own; left out: none are.",
    )

    @field_validator("trusted_proxies")
    @classmethod
    def _networks(cls, value: tuple[str, ...]) -> tuple[str, ...]:
        for each in value:
            network_of(each)
        return value

    @model_validator(mode="after")
    def _relayed(self) -> Self:
        if self.deployment == "relay":
            ours = [peer for peer in self.peers.values() if peer.ours]
            if len(ours) != 1 or not all(peer.url for peer in self.peers.values()) or len(self.peers) < 2:
                raise ValueError(
                    "a relay needs exactly one peer that is ours, at least one other, and the url of each of them"
                )
        if self.own_notes is not None and not any(peer.url for peer in self.peers.values() if not peer.ours):
            raise ValueError("own_notes needs the url of at least one peer that is not ours")
        if not self.library and not self.libraries:
            raise ValueError("needs our symbols (libraries), or the one library that all messages are for (library)")
        return self

    @cached_property
    def table(self) -> WordTable:
        """The words of the standard, and the configuration's over them."""
        return WordTable({**WORDS, **self.own_words})

    @property
    def pickup_by_address(self) -> bool:
        """Whether a delivery address names a pickup location."""
        said = self.pickup_location_from_address
        return self.system in {System.RESHARE, System.CROSSLINK} if said is None else said

    def symbol(self, agency: Agency | None) -> str:
        """What an agency is called here."""
        return agency.symbol(with_type=self.symbols_with_type) if agency else ""

    def our_library(self, agency: Agency | None) -> str:
        """Our library of this symbol; empty where it is none of ours."""
        named = (agency.value, f"{agency.type}:{agency.value}") if agency else ()
        return next((self.libraries[name] for name in named if name in self.libraries), "")

    @property
    def note_settings(self) -> NoteSettings | None:
        """As notifications, or by a webhook."""
        return self.own_notes or self.notes

    @property
    def notifications(self) -> IsoNotes:
        """How notifications are written."""
        return self.own_notes or IsoNotes()

    def symbol_of(self, library: str) -> str:
        """A symbol of a library of ours; empty where none is configured."""
        return next((symbol for symbol, name in self.libraries.items() if name == library), "")

    @cached_property
    def proxies(self) -> Networks:
        """Trusted proxies as networks."""
        return tuple(network_of(each) for each in self.trusted_proxies)


def network_of(text: str) -> IPv4Network | IPv6Network:
    """A network, or the network of one address. Raises ``ValueError``."""
    try:
        return ip_network(text, strict=False)
    except ValueError as wrong:
        raise ValueError(f"'{text}' is neither an address nor a network") from wrong


def among(address: str, networks: Networks) -> bool:
    """Whether an address lies in one of these networks; an IPv4 address that comes as IPv6 counts as what it is."""
    try:
        found = ip_address(address)
    except ValueError:
        return False
    mapped = getattr(found, "ipv4_mapped", None)
    return any((mapped or found) in network for network in networks)
