"""Input schemas of the kind that MCP servers publish, and a short way to understand a sentence for one."""

from __future__ import annotations

from datetime import date
from typing import Any

from tmws_patterns.pattern import PatternDefinition, PatternType
from tmws_patterns.routing.arguments import Understood, understand
from tmws_patterns.targets import Effect, ToolTarget

TODAY = date(2026, 3, 2)  # a Monday


def text(about: str = "", **more: Any) -> dict[str, Any]:
    return {"type": "string", "description": about, **more}


def number(about: str = "", **more: Any) -> dict[str, Any]:
    return {"type": "number", "description": about, **more}


def integer(about: str = "", **more: Any) -> dict[str, Any]:
    return {"type": "integer", "description": about, **more}


def flag(about: str = "", **more: Any) -> dict[str, Any]:
    return {"type": "boolean", "description": about, **more}


def choice(*members: str, about: str = "", **more: Any) -> dict[str, Any]:
    return {"type": "string", "enum": list(members), "description": about, **more}


def several(items: dict[str, Any], about: str = "") -> dict[str, Any]:
    return {"type": "array", "items": items, "description": about}


def shape(required: str, **properties: dict[str, Any]) -> dict[str, Any]:
    named = {name.rstrip("_"): of for name, of in properties.items()}
    return {"type": "object", "properties": named, "required": required.split()}


OWNED = {"owner": text("Repository owner"), "repo": text("Repository name")}
PAGED = {"page": integer("Page number"), "perPage": integer("Results per page (max 100)", minimum=1, maximum=100)}

