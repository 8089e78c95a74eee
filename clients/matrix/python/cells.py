"""What every driver of the matrix in Python stands on: the cases it runs, the
vendors' controls and record, and the line that tells of each cell.

A driver is a class with a method for each case, which takes the alias and
raises where something is not as an application's author would expect."""

import base64
import json
import os
import struct
import sys
import traceback
import urllib.request
import zlib

URL, SIM, KEY = (os.environ[name] for name in ("BULKHEAD_URL", "BULKHEAD_SIM", "BULKHEAD_KEY"))
AWS_ID, AWS_SECRET = os.environ["BULKHEAD_AWS_ID"], os.environ["BULKHEAD_AWS_SECRET"]
ALIASES, CASES = (os.environ[name].split(",") for name in ("MATRIX_ALIASES", "MATRIX_CASES"))
WITHDRAWN = "withdrawn"  # an alias that nothing may serve
VENDORS = {"on-openai": "openai", "on-responses": "openai", "on-anthropic": "anthropic", "on-bedrock": "bedrock", "on-gemini": "gemini"}

# Codes of refusals that name what an offering's dialect has no words for.
REFUSALS = {"unsupported_parameter", "unsupported_route"}

SAY, SAID = "Say: fair winds and following seas", "fair winds and following seas"
LONG = "Tell me of ships in 120 words"
WEATHER = "What is the weather in Paris and Rome?"
CITY = {"type": "object", "properties": {"city": {"type": "string"}}, "required": ["city"], "additionalProperties": False}
DESCRIBE = "Describe the ship Meridian, which has 3 masts"
SHIP = {
    "type": "object",
    "properties": {"name": {"type": "string"}, "masts": {"type": "integer"}},
    "required": ["name", "masts"],
    "additionalProperties": False,
}


def png():
    """A picture of one red pixel."""

    def chunk(kind, data):
        return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))

    head = struct.pack(">IIBBBBB", 1, 1, 8, 2, 0, 0, 0)
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", head) + chunk(b"IDAT", zlib.compress(b"\0\xff\0\0")) + chunk(b"IEND", b"")


PNG = png()
PNG_TEXT = base64.b64encode(PNG).decode()


def control(method, path, body=None):
    data = None if body is None else json.dumps(body).encode()
    with urllib.request.urlopen(urllib.request.Request(f"{SIM}/_sim/{path}", data, method=method)) as reply:
        text = reply.read()
    return json.loads(text) if text else None


def record():
    """What the vendors saw since the case began, oldest first."""
    return control("GET", "record")


def fault(alias, **what):
    """Makes the next calls at the vendor behind an alias go wrong."""
    control("POST", "faults", [{"match": {"vendor": VENDORS[alias]}, "fault": what}])


def fresh():
    control("DELETE", "faults")
    control("DELETE", "record")


def counts():
    """What the vendor counted in the last call."""
    return record()[-1]["usage"]


def embedding(alias):
    """The alias for vectors at the offering of an alias."""
    return alias.replace("on-", "embed-")


def same(want, got, what="value"):
    if want != got:
        raise AssertionError(f"{what} is {got!r}, want {want!r}")


def true(value, what):
    if not value:
        raise AssertionError(what)
    return value


def tells(text, *words):
    for word in words:
        true(word in (text or ""), f"{word!r} is not in {text!r}")


def drizzle(city):
    return f"drizzle over {city}"


def sees_the_picture():
    """The vendor must have been sent the picture itself."""
    body = record()[-1]["body"].replace("-", "+").replace("_", "/")  # either alphabet spells it
    true(PNG_TEXT in body, "the vendor was sent no picture")


def comes_back(blob):
    """The vendor that minted opaque state must have been given it back, byte for byte."""
    true(base64.b64encode(blob).decode().rstrip("=") in record()[-1]["body"], "the vendor was not given back what it minted")


class Missing(Exception):
    """What a client has no call for."""


def raised(work, *kinds, exactly=True):
    """The exception that work raises, which must be of one of the kinds, and
    exactly so if told."""
    try:
        work()
    except kinds as e:
        true(type(e) in kinds or not exactly, f"{type(e).__name__} was raised, want {[k.__name__ for k in kinds]}")
        return e
    except Exception as e:
        raise AssertionError(f"{type(e).__name__} was raised, want {[k.__name__ for k in kinds]}: {e}") from e
    raise AssertionError(f"nothing was raised, want {[k.__name__ for k in kinds]}")


class Errors:
    """Collects the classes of errors of one cell; the first that is wrong names
    it. Libraries that derive their exceptions from others' are not held to the
    exact class."""

    def __init__(self, exactly=True):
        self.wrong, self.exactly = [], exactly

    def of(self, name, work, *kinds, check=None):
        fresh()
        try:
            e = raised(work, *kinds, exactly=self.exactly)
            if check:
                check(e)
        except Exception as e:
            self.wrong.append(f"{name}: {e}")

    def tell(self):
        fresh()
        if self.wrong:
            raise AssertionError(self.wrong[0])


def run(client, version, driver):
    """Runs all cases at all aliases and prints a line for each. refused(e) of
    the driver gives code and field of an exception that is Bulkhead's, or None."""
    for alias in ALIASES:
        for case in CASES:
            fresh()
            result, why = "pass", ""
            try:
                getattr(driver, case.replace("-", "_"))(alias)
            except Missing as e:
                result, why = "none", str(e)
            except Exception as e:
                traceback.print_exc(file=sys.stderr)
                refusal = driver.refused(e) if case != "errors" else None
                if refusal and refusal[0] in REFUSALS and refusal[1]:
                    result, why = "refused", ": ".join(refusal)
                else:
                    result, why = "fail", f"{type(e).__name__}: {e}"[:300]
            cell = {"client": client, "version": version, "alias": alias, "case": case, "result": result, "why": why}
            print(json.dumps(cell), flush=True)
