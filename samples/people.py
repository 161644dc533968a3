"""The invented people: patients, practitioners, organizations, and who may see what.

Names, numbers and places are made up. RPPS numbers have 11 digits and FINESS numbers 9; an INS has its right key and
the assigner of test identities, except the two patients whose OID ends in .8, there to try the real one's path.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date

from access.identifiers import ins_key

TEST_OID = "1.2.250.1.213.1.4.10"
NIR_OID = "1.2.250.1.213.1.4.8"


@dataclass(frozen=True, slots=True)
class Person:
    """A patient's identity traits; `thirteen` is the INS without its key."""

    key: str
    thirteen: str
    family_name: str
    given_names: str
    birth_date: date
    sex: str  # "M" or "F"
    birth_place: str  # INSEE code of the commune
    address: str
    used_name: str = ""
    oid: str = TEST_OID

    @property
    def ins(self) -> str:
        """The 15-character INS matricule, key included."""
        return f"{self.thirteen}{ins_key(self.thirteen):02d}"

    @property
    def civility(self) -> str:
        """As a letter writes it; a child of under 15 years at the end of the stories has none."""
        return "" if self.birth_date.year > 2011 else "M." if self.sex == "M" else "Mme"


@dataclass(frozen=True, slots=True)
class Place:
    """An organization."""

    key: str
    finess: str
    name: str
    address: str


@dataclass(frozen=True, slots=True)
class Carer:
    """A practitioner; `place` is the key of the organization that pays for the letterhead."""

    key: str
    rpps: str
    name: str
    profession: str
    specialty: str
    place: str
    teams: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Right:
    """A grant. `categories` None means all; `patient` is a person's key."""

    patient: str
    kind: str
    to_kind: str
    to: str
    valid_from: date
    valid_until: date | None = None
    revoked_at: date | None = None
    categories: tuple[str, ...] | None = None


def _p(line: str, oid: str = TEST_OID) -> Person:
    key, thirteen, family, given, birth, sex, place, address, used = (part.strip() for part in line.split("|"))
    return Person(key, thirteen, family, given, date.fromisoformat(birth), sex, place, address, used, oid)


PATIENTS: dict[str, Person] = {
    p.key: p
    for p in (
        _p("moreau|1850375123456|MOREAU|Antoine|1985-03-14|M|75123|18 rue des Lilas, 69003 Lyon|", NIR_OID),
        _p(
            "lefevre|2411138185027|GARNIER|Madeleine Jeanne|1941-11-02|F|38185"
            "|4 place du Marché, 69100 Villeurbanne|LEFÈVRE"
        ),
        _p("roussel|1520642218114|ROUSSEL|Gérard|1952-06-21|M|42218|31 montée de la Butte, 69001 Lyon|"),
        _p("bernard|2680469387203|CHAUVIN|Nathalie|1968-04-09|F|69387|12 allée des Tilleuls, 69500 Bron|BERNARD"),
        _p("benali|1900913055318|BENALI|Karim|1990-09-27|M|13055|7 cours Gambetta, 69007 Lyon|"),
        _p("martineau|2960244109076|MARTINEAU|Chloé|1996-02-18|F|44109|25 rue du Repos, 69007 Lyon|"),
        _p("faure|1140769123041|FAURE|Louis|2014-07-05|M|69123|9 chemin des Mûriers, 69340 Francheville|"),
        _p(
            "casanova|247052A004063|CASANOVA|Marie-Dominique|1947-05-30|F|2A004|2 quai de la Pêcherie, 69001 Lyon|",
            NIR_OID,
        ),
        _p("dasilva|1581299139082|DA SILVA|Paulo|1958-12-11|M|99139|44 rue de la Soie, 69120 Vaulx-en-Velin|"),
        _p("diallo|2790899335117|DIALLO|Fatou|1979-08-23|F|99335|16 avenue des Frères, 69200 Vénissieux|"),
    )
}

