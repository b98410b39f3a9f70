"""The QR code of a Saudi tax invoice: five fields, each as tag, length, value, in base64.

The seller's name, the VAT number, the time of issue, the total with VAT, the VAT. Tax apps read it
from the print. (Signed codes of the second phase come from the tax authority's own answer.)
"""

from __future__ import annotations

import base64
from datetime import date, time
from decimal import Decimal


def tlv(
    *, seller: str, vat_number: str, issued: date, at: time, total: Decimal, vat: Decimal
) -> str:
    """The five fields in base64. A value has at most 255 bytes; a longer name is cut."""
    stamp = f"{issued.isoformat()}T{at.replace(tzinfo=None, microsecond=0).isoformat()}Z"
    fields = b""
    for tag, value in enumerate((seller, vat_number, stamp, f"{total:f}", f"{vat:f}"), start=1):
        raw = value.encode()[:255].decode(errors="ignore").encode()
        fields += bytes((tag, len(raw))) + raw
    return base64.b64encode(fields).decode()


def svg(content: str) -> str:
    """The code as an SVG element without a size of its own."""
    import segno

    code = segno.make(content, error="m", micro=False)
    return code.svg_inline(border=0, omitsize=True, dark="#16202c", svgclass=None, lineclass=None)
