"""What `josefine up` asks the local stack for."""

import pytest
from typer.testing import CliRunner

from josefine_cli import stack
from josefine_cli.main import app
from josefine_gateway.settings import GatewaySettings
from josefine_inference.settings import InferenceSettings


@pytest.fixture
def asked(monkeypatch, tmp_path):
    """Gives the environments of the services, by role, that `up` with such arguments would start."""
    for name in ("JOSEFINE_MODEL", "JOSEFINE_MODELS", "JOSEFINE_BROKER", "JOSEFINE_DELIVERY"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("JOSEFINE_RUN_DIR", str(tmp_path))

    def up(*arguments):
        options = []
        monkeypatch.setattr(stack, "_foreground", options.append)
        done = CliRunner().invoke(app, ["up", *arguments])
        assert done.exit_code == 0, done.output
        return {service.role: service.environment for service in options[0].services}

    return up


def test_inference_and_the_gateway_get_the_model(asked, monkeypatch):
    environments = asked("--model", "base")
    assert [role for role, own in environments.items() if own] == ["inference", "gateway"]
    for role, settings in (("inference", InferenceSettings), ("gateway", GatewaySettings)):
        with monkeypatch.context() as patched:
            for name, value in environments[role].items():
                patched.setenv(name, value)
            assert settings().model == "base"


def test_without_a_model_their_own_environment_decides(asked):
    assert asked() == {role: {} for role in ("ingest", "feature", "inference", "nlu", "gateway")}


def test_services_that_are_left_out_get_nothing(asked):
    assert asked("--services", "inference", "--model", "base") == {"inference": {"JOSEFINE_MODEL": "base"}}
