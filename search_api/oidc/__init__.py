"""Who speaks, when an OpenID Connect provider says so: discovery, keys, tokens, claims, and what a system asserts.

provider.py    discovery and keys of one issuer, cached, renewed, and not to be flooded
claims.py      verified claims become a Bearer: Pro Santé Connect, or claim names by settings
verify.py      the issuer of a token is found, then signature, algorithm, issuer, audience and times are verified
assertion.py   a system with a token of its own says, once, for which practitioner it asks
code_flow.py   how the page signs people in
ehr.py         whom the software that launched the page has in view
config.py      the settings of all this
"""
