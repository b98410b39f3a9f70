"""Where Redis is: ``REDIS_URL`` taken apart, checked, and shown without its secrets.

Nothing here connects. What cannot be understood is :class:`~jobdesk.errors.InvalidSetting`, what
would send jobs and passwords over a network in the clear is :class:`~jobdesk.errors.InsecureRedis`.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from ipaddress import ip_address
from typing import TYPE_CHECKING
from urllib.parse import parse_qsl, unquote, urlsplit

from jobdesk.errors import InsecureRedis, InvalidSetting

if TYPE_CHECKING:
    from collections.abc import Mapping

    from jobdesk.settings import Settings

_SCHEMES = {
    "redis": ("single", False),
    "rediss": ("single", True),
    "unix": ("unix", False),
    "redis+sentinel": ("sentinel", False),
    "rediss+sentinel": ("sentinel", True),
    "redis+cluster": ("cluster", False),
    "rediss+cluster": ("cluster", True),
    "embedded": ("embedded", False),
}
#: What may follow the ``?``: where certificates are, and how sentinels want to be asked.
_OPTIONS = frozenset(
    {
        "db", "username", "password", "sentinel_username", "sentinel_password",
        "ssl_ca_certs", "ssl_ca_path", "ssl_certfile", "ssl_keyfile",
        "ssl_cert_reqs", "ssl_check_hostname",
    }
)  # fmt: skip
_NO = frozenset({"0", "no", "none", "false", "optional"})


@dataclass(frozen=True, slots=True, kw_only=True)
class Address:
    """One understood ``REDIS_URL``."""

    #: single, unix, sentinel, cluster or embedded
    kind: str
    tls: bool = False
    hosts: tuple[tuple[str, int], ...] = ()
    #: of the socket, or of the embedded server's folder ("" for the one in the data folder)
    path: str = ""
    db: int = 0
    #: the name under which the sentinels know the server
    service: str = ""
    username: str = ""
    password: str = field(default="", repr=False)
    options: Mapping[str, str] = field(default_factory=dict, repr=False)

    def __str__(self) -> str:
        """The URL without user, password and options."""
        if self.kind == "embedded":
            return f"embedded://{self.path}"
        if self.kind == "unix":
            return f"unix://{self.path}"
        scheme = next(s for s, meant in _SCHEMES.items() if meant == (self.kind, self.tls))
        service = f"/{self.service}" if self.service else ""
        db = "" if self.kind == "cluster" else f"/{self.db}"
        return f"{scheme}://{self.where}{service}{db}"

    @property
    def where(self) -> str:
        """Host and port, or the path: what an error names."""
        if not self.hosts:
            return self.path or "embedded Redis"
        shown = (
            f"[{host}]:{port}" if ":" in host else f"{host}:{port}" for host, port in self.hosts
        )
        return ",".join(shown)

    @property
    def verified(self) -> bool:
        """Whether TLS checks the server's certificate and its host name."""
        return (
            self.options.get("ssl_cert_reqs", "required").lower() == "required"
            and self.options.get("ssl_check_hostname", "yes").lower() not in _NO
        )

    @property
    def leaves_this_machine(self) -> bool:
        """Whether any host is not the loopback one."""
        return any(not _is_loopback(host) for host, _ in self.hosts)


def from_settings(settings: Settings) -> Address:
    """The address that ``settings`` mean, with the password filled in, refused when insecure."""
    password = settings.redis_password.get_secret_value() if settings.redis_password else ""
    address = parse(settings.redis_url or "embedded://", password=password)
    if settings.allow_insecure_redis or not address.leaves_this_machine:
        return address
    if not address.tls:
        raise InsecureRedis(
            f"{address} would send passwords and job data unencrypted over the network; "
            "use rediss://, or set JOBDESK_ALLOW_INSECURE_REDIS=1 on a network you trust"
        )
    if not address.verified:
        raise InsecureRedis(
            f"{address} does not check whom it talks to; give ssl_ca_certs=PATH instead, "
            "or set JOBDESK_ALLOW_INSECURE_REDIS=1 on a network you trust"
        )
    return address


def check_host(settings: Settings, address: Address, host: str) -> None:
    """Refuse a server that a sentinel or a cluster names, as one in the URL would be refused."""
    if address.tls or settings.allow_insecure_redis or _is_loopback(host):
        return
    raise InsecureRedis(
        f"{address} leads to {host}, which would be sent passwords and job data unencrypted; "
        "use TLS, or set JOBDESK_ALLOW_INSECURE_REDIS=1 on a network you trust"
    )


def parse(url: str, *, password: str = "") -> Address:
    """Take ``url`` apart; ``password`` counts where the URL has none."""
    try:
        parts = urlsplit(url)
    except ValueError:
        raise InvalidSetting("REDIS_URL: not a URL") from None
    if parts.scheme not in _SCHEMES:
        raise InvalidSetting(
            f"REDIS_URL: unknown scheme {parts.scheme!r}; use one of "
            + ", ".join(f"{scheme}://" for scheme in _SCHEMES)
        )
    kind, tls = _SCHEMES[parts.scheme]
    options = dict(parse_qsl(parts.query, keep_blank_values=True))
    for name in options:
        if name not in _OPTIONS:
            raise InvalidSetting(
                f"REDIS_URL: unknown option {name!r}; known are {', '.join(sorted(_OPTIONS))}"
            )
    userinfo, _, netloc = parts.netloc.rpartition("@")
    user, _, secret = userinfo.partition(":")
    path = unquote(parts.path)
    service, db = "", options.pop("db", "")
    if kind in ("unix", "embedded"):
        if kind == "unix" and not path:
            raise InvalidSetting(
                "REDIS_URL: unix:// needs the path of a socket, unix:///run/x.sock"
            )
        hosts: tuple[tuple[str, int], ...] = ()
    else:
        hosts = _hosts(netloc, 26379 if kind == "sentinel" else 6379)
        steps = [step for step in path.split("/") if step]
        path = ""
        if kind == "sentinel":
            if not steps:
                raise InvalidSetting(
                    "REDIS_URL: name the service, redis+sentinel://host:port,host:port/service/db"
                )
            service = steps.pop(0)
        if steps:
            in_path = steps.pop(0)
            db = db or in_path
        if steps:
            raise InvalidSetting("REDIS_URL: too many parts after the host")
    if kind == "cluster" and db not in ("", "0"):
        raise InvalidSetting("REDIS_URL: a cluster has only database 0")
    if db and not db.isdecimal():
        raise InvalidSetting(f"REDIS_URL: the database must be a number, got {db!r}")
    return Address(
        kind=kind,
        tls=tls,
        hosts=hosts,
        path=path,
        db=int(db or 0),
        service=service,
        username=unquote(user) or options.pop("username", ""),
        password=unquote(secret) or options.pop("password", "") or password,
        options=options,
    )


def _hosts(netloc: str, default_port: int) -> tuple[tuple[str, int], ...]:
    found = []
    for part in netloc.split(","):
        try:
            parsed = urlsplit(f"//{part}")
            host, port = parsed.hostname, parsed.port
        except ValueError:
            raise InvalidSetting("REDIS_URL: a port must be a number from 0 to 65535") from None
        found.append((host or "localhost", port or default_port))
    return tuple(found)


def _is_loopback(host: str) -> bool:
    if host == "localhost" or host.endswith(".localhost"):
        return True
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return False
