"""A TCP proxy that misbehaves on command: cut, stall, one-way, reset, slow.

It stands between two of our processes. `mode` applies to what flows from then on; healing is
setting it back to "pass". Runs on a thread of its own with its own event loop.
"""

from __future__ import annotations

import asyncio
import socket
import struct
import threading
from collections.abc import Iterator
from contextlib import contextmanager

MODES = ("pass", "stall", "one-way", "reset", "refuse", "slow")
SLOW_DELAY_S = 0.05


class Proxy:
    """Listens on a free loopback port and forwards to (host, port)."""

    def __init__(self, host: str, port: int) -> None:
        self.target = (host, port)
        self.mode = "pass"
        self.lines: set[asyncio.StreamWriter] = set()
        self.loop = asyncio.new_event_loop()
        self.healed = asyncio.Event()
        self.listener = socket.create_server(("127.0.0.1", 0))
        self.port: int = self.listener.getsockname()[1]
        self.thread = threading.Thread(target=self._run, daemon=True)
        self.thread.start()

    def _run(self) -> None:
        asyncio.set_event_loop(self.loop)
        self.healed.set()
        self.loop.run_until_complete(asyncio.start_server(self._serve, sock=self.listener))
        self.loop.run_forever()

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        if self.mode in ("refuse", "reset"):
            self._reset(writer)
            return
        try:
            far_reader, far_writer = await asyncio.open_connection(*self.target)
        except OSError:
            self._reset(writer)
            return
        self.lines |= {writer, far_writer}
        pumps = (self._pump(reader, far_writer, "out"), self._pump(far_reader, writer, "back"))
        await asyncio.gather(*pumps, return_exceptions=True)
        self.lines -= {writer, far_writer}

    async def _pump(
        self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, way: str
    ) -> None:
        try:
            while chunk := await reader.read(65536):
                await self._misbehave(way)
                writer.write(chunk)
                await writer.drain()
        finally:
            writer.close()

    async def _misbehave(self, way: str) -> None:
        if self.mode == "slow":
            await asyncio.sleep(SLOW_DELAY_S)
        while self.mode == "stall" or (self.mode == "one-way" and way == "back"):
            await self.healed.wait()

    @staticmethod
    def _reset(writer: asyncio.StreamWriter) -> None:
        """Closes with RST: linger on, zero seconds."""
        line = writer.get_extra_info("socket")
        if line is not None:
            line.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        writer.transport.abort()

    def set(self, mode: str) -> None:
        """Changes what happens from now on; "reset" also cuts what is open."""
        if mode not in MODES:
            raise ValueError(f"no such mode: {mode}")

        def apply() -> None:
            self.mode = mode
            if mode in ("stall", "one-way"):
                self.healed.clear()
            else:
                self.healed.set()
            if mode in ("reset", "refuse"):
                for line in list(self.lines):
                    self._reset(line)

        self.loop.call_soon_threadsafe(apply)

    @contextmanager
    def fault(self, mode: str) -> Iterator[None]:
        self.set(mode)
        try:
            yield
        finally:
            self.set("pass")

    async def _end(self) -> None:
        """Ends every pump before the loop goes, so that none is left half done."""
        pumps = [task for task in asyncio.all_tasks() if task is not asyncio.current_task()]
        for task in pumps:
            task.cancel()
        await asyncio.gather(*pumps, return_exceptions=True)

    def close(self) -> None:
        asyncio.run_coroutine_threadsafe(self._end(), self.loop).result(5)
        self.loop.call_soon_threadsafe(self.loop.stop)
        self.thread.join(5)
        self.listener.close()
