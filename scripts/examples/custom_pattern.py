"""Register a pattern of your own while the engine runs, then reach it by a sentence and by its name.

The same fields, written as YAML in the folder that TMWS_PATTERN_CONFIG names, are loaded at the start.
"""

import asyncio

from tmws_patterns import ExecutionResult, PatternDefinition, create_pattern_execution_engine

VAT = PatternDefinition.from_config(
    {
        "name": "vat",
        "pattern_type": "infrastructure",
        "description": "Value added tax on an amount",
        "trigger_pattern": r"^(?:what is the )?(?:vat|value added tax) (?:on|of) (?P<amount>[^?]+)",
        "examples": ["what is the VAT on 120"],
        "effect": "read",
        "cache_ttl": 3600,
        "slots": {
            "amount": {"type": "number", "description": "the net amount"},
            "percent": {"type": "integer", "default": 20, "description": "the rate"},
        },
        "call": {
            "server": "tmws",
            "tool": "calculate",
            "arguments": {"expression": "{amount} * {percent} / 100"},
        },
    }
)


def report(title: str, answer: ExecutionResult) -> None:
    print(f"{title}: {answer.result if answer.error is None else f'{answer.error.code}: {answer.error.message}'}")


async def main() -> None:
    async with await create_pattern_execution_engine() as engine:
        engine.registry.register(VAT)
        report("by sentence", await engine.execute("What is the VAT on 120?"))
        report("by name", await engine.execute(pattern="vat", arguments={"amount": 120, "percent": 7}))
        report("the rate from the context", await engine.execute("VAT on 120", context={"percent": 25}))
        report("an amount that is no number", await engine.execute("VAT on a chair"))

        decision = await engine.router.route("value added tax of 80")
        print(f"why: {decision.reasoning}, confidence {decision.confidence:.2f}, {dict(decision.arguments)}")


if __name__ == "__main__":
    asyncio.run(main())
