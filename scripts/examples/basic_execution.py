"""Ask in sentences: a downstream tool, a calculation, a repeat, memory, and something that nobody can answer.

A failure is a result like any other: `execute` raises only for a mistake in the program itself.
"""

import asyncio

from tmws_patterns import ExecutionResult, create_pattern_execution_engine

SENTENCES = (
    "what time is it in Tokyo",
    "what is 15% of 80",
    "what is 15% of 80",
    "remember that invoices go out on Fridays",
    "recall when invoices go out",
    "water the geraniums",
)


def report(sentence: str, answer: ExecutionResult) -> None:
    print(f"\n> {sentence}")
    if answer.error is not None:
        print(f"  failed: {answer.error.code}: {answer.error.message}")
        for candidate in answer.error.details["candidates"]:
            print(f"    nearest: {candidate['call']}")
        return
    origin = f"cache ({answer.metadata['cache_tier']})" if answer.cache_hit else "computed"
    print(f"  {answer.result}")
    print(f"  {answer.pattern_name}, {origin}, {answer.execution_time_ms:.2f} ms, {answer.tokens_used} tokens")


async def main() -> None:
    async with await create_pattern_execution_engine() as engine:
        for sentence in SENTENCES:
            report(sentence, await engine.execute(sentence))
        stats = engine.get_stats()
        print(
            f"\n{stats['total_executions']} executions, {stats['failed_executions']} failed, "
            f"{stats['cache_hits']} from the cache, {stats['total_tokens_used']} tokens"
        )


if __name__ == "__main__":
    asyncio.run(main())
