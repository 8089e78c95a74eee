// The ai package with its two providers for OpenAI's API: text, streams,
// tools, structured output, embeddings, errors, broken streams, leaving.
import assert from "node:assert/strict";
import { test } from "node:test";
import { createOpenAI } from "@ai-sdk/openai";
import { createOpenAICompatible } from "@ai-sdk/openai-compatible";
import { APICallError, Output, RetryError, embed, embedMany, generateText, stepCountIs, streamText, tool } from "ai";
import { z } from "zod";
import { KEY, URL, environment, fault, fresh, lateAnswer, leaves, record } from "./world.mjs";

const official = createOpenAI({ baseURL: `${URL}/v1`, apiKey: KEY });
const compatible = createOpenAICompatible({ name: "bulkhead", baseURL: `${URL}/v1`, apiKey: KEY, includeUsage: true, supportsStructuredOutputs: true });
const bare = createOpenAICompatible({ name: "bulkhead", baseURL: `${URL}/v1`, apiKey: KEY });
const viaAzure = createOpenAI({ baseURL: `${URL}/openai/v1`, apiKey: KEY });

// Each way to ask for an alias of chat, and its kind of vendor.
const ways = {
  "official chat": official.chat("chat"),
  "official chat-azure": official.chat("chat-azure"),
  "official on Azure v1": viaAzure.chat("chat-azure-v1"),
  "compatible chat": compatible.chatModel("chat"),
  "compatible chat-local": compatible.chatModel("chat-local"),
  "compatible chat-bedrock": compatible.chatModel("chat-bedrock"),
};

const prompt = "Tell me of harbours and lighthouses";
const Solution = z.object({ steps: z.array(z.object({ explanation: z.string(), result: z.number() })), answer: z.string() });

for (const [name, model] of Object.entries(ways)) {
  test(`text: ${name}`, async () => {
    const whole = await generateText({ model, prompt });
    assert.equal(whole.finishReason, "stop");
    assert.match(whole.text, /harbours/);
    const stream = streamText({ model, prompt });
    let text = "";
    for await (const part of stream.textStream) text += part;
    assert.equal(text, whole.text);
    assert.equal(await stream.finishReason, "stop");
    assert.equal((await stream.usage).outputTokens, whole.usage.outputTokens);
    assert.ok(whole.usage.inputTokens > 0);
  });

  test(`tools: ${name}`, async () => {
    const asked = [];
    const tools = {
      get_weather: tool({
        description: "Weather in a city",
        inputSchema: z.object({ city: z.string() }),
        execute: async ({ city }) => {
          asked.push(city);
          return `drizzle over ${city}`;
        },
      }),
    };
    const request = { model, tools, prompt: "What is the weather in Paris and Rome?", stopWhen: stepCountIs(3) };
    const whole = await generateText(request);
    assert.equal(whole.steps.length, 2);
    assert.match(whole.text, /drizzle/);
    const stream = streamText(request);
    assert.match(await stream.text, /drizzle/);
    assert.deepEqual(asked, ["Paris", "Rome", "Paris", "Rome"]);
  });
}

for (const name of ["official chat", "official chat-azure", "compatible chat-local"]) {
  test(`structured output: ${name}`, async () => {
    const request = { model: ways[name], prompt: "Solve 8x + 7 = 23", output: Output.object({ schema: Solution }) };
    const whole = await generateText(request);
    assert.ok(whole.output.steps.length > 0);
    assert.match((await record())[0].body, /"json_schema"/);
    const stream = streamText(request);
    for await (const part of stream.partialOutputStream) assert.equal(typeof part, "object");
    assert.deepEqual(await stream.output, whole.output);
  });
}

test("a provider that does not ask for usage gets none", async () => {
  const stream = streamText({ model: bare.chatModel("chat"), prompt });
  assert.match(await stream.text, /harbours/);
  assert.equal((await stream.usage).outputTokens, undefined);
  assert.match((await record())[0].body, /"include_usage":true/); // Bulkhead asks for itself
});

