"""What the gates say to an SDK: markings, purposes, what cannot be read, and a
rehearsal of the decision. Nothing that they refuse reaches a vendor."""

import openai
from world import STRICT_KEY, URL, Case, asking, plain, record

HELLO = asking("Hello")


class Gates(Case):
    def refused(self, kind, code, client=None, alias="chat", messages=HELLO, **more):
        with client or plain() as client, self.assertRaises(kind) as caught:
            client.chat.completions.create(model=alias, messages=messages, **more)
        e = caught.exception
        self.assertEqual(code, e.code)
        self.assertIn(e.request_id, e.message)
        self.assertEqual("false", e.response.headers["x-should-retry"])
        self.assertEqual([], record())
        return e

    def strict(self):
        return openai.OpenAI(base_url=URL + "/v1", api_key=STRICT_KEY)

    def test_marking_and_purpose_that_hold(self):
        headers = {"Bulkhead-Marking": "UNCLASSIFIED", "Bulkhead-Purpose": "admin.drafting"}
        with plain(default_headers=headers) as client:
            raw = client.chat.completions.with_raw_response.create(model="chat", messages=HELLO)
        self.assertEqual("UNCLASSIFIED", raw.headers["bulkhead-marking"])
        self.assertEqual(set(), {"bulkhead-marking", "bulkhead-purpose"} & set(record()[0]["headers"]))

    def test_marking_above_the_ceiling(self):
        e = self.refused(openai.PermissionDeniedError, "marking_above_ceiling", extra_headers={"Bulkhead-Marking": "CUI"})
        self.assertEqual("Bulkhead-Marking", e.param)

    def test_marking_that_is_none(self):
        self.refused(openai.BadRequestError, "marking_invalid", extra_headers={"Bulkhead-Marking": "VERY//SECRET"})

    def test_mark_in_the_text(self):
        messages = asking("(S//NF) The ship sails at dawn.\n\nSECRET//NOFORN")
        e = self.refused(openai.PermissionDeniedError, "contamination", messages=messages)
        self.assertIn("soc@northwind.example", e.message)
        self.assertNotIn("NOFORN", e.message)
        self.refused(openai.PermissionDeniedError, "contamination", messages=messages, stream=True)

    def test_purpose_of_another(self):
        e = self.refused(openai.PermissionDeniedError, "denied", extra_headers={"Bulkhead-Purpose": "mil.weapon.control"})
        self.assertTrue(e.body["bulkhead"]["reasons"])

    def test_what_cannot_be_read(self):
        picture = {"type": "image_url", "image_url": {"url": "data:image/png;base64,iVBORw0KGgo="}}
        self.refused(openai.PermissionDeniedError, "unread", self.strict(), messages=[{"role": "user", "content": [picture]}])
        with self.strict() as client, self.assertRaises(openai.PermissionDeniedError) as caught:
            client.embeddings.create(model="embed", input=[[1, 2, 3]])
        self.assertEqual("unread", caught.exception.code)

    def test_unknown_fields(self):
        e = self.refused(openai.BadRequestError, "unsupported_parameter", self.strict(), extra_body={"wings": 2})
        self.assertEqual("wings", e.param)

    def test_rehearsal(self):
        with plain(default_headers={"Bulkhead-Dry-Run": "1"}) as client:
            raw = client.chat.completions.with_raw_response.create(model="chat-twin", messages=HELLO)
        decision = raw.http_response.json()
        self.assertEqual(["openai-two/twin-two", "openai/twin-one"], sorted(o["offering"] for o in decision["offerings"]))
        self.assertEqual([], record())
