"""The cursor of a page of traces: the number before which the next page begins."""

from service.errors import ServiceError

END = 2**63 - 1


def read_cursor(cursor: str | None) -> int:
    """The number in a cursor; that of the first page without.

    Raises:
        ServiceError: the cursor is not one that a page gave
    """
    if cursor is None:
        return END
    if not (cursor.isascii() and cursor.isdecimal() and len(cursor) < 19):
        raise wrong_cursor(cursor)
    return int(cursor)


def wrong_cursor(cursor: str) -> ServiceError:
    """The error for a cursor that no page gave."""
    return ServiceError(f"cursor should be the `next` of an earlier page, got '{cursor:.40}'")
