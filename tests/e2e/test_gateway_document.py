"""The OpenAPI document is what the routes do: made-up requests get statuses, types and bodies that stand in it."""

import schemathesis
from hypothesis import HealthCheck, given, settings
from raw_sockets import PATIENCE_S
from schemathesis.generation import GenerationMode
from schemathesis.specs.openapi.checks import negative_data_rejection, positive_data_acceptance

NOT_HELD = (
    # Whether noise is audio, or a model is there, only the engine knows.
    positive_data_acceptance,
    # A query value is text: many that a JSON schema has not are read all the same, such as True for true.
    negative_data_rejection,
)
EXAMPLES = 10
"""Of each route and kind: each noise that is sent as audio is a session, and ends in dead.letters."""


def made(operation, mode):
    """Returns a check of an operation with requests that the document has, or has not."""

    @settings(
        max_examples=EXAMPLES,
        deadline=None,
        derandomize=True,
        database=None,
        suppress_health_check=list(HealthCheck),
    )
    @given(case=operation.as_strategy(generation_mode=mode))
    def check(case):
        case.call_and_validate(excluded_checks=NOT_HELD, timeout=PATIENCE_S)

    return check


def test_every_answer_is_in_the_document(gateway):
    document = schemathesis.openapi.from_url(f"{gateway.url}/openapi.json", wait_for_schema=PATIENCE_S)
    operations = [found.ok() for found in document.get_all_operations()]
    assert {operation.path for operation in operations} >= {"/v1/listen", "/v1/read", "/v1/audio/transcriptions"}
    for operation in operations:
        made(operation, GenerationMode.POSITIVE)()
        if operation.body:  # nothing that is asked without one can be wrong
            made(operation, GenerationMode.NEGATIVE)()
