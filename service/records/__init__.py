"""Stored records: traces, sessions and the digests that replays are checked against."""