SCHEMAS: dict[str, dict[str, Any]] = {
    "weather": shape(
        "city",
        city=text("City name"),
        days=integer("Number of forecast days", minimum=1, maximum=16, default=3),
        units=choice("metric", "imperial"),
    ),
    "weather_on": shape("location date", location=text("City or place"), date=text("Day", format="date")),
    "coordinates": shape(
        "latitude longitude",
        latitude=number("Latitude", minimum=-90, maximum=90),
        longitude=number("Longitude", minimum=-180, maximum=180),
    ),
    "web_search": shape(
        "query",
        query=text("Search query"),
        max_results=integer("Maximum number of results", minimum=1, maximum=20, default=10),
        freshness=choice("day", "week", "month", "year"),
        include_images=flag("Whether to include images"),
    ),
    "images": shape("q", q=text("What to look for"), count=integer("How many results to return")),
    "list_issues": shape(
        "owner repo",
        **OWNED,
        state=choice("open", "closed", "all", about="Filter by state"),
        labels=several(text(), "Filter by labels"),
        sort=choice("created", "updated", "comments"),
        direction=choice("asc", "desc"),
        since=text("Only issues updated after this time", format="date-time"),
        **PAGED,
    ),
    "get_issue": shape("owner repo issue_number", **OWNED, issue_number=integer("The number of the issue")),
    "get_pull": shape("owner repo pullNumber", **OWNED, pullNumber=integer("Pull request number")),
    "create_issue": shape(
        "owner repo title",
        **OWNED,
        title=text("Issue title"),
        body=text("Issue body content"),
        labels=several(text(), "Labels to apply"),
        assignees=several(text(), "Usernames to assign"),
    ),
    "create_repository": shape("name", name=text("Repository name"), private=flag("Whether repo should be private")),
    "create_event": shape(
        "summary start",
        summary=text("Title of the event"),
        start=text("Start time", format="date-time"),
        end=text("End time", format="date-time"),
        attendees=several(text(format="email"), "E-mail addresses of the guests"),
        location=text("Where the event takes place"),
    ),
    "list_events": shape("date", date=text("Day to list", format="date"), calendar_id=text("Calendar identifier")),
    "events_between": shape(
        "start_date end_date", start_date=text("First day", format="date"), end_date=text("Last day", format="date")
    ),
    "book_table": shape(
        "date time party_size",
        date=text("YYYY-MM-DD"),
        time=text("Time in 24-hour format (HH:MM)"),
        party_size=integer("Number of people", minimum=1, maximum=20),
    ),
    "send_email": shape(
        "to subject body",
        to=text("Recipient address", format="email"),
        cc=text("Copy", format="email"),
        subject=text("Subject line"),
        body=text("Body of the message"),
    ),
    "send_to_many": shape("to subject", to=several(text(), "Recipient e-mail addresses"), subject=text()),
    "search_emails": shape(
        "",
        sender=text("E-mail address of the sender", format="email"),
        after=text("Only after this date", format="date"),
        before=text("Only before this date", format="date"),
        has_attachment=flag("Only with an attachment"),
        limit=integer("Maximum number to return", maximum=50),
    ),
    "read_file": shape("path", path=text(), head=integer("First N lines"), tail=integer("Last N lines")),
    "move_file": shape("source destination", source=text(), destination=text()),
    "list_directory": shape("path", path=text("Folder"), recursive=flag("Descend into subfolders")),
    "search_files": shape(
        "path pattern", path=text(), pattern=text("Pattern to match"), include_hidden=flag("Show hidden files")
    ),
    "sql": shape("query", query=text("SQL query to run")),
    "rows": shape(
        "table", table=text("Table name"), limit=integer(maximum=1000), order=choice("ascending", "descending")
    ),
    "directions": shape(
        "origin destination",
        origin=text("Starting point"),
        destination=text("Where to go"),
        mode=choice("driving", "walking", "bicycling", "transit"),
    ),
    "nearby": shape(
        "location",
        location=text("Place to search around"),
        radius=integer("Radius in meters"),
        open_now=flag("Only what is open now"),
    ),
    "geocode": shape("address", address=text("The address to geocode")),
    "currency": shape(
        "amount from_currency to_currency",
        amount=number("Amount to convert"),
        from_currency=text("ISO 4217 code", pattern="^[A-Z]{3}$"),
        to_currency=text("ISO 4217 code", pattern="^[A-Z]{3}$"),
    ),
    "currency_short": shape("amount from to", amount=number(), from_=text(), to=text()),
    "quote": shape("symbol", symbol=text("Ticker symbol"), interval=choice("1d", "1wk", "1mo")),
    "units": shape("value from_unit to_unit", value=number(), from_unit=text(), to_unit=text()),
    "convert_time": shape(
        "source_timezone time target_timezone",
        source_timezone=text("Source IANA timezone name (e.g., 'America/New_York')"),
        time=text("Time to convert in 24-hour format (HH:MM)"),
        target_timezone=text("Target IANA timezone name"),
    ),
    "now": shape("timezone", timezone=text("IANA timezone name")),
    "git_log": shape("repo_path", repo_path=text(), max_count=integer("Number of commits to show", default=10)),
    "git_stage": shape("files", files=several(text(), "Files to put into the index")),
    "git_reset": shape("repo_path", repo_path=text()),
    "git_show": shape("repo_path revision", repo_path=text(), revision=text("The revision, a commit hash")),
    "fetch": shape(
        "url",
        url=text("URL to fetch", format="uri"),
        max_length=integer("Maximum number of characters to return", exclusiveMinimum=0, exclusiveMaximum=1000000),
        raw=flag("Get the HTML as it is"),
    ),
    "post_message": shape("channel text", channel=text("Channel name"), text=text("The message to post")),
    "translate": shape(
        "text target_language", text=text("Text to translate"), target_language=text(), source_language=text()
    ),
    "timer": shape("timeout_seconds", timeout_seconds=number("How long")),
    "sleep": shape("duration", duration=text("How long, such as 5 minutes")),
    "delay": shape("delay_ms", delay_ms=integer("Delay in milliseconds", minimum=0, maximum=600000)),
    "hotels": shape(
        "city check_in check_out",
        city=text("City"),
        check_in=text("Check-in date", format="date"),
        check_out=text("Check-out date", format="date"),
        guests=integer("Number of guests", minimum=1),
        max_price=number("Highest price a night"),
    ),
    "flights": shape(
        "origin destination departure_date",
        origin=text("City or airport of departure"),
        destination=text("City or airport of arrival"),
        departure_date=text("Day of departure", format="date"),
        return_date=text("Day of return", format="date"),
        adults=integer("Number of adults", minimum=1, maximum=9),
        cabin=choice("economy", "premium_economy", "business", "first"),
    ),
    "document": shape("document_id", document_id=text("Identifier", format="uuid")),
    "ticket": shape("issue_key", issue_key=text("Jira key, such as PROJ-12", pattern="^[A-Z]+-[0-9]+$")),
    "release": shape("version", version=text("Semantic version")),
    "thermostat": shape("temperature_celsius", temperature_celsius=number(minimum=5, maximum=30)),
    "resize": shape("width height", width=integer("Width in pixels"), height=integer("Height in pixels")),
    "opacity": shape("opacity", opacity=number("0 to 1", minimum=0, maximum=1)),
    "contact": shape(
        "name",
        name=text("Full name"),
        address={"type": "object", "properties": {"city": text(), "zip": text()}, "required": ["city"]},
    ),
    "optional": shape(
        "when",
        when={"anyOf": [{"$ref": "#/$defs/Day"}, {"type": "null"}]},
        limit={"type": ["integer", "null"], "default": None},
    )
    | {"$defs": {"Day": {"type": "string", "format": "date"}}},
    "define": shape("word", word=text("Word to define")),
    "wiki": shape("topic", topic=text("Topic to read about"), sentences=integer("Number of sentences")),
}


def tool_pattern(name: str, effect: Effect | None = Effect.READ) -> PatternDefinition:
    return PatternDefinition(
        name=f"server.{name}",
        pattern_type=PatternType.INFRASTRUCTURE,
        description=name.replace("_", " "),
        effect=effect,
        call=ToolTarget(server="server", tool=name),
        definition_hash="hash",
    )


def heard(tool: str, sentence: str, effect: Effect | None = Effect.READ, **given: Any) -> Understood:
    """What a sentence gives for a tool; `given` may hold arguments, context, groups, today and schema."""
    return understand(
        tool_pattern(tool, effect),
        query=sentence,
        groups=given.get("groups", {}),
        arguments=given.get("arguments", {}),
        context=given.get("context", {}),
        schema=given.get("schema", SCHEMAS.get(tool)),
        today=given.get("today", TODAY),
    )


def said(found: Understood) -> dict[str, Any]:
    """The values that the sentence gave."""
    return {name: value for name, value in found.values.items() if found.sources[name].startswith("sentence")}