test("embeddings", async () => {
  for (const [model, size] of [[official.embedding("embed"), 1536], [official.embedding("embed-azure"), 1536], [compatible.embeddingModel("embed-local"), 768]]) {
    const one = await embed({ model, value: "a ship" });
    assert.equal(one.embedding.length, size);
    const two = await embedMany({ model, values: ["a ship", "a lighthouse"] });
    assert.equal(two.embeddings.length, 2);
    one.embedding.forEach((x, i) => assert.ok(Math.abs(x - two.embeddings[0][i]) < 1e-6));
  }
  const small = await embed({ model: official.embedding("embed"), value: "a ship", providerOptions: { openai: { dimensions: 64 } } });
  assert.equal(small.embedding.length, 64);
});

test("environment", () =>
  environment({ OPENAI_BASE_URL: `${URL}/v1`, OPENAI_API_KEY: KEY }, async () => {
    const { text } = await generateText({ model: createOpenAI().chat("chat"), prompt });
    assert.match(text, /harbours/);
  }));

// The reply's error object, as Bulkhead or a vendor sent it.
const said = (e) => JSON.parse(e.responseBody).error;

// Sends and expects the SDK's exception. The SDK tries again by status alone,
// whatever x-should-retry says; what it tried three times is in a RetryError.
async function refused(code, status, calls, send) {
  let e;
  await assert.rejects(send, (got) => ((e = got), true));
  if (RetryError.isInstance(e)) e = e.lastError;
  assert.ok(APICallError.isInstance(e), `${e}`);
  assert.deepEqual([e.statusCode, said(e).code], [status, code]);
  assert.equal(e.responseHeaders["x-request-id"], e.responseHeaders["bulkhead-call"]);
  assert.equal((await record()).length, calls, "calls at the vendor");
  return e;
}

const ask = (model, more) => generateText({ model, prompt: "Hello", ...more });
const badKey = createOpenAI({ baseURL: `${URL}/v1`, apiKey: "sk-wrong" });
const own = [
  ["401", "unauthenticated", 401, () => ask(badKey.chat("chat"))],
  ["403", "no_eligible_offering", 403, () => ask(compatible.chatModel("chat"), { providerOptions: { bulkhead: { web_search_options: {} } } })],
  ["404", "model_not_found", 404, () => ask(official.chat("gpt-4o"))],
  ["404 of the Responses API", "model_not_found", 404, () => ask(official("gpt-4o"))],
  ["413", "too_large", 413, () => ask(official.chat("chat"), { prompt: "a".repeat(3 << 20) })],
];
for (const [name, code, status, send] of own) {
  test(`error ${name}`, async () => {
    const e = await refused(code, status, 0, send);
    assert.ok(e.message.includes(e.responseHeaders["bulkhead-call"]), e.message);
    assert.equal(e.responseHeaders["x-should-retry"], "false");
  });
}

test("error 400", async () => {
  // The SDK checks what it sends, so the body is spoilt behind its back.
  const fetchWith = (url, init) => fetch(url, { ...init, body: init.body.replace("{", '{"temperature":"hot",') });
  const e = await refused("malformed", 400, 0, () => ask(createOpenAI({ baseURL: `${URL}/v1`, apiKey: KEY, fetch: fetchWith }).chat("chat")));
  assert.equal(said(e).param, "temperature");
});

test("the Responses API reaches an offering that speaks chat completions", async () => {
  const { text, finishReason, usage } = await generateText({ model: official("chat"), prompt: "Say: fair winds" });
  assert.equal(text, "fair winds");
  assert.equal(finishReason, "stop");
  assert.ok(usage.inputTokens > 0 && usage.outputTokens > 0);
  const [seen] = await record();
  assert.match(seen.path, /chat\/completions/);
  const stream = streamText({ model: official("chat"), prompt: "Say: ebb and flow" });
  let streamed = "";
  for await (const part of stream.textStream) streamed += part;
  assert.equal(streamed, "ebb and flow");
  assert.equal(await stream.finishReason, "stop");
});

