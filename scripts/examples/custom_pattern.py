"""Register a pattern of your own while the engine runs, then reach it by a sentence and by its name.

The same fields, written as YAML in the folder that TMWS_PATTERN_CONFIG names, are loaded at the start.
"""

import asyncio

from tmws_patterns import ExecutionResult, PatternDefinition, create_pattern_execution_engine

STANDUP = PatternDefinition.from_config(
    {
        "name": "standup_time",
        "pattern_type": "infrastructure",
        "description": "When the daily stand-up (9:30 in Berlin) begins in another city",
        "trigger_pattern": r"^when is (?:the|our) stand-?up in (?P<city>[^?]+)",
        "examples": ["when is the stand-up in Mumbai"],
        "effect": "read",
        "cache_ttl": 60,
        "slots": {"city": {"type": "timezone", "description": "a city or an IANA time zone"}},
        "call": {
            "server": "time",
            "tool": "convert_time",
            "arguments": {"source_timezone": "Europe/Berlin", "time": "09:30", "target_timezone": "{city}"},
        },
        "select": ["target.timezone", "target.datetime"],
    }
)


def report(title: str, answer: ExecutionResult) -> None:
    print(f"{title}\n  {answer.result if answer.error is None else f'{answer.error.code}: {answer.error.message}'}")


async def main() -> None:
    async with await create_pattern_execution_engine() as engine:
        engine.registry.register(STANDUP)
        report("by sentence", await engine.execute("When is the stand-up in Mumbai?"))
        report("by name", await engine.execute(pattern="standup_time", arguments={"city": "Kyoto"}))
        report("a city that nobody knows", await engine.execute("when is the stand-up in Atlantis"))

        decision = await engine.router.route("when is our standup in Boston")
        print(f"why\n  {decision.reasoning}, confidence {decision.confidence:.2f}")


if __name__ == "__main__":
    asyncio.run(main())
