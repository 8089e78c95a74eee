// What a suite runs in: the gateway, the simulated vendors behind it, a key.
import assert from "node:assert/strict";
import { beforeEach } from "node:test";
import OpenAI, { AzureOpenAI } from "openai";

export const URL = process.env.BULKHEAD_URL;
export const SIM = process.env.BULKHEAD_SIM;
export const KEY = process.env.BULKHEAD_KEY;
export const API_VERSION = "2024-10-21";

async function control(method, path, body) {
  const reply = await fetch(`${SIM}/_sim/${path}`, { method, body: body && JSON.stringify(body) });
  assert.ok(reply.ok, `${method} ${path}: ${reply.status}`);
  return reply.status === 204 ? null : reply.json();
}

// What the vendors saw since the test began, oldest first.
export const record = () => control("GET", "record");

// Makes the vendors' next calls go wrong: pairs of what and of which calls.
export const faults = (...pairs) => control("POST", "faults", pairs.map(([what, match]) => ({ match, fault: what })));
export const fault = (what, match = {}) => faults([what, match]);

// After 15 s of silence a stream is kept alive by comments, so that its status
// is out: what comes then comes in-band. One stream begins late, one fails late.
export const lateAnswer = () =>
  faults([{ delay_header: "16s" }, { model: "gpt-4o" }], [{ delay_header: "16s", status: 500 }, { model: "gpt-5-nano" }]);

// A test begins without faults and with an empty record.
export async function fresh() {
  await control("DELETE", "faults");
  await control("DELETE", "record");
}

beforeEach(fresh);

export const sleep = (ms) => new Promise((done) => setTimeout(done, ms));

// Waits for a call at the vendors that want is true of, and gives it.
export async function until(want, ms = 5000) {
  for (const late = Date.now() + ms; ; await sleep(5)) {
    const seen = await record();
    const found = seen.find(want);
    if (found) return found;
    if (Date.now() > late) throw new Error(`no such call within ${ms} ms among ${JSON.stringify(seen.map((r) => [r.path, r.status, r.left]))}`);
  }
}

// Tries a way of leaving several times. leave gives the instant at which it
// left; the vendor must see every one, and half of them within 100 ms, so that
// a busy machine is not a failure.
export async function leaves(leave) {
  const delays = [];
  for (let i = 0; i < 5; i++) {
    await fresh();
    const left = await leave();
    const seen = await until((r) => r.left);
    delays.push(Date.parse(seen.left_at) - left);
  }
  assert.ok(delays.sort((a, b) => a - b)[2] <= 100, `ms until the vendor saw it: ${delays}`);
}

export const plain = (more) => new OpenAI({ baseURL: `${URL}/v1`, apiKey: KEY, ...more });
export const azure = (more) => new AzureOpenAI({ endpoint: URL, apiKey: KEY, apiVersion: API_VERSION, ...more });
export const asking = (content) => [{ role: "user", content }];

// Runs work with variables of the environment set.
export async function environment(names, work) {
  const before = { ...process.env };
  Object.assign(process.env, names);
  try {
    return await work();
  } finally {
    for (const name of Object.keys(names)) name in before ? (process.env[name] = before[name]) : delete process.env[name];
  }
}

export const weather = {
  type: "function",
  function: {
    name: "get_weather",
    description: "Weather in a city",
    parameters: { type: "object", properties: { city: { type: "string" } }, required: ["city"], additionalProperties: false },
    strict: true,
  },
};
