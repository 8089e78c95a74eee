"""openai for Python, by the Responses API."""

import openai
from pydantic import BaseModel

from cells import *

TOOL = {"type": "function", "name": "get_weather", "description": "Weather in a city", "parameters": CITY, "strict": True}


class Ship(BaseModel):
    name: str
    masts: int


def user(content):
    return {"role": "user", "content": content}


class Driver:
    def __init__(self):
        self.client = openai.OpenAI(base_url=f"{URL}/v1", api_key=KEY, max_retries=0)

    def refused(self, e):
        if isinstance(e, openai.APIStatusError) and e.body:
            return e.code, e.param and f"{e.param}: {e.body['message']}"

    def create(self, alias, asked, **more):
        return self.client.responses.create(model=alias, input=asked, store=False, **more)

    def unary(self, alias):
        reply = self.create(alias, SAY)
        same(SAID, reply.output_text)
        same("completed", reply.status)
        true(reply._request_id, "there is no request id")

    def stream(self, alias):
        with self.client.responses.stream(model=alias, input=SAY, store=False) as stream:
            pieces = [event.delta for event in stream if event.type == "response.output_text.delta"]
            whole = stream.get_final_response()
        same(SAID, "".join(pieces))
        same(SAID, whole.output_text)
        same(counts()["output_tokens"], whole.usage.output_tokens)

    def turn(self, alias, items, streams, **more):
        more = {"model": alias, "input": items, "tools": [TOOL], "store": False, "include": ["reasoning.encrypted_content"], **more}
        if streams:
            with self.client.responses.stream(**more) as stream:
                stream.until_done()
                reply = stream.get_final_response()
        else:
            reply = self.client.responses.create(**more)
        same("completed", reply.status)
        items += [item.model_dump(exclude_none=True, exclude={"parsed_arguments", "status"} if item.type == "function_call" else {"status"}) for item in reply.output]
        return reply

    def round(self, alias, items, streams, **more):
        calls = [item for item in self.turn(alias, items, streams, **more).output if item.type == "function_call"]
        true(len({call.call_id for call in calls}) == 2, "there are not two calls")
        cities = [json.loads(call.arguments)["city"] for call in calls]
        items += [{"type": "function_call_output", "call_id": c.call_id, "output": drizzle(city)} for c, city in zip(calls, cities)]
        tells(self.turn(alias, items, streams, **more).output_text, *map(drizzle, cities))

    def tools(self, alias):
        self.round(alias, [user(WEATHER)], False)

    def tools_stream(self, alias):
        self.round(alias, [user(WEATHER)], True)

    def structured(self, alias):
        same(3, self.client.responses.parse(model=alias, input=DESCRIBE, text_format=Ship, store=False).output_parsed.masts)

    def image(self, alias):
        picture = {"type": "input_image", "image_url": f"data:image/png;base64,{PNG_TEXT}", "detail": "auto"}
        same("a red dot", self.create(alias, [user([{"type": "input_text", "text": "Say: a red dot"}, picture])]).output_text)
        sees_the_picture()

    def reasoning(self, alias):
        items = [user(WEATHER)]
        for _ in range(2):
            self.round(alias, items, False, reasoning={"effort": "medium"})
            items.append(user("And what is the weather in Oslo and Bern?"))

    def usage(self, alias):
        usage, vendor = self.create(alias, SAY).usage, counts()
        same(vendor["input_tokens"], usage.input_tokens, "input_tokens")
        same(vendor["output_tokens"], usage.output_tokens, "output_tokens")

    def errors(self, alias):
        def failing(**what):
            fault(alias, **what)
            self.create(alias, SAY)

        def breaking():
            fault(alias, error_after_chunks=12)
            failed = None
            for event in self.create(alias, LONG, stream=True):
                if event.type in ("error", "response.failed"):
                    failed = event
            true(failed, "the stream ends as if it were whole")
            raise openai.APIError("told within the stream", None, body=None)

        errors, stranger = Errors(), self.client.with_options(api_key="bk_nobody")
        errors.of("401", lambda: stranger.responses.create(model=alias, input=SAY), openai.AuthenticationError)
        errors.of("403", lambda: self.create(WITHDRAWN, SAY), openai.PermissionDeniedError)
        errors.of("404", lambda: self.create("nobody", SAY), openai.NotFoundError)
        errors.of("400", lambda: self.create(alias, 7), openai.BadRequestError)
        errors.of("429", lambda: failing(status=429), openai.RateLimitError)
        errors.of("503", lambda: failing(status=503), openai.InternalServerError, check=lambda e: same(503, e.status_code))
        errors.of("broken stream", breaking, openai.APIError)
        errors.tell()

    def embeddings(self, alias):
        raise Missing("The Responses API has no embeddings.")  # chat_completions.py has the client's



if __name__ == "__main__":
    run("openai-python responses", openai.__version__, Driver())
