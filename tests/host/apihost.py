"""The durable HTTP API alone, over an engine: for tests of its answers."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from aiohttp import web
from aiohttp.test_utils import TestClient, TestServer

from standalone.durable_api import DurableApi
from tests.host.enginehost import Host

Api = TestClient[web.Request, web.Application]


@asynccontextmanager
async def serving(host: Host) -> AsyncIterator[Api]:
    """A client of the API; paths begin behind `/runtime/webhooks/durabletask`."""
    durable, site = DurableApi(host.engine, "taskHub=hub&connection=Storage"), web.Application()

    async def handle(request: web.Request) -> web.StreamResponse:
        return await durable.handle(request, "http://host", request.rel_url.raw_path)

    site.router.add_route("*", "/{rest:.*}", handle)
    async with TestClient(TestServer(site)) as client:
        yield client
