"""The way out for addresses that users give: public hosts only, reached at the address checked.

A name is resolved once. Every address it has must be public; the connection then goes to that
address, so that a name which resolves otherwise a moment later (DNS rebinding) gains nothing.
"""

from __future__ import annotations

import socket
from collections.abc import Callable, Collection, Iterable
from dataclasses import dataclass
from ipaddress import IPv4Address, IPv6Address, IPv6Network, ip_address
from urllib.parse import urlsplit, urlunsplit

from jobdesk.errors import PermanentError, TransientError

PORTS = frozenset({80, 443, 8443})
#: Networks of IPv6 that lead into IPv4, and so anywhere.
_TUNNELS = (
    IPv6Network("64:ff9b::/96"),  # NAT64
    IPv6Network("64:ff9b:1::/48"),
    IPv6Network("2002::/16"),  # 6to4
    IPv6Network("2001::/32"),  # Teredo
    IPv6Network("::/96"),  # v4-compatible
)

#: ``getaddrinfo``'s part that is needed: the addresses of a host.
Resolver = Callable[[str, int], Iterable[str]]


@dataclass(frozen=True, slots=True, kw_only=True)
class Target:
    """Where a checked URL leads."""

    #: the URL with the address in the host's place
    url: str
    #: the host as written: for ``Host``, and for the name in the certificate
    host: str
    #: ``Host``'s value: the host, and the port unless it is the scheme's own
    authority: str


def check(url: str, *, allowed: Collection[str] = ()) -> tuple[str, str, int]:
    """Scheme, host and port of a URL that may be called, as far as it can be told by reading it.

    ``allowed``: ``host:port`` that may be in our own network, or without TLS. Raises
    ``ValueError``.
    """
    try:
        parts = urlsplit(url)
        host, port = (parts.hostname or "").rstrip(".").lower(), parts.port
    except ValueError:
        raise ValueError("must be a URL") from None
    if any(ord(char) <= 32 or ord(char) == 127 for char in url):
        raise ValueError("must be a URL without blanks and control characters")
    if parts.scheme not in {"http", "https"} or not host:
        raise ValueError("must be an https:// URL")
    if "@" in parts.netloc:
        raise ValueError("must be a URL without user and password")
    if port is None:
        port = 443 if parts.scheme == "https" else 80
    if f"{host}:{port}" in allowed:
        return parts.scheme, host, port
    if parts.scheme != "https":
        raise ValueError("must be an https:// URL")
    if port not in PORTS:
        raise ValueError(f"must use port 443 or 8443, not {port}")
    try:
        literal = ip_address(host)
    except ValueError:
        return parts.scheme, host, port
    if not is_public(literal):
        raise ValueError("must be a public address")
    return parts.scheme, host, port


def resolve(url: str, *, allowed: Collection[str] = (), resolver: Resolver | None = None) -> Target:
    """The address that ``url`` is called at; PermanentError where it is not to be called."""
    try:
        scheme, host, port = check(url, allowed=allowed)
    except ValueError as exc:
        raise PermanentError(f"the address {exc}") from None
    try:
        found = list((resolver or addresses)(host, port))
    except (OSError, UnicodeError) as exc:
        raise TransientError(f"the name {host} cannot be resolved: {exc}") from None
    if not found:
        raise TransientError(f"the name {host} has no address")
    free = f"{host}:{port}" in allowed
    for one in found:
        if not free and not is_public(ip_address(one.partition("%")[0])):
            raise PermanentError(
                f"{host} leads into a network that is not public; nothing was sent there"
            )
    chosen = found[0]
    place = f"[{chosen}]" if ":" in chosen else chosen
    parts = urlsplit(url)
    plain = port == (443 if scheme == "https" else 80)
    shown = f"[{host}]" if ":" in host else host
    return Target(
        url=urlunsplit((scheme, f"{place}:{port}", parts.path or "/", parts.query, "")),
        host=host,
        authority=shown if plain else f"{shown}:{port}",
    )


def is_public(address: IPv4Address | IPv6Address) -> bool:
    """Whether an address is anybody's to call: no private, local, shared or tunnelled one."""
    if isinstance(address, IPv6Address):
        if address.ipv4_mapped is not None:
            return is_public(address.ipv4_mapped)
        if any(address in network for network in _TUNNELS):
            return False
        if address.is_site_local:
            return False
    return address.is_global and not address.is_multicast and not address.is_reserved


def addresses(host: str, port: int) -> list[str]:
    """All addresses of a host, as the system resolves it; in the system's order."""
    found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
    return [str(entry[4][0]) for entry in found]
