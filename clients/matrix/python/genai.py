"""google-genai for Python."""

from google import genai
from google.genai import errors as raises
from google.genai import types
from pydantic import BaseModel

from cells import *

CONFIG = {"tools": [{"function_declarations": [{"name": "get_weather", "description": "Weather in a city", "parameters_json_schema": CITY}]}]}


class Ship(BaseModel):
    name: str
    masts: int


def user(*parts):
    return types.Content(role="user", parts=[types.Part(text=p) if isinstance(p, str) else p for p in parts])


def said(e):
    """The error of a reply, which the SDK keeps whole."""
    details = e.details if isinstance(e.details, dict) else {}
    return details.get("error", details)


def code(e):
    return (said(e).get("details") or [{}])[0].get("reason")


class Driver:
    def __init__(self):
        self.client = self.keyed(KEY)

    def keyed(self, key):
        return genai.Client(api_key=key, http_options=types.HttpOptions(base_url=URL))

    def refused(self, e):
        if isinstance(e, raises.APIError):
            return code(e), said(e).get("message")

    def ask(self, alias, contents, **config):
        return self.client.models.generate_content(model=alias, contents=contents, config=config)

    def streamed(self, alias, contents, **config):
        """The reply that a stream spells; its parts are kept as they came, as the SDK's own chats keep them."""
        parts, last, finish = [], None, None
        for last in self.client.models.generate_content_stream(model=alias, contents=contents, config=config):
            for candidate in last.candidates or []:
                parts += (candidate.content and candidate.content.parts) or []
                finish = candidate.finish_reason or finish
        candidate = types.Candidate(content=types.Content(role="model", parts=parts), finish_reason=finish)
        return types.GenerateContentResponse(candidates=[candidate], usage_metadata=last.usage_metadata, response_id=last.response_id)

    def unary(self, alias):
        reply = self.ask(alias, SAY)
        same(SAID, reply.text)
        same(types.FinishReason.STOP, reply.candidates[0].finish_reason)
        true(reply.response_id, "there is no request id")

    def stream(self, alias):
        reply = self.streamed(alias, SAY)
        same(SAID, reply.text)
        same(types.FinishReason.STOP, reply.candidates[0].finish_reason)
        true(reply.usage_metadata.candidates_token_count, "there is no usage")
        chat = self.client.chats.create(model=alias)
        same(SAID, "".join(piece.text or "" for piece in chat.send_message_stream(SAY)))
        same(SAID, "".join(part.text or "" for turn in chat.get_history()[1:] for part in turn.parts))

    def round(self, send, alias, contents, **config):
        first = send(alias, contents, **CONFIG, **config)
        same(types.FinishReason.STOP, first.candidates[0].finish_reason)
        calls = first.function_calls
        same(2, len(calls), "calls")
        contents.append(first.candidates[0].content)
        answers = [types.FunctionResponse(id=c.id, name=c.name, response={"output": drizzle(c.args["city"])}) for c in calls]
        contents.append(user(*[types.Part(function_response=answer) for answer in answers]))
        last = send(alias, contents, **CONFIG, **config)
        same(types.FinishReason.STOP, last.candidates[0].finish_reason)
        tells(last.text, *[drizzle(c.args["city"]) for c in calls])
        contents.append(last.candidates[0].content)
        return first

    def tools(self, alias):
        self.round(self.ask, alias, [user(WEATHER)])
        # The SDK's own way: it calls the function itself and sends what it gives.
        asked = []

        def get_weather(city: str) -> str:
            """Weather in a city"""
            asked.append(city)
            return drizzle(city)

        tells(self.ask(alias, WEATHER, tools=[get_weather]).text, *map(drizzle, ("Paris", "Rome")))
        same(["Paris", "Rome"], asked)

    def tools_stream(self, alias):
        self.round(self.streamed, alias, [user(WEATHER)])

    def structured(self, alias):
        same(3, self.ask(alias, DESCRIBE, response_mime_type="application/json", response_schema=Ship).parsed.masts)
        reply = self.ask(alias, DESCRIBE, response_mime_type="application/json", response_json_schema=SHIP)
        same(3, json.loads(reply.text)["masts"])

    def image(self, alias):
        same("a red dot", self.ask(alias, [user("Say: a red dot", types.Part.from_bytes(data=PNG, mime_type="image/png"))]).text)
        sees_the_picture()

    def reasoning(self, alias):
        contents, minted = [user(WEATHER)], 0
        thinking = {"thinking_config": {"thinking_level": "LOW", "include_thoughts": True}, "max_output_tokens": 4000}
        for _ in range(2):
            first = self.round(self.ask, alias, contents, **thinking)
            true(counts()["reasoning_tokens"], "the vendor did not reason")
            if alias == "on-gemini":
                for signature in filter(None, (part.thought_signature for part in first.candidates[0].content.parts)):
                    comes_back(signature)
                    minted += 1
            contents.append(user("And what is the weather in Oslo and Bern?"))
        true(minted or alias != "on-gemini", "there is no signature of a thought")

    def usage(self, alias):
        for send in (self.ask, self.streamed):
            usage, vendor = send(alias, [user(LONG)]).usage_metadata, counts()
            same(vendor["input_tokens"], usage.prompt_token_count, "prompt_token_count")
            same(vendor["output_tokens"], usage.candidates_token_count + (usage.thoughts_token_count or 0), "candidates_token_count")

        if alias == "on-openai":  # Chat Completions has no count of what would be asked
            e = raised(lambda: self.client.models.count_tokens(model=alias, contents=SAY), raises.ClientError)
            same("unsupported_parameter", code(e))
        else:
            true(self.client.models.count_tokens(model=alias, contents=SAY).total_tokens, "nothing is counted")

    def errors(self, alias):
        def is_(want):
            return lambda e: same(want, code(e), "code")

        def failing(**what):
            fault(alias, **what)
            self.ask(alias, SAY)

        def breaking():
            fault(alias, error_after_chunks=12)
            self.streamed(alias, LONG)

        def malformed():
            self.ask(alias, SAY, http_options={"extra_body": {"contents": 7}})

        errors, stranger = Errors(), self.keyed("bk_nobody")
        errors.of("401", lambda: stranger.models.generate_content(model=alias, contents=SAY), raises.ClientError, check=is_("unauthenticated"))
        errors.of("403", lambda: self.ask(WITHDRAWN, SAY), raises.ClientError, check=is_("no_eligible_offering"))
        errors.of("404", lambda: self.ask("nobody", SAY), raises.ClientError, check=is_("model_not_found"))
        errors.of("400", malformed, raises.ClientError, check=lambda e: same(400, e.code))
        errors.of("429", lambda: failing(status=429), raises.ClientError, check=is_("upstream_rate_limited"))
        errors.of("503", lambda: failing(status=503), raises.ServerError, check=is_("upstream_unavailable"))
        errors.of("broken stream", breaking, raises.ServerError, raises.ClientError, raises.APIError)
        errors.tell()

    def embeddings(self, alias):
        reply = self.client.models.embed_content(model=embedding(alias), contents=["a ship", "a boat"])
        same(2, len(reply.embeddings))
        true(all(len(e.values) > 100 for e in reply.embeddings), "there is no vector")


if __name__ == "__main__":
    run("genai-python", genai.__version__, Driver())
