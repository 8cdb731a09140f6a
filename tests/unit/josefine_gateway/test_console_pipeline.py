import asyncio
from itertools import count

import httpx
import pytest
from pipeline_kit import Service, client, device

from josefine_gateway.console import Pipeline


class Clock:
    """Time as the test has it."""

    now_s = 100.0

    def __call__(self):
        return self.now_s


@pytest.fixture
def clock():
    return Clock()


def looks(pipeline, clock, *meanwhile, seconds=1.0):
    """The view after each of the steps."""

    async def all_of_them():
        views = [await pipeline.view()]
        for step in meanwhile:
            step()
            clock.now_s += seconds
            views.append(await pipeline.view())
        return views

    return asyncio.run(all_of_them())


def test_a_stage_is_the_sum_of_its_replicas(clock):
    services = {"one": Service("nlu"), "two": Service("nlu")}
    services["one"].metrics.lag.set(3)
    services["two"].metrics.lag.set(4)
    pipeline = Pipeline({"nlu/1": "http://one", "nlu/2": "http://two/"}, client(services), clock)
    later = looks(pipeline, clock, lambda: services["two"].metrics.records.inc(8))[-1]
    (stage,) = later.stages
    assert (stage.name, stage.topic, stage.lag_records, stage.records_per_s) == ("nlu", "transcripts", 7, 8)
    assert [(one.name, one.state, one.records_per_s) for one in stage.replicas] == [
        ("nlu/1", "working", 0),
        ("nlu/2", "working", 8),
    ]


def test_first_look_has_no_rates(clock):
    pipeline = Pipeline({"ingest": "http://one"}, client({"one": Service("ingest")}), clock)
    (view,) = looks(pipeline, clock)
    assert view.stages[0].records_per_s is None
    assert (view.devices, view.latency, view.live_streams) == ((), None, None)


def test_a_service_that_does_not_answer_is_shown_and_the_others_too(clock):
    pipeline = Pipeline({"ingest": "http://one", "nlu": "http://gone"}, client({"one": Service("ingest")}), clock)
    ingest, nlu = looks(pipeline, clock, lambda: None)[-1].stages
    assert (ingest.replicas[0].state, ingest.records_per_s) == ("working", 0)
    assert (nlu.replicas[0].state, nlu.replicas[0].reason, nlu.lag_records) == ("not_answering", "refused", None)


def test_a_service_that_came_back_has_rates_after_two_answers(clock):
    services = {}
    pipeline = Pipeline({"nlu": "http://one"}, client(services), clock)
    back = lambda: services.update(one=Service("nlu"))  # noqa: E731 - a step of the test
    views = looks(pipeline, clock, back, lambda: services["one"].metrics.records.inc(2))
    assert [view.stages[0].records_per_s for view in views] == [None, None, 2]


def test_a_service_that_waits_says_why(clock):
    service = Service("nlu")
    service.not_ready = "waiting for the consumer group"
    pipeline = Pipeline({"nlu": "http://one"}, client({"one": service}), clock)
    (replica,) = looks(pipeline, clock)[0].stages[0].replicas
    assert (replica.state, replica.reason) == ("waiting", "waiting for the consumer group")


def test_devices_and_their_pace(clock):
    service = Service(devices=[device(restarts=2)], live_streams=3, stream_capacity=20, windows_waiting=1)

    def work():
        service.status["devices"] = [device(restarts=3, busy_s=0.25, audio_s=15.0)]

    pipeline = Pipeline({"inference": "http://one"}, client({"one": service}), clock)
    view = looks(pipeline, clock, work)[-1]
    (line,) = view.devices
    assert (line.replica, line.device, line.restarts) == ("inference", "cpu", 3)
    assert (line.busy_share, line.pace) == (0.25, 60)
    assert (view.live_streams, view.stream_capacity, view.windows_waiting) == (3, 20, 1)


def test_latency_is_of_the_last_minute_and_else_of_all_time(clock):
    service = Service(devices=[])
    for _ in range(10):
        service.finals.observe(0.7)
    pipeline = Pipeline({"inference": "http://one"}, client({"one": service}), clock)
    first, later = looks(pipeline, clock, lambda: service.finals.observe(0.15))
    assert (first.latency.finals, first.latency.window_s) == (10, None)
    assert first.latency.p50_s == pytest.approx(0.6)
    assert (later.latency.finals, later.latency.window_s) == (1, 1.0)
    assert 0.1 < later.latency.p50_s < 0.2


def test_what_is_older_than_a_minute_is_forgotten(clock):
    service = Service(devices=[])
    pipeline = Pipeline({"inference": "http://one"}, client({"one": service}), clock)
    observe = lambda: service.finals.observe(0.15)  # noqa: E731 - a step of the test
    views = looks(pipeline, clock, *[observe] * 8, seconds=20.0)
    assert [view.latency.finals for view in views[1:]] == [1, 2, 3, 3, 3, 3, 3, 3]


def test_many_viewers_cost_one_look(clock):
    service, asked = Service("nlu"), count()

    def handler(request):
        next(asked)
        return service.answer(request.url.path)

    pipeline = Pipeline({"nlu": "http://one"}, httpx.AsyncClient(transport=httpx.MockTransport(handler)), clock)

    async def crowd():
        await asyncio.gather(*(pipeline.view() for _ in range(20)))
        clock.now_s += 0.4
        await pipeline.view()

    asyncio.run(crowd())
    assert next(asked) == 3


def test_answers_of_another_program_are_said_to_be_none(clock):
    def handler(request):
        return httpx.Response(200, text="<html>") if request.url.host == "page" else httpx.Response(404)

    services = {"nlu": "http://page", "feature": "http://other"}
    pipeline = Pipeline(services, httpx.AsyncClient(transport=httpx.MockTransport(handler)), clock)
    reasons = [stage.replicas[0].reason for stage in looks(pipeline, clock)[0].stages]
    assert "/metrics" in reasons[0] or "/status" in reasons[0]
    assert reasons[1] == "answers 404"


def test_no_services_is_an_empty_pipeline(clock):
    assert looks(Pipeline({}, client({}), clock), clock)[0].stages == ()
