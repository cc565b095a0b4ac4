"""An Unpickler that builds nothing but plain data: inert, whatever the pickle asks for.

Names in a pickle never become what they name. A few stand for tensors and containers, and are read
into this module's own; a reader may let classes pass as empty shells that hold their state; any
other name refuses the file. Nothing is imported and nothing is called that comes from a file.
"""

import pickle
import pickletools
from collections.abc import Callable, Mapping
from io import BytesIO
from typing import Any, BinaryIO

REMEMBERED = ("PUT", "BINPUT", "LONG_BINPUT")


class RefusedGlobal(Exception):
    """A pickle asks for something that is no tensor; the message is its dotted name."""


class Shell:
    """An object of a class that is not there: its class's name and the state it was saved with."""

    __slots__ = ("name", "state")
    name: str
    state: Any

    def __setstate__(self, state: Any) -> None:
        self.state = state


class Function:
    """What a pickle may call: one of ours, which no pickle can change."""

    __slots__ = ("_call",)
    _call: Callable[..., Any]

    def __init__(self, call: Callable[..., Any]) -> None:
        object.__setattr__(self, "_call", call)

    def __call__(self, *arguments: Any) -> Any:
        return self._call(*arguments)

    def __setattr__(self, name: str, value: Any) -> None:
        raise RefusedGlobal(f"a change of {name}")

    def __setstate__(self, state: Any) -> None:
        raise RefusedGlobal("a function with a state")


class Inert(pickle.Unpickler):
    """Reads one pickle."""

    def __init__(
        self,
        file: BinaryIO,
        names: Mapping[tuple[str, str], Any],
        *,
        shells: bool = False,
        persistent: Callable[[Any], Any] | None = None,
        encoding: str = "ASCII",
    ) -> None:
        """What may be in it.

        Args:
            file: to read
            names: by module and name, what stands for it: a `Function`, or a class of ours
            shells: whether other names of classes become `Shell`s rather than refuse the file
            persistent: what a persistent identifier stands for
            encoding: of strings that Python 2 has written
        """
        super().__init__(file, encoding=encoding)
        self._names, self._shells, self._persistent = names, shells, persistent
        self._made: dict[tuple[str, str], Any] = {}

    def find_class(self, module: str, name: str, /) -> Any:
        """Never what it names."""
        asked = (module, name)
        if asked in self._names:
            return self._names[asked]
        if not self._shells or not is_of_a_model(module, name):
            raise RefusedGlobal(f"{module}.{name}")
        if asked not in self._made:
            self._made[asked] = type("Shell", (Shell,), {"__slots__": (), "name": name})
        return self._made[asked]

    def persistent_load(self, pid: Any, /) -> Any:
        """A storage, as the reader knows it."""
        if self._persistent is None:
            raise RefusedGlobal(f"the persistent identifier {str(pid)[:60]}")
        return self._persistent(pid)


# Where the classes of a saved model may come from; what they name is not looked at either.
MODELS = ("torch.nn.modules.", "ntm.", "ntm_modules.", "modules.", "__main__")


def is_of_a_model(module: str, name: str) -> bool:
    """Whether this names a class of torch's modules, or of the project that saved them."""
    return f"{module}.".startswith(MODELS) and name.isidentifier() and name[:1].isupper()


def read(data: bytes, **options: Any) -> Any:
    """The one pickle in these bytes; see `Inert`.

    Raises:
        RefusedGlobal: it wants something that is no tensor
        ValueError: it is damaged
    """
    return next_of(BytesIO(data), **options)


def next_of(file: BinaryIO, **options: Any) -> Any:
    """The next pickle of a file; see `read`."""
    names = options.pop("names", {})
    start = file.tell()
    try:
        refuse_large_memo(file)
        file.seek(start)
        return Inert(file, names, **options).load()
    except RefusedGlobal:
        raise
    except Exception as error:  # whatever a broken pickle makes of our stand-ins
        raise ValueError(f"{type(error).__name__}: {str(error)[:120]}") from None


def refuse_large_memo(file: BinaryIO) -> None:
    """Say no to a place in the memo for which an Unpickler would fill the machine's memory.

    Raises:
        ValueError: there is one, or the pickle ends early
    """
    for opcode, argument, place in pickletools.genops(file):
        if opcode.name in REMEMBERED and int(argument or 0) > (place or 0):
            raise ValueError(f"a memo of {argument} in a pickle that is shorter")
