"""Users: who somebody is by any identifier, and whether a key may ask."""

from flask import Blueprint, Response, request

from bridge.sandbox.alma.errors import AlmaError
from bridge.sandbox.alma.model import User
from bridge.sandbox.alma.state import State, alma
from bridge.sandbox.alma.wire import Json, answer, code, day

users = Blueprint("users", __name__)

ID_TYPE_NAMES = {"BARCODE": "Barcode", "INST_ID": "Institution ID", "OTHER_ID_1": "Additional ID 1"}


def asked_user(state: State, user_id: str, *, untyped: str = "401890") -> User:
    """The user named in the path or by user_id=. Raises 401890, or `untyped` where no identifier type was asked."""
    id_type = request.args.get("user_id_type", "") or "all_unique"
    user = state.find_user(user_id, id_type)
    if user:
        return user
    if id_type == "all_unique" and untyped == "401861":
        raise AlmaError("401861", f"User with identifier {user_id} was not found.")
    raise AlmaError("401890", f"User with identifier {user_id} of type {id_type} was not found.")


@users.get("/users/<userid:user_id>")
def read(user_id: str) -> Response:
    """One user, by any identifier."""
    state = alma()
    user = asked_user(state, user_id, untyped="401861")
    body = _core(user)
    if request.args.get("view", "full") != "brief":
        body |= _circulation(user)
    return answer("user", body | _counts(state, user, request.args.get("expand", "")))


def _core(user: User) -> Json:
    return {
        "record_type": code(user.record_type, "Public"),
        "primary_id": user.primary_id,
        "first_name": user.first_name,
        "middle_name": "",
        "last_name": user.last_name,
        "full_name": f"{user.first_name} {user.last_name}".strip(),
        "account_type": code(user.account_type, user.account_type.title()),
        "status": code(user.status, user.status.title()),
        "contact_info": _contact(user),
        "user_identifier": [
            {"value": value, "id_type": code(kind, ID_TYPE_NAMES.get(kind, kind)), "note": None, "status": "ACTIVE"}
            for kind, value in user.identifiers.items()
        ],
    }


def _contact(user: User) -> Json:
    kinds = [code("personal", "Personal")]
    email = {"preferred": True, "email_address": user.email, "email_type": kinds, "description": None}
    return {"address": [], "email": [email] if user.email else [], "phone": []}


def _circulation(user: User) -> Json:
    role_status = code("ACTIVE", "Active")
    roles: list[Json] = [
        {"status": role_status, "scope": code("01SANDBOX_INST", "Sandbox"), "role_type": code("200", "Patron")}
    ]
    if user.role_expiry and user.patron_role:
        roles[0]["expiry_date"] = day(user.role_expiry)
    return {
        "user_group": code(user.group, user.group.title()),
        "campus_code": code(""),
        "preferred_language": code("en", "English"),
        "expiry_date": day(user.expiry) if user.expiry else None,
        "user_block": [
            {
                "block_type": code(block.type, block.type.title()),
                "block_description": code(block.code, block.description),
                "block_status": block.status,
                "block_note": None,
                "created_by": "exl_impl",
                "expiry_date": f"{block.expiry:%Y-%m-%d}T00:00:00Z" if block.expiry else None,
            }
            for block in user.blocks
        ],
        "user_role": roles if user.patron_role else [],
        "rs_library": [],
    }


def _counts(state: State, user: User, expand: str) -> Json:
    counts: Json = {}
    me = user.primary_id
    if "loans" in expand:
        counts["loans"] = {"value": sum(1 for one in state.loans.values() if one.open and one.user == me)}
    if "requests" in expand:
        counts["requests"] = {"value": sum(1 for one in state.requests.values() if one.active and one.user == me)}
    if "fees" in expand:
        owed = sum(one.balance for one in state.fees.values() if one.user == me and one.status == "ACTIVE")
        counts["fees"] = {"value": owed}
    return counts
