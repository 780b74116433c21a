"""What a process serves and how: where things are, Redis, search, the policy, chat, uploads, limits, logs."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Literal, Self

from pydantic import AliasChoices, Field, SecretStr, field_validator, model_validator
from pydantic_settings import BaseSettings, NoDecode, SettingsConfigDict

from service.redis.address import parse_address

MIB = 1024 * 1024
PREFIX = "GROUNDLOOP_"


def split(value: object) -> object:
    """Read a list that is written with commas; anything else stays as it is."""
    return tuple(part.strip() for part in value.split(",") if part.strip()) if isinstance(value, str) else value


class ServingSettings(BaseSettings):
    """The part of the configuration that answering and ingesting need."""

    model_config = SettingsConfigDict(
        env_prefix=PREFIX,
        env_file=".env",
        extra="ignore",
        frozen=True,
        populate_by_name=True,
        env_ignore_empty=True,
        hide_input_in_errors=True,  # a URL that cannot be read may hold a password
    )

    # Where things are
    home: Path = Field(
        Path(".groundloop"), description="Folder that holds everything kept: documents, indexes, keys, Redis data."
    )
    host: str = Field(
        "127.0.0.1", description="Address the API listens on; loopback unless you put a TLS proxy in front."
    )
    port: int = Field(8000, ge=0, le=65535, description="Port the API listens on.")
    api_processes: int = Field(
        1, ge=1, le=64, description="API processes; they share the indexes through the page cache."
    )
    cors_origins: Annotated[tuple[str, ...], NoDecode] = Field(
        (), description="Comma-separated origins whose web pages may call the API; none by default."
    )

    session_days: float = Field(
        30.0, gt=0, le=3650, description="Time after which a browser that signed in must sign in again."
    )

    # Redis, the record of answers and feedback
    redis_url: SecretStr | None = Field(
        None,
        validation_alias=AliasChoices("GROUNDLOOP_REDIS_URL", "REDIS_URL"),
        description="A Redis of yours (also `REDIS_URL`): `redis://...`, or "
        "`redis+sentinel://host1:26379,host2:26379/master/0`; unset: the one that `groundloop up` runs for this home.",
    )
    redis_unsafe_ok: bool = Field(
        False,
        description="Warn instead of refusing to serve on a Redis that could lose votes (no AOF, eviction, too old).",
    )
    redis_min_replicas: int = Field(
        0,
        ge=0,
        le=10,
        description="Replicas that must hold an answer or a judgement before it is acknowledged; 0 asks for none.",
    )
    redis_timeout_s: float = Field(
        1.0, gt=0, le=30, description="Longest wait for one Redis command; a stalled Redis then counts as down."
    )

    # Embedding and search
    embedding_model: str = Field(
        "all-MiniLM-L6-v2", description="Embedding model of new collections: a sentence-transformers name or path."
    )
    embedding_dtype: Literal["auto", "fp32", "bf16", "openvino"] = Field(
        "auto", description="What runs the encoder; `auto` takes what is fastest on this machine."
    )
    encoder_cache: Path | None = Field(
        None, description="Folder of encoders converted for OpenVINO; unset: `cache/encoders` in the home folder."
    )
    embed_threads: int | None = Field(
        None, ge=1, description="CPU threads of the encoder; unset: as many as the machine has cores."
    )
    index: Literal["local", "milvus"] = Field(
        "local", description="What holds the published indexes: FAISS and tantivy files in the home folder, or Milvus."
    )
    milvus_uri: str | None = Field(None, description="Milvus server, for example `http://milvus:19530`.")
    milvus_token: SecretStr | None = Field(None, description="`user:password` or the API key of that server.")
    milvus_prefix: str = Field(
        "groundloop",
        pattern=r"^[A-Za-z][A-Za-z0-9_]{0,39}$",
        description="Begins the names of our Milvus collections; one for each home that shares a server.",
    )
    milvus_timeout_s: float = Field(10.0, gt=0, description="Longest wait for one answer of Milvus.")
    passages_shown: int = Field(8, ge=1, le=50, description="Passages that the policy sees for one question.")

    # The policy that answers
    policy: Literal["extractive", "causal", "remote"] = Field(
        "extractive",
        description="Which policy answers: the embedded one, a Hugging Face causal LM, or an OpenAI-compatible server.",
    )
    extractive_start: Literal["shipped", "similarity"] = Field(
        "shipped",
        description="What the extractive policy starts from: the weights that ship, or plain similarity, which never "
        "says that the documents do not hold the answer. Versions learned from one do not fit the other.",
    )
    max_answer_sentences: int = Field(3, ge=1, le=10, description="Longest answer of the extractive policy.")
    abstain_threshold: float | None = Field(
        None,
        gt=0,
        lt=1,
        description="How sure the extractive policy must be that the documents do not say, to say so; "
        "lower abstains more. Unset: 0.5, which was measured best.",
    )
    causal_model: str = Field("Qwen/Qwen2.5-1.5B-Instruct", description="Causal LM, by Hugging Face name or path.")
    causal_adapter: Path | None = Field(None, description="LoRA adapter folder loaded on top of the causal LM.")
    causal_dtype: Literal["auto", "float32", "bfloat16", "float16"] = Field(
        "auto", description="Arithmetic of the causal LM."
    )
    device: str = Field("auto", description="Where models run: `auto`, `cpu`, `cuda`, `cuda:1`.")
    remote_base_url: str | None = Field(None, description="OpenAI-compatible server, with its `/v1`.")
    remote_api_key: SecretStr | None = Field(None, description="Key for that server.")
    remote_model: str | None = Field(None, description="Model name on that server.")
    remote_timeout_s: float = Field(60.0, gt=0, description="Longest wait for that server to go on with an answer.")

    remote_lora: bool = Field(
        False, description="Have that server (vLLM) load the adapters trained here for its model, and answer with them."
    )
    remote_lora_root: Path | None = Field(
        None, description="The home's `registry` folder as that server sees it; unset: at the same path."
    )

    # Which version answers
    version_poll_s: float = Field(
        1.0, gt=0, description="Time between two looks at which version serves, behind what Redis announces."
    )
    pinned_versions: int = Field(
        2, ge=0, description="Versions kept in memory because somebody pinned them, besides those that serve."
    )
    best_of: int = Field(
        1,
        ge=1,
        le=8,
        description="Answers drawn of which the reward model chooses the one that is given; 1: no choice.",
    )

    # Chat
    chat_max_running: int = Field(8, ge=1, description="Answers in the making at once, per API process.")
    chat_max_waiting: int = Field(64, ge=0, description="Questions that may wait for their turn; one more gets 503.")
    chat_max_waiting_per_key: int = Field(
        16, ge=0, description="Questions of one key that may wait; one more gets 429."
    )
    chat_max_wait_s: float = Field(10.0, gt=0, description="Longest wait for a turn; then 503.")
    chat_max_tokens: int = Field(512, ge=1, description="Longest answer in tokens where the request does not say.")
    heartbeat_s: float = Field(
        15.0, gt=0, description="Silence after which an open stream gets a comment line, so that proxies keep it."
    )

    # Uploads and ingestion
    max_upload_bytes: int = Field(
        100 * MIB, ge=1, description="Largest file that may be uploaded; larger ones get 413."
    )
    max_body_bytes: int = Field(4 * MIB, ge=1024, description="Largest body of every other request.")
    max_pages: int = Field(5000, ge=1, description="Longest document, in pages, slides or sheets.")
    parse_memory_bytes: int = Field(1024 * MIB, ge=64 * MIB, description="Memory that the parser process may take.")
    parse_cpu_s: int = Field(60, ge=1, description="CPU time that parsing one document may take.")
    parse_wall_s: float = Field(120.0, gt=0, description="Time that parsing one document may take.")
    ingest_processes: int = Field(1, ge=1, description="Ingest processes of a worker.")
    ingest_lease_s: float = Field(
        60.0, gt=1, description="A document whose worker is silent for this long is given to another."
    )
    ingest_attempts: int = Field(3, ge=1, description="Times a document is tried before it is `failed`.")
    ingest_linger_s: float = Field(
        60.0,
        ge=0,
        description="Idle time after which an ingest process gives its memory back; until then uploads start at once.",
    )
    ingest_silence_s: float = Field(
        300.0, gt=1, description="An ingest process that shows no progress for this long is killed."
    )
    sweep_interval_s: float = Field(
        10.0, gt=0, description="Time between two looks for documents that were left behind."
    )

    # Limits per key; a key may carry its own
    requests_per_minute: int = Field(
        1200, ge=0, description="Requests of one key per minute and API process; 0 is no limit."
    )
    votes_per_minute: int = Field(60, ge=0, description="Votes of one voter per minute; 0 is no limit.")

    # Starting, stopping, telling
    drain_s: float = Field(
        1.0, ge=0, description="Time between `/readyz` turning 503 and the server closing, for balancers to notice."
    )
    graceful_shutdown_s: int = Field(
        20, ge=0, description="Time that open requests and streams get to finish at shutdown."
    )
    log_level: Literal["debug", "info", "warning", "error"] = Field(
        "info", description="Least severe message that is logged."
    )
    log_format: Literal["auto", "json", "human"] = Field(
        "auto", description="`auto` is human on a terminal and JSON elsewhere."
    )

    @field_validator("cors_origins", mode="before")
    @classmethod
    def _split(cls, value: object) -> object:
        return split(value)

    @field_validator("redis_url")
    @classmethod
    def _names_a_redis(cls, value: SecretStr | None) -> SecretStr | None:
        if value is not None:
            parse_address(value.get_secret_value())
        return value

    @field_validator("home")
    @classmethod
    def _absolute(cls, value: Path) -> Path:
        return value.expanduser().absolute()  # a later chdir must not move the data

    @model_validator(mode="after")
    def _remote_is_whole(self) -> Self:
        if self.policy == "remote" and not (self.remote_base_url and self.remote_model):
            raise ValueError("policy `remote` needs GROUNDLOOP_REMOTE_BASE_URL and GROUNDLOOP_REMOTE_MODEL")
        if self.remote_lora and self.policy != "remote":
            raise ValueError("GROUNDLOOP_REMOTE_LORA needs GROUNDLOOP_POLICY=remote")
        return self

    @model_validator(mode="after")
    def _milvus_is_a_server(self) -> Self:
        if self.index == "milvus" and not (self.milvus_uri or "").startswith(("http://", "https://")):
            raise ValueError(
                "index `milvus` needs GROUNDLOOP_MILVUS_URI with the address of a server, as in http://host:19530; a "
                "file of milvus-lite will not do, because one process alone can open it and there are at least two"
            )
        return self
