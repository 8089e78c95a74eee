"""openai for Python, by Chat Completions."""

import json

import openai
from pydantic import BaseModel

from cells import *

TOOL = {"type": "function", "function": {"name": "get_weather", "description": "Weather in a city", "parameters": CITY, "strict": True}}


class Ship(BaseModel):
    name: str
    masts: int


def asking(content):
    return [{"role": "user", "content": content}]


class Driver:
    def __init__(self):
        self.client = openai.OpenAI(base_url=f"{URL}/v1", api_key=KEY, max_retries=0)

    def refused(self, e):
        if isinstance(e, openai.APIStatusError) and e.body:
            return e.code, e.param and f"{e.param}: {e.body['message']}"

    def create(self, alias, content, **more):
        return self.client.chat.completions.create(model=alias, messages=asking(content), **more)

    def unary(self, alias):
        reply = self.create(alias, SAY)
        same(SAID, reply.choices[0].message.content)
        same("stop", reply.choices[0].finish_reason)
        true(reply._request_id, "there is no request id")

    def stream(self, alias):
        text, usage = "", None
        for chunk in self.create(alias, SAY, stream=True, stream_options={"include_usage": True}):
            text += (chunk.choices[0].delta.content or "") if chunk.choices else ""
            usage = chunk.usage or usage
        same(SAID, text)
        same(counts()["output_tokens"], true(usage, "there is no usage").completion_tokens)
        with self.client.chat.completions.stream(model=alias, messages=asking(SAY), stream_options={"include_usage": True}) as stream:
            pieces = [event.delta for event in stream if event.type == "content.delta"]
        whole = stream.get_final_completion()
        same(SAID, "".join(pieces))
        same(SAID, whole.choices[0].message.content)
        same("stop", whole.choices[0].finish_reason)
        true(whole.usage, "the helper has no usage")

    def tools(self, alias, streams=False, **more):
        messages = asking(WEATHER)
        message = self.turn(alias, messages, "tool_calls", streams, **more)
        same(["Paris", "Rome"], [json.loads(call.function.arguments)["city"] for call in message.tool_calls])
        same(2, len({call.id for call in message.tool_calls}), "ids")
        self.results(messages, message)
        tells(self.turn(alias, messages, "stop", streams, **more).content, "drizzle over Paris", "drizzle over Rome")

    def turn(self, alias, messages, finish, streams, **more):
        more = {"model": alias, "messages": messages, "tools": [TOOL], **more}
        if streams:
            with self.client.chat.completions.stream(**more) as stream:
                stream.until_done()
            reply = stream.get_final_completion()
        else:
            reply = self.client.chat.completions.create(**more)
        same(finish, reply.choices[0].finish_reason, "finish_reason")
        return reply.choices[0].message

    def results(self, messages, message):
        messages.append(message)
        for call in message.tool_calls:
            city = json.loads(call.function.arguments)["city"]
            messages.append({"role": "tool", "tool_call_id": call.id, "content": drizzle(city)})

    def tools_stream(self, alias):
        self.tools(alias, streams=True)

    def structured(self, alias):
        message = self.client.chat.completions.parse(model=alias, messages=asking(DESCRIBE), response_format=Ship).choices[0].message
        same(3, message.parsed.masts)

    def image(self, alias):
        picture = {"type": "image_url", "image_url": {"url": f"data:image/png;base64,{PNG_TEXT}"}}
        reply = self.create(alias, [{"type": "text", "text": "Say: a red dot"}, picture])
        same("a red dot", reply.choices[0].message.content)
        sees_the_picture()

    def reasoning(self, alias):
        messages, more = asking(WEATHER), {"reasoning_effort": "medium"}
        for question in (WEATHER, "And what is the weather in Oslo and Bern?"):
            message = self.turn(alias, messages, "tool_calls", False, **more)
            true(counts()["reasoning_tokens"], "the vendor did not reason")
            self.results(messages, message)
            messages.append(self.turn(alias, messages, "stop", False, **more))
            tells(messages[-1].content, "drizzle over")
            messages += asking("And what is the weather in Oslo and Bern?")

    def usage(self, alias):
        usage, vendor = self.create(alias, SAY).usage, counts()
        same(vendor["input_tokens"], usage.prompt_tokens, "prompt_tokens")
        same(vendor["output_tokens"], usage.completion_tokens, "completion_tokens")
        same(usage.prompt_tokens + usage.completion_tokens, usage.total_tokens, "total_tokens")

    def errors(self, alias):
        def code(want):
            return lambda e: same(want, e.code, "code")

        def failing(**what):
            fault(alias, **what)
            self.create(alias, SAY)

        def breaking():
            fault(alias, error_after_chunks=12)
            for _ in self.create(alias, LONG, stream=True):
                pass

        errors, stranger = Errors(), self.client.with_options(api_key="bk_nobody")
        errors.of("401", lambda: stranger.chat.completions.create(model=alias, messages=asking(SAY)), openai.AuthenticationError, check=code("unauthenticated"))
        errors.of("403", lambda: self.create(WITHDRAWN, SAY), openai.PermissionDeniedError, check=code("no_eligible_offering"))
        errors.of("404", lambda: self.create("nobody", SAY), openai.NotFoundError, check=code("model_not_found"))
        errors.of("400", lambda: self.create(alias, 7), openai.BadRequestError)
        errors.of("429", lambda: failing(status=429), openai.RateLimitError, check=code("upstream_rate_limited"))
        errors.of("503", lambda: failing(status=503), openai.InternalServerError, check=lambda e: same(503, e.status_code))
        errors.of("broken stream", breaking, openai.APIError)
        errors.tell()

    def embeddings(self, alias):
        reply = self.client.embeddings.create(model=embedding(alias), input=["a ship", "a boat"])
        same([0, 1], [v.index for v in reply.data])
        true(len(reply.data[1].embedding) > 100, "there is no vector")
        true(reply.usage.prompt_tokens > 0, "there is no usage")


if __name__ == "__main__":
    run("openai-python chat", openai.__version__, Driver())
