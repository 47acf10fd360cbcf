"""The fields of every resource with their types, as describe tells them; a view shows exactly these (symphony.md, section 2.6)."""

BIB, CALL, ITEM = "/catalog/bib", "/catalog/call", "/catalog/item"
CUSTOM = "/catalog/item/customInformation"
CIRC, HOLD = "/circulation/circRecord", "/circulation/holdRecord"
TRANSIT, BLOCK = "/circulation/transit", "/circulation/block"
PATRON, STATUS_INFO = "/user/patron", "/user/patronStatusInfo"


def _typed(**names: str) -> dict[str, str]:
    return {name: kind for kind, told in names.items() for name in told.split()}


FIELDS: dict[str, dict[str, str]] = {
    BIB: _typed(
        boolean="shadowed",
        string="author title titleControlNumber",
        date="catalogDate modifiedDate createDate",
        dateTime="systemModifiedDate",
        resource="catalogFormat",
        marc="bib",
        list="callList holdRecordList",
    ),
    CALL: _typed(
        boolean="shadowed",
        string="callNumber volumetric sortCallNumber dispCallNumber",
        dateTime="systemModifiedDate",
        resource="library bib classification",
        list="itemList",
    ),
    ITEM: _typed(
        boolean="circulate permanent shadowed",
        integer="copyNumber pieces timesInventoried",
        string="barcode mediaDesk itemCategory1 itemCategory2 itemCategory3 itemCategory4 itemCategory5",
        date="createdDate lastInvDate",
        dateTime="systemModifiedDate",
        money="price",
        resource="itemType library currentLibrary homeLocation currentLocation bib call circRecord transit",
        list="holdRecordList fillableHoldList customInformation",
    ),
    CIRC: _typed(
        boolean="overdue",
        integer="renewalCount seenRenewalsRemaining unseenRenewalsRemaining piecesReturned",
        string="status",
        dateTime="checkOutDate dueDate renewalDate recalledDate recallDueDate claimsReturnedDate",
        money="estimatedOverdueAmount",
        resource="item patron library circulationRule",
    ),
    HOLD: _typed(
        boolean="placedWithOverride reserveHold",
        integer="queuePosition queueLength holdPriority",
        string="holdType recallStatus status comment alternateHoldID",
        date="placedDate fillByDate expirationDate beingHeldDate inactiveDate noticeDate suspendBeginDate suspendEndDate",
        resource="patron bib item selectedItem holdRange pickupLibrary placedLibrary inactiveReason",
    ),
    TRANSIT: _typed(
        string="transitReason",
        dateTime="transitDate",
        resource="item sourceLibrary destinationLibrary holdRecord",
    ),
    PATRON: _typed(
        boolean="usePreferredName",
        integer="claimsReturnedCount",
        string="barcode alternateID webAuthID displayName firstName middleName lastName preferredName suffix title groupId "
        "department keepCircHistory",
        date="birthDate privilegeExpiresDate createdDate",
        resource="profile library standing checkoutLocation patronStatusInfo access environment language groupSettings "
        + " ".join(f"category{number:02d}" for number in range(1, 13)),
        list="address1 circRecordList holdRecordList blockList",
    ),
    STATUS_INFO: _typed(
        boolean="expired hasMaxFines hasMaxDaysWithFines hasMaxLostItem hasMaxOverdueDays hasMaxOverdueItem hasMaxItemsCheckedOut",
        integer="availableHoldCount",
        money="amountOwed estimatedFines",
        resource="standing",
    ),
    BLOCK: _typed(
        string="comment",
        date="billDate createDate",
        money="amount owed tax estimatedOverdueAmount",
        resource="patron item block library",
    ),
}

NAMED_ONLY = {ITEM: ("circRecord", "transit"), PATRON: ("patronStatusInfo",)}
"""Links that ``*`` leaves out: the recorded replies to ``*`` lack them."""
