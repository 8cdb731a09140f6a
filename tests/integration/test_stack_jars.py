"""Fetching jars, from a repository on this machine."""

import functools
import hashlib
import http.server
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from josefine_local import jars
from josefine_local.errors import FetchError
from josefine_local.jar_lock import Jar

CONTENT = {("org.apache.kafka", "kafka_2.13"): b"broker", ("org.slf4j", "slf4j-api"): b"logging"}


class Repository(http.server.SimpleHTTPRequestHandler):
    """Serves a folder and counts what was asked for."""

    def __init__(self, *arguments, asked: list[str], **named) -> None:
        self.asked = asked
        super().__init__(*arguments, **named)

    def do_GET(self) -> None:
        self.asked.append(self.path)
        super().do_GET()

    def log_message(self, *_) -> None:
        pass


@pytest.fixture
def locked(monkeypatch) -> tuple[Jar, ...]:
    lock = tuple(Jar(*name, "1.0", hashlib.sha256(content).hexdigest()) for name, content in CONTENT.items())
    monkeypatch.setattr(jars, "locked_jars", lambda: lock)
    return lock


@pytest.fixture
def repository(monkeypatch, tmp_path, locked) -> Path:
    root = tmp_path / "repository"
    for jar in locked:
        file = root / jar.repository_path
        file.parent.mkdir(parents=True)
        file.write_bytes(CONTENT[jar.group, jar.artifact])
    monkeypatch.setenv("JOSEFINE_CACHE_DIR", str(tmp_path / "cache"))
    monkeypatch.setattr(jars, "maven_program", lambda: None)
    return root


@pytest.fixture
def asked(monkeypatch, repository) -> Iterator[list[str]]:
    paths: list[str] = []
    handler = functools.partial(Repository, asked=paths, directory=str(repository))
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        monkeypatch.setenv("JOSEFINE_MAVEN_REPOSITORY", f"http://127.0.0.1:{server.server_port}/")
        yield paths
        server.shutdown()


def fetch() -> tuple[Path, ...]:
    return jars.ensure_jars(lambda _: None)


def test_jars_are_fetched_once_and_in_the_order_of_the_lock(asked, locked):
    assert [file.read_bytes() for file in fetch()] == [b"broker", b"logging"]
    fetch()
    assert len(asked) == len(locked)
    assert sorted(file.name for file in jars.jar_folder().iterdir()) == sorted(jar.file_name for jar in locked)


def test_two_at_once_fetch_once(asked, locked):
    with ThreadPoolExecutor(4) as pool:
        assert len(set(pool.map(lambda _: fetch(), range(4)))) == 1
    assert len(asked) == len(locked)


def test_only_what_is_missing_or_spoilt_is_fetched_again(asked):
    _, logging = fetch()
    logging.write_bytes(b"spoilt")
    asked.clear()
    assert fetch()[1].read_bytes() == b"logging"
    assert len(asked) == 1


def test_another_file_than_the_locked_one_is_refused(asked, repository, locked):
    (repository / locked[0].repository_path).write_bytes(b"not the broker")
    with pytest.raises(FetchError, match=r"kafka_2\.13-1\.0\.jar: the SHA-256 is"):
        fetch()
    assert list(jars.jar_folder().iterdir()) == []


def test_a_file_that_is_not_there_is_named_by_its_address(asked, repository, locked):
    (repository / locked[1].repository_path).unlink()
    with pytest.raises(FetchError, match=r"slf4j-api-1\.0\.jar: HTTP 404"):
        fetch()


def test_an_address_without_a_scheme_is_refused(repository, monkeypatch):
    monkeypatch.setenv("JOSEFINE_MAVEN_REPOSITORY", "ftp://example.invalid")
    with pytest.raises(FetchError, match="JOSEFINE_MAVEN_REPOSITORY"):
        fetch()


def test_where_maven_fails_the_download_steps_in(asked, monkeypatch, tmp_path):
    maven = tmp_path / "mvn"
    maven.write_text("#!/bin/sh\necho '[ERROR] no route to the mirror'\nexit 1\n", encoding="ascii")
    maven.chmod(0o755)
    monkeypatch.setattr(jars, "maven_program", lambda: str(maven))
    lines: list[str] = []
    assert len(jars.ensure_jars(lines.append)) == 2
    assert any("no route to the mirror" in line for line in lines)
