"""The README shows the examples as they are; tests/e2e/test_gateway_examples.py runs them."""

import pytest


@pytest.mark.parametrize(
    ("example", "language"), [("deepgram_client.py", "python"), ("hear.py", "python"), ("hear.js", "js")]
)
def test_the_readme_shows_it(repository, example, language):
    script = (repository / "examples" / example).read_text()
    assert f"```{language}\n{script}```\n" in (repository / "README.md").read_text()


def test_every_example_is_named(repository):
    readme = (repository / "README.md").read_text()
    examples = {path.name for path in (repository / "examples").iterdir() if path.is_file()}
    assert {name for name in examples if f"examples/{name}" not in readme} == set()
