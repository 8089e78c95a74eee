"""Makes the same calls of the openai package in two lanes, straight to the
server and through Bulkhead, and prints one JSON object a line for each: case,
lane, seen (what must be the same in both lanes) and times in milliseconds.
E2E_WORLD has the lanes and what the server can do."""

import json
import os
import statistics
import time

import openai

WORLD = json.loads(os.environ["E2E_WORLD"])
ASK = [{"role": "user", "content": WORLD["ask"]}]
# The same words each time: no chance, and no prompt kept from the call before.
STEADY = {"temperature": 0, "seed": 7, "extra_body": {"cache_prompt": False}}
CITY = {
    "type": "object",
    "properties": {"city": {"type": "string", "enum": ["Oslo", "Rome"]}, "north": {"type": "boolean"}},
    "required": ["city", "north"],
    "additionalProperties": False,
}
TOOL = {"type": "function", "function": {"name": "get_weather", "description": "The weather of a city", "parameters": CITY}}


class Lane:
    """A way to the model."""

    def __init__(self, url, key, model):
        self.client, self.model = openai.OpenAI(base_url=url, api_key=key, max_retries=0, timeout=300), model

    def create(self, timeout=openai.NOT_GIVEN, **asked):
        return self.client.chat.completions.create(**{"model": self.model, "messages": ASK, **STEADY, **asked}, timeout=timeout)


LANES = {name: Lane(**lane) for name, lane in WORLD["lanes"].items()}


def tell(case, lane, seen, **times):
    print(json.dumps({"case": case, "lane": lane, "seen": seen, "ms": {k: round(v * 1000, 1) for k, v in times.items()}}), flush=True)


def usage(u):
    return None if u is None else u.model_dump(exclude_none=True)


def whole(reply):
    choice = reply.choices[0]
    return {"text": choice.message.content, "finish": choice.finish_reason, "usage": usage(reply.usage), "model": reply.model}


def drain(stream, began):
    """Reads a stream to its end: what it said, and the time to its first words."""
    first, text, tools, arguments, finish, last, models = None, "", set(), "", None, None, set()
    for chunk in stream:
        models.add(chunk.model)
        last = chunk.usage or last
        for choice in chunk.choices:
            finish = choice.finish_reason or finish
            text += choice.delta.content or ""
            for call in choice.delta.tool_calls or []:
                tools |= {call.function.name} - {None}
                arguments += call.function.arguments or ""
            if first is None and (text or arguments):
                first = time.monotonic() - began
    seen = {"text": text, "tools": sorted(tools), "arguments": arguments, "finish": finish, "usage": usage(last), "model": sorted(models)}
    return seen, {"first": first or 0, "all": time.monotonic() - began}


def chat(lane):
    return whole(lane.create(max_tokens=40))


def stream_with_usage(lane):
    began = time.monotonic()
    return drain(lane.create(max_tokens=40, stream=True, stream_options={"include_usage": True}), began)


def stream(lane):
    began = time.monotonic()
    return drain(lane.create(max_tokens=40, stream=True), began)


def logprobs(lane):
    reply = lane.create(max_tokens=3, logprobs=True, top_logprobs=2)
    tokens = reply.choices[0].logprobs.content
    return {"tokens": [[t.token, t.logprob, [[o.token, o.logprob] for o in t.top_logprobs]] for t in tokens], "usage": usage(reply.usage)}


def structured(lane):
    form = {"type": "json_schema", "json_schema": {"name": "city", "strict": True, "schema": CITY}}
    if WORLD["structured"] == "json_object":
        form = {"type": "json_object", "schema": CITY}
    seen = whole(lane.create(max_tokens=80, response_format=form))
    return {**seen, "parsed": json.loads(seen["text"])}


