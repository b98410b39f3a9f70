"""The demo's input: data of jobs, as an application would give them. No person in it exists."""

from __future__ import annotations

from typing import Any

Data = dict[str, Any]

FIRM = "507f1f77bcf86cd799439011"
CLIENT = "client@example.com"
PHONE = "+966501234567"
WHATSAPP_NUMBER = "109876543210987"

INVOICE: Data = {
    "invoiceNumber": "INV-2026-001",
    "clientName": "Client Name",
    "items": [
        {"description": "Legal consultation", "quantity": "6", "unitPrice": "650.00"},
        {"description": "Drafting of a lease", "quantity": "1", "unitPrice": "1100.00"},
    ],
    "totalAmount": 5000,
}
TAX_INVOICE: Data = {
    "invoiceNumber": "INV-2026-002",
    "clientName": "شركة الأفق للتجارة المحدودة",
    "language": "ar",
    "seller": {
        "name": "مكتب نجد للاستشارات القانونية",
        "vatNumber": "310122393500003",
        "address": "طريق الملك فهد، الرياض 12211",
    },
    "buyer": {"name": "شركة الأفق للتجارة المحدودة", "vatNumber": "311111111100003"},
    "items": [
        {
            "description": "استشارة قانونية — Legal consultation",
            "quantity": "10",
            "unitPrice": "750.00",
            "vatRate": "15",
        },
        {
            "description": "صياغة عقد — Contract drafting",
            "quantity": "1",
            "unitPrice": "2500.00",
            "vatRate": "15",
        },
    ],
}
#: Its total was typed wrong. The published schema cannot see that; who makes the invoice does.
WRONG_INVOICE_ID = "INV-2026-004"
WRONG_INVOICE: Data = {
    "invoiceData": {
        "invoiceNumber": WRONG_INVOICE_ID,
        "clientName": "Desert Rose Hotels",
        "items": [
            {"description": "Review of the lease", "quantity": 4, "unitPrice": 850},
            {"description": "Hearing at the court", "quantity": 2, "unitPrice": 1200},
        ],
        "totalAmount": 5400,
    }
}
REPORT: Data = {
    "title": "The practice in October",
    "titleAr": "المكتب في أكتوبر",
    "startDate": "2026-10-01",
    "endDate": "2026-10-31",
    "figures": [
        {"label": "Cases opened", "value": 12},
        {"label": "Invoiced", "value": 184500, "currency": "SAR"},
    ],
    "sections": [
        {
            "title": "By practice area",
            "columns": [
                {"label": "Area"},
                {"label": "Cases", "kind": "number"},
                {"label": "Invoiced", "kind": "money"},
            ],
            "rows": [["Commercial", 7, 120500], ["Labour", 5, 64000]],
            "totals": ["All", 12, 184500],
        }
    ],
}
CONTRACT: Data = {
    "contractNumber": "C-2026-018",
    "title": "Retainer agreement",
    "titleAr": "اتفاقية أتعاب",
    "contractDate": "2026-11-01",
    "parties": [
        {"name": "Najd Legal Consultants", "role": "The firm", "representative": "Noura Al-Harbi"},
        {"name": "Desert Rose Hotels", "role": "The client"},
    ],
    "value": 48000,
    "clauses": [
        {"title": "Services", "text": "The firm advises the client on its leases."},
        {"title": "Fees", "text": "The client pays 4,000 SAR at the end of each month."},
    ],
}
STATEMENT: Data = {
    "statementNumber": "ST-2026-10",
    "clientName": "Desert Rose Hotels",
    "startDate": "2026-10-01",
    "endDate": "2026-10-31",
    "openingBalance": 4000,
    "transactions": [
        {"date": "2026-10-05", "description": "Bank transfer", "credit": 4000},
        {"date": "2026-10-31", "description": "Invoice INV-2026-031", "debit": 4000},
    ],
    "closingBalance": 4000,
}
RECEIPT: Data = {
    "receiptNumber": "R-2026-077",
    "clientName": "Desert Rose Hotels",
    "amount": 4000,
    "receivedDate": "2026-10-05",
    "paymentMethod": "bank-transfer",
    "invoices": [{"invoiceNumber": "INV-2026-030", "amount": 4000}],
}
LETTER = (
    "<h1>Notice of hearing</h1><p>Dear client,</p>"
    "<p>the court hears your case on Sunday at ten. Please bring the lease.</p>"
)
NEWSLETTER = "<p>Hello {{name}},</p><p>news from the demo.</p>"


def subscription(number: int) -> Data:
    """Where a browser would be reached, if there were one."""
    return {
        "endpoint": f"https://updates.push.services.mozilla.com/wpush/v2/demo-{number}",
        "keys": {"p256dh": "B" * 87, "auth": "A" * 22},
    }


def recipients(count: int) -> list[Data]:
    """So many people with an address each."""
    return [{"email": f"user{n}@example.com", "name": f"User {n}"} for n in range(count)]


def whatsapp_post() -> bytes:
    """What WhatsApp posts when somebody writes to the firm's number."""
    import json

    value = {
        "messaging_product": "whatsapp",
        "metadata": {"display_phone_number": "966112345678", "phone_number_id": WHATSAPP_NUMBER},
        "contacts": [{"profile": {"name": "سارة"}, "wa_id": PHONE[1:]}],
        "messages": [
            {
                "id": "wamid.demo-1",
                "from": PHONE[1:],
                "timestamp": "1793500000",
                "type": "text",
                "text": {"body": "متى موعد الجلسة؟"},
            }
        ],
    }
    entry = {"id": "WABA", "changes": [{"field": "messages", "value": value}]}
    return json.dumps({"object": "whatsapp_business_account", "entry": [entry]}).encode()
