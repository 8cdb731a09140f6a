"""docker-compose.yml and deploy/: whole, consistent with the code, and right by the schema of compose files.

No engine is needed. `docker compose config` runs where the plugin is; where it is not, that one test is skipped.
"""

import json
import re
import shutil
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest
import yaml
from stage_settings import settings_of

from josefine_models.store import known

ROOT = Path(__file__).parents[2]
COMPOSE = yaml.safe_load((ROOT / "docker-compose.yml").read_text(encoding="utf-8"))
SERVICES = COMPOSE["services"]
STAGES = {
    name: spec["build"]["args"]["SERVICE"] for name, spec in SERVICES.items() if "build" in spec and name != "topics"
}
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
DOCKERFILE = (ROOT / "deploy" / "Dockerfile").read_text(encoding="utf-8")
ALWAYS_READ = {"JOSEFINE_MODELS_DIR", "JOSEFINE_SERVICE"}


def plain(value):
    """Returns a value with ${NAME:-default} replaced by the default."""
    return re.sub(r"\$\{\w+:-([^}]*)\}", r"\1", str(value))


def readable(stage):
    """Returns the variables that a stage reads."""
    names = set(ALWAYS_READ)
    for name, field in settings_of(stage).model_fields.items():
        alias = field.validation_alias
        names.update(alias.choices if alias is not None else [f"JOSEFINE_{name.upper()}"])
    return names


def image_environment():
    """Returns what the Dockerfile sets."""
    return dict(re.findall(r"(JOSEFINE_[A-Z_]+)=(\S+)", DOCKERFILE.partition("ENV PATH")[2].partition("USER")[0]))


def active(profile):
    return {name for name, spec in SERVICES.items() if profile in spec.get("profiles", [profile])}


def test_is_a_compose_file():
    command = [
        sys.executable,
        "-m",
        "check_jsonschema",
        "--builtin-schema",
        "vendor.compose-spec",
        "docker-compose.yml",
    ]
    checked = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    assert checked.returncode == 0, checked.stdout + checked.stderr


def has_compose():
    return (
        shutil.which("docker")
        and not subprocess.run(["docker", "compose", "version"], capture_output=True, check=False).returncode
    )


@pytest.mark.skipif(not has_compose(), reason="docker compose is not installed")
@pytest.mark.parametrize("profile", ["cpu", "gpu", "observe"])
def test_docker_compose_config_accepts_it(profile):
    command = ["docker", "compose", "--profile", profile, "config", "--format", "json"]
    checked = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    assert checked.returncode == 0, checked.stderr
    assert set(json.loads(checked.stdout)["services"]) == active(profile)


@pytest.mark.parametrize(("profile", "inference"), [("cpu", "inference"), ("gpu", "inference-gpu")])
def test_a_profile_is_the_whole_engine(profile, inference):
    assert active(profile) == {"kafka", "redis", "topics", "ingest", "feature", "nlu", "gateway", inference}


def test_every_stage_is_there():
    assert set(STAGES.values()) == {folder.name for folder in (ROOT / "services").iterdir()}


@pytest.mark.parametrize("name", [*STAGES, "topics"])
def test_image_can_be_built(name):
    build = SERVICES[name]["build"]
    assert (ROOT / build["context"] / build["dockerfile"]).is_file()
    stage = build["args"]["SERVICE"]
    assert stage in PROJECT["optional-dependencies"]
    assert (ROOT / "requirements" / f"{stage}.lock").is_file()
    assert set(build["args"]) <= set(re.findall(r"^ARG (\w+)", DOCKERFILE, flags=re.MULTILINE))
    models = plain(build["args"].get("MODELS", "")).split()
    assert set(models) <= {model.name for model in known()}


@pytest.mark.parametrize("name", STAGES)
def test_environment_is_read_and_valid(name, monkeypatch):
    environment = image_environment() | {key: plain(value) for key, value in SERVICES[name]["environment"].items()}
    assert set(environment) - readable(STAGES[name]) == set()
    for key, value in environment.items():
        monkeypatch.setenv(key, value)
    settings = settings_of(STAGES[name])()
    assert settings.kafka_bootstrap_servers == "kafka:19092"
    assert settings.metrics_host == "0.0.0.0"


def test_topics_are_created_from_variables_that_are_read():
    assert SERVICES["topics"]["command"] == ["python", "-m", "josefine_kafka.admin"]
    modules = [ROOT / "libs" / "josefine_kafka" / f"{name}.py" for name in ("admin", "broker_environment")]
    source = "".join(module.read_text(encoding="utf-8") for module in modules)
    assert [name for name in SERVICES["topics"]["environment"] if f'"{name}"' not in source] == []


def test_replicas_have_different_names():
    names = [(STAGES[name], SERVICES[name]["environment"]["JOSEFINE_INSTANCE_ID"]) for name in STAGES]
    assert len(set(names)) == len(names)


