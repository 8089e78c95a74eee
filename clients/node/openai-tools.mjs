// Tools, structured output and the stream helper of the openai package.
import assert from "node:assert/strict";
import { test } from "node:test";
import { zodFunction, zodResponseFormat } from "openai/helpers/zod";
import { z } from "zod";
import { asking, azure, plain, record, weather } from "./world.mjs";

const paris = "What is the weather in Paris?";
const twoCities = "What is the weather in Paris and Rome?";
const Solution = z.object({ steps: z.array(z.object({ explanation: z.string(), result: z.number() })), answer: z.string() });
const cities = (calls) => calls.map((c) => JSON.parse(c.function.arguments).city);

async function roundTrip(client, model) {
  const messages = asking(paris);
  const first = await client.chat.completions.create({ model, messages, tools: [weather] });
  assert.equal(first.choices[0].finish_reason, "tool_calls");
  const [call] = first.choices[0].message.tool_calls;
  assert.deepEqual(cities([call]), ["Paris"]);
  messages.push(first.choices[0].message, { role: "tool", tool_call_id: call.id, content: "17 degrees and drizzle" });
  const last = await client.chat.completions.create({ model, messages, tools: [weather] });
  assert.match(last.choices[0].message.content, /drizzle/);
  assert.ok((await record()).at(-1).body.includes(call.id));
}

for (const model of ["chat", "chat-azure", "chat-bedrock", "chat-local"]) test(`tool round trip ${model}`, () => roundTrip(plain(), model));

test("tool round trip Azure class", () => roundTrip(azure(), "chat-azure"));

test("parallel tool calls", async () => {
  const reply = await plain().chat.completions.create({ model: "chat", messages: asking(twoCities), tools: [weather] });
  assert.deepEqual(cities(reply.choices[0].message.tool_calls), ["Paris", "Rome"]);
  const one = await plain().chat.completions.create({ model: "chat", messages: asking(twoCities), tools: [weather], parallel_tool_calls: false });
  assert.equal(one.choices[0].message.tool_calls.length, 1);
});

test("parse", async () => {
  for (const [client, model] of [[plain(), "chat"], [plain(), "chat-local"], [azure(), "chat-azure"]]) {
    const reply = await client.chat.completions.parse({
      model, messages: asking("Solve 8x + 7 = 23"), response_format: zodResponseFormat(Solution, "solution"),
    });
    assert.ok(reply.choices[0].message.parsed.steps.length > 0);
  }
});

test("parse when cut short", async () => {
  const cut = plain().chat.completions.parse({
    model: "chat", messages: asking("Solve 8x + 7 = 23"), response_format: zodResponseFormat(Solution, "solution"), max_tokens: 2,
  });
  await assert.rejects(cut, { name: "Error", message: /length/ });
});

test("stream helper", async () => {
  for (const [client, model] of [[plain(), "chat"], [plain(), "chat-azure"], [plain(), "chat-local"], [azure(), "chat-azure"]]) {
    let text = "";
    const stream = client.chat.completions.stream({ model, messages: asking("Tell me of ships"), stream_options: { include_usage: true } });
    stream.on("content", (delta) => (text += delta));
    const final = await stream.finalChatCompletion();
    assert.equal(final.choices[0].message.content, text);
    assert.equal(final.choices[0].finish_reason, "stop");
    assert.ok((await stream.totalUsage()).completion_tokens > 0);
  }
});

test("stream helper with tools", async () => {
  const tool = zodFunction({ name: "get_weather", parameters: z.object({ city: z.string() }) });
  for (const model of ["chat", "chat-azure", "chat-local"]) {
    const done = [];
    const stream = plain().chat.completions.stream({ model, messages: asking(twoCities), tools: [tool] });
    stream.on("tool_calls.function.arguments.done", (e) => done.push(e.parsed_arguments));
    const final = await stream.finalChatCompletion();
    assert.deepEqual(done, [{ city: "Paris" }, { city: "Rome" }]);
    assert.equal(final.choices[0].finish_reason, "tool_calls");
  }
});

test("stream helper with a schema", async () => {
  const stream = plain().chat.completions.stream({
    model: "chat", messages: asking("Solve 8x + 7 = 23"), response_format: zodResponseFormat(Solution, "solution"),
  });
  assert.ok((await stream.finalChatCompletion()).choices[0].message.parsed.answer);
});

// Bulkhead sends the tool's answer on; the helper ends by itself.
for (const stream of [false, true]) {
  test(`runTools ${stream ? "streaming" : "unary"}`, async () => {
    for (const model of ["chat", "chat-azure"]) {
      const asked = [];
      const run = plain().chat.completions.runTools({
        model,
        stream,
        messages: asking(twoCities),
        tools: [
          {
            type: "function",
            function: {
              name: "get_weather",
              parse: JSON.parse,
              parameters: weather.function.parameters,
              function: ({ city }) => {
                asked.push(city);
                return `drizzle over ${city}`;
              },
            },
          },
        ],
      });
      assert.match(await run.finalContent(), /drizzle/);
      assert.deepEqual(asked, ["Paris", "Rome"]);
    }
  });
}
