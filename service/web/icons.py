"""The drawings: 20 px grid, 1.75 stroke, own hand. A page carries a sprite of those that it uses, and no others."""

import re

DRAWINGS: dict[str, str] = {
    "add": '<path d="M10 4v12M4 10h12"/>',
    "again": '<path d="M16.4 8.2A6.8 6.8 0 1 0 16.8 11M16.8 3.9v4.4h-4.4"/>',
    "alert": '<path d="M10 3 1.9 16.5h16.2L10 3Zm0 5v4m0 2.3v.1"/>',
    "back": '<path d="M12 4.5 6.5 10l5.5 5.5"/>',
    "bin": '<path d="M3.5 5.5h13M8 5.3V3.5h4v1.8M5.3 5.5l.8 11h7.8l.8-11M8.4 8.6v4.8m3.2-4.8v4.8"/>',
    "box": '<path d="M3 6.5 10 3l7 3.5v7L10 17l-7-3.5v-7Zm.2.1L10 10l6.8-3.4M10 10v6.8"/>',
    "camera": '<path d="M2.5 6.5h3.2L7 4.2h6l1.3 2.3h3.2v9.3h-15V6.5Z"/><circle cx="10" cy="10.9" r="2.9"/>',
    "check": '<path d="m4 10.5 4 4 8-9"/>',
    "clock": '<circle cx="10" cy="10" r="7.5"/><path d="M10 5.5V10l3 2"/>',
    "cross": '<path d="m5 5 10 10M15 5 5 15"/>',
    "doc": '<path d="M5 2.5h6.5L15.5 6.5v11H5v-15Zm6.3.2v4h4M7.8 10.5h5m-5 3h5"/>',
    "down": '<path d="M10 3v9.5m-4-3.7 4 4 4-4M3.5 16.8h13"/>',
    "eye": '<path d="M1.8 10S4.8 4.6 10 4.6 18.2 10 18.2 10 15.2 15.4 10 15.4 1.8 10 1.8 10Z"/>'
    '<circle cx="10" cy="10" r="2.5"/>',
    "flag": '<path d="M4.5 17.5v-14h11l-2.6 3.8 2.6 3.7h-11"/>',
    "half": '<circle cx="10" cy="10" r="7.5"/><path d="M10 2.5v15a7.5 7.5 0 0 0 0-15Z" fill="currentColor"/>',
    "info": '<circle cx="10" cy="10" r="7.5"/><path d="M10 9v4.5M10 6.4v.1"/>',
    "lock": '<rect x="4" y="9" width="12" height="8" rx="1.5"/><path d="M6.8 9V6.4a3.2 3.2 0 0 1 6.4 0V9"/>',
    "mail": '<path d="M2.5 4.8h15v10.4h-15V4.8Zm.3.4L10 11l7.2-5.8"/>',
    "next": '<path d="m8 4.5 5.5 5.5L8 15.5"/>',
    "pause": '<circle cx="10" cy="10" r="7.5"/><path d="M8 7.2v5.6M12 7.2v5.6"/>',
    "scale": '<path d="M10 3v14m-4 0h8M3.8 5.8h12.4M3.8 5.8 1.6 11.4a2.5 2.5 0 0 0 4.4 0L3.8 5.8Zm12.4 0L14 11.4a2.5 '
    '2.5 0 0 0 4.4 0l-2.2-5.6Z"/>',
    "search": '<circle cx="8.8" cy="8.8" r="5.3"/><path d="m12.8 12.8 4 4"/>',
    "truck": '<path d="M1.8 5h9.7v8.8H1.8V5Zm9.7 3h3.4l3.3 3v2.8h-6.7"/><circle cx="5.6" cy="14.6" r="1.7"/>'
    '<circle cx="14.4" cy="14.6" r="1.7"/>',
}
_USE = re.compile(r'href="#i-([a-z]+)"')


def used_in(html: str) -> list[tuple[str, str]]:
    """Return (name, drawing) of the icons that a page refers to, by name; an unknown name raises `KeyError`."""
    return [(name, DRAWINGS[name]) for name in sorted(set(_USE.findall(html)))]
