"""Bibs: made, read, changed, deleted, and found by a field."""

from flask import Blueprint, Response

from bridge.sandbox.sierra.errors import not_found, xcirc
from bridge.sandbox.sierra.fields import replaced, shown_fixed, shown_var, taken_fixed, taken_var
from bridge.sandbox.sierra.model import Bib
from bridge.sandbox.sierra.query import matching
from bridge.sandbox.sierra.state import State, sierra
from bridge.sandbox.sierra.wire import Json, body, chosen, done, link, made, texts_in, when

bibs = Blueprint("bibs", __name__)
DEFAULT = ("id", "deleted", "deletedDate", "title", "author")
TAKEN = (
    "authors",
    "bibCode3",
    "callNumbers",
    "fixedFields",
    "location",
    "materialType",
    "notes",
    "standardNums",
    "titles",
    "varFields",
)


def shown_bib(bib: Bib) -> Json:
    """All of a bib; of a deleted one only that it is."""
    if bib.deleted is not None:
        return {"id": str(bib.id), "deletedDate": bib.deleted.isoformat(), "deleted": True}
    return {
        "id": str(bib.id),
        "createdDate": when(bib.created),
        "updatedDate": when(bib.updated),
        "deleted": False,
        "suppressed": bib.fixed.get("31", "-") != "-",
        "title": bib.title,
        "author": bib.author,
        "fixedFields": shown_fixed(bib.fixed),
        "varFields": shown_var(bib.var_fields),
    }


def _bib(state: State, bib_id: int) -> Bib:
    found = state.bibs.get(bib_id)
    if found is None:
        raise not_found()
    return found


@bibs.post("/bibs")
def create() -> Response:
    """A bib from titles, authors and fields."""
    state, given = sierra(), body(TAKEN)
    now = state.clock()
    bib = Bib(state.new_id("bib"), "api", now, now, fixed={"31": "-"})
    _fill(bib, given)
    bib.unseen = state.behaviour.unseen_bibs
    state.bibs[bib.id] = bib
    return made(f"bibs/{bib.id}")


def _fill(bib: Bib, given: Json) -> None:
    if titles := texts_in(given, "titles"):
        bib.title = titles[0]
    if authors := texts_in(given, "authors"):
        bib.author = authors[0]
    bib.fixed |= taken_fixed(given.get("fixedFields", {}))
    bib.var_fields = replaced(bib.var_fields, taken_var(given.get("varFields", [])))


@bibs.get("/bibs/<int:bib_id>")
def read(bib_id: int) -> Response | Json:
    """One bib."""
    return chosen(shown_bib(_bib(sierra(), bib_id)), DEFAULT)


@bibs.put("/bibs/<int:bib_id>")
def change(bib_id: int) -> Response:
    """Changes what is named."""
    state = sierra()
    bib = _bib(state, bib_id)
    if bib.deleted is not None:
        raise not_found()
    _fill(bib, body(TAKEN))
    bib.updated = state.clock()
    return done()


@bibs.delete("/bibs/<int:bib_id>")
def delete(bib_id: int) -> Response:
    """Marks a bib as deleted; its items go first."""
    state = sierra()
    bib = _bib(state, bib_id)
    if bib.deleted is not None:
        raise not_found()
    if state.items_of(bib_id):
        raise xcirc("Record has attached records")
    bib.deleted = state.clock().date()
    return done()


@bibs.post("/bibs/query")
def query() -> Response | Json:
    """Bibs by the content of a variable field."""
    found = matching("bib", sierra().live_bibs())
    return {"total": len(found), "start": 0, "entries": [{"link": link(f"bibs/{bib.id}")} for bib in found]}
