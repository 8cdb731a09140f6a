import sys

import pytest
from bench.peers.server import Program, ServedSystem, Server
from bench.streaming.system import SystemFailedError


class Served(ServedSystem):
    def __init__(self, folder, code):
        super().__init__()
        self.folder, self.code = folder, code

    def _made(self):
        return Server("served", Program(lambda port: (sys.executable, "-c", self.code, str(port))), self.folder)

    def _client(self, host, port):
        return host, port


def test_a_system_that_does_not_run_uses_nothing_and_may_be_stopped(tmp_path):
    served = Served(tmp_path, "")
    served.stop()
    assert served.usage() == {}


def test_a_server_that_ends_at_once_fails_with_its_last_words(tmp_path):
    served = Served(tmp_path, "import sys; sys.exit('no weights')")
    with pytest.raises(SystemFailedError, match=r"served ended with status 1: .*no weights"):
        served.start()
    served.stop()


def test_a_server_is_spoken_to_where_it_listens_and_counted_until_it_is_stopped(tmp_path):
    served = Served(
        tmp_path,
        "import socket, sys, threading; s = socket.create_server(('127.0.0.1', int(sys.argv[1])));"
        "threading.Event().wait()",
    )
    served.start()
    try:
        _, port = served.connect()
        assert port > 0
        assert served.usage()["server"].private_mib > 0
    finally:
        served.stop()
    assert served.usage() == {}
