"""LangChain's chat models; which one is told as argument. What they share is
LangChain's own: messages, tools, structured output, and exceptions."""

import logging
import sys
from importlib.metadata import version

from langchain_core import exceptions as raises
from langchain_core.messages import HumanMessage, ToolMessage
from langchain_core.tools import tool
from pydantic import BaseModel

import chat_completions
import converse
import genai
import messages
from cells import *


class Ship(BaseModel):
    """A ship"""

    name: str
    masts: int


@tool
def get_weather(city: str) -> str:
    """Weather in a city"""
    return drizzle(city)


def opaque(value):
    """The blobs of state in a message, wherever the family keeps them."""
    if isinstance(value, dict):
        for name, member in value.items():
            if isinstance(member, str) and name in ("signature", "encrypted_content", "thought_signature"):
                yield member
            elif "signatures" in name and isinstance(member, dict):
                yield from member.values()
            else:
                yield from opaque(member)
    elif isinstance(value, list):
        for member in value:
            yield from opaque(member)


class Driver:
    """A family of models. make gives the model of an alias; thinking is what asks
    it to reason; finish and ends are where it says why it ends, and its word for
    the natural end and for calls; home is the alias whose vendor's opaque state
    the family carries as it is."""

    home = None
    errors_of = None  # the driver of the SDK beneath, which knows its refusals
    finish, ends = "finish_reason", ("stop", "tool_calls")
    thinking = {}

    def make(self, alias, key=KEY, **more):
        raise NotImplementedError

    def vectors(self, alias):
        raise Missing("The client has no embeddings.")

    def refused(self, e):
        return next(filter(None, (self.errors_of.refused(each) for each in (e, e.__cause__) if each)), None)

    def ended(self, reply, which):
        same(self.ends[which], reply.response_metadata.get(self.finish), self.finish)

    def gathered(self, model, asked):
        pieces = list(model.stream(asked))
        true(len(pieces) > 1, "the stream is one piece")
        whole = pieces[0]
        for piece in pieces[1:]:
            whole += piece
        return whole

    def unary(self, alias):
        reply = self.make(alias).invoke(SAY)
        same(SAID, reply.text)
        self.ended(reply, 0)
        true(reply.id, "there is no id")

    def stream(self, alias):
        whole = self.gathered(self.make(alias), SAY)
        same(SAID, whole.text)
        self.ended(whole, 0)
        same(counts()["output_tokens"], true(whole.usage_metadata, "there is no usage")["output_tokens"])

    def round(self, alias, turns, streams, **more):
        model = self.make(alias, **more).bind_tools([get_weather])
        send = (lambda turns: self.gathered(model, turns)) if streams else model.invoke
        first = send(turns)
        self.ended(first, 1)
        same(2, len({call["id"] for call in first.tool_calls}), "ids")
        turns += [first, *(get_weather.invoke(call) for call in first.tool_calls)]
        same(True, isinstance(turns[-1], ToolMessage), "a result of a tool")
        last = send(turns)
        self.ended(last, 0)
        tells(last.text, *[drizzle(call["args"]["city"]) for call in first.tool_calls])
        turns.append(last)
        return first

    def tools(self, alias):
        self.round(alias, [HumanMessage(WEATHER)], False)

    def tools_stream(self, alias):
        self.round(alias, [HumanMessage(WEATHER)], True)

    def structured(self, alias):
        same(3, self.make(alias).with_structured_output(Ship).invoke(DESCRIBE).masts)
        same(3, self.make(alias).with_structured_output(Ship, method="json_schema").invoke(DESCRIBE).masts)

    def image(self, alias):
        picture = {"type": "image", "base64": PNG_TEXT, "mime_type": "image/png"}
        same("a red dot", self.make(alias).invoke([HumanMessage([{"type": "text", "text": "Say: a red dot"}, picture])]).text)
        sees_the_picture()

    def reasoning(self, alias):
        turns = [HumanMessage(WEATHER)]
        for _ in range(2):
            minted = list(opaque(self.round(alias, turns, False, **self.thinking).model_dump()))
            true(minted or alias != self.home, "the vendor minted nothing")
            for blob in minted if alias == self.home else ():
                true(blob.rstrip("=") in record()[-1]["body"], "the vendor was not given back what it minted")
            turns.append(HumanMessage("And what is the weather in Oslo and Bern?"))
        true(sum(call["usage"]["reasoning_tokens"] for call in record()), "the vendor did not reason")

    def usage(self, alias):
        usage, vendor = self.make(alias).invoke(SAY).usage_metadata, counts()
        same(vendor["input_tokens"], usage["input_tokens"], "input_tokens")
        same(vendor["output_tokens"], usage["output_tokens"], "output_tokens")
        same(usage["input_tokens"] + usage["output_tokens"], usage["total_tokens"], "total_tokens")

    def errors(self, alias):
        def failing(**what):
            fault(alias, **what)
            self.make(alias).invoke(SAY)

        def breaking():
            fault(alias, error_after_chunks=12)
            for _ in self.make(alias).stream(LONG):
                pass

        errors = Errors(exactly=False)
        errors.of("401", lambda: self.make(alias, key="bk_nobody").invoke(SAY), self.classes[401])
        errors.of("403", lambda: self.make(WITHDRAWN).invoke(SAY), self.classes[403])
        errors.of("404", lambda: self.make("nobody").invoke(SAY), self.classes[404])
        errors.of("400", lambda: self.malformed(alias), self.classes[400])
        errors.of("429", lambda: failing(status=429), self.classes[429])
        errors.of("503", lambda: failing(status=503), self.classes[503])
        errors.of("broken stream", breaking, *self.breaks)
        errors.tell()

    classes = {
        400: raises.ModelInvalidRequestError,
        401: raises.ModelAuthenticationError,
        403: raises.ModelPermissionDeniedError,
        404: raises.ModelNotFoundError,
        429: raises.ModelRateLimitError,
        503: raises.ModelAPIError,
    }

    def malformed(self, alias):
        self.make(alias).invoke(SAY, temperature="hot")

    def refusing(self, alias):
        """Has the vendor refuse, for libraries that send nothing malformed."""
        fault(alias, status=400)
        self.make(alias).invoke(SAY)

    def embeddings(self, alias):
        vectors = self.vectors(embedding(alias)).embed_documents(["a ship", "a boat"])
        same(2, len(vectors))
        true(all(len(v) > 100 for v in vectors), "there is no vector")


