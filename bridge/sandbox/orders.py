"""Orders that a desk takes in every stand-in: bodies of POST /_sandbox/desk/…"""

from pydantic import BaseModel, ConfigDict


class Order(BaseModel):
    """An order; what it does not know it refuses."""

    model_config = ConfigDict(frozen=True, extra="forbid")


class AtItem(Order):
    """An order about one item, by barcode."""

    barcode: str


class Relabel(AtItem):
    """Put another barcode on."""

    new_barcode: str


class OfPatron(Order):
    """An order about one patron, by any identifier."""

    patron: str
