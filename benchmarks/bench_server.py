"""Serving a boot medium to many machines at once, beside nginx with sendfile.

Clients are curl, on loopback. Each server is a process of its own, so that its CPU is known.
"""

from __future__ import annotations

import asyncio
import os
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from benchmarks.measure import Row, Usage, cpu_of_process, find, missing, peak_of_process, side_by_side, under

HOST = "127.0.0.1"
SIZE = 350 << 20
STREAMS = 8
ROUNDS = 9
START_TIMEOUT = 10.0
STOP_TIMEOUT = 10.0
NAME = "file.iso"
NGINX = """
daemon off;
master_process off;
error_log stderr crit;
pid {place}/nginx.pid;
events {{ worker_connections 64; }}
http {{
    access_log off;
    sendfile on;
    tcp_nopush on;
    client_body_temp_path {place}/body;
    proxy_temp_path {place}/proxy;
    fastcgi_temp_path {place}/fastcgi;
    uwsgi_temp_path {place}/uwsgi;
    scgi_temp_path {place}/scgi;
    server {{ listen {host}:{port}; root {root}; }}
}}
"""


def run() -> list[Row]:
    """Eight streams of a plain file and of one made of extents, from bmctl and from nginx."""
    what = f"serving {STREAMS} streams"
    if lacking := missing("curl"):
        return [Row(what=what, skipped=lacking)]
    with tempfile.TemporaryDirectory(prefix="bmctl-bench-") as name:
        place = Path(name)
        (place / "root").mkdir()
        path = place / "root" / NAME
        with path.open("wb") as file:
            for _ in range(SIZE >> 20):
                file.write(os.urandom(1 << 20))
        if lacking := missing("nginx"):
            return [Row(what=what, skipped=lacking)]
        with _bmctl(path) as (ours, plain, extents), _nginx(place) as (peer, url):
            works = [_streams(ours, plain), _streams(ours, extents), _streams(peer, url)]
            return _rows(what, *side_by_side(ROUNDS, *works))


def _rows(what: str, plain: Usage, extents: Usage, nginx: Usage) -> list[Row]:
    served = STREAMS * SIZE

    def compared(shape: str, usage: Usage, peer: Usage, peer_name: str, least: float) -> Row:
        return Row(
            what=f"{what}, {shape}",
            ours=served / usage.wall / 1e6,
            unit="MB/s",
            peer=served / peer.wall / 1e6,
            peer_name=peer_name,
            aim=least,
            low=False,
        )

    return [
        compared("plain file", plain, nginx, "nginx", 0.8),
        compared("medium of extents", extents, nginx, "nginx", 0.8),
        compared("medium of extents", extents, plain, "plain file", 0.9),
        Row(
            what=f"{what}, medium of extents, CPU of the server",
            ours=extents.cpu * 1e9 / served,
            unit="s/GB",
            peer=nginx.cpu * 1e9 / served,
            peer_name="nginx",
            aim=2.0,
        ),
        under(f"{what}, memory at the peak", extents.peak / (1 << 20), "MiB", 40.0),
    ]


def _streams(server: int, url: str) -> Callable[[], Usage]:
    """All clients fetch the whole file at once; the CPU is the server's."""
    command = ["curl", "--silent", "--fail", "--max-time", "120", "--output", "/dev/null", url]

    def work() -> Usage:
        cpu, wall = cpu_of_process(server), time.perf_counter()
        clients = [subprocess.Popen(command) for _ in range(STREAMS)]
        statuses = [client.wait() for client in clients]
        if any(statuses):
            raise RuntimeError(f"curl failed on {url.partition('/')[0]}")
        wall = time.perf_counter() - wall
        return Usage(cpu=cpu_of_process(server) - cpu, wall=wall, peak=peak_of_process(server))

    return work


@contextmanager
def _bmctl(path: Path) -> Iterator[tuple[int, str, str]]:
    """The server's process, and the URLs of the file plain and in extents."""
    command = [sys.executable, "-m", "benchmarks.bench_server", str(path)]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as server:
        if server.stdin is None or server.stdout is None:
            raise RuntimeError("pipes were asked for")
        try:
            yield server.pid, server.stdout.readline().strip(), server.stdout.readline().strip()
        finally:
            server.stdin.close()
            _await_end(server)


@contextmanager
def _nginx(place: Path) -> Iterator[tuple[int, str]]:
    """The server's process and the URL of the file."""
    port = _free_port()
    configuration = place / "nginx.conf"
    configuration.write_text(
        NGINX.format(place=place, root=place / "root", host=HOST, port=port), encoding="ascii"
    )
    with subprocess.Popen([find("nginx") or "nginx", "-p", place, "-c", configuration]) as server:
        try:
            _wait_for(port, server)
            yield server.pid, f"http://{HOST}:{port}/{NAME}"
        finally:
            server.terminate()
            _await_end(server)


def _await_end(server: subprocess.Popen[str] | subprocess.Popen[bytes]) -> None:
    """Wait for a server that was told to stop, and kill it if it does not."""
    try:
        server.wait(STOP_TIMEOUT)
    except subprocess.TimeoutExpired:
        server.kill()
        raise


def _free_port() -> int:
    with socket.create_server((HOST, 0)) as probe:
        port: int = probe.getsockname()[1]
        return port


def _wait_for(port: int, server: subprocess.Popen[bytes]) -> None:
    deadline = time.monotonic() + START_TIMEOUT
    while server.poll() is None and time.monotonic() < deadline:
        try:
            socket.create_connection((HOST, port), timeout=1).close()
        except OSError:
            time.sleep(0.05)
        else:
            return
    raise RuntimeError(f"nginx did not listen on port {port} within {START_TIMEOUT:.0f} s")


async def _serve(path: Path) -> None:
    """Publish the file both ways, print the URLs, and stop at the end of the input."""
    from bmctl.media.extents import ExtentFile, FileRange, Inline
    from bmctl.servers.http import FileServer

    # As a medium: headers, kernel, small files, ramdisk.
    kernel = 10 << 20
    extents = ExtentFile(
        (
            Inline(data=bytes(48 << 10), label="configuration"),
            FileRange(path=path, offset=0, length=kernel, label="kernel"),
            Inline(data=bytes(16 << 10), label="configuration"),
            FileRange(path=path, offset=kernel, length=SIZE - kernel, label="initramfs"),
        )
    )
    async with FileServer(host=HOST) as server:
        for content in (path, extents):
            print(server.url(server.publish(content, NAME), HOST), flush=True)
        await asyncio.get_running_loop().run_in_executor(None, sys.stdin.read)


if __name__ == "__main__":
    asyncio.run(_serve(Path(sys.argv[1])))
