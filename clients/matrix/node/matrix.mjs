// What every driver of the matrix in Node shares: its world, what it asks, and
// the table that it fills in, one line for each alias and case.
import assert from "node:assert/strict";
import { readFileSync } from "node:fs";

const env = process.env;
export const URL = env.BULKHEAD_URL;
export const SIM = env.BULKHEAD_SIM;
export const KEY = env.BULKHEAD_KEY;
export const AWS = { accessKeyId: env.BULKHEAD_AWS_ID, secretAccessKey: env.BULKHEAD_AWS_SECRET };

// version is that of an installed package.
export const version = (name) => JSON.parse(readFileSync(`node_modules/${name}/package.json`)).version;

async function control(method, path, body) {
  const reply = await fetch(`${SIM}/_sim/${path}`, { method, body: body && JSON.stringify(body) });
  assert.ok(reply.ok, `${method} ${path}: ${reply.status}`);
  return reply.status === 204 ? null : reply.json();
}

// record is what the vendors saw since the cell began, oldest first.
export const record = () => control("GET", "record");
export const fault = (what) => control("POST", "faults", [{ match: {}, fault: what }]);
export const mend = () => control("DELETE", "faults");

// What is asked, and what the pretend models then answer.
export const SAY = "Say: fair winds and following seas";
export const SAID = "fair winds and following seas";
export const TELL = "Tell me of ships in 120 words";
export const CITIES = "What is the weather in Paris and Rome?";
export const PARIS = "What is the weather in Paris?";
export const ROME = "And what is the weather in Rome?";
export const SHIP = "Describe the ship Meridian, which has 3 masts";
export const LOOK = "What is in this picture?"; // in the message with PNG
export const PNG = "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mP8z8BQDwAEhQGAhKmMIQAAAABJRU5ErkJggg==";

// The tool that is offered, and what it finds.
export const TOOL = {
  name: "get_weather",
  description: "Weather in a city",
  schema: { type: "object", properties: { city: { type: "string" } }, required: ["city"], additionalProperties: false },
};
export const weather = (city) => `drizzle over ${city}`;

// The form of a ship's description.
export const FORM = {
  name: "ship",
  schema: { type: "object", properties: { name: { type: "string" }, masts: { type: "integer" } }, required: ["name", "masts"], additionalProperties: false },
};

export const isShip = (ship) => {
  assert.equal(ship.masts, 3);
  assert.equal(typeof ship.name, "string");
};
// sawPicture sees that the vendor was sent the picture itself.
export async function sawPicture() {
  assert.ok((await record()).at(-1).body.includes(PNG), "the vendor was sent no picture");
}
export const bothCities = (calls, city) => assert.deepEqual(calls.map(city).sort(), ["Paris", "Rome"]);
export const bothResults = (text) => assert.match(text, /drizzle over Paris[^]*drizzle over Rome|drizzle over Rome[^]*drizzle over Paris/);

// embedding is the alias of an offering of the same dialect that embeds.
export const embedding = (alias) => alias.replace(/^on-/, "embed-");

// counts are what the vendor counted in its last reply.
export const counts = async () => (await record()).at(-1).usage;

// sameCount holds what a client counted against that.
export async function sameCount(input, output) {
  const { input_tokens, output_tokens } = await counts();
  assert.ok(input > 0 && output > 0, `counts ${input} and ${output}`);
  assert.deepEqual({ input, output }, { input: input_tokens, output: output_tokens }, "counts of the client and of the vendor");
}

// replayed sees that opaque state which the client was given has come back to
// the vendor that minted it, byte for byte, in the last call.
export async function replayed(blobs) {
  const { body } = (await record()).at(-1);
  for (const blob of blobs) {
    // What a caller's dialect has no place for comes to it wrapped, and goes back unwrapped.
    const want = unwrapped(blob);
    assert.ok(body.includes(want), `the vendor was not given back ${blob.slice(0, 24)}…`);
  }
}

// unwrapped is opaque state as its minter wrote it.
function unwrapped(blob) {
  const [mark, , ...rest] = blob.split(".");
  return mark === "bulkhead" ? rest.at(-1) : blob;
}

// thought sees that the vendor's last reply cost thought.
export async function thought() {
  assert.ok((await counts()).reasoning_tokens > 0, "the vendor did not reason");
}

// rejects gives what work throws.
export async function rejects(work) {
  try {
    await work();
  } catch (e) {
    return e;
  }
  throw new assert.AssertionError({ message: "nothing was raised" });
}

// errors runs the ways in which a call fails. ways gives for each the call and
// a look at what was raised.
export async function errors(ways) {
  for (const name of ["401", "403", "404", "400", "429", "503", "midstream"]) {
    const [send, look] = ways[name];
    if (name === "429") await fault({ status: 429 });
    if (name === "503") await fault({ status: 503 });
    if (name === "midstream") await fault({ error_after_chunks: 12 });
    try {
      look(await rejects(send));
    } catch (e) {
      e.message = `${name}: ${e.message}`;
      throw e;
    } finally {
      await mend();
    }
  }
}

// Codes with which Bulkhead says that a pair has no form for what was asked.
const refusals = new Set(["unsupported_parameter", "unsupported_route"]);

// None is thrown for what an SDK has no way to say.
export class None extends Error {}

// fill runs each case for each alias and prints a line of each. said gives the
// stable code and the message that an exception of the SDK holds.
export async function fill({ client, version, said, cases }) {
  for (const alias of env.MATRIX_ALIASES.split(",")) {
    for (const name of env.MATRIX_CASES.split(",")) {
      await mend();
      await control("DELETE", "record");
      const cell = { client, version, alias, case: name, result: "pass", why: "" };
      try {
        if (!cases[name]) throw new None(`The client has no ${name}.`);
        cell.why = (await cases[name](alias)) ?? "";
      } catch (e) {
        cell.result = "fail";
        const own = e instanceof assert.AssertionError || e instanceof None ? {} : (said(e) ?? {});
        if (e instanceof None) cell.result = "none";
        if (refusals.has(own.code) && name !== "errors") cell.result = "refused";
        cell.why = own.code ? `${own.code}: ${own.message}` : e instanceof None ? e.message : `${e.name}: ${e.message}`;
        if (env.MATRIX_TRACE && cell.result === "fail") console.error(alias, name, e);
      }
      cell.why = cell.why.replace(/ Call [0-9A-Z]{26}\.?/g, "").replace(/\s+/g, " ").slice(0, 400);
      console.log(JSON.stringify(cell));
    }
  }
}
