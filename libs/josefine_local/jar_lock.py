"""The lock of the broker's jars: coordinates and SHA-256 of every file of Apache Kafka's runtime. Pure."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from importlib import resources
from typing import Final
from xml.sax.saxutils import escape

KAFKA: Final = ("org.apache.kafka", "kafka_2.13")
LOCK_NAME: Final = "kafka-jars.lock"


@dataclass(frozen=True, slots=True, order=True)
class Jar:
    """One locked file of a Maven repository."""

    group: str
    artifact: str
    version: str
    sha256: str

    @property
    def file_name(self) -> str:
        """Name in a repository and in the cache."""
        return f"{self.artifact}-{self.version}.jar"

    @property
    def repository_path(self) -> str:
        """Path below a Maven repository's base URL."""
        return f"{self.group.replace('.', '/')}/{self.artifact}/{self.version}/{self.file_name}"


def locked_jars() -> tuple[Jar, ...]:
    """Returns the jars of the lock that ships with this package."""
    return parse_lock((resources.files(__package__) / LOCK_NAME).read_text(encoding="utf-8"))


def parse_lock(text: str) -> tuple[Jar, ...]:
    """Returns the jars of a lock file: a line `group:artifact:version sha256` each; # begins a comment.

    Raises:
        ValueError: a line of another form; the message names its number.
    """
    jars = []
    for number, line in enumerate(text.splitlines(), start=1):
        if not line.strip() or line.startswith("#"):
            continue
        coordinates, _, sha256 = line.strip().partition(" ")
        parts = coordinates.split(":")
        if len(parts) != 3 or len(sha256) != 64:
            raise ValueError(f"{LOCK_NAME} line {number}: not `group:artifact:version sha256`")
        group, artifact, version = parts
        jars.append(Jar(group, artifact, version, sha256))
    return tuple(jars)


def format_lock(jars: Iterable[Jar]) -> str:
    """Returns the text of a lock file, sorted, so that a new version is a readable difference."""
    lines = [f"{jar.group}:{jar.artifact}:{jar.version} {jar.sha256}" for jar in sorted(jars)]
    return "\n".join(["# Written by python -m josefine_local.relock", *lines, ""])


def kafka_version(jars: Sequence[Jar]) -> str:
    """Returns the version of Apache Kafka in the lock."""
    return next(jar.version for jar in jars if (jar.group, jar.artifact) == KAFKA)


def pom(coordinates: Iterable[tuple[str, str, str]], *, transitive: bool) -> str:
    """Returns a Maven project that depends on (group, artifact, version), with or without what these depend on."""
    exclusions = (
        ""
        if transitive
        else ("<exclusions><exclusion><groupId>*</groupId><artifactId>*</artifactId></exclusion></exclusions>")
    )
    dependencies = "\n".join(
        f"  <dependency><groupId>{escape(group)}</groupId><artifactId>{escape(artifact)}</artifactId>"
        f"<version>{escape(version)}</version>{exclusions}</dependency>"
        for group, artifact, version in coordinates
    )
    return (
        '<project xmlns="http://maven.apache.org/POM/4.0.0">\n<modelVersion>4.0.0</modelVersion>'
        "<groupId>josefine</groupId><artifactId>kafka-jars</artifactId><version>1</version>\n"
        f"<dependencies>\n{dependencies}\n</dependencies>\n</project>\n"
    )
