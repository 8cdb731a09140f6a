"""Settings of the gateway."""

import socket
from pathlib import Path
from typing import Annotated, Literal, Self

from pydantic import AliasChoices, Field, model_validator
from pydantic_settings import BaseSettings, NoDecode, SettingsConfigDict

from josefine_wire.pii_kinds import DEFAULT_KINDS

_MIB = 1024 * 1024


class GatewaySettings(BaseSettings):
    """Environment of the gateway; the prefix is JOSEFINE_."""

    model_config = SettingsConfigDict(env_prefix="JOSEFINE_", frozen=True, extra="ignore")

    http_host: str = Field(default="127.0.0.1", min_length=1)
    """Address that clients connect to; 0.0.0.0 in containers."""
    http_port: int = Field(default=8080, ge=1, le=65_535)
    """Port of HTTP, WebSocket and the console."""
    tls_certificate: Path | None = None
    """PEM file of the certificate and its chain: https and wss alone. Unset: no TLS."""
    tls_key: Path | None = None
    """PEM file of its key."""
    api_keys: str = ""
    """Who may use it: the path of a file made by `josefine keys`, or `redis`. Empty: anybody, on a loopback address."""
    open_access: bool = False
    """Let anybody in though others can reach the address."""
    secret: str = ""
    """Signs resume tokens, the same in all replicas; empty: shared through Redis, else each replica's own."""
    resume_window_s: float = Field(default=30.0, ge=0, le=3600)
    """How long a session whose connection was cut waits for its client; then it is ended."""
    resume_token_ttl_s: float = Field(default=24 * 3600.0, gt=0)
    """How long a resume token is good."""
    idle_close_s: float = Field(default=10.0, gt=0)
    """Silence of a client, without audio or KeepAlive, after which its connection is closed with NET-0001."""
    max_frame_bytes: int = Field(default=8 * _MIB, ge=1024)
    """Largest WebSocket message."""
    max_upload_bytes: int = Field(default=2048 * _MIB, ge=1024)
    """Largest recording."""
    max_under_way_bytes: int = Field(default=256 * _MIB, ge=64 * 1024)
    """Audio of all clients that is not yet durable; beyond it they wait. Memory is up to twice as much."""
    max_sessions: int = Field(default=2_000, ge=1)
    """Sessions of this replica at once; more are refused with 503 and Retry-After."""
    slow_reader_s: float = Field(default=10.0, gt=0)
    """How long a client may take to read what it is told; then its connection is cut and can be resumed."""
    slow_sender_s: float = Field(default=30.0, gt=0)
    """Time for the headers of a request, and the longest pause in its body."""
    patience_s: float = Field(default=120.0, gt=0)
    """Silence of the pipeline after which a recording is answered with 504."""
    drain_s: float = Field(default=20.0, ge=0)
    """Time for recordings under way after SIGTERM; live sessions are told to resume at once."""
    fetch_hosts: Annotated[tuple[str, ...], NoDecode] = ()
    """Hosts, separated by commas, that {"url": ...} and callbacks may name: example.org, *.example.org, or public for
    all public addresses. Empty: none."""
    callback_secret: str = ""
    """Signs callbacks; empty: they are not signed."""
    model: str = Field(default="tiny.en", min_length=1)
    """The engine's default model, by which options are checked; give inference and gateway the same."""
    models: tuple[str, ...] = ()
    """Names of models that a client may ask for besides the engine's default, as a JSON list."""
    pii_kinds: Annotated[tuple[str, ...], NoDecode] = DEFAULT_KINDS
    """What nlu redacts, by the same variable: other kinds are refused where a client asks for them."""
    stages: dict[str, str] = Field(default_factory=dict)
    """What the console shows: a JSON object of stage names and the addresses of their metrics."""
    kafka_bootstrap_servers: Annotated[
        str,
        Field(validation_alias=AliasChoices("JOSEFINE_KAFKA_BOOTSTRAP_SERVERS", "KAFKA_BOOTSTRAP_SERVERS")),
    ] = "127.0.0.1:9092"
    """Brokers, host:port separated by commas."""
    kafka_extra: dict[str, str] = Field(default_factory=dict)
    """More librdkafka properties, a JSON object."""
    redis_url: Annotated[str, Field(validation_alias=AliasChoices("JOSEFINE_REDIS_URL", "REDIS_URL"))] = (
        "redis://127.0.0.1:6379/0"
    )
    """Keys, limits and the secret that replicas share."""
    instance_id: str = Field(default_factory=socket.gethostname, min_length=1)
    """Name of this replica in logs."""
    broker_timeout_s: float = Field(default=60.0, gt=0)
    """How long the broker may take to acknowledge audio; then connections are closed, to be resumed."""
    metrics_host: str = "127.0.0.1"
    """Address of /metrics, /livez, /readyz and /status."""
    metrics_port: int = Field(default=0, ge=0, le=65_535)
    """Port of these; 0: none."""
    log_level: Literal["debug", "info", "warning", "error"] = "info"
    """Least severity that is logged."""

    @model_validator(mode="before")
    @classmethod
    def _split(cls, values: object) -> object:
        if isinstance(values, dict) and isinstance(hosts := values.get("fetch_hosts"), str):
            values = {**values, "fetch_hosts": tuple(host.strip() for host in hosts.split(",") if host.strip())}
        if isinstance(values, dict) and isinstance(kinds := values.get("pii_kinds"), str):
            values = {**values, "pii_kinds": tuple(kind.strip().upper() for kind in kinds.split(",") if kind.strip())}
        return values

    @model_validator(mode="after")
    def _both_of_tls(self) -> Self:
        if (self.tls_certificate is None) != (self.tls_key is None):
            raise ValueError("JOSEFINE_TLS_CERTIFICATE and JOSEFINE_TLS_KEY: one without the other")
        return self
