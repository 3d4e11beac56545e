"""Names and addresses: which ones this server answers to, and whether two of them are the same place."""

import ipaddress
import socket
from urllib.parse import urlsplit

LOCAL_NAMES = frozenset({"localhost", "127.0.0.1", "::1"})
WEB_PORTS = {"http": 80, "https": 443}


def is_loopback(address: str) -> bool:
    """Whether a connection from this address comes from this machine."""
    try:
        parsed = ipaddress.ip_address(address)
    except ValueError:
        return False
    mapped = parsed.ipv4_mapped if parsed.version == 6 else None
    return (mapped or parsed).is_loopback


def split_place(place: str, scheme: str = "http") -> tuple[str, int | None] | None:
    """Name and port of what stands in a Host header, the scheme's usual port where none is told; None for nonsense."""
    try:
        parts = urlsplit(f"//{place}")
        name, port = parts.hostname, parts.port
    except ValueError:
        return None
    if not name or parts.path or parts.query or parts.fragment or parts.username is not None:
        return None
    return name.rstrip("."), port or WEB_PORTS.get(scheme)


def own_names() -> frozenset[str]:
    """What this machine is called by itself and by its neighbours on the network."""
    full = socket.gethostname().lower().rstrip(".")
    short = full.partition(".")[0]
    return LOCAL_NAMES | ({full, short, f"{short}.local"} if short else set())


def is_literal(name: str) -> bool:
    """Whether a name is an address itself. No other site can make a browser call this machine by one."""
    try:
        ipaddress.ip_address(name)
    except ValueError:
        return False
    return True


def is_same_place(origin: str, host: str) -> bool:
    """Whether a page from `origin` (scheme://name:port) came from the server called `host` (name:port)."""
    scheme, _, place = origin.partition("://")
    theirs = split_place(place, scheme)
    return theirs is not None and scheme in WEB_PORTS and theirs == split_place(host, scheme)


def lan_address() -> str | None:
    """The address under which neighbours reach this machine; None without a network. Sends nothing."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
        try:
            probe.connect(("192.0.2.1", 9))  # an address for documentation; choosing a way there is all that happens
            address = probe.getsockname()[0]
        except OSError:
            return None
    return None if is_loopback(address) or address == "0.0.0.0" else address
