"""The page: a front end of plain ES modules that calls `/v1` like any client. No build step, no foreign code.

`files.py` serves what lies in `assets/`, with its headers; `sign_in.py` says how one may sign in here, with what
`front.py` holds of a home. Reads nothing of a record: whatever is shown came through the public API with the bearer's
token. Imported by search_api.app only, but for `front.py`.
"""
