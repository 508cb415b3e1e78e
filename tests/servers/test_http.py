"""The web server as its clients see it."""

from __future__ import annotations

import asyncio
import http.client
import shutil
import socket
import ssl
from ipaddress import ip_address

import aiohttp
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from web_clients import get, talk

from bmctl.errors import BmctlError
from bmctl.media.credentials import make_credentials
from bmctl.servers.http import FileServer
from bmctl.servers.transfer import Outcome


async def test_whole_file(served):
    answer, body = await get(served.url)
    assert answer.status == 200
    assert body == served.content
    assert answer.headers["Accept-Ranges"] == "bytes"
    assert answer.headers["Content-Type"] == "application/x-iso9660-image"
    (fetch,) = await served.ended()
    assert (fetch.client, fetch.name, fetch.method, fetch.outcome) == (
        "127.0.0.1",
        "n1.iso",
        "GET",
        Outcome.DONE,
    )
    assert (fetch.offset, fetch.length, fetch.sent) == (0, len(body), len(body))
    assert fetch.parts == {"configuration": 3012, "kernel": 200_001, "initramfs": 2_000_003}


async def test_events_do_not_hold_the_secret_path(served):
    key = served.publication.path.split("/")[1]
    await get(served.url)
    await get(served.url + "x")
    await served.ended(2)
    assert key not in repr(served.told)
    assert key not in repr(served.publication)


async def test_progress_comes_before_the_end(served):
    await get(served.url)
    (over,) = await served.ended()
    running = [fetch for fetch in served.told if fetch.outcome is Outcome.RUNNING]
    assert running
    assert [fetch.sent for fetch in served.told] == sorted(fetch.sent for fetch in served.told)
    assert served.told[-1] == over


@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(data=st.data())
def test_any_range_is_those_bytes(pieces, data):
    content = pieces.read(0, pieces.size)
    wanted = data.draw(
        st.lists(
            st.tuples(st.integers(0, pieces.size - 1), st.integers(1, 3_000_000)), min_size=1, max_size=5
        )
    )

    async def fetch_all():
        async with FileServer(host="127.0.0.1") as server, aiohttp.ClientSession() as session:
            url = server.url(server.publish(pieces, "n1.iso"), "127.0.0.1")
            for offset, length in wanted:
                async with session.get(
                    url, headers={"Range": f"bytes={offset}-{offset + length - 1}"}
                ) as answer:
                    body = await answer.read()
                last = min(offset + length, pieces.size) - 1
                assert answer.status == 206
                assert answer.headers["Content-Range"] == f"bytes {offset}-{last}/{pieces.size}"
                assert body == content[offset : last + 1]

    asyncio.run(fetch_all())


async def test_range_outside(served):
    answer, body = await get(served.url, Range=f"bytes={len(served.content)}-")
    assert (answer.status, body) == (416, b"")
    assert answer.headers["Content-Range"] == f"bytes */{len(served.content)}"


async def test_several_ranges_give_the_whole(served):
    answer, body = await get(served.url, Range="bytes=0-1,5-6")
    assert (answer.status, body) == (200, served.content)


async def test_range_goes_on_only_in_the_same_file(served):
    first, _ = await get(served.url, Range="bytes=0-9")
    same, body = await get(served.url, **{"Range": "bytes=10-19", "If-Range": first.headers["ETag"]})
    assert (same.status, body) == (206, served.content[10:20])
    other, body = await get(served.url, **{"Range": "bytes=10-19", "If-Range": '"older"'})
    assert (other.status, body) == (200, served.content)


async def test_head_says_the_size_and_sends_nothing(served):
    async with aiohttp.ClientSession() as session, session.head(served.url) as answer:
        assert answer.status == 200
        assert int(answer.headers["Content-Length"]) == len(served.content)
    (fetch,) = await served.ended()
    assert (fetch.method, fetch.length, fetch.sent) == ("HEAD", 0, 0)


async def test_doubled_slashes_are_one(served):
    answer, _ = await get(served.url.replace(f":{served.server.port}/", f":{served.server.port}//"))
    assert answer.status == 200


@pytest.mark.parametrize(
    "path",
    [
        *("/", "/n1.iso", "/../../etc/passwd", "/%2e%2e/%2e%2e/etc/passwd", "//etc/passwd"),
        *("/KEY", "/KEY/", "/KEY/../../etc/passwd", "/KEY/..%2fkernel"),
        *("/KEY/n1.iso/", "/KEY/n1.iso%00", "/KEY/N1.iso"),
    ],
)
async def test_only_published_paths_exist(served, path):
    key = served.publication.path.split("/")[1]
    request = f"GET {path.replace('KEY', key)} HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n"
    answer = await talk(served.server.port, request.encode())
    assert answer.startswith(b"HTTP/1.1 404 ")
    (fetch,) = await served.ended()
    assert (fetch.status, fetch.name) == (404, "")


async def test_other_methods_are_refused(served):
    request = f"PUT {served.publication.path} HTTP/1.1\r\nContent-Length: 3\r\nConnection: close\r\n\r\nabc"
    answer = await talk(served.server.port, request.encode())
    assert answer.startswith(b"HTTP/1.1 405 ")
    assert b"Allow: GET, HEAD\r\n" in answer


async def test_withdrawn_is_gone(served):
    served.server.withdraw(served.publication)
    answer, _ = await get(served.url)
    assert answer.status == 404


