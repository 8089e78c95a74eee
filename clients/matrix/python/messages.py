"""anthropic for Python."""

import anthropic
from pydantic import BaseModel

from cells import *

TOOL = {"name": "get_weather", "description": "Weather in a city", "input_schema": CITY}


class Ship(BaseModel):
    name: str
    masts: int


def user(content):
    return {"role": "user", "content": content}


def text(message):
    return "".join(block.text for block in message.content if block.type == "text")


class Driver:
    def __init__(self):
        self.client = anthropic.Anthropic(base_url=URL, api_key=KEY, max_retries=0)

    def refused(self, e):
        if isinstance(e, anthropic.APIStatusError) and isinstance(e.body, dict):
            error = e.body.get("error", {})
            return error.get("bulkhead", {}).get("code"), error.get("message", "")

    def create(self, alias, content, **more):
        return self.client.messages.create(model=alias, max_tokens=4000, messages=[user(content)], **more)

    def unary(self, alias):
        reply = self.create(alias, SAY)
        same(SAID, text(reply))
        same("end_turn", reply.stop_reason)
        true(reply._request_id, "there is no request id")

    def stream(self, alias):
        with self.client.messages.stream(model=alias, max_tokens=4000, messages=[user(SAY)]) as stream:
            same(SAID, "".join(stream.text_stream))
            whole = stream.get_final_message()
        same(SAID, text(whole))
        same("end_turn", whole.stop_reason)
        same(counts()["output_tokens"], whole.usage.output_tokens)

    def turn(self, alias, messages, stop, streams, **more):
        more = {"model": alias, "max_tokens": 4000, "messages": messages, "tools": [TOOL], **more}
        if streams:
            with self.client.messages.stream(**more) as stream:
                message = stream.get_final_message()
        else:
            message = self.client.messages.create(**more)
        same(stop, message.stop_reason, "stop_reason")
        messages.append({"role": "assistant", "content": message.content})
        return message

    def tools(self, alias, streams=False, **more):
        messages = [user(WEATHER)]
        self.round(alias, messages, streams, **more)
        return messages

    def round(self, alias, messages, streams, **more):
        message = self.turn(alias, messages, "tool_use", streams, **more)
        calls = [block for block in message.content if block.type == "tool_use"]
        true(len({call.id for call in calls}) == 2, "there are not two calls")
        messages.append(user([{"type": "tool_result", "tool_use_id": call.id, "content": drizzle(call.input["city"])} for call in calls]))
        last = self.turn(alias, messages, "end_turn", streams, **more)
        tells(text(last), *[drizzle(call.input["city"]) for call in calls])
        return message

    def tools_stream(self, alias):
        self.tools(alias, streams=True)

    def structured(self, alias):
        reply = self.client.messages.parse(model=alias, max_tokens=4000, messages=[user(DESCRIBE)], output_format=Ship)
        same(3, reply.parsed_output.masts)

    def image(self, alias):
        picture = {"type": "image", "source": {"type": "base64", "media_type": "image/png", "data": PNG_TEXT}}
        same("a red dot", text(self.create(alias, [{"type": "text", "text": "Say: a red dot"}, picture])))
        sees_the_picture()

    def reasoning(self, alias):
        messages, more = [user(WEATHER)], {"thinking": {"type": "enabled", "budget_tokens": 1024}}
        for _ in range(2):
            self.round(alias, messages, False, **more)
            messages.append(user("And what is the weather in Oslo and Bern?"))

    def usage(self, alias):
        usage, vendor = self.create(alias, SAY).usage, counts()
        same(vendor["input_tokens"], usage.input_tokens + (usage.cache_read_input_tokens or 0) + (usage.cache_creation_input_tokens or 0), "input_tokens")
        same(vendor["output_tokens"], usage.output_tokens, "output_tokens")

    def errors(self, alias):
        def failing(**what):
            fault(alias, **what)
            self.create(alias, SAY)

        def breaking():
            fault(alias, error_after_chunks=12)
            with self.client.messages.stream(model=alias, max_tokens=4000, messages=[user(LONG)]) as stream:
                stream.until_done()

        errors, stranger = Errors(), anthropic.Anthropic(base_url=URL, api_key="bk_nobody", max_retries=0)
        errors.of("401", lambda: stranger.messages.create(model=alias, max_tokens=9, messages=[user(SAY)]), anthropic.AuthenticationError)
        errors.of("403", lambda: self.create(WITHDRAWN, SAY), anthropic.PermissionDeniedError)
        errors.of("404", lambda: self.create("nobody", SAY), anthropic.NotFoundError)
        errors.of("400", lambda: self.create(alias, 7), anthropic.BadRequestError)
        errors.of("429", lambda: failing(status=429), anthropic.RateLimitError)
        errors.of("503", lambda: failing(status=503), anthropic.ServiceUnavailableError, anthropic.InternalServerError, anthropic.OverloadedError, check=lambda e: same(503, e.status_code))
        errors.of("broken stream", breaking, *{anthropic.APIStatusError, anthropic.APIError, anthropic.InternalServerError})
        errors.tell()

    def embeddings(self, alias):
        true(not hasattr(self.client, "embeddings"), "the client has embeddings now: try them")
        raise Missing("The client has no embeddings.")


if __name__ == "__main__":
    run("anthropic-python", anthropic.__version__, Driver())
