#!/usr/bin/env python3
"""Looks at mails in a maildir, as a mail program would.

find FOLDER TEXT   prints the file of the mail that has TEXT in its subject or text; waits for it, for at most 20 s
show FILE NAME     prints a header, or the text by the name "text"
"""

import email
import email.policy
import pathlib
import sys
import time


def read(path):
    return email.message_from_bytes(pathlib.Path(path).read_bytes(), policy=email.policy.default)


def text(mail):
    # The line end of the last line is the mail's, not the text's.
    return mail.get_content().replace("\r\n", "\n").removesuffix("\n")


def find(folder, wanted):
    end = time.monotonic() + 20
    while time.monotonic() < end:
        for path in sorted(pathlib.Path(folder).glob("new/*")):
            mail = read(path)
            if wanted in str(mail["Subject"]) or wanted in text(mail):
                print(path)
                return 0
        time.sleep(0.05)
    return 1


def show(path, name):
    mail = read(path)
    print(text(mail) if name == "text" else mail[name])
    return 0


sys.exit({"find": find, "show": show}[sys.argv[1]](*sys.argv[2:]))
