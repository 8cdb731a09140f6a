"""From a URL to a client: one server, a Redis Cluster, or a primary that Sentinels name.

| URL | what it reaches |
|---|---|
| `redis://`, `rediss://` (TLS), `unix://` | one server |
| `redis+cluster://HOST:PORT,HOST:PORT` | a Redis Cluster, found through any of the nodes |
| `redis+sentinel://HOST:PORT,HOST:PORT/NAME/DB` | the primary of that name, as the Sentinels have it |

User and password stand before the hosts as usual, and query parameters are redis-py's; Sentinels themselves are asked
without a password. `rediss+cluster` and `rediss+sentinel` use TLS for everything.
"""

from typing import Any, Final
from urllib.parse import urlsplit

import redis
from redis.backoff import ExponentialBackoff, NoBackoff
from redis.cluster import ClusterNode
from redis.connection import parse_url
from redis.retry import Retry
from redis.sentinel import Sentinel

from josefine_stage.errors import ConfigurationError

RETRIES: Final = 1
SENTINEL_PORT: Final = 26_379
REDIS_PORT: Final = 6379

Client = redis.Redis | redis.RedisCluster
ERRORS: Final = (redis.RedisError, redis.exceptions.RedisClusterException)
"""What redis-py raises: those of clusters have no base in common with the others."""


def connect(url: str, timeout_s: float) -> Client:
    """Returns a client; it connects lazily, but for a cluster, which is asked for its nodes at once.

    Raises:
        ConfigurationError: the URL cannot be read.
        ERRORS: no node of a cluster answers.
    """
    try:
        return _client(url, timeout_s)
    except (ValueError, TypeError) as error:
        # TypeError: a query parameter that redis-py does not know.
        raise ConfigurationError(f"REDIS_URL: {error}") from error


def _client(url: str, timeout_s: float) -> Client:
    scheme, _, kind = urlsplit(url).scheme.partition("+")
    match kind:
        case "":
            return _server(url, timeout_s)
        case "cluster":
            return _cluster(url, timeout_s)
        case "sentinel":
            return _sentinel(url, timeout_s)
    raise ValueError(f"{scheme}+{kind}: must be redis+cluster or redis+sentinel")


def _server(url: str, timeout_s: float) -> redis.Redis:
    errors: list[type[Exception]] = [redis.ConnectionError, redis.TimeoutError]
    client = redis.Redis.from_url(url, retry_on_error=errors, **_patience(timeout_s))
    client.connection_pool.make_connection()  # connects to nothing, and names what is wrong with the URL
    return client


def _cluster(url: str, timeout_s: float) -> redis.RedisCluster:
    nodes = [ClusterNode(host, port) for host, port in hosts(url)]  # type: ignore[no-untyped-call]
    return redis.RedisCluster(startup_nodes=nodes, **_said(url), **_patience(timeout_s))


def _sentinel(url: str, timeout_s: float) -> redis.Redis:
    name, _, database = urlsplit(url).path.strip("/").partition("/")
    if not name:
        raise ValueError("redis+sentinel://HOST:PORT/NAME/DB: the primary's name is missing")
    addresses = hosts(url)
    # All of them are asked, one after the other, at each try to connect.
    each_s = timeout_s / len(addresses)
    asking = {"socket_timeout": each_s, "socket_connect_timeout": each_s, "retry": Retry(NoBackoff(), 0)}
    sentinels = Sentinel(addresses, sentinel_kwargs={"ssl": _tls(url), **asking})  # type: ignore[no-untyped-call]
    options = {"ssl": _tls(url), **_said(url), **_patience(timeout_s), "db": int(database or 0)}
    primary: redis.Redis = sentinels.master_for(name, **options)  # type: ignore[no-untyped-call]
    primary.connection_pool.make_connection()
    return primary


def hosts(url: str) -> list[tuple[str, int]]:
    """Returns the hosts and ports that a URL names; none for unix://.

    Raises:
        ValueError: a host is missing or a port is no number.
    """
    scheme = urlsplit(url).scheme
    if scheme == "unix":
        return []
    default_port = SENTINEL_PORT if scheme.endswith("+sentinel") else REDIS_PORT
    _, _, named = urlsplit(url).netloc.rpartition("@")
    parts = [urlsplit(f"//{host}") for host in named.split(",")]
    if not all(part.hostname for part in parts):
        raise ValueError("a host is missing")
    return [(str(part.hostname), part.port or default_port) for part in parts]


def _patience(timeout_s: float) -> dict[str, Any]:
    backoff = ExponentialBackoff(cap=timeout_s / 2, base=0.05)
    return {"socket_timeout": timeout_s, "socket_connect_timeout": timeout_s, "retry": Retry(backoff, RETRIES)}


def _tls(url: str) -> bool:
    return urlsplit(url).scheme.startswith("rediss")


def _said(url: str) -> dict[str, Any]:
    """Returns what a URL of several servers says beyond where they are, as redis-py reads it."""
    parts = urlsplit(url)
    before, at, _ = parts.netloc.rpartition("@")
    read = dict(parse_url(f"redis://{before}{at}host?{parts.query}"))  # type: ignore[no-untyped-call]
    return {name: value for name, value in read.items() if name not in {"host", "port", "db"}} | (
        {"ssl": True} if _tls(url) else {}
    )
