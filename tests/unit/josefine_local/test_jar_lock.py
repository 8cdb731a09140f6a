import pytest
from hypothesis import given
from hypothesis import strategies as st

from josefine_local.jar_lock import Jar, format_lock, kafka_version, locked_jars, parse_lock, pom

words = st.text("abz019.-_", min_size=1, max_size=12)
jars = st.builds(Jar, words, words, words, st.binary(min_size=32, max_size=32).map(bytes.hex))


@given(st.lists(jars, unique=True, max_size=5))
def test_a_lock_is_read_as_it_was_written(locked):
    assert parse_lock(format_lock(locked)) == tuple(sorted(locked))


@pytest.mark.parametrize("line", ["a:b:1", "a:b 0" * 3, "a:b:1 abc", f"a:b:1:jar {'0' * 64}"])
def test_a_broken_line_is_named_by_its_number(line):
    with pytest.raises(ValueError, match="line 2"):
        parse_lock(f"# comment\n{line}\n")


def test_the_shipped_lock_names_a_broker_and_a_logging_backend():
    artifacts = {jar.artifact for jar in locked_jars()}
    assert kafka_version(locked_jars()).startswith("4.")
    assert {"kafka_2.13", "kafka-clients", "log4j-core", "log4j-slf4j-impl"} <= artifacts


def test_no_two_locked_jars_share_a_file_name():
    names = [jar.file_name for jar in locked_jars()]
    assert len(names) == len(set(names))


def test_repository_path_is_mavens_layout():
    jar = Jar("org.apache.kafka", "kafka_2.13", "4.1.1", "0" * 64)
    assert jar.repository_path == "org/apache/kafka/kafka_2.13/4.1.1/kafka_2.13-4.1.1.jar"


def test_a_pom_without_transitive_dependencies_excludes_all_of_them():
    coordinates = [("a", "b", "1"), ("c", "d", "2")]
    assert pom(coordinates, transitive=False).count("<artifactId>*</artifactId>") == 2
    assert "<exclusion>" not in pom(coordinates, transitive=True)
