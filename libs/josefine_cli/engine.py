"""Finds the engine that a command talks to: the broker that is named, the stack that runs, or one for the call."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager

from josefine_cli.errors import CliError
from josefine_kafka.broker_environment import broker_at, named_servers
from josefine_kafka.connection import Broker
from josefine_local.options import StackOptions, standard_services
from josefine_local.paths import default_run_dir
from josefine_local.stack import LocalStack, attach
from josefine_stage.errors import ConfigurationError


def running_broker() -> Broker | None:
    """Returns the broker that the environment names, else the one of the stack that runs, else None.

    Raises:
        CliError: JOSEFINE_KAFKA_EXTRA is no JSON object.
    """
    if servers := named_servers():
        return _broker(servers)
    stack = attach(default_run_dir())
    return None if stack is None else _broker(stack.bootstrap_servers)


def require_broker() -> Broker:
    """Returns the broker of a running engine.

    Raises:
        CliError: there is none.
    """
    broker = running_broker()
    if broker is None:
        raise CliError("no engine runs here: start one with `josefine up`, or name brokers in KAFKA_BOOTSTRAP_SERVERS")
    return broker


@contextmanager
def engine_for_call(say: Callable[[str], None], model: str = "") -> Iterator[Broker]:
    """Gives the broker of a running engine, or starts a stack (with `model`) and stops it at the end of the block."""
    broker = running_broker()
    if broker is not None:
        yield broker
        return
    say("no engine runs here: starting one for this call (`josefine up` keeps one running)")
    with started_stack(say, model) as stack:
        yield stack_broker(stack)


def started_stack(say: Callable[[str], None], model: str = "") -> LocalStack:
    """Returns a stack to be entered: of its own, in a temporary folder, on free ports.

    It refuses no live session, whatever JOSEFINE_LIVE_STREAMS says: all are this command's own, and on a slow machine
    they are late rather than gone.

    Raises:
        LocalError: an environment variable makes no sense.
    """
    inference = {"JOSEFINE_LIVE_STREAMS": "0"} | ({"JOSEFINE_MODEL": model} if model else {})
    services = standard_services({"inference": inference})
    return LocalStack(StackOptions.from_environment(services=services), progress=say)


def stack_broker(stack: LocalStack) -> Broker:
    """Returns the broker of a stack that was started here."""
    return _broker(stack.bootstrap_servers)


def _broker(servers: str) -> Broker:
    try:
        # What librdkafka retries by itself is no news for a person; what fails is raised.
        return broker_at(servers, log_level="2")
    except ConfigurationError as error:
        raise CliError(str(error), exit_status=2) from error