test("error 422 of a vendor", async () => {
  await fault({ status: 422 });
  assert.match((await refused(null, 422, 1, () => ask(official.chat("chat")))).message, /Simulated fault/);
});

test("error 429 of a vendor", async () => {
  await fault({ status: 429, headers: { "retry-after-ms": "20" } });
  // Each of its three tries asks again once the limit, which is short, has passed.
  await refused("upstream_rate_limited", 429, 6, () => ask(official.chat("chat")));
  await fresh();
  await fault({ status: 429, headers: { "retry-after-ms": "20" } }, { count: 1 });
  assert.equal((await ask(official.chat("chat"))).finishReason, "stop");
});

for (const [vendor, code, status] of [[500, "upstream_error", 502], [503, "upstream_unavailable", 503], [401, "upstream_misconfigured", 502]]) {
  test(`error ${vendor} of a vendor`, async () => {
    await fault({ status: vendor });
    const calls = vendor === 500 ? 2 : 1; // Bulkhead asks an offering that failed so once more
    const e = await refused(code, status, calls, () => ask(official.chat("chat"), { maxRetries: 0 }));
    assert.doesNotMatch(e.message, /Simulated|sk-/);
  });
}

async function follow(model, more) {
  const seen = { text: "", errors: [] };
  const stream = streamText({ model, prompt: "Tell me of ships in 60 words", maxRetries: 0, onError: ({ error }) => void seen.errors.push(error), ...more });
  try {
    for await (const part of stream.textStream) seen.text += part;
    seen.finish = await stream.finishReason;
  } catch (e) {
    seen.thrown = e;
  }
  return seen;
}

const breaks = [
  ["cut", { cut_after_chunks: 5 }],
  ["early end", { end_after_chunks: 5 }],
  ["stall", { stall_after_chunks: 5 }],
  ["vendor's own error event", { error_after_chunks: 5 }],
];
for (const [name, what] of breaks) {
  for (const model of [official.chat("chat-hasty"), compatible.chatModel("chat-hasty")]) {
    test(`broken stream: ${name}, ${model.provider}`, async () => {
      await fault(what);
      const seen = await follow(model);
      assert.notEqual(seen.text, "");
      assert.notEqual(seen.finish, "stop");
      assert.ok(seen.errors.length > 0, "the SDK tells of an error");
      assert.equal((await record()).length, 1);
    });
  }
}

test("a stream that begins late", async () => {
  await lateAnswer();
  const [good, bad] = await Promise.all([follow(official.chat("chat")), follow(compatible.chatModel("chat-thinks"))]);
  assert.match(good.text, /ships/);
  assert.deepEqual([good.finish, good.errors], ["stop", []]);
  assert.equal(bad.text, "");
  assert.equal(bad.errors.length, 1);
});

test("a stream that is refused", async () => {
  const seen = await follow(official.chat("gpt-4o"));
  assert.equal(said(seen.errors[0]).code, "model_not_found");
});

test("leaving", async () => {
  for (const what of [{ stall_after_chunks: 8 }, { pace: "20ms" }]) {
    await leaves(async () => {
      await fault(what);
      const abort = new AbortController();
      const stream = streamText({ model: official.chat("chat"), prompt: "Tell me of ships in 60 words", abortSignal: abort.signal, onError() {} });
      const parts = stream.textStream[Symbol.asyncIterator]();
      for (let i = 0; i < 3; i++) await parts.next();
      abort.abort();
      return Date.now();
    });
  }
});

test("leaving before the header", () =>
  leaves(async () => {
    await fault({ delay_header: "20s" });
    await assert.rejects(ask(official.chat("chat"), { abortSignal: AbortSignal.timeout(300) }));
    return Date.now();
  }));
