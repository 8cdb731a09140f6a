"""`josefine doctor`: what this machine has of what the engine needs, and how to get the rest."""

import importlib.util
import os
import sys
import urllib.request
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Final

import typer
from rich.console import Console
from rich.text import Text

import josefine_models
from josefine_local.errors import LocalError, MissingError
from josefine_local.jar_lock import kafka_version, locked_jars
from josefine_local.jar_sources import maven_program, repository_url
from josefine_local.jars import jar_folder, missing_jars
from josefine_local.java import find_java
from josefine_local.models import DEFAULT_MODELS
from josefine_local.options import SERVICE_ROLES, UP_PORTS
from josefine_local.ports import is_free
from josefine_local.stack import attach
from josefine_local.tansu import find_tansu
from josefine_local.valkey import find_valkey
from josefine_models.paths import models_dir
from josefine_speech.kernels.library import KernelsMissingError, best_kernels

OLDEST_PYTHON: Final = (3, 11)
NETWORK_TIMEOUT_S: Final = 10.0
SERVICE_PACKAGES: Final = {
    "ingest": ("av", "soxr"),
    "feature": ("safetensors",),
    "inference": ("safetensors", "tokenizers", "torch"),
    "nlu": ("presidio_analyzer", "presidio_anonymizer", "spacy", "vaderSentiment"),
}


@dataclass(frozen=True, slots=True)
class Finding:
    """One line of the report."""

    subject: str
    found: str
    ok: bool = True
    needed: bool = field(default=True, kw_only=True)
    """A thing that is only useful does not make the command fail."""


def doctor() -> None:
    """Check this machine: what is there, what is missing, and the mend.

    The exit status is 1 if something needed is missing.
    """
    console = Console()
    findings = []
    for check in CHECKS:
        finding = check()
        findings.append(finding)
        console.print(_line(finding), soft_wrap=True)
    if any(finding.needed and not finding.ok for finding in findings):
        raise typer.Exit(1)


def _line(finding: Finding) -> Text:
    mark, style = ("ok", "green") if finding.ok else ("missing", "red") if finding.needed else ("optional", "yellow")
    return Text.assemble((f"{mark:<9}", style), f"{finding.subject:<11}", finding.found)


def _python() -> Finding:
    have = ".".join(str(part) for part in sys.version_info[:3])
    ok = sys.version_info >= OLDEST_PYTHON
    return Finding("python", have if ok else f"{have}: 3.11 or newer is needed", ok)


def _packages() -> Finding:
    missing = {
        role: [name for name in names if importlib.util.find_spec(name) is None]
        for role, names in SERVICE_PACKAGES.items()
    }
    lacking = [f"{', '.join(names)} (of {role})" for role, names in missing.items() if names]
    return Finding("packages", f"{'; '.join(lacking)}: make setup" if lacking else "of all services", not lacking)


def _java() -> Finding:
    def describe() -> str:
        java = find_java()
        return f"{java.version}, {java.origin}"

    return _program("java", describe, needed=not _stand_in())


def _jars() -> Finding:
    jars = locked_jars()
    missing = len(missing_jars(jars, jar_folder()))
    if not missing:
        return Finding("kafka jars", f"{kafka_version(jars)}, {len(jars)} files in {jar_folder()}")
    source = maven_program() or _reachable_repository()
    found = f"{missing} of {len(jars)} are not in {jar_folder()}"
    if source:
        return Finding("kafka jars", f"{found}; the first start fetches them from {source}")
    mend = "connect to the network, or name a repository in JOSEFINE_MAVEN_REPOSITORY"
    return Finding(
        "kafka jars", f"{found} and {repository_url()} cannot be reached: {mend}", ok=False, needed=not _stand_in()
    )


def _reachable_repository() -> str | None:
    request = urllib.request.Request(  # noqa: S310 - the URL of jar_sources, an http(s) one
        f"{repository_url()}/{locked_jars()[0].repository_path}", method="HEAD"
    )
    try:
        with urllib.request.urlopen(request, timeout=NETWORK_TIMEOUT_S):  # noqa: S310
            return repository_url()
    except (OSError, ValueError):
        return None


def _tansu() -> Finding:
    return _program("tansu", lambda: f"{find_tansu()}, the stand-in where Apache Kafka cannot run", needed=False)


def _store() -> Finding:
    return _program("store", lambda: str(find_valkey()))


def _models() -> Finding:
    missing = []
    for name in DEFAULT_MODELS:
        try:
            josefine_models.verify(name)
        except josefine_models.ModelMissing:
            missing.append(name)
        except josefine_models.ModelError as error:
            return Finding("models", f"{error}; josefine models fetch {name}", ok=False)
    if missing:
        found = f"{', '.join(missing)} not in {models_dir()}: the first start fetches them, or josefine models fetch"
        return Finding("models", found)
    return Finding("models", f"{', '.join(DEFAULT_MODELS)}: verified, in {models_dir()}")


def _torch() -> Finding:
    try:
        import torch  # noqa: PLC0415 - takes seconds, and where it is broken that is a finding
    except ImportError as error:
        return Finding("torch", f"{error}: make setup", ok=False)
    return Finding("torch", torch.__version__)


def _kernels() -> Finding:
    try:
        return Finding("kernels", f"features by {best_kernels().instruction_set}")
    except KernelsMissingError as error:
        return Finding("kernels", str(error), ok=False)


def _device() -> Finding:
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    cpu = f"{cores} CPU cores"
    try:
        import torch  # noqa: PLC0415 - takes seconds, and where it is broken that is a finding
    except ImportError:
        return Finding("devices", cpu)
    if not torch.cuda.is_available():
        return Finding("devices", f"{cpu}, no CUDA device: inference runs on the CPU", ok=False, needed=False)
    names = [torch.cuda.get_device_name(index) for index in range(torch.cuda.device_count())]
    return Finding("devices", f"{cpu}, {', '.join(names)}")


def _ports() -> Finding:
    if attach() is not None:
        return Finding("ports", "used by the stack that runs")
    metrics = range(UP_PORTS.metrics, UP_PORTS.metrics + len(SERVICE_ROLES))
    wanted = {UP_PORTS.kafka: "--kafka-port", UP_PORTS.controller: "--controller-port", UP_PORTS.redis: "--redis-port"}
    wanted[UP_PORTS.http] = "--http-port"
    wanted |= dict.fromkeys(metrics, "--metrics-port")
    taken = [f"{port} is in use (josefine up {option})" for port, option in wanted.items() if not is_free(port)]
    return Finding("ports", "; ".join(taken) or f"{', '.join(map(str, wanted))} are free", not taken, needed=False)


def _program(subject: str, find: Callable[[], str], *, needed: bool = True) -> Finding:
    try:
        return Finding(subject, find(), needed=needed)
    except LocalError as error:
        return Finding(subject, str(error), ok=False, needed=needed)


def _stand_in() -> bool:
    """Returns whether a broker is there without Java and jars."""
    try:
        find_tansu()
    except MissingError:
        return False
    return True


CHECKS: Final[tuple[Callable[[], Finding], ...]] = (
    _python,
    _packages,
    _java,
    _jars,
    _tansu,
    _store,
    _models,
    _kernels,
    _torch,
    _device,
    _ports,
)
