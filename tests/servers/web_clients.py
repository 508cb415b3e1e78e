"""Clients of the web server: one that takes any bytes for a request, and a plain one."""

from __future__ import annotations

import asyncio

import aiohttp


async def talk(port, *requests, limit=10.0):
    """Everything the server answers to these bytes until it closes."""
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    try:
        for request in requests:
            writer.write(request)
            await writer.drain()
        async with asyncio.timeout(limit):
            return await reader.read(-1)
    finally:
        writer.close()


async def get(url, **headers):
    async with aiohttp.ClientSession() as session, session.get(url, headers=headers) as answer:
        return answer, await answer.read()
