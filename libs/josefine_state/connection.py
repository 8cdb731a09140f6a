"""From a URL to a client: one server, a Redis Cluster, or a primary that Sentinels name.

| URL | what it reaches |
|---|---|
| `redis://`, `rediss://` (TLS), `unix://` | one server |
| `redis+cluster://HOST:PORT,HOST:PORT` | a Redis Cluster, found through any of the nodes |
| `redis+sentinel://HOST:PORT,HOST:PORT/NAME/DB` | the primary of that name, as the Sentinels have it |

User and password stand before the hosts as usual; `rediss+cluster` and `rediss+sentinel` use TLS. Query parameters are
redis-py's.
"""

from typing import Any, Final
from urllib.parse import parse_qsl, unquote, urlsplit

import redis
from redis.backoff import ExponentialBackoff
from redis.cluster import ClusterNode
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
    options: dict[str, Any] = {
        "socket_timeout": timeout_s,
        "socket_connect_timeout": timeout_s,
        "retry": Retry(ExponentialBackoff(cap=timeout_s / 2, base=0.05), RETRIES),
    }
    try:
        return _client(url, options)
    except ValueError as error:
        raise ConfigurationError(f"REDIS_URL: {error}") from error


def _client(url: str, options: dict[str, Any]) -> Client:
    scheme, _, kind = urlsplit(url).scheme.partition("+")
    tls = scheme == "rediss"
    match kind:
        case "":
            errors: list[type[Exception]] = [redis.ConnectionError, redis.TimeoutError]
            return redis.Redis.from_url(url, retry_on_error=errors, **options)
        case "cluster":
            return _cluster(url, {"ssl": tls, **_credentials(url), **options})
        case "sentinel":
            return _sentinel(url, {"ssl": tls, **_credentials(url), **options}, options)
    raise ValueError(f"{scheme}+{kind}: must be redis+cluster or redis+sentinel")


def _cluster(url: str, options: dict[str, Any]) -> redis.RedisCluster:
    nodes = [ClusterNode(host, port) for host, port in hosts(url)]  # type: ignore[no-untyped-call]
    return redis.RedisCluster(startup_nodes=nodes, **options)


def _sentinel(url: str, options: dict[str, Any], sentinel_options: dict[str, Any]) -> redis.Redis:
    name, _, database = urlsplit(url).path.strip("/").partition("/")
    if not name:
        raise ValueError("redis+sentinel://HOST:PORT/NAME/DB: the primary's name is missing")
    sentinels = Sentinel(hosts(url), sentinel_kwargs=sentinel_options)  # type: ignore[no-untyped-call]
    primary: redis.Redis = sentinels.master_for(name, db=int(database or 0), **options)  # type: ignore[no-untyped-call]
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


def _credentials(url: str) -> dict[str, Any]:
    parts = urlsplit(url)
    before, _, _ = parts.netloc.rpartition("@")
    user, _, password = before.partition(":")
    named = {"username": unquote(user) or None, "password": unquote(password) or None}
    return {**{name: value for name, value in named.items() if value}, **dict(parse_qsl(parts.query))}
