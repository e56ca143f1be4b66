"""Prompts: the workflow of each persona. And the completion of pattern names."""

from __future__ import annotations

from typing import Any

from mcp.server import ServerRequestContext
from mcp.shared.exceptions import MCPError
from mcp.types import (
    INVALID_PARAMS,
    CompleteRequestParams,
    CompleteResult,
    Completion,
    GetPromptRequestParams,
    GetPromptResult,
    ListPromptsResult,
    PaginatedRequestParams,
    Prompt,
    PromptArgument,
    PromptMessage,
    PromptReference,
    TextContent,
)

from tmws_patterns.loader import Persona
from tmws_patterns.server.host import Host

_TOPIC = "topic"
_MOST = 100  # values of one completion, by the protocol


class Prompts:
    """Handlers of prompts/list, prompts/get and completion/complete."""

    def __init__(self, host: Host) -> None:
        self._host = host

    async def list(self, ctx: ServerRequestContext[Any], params: PaginatedRequestParams | None) -> ListPromptsResult:
        """One prompt a persona."""
        del ctx, params
        personas = (await self._host.app()).engine.registry.personas
        topic = PromptArgument(name=_TOPIC, description="what the work is about", required=True)
        return ListPromptsResult(
            prompts=[Prompt(name=p.name, title=p.title, description=p.description, arguments=[topic]) for p in personas]
        )

    async def get(self, ctx: ServerRequestContext[Any], params: GetPromptRequestParams) -> GetPromptResult:
        """A persona's workflow, filled with the topic."""
        del ctx
        personas = (await self._host.app()).engine.registry.personas
        persona = next((p for p in personas if p.name == params.name), None)
        if persona is None:
            known = ", ".join(p.name for p in personas) or "none"
            raise MCPError(INVALID_PARAMS, f"no prompt {params.name!r}; there are: {known}")
        topic = (params.arguments or {}).get(_TOPIC, "").strip()
        if not topic:
            raise MCPError(INVALID_PARAMS, f"the prompt {params.name!r} needs the argument {_TOPIC!r}")
        text = TextContent(type="text", text=workflow(persona, topic))
        return GetPromptResult(description=persona.description, messages=[PromptMessage(role="user", content=text)])

    async def complete(self, ctx: ServerRequestContext[Any], params: CompleteRequestParams) -> CompleteResult:
        """Pattern names for the pattern resource and for arguments called pattern; nothing for other arguments."""
        del ctx
        wanted = params.argument
        if isinstance(params.ref, PromptReference) or wanted.name not in ("name", "pattern"):
            return CompleteResult(completion=Completion(values=[], total=0, has_more=False))
        typed = wanted.value.casefold()
        names = [p.name for p in (await self._host.app()).engine.registry.patterns]
        starting = [n for n in names if n.casefold().startswith(typed)]
        found = starting + [n for n in names if typed in n.casefold() and n not in starting]
        return CompleteResult(
            completion=Completion(values=found[:_MOST], total=len(found), has_more=len(found) > _MOST)
        )


def workflow(persona: Persona, topic: str) -> str:
    """The steps of a persona's workflow on a topic, as calls of execute_pattern."""
    steps = "\n".join(f"{i}. {step.replace('{topic}', topic)}" for i, step in enumerate(persona.workflow, 1))
    return (
        f"You are {persona.title}. {persona.description}\n"
        f"Work on: {topic}\n"
        f'Call execute_pattern with each sentence in order, each with context {{"agent": "{persona.name}"}}, '
        f"and let every answer shape the next step:\n{steps}"
    )
