// The openai package, chat completions.
import assert from "node:assert/strict";
import OpenAI from "openai";
import { zodResponseFormat } from "openai/helpers/zod";
import { z } from "zod";
import * as m from "./matrix.mjs";

const client = new OpenAI({ baseURL: `${m.URL}/v1`, apiKey: m.KEY, maxRetries: 0 });
const user = (content) => ({ role: "user", content });
const tools = [{ type: "function", function: { name: m.TOOL.name, description: m.TOOL.description, parameters: m.TOOL.schema, strict: true } }];
const city = (call) => JSON.parse(call.function.arguments).city;
const ask = (model, messages, more) => client.chat.completions.create({ model, messages, ...more });
const answers = (message) => message.tool_calls.map((c) => ({ role: "tool", tool_call_id: c.id, content: m.weather(city(c)) }));

// streamed asks by the SDK's helper and gives the message that it makes.
async function streamed(model, messages, more) {
  const stream = client.chat.completions.stream({ model, messages, stream_options: { include_usage: true }, ...more });
  let text = "";
  stream.on("content", (delta) => (text += delta));
  const whole = await stream.finalChatCompletion();
  assert.equal(text, whole.choices[0].message.content ?? "");
  return whole;
}

// toolTurn asks, answers the calls, and gives what is said last.
async function toolTurn(send, model, messages, more) {
  const first = await send(model, messages, { tools, ...more });
  assert.equal(first.choices[0].finish_reason, "tool_calls");
  const said = first.choices[0].message;
  messages.push({ role: "assistant", content: said.content, tool_calls: said.tool_calls }, ...answers(said));
  const last = await send(model, messages, { tools, ...more });
  assert.equal(last.choices[0].finish_reason, "stop");
  messages.push({ role: "assistant", content: last.choices[0].message.content });
  return { calls: said.tool_calls, text: last.choices[0].message.content, usage: last.usage };
}

async function parallel(send, model) {
  const { calls, text } = await toolTurn(send, model, [user(m.CITIES)]);
  m.bothCities(calls, city);
  m.bothResults(text);
}

const is = (kind, status, code) => (e) => {
  assert.ok(e instanceof kind, `${e.constructor.name}: ${e.message}`);
  assert.equal(e.status, status);
  if (code) assert.equal(e.code, code);
  if (status) assert.ok(e.requestID, "no request id");
};

await m.fill({
  client: "openai-node chat",
  version: m.version("openai"),
  said: (e) => e instanceof OpenAI.APIError && { code: e.code, message: e.message },
  cases: {
    async unary(model) {
      const reply = await ask(model, [user(m.SAY)]);
      assert.equal(reply.choices[0].message.content, m.SAID);
      assert.equal(reply.choices[0].finish_reason, "stop");
      assert.ok(reply._request_id);
    },
    async stream(model) {
      const whole = await streamed(model, [user(m.SAY)]);
      assert.equal(whole.choices[0].message.content, m.SAID);
      assert.equal(whole.choices[0].finish_reason, "stop");
      assert.ok(whole.usage.completion_tokens > 0);
    },
    tools: (model) => parallel(ask, model),
    "tools-stream": (model) => parallel(streamed, model),
    async structured(model) {
      const form = zodResponseFormat(z.object({ name: z.string(), masts: z.number().int() }), "ship");
      const reply = await client.chat.completions.parse({ model, messages: [user(m.SHIP)], response_format: form });
      m.isShip(reply.choices[0].message.parsed);
    },
    async image(model) {
      const image = { type: "image_url", image_url: { url: `data:image/png;base64,${m.PNG}` } };
      const reply = await ask(model, [user([{ type: "text", text: m.LOOK }, image])]);
      assert.equal(reply.choices[0].finish_reason, "stop");
      await m.sawPicture();
    },
    async reasoning(model) {
      const messages = [user(m.PARIS)];
      const effort = { reasoning_effort: "low", max_completion_tokens: 4000 };
      for (const place of ["Paris", "Rome"]) {
        const { text } = await toolTurn(ask, model, messages, effort);
        assert.ok(text.includes(m.weather(place)), text);
        await m.thought();
        messages.push(user(m.ROME));
      }
    },
    async usage(model) {
      const { usage } = await ask(model, [user(m.TELL)]);
      await m.sameCount(usage.prompt_tokens, usage.completion_tokens);
      const whole = await streamed(model, [user(m.TELL)]);
      await m.sameCount(whole.usage.prompt_tokens, whole.usage.completion_tokens);
    },
    errors: (model) =>
      m.errors({
        401: [() => new OpenAI({ baseURL: `${m.URL}/v1`, apiKey: "sk-wrong", maxRetries: 0 }).chat.completions.create({ model, messages: [user(m.SAY)] }), is(OpenAI.AuthenticationError, 401, "unauthenticated")],
        403: [() => ask("withdrawn", [user(m.SAY)]), is(OpenAI.PermissionDeniedError, 403, "no_eligible_offering")],
        404: [() => ask("nowhere", [user(m.SAY)]), is(OpenAI.NotFoundError, 404, "model_not_found")],
        400: [() => ask(model, [user(m.SAY)], { temperature: "hot" }), is(OpenAI.BadRequestError, 400, "malformed")],
        429: [() => ask(model, [user(m.SAY)]), is(OpenAI.RateLimitError, 429, "upstream_rate_limited")],
        503: [() => ask(model, [user(m.SAY)]), is(OpenAI.InternalServerError, 503, "upstream_unavailable")],
        midstream: [() => streamed(model, [user(m.TELL)]), is(OpenAI.APIError)],
      }),
    async embeddings(alias) {
      const reply = await client.embeddings.create({ model: m.embedding(alias), input: ["a ship", "a lighthouse"] });
      assert.equal(reply.data.length, 2);
      assert.ok(reply.data.every((d, i) => d.index === i && d.embedding.length > 100));
      assert.ok(reply.usage.prompt_tokens > 0);
    },
  },
});