class OpenAI(Driver):
    def __init__(self):
        import openai

        self.errors_of, self.breaks = chat_completions.Driver(), [openai.APIError]

    thinking = {"reasoning_effort": "medium"}

    def make(self, alias, key=KEY, **more):
        from langchain_openai import ChatOpenAI

        return ChatOpenAI(model=alias, base_url=f"{URL}/v1", api_key=key, max_retries=0, stream_usage=True, **more)

    def vectors(self, alias):
        from langchain_openai import OpenAIEmbeddings

        # Else it sends ids of tokens, which cannot be read for marks.
        return OpenAIEmbeddings(model=alias, base_url=f"{URL}/v1", api_key=KEY, max_retries=0, check_embedding_ctx_length=False)


class Responses(OpenAI):
    home = "on-responses"
    finish, ends = "status", ("completed", "completed")
    thinking = {"reasoning": {"effort": "medium"}, "include": ["reasoning.encrypted_content"]}

    def make(self, alias, key=KEY, **more):
        return super().make(alias, key, use_responses_api=True, store=False, output_version="responses/v1", **more)

    def vectors(self, alias):
        raise Missing("The Responses API has no embeddings.")


class Anthropic(Driver):
    home = "on-anthropic"
    finish, ends = "stop_reason", ("end_turn", "tool_use")
    thinking = {"thinking": {"type": "enabled", "budget_tokens": 1024}}

    def __init__(self):
        import anthropic

        self.errors_of, self.breaks = messages.Driver(), [anthropic.APIError]

    def make(self, alias, key=KEY, **more):
        from langchain_anthropic import ChatAnthropic

        return ChatAnthropic(model=alias, base_url=URL, api_key=key, max_retries=0, max_tokens=4000, **more)

class Bedrock(Driver):
    home = "on-bedrock"
    finish, ends = "stopReason", ("end_turn", "tool_use")
    thinking = {"additional_model_request_fields": {"thinking": {"type": "enabled", "budget_tokens": 1024}}, "max_tokens": 4000}

    def __init__(self):
        self.errors_of = converse.Driver()
        from botocore.exceptions import ClientError, EventStreamError

        known = self.errors_of.client.exceptions
        self.breaks = [EventStreamError]
        self.classes = {400: known.ValidationException, 401: ClientError, 403: known.AccessDeniedException,
                        404: known.ResourceNotFoundException, 429: known.ThrottlingException, 503: known.ServiceUnavailableException}

    def make(self, alias, key=KEY, **more):
        from langchain_aws import ChatBedrockConverse

        known = key == KEY
        client = self.errors_of.client if known else self.errors_of.signing("AKIANOBODYKNOWSTHIS1", "none")
        return ChatBedrockConverse(model=alias, provider="anthropic", base_model="anthropic.claude-sonnet-4-5-20250929-v1:0", client=client, bedrock_client=client, region_name="us-gov-west-1", **more)

    def malformed(self, alias):
        self.refusing(alias)

    def vectors(self, alias):
        from langchain_aws import BedrockEmbeddings

        logging.disable()  # it tells of an error by itself too
        return BedrockEmbeddings(model_id=alias, provider="cohere", client=self.errors_of.client, region_name="us-gov-west-1")


class Google(Driver):
    home = "on-gemini"
    ends = ("STOP", "STOP")
    thinking = {"thinking_level": "low", "include_thoughts": True, "max_tokens": 4000}

    def __init__(self):
        self.errors_of = genai.Driver()
        self.breaks = [raises.ModelAPIError, genai.raises.APIError]

    def make(self, alias, key=KEY, **more):
        from langchain_google_genai import ChatGoogleGenerativeAI

        return ChatGoogleGenerativeAI(model=alias, base_url=URL, api_key=key, max_retries=1, **more)

    def malformed(self, alias):
        self.refusing(alias)

    def vectors(self, alias):
        from langchain_google_genai import GoogleGenerativeAIEmbeddings

        return GoogleGenerativeAIEmbeddings(model=alias, base_url=URL, api_key=KEY)


FAMILIES = {
    "langchain-openai chat": OpenAI,
    "langchain-openai responses": Responses,
    "langchain-anthropic": Anthropic,
    "langchain-aws": Bedrock,
    "langchain-google-genai": Google,
}

if __name__ == "__main__":
    run(sys.argv[1], version(sys.argv[1].split()[0]), FAMILIES[sys.argv[1]]())
