"""Hera and Athena walk their workflows on one topic, each with memories of her own.

What one persona stores is private to her unless she says otherwise; public memories are seen by both.
"""

import asyncio
from pathlib import Path

from tmws_patterns import ExecutionResult, PatternExecutionEngine, create_pattern_execution_engine

TOPIC = "the billing migration"
REPOSITORY = str(Path(__file__).parents[2])
SAYS = {"hera": "freeze releases for a day", "athena": "keep Postgres, because of row locks"}


def summary(answer: ExecutionResult) -> str:
    if answer.error is not None:
        return f"{answer.error.code}: {answer.error.message}"
    found = answer.result.get("memory") if answer.metadata["pattern_type"] == "hybrid" else answer.result
    return (
        f"{answer.pattern_name}: {len(found)} memories" if isinstance(found, list) else f"{answer.pattern_name}: done"
    )


async def walk(engine: PatternExecutionEngine, name: str) -> None:
    """The persona's workflow as patterns/personas.yaml gives it; the last step stores what she says."""
    persona = next(p for p in engine.registry.personas if p.name == name)
    print(f"\n{persona.title}")
    for step in persona.workflow:
        sentence = step.replace("{topic}", TOPIC).split("<")[0]
        if sentence != step.replace("{topic}", TOPIC):
            sentence += SAYS[name]
        answer = await engine.execute(sentence, context={"agent": name, "repo_path": REPOSITORY})
        print(f"  {sentence}\n    {summary(answer)}")


async def sees(engine: PatternExecutionEngine, name: str, query: str) -> list[str]:
    answer = await engine.execute(f"recall {query}", context={"agent": name})
    return [memory["content"] for memory in answer.result]


async def main() -> None:
    async with await create_pattern_execution_engine() as engine:
        for name in SAYS:
            await walk(engine, name)

        print("\nwho sees the private lesson of Hera?")
        for name in SAYS:
            print(f"  {name}: {await sees(engine, name, 'the lesson to freeze releases')}")

        await engine.memory.store("Deploys stop at noon on Fridays", agent_id="hera", access_level="public")
        print("\nwho sees her public rule?")
        for name in SAYS:
            print(f"  {name}: {await sees(engine, name, 'when deploys stop')}")


if __name__ == "__main__":
    asyncio.run(main())
