# ruff: noqa: E501 - a case a line reads best
"""Arguments out of sentences for tools that read: what is taken, and what is left for the caller to give."""

from __future__ import annotations

from typing import Any

import pytest
from argument_schemas import SCHEMAS, heard, said

TAKEN: list[tuple[str, str, dict[str, Any]]] = [
    # weather
    ("weather", "what is the weather in Paris", {"city": "Paris"}),
    ("weather", "weather in paris for 5 days", {"city": "paris", "days": 5}),
    ("weather", "forecast for New York for the next 3 days in metric units", {"city": "New York", "days": 3, "units": "metric"}),
    ("weather", "will it rain in São Paulo?", {"city": "São Paulo"}),
    ("weather", "city=Rome days=2", {"city": "Rome", "days": 2}),
    ("weather", "weather, city: Rome, units: Imperial", {"city": "Rome", "units": "imperial"}),
    ("weather", 'weather in "Stratford-upon-Avon"', {"city": "Stratford-upon-Avon"}),
    ("weather_on", "weather in Oslo on 2026-03-05", {"location": "Oslo", "date": "2026-03-05"}),
    ("weather_on", "will it be sunny in Rome tomorrow", {"location": "Rome", "date": "2026-03-03"}),
    ("weather_on", "weather in London next Friday", {"location": "London", "date": "2026-03-06"}),
    ("weather_on", "weather in Berlin in 3 days", {"location": "Berlin", "date": "2026-03-05"}),
    ("weather_on", "weather on 5 March 2026 in Madrid", {"location": "Madrid", "date": "2026-03-05"}),
    ("coordinates", "forecast at latitude 48.85 and longitude 2.35", {"latitude": 48.85, "longitude": 2.35}),
    ("coordinates", "forecast for 48.85, -2.35", {"latitude": 48.85, "longitude": -2.35}),
    # search
    ("web_search", "search the web for python asyncio tutorials", {"query": "python asyncio tutorials"}),
    ("web_search", "search for climate change with max_results 5", {"query": "climate change", "max_results": 5}),
    ("web_search", "look up the history of Rome", {"query": "the history of Rome"}),
    ("web_search", 'search "structured concurrency" limit 5', {"query": "structured concurrency", "max_results": 5}),
    ("web_search", 'search for "mcp servers", 5 results, include images', {"query": "mcp servers", "max_results": 5, "include_images": True}),
    ("web_search", 'search for "cats" without images', {"query": "cats", "include_images": False}),
    ("images", "find 5 results about red pandas", {"q": "red pandas", "count": 5}),
    ("wiki", "tell me about quantum computing", {"topic": "quantum computing"}),
    ("wiki", "tell me about Ada Lovelace in 3 sentences", {"topic": "Ada Lovelace", "sentences": 3}),
    ("define", 'define "serendipity"', {"word": "serendipity"}),
    # GitHub
    ("list_issues", "list open issues of octocat/hello-world", {"owner": "octocat", "repo": "hello-world", "state": "open"}),
    ("list_issues", "closed issues in octocat/hello-world sorted by updated", {"owner": "octocat", "repo": "hello-world", "state": "closed", "sort": "updated"}),
    ("list_issues", "issues of octocat/hello-world with labels bug, urgent and p1", {"owner": "octocat", "repo": "hello-world", "labels": ["bug", "urgent", "p1"]}),
    ("list_issues", "issues of octocat/hello-world, page 2", {"owner": "octocat", "repo": "hello-world", "page": 2}),
    ("list_issues", "issues of octocat/hello-world, perPage 50", {"owner": "octocat", "repo": "hello-world", "perPage": 50}),
    ("list_issues", "issues of octocat/hello-world since 2026-02-01", {"owner": "octocat", "repo": "hello-world", "since": "2026-02-01T00:00:00"}),
    ("list_issues", "issues with owner octocat and repo hello-world", {"owner": "octocat", "repo": "hello-world"}),
    ("get_issue", "show issue #42 of octocat/hello-world", {"owner": "octocat", "repo": "hello-world", "issue_number": 42}),
    ("get_issue", "show issue 42 in octocat/hello-world", {"owner": "octocat", "repo": "hello-world", "issue_number": 42}),
    ("get_issue", "show https://github.com/octocat/hello-world/issues/42", {"owner": "octocat", "repo": "hello-world", "issue_number": 42}),
    ("get_pull", "summarise pull request 7 of octocat/hello-world", {"owner": "octocat", "repo": "hello-world", "pullNumber": 7}),
    ("get_pull", "get PR #7 of octocat/hello-world", {"owner": "octocat", "repo": "hello-world", "pullNumber": 7}),
    # calendar
    ("list_events", "what is on my calendar tomorrow", {"date": "2026-03-03"}),
    ("list_events", "events on March 5", {"date": "2026-03-05"}),
    ("list_events", "events on the 5th of March, 2027", {"date": "2027-03-05"}),
    ("list_events", "what did I do yesterday", {"date": "2026-03-01"}),
    ("list_events", "events on Friday", {"date": "2026-03-06"}),
    ("list_events", "events a week ago", {"date": "2026-02-23"}),
    ("list_events", "events the day after tomorrow", {"date": "2026-03-04"}),
    ("events_between", "events from 2026-03-05 to 2026-03-09", {"start_date": "2026-03-05", "end_date": "2026-03-09"}),
    ("events_between", "events between March 5 and March 9", {"start_date": "2026-03-05", "end_date": "2026-03-09"}),
    ("events_between", "events from 5 March 2026 up to 31 March 2026", {"start_date": "2026-03-05", "end_date": "2026-03-31"}),
    ("search_emails", "mails from bob@example.org before 31 March 2026, say 20", {"sender": "bob@example.org", "before": "2026-03-31", "limit": 20}),
    ("events_between", "events from tomorrow until Friday", {"start_date": "2026-03-03", "end_date": "2026-03-06"}),
    ("book_table", "check a table tomorrow at 7 pm for 4 people", {"date": "2026-03-03", "time": "19:00", "party_size": 4}),
    ("book_table", "is a table free on 2026-03-05 at 19:30, party size 2", {"date": "2026-03-05", "time": "19:30", "party_size": 2}),
    # e-mail
    ("search_emails", "mails from bob@example.org", {"sender": "bob@example.org"}),
    ("search_emails", "mails after 2026-01-01 and before 2026-02-01", {"after": "2026-01-01", "before": "2026-02-01"}),
    ("search_emails", "mails with an attachment, limit 20", {"has_attachment": True, "limit": 20}),
    ("search_emails", "the mails from sender bob@example.org since yesterday", {"sender": "bob@example.org", "after": "2026-03-01"}),
    # files
    ("read_file", "read ./src/app.py", {"path": "./src/app.py"}),
    ("read_file", "show the file README.md", {"path": "README.md"}),
    ("read_file", "read /var/log/syslog, tail 50", {"path": "/var/log/syslog", "tail": 50}),
    ("read_file", r"open C:\Users\ann\notes.txt", {"path": r"C:\Users\ann\notes.txt"}),
    ("list_directory", "list ~/projects recursively", {"path": "~/projects", "recursive": True}),
    ("list_directory", "list ~/projects with +/- signs", {"path": "~/projects"}),
    ("read_file", "read ./src/app.py, it is 'large'.", {"path": "./src/app.py"}),
    ("list_directory", "list the folder /tmp, not recursive", {"path": "/tmp", "recursive": False}),
    ("search_files", 'search /srv for the pattern "*.log"', {"path": "/srv", "pattern": "*.log"}),
    ("search_files", "search /srv with pattern=*.log and include hidden", {"path": "/srv", "pattern": "*.log", "include_hidden": True}),
    # databases
    ("rows", "rows of the table users, limit 50", {"table": "users", "limit": 50}),
    ("rows", "show table users descending", {"table": "users", "order": "descending"}),
    ("sql", 'run "SELECT 1"', {"query": "SELECT 1"}),
    ("sql", "run the query `SELECT count(*) FROM users`", {"query": "SELECT count(*) FROM users"}),
    # maps
    ("directions", "how do I get from Berlin to Munich by transit", {"origin": "Berlin", "destination": "Munich", "mode": "transit"}),
    ("directions", "walking directions from London to New York", {"origin": "London", "destination": "New York", "mode": "walking"}),
    ("directions", "distance between Paris and Lyon", {"origin": "Paris", "destination": "Lyon"}),
    ("directions", "route to Munich from Berlin", {"origin": "Berlin", "destination": "Munich"}),
    ("nearby", "cafes near Alexanderplatz within 2 km", {"location": "Alexanderplatz", "radius": 2000}),
    ("nearby", "cafes around Rome, radius 500", {"location": "Rome", "radius": 500}),
    ("nearby", "what is open now near Rome", {"location": "Rome", "open_now": True}),
    ("geocode", 'where is "10 Downing Street, London"', {"address": "10 Downing Street, London"}),
    # finance
    ("currency", "convert 100 USD to EUR", {"amount": 100, "from_currency": "USD", "to_currency": "EUR"}),
    ("currency", "how much is 1,250.50 GBP in JPY", {"amount": 1250.5, "from_currency": "GBP", "to_currency": "JPY"}),
    ("currency", "convert €20 to CHF", {"amount": 20, "from_currency": "EUR", "to_currency": "CHF"}),
    ("currency_short", "100 USD to EUR", {"amount": 100, "from": "USD", "to": "EUR"}),
    ("quote", "price of AAPL", {"symbol": "AAPL"}),
    ("quote", "quote of the ticker MSFT with interval 1wk", {"symbol": "MSFT", "interval": "1wk"}),
    # units
    ("units", "convert 5 km to miles", {"value": 5, "from_unit": "km", "to_unit": "miles"}),
    ("units", "how many pounds are 3.5 kg", {"value": 3.5, "from_unit": "kg", "to_unit": "pounds"}),
    ("units", "-4 celsius in fahrenheit", {"value": -4, "from_unit": "celsius", "to_unit": "fahrenheit"}),
    # times and zones
    ("now", "what time is it in Tokyo", {"timezone": "Asia/Tokyo"}),
    ("now", "time in new york city", {"timezone": "America/New_York"}),
    ("now", "time in Europe/Berlin", {"timezone": "Europe/Berlin"}),
    ("convert_time", "convert 3 pm from Tokyo to London", {"source_timezone": "Asia/Tokyo", "time": "15:00", "target_timezone": "Europe/London"}),
    ("convert_time", "what is 14:30 from Paris to New York time", {"source_timezone": "Europe/Paris", "time": "14:30", "target_timezone": "America/New_York"}),
    # git and fetch
    ("git_log", "last 5 commits in ./app", {"repo_path": "./app", "max_count": 5}),
    ("git_log", "log of /srv/repo, max_count 3", {"repo_path": "/srv/repo", "max_count": 3}),
    ("git_show", "show commit 9fceb02 of /srv/repo", {"repo_path": "/srv/repo", "revision": "9fceb02"}),
    ("fetch", "read https://example.com/a.html, please", {"url": "https://example.com/a.html"}),
    ("fetch", "fetch https://example.com with max_length 2000", {"url": "https://example.com", "max_length": 2000}),
    ("fetch", "fetch https://example.com raw", {"url": "https://example.com", "raw": True}),
    ("fetch", "fetch example.com", {"url": "https://example.com"}),
    # other
    ("translate", 'translate "good morning" to French', {"text": "good morning", "target_language": "French"}),
    ("translate", 'translate "good morning" from English into French', {"text": "good morning", "source_language": "English", "target_language": "French"}),
    ("timer", "set a timer of 2 minutes", {"timeout_seconds": 120}),
    ("timer", "wait 90 seconds", {"timeout_seconds": 90}),
    ("timer", "half past is too late, wait 45", {"timeout_seconds": 45}),
    ("sleep", "sleep for 20 minutes", {"duration": "20 minutes"}),
    ("delay", "delay it by 1.5 s", {"delay_ms": 1500}),
    ("hotels", "hotels in Rome from 2026-04-01 to 2026-04-05 for 2 guests", {"city": "Rome", "check_in": "2026-04-01", "check_out": "2026-04-05", "guests": 2}),
    ("hotels", "hotels in Rome, check in tomorrow, check out Friday, max price $150", {"city": "Rome", "check_in": "2026-03-03", "check_out": "2026-03-06", "max_price": 150}),
    ("flights", "flights from Berlin to Lisbon on 2026-05-01 for two adults in business", {"origin": "Berlin", "destination": "Lisbon", "departure_date": "2026-05-01", "adults": 2, "cabin": "business"}),
    ("flights", "premium economy flights from Berlin to Lisbon tomorrow", {"origin": "Berlin", "destination": "Lisbon", "departure_date": "2026-03-03", "cabin": "premium_economy"}),
    ("document", "open document 123e4567-e89b-12d3-a456-426614174000", {"document_id": "123e4567-e89b-12d3-a456-426614174000"}),
    ("ticket", "show PROJ-12", {"issue_key": "PROJ-12"}),
    ("release", "notes of v1.2.3", {"version": "v1.2.3"}),
    ("thermostat", "what if it were 21 °C", {"temperature_celsius": 21}),
    ("resize", "preview it 800 x 600", {"width": 800, "height": 600}),
    ("resize", "preview with width 800 and height 600", {"width": 800, "height": 600}),
    ("opacity", "preview with opacity 40%", {"opacity": 0.4}),
    ("contact", "contacts named Anna Berg", {"name": "Anna Berg"}),
    ("contact", "contacts named Anna Berg with city Oslo", {"name": "Anna Berg", "address": {"city": "Oslo"}}),
    ("optional", "what is on tomorrow", {"when": "2026-03-03"}),
    ("optional", "what is on tomorrow, limit 3", {"when": "2026-03-03", "limit": 3}),
]  # fmt: skip


