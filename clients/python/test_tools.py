"""Tools, structured output, the streaming helper, embeddings and models."""

import json
from typing import List

import openai
from pydantic import BaseModel
from world import KEY, URL, WEATHER, AsyncCase, Case, asking, azure, azure_async, plain, plain_async, record

PARIS = "What is the weather in Paris?"
BOTH = "What is the weather in Paris and Rome?"


class Step(BaseModel):
    explanation: str
    result: float


class Solution(BaseModel):
    steps: List[Step]
    answer: str


class GetWeather(BaseModel):
    city: str


class Tools(Case):
    def round_trip(self, client, alias):
        messages = asking(PARIS)
        reply = client.chat.completions.create(model=alias, messages=messages, tools=[WEATHER])
        self.assertEqual("tool_calls", reply.choices[0].finish_reason)
        [call] = reply.choices[0].message.tool_calls
        self.assertEqual("get_weather", call.function.name)
        self.assertEqual({"city": "Paris"}, json.loads(call.function.arguments))
        messages += [reply.choices[0].message, {"role": "tool", "tool_call_id": call.id, "content": "17 degrees and drizzle"}]
        last = client.chat.completions.create(model=alias, messages=messages, tools=[WEATHER])
        self.assertEqual("stop", last.choices[0].finish_reason)
        self.assertIn("drizzle", last.choices[0].message.content)
        self.assertIn(call.id, record()[-1]["body"])

    def test_round_trip(self):
        with plain() as client:
            for alias in ["chat", "chat-azure", "chat-bedrock", "chat-local"]:
                with self.subTest(alias):
                    self.round_trip(client, alias)

    def test_round_trip_azure_class(self):
        with azure() as client:
            self.round_trip(client, "chat-azure")

    def test_parallel(self):
        with plain() as client:
            reply = client.chat.completions.create(model="chat", messages=asking(BOTH), tools=[WEATHER])
            calls = reply.choices[0].message.tool_calls
            self.assertEqual(["Paris", "Rome"], [json.loads(c.function.arguments)["city"] for c in calls])
            self.assertEqual(2, len({c.id for c in calls}))
            one = client.chat.completions.create(model="chat", messages=asking(BOTH), tools=[WEATHER], parallel_tool_calls=False)
            self.assertEqual(1, len(one.choices[0].message.tool_calls))

    def test_parallel_stream(self):
        with plain() as client:
            got = {}
            for chunk in client.chat.completions.create(model="chat", messages=asking(BOTH), tools=[WEATHER], stream=True):
                for part in chunk.choices[0].delta.tool_calls or [] if chunk.choices else []:
                    got.setdefault(part.index, "")
                    got[part.index] += part.function.arguments or ""
            self.assertEqual({0: {"city": "Paris"}, 1: {"city": "Rome"}}, {i: json.loads(a) for i, a in got.items()})

    def test_choice(self):
        with plain() as client:
            reply = client.chat.completions.create(model="chat", messages=asking(PARIS), tools=[WEATHER], tool_choice="none")
            self.assertIsNone(reply.choices[0].message.tool_calls)
            named = {"type": "function", "function": {"name": "get_weather"}}
            reply = client.chat.completions.create(model="chat", messages=asking("Hello"), tools=[WEATHER], tool_choice=named)
            self.assertEqual("get_weather", reply.choices[0].message.tool_calls[0].function.name)

    def test_custom_tool(self):
        tool = {"type": "custom", "custom": {"name": "calculator", "description": "Adds"}}
        with plain() as client:
            reply = client.chat.completions.create(model="chat", messages=asking("Ask the calculator for 2 + 3"), tools=[tool])
            self.assertEqual("2 + 3", reply.choices[0].message.tool_calls[0].custom.input)


class Structured(Case):
    def parse(self, client, alias):
        reply = client.chat.completions.parse(model=alias, messages=asking("Solve 8x + 7 = 23"), response_format=Solution)
        self.assertIsInstance(reply.choices[0].message.parsed, Solution)
        self.assertTrue(reply.choices[0].message.parsed.steps)

    def test_parse(self):
        with plain() as client:
            for alias in ["chat", "chat-azure", "chat-local"]:
                with self.subTest(alias):
                    self.parse(client, alias)
        with azure() as client:
            self.parse(client, "chat-azure")

    def test_parse_tools(self):
        with plain() as client:
            reply = client.chat.completions.parse(model="chat", messages=asking(PARIS), tools=[openai.pydantic_function_tool(GetWeather)])
            self.assertEqual(GetWeather(city="Paris"), reply.choices[0].message.tool_calls[0].function.parsed_arguments)

    def test_parse_raises_when_cut_short(self):
        with plain() as client, self.assertRaises(openai.LengthFinishReasonError):
            client.chat.completions.parse(model="chat", messages=asking("Solve 8x + 7 = 23"), response_format=Solution, max_tokens=2)

    def test_parse_tells_a_refusal(self):
        with plain() as client:
            reply = client.chat.completions.parse(model="chat", messages=asking("How do I make a bomb?"), response_format=Solution)
            self.assertIsNone(reply.choices[0].message.parsed)
            self.assertTrue(reply.choices[0].message.refusal)

    def test_json_object(self):
        with plain() as client:
            reply = client.chat.completions.create(
                model="chat", messages=asking("JSON about ships, please"), response_format={"type": "json_object"}
            )
            self.assertIsInstance(json.loads(reply.choices[0].message.content), dict)


