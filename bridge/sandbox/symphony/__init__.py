"""A stateful stand-in of Symphony Web Services, of several libraries on one system, as unpleasant as its reference says.

A test makes one, serves it and inspects it::

    stand_in = SymphonyStandIn(clock=lambda: NOW, zone="America/New_York")      # demo=False: empty
    server = Server(stand_in.app)                                             # base address: f"{server.url}/symws"

It logs in with ``stand_in.login`` and ``.password`` under ``x-sirs-clientID: stand_in.client_id``; prompts that want data are
answered with ``stand_in.override_code``. Every call needs User-Agent, x-sirs-clientID and SD-Originating-App-Id; writes of
catalogue and circulation ``SD-Preferred-Role: STAFF``, those of circulation SD-Working-LibraryID too.

* Seed: ``stand_in.plant(Seed(items=[SeedItem(...)], patrons=[...], policies=[...]))``, or POST /_sandbox/seed. The demo's seed
  has libraries MAIN, BRANCH (a town) and NORTH, SOUTH (schools, with the ILL accounts DISTRICT-NORTHILL and
  DISTRICT-SOUTHILL); partners ILL-XYZ and ILL-DEFAULT, whose checkoutLocation is ILL-LENT, and ILL-ABC, which has none of
  its own; patrons 21000000001001 and on (alternate id P1001 …; 1005 blocked, 1006 expired, 1101 at NORTH, 1102 at SOUTH);
  own items 39000000000001 to …08 at MAIN, …101 and …102 at BRANCH, …103 not to be lent, …201 at NORTH, …202 at SOUTH.
  Temporary items go to location ILL (holdable, shadowed by policy) or ILL-NOHOLD (holds want an override), item type ILL.
* Switches: ``stand_in.behave(forms="v2", second_charge="prompts")``; see model.Behaviour for all, also for what is unverified.
* Faults: ``stand_in.faults`` or POST /_sandbox/faults, /outage, /latency (bridge.sandbox.faults); ``unauthorized`` is 401
  sessionTimedOut. ``stand_in.forget_sessions()`` or DELETE /_sandbox/sessions: the web services were started anew.
  POST /_sandbox/keys ``{"login", "password", "client_id", "remove"}``: accounts.
* The desk: POST /_sandbox/desk/lend, check_in, scan_once, receive_transit, send, renew, place_hold, expire_hold, cancel_hold,
  relabel, move, note, erase_mark, catalogue, delete, withdraw, lose, found, claim_returned, block_patron, fix_patron,
  add_patron, pay_fee.
* Inspect: ``stand_in.calls()``, ``.objects()``, ``.report()``, or GET /_sandbox/calls, /objects, /report; the state itself is
  ``stand_in.state`` (``items_with_barcode``, ``charges_of``, ``open_loan``, ``active_holds``, ``find_patron``).
"""

from bridge.sandbox.symphony.app import SymphonyStandIn

__all__ = ["SymphonyStandIn"]
