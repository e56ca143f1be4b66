"""A batch runs side by side. Results stand in the order of the questions, and one failure fails no other."""

import asyncio
import time

from tmws_patterns import create_pattern_execution_engine

BATCH = [
    "what time is it in Tokyo",
    "what time is it in Boston",
    "what time is it in Lilliput",
    "what time is it in Mumbai",
    "calculate 12 * 12",
    "convert noon from Paris to Sydney",
]


async def main() -> None:
    async with await create_pattern_execution_engine() as engine:
        started = time.perf_counter()
        results = await engine.execute_many(BATCH)
        elapsed = (time.perf_counter() - started) * 1000
        for question, answer in zip(BATCH, results, strict=True):
            said = answer.result if answer.success else f"{answer.error.code}: {answer.error.message}"
            print(f"{question}\n  {said}")

        good = sum(answer.success for answer in results)
        waited = sum(answer.execution_time_ms for answer in results)
        print(f"\n{good} of {len(results)} answered in {elapsed:.0f} ms; one after another: up to {waited:.0f} ms")


if __name__ == "__main__":
    asyncio.run(main())
