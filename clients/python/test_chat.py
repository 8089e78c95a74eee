"""Chat completions as applications use them: whole, streamed, through every
kind of client and to every kind of vendor."""

import asyncio
import base64

from openai import AzureOpenAI, OpenAI
from world import API_VERSION, KEY, URL, AsyncCase, Case, asking, azure, azure_async, ended, plain, plain_async, record

TELL = asking("Tell me of harbours and lighthouses")


def joined(chunks):
    return "".join(c.choices[0].delta.content or "" for c in chunks if c.choices)


class Chat(Case):
    def check_unary(self, client, alias):
        reply = client.chat.completions.create(model=alias, messages=TELL)
        self.assertEqual("stop", reply.choices[0].finish_reason)
        self.assertEqual("assistant", reply.choices[0].message.role)
        self.assertIn("harbours", reply.choices[0].message.content)
        self.assertTrue(reply.id)
        self.assertGreater(reply.usage.prompt_tokens, 0)
        self.assertEqual(reply.usage.total_tokens, reply.usage.prompt_tokens + reply.usage.completion_tokens)
        return reply

    def check_stream(self, client, alias):
        whole = self.check_unary(client, alias)
        chunks = list(client.chat.completions.create(model=alias, messages=TELL, stream=True))
        self.assertEqual(whole.choices[0].message.content, joined(chunks))
        # Some compatible servers put usage on the chunk that finishes, if asked, and Bulkhead asks; no chunk is added.
        self.assertEqual([], [c for c in chunks if c.usage and not (alias == "chat-local" and c.choices)])
        self.assertEqual(["stop"], [c.choices[0].finish_reason for c in chunks if c.choices and c.choices[0].finish_reason])
        asked = list(client.chat.completions.create(model=alias, messages=TELL, stream=True, stream_options={"include_usage": True}))
        self.assertEqual(whole.choices[0].message.content, joined(asked))
        usages = [c.usage for c in asked if c.usage]
        self.assertEqual(1, len(usages))
        self.assertEqual(whole.usage.completion_tokens, usages[0].completion_tokens)
        self.assertEqual(asked[-1].usage, usages[0])
        if alias != "chat-local":
            self.assertEqual([], asked[-1].choices)
        self.assertEqual([], [r for r in ended() if not r["complete"]], "no call to a vendor is broken off")

    def test_unary(self):
        with plain() as client:
            reply = self.check_unary(client, "chat")
            self.assertTrue(reply._request_id)

    def test_stream(self):
        with plain() as client:
            self.check_stream(client, "chat")

    def test_other_vendors(self):
        with plain() as client:
            for alias in ["chat-azure", "chat-azure-v1", "chat-bedrock", "chat-local", "chat-twin", "chat-hasty"]:
                with self.subTest(alias):
                    self.check_stream(client, alias)

    def test_azure_class(self):
        with azure() as client:
            for alias in ["chat-azure", "chat-azure-v1", "chat"]:
                with self.subTest(alias):
                    self.check_stream(client, alias)

    def test_azure_class_with_deployment(self):
        with AzureOpenAI(azure_endpoint=URL, azure_deployment="chat-azure", api_key=KEY, api_version=API_VERSION) as client:
            self.check_stream(client, "chat-azure")

    def test_azure_class_with_a_doubled_slash(self):
        # Older clients put one more slash after an endpoint that ends in one, and Azure serves it.
        with AzureOpenAI(base_url=URL + "//openai/deployments/chat-azure", api_key=KEY, api_version=API_VERSION) as client:
            self.check_unary(client, "chat-azure")

    def test_azure_class_with_token(self):
        with AzureOpenAI(azure_endpoint=URL, azure_ad_token_provider=lambda: KEY, api_version=API_VERSION) as client:
            self.check_unary(client, "chat-azure")

    def test_plain_class_on_azure_v1(self):
        with OpenAI(base_url=URL + "/openai/v1", api_key=KEY) as client:
            self.check_stream(client, "chat-azure")
        with OpenAI(base_url=URL + "/openai/v1/", api_key=KEY, default_query={"api-version": "preview"}) as client:
            self.check_unary(client, "chat-azure-v1")

    def test_says_what_it_was_told_to(self):
        odd = 'Grüße 😀 "quoted" \\back\\ \t tab \u2028 line, 漢字 \U0001f469\u200d\U0001f680'
        with plain() as client:
            for alias in ["chat", "chat-azure", "chat-local"]:
                with self.subTest(alias):
                    reply = client.chat.completions.create(model=alias, messages=asking("Say exactly: " + odd))
                    self.assertEqual(odd, reply.choices[0].message.content)
                    chunks = client.chat.completions.create(model=alias, messages=asking("Say exactly: " + odd), stream=True)
                    self.assertEqual(odd, joined(chunks))

    def test_several_choices(self):
        with plain() as client:
            reply = client.chat.completions.create(model="chat", messages=TELL, n=3)
            self.assertEqual([0, 1, 2], [c.index for c in reply.choices])
            texts = {0: "", 1: "", 2: ""}
            for chunk in client.chat.completions.create(model="chat", messages=TELL, n=3, stream=True):
                for choice in chunk.choices:
                    texts[choice.index] += choice.delta.content or ""
            self.assertEqual({c.index: c.message.content for c in reply.choices}, texts)

    def test_logprobs(self):
        with plain() as client:
            reply = client.chat.completions.create(model="chat", messages=TELL, logprobs=True, top_logprobs=2)
            tokens = reply.choices[0].logprobs.content
            self.assertEqual(reply.choices[0].message.content, "".join(t.token for t in tokens))
            self.assertEqual(2, len(tokens[0].top_logprobs))

    def test_length(self):
        with plain() as client:
            reply = client.chat.completions.create(model="chat", messages=TELL, max_tokens=3)
            self.assertEqual("length", reply.choices[0].finish_reason)
            self.assertEqual(3, reply.usage.completion_tokens)

    def test_refusal(self):
        with plain() as client:
            reply = client.chat.completions.create(model="chat", messages=asking("How do I make a bomb?"))
            self.assertIn("can't assist", reply.choices[0].message.refusal)

    def test_reasoning(self):
        with plain() as client:
            reply = client.chat.completions.create(model="chat-thinks", messages=TELL, reasoning_effort="low", max_completion_tokens=4000)
            self.assertGreater(reply.usage.completion_tokens_details.reasoning_tokens, 0)

    def test_picture(self):
        dot = base64.b64encode(b"\x89PNG\r\n\x1a\n" + bytes(64)).decode()
        parts = [{"type": "text", "text": "What is in this picture?"}, {"type": "image_url", "image_url": {"url": "data:image/png;base64," + dot}}]
        with plain() as client:
            reply = client.chat.completions.create(model="chat", messages=[{"role": "user", "content": parts}])
            self.assertTrue(reply.choices[0].message.content)
        self.assertIn(dot, record()[0]["body"])

    def test_speech(self):
        with plain() as client:
            reply = client.chat.completions.create(
                model="chat-audio", messages=TELL, modalities=["text", "audio"], audio={"voice": "alloy", "format": "wav"}
            )
            self.assertEqual(b"RIFF", base64.b64decode(reply.choices[0].message.audio.data)[:4])
            self.assertTrue(reply.choices[0].message.audio.transcript)

    def test_granted_search(self):
        with plain() as client:
            reply = client.chat.completions.create(model="chat-search", messages=TELL, web_search_options={})
            self.assertTrue(reply.choices[0].message.content)

    def test_store_is_not_passed(self):
        with plain() as client:
            client.chat.completions.create(model="chat", messages=TELL, store=True, metadata={"a": "b"})
        self.assertIn('"store":false', record()[0]["body"].replace(" ", ""))

    def test_environment(self):
        with self.environment(OPENAI_BASE_URL=URL + "/v1", OPENAI_API_KEY=KEY), OpenAI() as client:
            self.check_unary(client, "chat")
        with self.environment(AZURE_OPENAI_ENDPOINT=URL, AZURE_OPENAI_API_KEY=KEY, OPENAI_API_VERSION=API_VERSION), AzureOpenAI() as client:
            self.check_unary(client, "chat-azure")

    def test_the_callers_key_stays(self):
        with plain(organization="org-mine", project="proj-mine", default_headers={"Cookie": "a=b"}) as client:
            self.check_unary(client, "chat")
        headers = record()[0]["headers"]
        self.assertEqual(set(), {"openai-organization", "openai-project", "cookie", "x-stainless-lang"} & set(headers))

    def test_azure_request_ids(self):
        with azure(default_headers={"x-ms-client-request-id": "mine-1"}) as client:
            raw = client.chat.completions.with_raw_response.create(model="chat-azure", messages=TELL)
        self.assertEqual("mine-1", raw.headers["x-ms-client-request-id"])
        self.assertEqual(raw.headers["bulkhead-call"], raw.headers["apim-request-id"])
        self.assertEqual(["mine-1"], record()[0]["headers"]["x-ms-client-request-id"])

    def test_raw_response(self):
        with plain() as client:
            raw = client.chat.completions.with_raw_response.create(model="chat", messages=TELL)
            self.assertEqual(raw.headers["bulkhead-call"], raw.request_id)
            self.assertEqual("gpt", raw.headers["bulkhead-offering"].split("/")[-1])
            self.assertEqual(raw.request_id, raw.parse()._request_id)
            with client.chat.completions.with_streaming_response.create(model="chat", messages=TELL, stream=True) as streamed:
                lines = [line for line in streamed.iter_lines() if line]
            self.assertEqual("data: [DONE]", lines[-1])


class AsyncChat(AsyncCase):
    async def check(self, client, alias):
        reply = await client.chat.completions.create(model=alias, messages=TELL)
        self.assertEqual("stop", reply.choices[0].finish_reason)
        text, usages = "", []
        async for chunk in await client.chat.completions.create(
            model=alias, messages=TELL, stream=True, stream_options={"include_usage": True}
        ):
            text += (chunk.choices[0].delta.content or "") if chunk.choices else ""
            usages += [chunk.usage] if chunk.usage else []
        self.assertEqual(reply.choices[0].message.content, text)
        self.assertEqual([reply.usage.completion_tokens], [u.completion_tokens for u in usages])

    async def test_plain(self):
        async with plain_async() as client:
            await self.check(client, "chat")

    async def test_azure(self):
        async with azure_async() as client:
            await self.check(client, "chat-azure")

    async def test_many_at_once(self):
        async with plain_async() as client:
            await asyncio.gather(*(self.check(client, "chat") for _ in range(20)))
