"""The settings of a home, read once by a composition root from `ANAMNESE_*` variables."""

from __future__ import annotations

from pathlib import Path
from typing import Literal, Self

from pydantic import Field, SecretStr, ValidationError, model_validator
from pydantic_settings import BaseSettings, SettingsConfigDict

from access.refusal import Refusal
from records.postgres import Server
from records.shelf import Place
from search_api.egress import networks
from search_api.functions import Function
from search_api.oidc.config import IssuerSettings


class Settings(BaseSettings):
    """Every setting of the service. `anamnese config` prints the effective ones, secrets masked."""

    model_config = SettingsConfigDict(env_prefix="ANAMNESE_", frozen=True, extra="forbid")

    home: Path = Field(Path(".home"), description="Data directory: records, keys, blobs, index, caches.")
    profile: Literal["single", "cluster"] = Field(
        "single",
        description="single: one machine, everything embedded. cluster: OpenSearch, Celery on Redis, PostgreSQL.",
    )
    master_key_file: Path | None = Field(
        None, description="File of the 32-byte master key (later versions beside it); under the home when not given."
    )
    kms_url: SecretStr | None = Field(
        None, description="Master key in a service instead: address of a transit engine (Vault, OpenBao)."
    )
    kms_key: str = Field("anamnese", min_length=1, description="Name of the master key in that service.")
    kms_token_file: Path | None = Field(None, description="File of the token for that service, read at each call.")
    keys_dir: Path | None = Field(
        None, description="Folder of the wrapped keys, on another disk if wished; under the home when not given."
    )
    erasure_ledger: Path | None = Field(
        None, description="File that names erased patients, to outlive the home; beside the wrapped keys otherwise."
    )
    opensearch_url: SecretStr | None = Field(
        None, description="Cluster profile: address of OpenSearch; several nodes between commas."
    )
    redis_url: SecretStr | None = Field(None, description="Cluster profile: address of Redis.")
    records_url: str | None = Field(
        None, description="Cluster profile: records on PostgreSQL, postgresql://account@server/database; no password."
    )
    records_password_file: Path | None = Field(None, description="File of that account's password, read when needed.")
    blobs_url: str | None = Field(
        None, description="Cluster profile: files in a bucket instead of the home, s3://bucket/prefix."
    )
    blobs_endpoint: str | None = Field(None, description="Address of its object store; Amazon's own when not given.")
    blobs_region: str = Field("us-east-1", description="Its region; what stores other than Amazon's expect is this.")
    blobs_authorities: Path | None = Field(None, description="Authorities (PEM) that sign its certificate.")
    index_prefix: str = Field("anamnese", description="First part of the names of index generations.")
    embedder: Literal["onnx", "sentence-transformers", "none"] = Field("onnx", description="Embedding backend.")
    embedder_model: str | None = Field(
        None, description="Model id or directory (sentence-transformers), or a weights file (onnx)."
    )
    ocr: Literal["ppocr", "tesseract", "none"] = Field("ppocr", description="OCR engine.")
    upload_limit: int = Field(200 * 1024 * 1024, gt=0, description="Largest upload, in bytes.")
    bulk_limit: int = Field(
        2 * 1024**3, gt=0, description="Largest file to import over HTTP, and what an archive expands to, in bytes."
    )
    reserve: int = Field(
        32 * 1024 * 1024, ge=0, description="Disk space kept for the journal when the disk is full, in bytes; 0: none."
    )
    log_format: Literal["line", "json"] = Field("line", description="Log lines for people, or one JSON object each.")
    worker_metrics_port: int = Field(
        0, ge=0, le=65535, description="Port on which a worker answers /metrics; 0: none. `serve` has its own."
    )
    host: str = Field("127.0.0.1", description="Address that `serve` listens on.")
    port: int = Field(8080, ge=0, le=65535, description="Port that `serve` listens on.")
    threads: int = Field(16, gt=0, le=256, description="Requests answered at the same time.")
    idle_minutes: int = Field(10, ge=1, le=240, description="The page asks who is there after so long without a key.")
    token_issuer: str = Field("anamnese-dev", description="Issuer of development tokens.")
    development_profession: str = Field(
        "médecin généraliste",
        description="What `--as` says of an RPPS that no directory knows; empty: nothing, and they see nothing.",
    )
    oidc: tuple[IssuerSettings, ...] = Field(
        (), description="OpenID Connect issuers (JSON list); with one, development tokens and `--as` are refused."
    )
    fresh_minutes: int = Field(
        15, ge=1, le=24 * 60, description="How recently one authenticated, for acts that cannot be taken back."
    )
    patient_release_days: int = Field(31, ge=1, le=366, description="A hidden document shows to its patient after it.")
    attested_hours: int = Field(24, ge=1, le=24 * 31, description="Longest consent attested for a present patient.")
    break_glass_minutes: int = Field(
        60, ge=5, le=24 * 60, description="Length of an emergency access, and of a renewal."
    )
    break_glass_longest_hours: int = Field(6, ge=1, le=72, description="Longest emergency access with its renewals.")
    break_glass_opens_masked: bool = Field(False, description="An emergency access shows masked documents.")
    break_glass_ignores_blocks: bool = Field(False, description="An emergency access opens to a blocked professional.")
    restricted_masks: bool = Field(True, description="Documents of HL7 confidentiality R or V arrive masked.")
    sees_unlisted_types: bool = Field(False, description="Types that the matrix does not list show to physicians.")
    off: frozenset[Function] = Field(frozenset(), description="Functions switched off (JSON list; docs/compliance.md).")
    requests_a_minute: int = Field(600, ge=0, description="Requests one caller may make a minute; 0: no limit.")
    lookups_a_minute: int = Field(30, ge=0, description="Identities one caller may look up a minute; 0: no limit.")
    bad_tokens: int = Field(
        100, ge=0, description="Refused tokens from one address in 5 minutes before 429; 0: no limit."
    )
    refusal_milliseconds: int = Field(
        50, ge=0, le=1000, description="Refusals leave at whole multiples of it, so that their time tells nothing."
    )
    knocks_an_hour: int = Field(10, ge=1, le=1000, description="Emergency and attested accesses one may ask an hour.")
    anchor_file: Path | None = Field(
        None, description="File, out of the database's keepers' reach, that anchors go to."
    )
    anchor_url: str | None = Field(None, description="Address, on another machine, that anchors are posted to.")
    anchor_minutes: int = Field(60, ge=1, le=24 * 60, description="How often `serve` sends one.")
    journal_years: int = Field(10, ge=10, le=100, description="The journal is kept that long after a record's closure.")
    smtp_host: str | None = Field(None, description="Mail server for notifications; without one they wait.")
    smtp_port: int = Field(587, ge=1, le=65535, description="Its port.")
    smtp_starttls: bool = Field(True, description="Encrypt the connection to it, its certificate verified.")
    smtp_user: str | None = Field(None, description="Account there.")
    smtp_password: SecretStr | None = Field(None, description="Its password.")
    mail_from: str = Field("anamnese@localhost", description="Sender of notifications.")

    webhook_networks: list[str] = Field(
        [], description='Networks beyond the public Internet that events may be sent to, as JSON: ["10.1.0.0/16"].'
    )
    webhook_authorities: Path | None = Field(
        None, description="Authorities (PEM) that sign receivers' certificates, besides those of the machine."
    )
    webhook_plain: bool = Field(False, description="Events may leave by http: for development.")

    event_days: int = Field(
        90,
        ge=7,
        le=3650,
        description="Jours après lesquels un événement livré est oublié ; ce qui attend est gardé.",
    )
    event_dead_days: int = Field(
        365,
        ge=30,
        le=3650,
        description="Jours après lesquels un événement abandonné est oublié ; pas un retrait resté dû.",
    )

    mllp_senders: dict[str, str] = Field(
        {}, description='HL7 senders that may deposit, as JSON: {"MSH-4": "FINESS", "MSH-4|MSH-3": "FINESS"}.'
    )
    mllp_peers: list[str] = Field([], description="Addresses or networks that may connect by MLLP, as JSON; all if [].")
    mllp_limit: int = Field(32 * 1024 * 1024, gt=0, description="Largest HL7 message by MLLP, in bytes.")
    mllp_seconds: float = Field(60.0, gt=0, description="Longest time from a message's first byte to its last.")
    mllp_idle: float = Field(600.0, gt=0, description="Seconds after which a silent connection is closed.")
    mllp_connections: int = Field(16, ge=1, le=256, description="MLLP connections at a time.")
    mllp_certificate: Path | None = Field(None, description="Certificate (PEM): MLLP over TLS.")
    mllp_key: Path | None = Field(None, description="Its private key (PEM).")
    mllp_authorities: Path | None = Field(None, description="Authorities (PEM) that must have signed senders' own.")

    mailbox_host: str | None = Field(None, description="IMAP server of the mailbox that `mailbox` takes mails from.")
    mailbox_port: int = Field(993, ge=1, le=65535, description="Its port.")
    mailbox_security: Literal["tls", "starttls", "none"] = Field(
        "tls", description="How the connection to it is encrypted; none: on this machine only."
    )
    mailbox_authorities: Path | None = Field(None, description="Authorities (PEM) that sign its certificate.")
    mailbox_user: str | None = Field(None, description="Account there.")
    mailbox_password_file: Path | None = Field(None, description="File that holds its password.")
    mailbox_inbox: str = Field("INBOX", description="Folder that mails are taken from.")
    mailbox_done: str = Field("Anamnese.Recus", description="Folder for mails that were taken.")
    mailbox_refused: str = Field("Anamnese.Refuses", description="Folder for mails that were refused, with a note.")
    mailbox_organisation: str = Field("", description="FINESS of the establishment that the mailbox is.")
    mailbox_poll: float = Field(60.0, ge=1, description="Seconds between two looks.")

    @model_validator(mode="after")
    def _one_profile_and_no_mix(self) -> Self:
        cluster = {
            "opensearch_url": self.opensearch_url,
            "redis_url": self.redis_url,
            "records_url": self.records_url,
        }
        if self.profile == "cluster" and (missing := [name for name, value in cluster.items() if value is None]):
            raise ValueError("profile cluster needs " + ", ".join(f"ANAMNESE_{name.upper()}" for name in missing))
        if self.profile == "single" and (extra := [name for name, value in cluster.items() if value is not None]):
            raise ValueError("profile single does not take " + ", ".join(f"ANAMNESE_{name.upper()}" for name in extra))
        if self.profile == "single" and self.blobs_url is not None:
            raise ValueError("profile single does not take ANAMNESE_BLOBS_URL")
        if self.blobs_url is None and self.blobs_endpoint is not None:
            raise ValueError("ANAMNESE_BLOBS_ENDPOINT needs ANAMNESE_BLOBS_URL")
        if self.blobs_place is not None:
            self.blobs_place.parts()
        if self.records_url is not None:
            Server(self.records_url).address()
        if self.records_password_file is not None and self.records_url is None:
            raise ValueError("ANAMNESE_RECORDS_PASSWORD_FILE needs ANAMNESE_RECORDS_URL")
        networks(self.webhook_networks)
        return self

    @model_validator(mode="after")
    def _nobody_is_made_up_beside_an_issuer(self) -> Self:
        if self.oidc and self.development_profession and "development_profession" in self.model_fields_set:
            raise ValueError("ANAMNESE_DEVELOPMENT_PROFESSION is for development tokens, and ANAMNESE_OIDC is set")
        if len({each.issuer for each in self.oidc}) != len(self.oidc):
            raise ValueError("an issuer of ANAMNESE_OIDC is named twice")
        return self

    @property
    def blobs_place(self) -> Place | None:
        """The bucket that holds the files; None: a folder of the home does."""
        if self.blobs_url is None:
            return None
        return Place(self.blobs_url, self.blobs_endpoint, self.blobs_region, self.blobs_authorities)

    @property
    def unregistered_profession(self) -> str:
        """Of an RPPS that no directory knows: none as soon as an issuer is configured."""
        return "" if self.oidc else self.development_profession


def load_settings(**overrides: object) -> Settings:
    """Settings from the environment and `overrides`; a Refusal (stage "start") that names what is wrong."""
    try:
        return Settings(**{name: value for name, value in overrides.items() if value is not None})  # type: ignore[arg-type]
    except ValidationError as error:
        text = "; ".join(f"{'.'.join(map(str, r['loc'])) or 'profile'}: {r['msg']}" for r in error.errors())
        raise Refusal(
            "start", "bad-settings", f"Réglage refusé : {text}.", "Corrigez les variables ANAMNESE_*."
        ) from None
