"""What a suite runs in: the gateway, the simulated vendors behind it, a key."""

import contextlib
import json
import os
import time
import unittest
import urllib.request
from datetime import datetime

from openai import AsyncAzureOpenAI, AsyncOpenAI, AzureOpenAI, OpenAI

URL = os.environ["BULKHEAD_URL"]
SIM = os.environ["BULKHEAD_SIM"]
KEY = os.environ["BULKHEAD_KEY"]
STRICT_KEY = os.environ["BULKHEAD_STRICT_KEY"]
API_VERSION = "2024-10-21"


def control(method, path, body=None):
    data = None if body is None else json.dumps(body).encode()
    request = urllib.request.Request(SIM + "/_sim/" + path, data=data, method=method)
    with urllib.request.urlopen(request) as reply:
        text = reply.read()
    return json.loads(text) if text else None


def record():
    """What the vendors saw since the test began, oldest first."""
    return control("GET", "record")


def until(want, seconds=5.0):
    """Waits for a call at the vendors that want is true of, and gives it."""
    late = time.monotonic() + seconds
    while True:
        for seen in record():
            if want(seen):
                return seen
        if time.monotonic() > late:
            raise AssertionError(f"no such call within {seconds} s among {[(r['path'], r['status'], r['left']) for r in record()]}")
        time.sleep(0.005)


def ended():
    """The record once the vendors are done with every call."""
    late = time.monotonic() + 5
    while any(r["ended_at"] is None for r in record()):
        if time.monotonic() > late:
            raise AssertionError("a call at a vendor does not end")
        time.sleep(0.005)
    return record()


def instant(text):
    """Seconds since 1970 of an instant in the record, to the microsecond."""
    return datetime.fromisoformat(text[:26].rstrip("Z") + "+00:00").timestamp() if text else None


def plain(**more):
    return OpenAI(base_url=URL + "/v1", api_key=KEY, **more)


def plain_async(**more):
    return AsyncOpenAI(base_url=URL + "/v1", api_key=KEY, **more)


def azure(**more):
    return AzureOpenAI(azure_endpoint=URL, api_key=KEY, api_version=API_VERSION, **more)


def azure_async(**more):
    return AsyncAzureOpenAI(azure_endpoint=URL, api_key=KEY, api_version=API_VERSION, **more)


def asking(text):
    return [{"role": "user", "content": text}]


WEATHER = {
    "type": "function",
    "function": {
        "name": "get_weather",
        "description": "Weather in a city",
        "parameters": {
            "type": "object",
            "properties": {"city": {"type": "string"}},
            "required": ["city"],
            "additionalProperties": False,
        },
        "strict": True,
    },
}


class Case(unittest.TestCase):
    """A test that begins without faults and with an empty record."""

    maxDiff = None

    def setUp(self):
        control("DELETE", "faults")
        control("DELETE", "record")

    def fault(self, fault, **match):
        """Makes the vendors' next calls go wrong."""
        self.faults((fault, match))

    def faults(self, *pairs):
        control("POST", "faults", [{"match": match, "fault": fault} for fault, match in pairs])

    @contextlib.contextmanager
    def environment(self, **names):
        before = {name: os.environ.get(name) for name in names}
        os.environ.update(names)
        try:
            yield
        finally:
            for name, value in before.items():
                os.environ.pop(name) if value is None else os.environ.update({name: value})


class AsyncCase(Case, unittest.IsolatedAsyncioTestCase):
    """The same for coroutines."""
