"""File descriptor limit of this process, raised to the hard limit."""

import logging
import sys

log = logging.getLogger("ntm.server")

RESERVED = 128  # descriptors for files, the store, and connections that are about to be closed
UNKNOWN = 512  # where the system has no limit that could be read


def raise_limit() -> int:
    """Raise the soft limit of descriptors to the hard one; returns the limit in force."""
    if sys.platform == "win32":
        return UNKNOWN
    import resource

    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if soft != hard:
        try:
            resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
        except (OSError, ValueError) as error:  # macOS takes no more than kern.maxfilesperproc
            log.warning("the limit of %s descriptors cannot be raised: %s", soft, error)
            return soft
    return hard if hard != resource.RLIM_INFINITY else sys.maxsize


def room_for_connections(most: int) -> int:
    """The number of connections that the descriptor limit allows, at most `most`."""
    return max(1, min(most, raise_limit() - RESERVED))
