"""What a document's confidentiality code asks for: from whom it is kept as soon as it arrives.

    MASQUE_PS                                            masked from professionals
    INVISIBLE_PATIENT                                    hidden from the patient until announced
    INVISIBLE_REPRESENTANTS_LEGAUX, INVISIBLE_REP_LEGAUX  hidden from legal representatives
    CONNEXION_SECRETE                                    the minor's secret: hidden from legal representatives
    R, V (HL7 v3 Confidentiality)                        masked from professionals, unless the policy says otherwise

The first four are the DMP's (CI-SIS, JDV of confidentialityCode and the OBX of system MetaDMPMSS). Whether "restricted"
and "very restricted" mask is left in doubt by the sources: decision 041.
"""

from __future__ import annotations

from dataclasses import dataclass

_MASKED = frozenset({"MASQUE_PS"})
_RESTRICTED = frozenset({"R", "V"})
_FROM_PATIENT = frozenset({"INVISIBLE_PATIENT"})
_FROM_REPRESENTATIVES = frozenset({"INVISIBLE_REPRESENTANTS_LEGAUX", "INVISIBLE_REP_LEGAUX", "CONNEXION_SECRETE"})


@dataclass(frozen=True, slots=True)
class Asked:
    """From whom the document asks to be kept."""

    masked: bool
    hidden_from_patient: bool
    hidden_from_representatives: bool

    def beyond(self, before: Asked) -> Asked:
        """What is asked here and was not before."""
        return Asked(
            self.masked and not before.masked,
            self.hidden_from_patient and not before.hidden_from_patient,
            self.hidden_from_representatives and not before.hidden_from_representatives,
        )


def asked_by(confidentiality: str, *, restricted_masks: bool = True) -> Asked:
    """What codes separated by spaces ask for together. `restricted_masks`: the setting of `access.policy`."""
    codes = frozenset(confidentiality.upper().split())
    masking = _MASKED | _RESTRICTED if restricted_masks else _MASKED
    return Asked(bool(codes & masking), bool(codes & _FROM_PATIENT), bool(codes & _FROM_REPRESENTATIVES))
