"""Which variables of the environment are settings: links of containers are not, the unknown stop.

Kubernetes gives a container six variables or more for every Service of its namespace, and Docker
did for every `--link`; those of a Service called `ntm`, or `ntm-something`, begin as settings do.
"""

import difflib
import re
from collections.abc import Collection, Mapping
from ipaddress import ip_address

PREFIX = "NTM_"
# What clients of the service read (`ntm plot`, the commands that the page copies): it is the
# service's list of keys, misspelt, unless the list is there as well.
CLIENT_KEY, KEYS = "NTM_API_KEY", "NTM_API_KEYS"

_ADDRESS = re.compile(r"(tcp|udp|sctp)://\S+", re.IGNORECASE)
_OF_A_LINK = re.compile(
    r"SERVICE_(HOST|PORT(_[A-Z0-9_]+)?)|PORT(_\d+_(TCP|UDP|SCTP)(_(PROTO|PORT|ADDR))?)?"
    r"|NAME|ENV_\w+"
)


class UnknownSetting(ValueError):
    """A variable that begins as settings do, and is none."""


def is_link(value: str) -> bool:
    """Whether a value is where a container finds another: `tcp://10.96.12.34:80`."""
    return _ADDRESS.fullmatch(value.strip()) is not None


def refuse_unknown(environment: Mapping[str, str], settings: Collection[str]) -> None:
    """Let no misspelt setting pass unseen: without it the service may stand open.

    Args:
        environment: the variables of this process
        settings: the names of all settings, `NTM_PORT` and so on

    Raises:
        UnknownSetting: a variable is none of them, and no link of another container's
    """
    variables = {
        name.upper(): value
        for name, value in environment.items()
        if name.upper().startswith(PREFIX)  # settings are read without regard to case
    }
    links = _links(variables)
    for name in sorted(variables.keys() - set(settings)):
        if name == CLIENT_KEY and variables.get(KEYS):
            continue
        if not any(_belongs(name, link) for link in links):
            raise UnknownSetting(f"{name} is no setting{_nearest(name, settings)}")


def _links(variables: Mapping[str, str]) -> set[str]:
    """What the names of each link begin with: NTM for a Service `ntm`, NTM_CACHE for `ntm-cache`.

    A link is known by one variable that holds what only a link's does: a URL or an address.
    """
    found = set()
    for name, value in variables.items():
        url = re.fullmatch(r"(NTM(?:_\w+?)?)_PORT(_\d+_(TCP|UDP|SCTP))?", name)
        host = re.fullmatch(r"(NTM(?:_\w+?)?)_SERVICE_HOST", name)
        if url and is_link(value):
            found.add(url[1])
        elif host and _is_address(value):
            found.add(host[1])
    return found


def _belongs(name: str, link: str) -> bool:
    rest = name.removeprefix(f"{link}_")
    return rest != name and _OF_A_LINK.fullmatch(rest) is not None


def _is_address(value: str) -> bool:
    try:
        ip_address(value.strip())
    except ValueError:
        return False
    return True


def _nearest(name: str, settings: Collection[str]) -> str:
    """The setting that is probably meant; nothing where none is near."""
    near = difflib.get_close_matches(name, settings, n=1, cutoff=0.7)
    return f": is {near[0]} meant?" if near else ": `ntm serve --help` lists them all"
