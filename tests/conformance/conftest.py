from collections.abc import Iterator
from pathlib import Path

import pytest
from redis_servers import RedisServers, start_cluster, start_sentinel, start_server


@pytest.fixture(scope="session")
def redis_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RedisServers]:
    servers = start_server(tmp_path_factory.mktemp("server"))
    yield servers
    servers.stop()


@pytest.fixture(scope="session")
def redis_cluster(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RedisServers]:
    servers = start_cluster(tmp_path_factory.mktemp("cluster"))
    yield servers
    servers.stop()


@pytest.fixture(scope="session")
def redis_sentinel(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RedisServers]:
    servers = start_sentinel(tmp_path_factory.mktemp("sentinel"))
    yield servers
    servers.stop()


@pytest.fixture
def redis_that_fails_over(tmp_path: Path) -> Iterator[RedisServers]:
    servers = start_sentinel(tmp_path)
    yield servers
    servers.stop()
