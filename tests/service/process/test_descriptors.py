"""As many descriptors as the system allows, and some of them kept for others than clients."""

import subprocess
import sys

import pytest

LIMITED = """
import resource
from service.process.descriptors import RESERVED, raise_limit, room_for_connections
_, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
resource.setrlimit(resource.RLIMIT_NOFILE, (200, 400))
assert raise_limit() == 400
assert resource.getrlimit(resource.RLIMIT_NOFILE) == (400, 400)
assert room_for_connections(10_000) == 400 - RESERVED
assert room_for_connections(10) == 10
"""


@pytest.mark.skipif(sys.platform == "win32", reason="there is no such limit")
def test_the_soft_limit_is_raised() -> None:
    subprocess.run([sys.executable, "-c", LIMITED], check=True)
