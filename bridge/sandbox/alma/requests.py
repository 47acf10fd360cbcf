"""Hold requests: placed on user or item, listed, cancelled with a reason."""

from flask import Blueprint, Response, request

from bridge.sandbox.alma import circulation
from bridge.sandbox.alma.circulation import Wish
from bridge.sandbox.alma.errors import AlmaError, bad_mms, missing
from bridge.sandbox.alma.items import item_at
from bridge.sandbox.alma.model import Item, Request, User
from bridge.sandbox.alma.state import State, alma
from bridge.sandbox.alma.users import asked_user
from bridge.sandbox.alma.wire import Json, answer, code, day, listed, page, submitted, text_in, truth, when

requests = Blueprint("requests", __name__)

_USER_REQUESTS = "/users/<userid:user_id>/requests"
_ITEM = "/bibs/<mms_id>/holdings/<holding_id>/items"
_PICKUP_TYPES = {"LIBRARY", "CIRCULATION_DESK"}
_CREATABLE = {"HOLD", "BOOKING", "DIGITIZATION"}


def request_json(state: State, wish: Request) -> Json:
    """A request as recorded in princeton_alma_hold_response.json."""
    item = state.items.get(wish.pid or "")
    library = state.libraries[wish.pickup_library]
    managing = state.libraries.get(state.place_of(item)[0], library) if item else library
    desk = next(iter(managing.desks.values()), None)
    body: Json = {
        "user_primary_id": wish.user,
        "request_id": wish.request_id,
        "additional_id": f"{wish.request_id[1:4]}-{wish.request_id[4:7]}-{wish.request_id[7:10]}",
        "request_type": "HOLD",
        "request_sub_type": code("PATRON_PHYSICAL", "Patron physical item request"),
        "mms_id": wish.mms_id,
        "title": state.title_of(wish.mms_id),
        "author": state.author_of(wish.mms_id) or None,
        "description": item.fields.get("description") or None if item else None,
        "pickup_location": library.name,
        "pickup_location_type": wish.pickup_type,
        "pickup_location_library": wish.pickup_library,
        "managed_by_library": managing.name,
        "managed_by_circulation_desk": desk.name if desk else "",
        "managed_by_library_code": managing.code,
        "managed_by_circulation_desk_code": desk.code if desk else "",
        "material_type": code(None),
        "volume": "",
        "issue": "",
        "part": "",
        "date_of_publication": "",
        "comment": wish.comment or None,
        "request_status": wish.status,
        "request_date": day(wish.made),
        "request_time": when(wish.made),
        "task_name": wish.task,
        "expiry_date": wish.last_interest or day(circulation.policy_due(state)),
        "place_in_queue": _place(state, wish, item),
        "barcode": item.barcode if item else None,
    }
    return body | ({"item_id": wish.pid} if wish.pid else {})


def _place(state: State, wish: Request, item: Item | None) -> int:
    if item is None or not wish.active:
        return 0
    queue = [one.request_id for one in state.active_requests(item)]
    return queue.index(wish.request_id) + 1


def _wish(mms_id: str, item: Item | None) -> Wish:
    body = submitted()
    kind = text_in(body, "request_type")
    if not kind:
        raise missing("request_type")
    if kind not in _CREATABLE:
        raise AlmaError("401666", "request_type parameter is not valid.")
    pickup_type = text_in(body, "pickup_location_type")
    if not pickup_type:
        raise missing("pickup_location_type")
    if pickup_type not in _PICKUP_TYPES:
        raise AlmaError("60308", "Delivery to personal address is not supported.")
    return Wish(
        mms_id=mms_id,
        item=item,
        pickup_type=pickup_type,
        pickup_library=text_in(body, "pickup_location_library"),
        pickup_desk=text_in(body, "pickup_location_circulation_desk"),
        comment=text_in(body, "comment"),
        last_interest=text_in(body, "last_interest_date"),
        same_title=truth("allow_same_request", default=False),
    )


@requests.post(_USER_REQUESTS)
def create(user_id: str) -> Response:
    """Places a hold on item_pid=, or on the title mms_id=; item_id= is silently not it (alma.md section 5)."""
    state = alma()
    user = asked_user(state, user_id)
    pid, mms_id = request.args.get("item_pid", ""), request.args.get("mms_id", "")
    item = state.items.get(pid) if pid else None
    if pid and item is None:
        raise AlmaError("60328", "Item for request was not found.")
    if item is None and mms_id not in state.bibs:
        raise missing("mms_id") if not mms_id else bad_mms(mms_id)
    return _place_and_show(state, user, _wish(item.mms_id if item else mms_id, item))


