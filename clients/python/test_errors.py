"""Errors: each class raised as the SDK's own exception, with code, id and
message; the SDK's retries counted at the vendor."""

import openai
from world import API_VERSION, KEY, URL, AsyncCase, Case, asking, azure, plain, plain_async, record

HELLO = asking("Hello")


class Errors(Case):
    def refused(self, kind, code, status, calls, send, client=None, **client_options):
        """Calls send with a client, expects its exception, and counts the calls that reached a vendor."""
        with client or plain(**client_options) as client, self.assertRaises(openai.APIStatusError) as caught:
            send(client)
        e = caught.exception
        self.assertIs(kind, type(e), e)
        self.assertEqual((status, code), (e.status_code, e.code))
        self.assertEqual(e.response.headers["bulkhead-call"], e.request_id)
        self.assertTrue(e.message)
        self.assertIn(len(record()), calls if isinstance(calls, tuple) else (calls,), "calls at the vendor")
        if code and kind is not None and e.response.headers.get("bulkhead-error"):
            self.assertEqual(code, e.response.headers["bulkhead-error"])
            self.assertIn(e.request_id, e.message)
            self.assertEqual(code, e.body["bulkhead"]["code"])
        return e

    def create(self, alias="chat", **more):
        return lambda client: client.chat.completions.create(**{"model": alias, "messages": HELLO, **more})

    # What Bulkhead refuses itself: nothing reaches a vendor, nothing is tried again.

    def test_400_malformed(self):
        e = self.refused(openai.BadRequestError, "malformed", 400, 0, self.create(temperature="hot"))
        self.assertEqual("temperature", e.param)
        self.refused(openai.BadRequestError, "malformed", 400, 0, self.create(messages=[{"role": "user", "content": 5}]))

    def test_400_unsupported(self):
        e = self.refused(openai.BadRequestError, "unsupported_parameter", 400, 0, self.create(tools=[{"type": "teleport"}]))
        self.assertIn("teleport", e.message)
        part = {"role": "user", "content": [{"type": "hologram", "hologram": "x"}]}
        self.refused(openai.BadRequestError, "unsupported_parameter", 400, 0, self.create(messages=[part]))

    def test_401(self):
        for key in ["sk-wrong", "bk_" + "a" * 16 + "_" + "b" * 52, KEY[:-1] + ("a" if KEY[-1] != "a" else "b")]:
            client = openai.OpenAI(base_url=URL + "/v1", api_key=key)
            self.refused(openai.AuthenticationError, "unauthenticated", 401, 0, self.create(), client)
        client = openai.AzureOpenAI(azure_endpoint=URL, api_key="wrong", api_version=API_VERSION)
        self.refused(openai.AuthenticationError, "unauthenticated", 401, 0, self.create("chat-azure"), client)

    def test_403(self):
        e = self.refused(openai.PermissionDeniedError, "no_eligible_offering", 403, 0, self.create(tools=[{"type": "web_search"}]))
        self.assertIn("web_search", e.message)
        self.assertTrue(e.body["bulkhead"]["reasons"])
        self.refused(openai.PermissionDeniedError, "no_eligible_offering", 403, 0, self.create(web_search_options={}))
        far = {"role": "user", "content": [{"type": "image_url", "image_url": {"url": "https://elsewhere.example/a.png"}}]}
        self.refused(openai.PermissionDeniedError, "no_eligible_offering", 403, 0, self.create(messages=[far]))

    def test_404_alias(self):
        e = self.refused(openai.NotFoundError, "model_not_found", 404, 0, self.create("gpt-4o"))
        self.assertIn("chat-azure", e.message)
        self.refused(openai.NotFoundError, "model_not_found", 404, 0, self.create("gpt-4o"), azure())
        self.refused(openai.NotFoundError, "model_not_found", 404, 0, lambda c: c.embeddings.create(model="nope", input="a"))

    def test_404_routes(self):
        self.refused(openai.NotFoundError, "unsupported_route", 404, 0, lambda c: c.moderations.create(input="a"))
        self.refused(openai.NotFoundError, "unsupported_route", 404, 0, lambda c: c.files.list())
        self.refused(openai.NotFoundError, "unsupported_route", 404, 0, lambda c: c.images.generate(prompt="a", model="chat"))
        self.refused(openai.NotFoundError, "unsupported_route", 404, 0, lambda c: c.chat.completions.retrieve("chatcmpl-1"))
        self.refused(openai.NotFoundError, "unsupported_route", 404, 0, lambda c: c.chat.completions.messages.list("chatcmpl-1"))
        self.refused(openai.NotFoundError, "no_such_route", 404, 0, self.create(), openai.OpenAI(base_url=URL + "/v2", api_key=KEY))

    def test_405(self):
        e = self.refused(openai.APIStatusError, "method_not_allowed", 405, 0, lambda c: c.models.delete("chat"))
        self.assertEqual("GET", e.response.headers["allow"])  # RFC 9110, section 15.5.6

    def test_413(self):
        self.refused(openai.APIStatusError, "too_large", 413, 0, self.create(messages=asking("a" * (3 << 20))))

    def test_415(self):
        headers = {"Content-Type": "text/plain"}
        self.refused(openai.APIStatusError, "unsupported_media_type", 415, 0, self.create(extra_headers=headers))

    def test_streams_are_refused_alike(self):
        self.refused(openai.BadRequestError, "malformed", 400, 0, self.create(stream=True, temperature="hot"))
        self.refused(openai.NotFoundError, "model_not_found", 404, 0, self.create("gpt-4o", stream=True))
        with plain() as client, self.assertRaises(openai.NotFoundError):
            with client.chat.completions.stream(model="gpt-4o", messages=HELLO):
                pass

    # What a vendor says of the request: its own words, once.

    def test_vendors_own_400(self):
        schema = {"type": "json_schema", "json_schema": {"name": "s", "strict": True, "schema": {"type": "object", "properties": {}}}}
        e = self.refused(openai.BadRequestError, "invalid_json_schema", 400, 1, self.create(response_format=schema))
        self.assertIn("additionalProperties", e.message)
        self.assertEqual("response_format", e.param)

    def test_vendors_content_filter(self):
        e = self.refused(openai.BadRequestError, "content_filter", 400, 1, self.create("chat-azure", messages=asking("[sim:filter-prompt] hm")), azure())
        self.assertIn("innererror", e.body)

    def test_vendors_own_422(self):
        self.fault({"status": 422})
        e = self.refused(openai.UnprocessableEntityError, None, 422, 1, self.create())
        self.assertIn("Simulated fault", e.message)

    def test_vendors_own_413(self):
        self.fault({"status": 413})
        self.refused(openai.APIStatusError, None, 413, 1, self.create())

    # What fails at a vendor: the SDK may try again where nobody else has.

    def test_429(self):
        self.fault({"status": 429, "headers": {"retry-after-ms": "20"}})
        e = self.refused(openai.RateLimitError, "upstream_rate_limited", 429, 3, self.create())
        self.assertEqual("20", e.response.headers["retry-after-ms"])
        self.assertEqual("1", e.response.headers["retry-after"])

    def test_429_is_over_after_a_retry(self):
        self.fault({"status": 429, "headers": {"retry-after-ms": "20"}}, count=1)
        with plain() as client:
            self.assertEqual("stop", self.create()(client).choices[0].finish_reason)
        self.assertEqual([429, 200], [r["status"] for r in record()])

    def test_429_of_an_account_that_is_used_up(self):
        spent = '{"error":{"message":"m","type":"insufficient_quota","param":null,"code":"insufficient_quota"}}'
        self.fault({"status": 429, "body": spent})
        self.refused(openai.RateLimitError, "upstream_rate_limited", 429, 1, self.create())

    def check_server_errors(self, alias, calls):
        for vendor, code, status in [
            (500, "upstream_error", 502),
            (502, "upstream_error", 502),
            (503, "upstream_unavailable", 503),
            (504, "upstream_timeout", 504),
            (401, "upstream_misconfigured", 502),
            (403, "upstream_misconfigured", 502),
            (404, "upstream_misconfigured", 502),
        ]:
            for more in [{}, {"stream": True}] if vendor == 500 else [{}]:
                with self.subTest(f"{alias} {vendor} {more}"):
                    self.setUp()
                    self.fault({"status": vendor})
                    want = calls if code != "upstream_misconfigured" or calls == 2 else 1
                    e = self.refused(openai.InternalServerError, code, status, want, self.create(alias, **more))
                    self.assertNotIn("Simulated", e.message)
                    self.assertNotIn("sk-", e.message)

    def test_5xx_of_one_offering_is_tried_again_by_the_sdk(self):
        self.check_server_errors("chat", 3)

    def test_5xx_of_two_offerings_has_been_tried_by_bulkhead(self):
        self.check_server_errors("chat-twin", 2)

    def test_a_second_offering_answers(self):
        self.fault({"status": 503}, count=1)
        with plain(max_retries=0) as client:
            self.assertEqual("stop", self.create("chat-twin")(client).choices[0].finish_reason)
            self.setUp()
            self.fault({"reset_before_header": True}, count=1)
            chunks = list(self.create("chat-twin", stream=True)(client))
            self.assertEqual("stop", chunks[-1].choices[0].finish_reason)
        self.assertEqual(2, len(record()))

    def test_a_vendor_that_is_too_slow(self):
        self.fault({"delay_header": "5s"})
        self.refused(openai.InternalServerError, "upstream_timeout", 504, 1, self.create("chat-hasty"), max_retries=0)
        self.setUp()
        self.fault({"delay_first_chunk": "5s"})
        self.refused(openai.InternalServerError, "upstream_timeout", 504, 1, self.create("chat-hasty", stream=True), max_retries=0)

    def test_a_vendor_that_breaks_off(self):
        # A connection that had served before may have been let go by the vendor, so that Bulkhead takes a new one, once.
        for fault, calls in [({"reset_before_header": True}, (1, 2)), ({"cut_after_bytes": 40}, 1), ({"malformed_chunk": 1}, 1)]:
            with self.subTest(str(fault)):
                self.setUp()
                self.fault(fault)
                self.refused(openai.InternalServerError, "upstream_error", 502, calls, self.create(), max_retries=0)

    def test_embeddings(self):
        self.fault({"status": 500})
        self.refused(openai.InternalServerError, "upstream_error", 502, 3, lambda c: c.embeddings.create(model="embed", input="a"))


class AsyncErrors(AsyncCase):
    async def test_classes(self):
        async with plain_async() as client:
            with self.assertRaises(openai.NotFoundError) as caught:
                await client.chat.completions.create(model="gpt-4o", messages=HELLO)
            self.assertEqual("model_not_found", caught.exception.code)
            self.fault({"status": 429, "headers": {"retry-after-ms": "20"}})
            with self.assertRaises(openai.RateLimitError):
                await client.chat.completions.create(model="chat", messages=HELLO)
            self.assertEqual(3, len(record()))