LEFT: list[tuple[str, str, dict[str, Any]]] = [
    ("weather", "what is the weather", {}),
    ("weather", "weather in Paris and Rome", {}),
    ("weather", "weather in the morning", {}),
    ("weather", "weather in Paris for 40 days", {"city": "Paris"}),
    ("weather", "Weather please", {}),
    ("weather", "weather in Rome on day 5 of the 3 tours", {"city": "Rome"}),
    ("weather_on", "weather in Rome on 03/05/2026", {"location": "Rome"}),
    ("weather_on", "weather in Rome tomorrow or on Friday", {"location": "Rome"}),
    ("coordinates", "forecast for latitude 120 and longitude 2", {"longitude": 2}),
    ("coordinates", "forecast for room 7", {}),
    ("web_search", "search for the 10 commandments", {"query": "the 10 commandments"}),
    ("web_search", "search for a day without cars", {"query": "a day without cars"}),
    ("web_search", 'search for "a" or "b"', {}),
    ("sql", "how many users do we have", {}),
    ("list_issues", "issues of octocat/hello-world that are not closed", {"owner": "octocat", "repo": "hello-world"}),
    ("list_issues", "open and closed issues of octocat/hello-world", {"owner": "octocat", "repo": "hello-world", "state": "all"}),
    ("list_issues", "list all issues", {}),
    ("get_issue", "show the 3 issues and the 4 bugs of octocat/hello-world", {"owner": "octocat", "repo": "hello-world"}),
    ("events_between", "events on 2026-03-05", {}),
    ("events_between", "events 2026-03-05, 2026-03-09", {}),
    ("book_table", "a table at 7 pm", {"time": "19:00"}),
    ("search_emails", "mails about the 20 invoices", {}),
    ("search_emails", "mails from Bob", {}),
    ("read_file", "read the file", {}),
    ("read_file", "compare a.txt and b.txt", {}),
    ("read_file", "don't read Bob's file", {}),
    ("rows", "show me the 5 users", {}),
    ("directions", "how do I get to Munich", {"destination": "Munich"}),
    ("directions", "Paris Lyon", {}),
    ("nearby", "cafes near Rome within 20 minutes", {"location": "Rome"}),
    ("currency", "convert USD to EUR", {"from_currency": "USD", "to_currency": "EUR"}),
    ("quote", "price of apples", {}),
    ("units", "convert 5 km", {"value": 5, "from_unit": "km"}),
    ("now", "what time is it", {}),
    ("convert_time", "convert 3 pm", {"time": "15:00"}),
    ("convert_time", "convert 25:00 from Tokyo to London", {"source_timezone": "Asia/Tokyo", "target_timezone": "Europe/London"}),
    ("git_show", "show the last commit of /srv/repo", {"repo_path": "/srv/repo"}),
    ("fetch", "fetch https://a.example and https://b.example", {}),
    ("timer", "set a timer of 5 km", {}),
    ("delay", "delay it by 2 hours", {}),
    ("thermostat", "what if it were 70 °F", {}),
    ("thermostat", "what if it were 70", {}),
    ("document", "open document 42", {}),
    ("ticket", "show the ticket", {}),
    ("resize", "preview it in 800", {}),
    ("contact", "contacts", {}),
    ("optional", "what is on, 3 or so", {}),
    ("flights", "flights from Berlin to Lisbon, first thing tomorrow", {"origin": "Berlin", "destination": "Lisbon", "departure_date": "2026-03-03"}),
]  # fmt: skip


@pytest.mark.parametrize(("tool", "sentence", "expected"), TAKEN, ids=[f"{t}: {s}" for t, s, _ in TAKEN])
def test_a_sentence_gives_the_arguments_it_names(tool: str, sentence: str, expected: dict[str, Any]) -> None:
    found = heard(tool, sentence)
    assert said(found) == expected
    assert set(found.missing) == set(SCHEMAS[tool]["required"]) - set(expected)


@pytest.mark.parametrize(("tool", "sentence", "expected"), LEFT, ids=[f"{t}: {s}" for t, s, _ in LEFT])
def test_what_a_sentence_does_not_settle_is_left_and_asked_for(
    tool: str, sentence: str, expected: dict[str, Any]
) -> None:
    found = heard(tool, sentence)
    assert said(found) == expected
    assert set(found.missing) == set(SCHEMAS[tool]["required"]) - set(expected)
