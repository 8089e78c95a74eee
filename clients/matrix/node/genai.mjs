// The @google/genai package.
import assert from "node:assert/strict";
import { ApiError, GoogleGenAI } from "@google/genai";
import * as m from "./matrix.mjs";

const made = (apiKey) => new GoogleGenAI({ apiKey, httpOptions: { baseUrl: m.URL } });
const ai = made(m.KEY);
const user = (...parts) => ({ role: "user", parts });
const tools = [{ functionDeclarations: [{ name: m.TOOL.name, description: m.TOOL.description, parametersJsonSchema: m.TOOL.schema }] }];
const ask = (model, contents, config, by = ai) => by.models.generateContent({ model, contents, config });
const said = (reply) => reply.candidates[0].content;

// streamed asks for a stream and gathers its pieces to a reply, as the SDK's
// own chats do: parts are kept as they came.
async function streamed(model, contents, config) {
  const parts = [];
  let last, finishReason;
  for await (const chunk of await ai.models.generateContentStream({ model, contents, config })) {
    parts.push(...(chunk.candidates?.[0]?.content?.parts ?? []));
    finishReason = chunk.candidates?.[0]?.finishReason ?? finishReason;
    last = chunk;
  }
  const text = parts.filter((p) => p.text && !p.thought).map((p) => p.text).join("");
  return { candidates: [{ content: { role: "model", parts }, finishReason }], text, functionCalls: parts.filter((p) => p.functionCall).map((p) => p.functionCall), usageMetadata: last.usageMetadata };
}

// toolTurn asks, answers the calls, and gives what is said last. All that is
// said goes back as it came, signatures of thought too.
async function toolTurn(send, model, contents, config) {
  const first = await send(model, contents, { tools, ...config });
  assert.equal(first.candidates[0].finishReason, "STOP");
  contents.push(said(first));
  contents.push(user(...first.functionCalls.map((c) => ({ functionResponse: { id: c.id, name: c.name, response: { output: m.weather(c.args.city) } } }))));
  const last = await send(model, contents, { tools, ...config });
  assert.equal(last.candidates[0].finishReason, "STOP");
  contents.push(said(last));
  return { first, last };
}

async function parallel(send, model) {
  const { first, last } = await toolTurn(send, model, [user({ text: m.CITIES })]);
  m.bothCities(first.functionCalls, (c) => c.args.city);
  m.bothResults(last.text);
}

// told is the error object of a reply, which the SDK keeps as text.
function told(e) {
  try {
    return JSON.parse(e.message.slice(e.message.indexOf("{"))).error;
  } catch {
    return {};
  }
}

const is = (status, code) => (e) => {
  assert.ok(e instanceof ApiError, `${e.constructor.name}: ${e.message}`);
  assert.equal(e.status, status);
  assert.equal(told(e).details?.[0].reason, code);
};

await m.fill({
  client: "genai-node",
  version: m.version("@google/genai"),
  said: (e) => e instanceof ApiError && { code: told(e).details?.[0].reason, message: told(e).message },
  cases: {
    async unary(model) {
      const reply = await ask(model, m.SAY);
      assert.equal(reply.text, m.SAID);
      assert.equal(reply.candidates[0].finishReason, "STOP");
      assert.ok(reply.responseId);
    },
    async stream(model) {
      const whole = await streamed(model, m.SAY);
      assert.equal(whole.text, m.SAID);
      assert.equal(whole.candidates[0].finishReason, "STOP");
      assert.ok(whole.usageMetadata.candidatesTokenCount > 0);
    },
    tools: (model) => parallel(ask, model),
    "tools-stream": (model) => parallel(streamed, model),
    async structured(model) {
      const reply = await ask(model, m.SHIP, { responseMimeType: "application/json", responseJsonSchema: m.FORM.schema });
      m.isShip(JSON.parse(reply.text));
    },
    async image(model) {
      const reply = await ask(model, [user({ text: m.LOOK }, { inlineData: { mimeType: "image/png", data: m.PNG } })]);
      assert.equal(reply.candidates[0].finishReason, "STOP");
      await m.sawPicture();
    },
    async reasoning(model) {
      const contents = [user({ text: m.PARIS })];
      const config = { thinkingConfig: { thinkingLevel: "LOW", includeThoughts: true }, maxOutputTokens: 4000 };
      for (const place of ["Paris", "Rome"]) {
        const { first, last } = await toolTurn(ask, model, contents, config);
        assert.ok(last.text.includes(m.weather(place)), last.text);
        await m.thought();
        if (model === "on-gemini") await m.replayed(said(first).parts.map((p) => p.thoughtSignature).filter(Boolean));
        contents.push(user({ text: m.ROME }));
      }
    },
    async usage(model) {
      for (const send of [ask, streamed]) {
        const { usageMetadata: u } = await send(model, m.TELL);
        await m.sameCount(u.promptTokenCount, u.candidatesTokenCount + (u.thoughtsTokenCount ?? 0));
      }
    },
    errors: (model) =>
      m.errors({
        401: [() => ask(model, m.SAY, {}, made("wrong")), is(401, "unauthenticated")],
        403: [() => ask("withdrawn", m.SAY), is(403, "no_eligible_offering")],
        404: [() => ask("nowhere", m.SAY), is(404, "model_not_found")],
        400: [() => ask(model, m.SAY, { temperature: "hot" }), (e) => assert.deepEqual([e instanceof ApiError, e.status], [true, 400])],
        429: [() => ask(model, m.SAY), is(429, "upstream_rate_limited")],
        503: [() => ask(model, m.SAY), is(503, "upstream_unavailable")],
        midstream: [() => streamed(model, m.TELL), (e) => assert.ok(e instanceof Error, `${e}`)],
      }),
    async embeddings(alias) {
      const reply = await ai.models.embedContent({ model: m.embedding(alias), contents: ["a ship", "a lighthouse"] });
      assert.equal(reply.embeddings.length, 2);
      assert.ok(reply.embeddings.every((e) => e.values.length > 100));
    },
  },
});
