"""Values that have broken readers: numbers at limits, names that lead elsewhere, text that is none."""

from __future__ import annotations

NUMBERS: tuple[str, ...] = (
    "0", "-0", "-1", "1", "0.5", "-0.0", "1e-320", "1e6", "1000001", "1e9", "1000000000", "2147483647", "2147483648",
    "-2147483649", "9223372036854775807", "9223372036854775808", "-9223372036854775809", "18446744073709551616",
    "1e18", "1e308", "1e309", "-1e999", "NaN", "nan", "-nan", "Infinity", "-Infinity", "inf", "1_000", "0x10", "٣", "²",
    "1,5", "", " ", "9" * 400, "9" * 5_000, "-" + "9" * 5_000, "1" + "0" * 4_299, "0." + "3" * 5_000, "true", "null",
)  # fmt: skip
"""As they stand in a text; json cannot hold all of them."""

NAMES: tuple[str, ...] = (
    "../../../../etc/passwd", "/etc/passwd", "..", ".", "/", "//host/share/a", "\\\\host\\share\\a", "C:\\boot.ini",
    "C:a", "a/../../b", "a\\..\\..\\b", "a\0b", "/dev/zero", "/dev/stdin", "~root/a", "$HOME/a", "a" * 300,
    "a/" * 3_000,
    "\x1b[2J\x1b]0;owned\x07", "a\nb", "a\rb", "\u202e\u2066gpj", "\ufeffa", "\u00e9", "e\u0301", "\U0001f600",
    "CON", "NUL.xml", "a:b", "a?b*c", "[a-", "%s%n", "{0}", "-rf", " ", "a ", "\x7f", "\x85\x9b31m",
)  # fmt: skip
"""Of files, classes and videos."""

SURROGATES: tuple[str, ...] = ("\ud800", "a\udfff", "\udc80")
"""Half of a pair: json can hold it, UTF-8 cannot."""

BLOCKS: tuple[bytes, ...] = (
    b"\0", b"\0" * 4_000, b"\xff" * 50, b"\xef\xbb\xbf", b"\xff\xfe", b"\xc0\x80", b"\xed\xa0\x80", b"\xf4\x90\x80\x80",
    b"\r", b"\r\n", b"\n" * 3_000, b"\x1a", b"'", b'"', b"\\", b"\\u0000", b"\\ud800", b"%n%s", b"../", b"-1", b"1e999",
    b"NaN", b"[" * 5_000, b"{\"a\":" * 5_000, b"<a>" * 5_000, b"<!--", b"]]>", b"<![CDATA[", b"&amp;", b"&x;", b"&#0;",
    b"&#x110000;", b"<?xml version='1.0' encoding='utf-7'?>", b"<!DOCTYPE a>", b"PK\x03\x04", b"\x1f\x8b\x08",
    b"\x89PNG\r\n\x1a\n", b"\xff\xd8\xff\xe0", b"\x80\x04\x95", b"\x93NUMPY", b"9" * 5_000,
)  # fmt: skip
"""Put anywhere into a file."""
