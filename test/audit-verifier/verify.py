#!/usr/bin/env python3
"""Verifies exports of the audit trail from the description of their format alone (docs/audit.md): Python's standard library, no network.

    verify.py --key KEY_FILE [--kept CHECKPOINT_FILE]... EXPORT...

One line per export: "sound <events> <checkpoints>" or "fault <kind> line <line> after <seq>". Exit code 0 when all are sound.
"""
import base64
import hashlib
import json
import re
import sys

# --- Ed25519, RFC 8032 section 5.1, verification only ---
P = 2**255 - 19
L = 2**252 + 27742317777372353535851937790883648493
D = -121665 * pow(121666, P - 2, P) % P
I = pow(2, (P - 1) // 4, P)


def recover_x(y, sign):
    if y >= P:
        return None
    x2 = (y * y - 1) * pow(D * y * y + 1, P - 2, P) % P
    if x2 == 0:
        return None if sign else 0
    x = pow(x2, (P + 3) // 8, P)
    if (x * x - x2) % P:
        x = x * I % P
    if (x * x - x2) % P:
        return None
    return P - x if (x & 1) != sign else x


def add(p, q):
    a = (p[1] - p[0]) * (q[1] - q[0]) % P
    b = (p[1] + p[0]) * (q[1] + q[0]) % P
    c = 2 * p[3] * q[3] * D % P
    d = 2 * p[2] * q[2] % P
    e, f, g, h = b - a, d - c, d + c, b + a
    return (e * f % P, g * h % P, f * g % P, e * h % P)


def multiply(s, p):
    q = (0, 1, 1, 0)
    while s:
        if s & 1:
            q = add(q, p)
        p = add(p, p)
        s >>= 1
    return q


def decompress(data):
    number = int.from_bytes(data, "little")
    y, sign = number & (2**255 - 1), number >> 255
    x = recover_x(y, sign)
    return None if x is None else (x, y, 1, x * y % P)


BASE_Y = 4 * pow(5, P - 2, P) % P
BASE = (recover_x(BASE_Y, 0), BASE_Y, 1, recover_x(BASE_Y, 0) * BASE_Y % P)


def is_signed(key, message, signature):
    if len(key) != 32 or len(signature) != 64:
        return False
    a, r = decompress(key), decompress(signature[:32])
    s = int.from_bytes(signature[32:], "little")
    if a is None or r is None or s >= L:
        return False
    h = int.from_bytes(hashlib.sha512(signature[:32] + key + message).digest(), "little") % L
    left, right = multiply(s, BASE), add(r, multiply(h, a))
    return (left[0] * right[2] - right[0] * left[2]) % P == 0 and (left[1] * right[2] - right[1] * left[2]) % P == 0


# --- the format ---
def sha256(*parts):
    return hashlib.sha256(b"".join(parts)).digest()


class Fault(Exception):
    pass


class Key:
    def __init__(self, text):
        match = re.fullmatch(r"(\S+)\+([0-9a-f]{8})\+([A-Za-z0-9+/]{44})", text.strip())
        if match is None:
            raise SystemExit("this is no key of checkpoints")
        self.origin = match[1]
        data = base64.b64decode(match[3])
        self.public, self.id = data[1:], sha256(self.origin.encode() + b"\n", data)[:4]
        if data[0] != 1 or self.id.hex() != match[2]:
            raise SystemExit("the key does not fit its id")


NUMBER = r"(0|[1-9][0-9]{0,15})"
NOTE = re.compile(
    r"((\S+)\n" + NUMBER + r"\n([A-Za-z0-9+/]{43}=)\ntime (\S+)\nprevious " + NUMBER + r"\n)\n\u2014 (\S+) ([A-Za-z0-9+/]{91}=)\n"
)
EVENT = re.compile(r'\{"hash":"([0-9a-f]{64})","event":(\{.*\})\}')


def open_note(note, key, kind):
    """(size, root, previous)"""
    match = NOTE.fullmatch(note)
    if match is None:
        raise Fault(kind)
    signature = base64.b64decode(match[8])
    if match[2] != key.origin or match[7] != key.origin or signature[:4] != key.id:
        raise Fault(kind)
    if not is_signed(key.public, match[1].encode(), signature[4:]):
        raise Fault(kind)
    return int(match[3]), base64.b64decode(match[4]), int(match[6])


class Export:
    def __init__(self, key):
        self.key, self.size, self.head, self.edge = key, 0, bytes(32), []
        self.boots, self.signed, self.checkpoints, self.roots = {}, 0, 0, {}

    def root(self):
        if not self.edge:
            return sha256()
        hashed = self.edge[-1]
        for left in reversed(self.edge[:-1]):
            hashed = sha256(b"\x01", left, hashed)
        return hashed

    def event(self, text, expected_hash):
        try:
            event = json.loads(text)
        except (ValueError, RecursionError):
            raise Fault("malformed")
        boot = event.get("bootId")
        if not isinstance(boot, str):
            raise Fault("malformed")
        if event.get("seq") != self.size + 1:
            raise Fault("sequence")
        if event.get("nodeSeq") != self.boots.get(boot, 0) + 1:
            raise Fault("node-sequence")
        leaf = sha256(b"\x00", text.encode())
        head = sha256(b"audit-v1", self.head, leaf)
        if head.hex() != expected_hash:
            raise Fault("hash")
        self.boots[boot] = event["nodeSeq"]
        self.head = head
        below = self.size
        while below % 2:
            leaf = sha256(b"\x01", self.edge.pop(), leaf)
            below //= 2
        self.edge.append(leaf)
        self.size += 1

    def checkpoint(self, note):
        size, root, previous = open_note(note, self.key, "signature")
        if size != self.size or previous != self.signed or size <= self.signed:
            raise Fault("checkpoint-order")
        if root != self.root():
            raise Fault("root")
        self.signed = size
        self.checkpoints += 1

    def line(self, text):
        match = EVENT.fullmatch(text)
        if match is not None:
            return self.event(match[2], match[1])
        try:
            parsed = json.loads(text)
        except (ValueError, RecursionError):
            raise Fault("malformed")
        if not isinstance(parsed, dict) or not isinstance(parsed.get("checkpoint"), str):
            raise Fault("malformed")
        self.checkpoint(parsed["checkpoint"])

    def end(self, kept):
        if self.size != self.signed:
            raise Fault("unsigned")
        for note in kept:
            size, root, _ = open_note(note, self.key, "kept-signature")
            if size > self.size:
                raise Fault("truncated")
            if self.roots.get(size) != root:
                raise Fault("kept-root")


def sizes_of(kept, key):
    sizes = set()
    for note in kept:
        try:
            sizes.add(open_note(note, key, "")[0])
        except Fault:
            pass
    return sizes


def verify(path, key, kept, wanted):
    export, number = Export(key), 0
    try:
        with open(path, encoding="utf-8", newline="\n", errors="surrogateescape") as lines:
            for text in lines:
                number += 1
                export.line(text.removesuffix("\n"))
                if export.size in wanted:
                    export.roots[export.size] = export.root()
        number = 0
        export.end(kept)
    except (Fault, UnicodeEncodeError) as fault:
        kind = fault.args[0] if isinstance(fault, Fault) else "malformed"
        return f"fault {kind} line {number} after {export.size}"
    return f"sound {export.size} {export.checkpoints}"


def main(arguments):
    key, kept, paths = None, [], []
    while arguments:
        word = arguments.pop(0)
        if word == "--key":
            with open(arguments.pop(0), encoding="utf-8") as file:
                key = Key(file.read())
        elif word == "--kept":
            with open(arguments.pop(0), encoding="utf-8", newline="\n") as file:
                kept.append(file.read())
        else:
            paths.append(word)
    if key is None or not paths:
        raise SystemExit(__doc__)
    wanted, is_sound = sizes_of(kept, key), True
    for path in paths:
        verdict = verify(path, key, kept, wanted)
        is_sound = is_sound and verdict.startswith("sound")
        print(verdict)
    sys.exit(0 if is_sound else 1)


main(sys.argv[1:])
