// Makes the same calls of the openai package in two lanes, as python/calls.py
// does, and prints them in the same form.
import OpenAI from "openai";

const world = JSON.parse(process.env.E2E_WORLD);
const lanes = Object.entries(world.lanes).map(([name, lane]) => [name, { model: lane.model, client: new OpenAI({ baseURL: lane.url, apiKey: lane.key, maxRetries: 0, timeout: 300_000 }) }]);
const messages = [{ role: "user", content: world.ask }];
const steady = { temperature: 0, seed: 7, cache_prompt: false, messages };

const create = (lane, asked) => lane.client.chat.completions.create({ model: lane.model, ...steady, ...asked });

async function chat(lane) {
  const reply = await create(lane, { max_tokens: 40 });
  return { text: reply.choices[0].message.content, finish: reply.choices[0].finish_reason, usage: reply.usage, model: reply.model };
}

async function stream(lane) {
  const reply = await create(lane, { max_tokens: 40, stream: true, stream_options: { include_usage: true } });
  const seen = { text: "", finish: null, usage: null };
  for await (const chunk of reply) {
    seen.usage = chunk.usage ?? seen.usage;
    for (const choice of chunk.choices) {
      seen.text += choice.delta.content ?? "";
      seen.finish = choice.finish_reason ?? seen.finish;
    }
  }
  return seen;
}

async function tooLong(lane) {
  try {
    await create(lane, { max_tokens: 5, messages: [{ role: "user", content: "word ".repeat(3000) }] });
  } catch (e) {
    return { raised: e.constructor.name, status: e.status, code: e.code, type: e.type, message: e.message };
  }
  throw new Error("the call went through");
}

async function cancel(lane) {
  const reply = await create(lane, { max_tokens: 1500, ...world.endless, stream: true });
  let words = 0;
  let first;
  let pace;
  for await (const chunk of reply) {
    if (!chunk.choices[0]?.delta?.content) continue;
    first ??= performance.now();
    if (++words > 5) {
      pace = (performance.now() - first) / 5;
      reply.controller.abort();
      break;
    }
  }
  const began = performance.now();
  await create(lanes[0][1], { max_tokens: 1 });
  return { freed: performance.now() - began < (pace * 1494) / 4 };
}

const cases = { chat, "stream with usage": stream, "prompt too long": tooLong, "cancel mid-stream": cancel };
for (const [title, call] of Object.entries(cases)) {
  for (const [name, lane] of lanes) {
    const began = performance.now();
    const seen = await call(lane);
    console.log(JSON.stringify({ case: title, lane: name, seen, ms: { all: Math.round((performance.now() - began) * 10) / 10 } }));
  }
}
