"""Host names and addresses: those of this machine, and the comparison of a page's origin with a server's host."""

import ipaddress
import socket
from urllib.parse import urlsplit

LOCAL_NAMES = frozenset({"localhost", "127.0.0.1", "::1"})
WEB_PORTS = {"http": 80, "https": 443}


def parse_ip(text: str) -> ipaddress.IPv4Address | ipaddress.IPv6Address | None:
    """An IP address, or None if the text is not one."""
    try:
        return ipaddress.ip_address(text)
    except ValueError:
        return None


def is_loopback(address: str) -> bool:
    """True if a connection from this address comes from this machine."""
    parsed = parse_ip(address)
    if parsed is None:
        return False
    mapped = parsed.ipv4_mapped if parsed.version == 6 else None
    return (mapped or parsed).is_loopback


def split_host(host: str, scheme: str = "http") -> tuple[str, int | None] | None:
    """Name and port of a Host header, with the scheme's default port if it has none; None if it is malformed."""
    try:
        parts = urlsplit(f"//{host}")
        name, port = parts.hostname, parts.port
    except ValueError:
        return None
    if not name or parts.path or parts.query or parts.fragment or parts.username is not None:
        return None
    return name.rstrip("."), port or WEB_PORTS.get(scheme)


def own_names() -> frozenset[str]:
    """Names of this machine, on itself and on the local network."""
    full = socket.gethostname().lower().rstrip(".")
    short = full.partition(".")[0]
    return LOCAL_NAMES | ({full, short, f"{short}.local"} if short else set())


def is_same_origin(origin: str, host: str) -> bool:
    """True if a page from `origin` (scheme://name:port) came from the server called `host` (name:port)."""
    scheme, _, origin_host = origin.partition("://")
    split_origin = split_host(origin_host, scheme)
    return split_origin is not None and scheme in WEB_PORTS and split_origin == split_host(host, scheme)


def lan_address() -> str | None:
    """Address of this machine on the local network, or None if there is no network. Sends nothing."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
        try:
            probe.connect(("192.0.2.1", 9))  # an address for documentation; connecting only chooses a route
            address = probe.getsockname()[0]
        except OSError:
            return None
    return None if is_loopback(address) or address == "0.0.0.0" else address
