"""Artemis optimises with evidence: recall what was tried, look at the present, find similar cases, store the plan.

Run it twice. The second run finds the plan of the first and goes one step further.
"""

import asyncio
from pathlib import Path

from tmws_patterns import ExecutionResult, create_pattern_execution_engine

TOPIC = "the slow importer"
STEPS = ("add an index on job_id", "insert in batches of 500 rows", "move parsing to a second process")
CONTEXT = {"agent": "artemis", "repo_path": str(Path(__file__).parents[2])}


def lines(answer: ExecutionResult) -> list[str]:
    """The memories of an answer, whether it holds only these or a tool's answer beside them."""
    if answer.error is not None:
        return [f"{answer.error.code}: {answer.error.message}"]
    rows = answer.result["memory"] if isinstance(answer.result, dict) else answer.result
    return [row["content"] for row in rows]


async def main() -> None:
    async with await create_pattern_execution_engine() as engine:
        past = await engine.execute(f"recall past optimizations of {TOPIC}", context=CONTEXT)
        print(f"1. past optimisations: {len(lines(past))}")
        for line in lines(past):
            print(f"   - {line}")

        present = await engine.execute(f"analyze the codebase for {TOPIC}", context=CONTEXT)
        half = present.result["tool"] if present.success else None
        commits = str(half).count("Commit: ") if half else "no"
        print(f"2. the present: {present.pattern_name} sees {commits} commits and {len(lines(present))} memories")

        similar = await engine.execute(f"find similar cases to {TOPIC}", context=CONTEXT)
        print(f"3. similar cases: {len(lines(similar))}")

        step = STEPS[min(len(lines(past)), len(STEPS) - 1)]
        plan = f"the optimization plan for {TOPIC}, step {len(lines(past)) + 1}, is: {step}"
        stored = await engine.execute(f"remember that {plan}", context=CONTEXT)
        print(f"4. stored: {plan}" if stored.success else f"4. not stored: {stored.error.message}")


if __name__ == "__main__":
    asyncio.run(main())
