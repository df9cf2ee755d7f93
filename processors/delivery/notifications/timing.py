"""When a notification is sent: not in quiet hours, gathered where that is wanted; pure."""

from __future__ import annotations

from datetime import UTC, datetime, time, timedelta, tzinfo
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from runfold.events.definitions.delivery.subscriber import About, Quiet, Subscriber


def due_at(person: Subscriber, about: About, now: datetime) -> datetime:
    """Return when a subscriber is to hear of something that is known now."""
    if about in person.urgent:
        return now
    zone = zone_of(person.time_zone)
    due = _gathered(person, now, zone)
    return after_quiet(person.quiet, due, zone) if person.quiet is not None else due


def zone_of(name: str) -> tzinfo:
    """Return a time zone by its name, UTC where this machine does not know it."""
    try:
        return ZoneInfo(name)
    except (ValueError, OSError, ZoneInfoNotFoundError):
        return UTC


def after_quiet(quiet: Quiet, at: datetime, zone: tzinfo) -> datetime:
    """Return a moment, or the end of the quiet hours that it lies in."""
    local = at.astimezone(zone)
    begins, ends = _clock(quiet.begins), _clock(quiet.ends)
    clock = local.time()
    over_midnight = begins > ends
    after, before = clock >= begins, clock < ends
    is_quiet = (after or before) if over_midnight else (after and before)
    if not is_quiet:
        return at
    day = local.date()
    if over_midnight and after:
        day += timedelta(days=1)
    return datetime.combine(day, ends, zone).astimezone(UTC)


def _gathered(person: Subscriber, now: datetime, zone: tzinfo) -> datetime:
    if person.gather is None:
        return now
    if person.gather.every == "hour":
        return now.replace(minute=0, second=0, microsecond=0) + timedelta(hours=1)
    local = now.astimezone(zone)
    at = _clock(person.gather.at)
    day = local.date() if local.time() < at else local.date() + timedelta(days=1)
    return datetime.combine(day, at, zone).astimezone(UTC)


def _clock(text: str) -> time:
    hours, _, minutes = text.partition(":")
    return time(int(hours), int(minutes))