async def test_same_key_gives_the_same_url_and_file(served, pieces):
    key = served.publication.path.split("/")[1]
    async with FileServer(host="127.0.0.1") as resumed:
        publication = resumed.publish(pieces, "n1.iso", key=key)
        assert publication.path == served.publication.path
        assert publication.etag == served.publication.etag


async def test_each_publication_has_its_own_secret(served, pieces):
    other = served.server.publish(pieces, "n1.iso")
    assert other.path != served.publication.path
    assert len(other.path.split("/")[1]) >= 32


@pytest.mark.parametrize(
    ("name", "key"), [("../x", None), ("", None), (".x", None), ("a/b", None), ("x", "short")]
)
async def test_odd_names_are_not_published(served, pieces, name, key):
    with pytest.raises(BmctlError):
        served.server.publish(pieces, name, key=key)


async def test_pipelined_requests_are_answered_in_order(served):
    ask = "GET {} HTTP/1.1\r\nHost: x\r\nRange: bytes={}-{}\r\n\r\n"
    path = served.publication.path
    requests = "".join(ask.format(path, start, start + 4) for start in range(3000, 3100, 10))
    answer = await talk(
        served.server.port, (requests + "GET / HTTP/1.1\r\nConnection: close\r\n\r\n").encode()
    )
    bodies = [part.partition(b"\r\n\r\n")[2] for part in answer.split(b"HTTP/1.1 206")[1:]]
    expected = [served.content[start : start + 5] for start in range(3000, 3100, 10)]
    assert [body[:5] for body in bodies] == expected


async def test_a_request_that_comes_byte_by_byte(served):
    request = f"GET {served.publication.path} HTTP/1.1\r\nRange: bytes=0-3\r\nConnection: close\r\n\r\n"
    answer = await talk(served.server.port, *(bytes([byte]) for byte in request.encode()))
    assert answer.endswith(b"\r\n\r\nHHHH")


def test_a_plain_client_keeps_its_connection(pieces):
    def ask(port, path):
        connection = http.client.HTTPConnection("127.0.0.1", port, timeout=5)
        answers = []
        for start in (0, 5000, 250_000):
            connection.request("GET", path, headers={"Range": f"bytes={start}-{start + 999}"})
            answers.append(connection.getresponse().read())
        sock = connection.sock
        connection.close()
        return answers, sock

    async def run():
        async with FileServer(host="127.0.0.1") as server:
            publication = server.publish(pieces, "n1.iso")
            answers, kept = await asyncio.to_thread(ask, server.port, publication.path)
            assert kept is not None
            assert answers == [pieces.read(start, 1000) for start in (0, 5000, 250_000)]

    asyncio.run(run())


@pytest.mark.peer
async def test_curl_goes_on_where_it_stopped(served, tmp_path):
    if shutil.which("curl") is None:
        pytest.skip("curl is not installed")
    target = tmp_path / "half"
    target.write_bytes(served.content[:1_000_000])
    process = await asyncio.create_subprocess_exec("curl", "-sfC", "-", "-o", target, served.url)
    assert await process.wait() == 0
    assert target.read_bytes() == served.content


async def test_a_plain_file(served, tmp_path):
    publication = served.server.publish(tmp_path / "kernel", "kernel.img")
    answer, body = await get(served.server.url(publication, "127.0.0.1"))
    assert body == (tmp_path / "kernel").read_bytes()
    assert answer.headers["Content-Type"] == "application/octet-stream"


async def test_an_empty_file(served, tmp_path):
    (tmp_path / "empty").touch()
    answer, body = await get(
        served.server.url(served.server.publish(tmp_path / "empty", "empty"), "127.0.0.1")
    )
    assert (answer.status, body) == (200, b"")


async def test_both_families_by_default(pieces):
    told = []
    async with FileServer(tell=told.append) as server:
        publication = server.publish(pieces, "n1.iso")
        addresses = ["127.0.0.1", "::1"] if socket.has_dualstack_ipv6() else ["127.0.0.1"]
        for address in addresses:
            answer, _ = await get(server.url(publication, ip_address(address)), Range="bytes=0-1")
            assert answer.status == 206
    assert {fetch.client for fetch in told} == set(addresses)


async def test_a_port_in_use_is_told(served):
    with pytest.raises(BmctlError, match=r"cannot listen on 127\.0\.0\.1 port"):
        async with FileServer(host="127.0.0.1", port=served.server.port):
            pass


async def test_https_serves_the_same(pieces, tmp_path):
    credentials = make_credentials([ip_address("127.0.0.1")], name="server")
    (tmp_path / "pem").write_text(credentials.key_pem + credentials.certificate_pem)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(tmp_path / "pem")
    client = ssl.create_default_context(cadata=credentials.certificate_pem)
    async with FileServer(host="127.0.0.1", tls=context) as server:
        url = server.url(server.publish(pieces, "n1.iso"), "127.0.0.1")
        assert url.startswith("https://")
        async with aiohttp.ClientSession() as session:
            async with session.get(url, ssl=client) as answer:
                assert await answer.read() == pieces.read(0, pieces.size)
            async with session.get(url, ssl=client, headers={"Range": "bytes=-5"}) as answer:
                assert await answer.read() == b"T" * 5
        assert await talk(server.port, b"GET / HTTP/1.1\r\n\r\n") is not None
