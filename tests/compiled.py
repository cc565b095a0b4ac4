"""Where the native engine is compiled once for all tests, and a folder where it just was."""

import fcntl
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from ntm.architectures import kernels

FOLDER = Path(__file__).parent.parent / ".pytest_cache" / "native"


@contextmanager
def compiling(compiled: Path, folder: Path) -> Iterator[None]:
    """The native engine is compiled into a folder inside, and ready at the end.

    The lock keeps whoever wants to compile it waiting; meanwhile it is copied.
    """
    ready = kernels.folder_for(compiled)
    folder.mkdir()
    with (folder / f"{ready.name}.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield
        shutil.copytree(ready, folder / ready.name)
