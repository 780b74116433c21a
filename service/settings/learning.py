"""When and how it learns from what people say, and what is kept of them."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Literal

from pydantic import Field, field_validator
from pydantic_settings import NoDecode

from service.settings.serving import MIB, ServingSettings, split

RedactKind = Literal["email", "phone", "card", "iban", "ip", "national_id"]


class LearningSettings(ServingSettings):
    """The part of the configuration that learning and keeping need, besides the rest."""

    # Learning from feedback
    learn: bool = Field(True, description="Train on a schedule from what people say; off: only when asked to.")
    learn_segments: Annotated[tuple[str, ...], NoDecode] = Field(
        (), description="Segments that get an adapter of their own once they have enough judgements; `*` is all."
    )
    learn_collections: Annotated[tuple[str, ...], NoDecode] = Field(
        (), description="Restricted collections, by id, whose readers' judgements train an adapter that only they get."
    )
    train_check_interval_s: float = Field(
        60.0, gt=0, description="Time between two looks whether there is enough new feedback for a cycle."
    )
    train_min_judgements: int = Field(200, ge=1, description="Judgements without which no cycle starts.")
    train_min_new: int = Field(100, ge=1, description="New judgements since the last cycle without which none starts.")
    train_min_interval_s: float = Field(600.0, ge=0, description="Shortest time between the starts of two cycles.")
    train_method: str = Field("auto", description="How a policy is trained: auto, or some of sft,kto,dpo,ppo.")
    train_options: Path | None = Field(None, description="TOML with the options of each stage of a cycle.")
    golden_set: Path | None = Field(None, description="Questions whose figures no new version may make worse.")
    train_threads: int = Field(1, ge=1, description="CPU threads of a training process.")
    catalog_here: bool = Field(
        True,
        description="The home's catalog is on a disk of this machine; off on a host that only trains: it takes the "
        "access lists from Redis.",
    )
    train_devices: Annotated[tuple[str, ...], NoDecode] = Field(
        (),
        description="Comma-separated GPUs for training, as CUDA_VISIBLE_DEVICES names them, one cycle each at a time; "
        "none: one cycle at a time, on what the machine has.",
    )
    train_memory_bytes: int = Field(
        8192 * MIB, ge=512 * MIB, description="Memory at which a training process is stopped."
    )
    train_lease_s: float = Field(30.0, gt=1, description="A cycle whose worker is silent for this long is taken over.")
    train_silence_s: float = Field(
        900.0, gt=1, description="A training process that shows no progress for this long is killed."
    )
    train_wall_s: float = Field(6 * 3600.0, gt=1, description="Longest run of a training process.")
    train_attempts: int = Field(3, ge=1, description="Times a cycle is tried before it is `failed`.")
    quarantine_hours: float = Field(
        0.0, ge=0, description="Age of a voter's first judgement before any of that voter's counts; 0 is none."
    )
    quarantine_agreements: int = Field(
        20,
        ge=0,
        description="Judgements shared with others that end this wait early where they agree; 0: none do.",
    )
    canary_share: float = Field(0.2, ge=0, le=1, description="Share of users whom a candidate on trial answers.")
    pair_share: float = Field(
        0.1, ge=0, le=1, description="Share of prompts answered twice where the client can show two answers."
    )
    trial_pair_share: float = Field(
        0.5, ge=0, le=1, description="The same while a candidate is on trial, of prompts on which it differs."
    )
    trial_shadow: Literal["auto", "on", "off"] = Field(
        "auto",
        description="Ask both versions during a trial, to know on which questions they differ; `auto`: where the "
        "policy answers in milliseconds.",
    )
    watch_interval_s: float = Field(30.0, gt=0, description="Time between two looks at a candidate on trial.")
    trial_min_judgements: int = Field(
        30, ge=1, description="Judgements of answers that differ without which no trial ends in a promotion."
    )
    trial_min_voters: int = Field(8, ge=1, description="People behind them.")
    trial_max_s: float = Field(
        7 * 86_400.0, gt=0, description="Longest trial; a candidate that nothing was decided about then goes back."
    )
    probation_s: float = Field(
        3 * 86_400.0, ge=0, description="Time in which a new champion goes back by itself when votes turn against it."
    )

    # What is kept of people
    consent_default: bool = Field(
        True, description="Whether what people say may be used for training as long as they did not say otherwise."
    )
    redact: Annotated[tuple[RedactKind, ...], NoDecode] = Field(
        ("email", "phone", "card", "iban", "ip"),
        description="Comma-separated kinds of personal data that training does not see: email, phone, card, iban, ip, "
        "national_id; `none` for nothing.",
    )
    redact_regions: Annotated[tuple[str, ...], NoDecode] = Field(
        ("US", "GB", "DE", "FR"),
        description="Countries whose phone numbers are known without their country code, such as US,GB.",
    )
    redact_passages: bool = Field(
        False, description="Also take out what the documents say; a hotline in a manual is then not learned either."
    )
    retention_days: float | None = Field(
        None, gt=0, description="Age at which answers and what was said about them are deleted; unset: never."
    )
    training_keep_days: float = Field(
        30.0, gt=0, description="Age at which the folder of a finished training job is deleted; its version stays."
    )
    retention_interval_s: float = Field(
        3600.0, gt=0, description="Time between two looks for what has outlived its time."
    )

    # Copies of the record outside Redis
    journal: bool = Field(
        True, description="Keep a copy of everything acknowledged in the home folder, to rebuild Redis from."
    )
    archive_after_days: float = Field(
        30.0, gt=0, description="Answers and judgements that nobody touched for this long move from Redis to Parquet."
    )
    archive_interval_s: float = Field(3600.0, gt=0, description="Time between two moves of what is old.")
    archive_url: str | None = Field(
        None, description="Where the Parquet goes, such as `s3://bucket/folder`; unset: `archive` in the home folder."
    )

    @field_validator("train_devices", "learn_segments", "learn_collections", mode="before")
    @classmethod
    def _split_names(cls, value: object) -> object:
        return split(value)

    @field_validator("redact", "redact_regions", mode="before")
    @classmethod
    def _split_or_none(cls, value: object) -> object:
        return () if value == "none" else split(value)

    @field_validator("redact_regions")
    @classmethod
    def _are_countries(cls, value: tuple[str, ...]) -> tuple[str, ...]:
        if any(len(code) != 2 or not (code.isascii() and code.isalpha() and code.isupper()) for code in value):
            raise ValueError("countries are two capital letters each, such as US,GB")
        return value
