"""`python -m josefine_local.relock VERSION`: writes the lock of another version of Apache Kafka. Needs Maven."""

import argparse
import sys
import tempfile
from pathlib import Path
from typing import Final

from josefine_local.errors import LocalError, MissingError
from josefine_local.jar_lock import KAFKA, LOCK_NAME, Jar, format_lock, pom
from josefine_local.jar_sources import COPY_DEPENDENCIES, maven_program, run_maven
from josefine_local.jars import sha256

# Kafka's own jars only name the logging interface (slf4j 1.7); this is the backend of its distribution.
LOG4J_VERSION: Final = "2.24.3"
LOG4J: Final = ("log4j-slf4j-impl", "log4j-core")


def resolve(version: str) -> tuple[Jar, ...]:
    """Returns every jar that a broker of the version needs at run time.

    Raises:
        MissingError: no Maven on PATH.
        FetchError: Maven failed.
    """
    program = maven_program()
    if program is None:
        raise MissingError("writing the lock needs Maven: no mvn on PATH")
    roots = [(*KAFKA, version), *(("org.apache.logging.log4j", name, LOG4J_VERSION) for name in LOG4J)]
    with tempfile.TemporaryDirectory(prefix="josefine-relock-") as folder:
        arguments = [
            COPY_DEPENDENCIES,
            f"-DoutputDirectory={folder}",
            "-Dmdep.useRepositoryLayout=true",  # keeps the group of each file in its path
            "-DincludeScope=runtime",
        ]
        run_maven(program, pom(roots, transitive=True), arguments)
        return tuple(sorted(_jar(Path(folder), file) for file in Path(folder).rglob("*.jar")))


def _jar(root: Path, file: Path) -> Jar:
    *group, artifact, version, _ = file.relative_to(root).parts
    return Jar(".".join(group), artifact, version, sha256(file))


def main() -> None:
    """Entry of the module."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("version", help="version of Apache Kafka, e.g. 4.1.1")
    parser.add_argument("--output", type=Path, default=Path(__file__).with_name(LOCK_NAME))
    arguments = parser.parse_args()
    try:
        jars = resolve(arguments.version)
    except LocalError as error:
        sys.exit(f"relock: {error}")
    arguments.output.write_text(format_lock(jars), encoding="utf-8")
    sys.stdout.write(f"{len(jars)} jars locked in {arguments.output}\n")


if __name__ == "__main__":
    main()
