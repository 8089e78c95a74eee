// The ai package with one of its providers, which the argument names.
import assert from "node:assert/strict";
import { createAmazonBedrock } from "@ai-sdk/amazon-bedrock";
import { createAnthropic } from "@ai-sdk/anthropic";
import { createGoogleGenerativeAI } from "@ai-sdk/google";
import { createOpenAI } from "@ai-sdk/openai";
import { APICallError, Output, embedMany, generateText, stepCountIs, streamText, tool } from "ai";
import { z } from "zod";
import * as m from "./matrix.mjs";

// How each provider is pointed at Bulkhead, and told to reason.
const providers = {
  openai: {
    make: (apiKey) => createOpenAI({ baseURL: `${m.URL}/v1`, apiKey }),
    reason: { openai: { forceReasoning: true, reasoningEffort: "low", store: false, include: ["reasoning.encrypted_content"] } },
    always: { openai: { store: false, forceReasoning: true, include: ["reasoning.encrypted_content"] } },
    embed: (p, model) => p.embedding(model),
  },
  anthropic: {
    make: (apiKey) => createAnthropic({ baseURL: `${m.URL}/v1`, apiKey }),
    reason: { anthropic: { thinking: { type: "enabled", budgetTokens: 1024 } } },
  },
  google: {
    make: (apiKey) => createGoogleGenerativeAI({ baseURL: `${m.URL}/v1beta`, apiKey }),
    reason: { google: { thinkingConfig: { thinkingLevel: "low", includeThoughts: true } } },
    embed: (p, model) => p.embedding(model),
  },
  "amazon-bedrock": {
    make: (apiKey) => createAmazonBedrock({ baseURL: m.URL, region: "us-gov-west-1", ...(apiKey === m.KEY ? m.AWS : { accessKeyId: "BKIAAAAAAAAAAAAAAAAA", secretAccessKey: "none" }), apiKey: undefined }),
    // Its reasoningConfig is heeded only where the model id names Anthropic, which an alias need not.
    reason: { bedrock: { additionalModelRequestFields: { thinking: { type: "enabled", budget_tokens: 1024 } } } },
  },
};

globalThis.AI_SDK_LOG_WARNINGS = false; // they would stand among the cells
const name = process.argv[2];
const { make, reason, always, embed } = providers[name];
const provider = make(m.KEY);
const common = { maxRetries: 0, maxOutputTokens: 4000, providerOptions: always };
const unary = (model, prompt, more) => generateText({ model: provider(model), prompt, ...common, ...more });

// streamed gathers a stream as an application does, and raises what went wrong.
async function streamed(model, prompt, more) {
  let wrong;
  const stream = streamText({ model: provider(model), prompt, ...common, onError: ({ error }) => void (wrong ??= error), ...more });
  let text = "";
  for await (const part of stream.textStream) text += part;
  if (wrong) throw wrong;
  const finishReason = await stream.finishReason;
  // @ai-sdk/google passes over an error within a stream: that the end is missing is all it tells.
  if (!["stop", "tool-calls"].includes(finishReason)) throw new Error(`the stream ended as ${finishReason}`);
  return { text, finishReason, usage: await stream.totalUsage, steps: await stream.steps, response: await stream.response };
}

const tools = (asked) => ({
  [m.TOOL.name]: tool({
    description: m.TOOL.description,
    inputSchema: z.object({ city: z.string() }),
    execute: async ({ city }) => {
      asked.push(city);
      return m.weather(city);
    },
  }),
});

async function parallel(send, model) {
  const asked = [];
  const reply = await send(model, m.CITIES, { tools: tools(asked), stopWhen: stepCountIs(3) });
  m.bothCities(asked, (city) => city);
  assert.equal(reply.steps.length, 2);
  assert.equal(reply.finishReason, "stop");
  m.bothResults(reply.text);
}

const body = (e) => {
  try {
    return JSON.parse(e.responseBody);
  } catch {
    return {};
  }
};
const is = (status) => (e) => {
  assert.ok(APICallError.isInstance(e), `${e.name}: ${e.message}`);
  assert.equal(e.statusCode, status);
};
const say = (model) => unary(model, m.SAY);

await m.fill({
  client: `vercel ${name}`,
  version: `${m.version("ai")}+${m.version(`@ai-sdk/${name}`)}`,
  said: (e) => APICallError.isInstance(e) && { code: e.responseHeaders?.["bulkhead-error"], message: body(e).error?.message ?? body(e).message ?? e.message },
  cases: {
    async unary(model) {
      const reply = await say(model);
      assert.equal(reply.text, m.SAID);
      assert.equal(reply.finishReason, "stop");
      assert.ok(reply.response.headers["bulkhead-call"]);
    },
    async stream(model) {
      const reply = await streamed(model, m.SAY);
      assert.equal(reply.text, m.SAID);
      assert.equal(reply.finishReason, "stop");
      assert.ok(reply.usage.outputTokens > 0);
    },
    tools: (model) => parallel(unary, model),
    "tools-stream": (model) => parallel(streamed, model),
    async structured(model) {
      m.isShip((await unary(model, m.SHIP, { output: Output.object({ schema: z.object({ name: z.string(), masts: z.number().int() }) }) })).output);
    },
    async image(model) {
      const content = [{ type: "text", text: m.LOOK }, { type: "image", image: Buffer.from(m.PNG, "base64"), mediaType: "image/png" }];
      const reply = await unary(model, undefined, { prompt: [{ role: "user", content }] });
      assert.equal(reply.finishReason, "stop");
      await m.sawPicture();
    },
    async reasoning(model) {
      const messages = [{ role: "user", content: m.PARIS }];
      for (const place of ["Paris", "Rome"]) {
        const reply = await generateText({ model: provider(model), messages, tools: tools([]), stopWhen: stepCountIs(3), ...common, providerOptions: reason });
        assert.ok(reply.text.includes(m.weather(place)), reply.text);
        await m.thought();
        messages.push(...reply.response.messages, { role: "user", content: m.ROME });
      }
    },
    async usage(model) {
      for (const send of [unary, streamed]) {
        const { usage } = await send(model, m.TELL);
        await m.sameCount(usage.inputTokens, usage.outputTokens);
      }
    },
    errors: (model) =>
      m.errors({
        401: [() => generateText({ model: make("wrong")(model), prompt: m.SAY, ...common }), is(401)],
        403: [() => say("withdrawn"), is(403)],
        404: [() => say("nowhere"), is(404)],
        // The package checks what it sends, so it is the vendor that refuses.
        400: [() => m.fault({ status: 400 }).then(() => say(model)), is(400)],
        429: [() => say(model), is(429)],
        503: [() => say(model), is(503)],
        midstream: [() => streamed(model, m.TELL), (e) => assert.ok(e, "no error")],
      }),
    ...(embed && {
      async embeddings(alias) {
        const reply = await embedMany({ model: embed(provider, m.embedding(alias)), values: ["a ship", "a lighthouse"], maxRetries: 0 });
        assert.equal(reply.embeddings.length, 2);
        assert.ok(reply.embeddings.every((e) => e.length > 100));
      },
    }),
  },
});
