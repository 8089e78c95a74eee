// Errors of the openai package: each class, its code, id and message, and its
// retries as counted at the vendor; broken streams; callers that leave.
import assert from "node:assert/strict";
import { test } from "node:test";
import OpenAI from "openai";
import { KEY, URL, asking, azure, fault, fresh, lateAnswer, leaves, plain, record } from "./world.mjs";

const hello = asking("Hello");
const tell = asking("Tell me of ships in 60 words");
const create = (client, more) => client.chat.completions.create({ model: "chat", messages: hello, ...more });

// Sends, expects the SDK's exception and counts the calls that reached a vendor.
async function refused(kind, code, status, calls, send) {
  let e;
  await assert.rejects(send, (got) => ((e = got), true));
  assert.equal(e.constructor, kind, `${e}`);
  assert.deepEqual([e.status, e.code], [status, code]);
  assert.equal(e.requestID, e.headers.get("bulkhead-call"));
  if (e.headers.get("bulkhead-error")) {
    assert.equal(e.headers.get("bulkhead-error"), code);
    assert.ok(e.message.includes(e.requestID), e.message);
  }
  assert.equal((await record()).length, calls, "calls at the vendor");
  return e;
}

const own = [
  ["400 malformed", OpenAI.BadRequestError, "malformed", 400, (c) => create(c, { temperature: "hot" })],
  ["400 unknown tool", OpenAI.BadRequestError, "unsupported_parameter", 400, (c) => create(c, { tools: [{ type: "teleport" }] })],
  ["401", OpenAI.AuthenticationError, "unauthenticated", 401, () => create(plain({ apiKey: "sk-wrong" }))],
  ["401 Azure", OpenAI.AuthenticationError, "unauthenticated", 401, () => create(azure({ apiKey: "wrong" }))],
  ["403 hosted tool", OpenAI.PermissionDeniedError, "no_eligible_offering", 403, (c) => create(c, { tools: [{ type: "web_search" }] })],
  ["403 search options", OpenAI.PermissionDeniedError, "no_eligible_offering", 403, (c) => create(c, { web_search_options: {} })],
  ["404 alias", OpenAI.NotFoundError, "model_not_found", 404, (c) => create(c, { model: "gpt-4o" })],
  ["404 Azure", OpenAI.NotFoundError, "model_not_found", 404, () => create(azure(), { model: "gpt-4o" })],
  ["404 route", OpenAI.NotFoundError, "unsupported_route", 404, (c) => c.moderations.create({ input: "a" })],
  ["404 path", OpenAI.NotFoundError, "no_such_route", 404, () => create(plain({ baseURL: `${URL}/v2` }))],
  ["405", OpenAI.APIError, "method_not_allowed", 405, (c) => c.models.delete("chat")],
  ["413", OpenAI.APIError, "too_large", 413, (c) => create(c, { messages: asking("a".repeat(3 << 20)) })],
  ["415", OpenAI.APIError, "unsupported_media_type", 415, (c) => c.post("/chat/completions", { body: "{}", headers: { "Content-Type": "text/plain" } })],
  ["400 in place of a stream", OpenAI.BadRequestError, "malformed", 400, (c) => create(c, { stream: true, temperature: "hot" })],
];
for (const [name, kind, code, status, send] of own) test(name, () => refused(kind, code, status, 0, () => send(plain())));

test("403 says why", async () => {
  const e = await refused(OpenAI.PermissionDeniedError, "no_eligible_offering", 403, 0, () => create(plain(), { tools: [{ type: "web_search" }] }));
  assert.match(e.message, /web_search/);
  assert.ok(e.error.bulkhead.reasons.length > 0);
});

test("vendor's own 400 and 422", async () => {
  const json_schema = { name: "s", strict: true, schema: { type: "object", properties: {} } };
  const e = await refused(OpenAI.BadRequestError, "invalid_json_schema", 400, 1, () => create(plain(), { response_format: { type: "json_schema", json_schema } }));
  assert.equal(e.param, "response_format");
  assert.match(e.message, /additionalProperties/);
  await fresh();
  await fault({ status: 422 });
  assert.match((await refused(OpenAI.UnprocessableEntityError, null, 422, 1, () => create(plain()))).message, /Simulated fault/);
});

test("429", async () => {
  await fault({ status: 429, headers: { "retry-after-ms": "20" } });
  await refused(OpenAI.RateLimitError, "upstream_rate_limited", 429, 3, () => create(plain()));
  await fresh();
  await fault({ status: 429, headers: { "retry-after-ms": "20" } }, { count: 1 });
  assert.equal((await create(plain())).choices[0].finish_reason, "stop");
});

