"""Asks all services what they say of themselves, for as many viewers as there are. One event loop."""

import asyncio
import time
from collections import deque
from collections.abc import Callable, Mapping
from typing import Final

import httpx

from josefine_gateway.console.reading import Reading, ReadingError, read_metrics, read_status
from josefine_gateway.console.survey import Readings, survey
from josefine_gateway.console.view import PipelineView

FRESH_S: Final = 0.5
"""Viewers that ask within it get the same answer: the page asks once a second."""
ANSWER_WITHIN_S: Final = 0.8
"""A service that takes longer is shown as not answering; the page would otherwise wait for the slowest."""
REMEMBERED_S: Final = 60.0
"""Looks that latency is taken over."""


class Pipeline:
    """The services as they were seen last, and a minute before. Holds that in memory and nothing else."""

    def __init__(
        self,
        services: Mapping[str, str],
        client: httpx.AsyncClient,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        """Asks nobody yet.

        `services`: name -> URL of its metrics port, http://127.0.0.1:9101; the name is the stage's, or STAGE/REPLICA
        where it has several. `client` is the caller's to close.
        """
        self._services = {name: url.rstrip("/") for name, url in services.items()}
        self._client = client
        self._clock = clock
        self._asking = asyncio.Lock()
        self._looks: deque[Readings] = deque()
        self._looked_s = float("-inf")
        self._view: PipelineView | None = None

    async def view(self) -> PipelineView:
        """Returns the pipeline, at most half a second old. A service that does not answer is shown as such."""
        async with self._asking:
            if self._view is None or self._clock() - self._looked_s >= FRESH_S:
                self._view = survey(await self._look())
            return self._view

    async def _look(self) -> tuple[Readings, ...]:
        """Asks all services at once and returns what is remembered, the new look last."""
        readings = await asyncio.gather(*(self._ask(url) for url in self._services.values()))
        self._looked_s = self._clock()
        while self._looks and self._looked_s - self._looked_s_of(self._looks[0]) > REMEMBERED_S:
            self._looks.popleft()
        self._looks.append(dict(zip(self._services, readings, strict=True)))
        return tuple(self._looks)

    @staticmethod
    def _looked_s_of(look: Readings) -> float:
        return max((reading.at_s for reading in look.values()), default=float("-inf"))

    async def _ask(self, url: str) -> Reading:
        try:
            async with asyncio.timeout(ANSWER_WITHIN_S):
                metrics, status, ready = await asyncio.gather(
                    *(self._client.get(f"{url}{path}") for path in ("/metrics", "/status", "/readyz"))
                )
            metrics.raise_for_status()
            status.raise_for_status()
            values, buckets = read_metrics(metrics.text)
            not_ready = "" if ready.is_success else ready.text.strip() or f"/readyz answers {ready.status_code}"
            return Reading(self._clock(), "", not_ready, values, buckets, read_status(status.text))
        except TimeoutError:
            return Reading(self._clock(), f"no answer within {ANSWER_WITHIN_S:g} s")
        except httpx.HTTPStatusError as error:
            return Reading(self._clock(), f"answers {error.response.status_code}")
        except httpx.HTTPError as error:
            return Reading(self._clock(), str(error) or type(error).__name__)
        except ReadingError as error:
            return Reading(self._clock(), str(error))
