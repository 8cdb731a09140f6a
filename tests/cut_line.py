"""A line that can be cut: a TCP relay whose connections end without a word, as where a network goes away."""

import socket
import struct
import threading
from contextlib import suppress

NO_LINGER = struct.pack("ii", 1, 0)
"""A close with it sends a reset instead of a farewell."""


class Line:
    """Relays 127.0.0.1:port to a server.

    `cut` ends what is open; `freeze` makes it a line that takes everything and passes on nothing, not even an end;
    `down` refuses what comes, until `up`.
    """

    def __init__(self, server: tuple[str, int]) -> None:
        self.server = server
        """Where new connections go; set it to lead them elsewhere."""
        self._listener = socket.create_server(("127.0.0.1", 0))
        self._open: set[socket.socket] = set()
        self._frozen: set[socket.socket] = set()
        self._lock = threading.Lock()
        self._down = False
        self.port = self._listener.getsockname()[1]
        threading.Thread(target=self._accept, daemon=True).start()

    def cut(self) -> None:
        """Ends every connection that is open, frozen or not."""
        with self._lock:
            ends, self._open = self._open | self._frozen, set()
            self._frozen = set()
        for end in ends:
            with suppress(OSError):
                end.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, NO_LINGER)
                # Wakes the thread that reads from it; a close alone would not.
                end.shutdown(socket.SHUT_RD)
            end.close()

    def freeze(self) -> None:
        """Passes on nothing more of what is open; both ends believe that they are connected."""
        with self._lock:
            self._frozen |= self._open
            self._open = set()

    def down(self) -> None:
        """Ends every connection and lets no other in."""
        self._down = True
        self.cut()

    def up(self) -> None:
        """Lets connections in again."""
        self._down = False

    def close(self) -> None:
        """Ends everything."""
        self.down()
        with suppress(OSError):
            self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()

    def _accept(self) -> None:
        while True:
            try:
                near, _ = self._listener.accept()
            except OSError:
                return
            try:
                if self._down:
                    raise ConnectionRefusedError
                far = socket.create_connection(self.server)
            except OSError:
                near.close()
                continue
            with self._lock:
                self._open |= {near, far}
            if self._down:  # since it was asked
                self.cut()
            for pair in ((near, far), (far, near)):
                threading.Thread(target=self._relay, args=pair, daemon=True).start()

    def _relay(self, source: socket.socket, sink: socket.socket) -> None:
        with suppress(OSError):
            while block := source.recv(65_536):
                if source not in self._frozen:
                    sink.sendall(block)
        with self._lock:
            if source in self._frozen:
                return  # its other end hears nothing of it
            self._open -= {source, sink}
        source.close()
        sink.close()
