"""Replicas of the gateway beside a running engine, to be asked, killed and told to end by tests."""

import os
import signal
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import httpx
from deadlines import wait_until

from josefine_local.ports import free_ports
from josefine_local.probes import http_ready
from josefine_local.process import leashed
from josefine_local.stack import LocalStack

READY_S = 60.0
END_S = 60.0


class Gateway:
    """One process. `start` may be called again after `kill` or `end`: the port stays."""

    def __init__(self, stack: LocalStack, folder: Path, **environment: str) -> None:
        self.port, self.metrics_port = free_ports(2)
        self.url = f"http://127.0.0.1:{self.port}"
        self.ws_url = f"ws://127.0.0.1:{self.port}"
        self.log = folder / f"gateway-{self.port}.log"
        self._process: subprocess.Popen[bytes] | None = None
        self.environment = {
            **os.environ,
            "JOSEFINE_KAFKA_BOOTSTRAP_SERVERS": stack.bootstrap_servers,
            "JOSEFINE_REDIS_URL": stack.redis_url,
            "JOSEFINE_HTTP_PORT": str(self.port),
            "JOSEFINE_METRICS_PORT": str(self.metrics_port),
            "JOSEFINE_INSTANCE_ID": f"gateway-{self.port}",
            **environment,
        }

    @property
    def pid(self) -> int:
        """The process."""
        assert self._process is not None
        return self._process.pid

    def start(self) -> "Gateway":
        """Returns when it is ready."""
        with self.log.open("ab") as log:
            # It ends with the tests, however they end.
            command = leashed((sys.executable, "-m", "josefine_gateway"))
            self._process = subprocess.Popen(command, env=self.environment, stderr=log, stdout=log)
        wait_until(self._is_ready, within_s=READY_S, awaited=lambda: f"the gateway, ready; its log is {self.log}")
        return self

    def status(self) -> dict[str, Any]:
        """What it says of itself."""
        answer: dict[str, Any] = httpx.get(f"http://127.0.0.1:{self.metrics_port}/status", timeout=READY_S).json()
        return answer

    def kill(self) -> None:
        """SIGKILL: nobody is told anything."""
        self._signal(signal.SIGKILL)

    def end(self) -> int:
        """SIGTERM; returns the exit status once it has drained."""
        return self._signal(signal.SIGTERM)

    def pause(self) -> None:
        """SIGSTOP: it hangs, with its connections."""
        os.kill(self.pid, signal.SIGSTOP)

    def go_on(self) -> None:
        """SIGCONT."""
        os.kill(self.pid, signal.SIGCONT)

    def _signal(self, number: signal.Signals) -> int:
        assert self._process is not None
        self._process.send_signal(number)
        status = self._process.wait(END_S)
        self._process = None
        return status

    def _is_ready(self) -> bool:
        assert self._process is not None
        assert self._process.poll() is None, f"the gateway ended: {self.log.read_text()[-2000:]}"
        return http_ready(self.metrics_port)

    def close(self) -> None:
        """Ends it if it runs, stopped or not."""
        if self._process is not None:
            self.go_on()
            self.kill()


@contextmanager
def gateway_beside(stack: LocalStack, **environment: str) -> Iterator[Gateway]:
    """Gives a replica that is ready; afterwards it is gone."""
    with tempfile.TemporaryDirectory() as folder:
        gateway = Gateway(stack, Path(folder), **environment)
        try:
            yield gateway.start()
        finally:
            gateway.close()