PLACES: dict[str, Place] = {
    p.key: p
    for p in (
        Place("cabinet", "690010011", "Cabinet médical des Lilas", "20 rue des Lilas, 69003 Lyon"),
        Place("hopital", "690020029", "Centre hospitalier Saint-Aubin", "1 avenue de l'Hôpital, 69008 Lyon"),
        Place("clinique", "690030036", "Clinique du Parc Fleuri", "88 boulevard des Platanes, 69006 Lyon"),
        Place("labo", "690040043", "Laboratoire BioRhône Analyses", "5 place de l'Europe, 69003 Lyon"),
        Place("imagerie", "690050050", "Centre d'imagerie des Deux Rives", "14 quai des Brumes, 69002 Lyon"),
        Place("infirmiers", "690060067", "Cabinet infirmier de la Soie", "3 rue de la Soie, 69100 Villeurbanne"),
        Place("pharmacie", "690070074", "Pharmacie des Tilleuls", "2 allée des Tilleuls, 69500 Bron"),
        Place("anapath", "690080081", "Centre de pathologie Rhône-Sud", "60 rue des Verriers, 69007 Lyon"),
        Place("soins", "690090098", "SSR Les Alouettes", "Route des Crêtes, 69210 L'Arbresle"),
        Place("antibes", "060010016", "Clinique des Pins Bleus", "12 avenue des Pins, 06160 Antibes"),
        Place("cpam", "690100103", "Assurance maladie – espace personnel", "Service en ligne"),
    )
}

_CARERS = """
mt | 10001234567 | Dr Claire FONTAINE | médecin | Médecine générale | cabinet | msp-lilas
mt2 | 10001234575 | Dr Hugo PERRET | médecin | Médecine générale | cabinet | msp-lilas
urg | 10002345671 | Dr Samir HADDAD | médecin | Médecine d'urgence | hopital | urgences
urg2 | 10002345689 | Dr Élise VASSEUR | médecin | Médecine d'urgence | antibes |
pneumo | 10003456780 | Dr Bruno ARNAUD | médecin | Pneumologie | hopital | pneumologie
cardio | 10003456798 | Dr Isabelle KERMADEC | médecin | Cardiologie | hopital | cardiologie
diabeto | 10003456806 | Dr Anne TISSOT | médecin | Endocrinologie et diabétologie | hopital | diabetologie
neuro | 10003456814 | Dr Philippe OZANNE | médecin | Neurologie | hopital | neurologie
nephro | 10003456822 | Dr Léa MARCHETTI | médecin | Néphrologie | hopital | nephrologie
gastro | 10003456830 | Dr Yann LE BRIS | médecin | Hépato-gastro-entérologie | clinique | digestif
onco | 10003456848 | Dr Sophie DELMAS | médecin | Oncologie médicale | hopital | oncologie
chir | 10003456855 | Dr Marc VAILLANT | médecin | Chirurgie orthopédique | clinique | orthopedie
visc | 10003456863 | Dr Olivier SABATIER | médecin | Chirurgie viscérale | hopital | chirurgie
gyneco | 10003456871 | Dr Hélène ROQUES | médecin | Gynécologie-obstétrique | hopital | maternite
anesth | 10003456889 | Dr Thomas BRUNEL | médecin | Anesthésie-réanimation | hopital | bloc
allergo | 10003456897 | Dr Inès CORDIER | médecin | Allergologie | hopital | pneumologie
radio | 10003456905 | Dr Paul MERCADIER | médecin | Radiologie | imagerie |
bio | 10003456913 | Dr Lucie GRANGER | pharmacien | Biologie médicale | labo |
path | 10003456921 | Dr Edgar WEISS | médecin | Anatomie pathologique | anapath |
ophtalmo | 10003456939 | Dr Jeanne QUENTIN | médecin | Ophtalmologie | clinique |
pediatre | 10003456947 | Dr Agnès MOULIN | médecin | Pédiatrie | hopital | pediatrie
geriatre | 10003456954 | Dr Rémi CASTELAIN | médecin | Gériatrie | soins | ssr
psy | 10003456962 | Dr Nora LINDEN | médecin | Psychiatrie | clinique |
uro | 10003456970 | Dr Alain BORDES | médecin | Urologie | clinique |
rhumato | 10003456988 | Dr Cécile FABRE | médecin | Rhumatologie | clinique |
hemato | 10003456996 | Dr Aïcha BARRY | médecin | Hématologie | hopital | hematologie
genet | 10003457002 | Dr Victor ALBIN | médecin | Génétique médicale | hopital |
ide | 10004567892 | Mme Sandrine POULAIN | infirmier | Infirmier | infirmiers | domicile
ide2 | 10004567900 | M. Julien TAVERNIER | infirmier | Infirmier | infirmiers | domicile
kine | 10004567918 | Mme Laure BESNARD | masseur-kinésithérapeute | Kinésithérapie | cabinet | msp-lilas
sf | 10004567926 | Mme Camille JOUVE | sage-femme | Sage-femme | hopital | maternite
pharma | 10004567934 | Mme Odile RAMBERT | pharmacien | Pharmacie d'officine | pharmacie |
orl | 10003457010 | Dr Fabien LACOSTE | médecin | ORL | clinique |
stranger | 10009876543 | Dr Denis ROCHEFORT | médecin | Dermatologie | antibes |
cpam | | Assurance maladie | | | cpam |
"""


