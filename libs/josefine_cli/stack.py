"""`josefine up`, `down`, `status`: the local stack."""

import json
import sys
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.console import Console
from rich.table import Table

from josefine_cli.errors import CliError
from josefine_local.detached import start_detached, stop_running
from josefine_local.options import (
    GATEWAY_ROLE,
    SERVICE_ROLES,
    UP_PORTS,
    BrokerChoice,
    Ports,
    Service,
    StackOptions,
    standard_services,
)
from josefine_local.paths import default_run_dir
from josefine_local.stack import LocalStack
from josefine_local.stack import status as stack_status

PORT_RANGE = {"min": 1, "max": 65_535}


def up(
    detach: Annotated[bool, typer.Option("--detach", help="Return when ready and leave the stack running.")] = False,
    model: Annotated[str | None, typer.Option(help="Whisper model, e.g. tiny.en or base.")] = None,
    broker: Annotated[
        BrokerChoice | None, typer.Option(help="kafka, tansu, or auto: kafka where it can run (JOSEFINE_BROKER).")
    ] = None,
    brokers: Annotated[
        int, typer.Option(help="Nodes of Apache Kafka: 1, or 3, which keep three copies and go on without one of them.")
    ] = 1,
    services: Annotated[str, typer.Option(help="Which services, separated by commas; empty: none.")] = ",".join(
        SERVICE_ROLES
    ),
    partitions: Annotated[int, typer.Option(min=1, help="Partitions of a topic that is created.")] = 4,
    kafka_port: Annotated[
        int, typer.Option(**PORT_RANGE, help="Port of the broker; of three the first, the others are the next two.")
    ] = UP_PORTS.kafka,
    controller_port: Annotated[
        int | None,
        typer.Option(
            **PORT_RANGE,
            show_default=f"{UP_PORTS.controller}, of three brokers {UP_PORTS.controller + 2}",
            help="Port of the broker's controller; of three the first.",
        ),
    ] = None,
    redis_port: Annotated[int, typer.Option(**PORT_RANGE, help="Port of the store.")] = UP_PORTS.redis,
    metrics_port: Annotated[
        int, typer.Option(**PORT_RANGE, help="First of the services' metrics ports.")
    ] = UP_PORTS.metrics,
    http_port: Annotated[int, typer.Option(**PORT_RANGE, help="Port of the gateway and its console.")] = UP_PORTS.http,
) -> None:
    """Start broker, store and services, and keep them running until Ctrl-C or `josefine down`.

    KAFKA_BOOTSTRAP_SERVERS and REDIS_URL name a broker and a store to use instead of starting them, JOSEFINE_RUN_DIR
    the folder of logs and data (default: ~/.local/state/josefine), by which all commands find the stack.
    """
    changes = {"broker": broker} if broker else {}
    options = StackOptions.from_environment(
        run_dir=default_run_dir().absolute(),
        services=_services(services, model),
        # The controllers' own ports follow those of the brokers.
        ports=Ports(
            kafka_port, controller_port or UP_PORTS.controller + brokers - 1, redis_port, metrics_port, http_port
        ),
        brokers=brokers,
        partitions=partitions,
        **changes,
    )
    if detach:
        _detach(options)
    else:
        _foreground(options)


def down() -> None:
    """Stop the stack that `josefine up` started."""
    pid = stop_running()
    print("nothing is running" if pid is None else f"stopped (pid {pid})")


def status(as_json: Annotated[bool, typer.Option("--json", help="One JSON object.")] = False) -> None:
    """Show what runs: every process, whether it is ready, how often it was restarted."""
    found = stack_status()
    if as_json:
        print(json.dumps(found.as_json()))
    elif not found.running:
        print(f"nothing is running in {found.run_dir}")
    else:
        _print_table(found.as_json())


def _services(names: str, model: str | None) -> tuple[Service, ...]:
    wanted = [name.strip() for name in names.split(",") if name.strip()]
    unknown = [name for name in wanted if name not in SERVICE_ROLES]
    if unknown:
        raise CliError(f"--services: {unknown[0]!r} is none of {', '.join(SERVICE_ROLES)}", exit_status=2)
    # Inference hears with it, and the gateway checks by it what a client asks for.
    environment = {role: {"JOSEFINE_MODEL": model} for role in ("inference", GATEWAY_ROLE)} if model else {}
    return standard_services(environment, [role for role in SERVICE_ROLES if role in wanted])


def _foreground(options: StackOptions) -> None:
    ready = False
    try:
        with LocalStack(options, _say) as stack:
            ready = True
            _say(_summary(stack.bootstrap_servers, stack.redis_url, stack.delivery, stack.broker, stack.run_dir))
            _say_console(stack.http_url)
            _say("Ctrl-C stops")
            stack.wait()
    except KeyboardInterrupt:
        _say("stopped")
        if not ready:
            raise


def _detach(options: StackOptions) -> None:
    stack = start_detached(options, _say)
    _say(_summary(stack.bootstrap_servers, stack.redis_url, stack.delivery, stack.broker, stack.run_dir))
    _say_console(stack.http_url)
    _say("running in the background; josefine down stops it")


def _summary(bootstrap_servers: str, redis_url: str, delivery: str, broker: str, run_dir: Path) -> str:
    return f"ready: broker {bootstrap_servers} ({broker}, {delivery}), store {redis_url}, logs in {run_dir / 'logs'}"


def _say_console(http_url: str) -> None:
    if http_url:
        _say(f"console, HTTP and WebSocket: {http_url}")


def _say(line: str) -> None:
    print(line, file=sys.stderr, flush=True)


def _print_table(found: dict[str, Any]) -> None:
    print(
        _summary(
            found["bootstrap_servers"], found["redis_url"], found["delivery"], found["broker"], Path(found["run_dir"])
        ).removeprefix("ready: ")
    )
    if found["http_url"]:
        print(f"console, HTTP and WebSocket: {found['http_url']}")
    table = Table("role", "pid", "ready", "restarts", "port")
    for process in found["processes"]:
        table.add_row(*(str(process[key]) for key in ("role", "pid", "ready", "restarts", "port")))
        for device in process.get("devices", ()):
            table.add_row(f"  {device['device']}", str(device["pid"]), "", str(device["restarts"]), "")
    Console().print(table)
