"""One child process for each document: hostile bytes are opened there, and nowhere else.

Bytes and limits go in, pages come out one at a time, or a Refusal. `client.Sandbox` is the door; the rest runs on the
other side of it. Imported by the recipe and by the API's page pictures.

    worker, API, command            the client: sends bytes in memory, watches, bounds what it accepts
      └ fork server                 python -m ingest.sandbox.server: parsers loaded, no key, no database, no embedder
          └ one child a document    confined, then parses; Tesseract is its child; all die together
"""