def _carer(line: str) -> Carer:
    key, rpps, name, profession, specialty, place, teams = (part.strip() for part in line.split("|"))
    return Carer(key, rpps, name, profession, specialty, place, tuple(teams.split()))


CARERS: dict[str, Carer] = {c.key: c for c in map(_carer, _CARERS.strip().splitlines())}

EMERGENCY_CATEGORIES = ("report", "biology", "imaging", "treatment")


def rights() -> list[Right]:
    """The grants: the médecin traitant for all patients, the hospital's emergency, and some that no longer hold."""
    found = [Right(key, "medecin_traitant", "practitioner", CARERS["mt"].rpps, date(2016, 1, 4)) for key in PATIENTS]
    found += [
        Right(
            key, "consent", "organization", PLACES["hopital"].finess, date(2024, 1, 1), categories=EMERGENCY_CATEGORIES
        )
        for key in ("moreau", "lefevre", "roussel", "dasilva", "diallo")
    ]
    found += [
        Right("moreau", "consent", "practitioner", CARERS["chir"].rpps, date(2018, 11, 1), date(2019, 11, 1)),
        Right("moreau", "consent", "practitioner", CARERS["psy"].rpps, date(2023, 3, 1), None, date(2023, 9, 15)),
        Right(
            "lefevre", "consent", "team", "domicile", date(2018, 6, 1), None, None, ("report", "treatment", "biology")
        ),
        Right("lefevre", "consent", "practitioner", CARERS["cardio"].rpps, date(2016, 3, 1)),
        Right("roussel", "consent", "practitioner", CARERS["diabeto"].rpps, date(2016, 2, 1)),
        Right("roussel", "consent", "practitioner", CARERS["ophtalmo"].rpps, date(2017, 1, 1), date(2018, 1, 1)),
        Right("bernard", "consent", "team", "oncologie", date(2020, 5, 1)),
        Right("benali", "consent", "practitioner", CARERS["gastro"].rpps, date(2016, 9, 1)),
        Right("martineau", "consent", "team", "maternite", date(2022, 10, 1), date(2023, 12, 31)),
        Right("faure", "consent", "practitioner", CARERS["pediatre"].rpps, date(2016, 1, 4)),
        Right("casanova", "consent", "practitioner", CARERS["neuro"].rpps, date(2019, 5, 1)),
        Right("diallo", "consent", "practitioner", CARERS["hemato"].rpps, date(2016, 1, 4)),
    ]
    return found
