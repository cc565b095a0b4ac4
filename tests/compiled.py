"""Where the native engine is compiled once for all tests of all runs."""

from pathlib import Path

FOLDER = Path(__file__).parent.parent / ".pytest_cache" / "native"