const vendors = [
  [500, "upstream_error", 502, 3],
  [502, "upstream_error", 502, 3],
  [503, "upstream_unavailable", 503, 3],
  [401, "upstream_misconfigured", 502, 1],
];
for (const [vendor, code, status, calls] of vendors) {
  test(`vendor's ${vendor}`, async () => {
    await fault({ status: vendor });
    const e = await refused(OpenAI.InternalServerError, code, status, calls, () => create(plain()));
    assert.doesNotMatch(e.message, /Simulated|sk-/);
    await fresh();
    await fault({ status: vendor });
    await refused(OpenAI.InternalServerError, code, status, 2, () => create(plain(), { model: "chat-twin", stream: true }));
  });
}

test("vendor too slow", async () => {
  await fault({ delay_header: "5s" });
  await refused(OpenAI.InternalServerError, "upstream_timeout", 504, 1, () => create(plain({ maxRetries: 0 }), { model: "chat-hasty" }));
});

async function drain(stream, seen = { text: "" }) {
  for await (const chunk of stream) seen.text += chunk.choices[0]?.delta.content ?? "";
}

const breaks = [
  ["cut", "upstream_error", { cut_after_chunks: 5 }],
  ["reset", "upstream_error", { reset_after_chunks: 5 }],
  ["early end", "upstream_error", { end_after_chunks: 5 }],
  ["no end marker", "upstream_error", { no_end_marker: true }],
  ["malformed chunk", "upstream_error", { malformed_chunk: 5 }],
  ["stall", "upstream_timeout", { stall_after_chunks: 5 }],
  ["vendor's own error event", null, { error_after_chunks: 5 }],
];
for (const [name, code, what] of breaks) {
  test(`broken stream: ${name}`, async () => {
    await fault(what);
    const seen = { text: "" };
    const request = { model: "chat-hasty", messages: tell, stream: true };
    await assert.rejects(
      async () => drain(await plain().chat.completions.create(request), seen),
      (e) => e instanceof OpenAI.APIError && !(e instanceof OpenAI.APIConnectionError) && e.code === code && e.message !== "",
    );
    assert.notEqual(seen.text, "");
    assert.equal((await record()).length, 1);
    await fresh();
    await fault(what);
    const helper = plain().chat.completions.stream({ model: "chat-hasty", messages: tell });
    await assert.rejects(helper.finalChatCompletion(), OpenAI.OpenAIError);
  });
}

test("a stream that begins late", async () => {
  await lateAnswer();
  const follow = async (model, seen) => drain(await plain().chat.completions.create({ model, messages: tell, stream: true }), seen);
  const seen = { text: "" };
  const [good, bad] = await Promise.allSettled([follow("chat", seen), follow("chat-thinks")]);
  assert.equal(good.status, "fulfilled");
  assert.match(seen.text, /ships/);
  assert.ok(bad.reason instanceof OpenAI.APIError && bad.reason.code === "upstream_error", `${bad.reason}`);
});

test("leaving a stream", async () => {
  const started = async (more) => {
    const stream = await plain().chat.completions.create({ model: "chat", messages: tell, stream: true }, more);
    const parts = stream[Symbol.asyncIterator]();
    for (let i = 0; i < 3; i++) await parts.next();
    return { stream, parts };
  };
  await leaves(async () => {
    await fault({ stall_after_chunks: 8 });
    const { stream } = await started();
    stream.controller.abort();
    return Date.now();
  });
  await leaves(async () => {
    await fault({ pace: "20ms" });
    const abort = new AbortController();
    await started({ signal: abort.signal });
    abort.abort();
    return Date.now();
  });
  await leaves(async () => {
    await fault({ pace: "20ms" });
    const { parts } = await started();
    const left = Date.now(); // breaking a for-await loop returns the iterator
    await parts.return();
    return left;
  });
});

test("leaving the stream helper", () =>
  leaves(async () => {
    await fault({ stall_after_chunks: 8 });
    const stream = plain().chat.completions.stream({ model: "chat", messages: tell });
    await stream.emitted("content");
    stream.abort();
    const left = Date.now();
    await assert.rejects(stream.done(), OpenAI.APIUserAbortError);
    return left;
  }));

test("leaving before the header", async () => {
  for (const more of [{}, { stream: true }]) {
    await leaves(async () => {
      await fault({ delay_header: "20s" });
      await assert.rejects(create(plain({ maxRetries: 0, timeout: 300 }), more), OpenAI.APIConnectionTimeoutError);
      return Date.now();
    });
  }
});

test("two keys that differ", () =>
  refused(OpenAI.AuthenticationError, "unauthenticated", 401, 0, () => create(plain({ defaultHeaders: { "api-key": `${KEY}x` } }))));
