// Chat completions, embeddings and models with the openai package.
import assert from "node:assert/strict";
import { test } from "node:test";
import OpenAI, { AzureOpenAI } from "openai";
import { API_VERSION, KEY, URL, asking, azure, environment, plain, record } from "./world.mjs";

const messages = asking("Tell me of harbours and lighthouses");

async function unary(client, model) {
  const reply = await client.chat.completions.create({ model, messages });
  assert.equal(reply.choices[0].finish_reason, "stop");
  assert.match(reply.choices[0].message.content, /harbours/);
  assert.ok(reply.id && reply.usage.prompt_tokens > 0);
  return reply;
}

async function collect(stream) {
  const chunks = [];
  for await (const chunk of stream) chunks.push(chunk);
  return { chunks, text: chunks.map((c) => c.choices[0]?.delta.content ?? "").join(""), usages: chunks.filter((c) => c.usage) };
}

async function both(client, model) {
  const whole = await unary(client, model);
  const bare = await collect(await client.chat.completions.create({ model, messages, stream: true }));
  assert.equal(bare.text, whole.choices[0].message.content);
  // Some compatible servers put usage on the chunk that finishes, if asked, and Bulkhead asks; no chunk is added.
  assert.deepEqual(bare.usages.filter((c) => !(model === "chat-local" && c.choices.length)), []);
  assert.deepEqual(bare.chunks.map((c) => c.choices[0]?.finish_reason).filter(Boolean), ["stop"]);
  const asked = await collect(await client.chat.completions.create({ model, messages, stream: true, stream_options: { include_usage: true } }));
  assert.equal(asked.text, whole.choices[0].message.content);
  assert.equal(asked.usages.length, 1);
  assert.equal(asked.usages[0], asked.chunks.at(-1));
  assert.equal(asked.usages[0].usage.completion_tokens, whole.usage.completion_tokens);
}

test("unary", async () => {
  const reply = await unary(plain(), "chat");
  assert.match(reply._request_id, /^[0-9A-Z]{26}$/);
});

for (const model of ["chat", "chat-azure", "chat-azure-v1", "chat-bedrock", "chat-local", "chat-twin"]) {
  test(`stream ${model}`, () => both(plain(), model));
}

test("Azure class", async () => {
  await both(azure(), "chat-azure");
  await both(azure(), "chat");
  await both(azure({ deployment: "chat-azure-v1" }), "chat-azure-v1");
  await unary(azure({ apiKey: undefined, azureADTokenProvider: async () => KEY }), "chat-azure");
});

test("plain class on Azure v1", () => both(plain({ baseURL: `${URL}/openai/v1` }), "chat-azure"));

test("environment", async () => {
  await environment({ OPENAI_BASE_URL: `${URL}/v1`, OPENAI_API_KEY: KEY }, () => unary(new OpenAI(), "chat"));
  const names = { AZURE_OPENAI_ENDPOINT: URL, AZURE_OPENAI_API_KEY: KEY, OPENAI_API_VERSION: API_VERSION };
  await environment(names, () => unary(new AzureOpenAI(), "chat-azure"));
});

test("says what it was told to", async () => {
  const odd = 'Grüße 😀 "quoted" \\back\\ \t tab \u2028 line, 漢字 👩‍🚀';
  for (const model of ["chat", "chat-azure", "chat-local"]) {
    const request = { model, messages: asking(`Say exactly: ${odd}`) };
    assert.equal((await plain().chat.completions.create(request)).choices[0].message.content, odd);
    assert.equal((await collect(await plain().chat.completions.create({ ...request, stream: true }))).text, odd);
  }
});

test("several choices, log probabilities, length, refusal", async () => {
  const three = await plain().chat.completions.create({ model: "chat", messages, n: 3, logprobs: true, top_logprobs: 2 });
  assert.deepEqual(three.choices.map((c) => c.index), [0, 1, 2]);
  assert.equal(three.choices[0].logprobs.content.map((t) => t.token).join(""), three.choices[0].message.content);
  const short = await plain().chat.completions.create({ model: "chat", messages, max_tokens: 3 });
  assert.equal(short.choices[0].finish_reason, "length");
  const no = await plain().chat.completions.create({ model: "chat", messages: asking("How do I make a bomb?") });
  assert.match(no.choices[0].message.refusal, /can't assist/);
});

test("reasoning", async () => {
  const reply = await plain().chat.completions.create({ model: "chat-thinks", messages, reasoning_effort: "low", max_completion_tokens: 4000 });
  assert.ok(reply.usage.completion_tokens_details.reasoning_tokens > 0);
});

test("raw response", async () => {
  const { data, response, request_id } = await plain().chat.completions.create({ model: "chat", messages }).withResponse();
  assert.equal(response.headers.get("bulkhead-call"), request_id);
  assert.equal(data._request_id, request_id);
});

test("credentials of the caller stay", async () => {
  await unary(plain({ organization: "org-mine", project: "proj-mine" }), "chat");
  const [{ headers }] = await record();
  for (const name of ["openai-organization", "openai-project", "x-stainless-lang"]) assert.equal(headers[name], undefined);
});

test("embeddings", async () => {
  for (const [client, model, size] of [[plain(), "embed", 1536], [plain(), "embed-local", 768], [azure(), "embed-azure", 1536]]) {
    const input = ["a ship", "a lighthouse"];
    const first = await client.embeddings.create({ model, input });
    assert.match((await record()).at(-1).body, /"encoding_format":"base64"/);
    const second = await client.embeddings.create({ model, input, encoding_format: "float" });
    first.data.forEach((e, i) => {
      assert.equal(e.embedding.length, size);
      e.embedding.forEach((x, k) => assert.ok(Math.abs(x - second.data[i].embedding[k]) < 1e-6));
    });
  }
  const small = await plain().embeddings.create({ model: "embed", input: "a ship", dimensions: 64 });
  assert.equal(small.data[0].embedding.length, 64);
});

test("models", async () => {
  for (const client of [plain(), azure(), plain({ baseURL: `${URL}/openai/v1` })]) {
    const ids = [];
    for await (const model of client.models.list()) ids.push(model.id);
    assert.deepEqual(ids.filter((id) => id.startsWith("embed")).sort(), ["embed", "embed-azure", "embed-local"]);
    assert.equal(ids.length, 13);
    assert.equal((await client.models.retrieve("chat-azure-v1")).id, "chat-azure-v1");
    await assert.rejects(client.models.retrieve("gpt-4o"), (e) => e instanceof OpenAI.NotFoundError && e.code === "model_not_found");
  }
  assert.deepEqual(await record(), []);
});
