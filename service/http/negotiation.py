"""Content negotiation: which of the kinds on offer an Accept header prefers (RFC 9110, 12.4)."""

from collections.abc import Mapping

WILDCARDS = ("*/*", "application/*")


def preferred(accept: str | None, kinds: Mapping[str, str], default: str) -> str:
    """The kind of the highest quality; of equal ones the first that is named.

    Args:
        accept: the header
        kinds: what is on offer, by media type
        default: the kind for a wildcard, and where nothing on offer is accepted
    """
    if not accept or accept == "*/*":
        return default
    entries = [(media_of(part), quality(part)) for part in accept.lower().split(",")]
    refused = {kinds[media] for media, weight in entries if media in kinds and not weight}
    acceptable = [kind for kind in (default, *kinds.values()) if kind not in refused]
    best, best_rank = default, (0.0, False)
    for media, weight in entries:
        is_named = media in kinds
        rank = (weight, is_named)
        if weight and rank > best_rank and (is_named or (media in WILDCARDS and acceptable)):
            best, best_rank = kinds[media] if is_named else acceptable[0], rank
    return best


def media_of(part: str) -> str:
    """The media type, or coding, of one entry."""
    return part.partition(";")[0].strip()


def quality(part: str) -> float:
    """The weight of one entry, 0 to 1; 1 where it has none or one that is no number."""
    for parameter in part.split(";")[1:]:
        name, _, value = parameter.partition("=")
        if name.strip() == "q":
            try:
                return min(max(float(value), 0.0), 1.0)
            except ValueError:
                return 1.0
    return 1.0
