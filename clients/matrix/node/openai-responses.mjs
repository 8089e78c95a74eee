// The openai package, the Responses API.
import assert from "node:assert/strict";
import OpenAI from "openai";
import { zodTextFormat } from "openai/helpers/zod";
import { z } from "zod";
import * as m from "./matrix.mjs";

const client = new OpenAI({ baseURL: `${m.URL}/v1`, apiKey: m.KEY, maxRetries: 0 });
const user = (content) => ({ role: "user", content });
const tools = [{ type: "function", name: m.TOOL.name, description: m.TOOL.description, parameters: m.TOOL.schema, strict: true }];
const city = (call) => JSON.parse(call.arguments).city;
// Nothing is kept at the vendor, so what is opaque of reasoning is asked for.
const kept = { store: false, include: ["reasoning.encrypted_content"] };
const ask = (model, input, more) => client.responses.create({ model, input, ...kept, ...more });
const calls = (reply) => reply.output.filter((o) => o.type === "function_call");

// streamed asks by the SDK's helper and gives the reply that it makes.
async function streamed(model, input, more) {
  const stream = client.responses.stream({ model, input, ...kept, ...more });
  let text = "";
  stream.on("response.output_text.delta", (e) => (text += e.delta));
  const whole = await stream.finalResponse();
  assert.equal(text, whole.output_text);
  return whole;
}

// toolTurn asks, answers the calls, and gives what is said last. All that is
// said goes back as it came, reasoning too.
async function toolTurn(send, model, input, more) {
  const first = await send(model, input, { tools, ...more });
  assert.equal(first.status, "completed");
  input.push(...first.output);
  for (const c of calls(first)) input.push({ type: "function_call_output", call_id: c.call_id, output: m.weather(city(c)) });
  const last = await send(model, input, { tools, ...more });
  assert.equal(last.status, "completed");
  input.push(...last.output);
  return { first, last };
}

async function parallel(send, model) {
  const { first, last } = await toolTurn(send, model, [user(m.CITIES)]);
  m.bothCities(calls(first), city);
  m.bothResults(last.output_text);
}

const is = (kind, status, code) => (e) => {
  assert.ok(e instanceof kind, `${e.constructor.name}: ${e.message}`);
  assert.equal(e.status, status);
  if (code) assert.equal(e.code, code);
  if (status) assert.ok(e.requestID, "no request id");
};

await m.fill({
  client: "openai-node responses",
  version: m.version("openai"),
  said: (e) => e instanceof OpenAI.APIError && { code: e.code, message: e.message },
  cases: {
    async unary(model) {
      const reply = await ask(model, m.SAY);
      assert.equal(reply.output_text, m.SAID);
      assert.equal(reply.status, "completed");
      assert.ok(reply._request_id);
    },
    async stream(model) {
      const whole = await streamed(model, m.SAY);
      assert.equal(whole.output_text, m.SAID);
      assert.equal(whole.status, "completed");
      assert.ok(whole.usage.output_tokens > 0);
    },
    tools: (model) => parallel(ask, model),
    "tools-stream": (model) => parallel(streamed, model),
    async structured(model) {
      const format = zodTextFormat(z.object({ name: z.string(), masts: z.number().int() }), "ship");
      m.isShip((await client.responses.parse({ model, input: m.SHIP, ...kept, text: { format } })).output_parsed);
    },
    async image(model) {
      const image = { type: "input_image", image_url: `data:image/png;base64,${m.PNG}`, detail: "auto" };
      const reply = await ask(model, [user([{ type: "input_text", text: m.LOOK }, image])]);
      assert.equal(reply.status, "completed");
      await m.sawPicture();
    },
    async reasoning(model) {
      const input = [user(m.PARIS)];
      const more = { reasoning: { effort: "low" }, max_output_tokens: 4000 };
      for (const place of ["Paris", "Rome"]) {
        const { first, last } = await toolTurn(ask, model, input, more);
        assert.ok(last.output_text.includes(m.weather(place)), last.output_text);
        await m.thought();
        await m.replayed(first.output.filter((o) => o.type === "reasoning" && o.encrypted_content).map((o) => o.encrypted_content));
        input.push(user(m.ROME));
      }
    },
    async usage(model) {
      for (const send of [ask, streamed]) {
        const { usage } = await send(model, m.TELL);
        await m.sameCount(usage.input_tokens, usage.output_tokens);
        assert.equal(usage.total_tokens, usage.input_tokens + usage.output_tokens);
      }
    },
    errors: (model) =>
      m.errors({
        401: [() => new OpenAI({ baseURL: `${m.URL}/v1`, apiKey: "sk-wrong", maxRetries: 0 }).responses.create({ model, input: m.SAY }), is(OpenAI.AuthenticationError, 401, "unauthenticated")],
        403: [() => ask("withdrawn", m.SAY), is(OpenAI.PermissionDeniedError, 403, "no_eligible_offering")],
        404: [() => ask("nowhere", m.SAY), is(OpenAI.NotFoundError, 404, "model_not_found")],
        400: [() => ask(model, m.SAY, { temperature: "hot" }), is(OpenAI.BadRequestError, 400, "malformed")],
        429: [() => ask(model, m.SAY), is(OpenAI.RateLimitError, 429, "upstream_rate_limited")],
        503: [() => ask(model, m.SAY), is(OpenAI.InternalServerError, 503, "upstream_unavailable")],
        midstream: [() => streamed(model, m.TELL), is(OpenAI.APIError)],
      }),
  },
});
