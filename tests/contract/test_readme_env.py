"""Every service's README names every environment variable that the service reads, and no other."""

import ast
import inspect
import re
import textwrap
from itertools import pairwise
from pathlib import Path

import pytest
from stage_settings import settings_of

from josefine_stage.settings import StageSettings

SERVICES = Path(__file__).parents[2] / "services"
# Read by the model store, for the command as well as for services.
STORE = {"JOSEFINE_MODELS_DIR", "JOSEFINE_CACHE_DIR"}
NAMES = sorted(folder.name for folder in SERVICES.iterdir() if (folder / f"josefine_{folder.name}").is_dir())


def variables(service):
    prefix = settings_of(service).model_config["env_prefix"]
    return {f"{prefix}{name}".upper() for name in settings_of(service).model_fields}


def documented(service):
    """Returns the variables in the first column of the README's table."""
    text = (SERVICES / service / "README.md").read_text(encoding="utf-8")
    rows = re.findall(r"^\|\s*(`[^|]*)\|", text, flags=re.MULTILINE)
    return {name for row in rows for name in re.findall(r"\bJOSEFINE_[A-Z0-9_]+\b", row)}


def test_services_are_found():
    assert {"ingest", "feature", "inference", "nlu", "gateway"} == set(NAMES)


@pytest.mark.parametrize("service", NAMES)
def test_table_lists_every_variable_and_no_other(service):
    missing, unknown = variables(service) - documented(service), documented(service) - variables(service) - STORE
    assert (sorted(missing), sorted(unknown)) == ([], [])


@pytest.mark.parametrize("service", NAMES)
def test_every_setting_says_what_it_means(service):
    kinds = [kind for kind in settings_of(service).__mro__ if kind.__module__.startswith("josefine_")]
    assert [name for kind in kinds for name in undocumented_fields(kind)] == []


def undocumented_fields(kind):
    """Returns the fields that no string follows in the source."""
    body = ast.parse(textwrap.dedent(inspect.getsource(kind))).body[0].body
    return [
        field.target.id
        for field, after in pairwise([*body, ast.Pass()])
        if isinstance(field, ast.AnnAssign)
        and not (isinstance(after, ast.Expr) and isinstance(after.value, ast.Constant))
    ]


def test_a_field_without_a_docstring_is_found():
    class Riddle(StageSettings):
        told: int = 1
        """Something."""
        untold: int = 2

    assert undocumented_fields(Riddle) == ["untold"]
