// The @aws-sdk/client-bedrock-runtime package, Converse, signed with a pair.
import assert from "node:assert/strict";
import * as aws from "@aws-sdk/client-bedrock-runtime";
import * as m from "./matrix.mjs";

const client = new aws.BedrockRuntimeClient({ endpoint: m.URL, region: "us-gov-west-1", credentials: m.AWS, maxAttempts: 1 });
const user = (...content) => ({ role: "user", content });
const toolConfig = { tools: [{ toolSpec: { name: m.TOOL.name, description: m.TOOL.description, inputSchema: { json: m.TOOL.schema } } }] };
const ask = (modelId, messages, more, by = client) => by.send(new aws.ConverseCommand({ modelId, messages, ...more }));
const text = (reply) => reply.output.message.content.map((b) => b.text ?? "").join("");
const calls = (reply) => reply.output.message.content.filter((b) => b.toolUse).map((b) => b.toolUse);

// streamed asks for a stream and gathers its events to a reply; the SDK has no
// helper for it.
async function streamed(modelId, messages, more) {
  const reply = await client.send(new aws.ConverseStreamCommand({ modelId, messages, ...more }));
  const out = { output: { message: { content: [] } } };
  const at = (i) => (out.output.message.content[i] ??= {});
  for await (const e of reply.stream) {
    if (e.messageStart) out.output.message.role = e.messageStart.role;
    if (e.contentBlockStart?.start?.toolUse) at(e.contentBlockStart.contentBlockIndex).toolUse = { ...e.contentBlockStart.start.toolUse, input: "" };
    if (e.contentBlockDelta) {
      const { contentBlockIndex: i, delta } = e.contentBlockDelta;
      if (delta.text !== undefined) at(i).text = (at(i).text ?? "") + delta.text;
      if (delta.toolUse) at(i).toolUse.input += delta.toolUse.input;
      if (delta.reasoningContent) {
        const r = (at(i).reasoningContent ??= { reasoningText: { text: "" } }).reasoningText;
        r.text += delta.reasoningContent.text ?? "";
        if (delta.reasoningContent.signature) r.signature = delta.reasoningContent.signature;
      }
    }
    if (e.messageStop) out.stopReason = e.messageStop.stopReason;
    if (e.metadata) out.usage = e.metadata.usage;
  }
  for (const b of out.output.message.content) if (b.toolUse) b.toolUse.input = JSON.parse(b.toolUse.input || "{}");
  return out;
}

// toolTurn asks, answers the calls, and gives what is said last. All that is
// said goes back as it came, thought too.
async function toolTurn(send, model, messages, more) {
  const first = await send(model, messages, { toolConfig, ...more });
  assert.equal(first.stopReason, "tool_use");
  messages.push(first.output.message);
  messages.push(user(...calls(first).map((c) => ({ toolResult: { toolUseId: c.toolUseId, content: [{ text: m.weather(c.input.city) }] } }))));
  const last = await send(model, messages, { toolConfig, ...more });
  assert.equal(last.stopReason, "end_turn");
  messages.push(last.output.message);
  return { first, last };
}

async function parallel(send, model) {
  const { first, last } = await toolTurn(send, model, [user({ text: m.CITIES })]);
  m.bothCities(calls(first), (c) => c.input.city);
  m.bothResults(text(last));
}

const is = (kind, status) => (e) => {
  assert.ok(e instanceof kind, `${e.constructor.name}: ${e.message}`);
  if (status) assert.equal(e.$metadata.httpStatusCode, status);
  if (status) assert.ok(e.$metadata.requestId, "no request id");
};
const named = (name, status) => (e) => {
  assert.equal(e.name, name);
  is(aws.BedrockRuntimeServiceException, status)(e);
};
const signature = (b) => b.reasoningContent?.reasoningText?.signature;

await m.fill({
  client: "aws-sdk-js",
  version: m.version("@aws-sdk/client-bedrock-runtime"),
  said: (e) => e.$response && { code: e.$response.headers["bulkhead-error"], message: e.message },
  cases: {
    async unary(model) {
      const reply = await ask(model, [user({ text: m.SAY })]);
      assert.equal(text(reply), m.SAID);
      assert.equal(reply.stopReason, "end_turn");
      assert.ok(reply.$metadata.requestId);
    },
    async stream(model) {
      const whole = await streamed(model, [user({ text: m.SAY })]);
      assert.equal(text(whole), m.SAID);
      assert.equal(whole.stopReason, "end_turn");
      assert.ok(whole.usage.outputTokens > 0);
    },
    tools: (model) => parallel(ask, model),
    "tools-stream": (model) => parallel(streamed, model),
    async structured(model) {
      const schema = { jsonSchema: { name: m.FORM.name, schema: JSON.stringify(m.FORM.schema) } };
      const reply = await ask(model, [user({ text: m.SHIP })], { outputConfig: { textFormat: { type: "json_schema", structure: schema } } });
      m.isShip(JSON.parse(text(reply)));
    },
    async image(model) {
      const image = { format: "png", source: { bytes: Buffer.from(m.PNG, "base64") } };
      const reply = await ask(model, [user({ text: m.LOOK }, { image })]);
      assert.equal(reply.stopReason, "end_turn");
      await m.sawPicture();
    },
    async reasoning(model) {
      const messages = [user({ text: m.PARIS })];
      const more = { inferenceConfig: { maxTokens: 4000 }, additionalModelRequestFields: { thinking: { type: "enabled", budget_tokens: 1024 } } };
      for (const place of ["Paris", "Rome"]) {
        const { first, last } = await toolTurn(ask, model, messages, more);
        assert.ok(text(last).includes(m.weather(place)), text(last));
        await m.thought();
        await m.replayed(first.output.message.content.map(signature).filter(Boolean));
        messages.push(user({ text: m.ROME }));
      }
    },
    async usage(model) {
      for (const send of [ask, streamed]) {
        const { usage } = await send(model, [user({ text: m.TELL })]);
        await m.sameCount(usage.inputTokens + (usage.cacheReadInputTokens ?? 0) + (usage.cacheWriteInputTokens ?? 0), usage.outputTokens);
      }
    },
    errors(model) {
      const say = [user({ text: m.SAY })];
      const stranger = new aws.BedrockRuntimeClient({ endpoint: m.URL, region: "us-gov-west-1", credentials: { accessKeyId: "BKIAAAAAAAAAAAAAAAAA", secretAccessKey: "none" }, maxAttempts: 1 });
      return m.errors({
        401: [() => ask(model, say, {}, stranger), named("UnrecognizedClientException", 401)],
        403: [() => ask("withdrawn", say), is(aws.AccessDeniedException, 403)],
        404: [() => ask("nowhere", say), is(aws.ResourceNotFoundException, 404)],
        400: [() => ask(model, [{ role: "robot", content: [{ text: m.SAY }] }]), is(aws.ValidationException, 400)],
        429: [() => ask(model, say), is(aws.ThrottlingException, 429)],
        503: [() => ask(model, say), is(aws.ServiceUnavailableException, 503)],
        midstream: [() => streamed(model, [user({ text: m.TELL })]), is(aws.BedrockRuntimeServiceException)],
      });
    },
  },
});
