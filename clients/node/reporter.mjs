// Prints one JSON object a line for each test: test, outcome (pass, fail,
// skip), output, seconds.
import { inspect } from "node:util";

export default async function* lines(source) {
  for await (const { type, data } of source) {
    if ((type !== "test:pass" && type !== "test:fail") || data.details.type === "suite") continue;
    let outcome = type === "test:pass" ? "pass" : "fail";
    if (data.skip !== undefined) outcome = "skip";
    const cause = data.details.error?.cause ?? data.details.error;
    const output = outcome === "fail" ? inspect(cause, { depth: 6 }) : data.skip === true ? "" : (data.skip ?? "");
    yield JSON.stringify({ test: data.name, outcome, output, seconds: data.details.duration_ms / 1000 }) + "\n";
  }
}