@requests.post(f"{_ITEM}/<item_pid>/requests")
def create_by_item(mms_id: str, holding_id: str, item_pid: str) -> Response:
    """Places a hold for user_id=."""
    state = alma()
    user = asked_user(state, request.args.get("user_id", ""))
    return _place_and_show(state, user, _wish(mms_id, item_at(state, mms_id, holding_id, item_pid)))


def _place_and_show(state: State, user: User, wish: Wish) -> Response:
    return answer("user_request", request_json(state, circulation.place_request(state, user, wish, by="api")))


def _listed(state: State, found: list[Request]) -> list[Json]:
    status = (request.args.get("status", "") or "active").lower()
    if status not in {"active", "history"}:
        raise AlmaError("401666", "status parameter is not valid.")
    kind = request.args.get("request_type", "") or "HOLD"
    if status == "history" and not state.behaviour.keeps_history:
        return []
    wanted = [one for one in found if one.active == (status == "active") and kind in {"HOLD", "all_types"}]
    return [request_json(state, one) for one in wanted]


@requests.get(_USER_REQUESTS)
def of_user(user_id: str) -> Response:
    """A user's requests."""
    state = alma()
    user = asked_user(state, user_id)
    found = _listed(state, [one for one in state.requests.values() if one.user == user.primary_id])
    return listed("user_requests", "user_request", page(found), len(found))


@requests.get(f"{_ITEM}/<item_id>/requests")
def of_item(mms_id: str, holding_id: str, item_id: str) -> Response:
    """An item's requests."""
    item = item_at(alma(), mms_id, holding_id, item_id)
    found = _listed(alma(), [one for one in alma().requests.values() if one.pid == item.pid])
    return listed("user_requests", "user_request", found)


def _request_asked(state: State, request_id: str, *, user: User | None = None, pid: str = "") -> Request:
    wish = state.requests.get(request_id)
    foreign = wish is not None and ((user and wish.user != user.primary_id) or (pid and wish.pid != pid))
    if wish is None or foreign:
        raise AlmaError("401694", f"Request Identifier not found: {request_id}.")
    return wish


@requests.get(f"{_USER_REQUESTS}/<request_id>")
def read(user_id: str, request_id: str) -> Response:
    """One request."""
    state = alma()
    wish = _request_asked(state, request_id, user=asked_user(state, user_id))
    return answer("user_request", request_json(state, wish))


@requests.get(f"{_ITEM}/<item_id>/requests/<request_id>")
def read_by_item(mms_id: str, holding_id: str, item_id: str, request_id: str) -> Response:
    """One request."""
    item_at(alma(), mms_id, holding_id, item_id)
    return answer("user_request", request_json(alma(), _request_asked(alma(), request_id, pid=item_id)))


def _cancel(state: State, wish: Request) -> Response:
    reason = request.args.get("reason", "")
    if not reason:
        raise missing("reason")
    if reason not in state.code_tables["RequestCancellationReasons"]:
        raise AlmaError("401666", "reason parameter is not valid.")
    if not wish.active:
        raise AlmaError("401694", f"Request Identifier not found: {wish.request_id}.")
    circulation.close_request(state, wish, why=f"cancelled: {reason}")
    wish.notified = truth("notify_user", default=True)
    return Response(status=204)


@requests.delete(f"{_USER_REQUESTS}/<request_id>")
def cancel(user_id: str, request_id: str) -> Response:
    """Cancels a request; the patron is told unless notify_user=false."""
    state = alma()
    return _cancel(state, _request_asked(state, request_id, user=asked_user(state, user_id)))


@requests.delete("/bibs/<mmsId>/holdings/<holdingId>/items/<itemPid>/requests/<requestId>")
def cancel_by_item(mmsId: str, holdingId: str, itemPid: str, requestId: str) -> Response:  # noqa: N803 - the document's
    """Cancels a request."""
    item_at(alma(), mmsId, holdingId, itemPid)
    return _cancel(alma(), _request_asked(alma(), requestId, pid=itemPid))


@requests.get(f"{_ITEM}/<item_pid>/request-options")
def options(mms_id: str, holding_id: str, item_pid: str) -> Response:
    """What user_id= could request here."""
    item_at(alma(), mms_id, holding_id, item_pid)
    entry: Json = {"type": code("HOLD", "Hold"), "request_url": f"{request.base_url.rsplit('/', 1)[0]}/requests"}
    return answer("request_options", {"request_option": [entry]})
