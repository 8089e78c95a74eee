"""Streams that break, and callers that leave: a cut is the SDK's error and no
silent end, and the vendor's side sees at once that the caller went."""

import asyncio
import statistics
import threading
import time

import openai
from world import AsyncCase, Case, asking, azure, instant, plain, plain_async, record, until

TELL = asking("Tell me of ships in 60 words")
PROMPT = 0.100  # seconds within which the vendor's side must see the close
TRIES = 5


class Broken(Case):
    def breaks(self, code, fault, alias="chat", make=plain):
        self.setUp()
        self.fault(fault)
        text = ""
        with make() as client, self.assertRaises(openai.APIError) as caught:
            for chunk in client.chat.completions.create(model=alias, messages=TELL, stream=True):
                text += (chunk.choices[0].delta.content or "") if chunk.choices else ""
        self.assertNotIsInstance(caught.exception, openai.APIConnectionError)
        self.assertTrue(text, "something came before the break")
        self.assertEqual(code, caught.exception.code)
        self.assertTrue(caught.exception.message)
        self.assertEqual(1, len(record()), "what was begun is not begun anew")

    def test_cut(self):
        self.breaks("upstream_error", {"cut_after_chunks": 5})
        self.breaks("upstream_error", {"cut_after_chunks": 5}, "chat-twin")
        self.breaks("upstream_error", {"cut_after_chunks": 5}, "chat-azure", azure)
        self.breaks("upstream_error", {"cut_after_bytes": 2000})

    def test_reset(self):
        self.breaks("upstream_error", {"reset_after_chunks": 5})

    def test_ends_early_in_good_order(self):
        self.breaks("upstream_error", {"end_after_chunks": 5})

    def test_no_end_marker(self):
        self.breaks("upstream_error", {"no_end_marker": True})

    def test_malformed_chunk(self):
        self.breaks("upstream_error", {"malformed_chunk": 5})

    def test_stalls(self):
        self.breaks("upstream_timeout", {"stall_after_chunks": 5}, "chat-hasty")

    def test_vendor_says_so_itself(self):
        self.breaks(None, {"error_after_chunks": 5})

    def test_helper(self):
        for fault in [{"cut_after_chunks": 5}, {"end_after_chunks": 5}, {"stall_after_chunks": 5}]:
            with self.subTest(str(fault)):
                self.setUp()
                self.fault(fault)
                with plain() as client, self.assertRaises(openai.APIError):
                    with client.chat.completions.stream(model="chat-hasty", messages=TELL) as stream:
                        for _ in stream:
                            pass

    def test_raw_lines_have_no_end_marker(self):
        self.fault({"cut_after_chunks": 5})
        with plain() as client:
            with client.chat.completions.with_streaming_response.create(model="chat", messages=TELL, stream=True) as reply:
                lines = [line for line in reply.iter_lines() if line]
        self.assertNotIn("data: [DONE]", lines)
        self.assertIn('"error"', lines[-1])


class AsyncBroken(AsyncCase):
    async def test_cut(self):
        self.fault({"cut_after_chunks": 5})
        async with plain_async() as client:
            with self.assertRaises(openai.APIError) as caught:
                async for _ in await client.chat.completions.create(model="chat", messages=TELL, stream=True):
                    pass
        self.assertEqual("upstream_error", caught.exception.code)


class Patience(AsyncCase):
    """After 15 s of silence a stream is kept alive by comments, so that its
    status is out: what comes then comes in-band."""

    async def test_a_stream_that_begins_late(self):
        self.faults(({"delay_header": "16s"}, {"model": "gpt-4o"}), ({"delay_header": "16s", "status": 500}, {"model": "gpt-5-nano"}))

        async def follow(client, alias):
            text = ""
            async for chunk in await client.chat.completions.create(model=alias, messages=TELL, stream=True):
                text += (chunk.choices[0].delta.content or "") if chunk.choices else ""
            return text

        async with plain_async(timeout=15.9) as client:
            good, bad = await asyncio.gather(follow(client, "chat"), follow(client, "chat-thinks"), return_exceptions=True)
        self.assertIn("ships", good)
        self.assertIsInstance(bad, openai.APIError)
        self.assertEqual("upstream_error", bad.code)


def late(left):
    """Seconds from an instant of ours to the vendor's seeing that the caller went."""
    seen = until(lambda r: r["left"])
    return instant(seen["left_at"]) - left


class Leaving(Case):
    """Each way of leaving is tried several times: the vendor must see every
    one, and half of them in time, so that a busy machine is not a failure."""

    def check(self, leave):
        delays = []
        for _ in range(TRIES):
            self.setUp()
            delays.append(leave())
        self.assertLessEqual(statistics.median(delays), PROMPT, delays)

    def leave_stream(self, client, alias, fault):
        self.fault(fault)
        stream = client.chat.completions.create(model=alias, messages=TELL, stream=True)
        for n, _ in enumerate(stream):
            if n == 3:
                break
        left = time.time()
        stream.close()
        return late(left)

    def test_stream_that_is_silent(self):
        with plain() as client:
            self.check(lambda: self.leave_stream(client, "chat", {"stall_after_chunks": 8}))

    def test_stream_that_flows(self):
        with plain() as client:
            self.check(lambda: self.leave_stream(client, "chat", {"pace": "20ms"}))

    def test_azure_stream(self):
        with azure() as client:
            self.check(lambda: self.leave_stream(client, "chat-azure", {"stall_after_chunks": 8}))

    def leave_by_timeout(self, **more):
        left = []

        def call():
            with plain(max_retries=0, timeout=0.3) as client, self.assertRaises(openai.APITimeoutError):
                client.chat.completions.create(model="chat", messages=TELL, **more)
            left.append(time.time())

        thread = threading.Thread(target=call)
        thread.start()
        thread.join()
        return late(left[0])

    def test_timeout_before_the_header(self):
        def leave():
            self.fault({"delay_header": "20s"})
            return self.leave_by_timeout()

        self.check(leave)

    def test_timeout_before_the_first_chunk(self):
        def leave():
            self.fault({"delay_first_chunk": "20s"})
            return self.leave_by_timeout(stream=True)

        self.check(leave)


class AsyncLeaving(AsyncCase):
    async def test_cancelled_tasks(self):
        async with plain_async() as client:

            async def unary():
                await client.chat.completions.create(model="chat", messages=TELL)

            async def streaming():
                async with await client.chat.completions.create(model="chat", messages=TELL, stream=True) as stream:
                    async for _ in stream:
                        pass

            for work, fault in [(unary, {"delay_header": "20s"}), (streaming, {"stall_after_chunks": 5})]:
                delays = []
                for _ in range(TRIES):
                    self.setUp()
                    self.fault(fault)
                    task = asyncio.create_task(work())
                    await asyncio.to_thread(until, lambda r: r["body_at"])
                    await asyncio.sleep(0.05)
                    left = time.time()
                    task.cancel()
                    with self.assertRaises(asyncio.CancelledError):
                        await task
                    delays.append(await asyncio.to_thread(late, left))
                self.assertLessEqual(statistics.median(delays), PROMPT, delays)
