#!/usr/bin/python3
"""A chat program: HOST:PORT ADDRESS PASSWORD AUTHORITY COUNT. Prints who wrote, and what, until COUNT messages have come.

It waits for at most 30 s.
"""

import asyncio
import sys

import slixmpp

where, address, password, authority, count = sys.argv[1:]
host, port = where.split(":")


class Reader(slixmpp.ClientXMPP):
    def __init__(self):
        super().__init__(address, password)
        self.ca_certs = authority
        self.left = int(count)
        self.done = asyncio.Event()
        self.add_event_handler("session_start", lambda _: self.send_presence())
        self.add_event_handler("message", self.came)

    def came(self, message):
        print(message["from"].bare, message["body"], sep="\n", flush=True)
        self.left -= 1
        if self.left == 0:
            self.done.set()


async def read(reader):
    await asyncio.wait_for(reader.done.wait(), 30)
    await reader.disconnect()


reader = Reader()
reader.connect((host, int(port)))
try:
    reader.loop.run_until_complete(read(reader))
except asyncio.TimeoutError:
    sys.exit("nothing came in time")