@pytest.mark.parametrize("name", STAGES)
def test_health_is_readiness(name):
    port = SERVICES[name]["environment"]["JOSEFINE_METRICS_PORT"]
    assert f"http://127.0.0.1:{port}/readyz" in SERVICES[name]["healthcheck"]["test"][-1]
    compile(SERVICES[name]["healthcheck"]["test"][-1], "healthcheck", "exec")


def test_the_images_own_health_check_is_readiness():
    code = json.loads("[" + re.search(r"HEALTHCHECK .*\n\s+CMD \[(.*)\]", DOCKERFILE)[1] + "]")[-1]
    assert "/readyz" in code
    compile(code, "healthcheck", "exec")


@pytest.mark.parametrize("name", SERVICES)
def test_everything_is_bounded_pinned_and_restarted(name):
    spec = SERVICES[name]
    assert spec["deploy"]["resources"]["limits"]["memory"]
    assert spec["restart"] == ("no" if name == "topics" else "unless-stopped")
    tag = plain(spec["image"]).rpartition(":")[2]
    assert tag != "latest"
    assert "build" in spec or re.search(r"\d", tag)


@pytest.mark.parametrize("name", STAGES)
def test_stages_drain_before_they_are_killed(name):
    settings = settings_of(STAGES[name])
    seconds = int(SERVICES[name]["stop_grace_period"].removesuffix("s"))
    assert seconds > settings.model_fields["broker_timeout_s"].default


def test_names_refer_to_something():
    for name, spec in SERVICES.items():
        assert set(spec.get("depends_on", ())) <= set(SERVICES), name
        mounts = [mount.split(":")[0] for mount in spec.get("volumes", ())]
        assert [m for m in mounts if m not in COMPOSE["volumes"] and not (ROOT / m).exists()] == [], name
    used = {mount.split(":")[0] for spec in SERVICES.values() for mount in spec.get("volumes", ())}
    assert set(COMPOSE["volumes"]) <= used


def test_nothing_listens_beyond_this_machine():
    assert [p for spec in SERVICES.values() for p in spec.get("ports", ()) if not p.startswith("127.0.0.1:")] == []


def test_only_the_gpu_profile_asks_for_a_gpu():
    asking = {name for name, spec in SERVICES.items() if "reservations" in spec["deploy"]["resources"]}
    assert asking == active("gpu") - active("cpu")
    (device,) = SERVICES["inference-gpu"]["deploy"]["resources"]["reservations"]["devices"]
    assert (device["driver"], device["capabilities"]) == ("nvidia", ["gpu"])


def test_the_broker_is_the_one_of_the_local_stack():
    lock = (ROOT / "libs" / "josefine_local" / "kafka-jars.lock").read_text(encoding="utf-8")
    (version,) = set(re.findall(r"org\.apache\.kafka:kafka_2\.13:([\d.]+)", lock))
    assert SERVICES["kafka"]["image"] == f"apache/kafka:{version}"


def test_prometheus_asks_the_stages():
    config = yaml.safe_load((ROOT / "deploy" / "prometheus" / "prometheus.yml").read_text(encoding="utf-8"))
    (found,) = config["scrape_configs"][0]["dns_sd_configs"]
    assert set(found["names"]) == set(STAGES.values())
    assert {SERVICES[name]["environment"]["JOSEFINE_METRICS_PORT"] for name in STAGES} == {str(found["port"])}


# The Dockerfile.


def test_what_is_copied_is_in_the_build_context():
    kept = {line[1:].rstrip("/") for line in (ROOT / ".dockerignore").read_text().splitlines() if line.startswith("!")}
    copied = [
        source.rstrip("/")
        for line in re.findall(r"^COPY (?!--from)(.*)$", DOCKERFILE, flags=re.MULTILINE)
        for source in line.split()[:-1]
    ]
    assert [source for source in copied if source not in kept or not (ROOT / source).exists()] == []


def test_the_image_runs_as_nobody_in_particular():
    last = DOCKERFILE.rpartition("\nFROM ")[2]
    user = re.findall(r"^USER (\S+)", last, flags=re.MULTILINE)[-1]
    assert int(user.partition(":")[0]) > 0


@pytest.mark.parametrize("script", ["image-steps.sh", "test-image.sh"])
def test_scripts_are_shell(script):
    checked = subprocess.run(["sh", "-n", ROOT / "deploy" / script], capture_output=True, text=True, check=False)
    assert (checked.returncode, checked.stderr) == (0, "")


@pytest.mark.parametrize("arguments", [["fly"], ["packages", "nosuch", "venv"]])
def test_a_wrong_step_is_one_readable_line(arguments):
    command = ["sh", "deploy/image-steps.sh", *arguments]
    tried = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    assert tried.returncode == 2
    assert re.fullmatch(r"image-steps: no .*\n", tried.stderr)