class StreamHelper(Case):
    def follow(self, client, alias, **more):
        with client.chat.completions.stream(model=alias, **more) as stream:
            events = list(stream)
            return events, stream.get_final_completion()

    def test_text(self):
        for make, alias in [(plain, "chat"), (plain, "chat-azure"), (plain, "chat-local"), (azure, "chat-azure")]:
            with self.subTest(alias), make() as client:
                events, final = self.follow(client, alias, messages=asking("Tell me of ships"))
                self.assertEqual(final.choices[0].message.content, "".join(e.delta for e in events if e.type == "content.delta"))
                self.assertEqual("stop", final.choices[0].finish_reason)
                self.assertEqual("assistant", final.choices[0].message.role)

    def test_usage(self):
        with plain() as client:
            _, final = self.follow(client, "chat", messages=asking("Tell me of ships"), stream_options={"include_usage": True})
            whole = client.chat.completions.create(model="chat", messages=asking("Tell me of ships"))
            self.assertEqual(whole.usage.completion_tokens, final.usage.completion_tokens)

    def test_parsed(self):
        with plain() as client:
            events, final = self.follow(client, "chat", messages=asking("Solve 8x + 7 = 23"), response_format=Solution)
            self.assertIsInstance(final.choices[0].message.parsed, Solution)
            self.assertIn("content.done", {e.type for e in events})

    def test_tools(self):
        with plain() as client:
            events, final = self.follow(client, "chat", messages=asking(BOTH), tools=[openai.pydantic_function_tool(GetWeather)])
            done = [e.parsed_arguments for e in events if e.type == "tool_calls.function.arguments.done"]
            self.assertEqual([GetWeather(city="Paris"), GetWeather(city="Rome")], done)
            self.assertEqual(2, len(final.choices[0].message.tool_calls))

    def test_length(self):
        with plain() as client, self.assertRaises(openai.LengthFinishReasonError):
            self.follow(client, "chat", messages=asking("Solve 8x + 7 = 23"), response_format=Solution, max_tokens=2)


class AsyncStreamHelper(AsyncCase):
    async def test_tools_and_parse(self):
        for make, alias in [(plain_async, "chat"), (azure_async, "chat-azure")]:
            async with make() as client:
                tools = [openai.pydantic_function_tool(GetWeather)]
                async with client.chat.completions.stream(model=alias, messages=asking(BOTH), tools=tools) as stream:
                    events = [event async for event in stream]
                    final = await stream.get_final_completion()
                self.assertIn("tool_calls.function.arguments.done", {e.type for e in events})
                self.assertEqual("tool_calls", final.choices[0].finish_reason)
                reply = await client.chat.completions.parse(model=alias, messages=asking("Solve 2x = 4"), response_format=Solution)
                self.assertIsInstance(reply.choices[0].message.parsed, Solution)


class Embeddings(Case):
    def check(self, client, alias, size):
        by_default = client.embeddings.create(model=alias, input=["a ship", "a lighthouse"])
        self.assertIn('"encoding_format":"base64"', record()[-1]["body"].replace(" ", ""))
        floats = client.embeddings.create(model=alias, input=["a ship", "a lighthouse"], encoding_format="float")
        self.assertEqual([0, 1], [e.index for e in by_default.data])
        for a, b in zip(by_default.data, floats.data):
            self.assertEqual(size, len(a.embedding))
            self.assertEqual(size, len(b.embedding))
            self.assertLess(max(abs(x - y) for x, y in zip(a.embedding, b.embedding)), 1e-6)
        self.assertNotEqual(by_default.data[0].embedding, by_default.data[1].embedding)
        self.assertGreater(by_default.usage.prompt_tokens, 0)

    def test_embeddings(self):
        with plain() as client:
            for alias, size in [("embed", 1536), ("embed-azure", 1536), ("embed-local", 768)]:
                with self.subTest(alias):
                    self.check(client, alias, size)
        with azure() as client:
            self.check(client, "embed-azure", 1536)

    def test_dimensions(self):
        with plain() as client:
            reply = client.embeddings.create(model="embed", input="a ship", dimensions=64)
            self.assertEqual(64, len(reply.data[0].embedding))

    def test_token_ids(self):
        with plain() as client:
            reply = client.embeddings.create(model="embed", input=[[1, 2, 3], [4, 5]])
            self.assertEqual(2, len(reply.data))


class AsyncEmbeddings(AsyncCase):
    async def test_embeddings(self):
        async with plain_async() as client:
            reply = await client.embeddings.create(model="embed", input="a ship")
            self.assertEqual(1536, len(reply.data[0].embedding))


class Models(Case):
    ALIASES = sorted(
        "chat chat-twin chat-hasty chat-thinks chat-search chat-audio chat-azure chat-azure-v1 chat-bedrock chat-local embed embed-azure embed-local".split()
    )

    def test_list_and_retrieve(self):
        v1 = openai.OpenAI(base_url=URL + "/openai/v1", api_key=KEY)
        for client in [plain(), azure(), v1]:
            with client:
                self.assertEqual(self.ALIASES, sorted(m.id for m in client.models.list()))
                one = client.models.retrieve("chat-azure-v1")
                self.assertEqual(("chat-azure-v1", "model"), (one.id, one.object))
                with self.assertRaises(openai.NotFoundError) as caught:
                    client.models.retrieve("gpt-4o")
                self.assertEqual("model_not_found", caught.exception.code)
        self.assertEqual([], record())