def tool(lane):
    choice = {"type": "function", "function": {"name": "get_weather"}}
    reply = lane.create(max_tokens=80, tools=[TOOL], tool_choice=choice)
    call = reply.choices[0].message.tool_calls[0]
    return {"name": call.function.name, "arguments": json.loads(call.function.arguments), "finish": reply.choices[0].finish_reason, "usage": usage(reply.usage)}


def tool_stream(lane):
    choice = {"type": "function", "function": {"name": "get_weather"}}
    began = time.monotonic()
    return drain(lane.create(max_tokens=80, tools=[TOOL], tool_choice=choice, stream=True), began)


def refused(**change):
    def call(lane):
        try:
            lane.create(**{"max_tokens": 5, **change})
        except openai.APIStatusError as e:
            return {"raised": type(e).__name__, "status": e.status_code, "code": e.code, "type": e.type, "message": e.body["message"]}
        raise AssertionError("the call went through")

    return call


def refused_stream(lane):
    """A stream whose prompt is too long: some servers have said 200 by then."""
    seen = {"raised": None, "status": None, "code": None, "text": ""}
    try:
        for chunk in lane.create(messages=[{"role": "user", "content": "word " * 3000}], max_tokens=5, stream=True):
            seen["text"] += "".join(c.delta.content or "" for c in chunk.choices)
    except Exception as e:  # whatever the SDK makes of it is what is told
        seen |= {"raised": type(e).__name__, "status": getattr(e, "status_code", None), "code": getattr(e, "code", None)}
    return seen


def free():
    """The time until the server takes a call again; it takes one at a time."""
    began = time.monotonic()
    LANES["direct"].create(max_tokens=1)
    return time.monotonic() - began


LONG = {"max_tokens": 1500, "extra_body": {"cache_prompt": False, **WORLD["endless"]}}


def cancel(lane):
    """Leaves a stream of 1,500 tokens after five; the server must be free long
    before it could have made the rest."""
    began = time.monotonic()
    reply = lane.create(**LONG, stream=True)
    for words, chunk in enumerate(c for c in reply if c.choices and c.choices[0].delta.content):
        if words == 0:
            first = time.monotonic()
        if words == 5:
            break
    pace = (time.monotonic() - first) / 5
    reply.close()
    freed = free()
    rest = pace * 1494
    return {"freed": freed < rest / 4}, {"read": time.monotonic() - began - freed, "freed": freed, "rest": rest}


def abandon(lane):
    """Gives up a unary call of 1,500 tokens after half a second."""
    try:
        lane.create(**LONG, timeout=0.5)
    except openai.APITimeoutError:
        freed = free()
        return {"freed": freed < 5}, {"freed": freed}
    raise AssertionError("1,500 tokens within half a second")


CASES = {
    "chat": chat,
    "stream": stream,
    "stream with usage": stream_with_usage,
    "logprobs": logprobs,
    "structured output": structured,
    "tool call": tool,
    "tool call, streamed": tool_stream,
    "prompt too long": refused(messages=[{"role": "user", "content": "word " * 3000}]),
    "prompt too long, streamed": refused_stream,
    "wrong type": refused(temperature="hot"),
    "fault of the server": refused(response_format={"type": "json_schema", "json_schema": {"name": "city", "schema": CITY}}),
    "cancel mid-stream": cancel,
    "abandon unary": abandon,
}


def first_words(rounds=9):
    """The time to the first words, the lanes in turns."""
    times = {name: [] for name in LANES}
    for _ in range(rounds):
        for name, lane in LANES.items():
            times[name].append(stream_with_usage(lane)[1]["first"])
    for name, took in times.items():
        tell("first words", name, {"rounds": rounds}, median=statistics.median(took), least=min(took), most=max(took))


def main():
    free()  # a first call pages the model in
    for case in WORLD["cases"]:
        if case == "first words":
            first_words()
            continue
        for name, lane in LANES.items():
            began = time.monotonic()
            got = CASES[case](lane)
            seen, times = got if isinstance(got, tuple) else (got, {"all": time.monotonic() - began})
            tell(case, name, seen, **times)


main()
