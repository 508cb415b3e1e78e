"""Requests and ranges as values."""

from __future__ import annotations

import contextlib
from http import HTTPStatus

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bmctl.servers.request import BadRequestError, choose_span, parse_request


def span(text, size=100, **fields):
    return choose_span({"range": text, **fields}, size=size, etag='"e"', modified="date")


@pytest.mark.parametrize(
    ("text", "offset", "length"),
    [
        ("bytes=0-0", 0, 1),
        ("bytes=10-19", 10, 10),
        ("bytes=90-", 90, 10),
        ("bytes=90-1000", 90, 10),
        ("bytes=-7", 93, 7),
        ("bytes=-1000", 0, 100),
        ("Bytes = 1 - 2", 1, 2),
        ("bytes=99999999999999999999-", None, None),
    ],
)
def test_one_range(text, offset, length):
    if offset is None:
        with pytest.raises(BadRequestError):
            span(text)
        return
    found = span(text)
    assert (found.status, found.offset, found.length) == (HTTPStatus.PARTIAL_CONTENT, offset, length)
    assert found.content_range(100) == f"bytes {offset}-{offset + length - 1}/100"


@pytest.mark.parametrize(
    "text", ["", "bytes=", "bytes=-", "bytes=5-2", "bytes=0-1,5-6", "lines=1-2", "bytes=a-b"]
)
def test_what_is_no_single_range_gives_the_whole(text):
    found = span(text)
    assert (found.status, found.offset, found.length) == (HTTPStatus.OK, 0, 100)
    assert found.content_range(100) is None


@pytest.mark.parametrize("text", ["bytes=100-", "bytes=100-200", "bytes=-0"])
def test_ranges_outside(text):
    with pytest.raises(BadRequestError) as raised:
        span(text)
    assert raised.value.status == HTTPStatus.REQUESTED_RANGE_NOT_SATISFIABLE


@pytest.mark.parametrize(
    ("condition", "status"), [('"e"', 206), ("date", 206), ('"other"', 200), ('W/"e"', 200)]
)
def test_if_range(condition, status):
    assert span("bytes=0-1", **{"if-range": condition}).status == status


@given(st.integers(0, 200), st.integers(0, 200), st.integers(1, 150))
def test_a_range_never_leaves_the_file(first, last, size):
    try:
        found = span(f"bytes={first}-{last}", size=size)
    except BadRequestError:
        assert first >= size
        return
    assert found.offset >= 0
    assert found.offset + found.length <= size
    assert found.length > 0


@pytest.mark.parametrize(
    ("target", "path"),
    [
        (b"/k/n.iso", "/k/n.iso"),
        (b"//k//n.iso", "/k/n.iso"),
        (b"/k/n.iso?x=1", "/k/n.iso"),
        (b"http://host:80/k/n.iso", "/k/n.iso"),
        (b"/k/n%2Eiso", "/k/n.iso"),
        (b"*", "*"),
    ],
)
def test_paths(target, path):
    assert parse_request(b"GET " + target + b" HTTP/1.1\r\nHost: x").path == path


@pytest.mark.parametrize(
    ("header", "keeps"),
    [
        (b"GET / HTTP/1.1", True),
        (b"GET / HTTP/1.1\r\nConnection: close", False),
        (b"GET / HTTP/1.1\r\nConnection: Upgrade, Close", False),
        (b"GET / HTTP/1.0", False),
        (b"GET / HTTP/1.0\r\nconnection: Keep-Alive", True),
    ],
)
def test_keep_alive(header, keeps):
    assert parse_request(header).keep_alive is keeps


@pytest.mark.parametrize(
    ("header", "status"),
    [
        (b"", 400),
        (b"GET /", 400),
        (b"get / HTTP/1.1", 400),
        (b"GET / HTTP/2.0", 400),
        (b"GET / HTTP/1.1\r\nno colon", 400),
        (b"GET / HTTP/1.1\r\n folded: x", 400),
        (b"GET / HTTP/1.1\r\nContent-Length: x", 400),
        (b"GET / HTTP/1.1\r\nContent-Length: -1", 400),
        (b"GET / HTTP/1.1\r\nContent-Length: 1\r\nContent-Length: 2", 400),
        (b"GET / HTTP/1.1\r\nContent-Length: 99999999", 413),
        (b"GET / HTTP/1.1\r\nTransfer-Encoding: chunked", 501),
    ],
)
def test_what_is_refused(header, status):
    with pytest.raises(BadRequestError) as raised:
        parse_request(header)
    assert raised.value.status == status


@given(st.binary(max_size=300))
def test_junk_is_a_request_or_refused(junk):
    with contextlib.suppress(BadRequestError):
        assert parse_request(junk).method
