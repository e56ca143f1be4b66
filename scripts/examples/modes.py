"""The three modes side by side: fast asks tools only, balanced takes the best route, comprehensive asks both halves."""

import asyncio

from tmws_patterns import ExecutionMode, ExecutionResult, create_pattern_execution_engine

SENTENCES = ("check database health", "recall the database password policy")
MODES = (ExecutionMode.FAST, ExecutionMode.BALANCED, ExecutionMode.COMPREHENSIVE)


def summary(answer: ExecutionResult) -> str:
    if answer.error is not None:
        return f"failed: {answer.error.code}"
    if answer.metadata["pattern_type"] != "hybrid":
        return f"answer: {type(answer.result).__name__} of {len(answer.result)}"
    failures = answer.result.get("failed", {})
    halves = [
        f"{half}: {failures[half]['code'] if half in failures else f'{len(answer.result[half])} found'}"
        for half in ("tool", "memory")
    ]
    return ", ".join(halves)


async def main() -> None:
    async with await create_pattern_execution_engine() as engine:
        await engine.memory.store("The database password changes every quarter, by policy.", tags=["database"])
        for sentence in SENTENCES:
            print(f"\n> {sentence}")
            for mode in MODES:
                answer = await engine.execute(sentence, mode)
                kind = answer.metadata["pattern_type"] if answer.success else "-"
                print(f"  {mode:<14} {answer.pattern_name or '-':<15} {kind:<15} {summary(answer)}")


if __name__ == "__main__":
    asyncio.run(main())
