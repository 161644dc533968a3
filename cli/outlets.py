"""What a home's settings say of its rules and of where it speaks outside: anchors, mails, events."""

from __future__ import annotations

from datetime import timedelta

from access.policy import Policy
from cli.settings import Settings
from records.anchors import Shore
from records.database import Records
from records.policy import load_policy
from search_api.egress import Egress, networks
from search_api.notifier import MailServer
from search_api.webhooks import Teller


def shore(settings: Settings) -> Shore | None:
    """Where the journal's anchors go, or None."""
    if settings.anchor_file is None and settings.anchor_url is None:
        return None
    return Shore(settings.anchor_file, settings.anchor_url)


def policy_of(settings: Settings) -> Policy:
    """The rules of access, with what this home sets of them."""
    return load_policy(
        patient_release=timedelta(days=settings.patient_release_days),
        attested_longest=timedelta(hours=settings.attested_hours),
        break_glass_for=timedelta(minutes=settings.break_glass_minutes),
        break_glass_longest=timedelta(hours=settings.break_glass_longest_hours),
        break_glass_opens_masked=settings.break_glass_opens_masked,
        break_glass_ignores_blocks=settings.break_glass_ignores_blocks,
        restricted_masks=settings.restricted_masks,
        sees_unlisted_types=settings.sees_unlisted_types,
    )


def teller(settings: Settings, records: Records) -> Teller:
    """What tells hospital systems what happened."""
    egress = Egress(networks(settings.webhook_networks), settings.webhook_plain, settings.webhook_authorities)
    return Teller(records, policy_of(settings), egress)


def mail_server(settings: Settings) -> MailServer | None:
    """Where notifications are sent from, or None when they wait."""
    if settings.smtp_host is None:
        return None
    password = settings.smtp_password.get_secret_value() if settings.smtp_password is not None else ""
    return MailServer(
        host=settings.smtp_host,
        port=settings.smtp_port,
        sender=settings.mail_from,
        starttls=settings.smtp_starttls,
        user=settings.smtp_user or "",
        password=password,
    )
