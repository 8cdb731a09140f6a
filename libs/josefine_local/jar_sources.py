"""Where jars come from: Maven with the user's own settings and mirrors, or a plain download."""

import os
import shutil
import subprocess
import tempfile
import urllib.error
import urllib.request
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Final

from tenacity import retry, retry_if_exception_type, stop_after_attempt, wait_exponential

from josefine_local.errors import FetchError
from josefine_local.jar_lock import Jar, pom

MAVEN_CENTRAL: Final = "https://repo1.maven.org/maven2"
# The plugin's version is fixed, so that Maven does not resolve another one tomorrow.
COPY_DEPENDENCIES: Final = "org.apache.maven.plugins:maven-dependency-plugin:3.8.1:copy-dependencies"
MAVEN_TIMEOUT_S: Final = 600.0
DOWNLOAD_TIMEOUT_S: Final = 30.0
"""Longest silence of the server within one file."""
DOWNLOADS: Final = 6
"""Files at once: enough to hide round trips, few enough for a small repository."""


class _TransientError(FetchError):
    """A download that may succeed when it is tried again."""


def maven_program() -> str | None:
    """Returns the path of `mvn`, or None."""
    return shutil.which("mvn")


def copy_with_maven(program: str, jars: Sequence[Jar], target: Path) -> None:
    """Puts exactly the given jars into `target` by Maven. Their SHA-256 is for the caller to check.

    Raises:
        FetchError: Maven failed; the message has its first error line.
    """
    coordinates = [(jar.group, jar.artifact, jar.version) for jar in jars]
    run_maven(program, pom(coordinates, transitive=False), [COPY_DEPENDENCIES, f"-DoutputDirectory={target}"])


def run_maven(program: str, project: str, arguments: Sequence[str]) -> None:
    """Runs Maven's `arguments` on a project given as the text of its pom.

    Raises:
        FetchError: Maven failed or took longer than ten minutes.
    """
    with tempfile.TemporaryDirectory(prefix="josefine-maven-") as folder:
        file = Path(folder) / "pom.xml"
        file.write_text(project, encoding="utf-8")
        try:
            done = subprocess.run(
                [program, "-q", "-B", "-f", str(file), *arguments],
                stdin=subprocess.DEVNULL,
                stdout=subprocess.PIPE,
                stderr=subprocess.STDOUT,
                text=True,
                errors="replace",
                timeout=MAVEN_TIMEOUT_S,
                check=False,
            )
        except (OSError, subprocess.TimeoutExpired) as error:
            raise FetchError(f"Maven ({program}) cannot be run: {error}") from error
    if done.returncode != 0:
        reason = next((line for line in done.stdout.splitlines() if "ERROR" in line), "no error line")
        raise FetchError(f"Maven ended with status {done.returncode}: {reason.strip()[:300]}")


def repository_url() -> str:
    """Returns the base URL of plain downloads: JOSEFINE_MAVEN_REPOSITORY, else Maven Central."""
    return os.environ.get("JOSEFINE_MAVEN_REPOSITORY", "").rstrip("/") or MAVEN_CENTRAL


def download(jars: Sequence[Jar], target: Path) -> None:
    """Puts the given jars into `target` by HTTP(S), several at once. Their SHA-256 is for the caller to check.

    Raises:
        FetchError: a file could not be had; the message names its URL.
    """
    base = repository_url()
    if not base.startswith(("https://", "http://")):
        raise FetchError(f"JOSEFINE_MAVEN_REPOSITORY: {base!r} is no http(s) URL")
    with ThreadPoolExecutor(DOWNLOADS) as pool:
        downloads = [
            pool.submit(_download_one, f"{base}/{jar.repository_path}", target / jar.file_name) for jar in jars
        ]
        try:
            for each in downloads:
                each.result()
        except BaseException:
            pool.shutdown(wait=False, cancel_futures=True)
            raise


@retry(
    retry=retry_if_exception_type(_TransientError),
    stop=stop_after_attempt(4),
    wait=wait_exponential(multiplier=0.5, max=8),
    reraise=True,
)
def _download_one(url: str, file: Path) -> None:
    try:
        with (
            urllib.request.urlopen(url, timeout=DOWNLOAD_TIMEOUT_S) as response,  # noqa: S310 - scheme is checked
            file.open("wb") as out,
        ):
            shutil.copyfileobj(response, out)
    except urllib.error.HTTPError as error:
        kind = _TransientError if error.code >= 500 or error.code == 429 else FetchError
        raise kind(f"{url}: HTTP {error.code}") from error
    except (OSError, urllib.error.URLError) as error:
        raise _TransientError(f"{url}: {getattr(error, 'reason', error)}") from error
