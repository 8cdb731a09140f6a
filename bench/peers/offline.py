"""Peers that hear whole recordings: x real time and word error rate of the same audio, one recording after another."""

import json
import os
import subprocess
import tempfile
from collections.abc import Callable, Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

import psutil

from bench.peers.environments import environment
from bench.peers.server import THREADS
from bench.peers.weights import ctranslate2_folder, openai_checkpoint
from bench.sound import samples
from bench.streaming.system import SystemFailedError
from bench.usage import MIB, cpu_between, usage
from josefine_cli.listening import Heard, clip_recordings, listen
from josefine_cli.manifest import ReferenceClip
from josefine_cli.scoring import clip_errors
from josefine_cli.sessions import SessionOptions
from josefine_client.collector import Collector
from josefine_client.player import Player, PlayOptions
from josefine_client.publisher import Publisher
from josefine_kafka.connection import Broker
from josefine_local.errors import LocalError
from josefine_local.options import StackOptions
from josefine_local.stack import LocalStack
from josefine_text.wer import pooled

WORKERS: Final = Path(__file__).with_name("workers")
CORES: Final = 2
BATCH: Final = 16
IN_FLIGHT: Final = 32
WORK_S: Final = 600.0


@dataclass(frozen=True, slots=True)
class Offline:
    """A peer, and how it is set."""

    name: str
    environment: str
    worker: str
    weights: Callable[[Path], Path] | None
    options: Mapping[str, Any] = field(default_factory=dict)
    settings: str = ""


def _faster_whisper(compute_type: str, batch: int) -> Offline:
    how = f"BatchedInferencePipeline, batch_size {batch}" if batch else "WhisperModel.transcribe"
    return Offline(
        f"faster-whisper {'batched' if batch else 'sequential'} {compute_type}",
        "faster-whisper",
        "faster_whisper_worker.py",
        ctranslate2_folder,
        {"compute_type": compute_type, "batch": batch},
        f"faster-whisper 1.2.1, {how}, {compute_type}, beam_size 1, cpu_threads {CORES}",
    )


OFFLINE: Final = (
    _faster_whisper("int8", 0),
    _faster_whisper("int8", BATCH),
    _faster_whisper("float32", 0),
    _faster_whisper("float32", BATCH),
    Offline(
        "openai-whisper",
        "openai-whisper",
        "openai_whisper_worker.py",
        openai_checkpoint,
        settings=f"openai-whisper 20250625, greedy, float32, {CORES} threads; the same weights under OpenAI's names",
    ),
    Offline(
        "moonshine-voice tiny (other weights)",
        "moonshine-voice",
        "moonshine_worker.py",
        None,
        settings="moonshine-voice 0.0.49, the last version that has weights in it: Moonshine tiny, not Whisper",
    ),
)


def hear_all(
    peer: Offline, clips: Sequence[ReferenceClip], cache: Path, progress: Callable[[str], None]
) -> dict[str, Any]:
    """Returns the row of a peer.

    Raises:
        SystemFailedError: it cannot be had, or failed; with its last words.
    """
    python = environment(peer.environment, cache, progress)
    job = dict(peer.options) | {"threads": CORES, "model": str(peer.weights(cache)) if peer.weights else ""}
    with tempfile.TemporaryDirectory() as folder:
        job["recordings"] = [str(_raw(clip, Path(folder) / f"{number}.raw")) for number, clip in enumerate(clips)]
        path = Path(folder) / "job.json"
        path.write_text(json.dumps(job), encoding="utf-8")
        texts, spent, private_mib = _work([str(python), str(WORKERS / peer.worker), str(path)], peer.name, len(clips))
    errors = pooled(clip_errors(clip, (text,)) for clip, text in zip(clips, texts, strict=True))
    return _row(peer.name, clips, spent["seconds"], errors.rate) | {
        "cores": spent["cpu_s"] / spent["seconds"],
        "private_mib": private_mib,
    }


def josefine_offline(clips: Sequence[ReferenceClip], progress: Callable[[str], None]) -> dict[str, Any]:
    """Returns the row of the whole stack, which gets all recordings at once and has to decode and number them too."""
    try:
        with LocalStack(StackOptions.from_environment(), progress=progress) as stack:
            broker = Broker(stack.bootstrap_servers)
            _played(broker, clips[:4])
            before = usage(stack)
            heard, seconds = _played(broker, clips)
            after = usage(stack)
    except LocalError as error:
        raise SystemFailedError(str(error)) from error
    errors = pooled(each.score.errors for each in heard)
    return _row("josefine", clips, seconds, errors.rate) | {
        "cores": sum(cpu_between(before, after).values()) / seconds,
        "private_mib": sum(used.private_mib for used in after.values()),
    }


def _played(broker: Broker, clips: Sequence[ReferenceClip]) -> tuple[list[Heard], float]:
    jobs = clip_recordings(clips, SessionOptions(), None)
    with Publisher.connect(broker) as publisher, Collector.connect(broker, want_understanding=False) as collector:
        began_s = publisher.clock.monotonic_s()
        with closing(listen(Player(publisher, collector, PlayOptions(in_flight=IN_FLIGHT)), jobs)) as events:
            heard = [event for event in events if isinstance(event, Heard)]
        seconds = publisher.clock.monotonic_s() - began_s
    failures = [each.score.failure for each in heard if each.score.failure]
    if failures:
        raise SystemFailedError(f"josefine: {failures[0]}")
    return heard, seconds


def _row(name: str, clips: Sequence[ReferenceClip], seconds: float, wer: float) -> dict[str, Any]:
    audio_s = sum(clip.duration_s for clip in clips)
    return {"system": f"{name}, offline", "audio_s": audio_s, "x_real_time": audio_s / seconds, "wer": wer}


def _raw(clip: ReferenceClip, path: Path) -> Path:
    samples(clip.path).tofile(path)
    return path


def _work(command: list[str], name: str, recordings: int) -> tuple[list[str], dict[str, float], float]:
    """Returns the texts, what hearing them took, and the worker's private memory behind it, in MiB."""
    with tempfile.TemporaryFile("w+") as said:
        worker = subprocess.Popen(
            command,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=said,
            text=True,
            env=dict(os.environ) | THREADS,
        )
        try:
            lines = [line for _, line in zip(range(recordings + 1), worker.stdout or (), strict=False)]
            if len(lines) == recordings + 1:
                private_mib = psutil.Process(worker.pid).memory_full_info().uss / MIB
                return [json.loads(line)["text"] for line in lines[:-1]], json.loads(lines[-1]), private_mib
            worker.wait(WORK_S)
            said.seek(0)
            last = ([line.strip() for line in said.read().splitlines() if line.strip()] or ["no reason"])[-1]
            raise SystemFailedError(f"{name} ended with status {worker.returncode}: {last}")
        finally:
            worker.kill()
            worker.wait()
