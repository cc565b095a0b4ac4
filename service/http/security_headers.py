"""Headers that keep a browser from doing more with an answer than it should."""

from collections.abc import Iterable
from operator import itemgetter

# Nothing from elsewhere and no script inside a page; figures and downloads are data: and blob:.
POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self' 'unsafe-inline'; "
    "img-src 'self' data: blob:; font-src 'self'; connect-src 'self'; base-uri 'none'; "
    "form-action 'none'; frame-ancestors 'none'"
)
HEADERS = {
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
    "Referrer-Policy": "no-referrer",
    "Content-Security-Policy": POLICY,
}

# Of an answer that is only data: nothing is loaded from it, nothing shows it, nothing leads away
# from it. Few and short, for the server looks at every character of every header.
OF_DATA = (
    (b"x-content-type-options", b"nosniff"),
    (b"content-security-policy", b"default-src 'none'; frame-ancestors 'none'"),
)

RAW = [(name.lower().encode(), value.encode()) for name, value in HEADERS.items()]
NAMES = frozenset(name for name, _ in RAW)

NAME = itemgetter(0)

Header = tuple[bytes, bytes]

# by those that there are
MISSING: dict[frozenset[bytes], list[Header]] = {frozenset(map(NAME, OF_DATA)): []}


def with_security(headers: Iterable[Header]) -> list[Header]:
    """An answer's headers and those that it does not set itself."""
    told = list(headers)
    own = NAMES.intersection(map(NAME, told))
    missing = MISSING.get(own)
    if missing is None:
        missing = MISSING[own] = [pair for pair in RAW if pair[0] not in own]
    return told + missing
