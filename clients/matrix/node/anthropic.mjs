// The @anthropic-ai/sdk package, messages.
import assert from "node:assert/strict";
import Anthropic from "@anthropic-ai/sdk";
import { zodOutputFormat } from "@anthropic-ai/sdk/helpers/zod";
import { z } from "zod";
import * as m from "./matrix.mjs";

const client = new Anthropic({ baseURL: m.URL, apiKey: m.KEY, maxRetries: 0 });
const user = (content) => ({ role: "user", content });
const tools = [{ name: m.TOOL.name, description: m.TOOL.description, input_schema: m.TOOL.schema }];
const ask = (model, messages, more) => client.messages.create({ model, max_tokens: 4000, messages, ...more });
const text = (reply) => reply.content.filter((b) => b.type === "text").map((b) => b.text).join("");
const calls = (reply) => reply.content.filter((b) => b.type === "tool_use");

// streamed asks by the SDK's helper and gives the message that it makes.
async function streamed(model, messages, more) {
  const stream = client.messages.stream({ model, max_tokens: 4000, messages, ...more });
  let said = "";
  stream.on("text", (delta) => (said += delta));
  const whole = await stream.finalMessage();
  assert.equal(said, text(whole));
  return whole;
}

// toolTurn asks, answers the calls, and gives what is said last. All that is
// said goes back as it came, thought too.
async function toolTurn(send, model, messages, more) {
  const first = await send(model, messages, { tools, ...more });
  assert.equal(first.stop_reason, "tool_use");
  messages.push({ role: "assistant", content: first.content });
  messages.push(user(calls(first).map((c) => ({ type: "tool_result", tool_use_id: c.id, content: m.weather(c.input.city) }))));
  const last = await send(model, messages, { tools, ...more });
  assert.equal(last.stop_reason, "end_turn");
  messages.push({ role: "assistant", content: last.content });
  return { first, last };
}

async function parallel(send, model) {
  const { first, last } = await toolTurn(send, model, [user(m.CITIES)]);
  m.bothCities(calls(first), (c) => c.input.city);
  m.bothResults(text(last));
}

const is = (kind, status, type) => (e) => {
  assert.ok(e instanceof kind, `${e.constructor.name}: ${e.message}`);
  if (status) assert.equal(e.status, status);
  assert.equal(e.error.error.type, type);
  if (status) assert.ok(e.requestID, "no request id");
};

await m.fill({
  client: "anthropic-node",
  version: m.version("@anthropic-ai/sdk"),
  said: (e) => e instanceof Anthropic.APIError && { code: e.error?.error?.bulkhead?.code, message: e.error?.error?.message ?? e.message },
  cases: {
    async unary(model) {
      const reply = await ask(model, [user(m.SAY)]);
      assert.equal(text(reply), m.SAID);
      assert.equal(reply.stop_reason, "end_turn");
      assert.ok(reply._request_id);
    },
    async stream(model) {
      const whole = await streamed(model, [user(m.SAY)]);
      assert.equal(text(whole), m.SAID);
      assert.equal(whole.stop_reason, "end_turn");
      assert.ok(whole.usage.output_tokens > 0);
    },
    tools: (model) => parallel(ask, model),
    "tools-stream": (model) => parallel(streamed, model),
    async structured(model) {
      const format = zodOutputFormat(z.object({ name: z.string(), masts: z.number().int() }));
      const reply = await client.messages.parse({ model, max_tokens: 4000, messages: [user(m.SHIP)], output_config: { format } });
      m.isShip(reply.parsed_output);
    },
    async image(model) {
      const image = { type: "image", source: { type: "base64", media_type: "image/png", data: m.PNG } };
      const reply = await ask(model, [user([{ type: "text", text: m.LOOK }, image])]);
      assert.equal(reply.stop_reason, "end_turn");
      await m.sawPicture();
    },
    async reasoning(model) {
      const messages = [user(m.PARIS)];
      for (const place of ["Paris", "Rome"]) {
        const { first, last } = await toolTurn(ask, model, messages, { thinking: { type: "enabled", budget_tokens: 1024 } });
        assert.ok(text(last).includes(m.weather(place)), text(last));
        await m.thought();
        await m.replayed(first.content.map((b) => b.signature ?? b.data).filter(Boolean));
        messages.push(user(m.ROME));
      }
    },
    async usage(model) {
      for (const send of [ask, streamed]) {
        const { usage } = await send(model, [user(m.TELL)]);
        await m.sameCount(usage.input_tokens + (usage.cache_read_input_tokens ?? 0) + (usage.cache_creation_input_tokens ?? 0), usage.output_tokens);
      }
    },
    errors: (model) =>
      m.errors({
        401: [() => new Anthropic({ baseURL: m.URL, apiKey: "sk-wrong", maxRetries: 0 }).messages.create({ model, max_tokens: 100, messages: [user(m.SAY)] }), is(Anthropic.AuthenticationError, 401, "authentication_error")],
        403: [() => ask("withdrawn", [user(m.SAY)]), is(Anthropic.PermissionDeniedError, 403, "permission_error")],
        404: [() => ask("nowhere", [user(m.SAY)]), is(Anthropic.NotFoundError, 404, "not_found_error")],
        400: [() => ask(model, [user(m.SAY)], { temperature: "hot" }), is(Anthropic.BadRequestError, 400, "invalid_request_error")],
        429: [() => ask(model, [user(m.SAY)]), is(Anthropic.RateLimitError, 429, "rate_limit_error")],
        503: [() => ask(model, [user(m.SAY)]), is(Anthropic.InternalServerError, 503, "overloaded_error")],
        midstream: [() => streamed(model, [user(m.TELL)]), is(Anthropic.APIError, undefined, "api_error")],
      }),
  },
});
