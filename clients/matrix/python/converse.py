"""boto3's client of bedrock-runtime, which signs its requests."""

import boto3
import botocore
from botocore.config import Config
from botocore.exceptions import ClientError, EventStreamError

from cells import *

TOOLS = {"tools": [{"toolSpec": {"name": "get_weather", "description": "Weather in a city", "inputSchema": {"json": CITY}}}]}


def user(*content):
    return {"role": "user", "content": [{"text": c} if isinstance(c, str) else c for c in content]}


def text(message):
    return "".join(block.get("text", "") for block in message["content"])


class Driver:
    def __init__(self):
        self.client = self.signing(AWS_ID, AWS_SECRET)

    def signing(self, key, secret):
        return boto3.client(
            "bedrock-runtime", region_name="us-gov-west-1", endpoint_url=URL, aws_access_key_id=key, aws_secret_access_key=secret,
            config=Config(retries={"total_max_attempts": 1}, read_timeout=60),
        )

    def refused(self, e):
        if isinstance(e, ClientError):
            return e.response["ResponseMetadata"]["HTTPHeaders"].get("bulkhead-error"), e.response["Error"]["Message"]

    def ask(self, alias, *content, **more):
        return self.client.converse(modelId=alias, messages=[user(*content)], **more)

    def streamed(self, **more):
        """The message that a stream spells, its stop reason and its usage."""
        blocks, stop, usage = {}, None, None
        for event in self.client.converse_stream(**more)["stream"]:
            for name, e in event.items():
                if name == "contentBlockStart":
                    blocks[e["contentBlockIndex"]] = {"toolUse": {**e["start"]["toolUse"], "input": ""}}
                elif name == "contentBlockDelta":
                    for kind, delta in e["delta"].items():
                        if kind == "text":
                            block = blocks.setdefault(e["contentBlockIndex"], {"text": ""})
                            block["text"] += delta
                        elif kind == "toolUse":
                            blocks[e["contentBlockIndex"]]["toolUse"]["input"] += delta["input"]
                elif name == "messageStop":
                    stop = e["stopReason"]
                elif name == "metadata":
                    usage = e["usage"]
        content = []
        for at in sorted(blocks):
            block = blocks[at]
            if "toolUse" in block:
                block["toolUse"]["input"] = json.loads(block["toolUse"]["input"] or "{}")
            content.append(block)
        return {"role": "assistant", "content": content}, stop, usage

    def unary(self, alias):
        reply = self.ask(alias, SAY)
        same(SAID, text(reply["output"]["message"]))
        same("end_turn", reply["stopReason"])
        true(reply["ResponseMetadata"]["RequestId"], "there is no request id")

    def stream(self, alias):
        message, stop, usage = self.streamed(modelId=alias, messages=[user(SAY)])
        same(SAID, text(message))
        same("end_turn", stop)
        same(counts()["output_tokens"], true(usage, "there is no usage")["outputTokens"])

    def turn(self, alias, messages, want, streams, **more):
        more = {"modelId": alias, "messages": messages, "toolConfig": TOOLS, **more}
        if streams:
            message, stop, _ = self.streamed(**more)
        else:
            reply = self.client.converse(**more)
            message, stop = reply["output"]["message"], reply["stopReason"]
        same(want, stop, "stopReason")
        messages.append(message)
        return message

    def round(self, alias, messages, streams, **more):
        calls = [b["toolUse"] for b in self.turn(alias, messages, "tool_use", streams, **more)["content"] if "toolUse" in b]
        true(len({call["toolUseId"] for call in calls}) == 2, "there are not two calls")
        messages.append(user(*[{"toolResult": {"toolUseId": c["toolUseId"], "content": [{"text": drizzle(c["input"]["city"])}]}} for c in calls]))
        tells(text(self.turn(alias, messages, "end_turn", streams, **more)), *[drizzle(c["input"]["city"]) for c in calls])

    def tools(self, alias):
        self.round(alias, [user(WEATHER)], False)

    def tools_stream(self, alias):
        self.round(alias, [user(WEATHER)], True)

    def structured(self, alias):
        form = {"type": "json_schema", "structure": {"jsonSchema": {"name": "ship", "schema": json.dumps(SHIP)}}}
        reply = self.ask(alias, DESCRIBE, outputConfig={"textFormat": form})
        same(3, json.loads(text(reply["output"]["message"]))["masts"])

    def image(self, alias):
        reply = self.ask(alias, "Say: a red dot", {"image": {"format": "png", "source": {"bytes": PNG}}})
        same("a red dot", text(reply["output"]["message"]))
        sees_the_picture()

    def reasoning(self, alias):
        messages = [user(WEATHER)]
        more = {"additionalModelRequestFields": {"thinking": {"type": "enabled", "budget_tokens": 1024}}, "inferenceConfig": {"maxTokens": 4000}}
        for _ in range(2):
            self.round(alias, messages, False, **more)
            messages.append(user("And what is the weather in Oslo and Bern?"))

    def usage(self, alias):
        usage, vendor = self.ask(alias, SAY)["usage"], counts()
        same(vendor["input_tokens"], usage["inputTokens"] + usage.get("cacheReadInputTokens", 0), "inputTokens")
        same(vendor["output_tokens"], usage["outputTokens"], "outputTokens")

    def errors(self, alias):
        def failing(**what):
            fault(alias, **what)
            self.ask(alias, SAY)

        def breaking():
            fault(alias, error_after_chunks=12)
            self.streamed(modelId=alias, messages=[user(LONG)])

        known, errors = self.client.exceptions, Errors()
        stranger = self.signing("AKIANOBODYKNOWSTHIS1", "none")
        errors.of("401", lambda: stranger.converse(modelId=alias, messages=[user(SAY)]), ClientError, known.AccessDeniedException)
        errors.of("403", lambda: self.ask(WITHDRAWN, SAY), known.AccessDeniedException)
        errors.of("404", lambda: self.ask("nobody", SAY), known.ResourceNotFoundException)
        errors.of("400", lambda: self.client.converse(modelId=alias, messages=[user(SAY), {"role": "robot", "content": [{"text": SAY}]}]), known.ValidationException)
        errors.of("429", lambda: failing(status=429), known.ThrottlingException)
        errors.of("503", lambda: failing(status=503), known.ServiceUnavailableException)
        errors.of("broken stream", breaking, EventStreamError)
        errors.tell()

    def embeddings(self, alias):
        raise Missing("Converse has no embeddings.")


if __name__ == "__main__":
    run("boto3", boto3.__version__, Driver())
