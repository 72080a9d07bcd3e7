"""Answers for each CMS message on standard input whether OpenSSL's libcrypto verifies it, as `openssl cms -verify -noverify` would.

In:  length (4 octets, big-endian), message. Out: 1 or 0 (1 octet), length (2 octets), OpenSSL's last reason in words.
"""
import ctypes
import ctypes.util
import struct
import sys

CMS_BINARY, CMS_NO_SIGNER_CERT_VERIFY = 0x80, 0x20

crypto = ctypes.CDLL(ctypes.util.find_library("crypto") or "libcrypto.so.3")
pointer, number, octets = ctypes.c_void_p, ctypes.c_int, ctypes.c_char_p


def declare(name, result, *arguments):
    function = getattr(crypto, name)
    function.restype, function.argtypes = result, arguments
    return function


new_memory = declare("BIO_new_mem_buf", pointer, octets, number)
null_method = declare("BIO_s_null", pointer)
new_bio = declare("BIO_new", pointer, pointer)
free_bio = declare("BIO_free", number, pointer)
read_cms = declare("d2i_CMS_bio", pointer, pointer, pointer)
free_cms = declare("CMS_ContentInfo_free", None, pointer)
verify_cms = declare("CMS_verify", number, pointer, pointer, pointer, pointer, pointer, ctypes.c_uint)
last_error = declare("ERR_peek_last_error", ctypes.c_ulong)
reason_text = declare("ERR_reason_error_string", octets, ctypes.c_ulong)
clear_errors = declare("ERR_clear_error", None)
version = declare("OpenSSL_version", octets, number)


def verify(message):
    clear_errors()
    source = new_memory(message, len(message))
    cms = read_cms(source, None)
    good = False
    if cms:
        sink = new_bio(null_method())
        good = verify_cms(cms, None, None, None, sink, CMS_NO_SIGNER_CERT_VERIFY | CMS_BINARY) == 1
        free_bio(sink)
        free_cms(cms)
    free_bio(source)
    return good, b"" if good else (reason_text(last_error()) or b"unknown")


def answer(good, text):
    sys.stdout.buffer.write(struct.pack(">BH", good, len(text)) + text)
    sys.stdout.buffer.flush()


answer(True, version(0))
while True:
    head = sys.stdin.buffer.read(4)
    if len(head) < 4:
        break
    answer(*verify(sys.stdin.buffer.read(struct.unpack(">I", head)[0])))
